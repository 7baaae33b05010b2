"""Where a run's hosts were plugged in while it ran: ports, cables and switches, over the whole run."""

from collections.abc import Sequence
from dataclasses import dataclass

from weft.answers.answers import Answers
from weft.answers.directory import Directory
from weft.answers.jobs import Sharing, hull, resolve, unknown_hosts
from weft.answers.people import held
from weft.answers.tables import Ask, TableData
from weft.base.intervals import Interval, wire_ms
from weft.fabric.model import NodeKind, PortKey
from weft.inventory.store import Connection, FabricSpan
from weft.scheduler.model import Run


@dataclass(frozen=True, slots=True)
class Plug:
    """One HCA port of one host of a run, and what it was cabled to for a part (`span`) of the run.

    `doubt`: what is not sure about it, "" when nothing is. `switch`: the peer's name then.
    """

    run: Run
    fabric: str
    host: str
    hca: str
    hca_port: PortKey
    switch: str
    switch_port: PortKey
    connection: Connection
    span: Interval
    doubt: str

    @property
    def rail(self) -> str:
        """The HCA and its port: `mlx5_0/1`."""
        return f"{self.hca}/{self.hca_port.number}"


async def plugs_of(answers: Answers, runs: Sequence[Run], now_ms: int) -> tuple[list[Plug], list[str]]:
    """Everything the hosts of these runs hung on while they ran, sorted by run, host, rail and time; and notices.

    One store call a fabric, however many runs.
    """
    notices = unknown_hosts(runs)
    whole = hull(runs, now_ms)
    found: list[Plug] = []
    if whole is None:
        return found, notices
    for fabric in await answers.fabrics():
        if whole.to_ms <= fabric.first_ms:
            notices.append(
                f"Fabric {fabric.name} was first seen at {answers.when(fabric.first_ms)}, when this was over."
            )
            continue
        directory = await answers.directory(fabric.name)
        hosts = {host for run in runs for host in run.hosts}
        ports = [
            PortKey(named.guid, number)
            for host in sorted(hosts)
            if (name := directory.find_host(host)) is not None
            for named in directory.hcas(name, whole)
            for number in range(1, named.ports + 1)
        ]
        connections = await answers.site.fabrics.connections(fabric.name, whole, ports) if ports else ()
        on_port: dict[PortKey, list[Connection]] = {}
        for connection in connections:
            on_port.setdefault(connection.a, []).append(connection)
            on_port.setdefault(connection.b, []).append(connection)
        for run in runs:
            found += _plugs_of_run(answers, run, fabric, directory, on_port)
    found.sort(key=lambda p: (-(p.run.key.start_ms or 0), p.run.key, p.host, p.rail, p.span))
    placed = {(plug.run.key, plug.host) for plug in found}
    lost = sorted({host for run in runs if held(run) for host in run.hosts if (run.key, host) not in placed})
    if lost and await answers.fabrics():
        more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
        notices.append(f"No port is known of {', '.join(lost[:5])}{more} in that time.")
    return found, notices


def _plugs_of_run(
    answers: Answers,
    run: Run,
    fabric: FabricSpan,
    directory: Directory,
    on_port: dict[PortKey, list[Connection]],
) -> list[Plug]:
    span = held(run)
    found: list[Plug] = []
    if span is None:
        return found
    for host in run.hosts:
        name = directory.find_host(host)
        for named in directory.hcas(name, span) if name is not None else ():
            for number in range(1, named.ports + 1):
                port = PortKey(named.guid, number)
                for connection in on_port.get(port, ()):
                    part = connection.span.cut(span).cut(named.span)
                    if part:
                        peer = connection.b if connection.a == port else connection.a
                        found.append(
                            Plug(
                                run, fabric.name, host, named.hca, port, directory.node(peer.guid, part.from_ms), peer,
                                connection, part, _doubt(answers, connection, span, fabric),
                            )
                        )  # fmt: skip
    return found


def _doubt(answers: Answers, connection: Connection, run: Interval, fabric: FabricSpan) -> str:
    """What is not sure about a connection within a run."""
    doubts = []
    begin, last = connection.span.from_ms, connection.last_seen_ms
    if begin > run.from_ms:
        if connection.absent_ms is None:
            doubts.append(f"first seen at {answers.when(begin)}, nothing was seen before")
        elif connection.absent_ms < begin:
            doubts.append(f"plugged between {answers.when(connection.absent_ms)} and {answers.when(begin)}")
    if not connection.span.open and connection.span.to_ms <= run.to_ms:
        doubts.append(f"unplugged between {answers.when(last)} and {answers.when(connection.span.to_ms)}")
    elif connection.span.open and (last < fabric.last_ms or last < run.from_ms):
        doubts.append(f"last seen at {answers.when(last)}, unknown since")
    if connection.cable_alt is not None:
        doubts.append(f"the cable is {connection.cable} or {connection.cable_alt}: ends were exchanged")
    return "; ".join(doubts)


async def job_ports(answers: Answers, ask: Ask, job: str) -> TableData:
    """Switch ports and HCA ports that a job's runs hung on, each with from and to."""
    meant = await resolve(answers, ask, job)
    plugs, notices = await plugs_of(answers, meant.runs, ask.now_ms)
    sharing = await Sharing.of(answers, meant.runs)
    rows = [
        [
            plug.run.label,
            plug.host,
            plug.rail,
            plug.switch,
            plug.switch_port.number,
            plug.connection.cable,
            plug.span.from_ms,
            wire_ms(plug.span.to_ms),
            sharing.on(plug.run, plug.host),
            plug.doubt,
            plug.connection.last_seen_ms,
            plug.switch_port.guid,
            plug.hca_port.guid,
            plug.fabric,
            plug.run.key.text,
        ]
        for plug in plugs
    ]
    return TableData(rows, (*meant.notices, *notices, *sharing.notices))


async def job_cables(answers: Answers, ask: Ask, job: str) -> TableData:
    """Cables between a job's hosts and their switches, each with from and to."""
    meant = await resolve(answers, ask, job)
    plugs, notices = await plugs_of(answers, meant.runs, ask.now_ms)
    rows = [
        [
            plug.run.label,
            plug.connection.cable,
            plug.connection.identity,
            plug.connection.cable_alt,
            plug.host,
            plug.rail,
            f"{plug.switch}/{plug.switch_port.number}",
            plug.span.from_ms,
            wire_ms(plug.span.to_ms),
            plug.doubt,
            plug.fabric,
            plug.run.key.text,
        ]
        for plug in plugs
        if plug.connection.medium == "cable"
    ]
    return TableData(rows, (*meant.notices, *notices))


async def job_switches(answers: Answers, ask: Ask, job: str) -> TableData:
    """Switches that a job's hosts hung on, most hosts first."""
    meant = await resolve(answers, ask, job)
    plugs, notices = await plugs_of(answers, meant.runs, ask.now_ms)
    groups: dict[tuple[str, str], list[Plug]] = {}
    for plug in plugs:
        groups.setdefault((plug.run.key.text, plug.switch_port.guid), []).append(plug)
    rows = [
        [
            own[0].run.label,
            own[0].switch,
            len({plug.host for plug in own}),
            len({plug.switch_port for plug in own}),
            len({plug.host for plug in own}) / len(own[0].run.hosts),
            min(plug.span.from_ms for plug in own),
            wire_ms(max(plug.span.to_ms for plug in own)),
            own[0].switch_port.guid,
            own[0].fabric,
            own[0].run.key.text,
        ]
        for own in groups.values()
    ]
    rows.sort(key=lambda row: (str(row[-1]), -int(str(row[2])), str(row[1])))
    return TableData(rows, (*meant.notices, *notices))


def is_host_link(connection: Connection, directory: Directory) -> bool:
    """True when one end is an HCA's."""
    return NodeKind.CA in (directory.kind(connection.a.guid), directory.kind(connection.b.guid))

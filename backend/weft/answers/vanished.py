"""Hosts that are no more: since when, from which port, and which run was on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from weft.answers.answers import ALL_TIME, Answers
from weft.answers.directory import Directory, Named
from weft.answers.fabric import at_of
from weft.answers.slurm import SlurmNodes
from weft.answers.tables import Ask, TableData
from weft.base.intervals import Interval
from weft.fabric.model import NodeKind, PortKey
from weft.inventory.store import Connection, FabricSpan
from weft.scheduler.model import Run

MOST_RETIRED = 10_000
MOST_ASKED = 50
"""Hosts whose runs are looked up, one store call each; more than that is a power cut."""
MOST_THEN = 20


@dataclass(frozen=True, slots=True)
class Missing:
    """A host none of whose HCAs is there (`vanished`), or none of which answers (`silent`: it may well be there).

    It was last seen at `last_seen_ms` and first missed at `gone_ms` (None: silent). `port`: the switch port it hung on
    last, "" unknown; `leaf` that switch's GUID.
    """

    host: str
    state: Literal["vanished", "silent"]
    last_seen_ms: int
    gone_ms: int | None
    port: str
    leaf: str
    cable: str
    guids: tuple[str, ...]


async def missing(answers: Answers, fabric: FabricSpan, at_ms: int) -> list[Missing]:
    """Hosts that were missing at a time, last gone first. Retired ones and those renamed are not."""
    directory = await answers.directory(fabric.name)
    page = await answers.site.fabrics.changes(
        fabric.name, Interval(ALL_TIME.from_ms, at_ms + 1), kinds=("retired",), limit=MOST_RETIRED
    )
    retired = {guid: change.at_ms for change in reversed(page.items) for guid in change.guids}
    seen_ms = fabric.last_ms if at_ms >= fabric.last_ms else (await answers.scene(fabric.name, at_ms)).view.seen_ms
    found: list[tuple[str, list[Named], bool]] = []
    for host, all_hcas in directory.hosts.items():
        known = [named for named in all_hcas if named.span.from_ms <= at_ms]
        here = [named for named in known if named.span.holds(at_ms)]
        if not known:
            continue
        if here:
            if all(named.last_seen_ms < seen_ms for named in here):
                found.append((host, here, True))
        elif not any(directory.present(named.guid, at_ms) for named in known):
            last = max(named.span.to_ms for named in known)
            gone = [named for named in known if named.span.to_ms == last]
            if not all(retired.get(named.guid, -1) >= named.last_seen_ms for named in gone):
                found.append((host, gone, False))
    ports = [PortKey(n.guid, k) for _, own, _ in found for n in own for k in range(1, n.ports + 1)]
    plugged = await _last_plugs(answers, fabric.name, at_ms, ports)
    rows = [_missing(directory, host, own, silent, plugged) for host, own, silent in found]
    return sorted(rows, key=lambda m: (-(m.gone_ms or m.last_seen_ms), m.host))


async def _last_plugs(answers: Answers, fabric: str, at_ms: int, ports: Sequence[PortKey]) -> dict[PortKey, Connection]:
    """The last connection of each of these ports by then."""
    if not ports:
        return {}
    found: dict[PortKey, Connection] = {}
    for connection in await answers.site.fabrics.connections(fabric, Interval(ALL_TIME.from_ms, at_ms + 1), ports):
        for port in (connection.a, connection.b):
            if port not in found or found[port].span < connection.span:
                found[port] = connection
    return found


def _missing(
    directory: Directory, host: str, own: Sequence[Named], silent: bool, plugged: Mapping[PortKey, Connection]
) -> Missing:
    last_seen = max(named.last_seen_ms for named in own)
    gone = None if silent else max(named.span.to_ms for named in own)
    hung = [
        (connection, connection.b if connection.a == port else connection.a)
        for named in own
        for port in (PortKey(named.guid, k) for k in range(1, named.ports + 1))
        if (connection := plugged.get(port)) is not None
    ]
    hung = [(connection, peer) for connection, peer in hung if directory.kind(peer.guid) is NodeKind.SWITCH]
    return Missing(
        host,
        "silent" if silent else "vanished",
        last_seen,
        gone,
        " ".join(sorted(directory.port(peer, last_seen) for _, peer in hung)),
        hung[0][1].guid if hung else "",
        " ".join(sorted({connection.cable for connection, _ in hung})),
        tuple(named.guid for named in own),
    )


async def vanished(answers: Answers, ask: Ask, fabric: str | None = None, at: int | None = None) -> TableData:
    """Hosts that are missing, with the runs that held them when they went, and why Slurm would have them off."""
    at_ms = at_of(ask, at)
    span = await answers.fabric(fabric)
    found = await missing(answers, span, at_ms)
    runs = [await _runs_then(answers, m) for m in found[:MOST_ASKED]]
    slurm = await SlurmNodes.at(answers, at_ms)
    rows = [
        [
            m.host,
            m.state,
            slurm.expected(m.host),
            m.last_seen_ms,
            m.gone_ms,
            m.port,
            " ".join(run.label for run in then) if then is not None else None,
            " ".join(sorted({run.user for run in then})) if then is not None else None,
            m.cable,
            slurm.state(m.host),
            " ".join(m.guids),
            span.name,
        ]
        for m, then in zip_longest(found, runs)
    ]
    notices = []
    if len(found) > MOST_ASKED:
        notices.append(f"Which runs were on them is told for the {MOST_ASKED} that went last.")
    if not rows:
        notices.append(f"No host was missing at {answers.when(min(at_ms, span.last_ms))}, the last time it was looked.")
    return TableData(rows, tuple(notices))


async def _runs_then(answers: Answers, m: Missing) -> tuple[Run, ...]:
    """Runs on a host between the last time it was seen and the first it was missed; none for a silent one."""
    if m.gone_ms is None:
        return ()
    names = sorted({m.host, m.host.partition(".")[0]})
    window = Interval(m.last_seen_ms, max(m.gone_ms, m.last_seen_ms + 1))
    return (await answers.site.jobs.runs_on(names, window, limit=MOST_THEN)).items

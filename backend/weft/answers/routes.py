"""Routes: the ports that a run's packets crossed, who else's did, and where a port leads."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from weft.answers.answers import Answers
from weft.answers.directory import Directory
from weft.answers.jobs import MOST_RUNS, resolve, unknown_hosts
from weft.answers.networks import quiet_spans, stretch
from weft.answers.people import held
from weft.answers.routed import RANK, Basis, RunPart, RunRoutes, Stretch, Used
from weft.answers.tables import Ask, TableData
from weft.base.formats import counted
from weft.base.intervals import FOREVER_MS, Interval, wire_ms
from weft.fabric.model import PortKey
from weft.fabric.network import PORTS, Endpoint, Network, by_rail
from weft.fabric.routing import pairs_of, possible_between, possible_ports, traced
from weft.inventory.store import FabricSpan, RunFilter
from weft.scheduler.model import Run, RunKey

MOST_TRACED = 200
"""Runs whose routes are worked out to say who shared those of one."""
MOST_ROUTED = 20
"""Runs of one job (an array has a thousand) that one answer is worked out for."""
MOST_SHOWN = 5
"""Ports named in one cell."""
MINUTE_MS = 60_000


async def run_routes(answers: Answers, run: Run, now_ms: int) -> RunRoutes:
    """The ports on the routes between a run's hosts while it ran, in every fabric."""
    span = held(run)
    if span is None or not run.hosts:
        return RunRoutes((), tuple(unknown_hosts([run])))
    span = Interval(span.from_ms, min(span.to_ms, max(now_ms, span.from_ms + 1)))
    key = (run.key, run.hosts, span, await answers.site.fabrics.version(), now_ms // MINUTE_MS)
    kept = answers.job_routes.get(key)
    if kept is not None:
        return kept
    found: list[RunPart] = []
    notices: list[str] = []
    for fabric in await answers.fabrics():
        spans, why = await _spans(answers, fabric, run, span)
        notices += why
        for part in spans:
            quiet = await stretch(answers, fabric.name, part)
            used, why = await asyncio.to_thread(ports_on_routes, quiet, run.hosts)
            notices += [f"Job {run.label}: {text}" for text in why]
            found.append(RunPart(fabric.name, part, used))
    return answers.job_routes.put(key, RunRoutes(tuple(found), tuple(dict.fromkeys(notices))))


async def _spans(answers: Answers, fabric: FabricSpan, run: Run, span: Interval) -> tuple[list[Interval], list[str]]:
    """The quiet spans of a run's time in a fabric that has one of its hosts."""
    directory = await answers.directory(fabric.name)
    names = {name for host in run.hosts if (name := directory.find_host(host)) is not None}
    if not names:
        return [], []
    hcas = [named.guid for name in names for named in directory.hcas(name, span)]
    return await quiet_spans(answers, fabric, span, hcas)


def endpoints_of(network: Network, hosts: Iterable[str]) -> list[Endpoint]:
    """The ports of these hosts, written any way, that have a link in the network."""
    topology = network.topology
    return network.endpoints(dict.fromkeys(name for host in hosts if (name := topology.find(host)) is not None))


def ports_on_routes(quiet: Stretch, hosts: Sequence[str]) -> tuple[tuple[Used, ...], list[str]]:
    """Every switch port on the routes between hosts, surest first, and notices."""
    network = quiet.network
    endpoints = endpoints_of(network, hosts)
    s = len(network.topology.switches)
    routes = np.zeros((s, PORTS), np.int64)
    possible = np.zeros((s, PORTS), bool)
    notices = []
    if quiet.static:
        pairs, unknown = pairs_of(network, endpoints)
        followed = traced(network, pairs)
        routes = followed.routes
        if followed.lost_routes:
            first = followed.lost[0]
            where = f"{first.fate} at {network.topology.names[first.switch]}"
            notices.append(
                f"{followed.lost_routes:,} routes lead nowhere by the forwarding tables ({where} to LID {first.lid})."
            )
            possible |= possible_between(network, followed.lost)
        if unknown:
            notices.append(f"The LID of {len(unknown)} ports is not known: their routes are only possible ones.")
            possible |= possible_ports(network, endpoints)
    else:
        notices.append(f"its routes are possible ones: {quiet.doubt}.")
        possible = possible_ports(network, endpoints)
    found = _host_links(network, endpoints, routes if quiet.static else None)
    found += _between(network, routes, possible)
    return tuple(sorted(found, key=lambda u: (RANK[u.basis], -(u.routes or 0), u.port, u.direction))), notices


def _host_links(network: Network, endpoints: Sequence[Endpoint], routes: NDArray[np.int64] | None) -> list[Used]:
    """The leaf ports of hosts, both ways: whatever a host sends or gets goes there."""
    found = []
    for group in by_rail(endpoints):
        goals = {point: len(network.lids(point.end)) for point in group}
        every = sum(goals.values())
        own: dict[str, int] = {}
        for point, lids in goals.items():
            own[point.host] = own.get(point.host, 0) + lids
        for point in group:
            leaf, number = int(network.leaf[point.end]), int(network.leaf_port[point.end])
            port, end = PortKey(network.topology.switches[leaf], number), network.ends[point.end]
            sent = None if routes is None else every - own[point.host]
            got = None if routes is None else int(routes[leaf, number])
            found += [Used(port, "in", end, "host_link", sent), Used(port, "out", end, "host_link", got)]
    return found


def _between(network: Network, routes: NDArray[np.int64], possible: NDArray[np.bool_]) -> list[Used]:
    """Ports between switches, at both ends of each link crossed."""
    switches = network.topology.switches
    found = []
    for switch, number in zip(*np.nonzero((routes > 0) | possible), strict=True):
        peer = int(network.peer[switch, number])
        if not 0 <= peer < len(switches):
            continue
        count = int(routes[switch, number])
        near = PortKey(switches[switch], int(number))
        far = PortKey(switches[peer], int(network.peer_port[switch, number]))
        basis: Basis = "static" if count else "possible"
        found += [Used(near, "out", far, basis, count or None), Used(far, "in", near, basis, count or None)]
    return found


# -- ports of a job ----------------------------------------------------------------------------------------------------


async def job_routes(answers: Answers, ask: Ask, job: str) -> TableData:
    """Every switch port on the routes between a job's hosts, surest first, with how many routes cross it."""
    meant = await resolve(answers, ask, job)
    notices = list(meant.notices)
    rows: list[list[object]] = []
    for run in _some(meant.runs, notices):
        found = await run_routes(answers, run, ask.now_ms)
        notices += found.notices
        rows += await _rows(answers, run, found)
        if not found.parts and run.hosts and not found.notices:
            notices.append(f"Job {run.label}: none of its hosts was in a fabric then.")
    return TableData(rows, tuple(dict.fromkeys(notices)))


def _some(runs: Sequence[Run], notices: list[str]) -> Sequence[Run]:
    """The runs that one answer is worked out for, with a notice when they are not all."""
    if len(runs) > MOST_ROUTED:
        notices.append(f"Only the newest {MOST_ROUTED} of {len(runs)} runs are routed; ask for one by its id.")
    return runs[:MOST_ROUTED]


async def _rows(answers: Answers, run: Run, found: RunRoutes) -> list[list[object]]:
    """A row for each port, direction and basis; what did not change from one part to the next is one row."""
    open_rows: dict[tuple[str, Used], Interval] = {}
    done: list[tuple[str, Used, Interval]] = []
    for part in found.parts:
        for use in part.used:
            key = (part.fabric, use)
            before = open_rows.get(key)
            if before is not None and before.to_ms == part.span.from_ms:
                open_rows[key] = Interval(before.from_ms, part.span.to_ms)
                continue
            if before is not None:
                done.append((*key, before))
            open_rows[key] = part.span
    done += [(*key, span) for key, span in open_rows.items()]
    done.sort(key=lambda d: (d[0], RANK[d[1].basis], -(d[1].routes or 0), d[1].port, d[1].direction, d[2]))
    directories = {name: await answers.directory(name) for name in {fabric for fabric, _, _ in done}}
    last = max((part.span.to_ms for part in found.parts), default=0)
    return [
        [
            run.label,
            directories[fabric].node(use.port.guid, span.from_ms),
            use.port.number,
            use.direction,
            directories[fabric].port(use.peer, span.from_ms),
            use.basis,
            use.routes,
            span.from_ms,
            None if run.end_ms is None and span.to_ms == last else wire_ms(span.to_ms),
            use.port.guid,
            fabric,
            run.key.text,
        ]
        for fabric, use, span in done
    ]


# -- who shared them ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Shared:
    """What one run shared with the job's: ports between switches by the surest basis, and when."""

    run: Run
    ports: dict[PortKey, Basis] = field(default_factory=dict)
    from_ms: int = FOREVER_MS
    to_ms: int = 0

    @property
    def basis(self) -> Basis:
        """The surest."""
        return min(self.ports.values(), key=RANK.__getitem__)


async def route_sharers(answers: Answers, ask: Ask, job: str) -> TableData:
    """Other runs whose routes left a switch by the same ports at the same time, the surest first; for users a count."""
    meant = await resolve(answers, ask, job)
    own = {run.key for run in meant.runs}
    shared: dict[RunKey, _Shared] = {}
    notices = list(meant.notices)
    directories: dict[str, Directory] = {}
    for run in _some(meant.runs, notices):
        found = await run_routes(answers, run, ask.now_ms)
        notices += found.notices
        for part in found.parts:
            quiet = await stretch(answers, part.fabric, part.span)
            directories[part.fabric] = await answers.directory(part.fabric)
            mine = {use.port: use.basis for use in part.used if use.direction == "out"}
            others, why = await _others(answers, part.span, own)
            notices += why
            for other, theirs in await asyncio.to_thread(_ports_of_each, quiet, others):
                _share(shared, part.span, other, mine, theirs)
    ranked = sorted(shared.values(), key=lambda one: (RANK[one.basis], -len(one.ports), one.run.key))
    if not ask.viewer.operator:
        sure = sum(one.basis != "possible" for one in ranked)
        notices.append(
            f"{counted(len(ranked), 'run')} of others may have shared routes of job {job}, {sure} of them surely; "
            "whose they are is for operators."
        )
        return TableData([], tuple(dict.fromkeys(notices)))
    if not ranked and meant.runs:
        notices.append(f"Nobody shared a route of job {job}, as far as is known.")
    rows = [_sharer(one, directories) for one in ranked]
    return TableData(rows, tuple(dict.fromkeys(notices)))


def _sharer(one: _Shared, directories: dict[str, Directory]) -> list[object]:
    surest = sorted(one.ports, key=lambda port: (RANK[one.ports[port]], port))
    names = []
    for port in surest[:MOST_SHOWN]:
        directory = next((d for d in directories.values() if d.kind(port.guid) is not None), None)
        names.append(directory.port(port, one.from_ms) if directory else str(port))
    return [
        one.run.label,
        one.run.user,
        one.run.name,
        one.run.state,
        one.basis,
        len(one.ports),
        ", ".join(names) + (", ..." if surest[MOST_SHOWN:] else ""),
        one.from_ms,
        wire_ms(one.to_ms),
        one.run.key.text,
    ]


async def _others(answers: Answers, window: Interval, own: set[RunKey]) -> tuple[list[Run], list[str]]:
    """Runs of several hosts in a window that are not the job's own, newest first."""
    page = await answers.site.jobs.runs(RunFilter(window=window), limit=MOST_RUNS)
    others = [run for run in page.items if run.key not in own and held(run) is not None and len(run.hosts) > 1]
    if page.cursor is None and len(others) <= MOST_TRACED:
        return others, []
    few = others[:MOST_TRACED]
    return few, [f"Only the newest {len(few)} runs of several hosts are looked at for who shared routes."]


def _ports_of_each(quiet: Stretch, runs: Sequence[Run]) -> list[tuple[Run, tuple[Used, ...]]]:
    return [(run, ports_on_routes(quiet, run.hosts)[0]) for run in runs]


def _share(
    shared: dict[RunKey, _Shared],
    window: Interval,
    other: Run,
    mine: dict[PortKey, Basis],
    theirs: Iterable[Used],
) -> None:
    """Add the ports by which both runs' packets left a switch, each as sure as the less sure of both."""
    both = {
        use.port: max(use.basis, mine[use.port], key=RANK.__getitem__)
        for use in theirs
        if use.direction == "out" and use.port in mine
    }
    span = held(other)
    if not both or span is None:
        return
    one = shared.setdefault(other.key, _Shared(other))
    for port, basis in both.items():
        one.ports[port] = min(one.ports.get(port, basis), basis, key=RANK.__getitem__)
    time = span.cut(window)
    one.from_ms, one.to_ms = min(one.from_ms, time.from_ms), max(one.to_ms, time.to_ms)

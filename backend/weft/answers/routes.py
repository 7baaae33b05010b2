"""Routes: the ports that a run's packets crossed, who else's did, and where a port leads."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.answers.answers import Answers
from weft.answers.directory import Directory
from weft.answers.jobs import MOST_RUNS, resolve, unknown_hosts
from weft.answers.networks import quiet_spans, stretch
from weft.answers.people import held, joined
from weft.answers.routed import (
    BASES,
    NOT_CROSSED,
    RANK,
    Basis,
    RunPart,
    RunRoutes,
    RunShares,
    Shared,
    SharedPart,
    Sharer,
    Stretch,
    Used,
)
from weft.answers.tables import Ask, TableData
from weft.base.formats import counted
from weft.base.intervals import Interval, wire_ms
from weft.fabric.model import PortKey
from weft.fabric.network import PORTS, Endpoint, Network, by_rail
from weft.fabric.routing import Pairs, Traced, crossed, pairs_of, possible_between, possible_ports, traced
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
    span = _time(run, now_ms)
    if span is None:
        return RunRoutes((), tuple(unknown_hosts([run])))
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


def _time(run: Run, now_ms: int) -> Interval | None:
    """While the run had its hosts, to now if it still has; None: it has not started, or its hosts are not known."""
    span = held(run)
    if span is None or not run.hosts:
        return None
    return Interval(span.from_ms, min(span.to_ms, max(now_ms, span.from_ms + 1)))


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


class _Course(NamedTuple):
    """Ports (s, 256) by which packets leave switches: by the tables (`Traced.routes`), or by any shortest path."""

    routes: NDArray[np.int64]
    possible: NDArray[np.bool_]
    notices: list[str]


def _course(quiet: Stretch, endpoints: Sequence[Endpoint], follow: Callable[[Network, Pairs], Traced]) -> _Course:
    """Follow the routes between ports, as far as tables that hold tell them."""
    network = quiet.network
    if not quiet.static:
        none = np.zeros((len(network.topology.switches), PORTS), np.int64)
        return _Course(none, possible_ports(network, endpoints), [f"its routes are possible ones: {quiet.doubt}."])
    pairs, unknown = pairs_of(network, endpoints)
    followed = follow(network, pairs)
    possible = possible_between(network, followed.lost)
    notices = []
    if followed.lost_routes:
        first = followed.lost[0]
        where = f"{first.fate} at {network.topology.names[first.switch]}"
        notices.append(
            f"{followed.lost_routes:,} routes lead nowhere by the forwarding tables ({where} to LID {first.lid})."
        )
    if unknown:
        notices.append(f"The LID of {len(unknown)} ports is not known: their routes are only possible ones.")
        possible |= possible_ports(network, endpoints)
    return _Course(followed.routes, possible, notices)


def ports_on_routes(quiet: Stretch, hosts: Sequence[str]) -> tuple[tuple[Used, ...], list[str]]:
    """Every switch port on the routes between hosts, surest first, and notices."""
    network = quiet.network
    endpoints = endpoints_of(network, hosts)
    course = _course(quiet, endpoints, traced)
    found = _host_links(network, endpoints, course.routes if quiet.static else None)
    found += _between(network, course.routes, course.possible)
    order = sorted(found, key=lambda u: (RANK[u.basis], -(u.routes or 0), u.port, u.direction))
    return tuple(order), course.notices


def ranks_on_routes(quiet: Stretch, hosts: Sequence[str]) -> tuple[NDArray[np.uint8], list[str]]:
    """How surely packets between hosts leave a switch by each port, RANK or NOT_CROSSED, and notices.

    What `ports_on_routes` tells of `out`, without a value for each port. Shape (s * 256,), port p of switch i at
    i * 256 + p.
    """
    network = quiet.network
    endpoints = endpoints_of(network, hosts)
    course = _course(quiet, endpoints, crossed)
    ranks = np.full(course.possible.shape, NOT_CROSSED, np.uint8)
    ranks[course.possible] = RANK["possible"]
    ranks[course.routes > 0] = RANK["static"]
    ends = [point.end for point in endpoints]
    ranks[network.leaf[ends], network.leaf_port[ends]] = RANK["host_link"]
    return ranks.reshape(-1), course.notices


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


async def run_shares(answers: Answers, run: Run, now_ms: int) -> RunShares:
    """Who else's packets may have left switches by the same ports as a run's at the same time, in every fabric."""
    span = _time(run, now_ms)
    if span is None:
        return RunShares((), (), tuple(unknown_hosts([run])))
    versions = await answers.site.fabrics.version(), await answers.site.jobs.version()
    key = (run.key, run.hosts, span, versions, now_ms // MINUTE_MS)
    kept = answers.job_shares.get(key)
    if kept is not None:
        return kept
    shared: list[Shared] = []
    parts: list[SharedPart] = []
    notices: list[str] = []
    for fabric in await answers.fabrics():
        spans, why = await _spans(answers, fabric, run, span)
        notices += why
        directory = await answers.directory(fabric.name)
        for part in spans:
            quiet = await stretch(answers, fabric.name, part)
            others, every = await _others(answers, run, part)
            found, counts, why = await asyncio.to_thread(_shared, quiet, directory, run, others)
            shared += found
            parts.append(SharedPart(fabric.name, part, counts if every else None))
            notices += [f"Job {run.label}: {text}" for text in why]
            if not every:
                notices.append(f"Only the newest {len(others)} runs are looked at for who shared routes.")
    return answers.job_shares.put(key, RunShares(tuple(shared), tuple(parts), tuple(dict.fromkeys(notices))))


async def _others(answers: Answers, run: Run, window: Interval) -> tuple[list[Run], bool]:
    """Other runs in a window with routes of their own or a host in common, newest first, and whether these are all."""
    page = await answers.site.jobs.runs(RunFilter(window=window), limit=MOST_RUNS)
    hosts = set(run.hosts)
    found = [
        other
        for other in page.items
        if other.key != run.key and held(other) and (len(other.hosts) > 1 or not hosts.isdisjoint(other.hosts))
    ]
    return found[:MOST_TRACED], page.cursor is None and len(found) <= MOST_TRACED


def _shared(
    quiet: Stretch, directory: Directory, run: Run, others: Sequence[Run]
) -> tuple[list[Shared], dict[PortKey, int], list[str]]:
    """What each of the others shares with a run in a stretch, how many cross each of its ports, and notices."""
    mine, notices = ranks_on_routes(quiet, run.hosts)
    far_side = quiet.network.far_side
    out = np.flatnonzero(mine < NOT_CROSSED)
    both_ends = np.unique([out, far_side[out]])
    codes = (directory.codes(quiet.network.topology.switches)[:, None] + np.arange(PORTS)).reshape(-1)
    count = np.zeros(len(both_ends), np.int64)
    found = []
    for other in others:
        theirs, _ = ranks_on_routes(quiet, other.hosts)
        count += np.minimum(theirs[both_ends], theirs[far_side[both_ends]]) < NOT_CROSSED
        surely = np.maximum(mine[out], theirs[out])
        common = np.flatnonzero(surely < NOT_CROSSED)
        span = held(other)
        if len(common) and span is not None:
            found.append(Shared(other, quiet.fabric, codes[out[common]], surely[common], span.cut(quiet.span)))
    crossed_too = np.flatnonzero(count)
    told = zip(codes[both_ends[crossed_too]].tolist(), count[crossed_too].tolist(), strict=True)
    return found, {directory.port_of(code): runs for code, runs in told}, notices


async def sharers(answers: Answers, runs: Sequence[Run], now_ms: int) -> tuple[list[Sharer], list[str]]:
    """Other runs than these whose packets may have left switches by the same ports, the surest first, and notices."""
    own = {run.key for run in runs}
    notices: list[str] = []
    by_run: dict[RunKey, list[Shared]] = {}
    for run in _some(runs, notices):
        shares = await run_shares(answers, run, now_ms)
        notices += shares.notices
        for one in shares.shared:
            if one.run.key not in own:
                by_run.setdefault(one.run.key, []).append(one)
    directories = {fabric.name: await answers.directory(fabric.name) for fabric in await answers.fabrics()}
    found = [_sharer(parts, directories) for parts in by_run.values()]
    return sorted(found, key=lambda one: (RANK[one.basis], -one.ports, one.run.key)), list(dict.fromkeys(notices))


def _sharer(parts: Sequence[Shared], directories: Mapping[str, Directory]) -> Sharer:
    """What one run shared in all parts: a port counts once, as sure as it was at best."""
    times = joined(part.time for part in parts)
    ports = 0
    surest: list[tuple[int, str, int]] = []
    for fabric in dict.fromkeys(part.fabric for part in parts):
        codes = np.concatenate([part.codes for part in parts if part.fabric == fabric])
        ranks = np.concatenate([part.ranks for part in parts if part.fabric == fabric])
        order = np.lexsort((ranks, codes))
        first = order[np.flatnonzero(np.diff(codes[order], prepend=-1))]
        ports += len(first)
        some = first[np.argsort(ranks[first], kind="stable")[:MOST_SHOWN]]
        surest += [(rank, fabric, code) for rank, code in zip(ranks[some].tolist(), codes[some].tolist(), strict=True)]
    surest.sort()
    names = [
        directories[fabric].port(directories[fabric].port_of(code), times[0].from_ms)
        for _, fabric, code in surest[:MOST_SHOWN]
    ]
    return Sharer(parts[0].run, BASES[surest[0][0]], ports, tuple(names), tuple(times))


async def route_sharers(answers: Answers, ask: Ask, job: str) -> TableData:
    """Other runs whose routes left a switch by the same ports at the same time, the surest first; for users a count."""
    meant = await resolve(answers, ask, job)
    found, why = await sharers(answers, meant.runs, ask.now_ms)
    notices = [*meant.notices, *why]
    if not ask.viewer.operator:
        sure = sum(one.basis != "possible" for one in found)
        notices.append(
            f"{counted(len(found), 'run')} of others may have shared routes of job {job}, {sure} of them surely; "
            "whose they are is for operators."
        )
        return TableData([], tuple(notices))
    if not found and meant.runs:
        notices.append(f"Nobody shared a route of job {job}, as far as is known.")
    rows: list[list[object]] = [
        [
            one.run.label,
            one.run.user,
            one.run.name,
            one.run.state,
            one.basis,
            one.ports,
            ", ".join(one.some) + ", ..." * (one.ports > len(one.some)),
            one.span.from_ms,
            wire_ms(one.span.to_ms),
            one.run.key.text,
        ]
        for one in found
    ]
    return TableData(rows, tuple(notices))

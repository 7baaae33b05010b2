"""Where packets go: the way between two hosts, who crosses a link, what a port leads to, how evenly links are used."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from weft.answers.answers import Answers, did_you_mean
from weft.answers.directory import Directory
from weft.answers.fabric import at_of, switch_guid
from weft.answers.jobs import MOST_RUNS
from weft.answers.networks import quiet_spans, stretch
from weft.answers.people import held
from weft.answers.routed import RANK, Basis, Stretch
from weft.answers.routes import endpoints_of
from weft.answers.tables import Ask, TableData
from weft.base.errors import BadRequest, UnknownName
from weft.base.intervals import Interval, wire_ms
from weft.fabric.levels import Kind
from weft.fabric.model import NodeKind
from weft.fabric.network import NO_PORT, PORTS, Endpoint, Network, by_rail
from weft.fabric.routing import Pairs, crossing, crossing_possible, every_route, pairs_of, path
from weft.inventory.store import Connection
from weft.scheduler.model import Run, RunKey

LEVELS: tuple[Kind, ...] = get_args(Kind)
"""What the table `levels` calls switches."""
MOST_PATHS = 64
"""Routes listed hop by hop for one question."""


async def instant(answers: Answers, ask: Ask, fabric: str | None, at: int | None) -> tuple[Stretch, Directory]:
    """The network at the one time that a question is about."""
    at_ms = at_of(ask, at)
    name = (await answers.fabric(fabric)).name
    return await stretch(answers, name, Interval(at_ms, at_ms + 1)), await answers.directory(name)


# -- the way between two hosts -----------------------------------------------------------------------------------------


async def route(
    answers: Answers, ask: Ask, src: str, dst: str, fabric: str | None = None, at: int | None = None
) -> TableData:
    """The switches between two hosts, there and back, as ibtracert lists them: by the forwarding tables."""
    part, _ = await instant(answers, ask, fabric, at)
    network = part.network
    ends = {name: _ends(network, name) for name in (src, dst)}
    if not network.out.shape[1]:
        return TableData([], (f"The way is not known: {part.doubt}.",))
    notices = [] if part.static else [f"By the last tables known, and they may not hold: {part.doubt}."]
    rows: list[list[object]] = []
    ways = [("there", ends[src], ends[dst]), ("back", ends[dst], ends[src])]
    listed = [
        (way, a, b, lid) for way, starts, goals in ways for a, b in _meet(starts, goals) for lid in network.lids(b.end)
    ]
    for way, a, b, lid in listed[:MOST_PATHS]:
        hops, fate = path(network, int(network.leaf[a.end]), lid, int(network.leaf_port[a.end]))
        if fate is not None:
            notices.append(f"The route {way} to LID {lid} does not arrive: {fate}.")
        rows += [
            [
                way,
                f"{a.host} {a.rail}",
                f"{b.host} {b.rail}",
                lid,
                number,
                network.topology.names[hop.switch],
                hop.in_port,
                None if hop.out_port == NO_PORT else hop.out_port,
                network.topology.switches[hop.switch],
                part.fabric,
            ]
            for number, hop in enumerate(hops, 1)
        ]
    if len(listed) > MOST_PATHS:
        notices.append(f"Only {MOST_PATHS} of {len(listed)} routes are listed.")
    if ends[src] and ends[src][0].host == ends[dst][0].host:
        notices.append("Both are one host.")
    elif not listed:
        notices.append("The LIDs of these hosts are not known: import an ibnetdiscover dump, or guid2lid.")
    return TableData(rows, tuple(dict.fromkeys(notices)))


def _ends(network: Network, text: str) -> list[Endpoint]:
    """The linked ports that `node001` or `node001 mlx5_0/1` means. Raises UnknownName."""
    name, _, rail = text.strip().partition(" ")
    host = network.topology.find(name)
    if host is None:
        raise UnknownName(f"There is no host '{name}'.", fix=did_you_mean(name, network.topology.hosts))
    found = [point for point in network.endpoints([host]) if not rail or point.rail == rail.strip().casefold()]
    if not found:
        what = f"port '{rail.strip()}' with a link" if rail else "port with a link"
        raise UnknownName(f"{host} had no {what} then.", fix="`hosts` lists the ports, `at=` asks another time.")
    return found


def _meet(starts: Sequence[Endpoint], goals: Sequence[Endpoint]) -> list[tuple[Endpoint, Endpoint]]:
    """Ports of two hosts that talk to each other."""
    groups = by_rail([*starts, *goals])
    return [(a, b) for group in groups for a in group if a in starts for b in group if b in goals and a.host != b.host]


# -- who crosses a link ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Crosser:
    """A run that may have crossed a link: by the surest basis, with the most routes, and when."""

    run: Run
    basis: Basis
    routes: int | None
    from_ms: int
    to_ms: int

    def also(self, basis: Basis, routes: int | None, time: Interval) -> None:
        """Take in another stretch or direction."""
        self.basis = min(self.basis, basis, key=RANK.__getitem__)
        self.routes = routes if self.routes is None else max(self.routes, routes or 0)
        self.from_ms, self.to_ms = min(self.from_ms, time.from_ms), max(self.to_ms, time.to_ms)


class _Crossers(dict[RunKey, _Crosser]):
    """Runs by key."""

    def take(self, run: Run, basis: Basis, routes: int | None, time: Interval) -> None:
        """Add a run's crossing at a time."""
        if run.key in self:
            self[run.key].also(basis, routes, time)
        else:
            self[run.key] = _Crosser(run, basis, routes, time.from_ms, time.to_ms)


async def link_runs(answers: Answers, ask: Ask, link: str, fabric: str | None = None) -> TableData:
    """Runs whose packets crossed a link in the window, or may have, the surest first."""
    span = await answers.fabric(fabric)
    directory = await answers.directory(span.name)
    ports = directory.find_ports(link)
    if not ports:
        raise UnknownName(f"'{link}' names no port.", fix="Give a switch and port (leaf01/19), or a host.")
    window = Interval(ask.window.from_ms, min(ask.window.to_ms, ask.now_ms + 1))
    found, notices = _Crossers(), list[str]()
    connections = await answers.site.fabrics.connections(span.name, window, ports) if window else ()
    for connection in connections:
        kinds = directory.kind(connection.a.guid), directory.kind(connection.b.guid)
        if NodeKind.CA in kinds:
            notices += await _on_host_link(answers, directory, connection, window, found)
    between = [c for c in connections if NodeKind.CA not in (directory.kind(c.a.guid), directory.kind(c.b.guid))]
    if between:
        spans, why = await quiet_spans(answers, span, window)
        notices += why
        for quiet in spans:
            part = await stretch(answers, span.name, quiet)
            for connection in between:
                if connection.span.overlaps(quiet):
                    notices += await _on_switch_link(answers, part, connection, found)
    if not connections:
        notices.append(f"Nothing was plugged in {link} in this window, as far as is known.")
    elif not found:
        notices.append(f"No run crossed {link} in this window, as far as is known.")
    ranked = sorted(found.values(), key=lambda x: (RANK[x.basis], -(x.routes or 0), x.run.key))
    rows = [
        [
            x.run.label,
            x.run.user,
            x.run.name,
            x.run.state,
            x.basis,
            x.routes,
            x.from_ms,
            wire_ms(x.to_ms),
            span.name,
            x.run.key.text,
        ]
        for x in ranked
    ]
    return TableData(rows, tuple(dict.fromkeys(notices)))


async def _on_host_link(
    answers: Answers, directory: Directory, connection: Connection, window: Interval, found: _Crossers
) -> list[str]:
    """Runs that held the host while it hung on this link."""
    port = connection.a if directory.kind(connection.a.guid) is NodeKind.CA else connection.b
    named = directory.host_of(port.guid, max(connection.span.from_ms, window.from_ms))
    if named is None:
        return [f"Which host hangs on this link is not known: {directory.node(port.guid, connection.span.from_ms)}."]
    time = connection.span.cut(window)
    page = await answers.site.jobs.runs_on(_ways_to_write([named.name]), time, limit=MOST_RUNS)
    for run in page.items:
        span = held(run)
        if span is not None and directory.find_host(named.name) in {directory.find_host(h) for h in run.hosts}:
            found.take(run, "host_link", None, span.cut(time))
    return [f"Only the newest {MOST_RUNS} runs of {named.name} are looked at."] if page.cursor else []


def _ways_to_write(hosts: Iterable[str]) -> list[str]:
    """Names as the scheduler may write them: as the fabric does, and short."""
    return sorted({way for host in hosts for way in (host, host.partition(".")[0])})


async def _on_switch_link(answers: Answers, part: Stretch, connection: Connection, found: _Crossers) -> list[str]:
    """Runs whose routes cross a link between two switches in a stretch, either way."""
    network = part.network
    index = {guid: i for i, guid in enumerate(network.topology.switches)}
    ports = [(index[p.guid], p.number) for p in (connection.a, connection.b) if p.guid in index]
    crossed = [await asyncio.to_thread(_Crossed.of, part, *port) for port in ports]
    hosts = sorted({host for one in crossed for host in one.hosts(network)})
    if not hosts:
        return []
    page = await answers.site.jobs.runs_on(_ways_to_write(hosts), part.span, limit=MOST_RUNS)
    time = connection.span.cut(part.span)
    for run in page.items:
        span = held(run)
        if span is None or not span.overlaps(time) or len(run.hosts) < 2:
            continue
        endpoints = endpoints_of(network, run.hosts)
        for one in crossed:
            routes = one.routes(network, endpoints)
            if routes:
                found.take(run, one.basis, routes if one.basis == "static" else None, span.cut(time))
    return [f"Only the newest {MOST_RUNS} runs on the hosts behind the link are looked at."] if page.cursor else []


class _Crossed(NamedTuple):
    """Routes that leave a switch by one port: `pairs[leaf, lid]` by the tables, or `pairs[leaf, leaf]` that may."""

    basis: Basis
    pairs: NDArray[np.bool_]

    @classmethod
    def of(cls, part: Stretch, switch: int, port: int) -> "_Crossed":
        """Follow them, or see which shortest paths lead there."""
        network = part.network
        if not part.static:
            return cls("possible", crossing_possible(network, switch, port))
        leaves, lids, passes = crossing(network, switch, port)
        pairs = np.zeros((len(network.topology.switches), len(network.owner)), bool)
        pairs[np.ix_(leaves, lids)] = passes
        return cls("static", pairs)

    def hosts(self, network: Network) -> set[str]:
        """Hosts that such routes lead to."""
        s = len(network.topology.switches)
        if self.basis == "static":
            goals = np.flatnonzero(self.pairs.any(axis=0))
            ends = {int(node) - s for node in network.owner[goals] if node >= s}
        else:
            leaves = np.flatnonzero(self.pairs.any(axis=0))
            ends = set(np.flatnonzero(np.isin(network.leaf, leaves)).tolist())
        return {network.hosts[network.ends[end]][0] for end in ends if network.ends[end] in network.hosts}

    def routes(self, network: Network, endpoints: Sequence[Endpoint]) -> int:
        """How many routes between these ports are among them; of possible ones, how many pairs of leaves."""
        if self.basis == "static":
            pairs: Pairs = pairs_of(network, endpoints)[0]
            return int(pairs.weight[self.pairs[pairs.leaf, pairs.lid]].sum())
        count = 0
        for group in by_rail(endpoints):
            leaves = np.unique(network.leaf[[point.end for point in group]])
            if len({point.host for point in group}) > 1:
                count += int(self.pairs[np.ix_(leaves, leaves)].sum())
        return count


# -- what a port leads to ----------------------------------------------------------------------------------------------


async def route_to(
    answers: Answers, ask: Ask, switch: str, port: int, fabric: str | None = None, at: int | None = None
) -> TableData:
    """Hosts that a switch sends to by a port: ROUTE_TO, worked out from its forwarding table when asked."""
    part, directory = await instant(answers, ask, fabric, at)
    network = part.network
    guid = switch_guid(directory, switch, at_of(ask, at))
    if guid not in network.topology.switches:
        return TableData([], (f"{switch} was not in the fabric then.",))
    if not 0 <= port < NO_PORT:
        raise BadRequest(f"port={port} is no port of a switch.", fix="Give a number from 1 on.")
    at_switch = network.topology.switches.index(guid)
    s = len(network.topology.switches)
    notices = []
    if network.known[at_switch]:
        lids = np.flatnonzero(network.out[at_switch] == port)
        reached = [(int(network.owner[lid]) - s, int(lid)) for lid in lids if network.owner[lid] >= s]
        basis = "static" if part.static else "possible"
        if not part.static:
            notices.append(f"By its last table known, which may not hold: {part.doubt}.")
    else:
        behind = crossing_possible(network, at_switch, port)[at_switch]
        own = (network.leaf == at_switch) & (network.leaf_port == port)
        reached = [(end, int(network.base[s + end])) for end in np.flatnonzero(behind[network.leaf] | own).tolist()]
        basis = "possible"
        notices.append(f"Hosts on a shortest path by this port: {part.doubt}.")
    rows = [
        [
            network.hosts[end_port][0],
            network.hosts[end_port][1],
            lid or None,
            network.topology.names[int(network.leaf[end])],
            basis,
            end_port.guid,
            part.fabric,
        ]
        for end, lid in reached
        for end_port in [network.ends[end]]
        if end_port in network.hosts
    ]
    rows.sort(key=lambda row: (str(row[0]), str(row[1]), row[2]))
    if not rows:
        notices.append(f"{switch} sends nothing for a host by port {port}.")
    return TableData(rows, tuple(notices))


# -- how evenly links are used -----------------------------------------------------------------------------------------


async def balance(
    answers: Answers,
    ask: Ask,
    switch: str | None = None,
    level: str | None = None,
    fabric: str | None = None,
    at: int | None = None,
) -> TableData:
    """Routes between all hosts by each port of a switch, or of a level, against the mean of its like."""
    part, directory = await instant(answers, ask, fabric, at)
    network = part.network
    if not network.out.shape[1]:
        return TableData([], (f"Routes are not known: {part.doubt}.",))
    notices = [] if part.static else [f"By the last tables known, and they may not hold: {part.doubt}."]
    chosen = list(range(len(network.topology.switches)))
    if switch is not None:
        guid = switch_guid(directory, switch, at_of(ask, at))
        chosen = [i for i, own in enumerate(network.topology.switches) if own == guid]
    every = await asyncio.to_thread(every_route, network)
    if every.lost_routes:
        notices.append(f"{every.lost_routes:,} routes between hosts lead nowhere by these tables.")
    rows = []
    for i in chosen:
        if level in (None, network.topology.levels.kinds[i]):
            rows += _balance_of(network, i, every.routes[i], part.fabric)
    return TableData(rows, tuple(notices) if rows else (*notices, "No link between switches matches."))


def _balance_of(network: Network, switch: int, routes: NDArray[np.int64], fabric: str) -> list[list[object]]:
    """Ports of one switch to other switches, each against the mean of its ports to the same level."""
    s = len(network.topology.switches)
    peers, levels = network.peer[switch], network.topology.levels
    ports = np.flatnonzero((peers >= 0) & (peers < s)).tolist()
    goals = np.bincount(network.out[switch][network.owner[: network.out.shape[1]] >= s], minlength=PORTS)
    like: dict[int, list[int]] = {}
    for port in ports:
        like.setdefault(int(levels.level[peers[port]]), []).append(port)
    rows: list[list[object]] = []
    for port in ports:
        same = like[int(levels.level[peers[port]])]
        mean = sum(int(routes[p]) for p in same) / len(same)
        rows.append(
            [
                network.topology.names[switch],
                port,
                f"{network.topology.names[peers[port]]}/{network.peer_port[switch, port]}",
                levels.kinds[switch],
                levels.kinds[int(peers[port])],
                int(goals[port]),
                int(routes[port]),
                int(routes[port]) / mean if mean else None,
                network.topology.switches[switch],
                fabric,
            ]
        )
    return rows

"""Which way packets go: routes by the forwarding tables, and ports on shortest paths where these are not known.

A route leads from a host's port to one of the LIDs of another host's port; routes are directed. It leaves every switch
on its way by one port. What lies behind a leaf is the same for all its hosts, so a route is followed once for each leaf
and LID, and counted with its weight.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.fabric.levels import Distances
from weft.fabric.network import NO_PORT, NOBODY, PORTS, Endpoint, Network, by_rail
from weft.fabric.topology import NO_ROUTE, IntMatrix

LONGEST = 64
"""Switches on a route before it counts as a loop: directed routes end there too (IB_SUBNET_PATH_HOPS_MAX of OpenSM)."""
AT_ONCE = 1 << 20
"""(leaf, LID) pairs followed in one go: some 40 MB."""
WORD = 64
"""Goals whose shortest paths are followed at once: a bit each."""
_FAR = np.int16(32_000)
"""Stands for "no route" while the longest is looked for."""
MOST_LOST = 1000
"""Lost routes told one by one."""

Ints = NDArray[np.int64]
Fate = Literal["loop", "no route", "dead end"]


class Pairs(NamedTuple):
    """Routes to follow: from a switch to a LID, each standing for `weight` routes; three arrays of one length."""

    leaf: Ints
    lid: Ints
    weight: Ints


class Lost(NamedTuple):
    """A route that does not arrive: the switch it begins at, its LID, the switch where it ends or turns, and why."""

    leaf: int
    lid: int
    switch: int
    fate: Fate


class Traced(NamedTuple):
    """What following routes gave: how many leave by each port (s, 256), how many arrive, and those that do not."""

    routes: Ints
    arrived: int
    lost: tuple[Lost, ...]
    lost_routes: int


class Hop(NamedTuple):
    """A switch on a route: the port it comes in by (0: the route begins there) and the one it leaves by."""

    switch: int
    in_port: int
    out_port: int


def pairs_of(network: Network, endpoints: Sequence[Endpoint]) -> tuple[Pairs, list[Endpoint]]:
    """Every route between ports of different hosts on the same rail, and the ports whose LID is not known.

    The route from a port to another of the same host is none: its weight is taken off the leaf's.
    """
    parts: list[Pairs] = []
    unknown = [point for point in endpoints if not len(network.lids(point.end))]
    for group in by_rail(endpoints):
        leaves, place = np.unique(network.leaf[[point.end for point in group]], return_inverse=True)
        goals = [(lid, point.host) for point in group for lid in network.lids(point.end)]
        if not goals:
            continue
        weight = np.repeat(np.bincount(place, minlength=len(leaves))[:, None], len(goals), axis=1)
        at: dict[str, list[int]] = {}
        for row, point in zip(place.tolist(), group, strict=True):
            at.setdefault(point.host, []).append(row)
        rows = [row for _, host in goals for row in at[host]]
        columns = [column for column, (_, host) in enumerate(goals) for _ in at[host]]
        np.subtract.at(weight, (rows, columns), 1)
        row, column = np.nonzero(weight)
        lids = np.array([lid for lid, _ in goals], np.int64)
        parts.append(Pairs(leaves[row].astype(np.int64), lids[column], weight[row, column].astype(np.int64)))
    if not parts:
        none = np.zeros(0, np.int64)
        return Pairs(none, none, none), unknown
    return Pairs(*(np.concatenate(columns) for columns in zip(*parts, strict=True))), unknown


def traced(network: Network, pairs: Pairs) -> Traced:
    """Follow routes by the forwarding tables and count them at every port that they leave a switch by."""
    routes = np.zeros(len(network.topology.switches) * PORTS, np.int64)
    lost_routes = 0
    lost: list[Lost] = []
    for begin in range(0, len(pairs.leaf), AT_ONCE):
        part = Pairs(*(column[begin : begin + AT_ONCE] for column in pairs))
        tally = _Tally(len(routes))
        if _follow_merged(network, part, tally):
            used = tally.total()
        else:
            used, gone = _count(network, part)
            rest = np.array([i for i, _, _ in gone])
            used -= _count(network, Pairs(*(column[rest] for column in part)))[0]
            lost_routes += int(part.weight[rest].sum())
            lost += [Lost(int(part.leaf[i]), int(part.lid[i]), switch, fate) for i, switch, fate in gone]
        routes += used
    every = int(pairs.weight.sum())
    return Traced(routes.reshape(-1, PORTS), every - lost_routes, tuple(lost[:MOST_LOST]), lost_routes)


def crossed(network: Network, pairs: Pairs) -> Traced:
    """As `traced`, but that `routes` is 1 for every port that some route leaves by: a fifth of the time."""
    marks = _Marks(len(network.topology.switches) * PORTS)
    for begin in range(0, len(pairs.leaf), AT_ONCE):
        if not _follow_merged(network, Pairs(*(column[begin : begin + AT_ONCE] for column in pairs)), marks):
            counted = traced(network, pairs)
            return counted._replace(routes=(counted.routes > 0).astype(np.int64))
    return Traced(marks.marked.reshape(-1, PORTS), int(pairs.weight.sum()), (), 0)


def every_route(network: Network) -> Traced:
    """Follow every route from a port of a host to a LID of another port, whatever rail they are on."""
    s = len(network.topology.switches)
    lids = np.flatnonzero(network.owner >= s)
    leaves, sources = np.unique(network.leaf, return_counts=True)
    routes = np.zeros((s, PORTS), np.int64)
    arrived = lost_routes = 0
    lost: list[Lost] = []
    step = max(1, AT_ONCE // max(1, len(leaves)))
    for begin in range(0, len(lids), step):
        some = lids[begin : begin + step]
        own = leaves[:, None] == network.leaf[network.owner[some] - s][None, :]
        weight = sources[:, None] - own
        row, column = np.nonzero(weight)
        part = traced(network, Pairs(leaves[row].astype(np.int64), some[column], weight[row, column]))
        routes += part.routes
        arrived, lost_routes = arrived + part.arrived, lost_routes + part.lost_routes
        lost += part.lost
    return Traced(routes, arrived, tuple(lost[:MOST_LOST]), lost_routes)


def _follow_merged(network: Network, pairs: Pairs, tally: "_Tally | _Marks") -> bool:
    """Tell each port that routes leave by; those to one LID that meet in a switch are one from there on.

    False: some do not arrive, and what was told is of no use.
    """
    s = len(network.topology.switches)
    asked = np.zeros(len(network.owner), bool)
    asked[pairs.lid] = True
    lids = np.flatnonzero(asked)
    at, column, weight = pairs.leaf, (np.cumsum(asked) - 1)[pairs.lid], pairs.weight
    for _ in range(LONGEST):
        lid = lids[column]
        port, owner = _out(network, at, lid), network.owner[lid]
        going = (port != 0) | (at != owner)
        node = network.peer[at, port].astype(np.int64)
        if (going & ((port == NO_PORT) | (node == NOBODY) | ((node >= s) & (node != owner)))).any():
            return False
        tally.add((at * PORTS + port)[going], weight[going])
        on = going & (node < s)
        at, column, weight = node[on], column[on], weight[on]
        if not len(at):
            return True
        if len(at) * 8 > s * len(lids):
            met = np.bincount(at * len(lids) + column, weights=weight, minlength=s * len(lids))
            place = np.flatnonzero(met)
            at, column, weight = place // len(lids), place % len(lids), met[place].astype(np.int64)
    return False


def _count(network: Network, pairs: Pairs) -> tuple[Ints, list[tuple[int, int, Fate]]]:
    """Routes by port, flat, and (row, switch, why) of the pairs that do not arrive."""
    s = len(network.topology.switches)
    tally = _Tally(s * PORTS)
    gone: list[tuple[int, int, Fate]] = []
    for row, at, port, node in _steps(network, pairs, gone):
        tally.add(at * PORTS + port, pairs.weight[row])
        astray = (node == NOBODY) | ((node >= s) & (node != network.owner[pairs.lid[row]]))
        gone += [(int(i), int(k), "dead end") for i, k in zip(row[astray], at[astray], strict=True)]
    return tally.total(), gone


class _Tally:
    """Sums of weights by key. Few are summed up together at the end: a table of all ports costs more than they do."""

    def __init__(self, size: int) -> None:
        self._size, self._held = size, 0
        self._waiting: list[tuple[Ints, Ints]] = []
        self._sum = np.zeros(size, np.int64)

    def add(self, keys: Ints, weights: Ints) -> None:
        """Add each weight to its key."""
        self._waiting.append((keys, weights))
        self._held += len(keys)
        if self._held > AT_ONCE // 4:
            self.total()

    def total(self) -> Ints:
        """The sums so far; float64 is exact up to 2^53 routes."""
        if self._held:
            keys, weights = (np.concatenate(columns) for columns in zip(*self._waiting, strict=True))
            self._sum += np.bincount(keys, weights=weights, minlength=self._size).astype(np.int64)
            self._waiting, self._held = [], 0
        return self._sum


class _Marks:
    """Keys that were told, whatever their weights."""

    def __init__(self, size: int) -> None:
        self.marked = np.zeros(size, np.int64)

    def add(self, keys: Ints, weights: Ints) -> None:
        """Mark each key."""
        self.marked[keys] = 1


def _steps(
    network: Network, pairs: Pairs, gone: list[tuple[int, int, Fate]]
) -> Iterator[tuple[Ints, Ints, Ints, Ints]]:
    """(rows of `pairs`, switch, out port, node behind it) of each step; adds what has no route or never ends to `gone`.

    A route to a switch's own LID ends there, by its port 0.
    """
    s = len(network.topology.switches)
    row, at = np.arange(len(pairs.leaf)), pairs.leaf
    for _ in range(LONGEST):
        port = _out(network, at, pairs.lid[row])
        none = port == NO_PORT
        if none.any():
            gone += [(int(i), int(k), "no route") for i, k in zip(row[none], at[none], strict=True)]
        going = ~none & ~((port == 0) & (at == network.owner[pairs.lid[row]]))
        row, at, port = row[going], at[going], port[going]
        if not len(row):
            return
        node = network.peer[at, port].astype(np.int64)
        yield row, at, port, node
        on = (node >= 0) & (node < s)
        row, at = row[on], node[on]
    gone += [(int(i), int(k), "loop") for i, k in zip(row, at, strict=True)]


def _out(network: Network, at: Ints, lid: Ints) -> Ints:
    """Out port at each switch for each LID, NO_PORT for a LID beyond the tables."""
    if network.out.shape[1] == 0:
        return np.full(len(at), NO_PORT, np.int64)
    inside = lid < network.out.shape[1]
    port = network.out[at, np.where(inside, lid, 0)].astype(np.int64)
    return np.where(inside, port, NO_PORT)


def shortest_ports(network: Network, sources: NDArray[np.bool_], goals: Sequence[int]) -> NDArray[np.bool_]:
    """Ports (s, 256) by which some shortest path leaves a switch on its way to a goal.

    Args:
        sources: (s, g); true where a path to goal j begins at switch i.
        goals: g switches.
    Source:
        A link u -> v is on a shortest path to g when it brings g one nearer; u when a path passes it.
    """
    switch, port, _ = network.links
    used = np.zeros((len(network.topology.switches), PORTS), bool)
    if len(switch) and len(goals):
        crossed = np.zeros(len(network.steps.near), bool)
        for begin in range(0, len(goals), WORD):
            some = slice(begin, begin + WORD)
            crossed |= _steps_to(network, sources[:, some], network.topology.distances[:, goals[some]])
        used[switch, port] = crossed[network.steps.place]
    return used


def _steps_to(network: Network, sources: NDArray[np.bool_], far: Distances) -> NDArray[np.bool_]:
    """Which of `Network.steps` lie on a shortest path; a word holds a bit for each goal, the farthest go first.

    Args:
        sources, far: where paths begin, and how far each switch is from the goals; both (s, g), g <= WORD.
    """
    near, ahead, begins, heads, _ = network.steps
    crossed = np.zeros(len(near), np.uint64)
    passed = _words(sources)
    nearer = _words(far == far.max(initial=0))
    for distance in range(int(far.max(initial=0)), 0, -1):
        here, nearer = passed & nearer, _words(far == distance - 1)
        if here.any():
            onward = here[near] & nearer[ahead]
            crossed |= onward
            passed[heads] |= np.bitwise_or.reduceat(onward, begins)
    told: NDArray[np.bool_] = crossed != 0
    return told


def _words(flags: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """A word a row: shape (s, g) with g <= WORD to (s,)."""
    wide = np.zeros((len(flags), WORD), bool)
    wide[:, : flags.shape[1]] = flags
    return np.packbits(wide, axis=1).view(np.uint64)[:, 0]


def possible_ports(network: Network, endpoints: Sequence[Endpoint]) -> NDArray[np.bool_]:
    """Ports (s, 256) between switches on any shortest path between these hosts, rail by rail."""
    used = np.zeros((len(network.topology.switches), PORTS), bool)
    for group in by_rail(endpoints):
        ends = [point.end for point in group]
        leaves, place = np.unique(network.leaf[ends], return_inverse=True)
        number = {host: i for i, host in enumerate(dict.fromkeys(point.host for point in group))}
        alone = np.full(len(leaves), NOBODY)  # the host that a leaf has for itself, or a number of its own
        for row, point in zip(place.tolist(), group, strict=True):
            mine = number[point.host]
            alone[row] = mine if alone[row] in (NOBODY, mine) else len(number) + row
        sources = np.zeros((len(used), len(leaves)), bool)
        sources[leaves] = alone[:, None] != alone[None, :]
        used |= shortest_ports(network, sources, leaves.tolist())
    return used


def possible_between(network: Network, lost: Iterable[Lost]) -> NDArray[np.bool_]:
    """Ports on shortest paths for routes that the tables lead astray."""
    wanted: dict[int, set[int]] = {}
    s = len(network.topology.switches)
    for one in lost:
        node = int(network.owner[one.lid])
        if node != NOBODY:
            wanted.setdefault(int(network.leaf[node - s]) if node >= s else node, set()).add(one.leaf)
    goals = sorted(wanted)
    sources = np.zeros((s, len(goals)), bool)
    for j, goal in enumerate(goals):
        sources[[leaf for leaf in wanted[goal] if leaf != goal], j] = True
    return shortest_ports(network, sources, goals)


def crossing(network: Network, switch: int, port: int) -> tuple[NDArray[np.int32], Ints, NDArray[np.bool_]]:
    """Routes that leave a switch by a port: leaves (n,), LIDs of ends (m,), and (n, m) true where leaf i's route to
    LID j passes there and arrives.
    """
    leaves = np.unique(network.leaf)
    s = len(network.topology.switches)
    lids = np.flatnonzero(network.out[switch] == port)
    lids = lids[network.owner[lids] >= s]
    passes = np.zeros(len(leaves) * len(lids), bool)
    pairs = Pairs(
        np.repeat(leaves.astype(np.int64), len(lids)), np.tile(lids, len(leaves)), np.ones(passes.size, np.int64)
    )
    for begin in range(0, passes.size, AT_ONCE):
        part = Pairs(*(column[begin : begin + AT_ONCE] for column in pairs))
        gone: list[tuple[int, int, Fate]] = []
        for row, at, out, node in _steps(network, part, gone):
            passes[begin + row[(at == switch) & (out == port)]] = True
            astray = row[(node == NOBODY) | ((node >= s) & (node != network.owner[part.lid[row]]))]
            gone += [(int(i), 0, "dead end") for i in astray]
        passes[[begin + i for i, _, _ in gone]] = False
    return leaves, lids.astype(np.int64), passes.reshape(len(leaves), len(lids))


def crossing_possible(network: Network, switch: int, port: int) -> NDArray[np.bool_]:
    """(s, s): true where a shortest path from switch i to switch j leaves a switch by a port."""
    far = network.topology.distances
    behind = int(network.peer[switch, port])
    if not 0 <= behind < len(far):
        return np.zeros(far.shape, bool)
    to, on = far[:, switch][:, None], far[behind][None, :]
    crosses: NDArray[np.bool_] = (to >= 0) & (on >= 0) & (to + 1 + on == far)
    return crosses


def path(network: Network, leaf: int, lid: int, in_port: int = 0) -> tuple[list[Hop], Fate | None]:
    """One route from a switch on, as ibtracert lists it, and why it does not arrive (None: it does)."""
    gone: list[tuple[int, int, Fate]] = []
    hops: list[Hop] = []
    one = Pairs(np.array([leaf]), np.array([lid]), np.ones(1, np.int64))
    for row, at, port, node in _steps(network, one, gone):
        hops.append(Hop(int(at[0]), in_port, int(port[0])))
        in_port = int(network.peer_port[at[0], port[0]])
        if node[0] == NOBODY or (
            node[0] >= len(network.topology.switches) and node[0] != network.owner[one.lid[row[0]]]
        ):
            return hops, "dead end"
    if gone and gone[0][2] == "no route":
        hops.append(Hop(gone[0][1], in_port, NO_PORT))
    return hops, gone[0][2] if gone else None


def leaf_hops(network: Network, leaves: Sequence[int], lids: Sequence[int]) -> IntMatrix:
    """Switches on the route from each leaf to each LID, -1 none; shape (leaves, LIDs)."""
    s = len(network.topology.switches)
    count = np.zeros(len(leaves) * len(lids), np.int16)
    pairs = Pairs(
        np.repeat(np.array(leaves, np.int64), len(lids)),
        np.tile(np.array(lids, np.int64), len(leaves)),
        np.ones(count.size, np.int64),
    )
    for begin in range(0, count.size, AT_ONCE):
        part = Pairs(*(column[begin : begin + AT_ONCE] for column in pairs))
        gone: list[tuple[int, int, Fate]] = []
        for row, _, _, node in _steps(network, part, gone):
            count[begin + row] += 1
            astray = row[(node == NOBODY) | ((node >= s) & (node != network.owner[part.lid[row]]))]
            gone += [(int(i), 0, "dead end") for i in astray]
        count[[begin + i for i, _, _ in gone]] = NO_ROUTE
    return count.reshape(len(leaves), len(lids))


def route_hops(network: Network, hosts: Sequence[str]) -> IntMatrix:
    """Switches crossed from host to host by the forwarding tables, as `Topology.hop_matrix` has them by distance.

    Rails as there; of the several LIDs of a port the longest route counts.

    Returns:
        shape (n, n), int16; 0 on the diagonal, -1 no route.
    """
    place = {host: i for i, host in enumerate(hosts)}
    worst = np.zeros((len(hosts), len(hosts)), np.int16)
    missing = np.zeros_like(worst, bool)
    for group in by_rail(network.endpoints(hosts)):
        leaves, rows = np.unique(network.leaf[[point.end for point in group]], return_inverse=True)
        goals = [(lid, j) for j, point in enumerate(group) for lid in network.lids(point.end)]
        hops = leaf_hops(network, leaves.tolist(), [lid for lid, _ in goals])
        own = np.full((len(leaves), len(group)), NO_ROUTE, np.int16)
        if goals:
            begins = np.flatnonzero(np.diff([j for _, j in goals], prepend=-1))  # the LIDs of a port stand together
            told = np.array([j for _, j in goals])[begins]
            own[:, told] = np.maximum.reduceat(np.where(hops < 0, _FAR, hops), begins, axis=1)
        own[own == _FAR] = NO_ROUTE
        whole = own[rows]
        at = np.array([place[point.host] for point in group])
        grid = np.ix_(at, at)
        if len(set(at.tolist())) == len(at):
            worst[grid] = np.maximum(worst[grid], whole)
            missing[grid] |= whole < 0
        else:
            flat = at[:, None] * len(hosts) + at[None, :]
            np.maximum.at(worst.reshape(-1), flat.reshape(-1), whole.reshape(-1))
            np.logical_or.at(missing.reshape(-1), flat.reshape(-1), (whole < 0).reshape(-1))
    worst[missing | (worst == 0)] = NO_ROUTE
    np.fill_diagonal(worst, 0)
    return worst

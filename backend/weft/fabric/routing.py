"""Which way packets go: routes by the forwarding tables, and ports on shortest paths where these are not known.

A route leads from a host's port to one of the LIDs of another host's port; routes are directed. It leaves every switch
on its way by one port. What lies behind a leaf is the same for all its hosts, so a route is followed once for each leaf
and LID, and counted with its weight.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.fabric.network import NO_PORT, NOBODY, PORTS, Endpoint, Network, by_rail
from weft.fabric.topology import NO_ROUTE, IntMatrix

LONGEST = 64
"""Switches on a route before it counts as a loop: directed routes end there too (IB_SUBNET_PATH_HOPS_MAX of OpenSM)."""
AT_ONCE = 1 << 20
"""(leaf, LID) pairs followed in one go: some 40 MB."""
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
        used = _count_merged(network, part)
        if used is None:
            used, gone = _count(network, part)
            rest = np.array([i for i, _, _ in gone])
            used -= _count(network, Pairs(*(column[rest] for column in part)))[0]
            lost_routes += int(part.weight[rest].sum())
            lost += [Lost(int(part.leaf[i]), int(part.lid[i]), switch, fate) for i, switch, fate in gone]
        routes += used
    every = int(pairs.weight.sum())
    return Traced(routes.reshape(-1, PORTS), every - lost_routes, tuple(lost[:MOST_LOST]), lost_routes)


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


def _count_merged(network: Network, pairs: Pairs) -> Ints | None:
    """Routes by port, flat; routes to one LID that meet in a switch are one from there on. None: some do not arrive."""
    s = len(network.topology.switches)
    asked = np.zeros(len(network.owner), bool)
    asked[pairs.lid] = True
    lids = np.flatnonzero(asked)
    at, column, weight = pairs.leaf, (np.cumsum(asked) - 1)[pairs.lid], pairs.weight
    tally = _Tally(s * PORTS)
    for _ in range(LONGEST):
        lid = lids[column]
        port, owner = _out(network, at, lid), network.owner[lid]
        going = (port != 0) | (at != owner)
        node = network.peer[at, port].astype(np.int64)
        if (going & ((port == NO_PORT) | (node == NOBODY) | ((node >= s) & (node != owner)))).any():
            return None
        tally.add((at * PORTS + port)[going], weight[going])
        on = going & (node < s)
        at, column, weight = node[on], column[on], weight[on]
        if not len(at):
            return tally.total()
        if len(at) * 8 > s * len(lids):
            met = np.bincount(at * len(lids) + column, weights=weight, minlength=s * len(lids))
            place = np.flatnonzero(met)
            at, column, weight = place // len(lids), place % len(lids), met[place].astype(np.int64)
    return None


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
    switch, port, peer = network.links
    used = np.zeros((len(network.topology.switches), PORTS), bool)
    if not len(goals) or not len(switch):
        return used
    far = network.topology.distances[:, goals]
    edges, place = np.unique(switch.astype(np.int64) * len(far) + peer, return_inverse=True)
    near, ahead = edges // len(far), edges % len(far)
    nearer = np.packbits((far[near] == far[ahead] + 1) & (far[ahead] >= 0), axis=1)
    order = np.argsort(ahead, kind="stable")
    begins = np.flatnonzero(np.diff(ahead[order], prepend=-1))
    reached = np.packbits(sources, axis=1)
    while True:
        steps = np.bitwise_or.reduceat((reached[near] & nearer)[order], begins, axis=0)
        grown = reached.copy()
        grown[ahead[order][begins]] |= steps
        if np.array_equal(grown, reached):
            break
        reached = grown
    crossed = (reached[near] & nearer).any(axis=1)
    used[switch, port] = crossed[place]
    return used


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

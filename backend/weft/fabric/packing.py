"""How tightly so many hosts could lie: the fewest hops between each two, over every choice of hosts.

Hosts of one seat are alike, so a choice is how many to take of each. Where distances nest (below one spine three
switches, over a core five: any tree, however unevenly filled) the best of all choices is found exactly, cluster by
cluster from the closest to the farthest. Where they do not, the same search runs on the closest distances that nest
and are nowhere longer (single linkage): a bound, and exact all the same when the choice it finds really costs that.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weft.fabric.topology import IntMatrix

Ints = NDArray[np.int64]

_NEVER = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, slots=True)
class Tightest:
    """`total`: hops over all ordered pairs, which no choice goes below; `exact`: a choice has just that.

    `reach`: the most hops between two hosts that any choice has at least.
    """

    total: int
    exact: bool
    reach: int


@dataclass(frozen=True, eq=False)
class _Cluster:
    """Seats that nest within a distance. `cost[m]`: the fewest hops between m hosts in it.

    `merged[i]`: costs of hosts in the first i children, without what lies between children (`apart` hops).
    """

    cost: Ints
    apart: int = 0
    children: tuple["_Cluster", ...] = ()
    merged: tuple[Ints, ...] = ()


def tightest(hops: IntMatrix, room: Ints, n: int) -> Tightest | None:
    """The best that n hosts could have.

    Args:
        hops: (k, k) symmetric, between hosts of two seats, on the diagonal between two of one; < 1 no route.
        room: (k,) hosts that each seat has.
        n: at least 2.
    Returns:
        None when no n hosts can all reach each other.
    """
    usable = np.flatnonzero((room > 0) & (hops.diagonal() > 0))
    hops, room = hops[np.ix_(usable, usable)], room[usable]
    if not len(room):
        return None
    clusters, members, reach = _nested(hops, room, n)
    fit = [i for i, cluster in enumerate(clusters) if len(cluster.cost) > n]
    if not fit:
        return None
    best = min(fit, key=lambda i: int(clusters[i].cost[n]))
    taken = np.zeros(len(room), np.int64)
    _choose(clusters[best], n, members[best], taken)
    own = np.flatnonzero(taken)
    between = hops[np.ix_(own, own)].astype(np.int64)
    real = int(taken[own] @ between @ taken[own] - taken[own].sum()) if (between > 0).all() else -1
    total = int(clusters[best].cost[n])
    return Tightest(total, real == total, reach)


def fewest_leaves(hops: IntMatrix, leaves: NDArray[np.int32], room: Ints, n: int) -> int:
    """Switches with ports of n hosts that fill the largest seats first; 0 when no n hosts can all reach each other.

    Args:
        leaves: (k, r) the switches of each seat, < 0 none. On one rail nothing takes fewer.
    """
    linked = hops > 0
    found = []
    part = closed(linked)
    for own in (np.flatnonzero(part == p) for p in np.unique(part[(room > 0) & linked.diagonal()])):
        order = own[np.argsort(-room[own], kind="stable")]
        filled = np.cumsum(room[order])
        if filled[-1] >= n:
            chosen = leaves[order[: int(np.searchsorted(filled, n)) + 1]]
            found.append(len(np.unique(chosen[chosen >= 0])))
    return min(found, default=0)


def closed(near: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each row of a symmetric relation the first row that it hangs together with, by however many steps."""
    label = np.arange(len(near))
    while True:
        least = np.where(near, label[None, :], label[:, None]).min(axis=1, initial=len(near))
        least = np.minimum(least, label)
        least = least[least]
        if np.array_equal(least, label):
            return label
        label = least


def _nested(hops: IntMatrix, room: Ints, n: int) -> tuple[list[_Cluster], list[list[int]], int]:
    """The largest clusters, the seats of each in the order of its innermost children, and the reach of n hosts."""
    alike: dict[tuple[int, ...], _Cluster] = {}
    clusters = [_one_seat(min(int(own), n), alike) for own in room]
    members = [[i] for i in range(len(room))]
    reach = 1 if max(len(cluster.cost) for cluster in clusters) > n else 0
    between = hops
    for apart in np.unique(hops[hops > 0]).tolist():
        label = closed((between > 0) & (between <= apart))
        firsts = np.unique(label)
        if len(firsts) < len(label):
            groups = [np.flatnonzero(label == first).tolist() for first in firsts]
            groups = [sorted(group, key=lambda i: id(clusters[i])) for group in groups]
            members = [[seat for i in group for seat in members[i]] for group in groups]
            clusters = [_joined(int(apart), [clusters[i] for i in group], n, alike) for group in groups]
            between = _between(between, groups)
        if not reach and max(len(cluster.cost) for cluster in clusters) > n:
            reach = int(apart)
    return clusters, members, reach


def _between(hops: IntMatrix, groups: Sequence[Sequence[int]]) -> IntMatrix:
    """The shortest way between each two groups, < 1 none."""
    order = [i for group in groups for i in group]
    begins = np.cumsum([0, *(len(group) for group in groups[:-1])])
    far = np.where(hops > 0, hops, np.iinfo(np.int16).max)[np.ix_(order, order)]
    least = np.minimum.reduceat(np.minimum.reduceat(far, begins, axis=0), begins, axis=1)
    return np.where(least == np.iinfo(np.int16).max, -1, least).astype(np.int16)


def _one_seat(room: int, alike: dict[tuple[int, ...], _Cluster]) -> _Cluster:
    hosts = np.arange(room + 1, dtype=np.int64)
    return alike.setdefault((room,), _Cluster(hosts * (hosts - 1)))


def _joined(apart: int, children: list[_Cluster], n: int, alike: dict[tuple[int, ...], _Cluster]) -> _Cluster:
    """A cluster of clusters; those that are put together of the same are worked out once.

    With m_i hosts in child i the cost is sum(cost_i(m_i) - apart * m_i^2) + apart * m^2: a knapsack of the sums.
    """
    if len(children) == 1:
        return children[0]
    key = (-apart, *(id(child) for child in children))
    if key not in alike:
        merged = [np.zeros(1, np.int64)]
        for child in children:
            hosts = np.arange(len(child.cost), dtype=np.int64)
            merged.append(_sums(merged[-1], child.cost - apart * hosts**2, n))
        hosts = np.arange(len(merged[-1]), dtype=np.int64)
        alike[key] = _Cluster(merged[-1] + apart * hosts**2, apart, tuple(children), tuple(merged))
    return alike[key]


def _sums(one: Ints, other: Ints, n: int) -> Ints:
    """The least one[i] + other[m - i] for each m up to n."""
    long, short = (one, other) if len(one) >= len(other) else (other, one)
    least = np.full(min(len(one) + len(other) - 1, n + 1), _NEVER, np.int64)
    for i, cost in enumerate(short[: len(least)].tolist()):
        part = least[i : i + len(long)]
        np.minimum(part, long[: len(part)] + cost, out=part)
    return least


def _choose(cluster: _Cluster, m: int, seats: Sequence[int], taken: Ints) -> int:
    """Write down of which seats m hosts are taken at the cluster's cost; how many seats it has."""
    if not cluster.children:
        taken[seats[0]] = m
        return 1
    shares = []
    for i in range(len(cluster.children) - 1, -1, -1):
        child, before, whole = cluster.children[i], cluster.merged[i], int(cluster.merged[i + 1][m])
        own = np.arange(max(0, m - len(before) + 1), min(m, len(child.cost) - 1) + 1)
        cost = child.cost[own] - cluster.apart * own**2 + before[m - own]
        share = int(own[int((cost == whole).argmax())])
        shares.append(share)
        m -= share
    at = 0
    for child, share in zip(cluster.children, reversed(shares), strict=True):
        at += _choose(child, share, seats[at:], taken)
    return at

"""Which switches are leaves, spines and cores, as far as the graph shows it.

A leaf has hosts, and how far a switch is from the nearest leaf is its level. Where hosts hang above leaves as well, or
there is no tree at all (a ring, a dragonfly), a switch with hosts that others' packets cross is `mixed`.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from weft.base.arrays import distinct

Distances = NDArray[np.int8 | np.int16]
"""Of switches, see `Topology.distances`; int8 where two of them and one more are never too many for it."""

Kind = Literal["leaf", "spine", "core", "higher", "mixed", "apart"]
"""`higher`: above the cores; `mixed`: has hosts, and lies between others with hosts; `apart`: no way to a host."""

KINDS: tuple[Kind, ...] = ("leaf", "spine", "core", "higher")
"""By level; a level above the last is called as it."""

FEW = 0.25
"""Hosts that hang above the leaves are at most this share of those around; otherwise it is no tree."""
NAMED = 3
"""Switches named in one doubt."""


@dataclass(frozen=True, eq=False)
class Levels:
    """The level of each switch: 0 leaf, 1 spine, 2 core, ...; -1 no way to a host.

    `tree`: every link joins neighbouring levels, so that packets go up and then down. `doubts`: what the graph leaves
    open, in words.
    """

    level: NDArray[np.int16]
    kinds: tuple[Kind, ...]
    tree: bool
    doubts: tuple[str, ...]


def levels_of(
    hosts: NDArray[np.int32],
    edges: NDArray[np.int32],
    distances: Distances,
    names: Sequence[str],
    chassis: Sequence[str] = (),
) -> Levels:
    """Find the levels of a fabric.

    Args:
        hosts: (s,) links to hosts (not to SHARP nodes, which hang on spines as well) that are up, by switch.
        edges: (e, 2) pairs of linked switches, each once.
        distances: (s, s) links between switches on a shortest way, -1 unreachable.
        names: of the switches, for the doubts.
        chassis: what director each switch is a board of, "" none; empty: not known of any.
    """
    if not len(hosts):
        return Levels(np.zeros(0, np.int16), (), True, ())
    has_hosts = hosts > 0
    above, between = _with_hosts_above(hosts, edges, distances)
    level = _nearest(distances, has_hosts & ~above)
    empty = _empty_leaves(level, has_hosts, edges)
    level[empty] = 0
    boards = _inner_boards(level, has_hosts, edges, chassis)
    kinds: list[Kind] = [KINDS[min(n, len(KINDS) - 1)] if n >= 0 else "apart" for n in level.tolist()]
    for i in np.flatnonzero(above | between).tolist():
        kinds[i] = "mixed"
    steps = np.abs(level[edges[:, 0]] - level[edges[:, 1]])
    astray = edges[(steps != 1) & (level[edges[:, 0]] >= 0) & ~boards[edges].any(axis=1)]
    doubts = _doubts(level, above, between, empty, astray, len(edges), distances, names)
    return Levels(level, tuple(kinds), not len(astray), doubts)


def _nearest(distances: Distances, bottom: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Links from each switch to the nearest of these, -1 to none."""
    level = np.full(len(distances), -1, np.int16)
    if bottom.any():
        far = distances[:, bottom]
        nearest = far.view(f"u{far.itemsize}").min(axis=1)  # -1 is the largest
        level = nearest.view(far.dtype).astype(np.int16)
    return level


def _with_hosts_above(
    hosts: NDArray[np.int32], edges: NDArray[np.int32], distances: Distances
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Switches with hosts that stand above leaves, and where nothing says which do, those that others' packets cross.

    In a tree no leaf lies between those nearest to it. Of switches with hosts that do, the ones are taken for higher
    which have the fewest hosts for the pairs they lie between, until none does. If these have more than a few of all
    hosts, or leaves below them are linked with each other, it is no such tree.
    """
    above = np.zeros(len(hosts), bool)
    crossed = {i: pairs for i in np.flatnonzero(hosts > 0).tolist() if (pairs := _pairs_over(i, hosts > 0, distances))}
    between = np.zeros(len(hosts), bool)
    between[list(crossed)] = True
    waiting = [(hosts[i] / pairs, i) for i, pairs in crossed.items()]
    heapq.heapify(waiting)
    while waiting and hosts[above].sum() <= FEW * hosts.sum():
        cost, i = heapq.heappop(waiting)
        pairs = _pairs_over(i, (hosts > 0) & ~above, distances)
        if pairs and hosts[i] / pairs > cost:
            heapq.heappush(waiting, (hosts[i] / pairs, i))
        elif pairs:
            above[i] = True
    if hosts[above].sum() <= FEW * hosts.sum() and not _side_by_side(above, hosts, edges):
        between[:] = False
    else:
        above[:] = False
    return above, between


def _pairs_over(i: int, ends: NDArray[np.bool_], distances: Distances) -> int:
    """Pairs of those nearest to switch i between which it lies on a shortest way."""
    others = np.flatnonzero(ends & (distances[i] > 0))
    if not len(others):
        return 0
    near = distances[i, others].min()
    nearest = others[distances[i, others] == near]
    return int((distances[nearest[:, None], nearest[None, :]] == 2 * near).sum())


def _side_by_side(above: NDArray[np.bool_], hosts: NDArray[np.int32], edges: NDArray[np.int32]) -> bool:
    """Whether a leaf that is linked to one of those above is linked to another leaf."""
    leaf = (hosts > 0) & ~above
    below = np.zeros(len(hosts), bool)
    for near, far in ((0, 1), (1, 0)):
        below[edges[above[edges[:, near]], far]] = True
    beside = edges[leaf[edges].all(axis=1)]
    return bool(below[beside].any())


def _empty_leaves(
    level: NDArray[np.int16], has_hosts: NDArray[np.bool_], edges: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Switches without a host that are linked to nothing but what one leaf is linked to.

    A core is linked to spines of several pods, so this is rather a leaf whose hosts are all off.
    """
    s = len(level)
    linked = np.zeros((s, s), bool)
    linked[edges[:, 0], edges[:, 1]] = linked[edges[:, 1], edges[:, 0]] = True
    empty = np.zeros(s, bool)
    for i in np.flatnonzero((level == 2) & ~has_hosts).tolist():
        beside = np.flatnonzero(linked[int(linked[i].argmax())] & has_hosts & (level == 0))
        empty[i] = bool(len(beside)) and not (linked[i] & ~linked[beside]).any(axis=1).all()
    return empty


def _inner_boards(
    level: NDArray[np.int16], has_hosts: NDArray[np.bool_], edges: NDArray[np.int32], chassis: Sequence[str]
) -> NDArray[np.bool_]:
    """Boards of a director that are linked to nothing but boards of it: one level above the highest of these."""
    inner = np.zeros(len(level), bool)
    if not any(chassis) or not len(edges):
        return inner
    number = {name: i for i, name in enumerate(sorted(set(chassis) - {""}))}
    case = np.array([number.get(name, -1) for name in chassis])
    inside = (case[edges[:, 0]] == case[edges[:, 1]]) & (case[edges[:, 0]] >= 0)
    outward = np.zeros(len(level), bool)
    outward[edges[~inside].ravel()] = True
    inner[edges[inside].ravel()] = True
    inner &= ~outward & ~has_hosts
    top = level.copy()
    for near, far in ((0, 1), (1, 0)):
        of_board = inside & inner[edges[:, near]] & ~inner[edges[:, far]]
        np.maximum.at(top, edges[of_board, near], level[edges[of_board, far]] + 1)
    level[inner] = top[inner]
    return inner


def _doubts(
    level: NDArray[np.int16],
    above: NDArray[np.bool_],
    between: NDArray[np.bool_],
    empty: NDArray[np.bool_],
    astray: NDArray[np.int32],
    links: int,
    distances: Distances,
    names: Sequence[str],
) -> tuple[str, ...]:
    """What a reader of the levels must know."""
    told = []
    parts = len(distinct((distances >= 0).argmax(axis=1)))
    if parts > 1:
        told.append(f"The fabric is in {parts} parts without a way from one to the other.")
    if above.any():
        told.append(f"Above the leaves hosts hang on {_some(above, names)} as well.")
    if between.any():
        told.append(
            f"Switches with hosts are linked with each other, and packets of others cross {_some(between, names)}."
        )
    if empty.any():
        told.append(f"No host is up on {_some(empty, names)}: taken for a leaf, as its links are those of one.")
    if (level < 0).any():
        told.append(f"No host can be reached from {_some(level < 0, names)}.")
    if len(astray):
        a, b = (names[i] for i in astray[0].tolist())
        told.append(
            f"{len(astray)} of {links} pairs of linked switches are not of neighbouring levels ({a} - {b}): no tree."
        )
    return tuple(told)


def _some(which: NDArray[np.bool_], names: Sequence[str]) -> str:
    chosen = sorted(names[i] for i in np.flatnonzero(which).tolist())
    more = f" and {len(chosen) - NAMED} more" if len(chosen) > NAMED else ""
    return ", ".join(chosen[:NAMED]) + more

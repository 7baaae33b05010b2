"""How well a run lies in the fabric: leaves, hops, hosts that stand out, and who could take their place."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from weft.fabric.topology import IntMatrix, Topology

STANDS_OUT = 0.5
"""A host stands out when its mean hops to the others is this much above the run's median host: half a switch."""
MINORITY = 0.25
"""... and its leaf holds at most this share of the run's hosts, or it alone."""
MOST_SWAPS = 16
"""Swaps worked out for one run; nobody makes more by hand."""


@dataclass(frozen=True, slots=True)
class Straggler:
    """A host that is farther from the others than most of them are from each other; `leaves`: one a rail."""

    host: str
    leaves: tuple[str, ...]
    mean_hops: float


@dataclass(frozen=True, slots=True)
class Swap:
    """The run with `candidate` instead of `straggler`: mean hops of the whole run before and after.

    Swaps of one report follow each other: `before` of the second is `after` of the first.
    """

    straggler: str
    candidate: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Placement:
    """A run's placement. `mean_hops` None: fewer than two hosts with a route; `best_hops` likewise.

    `best`: `optimal` when `best_hops` can be had on the empty fabric, `bound` when it may be too good.
    `histogram`: hops -> unordered pairs of hosts. `left_out`: hosts without a place or a route, not counted anywhere.
    """

    hosts: tuple[str, ...]
    left_out: tuple[str, ...]
    leaves: Mapping[str, int]
    leaves_minimum: int
    mean_hops: float | None
    best_hops: float | None
    best: Literal["optimal", "bound"]
    histogram: Mapping[int, int]
    stragglers: tuple[Straggler, ...]
    swaps: tuple[Swap, ...]
    verdict: str = ""
    doubts: tuple[str, ...] = ()


def mean_hops(hops: IntMatrix) -> float:
    """Mean number of switches between two different hosts of one run.

    Args:
        hops: shape (n, n), n >= 2; hops[i, j] is the number of switches crossed from host i to host j (1: same leaf),
            the diagonal 0. Not assumed symmetric: InfiniBand routes are set per direction.
    Returns:
        Switches per ordered pair of hosts, >= 1.
    Raises:
        ValueError: not (n, n), or a pair under 1 (a missing route is not 0: leave that host out and say so).
    Source:
        Mean over all ordered pairs; hops counted in switches, as `ibtracert` lists them.
    """
    n = len(hops)
    if n < 2 or hops.shape != (n, n):
        raise ValueError(f"hops must be (n, n) with n >= 2, got {hops.shape}")
    apart = n * n - n
    off_diagonal = hops if not hops.diagonal().any() else np.where(np.eye(n, dtype=bool), 0, hops)
    if np.count_nonzero(off_diagonal > 0) < apart:
        raise ValueError("hops between two hosts must be >= 1; leave out hosts without a route")
    return float(off_diagonal.sum(dtype=np.int64)) / apart


def place(topology: Topology, hosts: Sequence[str], free: Collection[str] | None) -> Placement:
    """Report how a run's hosts lie in the fabric.

    Args:
        hosts: the run's hosts, written any way `Topology.find` knows.
        free: hosts that no other run held when the run started; None: not known, so no swap is proposed.
    """
    found = {host: topology.find(host) for host in hosts}
    known = sorted({name for name in found.values() if name is not None})
    left_out = [host for host, name in found.items() if name is None]
    hops = topology.hop_matrix(known)
    reachable = _together(hops)
    left_out += [host for host, ok in zip(known, reachable, strict=True) if not ok]
    used = [host for host, ok in zip(known, reachable, strict=True) if ok]
    hops = hops[np.ix_(reachable, reachable)]
    room = _room(topology)
    leaf_of = {host: leaves for leaves, there in room.items() for host in there}
    minimum, best, optimal = _best(topology, room, len(used))
    actual = mean_hops(hops) if len(used) > 1 else None
    stragglers = _stragglers(topology, used, hops, leaf_of)
    swaps: tuple[Swap, ...] = ()
    if free is not None and actual is not None:
        open_hosts = {name for host in free if (name := topology.find(host)) is not None} - set(known)
        swaps = _swaps(topology, used, [s.host for s in stragglers], room, leaf_of, open_hosts)
    leaves = Counter(topology.names[leaf] for host in used for leaf in set(leaf_of[host]))
    pairs = hops[np.triu_indices(len(used), 1)]
    report = Placement(
        tuple(used),
        tuple(sorted(left_out)),
        dict(sorted(leaves.items())),
        minimum,
        actual,
        best,
        "bound",
        {int(h): int(c) for h, c in zip(*np.unique(pairs, return_counts=True), strict=True)},
        stragglers,
        swaps,
    )
    report = replace(report, best="optimal" if optimal or _at_best(report) else "bound")
    return replace(report, verdict=_in_words(report), doubts=_doubts(report, free is not None))


def _together(hops: IntMatrix) -> NDArray[np.bool_]:
    """Which hosts can all reach each other: those with a route to the host that reaches most."""
    n = len(hops)
    if n == 0:
        return np.zeros(0, bool)
    routes = hops >= 0
    if n == 1 or routes.all():
        return np.ones(n, bool)
    heart = int(routes.sum(axis=1).argmax())
    kept: NDArray[np.bool_] = routes[heart] & routes[:, heart]
    if kept.sum() == 1:
        return np.zeros(n, bool)
    while not routes[np.ix_(kept, kept)].all():  # not transitive: rails of one host may lie in different parts
        inside = np.flatnonzero(kept)
        kept[inside[routes[np.ix_(kept, kept)].sum(axis=1).argmin()]] = False
    return kept


def _room(topology: Topology) -> dict[tuple[int, ...], list[str]]:
    """Hosts by the leaves their rails hang on: on one rail, what each leaf holds. Hosts without a link are no room."""
    room: dict[tuple[int, ...], list[str]] = {}
    for host, rails in topology.hosts.items():
        leaves = tuple(rail.leaf for rail in rails)
        if leaves and min(leaves) >= 0:
            room.setdefault(leaves, []).append(host)
        elif leaves and max(leaves) >= 0:
            room.setdefault(tuple(leaf for leaf in leaves if leaf >= 0), []).append(host)
    return room


def _best(topology: Topology, room: Mapping[tuple[int, ...], list[str]], n: int) -> tuple[int, float | None, bool]:
    """Fewest leaves for n hosts, their lowest mean hops on the empty fabric, and whether that can be had.

    Full leaves first makes most pairs share a leaf, and no pair on two leaves is closer than the closest two leaves: a
    bound. It is exact where leaves at that distance of each other hold n hosts, as all leaves of a two-level tree do.
    """
    places = sorted(room, key=lambda leaves: (-len(room[leaves]), leaves))
    sizes = [len(room[leaves]) for leaves in places]
    taken = _fill(sizes, n)
    minimum = len({leaf for leaves in places[: len(taken)] for leaf in leaves})
    if n < 2 or sum(taken) < n:
        return minimum, None, False
    same = sum(k * (k - 1) for k in taken)
    between = topology.hop_matrix([room[leaves][0] for leaves in places])
    apart = between[between > 0]
    near = int(apart.min()) if len(apart) else 1
    bound = (same + (n * (n - 1) - same) * near) / (n * (n - 1))
    if len(taken) == 1:
        return minimum, bound, True
    for row in between:
        close = [i for i in range(len(places)) if row[i] in (0, near)]
        if _fill([sizes[i] for i in close], n) == taken:
            chosen = between[np.ix_(close[: len(taken)], close[: len(taken)])]
            if np.count_nonzero(chosen == near) == len(taken) * (len(taken) - 1):
                return minimum, bound, True
    return minimum, bound, False


def _fill(sizes: Sequence[int], n: int) -> list[int]:
    """Hosts on each leaf when n hosts fill leaves of these sizes in order."""
    taken: list[int] = []
    for size in sizes:
        if n <= 0:
            break
        taken.append(min(size, n))
        n -= size
    return taken


def _stragglers(
    topology: Topology, hosts: Sequence[str], hops: IntMatrix, leaf_of: Mapping[str, tuple[int, ...]]
) -> tuple[Straggler, ...]:
    """Hosts that stand out, worst first; none in a run that is spread evenly."""
    n = len(hosts)
    if n < 3:
        return ()
    own = (hops.sum(axis=0, dtype=np.int64) + hops.sum(axis=1, dtype=np.int64)) / (2 * (n - 1))
    usual = float(np.median(own))
    together = Counter(leaf_of[host] for host in hosts)
    if max(together.values()) == 1:
        return ()
    out = [
        Straggler(host, tuple(topology.names[leaf] for leaf in leaf_of[host]), float(mean))
        for host, mean in zip(hosts, own, strict=True)
        if mean - usual >= STANDS_OUT and together[leaf_of[host]] <= max(1, MINORITY * n)
    ]
    return tuple(sorted(out, key=lambda s: (-s.mean_hops, s.host)))


def _swaps(
    topology: Topology,
    hosts: Sequence[str],
    stragglers: Sequence[str],
    room: Mapping[tuple[int, ...], list[str]],
    leaf_of: Mapping[str, tuple[int, ...]],
    free: Collection[str],
) -> tuple[Swap, ...]:
    """For each straggler the free host on the run's own leaves that brings the mean lowest; ties by leaf and name.

    Hosts on one leaf are alike to the others, so one of each leaf is measured; the total changes by what leaves and
    what comes.
    """
    mine = sorted({leaf_of[host] for host in hosts if host not in stragglers})
    offers = [queue for leaves in mine if (queue := sorted(host for host in room[leaves] if host in free))]
    hops = topology.hop_matrix([*hosts, *(queue[0] for queue in offers)])
    n = len(hosts)
    hops[range(n, len(hops)), range(n, len(hops))] = 1  # two that come from one leaf are one switch apart
    now = np.arange(n)
    total = int(hops[:n, :n].sum(dtype=np.int64))
    swaps: list[Swap] = []
    for straggler in stragglers[:MOST_SWAPS]:
        out = hosts.index(straggler)
        others = np.delete(now, out)
        tried = []
        for k, queue in enumerate(offers, n):
            if queue and hops[k, others].min() > 0 and hops[others, k].min() > 0:
                tried.append((total - _share(hops, out, others) + _share(hops, k, others), k))
        if not tried or min(tried)[0] >= total:
            continue
        after, k = min(tried)
        pairs = n * (n - 1)
        swaps.append(Swap(straggler, offers[k - n].pop(0), total / pairs, after / pairs))
        now[out], total = k, after
    return tuple(swaps)


def _share(hops: IntMatrix, one: int, others: NDArray[np.intp]) -> int:
    """Hops from one to the others and back."""
    return int(hops[one, others].sum(dtype=np.int64) + hops[others, one].sum(dtype=np.int64))


def _in_words(report: Placement) -> str:
    """One line that a user understands."""
    n, used = len(report.hosts), len(report.leaves)
    if n == 0:
        return "None of the run's hosts has a place in the fabric at that time."
    if report.mean_hops is None or report.best_hops is None:
        return f"{_count(n, 'host')} on {_count(used, 'leaf')}: nothing to compare."
    of_all = f"{n} of {_count(n + len(report.left_out), 'host')}" if report.left_out else _count(n, "host")
    where = f"{of_all} on {_count(used, 'leaf')}"
    mean = f"mean {report.mean_hops:.2f} switches between two hosts"
    if _at_best(report):
        return f"As tight as this fabric allows: {where}, {mean}."
    enough = f" where {report.leaves_minimum} would do" if used > report.leaves_minimum else ""
    best = f"{report.best_hops:.2f} at best" if report.best == "optimal" else f"no less than {report.best_hops:.2f}"
    text = f"{where}{enough}; {mean}, {best}."
    if len(report.stragglers) == 1:
        one = report.stragglers[0]
        text += f" {one.host} on {'+'.join(one.leaves)} stands out with {one.mean_hops:.2f}."
    elif report.stragglers:
        text += f" {len(report.stragglers)} hosts stand out: {_some([s.host for s in report.stragglers])}."
    if report.swaps:
        first, last = report.swaps[0], report.swaps[-1]
        text += f" {first.candidate} was free and would have been better than {first.straggler}"
        text += f" (mean {first.after:.2f})." if len(report.swaps) == 1 else ""
        text += f"; with all {len(report.swaps)} swaps the mean is {last.after:.2f}." if len(report.swaps) > 1 else ""
    return text


def _at_best(report: Placement) -> bool:
    return report.mean_hops is not None and report.best_hops is not None and report.mean_hops <= report.best_hops + 1e-9


def _doubts(report: Placement, free_known: bool) -> tuple[str, ...]:
    doubts = []
    if report.left_out:
        doubts.append(f"Left out, without a place or a route in the fabric then: {_some(report.left_out)}.")
    if report.swaps:
        names = _some([swap.candidate for swap in report.swaps])
        doubts.append(f"Whether {names} could have taken the job (partition, features, node state) is not known.")
    if not free_known and report.stragglers:
        doubts.append("Which hosts were free when the run started is not known, so no swap is proposed.")
    return tuple(doubts)


def _count(n: int, what: str) -> str:
    many = "leaves" if what == "leaf" else f"{what}s"
    return f"{n} {what if n == 1 else many}"


def _some(names: Sequence[str], most: int = 5) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest

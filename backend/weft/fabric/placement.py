"""How well a run lies in the fabric: leaves, levels and hops against the best, hosts that stand out, and whom to swap.

Hosts whose rails hang on the same switches are alike (a seat, see `Topology.seats`), so everything is counted by seat:
a run of 5,000 hosts has a few hundred.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.fabric.packing import fewest_leaves, tightest
from weft.fabric.topology import IntMatrix, Topology

STANDS_OUT = 0.5
"""A host stands out when its mean hops to the others is this much above the run's median host: half a switch."""
MINORITY = 0.25
"""... and it is among at most this share of the run's hosts, or alone, that are nearer to it than the others are."""
MOST_SWAPS = 16
"""Swaps worked out for one run; nobody makes more by hand."""
LEVELS = ("leaf", "spine", "core")
"""What switches of the lowest levels are called."""
MOST_SEATS = 4_000
"""Above so many seats (rails cabled without any order) the best is not looked for."""


@dataclass(frozen=True, slots=True)
class Straggler:
    """A host that is farther from the others than most of them are from each other; `leaves`: one a rail."""

    host: str
    leaves: tuple[str, ...]
    mean_hops: float


@dataclass(frozen=True, slots=True)
class Swap:
    """The run with `candidate` instead of `straggler`: mean hops of the whole run before and after.

    Swaps of one report follow each other: `before` of the second is `after` of the first. `leaves`: the candidate's.
    `doubts`: why the candidate may not have been able to take the place.
    """

    straggler: str
    candidate: str
    before: float
    after: float
    leaves: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Rail:
    """A run on one of its rails (`mlx5_0/1`); `without`: hosts of the run that have no link on it.

    `leaves`: hosts by leaf. `hops` (l, l): switches crossed between hosts on these leaves, in their order; -1 no route.
    `histogram`: hops -> unordered pairs of hosts. `mean_hops`: of the pairs with a route, None: there is none.
    """

    name: str
    leaves: Mapping[str, int]
    hops: IntMatrix
    histogram: Mapping[int, int]
    mean_hops: float | None
    without: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Placement:
    """A run's placement; of several rails the worst counts for each two hosts.

    `mean_hops` None: fewer than two hosts with a route; `best_hops` likewise, or it was not looked for. `best`:
    `optimal` when `best_hops` can be had on the empty fabric, `bound` when it may be too good. `levels`: levels of
    switches that packets go through (1: leaves only), None where the fabric is no tree. `histogram`: hops -> unordered
    pairs of hosts. Not counted anywhere: `absent` hosts are not in the fabric, `unlinked` ones have no link, `cut_off`
    ones have no route to the others. `guids`: by host of `hosts`, the switches it hangs on (one a rail, "" no link).
    `choice`: whose hosts the best is of, all in the fabric or those that the run could have been given.
    """

    hosts: tuple[str, ...]
    absent: tuple[str, ...]
    unlinked: tuple[str, ...]
    cut_off: tuple[str, ...]
    guids: tuple[tuple[str, ...], ...]
    leaves: Mapping[str, int]
    leaves_minimum: int | None
    levels: int | None
    levels_minimum: int | None
    rails: tuple[Rail, ...]
    mean_hops: float | None
    best_hops: float | None
    best: Literal["optimal", "bound"]
    histogram: Mapping[int, int]
    stragglers: tuple[Straggler, ...]
    choice: Literal["fabric", "partition"] = "fabric"
    swaps: tuple[Swap, ...] = ()
    verdict: str = ""
    doubts: tuple[str, ...] = ()

    @property
    def left_out(self) -> tuple[str, ...]:
        """Every host of the run that is not counted."""
        return (*self.absent, *self.unlinked, *self.cut_off)

    @property
    def at_best(self) -> bool:
        """True when no other hosts would have been closer to each other."""
        return self.mean_hops is not None and self.best_hops is not None and self.mean_hops <= self.best_hops + 1e-9


Offers = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Straggler -> hosts that were free and could have taken its place -> what is not known of that."""


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


def place(topology: Topology, hosts: Sequence[str], usable: Collection[str] | None = None) -> Placement:
    """Report how a run's hosts lie in the fabric; `proposed` adds the swaps.

    Args:
        hosts: the run's hosts, written any way `Topology.find` knows.
        usable: hosts that the run could have been given at all, by names of `Topology.hosts`, its own beside; None: all
            that there are.
    """
    found = {host: topology.find(host) for host in hosts}
    known = sorted({name for name in found.values() if name is not None})
    seat_of = topology.seats.of
    taken = np.array([seat_of[name] for name in known], np.intp)
    seats, at = np.unique(taken, return_inverse=True)
    hops = topology.seat_hops(seats)
    linked = hops.diagonal() > 0
    together = _together(hops, np.bincount(at, minlength=len(seats)))
    used = [name for name, i in zip(known, at.tolist(), strict=True) if together[i]]
    seats, hops = seats[together], hops[np.ix_(together, together)]
    counts = np.bincount(taken[together[at]], minlength=len(topology.seats.leaf))
    best = _best(topology, used, usable)
    pairs = _pairs(hops, counts[seats])
    tree = topology.levels.tree and bool(used)
    report = Placement(
        hosts=tuple(used),
        absent=tuple(sorted(host for host, name in found.items() if name is None)),
        unlinked=tuple(name for name, i in zip(known, at.tolist(), strict=True) if not linked[i]),
        cut_off=tuple(name for name, i in zip(known, at.tolist(), strict=True) if linked[i] and not together[i]),
        guids=tuple(tuple(_guid(topology, rail.leaf) for rail in topology.hosts[name]) for name in used),
        leaves=_hosts_by_leaf(topology, topology.seats.leaf[seats], counts[seats]),
        leaves_minimum=best.leaves,
        levels=max(pairs, default=1) // 2 + 1 if tree else None,
        levels_minimum=best.reach // 2 + 1 if tree and best.reach else None,
        rails=_rails(topology, used),
        mean_hops=_mean(pairs),
        best_hops=best.mean_hops,
        best="bound",
        histogram=pairs,
        stragglers=(),
        choice="fabric" if usable is None else "partition",
    )
    report = replace(report, best="optimal" if best.exact or report.at_best else "bound")
    if not report.at_best:
        report = replace(report, stragglers=_stragglers(topology, used, seats, hops, counts[seats]))
    return replace(report, verdict=_in_words(report), doubts=_doubts(topology, report))


def _guid(topology: Topology, leaf: int) -> str:
    return topology.switches[leaf] if leaf >= 0 else ""


def _together(hops: IntMatrix, counts: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which seats of a run can all reach each other: those with a route to the seat that reaches most hosts."""
    routes = hops > 0
    if not len(hops) or not routes.any():
        return np.zeros(len(hops), bool)
    heart = int((routes @ counts).argmax())
    kept: NDArray[np.bool_] = routes[heart].copy()
    while not routes[np.ix_(kept, kept)].all():  # not transitive: rails of one host may lie in different parts
        inside = np.flatnonzero(kept)
        kept[inside[int((routes[np.ix_(kept, kept)] @ counts[kept]).argmin())]] = False
    return kept


def _pairs(hops: IntMatrix, counts: NDArray[np.intp]) -> dict[int, int]:
    """Hops -> unordered pairs of hosts; pairs without a route are under -1."""
    both = np.outer(counts, counts)
    both[np.diag_indices(len(counts))] -= counts
    found = {int(h): int(both[hops == h].sum()) // 2 for h in np.unique(hops)}
    return {h: pairs for h, pairs in sorted(found.items()) if pairs}


def _mean(pairs: Mapping[int, int]) -> float | None:
    """Mean hops of pairs that have a route."""
    routed = {h: count for h, count in pairs.items() if h > 0}
    return sum(h * count for h, count in routed.items()) / sum(routed.values()) if routed else None


def _hosts_by_leaf(topology: Topology, leaf: NDArray[np.int32], counts: NDArray[np.intp]) -> dict[str, int]:
    """Name of each switch that hosts hang on -> how many of them."""
    found: dict[int, int] = {}
    for own, count in zip(leaf.tolist(), counts.tolist(), strict=True):
        for one in set(own):
            if one >= 0:
                found[one] = found.get(one, 0) + count
    return dict(sorted((topology.names[one], count) for one, count in found.items()))


class _Best(NamedTuple):
    """Fewest leaves, lowest mean hops (and whether it can be had), and the fewest most hops; None or 0: not known."""

    leaves: int | None = None
    mean_hops: float | None = None
    exact: bool = False
    reach: int = 0


def _best(topology: Topology, hosts: Sequence[str], usable: Collection[str] | None) -> _Best:
    """The best that as many hosts could have had."""
    of, n = topology.seats.of, len(hosts)
    names = of if usable is None else {name for name in usable if name in of} | set(hosts)
    room = np.bincount(np.array([of[name] for name in names], np.intp), minlength=len(topology.seats.leaf))
    seats = np.flatnonzero(room)
    if not n or len(seats) > MOST_SEATS:
        return _Best()
    hops = topology.seat_hops(seats)
    leaves = fewest_leaves(hops, topology.seats.leaf[seats], room[seats], n)
    if n < 2:
        return _Best(leaves, reach=1)
    found = tightest(hops, room[seats], n)
    if found is None:
        return _Best(leaves)
    return _Best(leaves, found.total / (n * (n - 1)), found.exact, found.reach)


def _rails(topology: Topology, hosts: Sequence[str]) -> tuple[Rail, ...]:
    """Each rail that a host of the run has a link on."""
    seats = topology.seats
    taken = np.array([seats.of[host] for host in hosts], np.intp)
    found = []
    for column, name in enumerate(seats.rails):
        leaf = seats.leaf[taken, column]
        here = leaf[leaf >= 0]
        if not len(here):
            continue
        leaves, counts = np.unique(here, return_counts=True)
        order = np.array(sorted(range(len(leaves)), key=lambda i: topology.names[leaves[i]]))
        leaves, counts = leaves[order], counts[order]
        hops = topology.leaf_hops(leaves)
        pairs = _pairs(hops, counts)
        without = tuple(host for host, at in zip(hosts, leaf.tolist(), strict=True) if at < 0)
        by_leaf = {topology.names[at]: count for at, count in zip(leaves.tolist(), counts.tolist(), strict=True)}
        found.append(Rail(name, by_leaf, hops, pairs, _mean(pairs), without))
    return tuple(found)


def _stragglers(
    topology: Topology, hosts: Sequence[str], seats: NDArray[np.intp], hops: IntMatrix, counts: NDArray[np.intp]
) -> tuple[Straggler, ...]:
    """Hosts that stand out, worst first; none in a run that is spread evenly."""
    n = len(hosts)
    if n < 3:
        return ()
    means = (hops @ counts - hops.diagonal()) / (n - 1)
    usual = float(np.median(np.repeat(means, counts)))
    out: dict[int, float] = {}
    for i in np.flatnonzero(means - usual >= STANDS_OUT).tolist():
        others = counts.copy()
        others[i] -= 1
        middle = np.sort(np.repeat(hops[i], others))[(n - 1) // 2]
        if 1 + int(others[hops[i] < middle].sum()) <= max(1, MINORITY * n):
            out[int(seats[i])] = float(means[i])
    found = [
        Straggler(host, _leaf_names(topology, host), out[topology.seats.of[host]])
        for host in hosts
        if topology.seats.of[host] in out
    ]
    return tuple(sorted(found, key=lambda s: (-s.mean_hops, s.host)))


def _leaf_names(topology: Topology, host: str) -> tuple[str, ...]:
    return tuple(topology.names[rail.leaf] for rail in topology.hosts[host] if rail.leaf >= 0)


def helpful(topology: Topology, report: Placement) -> list[str]:
    """Hosts that would bring the run's mean hops down in the place of a straggler, free or not; the best first."""
    if not report.stragglers or len(topology.seats.leaf) > MOST_SEATS:
        return []
    of, counts, far = topology.seats.of, _counts(topology, report.hosts), _far(topology)
    sums = far @ counts
    gain = np.zeros(len(counts), np.int64)
    for seat in {of[straggler.host] for straggler in report.stragglers}:
        own = sums - far[:, seat]
        gain = np.maximum(gain, own[seat] - own)
    mine = set(report.hosts)
    better = [(-int(gain[seat]), host) for host, seat in of.items() if gain[seat] > 0 and host not in mine]
    return [host for _, host in sorted(better)]


def _counts(topology: Topology, hosts: Sequence[str]) -> NDArray[np.intp]:
    """Hosts of the run by seat."""
    taken = np.array([topology.seats.of[host] for host in hosts], np.intp)
    return np.bincount(taken, minlength=len(topology.seats.leaf))


def _far(topology: Topology) -> NDArray[np.int64]:
    """Hops between hosts of each two seats; without a route more than any sum of hops."""
    hops = topology.seat_hops(np.arange(len(topology.seats.leaf)))
    return np.where(hops < 1, 10**9, hops).astype(np.int64)


def proposed(topology: Topology, report: Placement, offers: Offers | None) -> Placement:
    """The report with the swaps that help, in the order in which to make them.

    Each is the pair of straggler and host that brings the mean lowest then; of hosts that do so alike, the one with the
    fewest doubts on the leaf with most of the run.

    Args:
        offers: whom each straggler could have given its place to; None: not known, so no swap is proposed.
    """
    swaps = () if offers is None else _swaps(topology, report, offers)
    doubts = list(report.doubts)
    if offers is None and report.stragglers:
        doubts.append("Which hosts were free when the run started is not known, so no swap is proposed.")
    by_doubt: dict[str, list[str]] = {}
    for swap in swaps:
        for doubt in swap.doubts:
            by_doubt.setdefault(doubt, []).append(swap.candidate)
    doubts += [f"{_some(names)}: {doubt}." for doubt, names in by_doubt.items()]
    report = replace(report, swaps=swaps, doubts=tuple(doubts))
    words = _in_words(report)
    if offers is not None and report.stragglers and report.best_hops is not None and not swaps:
        words += " No host that was free and could take the job would have been better."
    return replace(report, verdict=words)


def _swaps(topology: Topology, report: Placement, offers: Offers) -> tuple[Swap, ...]:
    if not any(offers.values()):
        return ()
    of, counts, far = topology.seats.of, _counts(topology, report.hosts), _far(topology)
    pairs = len(report.hosts) * (len(report.hosts) - 1)
    total = round((report.mean_hops or 0) * pairs)
    waiting = [straggler.host for straggler in report.stragglers][:MOST_SWAPS]
    gone: set[str] = set()
    swaps: list[Swap] = []
    while waiting:
        sums = far @ counts
        tried = []
        for rank, straggler in enumerate(waiting):
            seat = of[straggler]
            own = (sums - far[:, seat]).tolist()
            tried += [
                (own[of[host]] - own[seat], rank, len(doubts), -int(counts[of[host]]), host, doubts)
                for host, doubts in offers.get(straggler, {}).items()
                if host not in gone and own[of[host]] < own[seat]
            ]
        if not tried:
            break
        cost, rank, _, _, host, doubts = min(tried)
        straggler = waiting.pop(rank)
        before, total = total, total + 2 * cost
        swaps.append(Swap(straggler, host, before / pairs, total / pairs, _leaf_names(topology, host), doubts))
        counts[of[straggler]] -= 1
        counts[of[host]] += 1
        gone.add(host)
    return tuple(swaps)


def _in_words(report: Placement) -> str:
    """One line that a user understands."""
    n, used = len(report.hosts), len(report.leaves)
    if n == 0:
        return "None of the run's hosts has a place in the fabric at that time."
    of_all = f"{n} of {_count(n + len(report.left_out), 'host')}" if report.left_out else _count(n, "host")
    where = f"{of_all} on {_count(used, 'leaf')}"
    if report.mean_hops is None:
        return f"{where}: nothing to compare."
    mean = f"mean {report.mean_hops:.2f} switches between two hosts"
    if report.best_hops is None or report.leaves_minimum is None:
        return f"{where}; {mean}, the best is not known."
    if report.at_best:
        allows = "this fabric" if report.choice == "fabric" else "its partition"
        return f"As tight as {allows} allows: {where}, {mean}."
    enough = f" where {report.leaves_minimum} would do" if used > report.leaves_minimum else ""
    best = f"{report.best_hops:.2f} at best" if report.best == "optimal" else f"no less than {report.best_hops:.2f}"
    text = f"{where}{enough}{_climb(report)}; {mean}, {best}."
    rails = {rail.name: rail.mean_hops for rail in report.rails if rail.mean_hops is not None}
    if len(set(rails.values())) > 1:
        worst = max(rails, key=lambda name: rails[name])
        text += f" {worst} is the worst rail with {rails[worst]:.2f}."
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


def _climb(report: Placement) -> str:
    """That packets go higher than they need; a run that fits one leaf is told so already."""
    levels, minimum = report.levels, report.levels_minimum
    if levels is None or minimum is None or minimum < 2 or levels <= minimum:
        return ""
    used, enough = (f"{LEVELS[n - 1]} switches" if n <= len(LEVELS) else f"{n} levels" for n in (levels, minimum))
    return f", over {used} where {enough} would do"


def _doubts(topology: Topology, report: Placement) -> tuple[str, ...]:
    doubts = []
    if report.absent:
        doubts.append(f"Not in the fabric then: {_some(report.absent)}.")
    if report.unlinked:
        doubts.append(f"Without a link then: {_some(report.unlinked)}.")
    if report.cut_off:
        on_rail = " on some rail" if len(topology.seats.rails) > 1 else ""
        doubts.append(f"Without a route to the others{on_rail} then: {_some(report.cut_off)}.")
    down = [f"{host} {rail.label}" for host in report.hosts for rail in topology.hosts[host] if rail.leaf < 0]
    if len(topology.seats.leaf) > MOST_SEATS:
        doubts.append(
            f"Rails hang in {len(topology.seats.leaf):,} different ways: neither best nor swaps are looked for."
        )
    if down:
        doubts.append(f"A rail was down, and the host's others count: {_some(down)}.")
    return tuple(doubts)


def _count(n: int, what: str) -> str:
    many = "leaves" if what == "leaf" else f"{what}s"
    return f"{n} {what if n == 1 else many}"


def _some(names: Sequence[str], most: int = 5) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest

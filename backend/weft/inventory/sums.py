"""Sums over runs, whatever keeps them: a row a day (UTC) and kind of run, kept in the same transaction as the runs.

A kind is (cluster, user, account, partition, state, whether its size is known). Each kind also counts under its cluster
and one of the others alone, so that a sum by user reads a row a user and day, not one a kind: `scope` says which of
them a kind is told by, and is `all` for the whole kind. A day's row holds how many runs started in it, core and node
milliseconds in it, and what crosses into it: runs, cores and nodes that ran at its first instant and before. So whole
days are summed from rows alone, and up to an instant within a day it is what crosses into the day, plus what started
since, less what ended since: two short ranges of an index, whatever the length of runs.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from weft.base.errors import BadRequest
from weft.base.intervals import FOREVER_MS, Interval
from weft.inventory.listing import listed
from weft.inventory.store import RunFilter, Total, TotalsBy
from weft.scheduler.model import Run

DAY_MS = 86_400_000

SUMMED_MS = 3653 * DAY_MS
"""A run that seems to have lasted more than ten years is a wrong clock, and would be a row for every day of them."""

SCOPES = ("user", "account", "partition", "state")

Kind = tuple[str, str, str, str, str, bool]
"""Cluster, user, account, partition, state, whether the size is known."""

Scoped = tuple[str, str, str, str, str, str, bool]
"""A scope, then the kind with "" for what the scope does not tell."""

Group = tuple[str, bool]
"""A key that is asked for, and whether the size is known."""


class Ran(NamedTuple):
    """A run as it is summed: its kind, from when to when it ran, and how much it held."""

    kind: Kind
    from_ms: int
    until_ms: int
    cores: int
    nodes: int


class Sum(NamedTuple):
    """A row of sums: of a day, or of a part of it."""

    starts: int = 0
    core_ms: int = 0
    node_ms: int = 0
    crossing: int = 0
    cores: int = 0
    nodes: int = 0

    def plus(self, other: "Sum", sign: int = 1) -> "Sum":
        """Both added up; sign -1: the other one taken away."""
        return Sum(*(mine + sign * its for mine, its in zip(self, other, strict=True)))


def ran_of(run: Run) -> Ran | None:
    """What of a run is summed, None for one that never started; one that is not over, to when it was last seen."""
    if run.key.start_ms is None:
        return None
    at_ms = listed(run).from_ms
    ended_ms = run.end_ms if run.finished or run.end_ms is not None else run.seen_at_ms
    lasted = ended_ms is not None and ended_ms - at_ms <= SUMMED_MS
    until_ms = max(ended_ms, at_ms + 1) if ended_ms is not None and lasted else at_ms + 1
    kind = (run.key.cluster, run.user, run.account, run.partition, run.state, lasted and run.cpus is not None)
    return Ran(kind, at_ms, until_ms, run.cpus or 0, len(run.hosts) or run.node_count or 0)


class Changes:
    """What is to be added to the sums, gathered over many runs and written once."""

    def __init__(self) -> None:
        self._days: defaultdict[tuple[Kind, int], list[int]] = defaultdict(lambda: [0] * len(Sum()))

    def count(self, ran: Ran | None, sign: int) -> None:
        """Add a run (sign 1) or take it out (-1); None: it never ran."""
        if ran is None:
            return
        kind, from_ms, until_ms, cores, nodes = ran
        first, last = from_ms // DAY_MS, (until_ms - 1) // DAY_MS
        for day in range(first, last + 1):
            sums = self._days[kind, day]
            spent_ms = sign * (min(until_ms, (day + 1) * DAY_MS) - max(from_ms, day * DAY_MS))
            sums[1] += cores * spent_ms
            sums[2] += nodes * spent_ms
            if from_ms >= day * DAY_MS:
                sums[0] += sign
            else:
                sums[3] += sign
                sums[4] += sign * cores
                sums[5] += sign * nodes

    def scoped(self) -> dict[tuple[Scoped, int], list[int]]:
        """What is to be added to each scoped kind and day, without what comes to nothing."""
        found: defaultdict[tuple[Scoped, int], list[int]] = defaultdict(lambda: [0] * len(Sum()))
        for (kind, day), sums in self._days.items():
            for scope in _scopes(kind):
                known = found[scope, day]
                for at, number in enumerate(sums):
                    known[at] += number
        return {key: sums for key, sums in found.items() if any(sums)}


def _scopes(kind: Kind) -> Iterable[Scoped]:
    """The scoped kinds that a kind counts under."""
    cluster, user, account, partition, state, sized = kind
    yield ("all", *kind)
    yield ("user", cluster, user, "", "", "", sized)
    yield ("account", cluster, "", account, "", "", sized)
    yield ("partition", cluster, "", "", partition, "", sized)
    yield ("state", cluster, "", "", "", state, sized)


def scope_of(which: RunFilter, by: TotalsBy) -> str:
    """The narrowest scope that tells both the key and what is filtered by."""
    asked = {
        "user": which.users, "account": which.accounts, "partition": which.partitions, "state": which.states,
        by: (by,),
    }  # fmt: skip
    told = [scope for scope in SCOPES if asked[scope]] or ["state"]
    return told[0] if len(told) == 1 else "all"


def summed_window(which: RunFilter, window: Interval) -> Interval:
    """The window within what a store can hold. Raises BadRequest: a filter that no sums are kept for."""
    if which.name:
        raise BadRequest("Sums are not kept by the name of a job.", fix="Leave the name out, or list the runs.")
    return Interval(max(window.from_ms, -FOREVER_MS), min(window.to_ms, FOREVER_MS))


def grouped(told: Iterable[tuple[Group, Sum]]) -> dict[Group, Sum]:
    """The sums of each group."""
    found: dict[Group, Sum] = {}
    for group, sums in told:
        found[group] = found[group].plus(sums) if group in found else sums
    return found


def totals_of(days: Mapping[Group, Sum], before: Mapping[Group, Sum], after: Mapping[Group, Sum]) -> tuple[Total, ...]:
    """Totals of a window; see JobHistory.totals.

    Args:
        days: sums over whole days, from the day the window begins in to before the one it ends in.
        before, after: sums from the first instant of these two days up to where the window begins and ends; `crossing`
            is what runs across that instant.
    """
    found: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for group in {*before, *after, *days}:
        known = before.get(group, Sum())
        sums = days.get(group, Sum()).plus(after.get(group, Sum())).plus(known, -1)
        key, sized = group
        row = found[key]
        row[0] += known.crossing + sums.starts
        row[1] += sums.core_ms
        row[2] += sums.node_ms
        row[3] += 0 if sized else known.crossing + sums.starts
    told = [Total(key, runs, core / 1000, node / 1000, rest) for key, (runs, core, node, rest) in found.items() if runs]
    return tuple(sorted(told, key=lambda total: (-total.core_seconds, total.key)))

"""Sums over runs in SQLite: a row a day (UTC) and kind of run, kept in the same transaction as the runs.

A kind is (cluster, user, account, partition, state, whether its size is known). Each kind also counts under its cluster
and one of the others alone, so that a sum by user reads a row a user and day, not one a kind: `scope` says which of
them a kind is told by, and is `all` for the whole kind. A day's row holds how many runs started in it, core and node
milliseconds in it, and what crosses into it: runs, cores and nodes that ran at its first instant and before. So whole
days are summed from rows alone, and up to an instant within a day it is what crosses into the day, plus what started
since, less what ended since (`_up_to`): two short ranges of an index, whatever the length of runs.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from weft.base.errors import BadRequest
from weft.base.intervals import FOREVER_MS, Interval
from weft.inventory.store import RunFilter, Total, TotalsBy

DAY_MS = 86_400_000

TOTALS_DDL = """
CREATE TABLE total_kind (kind_id INTEGER PRIMARY KEY, scope TEXT NOT NULL, cluster TEXT NOT NULL, user TEXT NOT NULL,
  account TEXT NOT NULL, partition TEXT NOT NULL, state TEXT NOT NULL, sized INTEGER NOT NULL,
  UNIQUE (scope, cluster, user, account, partition, state, sized));
CREATE TABLE total_day (kind_id INTEGER NOT NULL, day INTEGER NOT NULL, starts INTEGER NOT NULL,
  core_ms INTEGER NOT NULL, node_ms INTEGER NOT NULL, crossing INTEGER NOT NULL, crossing_cores INTEGER NOT NULL,
  crossing_nodes INTEGER NOT NULL, PRIMARY KEY (kind_id, day)) WITHOUT ROWID;
CREATE INDEX run_ran ON run (ran_until_ms) WHERE ran_until_ms IS NOT NULL;
"""

_KIND = "scope, cluster, user, account, partition, state, sized"
_SCOPES = ("user", "account", "partition", "state")
_SUMS = "starts, core_ms, node_ms, crossing, crossing_cores, crossing_nodes"
_PUT_KIND = f"INSERT OR IGNORE INTO total_kind ({_KIND}) VALUES (?, ?, ?, ?, ?, ?, ?)"
_KIND_ID = f"SELECT kind_id FROM total_kind WHERE ({_KIND}) = (?, ?, ?, ?, ?, ?, ?)"
_ADD = f"""INSERT INTO total_day (kind_id, day, {_SUMS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (kind_id, day) DO UPDATE SET {", ".join(f"{s} = {s} + excluded.{s}" for s in _SUMS.split(", "))}"""
_DROP_EMPTY = f"DELETE FROM total_day WHERE kind_id = ? AND day = ? AND ({_SUMS}) = (0, 0, 0, 0, 0, 0)"
_STARTED = """SELECT {by}, sized, count(*), sum(cores * (? - at_ms)), sum(nodes * (? - at_ms)), count(*), sum(cores),
  sum(nodes) FROM run INDEXED BY run_at WHERE at_ms >= ? AND at_ms < ? AND ran_until_ms IS NOT NULL{conditions}
  GROUP BY {by}, sized"""
_ENDED = """SELECT {by}, sized, 0, sum(cores * (? - ran_until_ms)), sum(nodes * (? - ran_until_ms)), count(*),
  sum(cores), sum(nodes) FROM run INDEXED BY run_ran WHERE ran_until_ms > ? AND ran_until_ms <= ?{conditions}
  GROUP BY {by}, sized"""


class Ran(NamedTuple):
    """A run as it is summed: its kind, from when to when it ran, and how much it held."""

    kind: tuple[str, str, str, str, str, bool]
    from_ms: int
    until_ms: int
    cores: int
    nodes: int


class _Sum(NamedTuple):
    starts: int = 0
    core_ms: int = 0
    node_ms: int = 0
    crossing: int = 0
    cores: int = 0
    nodes: int = 0

    def plus(self, other: "_Sum", sign: int = 1) -> "_Sum":
        return _Sum(*(mine + sign * its for mine, its in zip(self, other, strict=True)))


class Changes:
    """What is to be added to the sums, gathered over many runs and written once."""

    def __init__(self) -> None:
        self._days: defaultdict[tuple[tuple[Any, ...], int], list[int]] = defaultdict(lambda: [0] * len(_Sum()))

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

    def write(self, connection: sqlite3.Connection) -> None:
        """Write everything; within the caller's transaction."""
        scoped: defaultdict[tuple[tuple[Any, ...], int], list[int]] = defaultdict(lambda: [0] * len(_Sum()))
        for (kind, day), sums in self._days.items():
            for scope in _scopes(kind):
                known = scoped[scope, day]
                for at, number in enumerate(sums):
                    known[at] += number
        ids: dict[tuple[Any, ...], int] = {}
        rows = []
        for (kind, day), sums in scoped.items():
            if any(sums):
                if kind not in ids:
                    connection.execute(_PUT_KIND, kind)
                    (ids[kind],) = connection.execute(_KIND_ID, kind).fetchone()
                rows.append((ids[kind], day, *sums))
        rows.sort()
        connection.executemany(_ADD, rows)
        connection.executemany(_DROP_EMPTY, [row[:2] for row in rows])


def _scopes(kind: tuple[Any, ...]) -> Iterable[tuple[Any, ...]]:
    """The rows of total_kind that a kind counts under."""
    cluster, *told, sized = kind
    yield ("all", *kind)
    for at, scope in enumerate(_SCOPES):
        yield (scope, cluster, *(value if place == at else "" for place, value in enumerate(told)), sized)


def totals(connection: sqlite3.Connection, which: RunFilter, by: TotalsBy, window: Interval) -> tuple[Total, ...]:
    """See JobHistory.totals."""
    if which.name:
        raise BadRequest("Sums are not kept by the name of a job.", fix="Leave the name out, or list the runs.")
    from_ms, to_ms = max(window.from_ms, -FOREVER_MS), min(window.to_ms, FOREVER_MS)
    if to_ms <= from_ms:
        return ()
    kinds = _kinds(connection, which, by)
    before, after = _up_to(connection, which, by, kinds, from_ms), _up_to(connection, which, by, kinds, to_ms)
    days = _days(connection, kinds, from_ms // DAY_MS, to_ms // DAY_MS)
    found: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for group in {*before, *after, *days}:
        known = before.get(group, _Sum())
        sums = days.get(group, _Sum()).plus(after.get(group, _Sum())).plus(known, -1)
        key, sized = group
        row = found[key]
        row[0] += known.crossing + sums.starts
        row[1] += sums.core_ms
        row[2] += sums.node_ms
        row[3] += 0 if sized else known.crossing + sums.starts
    told = [Total(key, runs, core / 1000, node / 1000, rest) for key, (runs, core, node, rest) in found.items() if runs]
    return tuple(sorted(told, key=lambda total: (-total.core_seconds, total.key)))


_Group = tuple[str, bool]
"""A key that is asked for, and whether the size is known."""


def _conditions(which: RunFilter) -> tuple[str, list[str]]:
    columns: Mapping[str, Sequence[str]] = {
        "user": which.users, "account": which.accounts, "partition": which.partitions, "state": which.states,
        "cluster": which.clusters,
    }  # fmt: skip
    text = "".join(f" AND {column} IN ({', '.join('?' * len(told))})" for column, told in columns.items() if told)
    return text, [value for told in columns.values() for value in told]


class _Kinds(NamedTuple):
    """The kinds that are asked for, and the statement that finds them."""

    groups: Mapping[int, _Group]
    found_by: str
    values: Sequence[str]


def _kinds(connection: sqlite3.Connection, which: RunFilter, by: TotalsBy) -> _Kinds:
    """Kinds of the narrowest scope that tells both the key and what is filtered by."""
    asked = {
        "user": which.users, "account": which.accounts, "partition": which.partitions, "state": which.states,
        by: (by,),
    }  # fmt: skip
    told = [scope for scope in _SCOPES if asked[scope]] or ["state"]
    text, values = _conditions(which)
    found_by = f"total_kind WHERE scope = '{told[0] if len(told) == 1 else 'all'}'{text}"
    rows = connection.execute(f"SELECT kind_id, {by}, sized FROM {found_by}", values)
    return _Kinds({kind: (key, bool(sized)) for kind, key, sized in rows}, found_by, values)


def _days(connection: sqlite3.Connection, kinds: _Kinds, first: int, after: int) -> dict[_Group, _Sum]:
    """Sums over the whole days [first, after)."""
    rows = connection.execute(
        "SELECT kind_id, sum(starts), sum(core_ms), sum(node_ms), 0, 0, 0 FROM total_day WHERE kind_id IN"
        f" (SELECT kind_id FROM {kinds.found_by}) AND day >= ? AND day < ? GROUP BY kind_id",
        (*kinds.values, first, after),
    )
    return _grouped((kinds.groups[kind], _Sum(*sums)) for kind, *sums in rows)


def _up_to(
    connection: sqlite3.Connection, which: RunFilter, by: TotalsBy, kinds: _Kinds, at_ms: int
) -> dict[_Group, _Sum]:
    """Sums from the first instant of a day up to an instant in it; `crossing`: what runs across that instant."""
    begin_ms = at_ms // DAY_MS * DAY_MS
    past_ms = at_ms - begin_ms
    text, values = _conditions(which)
    rows = connection.execute(
        "SELECT kind_id, crossing, crossing_cores, crossing_nodes FROM total_day WHERE kind_id IN"
        f" (SELECT kind_id FROM {kinds.found_by}) AND day = ?",
        (*kinds.values, at_ms // DAY_MS),
    )
    found = [
        (kinds.groups[kind], _Sum(0, cores * past_ms, nodes * past_ms, crossing, cores, nodes))
        for kind, crossing, cores, nodes in rows
    ]
    if past_ms:
        for sign, statement in ((1, _STARTED), (-1, _ENDED)):
            rows = connection.execute(
                statement.format(by=by, conditions=text), (at_ms, at_ms, begin_ms, at_ms, *values)
            )
            found += [((key, bool(sized)), _Sum().plus(_Sum(*sums), sign)) for key, sized, *sums in rows]
    return _grouped(found)


def _grouped(told: Iterable[tuple[_Group, _Sum]]) -> dict[_Group, _Sum]:
    found: dict[_Group, _Sum] = {}
    for group, sums in told:
        found[group] = found[group].plus(sums) if group in found else sums
    return found

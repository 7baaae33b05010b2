"""Sums over runs in SQLite: a row of `total_kind` a scoped kind, one of `total_day` a kind and day; see sums.py."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from weft.base.intervals import Interval
from weft.inventory.store import RunFilter, Total, TotalsBy
from weft.inventory.sums import DAY_MS, Changes, Group, Sum, grouped, scope_of, summed_window, totals_of

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


def write_sums(connection: sqlite3.Connection, changes: Changes) -> None:
    """Add what has changed; within the caller's transaction."""
    ids: dict[tuple[Any, ...], int] = {}
    rows = []
    for (kind, day), sums in changes.scoped().items():
        if kind not in ids:
            connection.execute(_PUT_KIND, kind)
            (ids[kind],) = connection.execute(_KIND_ID, kind).fetchone()
        rows.append((ids[kind], day, *sums))
    rows.sort()
    connection.executemany(_ADD, rows)
    connection.executemany(_DROP_EMPTY, [row[:2] for row in rows])


def totals(connection: sqlite3.Connection, which: RunFilter, by: TotalsBy, window: Interval) -> tuple[Total, ...]:
    """See JobHistory.totals."""
    from_ms, to_ms = (asked := summed_window(which, window)).from_ms, asked.to_ms
    if not asked:
        return ()
    kinds = _kinds(connection, which, by)
    before, after = _up_to(connection, which, by, kinds, from_ms), _up_to(connection, which, by, kinds, to_ms)
    return totals_of(_days(connection, kinds, from_ms // DAY_MS, to_ms // DAY_MS), before, after)


def _conditions(which: RunFilter) -> tuple[str, list[str]]:
    columns: Mapping[str, Sequence[str]] = {
        "user": which.users, "account": which.accounts, "partition": which.partitions, "state": which.states,
        "cluster": which.clusters,
    }  # fmt: skip
    text = "".join(f" AND {column} IN ({', '.join('?' * len(told))})" for column, told in columns.items() if told)
    return text, [value for told in columns.values() for value in told]


class _Kinds(NamedTuple):
    """The kinds that are asked for, and the statement that finds them."""

    groups: Mapping[int, Group]
    found_by: str
    values: Sequence[str]


def _kinds(connection: sqlite3.Connection, which: RunFilter, by: TotalsBy) -> _Kinds:
    text, values = _conditions(which)
    found_by = f"total_kind WHERE scope = '{scope_of(which, by)}'{text}"
    rows = connection.execute(f"SELECT kind_id, {by}, sized FROM {found_by}", values)
    return _Kinds({kind: (key, bool(sized)) for kind, key, sized in rows}, found_by, values)


def _days(connection: sqlite3.Connection, kinds: _Kinds, first: int, after: int) -> dict[Group, Sum]:
    """Sums over the whole days [first, after)."""
    rows = connection.execute(
        "SELECT kind_id, sum(starts), sum(core_ms), sum(node_ms), 0, 0, 0 FROM total_day WHERE kind_id IN"
        f" (SELECT kind_id FROM {kinds.found_by}) AND day >= ? AND day < ? GROUP BY kind_id",
        (*kinds.values, first, after),
    )
    return grouped((kinds.groups[kind], Sum(*sums)) for kind, *sums in rows)


def _up_to(
    connection: sqlite3.Connection, which: RunFilter, by: TotalsBy, kinds: _Kinds, at_ms: int
) -> dict[Group, Sum]:
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
        (kinds.groups[kind], Sum(0, cores * past_ms, nodes * past_ms, crossing, cores, nodes))
        for kind, crossing, cores, nodes in rows
    ]
    if past_ms:
        for sign, statement in ((1, _STARTED), (-1, _ENDED)):
            rows = connection.execute(
                statement.format(by=by, conditions=text), (at_ms, at_ms, begin_ms, at_ms, *values)
            )
            found += [((key, bool(sized)), Sum().plus(Sum(*sums), sign)) for key, sized, *sums in rows]
    return grouped(found)

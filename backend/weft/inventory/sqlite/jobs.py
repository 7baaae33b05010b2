"""Runs in SQLite: a row a run with its hosts as ranges of numbers (run_rows.py), and a second table from host to runs.

A window has two parts, newest first: runs from `window.from_ms` less the longest duration on, by a plain index, and
older ones that are still open, by an index over open ones only. Statements name their index, so that a plan does not
depend on statistics.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from weft.base.intervals import FOREVER_MS, Interval
from weft.inventory.listing import FOUND, Place, base_of, bounded, place_of, size_of
from weft.inventory.runs import hear
from weft.inventory.sqlite.db import Database, bump, version_of
from weft.inventory.sqlite.run_rows import AT, COLUMNS, DERIVED, JOB, ROW, Row, Work, hosts_of
from weft.inventory.sqlite.scheduler_nodes import keep_nodes, nodes_at
from weft.inventory.sqlite.totals import totals
from weft.inventory.store import Page, RunFilter, RunsResult, Total, TotalsBy
from weft.scheduler.model import FINISHED_STATES, NodeReport, Run, RunKey, SchedulerNode

_NEWEST = "ORDER BY at_ms DESC, job_id DESC, run_id DESC LIMIT ?"
_OPEN = f"until_ms = {FOREVER_MS}"

_OF_JOB = f"SELECT {ROW} FROM run INDEXED BY run_key WHERE cluster = ? AND job_id = ?"
_OF_KEY = f"{_OF_JOB} AND start_ms IS ? ORDER BY submit_ms DESC LIMIT 1"
_OF_RAW_ID = f"{_OF_JOB} AND at_ms < ? AND until_ms > ? {_NEWEST}"
_OF_BASE = f"""SELECT {ROW} FROM run INDEXED BY run_base WHERE cluster = ? AND base_id = ? AND at_ms < ?
  AND until_ms > ? {_NEWEST}"""
_OF_LABEL = f"""SELECT {ROW} FROM run INDEXED BY run_base WHERE cluster = ? AND base_id = ? AND at_ms < ?
  AND until_ms > ? AND label = ? {_NEWEST}"""
_OF_RUNS = f"SELECT {ROW} FROM json_each(?) asked CROSS JOIN run WHERE run_id = asked.value"
_HOST_NUMBERS = "SELECT host_id FROM json_each(?) asked CROSS JOIN host WHERE name = asked.value"
_HOST_NTH = """SELECT at_ms FROM run_host WHERE host_id = ? AND at_ms BETWEEN ? AND ? AND until_ms > ?
  ORDER BY at_ms DESC LIMIT 1 OFFSET ?"""
_HOST_RUNS = """SELECT run_id, at_ms FROM json_each(?) asked CROSS JOIN run_host
  WHERE host_id = asked.value AND at_ms BETWEEN ? AND ? AND until_ms > ?"""
_HOST_OPEN = f"""SELECT run_id, at_ms FROM json_each(?) asked CROSS JOIN run_host INDEXED BY run_host_open
  WHERE host_id = asked.value AND at_ms < ? AND {_OPEN}"""
_OVER = ", ".join(f"'{state}'" for state in sorted(FINISHED_STATES))
_ENDED = f"""SELECT {ROW} FROM run INDEXED BY run_at WHERE at_ms < ? AND until_ms <= ?
  AND (start_ms IS NOT NULL OR state IN ({_OVER})) LIMIT ?"""


class _Span(NamedTuple):
    """A window as statements need it: at_ms in [first, last] and until_ms > after; before first, only open runs."""

    first_ms: int
    last_ms: int
    after_ms: int


class SqliteJobs:
    """JobHistory in SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Of committed hosts, replaced and never changed in place: readers in several threads share it.
        self._names: list[str] = []

    async def apply_runs(self, runs: Sequence[Run]) -> RunsResult:
        """Keep what a source saw; see JobHistory."""
        return await self._database.write(lambda connection: _apply(connection, runs, self._names))

    async def version(self) -> int:
        """How often runs have changed."""
        return await self._database.read(lambda connection: version_of(connection, "jobs"))

    async def run(self, key: RunKey) -> Run | None:
        """One run; of several that never started, the one submitted last."""
        rows = await self._database.read(lambda connection: self._told(connection, _of_key(connection, key)))
        return rows[0] if rows else None

    async def find(self, label: str, cluster: str, window: Interval | None = None) -> tuple[Run, ...]:
        """Runs that a typed id means; a number is the id of an array or a heterogeneous job, or a raw job id."""
        return await self._database.read(
            lambda connection: self._told(connection, _find(connection, label.strip(), cluster, window))
        )

    async def runs(self, which: RunFilter, *, limit: int = 200, cursor: str | None = None) -> Page[Run]:
        """Runs, newest first, of one instant the higher job id first; texts are compared whole, as written."""
        place, size = place_of(cursor), size_of(limit)
        return await self._database.read(
            lambda connection: self._page(connection, _filtered(connection, which, size + 1, place), size)
        )

    async def runs_on(
        self, hosts: Sequence[str], window: Interval, *, limit: int = 200, cursor: str | None = None
    ) -> Page[Run]:
        """Runs that held any of these hosts in the window, in the order of `runs`; each once."""
        place, size = place_of(cursor), size_of(limit)
        return await self._database.read(
            lambda connection: self._page(connection, _on_hosts(connection, hosts, window, size + 1, place), size)
        )

    async def totals(self, which: RunFilter, by: TotalsBy, window: Interval) -> tuple[Total, ...]:
        """Sums by user, account, partition, state or cluster; see JobHistory."""
        return await self._database.read(lambda connection: totals(connection, which, by, window))

    async def apply_nodes(self, report: NodeReport) -> bool:
        """Keep what Slurm said of its nodes; see JobHistory."""

        def work(connection: sqlite3.Connection) -> bool:
            names = with_new_hosts(connection, {node.name for node in report.nodes}, self._names)
            new = keep_nodes(connection, report, {name: number for number, name in enumerate(names, 1)})
            if new:
                bump(connection, "jobs")
            return new

        return await self._database.write(work)

    async def scheduler_nodes(self, cluster: str, at_ms: int) -> tuple[SchedulerNode, ...]:
        """Nodes as last reported by then, sorted by name."""

        def work(connection: sqlite3.Connection) -> tuple[SchedulerNode, ...]:
            self._names = names = host_names(connection, self._names)
            return nodes_at(connection, cluster, at_ms, names)

        return await self._database.read(work)

    def _page(self, connection: sqlite3.Connection, rows: list[Row], size: int) -> Page[Run]:
        more = _order(rows[size - 1]).text if len(rows) > size else None
        return Page(self._told(connection, rows[:size]), more)

    def _told(self, connection: sqlite3.Connection, rows: Iterable[Row]) -> tuple[Run, ...]:
        self._names = names = host_names(connection, self._names)
        return tuple(run_of(row, names) for row in rows)


def host_names(connection: sqlite3.Connection, known: list[str]) -> list[str]:
    """Names of all hosts: host number n is `[n - 1]`, as hosts are only ever added and numbers have no gaps."""
    added = connection.execute("SELECT name FROM host WHERE host_id > ? ORDER BY host_id", (len(known),)).fetchall()
    return [*known, *(name for (name,) in added)] if added else known


def run_of(row: Row, names: Sequence[str]) -> Run:
    """The run of a row."""
    (_, cluster, job_id, start_ms, label, name, user, account, partition, state, submit_ms, end_ms, hosts, *rest) = row
    return Run(
        RunKey(cluster, job_id, start_ms), label, name, user, account, partition, state, submit_ms, end_ms,
        hosts_of(hosts, names), *rest[: DERIVED - len(COLUMNS)],
    )  # fmt: skip


def drop_ended(connection: sqlite3.Connection, before_ms: int, most: int) -> int:
    """Delete runs that were over by a time, at most so many; returns how many. One that still waits or runs stays."""
    rows = connection.execute(_ENDED, (min(before_ms, FOREVER_MS), min(before_ms, FOREVER_MS - 1), most)).fetchall()
    if rows:
        work = Work({})
        for row in rows:
            work.drop(row)
        work.write(connection)
        bump(connection, "jobs")
    return len(rows)


def _order(row: Row) -> Place:
    return Place(row[AT], row[JOB], row[0])


def _newest(rows: Iterable[Row], most: int) -> list[Row]:
    """The first rows in page order; each run once."""
    return sorted({row[0]: row for row in rows}.values(), key=_order, reverse=True)[:most]


def _span(connection: sqlite3.Connection, window: Interval | None, place: Place) -> _Span:
    asked = bounded(window)
    longest = connection.execute("SELECT number FROM job_meta WHERE what = 'longest_ms'").fetchone()
    return _Span(asked.from_ms - (longest[0] if longest else 0), min(asked.to_ms - 1, place.at_ms), asked.from_ms)


def _of_key(connection: sqlite3.Connection, key: RunKey) -> list[Row]:
    return connection.execute(_OF_KEY, (key.cluster, key.job_id, key.start_ms)).fetchall()


def _find(connection: sqlite3.Connection, label: str, cluster: str, window: Interval | None) -> list[Row]:
    base, bare = base_of(label), label.isdigit()
    if base is None:
        return []
    asked = bounded(window)
    wanted = (cluster, base, asked.to_ms, asked.from_ms)
    if not bare:
        return connection.execute(_OF_LABEL, (*wanted, label, FOUND)).fetchall()
    parts = connection.execute(_OF_BASE, (*wanted, FOUND)).fetchall()
    return _newest([*parts, *connection.execute(_OF_RAW_ID, (*wanted, FOUND))], FOUND)


def _filtered(connection: sqlite3.Connection, which: RunFilter, most: int, place: Place) -> list[Row]:
    """Rows of one page: for each value of the first filter in use its newest ones, by the index of that filter."""
    filters = {
        "name": (which.name,) if which.name else (), "user": which.users, "account": which.accounts,
        "partition": which.partitions, "state": which.states, "cluster": which.clusters,
    }  # fmt: skip
    used = {column: tuple(dict.fromkeys(values)) for column, values in filters.items() if values}
    span = _span(connection, which.window, place)
    lead = next(iter(used), "at")
    rows: list[Row] = []
    for value in used.get(lead, (None,)):
        text, values = _conditions({**used, lead: (value,)} if used else {})
        rows += connection.execute(
            f"SELECT {ROW} FROM run INDEXED BY run_{lead} WHERE at_ms BETWEEN ? AND ? AND until_ms > ?{text}"
            f" AND (at_ms, job_id, run_id) < (?, ?, ?) {_NEWEST}",
            (*span, *values, *place, most),
        )
    rows = _newest(rows, most)
    if len(rows) < most and which.window is not None:
        text, values = _conditions(used)
        rows += connection.execute(
            f"SELECT {ROW} FROM run INDEXED BY run_open WHERE {_OPEN} AND at_ms < ?{text}"
            f" AND (at_ms, job_id, run_id) < (?, ?, ?) {_NEWEST}",
            (span.first_ms, *values, *place, most - len(rows)),
        )
    return rows


def _conditions(used: dict[str, tuple[Any, ...]]) -> tuple[str, list[Any]]:
    """` AND column IN (?, ...)` for each, and the values; columns are ours, values never become text."""
    text = "".join(f" AND {column} IN ({', '.join('?' * len(values))})" for column, values in used.items())
    return text, [value for values in used.values() for value in values]


def _on_hosts(
    connection: sqlite3.Connection, hosts: Sequence[str], window: Interval, most: int, place: Place
) -> list[Row]:
    """Rows of one page of runs on hosts.

    First, how far back one need look: the host whose `most` newest runs reach back least says it. Runs of the cursor's
    own instant do not count for that, as some of them were on the page before.
    """
    span = _span(connection, window, place)
    asked = orjson.dumps([*dict.fromkeys(hosts)]).decode()
    numbers = [number for (number,) in connection.execute(_HOST_NUMBERS, (asked,))]
    floor_ms = span.first_ms
    newest_ms = min(span.last_ms, place.at_ms - 1)
    for number in numbers:
        for (at_ms,) in connection.execute(_HOST_NTH, (number, floor_ms, newest_ms, span.after_ms, most - 1)):
            floor_ms = at_ms
    asked = orjson.dumps(numbers).decode()
    found: dict[int, int] = dict(connection.execute(_HOST_RUNS, (asked, floor_ms, *span[1:])).fetchall())
    if floor_ms == span.first_ms:
        found.update(connection.execute(_HOST_OPEN, (asked, span.first_ms)).fetchall())
    times = sorted((at_ms for at_ms in found.values() if at_ms < place.at_ms), reverse=True)
    oldest_ms = times[most - 1] if len(times) > most else -FOREVER_MS
    wanted = [run_id for run_id, at_ms in found.items() if at_ms >= oldest_ms]
    rows = connection.execute(_OF_RUNS, (orjson.dumps(wanted).decode(),))
    return sorted((row for row in rows if _order(row) < place), key=_order, reverse=True)[:most]


def _apply(connection: sqlite3.Connection, told: Sequence[Run], known_names: list[str]) -> RunsResult:
    names = with_new_hosts(connection, {host for run in told for host in run.hosts}, known_names)
    work = Work({name: number for number, name in enumerate(names, 1)})
    by_job: defaultdict[tuple[str, int], list[Run]] = defaultdict(list)
    for run in told:
        by_job[run.key.cluster, run.key.job_id].append(run)
    (next_id,) = connection.execute("SELECT coalesce(max(run_id), 0) + 1 FROM run").fetchone()
    new = changed = same = 0
    for job, reports in by_job.items():
        rows = {run: row for row in connection.execute(_OF_JOB, job) if (run := run_of(row, names))}
        heard = hear(rows, reports)
        for run in heard.gone:
            work.drop(rows[run])
        for before, run in heard.altered:
            work.change(rows[before], run)
        for run in heard.added:
            work.add(next_id, run)
            next_id += 1
        new, changed, same = new + heard.new, changed + heard.changed, same + heard.same
    if new or changed:
        work.write(connection)
        bump(connection, "jobs")
    return RunsResult(new, changed, same)


def with_new_hosts(connection: sqlite3.Connection, told: set[str], known: list[str]) -> list[str]:
    """Names of all hosts, where these are told; `known`: as `host_names` gave them before."""
    names = host_names(connection, known)
    added = sorted(told.difference(names))
    connection.executemany("INSERT INTO host (host_id, name) VALUES (?, ?)", enumerate(added, len(names) + 1))
    return [*names, *added]

"""Everything a SQLite inventory holds, in and out as rows; see rows.py.

Most tables are kept as they are handed out. Runs have hosts as numbers and columns that are derived; what is said of
nodes has host numbers and words aside.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from weft.inventory.rows import TABLES, Row, Table, row_of, run_of
from weft.inventory.runs import life
from weft.inventory.sqlite.db import Database, bump
from weft.inventory.sqlite.jobs import host_names, with_new_hosts
from weft.inventory.sqlite.jobs import run_of as kept_run
from weft.inventory.sqlite.run_rows import ROW, Work
from weft.inventory.sqlite.scheduler_nodes import PUT_TOLD, word_number
from weft.scheduler.model import Run

_BEFORE_ALL = -(2**63)
"""Where None stands among numbers of a key."""

_RUNS = f"""SELECT {ROW} FROM run INDEXED BY run_key WHERE (cluster, job_id) >= (?1, ?2)
  AND (cluster, job_id, coalesce(start_ms, {_BEFORE_ALL}), coalesce(submit_ms, {_BEFORE_ALL})) > (?1, ?2, ?3, ?4)
  ORDER BY cluster, job_id, start_ms, submit_ms LIMIT ?5"""
_OF_JOB = f"SELECT {ROW} FROM run INDEXED BY run_key WHERE cluster = ? AND job_id = ?"
_CLUSTERS_FROM = "SELECT DISTINCT cluster FROM node_known WHERE cluster >= ? ORDER BY cluster"
_NODES_FROM = """SELECT host_id, name FROM host JOIN node_known USING (host_id) WHERE cluster = ? AND name >= ?
  ORDER BY name"""
_TOLD = """SELECT member, from_ms, text, alone FROM node_told LEFT JOIN node_word USING (word_id)
  WHERE cluster = ? AND host_id = ? ORDER BY member, from_ms"""
_CHANGED = {"run": "jobs", "node_report": "jobs", "node_told": "jobs", "note": "ledger", "source": "ledger"}
"""What a table's rows count as a change of; the rest: of the fabric."""


class SqliteArchive:
    """Archive in SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def rows(self, table: str, after: Row | None, limit: int) -> tuple[Row, ...]:
        """Rows of a table by key, from after the given key on."""
        return await self._database.read(lambda connection: _rows(connection, TABLES[table], after, limit))

    async def put_rows(self, table: str, rows: tuple[Row, ...]) -> None:
        """Keep rows, all or none."""

        def work(connection: sqlite3.Connection) -> None:
            _put(connection, TABLES[table], rows)
            bump(connection, _CHANGED.get(table, "fabric"))

        await self._database.write(work)


def _rows(connection: sqlite3.Connection, table: Table, after: Row | None, limit: int) -> tuple[Row, ...]:
    if table.name == "run":
        names = host_names(connection, [])
        place = ["", *[_BEFORE_ALL] * 3] if after is None else [_BEFORE_ALL if v is None else v for v in after]
        return tuple(row_of(kept_run(row, names)) for row in connection.execute(_RUNS, (*place, limit)))
    if table.name == "node_told":
        return tuple(islice(_told_after(connection, after), limit))
    key, columns = ", ".join(table.columns[: table.key]), ", ".join(table.columns)
    where = "" if after is None else f"WHERE ({key}) > ({_marks(after)})"
    text = f"SELECT {columns} FROM {table.name} {where} ORDER BY {key} LIMIT ?"
    return tuple(connection.execute(text, (*(after or ()), limit)))


def _put(connection: sqlite3.Connection, table: Table, rows: tuple[Row, ...]) -> None:
    if table.name == "run":
        _put_runs(connection, [run_of(row) for row in rows])
    elif table.name == "node_told":
        _put_told(connection, rows)
    else:
        marks = _marks(table.columns)
        connection.executemany(
            f"INSERT OR REPLACE INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})", rows
        )


def _put_runs(connection: sqlite3.Connection, told: Sequence[Run]) -> None:
    """Keep runs as they are given: nothing is merged, what is there of the same life gives way."""
    names = with_new_hosts(connection, {host for run in told for host in run.hosts}, [])
    work = Work({name: number for number, name in enumerate(names, 1)})
    by_job: defaultdict[tuple[str, int], list[Run]] = defaultdict(list)
    for run in told:
        by_job[run.key.cluster, run.key.job_id].append(run)
    (next_id,) = connection.execute("SELECT coalesce(max(run_id), 0) + 1 FROM run").fetchone()
    for job, runs in by_job.items():
        known = {life(kept_run(row, names)): row for row in connection.execute(_OF_JOB, job).fetchall()}
        for run in runs:
            if row := known.get(life(run)):
                work.change(row, run)
            else:
                work.add(next_id, run)
                next_id += 1
    work.write(connection)


def _told_after(connection: sqlite3.Connection, after: tuple[Any, ...] | None) -> Iterator[Row]:
    """What is said of nodes, from after a key on: host by host in the order of names, each a step in an index."""
    first_cluster, first_host, *_ = after or ("", "")
    for (cluster,) in connection.execute(_CLUSTERS_FROM, (first_cluster,)).fetchall():
        from_host = first_host if cluster == first_cluster else ""
        for number, host in connection.execute(_NODES_FROM, (cluster, from_host)):
            for row in connection.execute(_TOLD, (cluster, number)):
                if after is None or (cluster, host, *row[:2]) > after:
                    yield (cluster, host, *row)


def _put_told(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    names = with_new_hosts(connection, {row[1] for row in rows}, [])
    numbers = {name: number for number, name in enumerate(names, 1)}
    known = {(cluster, numbers[host]) for cluster, host, *_ in rows}
    connection.executemany("INSERT OR IGNORE INTO node_known (cluster, host_id) VALUES (?, ?)", sorted(known))
    words = {row[4]: word_number(connection, row[4]) for row in rows if row[4] is not None}
    told = [
        (cluster, numbers[host], member, from_ms, words.get(word), alone)
        for cluster, host, member, from_ms, word, alone in rows
    ]
    connection.executemany(PUT_TOLD, told)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))

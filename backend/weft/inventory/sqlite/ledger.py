"""What the house keeps about itself, in SQLite: notes, sources, counts and checksums."""

import hashlib
import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson

from weft.base.intervals import FOREVER_MS, Interval
from weft.inventory.sqlite.db import Database, bump
from weft.inventory.sqlite.jobs import ALL_RUNS, drop_ended, host_names, run_of
from weft.inventory.store import Note, SourceStatus

LEDGER_DDL = """
CREATE TABLE note (at_ms INTEGER NOT NULL, kind TEXT NOT NULL, severity TEXT NOT NULL, text TEXT NOT NULL,
  about TEXT NOT NULL, PRIMARY KEY (at_ms, kind, severity, text, about)) WITHOUT ROWID;
CREATE TABLE source (source TEXT PRIMARY KEY, heard_ms INTEGER NOT NULL, ok INTEGER NOT NULL, text TEXT NOT NULL)
  WITHOUT ROWID;
"""

SEARCHED = 200_000
"""How many of the newest runs a search for a part of a label or name looks at."""

_DROPPED_AT_ONCE = 5_000

_ADD_NOTE = "INSERT OR IGNORE INTO note (at_ms, kind, severity, text, about) VALUES (?, ?, ?, ?, ?)"
_HEARD = """INSERT INTO source (source, heard_ms, ok, text) VALUES (?, ?, ?, ?)
  ON CONFLICT (source) DO UPDATE SET heard_ms = excluded.heard_ms, ok = excluded.ok, text = excluded.text
  WHERE (excluded.heard_ms, excluded.ok, excluded.text) > (source.heard_ms, source.ok, source.text)"""
_JOBS_LIKE = rf"""SELECT label FROM (SELECT label, name, at_ms FROM run INDEXED BY run_at
  ORDER BY at_ms DESC, job_id DESC, run_id DESC LIMIT {SEARCHED})
  WHERE label LIKE ? ESCAPE '\' OR name LIKE ? ESCAPE '\' GROUP BY label ORDER BY max(at_ms) DESC, label DESC LIMIT ?"""
_JOBS_OF_ID = """SELECT DISTINCT label FROM run INDEXED BY run_base WHERE cluster = ? AND base_id = ?
  ORDER BY at_ms DESC, job_id DESC LIMIT ?"""
# One step in the index for each distinct value: SELECT DISTINCT would read every run.
_DISTINCT = """WITH RECURSIVE one(value) AS (SELECT min({column}) FROM run
  UNION ALL SELECT (SELECT min({column}) FROM run WHERE {column} > one.value) FROM one WHERE one.value IS NOT NULL)
  SELECT value FROM one WHERE value IS NOT NULL"""
_USERS_LIKE = rf"{_DISTINCT.format(column='user')} AND value LIKE ? ESCAPE '\' LIMIT ?"
_CLUSTERS = _DISTINCT.format(column="cluster")
_NODES_LIKE = r"SELECT DISTINCT description FROM node_span WHERE description LIKE ? ESCAPE '\' ORDER BY 1 LIMIT ?"

NOTES = "SELECT at_ms, kind, severity, text, about FROM note ORDER BY 1, 2, 3, 4, 5"
SOURCES = "SELECT source, heard_ms, ok, text FROM source ORDER BY source"


class SqliteLedger:
    """Ledger in SQLite.

    Args:
        histories: for each table of the fabric's history, a statement that gives its rows in canonical order, without
            surrogate ids: what `checksums` is made from.
    """

    def __init__(self, database: Database, histories: Mapping[str, str]) -> None:
        self._database = database
        self._histories = histories

    async def add_notes(self, notes: Sequence[Note]) -> int:
        """Keep notes; returns how many were new."""
        rows = [(note.at_ms, note.kind, note.severity, note.text, orjson.dumps(note.about).decode()) for note in notes]

        def work(connection: sqlite3.Connection) -> int:
            new = connection.executemany(_ADD_NOTE, rows).rowcount if rows else 0
            if new:
                bump(connection, "ledger")
            return new

        return await self._database.write(work)

    async def notes(self, window: Interval, *, kinds: Sequence[str] = (), limit: int = 1000) -> tuple[Note, ...]:
        """Notes in the window, newest first."""
        wanted = f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        statement = f"""SELECT at_ms, kind, severity, text, about FROM note WHERE at_ms >= ? AND at_ms < ?{wanted}
          ORDER BY at_ms DESC, kind, severity, text, about LIMIT ?"""
        span = max(window.from_ms, -FOREVER_MS), min(window.to_ms, FOREVER_MS)
        rows = await self._database.read(
            lambda connection: connection.execute(statement, (*span, *kinds, max(0, limit))).fetchall()
        )
        return tuple(
            Note(at_ms, kind, severity, text, tuple(orjson.loads(about))) for at_ms, kind, severity, text, about in rows
        )

    async def heard(self, status: SourceStatus) -> None:
        """Remember the newest word of a source."""
        row = (status.source, status.heard_ms, status.ok, status.text)

        def work(connection: sqlite3.Connection) -> None:
            if connection.execute(_HEARD, row).rowcount:
                bump(connection, "ledger")

        await self._database.write(work)

    async def sources(self) -> tuple[SourceStatus, ...]:
        """Every source, sorted by name."""
        rows = await self._database.read(lambda connection: connection.execute(SOURCES).fetchall())
        return tuple(SourceStatus(source, heard_ms, bool(ok), text) for source, heard_ms, ok, text in rows)

    async def search(self, text: str, *, limit: int = 20) -> tuple[tuple[str, str], ...]:
        """Jobs (by label or name, given as label), users and nodes whose name contains the text; ASCII case aside.

        A whole job id is found whatever its age, a part of one among the newest SEARCHED runs. Jobs leave at least a
        third of the places to users and nodes each, where these need them.
        """
        needle = text.strip()
        like = "%" + re.sub(r"([\\%_])", r"\\\1", needle) + "%"
        places = max(0, limit)

        def work(connection: sqlite3.Connection) -> list[tuple[str, list[str]]]:
            jobs = _of_id(connection, needle, places)
            jobs += (label for (label,) in connection.execute(_JOBS_LIKE, (like, like, places)))
            users = [user for (user,) in connection.execute(_USERS_LIKE, (like, places))]
            nodes = [node for (node,) in connection.execute(_NODES_LIKE, (like, places))]
            return [("job", list(dict.fromkeys(jobs))[:places]), ("user", users), ("node", nodes)]

        found = await self._database.read(work)
        while sum(len(names) for _, names in found) > places:
            max(found, key=lambda kind: len(kind[1]))[1].pop()
        return tuple((kind, name) for kind, names in found for name in names)

    async def stats(self) -> Mapping[str, int]:
        """Row counts by table; those of runs are kept as they change, as counting them takes seconds."""

        def work(connection: sqlite3.Connection) -> dict[str, int]:
            counts = {
                table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("host", "note", "source", *self._histories)
            }
            kept = dict(connection.execute("SELECT what, number FROM job_meta WHERE what IN ('run', 'run_host')"))
            return {"run": 0, "run_host": 0} | kept | counts

        return dict(sorted((await self._database.read(work)).items()))

    async def checksums(self) -> Mapping[str, str]:
        """SHA-256 by table over all rows in canonical order; `run` with its hosts by name. Reads everything."""

        def work(connection: sqlite3.Connection) -> dict[str, str]:
            names = host_names(connection, [])
            sums = {"run": _checksum(run_of(row, names) for row in connection.execute(ALL_RUNS))}
            for table, statement in {"note": NOTES, "source": SOURCES, **self._histories}.items():
                sums[table] = _checksum(connection.execute(statement))
            return sums

        return dict(sorted((await self._database.read(work)).items()))

    async def prune(self, before_ms: int) -> int:
        """Drop runs and notes that ended before; returns how many. Runs go in portions: others write in between."""
        statement = "DELETE FROM note WHERE at_ms < ?"
        before_ms = max(-FOREVER_MS, min(before_ms, FOREVER_MS))

        def drop_notes(connection: sqlite3.Connection) -> int:
            dropped = connection.execute(statement, (before_ms,)).rowcount
            if dropped:
                bump(connection, "ledger")
            return dropped

        def drop_runs(connection: sqlite3.Connection) -> int:
            return drop_ended(connection, before_ms, _DROPPED_AT_ONCE)

        return await self._until_none(drop_runs) + await self._database.write(drop_notes)

    async def _until_none(self, work: Callable[[sqlite3.Connection], int]) -> int:
        total = 0
        while done := await self._database.write(work):
            total += done
        return total


def _of_id(connection: sqlite3.Connection, text: str, places: int) -> list[str]:
    if re.fullmatch(r"\d{1,18}", text, re.ASCII) is None:
        return []
    clusters = [cluster for (cluster,) in connection.execute(_CLUSTERS)]
    return [label for cluster in clusters for (label,) in connection.execute(_JOBS_OF_ID, (cluster, int(text), places))]


def _checksum(rows: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row!r}\n".encode())
    return digest.hexdigest()

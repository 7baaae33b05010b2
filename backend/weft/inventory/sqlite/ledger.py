"""What the house keeps about itself, in SQLite: notes, sources, counts and checksums."""

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence

import orjson

from weft.base.intervals import FOREVER_MS, Interval
from weft.inventory.rows import TABLES, checksums
from weft.inventory.search import OF_ONE_ID, shared_out
from weft.inventory.sqlite.archive import SqliteArchive
from weft.inventory.sqlite.db import Database, bump
from weft.inventory.sqlite.jobs import drop_ended
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
_JOBS_OF_ID = f"""SELECT label FROM run INDEXED BY run_base WHERE cluster = ? AND base_id = ?
  ORDER BY at_ms DESC, job_id DESC LIMIT {OF_ONE_ID}"""
# One step in the index for each distinct value: SELECT DISTINCT would read every run.
_DISTINCT = """WITH RECURSIVE one(value) AS (SELECT min({column}) FROM run
  UNION ALL SELECT (SELECT min({column}) FROM run WHERE {column} > one.value) FROM one WHERE one.value IS NOT NULL)
  SELECT value FROM one WHERE value IS NOT NULL"""
_USERS_LIKE = rf"{_DISTINCT.format(column='user')} AND value <> '' AND value LIKE ? ESCAPE '\' LIMIT ?"
_CLUSTERS = _DISTINCT.format(column="cluster")
_NODES_LIKE = r"SELECT DISTINCT description FROM node_span WHERE description LIKE ? ESCAPE '\' ORDER BY 1 LIMIT ?"

_SOURCES = "SELECT source, heard_ms, ok, text FROM source ORDER BY source"


class SqliteLedger:
    """Ledger in SQLite."""

    def __init__(self, database: Database) -> None:
        self._database = database

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
        rows = await self._database.read(lambda connection: connection.execute(_SOURCES).fetchall())
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
            jobs = _of_id(connection, needle)
            jobs += (label for (label,) in connection.execute(_JOBS_LIKE, (like, like, places)))
            users = [user for (user,) in connection.execute(_USERS_LIKE, (like, places))]
            nodes = [node for (node,) in connection.execute(_NODES_LIKE, (like, places))]
            return [("job", list(dict.fromkeys(jobs))[:places]), ("user", users), ("node", nodes)]

        return shared_out(await self._database.read(work), places)

    async def stats(self) -> Mapping[str, int]:
        """Row counts by table; those of runs are kept as they change, as counting them takes seconds."""

        def work(connection: sqlite3.Connection) -> dict[str, int]:
            counts = {
                table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("host", *TABLES)
                if table != "run"
            }
            kept = dict(connection.execute("SELECT what, number FROM job_meta WHERE what IN ('run', 'run_host')"))
            return {"run": 0, "run_host": 0} | kept | counts

        return dict(sorted((await self._database.read(work)).items()))

    async def checksums(self) -> Mapping[str, str]:
        """SHA-256 by table over all rows in canonical order. Reads everything."""
        return await checksums(SqliteArchive(self._database))

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


def _of_id(connection: sqlite3.Connection, text: str) -> list[str]:
    if re.fullmatch(r"\d{1,18}", text, re.ASCII) is None:
        return []
    clusters = [cluster for (cluster,) in connection.execute(_CLUSTERS)]
    return [label for cluster in clusters for (label,) in connection.execute(_JOBS_OF_ID, (cluster, int(text)))]

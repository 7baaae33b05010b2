"""One SQLite file: a writer thread that commits in groups, a few readers, and the schema with its versions."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from weft.base.errors import OwnedElsewhere, ServiceError, Unavailable

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], Any]

READERS = 4
READER_KB, WRITER_KB = 2048, 16_384
"""What a connection keeps of the file's pages; what a reader reads again, the system has as well."""
GROUP = 64
"""Most pieces of work in one commit."""

SQL_FLOOR = (3, 35)
"""RETURNING and MATERIALIZED."""


class Database:
    """Reads run in threads on their own connections, writes in one thread: each piece of work is all or nothing.

    WAL with synchronous=FULL: a write that returned survives a crash of process or machine. Pieces of work that wait
    together share one commit, each in its own savepoint, so one that fails takes nothing else with it.
    """

    def __init__(self, path: Path, schema: tuple[str, ...]) -> None:
        self._path, self._schema = path, schema
        self._todo: queue.SimpleQueue[tuple[Work, Future[Any]] | None] = queue.SimpleQueue()
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._gate = asyncio.Semaphore(READERS)
        self._thread: threading.Thread | None = None
        self._connections: list[sqlite3.Connection] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, schema: tuple[str, ...]) -> AsyncIterator["Database"]:
        """Open or create the file and bring its schema up to date.

        Args:
            schema: one script a version, oldest first; never edited once released, only added to.
        Raises:
            Unavailable: not a database, written by a newer Weft, SQLite too old, folder not writable.
        """
        database = cls(path, schema)
        await asyncio.to_thread(database._start)
        try:
            yield database
        finally:
            await asyncio.to_thread(database._stop)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work on a read-only connection, in one transaction: what it reads is of one moment."""
        async with self._gate:
            return await asyncio.to_thread(self._read_now, work)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work in the writer thread; its changes are on disk when this returns, or none are."""
        done: Future[T] = Future()
        self._todo.put((work, done))
        return await asyncio.wrap_future(done)

    def _connect(self, kept_kb: int) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30)
        self._connections.append(connection)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA cache_size=-{kept_kb}")
        return connection

    def _start(self) -> None:
        if sqlite3.sqlite_version_info < SQL_FLOOR:
            raise Unavailable(
                f"SQLite {sqlite3.sqlite_version} is too old.",
                fix="Weft needs 3.35 or newer; use a newer Python build.",
            )
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            writer = self._connect(WRITER_KB)
            self._migrate(writer)
            for _ in range(READERS):
                reader = self._connect(READER_KB)
                reader.execute("PRAGMA query_only=ON")
                self._idle.put(reader)
        except (OSError, sqlite3.Error) as exc:
            self._close()
            raise Unavailable(
                f"The inventory {self._path} cannot be opened: {exc}.",
                fix="See that the folder is writable and on a local disk, or name another with --data.",
            ) from exc
        except ServiceError:
            self._close()
            raise
        self._thread = threading.Thread(target=self._write_loop, args=(writer,), name="weft-writer", daemon=True)
        self._thread.start()

    def _migrate(self, connection: sqlite3.Connection) -> None:
        (known,) = connection.execute("PRAGMA user_version").fetchone()
        if known > len(self._schema):
            raise Unavailable(
                f"The inventory {self._path} is of a newer Weft (schema {known}, ours {len(self._schema)}).",
                fix="Run the newer version, or restore a backup of before the upgrade.",
            )
        for version, script in enumerate(self._schema[known:], known + 1):
            connection.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version={version}; COMMIT;")

    def _stop(self) -> None:
        self._todo.put(None)
        if self._thread is not None:
            self._thread.join()
        self._close()

    def _close(self) -> None:
        for connection in self._connections:
            connection.close()

    def _read_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._idle.get()
        try:
            connection.execute("BEGIN")
            return work(connection)
        except sqlite3.Error as exc:
            raise self._broken(exc) from exc
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._idle.put(connection)

    def _write_loop(self, connection: sqlite3.Connection) -> None:
        while (first := self._todo.get()) is not None:
            group = [first]
            stop = False
            while len(group) < GROUP and not self._todo.empty():
                more = self._todo.get()
                if more is None:
                    stop = True
                    break
                group.append(more)
            self._commit(connection, group)
            if stop:
                break

    def _commit(self, connection: sqlite3.Connection, group: list[tuple[Work, Future[Any]]]) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            answers = [_piece(connection, work) for work, _ in group]
            connection.execute("COMMIT")
        except sqlite3.Error as exc:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            answers = [(None, exc)] * len(group)
        for (_, done), (answer, error) in zip(group, answers, strict=True):
            if not done.set_running_or_notify_cancel():
                continue
            if error is None:
                done.set_result(answer)
            else:
                done.set_exception(self._broken(error) if isinstance(error, sqlite3.Error) else error)

    def _broken(self, exc: Exception) -> ServiceError:
        if isinstance(exc, sqlite3.OperationalError) and "locked" in str(exc):
            return OwnedElsewhere(
                f"The inventory {self._path} is locked by another process.", fix="End it, then try again."
            )
        return Unavailable(
            f"The inventory {self._path} failed: {exc}.",
            fix="See the disk's space and health; `weft check` tells more.",
        )


def _piece(connection: sqlite3.Connection, work: Work) -> tuple[Any, Exception | None]:
    """Do one piece of work in a savepoint: what it answers, or what it failed with and nothing changed."""
    connection.execute("SAVEPOINT piece")
    try:
        answer, error = work(connection), None
    except Exception as exc:  # whatever a piece of work raises belongs to its caller, not to the writer's thread
        connection.execute("ROLLBACK TO piece")
        answer, error = None, exc
    connection.execute("RELEASE piece")
    return answer, error


def bump(connection: sqlite3.Connection, what: str) -> None:
    """Count a change of `what` (fabric, jobs, ledger): readers see by it that their caches are old."""
    connection.execute(
        "INSERT INTO version (what, number) VALUES (?, 1) ON CONFLICT (what) DO UPDATE SET number = number + 1", (what,)
    )


def version_of(connection: sqlite3.Connection, what: str) -> int:
    """How often `what` has changed."""
    row = connection.execute("SELECT number FROM version WHERE what = ?", (what,)).fetchone()
    return row[0] if row else 0

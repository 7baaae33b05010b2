"""A Neo4j database: explicit transactions with our own deadline and bounded retry, and the schema with its versions."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from neo4j import (
    READ_ACCESS,
    WRITE_ACCESS,
    AsyncDriver,
    AsyncGraphDatabase,
    AsyncResult,
    AsyncSession,
    AsyncTransaction,
    Query,
)
from neo4j.exceptions import AuthError, DriverError, IncompleteCommit, Neo4jError

from weft.base import waits
from weft.base.config import Neo4j
from weft.base.errors import BadSettings, ServiceError, Unavailable
from weft.inventory.neo4j.schema import MIGRATIONS

log = logging.getLogger(__name__)

T = TypeVar("T")

WRITE_S = 120.0
"""Longest one write may take: a sweep of 12,000 hosts into an empty graph, on a machine that does other things too."""

READ_TRIES = 2
"""A connection of the pool may have died with a server that is back."""

WRITE_TRIES = 4
"""A deadlock, or a server that is just starting again, is over after as many; who comes back later spools."""

Work = Callable[["Tx"], Awaitable[T]]

_SCHEMES = ("bolt://", "bolt+s://", "bolt+ssc://", "neo4j://", "neo4j+s://", "neo4j+ssc://")

_DRIVER_ERRORS = (DriverError, Neo4jError, OSError)


class _Alone:
    """Statements of a session that are each a transaction of their own, which spares the server's answers to two more.

    What several statements read is of several moments either way: Neo4j isolates them as read committed.
    """

    def __init__(self, session: AsyncSession, within_s: float) -> None:
        self._session, self._within_s = session, within_s

    async def run(self, text: str, values: dict[str, Any]) -> AsyncResult:
        """Run one."""
        return await self._session.run(Query(text, timeout=self._within_s), values)


class Tx:
    """One transaction, or reads one by one. Texts are ours and literal; values only ever travel as parameters."""

    def __init__(self, transaction: AsyncTransaction | _Alone) -> None:
        self._transaction = transaction

    async def rows(self, text: str, /, **values: Any) -> list[list[Any]]:
        """All rows of a query, each a list of its columns."""
        result = await self._transaction.run(text, values)
        return await result.values()

    async def row(self, text: str, /, **values: Any) -> list[Any] | None:
        """The first row, or None."""
        found = await self.rows(text, **values)
        return found[0] if found else None

    async def run(self, text: str, /, **values: Any) -> int:
        """Write; how many nodes, relationships and properties it made, set or deleted."""
        result = await self._transaction.run(text, values)
        counters = (await result.consume()).counters
        made = counters.nodes_created + counters.relationships_created + counters.properties_set
        return made + counters.nodes_deleted + counters.relationships_deleted

    async def lock(self, what: str) -> None:
        """Let no other transaction that locks the same change it until this one ends: the first step of a write."""
        await self.run("MERGE (v:VERSION {what: $what}) ON CREATE SET v.number = 0 SET v.locked = true", what=what)

    async def bump(self, what: str) -> None:
        """Count a change of `what` (fabric, jobs, ledger): readers see by it that their caches are old."""
        await self.run("MERGE (v:VERSION {what: $what}) SET v.number = coalesce(v.number, 0) + 1", what=what)

    async def version_of(self, what: str) -> int:
        """How often `what` has changed."""
        found = await self.row("MATCH (v:VERSION {what: $what}) RETURN v.number", what=what)
        return found[0] if found else 0


class Graph:
    """One database of a Neo4j server. A server that is away when this is opened is asked again at the next use."""

    def __init__(self, driver: AsyncDriver, settings: Neo4j) -> None:
        self._driver, self._settings = driver, settings
        self._prepared = self._newer = False
        self._preparing = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Neo4j) -> AsyncIterator["Graph"]:
        """Open a driver; the schema is brought up to date now, or with the first use when the server is away.

        Raises:
            BadSettings: no URL of a Neo4j; wrong user or password. Unavailable: written by a newer Weft.
        """
        password = settings.password.get_secret_value()
        try:
            if not settings.url.startswith(_SCHEMES):
                raise ValueError(f"'{settings.url}' begins with none of {', '.join(_SCHEMES)}")
            driver = AsyncGraphDatabase.driver(
                settings.url,
                auth=(settings.user, password) if password else None,
                connection_timeout=settings.timeout_s,
                connection_acquisition_timeout=settings.timeout_s,
                max_transaction_retry_time=0,
                user_agent="weft",
                notifications_min_severity="OFF",  # that a property is on no node yet is no news
            )
        except (DriverError, ValueError) as exc:
            raise BadSettings(
                f"Setting 'neo4j.url': {exc}.", fix="Give one like bolt://127.0.0.1:7687 or neo4j://host."
            ) from exc
        async with driver:
            graph = cls(driver, settings)
            try:
                await graph.prepare()
            except Unavailable as exc:
                if graph._newer:  # nothing that waiting mends
                    raise
                log.warning("%s Started without it.", exc)
            yield graph

    async def prepare(self) -> None:
        """Bring constraints and indexes up to date, once. Raises Unavailable."""
        async with self._preparing:
            if not self._prepared:
                await self._migrate()
                self._prepared = True

    async def read(self, work: Work[T], *, deadline_s: float | None = None) -> T:
        """Run work that reads: what it reads is of committed transactions only.

        Args:
            deadline_s: how long all reads of a request may take together; default: neo4j.timeout_s.
        Raises:
            Unavailable: the server is away or does not answer in time.
        """
        most_s = deadline_s or self._settings.timeout_s
        try:
            async with waits.within(most_s) as left_s:
                return await self._tried(lambda: self._read_once(work, left_s), READ_TRIES)
        except TimeoutError as exc:
            raise self._late(most_s) from exc

    async def write(self, work: Work[T]) -> T:
        """Run work in a write transaction; all of it is kept when this returns, or nothing is.

        It is tried again after a deadlock or a broken connection, also where that broke while committing: work has to
        be idempotent.

        Raises:
            Unavailable: the server is away, or refuses.
        """
        try:
            async with asyncio.timeout(WRITE_S):
                return await self._tried(lambda: self._write_once(work), WRITE_TRIES)
        except TimeoutError as exc:
            raise self._late(WRITE_S) from exc

    @asynccontextmanager
    async def asked(self, within_s: float, **metadata: str) -> AsyncIterator[AsyncTransaction]:
        """A read transaction for texts that are not ours: nothing is tried again, and errors come as the driver's.

        It is given up at the end, and its connection cut where the caller is cancelled (by a deadline of its own).
        """
        await self.prepare()
        async with self._driver.session(
            database=self._settings.database,
            default_access_mode=READ_ACCESS,
            notifications_min_severity="WARNING",
            notifications_disabled_classifications=("DEPRECATION", "PERFORMANCE", "GENERIC", "HINT", "UNSUPPORTED"),
        ) as session:
            transaction = await session.begin_transaction(metadata=metadata, timeout=within_s)
            try:
                yield transaction
            except asyncio.CancelledError:
                transaction.cancel()
                raise
            finally:
                with suppress(*_DRIVER_ERRORS):
                    await transaction.close()

    async def _tried(self, once: Callable[[], Awaitable[T]], most: int) -> T:
        if not self._prepared:
            await self.prepare()
        for tries in range(1, most):
            try:
                return await once()
            except _DRIVER_ERRORS as exc:
                if not _passes(exc):
                    raise self.away(exc) from exc
            await asyncio.sleep(random.uniform(0.5, 1.0) * 0.1 * 2**tries)
        try:
            return await once()
        except _DRIVER_ERRORS as exc:
            raise self.away(exc) from exc

    async def _read_once(self, work: Work[T], within_s: float) -> T:
        async with self._driver.session(database=self._settings.database, default_access_mode=READ_ACCESS) as session:
            try:
                return await work(Tx(_Alone(session, within_s)))
            except asyncio.CancelledError:
                session.cancel()
                raise

    async def _write_once(self, work: Work[T]) -> T:
        async with self._driver.session(database=self._settings.database, default_access_mode=WRITE_ACCESS) as session:
            transaction = await session.begin_transaction(timeout=WRITE_S)
            try:
                answer = await work(Tx(transaction))
                await transaction.commit()
            except asyncio.CancelledError:
                transaction.cancel()
                raise
            except BaseException:
                with suppress(*_DRIVER_ERRORS):
                    await transaction.close()
                raise
            return answer

    async def _migrate(self) -> None:
        """Run what is new among MIGRATIONS, each statement by itself: schema and data cannot share a transaction."""
        try:
            async with (
                asyncio.timeout(WRITE_S),
                self._driver.session(database=self._settings.database) as session,
            ):
                found = await (await session.run("OPTIONAL MATCH (v:VERSION {what: 'schema'}) RETURN v.number")).single(
                    strict=True
                )
                known = found[0] or 0
                self._newer = known > len(MIGRATIONS)
                if self._newer:
                    raise Unavailable(
                        f"The graph at {self._settings.url} is of a newer Weft (schema {known}).",
                        fix=f"Run the newer version; this one knows schema {len(MIGRATIONS)}.",
                    )
                for number, statements in enumerate(MIGRATIONS[known:], known + 1):
                    for text in statements:
                        await (await session.run(text)).consume()
                    step = "MERGE (v:VERSION {what: 'schema'}) SET v.number = $number"
                    await (await session.run(step, number=number)).consume()
        except TimeoutError as exc:
            raise self._late(WRITE_S) from exc
        except _DRIVER_ERRORS as exc:
            raise self.away(exc) from exc

    def away(self, exc: Exception) -> ServiceError:
        """What an error of the driver means for who asks."""
        if isinstance(exc, AuthError):
            return BadSettings(
                f"Neo4j at {self._settings.url} refuses the user '{self._settings.user}': {exc.message}.",
                fix="Mend neo4j.user and WEFT_NEO4J__PASSWORD.",
            )
        if isinstance(exc, Neo4jError) and exc.code == "Neo.ClientError.Database.DatabaseNotFound":
            return BadSettings(
                f"Neo4j at {self._settings.url} has no database '{self._settings.database}'.",
                fix="Mend neo4j.database, or create it there.",
            )
        return Unavailable(
            f"The inventory in Neo4j at {self._settings.url} does not answer ({_short(exc)}).",
            fix="See that the server runs; what is to be written waits in the spool.",
        )

    def _late(self, within_s: float) -> Unavailable:
        return Unavailable(
            f"The inventory in Neo4j at {self._settings.url} did not answer within {within_s:g} s.",
            fix="See its load; neo4j.timeout_s says how long a reader waits.",
        )


def _passes(exc: Exception) -> bool:
    """Whether the same once more may do: not after what the driver calls transient and a second try only repeats."""
    if isinstance(exc, Neo4jError) and exc.code and "MemoryPoolOutOfMemory" in exc.code:
        return False
    if isinstance(exc, DriverError | Neo4jError):
        # The driver would not try a commit again that may have come through; our work may be done twice.
        return exc.is_retryable() or isinstance(exc, IncompleteCommit)
    return True


def _short(exc: Exception) -> str:
    text = exc.message if isinstance(exc, Neo4jError) and exc.message else str(exc)
    return " ".join(text.split())[:300].rstrip(".") or type(exc).__name__

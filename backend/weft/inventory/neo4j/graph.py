"""A Neo4j database: explicit transactions with our own deadline and bounded retry, and the schema with its versions."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from neo4j import READ_ACCESS, WRITE_ACCESS, AsyncDriver, AsyncGraphDatabase, AsyncTransaction
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from weft.base.config import Neo4j
from weft.base.errors import BadSettings, ServiceError, Unavailable
from weft.inventory.neo4j.schema import MIGRATIONS

log = logging.getLogger(__name__)

T = TypeVar("T")

WRITE_S = 120.0
"""Longest one write may take: a sweep of 12,000 hosts into an empty graph, on a machine that does other things too."""

WRITE_TRIES = 4
"""A deadlock, or a server that is just starting again, is over after as many; who comes back later spools."""

Work = Callable[["Tx"], Awaitable[T]]


class Tx:
    """One transaction. Texts are ours and literal; values only ever travel as parameters."""

    def __init__(self, transaction: AsyncTransaction) -> None:
        self._transaction = transaction

    async def rows(self, text: str, **values: Any) -> list[list[Any]]:
        """All rows of a query, each a list of its columns."""
        result = await self._transaction.run(text, values)
        return await result.values()

    async def row(self, text: str, **values: Any) -> list[Any] | None:
        """The first row, or None."""
        found = await self.rows(text, **values)
        return found[0] if found else None

    async def run(self, text: str, **values: Any) -> int:
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
        self._prepared = False
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
            driver = AsyncGraphDatabase.driver(
                settings.url,
                auth=(settings.user, password) if password else None,
                connection_timeout=settings.timeout_s,
                connection_acquisition_timeout=settings.timeout_s,
                max_transaction_retry_time=0,
                user_agent="weft",
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
                log.warning("%s Started without it.", exc)
            yield graph

    async def prepare(self) -> None:
        """Bring constraints and indexes up to date, once. Raises Unavailable."""
        async with self._preparing:
            if not self._prepared:
                await self._migrate()
                self._prepared = True

    async def read(self, work: Work[T], *, deadline_s: float | None = None) -> T:
        """Run work in a read transaction: what it reads is of committed transactions only.

        Raises:
            Unavailable: the server is away or does not answer in time.
        """
        await self._ready()
        within = deadline_s or self._settings.timeout_s
        for last in (False, True):
            try:
                async with asyncio.timeout(within):
                    return await self._once(work, READ_ACCESS, within)
            except (DriverError, Neo4jError, OSError) as exc:
                if last or not _passes(exc):
                    raise self._away(exc) from exc
            except TimeoutError as exc:
                raise self._late(within) from exc
        raise AssertionError("unreachable")

    async def write(self, work: Work[T]) -> T:
        """Run work in a write transaction; all of it is kept when this returns, or nothing is.

        It is tried again after a deadlock or a broken connection, also where that broke while committing: work has to
        be idempotent.

        Raises:
            Unavailable: the server is away, or refuses.
        """
        await self._ready()
        for tries in range(1, WRITE_TRIES + 1):
            try:
                async with asyncio.timeout(WRITE_S):
                    return await self._once(work, WRITE_ACCESS, WRITE_S)
            except (DriverError, Neo4jError, OSError) as exc:
                if tries == WRITE_TRIES or not _passes(exc):
                    raise self._away(exc) from exc
                await asyncio.sleep(random.uniform(0.5, 1.0) * 0.1 * 2**tries)
            except TimeoutError as exc:
                raise self._late(WRITE_S) from exc
        raise AssertionError("unreachable")

    async def _ready(self) -> None:
        if not self._prepared:
            await self.prepare()

    async def _once(self, work: Work[T], access: str, within_s: float) -> T:
        async with self._driver.session(database=self._settings.database, default_access_mode=access) as session:
            transaction = await session.begin_transaction(timeout=within_s)
            try:
                answer = await work(Tx(transaction))
                await transaction.commit()
            except BaseException:
                with suppress(DriverError, Neo4jError, OSError):
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
                if known > len(MIGRATIONS):
                    raise Unavailable(
                        f"The graph at {self._settings.url} is of a newer Weft (schema {known} over {len(MIGRATIONS)}).",
                        fix="Run the newer version.",
                    )
                for number, statements in enumerate(MIGRATIONS[known:], known + 1):
                    for text in statements:
                        await (await session.run(text)).consume()
                    step = "MERGE (v:VERSION {what: 'schema'}) SET v.number = $number"
                    await (await session.run(step, number=number)).consume()
        except TimeoutError as exc:
            raise self._late(WRITE_S) from exc
        except (DriverError, Neo4jError, OSError) as exc:
            raise self._away(exc) from exc

    def _away(self, exc: Exception) -> ServiceError:
        if isinstance(exc, AuthError):
            return BadSettings(
                f"Neo4j at {self._settings.url} refuses the user '{self._settings.user}': {exc.message}.",
                fix="Mend neo4j.user and WEFT_NEO4J__PASSWORD.",
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
    return isinstance(exc, OSError) or (isinstance(exc, DriverError | Neo4jError) and exc.is_retryable())


def _short(exc: Exception) -> str:
    text = exc.message if isinstance(exc, Neo4jError) and exc.message else str(exc)
    return " ".join(text.split())[:300].rstrip(".") or type(exc).__name__

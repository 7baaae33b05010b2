"""Read-only Cypher on a Neo4j server: read by our parser, by EXPLAIN, and run under access mode READ with bounds.

Each of the three refuses by itself what writes; what takes too long is ended by the server's clock, by ours, and by
TERMINATE for the rest. What holds the server's own memory is its setting db.memory.transaction.max.
"""

import asyncio
import logging
import uuid
from collections.abc import Mapping, Sequence

from neo4j import AsyncResult
from neo4j.exceptions import DriverError, Neo4jError

from weft.base.errors import Busy
from weft.inventory.neo4j.cypher.errors import remark, too_long, translated
from weft.inventory.neo4j.cypher.parser import Checked, check
from weft.inventory.neo4j.cypher.plans import require_reading
from weft.inventory.neo4j.cypher.values import Collected
from weft.inventory.neo4j.graph import Graph
from weft.inventory.store import CypherAnswer

log = logging.getLogger(__name__)

AT_ONCE = 2
"""Queries of people that one process runs beside its own."""
MOST_ROWS = 10_000
MOST_BYTES = 32_000_000
"""What an answer may come to, counted while it is read."""
DEADLINE_S = 10.0
GRACE_S = 1.5
"""How long the server may take over its own limit to say so; then the connection is cut."""

PAUSE_ROWS = 100
"""After so many rows others get their turn: rows that are here already are read without a pause."""

EXPLAIN = "EXPLAIN "
END_IT = (
    "SHOW TRANSACTIONS YIELD transactionId AS own, metaData WHERE metaData.weft_query = $query "
    "TERMINATE TRANSACTIONS own YIELD message RETURN count(message)"
)


class Neo4jCypher:
    """CypherEngine on a graph."""

    def __init__(self, graph: Graph, deadline_s: float = DEADLINE_S) -> None:
        self._graph, self._deadline_s = graph, deadline_s
        self._places = asyncio.Semaphore(AT_ONCE)
        # What the server remarks goes to who asked, as a notice.
        logging.getLogger("neo4j.notifications").setLevel(logging.ERROR)

    async def ask(self, query: str, parameters: Mapping[str, object] | None = None) -> CypherAnswer:
        """Run a query that only reads; see the protocol."""
        checked = check(query, parameters)
        await self._graph.prepare()
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._places.acquire()
        except TimeoutError:
            raise Busy(
                f"{AT_ONCE} Cypher queries are running already.", fix="Try again when one of them has ended."
            ) from None
        try:
            return await self._run(query, checked, parameters or {})
        finally:
            self._places.release()

    async def _run(self, query: str, checked: Checked, parameters: Mapping[str, object]) -> CypherAnswer:
        own = uuid.uuid4().hex
        shift = 0  # while the server reads EXPLAIN and the text, its places lie so much further on
        try:
            async with (
                asyncio.timeout(self._deadline_s + GRACE_S),
                self._graph.asked(self._deadline_s, weft_query=own) as transaction,
            ):
                shift = len(EXPLAIN)
                planned = await (await transaction.run(EXPLAIN + checked.text, dict(parameters))).consume()
                require_reading(planned.query_type, planned.plan)
                shift = 0
                remarks = [remark(one.status_description) for one in planned.gql_status_objects if one.is_notification]
                return await _answer(await transaction.run(checked.text, dict(parameters)), remarks)
        except TimeoutError as exc:
            await self._end(own)
            raise too_long(self._deadline_s) from exc
        except Neo4jError as exc:
            raise translated(exc, query, checked, self._deadline_s, shift) or self._graph.away(exc) from exc
        except (DriverError, OSError) as exc:
            raise self._graph.away(exc) from exc

    async def _end(self, own: str) -> None:
        """Have the server end what goes on there without us."""
        try:
            async with asyncio.timeout(GRACE_S), self._graph.asked(GRACE_S) as transaction:
                ended = await (await transaction.run(END_IT, {"query": own})).single(strict=True)
            log.warning("A Cypher query went on over its time limit; ended %s at the server.", ended[0])
        except (Neo4jError, DriverError, OSError, TimeoutError) as exc:
            log.warning("A Cypher query may still be running at the server, which does not end it: %s", exc)


async def _answer(result: AsyncResult, remarks: Sequence[str]) -> CypherAnswer:
    """Rows while they come, up to the first cap that they meet."""
    found = Collected()
    rows: list[tuple[object, ...]] = []
    notices = list(remarks)
    async for record in result:
        if len(rows) == MOST_ROWS:
            notices.append(f"Only {MOST_ROWS:,} rows are listed: add a LIMIT, or count() them.")
            break
        if found.size > MOST_BYTES:
            notices.append(f"Only {len(rows):,} rows are listed: they came to over {MOST_BYTES // 1_000_000} MB.")
            break
        rows.append(tuple(found.plain(value) for value in record.values()))
        if len(rows) % PAUSE_ROWS == 0:
            await asyncio.sleep(0)
    nodes, edges = tuple(found.nodes.values()), tuple(found.edges.values())
    return CypherAnswer(tuple(result.keys()), tuple(rows), nodes, edges, tuple(notices))

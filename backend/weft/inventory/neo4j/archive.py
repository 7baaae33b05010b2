"""Everything a Neo4j inventory holds, in and out as rows; see rows.py. Each room keeps the texts of its own tables."""

from collections.abc import Mapping
from typing import Any

from weft.inventory.neo4j import fabric_rows, job_rows, ledger_rows
from weft.inventory.neo4j.graph import WRITE_S, Graph, Tx
from weft.inventory.neo4j.scheduler_nodes import put_told
from weft.inventory.rows import Row, Value, run_of

_TEXTS = {
    table: (what, *texts)
    for what, rows in (("fabric", fabric_rows.ROWS), ("jobs", job_rows.ROWS), ("ledger", ledger_rows.ROWS))
    for table, texts in rows.items()
}
"""By table: what its rows count as a change of, the text that reads it and the one that writes it."""


class Neo4jArchive:
    """Archive in Neo4j.

    Args:
        host_names: the site's own names of hosts; see `names.host_of`.
    """

    def __init__(self, graph: Graph, host_names: Mapping[str, str]) -> None:
        self._graph, self._host_names = graph, host_names

    async def rows(self, table: str, after: Row | None, limit: int) -> tuple[Row, ...]:
        """Rows of a table by key, from after the given key on."""
        _, text, _ = _TEXTS[table]
        values = {"after": None if after is None else list(after), "limit": limit}
        # Who reads all that there is waits longer than one who asks.
        rows = await self._graph.read(lambda tx: tx.rows(text, **values), deadline_s=WRITE_S)
        return tuple(tuple(map(_plain, row)) for row in rows)

    async def put_rows(self, table: str, rows: tuple[Row, ...]) -> None:
        """Keep rows, all or none."""
        what, _, text = _TEXTS[table]

        async def work(tx: Tx) -> None:
            if table == "run":
                # What is summed of a run, and by what it is found, is worked out here.
                await job_rows.put_runs(tx, map(run_of, rows))
                return
            if table == "node_told":
                await put_told(tx, rows)
                return
            await tx.lock(what)
            await tx.run(text, rows=self._widened(table, rows))
            await tx.bump(what)

        await self._graph.write(work)

    def _widened(self, table: str, rows: tuple[Row, ...]) -> list[list[object]]:
        """Rows as the write texts take them: with what Cypher cannot work out."""
        if table == "note":
            return [ledger_rows.with_key(row) for row in rows]
        return fabric_rows.widened(table, rows, self._host_names)


def _plain(value: Any) -> Value:
    """A value of the driver as rows have it."""
    if isinstance(value, list):
        return ",".join(sorted(value))
    if isinstance(value, bool):
        return int(value)
    return bytes(value) if isinstance(value, bytearray) else value

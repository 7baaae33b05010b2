"""What the house keeps about itself, in Neo4j: notes, sources, counts, checksums; and the search by parts of names."""

import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from weft.base.intervals import FOREVER_MS, Interval
from weft.inventory.neo4j.archive import Neo4jArchive
from weft.inventory.neo4j.graph import Graph, Tx
from weft.inventory.neo4j.job_rows import drop_ended
from weft.inventory.neo4j.ledger_rows import ADD_NOTES, with_key
from weft.inventory.rows import checksums
from weft.inventory.search import OF_ONE_ID, shared_out
from weft.inventory.store import Note, SourceStatus

SEARCHED = (2_000, 50_000)
"""How many of the newest runs a search for a part of a label or name looks at: at first, and where that found few.

On two busy cores 2,000 take 17-45 ms and 200,000 over a second; a reader waits while typing.
"""

_DROPPED_AT_ONCE = 5_000

_KNOWN_NOTES = "UNWIND $keys AS key MATCH (n:NOTE {key: key}) RETURN n.key"
_NOTES = """MATCH (n:NOTE) WHERE n.at >= $from AND n.at < $to AND (size($kinds) = 0 OR n.kind IN $kinds)
  RETURN n.at, n.kind, n.severity, n.text, n.about
  ORDER BY n.at DESC, n.kind, n.severity, n.text, n.about LIMIT $limit"""
_DROP_NOTES = "MATCH (n:NOTE) WHERE n.at < $before WITH n LIMIT $most DETACH DELETE n RETURN count(*)"
_HEARD = """MERGE (s:SOURCE {name: $source}) WITH s
  WHERE s.heard IS NULL OR [s.heard, s.ok, s.text] < [$heard, $ok, $text]
  SET s.heard = $heard, s.ok = $ok, s.text = $text"""
_SOURCES = "MATCH (s:SOURCE) RETURN s.name, s.heard, s.ok, s.text ORDER BY s.name"
_CLUSTER_AFTER = """MATCH (j:Job) USING INDEX j:Job(cluster, at) WHERE j.cluster > $cluster AND j.at IS NOT NULL
  RETURN j.cluster ORDER BY j.cluster LIMIT 1"""
_JOBS_OF_ID = """MATCH (j:Job) USING INDEX j:Job(cluster, base, at) WHERE j.cluster = $cluster AND j.base = $id
  AND j.at IS NOT NULL RETURN j.label ORDER BY j.cluster DESC, j.base DESC, j.at DESC, j.id DESC LIMIT $most"""
_JOBS_LIKE = """MATCH (j:Job) USING INDEX j:Job(at) WHERE j.at IS NOT NULL
  WITH j ORDER BY j.at DESC, j.id DESC, j.number DESC LIMIT $looked
  WHERE toLower(j.label) CONTAINS $text OR toLower(j.name) CONTAINS $text
  RETURN j.label, max(j.at) AS at ORDER BY at DESC, j.label DESC LIMIT $places"""
# A user of whose runs none is left is no user any more.
_USERS_LIKE = """MATCH (u:USER) WHERE u.name <> '' AND toLower(u.name) CONTAINS $text
    AND EXISTS { MATCH (j:Job) USING INDEX j:Job(user, at) WHERE j.user = u.name AND j.at IS NOT NULL }
  RETURN u.name ORDER BY u.name LIMIT $places"""
_NODES_LIKE = """MATCH (n:NAME) WHERE toLower(n.text) CONTAINS $text AND EXISTS { (n)<-[:NAMED]-() }
  RETURN n.text ORDER BY n.text LIMIT $places"""
_COUNTED = {
    "blob": "COUNT { (:BLOB) }", "sweep": "COUNT { (:SWEEP) }",
    "correction": "COUNT { (:CORRECTION) }", "node_span": "COUNT { ()-[:NAMED]->() }",
    "connection": "COUNT { (:CONNECTION) }", "link_state": "COUNT { (:LINK_STATE) }", "lid_span": "COUNT { (:LID) }",
    "module_span": "COUNT { ()-[:PLUGGED_IN]->() }", "identity": "COUNT { ()-[:IDENTIFIED]->() }",
    "unconfirmed": "COUNT { (:UNCONFIRMED) }", "change": "COUNT { (:EVENT) } - COUNT { (:NOTE) }",
    "wiring": "COUNT { (:WIRING) }", "lft": "COUNT { ()-[:HAS_LFT]->() }", "head": "COUNT { (:HEAD) }",
    "anchor": "COUNT { (:ANCHOR) }", "run": "COUNT { (:Job) }", "run_host": "COUNT { ()-[:JOBCLIENT]->() }",
    "host": "COUNT { (:Host) }", "node_report": "COUNT { (:NODE_REPORT) }", "node_told": "COUNT { (:NODE_TOLD) }",
    "note": "COUNT { (:NOTE) }", "source": "COUNT { (:SOURCE) }",
}  # fmt: skip
"""Nodes of a label and relationships of a type, which the server keeps count of."""
_STATS = f"RETURN {', '.join(_COUNTED.values())}"

TEXTS = (
    _KNOWN_NOTES, _NOTES, _DROP_NOTES, _HEARD, _SOURCES, _CLUSTER_AFTER, _JOBS_OF_ID, _JOBS_LIKE, _USERS_LIKE,
    _NODES_LIKE, _STATS,
)  # fmt: skip
"""Every text of this file, for a look at their plans."""


class Neo4jLedger:
    """Ledger in Neo4j."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    async def add_notes(self, notes: Sequence[Note]) -> int:
        """Keep notes; returns how many were new."""
        rows = {(note.at_ms, note.kind, note.severity, note.text, orjson.dumps(note.about).decode()) for note in notes}
        told = {str(row[-1]): row for row in map(with_key, rows)}

        async def work(tx: Tx) -> int:
            await tx.lock("ledger")
            known = {key for (key,) in await tx.rows(_KNOWN_NOTES, keys=list(told))}
            new = [row for key, row in told.items() if key not in known]
            if new:
                await tx.run(ADD_NOTES, rows=new)
                await tx.bump("ledger")
            return len(new)

        return await self._graph.write(work) if told else 0

    async def notes(self, window: Interval, *, kinds: Sequence[str] = (), limit: int = 1000) -> tuple[Note, ...]:
        """Notes in the window, newest first."""
        values = {
            "from": max(window.from_ms, -FOREVER_MS), "to": min(window.to_ms, FOREVER_MS), "kinds": list(kinds),
            "limit": max(0, limit),
        }  # fmt: skip
        rows = await self._graph.read(lambda tx: tx.rows(_NOTES, **values))
        return tuple(
            Note(at_ms, kind, severity, text, tuple(orjson.loads(about))) for at_ms, kind, severity, text, about in rows
        )

    async def heard(self, status: SourceStatus) -> None:
        """Remember the newest word of a source."""
        told = {"source": status.source, "heard": status.heard_ms, "ok": int(status.ok), "text": status.text}

        async def work(tx: Tx) -> None:
            await tx.lock("ledger")
            if await tx.run(_HEARD, **told):
                await tx.bump("ledger")

        await self._graph.write(work)

    async def sources(self) -> tuple[SourceStatus, ...]:
        """Every source, sorted by name."""
        rows = await self._graph.read(lambda tx: tx.rows(_SOURCES))
        return tuple(SourceStatus(source, heard_ms, bool(ok), text) for source, heard_ms, ok, text in rows)

    async def search(self, text: str, *, limit: int = 20) -> tuple[tuple[str, str], ...]:
        """Jobs (by label or name, given as label), users and nodes whose name contains the text; case aside.

        A whole job id is found whatever its age, a part of one among the newest SEARCHED runs. Jobs leave at least a
        third of the places to users and nodes each, where these need them.
        """
        needle, places = text.strip(), max(0, limit)

        async def work(tx: Tx) -> list[tuple[str, list[str]]]:
            values = {"text": needle.lower(), "places": places}
            jobs = dict.fromkeys(await _of_id(tx, needle))
            for looked in SEARCHED:
                jobs |= dict.fromkeys(row[0] for row in await tx.rows(_JOBS_LIKE, looked=looked, **values))
                if len(jobs) >= places:
                    break
            users = [name for (name,) in await tx.rows(_USERS_LIKE, **values)]
            nodes = [name for (name,) in await tx.rows(_NODES_LIKE, **values)]
            return [("job", list(jobs)[:places]), ("user", users), ("node", nodes)]

        return shared_out(await self._graph.read(work), places)

    async def stats(self) -> Mapping[str, int]:
        """Row counts by table."""
        row = await self._graph.read(lambda tx: tx.row(_STATS))
        return dict(sorted(zip(_COUNTED, row or (), strict=True)))

    async def checksums(self) -> Mapping[str, str]:
        """SHA-256 by table over all rows in canonical order. Reads everything."""
        return await checksums(Neo4jArchive(self._graph, {}))

    async def prune(self, before_ms: int) -> int:
        """Drop runs and notes that ended before; returns how many. Both go in portions: others write in between."""
        before_ms = max(-FOREVER_MS, min(before_ms, FOREVER_MS))
        runs = partial(drop_ended, before_ms=before_ms, most=_DROPPED_AT_ONCE)
        return await self._until_none(runs) + await self._until_none(partial(_drop_notes, before_ms=before_ms))

    async def _until_none(self, work: Callable[[Tx], Coroutine[Any, Any, int]]) -> int:
        total = 0
        while done := await self._graph.write(work):
            total += done
        return total


async def _drop_notes(tx: Tx, before_ms: int) -> int:
    await tx.lock("ledger")
    row = await tx.row(_DROP_NOTES, before=before_ms, most=_DROPPED_AT_ONCE)
    dropped = int(row[0]) if row else 0
    if dropped:
        await tx.bump("ledger")
    return dropped


async def _of_id(tx: Tx, text: str) -> list[str]:
    """Labels of the runs whose id is the text, of every cluster, newest first."""
    if re.fullmatch(r"\d{1,18}", text, re.ASCII) is None:
        return []
    labels: list[str] = []
    cluster = ""
    while found := await tx.row(_CLUSTER_AFTER, cluster=cluster):
        cluster = found[0]
        rows = await tx.rows(_JOBS_OF_ID, cluster=cluster, id=int(text), most=OF_ONE_ID)
        labels += [label for (label,) in rows]
    return labels

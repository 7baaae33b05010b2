"""The rows of a fabric in Neo4j, as `inventory.derive` reads and changes them, inside one write.

Rows are read and derived in memory, and what differs is written in the end: a node that is derived again as it was is
not touched at all, and keeps what a site has added to it. Most writes are one transaction. What is too much for the
memory a server gives one (the first sweep of a large fabric, a very late one) is written in several while the first
one holds the lock; it ends with where history ends, so that until then nothing was said to be known. A mark tells the
next writer of a history that was left between two of them: whatever it writes is late, and goes back before the mark.
"""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson

from weft.base.intervals import FOREVER_MS
from weft.inventory.derive import CorrectionEntry, Head, SweepEntry, change_row
from weft.inventory.neo4j.fabric_rows import COLUMNS, KEYS, ROWS, SURE, found, widened
from weft.inventory.neo4j.graph import Graph, Tx, Work
from weft.inventory.rows import TABLES
from weft.inventory.state import Closed, Decided, Opened, Step

AT_ONCE = 5_000
"""Rows of one statement: some MB in the memory of the server."""
IN_ONE_GO = 10_000
"""Rows of one transaction; 35,000 connections are more than a server of 512 MB gives one."""

SPANS = {"node_span": 1, "connection": 1, "link_state": 1, "lid_span": 2, "module_span": 2}
"""Tables of spans, and of how many columns the key of an open one is made: without the fabric and its begin."""
DERIVED = ("node_span", "connection", "link_state", "lid_span", "module_span", "identity", "change")
"""Tables that are derived, in the order in which they are written."""

Key = tuple[Any, ...]
Line = list[Any]


def _since(table: str) -> str:
    """Rows that items after a time decided something of."""
    decided = "(x.made > $at OR x.closed > $at)" if table in SPANS else "x.made > $at"
    fabric, *_ = KEYS[table].split(", ")
    return f"{found(table, f'{fabric} = $fabric AND {decided}')} RETURN {COLUMNS[table]}"


def _open(table: str) -> str:
    """Open rows of `$keys`."""
    fabric, *more = KEYS[table].split(", ")
    same = " AND ".join(f"{name} = key[{at}]" for at, name in enumerate(more[: SPANS[table]]))
    condition = f"{fabric} = $fabric AND {same} AND x.closed IS NULL"
    return f"UNWIND $keys AS key {found(table, condition)} RETURN {COLUMNS[table]}"


SINCE = {table: _since(table) for table in DERIVED}
OPEN = {table: _open(table) for table in SPANS}
DROP = {
    "node_span": """UNWIND $keys AS key
      MATCH (d:DEVICE {fabric: key[0], guid: key[1]})-[x:NAMED {valid_from: key[2]}]->(n)
      OPTIONAL MATCH (d)<-[had:HAS_HCA {valid_from: key[2]}]-(:Host)
      DELETE x, had
      WITH DISTINCT n WHERE NOT EXISTS { (n)<-[:NAMED]-() } DETACH DELETE n""",
    "connection": "UNWIND $keys AS key MATCH (x:CONNECTION {fabric: key[0], id: key[1]}) DETACH DELETE x",
    "link_state": """UNWIND $keys AS key
      MATCH (x:LINK_STATE {fabric: key[0], connection: key[1], valid_from: key[2]}) DETACH DELETE x""",
    "lid_span": """UNWIND $keys AS key
      MATCH (x:LID {fabric: key[0], guid: key[1], number: key[2], valid_from: key[3]}) DETACH DELETE x""",
    "module_span": """UNWIND $keys AS key
      MATCH (p:PORT {key: key[0] + '/' + key[1] + '/' + key[2]})<-[x:PLUGGED_IN {valid_from: key[3]}]-(m)
      DELETE x WITH DISTINCT m WHERE NOT EXISTS { (m)-[:PLUGGED_IN]->() } DETACH DELETE m""",
    "identity": f"""UNWIND $keys AS key
      MATCH (c:CONNECTION {{fabric: key[0], id: key[1]}})-[x:IDENTIFIED]->()
      DELETE x WITH c MATCH (c)-[:USES]->(k) WITH DISTINCT k SET {SURE}""",
    "change": """UNWIND $keys AS key
      MATCH (x:EVENT {fabric: key[0], at: key[1], made: key[2], number: key[3]}) DETACH DELETE x""",
    "lft": """UNWIND $keys AS key
      MATCH (d:DEVICE {fabric: key[0], guid: key[1]})-[x:HAS_LFT {seen_at: key[2]}]->() DELETE x""",
}
"""What goes, by its key, and what only it was named by."""
DROP_CABLES = """UNWIND $keys AS key MATCH (k:CABLE {fabric: key[0], id: key[1]})
  WHERE NOT EXISTS { (k)<-[:USES|IDENTIFIED]-() } DETACH DELETE k"""
SET_IDENTITY = f"UNWIND $keys AS key MATCH (k:CABLE {{fabric: key[0], id: key[1]}}) SET {SURE}"
DROP_DEVICES = """UNWIND $keys AS key MATCH (d:DEVICE {fabric: key[0], guid: key[1]})
  WHERE NOT EXISTS { (d)-[:NAMED|HAS_LFT]->() }
    AND NOT EXISTS { (d)-[:HAS_PORT]->()<-[:ENDS_AT|OF|PLUGGED_IN]-() }
  OPTIONAL MATCH (d)-[:HAS_PORT]->(p) DETACH DELETE p, d"""
KNOWN = "MATCH (x:SWEEP {fabric: $fabric, seen_at: $at, sha256: $sha256}) RETURN x.quarantined"
HAS_NODE = "MATCH (d:DEVICE {fabric: $fabric, guid: $guid}) RETURN EXISTS { (d)-[:NAMED]->() }"
_OF = "x.fabric = $fabric"
WAS_SET_ASIDE = f"""{found("sweep", f"{_OF} AND x.seen_at = $at")} AND x.quarantined IS NOT NULL
  RETURN x.sha256 LIMIT 1"""
SWEEPS = f"{found('sweep', f'{_OF} AND x.seen_at >= $at')} RETURN x.seen_at, x.sha256, x.absent_after"
BELIEVE = f"""{found("sweep", f"{_OF} AND x.seen_at > $at")} AND x.quarantined IS NOT NULL
  SET x.quarantined = null"""
SET_ASIDE = "MATCH (x:SWEEP {fabric: $fabric, seen_at: $at, sha256: $sha256}) SET x.quarantined = $why"
CORRECTION = """MATCH (x:CORRECTION {fabric: $fabric, at: $at, kind: $kind, guid: $guid, number: $number})
  RETURN x.who"""
CORRECTIONS = f"""{found("correction", f"{_OF} AND x.at >= $at")}
  RETURN x.at, x.kind, x.guid, x.number, x.who"""
CONTENT = "MATCH (x:BLOB {sha256: $sha256}) RETURN x.data"
HEAD = """MATCH (x:HEAD {fabric: $fabric})
  RETURN x.last, x.last_rank, x.last_tag, x.seen, x.settled, x.since_anchor, x.state, x.torn"""
RENEW = "MATCH (x:HEAD {fabric: $fabric}) SET x.last = $at, x.seen = $at"
TEAR = "MERGE (x:HEAD {fabric: $fabric}) SET x.torn = $at"
MEND = """MATCH (x:HEAD {fabric: $fabric}) SET x.torn = null, x.host_names = $host_names"""
HOST_NAMES = "MATCH (x:HEAD {fabric: $fabric}) RETURN x.host_names"
FORGET_ANCHORS = f"{found('anchor', f'{_OF} AND x.at >= $at')} DELETE x"
ANCHOR = f"{found('anchor', _OF)} RETURN x.at, x.state ORDER BY x.fabric DESC, x.at DESC LIMIT 1"
LAST_NUMBER = """MATCH (x:EVENT) USING INDEX x:EVENT(fabric, made) WHERE x.fabric = $fabric AND x.made = $made
  RETURN max(x.number)"""
UNCONFIRMED = f"{found('unconfirmed', _OF)} RETURN x.fabric, x.kind, x.id, x.last_seen"
DROP_UNCONFIRMED = """UNWIND $keys AS key MATCH (x:UNCONFIRMED {fabric: key[0], kind: key[1], id: key[2]})
  DETACH DELETE x"""


class Neo4jBook:
    """See Book. One write of one fabric; `tx` holds the lock of all fabrics.

    Of every row that is touched, `_before` has the line that is kept (none: it is new) and `_after` the line that is to
    be (none: it goes); `_lasting` has those of `_after` whose span is open, by the key without its begin.
    """

    def __init__(self, graph: Graph, tx: Tx, fabric: str, host_names: Mapping[str, str]) -> None:
        self._graph, self._tx, self._fabric, self._host_names = graph, tx, fabric, host_names
        self._before: dict[tuple[str, Key], Line] = {}
        self._after: dict[tuple[str, Key], Line] = {}
        self._lasting: dict[tuple[str, Key], Line] = {}
        self._anchors: list[Line] = []
        self._cut_ms: int | None = None
        self._torn_ms: int | None = None
        self._last_ms = -1

    async def known(self, seen_at_ms: int, digest: str) -> tuple[str | None] | None:
        """See Book."""
        row = await self._tx.row(KNOWN, fabric=self._fabric, at=seen_at_ms, sha256=digest)
        return None if row is None else (row[0],)

    async def keep_sweep(self, sweep: SweepEntry, source: str, blob: bytes) -> None:
        """See Book."""
        await self._put("blob", [[sweep.sha256, blob]])
        row = [self._fabric, sweep.seen_at_ms, sweep.sha256, source, sweep.absent_after, None]
        await self._put("sweep", [row])

    async def keep_correction(self, correction: CorrectionEntry) -> bool:
        """See Book."""
        at_ms, kind, guid, number, _ = correction
        if await self._tx.row(CORRECTION, fabric=self._fabric, at=at_ms, kind=kind, guid=guid, number=number):
            return False
        await self._put("correction", [[self._fabric, *correction]])
        return True

    async def has_node(self, guid: str) -> bool:
        """See Book."""
        row = await self._tx.row(HAS_NODE, fabric=self._fabric, guid=guid)
        return bool(row and row[0])

    async def was_set_aside(self, seen_at_ms: int) -> bool:
        """See Book."""
        return await self._tx.row(WAS_SET_ASIDE, fabric=self._fabric, at=seen_at_ms) is not None

    async def head(self) -> Head | None:
        """See Book."""
        row = await self._tx.row(HEAD, fabric=self._fabric)
        if row is None:
            return None
        *told, self._torn_ms = row
        if self._torn_ms is not None:
            return Head(FOREVER_MS, 3, "", 0, False, 0, b"")
        head = Head(*told)
        self._last_ms = head.last_ms
        return head

    async def renew(self, at_ms: int) -> None:
        """See Book."""
        await self._write_rows()
        await self._tx.run(RENEW, fabric=self._fabric, at=at_ms)
        await self._tx.run(MEND, fabric=self._fabric, host_names=_digest(self._host_names))
        await self._tx.bump("fabric")

    async def forget_anchors(self, from_ms: int) -> None:
        """See Book."""
        if self._torn_ms is not None:
            from_ms = min(from_ms, self._torn_ms + 1)
        await self._tx.run(FORGET_ANCHORS, fabric=self._fabric, at=from_ms)

    async def anchor(self) -> tuple[int, bytes] | None:
        """See Book."""
        row = await self._tx.row(ANCHOR, fabric=self._fabric)
        return (row[0], row[1]) if row else None

    async def keep_anchor(self, at_ms: int, state: bytes) -> None:
        """See Book."""
        self._anchors.append([self._fabric, at_ms, state])

    async def cut_back(self, at_ms: int) -> int:
        """See Book."""
        self._cut_ms = at_ms
        await self._tx.run(BELIEVE, fabric=self._fabric, at=at_ms)
        for table in DERIVED:
            for row in await self._tx.rows(SINCE[table], fabric=self._fabric, at=at_ms):
                self._before[table, _key(table, row)] = row
                if table in SPANS and row[-2] <= at_ms:
                    self._begin(table, [*row[:-5], FOREVER_MS, row[-4], None, row[-2], None])
        return sum(table == "change" for table, _ in self._before)

    async def sweeps(self, from_ms: int) -> Sequence[SweepEntry]:
        """See Book."""
        return [SweepEntry(*row) for row in await self._tx.rows(SWEEPS, fabric=self._fabric, at=from_ms)]

    async def corrections(self, from_ms: int) -> Sequence[CorrectionEntry]:
        """See Book."""
        return [CorrectionEntry(*row) for row in await self._tx.rows(CORRECTIONS, fabric=self._fabric, at=from_ms)]

    async def content(self, digest: str) -> bytes:
        """See Book."""
        row = await self._tx.row(CONTENT, sha256=digest)
        if row is None:
            raise LookupError(f"the content of sweep {digest} is not kept")
        return bytes(row[0])

    async def set_aside(self, sweep: SweepEntry, why: str) -> None:
        """See Book."""
        key = {"at": sweep.seen_at_ms, "sha256": sweep.sha256}
        await self._tx.run(SET_ASIDE, fabric=self._fabric, why=why, **key)

    async def next_number(self, made_ms: int) -> int:
        """See Book."""
        if self._cut_ms is not None and made_ms > self._cut_ms:
            return 0
        row = await self._tx.row(LAST_NUMBER, fabric=self._fabric, made=made_ms)
        return 0 if row is None or row[0] is None else int(row[0]) + 1

    async def write(self, step: Step, number: int) -> None:
        """See Book."""
        await self._fetch(row for row in step.rows if isinstance(row, Closed))
        for row in step.rows:
            if isinstance(row, Opened):
                span = FOREVER_MS, row.absent_ms, None, step.decided_ms, None
                self._begin(row.table, [self._fabric, *row.key, row.from_ms, *row.values, *span])
            elif isinstance(row, Decided):
                self._take("identity", [self._fabric, row.connection, row.cable, step.decided_ms])
            elif line := self._lasting.pop((row.table, row.key), None):
                from_ms = line[1 + SPANS[row.table]]
                line[-5], line[-3], line[-1] = row.to_ms, max(row.last_seen_ms, from_ms), step.decided_ms
        for i, change in enumerate(step.changes, number):
            self._take("change", [self._fabric, *change_row(change, step.decided_ms, i)])

    async def finish(self, head: Head, waiting: Sequence[tuple[str, str, int]]) -> None:
        """See Book."""
        await self._write_rows()
        await self._put("anchor", self._anchors)
        await self._wait([[self._fabric, *row] for row in waiting])
        *told, state = head
        await self._put("head", [[self._fabric, *told[:4], int(head.settled), head.since_anchor, state]])
        await self._tx.run(MEND, fabric=self._fabric, host_names=_digest(self._host_names))
        await self._tx.bump("fabric")

    def _take(self, table: str, line: Line) -> None:
        self._after[table, _key(table, line)] = line

    def _begin(self, table: str, line: Line) -> None:
        """A line whose span is open."""
        self._take(table, line)
        self._lasting[table, tuple(line[1 : 1 + SPANS[table]])] = line

    async def _fetch(self, rows: Iterable[Closed]) -> None:
        """Take in the open lines that rows close, unless they are there."""
        wanted: dict[str, set[Key]] = {}
        for row in rows:
            if (row.table, row.key) not in self._lasting:
                wanted.setdefault(row.table, set()).add(row.key)
        for table, keys in wanted.items():
            for line in await self._tx.rows(OPEN[table], fabric=self._fabric, keys=[list(key) for key in keys]):
                key = (table, _key(table, line))
                # One that is among those before was undone, or is closed by now.
                if key not in self._before:
                    self._before[key] = line
                    self._begin(table, list(line))

    async def _write_rows(self) -> None:
        """Make what is kept what was derived."""
        work = [
            (text, {name: lines[i : i + AT_ONCE]})
            for text, name, lines in await self._work()
            for i in range(0, len(lines), AT_ONCE)
        ]
        if sum(len(lines) for _, values in work for lines in values.values()) <= IN_ONE_GO:
            for text, values in work:
                await self._tx.run(text, **values)
            return
        torn_ms = self._last_ms - 1 if self._cut_ms is None else self._cut_ms
        await self._graph.write(_running(TEAR, {"fabric": self._fabric, "at": torn_ms}))
        for text, values in work:
            await self._graph.write(_running(text, values))

    async def _work(self) -> list[tuple[str, str, list[list[object]]]]:
        """Texts, the name of their parameter, and its lines: first what is new or differs, then what goes."""
        new: dict[str, list[Line]] = {table: [] for table in DERIVED}
        for (table, key), line in self._after.items():
            if self._before.get((table, key)) != line:
                new[table].append(line)
        new["node_span"] += await self._named_anew()
        gone: dict[str, list[list[object]]] = {table: [] for table in DERIVED}
        for table, key in self._before.keys() - self._after.keys():
            gone[table].append(list(key))
        work = [(ROWS[table][1], "rows", widened(table, new[table], self._host_names)) for table in DERIVED]
        work += [(DROP[table], "keys", gone[table]) for table in reversed(DERIVED)]
        cables, devices = self._loosened()
        return [*work, (DROP_CABLES, "keys", cables), (SET_IDENTITY, "keys", cables), (DROP_DEVICES, "keys", devices)]

    def _loosened(self) -> tuple[list[list[object]], list[list[object]]]:
        """Cables of connections that go or change, and devices that lose something, by their keys."""
        cables, devices = set(), set()
        for (table, key), line in self._before.items():
            after = self._after.get((table, key))
            if table == "connection" and (after is None or after[7:9] != line[7:9]):
                cables |= {cable for cable in line[7:9] if cable}
            elif table in ("node_span", "lid_span", "module_span") and after is None:
                devices.add(line[1])
        return [[self._fabric, cable] for cable in sorted(cables)], [[self._fabric, guid] for guid in sorted(devices)]

    async def _named_anew(self) -> list[Line]:
        """Spans of nodes that are written again because the site names its hosts otherwise now."""
        row = await self._tx.row(HOST_NAMES, fabric=self._fabric)
        if row is None or row[0] == _digest(self._host_names):
            return []
        lines = await self._tx.rows(SINCE["node_span"], fabric=self._fabric, at=-1)
        told = self._before.keys() | self._after.keys()
        return [line for line in lines if ("node_span", _key("node_span", line)) not in told]

    async def _put(self, table: str, lines: Sequence[Line]) -> None:
        if lines:
            await self._tx.run(ROWS[table][1], rows=lines)

    async def _wait(self, lines: Sequence[Line]) -> None:
        """Keep what lasts unconfirmed."""
        kept = await self._tx.rows(UNCONFIRMED, fabric=self._fabric)
        if gone := _keys("unconfirmed", kept) - _keys("unconfirmed", lines):
            await self._tx.run(DROP_UNCONFIRMED, keys=[list(key) for key in sorted(gone)])
        there = {tuple(line) for line in kept}
        await self._put("unconfirmed", [line for line in lines if tuple(line) not in there])


def _running(text: str, values: Mapping[str, object]) -> Work[int]:
    """Work that is one text."""
    return lambda tx: tx.run(text, **values)


def _key(table: str, line: Line) -> Key:
    return tuple(line[: TABLES[table].key])


def _keys(table: str, lines: Iterable[Line]) -> set[Key]:
    return {_key(table, line) for line in lines}


def _digest(host_names: Mapping[str, str]) -> str:
    """Tells one table of host names from another."""
    return sha256(orjson.dumps(dict(host_names), option=orjson.OPT_SORT_KEYS)).hexdigest()

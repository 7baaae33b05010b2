"""Lines and queries as the tests of log engines make them."""

from dataclasses import replace
from datetime import UTC
from typing import Any

from weft.base.intervals import FOREVER_MS, Interval
from weft.logs.lucene import parse
from weft.logs.moments import Times
from weft.logs.store import LogLine, LogQuery, LogStore

DAY = 86_400_000
MIDNIGHT = 1_763_769_600_000
"""22 Nov 2025, 00:00 UTC."""
ALWAYS = Interval(0, FOREVER_MS)


def line(line_id: str, at_ms: int, message: str = "mlx5_0: port 1 link down", **more: Any) -> LogLine:
    """A kernel line of node001, as a test needs it."""
    return replace(LogLine(line_id, at_ms, "node001", "kernel", "err", message, "messages.log"), **more)


async def pages(logs: LogStore, query: LogQuery, limit: int) -> tuple[list[LogLine], set[int]]:
    """The lines of all pages, one after the other, and the totals these told."""
    found: list[LogLine] = []
    totals: set[int] = set()
    cursor: str | None = None
    while True:
        hits = await logs.search(query, limit=limit, cursor=cursor)
        assert hits.notices == ()
        found += hits.lines
        totals.add(hits.total)
        cursor = hits.cursor
        if cursor is None:
            return found, totals
        assert len(hits.lines) == limit


def asked(text: str, window: Interval = ALWAYS) -> LogQuery:
    """A query as a person types it."""
    return LogQuery(window, query=parse(text, Times(MIDNIGHT, UTC)).query)


async def found_ids(logs: LogStore, query: LogQuery) -> str:
    return "".join(sorted(hit.id for hit in (await logs.search(query)).lines))

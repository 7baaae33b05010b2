"""The body of a `_bulk` request as log lines: what rsyslog, Logstash and every other shipper sends to Elasticsearch.

Of each two lines the first is an action (`{"create": {"_index": "weft-logs-2026.11.22", "_id": "..."}}`), the second a
document. A document is read as `ndjson` reads a line; a time without a zone is UTC, as Elasticsearch takes it.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from weft.base.errors import BadRequest
from weft.base.intervals import FOREVER_MS, ms_of
from weft.logs.fields import cleaned
from weft.logs.ndjson import hear
from weft.logs.reading import LONGEST, identity
from weft.logs.store import LogLine

KEPT = frozenset({"index", "create"})
"""Actions that keep a document. A line that is known stays as it is, so both mean the same."""

SEQ = "weft.seq"
"""Member that says the order within a millisecond; without it the order of the request counts."""

LONGEST_ID = 512
"""Bytes of an id, as Elasticsearch has it."""

SOURCE = "bulk"
"""Of a document that names none."""

EXPECTED = '{"@timestamp": "2026-11-22T22:23:15Z", "message": "text"}'


class Item(NamedTuple):
    """One action: what it is called, the index it was to go into, and its line; or why (`why`) there is none."""

    action: str
    into: str
    id: str
    line: LogLine | None
    why: str = ""


def read_bulk(body: bytes, index: str = "") -> list[Item]:
    """Read a body. One document that is no log line refuses no other.

    Args:
        index: of the request's path, for actions that name none.
    Raises:
        BadRequest: an action that is none, so that nobody knows what stands behind it.
    """
    if not body.endswith(b"\n"):
        raise BadRequest("The body has no line end at its end, so it may be cut.", fix="End each line with \\n.")
    return list(_items(body, index))


def _items(body: bytes, index: str) -> Iterator[Item]:
    seen: Counter[str] = Counter()
    places: Counter[int] = Counter()
    lines = iter(body.split(b"\n")[:-1])
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        action, told = _action(text, number)
        item = Item(action, str(told.get("_index") or index), str(told.get("_id") or ""), None)
        if action == "delete":
            yield item._replace(why="Weft deletes no log line.")
            continue
        document = next(lines, None)
        if document is None:
            raise BadRequest(f"Behind action {number:,} there is no document.", fix="Send each action with one.")
        if action not in KEPT:
            yield item._replace(why=f"Weft keeps log lines as they are and does not '{action}' them.")
        elif len(item.id.encode()) > LONGEST_ID:
            yield item._replace(id="", why=f"Its id has more than {LONGEST_ID} bytes.")
        else:
            yield _with_line(item, document.decode("utf-8", "replace"), seen, places)


def _action(text: bytes, number: int) -> tuple[str, dict[str, Any]]:
    try:
        ((action, told),) = orjson.loads(text).items()
    except (ValueError, AttributeError):
        told = None
    if not isinstance(told, dict):
        raise BadRequest(
            f"In line {number:,} an action was expected, not {text[:57].decode(errors='replace')!r}.",
            fix='Send {"create": {"_id": "..."}} before each document.',
        )
    return action, told


def _with_line(item: Item, text: str, seen: Counter[str], places: Counter[int]) -> Item:
    heard = hear(text)
    if heard is None:
        return item._replace(why=f"{EXPECTED} was expected of a document, not {text[:57]!r}.")
    when = heard.when
    at_ms = ms_of(when.replace(tzinfo=UTC)) if isinstance(when, datetime) else when
    if not 0 <= at_ms < FOREVER_MS:
        return item._replace(why="Its time lies outside the calendar.")
    own = dict(heard.own or {})
    seq, source = own.pop(SEQ, None), own.pop("source", None)
    fields, _ = cleaned(own.items())
    if type(seq) is not int or not 0 <= seq < 2**63:
        seq = places[at_ms]
        places[at_ms] += 1
    found = item.id or identity(at_ms, heard, text, seen)
    line = LogLine(
        found, at_ms, heard.host, heard.program, heard.severity, heard.message[:LONGEST],
        source if isinstance(source, str) and source else SOURCE, seq, fields,
    )  # fmt: skip
    return item._replace(id=found, line=line)

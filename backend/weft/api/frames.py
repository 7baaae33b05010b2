"""Answers in the shapes that Grafana's `toDataFrame` takes, and ranges as its clients send them.

A table is `columns` and `rows`: SimpleJSON and every simPod read it. What a column holds beside `text` and `type`
becomes the field's config, so units and descriptions reach the panel. `meta.notices` is drawn as a sign with the text
at the corner of the panel.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any

import orjson

from weft.answers.tables import Column
from weft.base.errors import BadRequest
from weft.base.intervals import Interval, parse_moment
from weft.metrics.series import Window

MOST_NAMES = 1000
"""Values that a picker or a variable lists."""

LATEST_MS = 253_402_300_799_000
"""The end of the year 9999."""


def meta_of(notices: Iterable[str], severity: str = "warning") -> dict[str, Any]:
    """The `meta` member of a frame with these notices; nothing when there are none."""
    told = [{"severity": severity, "text": text} for text in dict.fromkeys(notices)]
    return {"meta": {"notices": told}} if told else {}


def table_frame(
    columns: Sequence[Column], rows: Iterable[Sequence[Any]], ref_id: str, notices: Iterable[str] = ()
) -> dict[str, Any]:
    """A table. Every column has its type: without one Grafana makes numbers of job ids."""
    return {
        "type": "table",
        "columns": [
            {"text": one.name, "type": one.type}
            | ({"unit": one.unit} if one.unit else {})
            | ({"description": one.doc} if one.doc else {})
            for one in columns
        ],
        "rows": [[cell(value) for value in row] for row in rows],
        "refId": ref_id,
        **meta_of(notices),
    }


def cell(value: object) -> object:
    """A cell as a client draws it: a list as words."""
    return ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else value


def empty_frame(target: str, ref_id: str, notices: Iterable[str], severity: str = "warning") -> dict[str, Any]:
    """A series without points that carries the reason why there are none."""
    return {"target": target, "datapoints": [], "refId": ref_id, **meta_of(notices, severity)}


def json_bytes(value: object) -> bytes:
    """Strict JSON; what is not a number is null."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def range_of(body: Mapping[str, Any]) -> Interval | None:
    """The range of a Grafana request as `[from, to]` made `[from, to + 1 ms)`; None when the body has none.

    Raises:
        BadRequest: an end that is no time (Grafana sends null for a date it could not read), or from after to.
    """
    told = body.get("range")
    if told is None:
        return None
    if not isinstance(told, dict):
        raise BadRequest("'range' is no object.", fix='Send {"from": "<ISO 8601>", "to": "<ISO 8601>"}.')
    return interval_of(told.get("from"), told.get("to"))


def interval_of(start: object, end: object) -> Interval:
    """An interval of two moments, both included: ISO 8601 or epoch ms. Raises BadRequest."""
    from_ms, to_ms = _moment(start, "from"), _moment(end, "to")
    if from_ms > to_ms:
        raise BadRequest(f"The range begins ({start}) after it ends ({end}).", fix="Exchange from and to.")
    return Interval(from_ms, to_ms + 1)


def window_of(span: Interval, now_ms: int) -> Window:
    """Graphite's `(from, until]` that holds every whole second of a range, and is a second long at least."""
    from_s = max(0, -(-span.from_ms // 1000) - 1)
    return Window(from_s, max(from_s + 1, (span.to_ms - 1) // 1000), now_ms // 1000)


def _moment(value: object, name: str) -> int:
    if value is None or isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadRequest(
            f"The range's '{name}' is not a time: {value!r}.", fix="Choose a time range that Grafana can read."
        )
    at_ms = int(value) if isinstance(value, int | float) else parse_moment(value, UTC)
    if not 0 <= at_ms <= LATEST_MS:
        raise BadRequest(f"The range's '{name}' ({value}) lies outside the years 1970 to 9999.", fix="Choose another.")
    return at_ms

"""Series to bytes: numpy arrays to the wire in chunks, never through models and never as one body.

The points of JSON are written in json_points.py. Graphite's other formats are here as well, with the bytes that
graphite-web 1.1.10 (`render/views.py`) gives for them.
"""

import asyncio
import csv
import io
import json
import struct
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

import numpy as np
import orjson

from weft.metrics import json_points
from weft.metrics.series import Series, Values

CHUNK_BYTES = 500_000
"""Least size of a chunk; made in about 2 ms, in which the other requests of this worker wait."""
PIECE_POINTS = 10_000
"""Most points written in one go; so no chunk is much over 0.7 MB."""
LINE_LETTERS = 40
"""Letters of a line of CSV beside the name."""
QUARTER_S = 900
"""Clocks change at quarters of an hour only, in every zone there is."""

_PACKED = np.dtype([("mark", "u1"), ("value", ">f8")])
_NIL, _FLOAT64 = 0xC0, 0xCB


@dataclass(frozen=True, slots=True)
class Answer:
    """A series as a member of SimpleJSON's answer.

    Args:
        ref_id: the query it answers; Grafana files it by that.
        unit: as Grafana names units; "": none. tags: labels. meta: DataFrame meta, as `{"notices": [...]}`.
    """

    series: Series
    ref_id: str = ""
    unit: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)


def graphite_json(series: Iterable[Series], *, no_nulls: bool = False) -> Iterator[bytes]:
    """Graphite's `format=json`: `[{"target", "tags", "datapoints": [[value, epoch s], ...]}]`.

    Args:
        no_nulls: leave out points without a number, and series without points (noNullPoints).
    Yields:
        Chunks of 0.5 to 0.8 MB (the last one less; a table is not cut). Hand them on with `paced`.
    """
    yield from _chunks(_array(((_head(one), one) for one in _kept(series, no_nulls)), 1, no_nulls))


def graphite_pretty(series: Iterable[Series], *, no_nulls: bool = False) -> Iterator[bytes]:
    """The same for people (`pretty=1`): the very bytes of graphite-web, but for an infinity, which is null here."""
    yield from _chunks(_pretty(_kept(series, no_nulls), no_nulls))


def graphite_raw(series: Iterable[Series]) -> Iterator[bytes]:
    """`format=raw`: a line a series, `name,start,end,step|value,value,...`; a gap is `None`."""
    yield from _chunks(_raw(series))


def graphite_csv(series: Iterable[Series], zone: tzinfo) -> Iterator[bytes]:
    """`format=csv`: a line a point, `name,YYYY-MM-DD HH:MM:SS,value`; times in the zone, nothing for a gap.

    Yields:
        As graphite_json.
    """
    yield from _chunks(piece for one in series for piece in _csv(one, zone))


def graphite_msgpack(series: Sequence[Series], x_files_factor: float) -> Iterator[bytes]:
    """`format=msgpack`: an array of maps, as graphite-web and carbonapi read it from another Graphite.

    Members: name, start, end, step (epoch s and s), values (float 64, nil for a gap), pathExpression, valuesPerPoint
    (always 1: maxDataPoints is for JSON), consolidationFunc, xFilesFactor.

    Args:
        x_files_factor: the request's, of series without one of their own.
    Yields:
        As graphite_json.
    """
    yield from _chunks(_msgpack(series, x_files_factor))


def msgpack(value: object) -> bytes:
    """A value of None, bool, int, float, str, list and dict in MessagePack, in its shortest form.

    Raises:
        TypeError: anything else.
    """
    return b"".join(_packed(value))


def simplejson(members: Iterable[Answer | Mapping[str, Any]]) -> Iterator[bytes]:
    """The answer of Grafana's JSON data sources: `[{"target", "refId", "datapoints": [[value, epoch ms], ...]}, ...]`.

    Args:
        members: series, and tables or frames as they are to be written.
    Yields:
        As graphite_json.
    """
    yield from _chunks(_array(map(_member, members), 1000))


async def paced(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    """The same chunks, with a turn for other tasks after each: a client that reads fast never makes the server wait, so
    one answer would hold the worker for as long as it takes to write it.
    """
    for chunk in chunks:
        yield chunk
        await asyncio.sleep(0)


def _member(answer: Answer | Mapping[str, Any]) -> tuple[Mapping[str, Any], Series | None]:
    if not isinstance(answer, Answer):
        return answer, None
    head: dict[str, Any] = {"target": answer.series.name}
    if answer.ref_id:
        head["refId"] = answer.ref_id
    if answer.unit:
        head["unit"] = answer.unit
    if answer.tags:
        head["tags"] = answer.tags
    if answer.meta:
        head["meta"] = answer.meta
    return head, answer.series


def _chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of at least CHUNK_BYTES."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= CHUNK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _array(
    members: Iterable[tuple[Mapping[str, Any], Series | None]], per_s: int, no_nulls: bool = False
) -> Iterator[bytes]:
    """A JSON array piece by piece; a member without series is written as it is. per_s: what a second counts here."""
    before = b"["
    for head, one in members:
        yield before
        before = b","
        told = _told(head)
        if one is None:
            yield told
            continue
        yield told[:-1] + b',"datapoints":['
        separator = b""
        for begin in range(0, len(one.values), PIECE_POINTS):
            values = np.ascontiguousarray(one.values[begin : begin + PIECE_POINTS], dtype=np.float64)
            start = (one.start_s + begin * one.step_s) * per_s
            if points := json_points.written(values, start, one.step_s * per_s, no_nulls):
                yield separator + points
                separator = b","
        yield b"]}"
    yield b"[]" if before == b"[" else b"]"


def _told(head: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(head, default=str, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        # Half of a surrogate pair in a name that a client made up: escaped it is JSON, in UTF-8 it is nothing.
        return json.dumps(head, default=str).encode()


def _head(one: Series) -> Mapping[str, Any]:
    return {"target": one.name, "tags": one.tags}


def _kept(series: Iterable[Series], no_nulls: bool) -> Iterator[Series]:
    return (one for one in series if not no_nulls or np.isfinite(one.values).any())


def _pieces(values: Values, most: int = PIECE_POINTS) -> Iterator[tuple[int, Values]]:
    """Stretches of at most so many values, each with the place of its first."""
    return ((begin, values[begin : begin + most]) for begin in range(0, len(values), most))


def _text(text: str) -> bytes:
    """UTF-8; half of a surrogate pair, which that has no form for, is a question mark."""
    return text.encode("utf-8", "replace")


def _pretty(series: Iterable[Series], no_nulls: bool) -> Iterator[bytes]:
    before = b"[\n  "
    for one in series:
        head = json.dumps(_head(one), indent=2).replace("\n", "\n  ")
        yield before + head[: -len("\n  }")].encode() + b',\n    "datapoints": ['
        before = b",\n  "
        separator = b"\n"
        for begin, values in _pieces(one.values):
            points = [
                f"      [\n        {value if known else 'null'},\n        {one.start_s + place * one.step_s}\n      ]"
                for place, (value, known) in enumerate(zip(values.tolist(), np.isfinite(values), strict=True), begin)
                if known or not no_nulls
            ]
            if points:
                yield separator + ",\n".join(points).encode()
                separator = b",\n"
        yield b"]\n  }" if separator == b"\n" else b"\n    ]\n  }"
    yield b"[]" if before == b"[\n  " else b"\n]"


def _raw(series: Iterable[Series]) -> Iterator[bytes]:
    for one in series:
        yield _text(f"{one.name},{one.start_s},{one.end_s},{one.step_s}|")
        separator = ""
        for _, values in _pieces(one.values):
            yield (separator + ",".join(_told_numbers(values, "None"))).encode()
            separator = ","
        yield b"\n"


def _told_numbers(values: Values, gap: str) -> list[str]:
    """Numbers as Python prints them, which is how graphite-web does."""
    return [gap if value != value else repr(value) for value in values.tolist()]


def _csv(one: Series, zone: tzinfo) -> Iterator[bytes]:
    cell = io.StringIO()
    # The dialect's own quotes; the last two characters end the line.
    csv.writer(cell).writerow((one.name, ""))
    name = cell.getvalue()[:-2]
    # The name stands in every line, and may be long.
    most = max(1, min(PIECE_POINTS, CHUNK_BYTES // (len(name) + LINE_LETTERS)))
    for begin, values in _pieces(one.values, most):
        clock = _clock(one.start_s + begin * one.step_s, one.step_s, len(values), zone)
        numbers = _told_numbers(values, "")
        yield _text("".join([f"{name}{at},{number}\r\n" for at, number in zip(clock, numbers, strict=True)]))


@lru_cache(maxsize=8)
def _clock(start_s: int, step_s: int, n: int, zone: tzinfo) -> list[str]:
    """What the clocks of a zone show at n times; kept, since the series of an answer mostly share theirs."""
    times = start_s + step_s * np.arange(n, dtype=np.int64)
    quarters, which = np.unique(times // QUARTER_S, return_inverse=True)
    shifts = [
        (datetime.fromtimestamp(quarter * QUARTER_S, UTC).astimezone(zone).utcoffset() or timedelta()).total_seconds()
        for quarter in quarters.tolist()
    ]
    shown = times + np.array(shifts, dtype=np.int64)[which]
    return [text.replace("T", " ") for text in np.datetime_as_string(shown.astype("datetime64[s]")).tolist()]


def _msgpack(series: Sequence[Series], x_files_factor: float) -> Iterator[bytes]:
    yield _sized(len(series), 0x90, 15, 0xDC)
    for one in series:
        head = {"name": one.name, "start": one.start_s, "end": one.end_s, "step": one.step_s}
        tail = {
            "pathExpression": one.path or one.name,
            "valuesPerPoint": 1,
            "consolidationFunc": one.consolidate,
            "xFilesFactor": float(x_files_factor if one.xff is None else one.xff),
        }
        yield _sized(len(head) + 1 + len(tail), 0x80, 15, 0xDE) + b"".join(map(msgpack, _flat(head)))
        yield msgpack("values") + _sized(len(one.values), 0x90, 15, 0xDC)
        for _, values in _pieces(one.values):
            yield _packed_numbers(values)
        yield b"".join(map(msgpack, _flat(tail)))


def _packed_numbers(values: Values) -> bytes:
    """Nine bytes a number, one a gap."""
    packed = np.empty(len(values), _PACKED)
    packed["mark"], packed["value"] = _FLOAT64, values
    gaps = np.isnan(values)
    if not gaps.any():
        return packed.tobytes()
    packed["mark"][gaps] = _NIL
    written = np.ones((len(values), _PACKED.itemsize), dtype=np.bool_)
    written[gaps, 1:] = False
    return packed.view(np.uint8).reshape(written.shape)[written].tobytes()


def _packed(value: object) -> Iterator[bytes]:
    match value:
        case None:
            yield bytes([_NIL])
        case bool():
            yield b"\xc3" if value else b"\xc2"
        case int():
            yield _packed_int(value)
        case float():
            yield struct.pack(">Bd", _FLOAT64, value)
        case str():
            text = _text(value)
            short = 31 < len(text) < 256
            yield (struct.pack(">BB", 0xD9, len(text)) if short else _sized(len(text), 0xA0, 31, 0xDA)) + text
        case list() | tuple():
            yield _sized(len(value), 0x90, 15, 0xDC)
            for member in value:
                yield from _packed(member)
        case dict():
            yield _sized(len(value), 0x80, 15, 0xDE)
            for member in _flat(value):
                yield from _packed(member)
        case _:
            raise TypeError(f"MessagePack has no form here for {type(value).__name__}")


def _flat(members: Mapping[str, object]) -> Iterator[object]:
    return (part for member in members.items() for part in member)


def _sized(size: int, small: int, most: int, mark: int) -> bytes:
    """How a string, array or map of this size begins: in the mark itself, or in 2 or 4 bytes behind it."""
    if size <= most:
        return bytes([small | size])
    return struct.pack(">BH", mark, size) if size < 1 << 16 else struct.pack(">BI", mark + 1, size)


def _packed_int(value: int) -> bytes:
    if -32 <= value < 128:
        return struct.pack("b", value) if value < 0 else bytes([value])
    for mark, form in zip((0xCC, 0xCD, 0xCE, 0xCF), "BHIQ", strict=True) if value > 0 else _NEGATIVE:
        size = struct.calcsize(f">{form}") * 8
        if value < 1 << size if value > 0 else value >= -(1 << (size - 1)):
            return struct.pack(f">B{form}", mark, value)
    raise TypeError(f"MessagePack has no form for {value}")


_NEGATIVE = tuple(zip((0xD0, 0xD1, 0xD2, 0xD3), "bhiq", strict=True))

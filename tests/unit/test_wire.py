"""Bytes on the wire: the judges are the standard library's json, strict, and csv, and a reader of MessagePack here.

That graphite-web writes the same bytes is shown in tests/differential/test_formats.py.
"""

import asyncio
import csv
import io
import json
import math
import struct
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.metrics import wire
from weft.metrics.series import Series

pytestmark = pytest.mark.anyio

NAN = math.nan
ODD_NAMES = (
    "",
    "a.b",
    'quo"te',
    "back\\slash",
    "new\nline",
    "tab\t",
    "\x00",
    "Grün",
    "日本",
    "😀",
    "</script>",
    "%s",
    "],[",
)


def series(name: str, values: Iterable[float], start: int = 1_763_850_000, step: int = 10, **more: Any) -> Series:
    return Series(name, start, step, np.array(list(values), float), tags={"name": name}, **more)


def strict(body: bytes) -> Any:
    """JSON as browsers and Go read it: NaN and Infinity are errors."""

    def refuse(constant: str) -> float:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(body, parse_constant=refuse)


def points(one: Series, per_s: int = 1) -> list[list[float | int | None]]:
    return [
        [float(v) if math.isfinite(v) else None, (one.start_s + i * one.step_s) * per_s]
        for i, v in enumerate(one.values)
    ]


def graphite(told: Iterable[Series]) -> list[dict[str, Any]]:
    return [{"target": one.name, "tags": one.tags, "datapoints": points(one)} for one in told]


def exact(value: Any) -> str:
    """Text that differs for values that differ in any bit or type (0.0, -0.0, 1 and 1.0)."""
    return json.dumps(value)


CASES = {
    "nothing": [],
    "an empty series": [series("a", [])],
    "one point": [series("a", [1.5])],
    "gaps": [series("a", [NAN, 1.0, NAN, 2.0, NAN])],
    "only gaps": [series("a", [NAN, NAN])],
    "zero, minus zero, huge, tiny, infinite": [
        series("a", [0.0, -0.0, 1e308, -1e308, 5e-324, 1e-7, 1e16, 2.0**53 + 2, 0.1 + 0.2, math.inf, -math.inf])
    ],
    "odd names": [series(name, [1.0]) for name in ODD_NAMES],
    "different steps and lengths": [series("a", range(5)), series("b", range(7), step=60), series("c", [], start=0)],
    "a step of 0": [series("a", [1.0, 1.0], step=0)],
    "tags": [Series("a;host=n1", 10, 10, np.ones(1), tags={"name": "a", "host": 'n"1', "port": "5"})],
    "longer than a piece": [series("a", np.arange(25_001) / 3), series("b", np.arange(9_999))],
    "longer than a chunk": [series(f"m{i}", np.arange(2_160) * 1.1 + i) for i in range(40)],
}


@pytest.mark.parametrize("case", CASES)
def test_graphite_json_is_what_json_dumps_says(case: str) -> None:
    body = b"".join(wire.graphite_json(CASES[case]))
    assert exact(strict(body)) == exact(graphite(CASES[case]))


def test_where_both_write_numbers_alike_the_bytes_are_equal() -> None:
    told = [series("a", [0.0, -1.5, 1234567.25, NAN, 0.0001]), series("b.c", range(3), step=60)]
    expected = json.dumps(graphite(told), separators=(",", ":"))
    assert b"".join(wire.graphite_json(told)).decode() == expected


@given(st.lists(st.lists(st.floats(width=64), max_size=20), max_size=5), st.integers(0, 2**33), st.integers(1, 10**6))
def test_any_values_come_back_bit_by_bit(values: list[list[float]], start: int, step: int) -> None:
    told = [series(f"m{i}", v, start, step) for i, v in enumerate(values)]
    assert exact(strict(b"".join(wire.graphite_json(told)))) == exact(graphite(told))


def test_rows_of_a_matrix_and_strided_values_are_written_as_they_are() -> None:
    matrix = np.arange(12.0).reshape(3, 4)
    told = [Series("row", 0, 10, matrix[1]), Series("column", 0, 10, matrix[:, 2]), Series("whole", 0, 1, np.arange(3))]
    assert [one["datapoints"] for one in strict(b"".join(wire.graphite_json(told)))] == [
        [[4.0, 0], [5.0, 10], [6.0, 20], [7.0, 30]],
        [[2.0, 0], [6.0, 10], [10.0, 20]],
        [[0.0, 0], [1.0, 1], [2.0, 2]],
    ]


def test_without_nulls_only_numbers_and_series_with_numbers_are_left() -> None:
    told = [
        series("a", [NAN, 1.0, NAN, NAN, 2.0, math.inf], start=100),
        series("gaps", [NAN, NAN]),
        series("long", [NAN] * 10_000 + [5.0], start=0, step=1),
        series("none", []),
    ]
    got = strict(b"".join(wire.graphite_json(told, no_nulls=True)))
    assert [(one["target"], one["datapoints"]) for one in got] == [
        ("a", [[1.0, 110], [2.0, 140]]),
        ("long", [[5.0, 10_000]]),
    ]


def test_half_a_surrogate_pair_in_an_alias_is_still_json() -> None:
    body = b"".join(wire.graphite_json([series("a\ud83d", [1.0])]))
    assert strict(body)[0]["target"] == "a\ud83d"


def test_a_large_answer_comes_in_chunks_of_half_to_one_megabyte() -> None:
    told = [series(f"m{i}", np.random.default_rng(i).normal(size=2_160)) for i in range(50)]
    told.append(series("long", np.random.default_rng(1).normal(size=200_000)))
    chunks = list(wire.graphite_json(told))
    assert len(chunks) > 5
    assert all(300_000 <= len(chunk) <= 1_000_000 for chunk in chunks[:-1])
    assert exact(strict(b"".join(chunks))) == exact(graphite(told))


def test_a_large_answer_is_made_while_it_is_read() -> None:
    asked = []

    def told() -> Iterable[Series]:
        for i in range(1000):
            asked.append(i)
            yield series("m", np.ones(2_160))

    next(wire.graphite_json(told()))
    assert len(asked) < 30


def test_simplejson_counts_milliseconds_and_names_the_query() -> None:
    told: list[wire.Answer | Mapping[str, Any]] = [
        wire.Answer(series("a", [1.0, NAN], start=100), "A"),
        wire.Answer(series("b", [], start=100)),
        wire.Answer(series("c", [2.0], start=7), "C", "B/s", {"host": "n1"}, {"notices": [{"text": "old"}]}),
    ]
    assert strict(b"".join(wire.simplejson(told))) == [
        {"target": "a", "refId": "A", "datapoints": [[1.0, 100_000], [None, 110_000]]},
        {"target": "b", "datapoints": []},
        {
            "target": "c",
            "refId": "C",
            "unit": "B/s",
            "tags": {"host": "n1"},
            "meta": {"notices": [{"text": "old"}]},
            "datapoints": [[2.0, 7000]],
        },
    ]


def test_tables_stand_between_series_as_they_are() -> None:
    table = {"type": "table", "columns": [{"text": "n", "type": "number"}], "rows": [[np.float64(1.5)], [None], [NAN]]}
    got = strict(b"".join(wire.simplejson([table, wire.Answer(series("a", [1.0], start=1), "B"), table])))
    plain = {**table, "rows": [[1.5], [None], [None]]}
    assert got == [plain, {"target": "a", "refId": "B", "datapoints": [[1.0, 1000]]}, plain]


def test_for_people_json_is_what_json_dumps_indents() -> None:
    for name, told in CASES.items():
        if name in ("longer than a chunk", "a step of 0"):
            continue
        expected = json.dumps(graphite(told), indent=2)
        assert b"".join(wire.graphite_pretty(told)).decode() == expected, name


def test_for_people_points_without_a_number_are_left_out_too() -> None:
    told = [series("a", [NAN, 1.0, NAN], start=100), series("gaps", [NAN]), series("b", [NAN] * 10_000 + [5.0], 0, 1)]
    got = strict(b"".join(wire.graphite_pretty(told, no_nulls=True)))
    assert [(one["target"], one["datapoints"]) for one in got] == [("a", [[1.0, 110]]), ("b", [[5.0, 10_000]])]


def test_raw_is_a_line_a_series() -> None:
    told = [
        series("a", [1.0, NAN, math.inf, 0.1], start=100),
        series("b;x=1", [], start=5),
        series("long", range(10_001), 0, 1),
    ]
    lines = b"".join(wire.graphite_raw(told)).decode().splitlines()
    assert lines[:2] == ["a,100,140,10|1.0,None,inf,0.1", "b;x=1,5,5,10|"]
    assert lines[2] == "long,0,10001,1|" + ",".join(f"{n}.0" for n in range(10_001))


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"])
@pytest.mark.parametrize("start", ["2026-03-29T00:30", "2026-10-25T00:10", "2026-04-04T14:40", "1999-12-31T22:00"])
@pytest.mark.parametrize("step", [1, 7, 60, 3600, 86_400])
def test_csv_shows_what_a_clock_in_the_zone_shows(zone: str, start: str, step: int) -> None:
    begin = int(datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp())
    told = [series('o"dd, name', [1.5, NAN, math.inf] * 100, begin, step), series("b", [0.0], begin, step)]
    body = b"".join(wire.graphite_csv(told, ZoneInfo(zone)))
    assert list(csv.reader(io.StringIO(body.decode(), newline=""))) == [
        [
            one.name,
            datetime.fromtimestamp(begin + i * step, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S"),
            "" if math.isnan(value) else repr(value),
        ]
        for one in told
        for i, value in enumerate(one.values.tolist())
    ]
    assert body.count(b"\r\n") == 301


def unpacked(body: bytes) -> Any:
    """MessagePack read by its specification (github.com/msgpack/msgpack, spec.md), and nothing left over."""
    stream = io.BytesIO(body)

    def number(form: str) -> Any:
        return struct.unpack(f">{form}", stream.read(struct.calcsize(form)))[0]

    def value() -> Any:
        mark = number("B")
        fixed = {0xC0: None, 0xC2: False, 0xC3: True}
        plain = dict(zip((0xCC, 0xCD, 0xCE, 0xCF, 0xD0, 0xD1, 0xD2, 0xD3, 0xCB), "BHIQbhiqd", strict=True))
        if mark in fixed:
            return fixed[mark]
        if mark in plain:
            return number(plain[mark])
        if mark < 0x80 or mark >= 0xE0:
            return mark if mark < 0x80 else mark - 256
        if mark < 0x90 or mark in (0xDE, 0xDF):
            size = mark & 15 if mark < 0x90 else number("HI"[mark - 0xDE])
            return {value(): value() for _ in range(size)}
        if mark < 0xA0 or mark in (0xDC, 0xDD):
            size = mark & 15 if mark < 0xA0 else number("HI"[mark - 0xDC])
            return [value() for _ in range(size)]
        size = mark & 31 if mark < 0xC0 else number("BHI"[mark - 0xD9])
        return stream.read(size).decode()

    told = value()
    assert stream.read() == b""
    return told


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, False, 0, 1, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**64 - 1),
        *(-1, -32, -33, -128, -129, -32_768, -32_769, -(2**31), -(2**31) - 1, -(2**63), 1.5, -0.0, math.inf),
        *("", "a" * 31, "a" * 32, "ü" * 127, "ü" * 128, "a" * 65_535, "a" * 65_536),
        *([], [1] * 15, [1] * 16, [None] * 65_535, [1.0] * 65_536, {}, {"a": [{"b": -5}]}),
        *({str(n): n for n in range(15)}, {str(n): n for n in range(16)}, {str(n): n for n in range(65_536)}),
    ],
    ids=lambda value: f"{type(value).__name__} {str(value)[:12]} {len(str(value))}",
)
def test_any_value_comes_back_from_messagepack(value: Any) -> None:
    assert unpacked(wire.msgpack(value)) == value


def test_numbers_and_texts_are_in_their_shortest_form() -> None:
    values = [127, 128, 256, 65_536, 2**32, -32, -33, -129, -32_769, -(2**31) - 1, "a" * 31, "a" * 32, "a" * 256]
    assert [len(wire.msgpack(value)) for value in values] == [1, 2, 3, 5, 9, 1, 2, 3, 5, 9, 32, 34, 259]


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, {1, 2}, b"x"])
def test_what_messagepack_has_no_form_for_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="MessagePack"):
        wire.msgpack(value)


def test_messagepack_tells_another_graphite_all_it_needs() -> None:
    told = [
        Series("s(a.*)", 100, 10, np.array([1.0, NAN, math.inf, 0.1]), "a.*", consolidate="sum", xff=0.5),
        Series("shifted", 100, 10, np.ones(2), stop_s=150),
        *(series(f"m{n}", np.arange(70_000.0)) for n in range(2)),
        *(series("m", []) for _ in range(20)),
    ]
    got = unpacked(b"".join(wire.graphite_msgpack(told, 0.25)))
    common = {"valuesPerPoint": 1, "consolidationFunc": "average", "xFilesFactor": 0.25}
    assert got[0] == {
        **{"name": "s(a.*)", "start": 100, "end": 140, "step": 10, "values": [1.0, None, math.inf, 0.1]},
        **{"pathExpression": "a.*", "valuesPerPoint": 1, "consolidationFunc": "sum", "xFilesFactor": 0.5},
    }
    assert got[1] == {
        **{"name": "shifted", "start": 100, "end": 150, "step": 10, "values": [1.0, 1.0]},
        **{"pathExpression": "shifted", **common},
    }
    assert got[3]["values"] == [float(n) for n in range(70_000)]
    assert len(got) == 24
    assert unpacked(b"".join(wire.graphite_msgpack([], 0))) == []


@given(st.lists(st.floats(width=64), max_size=40))
def test_messagepack_keeps_every_bit_of_a_number(values: list[float]) -> None:
    (got,) = unpacked(b"".join(wire.graphite_msgpack([series("m", values)], 0)))
    assert exact(got["values"]) == exact([None if math.isnan(value) else value for value in values])


def test_other_formats_come_in_chunks_as_well() -> None:
    told = [series("long", np.random.default_rng(1).normal(size=100_000))]
    bodies = (
        wire.graphite_raw(told * 2),
        wire.graphite_csv(told, UTC),
        wire.graphite_msgpack(told * 4, 0),
        wire.graphite_pretty(told),
    )
    for body in bodies:
        chunks = list(body)
        assert len(chunks) > 5
        assert all(500_000 <= len(chunk) <= 1_200_000 for chunk in chunks[:-1])


def test_half_a_surrogate_pair_ends_no_format() -> None:
    told = [series("a\ud83d", [1.0], start=10)]
    assert b"".join(wire.graphite_raw(told)) == b"a?,10,20,10|1.0\n"
    assert b"".join(wire.graphite_csv(told, UTC)) == b"a?,1970-01-01 00:00:10,1.0\r\n"
    assert unpacked(b"".join(wire.graphite_msgpack(told, 0)))[0]["name"] == "a?"
    assert strict(b"".join(wire.graphite_pretty(told)))[0]["target"] == "a\ud83d"


def test_a_long_name_in_each_line_of_csv_makes_no_chunk_larger() -> None:
    one = Series("n" * 8000, 1_700_000_000, 10, np.arange(1000.0))
    chunks = list(wire.graphite_csv([one], UTC))
    assert all(500_000 <= len(chunk) <= 1_200_000 for chunk in chunks[:-1])
    lines = b"".join(chunks).split(b"\r\n")
    assert len(lines) == 1001
    assert lines[999] == b"n" * 8000 + b",2023-11-15 00:59:50,999.0"


async def test_between_two_chunks_other_tasks_get_their_turn() -> None:
    turns = []

    async def other() -> None:
        for i in range(3):
            turns.append(f"other {i}")
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    async for chunk in wire.paced([b"a", b"b", b"c"]):
        turns.append(chunk.decode())
    await task
    assert turns == ["a", "other 0", "b", "other 1", "c", "other 2"]

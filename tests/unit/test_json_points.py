"""Points as JSON, in Python and compiled: one judge is repr, which also gives the shortest number that reads back."""

import math
import os
import struct
import sys
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.metrics import json_points
from weft.metrics.json_points import Write, composed
from weft.metrics.series import Values

SOAK = bool(os.environ.get("WEFT_SOAK"))
RANDOM = 10_000_000 if SOAK else 300_000

COMPILED = json_points.compiled()
"""None where no compiler was there; what is compared is then Python's own with itself."""
WRITERS = {"in Python": composed} | ({"compiled": COMPILED} if COMPILED else {})
every_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def doubles(values: Iterable[float]) -> Values:
    return np.array(list(values), np.float64)


def told(value: float) -> str:
    """A number by repr's digits: plain from 0.00001 up to 16 digits before the point, else with a power of ten."""
    if not math.isfinite(value):
        return "null"
    sign, text = ("-", repr(value)[1:]) if math.copysign(1, value) < 0 else ("", repr(value))
    mantissa, _, power = text.partition("e")
    whole, _, part = mantissa.partition(".")
    digits = (whole + part).lstrip("0").rstrip("0")
    if not digits:
        return f"{sign}0.0"
    leading = len(part) - len(part.lstrip("0")) if whole == "0" else -len(whole)
    point = int(power or 0) - leading
    if 0 < point <= 16:
        return f"{sign}{digits[:point].ljust(point, '0')}.{digits[point:] or '0'}"
    if -5 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    return f"{sign}{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{point - 1:+d}"


def expected(values: Values, start: int, step: int) -> bytes:
    return ",".join(f"[{told(value)},{start + i * step}]" for i, value in enumerate(values.tolist())).encode()


EDGES = (
    *(0.0, 1.0, 40.0, 9.5, 1e15, 1e16, 1.5e16, 1e17, 123456789012345680.0, 1e22, 1e23, 9.999999999999999e22),
    *(1e-4, 1e-5, 1.5e-5, 1e-6, 1.5e-6, 1e-7, 0.1 + 0.2, 1 / 3, 5e-324, 2.2250738585072014e-308, sys.float_info.max),
    *(
        2.0**53 - 1,
        2.0**53,
        2.0**53 + 2,
        2.0**63,
        2.0**64,
        99_999_999.0,
        100_000_000.0,
        99_999_999.5,
        9007199254740991.0,
    ),
    *(5.684341886080802e-14, 8.41e21, 2.0**-44, 4.35, 9.2e-320, 1.2345678901234567, 0.00012345678901234567),
    *(math.nan, math.inf),
)
SETS = {
    "edges": [sign * value for value in EDGES for sign in (1, -1)],
    "powers of two": [2.0**power for power in range(-1074, 1024)],
    "powers of ten": [float(f"1e{power}") for power in range(-323, 309)],
    "beside powers of ten": [math.nextafter(float(f"1e{p}"), to) for p in range(-323, 309) for to in (0, math.inf)],
    "beside powers of two": [math.nextafter(2.0**p, to) for p in range(-1074, 1024) for to in (0, math.inf)],
    "every length": [float(f"{sign}{'123456789123456789'[:n]}e{p}") for sign in "+-" for n in range(1, 19)
                     for p in range(-330, 309, 3)],
    "few digits": [n / 10**d for n in range(0, 20_000, 7) for d in range(7)],
    "subnormal": [n * 5e-324 for n in range(2000)],
    "counters": [float(7**n % 2**53) for n in range(2000)],
}  # fmt: skip


@every_writer
@pytest.mark.parametrize("name", SETS)
def test_every_kind_of_number_is_as_repr_has_it(write: Write, name: str) -> None:
    values = doubles(SETS[name])
    assert write(values, 1_763_850_000, 10, False) == expected(values, 1_763_850_000, 10)


@pytest.mark.parametrize("seed", range(3))
def test_numbers_of_any_bits_are_alike_in_both(seed: int) -> None:
    random = np.random.default_rng(seed)
    for _ in range(RANDOM // 100_000):
        values = random.integers(0, 1 << 64, 100_000, np.uint64).view(np.float64)
        assert json_points.written(values, 0, 1, False) == composed(values, 0, 1, False)
        decimals = random.normal(0, 10.0 ** random.integers(-6, 12), 100_000).round(int(random.integers(8)))
        assert json_points.written(decimals, 0, 1, True) == composed(decimals, 0, 1, True)


def test_the_nearest_of_two_and_the_even_one_of_a_tie_are_alike_in_both() -> None:
    # Halfway cases of Schubfach's last step: integers of 17 digits and their neighbours.
    random = np.random.default_rng(9)
    values = random.integers(2**53, 2**63, 200_000).astype(np.float64)
    assert json_points.written(values, 0, 1, False) == composed(values, 0, 1, False)


@every_writer
@pytest.mark.parametrize(
    ("start", "step"),
    [(0, 0), (0, 1), (9, 1), (95, 1), (99_999_990, 1), (999_999_999, 1), (1_763_850_000_000, 10_000), (-25, 10),
     (2**62, 3)],
)  # fmt: skip
def test_times_count_up_from_the_start(write: Write, start: int, step: int) -> None:
    values = doubles([1.5] * 20)
    assert write(values, start, step, False) == expected(values, start, step)


@every_writer
def test_without_nulls_a_point_keeps_its_time(write: Write) -> None:
    values = doubles([math.nan, 1.0, math.inf, -math.inf, 2.5, math.nan])
    assert write(values, 100, 10, True) == b"[1.0,110],[2.5,140]"
    assert write(values[:1], 100, 10, True) == b""


@given(
    st.lists(st.floats(width=64), min_size=1, max_size=30), st.integers(0, 2**40), st.integers(0, 10**6), st.booleans()
)
def test_any_points_are_alike_in_both(values: list[float], start: int, step: int, no_nulls: bool) -> None:
    assert json_points.written(doubles(values), start, step, no_nulls) == composed(
        doubles(values), start, step, no_nulls
    )


def test_compiled_code_refuses_what_it_cannot_read() -> None:
    if COMPILED is None:
        return
    with pytest.raises(ValueError, match="powers"):
        COMPILED.func(b"short", doubles([1.0]), 0, 1, False)
    with pytest.raises(ValueError, match="contiguous"):
        COMPILED(doubles([1.0, 2.0, 3.0])[::2], 0, 1, False)
    with pytest.raises(OverflowError):
        COMPILED(doubles([1.0]), 2**63, 1, False)


def test_a_power_of_ten_is_its_first_128_bits_rounded_up() -> None:
    def power(k: int) -> int:
        low, high = struct.unpack("=QQ", json_points._power(k))
        return high << 64 | low

    assert power(0) == (1 << 127) + 1
    assert power(1) == (10 << 124) + 1
    assert power(55) == (10**55 >> 55) + 1  # 10^55 has 183 bits
    assert power(-1) == (1 << 131) // 10 + 1


def test_times_are_kept_but_never_too_many() -> None:
    times = json_points._Times(100)
    assert times.of(0, 10, 3) == [b",0],[", b",10],[", b",20],["]
    assert times.of(0, 10, 3) is times.of(0, 10, 3)
    first = times.of(0, 10, 60)
    times.of(5, 10, 60)
    assert times.of(0, 10, 60) is not first, "the oldest went"
    assert len(times.of(0, 1, 1000)) == 1000
    assert sum(map(len, times._known.values())) <= 100

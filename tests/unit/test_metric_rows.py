"""Points are decoded and added to the same bits by the compiled code and by numpy."""

import math
import struct
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.metrics import rows
from weft.metrics.rows import Kernels
from weft.metrics.whisper import POINTS

COMPILED = rows.compiled()
KERNELS = [pytest.param(rows.numpys(), id="numpy"), pytest.param(COMPILED, id="compiled")]


def test_it_is_compiled_where_there_is_a_compiler() -> None:
    assert COMPILED is not None, "_rows.c was not built: see what `pip install -e .` says"


@pytest.mark.parametrize("kernels", KERNELS)
def test_a_value_counts_only_where_its_time_is_the_one_of_its_slot(kernels: Kernels) -> None:
    points = [(100, 1.5), (110, -2.0), (20, 3.0), (130, math.inf)], [(0, 0.0), (110, math.nan), (120, 7.0), (131, 9.0)]
    raw = b"".join(struct.pack("!Ld", *point) for row in points for point in row)
    out = np.empty((2, 4))
    kernels.decoded(memoryview(raw), np.array([100, 110, 120, 130], ">u4").view(np.uint32), out)
    np.testing.assert_array_equal(out, [[1.5, -2.0, math.nan, math.inf], [math.nan, math.nan, 7.0, math.nan]])


@pytest.mark.parametrize("kernels", KERNELS)
def test_a_gap_adds_nothing_and_does_not_count(kernels: Kernels) -> None:
    total, count = np.array([100.0, 0.0, -0.0]), np.array([1, 0, 0])
    kernels.added([np.array([1.0, math.nan, math.nan]), np.array([2.0, math.nan, 5.0])], total, count)
    np.testing.assert_array_equal(total, [103.0, 0.0, 5.0])
    np.testing.assert_array_equal(count, [3, 0, 1])


@pytest.mark.parametrize("kernels", KERNELS)
def test_rows_are_added_one_after_another_as_pythons_sum_does(kernels: Kernels) -> None:
    column = [0.1, 1e16, -1e16, 0.2, 1e-9] * 50
    total, count = np.zeros(3), np.zeros(3, np.int64)
    kernels.added([np.full(3, value) for value in column], total, count)
    assert total.tolist() == [sum(column)] * 3
    assert count.tolist() == [250] * 3


doubles = st.floats(width=64) | st.sampled_from([math.nan, -0.0, 5e-324, 1.7976931348623157e308])


@given(st.data(), st.integers(1, 9), st.integers(1, 40))
def test_both_give_the_same_bits(data: st.DataObject, height: int, width: int) -> None:
    values = data.draw(st.lists(doubles, min_size=height * width, max_size=height * width))
    held = np.zeros((height, width), POINTS)
    held["value"] = np.array(values).reshape(height, width)
    held["time"] = data.draw(st.sampled_from([0, 60, 2**32 - 1]))
    expected = np.array([0, 60, 2**32 - 1] * width, ">u4")[:width].view(np.uint32)
    matrix = held["value"].astype(np.float64)

    def all_of(kernels: Kernels | None) -> list[bytes]:
        assert kernels is not None
        out = np.empty((height, width))
        kernels.decoded(memoryview(held.tobytes()), expected, out)
        answers = [out.tobytes()]
        # Whole rows, and columns, which are not in one piece.
        for some in (list(matrix), matrix.T, matrix):
            total, count = np.zeros(len(some[0])), np.zeros(len(some[0]), np.int64)
            with np.errstate(all="ignore"):
                kernels.added(some, total, count)
            answers += [np.where(np.isnan(total), math.nan, total).tobytes(), count.tobytes()]
        return answers

    assert all_of(COMPILED) == all_of(rows.numpys())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda made: made.decoded(memoryview(bytes(11)), np.zeros(1, np.uint32), np.zeros(1)),
        lambda made: made.decoded(memoryview(bytes(24)), np.zeros(3, np.uint32), np.zeros(2)),
        lambda made: made.added([np.zeros(3)], np.zeros(2), np.zeros(2, np.int64)),
        lambda made: made.added([np.zeros(2)], np.zeros(2), np.zeros(3, np.int64)),
        lambda made: made.added([np.zeros(2, np.int64)], np.zeros(2), np.zeros(2, np.int64)),
        lambda made: made.added([np.zeros(2), np.zeros((2, 2))], np.zeros(2), np.zeros(2, np.int64)),
    ],
)
def test_compiled_code_reads_and_writes_nothing_but_what_it_is_given(wrong: Callable[[Kernels | None], object]) -> None:
    with pytest.raises(ValueError):
        wrong(COMPILED)

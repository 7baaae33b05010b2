"""Many values to one. Expected values by hand; maxDataPoints also in test_functions_golden.py against graphite-web."""

import math
from statistics import median, pstdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.stored import START, numbers, series
from weft.metrics.consolidate import (
    AGGREGATIONS,
    across,
    blocks,
    coarser_seams,
    consolidated,
    for_display,
    grouped,
    normalize,
)

N = None

# Columns: all there, one gap, two gaps, nothing.
ROWS = np.array([[1, 2, math.nan, math.nan], [4, math.nan, math.nan, math.nan], [2, 8, 7, math.nan]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sum", [7, 10, 7, N]),
        ("total", [7, 10, 7, N]),
        ("average", [7 / 3, 5, 7, N]),
        ("avg_zero", [7 / 3, 10 / 3, 7 / 3, N]),
        ("median", [2, 5, 7, N]),
        ("min", [1, 2, 7, N]),
        ("max", [4, 8, 7, N]),
        ("diff", [1 - 4 - 2, 2 - 8, 7, N]),
        ("stddev", [pstdev([1, 4, 2]), 3, 0, N]),
        ("count", [3, 2, 1, N]),
        ("range", [3, 6, 0, N]),
        ("multiply", [8, N, N, N]),
        ("last", [2, 8, 7, N]),
        ("current", [2, 8, 7, N]),
    ],
)
def test_each_aggregation_skips_gaps_and_is_a_gap_where_nothing_is(name: str, expected: list[float | None]) -> None:
    assert numbers(series("x", across(name, ROWS, 0.0).tolist())) == pytest.approx(expected, nan_ok=True)
    assert numbers(series("x", across(name, list(ROWS), 0.0).tolist())) == pytest.approx(expected, nan_ok=True)


def test_a_share_of_values_may_be_demanded() -> None:
    assert numbers(series("x", across("sum", ROWS, 0.5).tolist())) == [7, 10, N, N]
    assert numbers(series("x", across("sum", ROWS, 1.0).tolist())) == [7, N, N, N]


@given(st.lists(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=3, max_size=3), min_size=1, max_size=300))
def test_many_rows_are_as_python_has_them(rows: list[list[float]]) -> None:
    matrix = np.array(rows)
    columns = [[value for value in column if not math.isnan(value)] for column in matrix.T.tolist()]
    for name, of in (("sum", sum), ("median", median), ("max", max), ("count", len)):
        expected = [of(column) if column else math.nan for column in columns]
        np.testing.assert_array_equal(across(name, matrix, 0.0), expected)


def test_a_tall_matrix_is_worked_on_in_blocks_and_a_byte_counts_each() -> None:
    rows = np.ones((1000, 64))
    assert [len(block) for block in blocks(rows)] == [255, 255, 255, 235]
    assert AGGREGATIONS["count"](rows).tolist() == [1000] * 64


@pytest.mark.parametrize("func", sorted(AGGREGATIONS))
def test_long_rows_of_few_columns_give_what_as_many_short_rows_of_many_do(func: str) -> None:
    chance = np.random.default_rng(5)
    rows = np.where(chance.random((700, 3)) < 0.3, np.nan, chance.normal(1.0, 0.01, (700, 3)))
    rows[:, 2] = np.nan
    wide = AGGREGATIONS[func](np.tile(rows, 40))
    assert AGGREGATIONS[func](rows).tobytes() == wide[:3].tobytes()


def test_buckets_keep_the_rest_and_measure_its_share_by_a_whole_one() -> None:
    row = np.array([[1, 2, 3, 4, 5, 6, 7.0]])
    assert consolidated(row, 3, "sum", 0.0).tolist() == [[6, 15, 7]]
    assert consolidated(row, 3, "average", 0.0).tolist() == [[2, 5, 7]]
    assert consolidated(row, 3, "first", 0.0).tolist() == [[1, 4, 7]]
    assert consolidated(row, 3, "last", 0.0).tolist() == [[3, 6, 7]]
    assert consolidated(row, 3, "avg_zero", 0.0).tolist() == [[2, 5, 7]]
    # One of three is there: less than half.
    assert numbers(series("x", consolidated(row, 3, "max", 0.5)[0].tolist())) == [3, 6, N]


def test_series_of_different_steps_meet_at_the_least_common_multiple() -> None:
    fine = series("a", [1, 3, 5, 7, 9, 11], step_s=10).but(consolidate="max")
    slow = series("b", [10, 20], step_s=15, start_s=START + 10)
    grid, rows = normalize([fine, slow], 0.0)
    # Value i meets value i although b begins 10 s later, and the shorter one ends in a gap: as graphite-web has it.
    assert grid == (START, START + 60 - 60 % 30, 30)
    assert [numbers(series("x", row.tolist())) for row in rows] == [[5, 11], [15, N]]


def test_the_first_bar_begins_at_a_multiple_of_its_length_and_holds_one_value_from_before() -> None:
    # 12 values, at most 5: 3 a bar of 30 s. START + 10 moves to START + 30; two slots further, one is dropped.
    one = series("a", list(range(12)), start_s=START + 10)
    [shown] = for_display([one], 5, 0.0)
    assert (shown.start_s - START, shown.step_s, numbers(shown)) == (30, 30, [2, 5, 8, 10.5])


def test_one_point_is_everything() -> None:
    [shown] = for_display([series("a", [1, 2, 3, 6])], 1, 0.0)
    assert (shown.start_s, shown.step_s, numbers(shown)) == (START, 40, [3])


def test_the_time_that_all_series_span_decides_how_many_values_become_one() -> None:
    short, long = series("a", [1] * 6), series("b", [1] * 20)
    assert [len(one.values) for one in for_display([short], 10, 0.0)] == [6]
    # With b there, 200 s at most 10 points are 2 values a point for both.
    assert [one.step_s for one in for_display([short, long], 10, 0.0)] == [20, 20]


def test_a_series_shorter_than_what_is_dropped_is_empty() -> None:
    # graphite-web 1.1.10 answers 500 here.
    short, long = series("a", [1, 2], start_s=START + 10), series("b", [1] * 100)
    assert [numbers(one)[:1] for one in for_display([short, long], 10, 0.0)] == [[], [1]]


def test_nothing_is_shown_beyond_a_series_own_end() -> None:
    one = series("a", [1, 2, 3, 4, 5]).but(stop_s=START + 20)
    assert [numbers(some) for some in for_display([one], None, 0.0)] == [[1, 2, 3]]


def test_no_limit_changes_and_copies_nothing() -> None:
    one = series("a", [1, N, 3])
    for limit in (None, 0, 3, 100):
        [shown] = for_display([one], limit, 1.0)
        assert shown is one


def test_neighbours_alike_share_a_matrix_of_their_own() -> None:
    some = [series("a", [1, 2]), series("b", [3, 4]), series("c", [5, 6], step_s=20), series("d", [7, 8])]
    groups = [([one.name for one in group.series], group.matrix.tolist()) for group in grouped(some)]
    assert groups == [(["a", "b"], [[1, 2], [3, 4]]), (["c"], [[5, 6]]), (["d"], [[7, 8]])]
    for group in grouped(some):
        group.matrix[:] = 0
    assert numbers(some[0]) == [1, 2]


def test_a_seam_within_a_bucket_spoils_the_difference_to_it_and_from_it() -> None:
    assert coarser_seams((6,), 3) == {2}
    assert coarser_seams((7,), 3) == {2, 3}
    assert coarser_seams((5,), 1) == {5}


@pytest.mark.parametrize("func", ["sum", "average", "min", "max", "first", "last", "avg_zero"])
def test_a_bucket_of_years_over_a_few_values_is_one_value_and_takes_no_years_of_memory(func: str) -> None:
    row = np.array([[1.0, np.nan, 4.0, 7.0]])
    of_four = {"sum": 12, "average": 4, "min": 1, "max": 7, "first": 1, "last": 7, "avg_zero": 3}[func]
    assert consolidated(row, 10**12, func, 0.0).tolist() == [[of_four]]
    # Three of so many that could be there are not enough.
    assert np.isnan(consolidated(row, 10**12, func, 0.001)).all()


@pytest.mark.parametrize("func", ["sum", "median", "stddev", "count", "last"])
def test_long_rows_are_worked_on_in_parts_and_give_the_same(func: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(6)
    rows = np.where(chance.random((5, 250)) < 0.4, np.nan, chance.random((5, 250)))
    whole = across(func, rows, 0.5)
    monkeypatch.setattr("weft.metrics.consolidate._WIDE", 60)
    assert across(func, rows, 0.5).tobytes() == whole.tobytes()


def test_a_result_of_few_columns_holds_no_more_memory_than_it_needs() -> None:
    rows = np.ones((5000, 3))
    for func, kernel in AGGREGATIONS.items():
        made = kernel(rows)
        assert (made if made.base is None else made.base).size <= 6, func

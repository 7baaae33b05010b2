"""Many values to one: across series at one time, within a bucket, within a bar of a graph.

Rows are a list of equally long arrays or a matrix; a kernel goes down the rows (axis 0) and skips NaN. Sums are added
row by row, never pairwise, so that they round as Python's `sum` does in graphite-web.
Source: graphite-web 1.1.10: `functions/safe.py`, `functions/aggfuncs.py`, `render/datalib.py`, `render/views.py`.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.metrics.rows import MOST_ROWS, Counts, Rows, added
from weft.metrics.series import Series, Values

Matrix = NDArray[np.float64]
Kernel = Callable[[Rows], Values]

BLOCK_POINTS: Final = 32_768
"""Points worked on at once: 256 KB stay in a core's cache."""
_WIDE: Final = 100_000
"""Columns worked on at once."""
_SORTED_POINTS: Final = 1_000_000
"""Points sorted at once."""
_NARROW: Final = 64
"""Rows with fewer values than that are many, and not gone through one by one."""


def blocks(rows: Rows) -> Iterator[Matrix]:
    """The rows in order, some at a time, as matrices.

    Row after row in memory, also where the rows are columns of another matrix (buckets): else each step down the rows
    is a step over a few neighbours, five times as slow.
    """
    if not len(rows):
        return
    height = _height(len(rows[0]))
    for first in range(0, len(rows), height):
        yield np.ascontiguousarray(rows[first : first + height])


def _height(width: int) -> int:
    """Rows of a block."""
    height = max(1, BLOCK_POINTS // max(1, width))
    return height if width < _NARROW else min(MOST_ROWS, height)


def _counted(marks: NDArray[np.bool_]) -> Counts:
    """How many rows of a block have a mark in each column."""
    kind = np.uint8 if len(marks) <= MOST_ROWS else np.int64
    number: Counts = marks.view(np.uint8).sum(axis=0, dtype=kind).astype(np.int64)
    return number


def _in_turn(combine: np.ufunc, value: Values, block: Matrix) -> Values:
    """A value (written to) combined with each row of a block (written to) in turn."""
    if block.shape[1] < _NARROW:
        block[0] = combine(value, block[0])
        last: Values = combine.accumulate(block, axis=0)[-1].copy()
        return last
    for row in block:
        combine(value, row, out=value)
    return value


def totals(rows: Rows) -> tuple[Values, Counts]:
    """Sum and number of the values in each column; the sum of none is 0."""
    width = len(rows[0])
    return _added(rows, np.zeros(width), np.zeros(width, dtype=np.int64))


def _added(rows: Rows, total: Values, count: Counts) -> tuple[Values, Counts]:
    """`totals` with those of earlier rows, which are written to."""
    height = _height(len(total))
    for first in range(0, len(rows), height):
        some = rows[first : first + height]
        if len(total) >= _NARROW:
            added(some, total, count)
            continue
        block = np.array(some, order="C")
        gaps = np.isnan(block)
        np.copyto(block, 0.0, where=gaps)
        total = _in_turn(np.add, total, block)
        count += len(block) - _counted(gaps)
    return total, count


def counts(rows: Rows) -> Counts:
    """Number of the values in each column."""
    count = np.zeros(len(rows[0]), dtype=np.int64)
    for block in blocks(rows):
        count += len(block) - _counted(np.isnan(block))
    return count


def _sum(rows: Rows) -> Values:
    total, count = totals(rows)
    total[count == 0] = np.nan
    return total


def _average(rows: Rows) -> Values:
    total, count = totals(rows)
    values: Values = total / np.where(count, count, np.nan)
    return values


def _average_zero(rows: Rows) -> Values:
    return totals(rows)[0] / len(rows)


def _count(rows: Rows) -> Values:
    return counts(rows).astype(np.float64)


def _min(rows: Rows) -> Values:
    return _over(np.fmin, rows)


def _max(rows: Rows) -> Values:
    return _over(np.fmax, rows)


def _over(combine: np.ufunc, rows: Rows) -> Values:
    """All rows combined, in any order."""
    return _combined(combine, np.full(len(rows[0]), np.nan), rows)


def _combined(combine: np.ufunc, value: Values, rows: Rows) -> Values:
    """A value (written to) with all rows, in any order."""
    for block in blocks(rows):
        combine(value, combine.reduce(block, axis=0), out=value)
    return value


def _range(rows: Rows) -> Values:
    return _max(rows) - _min(rows)


def _median(rows: Rows) -> Values:
    many = max(1, _SORTED_POINTS // max(1, len(rows)))
    if len(rows[0]) <= many:
        return _medians(rows)
    # Some columns at a time: sorting needs copies.
    parts = [_medians([row[first : first + many] for row in rows]) for first in range(0, len(rows[0]), many)]
    return np.concatenate(parts)


def _medians(rows: Rows) -> Values:
    matrix = np.sort(np.asarray(rows), axis=0)  # NaN last
    count = len(matrix) - np.isnan(matrix).sum(axis=0)
    columns = np.arange(matrix.shape[1])
    upper = matrix[np.minimum(count // 2, len(matrix) - 1), columns]
    lower = matrix[np.maximum(count // 2 - 1, 0), columns]
    values: Values = np.where(count % 2 == 1, upper, (lower + upper) / 2)
    return values


def _diff(rows: Rows) -> Values:
    """The first value minus all others."""
    total = np.zeros(len(rows[0]))
    begun = np.zeros(len(rows[0]), dtype=bool)
    for block in blocks(rows):
        if block.shape[1] < _NARROW:
            there = ~np.isnan(block)
            so_far = np.logical_or.accumulate(np.vstack((begun, there)), axis=0)
            total = _in_turn(np.add, total, np.where(there, np.where(so_far[:-1], -block, block), 0.0))
            begun = so_far[-1]
            continue
        for row in block:
            there = ~np.isnan(row)
            total += np.where(there, np.where(begun, -row, row), 0.0)
            begun |= there
    total[~begun] = np.nan
    return total


def _stddev(rows: Rows) -> Values:
    total, count = totals(rows)
    number = np.where(count, count, np.nan)
    mean = total / number
    squares = np.zeros(len(total))
    for block in blocks(rows):
        off = block - mean
        squares = _in_turn(np.add, squares, np.where(np.isnan(block), 0.0, off * off))
    values: Values = np.sqrt(squares / number)
    return values


def _multiply(rows: Rows) -> Values:
    """The product; a gap in any row makes it a gap."""
    product = np.ones(len(rows[0]))
    for block in blocks(rows):
        product = _in_turn(np.multiply, product, block.copy())
    return product


def _first(rows: Rows) -> Values:
    value = np.full(len(rows[0]), np.nan)
    for block in blocks(rows):
        for row in block if block.shape[1] >= _NARROW else _firsts(block):
            np.copyto(value, row, where=np.isnan(value))
    return value


def _firsts(block: Matrix) -> Matrix:
    """A row with the first value of each column."""
    return block[np.newaxis, (~np.isnan(block)).argmax(axis=0), np.arange(block.shape[1])]


def _last(rows: Rows) -> Values:
    return _first(rows[::-1])


AGGREGATIONS: Final[dict[str, Kernel]] = {
    "average": _average,
    "avg_zero": _average_zero,
    "median": _median,
    "sum": _sum,
    "min": _min,
    "max": _max,
    "diff": _diff,
    "stddev": _stddev,
    "count": _count,
    "range": _range,
    "multiply": _multiply,
    "last": _last,
    "rangeOf": _range,
    "avg": _average,
    "total": _sum,
    "current": _last,
}
"""graphite-web's aggregation functions and their aliases; a column without values is NaN (avg_zero and count: 0)."""

CONSOLIDATIONS: Final[dict[str, Kernel]] = {
    "sum": _sum,
    "average": _average,
    "avg": _average,
    "avg_zero": _average_zero,
    "min": _min,
    "max": _max,
    "first": _first,
    "last": _last,
}
"""What consolidateBy takes."""


def enough(count: Counts, of: float, xff: float) -> NDArray[np.bool_]:
    """Where at least one value is there, and at least the share xff of what could be."""
    return (count > 0) & (count / of >= xff)


def across(name: str, rows: Rows, xff: float) -> Values:
    """One of AGGREGATIONS over the rows; NaN where fewer values than the share xff of the rows are there."""
    width = len(rows[0])
    if width > _WIDE:
        # Some columns at a time, so that no more is laid out than they need.
        whole = np.empty(width)
        for first in range(0, width, _WIDE):
            whole[first : first + _WIDE] = across(name, [row[first : first + _WIDE] for row in rows], xff)
        return whole
    values = AGGREGATIONS[name](rows)
    if xff > 0 or name in ("count", "avg_zero"):
        values[~enough(counts(rows), len(rows), xff)] = np.nan
    return values


class Running:
    """One of RUNNING over rows that come some at a time, so that they need not all be held: the same values as
    `across` gives for all of them."""

    def __init__(self, name: str, width: int, xff: float) -> None:
        self._name, self._xff, self._rows = name, xff, 0
        self._extreme = _EXTREMES.get(name)
        self._value = np.zeros(width) if self._extreme is None else np.full(width, np.nan)
        self._count = np.zeros(width, dtype=np.int64)

    def add(self, rows: Rows) -> None:
        """The next rows, at least one."""
        self._rows += len(rows)
        if self._extreme is None:
            self._value, self._count = _added(rows, self._value, self._count)
            return
        _combined(self._extreme, self._value, rows)
        if self._xff > 0:
            self._count += counts(rows)

    def values(self) -> Values:
        """What became of all rows, at least one."""
        values = self._value
        if self._extreme is None:
            known = np.where(self._count, self._count, np.nan)
            values = values / known if self._name in ("average", "avg") else np.where(self._count, values, np.nan)
        if self._xff > 0:
            values[~enough(self._count, self._rows, self._xff)] = np.nan
        return values


_EXTREMES: Final[dict[str, np.ufunc]] = {"min": np.fmin, "max": np.fmax}
RUNNING: Final = frozenset(("sum", "total", "average", "avg", *_EXTREMES))
"""Those of AGGREGATIONS that need no row twice."""


def consolidated(matrix: Matrix, per_point: int, name: str, xff: float) -> Matrix:
    """Buckets of per_point values of each row, the last one perhaps not full.

    Args:
        matrix: (rows, n). name: one of CONSOLIDATIONS. xff: share of per_point that must be there, in the last one too.
    Returns:
        (rows, ceil(n / per_point)).
    """
    height, width = matrix.shape
    if per_point == 1 or not width:
        return matrix
    # One bucket is laid out no longer than what there is: what one point stands for may be years.
    size = min(per_point, width)
    buckets = -(-width // size)
    padded = matrix
    if buckets * size > width:
        padded = np.full((height, buckets * size), np.nan)
        padded[:, :width] = matrix
    rows = padded.reshape(height * buckets, size).T
    values = CONSOLIDATIONS[name](rows).reshape(height, buckets)
    if xff > 0 or name == "avg_zero":
        values[~enough(counts(rows).reshape(height, buckets), per_point, xff)] = np.nan
    if name == "avg_zero":
        values[:, -1] *= size / (width - (buckets - 1) * size)  # its zeros are gaps, not what lies beyond
    return values


class Grid(NamedTuple):
    """Where the values of several series lie in time."""

    start_s: int
    end_s: int
    step_s: int


def normalize(series: Sequence[Series], xff: float) -> tuple[Grid, list[Values]]:
    """Bring series to one step (the least common multiple) and one length, as graphite-web does.

    Finer series are consolidated by their own function and xFilesFactor (xff where they have none); starts are not
    aligned: value i meets value i, also where graphite-web's series begin at different times. At least one series.
    """
    step_s = reduce(math.lcm, {one.step_s for one in series})
    start_s = min(one.start_s for one in series)
    end_s = max(one.end_s for one in series)
    rows = [
        one.values
        if one.step_s == step_s
        else consolidated(one.values[np.newaxis], step_s // one.step_s, one.consolidate, _xff(one, xff))[0]
        for one in series
    ]
    return Grid(start_s, end_s - (end_s - start_s) % step_s, step_s), equally_long(rows)


def equally_long(rows: Sequence[Values]) -> list[Values]:
    """The rows, with gaps after those that are shorter than others. At least one row."""
    width = max(map(len, rows))
    return [row if len(row) == width else np.concatenate((row, np.full(width - len(row), np.nan))) for row in rows]


def for_display(series: Sequence[Series], max_points: int | None, xff: float) -> list[Series]:
    """What the client gets: at most about max_points (maxDataPoints) values a series, and none beyond its end.

    The first bucket begins at the next multiple of the bucket's length, so that bars stay where they are when a graph
    is refreshed; one value fewer than that is dropped, so a bucket stamped t holds the values from t - step on. All as
    graphite-web's JSON does it; for a series shorter than what is dropped it answers 500, here that one is empty.
    """
    if not any(len(one.values) for one in series):
        return []
    span_s = max(one.end_s for one in series) - min(one.start_s for one in series)
    shown: list[Series] = []
    for whole, some in groupby(series, lambda one: _per_point(one, span_s, max_points) == 1):
        if whole:
            shown += [_to_its_end(one) for one in some]
            continue
        for group in grouped(list(some), alike=lambda one: (one.stop_s, one.consolidate, one.xff)):
            shown += _with_fewer_points(group, _per_point(group.series[0], span_s, max_points), max_points == 1, xff)
    return shown


def _per_point(series: Series, span_s: int, max_points: int | None) -> int:
    """How many values become one; span_s is the time that all series of the answer span together."""
    if not max_points:
        return 1
    if max_points == 1:
        return max(1, len(series.values))
    share = span_s / series.step_s / max_points
    return math.ceil(share) if share > 1 else 1


def _to_its_end(series: Series) -> Series:
    most = max(0, (series.end_s - series.start_s) // series.step_s + 1)
    return series if len(series.values) <= most else series.but(values=series.values[:most], stop_s=None)


def _with_fewer_points(group: "Group", per_point: int, lone: bool, xff: float) -> list[Series]:
    one = group.series[0]
    start_s, step_s, drop = one.start_s, one.step_s * per_point, 0
    if not lone:
        nudge_s = step_s + start_s % one.step_s - start_s % step_s
        start_s += nudge_s
        drop = max(0, nudge_s // one.step_s - 1)
    matrix = consolidated(group.matrix[:, drop:], per_point, one.consolidate, _xff(one, xff))
    matrix = matrix[:, : max(0, (one.end_s - start_s) // step_s + 1)]
    return [
        Series(each.name, start_s, step_s, row, each.path, each.tags, each.consolidate, each.xff)
        for each, row in zip(group.series, matrix, strict=True)
    ]


def coarser_seams(seams: Iterable[int], per_point: int) -> set[int]:
    """Seams of values that became one, per_point at a time.

    A bucket with a seam within mixes both sides, so neither the difference to it nor the one from it means anything.
    """
    return {place for seam in seams for place in (seam // per_point, -(-seam // per_point))}


class Group(NamedTuple):
    """Series with one start, step and length, and a matrix of their own with a copy of their values."""

    series: list[Series]
    matrix: Matrix


def grouped(
    series: Sequence[Series], alike: Callable[[Series], object] = lambda one: None, points: int = BLOCK_POINTS
) -> Iterator[Group]:
    """Neighbours that have start, step, length and `alike` in common, in blocks that fit the cache, in order.

    The matrix is a copy: a function may write to it and give its rows away.
    """
    first = 0
    while first < len(series):
        head = series[first]
        width = len(head.values)
        key = alike(head)
        last, most = first + 1, first + max(1, points // max(1, width))
        while last < min(most, len(series)):
            one = series[last]
            if (
                len(one.values) != width
                or one.step_s != head.step_s
                or one.start_s != head.start_s
                or alike(one) != key
            ):
                break
            last += 1
        members = list(series[first:last])
        yield Group(members, np.array([one.values for one in members]))
        first = last


def _xff(series: Series, xff: float) -> float:
    return xff if series.xff is None else series.xff

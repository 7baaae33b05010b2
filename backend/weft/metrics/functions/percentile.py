"""Functions of percentiles: across series at one time, or over the values of one series.

The n-th percentile of m values in order is the one in place n/100 * (m + 1), counted from 1 and rounded up, or with
`interpolate` a point on the line between the two around it. Source: graphite-web 1.1.10, _getPercentile.
"""

import numpy as np
from numpy.typing import NDArray

from weft.base.errors import BadRequest
from weft.metrics.consolidate import Matrix, equally_long, grouped
from weft.metrics.functions.combine import normalized, on_grid
from weft.metrics.functions.registry import SERIES, Context, Function, Param, add, function
from weft.metrics.functions.rowwise import aggregated, rowwise
from weft.metrics.series import Series, Values
from weft.metrics.tags import tags_of

N = Param("n", "float", required=True)

_SORTED_POINTS = 250_000
"""Points that are laid out and sorted at once."""


def percentiles(rows: Matrix, n: float, *, interpolate: bool = False) -> Values:
    """The n-th percentile (0 to 100) of each row; NaN where it has no values. The rows may be put in order in place."""
    if not rows.shape[1]:
        return np.full(len(rows), np.nan)
    rows.sort(axis=1)  # NaN last
    count: NDArray[np.intp] = rows.shape[1] - np.isnan(rows).sum(axis=1)
    place = n / 100.0 * (count + 1)
    rank = (np.floor(place) if interpolate else np.ceil(place)).astype(np.intp)
    last = np.maximum(count - 1, 0)
    each = np.arange(len(rows))
    values: Values = rows[each, np.clip(rank - 1, 0, last)]
    if interpolate:
        following = rows[each, np.minimum(rank, last)]
        values = np.where(rank < count, values + (place - rank) * (following - values), values)
    return values


def _checked(function: str, n: float, *, from_zero: bool = False) -> float:
    # graphite-web 1.1.10 answers 500 above 100 and for some zeros; below 0 it counts from the other end.
    if not 0 <= n <= 100 or (n == 0 and not from_zero):
        raise BadRequest(
            f"{function}: there is no percentile {n:g}.",
            fix=f"Give a number {'from 0' if from_zero else 'above 0'}, up to 100.",
        )
    return n


@function("Combine", SERIES, N, Param("interpolate", "boolean", default=False))
def percentileOfSeries(ctx: Context, series: list[Series], n: float, interpolate: bool) -> list[Series]:
    """One series of all: at each time the n-th percentile of their values."""
    _checked("percentileOfSeries", n)
    if not series:
        return []
    grid, rows = normalized(ctx, series)
    name = f"percentileOfSeries({series[0].path},{n:g})"
    [values] = _down(rows, n, interpolate=interpolate)
    return [on_grid(grid, name, values, tags_of(name), series, ctx.state.xff)]


def _down(rows: list[Values], *shares: float, interpolate: bool = False) -> list[Values]:
    """For each of some percentiles that of every column."""
    many = max(1, _SORTED_POINTS // len(rows))
    found: list[Values] = [np.empty(len(rows[0])) for _ in shares]
    for first in range(0, len(rows[0]), many):
        columns = np.array([row[first : first + many] for row in rows]).T.copy()
        for values, n in zip(found, shares, strict=True):
            values[first : first + many] = percentiles(columns, n, interpolate=interpolate)
    return found


@function("Calculate", SERIES, N)
def nPercentile(ctx: Context, series: list[Series], n: float) -> list[Series]:
    """The n-th percentile of the values of each series, drawn as a line; series without values have none."""
    _checked("nPercentile", n)
    results: list[Series] = []
    for some, matrix in grouped(series):
        for one, value in zip(some, percentiles(matrix, n).tolist(), strict=True):
            if np.isnan(value):
                continue
            name = f"nPercentile({one.name}, {n:g})"
            points = max(0, (one.end_s - one.start_s) // one.step_s)
            tags = one.tags | {"nPercentile": str(n)}
            results.append(one.but(name=name, path=name, values=np.full(points, value), tags=tags, seams=()))
    return results


def _without(name: str, doc: str, *, above: bool) -> None:
    def run(ctx: Context, series: list[Series], n: float) -> list[Series]:
        _checked(name, n)
        results: list[Series] = []
        for some, matrix in grouped(series):
            limits = percentiles(matrix.copy(), n)
            matrix[(matrix > limits[:, np.newaxis]) if above else (matrix < limits[:, np.newaxis])] = np.nan
            for one, row, limit in zip(some, matrix, limits.tolist(), strict=True):
                called = f"{name}({one.name}, {n:g})"
                tags = one.tags if np.isnan(limit) else one.tags | {"nPercentile": str(n)}
                results.append(one.but(name=called, path=called, values=row, tags=tags))
        return results

    add(Function(name, "Filter Data", (SERIES, N), run, doc))


_without("removeAbovePercentile", "Make a gap of every value above the n-th percentile of its series.", above=True)
_without("removeBelowPercentile", "Make a gap of every value below the n-th percentile of its series.", above=False)


def _cut(name: str, doc: str, *, above: bool) -> None:
    def run(ctx: Context, series: list[Series], n: float) -> list[Series]:
        def change(matrix: Matrix) -> Matrix:
            matrix[(matrix > n) if above else (matrix < n)] = np.nan
            return matrix

        return rowwise(series, lambda one: f"{name}({one}, {n:g})", {}, change)

    add(Function(name, "Filter Data", (SERIES, N), run, doc))


_cut("removeAboveValue", "Make a gap of every value above n.", above=True)
_cut("removeBelowValue", "Make a gap of every value below n.", above=False)


def _either_side(function: str, n: float) -> tuple[float, float]:
    """The lower and the upper percentile: 95 and 5 both mean these two."""
    upper = _checked(function, n, from_zero=True)
    upper = 100 - upper if upper < 50 else upper
    return 100 - upper, upper


@function("Filter Series", SERIES, N)
def averageOutsidePercentile(ctx: Context, series: list[Series], n: float) -> list[Series]:
    """Series whose average does not lie between the n-th and the (100 - n)-th percentile of all averages."""
    lower, upper = _either_side("averageOutsidePercentile", n)
    averages = np.array(aggregated(series, "average"))
    low, high = (percentiles(averages[np.newaxis].copy(), share)[0] if series else 0.0 for share in (lower, upper))
    # graphite-web 1.1.10 answers 500 when a series has no average.
    outside = ~np.isnan(averages) & ~((low < averages) & (averages < high))
    return [one for one, kept in zip(series, outside.tolist(), strict=True) if kept]


@function("Filter Series", SERIES, N)
def removeBetweenPercentile(ctx: Context, series: list[Series], n: float) -> list[Series]:
    """Series of which a value does not lie between the n-th and the (100 - n)-th percentile of all at its time."""
    lower, upper = _either_side("removeBetweenPercentile", n)
    if not series:
        return []
    width = max(len(one.values) for one in series)
    ctx.budget.make(sum(width for one in series if len(one.values) < width))
    rows = equally_long([one.values for one in series])
    low, high = _down(rows, lower, upper)
    # graphite-web 1.1.10 answers 500 when there is a gap; here a gap lies nowhere.
    return [
        one for one, row in zip(series, rows, strict=True) if (~np.isnan(row) & ~((low < row) & (row < high))).any()
    ]

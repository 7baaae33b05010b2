"""Functions that draw what follows from a series: a line at its average, a trend, how much it varies."""

from functools import partial

import numpy as np

from weft.base.errors import BadRequest
from weft.metrics.consolidate import Matrix, grouped
from weft.metrics.functions.constant import constantLine
from weft.metrics.functions.registry import SERIES, Again, Context, Param, function, together
from weft.metrics.functions.rowwise import aggregated
from weft.metrics.series import Series, Values
from weft.metrics.times import parse_time

PART_POINTS = 100_000
"""Values of a series that are added up at once."""


@function(
    "Calculate",
    SERIES,
    Param("func", "aggFunc", default="average"),
    Param("keepStep", "boolean", default=False),
    lean=True,
)
def aggregateLine(ctx: Context, series: list[Series], func: str, keepStep: bool) -> list[Series]:
    """A line at an aggregation over the values of each series: three points, or with keepStep as many as it has."""
    results: list[Series] = []
    for one, value in zip(series, aggregated(series, func), strict=True):
        known = not np.isnan(value)
        name = f"aggregateLine({one.name}, {f'{value:g}' if known else None})"
        if keepStep:
            ctx.budget.make(len(one.values))
            line = one.but(values=np.full(len(one.values), value), seams=())
        else:
            [line] = constantLine(ctx, value)
            told = int(value) if func == "count" else value
            line = line.but(tags={"name": str(told if known else None)})
        results.append(line.but(name=name, path=name))
    return results


@function(
    "Calculate",
    SERIES,
    Param("points", "integer", required=True),
    Param("windowTolerance", "float", default=0.1),
)
def stdev(ctx: Context, series: list[Series], points: int, windowTolerance: float) -> list[Series]:
    """The standard deviation of the last points at each time; windowTolerance is the share of them that must be there.
    movingWindow(…, "stddev") loses no digits where values are large and vary little."""
    if points < 0:
        raise BadRequest(f"stdev: a window of {points} points has no meaning.", fix="Give a number from 1.")
    widths = [len(one.values) for one in series]
    ctx.budget.work(4 * sum(widths))
    ctx.budget.room(11 * max(widths, default=0))
    results: list[Series] = []
    for some, matrix in grouped(series):
        for one, row in zip(some, _deviations(matrix, points, windowTolerance), strict=True):
            name = f"stdev({one.name},{points})"
            # No difference to or from a window that reaches over a seam means anything.
            seams = {place for seam in one.seams for place in range(seam, min(len(row), seam + points + 1))}
            results.append(
                one.but(name=name, path=name, values=row, tags=one.tags | {"stdev": str(points)},
                        seams=tuple(sorted(seams)))
            )  # fmt: skip
    return results


def _deviations(matrix: Matrix, points: int, tolerance: float) -> Matrix:
    if not points:
        return np.full(matrix.shape, np.nan)
    gaps = np.isnan(matrix)
    values = np.where(gaps, 0.0, matrix)
    valid = _running((~gaps).astype(np.float64), points)
    total, squares = _running(values, points), _running(values * values, points)
    deviations: Matrix = np.sqrt(valid * squares - total * total) / np.where(valid, valid, np.nan)
    deviations[valid / points < tolerance] = np.nan
    return deviations


def _running(matrix: Matrix, points: int) -> Matrix:
    """The sum of the last points: at each slot the value that leaves is taken away and the new one added.

    In this order, as graphite-web does it: where values vary little what rounding leaves is what is seen.
    """
    height, width = matrix.shape
    changes = np.zeros((height, 2 * width))
    changes[:, 1::2] = matrix
    if points < width:
        changes[:, 2 * points :: 2] = -matrix[:, :-points]
    sums: Matrix = np.add.accumulate(changes, axis=1)[:, 1::2]
    return sums


@function("Calculate", SERIES, Param("startSourceAt", "date"), Param("endSourceAt", "date"), refetch=True)
def linearRegression(ctx: Context, again: Again, startSourceAt: str | None, endSourceAt: str | None) -> list[Series]:
    """A straight line through the values of each series (least squares), or through those of another time."""
    from_s, until_s, now_s = ctx.window
    source = ctx.window._replace(
        from_s=from_s if startSourceAt is None else parse_time(startSourceAt, ctx.zone, now_s),
        until_s=until_s if endSourceAt is None else parse_time(endSourceAt, ctx.zone, now_s),
    )
    if source.from_s > source.until_s:
        raise BadRequest(
            f"linearRegression: the time from {source.from_s} to {source.until_s} ends before it begins.",
            fix="Give startSourceAt before endSourceAt; where one is not given it is that of the graph.",
        )
    series, sources = together(partial(again, window) for window in (ctx.window, source))
    here, there = ([one.name for one in some] for some in (series, sources))
    if len(here) != len(there) or (here != there and sorted(here) == sorted(there)):
        # Series that are there, or chosen, in one of the two times only, or in another order. By place, as graphite-web
        # pairs them, one would get the line of another.
        by_name = {one.name: one for one in sources}
        series = [one for one in series if one.name in by_name]
        sources = [by_name[one.name] for one in series]
    results: list[Series] = []
    for one, past in zip(series, sources, strict=True):
        line = _line(past)
        if line is None:
            continue
        slope, start = line
        name = f"linearRegression({one.name}, {source.from_s}, {source.until_s})"
        values: Values = start + slope * (one.start_s + one.step_s * np.arange(len(one.values), dtype=np.float64))
        tags = one.tags | {"linearRegressions": f"{source.from_s}, {source.until_s}"}
        results.append(one.but(name=name, path=name, values=values, tags=tags, consolidate="average", seams=()))
    return results


def _added(so_far: float, values: Values) -> float:
    """A sum with more values, one after another as Python adds them."""
    return float(np.add.accumulate(np.append(so_far, values))[-1])


def _line(series: Series) -> tuple[float, float] | None:
    """Slope per second and value at the epoch; None with fewer than two values."""
    there = ~np.isnan(series.values)
    x, values = np.flatnonzero(there).astype(np.float64), series.values[there]
    number = len(x)
    if number < 2:
        return None
    sum_x, sum_xx = float(x.sum()), float((x * x).sum())
    sum_y = sum_xy = 0.0
    for first in range(0, number, PART_POINTS):
        at, some = x[first : first + PART_POINTS], values[first : first + PART_POINTS]
        sum_y, sum_xy = _added(sum_y, some), _added(sum_xy, at * some)
    spread = number * sum_xx - sum_x * sum_x
    slope = (number * sum_xy - sum_x * sum_y) / spread / series.step_s
    return slope, (sum_xx * sum_y - sum_xy * sum_x) / spread - slope * series.start_s

"""Functions that change values one by one, or what is done with them later."""

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from weft.metrics.consolidate import Matrix, grouped
from weft.metrics.functions.registry import (
    CONSOLIDATION_OPTIONS,
    SERIES,
    Again,
    Context,
    Param,
    function,
)
from weft.metrics.series import Series, Window
from weft.metrics.times import parse_offset


def changed(
    series: Sequence[Series], naming: Callable[[str], str], tags: dict[str, str], change: Callable[[Matrix], Matrix]
) -> list[Series]:
    """Each series with its values changed, a new name that is its path expression too, and more tags.

    Args:
        change: takes a matrix of some of the series, which it may write to, and gives one of the same shape.
    """
    results: list[Series] = []
    for some, matrix in grouped(series):
        for one, row in zip(some, change(matrix), strict=True):
            name = naming(one.name)
            results.append(one.but(name=name, path=name, values=row, tags=one.tags | tags))
    return results


@function("Transform", SERIES, Param("factor", "float", required=True))
def scale(ctx: Context, series: list[Series], factor: float) -> list[Series]:
    """Multiply every value by a number."""
    return changed(
        series, lambda name: f"scale({name},{factor:g})", {"scale": str(factor)}, lambda matrix: matrix * factor
    )


@function("Transform", SERIES)
def absolute(ctx: Context, series: list[Series]) -> list[Series]:
    """Every value without its sign."""
    return changed(series, lambda name: f"absolute({name})", {"absolute": "1"}, np.abs)


@function("Transform", SERIES, Param("default", "float", default=0), Param("referenceSeries", "seriesList"))
def transformNull(
    ctx: Context, series: list[Series], default: float, referenceSeries: list[Series] | None
) -> list[Series]:
    """A value in place of every gap; with reference series only where at least one of them has a value."""
    tags = {"transformNull": str(default)}
    if not referenceSeries:
        return changed(
            series,
            lambda name: f"transformNull({name},{default:g})",
            tags,
            lambda matrix: np.where(np.isnan(matrix), default, matrix),
        )
    width = max(len(one.values) for one in (*series, *referenceSeries))
    there = np.zeros(width, dtype=bool)
    for one in referenceSeries:
        there[: len(one.values)] |= ~np.isnan(one.values)
    return changed(
        series,
        lambda name: f"transformNull({name},{default:g},referenceSeries)",
        tags | {"referenceSeries": "1"},
        lambda matrix: np.where(np.isnan(matrix) & there[: matrix.shape[1]], default, matrix),
    )


@function("Transform", SERIES, Param("limit", "intOrInf", default=float("inf")))
def keepLastValue(ctx: Context, series: list[Series], limit: float) -> list[Series]:
    """The last value in place of every gap of at most `limit` slots; longer gaps stay as they are."""
    return changed(series, lambda name: f"keepLastValue({name})", {}, lambda matrix: _kept(matrix, limit))


def _kept(matrix: Matrix, limit: float) -> Matrix:
    width = matrix.shape[1]
    there = ~np.isnan(matrix)
    slots = np.broadcast_to(np.arange(width), matrix.shape)
    before: NDArray[np.intp] = np.maximum.accumulate(np.where(there, slots, -1), axis=1)
    after = np.minimum.accumulate(np.where(there, slots, width)[:, ::-1], axis=1)[:, ::-1]
    filled = np.take_along_axis(matrix, np.maximum(before, 0), axis=1)
    return np.where(there | ((before >= 0) & (after - before - 1 <= limit)), filled, np.nan)


@function("Special", SERIES, Param("consolidationFunc", "string", required=True, options=CONSOLIDATION_OPTIONS))
def consolidateBy(ctx: Context, series: list[Series], consolidationFunc: str) -> list[Series]:
    """How values become one when there are more than the graph has room for."""
    name = f'consolidateBy({{}},"{consolidationFunc}")'
    return [
        one.but(
            name=name.format(one.name),
            path=name.format(one.name),
            tags=one.tags | {"consolidateBy": consolidationFunc},
            consolidate=consolidationFunc,
        )
        for one in series
    ]


@function("Special", SERIES, Param("xFilesFactor", "float", required=True), names=("setXFilesFactor", "xFilesFactor"))
def setXFilesFactor(ctx: Context, series: list[Series], xFilesFactor: float) -> list[Series]:
    """The share of values that must be there when many become one; also for the functions around this one."""
    ctx.state.xff = xFilesFactor
    return [one.but(xff=xFilesFactor, tags=one.tags | {"xFilesFactor": str(xFilesFactor)}) for one in series]


@function(
    "Transform",
    SERIES,
    Param("timeShift", "interval", required=True, suggestions=("1h", "6h", "12h", "1d", "2d", "7d", "14d", "30d")),
    Param("resetEnd", "boolean", default=True),
    Param("alignDst", "boolean", default=False),
    refetch=True,
)
def timeShift(ctx: Context, again: Again, timeShift: str, resetEnd: bool, alignDst: bool) -> list[Series]:
    """The series as they were some time ago (or will be: `+1h`), drawn at the time asked for."""
    shift = f"-{timeShift}" if timeShift[0].isdigit() else timeShift
    from_s, until_s, now_s = ctx.window
    seconds = parse_offset(shift)
    if alignDst:
        seconds += _clock_change_s(ctx, from_s, until_s, seconds)
    now = again(ctx.window)
    shifted = again(Window(from_s + seconds, until_s + seconds, now_s))
    if not now:
        return []
    start_s, end_s = now[0].start_s, now[0].end_s
    return [
        one.but(
            name=f'timeShift({one.name}, "{shift}")',
            tags=one.tags | {"timeShift": shift},
            start_s=start_s,
            stop_s=end_s if resetEnd else one.end_s - one.start_s + start_s,
        )
        for one in shifted
    ]


def _clock_change_s(ctx: Context, from_s: int, until_s: int, shift_s: int) -> int:
    """An hour, when summer time holds in one of both windows throughout and in the other nowhere; else 0."""
    asked, shifted = (
        [bool(datetime.fromtimestamp(at_s, ctx.zone).dst()) for at_s in (from_s + by_s, until_s + by_s)]
        for by_s in (0, shift_s)
    )
    if all(asked) and not any(shifted):
        return 3600
    return -3600 if not any(asked) and all(shifted) else 0

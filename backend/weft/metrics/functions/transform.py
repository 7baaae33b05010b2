"""Functions that fill, mark, move or add up the values of each series, or say what is done with them later."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from weft.metrics.consolidate import Matrix, coarser_seams, consolidated
from weft.metrics.functions.registry import CONSOLIDATION_OPTIONS, SERIES, Again, Context, Param, function
from weft.metrics.functions.rowwise import rowwise
from weft.metrics.series import Series, Values, Window
from weft.metrics.times import parse_offset


@function("Transform", SERIES, Param("default", "float", default=0), Param("referenceSeries", "seriesList"))
def transformNull(
    ctx: Context, series: list[Series], default: float, referenceSeries: list[Series] | None
) -> list[Series]:
    """A value in place of every gap; with reference series only where at least one of them has a value."""
    tags = {"transformNull": str(default)}
    if not referenceSeries:
        return rowwise(
            series,
            lambda name: f"transformNull({name},{default:g})",
            tags,
            lambda matrix: np.where(np.isnan(matrix), default, matrix),
        )
    width = max(len(one.values) for one in (*series, *referenceSeries))
    there = np.zeros(width, dtype=bool)
    for one in referenceSeries:
        there[: len(one.values)] |= ~np.isnan(one.values)
    return rowwise(
        series,
        lambda name: f"transformNull({name},{default:g},referenceSeries)",
        tags | {"referenceSeries": "1"},
        lambda matrix: np.where(np.isnan(matrix) & there[: matrix.shape[1]], default, matrix),
    )


LIMIT = Param("limit", "intOrInf", default=float("inf"))


@function("Transform", SERIES, LIMIT)
def keepLastValue(ctx: Context, series: list[Series], limit: float) -> list[Series]:
    """The last value in place of every gap of at most `limit` slots; longer gaps stay as they are."""
    ctx.budget.room(6 * max((len(one.values) for one in series), default=0))
    return rowwise(series, lambda name: f"keepLastValue({name})", {}, lambda matrix: _kept(matrix, limit))


Slots = NDArray[np.intp]


def _before(matrix: Matrix) -> Slots:
    """For each slot that of the last value up to it, -1 where there is none."""
    slots: Slots = np.where(np.isnan(matrix), -1, np.arange(matrix.shape[1]))
    np.maximum.accumulate(slots, axis=1, out=slots)
    return slots


def _after(matrix: Matrix) -> Slots:
    """For each slot that of the first value from it on, the width where there is none."""
    width = matrix.shape[1]
    slots: Slots = np.minimum.accumulate(np.where(np.isnan(matrix), width, np.arange(width))[:, ::-1], axis=1)[:, ::-1]
    return slots


def _kept(matrix: Matrix, limit: float) -> Matrix:
    before, after = _before(matrix), _after(matrix)
    filled = np.take_along_axis(matrix, np.maximum(before, 0), axis=1)
    return np.where((before == after) | ((before >= 0) & (after - before - 1 <= limit)), filled, np.nan)


@function("Transform", SERIES, LIMIT)
def interpolate(ctx: Context, series: list[Series], limit: float) -> list[Series]:
    """A straight line in place of every gap of at most `limit` slots that has a value on either side."""
    ctx.budget.room(8 * max((len(one.values) for one in series), default=0))
    lines = rowwise(series, lambda name: f"interpolate({name})", {}, lambda matrix: _interpolated(matrix, limit))
    for one, line in zip(series, lines, strict=True):
        for seam in one.seams:
            # Between two stored series there is no line.
            known = np.flatnonzero(~np.isnan(one.values[:seam]))
            line.values[known[-1] + 1 if len(known) else 0 : seam] = np.nan
    return lines


def _interpolated(matrix: Matrix, limit: float) -> Matrix:
    before, after = _before(matrix), _after(matrix)
    width = matrix.shape[1]
    first = np.take_along_axis(matrix, np.maximum(before, 0), axis=1)
    last = np.take_along_axis(matrix, np.minimum(after, width - 1), axis=1)
    line = first + (np.arange(width) - before) * (last - first) / (after - before)
    between = (before >= 0) & (after < width) & (before < after) & (after - before - 1 <= limit)
    return np.where(between, line, matrix)


@function("Transform", SERIES)
def isNonNull(ctx: Context, series: list[Series]) -> list[Series]:
    """1 for every value, 0 for every gap."""
    return rowwise(
        series,
        lambda name: f"isNonNull({name})",
        {"isNonNull": "1"},
        lambda matrix: (~np.isnan(matrix)).astype(np.float64),
    )


@function("Special", SERIES)
def changed(ctx: Context, series: list[Series]) -> list[Series]:
    """1 where a value differs from the one before it, else 0, also for gaps."""
    marked = rowwise(series, lambda name: f"changed({name})", {}, _changed)
    for one in marked:
        # Where another stored series begins nobody knows.
        one.values[[seam for seam in one.seams if seam < len(one.values)]] = np.nan
    return marked


def _changed(matrix: Matrix) -> Matrix:
    before = _before(matrix)
    begun = before[:, :-1] >= 0
    known = np.take_along_axis(matrix, np.maximum(before, 0, out=before), axis=1)
    # A value that is not yet known differs from nothing; a gap keeps what is known.
    matrix[:, :1] = 0
    matrix[:, 1:] = begun & (known[:, 1:] != known[:, :-1])
    return matrix


@function("Transform", SERIES, Param("steps", "integer", required=True))
def delay(ctx: Context, series: list[Series], steps: int) -> list[Series]:
    """Move the values so many steps later (earlier when negative); nothing comes in at the other end."""
    moved = rowwise(series, lambda name: f"delay({name},{steps})", {"delay": str(steps)}, lambda m: _delayed(m, steps))
    return [one.but(seams=tuple(_moved_seams(one, steps))) if one.seams else one for one in moved]


def _delayed(matrix: Matrix, steps: int) -> Matrix:
    width = matrix.shape[1]
    delayed = np.full(matrix.shape, np.nan)
    if steps < 0:
        delayed[:, : max(0, width + steps)] = matrix[:, -steps:]
    else:
        delayed[:, steps:] = matrix[:, : max(0, width - steps)]
    return delayed


def _moved_seams(one: Series, steps: int) -> list[int]:
    return [seam + steps for seam in one.seams if 0 < seam + steps < len(one.values)]


@function("Transform", SERIES)
def integral(ctx: Context, series: list[Series]) -> list[Series]:
    """The sum of all values up to each; a gap stays one."""
    return rowwise(series, lambda name: f"integral({name})", {"integral": "1"}, _integral)


def _integral(matrix: Matrix) -> Matrix:
    gaps = np.isnan(matrix)
    sums: Matrix = np.add.accumulate(np.where(gaps, 0.0, matrix), axis=1)
    sums[gaps] = np.nan
    return sums


@function("Transform", SERIES)
def compressPeriodicGaps(ctx: Context, series: list[Series]) -> list[Series]:
    """Give a series that has a value every few slots only the step of its values, when its first three show it."""
    results: list[Series] = []
    for one in series:
        name = f"compressPeriodicGaps({one.name})"
        results.append(_compressed(one.but(name=name, path=name), ctx.state.xff if one.xff is None else one.xff))
    return results


def _compressed(one: Series, xff: float) -> Series:
    first, period = _period(one.values)
    if period < 2:
        return one
    seen = one.values[: max(0, -(-(one.end_s - one.start_s) // one.step_s))][first:]
    start_s, step_s = one.start_s + first * one.step_s, period * one.step_s
    number = max(0, -(-(one.end_s - start_s) // step_s))
    values = np.full(number, np.nan)
    values[: -(-len(seen) // period)] = consolidated(seen[np.newaxis], period, "last", xff)[0]
    return one.but(
        start_s=start_s,
        step_s=step_s,
        values=values,
        seams=tuple(sorted(coarser_seams((seam - first for seam in one.seams), period))),
        # graphite-web's end is the last slot's own time here.
        stop_s=start_s + step_s * (number - 1),
    )


def _period(values: Values) -> tuple[int, int]:
    """The slot of the first value, and how many slots lie between values; 0 when the first three do not show it.

    As in graphite-web, neither a value of 0 nor one in the very first slot counts.
    """
    places = np.flatnonzero(~np.isnan(values) & (values != 0))
    places = places[places > 0]
    if len(places) < 2:
        return 0, 0
    first, second = places[:2].tolist()
    third = 2 * second - first
    if third > len(values) - 2 or np.isnan(values[third]) or values[third] == 0:
        return 0, 0
    alone = bool(np.isnan(values[third - 1]) and np.isnan(values[third + 1]))
    return first, second - first if alone else 0


@function(
    "Special", SERIES, Param("consolidationFunc", "string", required=True, options=CONSOLIDATION_OPTIONS), lean=True
)
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


@function("Special", SERIES, lean=True)
def cumulative(ctx: Context, series: list[Series]) -> list[Series]:
    """Add up values when there are more than the graph has room for: consolidateBy(…, "sum")."""
    return consolidateBy(ctx, series, "sum")


@function(
    "Special",
    SERIES,
    Param("xFilesFactor", "float", required=True),
    names=("setXFilesFactor", "xFilesFactor"),
    lean=True,
)
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
    lean=True,
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

"""Functions of a window that moves along; they read what lies before the time asked for, so the first value is whole.

A window ends at the value it is drawn at. Source: graphite-web 1.1.10, movingWindow.
"""

import numpy as np
from numpy.typing import NDArray

from weft.base.errors import BadRequest
from weft.metrics.consolidate import AGGREGATIONS, Matrix, enough, grouped
from weft.metrics.functions.registry import SERIES, Again, Context, Function, Param, add, function
from weft.metrics.functions.rowwise import rounded
from weft.metrics.series import Series, Values
from weft.metrics.times import parse_offset

SIZE = Param(
    "windowSize",
    "intOrInterval",
    required=True,
    suggestions=(5, 7, 10, "1min", "5min", "10min", "30min", "1hour"),
)
XFF = Param("xFilesFactor", "float")

_CHUNK_POINTS = 1_000_000
"""Points of all windows that are laid out at once where no quicker way is known."""
ONE_BY_ONE = 30
"""Up to so many points it is as quick to add them one after another, which rounds as graphite-web does."""
SEQUENCE_POINTS = 700_000
"""Points of series that are gone through time by time together."""
AVERAGE_WORK = 13
"""What a point of an exponential average costs."""
LISTED = 10
"""Points of memory that a point needs while values are gone through one by one."""
PART_POINTS = 100_000
"""Points of long series that windows slide over at once."""
SLIDING = 6
"""Points of memory that a point needs meanwhile, or while many series are gone through time by time."""
FEW_ROWS = 8
"""Up to so many series a loop over plain numbers is quicker than one over arrays."""


@function("Calculate", SERIES, SIZE, Param("func", "aggFunc", default="average"), XFF, refetch=True)
def movingWindow(
    ctx: Context, again: Again, windowSize: int | float | str, func: str, xFilesFactor: float | None
) -> list[Series]:
    """An aggregation over the last points, or over the last stretch of time, at each time."""
    history_s = _history_s(ctx, again, windowSize)
    results: list[Series] = []
    label = f"moving{func.capitalize()}"
    shown = f'"{windowSize}"' if isinstance(windowSize, str) else str(windowSize)
    for some, matrix in grouped(earlier(ctx, again, history_s), alike=lambda one: (one.stop_s, one.xff)):
        one = some[0]
        points = history_s // one.step_s if isinstance(windowSize, str) else int(windowSize)
        share = xFilesFactor if xFilesFactor is not None else one.xff if one.xff is not None else ctx.state.xff
        values = _moved(ctx, matrix, points, func, share)
        results += [_drawn(one, row, f"{label}({one.name},{shown})", {label: str(windowSize)}, history_s, points)
                    for one, row in zip(some, values, strict=True)]  # fmt: skip
    return results


def _history_s(ctx: Context, again: Again, size: int | float | str) -> int:
    """How long a window is that reaches back so many points, or so much time."""
    if isinstance(size, str):
        return abs(parse_offset(size))
    if size < 0:
        raise BadRequest(f"A moving window of {size} points has no meaning.", fix="Give a number from 1.")
    ctx.budget.make(int(size))
    return max((one.step_s for one in again(ctx.window)), default=0) * int(size)


def earlier(ctx: Context, again: Again, history_s: int) -> list[Series]:
    """The series from history_s before the time asked for."""
    return again(ctx.window._replace(from_s=max(0, ctx.window.from_s - history_s)))


def _drawn(one: Series, values: Values, name: str, tag: dict[str, str], history_s: int, points: int) -> Series:
    start_s = one.start_s + history_s
    return one.but(
        name=name,
        path=name,
        start_s=start_s,
        values=values,
        tags=one.tags | tag,
        seams=_seams(one, points, len(values)),
        stop_s=None if start_s + len(values) * one.step_s == one.end_s else one.end_s,
    )


def _seams(one: Series, points: int, many: int) -> tuple[int, ...]:
    """From the first window that reaches over a seam to the first that lies behind it, no difference means anything."""
    spans = (range(max(1, seam - points), min(many, seam)) for seam in one.seams)
    return tuple(sorted({place for span in spans for place in span}))


def _moving(name: str, func: str, doc: str) -> None:
    def run(ctx: Context, again: Again, windowSize: int | float | str, xFilesFactor: float | None) -> list[Series]:
        return movingWindow(ctx, again, windowSize, func, xFilesFactor)

    add(Function(name, "Calculate", (SERIES, SIZE, XFF), run, doc, refetch=True))


for _name, _func, _doc in (
    ("movingAverage", "average", "The average over the last points, or the last stretch of time."),
    ("movingMedian", "median", "The median over the last points, or the last stretch of time."),
    ("movingSum", "sum", "The sum over the last points, or the last stretch of time."),
    ("movingMin", "min", "The smallest of the last points, or of the last stretch of time."),
    ("movingMax", "max", "The largest of the last points, or of the last stretch of time."),
):
    _moving(_name, _func, _doc)


def _moved(ctx: Context, matrix: Matrix, points: int, func: str, xff: float) -> Matrix:
    """(series, n - points): the windows that end at each value but the first `points`; gaps in them do not count."""
    height, width = matrix.shape
    if points == 0 or width <= points:
        return np.full((height, max(0, width - points)), np.nan)
    # Long rows in parts of whole blocks (see _sliding), so that little is laid out at once.
    part = max(1, PART_POINTS // points) * points
    if width - points > part:
        firsts = range(0, width - points, part)
        parts = [_moved(ctx, matrix[:, first : first + part + points], points, func, xff) for first in firsts]
        return np.concatenate(parts, axis=1)
    ctx.budget.room(SLIDING * matrix.size)
    there = ~np.isnan(matrix)
    count = _counted(there, points)
    if func in ("sum", "total", "average", "avg", "avg_zero"):
        values = _sliding(np.where(there, matrix, 0.0), points, np.add)
        if func not in ("sum", "total"):
            values /= np.where(count, count, np.nan)
    elif func in ("min", "max"):
        values = _sliding(matrix, points, np.fmin if func == "min" else np.fmax)
    else:
        rows = np.where(there, matrix, 1.0) if func == "multiply" else matrix
        values = np.array([_laid_out(ctx, row, points, func) for row in rows])
    values[~enough(count, points, xff)] = np.nan
    return values


def _counted(there: NDArray[np.bool_], points: int) -> NDArray[np.int64]:
    """How many values are there in each window."""
    so_far = np.add.accumulate(there, axis=1, dtype=np.int64)
    return so_far[:, points:] - so_far[:, :-points]


def _sliding(matrix: Matrix, points: int, combine: np.ufunc) -> Matrix:
    """Windows of `points` values that end at each value but the first `points`, in time that does not grow with points.

    Each long window is the end of one block of `points` values and the beginning of the next (van Herk 1992), so no sum
    is taken from another and none loses digits to values outside its window.
    """
    height, width = matrix.shape
    if points <= ONE_BY_ONE:
        windows = matrix[:, 1 : width - points + 1].copy()
        for place in range(2, points + 1):
            combine(windows, matrix[:, place : width - points + place], out=windows)
        return windows
    blocks = -(-width // points)
    tails = np.zeros((height, blocks * points))
    tails[:, :width] = matrix
    blocked = tails.reshape(height, blocks, points)
    heads = combine.accumulate(blocked, axis=2).reshape(height, -1)
    backwards = blocked[:, :, ::-1]
    combine.accumulate(backwards, axis=2, out=backwards)
    both: Matrix = combine(tails[:, 1 : width - points + 1], heads[:, points:width])
    # These are whole blocks.
    both[:, points - 1 :: points] = heads[:, 2 * points - 1 : width : points]
    return both


def _laid_out(ctx: Context, values: Values, points: int, func: str) -> Values:
    windows: NDArray[np.float64] = np.lib.stride_tricks.sliding_window_view(values[1:], points)
    many = max(1, _CHUNK_POINTS // points)
    parts: list[Values] = []
    # A value takes 5 ns at least; the clock tells how much more.
    ctx.budget.work(windows.size // 2)
    for first in range(0, len(windows), many):
        ctx.budget.settle()
        parts.append(AGGREGATIONS[func](windows[first : first + many].T))
    return np.concatenate(parts)


@function("Calculate", SERIES, SIZE, refetch=True)
def exponentialMovingAverage(ctx: Context, again: Again, windowSize: int | float | str) -> list[Series]:
    """An average in which the weight of a value falls by the factor 1 - 2 / (windowSize + 1) with each that follows
    (windowSize in points, or in seconds). It begins with the plain average over the first window; to six decimals."""
    history_s = _history_s(ctx, again, windowSize)
    share = 2 / ((history_s if isinstance(windowSize, str) else int(windowSize)) + 1)
    shown = f'"{windowSize}"' if isinstance(windowSize, str) else str(windowSize)
    results: list[Series] = []
    before = earlier(ctx, again, history_s)
    for some, matrix in grouped(before, alike=lambda one: one.stop_s, points=SEQUENCE_POINTS):
        ctx.budget.work(AVERAGE_WORK * matrix.size)
        ctx.budget.room((LISTED if len(some) <= FEW_ROWS else SLIDING) * matrix.size)
        points = history_s // some[0].step_s if isinstance(windowSize, str) else int(windowSize)
        first = np.zeros(len(matrix))
        if points and matrix.shape[1]:
            first = np.nan_to_num(AGGREGATIONS["average"](matrix[:, :points].T), nan=0.0, posinf=np.inf, neginf=-np.inf)
        averages = np.column_stack((first, _smoothed(matrix[:, points:], first, share)))
        for one, row in zip(some, rounded(averages, 6), strict=True):
            name = f"exponentialMovingAverage({one.name},{shown})"
            tag = {"exponentialMovingAverage": str(windowSize)}
            # Its first value is that of the slot before the time asked for, drawn one slot later.
            results.append(_drawn(one, row, name, tag, history_s, points - 1))
    return results


def _smoothed(matrix: Matrix, before: Values, share: float) -> Matrix:
    """At each time share * value + (1 - share) * what it was before; a gap changes nothing and stays one."""
    rest = 1 - share
    if len(matrix) <= FEW_ROWS:
        rows = zip(matrix, before.tolist(), strict=True)
        return np.array([_smoothed_row(row, average, share) for row, average in rows])
    averages: Matrix = (share * matrix).T.copy()
    for row in averages:
        gaps = np.isnan(row)
        row += rest * before
        before = np.where(gaps, before, row)
    return averages.T


def _smoothed_row(values: Values, average: float, share: float) -> list[float]:
    rest = 1 - share
    averages: list[float] = []
    for value in values.tolist():
        if value != value:  # a gap
            averages.append(value)
            continue
        average = share * value + rest * average
        averages.append(average)
    return averages

"""Functions of a window that moves along; they read what lies before the time asked for, so the first value is whole.

A window ends at the value it is drawn at. Source: graphite-web 1.1.10, movingWindow.
"""

import numpy as np
from numpy.typing import NDArray

from weft.base.errors import BadRequest
from weft.metrics.consolidate import AGGREGATIONS, Matrix, enough, grouped
from weft.metrics.functions.registry import SERIES, Again, Context, Function, Param, add, function
from weft.metrics.series import Series, Values, Window
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


@function("Calculate", SERIES, SIZE, Param("func", "aggFunc", default="average"), XFF, refetch=True)
def movingWindow(
    ctx: Context, again: Again, windowSize: int | float | str, func: str, xFilesFactor: float | None
) -> list[Series]:
    """An aggregation over the last points, or over the last stretch of time, at each time."""
    from_s, until_s, now_s = ctx.window
    if isinstance(windowSize, str):
        history_s = abs(parse_offset(windowSize))
    else:
        if windowSize < 0:
            raise BadRequest(f"A moving window of {windowSize} points has no meaning.", fix="Give a number from 1.")
        ctx.budget.make(int(windowSize))
        history_s = max((one.step_s for one in again(ctx.window)), default=0) * int(windowSize)
    results: list[Series] = []
    label = f"moving{func.capitalize()}"
    shown = f'"{windowSize}"' if isinstance(windowSize, str) else str(windowSize)
    earlier = again(Window(max(0, from_s - history_s), until_s, now_s))
    for some, matrix in grouped(earlier, alike=lambda one: (one.stop_s, one.xff)):
        one = some[0]
        points = history_s // one.step_s if isinstance(windowSize, str) else int(windowSize)
        share = xFilesFactor if xFilesFactor is not None else one.xff if one.xff is not None else ctx.state.xff
        values = _moved(ctx, matrix, points, func, share)
        results += [_drawn(one, row, f"{label}({one.name},{shown})", {label: str(windowSize)}, history_s, points)
                    for one, row in zip(some, values, strict=True)]  # fmt: skip
    return results


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
    there = ~np.isnan(matrix)
    count = _sliding(there.astype(np.float64), points, np.add).astype(np.int64)
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


def _sliding(matrix: Matrix, points: int, combine: np.ufunc) -> Matrix:
    """Windows of `points` values that end at each value but the first `points`, in time that does not depend on points.

    Each window is the end of one block of `points` values and the beginning of the next (van Herk 1992), so no sum is
    taken from another and none loses digits to values outside its window.
    """
    height, width = matrix.shape
    blocks = -(-width // points)
    padded = np.zeros((height, blocks * points))
    padded[:, :width] = matrix
    blocked = padded.reshape(height, blocks, points)
    heads = combine.accumulate(blocked, axis=2).reshape(height, -1)
    tails = combine.accumulate(blocked[:, :, ::-1], axis=2)[:, :, ::-1].reshape(height, -1)
    first = np.arange(1, width - points + 1)
    last = first + points - 1
    both: Matrix = combine(tails[:, first], heads[:, last])
    whole = first % points == 0
    both[:, whole] = heads[:, last[whole]]
    return both


def _laid_out(ctx: Context, values: Values, points: int, func: str) -> Values:
    windows: NDArray[np.float64] = np.lib.stride_tricks.sliding_window_view(values[1:], points)
    many = max(1, _CHUNK_POINTS // points)
    parts: list[Values] = []
    ctx.budget.work(windows.size)
    for first in range(0, len(windows), many):
        ctx.budget.seconds_left()
        parts.append(AGGREGATIONS[func](windows[first : first + many].T))
    return np.concatenate(parts)

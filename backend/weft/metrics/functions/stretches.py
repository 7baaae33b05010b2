"""Functions that take stretches of time out of series, or lay several of them over each other."""

from functools import partial

import numpy as np

from weft.base.errors import TooMuch
from weft.metrics.functions.registry import SERIES, Again, Context, Param, function, together
from weft.metrics.series import Series, Window
from weft.metrics.times import parse_offset, parse_time

MOST_SHIFTS = 1000
"""Stretches that timeStack lays over each other at most."""


@function("Transform", SERIES, Param("startSliceAt", "date", required=True), Param("endSliceAt", "date", default="now"))
def timeSlice(ctx: Context, series: list[Series], startSliceAt: str, endSliceAt: str) -> list[Series]:
    """Values from one time to another, both included; before and after there is nothing."""
    from_s, _, now_s = ctx.window
    first_s, last_s = (parse_time(at, ctx.zone, now_s) for at in (startSliceAt, endSliceAt))
    results: list[Series] = []
    for one in series:
        # graphite-web counts from the beginning of the graph, which lies up to a step before that of the series.
        times_s = from_s + np.arange(len(one.values), dtype=np.int64) * one.step_s
        values = np.where((times_s < first_s) | (times_s > last_s), np.nan, one.values)
        tags = one.tags | {"timeSliceStart": str(first_s), "timeSliceEnd": str(last_s)}
        results.append(one.but(name=f"timeSlice({one.name}, {first_s}, {last_s})", values=values, tags=tags))
    return results


@function(
    "Transform",
    SERIES,
    Param("timeShiftUnit", "interval", default="1d", suggestions=("1h", "6h", "12h", "1d", "2d", "7d", "14d", "30d")),
    Param("timeShiftStart", "integer", default=0),
    Param("timeShiftEnd", "integer", default=7),
    refetch=True,
    lean=True,
)
def timeStack(ctx: Context, again: Again, timeShiftUnit: str, timeShiftStart: int, timeShiftEnd: int) -> list[Series]:
    """The series as they were some units of time ago, for every number of units from the first up to the last, which
    does not count; all drawn at the time asked for."""
    unit = f"-{timeShiftUnit}" if timeShiftUnit[0].isdigit() else timeShiftUnit
    unit_s = parse_offset(unit)
    if timeShiftEnd - timeShiftStart > MOST_SHIFTS:
        raise TooMuch(
            f"timeStack: {timeShiftEnd - timeShiftStart} shifts are more than {MOST_SHIFTS}.",
            fix="Give a timeShiftEnd closer to timeShiftStart.",
        )
    from_s, until_s, now_s = ctx.window
    # Nothing was stored before 1970.
    shifts = [shift for shift in range(timeShiftStart, timeShiftEnd) if from_s + shift * unit_s >= 0]
    moved = (Window(from_s + shift * unit_s, until_s + shift * unit_s, now_s) for shift in shifts)
    now, *shifted = together(partial(again, window) for window in (ctx.window, *moved))
    results: list[Series] = []
    for shift, some in zip(shifts, shifted, strict=True):
        for one in some if now else ():
            name = f"timeShift({one.name}, {unit}, {shift})"
            tags = one.tags | {"timeShiftUnit": unit, "timeShift": str(shift)}
            laid = one.but(name=name, path=name, tags=tags, start_s=now[0].start_s, stop_s=None)
            results.append(laid if laid.end_s == now[0].end_s else laid.but(stop_s=now[0].end_s))
    return results

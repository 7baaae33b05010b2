"""Functions that put the values of a stretch of time together."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.base.errors import BadRequest
from weft.metrics.budget import LAID_OUT
from weft.metrics.consolidate import AGGREGATIONS, Matrix, counts, enough, grouped
from weft.metrics.functions.registry import SERIES, Again, Context, Param, function
from weft.metrics.series import Series, Values
from weft.metrics.times import parse_offset


class Buckets(NamedTuple):
    """Where the n values of a series fall.

    Args:
        start_s, number: of the first bucket; how many there are.
        width: values that fit one bucket at most. bucket: (n,) the bucket of each value. place: (n,) its place there.
    """

    start_s: int
    number: int
    width: int
    bucket: NDArray[np.int64]
    place: NDArray[np.int64]


PART_POINTS = 100_000
"""Values that are laid out at once where buckets are small."""
INTERVAL = Param("intervalString", "interval", required=True, suggestions=("10min", "1h", "1d"))
FUNC = Param("func", "aggFunc", default="sum")


@function("Transform", SERIES, INTERVAL, FUNC, Param("alignToFrom", "boolean", default=False), lean=True)
def summarize(ctx: Context, series: list[Series], intervalString: str, func: str, alignToFrom: bool) -> list[Series]:
    """One value for each interval; intervals begin at multiples of their length, or with alignToFrom where the series
    does. xFilesFactor is the share of an interval's values that must be there."""
    shown = f'"{intervalString}", "{func}"{", true" if alignToFrom else ""}'
    tags = {"summarize": intervalString, "summarizeFunction": func}
    interval_s = _interval_s("summarize", intervalString)
    return _summarized(ctx, series, interval_s, func, alignToFrom, lambda name: f"summarize({name}, {shown})", tags)


ALIGN = Param(
    "alignTo",
    "string",
    options=(None, "years", "months", "weeks", "days", "hours", "minutes", "seconds", True, False),
    open=True,
)


@function("Transform", SERIES, INTERVAL, FUNC, ALIGN, refetch=True, lean=True)
def smartSummarize(ctx: Context, again: Again, intervalString: str, func: str, alignTo: str | None) -> list[Series]:
    """One value for each interval; intervals begin where the series does, with alignTo at the beginning of the year,
    month, week ("weeks3": on Wednesday), day, hour, minute or second that the graph begins in."""
    window = ctx.window
    # Versions before 1.1 took true or false.
    if alignTo is not None and alignTo not in ("True", "False"):
        window = window._replace(from_s=_begun(window.from_s, ctx.zone, *_unit(alignTo)))
    shown = f'"{intervalString}", "{func}"'
    tags = {"smartSummarize": intervalString, "smartSummarizeFunction": func}
    interval_s = _interval_s("smartSummarize", intervalString)
    return _summarized(
        ctx, again(window), interval_s, func, True, lambda name: f"smartSummarize({name}, {shown})", tags
    )


_UNITS = {
    "s": "seconds",
    "min": "minutes",
    "h": "hours",
    "d": "days",
    "w": "weeks",
    "mon": "months",
    "y": "years",
}
"""What the name of a unit begins with."""
_KEPT = {"years": 1, "months": 2, "weeks": 3, "days": 3, "hours": 4, "minutes": 5, "seconds": 6}
"""How many of year, month, day, hour, minute and second stay when a unit begins; the others are the first."""
_FIRST = (1970, 1, 1, 0, 0, 0)


def _interval_s(function: str, text: str) -> int:
    interval_s = parse_offset(text)
    if interval_s <= 0:
        raise BadRequest(f"{function}: an interval of '{text}' is not positive.", fix="Give '1h' or the like.")
    return interval_s


def _unit(text: str) -> tuple[str, int]:
    """The unit that an alignment begins with, and the day that weeks begin on."""
    unit = next((unit for start, unit in _UNITS.items() if text.startswith(start)), None)
    weekday = int(text[-1]) if unit == "weeks" and text[-1].isdigit() else 1
    if unit is None or not 1 <= weekday <= 7:
        raise BadRequest(
            f"smartSummarize: '{text[:60]}' is nothing to align to.",
            fix=f"Give one of {', '.join(_UNITS.values())}, or weeks1 (Monday) to weeks7.",
        )
    return unit, weekday


def _begun(at_s: int, zone: tzinfo, unit: str, weekday: int = 1) -> int:
    """When the unit that a time lies in began, by the zone's clocks; weeks begin on a weekday from 1, Monday.

    graphite-web 1.1.10 takes the offset from UTC that holds at the time itself, so that its years and months begin an
    hour early or late where clocks have changed since.
    """
    moment = datetime.fromtimestamp(at_s, zone)
    kept = _KEPT[unit]
    year, month, day, hour, minute, second = (*moment.timetuple()[:kept], *_FIRST[kept:])
    fold = moment.fold if hour == moment.hour else 0
    begun = datetime(year, month, day, hour, minute, second, tzinfo=zone, fold=fold)
    if unit == "weeks":
        begun -= timedelta(days=(moment.isoweekday() - weekday) % 7)
    return int(begun.timestamp())


def _summarized(
    ctx: Context,
    series: list[Series],
    interval_s: int,
    func: str,
    from_start: bool,
    naming: Callable[[str], str],
    tags: dict[str, str],
) -> list[Series]:
    results: list[Series] = []
    for some, matrix in grouped(series, alike=lambda one: (one.stop_s, one.xff)):
        one = some[0]
        start_s, end_s = one.start_s, one.end_s
        if not from_start:
            start_s -= start_s % interval_s
            end_s += interval_s - end_s % interval_s
        number = max(0, -(-(end_s - start_s) // interval_s))
        ctx.budget.make(number * len(some))
        share = ctx.state.xff if one.xff is None else one.xff
        values, first = np.empty((len(some), number)), 0
        for seen, laid in _laid(ctx, one, start_s, interval_s, number, len(some)):
            after = first + laid.number
            values[:, first:after] = _summed(matrix[:, seen], laid, func, interval_s / one.step_s, share)
            first = after
        results += [_drawn(each, row, naming(each.name), tags, start_s, interval_s, _seams(each, start_s, interval_s))
                    for each, row in zip(some, values, strict=True)]  # fmt: skip
    return results


def _drawn(
    one: Series,
    values: Values,
    name: str,
    tags: dict[str, str],
    start_s: int,
    interval_s: int,
    seams: tuple[int, ...],
) -> Series:
    return one.but(
        name=name,
        path=name,
        start_s=start_s,
        step_s=interval_s,
        values=values,
        tags=one.tags | tags,
        seams=seams,
        stop_s=None,
    )


def _laid(
    ctx: Context, one: Series, start_s: int, interval_s: int, number: int, many: int
) -> Iterator[tuple[slice, Buckets]]:
    """So many buckets from start_s on, some at a time, each with the values that fall in them."""
    # Values beyond the series' own end are not seen.
    seen = min(len(one.values), max(0, -(-(one.end_s - one.start_s) // one.step_s)))
    some = max(1, PART_POINTS // (many * max(1, interval_s // one.step_s)))
    for first in range(0, number, some):
        after = min(number, first + some)
        low, high = (
            min(seen, max(0, -(-(start_s + edge * interval_s - one.start_s) // one.step_s))) for edge in (first, after)
        )
        # They are laid out one beside the other, and what belongs where.
        ctx.budget.room(LAID_OUT * (high - low) * (many + 1))
        slots = np.arange(low, high, dtype=np.int64)
        bucket = (one.start_s - start_s + slots * one.step_s) // interval_s - first
        place = np.arange(high - low, dtype=np.int64) - np.searchsorted(bucket, bucket)
        yield slice(low, high), Buckets(start_s, after - first, int(place.max(initial=0)) + 1, bucket, place)


def _seams(one: Series, start_s: int, interval_s: int) -> tuple[int, ...]:
    """A bucket with a seam within mixes both sides: neither the difference to it nor the one from it means anything."""
    seen = min(len(one.values), -(-(one.end_s - one.start_s) // one.step_s))
    buckets: set[int] = set()
    for seam in one.seams:
        if seam < seen:
            at_s = one.start_s - start_s + seam * one.step_s
            bucket, before = at_s // interval_s, (at_s - one.step_s) // interval_s
            buckets |= {bucket, bucket + 1} if seam and before == bucket else {bucket}
    return tuple(sorted(buckets))


def _spread_seams(one: Series, laid: Buckets) -> tuple[int, ...]:
    """The same, where values are cut into parts."""
    seams = np.array([seam for seam in one.seams if seam < len(laid.bucket)], dtype=np.int64)
    within = seams[laid.place[seams] > 0]
    return tuple(np.unique(np.concatenate((laid.bucket[seams], laid.bucket[within] + 1))).tolist())


def _summed(matrix: Matrix, laid: Buckets, func: str, per_bucket: float, xff: float) -> Matrix:
    """(series, buckets) of a matrix (series, n); per_bucket: how many values make a full bucket."""
    height = len(matrix)
    seen = matrix[:, : len(laid.bucket)]
    filled = np.full((height, laid.number, laid.width), np.nan)
    filled[:, laid.bucket, laid.place] = seen
    rows = filled.reshape(height * laid.number, laid.width).T
    there = counts(rows).reshape(height, laid.number)
    if func == "multiply":
        # A gap makes the product a gap, a place where no value could be does not.
        possible = np.zeros(filled.shape[1:], dtype=bool)
        possible[laid.bucket, laid.place] = True
        filled[:, ~possible] = 1.0
    values = AGGREGATIONS[func](rows).reshape(height, laid.number)
    if func == "avg_zero":
        size = np.bincount(laid.bucket, minlength=laid.number)
        values *= laid.width / np.where(size, size, np.nan)
    values[~enough(there, per_bucket, xff)] = np.nan
    return values


@function("Transform", SERIES, INTERVAL, Param("alignToInterval", "boolean", default=False), refetch=True, lean=True)
def hitcount(ctx: Context, again: Again, intervalString: str, alignToInterval: bool) -> list[Series]:
    """How often things happened in each interval, where values say how often they do a second. Intervals end where the
    series does; with alignToInterval they begin with a day, an hour or a minute."""
    interval_s = _interval_s("hitcount", intervalString)
    window = ctx.window
    if alignToInterval and (unit := next((unit for unit, length_s in _LENGTHS.items() if interval_s >= length_s), "")):
        window = window._replace(from_s=_begun(window.from_s, ctx.zone, unit))
    shown = f'"{intervalString}"{", true" if alignToInterval else ""}'
    results: list[Series] = []
    for some, matrix in grouped(again(window), alike=lambda one: one.stop_s):
        one = some[0]
        end_s = one.end_s
        if alignToInterval:
            end_s = one.start_s + (end_s - one.start_s) // interval_s * interval_s + interval_s
        source, share_s, laid = _spread(ctx, one, end_s, interval_s, len(some))
        values = _summed(matrix[:, source] * share_s, laid, "sum", 1, 0.0)
        heads = np.flatnonzero(np.diff(source, prepend=-1))
        begun = laid._replace(bucket=laid.bucket[heads], place=laid.place[heads])
        results += [
            _drawn(
                each,
                row,
                f"hitcount({each.name}, {shown})",
                {"hitcount": intervalString},
                laid.start_s,
                interval_s,
                _spread_seams(each, begun),
            )
            for each, row in zip(some, values, strict=True)
        ]
    return results


_LENGTHS = {"days": 86_400, "hours": 3600, "minutes": 60}


def _spread(
    ctx: Context, one: Series, end_s: int, interval_s: int, many: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Buckets]:
    """The parts that intervals cut values into: whose part each is, how many seconds long, and where it falls."""
    number = max(0, -(-(end_s - one.start_s) // interval_s))
    start_s = end_s - number * interval_s
    seen = min(len(one.values), max(0, -(-(end_s - one.start_s) // one.step_s)))
    # A part costs as much as several points: whose it is, how long, where it falls.
    ctx.budget.room(12 * (seen + number) * many)
    begins = one.start_s - start_s + np.arange(seen, dtype=np.int64) * one.step_s
    ends = np.minimum(begins + one.step_s, number * interval_s)
    first = begins // interval_s
    parts = (ends - 1) // interval_s - first + 1
    total = int(parts.sum())
    ctx.budget.make(number * many)
    ctx.budget.work(8 * total * many)
    source = np.repeat(np.arange(seen, dtype=np.int64), parts)
    slots = np.arange(total, dtype=np.int64)
    bucket = first[source] + slots - np.repeat(np.cumsum(parts) - parts, parts)
    share_s = np.minimum(ends[source], (bucket + 1) * interval_s) - np.maximum(begins[source], bucket * interval_s)
    place = slots - np.searchsorted(bucket, bucket)
    return source, share_s, Buckets(start_s, number, int(place.max(initial=0)) + 1, bucket, place)


@function("Transform", SERIES, Param("intervalUnit", "string", required=True))
def integralByInterval(ctx: Context, series: list[Series], intervalUnit: str) -> list[Series]:
    """The sum of all values up to each, from 0 again with each interval, counted from the beginning of the graph; a gap
    adds nothing."""
    interval_s = abs(parse_offset(intervalUnit))
    if not interval_s:
        # graphite-web 1.1.10 answers 500.
        raise BadRequest("integralByInterval: an interval of 0 has no meaning.", fix="Give '1h' or the like.")
    results: list[Series] = []
    for some, sums in grouped(series):
        np.copyto(sums, 0.0, where=np.isnan(sums))
        _add_up(ctx, sums, _begins(some[0], interval_s, ctx.window.from_s))
        for each, row in zip(some, sums, strict=True):
            name = f"integralByInterval({each.name},'{intervalUnit}')"
            results.append(each.but(name=name, path=name, values=row,
                                    tags=each.tags | {"integralByInterval": intervalUnit}))  # fmt: skip
    return results


def _begins(one: Series, interval_s: int, from_s: int) -> NDArray[np.int64]:
    """The slots that are the first of an interval counted from from_s, and the one after the last slot."""
    width, late_s = len(one.values), one.start_s - from_s
    if interval_s <= one.step_s:
        return np.arange(width + 1)
    first, last = late_s // interval_s, (late_s + (width - 1) * one.step_s) // interval_s
    edges_s = np.arange(first + 1, last + 1) * interval_s - late_s
    return np.concatenate(([0], -(-edges_s // one.step_s), [width]))


def _add_up(ctx: Context, sums: Matrix, begun: NDArray[np.int64]) -> None:
    """Put in place of each value the sum of those of its interval up to it."""
    ctx.budget.room(4 * len(begun))
    lengths = np.diff(begun)
    longest = int(lengths.max(initial=0))
    if longest < len(begun):
        # Many short intervals: the second values of all, then the third and so on.
        for place in range(1, longest):
            there = begun[:-1][lengths > place] + place
            sums[:, there] += sums[:, there - 1]
    else:
        for first, after in pairwise(begun.tolist()):
            np.add.accumulate(sums[:, first:after], axis=1, out=sums[:, first:after])

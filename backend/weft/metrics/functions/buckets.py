"""Functions that put the values of a stretch of time together."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.base.errors import BadRequest
from weft.metrics.consolidate import AGGREGATIONS, Matrix, counts, enough, grouped
from weft.metrics.functions.registry import SERIES, Context, Param, function
from weft.metrics.series import Series
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


@function(
    "Transform",
    SERIES,
    Param("intervalString", "interval", required=True, suggestions=("10min", "1h", "1d")),
    Param("func", "aggFunc", default="sum"),
    Param("alignToFrom", "boolean", default=False),
)
def summarize(ctx: Context, series: list[Series], intervalString: str, func: str, alignToFrom: bool) -> list[Series]:
    """One value for each interval; intervals begin at multiples of their length, or with alignToFrom where the series
    does. xFilesFactor is the share of an interval's values that must be there."""
    interval_s = parse_offset(intervalString)
    if interval_s <= 0:
        raise BadRequest(f"summarize: an interval of '{intervalString}' is not positive.", fix="Give '1h' or the like.")
    results: list[Series] = []
    aligned = ", true" if alignToFrom else ""
    for some, matrix in grouped(series, alike=lambda one: (one.stop_s, one.xff)):
        laid = _laid(ctx, some[0], interval_s, alignToFrom, len(some))
        share = ctx.state.xff if some[0].xff is None else some[0].xff
        values = _summed(matrix, laid, func, interval_s / some[0].step_s, share)
        for one, row in zip(some, values, strict=True):
            name = f'summarize({one.name}, "{intervalString}", "{func}"{aligned})'
            tags = one.tags | {"summarize": intervalString, "summarizeFunction": func}
            results.append(
                one.but(
                    name=name,
                    path=name,
                    start_s=laid.start_s,
                    step_s=interval_s,
                    values=row,
                    tags=tags,
                    seams=_seams(one, laid),
                    stop_s=None,
                )
            )
    return results


def _laid(ctx: Context, one: Series, interval_s: int, from_start: bool, many: int) -> Buckets:
    start_s, end_s = one.start_s, one.end_s
    if not from_start:
        start_s -= start_s % interval_s
        end_s += interval_s - end_s % interval_s
    number = max(0, -(-(end_s - start_s) // interval_s))
    ctx.budget.make(number * many)
    # Values beyond the series' own end are not seen.
    seen = min(len(one.values), max(0, -(-(one.end_s - one.start_s) // one.step_s)))
    bucket = (one.start_s - start_s + np.arange(seen, dtype=np.int64) * one.step_s) // interval_s
    place = np.arange(seen, dtype=np.int64) - np.searchsorted(bucket, bucket)
    return Buckets(start_s, number, int(place.max(initial=0)) + 1, bucket, place)


def _seams(one: Series, laid: Buckets) -> tuple[int, ...]:
    """A bucket with a seam within mixes both sides: neither the difference to it nor the one from it means anything."""
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

"""Forecasts by Holt and Winters: a level, a slope and a season, each smoothed exponentially, and how far values usually
lie from what was foreseen.

They read history, by default a week, so that level and season are known where the graph begins. A gap ends what was
learnt of level and slope, as in graphite-web 1.1.10, whose constants these are.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.base.errors import BadRequest
from weft.metrics.consolidate import Matrix, grouped
from weft.metrics.functions.moving import FEW_ROWS, LISTED, SEQUENCE_POINTS, earlier
from weft.metrics.functions.registry import SERIES, Again, Context, Param, function
from weft.metrics.series import Series, Values
from weft.metrics.times import parse_offset

FORECAST_WORK = 35
"""What a point of history costs."""
PART = 20_000
"""Values of a row that are gone through at once."""

LEVEL = SEASON = 0.1
SLOPE = 0.0035

Mask = NDArray[np.bool_]

DELTA = Param("delta", "number", default=3, told_type="integer")
BOOTSTRAP = Param("bootstrapInterval", "interval", default="7d", suggestions=("7d", "30d"))
SEASONALITY = Param("seasonality", "interval", default="1d", suggestions=("1d", "7d"))


class _Foreseen(NamedTuple):
    """A series with its history, and what was foreseen of the time asked for.

    Args:
        start_s, stop_s: of the forecast; stop_s is None where that follows from its values.
        values: what was expected at each time. deviations: how far values usually lie from it.
    """

    of: Series
    start_s: int
    stop_s: int | None
    values: Values
    deviations: Values
    seams: tuple[int, ...]

    def series(self, name: str, values: Values, path: str) -> Series:
        """A series at the times of the forecast."""
        tags = self.of.tags | {"holtWintersForecast": "1", "holtWintersDeviation": "1"}
        return Series(
            name,
            self.start_s,
            self.of.step_s,
            values,
            path,
            tags,
            xff=self.of.xff,
            seams=self.seams,
            stop_s=self.stop_s,
        )


@function("Calculate", SERIES, BOOTSTRAP, SEASONALITY, refetch=True)
def holtWintersForecast(ctx: Context, again: Again, bootstrapInterval: str, seasonality: str) -> list[Series]:
    """What the values so far let expect at each time."""
    results: list[Series] = []
    for one in _foreseen(ctx, again, bootstrapInterval, seasonality):
        name = f"holtWintersForecast({one.of.name})"
        results.append(one.series(name, one.values, name))
    return results


@function("Calculate", SERIES, DELTA, BOOTSTRAP, SEASONALITY, refetch=True)
def holtWintersConfidenceBands(
    ctx: Context, again: Again, delta: float, bootstrapInterval: str, seasonality: str
) -> list[Series]:
    """The forecast minus and plus delta times how far values usually lie from it."""
    results: list[Series] = []
    for one in _foreseen(ctx, again, bootstrapInterval, seasonality):
        for side, values in (
            ("Lower", one.values - delta * one.deviations),
            ("Upper", one.values + delta * one.deviations),
        ):
            band = one.series(f"holtWintersConfidence{side}({one.of.name})", values, one.of.path)
            tags = band.tags | {"holtWintersConfidenceUpper": "1", "holtWintersConfidenceLower": "1"}
            results.append(band.but(tags=tags))
    return results


@function("Calculate", SERIES, DELTA, BOOTSTRAP, SEASONALITY, refetch=True)
def holtWintersConfidenceArea(
    ctx: Context, again: Again, delta: float, bootstrapInterval: str, seasonality: str
) -> list[Series]:
    """The area between the two confidence bands of each series."""
    # graphite-web 1.1.10 answers 500 for more than one series, and for none.
    results: list[Series] = []
    for one in holtWintersConfidenceBands(ctx, again, delta, bootstrapInterval, seasonality):
        name = f"holtWintersConfidenceArea({one.path})"
        results.append(one.but(name=name, path=name, tags=one.tags | {"holtWintersConfidenceArea": "1"}))
    return results


@function("Calculate", SERIES, DELTA, BOOTSTRAP, SEASONALITY, refetch=True)
def holtWintersAberration(
    ctx: Context, again: Again, delta: float, bootstrapInterval: str, seasonality: str
) -> list[Series]:
    """How far each value lies above the upper or below the lower confidence band; 0 between them and for gaps."""
    bands = holtWintersConfidenceBands(ctx, again, delta, bootstrapInterval, seasonality)
    by_name = {band.name: band.values for band in bands}
    unknown: Values = np.zeros(0)
    results: list[Series] = []
    for one in again(ctx.window):
        low, high = (
            _as_long(by_name.get(f"holtWintersConfidence{side}({one.name})", unknown), len(one.values))
            for side in ("Lower", "Upper")
        )
        values = np.where(one.values > high, one.values - high, np.where(one.values < low, one.values - low, 0.0))
        name = f"holtWintersAberration({one.name})"
        tags = one.tags | {"holtWintersAberration": "1"}
        results.append(one.but(name=name, path=name, values=values, tags=tags, consolidate="average"))
    return results


def _as_long(values: Values, width: int) -> Values:
    # graphite-web 1.1.10 answers 500 where a band is shorter than the series: history may have a coarser step.
    return np.concatenate((values[:width], np.full(max(0, width - len(values)), np.nan)))


def _foreseen(ctx: Context, again: Again, bootstrapInterval: str, seasonality: str) -> list[_Foreseen]:
    history_s, season_s = parse_offset(bootstrapInterval), parse_offset(seasonality)
    if history_s < 0:
        raise BadRequest(f"A bootstrapInterval of '{bootstrapInterval}' is negative.", fix="Give '7d' or the like.")
    results: list[_Foreseen] = []
    before = earlier(ctx, again, history_s)
    for some, matrix in grouped(before, alike=lambda one: one.stop_s, points=SEQUENCE_POINTS):
        one = some[0]
        if season_s < 2 * one.step_s and not np.isnan(matrix).all():
            # graphite-web 1.1.10 answers 500.
            raise BadRequest(
                f"A seasonality of '{seasonality}' is shorter than two steps of {one.step_s} s.",
                fix="Give a longer one.",
            )
        ctx.budget.work(FORECAST_WORK * matrix.size)
        ctx.budget.room(LISTED * matrix.size)
        ctx.budget.seconds_left()
        skip = history_s // one.step_s
        ctx.budget.make(2 * len(some) * max(0, matrix.shape[1] - skip))
        # Copies, so that what was foreseen of history does not stay.
        values, deviations = (rows[:, skip:].copy() for rows in _forecast(matrix, max(2, season_s // one.step_s)))
        start_s = one.start_s + history_s
        ends = start_s + one.step_s * max(0, matrix.shape[1] - skip) == one.end_s
        results += [
            _Foreseen(each, start_s, None if ends else each.end_s, row, deviation,
                      tuple(seam - skip for seam in each.seams if seam > skip))
            for each, row, deviation in zip(some, values, deviations, strict=True)
        ]  # fmt: skip
    return results


def _forecast(matrix: Matrix, season: int) -> tuple[Matrix, Matrix]:
    """What is expected at each time of each row, and how far values usually lie from it.

    Args:
        season: values that a season has, >= 2.
    """
    height, width = matrix.shape
    if not width:
        return matrix, matrix
    # Longer than this, none comes back.
    season = min(season, width + 1)
    gaps = np.isnan(matrix)
    # Behind a gap, and at the beginning, the value itself is the level.
    fresh = np.ones((height, width + 1), dtype=bool)
    fresh[:, 1:] = gaps
    unforeseen = fresh.copy()
    unforeseen[:, :1] = False
    expected = np.full((height, width + 1), np.nan)
    expected[:, :1] = matrix[:, :1]
    # Column i is that of the time a season before i.
    seasons, deviations = np.zeros((height, width + season + 1)), np.zeros((height, width + season))
    level, slope = np.zeros(height), np.zeros(height)
    # Shorter than a season, so that what the season before left is there for all of it.
    part = min(season - 1, PART)
    for first in range(0, width, part):
        here = slice(first, min(width, first + part))
        value, gap, last = matrix[:, here], gaps[:, here], seasons[:, here]
        pull = LEVEL * (value - last)
        levels, slopes = _levels(value, pull, fresh[:, here], level, slope)
        level, slope = levels[:, -1], slopes[:, -1]
        after = slice(here.start + 1, here.stop + 1)
        expected[:, after] = levels + slopes + seasons[:, after]
        # Nothing was expected behind a gap; the very first value was.
        known = np.where(unforeseen[:, here], 0.0, expected[:, here])
        later = slice(here.start + season, here.stop + season)
        seasons[:, later] = np.where(gap, 0.0, SEASON * (value - levels) + (1 - SEASON) * last)
        off = SEASON * np.abs(value - known) + (1 - SEASON) * deviations[:, here]
        deviations[:, later] = np.where(gap, 0.0, off)
    return expected[:, :width], deviations[:, season:]


def _levels(value: Matrix, pull: Matrix, fresh: Mask, level: Values, slope: Values) -> tuple[Matrix, Matrix]:
    """Level and slope at each time: the one part in which each value needs the one before."""
    if len(value) <= FEW_ROWS:
        rows = [_levels_of_row(*row) for row in zip(value, pull, fresh, level.tolist(), slope.tolist(), strict=True)]
        return np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    levels, slopes = pull.T.copy(), np.empty(value.shape[::-1])
    for place, (now, new) in enumerate(zip(value.T.copy(), fresh.T.copy(), strict=True)):
        before = np.where(new, now, level)
        levels[place] += (1 - LEVEL) * (before + slope)
        level = levels[place]
        slope = np.where(np.isnan(now), 0.0, SLOPE * (level - before) + (1 - SLOPE) * slope)
        slopes[place] = slope
    return levels.T, slopes.T


def _levels_of_row(
    value: Values, pull: Values, fresh: Mask, level: float, slope: float
) -> tuple[list[float], list[float]]:
    levels: list[float] = []
    slopes: list[float] = []
    for now, by, new in zip(value.tolist(), pull.tolist(), fresh.tolist(), strict=True):
        before = now if new else level
        level = by + (1 - LEVEL) * (before + slope)
        slope = SLOPE * (level - before) + (1 - SLOPE) * slope if now == now else 0.0
        levels.append(level)
        slopes.append(slope)
    return levels, slopes

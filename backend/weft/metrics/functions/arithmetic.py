"""Functions that calculate with each value by itself.

What has no answer among the doubles (a root of -1, one divided by 0, a finite number too large) is a gap.
"""

import math
from functools import partial
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from weft.base.errors import BadRequest
from weft.metrics.consolidate import Matrix, grouped
from weft.metrics.functions.registry import SERIES, Context, Param, function
from weft.metrics.functions.rowwise import DIVIDES_EXACTLY, rounded, rowwise
from weft.metrics.series import Series

ONE_BY_ONE = 30
"""What it costs to round a value by Python itself."""
FACTOR = Param("factor", "float", required=True)


@function("Transform", SERIES, FACTOR)
def scale(ctx: Context, series: list[Series], factor: float) -> list[Series]:
    """Multiply every value by a number."""
    return rowwise(
        series, lambda name: f"scale({name},{factor:g})", {"scale": str(factor)}, lambda matrix: matrix * factor
    )


@function("Transform", SERIES, Param("seconds", "float", required=True))
def scaleToSeconds(ctx: Context, series: list[Series], seconds: float) -> list[Series]:
    """Bring values that count for one step to so many seconds, to six decimals."""
    results: list[Series] = []
    for step_s, some in groupby(series, lambda one: one.step_s):
        results += rowwise(
            list(some),
            lambda name: f"scaleToSeconds({name},{_whole(seconds)})",
            {"scaleToSeconds": str(seconds)},
            partial(_scaled, factor=seconds / step_s),
        )
    return results


def _scaled(matrix: Matrix, factor: float) -> Matrix:
    return rounded(matrix * factor, 6)


@function("Transform", SERIES, Param("constant", "float", required=True))
def add(ctx: Context, series: list[Series], constant: float) -> list[Series]:
    """Add a number to every value; the name shows its whole part."""
    return rowwise(
        series,
        lambda name: f"add({name},{_whole(constant)})",
        {"add": str(constant)},
        lambda matrix: matrix + constant,
    )


def _whole(number: float) -> str:
    # graphite-web 1.1.10 answers 500 for infinity.
    return f"{number:.0f}" if not np.isfinite(number) else str(int(number))


@function("Transform", SERIES, FACTOR)
def offset(ctx: Context, series: list[Series], factor: float) -> list[Series]:
    """Add a number to every value."""
    return rowwise(
        series, lambda name: f"offset({name},{factor:g})", {"offset": str(factor)}, lambda matrix: matrix + factor
    )


@function("Transform", SERIES)
def offsetToZero(ctx: Context, series: list[Series]) -> list[Series]:
    """Take the smallest value of a series away from all of them."""
    results: list[Series] = []
    for some, matrix in grouped(series):
        least = np.fmin.reduce(matrix, axis=1, initial=np.nan)
        for one, row, low in zip(some, matrix, least.tolist(), strict=True):
            name = f"offsetToZero({one.name})"
            tags = one.tags | {"offsetToZero": "None" if np.isnan(low) else str(low)}
            results.append(one.but(name=name, path=name, values=row - low, tags=tags))
    return results


@function("Transform", SERIES)
def minMax(ctx: Context, series: list[Series]) -> list[Series]:
    """Bring the values of a series to 0 (its smallest) up to 1 (its largest); 0 where all are the same."""
    return rowwise(series, lambda name: f"minMax({name})", {}, _between)


def _between(matrix: Matrix) -> Matrix:
    least = np.fmin.reduce(matrix, axis=1, keepdims=True, initial=np.nan)
    span = np.fmax.reduce(matrix, axis=1, keepdims=True, initial=np.nan) - least
    return (matrix - least) / np.where(span == 0, 1.0, span)


@function("Transform", SERIES)
def absolute(ctx: Context, series: list[Series]) -> list[Series]:
    """Every value without its sign."""
    return rowwise(series, lambda name: f"absolute({name})", {"absolute": "1"}, np.abs)


@function("Transform", SERIES, Param("precision", "integer", told=0), names=("round",))
def to_decimals(ctx: Context, series: list[Series], precision: int | None) -> list[Series]:
    """Round every value to so many decimals (before the point when negative), halves to the even digit."""
    shown = "" if precision is None else f",{precision:g}"
    by_one = abs(precision or 0) > DIVIDES_EXACTLY
    ctx.budget.work((ONE_BY_ONE if by_one else 5) * sum(len(one.values) for one in series))
    return rowwise(
        series,
        lambda name: f"round({name}{shown})",
        {"round": str(precision or 0)},
        lambda matrix: rounded(matrix, precision or 0),
    )


@function("Transform", SERIES, Param("base", "integer", default=10), names=("log",))
def logarithm(ctx: Context, series: list[Series], base: int) -> list[Series]:
    """The logarithm of every value; 0 and negative values have none."""
    if base < 2:
        # graphite-web 1.1.10 answers 500.
        raise BadRequest(f"log: there is no logarithm to the base {base}.", fix="Give a base of 2 or more.")
    return rowwise(
        series,
        lambda name: f"log({name}, {base})",
        {"log": str(base)},
        lambda matrix: np.log(np.where(matrix > 0, matrix, np.nan)) / math.log(base),
    )


@function("Transform", SERIES)
def exp(ctx: Context, series: list[Series]) -> list[Series]:
    """Raise e to the power of every value."""
    return rowwise(series, lambda name: f"exp({name})", {"exp": "e"}, lambda matrix: _finite(np.exp(matrix), matrix))


def _finite(result: Matrix, of: Matrix) -> Matrix:
    # graphite-web 1.1.10 answers 500 when exp grows too large; its other functions make that a gap.
    result[np.isinf(result) & np.isfinite(of)] = np.nan
    return result


@function("Transform", SERIES)
def sigmoid(ctx: Context, series: list[Series]) -> list[Series]:
    """1 / (1 + e^-x) of every value."""
    # exp(-x) may grow to infinity, and 1 / infinity is the 0 that is meant; graphite-web 1.1.10 answers 500.
    return rowwise(
        series, lambda name: f"sigmoid({name})", {"sigmoid": "sigmoid"}, lambda matrix: 1 / (1 + np.exp(-matrix))
    )


@function("Transform", SERIES)
def logit(ctx: Context, series: list[Series]) -> list[Series]:
    """ln(x / (1 - x)) of every value between 0 and 1; others have none."""
    return rowwise(series, lambda name: f"logit({name})", {"logit": "logit"}, _logit)


def _logit(matrix: Matrix) -> Matrix:
    within = np.where((matrix > 0) & (matrix < 1), matrix, np.nan)
    logits: Matrix = 1 - within
    np.divide(within, logits, out=logits)
    return np.log(logits, out=logits)


def power(base: Matrix, exponent: Matrix | float) -> Matrix:
    """base ** exponent of every value; a gap where either is one or there is no answer."""
    result: Matrix = np.power(base, exponent)
    # 0 ** -1 and what grows too large; numpy has 1 for NaN ** 0 and 1 ** NaN.
    made: NDArray[np.bool_] = np.isinf(result) & np.isfinite(base) & (np.isfinite(exponent) | (base == 0))
    result[made | np.isnan(base) | np.isnan(exponent)] = np.nan
    return result


@function("Transform", SERIES, FACTOR, names=("pow",))
def to_power(ctx: Context, series: list[Series], factor: float) -> list[Series]:
    """Raise every value to a power."""
    return rowwise(
        series, lambda name: f"pow({name},{factor:g})", {"pow": str(factor)}, lambda matrix: power(matrix, factor)
    )


@function("Transform", SERIES)
def squareRoot(ctx: Context, series: list[Series]) -> list[Series]:
    """The square root of every value; negative values have none."""
    return rowwise(series, lambda name: f"squareRoot({name})", {"squareRoot": "1"}, lambda matrix: power(matrix, 0.5))


@function("Transform", SERIES)
def invert(ctx: Context, series: list[Series]) -> list[Series]:
    """One divided by every value; a gap for 0."""
    return rowwise(series, lambda name: f"invert({name})", {"invert": "1"}, lambda matrix: power(matrix, -1.0))

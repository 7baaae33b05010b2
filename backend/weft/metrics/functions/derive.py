"""Functions of the difference between neighbours.

A difference across a seam (another stored series begins there) means nothing: it is a gap, and the value after the seam
is what the next difference counts from.
"""

from collections.abc import Callable, Sequence

import numpy as np

from weft.metrics.consolidate import Matrix, grouped
from weft.metrics.functions.registry import SERIES, Context, Param, function
from weft.metrics.functions.rowwise import rounded
from weft.metrics.series import Series

MAX_VALUE = Param("maxValue", "float")
MIN_VALUE = Param("minValue", "float")


@function("Transform", SERIES)
def derivative(ctx: Context, series: list[Series]) -> list[Series]:
    """Each value minus the one before it; a gap after a gap."""
    return _derived("derivative", series, lambda matrix, step_s: _deltas(matrix))


@function("Transform", SERIES, MAX_VALUE, MIN_VALUE)
def nonNegativeDerivative(
    ctx: Context, series: list[Series], maxValue: float | None, minValue: float | None
) -> list[Series]:
    """Growth of a counter; where it falls (reset) a gap, or with maxValue (and minValue) as if it had wrapped there."""
    return _derived("nonNegativeDerivative", series, lambda matrix, step_s: _growth(matrix, maxValue, minValue))


@function("Transform", SERIES, MAX_VALUE, MIN_VALUE)
def perSecond(ctx: Context, series: list[Series], maxValue: float | None, minValue: float | None) -> list[Series]:
    """Growth of a counter in a second, to six decimals; resets as in nonNegativeDerivative."""
    return _derived(
        "perSecond", series, lambda matrix, step_s: rounded(_growth(matrix, maxValue, minValue) / step_s, 6)
    )


def _derived(name: str, series: Sequence[Series], change: Callable[[Matrix, int], Matrix]) -> list[Series]:
    results: list[Series] = []
    for some, matrix in grouped(series):
        for one, row in zip(some, change(matrix, some[0].step_s), strict=True):
            if one.seams:
                row[[seam for seam in one.seams if seam < len(row)]] = np.nan
            called = f"{name}({one.name})"
            results.append(one.but(name=called, path=called, values=row, tags=one.tags | {name: "1"}))
    return results


def _deltas(matrix: Matrix) -> Matrix:
    deltas = np.full(matrix.shape, np.nan)
    np.subtract(matrix[:, 1:], matrix[:, :-1], out=deltas[:, 1:])
    return deltas


def _growth(matrix: Matrix, most: float | None, least: float | None) -> Matrix:
    """Differences of a counter. A value over `most` or under `least` counts as a gap."""
    if most is not None:
        matrix[matrix > most] = np.nan
    if least is not None:
        matrix[matrix < least] = np.nan
    deltas = _deltas(matrix)
    fell = deltas < 0
    if most is not None:
        deltas[fell] = most + 1 + matrix[fell] - matrix[:, :-1][fell[:, 1:]] - (least or 0)
    elif least is not None:
        deltas[fell] = matrix[fell] - least
    else:
        deltas[fell] = np.nan
    return deltas

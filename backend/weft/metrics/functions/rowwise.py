"""What functions do to each series by itself: change its values, or bring them down to one number."""

from collections.abc import Callable, Sequence
from itertools import groupby

import numpy as np

from weft.metrics.consolidate import AGGREGATIONS, BLOCK_POINTS, Matrix, grouped
from weft.metrics.series import Series

_LAID_OUT_POINTS = 1_000_000
"""Points that are copied at once to go down the time of many series together."""
DIVIDES_EXACTLY = 22
"""10**22 is the largest power of ten that a double holds exactly."""


def rowwise(
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


def aggregated(series: Sequence[Series], func: str) -> list[float]:
    """One of AGGREGATIONS over the values of each series; NaN where graphite-web has None."""
    results: list[float] = []
    for width, alike in groupby(series, lambda one: len(one.values)):
        some = list(alike)
        many = max(1, _LAID_OUT_POINTS // max(1, width))
        for first in range(0, len(some), many):
            matrix = np.array([one.values for one in some[first : first + many]])
            results += AGGREGATIONS[func](matrix.T).tolist() if width else [np.nan] * len(matrix)
    return results


def rounded(matrix: Matrix, digits: int) -> Matrix:
    """To so many decimals as Python's `round` does it: by the exact decimal value, which scaling and back can miss."""
    if matrix.size > BLOCK_POINTS:
        flat, whole = matrix.ravel(), np.empty(matrix.size)
        for first in range(0, flat.size, BLOCK_POINTS):
            whole[first : first + BLOCK_POINTS] = rounded(flat[first : first + BLOCK_POINTS], digits)
        return whole.reshape(matrix.shape)
    if abs(digits) > DIVIDES_EXACTLY:
        return np.array([round(value, digits) for value in matrix.ravel().tolist()]).reshape(matrix.shape)
    power = 10.0 ** abs(digits)
    scaled = matrix * power if digits > 0 else matrix / power
    whole = np.rint(scaled)
    size = np.abs(scaled)
    # From here on a double's last bit is coarser than the last digit.
    result = np.where(size < 4e15, whole / power if digits > 0 else whole * power, matrix)
    # Beyond 1e10 digits a miss is below 1e-9 of the value; a scale of 1 misses nothing.
    close = (np.abs(np.abs(scaled - whole) - 0.5) <= size * 4e-16) & (size < 1e10) & (digits != 0)
    if close.any():
        result[close] = [round(value, digits) for value in matrix[close].tolist()]
    return result

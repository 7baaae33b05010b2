"""What numpy has, for less."""

import numpy as np
from numpy.typing import NDArray


def distinct(values: NDArray[np.integer]) -> NDArray[np.integer]:
    """The different values of an array, sorted. `np.unique` would load numpy.ma, 1.2 MB, to ask if some are masked."""
    ordered = np.sort(values, axis=None)
    first = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]

"""Rows of points: decoded from whisper's bytes, and added up. From compiled code where it was built, else by numpy.

`_rows.c` gives the same bits in one pass, in a third of the time, and other threads run meanwhile. Nothing but time
depends on it: without a compiler or Python's headers it is left out when Weft is installed.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.metrics.series import Values
from weft.metrics.whisper import POINTS

MOST_ROWS = 255
"""Rows added at once at most, so that a byte counts them."""

Counts = NDArray[np.int64]
Rows = Sequence[Values] | NDArray[np.float64]


class Kernels(NamedTuple):
    """What the compiled code does, or numpy in its place.

    decoded(points, times, out): values of points (bytes, rows of n one after another) into out, shape (rows, n) and
    contiguous; NaN where the time is not that of times, (n,), as they lie on disk.
    added(rows, total, count): add rows (at most MOST_ROWS, of n) to total, (n,), one after another: it rounds as
    Python's `sum` does. NaN adds nothing, and count, (n,), does not count it.
    """

    decoded: Callable[[memoryview, NDArray[np.uint32], NDArray[np.float64]], object]
    added: Callable[[Rows, Values, Counts], object]


def _decoded(points: memoryview, times: NDArray[np.uint32], out: NDArray[np.float64]) -> None:
    read = np.frombuffer(points, POINTS, count=out.size).reshape(out.shape)
    out[:] = read["value"]
    # Times are compared as they lie on disk: swapping the bytes of the expected row spares those of every file.
    np.copyto(out, np.nan, where=read["time"].view(np.uint32) != times)


def _added(rows: Rows, total: Values, count: Counts) -> None:
    block = np.array(rows, order="C")  # row after row in memory, also where they are columns of another matrix
    gaps = np.isnan(block)
    np.copyto(block, 0.0, where=gaps)
    for row in block:
        np.add(total, row, out=total)
    count += len(block) - gaps.view(np.uint8).sum(axis=0, dtype=np.uint8)


def numpys() -> Kernels:
    """By numpy."""
    return Kernels(_decoded, _added)


def compiled() -> Kernels | None:
    """In C; None: it was not built."""
    try:
        from weft.metrics import _rows
    except ImportError:
        return None
    return Kernels(_rows.decoded, _rows.added)


decoded, added = compiled() or numpys()
"""How it is done here, see Kernels."""

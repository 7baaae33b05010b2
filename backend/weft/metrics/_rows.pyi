import numpy as np
from numpy.typing import NDArray

from weft.metrics.rows import Counts, Rows
from weft.metrics.series import Values

def decoded(points: memoryview, times: NDArray[np.uint32], out: NDArray[np.float64], /) -> None: ...
def added(rows: Rows, total: Values, count: Counts, /) -> None: ...

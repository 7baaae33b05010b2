"""A series as a value, and the time a request spans."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


class Window(NamedTuple):
    """What a request asks: Graphite's `(from, until]` in epoch seconds, and when it asks."""

    from_s: int
    until_s: int
    now_s: int


@dataclass(slots=True)
class Series:
    """One series: value i covers `[start + i*step, start + (i+1)*step)`; NaN is Graphite's None.

    Args:
        name: what the client sees.
        start_s, step_s: epoch seconds; `end_s` is start + step * n, exclusive, as in graphite-web.
        values: float64, shape (n,); may be a row of a matrix that many series share: never written to in place.
        path: the path expression it came from (graphite-web's pathExpression).
        tags: graphite-web's tags, at least `name`.
        consolidate: consolidateBy's function. xff: xFilesFactor, None: the request's default.
        seams: indices at which the stored series behind a virtual name changes: a difference across one means nothing.
        stop_s: graphite-web's `end` where it is not start + step * n (constantLine, timeShift, sums of different
            steps): summarize and maxDataPoints go by it. None everywhere else.
    """

    name: str
    start_s: int
    step_s: int
    values: Values
    path: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    consolidate: str = "average"
    xff: float | None = None
    seams: tuple[int, ...] = ()
    stop_s: int | None = None

    @property
    def end_s(self) -> int:
        """The instant after the last slot."""
        return self.start_s + self.step_s * len(self.values) if self.stop_s is None else self.stop_s

    def but(self, **changes: Any) -> "Series":
        """A copy with some members changed."""
        return replace(self, **changes)

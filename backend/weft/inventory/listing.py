"""How runs are listed, whatever keeps them: their order, the places in it that cursors name, and what a typed id means.

`at_ms` is what runs are ordered by: start, or submit for one that never started (0: not known either). `until_ms` is
the instant after the last, at least `at_ms + 1`: a run of no length still shows. It is FOREVER_MS while a run has no
end. Of one instant the higher job id comes first, then the one that was added last.
"""

import re
from typing import NamedTuple

from weft.base.errors import BadRequest
from weft.base.intervals import FOREVER_MS, Interval
from weft.scheduler.model import Run

MOST = 10_000
"""Most runs on one page."""

FOUND = 1_000
"""Most runs that one typed id means."""


class Place(NamedTuple):
    """A run's place in the order; `number` tells apart what ties: a store counts its runs as they are added."""

    at_ms: int
    job_id: int
    number: int

    @property
    def text(self) -> str:
        """The cursor of a page that ends here."""
        return f"{self.at_ms}.{self.job_id}.{self.number}"


BEGIN = Place(FOREVER_MS, 2**62, 2**62)
"""Before all runs."""


def place_of(cursor: str | None) -> Place:
    """The place that a cursor names. Raises BadRequest."""
    if cursor is None:
        return BEGIN
    found = re.fullmatch(r"(-?\d{1,15})\.(-?\d{1,18})\.(\d{1,18})", cursor, re.ASCII)
    if found is None:
        raise BadRequest(f"'{cursor[:40]}' is no cursor of a list of runs.", fix="Ask for the first page again.")
    return Place(*map(int, found.groups()))


def size_of(limit: int) -> int:
    """How many runs a page holds that is asked for so many."""
    return max(1, min(limit, MOST))


def bounded(window: Interval | None) -> Interval:
    """The window within what a store can hold; None: all time."""
    if window is None:
        return Interval(-FOREVER_MS, FOREVER_MS)
    return Interval(max(window.from_ms, -FOREVER_MS), min(window.to_ms, FOREVER_MS))


def listed(run: Run) -> Interval:
    """`[at_ms, until_ms)` of a run."""
    start_ms = run.key.start_ms
    if start_ms is None:
        at_ms = run.submit_ms or 0
        return Interval(at_ms, at_ms + 1)
    return Interval(start_ms, FOREVER_MS if run.end_ms is None else max(run.end_ms, start_ms + 1))


def base_of(label: str) -> int | None:
    """The number that a label begins with (4711 of `4711_5` and `4711+1`), None when there is none or it is no id."""
    found = re.match(r"\d{1,18}(?!\d)", label, re.ASCII)
    return int(found[0]) if found else None

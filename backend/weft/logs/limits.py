"""What one question to a log engine may cost, and what all engines refuse alike."""

from weft.base.errors import BadRequest, TooMuch
from weft.base.intervals import Interval
from weft.logs.fields import kind_of

MOST = 10_000
"""Most lines on one page."""

COUNTED = 10_000
"""Once so many lines are found, a search need count no more; the histogram counts them all."""

MOST_STEPS = 10_000
"""Steps of one histogram."""

MOST_VALUES = 60_000
"""Values of a field that are counted; both engines' own limits are a little over 65,000."""

KEYWORDS = ("host", "program", "severity", "source")
"""Fields of every line whose values can be counted."""


def page_size(limit: int) -> int:
    """Lines of a page, of which so many are asked for."""
    return max(1, min(limit, MOST))


def steps_of(window: Interval, step_ms: int) -> tuple[int, int]:
    """Where the first step of a histogram begins (epoch ms), and how many there are.

    Raises:
        BadRequest: a step under a millisecond. TooMuch: over MOST_STEPS steps.
    """
    if step_ms < 1:
        raise BadRequest("A step of a histogram is at least a millisecond.", fix="Give a longer step.")
    start_ms = window.from_ms // step_ms * step_ms
    steps = max(0, -(-(window.to_ms - start_ms) // step_ms))
    if steps > MOST_STEPS:
        raise TooMuch(f"The window has over {MOST_STEPS:,} steps.", fix="Give a longer step, or a shorter window.")
    return start_ms, steps


def counts_own(field: str) -> bool:
    """Whether a field whose values are counted is a line's own. Raises BadRequest: a field that has none to count."""
    own = kind_of(field) == "own"
    if not own and field not in KEYWORDS:
        raise BadRequest(f"Values of '{field}' are not counted.", fix=f"Counted are {', '.join(KEYWORDS)}.")
    return own

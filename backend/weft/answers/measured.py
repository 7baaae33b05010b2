"""What was measured while runs ran: stored series cut to a time, rates of counters, sums that leave gaps out."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

import numpy as np

from weft.answers.answers import Answers
from weft.base.errors import TooMuch
from weft.base.intervals import Interval, slots_of
from weft.fabric.counters import COUNTERS, PERFMGR
from weft.metrics.series import Series, Values, Window
from weft.metrics.store import Tell

MOST_POINTS = 20_000_000
"""Points read for one answer: 5,000 hosts for 2.8 days at a minute a point."""
AT_ONCE = 256
"""Series read in one go: memory stays small however many hosts a run has."""
HOUR_S = 3600
WORD_BYTES = 4
"""PortXmitData and PortRcvData count 4-octet words (IBA volume 1, 16.1.3.5)."""


class Part(NamedTuple):
    """A stored series, the time of it that counts, and whose it is."""

    stored: str
    span: Interval
    whose: str


class Summary(NamedTuple):
    """Mean and highest value over the slots that have one, None where none has."""

    mean: float | None
    highest: float | None


def unit_of(counter: str) -> tuple[float, str]:
    """What a counter's growth in a second is multiplied by, and the unit of that."""
    known = COUNTERS.get(counter.removesuffix(PERFMGR))
    return (WORD_BYTES, "B/s") if known is not None and known.unit == "words" else (1.0, "1/s")


def rate(values: Values, step_s: int, factor: float = 1.0) -> Values:
    """Growth in a second in each slot since the one before, shape (n,).

    A gap where a counter fell or a value is missing, and in the first slot, which has none before it.
    """
    grown = np.full(len(values), np.nan)
    np.subtract(values[1:], values[:-1], out=grown[1:])
    grown[grown < 0] = np.nan
    return grown * (factor / step_s)


def summary(values: Values) -> Summary:
    """Mean and highest of what is known."""
    known = values[~np.isnan(values)]
    return Summary(float(known.mean()), float(known.max())) if len(known) else Summary(None, None)


class Sum:
    """The sum of series over a span by time, each slot over those that have a value in it.

    Series of narrower steps count in the widest one by their mean.
    """

    def __init__(self, span: Interval) -> None:
        self._span = span
        self._by_step: dict[int, tuple[int, Values]] = {}

    def add(self, one: Series) -> None:
        """Add a series that lies in the span."""
        first_s, after_s = slots_of(self._span, one.step_s)
        if one.step_s not in self._by_step:
            self._by_step[one.step_s] = first_s, np.full((after_s - first_s) // one.step_s, np.nan)
        at = (one.start_s - first_s) // one.step_s
        slots = self._by_step[one.step_s][1][at : at + len(one.values)]
        values = one.values[: len(slots)]
        slots[:] = np.where(np.isnan(slots), values, slots + np.nan_to_num(values))

    def values(self) -> Values:
        """The sums in slots of the widest step."""
        widest = max(self._by_step, default=1)
        total = Sum(self._span)
        for step_s, (first_s, sums) in self._by_step.items():
            total.add(_widened(Series("", first_s, step_s, sums), widest))
        return total._by_step[widest][1] if self._by_step else np.zeros(0)


def _widened(one: Series, wide_s: int) -> Series:
    """Means of the values that lie in each slot of a wider step."""
    values = one.values
    slot = (one.start_s + one.step_s * np.arange(len(values))) // wide_s
    known = ~np.isnan(values)
    place = slot - slot[0]
    count = np.bincount(place[known], minlength=int(place[-1]) + 1)
    total = np.bincount(place[known], weights=values[known], minlength=int(place[-1]) + 1)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return Series("", int(slot[0]) * wide_s, wide_s, means)


async def read(answers: Answers, parts: Sequence[Part], now_ms: int, tell: Tell) -> AsyncIterator[tuple[Part, Series]]:
    """The values of each part in the slots that overlap its time, in order; one that is not stored is left out.

    Raises:
        TooMuch: more than MOST_POINTS points.
    """
    if not parts:
        return
    from_s = min(part.span.from_ms for part in parts) // 1000 // HOUR_S * HOUR_S - 1
    until_s = max(min(max(part.span.to_ms for part in parts), now_ms) // 1000, from_s + 1)
    window = Window(from_s, until_s, now_ms // 1000)
    for begin in range(0, len(parts), AT_ONCE):
        some = parts[begin : begin + AT_ONCE]
        stored = await answers.site.metrics.fetch([part.stored for part in some], window, tell)
        for part, one in zip(some, stored, strict=True):
            if one is None:
                continue
            if len(one.values) * len(parts) > MOST_POINTS:
                raise TooMuch(
                    f"{len(parts):,} series of {len(one.values):,} points each are over {MOST_POINTS:,} points.",
                    fix="Ask for one run by its key, or for a shorter one.",
                )
            span = part.span.cut(Interval(0, now_ms + 1))
            first_s, after_s = slots_of(span, one.step_s) if span else (0, 0)
            begin_at = max(0, (first_s - one.start_s) // one.step_s)
            values = one.values[begin_at : max(begin_at, (after_s - one.start_s) // one.step_s)]
            if len(values):
                yield part, one.but(start_s=one.start_s + begin_at * one.step_s, values=values)

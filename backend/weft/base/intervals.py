"""All time arithmetic of the house.

Inventory and log times are integer epoch milliseconds (`_ms`), metric times integer epoch seconds (`_s`), UTC.
An interval is `[from, to)`. The open end is FOREVER_MS inside and `null` on every wire. Only this module converts
between the three ways of counting: the inventory's, Graphite's `(from, until]` and a metric's slots.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from weft.base.errors import BadRequest

FOREVER_MS = 253_370_764_800_000
"""9999-01-01T00:00:00Z, the one open end."""


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """`[from_ms, to_ms)`; empty when to_ms <= from_ms."""

    from_ms: int
    to_ms: int = FOREVER_MS

    def __bool__(self) -> bool:
        return self.to_ms > self.from_ms

    @property
    def open(self) -> bool:
        """True when no end is known."""
        return self.to_ms >= FOREVER_MS

    def holds(self, at_ms: int) -> bool:
        """True when at_ms lies in the interval."""
        return self.from_ms <= at_ms < self.to_ms

    def overlaps(self, other: "Interval") -> bool:
        """True when both have an instant in common."""
        return self.from_ms < other.to_ms and other.from_ms < self.to_ms

    def cut(self, other: "Interval") -> "Interval":
        """Return what both have in common; empty (false) when nothing."""
        return Interval(max(self.from_ms, other.from_ms), min(self.to_ms, other.to_ms))


def graphite_window(from_s: int, until_s: int) -> Interval:
    """Graphite's `(from, until]` in seconds as `[from+1 s, until+1 s)` in milliseconds."""
    return Interval((from_s + 1) * 1000, (until_s + 1) * 1000)


def slots_of(span: Interval, step_s: int) -> tuple[int, int]:
    """First slot and the slot after the last (multiples of step_s, in s) that overlap the span.

    A slot stamped t covers `[t, t + step)`: a span keeps every slot it overlaps, so a run that started at 12 s
    keeps the slot of 10 s at step 10.
    """
    first = span.from_ms // 1000 // step_s * step_s
    last_ms = span.to_ms - 1
    after = (last_ms // 1000 // step_s + 1) * step_s
    return first, max(first, after)


def ms_of(moment: datetime) -> int:
    """Epoch milliseconds of an aware datetime, exact."""
    if moment.tzinfo is None:
        raise ValueError("a datetime without zone has no place on the time line")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86400 + delta.seconds) * 1000 + delta.microseconds // 1000


def datetime_of(at_ms: int, zone: tzinfo = UTC) -> datetime:
    """The aware datetime of epoch milliseconds; exact, and beyond the platform's time_t as well."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).astimezone(zone)


def iso(at_ms: int | None, zone: tzinfo = UTC) -> str | None:
    """RFC 3339 text to the millisecond, None for an unknown time or the open end."""
    if at_ms is None or at_ms >= FOREVER_MS:
        return None
    text = datetime_of(at_ms, zone).isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds")
    return text.replace("+00:00", "Z")


def wire_ms(at_ms: int | None) -> int | None:
    """The open end is null on every wire."""
    return None if at_ms is None or at_ms >= FOREVER_MS else at_ms


def local_ms(moment: datetime, zone: tzinfo) -> tuple[int, bool]:
    """Epoch ms of a wall-clock time (naive) in a zone, and whether it is sure.

    In the hour that a change of clocks repeats, the first of both is returned and `False`; in the hour that it skips,
    the same instant one reaches by going on from the hour before, and `False`.
    """
    early, late = moment.replace(tzinfo=zone, fold=0), moment.replace(tzinfo=zone, fold=1)
    return ms_of(early), early.utcoffset() == late.utcoffset()


MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
"""As C prints them, whatever the locale of this process."""

_CTIME = re.compile(
    r"(?a)[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2}) (?P<clock>\d\d:\d\d:\d\d) (?P<year>\d{4})"
)


def wall_clock(year: int, month: str, day: int, clock: str) -> datetime | None:
    """The naive datetime of what tools print: a month's English name and `22:23:15`; None: no calendar has it."""
    try:
        return datetime.fromisoformat(f"{year:04}-{MONTHS.index(month) + 1:02}-{day:02}T{clock}")
    except ValueError:
        return None


def ctime(text: str) -> datetime | None:
    """What C's ctime prints, `Sun Nov 22 22:23:15 2026`; None when it is none. A leap second is the one before it."""
    match = _CTIME.fullmatch(text.strip())
    if match is None:
        return None
    clock = re.sub(":60$", ":59", match["clock"])
    return wall_clock(int(match["year"]), match["month"], int(match["day"]), clock)


def parse_moment(text: str, zone: tzinfo) -> int:
    """Epoch ms of what a person types as a time: epoch s or ms, ISO 8601 with or without zone.

    Raises:
        BadRequest: it is none of these.
    """
    plain = text.strip()
    if plain.lstrip("-").isdigit():
        number = int(plain)
        return number if abs(number) >= 100_000_000_000 else number * 1000
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError:
        raise BadRequest(
            f"'{text}' is not a time.",
            fix="Give ISO 8601 (2026-11-22T22:23:15, with or without zone) or epoch seconds.",
        ) from None
    if moment.tzinfo is None:
        return local_ms(moment, zone)[0]
    return ms_of(moment)

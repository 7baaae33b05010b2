"""Times as people write them in a query: `2026-11-22`, `2026-11-22T22:23`, epoch seconds or ms, `now-1h`."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from weft.base.errors import BadRequest
from weft.base.intervals import FOREVER_MS, Interval, local_ms, ms_of, parse_moment

UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

_NOW = re.compile(r"(?a)now(?:(?P<by>[+-]\d{1,9})(?P<unit>[smhdw]))?")
_DATE = re.compile(
    r"(?a)(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:[T ](?P<clock>\d\d(?::\d\d(?::\d\d(?:[.,]\d{1,9})?)?)?)"
    r"(?P<zone>Z|[+-]\d\d:?\d\d)?)?)?)?"
)
_LENGTHS_MS = {2: 3_600_000, 5: 60_000, 8: 1000}
"""What a clock of so many characters means the whole of; a longer one means a millisecond."""


@dataclass(frozen=True, slots=True)
class Times:
    """What a text alone cannot tell: what `now` is (epoch ms), and the zone of a time without one."""

    now_ms: int
    zone: tzinfo

    def span(self, text: str) -> Interval:
        """All of the time that a text means: a date is its day, `2026-11-22T22` an hour, as in Elasticsearch.

        Raises:
            BadRequest: it is no time.
        """
        plain = text.strip()
        if relative := _NOW.fullmatch(plain):
            at_ms = self.now_ms + int(relative["by"] or 0) * UNITS_MS[relative["unit"] or "s"]
            return Interval(at_ms, at_ms + 1)
        written = _DATE.fullmatch(plain)
        try:
            span = self._written(written) if written else self._counted(plain)
        except (ValueError, OverflowError):
            span = Interval(0, 0)
        if not span or span.from_ms >= FOREVER_MS:
            raise BadRequest(
                f"'{text}' is not a time.", fix="Give 2026-11-22, 2026-11-22T22:23:15+01:00, epoch seconds, or now-1h."
            )
        return span

    def _counted(self, text: str) -> Interval:
        """Epoch seconds or milliseconds."""
        if not (text.isascii() and text.isdecimal()):
            raise ValueError(text)
        at_ms = parse_moment(text, self.zone)
        return Interval(at_ms, at_ms + 1)

    def _written(self, told: re.Match[str]) -> Interval:
        date = f"{told['year']}-{told['month'] or '01'}-{told['day'] or '01'}"
        if told["clock"] is None:
            begin = datetime.fromisoformat(date)
            after = begin + timedelta(days=1 if told["day"] else 31 if told["month"] else 366)
            if not told["day"]:
                after = after.replace(day=1) if told["month"] else after.replace(month=1, day=1)
            return Interval(local_ms(begin, self.zone)[0], local_ms(after, self.zone)[0])
        moment = datetime.fromisoformat(f"{date}T{told['clock']}{told['zone'] or ''}")
        at_ms = local_ms(moment, self.zone)[0] if told["zone"] is None else ms_of(moment)
        return Interval(at_ms, at_ms + _LENGTHS_MS.get(len(told["clock"]), 1))

"""Graphite's times: `from`, `until` and the lengths of time that functions take.

Source: graphite-web 1.1.10, `render/attime.py`. A time is a reference (`now`, `6pm_today`, `20261122`, epoch seconds)
and an optional offset (`-1h30min`); blanks, commas and underscores do not count. Differences on purpose: 12am is
midnight and 12pm noon (graphite-web has them the other way round), a `+` that a URL decoded to a blank is still a `+`,
and nothing lies before 1970.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from weft.base.errors import BadRequest

TIMES: Final = (
    "Give epoch seconds, -1h, now-1d, midnight, noon, teatime, today, yesterday, tomorrow, monday, 6pm_today, "
    "HH:MM_YYYYMMDD, MM/DD/YY, YYYYMMDD or january 5; units are s, min, h, d, w, mon and y."
)
LENGTHS: Final = "Give a number and a unit such as '30s', '5min', '1h', '1d', '1w', '1mon' or '1y'."

MONTHS: Final = tuple("jan feb mar apr may jun jul aug sep oct nov dec".split())
WEEKDAYS: Final = tuple("mon tue wed thu fri sat sun".split())

_UNITS: Final = (
    ("s", 1),
    ("min", 60),
    ("h", 3600),
    ("d", 86_400),
    ("w", 604_800),
    ("mon", 2_592_000),
    ("y", 31_536_000),
)
"""What a unit begins with, and its seconds: a month is 30 days, a year 365."""
_NAMED_HOURS: Final = {"noon": 12, "midnight": 0, "teatime": 16}
_DAYS: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}

_OFFSET = re.compile(r"(?:[0-9]+[a-z]+)+")
_PART = re.compile(r"([0-9]+)([a-z]+)")
_BLANK_PLUS = re.compile(r"(.*)\s((?:[0-9]+(?:s|min|h|d|w|mon|y)[a-z]*)+)")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{1,2})(am|pm)?")
_HOUR = re.compile(r"([0-9]{1,2})(am|pm)")
_NAMED_HOUR = re.compile("|".join(_NAMED_HOURS))
_SLASHED = re.compile(r"([0-9]+)/([0-9]+)/([0-9]+)")
_MONTH_DAY = re.compile(rf"({'|'.join(MONTHS)})[a-z]*?([0-9]{{1,2}})")

LATEST_S: Final = 253_402_300_799
"""9999-12-31T23:59:59Z, the last second a calendar knows."""


def parse_time(text: str, zone: tzinfo, now_s: int) -> int:
    """Epoch seconds of any of Graphite's forms of time.

    Args:
        zone: in which days begin and clocks are read. now_s: what `now` and every relative form count from.
    Raises:
        BadRequest: none of these forms, or no day of the calendar; the message lists the forms.
    """
    plain = text.lower()
    if found := _BLANK_PLUS.fullmatch(plain):
        plain = f"{found[1]}+{found[2]}"
    plain = re.sub(r"[\s_,]", "", plain)
    if plain.isascii() and plain.isdigit() and not _is_date(plain):
        return _epoch(text, plain)
    sign = "+" if "+" in plain else "-"
    reference, _, offset = plain.partition(sign)
    if sign in plain and not _OFFSET.fullmatch(offset):
        raise _bad(text)
    try:
        # Overflow: beyond the years 1 to 9999.
        at_s = _reference(reference, zone, now_s) + (_seconds(offset) if sign == "+" else -_seconds(offset))
    except (ValueError, OverflowError):
        raise _bad(text) from None
    if not 0 <= at_s <= LATEST_S:
        raise BadRequest(f"'{text[:60]}' lies outside the years 1970 to 9999.", fix=TIMES)
    return at_s


def parse_offset(text: str) -> int:
    """Seconds of a length of time such as `5min`, `-1h` or `1h30min`; signed.

    Raises:
        BadRequest: not a number with a unit; the message lists the units.
    """
    plain = text.lstrip("+-")
    if len(text) - len(plain) > 1 or not _OFFSET.fullmatch(plain):
        raise BadRequest(f"'{text[:60]}' is not a length of time.", fix=LENGTHS)
    try:
        seconds = _seconds(plain)
    except ValueError as exc:
        raise BadRequest(f"'{text[:60]}' is not a length of time: {exc}.", fix=LENGTHS) from None
    if seconds > LATEST_S:
        raise BadRequest(f"'{text[:60]}' is longer than the calendar.", fix=LENGTHS)
    return -seconds if text.startswith("-") else seconds


def _seconds(offset: str) -> int:
    total = 0
    for number, unit in _PART.findall(offset):
        for start, seconds in _UNITS:
            if unit.startswith(start):
                total += int(number) * seconds
                break
        else:
            raise ValueError(f"'{unit}' is no unit")
    return total


def _is_date(digits: str) -> bool:
    # 20261122 is a day, any other number an epoch.
    return len(digits) == 8 and int(digits[:4]) > 1900 and int(digits[4:6]) < 13 and int(digits[6:]) < 32


def _epoch(text: str, digits: str) -> int:
    if len(digits) > 12 or int(digits) > LATEST_S:
        raise BadRequest(f"'{text[:60]}' lies beyond the year 9999; is it in milliseconds?", fix="Give epoch seconds.")
    return int(digits)


def _reference(text: str, zone: tzinfo, now_s: int) -> int:
    """Epoch seconds of a reference without offset; ValueError when it is none."""
    if text in ("", "now"):
        return now_s
    now = datetime.fromtimestamp(now_s, zone)
    hour, minute, text = _clock(text)
    day = now.replace(hour=hour, minute=minute, second=0, microsecond=0, tzinfo=None)
    if text in _DAYS:
        day += timedelta(days=_DAYS[text])
    elif found := _SLASHED.fullmatch(text):
        month, number, year = (int(part) for part in found.groups())
        # Two digits count from 1970: 70 is 1970, 26 is 2026.
        year += 1900 if year < 1900 else 0
        year += 100 if year < 1970 else 0
        day = day.replace(year=year, month=month, day=number)
    elif len(text) == 8 and text.isdigit():
        day = day.replace(year=int(text[:4]), month=int(text[4:6]), day=int(text[6:]))
    elif found := _MONTH_DAY.fullmatch(text):
        day = day.replace(month=MONTHS.index(found[1]) + 1, day=int(found[2]))
    elif text[:3] in WEEKDAYS:
        day -= timedelta(days=(day.weekday() - WEEKDAYS.index(text[:3])) % 7)
    elif text:
        raise ValueError(text)
    return _localised(day, zone)


def _clock(text: str) -> tuple[int, int, str]:
    """Hour, minute and what follows them; midnight when the text names no time of day."""
    hour, minute, half = 0, 0, ""
    if found := _CLOCK.match(text):
        hour, minute, half = int(found[1]), int(found[2]), found[3] or ""
    elif found := _HOUR.match(text):
        hour, half = int(found[1]), found[2]
    elif found := _NAMED_HOUR.match(text):
        hour = _NAMED_HOURS[found[0]]
    else:
        return 0, 0, text
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return hour, minute, text[found.end() :]


def _localised(moment: datetime, zone: tzinfo) -> int:
    """Epoch seconds of a wall-clock time; in an hour that comes twice the later one, as in graphite-web."""
    early, late = moment.replace(tzinfo=zone, fold=0), moment.replace(tzinfo=zone, fold=1)
    before, after = early.utcoffset() or timedelta(), late.utcoffset() or timedelta()
    chosen = late if before > after else early
    return int((chosen - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())


def _bad(text: str) -> BadRequest:
    return BadRequest(f"'{text[:60]}' is not a time.", fix=TIMES)

"""Times against the parser of graphite-web 1.1.10 itself, run in its own Python: every form of its documentation, in
zones with clocks that change, before, in and after the hours in which they do.
"""

import json
import subprocess
from datetime import UTC, datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from tests.services import graphite_web

from weft.base.errors import BadRequest
from weft.metrics.times import parse_time

THEIRS = """
import json, sys
from datetime import datetime
import django, pytz
from django.conf import settings
settings.configure(TIME_ZONE="UTC", USE_TZ=True)
from graphite.render.attime import parseATTime
for line in sys.stdin:
    text, name, now_s = json.loads(line)
    zone = pytz.timezone(name)
    try:
        told = parseATTime(text, zone, datetime.fromtimestamp(now_s, zone)).timestamp()
    except Exception:  # it refuses a time by whatever its parser happens to raise
        told = None
    print(told)
"""
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
NOWS = tuple(
    int(datetime(*moment, tzinfo=UTC).timestamp())
    for moment in (
        (2026, 11, 22, 14, 30, 15),
        (2026, 3, 29, 0, 59, 59),  # a second before Berlin's clocks go forward
        (2026, 3, 29, 1, 0, 0),
        (2026, 10, 25, 0, 30, 0),  # the hour that comes twice in Berlin, first and second time
        (2026, 10, 25, 1, 30, 0),
        (2026, 11, 1, 6, 30, 0),  # the same in New York
        (2028, 2, 29, 23, 59, 59),
        (2027, 1, 1, 0, 0, 0),
    )
)
DAYS = (
    *("", "today", "yesterday", "tomorrow", "monday", "tue", "sunday", "Saturday"),
    *("20261122", "20260329", "20261025", "11/22/26", "3/29/2026", "1/1/70", "12/31/69"),
    *("january 5", "feb28", "march_29", "october 25", "december 31"),
)
CLOCKS = ("", "midnight", "noon", "teatime", "6am", "6pm", "11pm", "00:00", "02:30", "2:30", "12:30", "23:59", "8:50am",
          "8:50pm", "1:05pm")  # fmt: skip
OFFSETS = ("", "-1s", "-30sec", "-5min", "-90minutes", "-1h", "-6hours", "-1d", "-2days", "-1w", "-1mon", "-3months",
           "-1y", "-1h30min", "+1h", "+2d", "+1week")  # fmt: skip
OTHERS = (
    *("now", "NOW", "now-1d", "now+1h", "-1h", "1700000000", "5", "20261322", "99999999", " -1h ", "- 1 h", "0"),
    *("noon_yesterday", "6pm today", "6pm_today", "midnight+6h", "11:59_tuesday", "8am_mon", "10:30 january 12"),
    *("", "yesterday-", "xyz", "-1parsec", "-1m", "1h", "-", "13/13/13", "feb30", "20260231", "january", "25:00",
      "7:5pm", "now-now", "thurs_", "2026-11-22", "10:00_", "noon noon", "sunday monday", "-1.5h", "--1h", "2am3pm"),
)  # fmt: skip


DIFFERENT = {
    # 12am is 0 o'clock, and 12pm noon. graphite-web has them exchanged.
    **{"12am_today": "noon", "12pm_today": "midnight", "12:15am_today": "12:15", "12:15pm_today": "00:15"},
    # A minute of one digit before am and pm, and a `+` that came as a blank: graphite-web gives an error.
    **{"7:5pm": None, "now 1h": None},
}
"""What is read otherwise on purpose, and what graphite-web takes it for; None: an error."""
REFUSED = {"-", "yesterday-", "2am3pm"}
"""What graphite-web reads in its own way, and Weft takes for a mistake."""


def forms() -> list[str]:
    """Every clock on every day, and every offset from some of them."""
    clocks = [f"{clock}_{day}" if clock and day else clock + day for clock, day in product(CLOCKS, DAYS)]
    offsets = [f"{start}{offset}" for start, offset in product(("now", "", "noon_yesterday", "20261025"), OFFSETS)]
    return list(dict.fromkeys([*clocks, *offsets, *OTHERS, *DIFFERENT, *REFUSED]))


ASKED = list(product(forms(), ZONES, NOWS))


@pytest.fixture(scope="module")
def told() -> list[int | None]:
    """What graphite-web says to each question; None: an error."""
    questions = "\n".join(json.dumps(one) for one in ASKED)
    command = [str(graphite_web.install()), "-W", "ignore", "-c", THEIRS]
    done = subprocess.run(command, input=questions, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [None if line == "None" else int(float(line)) for line in done.stdout.splitlines()]


def ours(text: str, zone: str, now_s: int) -> int | None:
    try:
        return parse_time(text, ZoneInfo(zone), now_s)
    except BadRequest:
        return None


def test_every_form_means_what_it_means_to_graphite_web(told: list[int | None]) -> None:
    differ = {}
    for (text, zone, now_s), theirs in zip(ASKED, told, strict=True):
        if text in DIFFERENT or text in REFUSED or (theirs is not None and theirs < 0):
            continue
        if (mine := ours(text, zone, now_s)) != theirs:
            differ.setdefault(text, (zone, now_s, mine, theirs))
    assert differ == {}
    assert len(told) > 10_000


def test_differences_on_purpose_are_these(told: list[int | None]) -> None:
    for (text, zone, now_s), theirs in zip(ASKED, told, strict=True):
        mine = ours(text, zone, now_s)
        if text in REFUSED or (theirs is not None and theirs < 0):
            assert (mine, theirs is None) == (None, False)
        elif text in DIFFERENT:
            taken = DIFFERENT[text]
            assert mine is not None
            assert theirs == (None if taken is None else ours(taken, zone, now_s))
            assert theirs != mine

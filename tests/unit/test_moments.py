"""Times in queries: dates and parts of them, clocks, numbers, now."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from weft.base.errors import BadRequest
from weft.base.intervals import Interval, ms_of
from weft.logs.moments import Times

NOW_MS = 1_795_392_000_000
TIMES = Times(NOW_MS, UTC)


def ms(text: str) -> int:
    return ms_of(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2024", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
        ("2026-02", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-11-22", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("2026-11-22T22", "2026-11-22T22:00:00Z", "2026-11-22T23:00:00Z"),
        ("2026-11-22 22:23", "2026-11-22T22:23:00Z", "2026-11-22T22:24:00Z"),
        ("2026-11-22T22:23:15", "2026-11-22T22:23:15Z", "2026-11-22T22:23:16Z"),
        ("2026-11-22T22:23:15.5", "2026-11-22T22:23:15.500Z", "2026-11-22T22:23:15.501Z"),
        ("2026-11-22T22:23:15+02:00", "2026-11-22T20:23:15Z", "2026-11-22T20:23:16Z"),
        ("2026-11-22T22Z", "2026-11-22T22:00:00Z", "2026-11-22T23:00:00Z"),
        ("1795386195", "2026-11-22T22:23:15Z", "2026-11-22T22:23:15.001Z"),
        ("1795386195250", "2026-11-22T22:23:15.250Z", "2026-11-22T22:23:15.251Z"),
        ("now", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00.001Z"),
        ("now-90m", "2026-11-22T22:30:00Z", "2026-11-22T22:30:00.001Z"),
        ("now+1w", "2026-11-30T00:00:00Z", "2026-11-30T00:00:00.001Z"),
    ],
)
def test_a_text_means_all_of_its_time(text: str, begin: str, end: str) -> None:
    assert TIMES.span(text) == Interval(ms(begin), ms(end))


def test_a_time_without_zone_is_the_sites_also_when_clocks_change() -> None:
    berlin = Times(NOW_MS, ZoneInfo("Europe/Berlin"))
    assert berlin.span("2026-11-22T22:23:15") == Interval(ms("2026-11-22T21:23:15Z"), ms("2026-11-22T21:23:16Z"))
    assert berlin.span("2026-10-25") == Interval(ms("2026-10-24T22:00:00Z"), ms("2026-10-25T23:00:00Z")), "25 hours"
    assert berlin.span("2026-11-22T22:23:15Z") == TIMES.span("2026-11-22T22:23:15")


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2026-13", "2026-11-31", "2026-11-22T25", "2026-11-22Z", "-5", "9999", "99999999999999999", "now-1x",
     "now-", "now-9999999999d", "now/d", "٢٠٢٦", "0000", "12:30"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="is not a time"):
        TIMES.span(text)

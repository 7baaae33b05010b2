"""Graphite's times. Expected values from graphite-web 1.1.10's attime.parseATTime, but where a test says otherwise."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.base.errors import BadRequest
from weft.metrics.times import parse_offset, parse_time

BERLIN = ZoneInfo("Europe/Berlin")
NOW = int(datetime(2026, 11, 22, 14, 30, 15, tzinfo=UTC).timestamp())  # a Sunday, 15:30:15 in Berlin


def berlin(text: str) -> int:
    """Epoch seconds of a wall clock in Berlin."""
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp())


@pytest.mark.parametrize(
    ("text", "ago_s"),
    [
        ("now", 0),
        ("", 0),
        ("-1h", 3600),
        ("now-1d", 86_400),
        ("-6hours", 21_600),
        ("-5min", 300),
        ("-30s", 30),
        ("-2w", 1_209_600),
        ("-1mon", 2_592_000),
        ("-1months", 2_592_000),
        ("-1y", 31_536_000),
        ("-1h30min", 5400),
        ("NOW - 1 H", 3600),
        ("now+1h", -3600),
        ("+1h", -3600),
    ],
)
def test_relative_times_count_from_now(text: str, ago_s: int) -> None:
    assert parse_time(text, BERLIN, NOW) == NOW - ago_s


@pytest.mark.parametrize(
    ("text", "wall_clock"),
    [
        ("midnight", "2026-11-22T00:00"),
        ("noon", "2026-11-22T12:00"),
        ("teatime", "2026-11-22T16:00"),
        ("today", "2026-11-22T00:00"),
        ("yesterday", "2026-11-21T00:00"),
        ("tomorrow", "2026-11-23T00:00"),
        ("noon_yesterday", "2026-11-21T12:00"),
        ("midnight+6h", "2026-11-22T06:00"),
        ("6pm_today", "2026-11-22T18:00"),
        ("6pm today", "2026-11-22T18:00"),
        ("6pm", "2026-11-22T18:00"),
        ("8:50am", "2026-11-22T08:50"),
        ("8:50pm_yesterday", "2026-11-21T20:50"),
        ("sunday", "2026-11-22T00:00"),
        ("monday", "2026-11-16T00:00"),
        ("11:59_tuesday", "2026-11-17T11:59"),
        ("8am_mon", "2026-11-16T08:00"),
        ("10:30_20260329", "2026-03-29T10:30"),
        ("20261122", "2026-11-22T00:00"),
        ("20261122-21d", "2026-11-01T00:00"),
        ("03/04/26", "2026-03-04T00:00"),
        ("3/4/70", "1970-03-04T00:00"),
        ("12/31/2025", "2025-12-31T00:00"),
        ("january 5", "2026-01-05T00:00"),
        ("10:00 january 12", "2026-01-12T10:00"),
        ("may_31", "2026-05-31T00:00"),
    ],
)
def test_clock_times_are_read_in_the_zone_of_the_request(text: str, wall_clock: str) -> None:
    assert parse_time(text, BERLIN, NOW) == berlin(wall_clock)


def test_a_number_is_an_epoch_unless_it_is_a_day() -> None:
    assert parse_time("1700000000", BERLIN, NOW) == 1_700_000_000
    assert parse_time("5", BERLIN, NOW) == 5
    assert parse_time("20261322", BERLIN, NOW) == 20_261_322


def test_an_hour_that_comes_twice_is_its_second_coming_and_one_that_is_skipped_goes_on() -> None:
    # 2026-10-25 02:30 comes at 00:30 and 01:30 UTC; 2026-03-29 02:30 does not come: half an hour after 02:00 CET.
    assert parse_time("02:30_20261025", BERLIN, NOW) == 1_792_891_800
    assert parse_time("02:30_20260329", BERLIN, NOW) == 1_774_747_800


def test_an_offset_is_counted_in_seconds_through_a_change_of_clocks() -> None:
    # 24 hours before midnight after the change is 1 o'clock, not midnight.
    assert parse_time("20261026-1d", BERLIN, NOW) == berlin("2026-10-25T01:00") == 1_792_882_800


def test_a_plus_that_arrived_as_a_blank_is_still_a_plus() -> None:
    # graphite-web 1.1.10 refuses these; a browser sends + in a URL and every server decodes it to a blank.
    assert parse_time("now 1h", BERLIN, NOW) == NOW + 3600
    assert parse_time(" 1h", BERLIN, NOW) == NOW + 3600
    assert parse_time("today 5min", BERLIN, NOW) == berlin("2026-11-22T00:05")


def test_twelve_am_is_midnight_and_twelve_pm_noon() -> None:
    # graphite-web 1.1.10 has them the other way round.
    assert parse_time("12am", BERLIN, NOW) == berlin("2026-11-22T00:00")
    assert parse_time("12:15pm", BERLIN, NOW) == berlin("2026-11-22T12:15")


@pytest.mark.parametrize(
    "text",
    [
        "xyz",
        "-1m",
        "-1",
        "-h",
        "now-now",
        "noon+1d-1h",
        "january",
        "feb30",
        "20260231",
        "13/13/13",
        "25:00",
        "1h",
        "--1h",
        "undefined",
        "-99999999y",
        f"-{'9' * 5000}y",
        "10:00_19691231",
        "00:00_00000000",
        "٣",
        "-٣h",
    ],
)
def test_what_is_no_time_is_refused_with_the_forms_that_work(text: str) -> None:
    with pytest.raises(BadRequest) as error:
        parse_time(text, BERLIN, NOW)
    assert "Give epoch seconds, -1h, now-1d, midnight" in error.value.fix
    assert len(str(error.value)) < 500


def test_milliseconds_are_told_from_seconds() -> None:
    with pytest.raises(BadRequest, match="is it in milliseconds"):
        parse_time("1700000000000", BERLIN, NOW)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5min", 300),
        ("1h", 3600),
        ("-1h", -3600),
        ("+1d", 86_400),
        ("1h30min", 5400),
        ("10s", 10),
        ("1mon", 2_592_000),
        ("2weeks", 1_209_600),
        ("1year", 31_536_000),
        ("90minutes", 5400),
    ],
)
def test_a_length_of_time_for_a_function(text: str, seconds: int) -> None:
    assert parse_offset(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "m", "5m", "1H", "h1", "5 min", "--1h", "1.5h", "9" * 5000 + "s", "9" * 400 + "y"]
)
def test_what_is_no_length_is_refused_with_the_units(text: str) -> None:
    with pytest.raises(BadRequest) as error:
        parse_offset(text)
    assert "'5min'" in error.value.fix
    assert len(str(error.value)) < 400


@given(st.text(alphabet="0123456789-+_:/ ampnowtdyhsinjk", max_size=25))
def test_any_text_is_a_time_or_a_bad_request(text: str) -> None:
    try:
        at_s = parse_time(text, BERLIN, NOW)
    except BadRequest:
        return
    assert 0 <= at_s <= 253_402_300_799

"""All time arithmetic of the house, by hand: 2026-11-22T22:23:15Z is 1,795,386,195 s."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from weft.base.errors import BadRequest
from weft.base.intervals import (
    FOREVER_MS,
    Interval,
    ctime,
    graphite_window,
    iso,
    local_ms,
    ms_of,
    parse_moment,
    slots_of,
)

AT_MS = 1_795_386_195_000
BERLIN = ZoneInfo("Europe/Berlin")


def test_an_interval_holds_its_beginning_and_not_its_end() -> None:
    span = Interval(10, 20)
    assert [span.holds(at) for at in (9, 10, 19, 20)] == [False, True, True, False]
    assert [span.overlaps(other) for other in (Interval(0, 10), Interval(19), Interval(20))] == [False, True, False]
    assert (span.cut(Interval(15)), bool(span.cut(Interval(20)))) == (Interval(15, 20), False)


def test_graphites_window_leaves_out_from_and_takes_in_until() -> None:
    assert graphite_window(10, 20) == Interval(11_000, 21_000)


@pytest.mark.parametrize(
    ("span", "slots"),
    [
        (Interval(12_000, 25_000), (10, 30)),  # 12 s lies in the slot of 10, 24.999 s in that of 20
        (Interval(10_000, 20_000), (10, 20)),
        (Interval(10_000, 20_001), (10, 30)),
        (Interval(12_345, 12_346), (10, 20)),
    ],
)
def test_a_span_keeps_every_slot_it_overlaps(span: Interval, slots: tuple[int, int]) -> None:
    assert slots_of(span, 10) == slots


def test_the_open_end_and_the_unknown_are_not_told_as_times() -> None:
    assert [iso(at) for at in (AT_MS, AT_MS + 7, FOREVER_MS, None)] == [
        "2026-11-22T22:23:15Z", "2026-11-22T22:23:15.007Z", None, None,
    ]  # fmt: skip


def test_a_wall_clock_is_doubtful_where_the_clocks_change() -> None:
    # Berlin: 2026-10-25 03:00 CEST is 02:00 CET, so 02:30 is twice; 2026-03-29 02:30 is never.
    days = ("2026-10-25T02:30", "2026-03-29T02:30", "2026-10-25T03:30")
    twice, never, once = map(datetime.fromisoformat, days)
    assert local_ms(twice, BERLIN) == (ms_of(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)), False)
    assert local_ms(never, BERLIN) == (ms_of(datetime(2026, 3, 29, 1, 30, tzinfo=UTC)), False)
    assert local_ms(once, BERLIN) == (ms_of(datetime(2026, 10, 25, 2, 30, tzinfo=UTC)), True)


@pytest.mark.parametrize(
    "text", ["1795386195", "1795386195000", "2026-11-22T23:23:15", "2026-11-22T22:23:15Z", "2026-11-23T00:23:15+02:00"]
)
def test_a_time_can_be_typed_in_every_usual_form(text: str) -> None:
    assert parse_moment(text, BERLIN) == AT_MS


def test_what_is_no_time_is_refused_with_a_form_that_works() -> None:
    with pytest.raises(BadRequest, match="ISO 8601"):
        parse_moment("yesterday-ish", UTC)


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("Sun Nov 22 22:23:15 2026", 15),
        ("Sun Nov 22 22:23:60 2026\n", 59),
        ("Sun Nov 22 22:23:61 2026", None),
        ("Sun Feb 31 22:23:15 2026", None),
        ("Sun Nob 22 22:23:15 2026", None),
        ("Sun Nov 22 22:23 2026", None),
    ],
)
def test_ctime_is_read_whatever_the_locale_and_only_if_a_calendar_has_it(text: str, second: int | None) -> None:
    moment = ctime(text)
    assert (moment and (moment.isoformat()[:16], moment.second)) == (second and ("2026-11-22T22:23", second))

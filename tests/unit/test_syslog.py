"""Syslog text: both kinds of stamp, years, ids, lines that go on, and what is no syslog."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from unit.importing import NOW_MS, ORIGIN
from weft.base.errors import BadInput
from weft.base.formats import Origin
from weft.base.intervals import ms_of
from weft.logs import syslog
from weft.logs.store import LogLine, Place


def read(text: str, origin: Origin = ORIGIN) -> tuple[LogLine, ...]:
    return syslog.parse(text, origin).value


def ms(text: str) -> int:
    return ms_of(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("line", "at", "host", "program", "severity", "message", "pid"),
    [
        ("Nov 22 22:23:15 node003 kernel: mlx5_core 0000:3b:00.0: Link down", "2026-11-22T22:23:15+00:00", "node003",
         "kernel", "", "mlx5_core 0000:3b:00.0: Link down", ""),
        ("Nov  2 02:03:04 node003 sshd[812]: Accepted", "2026-11-02T02:03:04+00:00", "node003", "sshd", "", "Accepted",
         "812"),
        ("<3>Nov 22 22:23:15 n1 kernel: x", "2026-11-22T22:23:15+00:00", "n1", "kernel", "err", "x", ""),
        ("<165>Nov 22 22:23:15 n1 app: x", "2026-11-22T22:23:15+00:00", "n1", "app", "notice", "x", ""),
        ("<999>Nov 22 22:23:15 n1 app: x", "2026-11-22T22:23:15+00:00", "n1", "app", "", "x", ""),
        ("2026-11-22T22:23:15.123456+01:00 node003.site slurmd[9]: x: y", "2026-11-22T22:23:15.123+01:00",
         "node003.site", "slurmd", "", "x: y", "9"),
        ("2026-11-22T22:23:15+0100 n1 systemd[1]: Start", "2026-11-22T21:23:15+00:00", "n1", "systemd", "", "Start",
         "1"),
        ("2026-11-22T22:23:15Z n1 kernel:", "2026-11-22T22:23:15+00:00", "n1", "kernel", "", "", ""),
        ("Nov 22 22:23:15 n1 last message repeated 3 times", "2026-11-22T22:23:15+00:00", "n1", "", "",
         "last message repeated 3 times", ""),
        ("Nov 22 22:23:15 n1 opensm-daemon[7][x]: y", "2026-11-22T22:23:15+00:00", "n1", "", "",
         "opensm-daemon[7][x]: y", ""),
        ("Nov 22 22:23:15 fe80::1 müller: größe", "2026-11-22T22:23:15+00:00", "fe80::1", "müller", "", "größe", ""),
        ("Nov 22 2024 22:23:15 n1 app: x", "2024-11-22T22:23:15+00:00", "n1", "app", "", "x", ""),
        ("2024 Nov 22 22:23:15 n1 app: x", "2024-11-22T22:23:15+00:00", "n1", "app", "", "x", ""),
        ("Nov 22 2024 22:23:15.250 +02:00 n1 app: x", "2024-11-22T20:23:15.250+00:00", "n1", "app", "", "x", ""),
        ("Nov 22 22:23:15 UTC n1 app: x", "2026-11-22T22:23:15+00:00", "n1", "app", "", "x", ""),
    ],
)  # fmt: skip
def test_a_line_is_taken_apart(
    line: str, at: str, host: str, program: str, severity: str, message: str, pid: str
) -> None:
    (told,) = read(line + "\n")
    own = {"pid": pid} if pid else {}
    assert told == LogLine(told.id, ms(at), host, program, severity, message, "syslog", 0, own)


def test_a_stamp_with_year_and_zone_is_dated_and_reads_so_in_any_zone() -> None:
    tokyo = replace(ORIGIN, zone=ZoneInfo("Asia/Tokyo"))
    assert read("Nov 22 2024 22:23:15 UTC n1 a: x\n", tokyo)[0].at_ms == ms("2024-11-22T22:23:15+00:00")
    assert read("Nov 22 22:23:15 UTC n1 a: x\n", tokyo)[0].at_ms == ms("2026-11-22T22:23:15+00:00")
    assert syslog.parse("Nov 22 2024 22:23:15 n1 a: x\n", ORIGIN).dated
    assert not syslog.parse("Nov 22 22:23:15 UTC n1 a: x\n", ORIGIN).dated


def test_the_same_line_again_has_the_same_id_and_equal_lines_have_their_own() -> None:
    text = "Nov 22 22:23:15 n1 a: x\nNov 22 22:23:15 n1 a: x\nNov 22 22:23:16 n1 a: x\n"
    first, again = read(text), read(text)
    assert [line.id for line in first] == [line.id for line in again]
    assert len({line.id for line in first}) == 3
    longer = read(text + "Nov 22 22:23:15 n1 a: x\n")
    assert [line.id for line in longer[:3]] == [line.id for line in first]


def test_a_line_that_goes_on_belongs_to_the_one_before_and_keeps_its_id() -> None:
    head = "Nov 22 22:23:15 n1 a: Call Trace\n"
    (told,) = read(f"{head}\tframe 1\n  frame 2\n")
    assert told.message == "Call Trace\n\tframe 1\n  frame 2"
    assert told.id == read(head)[0].id


@pytest.mark.parametrize(
    ("seen", "stamp", "year"),
    [
        ("2026-11-23T00:00:00+00:00", "Nov 22", 2026),
        ("2026-11-23T00:00:00+00:00", "Nov 23", 2026),
        ("2026-11-23T00:00:00+00:00", "Nov 25", 2025),  # more than a day ahead: a year ago
        ("2026-11-23T00:00:00+00:00", "Dec 31", 2025),
        ("2027-01-02T00:00:00+00:00", "Dec 31", 2026),
        ("2026-12-31T23:30:00+00:00", "Jan  1", 2027),
        ("2026-11-23T00:00:00+00:00", "Feb 29", 2024),
        ("2104-02-28T00:00:00+00:00", "Feb 29", 2096),  # 2100 is no leap year
    ],
)
def test_a_stamp_without_year_gets_the_latest_up_to_a_day_ahead(seen: str, stamp: str, year: int) -> None:
    origin = replace(ORIGIN, told_ms=ms(seen))
    (told,) = read(f"{stamp} 12:00:00 n1 a: x\n", origin)
    assert datetime.fromtimestamp(told.at_ms / 1000, UTC).year == year
    assert not syslog.parse(f"{stamp} 12:00:00 n1 a: x\n", origin).dated


BERLIN = replace(ORIGIN, zone=ZoneInfo("Europe/Berlin"))
"""25 Oct 2026: 02:00 to 03:00 comes twice, at 00:00Z and at 01:00Z. 29 Mar 2026: it is skipped."""


def at(times: str, origin: Origin = BERLIN) -> list[str]:
    """UTC clocks of lines at these local times of 25 Oct 2026."""
    text = "".join(f"Oct 25 {time} n1 a: x\n" for time in times.split())
    return [f"{datetime.fromtimestamp(line.at_ms / 1000, UTC):%H:%M}" for line in read(text, origin)]


def test_stamps_without_zone_are_local() -> None:
    assert read("Nov 22 22:23:15 n1 a: x\n", BERLIN)[0].at_ms == ms("2026-11-22T21:23:15+00:00")
    assert at("01:59:59 03:00:00") == ["23:59", "02:00"]


def test_the_hour_that_comes_twice_is_told_apart_where_the_clock_goes_back() -> None:
    assert at("01:50:00 02:10:00 02:55:00 02:05:00 02:50:00 03:10:00") == "23:50 00:10 00:55 01:05 01:50 02:10".split()
    assert at("02:55:00 02:53:00 02:01:00") == "00:55 00:53 01:01".split(), "two minutes back are no change of clocks"


def test_the_hour_that_comes_twice_is_refused_when_nothing_tells_which_is_meant() -> None:
    with pytest.raises(BadInput, match="came twice that day, as the clocks were put back") as caught:
        at("01:50:00 02:10:00 03:10:00")
    assert caught.value.line == 2
    assert caught.value.fix.startswith("Give --seen-at: no line is later than that")


def test_seen_at_tells_which_hour_is_meant_where_it_can() -> None:
    first, both = ms("2026-10-25T00:40:00+00:00"), ms("2026-10-26T00:00:00+00:00")
    assert at("01:50:00 02:10:00", replace(BERLIN, told_ms=first)) == ["23:50", "00:10"]
    assert syslog.parse("Oct 25 02:10:00 n1 a: x\n", replace(BERLIN, told_ms=first)).notices == ()
    later = syslog.parse("Oct 25 02:10:00 n1 a: x\nOct 25 02:20:00 n1 a: x\n", replace(BERLIN, told_ms=both))
    assert [line.at_ms for line in later.value] == [ms("2026-10-25T00:10:00+00:00"), ms("2026-10-25T00:20:00+00:00")]
    assert later.notices == ("2 lines in an hour that came twice, first line 1; the first is taken.",)


def test_a_time_that_no_clock_showed_is_told() -> None:
    reading = syslog.parse("Mar 29 02:30:00 n1 a: x\n", BERLIN)
    assert reading.value[0].at_ms == ms("2026-03-29T01:30:00+00:00")
    assert reading.notices == (
        "1 line in an hour that a change of clocks skips, first line 1: see the setting site.timezone.",
    )


def test_lines_of_one_second_keep_the_order_they_were_written_in() -> None:
    text = "".join(f"Nov 22 22:23:15 n1 kernel: {word}\n" for word in "BUG Call Trace RIP".split())
    lines = read(text + "Nov 22 22:23:16 n1 kernel: end\n")
    assert [(line.message, line.seq) for line in lines] == [
        ("BUG", 0),
        ("Call", 1),
        ("Trace", 2),
        ("RIP", 3),
        ("end", 0),
    ]
    assert [
        line.message for line in sorted(lines, key=lambda one: Place.of(one).order)
    ] == "end RIP Trace Call BUG".split()


def test_stamps_with_zone_need_no_time_from_outside() -> None:
    assert syslog.parse("2026-11-22T22:23:15+01:00 n1 a: x\n", ORIGIN).dated


def test_lines_of_another_form_are_left_out_and_the_first_is_told() -> None:
    good = [f"Nov 22 22:23:15 n1 a: {word}" for word in "xyz"]
    text = "\n".join([good[0], "-- Boot 7 --", *good[1:], "", "Nov 31 00:00:00 n1 a: q", ""])
    reading = syslog.parse(text, ORIGIN)
    assert [line.message for line in reading.value] == ["x", "y", "z"]
    assert reading.notices == ("2 lines of another form left out, first line 2: '-- Boot 7 --'.",)
    assert reading.found == "3 lines of 1 host"


def test_a_last_line_without_end_is_left_out() -> None:
    reading = syslog.parse("Nov 22 22:23:15 n1 a: x\nNov 22 22:23:16 n1 a: hal", ORIGIN)
    assert [line.message for line in reading.value] == ["x"]
    assert reading.notices == ("The last line has no end yet and was left out.",)


def test_a_file_of_mostly_other_lines_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        read("Nov 22 22:23:15 n1 a: x\nhello\nworld\n")
    assert (caught.value.line, "2 of 3 lines are not" in str(caught.value)) == (2, True)
    with pytest.raises(BadInput, match="only line has no end"):
        read("Nov 22 22:23:15 n1 a: x")


def test_a_very_long_message_is_cut_and_told() -> None:
    text = "Nov 22 22:23:15 n1 a: " + "x" * 200_000 + "\n" + "\tmore\n" * 10
    reading = syslog.parse(text, ORIGIN)
    assert len(reading.value[0].message) == 65_536
    assert reading.notices == ("1 message cut to 65,536 characters, the first ends at line 11.",)


def test_what_was_seen_long_ago_is_no_trouble() -> None:
    with pytest.raises(BadInput):
        read("Nov 22 22:23:15 n1 a: x\n", replace(ORIGIN, told_ms=0))  # before 1970 there is no log
    assert len(read("2026-11-22T22:23:15Z n1 a: x\n", replace(ORIGIN, told_ms=0))) == 1


@pytest.mark.parametrize(
    "head",
    [
        "",
        "\n\n",
        "hello\nworld\n",
        "2026-11-22 22:23:15 INFO started\n",
        "2026-11-22T22:23:15 INFO started\n",
        "[2026-11-22T22:49:19.530] error: Configured MailProg is invalid\n",
        "Nov 22 22:23:12 510430 [9EDDF740] 0x43 -> OpenSM 3.3.23\n",
        "Nov 22 22:23:12 n1 a: x\nhello\nworld\n",
        "\tat java\n\tat java\n",
    ],
)
def test_what_is_no_syslog_is_not_taken_for_one(head: str) -> None:
    assert not syslog.recognise(head)


def test_no_sample_of_another_tool_is_taken_for_syslog(data: Path) -> None:
    for path in sorted(data.rglob("*")):
        if path.is_file():
            assert not syslog.recognise(path.read_text(errors="replace")[:65536]), path


def test_a_head_that_ends_within_a_line_is_recognised() -> None:
    assert syslog.recognise("Nov 22 22:23:15 n1 a: x\n\tmore\nNov 22 22:2")
    assert syslog.recognise("Nov 22 22:23:15 n1 a: x\n")


def test_a_day_is_a_day() -> None:
    assert read("Nov 24 00:00:00 n1 a: x\n")[0].at_ms == NOW_MS + 86_400_000
    assert read("Nov 24 00:00:01 n1 a: x\n")[0].at_ms == ms("2025-11-24T00:00:01+00:00")

"""RFC 5424: the RFC's own examples, structured data as fields, and what is none of it."""

from datetime import datetime

import pytest

from unit.importing import ORIGIN
from weft.base.errors import BadInput
from weft.base.intervals import ms_of
from weft.logs import rfc5424, syslog
from weft.logs.store import LogLine

EVENT = '[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"]'
EXAMPLES = f"""\
<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed for lonvick on /dev/pts/8
<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.
<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 {EVENT} \ufeffAn application event log entry...
<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 {EVENT}[examplePriority@32473 class="high"]
"""
"""Section 6.5, examples 1 to 4; the BOM is written out."""


def ms(text: str) -> int:
    return ms_of(datetime.fromisoformat(text))


def test_the_examples_of_the_rfc() -> None:
    reading = rfc5424.parse(EXAMPLES, ORIGIN)
    event = {"msgid": "ID47", "exampleSDID@32473.iut": "3", "exampleSDID@32473.eventSource": "Application",
             "exampleSDID@32473.eventID": "1011"}  # fmt: skip
    expected = [
        ("2003-10-11T22:14:15.003Z", "mymachine.example.com", "su", "crit",
         "'su root' failed for lonvick on /dev/pts/8", 0, {"msgid": "ID47"}),
        ("2003-08-24T05:14:15.000-07:00", "192.0.2.1", "myproc", "notice", "%% It's time to make the do-nuts.", 0,
         {"pid": "8710"}),
        ("2003-10-11T22:14:15.003Z", "mymachine.example.com", "evntslog", "notice",
         "An application event log entry...", 1, event),
        ("2003-10-11T22:14:15.003Z", "mymachine.example.com", "evntslog", "notice", "", 2,
         event | {"examplePriority@32473.class": "high"}),
    ]  # fmt: skip
    assert list(reading.value) == [
        LogLine(line.id, ms(at), host, program, severity, message, "syslog 5424", seq, own)
        for line, (at, host, program, severity, message, seq, own) in zip(reading.value, expected, strict=True)
    ]
    assert (reading.found, reading.dated, reading.notices) == ("4 lines of 2 hosts", True, ())


def own(structured: str) -> dict[str, object]:
    (line,) = rfc5424.parse(f"<34>1 2026-11-22T22:23:15Z n1 app - - {structured} x\n", ORIGIN).value
    assert line.message == "x"
    return dict(line.fields)


def test_structured_data_may_quote_and_repeat() -> None:
    assert own(r'[a@1 b="say \"no\" \\ \] \n"]') == {"a@1.b": r'say "no" \ ] \n'}
    assert own('[a@1 b="x]y"]') == {"a@1.b": "x]y"}, "not every sender knows that ] wants a backslash"
    assert own('[a@1 ip="1" ip="2"]') == {"a@1.ip": "1, 2"}
    assert own("[a@1]") == {}
    assert own('[a@1 b=""][c d="é"]') == {"a@1.b": "", "c.d": "é"}


def test_what_is_nothing_stays_unknown() -> None:
    (line,) = rfc5424.parse("<34>1 2026-11-22T22:23:15Z - - - - -\n", ORIGIN).value
    assert (line.host, line.program, line.message, dict(line.fields)) == ("", "", "", {})


def test_a_line_that_goes_on_belongs_to_the_one_before() -> None:
    (line,) = rfc5424.parse("<34>1 2026-11-22T22:23:15Z n1 app - - - trace\n\tat x\n", ORIGIN).value
    assert line.message == "trace\n\tat x"


@pytest.mark.parametrize(
    "line",
    [
        "<34>1 - n1 app - - - no time of its own",
        "<34>2 2026-11-22T22:23:15Z n1 app - - - another version",
        "<192>1 2026-11-22T22:23:15Z n1 app - - - no such priority",
        "<34>1 2026-11-31T22:23:15Z n1 app - - - no such day",
        "<34>1 2026-11-22T22:23:15Z n1 app - - [a b] x",
        '<34>1 2026-11-22T22:23:15Z n1 app - - [a@1 b="x"]y',
        '<34>1 2026-11-22T22:23:15Z n1 app - - [a@1 b="x y',
        "<34>1 2026-11-22T22:23:15Z n1 app - - x",
    ],
)
def test_a_line_of_another_form_is_left_out_and_told(line: str) -> None:
    good = "<34>1 2026-11-22T22:23:15Z n1 app - - - x\n"
    reading = rfc5424.parse(good + line + "\n", ORIGIN)
    assert [one.message for one in reading.value] == ["x"]
    assert reading.notices[0].startswith("1 line of another form left out, first line 2: '<")
    with pytest.raises(BadInput, match="<34>1 2026-11-22T22:23:15Z host app - - - text` was expected"):
        rfc5424.parse(line + "\n", ORIGIN)


def test_it_is_known_by_its_lines_and_not_taken_for_the_older_syslog() -> None:
    assert rfc5424.recognise(EXAMPLES)
    assert not syslog.recognise(EXAMPLES)
    assert not rfc5424.recognise("<34>Nov 22 22:23:15 n1 app: x\n")
    assert not rfc5424.recognise("")

"""JSON lines: of Elastic's shippers, journald, Docker and programs that log JSON; times of every kind; fields."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from unit.importing import NOW_MS, ORIGIN
from weft.base.errors import BadInput
from weft.base.intervals import ms_of
from weft.logs import ndjson
from weft.logs.store import LogLine


def read(*objects: dict[str, Any]) -> tuple[LogLine, ...]:
    return ndjson.parse("".join(json.dumps(one) + "\n" for one in objects), ORIGIN).value


def ms(text: str) -> int:
    return ms_of(datetime.fromisoformat(text))


AT = "2026-11-22T22:23:15.250Z"


@pytest.mark.parametrize(
    ("told", "host", "program", "severity", "message", "own"),
    [
        # filebeat and ECS loggers
        ({"@timestamp": AT, "host": {"name": "n1", "os": {"type": "linux"}}, "log": {"level": "ERROR"},
          "process": {"name": "sshd", "pid": 7}, "message": "x", "tags": ["a", "b"]},
         "n1", "sshd", "err", "x", {"host.os.type": "linux", "process.pid": 7, "tags": '["a","b"]'}),
        # journalctl -o json
        ({"__REALTIME_TIMESTAMP": "1795386195250000", "_HOSTNAME": "n1", "PRIORITY": "4", "SYSLOG_IDENTIFIER": "kernel",
          "MESSAGE": "x", "_PID": "812"}, "n1", "kernel", "warning", "x", {"_PID": "812"}),
        ({"__REALTIME_TIMESTAMP": "1795386195250000", "MESSAGE": [195, 182, 255]}, "", "", "", "ö\ufffd", {}),
        # Docker's json-file
        ({"log": "x\n", "stream": "stderr", "time": "2026-11-22T22:23:15.250123456Z"}, "", "", "", "x",
         {"stream": "stderr"}),
        # zap, logrus, pino, Python's loggers
        ({"level": "info", "ts": 1795386195.25, "logger": "api", "msg": "x", "took": 0.5, "ok": True, "err": None},
         "", "api", "info", "x", {"took": 0.5, "ok": True}),
        ({"level": 30, "time": 1795386195250, "hostname": "n1", "msg": "x"}, "n1", "", "", "x", {"level": 30}),
        ({"timestamp": AT, "levelname": "CRITICAL", "message": "x", "host": "N1.site"}, "N1.site", "", "crit", "x", {}),
        ({"timestamp": AT, "message": "x", "severity": "shrug"}, "", "", "", "x", {"severity": "shrug"}),
        ({"timestamp": AT, "message": {"text": "y"}, "msg": "x"}, "", "", "", "x", {"message.text": "y"}),
        ({"timestamp": AT, "message": "", "msg": "x"}, "", "", "", "x", {"message": ""}),
    ],
)  # fmt: skip
def test_members_are_known_by_the_names_that_programs_give_them(
    told: dict[str, Any], host: str, program: str, severity: str, message: str, own: dict[str, Any]
) -> None:
    (line,) = read(told)
    assert line == LogLine(line.id, ms(AT), host, program, severity, message, "ndjson", 0, own)


@pytest.mark.parametrize(
    ("told", "at"),
    [
        ("2026-11-22T22:23:15+01:00", "2026-11-22T21:23:15Z"),
        ("2026-11-22 22:23:15", "2026-11-22T22:23:15Z"),
        (1795386195, "2026-11-22T22:23:15Z"),
        ("1795386195", "2026-11-22T22:23:15Z"),
        (1795386195.1234, "2026-11-22T22:23:15.123Z"),
        (1795386195123, "2026-11-22T22:23:15.123Z"),
        (1795386195123456, "2026-11-22T22:23:15.123Z"),
        (1795386195123456789, "2026-11-22T22:23:15.123Z"),
    ],
)
def test_a_time_may_be_a_text_or_a_number_of_any_unit(told: object, at: str) -> None:
    assert read({"time": told, "msg": "x"})[0].at_ms == ms(at)


def test_a_time_without_zone_is_the_sites_and_an_hour_that_comes_twice_is_refused() -> None:
    berlin = replace(ORIGIN, zone=ZoneInfo("Europe/Berlin"))
    line = '{"time": "2026-11-22T22:23:15", "msg": "x"}\n'
    assert ndjson.parse(line, berlin).value[0].at_ms == ms("2026-11-22T21:23:15Z")
    with pytest.raises(BadInput, match="came twice that day"):
        ndjson.parse('{"time": "2026-10-25T02:30:00", "msg": "x"}\n', berlin)


def test_too_many_fields_are_left_out_and_told() -> None:
    many = {f"f{n}": n for n in range(60)}
    text = json.dumps({"time": AT, "msg": "x"}) + "\n" + json.dumps({"time": AT, "msg": "y"} | many) + "\n"
    reading = ndjson.parse(text, ORIGIN)
    assert reading.value[1].fields == {f"f{n}": n for n in range(50)}
    assert reading.notices == (
        "1 line with more than 50 fields, or too long ones: the rest was left out, first line 2.",
    )


@pytest.mark.parametrize(
    "line",
    ["hello", "[1]", "{", '{"msg": "no time"}', f'{{"time": "{AT}"}}', '{"time": "soon", "msg": "x"}', "{}",
     '{"time": true, "msg": "x"}', '{"time": [1], "msg": "x"}', '{"time": -5, "msg": "x"}',
     '{"time": 1e300, "msg": "x"}',
     '{"time": "2026-11-22T22:23:15Z", "msg": "\\ud800"}'],
)  # fmt: skip
def test_a_line_that_is_no_log_line_is_left_out_and_told(line: str) -> None:
    reading = ndjson.parse(f'{{"time": "{AT}", "msg": "x"}}\n{line}\n', ORIGIN)
    assert [one.message for one in reading.value] == ["x"]
    assert reading.notices[0].startswith("1 line of another form left out, first line 2: ")
    with pytest.raises(BadInput, match="an object with a time and a message"):
        ndjson.parse(line + "\n", ORIGIN)


def test_objects_in_objects_without_end_are_read_to_a_depth() -> None:
    deep: dict[str, Any] = {"z": 1}
    for _ in range(20):
        deep = {"a": deep}
    (line,) = read({"time": NOW_MS, "msg": "x", "deep": deep})
    ((name, value),) = line.fields.items()
    assert name == "deep.a.a.a.a.a.a.a.a"
    assert isinstance(value, str)
    assert value.startswith('{"a":{"a":')


def test_it_is_known_by_its_first_line() -> None:
    assert ndjson.recognise(f'{{"time": "{AT}", "msg": "x"}}\n{{"cut')
    assert ndjson.recognise(f'{{"time": "{AT}", "msg": "x"}}')
    for head in (
        "",
        "{",
        '{\n  "meta": {}\n',
        '{"meta": {}, "jobs": []}',
        f'{{"time": "{AT}"}}',
        "[1]\n",
        '{"msg": "x"}\n',
    ):
        assert not ndjson.recognise(head), head


def test_a_lines_own_fields_may_lie_below_fields_and_a_message_be_empty() -> None:
    told = ndjson.hear(
        '{"@timestamp":"2026-11-22T22:00:00Z","message":"","fields":{"pid":"7","rack":{"row":2}},"fields.x":1}'
    )
    assert told is not None
    assert (told.message, told.own) == ("", {"pid": "7", "rack.row": 2, "x": 1})

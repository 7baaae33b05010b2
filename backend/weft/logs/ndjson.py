"""Log lines as JSON, one object a line: what Elastic's shippers, journald (`journalctl -o json`), Docker and most
programs with structured logs write.

Time, host, program, severity and message are taken from the first member that each is known by; the rest become the
line's own fields, members of members with a dot between, lists as JSON. Those below `fields`, where Filebeat and Weft
itself put a line's own, lose that head.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from weft.base.formats import Format, Origin, Reading
from weft.base.intervals import ms_of
from weft.logs.fields import own_name
from weft.logs.reading import Heard, read_lines
from weft.logs.severity import severity_of
from weft.logs.store import LogLine
from weft.logs.terms import text_of

TIME = ("@timestamp", "timestamp", "time", "ts", "date", "__REALTIME_TIMESTAMP")
MESSAGE = ("message", "msg", "MESSAGE", "log", "event.original")
HOST = ("host", "host.name", "host.hostname", "hostname", "_HOSTNAME")
PROGRAM = ("program", "process.name", "app", "appname", "service.name", "SYSLOG_IDENTIFIER", "_COMM", "logger")
SEVERITY = ("severity", "level", "log.level", "loglevel", "levelname", "log.syslog.severity.code", "PRIORITY")
"""Members by which each is known, the most telling first, members of members with a dot between."""

DEEPEST = 8
"""Objects in objects; what lies deeper stays JSON."""


def recognise(head: str) -> bool:
    """True when the first line is an object with a time and a message."""
    first, end, _ = head.lstrip("\n").partition("\n")
    told = _object(first) if end or first.endswith("}") else None
    return told is not None and _first(told, TIME) is not None and _first(told, MESSAGE) is not None


def parse(text: str, origin: Origin) -> Reading[tuple[LogLine, ...]]:
    """Read every line.

    Raises:
        BadInput: more than half of the lines are none, or a time may mean two hours.
    """
    return read_lines(
        text,
        origin,
        hear,
        source=FORMAT.name,
        expected='an object with a time and a message (`{"@timestamp": "2026-11-22T22:23:15Z", "message": "text"}`)',
        goes_on=False,
    )


def hear(line: str) -> Heard | None:
    """What an object says; None: it is none, or without a time or a message (which may be empty)."""
    told = _object(line)
    if told is None:
        return None
    time = _first(told, TIME)
    message = _first(told, MESSAGE) or next((name for name in MESSAGE if told.get(name) == ""), None)
    when = _when(told[time]) if time is not None else None
    if when is None or message is None:
        return None
    host, program, severity = (_first(told, names) for names in (HOST, PROGRAM, SEVERITY))
    word = severity_of(told[severity]) if severity is not None else ""
    # What is no severity that anybody knows is not thrown away.
    used = {time, message, host, program, severity if word else None}
    return Heard(
        when,
        "" if host is None else _text(told[host]),
        "" if program is None else _text(told[program]),
        word,
        _text(told[message]),
        {own_name(name): _own(value) for name, value in told.items() if name not in used},
    )


def _object(line: str) -> dict[str, Any] | None:
    """A line's members, flat; None: it is no JSON object."""
    if not line.startswith("{"):
        return None
    try:
        told = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(told, dict):
        return None
    flat: dict[str, Any] = {}
    _flatten(told, "", 0, flat)
    return flat


def _flatten(members: Mapping[str, Any], head: str, depth: int, flat: dict[str, Any]) -> None:
    for name, value in members.items():
        if isinstance(value, dict) and depth < DEEPEST:
            _flatten(value, f"{head}{name}.", depth + 1, flat)
        else:
            flat[head + name] = value


def _first(told: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """The first of these members that says something."""
    for name in names:
        if told.get(name) not in (None, ""):
            return name
    return None


def _own(value: Any) -> Any:
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else value


def _when(told: Any) -> int | datetime | None:
    """Epoch ms, or a wall clock; None: it is no time. A number counts s, ms, us or ns, as its size tells since 1973."""
    try:
        if isinstance(told, str) and not told.isdecimal():
            moment = datetime.fromisoformat(told)
            return moment if moment.tzinfo is None else ms_of(moment)
        if isinstance(told, bool | list):
            return None
        number = int(told) if isinstance(told, str) else told
    except ValueError:
        return None
    if abs(number) < 1e11:
        return round(number * 1000)
    return int(number if abs(number) < 1e14 else number // 1000 if abs(number) < 1e17 else number // 1_000_000)


def _text(told: Any) -> str:
    """A member as a text; journald gives a message that is no UTF-8 as a list of bytes."""
    if isinstance(told, str):
        return told.removesuffix("\n")
    if isinstance(told, list):
        try:
            return bytes(told).decode("utf-8", "replace")
        except (TypeError, ValueError):
            return orjson.dumps(told).decode()
    return text_of(told)


FORMAT: Format[tuple[LogLine, ...]] = Format("ndjson", "log lines as JSON objects", recognise, parse)

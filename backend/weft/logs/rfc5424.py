"""Syslog as RFC 5424 has it, a line a message: rsyslog's RSYSLOG_SyslogProtocol23Format, syslog-ng's `syslog()` files.

`<34>1 2026-11-22T22:23:15.003Z node003 su 812 ID47 [exampleSDID@32473 iut="3"] text` (section 6). Structured data
become fields called `exampleSDID@32473.iut`, PROCID the field `pid`, MSGID the field `msgid`; `-` is nothing. A line
without a time of its own has no place in a log and is left out.
"""

import re
from datetime import datetime

from weft.base.formats import Format, Origin, Reading
from weft.base.intervals import ms_of
from weft.logs.reading import Heard, read_lines
from weft.logs.severity import SEVERITIES
from weft.logs.store import LogLine

_LINE = re.compile(
    r"(?a)<(?P<pri>\d{1,3})>1 (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)) "
    r"(?P<host>\S{1,255}) (?P<program>\S{1,48}) (?P<pid>\S{1,128}) (?P<msgid>\S{1,32}) (?P<rest>[-\[].*)"
)
_VALUE = r'"(?:[^"\\]|\\.)*"'
"""The RFC wants a backslash before `]` as well, which not every sender knows."""
_ELEMENT = re.compile(rf'\[(?P<id>[^\s="\]]{{1,32}})(?P<params>(?: [^\s="\]]{{1,32}}={_VALUE})*)\]')
_PARAM = re.compile(rf' (?P<name>[^\s="\]]{{1,32}})=(?P<value>{_VALUE})')
_ESCAPED = re.compile(r'\\(["\\\]])')


def recognise(head: str) -> bool:
    """True when one of the first lines is of this form, and most are or go on from one."""
    lines = [line for line in head.split("\n")[:200] if line]
    if len(lines) > 1 and not head.endswith("\n"):
        lines.pop()  # the head of a file ends anywhere
    good = sum(_LINE.fullmatch(line) is not None for line in lines)
    return good > 0 and 2 * (good + sum(line[0] in " \t" for line in lines)) > len(lines)


def parse(text: str, origin: Origin) -> Reading[tuple[LogLine, ...]]:
    """Read every line. Raises BadInput: more than half of the lines are none."""
    return read_lines(
        text, origin, _hear, source=FORMAT.name, expected="`<34>1 2026-11-22T22:23:15Z host app - - - text`"
    )


def _hear(line: str) -> Heard | None:
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    structured = _structured(match["rest"])
    priority = int(match["pri"])
    if structured is None or priority > 191:
        return None
    try:
        when = ms_of(datetime.fromisoformat(match["time"]))
    except ValueError:
        return None
    fields, message = structured
    own = {name: value for name, value in (("pid", match["pid"]), ("msgid", match["msgid"])) if value != "-"} | fields
    host, program = ("" if match[part] == "-" else match[part] for part in ("host", "program"))
    return Heard(when, host, program, SEVERITIES[priority % 8], message, own)


def _structured(rest: str) -> tuple[dict[str, str], str] | None:
    """Structured data as fields, and the message behind them; None: they are not as the RFC has them."""
    told: dict[str, list[str]] = {}
    at = 1 if rest[0] == "-" else 0
    while element := _ELEMENT.match(rest, at):
        for param in _PARAM.finditer(element["params"]):
            # A parameter may be said several times (section 6.3.3).
            values = told.setdefault(f"{element['id']}.{param['name']}", [])
            values.append(_ESCAPED.sub(r"\1", param["value"][1:-1]))
        at = element.end()
    if not at or rest[at : at + 1] not in ("", " "):
        return None
    return {name: ", ".join(values) for name, values in told.items()}, rest[at + 1 :].removeprefix("\ufeff")


FORMAT: Format[tuple[LogLine, ...]] = Format("syslog 5424", "a syslog text of RFC 5424", recognise, parse)

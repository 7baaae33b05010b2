"""The log files of slurmctld, slurmd and slurmdbd.

`[2026-11-22T22:49:19.530] error: Node node17 not responding`: with LogTimeFormat iso8601 and iso8601_ms the machine's
own clock without zone, with rfc5424 and rfc5424_ms the zone too. The text does not say which host wrote it; a file that
is named after its host (`SlurmdLogFile=/var/log/slurm/slurmd.%n.log`) does. `[10.batch]` before the text is a job's
step. A job that a line names (`JobId=10`, `[10.batch]`) is its field `job_id`.
"""

import re
from dataclasses import replace
from datetime import datetime

from weft.base.formats import Format, Origin, Reading
from weft.base.intervals import ms_of
from weft.logs.reading import Heard, read_lines
from weft.logs.store import LogLine

LEVELS = {"fatal": "crit", "error": "err", "warning": "warning", "debug": "debug"}
"""Slurm's levels; a line without one is info or verbose."""

_LINE = re.compile(
    r"(?a)\[(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)(?P<zone>Z|[+-]\d\d:?\d\d)?\] "
    r"(?P<message>(?:\[(?P<step>(?P<job>\d+)\.[\w+]+)\] )?(?:(?P<level>fatal|error|warning|debug)\d?: )?.*)"
)
_NO_HOST = (
    "The file does not say which host wrote it: call it slurmd.HOST.log for that, as SlurmdLogFile=slurmd.%n.log does."
)

_JOB = re.compile(r"(?a)\bJobId=(\d+(?:[_+]\d+)?)\b")
_NAMED = re.compile(r"(?a)(?P<program>slurm(?:ctl|db)?d)(?:[._-](?P<host>[A-Za-z\d][\w.-]*?))?\.log(?:[.-].*)?")
_STARTED = re.compile(r"(?a)\] (?P<program>slurm(?:ctl|db)?d) (?:version \d|started)")


def recognise(head: str) -> bool:
    """True when most of the first lines are of this form."""
    lines = [line for line in head.split("\n")[:200] if line]
    if len(lines) > 1 and not head.endswith("\n"):
        lines.pop()  # the head of a file ends anywhere
    return 2 * sum(_LINE.fullmatch(line) is not None for line in lines) > len(lines)


def parse(text: str, origin: Origin) -> Reading[tuple[LogLine, ...]]:
    """Read every line.

    Raises:
        BadInput: more than half of the lines are none, or a time may mean two hours.
    """
    named = _NAMED.fullmatch(origin.name)
    started = _STARTED.search(text)
    program = named["program"] if named else started["program"] if started else "slurm"
    host = named["host"] or "" if named else ""

    def hear(line: str) -> Heard | None:
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        try:
            when = datetime.fromisoformat(match["time"] + (match["zone"] or ""))
        except ValueError:
            return None
        job = match["job"] or ((found := _JOB.search(match["message"])) and found[1])
        own = {name: told for name, told in (("job_id", job), ("step", match["step"])) if told}
        writer = "slurmstepd" if match["step"] else program
        severity = LEVELS.get(match["level"], "info")
        return Heard(ms_of(when) if when.tzinfo else when, host, writer, severity, match["message"], own)

    reading = read_lines(text, origin, hear, source=FORMAT.name, expected="`[2026-11-22T22:49:19.530] text`")
    if host:
        return reading
    return replace(reading, notices=(*reading.notices, _NO_HOST))


FORMAT: Format[tuple[LogLine, ...]] = Format("slurm log", "a log of slurmctld or slurmd", recognise, parse)

"""Syslog text as rsyslog, syslog-ng and journalctl write it to files.

`Nov 22 22:23:15 node003 kernel: text` (RFC 3164 section 4.1, without year and zone; both are read where a daemon adds
them: `Nov 22 2026 22:23:15.250 UTC node003 ...`) or `2026-11-22T22:23:15.123+01:00 node003 sshd[812]: text` (rsyslog's
RSYSLOG_FileFormat, `journalctl -o short-iso`; without a zone it could be the log of any program and is not taken). A
`<PRI>` before either gives the severity, `[812]` behind the program is the field `pid`. A line that begins with a blank
or a tab goes on from the line before.
"""

import re
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from weft.base.formats import Format, Origin, Reading
from weft.base.intervals import datetime_of, local_ms, ms_of, wall_clock
from weft.logs.reading import Heard, read_lines
from weft.logs.severity import SEVERITIES
from weft.logs.store import LogLine

DAY_MS = 86_400_000

_LINE = re.compile(
    r"(?a)(?:<(?P<pri>\d{1,3})>)?"
    r"(?:(?:(?P<before>\d{4}) )?(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?P<day>[ \d]\d)"
    r"(?: (?P<after>\d{4}))? (?P<clock>\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)(?: (?P<zone>UTC|GMT|Z|[+-]\d\d:?\d\d))?"
    r"|(?P<iso>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)))"
    r" (?P<host>(?!\d+ )[A-Za-z\d][\w.:%-]{0,254})(?: (?P<rest>.*))?"
)
_TAG = re.compile(r"(?a)(?P<program>[^\s:\[\]]{1,128})(?:\[(?P<pid>[^\]\s]{0,64})\])?:(?: (?P<message>.*))?")


def recognise(head: str) -> bool:
    """True when most of the first lines are syslog lines or go on from one."""
    lines = [line for line in head.split("\n")[:200] if line]
    if len(lines) > 1 and not head.endswith("\n"):
        lines.pop()  # the head of a file ends anywhere
    good = sum(_LINE.fullmatch(line) is not None for line in lines)
    return good > 0 and 2 * (good + sum(line[0] in " \t" for line in lines)) > len(lines)


def parse(text: str, origin: Origin) -> Reading[tuple[LogLine, ...]]:
    """Read every line. A line without a year gets the latest one that puts it not after a day from when it was seen.

    Raises:
        BadInput: more than half of the lines are none, or a time may mean two hours.
    """
    guessed = False

    @lru_cache(4)  # many lines share a second
    def with_year(month: str, day: str, clock: str) -> datetime | None:
        nonlocal guessed
        guessed = True
        latest_ms = origin.seen_at_ms + DAY_MS
        year = datetime_of(latest_ms, origin.zone).year
        for candidate in range(year, max(year - 9, 0), -1):  # 29 February may be eight years back
            moment = wall_clock(candidate, month, int(day), clock)
            if moment is not None and 0 <= local_ms(moment, origin.zone)[0] <= latest_ms:
                return moment
        return None

    def hear(line: str) -> Heard | None:
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        when = _when(match) if match["iso"] or match["before"] or match["after"] else None
        if when is None and match["month"]:
            when = with_year(match["month"], match["day"], match["clock"])
        if when is None:
            return None
        if isinstance(when, datetime) and match["zone"]:
            when = _in_zone(when, match["zone"])
        rest = match["rest"] or ""
        tag = _TAG.fullmatch(rest)
        priority = int(match["pri"]) if match["pri"] else None
        severity = SEVERITIES[priority % 8] if priority is not None and priority < 192 else ""
        if tag is None:
            return Heard(when, match["host"], "", severity, rest)
        own = {"pid": tag["pid"]} if tag["pid"] else None
        return Heard(when, match["host"], tag["program"], severity, tag["message"] or "", own)

    reading = read_lines(
        text,
        origin,
        hear,
        source=FORMAT.name,
        expected="`Nov 22 22:23:15 host program: text` or `2026-11-22T22:23:15+01:00 host …`",
    )
    return replace(reading, dated=not guessed)


def _when(match: re.Match[str]) -> int | datetime | None:
    """The time of a line that tells the year; None for a date that no year has."""
    if match["iso"]:
        try:
            return ms_of(datetime.fromisoformat(match["iso"]))
        except ValueError:
            return None
    year = int(match["before"] or match["after"])
    return wall_clock(year, match["month"], int(match["day"]), match["clock"])


def _in_zone(moment: datetime, zone: str) -> int:
    offset = zone if zone[0] in "+-" else "Z"
    return ms_of(datetime.fromisoformat(f"{moment.isoformat()}{offset}"))


FORMAT: Format[tuple[LogLine, ...]] = Format("syslog", "a syslog text", recognise, parse)

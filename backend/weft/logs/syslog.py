"""Syslog text as rsyslog, syslog-ng and journalctl write it to files.

`Nov 22 22:23:15 node003 kernel: text` (RFC 3164 section 4.1, without year and zone) or `2026-11-22T22:23:15.123+01:00
node003 sshd[812]: text` (rsyslog's RSYSLOG_FileFormat, `journalctl -o short-iso`; without a zone it could be the log of
any program and is not taken); a `<PRI>` before either gives the severity. A line that begins with a blank or a tab goes
on from the line before.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted, said_aside
from weft.base.intervals import FOREVER_MS, datetime_of, local_ms, ms_of
from weft.logs.store import LogLine

SEVERITIES = "emerg alert crit err warning notice info debug".split()
"""By number, RFC 5424 section 6.2.1."""

LONGEST = 65_536
"""Characters kept of a message; what is longer is cut and said."""

DAY_MS = 86_400_000

AS_WRITTEN = "Give the log as the daemon wrote it."

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_LINE = re.compile(
    r"(?a)(?:<(?P<pri>\d{1,3})>)?"
    r"(?:(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?P<day>[ \d]\d) (?P<clock>\d\d:\d\d:\d\d)"
    r"|(?P<iso>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)))"
    r" (?P<host>(?!\d+ )[A-Za-z\d][\w.:%-]{0,254})(?: (?P<rest>.*))?"
)
_TAG = re.compile(r"(?a)(?P<program>[^\s:\[\]]{1,128})(?:\[[^\]\s]{0,64}\])?:(?: (?P<message>.*))?")


@dataclass(slots=True)
class _Doubts:
    """What the reader should know, counted while lines are read."""

    strange: list[int] = field(default_factory=list)
    twice: list[int] = field(default_factory=list)
    long: list[int] = field(default_factory=list)
    guessed_years: int = 0


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
        BadInput: more than half of the lines are none.
    """
    lines = text.split("\n")
    cut = lines.pop()
    if not lines:
        raise BadInput("its only line has no end.", fix=AS_WRITTEN, line=1)
    doubts = _Doubts()
    kept = tuple(_lines(lines, origin, doubts))
    if 2 * len(doubts.strange) > len(lines):
        number = doubts.strange[0]
        raise BadInput(
            "`Nov 22 22:23:15 host program: text` or `2026-11-22T22:23:15+01:00 host …` was expected, not "
            f"{lines[number - 1][:57]!r}; {len(doubts.strange):,} of {counted(len(lines), 'line')} are not.",
            fix=AS_WRITTEN,
            line=number,
        )
    notices = _tell(doubts, lines, cut) + said_aside(origin.stderr)
    found = counted(len(kept), "line")
    if kept:
        found += f" of {counted(len({line.host for line in kept}), 'host')}"
    return Reading(kept, found, origin.seen_at_ms, doubts.guessed_years == 0, tuple(notices))


def _lines(lines: list[str], origin: Origin, doubts: _Doubts) -> Iterator[LogLine]:
    seen: Counter[str] = Counter()
    waiting: LogLine | None = None
    for number, text in enumerate(lines, 1):
        match = _LINE.fullmatch(text)
        at_ms = _time(match, number, origin, doubts) if match else None
        if match is None or at_ms is None:
            if waiting is not None and text[:1] in (" ", "\t"):
                if len(waiting.message) <= LONGEST:
                    waiting = replace(waiting, message=f"{waiting.message}\n{text}")
            elif text:
                doubts.strange.append(number)
            continue
        if waiting is not None:
            yield _kept(waiting, number - 1, doubts)
        seen[text] += 1
        waiting = _line(match, at_ms, f"{at_ms}\n{text}\n{seen[text]}")
    if waiting is not None:
        yield _kept(waiting, len(lines), doubts)


def _line(match: re.Match[str], at_ms: int, identity: str) -> LogLine:
    rest = match["rest"] or ""
    tag = _TAG.fullmatch(rest)
    priority = int(match["pri"]) if match["pri"] else None
    return LogLine(
        hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32],
        at_ms,
        match["host"],
        tag["program"] if tag else "",
        SEVERITIES[priority % 8] if priority is not None and priority < 192 else "",
        (tag["message"] or "") if tag else rest,
        FORMAT.name,
    )


def _kept(line: LogLine, number: int, doubts: _Doubts) -> LogLine:
    if len(line.message) <= LONGEST:
        return line
    doubts.long.append(number)
    return replace(line, message=line.message[:LONGEST])


def _time(match: re.Match[str], number: int, origin: Origin, doubts: _Doubts) -> int | None:
    """Epoch ms of a line; None for a date that no year has."""
    if match["iso"]:
        try:
            at_ms = ms_of(datetime.fromisoformat(match["iso"]))
        except ValueError:
            return None
        return at_ms if 0 <= at_ms < FOREVER_MS else None
    doubts.guessed_years += 1
    guess_ms, sure = _with_year(match, origin)
    if not sure:
        doubts.twice.append(number)
    return guess_ms


def _with_year(match: re.Match[str], origin: Origin) -> tuple[int | None, bool]:
    latest_ms = origin.seen_at_ms + DAY_MS
    month, day = _MONTHS.index(match["month"]) + 1, int(match["day"])
    year = datetime_of(latest_ms, origin.zone).year
    for candidate in range(year, max(year - 9, 0), -1):  # 29 February may be eight years back
        try:
            moment = datetime.fromisoformat(f"{candidate:04}-{month:02}-{day:02}T{match['clock']}")
        except ValueError:
            continue
        at_ms, sure = local_ms(moment, origin.zone)
        if 0 <= at_ms <= latest_ms:
            return at_ms, sure
    return None, True


def _tell(doubts: _Doubts, lines: list[str], cut: str) -> list[str]:
    notices = []
    if cut:
        notices.append("The last line has no end yet and was left out.")
    if doubts.strange:
        first = f"first line {doubts.strange[0]}: {lines[doubts.strange[0] - 1][:60]!r}"
        notices.append(f"{counted(len(doubts.strange), 'line')} of another form left out, {first}.")
    if doubts.twice:
        notices.append(
            f"{counted(len(doubts.twice), 'line')} in an hour that a change of clocks repeats or skips, first line "
            f"{doubts.twice[0]}; the earlier time is taken."
        )
    if doubts.long:
        first = f"the first ends at line {doubts.long[0]}"
        notices.append(f"{counted(len(doubts.long), 'message')} cut to {LONGEST:,} characters, {first}.")
    return notices


FORMAT: Format[tuple[LogLine, ...]] = Format("syslog", "a syslog text", recognise, parse)

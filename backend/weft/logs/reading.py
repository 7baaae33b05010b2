"""What all formats of log lines share: ids, the order within a millisecond, lines that go on, clocks, and what is told.

A format says of one line of text what it heard there (`Heard`), or that it is no line of its own.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import NamedTuple

from weft.base.errors import BadInput
from weft.base.formats import Origin, Reading, counted, said_aside
from weft.base.intervals import FOREVER_MS, local_ms, ms_of
from weft.logs.fields import MOST_FIELDS, cleaned
from weft.logs.store import NO_FIELDS, FieldValue, LogLine

LONGEST = 65_536
"""Characters kept of a message; what is longer is cut and said."""

BACK_MS = 300_000
"""How much older than the line before a line may well be; when it is older by more, its clock was put back."""

AS_WRITTEN = "Give the log as the daemon wrote it."


class Heard(NamedTuple):
    """What one line says. `when`: epoch ms, or the wall clock (naive) of a line without zone."""

    when: int | datetime
    host: str
    program: str
    severity: str
    message: str
    own: Mapping[str, object] | None = None


@dataclass(slots=True)
class Clock:
    """Wall-clock times of one file, line after line, as instants.

    In the hour that a change of clocks repeats, a file tells by itself which of both it means only where its times go
    back; the lines for which it does not are counted (`doubtful`: the first, and until when at most they can be).
    """

    zone: tzinfo
    told_ms: int | None
    last_ms: int | None = None
    doubtful: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)

    def at_ms(self, when: int | datetime, number: int) -> int:
        """Epoch ms of a line."""
        at_ms = when if isinstance(when, int) else self._local(when, number)
        self.last_ms = at_ms
        return at_ms

    def _local(self, when: datetime, number: int) -> int:
        early_ms, sure = local_ms(when, self.zone)
        if sure:
            return early_ms
        late_ms = ms_of(when.replace(tzinfo=self.zone, fold=1))
        if late_ms < early_ms:  # the hour that is skipped
            self.skipped.append(number)
            return early_ms
        if self.last_ms is not None and early_ms < self.last_ms - BACK_MS:
            self.doubtful.clear()  # the hour begins again here, so what stood before was its first time
            return late_ms
        if self.told_ms is None or late_ms <= self.told_ms:
            self.doubtful.append(number)
        return early_ms

    def settle(self) -> list[str]:
        """Notices. Raises BadInput for times that may mean two hours when nobody said when the file was seen."""
        if self.doubtful and self.told_ms is None:
            raise BadInput(
                "its time came twice that day, as the clocks were put back, and the file does not tell which is meant.",
                fix="Give --seen-at: no line is later than that, and the first is taken where both can be.",
                line=self.doubtful[0],
            )
        notices = []
        if self.doubtful:
            notices.append(
                f"{counted(len(self.doubtful), 'line')} in an hour that came twice, first line {self.doubtful[0]}; the "
                "first is taken."
            )
        if self.skipped:
            notices.append(
                f"{counted(len(self.skipped), 'line')} in an hour that a change of clocks skips, first line "
                f"{self.skipped[0]}: see the setting site.timezone."
            )
        return notices


@dataclass(slots=True)
class _Doubts:
    """What the reader should know, counted while lines are read."""

    strange: list[int] = field(default_factory=list)
    long: list[int] = field(default_factory=list)
    crowded: list[int] = field(default_factory=list)


def read_lines(
    text: str,
    origin: Origin,
    hear: Callable[[str], Heard | None],
    *,
    source: str,
    expected: str,
    goes_on: bool = True,
) -> Reading[tuple[LogLine, ...]]:
    """Read every line of a text.

    Args:
        source: name of the format. expected: what a line looks like, for a refusal.
        goes_on: a line that begins with a blank or a tab belongs to the one before.
    Raises:
        BadInput: more than half of the lines are none, or a time may mean two hours.
    """
    lines = text.split("\n")
    cut = lines.pop()
    if not lines:
        raise BadInput("its only line has no end.", fix=AS_WRITTEN, line=1)
    doubts, clock = _Doubts(), Clock(origin.zone, origin.told_ms)
    kept = tuple(_lines(lines, hear, clock, doubts, source, goes_on))
    if 2 * len(doubts.strange) > len(lines):
        number = doubts.strange[0]
        raise BadInput(
            f"{expected} was expected, not {lines[number - 1][:57]!r}; {len(doubts.strange):,} of "
            f"{counted(len(lines), 'line')} are not.",
            fix=AS_WRITTEN,
            line=number,
        )
    notices = [*_tell(doubts, lines, cut), *clock.settle(), *said_aside(origin.stderr)]
    found = counted(len(kept), "line")
    if hosts := len({line.host for line in kept if line.host}):
        found += f" of {counted(hosts, 'host')}"
    return Reading(kept, found, origin.seen_at_ms, True, tuple(notices))


def _lines(
    lines: list[str],
    hear: Callable[[str], Heard | None],
    clock: Clock,
    doubts: _Doubts,
    source: str,
    goes_on: bool,
) -> Iterator[LogLine]:
    seen: Counter[str] = Counter()
    places: Counter[int] = Counter()
    waiting: LogLine | None = None
    for number, text in enumerate(lines, 1):
        heard = hear(text)
        at_ms = clock.at_ms(heard.when, number) if heard else -1
        if heard is None or not 0 <= at_ms < FOREVER_MS:
            if waiting is not None and goes_on and text[:1] in (" ", "\t"):
                if len(waiting.message) <= LONGEST:
                    waiting = replace(waiting, message=f"{waiting.message}\n{text}")
            elif text:
                doubts.strange.append(number)
            continue
        if waiting is not None:
            yield _whole(waiting, number - 1, doubts)
        own: Mapping[str, FieldValue] = NO_FIELDS
        if heard.own:
            own, lost = cleaned(heard.own.items())
            if lost:
                doubts.crowded.append(number)
        told = identity(at_ms, heard, text, seen)
        waiting = LogLine(
            told, at_ms, heard.host, heard.program, heard.severity, heard.message, source, places[at_ms], own
        )
        places[at_ms] += 1
    if waiting is not None:
        yield _whole(waiting, len(lines), doubts)


def identity(at_ms: int, heard: Heard, text: str, seen: Counter[str]) -> str:
    """The id of a line that brings none: what it says, and how often that was said before (`seen`, counted here)."""
    told = f"{at_ms}\n{heard.host}\n{heard.program}\n{text}"
    found = _digest(told)
    if before := seen[found]:
        found = _digest(f"{told}\n{before}")
    seen[found] += 1
    return found


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _whole(line: LogLine, number: int, doubts: _Doubts) -> LogLine:
    if len(line.message) <= LONGEST:
        return line
    doubts.long.append(number)
    return replace(line, message=line.message[:LONGEST])


def _tell(doubts: _Doubts, lines: list[str], cut: str) -> list[str]:
    notices = []
    if cut:
        notices.append("The last line has no end yet and was left out.")
    if doubts.strange:
        first = f"first line {doubts.strange[0]}: {lines[doubts.strange[0] - 1][:60]!r}"
        notices.append(f"{counted(len(doubts.strange), 'line')} of another form left out, {first}.")
    if doubts.long:
        first = f"the first ends at line {doubts.long[0]}"
        notices.append(f"{counted(len(doubts.long), 'message')} cut to {LONGEST:,} characters, {first}.")
    if doubts.crowded:
        notices.append(
            f"{counted(len(doubts.crowded), 'line')} with more than {MOST_FIELDS} fields, or too long ones: the rest "
            f"was left out, first line {doubts.crowded[0]}."
        )
    return notices

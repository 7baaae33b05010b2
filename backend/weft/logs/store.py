"""Log lines as values, and what every log engine promises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from weft.base.intervals import Interval


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `id` is stable: the same line read again has the same id.

    `severity`: the RFC 5424 keyword (emerg alert crit err warning notice info debug), "" unknown.
    """

    id: str
    at_ms: int
    host: str
    program: str
    severity: str
    message: str
    source: str


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines: in the window, with all words in the message; empty members do not filter."""

    window: Interval
    words: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogHits:
    """Lines newest first, how many match in all, and where to go on (None: at the end).

    `notices`: what could not be read, for the reader; the lines and the total are then of the rest.
    """

    lines: tuple[LogLine, ...]
    total: int
    cursor: str | None = None
    notices: tuple[str, ...] = ()


class LogStore(Protocol):
    """Log lines by day."""

    async def append(self, lines: Sequence[LogLine]) -> int:
        """Keep lines, durable on return; a known id is kept once. Returns how many were new."""

    async def search(self, query: LogQuery, *, limit: int = 100, cursor: str | None = None) -> LogHits:
        """Lines that match, newest first; lines of one millisecond by id, so paging is stable."""

    async def stats(self) -> dict[str, int]:
        """Lines and days kept."""

"""Log lines as values, and what every log engine promises."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol

from weft.base.errors import BadRequest
from weft.base.intervals import Interval
from weft.logs.query import EVERYTHING, Query, Term, all_of, any_of
from weft.logs.words import wanted

FieldValue = str | int | float | bool
NO_FIELDS: Mapping[str, FieldValue] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `id` is stable: the same line read again has the same id.

    `severity`: the RFC 5424 keyword (emerg alert crit err warning notice info debug), "" unknown; as are host and
    program. `seq`: how many lines of the same millisecond stood before it in its file: a stamp that counts seconds
    would leave their order to chance. `fields`: whatever else it says, cleaned by `fields.cleaned`.
    """

    id: str
    at_ms: int
    host: str
    program: str
    severity: str
    message: str
    source: str
    seq: int = 0
    fields: Mapping[str, FieldValue] = field(default_factory=lambda: NO_FIELDS, hash=False)


class Place(NamedTuple):
    """Where a line stands, newest first: `at_ms` and `seq` fall, `key` (a number that its id gives) rises."""

    at_ms: int
    seq: int
    key: int

    @classmethod
    def of(cls, line: LogLine) -> "Place":
        """The place of a line."""
        return cls(line.at_ms, line.seq, key_of(line.id))

    @classmethod
    def read(cls, cursor: str) -> "Place":
        """The place that a cursor tells. Raises BadRequest."""
        parts = cursor.split(".")
        numbers = [part.removeprefix("-") for part in parts]
        if len(parts) != 3 or not all(n.isascii() and n.isdecimal() and len(n) <= 19 for n in numbers):
            raise BadRequest(f"'{cursor[:40]}' is no cursor of a log search.", fix="Ask for the first page again.")
        return cls(*map(int, parts))

    @property
    def cursor(self) -> str:
        """The place as text, from which a search goes on."""
        return f"{self.at_ms}.{self.seq}.{self.key}"

    @property
    def order(self) -> tuple[int, int, int]:
        """What to sort by for newest first."""
        return -self.at_ms, -self.seq, self.key


def key_of(line_id: str) -> int:
    """An id as a number of 63 bits, which every engine sorts and looks up cheaply.

    Two ids share one by chance once in 10^19 pairs; engines take them for one line only in the same millisecond.
    """
    digest = hashlib.blake2b(line_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines: in the window, that the query matches; and all words in the message, one of the hosts, programs
    and severities, where any are given."""

    window: Interval
    words: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    query: Query = EVERYTHING

    def whole(self) -> Query:
        """All but the window as one query. Raises BadRequest: a word that is none."""
        among = (("host", [h.lower() for h in self.hosts]), ("program", self.programs), ("severity", self.severities))
        return all_of(
            [
                self.query,
                *(Term("message", word) for word in wanted(self.words)),
                *(any_of([Term(name, value) for value in values]) for name, values in among if values),
            ]
        )


@dataclass(frozen=True, slots=True)
class LogHits:
    """Lines newest first, how many match in all, and where to go on (None: at the end).

    `at_least`: more than `total` may match, the engine stopped counting. `notices`: what could not be read, for the
    reader; lines and total are then of the rest.
    """

    lines: tuple[LogLine, ...]
    total: int
    cursor: str | None = None
    notices: tuple[str, ...] = ()
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many lines match in each step: `counts[i]` in `[start_ms + i * step_ms, ... + step_ms)`, 0 included."""

    start_ms: int
    step_ms: int
    counts: tuple[int, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TopValues:
    """The values of a field that most matching lines have, most first; and how many lines have one at all."""

    values: tuple[tuple[str, int], ...]
    lines: int
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogField:
    """A field that lines have. `type` number: of some lines at least."""

    name: str
    type: Literal["text", "keyword", "number", "time"]


CORE_FIELDS = (
    LogField("time", "time"),
    LogField("message", "text"),
    *(LogField(name, "keyword") for name in ("host", "program", "severity", "source", "id")),
)
"""Fields of every line; whatever else a line has is its own."""


class LogStore(Protocol):
    """Log lines by day."""

    async def append(self, lines: Sequence[LogLine]) -> int:
        """Keep lines, durable on return; a known id is kept once. Returns how many were new."""

    async def search(
        self, query: LogQuery, *, limit: int = 100, cursor: str | None = None, oldest: bool = False
    ) -> LogHits:
        """Lines that match in the order of their places, newest first; after the cursor's place, where one is given.

        `oldest`: the other way round, oldest first. Raises BadRequest, TooMuch.
        """

    async def histogram(self, query: LogQuery, step_ms: int) -> Histogram:
        """Matching lines over time; buckets begin at multiples of the step. Raises BadRequest, TooMuch."""

    async def top(self, query: LogQuery, field: str, n: int = 10) -> TopValues:
        """The commonest values of a field, equal counts by value. Raises BadRequest: `message` and `time` have none."""

    async def fields(self, query: LogQuery) -> tuple[LogField, ...]:
        """Fields of the matching lines: those that every line has first, then their own by name.

        Of a query for everything, those of all lines of the days that the window touches.
        """

    async def span(self) -> Interval | None:
        """From the first to after the last day that lines are kept of; None: no line is kept."""

    async def stats(self) -> dict[str, int]:
        """Lines and days kept."""

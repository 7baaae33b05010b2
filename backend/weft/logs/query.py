"""What is looked for in log lines, as a tree that every engine translates; `lucene.parse` makes it of text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from weft.base.errors import TooMuch
from weft.base.intervals import Interval

Occur = Literal["must", "should", "not"]
"""`+a`, `a` and `-a`: of the `should` of a group at least one has to match, unless the group has a `must`."""


@dataclass(frozen=True, slots=True)
class Everything:
    """Every line."""


@dataclass(frozen=True, slots=True)
class Term:
    """A value, whole; of `message`: one of its words. "" of a field that every line has: not known."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words of the message one after the other; a word may hold `*` and `?`, and a lone `*` is any one word.

    `slop`: by how many places, in all, the words may stand otherwise (Lucene's measure).
    """

    words: tuple[str, ...]
    slop: int = 0


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A value (of `message`: a word) that fits `*` any characters, `?` any one; a backslash takes a meaning away."""

    field: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Regex:
    """A value (of `message`: a word) that the whole expression fits; see `patterns.check_regex` for what it may say."""

    field: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """A value (of `message`: a word) at most so many edits (0 to 2) away; two exchanged neighbours are one edit."""

    field: str
    text: str
    edits: int


@dataclass(frozen=True, slots=True)
class Range:
    """Values (of `message`: words) between two; None: no bound. Numbers where both bounds are, else texts."""

    field: str
    low: str | None
    high: str | None
    with_low: bool = True
    with_high: bool = True


@dataclass(frozen=True, slots=True)
class Exists:
    """Lines that have the field, and something in it."""

    field: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Lines of these hosts (None: of any) in a window.

    A name without domain means the host under any; one with a domain also the lines that leave it away.
    """

    window: Interval
    hosts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Within:
    """Lines in any of the scopes: of a job's hosts while it ran, of a time."""

    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """Lines of a job's hosts while it ran. No engine knows jobs: `with_jobs` puts a Within in its place."""

    text: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a group."""

    occur: Occur
    query: "Query"


@dataclass(frozen=True, slots=True)
class Group:
    """Clauses together. With `not` clauses alone it means everything else; without any clause nothing."""

    clauses: tuple[Clause, ...]


Query = Everything | Term | Phrase | Wildcard | Regex | Fuzzy | Range | Exists | Within | Job | Group

EVERYTHING = Everything()

MOST_JOBS = 50
"""Jobs in one query, each of which is looked up."""


def all_of(parts: Sequence[Query]) -> Query:
    """What all parts match; of none: everything."""
    told = [part for part in parts if part != EVERYTHING]
    if len(told) < 2:
        return told[0] if told else EVERYTHING
    return Group(tuple(Clause("must", part) for part in told))


def any_of(parts: Sequence[Query]) -> Query:
    """What any part matches; of none: nothing."""
    return parts[0] if len(parts) == 1 else Group(tuple(Clause("should", part) for part in parts))


class JobPlaces(Protocol):
    """Where jobs ran, which the logs cannot know; `answers` implements it for a viewer and a window."""

    async def places(self, job: str) -> tuple[Sequence[Scope], Sequence[str]]:
        """The hosts of each of a job's runs, and when it held them; and notices.

        Raises:
            BadRequest: not a job id. UnknownName: no such job, or none that the viewer may see.
        """


async def with_jobs(query: Query, places: JobPlaces) -> tuple[Query, tuple[str, ...]]:
    """The query with each Job replaced by where and when it ran, and notices.

    Raises:
        TooMuch: more than MOST_JOBS. Whatever JobPlaces raises.
    """
    found: dict[Job, Within] = {}
    notices: list[str] = []
    jobs = dict.fromkeys(_jobs(query))
    if len(jobs) > MOST_JOBS:
        raise TooMuch(f"The query names over {MOST_JOBS} jobs.", fix="Ask for fewer at once.")
    for job in jobs:
        scopes, said = await places.places(job.text)
        found[job] = Within(tuple(scopes))
        notices += said
    return (_placed(query, found) if found else query), tuple(dict.fromkeys(notices))


def _jobs(query: Query) -> list[Job]:
    if isinstance(query, Group):
        return [job for clause in query.clauses for job in _jobs(clause.query)]
    return [query] if isinstance(query, Job) else []


def _placed(query: Query, found: Mapping[Job, Within]) -> Query:
    if isinstance(query, Group):
        return Group(tuple(replace(clause, query=_placed(clause.query, found)) for clause in query.clauses))
    return found[query] if isinstance(query, Job) else query

"""Log lines by a query in Lucene's language, a job, hosts or a link; users see their runs' hosts while they ran.

A job stands for its hosts while it ran, a link for the hosts at both its ends and their switches while they were
plugged together: both as a parameter and (the job) within a query, `job:4711 AND severity:err`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from weft.answers.answers import Answers, did_you_mean
from weft.answers.jobs import resolve, unknown_hosts
from weft.answers.people import MOST_OWN_RUNS, held, own_runs, require_operator
from weft.answers.tables import Ask, TableData
from weft.base.errors import BadRequest, UnknownName
from weft.base.intervals import FOREVER_MS, Interval
from weft.fabric.model import NodeKind
from weft.logs.fields import field_named
from weft.logs.lucene import parse
from weft.logs.moments import Times
from weft.logs.query import EVERYTHING, Query, Scope, Term, Within, all_of, any_of, with_jobs
from weft.logs.store import Histogram, LogHits, LogLine, LogQuery, Place
from weft.logs.terms import text_of
from weft.scheduler.model import Run

STEPS = 100
"""Steps of a histogram when none is asked for: at most so many."""
STEPS_MS = tuple(
    n * unit_ms
    for unit_ms, counts in (
        (1000, (1, 2, 5, 10, 15, 30)),
        (60_000, (1, 2, 5, 10, 15, 30)),
        (3_600_000, (1, 2, 3, 6, 12)),
        (86_400_000, (1, 2, 7, 14, 28, 56, 112, 364)),
    )
    for n in counts
)

_ARGUMENT = re.compile(r"(?:^|(?<=\s))(?P<name>query|job|host|link)=(?:\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|(?P<bare>\S*))")


@dataclass(frozen=True, slots=True)
class Sought:
    """What to ask the store, and what the reader should know about it.

    `visible`: all lines that the viewer may see. `own_fields`: fields of the query that only some lines have.
    """

    query: LogQuery
    visible: LogQuery
    notices: tuple[str, ...]
    own_fields: tuple[str, ...]


class RunPlaces:
    """`logs.query.JobPlaces` over the inventory, for one viewer and window."""

    def __init__(self, answers: Answers, ask: Ask) -> None:
        self._answers, self._ask = answers, ask

    async def places(self, job: str) -> tuple[Sequence[Scope], Sequence[str]]:
        """Hosts of the runs that the job means in the window, and when they held them."""
        meant = await resolve(self._answers, self._ask, job)
        return scopes_of(meant.runs), (*meant.notices, *unknown_hosts(meant.runs))


def scopes_of(runs: Sequence[Run]) -> tuple[Scope, ...]:
    """The hosts of runs while they held them."""
    return tuple(Scope(span, run.hosts) for run in runs if run.hosts and (span := held(run)) is not None)


async def sought(
    answers: Answers,
    ask: Ask,
    query: str = "",
    host: Sequence[str] = (),
    job: str | None = None,
    link: str | None = None,
) -> Sought:
    """What these parameters mean together.

    Raises:
        BadRequest, TooMuch: the query cannot be read. UnknownName: the job or the link. Forbidden: a link, for a user.
    """
    parsed = parse(query, Times(ask.now_ms, answers.site.zone))
    places = RunPlaces(answers, ask)
    typed, notices = await with_jobs(parsed.query, places)
    visible: Query = EVERYTHING
    told = [*parsed.notices, *notices]
    window = ask.window
    if not ask.viewer.operator:
        runs = await own_runs(answers, ask.viewer, ask.window)
        visible = Within(scopes_of(runs))
        which = f"your newest {MOST_OWN_RUNS:,} runs'" if len(runs) == MOST_OWN_RUNS else "your own runs'"
        told.append(f"Only lines of {which} hosts are searched, while they ran.")
    parts = [typed, visible]
    if job is not None:
        scopes, said = await places.places(job)
        told += said
        parts.append(Within(tuple(scopes)))
        window = _hull(scopes, window)
    if link is not None:
        scopes, said = await _link_scopes(answers, ask, link)
        told += said
        parts.append(Within(tuple(scopes)))
    if host:
        parts.append(any_of([Term("host", name.lower()) for name in host]))
    return Sought(
        LogQuery(window, query=all_of(parts)),
        LogQuery(ask.window, query=visible),
        tuple(dict.fromkeys(told)),
        parsed.own_fields,
    )


def _hull(scopes: Sequence[Scope], window: Interval) -> Interval:
    """The part of the window from the first scope to the last, so that no other day is looked into."""
    if not scopes:
        return Interval(window.from_ms, window.from_ms)
    first_ms, last_ms = min(s.window.from_ms for s in scopes), max(s.window.to_ms for s in scopes)
    return window.cut(Interval(first_ms, last_ms))


async def _link_scopes(answers: Answers, ask: Ask, link: str) -> tuple[list[Scope], list[str]]:
    """Hosts and switches at both ends of the links that these ports had in the window, while they were plugged."""
    require_operator(ask.viewer, "What the ends of a link logged")
    scopes: list[Scope] = []
    known = False
    for fabric in await answers.fabrics():
        directory = await answers.directory(fabric.name)
        ports = directory.find_ports(link)
        known = known or bool(ports)
        for connection in await answers.site.fabrics.connections(fabric.name, ask.window, ports) if ports else ():
            names = []
            for port in (connection.a, connection.b):
                named = directory.host_of(port.guid, connection.span.from_ms)
                if named is not None:
                    names.append(named.name)
                elif directory.kind(port.guid) is NodeKind.SWITCH:
                    names.append(directory.node(port.guid, connection.span.from_ms))
            scopes.append(Scope(connection.span, tuple(names)))
    if not known:
        raise UnknownName(f"'{link}' names no port.", fix="Give a switch and port (leaf01/19), or a host.")
    if not scopes:
        return scopes, [f"Nothing was plugged in {link} in this window, as far as is known."]
    return scopes, []


async def unknown_fields(answers: Answers, found: Sought) -> list[str]:
    """Notices about fields in the query that no line has, for whoever finds nothing by them."""
    if not found.own_fields:
        return []
    known = [one.name for one in await answers.site.logs.fields(found.visible)]
    return [
        f"No line here has a field '{name}'. {did_you_mean(name, known)} Text with a : in it belongs into quotes."
        for name in found.own_fields
        if name.removeprefix("fields.") not in known
    ]


async def search(
    answers: Answers, ask: Ask, what: Sought, *, cursor: str | None = None, oldest: bool = False
) -> LogHits:
    """Lines that match, newest (or oldest) first, at most `ask.limit`, with everything the reader should know."""
    hits = await answers.site.logs.search(what.query, limit=ask.limit, cursor=cursor, oldest=oldest)
    notices = [*what.notices, *hits.notices]
    if not hits.lines and cursor is None:
        notices += ["No line matches in this window.", *await unknown_fields(answers, what)]
    return replace(hits, notices=tuple(notices))


async def logs(
    answers: Answers,
    ask: Ask,
    query: str = "",
    host: Sequence[str] = (),
    job: str | None = None,
    link: str | None = None,
    cursor: str | None = None,
) -> TableData:
    """Lines that match, newest first."""
    hits = await search(answers, ask, await sought(answers, ask, query, host, job, link), cursor=cursor)
    notices = list(hits.notices)
    if hits.cursor is not None and cursor is None:
        over = "over " if hits.at_least else ""
        notices.append(f"Only the newest {len(hits.lines):,} of {over}{hits.total:,} lines are listed.")
    return TableData([_row(line) for line in hits.lines], tuple(notices), hits.cursor)


@dataclass(frozen=True, slots=True)
class Context:
    """A line, and those of its host right before and after it, oldest first."""

    before: tuple[LogLine, ...]
    line: LogLine
    after: tuple[LogLine, ...]
    notices: tuple[str, ...]


async def context(answers: Answers, ask: Ask, cursor: str, query: str = "") -> Context:
    """What stands around a line, `ask.limit` lines at most on each side; `query` says what else may count.

    Raises:
        BadRequest: no cursor. UnknownName: no line stands there that the viewer may see.
    """
    place = Place.read(cursor)
    what = await sought(answers, ask, query)
    at = replace(what.visible, window=Interval(place.at_ms, place.at_ms + 1))
    there = await answers.site.logs.search(at, limit=1, cursor=place._replace(key=place.key - 1).cursor)
    if not there.lines or Place.of(there.lines[0]) != place:
        raise UnknownName("No line stands at this cursor.", fix="Search for it again: it may have been taken away.")
    (line,) = there.lines
    same = Term("host", line.host.lower())
    every = replace(what.query, query=all_of([what.query.query, same]))
    older = await answers.site.logs.search(every, limit=ask.limit, cursor=cursor)
    newer = await answers.site.logs.search(every, limit=ask.limit, cursor=cursor, oldest=True)
    notices = dict.fromkeys((*what.notices, *older.notices, *newer.notices))
    return Context(older.lines[::-1], line, newer.lines, tuple(notices))


def _row(line: LogLine) -> list[object]:
    own = " ".join(f"{name}={text_of(value)}" for name, value in line.fields.items())
    return [
        line.at_ms,
        line.host or None,
        line.program or None,
        line.severity or None,
        line.message,
        own or None,
        line.source,
        line.id,
        Place.of(line).cursor,
    ]


async def counts(answers: Answers, what: Sought, step_s: float | None = None) -> Histogram:
    """How many lines match in each step; of an open window the part of it that lines are kept of.

    Args:
        step_s: None: the shortest of STEPS_MS that makes at most STEPS.
    """
    window = await _seen(answers, what.query.window)
    step_ms = step_of(window) if step_s is None else round(step_s * 1000)
    told = await answers.site.logs.histogram(replace(what.query, window=window), step_ms)
    notices = [*what.notices, *told.notices]
    if not any(told.counts):
        notices += ["No line matches in this window.", *await unknown_fields(answers, what)]
    return replace(told, notices=tuple(notices))


async def count_of(answers: Answers, query: LogQuery) -> int:
    """How many lines match, exactly: a search may stop counting."""
    return sum((await answers.site.logs.histogram(query, FOREVER_MS)).counts)


async def log_counts(
    answers: Answers,
    ask: Ask,
    query: str = "",
    host: Sequence[str] = (),
    job: str | None = None,
    link: str | None = None,
    step: float | None = None,
) -> TableData:
    """How many lines match in each step of the window, steps without any included."""
    told = await counts(answers, await sought(answers, ask, query, host, job, link), step)
    rows = [[told.start_ms + n * told.step_ms, count] for n, count in enumerate(told.counts)]
    return TableData(rows, told.notices)


async def _seen(answers: Answers, window: Interval) -> Interval:
    """The part of a window in which lines are kept: one that is open has no end of its own."""
    span = await answers.site.logs.span()
    return Interval(0, 0) if span is None else window.cut(span)


def step_of(window: Interval) -> int:
    """The shortest of STEPS_MS that makes at most STEPS of a window."""
    length_ms = window.to_ms - window.from_ms
    return next((step_ms for step_ms in STEPS_MS if length_ms <= STEPS * step_ms), STEPS_MS[-1])


async def log_top(
    answers: Answers,
    ask: Ask,
    field: str = "host",
    query: str = "",
    host: Sequence[str] = (),
    job: str | None = None,
    link: str | None = None,
) -> TableData:
    """The commonest values of a field among matching lines."""
    found = await sought(answers, ask, query, host, job, link)
    told = await answers.site.logs.top(found.query, field_named(field), ask.limit + 1)
    rows = [[value, lines, lines / told.lines] for value, lines in told.values]
    return TableData(rows, (*found.notices, *told.notices))


def take_apart(text: str) -> dict[str, str]:
    """`severity:err "link down" job=4711` as parameters of `logs`: what is no `name=value` of theirs is the query.

    Raises:
        BadRequest: a parameter is given twice, or `query=` beside a query.
    """
    told: dict[str, str] = {}
    for found in _ARGUMENT.finditer(text):
        if found["name"] in told:
            raise BadRequest(f"'{found['name']}' is given twice.", fix="Give it once.")
        quoted = found["quoted"]
        told[found["name"]] = found["bare"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    rest = _ARGUMENT.sub(" ", text).strip()
    if rest and "query" in told:
        raise BadRequest("The query is given twice.", fix='Give it as it is, or as query="...".')
    return told | ({"query": rest} if rest else {})

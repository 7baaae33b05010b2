"""What happened, as Graphite's events: jobs that start and end, changes of the fabric, people's notes, log lines.

Every event has the tag of its kind, by which it can be chosen: `job`, `fabric`, `note` or `log`. Log lines are many, so
they come only where that tag is asked for. Sources: graphite-web 1.1.10, `events`; its quirks are named where they are.
"""

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

from weft.answers import logs
from weft.answers.answers import Answers
from weft.answers.jobs import MOST_RUNS, resolve
from weft.answers.tables import Ask
from weft.base.access import Viewer
from weft.base.errors import BadRequest, UnknownName
from weft.base.intervals import FOREVER_MS, Interval
from weft.inventory.store import Note, RunFilter
from weft.logs.store import LogLine
from weft.metrics.series import Window
from weft.scheduler.model import Run

KINDS = frozenset({"job", "fabric", "note", "log"})
NOTE = "note"
"""Kind of what a person or a script posts."""
COUNTER_NOTES = ("counter_saturated", "counter_reset")
SEVERITIES = frozenset({"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"})
MOST_COUNTED = 10_000
"""Events of each kind that the function events() counts at most."""

How = Literal["all", "any", "exactly"]
"""Which events tags choose: those with all of them, with any of them, or with all where also none is unknown."""


class Event(NamedTuple):
    """One event; `data` says more than `what`."""

    at_ms: int
    what: str
    data: str
    tags: tuple[str, ...]


async def events(
    answers: Answers, ask: Ask, tags: Collection[str] = (), how: How = "all"
) -> tuple[list[Event], list[str]]:
    """Events in the window, oldest first, and notices; `ask.limit` runs, changes, notes and lines at most, the newest.

    With `all`, a tag that no event of the window has drops out of the condition unless that leaves nothing of it, as in
    graphite-web; but not `job:4711` and `user:alice`, which mean one thing only.
    """
    wanted = frozenset(tags)
    kinds = wanted & KINDS
    if any(tag.startswith(("job:", "user:")) for tag in wanted):
        kinds |= {"job"}
    found, notices = await _notes(answers, ask)
    if not kinds or "job" in kinds:
        more, told = await _jobs(answers, ask, wanted if how != "any" else frozenset())
        found, notices = found + more, notices + told
    if ask.viewer.operator and (not kinds or "fabric" in kinds):
        more, told = await _changes(answers, ask)
        found, notices = found + more, notices + told
    if "log" in kinds:
        more, told = await _lines(answers, ask, wanted if how != "any" else frozenset())
        found, notices = found + more, notices + told
    inside = [event for event in found if ask.window.from_ms <= event.at_ms < ask.window.to_ms]
    return sorted(_chosen(inside, wanted, how)), list(dict.fromkeys(notices))


def note_of(at_ms: int, what: str, data: str, tags: Sequence[str]) -> Note:
    """An event that somebody posts, as it is kept; its first line is what happened."""
    what = " ".join(what.split())
    return Note(at_ms, NOTE, "info", f"{what}\n{data}" if data else what, tuple(dict.fromkeys(tags)))


def _chosen(found: Sequence[Event], wanted: frozenset[str], how: How) -> list[Event]:
    if not wanted:
        return list(found)
    if how == "any":
        return [event for event in found if not wanted.isdisjoint(event.tags)]
    if how == "all":
        known = {tag for event in found for tag in event.tags} | KINDS
        wanted = frozenset(tag for tag in wanted if tag in known or tag.startswith(("job:", "user:"))) or wanted
    return [event for event in found if wanted.issubset(event.tags)]


async def _jobs(answers: Answers, ask: Ask, wanted: frozenset[str]) -> tuple[list[Event], list[str]]:
    """Starts and ends; `wanted`: every event must have these tags, so that not all runs are read to find a few."""
    named = [tag.removeprefix("job:") for tag in wanted if tag.startswith("job:")]
    users = [tag.removeprefix("user:") for tag in wanted if tag.startswith("user:")]
    if named:
        try:
            meant = await resolve(answers, ask, min(named))
        except (UnknownName, BadRequest):
            return [], []
        return _of_runs(meant.runs), list(meant.notices)
    which = RunFilter(window=ask.window, users=tuple(users) if ask.viewer.operator else (ask.viewer.who,))
    page = await answers.site.jobs.runs(which, limit=min(ask.limit, MOST_RUNS))
    return _of_runs(page.items), [f"Only the newest {len(page.items)} jobs are shown."] if page.cursor else []


def _of_runs(runs: Sequence[Run]) -> list[Event]:
    found = []
    for run in runs:
        start_ms, end_ms = run.key.start_ms, run.end_ms
        if start_ms is None:
            continue
        hosts = f"{len(run.hosts)} host{'s' if len(run.hosts) != 1 else ''}"
        text = ", ".join(part for part in (run.user, run.name, run.partition, hosts) if part)
        title, tags = f"job {run.label} of {run.user}", (f"job:{run.label}", f"user:{run.user}")
        found.append(Event(start_ms, f"{title} started", text, ("job", "start", *tags)))
        if end_ms is not None:
            ended = Event(end_ms, f"{title} ended", f"{text}, {run.state}", ("job", "end", *tags, run.state.lower()))
            found.append(ended)
    return found


async def _changes(answers: Answers, ask: Ask) -> tuple[list[Event], list[str]]:
    found: list[Event] = []
    notices = []
    for span in await answers.fabrics():
        page = await answers.site.fabrics.changes(span.name, ask.window, limit=ask.limit)
        for change in page.items:
            if change.at_ms < FOREVER_MS:
                since = "" if change.since_ms is None else f" (after {answers.when(change.since_ms)})"
                found.append(_of_fabric(change.at_ms, change.kind, f"{change.text}{since}", change.severity))
        if page.cursor:
            notices.append(f"Only the newest {len(page.items)} changes of fabric {span.name} are shown.")
    for note in await answers.site.ledger.notes(ask.window, kinds=COUNTER_NOTES, limit=ask.limit):
        found.append(_of_fabric(note.at_ms, note.kind, note.text, note.severity))
    return found, notices


def _of_fabric(at_ms: int, kind: str, text: str, severity: str) -> Event:
    return Event(at_ms, kind.replace("_", " "), text, ("fabric", kind, severity))


async def _notes(answers: Answers, ask: Ask) -> tuple[list[Event], list[str]]:
    kept = await answers.site.ledger.notes(ask.window, kinds=(NOTE,), limit=ask.limit)
    found = []
    for note in kept:
        what, _, data = note.text.partition("\n")
        found.append(Event(note.at_ms, what, data, (*note.about, *({NOTE} - set(note.about)))))
    return found, [f"Only the newest {len(kept)} notes are shown."] if len(kept) == ask.limit else []


async def _lines(answers: Answers, ask: Ask, wanted: frozenset[str]) -> tuple[list[Event], list[str]]:
    """Log lines; `wanted`: every one must have these tags, so that not all lines are read to find a few."""
    said = [f"severity:{tag}" for tag in sorted(wanted & SEVERITIES)]
    for tag in sorted(wanted - SEVERITIES - KINDS):
        quoted = tag.replace("\\", "\\\\").replace('"', '\\"')
        said.append(f'(host:"{quoted}" OR program:"{quoted}")')
    hits = await logs.search(answers, ask, await logs.sought(answers, ask, " AND ".join(said)))
    more = [f"Only the newest {len(hits.lines):,} log lines are shown."] if hits.cursor is not None else []
    return [_of_line(line) for line in hits.lines], [*hits.notices, *more]


def _of_line(line: LogLine) -> Event:
    tags = tuple(tag for tag in ("log", line.severity, line.host, line.program) if tag)
    return Event(line.at_ms, f"{line.host} {line.program}".strip() or line.source, line.message, tags)


class InventoryEvents:
    """What the function events() counts."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def events(self, tags: Sequence[str], window: Window, viewer: Viewer) -> Sequence[int]:
        """See EventSource."""
        span = Interval(window.from_s * 1000, window.until_s * 1000)
        ask = Ask(viewer, span, window.now_s * 1000, MOST_COUNTED)
        found, _ = await events(self._answers, ask, [tag for tag in tags if tag != "*"])
        return [event.at_ms // 1000 for event in found]

"""What happened, as marks over a graph: jobs from start to end, changes of the fabric, log lines.

A query is `jobs ...` or `changes ...` with parameters: `jobs user=alice`, `jobs host=node001`, `jobs job=4711`,
`changes kind=link_down`; or `logs` and a log query with job, host or link beside it: `logs "link down" job=4711`. An
empty one means jobs, and for operators changes too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from weft.answers import logs
from weft.answers.answers import Answers, did_you_mean
from weft.answers.jobs import MOST_RUNS, passes, resolve
from weft.answers.log_tables import SOUGHT
from weft.answers.people import require_operator
from weft.answers.requests import convert, parse_request
from weft.answers.tables import Ask, Param
from weft.base.errors import UnknownName
from weft.base.intervals import FOREVER_MS
from weft.inventory.store import RunFilter
from weft.scheduler.model import Run

JOB_PARAMS = (
    Param("job", doc="One job.", options="jobs"),
    Param("user", "list", "Whose.", options="users"),
    Param("account", "list", "Account."),
    Param("partition", "list", "Partition."),
    Param("state", "list", "Slurm state."),
    Param("name", doc="Job name."),
    Param("host", "list", "On one of these hosts.", options="hosts"),
)
CHANGE_PARAMS = (
    Param("kind", "list", "Kind of change, e.g. link_down."),
    Param("fabric", doc="Which fabric."),
)


@dataclass(frozen=True, slots=True)
class Annotation:
    """A mark at `at_ms`, or a region to `end_ms`; None: an instant, or a job that has not ended."""

    at_ms: int
    end_ms: int | None
    title: str
    text: str
    tags: tuple[str, ...]


async def annotations(answers: Answers, ask: Ask, query: str = "") -> tuple[list[Annotation], list[str]]:
    """Marks in the window, newest first, at most `ask.limit`, and notices.

    Raises:
        UnknownName: what the query asks for. BadRequest: its parameters. Forbidden: changes, for a user.
    """
    if not query.strip():
        found, notices = await _jobs(answers, ask, {})
        if ask.viewer.operator and await answers.fabrics():
            changes, more = await _changes(answers, ask, {})
            found, notices = found + changes, notices + more
    else:
        word, _, rest = query.strip().partition(" ")
        # A log query has quotes and colons of its own, so the shell's rules are not for it.
        name, arguments = ("logs", logs.take_apart(rest)) if word == "logs" else parse_request(query)
        if name not in ("jobs", "changes", "logs"):
            raise UnknownName(
                f"There are no annotations '{name}'.", fix=did_you_mean(name, ("jobs", "changes", "logs"))
            )
        kinds = {"jobs": (JOB_PARAMS, _jobs), "changes": (CHANGE_PARAMS, _changes), "logs": (SOUGHT, _lines)}
        params, marks = kinds[name]
        found, notices = await marks(answers, ask, convert(name, params, arguments, answers.site.zone))
    found.sort(key=lambda a: -a.at_ms)
    if len(found) > ask.limit:
        notices.append(f"Only the newest {ask.limit} of {len(found)} marks are shown.")
    return found[: ask.limit], list(dict.fromkeys(notices))


async def _jobs(answers: Answers, ask: Ask, told: Mapping[str, Any]) -> tuple[list[Annotation], list[str]]:
    which = RunFilter(
        window=ask.window,
        users=tuple(told.get("user", ())) if ask.viewer.operator else (ask.viewer.who,),
        accounts=tuple(told.get("account", ())),
        partitions=tuple(told.get("partition", ())),
        states=tuple(state.upper() for state in told.get("state", ())),
        name=told.get("name") or "",
    )
    if told.get("job"):
        meant = await resolve(answers, ask, told["job"])
        return [_of_run(run) for run in meant.runs if run.key.start_ms is not None], list(meant.notices)
    if hosts := told.get("host"):
        page = await answers.site.jobs.runs_on(hosts, ask.window, limit=MOST_RUNS)
        runs = [run for run in page.items if passes(run, which)]
    else:
        page = await answers.site.jobs.runs(which, limit=min(ask.limit, MOST_RUNS))
        runs = list(page.items)
    notices = [f"Only the newest {len(runs)} jobs are shown."] if page.cursor else []
    return [_of_run(run) for run in runs if run.key.start_ms is not None], notices


def _of_run(run: Run) -> Annotation:
    hosts = f"{len(run.hosts)} host{'s' if len(run.hosts) != 1 else ''}"
    text = ", ".join(part for part in (run.user, run.name, run.partition, hosts, run.state) if part)
    tags = ("job", f"job:{run.label}", f"user:{run.user}", run.state.lower())
    return Annotation(run.key.start_ms or 0, run.end_ms, f"job {run.label} of {run.user}", text, tags)


async def _changes(answers: Answers, ask: Ask, told: Mapping[str, Any]) -> tuple[list[Annotation], list[str]]:
    require_operator(ask.viewer, "What changed in the fabric")
    fabric = await answers.fabric(told.get("fabric"))
    page = await answers.site.fabrics.changes(
        fabric.name, ask.window, kinds=tuple(told.get("kind", ())), limit=ask.limit
    )
    found = [
        Annotation(
            change.at_ms,
            None,
            change.kind.replace("_", " "),
            change.text if change.since_ms is None else f"{change.text} (after {answers.when(change.since_ms)})",
            ("fabric", change.kind, change.severity),
        )
        for change in page.items
        if change.at_ms < FOREVER_MS
    ]
    return found, [f"Only the newest {len(found)} changes are shown."] if page.cursor else []


async def _lines(answers: Answers, ask: Ask, told: Mapping[str, Any]) -> tuple[list[Annotation], list[str]]:
    hits = await logs.search(answers, ask, await logs.sought(answers, ask, **told))
    found = [
        Annotation(
            line.at_ms,
            None,
            f"{line.host} {line.program}".strip() or line.source,
            line.message,
            tuple(tag for tag in ("log", line.severity, line.host, line.program) if tag),
        )
        for line in hits.lines
    ]
    more = [f"Only the newest {len(found):,} lines are shown."] if hits.cursor is not None else []
    return found, [*hits.notices, *more]

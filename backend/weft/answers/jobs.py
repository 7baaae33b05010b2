"""Runs: which ones a typed id means, the list of them, and the hosts they held."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from weft.answers.answers import ALL_TIME, Answers
from weft.answers.people import held, may_see
from weft.answers.tables import Ask, TableData
from weft.base.errors import BadRequest, UnknownName
from weft.base.intervals import FOREVER_MS, Interval, wire_ms
from weft.inventory.store import RunFilter
from weft.scheduler.model import Run, RunKey

MOST_RUNS = 1000
"""Runs looked at for one answer."""

_TYPED = re.compile(r"(?:(?P<cluster>[^:@\s]+):)?(?P<label>\d+(?:[_+]\d+)?)(?:@(?P<start>\d+|-))?")


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person typed for a job: `4711`, `4711_5`, `4711+1`, `<cluster>:4711`, and `...@<start ms>` for one run."""

    cluster: str
    label: str
    start: str | None = None

    @classmethod
    def read(cls, text: str, cluster: str) -> "Typed":
        """Read it; `cluster` is meant where none is typed. Raises BadRequest."""
        found = _TYPED.fullmatch(text.strip())
        if found is None:
            raise BadRequest(
                f"'{text}' is not a job.",
                fix="Give 4711, an array task 4711_5, a part 4711+1, or another cluster's cluster:4711.",
            )
        return cls(found["cluster"] or cluster, found["label"], found["start"])

    def means(self, run: Run) -> bool:
        """True when the start, where one was typed, is this run's."""
        return self.start is None or self.start == run.key.text.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Meant:
    """The runs that were meant, newest first, and what the reader must know; no run: a notice says why."""

    runs: tuple[Run, ...]
    notices: tuple[str, ...] = ()


async def resolve(answers: Answers, ask: Ask, job: str) -> Meant:
    """The runs of a typed job that overlap the asked window and that the viewer may see.

    Raises:
        BadRequest: not a job id. UnknownName: no such job at any time (or not one of the viewer's).
    """
    typed = Typed.read(job, answers.site.settings.cluster)
    window = None if typed.start is not None else ask.window
    found = await _seen(answers, ask, typed, window)
    if not found and window is not None:
        ever = await _seen(answers, ask, typed, None)
        if ever:
            return Meant((), (f"No run of job {job} in this window; {_when(answers, ever)}.",))
    if not found:
        whose = "" if ask.viewer.operator else f" of {ask.viewer.who}'s"
        raise UnknownName(
            f"No job {typed.label}{whose} is known in cluster {typed.cluster}.",
            fix="`jobs` lists those in the window; another cluster's is cluster:id.",
        )
    if len(found) == 1:
        return Meant(tuple(found))
    labels = {run.label for run in found}
    what = f"{len(found)} runs" if len(labels) == 1 else f"{len(labels)} parts with {len(found)} runs"
    return Meant(tuple(found), (f"Job {job} has {what} in this window.",))


async def _seen(answers: Answers, ask: Ask, typed: Typed, window: Interval | None) -> list[Run]:
    runs = await answers.site.jobs.find(typed.label, typed.cluster, window)
    return [run for run in runs if typed.means(run) and may_see(ask.viewer, run)]


def _when(answers: Answers, runs: Sequence[Run]) -> str:
    """When the newest of these runs ran, in words."""
    run = runs[0]
    if run.key.start_ms is None:
        return f"it has not started ({run.state})"
    end = "and has not ended" if run.end_ms is None else f"to {answers.when(run.end_ms)}"
    text = f"it ran from {answers.when(run.key.start_ms)} {end}"
    return text if len(runs) == 1 else f"the newest of {len(runs)} ran from {text.removeprefix('it ran from ')}"


class Sharing:
    """Which other runs held hosts of some runs while they did."""

    def __init__(self, runs: Sequence[Run], complete: bool) -> None:
        self.runs, self.complete = runs, complete
        self._on: dict[str, list[tuple[RunKey, Interval]]] = {}
        for run in runs:
            span = held(run)
            for host in run.hosts if span is not None else ():
                self._on.setdefault(host, []).append((run.key, span or ALL_TIME))

    @classmethod
    async def of(cls, answers: Answers, runs: Sequence[Run]) -> "Sharing":
        """Look them up: one store call for all runs."""
        spans = [span for run in runs if (span := held(run)) is not None]
        hosts = sorted({host for run in runs for host in run.hosts})
        if not spans or not hosts:
            return cls((), True)
        whole = Interval(min(s.from_ms for s in spans), max(s.to_ms for s in spans))
        page = await answers.site.jobs.runs_on(hosts, whole, limit=MOST_RUNS)
        return cls(page.items, page.cursor is None)

    def on(self, run: Run, host: str) -> int | None:
        """How many other runs held the host while this one did; None: too many runs to tell."""
        span = held(run)
        if not self.complete or span is None:
            return None
        return sum(1 for key, other in self._on.get(host, ()) if key != run.key and other.overlaps(span))

    @property
    def notices(self) -> list[str]:
        """That sharers are not counted, where they are not."""
        text = f"More than {MOST_RUNS} runs held these hosts: how many shared them is not counted."
        return [] if self.complete else [text]


async def job(answers: Answers, ask: Ask, job: str) -> TableData:
    """The runs of one job."""
    meant = await resolve(answers, ask, job)
    return TableData([_row(run) for run in meant.runs], meant.notices)


async def jobs(
    answers: Answers,
    ask: Ask,
    user: Sequence[str] = (),
    state: Sequence[str] = (),
    account: Sequence[str] = (),
    partition: Sequence[str] = (),
    cluster: Sequence[str] = (),
    name: str = "",
    host: Sequence[str] = (),
) -> TableData:
    """Runs in the window, newest first; a user's own, and how many others there are."""
    which = RunFilter(
        window=ask.window,
        users=tuple(user) if ask.viewer.operator else (ask.viewer.who,),
        accounts=tuple(account),
        partitions=tuple(partition),
        states=tuple(s.upper() for s in state),
        clusters=tuple(cluster),
        name=name,
    )
    notices: list[str] = []
    if host:
        on_hosts = await answers.site.jobs.runs_on(tuple(host), ask.window, limit=MOST_RUNS)
        runs = tuple(run for run in on_hosts.items if passes(run, which))
        more = on_hosts.cursor is not None
    else:
        page = await answers.site.jobs.runs(which, limit=ask.limit)
        runs, more = page.items, page.cursor is not None
    if not ask.viewer.operator:
        if user and set(user) != {ask.viewer.who}:
            notices.append(f"Only jobs of {ask.viewer.who} are listed.")
        notices += await _others(answers, ask)
    if more or len(runs) > ask.limit:
        notices.append(f"Only the newest {min(len(runs), ask.limit)} runs are listed.")
    if not runs:
        notices.append("No run matches in this window.")
    return TableData([_row(run) for run in runs[: ask.limit]], tuple(notices))


def passes(run: Run, which: RunFilter) -> bool:
    """What RunFilter asks of a run, the window apart."""
    wanted = (
        (which.users, run.user),
        (which.accounts, run.account),
        (which.partitions, run.partition),
        (which.states, run.state),
        (which.clusters, run.key.cluster),
        ((which.name,) if which.name else (), run.name),
    )
    return all(not allowed or value in allowed for allowed, value in wanted)


async def _others(answers: Answers, ask: Ask) -> list[str]:
    page = await answers.site.jobs.runs(RunFilter(window=ask.window), limit=MOST_RUNS)
    count = sum(1 for run in page.items if run.user != ask.viewer.who)
    if not count:
        return []
    text = f"{count} runs of other people overlap" if count > 1 else "1 run of somebody else overlaps"
    return [f"{'At least ' if page.cursor else ''}{text} this window."]


def _row(run: Run) -> list[object]:
    end = run.end_ms
    start = run.key.start_ms
    return [
        run.label,
        run.user,
        run.name,
        run.state,
        start,
        end,
        None if start is None or end is None else (end - start) / 1000,
        len(run.hosts) or run.node_count,
        run.partition,
        run.account,
        run.key.cluster,
        run.exit_code,
        run.exit_signal,
        run.submit_ms,
        run.seen_at_ms,
        run.key.text,
    ]


async def job_hosts(answers: Answers, ask: Ask, job: str) -> TableData:
    """Hosts of a job's runs, with how many other runs held each of them meanwhile."""
    meant = await resolve(answers, ask, job)
    sharing = await Sharing.of(answers, meant.runs)
    notices = [*meant.notices, *unknown_hosts(meant.runs), *sharing.notices]
    rows = [
        [
            run.label,
            host,
            span.from_ms if span else None,
            wire_ms(span.to_ms) if span else None,
            sharing.on(run, host),
            run.key.text,
        ]
        for run in meant.runs
        for span in [held(run)]
        for host in run.hosts
    ]
    return TableData(rows, tuple(notices))


async def job_neighbours(answers: Answers, ask: Ask, job: str) -> TableData:
    """Other runs that held hosts of a job's runs at the same time; for users only how many."""
    meant = await resolve(answers, ask, job)
    sharing = await Sharing.of(answers, meant.runs)
    own = {run.key for run in meant.runs}
    rows = []
    for other in sharing.runs:
        if other.key in own:
            continue
        times = [
            (span.cut(theirs), sorted(set(run.hosts) & set(other.hosts)))
            for run in meant.runs
            if (span := held(run)) is not None and (theirs := held(other)) is not None and span.overlaps(theirs)
        ]
        hosts = sorted({host for _, shared in times for host in shared})
        if hosts:
            both = [span for span, shared in times if shared]
            begin, end = min(span.from_ms for span in both), max(span.to_ms for span in both)
            rows.append(
                [
                    other.label,
                    other.user,
                    other.name,
                    other.state,
                    len(hosts),
                    " ".join(hosts[:20]),
                    begin,
                    wire_ms(end),
                    other.key.text,
                ]
            )
    notices = [*meant.notices, *([] if sharing.complete else [f"Only the newest {MOST_RUNS} runs are looked at."])]
    if not ask.viewer.operator:
        count = f"{'' if sharing.complete else 'at least '}{len(rows)} run{'s' if len(rows) != 1 else ''}"
        return TableData([], (*notices, f"{count} shared hosts of job {job}; whose they are is for operators."))
    if not rows and meant.runs:
        notices.append(f"Nobody shared a host of job {job}.")
    return TableData(rows, tuple(notices))


def unknown_hosts(runs: Sequence[Run]) -> list[str]:
    """Notices about runs whose hosts are not known."""
    waiting = [run for run in runs if run.key.start_ms is None]
    blank = [run for run in runs if run.key.start_ms is not None and not run.hosts]
    notices = [f"Job {run.label} has not started ({run.state}): it has no hosts." for run in waiting[:3]]
    return notices + [f"The hosts of job {run.label} are not known: no source named them." for run in blank[:3]]


def hull(runs: Sequence[Run], now_ms: int) -> Interval | None:
    """From the first start to the last end of these runs (now, for one that runs); None: none has started."""
    spans = [span for run in runs if (span := held(run)) is not None]
    if not spans:
        return None
    to_ms = max(span.to_ms if span.to_ms < FOREVER_MS else max(now_ms, span.from_ms + 1) for span in spans)
    return Interval(min(span.from_ms for span in spans), to_ms)

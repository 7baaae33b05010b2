"""Runs: which ones a typed id means, the list of them, and the hosts they held."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from weft.answers.answers import ALL_TIME, Answers, did_you_mean
from weft.answers.directory import UNTOLD_PORTS, Directory
from weft.answers.people import held, may_see, require_operator
from weft.answers.tables import Ask, TableData
from weft.base.errors import BadRequest, UnknownName
from weft.base.intervals import FOREVER_MS, Interval, wire_ms
from weft.fabric.model import NodeKind, PortKey
from weft.inventory.store import Page, RunFilter
from weft.scheduler.model import Run, RunKey

MOST_RUNS = 1000
"""Runs looked at for one answer."""
CHUNK = 50
"""Runs looked at in one go, at least, where a filter may let few of them pass."""

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
    switch: str = "",
    job: str = "",
    cursor: str | None = None,
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
    if job:
        page, notices = await _of_label(answers, ask, job, which, host, switch, cursor)
    elif host or switch:
        page, notices = await _on_hosts(answers, ask, which, host, switch, cursor)
    else:
        page = await answers.site.jobs.runs(which, limit=ask.limit, cursor=cursor)
    if not ask.viewer.operator:
        if user and set(user) != {ask.viewer.who}:
            notices.append(f"Only jobs of {ask.viewer.who} are listed.")
        notices += await _others(answers, ask)
    if page.cursor is not None:
        newest = "newest " if cursor is None else "next "
        notices.append(f"Only the {newest}{len(page.items)} runs are listed.")
    if not page.items:
        notices.append("No run matches in this window." if cursor is None else "No further run matches.")
    return TableData([_row(run) for run in page.items], tuple(notices), page.cursor)


async def _of_label(
    answers: Answers, ask: Ask, job: str, which: RunFilter, hosts: Sequence[str], switch: str, cursor: str | None
) -> tuple[Page[Run], list[str]]:
    """Runs of one job id that pass the filter, on one page: an id means some thousand at most."""
    if cursor is not None:
        raise BadRequest("The runs of one job are no list to page through.", fix="Leave job= or cursor= out.")
    typed = Typed.read(job, answers.site.settings.cluster)
    clusters = which.clusters or (typed.cluster,)
    window = None if typed.start is not None else ask.window
    found = [run for one in clusters for run in await answers.site.jobs.find(typed.label, one, window)]
    spots = await Spots.of(answers, ask, hosts, switch) if hosts or switch else None
    kept = [run for run in found if typed.means(run) and passes(run, which) and (spots is None or spots.held_by(run))]
    kept.sort(key=lambda run: run.key.start_ms or run.submit_ms or 0, reverse=True)
    rest = kept[ask.limit :]
    notices = [f"Only the newest {ask.limit} of {len(kept)} runs are listed."] if rest else []
    return Page(tuple(kept[: ask.limit])), notices


async def _on_hosts(
    answers: Answers, ask: Ask, which: RunFilter, hosts: Sequence[str], switch: str, cursor: str | None
) -> tuple[Page[Run], list[str]]:
    """One page of runs on hosts that pass the filter. Runs that do not pass are looked at too, a bounded number."""
    spots = await Spots.of(answers, ask, hosts, switch)
    found: list[Run] = []
    looked, at = 0, cursor
    while looked < MOST_RUNS:
        want = min(max(ask.limit - len(found), CHUNK), MOST_RUNS - looked)
        page = await answers.site.jobs.runs_on(spots.names, ask.window, limit=want, cursor=at)
        passing = [i for i, run in enumerate(page.items) if passes(run, which) and spots.held_by(run)]
        if len(found) + len(passing) > ask.limit:  # end the page at the last run that is told
            enough = passing[ask.limit - len(found) - 1] + 1
            page = await answers.site.jobs.runs_on(spots.names, ask.window, limit=enough, cursor=at)
            passing = passing[: ask.limit - len(found)]
        found += [page.items[i] for i in passing]
        looked, at = looked + len(page.items), page.cursor
        if at is None or len(found) == ask.limit:
            return Page(tuple(found), at), []
    return Page(tuple(found), at), [f"Only {MOST_RUNS} runs on these hosts are looked at: go on with the cursor."]


class Spots:
    """Hosts, each in the time in which it counts: those that are named always, those of a switch while they hung there.

    `names`: as the scheduler may write them.
    """

    def __init__(self, times: Mapping[str, Sequence[Interval]]) -> None:
        self._times = {host.casefold(): spans for host, spans in times.items()}
        self.names = sorted({name for host in times for name in (host, host.partition(".")[0])})

    @classmethod
    async def of(cls, answers: Answers, ask: Ask, hosts: Sequence[str], switch: str) -> "Spots":
        """Those that are named; where a switch is named too, only those of them that hung on it.

        Raises:
            UnknownName: no such switch. Forbidden: the switch, for a user.
        """
        if not switch:
            return cls({host: [ask.window] for host in hosts})
        require_operator(ask.viewer, "A list of jobs by switch")
        times: dict[str, list[Interval]] = {}
        wanted = {host.partition(".")[0].casefold() for host in hosts}
        found = 0
        for fabric in await answers.fabrics():
            directory = await answers.directory(fabric.name)
            found += switch in directory.switches
            for hung in await hung_on(answers, fabric.name, _bearers(directory, switch), ask.window):
                if not wanted or hung.host.partition(".")[0].casefold() in wanted:
                    times.setdefault(hung.host, []).append(hung.span)
        if not found:
            known = [name for f in await answers.fabrics() for name in (await answers.directory(f.name)).switches]
            raise UnknownName(f"There is no switch '{switch}'.", fix=did_you_mean(switch, known))
        return cls(times)

    def held_by(self, run: Run) -> bool:
        """True when the run held one of the hosts while it counts; one that never started counts by its submission."""
        span = held(run) or Interval(run.submit_ms or 0, (run.submit_ms or 0) + 1)
        return any(
            time.overlaps(span)
            for host in run.hosts
            for name in (host, host.partition(".")[0])
            for time in self._times.get(name.casefold(), ())
        )


def _bearers(directory: Directory, switch: str) -> list[tuple[str, int, Interval]]:
    """GUID, number of ports and time of every switch that bore a name."""
    return [(named.guid, named.ports, named.span) for named in directory.switches.get(switch, ())]


class Hung(NamedTuple):
    """A host on a switch (GUID), and for how long."""

    host: str
    switch: str
    span: Interval


async def hung_on(
    answers: Answers, fabric: str, switches: Sequence[tuple[str, int, Interval]], window: Interval
) -> list[Hung]:
    """Hosts that hung on switches in a window.

    Args:
        switches: GUID, number of ports, and the time in which the switch counts.
    """
    directory = await answers.directory(fabric)
    counts = {guid: span for guid, _, span in switches}
    ports = [PortKey(guid, number) for guid, most, _ in switches for number in range(1, (most or UNTOLD_PORTS) + 1)]
    found = []
    for connection in await answers.site.fabrics.connections(fabric, window, ports) if ports else ():
        for near, far in ((connection.a, connection.b), (connection.b, connection.a)):
            if near.guid in counts and directory.kind(far.guid) is NodeKind.CA:
                span = connection.span.cut(window).cut(counts[near.guid])
                named = directory.host_of(far.guid, span.from_ms)
                if span and named is not None:
                    found.append(Hung(named.name, near.guid, span))
    return found


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

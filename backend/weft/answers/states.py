"""States over time, as a state timeline draws them: what became of a job, what a user's jobs did, who held a host."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from weft.answers.answers import Answers
from weft.answers.jobs import MOST_RUNS, resolve
from weft.answers.people import held, may_see
from weft.answers.tables import Ask, TableData
from weft.base.errors import BadRequest
from weft.base.formats import counted
from weft.base.intervals import FOREVER_MS, Interval, wire_ms
from weft.inventory.store import RunFilter
from weft.scheduler.model import Run

FREE = "free"
MOST_HELD = 5
"""Jobs named for one stretch of a host that many share."""


def states_of(runs: Iterable[Run]) -> Iterator[tuple[Run, Interval, str]]:
    """States of one job's runs, oldest first: pending since submission, running, as it ended until it waits again.

    What Slurm told of a run is when it was submitted, began and ended: what happened in between (suspended, resized) is
    not known, and a run that has not ended is in the state it was seen in last.
    """
    ordered = sorted(runs, key=lambda run: (run.key.start_ms is None, run.key.start_ms or run.submit_ms or 0))
    for i, run in enumerate(ordered):
        before_ms = max((x.end_ms or 0 for x in ordered[:i]), default=0)
        later = [t for x in ordered[i + 1 :] if (t := x.submit_ms if x.submit_ms is not None else x.key.start_ms)]
        start, end = run.key.start_ms, run.end_ms
        waits_from = None if run.submit_ms is None else max(run.submit_ms, before_ms)
        begins = start if start is not None else end
        if waits_from is not None and (begins is None or waits_from < begins):
            state = run.state if begins is None else "PENDING"
            yield run, Interval(waits_from, FOREVER_MS if begins is None else begins), state
        if start is not None:
            yield run, Interval(start, FOREVER_MS if end is None else end), run.state if end is None else "RUNNING"
        if end is not None:
            until = min(later, default=FOREVER_MS)
            if until > end:
                yield run, Interval(end, until), run.state


async def job_states(answers: Answers, ask: Ask, job: str) -> TableData:
    """What became of a job: each state with from and to, oldest first."""
    meant = await resolve(answers, ask, job)
    lives: dict[tuple[str, int], list[Run]] = {}
    for run in meant.runs:
        lives.setdefault((run.key.cluster, run.key.job_id), []).append(run)
    rows: list[list[object]] = [
        [span.from_ms, wire_ms(span.to_ms), state, run.label, run.user, run.key.text]
        for own in lives.values()
        for run, span, state in states_of(own)
        if span.overlaps(ask.window)
    ]
    return _newest(rows, list(meant.notices), ask.limit)


async def state_timeline(answers: Answers, ask: Ask, user: Sequence[str] = (), host: Sequence[str] = ()) -> TableData:
    """States of the jobs of users, or which jobs held hosts, in the window."""
    if bool(user) == bool(host):
        raise BadRequest("Whose states is not said.", fix="Give user=alice or host=node001.")
    if host:
        return await _of_hosts(answers, ask, host)
    users = tuple(user) if ask.viewer.operator else (ask.viewer.who,)
    page = await answers.site.jobs.runs(RunFilter(window=ask.window, users=users), limit=MOST_RUNS)
    notices = [f"Only the newest {MOST_RUNS} runs are looked at."] if page.cursor is not None else []
    if not ask.viewer.operator and set(user) != {ask.viewer.who}:
        notices.append(f"Only jobs of {ask.viewer.who} are listed.")
    lives: dict[tuple[str, int], list[Run]] = {}
    for run in page.items:
        lives.setdefault((run.key.cluster, run.key.job_id), []).append(run)
    rows: list[list[object]] = [
        [span.from_ms, wire_ms(span.to_ms), state, run.label, run.user, run.key.text]
        for own in lives.values()
        for run, span, state in states_of(own)
        if span.overlaps(ask.window) and (run.end_ms is None or span.from_ms < run.end_ms)
    ]
    if not rows:
        notices.append(f"No job of {', '.join(users)} in this window.")
    return _newest(rows, notices, ask.limit)


def _newest(rows: list[list[object]], notices: list[str], limit: int) -> TableData:
    """Rows by name and time; where there are too many, those that began last."""
    if len(rows) > limit:
        notices = [*notices, f"Only the newest {limit} of {len(rows)} rows are listed."]
        rows = sorted(rows, key=lambda row: -int(str(row[0])))[:limit]
    return TableData(sorted(rows, key=lambda row: (str(row[3]), int(str(row[0])))), tuple(notices))


async def _of_hosts(answers: Answers, ask: Ask, hosts: Sequence[str]) -> TableData:
    """Which jobs held each host when, a row for each stretch in which these were the same; users: while theirs did."""
    rows: list[list[object]] = []
    notices: list[str] = []
    end_ms = min(ask.window.to_ms, max(ask.now_ms, ask.window.from_ms + 1))
    for host in hosts:
        names = dict.fromkeys((host, host.partition(".")[0]))
        page = await answers.site.jobs.runs_on(list(names), ask.window, limit=MOST_RUNS)
        if page.cursor is not None:
            notices.append(f"Only the newest {MOST_RUNS} runs on {host} are looked at.")
        on = [(span, run) for run in page.items if (span := held(run)) is not None]
        mine = [span for span, run in on if may_see(ask.viewer, run)]
        if not mine and not ask.viewer.operator:
            notices.append(f"No job of {ask.viewer.who} held {host} in this window.")
            continue
        first = on[-1][0].from_ms if page.cursor is not None and on else ask.window.from_ms
        asked = Interval(max(ask.window.from_ms, first), end_ms)
        for span, runs in _stretches(on, asked):
            if ask.viewer.operator or any(span.overlaps(own) for own in mine):
                users = sorted({run.user for run in runs if may_see(ask.viewer, run)})
                key = runs[0].key.text if len(runs) == 1 and may_see(ask.viewer, runs[0]) else None
                rows.append([span.from_ms, span.to_ms, _holders(ask, runs), host, " ".join(users) or None, key])
    if not rows and not notices:
        notices.append("No run held these hosts in this window.")
    return _newest(rows, notices, ask.limit)


def _stretches(on: Sequence[tuple[Interval, Run]], window: Interval) -> Iterator[tuple[Interval, list[Run]]]:
    """Times in which a host was held by the same runs, in order and without a gap; where it was never held: none."""
    spans = [(cut, run) for span, run in on if (cut := span.cut(window))]
    if not spans:
        return
    begin = min(span.from_ms for span, _ in spans)
    cuts = sorted({begin, window.to_ms, *(t for span, _ in spans for t in (span.from_ms, span.to_ms))})
    for from_ms, to_ms in pairwise(cuts):
        stretch = Interval(from_ms, to_ms)
        yield stretch, sorted((run for span, run in spans if span.overlaps(stretch)), key=lambda run: run.key)


def _holders(ask: Ask, runs: Sequence[Run]) -> str:
    """`4711`, `4711, 4712`, `4711, 2 others`, or that it was free."""
    names = [run.label for run in runs if may_see(ask.viewer, run)]
    others = len(runs) - len(names[:MOST_HELD])
    told = names[:MOST_HELD] + ([counted(others, "other")] if others else [])
    return ", ".join(told) or FREE

"""Who sees what: operators everything, users their own runs and those runs' hosts while they ran."""

from collections.abc import Iterable, Mapping, Sequence

from weft.answers.answers import Answers
from weft.base.access import Viewer
from weft.base.errors import Forbidden
from weft.base.intervals import FOREVER_MS, Interval
from weft.inventory.store import RunFilter
from weft.scheduler.model import Run

MOST_OWN_RUNS = 1000


def require_operator(viewer: Viewer, what: str) -> None:
    """Raise Forbidden unless the viewer is an operator."""
    if not viewer.operator:
        raise Forbidden(
            f"{what} is for operators, and {viewer.who} is none.",
            fix="Ask for your own jobs, or have your name added to http.operators.",
        )


def may_see(viewer: Viewer, run: Run) -> bool:
    """True when the run is the viewer's own, or nothing is hidden from them."""
    return viewer.operator or run.user == viewer.who


def held(run: Run) -> Interval | None:
    """While the run had its hosts: `[start, end)`, at least a millisecond; open while it runs, None: never started."""
    start = run.key.start_ms
    if start is None:
        return None
    return Interval(start, FOREVER_MS if run.end_ms is None else max(run.end_ms, start + 1))


async def own_runs(answers: Answers, viewer: Viewer, window: Interval) -> tuple[Run, ...]:
    """The viewer's runs that overlap the window, newest first, at most MOST_OWN_RUNS."""
    page = await answers.site.jobs.runs(RunFilter(window=window, users=(viewer.who,)), limit=MOST_OWN_RUNS)
    return page.items


async def host_times(answers: Answers, viewer: Viewer, window: Interval) -> Mapping[str, Sequence[Interval]] | None:
    """Host -> when the viewer's own runs held it in the window, by casefolded name; None: everything may be seen."""
    if viewer.operator:
        return None
    times: dict[str, list[Interval]] = {}
    for run in await own_runs(answers, viewer, window):
        span = held(run)
        if span is not None and span.cut(window):
            for host in run.hosts:
                times.setdefault(host.casefold(), []).append(span.cut(window))
    return {host: joined(spans) for host, spans in times.items()}


def joined(spans: Iterable[Interval]) -> list[Interval]:
    """The same time with overlapping and adjoining spans made one, oldest first."""
    merged: list[Interval] = []
    for span in sorted(spans):
        if merged and span.from_ms <= merged[-1].to_ms:
            merged[-1] = Interval(merged[-1].from_ms, max(merged[-1].to_ms, span.to_ms))
        else:
            merged.append(span)
    return merged

"""The sources of a site, and values that pickers suggest."""

from collections.abc import Callable, Sequence

from weft.answers.answers import Answers
from weft.answers.people import host_times
from weft.answers.tables import Ask, TableData
from weft.inventory.store import RunFilter
from weft.scheduler.model import Run

LATEST_JOBS = 200
MOST_RUNS = 1000

_OF_RUN: dict[str, Callable[[Run], str]] = {
    "users": lambda run: run.user,
    "accounts": lambda run: run.account,
    "partitions": lambda run: run.partition,
    "clusters": lambda run: run.key.cluster,
    "states": lambda run: run.state.lower(),
}


async def sources(answers: Answers, ask: Ask) -> TableData:
    """Every source with its last word."""
    found = await answers.site.ledger.sources()
    rows = [[s.source, s.heard_ms, (ask.now_ms - s.heard_ms) / 1000, s.ok, s.text] for s in found]
    return TableData(rows, () if rows else ("No source was heard yet.",))


async def suggest(answers: Answers, ask: Ask, what: str) -> Sequence[str]:
    """Values for a parameter's `options`, at most `ask.limit`; jobs: the running ones, then the newest that ended.

    What is not for the viewer, and what is unknown, suggests nothing.
    """
    if what == "jobs" or what in _OF_RUN:
        users = () if ask.viewer.operator else (ask.viewer.who,)
        runs = (await answers.site.jobs.runs(RunFilter(window=ask.window, users=users), limit=MOST_RUNS)).items
        if what in _OF_RUN:
            return sorted({value for run in runs if (value := _OF_RUN[what](run))})[: ask.limit]
        own = answers.site.settings.cluster
        typed = [
            (run.end_ms is None, run.label if run.key.cluster == own else f"{run.key.cluster}:{run.label}")
            for run in runs
        ]
        ended = [label for running, label in typed if not running][:LATEST_JOBS]
        return list(dict.fromkeys([*(label for running, label in typed if running), *ended]))[: ask.limit]
    names: list[str] = []
    times = await host_times(answers, ask.viewer, ask.window) if what == "hosts" else None
    for fabric in await answers.fabrics():
        if what == "hosts":
            directory = await answers.directory(fabric.name)
            mine = None if times is None else {directory.find_host(host) for host in times}
            names += [host for host in directory.hosts if mine is None or host in mine]
        elif ask.viewer.operator and what == "fabrics":
            names.append(fabric.name)
        elif ask.viewer.operator and what == "switches":
            names += (await answers.directory(fabric.name)).switches
        elif ask.viewer.operator and what == "cables":
            names += await answers.cables(fabric.name)
    return list(dict.fromkeys(names))[: ask.limit]

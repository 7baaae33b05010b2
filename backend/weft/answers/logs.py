"""Log lines, by words, hosts and job; users see lines of their runs' hosts while they ran."""

from collections.abc import Sequence

from weft.answers.answers import Answers
from weft.answers.jobs import resolve
from weft.answers.people import held, own_runs
from weft.answers.tables import Ask, TableData
from weft.base.intervals import Interval
from weft.logs.store import LogLine, LogQuery
from weft.scheduler.model import Run

MOST_SEARCHES = 50
"""Runs searched for one answer, a search each: every run has its own hosts and its own time."""


async def logs(
    answers: Answers, ask: Ask, query: str = "", hosts: Sequence[str] = (), job: str | None = None
) -> TableData:
    """Lines with all words, newest first; of a job: on its hosts while it ran."""
    words = tuple(query.split())
    notices: list[str] = []
    if job is None and ask.viewer.operator:
        hits = await answers.site.logs.search(LogQuery(ask.window, words, tuple(hosts)), limit=ask.limit)
        if hits.cursor is not None:
            notices.append(f"Only the newest {len(hits.lines)} of {hits.total} lines are listed.")
        return _table(hits.lines, notices, words)
    if job is not None:
        meant = await resolve(answers, ask, job)
        runs, notices = meant.runs, list(meant.notices)
    else:
        runs = await own_runs(answers, ask.viewer, ask.window)
        notices.append("Only lines of your own runs' hosts are searched, while they ran.")
    if len(runs) > MOST_SEARCHES:
        notices.append(f"Only the newest {MOST_SEARCHES} of {len(runs)} runs are searched.")
    lines: dict[str, LogLine] = {}
    total, more = 0, False
    for run in runs[:MOST_SEARCHES]:
        found = _query(run, ask.window, words, hosts)
        if found is not None:
            hits = await answers.site.logs.search(found, limit=ask.limit)
            lines.update({line.id: line for line in hits.lines})
            total += hits.total
            more = more or hits.cursor is not None
    newest = sorted(lines.values(), key=lambda line: (-line.at_ms, line.id))[: ask.limit]
    if more or len(lines) > ask.limit:
        notices.append(f"Only the newest {len(newest)} of {total} lines are listed.")
    return _table(newest, notices, words)


def _query(run: Run, window: Interval, words: tuple[str, ...], hosts: Sequence[str]) -> LogQuery | None:
    """What to search for one run; None: nothing can match. syslog writes the short host name, Slurm either."""
    span = held(run)
    wanted = {host.casefold() for host in hosts}
    own = [host for host in run.hosts if not wanted or {host.casefold(), _short(host).casefold()} & wanted]
    if span is None or not own or not span.cut(window):
        return None
    return LogQuery(span.cut(window), words, tuple(sorted({name for host in own for name in (host, _short(host))})))


def _short(host: str) -> str:
    return host.partition(".")[0]


def _table(lines: Sequence[LogLine], notices: list[str], words: tuple[str, ...]) -> TableData:
    if not lines:
        what = f" with {' and '.join(words)}" if words else ""
        notices = [*notices, f"No line{what} in this window."]
    rows = [
        [line.at_ms, line.host, line.program, line.severity or None, line.message, line.source, line.id]
        for line in lines
    ]
    return TableData(rows, tuple(notices))

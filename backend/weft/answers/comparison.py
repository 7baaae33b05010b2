"""Runs side by side: how each lay, how long it took, what it carried and logged, what it shared with the first."""

from collections.abc import Sequence
from dataclasses import dataclass

from weft.answers.answers import Answers
from weft.answers.jobs import hull, resolve
from weft.answers.logs import count_of
from weft.answers.measured import Part, Sum, Summary, rate, read, summary, unit_of
from weft.answers.people import held
from weft.answers.placement import reports
from weft.answers.plugs import Plug, plugs_of
from weft.answers.tables import Ask, TableData
from weft.answers.virtual import counters
from weft.base.errors import BadRequest, TooMuch
from weft.base.intervals import wire_ms
from weft.logs.store import LogQuery
from weft.scheduler.model import Run

MOST_COMPARED = 8
SENT = "PortXmitData"


@dataclass(frozen=True, slots=True)
class Side:
    """One run with what is compared; None where it is not known."""

    run: Run
    plugs: tuple[Plug, ...]
    leaves_minimum: int | None
    mean_hops: float | None
    best_hops: float | None
    traffic: Summary
    lines: int | None


async def compare(answers: Answers, ask: Ask, jobs: Sequence[str]) -> TableData:
    """A row a job, in the order asked: its newest run in the window."""
    if len(jobs) > MOST_COMPARED:
        raise BadRequest(f"{len(jobs)} jobs are over {MOST_COMPARED}.", fix="Compare fewer at once.")
    notices: list[str] = []
    sides: list[Side] = []
    for job in jobs:
        meant = await resolve(answers, ask, job)
        if len(meant.runs) > 1:
            notices.append(f"Job {job} has {len(meant.runs)} runs in this window: the newest is compared.")
        elif not meant.runs:
            notices += meant.notices
        if meant.runs:
            sides.append(await _side(answers, ask, meant.runs[0], notices))
    rows = [_row(side, sides[0], ask.now_ms) for side in sides]
    return TableData(rows, tuple(dict.fromkeys(notices)))


async def _side(answers: Answers, ask: Ask, run: Run, notices: list[str]) -> Side:
    plugs, why = await plugs_of(answers, [run], ask.now_ms)
    notices += why
    placed, _ = await reports(answers, ask, run.key.text)
    one = placed[0].placement if placed else None
    return Side(
        run,
        tuple(plugs),
        one.leaves_minimum if one else None,
        one.mean_hops if one else None,
        one.best_hops if one else None,
        await _traffic(answers, ask, run, plugs, notices),
        await _lines(answers, run),
    )


async def _traffic(answers: Answers, ask: Ask, run: Run, plugs: Sequence[Plug], notices: list[str]) -> Summary:
    """What the switches sent to the run's hosts in bytes/s, all ports together."""
    span = hull([run], ask.now_ms)
    guids = {plug.switch_port.guid for plug in plugs}
    stored = await counters(answers.site.metrics, guids, "*", SENT, notices.append)
    parts = [Part(name, plug.span, plug.host) for plug in plugs for _, name in stored.get(plug.switch_port, ())]
    if span is None or not parts:
        return Summary(None, None)
    total = Sum(span)
    factor, _ = unit_of(SENT)
    try:
        async for _, one in read(answers, parts, ask.now_ms, notices.append):
            total.add(one.but(values=rate(one.values, one.step_s, factor)))
    except TooMuch as exc:
        notices.append(f"Traffic of job {run.label}: {exc.what}")
        return Summary(None, None)
    return summary(total.values())


async def _lines(answers: Answers, run: Run) -> int | None:
    """Log lines of the run's hosts while it ran; None: its hosts are not known."""
    span = held(run)
    if span is None or not run.hosts:
        return None
    names = tuple(sorted({name for host in run.hosts for name in (host, host.partition(".")[0])}))
    return await count_of(answers, LogQuery(span, hosts=names))


def _row(side: Side, first: Side, now_ms: int) -> list[object]:
    run, other = side.run, first.run
    start, end = run.key.start_ms, run.end_ms
    leaves = _leaves(side)
    both = None
    if side is not first:
        mine, theirs = held(run), held(other)
        both = mine.cut(theirs) if mine is not None and theirs is not None else None
    common = None if side is first else len(set(run.hosts) & set(other.hosts))
    return [
        run.label,
        run.user,
        run.name,
        run.state,
        run.exit_code,
        run.exit_signal,
        start,
        end,
        None if start is None or end is None else (end - start) / 1000,
        len(run.hosts) or run.node_count,
        len(leaves) or None,
        side.leaves_minimum,
        side.mean_hops,
        side.best_hops,
        side.traffic.mean,
        side.traffic.highest,
        side.lines,
        common,
        None if side is first else len(leaves & _leaves(first)),
        None if both is None else max(0, min(wire_ms(both.to_ms) or now_ms, now_ms) - both.from_ms) / 1000,
        run.key.text,
    ]


def _leaves(side: Side) -> set[str]:
    return {plug.switch_port.guid for plug in side.plugs}

"""Runs that were near a job's: on its hosts, on its leaf switches, on the links of its routes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from weft.answers.answers import Answers
from weft.answers.jobs import MOST_RUNS, Hung, hung_on, resolve
from weft.answers.people import held, joined
from weft.answers.plugs import Plug, plugs_of
from weft.answers.routes import sharers
from weft.answers.tables import Ask, TableData
from weft.base.formats import counted
from weft.base.intervals import Interval, wire_ms
from weft.fabric.model import NodeKind
from weft.scheduler.model import Run, RunKey

MOST_NEAR = 5000
"""Runs on its leaf switches that are looked at."""
MOST_SHOWN = 20
"""Hosts and leaves named in one cell."""


@dataclass(slots=True)
class Near:
    """A run and what it had in common with a job's runs at the same time. `times`: when, `ports`: of routes."""

    run: Run
    hosts: set[str] = field(default_factory=set)
    leaves: set[str] = field(default_factory=set)
    times: list[Interval] = field(default_factory=list)
    ports: int = 0
    basis: str | None = None

    def overlap_s(self, now_ms: int) -> float:
        """How long both ran and had something in common, in s."""
        whole = joined(self.times)
        return sum(min(t.to_ms, max(now_ms, t.from_ms)) - t.from_ms for t in whole) / 1000

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """Hosts weigh most, then ports of routes that are sure, then leaves, then ports that may be shared."""
        sure = self.basis != "possible"
        return len(self.hosts), self.ports * sure, len(self.leaves), self.ports


class _Nears(dict[RunKey, Near]):
    """Runs by key; a job's own are none."""

    def __init__(self, own: Iterable[Run]) -> None:
        super().__init__()
        self.own = {run.key for run in own}

    def of(self, run: Run) -> Near:
        """The entry of a run."""
        return self.setdefault(run.key, Near(run))


async def job_neighbours(answers: Answers, ask: Ask, job: str) -> TableData:
    """Other runs near a job's at the same time, the nearest first; for users only how many."""
    meant = await resolve(answers, ask, job)
    notices = list(meant.notices)
    nears = _Nears(meant.runs)
    await _on_hosts(answers, meant.runs, nears, notices)
    plugs, _ = await plugs_of(answers, meant.runs, ask.now_ms)
    await _on_leaves(answers, plugs, nears, notices)
    if not ask.viewer.operator:
        hosts = sum(bool(near.hosts) for near in nears.values())
        leaves = sum(bool(near.leaves) for near in nears.values())
        notices.append(
            f"{counted(hosts, 'run')} of others shared hosts of job {job}, {counted(leaves, 'run')} its leaf switches; "
            "whose they are is for operators."
        )
        return TableData([], tuple(notices))
    shared, why = await sharers(answers, meant.runs, ask.now_ms)
    for one in shared:
        near = nears.of(one.run)
        near.basis, near.ports = one.basis, one.ports
        near.times += one.times
    notices = list(dict.fromkeys([*notices, *why]))
    newest = sorted(nears.values(), key=lambda near: (-(near.run.key.start_ms or 0), near.run.key))
    ranked = sorted(newest, key=lambda near: (near.rank, near.overlap_s(ask.now_ms)), reverse=True)
    if not ranked and meant.runs:
        notices.append(f"No other run was near job {job}, as far as is known.")
    return TableData([_row(near, ask.now_ms) for near in ranked], tuple(notices))


def _row(near: Near, now_ms: int) -> list[object]:
    names = [*sorted(near.hosts), *sorted(near.leaves)]
    begin, end = min(t.from_ms for t in near.times), max(t.to_ms for t in near.times)
    return [
        near.run.label,
        near.run.user,
        near.run.name,
        near.run.state,
        near.overlap_s(now_ms),
        len(near.hosts),
        len(near.leaves),
        near.ports,
        near.basis,
        " ".join(names[:MOST_SHOWN]) + " ..." * bool(names[MOST_SHOWN:]),
        begin,
        wire_ms(end),
        near.run.key.text,
    ]


async def _on_hosts(answers: Answers, runs: Sequence[Run], nears: _Nears, notices: list[str]) -> None:
    """Runs that held a host of these runs at the same time."""
    for run in runs:
        span = held(run)
        if span is None or not run.hosts:
            continue
        page = await answers.site.jobs.runs_on(run.hosts, span, limit=MOST_RUNS)
        if page.cursor is not None:
            notices.append(f"Only the newest {MOST_RUNS} runs on the hosts of job {run.label} are looked at.")
        for other in page.items:
            theirs = held(other)
            common = set(run.hosts) & set(other.hosts)
            if other.key not in nears.own and theirs is not None and common and span.overlaps(theirs):
                near = nears.of(other)
                near.hosts |= common
                near.times.append(span.cut(theirs))


async def _on_leaves(answers: Answers, plugs: Sequence[Plug], nears: _Nears, notices: list[str]) -> None:
    """Runs that held a host on the same leaf switch while one of these plugs was there."""
    for fabric in dict.fromkeys(plug.fabric for plug in plugs):
        directory = await answers.directory(fabric)
        leaves: dict[str, list[Plug]] = {}
        for plug in plugs:
            if plug.fabric == fabric and directory.kind(plug.switch_port.guid) is NodeKind.SWITCH:
                leaves.setdefault(plug.switch_port.guid, []).append(plug)
        if not leaves:
            continue
        mine = {guid: joined(plug.span for plug in own) for guid, own in leaves.items()}
        switches = [
            (guid, max(span.ports for span in directory.nodes_of(guid)), Interval(own[0].from_ms, own[-1].to_ms))
            for guid, own in mine.items()
        ]
        window = Interval(min(span.from_ms for *_, span in switches), max(span.to_ms for *_, span in switches))
        around: dict[str, list[Hung]] = {}
        for hung in await hung_on(answers, fabric, switches, window):
            around.setdefault(hung.host, []).append(hung)
        names = sorted({name for host in around for name in (host, host.partition(".")[0])})
        page = await answers.site.jobs.runs_on(names, window, limit=MOST_NEAR)
        if page.cursor is not None:
            notices.append(f"Only the newest {MOST_NEAR} runs on its leaf switches are looked at.")
        for other in page.items:
            theirs = held(other)
            if other.key in nears.own or theirs is None:
                continue
            for hung in (hung for host in other.hosts for hung in around.get(directory.find_host(host) or "", ())):
                if both := [time for own in mine[hung.switch] if (time := own.cut(hung.span).cut(theirs))]:
                    near = nears.of(other)
                    near.leaves.add(leaves[hung.switch][0].switch)
                    near.times += both

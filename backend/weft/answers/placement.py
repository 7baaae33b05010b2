"""How a job's runs lay in the fabric, over the whole time they ran, and which hosts would have lain better."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from weft.answers.answers import Answers, Scene
from weft.answers.jobs import MOST_RUNS, resolve, unknown_hosts
from weft.answers.networks import REROUTES
from weft.answers.people import held
from weft.answers.tables import Ask, TableData
from weft.base.formats import counted
from weft.base.intervals import Interval, wire_ms
from weft.fabric.model import NodeKind, PortKey
from weft.fabric.placement import MOST_SWAPS, Offers, Placement, Rail, helpful, place, proposed
from weft.fabric.topology import Topology
from weft.inventory.store import FabricSpan, RunFilter
from weft.scheduler.eligibility import Told, doubts_of, usable
from weft.scheduler.model import Run, SchedulerNode

MOST_REPORTS = 20
"""Runs placed for one answer: an array job has a thousand parts, and nobody reads a thousand verdicts."""
MOST_CUTS = 12
"""Changes of the fabric during the runs of one answer that are looked at, each a picture of its own."""
MOST_CANDIDATES = 2_000
"""Hosts of which it is looked up whether they were free, the best first."""
MOST_TEXTS = 3
UNSEEN_MS = 86_400_000
"""Without a sweep for a day what is said of the fabric is old."""


@dataclass(frozen=True, slots=True)
class Report:
    """A run, the fabric it lay in, and how, for a stretch of its time; `changes`: what began the stretch, in words."""

    run: Run
    fabric: str
    span: Interval
    placement: Placement
    changes: tuple[str, ...] = ()


class Cut(NamedTuple):
    """A change: it was seen at `at_ms`, and at `since_ms` (None: never) it was not so yet."""

    at_ms: int
    since_ms: int | None
    texts: tuple[str, ...]


async def reports(answers: Answers, ask: Ask, job: str) -> tuple[list[Report], list[str]]:
    """The reports of a job's runs, oldest stretch first in each fabric that has one of its hosts, and notices."""
    meant = await resolve(answers, ask, job)
    notices = [*meant.notices, *unknown_hosts(meant.runs)]
    started = [run for run in meant.runs if run.key.start_ms is not None and run.hosts]
    if len(started) > MOST_REPORTS:
        notices.append(f"Only the newest {MOST_REPORTS} of {len(started)} runs are placed; ask for one by its id.")
    found: list[Report] = []
    for run in started[:MOST_REPORTS]:
        placed, why = await _of_run(answers, run, ask.now_ms, max(1, MOST_CUTS // min(len(started), MOST_REPORTS)))
        found += placed
        notices += why
    return found, list(dict.fromkeys(notices))


async def _of_run(answers: Answers, run: Run, now_ms: int, most_cuts: int) -> tuple[list[Report], list[str]]:
    span = held(run)
    if span is None:
        return [], []
    span = Interval(span.from_ms, min(span.to_ms, max(now_ms, span.from_ms + 1)))
    found: list[Report] = []
    notices: list[str] = []
    fabrics = await answers.fabrics()
    for fabric in fabrics:
        directory = await answers.directory(fabric.name)
        if not any(directory.find_host(host) for host in run.hosts):
            continue
        if span.from_ms < fabric.first_ms:
            notices.append(
                f"Fabric {fabric.name} was first seen at {answers.when(fabric.first_ms)}; "
                f"job {run.label} started before, at {answers.when(span.from_ms)}: "
                "where its hosts hung then is not known."
            )
        if span.to_ms > fabric.first_ms:
            placed, why = await _in_fabric(answers, run, fabric, span, most_cuts)
            found += placed
            notices += why
    if not found and not notices:
        known = "No fabric was seen yet." if not fabrics else "None of its hosts was in the fabric then."
        notices.append(f"Job {run.label}: {known}")
    return found, notices


async def _in_fabric(
    answers: Answers, run: Run, fabric: FabricSpan, whole: Interval, most_cuts: int
) -> tuple[list[Report], list[str]]:
    """How the run lay in one fabric: a report for each stretch in which that was the same, and notices."""
    span = Interval(max(whole.from_ms, fabric.first_ms), whole.to_ms)
    cuts, notices = await _cuts(answers, run, fabric.name, span, most_cuts)
    nodes = await answers.site.jobs.scheduler_nodes(run.key.cluster, whole.from_ms)
    found: list[Report] = []
    idle = 0
    for cut, end_ms in zip(cuts, [*(cut.at_ms for cut in cuts[1:]), span.to_ms], strict=True):
        scene = await answers.scene(fabric.name, cut.at_ms)
        told = _told(scene.topology, nodes, run.hosts)
        could = usable(run, told)
        lay = await asyncio.to_thread(place, scene.topology, run.hosts, could)
        if found and _shape(found[-1].placement) == _shape(lay):
            found[-1] = replace(found[-1], span=Interval(found[-1].span.from_ms, end_ms))
            idle += len(cut.texts)
            continue
        if cut.at_ms == whole.from_ms:
            lay = await _with_swaps(answers, run, scene.topology, lay, told)
        doubts = [*lay.doubts, *_doubts_then(answers, fabric, scene, lay, cut, could)]
        found.append(
            Report(run, fabric.name, Interval(cut.at_ms, end_ms), replace(lay, doubts=tuple(doubts)), cut.texts)
        )
    if idle:
        notices.append(f"{counted(idle, 'change')} of the fabric while job {run.label} ran did not change how it lay.")
    if whole.to_ms - fabric.last_ms > UNSEEN_MS:
        notices.append(
            f"Fabric {fabric.name} was last seen at {answers.when(fabric.last_ms)}: later changes are not known."
        )
    if all(not report.placement.hosts and not report.placement.unlinked for report in found):
        return [], notices
    return found, notices


async def _cuts(answers: Answers, run: Run, fabric: str, span: Interval, most: int) -> tuple[list[Cut], list[str]]:
    """The begin of a run's time in a fabric and the changes in it that may matter, oldest first, and notices.

    What concerns the run's own hosts or the switches between hosts may matter; other hosts do not.
    """
    directory = await answers.directory(fabric)
    names = {name for host in run.hosts if (name := directory.find_host(host)) is not None}
    own = {named.guid for name in names for named in directory.hcas(name, span)}
    page = await answers.site.fabrics.changes(fabric, Interval(span.from_ms + 1, span.to_ms), kinds=REROUTES)
    seen: dict[int, tuple[int | None, list[str], bool]] = {}
    for change in page.items:
        guids = {*change.guids, *(port.guid for port in change.ports)}
        mine = bool(guids & own)
        if mine or all(directory.kind(guid) is not NodeKind.CA for guid in guids):
            _, texts, before = seen.setdefault(change.at_ms, (change.since_ms, [], False))
            texts.append(change.text)
            seen[change.at_ms] = (change.since_ms, texts, before or mine)
    chosen = sorted(seen, key=lambda at: (not seen[at][2], at))[:most]
    notices = []
    if len(chosen) < len(seen) or page.cursor is not None:
        notices.append(
            f"The fabric changed {'over ' if page.cursor else ''}{len(seen)} times while job {run.label} ran: "
            f"how it lay is looked at after {len(chosen)} of them, those of its own hosts first."
        )
    first = Cut(span.from_ms, None, ())
    return [first, *(Cut(at, seen[at][0], tuple(seen[at][1])) for at in sorted(chosen))], notices


def _shape(lay: Placement) -> tuple[object, ...]:
    """What is equal while a run lies in one way."""
    return lay.hosts, lay.guids, lay.absent, lay.unlinked, lay.cut_off, lay.histogram, lay.best_hops, lay.leaves_minimum


def _told(topology: Topology, nodes: Sequence[SchedulerNode], hosts: Sequence[str]) -> Told:
    """Slurm's nodes by the names of the fabric's hosts; those that it does not have are left out."""
    own = {name for host in hosts if (name := topology.find(host)) is not None}
    return Told.of({name: node for node in nodes if (name := topology.find(node.name)) is not None}, own)


async def _with_swaps(answers: Answers, run: Run, topology: Topology, lay: Placement, told: Told) -> Placement:
    """The report with the swaps that could have been made when the run started."""
    if not lay.stragglers:
        return lay
    wanted = helpful(topology, lay)[:MOST_CANDIDATES]
    free = await _free(answers, run, topology, wanted)
    offers: Offers | None = None
    if free is not None:
        offers = {
            straggler.host: {
                host: unsure for host in free if (unsure := doubts_of(run, told, host, straggler.host)) is not None
            }
            for straggler in lay.stragglers[:MOST_SWAPS]
        }
    lay = proposed(topology, lay, offers)
    if not lay.swaps:
        return lay
    doubts = list(lay.doubts)
    if told.nodes:
        doubts.append("Node states are those that Slurm told last before the run started.")
    hidden = await _hidden(answers, run)
    if hidden:
        doubts.append(
            f"The hosts of {counted(hidden, 'other run')} at that time are not known: these may be among them."
        )
    return replace(lay, doubts=tuple(doubts))


async def _free(answers: Answers, run: Run, topology: Topology, hosts: Collection[str]) -> set[str] | None:
    """Those of these hosts that no run held when this one started; None: too many runs to tell."""
    start = run.key.start_ms or 0
    if not hosts:
        return set()
    asked = {name for host in hosts for name in (host, host.partition(".")[0])}
    page = await answers.site.jobs.runs_on(
        sorted(asked), Interval(start, start + 1), limit=MOST_RUNS
    )  # the instant of the start: who began later could not know
    if page.cursor is not None:
        return None
    busy = {topology.find(host) for other in page.items for host in other.hosts}
    return {host for host in hosts if host not in busy}


async def _hidden(answers: Answers, run: Run) -> int:
    """How many runs (of the newest that are looked at) went on at the start without anybody saying where."""
    start = run.key.start_ms or 0
    which = RunFilter(window=Interval(start, start + 1), clusters=(run.key.cluster,))
    page = await answers.site.jobs.runs(which, limit=MOST_RUNS)
    return sum(1 for other in page.items if not other.hosts and other.key.start_ms is not None)


def _doubts_then(
    answers: Answers, fabric: FabricSpan, scene: Scene, lay: Placement, cut: Cut, could: Collection[str] | None
) -> list[str]:
    """Doubts that come from when the fabric was seen, and from what is known of who could have had which hosts."""
    doubts = []
    if cut.since_ms is not None and cut.since_ms < cut.at_ms:
        doubts.append(f"It changed at some time between {answers.when(cut.since_ms)} and {answers.when(cut.at_ms)}.")
    if cut.at_ms - fabric.last_ms > UNSEEN_MS:
        doubts.append(f"The fabric was last seen at {answers.when(fabric.last_ms)}, before that.")
    unsure = _unsure(scene, lay.hosts)
    if unsure:
        more = f" and {len(unsure) - MOST_TEXTS} more" if len(unsure) > MOST_TEXTS else ""
        doubts.append(
            f"The sweeps around that time do not agree on the links of {', '.join(unsure[:MOST_TEXTS])}{more}."
        )
    if could is None and lay.mean_hops is not None and not lay.at_best:
        doubts.append("The best is of all hosts in the fabric: which of them the run could have had is not known.")
    elif could is not None and lay.mean_hops is not None and len(could) < len(scene.topology.hosts):
        doubts.append(f"The best is of the {counted(len(could), 'host')} that Slurm named for its partition.")
    return doubts


def _unsure(scene: Scene, hosts: Sequence[str]) -> list[str]:
    """Hosts of these with a link that the sweeps around that time did not confirm."""
    view = scene.view
    rows = np.flatnonzero(view.unsure)
    doubtful = {
        PortKey(view.guids[node], number)
        for nodes, numbers in zip(view.link_node[rows].tolist(), view.link_port[rows].tolist(), strict=True)
        for node, number in zip(nodes, numbers, strict=True)
    }
    return [host for host in hosts if any(rail.port in doubtful for rail in scene.topology.hosts[host])]


async def placement(answers: Answers, ask: Ask, job: str) -> TableData:
    """One row a run and stretch of its time: leaves, hops, stragglers, swaps and a verdict."""
    found, notices = await reports(answers, ask, job)
    rows = [
        [
            report.run.label,
            p.verdict,
            len(p.hosts),
            len(p.leaves),
            p.leaves_minimum,
            p.mean_hops,
            p.best_hops,
            p.best,
            " ".join(straggler.host for straggler in p.stragglers),
            "; ".join(f"{s.straggler} -> {s.candidate} ({s.before:.2f} -> {s.after:.2f})" for s in p.swaps),
            " ".join(p.doubts),
            p.levels,
            p.levels_minimum,
            " ".join(f"{rail.name}:{rail.mean_hops:.2f}" for rail in p.rails if rail.mean_hops is not None),
            " ".join(report.changes[:MOST_TEXTS]),
            report.span.from_ms,
            wire_ms(report.span.to_ms),
            report.fabric,
            report.run.key.text,
        ]
        for report in found
        for p in [report.placement]
    ]
    return TableData(rows, tuple(notices))


async def placement_swaps(answers: Answers, ask: Ask, job: str) -> TableData:
    """The swaps that would have helped, in the order in which to make them."""
    found, notices = await reports(answers, ask, job)
    rows = [
        [
            report.run.label,
            order,
            swap.straggler,
            " ".join(leaves[swap.straggler]),
            swap.candidate,
            " ".join(swap.leaves),
            swap.before,
            swap.after,
            swap.before - swap.after,
            "; ".join(swap.doubts),
            report.fabric,
            report.run.key.text,
        ]
        for report in found
        for leaves in [{straggler.host: straggler.leaves for straggler in report.placement.stragglers}]
        for order, swap in enumerate(report.placement.swaps, 1)
    ]
    if found and not rows:
        notices.append(f"No swap would have helped job {job}, as far as is known.")
    return TableData(rows, tuple(notices))


async def placement_rails(answers: Answers, ask: Ask, job: str) -> TableData:
    """How a job lay on each rail of its hosts."""
    found, notices = await reports(answers, ask, job)
    rows = [
        [
            report.run.label,
            rail.name,
            sum(rail.leaves.values()),
            len(rail.leaves),
            rail.mean_hops,
            max(rail.histogram, default=None),
            rail.histogram.get(-1, 0),
            " ".join(rail.without[:MOST_RUNS]),
            report.span.from_ms,
            report.fabric,
            report.run.key.text,
        ]
        for report in found
        for rail in report.placement.rails
    ]
    return TableData(rows, tuple(notices))


async def hops(answers: Answers, ask: Ask, job: str, rail: str | None = None) -> TableData:
    """How many pairs of a run's hosts are how many switches apart: by their worst rail, or by one."""
    found, notices = await reports(answers, ask, job)
    rows = []
    for report in found:
        histogram: Mapping[int, int] = report.placement.histogram
        if rail is not None:
            histogram = next((one.histogram for one in report.placement.rails if one.name == rail), {})
        total = sum(histogram.values())
        rows += [
            [report.run.label, count, pairs, pairs / total, report.span.from_ms, report.fabric, report.run.key.text]
            for count, pairs in sorted(histogram.items())
            if count > 0
        ]
    if rail is not None and found and not rows:
        notices.append(_which_rails(rail, [one for report in found for one in report.placement.rails]))
    return TableData(rows, tuple(notices))


async def hop_matrix(answers: Answers, ask: Ask, job: str, rail: str | None = None) -> TableData:
    """Switches crossed between each two leaves of a run, on each of its rails or on one."""
    found, notices = await reports(answers, ask, job)
    rows = [
        [
            report.run.label,
            one.name,
            a,
            b,
            one.leaves[a],
            one.leaves[b],
            crossed if crossed > 0 else None,
            report.span.from_ms,
            report.fabric,
            report.run.key.text,
        ]
        for report in found
        for one in report.placement.rails
        if rail in (None, one.name)
        for a, line in zip(one.leaves, one.hops.tolist(), strict=True)
        for b, crossed in zip(one.leaves, line, strict=True)
    ]
    if rail is not None and found and not rows:
        notices.append(_which_rails(rail, [one for report in found for one in report.placement.rails]))
    return TableData(rows, tuple(notices))


def _which_rails(rail: str, rails: Sequence[Rail]) -> str:
    known = sorted({one.name for one in rails})
    return f"There is no rail {rail}: known are {', '.join(known)}." if known else f"There is no rail {rail}."

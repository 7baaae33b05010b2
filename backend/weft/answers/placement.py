"""How a job's runs lay in the fabric when they started."""

from dataclasses import dataclass

from weft.answers.answers import Answers
from weft.answers.jobs import MOST_RUNS, resolve, unknown_hosts
from weft.answers.people import held
from weft.answers.tables import Ask, TableData
from weft.base.intervals import Interval
from weft.fabric.placement import Placement, place
from weft.fabric.topology import Topology
from weft.scheduler.model import Run

MOST_REPORTS = 20
"""Runs placed for one answer: an array job has a thousand parts, and nobody reads a thousand verdicts."""


@dataclass(frozen=True, slots=True)
class Report:
    """A run, the fabric it lay in, and how."""

    run: Run
    fabric: str
    placement: Placement


async def reports(answers: Answers, ask: Ask, job: str) -> tuple[list[Report], list[str]]:
    """A report for each run of a job and each fabric that has one of its hosts, and notices."""
    meant = await resolve(answers, ask, job)
    notices = [*meant.notices, *unknown_hosts(meant.runs)]
    started = [run for run in meant.runs if run.key.start_ms is not None and run.hosts]
    if len(started) > MOST_REPORTS:
        notices.append(f"Only the newest {MOST_REPORTS} of {len(started)} runs are placed; ask for one by its id.")
    found: list[Report] = []
    for run in started[:MOST_REPORTS]:
        placed, why = await _place(answers, run)
        found += placed
        notices += why
    return found, list(dict.fromkeys(notices))


async def _place(answers: Answers, run: Run) -> tuple[list[Report], list[str]]:
    start = run.key.start_ms or 0
    found, notices = [], []
    fabrics = await answers.fabrics()
    for fabric in fabrics:
        if start < fabric.first_ms:
            notices.append(
                f"Fabric {fabric.name} was first seen at {answers.when(fabric.first_ms)}; "
                f"job {run.label} started before, at {answers.when(start)}: where its hosts hung then is not known."
            )
            continue
        topology = (await answers.scene(fabric.name, start)).topology
        if any(topology.find(host) for host in run.hosts):
            found.append(Report(run, fabric.name, place(topology, run.hosts, await _free(answers, run, topology))))
    if not found and not notices:
        known = "No fabric was seen yet." if not fabrics else "None of its hosts was in the fabric then."
        notices.append(f"Job {run.label}: {known}")
    return found, notices


async def _free(answers: Answers, run: Run, topology: Topology) -> set[str] | None:
    """Hosts on the run's leaves that no run held when this one started; None: too many runs to tell."""
    span = held(run)
    own = {name for host in run.hosts if (name := topology.find(host)) is not None}
    leaves = {rail.leaf for name in own for rail in topology.hosts[name]} - {-1}
    around = {name for name, rails in topology.hosts.items() if leaves & {rail.leaf for rail in rails}} - own
    if span is None or not around:
        return set()
    asked = around | {name.partition(".")[0] for name in around}
    page = await answers.site.jobs.runs_on(
        sorted(asked), Interval(span.from_ms, span.from_ms + 1), limit=MOST_RUNS
    )  # the instant of the start: who began later could not know
    if page.cursor is not None:
        return None
    busy = {topology.find(host) for other in page.items for host in other.hosts}
    return {name for name in around if name not in busy}


async def placement(answers: Answers, ask: Ask, job: str) -> TableData:
    """One row a run: leaves, hops, stragglers, swaps and a verdict."""
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
            report.run.key.start_ms,
            report.fabric,
            report.run.key.text,
        ]
        for report in found
        for p in [report.placement]
    ]
    return TableData(rows, tuple(notices))


async def hops(answers: Answers, ask: Ask, job: str) -> TableData:
    """How many pairs of a run's hosts are how many switches apart."""
    found, notices = await reports(answers, ask, job)
    rows = [
        [report.run.label, count, pairs, pairs / total, report.fabric, report.run.key.text]
        for report in found
        for total in [sum(report.placement.histogram.values())]
        for count, pairs in sorted(report.placement.histogram.items())
    ]
    return TableData(rows, tuple(notices))

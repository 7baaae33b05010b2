"""`weft check`: why there is no data. Every finding says what was seen and, where it is amiss, what to do."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from weft.answers.answers import Answers
from weft.base.config import Settings
from weft.base.errors import OwnedElsewhere, Unavailable
from weft.base.intervals import Interval, iso
from weft.base.owner import own
from weft.base.spool import SPOOL, Depth, Spool, now_ms
from weft.inventory.store import RunFilter
from weft.metrics.store import unheard
from weft.metrics.whisper import POINT, head_bytes, parse_retention
from weft.scheduler.model import Run

Level = Literal["ok", "note", "amiss"]

DAY_MS = 86_400_000
OLD_MS = 3_600_000
"""A last sweep older than this is no picture of now."""
NEWEST_RUNS = 500
"""Runs whose hosts are looked up."""
NAMED = 5
"""Names listed; the rest are counted."""
BLOCK = 4096
"""What one small write costs a disk at least."""
COUNTERS = 5
"""Counters that are always kept of a port."""
LARGE_PORTS = 60_000
"""Ports of the largest fabrics, for comparison."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `amiss`: an answer is missing because of it, and `fix` says what to do."""

    level: Level
    what: str
    fix: str = ""


def check_folder(settings: Settings) -> list[Finding]:
    """The data folder itself."""
    folder = settings.data
    if not folder.is_dir():
        return [Finding("amiss", f"There is no folder {folder}.", "Name another with --data, or import into it.")]
    found = [Finding("ok", f"Folder {folder}, {_size(_free_bytes(folder))} free on its disk.")]
    try:
        with own(folder, "weft check"):
            found.append(Finding("note", "No process owns it: nothing is being written."))
    except OwnedElsewhere as exc:
        found.append(Finding("note", exc.what))
    found += _spool(Spool(folder / SPOOL, settings.spool.max_mb * 1_000_000).depth_now(), now_ms())
    if not settings.whisper_root.is_dir():
        found.append(
            Finding(
                "amiss",
                f"There is no whisper tree {settings.whisper_root}.",
                "Set metrics.path (WEFT_METRICS__PATH) to Graphite's, or import counters.",
            )
        )
    return found


def _spool(depth: Depth, at_ms: int) -> list[Finding]:
    """What waits to be applied, and what was refused."""
    amiss = [Finding("amiss", what, fix) for what, fix in depth.amiss(at_ms)]
    return amiss if depth.entries and amiss else [Finding("ok", f"Spool: {depth.told(at_ms)}."), *amiss]


async def check_answers(answers: Answers, settings: Settings, now_ms: int) -> list[Finding]:
    """What the engines hold, and where what they hold does not meet."""
    inventory = await _inventory(answers)
    found = [inventory, await _logs(answers), await _metrics(answers)]
    if inventory.level == "amiss":
        return found
    if not await answers.fabrics():
        found.append(Finding("amiss", "No fabric is known.", "Import what `ibnetdiscover` prints."))
    for fabric in await answers.fabrics():
        found += await _fabric(answers, fabric.name, fabric.last_ms, now_ms)
    found += await _sources(answers, now_ms)
    page = await answers.site.jobs.runs(RunFilter(), limit=NEWEST_RUNS)
    runs = [run for run in page.items if run.hosts]
    if not page.items:
        found.append(Finding("amiss", "No job is known.", "Import what `sacct -P` prints."))
    elif runs:
        found += await _hosts_of_jobs(answers, runs)
    found += await _host_metrics(answers, settings, runs)
    found += await _sizes(answers, settings)
    return found


async def _inventory(answers: Answers) -> Finding:
    """Amiss where its engine is away: nothing else can be asked then."""
    try:
        rows = await answers.site.ledger.stats()
    except Unavailable as exc:
        return Finding("amiss", exc.what, exc.fix)
    held = ", ".join(f"{count:,} {table}" for table, count in sorted(rows.items()) if count)
    return Finding("ok", f"Inventory: {held or 'empty'}.")


async def _logs(answers: Answers) -> Finding:
    try:
        held = await answers.site.logs.stats()
    except Unavailable as exc:
        return Finding("amiss", exc.what, exc.fix)
    if not held.get("lines"):
        return Finding("amiss", "Logs: no line is kept.", "Import syslog files.")
    return Finding("ok", f"Logs: {held['lines']:,} lines of {held.get('days', 0)} days.")


async def _metrics(answers: Answers) -> Finding:
    roots = await answers.site.metrics.find("*", unheard)
    if not roots:
        return Finding("amiss", "Metrics: the whisper tree is empty.", "See the setting metrics.path.")
    names = ", ".join(root.path for root in roots[:NAMED])
    return Finding("ok", f"Metrics: {names}{' ...' if len(roots) > NAMED else ''} in the tree.")


async def _fabric(answers: Answers, name: str, last_ms: int, now_ms: int) -> list[Finding]:
    age = f"Fabric {name}: last sweep {iso(last_ms, answers.site.zone)}, {_age(now_ms - last_ms)} ago."
    if now_ms - last_ms > OLD_MS:
        found = [Finding("amiss", age, "Import a new ibnetdiscover: nothing later is known.")]
    else:
        found = [Finding("ok", age)]
    aside = await answers.site.fabrics.changes(
        name, Interval(0, now_ms + DAY_MS), kinds=("sweep_quarantined",), limit=1
    )
    if aside.items:
        found.append(Finding("amiss", f"A sweep was set aside: {aside.items[0].text}", "Import a complete one."))
    topology = (await answers.scene(name, max(last_ms, now_ms))).topology
    if topology.unmatched:
        texts = sorted({text.strip() or guid for guid, text in topology.unmatched})
        what = f"{len(topology.unmatched)} HCAs name no host: {_some(texts)}."
        found.append(Finding("amiss", what, "Name their hosts in site.host_names."))
    if topology.duplicates:
        texts = sorted({text for _, text in topology.duplicates})
        what = f"{len(topology.duplicates)} HCAs share a description: {_some(texts)}."
        found.append(Finding("amiss", what, "Give each its own, or name their hosts in site.host_names."))
    return found


async def _sources(answers: Answers, now_ms: int) -> list[Finding]:
    found = []
    for source in await answers.site.ledger.sources():
        what = f"{source.source}: heard {_age(now_ms - source.heard_ms)} ago: {source.text}"
        found.append(Finding("ok", what) if source.ok else Finding("amiss", what, "See what it said."))
    return found


async def _hosts_of_jobs(answers: Answers, runs: Sequence[Run]) -> list[Finding]:
    """Hosts that Slurm names and no fabric has."""
    hosts = sorted({host for run in runs for host in run.hosts})
    known = [await answers.directory(fabric.name) for fabric in await answers.fabrics()]
    lost = [host for host in hosts if not any(directory.find_host(host) for directory in known)]
    what = f"{len(hosts)} hosts of the newest {len(runs)} jobs"
    if not known or not lost:
        return [Finding("ok", f"{what}, all known in the fabric.")] if known else []
    return [
        Finding(
            "amiss",
            f"{what}, {len(lost)} of them unknown in the fabric: {_some(lost)}.",
            "Compare Slurm's names with node descriptions; site.host_names maps them.",
        )
    ]


async def _host_metrics(answers: Answers, settings: Settings, runs: Sequence[Run]) -> list[Finding]:
    """Hosts that have no metric under the site's template."""
    hosts = sorted({(run.key.cluster, host) for run in runs for host in run.hosts})
    if not hosts:
        return []
    template = settings.site.hosts
    lost = [host for cluster, host in hosts if not await _measured(answers, template, cluster, host)]
    if not lost:
        return [Finding("ok", f"All {len(hosts)} hosts of jobs have metrics below {template}.")]
    what = f"{len(lost)} of {len(hosts)} hosts of jobs have no metrics below {template}: {_some(lost)}."
    return [Finding("amiss", what, "Set site.hosts to where they lie in the tree.")]


async def _measured(answers: Answers, template: str, cluster: str, host: str) -> bool:
    pattern = template.replace("{cluster}", cluster).replace("{host}", host).removesuffix(".**")
    return bool(await answers.site.metrics.find(pattern, unheard))


async def _sizes(answers: Answers, settings: Settings) -> list[Finding]:
    """Files, space and writes that the counters need."""
    found = []
    for fabric in await answers.fabrics():
        view = (await answers.scene(fabric.name, fabric.last_ms)).view
        ports = 2 * int(view.up.sum())
        found.append(Finding("note", f"Counters of {fabric.name}'s {ports:,} ports: {_need(ports, settings)}."))
    found.append(Finding("note", f"A fabric of {LARGE_PORTS:,} ports: {_need(LARGE_PORTS, settings)}."))
    return found


def _need(ports: int, settings: Settings) -> str:
    """Files of `COUNTERS` counters a port, their size at the retention set, and what a sweep writes."""
    archives = parse_retention(settings.metrics.retention)
    files = ports * COUNTERS
    head = len(head_bytes(archives, "last", 0.0))
    size = files * (head + POINT.size * sum(points for _, points in archives))
    touched = files * len(archives) * BLOCK
    return f"{files:,} files, {_size(size)} at {settings.metrics.retention}; a sweep writes {_size(touched)}"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _free_bytes(folder: Path) -> int:
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize


def _age(span_ms: int) -> str:
    seconds = max(0, span_ms // 1000)
    for unit, name in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} seconds"


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")

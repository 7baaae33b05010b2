"""`python -m tests.benchmarks.fabric`: the largest three-level fabric of 36-port switches against DESIGN's bars.

11,664 hosts on 1,620 switches. Medians of some runs after a first one that is told beside, as caches are part of the
house. Other load on the machine moves times, and hardly what the processor was busy for; a star marks a missed bar.
"""

import asyncio
import gc
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from tests.benchmarks import own
from tests.benchmarks.clock import RUNS, Clock, Row
from tests.benchmarks.sharing import sharing
from tests.unit.trees import Fabric, full

from weft.answers import graph
from weft.answers.tables import Ask
from weft.api.engines import Engines
from weft.app import create_app, open_engines
from weft.base.access import LOCAL
from weft.base.config import Settings, Site
from weft.base.formats import Origin
from weft.base.intervals import Interval
from weft.fabric.formats import ibnetdiscover
from weft.fabric.model import Sweep
from weft.fabric.placement import place
from weft.fabric.topology import Topology
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.fabric import SqliteFabrics
from weft.inventory.sqlite.schema import SCHEMA

JOB_HOSTS = 5_000
BEGIN_MS = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000)
DAY_MS = 86_400_000
NOW_MS = BEGIN_MS + 366 * DAY_MS
FOLDED = "/api/v1/fabric?fold=leaf"
STARTS = 3
SWEEPS, CHANGES = 20, 100
"""A year of sweeps, each with so many links that went down or came back."""


def timed(name: str, bar: float | None, work: Callable[[], object]) -> Row:
    """Time a function."""
    clock = Clock()
    for _ in range(RUNS + 1):
        with clock:
            work()
    return clock.row(name, bar)


async def atimed(name: str, bar: float | None, work: Callable[[], Awaitable[object]]) -> Row:
    """Time something that is awaited."""
    clock = Clock()
    for _ in range(RUNS + 1):
        with clock:
            await work()
    return clock.row(name, bar)


def pure(fabric: Fabric) -> list[Row]:
    """What is worked out from arrays alone."""
    view = fabric.view()
    rows = [timed("Topology.of", 150, lambda: Topology.of(view, {}))]
    topology = Topology.of(view, {})
    rows.append(timed("switch_distances of 1,620 switches", 200, topology.switch_distances))
    hosts = random.Random(1).sample(sorted(topology.hosts), JOB_HOSTS)
    rows.append(timed(f"hop_matrix of {JOB_HOSTS:,} hosts", 100, lambda: topology.hop_matrix(hosts)))
    rows.append(timed(f"placement of a run on {JOB_HOSTS:,} hosts", 500, lambda: place(topology, hosts)))
    return rows


async def store_sweep(text: str, database: Path) -> None:
    """Parse one file and keep it: what a child process is measured at."""
    begin = time.perf_counter()
    sweep = ibnetdiscover.parse(text, Origin("ib", "c", UTC, BEGIN_MS, BEGIN_MS)).value
    parsed = time.perf_counter()
    async with Database.open(database, SCHEMA) as opened:
        await SqliteFabrics(opened, absent_after=3, quarantine_share=0.1).apply_sweep(sweep)
    stored = time.perf_counter()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(parsed - begin, stored - parsed, time.process_time(), peak_mb)


def one_sweep(fabric: Fabric, folder: Path) -> list[Row]:
    """A sweep of the whole fabric into an empty inventory, in a process of its own."""
    dump = folder / "ibnetdiscover.txt"
    dump.write_text(fabric.text(BEGIN_MS // 1000))
    command = [sys.executable, "-m", "tests.benchmarks.fabric", str(dump), str(folder / "first" / "inventory.db")]
    (folder / "first").mkdir()
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    parse_s, store_s, busy_s, peak_mb = (float(word) for word in told.split())
    name = f"sweep of {dump.stat().st_size / 1e6:.1f} MB: parse {parse_s:.1f} s, store {store_s:.1f} s"
    return [
        Row(name, parse_s + store_s, 10, "s", busy=busy_s),
        Row("  its memory at most", peak_mb, 500, "MB"),
    ]


def year_of(sweep: Sweep) -> list[Sweep]:
    """Sweeps over a year: links between switches go down in one and are back in the next, other ones each time."""
    switches = {node.guid for node in sweep.nodes if node.kind.value == "switch"}
    links = [link for link in sweep.links if link.a.guid in switches and link.b.guid in switches]
    chosen = random.Random(2)
    made = []
    for i in range(SWEEPS):
        at_ms = BEGIN_MS + (i + 1) * 365 * DAY_MS // SWEEPS
        if i % 2:
            made.append(replace(sweep, seen_at_ms=at_ms))
            continue
        gone = set(chosen.sample(links, CHANGES))
        left = tuple(link for link in sweep.links if link not in gone)
        down = tuple(sorted(port for link in gone for port in (link.a, link.b)))
        made.append(replace(sweep, seen_at_ms=at_ms, links=left, down=down))
    return made


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Engines]:
    """The embedded engines over a folder; it is the day after the year."""
    settings = Settings(data=folder, site=Site(fabric="ib", timezone="UTC"))
    async with open_engines(settings, owner=True, clock=lambda: NOW_MS) as engines:
        yield engines


async def history(folder: Path, fabric: Fabric) -> list[Row]:
    """`fabric(at)` with no history and with a year of it, what is drawn of the fabric, and who shares routes."""
    async with opened(folder / "first") as engines:
        store = engines.site.fabrics
        empty = await atimed("fabric(at) on an empty history", None, lambda: store.fabric("ib", NOW_MS))
        shared = await sharing(engines, NOW_MS)
    year = folder / "year"
    year.mkdir()
    async with opened(year) as engines:
        store = engines.site.fabrics
        sweep = fabric.sweep(BEGIN_MS)
        await store.apply_sweep(sweep)
        clock = Clock()
        for later in year_of(sweep):
            with clock:
                await store.apply_sweep(later)
        changes = (await engines.site.ledger.stats()).get("change", 0)
        name = f"fabric(at) after a year with {changes:,} changes"
        late = await atimed(name, None, lambda: store.fabric("ib", NOW_MS))
        ratio = Row("  against the empty history", late.value / empty.value, 2, "x")
        ask = Ask(LOCAL, Interval(BEGIN_MS, NOW_MS), NOW_MS)
        rows = [
            empty, late, ratio, clock.row(f"  each of these {SWEEPS} sweeps", 10_000),
            await atimed("nodes fold=leaf", 100, lambda: graph.nodes(engines.answers, ask)),
            await atimed("edges fold=leaf", 100, lambda: graph.edges(engines.answers, ask)),
            await _after_each_sweep(engines, sweep),
        ]  # fmt: skip
    return [*rows, *from_the_start(year), *shared]


async def _after_each_sweep(engines: Engines, sweep: Sweep) -> Row:
    """The folded fabric, asked for once after each new version of it."""
    transport = httpx.ASGITransport(create_app(engines.settings, engines))
    clock = Clock()
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8077") as client:
        for later in year_of(sweep)[: RUNS + 1]:
            await engines.site.fabrics.apply_sweep(replace(later, seen_at_ms=later.seen_at_ms + 365 * DAY_MS))
            with clock:
                answer = await client.get(FOLDED)
            if answer.status_code != 200 or len(answer.json()["nodes"]) != 1620:
                raise RuntimeError(f"{FOLDED} answers {answer.status_code}: {answer.text[:200]}")
    return clock.row("folded fabric, the first time after a sweep", 300)


def from_the_start(data: Path) -> list[Row]:
    """The folded fabric from `weft serve`, as soon as it is ready and then again."""
    cold, warm = list[float](), list[float]()
    for _ in range(STARTS):
        with own.served(data, {**os.environ, "WEFT_SITE__TIMEZONE": "UTC"}) as server:
            for spent in (cold, *[warm] * RUNS):
                begin = time.perf_counter()
                httpx.get(f"{server.url}{FOLDED}", timeout=60).raise_for_status()
                spent.append((time.perf_counter() - begin) * 1000)
    return [
        Row(f"GET {FOLDED} of a server just started", statistics.median(cold), 300, first=cold[0]),
        Row("  the same again", statistics.median(warm), 300, first=warm[0]),
    ]


def main() -> int:
    """Print the table."""
    fabric = full()
    gc.collect()
    gc.freeze()  # what was made for the benchmark is not Weft's to walk through
    rows = pure(fabric)
    with TemporaryDirectory(prefix="weft-fabric-") as name:
        print("a sweep, then a year of sweeps: some minutes", file=sys.stderr, flush=True)
        rows += one_sweep(fabric, Path(name))
        rows += asyncio.run(history(Path(name), fabric))
    load = ", ".join(f"{told:.1f}" for told in os.getloadavg())
    print(f"11,664 hosts, 1,620 switches, 34,992 links; *: misses its bar; load of the machine at the end: {load}")
    print(f"{'':60}{'first':>9}{'median':>10}{'busy':>9}")
    print("\n".join(map(str, rows)))
    return 0


if __name__ == "__main__":
    if len(sys.argv) == 3:
        asyncio.run(store_sweep(Path(sys.argv[1]).read_text(), Path(sys.argv[2])))
    else:
        sys.exit(main())

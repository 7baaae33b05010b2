"""`python -m tests.benchmarks.neo4j [RUNS]`: the inventory in Neo4j beside SQLite, against issue 5.

A million runs by default on 12,000 hosts, as tests.benchmarks.jobs makes them, and one sweep of the largest fabric of
36-port switches (11,664 hosts, 34,992 cables) are given to both engines; then both are asked the same, with different
values each time. The table shows medians. Nothing is kept.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pydantic import SecretStr
from tests.benchmarks import jobs as made
from tests.services import neo4j
from tests.unit.trees import full

from weft.base.config import Neo4j
from weft.base.intervals import Interval
from weft.fabric.model import NodeKind, Sweep
from weft.inventory.neo4j.fabric import Neo4jFabrics
from weft.inventory.neo4j.graph import Graph
from weft.inventory.neo4j.jobs import Neo4jJobs
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.fabric import SqliteFabrics
from weft.inventory.sqlite.jobs import SqliteJobs
from weft.inventory.sqlite.schema import SCHEMA
from weft.inventory.store import FabricHistory, JobHistory, RunFilter

HEAP, PAGE_CACHE = "2g", "2g"
COMPILING = "-XX:TieredStopAtLevel=4"
"""As a server runs that is to last; tests start theirs with the quick compiler alone."""

WARM, REPEATS = 20, 9
BARS = {"runs on a host link, a day": 50.0, "a run of 8 hosts, its ports and cables": 10.0}
"""Milliseconds for Neo4j; the other calls are shown."""


Ask = Callable[[int], Awaitable[object]]
"""A call with a number that varies."""


@dataclass(frozen=True, slots=True)
class Case:
    """A store call."""

    name: str
    ask: Ask


@dataclass(frozen=True, slots=True)
class Stores:
    """One engine."""

    name: str
    jobs: JobHistory
    fabrics: FabricHistory


@dataclass(frozen=True, slots=True)
class Row:
    """A call's median in each engine, in ms."""

    name: str
    neo4j_ms: float
    worst_ms: float
    sqlite_ms: float
    bar_ms: float | None

    @property
    def kept(self) -> bool:
        """Whether Neo4j keeps the bar."""
        return self.bar_ms is None or self.neo4j_ms <= self.bar_ms

    def __str__(self) -> str:
        bar = "" if self.bar_ms is None else f"<= {self.bar_ms:g}"
        star = "" if self.kept else " *"
        return f"{self.name:<40}{self.neo4j_ms:>10.1f}{self.worst_ms:>10.1f}{self.sqlite_ms:>10.1f}{bar:>10}{star}"


async def load(stores: Stores, count: int) -> list[str]:
    """Apply all runs, and say how long it took; ids of some that have eight hosts."""
    rng = np.random.default_rng(324)
    spent, held = 0.0, 0
    eights: list[str] = []
    for first in range(0, count, made.BATCH):
        runs = list(made.runs(count, first, rng))
        held += sum(len(run.hosts) for run in runs)
        eights += [run.label for run in runs if len(run.hosts) == 8][:20]
        began = time.perf_counter()
        await stores.jobs.apply_runs(runs)
        spent += time.perf_counter() - began
        done = f"{stores.name}: {first + len(runs):,} of {count:,} runs, {spent:,.0f} s"
        print(f"\r{done}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    rates = f"{count / spent:,.0f} runs and {held / spent:,.0f} places of hosts a second"
    print(
        f"{stores.name}: {count:,} runs with {held:,} places of hosts applied in {spent:,.0f} s ({rates})", flush=True
    )
    return eights


async def sweep_in(stores: Stores, sweep: Sweep) -> None:
    """Apply a sweep to an empty fabric, and say how long it took."""
    began = time.perf_counter()
    await stores.fabrics.apply_sweep(sweep)
    print(f"{stores.name}: a sweep of {len(sweep.links):,} cables applied in {time.perf_counter() - began:,.1f} s")


def job_cases(jobs: JobHistory, count: int) -> list[Case]:
    """The calls of the job history; the number asked with stands for a moment of the year, a user, a host."""
    year = Interval(made.BEGIN_MS, made.BEGIN_MS + made.DAYS * made.DAY_MS)
    leaf, thousand = ([f"node{n:05d}" for n in range(hosts)] for hosts in (18, 1000))

    def day(n: int) -> Interval:
        begin = year.from_ms + (n * 37 % (made.DAYS - 1)) * made.DAY_MS
        return Interval(begin, begin + made.DAY_MS)

    def month(n: int) -> Interval:
        begin = day(n).from_ms // 2 + year.from_ms // 2 + 3_600_000 * (n % 24)
        return Interval(begin, begin + 30 * made.DAY_MS)

    def host(n: int) -> str:
        return f"node{n * 761 % made.HOSTS:05d}"

    def page(which: Callable[[int], RunFilter]) -> Ask:
        return lambda n: jobs.runs(which(n))

    def user(n: int) -> tuple[str]:
        return (f"user{n:03d}",)

    return [
        Case("a run and its hosts, by id", lambda n: jobs.find(str(n * 7919 % count), "c1")),
        Case("runs on a host link, a day", lambda n: jobs.runs_on([host(n)], day(n))),
        Case("runs on a host link, a year", lambda n: jobs.runs_on([host(n)], year, limit=10_000)),
        Case("first page: on a host", lambda n: jobs.runs_on([host(n)], year)),
        Case("first page: on a leaf switch", lambda n: jobs.runs_on(leaf, year)),
        Case("first page: on 1,000 hosts in a day", lambda n: jobs.runs_on(thousand, day(n))),
        Case("first page: of a user", page(lambda n: RunFilter(users=user(n)))),
        Case("first page: of a state", page(lambda n: RunFilter(states=("TIMEOUT",)))),
        Case("first page: of a partition", page(lambda n: RunFilter(partitions=("gpu",)))),
        Case("first page: of a name", page(lambda n: RunFilter(name=f"job{n}"))),
        Case("first page: in a day", page(lambda n: RunFilter(window=day(n)))),
        Case("first page: of a user in a day", page(lambda n: RunFilter(window=day(n), users=user(n)))),
        Case("totals by user, a month", lambda n: jobs.totals(RunFilter(), "user", month(n))),
        Case("totals by user, the year", lambda n: jobs.totals(RunFilter(), "user", year)),
    ]


def fabric_cases(stores: Stores, eights: Sequence[str], sweep: Sweep) -> list[Case]:
    """The calls of a fabric."""
    hosts = {node.guid for node in sweep.nodes if node.kind is not NodeKind.SWITCH}
    ports = [port for link in sweep.links for port in (link.a, link.b) if port.guid in hosts]
    now = Interval(sweep.seen_at_ms, sweep.seen_at_ms + 1)

    async def ports_and_cables(n: int) -> None:
        (run,) = await stores.jobs.find(eights[n % len(eights)], "c1")
        asked = [ports[(n * 761 + at) % len(ports)] for at in range(len(run.hosts))]
        found = await stores.fabrics.connections(sweep.fabric, now, asked)
        if len(found) != len(run.hosts):
            raise RuntimeError(f"{stores.name} knows {len(found)} cables of {len(run.hosts)} hosts")

    return [
        Case("a run of 8 hosts, its ports and cables", ports_and_cables),
        Case("the fabric at a time", lambda n: stores.fabrics.fabric(sweep.fabric, sweep.seen_at_ms + n)),
    ]


async def asked(ask: Ask) -> list[float]:
    """Milliseconds of a call, with other values each time."""
    times = []
    for n in range(REPEATS):
        began = time.perf_counter()
        await ask(n)
        times.append((time.perf_counter() - began) * 1000)
    return times


async def compare(mine: list[Case], theirs: list[Case]) -> bool:
    """Ask both, print the lines of the table; False when a bar was missed."""
    for case in mine * WARM:  # a server that has run for a while has compiled what it does
        await case.ask(REPEATS)
    rows = []
    for case, other in zip(mine, theirs, strict=True):
        real, embedded = await asked(case.ask), await asked(other.ask)
        rows.append(
            Row(case.name, statistics.median(real), max(real), statistics.median(embedded), BARS.get(case.name))
        )
    print("\n".join(map(str, rows)), flush=True)
    return all(row.kept for row in rows)


async def bench(server: neo4j.Server, count: int, folder: Path) -> bool:
    """Fill both, ask both, print the table; False when a bar was missed."""
    settings = Neo4j(url=server.url, password=SecretStr(server.password), timeout_s=60)
    async with AsyncExitStack() as stack:
        graph = await stack.enter_async_context(Graph.open(settings))
        database = await stack.enter_async_context(Database.open(folder / "inventory.db", SCHEMA))
        fabrics = Neo4jFabrics(graph, absent_after=3, quarantine_share=0.1)
        real = Stores("Neo4j", Neo4jJobs(graph), fabrics)
        embedded = Stores("SQLite", SqliteJobs(database), SqliteFabrics(database, absent_after=3, quarantine_share=0.1))
        for stores in (real, embedded):
            eights = await load(stores, count)
        print(f"Neo4j: server {_peak_mb(server.pid):,} MB at most (heap {HEAP}, page cache {PAGE_CACHE})")
        sizes = [await asyncio.to_thread(_size_mb, place) for place in (folder / "neo4j", folder / "inventory.db")]
        print(f"on disk: Neo4j {sizes[0]:,.0f} MB, SQLite {sizes[1]:,.0f} MB")
        print(f"{'medians of ' + str(REPEATS):<40}{'Neo4j ms':>10}{'worst ms':>10}{'SQLite ms':>10}{'bar':>10}")
        kept = await compare(*(job_cases(stores.jobs, count) for stores in (real, embedded)))
        sweep = full().sweep(made.BEGIN_MS)
        for stores in (real, embedded):
            await sweep_in(stores, sweep)
        return await compare(*(fabric_cases(stores, eights, sweep) for stores in (real, embedded))) and kept


def _peak_mb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def _size_mb(place: Path) -> float:
    files = [place] if place.is_file() else [file for file in (place / "data").rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


def main() -> int:
    """Run it; exit status 1 when a bar was missed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with TemporaryDirectory(prefix="weft-bench-") as name:
        (folder := Path(name) / "neo4j").mkdir()
        with neo4j.serving(folder, HEAP, PAGE_CACHE, COMPILING) as server:
            return 0 if asyncio.run(bench(server, count, Path(name))) else 1


if __name__ == "__main__":
    sys.exit(main())

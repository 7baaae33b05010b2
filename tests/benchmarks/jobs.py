"""`python -m tests.benchmarks.jobs [RUNS]`: the job history in SQLite at 12,000 hosts, against DESIGN section 10.

Runs (5 million by default) are made from a seed and applied as an importer applies them, beside a fabric of 11,664
hosts. Each call is asked with different values; the table shows medians, and what the processor was busy for. Nothing
is kept. First pages are those of the table `jobs`, with all that it looks up.
"""

import asyncio
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tests.benchmarks import fabric
from tests.benchmarks.clock import Clock
from tests.unit.trees import full

from weft.answers import catalog
from weft.answers.tables import Ask
from weft.api.engines import Engines
from weft.base.access import LOCAL
from weft.base.intervals import Interval
from weft.inventory.store import JobHistory, RunFilter
from weft.scheduler.model import Run, RunKey

HOSTS = 12_000
DAYS = 365
BEGIN_MS = 1_735_689_600_000  # 2025-01-01
DAY_MS = 86_400_000
BATCH = 50_000
REPEATS = 15
STATES = ("COMPLETED", "COMPLETED", "COMPLETED", "COMPLETED", "FAILED", "TIMEOUT", "CANCELLED")


Ask1 = Callable[[int], Awaitable[object]]
"""A question with a number that varies."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question, and its bar in ms."""

    name: str
    ask: Ask1
    bar_ms: float


def runs(count: int, first: int, rng: np.random.Generator) -> Iterator[Run]:
    """Runs of a year in order of their start: most are small and short, some have 1,000 hosts or last two days."""
    sizes = np.minimum(rng.geometric(0.12, BATCH), 64)
    sizes[rng.random(BATCH) < 0.0005] = 1000
    spans_ms = (rng.lognormal(7.5, 1.6, BATCH) * 1000).astype(np.int64).clip(1000, 2 * DAY_MS)
    places = rng.integers(0, HOSTS, BATCH)
    users = rng.zipf(1.4, BATCH) % 400
    for i in range(min(BATCH, count - first)):
        number = first + i
        start = BEGIN_MS + number * DAYS * DAY_MS // count
        size, place = int(sizes[i]), int(places[i])
        hosts = tuple(sorted(f"node{(place + k) % HOSTS:05d}" for k in range(size)))
        user = int(users[i])
        yield Run(
            RunKey("c1", number, start),
            str(number),
            f"job{number % 997}",
            f"user{user:03d}",
            f"acct{user % 40:02d}",
            ("batch", "short", "long", "gpu")[number % 4],
            STATES[number % len(STATES)],
            start - 60_000,
            start + int(spans_ms[i]),
            hosts,
            size,
            0,
            0,
            start + 2 * DAY_MS,
            "bench",
            cpus=size * 64,
        )


def cases(engines: Engines, count: int) -> list[Case]:
    """Every call of the table; the number asked with stands for a moment of the year, a user, a host."""
    jobs = engines.site.jobs
    year = Interval(BEGIN_MS, BEGIN_MS + DAYS * DAY_MS)

    def day(n: int) -> Interval:
        begin = BEGIN_MS + (n * 37 % (DAYS - 1)) * DAY_MS
        return Interval(begin, begin + DAY_MS)

    def host(n: int) -> str:
        return f"node{n * 761 % HOSTS:05d}"

    def page(arguments: Callable[[int], dict[str, str]], window: Callable[[int], Interval] = lambda n: year) -> Ask1:
        return lambda n: catalog.run(engines.answers, "jobs", arguments(n), Ask(LOCAL, window(n), year.to_ms))

    pages: list[tuple[str, Ask1]] = [
        ("user", page(lambda n: {"user": f"user{n:03d}"})),
        ("host", page(lambda n: {"host": host(n)})),
        ("switch", page(lambda n: {"switch": f"p{n}leaf{n % 18 + 1}"})),
        ("state", page(lambda n: {"state": ("TIMEOUT", "FAILED", "CANCELLED")[n % 3]})),
        ("partition", page(lambda n: {"partition": ("gpu", "long", "short")[n % 3]})),
        ("name", page(lambda n: {"name": f"job{n}"})),
        ("time", page(lambda n: {}, day)),
        ("user and time", page(lambda n: {"user": f"user{n:03d}"}, day)),
        ("switch and time", page(lambda n: {"switch": f"p{n}leaf{n % 18 + 1}"}, day)),
    ]
    return [
        Case("a run and its hosts, by id", lambda n: jobs.find(str(n * 7919 % count), "c1"), 5),
        Case("runs on a host link, a day", lambda n: jobs.runs_on([host(n)], day(n)), 20),
        Case("runs on a host link, a year, all", lambda n: _all_on(jobs, [host(n)], year), 100),
        *(Case(f"first page of jobs, by {what}", ask, 50) for what, ask in pages),
        Case("totals by user, a month", lambda n: jobs.totals(RunFilter(), "user", _month(n)), 300),
        Case("totals by user, the year", lambda n: jobs.totals(RunFilter(), "user", year), 300),
    ]


def _month(n: int) -> Interval:
    begin = BEGIN_MS + (n * 23 % (DAYS - 31)) * DAY_MS + 3_600_000 * (n % 24)
    return Interval(begin, begin + 30 * DAY_MS)


async def _all_on(jobs: JobHistory, hosts: list[str], window: Interval) -> int:
    count, cursor = 0, None
    while True:
        page = await jobs.runs_on(hosts, window, limit=10_000, cursor=cursor)
        count += len(page.items)
        if (cursor := page.cursor) is None:
            return count


async def bench(count: int, folder: Path) -> bool:
    """Fill a store, ask it, print the table; False when a bar was missed."""
    rng = np.random.default_rng(324)
    async with fabric.opened(folder) as engines:
        await engines.site.fabrics.apply_sweep(full().sweep(BEGIN_MS))
        began = time.perf_counter()
        for first in range(0, count, BATCH):
            await engines.site.jobs.apply_runs(list(runs(count, first, rng)))
            if first % (10 * BATCH) == 0:
                print(f"\r{first:,} of {count:,} runs", end="", file=sys.stderr, flush=True)
        took = time.perf_counter() - began
        print(f"\r{count:,} runs of {HOSTS:,} hosts applied in {took:.0f} s ({count / took:,.0f} a second)")
        size = await asyncio.to_thread(_size_of, folder)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"database {size / 1e6:,.0f} MB, memory at most {peak_mb} MB, load {os.getloadavg()[0]:.1f}")
        print(f"{'call':<36}{'first ms':>10}{'median ms':>10}{'worst ms':>10}{'busy ms':>10}{'bar':>8}")
        return all([await _measured(case) for case in cases(engines, count)])


async def _measured(case: Case) -> bool:
    """Ask, print a line; False when the bar was missed."""
    clock = Clock()
    for n in range(1, REPEATS + 2):
        with clock:
            await case.ask(n)
    row = clock.row(case.name, case.bar_ms)
    worst = max(wall for wall, _ in clock.spent[1:])
    star = "" if row.value <= case.bar_ms else " *"
    print(f"{case.name:<36}{row.first:>10.2f}{row.value:>10.2f}{worst:>10.2f}{row.busy:>10.2f}{case.bar_ms:>8g}{star}")
    return not star


def _size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("inventory.db*"))


def main() -> None:
    """Run it; exit status 1 when a bar was missed."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    with TemporaryDirectory(prefix="weft-bench-") as folder:
        sys.exit(0 if asyncio.run(bench(count, Path(folder))) else 1)


if __name__ == "__main__":
    main()

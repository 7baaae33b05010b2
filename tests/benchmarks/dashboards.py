"""`python -m tests.benchmarks.dashboards`: 1,000 dashboards of jobs against DESIGN's bar, into a folder and a Grafana.

Each run is `weft provision` from its start to its end; beside it what the processor was busy with it. The Grafana is a
stub on loopback that keeps in memory what it is sent, whose time is in the figures too. A star marks a missed bar.
"""

import asyncio
import os
import random
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.benchmarks import own
from tests.benchmarks.clock import Row
from tests.unit.grafana_stub import TOKEN, Stub, serving

from weft.dashboards.standing import standing
from weft.demo import dumps
from weft.demo.jobs import CORES, Job
from weft.demo.series import HOST_METRICS, host_metric_name
from weft.demo.site import CLUSTER, FABRIC, HOSTS, Story
from weft.metrics.writer import WhisperWriter

JOBS = 1_000
BAR_MS = 10_000
SIZES = (2, 4, 8, 16, 32, 64)
RETENTION = "1m:1h"
MOST_REQUESTS = 10
"""Of a run that writes nothing: what the Grafana can, who we are, and what there is."""


def running(now_s: int) -> list[Job]:
    """Jobs that run, of all sizes."""
    rng = random.Random(1)
    jobs = []
    for number in range(JOBS):
        hosts = tuple(sorted(rng.sample(HOSTS, rng.choice(SIZES))))
        start_s = now_s - 60 - rng.randrange(86_000)
        job = Job(
            id=5000 + number, name="openfoam", user="alice", account="cfd", partition="batch", submit_s=start_s - 60,
            nodes=len(hosts), cpus=CORES * len(hosts), run_s=10 * 86_400, limit_min=20_160, state="COMPLETED",
            exit="0:0", mb_per_s=500.0, period_s=60, start_s=start_s, hosts=hosts,
        )  # fmt: skip
        jobs.append(job)
    return jobs


def made(folder: Path, now_s: int) -> tuple[Path, dict[str, str]]:
    """A data folder for the demo's fabric, with four metrics of each host; and the environment to read it in."""
    told = folder / "dumps"
    told.mkdir()
    (told / "ibnetdiscover.txt").write_text(dumps.ibnetdiscover(Story(1, now_s), now_s))
    (told / "sacct.txt").write_text(dumps.sacct(running(now_s), now_s))
    data = folder / "data"
    environment = {
        **os.environ, "WEFT_SITE__TIMEZONE": "UTC", "WEFT_SITE__CLUSTER": CLUSTER, "WEFT_SITE__FABRIC": FABRIC,
        "WEFT_METRICS__RETENTION": RETENTION,
    }  # fmt: skip
    points = [(host_metric_name(host, metric), 1.0) for host in HOSTS for metric in HOST_METRICS]
    WhisperWriter(data / "whisper", RETENTION).write(now_s, points)
    return data, environment


class Run(NamedTuple):
    """A command that has ended: milliseconds by the clock and of the processor, and what it printed."""

    wall_ms: float
    busy_ms: float
    told: str

    def row(self, name: str) -> Row:
        """Its line of the table."""
        return Row(name, self.wall_ms, BAR_MS, busy=self.busy_ms)


async def run(environment: Mapping[str, str], *arguments: str | Path) -> Run:
    """Run a command of ours. Raises RuntimeError: it failed."""
    begin, before = time.perf_counter(), _children_s()
    process = await asyncio.create_subprocess_exec(
        *own.WEFT, *arguments, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told = (await process.communicate())[0].decode()
    if process.returncode:
        raise RuntimeError(f"weft {' '.join(map(str, arguments))} failed:\n{told}")
    return Run((time.perf_counter() - begin) * 1000, (_children_s() - before) * 1000, told)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def into_a_folder(data: Path, environment: Mapping[str, str], folder: Path) -> list[Row]:
    """To files, and again."""
    first = await run(environment, "provision", "--data", data, "--folder", folder)
    before = _written(folder)
    again = await run(environment, "provision", "--data", data, "--folder", folder)
    written = len(_written(folder) - before)
    _must(len(before) == JOBS + len(standing()) + 1, f"{len(before)} files for {JOBS:,} jobs: {first.told}")
    return [
        first.row(f"weft provision, {JOBS:,} jobs, into a folder"),
        again.row("  the same again"),
        Row("  files that it writes", written, 0, unit=""),
    ]


async def to_grafana(data: Path, environment: Mapping[str, str], *, resources: bool) -> list[Row]:
    """By the HTTP API of one of its editions, and again."""
    stub = Stub(resources=resources)
    async with serving(stub) as url:
        asking = {**environment, "WEFT_DASHBOARDS__GRAFANA": url, "WEFT_DASHBOARDS__TOKEN": TOKEN}
        first = await run(asking, "provision", "--data", data)
        _must(
            len(stub.saved) == JOBS + len(standing()), f"{len(stub.saved)} dashboards for {JOBS:,} jobs: {first.told}"
        )
        requests = len(stub.asked)
        stub.asked.clear()
        stub.writes.clear()
        again = await run(asking, "provision", "--data", data)
    return [
        first.row(f"  to Grafana by {'/apis' if resources else '/api'}"),
        Row("    requests, two a dashboard at most", requests, 2 * len(stub.saved), unit=""),
        again.row("  the same again"),
        Row("    requests", len(stub.asked), MOST_REQUESTS, unit=""),
        Row("    dashboards that it writes", len(stub.writes), 0, unit=""),
    ]


def _written(folder: Path) -> set[tuple[str, int]]:
    """Each file and when it was written."""
    return {(path.name, path.stat().st_mtime_ns) for path in folder.iterdir()}


def _must(kept: bool, otherwise: str) -> None:
    if not kept:
        raise RuntimeError(otherwise)


async def measured(folder: Path) -> list[Row]:
    """All rows."""
    now_s = int(time.time()) // 60 * 60
    data, environment = made(folder, now_s)
    await run(environment, "import", folder / "dumps", "--data", data)
    rows = await into_a_folder(data, environment, folder / "boards")
    for resources in (True, False):
        rows += await to_grafana(data, environment, resources=resources)
    return rows


def main() -> int:
    """Print the table."""
    with TemporaryDirectory(prefix="weft-dashboards-") as name:
        rows = asyncio.run(measured(Path(name)))
    load = ", ".join(f"{told:.1f}" for told in os.getloadavg())
    print(f"Dashboards of {JOBS:,} jobs; *: misses its bar; load of the machine at the end: {load}")
    print(f"{'':69}{'once':>10}{'busy':>9}")
    print("\n".join(map(str, rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

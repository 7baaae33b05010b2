"""`python -m tests.benchmarks.copying [RUNS]`: `weft copy` of a large site to Neo4j and back, equal.

A million runs by default on 12,000 hosts, as tests.benchmarks.jobs makes them, and one sweep of the largest fabric of
36-port switches are applied in SQLite, copied to an empty Neo4j by the command, and from there to another SQLite.
"""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tests.benchmarks import jobs as made
from tests.benchmarks.own import WEFT
from tests.services import neo4j
from tests.unit.trees import full

from weft.app import open_inventory
from weft.base.config import Settings


async def fill(folder: Path, count: int) -> dict[str, str]:
    """Make the site; its checksums."""
    rng = np.random.default_rng(324)
    async with open_inventory(Settings(data=folder)) as inventory:
        for first in range(0, count, made.BATCH):
            await inventory.jobs.apply_runs(list(made.runs(count, first, rng)))
        await inventory.fabrics.apply_sweep(full().sweep(made.BEGIN_MS))
        return dict(await inventory.ledger.checksums())


async def sums(folder: Path) -> dict[str, str]:
    """The checksums of a site."""
    async with open_inventory(Settings(data=folder)) as inventory:
        return dict(await inventory.ledger.checksums())


def copy(source: str, target: str, folder: Path, server: neo4j.Server) -> None:
    """Run the command and say how long it took."""
    environment = {
        **os.environ, "WEFT_NEO4J__URL": server.url, "WEFT_NEO4J__PASSWORD": server.password,
        "WEFT_NEO4J__TIMEOUT_S": "60",
    }  # fmt: skip
    began = time.perf_counter()
    subprocess.run([*WEFT, "copy", source, target, "--data", str(folder)], check=True, env=environment)
    print(f"{source} to {target}: {time.perf_counter() - began:,.0f} s", flush=True)


def main() -> int:
    """Run it; exit status 1 when the copies differ."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with TemporaryDirectory(prefix="weft-copy-") as name:
        folder = Path(name)
        began = time.perf_counter()
        wanted = asyncio.run(fill(folder / "here", count))
        print(f"{count:,} runs and a fabric applied in SQLite in {time.perf_counter() - began:,.0f} s", flush=True)
        (folder / "neo4j").mkdir()
        with neo4j.serving(folder / "neo4j", "2g") as server:
            copy("sqlite", "neo4j", folder / "here", server)
            copy("neo4j", "sqlite", folder / "back", server)
        equal = asyncio.run(sums(folder / "back")) == wanted
        print(f"checksums of the first and the last: {'equal' if equal else 'they differ'}")
        return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())

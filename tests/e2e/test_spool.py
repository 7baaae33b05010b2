"""The owner killed with -9 at random moments under load: nothing acknowledged is lost, nothing is there twice."""

import asyncio
import os
import random
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import httpx
import orjson
import pytest

from e2e.served import PATIENCE_S, Served, weft
from weft.app import applier_of, open_engines
from weft.base.config import Metrics, Settings, Site
from weft.base.spool import Entry, Spool
from weft.ingest.files import Handed, handed
from weft.ingest.spooling import file_entry, lines_entry
from weft.logs.store import LogLine

ROUNDS = 50 if os.environ.get("WEFT_SOAK") else 5
BATCH = 50
"""Log lines of an entry, and of a request."""
NIGHT_MS = 1_795_386_000_000


class Told(NamedTuple):
    """Checksums by table, log lines, and entries that were refused."""

    checksums: Mapping[str, str]
    lines: int
    refused: int


def settings_of(data: Path) -> Settings:
    return Settings(data=data, site=Site(timezone="UTC"), metrics=Metrics(retention="1m:1h"))


async def _told(data: Path) -> Told:
    async with open_engines(settings_of(data), owner=False) as engines:
        held = await engines.site.logs.stats()
        depth = await engines.spool.depth()
        assert depth.entries == 0
        return Told(dict(await engines.site.ledger.checksums()), held["lines"], len(depth.refused))


async def _applied(data: Path, entries: list[Entry]) -> None:
    """The same entries on a site that sees no crash."""
    async with open_engines(settings_of(data), owner=True) as engines:
        await engines.spool.append(entries)
        assert await applier_of(engines).drain() is None


def entries_of(data: Path) -> Iterator[Entry]:
    """Without end: sweeps of a fabric, jobs that go on, log lines; some again, a few that can never be applied."""
    sweeps = [handed(data / "ib" / f"ft324-{name}" / "ibnetdiscover.txt") for name in ("2-moved", "1-before")]
    sweeps.append(handed(data / "ib" / "ft324-2-moved" / "opensm.log"))
    number = 0
    while True:
        number += 1
        jobs = "".join(f"{number // 2 + i}|RUNNING|{NIGHT_MS // 1000 + i}|node[01-09]\n" for i in range(20))
        listing = Handed(Path(f"sacct-{number}"), f"JobID|State|Start|NodeList\n{jobs}".encode(), NIGHT_MS, "")
        yield file_entry(listing, NIGHT_MS + number * 1000)
        yield lines_entry("spool", [line("spool", number * BATCH + i) for i in range(BATCH)])
        if number % 10 == 1:
            yield file_entry(sweeps[number // 10 % len(sweeps)], None)
        if number % 10 == 5:
            yield lines_entry("spool", [line("spool", number * BATCH + i) for i in range(-BATCH, BATCH)])
        if number % 25 == 7:
            yield file_entry(Handed(Path(f"cut-{number}"), b"JobID|State\n", NIGHT_MS, ""), None)


def line(host: str, number: int) -> LogLine:
    return LogLine(f"{host}-{number}", NIGHT_MS + number, host, "test", "info", f"line {number}", "test")


class Shipper:
    """Sends log lines to a server as rsyslog does: a request that was not answered is sent again."""

    def __init__(self) -> None:
        self.url, self.kept, self.end = "", 0, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """How many lines were acknowledged."""
        self.end.set()
        self._thread.join()
        return self.kept

    def _run(self) -> None:
        while not self.end.is_set():
            numbers = range(self.kept, self.kept + BATCH)
            body = b"".join(
                orjson.dumps({"create": {"_id": f"http-{i}"}})
                + b"\n"
                + orjson.dumps({"@timestamp": NIGHT_MS + i, "message": f"line {i}", "host": "http"})
                + b"\n"
                for i in numbers
            )
            try:
                answer = httpx.post(
                    f"{self.url}/elastic/_bulk",
                    content=body,
                    headers={"content-type": "application/x-ndjson"},
                    timeout=10,
                )
                if answer.status_code == 200 and not answer.json()["errors"]:
                    self.kept += BATCH
            except (httpx.TransportError, httpx.UnsupportedProtocol):
                time.sleep(0.02)


def waiting(server: Served) -> int:
    """How many entries the server has not applied yet."""
    entries: int = server.get("/api/v1/status")["spool"]["entries"]
    return entries


def drain(server: Served) -> None:
    """Wait until it has applied everything, as long as it goes on."""
    fewest, moved_s = waiting(server), time.monotonic()
    while fewest:
        time.sleep(0.1)
        if (now := waiting(server)) < fewest:
            fewest, moved_s = now, time.monotonic()
        assert time.monotonic() - moved_s < PATIENCE_S


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_owner_killed_at_random_loses_nothing_and_doubles_nothing(
    workers: str, data_folder: Path, tmp_path: Path
) -> None:
    rng = random.Random(int(workers))
    data, source = tmp_path / "data", entries_of(data_folder)
    spool = Spool(data / "spool", 1 << 30)
    kept: list[Entry] = []
    shipper = Shipper()
    for _ in range(ROUNDS if workers == "1" else max(1, ROUNDS // 5)):
        with Served(data, "--workers", workers) as server:
            shipper.url = server.url
            for _ in range(rng.randint(3, 60)):
                entry = next(source)
                asyncio.run(spool.append([entry]))
                kept.append(entry)
                time.sleep(rng.expovariate(50))
            server.kill()
    with Served(data) as server:
        shipper.url = server.url
        server.get("/readyz")
        time.sleep(0.5)
        lines = shipper.stop()
        drain(server)
        assert server.stop()[0] == 0
    assert lines > 0

    asyncio.run(_applied(tmp_path / "calm", kept))
    told, calm = asyncio.run(_told(data)), asyncio.run(_told(tmp_path / "calm"))
    assert told == calm._replace(lines=calm.lines + lines)
    assert told.refused == sum(entry.name.startswith("cut-") for entry in kept)


def test_an_importer_whose_owner_dies_does_its_work(data_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Served(data) as server:
        asyncio.run(Spool(data / "spool", 1 << 30).append([lines_entry("x", [line("x", i) for i in range(BATCH)])]))
        server.kill()
    told = weft("import", data_folder / "ib" / "ft324-1-before" / "ibnetdiscover.txt", "--data", data)
    assert (told.returncode, told.stdout.split()[0]) == (0, "imported")
    assert asyncio.run(_told(data)).lines == BATCH

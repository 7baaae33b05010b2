"""An engine that dies costs time, not data: readers are told within 3 s, what is handed in waits and is applied once.

The figures (longest wait of a reader, seconds until what waited was applied) are printed; WEFT_SOAK=1 stops each
engine for 5 minutes.
"""

import asyncio
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from tests.services import elasticsearch, neo4j, process

from e2e.hostile_site import Watch
from e2e.real import Held, Real, embedded, held, real_engines
from e2e.served import Served, until, weft
from weft.app import applier_of, open_engines
from weft.base.spool import Entry, Spool
from weft.ingest import spooling
from weft.ingest.files import Handed, handed
from weft.ingest.spooling import file_entry, lines_entry
from weft.logs.store import LogLine

OUTAGE_S = 300 if os.environ.get("WEFT_SOAK") else 10
TOLD_S = 3.0
"""Readers have an answer or know why there is none within this time."""
EVERY_S = 0.2
NIGHT_MS = 1_795_386_000_000
AT_ONCE = 12
"""Listings and batches of log lines that are handed in at once: so many that an engine dies in the middle of them."""
LINES = 50
"""Log lines of a batch."""
BEHIND_S = 240
"""Longest that what waited may take to be applied, on a machine that runs other tests too."""

PATHS = (
    "/api/v1/switches?at=2100-01-01",
    "/api/v1/jobs?limit=5",
    "/api/v1/jobs/1/placement",
    "/api/v1/logs/search?query=batch&limit=5",
    "/api/v1/status",
)


class Answer(NamedTuple):
    """What a reader got, when it began to wait (monotonic s) and how long it did.

    `seconds` is what the server took, as Watch tells it: what it waits for a processor that others have is not its own.
    """

    path: str
    began_s: float
    seconds: float
    status: int
    said: str


class Readers:
    """Clients that each ask for one thing, again and again, until they are told to end."""

    def __init__(self, server: Served) -> None:
        self.answers: list[Answer] = []
        self._server, self._end = server, threading.Event()
        self._threads = [threading.Thread(target=self._read, args=(path,), daemon=True) for path in PATHS]

    def __enter__(self) -> "Readers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _read(self, path: str) -> None:
        with httpx.Client(base_url=self._server.url, timeout=30) as client:
            while not self._end.wait(EVERY_S):
                began, watch = time.monotonic(), Watch(self._server.pid)
                answer = client.get(path)
                _, took_s = watch.took_s()
                self.answers.append(Answer(path, began, took_s, answer.status_code, answer.text[:2000]))

    def told_of(self, engine: str, since_s: float) -> bool:
        """Whether somebody has been told that an engine is away."""
        asked = [answer for answer in list(self.answers) if answer.began_s > since_s]
        return any(answer.status == 503 and engine in answer.said for answer in asked)

    def longest_s(self, from_s: float, to_s: float) -> float:
        """The longest wait of those who began to ask in between."""
        return max(answer.seconds for answer in list(self.answers) if from_s <= answer.began_s < to_s)

    def answered_again(self) -> bool:
        """Whether every path has been answered lately."""
        newest = {answer.path: answer.status for answer in list(self.answers)}
        return set(newest.values()) == {200}


def entries_of(data: Path) -> Iterator[Entry]:
    """Without end: jobs that go on and log lines, and between them sweeps of a fabric."""
    names = ("1-before", "2-moved", "4-failures")
    sweeps = [handed(data / "ib" / f"ft324-{name}" / "ibnetdiscover.txt") for name in names]
    yield file_entry(sweeps[0], None)
    number = 0
    while True:
        number += 1
        jobs = "".join(f"{number + i}|RUNNING|{NIGHT_MS // 1000 + i}|node[001-009]\n" for i in range(20))
        listing = Handed(Path(f"sacct-{number}"), f"JobID|State|Start|NodeList\n{jobs}".encode(), NIGHT_MS, "")
        yield file_entry(listing, NIGHT_MS + number * 1000)
        yield lines_entry("shipper", [line(number * LINES + i) for i in range(LINES)])
        if number % AT_ONCE == AT_ONCE // 4:
            yield file_entry(sweeps[number // AT_ONCE % len(sweeps)], None)


def line(number: int) -> LogLine:
    return LogLine(f"line-{number}", NIGHT_MS + number, "node001", "test", "info", f"batch {number}", "test")


def calm(data: Path, entries: Sequence[Entry]) -> Held:
    """What engines hold that take the same and that nothing happens to."""

    async def apply() -> None:
        async with open_engines(embedded(data), owner=True) as engines:
            await engines.spool.append(entries)
            assert await applier_of(engines).drain() is None

    asyncio.run(apply())
    return held(embedded(data))


@pytest.fixture
def real(neo4j_server: neo4j.Server, elasticsearch_server: elasticsearch.Server) -> Iterator[Real]:
    with real_engines(neo4j_server, elasticsearch_server) as opened:
        yield opened


def test_engines_that_die_and_come_back_cost_time_and_no_data(real: Real, data_folder: Path, tmp_path: Path) -> None:
    source, kept = entries_of(data_folder), []
    data = tmp_path / "data"
    spool = Spool(data / "spool", 1 << 30)

    def hand_in(count: int) -> None:
        entries = [next(source) for _ in range(count)]
        asyncio.run(spool.append(entries))
        kept.extend(entries)

    def waiting() -> int:
        return spool.depth_now().entries

    server = Served(data, environment=real.environment())
    try:
        hand_in(5)
        until("the first entries", lambda: not waiting(), BEHIND_S)
        waits = []
        with Readers(server) as readers:
            for name, engine, killed in (
                ("Neo4j", real.graph, True),
                ("Elasticsearch", real.cluster, True),
                ("Neo4j", real.graph, False),
                ("Elasticsearch", real.cluster, False),
            ):
                until("answers", readers.answered_again)
                hand_in(2 * AT_ONCE)
                until("the middle of it", lambda: waiting() < 2 * AT_ONCE)
                assert waiting() > 0
                began = time.monotonic()
                if killed:
                    engine.kill()
                else:
                    engine.stop()
                hand_in(6)
                until(f"a notice of {name}", lambda name=name, began=began: readers.told_of(name, began))
                if not killed:
                    time.sleep(max(0.0, OUTAGE_S - (time.monotonic() - began)))
                assert waiting() > 0
                engine.restart()
                back = time.monotonic()
                until("what waited", lambda: not waiting(), BEHIND_S)
                caught_up = time.monotonic()
                waits += [readers.longest_s(began, back), readers.longest_s(back, caught_up)]
                print(
                    f"{name} {'killed' if killed else 'stopped'}: away for {back - began:.1f} s, longest wait of a "
                    f"reader {waits[-2]:.2f} s; then caught up within {caught_up - back:.1f} s, longest wait "
                    f"{waits[-1]:.2f} s"
                )
            until("answers", readers.answered_again)
        assert server.get("/readyz") == {"status": "ready"}
    finally:
        server.stop()

    for answer in readers.answers:
        assert answer.status == 200 or (answer.status == 503 and ("Neo4j" in answer.said or "Elastic" in answer.said))
    assert max(waits) < TOLD_S
    left = held(real.settings(data))
    assert len(left.lines) == LINES * sum(entry.kind == spooling.LINES for entry in kept)
    assert left == calm(tmp_path / "calm", kept)


def test_what_is_imported_while_engines_are_away_is_kept_and_applied_later(
    real: Real, data_folder: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    nobody = process.free_port()
    away = real.environment(
        WEFT_NEO4J__URL=f"bolt://127.0.0.1:{nobody}", WEFT_ELASTICSEARCH__URL=f"http://127.0.0.1:{nobody}"
    )
    sweep = data_folder / "ib" / "ft324-1-before" / "ibnetdiscover.txt"
    (syslog := tmp_path / "syslog").write_text("Nov 22 22:23:15 n1 kernel: x\nNov 22 22:23:16 n2 kernel: y\n")

    told = weft("import", sweep, "--data", data, environment=away)
    assert (told.returncode, told.stdout.split()[0]) == (0, "kept")
    reason = f"The inventory in Neo4j at bolt://127.0.0.1:{nobody} does not answer"
    assert f"Kept, and applied once that can be: {reason}" in told.stderr

    checked = weft("check", "--data", data, environment=away)
    assert checked.returncode == 1
    plain = " ".join(checked.stdout.split())
    assert reason in plain
    assert f"Elasticsearch at http://127.0.0.1:{nobody} does not answer" in plain

    asked = weft("vanished", "--data", data, environment=away)
    assert asked.returncode == 1
    assert reason in asked.stderr

    server = Served(data, environment=away)
    try:
        assert reason in server.log.read_text()
        ready = httpx.get(f"{server.url}/readyz", timeout=10)
        assert ready.status_code == 503
        assert set(ready.json()["engines"]) == {"Fabric", "Jobs", "Log lines"}
        assert weft("import", syslog, "--data", data, environment=away).stdout.split()[0] == "kept"
        assert server.get("/api/v1/status")["spool"]["entries"] == 2
    finally:
        server.stop()

    later = weft("import", syslog, "--data", data, environment=real.environment())
    assert "First what waits in the spool: 2 entries wait" in later.stderr
    assert (later.returncode, later.stdout.split()[0]) == (0, "unchanged")
    found = held(real.settings(data))
    assert weft("import", sweep, syslog, "--data", tmp_path / "calm").returncode == 0
    assert found == held(embedded(tmp_path / "calm"))
    assert len(found.lines) == 2

"""`weft import FOLDER`, then `weft serve`: a site of one's own, by one process and by several."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from e2e.served import Served, gone, until, weft

SYSLOG = "Nov 22 22:23:15 n1 kernel: x\nNov 22 22:23:16 n2 kernel: y\n"
COUNTERS = """Data Counters for 0x51 "leaf"
   GUID 0x51 port 1: [PortXmitData == 9 (9.000)]

## Summary: 1 nodes checked, 0 bad nodes found
##          1 ports checked, 0 ports have errors beyond threshold
## Thresholds:
## Suppressed:
"""
SEEN_S = 2.0
"""An API worker answers with what was imported so long ago."""


@pytest.fixture
def dump(data_folder: Path) -> Path:
    return data_folder / "ib" / "ft324-1-before" / "ibnetdiscover.txt"


def test_a_folder_is_imported_and_then_served_until_it_is_told_to_end(
    dump: Path, data_folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "data"
    told = weft("import", dump, "--data", target)
    assert "351 nodes (27 switches), 648 links" in told.stdout
    with Served(target) as server:
        assert server.get("/readyz") == {"status": "ready"}
        assert len(server.get("/api/v1/switches?at=2100-01-01")["rows"]) == 27
        second = weft("serve", "--data", target, "--port", "0")
        assert second.returncode == 1
        assert f"in use by process {server.pid} (weft serve at {server.url})" in second.stderr

        moved = data_folder / "ib" / "ft324-2-moved" / "ibnetdiscover.txt"
        beside = weft("import", moved, "--data", target)
        assert (beside.returncode, beside.stdout.split()[0]) == (0, "imported")
        assert "351 nodes (27 switches), 648 links" in beside.stdout
        again = weft("import", moved, "--data", target)
        assert (again.returncode, again.stdout.split()[0]) == (0, "unchanged")
        (cut := tmp_path / "cut.txt").write_text(dump.read_text()[:20_000])
        refused = weft("import", cut, "--data", target)
        assert (refused.returncode, refused.stdout.split()[0]) == (1, "refused")
        assert refused.stderr.startswith(f"error: {cut}:")
        unplaced = data_folder / "ib" / "ft324-3-errors" / "perfquery-x-spine01-3.txt"
        status = server.get("/api/v1/status")
        assert status["spool"]["entries"] == 0
        assert weft("import", unplaced, "--data", target).returncode == 0
        ended, took_s = server.stop()
    assert (ended, took_s < 10) == (0, True)


def test_workers_answer_within_two_seconds_with_what_is_imported_after_their_start(dump: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(dump, tmp_path / "in")
    (tmp_path / "in" / "syslog").write_text(SYSLOG)
    (tmp_path / "in" / "counters").write_text(COUNTERS)
    with Served(tmp_path / "data", "--workers", "2") as server:
        assert server.get("/readyz") == {"status": "ready"}
        until("two workers", lambda: len(server.workers()) == 2)
        for _ in range(10):  # both have looked, and found nothing
            assert [part["text"] for part in server.get("/api/v1/status")["parts"]][:4] == [
                "answers; no fabric is known yet",
                "answers; no job is known yet",
                "answers; the tree is empty",
                "0 lines of 0 days",
            ]
        told = weft("import", tmp_path / "in", "--seen-at", str(int(time.time())), "--data", tmp_path / "data")
        assert told.stdout.endswith("3 files: 3 imported.\n")
        time.sleep(SEEN_S)
        for _ in range(20):
            texts = [part["text"] for part in server.get("/api/v1/status")["parts"]]
            assert texts[0].startswith("ib: 1 sweep, ")
            assert (texts[2], texts[3][:7], texts[4]) == ("1 root in the tree: fabric", "2 lines", "nothing waits")


def test_a_worker_that_dies_is_started_again_and_all_end_with_their_owner(tmp_path: Path) -> None:
    with Served(tmp_path / "data", "--workers", "2") as server:
        assert server.get("/healthz")["status"] == "up"
        until("two workers", lambda: len(server.workers()) == 2)
        first, second = server.workers()
        os.kill(first, signal.SIGKILL)
        assert server.get("/healthz")["status"] == "up"
        until("a new worker", lambda: len(server.workers()) == 2 and first not in server.workers())
        assert f"(process {first}) died with status -9" in server.log.read_text()
        workers = server.workers()
        assert second in workers
        status, took_s = server.stop()
    assert (status, took_s < 10, [gone(pid) for pid in workers]) == (0, True, [True, True])


def test_workers_whose_owner_is_killed_end_and_the_folder_is_free(tmp_path: Path) -> None:
    with Served(tmp_path / "data", "--workers", "2") as server:
        until("two workers", lambda: len(server.workers()) == 2)
        workers = server.workers()
        server.kill()
        until("the end of workers whose owner was killed", lambda: all(gone(pid) for pid in workers))
    with Served(tmp_path / "data") as server:
        assert server.get("/readyz") == {"status": "ready"}
        assert server.stop(signal.SIGINT)[0] == 0

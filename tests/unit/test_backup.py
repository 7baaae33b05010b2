"""Backups: whole or not at all, both ways, also of a folder that is written to meanwhile."""

import asyncio
import gzip
import io
import os
import subprocess
import sys
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from weft.base.errors import BadInput, BadRequest
from weft.base.intervals import FOREVER_MS, Interval
from weft.base.spool import Entry, Spool
from weft.ingest.backup import MANIFEST, backup, restore
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.jobs import SqliteJobs
from weft.inventory.sqlite.ledger import SqliteLedger
from weft.inventory.sqlite.schema import SCHEMA
from weft.inventory.store import Note
from weft.logs.store import LogLine, LogQuery
from weft.logs.tantivy import TantivyLogs
from weft.logs.tantivy.snapshot import snapshot as snapshot_logs
from weft.scheduler.model import Run, RunKey

pytestmark = pytest.mark.anyio

NOON = 1_763_812_800_000
"""22 Nov 2025, 12:00 UTC."""
RUN = Run(
    RunKey("alpha", 4711, NOON), "4711", "cfd", "alice", "physics", "batch", "COMPLETED", NOON - 1, NOON + 9,
    ("node001", "node002"), 2, 0, 0, NOON + 99, "sacct",
)  # fmt: skip
LINE = LogLine("a", NOON, "node001", "kernel", "err", "link down", "syslog")
EVERYTHING = LogQuery(Interval(0, FOREVER_MS))


async def fill(folder: Path, lines: int = 3) -> dict[str, str]:
    """A small site in a folder; its checksums."""
    async with Database.open(folder / "inventory.db", SCHEMA) as database, TantivyLogs.open(folder / "logs") as logs:
        await SqliteJobs(database).apply_runs([RUN])
        await SqliteLedger(database).add_notes([Note(NOON, "note", "info", "moved rack 7")])
        await logs.append([replace(LINE, id=str(n), at_ms=NOON + n) for n in range(lines)])
        (folder / "whisper" / "demo").mkdir(parents=True)
        (folder / "whisper" / "demo" / "load.wsp").write_bytes(os.urandom(5000))
        (folder / "weft.toml").write_text('[site]\ncluster = "alpha"\n')
        await Spool(folder / "spool", 1_000_000).append([Entry("file", "sacct.txt", b"JobID|State\n")])
        return dict(await SqliteLedger(database).checksums())


async def held(folder: Path) -> tuple[dict[str, str], list[str], bytes, list[str]]:
    """What a folder holds: checksums, log lines, a whisper file, what waits."""
    async with Database.open(folder / "inventory.db", SCHEMA) as database, TantivyLogs.open(folder / "logs") as logs:
        lines = [line.id for line in (await logs.search(EVERYTHING, limit=1000)).lines]
        waits = [one.entry.name for one in await Spool(folder / "spool", 1_000_000).waiting() if one.entry]
        whisper = (folder / "whisper" / "demo" / "load.wsp").read_bytes()
        return dict(await SqliteLedger(database).checksums()), lines, whisper, waits


def begun(folder: Path) -> list[Path]:
    """Folders that a restoration has left behind."""
    return list(folder.glob(".new*"))


def refused(file: Path, folder: Path) -> str:
    """Why a backup is not restored; "": it was."""
    try:
        restore(file, folder)
    except BadInput as exc:
        return str(exc)
    return ""


@pytest.mark.parametrize("name", ["site.tar", "site.tar.gz"])
async def test_a_folder_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    sums = await fill(tmp_path / "data")
    kept = backup(tmp_path / "data", tmp_path / name, NOON)
    assert restore(tmp_path / name, tmp_path / "new") == kept
    assert (tmp_path / name).read_bytes()[:2] == (b"\x1f\x8b" if name.endswith(".gz") else b"in")
    before, after = await held(tmp_path / "data"), await held(tmp_path / "new")
    assert after == before
    assert after[0] == sums
    assert after[1] == ["2", "1", "0"]
    assert after[3] == ["sacct.txt"]
    assert (tmp_path / "new" / "weft.toml").read_text() == '[site]\ncluster = "alpha"\n'
    assert not (tmp_path / "new" / "owner.lock").exists()
    assert list((tmp_path / "data").glob(".backup*")) == []


async def test_what_is_written_meanwhile_is_in_it_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    await fill(folder)
    stop, made, began = threading.Event(), [0], [threading.Event() for _ in range(3)]

    async def write() -> None:
        async with (
            Database.open(folder / "inventory.db", SCHEMA) as database,
            TantivyLogs.open(folder / "logs") as logs,
        ):
            jobs = SqliteJobs(database)
            while not stop.is_set():
                n = made[0] + 1
                await jobs.apply_runs([replace(RUN, key=RunKey("alpha", 10_000 + n, NOON))])
                await logs.append([replace(LINE, id=f"new{n}", at_ms=NOON + 1000 + n)])
                made[0] = n
                if n % 2 and n // 2 < len(began):
                    began[n // 2].set()

    with_writer = asyncio.create_task(asyncio.to_thread(asyncio.run, write()))
    for turn in range(3):
        await asyncio.to_thread(began[turn].wait)
        await asyncio.to_thread(backup, folder, tmp_path / f"{turn}.tar", NOON)
    stop.set()
    await with_writer
    counts = []
    for turn in range(3):
        restore(tmp_path / f"{turn}.tar", tmp_path / str(turn))
        async with (
            Database.open(tmp_path / str(turn) / "inventory.db", SCHEMA) as database,
            TantivyLogs.open(tmp_path / str(turn) / "logs") as logs,
        ):
            runs = (await SqliteLedger(database).stats())["run"]
            lines = (await logs.search(EVERYTHING, limit=10_000)).lines
            new = [int(line.id.removeprefix("new")) for line in lines if line.id.startswith("new")]
            assert sorted(new) == list(range(1, len(new) + 1)), "what was acknowledged first is there first"
            # A run is written before its line, and the inventory is copied before the logs.
            assert runs - 1 <= len(new) + 1
            counts.append(runs)
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] <= made[0] + 1


async def test_a_day_that_is_committed_to_while_it_is_linked_is_linked_again(tmp_path: Path) -> None:
    async with TantivyLogs.open(tmp_path / "logs") as logs:
        await logs.append([LINE])
        loop = asyncio.get_running_loop()
        again = [replace(LINE, id="b"), replace(LINE, id="c")]

        def between() -> None:
            if again:
                asyncio.run_coroutine_threadsafe(logs.append([again.pop()]), loop).result()

        await asyncio.to_thread(snapshot_logs, tmp_path / "logs", tmp_path / "copy", between)
    async with TantivyLogs.open(tmp_path / "copy") as copied:
        assert {line.id for line in (await copied.search(EVERYTHING)).lines} == {"a", "b", "c"}


async def test_nothing_is_written_over(tmp_path: Path) -> None:
    await fill(tmp_path / "data")
    backup(tmp_path / "data", tmp_path / "a.tar", NOON)
    with pytest.raises(BadRequest, match="is there already"):
        backup(tmp_path / "data", tmp_path / "a.tar", NOON)
    with pytest.raises(BadRequest, match="is not empty"):
        restore(tmp_path / "a.tar", tmp_path / "data")
    with pytest.raises(BadRequest, match="no site"):
        backup(tmp_path / "nowhere", tmp_path / "b.tar", NOON)
    assert not (tmp_path / "b.tar").exists()
    (tmp_path / "empty").mkdir()
    restore(tmp_path / "a.tar", tmp_path / "empty")
    assert (tmp_path / "empty" / "inventory.db").exists()


@pytest.mark.parametrize("packed", [False, True])
async def test_a_backup_that_was_cut_or_changed_restores_nothing(tmp_path: Path, packed: bool) -> None:
    await fill(tmp_path / "data")
    name = "a.tar.gz" if packed else "a.tar"
    backup(tmp_path / "data", tmp_path / name, NOON)
    whole = (tmp_path / name).read_bytes()
    size = len(whole)
    spoilt = [whole[: size * part // 20] for part in range(20)]
    for part in range(20):
        at = size * part // 20 + 600
        spoilt.append(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :] if at < size else b"")
    told = 0
    for n, data in enumerate(spoilt):
        bad = tmp_path / f"bad{n}.{name}"
        bad.write_bytes(data)
        said = refused(bad, tmp_path / f"new{n}")
        if said:
            told += 1
            assert str(bad) in said
            assert not (tmp_path / f"new{n}").exists()
        else:
            # A flipped bit of padding or of a file's time changes nothing that counts.
            assert await held(tmp_path / f"new{n}") == await held(tmp_path / "data")
    assert told >= 30
    assert not begun(tmp_path)


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/../../evil"])
def test_a_hostile_archive_writes_nothing_outside(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        info = tarfile.TarInfo(name)
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    with pytest.raises(BadInput, match="no backup of ours"):
        restore(tmp_path / "evil.tar", tmp_path / "in" / "new")
    assert not (tmp_path / "in" / "new").exists()
    assert not list(tmp_path.rglob("evil"))


def test_what_is_no_backup_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello\n" * 1000)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(b"hello"))
    with tarfile.open(tmp_path / "link.tar", "w") as tar:
        info = tarfile.TarInfo("inventory.db")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    for name in ("text", "packed.gz", "link.tar", "missing"):
        with pytest.raises(BadInput) as caught:
            restore(tmp_path / name, tmp_path / "new")
        assert str(tmp_path / name) in str(caught.value)
    assert not (tmp_path / MANIFEST).exists()


def test_the_commands_say_what_they_did(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path / "data"))
    weft = Path(sys.executable).with_name("weft")
    made = subprocess.run(
        [weft, "backup", tmp_path / "a.tar.gz", "--data", tmp_path / "data"], capture_output=True, text=True, check=True
    )
    assert "a.tar.gz: " in made.stdout
    again = subprocess.run(
        [weft, "restore", tmp_path / "a.tar.gz", "--data", tmp_path / "new"], capture_output=True, text=True, check=True
    )
    assert again.stdout.partition(": ")[2] == made.stdout.partition(": ")[2]

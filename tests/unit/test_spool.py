"""The spool and the owner's loop: what was acknowledged is applied once, in order; what cannot be stops nothing."""

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import UTC
from pathlib import Path

import pytest

from unit.importing import NOW_MS, Stores, put
from weft.base.config import Site
from weft.base.errors import BadRequest, Busy, Unavailable
from weft.base.spool import Depth, Entry, Refused, Spool, decoded, encoded
from weft.ingest import spooling
from weft.ingest.files import Handed, handed
from weft.ingest.handing import Door
from weft.ingest.importer import FileReport, ImportReport
from weft.ingest.spooling import Applier, file_entry, lines_entry, report_of, word_of
from weft.inventory.store import SweepResult
from weft.logs.store import LogLine

pytestmark = pytest.mark.anyio

SYSLOG = "Nov 22 22:23:15 n1 kernel: x\nNov 22 22:23:16 n2 kernel: y\n"
SACCT = "JobID|State|Start|NodeList\n7|RUNNING|1795387785|node[01-02]\n"
ROOM = 10_000_000
AWAY = Unavailable("The inventory does not answer.", fix="Start it.")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "data" / "spool", ROOM)


@pytest.fixture
def stores() -> Stores:
    return Stores()


def applier(spool: Spool, stores: Stores) -> Applier:
    return Applier(spool, stores.importer(), stores.logs)


def line(number: int) -> LogLine:
    return LogLine(f"id{number}", NOW_MS + number, "n1", "kernel", "err", "text é", "test", number, {"k": number})


def sacct(number: int) -> Entry:
    text = SACCT.replace("7|", f"{number}|").encode()
    return file_entry(Handed(Path(f"sacct-{number}.txt"), text, NOW_MS, ""), None)


def breaks(stores: Stores, monkeypatch: pytest.MonkeyPatch, error: Exception = AWAY) -> Callable[[], None]:
    """Let the store of jobs fail; the call that comes back mends it."""

    async def broken(*_: object) -> SweepResult:
        raise error

    monkeypatch.setattr(stores.jobs, "apply_runs", broken)
    return lambda: monkeypatch.delattr(stores.jobs, "apply_runs")


@pytest.mark.parametrize(
    "entry",
    [
        Entry("file", "a\nb.txt", b"x\ny\n", {"told_ms": None, "stderr": "é\n"}, True),
        Entry("lines", "", b""),
        Entry("new kind", "n", bytes(range(256))),
    ],
)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    assert decoded(encoded(entry)) == entry


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}\nx", b'["a"]\nx', b"\xff\n"])
def test_bytes_that_are_no_entry_are_none(payload: bytes) -> None:
    assert decoded(payload) is None


async def test_calls_that_come_together_share_one_write(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(handle), fsync(handle))[1])
    told = await asyncio.gather(*(spool.append([sacct(i), sacct(i)]) for i in range(100)))
    assert sorted(number for numbers in told for number in numbers) == list(range(1, 201))
    assert all(first + 1 == second for first, second in told)
    assert len(synced) < 30
    waiting = await spool.waiting()
    names = {w.record.number: w.entry.name for w in waiting if w.entry is not None}
    assert all(names[first] == names[second] == f"sacct-{i}.txt" for i, (first, second) in enumerate(told))


async def test_full_is_refused_at_the_source_and_what_fits_is_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 3000)
    big = Entry("lines", "big", b"x" * 2000)
    told = await asyncio.gather(*(spool.append([big]) for _ in range(2)), return_exceptions=True)
    assert told[0] == (1,)
    assert isinstance(told[1], Busy)
    assert "The spool" in str(told[1])
    assert "is full" in str(told[1])


async def test_who_stops_waiting_has_handed_it_in_all_the_same(spool: Spool) -> None:
    asking = asyncio.create_task(spool.append([sacct(1)]))
    await asyncio.sleep(0)
    asking.cancel()
    assert await spool.append([sacct(2)]) == (2,)
    assert [w.entry.name for w in await spool.waiting() if w.entry is not None] == ["sacct-1.txt", "sacct-2.txt"]


async def test_everything_is_applied_once_and_in_order(spool: Spool, stores: Stores, data: Path) -> None:
    dump = data / "ib/ft324-1-before/ibnetdiscover.txt"
    entries = [sacct(1), lines_entry("a", [line(1), line(2)]), lines_entry("b", [line(3)]), sacct(2)]
    await spool.append([*entries, file_entry(handed(dump), None), sacct(1)])
    assert await applier(spool, stores).drain() is None
    assert [run.key.job_id for run in stores.jobs.known] == [1, 2]
    assert [line.seq for line in stores.logs.lines] == [1, 2, 3]
    assert stores.logs.lines[0] == line(1)
    assert len(stores.fabrics.applied) == 1
    depth = await spool.depth()
    assert (depth.entries, depth.oldest_ms, depth.refused) == (0, None, ())
    assert depth.told(NOW_MS) == "nothing waits"


async def test_a_file_through_the_spool_is_what_it_is_imported_directly(
    spool: Spool, tmp_path: Path, data: Path
) -> None:
    folder = data / "ib/ft324-4-failures"
    direct, spooled = Stores(), Stores()
    report = await direct.importer().import_paths([folder])
    door = Door(spool, Site(), UTC, None)
    kept = await door.import_paths([folder])
    assert {file.outcome for file in kept.files} == {"kept", "skipped"}

    async def owner() -> None:
        await applier(spool, spooled).drain()

    assert await door.heard(kept, "Process 7 owns it.", 10, owner) == report
    assert spooled.checksum() == direct.checksum()


async def test_what_an_engine_cannot_take_waits_and_what_follows_it_too(
    spool: Spool, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend = breaks(stores, monkeypatch)
    await spool.append([lines_entry("before", [line(1)]), sacct(1), lines_entry("behind", [line(2)])])
    owner = applier(spool, stores)
    assert await owner.drain() == await owner.drain() == str(AWAY)
    assert [line.seq for line in stores.logs.lines] == [1]
    depth = await spool.depth()
    assert depth.entries == 2
    assert depth.trouble == str(AWAY)
    ((what, fix),) = depth.amiss(depth.oldest_ms or 0)
    assert what.startswith("The spool does not drain, 2 entries wait, 0.")
    assert what.endswith("the oldest for 0 s: The inventory does not answer. Start it.")
    assert fix == "What was handed in is kept, and applied in its order once that works."
    mend()
    assert await owner.drain() is None
    assert [line.seq for line in stores.logs.lines] == [1, 2]
    assert len(stores.jobs.known) == 1
    assert (await spool.depth()).trouble is None


async def test_the_next_owner_goes_on_and_takes_back_what_the_last_one_said(
    spool: Spool, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    mend = breaks(stores, monkeypatch)
    await spool.append([sacct(1)])
    await applier(spool, stores).drain()
    mend()
    again = Spool(spool.folder, ROOM)
    assert await applier(again, stores).drain() is None
    await again.append([sacct(2)])
    depth = await again.depth()
    assert (depth.entries, depth.trouble) == (1, None)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (
            Entry("file", "a.txt", b"hello", {"told_ms": None, "live": False, "written_ms": 0, "stderr": ""}),
            "no format",
        ),
        (Entry("file", "a.txt", b"hello"), "Weft itself failed on it (KeyError: 'written_ms')"),
        (Entry("lines", "a.txt", b"[[1]]"), "a.txt: it holds no log lines"),
        (Entry("lines", "a.txt", b"{"), "a.txt: it holds no log lines"),
        (Entry("hint", "a.txt", b""), "a.txt: this version of Weft applies no 'hint'."),
    ],
)
async def test_what_can_never_be_applied_is_put_aside_and_stops_nothing(
    spool: Spool, stores: Stores, entry: Entry, why: str
) -> None:
    await spool.append([sacct(1), lines_entry("x", [line(1)]), entry, lines_entry("y", [line(2)]), sacct(2)])
    assert await applier(spool, stores).drain() is None
    assert [run.key.job_id for run in stores.jobs.known] == [1, 2]
    assert [line.seq for line in stores.logs.lines] == [1, 2]
    (aside,) = (await spool.depth()).refused
    assert (aside.name, aside.folder) == ("a.txt", spool.folder / "refused" / "0000000000000003")
    assert why in aside.why
    assert (aside.folder / "body").read_bytes() == entry.body
    ((what, fix),) = (await spool.depth()).amiss(NOW_MS)
    assert what.startswith("Refused from the spool: a.txt: ")
    assert fix == f"Hand it in again when it is mended, and delete {aside.folder}, where it is kept."


@pytest.mark.parametrize("error", [BadRequest("No.", fix=""), ZeroDivisionError("by design")])
async def test_a_store_that_never_takes_it_stops_nothing_either(
    spool: Spool, stores: Stores, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    breaks(stores, monkeypatch, error)
    await spool.append([sacct(1), lines_entry("x", [line(1)])])
    assert await applier(spool, stores).drain() is None
    assert [line.seq for line in stores.logs.lines] == [1]
    (aside,) = (await spool.depth()).refused
    assert str(error) in aside.why


async def test_of_log_lines_only_the_entry_that_cannot_be_kept_is_put_aside(
    spool: Spool, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = stores.logs.append

    async def picky(lines: Sequence[LogLine]) -> int:
        if any(line.seq == 2 for line in lines):
            raise ValueError("two")
        return await kept(lines)

    monkeypatch.setattr(stores.logs, "append", picky)
    await spool.append([lines_entry(f"n{i}", [line(i)]) for i in range(1, 5)])
    assert await applier(spool, stores).drain() is None
    assert [line.seq for line in stores.logs.lines] == [1, 3, 4]
    assert [aside.name for aside in (await spool.depth()).refused] == ["n2"]


async def test_damage_is_put_aside_as_it_is_and_told(spool: Spool, stores: Stores) -> None:
    await spool.append([sacct(1), sacct(2), sacct(3)])
    (path,) = spool.folder.glob("*.journal")
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"\n2|RUNNING", b"\n2|RUNNIMG"))
    assert await applier(spool, stores).drain() is None
    assert [run.key.job_id for run in stores.jobs.known] == [1, 3]
    (aside,) = (await spool.depth()).refused
    assert aside.why == "an entry of the spool: the disk gave back other bytes than were written. Hand it in again."
    assert b"2|RUNNIMG" in (aside.folder / "body").read_bytes()


async def test_what_was_refused_counts_as_kept_until_somebody_deletes_it(tmp_path: Path, stores: Stores) -> None:
    spool = Spool(tmp_path, 3000)
    await spool.append([Entry("odd", "a", b"x" * 2500)])
    await applier(spool, stores).drain()
    with pytest.raises(Busy):
        await spool.append([sacct(1)] * 10)
    (aside,) = (await spool.depth()).refused
    for path in aside.folder.iterdir():
        path.unlink()
    aside.folder.rmdir()
    assert len(await spool.append([sacct(1)] * 10)) == 10


async def test_who_asks_hears_what_became_of_a_file_once(spool: Spool, stores: Stores, tmp_path: Path) -> None:
    good, bad = put(tmp_path / "a.txt", SACCT), put(tmp_path / "b.txt", SACCT + "8|RUNNING\n")
    numbers = await spool.append([file_entry(handed(path), None, asked=True) for path in (good, good, bad)])
    assert await spool.word(numbers[0]) is None
    await applier(spool, stores).drain()
    words = [await spool.word(number) for number in numbers]
    told = [report_of(word) for word in words if word is not None]
    assert [(file.path, file.outcome) for file in told] == [(good, "imported"), (good, "unchanged"), (bad, "refused")]
    assert told[2].error.startswith(f"{bad}:3: ")
    assert [await spool.word(number) for number in numbers] == [None] * 3


def test_a_report_is_heard_as_it_was_told() -> None:
    report = FileReport(Path("a b"), "sacct", "imported", "1 run", ("one", "two"), "")
    assert report_of(word_of(report)) == report


async def test_the_loop_applies_what_comes_tries_again_what_cannot_be_and_outlives_what_nobody_foresaw(
    spool: Spool, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooling, "FIRST_S", 0.01)
    monkeypatch.setattr(spooling, "LONGEST_S", 0.02)
    owner = applier(spool, stores)
    loop = asyncio.create_task(owner.run())

    async def until(done: Callable[[], bool]) -> None:
        for _ in range(1000):
            if done():
                return
            await asyncio.sleep(0.01)
        pytest.fail("not within 10 s")

    await spool.append([sacct(1)])
    await until(lambda: len(stores.jobs.known) == 1)
    await Spool(spool.folder, ROOM).append([sacct(2)])  # another process
    await until(lambda: len(stores.jobs.known) == 2)
    mend = breaks(stores, monkeypatch)
    await spool.append([sacct(3)])
    await asyncio.sleep(0.1)
    mend()
    await until(lambda: len(stores.jobs.known) == 3)
    monkeypatch.setattr(spool, "waiting", None)
    await spool.append([sacct(4)])
    await asyncio.sleep(0.05)
    monkeypatch.delattr(spool, "waiting")
    await until(lambda: len(stores.jobs.known) == 4)
    loop.cancel()


async def test_an_owner_applies_at_once_until_an_engine_is_away_and_then_keeps(
    spool: Spool, stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "in/a.log", SYSLOG)
    put(tmp_path / "in/b.txt", SACCT)
    put(tmp_path / "in/c.txt", "JobID|State\n")
    put(tmp_path / "in/d.log", SYSLOG.replace("kernel: x", "kernel: z"))
    mend = breaks(stores, monkeypatch)
    importer = stores.importer()
    door = Door(spool, Site(), UTC, importer)
    report = await door.import_paths([tmp_path / "in"], seen_at_ms=NOW_MS)
    assert [file.outcome for file in report.files] == ["imported", "kept", "refused", "kept"]
    assert report.files[1].notices == (f"Kept, and applied once that can be: {AWAY}",)
    assert not report.ok
    assert len(stores.logs.lines) == 2
    mend()
    assert await applier(spool, stores).drain() is None
    assert (len(stores.logs.lines), len(stores.jobs.known)) == (3, 1)
    assert not (spool.folder / "said").exists()


async def test_a_file_that_cannot_be_read_is_refused_before_it_is_taken(spool: Spool, tmp_path: Path) -> None:
    door = Door(spool, Site(), UTC, None)
    report = await door.import_paths([put(tmp_path / "a.txt", SACCT + "8|RUNNING\n"), put(tmp_path / "b", "hello\n")])
    assert [file.outcome for file in report.files] == ["refused", "refused"]
    assert report.files[0].error.startswith(f"{tmp_path}/a.txt:3: ")
    assert not spool.folder.exists()
    with pytest.raises(BadRequest, match="outside the calendar"):
        await door.import_paths([], seen_at_ms=-1)


async def test_a_full_spool_refuses_a_file_and_says_so(tmp_path: Path) -> None:
    door = Door(Spool(tmp_path / "spool", 50), Site(), UTC, None)
    (file,) = (await door.import_paths([put(tmp_path / "a.txt", SACCT)])).files
    assert file.outcome == "refused"
    assert "is full" in file.error


async def test_who_is_not_heard_in_time_is_told_that_it_is_kept(spool: Spool, tmp_path: Path) -> None:
    door = Door(spool, Site(), UTC, None)
    report = await door.import_paths([put(tmp_path / "a.txt", SACCT)])
    tried: list[int] = []

    async def nobody() -> None:
        tried.append(1)

    late = await door.heard(report, "Process 7 owns it.", 0.2, nobody)
    assert isinstance(late, ImportReport)
    assert late.ok
    assert late.files[0].outcome == "kept"
    assert late.files[0].notices == (
        "Kept, and applied in its turn: its owner did not come to it within 0.2 s. Process 7 owns it.",
    )
    assert tried


def aside(number: int) -> Refused:
    return Refused("a", f"a{number}: bad.", Path(f"refused/{number}"))


@pytest.mark.parametrize(
    ("depth", "drains", "told", "amiss"),
    [
        (Depth(0, 0, None, None, ()), True, "nothing waits", []),
        (Depth(1, 900, 40_000, None, ()), True, "1 entry waits, 0.9 kB, the oldest for 60 s", []),
        (
            Depth(2000, 5_000_000, 39_000, None, ()),
            False,
            "2,000 entries wait, 5.0 MB, the oldest for 61 s",
            ["The spool does not drain, 2,000 entries wait, 5.0 MB, the oldest for 61 s, and no process applies it."],
        ),
        (
            Depth(1, 900, 99_000, "Away.", (aside(1),)),
            False,
            "1 entry waits, 0.9 kB, the oldest for 1 s",
            [
                "The spool does not drain, 1 entry waits, 0.9 kB, the oldest for 1 s: Away.",
                "Refused from the spool: a1: bad.",
            ],
        ),
        (
            Depth(0, 0, None, None, tuple(map(aside, range(7)))),
            True,
            "nothing waits",
            [
                *(f"Refused from the spool: a{i}: bad." for i in range(5)),
                "2 more were refused from the spool.",
            ],
        ),
    ],
)
def test_the_depth_says_what_is_amiss(depth: Depth, drains: bool, told: str, amiss: list[str]) -> None:
    assert (depth.drains(100_000), depth.told(100_000)) == (drains, told)
    assert [what for what, fix in depth.amiss(100_000) if fix] == amiss

"""Records on disk: in order, whole or not at all, whatever was cut off or damaged, and who reads or writes."""

import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from weft.base import journal
from weft.base.errors import Busy, Unavailable
from weft.base.journal import HEADER, Journal, Place

ROOM = 10_000_000
FIRST, SECOND, THIRD = b"first" * 3, b"", b"third\n" * 4


def opened(folder: Path, room: int = ROOM) -> Journal:
    return Journal(folder, room, lambda: 0)


def put(log: Journal, *payloads: bytes, at_ms: int = 7) -> list[int]:
    (numbers,) = log.append([list(payloads)], at_ms)
    assert isinstance(numbers, list)
    return numbers


def waiting(log: Journal) -> list[tuple[int, bytes, bool]]:
    return [(record.number, record.payload, record.damaged) for record in log.read(ROOM)]


def segment(folder: Path) -> Path:
    """The last one."""
    return max(folder.glob("*.journal"))


def test_what_is_appended_is_read_in_order_until_it_is_done(tmp_path: Path) -> None:
    log = opened(tmp_path / "new" / "log")
    assert put(log, FIRST, SECOND) == [1, 2]
    assert put(log, THIRD, at_ms=9) == [3]
    records = log.read(ROOM)
    assert [(r.number, r.at_ms, r.payload) for r in records] == [(1, 7, FIRST), (2, 7, SECOND), (3, 9, THIRD)]
    assert log.waits() == (3, 3 * HEADER + len(FIRST + SECOND + THIRD), 7)
    log.done(records[1].end)
    assert waiting(opened(tmp_path / "new" / "log")) == [(3, THIRD, False)]
    assert log.waits() == (1, HEADER + len(THIRD), 9)
    log.done(records[2].end)
    assert (waiting(log), log.waits()) == ([], (0, 0, None))


def test_nothing_is_made_before_the_first_record(tmp_path: Path) -> None:
    log = opened(tmp_path / "log")
    assert (log.read(ROOM), log.waits()) == ([], (0, 0, None))
    assert not (tmp_path / "log").exists()


def test_a_reader_takes_about_so_many_bytes_but_one_record_at_least(tmp_path: Path) -> None:
    log = opened(tmp_path)
    put(log, b"x" * 100, b"y" * 100, b"z")
    assert [r.number for r in log.read(1)] == [1]
    assert [r.number for r in log.read(HEADER + 101)] == [1, 2]


def test_a_reader_goes_on_from_any_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 120)
    put(opened(tmp_path), *(b"%d" % i * i for i in range(1, 8)))
    put(opened(tmp_path), *(b"%d" % i * i for i in range(8, 16)))
    read = []
    while records := opened(tmp_path).read(1):  # another process each time
        read += [(r.number, r.payload) for r in records]
        opened(tmp_path).done(records[-1].end)
    assert read == [(i, b"%d" % i * i) for i in range(1, 16)]


def test_segments_that_are_done_are_deleted_and_numbers_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 60)
    log = opened(tmp_path)
    for i in range(1, 5):
        assert put(log, b"x" * 40) == [i]
    assert sorted(int(path.stem) for path in tmp_path.glob("*.journal")) == [1, 2, 3, 4]
    log.done(log.read(ROOM)[2].end)
    assert [int(path.stem) for path in tmp_path.glob("*.journal")] == [4]
    log.done(log.read(ROOM)[0].end)
    assert list(tmp_path.glob("*.journal")) == []
    assert put(opened(tmp_path), FIRST) == [5]
    assert waiting(log) == [(5, FIRST, False)]


def test_a_record_cut_at_any_byte_is_dropped_and_no_other(tmp_path: Path) -> None:
    put(opened(tmp_path / "whole"), FIRST, SECOND, THIRD)
    data = segment(tmp_path / "whole").read_bytes()
    ends = [0]
    for payload in (FIRST, SECOND, THIRD):
        ends.append(ends[-1] + HEADER + len(payload))
    for cut in range(len(data) + 1):
        folder = tmp_path / str(cut)
        put(opened(folder), FIRST)
        segment(folder).write_bytes(data[:cut])
        whole = sum(end <= cut for end in ends[1:])
        kept = [(1, FIRST, False), (2, SECOND, False), (3, THIRD, False)][:whole]
        log = opened(folder)
        assert waiting(log) == kept, cut
        assert log.waits().records == whole
        assert put(log, b"next") == [whole + 1], cut
        assert waiting(opened(folder)) == [*kept, (whole + 1, b"next", False)], cut


def test_zeros_that_a_power_failure_leaves_are_dropped(tmp_path: Path) -> None:
    put(opened(tmp_path), FIRST)
    with segment(tmp_path).open("ab") as file:
        file.write(bytes(500))
    log = opened(tmp_path)
    assert waiting(log) == [(1, FIRST, False)]
    assert put(log, SECOND) == [2]
    assert waiting(log) == [(1, FIRST, False), (2, SECOND, False)]


@pytest.mark.parametrize("at", range(HEADER + len(FIRST)))
def test_damage_in_the_middle_is_told_and_what_is_around_it_survives(tmp_path: Path, at: int) -> None:
    put(opened(tmp_path), FIRST, FIRST, THIRD)
    raw = bytearray(segment(tmp_path).read_bytes())
    raw[HEADER + len(FIRST) + at] ^= 0x20
    segment(tmp_path).write_bytes(raw)
    log = opened(tmp_path)
    before, damaged, after = log.read(ROOM)
    assert [(r.number, r.damaged) for r in (before, damaged, after)] == [(1, False), (2, True), (3, False)]
    assert (before.payload, after.payload) == (FIRST, THIRD)
    assert damaged.payload in bytes(raw)
    log.done(damaged.end)
    assert waiting(opened(tmp_path)) == [(3, THIRD, False)]
    assert put(opened(tmp_path), SECOND) == [4]


@pytest.mark.parametrize("at", range(HEADER + len(THIRD)))
def test_damage_at_the_end_is_told_and_what_comes_after_it_survives(tmp_path: Path, at: int) -> None:
    put(opened(tmp_path), FIRST, THIRD)
    raw = bytearray(segment(tmp_path).read_bytes())
    raw[HEADER + len(FIRST) + at] ^= 0x20
    segment(tmp_path).write_bytes(raw)
    log = opened(tmp_path)
    assert [(number, damaged) for number, _, damaged in waiting(log)] == [(1, False), (2, True)]
    assert log.waits().records == 2
    assert put(log, SECOND) == [3]
    again = opened(tmp_path)
    assert [(number, damaged) for number, _, damaged in waiting(again)] == [(1, False), (2, True), (3, False)]
    again.done(again.read(ROOM)[1].end)
    assert waiting(opened(tmp_path)) == [(3, SECOND, False)]


def test_a_place_that_cannot_be_read_hands_out_all_that_is_there_again(tmp_path: Path) -> None:
    log = opened(tmp_path)
    put(log, FIRST, SECOND)
    log.done(log.read(1)[0].end)
    (tmp_path / "done").write_text("gar bage")
    assert waiting(log) == [(1, FIRST, False), (2, SECOND, False)]


def test_what_was_done_before_it_was_on_disk_leaves_its_numbers_taken(tmp_path: Path) -> None:
    log = opened(tmp_path)
    put(log, FIRST, SECOND)
    log.done(log.read(ROOM)[-1].end)
    os.truncate(segment(tmp_path), HEADER)  # as a power failure may leave it
    assert put(opened(tmp_path), THIRD) == [3]
    assert waiting(opened(tmp_path)) == [(3, THIRD, False)]


def test_full_is_refused_with_how_deep_it_is_and_what_to_do(tmp_path: Path) -> None:
    log = opened(tmp_path, 3000)
    put(log, b"x" * 1000)
    ok, full, small = log.append([[b"y" * 1000], [b"z" * 1000], [b"s"]], 7)
    assert (ok, small) == ([2], [3])
    assert isinstance(full, Busy)
    assert str(full) == (
        f"The spool {tmp_path} is full, it has no room for 1.0 kB: 1 entry waits, with what was refused 1.0 kB "
        "of at most 3.0 kB. `weft check` says why it does not drain; spool.max_mb sets how much may wait. Then hand it "
        "in again."
    )
    log.done(log.read(ROOM)[-1].end)
    assert put(log, b"z" * 1000) == [4]
    assert Journal(tmp_path, 3000, lambda: 2500).append([[b"z" * 1000]], 7) != [[5]]


def test_a_disk_that_refuses_is_told_and_keeps_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = opened(tmp_path)
    put(log, FIRST)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (why,) = log.append([[SECOND]], 7)
    monkeypatch.undo()
    assert isinstance(why, Unavailable)
    assert f"The spool {tmp_path} cannot be written to: No space left on device." in str(why)
    # It may have come to the disk all the same: then it stays, as the reader may have seen it.
    assert put(log, THIRD) == [3]
    assert waiting(log) == [(1, FIRST, False), (2, SECOND, False), (3, THIRD, False)]


def _append_many(folder: Path, who: bytes, count: int) -> None:
    log = opened(folder)
    for i in range(count):
        put(log, b"%s %d " % (who, i) + who * i)


def test_processes_that_append_at_once_lose_nothing_and_each_keeps_its_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 4096)
    spawn = multiprocessing.get_context("fork")
    writers = [spawn.Process(target=_append_many, args=(tmp_path, who, 60)) for who in (b"a", b"b", b"c")]
    for writer in writers:
        writer.start()
    log, read = opened(tmp_path), list[tuple[int, bytes]]()
    while any(writer.is_alive() for writer in writers) or log.waits().records:
        if records := log.read(2000):
            assert not any(record.damaged for record in records)
            read += [(record.number, record.payload) for record in records]
            log.done(records[-1].end)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert [number for number, _ in read] == list(range(1, 181))
    for who in (b"a", b"b", b"c"):
        mine = [payload for _, payload in read if payload.startswith(who)]
        assert mine == [b"%s %d " % (who, i) + who * i for i in range(60)]


def test_threads_that_share_a_journal_lose_nothing(tmp_path: Path) -> None:
    log = opened(tmp_path)
    threads = [threading.Thread(target=lambda: [put(log, b"x") for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [number for number, *_ in waiting(log)] == list(range(1, 81))


def test_a_place_is_three_numbers_in_a_file(tmp_path: Path) -> None:
    log = opened(tmp_path)
    put(log, FIRST)
    log.done(Place(2, 1, HEADER + len(FIRST)))
    assert (tmp_path / "done").read_text() == f"2 1 {HEADER + len(FIRST)}\n"

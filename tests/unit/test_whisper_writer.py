"""Writing whisper files: the judge is the PyPI package `whisper`, byte by byte."""

import errno
import hashlib
import logging
import math
import os
from pathlib import Path

import numpy as np
import pytest
import whisper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weft.base.errors import BadInput, Unavailable
from weft.metrics.index import NameIndex
from weft.metrics.writer import WhisperWriter

NOW = 1_763_850_007
HOUR, DAY = 3600, 86400
GAP = math.nan


def archives_of(writer: WhisperWriter) -> list[tuple[int, int]]:
    return list(writer.archives)


def points_of(path: Path, from_s: int, now: int = NOW) -> list[tuple[int, float]]:
    """What is stored, as whisper reads it."""
    (start, end, step), values = whisper.fetch(str(path), from_s, now, now=now)
    return [(t, v) for t, v in zip(range(start, end, step), values, strict=True) if v is not None]


def test_a_new_file_is_what_whisper_creates_sparse(tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path / "tree", "1m:7d,10m:1y")
    assert writer.write(NOW, [("fabric.e41d2d0300000001.1.PortXmitData", 123.0)], now_s=NOW) == 1
    made = tmp_path / "tree/fabric/e41d2d0300000001/1/PortXmitData.wsp"
    theirs = tmp_path / "theirs.wsp"
    whisper.create(str(theirs), archives_of(writer), xFilesFactor=0, aggregationMethod="last", sparse=True)
    whisper.update_many(str(theirs), [(NOW, 123.0)], now=NOW)
    assert made.read_bytes() == theirs.read_bytes()
    assert made.stat().st_blocks * 512 <= 32 * 1024 < made.stat().st_size
    assert [path.name for path in made.parent.iterdir()] == ["PortXmitData.wsp"], "nothing of the making is left"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["average", "sum", "last", "max", "min", "avg_zero", "absmax", "absmin"]),
    xff=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    archives=st.sampled_from([[(1, 60)], [(1, 12), (4, 12), (12, 20)], [(10, 36), (60, 48)], [(2, 10), (10, 300)]]),
    sweeps=st.lists(st.tuples(st.integers(0, 900), st.floats(-1e9, 1e9)), min_size=1, max_size=40),
    later=st.integers(0, 500),
)
def test_any_points_in_any_order_lie_where_update_many_puts_them(
    method: str,
    xff: float,
    archives: list[tuple[int, int]],
    sweeps: list[tuple[int, float]],
    later: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("tree")
    for name in ("ours.wsp", "theirs.wsp"):
        whisper.create(str(root / name), list(archives), xFilesFactor=xff, aggregationMethod=method)
    writer = WhisperWriter(root, "1m:7d")
    for i, (age, value) in enumerate(sweeps):
        now = NOW + later * i // len(sweeps)
        writer.write(now - age, [("ours", value)], now_s=now)
        whisper.update_many(str(root / "theirs.wsp"), [(now - age, value)], now=now)
        assert (root / "ours.wsp").read_bytes() == (root / "theirs.wsp").read_bytes()


@pytest.mark.parametrize("age", [HOUR - 1, HOUR, HOUR + 1, 2 * DAY - 1, 2 * DAY, 2 * DAY + 1])
def test_the_archive_follows_from_the_age_as_in_update_many(age: int, tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1h,1m:2d")
    whisper.create(str(tmp_path / "theirs.wsp"), archives_of(writer), xFilesFactor=0, aggregationMethod="last")
    for at, value in ((NOW, 1.0), (NOW - age, 2.0)):
        writer.write(at, [("ours", value)], now_s=NOW)
        whisper.update_many(str(tmp_path / "theirs.wsp"), [(at, value)], now=NOW)
    assert (tmp_path / "ours.wsp").read_bytes() == (tmp_path / "theirs.wsp").read_bytes()


def test_one_sweep_goes_to_many_series_and_is_counted(tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1h,1m:2d")
    points = [(f"a.m{i}", float(i)) for i in range(50)]
    assert writer.write(NOW, points, now_s=NOW) == 50
    assert writer.write(NOW + 10, points, now_s=NOW + 10) == 50
    for i in range(50):
        slots = [(NOW - 7, float(i)), (NOW + 3, float(i))]
        assert points_of(tmp_path / f"a/m{i}.wsp", NOW - 100, NOW + 10) == slots


def test_the_same_sweep_twice_changes_nothing(tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1h,1m:2d")
    for at in (NOW - 60, NOW):
        writer.write(at, [("m", 5.0)], now_s=NOW)
    before = (tmp_path / "m.wsp").read_bytes()
    for at in (NOW - 60, NOW):
        assert writer.write(at, [("m", 5.0)], now_s=NOW + 300) == 1
    assert (tmp_path / "m.wsp").read_bytes() == before


def test_a_late_point_goes_into_its_own_slot_and_leaves_the_others(tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1h,1m:2d")
    for at, value in ((NOW, 3.0), (NOW - 600, 1.0), (NOW - 300, 2.0)):
        writer.write(at, [("m", value)], now_s=NOW)
    fine = [(NOW - 607, 1.0), (NOW - 307, 2.0), (NOW - 7, 3.0)]
    assert points_of(tmp_path / "m.wsp", NOW - 900) == fine
    minutes = [((NOW - age) // 60 * 60, value) for age, value in ((600, 1.0), (300, 2.0), (0, 3.0))]
    assert points_of(tmp_path / "m.wsp", NOW - DAY) == minutes


def test_the_last_point_of_a_minute_is_its_value(tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1h,1m:2d")
    minute = NOW // 60 * 60
    for second, value in ((0, 1.0), (50, 6.0), (20, 3.0)):
        writer.write(minute + second, [("m", value)], now_s=minute + 55)
    assert points_of(tmp_path / "m.wsp", minute - DAY, minute + 55) == [(minute, 6.0)]


def test_what_no_archive_reaches_is_not_stored_and_makes_no_file(tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1h,1m:2d")
    assert writer.write(NOW - 3 * DAY, [("old", 1.0)], now_s=NOW) == 0
    assert writer.write(NOW + 3600, [("future", 1.0)], now_s=NOW) == 0
    assert writer.write(NOW + 30, [("ahead", 1.0)], now_s=NOW) == 1, "half a minute is a clock that runs ahead"
    assert [path.name for path in tmp_path.glob("*.wsp")] == ["ahead.wsp"]
    writer.write(NOW, [("m", 1.0)], now_s=NOW)
    before = (tmp_path / "m.wsp").read_bytes()
    assert writer.write(NOW - 3 * DAY, [("m", 9.0)], now_s=NOW) == 0
    assert writer.write(NOW + 3600, [("m", 9.0)], now_s=NOW) == 0
    assert (tmp_path / "m.wsp").read_bytes() == before


def test_a_gap_is_no_point_and_without_create_no_file_is_made(tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1h")
    assert writer.write(NOW, [("a", GAP)], now_s=NOW) == 0
    assert writer.write(NOW, [("a", 1.0)], create=False, now_s=NOW) == 0
    assert list(tmp_path.iterdir()) == []
    writer.write(NOW, [("a", 1.0)], now_s=NOW)
    assert writer.write(NOW + 10, [("a", 2.0), ("b", 2.0)], create=False, now_s=NOW + 10) == 1


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "../x",
        "a/b",
        "/etc",
        "a b",
        "a.*",
        "a.{b}",
        "a\0",
        "ä",
        "x" * 201,
        "a." * 64 + "a",
        "m;a",
        "m;=b",
        "m;a=",
        ";a=b",
        "m;a=~b",
        "m;a=b/c",
        "m;a=b c",
        "m;a=" + "x" * 200,
    ],
)
def test_a_name_that_is_no_file_below_the_root_is_refused_and_nothing_written(name: str, tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path / "tree", "10s:1h")
    with pytest.raises(BadInput, match="cannot be the name of a series"):
        writer.write(NOW, [("good", 1.0), (name, 1.0)], now_s=NOW)
    with pytest.raises(BadInput):
        writer.write_archives(name, [(3600, np.ones(1))])
    with pytest.raises(BadInput):
        writer.latest([name])
    assert list(tmp_path.iterdir()) == []


def test_new_names_are_found_at_once(tmp_path: Path) -> None:
    index = NameIndex(tmp_path)
    index.refresh()
    writer = WhisperWriter(tmp_path, "10s:1h", index)
    writer.write(NOW, [("a.b", 1.0)], now_s=NOW)
    writer.write_archives("c", [(3600, np.ones(1))])
    assert index.expand("**") == ["a.b", "c"]


def test_a_series_with_tags_lies_where_carbon_puts_it_and_is_found_at_once(tmp_path: Path) -> None:
    # sha256("disk.used;datacenter=dc1;server=web.01") begins 5fb71b (`sha256sum`). Source: carbon, util.py, encode.
    place = "_tagged/5fb/71b/disk_DOT_used;datacenter=dc1;server=web_DOT_01.wsp"
    index = NameIndex(tmp_path)
    index.refresh()
    writer = WhisperWriter(tmp_path, "10s:1h", index)
    assert writer.write(NOW, [("disk.used;server=web.01;datacenter=dc1", 5.0)], now_s=NOW) == 1
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.wsp")] == [place]
    assert index.expand("disk.used;datacenter=dc1;server=web.01") == ["disk.used;datacenter=dc1;server=web.01"]
    for name in ("disk.used;server=web.01;datacenter=dc1", "disk.used;datacenter=dc1;server=web.01"):
        assert writer.latest([name])[0] == 5.0


def test_a_series_with_tags_whose_file_carbon_calls_by_a_hash_is_written_there(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"m;a=b").hexdigest()
    folder = tmp_path / "_tagged" / digest[:3] / digest[3:6]
    folder.mkdir(parents=True)
    whisper.create(str(folder / f"{digest}.wsp"), [(10, 360)], xFilesFactor=0, aggregationMethod="last")
    assert WhisperWriter(tmp_path, "10s:1h").write(NOW, [("m;a=b", 5.0)], now_s=NOW) == 1
    assert [path.name for path in folder.iterdir()] == [f"{digest}.wsp"]
    assert points_of(folder / f"{digest}.wsp", NOW - 100) == [(NOW - 7, 5.0)]


def test_damaged_files_are_left_alone_with_one_log_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = WhisperWriter(tmp_path, "10s:1h,1m:2d")
    writer.write(NOW, [("cut", 1.0)], now_s=NOW)
    (tmp_path / "cut.wsp").write_bytes((tmp_path / "cut.wsp").read_bytes()[:30])
    (tmp_path / "text.wsp").write_text("not a whisper file")
    (tmp_path / "folder.wsp").mkdir()
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            points = [(name, 2.0) for name in ("cut", "text", "folder", "good")]
            assert writer.write(NOW, points, now_s=NOW) == 1
    assert {name: (tmp_path / name).read_bytes() for name in kept} == kept
    assert len(caplog.messages) == 3
    assert np.isnan(writer.latest(["cut", "text", "folder"])).all()


@pytest.mark.parametrize("left", [b"", bytes(4096)])
def test_what_a_power_cut_leaves_of_a_new_file_is_made_anew(left: bytes, tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1h,1m:2d")
    (tmp_path / "m.wsp").write_bytes(left)
    assert writer.write(NOW, [("m", 2.0)], now_s=NOW) == 1
    assert points_of(tmp_path / "m.wsp", NOW - 60) == [(NOW - 7, 2.0)]


def test_a_full_disk_is_said_and_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writer = WhisperWriter(tmp_path, "10s:1h")
    monkeypatch.setattr(os, "ftruncate", full)
    with pytest.raises(Unavailable, match="No space left"):
        writer.write(NOW, [("m", 2.0)], now_s=NOW)
    assert list(tmp_path.iterdir()) == []


def test_whole_archives_hold_what_was_given(tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1h,1m:2d")
    fine, coarse = NOW // 10 * 10 - 3590, NOW // 60 * 60 - 2879 * 60
    seconds, minutes = np.arange(360.0), np.arange(2880.0) / 7
    seconds[[0, 5, 359]] = GAP
    minutes[:100] = GAP
    writer.write_archives("a.m", [(fine, seconds), (coarse, minutes)], aggregation="average", xff=0.5)
    path = tmp_path / "a/m.wsp"
    expected = [(fine + 10 * i, float(v)) for i, v in enumerate(seconds) if not math.isnan(v)]
    assert points_of(path, NOW - HOUR) == expected
    expected = [(coarse + 60 * i, float(v)) for i, v in enumerate(minutes) if not math.isnan(v)]
    assert points_of(path, NOW - 2 * DAY) == expected
    info = whisper.info(str(path))
    assert (info["aggregationMethod"], info["xFilesFactor"]) == ("average", 0.5)
    assert path.stat().st_size == 16 + 2 * 12 + (360 + 2880) * 12
    # carbon goes on with such a file as with any other
    whisper.update(str(path), 99.0, timestamp=NOW + 10, now=NOW + 10)
    assert points_of(path, NOW - 5, NOW + 10) == [(NOW + 3, 99.0)]


def test_of_more_values_than_an_archive_holds_the_last_stay(tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1m")
    start = NOW // 10 * 10 - 90
    writer.write_archives("m", [(start, np.arange(10.0))])
    assert points_of(tmp_path / "m.wsp", NOW - 60) == [(start + 10 * i, float(i)) for i in range(4, 10)]


def test_an_archive_of_gaps_is_an_empty_one(tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1m")
    writer.write_archives("m", [(NOW // 10 * 10, np.full(3, GAP))])
    whisper.create(str(tmp_path / "theirs"), [(10, 6)], xFilesFactor=0, aggregationMethod="last")
    assert (tmp_path / "m.wsp").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_rings_that_do_not_fit_the_retention_are_refused(tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1m")
    with pytest.raises(ValueError, match="2 rings for 1 archives"):
        writer.write_archives("m", [(10, np.ones(1)), (60, np.ones(1))])
    with pytest.raises(ValueError, match="cannot start at 15"):
        writer.write_archives("m", [(15, np.ones(1))])


def test_latest_is_the_newest_stored_value_or_none(tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1h,1m:2d")
    writer.write(NOW - 2000, [("a", 1.0), ("long-ago", 7.0)], now_s=NOW)
    writer.write(NOW - 20, [("a", 2.0), ("b", 5.0)], now_s=NOW)
    names = ["a", "b", "long-ago", "nothing"]
    assert np.array_equal(writer.latest(names), [2.0, 5.0, 7.0, GAP], equal_nan=True)


def test_latest_before_a_sweep_is_what_was_known_before_it(tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1h,1m:2d")
    for age, value in ((1800, 1.0), (60, 2.0), (0, 3.0)):
        writer.write(NOW - age, [("m", value)], now_s=NOW)
    told = [writer.latest(["m"], before_s=NOW - age)[0] for age in (-10, 0, 50, 60, 1000, 1790)]
    assert told == [3.0, 2.0, 2.0, 1.0, 1.0, 1.0]
    assert math.isnan(writer.latest(["m"], before_s=NOW - 1800)[0])


def test_latest_looks_into_coarser_archives_where_the_finest_has_nothing(tmp_path: Path) -> None:
    writer = WhisperWriter(tmp_path, "10s:1h,1m:2d")
    writer.write(NOW - DAY, [("m", 4.0)], now_s=NOW)
    assert writer.latest(["m"], before_s=NOW)[0] == 4.0
    assert writer.latest(["m"])[0] == 4.0
    writer.write(NOW, [("m", 5.0)], now_s=NOW)
    assert writer.latest(["m"])[0] == 5.0

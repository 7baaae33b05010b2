"""Reading whisper files: the judge is `whisper.fetch` of the PyPI package, bit by bit."""

import logging
import math
import os
import struct
from pathlib import Path

import anyio
import numpy as np
import pytest
import whisper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weft.base.errors import BadRequest, BadSettings
from weft.metrics.blocks import LONG_POINTS
from weft.metrics.series import Series, Window
from weft.metrics.store import unheard
from weft.metrics.tree import WhisperStore
from weft.metrics.whisper import parse_retention

pytestmark = pytest.mark.anyio

NOW = 1_763_850_007
HOUR, DAY = 3600, 86400


def make(
    path: Path,
    archives: list[tuple[int, int]],
    points: list[tuple[int, float]],
    *,
    now: int = NOW,
    method: str = "average",
    xff: float = 0.0,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whisper.create(str(path), archives, xFilesFactor=xff, aggregationMethod=method)
    whisper.update_many(str(path), points, now=now)


def store_of(root: Path) -> WhisperStore:
    store = WhisperStore(root, refresh_s=30)
    store.index.refresh()
    return store


def bits(values: list[float | None]) -> list[bytes]:
    """Values as stored bits; None and NaN are both a gap."""
    gap = struct.pack("d", math.nan)
    return [gap if value is None or math.isnan(value) else struct.pack("d", value) for value in values]


def assert_same(got: Series | None, path: Path, window: Window) -> None:
    """What we read is what whisper.fetch reads: start, step, length and every bit."""
    expected = whisper.fetch(str(path), window.from_s, window.until_s, now=window.now_s)
    if expected is None:
        assert got is None
        return
    (start, end, step), values = expected
    assert got is not None
    assert (got.start_s, got.step_s, got.end_s) == (start, step, end)
    assert bits(list(got.values)) == bits(values)


def ramp(until: int, step: int, n: int, gaps: int = 7) -> list[tuple[int, float]]:
    """n points up to until, every gaps-th missing, values of all magnitudes."""
    times = range(until - (n - 1) * step, until + 1, step)
    return [(t, math.sin(t) * 10.0 ** (t % 37 - 18)) for i, t in enumerate(times) if i % gaps]


SHAPES = {
    "one archive, half full": ([(10, 360)], ramp(NOW, 10, 180)),
    "one archive, wrapped": ([(10, 360)], ramp(NOW - 900, 10, 360) + ramp(NOW, 10, 90)),
    "three archives": ([(10, 360), (60, 1440), (600, 1008)], ramp(NOW, 10, 360) + ramp(NOW - HOUR, 60, 1000)),
    "empty": ([(10, 360), (60, 1440)], []),
    "silent for a day": ([(10, 360), (60, 10080)], ramp(NOW - DAY, 60, 500)),
    "one point": ([(60, 60)], [(NOW - 120, 1.5)]),
    "one slot": ([(60, 1)], [(NOW - 1, 2.5)]),
    "zero, minus zero, huge, tiny, infinite": (
        [(1, 60)],
        [(NOW - i, v) for i, v in enumerate([0.0, -0.0, 1e308, 5e-324, math.inf, -math.inf, 2.0**53 + 1])],
    ),
}
WINDOWS = {
    "the last hour": (NOW - HOUR, NOW),
    "the last day": (NOW - DAY, NOW),
    "a stretch in the middle": (NOW - 1500, NOW - 700),
    "beyond retention": (NOW - 400 * DAY, NOW),
    "before retention": (NOW - 400 * DAY, NOW - 399 * DAY),
    "until in the future": (NOW - 600, NOW + 600),
    "all in the future": (NOW + 1, NOW + 600),
    "from is until": (NOW - 300, NOW - 300),
    "from is until is now": (NOW, NOW),
    "within one slot": (NOW - 3, NOW - 2),
    "exactly the retention": (NOW - HOUR, NOW),
    "one second more than the finest archive": (NOW - HOUR - 1, NOW - 10),
    "before the epoch": (-DAY, NOW),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("window", WINDOWS)
async def test_a_fetch_is_whispers_fetch(shape: str, window: str, tmp_path: Path) -> None:
    archives, points = SHAPES[shape]
    make(tmp_path / "a/b.wsp", archives, points)
    asked = Window(*WINDOWS[window], NOW)
    (got,) = await store_of(tmp_path).fetch(["a.b"], asked, unheard)
    assert_same(got, tmp_path / "a/b.wsp", asked)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    base=st.integers(1, 5),
    ratios=st.lists(st.integers(2, 6), max_size=2),
    sizes=st.lists(st.integers(6, 40), min_size=3, max_size=3),
    ages=st.lists(st.integers(0, 600), max_size=60),
    span=st.tuples(st.integers(-50, 700), st.integers(0, 400)),
    late=st.integers(0, 300),
)
def test_any_file_and_window_is_read_as_whisper_reads_it(
    base: int,
    ratios: list[int],
    sizes: list[int],
    ages: list[int],
    span: tuple[int, int],
    late: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("tree")
    archives = [(base, sizes[0] * 6)]
    for ratio, size in zip(ratios, sizes[1:], strict=False):
        step, points = archives[-1]
        archives.append((step * ratio, max(size, points // ratio + 1) * 2))
    make(root / "m.wsp", archives, [(NOW - age, age / 7) for age in ages])
    from_s = NOW - span[0]
    asked = Window(from_s, from_s + span[1], NOW + late)
    (got,) = store_of(root).fetch_now(["m"], asked)
    assert_same(got, root / "m.wsp", asked)


async def test_files_of_several_kinds_take_little_more_memory_than_their_values(tmp_path: Path) -> None:
    kinds = {"seconds": (1, 90_000), "tens": (10, 9000), "minutes": (60, 1500)}
    for name, archive in kinds.items():
        make(tmp_path / f"{name}.wsp", [archive], [(NOW - 100, 1.0)])
    got = await store_of(tmp_path).fetch(list(kinds), Window(NOW - DAY, NOW, NOW), unheard)
    values = [one.values for one in got if one is not None]
    assert [len(some) for some in values] == [86_400, 8640, 1440]
    held = {id(some.base): some.base.nbytes for some in values if some.base is not None}
    assert sum(held.values()) < 1.5 * sum(some.nbytes for some in values)


async def test_many_files_are_read_the_same_whatever_fits_a_matrix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"m{i}" for i in range(40)]
    for i, name in enumerate(names):
        make(tmp_path / f"{name}.wsp", [(10 + 10 * (i % 3), 360)], ramp(NOW - 37 * i, 30, 90, gaps=2 + i % 5))
    asked = Window(NOW - 3000, NOW - 100, NOW)
    for block_bytes in (1, 10_000, 1 << 20):
        monkeypatch.setattr("weft.metrics.blocks.BLOCK_BYTES", block_bytes)
        got = await store_of(tmp_path).fetch(names, asked, unheard)
        for name, one in zip(names, got, strict=True):
            assert_same(one, tmp_path / f"{name}.wsp", asked)


async def test_many_files_of_different_rings_are_rows_of_one_matrix_in_the_order_asked(tmp_path: Path) -> None:
    for i in range(150):
        make(tmp_path / f"m{i}.wsp", [(10, 360)], ramp(NOW - 37 * i % 3000, 10, 300, gaps=2 + i % 5))
    names = [f"m{i}" for i in range(150)]
    asked = Window(NOW - 3000, NOW - 100, NOW)
    got = await store_of(tmp_path).fetch(names, asked, unheard)
    for name, one in zip(names, got, strict=True):
        assert_same(one, tmp_path / f"{name}.wsp", asked)
    known = [one for one in got if one is not None]
    matrix = known[0].values.base
    assert matrix is not None
    assert all(np.shares_memory(one.values, matrix[i]) for i, one in enumerate(known))
    assert all(one.values.flags.c_contiguous for one in known)


async def test_over_fifty_thousand_points_come_from_a_thread_and_are_the_same(tmp_path: Path) -> None:
    for i in range(30):
        make(tmp_path / f"m{i}.wsp", [(1, 4000)], ramp(NOW, 1, 100))
    store = store_of(tmp_path)
    asked = Window(NOW - 3900, NOW, NOW)
    names = [f"m{i}" for i in range(30)]
    for _ in range(2):
        for name, one in zip(names, await store.fetch(names, asked, unheard), strict=True):
            assert_same(one, tmp_path / f"{name}.wsp", asked)


async def test_what_is_not_in_memory_is_asked_of_the_disk_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archives = [(10, 360), (60, 1440)]
    for i in range(40):
        make(tmp_path / f"a/m{i}.wsp", archives, ramp(NOW - i * 100, 10, 360))
    os.mkfifo(tmp_path / "a/m99.wsp")
    names = [*(f"a.m{i}" for i in range(40)), "a.m99", "a.none"]
    store = store_of(tmp_path)
    asked: set[tuple[str, int, int]] = set()
    read: set[tuple[str, int, int]] = set()
    preadv = os.preadv

    def advise(file: int, offset: int, size: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_WILLNEED
        asked.add((str(Path(f"/proc/self/fd/{file}").readlink()), offset, size))

    def note(file: int, buffers: list[memoryview], offset: int) -> int:
        read.add((str(Path(f"/proc/self/fd/{file}").readlink()), offset, len(buffers[0])))
        return preadv(file, buffers, offset)

    for window in (Window(NOW - 1500, NOW, NOW), Window(NOW - 20 * HOUR, NOW, NOW)):
        warm = await store.fetch(names, window, unheard)
        asked.clear(), read.clear()
        with monkeypatch.context() as patched:
            patched.setattr("weft.metrics.tree.in_memory", lambda *_: False)
            patched.setattr(os, "posix_fadvise", advise)
            patched.setattr(os, "preadv", note)
            cold = await store.fetch(names, window, unheard)
        assert len(read) >= 40
        assert read <= asked, "all that is read was asked for before"
        for name, one, other in zip(names[:40], warm, cold, strict=False):
            assert other is not None
            assert_same(other, tmp_path / f"{name.replace('.', '/')}.wsp", window)
            assert one is not None
        assert cold[40:] == [None, None]


async def test_what_was_just_written_is_in_memory_and_not_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(40):
        make(tmp_path / f"a/m{i}.wsp", [(10, 360)], ramp(NOW, 10, 360))

    def advise(*_: object) -> None:
        raise AssertionError("asked for what is there")

    monkeypatch.setattr(os, "posix_fadvise", advise)
    fetched = await store_of(tmp_path).fetch([f"a.m{i}" for i in range(40)], Window(NOW - HOUR, NOW, NOW), unheard)
    assert None not in fetched


async def test_a_name_that_comes_back_at_another_place_is_read_there(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    window = Window(NOW - HOUR, NOW, NOW)
    for value in (1.0, 2.0):
        make(tmp_path / "a/b.wsp", [(10, 360)], [(NOW - 10, value)])
        store.index.refresh()
        (got,) = await store.fetch(["a.b"], window, unheard)
        assert got is not None
        assert np.nanmax(got.values) == value
        (tmp_path / "a/b.wsp").unlink()
        store.index.refresh()
        assert await store.fetch(["a.b"], window, unheard) == [None]


async def test_files_of_different_archives_keep_their_own_steps(tmp_path: Path) -> None:
    make(tmp_path / "fine.wsp", [(10, 360)], ramp(NOW, 10, 100))
    make(tmp_path / "coarse.wsp", [(60, 1440)], ramp(NOW, 60, 100))
    make(tmp_path / "fine2.wsp", [(10, 8640)], ramp(NOW, 10, 100))
    asked = Window(NOW - 1800, NOW, NOW)
    names = ["fine", "coarse", "fine2", "fine"]
    for name, one in zip(names, await store_of(tmp_path).fetch(names, asked, unheard), strict=True):
        assert_same(one, tmp_path / f"{name}.wsp", asked)


async def test_a_stored_nan_is_a_gap(tmp_path: Path) -> None:
    make(tmp_path / "m.wsp", [(10, 60)], [(NOW - 20, 1.0), (NOW - 10, math.nan), (NOW, 3.0)])
    (got,) = await store_of(tmp_path).fetch(["m"], Window(NOW - 30, NOW, NOW), unheard)
    assert got is not None
    assert np.array_equal(got.values, [1.0, math.nan, 3.0], equal_nan=True)


async def test_a_resized_file_is_read_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "m.wsp"
    make(path, [(10, 360)], ramp(NOW, 10, 200))
    store, asked = store_of(tmp_path), Window(NOW - 1800, NOW, NOW)
    assert_same((await store.fetch(["m"], asked, unheard))[0], path, asked)
    make(tmp_path / "new", [(60, 1440)], ramp(NOW, 60, 30))
    (tmp_path / "new").rename(path)
    assert_same((await store.fetch(["m"], asked, unheard))[0], path, asked)


async def test_the_first_point_of_an_empty_file_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "m.wsp"
    make(path, [(10, 360), (60, 1440)], [])
    store, asked = store_of(tmp_path), Window(NOW - 2 * HOUR, NOW, NOW)
    assert_same((await store.fetch(["m"], asked, unheard))[0], path, asked)
    whisper.update(str(path), 4.0, timestamp=NOW - 600, now=NOW)
    (got,) = await store.fetch(["m"], asked, unheard)
    assert_same(got, path, asked)
    assert got is not None
    assert np.nansum(got.values) == 4.0


@pytest.mark.parametrize("name", ["nothing", "a", "a.b.c", "../secret", "a/b", "..secret", "", ".", "a.b\0"])
async def test_a_name_that_is_not_stored_is_none_and_never_a_path(name: str, tmp_path: Path) -> None:
    make(tmp_path / "tree/a/b.wsp", [(10, 60)], [(NOW, 1.0)])
    make(tmp_path / "secret.wsp", [(10, 60)], [(NOW, 1.0)])
    store = store_of(tmp_path / "tree")
    asked = Window(NOW - 60, NOW, NOW)
    assert await store.fetch([name], asked, unheard) == [None]
    assert not store.index.exists(name)
    assert (await store.fetch([name, "a.b"], asked, unheard))[1] is not None


@pytest.mark.parametrize("slots", [360, LONG_POINTS + 1])
async def test_a_file_that_is_cut_among_others_leaves_their_values_as_they_are(tmp_path: Path, slots: int) -> None:
    """The cut one is noticed when its values are read: its row must not count."""
    names = [f"m{i}" for i in range(9)]
    for i, name in enumerate(names):
        make(tmp_path / f"{name}.wsp", [(10, slots)], ramp(NOW - 10 * i, 10, 90))
    cut = names[1::3]
    for name in cut:
        os.truncate(tmp_path / f"{name}.wsp", 28 + 12 * slots - 1)
    asked = Window(NOW - 10 * slots, NOW, NOW)
    got = await store_of(tmp_path).fetch(names, asked, unheard)
    assert [one.name for one in got if one is not None] == [name for name in names if name not in cut]
    for one in got:
        if one is not None:
            assert_same(one, tmp_path / f"{one.name}.wsp", asked)


async def test_damaged_files_are_missing_series_with_one_log_line_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path / "good.wsp", [(10, 360)], ramp(NOW, 10, 360))
    whole = (tmp_path / "good.wsp").read_bytes()
    damaged = {
        "empty": b"",
        "short": whole[:10],
        "head": whole[:28],
        "ring": whole[:2000],
        "garbage": os.urandom(64) + whole,
        "text": b"# not a whisper file, but a note that somebody left here\n" * 9,
        "compressed": b"whisper_compressed" + whole,
        "step0": whole[:20] + struct.pack("!L", 0) + whole[24:],
        "many": whole[:12] + struct.pack("!L", 0x10001) + whole[16:],
        "zeros": bytes(500),
        "reach": whole[:4] + struct.pack("!L", 10 * DAY) + whole[8:],
    }
    for name, content in damaged.items():
        (tmp_path / f"{name}.wsp").write_bytes(content)
    os.mkfifo(tmp_path / "pipe.wsp")
    store, asked = store_of(tmp_path), Window(NOW - HOUR, NOW, NOW)
    names = ["good", *damaged, "pipe", "good"]
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            got = await store.fetch(names, asked, unheard)
            assert [one is None for one in got] == [False, *[True] * (len(names) - 2), False]
            assert_same(got[0], tmp_path / "good.wsp", asked)
            assert_same(got[-1], tmp_path / "good.wsp", asked)
    assert len(caplog.messages) == len(damaged) + 1
    assert "compressed = false" in caplog.text


@pytest.mark.parametrize("place", range(0, 28))
async def test_no_changed_byte_of_a_header_ends_in_an_error(place: int, tmp_path: Path) -> None:
    make(tmp_path / "m.wsp", [(10, 36)], ramp(NOW, 10, 36))
    whole = (tmp_path / "m.wsp").read_bytes()
    store, asked = store_of(tmp_path), Window(NOW - 300, NOW, NOW)
    for flip in (0x01, 0x80, 0xFF):
        (tmp_path / "m.wsp").write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
        assert len(await store.fetch(["m"], asked, unheard)) == 1


async def test_a_file_deleted_since_the_last_look_is_missing(tmp_path: Path) -> None:
    make(tmp_path / "m.wsp", [(10, 36)], [])
    store = store_of(tmp_path)
    (tmp_path / "m.wsp").unlink()
    assert await store.fetch(["m"], Window(NOW - 300, NOW, NOW), unheard) == [None]


async def test_a_range_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="ends before it begins"):
        await store_of(tmp_path).fetch([], Window(NOW, NOW - 1, NOW), unheard)


async def test_while_it_runs_a_store_finds_files_that_others_make(tmp_path: Path) -> None:
    async with WhisperStore(tmp_path, refresh_s=0.01) as store:
        assert await store.find("*", unheard) == []
        make(tmp_path / "m.wsp", [(10, 36)], [])
        for _ in range(500):
            if store.index.exists("m"):
                break
            await anyio.sleep(0.01)
        assert await store.expand("*", unheard) == ["m"]


@pytest.mark.parametrize(
    ("text", "archives"),
    [
        ("1m:7d,10m:1y", ((60, 10080), (600, 52560))),
        ("10s:1h,1m:2d", ((10, 360), (60, 2880))),
        ("60:1440", ((60, 1440),)),
        ("10m:1y,1m:7d", ((60, 10080), (600, 52560))),
    ],
)
def test_a_retention_is_read_as_carbon_reads_it(text: str, archives: tuple[tuple[int, int], ...]) -> None:
    assert parse_retention(text) == archives


@pytest.mark.parametrize("text", ["", "1m", "1m:7d,90s:1y", "1m:7d,1m:1y", "0:10", "1x:7d", "1m:0", "1h:1m"])
def test_a_retention_that_whisper_refuses_stops_with_the_settings_name(text: str) -> None:
    with pytest.raises(BadSettings, match=r"metrics\.retention"):
        parse_retention(text)

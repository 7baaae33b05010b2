"""Held points merged with a file, judged by what the PyPI package `whisper` makes of it once they are written."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import whisper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weft.metrics import carbon
from weft.metrics.carbon import Address, Caches
from weft.metrics.fresh import FreshStore, put
from weft.metrics.pickled import Points
from weft.metrics.series import Series, Window
from weft.metrics.tree import WhisperStore
from weft.metrics.whisper import Heads
from weft.metrics.writer import WhisperWriter

pytestmark = pytest.mark.anyio

NOW = 1_763_850_007
METHODS = ["average", "sum", "last", "max", "min", "avg_zero", "absmax", "absmin"]


def points_of(told: list[tuple[int, float]]) -> Points:
    """As a cache's answer is read: by time."""
    told = sorted(told, key=lambda point: point[0])
    return Points(np.array([t for t, _ in told], dtype=np.int64), np.array([v for _, v in told], dtype=np.float64))


def read(root: Path, window: Window) -> Series:
    store = WhisperStore(root, 3600)
    store.index.refresh()
    [series] = store.fetch_now(["m"], window)
    assert series is not None
    return series


def merged(root: Path, held: list[tuple[int, float]], window: Window) -> Series:
    series = read(root, window)
    file = os.open(root / "m.wsp", os.O_RDONLY)
    try:
        put(series, points_of(held), file, Heads().read(file)[0], window.now_s)
    finally:
        os.close(file)
    return series


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(METHODS),
    xff=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    archives=st.sampled_from([[(1, 60)], [(1, 12), (4, 12), (12, 20)], [(10, 36), (60, 48)], [(2, 10), (10, 300)]]),
    stored=st.lists(
        st.tuples(st.integers(0, 900), st.floats(-1e9, 1e9)), max_size=30, unique_by=lambda point: point[0]
    ),
    held=st.lists(
        st.tuples(st.integers(0, 900), st.floats(-1e9, 1e9)), min_size=1, max_size=30, unique_by=lambda point: point[0]
    ),
    age=st.integers(1, 900),
)
def test_held_points_are_served_as_they_will_lie_in_the_file(
    method: str,
    xff: float,
    archives: list[tuple[int, int]],
    stored: list[tuple[int, float]],
    held: list[tuple[int, float]],
    age: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("tree")
    path, window = str(root / "m.wsp"), Window(NOW - min(age, max(s * n for s, n in archives)), NOW, NOW)
    whisper.create(path, list(archives), xFilesFactor=xff, aggregationMethod=method)
    whisper.update_many(path, [(NOW - old, value) for old, value in stored], now=NOW)
    points = [(NOW - old, value) for old, value in held]
    before = (root / "m.wsp").read_bytes()
    series = merged(root, points, window)
    assert (root / "m.wsp").read_bytes() == before
    whisper.update_many(path, points, now=NOW)
    (start_s, _, step_s), values = whisper.fetch(path, window.from_s, window.until_s, now=NOW)
    assert (series.start_s, series.step_s) == (start_s, step_s)
    expected = np.array([np.nan if value is None else value for value in values])
    np.testing.assert_array_equal(series.values, expected)
    shutil.rmtree(root)


def test_a_sum_of_which_half_is_written_is_a_whole_one(tmp_path: Path) -> None:
    minute = NOW // 60 * 60 - 600
    path = str(tmp_path / "m.wsp")
    whisper.create(path, [(10, 30), (60, 60)], xFilesFactor=0, aggregationMethod="sum")
    whisper.update_many(path, [(minute + s, 1.0) for s in (0, 10, 20)], now=minute + 60)
    held = [(minute + s, 1.0) for s in (30, 40, 50)]
    series = merged(tmp_path, held, Window(minute - 600, minute + 59, minute + 60))
    assert (series.step_s, series.values[-1]) == (60, 6.0)


def test_a_file_that_was_exchanged_since_it_was_read_gets_no_points(tmp_path: Path) -> None:
    path = str(tmp_path / "m.wsp")
    whisper.create(path, [(10, 30), (60, 60)], xFilesFactor=0, aggregationMethod="sum")
    series = read(tmp_path, Window(NOW - 100, NOW, NOW))
    (tmp_path / "m.wsp").unlink()
    whisper.create(path, [(7, 300)], xFilesFactor=0, aggregationMethod="sum")
    file = os.open(path, os.O_RDONLY)
    put(series, points_of([(NOW - 20, 1.0)]), file, Heads().read(file)[0], NOW)
    os.close(file)
    assert np.isnan(series.values).all()


class Held(Caches):
    """Caches that hold these points, and say that some are away."""

    def __init__(self, held: dict[str, Points], away: tuple[str, ...] = ()) -> None:
        super().__init__([Address("127.0.0.1", 1, None)], 1, 1.0)
        self._held, self._away = held, away
        self.asked: list[str] = []

    async def points(self, names: Sequence[str]) -> carbon.Held:
        self.asked += names
        return carbon.Held({name: self._held[name] for name in names if name in self._held}, list(self._away))

    def trouble(self) -> dict[str, str]:
        return dict.fromkeys(self._away, "no answer within 1 s")


@pytest.mark.parametrize("series", [3, 200])
async def test_a_store_serves_what_is_held_of_the_series_that_are_stored(series: int, tmp_path: Path) -> None:
    names = [f"a.m{i}" for i in range(series)] + ["m;dc=x;host=n1"]
    WhisperWriter(tmp_path, "10s:1h").write(NOW - 30, [(name, 1.0) for name in names], now_s=NOW)
    caches = Held({name: points_of([(NOW - 10, 2.0)]) for name in [*names[1:], "not stored"]})
    told: list[str] = []
    async with WhisperStore(tmp_path, 3600) as store:
        fresh = FreshStore(store, tmp_path, caches)
        assert await fresh.expand("a.*", told.append) == sorted(names[:-1])
        rows = await fresh.fetch([*names, "not stored"], Window(NOW - 40, NOW, NOW), told.append)
        assert await fresh.points(names, Window(NOW - 40, NOW, NOW), 10**6) >= 4 * len(names)
    assert [[v for v in row.values.tolist() if v == v] if row else None for row in rows] == [
        [1.0],
        *[[1.0, 2.0]] * series,
        None,
    ]
    assert (caches.asked, told, fresh.unreadable()) == ([*names, "not stored"], [], {})


async def test_what_is_on_disk_is_served_with_a_notice_when_a_cache_is_away(tmp_path: Path) -> None:
    WhisperWriter(tmp_path, "10s:1h").write(NOW - 30, [("m", 1.0)], now_s=NOW)
    told: list[str] = []
    async with WhisperStore(tmp_path, 3600) as store:
        fresh = FreshStore(store, tmp_path, Held({}, ("127.0.0.1:7002:a",)))
        [row] = await fresh.fetch(["m"], Window(NOW - 40, NOW, NOW), told.append)
    assert row is not None
    assert [v for v in row.values.tolist() if v == v] == [1.0]
    assert told == ["carbon-cache 127.0.0.1:7002:a does not answer: the newest points of its series may be missing."]
    assert fresh.unreadable() == {
        "carbon-cache 127.0.0.1:7002:a": "does not answer (no answer within 1 s): the newest points of its series may "
        "be missing"
    }

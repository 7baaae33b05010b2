"""Two real graphite-web servers and a tree of our own, each with a part of the series, answer as one tree with all.

`WEFT_SOAK=1` compares every target of the differential suite instead of every tenth.
"""

import asyncio
import os
import shutil
import signal
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.differential import shapes
from tests.differential.asking import ask_weft, at_times, difference
from tests.differential.shapes import WINDOW_S
from tests.services import graphite_web
from tests.services.graphites import Server

from weft.metrics import remote
from weft.metrics.evaluate import Engine
from weft.metrics.merged import MergedStore
from weft.metrics.remote import RemoteStore
from weft.metrics.series import Series, Window
from weft.metrics.store import unheard
from weft.metrics.tags import name_of, tag_expressions
from weft.metrics.tree import WhisperStore
from weft.metrics.whisper import METADATA, POINTS, parse_head

pytestmark = pytest.mark.anyio

EACH = 1 if os.environ.get("WEFT_SOAK") == "1" else 10
SHARED = {"count.steady": (0, 1), "load.h2.cpu.user": (1, 2), "line.up": (0, 2)}
"""Series that two of the three have, each with a gap where the other has none."""
MOST_POINTS = 1_000_000
TARGETS = [
    line.partition("  ")[0]
    for path in sorted(Path(shapes.__file__).parent.glob("targets*.txt"))
    for line in path.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#") and "randomWalk" not in line  # whose values are never the same twice
]


@dataclass(frozen=True, slots=True)
class Cluster:
    """The tree with everything, the part of it that is ours, the servers of the others, and what ends the second."""

    union: Path
    ours: Path
    servers: tuple[Server, Server]
    end_second: Callable[[], None]
    now_s: int


@pytest.fixture(scope="module")
def graphiteweb_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    union = tmp_path_factory.mktemp("union")
    trees = [tmp_path_factory.mktemp(name) for name in ("ours", "left", "right")]
    now_s = int(time.time()) // 3600 * 3600 - 3600 + 625
    shapes.write(union, now_s)
    named: list[list[str]] = [[], [], []]
    for number, path in enumerate(sorted(union.rglob("*.wsp"))):
        place = path.relative_to(union)
        name = name_of(place.stem if place.parts[0] == "_tagged" else ".".join(place.with_suffix("").parts))
        # A graphite-web as it is installed cannot be asked for a name that is not ASCII.
        homes = (0,) if not name.isascii() or name.startswith("odd.tagged") else SHARED.get(name, (number % 3,))
        for home in homes:
            (trees[home] / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, trees[home] / place)
            named[home].append(name)
        if len(homes) > 1:
            for part, home in enumerate(homes):
                _blank(trees[home] / place, part)
    with ExitStack() as stack, ThreadPoolExecutor() as pool:
        stacks = [stack.enter_context(ExitStack()) for _ in trees[1:]]
        left, right = pool.map(lambda its, tree: its.enter_context(graphite_web.serving(tree)), stacks, trees[1:])
        for server, names in ((left, named[1]), (right, named[2])):
            body = urllib.parse.urlencode([("path", name) for name in names]).encode()
            with urllib.request.urlopen(f"{server.url}/tags/tagMultiSeries", body) as answer:
                answer.read()
        yield Cluster(union, trees[0], (left, right), stacks[1].close, now_s)


def _blank(path: Path, part: int) -> None:
    """Take away every other stretch of 20 points: the even or the odd ones."""
    whole = bytearray(path.read_bytes())
    layout = parse_head(bytes(whole[: METADATA.size + 200]))
    ring = np.frombuffer(whole, POINTS, layout.archives[0].points, layout.archives[0].offset)
    # Slot 0 tells where the ring begins.
    blank = np.arange(len(ring)) // 20 % 2 == part
    blank[0] = False
    ring["time"][blank] = 0
    path.write_bytes(whole)


@pytest.fixture
async def merged(graphiteweb_cluster: Cluster) -> AsyncIterator[MergedStore]:
    left, right = (server.url for server in graphiteweb_cluster.servers)
    async with (
        WhisperStore(graphiteweb_cluster.ours, 3600) as ours,
        RemoteStore(left, 10, 30, MOST_POINTS) as one,
        RemoteStore(right, 10, 30, MOST_POINTS) as other,
    ):
        yield MergedStore([ours, one, other])


@pytest.fixture
async def union(graphiteweb_cluster: Cluster) -> AsyncIterator[WhisperStore]:
    async with WhisperStore(graphiteweb_cluster.union, 3600) as store:
        yield store


def told(one: Series | None) -> tuple[object, ...] | None:
    """All of a series that a reader can see; gaps are equal."""
    if one is None:
        return None
    return one.name, one.path, one.start_s, one.step_s, one.tags, [repr(value) for value in one.values.tolist()]


async def test_every_target_is_answered_as_by_one_tree(
    graphiteweb_cluster: Cluster, merged: MergedStore, union: WhisperStore
) -> None:
    cluster, whole = Engine(merged), Engine(union)
    differences = []
    now_s = graphiteweb_cluster.now_s
    for number, target in enumerate(TARGETS[::EACH]):
        options = {"maxDataPoints": 37} if number % 4 == 0 else {}
        asked = at_times(target, now_s)
        ours, theirs = await ask_weft(cluster, asked, now_s, options), await ask_weft(whole, asked, now_s, options)
        if found := difference(ours, theirs):
            differences.append(f"{target}: {found}")
    assert differences == []


@pytest.mark.parametrize(
    "pattern",
    ["*", "**", "load.*.cpu.user", "load.**", "**.cpu.*", "load.h[12].cpu.{user,system}", "{load,count}.*", "load.h1",
     "load.h1.cpu.user", "l{oa,in}{d,e}.*", "nothing.here", "odd.*", "load..cpu", "load.h?.*.*"],
)  # fmt: skip
async def test_names_are_found_as_in_one_tree(pattern: str, merged: MergedStore, union: WhisperStore) -> None:
    missing: list[str] = []
    assert await merged.find(pattern, missing.append) == await union.find(pattern, unheard)
    assert await merged.expand(pattern, missing.append) == await union.expand(pattern, unheard)
    assert missing == []


async def test_values_are_those_of_one_tree_in_any_window(
    graphiteweb_cluster: Cluster, merged: MergedStore, union: WhisperStore
) -> None:
    names = [*await union.expand("**", unheard), "cpu;host=h1;site=north", "no.such.series"]
    names = [name for name in names if not name.startswith("_tagged")]
    now_s, missing = graphiteweb_cluster.now_s, []
    for window in (
        Window(now_s - WINDOW_S, now_s, now_s),
        Window(now_s - WINDOW_S - 7, now_s - 605, now_s),
        Window(now_s - 600, now_s - 600, now_s),
        Window(now_s - 86400, now_s + 3600, now_s),
        Window(now_s - 10 * 86400, now_s - 9 * 86400, now_s),
        Window(now_s + 10, now_s + 20, now_s),
    ):
        read = await merged.fetch(names, window, missing.append)
        assert [told(one) for one in read] == [told(one) for one in await union.fetch(names, window, unheard)]
    assert missing == []


@pytest.mark.parametrize(
    "asked_for",
    [["name=cpu"], ["site=north", "name!=mem"], ["host=~h[12]"], ["name=~.+", "host="], ["name=nothing"]],
)
async def test_tagged_series_are_found_as_in_one_tree(
    asked_for: list[str], merged: MergedStore, union: WhisperStore
) -> None:
    expressions, missing = tag_expressions(asked_for), []
    assert await merged.tagged(expressions, missing.append) == await union.tagged(expressions, unheard)
    for prefix in ("", "s", "zz"):
        assert await merged.tags(expressions, prefix, missing.append) == await union.tags(expressions, prefix, unheard)
    assert missing == []


async def test_tags_and_their_values_are_those_of_one_tree(merged: MergedStore, union: WhisperStore) -> None:
    cpu = tag_expressions(["name=cpu"])
    assert await merged.tags((), "", unheard) == await union.tags((), "", unheard)
    assert await merged.tag_values("host", (), "", unheard) == await union.tag_values("host", (), "", unheard)
    assert await merged.tag_values("site", cpu, "n", unheard) == await union.tag_values("site", cpu, "n", unheard)
    assert await merged.tag_values("no such tag", (), "", unheard) == []


async def test_a_server_that_hangs_is_waited_for_once_told_of_and_asked_again_when_it_is_back(
    graphiteweb_cluster: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(remote, "PAUSE_S", 0.1)
    left, right = graphiteweb_cluster.servers
    where = f"Graphite at {urllib.parse.urlsplit(left.url).netloc}"
    async with (
        WhisperStore(graphiteweb_cluster.ours, 3600) as ours,
        RemoteStore(left.url, 0.5, 0.1, MOST_POINTS) as slow,
        RemoteStore(right.url, 10, 30, MOST_POINTS) as quick,
    ):
        merged = MergedStore([ours, slow, quick])
        everything = await merged.expand("*.*", unheard)
        os.kill(left.worker, signal.SIGSTOP)
        try:
            missing: list[str] = []
            await asyncio.sleep(0.11)  # what it told a moment ago is forgotten
            began = time.monotonic()
            some = await merged.expand("*.*", missing.append)
            assert 0.4 < time.monotonic() - began < 2
            assert missing == [f"{where} does not answer within 0.5 s; its series are missing here."]
            assert 0 < len(some) < len(everything)
            began = time.monotonic()
            again = await merged.expand("*.*", missing.append)
            assert (again, missing[0]) == (some, missing[1])
            assert time.monotonic() - began < 0.45, "nobody waits twice"
            [(place, why)] = merged.unreadable().items()
            assert place == where
            assert why.startswith("does not answer within 0.5 s, since 20")
            window = Window(graphiteweb_cluster.now_s - 600, graphiteweb_cluster.now_s, graphiteweb_cluster.now_s)
            read = await merged.fetch(some, window, missing.append)
            assert all(one is not None for one in read)
        finally:
            os.kill(left.worker, signal.SIGCONT)
        for _ in range(200):
            if not merged.unreadable():
                break
            await asyncio.sleep(0.05)
        assert await merged.expand("*.*", unheard) == everything
    assert [record.message for record in caplog.records] == [
        f"{where} does not answer within 0.5 s; its series are missing from answers"
    ]


async def test_a_server_that_ends_in_the_middle_leaves_the_rest_and_a_notice(
    graphiteweb_cluster: Cluster, merged: MergedStore, union: WhisperStore
) -> None:
    """The last test here: nothing starts the server again."""
    now_s, missing = graphiteweb_cluster.now_s, []
    window = Window(now_s - WINDOW_S, now_s, now_s)
    names = await merged.expand("{load,line,count}.**", missing.append)
    whole = await merged.fetch(names, window, missing.append)
    assert [told(one) for one in whole] == [told(one) for one in await union.fetch(names, window, unheard)]
    assert missing == []
    graphiteweb_cluster.end_second()
    rest = await merged.fetch(names, window, missing.append)
    where = urllib.parse.urlsplit(graphiteweb_cluster.servers[1].url).netloc
    assert missing == [f"Graphite at {where} cannot be reached; its series are missing here."]
    assert 0 < sum(one is not None for one in rest) < len(names)
    assert await merged.expand("{load,line}.**", missing.append)
    assert missing[0] == missing[1]

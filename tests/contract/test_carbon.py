"""Weft beside real carbon daemons: carbon-relay judges the hash ring, graphite-web what is served of a full cache."""

import asyncio
import contextlib
import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import whisper
from tests.services import carbon, graphite_web

from weft.metrics.carbon import Caches, Ring, addresses_of
from weft.metrics.carbon_writer import CarbonWriter
from weft.metrics.fresh import FreshStore
from weft.metrics.index import NameIndex
from weft.metrics.series import Series, Window
from weft.metrics.tree import WhisperStore
from weft.metrics.writer import WhisperWriter

pytestmark = pytest.mark.anyio

PATIENCE_S = 60
ROUTES = """
import json, sys
sys.path.insert(0, "/usr/lib/python3/dist-packages")
from carbon.conf import settings
from carbon.routers import ConsistentHashingRouter
asked = json.load(sys.stdin)
settings.update(REPLICATION_FACTOR=asked["replication"], DIVERSE_REPLICAS=True, ROUTER_HASH_TYPE=None)
router = ConsistentHashingRouter(settings)
for host, port, instance in asked["destinations"]:
    router.addDestination((host, port, instance))
json.dump([[port for _, port, _ in router.getDestinations(name)] for name in asked["names"]], sys.stdout)
"""


@pytest.fixture(scope="module")
def carbon_stalled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[carbon.Server]:
    """A carbon-cache that keeps in its cache all that it is sent."""
    with carbon.serving(tmp_path_factory.mktemp("stalled"), settings=carbon.STALLED) as server:
        server.stall()
        yield server
        server.kill()


@pytest.fixture(scope="module")
def graphiteweb_linked(carbon_stalled: carbon.Server) -> Iterator[str]:
    """A graphite-web that asks the cache for every series."""
    with graphite_web.serving(carbon_stalled.tree, [f"127.0.0.1:{carbon_stalled.query_port}:a"]) as server:
        yield server.url


@pytest.fixture
def carbon_routes() -> Callable[[object], list[list[int]]]:
    """Ports at which carbon's own router sends names."""

    def route(asked: object) -> list[list[int]]:
        command = ["/usr/bin/python3", "-W", "ignore", "-c", ROUTES]
        done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
        ports: list[list[int]] = json.loads(done.stdout)
        return ports

    return route


@pytest.fixture
def carbon_pair(tmp_path: Path) -> Iterator[tuple[carbon.Relay, list[carbon.Server]]]:
    """A carbon-relay before two carbon-caches of one tree, which write nothing."""
    with ExitStack() as stack:
        servers = []
        for name in "ab":
            folder, tree = tmp_path / name, tmp_path / "whisper"
            server = stack.enter_context(carbon.serving(folder, tree=tree, settings=carbon.STALLED))
            (tree / "stalled.wsp").unlink(missing_ok=True)
            server.stall()
            stack.callback(server.kill)
            servers.append(server)
        relay = carbon.Relay(tmp_path / "relay", servers)
        stack.callback(relay.stop)
        yield relay, servers


def caches_of(servers: Sequence[carbon.Server]) -> Caches:
    texts = [f"127.0.0.1:{server.query_port}:{carbon.instance(i)}" for i, server in enumerate(servers)]
    return Caches(addresses_of(texts), 1, 10.0)


# The hash ring


@pytest.mark.parametrize("replication", [1, 2, 3])
def test_the_ring_is_carbons_own(replication: int, carbon_routes: Callable[[object], list[list[int]]]) -> None:
    destinations = [
        ("10.0.0.1", 1, "a"), ("10.0.0.1", 2, "b"), ("cache02.site", 3, None), ("10.0.0.3", 4, "1"), ("::1", 5, "a"),
    ]  # fmt: skip
    names = [f"servers.node{i // 10:04d}.m{i % 10}" for i in range(3000)] + ["ü.m", "m;dc=x;host=node1.site"]
    asked = {"replication": replication, "destinations": destinations, "names": names}
    ring = Ring([(host, instance) for host, _, instance in destinations], replication)
    assert [[number + 1 for number in ring.holders(name)] for name in names] == carbon_routes(asked)


async def test_what_a_relay_spreads_over_two_caches_is_found_each_at_its_own(
    carbon_pair: tuple[carbon.Relay, list[carbon.Server]],
) -> None:
    relay, servers = carbon_pair
    names = [f"site.node{i:03d}.m" for i in range(200)] + ["m;dc=x;host=node1.site"]
    now_s = int(time.time())
    relay.send((name, float(i), now_s) for i, name in enumerate(names))
    expected = {name: float(i) for i, name in enumerate(names)}
    async with caches_of(servers) as caches:
        for _ in range(10 * PATIENCE_S):
            held = await caches.points(names)
            if len(held.points) == len(names):
                break
            await asyncio.sleep(0.1)
    assert {name: float(points.values[0]) for name, points in held.points.items()} == expected
    for server in servers:
        async with caches_of([server]) as alone:
            assert 50 < len((await alone.points(names)).points) < 150, "both hold a share, neither holds all"


# What is served of a full cache

METHODS = ("average", "sum", "last", "max", "min")


async def test_what_a_cache_holds_is_served_as_graphite_web_serves_it(
    carbon_stalled: carbon.Server, graphiteweb_linked: str
) -> None:
    # From the beginning of ten minutes to the end of a minute, as graphite-web makes coarse slots of held points alone.
    now_s = int(time.time())
    begin_s, end_s = now_s // 600 * 600 - 600, now_s // 60 * 60
    dice = np.random.default_rng(7)
    for method in METHODS:
        path = carbon_stalled.tree / f"held/{method}.wsp"
        path.parent.mkdir(exist_ok=True)
        whisper.create(str(path), [(10, 360), (60, 1440), (600, 1008)], xFilesFactor=0, aggregationMethod=method)
        whisper.update_many(str(path), [(begin_s - s, float(dice.uniform(0, 9))) for s in range(10, 1200, 10)])
    sent = [
        (f"held.{method}", float(dice.uniform(0, 9)), at_s) for at_s in range(begin_s, end_s, 5) for method in METHODS
    ]
    carbon_stalled.send(sent)
    for span_s, step_s in ((3500, 10), (86_000, 60), (600_000, 600)):
        window = Window(end_s - span_s, end_s, now_s)
        ours = await served(carbon_stalled, [f"held.{method}" for method in METHODS], window)
        theirs = asked(graphiteweb_linked, "held.*", window)
        assert len(theirs) == len(METHODS)
        for method in METHODS:
            values, name = theirs[f"held.{method}"], f"{method} at {step_s} s"
            series = ours[f"held.{method}"]
            assert series.step_s == step_s, name
            assert np.isfinite(series.values[series.start_s + step_s * np.arange(len(series.values)) >= begin_s]).any()
            np.testing.assert_allclose(series.values, values, rtol=1e-9, err_msg=name)


async def test_a_minute_that_is_half_written_is_whole_here_and_half_in_graphite_web(
    carbon_stalled: carbon.Server, graphiteweb_linked: str
) -> None:
    now_s = int(time.time())
    minute_s = now_s // 60 * 60 - 600
    path = str(carbon_stalled.tree / "half.wsp")
    whisper.create(path, [(10, 360), (60, 1440)], xFilesFactor=0, aggregationMethod="sum")
    whisper.update_many(path, [(minute_s + s, 1.0) for s in (0, 10, 20)])
    carbon_stalled.send(("half", 1.0, minute_s + s) for s in (30, 40, 50))
    window = Window(now_s - 7200, now_s, now_s)
    series = (await served(carbon_stalled, ["half"], window))["half"]
    place = (minute_s - series.start_s) // 60
    assert (series.values[place], asked(graphiteweb_linked, "half", window)["half"][place]) == (6.0, 3.0)
    whisper.update_many(path, [(minute_s + s, 1.0) for s in (30, 40, 50)])
    assert whisper.fetch(path, window.from_s, now_s, now=now_s)[1][place] == 6.0


async def served(server: carbon.Server, names: list[str], window: Window) -> dict[str, Series]:
    async with WhisperStore(server.tree, 3600) as store, caches_of([server]) as caches:
        told: list[str] = []
        rows = await FreshStore(store, server.tree, caches).fetch(names, window, told.append)
        assert told == []
        return {row.name: row for row in rows if row is not None}


def asked(url: str, target: str, window: Window) -> dict[str, list[float]]:
    form = {"target": target, "from": window.from_s, "until": window.until_s, "now": window.now_s, "format": "json"}
    with urllib.request.urlopen(f"{url}/render?{urllib.parse.urlencode(form)}") as answer:
        rows: list[dict[str, Any]] = json.load(answer)
    return {row["target"]: [np.nan if v is None else v for v, _ in row["datapoints"]] for row in rows}


# Writing


@pytest.mark.parametrize("protocol", ["line", "pickle"])
def test_points_are_handed_to_carbon_and_seen_before_it_writes_them(
    protocol: str, carbon_stalled: carbon.Server
) -> None:
    tree = carbon_stalled.tree
    files = WhisperWriter(tree, "1m:7d")
    port = carbon_stalled.line_port if protocol == "line" else carbon_stalled.pickle_port
    writer = CarbonWriter(f"{protocol}://127.0.0.1:{port}", files, lambda: caches_of([carbon_stalled]))
    minute_s = int(time.time()) // 60 * 60
    points = [(f"{protocol}.0x{i:04x}.1.PortXmitData", i / 3) for i in range(1500)]
    points.append((f"{protocol};host=n1;dc=x", 7.0))
    names, values = [name for name, _ in points], [value for _, value in points]
    files.write(minute_s - 120, [(names[0], 99.0)])
    assert np.isnan(writer.latest(names[1:])).all()
    for _ in range(2):  # the same sweep twice
        assert writer.write(minute_s - 60, points) == len(points)
        np.testing.assert_array_equal(writer.latest(names), values)
        np.testing.assert_array_equal(writer.latest(names[:2], before_s=minute_s - 60), [99.0, np.nan])
    assert len(list((tree / protocol).rglob("*.wsp"))) == 1, "the one that was there before"


@pytest.fixture(params=[False, True], ids=["named", "hashed"])
def carbon_tagging(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[carbon.Server]:
    """A carbon-cache that calls files of tagged series by their names or by a hash."""
    with carbon.serving(tmp_path, "10s:1h", settings={"TAG_HASH_FILENAMES": request.param}) as server:
        yield server


def test_a_tagged_series_has_one_file_whoever_writes_it_first(carbon_tagging: carbon.Server) -> None:
    now_s, tree = int(time.time()), carbon_tagging.tree
    index = NameIndex(tree)
    index.refresh()
    writer = WhisperWriter(tree, "10s:1h", index)
    ours, theirs = "cpu.user;dc=x;host=n1.site", "cpu.user;dc=x;host=n2.site"
    writer.write(now_s - 20, [("cpu.user;host=n1.site;dc=x", 1.0)])
    assert index.expand(ours) == [ours]
    carbon_tagging.send([(theirs, 1.0, now_s - 20), (ours, 2.0, now_s - 10)])
    until_stored(tree, 2, [1.0])
    writer.write(now_s - 10, [(theirs, 2.0)])
    until_stored(tree, 2, [1.0, 2.0])


def until_stored(tree: Path, count: int, values: list[float]) -> None:
    """Wait for so many files of tagged series, with at least these values."""
    give_up_s = time.monotonic() + PATIENCE_S
    while True:
        stored = []
        for path in tree.glob("_tagged/*/*/*.wsp"):
            with contextlib.suppress(whisper.CorruptWhisperFile):
                stored.append([value for value in whisper.fetch(str(path), 0)[1] if value is not None])
        if len(stored) == count and all(some[: len(values)] == values for some in stored):
            return
        assert time.monotonic() < give_up_s, stored
        time.sleep(0.1)

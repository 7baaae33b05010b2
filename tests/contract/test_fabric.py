"""What every FabricHistory promises: by hand, on a real fabric's dumps, and on random histories against a model."""

import os
import random
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import anyio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.services.neo4j import Server

from engines import empty_graph
from weft.base.errors import UnknownName
from weft.base.formats import Origin
from weft.base.intervals import FOREVER_MS, Interval
from weft.fabric.formats import ibnetdiscover
from weft.fabric.model import Lid, Link, Module, Node, NodeKind, PortKey, Sweep
from weft.fabric.wiring import PlannedCable, Socket, Wiring
from weft.inventory import derive
from weft.inventory.neo4j.archive import Neo4jArchive
from weft.inventory.neo4j.fabric import Neo4jFabrics
from weft.inventory.rows import TABLES, Archive, Row
from weft.inventory.sqlite import fabric as fabric_sql
from weft.inventory.sqlite.archive import SqliteArchive
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.fabric import SqliteFabrics
from weft.inventory.sqlite.schema import SCHEMA
from weft.inventory.store import Correction, FabricHistory, FabricView

pytestmark = pytest.mark.anyio

SOAK = os.environ.get("WEFT_SOAK") == "1"
ENGINES = ["sqlite", "neo4j"]
FABRIC_TABLES = [name for name, table in TABLES.items() if table.columns[0] == "fabric" and name != "anchor"]
"""Anchors say where it is quick to go back to, and nothing of the fabric."""
ALWAYS = Interval(0, FOREVER_MS)
QUERIES = (
    "NODES",
    "NODES_AT",
    "NODES_GONE",
    "CONNECTIONS",
    "CONNECTIONS_OF_PORTS",
    "CONNECTIONS_OF_CABLE",
    "LINK_STATES",
    "LINKS_AT",
    "CHANGES",
    "LFTS",
    "LIDS_AT",
    "MODULES_AT",
    "PORT_OF_GUID",
    "SWITCH_OF_GUID",
    "WIRING",
)
BEFORE, MOVED, FAILED = "ft324-1-before", "ft324-2-moved", "ft324-4-failures"


Opened = tuple[FabricHistory, Archive]
Engine = Callable[[], AbstractAsyncContextManager[Opened]]
"""Opens an empty store, and what it holds as rows."""


@asynccontextmanager
async def sqlite(share: float = 0.1) -> AsyncIterator[Opened]:
    with TemporaryDirectory() as folder:
        async with Database.open(Path(folder) / "inventory.db", SCHEMA) as database:
            yield SqliteFabrics(database, absent_after=3, quarantine_share=share), SqliteArchive(database)


@asynccontextmanager
async def neo4j(server: Server, share: float = 0.1) -> AsyncIterator[Opened]:
    async with empty_graph(server) as graph:
        yield Neo4jFabrics(graph, absent_after=3, quarantine_share=share), Neo4jArchive(graph, {})


def engine_of(name: str, request: pytest.FixtureRequest, share: float = 0.1) -> Engine:
    if name == "sqlite":
        return partial(sqlite, share)
    return partial(neo4j, request.getfixturevalue("neo4j_server"), share)


async def known(archive: Archive) -> dict[str, list[Row]]:
    """Everything two stores that know the same must agree on."""
    found = {}
    for name in FABRIC_TABLES:
        summed = [at for at, column in enumerate(TABLES[name].columns) if column not in TABLES[name].unsummed]
        rows = await archive.rows(name, None, 1_000_000)
        found[name] = sorted((tuple(row[at] for at in summed) for row in rows), key=repr)
    return found


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_of(request.param, request)


@pytest.fixture
async def fabrics(engine: Engine) -> AsyncIterator[FabricHistory]:
    async with engine() as (store, _):
        yield store


def dump(data: Path, folder: str) -> Sweep:
    """A folder of tests/data/ib as a sweep, with what the tool said aside."""
    aside = data / "ib" / folder / "ibnetdiscover.txt.stderr"
    origin = Origin("ib", "c", ZoneInfo("UTC"), None, 0, aside.read_text() if aside.exists() else "")
    return ibnetdiscover.parse((data / "ib" / folder / "ibnetdiscover.txt").read_text(), origin).value


def named(view: FabricView) -> dict[str, tuple[str, str | None]]:
    """Links that are up, as `node/port -> (peer/port, width)` from both ends."""
    labels = [d.split(":")[0].removeprefix("MF0;").split(" ")[0] for d in view.descriptions]
    ends = [
        [f"{labels[node]}/{number}" for node, number in zip(nodes, numbers, strict=True)]
        for nodes, numbers in zip(view.link_node.tolist(), view.link_port.tolist(), strict=True)
    ]
    found = {}
    for (a, b), up, width in zip(ends, view.up, view.widths, strict=True):
        if up:
            found |= {a: (b, width), b: (a, width)}
    return found


async def test_a_move_and_failures_of_a_real_fabric(fabrics: FabricHistory, data: Path) -> None:
    before, moved, failed = (dump(data, folder) for folder in (BEFORE, MOVED, FAILED))
    for sweep in (before, moved, failed):
        await fabrics.apply_sweep(sweep)
    changes = (await fabrics.changes("ib", ALWAYS)).items
    assert [(c.at_ms, c.kind) for c in changes if c.at_ms == moved.seen_at_ms] == [(moved.seen_at_ms, "ends_exchanged")]
    assert sorted((c.kind, c.text.split(" ")[0]) for c in changes if c.at_ms == failed.seen_at_ms) == [
        ("hca_replaced", "node010"),
        ("link_changed", "leaf01/8"),
        ("node_gone", "node018"),
        ("node_gone", "spine09"),
        ("node_silent", "node011"),
    ]
    first, second, third = [
        named(await fabrics.fabric("ib", at)) for at in (moved.seen_at_ms - 1, failed.seen_at_ms - 1, failed.seen_at_ms)
    ]
    assert (first["leaf01/3"], first["leaf02/3"]) == (("node003/1", "4X"), ("node021/1", "4X"))
    assert (second["leaf01/3"], second["leaf02/3"]) == (("node021/1", "4X"), ("node003/1", "4X"))
    assert "node018/1" in second
    assert "node018/1" not in third
    assert (second["leaf01/8"], third["leaf01/8"]) == (("node008/1", "4X"), ("node008/1", "1X"))
    assert third["leaf01/11"] == ("node011/1", "4X")
    assert [len(x) // 2 for x in (first, second, third)] == [648, 648, 611]
    view = await fabrics.fabric("ib", failed.seen_at_ms)
    unsure = [view.descriptions[view.link_node[j, 0]] for j in range(len(view.up)) if view.unsure[j]]
    assert unsure == ["node011 mlx5_0"]


async def test_an_exchange_keeps_both_readings_on_the_connections(fabrics: FabricHistory, data: Path) -> None:
    before, moved = dump(data, BEFORE), dump(data, MOVED)
    for sweep in (before, moved):
        await fabrics.apply_sweep(sweep)
    (exchange,) = (await fabrics.changes("ib", ALWAYS)).items
    node003, node021 = PortKey("506b4b0300b00020", 1), PortKey("506b4b0300b00140", 1)
    leaf01, leaf02 = PortKey("7cfe900300a00000", 3), PortKey("7cfe900300a00040", 3)
    was, is_now = await fabrics.connections("ib", ALWAYS, [node003])
    other_now, other_was = await fabrics.connections("ib", ALWAYS, [node021])
    assert [(c.a, c.b) for c in (was, is_now, other_was, other_now)] == [
        (node003, leaf01), (node003, leaf02), (node021, leaf02), (node021, leaf01),
    ]  # fmt: skip
    # Taken: the HCA ends stayed plugged, so node003 keeps its cable. The other reading: leaf01/3 keeps it.
    assert (is_now.cable, is_now.cable_alt) == (was.cable, other_was.cable)
    assert (other_now.cable, other_now.cable_alt) == (other_was.cable, was.cable)
    assert (was.identity, is_now.identity) == ("certain", "ambiguous")
    assert was.span == Interval(before.seen_at_ms, moved.seen_at_ms)
    assert (is_now.absent_ms, is_now.span.open) == (before.seen_at_ms, True)
    assert exchange.cables == tuple(sorted((was.cable, other_was.cable)))
    assert await fabrics.cable("ib", was.cable) == (was, is_now, other_now)


@pytest.mark.parametrize("name", ENGINES)
async def test_the_order_of_import_does_not_matter(name: str, request: pytest.FixtureRequest, data: Path) -> None:
    sweeps = [dump(data, folder) for folder in (BEFORE, MOVED, FAILED)]
    in_order = await applied(sqlite, sweeps)
    orders = list(permutations(sweeps))
    # On a server an order takes seconds, and the last of all goes back most.
    for order in orders if SOAK or name == "sqlite" else orders[-1:]:
        assert await applied(engine_of(name, request), (*order, order[0])) == in_order


async def told(store: FabricHistory, fabric: str, times: Sequence[int]) -> dict[str, object]:
    """All that a store answers of a fabric."""
    views = [await store.fabric(fabric, at) for at in times]
    connections = await store.connections(fabric, ALWAYS)
    window = Interval(times[1], times[2])
    tables = [await store.lft(fabric, at) for at in times]
    lids = [await store.lids(fabric, at) for at in times]
    return {
        "fabrics": await store.fabrics(),
        "version": await store.version(),
        "views": [
            [
                x.tolist() if isinstance(x, np.ndarray) else x
                for name in FabricView.__slots__
                for x in [getattr(v, name)]
            ]
            for v in views
        ],
        "types": [[x.dtype for x in (v.lids, v.link_node, v.link_port, v.up, v.unsure)] for v in views],
        "nodes": [await store.nodes(fabric, x, gone=gone) for x in (ALWAYS, window) for gone in (False, True)],
        "connections": [connections, await store.connections(fabric, window)],
        "of ports": await store.connections(fabric, window, [x.a for x in connections[:40]]),
        "states": await store.link_states(fabric, window, [x.id for x in connections[:90]]),
        "cables": [await store.cable(fabric, x.cable) for x in connections if x.identity == "ambiguous"],
        "changes": [
            await store.changes(fabric, ALWAYS, limit=7, cursor=c) for c in (None, f"{times[-1]}.{times[-1]}.1")
        ],
        "ports": await store.ports_by_guid(fabric, [*(x.guid for x in lids[-1] if x.guid), *views[0].guids, "none"]),
        "lids": lids,
        "modules": [await store.modules(fabric, at) for at in times],
        "tables": [x and (x.switches, x.ports.tolist(), x.seen_ms) for x in tables],
        "wiring": [await store.wiring(fabric, at) for at in times],
    }


async def test_both_engines_answer_alike(request: pytest.FixtureRequest, data: Path) -> None:
    sweeps = [dump(data, folder) for folder in (BEFORE, MOVED, FAILED)]
    before, moved, failed = (x.seen_at_ms for x in sweeps)
    links = sweeps[0].links
    modules = [Module(link.a, "ACME", "X1", f"S{n}", 2.0) for n, link in enumerate(links[:60])]
    part = Sweep.of("ib", moved + 5_000, "cables", [], [], [], modules=modules, down=[links[70].a], complete=False)
    nothing = Sweep.of("ib", failed + 5_000, "test", [], [], [])
    corrections = [
        Correction("ib", moved + 9_000, "cable_replaced", "ann", links[80].b),
        Correction("ib", failed + 9_000, "retired", "ann", guid=sweeps[0].nodes[3].guid),
    ]
    plan = Wiring("ib", moved, "test", (PlannedCable(Socket("leaf01", "1"), Socket("node001", "1"), 2),))
    answers = []
    for name in ENGINES:
        async with engine_of(name, request)() as (store, _):
            for item in (
                sweeps[2],
                sweeps[0],
                part,
                nothing,
                *corrections,
                sweeps[1],
                replace(sweeps[2], seen_at_ms=failed + 99_000),
            ):
                await (store.apply_sweep(item, live=True) if isinstance(item, Sweep) else store.correct(item))
            for at, byte in ((moved, b"\x01"), (before, b"\x02")):
                await store.put_lfts(
                    "ib", at, {n.guid: b"\xff" + byte * 3 for n in sweeps[0].nodes[:4] if n.kind is NodeKind.SWITCH}
                )
            await store.put_wiring(plan)
            answers.append(await told(store, "ib", [before, moved, failed, failed + 5_000, failed + 99_000]))
    assert answers[0] == answers[1]
    assert [name for name, answer in answers[0].items() if not answer] == []


async def test_a_sweep_known_already_says_so(fabrics: FabricHistory, data: Path) -> None:
    sweep = dump(data, BEFORE)
    assert not (await fabrics.apply_sweep(sweep)).known_already
    version = await fabrics.version()
    assert (await fabrics.apply_sweep(sweep)).known_already
    assert await fabrics.version() == version


async def test_before_the_first_sweep_and_of_an_unknown_fabric_nothing_is_known(
    fabrics: FabricHistory, data: Path
) -> None:
    sweep = dump(data, BEFORE)
    await fabrics.apply_sweep(sweep)
    with pytest.raises(UnknownName, match="first sweep"):
        await fabrics.fabric("ib", sweep.seen_at_ms - 1)
    with pytest.raises(UnknownName, match="fabric 'x'"):
        await fabrics.fabric("x", sweep.seen_at_ms)


async def test_changes_are_paged_newest_first_and_stable(fabrics: FabricHistory, data: Path) -> None:
    for folder in (BEFORE, MOVED, FAILED):
        await fabrics.apply_sweep(dump(data, folder))
    whole = (await fabrics.changes("ib", ALWAYS)).items
    paged, cursor = [], None
    while True:
        page = await fabrics.changes("ib", ALWAYS, limit=2, cursor=cursor)
        paged += page.items
        if (cursor := page.cursor) is None:
            break
    assert tuple(paged) == whole
    assert len(whole) == 6
    assert {c.kind for c in (await fabrics.changes("ib", ALWAYS, kinds=["node_gone"])).items} == {"node_gone"}


async def test_a_quarantined_sweep_can_be_accepted_later(fabrics: FabricHistory, data: Path) -> None:
    whole = dump(data, BEFORE)
    nodes = [n for n in whole.nodes if n.kind is NodeKind.SWITCH]
    kept = {n.guid for n in nodes}
    links = [x for x in whole.links if x.a.guid in kept and x.b.guid in kept]
    bare = Sweep.of("ib", whole.seen_at_ms + 60_000, "test", nodes, links, [])
    await fabrics.apply_sweep(whole)
    result = await fabrics.apply_sweep(bare)
    assert (result.quarantined or "").startswith("324 of 351 nodes are missing")
    assert len((await fabrics.fabric("ib", bare.seen_at_ms)).guids) == 351
    await fabrics.correct(Correction("ib", bare.seen_at_ms, "accepted", "ann"))
    assert len((await fabrics.fabric("ib", bare.seen_at_ms)).guids) == 27
    with pytest.raises(UnknownName, match="set aside"):
        await fabrics.correct(Correction("ib", whole.seen_at_ms, "accepted", "ann"))


async def test_forwarding_tables_are_kept_by_version_in_any_order(fabrics: FabricHistory) -> None:
    switch = "7cfe900300a00000"
    for at, table in ((30, b"\xff\x02"), (10, b"\xff\x01"), (20, b"\xff\x01"), (40, b"\xff\x02\x05")):
        await fabrics.put_lfts("ib", at, {switch: table})
    found = [await fabrics.lft("ib", at) for at in (9, 10, 29, 30, 99)]
    assert found[0] is None
    assert [x.ports.tolist() for x in found[1:] if x] == [[[255, 1]], [[255, 1]], [[255, 2]], [[255, 2, 5]]]


async def test_ports_are_found_by_their_own_guid_and_lids_have_their_time(fabrics: FabricHistory) -> None:
    switch, hca = Node("a" * 16, NodeKind.SWITCH, "leaf", 36), Node("b" * 16, NodeKind.CA, "node1 mlx5_0", 2)
    port = PortKey(hca.guid, 2)
    for at, lid in ((10, 5), (20, 6)):
        lids = [Lid(PortKey(switch.guid, 0), 1), Lid(port, lid, 0, "c" * 16)]
        await fabrics.apply_sweep(Sweep.of("ib", at, "test", [switch, hca], [], lids))
    wanted = ["c" * 16, switch.guid, "d" * 16]
    assert await fabrics.ports_by_guid("ib", wanted) == {"c" * 16: port, switch.guid: PortKey(switch.guid, 0)}
    assert [[x.lid for x in await fabrics.lids("ib", at)] for at in (9, 19, 20)] == [[], [1, 5], [1, 6]]


async def test_modules_are_those_last_read(fabrics: FabricHistory) -> None:
    port = PortKey("a" * 16, 1)
    node = Node("a" * 16, NodeKind.SWITCH, "leaf", 36)
    await fabrics.apply_sweep(Sweep.of("ib", 5, "test", [node], [], []))
    first, second = (Module(port, "ACME", "MCP1600", serial, 3.0) for serial in ("S1", "S2"))
    for at, module in ((10, first), (20, second)):
        await fabrics.apply_sweep(Sweep.of("ib", at, "listing", [], [], [], modules=[module], complete=False))
    assert [await fabrics.modules("ib", at) for at in (9, 10, 20)] == [(), (first,), (second,)]


async def test_a_plan_of_the_wiring_holds_until_the_next_one(fabrics: FabricHistory) -> None:
    def plan(at_ms: int, port: str) -> Wiring:
        return Wiring("ib", at_ms, "test", (PlannedCable(Socket("leaf01", port), Socket("node001", "1"), 2),))

    first, second = plan(10, "1"), plan(30, "2")
    version = await fabrics.version()
    assert [await fabrics.put_wiring(wiring) for wiring in (second, first, first, second)] == [True, True, False, False]
    assert not await fabrics.put_wiring(plan(20, "1"))  # as the one before it
    assert [await fabrics.wiring("ib", at) for at in (9, 10, 29, 30, 99)] == [None, first, first, second, second]
    assert await fabrics.wiring("other", 99) is None
    assert await fabrics.version() > version


async def test_a_part_of_a_picture_leaves_the_rest_as_sure_as_it_was(fabrics: FabricHistory) -> None:
    nodes = [Node("a" * 16, NodeKind.SWITCH, "leaf", 36), Node("b" * 16, NodeKind.CA, "node1 mlx5_0", 1)]
    link = Link(PortKey("a" * 16, 1), PortKey("b" * 16, 1), "4X", "EDR")
    await fabrics.apply_sweep(Sweep.of("ib", 10, "test", nodes, [link], []))
    part = Sweep.of("ib", 20, "listing", [], [], [], down=[PortKey("a" * 16, 9)], complete=False)
    await fabrics.apply_sweep(part)
    view = await fabrics.fabric("ib", 20)
    assert (view.seen_ms, view.up.tolist(), view.unsure.tolist()) == (10, [True], [False])


async def test_a_line_in_a_chassis_is_no_cable(fabrics: FabricHistory) -> None:
    spine, leaf = (Node(f"{x}" * 16, NodeKind.SWITCH, f"director/{x}", 36, "d" * 16) for x in "ab")
    link = Link(PortKey(spine.guid, 1), PortKey(leaf.guid, 1), "4X", "EDR")
    await fabrics.apply_sweep(Sweep.of("ib", 10, "test", [spine, leaf], [link], []))
    (connection,) = await fabrics.connections("ib", ALWAYS)
    assert (connection.cable, connection.medium, connection.identity) == ("", "backplane", "certain")
    assert (await fabrics.fabric("ib", 10)).cables == ("",)


async def test_serial_numbers_decide_an_exchange_afterwards(fabrics: FabricHistory) -> None:
    nodes = [Node("a" * 16, NodeKind.SWITCH, "leaf", 36)]
    nodes += [Node(x * 16, NodeKind.CA, f"node{x} mlx5_0", 1) for x in "bc"]
    ports = [PortKey(nodes[0].guid, n) for n in (1, 2)] + [PortKey(x.guid, 1) for x in nodes[1:]]
    straight = [Link(ports[0], ports[2]), Link(ports[1], ports[3])]
    crossed = [Link(ports[0], ports[3]), Link(ports[1], ports[2])]
    first = [Module(port, "ACME", "X1", serial) for port, serial in zip(ports, ("S1", "S2", "S1", "S2"), strict=True)]
    # Both cables stayed in the switch: what the memory of the ports took for the other reading.
    then = [Module(port, "ACME", "X1", serial) for port, serial in zip(ports, ("S1", "S2", "S2", "S1"), strict=True)]
    await fabrics.apply_sweep(Sweep.of("ib", 10, "test", nodes, straight, [], modules=first))
    await fabrics.apply_sweep(Sweep.of("ib", 20, "test", nodes, crossed, []))
    was, is_now = await fabrics.connections("ib", ALWAYS, [ports[0]])
    assert (is_now.identity, is_now.cable) == (
        "ambiguous",
        (await fabrics.connections("ib", ALWAYS, [ports[3]]))[0].cable,
    )
    await fabrics.apply_sweep(Sweep.of("ib", 30, "cables", [], [], [], modules=then, complete=False))
    was, is_now = await fabrics.connections("ib", ALWAYS, [ports[0]])
    assert (is_now.identity, is_now.cable) == ("certain", was.cable)
    assert was.cable in (await fabrics.fabric("ib", 30)).cables
    assert await fabrics.cable("ib", was.cable) == (was, is_now)


SWITCH, HCA = "a{:015x}", "b{:015x}"
NODES = [Node(SWITCH.format(s), NodeKind.SWITCH, f"leaf{s}", 3) for s in range(2)]
NODES += [Node(HCA.format(h), NodeKind.CA, f"node{h} mlx5_0", 1) for h in range(4)]
PORTS = [PortKey(SWITCH.format(s), n) for s in range(2) for n in (1, 2, 3)]
PORTS += [PortKey(HCA.format(h), 1) for h in range(4)]


@st.composite
def wirings(draw: st.DrawFn) -> list[Link]:
    """Any ports of the small fabric plugged together."""
    ports = draw(st.permutations(PORTS))
    count = draw(st.integers(0, len(PORTS) // 2))
    return [Link(*sorted(ports[2 * i : 2 * i + 2]), "4X", draw(st.sampled_from(["EDR", "FDR"]))) for i in range(count)]


@st.composite
def histories(draw: st.DrawFn) -> list[Sweep]:
    """Sweeps of one small fabric at distinct times; all nodes answer, any wiring."""
    times = sorted(draw(st.sets(st.integers(1, 50), min_size=2, max_size=7)))
    sweeps = []
    for at in times:
        links = draw(wirings())
        plugged = {port.guid for link in links for port in (link.a, link.b)}
        present = [n for n in NODES if n.guid in plugged or draw(st.integers(0, 5))]
        sweeps.append(Sweep.of("ib", at * 1000, "test", present, links, []))
    return sweeps


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[Sweep], list[Correction]]:
    """What a fabric goes through: a first sweep, then whole ones and parts, some of one time; and corrections."""
    times = st.integers(2, 12).map(lambda n: n * 1000)
    sweeps = [Sweep.of("ib", 1000, "test", NODES, [], [])]
    for _ in range(draw(st.integers(1, 8))):
        links = draw(wirings())
        lids = [Lid(port, draw(st.integers(1, 3)), 0, f"{port.guid}") for port in PORTS if draw(st.booleans())]
        modules = [
            Module(port, "ACME", "X1", draw(st.sampled_from(["", "S1", "S2"])))
            for port in PORTS
            if not draw(st.integers(0, 3))
        ]
        down = draw(st.lists(st.sampled_from(PORTS), max_size=2))
        told = {"down": down, "modules": modules, "complete": draw(st.booleans())}
        sweeps.append(Sweep.of("ib", draw(times), "test", NODES, links, lids, **told))
    corrections = [
        Correction("ib", draw(times), "cable_replaced", "ann", port)
        for port in draw(st.sets(st.sampled_from(PORTS), max_size=2))
    ]
    if draw(st.booleans()):
        corrections.append(Correction("ib", draw(times), "retired", "ann", guid=draw(st.sampled_from(NODES)).guid))
    return sweeps, corrections


async def applied(engine: Engine, items: Sequence[Sweep | Correction]) -> object:
    """What an empty store knows after all this."""
    async with engine() as (store, archive):
        for item in items:
            await (store.apply_sweep(item) if isinstance(item, Sweep) else store.correct(item))
        return await known(archive)


def shuffled(
    sweeps: Sequence[Sweep], corrections: Sequence[Correction], rng: random.Random
) -> list[Sweep | Correction]:
    """The same in another order: corrections when their nodes are known, a sweep after them, some sweeps twice."""
    first, *others = sweeps
    rng.shuffle(others)
    told = [*corrections]
    rng.shuffle(told)
    return [*others[:-1], first, *told, *others[-1:], *rng.sample(others, len(others) // 2)]


@settings(max_examples=25, deadline=None)
@given(histories(), st.randoms(use_true_random=False))
def test_random_histories_show_each_sweep_at_its_time_whatever_the_order(
    sweeps: list[Sweep], rng: random.Random
) -> None:
    async def shown() -> tuple[object, list[FabricView]]:
        async with sqlite(share=1.0) as (store, archive):
            for sweep in sweeps:
                await store.apply_sweep(sweep)
            return await known(archive), [await store.fabric("ib", sweep.seen_at_ms) for sweep in sweeps]

    in_order, views = anyio.run(shown)
    assert anyio.run(applied, partial(sqlite, 1.0), shuffled(sweeps, [], rng)) == in_order
    for sweep, view in zip(sweeps, views, strict=True):
        pairs = zip(view.link_node.tolist(), view.link_port.tolist(), view.up, strict=True)
        ends = {
            tuple(PortKey(view.guids[n], p) for n, p in zip(nodes, ports, strict=True))
            for nodes, ports, up in pairs
            if up
        }
        assert ends == {(x.a, x.b) for x in sweep.links}
        assert set(view.guids) == {n.guid for n in sweep.nodes}


@settings(max_examples=300 if SOAK else 40, deadline=None)
@given(lives(), st.randoms(use_true_random=False))
def test_going_back_ends_where_going_in_order_does(
    life: tuple[list[Sweep], list[Correction]], rng: random.Random
) -> None:
    sweeps, corrections = life
    items = [*sorted(sweeps, key=lambda x: x.seen_at_ms), *corrections]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(derive, "ANCHOR_EVERY", 1000)
        in_order = anyio.run(applied, partial(sqlite, 1.0), items)
        patch.setattr(derive, "ANCHOR_EVERY", 2)
        assert anyio.run(applied, partial(sqlite, 1.0), shuffled(sweeps, corrections, rng)) == in_order


def values(text: str) -> list[int]:
    """One value a parameter: `?1 ?2 ?2` takes two, `? ? ?` three."""
    numbers = [int(n) for n in re.findall(r"\?(\d+)", text)]
    return [0] * (max(numbers) if numbers else text.count("?"))


async def test_no_query_of_the_sqlite_engine_scans_a_table(tmp_path: Path) -> None:
    texts = [getattr(fabric_sql, name) for name in QUERIES]
    flat = [text for each in texts for text in (each if isinstance(each, tuple) else (each,))]
    async with Database.open(tmp_path / "inventory.db", SCHEMA) as database:
        plans = await database.read(
            lambda c: [row[3] for text in flat for row in c.execute(f"EXPLAIN QUERY PLAN {text}", values(text))]
        )
    # json_each is the list of what is asked for.
    assert [plan for plan in plans if plan.startswith("SCAN") and not plan.startswith("SCAN asked VIRTUAL")] == []

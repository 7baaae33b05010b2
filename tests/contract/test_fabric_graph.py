"""What FabricHistory on Neo4j promises beside the contract: the graph itself, and how it is written and asked."""

import asyncio
import contextlib
import os
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import anyio
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from neo4j import GraphDatabase
from tests.services.neo4j import Server

from contract.test_fabric import applied, lives, neo4j, shuffled, sqlite
from engines import asked, empty_graph, settings_of
from weft.base.intervals import FOREVER_MS
from weft.fabric.model import Lid, Link, Module, Node, NodeKind, PortKey, Sweep
from weft.inventory import derive
from weft.inventory.neo4j import fabric_read, fabric_rows, fabric_write
from weft.inventory.neo4j.fabric import Neo4jFabrics
from weft.inventory.neo4j.graph import Graph, Tx
from weft.inventory.store import Correction, FabricHistory

pytestmark = pytest.mark.anyio

SOAK = os.environ.get("WEFT_SOAK") == "1"
OURS_ALONE = {"made", "closed", "number", "since_anchor", "state"}
"""How a fact was derived, not what is known."""

LEAF, SPINE = Node("a" * 16, NodeKind.SWITCH, "leaf01", 36), Node("b" * 16, NodeKind.SWITCH, "spine01", 36)
HCAS = [Node(f"c{n:015}", NodeKind.CA, f"node{n:03} mlx5_0", 1) for n in range(1, 5)]
LINKS = [Link(PortKey(LEAF.guid, n), PortKey(hca.guid, 1), "4X", "EDR") for n, hca in enumerate(HCAS, 1)]
UPLINK = Link(PortKey(LEAF.guid, 36), PortKey(SPINE.guid, 1), "4X", "EDR")
LIDS = [Lid(PortKey(hca.guid, 1), n, 0, f"d{n:015}") for n, hca in enumerate(HCAS, 1)]
MODULES = [Module(link.a, "ACME", "X1", f"S{n}", 2.0) for n, link in enumerate(LINKS)]


def sweep(at_ms: int, links: Sequence[Link] = (*LINKS, UPLINK), nodes: Sequence[Node] = (LEAF, SPINE, *HCAS)) -> Sweep:
    return Sweep.of("ib", at_ms, "test", nodes, links, LIDS, modules=MODULES)


def crossed(at_ms: int) -> Sweep:
    """The first two HCAs have changed places on the leaf."""
    first, second, *others = LINKS
    return sweep(at_ms, [replace(first, b=second.b), replace(second, b=first.b), *others, UPLINK])


def store(graph: Graph, host_names: Mapping[str, str] | None = None) -> Neo4jFabrics:
    return Neo4jFabrics(graph, absent_after=1, quarantine_share=1.0, host_names=host_names)


def picture(server: Server) -> list[str]:
    """The whole graph in canonical order: nodes by what they say, relationships by what they say and connect."""
    nodes = asked(
        server, "MATCH (n) WHERE NOT n:VERSION AND NOT n:ANCHOR RETURN elementId(n), labels(n), properties(n)"
    )
    told = {id_: f"{sorted(labels)} {_plain(values)}" for id_, labels, values in nodes}
    edges = asked(server, "MATCH (a)-[r]->(b) RETURN elementId(a), type(r), properties(r), elementId(b)")
    return sorted(
        [*told.values(), *(f"{told[a]} -{kind} {_plain(values)}-> {told[b]}" for a, kind, values, b in edges)]
    )


def _plain(values: Mapping[str, Any]) -> str:
    return str(sorted((name, value) for name, value in values.items() if name not in OURS_ALONE))


async def test_the_graph_is_as_it_is_drawn(graph: Graph, neo4j_server: Server) -> None:
    fabrics = store(graph)
    without_one = sweep(30, [*LINKS[2:], UPLINK], [LEAF, SPINE, *HCAS[1:]])
    for one in (sweep(10), crossed(20), without_one):
        await fabrics.apply_sweep(replace(one, modules=()))
    ask = partial(asked, neo4j_server)
    hosts = """MATCH (h:Host)-[r:HAS_HCA]->(:HCA)-[:NAMED]->(n) RETURN h.name, r.valid_from, r.valid_to, n.text
      ORDER BY h.name"""
    assert ask(hosts) == [
        [f"node00{n}", 10, 30 if n == 1 else FOREVER_MS, f"node00{n} mlx5_0"] for n in range(1, 5)
    ]  # fmt: skip
    of_a_port = """MATCH (:SW)-[:HAS_PORT]->(:PORT {key: $key})<-[:ENDS_AT]-(c:CONNECTION)-[u:USES]->(k:CABLE)
      MATCH (s:LINK_STATE)-[:OF]->(c) RETURN c.valid_from, c.valid_to, s.state, s.valid_to, u.reading, k.identity"""
    assert sorted(ask(of_a_port, key=f"ib/{LEAF.guid}/1")) == [
        [10, 20, "up", 20, 1, "ambiguous"],
        *([20, FOREVER_MS, "down", FOREVER_MS, reading, "ambiguous"] for reading in (1, 2)),
        *([20, FOREVER_MS, "up", 30, reading, "ambiguous"] for reading in (1, 2)),
    ]
    about = (
        "MATCH (e:EVENT {kind: $kind})-[:ABOUT]->(x) UNWIND labels(x) AS label RETURN label, count(x) ORDER BY label"
    )
    assert ask(about, kind="ends_exchanged") == [["CABLE", 2], ["PORT", 4]]
    assert ask(about, kind="node_gone") == [["DEVICE", 1], ["HCA", 1], ["PORT", 2]]
    assert ask("MATCH (l:LID)-[:OF]->(p:PORT)<-[:HAS_PORT]-(:HCA) RETURN count(l)") == [[4]]
    assert ask("MATCH (s:SWEEP)-[:SHOWS]->(b:BLOB) RETURN s.seen_at, size(b.sha256) ORDER BY s.seen_at") == [
        [10, 64], [20, 64], [30, 64],
    ]  # fmt: skip


async def test_a_module_is_a_node_that_is_plugged_into_ports(graph: Graph, neo4j_server: Server) -> None:
    fabrics = store(graph)
    await fabrics.apply_sweep(sweep(10))
    copper = [Module(port, "ACME", "X1", "S0", 2.0) for port in (LINKS[0].a, LINKS[0].b)]
    await fabrics.apply_sweep(Sweep.of("ib", 20, "cables", [], [], [], modules=copper, complete=False))
    told = """MATCH (m:MODULE {serial: 'S0'})-[r:PLUGGED_IN]->(p:PORT) RETURN p.key, r.valid_from, m.length_m
      ORDER BY p.key"""
    assert asked(neo4j_server, told) == [[f"ib/{LEAF.guid}/1", 10, 2.0], [f"ib/{HCAS[0].guid}/1", 20, 2.0]]
    assert asked(neo4j_server, "MATCH (m:MODULE {serial: 'S0'}) RETURN count(m)") == [[1]]


async def test_what_a_site_adds_stays_through_late_sweeps_corrections_and_replays(
    graph: Graph, neo4j_server: Server
) -> None:
    fabrics = store(graph)
    await fabrics.apply_sweep(sweep(10))
    for one in (crossed(30), sweep(40, LINKS)):
        await fabrics.apply_sweep(one)
    for label in ("SW", "HCA", "PORT", "CONNECTION", "CABLE", "Host", "LINK_STATE", "LID", "MODULE", "NAME", "SWEEP"):
        asked(neo4j_server, f"MATCH (n:{label}) SET n:Rack7, n.asset = '{label} ' + elementId(n)")
    marked = "MATCH (n:Rack7) RETURN n.asset ORDER BY n.asset"
    before = asked(neo4j_server, marked)
    renamed = [LEAF, SPINE, *HCAS[:3], replace(HCAS[3], description="node004x mlx5_0")]
    for late in (sweep(20), sweep(22, LINKS, renamed), crossed(35), sweep(60)):
        await fabrics.apply_sweep(late)
    await fabrics.correct(Correction("ib", 15, "cable_replaced", "ann", LINKS[3].a))
    await fabrics.correct(Correction("ib", 50, "retired", "ann", guid=SPINE.guid))
    assert asked(neo4j_server, marked) == before
    assert asked(
        neo4j_server,
        "MATCH (d {asset: $asset})-[:NAMED]->(n) RETURN n.text ORDER BY n.text",
        asset=_asset(neo4j_server, HCAS[3]),
    ) == [["node004 mlx5_0"], ["node004 mlx5_0"], ["node004x mlx5_0"]]


def _asset(server: Server, node: Node) -> str:
    ((asset,),) = asked(server, "MATCH (d:DEVICE {guid: $guid}) RETURN d.asset", guid=node.guid)
    return str(asset)


async def test_what_is_not_derived_again_goes_and_leaves_nothing_behind(graph: Graph, neo4j_server: Server) -> None:
    fabrics = store(graph)
    for one in (sweep(20), crossed(40), sweep(10, LINKS[:2], [LEAF, *HCAS[:2]])):
        await fabrics.apply_sweep(one)
    derived = picture(neo4j_server)
    async with empty_graph(neo4j_server) as again:
        for one in (sweep(10, LINKS[:2], [LEAF, *HCAS[:2]]), sweep(20), crossed(40)):
            await store(again).apply_sweep(one)
    assert derived == picture(neo4j_server)


@pytest.mark.parametrize("names", [{"x": "node009"}, {HCAS[0].guid: "login1"}, {"node002 mlx5_0": "node022"}])
async def test_hosts_are_named_anew_with_the_next_sweep_after_the_site_names_them_otherwise(
    graph: Graph, neo4j_server: Server, names: dict[str, str]
) -> None:
    hosts = "MATCH (h:Host)-[r:HAS_HCA]->(d:HCA) RETURN d.guid, h.name ORDER BY d.guid"
    plain = {hca.guid: hca.description.split(" ")[0] for hca in HCAS}
    await store(graph).apply_sweep(sweep(10))
    assert dict(asked(neo4j_server, hosts)) == plain
    expected = {hca.guid: names.get(hca.guid, names.get(hca.description, plain[hca.guid])) for hca in HCAS}
    await store(graph, names).apply_sweep(sweep(20))
    assert dict(asked(neo4j_server, hosts)) == expected
    await store(graph).apply_sweep(crossed(30))
    assert dict(asked(neo4j_server, hosts)) == plain


async def test_two_servers_write_one_after_the_other(neo4j_server: Server) -> None:
    sweeps = [(crossed if at % 20 else sweep)(at) for at in range(10, 90, 10)]
    async with empty_graph(neo4j_server) as first, Graph.open(settings_of(neo4j_server)) as second:
        both: list[FabricHistory] = [store(first), store(second)]
        await asyncio.gather(*(both[at % 2].apply_sweep(one) for at, one in enumerate(sweeps)))
        together = picture(neo4j_server)
        assert await both[0].version() == await both[1].version() == len(sweeps)
    async with empty_graph(neo4j_server) as alone:
        for one in sweeps:
            await store(alone).apply_sweep(one)
    assert together == picture(neo4j_server)


class Cut(Exception):
    """The process dies here."""


@pytest.mark.parametrize("after", [1, 7, 11])
async def test_a_write_too_large_for_one_transaction_that_breaks_off_is_mended_by_the_next(
    graph: Graph, neo4j_server: Server, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    items = [sweep(20), crossed(40), sweep(10, LINKS)]
    for one in (*items, crossed(50)):
        await store(graph).apply_sweep(one)
    expected = picture(neo4j_server)
    async with empty_graph(neo4j_server) as again:
        monkeypatch.setattr(fabric_write, "AT_ONCE", 3)
        monkeypatch.setattr(fabric_write, "IN_ONE_GO", 5)
        for one in items:
            with pytest.MonkeyPatch.context() as patch, contextlib.suppress(Cut):
                _break_off(patch, after)
                await store(again).apply_sweep(one)
            if one is not items[0]:
                # Another one comes first.
                await store(again).apply_sweep(crossed(50))
            await store(again).apply_sweep(one)
            assert asked(neo4j_server, "MATCH (h:HEAD) RETURN h.torn") == [[None]]
        assert await store(again).version() == len(items) + 1
    assert picture(neo4j_server) == expected


def _break_off(patch: pytest.MonkeyPatch, after: int) -> None:
    """Let so many more transactions through, then none."""
    once, left = Graph._write_once, after

    async def cut(self: Graph, work: Any) -> Any:
        async def counted(tx: Tx) -> Any:
            nonlocal left
            answer = await work(tx)
            left -= 1
            if left < 0:
                raise Cut
            return answer

        return await once(self, counted)

    patch.setattr(Graph, "_write_once", cut)


def test_random_lives_are_the_same_on_both_engines_whatever_the_order(
    neo4j_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derive, "ANCHOR_EVERY", 2)

    @settings(max_examples=60 if SOAK else 4, deadline=None, phases=[Phase.generate])
    @given(lives(), st.randoms(use_true_random=False), st.booleans())
    def check(life: tuple[list[Sweep], list[Correction]], rng: random.Random, in_pieces: bool) -> None:
        sweeps, corrections = life
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(fabric_write, "IN_ONE_GO", 5 if in_pieces else 10_000)
            items = shuffled(sweeps, corrections, rng)
            graph = anyio.run(applied, partial(neo4j, neo4j_server, 1.0), items)
            shuffled_picture = picture(neo4j_server)
        in_order = [*sorted(sweeps, key=lambda x: x.seen_at_ms), *corrections]
        assert graph == anyio.run(applied, partial(sqlite, 1.0), in_order)
        anyio.run(applied, partial(neo4j, neo4j_server, 1.0), in_order)
        assert shuffled_picture == picture(neo4j_server)

    check()


TEXTS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": text
    for module in (fabric_read, fabric_write)
    for name, text in vars(module).items()
    if name.isupper() and isinstance(text, str) and not name.startswith("_") and name != "SURE"
}
TEXTS |= {
    f"{name} {table}": text for name in ("SINCE", "OPEN", "DROP") for table, text in getattr(fabric_write, name).items()
}
TEXTS |= {f"ROWS {table} {at}": text for table, texts in fabric_rows.ROWS.items() for at, text in enumerate(texts)}
SCANS = {
    "fabric_read.FABRICS": "NodeIndexScan",  # one head a fabric
    "SINCE identity": "DirectedRelationshipTypeScan",  # there are few, and statistics may say so
    "ROWS identity 0": "DirectedRelationshipTypeScan",
}
"""Texts that may look through all there is of a kind, and why that is right."""


def operators(plan: Mapping[str, Any]) -> list[str]:
    found = [plan["operatorType"].partition("@")[0]]
    for child in plan.get("children", ()):
        found += operators(child)
    return found


async def test_every_text_finds_what_it_is_about_by_an_index(graph: Graph, neo4j_server: Server) -> None:
    for one in (sweep(20), crossed(40), sweep(10, LINKS)):
        await store(graph).apply_sweep(one)
    await store(graph).put_lfts("ib", 10, {LEAF.guid: b"\xff\x01"})
    access = (neo4j_server.user, neo4j_server.password)
    scans = {}
    with GraphDatabase.driver(neo4j_server.url, auth=access, notifications_min_severity="OFF") as driver:
        for name, text in TEXTS.items():
            values = {parameter: _any(parameter) for parameter in re.findall(r"\$(\w+)", text)}
            plan = driver.execute_query(f"EXPLAIN {text}", values).summary.plan
            assert plan is not None
            found = {x for x in operators(plan) if "Scan" in x or x == "CartesianProduct"}
            scans[name] = found - {SCANS.get(name)}
    assert {name: found for name, found in scans.items() if found} == {}
    assert len(TEXTS) > 80


def _any(parameter: str) -> object:
    """A value of a parameter's type."""
    if parameter in ("keys", "rows", "ids", "guids", "kinds", "place"):
        return []
    if parameter == "after":
        return None
    return 1 if parameter in ("at", "from", "to", "last", "limit", "made", "number") else "x"

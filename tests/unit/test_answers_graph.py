"""What the node graph is drawn from: links in bundles, hosts counted on their leaf, levels."""

from dataclasses import replace

import numpy as np
import pytest

from unit.fakes import CA
from unit.story import H, answers, ask
from unit.trees import Fabric, two_levels
from weft.answers import graph
from weft.answers.answers import Scene
from weft.fabric.topology import Topology
from weft.inventory.store import FabricView

pytestmark = pytest.mark.anyio


def scene(view: FabricView) -> Scene:
    return Scene(view, Topology.of(view, {}))


def all_of(one: Scene) -> np.ndarray:
    return np.ones(len(one.view.guids), bool)


def test_parallel_links_are_one_bundle_with_what_is_wrong_with_them() -> None:
    fabric = two_levels([1], spines=1, cables=3)
    fabric.down.add(len(fabric.links) - 1)
    view = fabric.view()
    # leaf and spine are nodes 1 and 0; of the three links between them the second runs at 1X.
    between = [j for j, ends in enumerate(view.link_node.tolist()) if ends == [0, 1]]
    widths = list(view.widths)
    widths[between[1]] = "1X"
    one = scene(replace(view, widths=tuple(widths)))
    assert list(zip(*graph.bundles(one, all_of(one)), strict=True)) == [
        (0, 1, 3, 1, 1, "4X", "EDR"), (1, 2, 1, 0, 0, "4X", "EDR"),
    ]  # fmt: skip
    assert graph.bundles(one, np.zeros(3, bool)) == graph.Bundles([], [], [], [], [], [], [])


def test_a_link_is_measured_by_its_own_kind_and_what_is_unknown_is_no_fault() -> None:
    view = two_levels([3], spines=2).view()
    hosts = [j for j, ends in enumerate(view.link_node.tolist()) if max(ends) > 2]
    speeds: list[str | None] = ["HDR"] * len(view.speeds)
    for j, speed in zip(hosts, ("EDR", "FDR", None), strict=True):
        speeds[j] = speed
    worse = graph.below_their_like(scene(replace(view, speeds=tuple(speeds))))
    # Host links at EDR are the best of theirs, though switches among themselves run HDR.
    assert np.flatnonzero(worse).tolist() == [hosts[1]]


def test_a_host_with_two_cables_in_one_leaf_counts_once_and_sharp_not_at_all() -> None:
    fabric = Fabric()
    leaf = fabric.switch("leaf")
    fabric.host("node001", leaf, leaf)
    fabric.host("node002", leaf)
    fabric.link(leaf, fabric.node(CA, "MT25408 ConnectX"))
    fabric.link(leaf, fabric.node(CA, "Mellanox Technologies Aggregation Node"))
    fabric.down.add(fabric.link(leaf, fabric.node(CA, "node003 mlx5_0")))
    one = scene(fabric.view())
    assert graph.hosts_by_switch(one, all_of(one))[0] == 3


async def test_edges_lead_from_the_upper_switch_to_the_lower_and_from_there_to_hosts() -> None:
    nodes = await graph.nodes(answers(), ask(), fold="none")
    edges = await graph.edges(answers(), ask(), fold="none")
    height = {"spine switch": 2, "leaf switch": 1}
    at = {row[0]: height.get(str(row[2]), 0) for row in nodes.rows}
    assert all(at[row[1]] > at[row[2]] for row in edges.rows)


async def test_leaves_come_first_so_that_a_cut_keeps_what_has_hosts() -> None:
    nodes = await graph.nodes(answers(), ask(limit=3))
    assert [row[1] for row in nodes.rows] == ["leaf01", "leaf02", "leaf03"]


async def test_switches_are_listed_by_level_with_their_hosts() -> None:
    data = await graph.levels(answers(), ask(), at=12 * H)
    assert [list(row)[:4] for row in data.rows] == [
        ["leaf01", 0, "leaf", 4], ["leaf02", 0, "leaf", 4], ["leaf03", 0, "leaf", 4],
        ["spine01", 1, "spine", 0], ["spine02", 1, "spine", 0],
    ]  # fmt: skip
    assert data.notices == ()

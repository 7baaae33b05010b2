"""Levels of fabrics of every shape, known beforehand because the test plugged them together."""

from itertools import pairwise

import numpy as np
import pytest

from unit.trees import Fabric, full, three_levels, two_levels
from weft.fabric.levels import Levels
from weft.fabric.model import NodeKind
from weft.fabric.topology import Topology


def found(fabric: Fabric) -> tuple[Levels, dict[str, tuple[int, str]]]:
    """The levels, and each switch's by name."""
    topology = Topology.of(fabric.view(), {})
    levels = topology.levels
    return levels, {
        name: (level, kind)
        for name, level, kind in zip(topology.names, levels.level.tolist(), levels.kinds, strict=True)
    }


def test_a_tree_of_two_levels_has_leaves_and_spines() -> None:
    levels, at = found(two_levels([2, 3], spines=2))
    assert at == {"leaf01": (0, "leaf"), "leaf02": (0, "leaf"), "spine01": (1, "spine"), "spine02": (1, "spine")}
    assert (levels.tree, levels.doubts) == (True, ())


def test_a_tree_of_three_levels_has_cores_above() -> None:
    levels, at = found(three_levels([[1, 1], [1]], spines=2, cores=2))
    assert {name for name, told in at.items() if told == (0, "leaf")} == {"p1leaf1", "p1leaf2", "p2leaf1"}
    assert {name for name, told in at.items() if told == (1, "spine")} == {
        "p1spine1", "p1spine2", "p2spine1", "p2spine2",
    }  # fmt: skip
    assert {name for name, told in at.items() if told == (2, "core")} == {"core11", "core12", "core21", "core22"}
    assert (levels.tree, levels.doubts) == (True, ())


def test_the_largest_tree_of_36_ports_is_what_it_was_built_as() -> None:
    levels, _ = found(full())
    assert {kind: levels.kinds.count(kind) for kind in set(levels.kinds)} == {"leaf": 648, "spine": 648, "core": 324}
    assert (levels.tree, levels.doubts) == (True, ())


def test_four_levels_end_in_a_higher_one() -> None:
    fabric = Fabric()
    chain = [fabric.switch(name) for name in ("leaf", "spine", "core", "above", "top")]
    fabric.host("node1", chain[0])
    for a, b in pairwise(chain):
        fabric.link(a, b)
    _, at = found(fabric)
    assert at["above"] == (3, "higher")
    assert at["top"] == (4, "higher")


def test_a_single_switch_is_a_leaf() -> None:
    fabric = Fabric()
    fabric.host("node1", fabric.switch("only"))
    levels, at = found(fabric)
    assert (at, levels.tree, levels.doubts) == ({"only": (0, "leaf")}, True, ())


def test_without_any_host_nothing_is_told() -> None:
    fabric = Fabric()
    fabric.link(fabric.switch("a"), fabric.switch("b"))
    levels, at = found(fabric)
    assert at == {"a": (-1, "apart"), "b": (-1, "apart")}
    assert levels.doubts[0] == "No host can be reached from a, b."
    assert found(Fabric())[0].kinds == ()


def test_hosts_on_spines_make_these_mixed_and_leave_the_rest_as_it_is() -> None:
    fabric = two_levels([4, 4, 4], spines=2)
    for spine in ("spine01", "spine02"):
        fabric.host(f"login-{spine}", fabric.by_name[spine])
    levels, at = found(fabric)
    assert at["spine01"] == at["spine02"] == (1, "mixed")
    assert {at[leaf] for leaf in ("leaf01", "leaf02", "leaf03")} == {(0, "leaf")}
    assert (levels.tree, levels.doubts) == (True, ("Above the leaves hosts hang on spine01, spine02 as well.",))


@pytest.mark.parametrize("cores", [("core11",), ("core11", "core21")])
def test_hosts_on_cores_make_these_mixed_as_well(cores: tuple[str, ...]) -> None:
    fabric = three_levels([[4, 4], [4, 4]], spines=2, cores=2)
    for core in cores:
        fabric.host(f"gateway-{core}", fabric.by_name[core])
    levels, at = found(fabric)
    assert {at[core] for core in cores} == {(2, "mixed")}
    assert (at["core12"], at["p1spine1"], at["p1leaf1"]) == ((2, "core"), (1, "spine"), (0, "leaf"))
    assert (levels.tree, levels.doubts) == (True, (f"Above the leaves hosts hang on {', '.join(cores)} as well.",))


def test_a_leaf_that_has_one_host_left_is_no_spine_though_spines_have_more() -> None:
    fabric = two_levels([8, 1, 8, 8, 8], spines=2)
    for spine in ("spine01", "spine02"):
        for k in range(2):
            fabric.host(f"io-{spine}-{k}", fabric.by_name[spine])
    _, at = found(fabric)
    assert (at["leaf02"], at["spine01"]) == ((0, "leaf"), (1, "mixed"))


def test_two_leaves_linked_with_each_other_stay_leaves_below_their_spines() -> None:
    fabric = two_levels([4, 4, 4], spines=2)
    fabric.link(fabric.by_name["leaf01"], fabric.by_name["leaf02"])
    levels, at = found(fabric)
    assert {at[f"leaf0{n}"] for n in (1, 2, 3)} == {(0, "leaf")}
    assert not levels.tree
    assert levels.doubts == (
        "1 of 7 pairs of linked switches are not of neighbouring levels (leaf01 - leaf02): no tree.",
    )


def test_sharp_nodes_on_spines_are_no_hosts() -> None:
    fabric = two_levels([4, 4], spines=1)
    sharp = fabric.node(NodeKind.CA, "Mellanox Technologies Aggregation Node")
    fabric.link(fabric.by_name["spine01"], sharp)
    assert found(fabric)[1]["spine01"] == (1, "spine")


def test_an_unnamed_hca_is_a_host() -> None:
    fabric = Fabric()
    leaf = fabric.switch("leaf")
    fabric.link(leaf, fabric.node(NodeKind.CA, "MT25408 ConnectX"))
    fabric.link(leaf, fabric.switch("spine"))
    assert found(fabric)[1] == {"leaf": (0, "leaf"), "spine": (1, "spine")}


def test_a_fabric_in_two_parts_has_levels_in_each() -> None:
    fabric = two_levels([2, 2], spines=1)
    lone = fabric.switch("lone")
    fabric.host("far", lone)
    fabric.switch("spare")
    levels, at = found(fabric)
    assert (at["leaf01"], at["spine01"], at["lone"], at["spare"]) == (
        (0, "leaf"), (1, "spine"), (0, "leaf"), (-1, "apart"),
    )  # fmt: skip
    assert levels.doubts == (
        "The fabric is in 3 parts without a way from one to the other.",
        "No host can be reached from spare.",
    )


def test_a_leaf_whose_hosts_are_off_is_still_a_leaf_and_that_is_a_doubt() -> None:
    levels, at = found(two_levels([4, 0, 4], spines=2))
    assert at["leaf02"] == (0, "leaf")
    assert levels.doubts == ("No host is up on leaf02: taken for a leaf, as its links are those of one.",)
    # A core has links to spines of several pods, which no leaf has.
    levels, at = found(three_levels([[2], [2]], spines=2))
    assert (at["core11"], levels.doubts) == ((2, "core"), ())


def test_two_switches_back_to_back_are_leaves_and_no_tree() -> None:
    fabric = Fabric()
    a, b = fabric.switch("a"), fabric.switch("b")
    fabric.host("node1", a)
    fabric.host("node2", b)
    fabric.link(a, b)
    levels, at = found(fabric)
    assert (at, levels.tree) == ({"a": (0, "leaf"), "b": (0, "leaf")}, False)
    assert levels.doubts == ("1 of 1 pairs of linked switches are not of neighbouring levels (a - b): no tree.",)


def test_in_a_row_of_switches_the_inner_ones_are_crossed_by_others() -> None:
    fabric = Fabric()
    row = [fabric.switch(name) for name in "abcd"]
    for i, switch in enumerate(row):
        for k in range(3):
            fabric.host(f"node{i}{k}", switch)
    for a, b in pairwise(row):
        fabric.link(a, b)
    levels, at = found(fabric)
    assert [kind for _, kind in at.values()] == ["leaf", "mixed", "mixed", "leaf"]
    assert levels.doubts[0] == "Switches with hosts are linked with each other, and packets of others cross b, c."
    assert not levels.tree


def dragonfly(groups: int = 4, routers: int = 3) -> Fabric:
    """Groups of routers, each linked to all of its group; one link between each two groups; two hosts a router."""
    fabric = Fabric()
    at = [[fabric.switch(f"g{g}r{r}") for r in range(routers)] for g in range(groups)]
    for own in at:
        for i, router in enumerate(own):
            for k in range(2):
                fabric.host(f"{router}-{k}", router)
            for other in own[i + 1 :]:
                fabric.link(router, other)
    turn = dict.fromkeys(range(groups), 0)
    for a in range(groups):
        for b in range(a + 1, groups):
            fabric.link(at[a][turn[a] % routers], at[b][turn[b] % routers])
            turn[a], turn[b] = turn[a] + 1, turn[b] + 1
    return fabric


def test_a_dragonfly_is_mixed_all_over() -> None:
    levels, at = found(dragonfly())
    assert set(at.values()) == {(0, "mixed")}
    assert not levels.tree


@pytest.mark.parametrize("hosts", [1, 2, 6])
def test_a_torus_is_mixed_all_over_however_many_hosts_hang_on_it(hosts: int) -> None:
    fabric = Fabric()
    grid = {(x, y): fabric.switch(f"t{x}{y}") for x in range(4) for y in range(4)}
    for (x, y), switch in grid.items():
        for k in range(hosts):
            fabric.host(f"n{x}{y}{k}", switch)
        fabric.link(switch, grid[(x + 1) % 4, y])
        fabric.link(switch, grid[x, (y + 1) % 4])
    levels, at = found(fabric)
    assert set(at.values()) == {(0, "mixed")}
    assert not levels.tree


def director(on_boards: bool) -> Fabric:
    """Two line boards and two spine boards of one director: above four leaves, or with the hosts plugged in itself."""
    fabric = Fabric()
    lines = [fabric.switch(f"MF0;big:CS7500/L0{i}/U1") for i in (1, 2)]
    spines = [fabric.switch(f"MF0;big:CS7500/S0{i}/U1") for i in (1, 2)]
    for line in lines:
        for spine in spines:
            fabric.link(line, spine)
    if on_boards:
        fabric.host("direct", lines[0])
    for i in range(4):
        leaf = fabric.switch(f"leaf{i}")
        for k in range(3):
            fabric.host(f"node{i}{k}", leaf)
        fabric.link(leaf, lines[1] if on_boards else lines[i % 2])
    return fabric


def kinds_of_boards(fabric: Fabric) -> list[tuple[int, str]]:
    topology = Topology.of(fabric.view(), {})
    levels = topology.levels
    return [
        (int(levels.level[i]), levels.kinds[i]) for i, chassis in enumerate(topology.chassis) if chassis == "big:CS7500"
    ]


def test_the_boards_of_a_director_above_leaves_are_spines_and_cores() -> None:
    assert kinds_of_boards(director(on_boards=False)) == [(1, "spine"), (1, "spine"), (2, "core"), (2, "core")]


def test_a_directors_spine_boards_lie_above_all_its_line_boards() -> None:
    # L01 has a host, L02 the uplinks of leaves. By distance alone the spine boards would be level with L02.
    assert kinds_of_boards(director(on_boards=True)) == [(0, "leaf"), (1, "spine"), (2, "core"), (2, "core")]
    levels = Topology.of(director(on_boards=True).view(), {}).levels
    assert (levels.tree, levels.doubts) == (True, ())


def test_levels_are_numbers_a_drawing_can_sort_by() -> None:
    levels, _ = found(two_levels([1]))
    assert levels.level.dtype == np.int16

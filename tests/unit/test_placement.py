"""Placement reports against figures worked out by hand: on the ft324 dump, on trees of two and three levels, on rails.

Pairs are ordered in the workings: n hosts have n (n - 1). In ft324 18 hosts hang on each of 18 leaves: node001 to
node018 on leaf01, node019 to node036 on leaf02, ..., node324 on leaf18. Same leaf 1 switch, two leaves 3.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from unit.trees import Fabric, read_ibnetdiscover, three_levels, two_levels
from weft.fabric import placement
from weft.fabric.placement import Placement, Straggler, Swap, helpful, mean_hops, place, proposed
from weft.fabric.topology import Topology

NO_DOUBT: tuple[str, ...] = ()


def ft(leaves: int = 3, spines: int = 2, down: int = 4) -> Topology:
    """Hosts 1..4 on leaf01, 5..8 on leaf02, 9..12 on leaf03 (by default)."""
    return Topology.of(two_levels([down] * leaves, spines).view(), {})


@pytest.fixture(scope="module")
def ft324() -> Topology:
    return Topology.of(dump("ft324-1-before").view(), {})


def dump(name: str) -> Fabric:
    return read_ibnetdiscover(Path(__file__).parents[1] / "data/ib" / name / "ibnetdiscover.txt")


def nodes(*numbers: int, digits: int = 3) -> list[str]:
    return [f"node{n:0{digits}}" for n in numbers]


def swapped(
    topology: Topology,
    hosts: Sequence[str],
    free: Sequence[str],
    doubts: Mapping[str, tuple[str, ...]] | None = None,
    usable: Sequence[str] | None = None,
) -> Placement:
    """The report with swaps among free hosts, each good enough for every straggler."""
    report = place(topology, hosts, usable)
    offers = {host: (doubts or {}).get(host, NO_DOUBT) for host in free}
    return proposed(topology, report, {straggler.host: offers for straggler in report.stragglers})


def test_mean_hops_counts_every_ordered_pair() -> None:
    assert mean_hops(np.array([[0, 1, 3], [1, 0, 3], [5, 3, 0]], np.int16)) == 16 / 6


@pytest.mark.parametrize("hops", [[[0]], [[0, 1]], [[0, -1], [1, 0]], [[0, 0], [1, 0]]])
def test_mean_hops_refuses_what_is_no_matrix_of_routes(hops: list[list[int]]) -> None:
    with pytest.raises(ValueError):
        mean_hops(np.array(hops, np.int16))


# The ft324 dump


def test_ft324_packed_on_a_leaf_is_as_tight_as_can_be(ft324: Topology) -> None:
    report = swapped(ft324, nodes(*range(1, 19)), free=nodes(*range(19, 30)))
    assert (report.mean_hops, report.best_hops, report.best) == (1.0, 1.0, "optimal")
    assert (report.leaves, report.leaves_minimum) == ({"leaf01": 18}, 1)
    assert (report.levels, report.levels_minimum) == (1, 1)
    assert (report.histogram, report.stragglers, report.swaps, report.doubts) == ({1: 153}, (), (), ())
    assert report.verdict == (
        "As tight as this fabric allows: 18 hosts on 1 leaf, mean 1.00 switches between two hosts."
    )


def test_ft324_one_host_more_than_a_leaf_holds_is_nobodys_fault(ft324: Topology) -> None:
    report = swapped(ft324, nodes(*range(1, 20)), free=nodes(20, 21, 37))
    # 18 * 17 = 306 pairs at 1, 2 * 18 = 36 at 3, of 19 * 18 = 342. Nothing is better: 17 + 2 would be 272 + 2 at 1.
    assert report.mean_hops == report.best_hops == (306 + 36 * 3) / 342
    assert (report.best, report.leaves_minimum, report.histogram) == ("optimal", 2, {1: 153, 3: 18})
    assert (report.stragglers, report.swaps) == ((), ())
    assert report.verdict == (
        "As tight as this fabric allows: 19 hosts on 2 leaves, mean 1.21 switches between two hosts."
    )


def test_ft324_one_straggler_is_swapped_for_the_free_host_beside_the_others(ft324: Topology) -> None:
    report = swapped(ft324, nodes(*range(1, 18), 324), free=nodes(18, 19, 323))
    # 17 * 16 = 272 pairs at 1, 34 at 3, of 306. With node018 all 306 at 1.
    assert (report.mean_hops, report.best_hops, report.best) == ((272 + 34 * 3) / 306, 1.0, "optimal")
    assert report.histogram == {1: 136, 3: 17}
    assert report.stragglers == (Straggler("node324", ("leaf18",), 3.0),)
    assert report.swaps == (Swap("node324", "node018", (272 + 34 * 3) / 306, 1.0, ("leaf01",)),)
    assert report.verdict == (
        "18 hosts on 2 leaves where 1 would do; "
        "mean 1.22 switches between two hosts, 1.00 at best. node324 on leaf18 stands out with 3.00. "
        "node018 was free and would have been better than node324 (mean 1.00)."
    )
    assert report.doubts == ()


def test_ft324_two_stragglers_and_one_free_place(ft324: Topology) -> None:
    report = swapped(ft324, nodes(*range(1, 17), 19, 324), free=nodes(17, 20, 323))
    # 16 * 15 = 240 at 1, 66 at 3: 438 / 306. node017 for one of them: 272 at 1, 34 at 3: 374 / 306. The other would
    # stay alone on any other leaf, so nothing is proposed for it.
    assert report.mean_hops == (240 + 66 * 3) / 306
    assert [s.host for s in report.stragglers] == nodes(19, 324)
    assert report.swaps == (Swap("node019", "node017", 438 / 306, 374 / 306, ("leaf01",)),)
    assert "2 hosts stand out: node019, node324." in report.verdict


def test_ft324_spread_over_all_leaves_has_no_straggler(ft324: Topology) -> None:
    report = swapped(ft324, nodes(*range(1, 324, 18)), free=nodes(2, 3, 4))
    assert (report.mean_hops, report.best_hops, report.leaves_minimum) == (3.0, 1.0, 1)
    assert (len(report.leaves), report.histogram, report.stragglers, report.swaps) == (18, {3: 153}, (), ())
    assert report.verdict == (
        "18 hosts on 18 leaves where 1 would do; mean 3.00 switches between two hosts, 1.00 at best."
    )


def test_ft324_two_halves_are_a_shape_and_no_stragglers(ft324: Topology) -> None:
    report = swapped(ft324, nodes(*range(1, 10), *range(19, 28)), free=nodes(10, 28))
    # 2 * 9 * 8 = 144 at 1, 2 * 81 = 162 at 3.
    assert report.mean_hops == (144 + 162 * 3) / 306
    assert (report.leaves, report.stragglers, report.swaps) == ({"leaf01": 9, "leaf02": 9}, (), ())


def test_ft324_twice_a_leaf_is_best_on_two(ft324: Topology) -> None:
    report = place(ft324, nodes(*range(1, 37)))
    # 2 * 306 = 612 at 1, 2 * 18 * 18 = 648 at 3, of 36 * 35 = 1260.
    assert report.mean_hops == report.best_hops == (612 + 648 * 3) / 1260
    assert (report.best, report.leaves_minimum) == ("optimal", 2)


def test_ft324_all_hosts_have_no_other_choice(ft324: Topology) -> None:
    report = place(ft324, nodes(*range(1, 325)))
    # 18 * 306 = 5,508 at 1 and 324 * 306 = 99,144 at 3, of 324 * 323 = 104,652.
    assert report.mean_hops == report.best_hops == (5508 + 99144 * 3) / 104652
    assert report.histogram == {1: 2754, 3: 49572}


def test_ft324_unknown_hosts_are_left_out_and_named(ft324: Topology) -> None:
    report = place(ft324, ["NODE001.site.example", "node002", "ghost", "node400"])
    assert (report.hosts, report.absent, report.mean_hops) == (("node001", "node002"), ("ghost", "node400"), 1.0)
    assert report.left_out == ("ghost", "node400")
    assert report.doubts == ("Not in the fabric then: ghost, node400.",)
    assert report.verdict.startswith("As tight as this fabric allows: 2 of 4 hosts on 1 leaf")


def test_ft324_a_single_host_has_nothing_to_compare(ft324: Topology) -> None:
    report = place(ft324, ["node001"])
    assert (report.mean_hops, report.leaves, report.levels, report.verdict) == (
        None, {"leaf01": 1}, 1, "1 host on 1 leaf: nothing to compare.",
    )  # fmt: skip


def test_ft324_hosts_of_a_leaf_that_is_down_have_no_link() -> None:
    fabric = dump("ft324-1-before")
    fabric.cut("leaf02")
    report = place(Topology.of(fabric.view(), {}), nodes(1, 2, 19, 20))
    assert (report.hosts, report.unlinked, report.mean_hops) == (("node001", "node002"), ("node019", "node020"), 1.0)
    assert report.doubts == ("Without a link then: node019, node020.",)


def test_ft324_after_the_failures_the_unplugged_host_is_absent() -> None:
    topology = Topology.of(dump("ft324-4-failures").view(), {})
    report = place(topology, nodes(*range(10, 20)))
    # node018 is unplugged and node011 silent, so this one dump has neither. spine09 is gone, which no hop count shows:
    # 7 on leaf01 (42 at 1) and node019 on leaf02 (14 at 3).
    assert (report.absent, report.mean_hops) == (("node011", "node018"), (42 + 14 * 3) / 56)


def test_a_run_nobody_knows_a_place_of_says_so(ft324: Topology) -> None:
    report = place(ft324, ["ghost"])
    assert (report.mean_hops, report.verdict) == (
        None,
        "None of the run's hosts has a place in the fabric at that time.",
    )


# Stragglers and swaps


def test_a_host_that_another_run_held_is_not_proposed() -> None:
    report = swapped(ft(), nodes(1, 2, 3, 9), free=nodes(5, 10))
    assert [s.host for s in report.stragglers] == ["node009"]
    assert report.swaps == ()
    assert report.verdict.endswith("No host that was free and could take the job would have been better.")


def test_without_knowledge_of_free_hosts_no_swap_is_proposed_and_that_is_said() -> None:
    topology = ft()
    report = proposed(topology, place(topology, nodes(1, 2, 3, 9)), None)
    assert report.swaps == ()
    assert report.doubts == ("Which hosts were free when the run started is not known, so no swap is proposed.",)


def test_two_stragglers_are_swapped_one_after_the_other() -> None:
    topology = ft(leaves=3, down=10)
    run = nodes(1, 2, 3, 4, 5, 6, 7, 8, 11, 21)
    report = swapped(topology, run, free=nodes(9, 10, 12))
    # 8 on leaf01 and two alone: 56 pairs at 1, 34 at 3. One swapped: 72 at 1, 18 at 3. Both: 90 at 1.
    assert report.mean_hops == (56 + 34 * 3) / 90
    assert report.swaps == (
        Swap("node011", "node009", (56 + 34 * 3) / 90, (72 + 18 * 3) / 90, ("leaf01",)),
        Swap("node021", "node010", (72 + 18 * 3) / 90, 1.0, ("leaf01",)),
    )
    assert report.verdict.endswith(
        "2 hosts stand out: node011, node021. node009 was free and would have been better than node011; "
        "with all 2 swaps the mean is 1.00."
    )


def test_of_hosts_alike_the_one_without_a_doubt_is_taken_and_doubts_of_the_others_are_not_told() -> None:
    doubts = {"node003": ("its partition is not known",)}
    report = swapped(ft(), nodes(1, 2, 9), free=nodes(3, 4), doubts=doubts)
    assert [(s.candidate, s.doubts) for s in report.swaps] == [("node004", ())]
    report = swapped(ft(), nodes(1, 2, 9), free=nodes(3), doubts=doubts)
    assert [(s.candidate, s.doubts) for s in report.swaps] == [("node003", ("its partition is not known",))]
    assert report.doubts == ("node003: its partition is not known.",)


def test_a_host_is_offered_only_to_those_it_could_stand_in_for() -> None:
    topology = ft(leaves=3, down=10)
    report = place(topology, nodes(1, 2, 3, 4, 5, 6, 7, 8, 11, 21))
    report = proposed(topology, report, {"node011": {}, "node021": {"node009": ()}})
    assert [(s.straggler, s.candidate) for s in report.swaps] == [("node021", "node009")]


def test_only_hosts_that_would_help_are_asked_about_the_best_first() -> None:
    topology = Topology.of(three_levels([[4, 4, 4], [4, 4, 4]]).view(), {})
    report = place(topology, nodes(1, 2, 3, 4, 5, 6, 7, 13, digits=5))
    # In the straggler's place: p1leaf2 with three of the run (8), p1leaf3 (9 to 12); p1leaf1 is full, pod 2 no better.
    assert helpful(topology, report) == nodes(8, 9, 10, 11, 12, digits=5)
    assert helpful(topology, place(topology, nodes(1, 2, digits=5))) == []


def test_a_big_minority_is_a_shape_and_no_straggler() -> None:
    # 11 hosts on leaf01 and 5 on leaf02: 5 have mean (4 + 33) / 15 = 2.47 against 1.67, but are a third of the run.
    topology = ft(leaves=2, down=12)
    report = swapped(topology, nodes(*range(1, 12), *range(13, 18)), free=nodes(12))
    assert (report.stragglers, report.swaps) == ((), ())
    assert report.leaves == {"leaf01": 11, "leaf02": 5}
    # 11 and 3: three of fourteen stand out.
    report = place(topology, nodes(*range(1, 12), *range(13, 16)))
    assert [s.host for s in report.stragglers] == nodes(13, 14, 15)


def test_what_the_run_could_not_have_had_is_no_room_for_the_best() -> None:
    # On the whole fabric 4 fit a leaf; of its partition each leaf has two: 2 + 2 is best, 4 at 1 and 8 at 3.
    partition = nodes(1, 2, 5, 6, 9, 10)
    report = place(ft(), nodes(1, 2, 5, 6), usable=partition)
    assert report.mean_hops == report.best_hops == (4 + 8 * 3) / 12
    assert (report.best, report.leaves_minimum) == ("optimal", 2)
    assert report.verdict.startswith("As tight as its partition allows: 4 hosts on 2 leaves")
    # Its own hosts are room, whatever is told of them: 1, 2, 3 and 4 fit leaf01.
    assert place(ft(), nodes(1, 2, 3, 9), usable=nodes(4, 5)).best_hops == 1.0


# Three levels


def pods() -> Topology:
    """Two pods of three leaves with four hosts: 1-4, 5-8, 9-12 in the first, 13-16, 17-20, 21-24 in the second.

    Leaf to leaf 3 in a pod, 5 across (leaf, spine, core, spine, leaf).
    """
    return Topology.of(three_levels([[4, 4, 4], [4, 4, 4]], spines=2, cores=2).view(), {})


def test_a_run_that_fills_a_pod_is_as_tight_as_can_be() -> None:
    report = place(pods(), nodes(*range(1, 13), digits=5))
    # 3 * 12 = 36 at 1, 132 - 36 = 96 at 3.
    assert report.mean_hops == report.best_hops == (36 + 96 * 3) / 132
    assert (report.best, report.leaves_minimum, report.levels, report.levels_minimum) == ("optimal", 3, 2, 2)


def test_a_run_over_the_core_that_fits_a_pod_is_told_so() -> None:
    report = place(pods(), nodes(1, 2, 3, 4, 13, 14, 15, 16, digits=5))
    # 24 at 1 either way; 32 at 5, at best 32 at 3.
    assert (report.mean_hops, report.best_hops, report.best) == ((24 + 160) / 56, (24 + 96) / 56, "optimal")
    assert (report.levels, report.levels_minimum) == (3, 2)
    assert report.verdict == (
        "8 hosts on 2 leaves, over core switches where spine switches would do; "
        "mean 3.29 switches between two hosts, 2.14 at best."
    )


def test_the_straggler_in_the_other_pod_comes_to_the_leaf_where_most_of_its_pod_are() -> None:
    run = nodes(1, 2, 3, 4, 5, 6, 7, 13, digits=5)
    report = swapped(pods(), run, free=nodes(8, 9, 14, digits=5))
    # 12 + 6 at 1, 24 at 3, 14 at 5: 18 + 72 + 70 = 160. With 8 on p1leaf2: 24 at 1, 32 at 3: 120.
    assert report.mean_hops == 160 / 56
    assert report.stragglers == (Straggler("node00013", ("p2leaf1",), 5.0),)
    assert report.swaps == (Swap("node00013", "node00008", 160 / 56, 120 / 56, ("p1leaf2",)),)
    # That one taken: 9 on p1leaf3, 18 at 1 and 38 at 3: 132. A third leaf, but no core.
    report = swapped(pods(), run, free=nodes(9, 14, digits=5))
    assert report.swaps == (Swap("node00013", "node00009", 160 / 56, 132 / 56, ("p1leaf3",)),)


def test_one_host_more_than_a_pod_holds_is_nobodys_fault() -> None:
    report = swapped(pods(), nodes(*range(1, 13), 24, digits=5), free=nodes(13, digits=5))
    # As the full pod, and 24 pairs at 5, of 13 * 12 = 156.
    assert report.mean_hops == report.best_hops == (36 + 96 * 3 + 24 * 5) / 156
    assert (report.best, report.stragglers, report.swaps) == ("optimal", (), ())


def test_larger_than_a_pod_the_best_is_still_exact() -> None:
    report = place(pods(), nodes(*range(1, 9), *range(13, 21), digits=5))
    # 16 hosts, 8 + 8: 4 leaves, 48 at 1, 2 * 32 at 3, 128 at 5: 48 + 192 + 640 = 880.
    # Best 12 + 4: 48 at 1, 96 at 3, 2 * 48 = 96 at 5: 48 + 288 + 480 = 816.
    assert (report.mean_hops, report.best_hops, report.best) == (880 / 240, 816 / 240, "optimal")
    assert (report.levels, report.levels_minimum, report.leaves_minimum) == (3, 3, 4)


def test_everyone_alone_in_one_pod_and_one_in_the_other_has_a_straggler() -> None:
    report = place(pods(), nodes(1, 5, 9, 13, digits=5))
    # 6 at 3 and 6 at 5. The three have (3 + 3 + 5) / 3 = 3.67, the fourth 5.
    assert report.mean_hops == (18 + 30) / 12
    assert [s.host for s in report.stragglers] == ["node00013"]


def test_a_third_of_the_run_in_another_pod_are_no_stragglers_though_few_on_each_leaf() -> None:
    # 8 in the first pod, 4 in the second on two leaves: 2 of 12 on a leaf, but 4 nearer to each other than to the rest.
    report = place(pods(), nodes(*range(1, 9), 13, 14, 17, 18, digits=5))
    assert report.stragglers == ()


def test_a_host_on_a_spine_is_counted_where_it_hangs() -> None:
    fabric = two_levels([4, 4], spines=1)
    fabric.host("login", fabric.by_name["spine01"])
    report = place(Topology.of(fabric.view(), {}), ["node001", "node005", "login"])
    # leaf to spine 2 switches, leaf to leaf 3: 4 * 2 + 2 * 3.
    assert (report.mean_hops, report.histogram, report.levels) == (14 / 6, {2: 2, 3: 1}, 2)


def test_on_a_ring_the_best_is_a_bound_and_levels_are_not_told() -> None:
    fabric = Fabric()
    ring = [fabric.switch(f"s{i}") for i in range(4)]
    for i, switch in enumerate(ring):
        fabric.link(switch, ring[(i + 1) % 4])
        fabric.host(f"node{i}", switch)
    report = place(Topology.of(fabric.view(), {}), ["node0", "node1", "node2"])
    # Two pairs of neighbours at 2, one opposite at 3: as good as can be, but all that is known is that 2 is the least.
    assert (report.mean_hops, report.best_hops, report.best) == (14 / 6, 2.0, "bound")
    assert report.verdict.endswith("mean 2.33 switches between two hosts, no less than 2.00.")
    report = place(Topology.of(fabric.view(), {}), ["node0", "node2"])
    assert (report.mean_hops, report.best_hops, report.best) == (3.0, 2.0, "optimal")
    assert (report.levels, report.levels_minimum) == (None, None)


# Parts


def test_hosts_cut_off_from_the_others_are_left_out() -> None:
    fabric = two_levels([3], spines=1)
    fabric.host("node099", fabric.switch("island"))
    report = place(Topology.of(fabric.view(), {}), nodes(1, 2, 99))
    assert (report.hosts, report.cut_off, report.mean_hops) == (("node001", "node002"), ("node099",), 1.0)
    assert report.doubts == ("Without a route to the others then: node099.",)


def test_of_two_hosts_in_two_parts_one_is_left() -> None:
    fabric = two_levels([3], spines=1)
    fabric.host("node099", fabric.switch("island"))
    report = place(Topology.of(fabric.view(), {}), nodes(1, 99))
    assert (report.hosts, report.cut_off, report.mean_hops) == (("node001",), ("node099",), None)
    assert report.verdict == "1 of 2 hosts on 1 leaf: nothing to compare."


# Rails


def rails(crossed: bool = False) -> Fabric:
    """Eight hosts with two rails, each rail a tree of its own leaves under one spine: 1-4 on r0leaf1 and r1leaf1, 5-8
    on r0leaf2 and r1leaf2. `crossed`: node004's second cable is in r1leaf2."""
    fabric = Fabric()
    spine = fabric.switch("spine")
    leaf = {name: fabric.switch(name) for name in ("r0leaf1", "r0leaf2", "r1leaf1", "r1leaf2")}
    for one in leaf.values():
        fabric.link(one, spine)
    for n in range(1, 9):
        half = 1 if n <= 4 else 2
        second = 2 if crossed and n == 4 else half
        fabric.host(f"node{n:03}", leaf[f"r0leaf{half}"], leaf[f"r1leaf{second}"])
    return fabric


def test_every_rail_is_reported() -> None:
    report = place(Topology.of(rails().view(), {}), nodes(1, 2, 5))
    # On either rail: 2 at 1, 4 at 3.
    assert (report.mean_hops, report.best_hops, report.best) == (14 / 6, 1.0, "optimal")
    assert [(rail.name, rail.leaves, rail.mean_hops, rail.histogram) for rail in report.rails] == [
        ("mlx5_0/1", {"r0leaf1": 2, "r0leaf2": 1}, 14 / 6, {1: 1, 3: 2}),
        ("mlx5_1/1", {"r1leaf1": 2, "r1leaf2": 1}, 14 / 6, {1: 1, 3: 2}),
    ]
    assert report.rails[0].hops.tolist() == [[1, 3], [3, 1]]
    assert (report.leaves_minimum, report.levels, report.levels_minimum) == (2, 2, 1)
    assert "3 hosts on 4 leaves where 2 would do" in report.verdict
    assert "worst rail" not in report.verdict


def test_a_cable_in_the_wrong_leaf_shows_on_its_rail_which_is_the_one_that_counts() -> None:
    topology = Topology.of(rails(crossed=True).view(), {})
    report = swapped(topology, nodes(1, 2, 3, 4), free=nodes(5, 6))
    # Rail 0: 12 at 1. Rail 1: 6 at 1, 6 at 3, and so the worst of both.
    assert report.mean_hops == (6 + 18) / 12
    assert [(rail.name, rail.mean_hops) for rail in report.rails] == [("mlx5_0/1", 1.0), ("mlx5_1/1", 2.0)]
    assert report.stragglers == (Straggler("node004", ("r0leaf1", "r1leaf2"), 3.0),)
    assert report.swaps == ()
    assert "mlx5_1/1 is the worst rail with 2.00." in report.verdict
    # No four hosts are alike on both rails but 5 to 8.
    assert (report.best_hops, report.best) == (1.0, "optimal")


def test_a_straggler_with_two_rails_is_swapped_for_a_host_on_both_leaves() -> None:
    report = swapped(Topology.of(rails().view(), {}), nodes(1, 2, 3, 5), free=nodes(4, 6))
    assert report.swaps == (Swap("node005", "node004", 2.0, 1.0, ("r0leaf1", "r1leaf1")),)


def test_a_rail_that_is_down_says_nothing_while_the_host_has_another() -> None:
    fabric = rails()
    fabric.cut("node002 mlx5_1")
    report = place(Topology.of(fabric.view(), {}), nodes(1, 2, 3))
    assert (report.hosts, report.mean_hops) == (tuple(nodes(1, 2, 3)), 1.0)
    assert [(rail.name, rail.without) for rail in report.rails] == [("mlx5_0/1", ()), ("mlx5_1/1", ("node002",))]
    assert report.doubts == ("A rail was down, and the host's others count: node002 mlx5_1/1.",)


def test_rails_without_any_order_have_no_best_and_no_swaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "MOST_SEATS", 2)
    report = swapped(ft(), nodes(1, 2, 3, 9), free=[])
    assert (report.mean_hops, report.best_hops, report.best, report.leaves_minimum) == (2.0, None, "bound", None)
    assert report.verdict == ("4 hosts on 2 leaves; mean 2.00 switches between two hosts, the best is not known.")
    assert report.doubts == ("Rails hang in 3 different ways: neither best nor swaps are looked for.",)
    assert helpful(ft(), report) == []


def test_a_host_with_all_rails_down_has_no_link() -> None:
    fabric = rails()
    fabric.cut("node002 mlx5_0", "node002 mlx5_1")
    report = place(Topology.of(fabric.view(), {}), nodes(1, 2, 3))
    assert (report.hosts, report.unlinked) == (tuple(nodes(1, 3)), ("node002",))


def test_hosts_without_a_route_on_one_rail_are_left_out_and_it_is_said_that_it_is_one_rail() -> None:
    fabric = rails()
    uplink = {fabric.by_name["r1leaf2"], fabric.by_name["spine"]}
    fabric.down = {j for j, (a, _, b, _) in enumerate(fabric.links) if {a, b} == uplink}
    report = place(Topology.of(fabric.view(), {}), nodes(1, 2, 5))
    assert (report.hosts, report.cut_off) == (tuple(nodes(1, 2)), ("node005",))
    assert report.doubts == ("Without a route to the others on some rail then: node005.",)
    assert report.rails[1].leaves == {"r1leaf1": 2}

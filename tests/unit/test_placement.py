"""Placement reports against figures worked out by hand on small trees."""

import numpy as np
import pytest

from unit.fakes import CA, SWITCH, FakeFabrics, guid, tree
from weft.fabric.placement import Swap, mean_hops, place
from weft.fabric.topology import Topology


def ft(leaves: int = 3, spines: int = 2, down: int = 4) -> Topology:
    """Hosts 1..4 on leaf01, 5..8 on leaf02, 9..12 on leaf03 (by default)."""
    return Topology.of(tree(FakeFabrics(), leaves, spines, down).view(0), {})


def nodes(*numbers: int) -> list[str]:
    return [f"node{n:03}" for n in numbers]


def test_mean_hops_counts_every_ordered_pair() -> None:
    assert mean_hops(np.array([[0, 1, 3], [1, 0, 3], [5, 3, 0]], np.int16)) == 16 / 6


@pytest.mark.parametrize("hops", [[[0]], [[0, 1]], [[0, -1], [1, 0]], [[0, 0], [1, 0]]])
def test_mean_hops_refuses_what_is_no_matrix_of_routes(hops: list[list[int]]) -> None:
    with pytest.raises(ValueError):
        mean_hops(np.array(hops, np.int16))


def test_a_run_on_one_leaf_is_as_tight_as_can_be() -> None:
    report = place(ft(), nodes(1, 2, 3, 4), free=set())
    assert (report.mean_hops, report.best_hops, report.best) == (1.0, 1.0, "optimal")
    assert (report.leaves, report.leaves_minimum) == ({"leaf01": 4}, 1)
    assert (report.histogram, report.stragglers, report.swaps) == ({1: 6}, (), ())
    assert report.verdict == (
        "As tight as this fabric allows: 4 hosts on 1 leaf, mean 1.00 switches between two hosts."
    )


def test_one_straggler_is_found_with_the_host_that_would_straighten_it() -> None:
    report = place(ft(), nodes(1, 2, 3, 9), free=set(nodes(4, 5, 10)))
    # 6 ordered pairs on leaf01 at 1, 6 between leaf01 and leaf03 at 3: (6 + 18) / 12.
    assert (report.mean_hops, report.best_hops, report.best) == (2.0, 1.0, "optimal")
    assert report.histogram == {1: 3, 3: 3}
    assert [(s.host, s.leaves, s.mean_hops) for s in report.stragglers] == [("node009", ("leaf03",), 3.0)]
    assert report.swaps == (Swap("node009", "node004", 2.0, 1.0),)
    assert report.verdict == (
        "4 hosts on 2 leaves where 1 would do; mean 2.00 switches between two hosts, 1.00 at best. "
        "node009 on leaf03 stands out with 3.00. node004 was free and would have been better than node009 (mean 1.00)."
    )
    assert report.doubts == (
        "Whether node004 could have taken the job (partition, features, node state) is not known.",
    )


def test_a_host_that_another_run_held_is_not_proposed() -> None:
    report = place(ft(), nodes(1, 2, 3, 9), free=set(nodes(5, 10)))
    assert [s.host for s in report.stragglers] == ["node009"]
    assert report.swaps == ()


def test_without_knowledge_of_free_hosts_no_swap_is_proposed_and_that_is_said() -> None:
    report = place(ft(), nodes(1, 2, 3, 9), free=None)
    assert report.swaps == ()
    assert report.doubts == ("Which hosts were free when the run started is not known, so no swap is proposed.",)


def test_an_even_spread_has_no_straggler() -> None:
    report = place(ft(), nodes(1, 5, 9), free=set(nodes(2, 3, 4)))
    assert (report.mean_hops, report.leaves_minimum, report.stragglers, report.swaps) == (3.0, 1, (), ())
    assert report.verdict == "3 hosts on 3 leaves where 1 would do; mean 3.00 switches between two hosts, 1.00 at best."


def test_one_host_more_than_a_leaf_holds_is_nobodys_fault() -> None:
    report = place(ft(), nodes(1, 2, 3, 4, 5), free=set(nodes(6, 7, 8)))
    # 4 on a leaf and 1 beside it: 12 ordered pairs at 1, 8 at 3; 3 + 2 would be 6 + 2 at 1 and 12 at 3: worse.
    assert report.mean_hops == report.best_hops == (12 + 24) / 20
    assert (report.best, report.leaves_minimum) == ("optimal", 2)
    assert report.swaps == ()
    assert report.verdict == (
        "As tight as this fabric allows: 5 hosts on 2 leaves, mean 1.80 switches between two hosts."
    )


def test_two_stragglers_are_swapped_one_after_the_other() -> None:
    topology = ft(leaves=3, down=10)
    run = nodes(1, 2, 3, 4, 5, 6, 7, 8, 11, 21)
    report = place(topology, run, free=set(nodes(9, 10, 12)))
    # 8 on leaf01 and two alone: 56 pairs at 1, 34 at 3. One swapped: 72 at 1, 18 at 3. Both: 90 at 1.
    assert report.mean_hops == (56 + 34 * 3) / 90
    assert report.swaps == (
        Swap("node011", "node009", (56 + 34 * 3) / 90, (72 + 18 * 3) / 90),
        Swap("node021", "node010", (72 + 18 * 3) / 90, 1.0),
    )
    assert report.verdict.endswith(
        "2 hosts stand out: node011, node021. node009 was free and would have been better than node011; "
        "with all 2 swaps the mean is 1.00."
    )


def test_a_big_minority_is_a_shape_and_no_straggler() -> None:
    # 11 hosts on leaf01 and 5 on leaf02: 5 have mean (4 + 33) / 15 = 2.47 against 1.67, but are a third of the run.
    report = place(ft(leaves=2, down=12), nodes(*range(1, 12), *range(13, 18)), free=set(nodes(12)))
    assert (report.stragglers, report.swaps) == ((), ())
    assert report.leaves == {"leaf01": 11, "leaf02": 5}
    # 12 and 4: a quarter stands out.
    report = place(ft(leaves=2, down=12), nodes(*range(1, 13), *range(13, 17)), free=set())
    assert [s.host for s in report.stragglers] == nodes(13, 14, 15, 16)


def test_unknown_hosts_are_left_out_and_named() -> None:
    report = place(ft(), ["NODE001.site.example", "node002", "ghost"], free=set())
    assert (report.hosts, report.left_out, report.mean_hops) == (("node001", "node002"), ("ghost",), 1.0)
    assert report.doubts == ("Left out, without a place or a route in the fabric then: ghost.",)
    assert "2 of 3 hosts on 1 leaf" in report.verdict


def test_a_run_nobody_knows_a_place_of_says_so() -> None:
    report = place(ft(), ["ghost"], free=set())
    assert (report.mean_hops, report.verdict) == (
        None,
        "None of the run's hosts has a place in the fabric at that time.",
    )


def test_a_single_host_has_nothing_to_compare() -> None:
    report = place(ft(), ["node001"], free=set())
    assert (report.mean_hops, report.leaves, report.verdict) == (
        None, {"leaf01": 1}, "1 host on 1 leaf: nothing to compare.",
    )  # fmt: skip


def test_hosts_cut_off_from_the_others_are_left_out() -> None:
    fabrics = tree(FakeFabrics(), leaves=1, spines=1, down=3)
    fabrics.node(guid("a", 9), SWITCH, "island")
    fabrics.node(guid("c", 99), CA, "node099 mlx5_0")
    fabrics.connect((guid("a", 9), 1), (guid("c", 99), 1))
    report = place(Topology.of(fabrics.view(0), {}), nodes(1, 2, 99), free=set())
    assert (report.hosts, report.left_out, report.mean_hops) == (("node001", "node002"), ("node099",), 1.0)


def pods() -> Topology:
    """A three-level tree: two pods of two leaves (2 hosts each) under a spine, the spines joined by a core."""
    fabrics = FakeFabrics()
    fabrics.node(guid("d", 1), SWITCH, "core01")
    for pod in (1, 2):
        fabrics.node(guid("b", pod), SWITCH, f"spine0{pod}")
        fabrics.connect((guid("b", pod), 36), (guid("d", 1), pod))
        for k in (1, 2):
            leaf = (pod - 1) * 2 + k
            fabrics.node(guid("a", leaf), SWITCH, f"leaf0{leaf}")
            fabrics.connect((guid("a", leaf), 36), (guid("b", pod), k))
            for d in (1, 2):
                n = (leaf - 1) * 2 + d
                fabrics.node(guid("c", n), CA, f"node{n:03} mlx5_0")
                fabrics.connect((guid("a", leaf), d), (guid("c", n), 1))
    return Topology.of(fabrics.view(0), {})


def test_on_three_levels_a_run_that_fits_a_pod_has_an_exact_optimum() -> None:
    report = place(pods(), nodes(1, 2, 5, 6), free=set())
    # Leaf to leaf: 3 in a pod, 5 across (leaf, spine, core, spine, leaf). 4 pairs at 1, 8 at 5; best 8 at 3.
    assert (report.mean_hops, report.best_hops, report.best) == ((4 + 40) / 12, (4 + 24) / 12, "optimal")


def test_on_three_levels_a_larger_run_has_a_bound() -> None:
    report = place(pods(), nodes(1, 2, 3, 4, 5, 6), free=set())
    # Three leaves: 6 pairs at 1, leaf01-leaf02 8 at 3, leaf03 with both 16 at 5; the bound takes 3 for all 24.
    assert (report.mean_hops, report.best_hops, report.best) == ((6 + 24 + 80) / 30, (6 + 72) / 30, "bound")
    assert "no less than 2.60" in report.verdict

"""The tightest placement against a search of every choice on small fabrics."""

from itertools import combinations, product
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from unit.trees import Fabric, three_levels, two_levels
from weft.fabric.packing import Tightest, closed, fewest_leaves, tightest
from weft.fabric.topology import Topology


def seats(fabric: Fabric) -> tuple[NDArray[np.int16], NDArray[np.int64], Topology]:
    """Hops between the seats of a fabric, and how many hosts each has."""
    topology = Topology.of(fabric.view(), {})
    every = np.arange(len(topology.seats.leaf))
    return topology.seat_hops(every), np.bincount(list(topology.seats.of.values()), minlength=len(every)), topology


def searched(hops: NDArray[np.int16], room: NDArray[np.int64], n: int) -> int | None:
    """The fewest hops over all ordered pairs of n hosts, by trying every way to share them out over the seats."""
    best = None
    for taken in product(*(range(min(int(own), n) + 1) for own in room)):
        used = [i for i, own in enumerate(taken) if own]
        if sum(taken) != n or any(hops[i, k] < 1 for i in used for k in used):
            continue
        total = sum(taken[i] * (taken[k] - (i == k)) * int(hops[i, k]) for i in used for k in used)
        best = total if best is None else min(best, total)
    return best


def test_two_levels_filled_unevenly_take_the_fullest_leaves() -> None:
    hops, room, _ = seats(two_levels([3, 5, 2, 4]))
    # 6 of 5 + 4 + 3 + 2: 5 on a leaf (20 ordered pairs at 1) and 1 beside (10 at 3).
    assert tightest(hops, room, 6) == Tightest(20 + 30, True, 3)
    # 5 fit a leaf: 20 at 1, and no two of them are farther.
    assert tightest(hops, room, 5) == Tightest(20, True, 1)


def test_in_three_levels_a_fuller_pod_beats_the_fullest_leaf() -> None:
    hops, room, _ = seats(three_levels([[4, 1], [3, 3]]))
    # 3 + 3 in the second pod: 12 ordered pairs at 1, 18 at 3. From the leaf of 4 on: 12 at 1, with the one beside it 8
    # at 3, with one in the other pod 10 at 5: 12 + 24 + 50.
    assert tightest(hops, room, 6) == Tightest(12 + 54, True, 3)


def test_more_than_a_pod_goes_over_a_core() -> None:
    hops, room, _ = seats(three_levels([[2, 2], [2, 2]]))
    # 4 in one pod (4 pairs at 1, 8 at 3) and 2 on a leaf of the other (2 at 1, 16 at 5).
    assert tightest(hops, room, 6) == Tightest(6 + 24 + 80, True, 5)


@pytest.mark.parametrize("seed", range(12))
def test_on_trees_it_is_what_a_search_of_every_choice_finds(seed: int) -> None:
    random = Random(seed)
    pods = [[random.randint(0, 4) for _ in range(random.randint(1, 3))] for _ in range(random.randint(1, 3))]
    hops, room, _ = seats(three_levels(pods, spines=random.randint(1, 2)))
    for n in range(2, min(9, int(room.sum())) + 1):
        found = tightest(hops, room, n)
        assert found is not None
        assert (found.total, found.exact) == (searched(hops, room, n), True), (pods, n)


@pytest.mark.parametrize("seed", range(12))
def test_on_any_fabric_it_is_a_bound_and_exact_when_it_says_so(seed: int) -> None:
    random = Random(seed)
    fabric = Fabric()
    switches = [fabric.switch(f"s{i}") for i in range(6)]
    for i, switch in enumerate(switches):
        for k in range(random.randint(0, 3)):
            fabric.host(f"h{i}{k}", switch)
    for a, b in combinations(switches, 2):
        if random.random() < 0.4:
            fabric.link(a, b)
    hops, room, _ = seats(fabric)
    told = 0
    for n in range(2, 6):
        found, best = tightest(hops, room, n), searched(hops, room, n)
        if best is None or found is None:
            assert found is None or not found.exact
            assert best is None or found is not None
            continue
        assert found.total == best if found.exact else found.total <= best
        told += found.exact
    assert told


def test_a_ring_of_four_has_a_bound_alone() -> None:
    fabric = Fabric()
    ring = [fabric.switch(f"s{i}") for i in range(4)]
    for i, switch in enumerate(ring):
        fabric.link(switch, ring[(i + 1) % 4])
        fabric.host(f"h{i}", switch)
    hops, room, _ = seats(fabric)
    # Neighbours 2 apart, opposite ones 3: of 3 hosts two pairs at 2 and one at 3, ordered 4 * 2 + 2 * 3 = 14; the
    # bound has 2 for all six.
    assert (tightest(hops, room, 3), searched(hops, room, 3)) == (Tightest(12, False, 2), 14)
    assert tightest(hops, room, 2) == Tightest(4, True, 2)


def test_hosts_of_two_parts_are_never_put_together() -> None:
    fabric = two_levels([3])
    lone = fabric.switch("island")
    for i in range(2):
        fabric.host(f"far{i}", lone)
    hops, room, topology = seats(fabric)
    assert tightest(hops, room, 3) == Tightest(6, True, 1)
    assert tightest(hops, room, 4) is None
    assert fewest_leaves(hops, topology.seats.leaf, room, 3) == 1
    assert fewest_leaves(hops, topology.seats.leaf, room, 4) == 0


def test_the_fewest_leaves_are_the_fullest() -> None:
    hops, room, topology = seats(two_levels([3, 5, 2, 4]))
    assert [fewest_leaves(hops, topology.seats.leaf, room, n) for n in (1, 5, 6, 9, 10, 13, 14)] == [
        1, 1, 2, 2, 3, 4, 4,
    ]  # fmt: skip


def test_what_hangs_together_by_many_steps_has_one_first_row() -> None:
    near = np.eye(7, dtype=bool)
    for a, b in ((6, 4), (4, 2), (2, 5), (1, 3)):
        near[a, b] = near[b, a] = True
    assert closed(near).tolist() == [0, 1, 2, 1, 2, 2, 2]

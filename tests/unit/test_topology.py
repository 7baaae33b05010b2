"""Topology: who hangs on which switch, and hop counts against hand counts and ibtracert."""

import re
from pathlib import Path
from random import Random

import numpy as np
import pytest

from unit.fakes import CA, SWITCH, FakeFabrics, guid, tree
from unit.trees import Fabric, read_ibnetdiscover, three_levels
from weft.fabric.topology import HostNames, Topology, unique_names

NO_TABLE: dict[str, str] = {}


def test_hops_of_the_ft324_tree_are_those_counted_by_hand(data: Path) -> None:
    topology = Topology.of(read_ibnetdiscover(data / "ib/ft324-1-before/ibnetdiscover.txt").view(), NO_TABLE)
    assert (len(topology.switches), len(topology.hosts)) == (27, 324)
    # node001 and node002 hang on leaf01, node019 on leaf02 (18 hosts a leaf), node324 on leaf18.
    hops = topology.hop_matrix(["node001", "node002", "node019", "node324"])
    assert hops.tolist() == [[0, 1, 3, 3], [1, 0, 3, 3], [3, 3, 0, 3], [3, 3, 3, 0]]


def test_hops_agree_with_ibtracert(data: Path) -> None:
    folder = data / "ib/ft324-1-before"
    topology = Topology.of(read_ibnetdiscover(folder / "ibnetdiscover.txt").view(), NO_TABLE)
    trace = (folder / "ibtracert.txt").read_text()
    ends = re.findall(r'^(?:From|To) ca .*"(\w+) mlx5_0"', trace, re.MULTILINE)
    crossed = len(re.findall(r"^\[\d+\] -> switch ", trace, re.MULTILINE))
    assert (ends, crossed) == (["node001", "node324"], 3)
    assert topology.hop_matrix(ends)[0, 1] == crossed


def test_distances_are_those_of_a_plain_search() -> None:
    fabrics = FakeFabrics()
    pairs = [(1, 2), (2, 3), (3, 4), (4, 5), (5, 1), (5, 6), (7, 8)]
    for n in range(1, 10):
        fabrics.node(guid("a", n), SWITCH, f"s{n}")
    for k, (a, b) in enumerate(pairs):
        fabrics.connect((guid("a", a), 10 + k), (guid("a", b), 20 + k))
    near = {n: {b for a, b in [*pairs, *((b, a) for a, b in pairs)] if a == n} for n in range(1, 10)}
    expected = np.full((9, 9), -1)
    for start in near:
        seen, step, edge = {start}, 0, {start}
        while edge:
            for n in edge:
                expected[start - 1, n - 1] = step
            edge = {m for n in edge for m in near[n]} - seen
            seen |= edge
            step += 1
    assert Topology.of(fabrics.view(0), NO_TABLE).switch_distances().tolist() == expected.tolist()


def test_distances_reach_over_more_than_64_switches() -> None:
    fabrics = FakeFabrics()
    for n in range(1, 131):
        fabrics.node(guid("a", n), SWITCH, f"s{n}")
    for n in range(1, 130):
        fabrics.connect((guid("a", n), 2), (guid("a", n + 1), 1))
    far = Topology.of(fabrics.view(0), NO_TABLE).switch_distances()
    assert far.tolist() == [[abs(i - j) for j in range(130)] for i in range(130)]


@pytest.mark.parametrize(("switches", "width"), [(64, 1), (65, 2)])
def test_two_distances_and_one_more_are_never_too_many_for_their_type(switches: int, width: int) -> None:
    fabrics = FakeFabrics()
    for n in range(1, switches + 1):
        fabrics.node(guid("a", n), SWITCH, f"s{n}")
    for n in range(1, switches):
        fabrics.connect((guid("a", n), 2), (guid("a", n + 1), 1))
    far = Topology.of(fabrics.view(0), NO_TABLE).switch_distances()
    assert far.itemsize == width
    assert int(far[0, -1] + 1 + far[-1, 0]) == 2 * (switches - 1) + 1


def test_a_link_that_is_down_is_no_way() -> None:
    fabrics = tree(FakeFabrics(), leaves=2, spines=1, down=2)
    spine_link = fabrics.links.index(next(c for c in fabrics.links if c.cable == "u02-01-0"))
    fabrics.states[spine_link] = type(fabrics.states[spine_link])(
        fabrics.links[spine_link].id, "down", None, None, fabrics.links[spine_link].span, None, 0
    )
    topology = Topology.of(fabrics.view(0), NO_TABLE)
    assert topology.hop_matrix(["node001", "node002", "node003"]).tolist() == [[0, 1, -1], [1, 0, -1], [-1, -1, 0]]


def test_a_host_whose_own_link_is_down_or_that_is_unknown_has_no_route() -> None:
    fabrics = FakeFabrics(sweeps=[0, 10])
    fabrics.node(guid("a", 1), SWITCH, "leaf01")
    for n in (1, 2):
        fabrics.node(guid("c", n), CA, f"node00{n} mlx5_0")
    fabrics.connect((guid("a", 1), 1), (guid("c", 1), 1), down_ms=10)
    fabrics.connect((guid("a", 1), 2), (guid("c", 2), 1))
    topology = Topology.of(fabrics.view(10), NO_TABLE)
    assert topology.hosts["node001"][0].leaf == -1
    assert topology.hop_matrix(["node001", "node002", "ghost"]).tolist() == [[0, -1, -1], [-1, 0, -1], [-1, -1, 0]]
    assert Topology.of(fabrics.view(0), NO_TABLE).hop_matrix(["node001", "node002"]).tolist() == [[0, 1], [1, 0]]


def two_rails() -> FakeFabrics:
    """Hosts 1 and 2: rail 0 on leaf01 both; rail 1 on leaf02 and leaf03 (through spine01). Host 3: rail 0 only."""
    fabrics = FakeFabrics()
    for n, name in enumerate(("leaf01", "leaf02", "leaf03"), 1):
        fabrics.node(guid("a", n), SWITCH, name)
    fabrics.node(guid("b", 1), SWITCH, "spine01")
    for n in (2, 3):
        fabrics.connect((guid("a", n), 36), (guid("b", 1), n))
    for host, rails in ((1, (1, 2)), (2, (1, 3)), (3, (1,))):
        for rail, leaf in enumerate(rails):
            node = fabrics.node(guid("c", host * 10 + rail), CA, f"node{host:03} mlx5_{rail}")
            fabrics.connect((guid("a", leaf), host), (node, 1))
    return fabrics


def test_of_several_rails_the_worst_counts() -> None:
    topology = Topology.of(two_rails().view(0), NO_TABLE)
    # 1-2: rail 0 shares leaf01 (1), rail 1 crosses leaf02, spine01, leaf03 (3). With 3 only rail 0 is in common.
    assert topology.hop_matrix(["node001", "node002", "node003"]).tolist() == [[0, 3, 1], [3, 0, 1], [1, 1, 0]]


def test_hosts_whose_rails_have_no_name_in_common_count_by_their_worst_ports() -> None:
    fabrics = two_rails()
    node = fabrics.node(guid("c", 40), CA, "node004 HCA-1")
    fabrics.connect((guid("a", 2), 4), (node, 1))
    topology = Topology.of(fabrics.view(0), NO_TABLE)
    # node004 on leaf02: node002 has leaf01 (no way there: -1), so no route is the worst; node001 likewise.
    assert topology.hop_matrix(["node004", "node001"]).tolist() == [[0, -1], [-1, 0]]
    fabrics.connect((guid("a", 1), 36), (guid("b", 1), 1))
    topology = Topology.of(fabrics.view(0), NO_TABLE)
    # Now leaf01 is cabled to the spine: node004 - node001 by (leaf02, leaf01) 3 and (leaf02, leaf02) 1.
    assert topology.hop_matrix(["node004", "node001"]).tolist() == [[0, 3], [3, 0]]


def test_what_names_no_host_or_one_host_twice_is_listed_and_never_guessed() -> None:
    fabrics = FakeFabrics()
    fabrics.node(guid("a", 1), SWITCH, "leaf01")
    sharp = "Mellanox Technologies Aggregation Node"
    for n, text in enumerate(("node001 mlx5_0", "node001 mlx5_0", "node002 mlx5_0", "MT25408 ConnectX", sharp)):
        fabrics.node(guid("c", n), CA, text)
        fabrics.connect((guid("a", 1), n + 1), (guid("c", n), 1))
    topology = Topology.of(fabrics.view(0), NO_TABLE)
    assert list(topology.hosts) == ["node002"]
    assert topology.duplicates == ((guid("c", 0), "node001 mlx5_0"), (guid("c", 1), "node001 mlx5_0"))
    assert [text for _, text in topology.unmatched] == ["MT25408 ConnectX", sharp]


def test_the_sites_table_names_what_the_rules_cannot() -> None:
    fabrics = FakeFabrics()
    fabrics.node(guid("a", 1), SWITCH, "leaf01")
    fabrics.node(guid("c", 1), CA, "MT25408 ConnectX")
    fabrics.connect((guid("a", 1), 1), (guid("c", 1), 1))
    topology = Topology.of(fabrics.view(0), {guid("c", 1): "login1"})
    assert [(host, rails[0].leaf) for host, rails in topology.hosts.items()] == [("login1", 0)]


def test_a_host_is_found_in_any_case_short_or_full() -> None:
    names = HostNames(["Node001.site.example", "node002", "node003.a", "node003.b", "10.0.0.1", "10.0.0.2"])
    assert names.find("node001") == names.find("NODE001.SITE.EXAMPLE") == "Node001.site.example"
    assert names.find("node001.elsewhere.example") is None
    assert names.find("node002.site.example") == "node002"
    assert (names.find("node003"), names.find("node003.b")) == (None, "node003.b")
    assert (names.find("10.0.0.2"), names.find("10"), names.find("ghost")) == ("10.0.0.2", None, None)


def test_a_host_written_short_and_full_is_one_host() -> None:
    names = HostNames(["node001.site.example", "node001"])
    assert names.find("node001") == names.find("node001.site.example") == "node001"


def test_switches_of_one_name_get_their_guid_behind() -> None:
    assert unique_names([("a1", "leaf01"), ("a2", "leaf02"), ("a3", "leaf 03"), ("a4", "leaf01")]) == {
        "a1": "leaf01_a1",
        "a2": "leaf02",
        "a3": "leaf_03",
        "a4": "leaf01_a4",
    }


def plain_hops(topology: Topology, one: str, other: str) -> int:
    """Switches crossed between two hosts, rail by rail: what `hop_matrix` promises, without arrays."""
    far = topology.distances.tolist()
    here, there = (
        [rail for rail in rails if rail.leaf >= 0] or list(rails)
        for rails in (topology.hosts[one], topology.hosts[other])
    )
    matched = [(a.leaf, b.leaf) for a in here for b in there if a.label == b.label]
    pairs = matched or [(a.leaf, b.leaf) for a in here for b in there]
    hops = [far[a][b] + 1 if a >= 0 and b >= 0 and far[a][b] >= 0 else -1 for a, b in pairs]
    return -1 if min(hops, default=-1) < 0 else max(hops)


@pytest.mark.parametrize("seed", range(8))
def test_hops_over_rails_of_any_kind_are_those_of_a_plain_count(seed: int) -> None:
    random = Random(seed)
    fabric = Fabric()
    switches = [fabric.switch(f"s{i}") for i in range(7)]
    for i, switch in enumerate(switches[1:], 1):
        if random.random() < 0.85:
            fabric.link(switch, switches[random.randrange(i)])
    for n in range(12):
        for hca in random.sample(("mlx5_0", "mlx5_1", "HCA-1"), random.randint(1, 3)):
            cable = fabric.link(random.choice(switches), fabric.node(CA, f"node{n:02} {hca}"))
            if random.random() < 0.2:
                fabric.down.add(cable)
    topology = Topology.of(fabric.view(), NO_TABLE)
    hosts = sorted(topology.hosts)
    expected = [[0 if a == b else plain_hops(topology, a, b) for b in hosts] for a in hosts]
    assert topology.hop_matrix(hosts).tolist() == expected


def test_hops_of_three_levels_are_one_three_and_five() -> None:
    topology = Topology.of(three_levels([[2, 1], [1]], spines=2, cores=2).view(), NO_TABLE)
    assert topology.hop_matrix(sorted(topology.hosts)).tolist() == [
        [0, 1, 3, 5], [1, 0, 3, 5], [3, 3, 0, 5], [5, 5, 5, 0],
    ]  # fmt: skip


def test_hosts_that_hang_alike_share_a_seat() -> None:
    topology = Topology.of(two_rails().view(0), NO_TABLE)
    seats = topology.seats
    assert seats.rails == ("mlx5_0/1", "mlx5_1/1")
    # leaf01, leaf02, leaf03 are switches 0 to 2; node003 has no second rail.
    assert {host: seats.leaf[seat].tolist() for host, seat in seats.of.items()} == {
        "node001": [0, 1], "node002": [0, 2], "node003": [0, -2],
    }  # fmt: skip


def test_hca_links_are_counted_and_boards_of_a_director_are_known_by_their_description() -> None:
    fabric = Fabric()
    line, spine = fabric.switch("MF0;big:CS7500/L05/U1"), fabric.switch("MF0;big:CS7500/S01/U1")
    fabric.link(line, spine)
    fabric.host("node001", line)
    fabric.link(spine, fabric.node(CA, "Mellanox Technologies Aggregation Node"))
    fabric.down.add(fabric.link(line, fabric.node(CA, "node002 mlx5_0")))
    topology = Topology.of(fabric.view(), NO_TABLE)
    assert (topology.attached.tolist(), topology.chassis) == ([1, 0], ("big:CS7500", "big:CS7500"))


def test_a_fabric_without_hosts_or_without_anything_has_no_hops() -> None:
    fabric = Fabric()
    for made in (fabric.view(), three_levels([[0]]).view()):
        topology = Topology.of(made, NO_TABLE)
        assert topology.hop_matrix(["ghost", "other"]).tolist() == [[0, -1], [-1, 0]]
        assert topology.hop_matrix([]).shape == (0, 0)

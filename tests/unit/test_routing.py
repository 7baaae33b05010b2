"""Routes by forwarding tables: the sample against ibtracert and a plain count, and small networks by hand."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unit.fakes import CA, SWITCH, FakeFabrics, address, guid, tables_at, tree
from unit.importing import ORIGIN
from weft.fabric.formats import ibnetdiscover, ibroute
from weft.fabric.model import Lid, NodeKind, PortKey, Sweep
from weft.fabric.network import NO_PORT, Network
from weft.fabric.routing import (
    Lost,
    crossed,
    crossing,
    crossing_possible,
    every_route,
    pairs_of,
    path,
    possible_between,
    possible_ports,
    route_hops,
    traced,
)
from weft.fabric.topology import Topology


@dataclass
class Picture:
    """What `Topology.of` and `Network.of` read, made from links; each end is (node, port)."""

    links: Sequence[tuple[tuple[str, int], tuple[str, int]]]
    names: Mapping[str, str]
    fabric: str = "ib"
    at_ms: int = 0
    seen_ms: int = 0
    guids: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.guids = tuple(sorted({node for link in self.links for node, _ in link}))
        row = {own: i for i, own in enumerate(self.guids)}
        self.link_node = np.array([[row[a[0]], row[b[0]]] for a, b in self.links], np.int32)
        self.link_port = np.array([[a[1], b[1]] for a, b in self.links], np.int16)
        self.up = np.ones(len(self.links), bool)

    @property
    def kinds(self) -> tuple[NodeKind, ...]:
        return tuple(CA if own[0] == "c" else SWITCH for own in self.guids)

    @property
    def descriptions(self) -> tuple[str, ...]:
        return tuple(self.names.get(own, own) for own in self.guids)


@dataclass
class Tables:
    """Forwarding tables from bytes by switch."""

    told: Mapping[str, bytes]

    @property
    def switches(self) -> tuple[str, ...]:
        return tuple(sorted(self.told))

    @property
    def ports(self) -> NDArray[np.uint8]:
        rows = np.full((len(self.told), max(map(len, self.told.values()))), NO_PORT, np.uint8)
        for row, own in zip(rows, self.switches, strict=True):
            row[: len(self.told[own])] = np.frombuffer(self.told[own], np.uint8)
        return rows


@cache
def ft324(data: Path) -> tuple[Sweep, Mapping[str, bytes], Network]:
    sweep = ibnetdiscover.parse((data / "ib/ft324-1-before/ibnetdiscover.txt").read_text(), ORIGIN).value
    tables = ibroute.parse((data / "ib/ft324-1-before/dump_lfts.txt").read_text(), ORIGIN).value.tables
    names = {node.guid: node.description for node in sweep.nodes}
    letters = {node.guid: ("c" if node.kind is CA else "s") + node.guid for node in sweep.nodes}
    links = [((letters[x.a.guid], x.a.number), (letters[x.b.guid], x.b.number)) for x in sweep.links]
    picture = Picture(links, {letters[own]: name for own, name in names.items()})
    told = Tables({letters[own]: table for own, table in tables.items()})
    lids = [Lid(PortKey(letters[x.port.guid], x.port.number), x.lid, x.lmc) for x in sweep.lids]
    return sweep, tables, Network.of(Topology.of(picture, {}), picture, told, lids)


def ports(network: Network, table: NDArray[np.int64]) -> dict[tuple[str, int], int]:
    """What is not zero, by switch name and port."""
    return {
        (network.topology.names[i], int(p)): int(table[i, p]) for i, p in zip(*np.nonzero(table), strict=True)
    }  # fmt: skip


def test_the_way_from_node001_to_node324_is_that_of_ibtracert(data: Path) -> None:
    *_, network = ft324(data)
    start, goal = (network.endpoints([host])[0].end for host in ("node001", "node324"))
    (lid,) = network.lids(goal)
    hops, fate = path(network, int(network.leaf[start]), lid, int(network.leaf_port[start]))
    told = [(network.topology.names[hop.switch], hop.in_port, hop.out_port) for hop in hops]
    # ibtracert.txt: [1] leaf01, out 36; [36] -> [2] spine09, out 36; [36] -> [36] leaf18, out 18; node324 has LID 91.
    assert (lid, told, fate) == (91, [("leaf01", 1, 36), ("spine09", 2, 36), ("leaf18", 36, 18)], None)


def test_routes_of_all_324_by_323_pairs_are_those_of_a_plain_walk(data: Path) -> None:
    sweep, tables, network = ft324(data)
    far = {x.a: x.b for x in sweep.links} | {x.b: x.a for x in sweep.links}
    lid = {told.port: told.lid for told in sweep.lids}
    hosts = [PortKey(node.guid, 1) for node in sweep.nodes if node.kind is CA]
    walked: Counter[tuple[str, int]] = Counter()
    longest = 0
    for source, goal in permutations(hosts, 2):
        at, steps = far[source], 0
        while at != goal:
            out = PortKey(at.guid, tables[at.guid][lid[goal]])
            walked[out.guid, out.number] += 1
            at, steps = far[out], steps + 1
            assert steps < 5
        longest = max(longest, steps)
    counted = traced(network, pairs_of(network, network.endpoints(network.topology.hosts))[0])
    assert (counted.arrived, counted.lost, longest) == (324 * 323, (), 3)
    rows = {network.topology.switches[i][1:]: row for i, row in enumerate(counted.routes)}
    assert {key: int(rows[key[0]][key[1]]) for key in walked} == walked
    assert counted.routes.sum() == sum(walked.values())
    assert np.array_equal(every_route(network).routes, counted.routes)
    # 17 hosts of other leaves lie behind each of leaf01's 18 uplinks, for each of its 18 hosts: even.
    assert {int(rows["7cfe900300a00000"][port]) for port in range(19, 37)} == {17 * 18}


def test_hops_by_tables_are_those_by_distance_on_a_fat_tree(data: Path) -> None:
    *_, network = ft324(data)
    hosts = sorted(network.topology.hosts)
    hops = route_hops(network, hosts)
    assert np.array_equal(hops, network.topology.hop_matrix(hosts))
    # 18 hosts a leaf: 17 others at 1 switch, 306 at 3.
    assert {int(h): int((hops == h).sum()) for h in np.unique(hops)} == {0: 324, 1: 324 * 17, 3: 324 * 306}


def test_who_crosses_a_port_is_who_passes_there(data: Path) -> None:
    *_, network = ft324(data)
    leaf01, spine09 = (network.topology.names.index(name) for name in ("leaf01", "spine09"))
    leaves, lids, passes = crossing(network, leaf01, 36)
    assert {network.topology.names[i] for i in leaves[passes.any(axis=1)]} == {"leaf01"}
    assert (passes.sum(), len(lids)) == (17, 17)
    leaves, lids, passes = crossing(network, spine09, 36)  # down to leaf18: one of its hosts, from 17 leaves
    brute = {
        (int(leaf), int(lid))
        for leaf in leaves
        for lid in range(1, 352)
        if network.owner[lid] >= 27
        for hops, fate in [path(network, int(leaf), lid)]
        if fate is None and any((hop.switch, hop.out_port) == (spine09, 36) for hop in hops)
    }
    assert {(int(leaves[i]), int(lids[j])) for i, j in zip(*np.nonzero(passes), strict=True)} == brute
    assert len(brute) == 17


# Two leaves a1, a2 with two hosts each, spines b1 and b2; LIDs: c1-c4 are 1-4, a1 5, a2 6, b1 7, b2 8.
SMALL = [
    (("a1", 1), ("c1", 1)), (("a1", 2), ("c2", 1)), (("a2", 1), ("c3", 1)), (("a2", 2), ("c4", 1)),
    (("a1", 11), ("b1", 1)), (("a1", 12), ("b2", 1)), (("a2", 11), ("b1", 2)), (("a2", 12), ("b2", 2)),
]  # fmt: skip
LIDS = {"c1": 1, "c2": 2, "c3": 3, "c4": 4, "a1": 5, "a2": 6, "b1": 7, "b2": 8}
#                LID  0    1   2   3   4   5   6   7   8
TABLES = {
    "a1": bytes([255, 1, 2, 11, 12, 0, 11, 11, 12]),
    "a2": bytes([255, 11, 11, 1, 2, 11, 0, 11, 12]),
    "b1": bytes([255, 1, 1, 2, 2, 1, 2, 0, 255]),
    "b2": bytes([255, 1, 1, 2, 2, 1, 2, 255, 0]),
}


def small(
    changed: Mapping[str, Mapping[int, int]] | None = None,
    *,
    lids: Iterable[Lid] | None = None,
    without: Sequence[str] = (),
    links: Sequence[tuple[tuple[str, int], tuple[str, int]]] = SMALL,
    names: Mapping[str, str] | None = None,
) -> Network:
    """The small network with some routes other: switch -> LID -> port."""
    tables = {own: bytearray(table) for own, table in TABLES.items() if own not in without}
    for own, routes in (changed or {}).items():
        for lid, port in routes.items():
            tables[own] += bytes([NO_PORT] * max(0, lid + 1 - len(tables[own])))
            tables[own][lid] = port
    named = names or {f"c{n}": f"node{n} mlx5_0" for n in range(1, 5)}
    picture = Picture(links, named)
    told = [Lid(PortKey(own, 1 if own[0] == "c" else 0), lid) for own, lid in LIDS.items()] if lids is None else lids
    return Network.of(
        Topology.of(picture, {}), picture, Tables({k: bytes(v) for k, v in tables.items()}) if tables else None, told
    )


EVERYBODY = ["node1", "node2", "node3", "node4"]


def test_routes_of_a_small_network_by_hand() -> None:
    network = small()
    pairs, unknown = pairs_of(network, network.endpoints(EVERYBODY))
    # From a1 to LIDs 1 and 2 goes its one other host, to 3 and 4 both; from a2 likewise.
    assert sorted(zip(*(column.tolist() for column in pairs), strict=True)) == [
        (0, 1, 1), (0, 2, 1), (0, 3, 2), (0, 4, 2), (1, 1, 2), (1, 2, 2), (1, 3, 1), (1, 4, 1),
    ]  # fmt: skip
    done = traced(network, pairs)
    assert (done.arrived, done.lost, unknown) == (12, (), [])
    assert ports(network, done.routes) == {
        ("a1", 1): 3, ("a1", 2): 3, ("a1", 11): 2, ("a1", 12): 2, ("a2", 1): 3, ("a2", 2): 3, ("a2", 11): 4,
        ("b1", 1): 4, ("b1", 2): 2, ("b2", 2): 2,
    }  # fmt: skip
    assert network.whole
    assert network.topology.levels.level.tolist() == [0, 0, 1, 1]


def test_two_hosts_use_one_way_there_and_another_back() -> None:
    network = small()
    done = traced(network, pairs_of(network, network.endpoints(["node1", "node4"]))[0])
    assert ports(network, done.routes) == {
        ("a1", 12): 1, ("b2", 2): 1, ("a2", 2): 1, ("a2", 11): 1, ("b1", 1): 1, ("a1", 1): 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "lost"),
    [
        ({"b2": {4: 1}}, Lost(0, 4, 0, "loop")),  # b2 sends LID 4 back to a1, and a1 to b2
        ({"b2": {4: 255}}, Lost(0, 4, 3, "no route")),
        ({"b2": {4: 9}}, Lost(0, 4, 3, "dead end")),  # nothing hangs on port 9
        ({"a2": {4: 1}}, Lost(0, 4, 1, "dead end")),  # node3 gets what is addressed to node4
    ],
)
def test_what_leads_nowhere_is_told_and_not_counted(changed: Mapping[str, Mapping[int, int]], lost: Lost) -> None:
    network = small(changed)
    done = traced(network, pairs_of(network, network.endpoints(["node1", "node2", "node4"]))[0])
    assert (done.lost, done.lost_routes, done.arrived) == ((lost,), 2, 4)
    assert ports(network, done.routes) == {("a1", 1): 2, ("a1", 2): 2, ("a2", 11): 2, ("b1", 1): 2}
    assert path(network, 0, 4)[1] == lost.fate
    assert route_hops(network, ["node1", "node4"]).tolist() == [[0, -1], [3, 0]]
    assert ports(network, possible_between(network, done.lost).astype(np.int64)) == {
        ("a1", 11): 1, ("a1", 12): 1, ("b1", 2): 1, ("b2", 2): 1,
    }  # fmt: skip
    assert not crossing(network, 0, 12)[2].any()


def test_a_route_beyond_the_table_or_to_a_switch_of_unknown_table_is_lost() -> None:
    network = small(without=["b2"])
    assert (network.whole, network.known.tolist()) == (False, [True, True, True, False])
    done = traced(network, pairs_of(network, network.endpoints(EVERYBODY))[0])
    assert {(x.leaf, x.lid, x.switch, x.fate) for x in done.lost} == {(0, 4, 3, "no route")}
    far = small(lids=[Lid(PortKey("c1", 1), 1), Lid(PortKey("c4", 1), 4000)])
    assert path(far, 0, 4000)[1] == "no route"


def test_no_tables_at_all_are_no_routes() -> None:
    network = small(without=list(TABLES))
    assert network.out.shape == (4, 0)
    assert traced(network, pairs_of(network, network.endpoints(EVERYBODY))[0]).lost_routes == 12


def test_every_lid_of_a_port_is_a_route_of_its_own() -> None:
    """node4 answers to LIDs 12 and 13 (LMC 1): one by each spine."""
    lids = [Lid(PortKey("c1", 1), 1), Lid(PortKey("c4", 1), 12, 1)]
    network = small({"a1": {12: 11, 13: 12}, "b1": {12: 2}, "b2": {13: 2}, "a2": {12: 2, 13: 2}}, lids=lids)
    done = traced(network, pairs_of(network, network.endpoints(["node1", "node4"]))[0])
    assert ports(network, done.routes) == {
        ("a1", 11): 1, ("a1", 12): 1, ("b1", 2): 1, ("b2", 2): 1, ("a2", 2): 2,
        ("a2", 11): 1, ("b1", 1): 1, ("a1", 1): 1,
    }  # fmt: skip
    assert [path(network, 0, lid)[0][0].out_port for lid in (12, 13)] == [11, 12]


def test_a_lid_that_two_ports_claim_belongs_to_neither() -> None:
    network = small(lids=[Lid(PortKey("c1", 1), 1), Lid(PortKey("c2", 1), 1), Lid(PortKey("c3", 1), 3)])
    assert network.owner[[1, 3]].tolist() == [-1, 6]
    pairs, unknown = pairs_of(network, network.endpoints(["node1", "node2", "node3"]))
    assert [point.host for point in unknown] == ["node1", "node2"]
    assert pairs.lid.tolist() == [3]


RAILS = {"c1": "node1 mlx5_0", "c3": "node1 mlx5_1", "c2": "node2 mlx5_0", "c4": "node2 mlx5_1"}


def test_rails_of_one_name_talk_to_each_other() -> None:
    """node1 and node2 have a rail on each leaf: nothing goes by a spine."""
    network = small(names=RAILS)
    done = traced(network, pairs_of(network, network.endpoints(["node1", "node2"]))[0])
    assert ports(network, done.routes) == {("a1", 1): 1, ("a1", 2): 1, ("a2", 1): 1, ("a2", 2): 1}
    assert route_hops(network, ["node1", "node2"]).tolist() == [[0, 1], [1, 0]]
    assert not possible_ports(network, network.endpoints(["node1", "node2"])).any()


def test_a_rail_that_leads_nowhere_is_the_worst_of_all() -> None:
    network = small({"a2": {4: 255}}, names=RAILS)
    assert route_hops(network, ["node1", "node2"]).tolist() == [[0, -1], [1, 0]]


def test_rails_without_a_name_in_common_all_talk_to_each_other() -> None:
    names = {"c1": "node1 mlx5_0", "c3": "node1 mlx5_1", "c2": "node2 mlx5_2", "c4": "node2 mlx5_3"}
    network = small(names=names)
    done = traced(network, pairs_of(network, network.endpoints(["node1", "node2"]))[0])
    # LIDs 1 and 3 are node1's, 2 and 4 node2's: every one is sent to from both ports of the other host.
    assert done.arrived == 8
    assert ports(network, done.routes) == {
        ("a1", 1): 2, ("a1", 2): 2, ("a2", 1): 2, ("a2", 2): 2,
        ("a1", 11): 1, ("b1", 2): 1, ("a1", 12): 1, ("b2", 2): 1, ("a2", 11): 2, ("b1", 1): 2,
    }  # fmt: skip
    assert route_hops(network, ["node1", "node2"]).tolist() == [[0, 3], [3, 0]]
    assert possible_ports(network, network.endpoints(["node1", "node2"])).sum() == 8


def test_possible_ports_are_those_on_any_shortest_path() -> None:
    network = small()
    both_ways = {(leaf, port): 1 for leaf in ("a1", "a2") for port in (11, 12)} | {
        (spine, port): 1 for spine in ("b1", "b2") for port in (1, 2)
    }
    far = possible_ports(network, network.endpoints(["node1", "node3"]))
    assert ports(network, far.astype(np.int64)) == both_ways
    assert not possible_ports(network, network.endpoints(["node1", "node2"])).any()
    assert not possible_ports(network, network.endpoints(["node1"])).any()


def brute_possible(network: Network, hosts: Sequence[str]) -> set[tuple[int, int]]:
    """Every port on every shortest path between two leaves of the hosts, by walking."""
    far, found = network.topology.distances, set()
    leaves = {int(network.leaf[point.end]) for point in network.endpoints(hosts)}
    for a, b in permutations(leaves, 2):
        edge = {a}
        while edge:
            steps = [
                (i, p, int(network.peer[i, p]))
                for i in edge
                for p in np.flatnonzero((network.peer[i] >= 0) & (network.peer[i] < len(far)))
                if far[network.peer[i, p], b] == far[i, b] - 1
            ]
            found |= {(i, int(p)) for i, p, _ in steps}
            edge = {j for _, _, j in steps}
    return found


def test_possible_ports_on_a_tree_of_unequal_ways_are_those_of_a_walk() -> None:
    """Three leaves, two spines, two cables each, and a shortcut from leaf to leaf."""
    fabric = tree(FakeFabrics(), 3, 2, 4, cables=2)
    fabric.connect((guid("a", 1), 30), (guid("a", 2), 30))
    network = made(fabric)
    for hosts in (["node001", "node005"], ["node001", "node009"], ["node001", "node005", "node009"]):
        told = possible_ports(network, network.endpoints(hosts))
        assert {(int(i), int(p)) for i, p in zip(*np.nonzero(told), strict=True)} == brute_possible(network, hosts)
    assert possible_ports(network, network.endpoints(["node001", "node005"])).sum() == 2  # the shortcut alone


def test_possible_ports_to_more_goals_than_a_word_has_bits_are_those_of_a_walk() -> None:
    network = made(tree(FakeFabrics(), 70, 2, 1))
    hosts = sorted(network.topology.hosts)
    used = possible_ports(network, network.endpoints(hosts))
    assert {(int(i), int(p)) for i, p in zip(*np.nonzero(used), strict=True)} == brute_possible(network, hosts)


def test_ports_that_are_crossed_are_those_that_are_counted(data: Path) -> None:
    *_, network = ft324(data)
    pairs, _ = pairs_of(network, network.endpoints(sorted(network.topology.hosts)[::7]))
    assert np.array_equal(crossed(network, pairs).routes, traced(network, pairs).routes > 0)
    astray = small(changed={"a1": {3: NO_PORT}})
    pairs, _ = pairs_of(astray, astray.endpoints(EVERYBODY))
    one, other = crossed(astray, pairs), traced(astray, pairs)
    assert np.array_equal(one.routes, other.routes > 0)
    assert one[1:] == other[1:]
    assert other.lost_routes == 2


def made(fabric: FakeFabrics) -> Network:
    address(fabric)
    view = fabric.view(0)
    return Network.of(Topology.of(view, {}), view, Tables(tables_at(fabric, 0)), fabric.addresses)


def test_pairs_that_may_cross_a_port_are_those_for_which_it_lies_on_a_shortest_path() -> None:
    network = small()
    crosses = crossing_possible(network, 0, 11)  # a1 to b1; from b2 to b1 one comes by it as well as by a2
    assert {(int(i), int(j)) for i, j in zip(*np.nonzero(crosses), strict=True)} == {(0, 1), (0, 2), (3, 2)}
    assert not crossing_possible(network, 0, 1).any()  # leads to a host
    assert not crossing_possible(network, 0, 99).any()


def test_routes_that_a_subnet_manager_sets_arrive_and_are_among_the_possible_ones() -> None:
    network = made(tree(FakeFabrics(), 4, 3, 5, cables=2))
    endpoints = network.endpoints(network.topology.hosts)
    done = traced(network, pairs_of(network, endpoints)[0])
    assert (done.arrived, done.lost) == (20 * 19, ())
    between = network.peer < len(network.topology.switches)
    assert not ((done.routes > 0) & between & (network.peer >= 0) & ~possible_ports(network, endpoints)).any()
    hosts = sorted(network.topology.hosts)
    assert np.array_equal(route_hops(network, hosts), network.topology.hop_matrix(hosts))


def test_many_routes_are_followed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    network = made(tree(FakeFabrics(), 4, 3, 5))
    pairs = pairs_of(network, network.endpoints(network.topology.hosts))[0]
    whole, cross, hops = (
        traced(network, pairs),
        crossing(network, 0, 6),
        route_hops(network, sorted(network.topology.hosts)),
    )
    monkeypatch.setattr("weft.fabric.routing.AT_ONCE", 7)
    assert np.array_equal(traced(network, pairs).routes, whole.routes)
    assert np.array_equal(every_route(network).routes, whole.routes)
    assert all(np.array_equal(a, b) for a, b in zip(crossing(network, 0, 6), cross, strict=True))
    assert np.array_equal(route_hops(network, sorted(network.topology.hosts)), hops)


def test_an_empty_network_has_no_routes() -> None:
    view = FakeFabrics().view(0)
    network = Network.of(Topology.of(view, {}), view, None, ())
    assert (network.whole, network.ends, every_route(network).arrived) == (False, (), 0)

"""Ports that are named by less than GUID and number: found, or left out and told, never guessed."""

from dataclasses import dataclass, field

import pytest

from unit.fakes import CA, SWITCH, FakeFabrics
from weft.base.errors import BadInput
from weft.base.intervals import Interval
from weft.fabric.model import Lid, Link, Module, Node, NodeKind, PortKey, Sweep
from weft.fabric.places import PortRef, UnplacedSweep, called
from weft.ingest.places import Places, put_in_place
from weft.inventory.store import NodeSpan

LEAF, OTHER_LEAF, HCA, TWO_PORTS, GONE = (f"{number:016x}" for number in range(0xA1, 0xA6))
HCA_PORT, FIRST_PORT, SECOND_PORT = "00000000000000b1", "00000000000000b2", "00000000000000b3"


def span(guid: str, kind: NodeKind, description: str, ports: int) -> NodeSpan:
    return NodeSpan(guid, kind, description, ports, Interval(0), 0)


NODES = [
    span(LEAF, SWITCH, "MF0;leaf01:MSB7800/U1", 36),
    span(OTHER_LEAF, SWITCH, "Infiniscale-IV Mellanox Technologies", 36),
    span(HCA, CA, "node001 mlx5_0", 1),
    span(TWO_PORTS, CA, "node002 mlx4_0", 2),
]
LIDS = [
    Lid(PortKey(LEAF, 0), 2, 0, LEAF),
    Lid(PortKey(HCA, 1), 4, 2, HCA_PORT),
    Lid(PortKey(TWO_PORTS, 1), 8, 0, FIRST_PORT),
    Lid(PortKey(TWO_PORTS, 2), 9, 0, SECOND_PORT),
    Lid(PortKey(GONE, 1), 9, 0, "00000000000000b9"),
    Lid(PortKey(GONE, 2), 10, 0, None),
]
PLACES = Places(NODES, LIDS, {OTHER_LEAF: PortKey(OTHER_LEAF, 0), "00000000000000bb": PortKey(GONE, 1)})


@pytest.mark.parametrize(
    ("ref", "port"),
    [
        (PortRef(node_guid=HCA, number=1), PortKey(HCA, 1)),
        (PortRef(node_guid="00000000000000ff", number=7), PortKey("00000000000000ff", 7)),
        (PortRef(port_guid=SECOND_PORT), PortKey(TWO_PORTS, 2)),
        (PortRef(port_guid=SECOND_PORT, number=2), PortKey(TWO_PORTS, 2)),
        (PortRef(port_guid=SECOND_PORT, number=1), None),  # it contradicts itself
        (PortRef(port_guid="00000000000000ff", lid=4, description="node001 mlx5_0"), None),  # a new HCA, an old LID
        (PortRef(port_guid="00000000000000bb"), PortKey(GONE, 1)),  # known from another time
        (PortRef(port_guid=OTHER_LEAF, number=7), PortKey(OTHER_LEAF, 7)),
        (PortRef(lid=2, number=17), PortKey(LEAF, 17)),
        (PortRef(lid=2), PortKey(LEAF, 0)),
        (PortRef(lid=7, number=1), PortKey(HCA, 1)),  # LMC 2: LIDs 4 to 7
        (PortRef(lid=8, number=2), None),
        (PortRef(lid=9), PortKey(TWO_PORTS, 2)),  # it was another's, which is no more present
        (PortRef(lid=10), None),
        (PortRef(lid=77), None),
        (PortRef(lid=2, description="MF0;leaf01:MSB7800/U1", number=1), PortKey(LEAF, 1)),
        (PortRef(lid=2, description="leaf01", number=1), PortKey(LEAF, 1)),
        (PortRef(lid=2, description="spine01", number=1), None),
        (PortRef(description="leaf01", number=3), PortKey(LEAF, 3)),
        (PortRef(description="LEAF01", number=3), PortKey(LEAF, 3)),
        (PortRef(description=f"0x{LEAF}", number=3), PortKey(LEAF, 3)),
        (PortRef(description="node001"), PortKey(HCA, 1)),
        (PortRef(description="node002/mlx4_0", number=2), PortKey(TWO_PORTS, 2)),
        (PortRef(description="node002"), None),  # which of its two ports
        (PortRef(description="node003", number=1), None),
        (PortRef(), None),
    ],
)
def test_a_port_is_found_by_the_most_lasting_thing_told(ref: PortRef, port: PortKey | None) -> None:
    assert PLACES.place(ref) == port


def test_a_name_that_two_nodes_have_names_none() -> None:
    twins = [span(LEAF, SWITCH, "leaf", 36), span(OTHER_LEAF, SWITCH, "leaf", 36), span(HCA, CA, "n1 mlx5_0", 1)]
    places = Places([*twins, span(TWO_PORTS, CA, "n1 mlx5_1", 1)], (), {})
    assert places.place(PortRef(description="leaf", number=1)) is None
    assert places.place(PortRef(description="n1", number=1)) is None
    assert places.place(PortRef(description="n1 mlx5_1", number=1)) == PortKey(TWO_PORTS, 1)


def test_what_people_call_a_node() -> None:
    assert called(SWITCH, LEAF, "MF0;leaf01:MSB7800/U1") == {LEAF, f"0x{LEAF}", "mf0;leaf01:msb7800/u1", "leaf01"}
    assert called(CA, HCA, "Node001 mlx5_0") == {HCA, f"0x{HCA}", "node001 mlx5_0", "node001", "node001/mlx5_0"}
    assert called(CA, HCA, "Mellanox Technologies Aggregation Node") == {
        HCA, f"0x{HCA}", "mellanox technologies aggregation node",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ref", "text"),
    [
        (PortRef(None, HCA_PORT, None, "node001 mlx5_0", 1), f"node001 mlx5_0 (0x{HCA_PORT}) port 1"),
        (PortRef(lid=7, number=3), "LID 7 port 3"),
        (PortRef(description="leaf01", number=3), "leaf01 port 3"),
        (PortRef(node_guid=HCA), f"0x{HCA}"),
    ],
)
def test_a_port_in_a_sentence(ref: PortRef, text: str) -> None:
    assert str(ref) == text


UNPLACED = UnplacedSweep(
    Sweep.of(
        "ib", 5, "test",
        [Node(LEAF, SWITCH, "leaf01", 0), Node("x", CA, "node001 mlx5_0", 0), Node("y", CA, "new mlx5_0", 0)],
        [Link(PortKey(LEAF, 1), PortKey("x", 1), "4X", "EDR"), Link(PortKey(LEAF, 2), PortKey("y", 1), "4X", "EDR")],
        [Lid(PortKey("x", 1), 4, 0, HCA_PORT), Lid(PortKey("y", 1), 6, 0, "00000000000000f1")],
        down=[PortKey(LEAF, 9), PortKey("y", 2)],
        modules=[Module(PortKey("x", 1), "", "", "A"), Module(PortKey("y", 1), "", "", "B")],
    ),
    {"x": PortRef(port_guid=HCA_PORT, number=1), "y": PortRef(port_guid="00000000000000f1", number=1)},
    {LEAF: 36, "x": 1, "y": 1},
)  # fmt: skip


def test_what_hangs_on_a_node_that_nobody_knows_is_left_out_and_the_port_before_it_unanswered() -> None:
    assert UNPLACED.placed({"x": HCA}, {HCA: NodeKind.ROUTER}) == Sweep.of(
        "ib", 5, "test",
        [Node(LEAF, SWITCH, "leaf01", 0), Node(HCA, NodeKind.ROUTER, "node001 mlx5_0", 0)],
        [Link(PortKey(LEAF, 1), PortKey(HCA, 1), "4X", "EDR")],
        [Lid(PortKey(HCA, 1), 4, 0, HCA_PORT)],
        down=[PortKey(LEAF, 9)],
        unanswered=[PortKey(LEAF, 2)],
        modules=[Module(PortKey(HCA, 1), "", "", "A")],
    )  # fmt: skip


@dataclass
class Known(FakeFabrics):
    """Knows nodes and LIDs at any time."""

    told: list[Lid] = field(default_factory=list)

    async def lids(self, fabric: str, at_ms: int) -> tuple[Lid, ...]:
        return tuple(self.told)

    async def ports_by_guid(self, fabric: str, guids: list[str]) -> dict[str, PortKey]:
        return {lid.guid: lid.port for lid in self.told if lid.guid in guids}


@pytest.mark.anyio
async def test_a_mask_that_the_tool_does_not_tell_is_the_one_known() -> None:
    fabrics = Known(spans=list(NODES), told=LIDS)
    sweep, notices = await put_in_place(UNPLACED, fabrics)
    assert sweep.lids == (Lid(PortKey(HCA, 1), 4, 2, HCA_PORT),)
    assert sweep.complete
    assert notices == [
        "1 node that Weft has not met is left out, and what hangs there is unknown, not gone: 0x00000000000000f1 port "
        "1. Import the output of `ibnetdiscover` of this fabric, of whatever day, and then this file again."
    ]


@pytest.mark.anyio
async def test_a_listing_with_fewer_ports_than_a_switch_has_is_a_part() -> None:
    part = UnplacedSweep(UNPLACED.sweep, UNPLACED.stand_ins, {LEAF: 35})
    sweep, notices = await put_in_place(part, Known(spans=list(NODES), told=LIDS))
    assert not sweep.complete
    assert f"1 switch with fewer ports than Weft knows of, first 0x{LEAF}" in notices[-1]


@pytest.mark.anyio
async def test_a_sweep_of_which_no_node_is_known_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        await put_in_place(UNPLACED, Known(told=[]))
    assert str(caught.value) == (
        "it names 2 nodes by port GUID, LID or name only, and Weft knows none of them in fabric 'ib', first "
        f"0x{HCA_PORT} port 1. Import the output of `ibnetdiscover` of this fabric, of whatever day, and then this "
        "file again."
    )

"""Planned wiring: the forms of a plan, and what a fabric has otherwise, each difference named as a person would."""

import pytest

from unit.fakes import CA, SWITCH
from unit.importing import ORIGIN
from unit.made import PLAN, TOPO
from weft.base.errors import BadInput
from weft.fabric.formats import wiring as plans
from weft.fabric.model import PortKey
from weft.fabric.wiring import Difference, Known, PlannedCable, Socket, Wiring, compare

LEAF1, LEAF2, SPINE, NODE1, NODE2, NODE3 = (f"{number:016x}" for number in range(0xA1, 0xA7))
NODES = {
    LEAF1: Known(SWITCH, "MF0;leaf01:MSB7800/U1"),
    LEAF2: Known(SWITCH, "leaf02"),
    SPINE: Known(SWITCH, "spine01"),
    NODE1: Known(CA, "node001 mlx5_0"),
    NODE2: Known(CA, "node002 mlx5_0"),
    NODE3: Known(CA, "node003 mlx5_0"),
}
CABLES = {
    "leaf01/1 node001/1": (PortKey(LEAF1, 1), PortKey(NODE1, 1)),
    "leaf01/2 node002/mlx5_0/1": (PortKey(LEAF1, 2), PortKey(NODE2, 1)),
    "leaf02/1 node003/P1": (PortKey(LEAF2, 1), PortKey(NODE3, 1)),
    "LEAF01/35 spine01/1": (PortKey(LEAF1, 35), PortKey(SPINE, 1)),
    "leaf02/35 spine01/2": (PortKey(LEAF2, 35), PortKey(SPINE, 2)),
}
"""The plan, and the cables that are as planned."""


def plan(*cables: str) -> Wiring:
    ends = [[Socket(*end.split("/", 1)) for end in cable.split(" ")] for cable in cables]
    return Wiring("ib", 5, "wiring", tuple(PlannedCable(a, b, line) for line, (a, b) in enumerate(ends, 1)))


def differences(links: list[tuple[PortKey, PortKey]], *planned: str) -> list[tuple[str, str]]:
    found = compare(plan(*(planned or CABLES)), NODES, links)
    return [(difference.kind, difference.text) for difference in found]


def but(*without: int) -> list[tuple[PortKey, PortKey]]:
    """The cables as planned, some left out by their line."""
    return [link for line, link in enumerate(CABLES.values(), 1) if line not in without]


def test_a_fabric_as_planned_has_no_difference() -> None:
    assert differences(but()) == []
    assert differences([(b, a) for a, b in but()]) == []


def test_a_cable_that_is_nowhere_is_missing() -> None:
    assert differences(but(2)) == [
        ("missing", "leaf01/2 - node002 mlx5_0/1 is missing: nothing is plugged in at either end.")
    ]


def test_a_cable_that_no_plan_has_is_unexpected_where_the_plan_knows_both_nodes() -> None:
    extra = (PortKey(LEAF1, 36), PortKey(SPINE, 9))
    assert differences([*but(), extra]) == [("unexpected", "leaf01/36 - spine01/9 is not planned.")]
    assert differences([*but(), extra], *list(CABLES)[:3]) == []  # a plan of the hosts' cables only


def test_a_cable_in_another_port_is_miswired() -> None:
    moved = (PortKey(LEAF1, 9), PortKey(NODE2, 1))
    assert differences([*but(2), moved]) == [
        ("miswired", "leaf01/2 - node002 mlx5_0/1 was planned, but node002 mlx5_0/1 leads to leaf01/9.")
    ]


def test_both_ends_elsewhere_are_told_in_one_sentence() -> None:
    links = [*but(2), (PortKey(LEAF1, 2), PortKey(LEAF2, 9)), (PortKey(LEAF1, 9), PortKey(NODE2, 1))]
    assert differences(links) == [
        (
            "miswired",
            "leaf01/2 - node002 mlx5_0/1 was planned, but leaf01/2 leads to leaf02/9 and node002 mlx5_0/1 leads to "
            "leaf01/9.",
        )
    ]


def test_two_cables_that_changed_ends_are_one_swap() -> None:
    swapped = [(PortKey(LEAF1, 2), PortKey(NODE3, 1)), (PortKey(LEAF2, 1), PortKey(NODE2, 1))]
    (difference,) = compare(plan(*CABLES), NODES, [*but(2, 3), *swapped])
    assert difference == Difference(
        "swapped",
        (plan(*CABLES).cables[1], plan(*CABLES).cables[2]),
        ((PortKey(LEAF1, 2), PortKey(NODE3, 1)), (PortKey(LEAF2, 1), PortKey(NODE2, 1))),
        "node002 mlx5_0/1 and node003 mlx5_0/1 are swapped: leaf01/2 leads to node003 mlx5_0/1 (planned node002 "
        "mlx5_0/1), leaf02/1 leads to node002 mlx5_0/1 (planned node003 mlx5_0/1).",
    )


def test_a_swap_between_switches_that_shares_a_switch_is_one_too() -> None:
    swapped = [(PortKey(LEAF1, 35), PortKey(SPINE, 2)), (PortKey(LEAF2, 35), PortKey(SPINE, 1))]
    assert [kind for kind, _ in differences([*but(4, 5), *swapped])] == ["swapped"]


def test_a_ring_of_three_is_no_swap_and_each_is_told() -> None:
    ring = [
        (PortKey(LEAF1, 1), PortKey(NODE2, 1)),
        (PortKey(LEAF1, 2), PortKey(NODE3, 1)),
        (PortKey(LEAF2, 1), PortKey(NODE1, 1)),
    ]
    assert [kind for kind, _ in differences([*but(1, 2, 3), *ring])] == ["miswired"] * 3


@pytest.mark.parametrize(
    ("cable", "text"),
    [
        ("leaf09/1 node001/1", "leaf09/1 - node001/1 cannot be checked: no node is called 'leaf09'."),
        ("leaf01/L2/P5 node001/1", "leaf01/L2/P5 - node001/1 cannot be checked: no node is called 'leaf01 L2'."),
        ("leaf01/x node001/1", "leaf01/x - node001/1 cannot be checked: 'x' is no port number."),
        ("leaf01/1 leaf01/1", "leaf01/1 - leaf01/1 cannot be: it is one port."),
    ],
)
def test_what_cannot_be_told_is_unknown_and_nothing_else(cable: str, text: str) -> None:
    assert differences(but(), cable) == [("unknown", text)]


def test_a_host_with_two_hcas_must_be_told_with_the_hca() -> None:
    nodes = NODES | {"00000000000000ff": Known(CA, "node001 mlx5_1")}
    (difference,) = compare(plan("leaf01/1 node001/1"), nodes, but())
    assert difference.text.endswith("2 nodes are called 'node001'.")
    assert compare(plan("leaf01/1 node001/mlx5_0/1"), nodes, but()) == ()


def test_a_port_planned_twice_under_two_names_is_told() -> None:
    twice = Wiring("ib", 5, "wiring", (
        PlannedCable(Socket("leaf01", "1"), Socket("node001", "1"), 1),
        PlannedCable(Socket("MF0;leaf01:MSB7800/U1", "1"), Socket("node002", "1"), 2),
    ))  # fmt: skip
    assert [d.text for d in compare(twice, NODES, but())] == [
        "MF0;leaf01:MSB7800/U1/1 - node002/1 cannot be: line 1 plans one of these ports too."
    ]


# -- plans ---------------------------------------------------------------------------------------------------------


def cables(text: str) -> list[tuple[str, str]]:
    return [(str(cable.a), str(cable.b)) for cable in plans.parse(text, ORIGIN).value.cables]


def test_a_csv_plan_is_read() -> None:
    assert plans.recognise(PLAN)
    reading = plans.parse(PLAN, ORIGIN)
    assert reading.value == Wiring(
        "ib",
        ORIGIN.file_ms,
        "wiring",
        (
            PlannedCable(Socket("leaf01", "1"), Socket("node001", "1"), 2),
            PlannedCable(Socket("leaf01", "2"), Socket("node002", "mlx4_0/1"), 3),
            PlannedCable(Socket("leaf01", "3"), Socket("node002 mlx4_0", "2"), 4),
        ),
    )
    assert reading.found == "3 planned cables"


def test_a_topology_file_is_read_and_a_cable_below_both_of_its_systems_is_one() -> None:
    assert plans.recognise(TOPO)
    assert cables(TOPO) == [("leaf01/P1", "node001/P1"), ("leaf01/P2", "node002/P1"), ("leaf01/U1/P3", "node002/P2")]


def test_the_example_of_ibdms_manual_is_read() -> None:
    text = "MTS2400 S-1\n   P1 -> MT23108 H-1 P1\n   P2 -> MT23108 H-1 P2\n   P24 -> MT23108 H-2 P1\n"
    assert cables(text) == [("S-1/P1", "H-1/P1"), ("S-1/P2", "H-1/P2"), ("S-1/P24", "H-2/P1")]
    with_settings = text.replace("S-1\n", "S-1 CFG: leaf3=R,spine1=R\n").replace(" -> ", " -12x-2.5G-> ")
    assert cables(with_settings) == cables(text)


@pytest.mark.parametrize(
    "text",
    [
        "node1,port1,node2,port2\nleaf01,1,node001,1\n",
        "a;a_port;b;b_port\nleaf01;1;node001;1\n",
        "A Node\tA Port\tB Node\tB Port\nleaf01\t1\tnode001\t1\n",
        "from,to\nleaf01/1,node001/1\n",
        "# racks 1 to 4\nSource,Destination,Length\nleaf01:1,node001:1,3\n",
        "source switch,source port,destination host,destination port\nleaf01,1,node001,1\n".replace(
            " switch", "_switch"
        ),
        'near_name,near_port,far_name,far_port\n"leaf01", 1, node001, 1\n',
    ],
)
def test_a_plan_may_have_many_headings(text: str) -> None:
    assert plans.recognise(text)
    assert cables(text) == [("leaf01/1", "node001/1")]


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n", "time,value\n1,2\n", "port,serial\nleaf01/1,A\n", "JobID|State\n", "from\nx\n", ""]
)
def test_other_tables_are_no_plans(text: str) -> None:
    assert not plans.recognise(text)


@pytest.mark.parametrize(
    ("changed", "line", "says"),
    [
        (PLAN[:-1], 4, "has no end"),
        (PLAN.replace("leaf01,2,", "leaf01,1,"), 3, "leaf01/1 was planned at line 2 already"),
        (PLAN.replace("leaf01,2,", "leaf01,,"), 3, "an end without its node or its port"),
        (PLAN.replace("leaf01,2,", "leaf01,"), 3, "4 cells below a heading of 5 columns"),
        (PLAN.splitlines(keepends=True)[0], None, "no cable in it"),
        (TOPO.replace("MSB7800 leaf01\n   P1", "   P1"), 2, "without the line of its system"),
        (TOPO.replace("HCA_1 node001\n", "hello\n"), 7, "was expected, not 'hello'"),
        ("from,to\nleaf01,node001/1\n", 2, "an end without its node or its port"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(changed: str, line: int | None, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        plans.parse(changed, ORIGIN)
    assert (caught.value.line, says in str(caught.value)) == (line, True), str(caught.value)
    assert caught.value.fix


def test_a_plan_is_kept_whole() -> None:
    told = plans.parse(TOPO, ORIGIN).value
    assert Wiring.unpacked("ib", ORIGIN.file_ms, told.packed()) == told

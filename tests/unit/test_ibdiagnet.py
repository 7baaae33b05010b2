"""ibdiagnet2.db_csv: a file made after published examples, and everything in it that does not fit."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from unit.importing import ORIGIN
from unit.made import DB_CSV, LEAF01, NODE001, NODE002
from weft.base.errors import BadInput
from weft.base.intervals import ms_of
from weft.fabric.formats import ibdiagnet
from weft.fabric.model import CounterSweep, Lid, Link, Module, Node, NodeKind, PortCounters, PortKey, Sweep

SYSTEM = "0002c90300123453"
FOUND = "3 nodes (1 switch), 3 links, 1 port down, 2 modules, counters of 2 ports"


def refused(text: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        ibdiagnet.parse(text, ORIGIN)
    return caught.value


def test_a_data_base_is_read_with_its_cables() -> None:
    reading = ibdiagnet.parse(DB_CSV, ORIGIN)
    assert ibdiagnet.recognise(DB_CSV)
    sweep, counters = reading.value
    assert counters == CounterSweep("ib", sweep.seen_at_ms, "ibdiagnet", (
        PortCounters(PortKey(NODE001, 1), {"LinkDownedCounter": 0, "PortXmitData": 12}),
        PortCounters(PortKey(LEAF01, 1), {
            "LinkDownedCounter": 7, "PortXmitData": 0x100000001, "PortXmitWait": 255,
            "PortFECUncorrectableBlockCounter": 2,
        }),
    ), complete=True)  # fmt: skip
    assert sweep == Sweep.of(
        "ib",
        ms_of(datetime(2022, 8, 25, 15, 45, 38, tzinfo=UTC)),
        "ibdiagnet",
        [
            Node(LEAF01, NodeKind.SWITCH, "MF0;leaf01:MSB7800/U1", 36, LEAF01, 0x2C9, 52000),
            Node(NODE001, NodeKind.CA, "node001 mlx5_0", 1, NODE001, 0x2C9, 4119),
            Node(NODE002, NodeKind.CA, "node002 mlx4_0", 2, SYSTEM, 0x2C9, 4099),
        ],
        [
            Link(PortKey(LEAF01, 1), PortKey(NODE001, 1), "4X", "EDR"),
            Link(PortKey(LEAF01, 2), PortKey(NODE002, 1), "4X", "FDR"),
            Link(PortKey(LEAF01, 3), PortKey(NODE002, 2), "1X", "FDR10"),
        ],
        [
            Lid(PortKey(LEAF01, 0), 2, 0, LEAF01),
            Lid(PortKey(NODE001, 1), 3, 1, NODE001),
            Lid(PortKey(NODE002, 1), 4, 0, "0002c90300123451"),
            Lid(PortKey(NODE002, 2), 5, 0, "0002c90300123452"),
        ],
        down=[PortKey(LEAF01, 4)],
        modules=[
            Module(PortKey(LEAF01, 1), "Mellanox", "MCP1600-E002", "MT1739VS02126", 2.0),
            Module(PortKey(NODE001, 1), "Mellanox", "MCP1600-E002", "MT1739VS02126", 2.0),
        ],
    )
    assert (reading.found, reading.dated) == (FOUND, True)
    assert reading.notices == ("Not read: PHY_DB1.",)


def test_a_data_base_without_cables_counters_or_time_is_read_too() -> None:
    text = DB_CSV[DB_CSV.index("START_NODES") : DB_CSV.index("START_PM_INFO")]
    reading = ibdiagnet.parse(text, replace(ORIGIN, told_ms=5))
    sweep, counters = reading.value
    assert (sweep.modules, counters.ports, sweep.seen_at_ms, reading.dated) == ((), (), 5, False)


def test_links_told_from_both_ends_are_one() -> None:
    both = DB_CSV.replace("END_LINKS", f"0x{NODE001},1,0x{LEAF01},1\nEND_LINKS")
    assert ibdiagnet.parse(both, ORIGIN).value == ibdiagnet.parse(DB_CSV, ORIGIN).value


def test_two_speeds_of_one_link_are_unknown_and_told() -> None:
    changed = DB_CSV.replace(f"0x{NODE001},1,0x0,0xfe80000000000000,1,3,0,2,512", f"0x{NODE001},1,0x0,0,1,3,0,2,256")
    reading = ibdiagnet.parse(changed, ORIGIN)
    assert Link(PortKey(NODE001, 1), PortKey(LEAF01, 1), "4X", None) in reading.value[0].links
    assert "one link two speeds" in reading.notices[0]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (DB_CSV[:-1], "has no end"),
        (DB_CSV.replace("END_CABLE_INFO\n", ""), "END_CABLE_INFO is missing"),
        (DB_CSV.replace("END_PORTS", "END_PORT"), "END_PORT inside the section PORTS"),
        (DB_CSV[: DB_CSV.index("START_LINKS")], "the section LINKS is missing"),
        (DB_CSV + DB_CSV, "a second section NODES"),
        (DB_CSV.replace("NodeGuid1,PortNum1", "Guid1,PortNum1"), "LINKS has no column NodeGuid1"),
        (DB_CSV.replace('"MF0;leaf01:MSB7800/U1",36', '"MF0;leaf01:MSB7800/U1,36'), "quote that is not closed"),
        (DB_CSV.replace('"node001 mlx5_0",1', '"node001 mlx5_0",1,1'), "14 cells in a section of 13 columns"),
        (DB_CSV.replace('"node001 mlx5_0",1', '"node001 mlx5_0",x'), "NumPorts is a number, not 'x'"),
        (DB_CSV.replace('"node001 mlx5_0",1', '"node001 mlx5_0",999'), "has no NodeType or NumPorts that there is"),
        (DB_CSV.replace(f"0x{NODE002},0x0002c90300123451,4099", f"0x{NODE001},0x1,4099"), "is told twice"),
        (DB_CSV.replace(f"0x{LEAF01},1,0x{NODE001},1", f"0x{LEAF01},1,0x00000000000000ff,1"), "NODES does not have"),
        (DB_CSV.replace(f"0x{LEAF01},2,0x{NODE002},1", f"0x{LEAF01},1,0x{NODE002},1"), "is in another link already"),
        (DB_CSV.replace(f"0x{LEAF01},2,0x{NODE002},1", f"0x{LEAF01},999,0x{NODE002},1"), "is at most 254"),
        (DB_CSV.replace(",7,4294967295", ",-7,4294967295"), "LinkDownedCounter is a counter, not -7"),
        (
            DB_CSV.replace(f"0x{NODE001},1,0,12", f"0x{LEAF01},1,0,12").replace(
                f"0x{NODE001},0x{LEAF01},1,0", f"0x{LEAF01},0x{LEAF01},1,0"
            ),
            "were told already",
        ),
        (DB_CSV.replace(f"0x{NODE001},0x{NODE001}", f"0x{'0' * 16},0x{NODE001}"), "blotted out"),
        (DB_CSV.replace(f"0x{NODE001},1,0x0", f"0x{'X' * 16},1,0x0"), "PortGuid is a GUID, not"),
    ],
)
def test_what_does_not_fit_is_refused(changed: str, says: str) -> None:
    assert changed != DB_CSV
    error = refused(changed)
    assert says in str(error), str(error)
    assert error.fix

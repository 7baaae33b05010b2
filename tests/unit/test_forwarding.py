"""Forwarding tables and LIDs: every tool's word for one table is the same bytes, and what is not whole is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from unit.importing import NOW_MS, ORIGIN
from weft.base.errors import BadInput
from weft.base.formats import Format
from weft.fabric.formats import guid2lid, ibroute, opensm_fdbs, opensm_lfts
from weft.fabric.forwarding import ForwardingDump, PortLids, lids_of

LEAF, SPINE = "7cfe900300a00000", "7cfe900300a00680"
IBROUTE = """Unicast lids [0x0-0x6] of switch Lid 2 guid 0x0000000000000051 (MF0;leaf01:MSB7800/U1):
  Lid  Out   Destination
       Port     Info\x20
0x0001 019 : (Switch portguid 0x0000000000000061: 'spine (old)')
0x0004 001 : (Channel Adapter portguid 0x00000000000000c1: 'node001 mlx5_0')
0x0005 002 : (path #2 out of 2: portguid 0x00000000000000c1)
0x0006 255 : (illegal port)
4 lids dumped\x20
"""
LFTS = """Unicast lids [0-6] of switch Lid 2 guid 0x0000000000000051 ('MF0;leaf01:MSB7800/U1'):
0x0001 019 # Switch portguid 0x0000000000000061: 'spine (old)'
0x0004 001 # Channel Adapter portguid 0x00000000000000c1: 'node001 mlx5_0'
0x0005 002 # unknown node and type
6 lids dumped
"""
FDBS = """dump_ucast_routes: Switch 0x0000000000000051
LID    : Port : Hops : Optimal
0x0001 : 019  : 01   : yes
0x0002 : UNREACHABLE
0x0003 : UNREACHABLE
0x0004 : 001  : HOPS UNKNOWN
0x0005 : 002  : 03   : No 2 hop path possible via port 20!
"""
TABLE = bytes([255, 19, 255, 255, 1, 2])
"""Of all three: LID 1 by port 19, LID 4 by 1, LID 5 by 2, nothing else."""


def dump(data: Path, name: str) -> ForwardingDump:
    text = (data / "ib" / name).read_text()
    readers = (ibroute, opensm_lfts, opensm_fdbs, guid2lid)
    (reader,) = (reader for reader in readers if reader.recognise(text[:65536]))
    return reader.parse(text, ORIGIN).value


def test_three_tools_tell_the_same_27_tables_and_the_same_351_lids(data: Path) -> None:
    read, set_, routes = (
        dump(data, f"ft324-1-before/{f}") for f in ("dump_lfts.txt", "opensm-lfts.dump", "opensm.fdbs")
    )
    assert len(read.tables) == 27
    assert read.tables == set_.tables == routes.tables
    assert read.routes == 27 * 351
    assert read.lids == set_.lids == dump(data, "ft324-1-before/guid2lid").lids
    assert len(read.lids) == 351
    # Line 363 of dump_lfts.txt and after: leaf01; the lines that ibtracert.txt and ibroute-leaf01.txt agree on.
    assert (read.tables[LEAF][91], read.tables[SPINE][91]) == (36, 36)
    assert read.lids[0] == PortLids("506b4b0300b00001", 1)


def test_one_switch_is_a_part_of_the_same_with_and_without_destinations(data: Path) -> None:
    whole = dump(data, "ft324-1-before/dump_lfts.txt")
    full, brief = (dump(data, f"ft324-1-before/{f}") for f in ("ibroute-leaf01.txt", "ibroute-n-leaf01.txt"))
    assert full.tables == brief.tables == {LEAF: whole.tables[LEAF]}
    assert (full.lids, brief.lids) == (whole.lids, ())
    moved = dump(data, "ft324-2-moved/ibroute-leaf01.txt").tables[LEAF]
    changed = {lid: (a, b) for lid, (a, b) in enumerate(zip(whole.tables[LEAF], moved, strict=True)) if a != b}
    assert changed == {50: (3, 21), 100: (21, 3)}  # node003 and node021 changed places: `diff` of the two samples


@pytest.mark.parametrize(
    ("reader", "text", "found"),
    [
        (ibroute.FORMAT, IBROUTE, "1 forwarding table with 3 routes, LIDs of 2 ports"),
        (opensm_lfts.FORMAT, LFTS, "1 forwarding table with 3 routes, LIDs of 2 ports"),
        (opensm_fdbs.FORMAT, FDBS, "1 forwarding table with 3 routes"),
    ],
)
def test_a_table_is_bytes_by_lid_without_what_follows_the_last_route(
    reader: Format[ForwardingDump], text: str, found: str
) -> None:
    reading = reader.parse(text, ORIGIN)
    assert reading.value.tables == {"0000000000000051": TABLE}
    assert (reading.found, reading.seen_at_ms, reading.dated) == (found, NOW_MS, False)


def test_lids_are_those_whose_range_is_whole() -> None:
    assert ibroute.parse(IBROUTE, ORIGIN).value.lids == (
        PortLids("0000000000000061", 1), PortLids("00000000000000c1", 4, 1),
    )  # fmt: skip
    # 4 LIDs from 8 on are an LMC of 2; 3 of them, or 4 from 9 on, are no range that a port can have.
    assert lids_of(dict.fromkeys(range(8, 12), "a")) == (PortLids("a", 8, 2),)
    assert lids_of(dict.fromkeys(range(8, 11), "a")) == ()
    assert lids_of(dict.fromkeys(range(9, 13), "a")) == ()
    assert lids_of({8: "a", 9: "b", 10: "a"}) == (PortLids("b", 9),)


@pytest.mark.parametrize(("reader", "text"), [(ibroute.FORMAT, IBROUTE), (opensm_lfts.FORMAT, LFTS)])
def test_every_cut_of_a_table_is_noticed(reader: Format[ForwardingDump], text: str) -> None:
    for length in range(len(text)):
        if text[:length].strip():
            with pytest.raises(BadInput):
                reader.parse(text[:length], ORIGIN)


def test_a_second_table_that_ends_early_is_noticed_in_opensm_fdbs() -> None:
    other = FDBS.replace("0051", "0052")
    assert opensm_fdbs.parse(FDBS + other, ORIGIN).found == "2 forwarding tables with 6 routes"
    for line in range(2, 7):
        with pytest.raises(BadInput, match="ends at LID"):
            opensm_fdbs.parse(FDBS + "".join(other.splitlines(keepends=True)[:line]), ORIGIN)


def test_multicast_tables_are_passed_over_and_alone_refused() -> None:
    multicast = (
        "Multicast mlids [0xc000-0xc3ff] of switch Lid 2 guid 0x0000000000000051 (leaf):\n"
        "            0                   1\n     Ports: 0 1 2 3 4 5 6 7 8 9 0\n MLid\n0xc000      x x\n"
        "1 valid mlids dumped \n"
    )
    assert ibroute.parse(multicast + IBROUTE, ORIGIN).value.tables == {"0000000000000051": TABLE}
    assert ibroute.recognise(multicast)
    with pytest.raises(BadInput, match="multicast tables only"):
        ibroute.parse(multicast, ORIGIN)
    beyond = IBROUTE.replace("0x0006 255 : (illegal port)", "0xc000 007 ")
    assert ibroute.parse(beyond, ORIGIN).value.tables == {"0000000000000051": TABLE}


def test_a_switch_of_which_a_part_did_not_answer_is_left_out() -> None:
    aside = "SubnGet(LFT) failed on switch 'leaf' DR path Node GUID 0x51 SMA LID 2; MAD status 0x6e AM 0x3\n"
    other = IBROUTE.replace("0051", "0052")
    reading = ibroute.parse(IBROUTE + other, replace(ORIGIN, stderr=aside))
    assert list(reading.value.tables) == ["0000000000000052"]
    assert reading.notices[0] == "1 switch left out: a part of the table did not answer."


def test_the_last_lid_that_the_tool_never_prints_is_told() -> None:
    text = IBROUTE.replace("0x0-0x6]", "0x0-0x40]")
    (notice,) = ibroute.parse(text, ORIGIN).notices
    assert notice == "The tool never prints the last LID of a table when it is a multiple of 64: 64 is unknown."


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (IBROUTE.replace("4 lids dumped", "5 lids dumped"), 8, "ends a table of 4 lines"),
        (IBROUTE.replace("[0x0-0x6]", "[0x3-0x6]"), 1, "a part of a table, from LID 3 on"),
        (IBROUTE.replace("0x0000000000000051", "0x0000000000000000"), 1, "blotted out"),
        (IBROUTE.replace("0x0005 002", "0x0004 002"), 6, "two routes in one table"),
        (IBROUTE.replace("0x0005 002", "0x0005 02"), 6, "was expected, not"),
        (IBROUTE + IBROUTE, 9, "a second table of switch 0000000000000051"),
        (IBROUTE.split("\n", 1)[1], 3, "of switch … guid 0x… (name):` was expected"),
        (
            IBROUTE + IBROUTE.replace("0051", "0052").replace("00c1", "00c2"),
            13,
            "LID 4 belongs to port 00000000000000c2",
        ),
        (IBROUTE[:-1], 8, "has no end"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        ibroute.parse(text, ORIGIN)
    assert (caught.value.line, says in str(caught.value)) == (line, True), str(caught.value)


def test_tables_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.fabric.forwarding.MOST_BYTES", 1 << 20)
    many = "".join(IBROUTE.replace("0051", f"{n:04x}").replace("0x0005", "0xbff5") for n in range(1, 30))
    with pytest.raises(BadInput, match="its tables are larger than 1 MiB"):
        ibroute.parse(many, ORIGIN)


GUID2LID = "0x00000000000000c1 0x0004 0x0005\n\n0x0000000000000061 0x0001 0x0001\n\n"


def test_guid2lid_is_read_with_its_masks() -> None:
    assert guid2lid.recognise(GUID2LID)
    assert guid2lid.parse(GUID2LID, ORIGIN).value.lids == (
        PortLids("0000000000000061", 1), PortLids("00000000000000c1", 4, 1),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GUID2LID.replace("0x0001 0x0001", "0x0005 0x0005"), "LID 5 is told of"),
        (GUID2LID.replace("0x0001 0x0001", "0x0000 0x0000"), "no port has LIDs 0 to 0"),
        (GUID2LID.replace("0x0001 0x0001", "0x0008 0x000a"), "no port has LIDs 8 to 10"),
        (GUID2LID.replace("0x0001 0x0001", "0xc000 0xc000"), "no port has LIDs 49152"),
        (GUID2LID.replace("61 0x", "c1 0x"), "told twice"),
        (GUID2LID + "hello\n", "was expected, not 'hello'"),
        (GUID2LID[:-2], "has no end"),
    ],
)
def test_lids_that_no_port_can_have_are_refused(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        guid2lid.parse(text, ORIGIN)

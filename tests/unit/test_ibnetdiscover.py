"""ibnetdiscover: the samples against what their README says, the dialects, and everything that is not whole."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from unit.importing import ORIGIN
from weft.base.errors import BadInput
from weft.base.intervals import ms_of
from weft.fabric.formats import ibnetdiscover
from weft.fabric.model import NOWHERE, Lid, Link, Node, NodeKind, PortKey, Sweep
from weft.fabric.names import HostPort, host_of

LEAF01, LEAF02, NODE001, NODE010 = "7cfe900300a00000", "7cfe900300a00040", "506b4b0300b00000", "506b4b0300ff0090"

SMALL = """#
# Topology file: generated on Sun Nov  1 22:23:15 2026
#
# Initiated from node 00000000000000a1 port 00000000000000a2

vendid=0x2c9
devid=0xcb20
sysimgguid=0x51
switchguid=0x51(51)
Switch\t36 "S-0000000000000051"\t\t# "MF0;leaf01:MSB7800/U1" enhanced port 0 lid 7 lmc 0
[1]\t"H-00000000000000a1"[1](a2) \t\t# "node001 mlx5_0" lid 3 4xEDR
[2]\t"H-00000000000000a1"[2](a3) \t\t# "node001 mlx5_0" lid 4 4xEDR
[9]\t"H-00000000000000b1"[1](b1) \t\t# "node002 mlx5_0" lid 8 1xHDR

vendid=0x2c9
devid=0x1017
sysimgguid=0xa1
caguid=0xa1
Ca\t2 "H-00000000000000a1"\t\t# "node001 mlx5_0"
[1](a2) \t"S-0000000000000051"[1]\t\t# lid 3 lmc 1 "MF0;leaf01:MSB7800/U1" lid 7 4xEDR
[2](a3) \t"S-0000000000000051"[2]\t\t# lid 4 lmc 0 "MF0;leaf01:MSB7800/U1" lid 7 4xEDR

vendid=0x2c9
devid=0x1017
caguid=0xb1
Ca\t1 "H-00000000000000b1"\t\t# "node002 mlx5_0"
[1](b1) \t"S-0000000000000051"[9]\t\t# lid 8 lmc 0 "MF0;leaf01:MSB7800/U1" lid 7 1xHDR
"""
SWITCH, HCA, OTHER = "0000000000000051", "00000000000000a1", "00000000000000b1"


def read(text: str) -> Sweep:
    return ibnetdiscover.parse(text, ORIGIN).value


def refused(text: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        ibnetdiscover.parse(text, ORIGIN)
    return caught.value


def sample(data: Path, name: str) -> str:
    return (data / "ib" / name / "ibnetdiscover.txt").read_text()


def test_a_small_dump_is_read_whole() -> None:
    reading = ibnetdiscover.parse(SMALL, ORIGIN)
    assert reading.value == Sweep.of(
        "ib",
        ms_of(datetime(2026, 11, 1, 22, 23, 15, tzinfo=UTC)),
        "ibnetdiscover",
        [
            Node(SWITCH, NodeKind.SWITCH, "MF0;leaf01:MSB7800/U1", 36, SWITCH, 0x2C9, 0xCB20),
            Node(HCA, NodeKind.CA, "node001 mlx5_0", 2, HCA, 0x2C9, 0x1017),
            Node(OTHER, NodeKind.CA, "node002 mlx5_0", 1, None, 0x2C9, 0x1017),
        ],
        [
            Link(PortKey(SWITCH, 1), PortKey(HCA, 1), "4X", "EDR"),
            Link(PortKey(SWITCH, 2), PortKey(HCA, 2), "4X", "EDR"),
            Link(PortKey(SWITCH, 9), PortKey(OTHER, 1), "1X", "HDR"),
        ],
        [
            Lid(PortKey(SWITCH, 0), 7, 0, SWITCH),
            Lid(PortKey(HCA, 1), 3, 1, "00000000000000a2"),
            Lid(PortKey(HCA, 2), 4, 0, "00000000000000a3"),
            Lid(PortKey(OTHER, 1), 8, 0, OTHER),
        ],
    )
    assert (reading.found, reading.dated, reading.notices) == ("3 nodes (1 switch), 3 links", True, ())


def test_the_sample_is_the_tree_that_its_readme_describes(data: Path) -> None:
    sweep = read(sample(data, "ft324-1-before"))
    switches = [node for node in sweep.nodes if node.kind is NodeKind.SWITCH]
    leaves = {node.guid for node in switches if "leaf" in node.description}
    assert (len(sweep.nodes), len(switches), len(leaves), len(sweep.links)) == (351, 27, 18, 648)
    assert {(link.width, link.speed) for link in sweep.links} == {("4X", "EDR")}
    for leaf in leaves:
        ends = [link for link in sweep.links if leaf in (link.a.guid, link.b.guid)]
        hosts = [link for link in ends if "506b4b" in link.a.guid + link.b.guid]
        assert (len(ends), len(hosts)) == (36, 18)
    assert Link(PortKey(NODE001, 1), PortKey(LEAF01, 1), "4X", "EDR") in sweep.links
    assert Lid(PortKey(LEAF01, 0), 2, 0, LEAF01) in sweep.lids
    assert Lid(PortKey(NODE001, 1), 1, 0, "506b4b0300b00001") in sweep.lids
    assert sweep.seen_at_ms == ms_of(datetime(2026, 11, 22, 22, 23, 15, tzinfo=UTC))


def test_the_move_swaps_two_hosts_and_nothing_else(data: Path) -> None:
    before, after = (read(sample(data, name)) for name in ("ft324-1-before", "ft324-2-moved"))
    node003, node021 = PortKey("506b4b0300b00020", 1), PortKey("506b4b0300b00140", 1)
    assert set(before.links) - set(after.links) == {
        Link(node003, PortKey(LEAF01, 3), "4X", "EDR"),
        Link(node021, PortKey(LEAF02, 3), "4X", "EDR"),
    }
    assert set(after.links) - set(before.links) == {
        Link(node021, PortKey(LEAF01, 3), "4X", "EDR"),
        Link(node003, PortKey(LEAF02, 3), "4X", "EDR"),
    }
    assert before.nodes == after.nodes


def test_the_failures_are_all_seen_and_the_silent_host_is_no_gone_one(data: Path) -> None:
    stderr = (data / "ib/ft324-4-failures/ibnetdiscover.txt.stderr").read_text()
    reading = ibnetdiscover.parse(sample(data, "ft324-4-failures"), replace(ORIGIN, stderr=stderr))
    before, after = read(sample(data, "ft324-1-before")), reading.value
    gone = {node.description for node in before.nodes} - {node.description for node in after.nodes}
    assert gone == {"node018 mlx5_0", "node011 mlx5_0", "MF0;spine09:MSB7800/U1"}
    assert NODE010 in {node.guid for node in after.nodes} - {node.guid for node in before.nodes}
    assert [link.width for link in after.links if PortKey(LEAF01, 8) in (link.a, link.b)] == ["1X"]
    assert len(after.links) == 648 - 36 - 2
    assert after.unanswered == (PortKey(LEAF01, 11),)
    assert reading.notices == (
        "Nothing answered behind MF0;leaf01:MSB7800/U1 port 11: what lies there is unknown, not gone.",
    )


@pytest.mark.parametrize(
    ("path", "ports"),
    [
        ("0,1,9", [PortKey(SWITCH, 9)]),  # its far node is there, but did not answer everything
        ("0,1,5", [PortKey(SWITCH, 5)]),
        ("0,1,5,2", [PortKey(SWITCH, 5)]),  # further than is known: the last port that is
        ("0,1", [PortKey(HCA, 1)]),
        ("0,1,200", [PortKey(HCA, 1)]),  # leaf01 has 36 ports
        ("0", [NOWHERE]),
        ("0,7", [NOWHERE]),
    ],
)
def test_a_time_out_taints_the_last_port_of_its_route_that_is_known(path: str, ports: list[PortKey]) -> None:
    stderr = f"x.c:186; umad (DR path slid 0; dlid 0; {path} Attr 0x11:0) bad status 110; Connection timed out\n"
    reading = ibnetdiscover.parse(SMALL, replace(ORIGIN, stderr=stderr))
    assert (reading.value.unanswered, len(reading.notices)) == (tuple(ports), 1)


@pytest.mark.parametrize(
    "stderr", ["umad (DR path slid 0; dlid 0; 0,x Attr", "ibwarn: [7] no", "\0\xff", "0,1,1\n" * 9]
)
def test_a_strange_standard_error_is_told_and_does_no_harm(stderr: str) -> None:
    reading = ibnetdiscover.parse(SMALL, replace(ORIGIN, stderr=stderr))
    assert reading.value.unanswered == ()
    assert reading.notices[0].startswith("The tool said aside: ")
    assert len(reading.notices) <= 4


def test_with_a_start_that_is_not_in_the_dump_nobody_can_tell_where() -> None:
    stderr = "umad (DR path slid 0; dlid 0; 0,1,5 Attr 0x11:0) bad status 110; Connection timed out\n"
    text = SMALL.replace("# Initiated from node 00000000000000a1", "# Initiated from node 00000000000000ff")
    assert ibnetdiscover.parse(text, replace(ORIGIN, stderr=stderr)).value.unanswered == (NOWHERE,)


@pytest.mark.parametrize(
    ("zone", "hour"),
    [("UTC", 22), ("Europe/Berlin", 21), ("America/New_York", 27), ("Asia/Kolkata", 16.883333333333333)],
)
def test_the_heading_is_local_time(zone: str, hour: float) -> None:
    reading = ibnetdiscover.parse(SMALL, replace(ORIGIN, zone=ZoneInfo(zone)))
    midnight = ms_of(datetime(2026, 11, 1, tzinfo=UTC))
    minutes = 23 if zone != "Asia/Kolkata" else 0
    assert reading.value.seen_at_ms == midnight + round(hour * 3_600_000) + minutes * 60_000 + 15_000


def test_an_hour_that_the_clock_repeats_is_told_and_seen_at_decides() -> None:
    text = SMALL.replace("Sun Nov  1 22:23:15 2026", "Sun Oct 25 02:30:00 2026")
    berlin = replace(ORIGIN, zone=ZoneInfo("Europe/Berlin"))
    first = ms_of(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))  # 02:30 CEST; 02:30 CET is an hour later
    reading = ibnetdiscover.parse(text, berlin)
    assert reading.value.seen_at_ms == first
    assert "--seen-at" in reading.notices[0]
    told = ibnetdiscover.parse(text, replace(berlin, told_ms=first + 3_600_000))
    assert (told.value.seen_at_ms, told.notices) == (first + 3_600_000, ())


def test_a_dump_without_heading_takes_its_time_from_outside() -> None:
    text = SMALL.split("\n\n", 1)[1]
    reading = ibnetdiscover.parse(text, replace(ORIGIN, told_ms=5000))
    assert (reading.value.seen_at_ms, reading.dated) == (5000, False)


DIALECTS = {
    "no speed column": SMALL.replace(" 4xEDR", "").replace(" 1xHDR", ""),
    "no name for the speed": SMALL.replace("4xEDR", "4x???").replace("1xHDR", "?????"),
    "only the width": SMALL.replace("4xEDR", "4x").replace("1xHDR", "1x"),
    "no quotes": SMALL.replace('"', ""),
    "no blank lines": SMALL.replace("\n\n", "\n"),
    "full information": SMALL.replace("EDR\n", "EDR s=4 w=2 v=4 e=2\n"),
    "long port GUIDs": SMALL.replace("(a2)", "(00000000000000A2)"),
    "older heading": SMALL.replace("# Initiated", "# Max of 3 hops discovered\n# Initiated"),
    "recorded by PuTTY": "=~=~=~=~= PuTTY log 2026.11.01 22:23:15 =~=~=~=~=\n" + SMALL,
    "chassis": SMALL.replace("\nvendid", "\nChassis 1 (guid 0x99)\n\n# Spine Nodes\nvendid", 1)
    .replace("sysimgguid=0x51", "sysimgguid=0x51\t\t# Chassis 1")
    .replace("(51)", "(51)\t# Voltaire 2012 Spine Chassis 1 Slot 3")
    .replace("[9]\t", "[9][ext 4]\t")
    .replace('"[9]\t', '"[9][ext 4]\t')
    .replace("\nvendid=0x2c9\ndevid=0x1017", "\nNon-Chassis Nodes\n\nvendid=0x2c9\ndevid=0x1017", 1),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_of_the_tool_are_read_alike(dialect: str) -> None:
    text = DIALECTS[dialect]
    assert text != SMALL
    assert ibnetdiscover.recognise(text)
    said, plain = read(text), read(SMALL)
    assert (said.nodes, said.lids) == (plain.nodes, plain.lids)
    assert [(x.a, x.b) for x in said.links] == [(x.a, x.b) for x in plain.links]
    if dialect in ("no speed column", "no name for the speed"):
        assert {link.speed for link in said.links} == {None}
    elif dialect == "only the width":
        assert [(link.width, link.speed) for link in said.links] == [("4X", None), ("4X", None), ("1X", None)]
    else:
        assert said.links == plain.links


def changed_lines(text: str, edits: dict[str, str]) -> str:
    """The sample with every line that holds a key changed by its value."""
    for word, change in edits.items():
        before, after = change.split(" -> ")
        lines = [line.replace(before, after) if word in line else line for line in text.splitlines(keepends=True)]
        assert "".join(lines) != text
        text = "".join(lines)
    return text


SAMPLE_DIALECTS: dict[str, Callable[[str], str]] = {
    "no speed column": lambda text: re.sub(r" \dx[EHD]DR\n", "\n", text),
    "no name for the speed": lambda text: text.replace(" 4xEDR", " 4x???"),
    "no quotes": lambda text: text.replace('"', ""),
    "no blank lines": lambda text: text.replace("\n\n", "\n"),
    "recorded by PuTTY": lambda text: f"=~=~=~=~=~= PuTTY log 2026.11.22 22:23:10 =~=~=~=~=~=\n{text}",
    "all switches of one description": lambda text: re.sub(r"MF0;[a-z]+\d\d:MSB7800/U1", "Infiniscale-IV", text),
    "HCAs that nobody named": lambda text: re.sub(r"node0\d\d mlx5_0", "MT4119 ConnectX5 Mellanox Technologies", text),
    "HCAs without a name": lambda text: re.sub(r"node0\d\d mlx5_0", "", text),
}


@pytest.mark.parametrize("dialect", SAMPLE_DIALECTS)
def test_the_sample_in_a_dialect_has_the_same_nodes_and_cables(data: Path, dialect: str) -> None:
    text = sample(data, "ft324-1-before")
    changed = SAMPLE_DIALECTS[dialect](text)
    assert changed != text
    assert ibnetdiscover.recognise(changed[:65536])
    said, plain = read(changed), read(text)
    assert [node.guid for node in said.nodes] == [node.guid for node in plain.nodes]
    assert [(x.a, x.b) for x in said.links] == [(x.a, x.b) for x in plain.links]
    assert said.lids == plain.lids


def test_ddr_amid_edr_is_that_one_link(data: Path) -> None:
    ends = {'"H-506b4b0300b00060"[1]': "4xEDR -> 4xDDR", "[1](506b4b0300b00061)": "4xEDR -> 4xDDR"}
    links = read(changed_lines(sample(data, "ft324-1-before"), ends)).links
    slow = [(x.a, x.b, x.width) for x in links if x.speed != "EDR"]
    assert slow == [(PortKey("506b4b0300b00060", 1), PortKey(LEAF01, 7), "4X")]


def test_two_rails_of_a_host_are_two_hcas_of_its_name(data: Path) -> None:
    text = sample(data, "ft324-1-before").replace("node002 mlx5_0", "node001 mlx5_1")
    found = {host_of(n.guid, n.description): n.guid for n in read(text).nodes if n.description.startswith("node001 ")}
    assert found == {HostPort("node001", "mlx5_0"): NODE001, HostPort("node001", "mlx5_1"): "506b4b0300b00010"}


def test_a_sharp_node_is_no_host(data: Path) -> None:
    """Switches with SHARP have a port more, with an aggregation node behind it."""
    text = sample(data, "ft324-1-before")
    name = "Mellanox Technologies Aggregation Node"
    heading = next(line for line in text.splitlines(keepends=True) if line.startswith(f'Switch\t36 "S-{LEAF01}"'))
    port = f'[37]\t"H-7cfe900300a00008"[1](7cfe900300a00008) \t\t# "{name}" lid 900 4xHDR\n'
    text = text.replace(heading, heading.replace("\t36 ", "\t37 ") + port) + (
        f"\nvendid=0x2c9\ndevid=0xcf09\nsysimgguid=0x{LEAF01}\ncaguid=0x7cfe900300a00008\n"
        f'Ca\t1 "H-7cfe900300a00008"\t\t# "{name}"\n'
        f'[1](7cfe900300a00008) \t"S-{LEAF01}"[37]\t\t# lid 900 lmc 0 "MF0;leaf01:MSB7800/U1" lid 2 4xHDR\n'
    )
    sweep = read(text)
    (sharp,) = [node for node in sweep.nodes if node.description == name]
    assert host_of(sharp.guid, sharp.description) is None
    assert Link(PortKey(LEAF01, 37), PortKey(sharp.guid, 1), "4X", "HDR") in sweep.links
    assert len(sweep.links) == 649


@pytest.mark.parametrize("blot", ["0000000000000000", "xxxxxxxxxxxxxxxx", "REDACTED", "deadbeefdeadbeef"])
def test_a_dump_with_its_guids_blotted_out_is_refused(data: Path, blot: str) -> None:
    text = re.sub(r"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])", blot, sample(data, "ft324-1-before"))
    assert ibnetdiscover.recognise(text[:65536])
    assert refused(text).fix


def test_a_router_is_a_node_too() -> None:
    text = SMALL.replace("H-00000000000000b1", "R-00000000000000b1").replace("Ca\t1", "Rt\t1")
    sweep = read(text.replace("caguid=0xb1", "rtguid=0xb1"))
    assert [node.kind for node in sweep.nodes] == [NodeKind.SWITCH, NodeKind.CA, NodeKind.ROUTER]


def test_a_node_that_was_printed_twice_alike_is_one_and_otherwise_is_refused() -> None:
    block = SMALL[SMALL.index("vendid=0x2c9\ndevid=0x1017\ncaguid=0xb1") :]
    assert read(f"{SMALL}\n{block}") == read(SMALL)
    error = refused(f"{SMALL}\n{block.replace('node002', 'node003')}")
    assert (error.line, "already, and differently" in str(error)) == (32, True)


def test_a_node_map_at_the_far_end_is_a_notice() -> None:
    reading = ibnetdiscover.parse(SMALL.replace('# "node002 mlx5_0" lid 8', '# "the other" lid 8'), ORIGIN)
    assert [node.description for node in reading.value.nodes][2] == "node002 mlx5_0"
    assert reading.notices == (
        "1 node called otherwise at the far end of a cable than in the own heading (the heading is taken), first "
        "00000000000000b1.",
    )


def test_two_speeds_of_one_link_are_unknown_and_told() -> None:
    reading = ibnetdiscover.parse(SMALL.replace("lid 8 1xHDR", "lid 8 1xEDR", 1), ORIGIN)
    assert Link(PortKey(SWITCH, 9), PortKey(OTHER, 1), "1X", None) in reading.value.links
    assert "Lines 13 and 27 give one link two speeds" in reading.notices[0]
    one_sided = ibnetdiscover.parse(SMALL.replace("lid 8 1xHDR", "lid 8 1x???", 1), ORIGIN)
    assert Link(PortKey(SWITCH, 9), PortKey(OTHER, 1), "1X", "HDR") in one_sided.value.links


def test_every_line_that_is_missing_is_noticed() -> None:
    lines = SMALL.splitlines(keepends=True)
    ids = ("vendid", "devid", "sysimgguid", "switchguid", "caguid")
    for number in range(4, len(lines)):
        if lines[number].strip() and not lines[number].startswith(ids):
            refused("".join(lines[:number] + lines[number + 1 :]))


def test_every_cut_is_noticed() -> None:
    whole = read(SMALL)
    for length in range(len(SMALL)):
        with pytest.raises(BadInput):
            ibnetdiscover.parse(SMALL[:length], ORIGIN)
    assert read(SMALL) == whole


@pytest.mark.parametrize(
    ("changed", "line", "says"),
    [
        (SMALL.replace('"H-00000000000000b1"[1]', '"H-00000000000000b2"[1]', 1), 13, "has no block"),
        (SMALL.replace('"S-0000000000000051"[9]', '"S-0000000000000051"[8]'), 13, "leads to 0000000000000051/8"),
        (SMALL.replace("lid 8 1xHDR", "lid 9 1xHDR", 1), 13, "LID 9"),
        (SMALL.replace("(b1) \t\t#", "(b2) \t\t#"), 13, "port GUID 00000000000000b2"),
        (SMALL.replace("[9]\t", "[37]\t", 1), 13, "a node that has 36 ports"),
        (SMALL.replace("[2]\t", "[1]\t", 1), 12, "was told at line 11"),
        (SMALL.replace("Switch\t36", "Switch\t0"), 10, "1 to 254 ports"),
        (SMALL.replace("switchguid=0x51", "switchguid=0x52"), 10, "names other GUIDs"),
        (SMALL.replace("S-0000000000000051", "S-0000000000000000").replace("0x51(51)", "0x0(0)"), 10, "blotted out"),
        (SMALL.replace("00000000000000b1", "xxxxxxxxxxxxxxxx"), 13, "16 hex digits"),
        (SMALL.replace("Sun Nov  1", "Sun Nov 31"), 2, "is no time"),
        (SMALL.replace("Sun Nov  1", "Sun Now  1"), 2, "is no time"),
        (SMALL + SMALL, 29, "a second topology begins here (the first at line 2)"),
        (SMALL.replace("\nCa\t1", "\nHello\nCa\t1"), 26, "was expected, not 'Hello'"),
        (SMALL + "x" * 100_000 + "\n", 28, "a line of 100,000 characters"),
        (SMALL[:-1], 27, "has no end"),
        ("#\n# Topology file: generated on Sun Nov  1 22:23:15 2026\n#\n", None, "no node in it"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(changed: str, line: int | None, says: str) -> None:
    error = refused(changed)
    assert (error.line, says in str(error)) == (line, True), str(error)
    assert error.fix


def test_a_port_plugged_into_itself_is_left_out() -> None:
    loop = '[20]\t"S-0000000000000051"[20]\t\t# "MF0;leaf01:MSB7800/U1" lid 7 4xEDR\n'
    reading = ibnetdiscover.parse(SMALL.replace("1xHDR\n", f"1xHDR\n{loop}", 1), ORIGIN)
    assert len(reading.value.links) == 3
    assert "plugged into itself" in reading.notices[0]


def test_a_search_that_found_only_its_start_is_whole() -> None:
    alone = SMALL[: SMALL.index("vendid")] + 'caguid=0xa1\nCa\t2 "H-00000000000000a1"\t\t# "node001 mlx5_0"\n'
    assert [node.description for node in read(alone).nodes] == ["node001 mlx5_0"]


def test_lid_0_is_no_lid() -> None:
    text = SMALL.replace("lid 8 ", "lid 0 ")
    assert PortKey(OTHER, 1) not in {lid.port for lid in read(text).lids}


def test_only_its_own_listings_are_recognised(data: Path) -> None:
    taken = [
        path.name
        for path in sorted((data / "ib").rglob("*"))
        if path.is_file() and ibnetdiscover.recognise(path.read_text(errors="replace")[:65536])
    ]
    assert taken == ["ibnetdiscover.txt"] * 3

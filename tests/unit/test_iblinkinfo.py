"""iblinkinfo in its forms: the samples hold what ibnetdiscover told; lines torn from a listing are a part of one."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from unit.importing import ORIGIN
from weft.base.errors import BadInput
from weft.fabric.formats import iblinkinfo, ibnetdiscover
from weft.fabric.model import Lid, Link, Node, NodeKind, PortKey, Sweep
from weft.fabric.places import PortRef, UnplacedSweep

LEAF, SPINE, HCA, SECOND = "00000000000000a1", "00000000000000a2", "00000000000000b1", "00000000000000b2"
FDR = "==( 4X       14.0625 Gbps Active/  LinkUp)==>"
UP = "==( 4X      25.78125 Gbps Active/  LinkUp)==>"
DOWN = '==(                Down/ Polling)==>             [  ] "" ( )'

SMALL = f"""\
CA: node001 mlx4_0:
      0x{HCA}      3    1[  ] {UP}       7    1[  ] "MF0;leaf01:MSB7800/U1" ( )
      0x{SECOND}      4    2[  ] {FDR}       7    2[  ] "MF0;leaf01:MSB7800/U1" ( )
Switch: 0x{SPINE} MF0;spine01:MSB7800/U1:
           8    1[  ] {UP}       7   35[  ] "MF0;leaf01:MSB7800/U1" (Could be 12X Could be 53.125 Gbps)
           8    2[  ] {DOWN}
Switch: 0x{LEAF} MF0;leaf01:MSB7800/U1:
           7    1[  ] {UP}       3    1[  ] "node001 mlx4_0" ( )
           7    2[ 4] {FDR}       4    2[  ] "node001 mlx4_0" ( )
           7    3[  ] {UP}      "Port not available"
           7   35[  ] {UP}       8    1[  ] "MF0;spine01:MSB7800/U1" (Could be 12X)
           7   36[  ] {DOWN}
"""


def read(text: str) -> UnplacedSweep:
    return iblinkinfo.parse(text, ORIGIN).value


def refused(text: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        iblinkinfo.parse(text, ORIGIN)
    return caught.value


def grepped(text: str, word: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if word in line)


def test_a_small_listing_is_read_whole() -> None:
    reading = iblinkinfo.parse(SMALL, ORIGIN)
    assert reading.value.sweep == Sweep.of(
        "ib",
        ORIGIN.file_ms,
        "iblinkinfo",
        [
            Node(LEAF, NodeKind.SWITCH, "MF0;leaf01:MSB7800/U1", 0),
            Node(SPINE, NodeKind.SWITCH, "MF0;spine01:MSB7800/U1", 0),
            Node(HCA, NodeKind.CA, "node001 mlx4_0", 0),
            Node(SECOND, NodeKind.CA, "node001 mlx4_0", 0),
        ],
        [
            Link(PortKey(LEAF, 1), PortKey(HCA, 1), "4X", "EDR"),
            Link(PortKey(LEAF, 2), PortKey(SECOND, 2), "4X", "FDR"),
            Link(PortKey(LEAF, 35), PortKey(SPINE, 1), "4X", "EDR"),
        ],
        [
            Lid(PortKey(LEAF, 0), 7, 0, LEAF),
            Lid(PortKey(SPINE, 0), 8, 0, SPINE),
            Lid(PortKey(HCA, 1), 3, 0, HCA),
            Lid(PortKey(SECOND, 2), 4, 0, SECOND),
        ],
        down=[PortKey(LEAF, 36), PortKey(SPINE, 2)],
        unanswered=[PortKey(LEAF, 3)],  # it is up, to a peer that does not answer
    )
    assert reading.value.stand_ins == {
        HCA: PortRef(None, HCA, None, "node001 mlx4_0", 1),
        SECOND: PortRef(None, SECOND, None, "node001 mlx4_0", 2),
    }
    assert reading.value.highest == {LEAF: 36, SPINE: 2, HCA: 1, SECOND: 2}
    assert reading.found == "4 nodes (2 switches), 3 links, 2 ports down, 1 port without an answer"
    assert (reading.dated, reading.notices) == (False, ())


@pytest.mark.parametrize("file", ["ft324-1-before/iblinkinfo.txt", "ft324-1-before/iblinkinfo-l.txt",
                                  "ft324-2-moved/iblinkinfo.txt", "ft324-4-failures/iblinkinfo.txt"])  # fmt: skip
def test_the_samples_hold_what_ibnetdiscover_told(data: Path, file: str) -> None:
    path = data / "ib" / file
    aside = path.with_name("ibnetdiscover.txt.stderr")
    origin = replace(ORIGIN, stderr=aside.read_text() if aside.exists() else "")
    whole = ibnetdiscover.parse(path.with_name("ibnetdiscover.txt").read_text(), origin).value
    reading = iblinkinfo.parse(path.read_text(), origin)
    node_of = {lid.guid: lid.port.guid for lid in whole.lids}
    placed = reading.value.placed({guid: node_of[guid] for guid in reading.value.stand_ins}, {})
    assert placed.links == whole.links
    assert placed.lids == whole.lids
    assert placed.unanswered == whole.unanswered
    assert placed.complete
    assert [(n.guid, n.kind, n.description) for n in placed.nodes] == [
        (n.guid, n.kind, n.description) for n in whole.nodes
    ]


def test_the_sample_states_which_ports_are_down(data: Path) -> None:
    folder = data / "ib/ft324-4-failures"
    down = read((folder / "iblinkinfo.txt").read_text()).sweep.down
    assert len(down) == 37  # 2 of each of the 18 leaves, to spine09, and node018's
    only = iblinkinfo.parse((folder / "iblinkinfo-down.txt").read_text(), ORIGIN)
    assert (only.value.sweep.down, only.value.sweep.links, only.value.sweep.complete) == (down, (), False)
    assert "It lists only ports without a link" in only.notices[0]


def test_lines_without_headings_tell_hcas_by_port_guid_and_switches_by_lid() -> None:
    reading = iblinkinfo.parse(grepped(SMALL, "=="), ORIGIN)
    sweep = reading.value.sweep
    assert not sweep.complete
    assert "ports without the headings of their nodes: part of a listing" in reading.notices[0]
    assert sweep.links == (
        Link(PortKey(HCA, 1), PortKey("LID 7", 1), "4X", "EDR"),
        Link(PortKey(SECOND, 2), PortKey("LID 7", 2), "4X", "FDR"),
        Link(PortKey("LID 7", 35), PortKey("LID 8", 1), "4X", "EDR"),
    )
    assert reading.value.stand_ins == {
        HCA: PortRef(None, HCA, None, "node001 mlx4_0", 1),
        SECOND: PortRef(None, SECOND, None, "node001 mlx4_0", 2),
        "LID 7": PortRef(lid=7, description="MF0;leaf01:MSB7800/U1"),
        "LID 8": PortRef(lid=8, description="MF0;spine01:MSB7800/U1"),
    }
    assert [(lid.port.guid, lid.guid) for lid in sweep.lids][-1] == ("LID 8", None)


@pytest.mark.parametrize("word", ["leaf01", "spine01", "node001", "mlx4_0", "Active", "LinkUp", "MSB7800"])
def test_lines_grepped_with_some_headings_give_no_port_to_another_node(word: str) -> None:
    """Whatever is read of some lines is true of the whole listing too."""
    some, whole = read(grepped(SMALL, word)).sweep, read(SMALL).sweep
    guid = {"LID 3": HCA, "LID 4": SECOND, "LID 7": LEAF, "LID 8": SPINE}

    def real(port: PortKey) -> PortKey:
        return PortKey(guid.get(port.guid, port.guid), port.number)

    links = {Link(min(real(x.a), real(x.b)), max(real(x.a), real(x.b)), x.width, x.speed) for x in some.links}
    assert links <= set(whole.links)
    assert {real(port) for port in some.down} <= set(whole.down)
    names = {node.guid: node.description for node in whole.nodes}
    assert all(node.description in ("", names[guid.get(node.guid, node.guid)]) for node in some.nodes)
    assert not some.complete


def test_any_lines_of_the_sample_are_read_for_what_they_are(data: Path) -> None:
    text = (data / "ib/ft324-4-failures/iblinkinfo.txt").read_text()
    whole = read(text).sweep
    guid = {f"LID {lid.lid}": lid.port.guid for lid in whole.lids}
    names = {node.guid: node.description for node in whole.nodes}
    rng = random.Random(7)
    for _ in range(20):
        share = rng.choice((0.02, 0.3, 0.9))
        lines = [line for line in text.splitlines(keepends=True) if rng.random() < share]
        some = read("".join(lines)).sweep
        ends = {frozenset(PortKey(guid.get(p.guid, p.guid), p.number) for p in (x.a, x.b)) for x in some.links}
        assert ends <= {frozenset((x.a, x.b)) for x in whole.links}
        assert {PortKey(guid.get(p.guid, p.guid), p.number) for p in some.down} <= set(whole.down)
        assert all(node.description in ("", names[guid.get(node.guid, node.guid)]) for node in some.nodes)
        assert not some.complete


def test_a_switch_with_one_line_of_many_is_found_by_its_guid() -> None:
    """With -l no line says what a node is: one whose GUID has several ports is a switch, of one port it is open."""
    own = f'0x{LEAF} "         MF0;leaf01:MSB7800/U1"      7    3[  ]'
    sweep = read(f'{own} {UP}  0x{HCA}      3    1[  ] "node001 mlx5_0" ( )\n')
    assert sweep.stand_ins[LEAF] == PortRef(None, LEAF, None, "MF0;leaf01:MSB7800/U1", 3)
    assert not sweep.sweep.complete


@pytest.mark.parametrize(
    ("link", "width", "speed"),
    [
        ("( 4X           2.5 Gbps Active/  LinkUp)", "4X", "SDR"),
        ("(12X           5.0 Gbps Initialize/  LinkUp)", "12X", "DDR"),
        ("( 4X          10.0 Gbps Active/  LinkUp)", "4X", "QDR"),
        ("( 4X  10.0 Gbps (FDR10) Active/  LinkUp)", "4X", "FDR10"),
        ("( 2X        53.125 Gbps  Armed/  LinkUp)", "2X", "HDR"),
        ("( 4X        106.25 Gbps Active/  LinkUp)", "4X", "NDR"),
        ("( 4X         212.5 Gbps Active/  LinkUp)", "4X", "XDR"),
        ("(undefined (0)      undefined (0) Active/  LinkUp)", None, None),
        ("( 4X          10.0 Gbps Active/  LinkUp) (HOQ:18 VL_Stall:7)", "4X", "QDR"),
    ],
)
def test_widths_and_speeds_of_the_tool(link: str, width: str | None, speed: str | None) -> None:
    text = SMALL.replace(f"{UP}       7    1[", f"=={link}==>       7    1[").replace(
        f"{UP}       3    1[", f"=={link}==>       3    1["
    )
    assert [(x.width, x.speed) for x in read(text).sweep.links if x.b == PortKey(HCA, 1)] == [(width, speed)]


@pytest.mark.parametrize(
    ("changed", "line", "says"),
    [
        (SMALL[:-1], 12, "has no end"),
        (SMALL + "hello\n", 13, "was expected, not 'hello'"),
        (SMALL.replace(f"0x{HCA}", "0x" + "0" * 16), 2, "blotted out"),
        (SMALL.replace(f"0x{HCA}", "0x" + "X" * 16), 2, "was expected, not"),
        (SMALL + SMALL.splitlines(keepends=True)[-1], 13, "was told at line 12 already"),
        (SMALL.replace("4X      25.78125 Gbps Active/", "4X Active+", 1), 2, "was expected, not ' 4X Active+  LinkUp'"),
        ("# nothing\n", None, "no port in it"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(changed: str, line: int | None, says: str) -> None:
    error = refused(changed)
    assert (error.line, says in str(error)) == (line, True), str(error)
    assert error.fix

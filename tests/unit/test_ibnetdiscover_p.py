"""ibnetdiscover -p: the samples hold what ibnetdiscover itself told, and what a row does not tell is not made up."""

from dataclasses import replace
from pathlib import Path

import pytest

from unit.importing import ORIGIN
from weft.base.errors import BadInput
from weft.fabric.formats import ibnetdiscover, ibnetdiscover_p
from weft.fabric.model import Lid, Link, Node, NodeKind, PortKey, Sweep
from weft.fabric.places import PortRef, UnplacedSweep

LEAF, FIRST, SECOND, OTHER = "0000000000000051", "00000000000000a2", "00000000000000a3", "00000000000000b1"

SMALL = """\
CA     8  1 0x00000000000000b1 1x HDR - SW     7  9 0x0000000000000051 ( 'node002 mlx5_0' - 'MF0;leaf01:MSB7800/U1' )
SW     7 10 0x0000000000000051 4x EDR                                    'MF0;leaf01:MSB7800/U1'
SW     7  9 0x0000000000000051 1x HDR - CA     8  1 0x00000000000000b1 ( 'MF0;leaf01:MSB7800/U1' - 'node002 mlx5_0' )
SW     7  2 0x0000000000000051 4x EDR - CA     4  2 0x00000000000000a3 ( 'MF0;leaf01:MSB7800/U1' - 'node001 mlx4_0' )
SW     7  1 0x0000000000000051 4x EDR - CA     3  1 0x00000000000000a2 ( 'MF0;leaf01:MSB7800/U1' - 'node001 mlx4_0' )
CA     4  2 0x00000000000000a3 4x EDR - SW     7  2 0x0000000000000051 ( 'node001 mlx4_0' - 'MF0;leaf01:MSB7800/U1' )
CA     3  1 0x00000000000000a2 4x EDR - SW     7  1 0x0000000000000051 ( 'node001 mlx4_0' - 'MF0;leaf01:MSB7800/U1' )
"""


def read(text: str) -> UnplacedSweep:
    return ibnetdiscover_p.parse(text, ORIGIN).value


def refused(text: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        ibnetdiscover_p.parse(text, ORIGIN)
    return caught.value


def test_a_small_report_is_read_whole() -> None:
    reading = ibnetdiscover_p.parse(SMALL, ORIGIN)
    assert reading.value.sweep == Sweep.of(
        "ib",
        ORIGIN.file_ms,
        "ibnetdiscover -p",
        [
            Node(LEAF, NodeKind.SWITCH, "MF0;leaf01:MSB7800/U1", 0),
            Node(FIRST, NodeKind.CA, "node001 mlx4_0", 0),
            Node(SECOND, NodeKind.CA, "node001 mlx4_0", 0),
            Node(OTHER, NodeKind.CA, "node002 mlx5_0", 0),
        ],
        [
            Link(PortKey(LEAF, 1), PortKey(FIRST, 1), "4X", "EDR"),
            Link(PortKey(LEAF, 2), PortKey(SECOND, 2), "4X", "EDR"),
            Link(PortKey(LEAF, 9), PortKey(OTHER, 1), "1X", "HDR"),
        ],
        [
            Lid(PortKey(LEAF, 0), 7, 0, LEAF),
            Lid(PortKey(FIRST, 1), 3, 0, FIRST),
            Lid(PortKey(SECOND, 2), 4, 0, SECOND),
            Lid(PortKey(OTHER, 1), 8, 0, OTHER),
        ],
    )
    assert reading.value.stand_ins == {
        FIRST: PortRef(None, FIRST, None, "node001 mlx4_0", 1),
        SECOND: PortRef(None, SECOND, None, "node001 mlx4_0", 2),
        OTHER: PortRef(None, OTHER, None, "node002 mlx5_0", 1),
    }
    assert reading.value.highest == {LEAF: 10, FIRST: 1, SECOND: 2, OTHER: 1}
    assert (reading.found, reading.dated, reading.notices) == ("4 nodes (1 switch), 3 links", False, ())


def test_a_row_without_a_peer_is_not_called_down() -> None:
    assert read(SMALL).sweep.down == ()


@pytest.mark.parametrize("folder", ["ft324-1-before", "ft324-2-moved", "ft324-4-failures"])
def test_the_samples_hold_what_ibnetdiscover_told(data: Path, folder: str) -> None:
    aside = data / "ib" / folder / "ibnetdiscover.txt.stderr"
    origin = replace(ORIGIN, stderr=aside.read_text() if aside.exists() else "")
    whole = ibnetdiscover.parse((data / "ib" / folder / "ibnetdiscover.txt").read_text(), origin).value
    told = ibnetdiscover_p.parse((data / "ib" / folder / "ibnetdiscover-p.txt").read_text(), origin).value
    node_of = {lid.guid: lid.port.guid for lid in whole.lids}
    placed = told.placed({guid: node_of[guid] for guid in told.stand_ins}, {})
    assert placed.links == whole.links
    assert placed.lids == whole.lids
    assert placed.unanswered == whole.unanswered
    assert [(n.guid, n.kind, n.description) for n in placed.nodes] == [
        (n.guid, n.kind, n.description) for n in whole.nodes
    ]
    assert placed.complete


@pytest.mark.parametrize("lines", [slice(0, -1), slice(1, None), slice(2, 3)])
def test_some_lines_of_a_report_are_a_part(lines: slice) -> None:
    reading = ibnetdiscover_p.parse("".join(SMALL.splitlines(keepends=True)[lines]), ORIGIN)
    assert not reading.value.sweep.complete
    assert "part of a listing" in reading.notices[0]


DIALECTS = {
    "no quotes": SMALL.replace("'", ""),
    "no name for the speed": SMALL.replace("EDR", "???").replace("HDR", "???"),
    "no speed": SMALL.replace(" EDR", "").replace(" HDR", ""),
    "recorded by PuTTY": "=~=~=~=~= PuTTY log 2026.11.01 22:23:15 =~=~=~=~=\n" + SMALL,
    "blank lines": SMALL.replace("\n", "\n\n"),
    "a router": SMALL.replace("CA     8", "RT     8"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_are_read_alike(dialect: str) -> None:
    assert ibnetdiscover_p.recognise(DIALECTS[dialect])
    said, plain = read(DIALECTS[dialect]).sweep, read(SMALL).sweep
    assert [(x.a, x.b, x.width) for x in said.links] == [(x.a, x.b, x.width) for x in plain.links]
    assert [x.speed for x in said.links] == ([None] * 3 if "speed" in dialect else ["EDR", "EDR", "HDR"])
    assert said.lids == plain.lids
    kinds = [NodeKind.SWITCH, NodeKind.CA, NodeKind.CA, NodeKind.ROUTER if dialect == "a router" else NodeKind.CA]
    assert [(n.description, n.kind) for n in said.nodes] == list(
        zip([n.description for n in plain.nodes], kinds, strict=True)
    )


def test_names_that_cannot_be_told_apart_are_unknown() -> None:
    odd = SMALL.replace("node002 mlx5_0", "rack' - 'node002")
    assert [n.description for n in read(odd).sweep.nodes if n.guid == OTHER] == [""]


@pytest.mark.parametrize(
    ("changed", "line", "says"),
    [
        (SMALL[:-1], 7, "has no end"),
        (SMALL + SMALL.splitlines(keepends=True)[0], 8, "was told at line 1 already"),
        (SMALL + "hello\n", 8, "was expected, not 'hello'"),
        (SMALL.replace("0x00000000000000b1", "0x0000000000000000"), 1, "blotted out"),
        (SMALL.replace("0x00000000000000b1", "0xXXXXXXXXXXXXXXXX"), 1, "16 hex digits"),
        (SMALL.replace("SW     7  9", "CA     7  9"), 2, "was a ca in another row and is a switch here"),
        (SMALL.replace("CA     8  1", "CA     9  1", 1), 3, "had LID 9 in another row and has 8 here"),
        (SMALL.replace("SW     7 10", "SW     7 255"), 2, "1 to 254"),
        ("# nothing\n", None, "no port in it"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(changed: str, line: int | None, says: str) -> None:
    error = refused(changed)
    assert (error.line, says in str(error)) == (line, True), str(error)
    assert error.fix

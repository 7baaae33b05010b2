"""opensm-subnet.lst: the sample is what ibnetdiscover told of the same fabric, to the last LID."""

from dataclasses import replace
from pathlib import Path

import pytest

from unit.importing import ORIGIN
from weft.base.errors import BadInput
from weft.fabric.formats import ibnetdiscover, opensm_subnet
from weft.fabric.model import Lid, Link, Node, NodeKind, PortKey, Sweep

LEAF, HCA = "7cfe900300a00000", "506b4b0300b00000"
_LEAF = (
    f"{{ SW Ports:24 SystemGUID:{LEAF} NodeGUID:{LEAF} PortGUID:{LEAF} VenID:0002C9 DevID:CB20 Rev:000000A1 "
    "{MF0;leaf01:MSB7800/U1} LID:0002 PN:0A } "
)
_HCA = (
    f"{{ CA-SM Ports:02 SystemGUID:{HCA} NodeGUID:{HCA} PortGUID:506b4b0300b00001 VenID:000002C9 DevID:10170000 "
    "Rev:000000A1 {node001 mlx5_0} LID:001D PN:01 } "
)
SMALL = f"{_LEAF}{_HCA}PHY=4x LOG=ACT SPD=25\n{_HCA}{_LEAF}PHY=4x LOG=ACT SPD=25\n"


def refused(text: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        opensm_subnet.parse(text, ORIGIN)
    return caught.value


def test_a_small_list_is_read_whole() -> None:
    reading = opensm_subnet.parse(SMALL, ORIGIN)
    assert reading.value.sweep == Sweep.of(
        "ib",
        ORIGIN.file_ms,
        "opensm-subnet.lst",
        [
            Node(LEAF, NodeKind.SWITCH, "MF0;leaf01:MSB7800/U1", 36, LEAF, 0x2C9, 0xCB20),
            Node(HCA, NodeKind.CA, "node001 mlx5_0", 2, HCA, 0x2C9, 0x10170000),
        ],
        [Link(PortKey(LEAF, 10), PortKey(HCA, 1), "4X", "EDR")],
        [Lid(PortKey(LEAF, 0), 2, 0, LEAF), Lid(PortKey(HCA, 1), 29, 0, "506b4b0300b00001")],
    )
    assert reading.value.stand_ins == {}
    assert (reading.found, reading.dated) == ("2 nodes (1 switch), 1 link", False)


def test_the_sample_is_what_ibnetdiscover_told(data: Path) -> None:
    text = (data / "ib/ft324-1-before/opensm-subnet.lst").read_text()
    whole = ibnetdiscover.parse((data / "ib/ft324-1-before/ibnetdiscover.txt").read_text(), ORIGIN).value
    assert opensm_subnet.recognise(text[:65536])
    told = opensm_subnet.parse(text, ORIGIN)
    assert told.notices == ()
    assert replace(told.value.sweep, seen_at_ms=0, source="") == replace(whole, seen_at_ms=0, source="")


@pytest.mark.parametrize(
    ("spd", "speed"),
    [("2.5", "SDR"), ("5", "DDR"), ("10", "QDR"), ("FDR10", "FDR10"), ("14", "FDR"), ("50", "HDR"), ("??", None)],
)
def test_speeds_are_those_of_a_lane(spd: str, speed: str | None) -> None:
    (link,) = opensm_subnet.parse(SMALL.replace("SPD=25", f"SPD={spd}"), ORIGIN).value.sweep.links
    assert link.speed == speed


def test_a_link_that_is_down_is_a_port_down_at_both_ends_and_no_link() -> None:
    sweep = opensm_subnet.parse(SMALL.replace("LOG=ACT", "LOG=DWN"), ORIGIN).value.sweep
    assert (sweep.links, sweep.down) == ((), (PortKey(HCA, 1), PortKey(LEAF, 10)))


@pytest.mark.parametrize(
    ("changed", "line", "says"),
    [
        (SMALL[:-1], 2, "has no end"),
        (SMALL.splitlines(keepends=True)[0], 1, "whose other direction is not told"),
        (SMALL.replace("PN:0A", "PN:25", 1), 1, "port 37 of a node that has 36 ports"),
        (SMALL.replace("{node001 mlx5_0}", "{node002 mlx5_0}", 1), 2, "told otherwise than above"),
        (SMALL.replace(LEAF, "0" * 16), 1, "blotted out"),
        (SMALL + SMALL.splitlines(keepends=True)[0], 3, "told at line 1 already"),
        (SMALL + "hello\n", 3, "was expected, not 'hello'"),
        ("\n", None, "no link in it"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(changed: str, line: int | None, says: str) -> None:
    error = refused(changed)
    assert (error.line, says in str(error)) == (line, True), str(error)
    assert error.fix

"""Lists of cables: ibdiagnet's own and a CSV, each serial number in the port that the list means."""

import pytest

from unit.importing import ORIGIN
from unit.made import CABLES, CABLES_CSV, LEAF01
from weft.base.errors import BadInput
from weft.fabric.formats import cable_list
from weft.fabric.formats.cable_list import metres
from weft.fabric.model import Module, PortKey
from weft.fabric.places import PortRef


def told(text: str) -> list[tuple[PortRef, Module]]:
    value = cable_list.parse(text, ORIGIN).value
    return [(value.stand_ins[m.port.guid], m) for m in value.sweep.modules]


def refused(text: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        cable_list.parse(text, ORIGIN)
    return caught.value


def test_ibdiagnets_list_tells_port_guids() -> None:
    assert cable_list.recognise(CABLES)
    reading = cable_list.parse(CABLES, ORIGIN)
    assert (reading.found, reading.value.sweep.complete) == ("what is plugged into 2 ports", False)
    assert told(CABLES) == [
        (
            PortRef(None, "0002c90300123452", None, "", 2),
            Module(PortKey("line 18", 2), "", "00W0085", "4008537306W", None),
        ),
        (
            PortRef(None, LEAF01, None, "", 1),
            Module(PortKey("line 2", 1), "Mellanox", "MCP1600-E002", "MT1739VS02126", 2.0),
        ),
    ]


def test_a_csv_tells_names() -> None:
    assert cable_list.recognise(CABLES_CSV)
    assert told(CABLES_CSV) == [
        (
            PortRef(None, None, None, "leaf01", 1),
            Module(PortKey("line 3", 1), "Mellanox", "MCP1600-E002", "MT1739VS02126", 2.0),
        ),
        (PortRef(None, None, None, "node002", 2), Module(PortKey("line 4", 2), "", "00W0085", "4008537306W", 0.5)),
    ]


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("port,serial\nleaf01/5,A1\n", PortRef(None, None, None, "leaf01", 5)),
        ("Port\tSN\nnode001 mlx5_0:1\tA1\n", PortRef(None, None, None, "node001 mlx5_0", 1)),
        ("port_guid,port,serial\n0x7CFE900300A00000,5,A1\n", PortRef(None, LEAF01, None, "", 5)),
        (f"guid,port,serial\n0x{LEAF01},5,A1\n", PortRef(None, None, None, f"0x{LEAF01}", 5)),
        ('switch,port,serial_number\n"leaf01, row 3",P5,A1\n', PortRef(None, None, None, "leaf01, row 3", 5)),
    ],
)
def test_a_csv_may_name_a_port_in_many_ways(text: str, ref: PortRef) -> None:
    assert cable_list.recognise(text)
    assert [(told_ref, module.serial) for told_ref, module in told(text)] == [(ref, "A1")]


@pytest.mark.parametrize(
    ("text", "length"),
    [("2 m", 2.0), ("0.5", 0.5), ("3m", 3.0), ("0 m", None), ("N/A", None), ("", None), ("long", None)],
)
def test_a_length_of_0_is_not_told(text: str, length: float | None) -> None:
    assert metres(text) == length


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "serial,model\n", "JobID|State|Start\n", "", "port\n1\n"])
def test_other_tables_are_not_taken(text: str) -> None:
    assert not cable_list.recognise(text)


@pytest.mark.parametrize(
    ("changed", "line", "says"),
    [
        (CABLES[:-1], 26, "has no end"),
        (CABLES[: CABLES.index("SN: 4008537306W")], 18, "the file is cut"),
        (CABLES.replace("Rev: A3", "A3"), 9, "was expected, not 'A3'"),
        (CABLES.replace(f"GUID=0x{LEAF01}", "GUID=0x0000000000000000"), 2, "blotted out"),
        (CABLES.replace("Port=2 Lid=0x0005 GUID=0x0002c90300123452", f"Port=1 Lid=0x2 GUID=0x{LEAF01}"), 18,
         "was told at line 2 already"),
        (CABLES.replace("Port=2", "Port=255"), 18, "from 1 to 254"),
        (CABLES_CSV.replace("leaf01;1", "leaf01;x"), 3, "from 1 to 254, not 'x'"),
        (CABLES_CSV.replace("leaf01;1", ";1"), 3, "a port without its node"),
        (CABLES_CSV.replace(";2\n", "\n"), 3, "5 cells below a heading of 6 columns"),
        (CABLES_CSV.replace("leaf01;1", '"leaf01;1'), 3, "not closed"),
        ("port_guid,port,serial\n0xhello,5,A1\n", 2, "'hello' is no GUID"),
        ("port,serial\n", None, "no port in it"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_line(changed: str, line: int | None, says: str) -> None:
    error = refused(changed)
    assert (error.line, says in str(error)) == (line, True), str(error)
    assert error.fix

"""UFM's links: the ports that `name` tells, whatever their order, and nothing that is not told."""

import orjson
import pytest

from unit.importing import ORIGIN
from unit.made import LEAF01, NODE001, UFM
from weft.base.errors import BadInput
from weft.fabric.formats import ufm_links
from weft.fabric.model import Link, Module, Node, NodeKind, PortKey, Sweep
from weft.fabric.places import PortRef

SECOND_PORT = "0002c90300123452"


def refused(text: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        ufm_links.parse(text, ORIGIN)
    return caught.value


def test_links_are_read_by_the_names_of_their_ports() -> None:
    assert ufm_links.recognise(UFM)
    reading = ufm_links.parse(UFM, ORIGIN)
    assert reading.value.sweep == Sweep.of(
        "ib",
        ORIGIN.file_ms,
        "ufm links",
        [
            Node(LEAF01, NodeKind.SWITCH, "", 0),
            Node(NODE001, NodeKind.CA, "", 0),
            Node(SECOND_PORT, NodeKind.CA, "", 0),
        ],
        [
            Link(PortKey(LEAF01, 1), PortKey(NODE001, 1), "4X", None),
            Link(PortKey(LEAF01, 3), PortKey(SECOND_PORT, 2), "1X", None),
        ],
        [],
        modules=[
            Module(port, "Mellanox", "MCP1600-E002", "MT1739VS02126", 2.0)
            for port in (PortKey(LEAF01, 1), PortKey(NODE001, 1))
        ],
        complete=False,
    )
    assert reading.value.stand_ins == {
        LEAF01: PortRef(None, LEAF01),
        NODE001: PortRef(None, NODE001, number=1),
        SECOND_PORT: PortRef(None, SECOND_PORT, number=2),
    }
    assert reading.found == "2 links"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (UFM[:-20], "no whole JSON"),
        ("[]", "a list of links was expected"),
        ("{}", "a list of links was expected"),
        ("[7]", 'link 1: `"name": "GUID_PORT:GUID_PORT"` was expected'),
        (UFM.replace("_3\"", "_300\""), "link 2: a port has a number from 1 to 254"),
        (UFM.replace("_3\"", "_1\""), "is in another link already"),
        (UFM.replace(f"{NODE001}_1:", f"{'0' * 16}_1:"), "blotted out"),
        (UFM.replace(f"{NODE001}_1:", "HCA-1_1:"), "was expected"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(changed: str, says: str) -> None:
    error = refused(changed)
    assert says in str(error), str(error)
    assert error.fix


def test_strange_values_are_not_told() -> None:
    links = orjson.loads(UFM)
    links[0] |= {"width": None, "cable_info": {"serial_number": None, "length": 7}}
    links[1] |= {"width": "wide", "cable_info": "none"}
    sweep = ufm_links.parse(orjson.dumps(links).decode(), ORIGIN).value.sweep
    assert ([link.width for link in sweep.links], sweep.modules) == ([None, None], ())

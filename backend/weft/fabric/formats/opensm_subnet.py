"""`opensm-subnet.lst`: one line for each direction of each link, with both nodes in full, written at SUBNET UP.

Source: opensm, osm_dump.c (dump_topology_node). Ports, PN and LID are hexadecimal without 0x. VenID and DevID of the
second node are printed in another byte order, so those of the first count. Ports without a link are not in it.
"""

import re
from dataclasses import replace

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading
from weft.fabric.formats.discovery import (
    HIGHEST_PORT,
    LANES,
    Seen,
    found_in,
    guid_of,
    links_of,
    one_sided,
    quoted,
    whole_lines,
)
from weft.fabric.model import Lid, Node, NodeKind, PortKey, Sweep
from weft.fabric.places import UnplacedSweep

AGAIN = "Copy the file again while OpenSM does not write it."


def _end(name: str) -> str:
    """The pattern of one of the two nodes of a line."""
    h = r"[\da-fA-F]"
    return (
        rf"\{{ (?P<{name}kind>SW|CA|Rt)(?:-SM)? Ports:(?P<{name}ports>{h}{{2}}) SystemGUID:(?P<{name}system>{h}{{16}}) "
        rf"NodeGUID:(?P<{name}node>{h}{{16}}) PortGUID:(?P<{name}guid>{h}{{16}}) VenID:(?P<{name}vendor>{h}{{6,8}}) "
        rf"DevID:(?P<{name}device>{h}{{4,8}}) Rev:{h}{{8}} \{{(?P<{name}name>.*?)\}} "
        rf"LID:(?P<{name}lid>{h}{{4}}) PN:(?P<{name}port>{h}{{2}}) \}} "
    )


_LINE = re.compile(
    rf"(?a){_end('')}{_end('far_')}PHY=(?P<width>\d{{1,2}}x|\?\?) LOG=(?P<state>ACT|ARM|INI|DWN) "
    r"SPD=(?P<speed>[\w.?]{1,8})\s*"
)
_KINDS = {"SW": NodeKind.SWITCH, "CA": NodeKind.CA, "Rt": NodeKind.ROUTER}


def recognise(head: str) -> bool:
    """True when some line is one of the file's."""
    return re.search(r"(?am)^\{ (?:SW|CA|Rt)(?:-SM)? Ports:[\dA-Fa-f]{2} SystemGUID:", head) is not None


def parse(text: str, origin: Origin) -> Reading[UnplacedSweep]:
    """Read the whole file. It tells no time, and no LMC.

    Raises:
        BadInput: not whole (a cable without its other direction, no end of line at the end), or a line that is none.
    """
    nodes: dict[str, Node] = {}
    ends: dict[PortKey, Seen] = {}
    lids: dict[PortKey, Lid] = {}
    down: list[PortKey] = []
    for number, line in enumerate(whole_lines(text, AGAIN), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            if not line.strip():
                continue
            raise BadInput(
                "`{ SW Ports:24 SystemGUID:… {name} LID:0002 PN:01 } { CA … } PHY=4x LOG=ACT SPD=25` was expected, not "
                f"{quoted(line)}.",
                fix=AGAIN,
                line=number,
            )
        here, far = (_port(number, match, end, nodes, lids) for end in ("", "far_"))
        if here in ends:
            raise BadInput(f"this port was told at line {ends[here].line} already.", fix=AGAIN, line=number)
        width = None if match["width"] == "??" else match["width"].upper()
        speed = "FDR10" if match["speed"] == "FDR10" else LANES.get(match["speed"])
        ends[here] = Seen(number, far, width, speed)
        if match["state"] == "DWN":
            down.append(here)
    if not ends:
        raise BadInput("there is no link in it.", fix=AGAIN)
    for port in one_sided(ends):
        raise BadInput(
            f"port {port.number} of {nodes[port.guid].description or port.guid} has a cable whose other direction is "
            "not told: the file is cut or was changed.",
            fix=AGAIN,
            line=ends[port].line,
        )
    up = {port: end for port, end in ends.items() if port not in down and end.peer not in down}
    links, notices = links_of(up)
    sweep = Sweep.of(
        origin.fabric, origin.seen_at_ms, FORMAT.name, nodes.values(), links, lids.values(), down=down, complete=True
    )
    found = found_in(sweep)
    return Reading(UnplacedSweep(sweep), found, origin.seen_at_ms, dated=False, notices=tuple(notices))


def _port(number: int, match: re.Match[str], end: str, nodes: dict[str, Node], lids: dict[PortKey, Lid]) -> PortKey:
    """One of the two ports of a line; its node and its LID are noted."""
    kind, guid = _KINDS[match[f"{end}kind"]], guid_of(match[f"{end}node"], number)
    port, ports = PortKey(guid, int(match[f"{end}port"], 16)), int(match[f"{end}ports"], 16)
    if not 1 <= port.number <= ports <= HIGHEST_PORT:
        raise BadInput(f"port {port.number} of a node that has {ports} ports.", fix=AGAIN, line=number)
    known = nodes.get(guid)
    told = Node(guid, kind, match[f"{end}name"].strip(), ports, match[f"{end}system"].lower())
    if known is not None and (known.kind, known.ports, known.description) != (told.kind, told.ports, told.description):
        raise BadInput(f"the node {guid} is told otherwise than above.", fix=AGAIN, line=number)
    if not end:
        nodes[guid] = replace(told, vendor_id=int(match["vendor"], 16), device_id=int(match["device"], 16))
    nodes.setdefault(guid, told)
    lid = int(match[f"{end}lid"], 16)
    addressed = PortKey(guid, 0) if kind is NodeKind.SWITCH else port
    if lid:
        lids[addressed] = Lid(addressed, lid, 0, guid_of(match[f"{end}guid"], number))
    return port


FORMAT: Format[UnplacedSweep] = Format("opensm-subnet.lst", "OpenSM's subnet list", recognise, parse)

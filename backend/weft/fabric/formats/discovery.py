"""What several listings of a fabric share: their lines, GUIDs, speeds, the two ends of a cable, and routes that failed.

A cable stands in most listings twice, once from each end. That is how a whole listing is known: the tools print no
trailer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from weft.base.errors import BadInput
from weft.base.formats import counted, said_aside
from weft.fabric.model import NOWHERE, Link, NodeKind, PortKey, Sweep

LONGEST = 1024
"""Characters of a line; a node description has 64."""

HIGHEST_PORT = 254
"""Port numbers are 8 bits; 255 means `any`."""

LANES = {
    "2.5": "SDR",
    "5": "DDR",
    "10": "QDR",
    "14": "FDR",
    "14.0625": "FDR",
    "25": "EDR",
    "25.78125": "EDR",
    "50": "HDR",
    "53.125": "HDR",
    "100": "NDR",
    "106.25": "NDR",
    "200": "XDR",
    "212.5": "XDR",
}
"""Speed names by the Gbit/s of one lane, as OpenSM (rounded) and iblinkinfo (libibmad, dump.c) print them."""

PUTTY = r"=~=~.*"
"""The line PuTTY puts before what it records."""

_TIMED_OUT = re.compile(
    r"(?a)umad \(DR path slid \d+; dlid \d+; (?P<path>\d{1,3}(?:,\d{1,3})*) Attr 0x[0-9a-fA-F]+:\d+\) bad status \d+"
)


def whole_lines(text: str, again: str) -> list[str]:
    """The lines of a file. Raises BadInput: the last one has no end, or one is longer than any tool prints."""
    lines = text.split("\n")
    if lines.pop():
        raise BadInput("the last line has no end: the file is cut.", fix=again, line=len(lines) + 1)
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST:
            raise BadInput(f"a line of {len(line):,} characters, which none of the tool's has.", fix=again, line=number)
    return lines


def guid_of(text: str, number: int) -> str:
    """A GUID as the model has it. Raises BadInput: it is zero, blotted out by somebody."""
    guid = text.lower().zfill(16)
    if not int(guid, 16):
        raise BadInput(
            "the GUID is zero: it was blotted out.", fix="Weft needs the GUIDs; import the original.", line=number
        )
    return guid


def quoted(line: str) -> str:
    """A line in a message: its beginning."""
    return repr(line if len(line) <= 60 else line[:57] + "...")


@dataclass(frozen=True, slots=True)
class Seen:
    """What one line says of a cable: its line number, the port at the other end, and how the link runs."""

    line: int
    peer: PortKey
    width: str | None = None
    speed: str | None = None


def one_sided(ends: Mapping[PortKey, Seen]) -> list[PortKey]:
    """Ports whose peer does not lead back to them: the listing is not whole."""
    return [port for port, end in ends.items() if (back := ends.get(end.peer)) is None or back.peer != port]


def links_of(ends: Mapping[PortKey, Seen]) -> tuple[list[Link], list[str]]:
    """Every cable once, also one that is told from one end only; and what the two ends do not agree on.

    A port that two others lead to is left out with a notice.
    """
    links: dict[tuple[PortKey, PortKey], Link] = {}
    notices: list[str] = []
    taken: dict[PortKey, PortKey] = {}
    for port, end in ends.items():
        far = ends.get(end.peer)
        if port == end.peer:
            notices.append(f"Line {end.line}: port {port.number} is plugged into itself: left out.")
            continue
        pair = min(port, end.peer), max(port, end.peer)
        if pair in links:
            continue
        if taken.setdefault(port, end.peer) != end.peer or taken.setdefault(end.peer, port) != port:
            notices.append(f"Line {end.line}: the port it leads to is told to be cabled elsewhere: left out.")
            continue
        width, speed = end.width, end.speed
        if far is not None and far.peer == port:
            width, speed = width or far.width, speed or far.speed
            if far.width not in (None, width) or far.speed not in (None, speed):
                notices.append(
                    f"Lines {end.line} and {far.line} give one link two speeds "
                    f"({end.width} {end.speed}, {far.width} {far.speed}): taken as unknown."
                )
                width = width if far.width in (None, width) else None
                speed = speed if far.speed in (None, speed) else None
        links[pair] = Link(*pair, width, speed)
    return list(links.values()), notices


def unanswered(
    stderr: str, start: str | None, ports: Mapping[str, int], peers: Mapping[PortKey, PortKey], names: Mapping[str, str]
) -> tuple[list[PortKey], list[str]]:
    """Ports behind which a query of the tool timed out, by the directed routes on its standard error; and notices.

    A route names the port to leave by at each node: `0,1,11` leaves the start by its port 1, then what is there by 11.
    The port is the last one of the route that the sweep knows; what lies behind it is unknown. NOWHERE: none is known.

    Args:
        start: the node the search began at. ports: highest port by node. peers: the other end of each cable, both ways.
        names: descriptions by node.
    """
    found: list[PortKey] = []
    notices: list[str] = []
    lines = stderr.split("\n")
    for match in filter(None, map(_TIMED_OUT.search, lines)):
        hops = [int(hop) for hop in match["path"].split(",")]
        port = _follow(hops[1:], start, ports, peers)
        if port is None:
            found.append(NOWHERE)
            notices.append(
                f"Something did not answer on route {match['path']}, which cannot be followed: where is unknown, "
                "so nothing missing here is called gone."
            )
        elif port not in found:
            found.append(port)
            name = names.get(port.guid) or port.guid
            notices.append(f"Nothing answered behind {name} port {port.number}: what lies there is unknown, not gone.")
    notices += said_aside("\n".join(line for line in lines if not _TIMED_OUT.search(line)))
    return found, notices


def _follow(
    hops: list[int], start: str | None, ports: Mapping[str, int], peers: Mapping[PortKey, PortKey]
) -> PortKey | None:
    last: PortKey | None = None
    node = start
    for hop in hops:
        if node is None or not 1 <= hop <= ports.get(node, 0):
            break
        last = PortKey(node, hop)
        far = peers.get(last)
        node = far.guid if far else None
    return last


def found_in(sweep: Sweep) -> str:
    """What a sweep holds, in a line: `351 nodes (27 switches), 648 links`."""
    switches = sum(node.kind is NodeKind.SWITCH for node in sweep.nodes)
    told = f"{counted(len(sweep.nodes), 'node')} ({counted(switches, 'switch', 'switches')})"
    told += f", {counted(len(sweep.links), 'link')}"
    if sweep.down:
        told += f", {counted(len(sweep.down), 'port')} down"
    if sweep.modules:
        told += f", {counted(len(sweep.modules), 'module')}"
    if sweep.unanswered:
        told += f", {counted(len(sweep.unanswered), 'port')} without an answer"
    return told

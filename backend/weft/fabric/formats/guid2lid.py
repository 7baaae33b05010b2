"""OpenSM's `guid2lid`: the LIDs it gave to each port, by the port's GUID; it remembers ports that are long gone.

Source: OpenSM, osm_db_pack.c (osm_db_guid2lid_set) and its dump folder: `0x<port GUID> 0x<first LID> 0x<last LID>`, an
empty line after each. The file has no end mark: a cut at the end of a line cannot be told.
"""

import re

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, said_aside
from weft.fabric.forwarding import LAST_UNICAST, MOST_PATHS, ForwardingDump, PortLids, found_text, lines_of, unlike

AGAIN = "Copy OpenSM's guid2lid again and import all of it."

_LINE = re.compile(r"(?a)0x(?P<guid>[\da-fA-F]{16}) 0x(?P<first>[\da-fA-F]{1,4}) 0x(?P<last>[\da-fA-F]{1,4})\s*")


def recognise(head: str) -> bool:
    """True for lines of a GUID and two LIDs."""
    return re.search(r"(?a)^0x[\da-fA-F]{16} 0x[\da-fA-F]{1,4} 0x[\da-fA-F]{1,4}\s*$", head, re.MULTILINE) is not None


def parse(text: str, origin: Origin) -> Reading[ForwardingDump]:
    """Read every port's LIDs. The file tells no time.

    Raises:
        BadInput: a line that is none, a port told twice, LIDs of two ports or that no port can have.
    """
    owners: dict[int, str] = {}
    ports: dict[str, PortLids] = {}
    for number, line in enumerate(lines_of(text, AGAIN), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            if line.strip():
                raise unlike(line, number, "`0x<port GUID> 0x<first LID> 0x<last LID>`", AGAIN)
            continue
        guid, first, last = match["guid"].lower(), int(match["first"], 16), int(match["last"], 16)
        paths = last - first + 1
        if not 1 <= first <= last <= LAST_UNICAST or paths > MOST_PATHS or paths & (paths - 1):
            raise BadInput(f"no port has LIDs {first} to {last}.", fix=AGAIN, line=number)
        for lid in range(first, last + 1):
            if lid in owners:
                raise BadInput(f"LID {lid} is told of {owners[lid]} already.", fix=AGAIN, line=number)
            owners[lid] = guid
        if guid in ports:
            raise BadInput(f"port {guid} is told twice.", fix=AGAIN, line=number)
        ports[guid] = PortLids(guid, first, paths.bit_length() - 1)
    lids = tuple(sorted(ports.values(), key=lambda told: told.lid))
    dump = ForwardingDump(origin.fabric, origin.seen_at_ms, FORMAT.name, {}, lids)
    return Reading(dump, found_text(dump), origin.seen_at_ms, dated=False, notices=tuple(said_aside(origin.stderr)))


FORMAT: Format[ForwardingDump] = Format("guid2lid", "OpenSM's list of LIDs", recognise, parse, refers=True)

"""OpenSM's `opensm.fdbs`: for each switch and LID the out port, the hops to go, and whether fewer were possible.

Source: OpenSM, osm_dump.c (dump_ucast_routes). Hops and verdicts follow from the tables and are not kept. Every table
goes from LID 1 to the highest one of the subnet, without a gap: so a cut is noticed, except at the end of a table.
"""

import re

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, said_aside
from weft.fabric.forwarding import NO_PORT, ForwardingDump, TableReader, found_text, lines_of, unlike

AGAIN = "Copy OpenSM's opensm.fdbs again, after `SUBNET UP`, and import all of it."

_HEADING = re.compile(r"(?a)dump_ucast_routes: Switch 0x(?P<guid>[\da-fA-F]{1,16})\s*")
_ROUTE = re.compile(
    r"(?a)0x(?P<lid>[\da-fA-F]{4}) : (?:UNREACHABLE|(?P<port>\d{3})  : "
    r"(?:HOPS UNKNOWN|\d{2,3}   : (?:yes|No \d+ hop path possible via port \d+!)))\s*"
)
_IGNORED = re.compile(r"(?a)\s*|LID    : Port : Hops : Optimal\s*")


def recognise(head: str) -> bool:
    """True for OpenSM's list of routes."""
    return re.search(r"^dump_ucast_routes: Switch 0x", head, re.MULTILINE) is not None


def parse(text: str, origin: Origin) -> Reading[ForwardingDump]:
    """Read every table. The file tells no time.

    Raises:
        BadInput: a LID is missing, a table ends before the others do, or a line that is none of OpenSM's.
    """
    reader = TableReader(AGAIN)
    lid, highest = 0, None
    for number, line in enumerate(lines_of(text, AGAIN), 1):
        if match := _ROUTE.fullmatch(line):
            lid += 1
            if int(match["lid"], 16) != lid:
                raise BadInput(f"LID {lid} was expected, not 0x{match['lid']}.", fix=AGAIN, line=number)
            reader.route(lid, int(match["port"] or NO_PORT), number)
        elif match := _HEADING.fullmatch(line):
            if reader.switch is not None:
                highest = _ended(highest, lid, number)
            reader.open(match["guid"], number)
            lid = 0
        elif not _IGNORED.fullmatch(line):
            raise unlike(line, number, "`0x0001 : 001  : 01   : yes`", AGAIN)
    if reader.switch is None:
        raise BadInput("there is no table in it.", fix=AGAIN)
    _ended(highest, lid, text.count("\n"))
    dump = ForwardingDump(origin.fabric, origin.seen_at_ms, FORMAT.name, reader.packed())
    return Reading(dump, found_text(dump), origin.seen_at_ms, dated=False, notices=tuple(said_aside(origin.stderr)))


def _ended(highest: int | None, lid: int, number: int) -> int:
    """The highest LID of all tables so far; every table has the same."""
    if lid == 0 or lid != (highest or lid):
        raise BadInput(f"a table ends at LID {lid}, another one at {highest}: the file is cut.", fix=AGAIN, line=number)
    return lid


FORMAT: Format[ForwardingDump] = Format("opensm.fdbs", "OpenSM's list of routes", recognise, parse)

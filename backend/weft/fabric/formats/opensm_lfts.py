"""OpenSM's `opensm-lfts.dump`: the forwarding tables it set, written into its dump folder when the subnet is up.

Source: OpenSM, osm_dump.c (dump_ucast_lfts). The number in `351 lids dumped` is the highest LID, not a count; nothing
else tells a cut table from a short one.
"""

import re

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, said_aside
from weft.fabric.formats.ibroute import HEADING, OWNER, ROUTE
from weft.fabric.forwarding import ForwardingDump, TableReader, found_text, lines_of, unlike

AGAIN = "Copy OpenSM's opensm-lfts.dump again, after `SUBNET UP`, and import all of it."

_END = re.compile(r"(?a)(?P<last>\d{1,6}) lids dumped\s*")


def recognise(head: str) -> bool:
    """True for tables as OpenSM writes them: the range of LIDs in decimal digits."""
    return re.search(r"^Unicast lids \[0-\d{1,5}\] of switch ", head, re.MULTILINE) is not None


def parse(text: str, origin: Origin) -> Reading[ForwardingDump]:
    """Read every table. The file tells no time.

    Raises:
        BadInput: a table without its end, or a line that is none of OpenSM's.
    """
    reader = TableReader(AGAIN)
    last: int | None = None
    for number, line in enumerate(lines_of(text, AGAIN), 1):
        if match := ROUTE.fullmatch(line):
            lid = int(match["lid"], 16)
            if last is None or lid > last:
                raise BadInput(f"LID {lid} lies outside its table's range.", fix=AGAIN, line=number)
            reader.route(lid, int(match["port"]), number)
            if owner := OWNER.match(match["rest"] or ""):
                reader.owner(lid, owner["guid"], number)
        elif (match := HEADING.fullmatch(line)) and last is None:
            reader.open(match["guid"], number)
            last = int(match["last"])
        elif (match := _END.fullmatch(line)) and last == int(match["last"]):
            last = None
        elif line.strip():
            raise unlike(line, number, "`0x0001 019 # Channel Adapter portguid 0x…: 'name'` or `… lids dumped`", AGAIN)
    if last is not None:
        raise BadInput("a table ends without `… lids dumped`: the file is cut.", fix=AGAIN, line=text.count("\n"))
    dump = ForwardingDump(origin.fabric, origin.seen_at_ms, FORMAT.name, reader.packed(), reader.lids())
    return Reading(dump, found_text(dump), origin.seen_at_ms, dated=False, notices=tuple(said_aside(origin.stderr)))


FORMAT: Format[ForwardingDump] = Format(
    "opensm-lfts.dump", "OpenSM's dump of forwarding tables", recognise, parse, refers=True
)

"""`ibnetdiscover -p`: one row a port, with the port at the other end of its cable.

Source: infiniband-diags, ibnetdiscover.c (dump_ports_report). `TYPE LID PORT 0xGUID WIDTHx SPEED - TYPE LID PORT 0xGUID
( 'name' - 'name' )`; the GUID is the port's, of a switch its node's. So an HCA's node GUID is not told: its ports are
looked up in the inventory. A row without ` - ` has no peer: down, or up to a peer that did not answer; its width and
speed are stale then. So it is not called down. The node the search began at comes last (libibnetdisc puts each new node
in front).
"""

import re

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading
from weft.fabric.formats.discovery import PUTTY, Seen, found_in, guid_of, quoted, whole_lines
from weft.fabric.formats.rows import Rows
from weft.fabric.model import NodeKind, PortKey
from weft.fabric.places import UnplacedSweep

AGAIN = "Run ibnetdiscover -p again and import its whole output."

_PORT = r"(?P<{0}kind>CA|SW|RT) +(?P<{0}lid>\d{{1,5}}) +(?P<{0}port>\d{{1,3}}) 0x(?P<{0}guid>[\da-fA-F]{{1,16}})"
_ROW = re.compile(
    rf"(?a){_PORT.format('')} (?P<width>\d{{1,2}}x|\?\?)(?: (?P<speed>[A-Z]{{3}}\d{{0,2}}|\?\?\?))?"
    rf"(?: - {_PORT.format('far_')} \( (?P<names>.*) \)| +(?P<name>\S.*?|''))\s*"
)
_IGNORED = re.compile(rf"(?a)#.*|{PUTTY}|\s*")
_KINDS = {"CA": NodeKind.CA, "SW": NodeKind.SWITCH, "RT": NodeKind.ROUTER}


def recognise(head: str) -> bool:
    """True when some row is one of the ports report's."""
    return re.search(rf"(?am)^{_PORT.format('')} (?:\d{{1,2}}x|\?\?) ", head) is not None


def parse(text: str, origin: Origin) -> Reading[UnplacedSweep]:
    """Read the ports report; a part of one is read as such. It tells no time.

    Raises:
        BadInput: no end of line at the end, a row that is none of the tool's, a port told twice.
    """
    rows = Rows(AGAIN)
    for number, line in enumerate(whole_lines(text, AGAIN), 1):
        if match := _ROW.fullmatch(line):
            _add(rows, number, match)
        elif not _IGNORED.fullmatch(line):
            raise BadInput(
                "`SW 96 36 0x<16 hex digits> 4x EDR - SW 185 36 0x… ( 'name' - 'name' )` was expected, not "
                f"{quoted(line)}.",
                fix=AGAIN,
                line=number,
            )
    unplaced, notices = rows.sweep(origin, FORMAT.name)
    found = found_in(unplaced.sweep)
    return Reading(unplaced, found, origin.seen_at_ms, dated=False, notices=tuple(notices))


def _add(rows: Rows, number: int, match: re.Match[str]) -> None:
    name, far_name = _names(match["names"]) if match["names"] is not None else (_unquoted(match["name"]), "")
    here = _port(rows, number, match, "", name)
    rows.row(here, number)
    if match["names"] is not None:
        width = None if match["width"] == "??" else match["width"].upper()
        speed = None if match["speed"] == "???" else match["speed"]
        rows.ends[here] = Seen(number, _port(rows, number, match, "far_", far_name), width, speed)


def _port(rows: Rows, number: int, match: re.Match[str], end: str, name: str) -> PortKey:
    kind, guid = _KINDS[match[f"{end}kind"]], guid_of(match[f"{end}guid"], number)
    return rows.port(guid, kind, name, int(match[f"{end}port"]), int(match[f"{end}lid"]), number)


def _names(text: str) -> tuple[str, str]:
    """Both descriptions; unknown when one of them holds what separates them."""
    first, separator, second = text.partition("' - '" if text.startswith("'") else " - ")
    if not separator or separator in second:
        return "", ""
    return _unquoted(first), _unquoted(second)


def _unquoted(text: str) -> str:
    return text.removeprefix("'").removesuffix("'").strip()


FORMAT: Format[UnplacedSweep] = Format("ibnetdiscover -p", "an ibnetdiscover -p listing", recognise, parse, refers=True)

"""Planned wiring: a CSV with two ends a line, and ibdm's topology file (`.topo`).

Source: ibutils, ibdm-topo-file(1) and Fabric.cpp (parseTopology): `SYSTEM-TYPE SYSTEM-NAME [CFG: ...]`, below it a line
for each cable, `PORT -4x-5G-> SYSTEM-TYPE SYSTEM-NAME PORT`, an empty line behind. Types, widths and speeds are not
kept. A CSV needs a heading that names both ends: `from,from_port,to,to_port`, `node1,port1,node2,port2`,
`a,a_port,b,b_port` and the like. Without port columns the ends are `from` and `to` (or `source` and `destination`) and
each is written `leaf01/5`.
"""

import re
from collections.abc import Iterator

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted
from weft.fabric.formats import tables
from weft.fabric.formats.discovery import quoted, whole_lines
from weft.fabric.wiring import PlannedCable, Socket, Wiring

PLAN = "Mend the plan at this line."

FIRST_ENDS = ("a", "from", "src", "source", "near", "local", "1", "end1", "end_1", "end_a", "left")
SECOND_ENDS = ("b", "to", "dst", "dest", "destination", "far", "remote", "peer", "2", "end2", "end_2", "end_b", "right")
TELLING = ("from", "src", "source", "to", "dst", "dest", "destination")
"""Headings that say by themselves that a column is the end of something."""
NODE_WORDS = ("node", "name", "device", "system", "switch", "host", "guid")

_SYSTEM = re.compile(r"\s*(?P<type>[^/\s,;]+)\s+(?P<name>[^/\s,;]+)\s*(?:CFG:.*)?")
_CABLE = re.compile(
    r"(?a)\s+(?P<port>\S+)\s+-(?:(?:1|2|4|8|12)[xX]-)?(?:\d+(?:\.\d+)?G-)?>\s+(?P<type>\S+)\s+(?P<name>\S+)\s+(?P<far>\S+)\s*"
)
_COMMENT = re.compile(r"\s*#.*")


def recognise(head: str) -> bool:
    """True for a heading with two ends, or a line of a .topo file."""
    if re.search(r"(?am)^[ \t]+\S{1,64}[ \t]+-(?:\d{1,2}[xX]-)?(?:[\d.]{1,6}G-)?>[ \t]+\S{1,99}[ \t]+\S", head):
        return True
    return _columns(tables.heading(head)) is not None


def parse(text: str, origin: Origin) -> Reading[Wiring]:
    """Read a plan. It tells no time.

    Raises:
        BadInput: a line that is none of a plan's, an end without node or port, a port that is planned twice.
    """
    columns = _columns(tables.heading(text))
    lines = whole_lines(text, PLAN)
    cables = list(_topo(lines) if columns is None else _csv(text, columns))
    if not cables:
        raise BadInput("there is no cable in it.", fix=PLAN)
    planned: dict[tuple[str, str], int] = {}
    for cable in cables:
        for end in (cable.a, cable.b):
            key = end.node.lower(), end.port.lower()
            if (before := planned.setdefault(key, cable.line)) != cable.line:
                raise BadInput(f"{end} was planned at line {before} already.", fix=PLAN, line=cable.line)
    wiring = Wiring(origin.fabric, origin.seen_at_ms, FORMAT.name, tuple(cables))
    return Reading(wiring, counted(len(cables), "planned cable"), origin.seen_at_ms, dated=False)


def _columns(heading: tables.Heading | None) -> tuple[tuple[int, int | None], tuple[int, int | None]] | None:
    """Where node and port of both ends stand; port None: behind a slash in the node's column."""
    if heading is None:
        return None
    first, second = (_end(heading, names) for names in (FIRST_ENDS, SECOND_ENDS))
    return None if first is None or second is None else (first, second)


def _end(heading: tables.Heading, names: tuple[str, ...]) -> tuple[int, int | None] | None:
    for name in names:
        port = heading.find(f"{name}_port", f"port_{name}", f"port{name}", f"{name}port")
        words = [form for word in NODE_WORDS for form in (f"{name}_{word}", f"{word}_{name}", f"{word}{name}")]
        node = heading.find(name, *words)
        if node is not None and node != port and (port is not None or heading.names[node] in TELLING):
            return node, port
    return None


def _csv(text: str, columns: tuple[tuple[int, int | None], tuple[int, int | None]]) -> Iterator[PlannedCable]:
    for row in tables.rows(text, PLAN):
        a, b = (_socket(row, node, port) for node, port in columns)
        yield PlannedCable(a, b, row.line)


def _socket(row: tables.Row, node: int, port: int | None) -> Socket:
    name, number = (row.cells[node], row.cells[port]) if port is not None else _split(row.cells[node])
    if not name or not number:
        raise BadInput("an end without its node or its port (`leaf01`, `5`).", fix=PLAN, line=row.line)
    return Socket(name, number)


def _split(text: str) -> tuple[str, str]:
    """`leaf01/5` and `leaf01:5` as node and port."""
    found = re.fullmatch(r"(?a)(?P<node>.*?)\s*[/:]\s*(?P<port>[Pp]?\d{1,3})", text)
    return (found["node"], found["port"]) if found else (text, "")


def _topo(lines: list[str]) -> Iterator[PlannedCable]:
    """Cables of a .topo file; one that stands below both of its systems is one."""
    system: str | None = None
    seen: set[frozenset[Socket]] = set()
    for number, line in enumerate(lines, 1):
        if match := _CABLE.fullmatch(line):
            if system is None:
                raise BadInput("a cable without the line of its system above it.", fix=PLAN, line=number)
            cable = PlannedCable(Socket(system, match["port"]), Socket(match["name"], match["far"]), number)
            ends = frozenset((cable.a, cable.b))
            if ends not in seen:
                seen.add(ends)
                yield cable
        elif not line.strip():
            system = None
        elif match := _SYSTEM.fullmatch(line):
            system = match["name"]
        elif not _COMMENT.fullmatch(line):
            raise BadInput(
                f"`TYPE NAME` or `  P1 -4x-> TYPE NAME P1` was expected, not {quoted(line)}.", fix=PLAN, line=number
            )


FORMAT: Format[Wiring] = Format("wiring", "a plan of the wiring", recognise, parse)

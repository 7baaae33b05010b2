"""`ibdiagnet2.db_csv`: the sections NODES, PORTS, LINKS, CABLE_INFO and PM_INFO of ibdiagnet's data base.

Source: the headings of files of ibdiagnet 2.1 to 2.13, as public readers of them name the columns. A section stands
between `START_X` and `END_X` and begins with the names of its columns; a text stands in quotes. PORTS has a row for
port 0 of a switch with the switch's LID. PortState is 1 down, 2 initialize, 3 armed, 4 active; widths and speeds are
bits. PM_INFO has each counter in its short form and some in a long one (`...Extended`, `...Ext`, hexadecimal, -1 where
the device has none), which then counts. The other sections (physical layer, routing) are not read: a notice names them.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted
from weft.base.intervals import FOREVER_MS, ms_of
from weft.fabric.counters import COUNTERS, LONG
from weft.fabric.formats.cable_list import known, metres
from weft.fabric.formats.discovery import HIGHEST_PORT, Seen, found_in, guid_of, links_of
from weft.fabric.model import CounterSweep, Lid, Module, Node, NodeKind, PortCounters, PortKey, Sweep

AGAIN = "Run ibdiagnet again and import its whole ibdiagnet2.db_csv."

READ = {
    "NODES": ("NodeDesc", "NumPorts", "NodeType", "SystemImageGUID", "NodeGUID"),
    "PORTS": ("NodeGuid", "PortGuid", "PortNum", "LID", "LMC", "PortState"),
    "LINKS": ("NodeGuid1", "PortNum1", "NodeGuid2", "PortNum2"),
    "CABLE_INFO": ("NodeGuid", "PortNum", "PN", "SN"),
    "PM_INFO": ("NodeGUID", "PortNumber"),
}
"""Sections that are read, and the columns each must have."""
NEEDED = ("NODES", "PORTS", "LINKS")

KINDS = {1: NodeKind.CA, 2: NodeKind.SWITCH, 3: NodeKind.ROUTER}
WIDTHS = {1: "1X", 2: "4X", 4: "8X", 8: "12X", 16: "2X"}
SPEEDS = {1: "SDR", 2: "DDR", 4: "QDR", 256: "FDR", 512: "EDR", 1024: "HDR", 2048: "NDR", 65536: "FDR10"}
DOWN = 1

_TIME = re.compile(r"(?am)^# Running timestamp *: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?: \S+)? ([+-]\d{4})\s*$")
_BORDER = re.compile(r"(?a)(?P<what>START|END)_(?P<section>\w{1,60})\s*")


@dataclass(frozen=True, slots=True)
class _Row:
    """A row by the names of its columns."""

    line: int
    cells: Mapping[str, str]

    def number(self, name: str) -> int:
        """A number, also `0x` hexadecimal; 0 for what is not told. Raises BadInput."""
        text = known(self.cells.get(name, ""))
        try:
            return int(text, 16 if text.startswith("0x") else 10) if text else 0
        except ValueError as exc:
            raise BadInput(f"{name} is a number, not {text[:40]!r}.", fix=AGAIN, line=self.line) from exc

    def guid(self, name: str) -> str:
        """A GUID. Raises BadInput: none, or zero."""
        text = self.cells[name].strip().lower().removeprefix("0x")
        if not re.fullmatch(r"[\da-f]{1,16}", text):
            raise BadInput(f"{name} is a GUID, not {text[:40]!r}.", fix=AGAIN, line=self.line)
        return guid_of(text, self.line)

    def port(self, guid: str, number: str) -> PortKey:
        """A port. Raises BadInput."""
        port = PortKey(self.guid(guid), self.number(number))
        if not 0 <= port.number <= HIGHEST_PORT:
            raise BadInput(f"{number} is at most {HIGHEST_PORT}, not {port.number}.", fix=AGAIN, line=self.line)
        return port


@dataclass(slots=True)
class _Told:
    """What the sections say."""

    nodes: dict[str, Node] = field(default_factory=dict)
    lids: list[Lid] = field(default_factory=list)
    down: list[PortKey] = field(default_factory=list)
    speeds: dict[PortKey, tuple[str | None, str | None]] = field(default_factory=dict)
    ends: dict[PortKey, Seen] = field(default_factory=dict)
    modules: list[Module] = field(default_factory=list)
    counters: dict[PortKey, dict[str, int]] = field(default_factory=dict)


def recognise(head: str) -> bool:
    """True when a section of the data base begins."""
    return re.search(r"(?am)^START_(?:INDEX_TABLE|NODES|PORTS|LINKS|SWITCHES)\s*$", head) is not None


def parse(text: str, origin: Origin) -> Reading[tuple[Sweep, CounterSweep]]:
    """Read the sections named above: the fabric, and the counters of its ports (none without PM_INFO).

    Raises:
        BadInput: a section is missing or has no end, lacks a column that is read, or has a row that does not fit.
    """
    told = _Told()
    sections: dict[str, int] = {}
    add = {"NODES": _node, "PORTS": _port, "LINKS": _link, "CABLE_INFO": _cable, "PM_INFO": _counters}
    for section, row in _rows(text, sections):
        add[section](told, row)
    for name in NEEDED:
        if name not in sections:
            raise BadInput(f"the section {name} is missing.", fix=AGAIN)
    for port, end in told.ends.items():
        if port.guid not in told.nodes:
            raise BadInput(f"a link of {port}, which NODES does not have.", fix=AGAIN, line=end.line)
    ends = {port: Seen(end.line, end.peer, *told.speeds.get(port, (None, None))) for port, end in told.ends.items()}
    links, notices = links_of(ends)
    at_ms, dated = _time_of(text, origin)
    sweep = Sweep.of(
        origin.fabric,
        at_ms,
        FORMAT.name,
        told.nodes.values(),
        links,
        told.lids,
        down=told.down,
        modules=told.modules,
    )
    if others := sorted(sections.keys() - READ.keys() - {"INDEX_TABLE"}):
        notices.append(f"Not read: {', '.join(others[:20])}{', ...' if others[20:] else ''}.")
    found, ports = found_in(sweep), tuple(PortCounters(port, values) for port, values in sorted(told.counters.items()))
    if ports:
        found += f", counters of {counted(len(ports), 'port')}"
    counters = CounterSweep(origin.fabric, at_ms, FORMAT.name, ports, complete=True)
    return Reading((sweep, counters), found, at_ms, dated, tuple(notices))


def _time_of(text: str, origin: Origin) -> tuple[int, bool]:
    """When ibdiagnet ran (epoch ms), and whether the file says so."""
    if match := _TIME.search(text[:65_536]):
        try:
            at_ms = ms_of(datetime.strptime(f"{match[1]} {match[2]}", "%Y-%m-%d %H:%M:%S %z"))
        except (ValueError, OverflowError):
            at_ms = -1
        if 0 <= at_ms < FOREVER_MS:
            return at_ms, True
    return origin.seen_at_ms, False


def _rows(text: str, sections: dict[str, int]) -> Iterator[tuple[str, _Row]]:
    """Every row of a section that is read; `sections` takes in the line where each begins, whether read or not."""
    lines = text.split("\n")
    if lines.pop():
        raise BadInput("the last line has no end: the file is cut.", fix=AGAIN, line=len(lines) + 1)
    section = ""
    columns: list[str] = []
    for number, line in enumerate(lines, 1):
        if border := _BORDER.fullmatch(line):
            if (border["what"] == "START") is bool(section) or (section and border["section"] != section):
                raise BadInput(f"{line.strip()} inside the section {section or 'of none'}.", fix=AGAIN, line=number)
            section = "" if section else border["section"]
            columns = []
            if section and sections.setdefault(section, number) != number:
                raise BadInput(f"a second section {section}.", fix="Keep each run in its own file.", line=number)
        elif section in READ and line.strip():
            cells = _cells(line, number)
            if columns:
                if len(cells) != len(columns):
                    raise BadInput(
                        f"{len(cells)} cells in a section of {len(columns)} columns.", fix=AGAIN, line=number
                    )
                yield section, _Row(number, dict(zip(columns, cells, strict=True)))
                continue
            columns = cells
            if missing := [name for name in READ[section] if name not in columns]:
                raise BadInput(f"{section} has no column {missing[0]}.", fix=AGAIN, line=number)
    if section:
        raise BadInput(f"END_{section} is missing: the file is cut.", fix=AGAIN, line=len(lines))


def _cells(line: str, number: int) -> list[str]:
    try:
        (cells,) = csv.reader([line], strict=True, skipinitialspace=True)
    except (csv.Error, ValueError) as exc:
        raise BadInput(f"a quote that is not closed ({exc}).", fix=AGAIN, line=number) from exc
    return [cell.strip() for cell in cells]


def _node(told: _Told, row: _Row) -> None:
    guid, kind, ports = row.guid("NodeGUID"), KINDS.get(row.number("NodeType")), row.number("NumPorts")
    if kind is None or not 0 <= ports <= HIGHEST_PORT or guid in told.nodes:
        what = "is told twice" if guid in told.nodes else "has no NodeType or NumPorts that there is"
        raise BadInput(f"the node {guid} {what}.", fix=AGAIN, line=row.line)
    told.nodes[guid] = Node(
        guid,
        kind,
        row.cells["NodeDesc"],
        ports,
        row.guid("SystemImageGUID") if row.number("SystemImageGUID") else None,
        row.number("VendorID") or None,
        row.number("DeviceID") or None,
    )


def _port(told: _Told, row: _Row) -> None:
    port = row.port("NodeGuid", "PortNum")
    if row.number("LID"):
        node = told.nodes.get(port.guid)
        if port.number == 0 or (node is not None and node.kind is not NodeKind.SWITCH):
            told.lids.append(Lid(port, row.number("LID"), row.number("LMC") & 7, row.guid("PortGuid")))
    if port.number and row.number("PortState") == DOWN:
        told.down.append(port)
    told.speeds[port] = WIDTHS.get(row.number("LinkWidthActv")), SPEEDS.get(row.number("LinkSpeedActv"))


def _link(told: _Told, row: _Row) -> None:
    a, b = row.port("NodeGuid1", "PortNum1"), row.port("NodeGuid2", "PortNum2")
    for here, far in ((a, b), (b, a)):
        if told.ends.setdefault(here, Seen(row.line, far)).peer != far:
            raise BadInput(f"port {here} is in another link already.", fix=AGAIN, line=row.line)


def _cable(told: _Told, row: _Row) -> None:
    names = ("Vendor", "PN", "SN")
    vendor, part, serial = (known(row.cells.get(name, "")) for name in names)
    if vendor or part or serial:
        length = metres(row.cells.get("LengthDesc", "")) or metres(row.cells.get("LengthCopperOrActive", ""))
        told.modules.append(Module(row.port("NodeGuid", "PortNum"), vendor, part, serial, length))


def _counters(told: _Told, row: _Row) -> None:
    """Counters that are known by name, and those of forward error correction; a long form over a short one."""
    port = row.port("NodeGUID", "PortNumber")
    short: dict[str, int] = {}
    long: dict[str, int] = {}
    if port in told.counters:
        raise BadInput(f"counters of port {port} were told already.", fix=AGAIN, line=row.line)
    for name, text in row.cells.items():
        bare = name.removesuffix("Extended").removesuffix("Ext")
        if (bare in COUNTERS or bare.startswith("PortFEC")) and known(text) not in ("", "-1"):
            (short if bare == name else long)[bare] = value = row.number(name)
            if not 0 <= value <= LONG:
                raise BadInput(f"{name} is a counter, not {value}.", fix=AGAIN, line=row.line)
    if values := short | long:
        told.counters[port] = values


FORMAT: Format[tuple[Sweep, CounterSweep]] = Format("ibdiagnet", "ibdiagnet's data base (db_csv)", recognise, parse)

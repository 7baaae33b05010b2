"""`iblinkinfo`: each port below the heading of its node, or each port in one line (`-l`), with its state and its peer.

Source: infiniband-diags, iblinkinfo.c (print_node_header, print_port), and libibmad, dump.c (widths, speeds, states).
`LID PORT[  ] ==( 4X 25.78125 Gbps Active/  LinkUp)==> LID PORT[  ] "name" (Could be ...)`: the speed is that of a lane.
A switch's GUID stands in its heading, an HCA's at each of its lines and is the port's; a peer is told by its LID, and
by GUID only with `-l`. So HCAs are looked up in the inventory. `"Port not available"` is a link to a peer that did not
answer. Read too: `--down`, and lines grepped out of a listing, whose switches are told by LID alone: no whole picture.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading
from weft.fabric.formats.discovery import LANES, PUTTY, Seen, found_in, guid_of, quoted, whole_lines
from weft.fabric.formats.rows import LID, PART, Rows
from weft.fabric.model import NodeKind
from weft.fabric.places import PortRef, UnplacedSweep

AGAIN = "Run iblinkinfo again and import its whole output."

_SWITCH = re.compile(r"(?a)Switch: 0x(?P<guid>[\da-fA-F]{1,16}) (?P<name>.*):\s*")
_HCA = re.compile(r"(?a)(?P<kind>CA|Router): (?P<name>.*):\s*")
_ROW = re.compile(
    r"(?a)\s*(?:0x(?P<guid>[\da-fA-F]{1,16})\s+(?:\"\s*(?P<name>.*?)\"\s+)?)?"
    r"(?P<lid>\d{1,5})\s+(?P<port>\d{1,3})\[.{2,3}\] ==\((?P<link>[^=]{1,99}?)\)(?: \(HOQ:\d+ VL_Stall:\d+\))?==>\s*"
    r"(?:(?:0x(?P<far_guid>[\da-fA-F]{1,16})\s+)?(?P<far_lid>\d{1,5})\s+(?P<far_port>\d{1,3})\[.{2,3}\] "
    r"\"(?P<far_name>.*)\" \(.*\)|\[  \] \"\" \( \)|(?P<silent>\"Port not available\"))\s*"
)
_PORT = re.compile(
    r"(?am)^ {0,20}(?:0x[\da-fA-F]{1,16} {1,9}(?:\"[^\"\n]{0,99}\" {1,9})?)?\d{1,5} {1,9}\d{1,3}\[.{2,3}\] ==\("
)
"""How such a line begins; ibqueryerrors -r prints it too, behind `Link info:`."""
_LINK = re.compile(
    r"(?a)\s*(?:(?P<width>\d{1,2}X|undefined \(\d+\))\s+(?P<speed>\S.*?)\s+)?(?P<state>[A-Za-z]+)\s*/\s*[A-Za-z]+\s*"
)
_LANE = re.compile(r"(?a)(?P<rate>\d+(?:\.\d+)?) Gbps(?P<fdr10> \(FDR10\))?")
_IGNORED = re.compile(rf"(?a)#.*|--|{PUTTY}|\s*")
"""Comments, what grep puts between groups, PuTTY's heading."""


@dataclass(frozen=True, slots=True)
class _Heading:
    """The line above a node's ports; an HCA's tells no GUID."""

    line: int
    kind: NodeKind
    guid: str | None
    name: str


@dataclass(frozen=True, slots=True)
class _Row:
    """One line: whose port it is by what the line and the heading above tell, and what it says of the link.

    `own`: the GUID that the line itself begins with. `kind` None: not told (-l).
    """

    line: int
    heading: int
    own: str | None
    guid: str | None
    kind: NodeKind | None
    name: str
    lid: int
    port: int
    down: bool
    silent: bool
    width: str | None
    speed: str | None
    far_guid: str | None
    far_name: str
    far_lid: int | None
    far_port: int


@dataclass(slots=True)
class _Nodes:
    """Which node a line means, by what the other lines tell of GUIDs and LIDs.

    `by_lid`: GUIDs that a LID stands for. `stand_ins`: LIDs of which no GUID is told.
    """

    kinds: dict[str, NodeKind] = field(default_factory=dict)
    by_lid: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    stand_ins: dict[str, PortRef] = field(default_factory=dict)

    def key(self, guid: str | None, lid: int, name: str) -> str:
        """The node's GUID (an HCA's port's), or what stands for a node of which nothing but a LID is told."""
        if guid is not None:
            return guid
        if len(known := self.by_lid.get(lid, set())) == 1:
            return next(iter(known))
        stand_in = f"{LID}{lid}"
        if stand_in not in self.stand_ins or name:
            self.stand_ins[stand_in] = PortRef(lid=lid, description=name)
        return stand_in


def recognise(head: str) -> bool:
    """True when some line is one of a port's."""
    return _PORT.search(head) is not None


def parse(text: str, origin: Origin) -> Reading[UnplacedSweep]:
    """Read a listing, or some lines of one. It tells no time.

    Raises:
        BadInput: no end of line at the end, a line that is none of the tool's, a port told twice.
    """
    told = _read(whole_lines(text, AGAIN))
    headed = _headings_hold(told)
    if not headed:
        told = [_without_heading(row) for row in told]
    nodes = _nodes(told)
    rows = Rows(AGAIN)
    down, silent = [], []
    for row in told:
        key = nodes.key(row.guid, row.lid, "")
        here = rows.port(key, nodes.kinds[key], row.name, row.port, row.lid, row.line)
        rows.row(here, row.line)
        if row.far_lid is not None:
            far_key = nodes.key(row.far_guid, row.far_lid, row.far_name)
            far = rows.port(far_key, nodes.kinds[far_key], row.far_name, row.far_port, row.far_lid, row.line)
            rows.ends[here] = Seen(row.line, far, row.width, row.speed)
        if row.down:
            down.append(here)
        if row.silent:
            silent.append(here)
    whole = headed and bool(rows.ends)
    unplaced, notices = rows.sweep(
        origin, FORMAT.name, down=down, unknown=silent, whole=whole, stand_ins=nodes.stand_ins.items()
    )
    if not whole:
        what = "only ports without a link" if headed else "ports without the headings of their nodes"
        notices.insert(0, f"It lists {what}: {PART}.")
    found = found_in(unplaced.sweep)
    return Reading(unplaced, found, origin.seen_at_ms, dated=False, notices=tuple(notices))


def _read(lines: list[str]) -> list[_Row]:
    rows = []
    heading: _Heading | None = None
    for number, line in enumerate(lines, 1):
        if match := _ROW.fullmatch(line):
            rows.append(_row(number, match, heading))
        elif match := _SWITCH.fullmatch(line):
            heading = _Heading(number, NodeKind.SWITCH, guid_of(match["guid"], number), match["name"].strip())
        elif match := _HCA.fullmatch(line):
            kind = NodeKind.CA if match["kind"] == "CA" else NodeKind.ROUTER
            heading = _Heading(number, kind, None, match["name"].strip())
        elif not _IGNORED.fullmatch(line):
            raise BadInput(
                '`96 36[  ] ==( 4X 25.78125 Gbps Active/  LinkUp)==> 185 36[  ] "name" ( )` was expected, not '
                f"{quoted(line)}.",
                fix=AGAIN,
                line=number,
            )
    return rows


def _row(number: int, match: re.Match[str], heading: _Heading | None) -> _Row:
    link = _LINK.fullmatch(match["link"])
    if link is None:
        raise BadInput(
            f"`( 4X 25.78125 Gbps Active/  LinkUp)` was expected, not {quoted(match['link'])}.", fix=AGAIN, line=number
        )
    guid = own = guid_of(match["guid"], number) if match["guid"] else None
    kind, name = None, (match["name"] or "").strip()
    if match["name"] is None:  # not -l: then an HCA's line begins with its GUID, and a switch's has none
        kind = NodeKind.SWITCH if own is None else NodeKind.CA
        if heading is not None:
            kind, name, guid = heading.kind, heading.name, own or heading.guid
    return _Row(
        number,
        heading.line if heading else 0,
        own,
        guid,
        kind,
        name,
        int(match["lid"]),
        int(match["port"]),
        link["state"] == "Down",
        match["silent"] is not None,
        None if link["width"] is None or link["width"].startswith("undefined") else link["width"],
        _speed(link["speed"] or ""),
        guid_of(match["far_guid"], number) if match["far_guid"] else None,
        (match["far_name"] or "").strip(),
        None if match["far_lid"] is None else int(match["far_lid"]),
        int(match["far_port"] or 0),
    )


def _headings_hold(rows: Sequence[_Row]) -> bool:
    """Whether every line has its node's heading above it. Lines grepped together with some headings do not.

    Told by what else is known of a LID: the lines below one switch's heading have one, and the far ends of other lines
    say who has it. In a listing that is not whole a name that another LID has counts too.
    """
    called: dict[int, set[str]] = defaultdict(set)
    ends: dict[tuple[int, int], tuple[int, int]] = {}
    for row in rows:
        if row.far_lid:
            called[row.far_lid].add(row.far_name)
            ends[row.lid, row.port] = row.far_lid, row.far_port
    whole = all(ends.get(far) == here for here, far in ends.items())
    lids: dict[int, set[int]] = defaultdict(set)
    for row in rows:
        if row.kind is None:
            continue
        if row.guid is None or (row.kind is NodeKind.SWITCH) is not (row.own is None):
            return False
        if row.kind is NodeKind.SWITCH:
            lids[row.heading].add(row.lid)
        if row.lid in called and row.name not in called[row.lid]:
            return False
        if not whole and row.far_lid not in (None, row.lid) and row.far_name == row.name:
            return False
    return all(len(of_one) == 1 for of_one in lids.values())


def _without_heading(row: _Row) -> _Row:
    """The line by itself: an HCA's port by its GUID, a switch by its LID; -l needs no heading."""
    if row.kind is None:
        return row
    return replace(row, guid=row.own, kind=NodeKind.SWITCH if row.own is None else NodeKind.CA, name="")


def _speed(text: str) -> str | None:
    """`EDR` for `25.78125 Gbps`; None when unknown."""
    lane = _LANE.fullmatch(text)
    if lane is None:
        return None
    return "FDR10" if lane["fdr10"] else LANES.get(lane["rate"].removesuffix(".0"))


def _nodes(rows: Iterable[_Row]) -> _Nodes:
    """Kinds and LIDs by GUID. Where no line says what a node is, one with several ports at one address is a switch."""
    nodes = _Nodes()
    for row in rows:
        if row.guid is not None:
            nodes.by_lid[row.lid].add(row.guid)
        if row.far_guid is not None and row.far_lid is not None:
            nodes.by_lid[row.far_lid].add(row.far_guid)
    nodes.by_lid.pop(0, None)
    ports: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        key = nodes.key(row.guid, row.lid, "")
        ports[key].add(row.port)
        if row.kind is not None:
            nodes.kinds[key] = row.kind
        if row.far_lid is not None:
            ports[nodes.key(row.far_guid, row.far_lid, row.far_name)].add(row.far_port)
    for key, numbers in ports.items():
        nodes.kinds.setdefault(key, NodeKind.SWITCH if len(numbers) > 1 else NodeKind.CA)
    return nodes


FORMAT: Format[UnplacedSweep] = Format("iblinkinfo", "an iblinkinfo listing", recognise, parse, refers=True)

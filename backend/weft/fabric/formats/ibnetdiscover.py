"""`ibnetdiscover` without options: every node, and every cable from both of its ends.

Source: infiniband-diags, ibnetdiscover.c (out_switch, out_ca, out_switch_port, out_ca_port, dump_topology) and its man
page. Read too: `-g` (chassis headings, `[ext n]` labels), `-f` (`s= w= v= e=` behind the speed), versions without a
speed column, `???` for a speed the tool has no name for, missing quotes and blank lines, router nodes, both ports of
one HCA. The tool prints no trailer; a whole file is known by this: every cable stands in it twice, with equal numbers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted
from weft.base.intervals import FOREVER_MS, ctime, iso, local_ms
from weft.fabric.formats.discovery import (
    HIGHEST_PORT,
    PUTTY,
    Seen,
    found_in,
    guid_of,
    links_of,
    quoted,
    unanswered,
    whole_lines,
)
from weft.fabric.model import Lid, Link, Node, NodeKind, PortKey, Sweep

AGAIN = "Run ibnetdiscover again and import its whole output."

_GENERATED = re.compile(r"(?a)# Topology file: generated on (?P<time>.*)")
_INITIATED = re.compile(r"(?a)# Initiated from node (?P<node>[\da-fA-F]{16}) port (?P<port>[\da-fA-F]{16})\s*")
_IDS = re.compile(
    r"(?a)(?P<key>(?:vendid|devid)(?==0x[\da-fA-F]{1,8}\b)|sysimgguid|switchguid|caguid|rtguid)"
    r"=0x(?P<value>[\da-fA-F]{1,16})(?:\((?P<port>[\da-fA-F]{1,16})\))?\s*(?:#.*)?"
)
_NODE = re.compile(
    r"(?a)(?P<word>Switch|Ca|Rt)\s+(?P<ports>\d{1,3})\s+"
    r"\"?(?P<letter>[SHR])-(?P<guid>[\da-fA-F]{16})\"?\s*(?:#\s*(?P<rest>.*))?"
)
_SWITCH_REST = re.compile(
    r"(?a)(?:\"(?P<quoted>.*)\"|(?P<bare>.*?))\s*\b(?:enhanced|base)\s+port 0 "
    r"lid (?P<lid>\d{1,5}) lmc (?P<lmc>[0-7])\s*"
)
_CA_REST = re.compile(r"(?a)(?:\"(?P<quoted>.*)\"|(?P<bare>[^\"]*?))\s*(?:\(scp\)\s*)?")
_PORT = re.compile(
    r"(?a)\[(?P<number>\d{1,3})\](?:\[ext \d+\])?(?:\((?P<own>[\da-fA-F]{1,16})\))?\s+"
    r"\"?(?P<letter>[SHR])-(?P<guid>[\da-fA-F]{16})\"?\[(?P<peer>\d{1,3})\](?:\[ext \d+\])?\s*"
    r"(?:\((?P<far>[\da-fA-F]{1,16})\))?\s*(?:#\s*(?P<rest>.*))?"
)
_PORT_REST = re.compile(
    r"(?a)(?:lid (?P<lid>\d{1,5}) lmc (?P<lmc>[0-7])\s+)?(?:\"(?P<quoted>.*)\"|(?P<bare>[^\"]*?))"
    r"\s*\blid (?P<far_lid>\d{1,5})(?:\s+(?P<width>\d{1,2}x|\?\?)(?P<speed>[A-Z]{3}\d{0,2}|\?\?\?)?)?"
    r"(?:\s+s=\d+ w=\d+ v=\d+(?: e=\d+)?)?(?:\s+slot \d+|\s+\(scp\))?\s*"
)
_IGNORED = re.compile(rf"(?a)#.*|Chassis \d+.*|Hostname: .*|Non-Chassis Nodes|{PUTTY}|\s*")
"""Comments, the headings of -g, and PuTTY's."""

_KINDS = {"Switch": NodeKind.SWITCH, "Ca": NodeKind.CA, "Rt": NodeKind.ROUTER}
_LETTERS = {"S": NodeKind.SWITCH, "H": NodeKind.CA, "R": NodeKind.ROUTER}
_GUID_KEYS = {"switchguid": NodeKind.SWITCH, "caguid": NodeKind.CA, "rtguid": NodeKind.ROUTER}


@dataclass(frozen=True, slots=True)
class _End:
    """One line of a block: what a port says of the other end of its cable."""

    line: int
    own_guid: str | None
    peer: PortKey
    peer_kind: NodeKind
    peer_guid: str | None
    peer_description: str
    lid: int | None
    lmc: int
    peer_lid: int
    width: str | None
    speed: str | None


@dataclass(slots=True)
class _Block:
    """One node with its lines."""

    line: int
    kind: NodeKind
    guid: str
    ports: int
    description: str
    lid: int | None = None
    lmc: int = 0
    port_guid: str | None = None
    ids: dict[str, str] = field(default_factory=dict)
    ends: dict[int, _End] = field(default_factory=dict)

    def tells(self) -> tuple[object, ...]:
        """Everything but line numbers: equal for a node that -g prints twice."""
        ends = {n: (e.peer, e.peer_guid, e.peer_lid, e.lid, e.width, e.speed) for n, e in self.ends.items()}
        return self.kind, self.guid, self.ports, self.description, self.lid, self.ids, ends


def recognise(head: str) -> bool:
    """True for a topology with node blocks; not for `--diff`, whose lines begin with < and >."""
    if re.search(r"^[<>] ?[^\s]", head, re.MULTILINE):
        return False
    return _has_heading(head) or re.search(r"^(?:Switch|Ca|Rt)\s+\d+\s+\"?[SHR]-", head, re.MULTILINE) is not None


def _has_heading(head: str) -> bool:
    return re.search(r"^# Topology file: generated on ", head, re.MULTILINE) is not None


def parse(text: str, origin: Origin) -> Reading[Sweep]:
    """Read a whole topology.

    Raises:
        BadInput: not whole (an end without its other end, a node without its block, no end of line at the end), a line
            that is none of the tool's, two dumps in one file, two nodes with one GUID.
    """
    lines = whole_lines(text, AGAIN)
    seen_at_ms, dated, notices = _time_of(lines, origin)
    blocks = _blocks(lines)
    if not blocks:
        raise BadInput('there is no node in it (`Switch 36 "S-…"` or `Ca 1 "H-…"` was expected).', fix=AGAIN)
    start = _start_of(lines)
    for block in blocks.values():
        if not block.ends and block.guid != start:  # a node is found through a cable, unless the search began there
            raise BadInput(
                f"the node {block.guid} has no cable, so nothing can have found it: the file is cut or was changed.",
                fix=AGAIN,
                line=block.line,
            )
    links, more = _links(blocks)
    notices += more
    peers = {PortKey(block.guid, n): end.peer for block in blocks.values() for n, end in block.ends.items()}
    ports = {block.guid: block.ports for block in blocks.values()}
    names = {block.guid: block.description for block in blocks.values()}
    silent, more = unanswered(origin.stderr, start, ports, peers, names)
    notices += more
    sweep = Sweep.of(
        origin.fabric,
        seen_at_ms,
        FORMAT.name,
        [_node(block) for block in blocks.values()],
        links,
        _lids(blocks),
        unanswered=silent,
    )
    return Reading(sweep, found_in(sweep), seen_at_ms, dated, tuple(notices))


def _time_of(lines: list[str], origin: Origin) -> tuple[int, bool, list[str]]:
    """When the heading says it was made (epoch ms), whether it says so at all, and a doubt about it."""
    found = [(number, m) for number, line in enumerate(lines, 1) if (m := _GENERATED.fullmatch(line))]
    if not found:
        return origin.seen_at_ms, False, []
    if len(found) > 1:
        raise BadInput(
            f"a second topology begins here (the first at line {found[0][0]}).",
            fix="Keep each run of ibnetdiscover in its own file.",
            line=found[1][0],
        )
    number, match = found[0]
    moment = ctime(match["time"])
    if moment is None:
        raise BadInput(
            f"'{match['time']}' is no time; one like `Sun Nov 22 22:23:15 2026` was expected.", fix=AGAIN, line=number
        )
    at_ms, sure = local_ms(moment, origin.zone)
    if not 0 <= at_ms < FOREVER_MS:
        raise BadInput(f"the year {moment.year} lies outside the calendar.", fix=AGAIN, line=number)
    if sure:
        return at_ms, True, []
    if origin.told_ms is not None:
        return origin.told_ms, True, []
    return at_ms, True, [_twice(moment, at_ms, origin.zone)]


def _twice(moment: datetime, at_ms: int, zone: tzinfo) -> str:
    return (
        f"The clocks change in the hour of {moment:%Y-%m-%d %H:%M:%S}: taken as {iso(at_ms, zone)}. "
        "Say which one it is with --seen-at."
    )


def _start_of(lines: list[str]) -> str | None:
    """GUID of the node that the discovery started from."""
    for line in lines:
        if match := _INITIATED.fullmatch(line):
            return match["node"].lower()
    return None


def _blocks(lines: list[str]) -> dict[str, _Block]:
    """Every node by GUID, in the order of the file."""
    blocks: dict[str, _Block] = {}
    ids: dict[str, str] = {}
    port_guid: str | None = None
    block: _Block | None = None
    for number, line in enumerate(lines, 1):
        if match := _PORT.fullmatch(line):
            if block is None or ids:
                raise _unexpected(line, number, "the heading of a node")
            _add_end(block, number, match)
        elif match := _IDS.fullmatch(line):
            ids[match["key"]] = match["value"].lower().zfill(16)
            port_guid = match["port"].lower().zfill(16) if match["port"] else port_guid
        elif match := _NODE.fullmatch(line):
            _close(blocks, block)
            block = _open(number, match, ids)
            block.port_guid, port_guid, ids = port_guid, None, {}
        elif not _IGNORED.fullmatch(line):
            raise _unexpected(line, number, "the line of a port" if block else "the heading of a node")
    if ids:
        raise BadInput("the file ends inside the heading of a node: it is cut.", fix=AGAIN, line=len(lines))
    _close(blocks, block)
    return blocks


def _unexpected(line: str, number: int, expected: str) -> BadInput:
    shapes = {
        "the heading of a node": '`Switch 36 "S-<16 hex digits>" # "name" …`',
        "the line of a port": '`[1] "H-<16 hex digits>"[1] # "name" lid 5 4xEDR`',
    }
    return BadInput(f"{expected}, {shapes[expected]}, was expected, not {quoted(line)}.", fix=AGAIN, line=number)


def _open(number: int, match: re.Match[str], ids: dict[str, str]) -> _Block:
    kind, guid = _KINDS[match["word"]], guid_of(match["guid"], number)
    if _LETTERS[match["letter"]] is not kind or any(
        ids[key] != guid or of is not kind for key, of in _GUID_KEYS.items() if key in ids
    ):
        raise BadInput(
            f"the heading names other GUIDs than the node {guid} above and beside it.", fix=AGAIN, line=number
        )
    ports = int(match["ports"])
    if not 1 <= ports <= HIGHEST_PORT:
        raise BadInput(f"a node has 1 to 254 ports, not {ports}.", fix=AGAIN, line=number)
    rest = match["rest"] or ""
    if kind is not NodeKind.SWITCH:
        told = _CA_REST.fullmatch(rest)
        if told is None:
            raise _unexpected(match[0], number, "the heading of a node")
        return _Block(number, kind, guid, ports, _description(told), ids=ids)
    told = _SWITCH_REST.fullmatch(rest)
    if told is None:
        raise BadInput(
            f'`# "name" enhanced port 0 lid 7 lmc 0` was expected behind the switch, not {quoted(rest)}.',
            fix=AGAIN,
            line=number,
        )
    return _Block(number, kind, guid, ports, _description(told), int(told["lid"]), int(told["lmc"]), ids=ids)


def _description(match: re.Match[str]) -> str:
    return str(match["quoted"] if match["quoted"] is not None else match["bare"] or "").strip()


def _add_end(block: _Block, number: int, match: re.Match[str]) -> None:
    port, peer = int(match["number"]), PortKey(match["guid"].lower(), int(match["peer"]))
    told = _PORT_REST.fullmatch(match["rest"] or "")
    if told is None or (block.kind is not NodeKind.SWITCH and told["lid"] is None):
        lid = "" if block.kind is NodeKind.SWITCH else "lid 3 lmc 0 "
        raise BadInput(
            f'`# {lid}"name" lid 5 4xEDR` was expected at the end, not {quoted(match["rest"] or "")}.',
            fix=AGAIN,
            line=number,
        )
    if not 1 <= port <= block.ports:
        raise BadInput(f"port {port} of a node that has {counted(block.ports, 'port')}.", fix=AGAIN, line=number)
    if port in block.ends:
        raise BadInput(f"port {port} was told at line {block.ends[port].line} already.", fix=AGAIN, line=number)
    block.ends[port] = _End(
        number,
        match["own"] and match["own"].lower().zfill(16),
        peer,
        _LETTERS[match["letter"]],
        match["far"] and match["far"].lower().zfill(16),
        _description(told),
        None if told["lid"] is None else int(told["lid"]),
        int(told["lmc"] or 0),
        int(told["far_lid"]),
        _known(told["width"], "??"),
        _known(told["speed"], "???"),
    )


def _known(text: str | None, unknown: str) -> str | None:
    """Width as `4X`, speed as it is; None where the tool has no name for it."""
    return None if text is None or text == unknown else text.upper()


def _close(blocks: dict[str, _Block], block: _Block | None) -> None:
    if block is None:
        return
    before = blocks.setdefault(block.guid, block)
    if before is not block and before.tells() != block.tells():
        raise BadInput(
            f"the node {block.guid} was told at line {before.line} already, and differently.",
            fix="A GUID names one node: see that the file is one run of ibnetdiscover, with the GUIDs as they were.",
            line=block.line,
        )


def _links(blocks: Mapping[str, _Block]) -> tuple[list[Link], list[str]]:
    """Every cable once, checked from both ends; and what the ends do not agree on."""
    ends: dict[PortKey, Seen] = {}
    renamed: list[str] = []
    for block in blocks.values():
        for number, end in block.ends.items():
            here = PortKey(block.guid, number)
            far = _other_end(blocks, here, end)
            if end.peer_description != far.description and far.guid not in renamed:
                renamed.append(far.guid)
            ends[here] = Seen(end.line, end.peer, end.width, end.speed)
    links, notices = links_of(ends)
    if renamed:
        notices.append(
            f"{counted(len(renamed), 'node')} called otherwise at the far end of a cable than in the own heading "
            f"(the heading is taken), first {renamed[0]}."
        )
    return links, notices


def _other_end(blocks: Mapping[str, _Block], here: PortKey, end: _End) -> _Block:
    """The node at the other end of a cable. Raises BadInput when it is missing or says otherwise."""
    block = blocks.get(end.peer.guid)
    name = f"{end.peer_description or end.peer.guid} port {end.peer.number}"
    if block is None or block.kind is not end.peer_kind:
        raise BadInput(
            f"port {here.number} leads to {name}, but {end.peer.guid} has no block: the file is cut or was changed.",
            fix=AGAIN,
            line=end.line,
        )
    far = block.ends.get(end.peer.number)
    if far is None or far.peer != here:
        raise BadInput(
            f"port {here.number} leads to {name}, and that port "
            + ("is not told" if far is None else f"(line {far.line}) leads to {far.peer}")
            + ": the file is cut or was changed.",
            fix=AGAIN,
            line=end.line,
        )
    lid = block.lid if far.lid is None else far.lid
    if (None not in (end.peer_guid, far.own_guid) and end.peer_guid != far.own_guid) or end.peer_lid != lid:
        raise BadInput(
            f"port {here.number} leads to {name} with port GUID {end.peer_guid} and LID {end.peer_lid}, "
            f"but line {far.line} says {far.own_guid} and LID {lid}.",
            fix=AGAIN,
            line=end.line,
        )
    return block


def _node(block: _Block) -> Node:
    ids = block.ids
    return Node(
        block.guid,
        block.kind,
        block.description,
        block.ports,
        ids.get("sysimgguid"),
        int(ids["vendid"], 16) if "vendid" in ids else None,
        int(ids["devid"], 16) if "devid" in ids else None,
    )


def _lids(blocks: Mapping[str, _Block]) -> list[Lid]:
    """LIDs that the subnet manager gave out: of a switch on port 0, of others on each port. 0 is none."""
    lids = []
    for block in blocks.values():
        if block.lid:
            lids.append(Lid(PortKey(block.guid, 0), block.lid, block.lmc, block.port_guid))
        lids += [
            Lid(PortKey(block.guid, n), end.lid, end.lmc, end.own_guid) for n, end in block.ends.items() if end.lid
        ]
    return lids


FORMAT: Format[Sweep] = Format("ibnetdiscover", "an ibnetdiscover topology", recognise, parse)

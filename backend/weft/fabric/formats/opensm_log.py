"""`opensm.log`: what the subnet manager says, and what of it tells about ports and links.

Source: OpenSM, osm_log.c (the line: month, day, time, microseconds, thread, level), osm_helper.c (osm_dump_notice),
osm_drop_mgr.c, osm_state_mgr.c, osm_perfmgr.c. No year, no zone: the latest year that puts a line not after a day from
when the file was seen. A record goes on in every line that does not begin like one (banners, details behind a tab).
`perfmgr_log_errors` tells by how much a counter rose, and prints the far node's GUID with its bytes in the opposite
order (seen in 3.3.23): it is turned round, unless the log knows it as it stands.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import Literal

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted, said_aside
from weft.base.intervals import datetime_of, local_ms, wall_clock
from weft.fabric.forwarding import full_guid
from weft.fabric.places import PortRef

AS_WRITTEN = "Give the log as OpenSM wrote it."
LONGEST = 65_536
"""Characters kept of a record; what is longer is cut."""
DAY_MS = 86_400_000

_LINE = re.compile(
    r"(?a)(?P<second>(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?P<day>[ \d]\d) "
    r"(?P<clock>\d\d:\d\d:\d\d)) (?P<micros>\d{6}) \[[\dA-Fa-f]{1,16}\] 0x(?P<level>[\dA-Fa-f]{2}) -> (?P<text>.*)"
)
_TRAP = re.compile(
    r"(?a)Received Generic Notice type:(?:0x)?\d+ num:128\b.{0,60}? from LID:"
    r"(?:0x(?P<hex>[\da-fA-F]{1,4})|(?P<lid>\d{1,5}))"
)
_OWNER = re.compile(
    r"(?a)Reporting .{0,40}(?:Notice \"Link state change\"|num:128\b).{0,60}? from (?:switch )?LID[: ]"
    r"(?P<lid>\d{1,5}),? (?:GUID:? ?0x(?P<guid>[\da-fA-F]{1,16})|GID:(?P<gid>[\da-fA-F:]{2,45}))"
)
_PORT = re.compile(
    r"(?a)(?P<what>Removed|Discovered new) port with GUID:0x(?P<guid>[\da-fA-F]{1,16}) LID range \[[^\]]{1,30}\] "
    r"of node: ?(?P<name>.*)"
)
_COUNTER = re.compile(
    r'(?a)perfmgr_log_errors: ERR \w{4}: (?P<counter>\w{1,64}) : (?P<value>\d{1,20}) : node "(?P<name>.*?)" '
    r"\(NodeGUID: 0x(?P<guid>[\da-fA-F]{1,16})\) : port (?P<port>\d{1,3})"
    r'(?: connected to "(?P<far>.*?)" \(NodeGUID: 0x(?P<far_guid>[\da-fA-F]{1,16})\) : port (?P<far_port>\d{1,3}))?'
)
_STATE = re.compile(r"(?a)(?:Entering|Exiting) \w+ state|SUBNET UP|Exiting SM")

Severity = Literal["info", "warning"]
EventKind = Literal["sm_link_state", "sm_port_removed", "sm_port_found", "sm_counter", "sm_state", "sm_subnet_up"]

LEVELS = {0x01: "err", 0x02: "info", 0x80: "notice"}
"""OSM_LOG_ERROR, _INFO and _SYS (osm_log.h) as syslog keywords; every other level is for debugging."""


@dataclass(frozen=True, slots=True)
class SmRecord:
    """One record of the log; `severity` as syslog names it. `number`: the how-manieth of equal records in the file."""

    at_ms: int
    severity: str
    program: str
    text: str
    number: int


@dataclass(frozen=True, slots=True)
class SmEvent:
    """What a record says of ports. `ports`: the one it is about, then the other end where it is told."""

    at_ms: int
    kind: EventKind
    severity: Severity
    text: str
    ports: tuple[PortRef, ...] = ()
    counter: str = ""


@dataclass(frozen=True, slots=True)
class SmLog:
    """A subnet manager's log, in the order it was written."""

    fabric: str
    seen_at_ms: int
    records: tuple[SmRecord, ...]
    events: tuple[SmEvent, ...]


@dataclass(slots=True)
class _Doubts:
    before: int = 0
    twice: int = 0
    first_twice: int = 0


def recognise(head: str) -> bool:
    """True when some line is OpenSM's."""
    return any(_LINE.match(line) for line in head.split("\n")[:200])


def parse(text: str, origin: Origin) -> Reading[SmLog]:
    """Read every record, and the events in them.

    Raises:
        BadInput: no record in it, or more than half of the lines stand before the first one.
    """
    lines = text.split("\n")
    cut = lines.pop()
    doubts = _Doubts()
    records = tuple(_records(lines, origin, doubts))
    if not records or 2 * doubts.before > len(lines):
        raise BadInput("`Nov 22 22:23:12 510430 [9EDDF740] 0x02 -> text` was expected.", fix=AS_WRITTEN, line=1)
    names = _Names(records)
    events = tuple(event for record in records if (event := _event(record, names)) is not None)
    notices = _tell(doubts, cut) + said_aside(origin.stderr)
    log = SmLog(origin.fabric, origin.seen_at_ms, records, events)
    found = f"{counted(len(records), 'record')}, {counted(len(events), 'event')}"
    return Reading(log, found, origin.seen_at_ms, dated=False, notices=tuple(notices))


def _records(lines: list[str], origin: Origin, doubts: _Doubts) -> Iterator[SmRecord]:
    """Every record with the lines it goes on in."""
    clock = _Clock(origin)
    seen: dict[str, int] = {}
    begin: tuple[int, re.Match[str], str] | None = None
    more: list[str] = []

    def record() -> Iterator[SmRecord]:
        if begin is not None:
            at_ms, match, line = begin
            seen[line] = seen.get(line, 0) + 1
            body = "\n".join([match["text"], *(x for x in more if x.strip(" *\t"))])[:LONGEST]
            severity = LEVELS.get(int(match["level"], 16), "debug")
            yield SmRecord(at_ms, severity, "opensm", body, seen[line])

    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        at_ms = clock.ms_of(match, number, doubts) if match else None
        if match is None or at_ms is None:
            doubts.before += begin is None and bool(line.strip())
            more.append(line)
            continue
        yield from record()
        begin, more = (at_ms, match, line), []
    yield from record()


class _Clock:
    """Times of lines; neighbours share their second, so it is worked out once."""

    def __init__(self, origin: Origin) -> None:
        self._zone = origin.zone
        self._latest_ms = origin.seen_at_ms + DAY_MS
        self._second = ""
        self._known: tuple[int | None, bool] = (None, True)

    def ms_of(self, match: re.Match[str], number: int, doubts: _Doubts) -> int | None:
        """Epoch ms of a line; None for a date that no year has."""
        if match["second"] != self._second:
            self._second, self._known = match["second"], self._guess(match)
        at_ms, sure = self._known
        if at_ms is None:
            return None
        if not sure:
            doubts.twice += 1
            doubts.first_twice = doubts.first_twice or number
        return at_ms + int(match["micros"]) // 1000

    def _guess(self, match: re.Match[str]) -> tuple[int | None, bool]:
        year = datetime_of(self._latest_ms, self._zone).year
        for candidate in range(year, max(year - 9, 0), -1):  # 29 February may be eight years back
            moment = wall_clock(candidate, match["month"], int(match["day"]), match["clock"])
            if moment is None:
                continue
            at_ms, sure = local_ms(moment, self._zone)
            if 0 <= at_ms <= self._latest_ms:
                return at_ms, sure
        return None, True


class _Names:
    """What the log itself tells of GUIDs: switches by LID, from the record behind a trap, and every GUID it prints."""

    def __init__(self, records: Iterable[SmRecord]) -> None:
        self.by_lid: dict[int, str] = {}
        self._printed: set[str] = set()
        for record in records:
            if match := _OWNER.search(record.text):
                guid = match["guid"] or _interface(match["gid"])
                if guid is not None:
                    self.by_lid[int(match["lid"])] = full_guid(guid)
            for pattern in (_COUNTER, _PORT):
                if match := pattern.search(record.text):
                    self._printed.add(full_guid(match["guid"]))
        self._printed |= set(self.by_lid.values())

    def far(self, printed: str) -> str:
        """The far node of a counter's link."""
        guid = full_guid(printed)
        return guid if guid in self._printed else bytes.fromhex(guid)[::-1].hex()


def _interface(gid: str) -> str | None:
    """The port GUID in a GID: its lower half."""
    try:
        return f"{int(IPv6Address(gid)) & (2**64 - 1):016x}"
    except AddressValueError:
        return None


def _event(record: SmRecord, names: _Names) -> SmEvent | None:
    text = record.text.split("\n", 1)[0]
    if match := _TRAP.search(text):
        lid = int(match["hex"], 16) if match["hex"] else int(match["lid"])
        guid = names.by_lid.get(lid)
        ref = PortRef(node_guid=guid, number=0) if guid else PortRef(lid=lid, number=0)
        said = f"A link of the switch with LID {lid} changed its state (trap 128)."
        return SmEvent(record.at_ms, "sm_link_state", "info", said, (ref,))
    if match := _PORT.search(text):
        gone, name = match["what"] == "Removed", match["name"].strip()
        ref = PortRef(port_guid=full_guid(match["guid"]), description=name)
        said = f"The subnet manager {'removed' if gone else 'found'} a port of {name}."
        kind: EventKind = "sm_port_removed" if gone else "sm_port_found"
        return SmEvent(record.at_ms, kind, "warning" if gone else "info", said, (ref,))
    if match := _COUNTER.search(text):
        return _counter(record.at_ms, match, names)
    if match := _STATE.search(text):
        up = match[0] == "SUBNET UP"
        return SmEvent(record.at_ms, "sm_subnet_up" if up else "sm_state", "info", f"Subnet manager: {match[0]}.")
    return None


def _counter(at_ms: int, match: re.Match[str], names: _Names) -> SmEvent:
    near = PortRef(node_guid=full_guid(match["guid"]), description=match["name"], number=int(match["port"]))
    said = f"PerfMgr: {match['counter']} rose by {int(match['value']):,} at {match['name']} port {match['port']}"
    if match["far"] is None:
        return SmEvent(at_ms, "sm_counter", "warning", f"{said}.", (near,), match["counter"])
    far = PortRef(node_guid=names.far(match["far_guid"]), description=match["far"], number=int(match["far_port"]))
    said += f", connected to {match['far']} port {match['far_port']}."
    return SmEvent(at_ms, "sm_counter", "warning", said, (near, far), match["counter"])


def _tell(doubts: _Doubts, cut: str) -> list[str]:
    notices = []
    if cut:
        notices.append("The last line has no end yet and was left out.")
    if doubts.before:
        notices.append(f"{counted(doubts.before, 'line')} before the first record left out.")
    if doubts.twice:
        notices.append(
            f"{counted(doubts.twice, 'line')} in an hour that a change of clocks repeats or skips, first line "
            f"{doubts.first_twice}; the earlier time is taken."
        )
    return notices


FORMAT: Format[SmLog] = Format("opensm.log", "an OpenSM log", recognise, parse)

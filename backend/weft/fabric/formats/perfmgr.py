"""What OpenSM's PerfMgr knows: `perfmgr dump_counters`, `print_counters`, `print_errors`; `dump_counters mach`.

Source: OpenSM, osm_perfmgr_db.c (dump_node_hr, dump_node_mr). These are sums that PerfMgr makes from what the devices
say, since its `Last Reset`; it clears a device's counter when that is three quarters full (10 for those of 4 bits).
They are kept under names of their own (see `counters.PERFMGR`). Dates are ctime's, local and without zone; older OpenSM
prints only the time of the reset. What a console shows between its prompts is read too.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted, said_aside
from weft.base.intervals import FOREVER_MS, ctime, iso, local_ms
from weft.fabric.counters import LONG, PERFMGR
from weft.fabric.forwarding import full_guid, unlike
from weft.fabric.model import CounterSweep, PortCounters, PortKey

AGAIN = "Let PerfMgr dump its counters again and import the whole file."

STALE_MS = 600_000
"""A port that PerfMgr read this long before the newest one is left out: its sums are of another time."""

FIELDS = {
    "symbol_err_cnt": "SymbolErrorCounter",
    "link_err_recover": "LinkErrorRecoveryCounter",
    "link_downed": "LinkDownedCounter",
    "rcv_err": "PortRcvErrors",
    "rcv_rem_phys_err": "PortRcvRemotePhysicalErrors",
    "rcv_switch_relay_err": "PortRcvSwitchRelayErrors",
    "xmit_discards": "PortXmitDiscards",
    "xmit_constraint_err": "PortXmitConstraintErrors",
    "rcv_constraint_err": "PortRcvConstraintErrors",
    "link_integrity_err": "LocalLinkIntegrityErrors",
    "link_int_err": "LocalLinkIntegrityErrors",
    "buf_overrun_err": "ExcessiveBufferOverrunErrors",
    "vl15_dropped": "VL15Dropped",
    "xmit_wait": "PortXmitWait",
    "xmit_data": "PortXmitData",
    "rcv_data": "PortRcvData",
    "xmit_pkts": "PortXmitPkts",
    "rcv_pkts": "PortRcvPkts",
    "unicast_xmit_pkts": "PortUnicastXmitPkts",
    "unicast_rcv_pkts": "PortUnicastRcvPkts",
    "multicast_xmit_pkts": "PortMulticastXmitPkts",
    "multicast_rcv_pkts": "PortMulticastRcvPkts",
}

_PROMPT = re.compile(r"^OpenSM \$ ", re.MULTILINE)
_PORT = re.compile(
    r'(?a)"(?P<name>.*)" 0x(?P<guid>[\da-fA-F]{1,16}) active (?P<active>TRUE|FALSE) port (?P<port>\d{1,3})'
    r"(?: \(Since .{1,40}\))?\s*"
)
_VALUE = re.compile(
    r"(?a)     (?P<name>[a-z_\d]{1,40}|Last (?:Reset|Error Update|Data Update)) +: "
    r"(?P<value>.{1,40}?)(?: \([^()]*\))?\s*"
)
_HEADING = "Name\tGUID\tActive\tPort\tLast Reset\t"


@dataclass(slots=True)
class _Port:
    """What is told of one port; `values` by PerfMgr's own names, times as text."""

    line: int
    key: PortKey
    active: bool
    values: dict[str, str] = field(default_factory=dict)


def recognise(head: str) -> bool:
    """True for either form of a dump."""
    pattern = rf'^(?:(?:OpenSM \$ )*".*" 0x[\da-fA-F]+ active (?:TRUE|FALSE) port \d|{_HEADING})'
    return re.search(pattern, head, re.MULTILINE) is not None


def parse(text: str, origin: Origin) -> Reading[CounterSweep]:
    """Read every port. Its time is that of the newest reading, where the dump tells it.

    Raises:
        BadInput: not whole, a line that is none of PerfMgr's, a port told twice, a number or date that is none.
    """
    lines = text.split("\n")
    if lines.pop() and not _PROMPT.search(text):
        raise BadInput("the last line has no end: the file is cut.", fix=AGAIN, line=len(lines) + 1)
    machine = any(line.startswith(_HEADING) for line in lines)
    told = _table(lines) if machine else _listing(lines, console=_PROMPT.search(text) is not None)
    complete = _is_whole(told)
    times = {port.key: _read_at(port, origin) for port in told}
    newest = max((at for at in times.values() if at is not None), default=None)
    fresh = [p for p in told if p.active and not _stale(times[p.key], newest)]
    ports = tuple(sorted((PortCounters(p.key, _counters(p)) for p in fresh), key=lambda c: c.port))
    at_ms = origin.seen_at_ms if newest is None else newest
    sweep = CounterSweep(origin.fabric, at_ms, FORMAT.name, ports, complete)
    found = f"PerfMgr's sums of {counted(len(ports), 'port')}"
    notices = (*_notices(told, fresh, at_ms, origin), *said_aside(origin.stderr))
    return Reading(sweep, found, at_ms, newest is not None, notices)


def _listing(lines: Sequence[str], *, console: bool) -> list[_Port]:
    """The form for people; of a console's record only what PerfMgr says."""
    told: list[_Port] = []
    open_port: _Port | None = None
    for number, line in enumerate(lines, 1):
        while console and line.startswith("OpenSM $ "):
            line, open_port = line.removeprefix("OpenSM $ "), None
        if match := _PORT.fullmatch(line):
            key = _key(match["guid"], match["port"], number)
            open_port = _Port(number, key, match["active"] == "TRUE")
            told.append(open_port)
        elif (match := _VALUE.fullmatch(line)) and open_port is not None:
            if match["name"] in open_port.values:
                raise BadInput(f"`{match['name']}` is told twice of a port.", fix=AGAIN, line=number)
            open_port.values[match["name"]] = match["value"]
        elif console:
            open_port = None
        elif line.strip():
            raise unlike(line, number, '`"name" 0x<GUID> active TRUE port 1` or `     symbol_err_cnt       : 0`', AGAIN)
    return _each_once(told)


def _table(lines: Sequence[str]) -> list[_Port]:
    """The form for machines: a heading before every node."""
    told: list[_Port] = []
    names: list[str] = []
    for number, line in enumerate(lines, 1):
        cells = line.split("\t")
        if line.startswith(_HEADING):
            names = cells
        elif line.strip():
            if (
                len(cells) != len(names)
                or cells[2] not in ("TRUE", "FALSE")
                or not re.fullmatch(r"(?a)0x[\da-fA-F]{1,16}", cells[1])
            ):
                raise unlike(line, number, f"a row of {len(names)} cells with name, GUID, TRUE and port", AGAIN)
            key = _key(cells[1][2:], cells[3], number)
            told.append(_Port(number, key, cells[2] == "TRUE", dict(zip(names[4:], cells[4:], strict=True))))
    return _each_once(told)


def _key(guid: str, port: str, number: int) -> PortKey:
    if not re.fullmatch(r"(?a)\d{1,3}", port) or int(port) > 254 or not int(guid, 16):
        raise BadInput(f"there is no port {port[:20]} of 0x{guid}.", fix=AGAIN, line=number)
    return PortKey(full_guid(guid), int(port))


def _each_once(told: list[_Port]) -> list[_Port]:
    """The ports, each told once; the same twice (a console's record) counts once."""
    by_key: dict[PortKey, _Port] = {}
    for port in told:
        known = by_key.setdefault(port.key, port)
        if known.values != port.values:
            raise BadInput(
                f"port {port.key} is told twice.", fix="Keep each dump of PerfMgr in its own file.", line=port.line
            )
    if not by_key:
        raise BadInput("there is no port in it.", fix=AGAIN)
    return list(by_key.values())


def _is_whole(told: list[_Port]) -> bool:
    """True for a dump: every port has every counter. Raises BadInput: all but the last have them."""
    most = max((port.values.keys() for port in told), key=len)
    if all(port.values.keys() == most for port in told):
        return "symbol_err_cnt" in most and "xmit_data" in most
    if all(port.values.keys() == most for port in told[:-1]) and len(told) > 1 and "xmit_data" in most:
        raise BadInput(
            "the last port has fewer counters than the others: the file is cut.", fix=AGAIN, line=told[-1].line
        )
    return False


def _counters(port: _Port) -> dict[str, int]:
    values = {}
    for name, text in port.values.items():
        if name.startswith("Last "):
            continue
        if name not in FIELDS or not re.fullmatch(r"(?a)\d{1,20}", text) or int(text) > LONG:
            raise BadInput(f"`{name} : {text}` of port {port.key} is no counter of PerfMgr.", fix=AGAIN, line=port.line)
        values[FIELDS[name] + PERFMGR] = int(text)
    return values


def _read_at(port: _Port, origin: Origin) -> int | None:
    """When PerfMgr read the port last, epoch ms; None: not told."""
    read = [port.values[name] for name in ("Last Error Update", "Last Data Update") if name in port.values]
    return max((_moment(text, port.line, origin)[0] for text in read), default=None)


def _moment(text: str, line: int, origin: Origin) -> tuple[int, bool]:
    moment = ctime(text)
    if moment is None:
        what = f"'{text}' is no time or no calendar has it; one like `Sun Nov 22 22:23:15 2026` was expected."
        raise BadInput(what, fix=AGAIN, line=line)
    at_ms, sure = local_ms(moment, origin.zone)
    if not 0 <= at_ms < FOREVER_MS:
        raise BadInput(f"the year {moment.year:04} lies outside the calendar.", fix=AGAIN, line=line)
    return at_ms, sure


def _stale(at_ms: int | None, newest: int | None) -> bool:
    return at_ms is not None and newest is not None and at_ms < newest - STALE_MS


def _notices(told: Sequence[_Port], fresh: Sequence[_Port], at_ms: int, origin: Origin) -> Iterable[str]:
    since = [_moment(port.values["Last Reset"], port.line, origin)[0] for port in fresh if "Last Reset" in port.values]
    first = f", the first since {iso(min(since), origin.zone)}" if since else ""
    yield (
        f"These are PerfMgr's own sums{first}, kept as `<counter>{PERFMGR}`. PerfMgr clears a device's counter when it "
        "is three quarters full: what ibqueryerrors reads there then falls, and that is a reset but no reboot."
    )
    if len(fresh) < len(told):
        yield f"{counted(len(told) - len(fresh), 'port')} left out: PerfMgr has not read them of late."
    if any(not _moment(t, p.line, origin)[1] for p in fresh for n, t in p.values.items() if n.endswith(" Update")):
        yield f"The clocks change in that hour: taken as {iso(at_ms, origin.zone)}."


FORMAT: Format[CounterSweep] = Format("perfmgr", "a counter dump of OpenSM's PerfMgr", recognise, parse)

"""`ibqueryerrors` in every form: with `--counters` the data counters of every port, otherwise what is over a threshold.

Source: infiniband-diags, ibqueryerrors.c (print_data_cnts, print_results, print_node, print_summary). With
`--counters` both GUIDs are the node's and zeros are printed. Otherwise a port is listed when some counter is over its
threshold, with those counters (and with `--data` its data counters that are not zero); an HCA is named by its
description, each of its ports by the port's own GUID. PortXmitData and PortRcvData count 4-octet words; what stands in
brackets behind a value is rounded (`inf` for much) and is not read. `port ALL` is a sum that saturates on its own.
`--details` asks for two more packets and prints each under the names of the other one: these are not kept.
"""

import re
from dataclasses import dataclass, field

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted, said_aside
from weft.fabric.counters import LONG, UnplacedCounters, field_name
from weft.fabric.model import CounterSweep, PortCounters, PortKey
from weft.fabric.places import PortRef

AGAIN = "Run ibqueryerrors again and import its whole output."

_HEADING = re.compile(
    r"(?a)(?:(?P<data>Data Counters for) 0x(?P<guid>[\da-fA-F]{1,16})|Errors for(?: 0x(?P<switch>[\da-fA-F]{1,16}))?)"
    r" \"(?P<name>.*)\"\s*"
)
_PORT = re.compile(
    r"(?a)\s+GUID 0x(?P<guid>[\da-fA-F]{1,16}) port (?P<port>\d{1,3}|ALL):(?P<values>(?: \[[^\]]*\])*)\s*"
)
_VALUE = re.compile(r"(?a) \[(?P<name>[A-Za-z]\w{0,63}) == (?P<value>\d{1,20})(?: \([^()\]]*\))?\]")
_NODES = re.compile(r"(?a)## Summary: (?P<nodes>\d{1,9}) nodes checked, (?P<bad>\d{1,9}) bad nodes found\s*")
_PORTS = re.compile(
    r"(?a)##\s+(?P<ports>\d{1,9}) ports checked, (?P<bad>\d{1,9}) ports have errors beyond threshold\s*"
)
_FAILURES = re.compile(r"(?a)##\s+(?P<failures>\d{1,9}) PMA query failures\s*")
_THRESHOLDS = re.compile(r"(?a)## (?:Thresholds: ?(?P<list>(?:\[\w{1,64} = \d{1,20}\])*)|\(null\))\s*")
_SUPPRESSED = re.compile(r"(?a)## Suppressed:(?P<list>(?: \w{1,64})*)\s*")
_IGNORED = re.compile(r"(?a)\s*|##|\s+Link info: .*")
_LIMIT = re.compile(r"(?a)\[(\w+) = (\d+)\]")

DETAILS = frozenset(
    "PortLocalPhysicalErrors PortMalformedPktErrors PortBufferOverrunErrors PortDLIDMappingErrors PortVLMappingErrors "
    "PortLoopingErrors PortInactiveDiscards PortNeighborMTUDiscards PortSwLifetimeLimitDiscards "
    "PortSwHOQLifetimeLimitDiscards".split()
)
"""Of PortRcvErrorDetails and PortXmitDiscardDetails (libibmad, fields.c), which `--details` interchanges."""


@dataclass(slots=True)
class _Told:
    """What the file says: headings, ports in order, and the summary's own counts."""

    all_data: bool | None = None
    headings: int = 0
    node: str | None = None
    name: str = ""
    ports: dict[PortRef, dict[str, int]] = field(default_factory=dict)
    details: bool = False
    nodes_checked: int | None = None
    nodes_bad: int = 0
    ports_checked: int | None = None
    ports_bad: int = 0
    failures: int = 0
    thresholds: dict[str, int] = field(default_factory=dict)
    suppressed: tuple[str, ...] = ()


def recognise(head: str) -> bool:
    """True for every form; a healthy fabric gives the summary alone."""
    pattern = r'^(?:Data Counters for 0x[\da-fA-F]+ "|Errors for (?:0x[\da-fA-F]+ )?"|## Summary: \d+ nodes checked)'
    return re.search(pattern, head, re.MULTILINE) is not None


def parse(text: str, origin: Origin) -> Reading[CounterSweep | UnplacedCounters]:
    """Read all counters. The file tells no time.

    Raises:
        BadInput: not whole (no summary, or other counts than the summary's), or a line that is none of the tool's.
    """
    lines = text.split("\n")
    if lines.pop():
        raise BadInput("the last line has no end: the file is cut.", fix=AGAIN, line=len(lines) + 1)
    told = _read(lines)
    if told.all_data:
        notices = _check_all(told, len(lines))
        ports = tuple(PortCounters(_key(ref), values) for ref, values in sorted(told.ports.items(), key=_by_port))
        sweep: CounterSweep | UnplacedCounters = CounterSweep(
            origin.fabric, origin.seen_at_ms, FORMAT.name, ports, complete=True
        )
        found = f"counters of {counted(len(ports), 'port')} of {counted(told.headings, 'node')}"
    else:
        notices = _check_bad(told, len(lines))
        listed = tuple(sorted(told.ports.items(), key=_by_port))
        sweep = UnplacedCounters(origin.fabric, origin.seen_at_ms, FORMAT.name, listed, complete=False)
        found = (
            f"{counted(len(listed), 'port')} of {told.ports_checked or 0:,} with counters over their threshold, on "
            f"{told.headings:,} of {counted(told.nodes_checked or 0, 'node')}"
        )
    notices += said_aside(origin.stderr)
    return Reading(sweep, found, origin.seen_at_ms, dated=False, notices=tuple(notices))


def _key(ref: PortRef) -> PortKey:
    return PortKey(ref.node_guid or "", ref.number or 0)


def _by_port(told: tuple[PortRef, dict[str, int]]) -> tuple[str, int]:
    ref = told[0]
    return ref.node_guid or ref.port_guid or "", ref.number or 0


def _read(lines: list[str]) -> _Told:
    told = _Told()
    for number, line in enumerate(lines, 1):
        if match := _PORT.fullmatch(line):
            _add_port(told, number, match)
        elif match := _HEADING.fullmatch(line):
            _add_node(told, number, match)
        elif not (_add_summary(told, line) or _IGNORED.fullmatch(line)):
            raise BadInput(
                '`   GUID 0x<hex digits> port 1: [PortXmitData == 0 (0.000)] …` or `Errors for 0x… "name"` was '
                f"expected, not {line[:57]!r}.",
                fix=AGAIN,
                line=number,
            )
    return told


def _add_node(told: _Told, number: int, match: re.Match[str]) -> None:
    all_data = match["data"] is not None
    if told.nodes_checked is not None or told.all_data not in (None, all_data):
        raise BadInput(
            "a second listing begins below the summary of the first."
            if told.nodes_checked is not None
            else "one listing with --counters and one without are mixed.",
            fix="Keep each run of ibqueryerrors in its own file.",
            line=number,
        )
    told.all_data = all_data
    guid = match["guid"] or match["switch"]
    told.node = guid.lower().zfill(16) if guid else None
    told.name = match["name"]
    told.headings += 1


def _add_port(told: _Told, number: int, match: re.Match[str]) -> None:
    own = match["guid"].lower().zfill(16)
    if not told.headings or told.node not in (None, own):
        raise BadInput(
            f"a port of {own} below the heading of {told.node or 'no node'}: the file was changed.",
            fix=AGAIN,
            line=number,
        )
    if match["port"] == "ALL":
        return
    values: dict[str, int] = {}
    at = 0
    while at < len(match["values"]):
        value = _VALUE.match(match["values"], at)
        if value is None or field_name(value["name"]) in values or int(value["value"]) > LONG:
            raise BadInput(
                f"`[PortXmitData == 0 (0.000)]`, each once, was expected, not {match['values'][at : at + 40]!r}.",
                fix=AGAIN,
                line=number,
            )
        values[field_name(value["name"])] = int(value["value"])
        at = value.end()
    which = int(match["port"])
    hca_port = PortRef(port_guid=own, description=told.name, number=which)
    port = PortRef(node_guid=own, number=which) if told.node else hca_port
    if port in told.ports or which > 254 or not values:
        what = "is told twice" if port in told.ports else "has no counters" if not values else "does not exist"
        raise BadInput(f"port {which} of {own} {what}.", fix=AGAIN, line=number)
    told.details |= not DETAILS.isdisjoint(values)
    told.ports[port] = {name: value for name, value in values.items() if name not in DETAILS}


def _add_summary(told: _Told, line: str) -> bool:
    """True for a line of the summary, which is then kept."""
    if match := _NODES.fullmatch(line):
        told.nodes_checked, told.nodes_bad = int(match["nodes"]), int(match["bad"])
    elif match := _PORTS.fullmatch(line):
        told.ports_checked, told.ports_bad = int(match["ports"]), int(match["bad"])
    elif match := _FAILURES.fullmatch(line):
        told.failures = int(match["failures"])
    elif match := _THRESHOLDS.fullmatch(line):
        told.thresholds = {name: int(limit) for name, limit in _LIMIT.findall(match["list"] or "")}
    elif match := _SUPPRESSED.fullmatch(line):
        told.suppressed = tuple(match["list"].split())
    else:
        return False
    return True


def _no_summary(last: int) -> BadInput:
    return BadInput(
        "the summary (`## Summary: 351 nodes checked, …`) is missing: the file is cut.", fix=AGAIN, line=last
    )


def _unlike(told: _Told, nodes: int, ports: int, last: int) -> BadInput:
    return BadInput(
        f"the summary speaks of {counted(nodes, 'node')} and {counted(ports, 'port')}, "
        f"but {told.headings:,} and {len(told.ports):,} are listed: the file was changed.",
        fix=AGAIN,
        line=last,
    )


def _check_all(told: _Told, last: int) -> list[str]:
    """Hold a listing of every port against its summary; what is missing must be the tool's own failures."""
    if told.nodes_checked is None or told.ports_checked is None:
        raise _no_summary(last)
    missing = told.ports_checked - len(told.ports)
    if not 0 <= missing <= told.failures or told.headings > told.nodes_checked:
        raise _unlike(told, told.nodes_checked, told.ports_checked, last)
    if missing:
        return [f"{counted(missing, 'port')} did not answer: their counters are unknown."]
    if told.headings < told.nodes_checked:
        return [f"{counted(told.nodes_checked - told.headings, 'node')} listed without a port."]
    return []


def _check_bad(told: _Told, last: int) -> list[str]:
    """Hold a listing of bad ports against its summary, and say what it leaves unknown."""
    if told.nodes_checked is None or told.ports_checked is None:
        raise _no_summary(last)
    if told.headings != told.nodes_bad or len(told.ports) != told.ports_bad:
        raise _unlike(told, told.nodes_bad, told.ports_bad, last)
    limits = ", ".join(f"{name} {limit:,}" for name, limit in sorted(told.thresholds.items()) if limit)
    notices = [
        f"Only counters over their threshold are listed ({f'{limits}; others 0' if limits else 'all 0'}): what is not "
        "listed is at most that, and not stored. --counters lists all data counters."
    ]
    if told.suppressed:
        notices.append(f"Left out by -s or -c, so unknown: {', '.join(told.suppressed)}.")
    if told.details:
        notices.append("What --details adds is not stored: the tool prints it under wrong names.")
    if told.failures:
        notices.append(f"{told.failures:,} queries were not answered: the counters of those ports are unknown.")
    return notices


FORMAT: Format[CounterSweep | UnplacedCounters] = Format(
    "ibqueryerrors", "a listing of ibqueryerrors", recognise, parse, refers=True
)

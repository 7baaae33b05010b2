"""`ibqueryerrors --counters`: the data counters of every port of the fabric, zeros too.

Source: infiniband-diags, ibqueryerrors.c (print_data_cnts, print_node, print_summary). Both GUIDs it prints are the
node's. PortXmitData and PortRcvData count 4-octet words; what stands in brackets behind a value is rounded (`inf` for
much) and is not read. The forms without `--counters` leave zeros out and name an HCA by its port GUID only: not read.
"""

import re
from dataclasses import dataclass, field

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted, said_aside
from weft.fabric.model import CounterSweep, PortCounters, PortKey

AGAIN = "Run ibqueryerrors --counters again and import its whole output."

_HEADING = re.compile(r"(?a)Data Counters for 0x(?P<guid>[\da-fA-F]{1,16}) \"(?P<name>.*)\"\s*")
_PORT = re.compile(
    r"(?a)\s+GUID 0x(?P<guid>[\da-fA-F]{1,16}) port (?P<port>\d{1,3}|ALL):(?P<values>(?: \[[^\]]*\])*)\s*"
)
_VALUE = re.compile(r"(?a) \[(?P<name>[A-Za-z]\w{0,63}) == (?P<value>\d{1,20})(?: \([^()\]]*\))?\]")
_NODES = re.compile(r"(?a)## Summary: (?P<nodes>\d{1,9}) nodes checked, \d+ bad nodes found\s*")
_PORTS = re.compile(r"(?a)##\s+(?P<ports>\d{1,9}) ports checked, \d+ ports have errors beyond threshold\s*")
_FAILURES = re.compile(r"(?a)##\s+(?P<failures>\d{1,9}) PMA query failures\s*")
_IGNORED = re.compile(r"(?a)\s*|## .*|##|\s+Link info: .*")
"""Thresholds and suppressed fields, which do not touch data counters, and what -r adds."""

LARGEST = 2**64 - 1


@dataclass(slots=True)
class _Told:
    """What the file says: headings, ports in order, and the summary's own counts."""

    headings: int = 0
    ports: dict[PortKey, dict[str, int]] = field(default_factory=dict)
    nodes_checked: int | None = None
    ports_checked: int | None = None
    failures: int = 0


def recognise(head: str) -> bool:
    """True for the form with `--counters`."""
    return re.search(r'^Data Counters for 0x[\da-fA-F]+ "', head, re.MULTILINE) is not None


def parse(text: str, origin: Origin) -> Reading[CounterSweep]:
    """Read all counters. The file tells no time.

    Raises:
        BadInput: not whole (no summary, or other counts than the summary's), or a line that is none of the tool's.
    """
    lines = text.split("\n")
    if lines.pop():
        raise BadInput("the last line has no end: the file is cut.", fix=AGAIN, line=len(lines) + 1)
    told = _read(lines)
    notices = _check(told, len(lines)) + said_aside(origin.stderr)
    ports = tuple(PortCounters(port, values) for port, values in sorted(told.ports.items()))
    sweep = CounterSweep(origin.fabric, origin.seen_at_ms, FORMAT.name, ports, complete=True)
    found = f"counters of {counted(len(ports), 'port')} of {counted(told.headings, 'node')}"
    return Reading(sweep, found, origin.seen_at_ms, dated=False, notices=tuple(notices))


def _read(lines: list[str]) -> _Told:
    told = _Told()
    guid: str | None = None
    for number, line in enumerate(lines, 1):
        if match := _PORT.fullmatch(line):
            _add_port(told, guid, number, match)
        elif match := _HEADING.fullmatch(line):
            if told.nodes_checked is not None:
                raise BadInput(
                    "a second listing begins below the summary of the first.",
                    fix="Keep each run of ibqueryerrors in its own file.",
                    line=number,
                )
            guid = match["guid"].lower().zfill(16)
            told.headings += 1
        elif match := _NODES.fullmatch(line):
            told.nodes_checked = int(match["nodes"])
        elif match := _PORTS.fullmatch(line):
            told.ports_checked = int(match["ports"])
        elif match := _FAILURES.fullmatch(line):
            told.failures = int(match["failures"])
        elif not _IGNORED.fullmatch(line):
            raise BadInput(
                '`   GUID 0x<hex digits> port 1: [PortXmitData == 0 (0.000)] …` or `Data Counters for 0x… "name"` was '
                f"expected, not {line[:57]!r}.",
                fix=AGAIN,
                line=number,
            )
    return told


def _add_port(told: _Told, guid: str | None, number: int, match: re.Match[str]) -> None:
    own = match["guid"].lower().zfill(16)
    if guid != own:
        raise BadInput(
            f"a port of {own} below the heading of {guid or 'no node'}: the file was changed.", fix=AGAIN, line=number
        )
    if match["port"] == "ALL":  # a sum over the ports that saturates on its own, not a port
        return
    values: dict[str, int] = {}
    at = 0
    while at < len(match["values"]):
        value = _VALUE.match(match["values"], at)
        if value is None or value["name"] in values or int(value["value"]) > LARGEST:
            raise BadInput(
                f"`[PortXmitData == 0 (0.000)]`, each once, was expected, not {match['values'][at : at + 40]!r}.",
                fix=AGAIN,
                line=number,
            )
        values[value["name"]] = int(value["value"])
        at = value.end()
    port = PortKey(own, int(match["port"]))
    if port in told.ports or port.number > 254 or not values:
        what = "is told twice" if port in told.ports else "has no counters" if not values else "does not exist"
        raise BadInput(f"port {port.number} of {own} {what}.", fix=AGAIN, line=number)
    told.ports[port] = values


def _check(told: _Told, last: int) -> list[str]:
    """Hold what was read against the summary; what is missing must be the tool's own failures."""
    if told.nodes_checked is None or told.ports_checked is None:
        raise BadInput(
            "the summary (`## Summary: 351 nodes checked, …`) is missing: the file is cut.", fix=AGAIN, line=last
        )
    missing = told.ports_checked - len(told.ports)
    if not 0 <= missing <= told.failures or told.headings > told.nodes_checked:
        raise BadInput(
            f"the summary speaks of {counted(told.nodes_checked, 'node')} and {counted(told.ports_checked, 'port')}, "
            f"but {told.headings:,} and {len(told.ports):,} are listed: the file was changed.",
            fix=AGAIN,
            line=last,
        )
    notices = []
    if missing:
        notices.append(f"{counted(missing, 'port')} did not answer: their counters are unknown.")
    elif told.headings < told.nodes_checked:
        notices.append(f"{counted(told.nodes_checked - told.headings, 'node')} listed without a port.")
    return notices


FORMAT: Format[CounterSweep] = Format("ibqueryerrors", "a listing of ibqueryerrors --counters", recognise, parse)

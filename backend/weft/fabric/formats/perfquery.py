"""`perfquery`: counters of a port or of several (`-l`), 32 bits wide or with `-x` 64.

Source: infiniband-diags, perfquery.c (dump_perfcounters, common_func) and libibmad (fields.c). A port is named by LID
and number. `-x` has the four packet counters when CapMask has bit 9, and 64-bit error counters when CapMask2 has bit 1.
Without `-x` a device that has 64-bit data counters (CapMask bit 9 or 10) prints the short ones, which stop at their
end: not kept, for they are not the same series. PortXmitWait is 0 where CapMask (bit 12) says there is none: not kept.
`-a` gives a sum over all ports (port 255), which is no port.
"""

import re
from dataclasses import dataclass, field

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted, said_aside
from weft.fabric.counters import LONG, UnplacedCounters, field_name
from weft.fabric.forwarding import LAST_UNICAST, unlike
from weft.fabric.places import PortRef

AGAIN = "Run perfquery again and import its whole output."

_HEADING = re.compile(
    r"(?a)# (?P<kind>Port|Port extended|Port\w{1,60}(?: with RS-FEC Active)?) counters: (?P<place>.{1,200}?) "
    r"port (?P<port>\d{1,3})(?: \(CapMask: 0x(?P<mask>[\da-fA-F]{1,4})(?: CapMask2: 0x[\da-fA-F]{1,8})?\))?\s*"
)
_LID = re.compile(r"(?a)Lid (?P<lid>\d{1,5})(?: .*)?")
_VALUE = re.compile(r"(?a)(?P<name>[A-Za-z]\w{0,63}):\.*(?:(?P<value>\d{1,20})|(?P<select>0x[\da-fA-F]{1,16}))\s*")

_SELECT = frozenset({"PortSelect", "CounterSelect", "CounterSelect2"})
_SHORT = ("PortXmitData", "PortRcvData", "PortXmitPkts", "PortRcvPkts")
_WIDE = 0x0200 | 0x0400
_WAITS = 0x1000
_ALL = 255


@dataclass(slots=True)
class _Block:
    """One answer: what was asked of which port."""

    line: int
    kind: str
    lid: int
    port: int
    mask: int | None
    values: dict[str, int] = field(default_factory=dict)

    @property
    def short(self) -> bool:
        """True when the device has longer data counters than these."""
        return self.kind == "Port" and self.mask is not None and bool(self.mask & _WIDE)

    def kept(self) -> dict[str, int]:
        """The counters that say what they are called."""
        unknown = set(_SHORT) if self.short else set()
        if self.kind == "Port" and self.mask is not None and not self.mask & _WAITS:
            unknown.add("PortXmitWait")
        return {name: value for name, value in self.values.items() if name not in unknown}


def recognise(head: str) -> bool:
    """True for the heading of an answer."""
    return (
        re.search(r"^# Port(?: extended|\w{1,60}(?: with RS-FEC Active)?)? counters: ", head, re.MULTILINE) is not None
    )


def parse(text: str, origin: Origin) -> Reading[UnplacedCounters]:
    """Read every answer. The file tells no time.

    Raises:
        BadInput: an answer without counters or shorter than the others, one told twice, a line that is none.
    """
    lines = text.split("\n")
    if lines.pop():
        raise BadInput("the last line has no end: the file is cut.", fix=AGAIN, line=len(lines) + 1)
    blocks = _blocks(lines)
    _check(blocks)
    ports: dict[PortRef, dict[str, int]] = {}
    for block in blocks:
        if block.port != _ALL:
            own = ports.setdefault(PortRef(lid=block.lid, number=block.port), {})
            for name, value in block.kept().items():
                if own.setdefault(name, value) != value:
                    raise BadInput(
                        f"{name} of LID {block.lid} port {block.port} has two values.",
                        fix="Keep each run of perfquery in its own file.",
                        line=block.line,
                    )
    told = tuple((ref, values) for ref, values in ports.items() if values)
    sweep = UnplacedCounters(origin.fabric, origin.seen_at_ms, FORMAT.name, told, complete=True)
    found = f"counters of {counted(len(told), 'port')}"
    return Reading(
        sweep, found, origin.seen_at_ms, dated=False, notices=(*_notices(blocks), *said_aside(origin.stderr))
    )


def _blocks(lines: list[str]) -> list[_Block]:
    blocks: list[_Block] = []
    for number, line in enumerate(lines, 1):
        if match := _HEADING.fullmatch(line):
            blocks.append(_opened(match, number))
        elif match := _VALUE.fullmatch(line):
            if not blocks:
                raise unlike(line, number, "`# Port counters: Lid 2 port 1 (CapMask: 0x1300)`", AGAIN)
            _add(blocks[-1], match, number)
        elif line.strip():
            raise unlike(line, number, "`SymbolErrorCounter:..............0`", AGAIN)
    return blocks


def _opened(match: re.Match[str], number: int) -> _Block:
    where, port = _LID.fullmatch(match["place"]), int(match["port"])
    if where is None:
        raise BadInput(
            f"the port is named by {match['place']!r}, which only holds for where perfquery ran.",
            fix="Ask by LID or GUID.",
            line=number,
        )
    lid = int(where["lid"])
    if not 1 <= lid <= LAST_UNICAST or port > _ALL:
        raise BadInput(f"there is no LID {lid} port {port}.", fix=AGAIN, line=number)
    return _Block(number, match["kind"], lid, port, int(match["mask"], 16) if match["mask"] else None)


def _add(block: _Block, match: re.Match[str], number: int) -> None:
    name = field_name(match["name"])
    if name in _SELECT:
        return
    if match["value"] is None or int(match["value"]) > LONG or name in block.values:
        raise BadInput(f"`{name}:....0`, each once, was expected.", fix=AGAIN, line=number)
    block.values[name] = int(match["value"])


def _check(blocks: list[_Block]) -> None:
    """Answers to one question have the same counters: one that has fewer was cut."""
    most: dict[tuple[str, int | None], set[str]] = {}
    for block in blocks:
        known = most.setdefault((block.kind, block.mask), set(block.values))
        if not block.values or known != set(block.values) or (block.kind == "Port" and len(block.values) < len(_SHORT)):
            raise BadInput(
                f"the answer of LID {block.lid} port {block.port} has {counted(len(block.values), 'counter')}"
                f"{f', others {len(known)}' if len(known) != len(block.values) else ''}: the file is cut.",
                fix=AGAIN,
                line=block.line,
            )


def _notices(blocks: list[_Block]) -> list[str]:
    notices = []
    if any(block.short for block in blocks):
        notices.append(
            "The device has 64-bit data counters: the 32-bit ones, which stop at their end, are not stored. Use -x."
        )
    if any(block.port == _ALL for block in blocks):
        notices.append("Port 255 is the sum of all ports (-a) and not stored. -l gives every port.")
    return notices


FORMAT: Format[UnplacedCounters] = Format("perfquery", "a listing of perfquery", recognise, parse, refers=True)

"""What is plugged into ports: ibdiagnet's `ibdiagnet2.cables`, and a CSV with a port and a serial number a line.

Source: `ibdiagnet --get_cable_info`: between two rules `Port=1 Lid=0x00a4 GUID=0x… Port Name=…` (the GUID is an HCA
port's, a switch's own), below them `Vendor:`, `PN:`, `SN:`, `Length: 2 m` and more. A CSV needs a heading with `serial`
(or `sn`) and with a port: `port_guid` or `node` (a name or a GUID) beside `port`, or `port` alone, written `leaf01/5`;
read besides: `part`, `vendor`, `length` in metres. It is part of a picture: a port that is not in it is as it was.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted
from weft.fabric.formats import tables
from weft.fabric.formats.discovery import HIGHEST_PORT, guid_of, quoted, whole_lines
from weft.fabric.model import Module, PortKey, Sweep
from weft.fabric.places import PortRef, UnplacedSweep

AGAIN = "Give the whole file as ibdiagnet --get_cable_info wrote it."
MEND = "Mend the list at this line."

_PORT = re.compile(
    r"(?a)Port=(?P<port>\d{1,3}) Lid=(?:0x)?[\da-fA-F]{1,5} GUID=0x(?P<guid>[\da-fA-F]{1,16}) Port Name=(?P<name>.*)"
)
_FACT = re.compile(r"(?P<key>[A-Za-z][^:]{0,60}):\s*(?P<value>.*?)\s*")
_IGNORED = re.compile(r"-+|#.*|\s*")
_LENGTH = re.compile(r"(?a)(?P<metres>\d{1,5}(?:\.\d{1,3})?)\s*m?")
NOTHING = ("", "N/A", "NA", "n/a", "-")


class _Told(NamedTuple):
    """A port and what is plugged into it."""

    line: int
    ref: PortRef
    port: int
    vendor: str
    part: str
    serial: str
    length_m: float | None


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where things stand in a CSV. Without `guid` and `node` the node stands before the number, in `port`."""

    serial: int
    guid: int | None
    node: int | None
    port: int
    part: int | None
    vendor: int | None
    length: int | None


def recognise(head: str) -> bool:
    """True for ibdiagnet's listing, or a heading with a serial number and a port."""
    return re.search(rf"(?am)^{_PORT.pattern[4:]}$", head) is not None or _columns(tables.heading(head)) is not None


def parse(text: str, origin: Origin) -> Reading[UnplacedSweep]:
    """Read a list. It tells no time.

    Raises:
        BadInput: a line that is none of a list's, a port told twice, a module of which the list does not tell all.
    """
    columns = _columns(tables.heading(text))
    told = list(_csv(text, columns) if columns else _blocks(whole_lines(text, AGAIN)))
    if not told:
        raise BadInput("there is no port in it.", fix=AGAIN)
    seen: dict[str, int] = {}
    modules, stand_ins = [], {}
    for one in told:
        if (before := seen.setdefault(str(one.ref).lower(), one.line)) != one.line:
            raise BadInput(f"{one.ref} was told at line {before} already.", fix=MEND, line=one.line)
        stand_in = f"line {one.line}"
        stand_ins[stand_in] = one.ref
        modules.append(Module(PortKey(stand_in, one.port), one.vendor, one.part, one.serial, one.length_m))
    sweep = Sweep.of(origin.fabric, origin.seen_at_ms, FORMAT.name, (), (), (), modules=modules, complete=False)
    found = f"what is plugged into {counted(len(modules), 'port')}"
    return Reading(UnplacedSweep(sweep, stand_ins), found, origin.seen_at_ms, dated=False)


def known(text: str) -> str:
    """A cell without blanks around it, "" for what tools print for nothing."""
    text = text.strip()
    return "" if text in NOTHING else text


def metres(text: str) -> float | None:
    """A length: `2 m`; None when it is not told or 0."""
    found = _LENGTH.fullmatch(text.strip())
    return float(found["metres"]) or None if found else None


def _blocks(lines: list[str]) -> Iterator[_Told]:
    heading: tuple[int, re.Match[str]] | None = None
    facts: dict[str, str] = {}
    for number, line in enumerate([*lines, ""], 1):
        match = _PORT.fullmatch(line)
        if (match or number > len(lines)) and heading and facts:
            yield _module(*heading, facts)
        if match:
            heading, facts = (number, match), {}
        elif heading and (fact := _FACT.fullmatch(line)):
            facts.setdefault(fact["key"].strip(), fact["value"])
        elif not _IGNORED.fullmatch(line):
            raise BadInput(
                f"`Port=1 Lid=0x00a4 GUID=0x… Port Name=…` or `SN: …` was expected, not {quoted(line)}.",
                fix=AGAIN,
                line=number,
            )


def _module(line: int, match: re.Match[str], facts: dict[str, str]) -> _Told:
    if not {"PN", "SN"} <= facts.keys():
        raise BadInput("below it PN or SN is missing: the file is cut.", fix=AGAIN, line=line)
    ref = PortRef(None, guid_of(match["guid"], line), None, "", _number(match["port"], line))
    names = ("Vendor", "PN", "SN")
    vendor, part, serial = (known(facts.get(name, "")) for name in names)
    return _Told(line, ref, int(match["port"]), vendor, part, serial, metres(facts.get("Length", "")))


def _number(text: str, line: int) -> int:
    if not (re.fullmatch(r"(?a)\d{1,3}", text) and 1 <= int(text) <= HIGHEST_PORT):
        raise BadInput(f"a port has a number from 1 to {HIGHEST_PORT}, not {text[:20]!r}.", fix=MEND, line=line)
    return int(text)


def _columns(heading: tables.Heading | None) -> _Columns | None:
    if heading is None:
        return None
    serial = heading.find("serial", "sn", "serial_number", "serial_no", "cable_serial")
    port = heading.find("port", "port_num", "portnum", "port_number", "port_name")
    if serial is None or port is None:
        return None
    return _Columns(
        serial,
        heading.find("port_guid", "portguid"),
        heading.find("node", "node_guid", "nodeguid", "guid", "name", "device", "system", "switch", "host"),
        port,
        heading.find("part", "pn", "part_number", "part_no"),
        heading.find("vendor", "manufacturer"),
        heading.find("length", "length_m", "lengthdesc"),
    )


def _csv(text: str, columns: _Columns) -> Iterator[_Told]:
    for row in tables.rows(text, MEND):
        cells = [*row.cells]
        name, number = "", cells[columns.port]
        if columns.node is not None:
            name = cells[columns.node]
        elif columns.guid is None:
            name, _, number = number.replace(":", "/").rpartition("/")
        port = _number(number.removeprefix("P"), row.line)
        guid = cells[columns.guid].lower().removeprefix("0x") if columns.guid is not None else ""
        if guid and not re.fullmatch(r"(?a)[\da-f]{1,16}", guid):
            raise BadInput(f"{guid[:40]!r} is no GUID.", fix=MEND, line=row.line)
        if not (name or guid):
            raise BadInput("a port without its node (`leaf01/5`).", fix=MEND, line=row.line)
        ref = PortRef(None, guid_of(guid, row.line) if guid else None, None, name, port)

        def cell(where: int | None, cells: list[str] = cells) -> str:
            return "" if where is None else known(cells[where])

        yield _Told(
            row.line, ref, port, cell(columns.vendor), cell(columns.part), cell(columns.serial),
            metres(cell(columns.length)),
        )  # fmt: skip


FORMAT: Format[UnplacedSweep] = Format("cables", "a list of cables", recognise, parse, refers=True)

"""Forwarding tables and LIDs as tools tell them, by switch GUID and port GUID; what the format modules build up.

A table is bytes: byte l is the port by which the switch sends what is addressed to LID l, 255 none. Bytes after the
last route are left off, so that every tool's word for one table is the same bytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from weft.base.errors import BadInput
from weft.base.formats import counted
from weft.fabric.formats.discovery import guid_of, quoted

NO_PORT = 255
LAST_UNICAST = 0xBFFF
"""LIDs from 0xC000 on are of multicast groups (InfiniBand Architecture Specification volume 1, section 4.1.1)."""
MOST_BYTES = 256 << 20
"""Of all tables in one file: seven times those of 2,000 switches and 18,000 LIDs."""
MOST_PATHS = 128
"""LIDs of one port: 2 to the power of its LMC, which has 3 bits."""


@dataclass(frozen=True, slots=True)
class PortLids:
    """The LIDs of a port: lid .. lid + 2^lmc - 1. `port_guid`: its own (a switch's is its node's)."""

    port_guid: str
    lid: int
    lmc: int = 0


@dataclass(frozen=True, slots=True)
class ForwardingDump:
    """Forwarding tables by switch GUID, and the LIDs of ports by their own GUID, as one file tells them."""

    fabric: str
    seen_at_ms: int
    source: str
    tables: Mapping[str, bytes]
    lids: tuple[PortLids, ...] = ()

    @property
    def routes(self) -> int:
        """How many LIDs have an out port, over all tables."""
        return sum(len(table) - table.count(NO_PORT) for table in self.tables.values())


def full_guid(digits: str) -> str:
    """A GUID as Weft writes it: 16 lower-case digits."""
    return digits.lower().zfill(16)


@dataclass(slots=True)
class TableReader:
    """Tables and LIDs under construction, line by line.

    Args:
        again: what to do about a file that is cut or was changed.
    """

    again: str
    tables: dict[str, bytearray] = field(default_factory=dict)
    owners: dict[int, str] = field(default_factory=dict)
    switch: str | None = None
    size: int = 0

    def open(self, digits: str, number: int) -> None:
        """A switch's heading. Raises BadInput: its table was told already."""
        self.switch = guid_of(digits, number)
        if self.switch in self.tables:
            raise BadInput(
                f"a second table of switch {self.switch} begins here.",
                fix="Keep each dump in its own file.",
                line=number,
            )
        self.tables[self.switch] = bytearray()

    def route(self, lid: int, port: int, number: int) -> None:
        """A LID and its out port (255 none); of multicast groups nothing is kept. Raises BadInput."""
        if self.switch is None:
            raise BadInput("a route before the heading of any switch.", fix=self.again, line=number)
        if lid > LAST_UNICAST:
            return
        table = self.tables[self.switch]
        if lid >= len(table):
            self.size += lid + 1 - len(table)
            if self.size > MOST_BYTES:
                raise BadInput(f"its tables are larger than {MOST_BYTES >> 20} MiB.", fix=self.again, line=number)
            table.extend(bytes([NO_PORT]) * (lid + 1 - len(table)))
        if table[lid] != NO_PORT:
            raise BadInput(f"LID {lid} has two routes in one table.", fix=self.again, line=number)
        table[lid] = min(port, NO_PORT)

    def owner(self, lid: int, digits: str, number: int) -> None:
        """The port that answers to a LID. Raises BadInput: it was another's in this file."""
        guid = guid_of(digits, number)
        if self.owners.setdefault(lid, guid) != guid:
            raise BadInput(
                f"LID {lid} belongs to port {guid} here, and to {self.owners[lid]} above.", fix=self.again, line=number
            )

    def packed(self) -> dict[str, bytes]:
        """Every table as bytes, by switch GUID."""
        none = bytes([NO_PORT])
        return {switch: bytes(table).rstrip(none) or none for switch, table in sorted(self.tables.items())}

    def lids(self) -> tuple[PortLids, ...]:
        """Every port's LIDs; a port whose LIDs are no range of 2^lmc is left out (a table that tells some of them)."""
        return lids_of(self.owners)


def lids_of(owners: Mapping[int, str]) -> tuple[PortLids, ...]:
    """The LIDs of each port by its GUID, from the port of each LID; sorted by LID.

    Source: InfiniBand Architecture Specification volume 1, section 4.1.3: the lowest LMC bits of a base LID are zero.
    """
    by_port: dict[str, list[int]] = {}
    for lid in sorted(owners):
        by_port.setdefault(owners[lid], []).append(lid)
    found = []
    for guid, lids in by_port.items():
        paths = len(lids)
        if paths & (paths - 1) == 0 and paths <= MOST_PATHS and lids[-1] - lids[0] == paths - 1 and not lids[0] % paths:
            found.append(PortLids(guid, lids[0], paths.bit_length() - 1))
    return tuple(sorted(found, key=lambda told: told.lid))


def found_text(dump: ForwardingDump) -> str:
    """One line that says what a dump holds."""
    parts = []
    if dump.tables:
        tables = counted(len(dump.tables), "forwarding table")
        parts.append(f"{tables} with {counted(dump.routes, 'route')}")
    if dump.lids:
        parts.append(f"LIDs of {counted(len(dump.lids), 'port')}")
    return ", ".join(parts)


def lines_of(text: str, again: str) -> Iterator[str]:
    """The lines of a text, one by one (a full dump has millions). Raises BadInput: its last line has no end."""
    if not text.endswith("\n"):
        raise BadInput("the last line has no end: the file is cut.", fix=again, line=text.count("\n") + 1)
    begin = 0
    while (end := text.find("\n", begin)) >= 0:
        yield text[begin:end]
        begin = end + 1


def unlike(line: str, number: int, expected: str, again: str) -> BadInput:
    """The error for a line that is none of the tool's."""
    return BadInput(f"{expected} was expected, not {quoted(line)}.", fix=again, line=number)

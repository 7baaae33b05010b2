"""`ibroute` of one switch and `dump_lfts` (`dump_fts`) of all: forwarding tables, with and without `-n` and `-a`.

Source: infiniband-diags, ibroute.c and dump_fts.c (dump_unicast_tables, dump_lid). Each table ends in the number of its
lines, so a cut is noticed. Multicast tables (`-M`) are passed over. When a block of a table does not answer, dump_fts
prints the block before once more and says so on standard error only: that switch is left out.
"""

import re
from dataclasses import dataclass

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted, said_aside
from weft.fabric.forwarding import ForwardingDump, TableReader, found_text, full_guid, lines_of, unlike

AGAIN = "Run ibroute or dump_lfts again and import its whole output."

HEADING = re.compile(
    r"(?a)Unicast lids \[(?P<first>(?:0x)?[\da-fA-F]{1,5})-(?P<last>(?:0x)?[\da-fA-F]{1,5})\] of switch .{1,300}? "
    r"guid 0x(?P<guid>[\da-fA-F]{1,16}) \(.*\):\s*"
)
ROUTE = re.compile(r"(?a)0x(?P<lid>[\da-fA-F]{4}) (?P<port>\d{3})(?: (?P<rest>[:#] .*)?)?\s*")
OWNER = re.compile(
    r"(?a)[:#] \(?(?:Channel Adapter|Switch|Router|path #\d+ out of \d+:) portguid 0x(?P<guid>[\da-fA-F]{1,16})"
)
_END = re.compile(r"(?a)(?P<count>\d{1,6}) (?P<valid>valid )?lids dumped\s*")
_MULTICAST = re.compile(r"(?a)Multicast mlids \[.*|\d+ (?:valid )?mlids dumped\s*")
_IGNORED = re.compile(r"(?a)\s*|  Lid  Out   Destination\s*|       Port     Info\s*|\*\*\* WARNING \*\*\*.*|#.*")
_FAILED = re.compile(r"(?a)SubnGet\(LFT\) failed on switch .* Node GUID 0x(?P<guid>[\da-fA-F]{1,16}) ")


@dataclass(slots=True)
class _Block:
    """The table that is being read: its range of LIDs, lines so far, and whether it is one of unicast LIDs."""

    first: int
    last: int
    lines: int = 0


def recognise(head: str) -> bool:
    """True for tables as ibroute prints them: the range of LIDs in hex digits."""
    return re.search(r"^(?:Unicast lids|Multicast mlids) \[0x", head, re.MULTILINE) is not None


def parse(text: str, origin: Origin) -> Reading[ForwardingDump]:
    """Read every table. The file tells no time.

    Raises:
        BadInput: not whole (a table without its count, or with another), a part of a table, a line that is none.
    """
    reader, notices = TableReader(AGAIN), []
    block: _Block | None = None
    multicast = False
    for number, line in enumerate(lines_of(text, AGAIN), 1):
        if (match := ROUTE.fullmatch(line)) and not multicast:
            if block is None:
                raise unlike(line, number, "`Unicast lids [0x0-0x…] of switch … guid 0x… (name):`", AGAIN)
            block.lines += 1
            _route(reader, match, number)
        elif match := HEADING.fullmatch(line):
            _closed(block, number)
            block, multicast = _opened(match, number), False
            reader.open(match["guid"], number)
        elif match := _END.fullmatch(line):
            notices += _ended(block, int(match["count"]), number)
            block = None
        elif _MULTICAST.fullmatch(line):
            _closed(block, number)
            multicast = line.startswith("M")
        elif not multicast and not _IGNORED.fullmatch(line):
            raise unlike(line, number, "`0x0001 019 : (Channel Adapter portguid 0x…: 'name')`", AGAIN)
    _closed(block, text.count("\n"))
    if not reader.tables:
        raise BadInput(
            "it holds multicast tables only.", fix="Give the unicast tables: dump_lfts, or ibroute without -M."
        )
    return _reading(reader, origin, notices)


def _opened(match: re.Match[str], number: int) -> _Block:
    first, last = int(match["first"], 16), int(match["last"], 16)
    if first > 1:
        raise BadInput(
            f"it is a part of a table, from LID {first} on.", fix="Give the whole table: no range of LIDs.", line=number
        )
    return _Block(first, last)


def _route(reader: TableReader, match: re.Match[str], number: int) -> None:
    lid = int(match["lid"], 16)
    illegal = "illegal port" in (match["rest"] or "")[:40]
    reader.route(lid, 255 if illegal else int(match["port"]), number)
    if owner := OWNER.match(match["rest"] or ""):
        reader.owner(lid, owner["guid"], number)


def _closed(block: _Block | None, number: int) -> None:
    if block is not None:
        raise BadInput("a table ends without `… lids dumped`: the file is cut.", fix=AGAIN, line=number)


def _ended(block: _Block | None, count: int, number: int) -> list[str]:
    """Hold a table against its count; a notice where the tool itself leaves a LID out."""
    if block is None or block.lines != count:
        lines = counted(block.lines if block else 0, "line")
        raise BadInput(
            f"`{count} lids dumped` ends a table of {lines}: the file was changed.",
            fix=AGAIN,
            line=number,
        )
    if block.last and not block.last % 64:  # it reads ALIGN(last, 64) / 64 blocks of 64 LIDs
        return [f"The tool never prints the last LID of a table when it is a multiple of 64: {block.last} is unknown."]
    return []


def _reading(reader: TableReader, origin: Origin, notices: list[str]) -> Reading[ForwardingDump]:
    failed = {full_guid(match["guid"]) for match in _FAILED.finditer(origin.stderr)} & reader.tables.keys()
    tables = {switch: table for switch, table in reader.packed().items() if switch not in failed}
    if failed:
        notices.append(f"{counted(len(failed), 'switch', 'switches')} left out: a part of the table did not answer.")
    dump = ForwardingDump(origin.fabric, origin.seen_at_ms, FORMAT.name, tables, reader.lids())
    told = tuple(dict.fromkeys([*notices, *said_aside(origin.stderr)]))
    return Reading(dump, found_text(dump), origin.seen_at_ms, dated=False, notices=told)


FORMAT: Format[ForwardingDump] = Format(
    "ibroute", "forwarding tables of ibroute or dump_lfts", recognise, parse, refers=True
)

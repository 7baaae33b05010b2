"""OpenSM's PerfMgr: both forms of a dump, a console's record, and dates."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from unit.importing import NOW_MS, ORIGIN
from weft.base.errors import BadInput
from weft.base.intervals import ms_of
from weft.fabric.formats import perfmgr
from weft.fabric.model import CounterSweep, PortKey

READ_MS = ms_of(datetime(2026, 11, 22, 22, 23, 32, tzinfo=UTC))
"""`Last Error Update` and `Last Data Update` of the samples."""
LEAF = "7cfe900300a00000"
HUMAN = """"MF0;leaf01:MSB7800/U1" 0x51 active TRUE port 5
     Last Reset           : Sun Nov 22 22:23:22 2026
     Last Error Update    : Sun Nov 22 22:23:32 2026
     symbol_err_cnt       : 120
     link_integrity_err   : 3
     Last Data Update     : Sun Nov 22 22:23:31 2026
     xmit_data            : 2249928 (8.583MB)
"""


def values(sweep: CounterSweep, guid: str, number: int) -> dict[str, int]:
    (found,) = (told.values for told in sweep.ports if told.port == PortKey(guid, number))
    return {name: value for name, value in found.items() if value}


def test_both_forms_of_a_dump_tell_the_same(data: Path) -> None:
    folder = data / "ib/ft324-3-errors"
    table = perfmgr.parse((folder / "perfmgr-dump-mach.tsv").read_text(), ORIGIN)
    listing = perfmgr.parse((folder / "perfmgr-dump-first-2000-lines.txt").read_text(), ORIGIN)
    assert (table.found, listing.found) == ("PerfMgr's sums of 1,323 ports", "PerfMgr's sums of 80 ports")
    whole = {told.port: told.values for told in table.value.ports}
    assert all(whole[told.port] == told.values for told in listing.value.ports)
    assert (table.value.complete, table.dated, table.seen_at_ms) == (True, True, READ_MS)
    # The first port of the listing, and what console-commands.txt set on leaf01 port 5.
    assert values(table.value, "506b4b0300b00000", 1) == {
        "PortXmitData_perfmgr": 2249928, "PortRcvData_perfmgr": 2250144, "PortXmitPkts_perfmgr": 31249,
        "PortRcvPkts_perfmgr": 31252,
    }  # fmt: skip
    told = values(table.value, LEAF, 5)
    assert (told["SymbolErrorCounter_perfmgr"], told["LinkDownedCounter_perfmgr"]) == (120, 3)
    assert "a reset but no reboot" in table.notices[0]
    assert "the first since 2026-11-22T22:23:22Z" in table.notices[0]


def test_a_record_of_the_console_tells_what_is_not_zero(data: Path) -> None:
    reading = perfmgr.parse((data / "ib/ft324-3-errors/opensm-console.txt").read_text(), ORIGIN)
    assert (reading.value.complete, len(reading.value.ports), reading.seen_at_ms) == (False, 3, READ_MS)
    assert values(reading.value, LEAF, 6) == {"LocalLinkIntegrityErrors_perfmgr": 15, "VL15Dropped_perfmgr": 4}


def test_the_time_of_the_sums_is_the_newest_reading() -> None:
    older = HUMAN.replace("port 5", "port 6").replace("22:23:3", "22:18:3")
    reading = perfmgr.parse(HUMAN + older, ORIGIN)
    assert (reading.seen_at_ms, reading.dated, len(reading.value.ports)) == (READ_MS, True, 2)


def test_ports_that_are_gone_or_not_read_of_late_are_left_out() -> None:
    stale = HUMAN.replace("port 5", "port 6").replace("22:23:3", "22:03:3")
    gone = HUMAN.replace("port 5", "port 7").replace("TRUE", "FALSE")
    reading = perfmgr.parse(HUMAN + stale + gone, ORIGIN)
    assert [told.port.number for told in reading.value.ports] == [5]
    assert reading.notices[1] == "2 ports left out: PerfMgr has not read them of late."


def test_older_versions_tell_no_time_of_reading() -> None:
    text = '"leaf" 0x51 active TRUE port 5 (Since Sun Nov 22 22:23:22 2026)\n     symbol_err_cnt       : 120\n'
    reading = perfmgr.parse(text, ORIGIN)
    assert (reading.dated, reading.seen_at_ms) == (False, NOW_MS)


def test_dates_are_local_and_a_repeated_hour_is_told() -> None:
    berlin = replace(ORIGIN, zone=ZoneInfo("Europe/Berlin"))
    assert perfmgr.parse(HUMAN, berlin).seen_at_ms == READ_MS - 3_600_000
    twice = HUMAN.replace("Nov 22 22:", "Oct 25 02:")
    assert perfmgr.parse(twice, berlin).notices[-1] == (
        "The clocks change in that hour: taken as 2026-10-25T02:23:32+02:00."
    )


TABLE = (
    "\nName\tGUID\tActive\tPort\tLast Reset\tsymbol_err_cnt\tlink_int_err\n"
    "leaf\t0x51\tTRUE\t5\tSun Nov 22 22:23:22 2026\t120\t3\n"
)


def test_tables_of_older_versions_have_fewer_columns() -> None:
    assert perfmgr.recognise(TABLE)
    (told,) = perfmgr.parse(TABLE, ORIGIN).value.ports
    assert told.values == {"SymbolErrorCounter_perfmgr": 120, "LocalLinkIntegrityErrors_perfmgr": 3}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (HUMAN[:-1], 7, "has no end"),
        (
            HUMAN + HUMAN.replace("port 5", "port 6")[: -len("     xmit_data            : 2249928 (8.583MB)\n")],
            8,
            "cut",
        ),
        (HUMAN + HUMAN.replace("120", "121"), 8, "is told twice"),
        (HUMAN.replace("link_integrity_err", "symbol_err_cnt    "), 5, "is told twice of a port"),
        (HUMAN.replace("symbol_err_cnt", "bogus_err_cnt "), 1, "is no counter of PerfMgr"),
        (HUMAN.replace(": 120", ": 18446744073709551616"), 1, "is no counter of PerfMgr"),
        (HUMAN.replace("Nov 22 22:23:32", "Foo 22 22:23:32"), 1, "is no time"),
        (HUMAN.replace("Nov 22 22:23:32", "Feb 31 22:23:32"), 1, "no calendar has it"),
        (HUMAN.replace("port 5", "port 255"), 1, "there is no port 255"),
        (HUMAN + "hello\n", 8, "was expected, not 'hello'"),
        (TABLE.replace("\t3\n", "\n"), 3, "a row of 7 cells"),
        (TABLE.replace("TRUE", "MAYBE"), 3, "a row of 7 cells"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        perfmgr.parse(text, ORIGIN)
    assert (caught.value.line, says in str(caught.value)) == (line, True), str(caught.value)

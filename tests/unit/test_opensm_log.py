"""opensm.log: records, the year they are of, and what they tell of ports."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from unit.importing import NOW_MS, ORIGIN, KeptLedger, KeptLogs
from weft.base.errors import BadInput
from weft.base.intervals import ms_of
from weft.fabric.formats import opensm_log
from weft.fabric.formats.opensm_log import SmEvent, SmLog
from weft.fabric.places import PortRef
from weft.ingest.subnet_log import keep_log

pytestmark = pytest.mark.anyio

LINE = "Nov 22 22:23:12 510430 [9EDDF740] 0x02 -> "


def at(*clock: int) -> int:
    return ms_of(datetime(2026, 11, 22, *clock, tzinfo=UTC))


def read(text: str) -> SmLog:
    return opensm_log.parse(text, ORIGIN).value


def test_the_sample_of_the_moved_cables_tells_them_out_and_in(data: Path) -> None:
    reading = opensm_log.parse((data / "ib/ft324-2-moved/opensm.log").read_text(), ORIGIN)
    assert (reading.found, reading.notices) == ("28 records, 10 events", ())
    node003 = PortRef(port_guid="506b4b0300b00021", description="node003 mlx5_0")
    leaf01 = PortRef(node_guid="7cfe900300a00000", number=0)
    told = [(event.at_ms, event.kind) for event in reading.value.events if event.ports in ((node003,), (leaf01,))]
    assert told == [
        (at(22, 23, 16, 740_000), "sm_link_state"), (at(22, 23, 16, 950_000), "sm_port_removed"),
        (at(22, 23, 18, 268_000), "sm_link_state"), (at(22, 23, 18, 472_000), "sm_port_found"),
    ]  # fmt: skip
    assert reading.value.events[2].text == "The subnet manager removed a port of node003 mlx5_0."


def test_a_record_goes_on_in_lines_that_do_not_begin_like_one(data: Path) -> None:
    (sent,) = [r for r in read((data / "ib/ft324-2-moved/opensm.log").read_text()).records if "ERR 5411" in r.text]
    assert sent.text.endswith("-- dropping\n\t\t\tMethod 0x1, Attr 0x11, TID 0x4643")
    assert (sent.severity, sent.program) == ("err", "opensm")
    banner = LINE + "do_sweep:\n\n\n****\n*** HEAVY SWEEP START ***\n****\n\n" + LINE + "SUBNET UP\n"
    assert [r.text for r in read(banner).records] == ["do_sweep:\n*** HEAVY SWEEP START ***", "SUBNET UP"]


def test_a_rising_counter_names_both_ends_and_the_far_guid_is_turned_round(data: Path) -> None:
    events = read((data / "ib/ft324-3-errors/opensm.log").read_text()).events
    assert Counter(event.kind for event in events) == {"sm_counter": 9}
    assert events[2] == SmEvent(
        at(22, 23, 32, 534_000),
        "sm_counter",
        "warning",
        "PerfMgr: SymbolErrorCounter rose by 120 at MF0;leaf01:MSB7800/U1 port 5, connected to node005 mlx5_0 port 1.",
        (
            PortRef(node_guid="7cfe900300a00000", description="MF0;leaf01:MSB7800/U1", number=5),
            # Printed: 0x4000b000034b6b50.
            PortRef(node_guid="506b4b0300b00040", description="node005 mlx5_0", number=1),
        ),
        "SymbolErrorCounter",
    )


def test_a_far_guid_that_the_log_knows_as_it_stands_is_not_turned_round() -> None:
    counter = (
        'perfmgr_log_errors: ERR 5431: SymbolErrorCounter : 1 : node "a" (NodeGUID: 0x51) : port 5 connected to "b" '
        "(NodeGUID: 0x61) : port 1\n"
    )
    assert read(LINE + counter).events[0].ports[1].node_guid == "6100000000000000"
    known = "Removed port with GUID:0x61 LID range [1, 1] of node:b\n"
    assert read(LINE + counter + LINE + known).events[0].ports[1].node_guid == "0000000000000061"


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        (
            "log_trap_info: Received Generic Notice type:1 num:128 (Link state change) Producer:2 (Switch) from LID:7 "
            "TID:0x0",
            PortRef(lid=7, number=0),
        ),
        (
            "__osm_trap_rcv_process_request: Received Generic Notice type:0x01 num:128 Producer:2 from LID:0x0007",
            PortRef(lid=7, number=0),
        ),
        (
            "log_trap_info: Received Generic Notice type:1 num:128 (Link state change) Producer:2 (Switch) from LID:7 "
            "TID:0x0\n" + LINE + "log_notice: Reporting Generic Notice type:1 num:128 (Link state change) from LID:7 "
            "GID:fe80::506b:4b03:b0:21",
            PortRef(node_guid="506b4b0300b00021", number=0),
        ),
    ],
)
def test_a_trap_names_its_switch_by_lid_or_by_what_the_next_record_tells(text: str, ref: PortRef) -> None:
    assert [event.ports for event in read(f"{LINE}{text}\n").events] == [(ref,)]


def test_the_year_is_the_latest_that_puts_a_line_not_after_a_day_from_now() -> None:
    """Seen on 2026-11-23T00:00Z."""
    for month_day, year in (("Nov 23", 2026), ("Nov 24", 2026), ("Nov 25", 2025), ("Dec 31", 2025), ("Feb 29", 2024)):
        text = f"{month_day} 00:00:00 000999 [1] 0x02 -> x\n"
        expected = ms_of(datetime.strptime(f"{year} {month_day}", "%Y %b %d").replace(tzinfo=UTC))
        assert [r.at_ms for r in read(text).records] == [expected], month_day


def test_an_hour_that_comes_twice_is_told() -> None:
    berlin = replace(ORIGIN, zone=ZoneInfo("Europe/Berlin"))
    reading = opensm_log.parse("Oct 25 02:30:00 000000 [1] 0x02 -> x\n", berlin)
    assert reading.value.records[0].at_ms == ms_of(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    assert "1 line in an hour that a change of clocks repeats or skips, first line 1" in reading.notices[0]


def test_a_line_without_its_end_and_lines_before_the_first_record_are_left_out() -> None:
    reading = opensm_log.parse("tail of a record\n" + LINE + "a\n" + LINE + "b\n" + LINE + "cut", ORIGIN)
    assert [r.text for r in reading.value.records] == ["a", "b"]
    assert reading.notices == (
        "The last line has no end yet and was left out.", "1 line before the first record left out.",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "hello\n", "hello\nhello\n" + LINE + "x\n", "Feb 30 00:00:00 000000 [1] 0x02 -> x\n"]
)
def test_what_is_no_log_of_opensm_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="-> text` was expected"):
        read(text)


async def test_records_go_to_the_logs_and_events_to_the_ledger_once(data: Path) -> None:
    logs, ledger = KeptLogs(), KeptLedger()
    log = read((data / "ib/ft324-3-errors/opensm.log").read_text())
    assert await keep_log(log, logs, ledger)
    assert not await keep_log(replace(log, seen_at_ms=NOW_MS + 1), logs, ledger)
    assert (len(logs.lines), len({line.id for line in logs.lines}), len(ledger.kept)) == (9, 9, 9)
    first = logs.lines[0]
    assert (first.at_ms, first.host, first.program, first.severity, first.source) == (
        at(22, 23, 32, 522_000), "", "opensm", "err", "opensm.log",
    )  # fmt: skip
    assert [line.seq for line in logs.lines] == [0, 1, 0, 1, 2, 3, 0, 1, 0]  # 522 twice, 534 four times, 535 twice, 559
    assert ledger.kept[2].about == ("ib", "7cfe900300a00000/5", "506b4b0300b00040/1", "SymbolErrorCounter")
    moved = read((data / "ib/ft324-2-moved/opensm.log").read_text())
    await keep_log(moved, logs, ledger)
    removed = [note for note in ledger.kept if note.kind == "sm_port_removed"]
    assert [note.about for note in removed] == [("ib", "506b4b0300b00021"), ("ib", "506b4b0300b00141")]
    assert {note.about for note in ledger.kept if note.kind == "sm_link_state"} == {
        ("ib", "7cfe900300a00000"), ("ib", "7cfe900300a00040"),
    }  # fmt: skip

"""What of a counter sweep is kept, what is said of it, and that keeping it twice or late changes nothing."""

from pathlib import Path

import pytest

from unit.fakes import FakeFabrics, address, guid, tree
from unit.importing import ORIGIN, KeptCounters, KeptLedger
from weft.base.errors import BadInput
from weft.fabric.counters import (
    ALWAYS,
    COUNTERS,
    CounterEvent,
    UnplacedCounters,
    field_name,
    full,
    keep,
    series_name,
)
from weft.fabric.formats import ibqueryerrors
from weft.fabric.model import CounterSweep, PortCounters, PortKey
from weft.fabric.places import PortRef
from weft.ingest.counters import Written, place_counters, receipt, write_counters

pytestmark = pytest.mark.anyio

PORT = PortKey("0000000000000051", 36)
DATA, ERRORS, DOWNED = (
    f"fabric.0000000000000051.36.{c}" for c in ("PortXmitData", "PortRcvErrors", "LinkDownedCounter")
)


def sweep(at_s: int, **values: int) -> CounterSweep:
    return CounterSweep("ib", at_s * 1000, "ibqueryerrors", (PortCounters(PORT, values),), complete=True)


def test_five_counters_are_always_kept_and_the_others_from_their_first_value() -> None:
    told = sweep(1, PortXmitData=0, PortRcvData=0, PortXmitPkts=0, PortRcvPkts=0, PortXmitWait=0, PortRcvErrors=0)
    assert {name.rsplit(".", 1)[1] for name, _ in keep(told, {}).points} == ALWAYS
    assert keep(sweep(1, PortRcvErrors=3), {}).points == ((ERRORS, 3.0),)
    assert keep(sweep(1, PortRcvErrors=0), {ERRORS: 0.0}).points == ((ERRORS, 0.0),)
    assert keep(sweep(1, SomethingNew=0), {}).points == ()


def test_a_fall_is_a_reset_and_the_value_is_kept_as_it_is() -> None:
    kept = keep(sweep(2, PortXmitData=3), {DATA: 500.0})
    assert kept.points == ((DATA, 3.0),)
    assert kept.events == (CounterEvent("reset", PORT, "PortXmitData", 3, 500),)
    assert keep(sweep(2, PortXmitData=500), {DATA: 500.0}).events == ()


def test_a_value_that_float64_cannot_hold_is_no_reset_when_it_comes_again() -> None:
    value = 2**53 + 3  # stored as 2**53 + 4
    assert keep(sweep(2, PortXmitData=value), {DATA: float(value)}).events == ()


@pytest.mark.parametrize(
    ("counter", "value", "before", "expected"),
    [
        ("LocalLinkIntegrityErrors", 15, None, True),  # 4 bits
        ("LocalLinkIntegrityErrors", 14, None, False),
        ("LinkDownedCounter", 255, 3, True),  # 8 bits
        ("LinkDownedCounter", 256, 3, False),  # so it is a 64-bit one
        ("LinkDownedCounter", 255, 256, False),  # a 64-bit one, reset to less
        ("SymbolErrorCounter", 65535, None, True),  # 16 bits
        ("PortXmitData", 2**32 - 1, None, True),  # 32 bits
        ("PortXmitData", 2**32 - 1, 2**32, False),
        ("PortXmitData", 2**64 - 1, 2**40, True),
        ("PortUnicastXmitPkts", 2**32 - 1, None, False),  # 64 bits only
        ("PortUnicastXmitPkts", 2**64 - 1, None, True),
        ("SomethingNew", 255, None, False),
    ],
)
def test_a_counter_at_its_end_is_full(counter: str, value: int, before: float | None, expected: bool) -> None:
    assert full(counter, value, before) is expected


def test_a_full_counter_is_a_gap_and_an_event_never_a_point() -> None:
    kept = keep(sweep(1, LinkDownedCounter=255), {DOWNED: 3.0})
    assert kept.points == ()
    assert kept.events == (CounterEvent("saturated", PORT, "LinkDownedCounter", 255),)


def test_the_table_knows_what_the_tools_print(data: Path) -> None:
    """Names of every perfquery and ibqueryerrors listing among the samples."""
    printed = set()
    for path in (data / "ib").rglob("perfquery*.txt"):
        fields = [line.split(":")[0] for line in path.read_text().splitlines() if ":" in line and line[0] != "#"]
        printed |= {field for field in fields if "Select" not in field}
    told = ibqueryerrors.parse((data / "ib/ft324-1-before/ibqueryerrors-counters.txt").read_text(), ORIGIN).value
    printed |= set(told.ports[0].values)
    short = {
        "SymbolErrorCounter", "LinkErrorRecoveryCounter", "LinkDownedCounter", "PortRcvErrors", "PortXmitDiscards",
        "LocalLinkIntegrityErrors", "ExcessiveBufferOverrunErrors", "PortXmitData", "PortRcvData",
    }  # fmt: skip
    assert short <= printed
    assert printed <= set(COUNTERS)


def test_names_in_the_tree_are_guid_port_and_counter() -> None:
    assert series_name(PORT, "PortXmitData") == DATA


async def test_points_are_written_and_events_become_notes() -> None:
    writer, ledger = KeptCounters(), KeptLedger()
    assert await write_counters(sweep(60, PortXmitData=500, PortRcvErrors=0), writer, ledger) == Written(1, 1, 0)
    assert await write_counters(sweep(120, PortXmitData=3, LinkDownedCounter=255), writer, ledger) == Written(1, 1, 2)
    assert writer.points == {DATA: {60: 500.0, 120: 3.0}}
    assert [(note.at_ms, note.kind, note.severity, note.text, note.about) for note in ledger.kept] == [
        (120_000, "counter_reset", "info", f"Counters of {PORT} reset: PortXmitData 500 to 3.",
         ("ib", "0000000000000051/36", "PortXmitData")),
        (120_000, "counter_saturated", "warning",
         f"Counters of {PORT} at the end of their range, unknown until they are cleared: LinkDownedCounter 255.",
         ("ib", "0000000000000051/36", "LinkDownedCounter")),
    ]  # fmt: skip


async def test_a_sweep_again_or_late_changes_nothing_that_is_true() -> None:
    sweeps = [sweep(60, PortXmitData=500), sweep(120, PortXmitData=700), sweep(180, PortXmitData=9)]
    answers = []
    for order in ([0, 1, 2], [2, 0, 1], [0, 1, 2, 1, 0, 2]):
        writer, ledger = KeptCounters(), KeptLedger()
        for i in order:
            await write_counters(sweeps[i], writer, ledger)
        answers.append((writer.points, [note.text for note in ledger.kept]))
    assert answers[2] == answers[0]
    assert answers[1][0] == answers[0][0]
    assert answers[0][1] == [f"Counters of {PORT} reset: PortXmitData 700 to 9."]
    assert answers[1][1] == []  # when the last one came first nothing was known before it; rates are cut when read


async def test_a_late_sweep_of_smaller_values_is_no_reset() -> None:
    writer, ledger = KeptCounters(), KeptLedger()
    for at_s, value in ((180, 700), (60, 500), (120, 600)):
        await write_counters(sweep(at_s, PortXmitData=value), writer, ledger)
    assert writer.points == {DATA: {60: 500.0, 120: 600.0, 180: 700.0}}
    assert ledger.kept == []


async def test_a_receipt_is_of_one_sweep() -> None:
    assert receipt(sweep(60, PortXmitData=1)) == receipt(sweep(60, PortXmitData=1))
    assert receipt(sweep(60, PortXmitData=1)) != receipt(sweep(60, PortXmitData=2))
    assert receipt(sweep(60, PortXmitData=1)) != receipt(sweep(61, PortXmitData=1))


def test_ports_that_are_named_by_less_are_placed_and_the_rest_told() -> None:
    refs = PortRef(lid=2, number=36), PortRef(lid=9, number=1), PortRef(port_guid="e5", number=1)
    told = UnplacedCounters(
        "ib", 60_000, "ibqueryerrors", tuple((ref, {"PortXmitData": n}) for n, ref in enumerate(refs)), True
    )
    known = {refs[0]: PORT, refs[2]: PORT}
    # The third is the port of the first: which of both values is right cannot be told.
    assert told.placed(known.get) == (sweep(60, PortXmitData=0), (refs[1], refs[2]))


def test_sums_of_perfmgr_are_series_of_their_own_with_64_bits() -> None:
    told = CounterSweep(
        "ib", 60_000, "t", (PortCounters(PORT, {"LinkDownedCounter_perfmgr": 255, "PortXmitData_perfmgr": 0}),), True
    )
    kept = keep(told, {})
    assert kept.points == ((f"fabric.{PORT.guid}.36.LinkDownedCounter_perfmgr", 255.0), (f"{DATA}_perfmgr", 0.0))
    assert kept.events == ()


def test_a_counter_has_one_name_whatever_the_version_of_the_tool() -> None:
    assert (field_name("SymbolErrors"), field_name("XmtWait")) == ("SymbolErrorCounter", "PortXmitWait")
    assert field_name("SymbolErrorCounter") == "SymbolErrorCounter"


async def test_counters_are_placed_by_what_the_inventory_knows() -> None:
    fabrics = tree(FakeFabrics(), 1, 1, 2)
    address(fabrics)  # leaf01 has LID 1, spine01 2, node001 3, node002 4; the port of c<n> is e<n>
    refs = PortRef(lid=1, number=7), PortRef(port_guid=guid("e", 2), number=1), PortRef(lid=99, number=1)
    told = UnplacedCounters("ib", 60_000, "t", tuple((ref, {"PortXmitData": 1}) for ref in refs), True)
    placed, notices = await place_counters(told, fabrics)
    assert [c.port for c in placed.ports] == [PortKey(guid("a", 1), 7), PortKey(guid("c", 2), 1)]
    (notice,) = notices
    assert notice.startswith("Counters of 1 port not stored, which one it is is not known: LID 99 port 1. Import ")
    nobody = UnplacedCounters("ib", 60_000, "t", ((refs[2], {"PortXmitData": 1}),), True)
    with pytest.raises(BadInput, match=r"it names 1 port by GUID or LID only, and Weft knows none of them .*: LID 99"):
        await place_counters(nobody, fabrics)

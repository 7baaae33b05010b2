"""perfquery: the samples, both layouts of the extended counters, and what is not said or not whole."""

from pathlib import Path

import pytest

from unit.importing import NOW_MS, ORIGIN
from weft.base.errors import BadInput
from weft.fabric.counters import UnplacedCounters
from weft.fabric.formats import perfquery
from weft.fabric.places import PortRef

PLAIN = """# Port counters: Lid 2 port 5 (CapMask: 0x1000)
PortSelect:......................5
CounterSelect:...................0x0000
SymbolErrorCounter:..............120
CounterSelect2:..................0x00
VL15Dropped:.....................0
PortXmitData:....................8496
PortRcvData:.....................8497
PortXmitPkts:....................118
PortRcvPkts:.....................119
PortXmitWait:....................7
"""
EXTENDED = """# Port extended counters: Lid 183 port 3 (CapMask: 0x5A00 CapMask2: 0x0000002)
PortSelect:......................3
CounterSelect:...................0x0000
PortXmitData:....................9007199254766265
PortRcvData:.....................18446744073709551615
PortUnicastXmitPkts:.............1
CounterSelect2:..................0x00000000
SymbolErrorCounter:..............70000
PortXmitWait:....................5000000000
QP1Dropped:......................0
"""


def read(text: str) -> dict[tuple[int | None, int | None], dict[str, int]]:
    return {(ref.lid, ref.number): dict(values) for ref, values in perfquery.parse(text, ORIGIN).value.ports}


def test_a_port_is_named_by_lid_and_number_and_has_its_zeros(data: Path) -> None:
    reading = perfquery.parse((data / "ib/ft324-1-before/perfquery-x-ca.txt").read_text(), ORIGIN)
    zero = {f"Port{cast}cast{way}Pkts": 0 for cast in ("Uni", "Multi") for way in ("Xmit", "Rcv")}
    told = {"PortXmitData": 2952, "PortRcvData": 3024, "PortXmitPkts": 41, "PortRcvPkts": 42} | zero
    assert reading.value == UnplacedCounters(
        "ib", NOW_MS, "perfquery", ((PortRef(lid=119, number=1), told),), complete=True
    )
    assert (reading.found, reading.dated, reading.notices) == ("counters of 1 port", False, ())


def test_every_port_of_a_switch_is_read_from_one_listing(data: Path) -> None:
    told = read((data / "ib/ft324-1-before/perfquery-x-l-switch-all.txt").read_text())
    assert list(told) == [(2, port) for port in range(1, 37)]
    assert {len(values) for values in told.values()} == {8}


def test_short_data_counters_of_a_device_with_long_ones_are_left_out(data: Path) -> None:
    """CapMask 0x1300: bit 9, it has 64-bit counters; the 32-bit ones stop at 4,294,967,295 words."""
    reading = perfquery.parse((data / "ib/ft324-3b-errors-no-perfmgr/perfquery-node006.txt").read_text(), ORIGIN)
    ((ref, values),) = reading.value.ports
    assert (ref, len(values)) == (PortRef(lid=119, number=1), 14)
    assert (values["SymbolErrorCounter"], values["LinkErrorRecoveryCounter"], values["PortXmitWait"]) == (65535, 2, 0)
    assert not {"PortXmitData", "PortRcvData", "PortXmitPkts", "PortRcvPkts"} & set(values)
    assert reading.notices == (
        "The device has 64-bit data counters: the 32-bit ones, which stop at their end, are not stored. Use -x.",
    )


def test_a_device_without_long_counters_and_one_that_tells_nothing_keep_the_short_ones() -> None:
    kept = {
        "SymbolErrorCounter": 120, "VL15Dropped": 0, "PortXmitData": 8496, "PortRcvData": 8497, "PortXmitPkts": 118,
        "PortRcvPkts": 119, "PortXmitWait": 7,
    }  # fmt: skip
    assert read(PLAIN) == {(2, 5): kept}
    assert read(PLAIN.replace(" (CapMask: 0x1000)", "")) == {(2, 5): kept}
    del kept["PortXmitWait"]  # bit 12 is missing: the device has no such counter, the tool prints 0
    assert read(PLAIN.replace("0x1000", "0x0100")) == {(2, 5): kept}


def test_extended_counters_with_errors_of_64_bits_are_read() -> None:
    assert read(EXTENDED) == {
        (183, 3): {
            "PortXmitData": 9007199254766265, "PortRcvData": 2**64 - 1, "PortUnicastXmitPkts": 1,
            "SymbolErrorCounter": 70000, "PortXmitWait": 5_000_000_000, "QP1Dropped": 0,
        }
    }  # fmt: skip


def test_names_of_older_versions_are_the_same_counters() -> None:
    old = PLAIN.replace("SymbolErrorCounter:..", "SymbolErrors:........").replace("PortXmitData:", "XmtData:.....")
    assert read(old) == read(PLAIN)


def test_the_sum_over_all_ports_is_no_port() -> None:
    reading = perfquery.parse(PLAIN.replace("port 5", "port 255"), ORIGIN)
    assert (reading.value.ports, reading.found) == ((), "counters of 0 ports")
    assert reading.notices == ("Port 255 is the sum of all ports (-a) and not stored. -l gives every port.",)


def test_two_answers_about_one_port_are_one() -> None:
    rates = (
        "# PortExtendedSpeedsCounters counters: Lid 2 port 5 (CapMask: 0x1000)\nSyncHeaderErrorCounter:..........3\n"
    )
    assert read(PLAIN + rates)[2, 5] == read(PLAIN)[2, 5] | {"SyncHeaderErrorCounter": 3}


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (PLAIN[:-1], 11, "has no end"),
        (PLAIN + PLAIN.replace("port 5", "port 6").replace("VL15Dropped:.....................0\n", ""), 12, "cut"),
        (PLAIN + "# Port counters: Lid 2 port 6 (CapMask: 0x1000)\n", 12, "has 0 counters, others 7: the file is cut"),
        (PLAIN + PLAIN.replace("120", "121"), 12, "SymbolErrorCounter of LID 2 port 5 has two values"),
        (PLAIN.replace("Lid 2", "DR path slid 0; dlid 0; 0,1"), 1, "only holds for where perfquery ran"),
        (PLAIN.replace("Lid 2 ", "Lid 0 "), 1, "there is no LID 0 port 5"),
        (PLAIN.replace("port 5", "port 256"), 1, "there is no LID 2 port 256"),
        (PLAIN.replace("120", "18446744073709551616"), 4, "each once, was expected"),
        (PLAIN.replace("VL15Dropped:.", "SymbolErrorCounter:."), 6, "each once, was expected"),
        (PLAIN.split("\n", 1)[1], 1, "was expected, not 'PortSelect"),
        (PLAIN + "hello\n", 12, "was expected, not 'hello'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        perfquery.parse(text, ORIGIN)
    assert (caught.value.line, says in str(caught.value)) == (line, True), str(caught.value)

"""ibqueryerrors in every form: the samples, and everything that is not whole."""

from dataclasses import replace
from pathlib import Path

import pytest

from unit.importing import NOW_MS, ORIGIN
from weft.base.errors import BadInput
from weft.fabric.counters import UnplacedCounters
from weft.fabric.formats import ibqueryerrors
from weft.fabric.model import CounterSweep, PortCounters, PortKey
from weft.fabric.places import PortRef

SMALL = """Data Counters for 0x506b4b0300b01430 "node324 mlx5_0"
   GUID 0x506b4b0300b01430 port 1: [PortXmitData == 19892634015130 (  infPB)] [PortRcvData == 0 (0.000)]
       Link info:    122   1[  ] ==( 4X          25.78125 Gbps Active/  LinkUp)==>  0x51   2   34[  ] "leaf" ( )
Data Counters for 0x51 "MF0;leaf01:MSB7800/U1"
   GUID 0x51 port ALL: [PortXmitData == 9 (0.000)] [PortRcvData == 9 (0.000)]
   GUID 0x51 port 0: [PortXmitData == 7 (0.000)] [PortRcvData == 8 (0.000)]
   GUID 0x51 port 36: [PortXmitData == 2 (0.000)] [PortRcvData == 18446744073709551615 (64.000EB)]

## Summary: 2 nodes checked, 0 bad nodes found
##          3 ports checked, 0 ports have errors beyond threshold
## Thresholds:\x20
## Suppressed:
"""
LEAF, NODE = "0000000000000051", "506b4b0300b01430"


def read(text: str) -> CounterSweep:
    told = ibqueryerrors.parse(text, ORIGIN).value
    assert isinstance(told, CounterSweep)
    return told


def test_every_port_is_read_with_its_zeros_and_the_sum_is_not_one() -> None:
    reading = ibqueryerrors.parse(SMALL, ORIGIN)
    assert reading.value == CounterSweep(
        "ib",
        NOW_MS,
        "ibqueryerrors",
        (
            PortCounters(PortKey(LEAF, 0), {"PortXmitData": 7, "PortRcvData": 8}),
            PortCounters(PortKey(LEAF, 36), {"PortXmitData": 2, "PortRcvData": 2**64 - 1}),
            PortCounters(PortKey(NODE, 1), {"PortXmitData": 19892634015130, "PortRcvData": 0}),
        ),
        complete=True,
    )
    assert (reading.found, reading.dated, reading.notices) == ("counters of 3 ports of 2 nodes", False, ())


def test_the_sample_holds_every_port_and_port_0_of_each_switch(data: Path) -> None:
    sweep = read((data / "ib/ft324-1-before/ibqueryerrors-counters.txt").read_text())
    assert len(sweep.ports) == 324 + 27 * 37
    assert sum(len(told.values) for told in sweep.ports) == 1323 * 8
    by_port = {told.port: told.values for told in sweep.ports}
    # The last line of the sample's listing, and leaf01's port 19.
    assert by_port[PortKey("506b4b0300b00010", 1)]["PortXmitData"] == 2104632
    assert by_port[PortKey("7cfe900300a00000", 19)]["PortRcvPkts"] == 27947
    assert by_port[PortKey("7cfe900300a00000", 19)]["PortMulticastRcvPkts"] == 0


def test_ports_that_did_not_answer_are_told_by_the_summary() -> None:
    cut = SMALL.replace(SMALL.splitlines(keepends=True)[5], "")
    failing = cut.replace("## Suppressed", "##          1 PMA query failures\n## Suppressed")
    assert ibqueryerrors.parse(failing, ORIGIN).notices == ("1 port did not answer: their counters are unknown.",)
    with pytest.raises(BadInput, match="3 ports, but 2 and 2 are listed"):
        read(cut)


def test_what_the_tool_said_aside_is_told() -> None:
    reading = ibqueryerrors.parse(SMALL, replace(ORIGIN, stderr="ibwarn: [9] query failed\n"))
    assert reading.notices == ("The tool said aside: ibwarn: [9] query failed",)


def test_every_cut_is_noticed() -> None:
    summary_done = SMALL.index("## Thresholds")
    for length in range(summary_done):
        with pytest.raises(BadInput):
            read(SMALL[:length])


@pytest.mark.parametrize(
    ("changed", "line", "says"),
    [
        (SMALL.replace("GUID 0x51 port 0", "GUID 0x52 port 0"), 6, "below the heading of 0000000000000051"),
        (SMALL.replace("port 0:", "port 36:"), 7, "told twice"),
        (SMALL.replace("port 36:", "port 255:"), 7, "does not exist"),
        (SMALL.replace("== 7 (", "== x ("), 6, "each once, was expected"),
        (SMALL.replace("== 7 (", "== 99999999999999999999 ("), 6, "each once, was expected"),
        (SMALL.replace("PortRcvData == 8", "PortXmitData == 8"), 6, "each once, was expected"),
        (SMALL.replace("   GUID 0x51 port 0: ", "   GUID 0x51 port 0: hello "), 6, "was expected, not"),
        (SMALL.split("\n", 1)[1], 1, "below the heading of no node"),
        (SMALL.split("## Summary")[0], 8, "summary"),
        (SMALL.replace("3 ports checked", "4 ports checked"), 12, "4 ports, but 2 and 3 are listed"),
        (SMALL.replace("3 ports checked", "2 ports checked"), 12, "2 ports, but 2 and 3 are listed"),
        (SMALL.replace("2 nodes checked", "1 nodes checked"), 12, "1 node and 3 ports, but 2 and 3"),
        (SMALL + SMALL, 13, "second listing"),
        (SMALL[:-1], 12, "has no end"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(changed: str, line: int, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(changed)
    assert (caught.value.line, says in str(caught.value)) == (line, True), str(caught.value)


BAD = """Errors for 0x51 "MF0;leaf01:MSB7800/U1"
   GUID 0x51 port ALL: [SymbolErrorCounter == 120] [PortXmitDiscards == 255]
   GUID 0x51 port 5: [SymbolErrorCounter == 120] [PortXmitData == 8496 (33.188KB)]
       Link info:      2   5[  ] ==( 4X      25.78125 Gbps Active/  LinkUp)==>  0xc5     99    1[  ] "node005" ( )
   GUID 0x51 port 6: [PortXmitDiscards == 700]
Errors for "node006 mlx5_0"
   GUID 0xe6 port 1: [LinkErrorRecoveryCounter == 2]

## Summary: 351 nodes checked, 2 bad nodes found
##          1298 ports checked, 3 ports have errors beyond threshold
## Thresholds: [SymbolErrorCounter = 10][LinkDownedCounter = 0]
## Suppressed: PortXmitWait PortRcvSwitchRelayErrors
"""


def bad(text: str) -> UnplacedCounters:
    told = ibqueryerrors.parse(text, ORIGIN).value
    assert isinstance(told, UnplacedCounters)
    return told


def test_a_listing_of_bad_ports_tells_what_it_leaves_unknown() -> None:
    reading = ibqueryerrors.parse(BAD, ORIGIN)
    assert reading.value == UnplacedCounters(
        "ib",
        NOW_MS,
        "ibqueryerrors",
        (
            (PortRef(node_guid=LEAF, number=5), {"SymbolErrorCounter": 120, "PortXmitData": 8496}),
            (PortRef(node_guid=LEAF, number=6), {"PortXmitDiscards": 700}),
            (
                PortRef(port_guid="00000000000000e6", description="node006 mlx5_0", number=1),
                {"LinkErrorRecoveryCounter": 2},
            ),
        ),
        complete=False,
    )
    assert reading.found == "3 ports of 1,298 with counters over their threshold, on 2 of 351 nodes"
    assert reading.notices == (
        "Only counters over their threshold are listed (SymbolErrorCounter 10; others 0): what is not listed is at "
        "most that, and not stored. --counters lists all data counters.",
        "Left out by -s or -c, so unknown: PortXmitWait, PortRcvSwitchRelayErrors.",
    )


def test_the_samples_tell_what_was_set(data: Path) -> None:
    """Against console-commands.txt; PerfMgr had cleared some of it in ft324-3-errors."""
    told = bad((data / "ib/ft324-3b-errors-no-perfmgr/ibqueryerrors-data.txt").read_text())
    values = {(ref.node_guid or ref.port_guid, ref.number): v for ref, v in told.ports}
    leaf, spine, hca = "7cfe900300a00000", "7cfe900300a00480", "506b4b0300b00051"
    assert set(values) == {(leaf, 5), (leaf, 6), (leaf, 20), (spine, 2), (spine, 3), (hca, 1)}
    assert values[hca, 1]["SymbolErrorCounter"] == 65535
    assert values[spine, 3]["PortRcvData"] == 2**64 - 1
    assert values[leaf, 6] == {
        "LocalLinkIntegrityErrors": 15, "VL15Dropped": 4, "PortXmitData": 2016, "PortRcvData": 2016, "PortXmitPkts": 28,
        "PortRcvPkts": 28,
    }  # fmt: skip
    details = bad((data / "ib/ft324-3b-errors-no-perfmgr/ibqueryerrors-r-details.txt").read_text())
    assert {(ref.node_guid or ref.port_guid, ref.number) for ref, _ in details.ports} == set(values) - {(spine, 3)}


def test_a_healthy_fabric_is_a_summary_alone(data: Path) -> None:
    reading = ibqueryerrors.parse((data / "ib/ft324-1-before/ibqueryerrors.txt").read_text(), ORIGIN)
    assert isinstance(reading.value, UnplacedCounters)
    assert (reading.value.ports, reading.value.complete) == ((), False)
    assert reading.found == "0 ports of 1,296 with counters over their threshold, on 0 of 351 nodes"


def test_details_that_the_tool_mixes_up_are_left_out_and_old_names_read() -> None:
    text = BAD.replace("[PortXmitDiscards == 700]", "[XmtDiscards == 700] [PortLocalPhysicalErrors == 699]")
    reading = ibqueryerrors.parse(text, ORIGIN)
    assert bad(text).ports[1][1] == {"PortXmitDiscards": 700}
    assert "prints it under wrong names" in reading.notices[-1]


def test_without_a_file_of_thresholds_all_are_zero() -> None:
    lines = [line if not line.startswith("## Thr") else "## (null)" for line in BAD.splitlines()]
    assert "(all 0)" in ibqueryerrors.parse("\n".join(lines) + "\n", ORIGIN).notices[0]


def test_queries_without_an_answer_are_told() -> None:
    text = BAD.replace("## Suppressed", "##          4 PMA query failures\n## Suppressed")
    assert ibqueryerrors.parse(text, ORIGIN).notices[-1] == (
        "4 queries were not answered: the counters of those ports are unknown."
    )


def test_every_cut_of_a_listing_of_bad_ports_is_noticed() -> None:
    for length in range(1, BAD.index("## Thresholds")):
        with pytest.raises(BadInput):
            bad(BAD[:length])


@pytest.mark.parametrize(
    ("changed", "line", "says"),
    [
        (BAD.replace("3 ports have", "4 ports have"), 12, "2 nodes and 4 ports, but 2 and 3 are listed"),
        (BAD.replace("2 bad nodes", "3 bad nodes"), 12, "3 nodes and 3 ports, but 2 and 3 are listed"),
        (BAD.replace("GUID 0x51 port 5", "GUID 0x52 port 5"), 3, "below the heading of 0000000000000051"),
        (BAD.replace("port 6:", "port 5:"), 5, "told twice"),
        (SMALL.split("\n\n")[0] + "\n" + BAD, 8, "one listing with --counters and one without are mixed"),
        (BAD + BAD, 13, "second listing"),
    ],
)
def test_a_listing_of_bad_ports_that_does_not_fit_is_refused(changed: str, line: int, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        bad(changed)
    assert (caught.value.line, says in str(caught.value)) == (line, True), str(caught.value)


def test_every_form_is_recognised_and_nothing_else(data: Path) -> None:
    taken = {p.name for p in (data / "ib").rglob("*") if p.is_file() and ibqueryerrors.recognise(p.read_text()[:65536])}
    assert taken == {
        "ibqueryerrors-counters.txt", "ibqueryerrors.txt", "ibqueryerrors-data.txt", "ibqueryerrors-r-details.txt",
    }  # fmt: skip

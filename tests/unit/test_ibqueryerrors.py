"""ibqueryerrors --counters: the sample, and everything that is not whole."""

from dataclasses import replace
from pathlib import Path

import pytest

from unit.importing import NOW_MS, ORIGIN
from weft.base.errors import BadInput
from weft.fabric.formats import ibqueryerrors
from weft.fabric.model import CounterSweep, PortCounters, PortKey

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
    return ibqueryerrors.parse(text, ORIGIN).value


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


def test_only_the_form_with_counters_is_recognised(data: Path) -> None:
    taken = [p.name for p in sorted((data / "ib").rglob("*.txt")) if ibqueryerrors.recognise(p.read_text()[:65536])]
    assert taken == ["ibqueryerrors-counters.txt"]

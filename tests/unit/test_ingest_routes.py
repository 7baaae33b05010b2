"""Forwarding tables and LIDs into the history: each once, with a note of every reading."""

from pathlib import Path

import pytest

from unit.fakes import FakeFabrics, address, guid, tables_at, tree
from unit.importing import ORIGIN, KeptFabrics, KeptLedger
from weft.base.errors import BadInput
from weft.fabric.formats import guid2lid, ibroute
from weft.fabric.forwarding import ForwardingDump, PortLids
from weft.fabric.model import Lid, PortKey
from weft.ingest.routes import keep_tables

pytestmark = pytest.mark.anyio

S = 1000


class Known(KeptFabrics):
    """Knows LIDs and ports as the test lists them."""

    lids = FakeFabrics.lids
    ports_by_guid = FakeFabrics.ports_by_guid


def fabric() -> Known:
    """One leaf with two hosts under one spine: LIDs leaf01 1, spine01 2, node001 3, node002 4."""
    made = Known()
    tree(made, 1, 1, 2)
    address(made)
    return made


def dump(fabrics: Known, at_s: int, *lids: PortLids, changed: bool = False) -> ForwardingDump:
    tables = tables_at(fabrics, 0)
    if changed:
        tables[guid("a", 1)] = b"\xff\x00\x03"
    return ForwardingDump("ib", at_s * S, "ibroute", tables, lids)


async def test_tables_are_kept_once_and_every_reading_is_noted() -> None:
    fabrics, ledger = fabric(), KeptLedger()
    assert await keep_tables(dump(fabrics, 60), fabrics, ledger) == (True, [])
    assert await keep_tables(dump(fabrics, 60), fabrics, ledger) == (False, [])
    assert await keep_tables(dump(fabrics, 120), fabrics, ledger) == (True, [])  # the same tables, confirmed
    assert {at_ms for _, at_ms in fabrics.tables} == {60 * S}
    assert [(note.at_ms, note.kind, note.about[:2]) for note in ledger.kept] == [
        (60 * S, "tables_read", ("ib", "2")), (120 * S, "tables_read", ("ib", "2")),
    ]  # fmt: skip


async def test_of_two_tables_for_one_time_the_same_is_taken_whatever_the_order() -> None:
    kept = []
    for order in ((False, True), (True, False)):
        fabrics, ledger = fabric(), KeptLedger()
        told = [await keep_tables(dump(fabrics, 60, changed=changed), fabrics, ledger) for changed in order]
        assert told[0] == (True, [])
        assert told[1][1] == [
            "Other tables of 1 switch were read for this very time: which are right cannot be told."
        ]  # fmt: skip
        again = [(await keep_tables(dump(fabrics, 60, changed=changed), fabrics, ledger))[0] for changed in order]
        assert again == [False, False]
        kept.append(fabrics.tables)
    assert kept[0] == kept[1]


async def test_tables_that_changed_since_an_earlier_reading_are_no_contradiction() -> None:
    fabrics, ledger = fabric(), KeptLedger()
    await keep_tables(dump(fabrics, 60), fabrics, ledger)
    assert await keep_tables(dump(fabrics, 120, changed=True), fabrics, ledger) == (True, [])
    assert await keep_tables(dump(fabrics, 120, changed=True), fabrics, ledger) == (False, [])
    one = ForwardingDump("ib", 120 * S, "ibroute", {guid("b", 1): tables_at(fabrics, 0)[guid("b", 1)]})
    assert await keep_tables(one, fabrics, ledger) == (True, [])  # a reading of its own, of the same table


async def test_lids_that_are_not_known_yet_become_a_part_of_a_picture() -> None:
    fabrics, ledger = fabric(), KeptLedger()
    lids = PortLids(guid("e", 1), 3), PortLids(guid("e", 2), 4), PortLids(guid("a", 1), 8, 1), PortLids("f" * 16, 7)
    gone = PortLids(guid("e", 9), 12)
    dumped = dump(fabrics, 60, *lids, gone)
    hca = PortKey(guid("c", 1), 1)
    fabrics.addresses = [Lid(hca, 9, 0, guid("e", 1)), Lid(PortKey(guid("c", 2), 1), 4, 0, guid("e", 2))]
    fabrics.addresses.append(Lid(PortKey(guid("c", 9), 1), 11, 0, guid("e", 9)))  # an HCA that was taken out
    assert await keep_tables(dumped, fabrics, ledger) == (
        True, ["LIDs of 2 ports that Weft has not met then left out."],
    )  # fmt: skip
    (sweep,) = fabrics.applied.values()
    assert (sweep.complete, sweep.nodes, sweep.links, sweep.seen_at_ms, sweep.source) == (
        False,
        (),
        (),
        60 * S,
        "ibroute",
    )
    assert sweep.lids == (Lid(PortKey(guid("a", 1), 0), 8, 1), Lid(hca, 3, 0, guid("e", 1)))


async def test_lids_alone_of_ports_that_nobody_knows_are_refused(data: Path) -> None:
    told = guid2lid.parse((data / "ib/ft324-1-before/guid2lid").read_text(), ORIGIN).value
    with pytest.raises(BadInput, match=r"it names 351 ports by GUID only, and Weft knows none of them in fabric 'ib'"):
        await keep_tables(told, fabric(), KeptLedger())


async def test_tables_are_kept_whatever_is_known_of_their_lids(data: Path) -> None:
    fabrics = fabric()
    told = ibroute.parse((data / "ib/ft324-1-before/ibroute-leaf01.txt").read_text(), ORIGIN).value
    assert await keep_tables(told, fabrics, KeptLedger()) == (
        True, ["LIDs of 351 ports that Weft has not met then left out."],
    )  # fmt: skip
    assert (len(fabrics.tables), fabrics.applied) == (1, {})

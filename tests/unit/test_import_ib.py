"""Every sample of InfiniBand tools is imported, or refused with the reason; in whatever order, and once."""

import shutil
from collections.abc import AsyncIterator
from datetime import UTC
from pathlib import Path

import pytest

from unit.importing import NOW_MS, Stores, put
from unit.made import CABLES, CABLES_CSV, DB_CSV, PLAN, TOPO, UFM
from weft.base.config import Site
from weft.fabric.model import Module, PortKey
from weft.ingest.importer import FileReport, Importer
from weft.inventory.rows import checksums
from weft.inventory.sqlite.archive import SqliteArchive
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.fabric import SqliteFabrics
from weft.inventory.sqlite.schema import SCHEMA

pytestmark = pytest.mark.anyio

SEEN_MS = NOW_MS - 3_600_000

TOPOLOGY = "351 nodes (27 switches), 648 links"
FAILED = "348 nodes (26 switches), 610 links, 37 ports down, 1 port without an answer"
SILENT = "348 nodes (26 switches), 610 links, 1 port without an answer"
ONE_QUERY = "the answer to a single query (smpquery, saquery, ibstat, sminfo)"
NODE_LIST = "a list of nodes (ibnodes, ibhosts, ibswitches)"
DIFF = "it tells what differs between two sweeps and is no whole picture of either"

FOUND = {
    "ft324-1-before/dump_lfts.txt": "27 forwarding tables",
    "ft324-1-before/guid2lid": "LIDs of 351 ports",
    "ft324-1-before/ibhosts.txt": NODE_LIST,
    "ft324-1-before/iblinkinfo-l.txt": TOPOLOGY,
    "ft324-1-before/iblinkinfo.txt": TOPOLOGY,
    "ft324-1-before/ibnetdiscover-p.txt": TOPOLOGY,
    "ft324-1-before/ibnetdiscover.txt": TOPOLOGY,
    "ft324-1-before/ibnodes.txt": NODE_LIST,
    "ft324-1-before/ibqueryerrors-counters.txt": "counters of 1,323 ports",
    "ft324-1-before/ibqueryerrors.txt": "0 ports",
    "ft324-1-before/ibroute-leaf01.txt": "1 forwarding table",
    "ft324-1-before/ibroute-n-leaf01.txt": "1 forwarding table",
    "ft324-1-before/ibstat.txt": ONE_QUERY,
    "ft324-1-before/ibswitches.txt": NODE_LIST,
    "ft324-1-before/ibtracert.txt": "a route (ibtracert)",
    "ft324-1-before/opensm-lfts.dump": "27 forwarding tables",
    "ft324-1-before/opensm-subnet.lst": TOPOLOGY,
    "ft324-1-before/opensm.fdbs": "27 forwarding tables",
    "ft324-1-before/opensm.log": "records",
    "ft324-1-before/perfquery-switch-port.txt": "counters of 1 port",
    "ft324-1-before/perfquery-x-ca.txt": "counters of 1 port",
    "ft324-1-before/perfquery-x-l-switch-all.txt": "counters of 36 ports",
    "ft324-1-before/perfquery-x-switch-port.txt": "counters of 1 port",
    "ft324-1-before/saquery-LFTR.txt": ONE_QUERY,
    "ft324-1-before/saquery-NR.txt": ONE_QUERY,
    "ft324-1-before/saquery-PR.txt": ONE_QUERY,
    "ft324-1-before/sminfo.txt": ONE_QUERY,
    "ft324-1-before/smpquery-ND-switch.txt": ONE_QUERY,
    "ft324-1-before/smpquery-NI-ca.txt": ONE_QUERY,
    "ft324-1-before/smpquery-NI-switch.txt": ONE_QUERY,
    "ft324-1-before/smpquery-PI-switch-port.txt": ONE_QUERY,
    "ft324-1-before/smpquery-SI-switch.txt": ONE_QUERY,
    "ft324-2-moved/iblinkinfo.txt": TOPOLOGY,
    "ft324-2-moved/ibnetdiscover-diff.txt": DIFF,
    "ft324-2-moved/ibnetdiscover-p.txt": TOPOLOGY,
    "ft324-2-moved/ibnetdiscover.txt": TOPOLOGY,
    "ft324-2-moved/ibqueryerrors.txt": "1 port",
    "ft324-2-moved/ibroute-leaf01.txt": "1 forwarding table",
    "ft324-2-moved/opensm.log": "records",
    "ft324-3-errors/console-commands.txt": "no format that Weft knows",
    "ft324-3-errors/ibqueryerrors-data.txt": "5 ports",
    "ft324-3-errors/ibqueryerrors-r-details.txt": "4 ports",
    "ft324-3-errors/ibqueryerrors.txt": "5 ports",
    "ft324-3-errors/opensm-console.txt": "3 ports",
    "ft324-3-errors/opensm.log": "records",
    "ft324-3-errors/perfmgr-dump-first-2000-lines.txt": "80 ports",
    "ft324-3-errors/perfmgr-dump-mach.tsv": "1,323 ports",
    "ft324-3-errors/perfquery-leaf01-5.txt": "counters of 1 port",
    "ft324-3-errors/perfquery-x-spine01-3.txt": "counters of 1 port",
    "ft324-3b-errors-no-perfmgr/ibqueryerrors-data.txt": "6 ports",
    "ft324-3b-errors-no-perfmgr/ibqueryerrors-r-details.txt": "5 ports",
    "ft324-3b-errors-no-perfmgr/ibqueryerrors.txt": "6 ports",
    "ft324-3b-errors-no-perfmgr/perfquery-leaf01-5.txt": "counters of 1 port",
    "ft324-3b-errors-no-perfmgr/perfquery-node006.txt": "counters of 1 port",
    "ft324-3b-errors-no-perfmgr/perfquery-x-spine01-3.txt": "counters of 1 port",
    "ft324-4-failures/iblinkinfo-down.txt": "18 nodes (18 switches), 0 links, 37 ports down",
    "ft324-4-failures/iblinkinfo.txt": FAILED,
    "ft324-4-failures/ibnetdiscover-diff.txt": DIFF,
    "ft324-4-failures/ibnetdiscover-p.txt": SILENT,
    "ft324-4-failures/ibnetdiscover.txt": SILENT,
    "ft324-4-failures/ibqueryerrors.txt": "6 ports",
    "ft324-4-failures/opensm.log": "records",
}
"""What each sample is found to hold, or why it is not read."""
NOT_READ = (ONE_QUERY, NODE_LIST, DIFF, "a route (ibtracert)", "no format that Weft knows")


class House:
    """An inventory on disk, and stand-ins for the rest."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.fabrics = SqliteFabrics(database, absent_after=3, quarantine_share=0.1)
        self.others = Stores()

    async def take(self, *paths: Path, seen_at_ms: int = SEEN_MS) -> list[FileReport]:
        others = self.others
        importer = Importer(
            self.fabrics, others.jobs, others.ledger, others.logs, others.counters, Site(), UTC, lambda: NOW_MS
        )
        return list((await importer.import_paths(paths, seen_at_ms=seen_at_ms)).files)

    async def known(self) -> dict[str, str]:
        return await checksums(SqliteArchive(self.database))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with Database.open(tmp_path / "inventory.db", SCHEMA) as database:
        yield House(database)


async def test_every_sample_is_imported_or_refused_with_the_right_reason(house: House, data: Path) -> None:
    told = {f"{x.path.parent.name}/{x.path.name}": x for x in await house.take(data / "ib")}
    assert sorted(told) == sorted(FOUND)
    for name, report in told.items():
        read = FOUND[name] not in NOT_READ
        assert report.outcome in (("imported", "unchanged") if read else ("skipped",)), (name, report)
        assert FOUND[name] in report.found, (name, report.found)


async def test_topologies_in_another_order_give_the_same_inventory_and_again_nothing(
    house: House, data: Path, tmp_path: Path
) -> None:
    names = ("ibnetdiscover*.txt", "iblinkinfo*.txt", "opensm-subnet.lst", "*.stderr")
    for pattern in names:
        for path in (data / "ib").glob(f"*/{pattern}"):
            (tmp_path / path.parent.name).mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / path.parent.name)
    folders = [tmp_path / name for name in ("ft324-1-before", "ft324-2-moved", "ft324-4-failures")]
    await house.take(*folders)
    before = await house.known()
    again = await house.take(*reversed(folders))
    assert {report.outcome for report in again} == {"unchanged", "skipped"}
    assert await house.known() == before
    async with Database.open(tmp_path / "other.db", SCHEMA) as database:
        other = House(database)
        await other.take(*reversed(folders))
        assert await other.known() == before


async def test_a_listing_that_names_hcas_nobody_knows_is_refused_and_read_once_they_are(
    house: House, data: Path
) -> None:
    folder = data / "ib/ft324-1-before"
    before = await house.known()
    (refused,) = await house.take(folder / "iblinkinfo.txt")
    assert refused.error.startswith(f"{folder}/iblinkinfo.txt: it names 324 nodes by port GUID, LID or name only")
    assert await house.known() == before
    await house.take(folder / "ibnetdiscover.txt")
    (taken,) = await house.take(folder / "iblinkinfo.txt")
    assert (taken.outcome, taken.notices[-1:]) == ("imported", ())


async def test_ports_down_are_read_before_anything_else_was(house: House, data: Path) -> None:
    """Switches are told by their GUIDs, so nothing needs to be looked up."""
    (report,) = await house.take(data / "ib/ft324-4-failures/iblinkinfo-down.txt")
    assert report.outcome == "imported"
    view = await house.fabrics.fabric("ib", SEEN_MS)
    assert (len(view.guids), len(view.cables), view.seen_ms) == (18, 0, SEEN_MS)


async def test_what_is_made_by_hand_after_published_examples_finds_its_ports(house: House, tmp_path: Path) -> None:
    """The data base first: the lists name ports by what it tells."""
    texts = {"a.cables": CABLES, "b.csv": CABLES_CSV, "c.json": UFM, "d.csv": PLAN, "e.topo": TOPO, "f.db_csv": DB_CSV}
    for name, text in texts.items():
        put(tmp_path / name, text)
    reports = await house.take(*(tmp_path / name for name in texts if name != "b.csv"))
    reports += await house.take(tmp_path / "b.csv", seen_at_ms=SEEN_MS + 1)
    assert [(report.kind, report.outcome, report.error) for report in reports] == [
        ("cables", "imported", ""), ("ufm links", "imported", ""), ("wiring", "imported", ""),
        ("wiring", "imported", ""), ("ibdiagnet", "imported", ""), ("cables", "imported", ""),
    ]  # fmt: skip
    leaf, node1, node2 = "7cfe900300a00000", "506b4b0300b00000", "0002c90300123450"
    cable = "Mellanox", "MCP1600-E002", "MT1739VS02126", 2.0
    assert await house.fabrics.modules("ib", SEEN_MS + 1) == (
        Module(PortKey(node2, 2), "", "00W0085", "4008537306W", 0.5),
        Module(PortKey(node1, 1), *cable),
        Module(PortKey(leaf, 1), *cable),
    )
    plan = await house.fabrics.wiring("ib", SEEN_MS)
    assert plan is not None
    assert len(plan.cables) == 3


@pytest.mark.parametrize(
    ("text", "kind", "fix"),
    [
        (
            "Switch: 0x7cfe900300a00000 leaf01:\n"
            '<          2   18[  ] ==( 4X      25.78125 Gbps Active/  LinkUp)==>      30    1[  ] "node018" ( )\n'
            '>          2   18[  ] ==(                Down/ Polling)==>             [  ] "" ( )\n',
            "iblinkinfo --diff",
            "Import both listings",
        ),
        (
            "Querying Cables ....\nCable #1:\n---------\nCable name    : mtusb-1_cable\n"
            "-------- Cable EEPROM --------\nSerial number : MT1707FT01544\n",
            "mlxlink",
            "ibdiagnet --get_cable_info",
        ),
    ],
)
async def test_what_cannot_be_placed_is_refused_with_what_to_give(
    house: House, tmp_path: Path, text: str, kind: str, fix: str
) -> None:
    (report,) = await house.take(put(tmp_path / "file", text))
    assert (report.outcome, report.kind) == ("refused", kind)
    assert fix in report.error

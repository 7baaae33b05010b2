"""One fabric read through several tools has one history: nothing seems to change because another tool looked.

The failures of the samples came after the move, whose exchange they show too.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from unit.importing import ORIGIN
from weft.base.formats import Format
from weft.base.intervals import FOREVER_MS, Interval
from weft.fabric.formats import iblinkinfo, ibnetdiscover, ibnetdiscover_p, opensm_subnet
from weft.fabric.places import UnplacedSweep
from weft.ingest.places import put_in_place
from weft.inventory.rows import TABLES, Row
from weft.inventory.sqlite.archive import SqliteArchive
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.fabric import SqliteFabrics
from weft.inventory.sqlite.schema import SCHEMA
from weft.inventory.store import Change, SweepResult

pytestmark = pytest.mark.anyio

BEFORE, MOVED, FAILED = "ft324-1-before", "ft324-2-moved", "ft324-4-failures"
ALWAYS = Interval(0, FOREVER_MS)
MINUTE = 60_000

TOOLS: dict[str, Format] = {
    "ibnetdiscover.txt": ibnetdiscover.FORMAT,
    "ibnetdiscover-p.txt": ibnetdiscover_p.FORMAT,
    "iblinkinfo.txt": iblinkinfo.FORMAT,
    "iblinkinfo-l.txt": iblinkinfo.FORMAT,
    "opensm-subnet.lst": opensm_subnet.FORMAT,
}
WHOLE = tuple(TOOLS)
TOOLS["iblinkinfo-down.txt"] = iblinkinfo.FORMAT


class Fabric:
    """A store, and the samples that go into it."""

    def __init__(self, store: SqliteFabrics, database: Database, data: Path) -> None:
        self.store, self._database, self._data = store, database, data

    async def see(self, folder: str, file: str, minute: int) -> tuple[SweepResult, list[str]]:
        """Read a sample as if it had been taken then."""
        path = self._data / "ib" / folder / file
        aside = path.with_name(f"{file}.stderr")
        origin = replace(ORIGIN, told_ms=minute * MINUTE, stderr=aside.read_text() if aside.exists() else "")
        value = TOOLS[file].parse(path.read_text(), origin).value
        notices: list[str] = []
        sweep, notices = await put_in_place(value, self.store) if isinstance(value, UnplacedSweep) else (value, [])
        return await self.store.apply_sweep(replace(sweep, seen_at_ms=minute * MINUTE)), notices

    async def changes(self, minute: int = 0) -> list[Change]:
        """What changed since then, in a fixed order."""
        found = (await self.store.changes("ib", Interval(minute * MINUTE, FOREVER_MS))).items
        return sorted(found, key=lambda x: (x.at_ms, x.kind, x.text))

    async def known(self) -> dict[str, list[Row]]:
        """The tables of history, without the sweeps themselves."""
        found = {}
        for table in ("node_span", "connection", "link_state", "lid_span", "change", "identity"):
            summed = [at for at, column in enumerate(TABLES[table].columns) if column not in TABLES[table].unsummed]
            rows = await SqliteArchive(self._database).rows(table, None, 100_000)
            found[table] = [tuple(row[at] for at in summed) for row in rows]
        return found


@pytest.fixture
async def fabric(tmp_path: Path, data: Path) -> AsyncIterator[Fabric]:
    async with Database.open(tmp_path / "inventory.db", SCHEMA) as database:
        yield Fabric(SqliteFabrics(database, absent_after=3, quarantine_share=0.1), database, data)


@pytest.fixture
async def other(tmp_path: Path, data: Path) -> AsyncIterator[Fabric]:
    async with Database.open(tmp_path / "other.db", SCHEMA) as database:
        yield Fabric(SqliteFabrics(database, absent_after=3, quarantine_share=0.1), database, data)


async def test_another_tool_changes_nothing(fabric: Fabric) -> None:
    await fabric.see(BEFORE, "ibnetdiscover.txt", 1)
    before = await fabric.known()
    for minute, file in enumerate([*WHOLE, "ibnetdiscover.txt"], 2):
        result, notices = await fabric.see(BEFORE, file, minute)
        assert (result.quarantined, result.changes, notices) == (None, 0, [])
        assert await fabric.known() == before
    view = await fabric.store.fabric("ib", 9 * MINUTE)
    assert (len(view.guids), len(view.cables), view.up.all(), view.unsure.any()) == (351, 648, True, False)


@pytest.mark.parametrize("file", ["iblinkinfo.txt", "ibnetdiscover-p.txt"])
async def test_a_move_that_another_tool_shows_is_the_one_exchange(fabric: Fabric, other: Fabric, file: str) -> None:
    await fabric.see(BEFORE, "ibnetdiscover.txt", 1)
    await other.see(BEFORE, "ibnetdiscover.txt", 1)
    _, notices = await fabric.see(MOVED, file, 5)
    await other.see(MOVED, "ibnetdiscover.txt", 5)
    assert notices == []
    assert [change.kind for change in await fabric.changes()] == ["ends_exchanged"]
    assert await fabric.known() == await other.known()


@pytest.mark.parametrize("file", ["iblinkinfo.txt", "ibnetdiscover-p.txt"])
async def test_failures_are_the_same_by_another_tool(fabric: Fabric, other: Fabric, file: str) -> None:
    """The new HCA of node010 is known by its node GUID from a later sweep; these two tools tell its port's only."""
    for one in (fabric, other):
        await one.see(BEFORE, "ibnetdiscover.txt", 1)
        await one.see(FAILED, "ibnetdiscover.txt", 9)
    result, notices = await fabric.see(FAILED, file, 5)
    await other.see(FAILED, "ibnetdiscover.txt", 5)
    assert (result.quarantined, notices) == (None, [])
    assert await fabric.changes() == await other.changes()
    assert [change.kind for change in await fabric.changes()] == [
        "ends_exchanged", "hca_replaced", "link_changed", "node_gone", "node_gone", "node_silent",
    ]  # fmt: skip
    # How many ports the new HCA has these tools do not tell (0), and a span keeps what it began with.
    known, expected = await fabric.known(), await other.known()
    new = [row for row in expected["node_span"] if row[1] == "506b4b0300ff0090"]
    assert [row[5] for row in new] == [1]
    expected["node_span"] = [(*row[:5], 0, *row[6:]) if row in new else row for row in expected["node_span"]]
    assert known == expected


async def test_an_hca_that_nobody_knows_is_neither_guessed_nor_is_the_old_one_called_gone(fabric: Fabric) -> None:
    await fabric.see(BEFORE, "ibnetdiscover.txt", 1)
    _, notices = await fabric.see(FAILED, "iblinkinfo.txt", 5)
    assert notices == [
        "1 node that Weft has not met is left out, and what hangs there is unknown, not gone: "
        "node010 mlx5_0 (0x506b4b0300ff0091) port 1. Import the output of `ibnetdiscover` of this fabric, of whatever "
        "day, and then this file again."
    ]
    changes = await fabric.changes()
    assert [(change.kind, change.text.split(" ")[0]) for change in changes] == [
        ("ends_exchanged", "Cables"), ("link_changed", "leaf01/8"), ("node_gone", "node018"), ("node_gone", "spine09"),
        ("node_silent", "node010"), ("node_silent", "node011"),
    ]  # fmt: skip
    guids = {node.guid for node in await fabric.store.nodes("ib", ALWAYS)}
    assert guids & {"506b4b0300ff0090", "506b4b0300ff0091"} == set()


async def test_ports_stated_as_down_close_their_links_and_nothing_else_is_touched(fabric: Fabric) -> None:
    await fabric.see(BEFORE, "ibnetdiscover.txt", 1)
    await fabric.see(FAILED, "iblinkinfo-down.txt", 5)
    changes = await fabric.changes()
    assert {change.kind for change in changes} == {"link_down"}
    assert len(changes) == 2 * 18 + 1  # spine09's cables and node018's
    view = await fabric.store.fabric("ib", 6 * MINUTE)
    assert (len(view.guids), int((~view.up).sum()), int(view.unsure.sum())) == (351, 37, 0)

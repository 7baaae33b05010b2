"""`weft copy`: all that one engine holds, in the other one and back, equal; and resumed where it was stopped."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.services.neo4j import Server

from engines import empty, settings_of
from log_engines import LogSite
from weft.app import Inventory, open_engines, open_inventory
from weft.base.config import Inventory as InventorySettings
from weft.base.config import Metrics, Settings, Site
from weft.base.errors import BadRequest, ServiceError, Unavailable
from weft.ingest.copying import Bookmark, Copied, copy_inventory, copy_logs
from weft.inventory.rows import TABLES, Archive, Row
from weft.inventory.store import Correction, Note
from weft.logs.store import LogStore
from weft.logs.tantivy import TantivyLogs

pytestmark = pytest.mark.anyio

DATA = Path(__file__).parents[1] / "data"
FOLDERS = ("ib/ft324-1-before", "ib/ft324-2-moved", "ib/ft324-4-failures", "slurm/64-busy", "slurm/64-after")
PLAN = "from,port,to,port\nleaf01,1,node001,1\n"
SEEN_MS = 1_795_400_000_000


def settings_for(folder: Path, server: Server | None = None) -> Settings:
    """A site on SQLite, or on a Neo4j."""
    plain = Settings(data=folder, site=Site(timezone="UTC"), metrics=Metrics(retention="1h:2d"))
    if server is None:
        return plain
    return plain.model_copy(update={"inventory": InventorySettings(engine="neo4j"), "neo4j": settings_of(server)})


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """One loop for the module, as `site` is made once."""
    return "asyncio"


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with something in every table."""
    folder = tmp_path_factory.mktemp("site")
    async with open_engines(settings_for(folder), owner=True, clock=lambda: SEEN_MS) as engines:
        assert engines.importer is not None
        await engines.importer.import_paths([DATA / name for name in FOLDERS], seen_at_ms=SEEN_MS)
        stores = engines.site
        (span,) = await stores.fabrics.fabrics()
        view = await stores.fabrics.fabric(span.name, span.last_ms)
        await stores.fabrics.correct(Correction(span.name, span.last_ms, "retired", "ops", guid=view.guids[0]))
        await stores.ledger.add_notes([Note(SEEN_MS, "note", "info", 'a "quoted"\nnote ü', ("node001",))])
    return folder


@asynccontextmanager
async def both(site: Path, server: Server) -> AsyncIterator[tuple[Inventory, Inventory]]:
    """The site's inventory, and an empty graph."""
    empty(server)
    async with open_inventory(settings_for(site)) as here, open_inventory(settings_for(site, server)) as there:
        yield here, there


def ignored(what: str, count: int) -> None:
    """Progress that nobody looks at."""


async def test_an_inventory_is_the_same_in_neo4j_and_back(site: Path, neo4j_server: Server, tmp_path: Path) -> None:
    async with both(site, neo4j_server) as (here, there):
        wanted = await here.ledger.checksums()
        copied = await copy_inventory(here, there, Bookmark(tmp_path / "there"), ignored)
        assert dict(copied.checksums) == dict(wanted) == dict(await there.ledger.checksums())
        filled = {name for name, count in copied.rows.items() if count}
        assert set(TABLES) - filled <= {"wiring", "anchor", "module_span", "identity", "unconfirmed"}
        async with open_inventory(settings_for(tmp_path / "again")) as back:
            again = await copy_inventory(there, back, Bookmark(tmp_path / "back"), ignored)
            assert again == copied
            assert dict(await back.ledger.checksums()) == dict(wanted)
            await _answers_alike(here, there)
            await _answers_alike(here, back)
    assert not (tmp_path / "there").exists(), "a copy that is done leaves no bookmark"


async def _answers_alike(one: Inventory, other: Inventory) -> None:
    """What is copied is not only kept but answered from, and goes on as the original would."""
    (span,) = await one.fabrics.fabrics()
    assert await other.fabrics.fabrics() == (span,)
    for at_ms in (span.first_ms, span.last_ms):
        mine, theirs = await one.fabrics.fabric(span.name, at_ms), await other.fabrics.fabric(span.name, at_ms)
        assert theirs.guids == mine.guids
        assert theirs.cables == mine.cables
        assert theirs.up.tolist() == mine.up.tolist()


class Breaks:
    """An archive that is away after some writes."""

    def __init__(self, archive: Archive, after: int) -> None:
        self._archive, self._left = archive, after

    async def rows(self, table: str, after: Row | None, limit: int) -> tuple[Row, ...]:
        """As the archive has it."""
        return await self._archive.rows(table, after, limit)

    async def put_rows(self, table: str, rows: Sequence[Row]) -> None:
        """As the archive does, until it is away."""
        if not self._left:
            raise Unavailable("Neo4j is away.", fix="Start it.")
        self._left -= 1
        await self._archive.put_rows(table, tuple(rows))


@pytest.mark.parametrize("after", [0, 1, 4, 9])
async def test_a_copy_that_was_stopped_goes_on_where_it_was(site: Path, tmp_path: Path, after: int) -> None:
    async with open_inventory(settings_for(site)) as here, open_inventory(settings_for(tmp_path / "new")) as there:
        broken = Inventory(there.fabrics, there.jobs, there.ledger, Breaks(there.archive, after))
        with pytest.raises(Unavailable):
            await copy_inventory(here, broken, Bookmark(tmp_path / "mark"), ignored)
        mark = Bookmark(tmp_path / "mark")
        assert mark.begun
        copied = await copy_inventory(here, there, mark, ignored)
        assert dict(copied.checksums) == dict(await here.ledger.checksums())
        # Counts are of all rows, also of those that came with the first try.
        assert copied.rows["sweep"] == (await here.ledger.stats())["sweep"]
        assert sum(copied.rows.values()) == sum([len(await _all(here.archive, name)) for name in TABLES])


async def _all(archive: Archive, table: str) -> tuple[Row, ...]:
    return await archive.rows(table, None, 1_000_000)


async def test_nothing_is_merged_into_what_is_there(site: Path, tmp_path: Path) -> None:
    async with open_inventory(settings_for(site)) as here, open_inventory(settings_for(tmp_path / "new")) as there:
        await there.ledger.add_notes([Note(SEEN_MS, "note", "info", "mine")])
        with pytest.raises(BadRequest, match="already holds something"):
            await copy_inventory(here, there, Bookmark(tmp_path / "mark"), ignored)
        assert not Bookmark(tmp_path / "mark").begun


async def test_a_difference_at_the_end_is_said(site: Path, tmp_path: Path) -> None:
    async with open_inventory(settings_for(site)) as here, open_inventory(settings_for(tmp_path / "new")) as there:

        class Adds(Breaks):
            async def put_rows(self, table: str, rows: Sequence[Row]) -> None:
                await super().put_rows(table, rows)
                await there.ledger.add_notes([Note(SEEN_MS, "note", "info", "somebody else's")])

        other = Inventory(there.fabrics, there.jobs, there.ledger, Adds(there.archive, 1_000))
        with pytest.raises(ServiceError, match="note differ"):
            await copy_inventory(here, other, Bookmark(tmp_path / "mark"), ignored)


async def test_log_lines_are_the_same_in_elasticsearch_and_back(
    site: Path, elasticsearch_server: object, log_site: LogSite, tmp_path: Path
) -> None:
    async with TantivyLogs.open(site / "logs") as here, log_site.open() as there:
        copied = await copy_logs(here, there, Bookmark(tmp_path / "there"), ignored)
        assert copied.rows["log lines"] == (await here.stats())["lines"] > 20
        async with TantivyLogs.open(tmp_path / "back") as back:
            assert await copy_logs(there, back, Bookmark(tmp_path / "back.json"), ignored) == copied
        with pytest.raises(BadRequest, match="already holds something"):
            await copy_logs(here, there, Bookmark(tmp_path / "once more"), ignored)


async def test_lines_that_were_copied_are_not_copied_twice(site: Path, tmp_path: Path) -> None:
    async with TantivyLogs.open(site / "logs") as here, TantivyLogs.open(tmp_path / "new") as there:
        copied = await _stopped_and_resumed(here, there, tmp_path / "mark")
        assert copied.rows["log lines"] == (await here.stats())["lines"] == (await there.stats())["lines"]


async def _stopped_and_resumed(here: LogStore, there: LogStore, mark: Path) -> Copied:
    class Stop(Exception):
        """Ctrl-C."""

    def stop(what: str, count: int) -> None:
        raise Stop

    with pytest.raises(Stop):
        await copy_logs(here, there, Bookmark(mark), stop)
    return await copy_logs(here, there, Bookmark(mark), ignored)

"""Which engines an application stands on."""

import asyncio
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from tests.services.process import free_port

from unit.trees import two_levels
from weft.answers import tags
from weft.app import open_engines, open_inventory
from weft.base.access import LOCAL
from weft.base.config import Carbon, Inventory, Neo4j, Settings
from weft.base.errors import BadSettings, Unavailable
from weft.metrics.fresh import FreshStore
from weft.metrics.series import Window
from weft.metrics.tree import WhisperStore

pytestmark = pytest.mark.anyio


async def test_an_engine_whose_driver_is_not_installed_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("archive", "graph"):
        monkeypatch.delitem(sys.modules, f"weft.inventory.neo4j.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "neo4j", None)
    with pytest.raises(BadSettings, match=r"inventory\.engine is 'neo4j'.*pip install 'weft\[neo4j\]'"):
        async with open_inventory(Settings(data=tmp_path, inventory=Inventory(engine="neo4j"))):
            pass


async def test_the_embedded_inventory_needs_no_other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "neo4j", None)
    async with open_inventory(Settings(data=tmp_path)) as inventory:
        assert await inventory.fabrics.fabrics() == ()
    assert (tmp_path / "inventory.db").exists()


async def test_a_server_of_the_inventory_makes_requests_late_and_the_embedded_one_does_not(tmp_path: Path) -> None:
    async with open_engines(Settings(data=tmp_path / "one"), owner=False) as engines:
        assert engines.site.patience_s is None
    away = Neo4j(url=f"bolt://127.0.0.1:{free_port()}", timeout_s=1.5)
    settings = Settings(data=tmp_path / "other", inventory=Inventory(engine="neo4j"), neo4j=away)
    async with open_engines(settings, owner=False) as engines:
        assert engines.site.patience_s == 1.5


async def test_what_is_being_made_ends_before_the_engines_close(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    async def endless(what: str) -> NoReturn:
        try:
            await asyncio.Event().wait()
            raise AssertionError
        except asyncio.CancelledError:
            await engines.site.fabrics.version()
            ended.append(what)
            raise

    async with open_engines(Settings(data=tmp_path), owner=True) as engines:
        assert engines.importer is not None
        fabric = two_levels([2, 2])
        await engines.site.fabrics.apply_sweep(fabric.sweep(1000))
        monkeypatch.setattr(engines.answers, "_scene", lambda fabric, at_ms: endless("scene"))
        monkeypatch.setattr(tags, "port_table", lambda answers: endless("table"))
        asking = [
            asyncio.create_task(engines.answers.scene("ib", 2000)),
            asyncio.create_task(engines.series.tagged.tags((), "", Window(0, 1, 1), LOCAL, [].append)),
        ]
        await asyncio.sleep(0.1)
    assert sorted(ended) == ["scene", "table"]
    for told in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(told, Unavailable)


async def test_carbon_is_asked_only_where_the_settings_name_its_caches(tmp_path: Path) -> None:
    async with open_engines(Settings(data=tmp_path / "one"), owner=True) as engines:
        assert type(engines.site.metrics) is WhisperStore
    carbon = Carbon(caches=("127.0.0.1:7002:a",), write="line://127.0.0.1:2003")
    async with open_engines(Settings(data=tmp_path / "other", carbon=carbon), owner=True) as engines:
        assert type(engines.site.metrics) is FreshStore
    for wrong in (Carbon(caches=("7002",)), Carbon(caches=("127.0.0.1:7002",), write="tcp://127.0.0.1:2003")):
        with pytest.raises(BadSettings, match=r"Setting 'carbon\."):
            async with open_engines(Settings(data=tmp_path / "wrong", carbon=wrong), owner=True):
                pass

"""Which engines an application stands on."""

import sys
from pathlib import Path

import pytest

from weft.app import open_engines, open_inventory
from weft.base.config import Carbon, Inventory, Settings
from weft.base.errors import BadSettings
from weft.metrics.fresh import FreshStore
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

"""Which engines an application stands on."""

import sys
from pathlib import Path

import pytest

from weft.app import open_inventory
from weft.base.config import Inventory, Settings
from weft.base.errors import BadSettings

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

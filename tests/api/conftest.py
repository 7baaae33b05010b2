"""The site of `site.py`, filled once; every test opens it as a reader."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from api import site
from weft.api.engines import Engines
from weft.app import create_app, open_engines


@pytest.fixture(scope="session")
def site_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder, filled."""
    folder = tmp_path_factory.mktemp("site")
    asyncio.run(site.fill(folder))
    return folder


@pytest.fixture
async def engines(site_folder: Path) -> AsyncIterator[Engines]:
    """The site's engines, as a reader has them."""
    async with open_engines(site.settings_in(site_folder), owner=False, clock=site.now_ms) as opened:
        yield opened


@pytest.fixture
async def client(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    """A client on this machine: an operator, unless it names a user in X-Grafana-User."""
    transport = httpx.ASGITransport(create_app(engines.settings, engines), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8077") as opened:
        yield opened

"""The site of `site.py`, filled once on each set of engines; every test opens it as a reader, and expects the same."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.services import elasticsearch, neo4j

import engines as real_engines
import log_engines
from api import site
from weft.api.engines import Engines
from weft.app import create_app, open_engines
from weft.base.config import Settings

INDEX = "api-site"
"""What indices of the site's log lines are called; nobody else's begin so."""


@pytest.fixture(scope="session")
def embedded_site(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The site on SQLite and tantivy, filled."""
    settings = site.settings_in(tmp_path_factory.mktemp("site"))
    asyncio.run(site.fill(settings))
    return settings


@pytest.fixture(scope="session")
def real_site(
    neo4j_server: neo4j.Server, elasticsearch_server: elasticsearch.Server, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """The site on Neo4j and Elasticsearch, filled by the same import. Tests of other folders empty the graph again."""
    real_engines.empty(neo4j_server)
    settings = site.settings_on(
        tmp_path_factory.mktemp("real-site"),
        real_engines.settings_of(neo4j_server),
        log_engines.settings_of(elasticsearch_server, INDEX),
    )
    asyncio.run(site.fill(settings))
    return settings


@pytest.fixture(params=["embedded", "real"])
def site_settings(request: pytest.FixtureRequest) -> Settings:
    """The site's settings on each set of engines."""
    settings: Settings = request.getfixturevalue(f"{request.param}_site")
    return settings


@pytest.fixture
async def engines(site_settings: Settings) -> AsyncIterator[Engines]:
    """The site's engines, as a reader has them."""
    async with open_engines(site_settings, owner=False, clock=site.now_ms) as opened:
        yield opened


@pytest.fixture
async def client(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    """A client on this machine: an operator, unless it names a user in X-Grafana-User."""
    transport = httpx.ASGITransport(create_app(engines.settings, engines), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8077") as opened:
        yield opened

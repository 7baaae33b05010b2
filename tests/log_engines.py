"""The log engines as tests open them: tantivy in a folder, Elasticsearch under a name of its own on one server."""

import itertools
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from elasticsearch import Elasticsearch as Client
from tests.services import elasticsearch

from weft.base.config import Elasticsearch
from weft.logs.elasticsearch import ElasticsearchLogs
from weft.logs.store import LogStore
from weft.logs.tantivy import TantivyLogs

ENGINES = ["tantivy", "elasticsearch"]


@pytest.fixture(scope="session")
def elasticsearch_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[elasticsearch.Server]:
    """The session's Elasticsearch. Who kills it starts it again."""
    with elasticsearch.serving(tmp_path_factory.mktemp("elasticsearch")) as server:
        yield server


def settings_of(server: elasticsearch.Server, index: str, **more: Any) -> Elasticsearch:
    """How to reach a server; readers wait long, because other tests load the machine too."""
    return Elasticsearch(**{"url": server.url, "index": index, "timeout_s": 30.0, **more})


@pytest.fixture
def elasticsearch_alone(tmp_path: Path) -> Iterator[elasticsearch.Server]:
    """A server of the test's own, to be killed."""
    with elasticsearch.serving(tmp_path / "elasticsearch") as server:
        yield server


class LogSite:
    """Where an engine keeps a test's lines: nothing at first, and what was kept there when it is opened again."""

    def __init__(self, engine: str, folder: Path, server: elasticsearch.Server | None = None) -> None:
        self.engine, self.server = engine, server
        self._folder, self._name = folder, f"t{uuid.uuid4().hex[:12]}"
        self._places = itertools.count()
        self.begin_anew()

    def begin_anew(self) -> None:
        """Go on at another place, where nothing is kept."""
        self._place = next(self._places)

    @property
    def index(self) -> str:
        """What its indices are called."""
        return f"{self._name}-{self._place}"

    @property
    def told(self) -> tuple[str, str, str]:
        """Where it is, for another process: folder, URL ("" of a folder alone), index."""
        return str(self._folder / str(self._place)), self.server.url if self.server else "", self.index

    @asynccontextmanager
    async def open(self) -> AsyncIterator[LogStore]:
        """The engine's store."""
        if self.server is None:
            async with TantivyLogs.open(self._folder / str(self._place)) as embedded:
                yield embedded
        else:
            async with ElasticsearchLogs.open(settings_of(self.server, self.index)) as real:
                yield real

    def settle(self) -> None:
        """Wait until a server has ended what a writer that is dead had sent: it shows a part of it meanwhile."""
        if self.server is None:
            return
        time.sleep(0.2)  # until it has begun
        while httpx.get(f"{self.server.url}/_tasks", params={"actions": "indices:data/write/*"}).json()["nodes"]:
            time.sleep(0.05)

    def clear(self) -> None:
        """Take away what a test has left on a server."""
        if self.server is not None:
            with Client(self.server.url) as client:
                ours = list(client.indices.get(index=f"{self._name}-*"))
                for n in range(0, len(ours), 50):
                    client.indices.delete(index=ours[n : n + 50])
                client.options(ignore_status=404).indices.delete_index_template(name=f"{self._name}-*")


@pytest.fixture(params=ENGINES)
def log_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LogSite]:
    """A place on each engine."""
    server = request.getfixturevalue("elasticsearch_server") if request.param == "elasticsearch" else None
    site = LogSite(request.param, tmp_path / "logs", server)
    yield site
    site.clear()


@pytest.fixture
async def logs(log_site: LogSite) -> AsyncIterator[LogStore]:
    """An empty store of each engine."""
    async with log_site.open() as store:
        yield store

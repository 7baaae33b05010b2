"""A site on real engines, for processes: the settings that name the servers, and a look into what they hold."""

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
from elasticsearch import Elasticsearch as Client
from pydantic import SecretStr
from tests.services import elasticsearch, neo4j

import engines
from e2e.served import ENVIRONMENT
from weft.app import open_engines
from weft.base.config import Elasticsearch, Inventory, Logs, Metrics, Neo4j, Settings, Site
from weft.base.intervals import Interval
from weft.logs.store import LogQuery

EVER = Interval(0, 4_000_000_000_000)
PAGE = 5000


class Held(NamedTuple):
    """What a site's engines hold: checksums by table, and the ids of its log lines."""

    checksums: Mapping[str, str]
    lines: tuple[str, ...]


class Real:
    """An empty graph, and log lines under a name of their own, on servers that may be killed and started again."""

    def __init__(self, graph: neo4j.Server, cluster: elasticsearch.Server) -> None:
        self.graph, self.cluster = graph, cluster
        self.index = f"e2e-{uuid.uuid4().hex[:12]}"
        engines.empty(graph)

    def environment(self, **more: str) -> dict[str, str]:
        """For a process of ours on them."""
        return {
            **ENVIRONMENT,
            "WEFT_INVENTORY__ENGINE": "neo4j",
            "WEFT_NEO4J__URL": self.graph.url,
            "WEFT_NEO4J__PASSWORD": self.graph.password,
            "WEFT_LOGS__ENGINE": "elasticsearch",
            "WEFT_ELASTICSEARCH__URL": self.cluster.url,
            "WEFT_ELASTICSEARCH__INDEX": self.index,
            **more,
        }

    def settings(self, data: Path) -> Settings:
        """The same for this process, which waits long, because other tests load the machine too."""
        password = SecretStr(self.graph.password)
        return embedded(data).model_copy(
            update={
                "inventory": Inventory(engine="neo4j"),
                "neo4j": Neo4j(url=self.graph.url, password=password, timeout_s=30.0),
                "logs": Logs(engine="elasticsearch"),
                "elasticsearch": Elasticsearch(url=self.cluster.url, index=self.index, timeout_s=30.0),
            }
        )

    def clear(self) -> None:
        """Take away the log lines; the graph is emptied by who needs it empty."""
        with Client(self.cluster.url, request_timeout=30) as client:
            for index in client.indices.get(index=f"{self.index}-*", ignore_unavailable=True):
                client.indices.delete(index=index)


@contextmanager
def real_engines(graph: neo4j.Server, cluster: elasticsearch.Server) -> Iterator[Real]:
    """Empty engines until the block ends."""
    real = Real(graph, cluster)
    try:
        yield real
    finally:
        real.clear()


def embedded(data: Path) -> Settings:
    """The settings of these tests on SQLite and tantivy."""
    return Settings(data=data, site=Site(timezone="UTC"), metrics=Metrics(retention="1m:1h"))


def held(settings: Settings) -> Held:
    """What a site's engines hold."""
    return asyncio.run(_held(settings))


async def _held(settings: Settings) -> Held:
    async with open_engines(settings, owner=False) as opened:
        lines: list[str] = []
        cursor: str | None = None
        while True:
            hits = await opened.site.logs.search(LogQuery(EVER), limit=PAGE, cursor=cursor)
            lines += [line.id for line in hits.lines]
            cursor = hits.cursor
            if cursor is None:
                return Held(dict(await opened.site.ledger.checksums()), tuple(sorted(lines)))


def rows(url: str, path: str) -> list[dict[str, object]]:
    """Rows of a table of the native API; none while it answers with an error."""
    answer = httpx.get(f"{url}/api/v1{path}", timeout=10)
    found: list[dict[str, object]] = answer.json()["rows"] if answer.status_code == 200 else []
    return found

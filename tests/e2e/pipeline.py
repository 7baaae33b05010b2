"""Where lines end up, told alike: a real `weft serve`, and documents that rsyslog itself wrote into Elasticsearch."""

import json
import os
import sys
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from elasticsearch import ApiError, TransportError, helpers
from elasticsearch import Elasticsearch as Client
from tests.services import elasticsearch, process

from weft.base.intervals import ms_of

WEFT = Path(sys.executable).parent / "weft"

DIRECT = "syslog-*"
"""Indices of what rsyslog ships straight into Elasticsearch."""


class Said(NamedTuple):
    """What a line says, whichever way it came."""

    at_ms: int
    host: str
    program: str
    severity: str
    message: str
    source: str
    fields: tuple[tuple[str, Any], ...]


class Store(Protocol):
    """Where lines end up."""

    def count(self, query: str) -> int:
        """How many match a query in Lucene's language. Raises OSError: it does not answer."""

    def lines(self, query: str) -> list[Said]:
        """Those that match, in any order."""


class Weft(process.Service):
    """A `weft serve` on a folder, which may be killed and started again."""

    def __init__(self, folder: Path, **environment: str) -> None:
        folder.mkdir()
        self._folder, self._port = folder, process.free_port()
        self._environment = os.environ | environment
        self.url = f"http://127.0.0.1:{self._port}"
        self._process = self._start()

    def _start(self) -> process.Process:
        command = [str(WEFT), "serve", "--data", str(self._folder / "data"), "--port", str(self._port)]
        return process.started(
            command, self._folder / "weft.out", lambda _: bool(self._get("/readyz")), environment=self._environment
        )

    def _get(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as exc:
            raise OSError(f"{path}: {exc.code} {exc.read().decode()}") from exc

    def count(self, query: str) -> int:
        """See Store."""
        return int(self._get(f"/api/v1/logs/histogram?query={query}&step=8640000")["total"])

    def lines(self, query: str) -> list[Said]:
        """See Store."""
        found: list[Said] = []
        path = f"/api/v1/logs/search?query={query}&limit=5000"
        told = self._get(path)
        while True:
            found += [_said_of_row(row) for row in told["rows"]]
            if told["cursor"] is None:
                return found
            told = self._get(f"{path}&cursor={told['cursor']}")


class Direct:
    """Documents that rsyslog itself wrote into Elasticsearch."""

    def __init__(self, server: elasticsearch.Server) -> None:
        self._client = Client(server.url, request_timeout=30)

    def count(self, query: str) -> int:
        """See Store."""
        try:
            self._client.indices.refresh(index=DIRECT)
            return int(self._client.count(index=DIRECT, q=query)["count"])
        except (ApiError, TransportError) as exc:
            raise OSError("Elasticsearch does not answer") from exc

    def lines(self, query: str) -> list[Said]:
        """See Store."""
        self._client.indices.refresh(index=DIRECT)
        asked = {"query": {"query_string": {"query": query}}}
        return [_said_of_document(hit["_source"]) for hit in helpers.scan(self._client, query=asked, index=DIRECT)]

    def close(self) -> None:
        """Take them away again."""
        for index in self._client.indices.get(index=DIRECT, ignore_unavailable=True):
            self._client.indices.delete(index=index)
        self._client.close()


def _said_of_row(row: dict[str, Any]) -> Said:
    text = [row[name] or "" for name in ("host", "program", "severity", "message", "source")]
    return Said(row["time"], *text, tuple(sorted(row["fields"].items())))


def _said_of_document(document: dict[str, Any]) -> Said:
    text = [document.get(name, "") for name in ("host", "program", "severity", "message", "source")]
    fields = tuple(sorted(document["fields"].items()))
    return Said(ms_of(datetime.fromisoformat(document["@timestamp"])), *text, fields)

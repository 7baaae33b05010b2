"""Two servers with a data folder each, on one Neo4j and one Elasticsearch: what one takes in, both soon answer."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.services import elasticsearch, neo4j

from e2e.real import real_engines, rows
from e2e.served import Served, until
from weft.base.spool import Entry, Spool
from weft.ingest.files import Handed, handed
from weft.ingest.spooling import file_entry, lines_entry
from weft.logs.store import LogLine

SEEN_S = 2.0
"""The second server answers with a change so long after the first one at the latest."""
AGAIN_S = 0.05
NIGHT_MS = 1_795_386_000_000


class Pair:
    """The server that takes in, and the one that only answers."""

    def __init__(self, first: Served, second: Served, data: Path) -> None:
        self.first, self.second, self._spool = first, second, Spool(data / "spool", 1 << 30)

    def lag(self, entry: Entry, path: str, changed: Callable[[list[dict[str, Any]]], bool]) -> float:
        """Hand something to the first; seconds from its first answer with it until the second's."""
        assert not changed(rows(self.second.url, path)), "the second has looked before"
        asyncio.run(self._spool.append([entry]))
        until(f"{path} of the first", lambda: changed(rows(self.first.url, path)))
        began = time.monotonic()
        while not changed(rows(self.second.url, path)):
            assert time.monotonic() - began < SEEN_S, path
            time.sleep(AGAIN_S)
        return time.monotonic() - began


@pytest.fixture
def pair(neo4j_server: neo4j.Server, elasticsearch_server: elasticsearch.Server, tmp_path: Path) -> Iterator[Pair]:
    with real_engines(neo4j_server, elasticsearch_server) as real:
        first = Served(tmp_path / "first", environment=real.environment())
        try:
            second = Served(tmp_path / "second", environment=real.environment())
            try:
                yield Pair(first, second, tmp_path / "first")
            finally:
                second.stop()
        finally:
            first.stop()


def sweep(data_folder: Path, name: str) -> Entry:
    return file_entry(handed(data_folder / "ib" / f"ft324-{name}" / "ibnetdiscover.txt"), None)


def jobs(*names: str) -> Entry:
    text = "JobID|State|Start|NodeList\n" + "".join(f"{name}|RUNNING|{NIGHT_MS // 1000}|node001\n" for name in names)
    return file_entry(Handed(Path("sacct"), text.encode(), NIGHT_MS, ""), NIGHT_MS)


def said(number: int) -> Entry:
    return lines_entry("x", [LogLine(f"id-{number}", NIGHT_MS + number, "n1", "test", "info", f"word{number}", "test")])


def test_the_second_server_sees_what_the_first_takes_in_within_two_seconds(pair: Pair, data_folder: Path) -> None:
    switches, moved = "/switches?at=2100-01-01", "/fabric/changes?from=2000-01-01&to=2100-01-01&kind=ends_exchanged"
    listed, lines = "/jobs?from=2000-01-01&to=2100-01-01", "/logs/search?from=2000-01-01&to=2100-01-01&query="
    lags = {
        "the first fabric": pair.lag(sweep(data_folder, "1-before"), switches, lambda found: len(found) == 27),
        "the first job": pair.lag(jobs("1"), listed, lambda found: len(found) == 1),
        "the first line": pair.lag(said(1), f"{lines}word1", lambda found: len(found) == 1),
        "a change of the fabric": pair.lag(sweep(data_folder, "2-moved"), moved, lambda found: len(found) > 0),
        "another job": pair.lag(jobs("1", "2"), listed, lambda found: len(found) == 2),
        "another line": pair.lag(said(2), f"{lines}word2", lambda found: len(found) == 1),
    }
    print({what: f"{seconds:.2f} s" for what, seconds in lags.items()})
    assert max(lags.values()) < SEEN_S

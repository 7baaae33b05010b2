"""One tree, and one graphite-web and one graphite-api on it, a session."""

import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.differential import shapes
from tests.services import graphite_api, graphite_web

from weft.metrics.evaluate import Engine
from weft.metrics.tree import WhisperStore


@dataclass(frozen=True, slots=True)
class Judge:
    """A graphite-web: where it answers, the tree that it reads, and the time that everything is asked at."""

    url: str
    tree: Path
    now_s: int


@pytest.fixture(scope="session")
def graphiteweb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """The real graphite-web on the tree of shapes."""
    tree = tmp_path_factory.mktemp("shapes")
    # Where minutes and hours begin must not change from run to run: ten minutes and 25 s past an hour.
    now_s = int(time.time()) // 3600 * 3600 - 3600 + 625
    shapes.write(tree, now_s)
    with graphite_web.serving(tree) as server:
        # carbon tells graphite-web every name that it stores.
        names = urllib.parse.urlencode([("path", name) for name in (*shapes.SHAPES, *shapes.TAGGED)])
        with urllib.request.urlopen(f"{server.url}/tags/tagMultiSeries", names.encode()) as answer:
            answer.read()
        yield Judge(server.url, tree, now_s)


@dataclass(frozen=True, slots=True)
class SecondJudge:
    """A graphite-api on the same tree, and the functions that it has."""

    url: str
    functions: frozenset[str]


@pytest.fixture(scope="session")
def graphiteapi(graphiteweb: Judge) -> Iterator[SecondJudge]:
    """The real graphite-api; it takes for now what the other is asked at."""
    with graphite_api.serving(graphiteweb.tree, graphiteweb.now_s) as server:
        yield SecondJudge(server.url, graphite_api.functions())


@pytest.fixture
async def engine(graphiteweb: Judge) -> AsyncIterator[Engine]:
    """Weft on the same tree."""
    async with WhisperStore(graphiteweb.tree, 3600) as store:
        yield Engine(store)

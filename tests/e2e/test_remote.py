"""A site whose series lie on another Graphite: names are resolved here and fetched there, for graphite-web and Weft."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import whisper
from tests.services import graphite_web

from api import site
from e2e.served import Served
from weft.app import create_app, open_engines
from weft.base.config import Graphite, Settings
from weft.metrics.tags import stored_as

pytestmark = pytest.mark.anyio

TAGGED = "cpu;host=h1;site=north"
TARGETS = [
    "demo.*.load",
    "switch.leaf01.*.PortXmitData",
    "sumSeries(switch.*.*.PortXmitData)",
    "perSecond(switch.leaf01.1.*)",
    "job.4711.hosts.*.load",
    "aliasByNode(job.*.hosts.*.load, 1, 3)",
    "movingAverage(demo.node001.load, '5min')",
    "seriesByTag('name=demo.node001.load')",
    "seriesByTag('site=~n.*')",
    TAGGED,
    "nothing.here",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The site with its own tree."""
    settings = site.settings_in(tmp_path_factory.mktemp("whole"))
    asyncio.run(site.fill(settings))
    path = settings.data / "whisper" / f"{stored_as(TAGGED)[0].replace('.', '/')}.wsp"
    path.parent.mkdir(parents=True)
    whisper.create(str(path), [(60, 10080)])
    whisper.update_many(str(path), [(site.FROM_S + 600, 1.5), (site.FROM_S + 660, 2.5)], now=site.NOW_S)
    return settings


@pytest.fixture(scope="module")
def expected(whole: Settings) -> list[Any]:
    """What the site answers with its own tree."""
    return asyncio.run(asked(whole))


@pytest.fixture(scope="module", params=["weft", "graphiteweb"])
def url(request: pytest.FixtureRequest, whole: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where another server answers with the site's series, and knows nothing else of it."""
    folder = tmp_path_factory.mktemp("there")
    shutil.copytree(whole.data / "whisper", folder / "whisper")
    if request.param == "weft":
        with Served(folder) as served:
            yield f"{served.url}/graphite"
        return
    with graphite_web.serving(folder / "whisper") as server:
        # carbon tells graphite-web every name that it stores.
        httpx.post(f"{server.url}/tags/tagMultiSeries", data={"path": [*site.POINTS, TAGGED]}).raise_for_status()
        yield server.url


async def asked(settings: Settings) -> list[Any]:
    """What a site answers to every target and search, with what it says to be missing."""
    answers: list[Any] = []
    async with open_engines(settings, owner=False, clock=site.now_ms) as engines:
        transport = httpx.ASGITransport(create_app(settings, engines), client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for target in TARGETS:
                form = {"target": target, "from": str(site.FROM_S), "until": str(site.FROM_S + 3600), "format": "json"}
                answer = await client.post("/graphite/render", data={**form, "maxDataPoints": "30"})
                answers.append((target, answer.status_code, site.strict(answer), answer.headers.get("x-weft-notice")))
            for query in ("*", "demo.*", "switch.leaf01.*", "job.4711.hosts.*.*", "fabric.**"):
                answers.append(
                    (query, site.strict(await client.get("/graphite/metrics/find", params={"query": query})))
                )
            answers.append(site.strict(await client.get("/graphite/metrics/index.json")))
            status = site.strict(await client.get("/api/v1/status"))
            answers.append([gap for gap in status["missing"] if "Graphite" in gap["what"]])
    return answers


async def test_a_site_whose_series_lie_elsewhere_answers_as_with_its_own_tree(
    whole: Settings, expected: list[Any], url: str, tmp_path: Path
) -> None:
    shutil.copytree(whole.data, tmp_path / "here", ignore=shutil.ignore_patterns("whisper"))
    here = whole.model_copy(update={"data": tmp_path / "here", "graphite": Graphite(urls=(url,))})
    answers = await asked(here)
    assert answers == expected
    found = {target: len(series) for target, status, series, _ in answers[: len(TARGETS)]}
    assert all(found[target] for target in TARGETS[:-1]), found


async def test_a_server_that_is_away_is_named_in_the_notice_and_on_the_status_page(
    whole: Settings, expected: list[Any], tmp_path: Path
) -> None:
    shutil.copytree(whole.data, tmp_path / "here")
    away = whole.model_copy(
        update={"data": tmp_path / "here", "graphite": Graphite(urls=("http://me:secret@127.0.0.1:9",))}
    )
    answers = await asked(away)
    assert [answer[:3] for answer in answers[: len(TARGETS)]] == [answer[:3] for answer in expected[: len(TARGETS)]]
    assert answers[0][3] == "Graphite at 127.0.0.1:9 cannot be reached; its series are missing here."
    [gap] = answers[-1]
    assert gap["what"].startswith("Graphite at 127.0.0.1:9 cannot be reached, since 20")
    assert "secret" not in str(answers)

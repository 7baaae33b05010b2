"""What `/functions` tells editors of each function, against a real graphite-web 1.1.10."""

import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.differential.conftest import Judge

from weft.app import create_app, open_engines
from weft.base.config import Settings, Site

pytestmark = pytest.mark.anyio

OWN = ("description", "module")
"""Members in our own words."""
DEFAULT_1 = {"default": 1}
"""highest and lowest take 1 where nothing is given; graphite-web tells that in `function` alone."""
NAMED_AS_TOLD = {
    "aggregateWithWildcards(seriesList, func, *positions)": "aggregateWithWildcards(seriesList, func, *position)",
    "legendValue(seriesList, *valueTypes)": "legendValue(seriesList, *valuesTypes)",
    "powSeries(*seriesLists)": "powSeries(*seriesList)",
    "stacked(seriesLists, stackName='__DEFAULT__')": "stacked(seriesList, stack=None)",
    "timeShift(seriesList, timeShift, resetEnd=True, alignDST=False)": (
        "timeShift(seriesList, timeShift, resetEnd=True, alignDst=False)"
    ),
}
"""Where graphite-web's `function` names parameters in another way than its `params` do, ours names them as `params`."""


@pytest.fixture
async def weft(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(data=tmp_path, site=Site(timezone="UTC"))
    async with open_engines(settings, owner=True) as engines:
        transport = httpx.ASGITransport(create_app(settings, engines))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


def theirs(url: str) -> tuple[str, Any]:
    """graphite-web's answer as text, and as JSON."""
    with urllib.request.urlopen(url, timeout=60) as told:
        text = told.read().decode()
        return text, json.loads(text)


def compared(told: dict[str, Any]) -> dict[str, Any]:
    """A function without what is told in our own words, parameters by name."""
    return {key: value for key, value in told.items() if key not in OWN}


def expected(told: dict[str, Any]) -> dict[str, Any]:
    """What we tell where graphite-web tells this: the same but for what stands above."""
    params = [
        param | DEFAULT_1 if (told["name"], param["name"]) in {("highest", "n"), ("lowest", "n")} else param
        for param in told["params"]
    ]
    return compared(told) | {"params": params, "function": NAMED_AS_TOLD.get(told["function"], told["function"])}


@pytest.mark.parametrize("query", ["", "?type=pie", "?group=Combine", "?type=nothing", "?group=Nothing"])
async def test_every_function_is_told_as_graphite_web_tells_it(
    query: str, weft: httpx.AsyncClient, graphiteweb: Judge
) -> None:
    _, wanted = theirs(f"{graphiteweb.url}/functions{query}")
    ours = (await weft.get(f"/graphite/functions{query}")).json()
    assert ours.keys() == wanted.keys()
    differ = {name: (compared(ours[name]), expected(told)) for name, told in wanted.items()}
    assert {name: pair for name, pair in differ.items() if pair[0] != pair[1]} == {}
    assert all(told["description"] and told["module"] for told in ours.values())


@pytest.mark.parametrize("query", ["grouped=1", "grouped=true&type=pie", "grouped=1&group=Transform"])
async def test_groups_hold_what_they_hold_in_graphite_web(
    query: str, weft: httpx.AsyncClient, graphiteweb: Judge
) -> None:
    _, wanted = theirs(f"{graphiteweb.url}/functions?{query}")
    ours = (await weft.get(f"/graphite/functions?{query}")).json()
    assert {group: sorted(own) for group, own in ours.items()} == {group: sorted(own) for group, own in wanted.items()}


async def test_one_function_is_told_by_its_name(weft: httpx.AsyncClient, graphiteweb: Judge) -> None:
    for path in ("sumSeries", "movingMedian?pretty=1", "average?type=pie"):
        _, wanted = theirs(f"{graphiteweb.url}/functions/{path}")
        assert compared((await weft.get(f"/graphite/functions/{path}")).json()) == expected(wanted)
    for path in ("sumSerie", "pieAverage?type=pie", "sumSeries?type=pie"):
        answer = await weft.get(f"/graphite/functions/{path}")
        assert (answer.status_code, answer.text.count("\n")) == (404, 0)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            theirs(f"{graphiteweb.url}/functions/{path}")


@pytest.mark.parametrize("query", ["", "?pretty=1"])
async def test_an_infinite_default_is_a_number_that_grafana_reads(
    query: str, weft: httpx.AsyncClient, graphiteweb: Judge
) -> None:
    text, _ = theirs(f"{graphiteweb.url}/functions{query}")
    ours = (await weft.get(f"/graphite/functions{query}")).text
    assert ours.count("1e9999") == text.count("1e9999") > 0
    assert "nfinity" not in "".join(line for line in ours.splitlines() if '"default"' in line)

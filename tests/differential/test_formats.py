"""Formats of /render against a real graphite-web 1.1.10: the same bytes where both can write them."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.differential.conftest import Judge
from tests.differential.shapes import WINDOW_S

from weft.app import create_app, open_engines
from weft.base.config import Metrics, Settings, Site

pytestmark = pytest.mark.anyio

PAGE = {"referer": "http://127.0.0.1:3000/d/fabric"}


@pytest.fixture
async def weft(graphiteweb: Judge, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Weft on the same tree, at the same time."""
    settings = Settings(data=tmp_path, site=Site(timezone="UTC"), metrics=Metrics(path=graphiteweb.tree))
    async with open_engines(settings, owner=True, clock=lambda: graphiteweb.now_s * 1000) as engines:
        transport = httpx.ASGITransport(create_app(settings, engines))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


def theirs(judge: Judge, path: str, form: dict[str, Any]) -> tuple[int, str, bytes]:
    """graphite-web's status, media type and body."""
    body = urllib.parse.urlencode(form, doseq=True).encode()
    try:
        with urllib.request.urlopen(f"{judge.url}{path}", body, timeout=60) as answer:
            return answer.status, answer.headers.get_content_type(), answer.read()
    except urllib.error.HTTPError as exc:
        return exc.code, exc.headers.get_content_type(), exc.read()


async def both(
    weft: httpx.AsyncClient, judge: Judge, form: dict[str, Any], path: str = "/render"
) -> tuple[tuple[int, str, bytes], tuple[int, str, bytes]]:
    """Ours and theirs; asked at the judge's time, about its window unless the form says otherwise."""
    form = {"from": judge.now_s - WINDOW_S, "until": judge.now_s, "now": judge.now_s, **form}
    answer = await weft.post(f"/graphite{path}", data=form, headers=PAGE)
    kind = answer.headers["content-type"].partition(";")[0]
    return (answer.status_code, kind, answer.content), theirs(judge, path, form)


def finite(body: bytes) -> bytes:
    """graphite-web's JSON, its infinities null as they are in ours: what it writes, browsers take for one, Go for an
    error."""
    return body.replace(b"-1e9999", b"null").replace(b"1e9999", b"null")


TARGETS = (
    *("load.*.cpu.*", "gap.*", "count.*", "point.*", "size.*", "step.*", "odd.*", "odd.deep.er.and.deep.er"),
    *("edge.one", "no.such", "sumSeries(load.*.cpu.user)", "aliasByNode(load.*.cpu.system,1)", "scale(gap.middle,0.1)"),
    *("alias(line.up,'a,\"b\" c')", "load.h1.cpu.user|scale(2)|alias('chained')", "summarize(line.up,'5min','sum')"),
    *("consolidateBy(line.up,'max')", "movingMedian(line.wave,5)", "timeShift(line.up,'10min')", "alias(line.up,'ü')"),
    *("movingAverage(load.*.cpu.*,5)", "movingSum(line.wave,30)"),
)


@pytest.mark.parametrize(
    "form", [{"format": "raw"}, {"rawData": "true"}, {"format": "csv"}, {"format": "msgpack"}], ids=str
)
async def test_the_bytes_are_those_of_graphite_web(
    form: dict[str, str], weft: httpx.AsyncClient, graphiteweb: Judge
) -> None:
    for target in TARGETS:
        ours, expected = await both(weft, graphiteweb, {"target": target, **form})
        assert ours == expected, target


@pytest.mark.parametrize("more", [{}, {"noNullPoints": "1"}, {"maxDataPoints": "7"}, {"jsonp": "draw.it"}], ids=str)
async def test_pretty_json_has_the_bytes_of_graphite_web(
    more: dict[str, str], weft: httpx.AsyncClient, graphiteweb: Judge
) -> None:
    # Without nulls an infinity is left out as well.
    for target in [one for one in TARGETS if one != "edge.one" or "noNullPoints" not in more]:
        ours, expected = await both(weft, graphiteweb, {"target": target, "format": "json", "pretty": "1", **more})
        assert ours[:2] == expected[:2], target
        assert finite(ours[2]) == finite(expected[2]), target


@pytest.mark.parametrize(
    "form",
    [
        {"target": ["load.h1.cpu.user", "load.h2.cpu.user"], "format": "raw"},
        {"target[]": ["load.h1.cpu.user", "line.*"], "format": "raw"},
        {"target": "load.*.cpu.*", "format": "csv", "maxDataPoints": 5},
        {"target": "load.*.cpu.*", "format": "msgpack", "maxDataPoints": 5, "xFilesFactor": "0.25"},
        {"target": "template(load.$host.cpu.$what,host='h1')", "template[what]": "user", "format": "raw"},
        {"target": "template(load.$host.cpu.user,host='h1')", "template[host]": "h2", "format": "raw"},
        {"target": "step.rolled", "format": "csv", "tz": "Europe/Berlin"},
        {"target": "step.rolled", "format": "csv", "tz": "Australia/Lord_Howe"},
        {"target": "line.up", "format": "raw", "cacheTimeout": "60", "noCache": "1"},
        {"target": "line.up", "format": "raw", "from": "-10min", "until": "-5min"},
        {"target": "line.up", "format": "raw", "from": "-5min", "until": "-10min"},
        {"target": "line.up", "format": "raw", "from": "now-1h", "until": "now"},
        {"target": "line.up", "format": "raw", "from": "midnight", "until": "now", "tz": "Asia/Kolkata"},
        {"target": ["load.h1.cpu.user", "no.such", "line.up"], "format": "msgpack"},
        {"target": "no.such", "format": "json"},
    ],
    ids=str,
)
async def test_other_parameters_give_the_bytes_of_graphite_web(
    form: dict[str, Any], weft: httpx.AsyncClient, graphiteweb: Judge
) -> None:
    ours, expected = await both(weft, graphiteweb, form)
    assert ours == expected
    assert ours[0] == 200


@pytest.mark.parametrize("moment", [datetime(2026, 10, 25, 1, 5, tzinfo=UTC), datetime(2026, 3, 29, 1, 5, tzinfo=UTC)])
async def test_csv_shows_the_clock_as_it_changes(moment: datetime, weft: httpx.AsyncClient, graphiteweb: Judge) -> None:
    at_s = int(moment.timestamp())
    form = {"target": "constantLine(1.5)", "format": "csv", "tz": "Europe/Berlin", "from": at_s - 600, "until": at_s}
    ours, expected = await both(weft, graphiteweb, form | {"now": at_s})
    shown = [line.split(",")[1:] for line in ours[2].decode().splitlines()]
    assert shown == [line.split(",")[1:] for line in expected[2].decode().splitlines()]
    assert len(shown) == 3


async def test_compact_json_says_the_same(weft: httpx.AsyncClient, graphiteweb: Judge) -> None:
    for target in TARGETS:
        ours, expected = await both(weft, graphiteweb, {"target": target, "format": "json"})
        assert ours[:2] == expected[:2], target
        assert json.loads(ours[2]) == json.loads(finite(expected[2])), target


@pytest.mark.parametrize(
    "form", [{"from": "xyz"}, {"from": "-5min", "until": "-5min"}, {"xFilesFactor": "much"}], ids=str
)
async def test_what_graphite_web_refuses_is_refused(
    form: dict[str, str], weft: httpx.AsyncClient, graphiteweb: Judge
) -> None:
    ours, expected = await both(weft, graphiteweb, {"target": "line.up", "format": "json", **form})
    assert (ours[0], expected[0]) == (400, 400)
    assert ours[2].count(b"\n") == 0

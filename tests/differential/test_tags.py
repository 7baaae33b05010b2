"""Tags of stored series against a real graphite-web 1.1.10: what there is, what suits, and what changes it."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import whisper
from tests.differential.shapes import TAGGED
from tests.services import graphite_web

from weft.app import create_app, open_engines
from weft.base.config import Metrics, Settings, Site
from weft.metrics.evaluate import Engine
from weft.metrics.tags import stored_as

pytestmark = pytest.mark.anyio

NAMES = (
    *TAGGED,
    *(
        "plain.series",
        "plain.other",
        "disk.used;host=h1;mount=/var/log",
        "disk.used;host=H1;mount=/",
        "a;b=-c",
    ),
    *(
        "odd;unit=B/s;what=50%",
        "odd;unit=B;what=a+b",
        "odd;what=a(b)",
        "odd;what=Grün",
        "odd;what=x=y",
        "odd;two words=x y",
    ),
)
"""Series whose files are there, and that carbon has told graphite-web of."""

EXPRESSIONS: Sequence[Sequence[str]] = (
    ["name=cpu"], ["name=cpu", "host=h1"], ["name=~c"], ["name=~.*"], ["name!="], ["name!=cpu"],
    ["name!=~c.*", "host!="],
    ["host=h1"], ["host=~h[12]"], ["host=~h[12]$"], ["host!=h1", "name!="], ["host!~=h1"], ["host=", "name=mem"],
    ["host=~", "name=mem"], ["host!=~h1", "site=south"], ["host!=~.*", "name=~."], ["host!=~.+", "name=~."],
    ["site=~^north"], ["site=~north|south", "host=~.*1"], ["mount=/var/log"],
    ["what=50%"], ["what=a+b"], ["what=~a\\+b"],
    ["what=a(b)"], ["what=x=y"], ["what=Grün"], ["two words=x y"], ["unit=~B/?s?"], ["port=mlx5.0"],
    ["host=h1", "host=h2"], ["no=such"], ["host=h1;", "name=cpu"], ["="], ["host"], ["host="],
    ["name=plain.series"], ["name=~plain"],
)  # fmt: skip
"""What is asked of tags."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tagged")
    for name in NAMES:
        place = stored_as(name)[0] if ";" in name else name
        path = root / f"{place.replace('.', '/')}.wsp"
        if "/" not in name:  # carbon cannot store these either: graphite-web alone knows them
            path.parent.mkdir(parents=True, exist_ok=True)
            whisper.create(str(path), [(60, 10)])
    return root


@pytest.fixture(scope="module")
def graphiteweb_tagged(tree: Path) -> Iterator[str]:
    """graphite-web on that tree, told of all its series."""
    with graphite_web.serving(tree) as server:
        status, told = theirs(server.url, "POST", "/tags/tagMultiSeries", {"path": NAMES})
        assert (status, len(told)) == (200, len(NAMES))
        yield server.url


@pytest.fixture
async def weft(tree: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(data=tmp_path, site=Site(timezone="UTC"), metrics=Metrics(path=tree))
    async with open_engines(settings, owner=True) as opened:
        # graphite-web knows no inventory.
        engines = replace(opened, series=Engine(opened.site.metrics))
        transport = httpx.ASGITransport(create_app(settings, engines))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            told = await client.post("/graphite/tags/tagMultiSeries", data={"path": list(NAMES)})
            assert told.status_code == 200, told.text
            yield client


def theirs(url: str, method: str, path: str, form: dict[str, Any]) -> tuple[int, Any]:
    """graphite-web's status and JSON; numbers of its database are nobody's business."""
    sent = urllib.parse.urlencode(form, doseq=True)
    asked = f"{url}{urllib.parse.quote(path)}"
    body = sent.encode() if method == "POST" else None
    request = urllib.request.Request(asked if body is not None else f"{asked}?{sent}", body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as told:
            return told.status, without_ids(json.loads(told.read()))
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read().decode(errors="replace")


def without_ids(told: Any) -> Any:
    if isinstance(told, list):
        return [without_ids(one) for one in told]
    if isinstance(told, dict):
        return {name: without_ids(one) for name, one in told.items() if name != "id"}
    return told


async def ours(client: httpx.AsyncClient, method: str, path: str, form: dict[str, Any]) -> tuple[int, Any]:
    sent: dict[str, Any] = {"data": form} if method == "POST" else {"params": form}
    answer = await client.request(method, f"/graphite{urllib.parse.quote(path)}", **sent)
    return answer.status_code, answer.json() if answer.status_code == 200 else answer.text


async def differing(
    weft: httpx.AsyncClient, url: str, asked: Sequence[tuple[str, str, dict[str, Any]]]
) -> dict[str, tuple[Any, Any]]:
    """Where the answers differ, by question. Of an error graphite-web's status counts; what it says does not."""
    found = {}
    for method, path, form in asked:
        mine, expected = await ours(weft, method, path, form), theirs(url, method, path, form)
        if mine[0] != 200 and mine[0] == expected[0]:
            continue
        if mine != expected:
            found[f"{method} {path} {form}"] = (mine, expected)
            print(method, path, form, mine, expected)
    return found


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_series_are_found_by_their_tags_as_in_graphite_web(
    method: str, weft: httpx.AsyncClient, graphiteweb_tagged: str
) -> None:
    asked = [(method, "/tags/findSeries", {"expr": own}) for own in EXPRESSIONS]
    asked += [(method, "/tags/findSeries", {"expr[]": own}) for own in EXPRESSIONS[:3]]
    assert await differing(weft, graphiteweb_tagged, asked) == {}


async def test_what_graphite_web_answers_500_is_answered(weft: httpx.AsyncClient, graphiteweb_tagged: str) -> None:
    """A flag that stands behind the bracket it puts around each pattern, and what is no pattern."""
    for expression, status in (("host=~(?i)H1", 200), ("host=~(", 400)):
        form = {"expr": expression}
        assert theirs(graphiteweb_tagged, "GET", "/tags/findSeries", form)[0] == 500
        mine = await ours(weft, "GET", "/tags/findSeries", form)
        assert mine[0] == status
    assert "'(' is not a regular expression" in mine[1]


async def test_tags_and_their_values_are_listed_as_in_graphite_web(
    weft: httpx.AsyncClient, graphiteweb_tagged: str
) -> None:
    filters: list[dict[str, Any]] = [{}, {"filter": "h"}, {"filter": "^.*st"}, {"filter": ".*t$"}, {"filter": "zz"}]
    filters += [{"limit": "2"}, {"limit": "2", "filter": "."}, {"pretty": "1"}]
    paths = ["/tags", "/tags/", *(f"/tags/{tag}" for tag in ("host", "name", "mount", "two words", "site", "no-such"))]
    assert await differing(weft, graphiteweb_tagged, [("GET", path, form) for path in paths for form in filters]) == {}


async def test_what_suits_is_suggested_as_in_graphite_web(weft: httpx.AsyncClient, graphiteweb_tagged: str) -> None:
    asked: list[tuple[str, str, dict[str, Any]]] = []
    for expressions in ([], *EXPRESSIONS):
        asked += [("GET", "/tags/autoComplete/tags", {"expr": expressions, "tagPrefix": p}) for p in ("", "h")]
        for tag, prefix in (("host", ""), ("name", "c"), ("unit", "B/"), ("no-such", "")):
            asked.append(("GET", "/tags/autoComplete/values", {"expr": expressions, "tag": tag, "valuePrefix": prefix}))
    for limit in ("1", "3"):
        asked += [("POST", "/tags/autoComplete/tags", {"limit": limit, "expr[]": e}) for e in ([], ["name=cpu"])]
        asked += [("POST", "/tags/autoComplete/values", {"limit": limit, "tag": "name", "valuePrefix": "d"})]
    assert (
        await differing(weft, graphiteweb_tagged, [*asked, ("GET", "/tags/autoComplete/values", {"expr": "name=cpu"})])
        == {}
    )


async def test_what_is_wrong_is_a_400_in_both(weft: httpx.AsyncClient, graphiteweb_tagged: str) -> None:
    for path, form in (
        ("/tags/findSeries", {}),
        ("/tags/autoComplete/values", {}),
        ("/tags/findSeries", {"expr": "x"}),
    ):
        assert (await ours(weft, "GET", path, form))[0] == theirs(graphiteweb_tagged, "GET", path, form)[0] == 400
    for path in ("/tags/tagSeries", "/tags/tagMultiSeries", "/tags/delSeries"):
        assert (await ours(weft, "POST", path, {}))[0] == theirs(graphiteweb_tagged, "POST", path, {})[0] == 400
        assert (
            (await ours(weft, "GET", path, {"path": "x"}))[0]
            == theirs(graphiteweb_tagged, "GET", path, {"path": "x"})[0]
            == 405
        )


async def test_a_series_is_registered_and_deleted_as_in_graphite_web(
    weft: httpx.AsyncClient, graphiteweb_tagged: str
) -> None:
    given = [
        ("new.one;z=1;a=2", "new.one;a=2;z=1"),
        ("new.plain", "new.plain"),
        ("~new.tilde;a=1", "new.tilde;a=1"),
        ('new.open{z="1",a="x\\"y"}', 'new.open;a=x"y;z=1'),
        ("new.twice;a=1;a=2", "new.twice;a=2"),
        ("cpu;site=north;host=h1", "cpu;host=h1;site=north"),
    ]
    find = [("GET", "/tags/findSeries", {"expr": e}) for e in ("name=~new", "z=1", "a!=", "host=h1")]
    suggest = [("GET", "/tags/autoComplete/values", {"tag": "name", "valuePrefix": "new"})]
    for path, name in given:
        assert await ours(weft, "POST", "/tags/tagSeries", {"path": path}) == (200, name)
        assert theirs(graphiteweb_tagged, "POST", "/tags/tagSeries", {"path": path}) == (200, name)
    assert await differing(weft, graphiteweb_tagged, [*find, *suggest]) == {}
    assert (await ours(weft, *find[0]))[1] == [name for _, name in sorted(given[:5], key=lambda one: one[1])]

    names = [name for _, name in given]
    deleted = [("POST", "/tags/delSeries", {"path": names}), ("POST", "/tags/delSeries", {"path[]": ["never;seen=1"]})]
    assert await differing(weft, graphiteweb_tagged, deleted) == {}
    assert await differing(weft, graphiteweb_tagged, [*find, *suggest]) == {}
    assert (await ours(weft, *find[0]))[1] == []
    assert "cpu;host=h1;site=north" not in (await ours(weft, *find[3]))[1]  # its file is still there

    again = [("POST", "/tags/tagMultiSeries", {"path[]": names[-1:]})]
    assert await differing(weft, graphiteweb_tagged, [*again, *find]) == {}
    assert "cpu;host=h1;site=north" in (await ours(weft, *find[3]))[1]


@pytest.mark.parametrize(
    "path", ["a;b", "a;b=", ";b=1", "a;=1", "a;b!=1", "a;b^c=1", "a;b=~1", "~;a=1", 'a{b="1"c="2"}']
)
async def test_a_malformed_name_is_refused_by_both(path: str, weft: httpx.AsyncClient, graphiteweb_tagged: str) -> None:
    """graphite-web says 500 for what is the client's mistake."""
    assert theirs(graphiteweb_tagged, "POST", "/tags/tagSeries", {"path": path})[0] == 500
    assert (await ours(weft, "POST", "/tags/tagSeries", {"path": path}))[0] == 400


@pytest.mark.parametrize("path", ["a\nb", "a;b=c\x00", "x" * 5000])
async def test_a_name_that_no_line_could_keep_is_refused(path: str, weft: httpx.AsyncClient) -> None:
    assert (await ours(weft, "POST", "/tags/tagSeries", {"path": path}))[0] == 400

"""Names and patterns against a real graphite-web 1.1.10, on a tree of odd names."""

import json
import random
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import whisper
from tests.services import graphite_web

from weft.app import create_app, open_engines
from weft.base.config import Metrics, Settings, Site
from weft.metrics.evaluate import Engine

pytestmark = pytest.mark.anyio

NODES = (
    *("a", "b", "ab", "a1", "a2", "a10", "A", "B1", "0", "007", "x-y", "x_y", "x y", "a+b", "a~b", "a=b", "a@b", "a:b"),
    *("a#b", "a$b", "a&b", "a'b", 'a"b', "a(b)", "a|b", "a^b", "a,b", "a;b", "a%20b", "%", "[a", "a]", "[a]", "[0-9]"),
    *("{a", "a}", "{a,b}", "a!b", "!a", "-", "_", "a" * 200, "Grün", "日本", "\N{GRINNING FACE}"),
)
"""Names of nodes; no file can be called by a dot or a slash."""
TREE = (
    *NODES,
    *(f"deep.{name}.leaf" for name in NODES if name != "a;b"),
    *(f"deep.er.{name}" for name in ("a", "b", "c1", "c2", "c10")),
    *("x.y.z", "x.y.zz", "x.yy.z", "xx.y.z", "very.deep.down.below.all.else"),
)
"""Series; `a;b` has no branch of its own, as graphite-web looks for a `;` among tagged series alone."""
PATTERNS = (
    *("*", "a", "a*", "a?", "?", "??", "*1", "*a*", "[ab]", "[!a]", "[a-c]*", "a[0-9]", "a[0-9]*", "[0-9]*", "[^a]"),
    *("[]a]", "a[!0-9]", "[a", "a]", "[[]a", "[a]", "[[]*[]]", "[0-9", "[!", "[!]", "[]", "[]]", "a[", "x[-_]y"),
    *("x[ -_]y", "[z-a]", "{a,b}", "{a}", "{a", "a}", "{a,b", "a{1,2}", "a{,1,10}", "{a,x}{-y,1}"),
    *("{a,{b,A}}", "{*1,B?}", "{[ab],0}", "{{a,b}", "{a,b}}", "a,b", "{a,b}*", "x y", "x*y", "a+b", "a%20b", "Gr*"),
    *("日*", "a(b)", "a|b", "a^b", "a$b", "!a", "*!*", "\N{GRINNING FACE}", "a" * 200, "a" * 199 + "?", "*" * 20),
    *("deep.*", "deep.*.leaf", "deep.a*.leaf", "deep.{a,b}.*", "*.*", "*.*.*", "deep.[[]a.leaf", "x.y.z", "?*" * 9),
    *("x.{y,yy}.z*", "{x,xx}.y.z", "x.[xy]*.z", "deep.er.c[12]", "deep.er.c{1,10}", "x.{y.z,yy.z}", "no.such"),
    *("x.y.z.more", "**", "**.z", "x.**", "**.below.**", "very.**.else", "deep.**.a", "x.**.z", "**.**", "a**"),
    *("**a", "x.***", "x.y**.z"),
)
EMPTY_NODES = ("a.", ".a", ".", "..", "x..z", "x.", "*.", ".*", "x..y", "**.", "{}")
"""No series has an empty node. graphite-web takes some for the folder they stand in, and finds `x.` and `.x` there."""


def by_chance() -> list[str]:
    """Three hundred patterns more, the same in every run."""
    chance = random.Random("weft")
    pieces = ["a", "b", "1", "0", "x", "y", "z", ".", "*", "?", "[", "]", "[a-c]", "[!a]", "{", "}", ",", "{a,b}", "-"]
    made = ("".join(chance.choices(pieces, k=chance.randint(1, 7))) for _ in range(300))
    return [pattern for pattern in made if all(pattern.split("."))]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("odd")
    for name in TREE:
        path = root / f"{name.replace('.', '/')}.wsp"
        path.parent.mkdir(parents=True, exist_ok=True)
        whisper.create(str(path), [(60, 10)])
    return root


@pytest.fixture(scope="module")
def graphiteweb_odd(tree: Path) -> Iterator[str]:
    """graphite-web on that tree."""
    with graphite_web.serving(tree) as server:
        yield server.url


@pytest.fixture
async def weft(tree: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(data=tmp_path, site=Site(timezone="UTC"), metrics=Metrics(path=tree))
    async with open_engines(settings, owner=True) as opened:
        # graphite-web knows no job and no switch.
        engines = replace(opened, series=Engine(opened.site.metrics))
        transport = httpx.ASGITransport(create_app(settings, engines))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


def theirs(url: str, form: dict[str, Any]) -> Any:
    """graphite-web's answer."""
    with urllib.request.urlopen(url, urllib.parse.urlencode(form, doseq=True).encode(), timeout=60) as told:
        return json.loads(told.read())


async def both(weft: httpx.AsyncClient, url: str, path: str, form: dict[str, Any]) -> tuple[Any, Any]:
    """Our answer and graphite-web's, as JSON."""
    expected = theirs(f"{url}{path}", form)
    answer = await weft.post(f"/graphite{path}", data=form)
    assert answer.status_code == 200, answer.text
    return answer.json(), expected


@pytest.mark.parametrize("leaves_only", ["0", "1"])
async def test_every_pattern_matches_what_it_matches_in_graphite_web(
    leaves_only: str, weft: httpx.AsyncClient, graphiteweb_odd: str
) -> None:
    asked = list(dict.fromkeys((*PATTERNS, *by_chance())))
    form = {"query": asked, "groupByExpr": "1", "leavesOnly": leaves_only}
    ours, expected = await both(weft, graphiteweb_odd, "/metrics/expand", form)
    differ = {one: (ours["results"][one], expected["results"][one]) for one in asked}
    assert {pattern: pair for pattern, pair in differ.items() if pair[0] != pair[1]} == {}


async def test_a_pattern_with_an_empty_node_finds_nothing(weft: httpx.AsyncClient) -> None:
    for pattern in EMPTY_NODES:
        assert (await weft.get("/graphite/metrics/expand", params={"query": pattern})).json() == {"results": []}


@pytest.mark.parametrize("leaves_only", ["0", "1"])
async def test_several_patterns_expand_as_one_list(
    leaves_only: str, weft: httpx.AsyncClient, graphiteweb_odd: str
) -> None:
    form = {"query": ["deep.er.*", "x.*", "x.y*", "x.y"], "leavesOnly": leaves_only}
    ours, expected = await both(weft, graphiteweb_odd, "/metrics/expand", form)
    assert ours == expected


@pytest.mark.parametrize("more", [{}, {"leavesOnly": "1"}, {"wildcards": "1"}], ids=str)
async def test_the_tree_is_told_as_graphite_web_tells_it(
    more: dict[str, str], weft: httpx.AsyncClient, graphiteweb_odd: str
) -> None:
    for query in ("*", "x.*", "deep.er.*", "deep.*.*", "deep.*.leaf", "x.y.z", "no.such", "{x,xx}.*", "ve*"):
        ours, expected = await both(weft, graphiteweb_odd, "/metrics/find", {"query": query, **more})
        for node in expected:
            # graphite-web takes a name for part of a URL and decodes it there, so that none has a `+` or a `%20`.
            node["text"] = node["id"].rpartition(".")[2]
        assert ours == expected, query


@pytest.mark.parametrize("more", [{}, {"wildcards": "1"}, {"automatic_variants": "1"}], ids=str)
async def test_the_completer_is_answered_as_by_graphite_web(
    more: dict[str, str], weft: httpx.AsyncClient, graphiteweb_odd: str
) -> None:
    for query in ("*", "x", "x.", "x.y", "deep.er.c", "x..", "x..z", "ver", "deep.a,b", "x.y,yy", "no"):
        ours, expected = await both(
            weft, graphiteweb_odd, "/metrics/find", {"query": query, "format": "completer", **more}
        )
        for told in (ours, expected):
            told["metrics"].sort(key=lambda node: (node["name"], node.get("path", "")))
        assert ours == expected, query


async def test_nodes_for_another_graphite_are_the_same_but_for_their_times(
    weft: httpx.AsyncClient, graphiteweb_odd: str
) -> None:
    ours, expected = await both(weft, graphiteweb_odd, "/metrics/find", {"query": "x.y.*", "format": "json"})
    assert [node | {"intervals": 0} for node in ours] == [node | {"intervals": 0} for node in expected]
    for mine, theirs in zip(ours, expected, strict=True):
        assert mine["intervals"][0]["start"] <= theirs["intervals"][0]["start"]


async def test_the_index_lists_every_series(weft: httpx.AsyncClient, graphiteweb_odd: str) -> None:
    ours, expected = await both(weft, graphiteweb_odd, "/metrics/index.json", {})
    assert ours == expected == sorted(TREE)

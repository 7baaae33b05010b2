"""Every call of stock Grafana's Graphite data source, as it is sent, and read as its two clients read the answer.

The browser takes `application/json` for JSON and nothing else, and finds its query by the last word of a target. The
server decodes into Go's types: a switch that is `true`, a time with a point or a missing list fails the whole call.
"""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from api.site import DATA, FROM_S, points, recorded, send, strict

pytestmark = pytest.mark.anyio

LOAD1 = {FROM_S + 600: 1.0, FROM_S + 660: 2.0, FROM_S + 2400: 9.0}
LOAD2 = {FROM_S + 600: 5.0}


def whole(value: object) -> bool:
    """A number that Go decodes into an int."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_series(told: Any) -> None:
    """Go: []{Target string; DataPoints [][2]null.Float; Tags map[string]any}."""
    for one in told:
        assert isinstance(one["target"], str)
        assert all(isinstance(value, str) for value in one["tags"].values())
        times = [at_s for _, at_s in one["datapoints"]]
        assert all(value is None or isinstance(value, int | float) for value, _ in one["datapoints"])
        assert all(map(whole, times))
        assert times == sorted(times)


def check_nodes(told: Any) -> None:
    """Go: []{Text, Id string; AllowChildren, Expandable, Leaf int}; branches come first, and text is the last node."""
    for one in told:
        assert [type(one[name]) for name in ("text", "id")] == [str, str]
        assert all(whole(one[name]) for name in ("allowChildren", "expandable", "leaf"))
        assert "." not in one["text"]
    assert [one["leaf"] for one in told] == sorted(one["leaf"] for one in told)


def check_events(told: Any) -> None:
    """Go: []{When int64; What, Data string; Tags []string}."""
    for one in told:
        assert whole(one["when"])
        assert [type(one[name]) for name in ("what", "data")] == [str, str]
        assert all(isinstance(tag, str) for tag in one["tags"])


def check_texts(told: Any) -> None:
    """Go: []string."""
    assert isinstance(told, list)
    assert all(isinstance(text, str) for text in told)


def check_expanded(told: Any) -> None:
    """Go: {Results []string}; sorted, each once."""
    check_texts(told["results"])
    assert told["results"] == sorted(set(told["results"]))


def check_functions(told: Any) -> None:
    """By name: function, description, module, group, and params with name and type."""
    assert {"aliasSub", "constantLine", "sumSeries", "seriesByTag"} <= told.keys()
    for name, one in told.items():
        assert one["name"] == name
        assert all(isinstance(one[member], str) for member in ("function", "description", "module", "group"))
        assert all(isinstance(param[member], str) for param in one["params"] for member in ("name", "type"))


def check_version(told: Any) -> None:
    """Go: string; the browser: what semver reads."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", told)


CHECKS: dict[str, Callable[[Any], None]] = {
    "/graphite/render": check_series,
    "/graphite/metrics/find": check_nodes,
    "/graphite/metrics/expand": check_expanded,
    "/graphite/functions": check_functions,
    "/graphite/version": check_version,
    "/graphite/events/get_data": check_events,
    "/graphite/tags/autoComplete/tags": check_texts,
    "/graphite/tags/autoComplete/values": check_texts,
}
WRONG = "graphite-browser-render-wrong"
CALLS = sorted(path.stem for path in (DATA / "grafana").glob("graphite-*.json"))


@pytest.mark.parametrize("name", [name for name in CALLS if name != WRONG])
async def test_each_call_is_answered_so_that_its_client_can_read_it(client: httpx.AsyncClient, name: str) -> None:
    answer = await send(client, name)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    assert answer.history == []
    assert answer.content != b""
    CHECKS[recorded(name)["path"].partition("?")[0]](strict(answer))


def test_every_call_of_the_data_source_is_among_them() -> None:
    asked: dict[str, set[str]] = {}
    for name in CALLS:
        told = recorded(name)
        kind = "browser" if "browser" in told["client"] else "server"
        asked.setdefault(told["path"].partition("?")[0], set()).add(kind)
    assert asked == {path: {"browser", "server"} for path in CHECKS}


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_base_url_with_and_without_a_slash(client: httpx.AsyncClient, slash: str) -> None:
    for name in ("graphite-browser-render", "graphite-browser-find"):
        told = recorded(name)
        path = told["path"].replace("/graphite/", f"/graphite/{slash}").replace("?", f"{slash}?")
        answer = await client.request(told["method"], path, content=told["body"], headers=told["headers"])
        assert (answer.status_code, answer.content) == (200, (await send(client, name)).content)


async def test_a_panel_finds_its_queries_by_the_last_word(client: httpx.AsyncClient) -> None:
    told = strict(await send(client, "graphite-browser-render-options"))
    assert [one["target"] for one in told] == [
        'all, "of" them A',
        "scale(demo.node001.load,2) Query_B",
        'movingAverage(demo.node001.load,"5min") C',
    ]
    both = {FROM_S + 600: 6.0, FROM_S + 660: 2.0, FROM_S + 2400: 9.0}
    assert told[0]["datapoints"] == points(FROM_S, 61, both)
    assert told[1]["datapoints"] == points(FROM_S, 61, {at_s: 2 * value for at_s, value in LOAD1.items()})


async def test_an_alert_rule_gets_all_its_queries_in_one_call(client: httpx.AsyncClient) -> None:
    told = strict(await send(client, "graphite-go10-render"))
    assert [one["target"] for one in told] == ["demo.node001.load A", "averageSeries(demo.*.load) B"]
    mean = {FROM_S + 600: 3.0, FROM_S + 660: 2.0, FROM_S + 2400: 9.0}
    assert [one["datapoints"] for one in told] == [points(FROM_S + 60, 60, known) for known in (LOAD1, mean)]


async def test_an_alert_rule_of_today_is_not_wrapped(client: httpx.AsyncClient) -> None:
    (told,) = strict(await send(client, "graphite-go-render-plain"))
    both = {FROM_S + 600: 6.0, FROM_S + 660: 2.0, FROM_S + 2400: 9.0}
    assert (told["target"], told["datapoints"]) == ("sumSeries(demo.*.load)", points(FROM_S + 60, 60, both))


async def test_the_raw_range_of_older_clients(client: httpx.AsyncClient) -> None:
    (browser,) = strict(await send(client, "graphite-browser-render-raw-range"))
    assert browser["datapoints"] == points(FROM_S + 60, 60, LOAD2)
    (server,) = strict(await send(client, "graphite-go8-render"))
    assert server["datapoints"] == points(FROM_S + 60, 120, LOAD2)


async def test_no_series_is_an_empty_list(client: httpx.AsyncClient) -> None:
    answer = await send(client, "graphite-browser-render-nothing")
    assert (answer.status_code, answer.content) == (200, b"[]")


async def test_a_wrong_target_is_one_line_that_names_the_mistake(client: httpx.AsyncClient) -> None:
    answer = await send(client, WRONG)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert answer.text.startswith("Function 'sumSeriess' is unknown.")
    assert "sumSeries" in answer.text.partition(".")[2]
    assert "\n" not in answer.text


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("graphite-browser-find-roots", ["cable", "demo", "fabric", "host", "job", "switch"]),
        ("graphite-browser-find-typed", ["demo"]),
        ("graphite-browser-find-exact", ["node001"]),
        ("graphite-browser-find-variable", ["load"]),
        ("graphite-browser-find", ["node001", "node002"]),
        ("graphite-go-find", ["node001", "node002"]),
        ("graphite-go12-find-early", ["node001", "node002"]),
    ],
)
async def test_the_editor_and_variables_browse_the_tree(client: httpx.AsyncClient, name: str, texts: list[str]) -> None:
    assert [one["text"] for one in strict(await send(client, name))] == texts


@pytest.mark.parametrize("name", ["graphite-browser-expand", "graphite-go-expand"])
async def test_a_variable_expands_a_pattern(client: httpx.AsyncClient, name: str) -> None:
    assert strict(await send(client, name)) == {"results": ["demo.node001.load", "demo.node002.load"]}


async def test_the_editor_is_never_told_of_an_infinity(client: httpx.AsyncClient) -> None:
    for name in ("graphite-browser-functions", "graphite-go-functions"):
        assert b"Infinity" not in (await send(client, name)).content

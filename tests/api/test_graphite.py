"""/graphite as Grafana's data source sends to it, from the browser and from the server, and as other tools do."""

import json
from typing import Any

import httpx
import pytest

from api.site import FROM_S, NOW_S, points, send, strict

pytestmark = pytest.mark.anyio

LOAD1 = {FROM_S + 600: 1.0, FROM_S + 660: 2.0, FROM_S + 2400: 9.0}
LOAD2 = {FROM_S + 600: 5.0}
NO_FABRIC_YET = "Fabric ib was first seen at 2026-11-22T22:23:15Z: names before are those of that time."
SPAN = {"from": str(FROM_S - 60), "until": str(FROM_S + 3600)}
"""As whisper reads it: the 61 slots from 22:00 to 23:00."""


async def answered(client: httpx.AsyncClient, name: str) -> Any:
    answer = await send(client, name)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    return strict(answer)


async def rendered(client: httpx.AsyncClient, **form: str | list[str]) -> Any:
    answer = await client.post("/graphite/render", data={**SPAN, "format": "json", **form})
    assert answer.status_code == 200, answer.text
    return strict(answer)


# -- render ------------------------------------------------------------------------------------------------------------


async def test_save_and_test_of_both_paths(client: httpx.AsyncClient) -> None:
    (browser,) = await answered(client, "graphite-browser-health")
    (server,) = await answered(client, "graphite-go-health")
    assert (browser["target"], server["target"]) == ("100.0 A", "100.0")
    assert (
        browser["datapoints"]
        == server["datapoints"]
        == [[100.0, FROM_S], [100.0, FROM_S + 1800], [100.0, FROM_S + 3600]]
    )


async def test_the_browser_finds_its_refid_behind_every_name(client: httpx.AsyncClient) -> None:
    answer = await send(client, "graphite-browser-render")
    assert strict(answer) == [
        {
            "target": "demo.node001.load A",
            "tags": {"name": "demo.node001.load"},
            "datapoints": points(FROM_S, 61, LOAD1),
        },
        {
            "target": "switch.leaf01.1.PortXmitData B",
            "tags": {"name": "switch.leaf01.1.PortXmitData", "switch": "leaf01", "port": "1", "what": "PortXmitData"},
            "datapoints": points(FROM_S, 61, {FROM_S + 600: 1000.0, FROM_S + 660: 1600.0}),
        },
    ]
    assert answer.headers["x-weft-notice"] == NO_FABRIC_YET


async def test_the_server_gets_numbers_it_can_decode(client: httpx.AsyncClient) -> None:
    # from= is exclusive: 22:00 itself is left out.
    assert await answered(client, "graphite-go-render") == [
        {
            "target": f"demo.node00{n}.load A",
            "tags": {"name": f"demo.node00{n}.load"},
            "datapoints": points(FROM_S + 60, 60, known),
        }
        for n, known in ((1, LOAD1), (2, LOAD2))
    ]


@pytest.mark.parametrize(
    ("start", "until"),
    [
        (str(FROM_S - 60), str(FROM_S + 3600)),
        ("-7260s", "-1h"),
        ("-121min", "now-60min"),
        ("21:59_20261122", "23:00_20261122"),
        ("21:59_11/22/26", "11pm_yesterday"),
    ],
)
async def test_every_form_of_time_means_the_same(client: httpx.AsyncClient, start: str, until: str) -> None:
    query = {"target": "demo.node002.load", "from": start, "until": until}
    answer = await client.get("/graphite/render", params=query)
    assert strict(answer)[0]["datapoints"] == points(FROM_S, 61, LOAD2), answer.text


async def test_dates_are_read_in_the_asked_zone(client: httpx.AsyncClient) -> None:
    query = {"target": "demo.node002.load", "from": "22:59_20261122", "until": "00:00_20261123", "tz": "Europe/Berlin"}
    answer = await client.get("/graphite/render", params=query)
    assert strict(answer)[0]["datapoints"] == points(FROM_S, 61, LOAD2)


async def test_a_get_and_a_path_with_a_slash_answer_the_same(client: httpx.AsyncClient) -> None:
    query = {"target": ["demo.node001.load", "demo.node002.load"], **SPAN}
    posted = await rendered(client, target=["demo.node001.load", "demo.node002.load"])
    for path in ("/graphite/render", "/graphite/render/", "/graphite//render"):
        answer = await client.get(path, params=query)
        assert (answer.history, strict(answer)) == ([], posted)


async def test_points_without_a_number_can_be_left_out(client: httpx.AsyncClient) -> None:
    kept = await rendered(client, target="demo.*.load", noNullPoints="1")
    assert [one["datapoints"] for one in kept] == [
        [[1.0, FROM_S + 600], [2.0, FROM_S + 660], [9.0, FROM_S + 2400]],
        [[5.0, FROM_S + 600]],
    ]


SCRIPTS = {
    "render": ({"target": "demo.nothing"}, "[]"),
    "metrics/find": ({"query": "demo.no*"}, '[{"text":"node001",'),
    "metrics/expand": ({"query": "demo.*.load"}, '{"results":["demo.node001.load",'),
    "metrics/index.json": ({}, '["demo.node001.load","demo.node002.load",'),
    "events/get_data": ({"from": "-1min"}, "[]"),
    "functions": ({}, '{"absolute":'),
}


@pytest.mark.parametrize("path", SCRIPTS)
@pytest.mark.parametrize(
    "headers",
    [
        {"referer": "http://127.0.0.1:3000/d/fabric"},
        {"origin": "http://localhost:3000", "referer": "https://elsewhere.example/"},
        {"referer": "http://[::1]:3000/"},
    ],
    ids=str,
)
async def test_a_page_of_this_host_may_run_an_answer_as_its_script(
    client: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    query, begin = SCRIPTS[path]
    answer = await client.get(f"/graphite/{path}", params={**query, "jsonp": "cb.f"}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/javascript")
    assert answer.text.startswith(f"cb.f({begin}")
    assert answer.text.endswith(")")


@pytest.mark.parametrize("path", SCRIPTS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"referer": "https://elsewhere.example/127.0.0.1"},
        {"referer": "http://127.0.0.1.elsewhere.example/"},
        {"origin": "null", "referer": "http://127.0.0.1:3000/"},
        {"origin": "https://elsewhere.example", "referer": "http://127.0.0.1:3000/"},
        {"referer": "http://["},
        {"referer": "about:blank"},
    ],
    ids=str,
)
async def test_no_answer_can_be_run_as_a_script_of_another_page(
    client: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    answer = await client.get(f"/graphite/{path}", params={**SCRIPTS[path][0], "jsonp": "cb"}, headers=headers)
    assert (answer.status_code, answer.headers["x-content-type-options"]) == (403, "nosniff")
    assert answer.text.startswith("jsonp is only for pages of this host,")


@pytest.mark.parametrize("name", ["alert(1)//", "a b", "a;b", "<b>", "1a", "a" * 101, "é"])
async def test_a_callback_is_the_name_of_a_function(client: httpx.AsyncClient, name: str) -> None:
    query = {"target": "demo.nothing", "jsonp": name}
    answer = await client.get("/graphite/render", params=query, headers={"referer": "http://127.0.0.1/"})
    assert (answer.status_code, answer.text.partition("=")[0]) == (400, "jsonp")


async def test_formats_for_other_tools(client: httpx.AsyncClient) -> None:
    query = {"target": "demo.node002.load", "from": str(FROM_S + 540), "until": str(FROM_S + 660), "maxDataPoints": "1"}
    bodies = {}
    for kind, media in (
        ("raw", "text/plain; charset=utf-8"),
        ("csv", "text/csv; charset=utf-8"),
        ("msgpack", "application/x-msgpack"),
    ):
        answer = await client.get("/graphite/render", params={**query, "format": kind})
        assert (answer.status_code, answer.headers["content-type"]) == (200, media)
        bodies[kind] = answer.content
    assert bodies["raw"] == f"demo.node002.load,{FROM_S + 600},{FROM_S + 720},60|5.0,None\n".encode()
    assert bodies["csv"] == (b"demo.node002.load,2026-11-22 22:10:00,5.0\r\ndemo.node002.load,2026-11-22 22:11:00,\r\n")
    assert bodies["msgpack"].startswith(b"\x91\x89\xa4name\xb1demo.node002.load\xa5start\xce")
    assert (await client.get("/graphite/render", params={**query, "rawData": "1"})).content == bodies["raw"]


async def test_an_empty_answer_in_every_format(client: httpx.AsyncClient) -> None:
    for kind, body in (("json", b"[]"), ("raw", b""), ("csv", b""), ("msgpack", b"\x90")):
        answer = await client.get("/graphite/render", params={"target": "demo.nothing", "format": kind})
        assert (answer.status_code, answer.content) == (200, body)
        assert answer.headers["x-weft-notice"] == "No series matches these targets in this time."


async def test_the_wrong_way_round_a_time_is_turned(client: httpx.AsyncClient) -> None:
    query = {"target": "demo.node002.load", "from": SPAN["until"], "until": SPAN["from"]}
    answer = await client.get("/graphite/render", params=query)
    assert strict(answer)[0]["datapoints"] == points(FROM_S, 61, LOAD2)


async def test_a_template_takes_its_values_from_the_request(client: httpx.AsyncClient) -> None:
    target = "template(demo.$host.load,host='node001')"
    told = await rendered(client, target=target, **{"template[host]": "node002", "template[]": "y", "template[x": "z"})
    assert [(one["target"], one["datapoints"]) for one in told] == [("demo.node002.load", points(FROM_S, 61, LOAD2))]


async def test_for_people_json_is_indented(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphite/metrics/expand", params={"query": "demo.*", "pretty": "1"})
    assert answer.text == '{\n  "results": [\n    "demo.node001",\n    "demo.node002"\n  ]\n}'
    query = {"target": "demo.node002.load", "from": str(FROM_S + 540), "until": str(FROM_S + 600), "pretty": "1"}
    answer = await client.get("/graphite/render", params=query)
    assert answer.text.startswith('[\n  {\n    "target": "demo.node002.load",\n    "tags": {\n      "name":')


async def test_no_series_is_an_empty_list_with_the_reason_in_a_header(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphite/render", params={"target": "demo.nothing", **SPAN})
    assert (answer.status_code, strict(answer)) == (200, [])
    assert answer.headers["x-weft-notice"] == "No series matches these targets in this time."


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({}, "No target. Give target="),
        ({"target": ""}, "No target. Give target="),
        ({"target": "sum(demo.*.load"}, ""),
        ({"target": "summ(demo.*.load)"}, "Function 'summ' is unknown."),
        (
            {"target": "demo.*.load", "format": "png"},
            "format=png does not exist here. Use format=json, csv, raw, msgpack;",
        ),
        (
            {"target": "demo.*.load", "format": "svg"},
            "format=svg does not exist here. Use format=json, csv, raw, msgpack;",
        ),
        ({"target": "demo.*.load", "format": "pdf"}, "format=pdf does not exist here."),
        ({"target": "demo.*.load", "format": "pickle"}, "format=pickle does not exist here."),
        ({"target": "demo.*.load", "graphType": "pie"}, "graphType=pie does not exist here."),
        ({"target": "demo.*.load", "from": "-1parsec"}, "'-1parsec' is not a time."),
        ({"target": "demo.*.load", "from": "-1h", "until": "-1h"}, "from and until are the same time."),
        ({"target": "demo.*.load", "now": "-1parsec"}, "'-1parsec' is not a time."),
        ({"target": "demo.*.load", "from": "1795384800000"}, "'1795384800000' lies beyond the year 9999"),
        ({"target": "demo.*.load", "tz": "Mars/Olympus"}, "tz=Mars/Olympus is not a time zone."),
        ({"target": "demo.*.load", "tz": "../../etc/passwd"}, "tz=../../etc/passwd is not a time zone."),
        ({"target": "demo.*.load", "maxDataPoints": "many"}, "maxDataPoints=many is not a number of something."),
        ({"target": "demo.*.load", "xFilesFactor": "7"}, "xFilesFactor=7 is not a share."),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_cannot_be_understood_is_one_line_of_text(
    client: httpx.AsyncClient, method: str, form: dict[str, str], message: str
) -> None:
    where = {"params": form} if method == "GET" else {"data": form}
    answer = await client.request(method, "/graphite/render", **where)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert answer.text.startswith(message)
    assert "\n" not in answer.text
    assert "Traceback" not in answer.text


async def test_a_json_body_is_refused_by_name(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphite/render", json={"target": "demo.*.load"})
    assert (answer.status_code, answer.text) == (
        400,
        "Graphite's calls take no JSON. Send application/x-www-form-urlencoded or a GET.",
    )


# -- find, expand ------------------------------------------------------------------------------------------------------


def node(name: str, above: str, *, leaf: bool) -> dict[str, Any]:
    branch = 0 if leaf else 1
    return {
        "text": name,
        "id": above + name,
        "allowChildren": branch,
        "expandable": branch,
        "leaf": int(leaf),
    }


async def test_the_tree_is_found_however_the_query_travels(client: httpx.AsyncClient) -> None:
    expected = [node("node001", "demo.", leaf=False), node("node002", "demo.", leaf=False)]
    assert await answered(client, "graphite-browser-find") == expected
    assert await answered(client, "graphite-go-find") == expected
    for path in ("/graphite/metrics/find", "/graphite/metrics"):
        assert strict(await client.get(path, params={"query": "demo.*"})) == expected


async def test_switches_are_integers_since_go_refuses_true(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphite/metrics/find", params={"query": "*"})
    assert b"true" not in answer.content
    assert b"false" not in answer.content
    assert [one["text"] for one in strict(answer)] == ["cable", "demo", "fabric", "host", "job", "switch"]


async def test_one_name_below_several_branches_is_one_node(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphite/metrics/find", params={"query": "demo.*.*"})
    assert strict(answer) == [node("load", "demo.*.", leaf=True)]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("demo.node001", ["node001"]),
        ("demo.node009", []),
        ("*mo", ["demo"]),
        ("{demo,switch}", ["demo", "switch"]),
        ("switch.leaf0*", [f"leaf0{n}" for n in range(1, 10)]),
        ("job.*", ["4711", "4712", "4713"]),
    ],
)
async def test_queries_of_the_editor(client: httpx.AsyncClient, query: str, names: list[str]) -> None:
    answer = await client.post(f"/graphite/metrics/find?from={FROM_S}&until={FROM_S + 3600}", content=f"query={query}")
    assert [one["text"] for one in strict(answer)] == names


async def test_the_completer_form(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphite/metrics/find", params={"query": "demo.node002.", "format": "completer"})
    assert strict(answer) == {"metrics": [{"path": "demo.node002.load", "name": "load", "is_leaf": "1"}]}
    answer = await client.get("/graphite/metrics/find", params={"query": "dem", "format": "completer"})
    assert strict(answer) == {"metrics": [{"path": "demo.", "name": "demo", "is_leaf": "0"}]}


async def test_nodes_for_another_graphite_have_all_times_up_to_now(client: httpx.AsyncClient) -> None:
    query = {"query": "demo.node001.*", "format": "json"}
    assert strict(await client.get("/graphite/metrics/find", params=query)) == [
        {"path": "demo.node001.load", "is_leaf": True, "intervals": [{"start": 0, "end": NOW_S}]}
    ]
    answer = await client.get("/graphite/metrics/find", params={**query, "format": "msgpack"})
    assert answer.headers["content-type"] == "application/x-msgpack"
    assert answer.content == (
        b"\x91\x83\xa4path\xb1demo.node001.load\xa7is_leaf\xc3\xa9intervals\x91\x92\x00\xce" + NOW_S.to_bytes(4, "big")
    )


async def test_the_index_lists_stored_series_only(client: httpx.AsyncClient) -> None:
    assert strict(await client.get("/graphite/metrics/index.json")) == [
        "demo.node001.load",
        "demo.node002.load",
        "fabric.7cfe900300a00000.1.PortXmitData",
    ]


async def test_any_time_is_a_time_of_find_alone(client: httpx.AsyncClient) -> None:
    query = {"query": "demo.node001", "target": "demo.*.load", "from": "-1", "until": "-1"}
    answer = await client.get("/graphite/metrics/find", params=query)
    assert [one["text"] for one in strict(answer)] == ["node001"]
    assert (await client.get("/graphite/render", params=query)).status_code == 400


@pytest.mark.parametrize("body", ["", "query="])
async def test_a_missing_query_is_told(client: httpx.AsyncClient, body: str) -> None:
    answer = await client.post("/graphite/metrics/find", content=body)
    assert answer.status_code == 400
    assert answer.text.startswith("No query.")


async def test_paths_are_expanded_once_and_sorted(client: httpx.AsyncClient) -> None:
    assert await answered(client, "graphite-browser-expand") == {"results": ["demo.node001.load", "demo.node002.load"]}
    query = {"query": ["demo.*", "demo.node001.*", "demo.*"], "leavesOnly": "1"}
    assert strict(await client.get("/graphite/metrics/expand", params=query)) == {"results": ["demo.node001.load"]}
    query = {"query": ["demo.*", "demo.node001.*"], "groupByExpr": "1"}
    assert strict(await client.get("/graphite/metrics/expand", params=query)) == {
        "results": {"demo.*": ["demo.node001", "demo.node002"], "demo.node001.*": ["demo.node001.load"]}
    }


# -- functions, version ------------------------------------------------------------------------------------------------


async def test_functions_are_described_as_graphite_web_does(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphite/functions")
    assert b"Infinity" not in answer.content
    told = json.loads(answer.content)
    scale = told["scale"]
    assert (scale["name"], scale["group"]) == ("scale", "Transform")
    assert [one["type"] for one in scale["params"]] == ["seriesList", "float"]
    grouped = json.loads((await client.get("/graphite/functions?grouped=1")).content)
    assert "scale" in grouped["Transform"]


async def test_the_version_is_a_json_string(client: httpx.AsyncClient) -> None:
    answer = await send(client, "graphite-go-version")
    assert (answer.content, answer.headers["content-type"]) == (b'"1.1.10"', "application/json")


async def test_unknown_paths_and_methods_are_one_line_too(client: httpx.AsyncClient) -> None:
    answer = await client.get("/graphite/dashboard/find")
    assert (answer.status_code, answer.text) == (
        404,
        "There is nothing at /graphite/dashboard/find. The page / says what there is.",
    )
    answer = await client.post("/graphite/version")
    assert (answer.status_code, answer.text) == (405, "/graphite/version does not answer POST. Send GET.")


async def test_no_data_without_an_identity_from_another_machine(client: httpx.AsyncClient) -> None:
    app = client._transport.app
    far = httpx.ASGITransport(app, client=("10.0.0.5", 4711))
    async with httpx.AsyncClient(transport=far, base_url="http://weft:8077") as other:
        answer = await other.get("/graphite/render", params={"target": "demo.*.load", **SPAN})
        assert (answer.status_code, answer.headers["content-type"]) == (403, "text/plain; charset=utf-8")
        assert answer.text.startswith("No data without an identity: the header X-Grafana-User is missing.")
        answer = await other.get("/graphite/metrics/find?query=job.*", headers={"x-grafana-user": "alice"})
        assert [one["text"] for one in strict(answer)] == ["4711", "4713"]


def test_the_clock_of_these_tests_is_two_hours_after_the_range_begins() -> None:
    assert NOW_S - FROM_S == 7200

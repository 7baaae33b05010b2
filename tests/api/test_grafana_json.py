"""/json as SimpleJSON 1.4.3 and every simPod send to it: recorded requests, whole answers."""

import json
from typing import Any

import httpx
import pytest

from api.site import FROM_S, NOW_S, points, recorded, send, strict

pytestmark = pytest.mark.anyio

NO_FABRIC_YET = "Fabric ib was first seen at 2026-11-22T22:23:15Z: names before are those of that time."

LOAD = {FROM_S + 600: 1.0, FROM_S + 660: 2.0, FROM_S + 2400: 9.0}
TRAFFIC = {FROM_S + 600: 1000.0, FROM_S + 660: 1600.0}
ALICE_4711 = (FROM_S + 600) * 1000, (FROM_S + 2400) * 1000
ALICE_4713 = (FROM_S + 3000) * 1000
BOB_4712 = (FROM_S + 1200) * 1000, (FROM_S + 1800) * 1000


async def answered(client: httpx.AsyncClient, name: str, **headers: str) -> Any:
    answer = await send(client, name, **headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return strict(answer)


def changed(name: str, **members: Any) -> dict[str, Any]:
    """A recorded body with some members changed."""
    body: dict[str, Any] = recorded(name)["body"]
    return body | members


# -- health, pickers, variables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/json", "/json/"])
async def test_health_is_exactly_200_with_and_without_slash(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, strict(answer)) == (200, {"status": "ok"})


@pytest.mark.parametrize("name", ["simplejson-search", "simpod-0.2.6-search"])
async def test_an_empty_search_lists_tables_then_roots_of_the_tree(client: httpx.AsyncClient, name: str) -> None:
    found = await answered(client, name)
    assert found[:4] == ["jobs", "job", "job_hosts", "job_neighbours"]
    assert found[-6:] == ["cable.*", "demo.*", "fabric.*", "host.*", "job.*", "switch.*"]


async def test_a_search_goes_on_from_what_is_typed(client: httpx.AsyncClient) -> None:
    assert await answered(client, "simplejson-search-typed") == [f"switch.leaf0{n}.*" for n in range(1, 10)]
    answer = await client.post("/json/search", json={"target": "switch.leaf01.1.*"})
    assert strict(answer) == ["switch.leaf01.1.PortXmitData"]


async def test_a_table_in_a_variable_gives_what_its_arguments_leave_open(client: httpx.AsyncClient) -> None:
    assert await answered(client, "simplejson-variable") == ["node001", "node002", "node003"]
    assert await answered(client, "simpod-0.5-variable") == [
        {"__text": host, "__value": host} for host in ("node001", "node002", "node003")
    ]


async def test_a_list_in_a_variable_gives_its_values(client: httpx.AsyncClient) -> None:
    assert await answered(client, "simpod-0.6.5-variable") == [
        {"__text": "alice", "__value": "alice"},
        {"__text": "bob", "__value": "bob"},
    ]


@pytest.mark.parametrize(
    ("payload", "values"),
    [
        ({"target": "jobs user=alice"}, ["4713", "4711"]),
        ({"target": "jobs user=(alice|bob)"}, ["4713", "4712", "4711"]),
        ({"target": "jobs", "user": ["bob"]}, ["4712"]),
        ({"target": "jobs column=name"}, ["post", "md", "cfd"]),
        ({"target": "jobs column=name,job"}, ["post · 4713", "md · 4712", "cfd · 4711"]),
        ({"target": "demo.*"}, ["node001", "node002"]),
        ({"target": "demo.node00*.*"}, ["load"]),
        ({"target": "nothing.*"}, []),
        ("users", ["alice", "bob"]),
    ],
)
async def test_every_form_of_a_variable(client: httpx.AsyncClient, payload: object, values: list[str]) -> None:
    answer = await client.post("/json/variable", json=changed("simpod-0.6.5-variable", payload=payload))
    assert [one["__value"] for one in strict(answer)] == values


async def test_the_builder_is_driven_by_the_catalogue(client: httpx.AsyncClient) -> None:
    metrics = {one["value"]: one for one in await answered(client, "simpod-0.6.0-metrics")}
    assert metrics["job_hosts"] == {
        "value": "job_hosts",
        "label": "job_hosts: Hosts of a job, with how many other runs held each meanwhile.",
        "payloads": [
            {
                "name": "job",
                "label": "job *",
                "type": "select",
                "placeholder": "Job: 4711, 4711_5, 4711+1, cluster:4711.",
            }
        ],
    }
    fields = {one["name"]: one for one in metrics["cables"]["payloads"]}
    assert fields["identity"]["options"] == [
        {"label": "certain", "value": "certain"},
        {"label": "ambiguous", "value": "ambiguous"},
    ]
    assert metrics["graphite"]["payloads"][0]["type"] == "textarea"


async def test_the_builder_keeps_an_expression_that_was_typed(client: httpx.AsyncClient) -> None:
    metrics = await answered(client, "simpod-0.6.0-metrics-custom")
    kept = "switch.leaf01.*.PortXmitData"
    assert metrics[-1] == {"value": kept, "label": kept, "payloads": []}


@pytest.mark.parametrize("path", ["/json/metric-payload-options", "/json/options"])
async def test_a_field_of_the_builder_lists_its_values(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(path, json=recorded("simpod-0.6.0-payload-options")["body"])
    assert strict(answer) == [{"value": job, "label": job} for job in ("4713", "4712", "4711")]
    answer = await client.post(path, json={"metric": "no_table", "payload": {}, "name": "job"})
    assert strict(answer) == []


async def test_tag_keys_answer_a_request_without_any_body(client: httpx.AsyncClient) -> None:
    keys = await answered(client, "simplejson-tag-keys")
    assert {"type": "string", "text": "host"} in keys
    assert [one["text"] for one in keys] == [
        "account", "cable", "cluster", "fabric", "host", "job", "partition", "state", "switch", "user",
    ]  # fmt: skip


async def test_tag_values_of_old_and_new_clients(client: httpx.AsyncClient) -> None:
    assert await answered(client, "simplejson-tag-values") == [{"text": "alice"}, {"text": "bob"}]
    hosts = await answered(client, "simpod-0.6.5-tag-values")
    assert hosts[:2] == [{"text": "node001"}, {"text": "node002"}]
    answer = await client.post("/json/tag-values", json={"key": "shoe size"})
    assert strict(answer) == []


# -- series ------------------------------------------------------------------------------------------------------------


async def test_simplejson_gets_stored_and_virtual_series_by_refid(client: httpx.AsyncClient) -> None:
    assert await answered(client, "simplejson-query-timeserie") == [
        {"target": "demo.node001.load", "refId": "A", "datapoints": points(FROM_S, 61, LOAD, 1000)},
        {
            "target": "switch.leaf01.1.PortXmitData",
            "refId": "B",
            "meta": {"notices": [{"severity": "warning", "text": NO_FABRIC_YET}]},
            "datapoints": points(FROM_S, 61, TRAFFIC, 1000),
        },
    ]


async def test_a_hidden_target_of_simpod_0_5_is_not_answered(client: httpx.AsyncClient) -> None:
    cut = {at_s: value for at_s, value in LOAD.items() if at_s < FROM_S + 2400}  # the job ended at 22:40:00
    assert await answered(client, "simpod-0.5-query") == [
        {"target": "job.4711.hosts.node001.load", "refId": "A", "datapoints": points(FROM_S, 61, cut, 1000)}
    ]


async def test_several_chosen_values_and_a_filter_of_simpod_0_6_5(client: httpx.AsyncClient) -> None:
    assert await answered(client, "simpod-0.6.5-query") == [
        {"target": "demo.node002.load", "refId": "A", "datapoints": points(FROM_S, 61, {FROM_S + 600: 5.0}, 1000)}
    ]


async def test_a_panels_width_is_kept(client: httpx.AsyncClient) -> None:
    answer = await client.post("/json/query", json=changed("simplejson-query-timeserie", maxDataPoints=31))
    first = strict(answer)[0]
    # Two minutes a point, as graphite-web 1.1 makes them (render/views.py): it moves the start by a whole bucket though
    # it is aligned, but drops one value less than that, so the point of 22:10 holds 22:09 and 22:10, the next 22:11.
    known = {FROM_S + 600: 1.0, FROM_S + 720: 2.0, FROM_S + 2400: 9.0}
    assert first["datapoints"] == [[known.get(FROM_S + 120 * i), (FROM_S + 120 * i) * 1000] for i in range(1, 31)]


async def test_series_in_a_table_panel_are_rows_without_gaps(client: httpx.AsyncClient) -> None:
    assert await answered(client, "simplejson-query-series-as-table") == [
        {
            "type": "table",
            "columns": [
                {"text": "time", "type": "time"},
                {"text": "series", "type": "string"},
                {"text": "value", "type": "number"},
            ],
            "rows": [[at_s * 1000, "demo.node001.load", value] for at_s, value in LOAD.items()],
            "refId": "A",
        }
    ]


async def test_an_expression_of_the_builder_is_its_payload(client: httpx.AsyncClient) -> None:
    target = {"refId": "A", "target": "graphite", "payload": {"target": 'alias(demo.node002.load, "(a|b)")'}}
    answer = await client.post("/json/query", json=changed("simpod-0.6.5-query", targets=[target], filters=None))
    assert [one["target"] for one in strict(answer)] == ["(a|b)"]


async def test_a_pattern_that_matches_nothing_is_empty_and_says_so(client: httpx.AsyncClient) -> None:
    target = {"refId": "C", "target": "demo.gpu*.load", "payload": {}}
    answer = await client.post("/json/query", json=changed("simpod-0.6.5-query", targets=[target]))
    text = "No series matches demo.gpu*.load in this time."
    assert strict(answer) == [
        {
            "target": "demo.gpu*.load",
            "datapoints": [],
            "refId": "C",
            "meta": {"notices": [{"severity": "warning", "text": text}]},
        }
    ]


# -- tables ------------------------------------------------------------------------------------------------------------


def job_row(job: str) -> list[object]:
    """Rows of table jobs; `confirmed` is when the file was imported."""
    rows: dict[str, list[object]] = {
        "4711": ["4711", "alice", "cfd", "COMPLETED", *ALICE_4711, 1800.0, 3, "batch", "physics", "demo", 0, 0],
        "4712": ["4712", "bob", "md", "FAILED", *BOB_4712, 600.0, 1, "batch", "chem", "demo", 1, 0],
        "4713": ["4713", "alice", "post", "RUNNING", ALICE_4713, None, None, 1, "short", "physics", "demo", None, None],
    }
    start = rows[job][4]
    assert isinstance(start, int)
    return [*rows[job], start - 60_000, NOW_S * 1000, f"demo:{job}@{start}"]


async def test_a_table_has_typed_columns_and_takes_filters_on_them(client: httpx.AsyncClient) -> None:
    (table,) = await answered(client, "simplejson-query-table")
    assert (table["type"], table["refId"]) == ("table", "A")
    assert [(one["text"], one["type"]) for one in table["columns"]] == [
        ("job", "string"), ("user", "string"), ("name", "string"), ("state", "string"), ("start", "time"),
        ("end", "time"), ("elapsed", "number"), ("hosts", "number"), ("partition", "string"), ("account", "string"),
        ("cluster", "string"), ("exit_code", "number"), ("exit_signal", "number"), ("submit", "time"),
        ("confirmed", "time"), ("run", "string"),
    ]  # fmt: skip
    assert table["columns"][6] == {"text": "elapsed", "type": "number", "unit": "s", "description": "Start to end."}
    assert table["rows"] == [job_row("4713"), job_row("4711")]
    assert table["meta"]["notices"] == [
        {"severity": "warning", "text": "The filter 'rack = r1' means nothing to jobs."}
    ]


async def test_the_additional_json_of_simpod_0_2_6_is_arguments(client: httpx.AsyncClient) -> None:
    (table,) = await answered(client, "simpod-0.2.6-query-table")
    start, end = ALICE_4711
    assert table["rows"] == [
        ["4711", "node001", start, end, 0, f"demo:4711@{start}"],
        ["4711", "node002", start, end, 0, f"demo:4711@{start}"],
        ["4711", "node003", start, end, 1, f"demo:4711@{start}"],
    ]


async def test_the_builders_payload_is_arguments_and_leftovers_are_told(client: httpx.AsyncClient) -> None:
    (table,) = await answered(client, "simpod-0.6.0-query-builder")
    assert table["rows"] == [job_row("4711")]
    assert table["meta"] == {"notices": [{"severity": "warning", "text": "'old' means nothing to jobs."}]}


@pytest.mark.parametrize(
    ("condition", "jobs"),
    [
        ({"key": "user", "operator": "!=", "value": "alice"}, ["4712"]),
        ({"key": "state", "operator": "=~", "value": "fail|run"}, ["4713", "4712"]),
        ({"key": "state", "operator": "=", "value": "running"}, ["4713"]),
        ({"key": "user", "operator": "=|", "value": "alice", "values": ["alice", "bob"]}, ["4713", "4712", "4711"]),
        ({"key": "elapsed", "operator": ">", "value": "700"}, ["4711"]),
    ],
)
async def test_filters_of_every_kind_on_a_table(
    client: httpx.AsyncClient, condition: dict[str, Any], jobs: list[str]
) -> None:
    target = {"refId": "A", "target": "jobs", "payload": {}}
    body = changed("simpod-0.6.5-query", targets=[target], filters=[condition])
    (table,) = strict(await client.post("/json/query", json=body))
    assert [row[0] for row in table["rows"]] == jobs


async def test_a_user_sees_their_own_jobs_and_no_table_for_operators(client: httpx.AsyncClient) -> None:
    body = changed("simpod-0.6.5-query", targets=[{"refId": "A", "target": "jobs", "payload": {}}], filters=[])
    answer = await client.post("/json/query", json=body, headers={"x-grafana-user": "bob"})
    (table,) = strict(answer)
    assert [row[0] for row in table["rows"]] == ["4712"]
    body["targets"] = [{"refId": "A", "target": "vanished", "payload": {}}]
    answer = await client.post("/json/query", json=body, headers={"x-grafana-user": "bob"})
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    metrics = strict(await client.post("/json/metrics", json={}, headers={"x-grafana-user": "bob"}))
    assert "vanished" not in {one["value"] for one in metrics}


# -- annotations -------------------------------------------------------------------------------------------------------


async def test_simplejson_gets_jobs_as_regions(client: httpx.AsyncClient) -> None:
    events = await answered(client, "simplejson-annotations")
    assert events == [
        {
            "time": ALICE_4713,
            "title": "job 4713 of alice",
            "text": "alice, post, short, 1 host, RUNNING",
            "tags": ["job", "job:4713", "user:alice", "running"],
        },
        {
            "time": BOB_4712[0],
            "timeEnd": BOB_4712[1],
            "title": "job 4712 of bob",
            "text": "bob, md, batch, 1 host, FAILED",
            "tags": ["job", "job:4712", "user:bob", "failed"],
        },
        {
            "time": ALICE_4711[0],
            "timeEnd": ALICE_4711[1],
            "title": "job 4711 of alice",
            "text": "alice, cfd, batch, 3 hosts, COMPLETED",
            "tags": ["job", "job:4711", "user:alice", "completed"],
        },
    ]


async def test_simpod_0_2_6_gets_changes_of_the_fabric(client: httpx.AsyncClient) -> None:
    (event,) = await answered(client, "simpod-0.2.6-annotations")
    assert (event["time"], event["tags"][:2]) == ((FROM_S + 1400) * 1000, ["fabric", "ends_exchanged"])


async def test_simpod_since_0_3_gets_annotations_through_query(client: httpx.AsyncClient) -> None:
    (table,) = await answered(client, "simpod-0.5-query-anno")
    assert [(one["text"], one["type"]) for one in table["columns"]] == [
        ("time", "time"), ("timeEnd", "time"), ("title", "string"), ("text", "string"), ("tags", "string"),
    ]  # fmt: skip
    assert table["rows"][-1] == [
        *ALICE_4711, "job 4711 of alice", "alice, cfd, batch, 3 hosts, COMPLETED", "job,job:4711,user:alice,completed",
    ]  # fmt: skip


# -- what goes wrong ---------------------------------------------------------------------------------------------------


async def refused(client: httpx.AsyncClient, body: object) -> tuple[int, str]:
    content = body if isinstance(body, str) else json.dumps(body)
    answer = await client.post("/json/query", content=content, headers={"content-type": "application/json"})
    told = strict(answer)
    assert set(told) == {"message", "error"}, told
    assert "Traceback" not in answer.text
    return answer.status_code, told["message"]


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        ("jbos", 404, "Nothing is called 'jbos' among tables and series in this time. Did you mean jobs"),
        ("jbos user=alice", 404, "There is no table 'jbos'. Did you mean jobs"),
        ("jobs usr=alice", 400, "'jobs' has no parameter 'usr'. Did you mean user"),
        ("job_hosts", 400, "'job_hosts' needs job."),
        ("job_hosts job=999", 404, "No job 999 is known in cluster demo."),
        ("demo.node01.load", 404, "Nothing is called 'node01' below 'demo' in this time. Did you mean node001"),
        ("demo.node001", 400, "'demo.node001' is a folder of series, not a series. Ask for demo.node001.load"),
        ("switch.leaf1.1.PortXmitData", 404, "Nothing is called 'leaf1' below 'switch' in this time. Did you mean"),
        ("sumSerise(demo.*.load)", 400, "Function 'sumSerise' is unknown."),
        ("sum(", 400, ""),
    ],
)
async def test_an_unknown_target_names_the_nearest(
    client: httpx.AsyncClient, target: str, status: int, message: str
) -> None:
    body = changed("simpod-0.6.5-query", targets=[{"refId": "A", "target": target, "payload": {}}], filters=[])
    told = await refused(client, body)
    assert (told[0], told[1][: len(message)]) == (status, message)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "The request asks nothing: it has no 'targets'."),
        ("{}", "The request asks nothing: it has no 'targets'."),
        ("null", "The request asks nothing: it has no 'targets'."),
        ("[1]", "The body is no JSON object."),
        ("{", "The body is not JSON:"),
        ('{"targets": [7]}', "A target is no object: 7."),
        ('{"targets": [{"target": "jobs"}]}', "The request has no time range."),
        ('{"targets": [{"target": "jobs", "payload": "user=alice"}]}', "The payload is not JSON: user=alice"),
    ],
)
async def test_a_body_that_asks_nothing_is_told_so(client: httpx.AsyncClient, body: str, message: str) -> None:
    status, told = await refused(client, body)
    assert (status, told[: len(message)]) == (400, message)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("2026-11-22T23:00:00.000Z", "2026-11-22T22:00:00.000Z", "The range begins (2026-11-22T23:00:00.000Z) after"),
        (None, "2026-11-22T22:00:00.000Z", "The range's 'from' is not a time: None."),
        ("2026-11-22T22:00:00.000Z", None, "The range's 'to' is not a time: None."),
        ("0001-01-01T00:00:00.000Z", "2026-11-22T22:00:00.000Z", "The range's 'from' (0001-01-01T00:00:00.000Z) lies"),
        ("2026-11-22T22:00:00.000Z", "+275760-09-13T00:00:00.000Z", "'+275760-09-13T00:00:00.000Z' is not a time."),
        ("2026-13-45T00:00:00Z", "2026-11-22T22:00:00.000Z", "'2026-13-45T00:00:00Z' is not a time."),
        (True, {}, "The range's 'from' is not a time: True."),
    ],
)
async def test_an_absurd_range_is_told_so(client: httpx.AsyncClient, start: object, end: object, message: str) -> None:
    status, told = await refused(client, changed("simplejson-query-timeserie", range={"from": start, "to": end}))
    assert (status, told[: len(message)]) == (400, message)


async def test_years_of_range_are_answered_within_what_is_kept(client: httpx.AsyncClient) -> None:
    span = {"from": "1970-01-01T00:00:00.000Z", "to": "2030-01-01T00:00:00.000Z"}
    target = {"refId": "A", "target": "demo.node001.load", "payload": {}}
    body = changed("simpod-0.6.5-query", range=span, targets=[target], filters=[], maxDataPoints=100_000)
    (series,) = strict(await client.post("/json/query", json=body))
    assert [point for point in series["datapoints"] if point[0] is not None] == [
        [value, at_s * 1000] for at_s, value in LOAD.items()
    ]


async def test_one_target_that_fails_takes_no_other_with_it(client: httpx.AsyncClient) -> None:
    targets = [
        {"refId": "A", "target": "jobs user=bob", "payload": {}},
        {"refId": "B", "target": "job_hosts job=999", "payload": {}},
    ]
    body = changed("simpod-0.6.5-query", targets=targets, filters=[])
    good, bad = strict(await client.post("/json/query", json=body))
    assert good["rows"] == [job_row("4712")]
    text = "No job 999 is known in cluster demo. `jobs` lists those in the window; another cluster's is cluster:id."
    assert bad == {
        "target": "job_hosts job=999",
        "datapoints": [],
        "refId": "B",
        "meta": {"notices": [{"severity": "error", "text": text}]},
    }


async def test_nothing_to_ask_is_an_empty_list_and_members_of_the_future_are_passed_over(
    client: httpx.AsyncClient,
) -> None:
    placeholder = [
        {"refId": "A", "target": "select metric"},
        {"refId": "B"},
        {"refId": "C", "target": "jobs", "hide": 1},
    ]
    answer = await client.post("/json/query", json=changed("simpod-0.6.5-query", targets=placeholder, novelty={"x": 1}))
    assert (answer.status_code, strict(answer)) == (200, [])


@pytest.mark.parametrize("path", ["query", "search", "metrics", "variable", "annotations", "tag-keys", "tag-values"])
async def test_a_preflight_is_answered_on_every_path(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.options(f"/json/{path}", headers={"origin": "http://localhost:3000"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"


async def test_a_wrong_method_or_path_is_told_without_a_redirect(client: httpx.AsyncClient) -> None:
    answer = await client.get("/json/query/")
    assert (answer.status_code, strict(answer)["message"]) == (405, "/json/query does not answer GET. Send POST.")
    answer = await client.post("/json/nothing")
    assert (answer.status_code, strict(answer)["error"]) == (404, "not_found")

"""/api/v1/logs: searched, counted, by field, around a line; scoped; refused in words; documented."""

from typing import Any

import httpx
import pytest

from api.site import FROM_S, NOW_S, strict
from weft.logs.store import Place, key_of

pytestmark = pytest.mark.anyio

DOWN_MS, UP_MS = (FROM_S + 1420) * 1000, (FROM_S + 2700) * 1000


async def get(client: httpx.AsyncClient, path: str, *, user: str = "", **params: Any) -> Any:
    answer = await client.get(f"/api/v1/logs/{path}", params=params, headers={"X-Grafana-User": user} if user else {})
    assert answer.status_code == 200, answer.text
    return strict(answer)


def row(told: dict[str, Any], time: int, host: str, severity: str, state: str) -> dict[str, Any]:
    return {
        "time": time,
        "host": host,
        "program": "kernel",
        "severity": severity,
        "message": f"mlx5_core 0000:3b:00.0: port 1 link {state}",
        "fields": {},
        "source": "syslog",
        "id": told["id"],
        "cursor": Place(time, 0, key_of(told["id"])).cursor,
    }


async def test_lines_are_objects_newest_first(client: httpx.AsyncClient) -> None:
    told = await get(client, "search")
    up, down = told["rows"]
    assert told == {
        "rows": [row(up, UP_MS, "node004", "info", "up"), row(down, DOWN_MS, "node001", "err", "down")],
        "total": 2,
        "at_least": False,
        "cursor": None,
        "notices": [],
    }


async def test_pages_go_on_by_cursor_and_either_way(client: httpx.AsyncClient) -> None:
    first = await get(client, "search", limit=1)
    assert (len(first["rows"]), first["total"], first["cursor"]) == (1, 2, first["rows"][0]["cursor"])
    second = await get(client, "search", limit=1, cursor=first["cursor"])
    assert [one["host"] for one in second["rows"]] == ["node001"]
    assert second["cursor"] is None
    oldest = await get(client, "search", limit=1, oldest="true")
    assert [one["host"] for one in oldest["rows"]] == ["node001"]


async def test_a_query_a_window_a_job_hosts_and_a_link(client: httpx.AsyncClient) -> None:
    for params, hosts in (
        ({"query": '"link down"'}, ["node001"]),
        ({"query": "severity:>=err"}, ["node001"]),
        ({"query": "job:4713"}, []),  # it began after node004's line
        ({"query": "link AND NOT up"}, ["node001"]),
        ({"job": "4711"}, ["node001"]),
        ({"host": "node004,node005"}, ["node004"]),
        ({"host": ["node001", "node004"]}, ["node004", "node001"]),
        ({"link": "leaf01/1"}, ["node001"]),
        ({"from": "2026-11-22T22:40:00Z"}, ["node004"]),
        ({"from": "-90min", "to": "-80min"}, []),
    ):
        assert [one["host"] for one in (await get(client, "search", **params))["rows"]] == hosts, params


async def test_users_see_lines_of_their_runs_hosts(client: httpx.AsyncClient) -> None:
    told = await get(client, "search", user="alice")
    assert [one["host"] for one in told["rows"]] == ["node001"]
    assert told["notices"] == ["Only lines of your own runs' hosts are searched, while they ran."]
    assert (await get(client, "search", user="bob"))["rows"] == []
    assert (await get(client, "fields/host", user="bob"))["rows"] == []
    assert sum(one["lines"] for one in (await get(client, "histogram", user="bob"))["rows"]) == 0
    cursor = (await get(client, "search"))["rows"][0]["cursor"]
    answer = await client.get(f"/api/v1/logs/context?cursor={cursor}", headers={"X-Grafana-User": "bob"})
    assert (answer.status_code, answer.json()["error"]) == (404, "unknown_name")
    answer = await client.get("/api/v1/logs/search?link=leaf01/1", headers={"X-Grafana-User": "bob"})
    assert answer.status_code == 403


async def test_lines_over_time(client: httpx.AsyncClient) -> None:
    told = await get(client, "histogram", **{"from": FROM_S, "to": FROM_S + 3599}, step=1800)
    assert told == {
        "rows": [{"time": FROM_S * 1000, "lines": 1}, {"time": (FROM_S + 1800) * 1000, "lines": 1}],
        "step_ms": 1_800_000,
        "total": 2,
        "notices": [],
    }
    whole = await get(client, "histogram", query="down")
    assert (len(whole["rows"]), whole["step_ms"], whole["total"]) == (96, 900_000, 1)


async def test_fields_and_their_values(client: httpx.AsyncClient) -> None:
    told = await get(client, "fields")
    assert [one["name"] for one in told["rows"]] == "time message host program severity source id".split()
    assert await get(client, "fields/level", query="link") == {
        "rows": [{"value": "err", "lines": 1}, {"value": "info", "lines": 1}],
        "lines": 2,
        "notices": [],
    }
    assert (await get(client, "fields/unknown"))["rows"] == []


async def test_what_stands_around_a_line(client: httpx.AsyncClient) -> None:
    up, down = (await get(client, "search"))["rows"]
    assert await get(client, "context", cursor=up["cursor"]) == {"before": [], "line": up, "after": [], "notices": []}
    assert down["cursor"] != up["cursor"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("search?query=a AND", 400, "At character 6 of the query (the end): a term was expected."),
        ("search?query=" + "a " * 2000, 400, "The query has over 1,024 terms."),
        ("search?cursor=x", 400, "'x' is no cursor of a log search."),
        ("search?words=x", 400, "'/api/v1/logs/search' has no parameter 'words'."),
        ("search?oldest=perhaps", 400, "oldest=perhaps is not true or false."),
        ("search?limit=x", 400, "limit"),
        ("search?job=x", 400, "'x' is not a job."),
        ("search?query=job:99", 404, "No job 99 is known in cluster demo."),
        ("search?from=now&to=-1h", 400, "from=now is after to=-1h."),
        ("histogram?step=0", 400, "A step of a histogram is at least a millisecond."),
        ("histogram?step=0.001", 400, "The window has over 10,000 steps."),
        ("fields/message", 400, "Values of 'message' are not counted."),
        ("context", 400, "'/api/v1/logs/context' needs cursor."),
        ("context?cursor=1.2.3", 404, "No line stands at this cursor."),
    ],
)
async def test_what_cannot_be_answered_is_said(client: httpx.AsyncClient, path: str, status: int, said: str) -> None:
    answer = await client.get(f"/api/v1/logs/{path}")
    assert answer.status_code == status
    assert answer.json()["message"].startswith(said) or said == "limit"
    assert set(answer.json()) == {"message", "error"}


async def test_the_routes_are_documented_with_their_parameters(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    told = {path: {one["name"] for one in paths[f"/api/v1/logs/{path}"]["get"]["parameters"]} for path in
            ("search", "histogram", "fields", "fields/{field}", "context")}  # fmt: skip
    both = {"query", "host", "job", "link", "from", "to", "limit"}
    assert told == {
        "search": both | {"cursor", "oldest"},
        "histogram": both | {"step"},
        "fields": both,
        "fields/{field}": both | {"field"},
        "context": {"cursor", "query", "from", "to", "limit"},
    }


async def test_lines_are_annotations_and_tables_too(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/annotations", params={"query": 'logs "link down" job=4711'})
    assert [(one["time"], one["title"]) for one in answer.json()["rows"]] == [(DOWN_MS, "node001 kernel")]
    answer = await client.get("/api/v1/query", params={"q": "log_top field=host query=link"})
    assert answer.json()["rows"] == [["node001", 1, 0.5], ["node004", 1, 0.5]]
    assert NOW_S > FROM_S

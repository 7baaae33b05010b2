"""/api/v1: the catalogue's tables with typed parameters, one question for both, and the documentation of it all."""

from typing import Any

import httpx
import pytest

from api.site import FROM_S, LEAF01, NOW_S, points, strict
from weft.answers import catalog
from weft.api.native import ROUTES
from weft.base.config import Settings

pytestmark = pytest.mark.anyio

START, END = (FROM_S + 600) * 1000, (FROM_S + 2400) * 1000


async def get(client: httpx.AsyncClient, path: str, **params: Any) -> Any:
    answer = await client.get(f"/api/v1{path}", params=params)
    assert answer.status_code == 200, answer.text
    return strict(answer)


async def test_hosts_of_a_job_are_objects_by_column(client: httpx.AsyncClient) -> None:
    assert await get(client, "/jobs/4711/hosts") == {
        "rows": [
            {
                "job": "4711",
                "host": f"node00{n}",
                "from": START,
                "to": END,
                "sharers": sharers,
                "run": f"demo:4711@{START}",
            }
            for n, sharers in ((1, 0), (2, 0), (3, 1))
        ],
        "notices": [],
    }


async def test_the_ports_of_a_job_over_an_exchange_of_cables_tell_their_doubts(client: httpx.AsyncClient) -> None:
    told = await get(client, "/jobs/4711/ports")
    places = {(row["host"], row["switch"], row["port"]) for row in told["rows"]}
    assert places == {
        ("node001", "leaf01", 1),
        ("node002", "leaf01", 2),
        ("node003", "leaf01", 3),
        ("node003", "leaf02", 3),
    }
    assert any(row["doubt"] for row in told["rows"] if row["host"] == "node003")


async def test_jobs_by_parameters_of_every_kind(client: httpx.AsyncClient) -> None:
    for params in ({"user": "alice,bob"}, {"user": ["alice", "bob"]}, {"from": "-2h", "to": "now"}, {}):
        assert [row["job"] for row in (await get(client, "/jobs", **params))["rows"]] == ["4713", "4712", "4711"]
    assert [row["job"] for row in (await get(client, "/jobs", host="node003"))["rows"]] == ["4712", "4711"]
    only = await get(client, "/jobs", limit=1)
    assert [row["job"] for row in only["rows"]] == ["4713"]
    assert only["notices"] == ["Only the newest 1 runs are listed."]
    before = await get(client, "/jobs", to="2026-11-22T22:15:00Z")
    assert [row["job"] for row in before["rows"]] == ["4711"]


async def test_a_cables_history_is_asked_by_id_or_by_port(client: httpx.AsyncClient) -> None:
    by_port = await get(client, "/cables/leaf01/3")
    cable = by_port["rows"][0]["cable"]
    by_id = await get(client, f"/cables/{cable}")
    assert {row["reading"] for row in by_id["rows"]} == {"taken", "other"}
    assert {row["cable"] for row in by_id["rows"]} == {cable}


async def test_the_fabric_at_three_times(client: httpx.AsyncClient) -> None:
    # Counted in the dumps: 351 nodes and 648 links before, 348 and 610 with failures (spine09 and node018 are gone).
    before = await get(client, "/fabric", at="2026-11-22T22:23:15Z")
    assert (len(before["nodes"]), len(before["links"])) == (351, 648)
    after = await get(client, "/fabric")
    assert (after["seen_ms"], after["last_ms"], after["at_ms"]) == (
        (FROM_S + 1428) * 1000,
        (FROM_S + 1428) * 1000,
        NOW_S * 1000,
    )
    leaf01 = next(node for node in after["nodes"] if node["guid"] == LEAF01)
    assert leaf01 == {
        "guid": LEAF01,
        "kind": "switch",
        "name": "leaf01",
        "description": "MF0;leaf01:MSB7800/U1",
        "lid": 2,
    }
    missing = await client.get("/api/v1/fabric", params={"at": "2026-11-22T22:00:00Z"})
    assert (missing.status_code, strict(missing)["error"]) == (404, "unknown_name")


async def test_a_question_takes_a_table(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/query", json={"q": "jobs", "params": {"user": "bob"}, "from": "-2h"})
    told = strict(answer)
    assert told["columns"][0] == {"name": "job", "type": "string", "doc": "Job id as people type it.", "unit": ""}
    assert [row[:4] for row in told["rows"]] == [["4712", "bob", "md", "FAILED"]]
    assert told["notices"] == []


async def test_a_question_takes_an_expression(client: httpx.AsyncClient) -> None:
    body = {"q": "demo.node002.load", "from": FROM_S * 1000, "to": (FROM_S + 3600) * 1000, "maxDataPoints": 100}
    assert strict(await client.post("/api/v1/query", json=body)) == {
        "series": [
            {
                "target": "demo.node002.load",
                "tags": {"name": "demo.node002.load"},
                "datapoints": points(FROM_S, 61, {FROM_S + 600: 5.0}, 1000),
            }
        ],
        "notices": [],
    }


async def test_a_question_takes_a_dashboards_filters(client: httpx.AsyncClient) -> None:
    filters = [{"key": "user", "operator": "!=", "value": "alice"}, {"key": "cable", "operator": "=", "value": "x"}]
    told = strict(await client.post("/api/v1/query", json={"q": "jobs", "from": "-2h", "filters": filters}))
    assert [row[:2] for row in told["rows"]] == [["4712", "bob"]]
    assert told["notices"] == ["The filter 'cable = x' means nothing to jobs."]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "'q': Field required."),
        ({"q": ""}, 400, "No target."),
        ({"q": "jobs", "from": "now", "to": "-1h"}, 400, "from=now is after to=-1h. Exchange them."),
        ({"q": "jobs", "from": "soon"}, 400, "'soon' is not a time."),
        ({"q": "jobs", "limit": 0}, 400, "'limit': Input should be greater than or equal to 1."),
        ({"q": "jbos x=1"}, 404, "There is no table 'jbos'."),
    ],
)
async def test_a_question_that_cannot_be_answered(
    client: httpx.AsyncClient, body: dict[str, Any], status: int, message: str
) -> None:
    answer = await client.post("/api/v1/query", json=body)
    told = strict(answer)
    assert (answer.status_code, set(told)) == (status, {"message", "error"})
    assert told["message"].startswith(message)


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/jobs/999", 404, "No job 999 is known in cluster demo."),
        ("/jobs/abc/hosts", 400, "'abc' is not a job."),
        ("/jobs?usr=alice", 400, "'jobs' has no parameter 'usr'."),
        ("/jobs?limit=-1", 400, "limit=-1 is not a number of something."),
        ("/ports", 400, "'ports' needs switch."),
        ("/ports?switch=leaf1", 404, ""),
        ("/cables/nowhere", 404, ""),
        ("/fabric?fabric=ob", 404, "There is no fabric 'ob'."),
        ("/fabric?at=soon", 400, "'soon' is not a time."),
        ("/nothing", 404, "There is nothing at /api/v1/nothing."),
    ],
)
async def test_what_is_not_there_is_told(client: httpx.AsyncClient, path: str, status: int, message: str) -> None:
    answer = await client.get(f"/api/v1{path}")
    told = strict(answer)
    assert (answer.status_code, set(told)) == (status, {"message", "error"})
    assert told["message"].startswith(message)


async def test_events_come_with_and_without_an_end(client: httpx.AsyncClient) -> None:
    told = await get(client, "/annotations", query="jobs user=alice")
    assert [(row["time"], row["timeEnd"], row["title"]) for row in told["rows"]] == [
        ((FROM_S + 3000) * 1000, None, "job 4713 of alice"),
        (START, END, "job 4711 of alice"),
    ]


async def test_a_user_gets_no_whole_fabric_and_fewer_tables(client: httpx.AsyncClient) -> None:
    bob = {"x-grafana-user": "bob"}
    answer = await client.get("/api/v1/fabric", headers=bob)
    assert (answer.status_code, strict(answer)["error"]) == (403, "forbidden")
    names = {table["name"] for table in strict(await client.get("/api/v1/tables", headers=bob))}
    assert names == {table.name for table in catalog.TABLES.values() if not table.operators}


async def test_the_catalogue_is_told_as_it_is_declared(client: httpx.AsyncClient) -> None:
    tables = {table["name"]: table for table in await get(client, "/tables")}
    assert set(tables) == set(catalog.TABLES)
    assert tables["logs"]["example"] == 'logs query="link AND down"'
    assert tables["job_hosts"]["params"] == [
        {
            "name": "job",
            "type": "string",
            "doc": "Job: 4711, 4711_5, 4711+1, cluster:4711.",
            "required": True,
            "choices": [],
            "options": "jobs",
        }
    ]


async def test_every_route_is_documented_with_its_parameters_and_rows(client: httpx.AsyncClient) -> None:
    api = strict(await client.get("/openapi.json"))
    for path, name in ROUTES.items():
        told = api["paths"][f"/api/v1{path.replace(':path', '')}"]["get"]
        table = catalog.TABLES[name]
        assert {p["name"] for p in told["parameters"]} == {p.name for p in table.params} | {"from", "to", "limit"}
        answer = told["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        row = api["components"]["schemas"][answer]["properties"]["rows"]["items"]["$ref"].rpartition("/")[2]
        assert set(api["components"]["schemas"][row]["properties"]) == {column.name for column in table.columns}
    identifiers = [op["operationId"] for item in api["paths"].values() for op in item.values()]
    assert len(identifiers) == len(set(identifiers))


async def test_every_table_of_the_catalogue_answers_its_own_example(
    client: httpx.AsyncClient, site_settings: Settings
) -> None:
    for table in catalog.TABLES.values():
        answer = await client.post("/api/v1/query", json={"q": table.name, "params": dict(table.example)})
        told = strict(answer)
        if table.name == "cypher" and site_settings.inventory.engine == "sqlite":
            assert (answer.status_code, told["error"]) == (400, "bad_request")
            continue
        assert answer.status_code == 200, (table.name, told)
        columns = [column["name"] for column in told["columns"]]
        assert columns == [column.name for column in table.columns] or table.name == "cypher"
        assert all(len(row) == len(columns) for row in told["rows"])


async def test_jobs_are_paged_by_the_cursor_of_the_answer_before(client: httpx.AsyncClient) -> None:
    first = await get(client, "/jobs", limit="2")
    assert ([row["job"] for row in first["rows"]], first["notices"]) == (
        ["4713", "4712"], ["Only the newest 2 runs are listed."],
    )  # fmt: skip
    second = await get(client, "/jobs", limit="2", cursor=first["cursor"])
    assert ([row["job"] for row in second["rows"]], second["cursor"], second["notices"]) == (["4711"], None, [])
    answer = await client.get("/api/v1/jobs", params={"cursor": "nonsense"})
    assert (answer.status_code, strict(answer)["error"]) == (400, "bad_request")


async def test_two_times_of_the_fabric_differ_by_what_happened_between(client: httpx.AsyncClient) -> None:
    told = await get(client, "/fabric/diff", **{"from": "2026-11-22T22:23:15Z", "to": "2026-11-22T22:23:20Z"})
    # node003 and node021 changed places on leaf01/3 and leaf02/3, and nothing else.
    assert (told["nodes_gone"], told["nodes_new"], told["links_changed"], told["notices"]) == ([], [], [], [])
    assert len(told["links_gone"]) == len(told["links_new"]) == 2
    ends = {(link["a"], link["a_port"], link["b"], link["b_port"]) for link in told["links_new"]}
    assert {port for _, port, _, _ in ends} | {port for _, _, _, port in ends} == {1, 3}
    # Then node010 got another HCA, which took the old one's place in leaf01/10; node018 and spine09 vanished, their
    # cables lead to nobody: one of the host, two to each of 18 leaves.
    later = await get(client, "/fabric/diff", **{"from": "2026-11-22T22:23:20Z", "to": "2026-11-22T22:23:48Z"})
    assert [node["name"] for node in later["nodes_gone"]] == ["node010 mlx5_0", "node018 mlx5_0", "spine09"]
    assert [node["name"] for node in later["nodes_new"]] == ["node010 mlx5_0"]
    assert [link["b_port"] for link in (*later["links_gone"], *later["links_new"])] == [10, 10]
    gone = {node["guid"] for node in later["nodes_gone"]}
    down = [link["up"] for link in later["links_changed"] if gone & {link["a"], link["b"]}]
    assert down == [False] * (1 + 36)
    answer = await client.get("/api/v1/fabric/diff")
    assert (answer.status_code, strict(answer)["message"][:26]) == (400, "The first time is missing.")


async def test_a_question_in_a_url_answers_the_same(client: httpx.AsyncClient) -> None:
    posted = strict(await client.post("/api/v1/query", json={"q": "jobs user=bob"}))
    assert await get(client, "/query", q="jobs user=bob") == posted
    assert await get(client, "/query", q="jobs", user="bob") == posted
    answer = await client.get("/api/v1/query")
    assert (answer.status_code, strict(answer)["message"][:19]) == (400, "'q': Field required")

"""POST /api/v1/cypher, and the table `cypher` behind the doors of Grafana."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from api.site import strict
from unit.fakes import FakeCypher
from weft.answers.answers import Answers
from weft.api.engines import Engines
from weft.app import create_app
from weft.inventory.store import CypherAnswer, CypherEdge, CypherNode, CypherPath

# The graph is a fake here, or SQLite says that it is none: beside a real one there is nothing else to see.
pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("site_settings", ["embedded"], indirect=True)]

HOST = CypherNode("h", ("Host",), {"name": "node001"})
JOB = CypherNode("j", ("Job",), {"label": "4711", "state": "RUNNING"})
RAN = CypherEdge("r", "h", "j", "JOBCLIENT", {"start": 5})
FOUND = CypherAnswer(
    ("way", "n", "at"), ((CypherPath((HOST, JOB), (RAN,)), HOST, 7),), (HOST, JOB), (RAN,), ("Only some.",)
)
RANGE = {"from": "2026-11-22T22:00:00Z", "to": "2026-11-22T23:00:00Z"}


@pytest.fixture
def graph() -> FakeCypher:
    """A graph that always answers the same."""
    return FakeCypher(FOUND)


@pytest.fixture
async def asking(engines: Engines, graph: FakeCypher) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a site whose inventory is a graph."""
    site = replace(engines.site, cypher=graph)
    opened = replace(engines, site=site, answers=Answers(site))
    transport = httpx.ASGITransport(create_app(engines.settings, opened), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8077") as client:
        yield client


async def ask(client: httpx.AsyncClient, body: Any, **headers: str) -> tuple[int, Any]:
    answer = await client.post("/api/v1/cypher", json=body, headers=headers)
    return answer.status_code, strict(answer)


async def test_rows_come_with_the_node_graph_of_what_is_in_them(asking: httpx.AsyncClient, graph: FakeCypher) -> None:
    status, told = await ask(asking, {"query": "MATCH p = ()--() RETURN p", "parameters": {"a": [1]}})
    node = {"id": "h", "labels": ["Host"], "properties": {"name": "node001"}}
    job = {"id": "j", "labels": ["Job"], "properties": {"label": "4711", "state": "RUNNING"}}
    edge = {"id": "r", "source": "h", "target": "j", "type": "JOBCLIENT", "properties": {"start": 5}}
    assert status == 200
    assert told["columns"] == ["way", "n", "at"]
    assert told["rows"] == [[{"nodes": [node, job], "edges": [edge]}, node, 7]]
    assert told["notices"] == ["Only some."]
    assert [row[:4] for row in told["nodes"]["rows"]] == [
        ["h", "node001", "Host", None],
        ["j", "4711", "Job", "RUNNING"],
    ]
    assert told["nodes"]["columns"][:4] == ["id", "title", "subtitle", "mainstat"]
    assert [row[:4] for row in told["edges"]["rows"]] == [["r", "h", "j", "JOBCLIENT"]]
    assert graph.asked == [("MATCH p = ()--() RETURN p", {"a": [1]})]


async def test_an_answer_without_nodes_has_no_node_graph(asking: httpx.AsyncClient, graph: FakeCypher) -> None:
    graph.answer = CypherAnswer(("x",), ((1,),))
    _, told = await ask(asking, {"query": "RETURN 1 AS x"})
    assert told == {"columns": ["x"], "rows": [[1]], "notices": [], "nodes": None, "edges": None}


async def test_grafana_gets_the_columns_of_the_query(asking: httpx.AsyncClient) -> None:
    asked = {"q": 'cypher query="MATCH p = ()--() RETURN p"'}
    told = strict(await asking.post("/api/v1/query", json=asked))
    assert [(column["name"], column["type"]) for column in told["columns"]] == [
        ("way", "string"), ("n", "string"), ("at", "number"),
    ]  # fmt: skip
    target = {"refId": "A", "target": 'cypher draw=edges query="MATCH p = ()--() RETURN p"'}
    frames = strict(await asking.post("/json/query", json={"range": RANGE, "targets": [target]}))
    assert [column["text"] for column in frames[0]["columns"]][:4] == ["id", "source", "target", "mainstat"]
    assert frames[0]["rows"][0][:4] == ["r", "h", "j", "JOBCLIENT"]


async def test_users_do_not_ask_cypher(asking: httpx.AsyncClient, graph: FakeCypher) -> None:
    status, told = await ask(asking, {"query": "MATCH (n) RETURN n"}, **{"x-grafana-user": "alice"})
    assert (status, told["error"]) == (403, "forbidden")
    assert graph.asked == []


async def test_on_sqlite_it_is_said_what_to_do(client: httpx.AsyncClient) -> None:
    status, told = await ask(client, {"query": "MATCH (n) RETURN n"})
    assert status == 400
    assert told["message"].startswith("The inventory is in SQLite, which knows no Cypher.")
    assert "weft copy" in told["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "'query': Field required"),
        ({"query": 5}, "'query': Input should be a valid string"),
        ({"query": "RETURN 1", "parameters": []}, "'parameters': Input should be a valid dictionary"),
        ([], "The body is no JSON object."),
    ],
)
async def test_a_body_that_asks_nothing_is_told(asking: httpx.AsyncClient, body: Any, message: str) -> None:
    status, told = await ask(asking, body)
    assert (status, told["message"][: len(message)]) == (400, message)

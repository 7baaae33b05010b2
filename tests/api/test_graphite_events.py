"""/graphite/events: what is read there, and what is posted there."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.site import FROM_S, NOW_S, now_ms, send, settings_in, strict
from weft.api.engines import Engines
from weft.app import applier_of, create_app, open_engines
from weft.base.access import LOCAL, Viewer
from weft.base.spool import Entry
from weft.ingest.spooling import NOTES
from weft.metrics.series import Window

pytestmark = pytest.mark.anyio

SPAN = {"from": str(FROM_S - 60), "until": str(FROM_S + 3600)}
ALICE = [
    {
        "when": FROM_S + 600,
        "what": "job 4711 of alice started",
        "data": "alice, cfd, batch, 3 hosts",
        "tags": ["job", "start", "job:4711", "user:alice"],
        "id": 1,
    },
    {
        "when": FROM_S + 2400,
        "what": "job 4711 of alice ended",
        "data": "alice, cfd, batch, 3 hosts, COMPLETED",
        "tags": ["job", "end", "job:4711", "user:alice", "completed"],
        "id": 2,
    },
    {
        "when": FROM_S + 3000,
        "what": "job 4713 of alice started",
        "data": "alice, post, short, 1 host",
        "tags": ["job", "start", "job:4713", "user:alice"],
        "id": 3,
    },
]


async def read(client: httpx.AsyncClient, headers: dict[str, str] | None = None, **query: str) -> list[dict[str, Any]]:
    answer = await client.get("/graphite/events/get_data", params={**SPAN, **query}, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    told: list[dict[str, Any]] = strict(answer)
    return told


@pytest.mark.parametrize("name", ["graphite-browser-events", "graphite-go-events"])
async def test_jobs_start_and_end_at_whole_seconds_with_lists_of_tags(client: httpx.AsyncClient, name: str) -> None:
    assert strict(await send(client, name)) == ALICE


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({"tags": "user:bob"}, ["job 4712 of bob started", "job 4712 of bob ended"]),
        ({"tags": "user:bob end"}, ["job 4712 of bob ended"]),
        ({"tags": "failed,job"}, ["job 4712 of bob ended"]),
        ({"tags": "job:4713 job:4712", "set": "union"},
         ["job 4712 of bob started", "job 4712 of bob ended", "job 4713 of alice started"]),
        ({"tags": "job:4711 job:4712"}, []),
        # As in graphite-web, a tag that no event has drops out of the condition, but not where it asks for one thing.
        ({"tags": "user:bob end nonsense"}, ["job 4712 of bob ended"]),
        ({"tags": "user:bob end nonsense", "set": "intersection"}, []),
        ({"tags": "user:nobody"}, []),
        ({"tags": "job:99 job"}, []),
        ({"tags": "job:not-a-job"}, []),
        ({"tags": "nonsense"}, []),
        ({"tags": "job fabric"}, []),
        ({"tags": "note"}, []),
        ({"tags": "log err"}, ["node001 kernel"]),
        ({"tags": "log node004"}, ["node004 kernel"]),
        ({"tags": "log kernel"}, ["node001 kernel", "node004 kernel"]),
        ({"tags": "log nonsense"}, []),
        ({"tags": 'log a"b\\'}, []),
        ({"tags": "log job:4712", "set": "union", "from": str(FROM_S + 1500)},
         ["job 4712 of bob ended", "node004 kernel"]),
    ],
)  # fmt: skip
async def test_events_are_chosen_by_tags(client: httpx.AsyncClient, query: dict[str, str], titles: list[str]) -> None:
    assert [one["what"] for one in await read(client, **query)] == titles


async def test_both_ends_of_the_time_count(client: httpx.AsyncClient) -> None:
    for start, until, count in ((600, 600, 1), (601, 2399, 0), (600, 2400, 2), (601, 2400, 1), (600, 2399, 1)):
        query = {"from": str(FROM_S + start), "until": str(FROM_S + until), "tags": "job:4711"}
        assert len(await read(client, **query)) == count, (start, until)


async def test_the_raw_range_of_a_dashboard_is_taken(client: httpx.AsyncClient) -> None:
    changes = strict(await send(client, "graphite-browser-events-raw-range"))
    # The first sweep of a fabric shows how it is, and changes nothing.
    assert {one["when"] for one in changes} == {FROM_S + 1400, FROM_S + 1428}
    assert all("fabric" in one["tags"] for one in changes)
    everything = strict(await send(client, "graphite-browser-events-all"))
    assert {one["tags"][0] for one in everything} == {"job", "fabric"}, "log lines come where they are asked for"
    assert [one["when"] for one in everything] == sorted(one["when"] for one in everything)
    assert await read(client, **{"from": "0", "until": "now"}) == everything


async def test_users_see_their_own_jobs_and_no_change_of_the_fabric(client: httpx.AsyncClient) -> None:
    told = await read(client, {"x-grafana-user": "bob"})
    assert [one["what"] for one in told] == ["job 4712 of bob started", "job 4712 of bob ended"]
    assert await read(client, {"x-grafana-user": "bob"}, tags="job:4711") == []
    assert await read(client, {"x-grafana-user": "bob"}, tags="user:alice") == []
    assert await read(client, {"x-grafana-user": "bob"}, tags="fabric") == []


async def test_a_function_counts_them(client: httpx.AsyncClient, engines: Engines) -> None:
    query = {**SPAN, "target": "events('job','end')", "noNullPoints": "1"}
    (told,) = strict(await client.get("/graphite/render", params=query))
    assert told["datapoints"] == [[1.0, FROM_S + 1800], [1.0, FROM_S + 2400]]
    window = Window(FROM_S, FROM_S + 2400, NOW_S)
    counted = await engines.series.render(["events('*')"], window, Viewer("bob"), zone=engines.site.zone)
    assert [i for i, value in enumerate(counted.series[0].values) if value == 1] == [1200, 1800]
    assert LOCAL.operator


@pytest.fixture
async def writing(tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, Engines]]:
    """An empty site in the hands of its owner, and a client on its machine."""
    async with open_engines(settings_in(tmp_path), owner=True, clock=now_ms) as engines:
        transport = httpx.ASGITransport(create_app(engines.settings, engines))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8077") as client:
            yield client, engines


POSTED = '{"what": "switch\\nreplaced", "tags": ["leaf01", "hardware work"], "data": "new PSU\\nby root", "when": %d}'


async def test_a_posted_note_is_an_event(writing: tuple[httpx.AsyncClient, Engines]) -> None:
    client, engines = writing
    for path in ("/graphite/events/", "/graphite/events"):
        # As curl -d sends it, and twice: it is one note.
        kind = {"content-type": "application/x-www-form-urlencoded"}
        answer = await client.post(path, content=POSTED % FROM_S, headers=kind)
        assert (answer.status_code, answer.content) == (200, b"")
    assert (await engines.spool.depth()).entries == 2, "it is on disk before it is acknowledged"
    assert await applier_of(engines).drain() is None
    note = {
        "when": FROM_S,
        "what": "switch replaced",
        "data": "new PSU\nby root",
        "tags": ["leaf01", "hardware", "work", "note"],
        "id": 1,
    }
    for query in ({}, {"tags": "note"}, {"tags": "leaf01 work"}, {"tags": "job leaf01", "set": "union"}):
        assert await read(client, **query) == [note]
    assert await read(client, tags="log") == []
    assert await read(client, {"x-grafana-user": "bob"}) == [note], "who may ask may read it"
    assert (await engines.spool.depth()).refused == ()


async def test_a_note_needs_to_say_no_more_than_what(writing: tuple[httpx.AsyncClient, Engines]) -> None:
    client, engines = writing
    assert (await client.post("/graphite/events", json={"what": "deploy", "tags": "a b"})).status_code == 200
    await applier_of(engines).drain()
    query = {"until": str(NOW_S)}
    assert [(one["when"], one["what"], one["data"], one["tags"]) for one in await read(client, **query)] == [
        (NOW_S, "deploy", "", ["a", "b", "note"])
    ]


@pytest.mark.parametrize("body", [b"[1]", b"{}", b"x", b'[{"at_ms":1}]', b'[{"at_ms":1,"about":["a"],"more":2}]'])
async def test_an_entry_that_holds_no_notes_is_put_aside(
    writing: tuple[httpx.AsyncClient, Engines], body: bytes
) -> None:
    _, engines = writing
    await engines.spool.append([Entry(NOTES, "a note", body)])
    assert await applier_of(engines).drain() is None
    depth = await engines.spool.depth()
    assert (depth.entries, len(depth.refused)) == (0, 1 if body != b"{}" else 0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "The note does not say 'what'."),
        ("{}", "The note does not say 'what'."),
        ('{"what": " "}', "The note does not say 'what'."),
        ('{"what": 5}', "The note does not say 'what'."),
        ('{"what": "x", "data": {}, "tags": 5}', "The 'tags' of a note are"),
        ('{"what": "x", "data": {"a": 1}}', "The 'data' of a note is text."),
        ('{"what": "x", "tags": ["a", 1]}', "The 'tags' of a note are"),
        ('{"what": "x", "when": "now"}', "The 'when' of a note is in epoch seconds."),
        ('{"what": "x", "when": 1795384800000}', "The 'when' of a note is in epoch seconds."),
        ('{"what": "x", "when": true}', "The 'when' of a note is in epoch seconds."),
        ('{"what": "x", "when": -1}', "The 'when' of a note is in epoch seconds."),
        ('{"what": "%s"}' % ("x" * 20_001), "The note is longer than 20,000 characters."),
        ("what=x", "The body is not JSON:"),
        ("[]", "The body is no JSON object."),
    ],
)
async def test_what_is_no_note_is_refused(client: httpx.AsyncClient, body: str, message: str) -> None:
    answer = await client.post("/graphite/events", content=body)
    assert answer.status_code == 400
    assert answer.text.startswith(message)
    assert "\n" not in answer.text


async def test_notes_are_for_operators_and_not_for_pages_of_others(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphite/events", json={"what": "x"}, headers={"x-grafana-user": "alice"})
    assert (answer.status_code, answer.text.partition(",")[0]) == (403, "Posting a note is for operators")
    for origin in ("https://elsewhere.example", "null"):
        answer = await client.post("/graphite/events", content='{"what": "x"}', headers={"origin": origin})
        assert (answer.status_code, answer.text.partition(".")[0]) == (
            403,
            "A note from a page of another origin is not kept",
        )

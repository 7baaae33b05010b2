"""/graphite/tags: stored tags and those of the inventory as one, for Grafana's editor and for whoever changes them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.site import FROM_S, LEAF01, now_ms, points, send, settings_in, strict
from weft.app import create_app, open_engines
from weft.metrics.tags import stored_as
from weft.metrics.writer import WhisperWriter

pytestmark = pytest.mark.anyio

SPAN = {"from": str(FROM_S - 60), "until": str(FROM_S + 3600)}
EVERY_TAG = ["cable", "host", "job", "mtype", "name", "port", "switch", "unit", "what"]
"""Of a site that stores two host metrics and a counter of a switch; no HCA is counted."""
LOADS = ["load;host=node001;what=load", "load;host=node002;what=load"]


async def asked(client: httpx.AsyncClient, path: str, **form: str | list[str]) -> Any:
    answer = await client.get(f"/graphite/tags{path}", params={**SPAN, **form})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    return strict(answer)


async def rendered(client: httpx.AsyncClient, target: str, **headers: str) -> Any:
    form = {**SPAN, "format": "json", "target": target}
    answer = await client.post("/graphite/render", data=form, headers=headers)
    assert answer.status_code == 200, answer.text
    return strict(answer)


# -- Grafana -----------------------------------------------------------------------------------------------------------


async def test_the_browser_s_and_the_server_s_words_are_understood(client: httpx.AsyncClient) -> None:
    assert strict(await send(client, "graphite-browser-tags")) == []  # a tag that begins with h, but not host
    assert strict(await send(client, "graphite-browser-tag-values")) == ["demo.node001.load", "demo.node002.load"]
    assert strict(await send(client, "graphite-go-tags")) == EVERY_TAG
    assert strict(await send(client, "graphite-go-tag-values")) == ["demo.node001.load", "demo.node002.load"]


async def test_each_key_narrows_what_the_next_one_suggests(client: httpx.AsyncClient) -> None:
    assert await asked(client, "/autoComplete/values", tag="what") == ["PortXmitData", "load"]
    assert await asked(client, "/autoComplete/values", tag="host", expr="what=load") == ["node001", "node002"]
    assert await asked(client, "/autoComplete/values", tag="host", expr="what=load", valuePrefix="node002") == [
        "node002"
    ]
    assert await asked(client, "/autoComplete/values", tag="switch", expr="what=PortXmitData") == ["leaf01"]
    assert await asked(client, "/autoComplete/values", tag="switch", expr="what=load") == []
    assert await asked(client, "/autoComplete/tags", expr=["what=load", "host=~node"]) == ["job", "name"]
    assert await asked(client, "/autoComplete/values", tag="unit", expr="switch=leaf01") == ["B", "B/s", "words"]
    assert await asked(client, "/autoComplete/values", tag="job", expr="host=node002") == ["4711"]
    assert await asked(client, "/autoComplete/values", tag="no-such") == []
    assert await asked(client, "/autoComplete/tags", limit="2") == EVERY_TAG[:2]


async def test_a_tag_is_told_with_how_many_series_have_each_value(client: httpx.AsyncClient) -> None:
    assert [one["tag"] for one in await asked(client, "")] == EVERY_TAG
    assert await asked(client, "", filter="h") == [{"tag": "host"}]
    # leaf01/1 is one series before it was seen cabled, and one since; its host has a load as well.
    host = {"value": "node001", "count": 2}
    assert await asked(client, "/host") == {"tag": "host", "values": [host, {"value": "node002", "count": 1}]}
    assert await asked(client, "/switch") == {"tag": "switch", "values": [{"value": "leaf01", "count": 2}]}
    assert await asked(client, "/no-such") is None


async def test_series_are_found_and_read_by_the_name_they_are_found_by(client: httpx.AsyncClient) -> None:
    assert await asked(client, "/findSeries", expr="what=load") == LOADS
    (one,) = await rendered(client, LOADS[1])
    assert one == {
        "target": LOADS[1],
        "tags": {"name": "load", "host": "node002", "what": "load"},
        "datapoints": points(FROM_S, 61, {FROM_S + 600: 5.0}),
    }


async def test_a_rate_is_in_bytes_where_the_unit_asks(client: httpx.AsyncClient) -> None:
    # 600 words of 4 bytes in 60 s.
    (before,) = await rendered(client, "removeEmptySeries(seriesByTag('switch=leaf01', 'unit=B/s'))")
    assert before["target"] == "PortXmitData;mtype=rate;port=1;switch=leaf01;unit=B/s;what=PortXmitData"
    assert before["datapoints"] == points(FROM_S, 61, {FROM_S + 660: 40.0})
    (told,) = await rendered(client, "removeEmptySeries(seriesByTag('switch=leaf01', 'unit=B'))")
    assert told["datapoints"] == points(FROM_S, 61, {FROM_S + 600: 4000.0, FROM_S + 660: 6400.0})


async def test_series_of_a_job_are_grouped_and_named_by_their_tags(client: httpx.AsyncClient) -> None:
    by_job = await rendered(client, "groupByTags(seriesByTag('what=load', 'job=4711'), 'sum', 'job')")
    # 4711 ran from 22:10 to 22:40: what the host did later is not the job's.
    assert [(one["target"], one["tags"]["job"]) for one in by_job] == [("load;job=4711", "4711")]
    assert by_job[0]["datapoints"] == points(FROM_S, 61, {FROM_S + 600: 6.0, FROM_S + 660: 2.0})
    by_host = await rendered(client, "aliasByTags(seriesByTag('what=load', 'job=4711'), 'host', 'job')")
    assert [one["target"] for one in by_host] == ["node001.4711", "node002.4711"]
    wrapped = await rendered(client, "aliasSub(seriesByTag('what=load', 'host=node001'), \"(^.*$)\", \"\\1 A\")")
    assert [one["target"] for one in wrapped] == [f"{LOADS[0]} A"]


async def test_pretty_and_wrong_words(client: httpx.AsyncClient) -> None:
    assert (await client.get("/graphite/tags?filter=host&pretty=1")).text == '[\n  {\n    "tag": "host"\n  }\n]'
    for path, said in (
        ("/findSeries", "No tag expression. Give expr=name=cpu"),
        ("/findSeries?expr=cpu", "'cpu' is no tag expression."),
        ("/findSeries?expr=host!=x", "These tag expressions are met by series that have none of the tags."),
        ("/autoComplete/values", "No tag. Give tag=host"),
        ("?filter=(", "filter: '(' is not a regular expression"),
    ):
        answer = await client.get(f"/graphite/tags{path}")
        assert (answer.status_code, answer.text[: len(said)]) == (400, said)


# -- who may -----------------------------------------------------------------------------------------------------------


async def test_a_user_is_suggested_and_shown_what_their_runs_had(client: httpx.AsyncClient) -> None:
    carol, bob, alice = ({"X-Grafana-User": who} for who in ("carol", "bob", "alice"))

    async def hosts(who: dict[str, str]) -> Any:
        answer = await client.get("/graphite/tags/autoComplete/values", params={**SPAN, "tag": "host"}, headers=who)
        return strict(answer)

    async def loads(who: dict[str, str]) -> Any:
        form = {**SPAN, "expr": "what=load"}
        return strict(await client.get("/graphite/tags/findSeries", params=form, headers=who))

    # bob's only run was on node003, of which nothing is stored.
    assert [await hosts(who) for who in (carol, bob, alice)] == [[], [], ["node001", "node002"]]
    assert [await loads(who) for who in (carol, bob, alice)] == [[], [], LOADS]
    assert await rendered(client, "seriesByTag('switch=leaf01')", **carol) == []
    (load, _) = await rendered(client, "seriesByTag('what=load')", **alice)
    assert load["datapoints"] == points(FROM_S, 61, {FROM_S + 600: 1.0, FROM_S + 660: 2.0})


@pytest.mark.parametrize("call", ["tagSeries", "tagMultiSeries", "delSeries"])
async def test_only_operators_change_tags_and_no_foreign_page_does(client: httpx.AsyncClient, call: str) -> None:
    form = {"path": "x;a=b"}
    answer = await client.post(f"/graphite/tags/{call}", data=form, headers={"X-Grafana-User": "alice"})
    assert (answer.status_code, answer.text[:52]) == (403, "Changing what is found by tags is for operators, and")
    answer = await client.post(f"/graphite/tags/{call}", data=form, headers={"origin": "https://elsewhere.example"})
    assert (answer.status_code, answer.text[:39]) == (403, "A page of another origin changes no tag")
    answer = await client.get(f"/graphite/tags/{call}", params=form)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert await asked(client, "/findSeries", expr="a=b") == []


# -- what is said stays ------------------------------------------------------------------------------------------------


@asynccontextmanager
async def opened(folder: Path, *, owner: bool = False) -> AsyncIterator[httpx.AsyncClient]:
    settings = settings_in(folder)
    async with open_engines(settings, owner=owner, clock=now_ms) as engines:
        transport = httpx.ASGITransport(create_app(settings, engines))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


async def test_what_is_said_of_series_is_known_to_every_worker_and_after_a_restart(tmp_path: Path) -> None:
    stored = "disk;host=h1"
    writer = WhisperWriter(tmp_path / "whisper", "1m:7d")
    writer.write(FROM_S, [(stored, 1.0)], now_s=FROM_S)
    async with opened(tmp_path, owner=True) as one, opened(tmp_path) as other:
        told = await one.post("/graphite/tags/tagMultiSeries", data={"path": ["to.come;host=h2", stored]})
        assert strict(told) == ["to.come;host=h2", stored]
        assert await asked(other, "/findSeries", expr="host!=") == [stored, "to.come;host=h2"]
        assert strict(await other.post("/graphite/tags/delSeries", data={"path": [stored]})) is True
        assert await asked(one, "/findSeries", expr="host!=") == ["to.come;host=h2"]
        assert await rendered(one, "seriesByTag('host=h1')") == []
        assert len(await rendered(one, stored)) == 1  # its file stays, and so does its name
    async with opened(tmp_path) as again:
        assert await asked(again, "/findSeries", expr="host!=") == ["to.come;host=h2"]
        assert await asked(again, "/autoComplete/values", tag="host") == ["h2"]
        await again.post("/graphite/tags/tagSeries", data={"path": stored})
        assert await asked(again, "/findSeries", expr="host!=") == [stored, "to.come;host=h2"]


async def test_a_series_whose_file_is_called_by_a_hash_is_found_once_carbon_has_told_its_name(tmp_path: Path) -> None:
    name = "disk;host=h1"
    WhisperWriter(tmp_path / "whisper", "1m:7d").write(FROM_S, [(stored_as(name)[1], 7.0)], now_s=FROM_S)
    async with opened(tmp_path) as client:
        assert await rendered(client, "seriesByTag('host=h1')") == []
        await client.post("/graphite/tags/tagMultiSeries", data={"path": name})
        (one,) = await rendered(client, "seriesByTag('host=h1')")
        assert one["target"] == name
        assert one["datapoints"] == points(FROM_S, 61, {FROM_S: 7.0})


async def test_carbon_s_own_words_are_understood(tmp_path: Path) -> None:
    """carbon 1.1.7 sends its batches by urllib3, which makes multipart/form-data of them."""
    async with opened(tmp_path) as client:
        batch = [("path", (None, "a;host=h1")), ("path", (None, "Grün;host=h2"))]
        told = await client.post("/graphite/tags/tagMultiSeries", files=batch)
        assert (told.request.headers["content-type"][:19], strict(told)) == (
            "multipart/form-data", ["a;host=h1", "Grün;host=h2"],
        )  # fmt: skip
        assert await asked(client, "/findSeries", expr="host!=") == ["Grün;host=h2", "a;host=h1"]
        bad = {"content-type": "multipart/form-data; boundary=x"}
        for body in (b"", b"--x", b"--x--", b"--x\r\n\r\n--x--", b'\xff--x\r\nname="path"\r\n\r\n\xff\r\n--x--'):
            assert (await client.post("/graphite/tags/tagSeries", content=body, headers=bad)).status_code == 400


async def test_a_new_file_is_found_at_once_when_carbon_tells_and_leaves_no_line(tmp_path: Path) -> None:
    name = "disk;host=h1"
    async with opened(tmp_path) as client:
        assert await asked(client, "/findSeries", expr="host=h1") == []
        WhisperWriter(tmp_path / "whisper", "1m:7d").write(FROM_S, [(name, 7.0)], now_s=FROM_S)
        await client.post("/graphite/tags/tagMultiSeries", data={"path": name})
        assert await asked(client, "/findSeries", expr="host=h1") == [name]
    assert not (tmp_path / "tags.log").exists()


async def test_a_counter_stays_stored_by_its_guid(client: httpx.AsyncClient) -> None:
    assert await asked(client, "/findSeries", expr="name=~fabric") == [f"fabric.{LEAF01}.1.PortXmitData"]

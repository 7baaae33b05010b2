"""/elastic/_bulk: log lines as shippers send them; what is refused, for good or for now; who may."""

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from api import site
from weft.api import intake
from weft.api.engines import Engines
from weft.app import applier_of, create_app, open_engines
from weft.base.config import Http, Spool
from weft.base.errors import Unavailable
from weft.base.intervals import Interval
from weft.ingest.spooling import lines_entry
from weft.logs.store import LogLine, LogQuery

pytestmark = pytest.mark.anyio

AT_MS = site.FROM_S * 1000
AT = "2026-11-22T22:00:00"
JSON = {"content-type": "application/x-ndjson"}
EVER = LogQuery(Interval(0, 4_000_000_000_000))


def bulk_of(*documents: dict[str, Any] | str, ids: Sequence[str] = ()) -> bytes:
    """The body that creates these documents."""
    lines = []
    for place, document in enumerate(documents):
        lines.append(json.dumps({"create": {"_index": "syslog-2026.11.22"} | ({"_id": ids[place]} if ids else {})}))
        lines.append(document if isinstance(document, str) else json.dumps(document))
    return "\n".join([*lines, ""]).encode()


def document(message: str = "link down", **more: Any) -> dict[str, Any]:
    return {"@timestamp": f"{AT}Z", "message": message, **more}


@pytest.fixture
async def owner(tmp_path: Path) -> AsyncIterator[Engines]:
    """An empty site of one's own."""
    settings = site.settings_in(tmp_path).model_copy(update={"spool": Spool(max_mb=1)})
    async with open_engines(settings, owner=True, clock=site.now_ms) as opened:
        yield opened


def client_of(engines: Engines, address: str = "127.0.0.1", http: Http | None = None) -> httpx.AsyncClient:
    """A shipper at an address."""
    settings = engines.settings.model_copy(update={"http": http or engines.settings.http})
    transport = httpx.ASGITransport(create_app(settings, engines), raise_app_exceptions=False, client=(address, 999))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8077")


async def shipped(
    engines: Engines, body: bytes, status: int = 200, path: str = "/elastic/_bulk", **headers: str
) -> Any:
    """What is answered to a body."""
    async with client_of(engines) as shipper:
        told = await shipper.post(path, content=body, headers={**JSON, **headers})
    assert told.status_code == status, told.text
    return site.strict(told)


async def kept(engines: Engines) -> list[LogLine]:
    """All lines, oldest first, once the owner has applied what it was handed."""
    assert await applier_of(engines).drain() is None
    return list((await engines.site.logs.search(EVER, limit=1000, oldest=True)).lines)


async def test_documents_become_lines_and_are_told_as_created(owner: Engines) -> None:
    told = await shipped(
        owner,
        bulk_of(
            {
                "@timestamp": f"{AT}.003123+01:00",
                "host": "node003",
                "program": "sshd",
                "severity": "crit",
                "message": 'a "quoted" \\ ünïcode 🎉 line',
                "source": "rsyslog",
                "fields": {"facility": "auth", "pid": "812"},
                "weft": {"seq": 1795656731091599},
            },
            {"timestamp": f"{AT}Z", "hostname": "node004", "level": "Warning", "msg": "", "rack": 7},
            ids=("A", "B"),
        ),
    )
    assert isinstance(told.pop("took"), int)
    assert told == {
        "errors": False,
        "items": [
            {"create": {"_index": "syslog-2026.11.22", "_id": name, "result": "created", "status": 201}}
            for name in "AB"
        ],
    }
    assert await kept(owner) == [
        LogLine(
            "A", AT_MS - 3_600_000 + 3, "node003", "sshd", "crit", 'a "quoted" \\ ünïcode 🎉 line', "rsyslog",
            1795656731091599, {"facility": "auth", "pid": "812"},
        ),
        LogLine("B", AT_MS, "node004", "", "warning", "", "bulk", 0, {"rack": 7}),
    ]  # fmt: skip


async def test_a_repeated_bulk_duplicates_nothing(owner: Engines) -> None:
    named = bulk_of(document("first"), document("second"), ids=("A", "B"))
    nameless = bulk_of(document("same"), document("same"), document("other"))
    for _ in range(2):
        assert (await shipped(owner, named))["errors"] is False
        assert (await shipped(owner, nameless))["errors"] is False
    assert sorted(line.message for line in await kept(owner)) == ["first", "other", "same", "same", "second"]


async def test_the_index_may_stand_in_the_path_and_an_action_be_index(owner: Engines) -> None:
    body = b'{"index":{}}\n' + json.dumps(document()).encode() + b"\n"
    told = await shipped(owner, body, path="/elastic/weft-logs/_bulk?filter_path=errors")
    (line,) = await kept(owner)
    assert told["items"] == [{"index": {"_index": "weft-logs", "_id": line.id, "result": "created", "status": 201}}]


async def test_a_document_that_is_no_line_is_refused_alone(owner: Engines) -> None:
    body = bulk_of(
        "{cut",
        {"message": "no time"},
        {"@timestamp": f"{AT}Z"},
        {"@timestamp": -1000, "message": "before all time"},
        {"@timestamp": "yesterday", "message": "none"},
        document("kept"),
        ids=tuple("ABCDEF"),
    )
    body += b'{"delete":{"_id":"F"}}\n{"update":{"_id":"F"}}\n{"doc":{}}\n'
    body += bulk_of(document(), ids=("x" * 513,))
    told = await shipped(owner, body)
    items = [next(iter(item.items())) for item in told["items"]]
    assert told["errors"] is True
    assert [(action, item["status"]) for action, item in items] == [
        *[("create", 400)] * 5, ("create", 201), ("delete", 400), ("update", 400), ("create", 400)
    ]  # fmt: skip
    expected = '{"@timestamp": "2026-11-22T22:23:15Z", "message": "text"} was expected of a document, not '
    assert [item["error"]["reason"] for _, item in items if item["status"] == 400] == [
        f"{expected}'{{cut'.",
        f"""{expected}'{{"message": "no time"}}'.""",
        f"""{expected}'{{"@timestamp": "{AT}Z"}}'.""",
        "Its time lies outside the calendar.",
        f"""{expected}'{{"@timestamp": "yesterday", "message": "none"}}'.""",
        "Weft deletes no log line.",
        "Weft keeps log lines as they are and does not 'update' them.",
        "Its id has more than 512 bytes.",
    ]
    assert [line.message for line in await kept(owner)] == ["kept"]


async def test_bytes_that_are_no_utf8_cost_no_line(owner: Engines) -> None:
    body = bulk_of(document("caf_")).replace(b"caf_", b"caf\xe9")
    assert (await shipped(owner, body))["errors"] is False
    assert [line.message for line in await kept(owner)] == ["caf\ufffd"]


async def test_times_without_a_zone_are_utc_and_order_is_kept_within_a_millisecond(owner: Engines) -> None:
    await shipped(owner, bulk_of(*({"@timestamp": AT, "message": str(number)} for number in range(20))))
    lines = await kept(owner)
    assert [(line.at_ms, line.seq, line.message) for line in lines] == [(AT_MS, n, str(n)) for n in range(20)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"create":{}}\n{"message":"x"}', "The body has no line end at its end, so it may be cut."),
        (b'{"create":{}}\n', "Behind action 1 there is no document."),
        (b"[1]\n", "In line 1 an action was expected, not '[1]'."),
        (b'{"create":1}\n{}\n', "In line 1 an action was expected, not '{\"create\":1}'."),
        (b'{"create":{},"index":{}}\n{}\n', "In line 1 an action was expected, not"),
        (b"\xff\n", "In line 1 an action was expected, not '\ufffd'."),
    ],
)
async def test_a_body_that_cannot_be_told_apart_is_refused_whole(owner: Engines, body: bytes, said: str) -> None:
    told = await shipped(owner, body, 400)
    assert (told["error"]["type"], told["status"]) == ("bad_request", 400)
    assert told["error"]["reason"].startswith(said)
    assert await kept(owner) == []


async def test_gzip_is_read_and_a_body_over_the_cap_is_not(owner: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    body = bulk_of(document(), ids="A")
    packed = {"content-encoding": "gzip"}
    assert (await shipped(owner, gzip.compress(body), **packed))["errors"] is False
    assert len(await kept(owner)) == 1
    for wrong, status, headers in (
        (b"plain", 400, packed),
        (gzip.compress(body)[:-9], 400, packed),
        (body, 415, {"content-encoding": "br"}),
        (body, 406, {"content-type": "text/plain"}),
    ):
        assert (await shipped(owner, wrong, status, **headers))["status"] == status
    monkeypatch.setattr(intake, "MAX_BYTES", 1000)
    bomb = gzip.compress(body + b" " * 10_000)
    assert len(bomb) < 1000
    for large, headers in ((bomb, packed), (body + b" " * 1000, {})):
        told = await shipped(owner, large, 413, **headers)
        assert told["error"]["reason"] == "The body is larger than 0 MiB. Send fewer lines at once."


async def test_while_the_spool_is_full_each_line_is_refused_for_now(
    owner: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "HOLD_S", 0.0)
    large = LogLine("L", AT_MS, "", "", "", "x" * 65_000, "bulk")
    await owner.spool.append([lines_entry("test", [large] * 15)])  # 975,000 of 1,000,000 bytes
    body = bulk_of(document("y" * 30_000), "{cut", ids=("A", "B"))
    told = await shipped(owner, body)
    assert told["errors"] is True
    assert [item["create"]["status"] for item in told["items"]] == [429, 400]
    error = told["items"][0]["create"]["error"]
    assert error["type"] == "es_rejected_execution_exception"
    assert "The spool" in error["reason"]
    assert "is full" in error["reason"]
    assert len(await kept(owner)) == 1
    assert [item["create"]["status"] for item in (await shipped(owner, body))["items"]] == [201, 400]
    assert len(await kept(owner)) == 2


async def test_a_shipper_waits_for_room_in_the_spool(owner: Engines) -> None:
    large = LogLine("L", AT_MS, "", "", "", "x" * 65_000, "bulk")
    await owner.spool.append([lines_entry("test", [large] * 15)])
    waiting = asyncio.create_task(shipped(owner, bulk_of(document("y" * 30_000), ids="A")))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    assert await applier_of(owner).drain() is None
    assert (await waiting)["errors"] is False
    assert len(await kept(owner)) == 2


async def test_a_disk_that_refuses_is_told_line_by_line(owner: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(self: object, entries: object) -> None:
        raise Unavailable("The disk is full.", fix="Make room.")

    monkeypatch.setattr(type(owner.spool), "append", refuse)
    told = await shipped(owner, bulk_of(document(), ids="A"))
    assert told["errors"] is True
    assert told["items"][0]["create"]["status"] == 503
    assert told["items"][0]["create"]["error"]["reason"] == "The disk is full. Make room."


async def test_shippers_elsewhere_show_a_token(owner: Engines) -> None:
    basic = "Basic " + base64.b64encode(b"rsyslog:s3cret").decode()
    with_token = Http(intake_token=SecretStr("s3cret"))
    passed_on = {"x-forwarded-for": "10.0.0.9"}
    for address, http, headers, status in (
        ("127.0.0.1", Http(), {}, 200),
        ("::1", Http(), {}, 200),
        ("127.0.0.1", with_token, {}, 200),
        ("127.0.0.1", Http(), passed_on, 403),
        ("127.0.0.1", Http(), {"host": "logs.example.org"}, 403),
        ("10.0.0.9", Http(), {}, 403),
        ("10.0.0.9", Http(), {"authorization": "Bearer "}, 403),
        ("10.0.0.9", with_token, {}, 403),
        ("10.0.0.9", with_token, {"authorization": basic}, 200),
        ("10.0.0.9", with_token, {"authorization": "bearer s3cret"}, 200),
        ("10.0.0.9", with_token, {"authorization": "Bearer other"}, 403),
        ("10.0.0.9", with_token, {"authorization": "Basic s3cret"}, 403),
        ("10.0.0.9", with_token, {"authorization": "ApiKey s3cret"}, 403),
        ("127.0.0.1", with_token, {**passed_on, "authorization": basic}, 200),
    ):
        async with client_of(owner, address, http) as shipper:
            told = await shipper.post("/elastic/_bulk", content=bulk_of(document(), ids="A"), headers=JSON | headers)
        assert told.status_code == status, (address, http, headers)
        if status == 403:
            assert told.json()["error"]["type"] == "forbidden"
            assert "http.intake_token" in told.json()["error"]["reason"]


async def test_what_shippers_ask_first_is_answered(owner: Engines) -> None:
    async with client_of(owner) as shipper:
        for path in ("/elastic", "/elastic/"):
            told = await shipper.get(path)
            assert told.headers["x-elastic-product"] == "Elasticsearch"
            assert told.json()["version"]["number"].startswith("8.")
            assert (await shipper.head(path)).status_code == 200
        assert (await shipper.get("/elastic/_license")).json()["license"]["status"] == "active"
        assert (await shipper.get("/elastic/_cat/health")).status_code == 200
        missing = await shipper.get("/elastic/nothing")
        assert (missing.status_code, missing.json()["status"]) == (404, 404)
        assert missing.headers["x-elastic-product"] == "Elasticsearch"


async def test_shippers_wait_for_their_turn_however_many_they_are(owner: Engines) -> None:
    async with client_of(owner, http=Http(queue=1)) as shipper:
        bodies = [bulk_of(document(str(number)), ids=[str(number)]) for number in range(30)]
        told = await asyncio.gather(*(shipper.post("/elastic/_bulk", content=body, headers=JSON) for body in bodies))
    assert [answer.status_code for answer in told] == [200] * 30
    assert len(await kept(owner)) == 30

"""Servers that are none, are broken, or mean harm: a notice names them, time and memory are bounded, the rest is there.

They are played here, byte for byte, by a socket that answers whatever a test wants.
"""

import asyncio
import gzip
import json
import logging
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import pytest

from weft.base.errors import BadSettings
from weft.metrics import remote
from weft.metrics.remote import RemoteStore
from weft.metrics.series import Window
from weft.metrics.store import unheard
from weft.metrics.tags import TagExpression

pytestmark = pytest.mark.anyio

WINDOW = Window(3600, 7200, 7300)
Answerer = Callable[[str, bytes, asyncio.StreamWriter], Awaitable[None]]
"""Given path, body and where to write to; the connection is closed afterwards."""


def whole(body: bytes, kind: str = "application/json", status: str = "200 OK", more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n"
    )
    return head.encode() + body


@asynccontextmanager
async def playing(answer: Answerer | bytes, auth: str = "", timeout_s: float = 5.0) -> AsyncIterator[RemoteStore]:
    """A RemoteStore of a server that answers so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                (int(line[15:]) for line in head.splitlines() if line.lower().startswith("content-length")), 0
            )
            body = await reader.readexactly(length)
            if isinstance(answer, bytes):
                writer.write(answer)
            else:
                await answer(head, body, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # Weft hung up, as it should
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, RemoteStore(f"http://{auth}127.0.0.1:{port}", timeout_s, 30, 100_000) as store:
        yield store


async def notices(store: RemoteStore) -> list[str]:
    """What is told by each kind of question, without the server's name."""
    said: list[str] = []
    assert await store.find("a.*", said.append) == []
    assert await store.expand("a.*", said.append) == []
    assert await store.fetch(["a.b"], WINDOW, said.append) == [None]
    assert await store.tagged([TagExpression("name", "=", "a")], said.append) == []
    assert all(text.startswith("Graphite at 127.0.0.1:") for text in said)
    return [text.partition(" ")[2].partition(" ")[2].partition(" ")[2] for text in said]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (whole(b"{}", status="500 Internal Server Error"), "answers 500 Internal Server Error"),
        (whole(b"", status="401 Unauthorized"), "answers 401 Unauthorized (put user:password@ before its host"),
        (whole(b"", status="302 Found", more="Location: http://127.0.0.1:1/\r\n"), "answers 302 Found (graphite.urls"),
        (whole(b"no\x1b[31m way\nTraceback", "text/plain", "400 Bad Request"), "answers 400 Bad Request (no[31m way)"),
        (whole(b"<html>login</html>", "text/html"), "answers with "),
        (whole(b'{"results": {"a.b": 1}, "metrics": 7}'), "answers with "),
        (whole(b"\xff\xfe\x00", "text/plain"), "answers with "),
        (whole(gzip.compress(b"0" * 1000), more="Content-Encoding: gzip\r\n"), "sends packed what"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "breaks off"),
        (b"", "breaks off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nContent-Type: text/plain\r\n\r\na.b,3660,", "breaks off"),
    ],
    ids=["500", "401", "redirect", "400", "login", "types", "bytes", "packed", "ssh", "nothing", "half"],
)  # fmt: skip
async def test_an_answer_that_is_none_is_told_by_every_question(answer: bytes, why: str) -> None:
    async with playing(answer) as store:
        said = await notices(store)
        assert len(said) == 4
        assert all(text.startswith(why) and text.endswith("; its series are missing here.") for text in said), said
        assert len(store.unreadable()) == 1


async def test_a_redirect_is_not_followed() -> None:
    asked: list[str] = []

    async def elsewhere(head: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(head)
        writer.write(whole(b'{"results": ["a.b"]}'))

    async with playing(elsewhere) as target:
        where = next(iter(target._named.split()[2:]))
        moved = whole(b"", status="307 Temporary Redirect", more=f"Location: http://{where}/metrics/expand\r\n")
        async with playing(moved) as store:
            assert await store.expand("a.*", unheard) == []
    assert asked == []


async def test_a_server_without_tags_is_told_of_and_is_no_trouble() -> None:
    async with playing(whole(b"Not Found", "text/plain", "404 Not Found")) as store:
        said: list[str] = []
        assert await store.tagged([TagExpression("name", "=", "a")], said.append) == []
        assert await store.tag_values("host", (), "", said.append) == []
        assert [text.partition(" ")[2].partition(" ")[2].partition(" ")[2] for text in said] == [
            "cannot be asked for tags; what it has by tags is missing here."
        ] * 2
        assert store.unreadable() == {}


@pytest.mark.parametrize(
    "piece", [b"1.0," * 16384, b"x" * 65536, b"other,0,60,60|1.0\n" * 4000], ids=["line", "junk", "others"]
)
async def test_an_answer_without_an_end_is_cut_off_in_bounded_memory(
    piece: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "LINE_BYTES", 4_000_000)
    monkeypatch.setattr(remote, "NAMES_BYTES", 4_000_000)

    async def endless(head: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        kind = "text/plain" if "/render" in head else "application/json"
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n".encode())
        while True:
            writer.write(piece)
            await writer.drain()

    async with playing(endless, timeout_s=2.0) as store:
        tracemalloc.start()
        began = time.monotonic()
        said = await notices(store)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(said) == 4
    assert time.monotonic() - began < 5
    assert peak < 60_000_000


async def test_more_points_than_there_may_be_are_not_taken() -> None:
    async with playing(whole(b"a.b,3660,3720,1|" + b"1.0," * 200_000 + b"1.0\n", "text/plain")) as store:
        said: list[str] = []
        assert await store.fetch(["a.b"], WINDOW, said.append) == [None]
        assert "sends more points than metrics.max_points allows" in said[0]


async def test_what_arrived_before_it_broke_off_is_answered() -> None:
    lines = b"a.b,3660,3720,60|1.0\na.c,3660,3720,60|2.0\nbroken"
    async with playing(whole(lines, "text/plain")) as store:
        said: list[str] = []
        read = await store.fetch(["a.b", "a.c", "a.d"], WINDOW, said.append)
        assert [one.values.tolist() if one else None for one in read] == [[1.0], [2.0], None]
        assert len(said) == 1


async def test_names_that_do_not_match_what_was_asked_are_dropped() -> None:
    told = {"results": ["a.b", "b.c", "a.b.c", "a", "\u0007bell", ""]}
    async with playing(whole(json.dumps(told).encode())) as store:
        assert await store.expand("a.*", unheard) == ["a.b"]


async def test_a_thousand_series_are_few_requests_and_names_are_kept_for_a_while() -> None:
    names = [f"fabric.{i:016x}.1.PortXmitData" for i in range(1000)]
    asked: list[tuple[str, dict[str, list[str]]]] = []

    async def answer(head: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        path, form = head.split()[1], parse_qs(body.decode())
        asked.append((path, form))
        if path == "/metrics/expand":
            writer.write(whole(json.dumps({"results": names}).encode()))
            return
        said = ",".join(target.partition("{")[2].partition("}")[0] for target in form["target"]).split(",")
        lines = "".join(f"fabric.{guid}.1.PortXmitData,3660,3720,60|1.0\n" for guid in said)
        writer.write(whole(lines.encode(), "text/plain"))

    async with playing(answer) as store:
        for _ in range(3):
            assert await store.expand("fabric.*.1.PortXmitData", unheard) == names
        read = await store.fetch(names, WINDOW, unheard)
        assert all(read)
    # Three: targets of 3,000 characters, and 500 series in a request.
    assert [path for path, _ in asked] == ["/metrics/expand", "/render", "/render", "/render"]
    assert asked[0][1] == {"query": ["fabric.*.1.PortXmitData"], "leavesOnly": ["1"]}
    _, render = asked[1]
    assert render["format"] == ["raw"]
    assert (render["from"], render["until"], render["now"]) == (["0000003600"], ["0000007200"], ["0000007300"])


async def test_what_a_weft_over_there_tells_to_be_missing_is_passed_on_and_its_names_are_not_kept() -> None:
    asked: list[str] = []

    async def answer(head: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(head)
        writer.write(whole(b'{"results": ["a.b"]}', more="X-Weft-Notice: Graphite at far:1 cannot be reached.\r\n"))

    async with playing(answer) as store:
        for number in (1, 2):
            said: list[str] = []
            assert await store.expand("a.*", said.append) == ["a.b"]
            assert said[0].endswith(": Graphite at far:1 cannot be reached.")
            assert len(asked) == number


async def test_a_password_is_sent_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    heads: list[str] = []

    async def refuse(head: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        writer.write(whole(b"", status="401 Unauthorized"))

    with caplog.at_level(logging.INFO):
        async with playing(refuse, auth="me:p%40ss@") as store:
            said: list[str] = []
            await store.expand("a.*", said.append)
            shown = "".join([*said, *store.unreadable(), *store.unreadable().values(), caplog.text])
    assert "Basic bWU6cEBzcw==" in heads[0]  # base64 of me:p@ss
    assert "401" in shown
    assert "p%40ss" not in shown
    assert "p@ss" not in shown


@pytest.mark.parametrize(
    "url", ["graphite:8080", "ftp://me:secret@x/", "http://me:secret@/x", "http://x/?a=1", "http://[::1"]
)
def test_a_url_that_is_none_stops_the_start_without_its_password(url: str) -> None:
    with pytest.raises(BadSettings, match=r"graphite\.urls") as caught:
        RemoteStore(url, 1, 30, 1000)
    assert "secret" not in str(caught.value)


async def test_somebody_who_gives_up_waiting_finds_the_server_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "GAVE_UP_S", 0.1)

    async def silent(head: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    async with playing(silent, timeout_s=30) as store:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await store.expand("a.*", unheard)
        began = time.monotonic()
        assert await store.expand("a.*", unheard) == []
        assert time.monotonic() - began < 5

"""What every request passes: plain paths, the queue's limit, other origins."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.datastructures import Headers

from weft.api import errors
from weft.api.gate import Gate, cors_headers, plain_path
from weft.base import waits

pytestmark = pytest.mark.anyio


class Held:
    """An application whose only query answers when the test lets it."""

    def __init__(self, queue: int = 4) -> None:
        self.app = FastAPI(redirect_slashes=False)
        self.arrived, self.go_on = asyncio.Semaphore(0), asyncio.Event()
        errors.install(self.app)
        self.app.add_middleware(Gate, queue=queue, origins=("https://grafana.example.org",))
        self.app.add_api_route("/json/query", self.query, methods=["POST"])
        self.app.add_api_route("/healthz", self.healthz)

    async def query(self, request: Request) -> str:
        self.arrived.release()
        await self.go_on.wait()
        return request.url.path

    async def healthz(self) -> str:
        return "up"

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://127.0.0.1:8077")


@pytest.mark.parametrize(
    ("asked", "plain"),
    [("/", "/"), ("", "/"), ("/json/", "/json"), ("/graphite//render", "/graphite/render"), ("/a/b", "/a/b")],
)
def test_paths_mean_the_same_with_and_without_extra_slashes(asked: str, plain: str) -> None:
    assert plain_path(asked) == plain


@pytest.mark.parametrize("path", ["/json/query", "/json/query/", "/json//query"])
async def test_a_post_with_extra_slashes_is_answered_in_place(path: str) -> None:
    held = Held()
    held.go_on.set()
    async with held.client() as client:
        answer = await client.post(path)
    assert (answer.status_code, answer.json(), answer.history) == (200, "/json/query", [])


async def test_one_request_over_the_queue_is_refused_and_health_is_not() -> None:
    held = Held(queue=2)
    async with held.client() as client:
        waiting = [asyncio.create_task(client.post("/json/query")) for _ in range(2)]
        for _ in waiting:
            await held.arrived.acquire()
        refused = await asyncio.wait_for(client.post("/json/query"), 5)
        assert (refused.status_code, refused.json()) == (
            503,
            {
                "message": "2 requests wait already. "
                "Try again shortly; if it lasts, raise http.queue or start more workers.",
                "error": "busy",
            },
        )
        assert (await client.get("/healthz")).status_code == 200
        held.go_on.set()
        assert [(await task).status_code for task in waiting] == [200, 200]
        assert (await client.post("/json/query")).status_code == 200


async def test_what_one_request_waits_for_engines_is_counted_together() -> None:
    app, tries = FastAPI(), []

    @app.get("/asks/{who}")
    async def asks_twice(who: str) -> bool:
        async def hanging() -> None:
            async with waits.within(0.05):
                tries.append(who)
                await asyncio.Event().wait()

        for _ in range(2):
            with pytest.raises(TimeoutError):
                await hanging()
        return True

    app.add_middleware(Gate, queue=4)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8077") as client:
        answers = await asyncio.gather(*(client.get(f"/asks/{who}") for who in "ab"))
    assert [answer.json() for answer in answers] == [True, True]
    assert sorted(tries) == ["a", "b"], "neither asks a second time, nor is one told of what the other waits"


async def test_a_preflight_is_answered_for_the_origin_that_asks_and_never_with_a_star() -> None:
    headers = {"origin": "http://localhost:3000", "access-control-request-method": "POST"}
    async with Held().client() as client:
        answer = await client.options("/json/query", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert dict(answer.headers) == {
        "allow": "GET, POST, OPTIONS",
        "access-control-allow-origin": "http://localhost:3000",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, POST, OPTIONS",
        "access-control-allow-headers": "accept, content-type, authorization, x-dashboard-id, x-panel-id",
        "access-control-expose-headers": "x-weft-notice",
        "vary": "origin",
    }


async def test_an_answer_and_an_error_carry_the_origin_too() -> None:
    held = Held()
    held.go_on.set()
    async with held.client() as client:
        headers = {"origin": "https://grafana.example.org"}
        good = await client.post("/json/query", headers=headers)
        bad = await client.get("/json/nowhere", headers=headers)
    assert good.headers["access-control-allow-origin"] == "https://grafana.example.org"
    assert bad.headers["access-control-allow-origin"] == "https://grafana.example.org"


@pytest.mark.parametrize(
    ("origin", "host", "open_to"),
    [
        ("http://localhost:3000", "127.0.0.1:8077", True),
        ("http://127.0.0.1:3000", "weft:8077", True),
        ("http://[::1]:3000", "weft:8077", True),
        ("http://admin1:3000", "admin1:8077", True),
        ("https://grafana.example.org", "weft:8077", True),
        ("https://evil.example.com", "127.0.0.1:8077", False),
        ("https://localhost.evil.example.com", "127.0.0.1:8077", False),
        ("null", "127.0.0.1:8077", False),
        ("http://[::1", "127.0.0.1:8077", False),
        ("", "127.0.0.1:8077", False),
    ],
)
def test_only_pages_of_this_host_and_named_origins_may_read(origin: str, host: str, open_to: bool) -> None:
    headers = cors_headers(Headers({"origin": origin, "host": host}), frozenset({"https://grafana.example.org"}))
    assert headers.get("access-control-allow-origin") == (origin if open_to else None)

"""Every error of the house has a status and a body that Grafana shows."""

import json
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from weft.api import errors
from weft.api.gate import Gate
from weft.base.errors import BadInput, Busy, ServiceError, UnknownName

pytestmark = pytest.mark.anyio


def every_error(cls: type[ServiceError] = ServiceError) -> Iterator[type[ServiceError]]:
    yield cls
    for below in cls.__subclasses__():
        yield from every_error(below)


def test_no_error_of_the_house_is_without_a_status() -> None:
    assert {cls for cls in every_error() if cls.__module__.startswith("weft.")} == set(errors.STATUS)


def test_no_error_is_answered_with_401_which_grafana_swallows() -> None:
    assert 401 not in errors.STATUS.values()


def small_app() -> FastAPI:
    app = FastAPI(redirect_slashes=False)
    errors.install(app)
    app.add_middleware(Gate, queue=4)

    @app.get("/json/known")
    async def known(limit: int = 1) -> int:
        return limit

    @app.get("/json/fails")
    @app.get("/graphite/fails")
    async def fails() -> None:
        raise UnknownName("Job 4712 is not known.", fix="The nearest is 4711.")

    @app.get("/json/breaks")
    @app.get("/graphite/breaks")
    async def breaks() -> None:
        raise ZeroDivisionError("a secret")

    return app


async def ask(path: str, method: str = "GET") -> httpx.Response:
    transport = httpx.ASGITransport(small_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.request(method, path)


async def test_an_error_says_what_and_how_to_mend_it() -> None:
    answer = await ask("/json/fails")
    assert answer.status_code == 404
    assert answer.json() == {"message": "Job 4712 is not known. The nearest is 4711.", "error": "unknown_name"}


async def test_graphites_clients_get_one_line_of_text() -> None:
    answer = await ask("/graphite/fails")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert answer.text == "Job 4712 is not known. The nearest is 4711."


def test_an_error_of_several_lines_becomes_one() -> None:
    answer = errors.service_response("/graphite/render", BadInput("expected\n  a number", fix="Mend it.", line=3))
    assert answer.body == b"line 3: expected a number Mend it."


def test_a_busy_server_says_when_to_come_back() -> None:
    answer = errors.service_response("/json/query", Busy("32 requests wait already.", fix="Try again."))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize(
    ("path", "method", "status", "body"),
    [
        (
            "/json/nowhere",
            "GET",
            404,
            {"message": "There is nothing at /json/nowhere. The page / says what there is.", "error": "not_found"},
        ),
        (
            "/json/known",
            "POST",
            405,
            {"message": "/json/known does not answer POST. Send GET.", "error": "bad_method"},
        ),
        (
            "/json/known?limit=many",
            "GET",
            400,
            {
                "message": "'limit': Input should be a valid integer, unable to parse string as an integer. "
                "See /docs for the parameters of /json/known.",
                "error": "bad_request",
            },
        ),
    ],
)
async def test_the_frameworks_own_errors_have_the_same_form(
    path: str, method: str, status: int, body: dict[str, str]
) -> None:
    answer = await ask(path, method)
    assert (answer.status_code, answer.json()) == (status, body)


async def test_the_unexpected_gives_an_id_that_the_log_has_with_the_traceback(caplog: pytest.LogCaptureFixture) -> None:
    answer = await ask("/json/breaks")
    body = answer.json()
    assert (answer.status_code, body["error"]) == (500, "internal")
    (record,) = [record for record in caplog.records if record.name == "weft.api.gate"]
    assert record.__dict__["id"] in body["message"]
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError
    assert "secret" not in json.dumps(body)


async def test_the_unexpected_below_graphite_is_a_line_too() -> None:
    answer = await ask("/graphite/breaks")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/plain; charset=utf-8")
    assert answer.text.startswith("Weft failed here, not you. Look for ")

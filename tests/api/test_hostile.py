"""Requests that nobody should send: every answer is readable, none is a traceback, none is FastAPI's `detail`."""

import json
import random
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from api.site import DATA, recorded, strict
from weft.api.graphite import work_of
from weft.metrics.series import Series

pytestmark = pytest.mark.anyio

SEED = 4711
ROUNDS = 40
"""Changes tried of each recorded request."""

ODD: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, 2**70, "", " ", "\x00", "(", ")", "{", "*", "**", "a.b.c", "..", "../../etc/passwd",
    "\ud800", "job.*.hosts.*", "jobs user='", "jobs =", 'logs query="', "🜁", "$__all", "%", "\\1", "x" * 5000, [], [[]],
    {}, {"a": []}, ["alice", None], {"from": None}, {"key": "user", "operator": "=~", "value": "("},
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    if path:
        yield path
    for key, member in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(member, (*path, key))


def put(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """The value with one place changed."""
    if not path:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], odd)
    return copy


def fine(answer: httpx.Response, told: object) -> None:
    """An answer that a client can read, whatever was asked."""
    assert answer.status_code in {200, 400, 403, 404}, (told, answer.text)
    assert "Traceback" not in answer.text, told
    if answer.status_code == 200:
        strict(answer)
    elif answer.headers["content-type"] == "application/json":
        assert set(strict(answer)) == {"message", "error"}, told
    else:
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text, told
        assert "\n" not in answer.text, told


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in (DATA / "grafana").glob("simp*.json") if "health" not in path.stem)
)
async def test_a_changed_member_is_answered_or_told(client: httpx.AsyncClient, name: str) -> None:
    chance = random.Random(f"{SEED} {name}")
    told = recorded(name)
    body = told["body"] or {"filters": []}
    all_places = list(places(body))
    for _ in range(ROUNDS):
        odd = put(body, chance.choice(all_places), chance.choice(ODD))
        content = json.dumps(odd)
        fine(await client.post(told["path"], content=content, headers=told["headers"]), content)


async def test_an_odd_question_is_answered_or_told(client: httpx.AsyncClient) -> None:
    chance = random.Random(SEED)
    for _ in range(2 * ROUNDS):
        body: dict[str, Any] = {"q": "jobs", "from": "-2h", "to": "now", "params": {"user": "alice"}, "limit": 10}
        body |= {chance.choice(list(body)): chance.choice(ODD) for _ in range(2)}
        content = json.dumps(body)
        fine(await client.post("/api/v1/query", content=content, headers={"content-type": "application/json"}), content)


@pytest.mark.parametrize(
    "path", ["render", "metrics/find", "metrics/expand", "events/get_data", "functions", "tags/autoComplete/values"]
)
async def test_odd_parameters_are_answered_or_told(client: httpx.AsyncClient, path: str) -> None:
    chance = random.Random(f"{SEED} {path}")
    names = ("target", "query", "from", "until", "maxDataPoints", "tz", "format", "xFilesFactor", "tags", "grouped")
    texts = [odd for odd in ODD if isinstance(odd, str) and odd != "\ud800"] + [
        "NaN",
        "inf",
        "1e400",
        "-1h",
        "now",
        "json",
    ]
    for _ in range(ROUNDS):
        form = {"target": "demo.*.load", "query": "demo.*"} | {
            chance.choice(names): chance.choice(texts) for _ in range(chance.randint(1, 4))
        }
        fine(await client.get(f"/graphite/{path}", params=form), form)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"query=%ff%fe", b"=&=&", b"&" * 1000, b"query=" + b"{" * 3000])
async def test_odd_forms_are_answered_or_told(client: httpx.AsyncClient, content: bytes) -> None:
    for path in ("/graphite/metrics/find", "/graphite/render"):
        fine(await client.post(path, content=content), content)


async def test_a_huge_body_is_refused_before_it_is_read(client: httpx.AsyncClient) -> None:
    answer = await client.post("/json/query", content=b" " * 5_000_000)
    assert (answer.status_code, strict(answer)) == (
        400,
        {"message": "The request is over 4000000 bytes. Split it into several.", "error": "too_much"},
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"target=x&" * 10_001, "The request has more than 10000 fields. Split it into several."),
        (b"target=" + b"%41" * 300_001, "The request has more than 300000 escaped bytes. Split it into several."),
    ],
)
async def test_a_form_that_takes_much_to_read_is_refused_before_that(
    client: httpx.AsyncClient, content: bytes, said: str
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await client.post("/graphite/render", content=content, headers=headers)
    assert (answer.status_code, answer.text) == (400, said)


def test_what_it_costs_to_write_a_number_by_python_grows_with_its_distance_from_one() -> None:
    one = Series("name", 0, 10, np.array([1.5, 0.0, np.nan, 1e99, 1e-99, 1e101, -1e300, 1e-300, np.inf]))
    assert work_of("raw")(one) == 9 * 40 + 4 + 4 * 130
    assert work_of("json")(one) == 9 * 8 + 4

"""Requests made to harm, sent to a real `weft serve`: each is answered in time, in little memory and in one line, and
others are answered meanwhile.

400 of them by a seed, to a server that allows a quarter of what it does by itself, so that all takes a quarter of the
time; WEFT_SOAK=1 makes it 10,000 and allows all, WEFT_SEED=n is another seed. And those thought of by hand.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import httpx
import pytest

from api.site import NOW_S
from e2e import hostile
from e2e.hostile import Request
from e2e.hostile_site import Bystander, Memory, Watch, hostile_site
from e2e.served import Served
from weft.metrics.functions import registry

SEED = int(os.environ.get("WEFT_SEED", "4711"))
SOAK = os.environ.get("WEFT_SOAK") == "1"
NUMBER = 10_000 if SOAK else 400
SETTINGS: dict[str, str] = {} if SOAK else {"WEFT_METRICS__MAX_POINTS": "3500000"}

ANSWERED_S, MOST_MB = 2.0, 300
"""Every answer, to its last byte; and the server's memory all the while."""
SHOWN_BYTES = 100_000
"""So much of an answer is looked at."""
KEPT_BYTES = 2000

SPAN = f"from={NOW_S - 7200}&until={NOW_S}&now={NOW_S}"
ORDINARY = (
    f"render?target=job.4711.hosts.*.load&target=switch.leaf01.*.PortRcvData&{SPAN}",
    f"render?target=seriesByTag('name=cpu','core=0')&{SPAN}&maxDataPoints=20",
    "metrics/find?query=wide.g1.*",
    "metrics/expand?query=job.4711.hosts.*",
    "functions",
)
"""What is answered with the same bytes before and after."""

OTHERWISE = {
    403: ("jsonp is only for pages", "of another origin"),
    404: ("There is nothing at",),
    405: ("does not answer",),
}
"""Refusals besides 400, and what they say: of another page, of no page, of a page by another method."""


class Told(NamedTuple):
    """What came of a request."""

    request: Request
    status: int
    head: bytes
    size: int
    clock_s: float
    took_s: float
    peak_mb: float

    def __str__(self) -> str:
        return (
            f"{self.took_s:.2f} s ({self.clock_s:.2f} s by the clock), {self.peak_mb:.0f} MB: {self.status}, "
            f"{self.size} bytes: {self.request.shown()} -> {self.head[:200]!r}"
        )


class Attacker:
    """Sends requests to a server, one after another, and watches what each of them takes."""

    def __init__(self, server: Served) -> None:
        self._server, self._memory = server, Memory(server.pid)
        self._client = httpx.Client(base_url=f"{server.url}/graphite/", timeout=60)

    def send(self, request: Request) -> tuple[Told, str]:
        """Send one and read its answer to the end; and what is wrong with that."""
        method, path, content, headers = request.sent()
        # Once this is answered, the server has let go of what it answered before.
        self._client.get(f"{self._server.url}/healthz")
        self._memory.forget()
        watch = Watch(self._server.pid)
        head, size = b"", 0
        with self._client.stream(method, path, content=content, headers=headers) as answer:
            for chunk in answer.iter_raw():
                head += chunk[: max(0, SHOWN_BYTES - size)]
                size += len(chunk)
        told = Told(request, answer.status_code, head, size, *watch.took_s(), self._memory.peak_mb())
        # Ten thousand beginnings of answers would be a gigabyte.
        return told._replace(head=head[:KEPT_BYTES]), wrong(told, answer.headers)

    def ordinary(self) -> list[bytes]:
        """Answers to ordinary questions."""
        answers = [self._client.get(path) for path in ORDINARY]
        assert [answer.status_code for answer in answers] == [200] * len(ORDINARY)
        return [answer.content for answer in answers]

    def close(self) -> None:
        """Hang up."""
        self._client.close()


def wrong(told: Told, headers: httpx.Headers) -> str:
    """What an answer should not be, "" when it is as it should."""
    if told.peak_mb > MOST_MB:
        return "takes too much memory"
    if told.took_s > ANSWERED_S:
        return "takes too long"
    if {"x-evil", "x-weft-evil", "x"} & set(headers):
        return "has a header that was asked for"
    if told.status == 200:
        whole = headers["content-type"] == "application/json" and told.size < SHOWN_BYTES
        return "" if not whole or strict(told.head) else "is no JSON"
    text = told.head.decode()
    if headers["content-type"] != "text/plain; charset=utf-8" or not text.strip() or "\n" in text:
        return "is not a line of text"
    if told.status != 400 and not any(words in text for words in OTHERWISE.get(told.status, ())):
        return "is refused otherwise than it should"
    return ""


def strict(body: bytes) -> bool:
    """True for JSON as a browser and Go read it: no NaN, no Infinity."""

    def refuse(word: str) -> None:
        raise ValueError(word)

    try:
        json.loads(body, parse_constant=refuse)
    except ValueError:
        return False
    return True


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with hostile_site(tmp_path_factory.mktemp("hostile") / "data", SETTINGS) as served:
        yield served
    # Nothing of all this was unexpected.
    log = served.log.read_text()
    assert "Traceback" not in log
    assert "ERROR" not in log


@pytest.fixture
def attacker(server: Served) -> Iterator[Attacker]:
    made = Attacker(server)
    yield made
    made.close()


@pytest.mark.parametrize("told", hostile.by_hand(), ids=lambda told: told.about)
def test_what_was_thought_of_by_hand_is_answered_or_refused_in_a_line(attacker: Attacker, told: hostile.ByHand) -> None:
    came, complaint = attacker.send(told.request)
    assert not complaint, came
    assert (came.status, told.says in came.head.decode("utf-8", "replace")) == (told.status, True), came


def test_hostile_requests_are_answered_in_time_and_others_meanwhile(server: Served, attacker: Attacker) -> None:
    print(f"WEFT_SEED={SEED}")
    before = attacker.ordinary()
    with Bystander(server) as bystander:
        answers = [attacker.send(request) for request in hostile.made(SEED, NUMBER)]
    complaints = [f"{complaint}: {told}" for told, complaint in answers if complaint]
    assert not complaints, "\n".join(complaints)
    came = [told for told, _ in answers]
    assert attacker.ordinary() == before
    assert len(bystander.answers) == 1
    clock_s, waits_s = (sorted(some) for some in zip(*bystander.waits_s, strict=True))
    assert waits_s[-1] < 2 * ANSWERED_S, "the one it waits for, and its own"
    for told in (*sorted(came, key=lambda one: -one.took_s)[:5], *sorted(came, key=lambda one: -one.peak_mb)[:5]):
        print(told)
    for what, some in (("", waits_s), (" by the clock", clock_s)):
        print(f"the bystander waited{what} {some[-1]:.2f} s at most, {some[len(some) * 99 // 100]:.2f} s at 99 %")
    print(Counter((told.request.kind, told.status) for told in came))
    assert {told.request.kind for told in came} == set(hostile.KINDS)
    called = {told.request.form[0][1].partition("(")[0] for told in came if told.request.kind == "functions"}
    assert called >= set(registry.described()) - {"seriesByTag"}

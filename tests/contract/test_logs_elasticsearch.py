"""What only Elasticsearch has to promise: a server that dies, hangs or is another; many writers; old days let go of."""

import json
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import anyio
import pytest
from anyio import to_thread
from anyio.abc import ByteStream
from elasticsearch import Elasticsearch as Client
from tests.services import elasticsearch, process

from contract.log_lines import ALWAYS, DAY, MIDNIGHT, asked, line, pages
from log_engines import settings_of
from weft.base import waits
from weft.base.config import Elasticsearch
from weft.base.errors import TooMuch, Unavailable
from weft.base.intervals import Interval
from weft.logs.elasticsearch import ElasticsearchLogs
from weft.logs.store import LogLine, LogQuery, Place

pytestmark = pytest.mark.anyio

SOAK = os.environ.get("WEFT_SOAK") == "1"


@pytest.fixture
async def elasticsearch_index(elasticsearch_server: elasticsearch.Server) -> AsyncIterator[str]:
    """A name that no other test's indices begin with; they are taken away afterwards."""
    name = f"only{random.getrandbits(48):x}"
    yield name
    with Client(elasticsearch_server.url) as client:
        for index in client.indices.get(index=f"{name}-*"):
            client.indices.delete(index=index)
        client.options(ignore_status=404).indices.delete_index_template(name=name)


async def test_what_was_acknowledged_survives_kill_9_of_the_server(elasticsearch_alone: elasticsearch.Server) -> None:
    """The writer sends what was not acknowledged again, as whoever feeds it does; nothing is there twice."""
    chance = random.Random(4711)
    server, sent = elasticsearch_alone, list[LogLine]()
    async with ElasticsearchLogs.open(settings_of(server, "killed")) as logs:
        for _ in range(10 if SOAK else 2):
            async with anyio.create_task_group() as group:
                group.start_soon(to_thread.run_sync, kill_after, server, chance.uniform(0.5, 1.5))
                unsure = await feed(logs, sent)
            await to_thread.run_sync(server.restart)
            assert 0 <= await logs.append(unsure) <= len(unsure)
            assert await logs.append(unsure) == 0
            sent += unsure
            assert await logs.append(sent[-1000:]) == 0
        assert (await logs.stats())["lines"] == len(sent)
        kept, _ = await pages(logs, LogQuery(ALWAYS), 5000)
        assert kept == sorted(sent, key=lambda one: Place.of(one).order)


def kill_after(server: elasticsearch.Server, seconds: float) -> None:
    time.sleep(seconds)
    server.kill()


async def feed(logs: ElasticsearchLogs, sent: list[LogLine]) -> list[LogLine]:
    """Append batches until the server is away; what was acknowledged is added to `sent`, the rest returned."""
    while True:
        first = len(sent)
        batch = [line(str(n), MIDNIGHT + n % 2 * DAY + n, f"link {n} down") for n in range(first, first + 200)]
        try:
            assert await logs.append(batch) == 200
        except Unavailable:
            return batch
        sent += batch


async def test_another_process_sees_a_line_within_two_seconds(
    elasticsearch_server: elasticsearch.Server, elasticsearch_index: str
) -> None:
    told = settings_of(elasticsearch_server, elasticsearch_index)
    async with ElasticsearchLogs.open(told) as writer, ElasticsearchLogs.open(told) as reader:
        assert (await reader.search(LogQuery(ALWAYS))).total == 0
        for n in range(2):
            await writer.append([line(str(n), MIDNIGHT)])
            began = time.monotonic()
            while (await reader.search(LogQuery(ALWAYS))).total == n:
                assert time.monotonic() - began < 2
        async with ElasticsearchLogs.open(told) as late:
            await writer.append([line("late", MIDNIGHT + DAY)])
            assert (await late.search(LogQuery(ALWAYS))).total == 3, "one that is opened sees all that was kept before"


async def test_writers_of_the_same_lines_keep_each_once(
    elasticsearch_server: elasticsearch.Server, elasticsearch_index: str
) -> None:
    told = settings_of(elasticsearch_server, elasticsearch_index)
    same = [line(str(n), MIDNIGHT + n % 3 * DAY) for n in range(900)]
    new: list[int] = []

    async def write(lines: Sequence[LogLine]) -> None:
        async with ElasticsearchLogs.open(told) as logs:
            for start in range(0, 900, 300):
                new.append(await logs.append(lines[start : start + 300]))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(write, random.sample(same, 900))
    async with ElasticsearchLogs.open(told) as logs:
        assert (sum(new), (await logs.stats())["lines"]) == (900, 900)
        assert (await logs.search(LogQuery(ALWAYS))).total == 900


async def test_the_mapping_never_grows(elasticsearch_server: elasticsearch.Server, elasticsearch_index: str) -> None:
    def mapping() -> Any:
        with Client(elasticsearch_server.url) as client:
            (told,) = client.indices.get_mapping(index=f"{elasticsearch_index}-*").body.values()
            return told

    async with ElasticsearchLogs.open(settings_of(elasticsearch_server, elasticsearch_index)) as logs:
        await logs.append([line("a", MIDNIGHT)])
        before = mapping()
        told = [line(str(n), MIDNIGHT, fields={f"f{n}.{k}": chr(k) for k in range(300)}) for n in range(20)]
        assert await logs.append(told) == 20
    assert mapping() == before


async def test_a_cluster_that_has_lost_its_template_is_given_it_again(
    elasticsearch_server: elasticsearch.Server, elasticsearch_index: str
) -> None:
    async with ElasticsearchLogs.open(settings_of(elasticsearch_server, elasticsearch_index)) as logs:
        await logs.append([line("a", MIDNIGHT)])
        with Client(elasticsearch_server.url) as client:
            client.indices.delete_index_template(name=elasticsearch_index)
        await logs.append([line("b", MIDNIGHT + DAY, "Größe 10.1", fields={"x": 1})])
        assert [hit.id for hit in (await logs.search(asked("größe x:>0"))).lines] == ["b"]
        assert (await logs.search(asked("größe AND x:>0"))).total == 1


async def test_what_others_put_into_an_index_stands_in_no_ones_way(
    elasticsearch_server: elasticsearch.Server, elasticsearch_index: str
) -> None:
    async with ElasticsearchLogs.open(settings_of(elasticsearch_server, elasticsearch_index)) as logs:
        await logs.append([line("a", MIDNIGHT)])
        with Client(elasticsearch_server.url) as client:
            foreign = {"@timestamp": "2025-11-22T00:00:00Z", "message": "link", "host": {"name": "x"}, "new": {"y": 1}}
            foreign["host"] = "x"
            client.index(index=f"{elasticsearch_index}-2025.11.22", document=foreign, refresh=True)
        hits = await logs.search(LogQuery(ALWAYS))
        assert ([hit.id for hit in hits.lines], hits.total) == (["a"], 1)
        assert (await logs.stats())["lines"] == 1


async def test_days_are_let_go_of_when_their_last_line_is_old_enough(
    elasticsearch_server: elasticsearch.Server, elasticsearch_index: str
) -> None:
    told = settings_of(elasticsearch_server, elasticsearch_index, keep_days=2)
    now_s = (MIDNIGHT + 3 * DAY) / 1000
    async with ElasticsearchLogs.open(told, clock=lambda: now_s) as logs:
        assert await logs.append([line(str(n), MIDNIGHT + n * DAY) for n in range(4)]) == 4
        assert await logs.span() == Interval(MIDNIGHT + DAY, MIDNIGHT + 4 * DAY)
        now_s += 86_400
        await logs.append([line("new", MIDNIGHT + 4 * DAY)])
        assert [hit.id for hit in (await logs.search(LogQuery(ALWAYS))).lines] == ["new", "3", "2"]


async def test_a_closed_day_is_told_of_and_the_others_answer(
    elasticsearch_server: elasticsearch.Server, elasticsearch_index: str
) -> None:
    async with ElasticsearchLogs.open(settings_of(elasticsearch_server, elasticsearch_index)) as logs:
        await logs.append([line(str(n), MIDNIGHT + n * DAY) for n in range(2)])
        with Client(elasticsearch_server.url) as client:
            client.indices.close(index=f"{elasticsearch_index}-2025.11.22")
        hits = await logs.search(LogQuery(ALWAYS))
        assert ([hit.id for hit in hits.lines], hits.total) == (["1"], 1)
        (notice,) = hits.notices
        assert notice.startswith("Some days of the logs are closed in Elasticsearch and left out. Look which they are")
        assert (await logs.histogram(LogQuery(Interval(MIDNIGHT, MIDNIGHT + DAY)), DAY)).notices == (notice,)
        with pytest.raises(Unavailable, match=r"does not take a log line: .*closed"):
            await logs.append([line("x", MIDNIGHT)])


async def test_counting_stops_at_a_number_and_says_so(
    elasticsearch_server: elasticsearch.Server, elasticsearch_index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weft.logs.elasticsearch.engine.COUNTED", 5)
    async with ElasticsearchLogs.open(settings_of(elasticsearch_server, elasticsearch_index)) as logs:
        await logs.append([line(str(n), MIDNIGHT + n) for n in range(9)])
        hits = await logs.search(LogQuery(ALWAYS), limit=2)
        assert (len(hits.lines), hits.total, hits.at_least) == (2, 5, True)
        assert sum((await logs.histogram(LogQuery(Interval(MIDNIGHT, MIDNIGHT + DAY)), DAY)).counts) == 9


async def test_too_large_a_query_is_refused_in_words(
    elasticsearch_server: elasticsearch.Server, elasticsearch_index: str
) -> None:
    async with ElasticsearchLogs.open(settings_of(elasticsearch_server, elasticsearch_index)) as logs:
        await logs.append([line("a", MIDNIGHT)])
        with pytest.raises(TooMuch, match="A pattern of the query is too large"):
            await logs.search(asked("/(a|b)*a(a|b){900}/"))
        deep = "".join(f"a{n} NOT (" for n in range(32)) + "c" + ")" * 32
        with pytest.raises(TooMuch, match="too many groups in groups"):
            await logs.search(asked(deep))
        flat = "".join(f"a{n} AND (b{n} OR (" for n in range(16)) + "c" + "))" * 16
        assert (await logs.search(asked(flat))).total == 0


async def test_a_server_that_hangs_is_told_of_in_time(
    elasticsearch_server: elasticsearch.Server, elasticsearch_index: str
) -> None:
    told = settings_of(elasticsearch_server, elasticsearch_index, timeout_s=1.0)
    async with ElasticsearchLogs.open(told) as logs:
        os.kill(elasticsearch_server.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with waits.one_request():
                for asking in (logs.search(LogQuery(ALWAYS)), logs.span(), logs.stats()):
                    with pytest.raises(Unavailable, match=r"has not answered within 1 s"):
                        await asking
            assert time.monotonic() - began < 2, "all that one request asks"
        finally:
            os.kill(elasticsearch_server.pid, signal.SIGCONT)


async def test_a_server_that_is_away_is_told_of_at_once() -> None:
    away = Elasticsearch(url=f"http://127.0.0.1:{process.free_port()}")
    async with ElasticsearchLogs.open(away) as logs:
        began = time.monotonic()
        for asking in (
            logs.append([line("a", 0)]), logs.search(LogQuery(ALWAYS)), logs.histogram(LogQuery(Interval(0, 1)), 1),
            logs.top(LogQuery(ALWAYS), "host"), logs.fields(LogQuery(ALWAYS)), logs.span(), logs.stats(),
        ):  # fmt: skip
            with pytest.raises(
                Unavailable, match=r"does not answer: .*Start it, or name a running one in elast"
            ) as told:
                await asking
            assert "Traceback" not in str(told.value)
        assert time.monotonic() - began < 2.5


@pytest.mark.parametrize(
    ("status", "headers", "body", "said"),
    [
        (200, "", {}, "is no Elasticsearch. Start it"),
        (
            401,
            "",
            {"error": {"type": "security_exception", "reason": "missing authentication"}},
            "not let Weft in (401)",
        ),
        (503, "", {"error": {"root_cause": [], "reason": "state not recovered"}}, "refuses (503): state not recovered"),
        (429, "", {"error": {"reason": "queue is full"}}, "is too busy: queue is full"),
        (500, "", "<html>proxy</html>", "refuses (500): <html>"),
    ],
)
async def test_what_else_may_answer(status: int, headers: str, body: object, said: str) -> None:
    """An HTTP server that says one thing to all requests; one without the product's header is no Elasticsearch."""
    told = body if isinstance(body, str) else json.dumps(body)
    kind = "text/html" if isinstance(body, str) else "application/json"
    product = "" if status == 200 else "X-elastic-product: Elasticsearch\r\n"
    answer = f"HTTP/1.1 {status} x\r\n{product}Content-Type: {kind}\r\nContent-Length: {len(told)}\r\n\r\n{told}"

    async def speak(stream: ByteStream) -> None:
        async with stream:
            while True:
                try:
                    await stream.receive()
                except anyio.EndOfStream:
                    return
                await stream.send(answer.encode())

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        group.start_soon(listener.serve, speak)
        async with ElasticsearchLogs.open(Elasticsearch(url=f"http://127.0.0.1:{port}")) as logs:
            with pytest.raises(Unavailable) as raised:
                await logs.search(LogQuery(ALWAYS))
        assert said in str(raised.value)
        group.cancel_scope.cancel()

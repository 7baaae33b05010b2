"""Lines into a cluster that is busy, refuses or has lifecycles: a fake one says what the real one seldom does."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from weft.base.config import Elasticsearch
from weft.base.errors import TooMuch, Unavailable
from weft.base.intervals import Interval
from weft.logs.elasticsearch import writing
from weft.logs.elasticsearch.cluster import reason_of, too_much_of
from weft.logs.elasticsearch.engine import ElasticsearchLogs
from weft.logs.elasticsearch.writing import Writer, bulks
from weft.logs.store import LogLine, LogQuery

pytestmark = pytest.mark.anyio

DAY = 86_400_000


def line(n: int, message: str = "link down") -> LogLine:
    return LogLine(f"{n}", n * DAY, "node001", "kernel", "err", message, "messages")


class FakeClient:
    """Takes the place of the client in a call, and says what was called with what."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        async def call(**told: Any) -> None:
            self.calls.append((name, told))

        return self if name in ("indices", "ilm") else call


class FakeCluster:
    """A cluster with scripted answers to bulks (a status for each line, None: too busy) and to searches."""

    url, timeout_s = "http://fake", 2.5

    def __init__(self, bulks: Sequence[Sequence[int] | None] = (), lifecycle: bool = False, found: Any = None) -> None:
        self.client = FakeClient()
        self._bulks, self._lifecycle, self._found = list(bulks), lifecycle, found

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        yield

    async def _made(self, call: Any) -> tuple[str, dict[str, Any]]:
        await call(self.client)
        return self.client.calls[-1]

    async def attempt(self, call: Any) -> Any:
        _, told = await self._made(call)
        statuses = self._bulks.pop(0)
        if statuses is None:
            return None
        assert len(told["operations"]) == len(statuses)
        problem = {"type": "some_exception", "reason": "queue is full"}
        return {"items": [{"create": {"status": s} | ({"error": problem} if s > 201 else {})} for s in statuses]}

    async def write(self, call: Any, *, absent: bool = False) -> Any:
        return (await self._made(call))[0] != "exists_index_template"

    async def has(self, call: Any) -> Any:
        await self._made(call)
        return {} if self._lifecycle else None

    async def read(self, call: Any, *, absent: bool = False) -> Any:
        name, _ = await self._made(call)
        return self._found if name == "search" else {"w-1970.01.01": {}, "w-1970.01.05": {}, "other": {}}

    def named(self, name: str) -> list[dict[str, Any]]:
        return [told for called, told in self.client.calls if called == name]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PAUSES_S", (0.0, 0.0))


def test_a_bulk_has_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(writing.operation_of("w", line(1))[1])
    monkeypatch.setattr(writing, "BULK_BYTES", 3 * size)
    lines = [*(line(n) for n in range(7)), line(7, "x" * 5000), line(8)]
    told = list(bulks("w", lines))
    assert [len(bulk.operations) for bulk in told] == [3, 3, 1, 1, 1]
    documents = [orjson.loads(operation.splitlines()[1])["id"] for bulk in told for operation in bulk.operations]
    assert documents == [str(n) for n in range(9)]
    assert told[0].indices == {"w-1970.01.01", "w-1970.01.02", "w-1970.01.03"}
    assert list(bulks("w", [])) == []


async def test_what_the_cluster_was_too_busy_for_is_sent_again() -> None:
    cluster = FakeCluster([None, [201, 429, 409, 429], [409, 201]])
    touched: set[str] = set()
    new = await Writer(cluster, "w", 0).append([line(n) for n in range(4)], touched)
    assert new == 2
    sent = [[orjson.loads(o.splitlines()[1])["id"] for o in told["operations"]] for told in cluster.named("bulk")]
    assert sent == [["0", "1", "2", "3"], ["0", "1", "2", "3"], ["1", "3"]]
    assert touched == {"w-1970.01.01", "w-1970.01.02", "w-1970.01.03", "w-1970.01.04"}


async def test_a_cluster_that_stays_busy_is_given_up_on() -> None:
    touched: set[str] = set()
    with pytest.raises(Unavailable, match=r"fake is too busy to take log lines: queue is full. They can be sent again"):
        await Writer(FakeCluster([[429]] * 3), "w", 0).append([line(0)], touched)
    assert touched == {"w-1970.01.01"}, "some of it may have been taken"
    with pytest.raises(Unavailable, match=r"is too busy to take log lines. They can be sent again"):
        await Writer(FakeCluster([None] * 3), "w", 0).append([line(0)], set())


async def test_what_no_repeat_helps_is_told_at_once() -> None:
    cluster = FakeCluster([[201, 403]])
    with pytest.raises(Unavailable, match=r"does not take a log line: queue is full. Look into the cluster's health"):
        await Writer(cluster, "w", 0).append([line(0), line(1)], set())
    assert len(cluster.named("bulk")) == 1


async def test_a_cluster_with_lifecycles_lets_go_of_days_itself() -> None:
    cluster = FakeCluster([[201]], lifecycle=True)
    await Writer(cluster, "w", 2, clock=lambda: 9 * 86_400.0).append([line(8)], set())
    (policy,) = cluster.named("put_lifecycle")
    assert policy["policy"]["phases"]["delete"]["min_age"] == "3d"
    (template,) = cluster.named("put_index_template")
    assert template["body"]["template"]["settings"]["index"]["lifecycle.name"] == "w"
    assert cluster.named("delete") == []


async def test_without_lifecycles_old_days_are_deleted_by_their_names_once_an_hour() -> None:
    now_s = 3 * 86_400.0 - 1
    cluster = FakeCluster([[201]] * 3)
    writer = Writer(cluster, "w", 2, clock=lambda: now_s)
    await writer.append([line(2)], set())
    assert cluster.named("delete") == [], "the last line of the first day is a second too young"
    now_s += 3599
    await writer.append([line(2)], set())
    assert cluster.named("delete") == []
    now_s += 1
    await writer.append([line(2)], set())
    assert cluster.named("delete") == [{"index": "w-1970.01.01"}]


def shards(**more: Any) -> dict[str, Any]:
    return {"total": 3, "successful": 2, "skipped": 0, "failed": 1} | more


async def asked(found: dict[str, Any]) -> tuple[str, ...]:
    cluster = FakeCluster(
        found={"timed_out": False, "hits": {"total": {"value": 0, "relation": "eq"}, "hits": []}} | found
    )
    store = ElasticsearchLogs(cluster, Elasticsearch(index="w"), lambda: 0.0)
    return (await store.search(LogQuery(Interval(0)))).notices


async def test_parts_that_cannot_be_read_are_told() -> None:
    assert await asked({"_shards": shards(failed=0)}) == ()
    (notice,) = await asked({"_shards": shards()})
    assert notice == (
        "1 of 3 parts of the logs in Elasticsearch at http://fake cannot be read: they are not assigned to a node. "
        "Look into the cluster's health (GET _cluster/health)."
    )
    (notice,) = await asked({"_shards": shards(failures=[{"shard": 0, "reason": {"type": "x", "reason": "disk"}}])})
    assert "cannot be read: disk." in notice
    with pytest.raises(TooMuch, match="fits too many different words"):
        await asked({"_shards": shards(failures=[{"reason": {"reason": "exceeds maxClauseCount"}}])})


async def test_a_search_that_takes_too_long_says_what_to_do() -> None:
    with pytest.raises(TooMuch, match=r"took over 2 s. Give a shorter window.*or raise elasticsearch.timeout_s"):
        await asked({"timed_out": True, "_shards": shards(failed=0)})


def test_a_problem_is_told_in_the_servers_words() -> None:
    cases = [
        ({"error": {"root_cause": [{"type": "a", "reason": "b"}], "type": "c", "reason": "d"}, "status": 400}, "b"),
        ({"error": {"root_cause": [], "type": "c", "reason": "d"}}, "d"),
        ({"error": {"type": "c"}}, "c"),
        ({"error": "no handler found"}, "no handler found"),
        ("<html>", "<html>"),
        (None, "None"),
    ]
    for body, reason in cases:
        assert reason_of(body) == reason
    assert too_much_of("index_not_found") is None

"""What Slurm said of its nodes, at any time: by hand, and against a plain list of reports in random order."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.job_engines import ENGINES, Engine, engine_of
from weft.base.intervals import FOREVER_MS
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.jobs import SqliteJobs
from weft.inventory.sqlite.schema import SCHEMA
from weft.inventory.store import JobHistory
from weft.scheduler.model import NODE_MEMBERS, NodeReport, SchedulerNode

pytestmark = pytest.mark.anyio

MINUTE = 60_000
NOON = 1_763_812_800_000


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_of(request)


@pytest.fixture
async def jobs(engine: Engine) -> AsyncIterator[JobHistory]:
    async with engine.opened() as store:
        yield store


def node(number: int, state: str = "IDLE", *flags: str, **more: Any) -> SchedulerNode:
    """A node as a test needs it."""
    plain = SchedulerNode(f"node{number:02}", state, frozenset(flags), ("batch",), ("edr",), "gpu:4", 32, 192_000)
    return replace(plain, **more)


def report(at_ms: int, *nodes: SchedulerNode, **more: Any) -> NodeReport:
    return NodeReport("alpha", at_ms, "scontrol show node", nodes, **more)


async def test_nodes_are_as_last_reported_by_a_time(jobs: JobHistory) -> None:
    idle, busy = (node(1), node(2)), (node(1, "ALLOCATED"), node(2, "DOWN", "NOT_RESPONDING", reason="Not responding"))
    assert await jobs.apply_nodes(report(NOON, *idle))
    assert await jobs.apply_nodes(report(NOON + MINUTE, *busy))
    assert await jobs.scheduler_nodes("alpha", NOON - 1) == ()
    assert await jobs.scheduler_nodes("alpha", NOON) == idle
    assert await jobs.scheduler_nodes("alpha", NOON + MINUTE - 1) == idle
    assert await jobs.scheduler_nodes("alpha", NOON + MINUTE) == busy
    assert await jobs.scheduler_nodes("alpha", FOREVER_MS) == busy
    assert await jobs.scheduler_nodes("beta", FOREVER_MS) == ()


async def test_hearing_a_report_again_is_nothing_new_and_another_time_is(jobs: JobHistory) -> None:
    told = report(NOON, node(1), node(2))
    some = report(NOON, node(3), complete=False)
    assert [await jobs.apply_nodes(one) for one in (told, told, some, some)] == [True, False, True, False]
    version = await jobs.version()
    assert not await jobs.apply_nodes(told)
    assert await jobs.version() == version
    assert await jobs.apply_nodes(replace(told, seen_at_ms=NOON + 1))
    assert await jobs.version() != version


async def test_a_late_report_says_nothing_of_what_was_seen_after_it(jobs: JobHistory) -> None:
    first, last = report(NOON, node(1), node(2)), report(NOON + 2 * MINUTE, node(1), node(2))
    between = report(NOON + MINUTE, node(1, "DOWN"), node(2))
    for told in (first, last, between):
        await jobs.apply_nodes(told)
    assert await jobs.scheduler_nodes("alpha", NOON + MINUTE) == between.nodes
    assert await jobs.scheduler_nodes("alpha", NOON + 2 * MINUTE) == last.nodes


async def test_a_node_that_a_whole_listing_leaves_out_is_none_any_more(jobs: JobHistory) -> None:
    await jobs.apply_nodes(report(NOON, node(1), node(2)))
    await jobs.apply_nodes(report(NOON + MINUTE, node(2, "MIXED"), complete=False))
    assert await jobs.scheduler_nodes("alpha", NOON + MINUTE) == (node(1), node(2, "MIXED"))
    await jobs.apply_nodes(report(NOON + 2 * MINUTE, node(1), node(3)))
    assert await jobs.scheduler_nodes("alpha", NOON + 2 * MINUTE) == (node(1), node(3))
    await jobs.apply_nodes(report(NOON + 3 * MINUTE, node(1), node(2)))
    assert await jobs.scheduler_nodes("alpha", NOON + 3 * MINUTE) == (node(1), node(2))


async def test_what_a_source_does_not_tell_stays_as_it_was_and_what_it_tells_is_empty_where_there_is_none(
    jobs: JobHistory,
) -> None:
    await jobs.apply_nodes(report(NOON, node(1, reason="bad cable"), node(2)))
    bare = [SchedulerNode(f"node{n:02}", "ALLOCATED") for n in (1, 2)]
    await jobs.apply_nodes(report(NOON + MINUTE, *bare, tells=frozenset({"state", "reason"})))
    assert await jobs.scheduler_nodes("alpha", NOON + MINUTE) == (node(1, "ALLOCATED"), node(2, "ALLOCATED"))


async def test_a_year_of_reports_is_kept_as_its_changes(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "inventory.db", SCHEMA) as database:
        jobs = SqliteJobs(database)
        for minute in range(300):
            state = "DOWN" if minute == 100 else "IDLE"
            await jobs.apply_nodes(report(NOON + minute * MINUTE, node(1, state), *(node(n) for n in range(2, 9))))
        rows = await database.read(lambda c: c.execute("SELECT count(*) FROM node_told").fetchone()[0])
    assert rows == 8 * len(NODE_MEMBERS) + 2


# Random reports in random order, against the reports themselves.

STATES = [("IDLE",), ("DOWN", "DRAIN")]
MEMBERS = ["state", "partitions", "features", "gres", "cpus", "memory_mb", "reason"]


@st.composite
def reports(draw: st.DrawFn) -> NodeReport:
    numbers = draw(st.sets(st.integers(1, 3), min_size=1))
    nodes = []
    for number in sorted(numbers):
        state, *flags = draw(st.sampled_from(STATES))
        cpus = draw(st.sampled_from([None, 4, 8]))
        nodes.append(node(number, state, *flags, reason=draw(st.sampled_from(["", "x", "yy"])), cpus=cpus))
    tells = draw(st.sampled_from([NODE_MEMBERS, frozenset({"state"}), frozenset({"reason", "cpus"})]))
    return report(draw(st.integers(0, 5)), *nodes, complete=draw(st.booleans()), tells=tells)


def value(one: SchedulerNode, member: str) -> str:
    """A member as one text."""
    said = [one.state, *sorted(one.flags)] if member == "state" else getattr(one, member)
    return orjson.dumps(said).decode()


def expected(told: Sequence[NodeReport], at_ms: int) -> tuple[SchedulerNode, ...]:
    """Each member of each node from the last reports by then that say something of it."""
    found = []
    for name in sorted({one.name for each in told for one in each.nodes}):
        said: dict[str, Any] = {}
        for member in MEMBERS:
            words: dict[int, list[str | None]] = {}
            for each in told:
                listed = next((one for one in each.nodes if one.name == name), None)
                if each.seen_at_ms <= at_ms and member in each.tells and (listed or each.complete):
                    words.setdefault(each.seen_at_ms, []).append(value(listed, member) if listed else None)
            if words:
                last = [word for word in words[max(words)] if word is not None]
                said[member] = orjson.loads(max(last, key=lambda w: (len(w), w))) if last else None
        if said.get("state") is not None:
            state, *flags = said["state"]
            found.append(
                SchedulerNode(
                    name, state, frozenset(flags), tuple(said.get("partitions") or ()),
                    tuple(said.get("features") or ()), said.get("gres") or "", said.get("cpus"),
                    said.get("memory_mb"), said.get("reason") or "",
                )
            )  # fmt: skip
    return tuple(found)


async def play(engine: Engine, told: Sequence[NodeReport], again: Sequence[int]) -> None:
    async with engine.opened() as jobs:
        for one in [*told, *(told[n % len(told)] for n in again)]:
            await jobs.apply_nodes(one)
        for at_ms in range(-1, 7):
            assert await jobs.scheduler_nodes("alpha", at_ms) == expected(told, at_ms), at_ms
        for one in told:
            assert not await jobs.apply_nodes(one)


def test_reports_in_any_order_tell_what_the_last_of_each_time_said(engine: Engine) -> None:
    @engine.settings(60)
    @given(st.lists(reports(), min_size=1, max_size=7), st.lists(st.integers(0, 9), max_size=3))
    def check(told: list[NodeReport], again: list[int]) -> None:
        anyio.run(play, engine, told, again)

    check()

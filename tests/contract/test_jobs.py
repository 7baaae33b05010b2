"""What every JobHistory promises: by hand, on random reports against a dict model, and after kill -9."""

import random
import signal
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.job_engines import ENGINES, Engine, engine_of
from weft.base.errors import BadRequest
from weft.base.intervals import FOREVER_MS, Interval
from weft.inventory.runs import settle
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.jobs import SqliteJobs
from weft.inventory.sqlite.schema import SCHEMA
from weft.inventory.store import JobHistory, Page, RunFilter, RunsResult
from weft.scheduler.model import Run, RunKey

pytestmark = pytest.mark.anyio

HOUR = 3_600_000
DAY = 24 * HOUR
NOON = 1_763_812_800_000
"""22 Nov 2025, 12:00 UTC."""


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_of(request)


@pytest.fixture
async def jobs(engine: Engine) -> AsyncIterator[JobHistory]:
    async with engine.opened() as store:
        yield store


def run(job_id: int, start_ms: int | None, end_ms: int | None = None, hosts: Sequence[str] = (), **more: Any) -> Run:
    """A run of alice's on the cluster alpha, submitted a minute before it started, as a test needs it."""
    waits = start_ms is None
    plain = Run(
        RunKey("alpha", job_id, start_ms), str(job_id), "cfd", "alice", "physics", "batch",
        "PENDING" if waits else "RUNNING" if end_ms is None else "COMPLETED",
        submit_ms=NOON if start_ms is None else start_ms - 60_000, end_ms=end_ms, hosts=tuple(hosts),
        node_count=len(hosts) or None, exit_code=None if end_ms is None else 0, exit_signal=None,
        seen_at_ms=NOON + DAY, source="sacct",
    )  # fmt: skip
    return replace(plain, **more)


async def everything(ask: Callable[..., Awaitable[Page[Run]]]) -> list[Run]:
    """All pages, one after the other."""
    found: list[Run] = []
    cursor: str | None = None
    while True:
        page = await ask(cursor=cursor)
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return found
        assert page.items, "a page that goes on holds something"


async def test_a_run_comes_back_as_it_was_told(jobs: JobHistory) -> None:
    told = run(4711, NOON, NOON + HOUR, ["node001", "node002", "node004"], label="4711_5", exit_signal=9)
    told = replace(told, features="edr&gpu", tres="cpu=96,gres/gpu=4,node=3", cpus=96)
    assert await jobs.apply_runs([told]) == RunsResult(new=1, changed=0, same=0)
    assert await jobs.run(told.key) == told
    assert await jobs.run(RunKey("beta", 4711, NOON)) is None


async def test_a_plan_for_one_that_waits_comes_back_too(jobs: JobHistory) -> None:
    waits = run(4712, None, predicted_start_ms=NOON + HOUR)
    await jobs.apply_runs([waits])
    assert (await jobs.runs(RunFilter())).items == (waits,)


async def test_hearing_the_same_again_changes_nothing(jobs: JobHistory) -> None:
    told = [run(1, NOON, NOON + HOUR, ["node001"]), run(2, NOON)]
    await jobs.apply_runs(told)
    version = await jobs.version()
    assert await jobs.apply_runs([*told, told[0]]) == RunsResult(new=0, changed=0, same=2)
    assert await jobs.version() == version


async def test_every_change_of_an_answer_changes_the_version(jobs: JobHistory) -> None:
    versions = [await jobs.version()]
    for told in (run(1, NOON), run(1, NOON, seen_at_ms=NOON + 2 * DAY), run(1, NOON, NOON + HOUR)):
        await jobs.apply_runs([told])
        versions.append(await jobs.version())
    assert len(set(versions)) == 4


async def test_a_poorer_answer_takes_no_host_away(jobs: JobHistory) -> None:
    full = run(4711, NOON, None, ["node001", "node002"])
    await jobs.apply_runs([full])
    assert await jobs.apply_runs([replace(full, hosts=(), node_count=None)]) == RunsResult(0, 0, 1)
    assert await jobs.apply_runs([replace(full, hosts=("node003",), node_count=1)]) == RunsResult(0, 0, 1)
    assert await jobs.run(full.key) == full
    assert (await jobs.runs_on(["node003"], Interval(0))).items == ()


async def test_hosts_that_were_not_known_are_added_later(jobs: JobHistory) -> None:
    bare = run(4711, NOON)
    await jobs.apply_runs([bare])
    known = replace(bare, hosts=("node001", "node002"), node_count=2)
    assert await jobs.apply_runs([known]) == RunsResult(0, 1, 0)
    assert (await jobs.runs_on(["node002"], Interval(NOON))).items == (known,)


async def test_a_fuller_set_of_other_hosts_takes_the_place_of_the_poorer(jobs: JobHistory) -> None:
    partial_view = run(4711, NOON, None, ["node001"])
    full = replace(partial_view, hosts=("node002", "node003"), node_count=2)
    await jobs.apply_runs([partial_view])
    await jobs.apply_runs([full])
    assert (await jobs.runs_on(["node001"], Interval(NOON))).items == ()
    assert (await jobs.runs_on(["node003"], Interval(NOON))).items == (full,)


async def test_a_pending_record_gives_way_to_its_run_in_both_orders(jobs: JobHistory) -> None:
    begun = run(5, NOON, None, ["node001"])
    waiting = run(5, None, submit_ms=begun.submit_ms)
    assert await jobs.apply_runs([waiting]) == RunsResult(1, 0, 0)
    assert await jobs.run(waiting.key) == waiting
    assert await jobs.apply_runs([begun]) == RunsResult(0, 1, 0)
    assert await jobs.apply_runs([waiting]) == RunsResult(0, 0, 1)
    assert await jobs.run(waiting.key) is None
    assert (await jobs.runs(RunFilter())).items == (begun,)


async def test_a_job_cancelled_before_it_started_is_listed_by_its_submit_time(jobs: JobHistory) -> None:
    cancelled = run(6, None, NOON + HOUR, state="CANCELLED")
    await jobs.apply_runs([run(6, None), cancelled])
    assert (await jobs.runs(RunFilter(window=Interval(NOON, NOON + 1)))).items == (cancelled,)
    assert (await jobs.runs(RunFilter(window=Interval(NOON + 1, NOON + DAY)))).items == ()


async def test_a_requeued_job_keeps_both_runs_with_their_hosts(jobs: JobHistory) -> None:
    first = run(7, NOON, NOON + HOUR, ["node001"], state="NODE_FAIL")
    second = run(7, NOON + 2 * HOUR, None, ["node002"])
    await jobs.apply_runs([second, first])
    assert await jobs.find("7", "alpha") == (second, first)
    assert (await jobs.runs_on(["node001"], Interval(0))).items == (first,)
    assert await jobs.find("7", "alpha", Interval(NOON, NOON + HOUR)) == (first,)


async def test_windows_are_half_open_and_an_open_run_goes_on(jobs: JobHistory) -> None:
    ended, still = run(1, NOON, NOON + HOUR, ["node001"]), run(2, NOON - DAY, None, ["node001"])
    await jobs.apply_runs([ended, still])
    cases = {
        Interval(NOON - HOUR, NOON): (still,),
        Interval(NOON - HOUR, NOON + 1): (ended, still),
        Interval(NOON + HOUR - 1, NOON + HOUR): (ended, still),
        Interval(NOON + HOUR, NOON + 400 * DAY): (still,),
        Interval(NOON - 3 * DAY, NOON - 2 * DAY): (),
    }
    for window, expected in cases.items():
        assert (await jobs.runs(RunFilter(window=window))).items == expected
        assert (await jobs.runs_on(["node001"], window)).items == expected


async def test_a_run_of_no_length_is_still_found(jobs: JobHistory) -> None:
    brief = run(1, NOON, NOON, ["node001"], state="FAILED", exit_code=1)
    await jobs.apply_runs([brief])
    assert (await jobs.runs_on(["node001"], Interval(NOON, NOON + 1000))).items == (brief,)
    assert (await jobs.runs(RunFilter(window=Interval(NOON - HOUR, NOON)))).items == ()


async def test_a_long_run_is_found_in_a_short_window_within_it(jobs: JobHistory) -> None:
    long, short = run(1, NOON - 90 * DAY, NOON, ["node001"]), run(2, NOON - HOUR, NOON, ["node001"])
    await jobs.apply_runs([short, long])
    window = Interval(NOON - 45 * DAY, NOON - 45 * DAY + 1000)
    assert (await jobs.runs(RunFilter(window=window))).items == (long,)
    assert (await jobs.runs_on(["node001"], window)).items == (long,)


async def test_typed_ids_mean_arrays_their_tasks_and_parts_of_heterogeneous_jobs(jobs: JobHistory) -> None:
    array = [run(50 + task, NOON + task, label=f"50_{task}") for task in (1, 2)] + [run(50, NOON + 3, label="50_3")]
    parts = [run(60 + part, NOON, label=f"60+{part}") for part in (0, 1)]
    other = run(500, NOON)
    await jobs.apply_runs([*array, *parts, other, replace(array[0], key=RunKey("beta", 51, NOON + 1))])
    assert await jobs.find("50", "alpha") == (array[2], array[1], array[0])
    assert await jobs.find("50_1", "alpha") == (array[0],)
    assert await jobs.find("51", "alpha") == (array[0],), "the raw id of a task is its own"
    assert await jobs.find("60", "alpha") == (parts[1], parts[0])
    assert await jobs.find("60+1", "alpha") == (parts[1],)
    assert await jobs.find(" 500 ", "alpha") == (other,)
    assert await jobs.find("50_1", "beta") != await jobs.find("50_1", "alpha")
    for unknown in ("", "5", "50_", "50_4", "x50", "50.batch", "9" * 30):
        assert await jobs.find(unknown, "alpha") == ()


async def test_filters_narrow_together_and_their_values_widen(jobs: JobHistory) -> None:
    told = [
        run(1, NOON, user="alice", account="physics", partition="batch", name="cfd"),
        run(2, NOON, user="bob", account="physics", partition="short", name="cfd", end_ms=NOON + 1, state="FAILED"),
        run(3, NOON, user="carol", account="chem", partition="short", name="md"),
        run(4, None, user="bob", account="chem", partition="batch", name="md"),
    ]
    await jobs.apply_runs(told)
    cases: list[tuple[RunFilter, set[int]]] = [
        (RunFilter(), {1, 2, 3, 4}),
        (RunFilter(users=("bob", "carol", "bob")), {2, 3, 4}),
        (RunFilter(users=("bob", "carol"), partitions=("short",)), {2, 3}),
        (RunFilter(accounts=("physics",), name="cfd", states=("FAILED", "TIMEOUT")), {2}),
        (RunFilter(states=("PENDING",)), {4}),
        (RunFilter(clusters=("beta",)), set()),
        (RunFilter(clusters=("alpha",), name="md"), {3, 4}),
        (RunFilter(users=("Bob",)), set()),
        (RunFilter(window=Interval(NOON + DAY), users=("bob", "alice", "carol")), {1, 3}),
    ]
    for which, expected in cases:
        assert {found.key.job_id for found in (await jobs.runs(which)).items} == expected, which


@pytest.mark.parametrize("question", ["runs", "runs_on"])
async def test_pages_are_stable_while_runs_are_added(jobs: JobHistory, question: str) -> None:
    told = [run(n, NOON + n // 3 * 1000, None, ["node001", "node002"]) for n in range(20)]
    newest_first = tuple(reversed(told))
    await jobs.apply_runs(told)
    ask: Callable[..., Awaitable[Page[Run]]] = (
        partial(jobs.runs, RunFilter(window=Interval(NOON)), limit=7)
        if question == "runs"
        else partial(jobs.runs_on, ["node002", "node001", "node002"], Interval(0), limit=7)
    )
    first = await ask()
    await jobs.apply_runs([run(100, NOON + DAY, None, ["node001"])])
    second = await ask(cursor=first.cursor)
    third = await ask(cursor=second.cursor)
    assert (first.items, second.items, third.items) == (newest_first[:7], newest_first[7:14], newest_first[14:])
    assert third.cursor is None


async def test_a_forged_cursor_is_refused(jobs: JobHistory) -> None:
    for forged in ("", "1", "1.2", "a.b.c", "1.2.3.4", "1'.2.3", "9" * 40 + ".1.1"):
        with pytest.raises(BadRequest, match="no cursor"):
            await jobs.runs(RunFilter(), cursor=forged)
        with pytest.raises(BadRequest, match="Ask for the first page again"):
            await jobs.runs_on(["node001"], Interval(0), cursor=forged)


async def test_absurd_times_and_limits_are_answered(jobs: JobHistory) -> None:
    told = run(1, NOON, NOON + HOUR, ["node001"])
    await jobs.apply_runs([told])
    for window in (Interval(-(10**30), 10**30), Interval(-(2**63)), Interval(0, FOREVER_MS)):
        assert (await jobs.runs_on(["node001"], window, limit=10**12)).items == (told,)
        assert (await jobs.runs(RunFilter(window=window), limit=0)).items == (told,)
    assert (await jobs.runs(RunFilter(window=Interval(5, 3)))).items == ()
    assert (await jobs.runs_on([], Interval(0))).items == ()


async def test_nothing_of_a_batch_is_kept_when_one_run_cannot_be(jobs: JobHistory) -> None:
    unfit = run(2, NOON, None, ["node002"], exit_code=2**70)
    with pytest.raises(OverflowError):
        await jobs.apply_runs([run(1, NOON, None, ["node001"]), unfit])
    assert (await jobs.runs(RunFilter())).items == ()
    later = run(3, NOON, None, ["node003"])
    await jobs.apply_runs([later])
    assert await jobs.run(later.key) == later


# Random reports against a model that keeps every report and looks at all of them.


def at_of(one: Run) -> int:
    return one.key.start_ms if one.key.start_ms is not None else one.submit_ms or 0


def span_of(one: Run) -> Interval:
    at_ms = at_of(one)
    if one.key.start_ms is None:
        return Interval(at_ms, at_ms + 1)
    return Interval(at_ms, FOREVER_MS if one.end_ms is None else max(at_ms + 1, one.end_ms))


@dataclass
class Model:
    """JobHistory in a dict of reports."""

    reports: defaultdict[tuple[str, int], list[Run]] = field(default_factory=lambda: defaultdict(list))

    def apply(self, told: Sequence[Run]) -> None:
        for one in told:
            self.reports[one.key.cluster, one.key.job_id].append(one)

    def all(self) -> list[Run]:
        found = [one for reports in self.reports.values() for one in settle(reports)]
        return sorted(found, key=lambda one: (-at_of(one), -one.key.job_id))

    def runs(self, which: RunFilter) -> list[Run]:
        return [
            one
            for one in self.all()
            if (which.window is None or span_of(one).overlaps(which.window))
            and (not which.users or one.user in which.users)
            and (not which.states or one.state in which.states)
            and (not which.clusters or one.key.cluster in which.clusters)
            and (not which.name or one.name == which.name)
        ]

    def runs_on(self, hosts: Sequence[str], window: Interval) -> list[Run]:
        return [one for one in self.all() if set(hosts) & set(one.hosts) and span_of(one).overlaps(window)]


HOSTS = [f"node{n:03}" for n in range(1, 7)]
TIMES = st.integers(1, 12)


@st.composite
def told_runs(draw: st.DrawFn) -> Run:
    """A report of one of few lives, so that they meet often: submit follows from start, as Slurm has it."""
    start_ms = draw(st.none() | st.sampled_from([2, 5, 9]))
    ended = draw(st.booleans())
    states = ["CANCELLED"] if start_ms is None else ["COMPLETED", "FAILED"]
    job_id = draw(st.integers(1, 3))
    submit_ms = draw(st.sampled_from([1, 4, 8])) if start_ms is None else start_ms - 1
    return Run(
        RunKey(draw(st.sampled_from(["alpha", "beta"])), job_id, start_ms),
        draw(st.sampled_from([str(job_id), f"{job_id}_7"])),
        draw(st.sampled_from(["", "cfd", "md"])),
        draw(st.sampled_from(["", "alice", "bob"])),
        "physics",
        "batch",
        draw(st.sampled_from(states)) if ended else "PENDING" if start_ms is None else "RUNNING",
        submit_ms,
        (submit_ms if start_ms is None else start_ms) + draw(st.integers(0, 6)) if ended else None,
        () if start_ms is None else tuple(sorted(draw(st.sets(st.sampled_from(HOSTS))))),
        None,
        None,
        None,
        draw(st.integers(10, 13)),
        "sacct",
    )


windows = st.tuples(TIMES, TIMES).map(lambda ends: Interval(min(ends), max(ends) + 1))
filters = st.builds(
    RunFilter,
    st.none() | windows,
    users=st.lists(st.sampled_from(["alice", "bob", ""]), max_size=2).map(tuple),
    states=st.lists(st.sampled_from(["RUNNING", "COMPLETED", "PENDING"]), max_size=2).map(tuple),
    clusters=st.lists(st.sampled_from(["alpha", "beta"]), max_size=1).map(tuple),
    name=st.sampled_from(["", "", "cfd"]),
)
on_hosts = st.tuples(st.lists(st.sampled_from([*HOSTS, "unknown"]), max_size=4), windows)
steps = st.lists(st.lists(told_runs(), max_size=6) | filters | on_hosts, min_size=2, max_size=14)


def same_order(found: Sequence[Run], expected: Sequence[Run]) -> None:
    """Equal runs, ordered by time and job id; an engine may order what ties in both as it likes."""
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert [(at_of(one), one.key.job_id) for one in found] == [(at_of(one), one.key.job_id) for one in expected]


async def play(engine: Engine, doings: Sequence[list[Run] | RunFilter | tuple[list[str], Interval]], size: int) -> None:
    async with engine.opened() as store:
        model = Model()
        for doing in doings:
            if isinstance(doing, list):
                await store.apply_runs(doing)
                model.apply(doing)
            elif isinstance(doing, RunFilter):
                found = await everything(partial(store.runs, doing, limit=size))
                same_order(found, model.runs(doing))
            else:
                hosts, window = doing
                found = await everything(partial(store.runs_on, hosts, window, limit=size))
                same_order(found, model.runs_on(hosts, window))
        for one in model.all():
            if one.key.start_ms is not None:
                assert await store.run(one.key) == one


def test_random_reports_are_answered_as_a_model_answers(engine: Engine) -> None:
    @engine.settings(40)
    @given(steps, st.integers(1, 4))
    def check(doings: list[Any], size: int) -> None:
        anyio.run(play, engine, doings, size)

    check()


# What only an embedded store promises.

WRITER = """
import asyncio, sys
from pathlib import Path
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.jobs import SqliteJobs
from weft.inventory.sqlite.schema import SCHEMA
from weft.scheduler.model import Run, RunKey

async def main(path, first):
    async with Database.open(Path(path), SCHEMA) as database:
        jobs = SqliteJobs(database)
        for n in range(first, first + 100_000):
            hosts = tuple(f"node{(n + i) % 50:03}" for i in range(8))
            run = Run(RunKey("alpha", n, 1000 * n), str(n), "cfd", "alice", "physics", "batch", "RUNNING", None, None,
                      tuple(sorted(hosts)), 8, None, None, 0, "squeue")
            await jobs.apply_runs([run])
            print(n, flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    chance = random.Random(4711)
    acknowledged: list[int] = []
    for _ in range(3):
        first = acknowledged[-1] + 2 if acknowledged else 1
        command = [sys.executable, "-c", WRITER, str(tmp_path / "inventory.db"), str(first)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randint(20, 150)):
                acknowledged.append(int(writer.stdout.readline()))
            writer.send_signal(signal.SIGKILL)
            acknowledged += map(int, writer.stdout.read().split())
        anyio.run(check_kept, tmp_path, acknowledged)


async def check_kept(folder: Path, acknowledged: Sequence[int]) -> None:
    """Every acknowledged run is there, none is torn, and both tables tell the same."""
    async with Database.open(folder / "inventory.db", SCHEMA) as database:
        jobs = SqliteJobs(database)
        kept = await everything(partial(jobs.runs, RunFilter(), limit=100))
        assert set(acknowledged) <= {one.key.job_id for one in kept}
        assert all(len(one.hosts) == 8 for one in kept)
        for host in ("node000", "node049"):
            on_host = await everything(partial(jobs.runs_on, [host], Interval(0), limit=100))
            assert on_host == [one for one in kept if host in one.hosts]


async def test_no_question_reads_all_runs(tmp_path: Path) -> None:
    asked: list[str] = []
    async with Database.open(tmp_path / "inventory.db", SCHEMA) as database:
        jobs = SqliteJobs(database)
        await jobs.apply_runs([run(n, NOON + n, None if n % 2 else NOON + DAY, HOSTS) for n in range(40)])
        # Readers are handed out last in, first out: one after the other, all questions go to this connection.
        await database.read(lambda connection: connection.set_trace_callback(asked.append))
        window = Interval(NOON, NOON + 10)
        texts = {"users": ("alice", "bob"), "accounts": ("a",), "partitions": ("p",), "states": ("RUNNING",)}
        for name, values in {**texts, "clusters": ("alpha",), "name": "cfd"}.items():
            which = replace(RunFilter(window=window), **{name: values})
            await jobs.runs(which)
            await jobs.runs(replace(which, window=None), limit=1)
        everyone = RunFilter(window, name="cfd", clusters=("alpha", "beta"), **texts)
        for which in (RunFilter(), RunFilter(window), everyone):
            page = await jobs.runs(which, limit=2)
            await jobs.runs(which, limit=2, cursor=page.cursor)
        page = await jobs.runs_on(HOSTS, window, limit=3)
        await jobs.runs_on(HOSTS, Interval(NOON + 2 * DAY, NOON + 3 * DAY), limit=3, cursor=page.cursor)
        for label in ("1", "1_5", "1+1"):
            await jobs.find(label, "alpha", window)
        await jobs.run(run(1, NOON + 1).key)
        await jobs.run(run(1, None).key)
        await jobs.version()
        await database.read(lambda connection: connection.set_trace_callback(None))
    questions = {text for text in asked if text.lstrip().startswith(("SELECT", "WITH"))}
    assert len(questions) > 20
    connection = sqlite3.connect(tmp_path / "inventory.db")
    for text in questions:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}")]
        # json_each is the list of what is asked for.
        scans = [step for step in plan if step.startswith("SCAN") and not step.startswith("SCAN asked VIRTUAL")]
        assert not scans, (text, plan)
        # By job id there is little to sort; every other page must come out of its index in order.
        assert "run_key" in text or not any("TEMP B-TREE" in step for step in plan), (text, plan)
    connection.close()

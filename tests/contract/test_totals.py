"""Totals by user, account, partition, state and cluster: by hand, and against a plain sum over random runs."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.job_engines import ENGINES, Engine, engine_of
from weft.base.errors import BadRequest
from weft.base.intervals import Interval
from weft.inventory.runs import settle
from weft.inventory.store import JobHistory, RunFilter, Total, TotalsBy
from weft.scheduler.model import Run, RunKey

pytestmark = pytest.mark.anyio

HOUR = 3_600_000
DAY = 24 * HOUR
MIDNIGHT = 1_763_769_600_000
"""22 Nov 2025, 00:00 UTC."""
NOON = MIDNIGHT + 12 * HOUR


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_of(request)


@pytest.fixture
async def jobs(engine: Engine) -> AsyncIterator[JobHistory]:
    async with engine.opened() as store:
        yield store


def run(job_id: int, start_ms: int | None, end_ms: int | None, **more: Any) -> Run:
    """A run of alice's with 4 cores on 2 nodes."""
    state = "PENDING" if start_ms is None else "RUNNING" if end_ms is None else "COMPLETED"
    plain = Run(
        RunKey("alpha", job_id, start_ms), str(job_id), "cfd", "alice", "physics", "batch", state,
        submit_ms=start_ms, end_ms=end_ms, hosts=(), node_count=2, exit_code=None, exit_signal=None,
        seen_at_ms=NOON, source="sacct", cpus=4,
    )  # fmt: skip
    return replace(plain, **more)


async def test_a_run_counts_in_each_day_with_the_time_it_ran_in_it(jobs: JobHistory) -> None:
    await jobs.apply_runs([run(1, MIDNIGHT - HOUR, MIDNIGHT + 2 * DAY + HOUR)])  # 1 h + 24 h + 24 h + 1 h
    for days, hours in ((Interval(MIDNIGHT - DAY, MIDNIGHT), 1), (Interval(MIDNIGHT, MIDNIGHT + DAY), 24),
                        (Interval(MIDNIGHT + 2 * DAY, MIDNIGHT + 3 * DAY), 1),
                        (Interval(MIDNIGHT - 9 * DAY, MIDNIGHT + 9 * DAY), 50),
                        (Interval(MIDNIGHT + HOUR, MIDNIGHT + 3 * HOUR), 2),
                        (Interval(MIDNIGHT - HOUR // 2, MIDNIGHT + DAY + HOUR), 25.5)):  # fmt: skip
        expected = (Total("alice", 1, hours * 3600 * 4, hours * 3600 * 2, 0),)
        assert await jobs.totals(RunFilter(), "user", days) == expected, days
    for outside in (Interval(MIDNIGHT - 2 * DAY, MIDNIGHT - HOUR), Interval(MIDNIGHT + 2 * DAY + HOUR), Interval(5, 5)):
        assert await jobs.totals(RunFilter(), "user", outside) == ()


async def test_sums_come_by_any_key_the_most_core_seconds_first(jobs: JobHistory) -> None:
    told = [
        run(1, NOON, NOON + 1000, user="bob", account="chem", cpus=1),
        run(2, NOON, NOON + 1000, user="alice", partition="short", state="FAILED", cpus=2, hosts=("n1", "n2", "n3")),
        run(3, NOON, NOON + 3000, user="alice", cpus=2),
    ]
    await jobs.apply_runs([*told, replace(told[0], key=RunKey("beta", 1, NOON))])
    day = Interval(MIDNIGHT, MIDNIGHT + DAY)
    assert await jobs.totals(RunFilter(), "user", day) == (Total("alice", 2, 8, 9, 0), Total("bob", 2, 2, 4, 0))
    assert await jobs.totals(RunFilter(), "account", day) == (Total("physics", 2, 8, 9, 0), Total("chem", 2, 2, 4, 0))
    assert await jobs.totals(RunFilter(), "partition", day) == (Total("batch", 3, 8, 10, 0), Total("short", 1, 2, 3, 0))
    assert await jobs.totals(RunFilter(), "state", day) == (
        Total("COMPLETED", 3, 8, 10, 0),
        Total("FAILED", 1, 2, 3, 0),
    )
    assert await jobs.totals(RunFilter(), "cluster", day) == (Total("alpha", 3, 9, 11, 0), Total("beta", 1, 1, 2, 0))
    narrow = RunFilter(users=("alice", "carol"), states=("FAILED",), window=Interval(0, 1))
    assert await jobs.totals(narrow, "user", day) == (Total("alice", 1, 2, 3, 0),)


async def test_one_that_is_not_over_counts_to_when_it_was_last_seen(jobs: JobHistory) -> None:
    await jobs.apply_runs([run(1, NOON, None, seen_at_ms=NOON + 5000)])
    assert await jobs.totals(RunFilter(), "state", Interval(MIDNIGHT)) == (Total("RUNNING", 1, 20, 10, 0),)
    assert await jobs.totals(RunFilter(), "state", Interval(NOON + 6000)) == ()
    await jobs.apply_runs([run(1, NOON, None, seen_at_ms=NOON + DAY)])
    assert await jobs.totals(RunFilter(), "state", Interval(NOON + 6000)) == (
        Total("RUNNING", 1, 4 * 86394.0, 2 * 86394.0, 0),
    )
    await jobs.apply_runs([run(1, NOON, NOON + 7000, seen_at_ms=NOON + 2 * DAY)])
    assert await jobs.totals(RunFilter(), "state", Interval(MIDNIGHT)) == (Total("COMPLETED", 1, 28, 14, 0),)


async def test_what_is_not_known_is_told_and_not_summed(jobs: JobHistory) -> None:
    waiting, brief = run(1, None, None), run(2, NOON, NOON)
    coreless, endless = run(3, NOON, NOON + 1000, cpus=None), run(4, NOON, None, state="FAILED")
    wrong_clock = run(5, NOON, NOON + 4000 * DAY)
    await jobs.apply_runs([waiting, brief, coreless, endless, wrong_clock])
    (total,) = await jobs.totals(RunFilter(), "user", Interval(MIDNIGHT))
    # brief: a millisecond; coreless: only its nodes, for a second; the last two: a millisecond each.
    assert total == Total("alice", 4, 0.012, 2.006, 3)


async def test_sums_follow_what_is_pruned(engine: Engine) -> None:
    async with engine.opened_both() as (jobs, ledger):
        old, late = run(1, NOON - 9 * DAY, NOON - 8 * DAY), run(2, NOON - HOUR, NOON)
        await jobs.apply_runs([old, late])
        assert [total.runs for total in await jobs.totals(RunFilter(), "user", Interval(0))] == [2]
        assert await ledger.prune(NOON - 7 * DAY) == 1
        assert await jobs.totals(RunFilter(), "user", Interval(0)) == (Total("alice", 1, 14400, 7200, 0),)


async def test_sums_are_not_kept_by_name(jobs: JobHistory) -> None:
    with pytest.raises(BadRequest, match="not kept by the name"):
        await jobs.totals(RunFilter(name="cfd"), "user", Interval(0))


# Random reports, corrected and late ones too, against a plain sum.

MOMENTS = [MIDNIGHT + day * DAY + moment for day in range(4) for moment in (0, 1, 7 * HOUR, DAY - 1)]
moments = st.sampled_from(MOMENTS)


@st.composite
def reports(draw: st.DrawFn) -> Run:
    start_ms, end_ms = draw(st.none() | moments), draw(st.none() | moments)
    if start_ms is not None and end_ms is not None and end_ms < start_ms:
        start_ms, end_ms = end_ms, start_ms
    return run(
        draw(st.integers(1, 4)),
        start_ms,
        end_ms,
        user=draw(st.sampled_from(["alice", "bob"])),
        state=draw(st.sampled_from(["RUNNING", "COMPLETED"])) if start_ms else "CANCELLED",
        cpus=draw(st.none() | st.integers(0, 3)),
        hosts=tuple(f"n{n}" for n in range(draw(st.integers(0, 3)))),
        node_count=draw(st.none() | st.integers(0, 3)),
        seen_at_ms=draw(moments),
    )


def plain_sum(told: Sequence[Run], by: str, window: Interval) -> dict[str, tuple[int, int, int, int]]:
    """Runs, core ms, node ms and unsized runs by key, run by run."""
    found: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    by_job: defaultdict[int, list[Run]] = defaultdict(list)
    for one in told:
        by_job[one.key.job_id].append(one)
    for one in (settled for reports in by_job.values() for settled in settle(reports)):
        if one.key.start_ms is None:
            continue
        over = one.end_ms is not None or one.state == "COMPLETED"
        last_ms = one.end_ms if over else one.seen_at_ms
        held = Interval(one.key.start_ms, max(last_ms or 0, one.key.start_ms + 1)).cut(window)
        if held:
            row = found[getattr(one, by)]
            row[0] += 1
            row[1] += (one.cpus or 0) * (held.to_ms - held.from_ms)
            row[2] += (len(one.hosts) or one.node_count or 0) * (held.to_ms - held.from_ms)
            row[3] += one.cpus is None or last_ms is None
    return {key: (row[0], row[1], row[2], row[3]) for key, row in found.items()}


async def play(engine: Engine, batches: Sequence[Sequence[Run]], by: TotalsBy, ends: Sequence[int]) -> None:
    async with engine.opened() as jobs:
        told: list[Run] = []
        for batch in batches:
            await jobs.apply_runs(batch)
            told += batch
            for window in [Interval(a, b) for a, b in pairwise(ends)]:
                found = await jobs.totals(RunFilter(), by, window)
                plain = plain_sum(told, by, window)
                assert {t.key: (t.runs, t.core_seconds, t.node_seconds, t.unsized) for t in found} == {
                    key: (runs, core / 1000, node / 1000, rest) for key, (runs, core, node, rest) in plain.items()
                }


def test_sums_are_those_of_the_runs(engine: Engine) -> None:
    @engine.settings(60)
    @given(
        st.lists(st.lists(reports(), max_size=5), min_size=1, max_size=4),
        st.sampled_from(["user", "state"]),
        st.lists(moments | st.integers(MIDNIGHT - DAY, MIDNIGHT + 5 * DAY), min_size=2, max_size=5),
    )
    def check(batches: list[list[Run]], by: TotalsBy, ends: list[int]) -> None:
        anyio.run(play, engine, batches, by, ends)

    check()

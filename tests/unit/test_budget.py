"""What a request may cost: points at once, work, and what only the clock tells."""

import gc
import time
import tracemalloc
from collections.abc import Sequence
from contextlib import suppress
from contextvars import copy_context
from weakref import ReferenceType, ref

import anyio
import anyio.to_thread
import numpy as np
import pytest

from unit.stored import UTC, Stored, series, span
from weft.base.access import LOCAL
from weft.base.errors import TooMuch
from weft.metrics.budget import (
    LEAST_POINTS,
    LOOP_POINTS,
    MANY_POINTS,
    PATTERN_WORK,
    SERIES_POINTS,
    WORK_PER_POINT,
    Budget,
    TooHeavy,
    counted,
)
from weft.metrics.evaluate import Engine
from weft.metrics.loading import Limits
from weft.metrics.series import Series, Window
from weft.metrics.store import Tell

pytestmark = pytest.mark.anyio


def rows(number: int, width: int) -> list[Series]:
    """Series whose values are rows of one matrix."""
    return [series(f"s{place}", ()).but(values=row) for place, row in enumerate(np.zeros((number, width)))]


def test_points_are_held_as_long_as_somebody_has_them_and_those_of_one_matrix_once() -> None:
    budget = Budget(1000, 30.0)
    some = rows(4, 10)
    budget.hold(some[:2])
    assert budget.held == 40 + 2 * SERIES_POINTS
    budget.hold([some[3].but(name="again")])
    assert budget.held == 40 + 2 * SERIES_POINTS
    del some
    assert budget.held == 0


def test_what_was_read_stays_and_counts_by_its_values_and_its_number() -> None:
    budget = Budget(1000, 30.0)
    some = rows(4, 10)
    budget.read(some[:2])
    assert budget.held == 2 * (10 + SERIES_POINTS) == 340
    budget.hold(some)
    budget.room(660)
    with pytest.raises(TooMuch, match=r"more than metrics\.max_points = 1000 points at once"):
        budget.room(661)


def test_short_series_take_no_more_memory_than_is_counted() -> None:
    budget, number = Budget(10_000_000, 30.0), 2000
    tracemalloc.start()
    try:
        made = []
        for place in range(number):
            name = f"movingMedian(wide.g0.h{place:04d}.load,13)"
            made.append(Series(name, 0, 10, np.zeros(10), name, {"name": name[13:-4], "movingMedian": str(place)}))
        budget.hold(made)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 8 * budget.held < 2 * taken
    made.clear()
    assert budget.held == 0


def test_what_a_function_makes_is_pending_until_it_gives_it() -> None:
    budget = Budget(100, 30.0)
    budget.make(60)
    with pytest.raises(TooMuch, match=r"metrics\.max_points = 100"):
        budget.make(41)
    budget.making = 0
    budget.make(41)


def test_before_much_is_held_what_is_free_is_given_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr("weft.metrics.budget.give_back", lambda: given.append("back"))
    budget = Budget(2 * MANY_POINTS, 30.0)
    budget.make(MANY_POINTS)
    assert given == []
    budget.room(1)
    budget.room(2)
    assert given == ["back"]
    with pytest.raises(TooMuch):
        Budget(2 * MANY_POINTS, 30.0).room(2 * MANY_POINTS + 1)
    assert given == ["back"]


def test_letters_of_names_are_memory_as_well() -> None:
    budget = Budget(1000, 30.0)
    budget.hold([one.but(name="x" * 4000, path="") for one in rows(1, 10)])
    with pytest.raises(TooMuch, match=r"metrics\.max_points"):
        budget.hold([one.but(name="x" * 8000, path="") for one in rows(1, 10)])


def test_work_is_bounded_and_heavy_work_leaves_the_loop() -> None:
    budget = Budget(LEAST_POINTS, 30.0, on_loop=True)
    with pytest.raises(TooHeavy):
        budget.work(LOOP_POINTS + 1)
    budget.spend(WORK_PER_POINT * LEAST_POINTS - budget.worked)
    with pytest.raises(TooMuch, match=r"costs more to compute than metrics\.max_points = 1000000 allows"):
        budget.spend(1)


def test_time_is_bounded() -> None:
    budget = Budget(100, 0.001)
    time.sleep(0.002)
    with pytest.raises(TooMuch, match=r"longer than metrics\.timeout_s = 0\.001"):
        budget.seconds_left()


def busy() -> str:
    """Takes ten milliseconds of a processor, a million points' worth."""
    began_s = time.thread_time()
    while time.thread_time() - began_s < 0.01:
        pass
    return "done"


def test_what_takes_longer_than_was_said_costs_the_time_it_takes() -> None:
    budget = Budget(10**9, 30.0)
    busy()
    budget.clock()
    budget.work(300_000)
    busy()
    budget.work(0)
    assert 1_000_000 <= budget.worked < 1_900_000
    # What was said before and is not used up yet is not counted again.
    budget.work(50_000_000)
    busy()
    budget.settle()
    assert 51_000_000 <= budget.worked < 51_900_000


def test_what_is_counted_within_what_is_counted_is_counted_once_and_also_when_it_fails() -> None:
    @counted
    def twice() -> None:
        counted(busy)()
        raise TimeoutError

    def ask() -> None:
        budget.begin()
        twice()

    budget = Budget(10**9, 30.0)
    with pytest.raises(TimeoutError):
        copy_context().run(ask)
    assert 1_000_000 <= budget.worked < 1_900_000


async def test_work_in_a_thread_is_counted_for_the_request_it_is_done_for() -> None:
    async def ask(budget: Budget) -> None:
        budget.begin()
        assert await anyio.to_thread.run_sync(counted(busy)) == "done"

    mine, other = Budget(10**9, 30.0), Budget(10**9, 30.0)
    async with anyio.create_task_group() as group:
        group.start_soon(ask, mine)
        group.start_soon(anyio.sleep, 0)
    assert 900_000 < mine.worked < 10_000_000
    assert other.worked == 0
    assert counted(busy)() == "done"  # for nobody


@pytest.mark.parametrize(
    ("target", "fine"),
    [
        # 40,000 points in 20 series.
        ("s.*", True),
        ("sumSeries(s.*)", True),
        ("scale(s.*,2)", True),  # as many more
        ("alias(scale(s.*,2),'x')", True),  # the same
        ("sumSeries(scale(s.*,2))", True),
        ("scale(offset(s.*,1),2)", False),  # what was read, what is scaled and what comes of it
        ("group(scale(s.*,2),scale(s.*,3))", False),
        ("scale(sumSeries(offset(s.*,1)),2)", True),
        ("diffSeriesLists(s.*,s.*)", True),
        ("group(diffSeriesLists(s.*,s.*),scale(s.*,3))", False),
        ("timeStack(s.*,'1min',1,5)", False),
    ],
)
async def test_points_at_once_are_those_read_and_those_in_use(target: str, fine: bool) -> None:
    store = Stored.of(*(series(f"s.n{place}", [1.0] * 2000) for place in range(20)))
    engine = Engine(store, limits=Limits(max_points=120_000))
    if fine:
        await engine.render([target], span(-1, 19_999), LOCAL, zone=UTC)
        return
    with pytest.raises(TooMuch, match=r"metrics\.max_points = 120000 points"):
        await engine.render([target], span(-1, 19_999), LOCAL, zone=UTC)


@pytest.mark.parametrize(
    "target",
    [
        "{}",
        "scale({},2)",
        "perSecond({})",
        "sumSeries({})",
        "averageSeries({})",
        "groupByNode({},0,'median')",
        "movingAverage({},'5min')",
        "summarize({},'1d','max')",
        "smartSummarize({},'1h','median','days')",
        "nPercentile({},95)",
        "highest({},1,'median')",
        "timeShift({},'1d')",
    ],
)
async def test_a_year_of_a_value_every_ten_seconds_is_within_what_a_request_may_hold(target: str) -> None:
    window = Window(1_700_000_000 - 365 * 86_400, 1_700_000_000, 1_700_000_000)
    engine = Engine(Stored.of())
    await engine.render([target.format("timeFunction('x',10)")], window, LOCAL, zone=UTC, max_points=500)


async def test_a_request_that_is_refused_lets_go_of_what_it_read_at_once() -> None:
    read: list[ReferenceType[object]] = []

    class Reading(Stored):
        async def fetch(self, names: Sequence[str], window: Window, tell: Tell) -> list[Series | None]:
            made = [series(name, ()).but(values=np.zeros(5000)) for name in names]
            read.extend(ref(one.values) for one in made)
            return list(made)

    engine = Engine(Reading.of(*rows(20, 5000)), limits=Limits(max_points=250_000))
    gc.collect()
    gc.disable()
    try:
        # Computed in a thread: 100,000 points are read, 100,000 made, and 100,000 more would be.
        with suppress(TooMuch):
            await engine.render(["scale(offset(s*,1),2)"], span(-1, 49_999), LOCAL, zone=UTC)
        assert len(read) >= 20
        for _ in range(1000):
            if not any(one() is not None for one in read):
                break
            await anyio.sleep(0.01)  # the thread has not had its turn to let go
        assert not any(one() is not None for one in read)
    finally:
        gc.enable()


async def test_series_are_counted_over_all_targets_of_a_request() -> None:
    store = Stored.of(*(series(f"s.n{place}", [1.0]) for place in range(20)))
    engine = Engine(store, limits=Limits(max_series=50))
    await engine.render(["s.*"] * 2, span(-1, 9), LOCAL, zone=UTC)
    with pytest.raises(TooMuch, match=r"60 series, over metrics\.max_series = 50"):
        await engine.render(["s.*"] * 3, span(-1, 9), LOCAL, zone=UTC)


async def test_the_patterns_of_a_request_are_looked_for_once_each_and_bounded_together() -> None:
    engine = Engine(Stored.of(series("s.n1", [1.0])), limits=Limits(max_points=LEAST_POINTS))
    most = WORK_PER_POINT * LEAST_POINTS // PATTERN_WORK
    tells: list[str] = []
    assert await engine.expand(["s.*"] * 2 * most, span(-1, 9), LOCAL, tells.append) == ["s.n1"]
    with pytest.raises(TooMuch, match=r"costs more to compute than metrics\.max_points = 1000000 allows"):
        await engine.expand([f"s.{place}" for place in range(most + 1)], span(-1, 9), LOCAL, tells.append)
    # Each request begins anew.
    assert await engine.expand(["s.n1"], span(-1, 9), LOCAL, tells.append) == ["s.n1"]

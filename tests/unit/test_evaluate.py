"""What a request reads and how it is put together: rounds, batches, virtual names, limits."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import anyio.to_thread
import pytest

from unit.stored import START, TEN_SLOTS, UTC, Stored, Virtual, numbers, rendered, series, span
from weft.base.access import LOCAL
from weft.base.errors import BadRequest, TooMuch
from weft.metrics.evaluate import Engine, Rendered
from weft.metrics.functions import registry
from weft.metrics.loading import Limits
from weft.metrics.series import Series, Window
from weft.metrics.store import Found, Piece, Tell, VirtualSeries, unheard

pytestmark = pytest.mark.anyio

N = None

Run = Callable[[Any, list[Series]], list[Series]]


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Callable[[Run], None]:
    """Register a function for one test, under its own name."""
    monkeypatch.setattr(registry, "_FUNCTIONS", dict(registry._FUNCTIONS))
    return lambda run: registry.add(registry.Function(run.__name__, "Special", (registry.SERIES,), run, "A test's."))


RACK = [series(f"r.n{place}.cpu", [place] * 10) for place in (1, 2, 3)]
FAR = 4_000_000_000


def job(number: int, host: str, from_s: int = 0, to_s: int = FAR) -> VirtualSeries:
    return VirtualSeries(f"job.{number}.{host}", (Piece(f"r.{host}.cpu", from_s, to_s),), {"job": str(number)})


async def render(engine: Engine, *targets: str, window: Window = TEN_SLOTS, **more: Any) -> Rendered:
    return await engine.render(targets, window, LOCAL, zone=UTC, **more)


async def test_a_path_gives_its_series_by_name_with_the_pattern_as_path() -> None:
    made = await rendered("r.*.cpu", *reversed(RACK))
    assert [(one.name, one.path, one.tags) for one in made] == [
        (f"r.n{place}.cpu", "r.*.cpu", {"name": f"r.n{place}.cpu"}) for place in (1, 2, 3)
    ]


async def test_targets_keep_their_order_and_an_unknown_path_is_no_error() -> None:
    answer = await render(Engine(Stored.of(*RACK)), "r.n2.cpu", "no.such", "sumSeries(no.*)", "r.n1.cpu")
    assert [one.name for one in answer.series] == ["r.n2.cpu", "r.n1.cpu"]
    assert (await render(Engine(Stored.of()), "r.*")).series == []


async def test_everything_a_request_wants_is_read_once_and_at_once() -> None:
    store = Stored.of(*RACK)
    await render(Engine(store), "r.*.cpu", "sumSeries(r.n1.cpu,r.*.cpu)", "alias(r.{n1,n2}.cpu,'x')")
    assert store.asked == [(["r.n1.cpu", "r.n2.cpu", "r.n3.cpu"], TEN_SLOTS)]


async def test_history_is_read_in_one_go_with_a_stretch_of_time_and_in_two_with_a_number_of_points() -> None:
    store = Stored.of(*RACK)
    await render(Engine(store), "movingAverage(r.n1.cpu,'30s')")
    assert store.asked == [(["r.n1.cpu"], span(-31, 99))]
    store.asked.clear()
    await render(Engine(store), "movingAverage(r.n1.cpu,3)", "r.n1.cpu")
    assert store.asked == [(["r.n1.cpu"], TEN_SLOTS), (["r.n1.cpu"], span(-31, 99))]


async def test_virtual_names_are_resolved_in_one_call_and_only_those_that_can_be() -> None:
    store, resolver = Stored.of(*RACK), Virtual([job(1, "n1"), job(1, "n2"), job(2, "n3")], notices=["2 runs"])
    answer = await render(
        Engine(store, resolver), "job.1.*", "{job,x}.2.*", "r.n1.cpu", "movingAverage(job.2.n3,'20s')", "jobs.x"
    )
    assert resolver.asked == [(["job.1.*", "{job,x}.2.*", "job.2.n3"], span(-21, 99))]
    assert [(one.name, numbers(one)[0]) for one in answer.series[:4]] == [
        ("job.1.n1", 1),
        ("job.1.n2", 2),
        ("job.2.n3", 3),
        ("r.n1.cpu", 1),
    ]
    assert answer.series[0].tags == {"job": "1", "name": "job.1.n1"}
    assert answer.notices == ["2 runs"]
    assert len(store.asked) == 2  # one for each window


async def test_no_resolver_is_asked_where_no_name_can_be_virtual() -> None:
    resolver = Virtual([])
    await render(Engine(Stored.of(*RACK), resolver), "r.*.cpu", "prod.job.1")
    assert resolver.asked == []


async def test_times_that_do_not_meet_are_resolved_apart() -> None:
    resolver = Virtual([job(1, "n1")])
    await render(Engine(Stored.of(*RACK), resolver), "timeShift(job.1.n1,'1h')")
    assert sorted(window for _, window in resolver.asked) == [
        TEN_SLOTS._replace(from_s=START - 3601, until_s=START - 3501),
        TEN_SLOTS,
    ]


async def test_a_run_that_ended_before_the_time_asked_for_is_not_history_of_it() -> None:
    resolver = Virtual([job(1, "n1", START - 500, START - 5), job(2, "n2", START - 500, START + 50)])
    answer = await render(Engine(Stored.of(*RACK), resolver), "movingAverage(job.*.*,'60s')")
    assert [one.name for one in answer.series] == ['movingAverage(job.2.n2,"60s")']


async def test_a_run_is_cut_to_its_time() -> None:
    [one] = await rendered("job.1.n1", *RACK, virtual=[job(1, "n1", START + 25, START + 41)])
    assert numbers(one) == [N, N, 1, 1, 1, N, N, N, N, N]


async def test_a_stored_name_wins_over_a_virtual_one() -> None:
    stored = series("job.1.n1", [7] * 10)
    made = await rendered("job.1.*", stored, *RACK, virtual=[job(1, "n1"), job(1, "n2")])
    assert [(one.name, numbers(one)[0]) for one in made] == [("job.1.n1", 7), ("job.1.n2", 2)]


async def test_find_merges_stored_and_virtual_nodes_branches_first() -> None:
    store = Stored.of(series("job.9.z", [1]), series("a", [1]), *RACK)
    engine = Engine(store, Virtual([job(1, "n1")]))
    assert await engine.find("*", TEN_SLOTS, LOCAL, unheard) == [
        Found("job", False),
        Found("r", False),
        Found("a", True),
    ]
    assert await engine.find("job.*", TEN_SLOTS, LOCAL, unheard) == [Found("job.1", False), Found("job.9", False)]
    assert await engine.expand(["job.*.*", "r.*"], TEN_SLOTS, LOCAL, unheard) == [
        "job.1.n1",
        "job.9.z",
        "r.n1",
        "r.n2",
        "r.n3",
    ]
    assert await engine.expand(["job.*.*", "r.*"], TEN_SLOTS, LOCAL, unheard, leaves_only=True, group_by_expr=True) == {
        "job.*.*": ["job.1.n1", "job.9.z"],
        "r.*": [],
    }


async def test_a_template_is_filled_in_by_itself_or_by_the_request() -> None:
    engine = Engine(Stored.of(*RACK))
    for target, template, expected in (
        ("template(r.$1.cpu,'n2')", {}, ["r.n2.cpu"]),
        ("template(r.$host.cpu,host='n2')", {"host": "n3"}, ["r.n3.cpu"]),
        ("template(scale(r.n1.cpu,$f),f=2)", {}, ["scale(r.n1.cpu,2)"]),
        ("template(scale(r.n1.cpu,$f),f='2.5')", {}, ["scale(r.n1.cpu,2.5)"]),
        ("r.$host.cpu", {"host": "n1"}, []),
    ):
        answer = await render(engine, target, template=template)
        assert [one.name for one in answer.series] == expected, target


async def test_max_data_points_and_x_files_factor_are_those_of_the_request() -> None:
    engine = Engine(Stored.of(series("a", [1, 2, 3, N, N, 6, 7, 8, 9, 10])))
    answer = await render(engine, "a", max_points=5)
    assert [numbers(one) for one in answer.series] == [[2.5, N, 6.5, 8.5, 10]]
    answer = await render(engine, "a", max_points=5, x_files_factor=0.6)
    assert [numbers(one) for one in answer.series] == [[2.5, N, 6.5, 8.5, N]]


@pytest.mark.parametrize("targets", [[], [""], ["  ", "\n"]])
async def test_no_target_is_a_bad_request(targets: list[str]) -> None:
    with pytest.raises(BadRequest, match="No target"):
        await render(Engine(Stored.of()), *targets)


@pytest.mark.parametrize(
    ("limits", "target", "named"),
    [
        (Limits(max_points=20), "r.*.cpu", "metrics.max_points = 20"),
        (Limits(max_series=2), "r.*.cpu", "metrics.max_series = 2"),
        (Limits(max_series=5), "sumSeries(r.*.cpu,r.{n1,n2,n3}.cpu)", "metrics.max_series = 5"),
        (Limits(max_depth=2), "f(f(f(a)))", "metrics.max_depth = 2"),
        (Limits(max_pattern=10), "r.n1.cpu.and.more", "metrics.max_pattern = 10"),
        (Limits(timeout_s=0), "r.*.cpu", "metrics.timeout_s = 0"),
    ],
)
async def test_a_request_over_a_limit_is_told_which(limits: Limits, target: str, named: str) -> None:
    with pytest.raises(TooMuch) as error:
        await render(Engine(Stored.of(*RACK), limits=limits), target)
    assert named in str(error.value)


async def test_targets_are_counted() -> None:
    with pytest.raises(TooMuch, match=r"3 targets are more than metrics\.max_targets = 2"):
        await render(Engine(Stored.of(), limits=Limits(max_targets=2)), "a", "b", "c")


async def test_too_many_points_are_not_read_to_find_out() -> None:
    some = [series(f"s.{place:03}", [1.0] * 10) for place in range(100)]
    store = Stored.of(*some)
    with pytest.raises(TooMuch):
        await render(Engine(store, limits=Limits(max_points=50)), "s.*")
    # One to learn that each has ten points, then as many as the limit needs to be passed.
    assert [len(names) for names, _ in store.asked] == [1, 6]


async def test_a_function_that_takes_too_long_is_given_up_between_two_steps(declare: Callable[[Run], None]) -> None:
    def slow(ctx: Any, some: list[Series]) -> list[Series]:
        time.sleep(0.06)
        return some

    declare(slow)
    with pytest.raises(TooMuch, match=r"metrics\.timeout_s"):
        await render(Engine(Stored.of(*RACK), limits=Limits(timeout_s=0.1)), "slow(slow(slow(slow(r.n1.cpu))))")


@pytest.mark.parametrize(("many", "on_loop"), [(10, True), (60_000, False)])
async def test_heavy_work_leaves_the_event_loop_for_one_thread(
    many: int, on_loop: bool, declare: Callable[[Run], None]
) -> None:
    ran: list[int] = []

    def where(ctx: Any, some: list[Series]) -> list[Series]:
        ran.append(threading.get_ident())
        return some

    default = anyio.to_thread.current_default_thread_limiter()
    declare(where)
    long = series("long", [1.0] * many, step_s=1)
    await render(Engine(Stored.of(long)), "where(long)", window=span(-1, many - 1))
    assert (ran == [threading.get_ident()]) is on_loop
    assert default.borrowed_tokens == 0


async def test_little_data_that_becomes_much_leaves_the_loop_too(declare: Callable[[Run], None]) -> None:
    ran: list[int] = []

    def where(ctx: Any, some: list[Series]) -> list[Series]:
        ran.append(threading.get_ident())
        return some

    declare(where)
    engine = Engine(Stored.of(series("d", [5.0] * 3, step_s=86_400)))
    [one] = (await render(engine, 'where(summarize(d,"1s"))', window=span(-1, 200_000))).series
    assert len(one.values) > 50_000
    assert ran != [threading.get_ident()]


async def test_infinities_and_gaps_pass_without_a_warning() -> None:
    wild = series("w", [float("inf"), -float("inf"), N, 1e308, 1e308, 0, 1, 2, 3, 4])
    for target in ("sumSeries(w,w)", "perSecond(w)", "movingAverage(w,3)", "asPercent(w,w)", "scale(w,1e300)",
                   "stddevSeries(w,w)", 'summarize(w,"20s","range")', "highestAverage(w,1)"):  # fmt: skip
        assert len(await rendered(target, wild)) == 1


async def test_a_series_that_became_unreadable_is_left_out() -> None:
    class Unreadable(Stored):
        async def fetch(self, names: Any, window: Window, tell: Tell) -> list[Series | None]:
            return [None if one and one.name == "r.n2.cpu" else one for one in await super().fetch(names, window, tell)]

    answer = await render(Engine(Unreadable.of(*RACK)), "r.*.cpu")
    assert [one.name for one in answer.series] == ["r.n1.cpu", "r.n3.cpu"]


async def test_a_target_that_gives_no_series_says_so() -> None:
    with pytest.raises(BadRequest, match="The target gives 5, no series"):
        await render(Engine(Stored.of()), "template($x,x=5)")


async def test_names_of_several_patterns_are_asked_for_together() -> None:
    waiting = asyncio.Barrier(3)

    class Far(Stored):
        async def expand(self, pattern: str, tell: Tell) -> list[str]:
            await waiting.wait()  # each waits for the others, as for servers that take as long
            return await super().expand(pattern, tell)

    answer = await render(Engine(Far.of(*RACK)), "r.n1.cpu", "r.n2.*", "sumSeries(r.n3.cpu)")
    assert [one.name for one in answer.series] == ["r.n1.cpu", "r.n2.cpu", "sumSeries(r.n3.cpu)"]

"""Series that a function goes through once are read part by part, and nothing but that is different."""

import pytest

from unit.stored import TEN_SLOTS, UTC, Numbers, Stored, Streamed, Virtual, numbers, series
from weft.base.access import LOCAL
from weft.base.errors import TooMuch
from weft.metrics.evaluate import Engine
from weft.metrics.loading import Limits
from weft.metrics.series import Series
from weft.metrics.store import Piece, VirtualSeries

pytestmark = pytest.mark.anyio

N = None
FAR = 4_000_000_000
RACK = [
    series("r.n1.cpu", [1, 2, N, N, 5, 6, 7, 8, 9, 10]),
    series("r.n1.mem", [N, 1, 1, N, 1, 1, 1, 1, 1, 1]),
    series("r.n2.cpu", [10, 20, N, N, 50, 60, 70, 80, 90, 100]),
    series("r.n2.mem", [4, 4, 4, N, 4, 4, 4, 4, 4, 4]),
    series("r.n3.cpu", [0.5] * 10),
]
NAMES = [one.name for one in RACK]
PARTS = [["r.n1.cpu", "r.n1.mem"], ["r.n2.cpu", "r.n2.mem"], ["r.n3.cpu"]]


async def made(
    store: Stored, *targets: str, virtual: Virtual | None = None, limits: Limits | None = None
) -> list[Series]:
    answer = await Engine(store, virtual, limits).render(targets, TEN_SLOTS, LOCAL, zone=UTC)
    return answer.series


async def test_a_sum_is_read_part_by_part_and_adds_what_is_there() -> None:
    store = Streamed.of(*RACK)
    assert isinstance(store, Streamed)
    [one] = await made(store, "sumSeries(r.*.*)")
    assert (store.parts, store.asked) == (PARTS, [])
    assert (one.name, one.path) == ("sumSeries(r.*.*)", "sumSeries(r.*.*)")
    assert one.tags == {"name": "sumSeries(r.*.*)", "aggregatedBy": "sum"}
    assert numbers(one) == [15.5, 27.5, 5.5, 0.5, 60.5, 71.5, 82.5, 93.5, 104.5, 115.5]


@pytest.mark.parametrize(
    ("target", "values"),
    [
        ("averageSeries(r.*.cpu)", [11.5 / 3, 22.5 / 3, 0.5, 0.5, 55.5 / 3]),
        ("minSeries(r.n[12].*)", [1, 1, 1, N, 1]),
        ("maxSeries(r.n[12].*)", [10, 20, 4, N, 50]),
        ("aggregate(r.n[12].*,'sum',0.75)", [15, 27, N, N, 60]),
        ("aggregate(r.n[12].*,'min',0.75)", [1, 1, N, N, 1]),
        ("setXFilesFactor(sumSeries(r.n[12].*),0.75)", [15, 27, 5, N, 60]),
    ],
)
async def test_each_aggregation_of_few_values_is_what_one_adds_up_by_hand(target: str, values: Numbers) -> None:
    store = Streamed.of(*RACK)
    [one] = await made(store, target)
    assert numbers(one)[:5] == values
    assert store.asked == []


ALIKE = [
    "sumSeries(r.*.*)",
    "groupByNode(r.*.*,1,'sum')",
    "groupByNode(r.*.*,1)",
    "groupByNode(r.*.*,-1,'maxSeries')",
    "groupByNodes(r.*.*,'min',2,0)",
    "sumSeriesWithWildcards(r.*.*,1)",
    "averageSeriesWithWildcards(r.*.*,0,2)",
    "aggregateWithWildcards(r.*.*,'max',2)",
    "sumSeries(no.*)",
    "sumSeries(seriesByTag('name=r.n1.cpu'))",
    "sumSeries(r.n1.cpu)",
]


@pytest.mark.parametrize("target", ALIKE)
async def test_names_tags_and_values_are_those_of_series_read_at_once(target: str) -> None:
    at_once, streamed = Stored.of(*RACK), Streamed.of(*RACK)
    told = [
        [(one.name, one.path, one.tags, one.start_s, one.step_s, one.end_s, one.xff, numbers(one)) for one in answer]
        for answer in (await made(at_once, target), await made(streamed, target))
    ]
    assert told[0] == told[1]
    assert streamed.asked == []


@pytest.mark.parametrize(
    "target",
    [
        "stddevSeries(r.*.*)",
        "sumSeries(r.n1.*,r.n2.*)",
        "sumSeries(scale(r.*.*,2))",
        "groupByNode(r.*.*,1,'median')",
        "groupByNode(r.*.*,1,'asPercent')",
        "template(sumSeries(r.$host.*),host='n1')",
    ],
)
async def test_other_calls_get_their_series_at_once(target: str) -> None:
    store = Streamed.of(*RACK)
    await made(store, target)
    assert store.parts == []
    assert len(store.asked) == 1


async def test_what_is_wanted_twice_is_read_once() -> None:
    store = Streamed.of(*RACK)
    sums, averages, *_ = await made(store, "sumSeries(r.*.*)", "averageSeries(r.*.*)", "r.n1.cpu")
    assert (store.parts, [names for names, _ in store.asked]) == ([], [NAMES])
    assert numbers(sums)[0] == 15.5
    assert numbers(averages)[0] == 15.5 / 4
    store.asked.clear()
    await made(store, "sumSeries(r.*.*)", "r.*.*")
    assert (store.parts, [names for names, _ in store.asked]) == ([], [NAMES])


async def test_series_of_different_steps_are_read_again_all_at_once() -> None:
    store = Streamed.of(RACK[0], series("r.n9.cpu", [100] * 5, step_s=20))
    [one] = await made(store, "sumSeries(r.*.cpu)")
    assert [names for names, _ in store.asked] == [["r.n1.cpu", "r.n9.cpu"]]
    # Averages of 20 s: (1 + 2) / 2, nothing, (5 + 6) / 2, ...
    assert (one.step_s, numbers(one)) == (20, [101.5, 100, 105.5, 107.5, 109.5])


async def test_virtual_names_are_read_part_by_part_where_each_is_one_stretch_of_one_series() -> None:
    store = Streamed.of(*RACK)
    whole = [VirtualSeries(f"job.1.{host}", (Piece(f"r.{host}.cpu", 0, FAR),)) for host in ("n1", "n2", "n3")]
    [one] = await made(store, "sumSeries(job.1.*)", virtual=Virtual(whole))
    assert (one.name, numbers(one)[:3]) == ("sumSeries(job.1.*)", [11.5, 22.5, 0.5])
    assert (store.parts, store.asked) == ([["r.n1.cpu", "r.n2.cpu"], ["r.n3.cpu"]], [])
    moved = VirtualSeries("job.1.n4", (Piece("r.n1.cpu", 0, TEN_SLOTS.from_s + 21), Piece("r.n3.cpu", 0, FAR)))
    store.parts.clear()
    [one] = await made(store, "sumSeries(job.1.*)", virtual=Virtual([*whole, moved]))
    assert store.parts == []
    assert len(store.asked) == 1


async def test_a_series_that_is_gone_is_left_out() -> None:
    store = Streamed.of(*RACK)
    gone = [VirtualSeries(f"job.1.{host}", (Piece(f"r.{host}.cpu", 0, FAR),)) for host in ("n0", "n1", "n2")]
    [one] = await made(store, "sumSeries(job.1.*)", virtual=Virtual(gone))
    assert numbers(one)[:2] == [11, 22]


async def test_what_is_streamed_counts_as_read() -> None:
    with pytest.raises(TooMuch, match=r"metrics\.max_points = 49"):
        await made(Streamed.of(*RACK), "sumSeries(r.*.*)", limits=Limits(max_points=49))
    with pytest.raises(TooMuch, match=r"metrics\.max_series = 4"):
        await made(Streamed.of(*RACK), "sumSeries(r.*.*)", limits=Limits(max_series=4))

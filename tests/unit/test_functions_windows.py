"""Functions of windows, forecasts, tags, names and drawing, where a rule deserves a sentence. Breadth is in
test_functions_golden_windows.py.

Expected values: by hand. "500" says that graphite-web 1.1.10 answers that on the same input.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC as ZERO
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from unit.stored import START, TEN_SLOTS, UTC, Stored, numbers, rendered, series, span
from weft.base.access import LOCAL, Viewer
from weft.base.errors import BadRequest, TooMuch
from weft.metrics.evaluate import Engine
from weft.metrics.functions import registry
from weft.metrics.loading import Limits
from weft.metrics.series import Series, Window
from weft.metrics.store import Piece, Tell, VirtualSeries
from weft.metrics.tags import TagExpression

pytestmark = pytest.mark.anyio

N = None
INF = math.inf
RISING = series("r", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
TENS = series("t", [10] * 10)


async def values(target: str, *some: Series, window: Window = TEN_SLOTS) -> list[list[float | None]]:
    return [numbers(one) for one in await rendered(target, *some, window=window)]


async def names(target: str, *some: Series) -> list[str]:
    return [one.name for one in await rendered(target, *some)]


async def refused(target: str, *some: Series) -> str:
    with pytest.raises(BadRequest) as caught:
        await rendered(target, *(some or (RISING,)))
    return str(caught.value)


# Drawing


async def test_what_only_draws_leaves_series_as_they_are() -> None:
    [plain] = await rendered("r", RISING)
    for target in ("alpha(r,0.5)", "color(r,'red')", "lineWidth(r,3)", "pieAverage(r)", "pieMinimum(r)|pieMaximum()"):
        [one] = await rendered(target, RISING)
        assert (one.name, one.path, one.tags, numbers(one)) == (plain.name, "r", {"name": "r"}, numbers(plain))


async def test_stacks_of_several_targets_follow_their_order_not_the_time_their_data_takes() -> None:
    # The first target needs history, so the second one's data is there before.
    engine = Engine(Stored.of(TENS, RISING))
    targets = ["stacked(movingAverage(t,2))", "stacked(r)", "stacked(r,'other')"]
    answer = await engine.render(targets, span(39, 69), LOCAL, zone=UTC)
    assert [numbers(one) for one in answer.series] == [[10, 10, 10], [14, 15, 16], [4, 5, 6]]


async def test_a_stack_within_a_moving_window_is_its_own() -> None:
    # graphite-web stacks the series on itself: once for the graph, and again, one window earlier, for the history.
    both = "group(stacked(t),movingSum(stacked(r),2))"
    assert await values(both, TENS, RISING, window=span(39, 59)) == [[10, 10], [7, 9]]


async def test_an_area_lies_between_two_series() -> None:
    assert await values("areaBetween(nothing.*)", RISING) == []  # 500
    assert "takes 2 series, got 1." in await refused("areaBetween(r)")  # 500


# Names


async def test_values_that_are_not_there_or_infinite_have_a_place_in_a_legend() -> None:
    some = series("a.inf", [INF, 1] + [N] * 8), series("a.none", [N] * 10)
    assert await names("legendValue(a.*,'max','si')", *some) == [
        "a.inf               max  inf       ",  # 500
        "a.none              max  None      ",
    ]
    assert await names("legendValue(a.*)", *some) == ["a.inf", "a.none"]  # 500
    assert await names("cactiStyle(a.*,'si')", *some) == [
        "a.inf  Current:1.00    Max:inf     Min:1.00    ",  # 500
        "a.none Current:nan     Max:nan     Min:nan     ",
    ]


async def test_columns_are_as_wide_as_whole_numbers() -> None:
    # -0.5 is as wide as the 3.00 that stands for 0, so the column is one narrower than its text needs.
    assert await names("cactiStyle(a)", series("a", [-0.5] * 10)) == ["a Current:-0.50   Max:-0.50   Min:-0.50   "]


async def test_a_name_is_printed_with_the_last_value_of_another_series() -> None:
    some = series("a.x", [1] * 10), series("b.x", [5.25] * 9 + [N])
    for text, name in {
        "%d MHz": "5 MHz",
        "%s": "5.25",
        "%06.1f%%": "0005.2%",
        "none": "none",  # 500
    }.items():
        assert await names(f"aliasQuery(a.*,'a','b','{text}')", *some) == [name]


@pytest.mark.parametrize("text", ["%d %d", "%x", "%(a)s", "%*d", "%99999d", "%", "%.9999f", "%y"])
async def test_a_name_that_cannot_be_printed_is_refused(text: str) -> None:
    some = series("a.x", [1] * 10), series("b.x", [5] * 10)
    assert "cannot be filled with 5.0" in await refused(f"aliasQuery(a.*,'a','b','{text}')", *some)


async def test_a_series_to_call_another_by_must_be_there_and_have_a_value() -> None:
    some = series("a.x", [1] * 10), series("b.x", [N] * 10)
    assert "'b.x' has no value" in await refused("aliasQuery(a.*,'a','b','%d')", *some)  # 500
    assert "'c.x' has no series" in await refused("aliasQuery(a.*,'a','c','%d')", *some)
    assert await names("aliasQuery(nothing.*,'a','c','%d')", *some) == []


async def test_series_that_name_others_are_read_together() -> None:
    store = Stored.of(*(series(f"{first}.{place}", [place] * 10) for first in "ab" for place in range(20)))
    answer = await Engine(store).render(["aliasQuery(a.*,'a','b','%d')"], TEN_SLOTS, LOCAL, zone=UTC)
    assert sorted(one.name for one in answer.series) == sorted(map(str, range(20)))
    assert len(store.asked) == 2


async def test_letters_outside_a_name_are_not_there() -> None:
    assert await names("upper(r,0,7,-7)", RISING) == ["R"]
    assert await names("lower(alias(r,'ÄB'))", RISING) == ["äb"]


# Calling others


async def test_a_target_for_each_node_keeps_the_times_of_the_series_it_came_from() -> None:
    some = series("a.x", [1] * 10), series("a.y", [2] * 10), series("b", [3] * 10, 30)
    [one] = await rendered("applyByNode(a.*,0,'b','% b')", *some, window=span(9, 99))
    # b itself begins 20 s later and ends 20 s later.
    assert (one.name, one.path, one.start_s, one.step_s, one.end_s) == ("a b", "a", START + 10, 30, START + 100)


DISKS = [
    series("s.a.used", [1] * 10),
    series("s.a.total", [2] * 10),
    series("s.b.used", [3] * 10),
    series("s.c", [4] * 10),
]


async def test_mapped_series_can_be_drawn_next_to_each_other() -> None:
    assert await names("mapSeries(s.*.*,2)", *DISKS) == ["s.a.total", "s.a.used", "s.b.used"]  # 500


async def test_a_group_that_lacks_an_argument_has_no_result() -> None:
    reduced = "reduceSeries(mapSeries(group(s.*.*,s.*),1),'divideSeries',2,'used','total')"
    assert await names(reduced, *DISKS) == ["s.a.reduce.divideSeries"]  # 500, also for the name without that node
    # Not only what mapSeries gives.
    assert await values("reduce(s.*.*,'diffSeries',2,'total','used')", *DISKS) == [[1] * 10]  # 500


async def test_what_cannot_be_called_for_a_group_is_named() -> None:
    assert "movingAverage reads its series anew" in await refused("reduce(map(r,0),'movingAverage',0,'r','x')")
    assert "Function 'divideSerie' is unknown" in await refused("reduce(map(r,0),'divideSerie',0,'r')")
    assert "seriesByTag: the parameter 'tagExpressions' cannot be a series" in await refused(
        "reduce(map(r,0),'seriesByTag',0,'r')"
    )
    assert "scale needs the parameter 'factor'" in await refused("reduce(map(r,0),'scale',0,'r')")


async def test_series_without_a_tag_are_a_group_of_their_own() -> None:
    some = series("m;dc=eu", [1] * 10), series("m;dc=us;host=a", [2] * 10)
    answer = await rendered("groupByTags(group(*),'sum','host','dc')", *some)  # 500
    assert [(one.name, one.path, one.tags) for one in answer] == [
        ("m;dc=eu;host=", "m;dc=eu;host=", {"name": "m", "dc": "eu"}),
        ("m;dc=us;host=a", "m;dc=us;host=a", {"name": "m", "dc": "us", "host": "a"}),
    ]


# Tags


TAGGED = [series("cpu;host=a", [1] * 10), series("cpu;host=b", [2] * 10), series("mem;host=a", [3] * 10)]


@pytest.mark.parametrize(
    ("target", "said"),
    {
        "r|seriesByTag('name=r')": "expected a function with its parentheses after |",
        "seriesByTag(r)": "nothing but tag expressions in quotes",
        "seriesByTag('name=r',2)": "nothing but tag expressions in quotes",
        "seriesByTag('name=r',tag='x')": "nothing but tag expressions in quotes",
        "seriesByTag()": "nothing but tag expressions in quotes",
        "seriesByTag('name')": "'name' is no tag expression",
        "seriesByTag('host=','name!=x')": "Add at least one that needs a value",
        "seriesByTag('name=~(')": "'(' is not a regular expression",
    }.items(),
)
async def test_a_question_about_tags_that_cannot_be_answered_says_why(target: str, said: str) -> None:
    assert said in await refused(target)


async def test_what_is_found_by_tags_is_called_by_the_question_as_it_was_written() -> None:
    [one] = await rendered("sumSeries( seriesByTag( 'name=cpu' ,\"host!=\" ) )", *TAGGED)
    assert (one.name, one.tags["aggregatedBy"]) == ("sumSeries(seriesByTag( 'name=cpu' ,\"host!=\" ))", "sum")


@dataclass
class Inventory:
    """A TagResolver that knows one series by the tag `job`, and counts what it is asked."""

    pieces: tuple[Piece, ...]
    asked: list[tuple[Sequence[TagExpression], Window]] = field(default_factory=list)

    async def tagged(
        self, expressions: Sequence[TagExpression], window: Window, viewer: Viewer
    ) -> tuple[list[VirtualSeries], list[str]]:
        self.asked.append((expressions, window))
        return [VirtualSeries("job.7.cpu", self.pieces, {"job": "7"})], ["Job 7 ran twice."]


async def test_series_are_found_by_tags_that_only_the_inventory_knows() -> None:
    inventory = Inventory((Piece("r", START, START + 30),))
    engine = Engine(Stored.of(RISING), tags=inventory)
    answer = await engine.render(["movingAverage(seriesByTag('job=7'),1)"], span(-1, 59), LOCAL, zone=UTC)
    [one] = answer.series
    assert (one.tags["job"], numbers(one), answer.notices) == ("7", [0, 1, 2, N, N, N], ["Job 7 ran twice."])
    assert {asked for asked, _ in inventory.asked} == {(TagExpression("job", "=", "7"),)}
    # A job that ended before the time shown is none of the answer, though history has it.
    later = await engine.render(["movingAverage(seriesByTag('job=7'),3)"], span(39, 59), LOCAL, zone=UTC)
    assert later.series == []


# Windows


async def test_an_average_that_forgets_starts_with_the_plain_one() -> None:
    # Over (0, 1): 0.5. Then 2/3 of the value and 1/3 of what it was.
    [one] = await rendered("exponentialMovingAverage(r,2)", RISING, window=span(19, 49))
    assert numbers(one) == [0.5, 1.5, 2.5, 3.5]
    assert (one.start_s, one.end_s) == (START + 20, START + 50)
    assert "-3 points has no meaning" in await refused("exponentialMovingAverage(r,-3)")


async def test_many_series_are_smoothed_as_each_alone() -> None:
    chance = np.random.default_rng(7)
    some = [
        series(f"a.{place}", [N if chance.random() < 0.2 else float(chance.normal()) for _ in range(60)])
        for place in range(12)
    ]
    for function in ("exponentialMovingAverage(a.{},5)", "holtWintersConfidenceBands(a.{},3,'2min','50s')"):
        together = await values(function.format("*"), *some, window=span(199, 599))
        alone = [
            one
            for place in sorted(range(12), key=str)
            for one in await values(function.format(place), *some, window=span(199, 599))
        ]
        assert together == alone


async def test_hits_a_second_are_counted_in_each_interval() -> None:
    some = series("a", [2] * 10), series("b", [1, N, 3], 60)
    assert await values("hitcount(a,'30s')", *some, window=span(-1, 59)) == [[60, 60]]
    # Intervals end where the series does: 60 s of 1 from 0, nothing, 60 s of 3 from 120 to 180; cut at 0, 45, 90, 135.
    assert await values("hitcount(b,'45s')", *some, window=span(-1, 179)) == [[45, 15, 45, 135]]
    assert await values("hitcount(b,'50s')", *some, window=span(-1, 179)) == [[30, 30, 30, 150]]


async def test_a_sum_begins_anew_with_each_interval_of_the_graph() -> None:
    # The graph begins at 19, so intervals of 30 s begin after 49 and 79: with the slots at 50 and 80.
    some = series("a", [0, 0, 1, 2, 3, 4, N, N, 5, 6])
    assert await values("integralByInterval(a,'30s')", some, window=span(19, 99)) == [[1, 3, 6, 4, 4, 4, 5, 11]]
    assert await values("integralByInterval(a,'-5s')", some, window=span(19, 59)) == [[1, 2, 3, 4]]
    assert "an interval of 0" in await refused("integralByInterval(r,'0s')")  # 500


async def test_aligned_hits_begin_with_the_minute_and_may_end_after_the_graph() -> None:
    [one] = await rendered("hitcount(r,'1min',true)", RISING, window=span(69, 99))
    # From the first slot after the minute began on, as graphite-web reads it.
    assert (one.start_s, numbers(one), one.name) == (START + 70, [(7 + 8 + 9) * 10], 'hitcount(r, "1min", true)')


async def test_more_intervals_than_a_request_may_make_are_refused() -> None:
    engine = Engine(Stored.of(series("a", [1], 86_400, START - START % 86_400)), limits=Limits(max_points=10_000))
    with pytest.raises(TooMuch, match=r"metrics\.max_points"):
        await engine.render(["hitcount(a,'1s')"], span(-1, 86_400), LOCAL, zone=UTC)
    assert "'0s' is not positive" in await refused("hitcount(r,'0s')")  # 500
    assert "'-1h' is not positive" in await refused("smartSummarize(r,'-1h')")  # never answered


@pytest.mark.parametrize(
    ("align", "zone", "asked", "begun"),
    [
        ("years", "UTC", "2026-07-15T10:20:30", "2026-01-01T00:00:00"),
        ("months", "UTC", "2026-07-15T10:20:30", "2026-07-01T00:00:00"),
        ("weeks", "UTC", "2026-07-15T10:20:30", "2026-07-13T00:00:00"),
        ("weeks3", "UTC", "2026-07-15T10:20:30", "2026-07-15T00:00:00"),
        ("weeks4", "UTC", "2026-07-15T10:20:30", "2026-07-09T00:00:00"),
        ("days", "UTC", "2026-07-15T10:20:30", "2026-07-15T00:00:00"),
        ("hours", "UTC", "2026-07-15T10:20:30", "2026-07-15T10:00:00"),
        ("minutes", "UTC", "2026-07-15T10:20:30", "2026-07-15T10:20:00"),
        ("seconds", "UTC", "2026-07-15T10:20:30", "2026-07-15T10:20:30"),
        # Midnight in Berlin is 23:00 in winter and 22:00 in summer; graphite-web takes July's offset for all of them.
        ("years", "Europe/Berlin", "2026-07-15T10:20:30", "2025-12-31T23:00:00"),
        ("days", "Europe/Berlin", "2026-07-15T10:20:30", "2026-07-14T22:00:00"),
        # 2:30 comes twice on 25 October; this is the second time.
        ("hours", "Europe/Berlin", "2026-10-25T01:30:00", "2026-10-25T01:00:00"),
    ],
)
async def test_intervals_begin_with_a_unit_of_the_calendar(align: str, zone: str, asked: str, begun: str) -> None:
    from_s, first_s = (int(datetime.fromisoformat(text).replace(tzinfo=ZERO).timestamp()) for text in (asked, begun))
    store = Stored.of(series("a", [1], 10, first_s))
    window = Window(from_s, from_s + 10, from_s + 10)
    # Read at once, without a look at how much it is: it could be a value a second.
    engine = Engine(store, limits=Limits(max_points=20_000_000))
    await engine.render([f"smartSummarize(a,'1d','sum','{align}')"], window, LOCAL, zone=ZoneInfo(zone))
    assert [window.from_s for _, window in store.asked] == [first_s]


@pytest.mark.parametrize("func", ["sum", "avg_zero", "multiply", "median", "last", "count"])
@pytest.mark.parametrize("interval", ["'7s'", "'10s'", "'25s'", "'1min'", "'1h'"])
@pytest.mark.parametrize("more", ["", ",true"])
async def test_a_series_summed_up_in_parts_gives_what_it_gives_at_once(
    func: str, interval: str, more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = np.random.default_rng(7)
    told = [None if gap else value for gap, value in zip(chance.random(200) < 0.3, chance.random(200), strict=True)]
    one = series("a", told, 10, START - 30, seams=(20, 57, 58, 59))
    target = f"summarize(a,{interval},'{func}'{more})"
    whole, parts = [], []
    for made, points in ((whole, 100_000), (parts, 7)):
        monkeypatch.setattr("weft.metrics.functions.buckets.PART_POINTS", points)
        made += await rendered(target, one, window=span(-31, 1900))
    assert [(x.start_s, x.step_s, x.seams, numbers(x)) for x in whole] == [
        (x.start_s, x.step_s, x.seams, numbers(x)) for x in parts
    ]
    assert len(whole[0].values) > 0


@pytest.mark.parametrize("func", ["sum", "average", "min", "median", "multiply", "last", "count"])
@pytest.mark.parametrize("points", [1, 7, 31, 60, 130])
async def test_windows_over_a_series_in_parts_give_what_they_give_at_once(
    func: str, points: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = np.random.default_rng(8)
    told = [None if gap else value for gap, value in zip(chance.random(500) < 0.3, chance.random(500), strict=True)]
    one = series("a", told, 10, START - 10 * points)
    made: list[bytes] = []
    for most in (100_000, 64):
        monkeypatch.setattr("weft.metrics.functions.moving.PART_POINTS", most)
        [drawn] = await rendered(f"movingWindow(a,{points},'{func}')", one, window=span(-1, 4999 - 10 * points))
        made.append(drawn.values.tobytes())
    assert made[0] == made[1] != b""


async def test_what_a_calendar_has_no_unit_for_is_refused() -> None:
    for align in ("fortnights", "weeks9", "weeks0", ""):
        assert "is nothing to align to" in await refused(f"smartSummarize(r,'1min','sum','{align}')")  # 500
    assert await values("smartSummarize(r,'30s','sum',false)", RISING, window=span(-1, 59)) == [[3, 12]]


async def test_a_slice_is_read_in_the_zone_and_at_the_time_of_the_request() -> None:
    # graphite-web reads it in the server's zone and by its clock. START is 22:20 in UTC.
    assert START % 86_400 == 22 * 3600 + 20 * 60
    for zone, clock in (("UTC", "22:20"), ("Europe/Berlin", "23:20")):
        [one] = await rendered(f"timeSlice(r,'{clock}_20231114','now')", RISING, window=span(-1, 29), zone=zone)
        assert (one.name, numbers(one)) == (f"timeSlice(r, {START}, {START + 29})", [N, 1, 2])


async def test_stretches_of_time_are_read_together() -> None:
    store = Stored.of(RISING)
    answer = await Engine(store).render(["timeStack(r,'10s',0,4)"], span(49, 79), LOCAL, zone=UTC)
    assert [numbers(one) for one in answer.series] == [[5, 6, 7], [4, 5, 6], [3, 4, 5], [2, 3, 4]]
    assert len(store.asked) == 4
    with pytest.raises(TooMuch, match="timeStack: 1001 shifts"):
        await rendered("timeStack(r,'10s',0,1001)", RISING)
    assert await values("timeStack(r,'40y',0,3)", RISING, window=span(-1, 19)) == [[0, 1], [N, N]]


# Forecasts


async def test_a_forecast_by_hand() -> None:
    some = series("a", [10, 20, N, 10, 10])
    # Level: 10; 0.1 * 20 + 0.9 * 10 = 11, slope 0.0035; behind the gap 0.1 * 10 + 0.9 * 10 = 10.
    assert await values("holtWintersForecast(a,'0s','5min')", some, window=span(-1, 49)) == [
        [10, 10, pytest.approx(11.0035), N, 10]
    ]
    # Deviation: 0; 0.1 * 10; none at the gap; 0.1 * 10, for nothing was foreseen; 0.
    lower, upper = await values("holtWintersConfidenceBands(a,2,'0s','5min')", some, window=span(-1, 49))
    assert (lower, upper) == (
        [10, 8, pytest.approx(11.0035), N, 10],
        [10, 12, pytest.approx(11.0035), N, 10],
    )
    assert await values("holtWintersAberration(a,2,'0s','5min')", some, window=span(-1, 49)) == [[0, 8, 0, 0, 0]]


async def test_the_season_before_moves_the_forecast() -> None:
    # A season of two: 10, 20. Third: the season's share so far is 0.1 * (10 - 10) = 0, fourth: 0.1 * (20 - 11) = 0.9.
    [one] = await values("holtWintersForecast(a,'0s','20s')", series("a", [10, 20, 10, 20]), window=span(-1, 39))
    # Level at the third: 0.1 * (10 - 0) + 0.9 * (11 + 0.0035); slope: 0.0035 * (it - 11) + 0.9965 * 0.0035.
    level = 1 + 0.9 * 11.0035
    slope = 0.0035 * (level - 11) + 0.9965 * 0.0035
    assert one == [10, 10, pytest.approx(11.0035), pytest.approx(level + slope + 0.9)]


async def test_the_areas_of_several_series_are_drawn_one_by_one() -> None:
    some = series("a.x", [1] * 10), series("a.y", [2] * 10)
    drawn = await names("holtWintersConfidenceArea(a.*,3,'30s','20s')", *some)  # 500
    assert drawn == ["holtWintersConfidenceArea(a.*)"] * 4
    assert await names("holtWintersConfidenceArea(nothing.*)", *some) == []  # 500


async def test_a_season_of_less_than_two_values_is_refused() -> None:
    assert "shorter than two steps of 10 s" in await refused("holtWintersForecast(r,'1min','19s')")  # 500
    assert "'-1min' is negative" in await refused("holtWintersAberration(r,3,'-1min','1h')")


class Coarse(Stored):
    """Gives minutes where history is asked for, as a file whose fine archive is short does."""

    async def fetch(self, names: Sequence[str], window: Window, tell: Tell) -> list[Series | None]:
        if window.from_s >= START:
            return await super().fetch(names, window, tell)
        return await Stored.of(*(series(name, [1] * 100, 60, START - 1200) for name in names)).fetch(
            names, window, tell
        )


async def test_values_beyond_a_coarser_band_count_as_between() -> None:
    engine = Engine(Coarse({"r": RISING}))
    answer = await engine.render(["holtWintersAberration(r,3,'10min','5min')"], span(0, 99), LOCAL, zone=UTC)
    # The band's slots are compared one by one, as graphite-web does before it answers 500; there are two of them.
    assert numbers(answer.series[0])[2:] == [0] * 7


class Without(Stored):
    """Gives series without values where history is asked for, as one that is itself a forecast is there."""

    async def fetch(self, names: Sequence[str], window: Window, tell: Tell) -> list[Series | None]:
        if window.from_s >= START - 1:
            return await super().fetch(names, window, tell)
        return [series(name, []) for name in names]


async def test_a_forecast_from_no_values_has_none() -> None:
    engine = Engine(Without({"r": RISING}))
    answer = await engine.render(["group(r,holtWintersForecast(r,'1min','20s'))"], TEN_SLOTS, LOCAL, zone=UTC)
    assert [numbers(one) for one in answer.series] == [numbers(RISING), []]


# Out of nothing


async def test_a_series_of_times_has_a_step() -> None:
    [one] = await rendered("time('a;b=c',7)", RISING, window=Window(START, START + 20, START + 20))
    assert (one.tags, numbers(one), one.end_s) == (
        {"name": "a", "b": "c"},
        [START, START + 7, START + 14],
        START + 20,
    )
    for target in ("time('t',0)", "sin('t',1,-1)", "randomWalk('t',0)"):
        assert "has no meaning" in await refused(target)  # never answered
    with pytest.raises(TooMuch, match=r"metrics\.max_points"):
        await rendered("time('t',1)", RISING, window=Window(0, 1_700_000_000, 1_700_000_000))


async def test_a_vertical_line_is_one_point_within_the_graph() -> None:
    [one] = await rendered("verticalLine('-20s','deploy','blue')", RISING)
    assert (one.name, one.start_s, numbers(one)) == ("deploy", START + 79, [1])
    assert await names("verticalLine('-20s')", RISING) == [f"verticalLine({START + 79})"]
    assert "lies before the graph" in await refused("verticalLine('-1h')")
    assert "lies after the graph" in await refused("verticalLine('now+1h')")


async def test_a_random_walk_starts_at_0_and_takes_small_steps() -> None:
    [one] = await rendered("randomWalk('w',1)", RISING, window=span(0, 1000))
    steps = np.diff(one.values)
    assert (one.name, one.values[0], len(one.values)) == ("w", 0, 1000)
    assert 0.4 < np.abs(steps).max() <= 0.5
    assert steps.min() < 0 < steps.max()


@dataclass
class Happened:
    """An EventSource with two events at the same time, one at the end of the window, and what it was asked."""

    asked: list[Sequence[str]] = field(default_factory=list)

    async def events(self, tags: Sequence[str], window: Window, viewer: Viewer) -> Sequence[int]:
        self.asked.append(tags)
        return [window.from_s + 1, window.from_s + 1, window.until_s]


async def test_events_are_counted_by_the_second() -> None:
    happened = Happened()
    engine = Engine(Stored.of(RISING), events=happened)
    window = Window(START, START + 4, START + 4)
    answer = await engine.render(["events('*')", "events('a','b')", "events('*')"], window, LOCAL, zone=UTC)
    assert [numbers(one) for one in answer.series] == [[N, 2, N, N]] * 3  # 500, for the one at the end
    assert [(one.name, one.consolidate) for one in answer.series[:2]] == [
        ('events("*")', "sum"),
        ('events("a", "b")', "sum"),
    ]
    assert happened.asked == [(), ("a", "b")]
    # Where nobody keeps events there are none.
    nobody = await Engine(Stored.of(RISING)).render(["events('*')"], window, LOCAL, zone=UTC)
    assert [numbers(one) for one in nobody.series] == [[N] * 4]


# What there is


def test_every_function_of_graphite_web_is_known() -> None:
    known = registry.described()
    assert len(known) == 154
    assert set(registry.described(pie=True)) == {"average", "maximum", "minimum"}
    assert known["dashed"]["params"][1] == {"name": "dashLength", "type": "integer", "default": 5}
    assert known["smartSummarize"]["params"][3]["options"] == [
        *(False, None, True),
        *("days", "hours", "minutes", "months", "seconds", "weeks", "years"),
    ]

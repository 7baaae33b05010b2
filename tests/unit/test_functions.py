"""Functions one by one, where a rule deserves a sentence. Breadth is in test_functions_golden.py.

Expected values: by hand, or from graphite-web 1.1.10 where a test says so.
"""

import math
import time
from datetime import UTC, datetime

import orjson
import pytest

from unit.stored import START, TEN_SLOTS, numbers, rendered, series, span
from weft.base.errors import BadRequest, TooMuch
from weft.metrics.functions import registry
from weft.metrics.functions.registry import Param
from weft.metrics.series import Series, Window
from weft.metrics.store import Piece, VirtualSeries
from weft.metrics.tags import tags_of

pytestmark = pytest.mark.anyio

N = None


COUNTER = series("c", [0, 10, 30, 30, 5, 25, N, 45, 60, 75])
RISING = series("r", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
SECOND_HALF = span(49, 99)


async def values(target: str, *some: Series, window: Window = TEN_SLOTS) -> list[list[float | None]]:
    return [numbers(one) for one in await rendered(target, *some, window=window)]


async def names(target: str, *some: Series) -> list[str]:
    return [one.name for one in await rendered(target, *some)]


async def test_sums_skip_gaps_and_stay_gaps_where_all_have_one() -> None:
    some = series("a.x", [1, N, N, 4]), series("a.y", [2, 5, N, -4])
    assert await values("sumSeries(a.*)", *some, window=span(-1, 39)) == [[3, 5, N, 0]]


async def test_sums_are_added_one_by_one_as_python_does() -> None:
    # 0.1 ten times is 0.9999999999999999 in sequence and 1.0 pairwise.
    some = [series(f"a.{place}", [0.1] * 10) for place in range(10)]
    assert (await values("sumSeries(a.*)", *some))[0] == [0.9999999999999999] * 10


async def test_the_same_series_twice_counts_twice() -> None:
    assert (await values("sumSeries(c,c)", COUNTER))[0][:3] == [0, 20, 60]


async def test_a_sum_keeps_the_tags_that_all_have_in_common() -> None:
    some = series("m;dc=eu;host=a", [1] * 10), series("m;dc=eu;host=b", [1] * 10)
    [one] = await rendered("sumSeries(*)", *some)
    assert one.tags == {"name": "m", "dc": "eu", "aggregatedBy": "sum"}
    assert (one.name, one.path) == ("sumSeries(*)", "sumSeries(*)")


async def test_rates_need_two_neighbours_and_a_reset_is_a_gap() -> None:
    assert await values("perSecond(c)", COUNTER) == [[N, 1, 2, 0, N, 2, N, N, 1.5, 1.5]]
    assert await values("nonNegativeDerivative(c)", COUNTER) == [[N, 10, 20, 0, N, 20, N, N, 15, 15]]
    assert await values("derivative(c)", COUNTER) == [[N, 10, 20, 0, -25, 20, N, N, 15, 15]]


async def test_with_a_largest_value_a_reset_is_a_wrap_and_a_gap_stays_a_gap() -> None:
    # graphite-web 1.1.10 answers 500 here: it compares None with maxValue. Without the gap it gives these numbers:
    # 99 + 1 + 5 - 30 = 75.
    assert await values("nonNegativeDerivative(c, 99)", COUNTER) == [[N, 10, 20, 0, 75, 20, N, N, 15, 15]]
    assert await values("nonNegativeDerivative(c, None, 0)", COUNTER) == [[N, 10, 20, 0, 5, 20, N, N, 15, 15]]
    assert await values("nonNegativeDerivative(c, minValue=3)", COUNTER) == [[N, N, 20, 0, 2, 20, N, N, 15, 15]]
    assert await values("nonNegativeDerivative(c, 75)", COUNTER) == [[N, 10, 20, 0, 51, 20, N, N, 15, 15]]
    assert await values("nonNegativeDerivative(c, 50)", COUNTER) == [[N, 10, 20, 0, 26, 20, N, N, N, N]]


async def test_a_rate_has_six_decimals_rounded_as_python_rounds() -> None:
    # round(2.0000005, 6) is 2.000001 in Python: the double lies above the tie that scaling by 1e6 would see.
    one = series("c", [0.0, 20.000005, 20.000005 + 1 / 3, 1e15], step_s=10)
    [rates] = await values("perSecond(c)", one, window=span(-1, 39))
    assert rates[:3] == [N, round(20.000005 / 10, 6), round((20.000005 + 1 / 3 - 20.000005) / 10, 6)]
    assert rates[1] == 2.000001
    assert rates[3] == pytest.approx(1e14)


CABLE = VirtualSeries("cable.1", (Piece("p.1", START, START + 30), Piece("p.2", START + 30, START + 100)))
PORTS = (
    series("p.1", [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]),
    series("p.2", [N, N, N, 9000, 9010, 9030, 9040, 9050, N, 9060]),
)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("cable.1", [10, 20, 30, 9000, 9010, 9030, 9040, 9050, N, 9060]),
        ("perSecond(cable.1)", [N, 1, 1, N, 1, 2, 1, 1, N, N]),
        ("derivative(cable.1)", [N, 10, 10, N, 10, 20, 10, 10, N, N]),
        ("nonNegativeDerivative(scale(cable.1,2))", [N, 20, 20, N, 20, 40, 20, 20, N, N]),
        ("derivative(sumSeries(cable.1,cable.1))", [N, 20, 20, N, 20, 40, 20, 20, N, N]),
        ("derivative(movingMax(cable.1,'10s'))", [N, 10, 10, N, 10, 20, 10, 10, N, N]),
        ("derivative(movingMax(cable.1,'20s'))", [N, 10, 10, N, N, 20, 10, 10, 0, 10]),
        ("derivative(sumSeries(cable.1,q.slow))", [N, N, N, 25, 15]),
        ('derivative(summarize(cable.1,"20s","last"))', [N, N, N, 20, 10, N]),
    ],
)
async def test_a_difference_across_a_seam_is_one_gap_and_never_a_spike(
    target: str, expected: list[float | None]
) -> None:
    slow = series("q.slow", [0] * 5, step_s=20)
    assert [numbers(one) for one in await rendered(target, *PORTS, slow, virtual=[CABLE])] == [expected]


async def test_a_gap_that_is_filled_before_a_seam_does_not_hide_it() -> None:
    # p.2 has no value in its first slot: the last value of p.1 is kept there, and the seam is at the next.
    late = VirtualSeries("cable.1", (Piece("p.1", START, START + 20), Piece("p.2", START + 20, START + 100)))
    [one] = await rendered("derivative(keepLastValue(cable.1))", *PORTS, virtual=[late])
    assert numbers(one)[:6] == [N, 10, 0, N, 10, 20]


async def test_a_moving_window_reads_what_lies_before_the_time_asked_for() -> None:
    assert await values("movingAverage(r,3)", RISING, window=SECOND_HALF) == [[4, 5, 6, 7, 8]]
    assert await values("movingSum(r,'20s')", RISING, window=SECOND_HALF) == [[9, 11, 13, 15, 17]]
    assert await values("movingMin(r,2)", RISING, window=SECOND_HALF) == [[4, 5, 6, 7, 8]]
    assert await values("movingMax(scale(r,-1),2)", RISING, window=SECOND_HALF) == [[-4, -5, -6, -7, -8]]
    assert await values("movingMedian(r,4)", RISING, window=SECOND_HALF) == [[3.5, 4.5, 5.5, 6.5, 7.5]]


async def test_a_moving_window_over_a_piped_or_templated_series_is_the_same() -> None:
    # graphite-web 1.1.10 loses the pipe and the template when it evaluates the series again.
    plain = await values("movingAverage(scale(r,2),3)", RISING, window=SECOND_HALF)
    assert plain == [[8, 10, 12, 14, 16]]
    assert await values("r|scale(2)|movingAverage(3)", RISING, window=SECOND_HALF) == plain
    assert await values("template(movingAverage(scale($name.x,2),3),name='r')", series("r.x", RISING.values.tolist()),
                        window=SECOND_HALF) == plain  # fmt: skip


async def test_windows_add_up_only_their_own_values() -> None:
    # A running sum would lose the small ones next to 1e17.
    one = series("a", [1e17, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    assert (await values("movingSum(a,3)", one))[0][3:] == [6, 9, 12, 15, 18, 21, 24]


async def test_a_window_of_no_or_few_points() -> None:
    assert await values("movingAverage(r,'5s')", RISING, window=SECOND_HALF) == [[N] * 5]
    assert await values("movingAverage(r,4,1)", series("r", [1, 2, N, 4, 5, 6, 7, 8]), window=span(39, 79)) == [
        [N, N, 5.5, 6.5]
    ]
    with pytest.raises(BadRequest, match="A moving window of -3 points has no meaning"):
        await rendered("movingAverage(r,-3)", RISING)


async def test_summarize_aligns_to_the_interval_or_to_the_start() -> None:
    one = series("s", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    window = span(19, 99)
    [aligned] = await rendered('summarize(s,"30s","sum")', one, window=window)
    assert (aligned.start_s - START, aligned.step_s, numbers(aligned)) == (0, 30, [3, 15, 24, 10])
    [from_start] = await rendered('summarize(s,"30s","max",true)', one, window=window)
    assert (from_start.start_s - START, from_start.step_s, numbers(from_start)) == (20, 30, [5, 8, 10])
    assert from_start.name == 'summarize(s, "30s", "max", true)'


async def test_summarize_refuses_what_would_never_end() -> None:
    # graphite-web 1.1.10 divides by zero for '0s' and loops for ever for '-1h'.
    for interval in ("0s", "-1h"):
        with pytest.raises(BadRequest, match="is not positive"):
            await rendered(f'summarize(r,"{interval}")', RISING)


async def test_summarize_to_seconds_cannot_make_more_points_than_the_limit() -> None:
    long = series("long", [1.0] * 100, step_s=86_400)
    with pytest.raises(TooMuch, match=r"metrics\.max_points"):
        await rendered(
            'group(summarize(long,"1s"),summarize(long,"1s"),summarize(long,"1s"))', long, window=span(0, 8_640_000)
        )


async def test_names_by_node_count_from_either_end_and_look_into_calls() -> None:
    some = series("prod.node1.cpu", [1] * 10), series("prod.node2.cpu", [2] * 10)
    assert await names("aliasByNode(prod.*.cpu,1)", *some) == ["node1", "node2"]
    assert await names("aliasByNode(scale(prod.*.cpu,2),-1,1)", *some) == ["cpu.node1", "cpu.node2"]
    assert await names("aliasByNode(prod.*.cpu,7,'name')", *some) == [".prod.node1.cpu", ".prod.node2.cpu"]
    assert await names("aliasByMetric(perSecond(prod.*.cpu))", *some) == ["cpu", "cpu"]
    assert await names("groupByNode(scale(prod.*.cpu,2),1,'sum')", *some) == ["node1", "node2"]
    assert await names('aliasByNode(alias(prod.node1.cpu,""),0)', *some) == [""]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("a.b", "a.b A"),
        ('alias(a.b, "x y")', "x y A"),
        ('summarize(a.b,"1min","avg")', 'summarize(a.b, "1min", "avg") A'),
        ("a.b;dc=eu", "a.b;dc=eu A"),
        ("constantLine(100)", "100.0 A"),
    ],
)
async def test_the_wrapping_that_grafana_puts_around_every_target(target: str, expected: str) -> None:
    some = series("a.b", [1] * 10), series("a.b;dc=eu", [1] * 10)
    assert await names(rf'aliasSub({target}, "(^.*$)", "\1 A")', *some) == [expected]


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("a.b", {"name": "a.b"}),
        ("a.b;dc=eu;k=x=y", {"name": "a.b", "dc": "eu", "k": "x=y"}),
        ("a;k=1;k=2", {"name": "a", "k": "2"}),
        ("a;k", {"name": "a;k"}),
        ("a;=1", {"name": "a;=1"}),
        ("asPercent(a;k=1,b)", {"name": "asPercent(a;k=1,b)"}),
    ],
)
def test_the_tags_of_a_name_are_those_after_it(name: str, tags: dict[str, str]) -> None:
    assert tags_of(name) == tags


async def test_a_pattern_that_would_run_for_ever_is_stopped_and_named() -> None:
    one = series("a" * 60 + "!", [1] * 10)
    begun = time.process_time()  # regex counts the processor's time
    for target in (r'aliasSub(*,"(a|aa)+$","x")', 'grep(*,"(a|aa)+$")', 'exclude(*,"(a|aa)+$")'):
        with pytest.raises(BadRequest, match=r"takes longer than 0\.5 s"):
            await rendered(target, one)
    assert time.process_time() - begun < 4


async def test_a_pattern_that_is_none_is_refused_with_the_reason() -> None:
    with pytest.raises(BadRequest, match=r"grep: 'a\(' is not a regular expression: missing \)"):
        await rendered('grep(r,"a(")', RISING)
    with pytest.raises(BadRequest, match="cannot replace"):
        await rendered(r'aliasSub(r,"(r)","\9")', RISING)


async def test_names_cannot_be_doubled_without_end() -> None:
    target = "r"
    for _ in range(30):
        target = rf'aliasSub({target},"(.+)","\1\1")'
    with pytest.raises(BadRequest, match="would get a name of"):
        await rendered(target, RISING)


async def test_the_highest_come_first_equal_ones_in_order_and_empty_ones_last() -> None:
    some = [series("s.a", [1, 5, N]), series("s.b", [N, N, N]), series("s.c", [6, 2, 3]), series("s.d", [5, 5, 5])]
    assert await names("highestMax(s.*,3)", *some) == ["s.c", "s.a", "s.d"]
    assert await names("highestCurrent(s.*,9)", *some) == ["s.a", "s.d", "s.c", "s.b"]
    assert await names("lowestAverage(s.*,2)", *some) == ["s.b", "s.a"]
    assert await names("highest(s.*)", *some) == ["s.d"]


async def test_a_constant_line_has_three_points_also_over_one_second() -> None:
    # graphite-web 1.1.10 answers 500 for a window of one second: its step is 0.
    [one] = await rendered("constantLine(5)", window=span(100, 301))
    assert (one.name, one.start_s - START, one.step_s, numbers(one)) == ("5.0", 100, 100, [5, 5, 5])
    [short] = await rendered("constantLine(5)", window=span(100, 101))
    assert (short.start_s - START, short.step_s, numbers(short)) == (100, 1, [5, 5])


async def test_percentages_of_series_with_different_steps_are_stamped_by_the_coarser() -> None:
    # graphite-web 1.1.10 gives the coarser values the finer step.
    some = series("p.a", [1, 3, 2, 2], step_s=10), series("p.b", [6, 2], step_s=20)
    made = await rendered("asPercent(p.*)", *some, window=span(-1, 39))
    assert [(one.start_s - START, one.step_s, numbers(one)) for one in made] == [(0, 20, [25, 50]), (0, 20, [75, 50])]
    assert made[0].name == "asPercent(p.a,sumSeries(p.*))"


async def test_a_percentage_of_nothing_is_a_gap() -> None:
    some = series("p.a", [1, N, 3]), series("p.b", [0, 5, N])
    assert await values("asPercent(p.a,p.b)", *some, window=span(-1, 29)) == [[N, N, N]]
    assert await names("asPercent(p.a,p.none,0)", *some) == ["asPercent(p.a,MISSING)"]
    with pytest.raises(BadRequest, match="1 series cannot be paired with 0 totals"):
        await rendered("asPercent(p.a,p.none)", *some)


async def test_a_long_gap_stays_whole_when_values_are_kept() -> None:
    one = series("k", [N, 1, N, 2, N, N, N, 3, N, N])
    assert await values("keepLastValue(k,2)", one) == [[N, 1, 1, 2, N, N, N, 3, 3, 3]]
    assert await values("keepLastValue(k)", one) == [[N, 1, 1, 2, 2, 2, 2, 3, 3, 3]]


async def test_a_share_of_values_asked_for_holds_for_the_functions_around_it() -> None:
    some = series("x.a", [1, N, 3]), series("x.b", [1, 2, N])
    window = span(-1, 29)
    assert await values("sumSeries(setXFilesFactor(x.*,1))", *some, window=window) == [[2, N, N]]
    assert await values('aggregate(x.*,"sum",0.6)', *some, window=window) == [[2, N, N]]


async def test_a_shift_in_time_is_drawn_at_the_time_asked_for() -> None:
    [one] = await rendered("timeShift(r,'30s')", RISING, window=SECOND_HALF)
    assert (one.name, one.start_s - START, numbers(one)) == ('timeShift(r, "-30s")', 50, [2, 3, 4, 5, 6])


async def test_a_shift_can_follow_the_clock_through_summer_time() -> None:
    # Noon in Berlin is 11:00 UTC in November and 10:00 UTC in October: an hour earlier.
    noon = int(datetime(2026, 11, 1, 11, tzinfo=UTC).timestamp())
    some = series("t", list(range(10)), step_s=3600, start_s=noon - 14 * 86_400 - 3 * 3600)
    window = Window(noon - 3600, noon, noon)
    [plain] = await rendered("timeShift(t,'14d')", some, window=window, zone="Europe/Berlin")
    [aligned] = await rendered("timeShift(t,'14d',true,true)", some, window=window, zone="Europe/Berlin")
    assert (numbers(plain), numbers(aligned)) == ([3], [2])


LISTED = "GET /functions lists those that are known."
AGGREGATIONS = (
    "average, avg, avg_zero, count, current, diff, last, max, median, min, multiply, range, rangeOf, stddev, sum, total"
)


@pytest.mark.parametrize(
    ("target", "what", "fix"),
    [
        ("sumSeris(r)", "Function 'sumSeris' is unknown.", f"Did you mean 'sumSeries'? {LISTED}"),
        ("movingaverage(r,5)", "Function 'movingaverage' is unknown.", f"Did you mean 'movingAverage'? {LISTED}"),
        ("zzzzzz(r)", "Function 'zzzzzz' is unknown.", LISTED),
        ("scale(r)", "scale needs the parameter 'factor'.", "It is scale(seriesList, factor)."),
        ("scale(r,'x')", "scale: the parameter 'factor' cannot be 'x'.", "Give a number."),
        ("scale(r,r)", "scale: the parameter 'factor' cannot be a series.", "Give a number."),
        ("scale(5,5)", "scale: the parameter 'seriesList' cannot be 5.", "Give series."),
        ("scale(r,1,2)", "scale takes at most 2 arguments, got 3.", "It is scale(seriesList, factor)."),
        ("scale(r,factr=2)", "scale has no parameter 'factr'.", "Did you mean 'factor'? Known are factor, seriesList."),
        ("scale(r,2,factor=2)", "scale got the parameter 'factor' twice.", "It is scale(seriesList, factor)."),
        ("limit(r,1.5)", "limit: the parameter 'n' cannot be 1.5.", "Give a whole number."),
        ("alias(r,r)", "alias: the parameter 'newName' cannot be a series.", "Give a text in quotes."),
        (
            "summarize(r,'5m')",
            "summarize: the parameter 'intervalString' cannot be '5m'.",
            "Give a length of time such as '5min' or '1h'.",
        ),
        (
            "summarize(r,'1h','sun')",
            "summarize: the parameter 'func' cannot be 'sun'.",
            f"Did you mean 'sum'? Known are {AGGREGATIONS}.",
        ),
        (
            "consolidateBy(r,'median')",
            "consolidateBy: the parameter 'consolidationFunc' cannot be 'median'.",
            "Did you mean 'min'? Known are average, avg, avg_zero, first, last, max, min, sum.",
        ),
        (
            "groupByNode(r,0,'maxx')",
            "groupByNode: the parameter 'callback' cannot be 'maxx'.",
            f"Did you mean 'max'? Known are {AGGREGATIONS}.",
        ),
        (
            "sortByName(r,'perhaps')",
            "sortByName: the parameter 'natural' cannot be 'perhaps'.",
            "Give true or false.",
        ),
        (
            "movingAverage(r,inf)",
            "movingAverage: the parameter 'windowSize' cannot be inf.",
            "Give a number of points, or a length of time such as '5min'.",
        ),
        ("movingAverage()", "movingAverage needs series as its first argument.", "Give a path or a function."),
        ("aliasByNode(r)", "aliasByNode needs the parameter 'nodes'.", "It is aliasByNode(seriesList, *nodes)."),
    ],
)
async def test_a_wrong_call_is_told_in_one_line_with_the_nearest_right_one(target: str, what: str, fix: str) -> None:
    with pytest.raises(BadRequest) as error:
        await rendered(target, RISING)
    assert (error.value.what, error.value.fix, error.value.code) == (what, fix, "bad_request")


async def test_arguments_are_taken_as_graphite_web_takes_them() -> None:
    assert await names("scale(r,'2')", RISING) == ["scale(r,2)"]
    assert await names("limit(r,5.0)", RISING) == ["r"]
    assert await names("alias(r,5)", RISING) == ["5"]
    assert await names("sortByName(r,1,'FALSE')", RISING) == ["r"]
    assert await names('aggregate(r,"sumSeries")', RISING) == ["sumSeries(r)"]
    assert await names('groupByNode(r,0,"averageSeries")', RISING) == ["r"]


def test_the_registry_tells_of_its_functions_as_graphite_web_does() -> None:
    told = registry.described()
    assert told["keepLastValue"] == {
        "name": "keepLastValue",
        "function": "keepLastValue(seriesList, limit=inf)",
        "description": "The last value in place of every gap of at most `limit` slots; longer gaps stay as they are.",
        "module": "weft.metrics.functions.transform",
        "group": "Transform",
        "params": [
            {"name": "seriesList", "type": "seriesList", "required": True},
            {"name": "limit", "type": "intOrInf", "default": told["keepLastValue"]["params"][1]["default"]},
        ],
    }
    assert told["consolidateBy"]["params"][1]["options"] == [
        "average",
        "avg",
        "avg_zero",
        "first",
        "last",
        "max",
        "min",
        "sum",
    ]
    assert told["movingAverage"]["params"][1]["suggestions"][:4] == [5, 7, 10, "1min"]
    # Grafana reads 1e9999 as infinity; Infinity is no JSON.
    assert b'"default":1e9999' in orjson.dumps(told)


WITHOUT_SERIES = {
    *("constantLine", "threshold", "verticalLine", "identity", "time", "timeFunction", "sin", "sinFunction"),
    *("randomWalk", "randomWalkFunction", "events", "seriesByTag"),
}


def test_every_function_says_what_it_does_and_takes_series_first_or_none() -> None:
    for name, made in registry.described().items():
        assert made["description"], name
        types = [param["type"] for param in made["params"]]
        assert types[0] in {"seriesList", "seriesLists"} or name in WITHOUT_SERIES
        assert set(types) <= set(registry.TYPES)


def test_a_required_parameter_with_a_default_may_be_left_out() -> None:
    made = registry.Function("f", "g", (Param("n", "integer", required=True, default=1),), lambda: [], "doc")
    assert registry.bound(made, [], {}) == [1]
    assert registry.bound(made, [None], {}) == [1]
    assert math.isinf(registry.bound(registry.lookup("keepLastValue"), [[]], {})[1])

"""Functions where graphite-web fails, where virtual series have seams, and where a rule deserves a sentence.

Breadth is in test_functions_golden.py and tests/differential. Expected values: by hand.
"""

import math
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from weakref import ReferenceType, ref

import numpy as np
import pytest

from unit.stored import START, TEN_SLOTS, UTC, Stored, numbers, rendered, series, span
from weft.base.access import LOCAL
from weft.base.errors import BadRequest, TooMuch
from weft.metrics.budget import Budget
from weft.metrics.evaluate import Engine
from weft.metrics.functions import registry
from weft.metrics.functions.combine import combined_by
from weft.metrics.functions.rowwise import rounded
from weft.metrics.series import Series, Window
from weft.metrics.store import Piece, VirtualSeries

pytestmark = pytest.mark.anyio

N = None
RISING = series("r", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
CABLE = VirtualSeries("cable.1", (Piece("p.1", START, START + 50), Piece("p.2", START + 50, START + 100)))
PORTS = (
    series("p.1", [10, 20, 20, N, N, N, N, N, N, N]),
    series("p.2", [N, N, N, N, N, N, 900, 900, 910, 920]),
)


async def values(target: str, *some: Series, window: Window = TEN_SLOTS) -> list[list[float | None]]:
    return [numbers(one) for one in await rendered(target, *some, window=window)]


async def names(target: str, *some: Series) -> list[str]:
    return [one.name for one in await rendered(target, *some)]


async def test_what_no_double_holds_is_a_gap() -> None:
    # graphite-web 1.1.10 answers 500 for exp(710) and sigmoid(-710); its pow makes a gap of what is too large.
    one = series("x", [0, 1, 710, -710, N, math.inf])
    window = span(-1, 59)
    assert await values("exp(x)", one, window=window) == [[1, pytest.approx(math.e), N, pytest.approx(0), N, math.inf]]
    assert await values("sigmoid(x)", one, window=window) == [
        [0.5, pytest.approx(0.7310585786300049), 1, pytest.approx(0, abs=1e-300), N, 1]
    ]
    assert await values("pow(x,200)", one, window=window) == [[0, 1, N, N, N, math.inf]]
    assert await values("pow(x,0)", one, window=window) == [[1, 1, 1, 1, N, 1]]
    assert await values("invert(x)", one, window=window) == [[N, 1, 1 / 710, -1 / 710, N, 0]]
    endless = series("zero", [0]), series("less", [-math.inf]), series("more", [math.inf])
    assert await values("powSeries(zero,less)", *endless, window=span(-1, 9)) == [[N]]
    assert await values("powSeries(zero,more)", *endless, window=span(-1, 9)) == [[0]]
    assert await values("squareRoot(x)", one, window=window) == [[0, 1, pytest.approx(710**0.5), N, N, math.inf]]


async def test_a_logarithm_needs_a_base_of_two_or_more() -> None:
    for base in (1, 0, -10):
        with pytest.raises(BadRequest, match=f"there is no logarithm to the base {base}"):
            await rendered(f"log(r,{base})", RISING)
    assert (await values("log(r,2)", RISING))[0][:5] == [N, 0, 1, pytest.approx(math.log2(3)), 2]


@pytest.mark.parametrize("digits", [-3, -1, 0, 1, 2, 6, 15, 30])
def test_rounding_is_that_of_python(digits: int) -> None:
    some = [0.5, 1.5, 2.5, 0.25, 0.35, 2.675, 1.005, -0.045, 1234.5, 15.0, 25.0, 2500.0, 0.1 + 0.2, 1e15 + 0.3, 1e300]
    some += [-value for value in some] + [math.inf, 0.0]
    with np.errstate(all="ignore"):
        made = rounded(np.array([some]), digits)[0].tolist()
    assert made == [round(value, digits) for value in some]


def test_series_where_something_else_is_wanted_are_refused_and_not_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def written(one: Series) -> str:
        raise AssertionError("a series as text takes a millisecond")

    monkeypatch.setattr(Series, "__repr__", written)
    for name in registry.described():
        made = registry.lookup(name)
        for param in made.params:
            if param.type not in ("any", "series", "seriesList", "seriesLists"):
                with pytest.raises(BadRequest, match=f"^{name}: the parameter '{param.name}' cannot be a series"):
                    registry.bound(replace(made, params=(param,)), [[RISING]], {})


def test_of_series_that_are_gone_through_once_groups_keep_none() -> None:
    read: list[ReferenceType[object]] = []

    def parts() -> Iterator[list[Series]]:
        for place in range(4):
            part = np.full((1, 4), float(place))
            read.append(ref(part))
            yield [RISING.but(name=f"n{place}", values=part[0])]
            del part
            # The loop over the parts has the last one until it gets the next.
            assert [one() for one in read[:-1]] == [None] * place

    ctx = registry.Context(
        TEN_SLOTS, UTC, registry.State(0.0), Budget(1000, 30.0), lambda target: [], lambda tags: (), None
    )
    made = combined_by(ctx, registry.Stream(parts), lambda one: one.name, "sum")
    assert {name: numbers(one) for name, one in made.items()} == {f"n{place}": [place] * 4 for place in range(4)}


@pytest.mark.parametrize("digits", [2, -2, 30])
def test_rounding_takes_little_memory_beside_its_result(digits: int) -> None:
    some = np.arange(500_000.0)
    tracemalloc.start()
    made = rounded(some, digits)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The result, and 32,768 of its values as Python's numbers.
    assert most < 1.7 * made.nbytes


async def test_round_shows_its_precision_only_when_it_is_given() -> None:
    assert await names("round(r)", RISING) == ["round(r)"]
    assert await names("round(r,0)", RISING) == ["round(r,0)"]
    assert await names("round(r,precision=-1)", RISING) == ["round(r,-1)"]


async def test_add_shows_the_whole_part_of_what_it_adds() -> None:
    # graphite-web 1.1.10 answers 500 for infinity.
    assert await names("add(r,-2.9)", RISING) == ["add(r,-2)"]
    assert await names("add(r,inf)", RISING) == ["add(r,inf)"]


async def test_a_delay_of_nothing_changes_nothing() -> None:
    # graphite-web 1.1.10 takes all values away.
    assert await values("delay(r,0)", RISING) == [numbers(RISING)]
    assert await values("delay(r,99)", RISING) == [[N] * 10]
    assert await values("delay(r,-8)", RISING) == [[8, 9, *[N] * 8]]


async def test_a_value_that_moves_takes_its_seam_along() -> None:
    [one] = await rendered("derivative(delay(cable.1,2))", *PORTS, virtual=[CABLE])
    assert numbers(one) == [N, N, N, 10, 0, N, N, N, N, 0]
    [gone] = await rendered("derivative(delay(cable.1,-7))", *PORTS, virtual=[CABLE])
    assert numbers(gone) == [N, 10, 10, *[N] * 7]


async def test_no_line_is_drawn_from_one_stored_series_to_the_next() -> None:
    [one] = await rendered("interpolate(cable.1)", *PORTS, virtual=[CABLE])
    assert numbers(one) == [10, 20, 20, N, N, N, 900, 900, 910, 920]
    whole = series("w", [N, 10, N, N, 40, N, 60, N, N, N])
    assert await values("interpolate(w)", whole) == [[N, 10, 20, 30, 40, 50, 60, N, N, N]]
    assert await values("interpolate(w,1)", whole) == [[N, 10, N, N, 40, 50, 60, N, N, N]]


async def test_whether_a_value_changed_is_not_known_where_another_series_begins() -> None:
    [one] = await rendered("changed(cable.1)", *PORTS, virtual=[CABLE])
    assert numbers(one) == [0, 1, 0, 0, 0, 0, N, 0, 1, 1]


async def test_a_deviation_that_reaches_over_a_seam_has_no_difference() -> None:
    [one] = await rendered("stdev(cable.1,2,0)", *PORTS, virtual=[CABLE])
    assert numbers(one) == [0, 5, 0, 0, N, N, 0, 0, 5, 5]
    [difference] = await rendered("derivative(stdev(cable.1,2,0))", *PORTS, virtual=[CABLE])
    assert numbers(difference) == [N, 5, -5, 0, N, N, N, N, N, 0]


async def test_quotients_keep_the_seams_of_both() -> None:
    [one] = await rendered("derivative(divideSeries(cable.1,p.two))", *PORTS, series("p.two", [2] * 10),
                           virtual=[CABLE])  # fmt: skip
    assert numbers(one) == [N, 5, 0, N, N, N, N, 0, 5, 5]


async def test_the_step_of_values_with_even_gaps_is_found_from_the_first_three() -> None:
    sparse = series("s", [N, 1, N, N, 2, N, N, 3, N, N])
    [one] = await rendered("compressPeriodicGaps(s)", sparse)
    assert (one.start_s - START, one.step_s, numbers(one)) == (10, 30, [1, 2, 3])
    # A value in the very first slot, or of 0, is not seen: then the period is not either.
    for values_ in ([1, N, N, 2, N, N, 3, N, N, 4], [N, 0, N, N, 2, N, N, 3, N, N]):
        [other] = await rendered("compressPeriodicGaps(s)", series("s", values_))
        assert (other.step_s, other.name) == (10, "compressPeriodicGaps(s)")
    # graphite-web's series ends with its last slot: an interval that would begin there is not summed up.
    assert await values('summarize(compressPeriodicGaps(s),"30s","sum",true)', sparse) == [[1, 2]]


async def test_a_divisor_that_is_missing_leaves_gaps_and_more_than_one_is_refused() -> None:
    some = series("d.a", [1, 2]), series("d.b", [0, 4])
    window = span(-1, 19)
    assert await values("divideSeries(d.a,d.b)", *some, window=window) == [[N, 0.5]]
    assert await values("divideSeries(d.a,d.none)", *some, window=window) == [[N, N]]
    assert await names("divideSeries(d.a,d.none)", *some) == ["divideSeries(d.a,MISSING)"]
    with pytest.raises(BadRequest, match="the second argument is 2 series, it can only be one"):
        await rendered("divideSeries(d.a,d.*)", *some)
    with pytest.raises(BadRequest, match="divideSeriesLists: 2 series cannot be paired with 1"):
        await rendered("divideSeriesLists(d.*,d.a)", *some)


async def test_lists_are_paired_by_place() -> None:
    some = [series(name, [value] * 2) for name, value in (("l.a", 1), ("l.b", 2), ("m.a", 10), ("m.b", 20))]
    made = await rendered('aggregateSeriesLists(l.*,m.*,"diff")', *some, window=span(-1, 19))
    assert [(one.name, numbers(one)) for one in made] == [
        ("diffSeries(l.a,m.a)", [-9, -9]),
        ("diffSeries(l.b,m.b)", [-18, -18]),
    ]
    with pytest.raises(BadRequest, match="sumSeriesLists needs the parameter 'seriesListSecondPos'"):
        await rendered('groupByNode(l.*,1,"sumSeriesLists")', *some)


async def test_a_callback_with_a_name_of_its_own_is_that_function() -> None:
    some = series("c.a.x", [1, N]), series("c.a.y", [2, N])
    assert await values('groupByNode(c.*.*,1,"countSeries")', *some, window=span(-1, 19)) == [[2, 2]]
    assert await values('groupByNode(c.*.*,1,"count")', *some, window=span(-1, 19)) == [[2, N]]


async def test_weights_that_match_no_average_still_weigh() -> None:
    # graphite-web divides by the sum of all weights, also of those that have no average.
    some = series("a.x", [4]), series("a.y", [8]), series("w.x", [1]), series("w.z", [3])
    assert await values("weightedAverage(a.*,w.*,1)", *some, window=span(-1, 9)) == [[1]]
    assert await values("weightedAverage(a.*,w.*,0)", *some, window=span(-1, 9)) == []


@pytest.mark.parametrize(
    ("n", "plain", "between"),
    [(50, 3, 2.5), (1, 1, 1), (20, 1, 1), (25, 2, 1.25), (79, 4, 3.95), (100, 4, 4)],
)
async def test_a_percentile_counts_one_value_more_than_there_are(n: float, plain: float, between: float) -> None:
    # Of 1, 2, 3, 4 the n-th percentile stands in place n/100 * 5; with n = 100 graphite-web answers 500 to `true`.
    some = [series(f"p.{value}", [value]) for value in (3, 1, 4, 2)]
    window = span(-1, 9)
    assert await values(f"percentileOfSeries(p.*,{n})", *some, window=window) == [[plain]]
    assert await values(f"percentileOfSeries(p.*,{n},true)", *some, window=window) == [[pytest.approx(between)]]


@pytest.mark.parametrize(
    "target",
    ["nPercentile(r,0)", "nPercentile(r,101)", "removeAbovePercentile(r,-1)", "percentileOfSeries(r,0)",
     "averageOutsidePercentile(r,-1)", "removeBetweenPercentile(r,100.1)"],
)  # fmt: skip
async def test_a_percentile_outside_what_there_is_is_refused(target: str) -> None:
    with pytest.raises(BadRequest, match="there is no percentile"):
        await rendered(target, RISING)


async def test_gaps_lie_neither_inside_nor_outside_of_percentiles() -> None:
    # graphite-web 1.1.10 answers 500 to both.
    some = [series("q.low", [1, N, 1]), series("q.mid", [5, 5, N]), series("q.high", [9, 9, 9]), series("q.none", [])]
    assert await names("averageOutsidePercentile(q.*,90)", *some) == ["q.high", "q.low"]
    assert await names("removeBetweenPercentile(group(q.low,q.mid,q.high,q.none),90)", *some) == [
        "q.low",
        "q.mid",
        "q.high",
    ]


async def test_a_series_without_values_is_below_everything_and_unequal_to_it() -> None:
    some = series("f.a", [1, 2]), series("f.none", [])
    kept = {op: await names(f'filterSeries(f.*,"max","{op}",2)', *some) for op in ("=", "!=", ">", ">=", "<", "<=")}
    assert kept == {"=": ["f.a"], "!=": ["f.none"], ">": [], ">=": ["f.a"], "<": ["f.none"], "<=": ["f.a", "f.none"]}
    assert await names("currentBelow(f.*,1)", *some) == ["f.none"]
    assert await names("sortByMinima(f.*)", *some) == ["f.a"]
    assert await names("mostDeviant(f.*,5)", *some) == ["f.a"]
    with pytest.raises(BadRequest, match="the parameter 'operator' cannot be '=='"):
        await rendered('filterSeries(f.*,"max","==",2)', *some)


async def test_series_of_other_names_are_read_for_those_above_a_value() -> None:
    # graphite-web 1.1.10 answers 500 when there is a gap.
    some = series("u.a.in", [1, N, 9]), series("u.b.in", [1, 1, 1]), series("u.a.out", [7, 7, 7])
    window = span(-1, 29)
    assert await values('useSeriesAbove(u.*.in,5,"in$","out")', *some, window=window) == [[7, 7, 7]]
    assert await values(r'useSeriesAbove(u.*.in,5,"(.+)in","scale(\1out,2)")', *some, window=window) == [[14, 14, 14]]
    assert await values('useSeriesAbove(u.*.in,50,"in$","out")', *some, window=window) == []
    with pytest.raises(BadRequest, match=r"Target 'u\.a\.\(' cannot be read"):
        await rendered('useSeriesAbove(u.*.in,5,"in$","(")', *some, window=window)


async def test_a_target_that_makes_up_itself_comes_to_an_end() -> None:
    itself = 'template(useSeriesAbove(alias(r,$t),-1,"^",""))'
    with pytest.raises(TooMuch, match=r"made up by targets nest deeper than metrics\.max_depth = 32"):
        await Engine(Stored.of(RISING)).render([itself], TEN_SLOTS, LOCAL, zone=UTC, template={"t": itself})


async def test_a_line_through_two_points_is_that_line_and_one_point_has_none() -> None:
    two = series("two", [N, 2, N, N, 8])
    [line] = await rendered("linearRegression(two)", two, window=span(-1, 49))
    assert line.name == f"linearRegression(two, {START - 1}, {START + 49})"
    assert numbers(line) == pytest.approx([0, 2, 4, 6, 8], abs=1e-6)
    assert await values("linearRegression(two)", series("two", [N, 2]), window=span(-1, 49)) == []
    with pytest.raises(BadRequest, match="ends before it begins"):
        await rendered(f'linearRegression(two,"{START + 60}")', two, window=span(-1, 49))


async def test_a_line_may_follow_from_another_time() -> None:
    window = span(49, 99)
    [line] = await rendered(f'linearRegression(r,"{START - 1}","{START + 39}")', RISING, window=window)
    assert numbers(line) == pytest.approx([5, 6, 7, 8, 9], abs=1e-6)
    assert line.tags["linearRegressions"] == f"{START - 1}, {START + 39}"


async def test_deviations_of_a_window_that_is_not_full_yet() -> None:
    assert (await values("stdev(r,2)", RISING))[0] == [0, *[0.5] * 9]
    assert (await values("stdev(r,4,0.75)", RISING))[0][:4] == [
        N,
        N,
        pytest.approx((2 / 3) ** 0.5),
        pytest.approx(1.25**0.5),
    ]
    assert await values("stdev(r,0)", RISING) == [[N] * 10]
    with pytest.raises(BadRequest, match="a window of -1 points has no meaning"):
        await rendered("stdev(r,-1)", RISING)


async def test_a_line_at_an_aggregation_has_three_points_or_as_many_as_the_series() -> None:
    [short] = await rendered('aggregateLine(r,"max")', RISING)
    assert (short.name, numbers(short), short.tags) == ("aggregateLine(r, 9)", [9, 9, 9], {"name": "9.0"})
    [long] = await rendered('aggregateLine(r,"max",true)', RISING)
    assert (numbers(long), long.tags) == ([9] * 10, {"name": "r"})
    assert await names("aggregateLine(void)", series("void", [])) == ["aggregateLine(void, None)"]
    assert [one.tags for one in await rendered('aggregateLine(r,"count")', RISING)] == [{"name": "10"}]


async def test_counting_no_series_draws_a_line_at_zero() -> None:
    [line] = await rendered("countSeries()")
    assert (line.name, line.path, line.tags, numbers(line)) == ("0", "countSeries()", {"name": "0"}, [0, 0, 0])
    assert await rendered("countSeries(nothing.*)") == []

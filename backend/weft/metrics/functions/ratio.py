"""Functions that set series in relation to one another: shares, quotients, powers, weights.

Two series of different steps are brought to their least common multiple first.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import attrgetter

import numpy as np

from weft.base.errors import BadRequest
from weft.metrics.consolidate import across, equally_long
from weft.metrics.functions.arithmetic import power
from weft.metrics.functions.combine import NODES, by_key, combined, in_pairs, normalized, on_grid
from weft.metrics.functions.naming import key_of, paths_of
from weft.metrics.functions.registry import SERIES, Context, Param, function
from weft.metrics.functions.rowwise import rowwise
from weft.metrics.series import Series, Values
from weft.metrics.tags import tags_of


@function("Combine", SERIES, Param("total", "any"), NODES, names=("asPercent", "pct"), aggregator=True)
def asPercent(ctx: Context, series: list[Series], total: object, *nodes: int | str) -> list[Series]:
    """Each series in percent of a total: a number, a series, as many series as there are (paired by name), or without
    one the sum of all. With nodes, of the total of the series that share these nodes."""
    if not series:
        return []
    if isinstance(total, str | bool) or (nodes and isinstance(total, int | float)):
        raise BadRequest(
            f"asPercent: the total cannot be {total!r}{' when nodes are given' if nodes else ''}.",
            fix="Give series, None, or (without nodes) a number.",
        )
    if nodes:
        return _percent_by_key(ctx, series, total if isinstance(total, list) else None, nodes)
    if isinstance(total, int | float):
        return [
            _percent(ctx, one, one.but(name=str(total), values=np.full(len(one.values), float(total))))
            for one in series
        ]
    if not isinstance(total, list):
        return _percent_of(ctx, series, _sum_of(ctx, series))
    if len(total) == len(series):
        pairs = zip(sorted(series, key=attrgetter("name")), sorted(total, key=attrgetter("name")), strict=True)
        return [_percent(ctx, part, whole) for part, whole in pairs]
    if len(total) != 1:
        raise BadRequest(
            f"asPercent: {len(series)} series cannot be paired with {len(total)} totals.",
            fix="Give one total, as many as there are series, or the nodes by which they belong together.",
        )
    return _percent_of(ctx, series, total[0])


def _percent_of(ctx: Context, series: list[Series], whole: Series) -> list[Series]:
    """Each series in percent of one total; at its own times, unless the total's step is a coarser one."""
    results: list[Series] = []
    for one in series:
        share = _percent(ctx, one, whole)
        if share.step_s == one.step_s:
            share = share.but(start_s=one.start_s, stop_s=None)
            share = share if share.end_s == one.end_s else share.but(stop_s=one.end_s)
        results.append(share)
    return results


def _percent_by_key(
    ctx: Context, series: list[Series], total: list[Series] | None, nodes: Sequence[int | str]
) -> list[Series]:
    parts = by_key(series, nodes)
    wholes = {
        key: some[0] if len(some) == 1 else _sum_of(ctx, some)
        for key, some in (parts if total is None else by_key(total, nodes)).items()
    }
    results: list[Series] = []
    for key in dict.fromkeys([*parts, *wholes]):
        whole = wholes.get(key)
        results += [_percent(ctx, part, whole or _missing(part)) for part in parts.get(key, ())]
        if whole and key not in parts:
            results.append(_percent(ctx, _missing(whole), whole))
    return results


def _missing(like: Series) -> Series:
    return like.but(name="MISSING", values=np.full(len(like.values), np.nan))


def _sum_of(ctx: Context, series: Sequence[Series]) -> Series:
    grid, rows = normalized(ctx, series)
    return on_grid(grid, f"sumSeries({paths_of(series)})", across("sum", rows, 0), {}, series, ctx.state.xff)


def _percent(ctx: Context, part: Series, whole: Series) -> Series:
    return _pair(ctx, f"asPercent({part.name},{whole.name})", part, whole, lambda value, of: _ratio(value, of) * 100.0)


def _ratio(value: Values, of: Values) -> Values:
    return value / np.where(of == 0, np.nan, of)


def _pair(ctx: Context, name: str, first: Series, second: Series, both: Callable[[Values, Values], Values]) -> Series:
    """One series of two."""
    grid, (one, other) = normalized(ctx, (first, second))
    return on_grid(grid, name, both(one, other), tags_of(name), (first, second), ctx.state.xff)


@function(
    "Combine",
    Param("dividendSeriesList", "seriesList", required=True),
    Param("divisorSeries", "seriesList", required=True),
)
def divideSeries(ctx: Context, dividends: list[Series], divisors: list[Series]) -> list[Series]:
    """Each series divided by one other; a gap where that is 0, or throughout when there is none."""
    if not divisors:
        return rowwise(
            dividends,
            lambda name: f"divideSeries({name},MISSING)",
            {},
            lambda matrix: np.full(matrix.shape, np.nan),
        )
    if len(divisors) > 1:
        raise BadRequest(
            f"divideSeries: the second argument is {len(divisors)} series, it can only be one.",
            fix="Name one series, or use divideSeriesLists for as many as there are dividends.",
        )
    return [_quotient(ctx, dividend, divisors[0]) for dividend in dividends]


@function(
    "Combine",
    Param("dividendSeriesList", "seriesList", required=True),
    Param("divisorSeriesList", "seriesList", required=True),
)
def divideSeriesLists(ctx: Context, dividends: list[Series], divisors: list[Series]) -> list[Series]:
    """The first series of one list divided by the first of another, the second by the second, and so on."""
    return [_quotient(ctx, one, other) for one, other in in_pairs("divideSeriesLists", dividends, divisors)]


def _quotient(ctx: Context, dividend: Series, divisor: Series) -> Series:
    return _pair(ctx, f"divideSeries({dividend.name},{divisor.name})", dividend, divisor, _ratio)


@function("Combine", Param("seriesList", "seriesList", required=True, multiple=True), aggregator=True)
def powSeries(ctx: Context, *lists: list[Series]) -> list[Series]:
    """The first series raised to the power of the second, that to the power of the third and so on."""
    series = [one for some in lists for one in some]
    if not series:
        return []
    grid, rows = normalized(ctx, series)
    name = f"powSeries({','.join(one.name for one in series)})"
    values = reduce(lambda base, exponent: power(base[np.newaxis], exponent)[0], rows)
    return [on_grid(grid, name, values, tags_of(name), series, ctx.state.xff)]


@function(
    "Combine",
    Param("seriesListAvg", "seriesList", required=True),
    Param("seriesListWeight", "seriesList", required=True),
    NODES,
)
def weightedAverage(ctx: Context, averages: list[Series], weights: list[Series], *nodes: int | str) -> list[Series]:
    """The average of all series, each weighted by the series of other names that shares some nodes or tags with it."""
    in_pairs("weightedAverage", averages, weights)
    ctx.budget.make(sum(len(one.values) for one in averages) + 6 * max((len(one.values) for one in weights), default=0))
    places: dict[str, dict[str, Series]] = {}
    for average, weight in zip(averages, weights, strict=True):
        places.setdefault(key_of(average, nodes), {})["average"] = average
        places.setdefault(key_of(weight, nodes), {})["weight"] = weight
    products = [_product(ctx, one["average"], one["weight"]) for one in places.values() if len(one) == 2]
    if not products:
        return []
    [of_products], [of_weights] = combined(ctx, products, "sum"), combined(ctx, weights, "sum")
    paths = [",".join(sorted({one.path for one in some})) for some in (averages, weights)]
    name = f"weightedAverage({paths[0]}, {paths[1]}, {','.join(map(str, nodes))})"
    one, other = equally_long((of_products.values, of_weights.values))
    values = _ratio(one, other)
    return [
        of_products.but(
            name=name,
            path=name,
            values=values,
            tags=tags_of(name),
            xff=ctx.state.xff,
            stop_s=of_products.stop_s if len(values) == len(of_products.values) else of_products.end_s,
        )
    ]


def _product(ctx: Context, average: Series, weight: Series) -> Series:
    name = f"product({weight.name},{average.name})"
    one, other = equally_long((average.values, weight.values))
    return average.but(
        name=name,
        path=name,
        values=one * other,
        tags=tags_of(name),
        consolidate="average",
        xff=ctx.state.xff,
        stop_s=None if len(one) == len(average.values) and average.stop_s is None else average.end_s,
    )

"""Functions that make one series of many.

Series of different steps are brought to their least common multiple first. Names, tags and path expressions as
graphite-web 1.1.10 gives them.
"""

from collections.abc import Sequence
from operator import attrgetter

import numpy as np

from weft.base.errors import BadRequest
from weft.metrics.consolidate import Grid, across, coarser_seams, normalize
from weft.metrics.functions.naming import key_of, paths_of, tags_of
from weft.metrics.functions.registry import SERIES, Context, Function, Param, add, aggregator, function
from weft.metrics.series import Series, Values

LISTS = Param("seriesLists", "seriesList", required=True, multiple=True)
NODES = Param("nodes", "nodeOrTag", multiple=True)


def combined(ctx: Context, series: Sequence[Series], func: str, xff: float | None = None) -> list[Series]:
    """One series of all: at each time one of AGGREGATIONS over them; none when there are none.

    Tags that all have in common stay. A seam of any of them is one of the result.
    """
    if not series:
        return []
    share = ctx.state.xff if xff is None else xff
    grid, rows = normalize(series, ctx.state.xff)
    name = f"{func}Series({paths_of(series)})"
    tags = dict(series[0].tags)
    for one in series:
        if one.tags != tags:
            tags = {tag: value for tag, value in tags.items() if one.tags.get(tag) == value}
    tags = {"name": name} | tags | {"aggregatedBy": func}
    return [_on(grid, name, across(func, rows, share), tags, series, share)]


def _on(grid: Grid, name: str, values: Values, tags: dict[str, str], of: Sequence[Series], xff: float) -> Series:
    """A new series on a grid, with the seams of those it is made of."""
    seams = {seam for one in of for seam in coarser_seams(one.seams, grid.step_s // one.step_s)}
    ends = grid.start_s + grid.step_s * len(values) == grid.end_s
    return Series(
        name,
        grid.start_s,
        grid.step_s,
        values,
        path=name,
        tags=tags,
        xff=xff,
        seams=tuple(sorted(seams)),
        stop_s=None if ends else grid.end_s,
    )


def _one_of_many(name: str, func: str, doc: str) -> None:
    def run(ctx: Context, *lists: list[Series]) -> list[Series]:
        return combined(ctx, [one for some in lists for one in some], func)

    add(Function(name, "Combine", (LISTS,), run, doc, aggregator=True))


for _name, _func, _doc in (
    ("sumSeries", "sum", "The sum of all series at each time; gaps do not count."),
    ("sum", "sum", "The sum of all series at each time; gaps do not count."),
    ("averageSeries", "average", "The average of all series at each time; gaps do not count."),
    ("avg", "average", "The average of all series at each time; gaps do not count."),
    ("maxSeries", "max", "The largest value at each time."),
    ("minSeries", "min", "The smallest value at each time."),
    ("diffSeries", "diff", "The first series minus all others, at each time."),
    ("multiplySeries", "multiply", "The product of all series at each time; a gap in one is a gap."),
    ("rangeOfSeries", "rangeOf", "The largest minus the smallest value at each time."),
    ("stddevSeries", "stddev", "The standard deviation of all series at each time."),
):
    _one_of_many(_name, _func, _doc)


@function("Combine", SERIES, Param("func", "aggFunc", required=True), Param("xFilesFactor", "float"))
def aggregate(ctx: Context, series: list[Series], func: str, xFilesFactor: float | None) -> list[Series]:
    """One series of many, by any aggregation; xFilesFactor is the share of them that must have a value."""
    return combined(ctx, series, func, xFilesFactor)


@function("Combine", Param("seriesLists", "seriesList", multiple=True))
def group(ctx: Context, *lists: list[Series]) -> list[Series]:
    """Several lists of series as one."""
    return [one for some in lists for one in some]


@function(
    "Combine",
    SERIES,
    Param("nodeNum", "nodeOrTag", required=True),
    Param("callback", "aggOrSeriesFunc", default="average"),
)
def groupByNode(ctx: Context, series: list[Series], nodeNum: int | str, callback: str) -> list[Series]:
    """One series for each value of a node of the names (from 0) or of a tag, called by that value."""
    return groupByNodes(ctx, series, callback, nodeNum)


@function("Combine", SERIES, Param("callback", "aggOrSeriesFunc", required=True), NODES)
def groupByNodes(ctx: Context, series: list[Series], callback: str, *nodes: int | str) -> list[Series]:
    """One series for each combination of values of some nodes or tags, called by these values."""
    made = aggregator(callback)
    groups = _by_key(series, nodes)
    results: list[Series] = []
    for key, some in groups.items():
        one = made.run(ctx, some) if made else combined(ctx, some, callback)
        results.append(one[0].but(name=key))
    return results


def _by_key(series: Sequence[Series], nodes: Sequence[int | str]) -> dict[str, list[Series]]:
    groups: dict[str, list[Series]] = {}
    for one in series:
        groups.setdefault(key_of(one, nodes), []).append(one)
    return groups


@function("Combine", SERIES, Param("total", "any"), NODES, names=("asPercent", "pct"))
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
        whole = _sum_of(ctx, series)
        return [_percent(ctx, one, whole) for one in series]
    if len(total) == len(series):
        pairs = zip(sorted(series, key=attrgetter("name")), sorted(total, key=attrgetter("name")), strict=True)
        return [_percent(ctx, part, whole) for part, whole in pairs]
    if len(total) != 1:
        raise BadRequest(
            f"asPercent: {len(series)} series cannot be paired with {len(total)} totals.",
            fix="Give one total, as many as there are series, or the nodes by which they belong together.",
        )
    return [_percent(ctx, one, total[0]) for one in series]


def _percent_by_key(
    ctx: Context, series: list[Series], total: list[Series] | None, nodes: Sequence[int | str]
) -> list[Series]:
    parts = _by_key(series, nodes)
    wholes = {
        key: some[0] if len(some) == 1 else _sum_of(ctx, some)
        for key, some in (parts if total is None else _by_key(total, nodes)).items()
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
    grid, rows = normalize(series, ctx.state.xff)
    return _on(grid, f"sumSeries({paths_of(series)})", across("sum", rows, 0), {}, series, ctx.state.xff)


def _percent(ctx: Context, part: Series, whole: Series) -> Series:
    grid, (value, of) = normalize((part, whole), ctx.state.xff)
    name = f"asPercent({part.name},{whole.name})"
    percent: Values = value / np.where(of == 0, np.nan, of) * 100.0
    return _on(grid, name, percent, tags_of(name), (part, whole), ctx.state.xff)

"""Functions that make one series of many.

Series of different steps are brought to their least common multiple first. Names, tags and path expressions as
graphite-web 1.1.10 gives them.
"""

from collections.abc import Callable, Sequence
from math import lcm

import numpy as np

from weft.base.errors import BadRequest
from weft.metrics.consolidate import RUNNING, Grid, Running, across, coarser_seams, normalize
from weft.metrics.functions.constant import constantLine
from weft.metrics.functions.naming import key_of, paths_of
from weft.metrics.functions.registry import (
    SERIES,
    Context,
    Function,
    Given,
    Param,
    Stream,
    Uneven,
    add,
    aggregator,
    bound,
    function,
)
from weft.metrics.series import Series, Values
from weft.metrics.tags import tags_of
from weft.metrics.times import LATEST_S

LISTS = Param("seriesLists", "seriesList", required=True, multiple=True)
NODES = Param("nodes", "nodeOrTag", multiple=True)


def combined(ctx: Context, series: Given, func: str, xff: float | None = None) -> list[Series]:
    """One series of all: at each time one of AGGREGATIONS over them; none when there are none.

    Tags that all have in common stay. A seam of any of them is one of the result.

    Raises:
        Uneven: of a Stream.
    """
    return list(combined_by(ctx, series, lambda one: "", func, xff).values())


def combined_by(
    ctx: Context, series: Given, key: Callable[[Series], str], func: str, xff: float | None = None
) -> dict[str, Series]:
    """`combined` for the series of each key, in the order of the first of each. Raises as it does."""
    share = ctx.state.xff if xff is None else xff
    if not isinstance(series, Stream):
        return {name: _combined(ctx, some, func, share) for name, some in _by(key, series).items()}
    running: dict[str, _Running] = {}
    for part in series.parts():
        for name, some in _by(key, part).items():
            if name not in running:
                ctx.budget.make(2 * len(some[0].values))
                running[name] = _Running(some[0], func, share)
            running[name].add(some)
    # Each lets go of its sums and counts before the next one's values are made.
    return {name: running.pop(name).made() for name in list(running)}


def _by(key: Callable[[Series], str], series: Sequence[Series]) -> dict[str, list[Series]]:
    groups: dict[str, list[Series]] = {}
    for one in series:
        groups.setdefault(key(one), []).append(one)
    return groups


def _combined(ctx: Context, series: Sequence[Series], func: str, share: float) -> Series:
    grid, rows = normalized(ctx, series)
    name = f"{func}Series({paths_of(series)})"
    tags = {"name": name} | common_tags(series[0].tags, series) | {"aggregatedBy": func}
    return on_grid(grid, name, across(func, rows, share), tags, series, share)


def common_tags(tags: dict[str, str], series: Sequence[Series]) -> dict[str, str]:
    """Those of the tags that all series have, too."""
    for one in series:
        if not tags:
            break
        if one.tags != tags:
            tags = {tag: value for tag, value in tags.items() if one.tags.get(tag) == value}
    return tags


class _Running:
    """What `_combined` gives, of series that come some at a time: all of one path expression, without seams."""

    def __init__(self, first: Series, func: str, share: float) -> None:
        # Not the series itself: with its values all of the part that it was read in would stay.
        self._grid, self._width = Grid(first.start_s, first.end_s, first.step_s), len(first.values)
        self._path, self._tags = first.path, first.tags
        self._func, self._share = func, share
        self._values = Running(func, self._width, share)

    def add(self, series: Sequence[Series]) -> None:
        alike = (self._grid.start_s, self._grid.step_s, self._width)
        for one in series:
            if (one.start_s, one.step_s, len(one.values)) != alike:
                raise Uneven
        self._tags = common_tags(self._tags, series)
        self._values.add([one.values for one in series])

    def made(self) -> Series:
        name = f"{self._func}Series({self._path})"
        tags = {"name": name} | self._tags | {"aggregatedBy": self._func}
        return on_grid(self._grid, name, self._values.values(), tags, (), self._share)


def normalized(ctx: Context, series: Sequence[Series]) -> tuple[Grid, list[Values]]:
    """`consolidate.normalize`, with what it lays out anew counted beside one series as long.

    Raises:
        BadRequest: steps whose least common multiple is longer than the calendar. TooMuch: too many points.
    """
    step_s = lcm(*{one.step_s for one in series})
    if step_s > LATEST_S:
        raise BadRequest("The steps of these series have no common multiple.", fix="Give series of like steps.")
    widths = [-(-len(one.values) * one.step_s // step_s) for one in series]
    width = max(widths)
    alike = sum(one.step_s == step_s and own == width for one, own in zip(series, widths, strict=True))
    ctx.budget.make((len(series) - alike + 1) * width)
    return normalize(series, ctx.state.xff)


def on_grid(grid: Grid, name: str, values: Values, tags: dict[str, str], of: Sequence[Series], xff: float) -> Series:
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
    def run(ctx: Context, *lists: Given) -> list[Series]:
        return combined(ctx, in_one(lists), func)

    streams = (lambda: True) if func in RUNNING else None
    add(Function(name, "Combine", (LISTS,), run, doc, aggregator=True, over=func, streams=streams))


def in_one(lists: Sequence[Given]) -> Given:
    """Several lists as one; a Stream stands alone."""
    if len(lists) == 1:
        return lists[0]
    return [one for some in lists if isinstance(some, list) for one in some]


def _streams(func: str, *others: object) -> bool:
    """Whether a callback makes one series of a Stream."""
    made = aggregator(func)
    return (made.over if made else func) in RUNNING


for _name, _func, _doc in (
    ("sumSeries", "sum", "The sum of all series at each time; gaps do not count."),
    ("sum", "sum", "The sum of all series at each time; gaps do not count."),
    ("averageSeries", "average", "The average of all series at each time; gaps do not count."),
    ("avg", "average", "The average of all series at each time; gaps do not count."),
    ("maxSeries", "max", "The largest value at each time."),
    ("minSeries", "min", "The smallest value at each time."),
    ("diffSeries", "diff", "The first series minus all others, at each time."),
    ("rangeOfSeries", "rangeOf", "The largest minus the smallest value at each time."),
    ("stddevSeries", "stddev", "The standard deviation of all series at each time."),
):
    _one_of_many(_name, _func, _doc)


@function("Combine", LISTS, aggregator=True)
def multiplySeries(ctx: Context, *lists: list[Series]) -> list[Series]:
    """The product of all series at each time; a gap in one is a gap. One series alone stays as it is."""
    series = [one for some in lists for one in some]
    return series if len(lists) == len(series) == 1 else combined(ctx, series, "multiply")


@function("Combine", SERIES, Param("func", "aggFunc", required=True), Param("xFilesFactor", "float"), streams=_streams)
def aggregate(ctx: Context, series: Given, func: str, xFilesFactor: float | None) -> list[Series]:
    """One series of many, by any aggregation; xFilesFactor is the share of them that must have a value."""
    return combined(ctx, series, func, xFilesFactor)


FIRST = Param("seriesListFirstPos", "seriesList", required=True)
SECOND = Param("seriesListSecondPos", "seriesList", required=True)


@function("Combine", FIRST, SECOND, Param("func", "aggFunc", required=True), Param("xFilesFactor", "float"))
def aggregateSeriesLists(
    ctx: Context, first: list[Series], second: list[Series], func: str, xFilesFactor: float | None
) -> list[Series]:
    """The first series of one list with the first of another, the second with the second and so on, each pair as
    aggregate makes one of them."""
    results: list[Series] = []
    for one, other in in_pairs("aggregateSeriesLists", first, second):
        [made] = combined(ctx, [one, other], func, xFilesFactor)
        results.append(made.but(name=f"{func}Series({one.name},{other.name})"))
    return results


def in_pairs(function: str, first: list[Series], second: list[Series]) -> list[tuple[Series, Series]]:
    """Series that stand in the same place of two lists. Raises BadRequest when one list is longer."""
    if len(first) != len(second):
        raise BadRequest(
            f"{function}: {len(first)} series cannot be paired with {len(second)}.",
            fix="Give two expressions with as many series each.",
        )
    return list(zip(first, second, strict=True))


def _lists(func: str, doc: str) -> None:
    def run(ctx: Context, first: list[Series], second: list[Series]) -> list[Series]:
        return aggregateSeriesLists(ctx, first, second, func, None)

    add(Function(f"{func}SeriesLists", "Combine", (FIRST, SECOND), run, doc, aggregator=True))


_lists("sum", "The sums of the first series of two lists, of their second, and so on.")
_lists("diff", "The first series of one list minus the first of another, the second minus the second, and so on.")
_lists("multiply", "The products of the first series of two lists, of their second, and so on.")

POSITION = Param("position", "node", multiple=True)


@function("Combine", SERIES, Param("func", "aggFunc", required=True), POSITION, streams=_streams)
def aggregateWithWildcards(ctx: Context, series: Given, func: str, *positions: int) -> list[Series]:
    """One series, by any aggregation, for all whose names differ in some nodes only (from 0); called by the others."""

    def others(one: Series) -> str:
        return ".".join(node for place, node in enumerate(one.name.split(".")) if place not in positions)

    return [made.but(name=key) for key, made in combined_by(ctx, series, others, func).items()]


def _with_wildcards(func: str, doc: str) -> None:
    def run(ctx: Context, series: Given, *positions: int) -> list[Series]:
        return aggregateWithWildcards(ctx, series, func, *positions)

    name = f"{func}SeriesWithWildcards"
    streams = (lambda *positions: True) if func in RUNNING else None
    add(Function(name, "Combine", (SERIES, POSITION), run, doc, aggregator=True, streams=streams))


_with_wildcards("sum", "The sums of series whose names differ in some nodes only (from 0).")
_with_wildcards("average", "The averages of series whose names differ in some nodes only (from 0).")
_with_wildcards("multiply", "The products of series whose names differ in some nodes only (from 0).")


def _count(ctx: Context, *lists: list[Series]) -> list[Series]:
    series = [one for some in lists for one in some]
    if not lists:
        return [one.but(name="0", tags={"name": "0"}, path="countSeries()") for one in constantLine(ctx, 0.0)]
    if not series:
        return []
    grid, rows = normalized(ctx, series)
    name = f"countSeries({paths_of(series)})"
    values = np.full(len(rows[0]), float(len(series)))
    return [on_grid(grid, name, values, tags_of(name), (), ctx.state.xff)]


_ANY_LISTS = Param("seriesLists", "seriesList", multiple=True)
add(Function("countSeries", "Combine", (_ANY_LISTS,), _count, "How many series there are, with values or without.",
             aggregator=True))  # fmt: skip


@function("Combine", Param("seriesLists", "seriesList", multiple=True))
def group(ctx: Context, *lists: list[Series]) -> list[Series]:
    """Several lists of series as one."""
    return [one for some in lists for one in some]


@function(
    "Combine",
    SERIES,
    Param("nodeNum", "nodeOrTag", required=True),
    Param("callback", "aggOrSeriesFunc", default="average"),
    streams=lambda nodeNum, callback: _streams(callback),
)
def groupByNode(ctx: Context, series: Given, nodeNum: int | str, callback: str) -> list[Series]:
    """One series for each value of a node of the names (from 0) or of a tag, called by that value."""
    return groupByNodes(ctx, series, callback, nodeNum)


@function("Combine", SERIES, Param("callback", "aggOrSeriesFunc", required=True), NODES, streams=_streams)
def groupByNodes(ctx: Context, series: Given, callback: str, *nodes: int | str) -> list[Series]:
    """One series for each combination of values of some nodes or tags, called by these values."""
    made = aggregator(callback)
    if made is None or made.over or isinstance(series, Stream):
        by_nodes = combined_by(ctx, series, lambda one: key_of(one, nodes), made.over if made else callback)
        return [one.but(name=key) for key, one in by_nodes.items()]
    results: list[Series] = []
    for key, some in by_key(series, nodes).items():
        results += [first.but(name=key) for first in made.run(ctx, *bound(made, [some], {}))[:1]]
    return results


def by_key(series: Sequence[Series], nodes: Sequence[int | str]) -> dict[str, list[Series]]:
    """The series by what some nodes or tags of theirs say, in order."""
    return _by(lambda one: key_of(one, nodes), series)

"""Functions that choose series or put them in order."""

import math
import operator
import re
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from weft.metrics.functions.naming import UserPattern
from weft.metrics.functions.registry import SERIES, Context, Function, Param, add, function, together
from weft.metrics.functions.rowwise import aggregated
from weft.metrics.series import Series

N = Param("n", "integer", required=True)
FIRST_N = Param("n", "integer", required=True, default=1)
FUNC = Param("func", "aggFunc", default="average")
PATTERN = Param("pattern", "string", required=True)
REVERSE = Param("reverse", "boolean", default=False)

_DIGITS = re.compile(r"\d+")


def by_value(series: list[Series], func: str, *, falling: bool) -> list[Series]:
    """The series by one of AGGREGATIONS over their values; equal ones stay in order, empty ones are lowest."""
    keys = [-math.inf if math.isnan(value) else value for value in aggregated(series, func)]
    order = sorted(range(len(series)), key=keys.__getitem__, reverse=falling)
    return [series[place] for place in order]


@function("Filter Series", SERIES, FIRST_N, FUNC)
def highest(ctx: Context, series: list[Series], n: int, func: str) -> list[Series]:
    """The n series with the highest value of an aggregation, highest first."""
    return by_value(series, func, falling=True)[:n]


@function("Filter Series", SERIES, FIRST_N, FUNC)
def lowest(ctx: Context, series: list[Series], n: int, func: str) -> list[Series]:
    """The n series with the lowest value of an aggregation, lowest first."""
    return by_value(series, func, falling=False)[:n]


def _some_by(name: str, func: str, doc: str, *, falling: bool) -> None:
    def run(ctx: Context, series: list[Series], n: int) -> list[Series]:
        return by_value(series, func, falling=falling)[:n]

    add(Function(name, "Filter Series", (SERIES, N), run, doc))


for _name, _func, _falling, _doc in (
    ("highestAverage", "average", True, "The n series with the highest average, highest first."),
    ("highestCurrent", "current", True, "The n series with the highest last value, highest first."),
    ("highestMax", "max", True, "The n series with the highest maximum, highest first."),
    ("lowestAverage", "average", False, "The n series with the lowest average, lowest first."),
    ("lowestCurrent", "current", False, "The n series with the lowest last value, lowest first."),
):
    _some_by(_name, _func, _doc, falling=_falling)


@function("Filter Series", SERIES, N)
def mostDeviant(ctx: Context, series: list[Series], n: int) -> list[Series]:
    """The n series whose values differ most from their own average, by standard deviation; empty ones never."""
    return by_value([one for one in series if not np.isnan(one.values).all()], "stddev", falling=True)[:n]


_OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_TRUE_OF_NOTHING: Final = frozenset(("!=", "<", "<="))
"""What graphite-web says of a series without values."""


@function(
    "Filter Series",
    SERIES,
    Param("func", "aggFunc", required=True),
    Param("operator", "string", required=True, options=tuple(_OPERATORS)),
    Param("threshold", "float", required=True),
)
def filterSeries(ctx: Context, series: list[Series], func: str, operator: str, threshold: float) -> list[Series]:
    """Series of which an aggregation is =, !=, >, >=, < or <= a number; of a series without values the last two and
    != hold."""
    holds, of_nothing = _OPERATORS[operator], operator in _TRUE_OF_NOTHING
    return [
        one
        for one, value in zip(series, aggregated(series, func), strict=True)
        if (of_nothing if math.isnan(value) else holds(value, threshold))
    ]


def _beyond(name: str, func: str, operator: str, doc: str) -> None:
    def run(ctx: Context, series: list[Series], n: float) -> list[Series]:
        return filterSeries(ctx, series, func, operator, n)

    add(Function(name, "Filter Series", (SERIES, Param("n", "float", required=True)), run, doc))


for _what, _func in (("average", "average"), ("current", "last"), ("maximum", "max"), ("minimum", "min")):
    _called = {"current": "last value"}.get(_what, _what)
    _beyond(f"{_what}Above", _func, ">", f"Series whose {_called} is above n.")
    _beyond(f"{_what}Below", _func, "<=", f"Series whose {_called} is n or less, or which have no values.")


@function("Filter Series", SERIES, Param("xFilesFactor", "float"))
def removeEmptySeries(ctx: Context, series: list[Series], xFilesFactor: float | None) -> list[Series]:
    """Series that have values: at least one, and at least the share xFilesFactor of all."""
    kept: list[Series] = []
    for one in series:
        there = int(np.count_nonzero(~np.isnan(one.values)))
        if there and there / len(one.values) >= (xFilesFactor or 0):
            kept.append(one)
    return kept


@function("Filter Series", Param("seriesLists", "seriesList", required=True, multiple=True))
def unique(ctx: Context, *lists: list[Series]) -> list[Series]:
    """Each series once, by name."""
    by_name: dict[str, Series] = {}
    for some in lists:
        for one in some:
            by_name.setdefault(one.name, one)
    return list(by_name.values())


@function(
    "Filter Series",
    SERIES,
    Param("value", "float", required=True),
    Param("search", "string", required=True),
    Param("replace", "string", required=True),
)
def useSeriesAbove(ctx: Context, series: list[Series], value: float, search: str, replace: str) -> list[Series]:
    """For each series whose maximum is above a value, the series of the name that replacing in its name gives."""
    pattern = UserPattern("useSeriesAbove", search, ctx)
    # graphite-web 1.1.10 answers 500 for a series with a gap.
    above = filterSeries(ctx, series, "max", ">", value)
    names = [pattern.replaced(replace, one.name) for one in above]
    found = together(partial(ctx.evaluate, name) for name in names)
    return [one for some in found for one in some if len(one.values)]


@function("Special", SERIES, Param("fallback", "seriesList", required=True), lean=True)
def fallbackSeries(ctx: Context, series: list[Series], fallback: list[Series]) -> list[Series]:
    """The series, or when there are none those of another expression."""
    return series or fallback


@function("Filter Series", SERIES, N)
def limit(ctx: Context, series: list[Series], n: int) -> list[Series]:
    """The first n series."""
    return series[:n]


@function("Filter Series", SERIES, PATTERN)
def grep(ctx: Context, series: list[Series], pattern: str) -> list[Series]:
    """Series in whose name a regular expression occurs."""
    wanted = UserPattern("grep", pattern, ctx)
    return [one for one in series if wanted.found(one.name)]


@function("Filter Series", SERIES, PATTERN)
def exclude(ctx: Context, series: list[Series], pattern: str) -> list[Series]:
    """Series in whose name a regular expression does not occur."""
    unwanted = UserPattern("exclude", pattern, ctx)
    return [one for one in series if not unwanted.found(one.name)]


@function("Sorting", SERIES, Param("natural", "boolean", default=False), REVERSE)
def sortByName(ctx: Context, series: list[Series], natural: bool, reverse: bool) -> list[Series]:
    """Series by name; natural: node2 before node10."""
    return sorted(series, key=lambda one: _natural(one.name) if natural else one.name, reverse=reverse)


def _natural(name: str) -> str:
    return _DIGITS.sub(lambda found: found[0].lstrip("0").rjust(10, "0"), name)


@function("Sorting", SERIES, FUNC, REVERSE)
def sortBy(ctx: Context, series: list[Series], func: str, reverse: bool) -> list[Series]:
    """Series by an aggregation over their values, lowest first."""
    return by_value(series, func, falling=reverse)


def _sorted_by(name: str, func: str, doc: str, *, falling: bool) -> None:
    def run(ctx: Context, series: list[Series]) -> list[Series]:
        return by_value(series, func, falling=falling)

    add(Function(name, "Sorting", (SERIES,), run, doc))


_sorted_by("sortByTotal", "sum", "Series by the sum of their values, highest first.", falling=True)
_sorted_by("sortByMaxima", "max", "Series by their maximum, highest first.", falling=True)


@function("Sorting", SERIES)
def sortByMinima(ctx: Context, series: list[Series]) -> list[Series]:
    """Series by their minimum, lowest first; those that are never above 0 are left out."""
    return by_value(filterSeries(ctx, series, "max", ">", 0), "min", falling=False)

"""Functions that choose series or put them in order."""

import re
from itertools import groupby

import numpy as np

from weft.metrics.consolidate import AGGREGATIONS
from weft.metrics.functions.naming import UserPattern
from weft.metrics.functions.registry import SERIES, Context, Function, Param, add, function
from weft.metrics.series import Series

N = Param("n", "integer", required=True)
FIRST_N = Param("n", "integer", required=True, default=1)
FUNC = Param("func", "aggFunc", default="average")
PATTERN = Param("pattern", "string", required=True)
REVERSE = Param("reverse", "boolean", default=False)

_DIGITS = re.compile(r"\d+")


def by_value(series: list[Series], func: str, *, falling: bool) -> list[Series]:
    """The series by one of AGGREGATIONS over their values; equal ones stay in order, empty ones are lowest."""
    values: list[float] = []
    for width, some in groupby(series, lambda one: len(one.values)):
        matrix = np.array([one.values for one in some])
        values += AGGREGATIONS[func](matrix.T).tolist() if width else [np.nan] * len(matrix)
    keys = [-np.inf if np.isnan(value) else value for value in values]
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

"""Functions that say how a graph draws series. Weft leaves drawing to its clients, so most change a name at most."""

from collections.abc import Callable

import numpy as np

from weft.base.errors import BadRequest
from weft.metrics.functions.registry import PIE, SERIES, Context, Function, Missing, Param, add, function
from weft.metrics.series import Series

DEFAULT_STACK = "__DEFAULT__"


@function("Graph", SERIES, Param("alpha", "float", required=True))
def alpha(ctx: Context, series: list[Series], alpha: float) -> list[Series]:
    """How opaque lines are, from 0 to 1; for graphs that Graphite draws itself."""
    return series


@function("Graph", SERIES, Param("theColor", "string", required=True))
def color(ctx: Context, series: list[Series], theColor: str) -> list[Series]:
    """The colour of lines; for graphs that Graphite draws itself."""
    return series


@function("Graph", SERIES, Param("width", "float", required=True))
def lineWidth(ctx: Context, series: list[Series], width: float) -> list[Series]:
    """How thick lines are; for graphs that Graphite draws itself."""
    return series


@function("Graph", SERIES, Param("dashLength", "number", default=5, told_type="integer"))
def dashed(ctx: Context, series: list[Series], dashLength: float) -> list[Series]:
    """Draw dashes of this length; the name and a tag say so."""
    return _marked(series, lambda name: f"dashed({name}, {dashLength:g})", {"dashed": str(dashLength)})


@function("Graph", SERIES)
def drawAsInfinite(ctx: Context, series: list[Series]) -> list[Series]:
    """Draw values above 0 as vertical lines; the name and a tag say so."""
    return _marked(series, lambda name: f"drawAsInfinite({name})", {"drawAsInfinite": "1"})


@function("Graph", SERIES)
def secondYAxis(ctx: Context, series: list[Series]) -> list[Series]:
    """Draw on the axis at the right; the name and a tag say so."""
    return _marked(series, lambda name: f"secondYAxis({name})", {"secondYAxis": "1"})


def _marked(series: list[Series], naming: Callable[[str], str], tags: dict[str, str]) -> list[Series]:
    return [one.but(name=naming(one.name), tags=one.tags | tags) for one in series]


@function("Graph", SERIES)
def areaBetween(ctx: Context, series: list[Series]) -> list[Series]:
    """Fill the area between two series; both get the name and the tags of the second. No series: nothing to fill."""
    # graphite-web 1.1.10 answers 500 for any other number.
    if len(series) not in (0, 2):
        raise BadRequest(
            f"areaBetween takes 2 series, got {len(series)}.", fix="Narrow the expression, or group() two of them."
        )
    return [
        one.but(name=f"areaBetween({upper.path})", tags=upper.tags | {"areaBetween": "1"})
        for upper in series[1:]
        for one in series
    ]


@function("Graph", SERIES, Param("stack", "string"))
def stacked(ctx: Context, series: list[Series], stack: str | None) -> list[Series]:
    """Put each series on top of those before it, those of earlier targets of the request included; `stack` names one
    of several stacks. A gap adds nothing."""
    if ctx.stacks is None:
        raise Missing
    key = DEFAULT_STACK if stack is None else stack
    total = ctx.stacks.get(key, np.zeros(0))
    ctx.budget.make(sum(len(one.values) for one in series))
    results: list[Series] = []
    for one in series:
        width, gaps = len(one.values), np.isnan(one.values)
        total = np.concatenate((total, np.zeros(max(0, width - len(total)))))
        total[:width] += np.where(gaps, 0.0, one.values)
        values = np.where(gaps, np.nan, total[:width])
        if key == DEFAULT_STACK:
            name = f"stacked({one.name})"
            results.append(one.but(name=name, path=name, values=values, tags=one.tags | {"stacked": key}))
        else:
            results.append(one.but(path=one.name, values=values))
    ctx.stacks[key] = total
    return results


def _pie(name: str, doc: str) -> None:
    def run(ctx: Context, series: list[Series]) -> list[Series]:
        return series

    add(Function(name, PIE, (Param("series", "series", required=True),), run, doc))


_pie("pieAverage", "A slice is the average of a series; for pie charts that Graphite draws itself.")
_pie("pieMaximum", "A slice is the maximum of a series; for pie charts that Graphite draws itself.")
_pie("pieMinimum", "A slice is the minimum of a series; for pie charts that Graphite draws itself.")

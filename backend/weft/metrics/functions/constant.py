"""Functions that make a series out of nothing, or out of what happened."""

import numpy as np

from weft.base.errors import BadRequest
from weft.metrics.functions.registry import Context, Param, function
from weft.metrics.series import Series, Values
from weft.metrics.tags import tags_of
from weft.metrics.times import LATEST_S, parse_time

VALUE = Param("value", "float", required=True)
NAME = Param("name", "string", required=True)
STEP = Param("step", "integer", default=60)


@function("Special", VALUE)
def constantLine(ctx: Context, value: float) -> list[Series]:
    """Draw a line at a value: three points, at the start, the middle and the end."""
    from_s, until_s, _ = ctx.window
    step_s = max(1, (until_s - from_s) // 2)
    values: Values = np.full(3, value)
    line = Series(str(value), from_s, step_s, values, path=f"constantLine({value})", tags={"name": str(value)})
    return [line.but(xff=ctx.state.xff, stop_s=until_s)]


@function("Graph", VALUE, Param("label", "string"), Param("color", "string"))
def threshold(ctx: Context, value: float, label: str | None, color: str | None) -> list[Series]:
    """Draw a line at a value, with a label; the colour is for graphs that Graphite draws itself."""
    return [one.but(name=label or one.name) for one in constantLine(ctx, value)]


@function("Graph", Param("ts", "date", required=True), Param("label", "string"), Param("color", "string"))
def verticalLine(ctx: Context, ts: str, label: str | None, color: str | None) -> list[Series]:
    """Draw a vertical line at a time within the graph, with a label: one point; the colour is for graphs that Graphite
    draws itself."""
    from_s, until_s, now_s = ctx.window
    at_s = parse_time(ts, ctx.zone, now_s)
    if not from_s <= at_s <= until_s:
        raise BadRequest(
            f"verticalLine: {at_s} lies {'before' if at_s < from_s else 'after'} the graph, which goes from {from_s} "
            f"to {until_s}.",
            fix="Give a time within it.",
        )
    # graphite-web 1.1.10 calls a line without a label null.
    name = label or f"verticalLine({at_s})"
    return [Series(name, at_s, 1, np.ones(2), path=name, tags=tags_of(name), xff=ctx.state.xff, stop_s=at_s)]


@function("Transform", NAME, STEP, names=("time", "timeFunction"))
def times(ctx: Context, name: str, step: int) -> list[Series]:
    """A series whose values are its times, in epoch seconds, every `step` seconds."""
    return _made(ctx, name, _times(ctx, "time", step), step)


@function("Calculate", NAME)
def identity(ctx: Context, name: str) -> list[Series]:
    """A series whose values are its times, in epoch seconds, every minute."""
    return [one.but(path=f'identity("{name}")') for one in times(ctx, name, 60)]


@function(
    "Transform", NAME, Param("amplitude", "number", default=1, told_type="integer"), STEP, names=("sin", "sinFunction")
)
def sine(ctx: Context, name: str, amplitude: float, step: int) -> list[Series]:
    """A wave around 0: the sine of each time in epoch seconds, this many times as high."""
    return _made(ctx, name, np.sin(_times(ctx, "sin", step)) * amplitude, step)


@function("Special", NAME, STEP, names=("randomWalk", "randomWalkFunction"))
def random_walk(ctx: Context, name: str, step: int) -> list[Series]:
    """A series to try things with: it begins at 0, and each value lies up to 0.5 above or below the one before."""
    steps = np.random.default_rng().uniform(-0.5, 0.5, len(_times(ctx, "randomWalk", step)))
    steps[:1] = 0.0
    return _made(ctx, name, np.cumsum(steps), step)


def _times(ctx: Context, function: str, step_s: int) -> Values:
    from_s, until_s, _ = ctx.window
    if not 1 <= step_s <= LATEST_S:
        # graphite-web 1.1.10 never answers.
        raise BadRequest(f"{function}: a step of {step_s} s has no meaning.", fix="Give a number from 1.")
    number = -(-(until_s - from_s) // step_s)
    ctx.budget.make(number)
    # Two more as long, while they are made.
    ctx.budget.room(2 * number)
    return np.arange(from_s, until_s, step_s, dtype=np.float64)


def _made(ctx: Context, name: str, values: Values, step_s: int) -> list[Series]:
    """A series from the beginning of the window to its end."""
    one = Series(name, ctx.window.from_s, step_s, values, path=name, tags=tags_of(name), xff=ctx.state.xff)
    return [one if one.end_s == ctx.window.until_s else one.but(stop_s=ctx.window.until_s)]


@function("Special", Param("tags", "string", required=True, multiple=True))
def events(ctx: Context, *tags: str) -> list[Series]:
    """How many events with all these tags there were in each second, a gap where none; "*" counts all events."""
    from_s, until_s, _ = ctx.window
    ctx.budget.make(until_s - from_s)
    happened = np.array(ctx.events(() if tags == ("*",) else tags), dtype=np.int64) - from_s
    # graphite-web 1.1.10 answers 500 for an event at the very end.
    within = happened[(happened >= 0) & (happened < until_s - from_s)]
    values: Values = np.full(until_s - from_s, np.nan)
    places, counts = np.unique(within, return_counts=True)
    values[places] = counts
    [one] = _made(ctx, 'events("{}")'.format('", "'.join(tags)), values, 1)
    return [one.but(consolidate="sum")]

"""Functions that make a series out of nothing."""

import numpy as np

from weft.metrics.functions.registry import Context, Param, function
from weft.metrics.series import Series, Values

VALUE = Param("value", "float", required=True)


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

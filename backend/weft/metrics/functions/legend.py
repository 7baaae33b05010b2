"""Functions that write values of a series into its name."""

import math
import re
from collections.abc import Sequence
from functools import partial

import numpy as np

from weft.base.errors import BadRequest
from weft.metrics.budget import SERIES_WORK
from weft.metrics.consolidate import AGGREGATIONS
from weft.metrics.functions.naming import UserPattern, checked_name
from weft.metrics.functions.registry import SERIES, Context, Param, function, together
from weft.metrics.functions.rowwise import aggregated
from weft.metrics.series import Series

_POWERS = {
    "si": (("P", 1000.0**5), ("T", 1000.0**4), ("G", 1000.0**3), ("M", 1000.0**2), ("k", 1000.0)),
    "binary": (("Pi", 1024.0**5), ("Ti", 1024.0**4), ("Gi", 1024.0**3), ("Mi", 1024.0**2), ("Ki", 1024.0)),
}
SYSTEMS = tuple(_POWERS)

_CONVERSION = re.compile(r"%(?:(%)|[-+ #0]*[0-9]{0,3}(?:\.[0-9]{0,3})?[a-zA-Z])")
"""A place of printf's for one value; a width of four digits is a mistake or an attack."""


def _with_unit(value: float, system: str) -> tuple[float, str]:
    """A value in the largest unit that it fills, and that unit's prefix."""
    for prefix, size in _POWERS[system]:
        # graphite-web 1.1.10 answers 500 for infinity.
        if math.isfinite(value) and abs(value) >= size:
            return value / size, prefix
    return value, ""


@function(
    "Alias",
    SERIES,
    Param(
        "valuesTypes",
        "string",
        multiple=True,
        options=(*AGGREGATIONS, *(f"{name}Series" for name in AGGREGATIONS), *SYSTEMS),
        open=True,
    ),
)
def legendValue(ctx: Context, series: list[Series], *valuesTypes: str) -> list[Series]:
    """Add aggregations over the values to each name; with `si` or `binary` at the end in columns, with units."""
    names = [one.name for one in series]
    system = valuesTypes[-1] if valuesTypes and valuesTypes[-1] in SYSTEMS else None
    points = sum(len(one.values) for one in series)
    for func in valuesTypes[:-1] if system else valuesTypes:
        ctx.budget.work(points + SERIES_WORK * len(series))
        values = _values(series, func)
        if system is None:
            names = [f"{name} ({func}: {value})" for name, value in zip(names, values, strict=True)]
        else:
            names = [
                f"{name:<20}{func:<5}{_in_units(value, system):<10}" for name, value in zip(names, values, strict=True)
            ]
    return [one.but(name=checked_name(name)) for one, name in zip(series, names, strict=True)]


def _values(series: Sequence[Series], func: str) -> Sequence[float | str | None]:
    if func not in AGGREGATIONS:
        return ["(?)"] * len(series)
    values = aggregated(series, func)
    if func == "count":
        return [0 if math.isnan(value) else int(value) for value in values]
    # What infinities make of each other is a number to graphite-web, if not a number.
    return [
        None if math.isnan(value) and not np.isinf(one.values).any() else value
        for one, value in zip(series, values, strict=True)
    ]


def _in_units(value: float | str | None, system: str) -> str:
    if value is None or isinstance(value, str):
        return str(value)
    return "{:.2f}{}".format(*_with_unit(value, system))


@function("Special", SERIES, Param("system", "string", options=SYSTEMS), Param("units", "string"), lean=True)
def cactiStyle(ctx: Context, series: list[Series], system: str | None, units: str | None) -> list[Series]:
    """Add the last, largest and smallest value to each name, in columns that line up in a font of one width."""
    columns = [[one.name for one in series]]
    widths = [max((len(one.name) for one in series), default=0)]
    for func in ("last", "max", "min"):
        values = aggregated(series, func)
        columns.append(["nan" if math.isnan(value) else _cacti(value, system, units) for value in values])
        # As wide as whole numbers are; a value that is 0 or missing counts as 3.
        wholes = (value if math.isinf(value) else float(int(value)) or 3.0 for value in map(_known, values))
        widths.append(3 + max((len(_cacti(value, system, units)) for value in wholes), default=0))
    labels = ("", " Current:", " Max:", " Min:")
    lines = (
        "".join(f"{label}{text:<{width}}" for label, text, width in zip(labels, row, widths, strict=True))
        for row in zip(*columns, strict=True)
    )
    return [one.but(name=checked_name(f"{line} ")) for one, line in zip(series, lines, strict=True)]


def _known(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _cacti(value: float, system: str | None, units: str | None) -> str:
    number, prefix = _with_unit(value, system) if system else (value, "")
    return f"{number:.2f} {prefix}{units}" if units else f"{number:.2f}{prefix}"


@function(
    "Alias",
    SERIES,
    Param("search", "string", required=True),
    Param("replace", "string", required=True),
    Param("newName", "string", required=True),
)
def aliasQuery(ctx: Context, series: list[Series], search: str, replace: str, newName: str) -> list[Series]:
    """Call each series by the last value of another one: replacing in its name gives the other's target, and newName
    says as in printf how the value is written ("Channel %d MHz")."""
    pattern = UserPattern("aliasQuery", search, ctx)
    targets = [pattern.replaced(replace, one.name) for one in series]
    found = together(partial(ctx.evaluate, target) for target in targets)
    results: list[Series] = []
    for one, target, others in zip(series, targets, found, strict=True):
        [value] = aggregated(others[:1], "last") or [math.nan]
        if math.isnan(value):
            what = "no value" if others else "no series"
            raise BadRequest(
                f"aliasQuery: '{target[:60]}' has {what}.", fix="Mend search and replace, or ask for a longer time."
            )
        results.append(one.but(name=_printed(newName, value)))
    return results


def _printed(text: str, value: float) -> str:
    places = [found for found in _CONVERSION.finditer(text) if not found[1]]
    try:
        if len(places) > 1 or "%" in _CONVERSION.sub("", text):
            raise ValueError("it takes one value")
        # graphite-web 1.1.10 answers 500 for a text without a place.
        return text % ((value,) if places else ())
    except (TypeError, ValueError, OverflowError) as exc:
        raise BadRequest(
            f"aliasQuery: '{text[:60]}' cannot be filled with {value}: {exc}.",
            fix="Give a text with one %d, %s or %.2f in it.",
        ) from exc

"""Compiled from _json_points.c where a compiler was there."""

from weft.metrics.series import Values

def written(powers: bytes, values: Values, start: int, step: int, no_nulls: bool, /) -> bytes: ...

"""Virtual series from their pieces: stretches of stored series, laid on one grid.

A slot t covers `[t, t + step)` and belongs to the piece that overlaps it; where two meet within a slot it is the later
piece's, unless that has no value there. Outside all pieces there is nothing.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from weft.base.intervals import Interval, slots_of
from weft.metrics.consolidate import consolidated
from weft.metrics.series import Series, Values
from weft.metrics.store import Piece, VirtualSeries

Read = Callable[[str], Series | None]
"""The stored series of a name over the window at hand; None when there is none."""


class _Part(NamedTuple):
    """A piece and its stored series; `stored.values[first:after]` lies within the piece."""

    piece: Piece
    stored: Series
    first: int
    after: int


def overlaps(piece: Piece, span: Interval) -> bool:
    """True when the piece has an instant of the span."""
    return piece.from_s * 1000 < span.to_ms and span.from_ms < piece.to_s * 1000


def assembled(virtual: Iterable[VirtualSeries], read: Read, path: str) -> list[Series]:
    """The series of virtual names, in order; none for a name with no stored series behind it.

    A name that is one stored series throughout shares its values.
    """
    results: list[Series] = []
    for one in virtual:
        tags = {"name": one.name, **one.tags}
        if (whole := _whole(one.pieces, read)) is not None:
            series = Series(one.name, whole.start_s, whole.step_s, whole.values, path, tags)
        elif parts := [_part(piece, stored) for piece in one.pieces if (stored := read(piece.stored)) is not None]:
            series = _joined(one.name, parts, path, tags)
        else:
            continue
        results.append(series if one.factor == 1 and not one.rate else _measured(series, one))
    return results


def _whole(pieces: Sequence[Piece], read: Read) -> Series | None:
    """The stored series that a name is throughout; most are, so this is quick."""
    if len(pieces) != 1:
        return None
    [piece] = pieces
    stored = read(piece.stored)
    return stored if stored and piece.from_s <= stored.start_s and stored.end_s <= piece.to_s else None


def _measured(series: Series, virtual: VirtualSeries) -> Series:
    """Stored values in another unit, and of a counter its growth in a second: nothing over a reset or a seam."""
    values = series.values * virtual.factor
    if virtual.rate:
        growth = np.diff(values, prepend=np.nan) / series.step_s
        growth[growth < 0] = np.nan
        growth[list(series.seams)] = np.nan
        return series.but(values=growth, seams=())
    return series.but(values=values)


def _part(piece: Piece, stored: Series) -> _Part:
    places = _places(piece.from_s, piece.to_s, stored.start_s, stored.step_s, len(stored.values))
    return _Part(piece, stored, *places)


@lru_cache(maxsize=256)  # the hosts of one run have one span
def _places(from_s: int, to_s: int, start_s: int, step_s: int, width: int) -> tuple[int, int]:
    """First of `width` slots from start_s on that `[from_s, to_s)` overlaps, and the one after the last."""
    first, after = slots_of(Interval(from_s * 1000, to_s * 1000), step_s)
    low = min(max(0, (first - start_s) // step_s), width)
    return low, min(max(low, (after - start_s) // step_s), width)


def _joined(name: str, parts: Sequence[_Part], path: str, tags: dict[str, str]) -> Series:
    head = parts[0].stored
    if len(parts) == 1 and parts[0].first == 0 and parts[0].after == len(head.values):
        return Series(name, head.start_s, head.step_s, head.values, path, tags)
    if any((one.start_s, one.step_s, len(one.values)) != (head.start_s, head.step_s, len(head.values))
           for _, one, _, _ in parts[1:]):  # fmt: skip
        parts = _on_one_grid(parts)
        head = parts[0].stored
    values: Values = np.full(len(head.values), np.nan)
    if len(parts) == 1:
        [(_, _, first, after)] = parts
        values[first:after] = head.values[first:after]
        return Series(name, head.start_s, head.step_s, values, path, tags)
    seams: list[int] = []
    before = ""
    for piece, stored, first, after in parts:
        here, theirs = values[first:after], stored.values[first:after]
        there = ~np.isnan(theirs)
        if not there.any():
            continue
        np.copyto(here, theirs, where=there)
        if before not in ("", piece.stored):
            # At its first value, not its first slot: filling the gap before it must not hide the seam.
            seams.append(first + int(there.argmax()))
        before = piece.stored
    return Series(name, head.start_s, head.step_s, values, path, tags, seams=tuple(seams))


def _on_one_grid(parts: Sequence[_Part]) -> list[_Part]:
    """The parts on the least common multiple of their steps, from one start to one end."""
    step_s = math.lcm(*(part.stored.step_s for part in parts))
    start_s = min(part.stored.start_s for part in parts) // step_s * step_s
    width = -(-(max(part.stored.end_s for part in parts) - start_s) // step_s)
    results: list[_Part] = []
    for piece, stored, first, after in parts:
        fine = np.full(width * (step_s // stored.step_s), np.nan)
        place = (stored.start_s - start_s) // stored.step_s
        fine[place + first : place + after] = stored.values[first:after]
        values = consolidated(fine[np.newaxis], step_s // stored.step_s, stored.consolidate, 0.0)[0]
        results.append(_part(piece, Series(stored.name, start_s, step_s, values)))
    return results

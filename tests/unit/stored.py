"""A store of series in memory, and short ways to evaluate targets over it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np

from weft.base.access import LOCAL, Viewer
from weft.metrics.evaluate import Engine
from weft.metrics.globs import nodes
from weft.metrics.series import Series, Window
from weft.metrics.store import Found, Parts, Tell, VirtualSeries
from weft.metrics.tags import TagExpression, TagIndex, tags_of

UTC = ZoneInfo("UTC")
START = 1_700_000_400
"""Where series begin: a multiple of every step in use."""


def span(from_s: int, until_s: int) -> Window:
    """`(from, until]` counted from START; asked at its end."""
    return Window(START + from_s, START + until_s, START + until_s)


TEN_SLOTS = span(-1, 99)
"""The first ten slots at step 10."""
Numbers = Sequence[float | None]


def series(name: str, values: Numbers, step_s: int = 10, start_s: int = START, seams: tuple[int, ...] = ()) -> Series:
    """A series with None for gaps."""
    numbers = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    return Series(name, start_s, step_s, numbers, path=name, tags=tags_of(name), seams=seams)


def numbers(one: Series) -> list[float | None]:
    """The values with None for gaps."""
    return [None if math.isnan(value) else value for value in one.values.tolist()]


@dataclass
class Stored:
    """A SeriesStore over series in memory; a window is cut from them as whisper does. Counts its reads."""

    held: Mapping[str, Series]
    asked: list[tuple[list[str], Window]] = field(default_factory=list)

    @classmethod
    def of(cls, *some: Series) -> "Stored":
        return cls({one.name: one for one in some})

    async def expand(self, pattern: str, tell: Tell) -> list[str]:
        return self.names(pattern)

    def names(self, pattern: str) -> list[str]:
        wanted = nodes(pattern)
        return sorted(
            name
            for name in self.held
            if name.count(".") == len(wanted) - 1
            and all(glob.matches(part) for glob, part in zip(wanted, name.split("."), strict=True))
        )

    async def find(self, pattern: str, tell: Tell) -> list[Found]:
        return self.nodes(pattern)

    def nodes(self, pattern: str) -> list[Found]:
        depth = pattern.count(".")
        branches = {".".join(name.split(".")[: depth + 1]) for name in self.held if name.count(".") > depth}
        wanted = nodes(pattern)
        matching = sorted(
            path
            for path in branches
            if all(glob.matches(part) for glob, part in zip(wanted, path.split("."), strict=True))
        )
        return [*(Found(path, False) for path in matching), *(Found(path, True) for path in self.names(pattern))]

    async def tagged(self, expressions: Sequence[TagExpression], tell: Tell) -> list[str]:
        return TagIndex(self.held).find(expressions)

    async def fetch(self, names: Sequence[str], window: Window, tell: Tell) -> list[Series | None]:
        self.asked.append((list(names), window))
        return [_cut(self.held[name], window) if name in self.held else None for name in names]


@dataclass
class Streamed(Stored):
    """The same, read two at a time where that will do; counts these reads apart."""

    parts: list[list[str]] = field(default_factory=list)

    async def points(self, names: Sequence[str], window: Window, most: int) -> int:
        return sum(len(_cut(self.held[name], window).values) for name in names if name in self.held)

    async def stream(self, names: Sequence[str], window: Window, tell: Tell) -> Parts:
        def parts() -> Iterator[list[Series | None]]:
            for first in range(0, len(names), 2):
                some = list(names[first : first + 2])
                self.parts.append(some)
                yield [_cut(self.held[name], window) if name in self.held else None for name in some]

        return parts


def _cut(one: Series, window: Window) -> Series:
    start_s = window.from_s - window.from_s % one.step_s + one.step_s
    end_s = max(window.until_s - window.until_s % one.step_s + one.step_s, start_s + one.step_s)
    values = np.full((end_s - start_s) // one.step_s, math.nan)
    for place in range(len(values)):
        there = (start_s - one.start_s) // one.step_s + place
        if 0 <= there < len(one.values):
            values[place] = one.values[there]
    return one.but(start_s=start_s, values=values)


@dataclass
class Virtual:
    """A Resolver over virtual series in memory, by name; counts what it is asked."""

    known: Sequence[VirtualSeries]
    roots: tuple[str, ...] = ("job", "cable")
    notices: list[str] = field(default_factory=list)
    asked: list[tuple[list[str], Window]] = field(default_factory=list)

    async def resolve(
        self, patterns: Sequence[str], window: Window, viewer: Viewer
    ) -> tuple[list[list[VirtualSeries]], list[str]]:
        self.asked.append((list(patterns), window))
        by_name = {one.name: one for one in self.known}
        names = Stored({name: series(name, []) for name in by_name})
        return [[by_name[name] for name in names.names(pattern)] for pattern in patterns], self.notices

    async def find(self, pattern: str, window: Window, viewer: Viewer) -> list[Found]:
        self.asked.append(([pattern], window))
        return Stored({one.name: series(one.name, []) for one in self.known}).nodes(pattern)


async def rendered(
    target: str,
    *some: Series,
    window: Window = TEN_SLOTS,
    max_points: int | None = None,
    virtual: Sequence[VirtualSeries] = (),
    zone: str = "UTC",
) -> list[Series]:
    """What a target gives over some series, ten values at step 10."""
    engine = Engine(Stored.of(*some), Virtual(virtual))
    return (await engine.render([target], window, LOCAL, zone=ZoneInfo(zone), max_points=max_points)).series

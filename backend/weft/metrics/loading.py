"""What a request reads: names of path expressions found, virtual ones resolved, values fetched, a round at a time.

A path expression that one function goes through once, such as a sum, is not fetched: its series are read part by part
while that function runs, so that they are never all in memory, and each part is still in the processor's cache.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice, repeat
from operator import attrgetter
from typing import Final, NamedTuple

import anyio.lowlevel

from weft.base.access import Viewer
from weft.base.errors import TooMuch
from weft.base.intervals import graphite_window
from weft.metrics.assemble import assembled, overlaps
from weft.metrics.budget import FILE_WORK, PATTERN_WORK, RESOLVE_WORK, SERIES_WORK, Budget
from weft.metrics.functions.registry import Stream
from weft.metrics.globs import could_match
from weft.metrics.series import Series, Values, Window
from weft.metrics.store import (
    EventSource,
    Foreseeing,
    Parts,
    Resolver,
    SeriesStore,
    Streaming,
    TagResolver,
    VirtualSeries,
)
from weft.metrics.tags import TagExpression, tags_of
from weft.metrics.target import Node

PATTERNS_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost; the members are those of `metrics` in the settings."""

    max_points: int = 14_000_000
    max_series: int = 50_000
    max_depth: int = 32
    max_targets: int = 256
    max_pattern: int = 4096
    timeout_s: float = 30.0


def check_length(pattern: str, most: int) -> None:
    if len(pattern) > most:
        raise TooMuch(
            f"The pattern is {len(pattern)} characters long, over metrics.max_pattern = {most}.",
            fix="Shorten it with a wildcard, or raise that setting.",
        )


def kinds(pattern: str, resolver: Resolver) -> int:
    """How many kinds of virtual names a pattern can match."""
    return len(could_match(pattern, resolver.roots))


class Want(NamedTuple):
    """A path expression over a window.

    Args:
        window: what is read. shown: what is asked for; a virtual series must exist in it, history alone is not enough.
        tags: what is asked of tags, where the path expression is a call of seriesByTag.
    """

    pattern: str
    window: Window
    shown: Window
    tags: tuple[TagExpression, ...] = ()


class Happening(NamedTuple):
    """The events of a window that have all of some tags."""

    tags: tuple[str, ...]
    window: Window


@dataclass(slots=True)
class Request:
    """What one request has read so far, and what it wants next."""

    store: SeriesStore
    resolver: Resolver | None
    tags: TagResolver | None
    events: EventSource | None
    limits: Limits
    viewer: Viewer
    budget: Budget
    points: int = 0
    notices: list[str] = field(default_factory=list)
    series: dict[Want, list[Series]] = field(default_factory=dict)
    wanted: dict[Want, None] = field(default_factory=dict)
    streams: dict[Want, Stream] = field(default_factory=dict)
    wanted_streams: dict[Want, set[int]] = field(default_factory=dict)
    """Each with the places in the targets that want to go through it."""
    again: dict[tuple[int, Window], list[Series]] = field(default_factory=dict)
    made: dict[str, Node] = field(default_factory=dict)
    happened: dict[Happening, Sequence[int]] = field(default_factory=dict)
    wanted_events: dict[Happening, None] = field(default_factory=dict)
    stacks: dict[str, Values] = field(default_factory=dict)
    _stored: dict[str, Sequence[str]] = field(default_factory=dict)
    _virtual: dict[Want, list[VirtualSeries]] = field(default_factory=dict)
    _read: dict[tuple[str, Window], Series | None] = field(default_factory=dict)
    _streamed: int = 0

    def cost(self) -> int:
        """What has been read and what streams will read, as work: many short series cost as much as few long ones."""
        return self.points + (SERIES_WORK * sum(map(len, self.series.values())) + FILE_WORK * self._streamed) // 2

    def tell(self, notice: str) -> None:
        """Keep a notice for the reader."""
        self.notices.append(notice)

    async def load(self) -> None:
        """Read everything that is wanted: names at once, virtual ones in one call, values in one call a window."""
        wants, self.wanted = list(self.wanted), {}
        asked, self.wanted_streams = self.wanted_streams, {}
        # What is gone through twice is read once.
        streams = [want for want, places in asked.items() if len(places) == 1 and want not in wants]
        wants += [want for want in asked if want not in streams and want not in wants]
        await self._load_names((*wants, *streams))
        await self._resolve([want for want in (*wants, *streams) if not want.tags])
        await self._resolve_tags([want for want in (*wants, *streams) if want.tags or ";" in want.pattern])
        await self._load_events()
        wants += [want for want in streams if not await self._stream(want)]
        count = sum(len(self._stored[want.pattern]) + len(self._virtual.get(want, ())) for want in wants)
        self.check_series(count + sum(map(len, self.series.values())))
        self.budget.spend(SERIES_WORK * count)
        pieces: dict[Window, dict[str, None]] = {}
        for want in wants:
            names = pieces.setdefault(want.window, {})
            names.update(dict.fromkeys(self._stored[want.pattern]))
            span = graphite_window(want.window.from_s, want.window.until_s)
            for virtual in self._virtual.get(want, ()):
                names.update((piece.stored, None) for piece in virtual.pieces if overlaps(piece, span))
        for window, names in pieces.items():
            await self._fetch([name for name in names if (name, window) not in self._read], window)
        for want in wants:
            self.series[want] = self._put_together(want)

    async def _stream(self, want: Want) -> bool:
        """Have a want's series read part by part; False: they cannot be."""
        stored, virtual = self._stored[want.pattern], self._virtual.get(want, [])
        whole = all(len(one.pieces) == 1 for one in virtual)
        if not isinstance(self.store, Streaming) or (stored and virtual) or not whole:
            return False
        names = stored or [one.pieces[0].stored for one in virtual]
        self.check_series(len(names) + sum(map(len, self.series.values())))
        self.budget.spend((FILE_WORK + SERIES_WORK) * len(names))
        self._streamed += len(names)
        self.points += await self.store.points(names, want.window, self.limits.max_points)
        self._check_points()
        parts = await self.store.stream(names, want.window, self.tell)
        self.streams[want] = Stream(partial(self._parts, want.pattern, virtual, parts))
        return True

    def _parts(self, path: str, virtual: Sequence[VirtualSeries], parts: Parts) -> Iterator[list[Series]]:
        """The series of a path expression, part by part; the virtual ones that are made of them when there are some."""
        first = 0
        for part in parts():
            found = [one for one in part if one is not None]
            if virtual:
                read = {one.name: one for one in found}
                series = assembled(virtual[first : first + len(part)], read.get, path)
                first += len(part)
            else:
                series = found
                for one in series:  # just read, and nobody else's
                    one.path = path
            self.budget.seconds_left()
            self.budget.spend(sum(len(one.values) for one in series) + SERIES_WORK * len(series))
            if series:
                yield series

    async def _load_names(self, wants: Iterable[Want]) -> None:
        """Names of stored series, of some patterns at a time: other servers may be asked for them."""
        unknown = {want.pattern: want for want in wants if want.pattern not in self._stored}
        asked = iter(unknown.items())
        while some := list(islice(asked, PATTERNS_AT_ONCE)):
            found = await asyncio.gather(*(self._names(want) for _, want in some))
            self._stored.update(zip((pattern for pattern, _ in some), found, strict=True))

    async def _names(self, want: Want) -> Sequence[str]:
        """Names of stored series; others get a turn before each pattern, since a request may have thousands."""
        self.budget.spend(PATTERN_WORK)
        await anyio.lowlevel.checkpoint()
        ask = self.store.tagged(want.tags, self.tell) if want.tags else self.store.expand(want.pattern, self.tell)
        found = await ask
        # More than these are never read: there is no room for them.
        return list(found) if len(found) <= self.limits.max_series else found

    async def _resolve(self, wants: Sequence[Want]) -> None:
        """Ask for the virtual series of all patterns at once, over all windows that overlap; others by themselves."""
        if self.resolver is None:
            return
        many = {want.pattern: kinds(want.pattern, self.resolver) for want in wants}
        asked = [want for want in wants if many[want.pattern]]
        spans = _merged(want.window for want in asked)
        within: list[list[Want]] = [[] for _ in spans]
        for want in asked:
            within[bisect_right(spans, want.window.from_s, key=attrgetter("from_s")) - 1].append(want)
        for span, some in zip(spans, within, strict=True):
            patterns = list(dict.fromkeys(want.pattern for want in some))
            self.budget.spend(RESOLVE_WORK * sum(many[pattern] for pattern in patterns))
            found, notices = await self.resolver.resolve(patterns, span, self.viewer)
            self.notices += notices
            by_pattern = dict(zip(patterns, found, strict=True))
            for want in some:
                self._virtual[want] = self._visible(want, by_pattern[want.pattern])

    async def _resolve_tags(self, wants: Sequence[Want]) -> None:
        if self.tags is None:
            return
        for want in wants:
            # A name with tags in it asks for each of them.
            tags = want.tags or [TagExpression(tag, "=", value) for tag, value in tags_of(want.pattern).items()]
            found, notices = await self.tags.tagged(tags, want.window, self.viewer)
            if not want.tags:
                found = [one for one in found if one.name == want.pattern]
            self.notices += notices
            self._virtual[want] = self._visible(want, found)

    async def _load_events(self) -> None:
        wanted, self.wanted_events = list(self.wanted_events), {}
        for want in wanted:
            self.happened[want] = await self.events.events(want.tags, want.window, self.viewer) if self.events else ()

    def _visible(self, want: Want, found: Sequence[VirtualSeries]) -> list[VirtualSeries]:
        """Those that exist in the time shown; stored names win."""
        stored = set(self._stored[want.pattern]) if found else ()
        shown = graphite_window(want.shown.from_s, want.shown.until_s)
        return [
            virtual
            for virtual in found
            if virtual.name not in stored and any(overlaps(piece, shown) for piece in virtual.pieces)
        ]

    async def _fetch(self, names: list[str], window: Window) -> None:
        """Read values, no more names at once than the limit on points leaves room for."""
        self.budget.spend(FILE_WORK * len(names))
        width = 1
        if isinstance(self.store, Foreseeing):
            self.budget.room(await self.store.points(names, window, self.limits.max_points))
        elif names and len(names) * (window.until_s - window.from_s) > self.limits.max_points - self.points:
            # It may be too much: one series tells how many points they have, so that no memory is spent to find out.
            [one] = await self.store.fetch(names[:1], window, self.tell)
            width = max(1, len(one.values)) if one else 1
        first = 0
        while first < len(names):
            room = (self.limits.max_points - self.points) // width + 1
            some = names[first : first + room]
            fetched = await self.store.fetch(some, window, self.tell)
            self._read.update(zip(zip(some, repeat(window)), fetched, strict=True))
            found = [one for one in fetched if one is not None]
            self.points += sum(len(one.values) for one in found)
            self.budget.read(found)
            first += len(some)
            self._check_points()
            self.budget.seconds_left()

    def _check_points(self) -> None:
        if self.points > self.limits.max_points:
            raise TooMuch(
                f"The request reads more than metrics.max_points = {self.limits.max_points} points.",
                fix="Ask for fewer series or a shorter time, or raise that setting.",
            )

    def _put_together(self, want: Want) -> list[Series]:
        rows = [self._read[name, want.window] for name in self._stored[want.pattern]]
        stored = [_called(one, want.pattern) for one in rows if one is not None]
        named = self._virtual.get(want, ())
        if not named:
            return stored
        self.budget.room(sum(self._laid_out(one, want.window) for one in named))
        virtual = assembled(named, lambda name: self._read.get((name, want.window)), want.pattern)
        self.budget.hold(virtual)
        return sorted([*stored, *virtual], key=lambda one: one.name)

    def _laid_out(self, virtual: VirtualSeries, window: Window) -> int:
        """Points of a virtual series, 0 where it is one stored series throughout, whose values it shares."""
        if len(virtual.pieces) == 1 and virtual.factor == 1 and not virtual.rate:
            [piece] = virtual.pieces
            if piece.from_s <= window.from_s and piece.to_s > window.until_s:
                return 0
        read = (self._read.get((piece.stored, window)) for piece in virtual.pieces)
        return max((len(one.values) for one in read if one is not None), default=0)

    def check_series(self, count: int) -> None:
        """Raises TooMuch: more series than metrics.max_series."""
        if count > self.limits.max_series:
            raise TooMuch(
                f"The request asks for {count} series, over metrics.max_series = {self.limits.max_series}.",
                fix="Narrow the pattern, or raise that setting.",
            )


def _called(one: Series, path: str) -> Series:
    """A stored series, found by a path expression."""
    return Series(one.name, one.start_s, one.step_s, one.values, path, one.tags, one.consolidate, one.xff)


def _merged(windows: Iterable[Window]) -> list[Window]:
    """The spans that windows cover together, each with a time in common with the next taken as one."""
    spans: list[Window] = []
    for window in sorted(windows):
        if spans and window.from_s <= spans[-1].until_s:
            spans[-1] = spans[-1]._replace(until_s=max(spans[-1].until_s, window.until_s))
        else:
            spans.append(window)
    return spans

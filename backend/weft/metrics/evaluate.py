"""From targets to series: what a request needs is found, read in one go, and put through the functions.

A request is evaluated in rounds. A round walks the targets' trees; where data is not there yet it notes what is wanted
and leaves that target. What all targets want is then resolved and read at once, and the next round goes further. Most
requests take two: one that finds the paths, one that computes; a moving window of N points takes one more, because its
history depends on the step of what it moves over.
"""

import re
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from functools import partial
from itertools import chain, repeat
from operator import attrgetter
from typing import Any, NamedTuple

import anyio.lowlevel
import anyio.to_thread
import numpy as np
from anyio import CapacityLimiter

from weft.base.access import Viewer
from weft.base.errors import BadRequest, TooMuch
from weft.base.intervals import graphite_window
from weft.metrics.assemble import assembled, overlaps
from weft.metrics.budget import (
    EVENTS_WORK,
    FILE_WORK,
    LAID_OUT,
    LOOP_POINTS,
    PATTERN_WORK,
    RESOLVE_WORK,
    SERIES_WORK,
    WANT_WORK,
    WORK_PER_S,
    Budget,
    TooHeavy,
)
from weft.metrics.consolidate import for_display
from weft.metrics.functions import registry
from weft.metrics.functions.registry import Context, Function, Missing, State
from weft.metrics.globs import could_match
from weft.metrics.series import Series, Values, Window
from weft.metrics.store import EventSource, Foreseeing, Found, Resolver, SeriesStore, TagResolver, Tell, VirtualSeries
from weft.metrics.tagged import TaggedSeries
from weft.metrics.tags import TagExpression, tag_expressions, tags_of
from weft.metrics.target import Call, Literal, Node, Path, Scalar, Tagged, Template, parse

_NUMBER = re.compile(r"-?[0-9.]+")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost; the members are those of `metrics` in the settings."""

    max_points: int = 14_000_000
    max_series: int = 50_000
    max_depth: int = 32
    max_targets: int = 256
    max_pattern: int = 4096
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Rendered:
    """The answer to a render request: series in the order of the targets, and notices for the reader."""

    series: list[Series]
    notices: list[str]


class Engine:
    """Graphite's render, find and expand over stored series and names that a resolver knows.

    Args:
        tags: series that are found by tags which are not stored with them. events: what `events()` counts.
    """

    def __init__(
        self,
        store: SeriesStore,
        resolver: Resolver | None = None,
        limits: Limits | None = None,
        *,
        tags: TagResolver | None = None,
        events: EventSource | None = None,
    ) -> None:
        self._store, self._resolver, self._limits = store, resolver, limits or Limits()
        self._tags, self._events = tags, events
        self.tagged = TaggedSeries(store, tags)
        self._limiter = CapacityLimiter(1)

    async def render(
        self,
        targets: Sequence[str],
        window: Window,
        viewer: Viewer,
        *,
        zone: tzinfo,
        max_points: int | None = None,
        x_files_factor: float = 0.0,
        template: Mapping[str, str] | None = None,
        written: Callable[[Series], int] = lambda one: 0,
    ) -> Rendered:
        """The series of some targets, at most about max_points (maxDataPoints) values each.

        Args:
            zone: in which the functions count days. template: values of `$name` in template(...), over its own.
            written: the work that it will be to write a series of the answer, see `metrics.budget`.
        Raises:
            BadRequest: no target, or one that cannot be understood.
            TooMuch: over a limit, which the message names.
        """
        trees = self._parsed(targets)
        budget = Budget(self._limits.max_points, self._limits.timeout_s)
        budget.begin()
        request = _Request(self._store, self._resolver, self._tags, self._events, self._limits, viewer, budget)
        settings = _Settings(window, zone, x_files_factor, template or {}, max_points, written)
        results: list[list[Series] | None] = [None] * len(trees)
        while True:
            shown = await self._worked(partial(_round, request, settings, trees, results), request)
            if shown is not None:
                return Rendered(shown, list(dict.fromkeys(request.notices)))
            await request.load()

    async def _worked(self, work: Callable[[], list[Series] | None], request: "_Request") -> list[Series] | None:
        """Do it here when it is little, else in the one thread there is for it."""
        request.budget.on_loop = request.cost() <= LOOP_POINTS
        if request.budget.on_loop:
            with suppress(TooHeavy):
                return work()
            request.budget.on_loop = False
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)

    def _parsed(self, targets: Sequence[str]) -> list[Node]:
        asked = [target for target in targets if target.strip()]
        if not asked:
            raise BadRequest("No target.", fix="Give target=switch.*.*.PortXmitData or any other Graphite expression.")
        if len(asked) > self._limits.max_targets:
            raise TooMuch(
                f"{len(asked)} targets are more than metrics.max_targets = {self._limits.max_targets}.",
                fix="Ask for fewer at once, or raise that setting.",
            )
        limits = self._limits
        return [parse(target, max_depth=limits.max_depth, max_length=limits.max_pattern) for target in asked]

    async def find(self, pattern: str, window: Window, viewer: Viewer, tell: Tell) -> list[Found]:
        """Nodes that match a pattern: branches, then leaves, each sorted by path; stored and virtual ones.

        Raises:
            TooMuch: a pattern longer than metrics.max_pattern.
        """
        _check_length(pattern, self._limits.max_pattern)
        found = await self._store.find(pattern, tell)
        if self._resolver and _may_be_virtual(pattern, self._resolver):
            virtual = set(await self._resolver.find(pattern, window, viewer)).difference(found)
            if virtual:
                found += virtual
                found.sort()
                found.sort(key=attrgetter("leaf"))
        return found

    async def expand(
        self,
        patterns: Sequence[str],
        window: Window,
        viewer: Viewer,
        tell: Tell,
        leaves_only: bool = False,
        group_by_expr: bool = False,
    ) -> list[str] | dict[str, list[str]]:
        """Full paths that match, sorted, each once; by pattern when group_by_expr."""
        groups = {
            pattern: sorted(
                {node.path for node in await self.find(pattern, window, viewer, tell) if node.leaf or not leaves_only}
            )
            for pattern in patterns
        }
        return groups if group_by_expr else sorted(set(chain.from_iterable(groups.values())))


def _check_length(pattern: str, most: int) -> None:
    if len(pattern) > most:
        raise TooMuch(
            f"The pattern is {len(pattern)} characters long, over metrics.max_pattern = {most}.",
            fix="Shorten it with a wildcard, or raise that setting.",
        )


def _may_be_virtual(pattern: str, resolver: Resolver) -> bool:
    return any(could_match(pattern, root) for root in resolver.roots)


class _Want(NamedTuple):
    """A path expression over a window.

    Args:
        window: what is read. shown: what is asked for; a virtual series must exist in it, history alone is not enough.
        tags: what is asked of tags, where the path expression is a call of seriesByTag.
    """

    pattern: str
    window: Window
    shown: Window
    tags: tuple[TagExpression, ...] = ()


@dataclass(frozen=True, slots=True)
class _Settings:
    window: Window
    zone: tzinfo
    xff: float
    template: Mapping[str, str]
    max_points: int | None
    written: Callable[[Series], int]


class _Happening(NamedTuple):
    """The events of a window that have all of some tags."""

    tags: tuple[str, ...]
    window: Window


@dataclass(slots=True)
class _Request:
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
    series: dict[_Want, list[Series]] = field(default_factory=dict)
    wanted: dict[_Want, None] = field(default_factory=dict)
    again: dict[tuple[int, Window], list[Series]] = field(default_factory=dict)
    made: dict[str, Node] = field(default_factory=dict)
    happened: dict[_Happening, Sequence[int]] = field(default_factory=dict)
    wanted_events: dict[_Happening, None] = field(default_factory=dict)
    stacks: dict[str, Values] = field(default_factory=dict)
    _stored: dict[str, list[str]] = field(default_factory=dict)
    _virtual: dict[_Want, list[VirtualSeries]] = field(default_factory=dict)
    _read: dict[tuple[str, Window], Series | None] = field(default_factory=dict)

    def cost(self) -> int:
        """What has been read, as work: many short series cost as much as few long ones."""
        return self.points + SERIES_WORK * sum(map(len, self.series.values())) // 2

    def tell(self, notice: str) -> None:
        """Keep a notice for the reader."""
        self.notices.append(notice)

    async def load(self) -> None:
        """Read everything that is wanted: names at once, virtual ones in one call, values in one call a window."""
        wants, self.wanted = list(self.wanted), {}
        for want in wants:
            if want.pattern not in self._stored:
                self._stored[want.pattern] = await self._names(want)
        await self._resolve([want for want in wants if not want.tags])
        await self._resolve_tags([want for want in wants if want.tags or ";" in want.pattern])
        await self._load_events()
        pieces: dict[Window, dict[str, None]] = {}
        for want in wants:
            names = pieces.setdefault(want.window, {})
            names.update(dict.fromkeys(self._stored[want.pattern]))
            span = graphite_window(want.window.from_s, want.window.until_s)
            for virtual in self._virtual.get(want, ()):
                names.update((piece.stored, None) for piece in virtual.pieces if overlaps(piece, span))
        count = sum(len(self._stored[want.pattern]) + len(self._virtual.get(want, ())) for want in wants)
        self.check_series(count + sum(map(len, self.series.values())))
        self.budget.spend(SERIES_WORK * count)
        for window, names in pieces.items():
            await self._fetch([name for name in names if (name, window) not in self._read], window)
        for want in wants:
            self.series[want] = self._put_together(want)

    async def _names(self, want: _Want) -> list[str]:
        """Names of stored series; others get a turn before each pattern, since a request may have thousands."""
        self.budget.spend(PATTERN_WORK)
        await anyio.lowlevel.checkpoint()
        if want.tags:
            return await self.store.tagged(want.tags, self.tell)
        return await self.store.expand(want.pattern, self.tell)

    async def _resolve(self, wants: Sequence[_Want]) -> None:
        """Ask for the virtual series of all patterns at once, over all windows that overlap; others by themselves."""
        if self.resolver is None:
            return
        asked = [want for want in wants if _may_be_virtual(want.pattern, self.resolver)]
        spans = _merged(want.window for want in asked)
        within: list[list[_Want]] = [[] for _ in spans]
        for want in asked:
            within[bisect_right(spans, want.window.from_s, key=attrgetter("from_s")) - 1].append(want)
        for span, some in zip(spans, within, strict=True):
            patterns = list(dict.fromkeys(want.pattern for want in some))
            self.budget.spend(RESOLVE_WORK * len(patterns))
            found, notices = await self.resolver.resolve(patterns, span, self.viewer)
            self.notices += notices
            by_pattern = dict(zip(patterns, found, strict=True))
            for want in some:
                self._virtual[want] = self._visible(want, by_pattern[want.pattern])

    async def _resolve_tags(self, wants: Sequence[_Want]) -> None:
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

    def _visible(self, want: _Want, found: Sequence[VirtualSeries]) -> list[VirtualSeries]:
        """Those that exist in the time shown; stored names win."""
        stored = set(self._stored[want.pattern])
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
            if self.points > self.limits.max_points:
                raise TooMuch(
                    f"The request reads more than metrics.max_points = {self.limits.max_points} points.",
                    fix="Ask for fewer series or a shorter time, or raise that setting.",
                )
            self.budget.seconds_left()

    def _put_together(self, want: _Want) -> list[Series]:
        rows = [self._read[name, want.window] for name in self._stored[want.pattern]]
        stored = [
            Series(one.name, one.start_s, one.step_s, one.values, want.pattern, one.tags, one.consolidate, one.xff)
            for one in rows
            if one is not None
        ]
        virtual = assembled(self._virtual.get(want, ()), lambda name: self._read.get((name, want.window)), want.pattern)
        if not virtual:
            return stored
        return sorted([*stored, *virtual], key=lambda one: one.name)

    def check_series(self, count: int) -> None:
        if count > self.limits.max_series:
            raise TooMuch(
                f"The request asks for {count} series, over metrics.max_series = {self.limits.max_series}.",
                fix="Narrow the pattern, or raise that setting.",
            )


def _merged(windows: Iterable[Window]) -> list[Window]:
    """The spans that windows cover together, each with a time in common with the next taken as one."""
    spans: list[Window] = []
    for window in sorted(windows):
        if spans and window.from_s <= spans[-1].until_s:
            spans[-1] = spans[-1]._replace(until_s=max(spans[-1].until_s, window.until_s))
        else:
            spans.append(window)
    return spans


def _round(
    request: _Request, settings: _Settings, trees: Sequence[Node], results: list[list[Series] | None]
) -> list[Series] | None:
    """Evaluate what can be; the answer when that was everything, None when something is wanted first."""
    # Infinities and gaps meet in the data; what comes of them is NaN, a gap.
    with np.errstate(all="ignore"):
        in_order = True
        for place, tree in enumerate(trees):
            if results[place] is not None:
                continue
            stacks = dict(request.stacks) if in_order else None
            walk = _Walk(request, settings, State(settings.xff), settings.window, settings.window, stacks)
            try:
                results[place] = walk.series_of(tree)
                request.stacks.update(stacks or {})
            except Missing:
                in_order = False
        done = [result for result in results if result is not None]
        if len(done) < len(results):
            return None
        return _displayed([one for result in done for one in result], settings, request.budget)


def _displayed(series: list[Series], settings: _Settings, budget: Budget) -> list[Series]:
    """What the client gets; Raises TooMuch when that is too much to write."""
    if settings.max_points:
        budget.work(sum(len(one.values) for one in series))
        budget.room(LAID_OUT * max((len(one.values) for one in series), default=0))
    shown = for_display(series, settings.max_points, settings.xff)
    budget.work(sum(SERIES_WORK + settings.written(one) for one in shown))
    return shown


@dataclass(frozen=True, slots=True)
class _Walk:
    """One walk over one target's tree.

    Args:
        window: the time asked of the functions and paths in it. shown: what is asked for, history left aside.
        stacks: see Context.
        nested: how many targets that functions made up lie around this one.
    """

    request: _Request
    settings: _Settings
    state: State
    window: Window
    shown: Window
    stacks: dict[str, Values] | None
    nested: int = 0

    def series_of(self, node: Node, names: Mapping[str, Scalar] | None = None) -> list[Series]:
        """The series of an expression. Raises BadRequest when it gives none, Missing when data is wanted first."""
        value = self.value(node, names or {})
        if not isinstance(value, list):
            raise BadRequest(f"The target gives {value!r}, no series.", fix="Give a path or a function of paths.")
        return value

    def value(self, node: Node, names: Mapping[str, Scalar]) -> Any:
        """A list of series, or the scalar that a literal or a template's name stands for."""
        if isinstance(node, Literal):
            return node.value
        if isinstance(node, Template):
            return self.value(node.body, dict(node.values) | dict(self.settings.template))
        if isinstance(node, Path):
            return self.path(node.text, names)
        if isinstance(node, Tagged):
            return self.wanted(_Want(node.text, self.window, self.shown, tag_expressions(node.expressions)))
        return self.call(node, names)

    def path(self, text: str, names: Mapping[str, Scalar]) -> Any:
        """Series of a path; with a template's names filled in, or the value itself where a name is the whole path."""
        for name, value in names.items():
            if text == f"${name}":
                return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
            text = text.replace(f"${name}", str(value))
        return self.wanted(_Want(text, self.window, self.shown))

    def wanted(self, want: _Want) -> list[Series]:
        """The series of a path expression; noted, and Missing, until they are read."""
        if want not in self.request.series:
            _check_length(want.pattern, self.request.limits.max_pattern)
            self.request.wanted[want] = None
            self.request.budget.spend(WANT_WORK)
            raise Missing
        return self.request.series[want]

    def events(self, tags: Sequence[str]) -> Sequence[int]:
        """See Context."""
        want = _Happening(tuple(tags), self.window)
        if want not in self.request.happened:
            self.request.wanted_events[want] = None
            self.request.budget.spend(EVENTS_WORK)
            raise Missing
        return self.request.happened[want]

    def call(self, node: Call, names: Mapping[str, Scalar]) -> list[Series]:
        """What a function makes of its arguments; all of them are walked first, so that all they want is noted."""
        made = registry.lookup(node.name)
        values: list[Any] = []
        missing = False
        for place, argument in enumerate((*node.args, *(value for _, value in node.kwargs))):
            try:
                values.append([] if made.refetch and place == 0 else self.value(argument, names))
            except Missing:
                missing = True
        if missing:
            raise Missing
        if made.refetch and not node.args:
            raise BadRequest(f"{made.name} needs series as its first argument.", fix="Give a path or a function.")
        args = values[: len(node.args)]
        kwargs = {name: values[len(node.args) + place] for place, (name, _) in enumerate(node.kwargs)}
        arguments = registry.bound(made, args, kwargs)
        budget = self.request.budget
        budget.seconds_left()
        if made.refetch:
            arguments[0] = partial(self.again, made, node.args[0], names)
        else:
            given = chain.from_iterable(value for value in values if isinstance(value, list))
            self.charge(made, given)
        ctx = Context(self.window, self.settings.zone, self.state, budget, self.evaluate, self.events, self.stacks)
        before, making, began_s = budget.worked, budget.making, time.thread_time()
        try:
            results = made.run(ctx, *arguments)
        finally:
            budget.making = making
        # What it counted of its work, but no less than it took.
        budget.spent(time.thread_time() - began_s - (budget.worked - before) / WORK_PER_S)
        self.request.check_series(len(results))
        budget.hold(results)
        return results

    def charge(self, made: Function, series: Iterable[Series]) -> None:
        """Count what a function costs that gets these series. Raises TooMuch, TooHeavy."""
        widths = [len(one.values) for one in series]
        points = sum(widths)
        self.request.budget.work(points + SERIES_WORK * len(widths))
        laid_out = (1 if made.lean else LAID_OUT) * max(widths, default=0)
        self.request.budget.room(laid_out + (points if made.makes_points else 0))

    def again(self, made: Function, node: Node, names: Mapping[str, Scalar], window: Window) -> list[Series]:
        """The series of an expression over another window: history before the same time, or another time."""
        key = id(node), window
        if key not in self.request.again:
            moved_s = window.until_s - self.window.until_s
            shown = self.shown._replace(from_s=self.shown.from_s + moved_s, until_s=self.shown.until_s + moved_s)
            # What is stacked up for the graph does not belong below history.
            walk = replace(self, window=window, shown=shown, stacks={})
            self.request.again[key] = walk.series_of(node, names)
            self.charge(made, self.request.again[key])
        return self.request.again[key]

    def evaluate(self, target: str) -> list[Series]:
        """The series of a target that a function made up. Raises as series_of does, and what a bad target raises."""
        limits = self.request.limits
        if self.nested >= limits.max_depth:
            raise TooMuch(
                f"Targets made up by targets nest deeper than metrics.max_depth = {limits.max_depth}.",
                fix="Simplify the target, or raise that setting.",
            )
        made = self.request.made
        if target not in made:
            made[target] = parse(target, max_depth=limits.max_depth, max_length=limits.max_pattern)
        return replace(self, nested=self.nested + 1).series_of(made[target])

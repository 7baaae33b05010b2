"""From targets to series: what a request needs is found, read in one go, and put through the functions.

A request is evaluated in rounds. A round walks the targets' trees; where data is not there yet it notes what is wanted
and leaves that target. What all targets want is then resolved and read at once, and the next round goes further. Most
requests take two: one that finds the paths, one that computes; a moving window of N points takes one more, because its
history depends on the step of what it moves over.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import partial
from heapq import merge
from itertools import chain
from operator import attrgetter
from typing import Any

import anyio.to_thread
import numpy as np
from anyio import CapacityLimiter

from weft.base.access import Viewer
from weft.base.errors import BadRequest, ServiceError, TooMuch
from weft.base.texts import made
from weft.metrics.budget import (
    EVENTS_WORK,
    LAID_OUT,
    LOOP_POINTS,
    PATTERN_WORK,
    RESOLVE_WORK,
    SERIES_WORK,
    WANT_WORK,
    Budget,
    TooHeavy,
)
from weft.metrics.consolidate import for_display
from weft.metrics.functions import registry
from weft.metrics.functions.registry import Context, Function, Given, Missing, State, Uneven
from weft.metrics.loading import Happening, Limits, Request, Want, check_length, kinds
from weft.metrics.series import Series, Values, Window
from weft.metrics.store import EventSource, Found, Resolver, SeriesStore, TagResolver, Tell
from weft.metrics.tagged import TaggedSeries
from weft.metrics.tags import tag_expressions
from weft.metrics.target import Call, Literal, Node, Path, Scalar, Tagged, Template, parse

_IN_ORDER = attrgetter("leaf", "path")
_NUMBER = re.compile(r"-?[0-9.]+")


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
        budget = self._budget()
        request = Request(self._store, self._resolver, self._tags, self._events, self._limits, viewer, budget)
        settings = _Settings(window, zone, x_files_factor, template or {}, max_points, written)
        try:
            shown = await self._shown(request, settings, trees)
        except ServiceError as exc:
            # One that comes from a thread lies in a circle with its traceback: until the collector finds that, it would
            # hold all that was read and made.
            raise exc.with_traceback(None) from None
        return Rendered(shown, list(dict.fromkeys(request.notices)))

    async def _shown(self, request: Request, settings: "_Settings", trees: Sequence[Node]) -> list[Series]:
        results: list[list[Series] | None] = [None] * len(trees)
        while True:
            shown = await self._worked(partial(_round, request, settings, trees, results), request)
            if shown is not None:
                return shown
            await request.load()

    async def _worked(self, work: Callable[[], list[Series] | None], request: "Request") -> list[Series] | None:
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

    async def find(self, pattern: str, window: Window, viewer: Viewer, tell: Tell) -> Sequence[Found]:
        """Nodes that match a pattern: branches, then leaves, each sorted by path; stored and virtual ones.

        Raises:
            TooMuch: a pattern longer than metrics.max_pattern.
        """
        return await self._found(pattern, window, viewer, tell, self._budget())

    async def _found(self, pattern: str, window: Window, viewer: Viewer, tell: Tell, budget: Budget) -> Sequence[Found]:
        check_length(pattern, self._limits.max_pattern)
        budget.spend(PATTERN_WORK)
        found = await self._store.find(pattern, tell)
        if self._resolver and (many := kinds(pattern, self._resolver)):
            budget.spend(RESOLVE_WORK * many)
            virtual = set(await self._resolver.find(pattern, window, viewer)).difference(found)
            if virtual:
                stored, more = found, sorted(virtual, key=_IN_ORDER)
                return made(len(stored) + len(more), lambda: merge(stored, more, key=_IN_ORDER))
        return found

    def _budget(self) -> Budget:
        """What the request of this task may cost."""
        budget = Budget(self._limits.max_points, self._limits.timeout_s)
        budget.begin()
        return budget

    async def expand(
        self,
        patterns: Sequence[str],
        window: Window,
        viewer: Viewer,
        tell: Tell,
        leaves_only: bool = False,
        group_by_expr: bool = False,
    ) -> list[str] | dict[str, list[str]]:
        """Full paths that match, sorted, each once; by pattern when group_by_expr. Raises as find does."""
        budget = self._budget()
        groups: dict[str, list[str]] = {}
        for pattern in dict.fromkeys(patterns):
            found = await self._found(pattern, window, viewer, tell, budget)
            groups[pattern] = sorted({node.path for node in found if node.leaf or not leaves_only})
        return groups if group_by_expr else sorted(set(chain.from_iterable(groups.values())))


@dataclass(frozen=True, slots=True)
class _Settings:
    window: Window
    zone: tzinfo
    xff: float
    template: Mapping[str, str]
    max_points: int | None
    written: Callable[[Series], int]


def _round(
    request: Request, settings: _Settings, trees: Sequence[Node], results: list[list[Series] | None]
) -> list[Series] | None:
    """Evaluate what can be; the answer when that was everything, None when something is wanted first."""
    request.budget.clock()
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
                request.check_series(sum(len(result) for result in results if result is not None))
                request.stacks.update(stacks or {})
            except Missing:
                in_order = False
        done = [result for result in results if result is not None]
        if len(done) < len(results):
            return None
        return _displayed([one for result in done for one in result], settings, request.budget)


def _displayed(series: list[Series], settings: _Settings, budget: Budget) -> list[Series]:
    """What the client gets. Raises TooMuch when that is too much to write."""
    if settings.max_points:
        budget.work(sum(len(one.values) for one in series))
        budget.room(LAID_OUT * max((len(one.values) for one in series), default=0))
    shown = for_display(series, settings.max_points, settings.xff)
    # Not done here, but in pieces between which others have their turn.
    budget.spend(sum(SERIES_WORK + settings.written(one) for one in shown))
    return shown


@dataclass(frozen=True, slots=True)
class _Walk:
    """One walk over one target's tree.

    Args:
        window: the time asked of the functions and paths in it. shown: what is asked for, history left aside.
        stacks: see Context.
        nested: how many targets that functions made up lie around this one.
    """

    request: Request
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
            return self.wanted(Want(node.text, self.window, self.shown, tag_expressions(node.expressions)))
        return self.call(node, names)

    def path(self, text: str, names: Mapping[str, Scalar]) -> Any:
        """Series of a path; with a template's names filled in, or the value itself where a name is the whole path."""
        for name, value in names.items():
            if text == f"${name}":
                return float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
            text = text.replace(f"${name}", str(value))
        return self.wanted(Want(text, self.window, self.shown))

    def wanted(self, want: Want) -> list[Series]:
        """The series of a path expression; noted, and Missing, until they are read."""
        if want not in self.request.series:
            check_length(want.pattern, self.request.limits.max_pattern)
            self.request.wanted[want] = None
            self.request.budget.spend(WANT_WORK)
            raise Missing
        return self.request.series[want]

    def streamed(self, made: Function, node: Call) -> Want | None:
        """The path expression that a call can go through part by part; None: it cannot, or has another argument."""
        if made.streams is None or not node.args:
            return None
        path, *rest = node.args
        named = dict(node.kwargs)
        others = [one.value for one in (*rest, *named.values()) if isinstance(one, Literal)]
        if len(others) < len(rest) + len(named):
            return None
        first: list[Series] = []
        values = registry.bound(made, [first, *others[: len(rest)]], dict(zip(named, others[len(rest) :], strict=True)))
        if not made.streams(*values[1:]):
            return None
        if isinstance(path, Path):
            return Want(path.text, self.window, self.shown)
        if isinstance(path, Tagged):
            return Want(path.text, self.window, self.shown, tag_expressions(path.expressions))
        return None

    def wanted_once(self, want: Want, node: Call) -> Given:
        """The series of a path expression for one who goes through them once; noted, and Missing, until they can be."""
        request = self.request
        if want in request.series:
            return request.series[want]
        if want not in request.streams:
            check_length(want.pattern, request.limits.max_pattern)
            request.wanted_streams.setdefault(want, set()).add(id(node))
            request.budget.spend(WANT_WORK)
            raise Missing
        return request.streams[want]

    def events(self, tags: Sequence[str]) -> Sequence[int]:
        """See Context."""
        want = Happening(tuple(tags), self.window)
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
        streamed = None if names else self.streamed(made, node)
        for place, argument in enumerate((*node.args, *(value for _, value in node.kwargs))):
            try:
                if place == 0 and made.refetch:
                    values.append([])
                elif place == 0 and streamed:
                    values.append(self.wanted_once(streamed, node))
                else:
                    values.append(self.value(argument, names))
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
        making = budget.making
        try:
            results = made.run(ctx, *arguments)
        except Uneven:
            if streamed is None:
                raise
            return self.wanted(streamed)
        finally:
            budget.making = making
        budget.settle()
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

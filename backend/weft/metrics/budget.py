"""What one request may still cost: points at once, work, time.

A point is a float64, so points at once are memory: what was read, and what functions made of it as long as somebody
holds it. Work is counted in points as well: one point through one function is 1, about 10 ns. A function says before
it begins what it will cost; where it takes longer than all have said so far, the clock is right.
"""

import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Final, ParamSpec, TypeVar
from weakref import ref

import numpy as np

from weft.base.errors import TooMuch
from weft.base.memory import give_back
from weft.metrics.consolidate import Matrix
from weft.metrics.series import Series

LOOP_POINTS: Final = 50_000
"""Work over more points than this leaves the event loop for a thread."""
WORK_PER_POINT: Final = 8
"""How often each of the points that may be held at once may be worked on: 112 million at the default, about 1.1 s."""
LEAST_POINTS: Final = 1_000_000
"""Work is counted as if metrics.max_points were at least that: what series and files cost does not shrink with it."""
SERIES_WORK: Final = 200
"""What a series costs in each function beside its points: its name and tags are made anew."""
LAID_OUT: Final = 2
"""Arrays as long as the longest series that a function lays out beside what it gives."""
FILE_WORK: Final = 1000
"""What it costs to open and read a series."""
SERIES_POINTS: Final = 160
"""What a series takes beside its values, in points: 1,280 bytes for its name, its tags, itself and its place here."""
MANY_POINTS: Final = 4_000_000
"""Before a request holds more than that at once, 32 MB, what earlier answers left free is given back."""
NAME_LETTERS: Final = 8
"""Letters of names that count as a point of memory."""
WORK_PER_S: Final = 100_000_000
"""Where only the clock tells what something costs."""
PATTERN_WORK: Final = 10_000
"""What a path expression costs beside what `counted` counts."""
RESOLVE_WORK: Final = 200_000
"""What it costs to ask the inventory for the series of one kind of a path expression."""
EVENTS_WORK: Final = 100_000
"""What it costs to ask for the events of a window."""
WANT_WORK: Final = 2500
"""What it costs to look after one path expression over one window."""

Params = ParamSpec("Params")
Given = TypeVar("Given")

_asked_by: "ContextVar[Budget | None]" = ContextVar("asked_by", default=None)


def counted(work: Callable[Params, Given]) -> Callable[Params, Given]:
    """Work whose cost only the clock tells: it is counted for the request that it is done for, in whatever thread.

    Such work within such work is counted once.
    """

    @wraps(work)
    def counting(*args: Params.args, **kwargs: Params.kwargs) -> Given:
        budget = _asked_by.get()
        if budget is None:
            return work(*args, **kwargs)
        within = _asked_by.set(None)
        began_s = time.thread_time()
        try:
            return work(*args, **kwargs)
        finally:
            _asked_by.reset(within)
            budget.spent(time.thread_time() - began_s)

    return counting


class TooHeavy(Exception):
    """This is too much work for the event loop."""


@dataclass(slots=True)
class Budget:
    """What one request may still cost.

    Args:
        max_points: points at once; work is WORK_PER_POINT times that. timeout_s: counted from when this is made.
        on_loop: the event loop waits for this; heavy work raises TooHeavy and is done again in a thread.
    """

    max_points: int
    timeout_s: float
    on_loop: bool = False
    ends: float = 0.0
    held: int = 0
    """Points that are alive."""
    making: int = 0
    """Points that a function said it makes; they are alive, and not held yet."""
    worked: int = 0
    _began_s: float = 0.0
    """When `clock` was called, by the clock of the thread that did; and what was worked until then."""
    _before: int = 0
    _gave_back: bool = False
    _arrays: dict[int, "ref[Matrix] | None"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ends = time.monotonic() + self.timeout_s
        self.clock()

    def begin(self) -> None:
        """From here on this is what `counted` counts for, in this task."""
        _asked_by.set(self)

    def seconds_left(self) -> float:
        """Time left for this request.

        Raises:
            TooMuch: none; the message names metrics.timeout_s.
        """
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TooMuch(
                f"The request takes longer than metrics.timeout_s = {self.timeout_s:g}.",
                fix="Ask for fewer series or a shorter time, or raise that setting.",
            )
        return left

    def clock(self) -> None:
        """From here on what this thread does for the request costs no less than the time that it takes."""
        self._began_s, self._before = time.thread_time(), self.worked

    def settle(self) -> None:
        """Count what was done since `clock` and not said before. Raises as spend does."""
        taken = int((time.thread_time() - self._began_s) * WORK_PER_S)
        self.spend(max(0, self._before + taken - self.worked))

    def work(self, points: int) -> None:
        """Say that so many points are about to be worked on.

        Raises:
            TooHeavy: not here. TooMuch: more than metrics.max_points allows.
        """
        self.settle()
        if self.on_loop and points > LOOP_POINTS:
            raise TooHeavy
        self.spend(points)

    def spend(self, points: int) -> None:
        """Count work that is done where it is. Raises TooMuch: more than metrics.max_points allows."""
        self.worked += points
        if self.worked > WORK_PER_POINT * max(self.max_points, LEAST_POINTS):
            raise TooMuch(
                f"The request costs more to compute than metrics.max_points = {self.max_points} allows.",
                fix="Ask for fewer series, a shorter time or fewer functions, or raise that setting.",
            )

    def spent(self, seconds: float) -> None:
        """Count work that only the clock could tell; nothing when that is less than none. Raises as spend does."""
        self.spend(max(0, int(seconds * WORK_PER_S)))

    def room(self, points: int) -> None:
        """Say that so many points are about to be held beside those that are.

        Raises:
            TooMuch: more than metrics.max_points at once.
        """
        points += self.held + self.making
        if points > self.max_points:
            raise TooMuch(
                f"The request holds more than metrics.max_points = {self.max_points} points at once.",
                fix="Ask for fewer series, a shorter time or longer intervals, or raise that setting.",
            )
        if points > MANY_POINTS and not self._gave_back:
            give_back()
            self._gave_back = True

    def make(self, points: int) -> None:
        """Say that a function is about to make so many points of what it will give. Raises as work and room do."""
        self.room(points)
        self.work(points)
        self.making += points

    def read(self, series: Iterable[Series]) -> None:
        """Count series that are kept until the end of the request."""
        for one in series:
            self.held += len(one.values) + SERIES_POINTS
            # One matrix may have room for series that were not there.
            self._arrays[id(_owner(one))] = None

    def hold(self, series: Iterable[Series]) -> None:
        """Count series that a function gave, until their values are let go of. Raises TooMuch."""
        letters = others = 0
        new: dict[int, list[Matrix]] = {}
        for one in series:
            letters += len(one.name) + len(one.path)
            array = _owner(one)
            if id(array) not in self._arrays:
                new.setdefault(id(array), []).append(array)
            else:
                others += 1
        for key, arrays in new.items():
            points = arrays[0].size + SERIES_POINTS * len(arrays)
            self._arrays[key] = ref(arrays[0], self._let_go(key, points))
            self.held += points
        self.room(letters // NAME_LETTERS + SERIES_POINTS * others)

    def _let_go(self, key: int, points: int) -> Callable[[object], None]:
        return partial(self._forget, key, points)

    def _forget(self, key: int, points: int, _: object) -> None:
        del self._arrays[key]
        self.held -= points


def _owner(one: Series) -> Matrix:
    """The array that the values of a series lie in."""
    base = one.values.base
    return base if isinstance(base, np.ndarray) else one.values

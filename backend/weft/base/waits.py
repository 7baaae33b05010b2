"""How long one request waits for engines: for all that it asks of them together, as long as for one answer.

A request asks for several things one after another. If each had all the time there is, an engine that is slow, ends or
has just come back would keep a reader for a multiple of it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any


class _Waits:
    """What one request has waited so far; where it waits for several things at once, that counts once."""

    def __init__(self) -> None:
        self._spent_s = self._since_s = 0.0
        self._under_way = 0

    def spent_s(self) -> float:
        """Seconds, with what is under way."""
        return self._spent_s + (time.monotonic() - self._since_s if self._under_way else 0.0)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """The block waits."""
        if not self._under_way:
            self._since_s = time.monotonic()
        self._under_way += 1
        try:
            yield
        finally:
            self._spent_s, self._since_s = self.spent_s(), time.monotonic()
            self._under_way -= 1


_OF_REQUEST: ContextVar[_Waits | None] = ContextVar("waits", default=None)


@contextmanager
def one_request() -> Iterator[None]:
    """What the block, and tasks that it starts, wait for is one request's. Outside of one each wait is by itself."""
    token = _OF_REQUEST.set(_Waits())
    try:
        yield
    finally:
        _OF_REQUEST.reset(token)


@asynccontextmanager
async def within(most_s: float) -> AsyncIterator[float]:
    """Wait for an engine, no longer than what this request has left of `most_s`; gives that, in seconds.

    Raises:
        TimeoutError: that is over, or was before.
    """
    waits = _OF_REQUEST.get() or _Waits()
    left_s = most_s - waits.spent_s()
    if left_s <= 0:
        raise TimeoutError
    with waits.counting():
        async with asyncio.timeout(left_s):
            yield left_s


async def for_task(task: asyncio.Task[Any], most_s: float | None) -> None:
    """Wait for the end of a task that asks engines for many; it goes on when this request does not wait any longer.

    Args:
        most_s: as of `within`; None, or outside of a request: until the task has ended.
    Raises:
        TimeoutError: that is over, or was before.
    """
    if most_s is None or _OF_REQUEST.get() is None:
        await asyncio.wait((task,))
        return
    async with within(most_s):
        await asyncio.wait((task,))

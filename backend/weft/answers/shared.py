"""What is worked out once for all who ask: by a task of its own, so that the next one finds what a request began."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Hashable
from contextvars import Context
from typing import Any, Generic, TypeVar

from weft.answers.recent import Recent
from weft.base import waits
from weft.base.errors import ServiceError, Unavailable

log = logging.getLogger(__name__)

V = TypeVar("V")


class Shared(Generic[V]):
    """Values by key, made one at a time, as they are large; a key holds everything that a value depends on.

    A making goes on when whoever began it is told to ask again, has left or is late: its reads are no request's, so
    each has the time that an engine gives to one.

    Args:
        what: the value in a sentence: "The table".
        most: how many are kept, the newest.
        patience_s: how long a request waits for engines in all; None: until the value is made.
    """

    def __init__(self, what: str, most: int, patience_s: float | None) -> None:
        self._what, self._patience_s = what, patience_s
        self._held: Recent[V] = Recent(most)
        self._making: tuple[Hashable, asyncio.Task[V]] | None = None
        self._waiting = 0

    async def get(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The value of a key, made now unless it was already; what goes wrong reaches all who wait for that key.

        Raises:
            Unavailable: it is still being made, or Weft ends.
        """
        while (value := self._held.get(key)) is None:
            made, task = self._making or self._begun(key, make)
            await self._ended(task)
            if task.cancelled():
                raise Unavailable("Weft ends.", fix="Ask again when it runs again.")
            if made == key:
                return task.result()
        return value

    async def close(self) -> None:
        """End what is being made."""
        if self._making is not None:
            _, task = self._making
            task.cancel()
            await asyncio.wait((task,))

    def _begun(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, V]]) -> tuple[Hashable, asyncio.Task[V]]:
        task = asyncio.create_task(make(), context=Context())
        self._making = key, task
        task.add_done_callback(lambda ended: self._keep(key, ended))
        return self._making

    def _keep(self, key: Hashable, ended: asyncio.Task[V]) -> None:
        """Before those who wait go on: the callback of a task that was added first is called first."""
        self._making = None
        if ended.cancelled():
            return
        exc = ended.exception()
        if exc is None:
            self._held.put(key, ended.result())
        elif not self._waiting:
            traceback = None if isinstance(exc, ServiceError) else exc
            log.warning("%s cannot be made, and nobody waits for it any more. %s", self._what, exc, exc_info=traceback)

    async def _ended(self, task: asyncio.Task[V]) -> None:
        """Wait for the end of a making, however it ends."""
        self._waiting += 1
        try:
            await waits.for_task(task, self._patience_s)
        except TimeoutError as exc:
            raise Unavailable(
                f"{self._what} is still being made: the inventory has not told it all within {self._patience_s:g} s.",
                fix="Ask again shortly. If that does not help, see the load of Neo4j and the log; neo4j.timeout_s says "
                "how long a reader waits.",
            ) from exc
        finally:
            self._waiting -= 1

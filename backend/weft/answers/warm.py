"""The present picture of every fabric, made before somebody asks for it: at 12,000 hosts it takes half a second."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from weft.answers import graph
from weft.answers.answers import Answers
from weft.answers.tables import Ask
from weft.base.access import LOCAL
from weft.base.errors import ServiceError
from weft.base.intervals import Interval

log = logging.getLogger(__name__)

LOOK_S = 1.0
"""How often a new sweep is looked for."""

REST = 4
"""How many times longer than it took the next one waits."""

PATIENCE_S = 2.0
"""How long a start waits for the first pictures; with an engine away they come later."""


@asynccontextmanager
async def kept_warm(answers: Answers, clock: Callable[[], int]) -> AsyncIterator[None]:
    """Have the pictures made, and made again after each change, until the block ends."""
    version = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            version = await warmed(answers, clock(), None)
    task = asyncio.create_task(_watch(answers, clock, version))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _watch(answers: Answers, clock: Callable[[], int], version: int | None) -> None:
    spent_s = 0.0
    while True:
        # While a year of sweeps comes in, most of the time is theirs.
        await asyncio.sleep(max(LOOK_S, REST * spent_s))
        began = time.monotonic()
        try:
            version = await warmed(answers, clock(), version)
        except Exception:  # it would only have been sooner: whoever asks meets the same, and is told
            log.exception("a picture cannot be made ahead")
        spent_s = time.monotonic() - began


async def warmed(answers: Answers, now_ms: int, known: int | None) -> int | None:
    """Make the pictures unless the version is the known one; returns the version, None where it could not be done.

    What goes wrong is told to whoever asks for the picture.
    """
    with contextlib.suppress(ServiceError):
        version = await answers.site.fabrics.version()
        if version != known:
            ask = Ask(LOCAL, Interval(now_ms, now_ms + 1), now_ms)
            for span in await answers.site.fabrics.fabrics():
                await graph.nodes(answers, ask, fabric=span.name)
                await graph.edges(answers, ask, fabric=span.name)
        return version
    return None

"""What the routes talk to: the engines of one site, opened once and handed to every request."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Request

from weft.answers.catalog import Answers
from weft.answers.site import Site
from weft.base.config import Settings
from weft.base.errors import Unavailable
from weft.base.spool import Spool
from weft.ingest.importer import Importer
from weft.metrics.evaluate import Engine
from weft.metrics.store import TagKeeper


def system_clock() -> int:
    """Now, in epoch ms."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of one site. `importer` is None in a process that does not own the data folder.

    Any process may spool, and say by `tagging` which series are found by their tags.
    """

    settings: Settings
    site: Site
    answers: Answers
    series: Engine
    importer: Importer | None
    spool: Spool
    tagging: TagKeeper
    clock: Callable[[], int] = system_clock


async def engines_of(request: Request) -> Engines:
    """The engines, as a dependency; not a plain function: that FastAPI would call in a thread.

    Raises:
        Unavailable: they are still being opened.
    """
    engines: Engines | None = getattr(request.app.state, "engines", None)
    if engines is None:
        raise Unavailable("Weft is still opening its engines.", fix="Try again in a moment; /readyz tells when.")
    return engines

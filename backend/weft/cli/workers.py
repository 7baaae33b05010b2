"""`weft serve --workers N`: processes that answer over one listening socket, watched by the folder's owner."""

import asyncio
import logging
import multiprocessing
import signal
import time
from multiprocessing.context import SpawnProcess
from socket import socket

from weft.answers.warm import kept_warm
from weft.app import create_app, open_engines
from weft.base.config import Settings
from weft.base.errors import ServiceError
from weft.base.memory import frugal
from weft.cli.serving import GRACE_S, on_signals, serve_until_stopped

log = logging.getLogger(__name__)

END_S = GRACE_S + 2.0
"""How long a worker may take to end before it is killed."""
AGAIN_S = 1.0
"""A worker that died is started again so long after its start at the earliest."""

_SPAWN = multiprocessing.get_context("spawn")  # a fork would share the owner's threads and engines


async def watch_until_stopped(settings: Settings, listening: socket, count: int) -> None:
    """Keep so many workers running until SIGINT or SIGTERM, then end them all."""
    stopped = asyncio.Event()
    with on_signals(stopped.set):
        watched = [asyncio.create_task(_keep(settings, listening, number, stopped)) for number in range(1, count + 1)]
        await asyncio.gather(*watched)


async def _keep(settings: Settings, listening: socket, number: int, stopped: asyncio.Event) -> None:
    """Run one worker, and another one each time it dies."""
    while not stopped.is_set():
        began_s = time.monotonic()
        worker = _SPAWN.Process(target=work, args=(settings, listening), name=f"weft-worker-{number}", daemon=True)
        worker.start()
        ended = asyncio.create_task(_ended(worker))
        stopping = asyncio.create_task(stopped.wait())
        await asyncio.wait((ended, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not stopped.is_set():
            log.warning("worker %s (process %s) died with status %s", number, worker.pid, worker.exitcode)
            await asyncio.wait((stopping,), timeout=max(0.0, began_s + AGAIN_S - time.monotonic()))
        stopping.cancel()
        worker.terminate()
        await asyncio.wait((ended,), timeout=END_S)
        worker.kill()
        await ended


async def _ended(worker: SpawnProcess) -> None:
    """Wait for the end of a process."""
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(worker.sentinel, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(worker.sentinel)
    worker.join()


def work(settings: Settings, listening: socket) -> None:
    """What a worker does: answer until it is told to end, or its owner has gone."""
    frugal()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C reaches all of them; the owner tells when to end
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    owner = multiprocessing.parent_process()
    if owner is None:
        raise TypeError("a worker has an owner")
    try:
        asyncio.run(_worked(settings, listening, owner.sentinel))
    except ServiceError as exc:
        log.error("%s", exc)
        raise SystemExit(1) from exc


async def _worked(settings: Settings, listening: socket, owner: int) -> None:
    async with open_engines(settings, owner=False) as engines, kept_warm(engines.answers, engines.clock):
        await serve_until_stopped(create_app(settings, engines), listening, (signal.SIGTERM,), owner)

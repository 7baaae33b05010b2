"""A server that is bound before anything slow is done and ends within two seconds of Ctrl-C or SIGTERM."""

import asyncio
import errno
import gc
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from weft.base.errors import Unavailable
from weft.ingest.spooling import Applier

GRACE_S = 1
"""How long answers that are under way may take when the server is told to end."""
TRIED = 50
"""Ports looked at for one to name instead of one that is taken."""


def bind(host: str, port: int) -> socket.socket:
    """Listen there. Raises Unavailable: the port is taken (the message names a free one), or no such address."""
    try:
        return _listen(host, port)
    except OSError as exc:
        if exc.errno != errno.EADDRINUSE:
            what = f"Weft cannot listen on {host} port {port}: {exc.strerror or exc}."
            raise Unavailable(what, fix="Give another --host or --port.") from exc
    for other in range(port + 1, min(port + TRIED, 65536)):
        try:
            _listen(host, other).close()
        except OSError:
            continue
        raise Unavailable(f"Port {port} on {host} is taken by another process.", fix=f"Give --port {other}.")
    raise Unavailable(f"Port {port} on {host} and those after it are taken.", fix="Give another --port.")


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    # Connections have this from it; asyncio sets it only where a socket names its protocol. Without it the kernel keeps
    # an answer's body until the client has acknowledged its headers, for 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def url_of(listening: socket.socket) -> str:
    """Where a browser on this machine finds the server."""
    host, port = listening.getsockname()[:2]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}"


class _Server(uvicorn.Server):
    """uvicorn raises a signal again after its end, which would kill the process before the engines are closed."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `serve_until_stopped`."""
        yield


@asynccontextmanager
async def applying(applier: Applier) -> AsyncIterator[None]:
    """Apply what is handed in through the spool while the block runs."""
    task = asyncio.create_task(applier.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextmanager
def on_signals(stop: Callable[[], None], numbers: Sequence[int] = (signal.SIGINT, signal.SIGTERM)) -> Iterator[None]:
    """Call something, in the running loop, at each of these signals while the block runs."""
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def serve_until_stopped(
    app: ASGIApp, listening: socket.socket, numbers: Sequence[int] = (signal.SIGINT, signal.SIGTERM), alive: int = -1
) -> None:
    """Serve until a signal; a second one does not wait for answers under way.

    Args:
        alive: a file that can be read once nobody needs this server any more; -1: there is none.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # who asks is the peer's address, not what a header claims (a Grafana here adds one)
        timeout_graceful_shutdown=GRACE_S,
        lifespan="off",  # whoever calls this has opened the engines and closes them
    )
    server = _Server(config)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True

    def stop_once() -> None:
        loop.remove_reader(alive)
        stop()

    if alive >= 0:
        loop.add_reader(alive, stop_once)
    with on_signals(stop, numbers):
        gc.collect()
        gc.freeze()  # what is loaded now stays: walking it again takes 70 ms, several times while a big answer is made
        await server.serve(sockets=[listening])

"""carbon-cache and carbon-relay 1.1.7 as Debian has them; a cache writes a whisper tree of the caller's."""

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.services import process

SETTINGS = {
    "LINE_RECEIVER_INTERFACE": "127.0.0.1",
    "PICKLE_RECEIVER_INTERFACE": "127.0.0.1",
    "CACHE_QUERY_INTERFACE": "127.0.0.1",
    "ENABLE_UDP_LISTENER": False,
    "MAX_CACHE_SIZE": "inf",
    # Debian's own file says 50 a minute, to spare disks.
    "MAX_CREATES_PER_MINUTE": "inf",
    "MAX_UPDATES_PER_SECOND": 1000,
    "MAX_UPDATES_PER_SECOND_ON_SHUTDOWN": "inf",
    "LOG_UPDATES": False,
    "LOG_CREATES": False,
    "LOG_CACHE_HITS": False,
    # Its metrics about itself, and what it would tell a graphite-web that is not there.
    "CARBON_METRIC_INTERVAL": 0,
    "ENABLE_TAGS": False,
}
STALLED = {"MAX_UPDATES_PER_SECOND": 0.01}
"""Settings of a cache that is to write nothing; see `stall`."""
SCHEMAS = "[all]\npattern = .*\nretentions = {}\n"
AGGREGATION = "[all]\npattern = .*\nxFilesFactor = 0\naggregationMethod = {}\n"


def is_installed() -> bool:
    """Whether carbon is there."""
    return shutil.which("carbon-cache") is not None


class Daemon(process.Service):
    """One of carbon's programs, on a folder with its settings.

    Args:
        section: of the settings, which the program is called after.
    """

    def __init__(self, folder: Path, section: str, settings: Mapping[str, object], port: int) -> None:
        self._folder, self._program, self._port = folder, f"carbon-{section}", port
        folder.mkdir(parents=True, exist_ok=True)
        told = {**settings, **dict.fromkeys(("STORAGE_DIR", "CONF_DIR", "LOG_DIR", "PID_DIR"), folder)}
        lines = "".join(f"{name} = {value}\n" for name, value in told.items())
        (folder / "carbon.conf").write_text(f"[{section}]\n{lines}")
        (folder / "storage-schemas.conf").touch()

    def _start(self) -> process.Process:
        folder = str(self._folder)
        number = self._folder / "carbon.pid"
        number.unlink(missing_ok=True)
        command = [self._program, f"--config={folder}/carbon.conf", f"--pidfile={number}", f"--logdir={folder}"]
        environment = {
            **os.environ,
            "GRAPHITE_ROOT": folder,
            "GRAPHITE_CONF_DIR": folder,
            "GRAPHITE_STORAGE_DIR": folder,
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore",
        }
        return process.started(
            [*command, "--nodaemon", "start"], self._folder / "output", lambda _: process.answers(self._port),
            environment=environment,
        )  # fmt: skip


class Server(Daemon):
    """A carbon-cache on one tree: ports of lines, of pickles, and of questions about what is not written yet.

    Args:
        folder: for its settings and, unless `tree` names another, the tree, `whisper`.
        retentions, method: of new files, as carbon's own files say.
        settings: over SETTINGS.
    """

    def __init__(
        self,
        folder: Path,
        retentions: str = "1m:7d",
        method: str = "last",
        *,
        tree: Path | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        self.tree = tree or folder / "whisper"
        self.tree.mkdir(parents=True, exist_ok=True)
        self.line_port, self.pickle_port, self.query_port = (process.free_port() for _ in range(3))
        ports = {
            "LOCAL_DATA_DIR": self.tree,
            "LINE_RECEIVER_PORT": self.line_port,
            "PICKLE_RECEIVER_PORT": self.pickle_port,
            "CACHE_QUERY_PORT": self.query_port,
        }
        super().__init__(folder, "cache", {**SETTINGS, **(settings or {}), **ports}, self.query_port)
        (folder / "storage-schemas.conf").write_text(SCHEMAS.format(retentions))
        (folder / "storage-aggregation.conf").write_text(AGGREGATION.format(method))
        self._process = self._start()

    def send(self, points: Iterable[tuple[str, float, int]]) -> None:
        """Send metrics as lines: name, value, time (epoch s). They are in its cache, and in files a little later."""
        send(self.line_port, points)

    def stall(self) -> None:
        """Have it write nothing of what it is sent from now on; for one with the settings STALLED, to be killed then.

        It takes a first metric out of its cache, and waits 100 s for its turn to write it.
        """
        self.send([("stalled", 0.0, int(time.time()))])
        while not (self.tree / "stalled.wsp").exists():
            time.sleep(0.05)


class Relay(Daemon):
    """A carbon-relay that hands each metric to one of several caches by its hash ring; `a`, `b`, ... are instances."""

    def __init__(self, folder: Path, caches: Sequence[Server]) -> None:
        self.line_port = process.free_port()
        destinations = [f"127.0.0.1:{cache.pickle_port}:{instance(i)}" for i, cache in enumerate(caches)]
        settings = {
            "LINE_RECEIVER_INTERFACE": "127.0.0.1",
            "LINE_RECEIVER_PORT": self.line_port,
            "PICKLE_RECEIVER_PORT": 0,
            "RELAY_METHOD": "consistent-hashing",
            "DESTINATIONS": ", ".join(destinations),
            "CARBON_METRIC_INTERVAL": 0,
        }
        super().__init__(folder, "relay", settings, self.line_port)
        self._process = self._start()

    def send(self, points: Iterable[tuple[str, float, int]]) -> None:
        """Send metrics as lines; they are in the caches a little later."""
        send(self.line_port, points)


def instance(number: int) -> str:
    """What a relay calls its caches, from the first on."""
    return "abcdefgh"[number]


def send(port: int, points: Iterable[tuple[str, float, int]]) -> None:
    """Send metrics as lines, and wait until carbon has read them: it hangs up then."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall("".join(f"{name} {value} {at_s}\n" for name, value, at_s in points).encode())
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass


@contextlib.contextmanager
def serving(
    folder: Path,
    retentions: str = "1m:7d",
    method: str = "last",
    *,
    tree: Path | None = None,
    settings: Mapping[str, object] | None = None,
) -> Iterator[Server]:
    """A carbon-cache until the block ends; see Server.

    Raises:
        RuntimeError: it does not start; with the end of what it printed.
    """
    server = Server(folder, retentions, method, tree=tree, settings=settings)
    try:
        yield server
    finally:
        server.stop()

"""carbon-cache 1.1.7 as Debian has it, which writes a whisper tree of the caller's."""

import contextlib
import os
import shutil
import socket
from collections.abc import Iterable, Iterator
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
SCHEMAS = "[all]\npattern = .*\nretentions = {}\n"
AGGREGATION = "[all]\npattern = .*\nxFilesFactor = 0\naggregationMethod = {}\n"


def is_installed() -> bool:
    """Whether carbon-cache is there."""
    return shutil.which("carbon-cache") is not None


class Server(process.Service):
    """A carbon-cache on one tree: ports of lines, of pickles, and of questions about what is not written yet.

    Args:
        folder: for its settings and the tree, `whisper`. retentions, method: of new files, as carbon's own files say.
    """

    def __init__(self, folder: Path, retentions: str = "1m:7d", method: str = "last") -> None:
        self.tree = folder / "whisper"
        self.line_port, self.pickle_port, self.query_port = (process.free_port() for _ in range(3))
        self._folder = folder
        self.tree.mkdir(parents=True, exist_ok=True)
        settings = SETTINGS | {
            "STORAGE_DIR": folder,
            "CONF_DIR": folder,
            "LOG_DIR": folder,
            "PID_DIR": folder,
            "LOCAL_DATA_DIR": self.tree,
            "LINE_RECEIVER_PORT": self.line_port,
            "PICKLE_RECEIVER_PORT": self.pickle_port,
            "CACHE_QUERY_PORT": self.query_port,
        }
        told = "".join(f"{name} = {value}\n" for name, value in settings.items())
        (folder / "carbon.conf").write_text(f"[cache]\n{told}")
        (folder / "storage-schemas.conf").write_text(SCHEMAS.format(retentions))
        (folder / "storage-aggregation.conf").write_text(AGGREGATION.format(method))
        self._process = self._start()

    def send(self, points: Iterable[tuple[str, float, int]]) -> None:
        """Send metrics as lines: name, value, time (epoch s). They are in its cache, and in files a little later."""
        with socket.create_connection(("127.0.0.1", self.line_port)) as connection:
            connection.sendall("".join(f"{name} {value} {at_s}\n" for name, value, at_s in points).encode())

    def _start(self) -> process.Process:
        folder = str(self._folder)
        number = self._folder / "carbon.pid"
        number.unlink(missing_ok=True)
        command = ["carbon-cache", f"--config={folder}/carbon.conf", f"--pidfile={number}", f"--logdir={folder}"]
        environment = {
            **os.environ,
            "GRAPHITE_ROOT": folder,
            "GRAPHITE_CONF_DIR": folder,
            "GRAPHITE_STORAGE_DIR": folder,
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore",
        }
        return process.started(
            [*command, "--nodaemon", "start"], self._folder / "output", lambda _: process.answers(self.query_port),
            environment=environment,
        )  # fmt: skip


@contextlib.contextmanager
def serving(folder: Path, retentions: str = "1m:7d", method: str = "last") -> Iterator[Server]:
    """A carbon-cache until the block ends.

    Raises:
        RuntimeError: it does not start; with the end of what it printed.
    """
    server = Server(folder, retentions, method)
    try:
        yield server
    finally:
        server.stop()

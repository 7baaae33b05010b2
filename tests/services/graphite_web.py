"""graphite-web 1.1.10 in a venv of its own, and one server of it on a whisper tree.

It runs as quick as it can be made without changing what it answers: gunicorn, no logs, no cache (its default), and the
question to carbon-cache, which every series costs (with none running: an error logged with its traceback), cut short.
"""

import contextlib
import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.services import process

VERSION = "1.1.10"
LOCK = Path(__file__).with_name("graphite-web.lock")
CARBON_LINK = "cut short in the wsgi file (no carbon-cache runs)"
SETTINGS = """
SECRET_KEY = "only ever on loopback"
ALLOWED_HOSTS = ["127.0.0.1"]
TIME_ZONE = "UTC"
WHISPER_DIR = {tree!r}
STANDARD_DIRS = [WHISPER_DIR]
CARBONLINK_HOSTS = []
LOG_ROTATION = False
LOG_INFO_PERFORMANCE = False
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {folder!r} + "/graphite.db"}}}}
"""
WSGI = """
import logging
from graphite.wsgi import application
import graphite.readers.whisper
graphite.readers.whisper.merge_with_carbonlink = lambda metric, start, step, values, *rest: values
logging.disable(logging.CRITICAL)
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers: where, and the process that does the work."""

    url: str
    worker: int


def install() -> Path:
    """Make the venv unless it is there; its Python.

    Raises:
        RuntimeError: a Python that graphite-web cannot run on. CalledProcessError: pip failed, its words are on stderr.
    """
    if sys.version_info >= (3, 12):
        raise RuntimeError("graphite-web 1.1.10 needs a Python below 3.12 (it imports `imp`); run this with 3.11.")
    return process.installed(_folder(), _make) / "bin" / "python"


def is_installed() -> bool:
    """Whether install() has nothing left to do."""
    return (_folder() / "installed").exists()


def _folder() -> Path:
    return process.cached(LOCK.read_bytes(), sys.version.encode(), name="graphite-web")


def _make(folder: Path) -> None:
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    first = folder / "first.txt"
    first.write_text("\n".join(_builders(LOCK.read_text())))
    _pip(python, first)
    _pip(python, LOCK)


def _builders(lock: str) -> list[str]:
    """The lock's entries of what builds the rest: they must be there before it."""
    names = ("setuptools==", "wheel==", "packaging==")
    return [entry for entry in re.split(r"\n(?=\S)", lock) if entry.startswith(names)]


def _pip(python: Path, requirements: Path) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    # Without the variable, graphite-web's set-up puts itself into /opt.
    environment = {**os.environ, "GRAPHITE_NO_PREFIX": "1"}
    subprocess.run([*command, "--no-build-isolation", "-r", str(requirements)], check=True, env=environment)


@contextlib.contextmanager
def serving(tree: Path) -> Iterator[Server]:
    """A graphite-web with one worker on the tree, until the block ends.

    Raises:
        RuntimeError: it does not start; with the end of what it printed.
    """
    python = install()
    with TemporaryDirectory(prefix="weft-graphite-web-") as name:
        folder = Path(name)
        (folder / "log" / "webapp").mkdir(parents=True)
        (folder / "peer_settings.py").write_text(SETTINGS.format(tree=str(tree), folder=name))
        (folder / "peer_wsgi.py").write_text(WSGI)
        environment = {
            **os.environ,
            "PYTHONPATH": name,
            "PYTHONWARNINGS": "ignore",
            "DJANGO_SETTINGS_MODULE": "graphite.settings",
            "GRAPHITE_SETTINGS_MODULE": "peer_settings",
            "GRAPHITE_STORAGE_DIR": name,
            "GRAPHITE_CONF_DIR": name,
        }
        migrate = [str(python), "-m", "django", "migrate", "--run-syncdb", "-v", "0"]
        process.run(migrate, environment=environment, folder=folder)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            command = [str(python), "-m", "gunicorn", "-w", "1", "-t", "300", "--log-level", "error"]
            server = process.started(
                [*command, "-b", f"fd://{listener.fileno()}", "peer_wsgi:application"],
                folder / "output", lambda _: finds(url), environment=environment, folder=folder,
                pass_fds=[listener.fileno()],
            )  # fmt: skip
        try:
            children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
            yield Server(url, int(children[0]))
        finally:
            server.stop()


def finds(url: str) -> bool:
    """Whether it answers a question. Raises OSError: not yet. RuntimeError: it never will."""
    try:
        with urllib.request.urlopen(f"{url}/metrics/find?query=*", timeout=process.START_S) as answer:
            answer.read()
    except urllib.error.HTTPError as exc:
        said = exc.read().decode(errors="replace")
        raise RuntimeError(f"graphite-web answers {exc.code}: {said[-1000:]}") from exc
    return True

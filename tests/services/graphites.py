"""What both Graphites in Python need: a venv from a lock file of its own, and gunicorn with one worker."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.services import process


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers: where, and the process that does the work."""

    url: str
    worker: int


def installed(lock: Path, name: str) -> Path:
    """The Python of a venv with all that a lock file names; made first unless it is there.

    Raises:
        CalledProcessError: pip failed, its words are on stderr.
    """
    return process.installed(_folder(lock, name), lambda folder: _make(folder, lock)) / "bin" / "python"


def is_installed(lock: Path, name: str) -> bool:
    """Whether installed() has nothing left to do."""
    return (_folder(lock, name) / "installed").exists()


def _folder(lock: Path, name: str) -> Path:
    return process.cached(lock.read_bytes(), sys.version.encode(), name=name)


def _make(folder: Path, lock: Path) -> None:
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    first = folder / "first.txt"
    first.write_text("\n".join(_builders(lock.read_text())))
    _pip(python, first)
    _pip(python, lock)


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
def answering(python: Path, folder: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """`peer_wsgi.py` of a folder under gunicorn with one worker, until the block ends.

    Raises:
        RuntimeError: it does not start; with the end of what it printed.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = [str(python), "-m", "gunicorn", "-w", "1", "-t", "300", "--log-level", "error"]
        server = process.started(
            [*command, "-b", f"fd://{listener.fileno()}", "peer_wsgi:application"],
            folder / "output", lambda _: finds(url), folder=folder, pass_fds=[listener.fileno()],
            environment={**environment, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"},
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
        raise RuntimeError(f"It answers {exc.code}: {said[-1000:]}") from exc
    return True

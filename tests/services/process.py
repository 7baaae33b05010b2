"""What every server that tests start needs: a cache outside the clone, a free port, a start that waits, an end."""

import abc
import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

START_S = 90
"""A JVM on a busy machine takes long; a server that is broken says so by ending."""

STOP_S = 20


def cached(*made_from: bytes, name: str) -> Path:
    """The folder in the cache for what is made from these bytes (lock files, sources), whether it is there or not."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(b"\0".join(made_from)).hexdigest()[:16]
    return cache / "weft" / f"{name}-{digest}"


def installed(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, made by `make(folder)` unless it was made whole before; two at once wait for one another."""
    done = folder / "installed"
    if done.exists():
        return folder
    with turn(folder):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@contextlib.contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Wait until no other process works on a folder of the cache; the next one waits until the block ends."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None, folder: Path | None = None) -> None:
    """Run a step of an installation; its words are shown only when it fails.

    Raises:
        RuntimeError: it is not there or failed, with the end of what it printed.
    """
    try:
        done = subprocess.run(
            command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, cwd=folder
        )
    except FileNotFoundError:
        raise RuntimeError(f"`{command[0]}` is not there; `make services` installs it.") from None
    if done.returncode:
        raise RuntimeError(f"`{' '.join(command)}` failed: {done.stdout.decode(errors='replace')[-3000:]}")


def free_port() -> int:
    """A port of loopback that is free, below those that Linux gives to who asks for any (from 32768 on).

    A server takes seconds until it listens there, and others of ours look for ports meanwhile.
    """
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@dataclass(frozen=True, slots=True)
class Process:
    """A server that was started: its process, and the file with all that it printed."""

    popen: subprocess.Popen[bytes]
    output: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    def kill(self) -> None:
        """End it at once, as a power cut would: nothing is flushed."""
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()

    def stop(self) -> None:
        """Ask it to end and wait until it has; one that does not is killed."""
        if self.popen.poll() is not None:
            return
        self.popen.terminate()
        try:
            self.popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def printed(self) -> str:
        """The end of what it printed."""
        return self.output.read_text(errors="replace")[-3000:]


def started(
    command: Sequence[str],
    output: Path,
    ready: Callable[[Process], bool],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> Process:
    """Start a server and wait until `ready` says so; the caller ends it.

    Args:
        ready: asked ten times a second; an OSError means not yet.
    Raises:
        RuntimeError: it is not there, ended, or is not ready within START_S; with the end of what it printed.
    """
    with output.open("ab") as log:
        try:
            popen = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, cwd=folder, pass_fds=pass_fds, start_new_session=True
            )
        except FileNotFoundError:
            raise RuntimeError(f"`{command[0]}` is not there; `make services` installs it.") from None
    process = Process(popen, output)
    give_up = time.monotonic() + START_S
    while popen.poll() is None and time.monotonic() < give_up:
        with contextlib.suppress(OSError):
            if ready(process):
                return process
        time.sleep(0.1)
    process.stop()
    raise RuntimeError(f"`{command[0]}` does not start: {process.printed()}")


def answers(port: int) -> bool:
    """Whether something listens on a port of loopback."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


class Service(abc.ABC):
    """A server on one folder and one port, which may be ended and started again with all that it kept."""

    _process: Process
    """Set by whoever makes it, from `_start()`."""

    @abc.abstractmethod
    def _start(self) -> Process:
        """Start it and wait until it is ready."""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def kill(self) -> None:
        """End it as a power cut would: nothing is flushed."""
        self._process.kill()

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._process.stop()

    def restart(self) -> None:
        """Start it again; one that runs is stopped before."""
        self.stop()
        self._process = self._start()

    def printed(self) -> str:
        """The end of what it printed."""
        return self._process.printed()

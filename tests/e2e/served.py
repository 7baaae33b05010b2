"""`weft serve` in a process of its own, as a person starts it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

WEFT = Path(sys.executable).parent / "weft"
ENVIRONMENT = {**os.environ, "WEFT_SITE__TIMEZONE": "UTC", "WEFT_METRICS__RETENTION": "1m:1h"}
PATIENCE_S = 60


def weft(*args: str | Path, environment: Mapping[str, str] = ENVIRONMENT) -> subprocess.CompletedProcess[str]:
    """Run a command of ours to its end."""
    return subprocess.run(
        [WEFT, *args], check=False, capture_output=True, text=True, env=environment, timeout=PATIENCE_S
    )


class Served:
    """A server of a data folder, on a free port; its stderr is in a file. It ends with the block at the latest."""

    def __init__(self, data: Path, *args: str, environment: Mapping[str, str] = ENVIRONMENT) -> None:
        self.log = data.with_name(f"{data.name}.log")
        with self.log.open("w") as out:
            self._process = subprocess.Popen(
                [WEFT, "serve", "--data", data, "--port", "0", *args], stderr=out, env=environment
            )
        self.pid = self._process.pid
        self.url = self._said()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _said(self) -> str:
        began = time.monotonic()
        while time.monotonic() - began < PATIENCE_S and self._process.poll() is None:
            words = self.log.read_text().split()
            address = next((word for word in words if word.startswith("http://")), "")
            if address.endswith(","):
                return address.rstrip(",")
            time.sleep(0.02)
        self.kill()
        pytest.fail(f"weft serve did not say where it is; it said:\n{self.log.read_text()}")

    def get(self, path: str) -> Any:
        """An answer's JSON, of a connection of its own, asked for until there is one."""
        began = time.monotonic()
        while True:
            try:
                return httpx.get(f"{self.url}{path}", timeout=10).json()
            except httpx.TransportError:
                if time.monotonic() - began > PATIENCE_S:
                    raise
                time.sleep(0.05)

    def workers(self) -> list[int]:
        """Process ids of the processes that answer for it."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """End it; its exit status, and how many seconds that took."""
        began = time.monotonic()
        self._process.send_signal(number)
        return self._process.wait(PATIENCE_S), time.monotonic() - began

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait(PATIENCE_S)


def gone(pid: int) -> bool:
    """Whether no such process runs any more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def until(what: str, done: Any, patience_s: float = PATIENCE_S) -> None:
    """Wait for something."""
    began = time.monotonic()
    while not done():
        if time.monotonic() - began > patience_s:
            pytest.fail(f"not within {patience_s} s: {what}")
        time.sleep(0.02)

"""`weft demo` in a process of its own, as a person starts it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

WEFT = Path(sys.executable).parent / "weft"
PATIENCE_S = 60


class LivingDemo:
    """`weft demo` in a process of its own, on a free port.

    Args:
        runner: the command that runs it. patience_s: how long it may take to its first answer.
    """

    def __init__(self, folder: Path, runner: Sequence[str] = (), patience_s: float = PATIENCE_S) -> None:
        self.folder, self.url, self.said = folder, "", ""
        self._runner, self._patience_s = runner, patience_s
        self.answered_after_s = 0.0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait for its first answer."""
        began = time.monotonic()
        log = self.folder.with_suffix(".log")
        with log.open("w") as out:
            self._process = subprocess.Popen(
                [*self._runner, WEFT, "demo", "--data", self.folder, "--port", "0"],
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
            )
        while time.monotonic() - began < self._patience_s and self._process.poll() is None:
            self.said = log.read_text()
            address = self.said.partition("Or over HTTP:\n  ")[2].partition("/\n")[0]
            if address and httpx.get(f"{address}/readyz").status_code == 200:
                self.url, self.answered_after_s = address, time.monotonic() - began
                return
            time.sleep(0.05)
        self.stop()
        pytest.fail(f"weft demo did not answer within {self._patience_s} s; it said:\n{log.read_text()}")

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """End it; its exit status, and how many seconds that took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(number)
        return self._process.wait(PATIENCE_S), time.monotonic() - began

    def weft(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run another command of ours beside it, on a terminal of 80 columns."""
        environment = {**os.environ, "COLUMNS": "80"}
        return subprocess.run(
            [WEFT, *args], check=False, capture_output=True, text=True, env=environment, timeout=PATIENCE_S
        )

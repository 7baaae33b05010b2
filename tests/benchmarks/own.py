"""Weft itself, as a site runs it: `weft import`, then `weft serve`."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.services.graphite_web import Server

START_S = 60
WEFT = [str(Path(sys.executable).with_name("weft"))]


@contextlib.contextmanager
def serving(data: Path, tree: Path, dump: Path) -> Iterator[Server]:
    """One process that serves the tree and knows the dump's fabric, until the block ends.

    Raises:
        RuntimeError: it does not start, with the end of what it printed. CalledProcessError: the import failed.
    """
    environment = {**os.environ, "WEFT_METRICS__PATH": str(tree), "WEFT_SITE__TIMEZONE": "UTC"}
    # Set for other programs on some machines; it takes numpy's fast paths away.
    environment.pop("OPENBLAS_CORETYPE", None)
    subprocess.run([*WEFT, "import", str(dump), "--data", str(data)], check=True, env=environment, stdout=sys.stderr)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    output = data.with_name("weft-output")
    with output.open("wb") as log:
        command = [*WEFT, "serve", "--data", str(data), "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait(process, f"http://127.0.0.1:{port}", output)
        yield Server(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, output: Path) -> None:
    give_up = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < give_up:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=START_S) as answer:
                answer.read()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(f"weft serve does not start: {output.read_text(errors='replace')[-2000:]}")

"""Weft itself, as a site runs it: `weft import`, then `weft serve`."""

import contextlib
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.services import process
from tests.services.graphites import Server

WEFT = [str(Path(sys.executable).with_name("weft"))]


@contextlib.contextmanager
def serving(data: Path, tree: Path, dumps: Sequence[Path]) -> Iterator[Server]:
    """One process that serves the tree and knows what is in the dumps, until the block ends.

    Raises:
        RuntimeError: it does not start, with the end of what it printed. CalledProcessError: the import failed.
    """
    environment = {**os.environ, "WEFT_METRICS__PATH": str(tree), "WEFT_SITE__TIMEZONE": "UTC"}
    # Set for other programs on some machines; it takes numpy's fast paths away.
    environment.pop("OPENBLAS_CORETYPE", None)
    subprocess.run(
        [*WEFT, "import", *map(str, dumps), "--data", str(data)], check=True, env=environment, stdout=sys.stderr
    )
    with served(data, environment) as server:
        yield server


@contextlib.contextmanager
def served(data: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """`weft serve` over a folder, until the block ends. Raises RuntimeError: it does not start."""
    port = process.free_port()
    url = f"http://127.0.0.1:{port}"
    command = [*WEFT, "serve", "--data", str(data), "--port", str(port)]
    server = process.started(command, data.with_name("weft-output"), lambda _: ready(url), environment=environment)
    try:
        yield Server(url, server.pid)
    finally:
        server.stop()


def ready(url: str) -> bool:
    """Whether a Weft says that it is ready. Raises OSError: not yet."""
    with urllib.request.urlopen(f"{url}/readyz", timeout=process.START_S) as answer:
        answer.read()
    return True

"""graphite-api 1.1.3 in a venv of its own, and one server of it on a whisper tree.

As quick as it can be made without changing what it answers: gunicorn, and none of the two lines that it logs for every
series.
"""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.services import graphites, venv
from tests.services.graphites import Server

VERSION = "1.1.3"
LOCK = Path(__file__).with_name("graphite-api.lock")
WSGI = """
import logging
from types import SimpleNamespace
from graphite_api.app import app as application
from graphite_api._vendor import whisper
now_s = {now_s}
if now_s is not None:
    whisper.time = SimpleNamespace(time=lambda: now_s)
logging.disable(logging.CRITICAL)
"""
"""A question cannot say `now`, as it can to graphite-web; which archive of a file is read depends on it."""
FUNCTIONS = """
import logging
logging.disable(logging.CRITICAL)
from graphite_api.functions import SeriesFunctions
print(*SeriesFunctions)
"""


def install() -> Path:
    """Make the venv unless it is there; its Python.

    Raises:
        CalledProcessError: pip failed, its words are on stderr.
    """
    return venv.installed(LOCK, "graphite-api") / "bin" / "python"


def is_installed() -> bool:
    """Whether install() has nothing left to do."""
    return venv.is_installed(LOCK, "graphite-api")


def functions() -> frozenset[str]:
    """The names of the functions that it has."""
    told = subprocess.run([str(install()), "-W", "ignore", "-c", FUNCTIONS], check=True, capture_output=True, text=True)
    return frozenset(told.stdout.split())


@contextlib.contextmanager
def serving(tree: Path, now_s: int | None = None) -> Iterator[Server]:
    """A graphite-api with one worker on the tree, until the block ends.

    Args:
        now_s: what it takes for now when it reads a file; None: the time that it is.
    Raises:
        RuntimeError: it does not start; with the end of what it printed.
    """
    python = install()
    with TemporaryDirectory(prefix="weft-graphite-api-") as name:
        folder = Path(name)
        # JSON is YAML too.
        settings = {"search_index": f"{name}/index", "whisper": {"directories": [str(tree)]}, "time_zone": "UTC"}
        (folder / "graphite-api.yaml").write_text(json.dumps(settings))
        (folder / "peer_wsgi.py").write_text(WSGI.format(now_s=now_s))
        environment = {**os.environ, "GRAPHITE_API_CONFIG": f"{name}/graphite-api.yaml"}
        with graphites.answering(python, folder, environment) as server:
            yield server

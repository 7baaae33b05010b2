"""carbon-cache as the tests start it: what it is sent is soon a tree that Weft reads."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import whisper
from tests.services import carbon

PATIENCE_S = 60
NAMES = [f"site.node{n // 10:03d}.m{n % 10}" for n in range(1000)]


@pytest.fixture
def carbon_server(tmp_path: Path) -> Iterator[carbon.Server]:
    """A carbon-cache of one's own."""
    with carbon.serving(tmp_path, "1s:10m") as server:
        yield server


def stored(server: carbon.Server, at_s: int) -> dict[str, float]:
    """The value of this second by name, of all files that have one."""
    found = {}
    for name in NAMES:
        path = server.tree / f"{name.replace('.', '/')}.wsp"
        # One that is not there yet, or is just being made.
        with contextlib.suppress(FileNotFoundError, whisper.CorruptWhisperFile):
            _, (value,) = whisper.fetch(str(path), at_s - 1, at_s)
            if value is not None:
                found[name] = value
    return found


def test_a_thousand_metrics_become_files_that_can_be_read(carbon_server: carbon.Server) -> None:
    now_s = int(time.time())
    wanted = {name: float(n) for n, name in enumerate(NAMES)}
    carbon_server.send((name, value, now_s) for name, value in wanted.items())
    give_up = time.monotonic() + PATIENCE_S
    while (found := stored(carbon_server, now_s)) != wanted and time.monotonic() < give_up:
        time.sleep(0.1)
    assert found == wanted

"""One living demo for all suites here."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.living import LivingDemo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivingDemo]:
    """A demo made from nothing."""
    living = LivingDemo(tmp_path_factory.mktemp("demo") / "demo-data")
    living.start()
    yield living
    status, _ = living.stop(signal.SIGINT)
    assert status == 0


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Real tool output, see data/README.md."""
    return Path(__file__).parents[1] / "data"

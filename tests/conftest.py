"""Shared by all suites."""

from pathlib import Path

import pytest

pytest_plugins = ["engines", "log_engines"]

DATA = Path(__file__).parent / "data"


@pytest.fixture
def anyio_backend() -> str:
    """The house runs on asyncio (uvicorn); trio is not a promise."""
    return "asyncio"


@pytest.fixture
def data() -> Path:
    """Real tool output, see data/README.md."""
    return DATA

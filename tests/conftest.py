"""Shared by all suites."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest_plugins = ["engines", "log_engines"]

DATA = Path(__file__).parent / "data"


@pytest.fixture(autouse=True, scope="session")
def _no_luck_with_memory() -> Iterator[None]:
    """`np.empty` gives what lay in memory before, which may be the right answer by chance: in tests it never is."""
    empty = np.empty

    def spoiled(*args: Any, **kwargs: Any) -> np.ndarray:
        made = empty(*args, **kwargs)
        if not made.dtype.hasobject:
            made.fill(np.frombuffer(b"\xaa" * made.itemsize, made.dtype)[0])
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "empty", spoiled)
        yield


@pytest.fixture
def anyio_backend() -> str:
    """The house runs on asyncio (uvicorn); trio is not a promise."""
    return "asyncio"


@pytest.fixture
def data() -> Path:
    """Real tool output, see data/README.md."""
    return DATA

"""Driving work that never suspends; what deriving does is tested with the stores in tests/contract."""

import asyncio

import pytest

from weft.inventory.sqlite.derive import driven


async def added(a: int, b: int) -> int:
    return a + b


async def waits() -> None:
    await asyncio.sleep(0)


async def fails() -> None:
    raise LookupError("nothing there")


def test_work_that_never_suspends_is_driven_to_its_end_without_a_loop() -> None:
    assert driven(added(1, 2)) == 3
    with pytest.raises(LookupError, match="nothing there"):
        driven(fails())


def test_work_that_suspends_is_a_mistake_and_is_closed() -> None:
    with pytest.raises(RuntimeError, match="suspended"):
        driven(waits())

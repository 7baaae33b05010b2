"""What one request waits for engines is counted once, whatever it asks of them, and ends when it is spent."""

import asyncio
from types import SimpleNamespace

import pytest

from weft.base import waits

pytestmark = pytest.mark.anyio


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waits, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


async def wait(clock: Clock, seconds: float, most_s: float = 10.0) -> float:
    """Wait so long for an engine; how long this might have lasted."""
    async with waits.within(most_s) as left_s:
        clock.now_s += seconds
    return left_s


async def test_what_a_request_asks_one_after_another_waits_together(clock: Clock) -> None:
    with waits.one_request():
        assert await wait(clock, 4.0) == 10.0
        clock.now_s += 50.0  # our own work
        assert await wait(clock, 5.0) == 6.0
        assert await wait(clock, 0.0, most_s=9.5) == 0.5, "another engine has its own limit, and the same reader"
        assert await wait(clock, 1.0) == 1.0
        with pytest.raises(TimeoutError):
            await wait(clock, 0.0)


async def test_requests_and_what_is_none_have_each_all_the_time(clock: Clock) -> None:
    for _ in range(2):
        assert await wait(clock, 9.0) == 10.0
    for _ in range(2):
        with waits.one_request():
            assert await wait(clock, 9.0) == 10.0


async def test_what_a_request_asks_at_once_counts_once(clock: Clock) -> None:
    all_ask = asyncio.Barrier(4)

    async def ask() -> None:
        async with waits.within(10.0):
            await all_ask.wait()
            await all_ask.wait()

    with waits.one_request():
        asking = [asyncio.create_task(ask()) for _ in range(3)]
        await all_ask.wait()
        clock.now_s += 3.0
        await all_ask.wait()
        await asyncio.gather(*asking)
        async with waits.within(10.0) as left_s:
            assert left_s == 7.0
            clock.now_s += 1.0
            async with waits.within(10.0) as left_s:
                assert left_s == 6.0
                clock.now_s += 1.0
        assert await wait(clock, 0.0) == 5.0


async def test_who_waits_for_a_task_that_asks_for_many_waits_as_well(clock: Clock) -> None:
    ends = asyncio.Event()
    task = asyncio.create_task(ends.wait())

    async def request() -> None:
        with waits.one_request():
            await waits.for_task(task, 10.0)
            assert await wait(clock, 0.0) == 8.0

    waiting = asyncio.create_task(request())
    await asyncio.sleep(0)
    clock.now_s += 2.0
    ends.set()
    await waiting


@pytest.mark.parametrize("spent_s", [0.0, 0.05])
async def test_a_task_goes_on_when_a_request_waits_no_longer(spent_s: float) -> None:
    ends = asyncio.Event()
    task = asyncio.create_task(ends.wait())
    with waits.one_request():
        async with waits.within(1.0):
            await asyncio.sleep(spent_s)
        with pytest.raises(TimeoutError):
            await waits.for_task(task, 0.05)
    assert not task.done()
    ends.set()
    assert await task


async def test_who_is_no_request_and_who_need_not_hurry_wait_until_the_end() -> None:
    task = asyncio.create_task(asyncio.sleep(0.05))
    await waits.for_task(task, 0.01)
    assert task.done()
    task = asyncio.create_task(asyncio.sleep(0.05))
    with waits.one_request():
        await waits.for_task(task, None)
    assert task.done()


async def test_an_engine_that_hangs_is_asked_once_by_a_request() -> None:
    tries = 0

    async def ask() -> None:
        nonlocal tries
        async with waits.within(0.05):
            tries += 1
            await asyncio.Event().wait()

    with waits.one_request():
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await ask()
    assert tries == 1

"""What many ask for is made once, in a task of its own: a request that cannot wait begins what the next one finds."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

import pytest

from unit import story
from weft.answers.answers import Answers
from weft.answers.shared import Shared
from weft.answers.tags import InventoryTags
from weft.base import waits
from weft.base.errors import Unavailable, UnknownName
from weft.base.intervals import Interval
from weft.fabric.model import PortKey
from weft.inventory.store import Connection, FabricView

pytestmark = pytest.mark.anyio

PATIENCE_S = 0.1
STILL = r"The table is still being made: the inventory has not told it all within 0\.1 s\. Ask again shortly\."


async def a_while() -> None:
    """Let all tasks go on that can; no clock decides how far."""
    for _ in range(20):
        await asyncio.sleep(0)


class Making:
    """A value that takes steps of an engine, each of which the test lets go; `made` are the keys that were begun."""

    def __init__(self, most: int = 1, patience_s: float | None = PATIENCE_S) -> None:
        self.shared: Shared[str] = Shared("The table", most, patience_s)
        self.made: list[object] = []
        self.steps, self.at_once = asyncio.Semaphore(0), 0
        self.fails: Exception | None = None

    async def ask(self, key: object = 1) -> str:
        """As a request does."""
        with waits.one_request():
            return await self.shared.get(key, lambda: self._make(key))

    def go(self) -> None:
        """Let one making end."""
        self.steps.release()

    async def _make(self, key: object) -> str:
        self.made.append(key)
        self.at_once += 1
        assert self.at_once == 1, "two at once"
        try:
            # Each read of it has the time of one, whatever the request that began it has waited.
            async with waits.within(60.0) as left_s:
                assert left_s == 60.0
                await self.steps.acquire()
        finally:
            self.at_once -= 1
        if self.fails is not None:
            raise self.fails
        return f"table {key}"


async def test_what_takes_longer_than_a_request_may_wait_is_there_for_the_next_one() -> None:
    making = Making()
    for _ in range(2):
        with pytest.raises(Unavailable, match=STILL):
            await making.ask()
    making.go()
    await a_while()
    assert await making.ask() == "table 1"
    assert making.made == [1]


async def test_a_request_waits_what_is_left_to_it_and_no_longer() -> None:
    making = Making(patience_s=0.05)
    with waits.one_request():
        async with waits.within(1.0):
            await asyncio.sleep(0.06)
        with pytest.raises(Unavailable, match="still being made"):
            await making.shared.get(1, lambda: making._make(1))
    await a_while()
    assert making.made == [1], "it is begun all the same"


async def test_all_who_ask_at_once_get_the_same() -> None:
    making = Making(patience_s=30.0)
    asking = [asyncio.create_task(making.ask()) for _ in range(5)]
    await a_while()
    making.go()
    found = await asyncio.gather(*asking)
    assert found == ["table 1"] * 5
    assert all(one is found[0] for one in found)
    assert making.made == [1]


async def test_others_are_made_one_after_another_and_the_newest_are_kept() -> None:
    making = Making(most=2, patience_s=30.0)
    asking = [asyncio.create_task(making.ask(key)) for key in (1, 2, 3, 1)]
    for _ in range(3):
        making.go()
    assert await asyncio.gather(*asking) == ["table 1", "table 2", "table 3", "table 1"]
    assert making.made == [1, 2, 3]
    assert await making.ask(3) == "table 3"
    making.go()
    assert await making.ask(1) == "table 1"
    assert making.made == [1, 2, 3, 1]


async def test_who_leaves_takes_nothing_from_those_who_wait() -> None:
    making = Making(patience_s=30.0)
    leaves, stays = asyncio.create_task(making.ask()), asyncio.create_task(making.ask())
    await a_while()
    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves
    making.go()
    assert await stays == "table 1"


async def test_what_goes_wrong_reaches_all_who_wait_for_it_and_is_tried_again_for_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    making = Making(patience_s=30.0)
    making.fails = UnknownName("Nothing was seen by then.", fix="Ask a later time.")
    asking = [asyncio.create_task(making.ask(key)) for key in (1, 1, 2)]
    await a_while()
    making.go()
    told = await asyncio.gather(*asking[:2], return_exceptions=True)
    assert told == [making.fails] * 2
    making.fails = None
    making.go()
    assert await asking[2] == "table 2", "of another key it says nothing"
    making.go()
    assert await making.ask(1) == "table 1"
    assert making.made == [1, 2, 1]
    assert not caplog.records, "who waited was told"


@pytest.mark.parametrize(
    ("fails", "traceback"), [(Unavailable("It is away.", fix="Start it."), False), (KeyError("a bug"), True)]
)
async def test_what_goes_wrong_after_all_have_left_is_in_the_log(
    caplog: pytest.LogCaptureFixture, fails: Exception, traceback: bool
) -> None:
    making = Making()
    making.fails = fails
    with pytest.raises(Unavailable, match="still being made"):
        await making.ask()
    assert not caplog.records
    making.go()
    await a_while()
    (record,) = caplog.records
    assert (record.levelno, bool(record.exc_info)) == (logging.WARNING, traceback)
    assert f"The table cannot be made, and nobody waits for it any more. {fails}" in record.getMessage()


async def test_an_engine_that_makes_nobody_late_is_waited_for() -> None:
    making = Making(patience_s=None)
    asking = asyncio.create_task(making.ask())
    await asyncio.sleep(0.05)
    making.go()
    assert await asking == "table 1"


async def test_a_command_waits_until_it_is_made() -> None:
    making = Making(patience_s=0.01)
    asking = asyncio.create_task(making.shared.get(1, lambda: making._make(1)))
    await asyncio.sleep(0.05)
    making.go()
    assert await asking == "table 1"


async def test_at_the_end_nothing_is_being_made_any_more() -> None:
    making = Making(patience_s=30.0)
    await making.shared.close()
    asking = [asyncio.create_task(making.ask(key)) for key in (1, 2)]
    await a_while()
    await making.shared.close()
    assert making.at_once == 0
    for told in await asyncio.gather(*asking, return_exceptions=True):
        assert isinstance(told, Unavailable)
    assert making.made == [1]


class Slow:
    """The story's inventory on an engine that does not tell about links until the test lets it."""

    def __init__(self) -> None:
        self._fabrics, self.tells, self.asked = story.fabrics(), asyncio.Event(), 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._fabrics, name)

    async def fabric(self, fabric: str, at_ms: int) -> FabricView:
        """Late."""
        await self._late()
        return await self._fabrics.fabric(fabric, at_ms)

    async def connections(
        self, fabric: str, window: Interval, ports: Sequence[PortKey] | None = None
    ) -> tuple[Connection, ...]:
        """Late."""
        await self._late()
        return await self._fabrics.connections(fabric, window, ports)

    async def _late(self) -> None:
        self.asked += 1
        async with asyncio.timeout(30.0):
            await self.tells.wait()


@pytest.mark.parametrize(("what", "told"), [("table", "The table of ports"), ("picture", "The picture of the fabric")])
async def test_an_answer_that_waits_too_long_for_what_all_share_finds_it_later(what: str, told: str) -> None:
    slow = Slow()
    answers = Answers(replace(story.answers().site, fabrics=slow, patience_s=PATIENCE_S))
    tags = InventoryTags(answers)

    async def ask() -> object:
        return await (tags.table() if what == "table" else answers.scene("ib", int(story.NOW)))

    for _ in range(2):
        with waits.one_request(), pytest.raises(Unavailable, match=f"{told} is still being made"):
            await ask()
    assert slow.asked == 1
    slow.tells.set()
    found = await ask()
    asked = slow.asked
    with waits.one_request():
        assert await ask() is found
    assert slow.asked == asked

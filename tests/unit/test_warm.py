"""The present picture is there before somebody asks for it, and nothing that fails there stops the server."""

import asyncio
from dataclasses import replace

import pytest

from unit import story
from unit.fakes import FakeFabrics
from weft.answers import warm
from weft.answers.answers import Answers
from weft.base.errors import Unavailable
from weft.inventory.store import FabricView

pytestmark = pytest.mark.anyio


class Watched:
    """The story's fabrics, with a version of the test's own and the pictures that were read."""

    def __init__(self, fabrics: FakeFabrics) -> None:
        self._fabrics, self.number, self.pictures, self.away = fabrics, 1, 0, False

    def __getattr__(self, name: str) -> object:
        return getattr(self._fabrics, name)

    async def version(self) -> int:
        """As the test says, unless the engine is away."""
        if self.away:
            raise Unavailable("It is away.", fix="Start it.")
        return self.number

    async def fabric(self, fabric: str, at_ms: int) -> FabricView:
        """Counted."""
        self.pictures += 1
        return await self._fabrics.fabric(fabric, at_ms)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> tuple[Answers, Watched]:
    """Answers over watched fabrics, looked at without a pause."""
    monkeypatch.setattr(warm, "LOOK_S", 0.01)
    told = story.answers()
    fabrics = Watched(story.fabrics())
    return Answers(replace(told.site, fabrics=fabrics)), fabrics


def clock() -> int:
    """Now."""
    return int(story.NOW)


async def test_the_picture_is_there_when_the_server_begins(watched: tuple[Answers, Watched]) -> None:
    answers, fabrics = watched
    async with warm.kept_warm(answers, clock):
        assert fabrics.pictures == 1
        await answers.scene(fabrics.name, clock())
        assert fabrics.pictures == 1, "who asks then gets the one that is there"


async def test_each_change_is_followed_once(watched: tuple[Answers, Watched]) -> None:
    answers, fabrics = watched
    async with warm.kept_warm(answers, clock):
        await asyncio.sleep(0.1)
        assert fabrics.pictures == 1
        fabrics.number = 2
        await asyncio.sleep(0.3)
        assert fabrics.pictures == 2


async def test_an_engine_that_is_away_stops_nothing_and_is_asked_again(watched: tuple[Answers, Watched]) -> None:
    answers, fabrics = watched
    fabrics.away = True
    async with warm.kept_warm(answers, clock):
        assert fabrics.pictures == 0
        fabrics.away = False
        await asyncio.sleep(0.3)
        assert fabrics.pictures == 1


async def test_a_slow_engine_holds_up_no_start(
    watched: tuple[Answers, Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, fabrics = watched
    monkeypatch.setattr(warm, "PATIENCE_S", 0.05)

    async def never() -> int:
        await asyncio.sleep(60)
        return 1

    monkeypatch.setattr(fabrics, "version", never)
    began = asyncio.get_running_loop().time()
    async with warm.kept_warm(answers, clock):
        assert asyncio.get_running_loop().time() - began < 5

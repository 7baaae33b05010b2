"""Several stores of series as one: the whisper tree, and other Graphite servers.

A series that several have is one: the values of the one that covers most of the time (of equal the finest, of equal the
first), its gaps filled from the others in their order. A finer value is averaged into the slot, a coarser one stands in
the slot that it is stamped with. graphite-web fills gaps so where steps are equal; where they are not it takes one of
the two, or repeats the coarser value in every slot (`render/datalib.py`, `readers/multi.py`): the rate of a counter
repeated so is 0, and then a spike.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

import numpy as np

from weft.metrics.series import Series, Values, Window
from weft.metrics.store import Found, SeriesStore, Tell
from weft.metrics.tags import TagExpression

KNOWN_NAMES: Final = 100_000
"""Names of which it is kept which stores have them; about 10 MB."""

Answer = TypeVar("Answer")


class MergedStore:
    """SeriesStore over several others; each tells by itself what it cannot answer.

    Args:
        stores: the one whose values win first.
    """

    def __init__(self, stores: Sequence[SeriesStore]) -> None:
        self._stores = tuple(stores)
        self._homes: dict[str, int] = {}

    async def find(self, pattern: str, tell: Tell) -> list[Found]:
        """See SeriesStore."""
        found = await self._each(lambda store: store.find(pattern, tell))
        return sorted({node for nodes in found for node in nodes}, key=lambda node: (node.leaf, node.path))

    async def expand(self, pattern: str, tell: Tell) -> list[str]:
        """See SeriesStore."""
        return self._noted(await self._each(lambda store: store.expand(pattern, tell)))

    def unreadable(self) -> dict[str, str]:
        """See SeriesStore."""
        return {where: why for store in self._stores for where, why in store.unreadable().items()}

    async def tagged(self, expressions: Sequence[TagExpression], tell: Tell) -> list[str]:
        """See SeriesStore."""
        return self._noted(await self._each(lambda store: store.tagged(expressions, tell)))

    async def tags(self, expressions: Sequence[TagExpression], prefix: str, tell: Tell) -> list[str]:
        """See SeriesStore."""
        found = await self._each(lambda store: store.tags(expressions, prefix, tell))
        return sorted({tag for tags in found for tag in tags})

    async def tag_values(
        self, tag: str, expressions: Sequence[TagExpression], prefix: str, tell: Tell, limit: int | None = None
    ) -> list[tuple[str, int]]:
        """See SeriesStore; a series that several have counts as often."""
        counts: dict[str, int] = {}
        for values in await self._each(lambda store: store.tag_values(tag, expressions, prefix, tell, limit)):
            for value, count in values:
                counts[value] = counts.get(value, 0) + count
        return sorted(counts.items())[:limit]  # of those further on, not every store has told

    async def fetch(self, names: Sequence[str], window: Window, tell: Tell) -> list[Series | None]:
        """See SeriesStore. A store is not asked for what it did not name when names were asked for.

        Raises:
            BadRequest: from lies after until.
        """
        everywhere = (1 << len(self._stores)) - 1
        homes = [self._homes.get(name, everywhere) for name in names]

        async def one(number: int, store: SeriesStore) -> dict[str, Series]:
            asked = [name for name, home in zip(names, homes, strict=True) if home >> number & 1]
            read = await store.fetch(asked, window, tell) if asked else []
            return {name: series for name, series in zip(asked, read, strict=True) if series is not None}

        found = await asyncio.gather(*(one(number, store) for number, store in enumerate(self._stores)))
        return [joined([series[name] for series in found if name in series]) for name in names]

    async def _each(self, ask: Callable[[SeriesStore], Coroutine[Any, Any, Answer]]) -> list[Answer]:
        return await asyncio.gather(*map(ask, self._stores))

    def _noted(self, found: Sequence[Sequence[str]]) -> list[str]:
        """All names, sorted; kept is which stores have each."""
        homes: dict[str, int] = {}
        for number, names in enumerate(found):
            for name in names:
                homes[name] = homes.get(name, 0) | 1 << number
        if len(self._homes) + len(homes) > KNOWN_NAMES:
            self._homes.clear()
        self._homes.update(homes)
        return sorted(homes)


def joined(found: Sequence[Series]) -> Series | None:
    """One series of those that several stores have under one name; None of none."""
    if len(found) < 2:
        return found[0] if found else None
    coarsest_s = max(one.step_s for one in found)

    def covered(one: Series) -> int:
        # In slots of the coarsest, where series of one window agree: the fine ones begin and end within a slot.
        return (one.end_s - one.step_s) // coarsest_s - (one.start_s - one.step_s) // coarsest_s

    base = max(found, key=lambda one: (covered(one), -one.step_s))
    values = base.values
    for one in found:
        gaps = np.isnan(values)
        if one is not base and gaps.any():
            values = np.where(gaps, _laid(one, base), values)
    return base.but(values=values)


def _laid(one: Series, base: Series) -> Values:
    """The values of one series in the slots of another: in each the mean of what is known there."""
    if (one.start_s, one.step_s, len(one.values)) == (base.start_s, base.step_s, len(base.values)):
        return one.values
    n = len(base.values)
    known = np.flatnonzero(~np.isnan(one.values))
    slots = (one.start_s + known * one.step_s - base.start_s) // base.step_s
    inside = (slots >= 0) & (slots < n)
    slots, values = slots[inside], one.values[known[inside]]
    counts = np.bincount(slots, minlength=n)
    with np.errstate(invalid="ignore"):  # infinities of both signs, and slots with nothing in them
        return np.asarray(np.bincount(slots, values, minlength=n) / counts)

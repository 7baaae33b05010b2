"""Series found by their tags: the stored ones and those that somebody else knows, as one."""

from collections.abc import Sequence
from heapq import merge

from weft.base.access import Viewer
from weft.base.texts import kept
from weft.metrics.series import Window
from weft.metrics.store import SeriesStore, TagResolver, Tell
from weft.metrics.tags import TagExpression


class TaggedSeries:
    """What there is to be found by tags.

    Args:
        resolver: series that are found by tags which are not stored with them; None: there are none.
    """

    def __init__(self, store: SeriesStore, resolver: TagResolver | None) -> None:
        self._store, self._resolver = store, resolver

    async def find(
        self, expressions: Sequence[TagExpression], window: Window, viewer: Viewer, tell: Tell
    ) -> Sequence[str]:
        """Names, sorted, of the series that meet all expressions. Raises BadRequest: a pattern takes too long."""
        found = await self._store.tagged(expressions, tell)
        if self._resolver is None:
            return found
        virtual, notices = await self._resolver.tagged(expressions, window, viewer)
        for notice in notices:
            tell(notice)
        more = {one.name for one in virtual}.difference(found) if virtual else None
        return kept(merge(found, sorted(more))) if more else found

    async def tags(
        self, expressions: Sequence[TagExpression], prefix: str, window: Window, viewer: Viewer, tell: Tell
    ) -> list[str]:
        """Tags, sorted; see SeriesStore."""
        found = set(await self._store.tags(expressions, prefix, tell))
        if self._resolver is not None:
            found.update(await self._resolver.tags(expressions, prefix, window, viewer))
        return sorted(found)

    async def values(
        self,
        tag: str,
        expressions: Sequence[TagExpression],
        prefix: str,
        window: Window,
        viewer: Viewer,
        tell: Tell,
        limit: int | None = None,
    ) -> list[tuple[str, int]]:
        """Values of a tag, sorted, each with how many series have it; see SeriesStore."""
        found = await self._store.tag_values(tag, expressions, prefix, tell, limit)
        more = await self._resolver.tag_values(tag, expressions, prefix, window, viewer) if self._resolver else []
        if not more:
            return found
        counts = dict(found)
        for value, count in more:
            counts[value] = counts.get(value, 0) + count
        return sorted(counts.items())[:limit]

"""Points that a carbon-cache holds and has not written, merged with those of the whisper file they will go into.

What is served is what the file will hold once they are written: a slot of a coarser archive is made anew from the
finer one, with the file's aggregation and xFilesFactor. (graphite-web makes it of the held points alone, so that a sum
whose minute is half written falls by half.)
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import anyio
import anyio.to_thread
import numpy as np

from weft.metrics.carbon import Caches
from weft.metrics.index import SUFFIX
from weft.metrics.pickled import Points
from weft.metrics.series import Series, Window
from weft.metrics.store import Found, Parts, Tell
from weft.metrics.tags import TagExpression
from weft.metrics.tree import WhisperStore
from weft.metrics.whisper import Archive, Heads, Layout, Unreadable, aggregate
from weft.metrics.writer import read_slots

LOOP_SERIES = 100
"""More series than this are merged in a thread."""

MISSING = "the newest points of its series may be missing"


class FreshStore:
    """SeriesStore over a whisper tree and the carbon-caches that write it.

    The caches are asked before the files are read: a point that is written in between is in both, none in neither. One
    that carbon has taken out of its cache and is just writing is in neither, for as long as carbon takes for that file.
    A series is found once carbon has made its file.
    """

    def __init__(self, store: WhisperStore, root: Path, caches: Caches) -> None:
        self._store, self._root, self._caches = store, str(root), caches
        self._heads = Heads()
        self._limiter = anyio.CapacityLimiter(1)

    async def find(self, pattern: str, tell: Tell) -> Sequence[Found]:
        """See SeriesStore."""
        return await self._store.find(pattern, tell)

    async def expand(self, pattern: str, tell: Tell) -> Sequence[str]:
        """See SeriesStore."""
        return await self._store.expand(pattern, tell)

    def unreadable(self) -> dict[str, str]:
        """See SeriesStore; files by path, caches by address."""
        caches = {
            f"carbon-cache {address}": f"does not answer ({why}): {MISSING}"
            for address, why in self._caches.trouble().items()
        }
        return self._store.unreadable() | caches

    async def tagged(self, expressions: Sequence[TagExpression], tell: Tell) -> Sequence[str]:
        """See SeriesStore."""
        return await self._store.tagged(expressions, tell)

    async def tags(self, expressions: Sequence[TagExpression], prefix: str, tell: Tell) -> list[str]:
        """See SeriesStore."""
        return await self._store.tags(expressions, prefix, tell)

    async def tag_values(
        self, tag: str, expressions: Sequence[TagExpression], prefix: str, tell: Tell, limit: int | None = None
    ) -> list[tuple[str, int]]:
        """See SeriesStore."""
        return await self._store.tag_values(tag, expressions, prefix, tell, limit)

    async def points(self, names: Sequence[str], window: Window, most: int) -> int:
        """See Foreseeing."""
        return await self._store.points(names, window, most)

    async def fetch(self, names: Sequence[str], window: Window, tell: Tell) -> list[Series | None]:
        """See SeriesStore. Raises BadRequest: from lies after until."""
        held = await self._held(names, tell)
        answer = await self._store.fetch(names, window, tell)
        some = [one for one in answer if one is not None and one.name in held]
        if len(some) <= LOOP_SERIES:
            self._merge(some, held, window.now_s)
        else:
            await anyio.to_thread.run_sync(self._merge, some, held, window.now_s, limiter=self._limiter)
        return answer

    async def stream(self, names: Sequence[str], window: Window, tell: Tell) -> Parts:
        """See Streaming. Raises BadRequest: from lies after until."""
        held = await self._held(names, tell)
        stored = await self._store.stream(names, window, tell)

        def parts() -> Iterator[Sequence[Series | None]]:
            for part in stored():
                self._merge([one for one in part if one is not None and one.name in held], held, window.now_s)
                yield part

        return parts

    async def _held(self, names: Sequence[str], tell: Tell) -> Mapping[str, Points]:
        held = await self._caches.points(names)
        for address in held.away:
            tell(f"carbon-cache {address} does not answer: {MISSING}.")
        return held.points

    def _merge(self, some: Sequence[Series], held: Mapping[str, Points], now_s: int) -> None:
        """Put what is held of each series into its values, which were just read and are nobody else's yet."""
        for one in some:
            place = self._store.index.place(one.name)
            if place is None:
                continue
            try:
                file = os.open(f"{self._root}/{place.replace('.', '/')}{SUFFIX}", os.O_RDONLY | os.O_NONBLOCK)
            except OSError:
                continue  # gone since it was read
            try:
                layout, _ = self._heads.read(file)
                put(one, held[one.name], file, layout, now_s)
            except (OSError, Unreadable):
                continue
            finally:
                os.close(file)


def put(series: Series, points: Points, file: int, layout: Layout, now_s: int) -> None:
    """Put points into the values of a series as if its file held them, too.

    Args:
        series: read from that file just now. points: any, in the order of their times.
        file: open for reading. layout: its own.
    """
    archives = [archive for archive in layout.archives if archive.step_s <= series.step_s]
    if not archives or archives[-1].step_s != series.step_s:
        return  # whisper-resize has exchanged the file since it was read
    if len(archives) == 1:
        slots_s, values = points.times_s - points.times_s % series.step_s, points.values
    else:
        changed = _changed(points, file, layout, archives, now_s)
        slots_s, values = np.array([slot_s for slot_s, _ in changed], int), np.array([value for _, value in changed])
    places = (slots_s - series.start_s) // series.step_s
    inside = (places >= 0) & (places < len(series.values))
    # Of several values for one place the last stays, which is the one of the latest time.
    series.values[places[inside]] = values[inside]


_Ring = dict[int, tuple[int, float]]
"""What changes in the ring of an archive: by place, which slot it holds and its value."""


def _changed(
    points: Points, file: int, layout: Layout, archives: Sequence[Archive], now_s: int
) -> Collection[tuple[int, float]]:
    """Slots and values that `whisper.update_many` would change in the last of some archives, finest first: the first
    that reaches back to a point takes it, and each coarser slot follows from the next finer archive.

    Raises:
        OSError, Unreadable: as reading the file raises them.
    """
    rings: list[_Ring] = [{} for _ in archives]
    left = np.ones(len(points.times_s), dtype=bool)
    for i, archive in enumerate(archives):
        mine = left & (now_s - points.times_s <= archive.retention_s)
        left &= ~mine
        slots = (points.times_s - points.times_s % archive.step_s)[mine].tolist()
        for slot_s, value in zip(slots, points.values[mine].tolist(), strict=True):
            rings[i][archive.place(slot_s, 0)] = slot_s, value
        for finer in range(i, len(archives) - 1):
            coarser = archives[finer + 1]
            touched = sorted({slot_s - slot_s % coarser.step_s for slot_s in slots})
            made = _made(touched, coarser.step_s, archives[finer], rings[finer], file, layout)
            if not made:
                break
            rings[finer + 1] |= {coarser.place(slot_s, 0): (slot_s, value) for slot_s, value in made}
    return rings[-1].values()


def _made(
    slots: Sequence[int], step_s: int, finer: Archive, ring: _Ring, file: int, layout: Layout
) -> list[tuple[int, float]]:
    """Slots of a coarser archive with values made from the next finer one, with what changes there; without those of
    which too little is known."""
    made: list[tuple[int, float]] = []
    base_s, count = Heads.base(file, finer), step_s // finer.step_s
    for slot_s in slots:
        stored = read_slots(file, finer, base_s, slot_s, count) if base_s else [(0, 0.0)] * count
        values: list[float | None] = []
        for finer_s, on_disk in zip(range(slot_s, slot_s + step_s, finer.step_s), stored, strict=True):
            held_s, value = ring.get(finer.place(finer_s, 0), on_disk)
            values.append(value if held_s == finer_s else None)
        known = [value for value in values if value is not None]
        if known and len(known) / count >= layout.xff:
            made.append((slot_s, aggregate(layout.aggregation, known, values)))
    return made

"""A tree of whisper files as a store of series."""

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
import anyio.to_thread

from weft.base.errors import BadRequest
from weft.metrics.blocks import LONG_POINTS, Blocks, ask, in_memory
from weft.metrics.budget import LOOP_POINTS, counted
from weft.metrics.globs import MAX_PATTERN
from weft.metrics.index import STAMP, SUFFIX, NameIndex
from weft.metrics.series import Series, Window
from weft.metrics.store import Found, Parts, Tell
from weft.metrics.taglog import TagLog
from weft.metrics.tags import TagExpression, TagIndex, name_of, stored_as, tags_of
from weft.metrics.whisper import HEAD_BYTES, POINT, Heads, Plan, Unreadable

log = logging.getLogger(__name__)

MAX_POINTS = 14_000_000
"""Default of the setting `metrics.max_points`."""
KEPT_PATHS = 20_000
"""Paths kept until the names change: to look one up takes longer than to open the file. About 5 MB."""
AHEAD_FILES, AHEAD_FEWEST, PROBES = 256, 32, 8
"""Files that the disk is asked for at once when some are not in memory; fewer are not worth it; how many are looked at.

1000 files of 2,160 points, none in memory: about 180 ms in place of 370."""
FILE_WORK, POINTS_READ = 800, 4
"""What opening a file costs, see `metrics.budget`; how many points are read at the cost of one in a function."""
PART_POINTS = 131_072
"""Points of a part of a stream: 1 MB, what stays in a processor's cache with the bytes it was made of."""
LOOK_S = 1.0
"""How often it is looked whether Weft's own writer, in another process, has made series."""


class WhisperStore:
    """SeriesStore over a whisper tree; while entered, a thread keeps the names fresh.

    Args:
        root: the tree; it need not exist yet.
        refresh_s: how often the thread looks for new folders and files; for those of Weft's own writer every second.
        max_pattern: longest find pattern, see `globs.nodes`. max_points: most that one fetch reads.
        tag_log: what was said of tagged series; None: nothing was.
    """

    def __init__(
        self,
        root: Path,
        refresh_s: float,
        max_pattern: int = MAX_PATTERN,
        max_points: int = MAX_POINTS,
        tag_log: TagLog | None = None,
    ) -> None:
        self._root, self._refresh_s, self._max_points = str(root), refresh_s, max_points
        self.index = NameIndex(root, max_pattern)
        self._heads = Heads()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._limiter, self._names_limiter = anyio.CapacityLimiter(1), anyio.CapacityLimiter(1)
        self._unreadable: dict[str, str] = {}
        self._paths: dict[str, str] = {}
        self._paths_of = self.index.generation
        self._tag_log = tag_log
        self._tags: tuple[tuple[int, int], TagIndex] | None = None
        self._tags_turn = threading.Lock()

    async def __aenter__(self) -> Self:
        await anyio.to_thread.run_sync(self.index.refresh, limiter=self._limiter)
        self._stop.clear()
        self._thread = threading.Thread(target=self._keep_fresh, name="weft-names", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            await anyio.to_thread.run_sync(self._thread.join, limiter=self._limiter)

    def _keep_fresh(self) -> None:
        stamp, due_s = self._stamp(), time.monotonic() + self._refresh_s
        while not self._stop.wait(min(LOOK_S, self._refresh_s)):
            now_stamp = self._stamp()
            if now_stamp == stamp and time.monotonic() < due_s:
                continue
            stamp, due_s = now_stamp, time.monotonic() + self._refresh_s
            try:
                self.index.refresh()
                if self._tags is not None:
                    self._tag_index()  # before somebody asks: at 200,000 series it takes two seconds
            except Exception:  # names must not stay as they are for good because of one odd folder
                log.exception("The names of the whisper tree %s could not be read again", self._root)

    def _stamp(self) -> int:
        """When the owner of the data folder last made a series, 0 unknown."""
        try:
            return Path(self._root, STAMP).stat().st_mtime_ns
        except OSError:
            return 0

    async def find(self, pattern: str, tell: Tell) -> Sequence[Found]:
        """See SeriesStore."""
        if self.index.knows(pattern):
            return self.index.find(pattern)
        return await anyio.to_thread.run_sync(counted(self.index.find), pattern, limiter=self._names_limiter)

    async def expand(self, pattern: str, tell: Tell) -> Sequence[str]:
        """See SeriesStore."""
        if self.index.knows(pattern):
            return self.index.expand(pattern)
        return await anyio.to_thread.run_sync(counted(self.index.expand), pattern, limiter=self._names_limiter)

    def unreadable(self) -> dict[str, str]:
        """See SeriesStore; by path of the file."""
        for path in [path for path in self._unreadable if not os.path.lexists(path)]:
            del self._unreadable[path]
        return dict(self._unreadable)

    async def tagged(self, expressions: Sequence[TagExpression], tell: Tell) -> Sequence[str]:
        """See SeriesStore."""
        return await anyio.to_thread.run_sync(self._tagged, expressions, limiter=self._names_limiter)

    def _tagged(self, expressions: Sequence[TagExpression]) -> Sequence[str]:
        return counted(self._tag_index().find)(expressions)

    async def tags(self, expressions: Sequence[TagExpression], prefix: str, tell: Tell) -> list[str]:
        """See SeriesStore."""
        return await anyio.to_thread.run_sync(
            lambda: self._tag_index().tags(expressions, prefix), limiter=self._names_limiter
        )

    async def tag_values(
        self, tag: str, expressions: Sequence[TagExpression], prefix: str, tell: Tell, limit: int | None = None
    ) -> list[tuple[str, int]]:
        """See SeriesStore."""
        return await anyio.to_thread.run_sync(
            lambda: self._tag_index().values(tag, expressions, prefix, limit), limiter=self._names_limiter
        )

    def _tag_index(self) -> TagIndex:
        """The tags of all series; while one thread reads them anew, others are answered from what was known before."""
        generation = self.index.tagged_generation, self._tag_log.generation() if self._tag_log else 0
        known = self._tags
        if known is not None and known[0] == generation:
            return known[1]
        if not self._tags_turn.acquire(blocking=known is None) and known is not None:
            return known[1]
        try:
            said = self._tag_log.said() if self._tag_log else {}
            tagged = (name for name in self.index.tagged() if name_of(name) not in said)
            told = (name for name, there in said.items() if there)
            plain = self.index.plain
            index = TagIndex(chain(tagged, told), lambda: (name for name in plain() if name not in said))
            self._tags = generation, index
            return index
        finally:
            self._tags_turn.release()

    async def tag(self, names: Sequence[str], *, there: bool) -> None:
        """See TagKeeper."""
        await anyio.to_thread.run_sync(lambda: self._tag(names, there), limiter=self._limiter)

    def _tag(self, names: Sequence[str], there: bool) -> None:
        if self._tag_log is None:
            return
        self._tag_log.generation()
        said = self._tag_log.said()
        # What the tree tells by itself needs no line, and what nobody tells none to be taken away.
        new = [name for name in names if said.get(name, self._tells(name)) is not there]
        if new:
            self._tag_log.say(new, there=there)

    def _tells(self, name: str) -> bool:
        """True when a file is called so. Has the index meet the series' file at once, whatever that is called."""
        places = stored_as(name) if ";" in name else (name,)
        readable, *_ = [self._there(place) for place in places]
        return readable

    def _there(self, place: str) -> bool:
        if not self.index.exists(place):
            path = Path(self._root, f"{place.replace('.', '/')}{SUFFIX}")
            if "/" in place or not all(place.split(".")) or not path.is_file():
                return False
            self.index.add([place])
        return True

    async def fetch(self, names: Sequence[str], window: Window, tell: Tell) -> list[Series | None]:
        """See SeriesStore. Values of equal start, step and length are consecutive rows of few matrices.

        Raises:
            BadRequest: from lies after until.
        """
        _check_order(window)
        width = (min(window.until_s, window.now_s) - window.from_s) // self._heads.finest_s
        if len(names) * (width // POINTS_READ + FILE_WORK) <= LOOP_POINTS:
            return self.fetch_now(names, window)
        return await anyio.to_thread.run_sync(self.fetch_now, names, window, limiter=self._limiter)

    async def stream(self, names: Sequence[str], window: Window, tell: Tell) -> Parts:
        """See Streaming. Raises BadRequest: from lies after until."""
        _check_order(window)
        return partial(self._parts, list(names), window)

    def _parts(self, names: Sequence[str], window: Window) -> Iterator[list[Series | None]]:
        width = max(1, (min(window.until_s, window.now_s) - window.from_s) // self._heads.finest_s)
        many = max(1, min(AHEAD_FILES, PART_POINTS // width))
        for first in range(0, len(names), AHEAD_FILES):
            some = names[first : first + AHEAD_FILES]
            self._look_ahead(some, window)
            for begin in range(0, len(some), many):
                yield self._read(some[begin : begin + many], window)

    async def points(self, names: Sequence[str], window: Window, most: int) -> int:
        """See Foreseeing."""
        width = (min(window.until_s, window.now_s) - window.from_s) // self._heads.finest_s + 1
        if len(names) * width <= most:
            return len(names) * width
        return await anyio.to_thread.run_sync(self._points, names, window, most, limiter=self._limiter)

    def _points(self, names: Sequence[str], window: Window, most: int) -> int:
        points = 0
        for name in names:
            if points > most:
                break
            if (path := self._path(name)) is None:
                continue
            # What is wrong with a file the fetch tells.
            with suppress(OSError, Unreadable):
                file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
                try:
                    plan = self._heads.read(file)[0].plan(window)
                finally:
                    os.close(file)
                points += plan.n if plan else 0
        return points

    def fetch_now(self, names: Sequence[str], window: Window) -> list[Series | None]:
        """What `fetch` does, in the calling thread."""
        blocks = Blocks(window, len(names), self._max_points)
        answer: list[Series | None] = []
        for first in range(0, len(names), AHEAD_FILES):
            some = names[first : first + AHEAD_FILES]
            self._look_ahead(some, window)
            answer += [self._fetch_one(name, blocks) for name in some]
        blocks.decode()
        return answer

    def _read(self, names: Sequence[str], window: Window) -> list[Series | None]:
        blocks = Blocks(window, len(names), self._max_points)
        answer = [self._fetch_one(name, blocks) for name in names]
        blocks.decode()
        return answer

    def _look_ahead(self, names: Sequence[str], window: Window) -> None:
        """Where some of these files are not in memory, ask the disk for all."""
        if len(names) >= AHEAD_FEWEST and any(self._is_cold(name, window) for name in names[:: len(names) // PROBES]):
            self._ask_ahead(names, window)

    def _is_cold(self, name: str, window: Window) -> bool:
        """Whether to read a series is to wait for the disk; False too where the kernel cannot tell."""
        with self._files([name]) as files, suppress(OSError, Unreadable):
            for file in files:
                if not in_memory(file, 0, 1):
                    return True
                layout, base_s = self._heads.read(file)
                if base_s and (plan := layout.plan(window)) and plan.archive is layout.archives[0]:
                    stretches = plan.archive.stretches(plan.start_s, min(plan.n, LONG_POINTS), base_s)
                    return not all(in_memory(file, *stretch) for stretch in stretches)
        return False

    def _ask_ahead(self, names: Sequence[str], window: Window) -> None:
        """Ask the disk for all that a fetch of these will read: it has it sooner than when asked for one at a time."""
        with self._files(names) as files:
            for file in files:
                with suppress(OSError):
                    ask(file, 0, HEAD_BYTES)
            planned: list[tuple[int, Plan]] = []
            for file in files:
                with suppress(OSError, Unreadable):
                    if plan := self._heads.read(file)[0].plan(window):
                        ask(file, plan.archive.offset, POINT.size)
                        planned.append((file, plan))
            for file, plan in planned:
                with suppress(OSError):
                    if base_s := self._heads.base(file, plan.archive):
                        for stretch in plan.archive.stretches(plan.start_s, plan.n, base_s):
                            ask(file, *stretch)

    @contextmanager
    def _files(self, names: Iterable[str]) -> Iterator[list[int]]:
        """The files of these series, open until the block ends; those that cannot be opened are left out."""
        files: list[int] = []
        try:
            for path in filter(None, map(self._path, names)):
                with suppress(OSError):
                    files.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            yield files
        finally:
            for file in files:
                os.close(file)

    def _fetch_one(self, name: str, blocks: Blocks) -> Series | None:
        if (path := self._path(name)) is None:
            return None
        try:
            # Without O_NONBLOCK, opening a pipe that somebody put here would wait for ever.
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            # Deleted since the names were read, or in the hands of whisper-resize, which exchanges files: no damage.
            if Path(path).is_symlink():
                self._tell(path, "is a link to nothing")
            return None
        except OSError as exc:
            self._tell(path, f"cannot be opened ({exc.strerror})")
            return None
        try:
            layout, base_s = self._heads.read(file)
            if (found := blocks.of(layout)) is None:
                return None
            plan, block = found
            blocks.count(plan)
            if plan.archive is not layout.archives[0]:
                base_s = self._heads.base(file, plan.archive)
            values = block.read(file, plan, base_s)
            if path in self._unreadable and os.fstat(file).st_size >= layout.size:
                del self._unreadable[path]
                log.info("%s can be read again", path)
        except Unreadable as exc:
            self._tell(path, str(exc))
            return None
        except OSError as exc:
            self._tell(path, f"cannot be read ({exc.strerror})")
            return None
        finally:
            os.close(file)
        return Series(name, plan.start_s, plan.archive.step_s, values, name, tags_of(name))

    def _path(self, name: str) -> str | None:
        """The file of a series. Only names that the index read from the disk become one: none leads out of the root."""
        if self._paths_of != self.index.generation:
            self._paths_of, self._paths = self.index.generation, {}
        path = self._paths.get(name)
        if path is None and (place := self.index.place(name)) is not None:
            path = f"{self._root}/{place.replace('.', '/')}{SUFFIX}"
            if len(self._paths) < KEPT_PATHS:
                self._paths[name] = path
        return path

    def _tell(self, path: str, why: str) -> None:
        if path not in self._unreadable and len(self._unreadable) < 10_000:
            log.warning("%s %s; its series is answered as missing", path, why)
            self._unreadable[path] = why


def _check_order(window: Window) -> None:
    if window.from_s > window.until_s:
        raise BadRequest("The time range ends before it begins.", fix="Give a from that is not after until.")

"""Graphite's whisper files: their header, and series read from a tree of them.

A file is a header (`!2LfL`: aggregation, longest retention, xFilesFactor, archives; then `!3L` an archive: offset,
step, points) and one ring of points (`!Ld`: time, value) an archive, finest first. A slot counts only if its time is
the expected one; the place of a time follows from the time in slot 0. Source: whisper 1.1.10, `whisper.py`.

The header is read with every fetch, in one small read that also gives slot 0. That is as quick as asking for inode and
size to trust a remembered one (12 ms for 1000 files of 2,160 points either way), and cannot miss what
`whisper-resize` does behind our back.
"""

import logging
import os
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
import anyio.to_thread
import numpy as np
import whisper

from weft.base.errors import BadRequest, BadSettings
from weft.metrics.globs import MAX_PATTERN
from weft.metrics.index import STAMP, SUFFIX, NameIndex
from weft.metrics.series import Series, Values, Window
from weft.metrics.store import Found, Tell
from weft.metrics.tags import TagExpression, TagIndex, tags_of

log = logging.getLogger(__name__)

METADATA = struct.Struct("!2LfL")
ARCHIVE = struct.Struct("!3L")
POINT = struct.Struct("!Ld")
POINTS = np.dtype([("time", ">u4"), ("value", ">f8")])

MAX_ARCHIVES = 16
HEAD_BYTES = METADATA.size + MAX_ARCHIVES * ARCHIVE.size + 4
"""One read holds the longest header and the time in slot 0 of the first archive."""
AGGREGATIONS: dict[int, str] = dict(whisper.aggregationTypeToMethod)

LOOP_POINTS = 50_000
"""More points than this are read in a thread."""
FILE_POINTS = 500
"""What opening a file counts as."""
LOOK_S = 1.0
"""How often it is looked whether Weft's own writer, in another process, has made series."""
BLOCK_BYTES = 1 << 20
"""Files are read into one buffer of about this size and decoded together: larger leaves the processor's cache."""


class Unreadable(Exception):
    """A file that is no whisper file, or not a whole one; the text says why."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A ring of `points` slots of `step_s` seconds, at `offset` bytes."""

    offset: int
    step_s: int
    points: int

    @property
    def retention_s(self) -> int:
        """How far back the ring reaches."""
        return self.step_s * self.points

    def place(self, slot_s: int, base_s: int) -> int:
        """Index in the ring of the slot stamped slot_s, given the time in slot 0 (not 0)."""
        return (slot_s - base_s) // self.step_s % self.points


@dataclass(frozen=True, slots=True)
class Plan:
    """What one fetch reads of files of one layout: n slots from start_s on, of one archive."""

    archive: Archive
    start_s: int
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A file's header. Files made alike share one, so it is compared by identity."""

    archives: tuple[Archive, ...]
    max_retention_s: int
    aggregation: str
    xff: float

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return max(archive.offset + archive.points * POINT.size for archive in self.archives)

    def plan(self, window: Window) -> Plan | None:
        """What `whisper.fetch(path, from, until, now)` reads; None where it answers None.

        The archive follows from the age of `from`, not from the width; `until` is cut to now; from = until still gives
        a slot.
        """
        from_s, until_s, now_s = window
        oldest_s = now_s - self.max_retention_s
        if from_s > now_s or until_s < oldest_s:
            return None
        from_s, until_s = max(from_s, oldest_s), min(until_s, now_s)
        archive = next((a for a in self.archives if a.retention_s >= now_s - from_s), self.archives[-1])
        step_s = archive.step_s
        start_s = from_s - from_s % step_s + step_s
        end_s = max(until_s - until_s % step_s + step_s, start_s + step_s)
        return Plan(archive, start_s, (end_s - start_s) // step_s)


class Heads:
    """Reads headers; the same bytes give the same Layout without parsing them again."""

    def __init__(self) -> None:
        self._known: dict[bytes, Layout] = {}
        self._last: tuple[bytes, Layout] | None = None
        self.finest_s = 1
        """Smallest step of any layout seen; 1 until one was seen."""

    def read(self, file: int) -> tuple[Layout, int]:
        """Layout of an open file, and the time in slot 0 of its first archive (0: that archive is empty).

        Raises:
            Unreadable: not a whisper file, or cut within the header.
            OSError: as reading raises it.
        """
        head = os.pread(file, HEAD_BYTES, 0)
        last = self._last
        if last is None or not head.startswith(last[0]):
            self._last = last = self._looked_up(head)
        known, layout = last
        slot = head[len(known) : len(known) + 4]
        if len(slot) < 4:
            raise Unreadable("is cut: it ends within the header")
        return layout, int.from_bytes(slot, "big")

    def _looked_up(self, head: bytes) -> tuple[bytes, Layout]:
        """A file's header and its layout."""
        length = METADATA.size + ARCHIVE.size * min(head[15], MAX_ARCHIVES) if len(head) >= METADATA.size else 0
        layout = self._known.get(head[:length])
        if layout is None:
            layout = parse_head(head)
            finest_s = layout.archives[0].step_s
            self.finest_s = min(self.finest_s, finest_s) if self._known else finest_s
            if len(self._known) >= 1000:
                self._known.clear()
            self._known[head[:length]] = layout
        return head[:length], layout

    @staticmethod
    def base(file: int, archive: Archive) -> int:
        """The time in slot 0 of an archive; 0: the archive is empty."""
        return int.from_bytes(os.pread(file, 4, archive.offset), "big")


def parse_head(head: bytes) -> Layout:
    """The layout that a file's first bytes state. Raises Unreadable."""
    if head.startswith(b"whisper_compressed"):
        raise Unreadable("is a compressed file of go-carbon, not a whisper file (set `compressed = false` there)")
    if len(head) < METADATA.size:
        raise Unreadable("is cut: it ends within the header" if head else "is empty")
    kind, max_retention_s, xff, count = METADATA.unpack_from(head)
    if kind not in AGGREGATIONS or not 0 <= xff <= 1 or not 1 <= count <= MAX_ARCHIVES:
        raise Unreadable("is not a whisper file: its header makes no sense")
    length = METADATA.size + count * ARCHIVE.size
    if len(head) < length:
        raise Unreadable("is cut: it ends within the header")
    archives = tuple(Archive(*ARCHIVE.unpack_from(head, METADATA.size + i * ARCHIVE.size)) for i in range(count))
    steps = [archive.step_s for archive in archives]
    if (
        archives[0].offset != length
        or min(archive.points * archive.step_s for archive in archives) == 0
        or steps != sorted(set(steps))
        or max_retention_s > max(archive.retention_s for archive in archives)
    ):
        raise Unreadable("is not a whisper file: its archives make no sense")
    return Layout(archives, max_retention_s, AGGREGATIONS[kind], xff)


def parse_retention(text: str) -> tuple[tuple[int, int], ...]:
    """Archives (step in s, points) of a retention as in carbon's storage-schemas.conf, `1m:7d,10m:1y`.

    Raises:
        BadSettings: not such a text, or archives that cannot follow one another; the message says which rule.
    """
    try:
        archives = [whisper.parseRetentionDef(part) for part in text.split(",")]
        whisper.validateArchiveList(archives)
        if min(step_s * points for step_s, points in archives) <= 0:
            raise ValueError("an archive holds nothing")
    except (ValueError, ZeroDivisionError, whisper.InvalidConfiguration) as exc:
        raise BadSettings(
            f"Setting 'metrics.retention' = '{text}' cannot be used: {exc}.",
            fix="Give STEP:SPAN pairs from fine to coarse, as in 1m:7d,10m:1y; each step divides the next.",
        ) from exc
    return tuple(archives)


def head_bytes(archives: Sequence[tuple[int, int]], aggregation: str, xff: float) -> bytes:
    """The header of a new file: what `whisper.create` writes before the rings."""
    kind = whisper.aggregationMethodToType[aggregation]
    offset = METADATA.size + len(archives) * ARCHIVE.size
    head = METADATA.pack(kind, max(step_s * points for step_s, points in archives), xff, len(archives))
    for step_s, points in archives:
        head += ARCHIVE.pack(offset, step_s, points)
        offset += points * POINT.size
    return head


def aggregate(method: str, known: list[float], slots: list[float | None]) -> float:
    """One value of a coarser archive, as whisper makes it."""
    return float(whisper.aggregate(method, known, slots))


class _Block:
    """Files with one start, step and length: rows of one matrix, decoded some at a time from one buffer."""

    def __init__(self, plan: Plan, rows: int) -> None:
        n = plan.n
        self.matrix: Values = np.empty((rows, n))
        self.rows = 0
        self._room = min(rows, max(4, min(64, BLOCK_BYTES // (n * POINT.size))))
        self._buffered = 0
        raw = bytearray(self._room * n * POINT.size)
        self._bytes = memoryview(raw)
        points = np.frombuffer(raw, POINTS).reshape(self._room, n)
        self._values = points["value"]
        # Times are compared as they lie on disk: swapping the bytes of the expected row spares those of every file.
        self._times = points["time"].view(np.uint32)
        times_s = plan.start_s + plan.archive.step_s * np.arange(n, dtype=np.int64)
        self._expected = times_s.astype(POINTS["time"]).view(np.uint32)

    def read(self, file: int, plan: Plan, base_s: int) -> Values:
        """Read one file's slots; its row is filled at the latest by `decode`. Raises Unreadable, OSError."""
        if self._buffered == self._room:
            self.decode()
        row: Values = self.matrix[self.rows]
        size = plan.n * POINT.size
        begin = self._buffered * size
        if base_s == 0:
            self._bytes[begin : begin + size] = bytes(size)
        else:
            place = plan.archive.place(plan.start_s, base_s)
            first = min(size, (plan.archive.points - place) * POINT.size)
            offset = plan.archive.offset
            got = os.preadv(file, [self._bytes[begin : begin + first]], offset + place * POINT.size)
            if first < size:
                got += os.preadv(file, [self._bytes[begin + first : begin + size]], offset)
            if got != size:
                raise Unreadable("is cut: it ends within an archive")
        self._buffered += 1
        self.rows += 1
        return row

    def decode(self) -> None:
        """Fill the rows that were read since the last time."""
        k = self._buffered
        rows = self.matrix[self.rows - k : self.rows]
        rows[:] = self._values[:k]
        np.copyto(rows, np.nan, where=self._times[:k] != self._expected)
        self._buffered = 0


class _Blocks:
    """The blocks of one fetch: every layout has its plan, and every start, step and length one block."""

    def __init__(self, window: Window, rows: int) -> None:
        self._window, self._rows = window, rows
        self._by_layout: dict[Layout, tuple[Plan, _Block] | None] = {}
        self._by_shape: dict[tuple[int, int, int], _Block] = {}

    def of(self, layout: Layout) -> tuple[Plan, _Block] | None:
        """How to read files of a layout, and into what; None: they hold nothing of the window."""
        if layout in self._by_layout:
            return self._by_layout[layout]
        found = None
        if plan := layout.plan(self._window):
            shape = (plan.start_s, plan.archive.step_s, plan.n)
            if shape not in self._by_shape:
                self._by_shape[shape] = _Block(plan, self._rows)
            found = plan, self._by_shape[shape]
        self._by_layout[layout] = found
        return found

    def decode(self) -> None:
        """Fill every row that was read."""
        for block in self._by_shape.values():
            block.decode()


class WhisperStore:
    """SeriesStore over a whisper tree; while entered, a thread keeps the names fresh.

    Args:
        root: the tree; it need not exist yet.
        refresh_s: how often the thread looks for new folders and files; for those of Weft's own writer every second.
        max_pattern: longest find pattern, see `globs.nodes`.
    """

    def __init__(self, root: Path, refresh_s: float, max_pattern: int = MAX_PATTERN) -> None:
        self._root, self._refresh_s = str(root), refresh_s
        self.index = NameIndex(root, max_pattern)
        self._heads = Heads()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._limiter = anyio.CapacityLimiter(1)
        self._unreadable: dict[str, str] = {}
        self._tags: tuple[int, TagIndex] | None = None

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
            except Exception:  # names must not stay as they are for good because of one odd folder
                log.exception("The names of the whisper tree %s could not be read again", self._root)

    def _stamp(self) -> int:
        """When the owner of the data folder last made a series, 0 unknown."""
        try:
            return Path(self._root, STAMP).stat().st_mtime_ns
        except OSError:
            return 0

    async def find(self, pattern: str, tell: Tell) -> list[Found]:
        """See SeriesStore."""
        return self.index.find(pattern)

    async def expand(self, pattern: str, tell: Tell) -> list[str]:
        """See SeriesStore."""
        return self.index.expand(pattern)

    def unreadable(self) -> dict[str, str]:
        """See SeriesStore; by path of the file."""
        for path in [path for path in self._unreadable if not os.path.lexists(path)]:
            del self._unreadable[path]
        return dict(self._unreadable)

    async def tagged(self, expressions: Sequence[TagExpression], tell: Tell) -> list[str]:
        """See SeriesStore."""
        return await anyio.to_thread.run_sync(lambda: self._tag_index().find(expressions), limiter=self._limiter)

    async def tags(self, expressions: Sequence[TagExpression], prefix: str, tell: Tell) -> list[str]:
        """See SeriesStore."""
        return await anyio.to_thread.run_sync(
            lambda: self._tag_index().tags(expressions, prefix), limiter=self._limiter
        )

    async def tag_values(
        self, tag: str, expressions: Sequence[TagExpression], prefix: str, tell: Tell
    ) -> list[tuple[str, int]]:
        """See SeriesStore."""
        return await anyio.to_thread.run_sync(
            lambda: self._tag_index().values(tag, expressions, prefix), limiter=self._limiter
        )

    def _tag_index(self) -> TagIndex:
        """For one thread at a time."""
        generation = self.index.generation
        if self._tags is None or self._tags[0] != generation:
            self._tags = None  # never two of them in memory
            self._tags = generation, TagIndex(self.index.names())
        return self._tags[1]

    async def fetch(self, names: Sequence[str], window: Window, tell: Tell) -> list[Series | None]:
        """See SeriesStore. Values of equal start, step and length are consecutive rows of one matrix.

        Raises:
            BadRequest: from lies after until.
        """
        if window.from_s > window.until_s:
            raise BadRequest("The time range ends before it begins.", fix="Give a from that is not after until.")
        width = (min(window.until_s, window.now_s) - window.from_s) // self._heads.finest_s
        if len(names) * (width + FILE_POINTS) <= LOOP_POINTS:
            return self.fetch_now(names, window)
        return await anyio.to_thread.run_sync(self.fetch_now, names, window, limiter=self._limiter)

    def fetch_now(self, names: Sequence[str], window: Window) -> list[Series | None]:
        """What `fetch` does, in the calling thread."""
        blocks = _Blocks(window, len(names))
        answer = [self._fetch_one(name, blocks) for name in names]
        blocks.decode()
        return answer

    def _fetch_one(self, name: str, blocks: _Blocks) -> Series | None:
        # Only names the index read from the disk become a path, so none leads outside the root.
        if (place := self.index.place(name)) is None:
            return None
        path = f"{self._root}/{place.replace('.', '/')}{SUFFIX}"
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

    def _tell(self, path: str, why: str) -> None:
        if path not in self._unreadable and len(self._unreadable) < 10_000:
            log.warning("%s %s; its series is answered as missing", path, why)
            self._unreadable[path] = why

"""Graphite's whisper files: their header, and where a slot lies.

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
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import whisper

from weft.base.errors import BadSettings
from weft.metrics.series import Window

log = logging.getLogger(__name__)

METADATA = struct.Struct("!2LfL")
ARCHIVE = struct.Struct("!3L")
POINT = struct.Struct("!Ld")
POINTS = np.dtype([("time", ">u4"), ("value", ">f8")])

MAX_ARCHIVES = 16
HEAD_BYTES = METADATA.size + MAX_ARCHIVES * ARCHIVE.size + 4
"""One read holds the longest header and the time in slot 0 of the first archive."""
AGGREGATIONS: dict[int, str] = dict(whisper.aggregationTypeToMethod)


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

    def stretches(self, start_s: int, n: int, base_s: int) -> tuple[tuple[int, int], ...]:
        """(offset, bytes) of n slots from start_s on, given the time in slot 0: two where the ring ends in between."""
        place = self.place(start_s, base_s)
        first, begin = min(n, self.points - place), self.offset + place * POINT.size
        if first == n:
            return ((begin, n * POINT.size),)
        return (begin, first * POINT.size), (self.offset, (n - first) * POINT.size)


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

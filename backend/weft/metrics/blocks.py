"""Points of whisper files, read many files at a time into matrices that their series share."""

import os

import numpy as np
from numpy.typing import NDArray

from weft.base.errors import TooMuch
from weft.metrics.rows import decoded
from weft.metrics.series import Values, Window
from weft.metrics.whisper import POINT, Archive, Layout, Plan, Unreadable

BLOCK_BYTES = 1 << 20
"""Files are read into one buffer of about this size and decoded together: larger leaves the processor's cache."""
LONG_POINTS = 100_000
"""Of a file with more than this so many are read at once."""


def _fill(into: memoryview, file: int, archive: Archive, start_s: int, base_s: int) -> None:
    """Read slots from start_s on, as many as there is room for, of a ring with the time base_s in slot 0.

    Raises:
        Unreadable: the file ends before that. OSError: as reading raises it.
    """
    n = len(into) // POINT.size
    place = archive.place(start_s, base_s)
    if place + n <= archive.points:
        got = os.preadv(file, (into,), archive.offset + place * POINT.size)
    else:
        got = 0
        for offset, size in archive.stretches(start_s, n, base_s):
            got += os.preadv(file, [into[got : got + size]], offset)
    if got != len(into):
        raise Unreadable("is cut: it ends within an archive")


def _stamps(plan: Plan, first: int, n: int) -> NDArray[np.uint32]:
    """The times of n slots from the first on, as they lie on disk."""
    times_s = plan.start_s + plan.archive.step_s * np.arange(first, first + n, dtype=np.int64)
    return times_s.astype(">u4").view(np.uint32)


def in_memory(file: int, offset: int, size: int) -> bool:
    """Whether a part of a file can be read without the disk. Raises OSError: the file system does not tell."""
    try:
        return os.preadv(file, [bytearray(size)], offset, os.RWF_NOWAIT) == size
    except BlockingIOError:
        return False


def ask(file: int, offset: int, size: int) -> None:
    """Have the kernel read a part of a file, without waiting for it. Raises OSError."""
    os.posix_fadvise(file, offset, size, os.POSIX_FADV_WILLNEED)


class Block:
    """Files with one start, step and length, up to `rows` of them: rows of matrices, decoded some at a time from one
    buffer.

    A matrix is of about BLOCK_BYTES: how many files are of this kind nobody knows before they are read, and what is not
    used is memory all the same. Larger ones would be given back to the system with each answer (`memory.LARGE_BYTES`),
    and to take them anew is a quarter of the time of 1,000 raw series.
    """

    def __init__(self, plan: Plan, rows: int) -> None:
        n = min(plan.n, LONG_POINTS)
        self._room = min(rows, max(1, min(64, BLOCK_BYTES // (n * POINT.size))))
        self._buffered = 0
        # Made before the matrices: when it is freed, that of the next fetch takes its place and nothing else does.
        self._bytes = memoryview(bytearray(self._room * n * POINT.size))
        self._expected = _stamps(plan, 0, n)
        self._n, self._left = plan.n, rows
        self._matrix: Values = np.empty((0, plan.n))
        self._rows = 0

    def _next_row(self) -> Values:
        """The row to fill; it is that of the next file too, unless `_rows` counts it."""
        if self._rows == len(self._matrix):
            self.decode()
            self._matrix = np.empty((min(self._left, max(1, BLOCK_BYTES // 8 // self._n)), self._n))
            self._left -= len(self._matrix)
            self._rows = 0
        row: Values = self._matrix[self._rows]
        return row

    def read(self, file: int, plan: Plan, base_s: int) -> Values:
        """Read one file's slots; its row is filled at the latest by `decode`. Raises Unreadable, OSError."""
        if plan.n > LONG_POINTS:
            return self._read_long(file, plan, base_s)
        if self._buffered == self._room:
            self.decode()
        row = self._next_row()
        size = plan.n * POINT.size
        begin = self._buffered * size
        if base_s == 0:
            self._bytes[begin : begin + size] = bytes(size)
        else:
            _fill(self._bytes[begin : begin + size], file, plan.archive, plan.start_s, base_s)
        self._buffered += 1
        self._rows += 1
        return row

    def _read_long(self, file: int, plan: Plan, base_s: int) -> Values:
        """Read one file's slots a part at a time, so that no more memory is needed than they take."""
        row = self._next_row()
        for first in range(0, plan.n, LONG_POINTS) if base_s else ():
            part = row[first : first + LONG_POINTS]
            some = self._bytes[: len(part) * POINT.size]
            _fill(some, file, plan.archive, plan.start_s + first * plan.archive.step_s, base_s)
            decoded(some, _stamps(plan, first, len(part)), part)
        if not base_s:
            row[:] = np.nan
        self._rows += 1
        return row

    def decode(self) -> None:
        """Fill the rows that were read since the last time."""
        k = self._buffered
        if k:
            decoded(self._bytes, self._expected, self._matrix[self._rows - k : self._rows])
            self._buffered = 0


class Blocks:
    """The blocks of one fetch: every layout has its plan, and every start, step and length one block."""

    def __init__(self, window: Window, rows: int, most: int) -> None:
        self._window, self._rows, self._left = window, rows, most
        self._by_layout: dict[Layout, tuple[Plan, Block] | None] = {}
        self._by_shape: dict[tuple[int, int, int], Block] = {}

    def of(self, layout: Layout) -> tuple[Plan, Block] | None:
        """How to read files of a layout, and into what; None: they hold nothing of the window."""
        if layout in self._by_layout:
            return self._by_layout[layout]
        found = None
        if plan := layout.plan(self._window):
            shape = (plan.start_s, plan.archive.step_s, plan.n)
            if shape not in self._by_shape:
                self._by_shape[shape] = Block(plan, self._rows)
            found = plan, self._by_shape[shape]
        self._by_layout[layout] = found
        return found

    def count(self, plan: Plan) -> None:
        """Say that one more file is read so. Raises TooMuch: `points` did not know that there are files of its step."""
        self._left -= plan.n
        if self._left < 0:
            raise TooMuch(
                "The request reads more than metrics.max_points allows.",
                fix="Ask for fewer series or a shorter time, or raise that setting.",
            )

    def decode(self) -> None:
        """Fill every row that was read."""
        for block in self._by_shape.values():
            block.decode()

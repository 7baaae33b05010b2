"""An ordered journal on disk: many processes append records, one reads them in order and forgets what it has done.

A record is a header and a payload, each with a checksum. Records stand in segments, files that are named after the
number of their first record and deleted when all of it has been done. Appending is under a file lock, so that order is
the same for all, and durable (fsync of the file, and of the folder when the file is new) before it returns.

A crash in the middle of an append leaves a record without its end: it was never acknowledged, and the next to append
cuts it off. Other bytes than were written are damage: the reader is handed them as such, and goes on behind them.
"""

import fcntl
import logging
import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from weft.base.errors import Busy, ServiceError, Unavailable

log = logging.getLogger(__name__)

SEGMENT_BYTES = 16 << 20
"""A segment that has grown to this gets no further record."""

MAGIC = b"WFT\x01"
_HEAD = struct.Struct("<4sQQQI")
"""Magic, number, time (epoch ms), bytes of the payload, its checksum."""
_CHECK = struct.Struct("<I")
"""Checksum of the header before it."""
HEADER = _HEAD.size + _CHECK.size

_LOCK, _MARK, _SUFFIX = "lock", "done", ".journal"


class Place(NamedTuple):
    """Where a record begins: its number, its segment (named by that one's first number), the byte there."""

    number: int
    segment: int
    offset: int


@dataclass(frozen=True, slots=True)
class Record:
    """What was appended, and where the next record begins. `damaged`: the payload is what the disk gave instead."""

    number: int
    at_ms: int
    payload: bytes
    end: Place
    damaged: bool = False


class Waits(NamedTuple):
    """How much is not done yet, and since when (epoch ms; None: all is done)."""

    records: int
    bytes: int
    oldest_ms: int | None


class _Header(NamedTuple):
    number: int
    at_ms: int
    length: int
    check: int


class Journal:
    """A journal in a folder, made with the first record. Every method works on the disk: call it in a thread.

    Args:
        max_bytes: most that may wait. aside: bytes elsewhere that count as waiting.
    """

    def __init__(self, folder: Path, max_bytes: int, aside: Callable[[], int]) -> None:
        self._folder, self._max_bytes, self._aside = folder, max_bytes, aside
        self._one = threading.RLock()
        self._held = False
        self._known: Place | None = None

    def append(self, groups: Sequence[Sequence[bytes]], at_ms: int) -> list[list[int] | ServiceError]:
        """Append groups of payloads in one durable write.

        Returns:
            For each group its numbers; or Busy: it does not fit into what may wait; or Unavailable: the disk refuses.
        """
        try:
            with self._locked():
                return self._append(groups, at_ms)
        except OSError as exc:
            # What of it has come whole to the disk stays, as the reader may have seen it; the rest is cut off.
            why = Unavailable(
                f"The spool {self._folder} cannot be written to: {exc.strerror or exc}.",
                fix="See the space and the rights there.",
            )
            return [why] * len(groups)

    def _append(self, groups: Sequence[Sequence[bytes]], at_ms: int) -> list[list[int] | ServiceError]:
        end = self._trimmed()
        waits, aside = self._waits(end), self._aside()
        room = self._max_bytes - waits.bytes - aside
        answers: list[list[int] | ServiceError] = []
        parts: list[bytes] = []
        number = end.number
        for group in groups:
            size = sum(HEADER + len(payload) for payload in group)
            if size > room:
                answers.append(self._full(waits, aside, size))
                continue
            room -= size
            for own, payload in enumerate(group, number):
                parts += (_header(own, at_ms, payload), payload)
            answers.append(list(range(number, number + len(group))))
            number += len(group)
        if parts:
            size = self._write(end, b"".join(parts))
            self._known = Place(number, end.segment, end.offset + size)
        return answers

    def _write(self, end: Place, data: bytes) -> int:
        path = self._path(end.segment)
        new = not path.exists()
        with path.open("r+b" if not new else "xb", buffering=0) as file:
            file.seek(end.offset)
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        if new:
            sync_folder(self._folder)
        return len(data)

    def _full(self, waits: Waits, aside: int, size: int) -> Busy:
        held, most = size_text(waits.bytes + aside), size_text(self._max_bytes)
        return Busy(
            f"The spool {self._folder} is full, it has no room for {size_text(size)}: {entries_wait(waits.records)}, "
            f"with what was refused {held} of at most {most}.",
            fix="`weft check` says why it does not drain; spool.max_mb sets how much may wait. Then hand it in again.",
        )

    def read(self, most_bytes: int) -> list[Record]:
        """Records that wait, oldest first: about so many bytes, but one at least when any waits.

        Raises:
            Unavailable: the disk refuses.
        """
        found: list[Record] = []
        taken = 0
        try:
            place = self._mark()
            while taken < most_bytes and (record := self._record(place)) is not None:
                found.append(record)
                place, taken = record.end, taken + HEADER + len(record.payload)
        except OSError as exc:
            raise _unread(self._folder, exc) from exc
        return found

    def done(self, until: Place) -> None:
        """Remember, durably, that everything before a place is done, and delete the segments that are.

        Raises:
            Unavailable: the disk refuses; what was done is handed out again.
        """
        try:
            new = self._folder / f"{_MARK}.new"
            with new.open("w", encoding="ascii") as file:
                file.write(f"{until.number} {until.segment} {until.offset}\n")
                file.flush()
                os.fsync(file.fileno())
            new.rename(self._folder / _MARK)
            sync_folder(self._folder)
            with self._locked():
                done = [segment for segment in self._segments() if segment < until.segment]
                if SEGMENT_BYTES <= self._size(until.segment) == until.offset:
                    done.append(until.segment)
                for segment in done:
                    self._path(segment).unlink()
        except OSError as exc:
            raise _unread(self._folder, exc) from exc

    def waits(self) -> Waits:
        """How much waits now. Raises Unavailable: the disk refuses."""
        try:
            with self._one:
                try:
                    return self._waits(self._end()[0])
                except FileNotFoundError:  # the owner has just deleted what was done
                    return self._waits(self._end()[0])
        except OSError as exc:
            raise _unread(self._folder, exc) from exc

    def _waits(self, end: Place) -> Waits:
        mark = self._mark()
        if end.number <= mark.number:
            return Waits(0, 0, None)
        first = self._record(mark)
        size = sum(self._size(segment) for segment in self._segments() if segment >= mark.segment)
        if self._path(mark.segment).exists():
            size -= mark.offset
        return Waits(end.number - mark.number, size, first.at_ms if first else None)

    def _record(self, place: Place) -> Record | None:
        """The record at a place, or behind it where its segment ends there; None: nothing waits."""
        place = self._settled(place)
        if place.offset >= self._size(place.segment):
            return None
        record = self._read_at(place)
        if record is not None and not record.damaged:
            return record
        with self._locked():  # what somebody else was just writing looks like damage
            return self._read_at(self._settled(place))

    def _read_at(self, place: Place) -> Record | None:
        later = next((segment for segment in self._segments() if segment > place.segment), None)
        with self._path(place.segment).open("rb") as file:
            file.seek(place.offset)
            told = file.read(HEADER)
            header = _told(told)
            if header is None:
                raw = told + file.read()
                return self._damaged(place, raw, later)
            payload = file.read(header.length)
        if len(payload) < header.length:
            return self._damaged(place, told + payload, later)
        end = Place(header.number + 1, place.segment, place.offset + HEADER + header.length)
        if zlib.crc32(payload) != header.check:
            return Record(header.number, header.at_ms, payload, end, True)
        return Record(header.number, header.at_ms, payload, end)

    def _damaged(self, place: Place, raw: bytes, later: int | None) -> Record | None:
        """Bytes that no record is; None: only a record without its end, at the end of all."""
        found = _next_header(raw)
        if found is not None:
            at, header = found
            return Record(place.number, 0, raw[:at], Place(header.number, place.segment, place.offset + at), True)
        if later is not None:
            return Record(place.number, 0, raw, Place(later, later, 0), True)
        if _is_torn(raw):
            return None
        return Record(place.number, 0, raw, Place(place.number + 1, place.segment, place.offset + len(raw)), True)

    def _settled(self, place: Place) -> Place:
        """The same place, in the segment behind it when its own has ended or gone."""
        if place.offset < self._size(place.segment):
            return place
        later = next((segment for segment in self._segments() if segment > place.segment), None)
        return place if later is None else Place(max(place.number, later), later, 0)

    def _trimmed(self) -> Place:
        """Where the next record goes; a record without its end is cut off. Called under the lock."""
        end, torn = self._end()
        if torn:
            log.warning("spool %s: an entry of %s bytes without its end cut off", self._folder, torn)
            os.truncate(self._path(end.segment), end.offset)
        mark = self._mark()
        beyond = mark.number > end.number or (mark.segment == end.segment and mark.offset > end.offset)
        if beyond or end.offset >= SEGMENT_BYTES:
            # What was done before it was on disk is not there after the power has failed: its numbers stay taken.
            number = max(mark.number, end.number)
            return Place(number, number, 0)
        return end

    def _end(self) -> tuple[Place, int]:
        """Where the records end, and how many bytes of one without its end stand there."""
        segments = self._segments()
        if not segments:
            number = self._mark().number
            return Place(number, number, 0), 0
        last = segments[-1]
        size = self._size(last)
        place = Place(last, last, 0)
        if self._known is not None and self._known.segment == last and self._known.offset <= size:
            place = self._known
        with self._path(last).open("rb") as file:
            while place.offset < size:
                file.seek(place.offset)
                told = file.read(HEADER)
                header = _told(told)
                if header is not None and place.offset + HEADER + header.length <= size:
                    place = Place(header.number + 1, last, place.offset + HEADER + header.length)
                    continue
                raw = told + file.read()
                found = _next_header(raw)
                if found is not None:
                    place = Place(found[1].number, last, place.offset + found[0])
                elif _is_torn(raw):
                    break
                else:
                    return Place(place.number + 1, place.number + 1, 0), 0
        self._known = place
        return place, size - place.offset

    def _mark(self) -> Place:
        """Where the first record that is not done begins."""
        try:
            number, segment, offset = map(int, (self._folder / _MARK).read_text(encoding="ascii").split())
            return Place(number, segment, offset)
        except FileNotFoundError:
            pass
        except ValueError:
            log.warning(
                "spool %s: how far it was applied cannot be read; all that is there is applied again", self._folder
            )
        first = next(iter(self._segments()), 1)
        return Place(first, first, 0)

    def _segments(self) -> list[int]:
        return sorted(int(path.stem) for path in self._folder.glob(f"*{_SUFFIX}") if path.stem.isdecimal())

    def _path(self, segment: int) -> Path:
        return self._folder / f"{segment:016d}{_SUFFIX}"

    def _size(self, segment: int) -> int:
        """Bytes of a segment, 0 for one that is gone."""
        try:
            return self._path(segment).stat().st_size
        except FileNotFoundError:
            return 0

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone among threads and processes; within it, the same thread may ask for it again."""
        with self._one:
            if self._held:  # a second lock on the same file would wait for the first one
                yield
                return
            if not self._folder.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                sync_folder(self._folder.parent)
            with (self._folder / _LOCK).open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                self._held = True
                try:
                    yield
                finally:
                    self._held = False


def _header(number: int, at_ms: int, payload: bytes) -> bytes:
    head = _HEAD.pack(MAGIC, number, at_ms, len(payload), zlib.crc32(payload))
    return head + _CHECK.pack(zlib.crc32(head))


def _told(raw: bytes) -> _Header | None:
    """The header that these bytes begin with; None: they do not, or it is not the one that was written."""
    if len(raw) < HEADER or not raw.startswith(MAGIC):
        return None
    head = raw[: _HEAD.size]
    if _CHECK.unpack(raw[_HEAD.size : HEADER]) != (zlib.crc32(head),):
        return None
    _, number, at_ms, length, check = _HEAD.unpack(head)
    return _Header(number, at_ms, length, check)


def _next_header(raw: bytes) -> tuple[int, _Header] | None:
    """The first header behind the beginning, and where it stands."""
    at = raw.find(MAGIC, 1)
    while at >= 0:
        header = _told(raw[at : at + HEADER])
        if header is not None:
            return at, header
        at = raw.find(MAGIC, at + 1)
    return None


def _is_torn(raw: bytes) -> bool:
    """Whether bytes at the end of all are what a crash leaves of a record; zeros are what a power failure does."""
    header = _told(raw[:HEADER])
    return len(raw) < HEADER or (header is not None and HEADER + header.length > len(raw)) or not any(raw)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def entries_wait(count: int) -> str:
    """`1 entry waits`, `2 entries wait`."""
    return "1 entry waits" if count == 1 else f"{count:,} entries wait"


def size_text(size: int) -> str:
    """`1.2 kB`, `1,024.0 MB`: bytes in powers of 1,000."""
    return f"{size / 1e6:,.1f} MB" if size >= 1_000_000 else f"{size / 1e3:.1f} kB"


def _unread(folder: Path, exc: OSError) -> Unavailable:
    return Unavailable(
        f"The spool {folder} cannot be read: {exc.strerror or exc}.", fix="See the disk's space, rights and health."
    )

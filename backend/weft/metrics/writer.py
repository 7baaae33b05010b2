"""Writing whisper files: a sweep's points for many series at once, and whole files made from arrays.

Every byte lies where `whisper.update_many` would put it, so carbon and Weft can write one tree in turn. All of it works
on the disk: call it from a thread.
"""

import contextlib
import errno
import logging
import math
import os
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from weft.base.errors import BadInput, Unavailable
from weft.metrics.index import MAX_DEPTH, STAMP, SUFFIX, NameIndex
from weft.metrics.series import Values
from weft.metrics.tags import stored_as, tagged_name, tags_of
from weft.metrics.whisper import (
    HEAD_BYTES,
    POINT,
    POINTS,
    Archive,
    Heads,
    Layout,
    Unreadable,
    aggregate,
    head_bytes,
    parse_retention,
)

log = logging.getLogger(__name__)

_NODE = re.compile(r"(?:(?![*,./?\\\[\]{}])[!-~]){1,200}")
"""A node that is one file name everywhere and that a find pattern can ask for; 200 leaves room for suffixes."""
MAX_NAME = 1000

LOOK_BACK = 32
"""Slots before a time that `latest` reads before it reads the whole ring."""
AHEAD_S = 60
"""How far a source's clock may run before ours: a point of the future takes the slot of one that is still asked for."""


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a point goes in files of one layout, and the coarser archives that follow from it."""

    archive: Archive
    slot_s: int
    coarser: tuple[Archive, ...]


class WhisperWriter:
    """Writes below one root; one process at a time (the owner of the data folder).

    Args:
        root: the tree, made when missing.
        retention: archives of files that are created, as in carbon's storage-schemas.conf.
        index: told of new names at once, so that they are found before its next refresh.
    Raises:
        BadSettings: a retention that whisper refuses.
    """

    def __init__(self, root: Path, retention: str, index: NameIndex | None = None) -> None:
        self._root, self._index = str(root), index
        self.archives = parse_retention(retention)
        """(step in s, points) of files that are created, finest first."""
        self._head = head_bytes(self.archives, "last", 0.0)
        self._size = len(self._head) + POINT.size * sum(points for _, points in self.archives)
        self._heads = Heads()
        self._made = 0
        self._told: set[str] = set()

    def write(
        self, at_s: int, points: Iterable[tuple[str, float]], *, create: bool = True, now_s: int | None = None
    ) -> int:
        """Store one value a series, all of one time; the same again changes nothing. Coarser archives follow at once.

        A point goes to the finest archive that reaches back to its time, in its own slot, however late it comes. Not
        stored are NaN (a gap is no point), what is older than the file reaches back, what lies over a minute in the
        future, files that are damaged (a log line each), and without `create` series that do not exist.

        Args:
            at_s: epoch seconds. now_s: the same, of now; None: the clock.
            create: make files that are missing: aggregation `last`, xFilesFactor 0, sparse.
        Returns:
            How many points were stored.
        Raises:
            BadInput: a name that cannot be a file below the root; then nothing was written.
            Unavailable: the disk refuses; what was written so far stays, and writing it again is harmless.
        """
        wanted = wanted_points(points)
        now_s = int(time.time()) if now_s is None else now_s
        targets: dict[Layout, _Target | None] = {}
        created: list[str] = []
        stored = 0
        # A file that cannot hold the point is not made for it.
        reach_s = max(step_s * count for step_s, count in self.archives)
        create = create and now_s - at_s <= reach_s and at_s - now_s <= AHEAD_S
        try:
            for name, value in wanted:
                stored += self._write_one(
                    self._place_of(name), value, at_s, now_s, targets, created if create else None
                )
        except OSError as exc:
            raise _refused(self._root, exc) from exc
        finally:
            if created:
                self._made_names(created)
        return stored

    def write_archives(
        self, name: str, rings: Sequence[tuple[int, Values]], *, aggregation: str = "last", xff: float = 0.0
    ) -> None:
        """Write one whole file in one go, over one that may be there; readers see the old or the new one.

        Args:
            rings: for each archive of the retention, finest first: the first slot's time in s (a multiple of its step)
                and values, float64, shape (n,), one a step, NaN a gap; of more than the archive holds the last ones.
            aggregation, xff: how carbon will make coarser points of later ones.
        Raises:
            BadInput: a name that cannot be a file. ValueError: rings that do not fit the retention.
            Unavailable: the disk refuses.
        """
        place = self._place_of(checked_name(name))
        if len(rings) != len(self.archives):
            raise ValueError(f"{len(rings)} rings for {len(self.archives)} archives")
        body = b"".join(_ring(*ring, *archive) for ring, archive in zip(rings, self.archives, strict=True))
        try:
            self._make(self._path(place), head_bytes(self.archives, aggregation, xff), body)
        except OSError as exc:
            raise _refused(self._root, exc) from exc
        self._made_names([place])

    def _made_names(self, places: Sequence[str]) -> None:
        """Let our own index know of new files, and other processes that there are some."""
        if self._index is not None:
            self._index.add(places)
        with contextlib.suppress(OSError):  # without it they are found with the next refresh
            Path(self._root, STAMP).touch()

    def latest(self, names: Sequence[str], *, before_s: int | None = None) -> Values:
        """The newest stored value of each series, NaN where there is none (or its file cannot be read).

        Args:
            before_s: only slots before the one that holds this time (epoch s): what was known before a sweep, also when
                that sweep was written already. None: the newest of all.
        """
        return self.newest(names, before_s=before_s)[1]

    def newest(self, names: Sequence[str], *, before_s: int | None = None) -> tuple[NDArray[np.int64], Values]:
        """What `latest` gives, after the times (epoch s) of its slots, 0 where there is none."""
        times_s, values = np.zeros(len(names), dtype=np.int64), np.full(len(names), np.nan)
        for i, name in enumerate(names):
            path = self._path(self._place_of(checked_name(name)))
            try:
                file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            except OSError as exc:
                if not isinstance(exc, FileNotFoundError):
                    self._tell(path, f"cannot be opened ({exc.strerror})")
                continue
            try:
                times_s[i], values[i] = self._newest_of(file, before_s)
            except Unreadable as exc:
                self._tell(path, str(exc))
            except OSError as exc:
                self._tell(path, f"cannot be read ({exc.strerror})")
            finally:
                os.close(file)
        return times_s, values

    def _path(self, place: str) -> str:
        return f"{self._root}/{place.replace('.', '/')}{SUFFIX}"

    def _place_of(self, name: str) -> str:
        """The path of a series, dots between its nodes: its name, but for one with tags, which lies where carbon looks
        for it. That carbon may have called the file by a hash is seen here; new ones tell their name."""
        if ";" not in name:
            return name
        named, hashed = stored_as(name)
        return hashed if not Path(self._path(named)).exists() and Path(self._path(hashed)).exists() else named

    def _tell(self, path: str, why: str) -> None:
        if path not in self._told and len(self._told) < 10_000:
            self._told.add(path)
            log.warning("%s %s; its points are left out", path, why)

    def _write_one(
        self,
        place: str,
        value: float,
        at_s: int,
        now_s: int,
        targets: dict[Layout, _Target | None],
        created: list[str] | None,
    ) -> bool:
        path = self._path(place)
        try:
            file = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        except FileNotFoundError:
            if created is None:
                return False
            self._make(path, self._head, b"")
            created.append(place)
            file = os.open(path, os.O_RDWR)
        except (IsADirectoryError, PermissionError) as exc:
            self._tell(path, f"cannot be opened ({exc.strerror})")
            return False
        try:
            layout, base_s = self._heads.read(file)
            if layout not in targets:
                targets[layout] = _target(layout, at_s, now_s)
            target = targets[layout]
            if target is None:
                return False
            if target.archive is not layout.archives[0]:
                base_s = self._heads.base(file, target.archive)
            _put(file, target.archive, base_s, target.slot_s, value)
            self._propagate(file, layout, target, base_s or target.slot_s)
            return True
        except Unreadable as exc:
            if created is None or any(os.pread(file, HEAD_BYTES, 0)):
                self._tell(path, str(exc))
                return False
        finally:
            os.close(file)
        # Nothing but zeros: what a power cut leaves of a new file. There is nothing in it to lose.
        self._make(path, self._head, b"")
        return self._write_one(place, value, at_s, now_s, targets, None)

    def _propagate(self, file: int, layout: Layout, target: _Target, base_s: int) -> None:
        """Make the slots of coarser archives that hold the point anew, each from the next finer archive."""
        finer = target.archive
        for coarser in target.coarser:
            slot_s = target.slot_s - target.slot_s % coarser.step_s
            stored = read_slots(file, finer, base_s, slot_s, coarser.step_s // finer.step_s)
            slots = [value if stamp == slot_s + i * finer.step_s else None for i, (stamp, value) in enumerate(stored)]
            known = [value for value in slots if value is not None]
            if not known or len(known) / len(slots) < layout.xff:
                return
            base_s = self._heads.base(file, coarser)
            _put(file, coarser, base_s, slot_s, aggregate(layout.aggregation, known, slots))
            finer, base_s = coarser, base_s or slot_s

    def _make(self, path: str, head: bytes, body: bytes) -> None:
        """Make a file under a hidden name, then give it its own: nobody sees half of one. An empty body is sparse."""
        self._made += 1
        folder, _, leaf = path.rpartition("/")
        hidden = f"{folder}/.{leaf}.{os.getpid()}-{self._made}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            file = os.open(hidden, flags, 0o644)
        except FileNotFoundError:
            Path(folder).mkdir(parents=True, exist_ok=True)
            file = os.open(hidden, flags, 0o644)
        try:
            try:
                if os.writev(file, [head, body]) != len(head) + len(body):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.ftruncate(file, len(head) + len(body) if body else self._size)
            finally:
                os.close(file)
            Path(hidden).rename(path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(hidden).unlink()
            raise

    def _newest_of(self, file: int, before_s: int | None) -> tuple[int, float]:
        layout, base_s = self._heads.read(file)
        finest = layout.archives[0]
        if before_s is not None and base_s:
            after_s = before_s - before_s % finest.step_s
            count = min(LOOK_BACK, finest.points)
            start_s = after_s - count * finest.step_s
            for i, (stamp, value) in reversed(list(enumerate(read_slots(file, finest, base_s, start_s, count)))):
                if stamp == start_s + i * finest.step_s:
                    return stamp, value
        best_s, best = 0, math.nan
        for archive in layout.archives:
            raw = os.pread(file, archive.points * POINT.size, archive.offset)
            ring = np.frombuffer(raw[: len(raw) - len(raw) % POINT.size], POINTS)
            times = ring["time"].astype(np.int64)
            if before_s is not None:
                times[times >= before_s - before_s % archive.step_s] = 0
            newest = int(times.argmax()) if len(times) else 0
            # A coarser archive repeats what a finer one knows better: it counts only where it reaches further on.
            if len(times) and times[newest] > best_s:
                best_s, best = int(times[newest]), float(ring["value"][newest])
        return best_s, best


def wanted_points(points: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Points as they are written: without gaps, by checked names. Raises BadInput."""
    return [(checked_name(name), float(value)) for name, value in points if not math.isnan(value)]


def checked_name(name: str) -> str:
    """The name of a series as carbon has it: of one with tags these in their order.

    Raises:
        BadInput: one that is no file below a root, or that no pattern could ask for.
    """
    checked, nodes = name, name.split(".")
    malformed = False
    if ";" in name:
        tags = tags_of(name)
        malformed = len(tags) == 1
        checked = tagged_name(tags)
        nodes.append(stored_as(checked)[0].rpartition(".")[2])
    if malformed or len(nodes) > MAX_DEPTH or len(name) > MAX_NAME or not all(map(_NODE.fullmatch, nodes)):
        raise BadInput(
            f"'{name[:80]}' cannot be the name of a series.",
            fix=f"Give 1 to {MAX_DEPTH} nodes with dots between them, each of 1 to 200 printable ASCII characters "
            "without blanks, slashes or any of * ? , [ ] { }. With tags, `;tag=value` each, it has 200 in all.",
        )
    return checked


def _target(layout: Layout, at_s: int, now_s: int) -> _Target | None:
    """Where a point of this time goes, as whisper.update_many decides it; None: nowhere."""
    if at_s - now_s > AHEAD_S or at_s <= 0:
        return None
    for i, archive in enumerate(layout.archives):
        if archive.retention_s >= now_s - at_s:
            return _Target(archive, at_s - at_s % archive.step_s, layout.archives[i + 1 :])
    return None


def _put(file: int, archive: Archive, base_s: int, slot_s: int, value: float) -> None:
    """Write one slot; the first of an archive (base 0) is its slot 0."""
    place = archive.place(slot_s, base_s) if base_s else 0
    os.pwrite(file, POINT.pack(slot_s, value), archive.offset + place * POINT.size)


def read_slots(file: int, archive: Archive, base_s: int, start_s: int, count: int) -> list[tuple[int, float]]:
    """(time, value) of consecutive places of a ring, from that of start_s on. Raises Unreadable."""
    place = archive.place(start_s, base_s)
    first = min(count, archive.points - place)
    raw = os.pread(file, first * POINT.size, archive.offset + place * POINT.size)
    if first < count:
        raw += os.pread(file, (count - first) * POINT.size, archive.offset)
    if len(raw) != count * POINT.size:
        raise Unreadable("is cut: it ends within an archive")
    return list(POINT.iter_unpack(raw))


def _ring(start_s: int, values: Values, step_s: int, points: int) -> bytes:
    """One archive's bytes. Slot 0 holds the first known point: a 0 there would mean an empty archive."""
    if start_s % step_s or start_s <= 0:
        raise ValueError(f"a ring of step {step_s} s cannot start at {start_s}")
    if len(values) > points:
        start_s, values = start_s + (len(values) - points) * step_s, values[-points:]
    ring = np.zeros(points, POINTS)
    known = np.flatnonzero(~np.isnan(values))
    if len(known):
        places = (known - known[0]) % points
        ring["time"][places] = start_s + known * step_s
        ring["value"][places] = values[known]
    return ring.tobytes()


def _refused(root: str, exc: OSError) -> Unavailable:
    return Unavailable(
        f"The whisper tree {root} cannot be written: {exc.strerror}.",
        fix="See the disk's space and the folder's owner, then do it again: what is stored twice is stored once.",
    )

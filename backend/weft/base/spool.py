"""The spool: what people and machines handed in, kept on disk until the owner of the data folder has applied it.

Any process of the machine appends; what `append` has returned for is on disk, in one order for all. The owner applies
entries in that order and deletes them. What can never be applied is moved aside with its reason and stops nothing.
"""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from weft.base.errors import Unavailable
from weft.base.journal import Journal, Record, entries_wait, size_text, sync_folder

SPOOL = "spool"
"""What the folder is called below the data folder."""

AHEAD_BYTES = 8 << 20
"""Bytes of entries that the owner takes at once."""

WORD_LIVES_S = 3600.0
"""How long what became of an entry is kept for somebody who asked and has not come back."""

OLD_MS = 60_000
"""What has waited for longer is not being applied."""

SHOWN = 5
"""Refused entries that are told one by one."""

NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})

_REFUSED, _SAID, _TROUBLE = "refused", "said", "trouble.json"
_WHY, _BODY = "why.json", "body"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something handed in.

    `kind`: what it is, by which `ingest/spooling.py` knows how to apply it. `name`: what it is called where people see
    it. `body`: as it came. `options`: JSON values beside it. `asked`: somebody waits to hear what became of it.
    """

    kind: str
    name: str
    body: bytes
    options: Mapping[str, Any] = field(default_factory=lambda: NO_OPTIONS)
    asked: bool = False


class Waiting(NamedTuple):
    """An entry that waits; `entry` is None where the disk gave back other bytes than were written."""

    record: Record
    entry: Entry | None


class Refused(NamedTuple):
    """An entry that was moved aside: what it is called, why, and the folder that holds it."""

    name: str
    why: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Depth:
    """How much waits, and since when (epoch ms; None: nothing does); why the oldest entry cannot be applied now, as
    the engine said last; and what was refused, oldest first."""

    entries: int
    bytes: int
    oldest_ms: int | None
    trouble: str | None
    refused: tuple[Refused, ...]

    def told(self, at_ms: int) -> str:
        """How much waits, in one line."""
        if not self.entries:
            return "nothing waits"
        held = f"{entries_wait(self.entries)}, {size_text(self.bytes)}"
        return held if self.oldest_ms is None else f"{held}, the oldest for {(at_ms - self.oldest_ms) // 1000:,} s"

    def drains(self, at_ms: int) -> bool:
        """Whether what is handed in is applied: nothing is in the way, and nothing waits for long."""
        return self.trouble is None and (self.oldest_ms is None or at_ms - self.oldest_ms <= OLD_MS)

    def amiss(self, at_ms: int) -> list[tuple[str, str]]:
        """What is wrong with it at a time (epoch ms), each with what to do."""
        found: list[tuple[str, str]] = []
        if self.trouble is not None:
            fix = "What was handed in is kept, and applied in its order once that works."
            found.append((f"The spool does not drain, {self.told(at_ms)}: {self.trouble}", fix))
        elif not self.drains(at_ms):
            fix = "Start `weft serve`; `weft import` applies what waits, too."
            found.append((f"The spool does not drain, {self.told(at_ms)}, and no process applies it.", fix))
        for one in self.refused[:SHOWN]:
            fix = f"Hand it in again when it is mended, and delete {one.folder}, where it is kept."
            found.append((f"Refused from the spool: {one.why}", fix))
        if self.refused[SHOWN:]:
            folder = self.refused[0].folder.parent
            found.append((f"{len(self.refused) - SHOWN:,} more were refused from the spool.", f"See {folder}."))
        return found


class Spool:
    """The spool of one data folder as one process sees it; nothing is made on disk before the first entry.

    Args:
        folder: DATA/spool. max_bytes: most that may wait, refused entries included.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self._journal = Journal(folder, max_bytes, self._refused_bytes)
        self._group: list[tuple[list[bytes], asyncio.Future[list[int]]]] = []
        self._committing: asyncio.Task[None] | None = None
        self.news = asyncio.Event()
        """Set when this process has appended; whoever waits for entries clears it."""

    async def append(self, entries: Sequence[Entry]) -> tuple[int, ...]:
        """Keep entries: on disk, and so acknowledged, when this returns. Returns their numbers, which only ever rise.

        Calls that come while others are being written share one write and one fsync, off the event loop. Entries of one
        call stand next to each other. A call that fails has kept none of them, or some of the first ones.

        Raises:
            Busy: the spool is full; the message says how much waits and what to do. Unavailable: the disk refuses.
        """
        done: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        self._group.append(([encoded(entry) for entry in entries], done))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit())
        # Who is cancelled while waiting has handed it in all the same.
        return tuple(await asyncio.shield(done))

    async def _commit(self) -> None:
        while self._group:
            group, self._group = self._group, []
            payloads = [told for told, _ in group]
            answers: Sequence[list[int] | Exception]
            try:
                answers = await asyncio.to_thread(self._journal.append, payloads, now_ms())
            except Exception as exc:  # whatever it is belongs to those who wait; the next ones are tried again
                answers = [exc] * len(group)
            for (_, done), answer in zip(group, answers, strict=True):
                if isinstance(answer, Exception):
                    done.set_exception(answer)
                else:
                    done.set_result(answer)
            self.news.set()

    async def waiting(self, most_bytes: int = AHEAD_BYTES) -> list[Waiting]:
        """Entries that wait, oldest first: about so many bytes, but one at least when any waits. For the owner."""
        records = await asyncio.to_thread(self._journal.read, most_bytes)
        return [Waiting(record, None if record.damaged else decoded(record.payload)) for record in records]

    async def applied(self, last: Waiting) -> None:
        """Remember that this entry and all before it are applied, and delete what no longer waits. For the owner."""
        await asyncio.to_thread(self._journal.done, last.record.end)

    async def refuse(self, waiting: Waiting, why: str) -> None:
        """Put an entry aside, with why. It is still to be passed over by `applied`; doing both twice does no harm."""
        await asyncio.to_thread(self._refuse, waiting, why)

    def _refuse(self, waiting: Waiting, why: str) -> None:
        record, entry = waiting
        told = {
            "number": record.number,
            "at_ms": record.at_ms or now_ms(),
            "kind": entry.kind if entry else "damaged",
            "name": entry.name if entry else "",
            "options": dict(entry.options) if entry else {},
            "why": why,
        }
        final = self.folder / _REFUSED / f"{record.number:016d}"
        new = final.with_name(f".{final.name}")
        try:
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir(parents=True)
            body = entry.body if entry else record.payload
            _write(new / _BODY, body)
            _write(new / _WHY, orjson.dumps(told, option=orjson.OPT_INDENT_2))
            sync_folder(new)
            shutil.rmtree(final, ignore_errors=True)
            new.rename(final)
            sync_folder(final.parent)
        except OSError as exc:
            raise Unavailable(
                f"A refused entry cannot be moved to {final}: {exc.strerror or exc}.",
                fix="See the space and the rights there.",
            ) from exc

    async def stuck(self, why: str | None) -> None:
        """Say why the oldest entry cannot be applied now, for every process to read; None: it can be."""
        await asyncio.to_thread(self._stuck, why)

    def _stuck(self, why: str | None) -> None:
        path = self.folder / _TROUBLE
        if why is None:
            path.unlink(missing_ok=True)
        else:
            _put(path, {"why": why})

    async def say(self, number: int, word: Mapping[str, Any]) -> None:
        """Tell whoever asked what became of an entry."""
        await asyncio.to_thread(self._say, number, word)

    def _say(self, number: int, word: Mapping[str, Any]) -> None:
        _put(self._word_path(number), word)
        for path in (self.folder / _SAID).glob("*.json"):
            with contextlib.suppress(FileNotFoundError):  # who asked has just heard it
                if time.time() - path.stat().st_mtime > WORD_LIVES_S:
                    path.unlink()

    async def word(self, number: int) -> Mapping[str, Any] | None:
        """What became of an entry, told once; None: nothing yet."""
        return await asyncio.to_thread(self._word, number)

    def _word(self, number: int) -> Mapping[str, Any] | None:
        path = self._word_path(number)
        word = _get(path)
        if word is not None:
            path.unlink(missing_ok=True)
        return word

    async def depth(self) -> Depth:
        """How much waits, since when and why, and what was refused."""
        return await asyncio.to_thread(self.depth_now)

    def depth_now(self) -> Depth:
        """The same, on the disk in the calling thread."""
        waits = self._journal.waits()
        trouble = (_get(self.folder / _TROUBLE) or {}).get("why") if waits.records else None
        return Depth(waits.records, waits.bytes, waits.oldest_ms, trouble, tuple(self._refused()))

    def _refused(self) -> list[Refused]:
        folders = sorted((self.folder / _REFUSED).glob("[0-9]*"))
        told = [_get(folder / _WHY) or {} for folder in folders]
        return [
            Refused(one.get("name", ""), one.get("why", f"{_WHY} is missing in {folder}."), folder)
            for one, folder in zip(told, folders, strict=True)
        ]

    def _refused_bytes(self) -> int:
        size = 0
        for path in (self.folder / _REFUSED).glob("*/*"):
            with contextlib.suppress(FileNotFoundError):  # somebody is just deleting it
                size += path.stat().st_size
        return size

    def _word_path(self, number: int) -> Path:
        return self.folder / _SAID / f"{number:016d}.json"


def encoded(entry: Entry) -> bytes:
    """An entry as bytes: a line of JSON, then the body as it is."""
    head = orjson.dumps([entry.kind, entry.name, dict(entry.options), entry.asked])
    return b"%b\n%b" % (head, entry.body)


def decoded(payload: bytes) -> Entry | None:
    """The entry that was encoded; None: these bytes are none."""
    head, _, body = payload.partition(b"\n")
    try:
        kind, name, options, asked = orjson.loads(head)
    except ValueError:
        return None
    return Entry(kind, name, body, options, asked)


def now_ms() -> int:
    """When an entry is handed in (epoch ms), by the clock of this machine; nothing is derived from it."""
    return time.time_ns() // 1_000_000


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _put(path: Path, told: Mapping[str, Any]) -> None:
    """Write a small file, whole or not at all; it may be lost in a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_bytes(orjson.dumps(dict(told)))
    new.rename(path)


def _get(path: Path) -> dict[str, Any] | None:
    """What a small file tells; None: there is none, or it cannot be read."""
    try:
        told = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return told if isinstance(told, dict) else None

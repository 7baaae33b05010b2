"""What is handed in through the spool, as entries, and the owner's loop that applies them in order."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from weft.base.errors import BadInput, OwnedElsewhere, ServiceError, Unavailable
from weft.base.spool import Entry, Spool, Waiting
from weft.ingest.files import Handed
from weft.ingest.importer import FileRead, FileReport, Importer, refused
from weft.inventory.store import Note
from weft.logs.store import LogLine, LogStore

log = logging.getLogger(__name__)

FILE, LINES, NOTES = "file", "lines", "notes"
"""Kinds of entries."""

LOOK_S = 0.1
"""How often the owner looks for what other processes have appended."""
FIRST_S, LONGEST_S = 0.2, 5.0
"""How long the owner waits before it tries again what an engine could not take: twice as long each time."""
MARK_S = 0.5
"""How much work an owner that dies does again at most; to remember each entry by itself would cost more."""


def file_entry(file: Handed, told_ms: int | None, *, live: bool = False, asked: bool = False) -> Entry:
    """A file as it was handed in.

    Args:
        told_ms: when it was seen, as a person says. live: one of a regular series.
        asked: somebody waits for its report.
    """
    options = {"told_ms": told_ms, "live": live, "written_ms": file.written_ms, "stderr": file.stderr}
    name = str(file.path).encode("utf-8", "backslashreplace").decode()  # a file's name may be any bytes
    return Entry(FILE, name, file.raw, options, asked)


def lines_entry(name: str, lines: Sequence[LogLine]) -> Entry:
    """Log lines as an entry of the spool: `await spool.append([lines_entry("_bulk 10.0.0.7", lines)])`.

    Args:
        name: where they come from, as the status page shows it. lines: read and found good at the door, since nobody
            waits any more to hear that one of them cannot be read.
    """
    told = [
        [line.id, line.at_ms, line.host, line.program, line.severity, line.message, line.source, line.seq]
        + ([dict(line.fields)] if line.fields else [])
        for line in lines
    ]
    return Entry(LINES, name, orjson.dumps(told))


def notes_entry(name: str, notes: Sequence[Note]) -> Entry:
    """Notes as an entry of the spool; `name` as in lines_entry."""
    return Entry(NOTES, name, orjson.dumps(notes))


def word_of(report: FileReport) -> dict[str, Any]:
    """What became of a file, as the spool tells it."""
    return {**asdict(report), "path": str(report.path)}


def report_of(word: Mapping[str, Any]) -> FileReport:
    """The same, as it was told."""
    return FileReport(**{**word, "path": Path(word["path"]), "notices": tuple(word["notices"])})


class Applier:
    """Applies what waits in the spool, in order, each entry whole or not at all; for the owner of the data folder.

    An entry that an engine cannot take now stays the first, and is tried again; what follows waits. One that no engine
    will ever take is put aside with the reason. An owner that dies between applying an entry and remembering it applies
    it again: that changes nothing, as everything that is imported twice is there once.
    """

    def __init__(self, spool: Spool, importer: Importer, logs: LogStore) -> None:
        self._spool, self._importer, self._logs = spool, importer, logs
        self._read: tuple[int, FileRead] | None = None
        # What an owner before this one said may still stand there.
        self._why: str | None = ""

    async def run(self) -> None:
        """Apply what comes, until cancelled."""
        pause_s = FIRST_S
        while True:
            self._spool.news.clear()
            try:
                why = await self.drain()
            except Exception as exc:  # the owner must not stop applying for good; what waits is kept and tried again
                log.exception("the spool %s", self._spool.folder)
                why = f"Weft itself failed on it ({type(exc).__name__}: {exc})."
            if why is not None:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_S)
                continue
            pause_s = FIRST_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._spool.news.wait(), LOOK_S)

    async def drain(self) -> str | None:
        """Apply all that waits. Returns None when nothing waits any more, else why the oldest entry still does.

        Raises:
            Unavailable: the spool cannot be read.
        """
        while waiting := await self._spool.waiting():
            done, why, marked_s = None, None, time.monotonic()
            for group in _alike(waiting):
                why = await self._take(group)
                await self._tell(why)
                if why is not None:
                    break
                done = group[-1]
                if time.monotonic() - marked_s > MARK_S:
                    await self._spool.applied(done)
                    marked_s = time.monotonic()
            if done is not None:
                await self._spool.applied(done)
            if why is not None:
                return why
        return None

    async def _tell(self, why: str | None) -> None:
        """Let people know why the spool does not drain, and that it does again."""
        if why is not None and why != self._why:
            log.warning("the spool waits: %s", why)
        if why != self._why:
            await self._spool.stuck(why)
        self._why = why

    async def _take(self, group: Sequence[Waiting]) -> str | None:
        """Apply entries of one kind, or put them aside. Returns why they can be neither now."""
        try:
            await self._apply(group)
        except (Unavailable, OwnedElsewhere) as exc:
            return str(exc)
        except OSError as exc:
            return f"{exc}."
        except Exception as exc:  # what nobody foresaw must not stop what follows it
            if len(group) == 1:
                await self._put_aside(group[0], exc)
                return None
            for one in group:
                why = await self._take([one])
                if why is not None:
                    return why
        return None

    async def _apply(self, group: Sequence[Waiting]) -> None:
        """Apply entries of one kind: log lines of all of them at once, as a commit costs more than their number."""
        first = group[0].entry
        if first is None:
            raise BadInput("the disk gave back other bytes than were written.", fix="Hand it in again.")
        if first.kind == LINES:
            told = [await asyncio.to_thread(_lines_of, one.entry) for one in group if one.entry is not None]
            await self._logs.append([line for lines in told for line in lines])
        elif first.kind == NOTES:
            await self._importer.keep_notes(_notes_of(first))
        elif first.kind == FILE:
            report = await self._apply_file(group[0].record.number, first)
            if first.asked:
                await self._spool.say(group[0].record.number, word_of(report))
        else:
            raise BadInput(f"this version of Weft applies no '{first.kind}'.", fix="Run the one that handed it in.")

    async def _apply_file(self, number: int, entry: Entry) -> FileReport:
        options = entry.options
        if self._read is None or self._read[0] != number:  # while an engine is away it is read once, not each time
            handed = Handed(Path(entry.name), entry.body, options["written_ms"], options["stderr"])
            self._read = number, await self._importer.read(handed, options["told_ms"])
        report = await self._importer.apply(self._read[1], live=options["live"])
        self._read = None
        return report

    async def _put_aside(self, waiting: Waiting, exc: Exception) -> None:
        entry = waiting.entry
        if not isinstance(exc, ServiceError):
            log.error("entry %s of the spool failed", waiting.record.number, exc_info=exc)
            exc = BadInput(f"Weft itself failed on it ({type(exc).__name__}: {exc}).", fix="Please report this.")
        report = refused(Path(entry.name if entry else "an entry of the spool"), None, exc)
        await self._spool.refuse(waiting, report.error)
        if entry is not None and entry.asked:
            await self._spool.say(waiting.record.number, word_of(report))


def _alike(waiting: Sequence[Waiting]) -> Iterator[list[Waiting]]:
    """Entries as they are applied: neighbours that are log lines together, each other one by itself."""
    for lines, group in groupby(waiting, key=lambda one: one.entry is not None and one.entry.kind == LINES):
        if lines:
            yield list(group)
        else:
            yield from ([one] for one in group)


def _lines_of(entry: Entry) -> list[LogLine]:
    """The lines of an entry. Raises BadInput: it holds none."""
    try:
        return [LogLine(*told) for told in orjson.loads(entry.body)]
    except (TypeError, ValueError) as exc:
        raise BadInput(f"it holds no log lines: {exc}.", fix="Hand it in again.") from exc


def _notes_of(entry: Entry) -> list[Note]:
    """The notes of an entry. Raises BadInput: it holds none."""
    try:
        return [Note(**{**told, "about": tuple(told["about"])}) for told in orjson.loads(entry.body)]
    except (TypeError, KeyError, ValueError) as exc:
        raise BadInput(f"it holds no notes: {exc}.", fix="Hand it in again.") from exc

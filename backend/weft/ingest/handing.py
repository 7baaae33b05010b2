"""Files that a person hands in: applied at once where that can be, through the spool where it cannot."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import tzinfo
from pathlib import Path

from weft.base.config import Site
from weft.base.errors import OwnedElsewhere, Unavailable
from weft.base.spool import Spool
from weft.ingest import files
from weft.ingest.importer import (
    FileReport,
    Importer,
    ImportReport,
    Progress,
    check_seen_at,
    each_file,
    read_file,
)
from weft.ingest.spooling import file_entry, report_of

ASK_S = 0.05
"""How often somebody who waits looks for what became of an entry."""


class Door:
    """Takes files in. What is wrong with a file is told here, before it is taken.

    Args:
        site, zone: for what a file does not say, as the owner has them.
        importer: of the owner of the data folder, while what is handed in can be applied at once; None: it goes into
            the spool. why: what it waits for there, where nobody can be asked what became of it.
    """

    def __init__(self, spool: Spool, site: Site, zone: tzinfo, importer: Importer | None, why: str = "") -> None:
        self._spool, self._site, self._zone, self._importer, self._why = spool, site, zone, importer, why
        self._numbers: dict[Path, int] = {}

    async def import_paths(
        self,
        paths: Sequence[Path],
        *,
        seen_at_ms: int | None = None,
        progress: Progress = lambda done, total, path: None,
    ) -> ImportReport:
        """Take files and folders; one that is refused stops no other.

        Where an engine is away, that file and all after it are put into the spool: they are applied in this order.

        Args:
            seen_at_ms: when they were seen, for files that do not say so themselves; None: the file's own time.
        Raises:
            BadRequest: a seen_at_ms that no calendar has.
        """
        check_seen_at(seen_at_ms)

        async def take(handed: files.Handed) -> FileReport:
            return await self._take(handed, seen_at_ms)

        return await each_file(paths, progress, take)

    async def _take(self, handed: files.Handed, told_ms: int | None) -> FileReport:
        read = await asyncio.to_thread(read_file, handed, told_ms, self._site, self._zone)
        if self._importer is not None:
            try:
                return await self._importer.apply(read, live=False)
            except (Unavailable, OwnedElsewhere) as exc:
                self._importer, self._why = None, str(exc)
        asked = not self._why
        (self._numbers[handed.path],) = await self._spool.append([file_entry(handed, told_ms, asked=asked)])
        notices = (f"Kept, and applied once that can be: {self._why}",) if self._why else ()
        return FileReport(handed.path, read.kind.name, "kept", read.reading.found, notices)

    async def heard(
        self, report: ImportReport, owner: str, patience_s: float, meanwhile: Callable[[], Awaitable[None]]
    ) -> ImportReport:
        """The report with what the owner says of files that were kept, as far as it comes to them.

        Args:
            owner: who that is, in a sentence. patience_s: how long to wait for the next word.
            meanwhile: done again and again while there is none.
        """
        words: dict[Path, FileReport] = {}
        kept = {file.path: file for file in report.files}
        waiting = deque(self._numbers.items())  # the owner comes to them in this order
        until_s = time.monotonic() + patience_s
        while waiting and time.monotonic() < until_s:
            path, number = waiting[0]
            word = await self._spool.word(number)
            if word is None:
                await meanwhile()
                await asyncio.sleep(ASK_S)
                continue
            waiting.popleft()
            words[path] = replace(report_of(word), path=path)
            until_s = time.monotonic() + patience_s
        late = f"Kept, and applied in its turn: its owner did not come to it within {patience_s:.1f} s. {owner}"
        for path, _ in waiting:
            words[path] = replace(kept[path], notices=(late,))
        return ImportReport(tuple(words.get(file.path, file) for file in report.files))

"""`weft import`: files into the stores, each recognised by its content and applied whole or not at all."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path
from typing import Any, Literal

from weft.base.config import Site
from weft.base.errors import BadInput, BadRequest, ServiceError
from weft.base.formats import Format, Origin, Reading, UnreadFormat, counted
from weft.base.intervals import FOREVER_MS, iso
from weft.fabric.counters import UnplacedCounters
from weft.fabric.formats.opensm_log import SmLog
from weft.fabric.forwarding import ForwardingDump
from weft.fabric.model import CounterSweep, Sweep
from weft.fabric.places import UnplacedSweep
from weft.fabric.wiring import Wiring
from weft.ingest import files
from weft.ingest.counters import CounterWriter, place_counters, receipt, write_counters
from weft.ingest.places import put_in_place
from weft.ingest.recognise import AnyFormat, look_of, recognise
from weft.ingest.routes import keep_tables
from weft.ingest.slurm_tree import tree_note
from weft.ingest.subnet_log import keep_log
from weft.inventory.store import FabricHistory, JobHistory, Ledger, Note, SourceStatus
from weft.logs.store import LogLine, LogStore
from weft.scheduler.model import NodeReport, Run, SchedulerDump, SlurmTopology

log = logging.getLogger(__name__)

Outcome = Literal["imported", "unchanged", "skipped", "refused", "kept"]
"""`kept`: in the spool, not applied yet."""

Progress = Callable[[int, int, Path], None]
"""Called before each file with how many are done, how many there are, and its path."""

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file.

    `kind`: the format, "" unknown. `found`: what was in it, or what it looks like. `error`: file, line, what was
    expected and how to mend it, "" unless refused.
    """

    path: Path
    kind: str
    outcome: Outcome
    found: str
    notices: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of all files, in the order they were named."""

    files: tuple[FileReport, ...]

    @property
    def ok(self) -> bool:
        """False when any file was refused."""
        return not self.count("refused")

    def count(self, outcome: Outcome) -> int:
        """How many files ended like this."""
        return sum(file.outcome == outcome for file in self.files)


@dataclass(frozen=True, slots=True)
class FileRead:
    """A file that was read and is not in any store yet."""

    path: Path
    kind: Format[Any]
    reading: Reading[Any]
    origin: Origin
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Applied:
    """Whose word it was (a fabric, a cluster), whether anything was new, and what the reader should know."""

    subject: str
    new: bool
    notices: tuple[str, ...] = ()


class Importer:
    """Reads files into the stores of a site.

    Args:
        settings: what the site calls its fabric and cluster. zone: of times without one.
        now_ms: the clock; only to say that a time lies in the future.
    """

    def __init__(
        self,
        fabrics: FabricHistory,
        jobs: JobHistory,
        ledger: Ledger,
        logs: LogStore,
        counters: CounterWriter,
        settings: Site,
        zone: tzinfo,
        now_ms: Callable[[], int],
    ) -> None:
        self._fabrics, self._jobs, self._ledger, self._logs, self._counters = fabrics, jobs, ledger, logs, counters
        self._settings, self._zone, self._now_ms = settings, zone, now_ms

    async def import_paths(
        self,
        paths: Sequence[Path],
        *,
        seen_at_ms: int | None = None,
        live: bool = False,
        progress: Progress = lambda done, total, path: None,
    ) -> ImportReport:
        """Take files and folders; one that is refused stops no other.

        Args:
            seen_at_ms: when they were seen, for files that do not say so themselves; None: the file's own time.
            live: one of a regular series of sweeps, so that absence needs several of them.
        Raises:
            BadRequest: a seen_at_ms that no calendar has.
        """
        check_seen_at(seen_at_ms)

        async def take(handed: files.Handed) -> FileReport:
            return await self.apply(await self.read(handed, seen_at_ms), live=live)

        return await each_file(paths, progress, take)

    async def read(self, handed: files.Handed, told_ms: int | None) -> FileRead:
        """Read a file. Raises BadInput."""
        return await asyncio.to_thread(read_file, handed, told_ms, self._settings, self._zone)

    async def keep_notes(self, notes: Sequence[Note]) -> None:
        """Keep what people say; the same note twice is one. Raises Unavailable, OwnedElsewhere."""
        await self._ledger.add_notes(notes)

    async def apply(self, file: FileRead, *, live: bool) -> FileReport:
        """Put into the stores what was read, all of it or nothing. Raises Unavailable, OwnedElsewhere, BadInput."""
        reading = file.reading
        applied = await self._apply(reading, live)
        source = f"{file.kind.name} {applied.subject}".strip()
        await self._ledger.heard(SourceStatus(source, reading.seen_at_ms, True, f"{reading.found}."))
        notices = (*file.notices, *self._about_time(reading, file.origin), *reading.notices, *applied.notices)
        outcome: Outcome = "imported" if applied.new else "unchanged"
        return FileReport(file.path, file.kind.name, outcome, reading.found, notices)

    async def _apply(self, reading: Reading[Any], live: bool) -> _Applied:
        """Put a value where it belongs: one call that keeps all of it or nothing."""
        match reading.value:
            case Sweep() as sweep:
                result = await self._fabrics.apply_sweep(sweep, live=live)
                aside = (f"Set aside, not believed: {result.quarantined}",) if result.quarantined else ()
                return _Applied(sweep.fabric, not result.known_already, aside)
            case UnplacedSweep() as unplaced:
                placed, notices = await put_in_place(unplaced, self._fabrics)
                applied = await self._apply(replace(reading, value=placed), live)
                return replace(applied, notices=(*notices, *applied.notices))
            case (Sweep() as sweep, CounterSweep() as counters):
                # Two calls, each idempotent: who is stopped in between imports the file again.
                applied = await self._apply(replace(reading, value=sweep), live)
                counts = await self._apply_counters(counters, live) if counters.ports else _Applied("", False)
                return _Applied(sweep.fabric, applied.new or counts.new, (*applied.notices, *counts.notices))
            case Wiring() as plan:
                return _Applied(plan.fabric, await self._fabrics.put_wiring(plan))
            case UnplacedCounters() as unplaced_counters:
                counters, notices = await place_counters(unplaced_counters, self._fabrics)
                applied = await self._apply_counters(counters, live)
                return replace(applied, notices=(*notices, *applied.notices))
            case CounterSweep() as counters:
                return await self._apply_counters(counters, live)
            case ForwardingDump() as dump:
                new, notices = await keep_tables(dump, self._fabrics, self._ledger)
                return _Applied(dump.fabric, new, tuple(notices))
            case SmLog() as told:
                return _Applied(told.fabric, await keep_log(told, self._logs, self._ledger))
            case [Run(), *_] as runs:
                said = await self._jobs.apply_runs(runs)
                return _Applied(runs[0].key.cluster, bool(said.new or said.changed))
            case NodeReport() as nodes:
                return _Applied(nodes.cluster, await self._jobs.apply_nodes(nodes))
            case SchedulerDump(runs, nodes):
                # Two calls, each idempotent: who is stopped in between imports the file again.
                said = await self._jobs.apply_runs(runs)
                new = nodes is not None and await self._jobs.apply_nodes(nodes)
                cluster = runs[0].key.cluster if runs else nodes.cluster if nodes else self._settings.cluster
                return _Applied(cluster, new or bool(said.new or said.changed))
            case SlurmTopology() as tree:
                return _Applied(tree.cluster, bool(await self._ledger.add_notes([tree_note(tree)])))
            case [LogLine(), *_] as lines:
                return _Applied("", bool(await self._logs.append(lines)))
            case ():
                return _Applied(self._settings.cluster, False)
            case other:
                raise TypeError(f"no store takes a {type(other).__name__}")

    async def _apply_counters(self, sweep: CounterSweep, live: bool) -> _Applied:
        written = await write_counters(sweep, self._counters, self._ledger)
        # A live sweep comes once and needs no receipt; a year of them would fill the ledger.
        new = bool(live or await self._ledger.add_notes([receipt(sweep)]))
        notices = []
        if written.notes:
            notices.append(f"{counted(written.notes, 'port')} with counters that were reset or full: see the notes.")
        if written.stored < written.points:
            left = counted(written.points - written.stored, "value")
            notices.append(f"{left} not stored: older than the retention reaches back, or in the future.")
        return _Applied(sweep.fabric, new, tuple(notices))

    def _about_time(self, reading: Reading[Any], origin: Origin) -> list[str]:
        at = iso(reading.seen_at_ms, self._zone)
        notices = []
        if not reading.dated and origin.told_ms is None:
            notices.append(
                f"It does not say when it was made: the file's own time, {at}, is taken (or give --seen-at)."
            )
        if reading.dated and origin.told_ms is not None and origin.told_ms != reading.seen_at_ms:
            notices.append(f"It says itself when it was made, {at}: --seen-at is not used.")
        if reading.seen_at_ms > self._now_ms() + DAY_MS:
            notices.append(f"Its time, {at}, lies in the future: see the clocks and the setting site.timezone.")
        return notices


def check_seen_at(seen_at_ms: int | None) -> None:
    """Raise BadRequest for a time that no calendar has."""
    if seen_at_ms is not None and not 0 <= seen_at_ms < FOREVER_MS:
        raise BadRequest("--seen-at lies outside the calendar.", fix="Give a time between 1970 and 9998.")


async def each_file(
    paths: Sequence[Path], progress: Progress, take: Callable[[files.Handed], Awaitable[FileReport]]
) -> ImportReport:
    """Take files and folders one by one, those that refer to others last; the reports in the order they were named.

    Args:
        take: told each file of a kind that is read; what it raises refuses that file.
    """
    found = await asyncio.to_thread(files.candidates, paths)
    reports: dict[Path, FileReport] = {}
    for done, candidate in enumerate(await asyncio.to_thread(_those_that_refer_last, found)):
        progress(done, len(found), candidate.path)
        kind: AnyFormat | None = None
        try:
            head = await asyncio.to_thread(files.head, candidate.path)
            kind = recognise(head)
            if isinstance(kind, Format):
                report = await take(await asyncio.to_thread(files.handed, candidate.path))
            else:
                report = _passed_over(candidate, kind, head)
        except ServiceError as exc:
            report = refused(candidate.path, kind, exc)
        reports[candidate.path] = report
    empty = await asyncio.to_thread(_empty_folders, paths, found)
    return ImportReport((*(reports[candidate.path] for candidate in found), *empty))


def read_file(handed: files.Handed, told_ms: int | None, site: Site, zone: tzinfo) -> FileRead:
    """What a file says, as its format reads it.

    Args:
        told_ms: when it was seen, as a person says. site, zone: for what it does not say.
    Raises:
        BadInput: no format that is read, or not as that one is written; the message names file and line.
    """
    try:
        kind = recognise(files.head_of(handed))
        if not isinstance(kind, Format):
            raise BadInput("it is of no format that this version of Weft reads.", fix="See the README for those.")
        whole = files.whole(handed)
        origin = Origin(site.fabric, site.cluster, zone, told_ms, whole.written_ms, whole.stderr, handed.path.name)
        return FileRead(handed.path, kind, _parse(kind, whole.text, origin), origin, whole.notices)
    except BadInput as exc:
        if exc.file:
            raise
        raise exc.in_file(str(handed.path)) from exc


def _parse(kind: Format[Any], text: str, origin: Origin) -> Reading[Any]:
    try:
        return kind.parse(text, origin)
    except BadInput:
        raise
    except Exception as exc:  # a format that meets what nobody foresaw must not stop the other files
        log.exception("format %s failed", kind.name)
        raise BadInput(
            f"Weft itself failed on it ({type(exc).__name__}: {exc}).", fix="Please report this with the file."
        ) from exc


def refused(path: Path, kind: AnyFormat | None, exc: ServiceError) -> FileReport:
    """The report of a file that was not taken, with the reason, which names it."""
    error = exc.in_file(str(path)) if isinstance(exc, BadInput) and not exc.file else exc
    log.warning("import refused: %s", error)
    return FileReport(path, kind.name if kind else "", "refused", kind.what if kind else "", error=str(error))


def _passed_over(candidate: files.Candidate, kind: UnreadFormat | None, head: str) -> FileReport:
    """A file that is not read: refused when a person named it, skipped when it only lies in a folder."""
    if kind is None:
        name, found = "", f"no format that Weft knows: {look_of(head)}"
        fix = "The formats it reads are in the README."
        if candidate.path.name.endswith(files.STDERR):
            fix = "Name the dump beside it: its standard error is read with it."
    else:
        name, found, fix = kind.name, f"{kind.what}: {kind.reason}", kind.fix
    if not candidate.named:
        return FileReport(candidate.path, name, "skipped", found)
    error = BadInput(f"{found}.", fix=fix, file=str(candidate.path))
    return FileReport(candidate.path, name, "refused", found, error=str(error))


def _those_that_refer_last(found: Sequence[files.Candidate]) -> list[files.Candidate]:
    """The files in the order they are taken: those that name ports by what other files tell come after these."""

    def refers(candidate: files.Candidate) -> bool:
        try:
            kind = recognise(files.head(candidate.path))
        except BadInput:
            return False
        return isinstance(kind, Format) and kind.refers

    return sorted(found, key=refers)


def _empty_folders(paths: Sequence[Path], found: Sequence[files.Candidate]) -> list[FileReport]:
    """A folder that was named and holds no file to look at."""
    return [
        FileReport(
            path, "", "refused", "an empty folder", error=f"{path}: it holds no file to import. Name another folder."
        )
        for path in paths
        if path.is_dir() and not any(candidate.path.is_relative_to(path) for candidate in found)
    ]

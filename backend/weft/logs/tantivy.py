"""Log lines in tantivy: an index folder a day (UTC), `logs/2026-11-22/`.

A line is found by its words (cut by `words`), its exact program and severity, and its host without regard to case; what
comes back is what was kept. Queries are built from objects: tantivy's own query parser drops clauses in silence.
A folder that cannot be read is named in the answer's notices, and the other days answer.
"""

import asyncio
import logging
import os
import threading
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar, cast

import orjson
import tantivy
from tantivy import DocAddress, Document, FieldType, Index, IndexWriter, Occur, Order, Query, Searcher

from weft.base.errors import BadRequest, OwnedElsewhere, Unavailable
from weft.base.intervals import FOREVER_MS, Interval, datetime_of, ms_of
from weft.logs.store import LogHits, LogLine, LogQuery
from weft.logs.words import wanted, words_of

T = TypeVar("T")

log = logging.getLogger(__name__)

FORMAT = 1
"""Version of the fields of `_schema`, kept in each day's folder."""

THREADS = 2
HEAP_BYTES = 50_000_000
"""Memory a writer may fill before it writes out by itself."""

WRITERS = 2
"""Writers kept open, of the days last written to."""

READERS = 400
"""Days kept open for reading, of those last asked: files are mapped, so an open day costs little."""

IDLE_S = 30.0
"""After so long without a new line all writers are closed."""

MOST = 10_000
"""Most lines on one page."""

DAY_MS = 86_400_000

_VERSION_FILE = "weft.json"
_META_FILE = "meta.json"
_MEND = "Restore the folder from a backup, or move it away and import that day's logs again."


def _schema() -> tantivy.Schema:
    """Fields of a line. All but `line`, which holds it whole, only serve to find, sort and count."""
    builder = tantivy.SchemaBuilder()
    for keyword in ("id", "host", "program", "severity"):
        builder.add_text_field(keyword, tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_integer_field("at_ms", indexed=True, fast=True)
    builder.add_text_field("words", tokenizer_name="whitespace", index_option="position")
    builder.add_bytes_field("line", stored=True)
    return builder.build()


_SCHEMA = _schema()


class _Counted(Protocol):
    """What tantivy's type stub leaves out of SearchResult."""

    count: int


class _Place(NamedTuple):
    """Where a page ends: time and id of its last line."""

    at_ms: int
    id: str


class TantivyLogs:
    """LogStore in folders of one process; others may read them at the same time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Its two threads are the limit on what runs at once; asyncio's shared pool would not be.
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="weft-logs")
        self._writing, self._opening = threading.Lock(), threading.Lock()
        self._days: OrderedDict[str, _Day] = OrderedDict()
        self._writers: OrderedDict[str, IndexWriter] = OrderedDict()
        self._idle: asyncio.TimerHandle | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator["TantivyLogs"]:
        """Logs below a folder, which is made with the first line."""
        store = cls(folder)
        try:
            yield store
        finally:
            if store._idle is not None:
                store._idle.cancel()
            await store._in_thread(store._close_writers)
            await asyncio.to_thread(store._pool.shutdown)

    async def append(self, lines: Sequence[LogLine]) -> int:
        """Keep lines; of a day whose lines all are known nothing is written.

        Raises:
            Unavailable: a day's folder cannot be written to; the message names it. Lines of other days are kept.
            OwnedElsewhere: another process writes to a day's folder.
        """
        new = await self._in_thread(lambda: self._append(lines))
        if self._idle is not None:
            self._idle.cancel()
        loop = asyncio.get_running_loop()
        self._idle = loop.call_later(IDLE_S, loop.run_in_executor, self._pool, self._close_writers)
        return new

    async def search(self, query: LogQuery, *, limit: int = 100, cursor: str | None = None) -> LogHits:
        """Lines that match, newest first, those of one millisecond by id. Raises BadRequest."""
        clauses, place = _clauses(query), _place_of(cursor)
        return await self._in_thread(lambda: self._search(clauses, query.window, max(1, min(limit, MOST)), place))

    async def stats(self) -> dict[str, int]:
        """Lines and days kept; days that cannot be read count as `damaged_days` only."""
        return await self._in_thread(self._stats)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _append(self, lines: Sequence[LogLine]) -> int:
        by_day: defaultdict[str, dict[str, LogLine]] = defaultdict(dict)
        for line in lines:
            by_day[datetime_of(line.at_ms).date().isoformat()].setdefault(line.id, line)
        new, failed = 0, []
        with self._writing:
            for name, of_day in sorted(by_day.items()):
                try:
                    new += self._append_to(name, of_day)
                except Unavailable as exc:
                    failed.append(exc)
        if failed:
            raise failed[0]
        return new

    def _append_to(self, name: str, lines: dict[str, LogLine]) -> int:
        folder = self._folder / name
        day = self._day(name)
        if day is None:
            with _naming(folder, "written to"):
                _create(folder)
            day = self._day(name)
            assert day is not None
        with _naming(folder, "written to"):
            known = day.known(list(lines))
            fresh = [line for line in lines.values() if line.id not in known]
            if fresh:
                self._write(name, day, fresh)
        return len(fresh)

    def _write(self, name: str, day: "_Day", lines: Sequence[LogLine]) -> None:
        """Add lines in one commit, which is on disk when this returns, or none."""
        writer = self._writers.pop(name, None) or day.index.writer(HEAP_BYTES, 1)
        try:
            for line in lines:
                writer.add_document(_document(line))
            writer.commit()
        except BaseException:
            writer.rollback()
            raise
        self._writers[name] = writer
        while len(self._writers) > WRITERS:
            self._close(*self._writers.popitem(last=False))

    def _close_writers(self) -> None:
        with self._writing:
            while self._writers:
                self._close(*self._writers.popitem())

    def _close(self, name: str, writer: IndexWriter) -> None:
        try:
            with _naming(self._folder / name, "merged"):
                writer.wait_merging_threads()
        except Unavailable as exc:
            # Nothing is lost by it: merging only joins what is kept already.
            log.warning("%s", exc)

    def _day(self, name: str) -> "_Day | None":
        """The day's index, None when it has none yet."""
        with self._opening:
            day = self._days.pop(name, None) or _Day.opened(self._folder / name)
            if day is not None:
                self._days[name] = day
            while len(self._days) > READERS:
                self._days.popitem(last=False)
            return day

    def _names(self, window: Interval) -> list[tuple[str, Interval]]:
        """Names and spans of the days that overlap the window, newest first."""
        try:
            entries = [entry.name for entry in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise Unavailable(f"Logs in {self._folder} cannot be read: {exc.strerror}.", fix=_MEND) from exc
        spans = ((name, span) for name in entries if (span := _span_of(name)) is not None)
        return sorted((day for day in spans if day[1].overlaps(window)), key=lambda day: day[1], reverse=True)

    def _search(self, clauses: list[Query], window: Interval, limit: int, place: _Place | None) -> LogHits:
        lines: list[LogLine] = []
        notices: list[str] = []
        total = 0
        for name, span in self._names(window):
            try:
                day = self._day(name)
                if day is None:
                    continue
                with _naming(self._folder / name, "read"):
                    searcher = day.searcher()
                    total += _count(searcher, clauses, span, window)
                    if len(lines) <= limit:
                        lines += _newest(searcher, clauses, span.cut(window), limit + 1 - len(lines), place)
            except Unavailable as exc:
                notices.append(str(exc))
        more = f"{lines[limit - 1].at_ms}.{lines[limit - 1].id}" if len(lines) > limit else None
        return LogHits(tuple(lines[:limit]), total, more, tuple(notices))

    def _stats(self) -> dict[str, int]:
        counts = {"lines": 0, "days": 0, "damaged_days": 0}
        for name, _ in self._names(Interval(-FOREVER_MS, FOREVER_MS)):
            try:
                if (day := self._day(name)) is not None:
                    with _naming(self._folder / name, "read"):
                        counts["lines"] += day.searcher().num_docs
                    counts["days"] += 1
            except Unavailable:
                counts["damaged_days"] += 1
        return counts


class _Day:
    """One day's index, and what of it is loaded."""

    def __init__(self, folder: Path, index: Index) -> None:
        self.index = index
        self._meta = folder / _META_FILE
        self._loaded = self._stamp()
        self._loading = threading.Lock()

    @classmethod
    def opened(cls, folder: Path) -> "_Day | None":
        """Open a day; None when there is none, or its creation was cut short. Raises Unavailable."""
        with _naming(folder, "read"):
            if not (folder / _META_FILE).exists():
                if next(folder.glob("*.store"), None) is None:
                    return None
                raise ValueError(f"it has no {_META_FILE}")
            told = orjson.loads((folder / _VERSION_FILE).read_bytes())
            known = told.get("format", "none") if isinstance(told, dict) else "none"
            if known != FORMAT:
                raise ValueError(f"its format is {known}, this Weft reads {FORMAT}")
            index = Index.open(str(folder))
            # By default each index would keep a thread that watches its file.
            index.config_reader("manual")
            return cls(folder, index)

    def searcher(self) -> Searcher:
        """A picture of the last commit, also when another process made it."""
        with self._loading:
            stamp = self._stamp()
            if stamp != self._loaded:
                self.index.reload()
                self._loaded = stamp
            return self.index.searcher()

    def known(self, ids: list[str]) -> set[str]:
        """Which of the ids are kept."""
        searcher = self.searcher()
        if searcher.num_docs == 0:
            return set()
        query = Query.term_set_query(_SCHEMA, "id", ids)
        return {found for found, _ in searcher.search(query, len(ids), count=False, order_by_field="id").hits}

    def _stamp(self) -> tuple[int, int, int]:
        stat = self._meta.stat()
        return stat.st_mtime_ns, stat.st_ino, stat.st_size


@contextmanager
def _naming(folder: Path, done: str) -> Iterator[None]:
    """Turn what tantivy and the disk raise into Unavailable or OwnedElsewhere, naming the folder."""
    try:
        yield
    except BaseException as exc:
        # tantivy raises ValueError for what it notices; on other damage its Rust code panics, and the panic's class
        # is no Exception and cannot be imported.
        if isinstance(exc, ValueError | OSError) or type(exc).__name__ == "PanicException":
            reason = " ".join(str(exc).split())[:300]
            if "LockBusy" in reason:
                raise OwnedElsewhere(
                    f"The log folder {folder} is being written to by another process.", fix="End it, then try again."
                ) from exc
            raise Unavailable(f"The log folder {folder} cannot be {done}: {reason}.", fix=_MEND) from exc
        raise


def _create(folder: Path) -> None:
    """Make a day's folder: the version first, so that an index without one is none of ours."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _VERSION_FILE).open("wb") as file:
        file.write(orjson.dumps({"format": FORMAT, "tantivy": version("tantivy")}))
        file.flush()
        os.fsync(file.fileno())
    Index(_SCHEMA, str(folder))
    for made in (folder, folder.parent, folder.parent.parent):
        handle = os.open(made, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _span_of(name: str) -> Interval | None:
    """The day that a folder is named after, None for another folder."""
    try:
        first_ms = ms_of(datetime.strptime(name, "%Y-%m-%d").replace(tzinfo=UTC))
    except ValueError:
        return None
    return Interval(first_ms, first_ms + DAY_MS)


def _document(line: LogLine) -> Document:
    whole = [line.id, line.at_ms, line.host, line.program, line.severity, line.message, line.source]
    return Document(
        id=line.id,
        at_ms=line.at_ms,
        host=line.host.lower(),
        program=line.program,
        severity=line.severity,
        words=" ".join(words_of(line.message)),
        line=orjson.dumps(whole),
    )


def _clauses(query: LogQuery) -> list[Query]:
    """What a line must match, the window aside."""
    clauses = [Query.term_query(_SCHEMA, "words", word) for word in wanted(query.words)]
    keywords = {
        "host": [host.lower() for host in query.hosts],
        "program": query.programs,
        "severity": query.severities,
    }
    clauses += [Query.term_set_query(_SCHEMA, field, list(values)) for field, values in keywords.items() if values]
    return clauses


def _all_of(clauses: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Must, clause) for clause in clauses]) if clauses else Query.all_query()


def _within(span: Interval) -> Query:
    return Query.range_query(_SCHEMA, "at_ms", FieldType.Integer, span.from_ms, span.to_ms, True, False)


def _count(searcher: Searcher, clauses: list[Query], day: Interval, window: Interval) -> int:
    """How many lines of a day match. A whole day needs no range, and without clauses no look at the lines."""
    inside = day.cut(window)
    if inside != day:
        clauses = [*clauses, _within(inside)]
    elif not clauses:
        return searcher.num_docs
    return cast(_Counted, searcher.search(_all_of(clauses), 1)).count


def _newest(searcher: Searcher, clauses: list[Query], span: Interval, most: int, place: _Place | None) -> list[LogLine]:
    """The first lines of a span after a place, newest first, those of one millisecond by id.

    tantivy sorts by one field and leaves ties in the order of its files, so the millisecond at which a page begins or
    ends is asked for by itself, sorted by id.
    """
    lines: list[LogLine] = []
    if place is not None:
        if span.holds(place.at_ms):
            at_place = _all_of([*clauses, Query.term_query(_SCHEMA, "at_ms", place.at_ms)])
            count = cast(_Counted, searcher.search(at_place, 1)).count
            after = [address for found, address in _by_id(searcher, at_place, max(1, count)) if found > place.id]
            lines = _told(searcher, after[:most])
        span = span.cut(Interval(-FOREVER_MS, place.at_ms))
    if len(lines) == most or not span:
        return lines
    most -= len(lines)
    hits = searcher.search(_all_of([*clauses, _within(span)]), most, count=False, order_by_field="at_ms").hits
    last_ms = hits[-1][0] if len(hits) == most else None
    newer = _told(searcher, [address for at_ms, address in hits if at_ms != last_ms])
    lines += sorted(newer, key=lambda line: (-line.at_ms, line.id))
    if last_ms is not None:
        at_last = _all_of([*clauses, Query.term_query(_SCHEMA, "at_ms", last_ms)])
        lines += _told(searcher, [address for _, address in _by_id(searcher, at_last, most - len(newer))])
    return lines


def _by_id(searcher: Searcher, query: Query, most: int) -> list[tuple[str, DocAddress]]:
    return searcher.search(query, most, count=False, order_by_field="id", order=Order.Asc).hits


def _told(searcher: Searcher, addresses: Sequence[DocAddress]) -> list[LogLine]:
    return [LogLine(*orjson.loads(bytes(searcher.doc(address)["line"][0]))) for address in addresses]


def _place_of(cursor: str | None) -> _Place | None:
    if cursor is None:
        return None
    at_ms, point, line_id = cursor.partition(".")
    if not (point and at_ms.removeprefix("-").isdecimal() and at_ms.isascii() and len(at_ms) <= 16):
        raise BadRequest(f"'{cursor[:40]}' is no cursor of a log search.", fix="Ask for the first page again.")
    return _Place(int(at_ms), line_id)

"""The engine: the days of one folder, written by one process and read by many."""

import asyncio
import logging
import threading
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from tantivy import IndexWriter, Searcher

from weft.base.errors import TooMuch, Unavailable
from weft.base.intervals import FOREVER_MS, Interval, datetime_of
from weft.logs.fields import own_name
from weft.logs.limits import COUNTED, MOST_VALUES, counts_own, page_size, steps_of
from weft.logs.patterns import literal_regex
from weft.logs.query import EVERYTHING
from weft.logs.store import (
    CORE_FIELDS,
    Histogram,
    LogField,
    LogHits,
    LogLine,
    LogQuery,
    Place,
    TopValues,
)
from weft.logs.tantivy.day import DAY_MS, MEND, Day, count, create, document_of, naming, span_of
from weft.logs.tantivy.finding import compiled, page
from weft.logs.terms import ALL, NOTHING, During, OneOf, Wanted, all_of, wanted

T = TypeVar("T")

log = logging.getLogger(__name__)

THREADS = 2
HEAP_BYTES = 50_000_000
"""Memory a writer may fill before it writes out by itself."""

WRITERS = 2
"""Writers kept open, of the days last written to."""

READERS = 400
"""Days kept open for reading, of those last asked: files are mapped, so an open day costs little."""

IDLE_S = 30.0
"""After so long without a new line all writers are closed."""

LONGEST_S = 20.0
"""A search that has taken longer looks into no further day."""

EVER = Interval(-FOREVER_MS, FOREVER_MS)


class TantivyLogs:
    """LogStore in folders of one process; others may read them at the same time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Its two threads are the limit on what runs at once; asyncio's shared pool would not be.
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="weft-logs")
        self._writing, self._opening = threading.Lock(), threading.Lock()
        self._days: OrderedDict[str, Day] = OrderedDict()
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

    async def search(
        self, query: LogQuery, *, limit: int = 100, cursor: str | None = None, oldest: bool = False
    ) -> LogHits:
        """See LogStore; at most limits.MOST lines, counted as limits.COUNTED says."""
        after = None if cursor is None else Place.read(cursor)
        return await self._in_thread(lambda: self._search(query, page_size(limit), after, oldest))

    async def histogram(self, query: LogQuery, step_ms: int) -> Histogram:
        """See LogStore. Raises TooMuch: over limits.MOST_STEPS steps."""
        return await self._in_thread(lambda: self._histogram(query, step_ms))

    async def top(self, query: LogQuery, field: str, n: int = 10) -> TopValues:
        """See LogStore; of a day with more than limits.MOST_VALUES values, the commonest of those."""
        return await self._in_thread(lambda: self._top(query, field, n))

    async def fields(self, query: LogQuery) -> tuple[LogField, ...]:
        """See LogStore."""
        return await self._in_thread(lambda: self._fields(query))

    async def span(self) -> Interval | None:
        """See LogStore."""
        days = await self._in_thread(lambda: self._names(EVER))
        return Interval(days[-1][1].from_ms, days[0][1].to_ms) if days else None

    async def stats(self) -> dict[str, int]:
        """Lines and days kept; days that cannot be read count as `damaged_days` only."""
        return await self._in_thread(self._stats)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _append(self, lines: Sequence[LogLine]) -> int:
        by_day: defaultdict[int, dict[str, LogLine]] = defaultdict(dict)
        for line in lines:
            by_day[line.at_ms // DAY_MS].setdefault(line.id, line)
        new, failed = 0, []
        with self._writing:
            for day, of_day in sorted(by_day.items()):
                try:
                    new += self._append_to(datetime_of(day * DAY_MS).date().isoformat(), of_day)
                except Unavailable as exc:
                    failed.append(exc)
        if failed:
            raise failed[0]
        return new

    def _append_to(self, name: str, lines: dict[str, LogLine]) -> int:
        folder = self._folder / name
        day = self._day(name)
        if day is None:
            with naming(folder, "written to"):
                create(folder)
            day = self._day(name)
            assert day is not None
        with naming(folder, "written to"):
            known = day.known(list(lines.values()))
            fresh = [line for line in lines.values() if line.id not in known]
            if fresh:
                self._write(name, day, fresh)
                day.kept(fresh)
        return len(fresh)

    def _write(self, name: str, day: "Day", lines: Sequence[LogLine]) -> None:
        """Add lines in one commit, which is on disk when this returns, or none."""
        writer = self._writers.pop(name, None) or day.index.writer(HEAP_BYTES, 1)
        try:
            for line in lines:
                writer.add_document(document_of(line))
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
            with naming(self._folder / name, "merged"):
                writer.wait_merging_threads()
        except Unavailable as exc:
            # Nothing is lost by it: merging only joins what is kept already.
            log.warning("%s", exc)

    def _day(self, name: str) -> "Day | None":
        """The day's index, None when it has none yet."""
        with self._opening:
            day = self._days.pop(name, None) or Day.opened(self._folder / name)
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
            raise Unavailable(f"Logs in {self._folder} cannot be read: {exc.strerror}.", fix=MEND) from exc
        spans = ((name, span) for name in entries if (span := span_of(name)) is not None)
        return sorted((day for day in spans if day[1].overlaps(window)), key=lambda day: day[1], reverse=True)

    def _look(
        self, query: LogQuery, work: Callable[[Searcher, Wanted, Interval], bool], *, oldest: bool = False
    ) -> tuple[str, ...]:
        """Let `work` look into each day that may hold matching lines, newest first, until it says that it has enough.

        Returns:
            What could not be read.
        Raises:
            TooMuch: it takes longer than LONGEST_S.
        """
        whole, notices, began = query.whole(), list[str](), time.monotonic()
        for name, span in self._names(query.window)[:: -1 if oldest else 1]:
            if time.monotonic() - began > LONGEST_S:
                raise TooMuch(
                    f"The search took over {LONGEST_S:.0f} s.",
                    fix="Give a shorter window, or a query with fewer wildcards.",
                )
            part = span.cut(query.window)
            want = wanted(whole, part)
            if part != span:
                want = all_of([want, During(part)])
            try:
                day = None if want == NOTHING else self._day(name)
                if day is not None:
                    with naming(self._folder / name, "read"):
                        if work(day.searcher(), want, part):
                            break
            except Unavailable as exc:
                notices.append(str(exc))
        return tuple(notices)

    def _search(self, query: LogQuery, limit: int, after: Place | None, oldest: bool) -> LogHits:
        lines: list[LogLine] = []
        total, uncounted = 0, False

        def work(searcher: Searcher, want: Wanted, part: Interval) -> bool:
            nonlocal total, uncounted
            full = len(lines) > limit
            passed = after is not None and (part.to_ms <= after.at_ms if oldest else part.from_ms > after.at_ms)
            uncounted = total >= COUNTED
            if uncounted and full:
                return True
            sought = compiled(want)
            if not uncounted:
                total += searcher.num_docs if want == ALL else count(searcher, sought)
            if not full and not passed:
                lines.extend(page(searcher, sought, 0, limit + 1 - len(lines), after, oldest))
            return False

        notices = self._look(query, work, oldest=oldest)
        more = Place.of(lines[limit - 1]).cursor if len(lines) > limit else None
        return LogHits(tuple(lines[:limit]), total, more, notices, uncounted)

    def _histogram(self, query: LogQuery, step_ms: int) -> Histogram:
        start_ms, steps = steps_of(query.window, step_ms)
        counts = [0] * steps
        asked = {"steps": {"histogram": {"field": "at_ms", "interval": step_ms, "min_doc_count": 1}}}

        def work(searcher: Searcher, want: Wanted, part: Interval) -> bool:
            for bucket in searcher.aggregate(compiled(want), asked)["steps"]["buckets"]:
                counts[(int(bucket["key"]) - start_ms) // step_ms] += bucket["doc_count"]
            return False

        notices = self._look(query, work)
        return Histogram(start_ms, step_ms, tuple(counts), notices)

    def _top(self, query: LogQuery, field: str, n: int) -> TopValues:
        own = counts_own(field)
        head = f"{own_name(field)}=" if own else ""
        named = OneOf("names", (own_name(field),)) if own else ALL
        told: dict[str, Any] = {"field": "pairs" if own else field, "size": MOST_VALUES}
        if own:
            told["include"] = f"{literal_regex(head)}(?s:.)*"
        counts: Counter[str] = Counter()
        others = 0

        def work(searcher: Searcher, want: Wanted, part: Interval) -> bool:
            nonlocal others
            found = searcher.aggregate(compiled(all_of([want, named])), {"values": {"terms": told}})["values"]
            counts.update({bucket["key"].removeprefix(head): bucket["doc_count"] for bucket in found["buckets"]})
            others += found["sum_other_doc_count"]
            return False

        notices = self._look(query, work)
        if not own:
            del counts[""]  # not known
        top = sorted(counts.items(), key=lambda told: (-told[1], told[0]))[: max(0, n)]
        return TopValues(tuple(top), counts.total() + others, notices)

    def _fields(self, query: LogQuery) -> tuple[LogField, ...]:
        names: set[str] = set()
        every = query.whole() == EVERYTHING

        def work(searcher: Searcher, want: Wanted, part: Interval) -> bool:
            if every:
                names.update(name for name, _ in searcher.terms_with_prefix("names", ""))
            else:
                asked = {"names": {"terms": {"field": "names", "size": MOST_VALUES}}}
                found = searcher.aggregate(compiled(want), asked)["names"]["buckets"]
                names.update(bucket["key"] for bucket in found)
            return False

        self._look(query, work)
        own = sorted(name for name in names if name and not name.endswith("#"))
        return (*CORE_FIELDS, *(LogField(name, "number" if f"{name}#" in names else "keyword") for name in own))

    def _stats(self) -> dict[str, int]:
        counts = {"lines": 0, "days": 0, "damaged_days": 0}
        for name, _ in self._names(EVER):
            try:
                if (day := self._day(name)) is not None:
                    with naming(self._folder / name, "read"):
                        counts["lines"] += day.searcher().num_docs
                    counts["days"] += 1
            except Unavailable:
                counts["damaged_days"] += 1
        return counts

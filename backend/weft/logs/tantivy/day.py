"""A day's folder: its index, what is loaded of it, and what goes wrong with it, in words."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Protocol, cast

import orjson
import tantivy
from tantivy import Document, Index, Query, Searcher

from weft.base.errors import OwnedElsewhere, TooMuch, Unavailable
from weft.base.intervals import Interval, ms_of
from weft.logs.store import LogLine, key_of
from weft.logs.terms import indexed

FORMAT = 3
"""Version of the fields of `_schema`, kept in each day's folder."""

DAY_MS = 86_400_000

_VERSION_FILE = "weft.json"
_META_FILE = "meta.json"
MEND = "Restore the folder from a backup, or move it away and import that day's logs again."


def _schema() -> tantivy.Schema:
    """Fields of a line. All but `line`, which holds it whole, only serve to find, sort and count."""
    builder = tantivy.SchemaBuilder()
    # Known lines are looked up by the second they stand in: an index of all keys would be a sixth of the folder, and a
    # fifth of the work of keeping a line.
    builder.add_integer_field("second", indexed=True)
    for number in ("key", "at_ms", "seq"):
        builder.add_integer_field(number, fast=True)
    for keyword in ("host", "program", "severity", "source", "pairs", "names"):
        builder.add_text_field(keyword, tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_text_field("hosts", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("words", tokenizer_name="whitespace", index_option="position")
    builder.add_bytes_field("line", stored=True)
    return builder.build()


SCHEMA = _schema()


class _Counted(Protocol):
    """What tantivy's type stub leaves out of SearchResult."""

    count: int


class Day:
    """One day's index, and what of it is loaded."""

    def __init__(self, folder: Path, index: Index) -> None:
        self.index = index
        self._meta = folder / _META_FILE
        self._loaded = self._stamp()
        self._loading = threading.Lock()
        self._newest_ms: int | None = None

    @classmethod
    def opened(cls, folder: Path) -> "Day | None":
        """Open a day; None when there is none, or its creation was cut short. Raises Unavailable."""
        with naming(folder, "read"):
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
                self._newest_ms = None
            return self.index.searcher()

    def known(self, lines: Sequence[LogLine]) -> set[str]:
        """Ids of those lines that are kept. Most lines are newer than all that are, and need not be looked up."""
        searcher = self.searcher()
        if searcher.num_docs == 0:
            return set()
        newest_ms = self._newest(searcher)
        by_key = {key_of(line.id): line for line in lines if line.at_ms <= newest_ms}
        if not by_key:
            return set()
        seconds = {line.at_ms // 1000 for line in by_key.values()}
        query = Query.term_set_query(SCHEMA, "second", list(seconds))
        hits = searcher.search(query, max(1, count(searcher, query)), count=False, order_by_field="key").hits
        same = [(by_key[key], address) for key, address in hits if key in by_key]
        times = searcher.fast_field_values("at_ms", [address for _, address in same])
        return {line.id for (line, _), at_ms in zip(same, times, strict=True) if line.at_ms == at_ms}

    def kept(self, lines: Sequence[LogLine]) -> None:
        """Load a commit of ours; it is known then what the newest line is."""
        before_ms = self._newest_ms
        self.searcher()
        if before_ms is not None:
            self._newest_ms = max(before_ms, *(line.at_ms for line in lines))

    def _newest(self, searcher: Searcher) -> int:
        if self._newest_ms is None:
            ((at_ms, _),) = searcher.search(Query.all_query(), 1, count=False, order_by_field="at_ms").hits
            self._newest_ms = at_ms
        return self._newest_ms

    def _stamp(self) -> tuple[int, int, int]:
        stat = self._meta.stat()
        return stat.st_mtime_ns, stat.st_ino, stat.st_size


def count(searcher: Searcher, query: Query) -> int:
    """How many lines match."""
    # Sorting by a column spares the scores that tantivy would work out otherwise.
    return cast(_Counted, searcher.search(query, 1, order_by_field="at_ms")).count


@contextmanager
def naming(folder: Path, done: str) -> Iterator[None]:
    """Turn what tantivy and the disk raise into Unavailable or OwnedElsewhere, naming the folder, or into TooMuch."""
    try:
        yield
    except BaseException as exc:
        # tantivy raises ValueError for what it notices; on other damage its Rust code panics, and the panic's class
        # is no Exception and cannot be imported.
        if isinstance(exc, ValueError | OSError) or type(exc).__name__ == "PanicException":
            reason = " ".join(str(exc).split())[:300]
            if "max expansions" in reason or "limit was exceeded" in reason:
                raise TooMuch("The query fits too many different words.", fix="Make its wildcards narrower.") from exc
            if "LockBusy" in reason:
                raise OwnedElsewhere(
                    f"The log folder {folder} is being written to by another process.", fix="End it, then try again."
                ) from exc
            raise Unavailable(f"The log folder {folder} cannot be {done}: {reason}.", fix=MEND) from exc
        raise


def create(folder: Path) -> None:
    """Make a day's folder: the version first, so that an index without one is none of ours."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _VERSION_FILE).open("wb") as file:
        file.write(orjson.dumps({"format": FORMAT, "tantivy": version("tantivy")}))
        file.flush()
        os.fsync(file.fileno())
    Index(SCHEMA, str(folder))
    for made in (folder, folder.parent, folder.parent.parent):
        handle = os.open(made, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def span_of(name: str) -> Interval | None:
    """The day that a folder is named after, None for another folder."""
    try:
        first_ms = ms_of(datetime.strptime(name, "%Y-%m-%d").replace(tzinfo=UTC))
    except ValueError:
        return None
    return Interval(first_ms, first_ms + DAY_MS)


def document_of(line: LogLine) -> Document:
    told = indexed(line)
    document = Document()  # member by member: half as long as from keyword arguments
    document.add_integer("second", told.at_ms // 1000)
    document.add_integer("key", told.key)
    document.add_integer("at_ms", told.at_ms)
    document.add_integer("seq", told.seq)
    document.add_text("host", told.host)
    for host in told.hosts:
        document.add_text("hosts", host)
    document.add_text("program", told.program)
    document.add_text("severity", told.severity)
    document.add_text("source", told.source)
    document.add_text("words", told.words)
    for pair in told.pairs:
        document.add_text("pairs", pair)
    for name in told.names:
        document.add_text("names", name)
    whole = [line.id, line.at_ms, line.host, line.program, line.severity, line.message, line.source, line.seq]
    document.add_bytes("line", orjson.dumps([*whole, dict(line.fields)] if line.fields else whole))
    return document

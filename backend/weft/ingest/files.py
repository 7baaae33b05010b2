"""Files of a site as text: which ones, how they begin, what they hold."""

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from weft.base.errors import BadInput
from weft.base.intervals import FOREVER_MS
from weft.ingest.recognise import HEAD

MAX_BYTES = 256 << 20
"""Largest text that is taken at once, unpacked: ten times the counters of the largest fabric."""

GZIP = b"\x1f\x8b"
STDERR = ".stderr"
"""What a dump's standard error is called beside it: `ibnetdiscover.txt.stderr`."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file to look at; `named`: a person named it, so that it must not be passed over in silence."""

    path: Path
    named: bool


@dataclass(frozen=True, slots=True)
class Handed:
    """A file as it was handed in: its bytes as they lie on the disk, when it was written, its standard error."""

    path: Path
    raw: bytes
    written_ms: int
    stderr: str


@dataclass(frozen=True, slots=True)
class Whole:
    """A file's text with line ends as `\\n`, its time, its standard error, and what the reader should know."""

    text: str
    written_ms: int
    stderr: str
    notices: tuple[str, ...]


def candidates(paths: Sequence[Path]) -> list[Candidate]:
    """Every file that is named or lies in a named folder, sorted within each, once.

    In folders hidden files, READMEs and the standard errors of dumps are passed over, links to folders not followed.
    """
    found: dict[Path, Candidate] = {}
    for path in paths:
        for candidate in [Candidate(path, True)] if not path.is_dir() else _below(path):
            known = found.get(candidate.path)
            if known is None or candidate.named > known.named:
                found[candidate.path] = candidate
    return list(found.values())


def _below(folder: Path) -> Iterable[Candidate]:
    unlisted: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=unlisted.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not (name.startswith(".") or name.upper().startswith("README") or name.endswith(STDERR)):
                yield Candidate(Path(parent, name), False)
    yield from (Candidate(Path(error.filename), False) for error in unlisted)


def head(path: Path) -> str:
    """How a file begins, for recognising it; what is no UTF-8 is replaced. Raises BadInput: it cannot be read."""
    with _opened(path) as file, _unpacked(file, path) as unpacked:
        return _head_of(unpacked.read(HEAD), path)


def handed(path: Path) -> Handed:
    """A file with what is known beside its bytes. Raises BadInput: it cannot be read, or is larger than MAX_BYTES."""
    with _opened(path) as file:
        raw = file.read(MAX_BYTES + 1)
        written_ms = os.fstat(file.fileno()).st_mtime_ns // 1_000_000
    if len(raw) > MAX_BYTES:
        raise _too_large(path)
    return Handed(path, raw, min(max(written_ms, 0), FOREVER_MS - 1), _stderr_of(path))


def head_of(file: Handed) -> str:
    """How a file that was handed in begins. Raises BadInput: it cannot be unpacked."""
    with _unpacked(io.BytesIO(file.raw), file.path) as unpacked:
        return _head_of(unpacked.read(HEAD), file.path)


def whole(file: Handed) -> Whole:
    """The text of a file that was handed in. Raises BadInput: it cannot be unpacked, or is larger than MAX_BYTES."""
    with _unpacked(io.BytesIO(file.raw), file.path) as unpacked:
        raw = unpacked.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise _too_large(file.path)
    notices: list[str] = []
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        text = raw.decode("latin-1")
        notices.append(f"Not UTF-8 (byte {exc.start:,}): read as ISO 8859-1.")
    return Whole(_lines(text), file.written_ms, file.stderr, tuple(notices))


def _too_large(path: Path) -> BadInput:
    return BadInput(
        f"it holds more than {MAX_BYTES >> 20:,} MiB.", fix="Split it at line ends: `split -C 200M`.", file=str(path)
    )


def _head_of(raw: bytes, path: Path) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadInput("it is UTF-16 text.", fix="Convert it: `iconv -f UTF-16 -t UTF-8`.", file=str(path))
    return _lines(raw.decode("utf-8-sig", "replace"))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _stderr_of(path: Path) -> str:
    """Standard error beside a dump, also beside one that was packed later; "" when there is none."""
    packed = [path.with_suffix("")] if path.suffix == ".gz" else []
    for dump in (path, *packed):
        beside = dump.with_name(dump.name + STDERR)
        if beside.exists():
            with _opened(beside) as file, _unpacked(file, beside) as unpacked:
                return _lines(unpacked.read(MAX_BYTES).decode("utf-8", "replace"))
    return ""


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A regular file's bytes; whatever goes wrong with it is a BadInput that names it."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise BadInput("the folder cannot be listed.", fix="See its rights.", file=str(path))
        if not stat.S_ISREG(mode):  # opening a pipe would wait for its writer
            raise BadInput("it is no regular file.", fix="Name a file or a folder.", file=str(path))
        with path.open("rb") as file:
            yield file
    except OSError as exc:
        raise BadInput(
            f"it cannot be read: {exc.strerror}.", fix="See its name and its rights.", file=str(path)
        ) from exc


@contextmanager
def _unpacked(file: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    """A file's bytes, unpacked when it is gzip. Raises BadInput: that is damaged."""
    magic = file.read(len(GZIP))
    file.seek(0)
    if magic != GZIP:
        yield file
        return
    try:
        with gzip.GzipFile(fileobj=file) as unpacked:
            yield cast(BinaryIO, unpacked)
    except (EOFError, zlib.error, gzip.BadGzipFile) as exc:
        raise BadInput("its gzip data is cut or damaged.", fix="Copy it again.", file=str(path)) from exc

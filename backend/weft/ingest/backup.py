"""One file that holds a data folder: written while the folder is in use, read back whole or not at all.

It is a tar archive whose last member is a manifest with the SHA-256 of every other: one that was cut short or changed
has none that fits. What waits in the spool is copied before the stores, so that nothing is in neither: what both hold
is applied again, which changes nothing.
"""

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import orjson

from weft.base.errors import BadInput, BadRequest, Unavailable
from weft.base.intervals import iso
from weft.base.journal import sync_folder
from weft.base.spool import SPOOL
from weft.inventory.sqlite.snapshot import snapshot as snapshot_inventory
from weft.logs.tantivy.snapshot import snapshot as snapshot_logs
from weft.metrics.taglog import TAG_LOG

FORMAT = 1
MANIFEST = "weft-backup.json"
_CHUNK = 1 << 20

Progress = Callable[[str], None]
"""Called with the name of each file before it is taken."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What an archive holds: how many files, their bytes, and when it was begun (epoch ms)."""

    files: int
    bytes: int
    at_ms: int


def backup(data: Path, target: Path, at_ms: int, progress: Progress = lambda name: None) -> Kept:
    """Write the data folder's embedded stores, spool and settings into one file; it appears whole or not at all.

    Args:
        target: .tar, or compressed when its name ends with .gz or .tgz. at_ms: now, for the manifest.
    Raises:
        BadRequest: there is no site, or the file is there already. Unavailable: the disk refuses.
    """
    if not data.is_dir() or not any(data.iterdir()):
        raise BadRequest(f"There is no site in {data}.", fix="Name its folder with --data.")
    if target.exists():
        raise BadRequest(f"{target} is there already.", fix="Name another file; a backup is never written over.")
    part = target.with_name(f".{target.name}.part")
    try:
        with _staging(data) as stage, _writing(part, target.name) as file:
            snapshot_spool(data / SPOOL, stage / SPOOL)
            snapshot_inventory(data / "inventory.db", stage / "inventory.db")
            snapshot_logs(data / "logs", stage / "logs")
            sums: dict[str, str] = {}
            size = 0
            with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                for path, name in _files(data, stage):
                    progress(name)
                    taken = _add(tar, path, name)
                    if taken is not None:
                        sums[name], size = taken[0], size + taken[1]
                told = {"format": FORMAT, "at_ms": at_ms, "at": iso(at_ms), "bytes": size, "sha256": sums}
                _add_bytes(tar, MANIFEST, orjson.dumps(told, option=orjson.OPT_INDENT_2))
        part.rename(target)
        sync_folder(target.parent)
    except OSError as exc:
        part.unlink(missing_ok=True)
        raise Unavailable(
            f"The backup {target} cannot be written: {exc.strerror or exc}.", fix="See the space and the rights there."
        ) from exc
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return Kept(len(sums), size, at_ms)


def restore(source: Path, data: Path, progress: Progress = lambda name: None) -> Kept:
    """Make a data folder from a backup; the folder appears whole or not at all.

    Raises:
        BadRequest: the folder holds something. BadInput: no backup, cut short, or changed since. Unavailable: the disk.
    """
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise BadRequest(f"{data} is not empty.", fix="Name a new folder with --data; nothing is written over.")
    new = data.with_name(f".{data.name}.restoring")
    try:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        kept = _unpacked(source, new, progress)
        if data.exists():
            data.rmdir()
        new.rename(data)
        sync_folder(data.parent)
    except (tarfile.TarError, EOFError, zlib.error, ValueError, KeyError) as exc:
        raise _spoilt(source, f"it is cut short or not a backup ({exc})") from exc
    except OSError as exc:
        if isinstance(exc, FileNotFoundError) and exc.filename == str(source):
            raise BadInput("There is no such file.", fix="Name a backup.", file=str(source)) from exc
        if exc.errno is None:  # gzip says so of bytes that it did not write
            raise _spoilt(source, f"it is cut short or not a backup ({exc})") from exc
        raise Unavailable(
            f"The backup {source} cannot be restored to {data}: {exc.strerror}.",
            fix="See the space and the rights there.",
        ) from exc
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return kept


def snapshot_spool(source: Path, target: Path) -> None:
    """Copy what waits: the segments, then how far they are applied, so that this is never behind what was copied."""
    if not source.is_dir():
        return
    names = [path for path in sorted(source.rglob("*")) if path.is_file() and path.name != "lock"]
    for path in sorted(names, key=lambda path: path.name == "done"):
        try:
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        except FileNotFoundError:
            continue  # applied meanwhile: the stores, copied later, hold it


@contextmanager
def _staging(data: Path) -> Iterator[Path]:
    """A folder on the same file system as the stores, where copies of one moment wait to be packed."""
    for left in data.glob(".backup-*"):
        if not Path("/proc", left.name.rpartition("-")[2]).exists():  # by one that was killed
            shutil.rmtree(left, ignore_errors=True)
    folder = data / f".backup-{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _writing(part: Path, name: str) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """The file that becomes the backup, compressed where its final name says so; on disk when the block ends."""
    with part.open("wb") as raw:
        if name.endswith((".gz", ".tgz")):
            with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1, mtime=0) as packed:
                yield packed
        else:
            yield raw
        raw.flush()
        os.fsync(raw.fileno())


def _files(data: Path, stage: Path) -> Iterator[tuple[Path, str]]:
    """Files to pack with their names in the archive: the copies, then whisper files, tags and settings as they are."""
    for path in sorted(stage.rglob("*")):
        if path.is_file():
            yield path, path.relative_to(stage).as_posix()
    for path in sorted([data / "weft.toml", data / TAG_LOG, *(data / "whisper").rglob("*")]):
        if path.is_file() and not path.is_symlink():
            yield path, path.relative_to(data).as_posix()


def _add(tar: tarfile.TarFile, path: Path, name: str) -> tuple[str, int] | None:
    """Pack a file; its SHA-256 and size, or None when it has gone. Of one that grows, what was there at first."""
    try:
        with path.open("rb") as file:
            info = tarfile.TarInfo(name)
            status = os.fstat(file.fileno())
            info.size, info.mtime, info.mode = status.st_size, int(status.st_mtime), 0o644
            reader = _Summing(file, info.size)
            tar.addfile(info, reader)
            return reader.digest.hexdigest(), info.size
    except FileNotFoundError:
        return None


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    tar.addfile(info, io.BytesIO(data))


class _Summing(io.RawIOBase):
    """A file as it is read, summed; one that shrinks meanwhile reads as zeros, as a hole would."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left, self.digest = file, size, hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted).ljust(wanted, b"\0")
        self._left -= wanted
        self.digest.update(data)
        return data


def _unpacked(source: Path, new: Path, progress: Progress) -> Kept:
    """Write every member below a folder, and see that they are those of the manifest."""
    sums: dict[str, str] = {}
    manifest: bytes | None = None
    with tarfile.open(source, mode="r|*") as tar:
        for member in tar:
            file = tar.extractfile(member)
            name = PurePosixPath(member.name)
            if file is None or not member.isreg() or name.is_absolute() or ".." in name.parts:
                raise _spoilt(source, f"it holds '{member.name[:80]}', which no backup of ours does")
            if member.name == MANIFEST:
                manifest = file.read(member.size)
                continue
            progress(member.name)
            sums[member.name] = _written(file, new / name)
    if manifest is None:
        raise _spoilt(source, "it is cut short: its list of files is missing")
    told = orjson.loads(manifest)
    if told["format"] != FORMAT:
        raise _spoilt(source, f"its format is {told['format']}, this Weft reads {FORMAT}")
    for name in sorted(told["sha256"].keys() | sums.keys()):
        if told["sha256"].get(name) != sums.get(name):
            raise _spoilt(source, f"'{name}' is not as it was written")
    return Kept(len(sums), told["bytes"], told["at_ms"])


def _written(file: IO[bytes], path: Path) -> str:
    digest = hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as out:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    return digest.hexdigest()


def _spoilt(source: Path, why: str) -> BadInput:
    return BadInput(f"This is not a backup to restore from: {why}.", fix="Take another one.", file=str(source))

"""What was said of series over HTTP, by tagSeries and delSeries, and no file of the tree tells.

That is a series whose file carbon calls by a hash or has not made yet, and one that is to be found no more while its
file stays. The log is a text: a first line of its own, then `+name` or `-name` for each thing said; the last of a name
counts. Any process of the machine appends, under one lock, so that whoever was answered finds the series in all of them
at once: through the spool it would wait for an owner who has nothing to add.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from weft.base.errors import Unavailable
from weft.base.journal import sync_folder

TAG_LOG = "tags.log"
"""What the log is called below the data folder."""

SPARE_LINES = 10_000
"""More lines than this that no longer count, and more than half: the log is written anew."""


class TagLog:
    """The log as one process sees it. The first line makes the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()
        self._said: dict[str, bool] = {}
        self._head, self._read, self._lines = b"", 0, 0
        self._generation = 0

    def generation(self) -> int:
        """Counts changes of what was said, by any process. Raises Unavailable: the log cannot be read."""
        with self._turn, _told(self._path):
            self._look()
            return self._generation

    def said(self) -> dict[str, bool]:
        """By name whether the series is there, as `generation` saw it last."""
        with self._turn:
            return dict(self._said)

    def say(self, names: Iterable[str], *, there: bool) -> None:
        """Keep that these series are there, or are not; on disk when this returns. What is known costs no line.

        Raises:
            Unavailable: the disk refuses; nothing was kept, or only some of the first.
        """
        with self._turn, _told(self._path), self._locked():
            self._look()
            new = {name: there for name in names if self._said.get(name) is not there}
            if not new:
                return
            if self._lines + len(new) > 2 * (len(self._said) + len(new)) + SPARE_LINES:
                whole = self._path.with_suffix(".new")
                _append(whole, 0, {**self._said, **new})
                whole.rename(self._path)
            else:
                _append(self._path, self._read, new)
            sync_folder(self._path.parent)
            self._look()

    def _look(self) -> None:
        """Read what was appended since the last time, or all of a log that was written anew."""
        try:
            with self._path.open("rb") as file:
                head = file.readline()
                if head != self._head:
                    self._said, self._head, self._read, self._lines = {}, head, 0, 0
                file.seek(self._read)
                raw = file.read()
        except FileNotFoundError:
            return
        # What follows the last line end, a process was killed over: nobody was told that it is kept.
        raw = raw[: raw.rfind(b"\n") + 1]
        lines = raw.decode("utf-8", "surrogateescape").split("\n")[:-1]
        self._said.update((line[1:], line[0] == "+") for line in lines if line[:1] in ("+", "-"))
        self._read += len(raw)
        self._lines += len(lines)
        self._generation += bool(lines)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The only process that appends; a file of its own, as the log itself may be exchanged."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _append(path: Path, at: int, said: Mapping[str, bool]) -> None:
    """Write lines from a place on, where the last whole line ends, and have them on disk."""
    lines = "".join(f"{'+' if there else '-'}{name}\n" for name, there in said.items())
    head = f"# What was said of tagged series, since {time.time_ns()}\n" if at == 0 else ""
    with path.open("ab") as file:
        file.truncate(at)
        file.write((head + lines).encode("utf-8", "surrogateescape"))
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise Unavailable(
            f"{path}, which keeps what was said of tagged series, cannot be read or written: {exc.strerror}.",
            fix="See the disk's space and the folder's owner, then say it again: what is said twice is kept once.",
        ) from exc

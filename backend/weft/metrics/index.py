"""The names of a whisper tree in memory: found without touching the disk, kept fresh by folder times.

The tree is immutable: a refresh or an added name makes new folders along the changed paths and swaps the root, so a
reader never waits and never sees half a change.
"""

import logging
import os
import sys
import threading
import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from weft.metrics.globs import MAX_PATTERN, Glob, nodes
from weft.metrics.store import Found
from weft.metrics.tags import ROOT, stored_as

log = logging.getLogger(__name__)

SUFFIX = ".wsp"
STAMP = ".weft-names"
"""A file in the root whose time says when our writer last made a series."""
MAX_DEPTH = 64
"""Folders below one another; what lies deeper is left out with a log line."""
ALIKE = 10_000
"""Sets of leaves that are kept to be shared."""
CACHED_HITS = 100_000
"""Hits of all patterns that are kept; about 10 MB."""
RACY_NS = 2_000_000_000
"""A folder changed this shortly before it was read may change again under the same time, so it is read again."""

_NO_FOLDERS: Mapping[str, "Folder"] = {}
_EVERY = nodes("*")[0]


@dataclass(frozen=True, slots=True, eq=False)
class Folder:
    """A folder: what lies in it, and its own time when it was read (0: read it again)."""

    folders: Mapping[str, "Folder"]
    leaves: frozenset[str]
    mtime_ns: int = 0


EMPTY = Folder(_NO_FOLDERS, frozenset())


class Shelf(Mapping[str, Folder]):
    """Folders that hold one leaf each and nothing else, as carbon's folders of tagged series do: 24 bytes a folder
    beside its leaf's name, a sixteenth of what they take as Folders, which are made when asked for."""

    __slots__ = ("_leaves", "_names", "_times")

    def __init__(self, folders: Mapping[str, Folder]) -> None:
        self._names = sorted(folders)
        self._leaves = [leaf for name in self._names for leaf in folders[name].leaves]
        self._times = array("q", [folders[name].mtime_ns for name in self._names])

    def __getitem__(self, name: str) -> Folder:
        place = bisect_left(self._names, name)
        if place == len(self._names) or self._names[place] != name:
            raise KeyError(name)
        return Folder(_NO_FOLDERS, frozenset((self._leaves[place],)), self._times[place])

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _shelved(folders: Mapping[str, Folder]) -> Mapping[str, Folder]:
    """The same folders, in as little memory as they need."""
    if (
        not isinstance(folders, Shelf)
        and folders
        and all(len(one.leaves) == 1 and not one.folders for one in folders.values())
    ):
        return Shelf(folders)
    return folders


class NameIndex:
    """Which series lie below a root: `a.b.c` is the file a/b/c.wsp. Files and folders with a dot in their name (but for
    the suffix) or in front have no name in Graphite and are left out; links are followed, loops are not.
    """

    def __init__(self, root: Path, max_pattern: int = MAX_PATTERN) -> None:
        self._root, self._max_pattern = root, max_pattern
        self._tree = EMPTY
        self._generation = 0
        self._cache: OrderedDict[str, list[Found]] = OrderedDict()
        self._cached_hits = 0
        self._turn = threading.Lock()
        self._refreshing = threading.Lock()
        self._added: list[str] | None = None
        self._told: set[str] = set()
        self._alike: dict[frozenset[str], frozenset[str]] = {}

    @property
    def generation(self) -> int:
        """Counts changes of the names."""
        return self._generation

    def find(self, pattern: str) -> list[Found]:
        """See SeriesStore.find. Raises TooMuch."""
        with self._turn:
            known = self._cache.get(pattern)
            if known is not None:
                self._cache.move_to_end(pattern)
                return list(known)
            tree, generation = self._tree, self._generation
        found = _find(tree, nodes(pattern, self._max_pattern))
        with self._turn:
            if generation == self._generation and len(found) <= CACHED_HITS and pattern not in self._cache:
                self._cache[pattern] = found
                # A pattern without hits costs its text as well.
                self._cached_hits += len(found) + 1
                while self._cached_hits > CACHED_HITS:
                    _, oldest = self._cache.popitem(last=False)
                    self._cached_hits -= len(oldest) + 1
        return list(found)

    def expand(self, pattern: str) -> list[str]:
        """See SeriesStore.expand. Raises TooMuch."""
        if ";" in pattern and any(map(self._holds, stored_as(pattern))):
            return [pattern]
        return [path for path, leaf in self.find(pattern) if leaf]

    def exists(self, name: str) -> bool:
        """True when exactly this series is stored, as far as the index knows."""
        return self.place(name) is not None

    def place(self, name: str) -> str | None:
        """The path at which a series is stored, dots between its nodes: its name, but for tagged ones of carbon."""
        places = (name, *stored_as(name)) if ";" in name else (name,)
        return next(filter(self._holds, places), None)

    def names(self) -> list[str]:
        """Every series, in no order, as TagIndex takes them; without tagged ones whose files are called by a hash."""
        names: list[str] = []
        todo = [("", self._tree)]
        while todo:
            prefix, folder = todo.pop()
            todo += [(f"{prefix}{name}.", below) for name, below in folder.folders.items()]
            if prefix.startswith(f"{ROOT}."):
                names += [leaf for leaf in folder.leaves if ";" in leaf]
            else:
                names += [prefix + leaf for leaf in folder.leaves]
        return names

    def _holds(self, path: str) -> bool:
        *above, leaf = path.split(".")
        folder = self._tree
        for node in above:
            below = folder.folders.get(node)
            if below is None:
                return False
            folder = below
        return leaf in folder.leaves

    def add(self, names: Iterable[str]) -> None:
        """Names just written by us: known at once, without waiting for a refresh."""
        with self._turn:
            new = [name for name in names if not self._holds(name)]
            if new:
                if self._added is not None:
                    self._added += new
                self._swap(_with(self._tree, [name.split(".") for name in new]))

    def refresh(self) -> bool:
        """Read folders whose time changed, the others not; True when names changed. For a thread: it reads the disk."""
        with self._refreshing:
            with self._turn:
                # What is added while the disk is read may be missing in what was read.
                self._added = []
                old = self._tree
            tree = self._scan(str(self._root), old, ()) or EMPTY
            with self._turn:
                tree = _with(tree, [name.split(".") for name in self._added])
                self._added = None
                if tree is not self._tree:
                    changed = not _alike(tree, self._tree)
                    self._swap(tree, changed=changed)
                    return changed
        return False

    def _swap(self, tree: Folder, *, changed: bool = True) -> None:
        self._tree = tree
        if changed:
            self._generation += 1
            self._cache.clear()
            self._cached_hits = 0

    def _scan(self, path: str, old: Folder | None, above: tuple[tuple[int, int], ...]) -> Folder | None:
        """The folder as it is now, `old` itself when nothing below it changed, None when there is none."""
        try:
            status = Path(path).stat()
            here = (status.st_dev, status.st_ino)
            if here in above or len(above) > MAX_DEPTH:
                self._tell(path, "is a loop of links" if here in above else f"lies over {MAX_DEPTH} folders deep")
                return None
            if old is not None and old.mtime_ns == status.st_mtime_ns:
                below, changed = self._scan_below(path, old.folders, (*above, here))
                return Folder(_shelved(below), old.leaves, old.mtime_ns) if changed else old
            fresh = status.st_mtime_ns > time.time_ns() - RACY_NS
            names, leaves = self._read(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as exc:
            # Not readable now is not gone: what was known stays.
            self._tell(path, f"cannot be read ({exc.strerror}); the metric names below stay as they were")
            return old or EMPTY
        known = old.folders if old is not None else _NO_FOLDERS
        below, _ = self._scan_below(path, {name: known.get(name) for name in names}, (*above, here))
        return Folder(_shelved(below) or _NO_FOLDERS, leaves, 0 if fresh else status.st_mtime_ns)

    def _scan_below(
        self, path: str, known: Mapping[str, Folder | None], above: tuple[tuple[int, int], ...]
    ) -> tuple[Mapping[str, Folder], bool]:
        """The folders of these names as they are now, and whether any is not what was known."""
        below: dict[str, Folder] = {}
        changed = False
        for name, folder in known.items():
            now = self._scan(f"{path}/{name}", folder, above)
            changed = changed or now is not folder
            if now is not None:
                below[name] = now
        return below, changed

    def _read(self, path: str) -> tuple[list[str], frozenset[str]]:
        folders, leaves = [], []
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("."):
                    continue
                if _is_folder(entry):
                    if self._nameable(path, name):
                        folders.append(sys.intern(name))
                elif name.endswith(SUFFIX) and self._nameable(path, name[: -len(SUFFIX)]):
                    leaves.append(sys.intern(name[: -len(SUFFIX)]))
        # Folders of one kind hold the same names: one set for all of them keeps a large tree small. Sorted folders make
        # what is found nearly sorted.
        alike = frozenset(leaves)
        if len(self._alike) >= ALIKE:
            self._alike.clear()
        return sorted(folders), self._alike.setdefault(alike, alike)

    def _nameable(self, path: str, name: str) -> bool:
        if "." in name or not name.isprintable():
            self._tell(f"{path}/{name}", "has a dot or an odd character in it: left out, Graphite has no name for it")
            return False
        return True

    def _tell(self, path: str, what: str) -> None:
        if path not in self._told and len(self._told) < 1000:
            self._told.add(path)
            log.warning("%r %s", path, what)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _alike(one: Folder, other: Folder) -> bool:
    """True when both hold the same names, whatever their times."""
    if one is other:
        return True
    return (
        one.leaves == other.leaves
        and one.folders.keys() == other.folders.keys()
        and all(_alike(folder, other.folders[name]) for name, folder in one.folders.items())
    )


def _with(folder: Folder, paths: Iterable[list[str]], depth: int = 0) -> Folder:
    """The folder with more leaves: each path a list of nodes from the root, `depth` of them above this folder."""
    leaves: set[str] = set()
    below: dict[str, list[list[str]]] = {}
    for path in paths:
        if len(path) == depth + 1:
            leaves.add(path[depth])
        else:
            below.setdefault(path[depth], []).append(path)
    if not below and leaves <= folder.leaves:
        return folder
    changed = {name: _with(folder.folders.get(name, EMPTY), rest, depth + 1) for name, rest in below.items()}
    below_it = _shelved({**folder.folders, **changed}) if changed else folder.folders
    return Folder(below_it, folder.leaves | leaves, folder.mtime_ns)


def _find(tree: Folder, pattern: tuple[Glob, ...]) -> list[Found]:
    """Branches, then leaves, each sorted; one set of folders a node of the pattern, so time is bounded by the tree."""
    *above, last = (*pattern, _EVERY) if pattern[-1].deep else pattern
    level: list[tuple[str, Folder]] = [("", tree)]
    for glob in above:
        if glob.deep:
            level = list(_spanned(level).items())
        elif glob.literal:
            level = [
                (f"{prefix}{word}.", below)
                for word in glob.words
                for prefix, folder in level
                if (below := folder.folders.get(word)) is not None
            ]
        else:
            level = [
                (f"{prefix}{name}.", folder.folders[name])
                for prefix, folder in level
                for name in glob.among(folder.folders)
            ]
    if last.literal:
        branches = [prefix + word for word in last.words for prefix, folder in level if word in folder.folders]
        leaves = [prefix + word for word in last.words for prefix, folder in level if word in folder.leaves]
    else:
        branches = [prefix + name for prefix, folder in level for name in last.among(folder.folders)]
        leaves = [prefix + name for prefix, folder in level for name in last.among(folder.leaves)]
    return [Found(path, False) for path in sorted(branches)] + [Found(path, True) for path in sorted(leaves)]


def _spanned(level: Iterable[tuple[str, Folder]]) -> dict[str, Folder]:
    """These folders and all below them, each once."""
    reached: dict[str, Folder] = {}
    todo = list(level)
    while todo:
        prefix, folder = todo.pop()
        if prefix not in reached:
            reached[prefix] = folder
            todo += [(f"{prefix}{name}.", below) for name, below in folder.folders.items()]
    return reached

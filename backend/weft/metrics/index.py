"""The names of a whisper tree in memory: found without touching the disk, kept fresh by folder times.

The tree is immutable: a refresh or an added name makes new folders along the changed paths and swaps the root, so a
reader never waits and never sees half a change.

What a refresh sees of what others do: a folder's time tells that files came to it or went from it, so every folder's
time is looked at. Only of carbon's tagged series, of which each has a folder of its own, 200,000 times would be too
many: there it is the folders around them, which tell of new ones, and a twentieth of the rest. So a tagged series that
is new is seen with the next refresh, unless its folder existed already (for one in 80 at 200,000, by chance); that, and
that one is gone, is seen after LATEST refreshes at most.
"""

import logging
import os
import sys
import threading
import time
import zlib
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Collection, ItemsView, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat
from operator import itemgetter
from pathlib import Path

from weft.base.texts import Anew, kept, made
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
CACHED_BYTES = 4_000_000
"""What the hits of all patterns that are kept may take."""
HIT_BYTES = 60
"""What a hit takes beside its path's characters."""
LATEST = 20
"""Refreshes in which all folders of tagged series are looked at, some in each."""
RACY_NS = 2_000_000_000
"""A folder changed this shortly before it was read may change again under the same time, so it is read again."""

Hits = tuple[Sequence[str], Sequence[str]]
"""Branches and leaves, each sorted."""

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
    """Folders that hold one leaf each, hardly ever more, and nothing else, as carbon's folders of tagged series do.
    Packed: 35 bytes for each with its leaf's name, a fifteenth of what they take as Folders, which are made when asked
    for."""

    __slots__ = ("_leaves", "_names", "_times", "held")

    def __init__(self, folders: Mapping[str, Folder]) -> None:
        self._names = sorted(folders)
        self.held = sum(len(folder.leaves) for folder in folders.values())
        # One line a folder; no leaf has a line end or a slash in it.
        lines = ("/".join(sorted(folders[name].leaves)) for name in self._names)
        self._leaves = zlib.compress("\n".join(lines).encode())
        self._times = array("q", [folders[name].mtime_ns for name in self._names])

    @staticmethod
    def fits(folders: Mapping[str, Folder]) -> bool:
        """True when these folders are such."""
        many = sum(len(one.leaves) for one in folders.values())
        return 0 < many < 2 * len(folders) and all(one.leaves and not one.folders for one in folders.values())

    def alike(self, other: "Shelf") -> bool:
        """True when both hold the same names, whatever their times."""
        return self._names == other._names and self._leaves == other._leaves

    def _lines(self) -> list[str]:
        return zlib.decompress(self._leaves).decode().split("\n")

    def __getitem__(self, name: str) -> Folder:
        place = bisect_left(self._names, name)
        if place == len(self._names) or self._names[place] != name:
            raise KeyError(name)
        return Folder(_NO_FOLDERS, frozenset(self._lines()[place].split("/")), self._times[place])

    def items(self) -> ItemsView[str, Folder]:
        """Every folder by name, unpacked at once."""
        rows = zip(self._names, self._lines(), self._times, strict=True)
        return {name: Folder(_NO_FOLDERS, frozenset(line.split("/")), time_ns) for name, line, time_ns in rows}.items()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _shelved(folders: Mapping[str, Folder]) -> Mapping[str, Folder]:
    """The same folders, in as little memory as they need."""
    return Shelf(folders) if not isinstance(folders, Shelf) and Shelf.fits(folders) else folders


class NameIndex:
    """Which series lie below a root: `a.b.c` is the file a/b/c.wsp. Files and folders with a dot in their name (but for
    the suffix) or in front have no name in Graphite and are left out; links are followed, loops are not.
    """

    def __init__(self, root: Path, max_pattern: int = MAX_PATTERN) -> None:
        self._root, self._max_pattern = root, max_pattern
        self._tagged_root = f"{root}/{ROOT}/"
        self._tree = EMPTY
        self._generation = self._tagged_generation = self._refreshes = 0
        self._cache: OrderedDict[str, Hits] = OrderedDict()
        self._cached_bytes = 0
        self._turn = threading.Lock()
        self._refreshing = threading.Lock()
        self._added: list[str] | None = None
        self._told: set[str] = set()
        self._alike: dict[frozenset[str], frozenset[str]] = {}

    @property
    def generation(self) -> int:
        """Counts changes of the names."""
        return self._generation

    @property
    def tagged_generation(self) -> int:
        """Counts changes of what `tagged` gives."""
        return self._tagged_generation

    def find(self, pattern: str) -> Sequence[Found]:
        """See SeriesStore.find. Raises TooMuch."""
        if self._is_tagged(pattern):
            return [Found(pattern, True)]
        branches, leaves = self._hits(pattern)

        def make() -> Iterator[Found]:
            return chain(map(Found, branches, repeat(False)), map(Found, leaves, repeat(True)))

        return made(len(branches) + len(leaves), make)

    def expand(self, pattern: str) -> Sequence[str]:
        """See SeriesStore.expand. Raises TooMuch."""
        return [pattern] if self._is_tagged(pattern) else self._hits(pattern)[1]

    def _is_tagged(self, name: str) -> bool:
        """True for the name of a series that carbon stores by its tags."""
        return ";" in name and any(map(self._holds, stored_as(name)))

    def knows(self, pattern: str) -> bool:
        """True when what the pattern finds is known, so that it takes no time."""
        return pattern in self._cache

    def _hits(self, pattern: str) -> Hits:
        """What a pattern finds; not to be changed."""
        with self._turn:
            known = self._cache.get(pattern)
            if known is not None:
                self._cache.move_to_end(pattern)
                return known
            tree, generation = self._tree, self._generation
        cut = nodes(pattern, self._max_pattern)
        found = _find(tree, cut)
        cost = len(pattern) + _cost(found)
        with self._turn:
            if generation == self._generation and cost <= CACHED_BYTES // 2 and pattern not in self._cache:
                self._cache[pattern] = found
                self._cached_bytes += cost
                while self._cached_bytes > CACHED_BYTES:
                    text, oldest = self._cache.popitem(last=False)
                    self._cached_bytes -= len(text) + _cost(oldest)
        return found

    def exists(self, name: str) -> bool:
        """True when exactly this series is stored, as far as the index knows."""
        return self.place(name) is not None

    def place(self, name: str) -> str | None:
        """The path at which a series is stored, dots between its nodes: its name, but for tagged ones of carbon."""
        places = (name, *stored_as(name)) if ";" in name else (name,)
        return next(filter(self._holds, places), None)

    def plain(self) -> Iterator[str]:
        """Every series that is stored without tags, sorted."""
        folders = {name: folder for name, folder in self._tree.folders.items() if name != ROOT}
        for names in _below_in_order(replace(self._tree, folders=folders)):
            yield from (name for name in names if ";" not in name)

    def tagged(self) -> Iterator[str]:
        """Every series with tags, in no order, as TagIndex takes them; without those whose file is called by a hash."""
        for prefix, folder in _below(self._tree):
            above = "" if prefix.startswith(f"{ROOT}.") else prefix
            yield from (above + leaf for leaf in folder.leaves if ";" in leaf)

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
            self._refreshes += 1
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
        old, self._tree = self._tree, tree
        if changed:
            self._generation += 1
            self._tagged_generation += _tags_differ(tree, old)
            self._cache.clear()
            self._cached_bytes = 0

    def _scan(self, path: str, old: Folder | None, above: tuple[tuple[int, int], ...]) -> Folder | None:
        """The folder as it is now, `old` itself when nothing below it changed, None when there is none."""
        try:
            status = Path(path).stat()
            here = (status.st_dev, status.st_ino)
            if here in above or len(above) > MAX_DEPTH:
                self._tell(path, "is a loop of links" if here in above else f"lies over {MAX_DEPTH} folders deep")
                return None
            if old is not None and old.mtime_ns == status.st_mtime_ns:
                if not old.folders or (isinstance(old.folders, Shelf) and self._may_wait(path)):
                    return old
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

    def _may_wait(self, path: str) -> bool:
        """True when the folders in a folder of tagged series are looked at another time."""
        return path.startswith(self._tagged_root) and zlib.crc32(path.encode()) % LATEST != self._refreshes % LATEST

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
                    leaves.append(name[: -len(SUFFIX)])
        # Folders of one kind hold the same names: one set for all of them keeps a large tree small; a name with tags is
        # there once. Sorted folders make what is found nearly sorted.
        if any(";" in leaf for leaf in leaves):
            return sorted(folders), frozenset(leaves)
        alike = frozenset(map(sys.intern, leaves))
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
    if isinstance(one.folders, Shelf) and isinstance(other.folders, Shelf):
        return one.leaves == other.leaves and one.folders.alike(other.folders)
    return (
        one.leaves == other.leaves
        and one.folders.keys() == other.folders.keys()
        and all(_alike(folder, other.folders[name]) for name, folder in one.folders.items())
    )


def _tags_differ(one: Folder, other: Folder) -> bool:
    """True when a series with tags is in only one of them."""
    if one is other:
        return False
    if any(";" in leaf for leaf in one.leaves ^ other.leaves):
        return True
    if isinstance(one.folders, Shelf) and isinstance(other.folders, Shelf) and one.folders.alike(other.folders):
        return False
    mine, theirs = dict(one.folders.items()), dict(other.folders.items())
    return any(_tags_differ(mine.get(name, EMPTY), theirs.get(name, EMPTY)) for name in mine.keys() | theirs.keys())


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


def _find(tree: Folder, pattern: tuple[Glob, ...]) -> Hits:
    """What a pattern finds. It is walked along from folder to folder, in the order of what is found, so that none but
    the hits are in memory at once; each folder is met once, so time is bounded by the tree."""
    if len(pattern) == 1 and pattern[0].deep:
        return _all(tree, branches=True), _all(tree, branches=False)
    *above, last = (*pattern, _EVERY) if pattern[-1].deep else pattern
    level: Iterable[tuple[str, Folder]] = [("", tree)]
    nested = False
    for glob in above:
        if glob.deep:
            level, nested = _spanned(level, nested=nested), True
        else:
            level = _matching(level, glob)
    branches: list[str] = []
    chosen = _chooser(last)

    def leaves() -> Iterator[str]:
        for prefix, folder in level:
            if folder.folders:
                branches.extend([prefix + name for name in chosen(folder.folders)])
            for name in chosen(folder.leaves):
                yield prefix + name

    # What lies in a folder comes after others that are called like it and more.
    found = kept(sorted(leaves()) if nested else leaves())
    return kept(sorted(branches) if nested else branches), found


def _chooser(glob: Glob) -> Callable[[Collection[str]], Sequence[str]]:
    """What gives those of some names that match, sorted; thousands of folders are asked for one name each."""
    if glob.literal and len(glob.words) == 1:
        [only] = found = list(glob.words)
        return lambda names: found if only in names else []
    return lambda names: sorted(glob.among(names))


def _all(tree: Folder, *, branches: bool) -> Sequence[str]:
    """All leaves, or all folders, sorted; made when they are gone through."""
    return made(_count(tree, branches=branches), lambda: chain.from_iterable(_below_in_order(tree, branches=branches)))


def _matching(level: Iterable[tuple[str, Folder]], glob: Glob) -> Iterator[tuple[str, Folder]]:
    """The folders in these that match; in order, where these are."""
    words = sorted((f"{word}.", word) for word in glob.words) if glob.literal else []
    for prefix, folder in level:
        if glob.literal:
            for text, word in words:
                if (below := folder.folders.get(word)) is not None:
                    yield prefix + text, below
        else:
            matching = [(f"{name}.", below) for name, below in folder.folders.items() if glob.matches(name)]
            for name, below in sorted(matching, key=itemgetter(0)):
                yield prefix + name, below


def _spanned(level: Iterable[tuple[str, Folder]], *, nested: bool) -> Iterable[tuple[str, Folder]]:
    """These folders and all below them, each once; nested: some of these may lie below others."""
    spanned = (one for prefix, folder in level for one in _below(folder, prefix))
    return dict(spanned).items() if nested else spanned


def _below_in_order(folder: Folder, prefix: str = "", *, branches: bool = False) -> Iterator[list[str]]:
    """Leaves below a folder, or folders, some at a time and sorted as a whole."""
    wanted = folder.folders if branches else folder.leaves
    if not folder.folders:
        yield [prefix + name for name in sorted(wanted)]
        return
    # A name, and what lies below it: between them come others that are called like it and more.
    entries: list[tuple[str, Folder | None]] = [(name, None) for name in wanted]
    entries += [(f"{name}.", below) for name, below in folder.folders.items()]
    entries.sort(key=itemgetter(0))
    some: list[str] = []
    for text, below in entries:
        if below is None:
            some.append(prefix + text)
        elif below.folders:
            yield some
            some = []
            yield from _below_in_order(below, prefix + text, branches=branches)
        elif not branches:
            some += [f"{prefix}{text}{name}" for name in sorted(below.leaves)]
    yield some


def _count(folder: Folder, *, branches: bool) -> int:
    """How many leaves, or folders, lie below a folder."""
    below = folder.folders
    own = len(below if branches else folder.leaves)
    if isinstance(below, Shelf):
        return own if branches else own + below.held
    return own + sum(_count(one, branches=branches) for one in below.values())


def _cost(found: Hits) -> int:
    """Bytes that a pattern and its hits take, about, beside the pattern's text."""
    return HIT_BYTES + sum(len(hits) * HIT_BYTES + sum(map(len, hits)) for hits in found if not isinstance(hits, Anew))


def _below(folder: Folder, prefix: str = "") -> Iterator[tuple[str, Folder]]:
    """A folder and all below it, with what their names begin with."""
    todo = [(prefix, folder)]
    while todo:
        prefix, folder = todo.pop()
        yield prefix, folder
        todo += [(f"{prefix}{name}.", one) for name, one in folder.folders.items()]

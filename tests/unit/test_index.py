"""Names of a whisper tree; patterns find what graphite-web 1.1.10's StandardFinder found on the same files."""

import logging
import os
import time
from pathlib import Path

import pytest

from weft.base.errors import TooMuch
from weft.base.texts import Anew, Texts
from weft.metrics.index import LATEST, NameIndex
from weft.metrics.store import Found
from weft.metrics.tags import stored_as

TREE = ("a", "a.b", "a.bx", "a.c", "a.e.f", "a.e.g.h", "b.c", "x.a.b")

# pattern: branches, leaves
FINDS = {
    "*": (["a", "b", "x"], ["a"]),
    "a": (["a"], ["a"]),
    "a.*": (["a.e"], ["a.b", "a.bx", "a.c"]),
    "a.{b,c,e}": (["a.e"], ["a.b", "a.c"]),
    "{a,b}.c": ([], ["a.c", "b.c"]),
    "*.b{,x}": ([], ["a.b", "a.bx"]),
    "a.[!b]": (["a.e"], ["a.c"]),
    "a.**": (["a.e", "a.e.g"], ["a.b", "a.bx", "a.c", "a.e.f", "a.e.g.h"]),
    "**": (["a", "a.e", "a.e.g", "b", "x", "x.a"], list(TREE)),
    "**.**": (["a", "a.e", "a.e.g", "b", "x", "x.a"], list(TREE)),
    "**.b": (["b"], ["a.b", "x.a.b"]),
    "a.**.h": ([], ["a.e.g.h"]),
    "a.**.*.h": ([], ["a.e.g.h"]),
    "a.{b,e.f}": ([], []),
    "nothing.*": ([], []),
    "": ([], []),
    "../*": ([], []),
}


def make(root: Path, *names: str) -> None:
    for name in names:
        path = root / f"{name.replace('.', '/')}.wsp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def age(root: Path, seconds: float = 60) -> None:
    """Make every folder look older: a folder changed just now is read again whatever its time says."""
    before = time.time() - seconds
    for folder in (root, *(path for path in root.rglob("*") if path.is_dir())):
        os.utime(folder, (before, before))


def index_of(root: Path) -> NameIndex:
    index = NameIndex(root)
    index.refresh()
    return index


@pytest.mark.parametrize("pattern", FINDS)
def test_a_pattern_finds_what_graphite_web_finds(pattern: str, tmp_path: Path) -> None:
    make(tmp_path, *TREE)
    index = index_of(tmp_path)
    branches, leaves = FINDS[pattern]
    expected = [Found(path, False) for path in branches] + [Found(path, True) for path in leaves]
    assert index.find(pattern) == expected
    assert index.find(pattern) == expected, "and again, from the cache"
    assert index.expand(pattern) == leaves


def test_a_series_exists_by_its_exact_name_only(tmp_path: Path) -> None:
    make(tmp_path, *TREE)
    index = index_of(tmp_path)
    assert [name for name in TREE if index.exists(name)] == list(TREE)
    for other in ("a.e", "x", "a.*", "", ".", "a..b", "../a", "a/b", "a.b.c"):
        assert not index.exists(other)


def test_a_root_that_is_missing_has_no_names_until_it_is_made(tmp_path: Path) -> None:
    index = index_of(tmp_path / "later")
    assert index.find("**") == []
    make(tmp_path / "later", "a.b")
    assert index.refresh()
    assert index.expand("**") == ["a.b"]


def test_a_refresh_finds_what_came_and_forgets_what_went(tmp_path: Path) -> None:
    make(tmp_path, *TREE)
    age(tmp_path)
    index = index_of(tmp_path)
    generation = index.generation
    assert not index.refresh(), "nothing changed"
    assert index.generation == generation
    make(tmp_path, "a.e.new", "y.z")
    (tmp_path / "b/c.wsp").unlink()
    (tmp_path / "b").rmdir()
    assert index.refresh()
    assert index.generation > generation
    assert index.expand("**") == sorted({*TREE, "a.e.new", "y.z"} - {"b.c"})


def test_only_folders_whose_time_changed_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, *TREE)
    age(tmp_path)
    index = index_of(tmp_path)
    make(tmp_path, "a.e.new")
    read = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: read.append(path) or scandir(path))
    index.refresh()
    assert read == [f"{tmp_path}/a/e"]


def test_a_file_made_in_the_same_tick_as_the_last_look_is_not_missed(tmp_path: Path) -> None:
    make(tmp_path, "a.b")
    index = index_of(tmp_path)
    made = (tmp_path / "a").stat()
    make(tmp_path, "a.c")
    os.utime(tmp_path / "a", ns=(made.st_atime_ns, made.st_mtime_ns))
    index.refresh()
    assert index.expand("a.*") == ["a.b", "a.c"]


def test_names_we_write_are_known_at_once(tmp_path: Path) -> None:
    make(tmp_path, "a.b")
    index = index_of(tmp_path)
    assert index.expand("a.*") == ["a.b"]
    index.add(["a.c", "n.e.w", "a.b"])
    assert index.expand("**") == ["a.b", "a.c", "n.e.w"]
    generation = index.generation
    index.add(["a.c", "n.e.w"])
    assert index.generation == generation, "what is known already changes nothing"


def test_a_name_added_while_the_disk_is_read_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a.b", "c.d")
    index = index_of(tmp_path)
    scandir = os.scandir

    def scan_and_meanwhile_add(path: str) -> object:
        entries = scandir(path)
        index.add(["a.new"])
        return entries

    monkeypatch.setattr(os, "scandir", scan_and_meanwhile_add)
    index.refresh()
    assert index.expand("**") == ["a.b", "a.new", "c.d"]


def test_odd_names_are_left_out_with_one_log_line_each(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(tmp_path, "a.b")
    (tmp_path / "v1.2").mkdir()
    (tmp_path / "a/x.y.wsp").touch()
    (tmp_path / "a/line\nbreak.wsp").touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a/\xff.wsp")).touch()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "a/.b.wsp.77-1").touch()
    (tmp_path / "a/readme.txt").touch()
    (tmp_path / "a/Grün.wsp").touch()
    with caplog.at_level(logging.WARNING):
        index = index_of(tmp_path)
        index.refresh()
    assert index.find("**") == [Found("a", False), Found("a.Grün", True), Found("a.b", True)]
    assert len(caplog.messages) == 4


def test_links_are_followed_and_loops_are_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(tmp_path, "a.b")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "a/self").symlink_to(tmp_path / "a/self")
    (tmp_path / "c").symlink_to(tmp_path / "a")
    with caplog.at_level(logging.WARNING):
        index = index_of(tmp_path)
    assert index.expand("**") == ["a.b", "c.b"]
    assert all("loop" in message for message in caplog.messages)


def test_a_folder_that_cannot_be_read_keeps_the_names_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make(tmp_path, "a.b", "c.d")
    index = index_of(tmp_path)
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    make(tmp_path, "c.e")
    index.refresh()
    assert index.expand("**") == ["a.b", "c.d", "c.e"]
    assert index_of(tmp_path).expand("**") == ["c.d", "c.e"], "what was never read is not known"
    assert "Permission denied" in caplog.text


def test_a_tree_deeper_than_any_is_cut(tmp_path: Path) -> None:
    deep = ".".join(["d"] * 80)
    make(tmp_path, "a.b", deep)
    assert index_of(tmp_path).expand("**.*") == ["a.b"]


def test_a_pattern_that_is_too_wide_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TooMuch, match=r"metrics\.max_pattern = 10"):
        NameIndex(tmp_path, max_pattern=10).find("a" * 11)


def test_many_names_are_sorted_as_few_are_and_take_no_memory(tmp_path: Path) -> None:
    names = {f"{top}.{below}.{leaf}" for top in ("a", "a-b", "ab") for below in ("c", "c-d") for leaf in range(1000)}
    make(tmp_path, *names, "a.c-", "a.c", "a-", "z")
    index = index_of(tmp_path)
    every = sorted({*names, "a.c-", "a.c", "a-", "z"})
    folders = sorted(["a", "a-b", "ab", *(f"{top}.{below}" for top in ("a", "a-b", "ab") for below in ("c", "c-d"))])
    assert index.expand("**") == every
    assert index.find("**") == [*(Found(path, False) for path in folders), *(Found(path, True) for path in every)]
    assert index.expand("a*.*.*") == sorted(names)
    assert isinstance(index.expand("**"), Anew)
    assert isinstance(index.expand("a*.*.*"), Texts)
    assert list(index.plain()) == every


def test_what_a_caller_does_to_an_answer_stays_with_the_caller(tmp_path: Path) -> None:
    make(tmp_path, "a.b")
    index = index_of(tmp_path)
    index.find("a.*").clear()
    assert index.expand("a.*") == ["a.b"]


def test_the_cache_keeps_a_bounded_number_of_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.metrics.index.CACHED_BYTES", 1000)
    make(tmp_path, *TREE)
    index = index_of(tmp_path)
    kept = set()
    for pattern in FINDS:
        index.find(pattern)
        kept |= {pattern} & index._cache.keys()
        hits = [hit for found in index._cache.values() for hits in found for hit in hits]
        letters = sum(map(len, (*hits, *index._cache)))
        assert letters + 60 * (len(index._cache) + len(hits)) == index._cached_bytes <= 1000
    assert len(kept) > len(index._cache) > 0
    # One of 14 hits is over half of it.
    assert "**" not in kept


def tagged(number: int) -> tuple[str, str]:
    """A tagged series, and the path that carbon gives it."""
    return (name := f"cpu;host=n{number}"), stored_as(name)[0]


def alike_folders(count: int) -> list[list[str]]:
    """So many groups of tagged series, of which each group has the upper folder in common; the rest of one group."""
    by_folder: dict[str, list[str]] = {}
    for number in range(30_000):
        path = tagged(number)[1]
        by_folder.setdefault(path.split(".")[1], []).append(path)
    return list(by_folder.values())[:count]


def test_tagged_series_in_new_folders_are_seen_at_once_and_the_others_in_some_refreshes(tmp_path: Path) -> None:
    groups = alike_folders(40)
    make(tmp_path, *(path for group in groups for path in group[:2]))
    age(tmp_path)
    index = index_of(tmp_path)
    assert sorted(index.tagged()) == sorted(path.split(".", 3)[3] for group in groups for path in group[:2])
    assert not index.refresh()
    generation = index.tagged_generation
    new = [group[2] for group in groups]
    make(tmp_path, *new)
    assert index.refresh()
    assert all(map(index.exists, new)), "their folders are new, and the folders around these tell of it"
    assert index.tagged_generation == generation + 1
    age(tmp_path)
    index.refresh()
    beside = [f"{group[0].rpartition('.')[0]}.cpu;host=beside" for group in groups]
    gone = [group[1] for group in groups]
    make(tmp_path, *beside)
    for path in gone:
        (tmp_path / f"{path.replace('.', '/')}.wsp").unlink()
    seen = []
    for _ in range(LATEST):
        index.refresh()
        seen.append(sum(map(index.exists, beside)))
    assert (seen[-1], [path for path in gone if index.exists(path)]) == (len(groups), [])
    assert len(set(seen)) > 5, "a part of them each time"


def test_a_plain_series_changes_nothing_for_tagged_ones(tmp_path: Path) -> None:
    make(tmp_path, "a.b", tagged(1)[1])
    index = index_of(tmp_path)
    generation = index.tagged_generation
    make(tmp_path, "a.c", "x.y")
    index.add(["a.d"])
    assert index.refresh()
    assert index.tagged_generation == generation
    make(tmp_path, "a.n;host=b")
    index.refresh()
    assert index.tagged_generation == generation + 1
    assert sorted(index.plain()) == ["a.b", "a.c", "x.y"]
    assert sorted(index.tagged()) == ["a.n;host=b", "cpu;host=n1"]


def test_an_idle_look_at_many_tagged_series_asks_for_few_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = alike_folders(200)
    count = sum(map(len, groups))
    make(tmp_path, *(path for group in groups for path in group))
    age(tmp_path)
    index = index_of(tmp_path)
    asked = []
    stat = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **more: asked.append(path) or stat(path, **more))
    for _ in range(LATEST):
        assert not index.refresh()
    # The root, _tagged and the upper folders each time, the lower ones once; some of them are one for two series.
    assert LATEST * 202 < len(asked) <= LATEST * 202 + count

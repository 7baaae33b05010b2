"""weft import: each file whole or not at all, what is said of it, and that doing it again changes nothing."""

import gzip
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from unit.importing import NOW_MS, Stores, put
from weft.api.engines import Engines
from weft.app import open_engines
from weft.base.config import Metrics, Settings
from weft.base.errors import BadInput, BadRequest, Unavailable
from weft.base.intervals import ms_of
from weft.fabric.model import PortKey
from weft.ingest import files
from weft.ingest.importer import FileReport, ImportReport
from weft.inventory.store import SourceStatus, SweepResult
from weft.metrics.store import unheard

pytestmark = pytest.mark.anyio

SYSLOG = "Nov 22 22:23:15 n1 kernel: x\nNov 22 22:23:16 n2 kernel: y\n"
SACCT = "JobID|State|Start|NodeList\n7|RUNNING|1795387785|node[01-02]\n"
COUNTERS = """Data Counters for 0x51 "leaf"
   GUID 0x51 port 1: [PortXmitData == 9 (9.000)]

## Summary: 1 nodes checked, 0 bad nodes found
##          1 ports checked, 0 ports have errors beyond threshold
## Thresholds:
## Suppressed:
"""
SEEN_MS = ms_of(datetime(2026, 11, 22, 23, tzinfo=UTC))


@pytest.fixture
def stores() -> Stores:
    return Stores()


async def take(stores: Stores, *paths: Path, seen_at_ms: int | None = None) -> ImportReport:
    return await stores.importer().import_paths(paths, seen_at_ms=seen_at_ms)


async def only(stores: Stores, path: Path, seen_at_ms: int | None = SEEN_MS) -> FileReport:
    (report,) = (await take(stores, path, seen_at_ms=seen_at_ms)).files
    return report


async def test_a_folder_of_real_dumps_is_imported_and_the_rest_is_told(stores: Stores, data: Path) -> None:
    report = await take(stores, data / "ib/ft324-4-failures", seen_at_ms=SEEN_MS)
    told = {file.path.name: file for file in report.files}
    assert list(told) == sorted(told)
    assert {name: (file.outcome, file.kind) for name, file in told.items()} == {
        "iblinkinfo-down.txt": ("imported", "iblinkinfo"),
        "iblinkinfo.txt": ("imported", "iblinkinfo"),
        "ibnetdiscover-diff.txt": ("skipped", "ibnetdiscover --diff"),
        "ibnetdiscover-p.txt": ("imported", "ibnetdiscover -p"),
        "ibnetdiscover.txt": ("imported", "ibnetdiscover"),
        "ibqueryerrors.txt": ("imported", "ibqueryerrors"),
        "opensm.log": ("imported", "opensm.log"),
    }
    assert report.ok
    assert told["ibnetdiscover.txt"].found == "348 nodes (26 switches), 610 links, 1 port without an answer"
    assert told["ibnetdiscover-diff.txt"].found == (
        "an ibnetdiscover --diff listing: it tells what differs between two sweeps and is no whole picture of either"
    )
    first, *others = stores.fabrics.applied.values()
    assert first.source == "ibnetdiscover"  # the others name HCAs by what it tells
    assert first.unanswered == (PortKey("7cfe900300a00000", 11),)
    assert [(sweep.source, sweep.links == first.links) for sweep in others] == [
        ("iblinkinfo", False), ("iblinkinfo", True), ("ibnetdiscover -p", True),
    ]  # fmt: skip
    assert (first.fabric, stores.fabrics.lives) == ("ib", [False] * 4)
    assert (
        SourceStatus(
            "ibnetdiscover ib",
            ms_of(datetime(2026, 11, 22, 22, 23, 48, tzinfo=UTC)),
            True,
            "348 nodes (26 switches), 610 links, 1 port without an answer.",
        )
        in stores.ledger.statuses
    )


async def test_every_kind_finds_its_store(stores: Stores, tmp_path: Path) -> None:
    for name, text in (("a.log", SYSLOG), ("b.txt", SACCT), ("c.txt", COUNTERS)):
        put(tmp_path / name, text)
    report = await take(stores, tmp_path, seen_at_ms=SEEN_MS)
    assert [(file.outcome, file.kind, file.found, file.notices) for file in report.files] == [
        ("imported", "syslog", "2 lines of 2 hosts", ()),
        ("imported", "sacct", "1 run", ()),
        ("imported", "ibqueryerrors", "counters of 1 port of 1 node", ()),
    ]
    assert [line.host for line in stores.logs.lines] == ["n1", "n2"]
    assert [(run.hosts, run.seen_at_ms) for run in stores.jobs.known] == [(("node01", "node02"), SEEN_MS)]
    assert stores.counters.points == {"fabric.0000000000000051.1.PortXmitData": {SEEN_MS // 1000: 9.0}}
    assert [status.source for status in stores.ledger.statuses] == ["syslog", "sacct cluster", "ibqueryerrors ib"]


async def test_importing_again_says_unchanged_and_changes_nothing(stores: Stores, tmp_path: Path, data: Path) -> None:
    for name, text in (("a.log", SYSLOG), ("b.txt", SACCT), ("c.txt", COUNTERS)):
        put(tmp_path / name, text)
    shutil.copy(data / "ib/ft324-1-before/ibnetdiscover.txt", tmp_path / "d.txt")
    await take(stores, tmp_path, seen_at_ms=SEEN_MS)
    before = stores.checksum()
    report = await take(stores, tmp_path, seen_at_ms=SEEN_MS)
    assert [file.outcome for file in report.files] == ["unchanged"] * 4
    assert stores.checksum() == before


async def test_what_is_bad_is_refused_with_its_place_and_stops_nothing_else(stores: Stores, tmp_path: Path) -> None:
    put(tmp_path / "a.txt", SACCT.replace("RUNNING", "running"))
    put(tmp_path / "b.txt", SACCT)
    report = await take(stores, tmp_path)
    bad, good = report.files
    assert (bad.outcome, bad.kind, good.outcome, report.ok) == ("refused", "sacct", "imported", False)
    assert bad.error.startswith(f"{tmp_path}/a.txt:2: 'running' is no State as sacct prints it. Print them with `")
    assert (report.count("refused"), report.count("imported"), report.count("skipped")) == (1, 1, 0)


async def test_a_refusal_leaves_every_store_as_it_was(stores: Stores, tmp_path: Path) -> None:
    await only(stores, put(tmp_path / "a.txt", SACCT))
    before = stores.checksum()
    assert (await only(stores, put(tmp_path / "b.txt", SACCT + "8|RUNNING\n"))).outcome == "refused"
    assert stores.checksum() == before


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        ("", "it is empty"),
        ("hello\n", "it begins with 'hello'"),
        (b"\x7fELF\0\0\0", "it holds binary data"),
        ("x" * 200_000, "its first line has no end"),
        ("{" * 100_000, "its first line has no end"),
        ("[1]\n", "it begins with '[1]'"),
    ],
)
async def test_the_unknown_is_skipped_in_a_folder_and_refused_by_name(
    stores: Stores, tmp_path: Path, content: str | bytes, looks: str
) -> None:
    path = put(tmp_path / "in/file", content)
    (skipped,) = (await take(stores, tmp_path)).files
    assert (skipped.outcome, skipped.error) == ("skipped", "")
    assert skipped.found.startswith(f"no format that Weft knows: {looks}")
    refused = await only(stores, path)
    assert refused.outcome == "refused"
    assert refused.error.startswith(f"{path}: no format that Weft knows: {looks}")


async def test_a_known_kind_that_is_not_read_is_refused_by_name_with_what_to_give(stores: Stores, data: Path) -> None:
    refused = await only(stores, data / "ib/ft324-1-before/ibnodes.txt")
    assert refused.error == (
        f"{data}/ib/ft324-1-before/ibnodes.txt: a list of nodes (ibnodes, ibhosts, ibswitches): this version of Weft "
        "does not read it yet. Give the output of ibnetdiscover without options."
    )


async def test_hidden_files_readmes_and_standard_errors_are_passed_over(stores: Stores, tmp_path: Path) -> None:
    for name in (".hidden", ".git/config", "README", "README.md", "readme.txt", "a.log.stderr", "z.stderr"):
        put(tmp_path / name, "hello\n")
    put(tmp_path / "a.log", SYSLOG)
    (report,) = (await take(stores, tmp_path, seen_at_ms=SEEN_MS)).files
    assert (report.path.name, report.notices) == ("a.log", ("The tool said aside: hello",))


async def test_a_file_named_and_in_a_named_folder_is_taken_once(stores: Stores, tmp_path: Path) -> None:
    path = put(tmp_path / "a.log", SYSLOG)
    assert len((await take(stores, tmp_path, path, tmp_path)).files) == 1


async def test_what_cannot_be_opened_is_refused(stores: Stores, tmp_path: Path) -> None:
    put(tmp_path / "in/a.log", SYSLOG)
    os.mkfifo(tmp_path / "in/pipe")
    (tmp_path / "in/dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    report = await take(stores, tmp_path / "in", tmp_path / "missing", tmp_path / "empty")
    assert {file.path.name: file.outcome for file in report.files} == {
        "a.log": "imported", "dangling": "refused", "pipe": "refused", "missing": "refused", "empty": "refused",
    }  # fmt: skip
    errors = {file.path.name: file.error for file in report.files}
    assert errors["pipe"] == f"{tmp_path}/in/pipe: it is no regular file. Name a file or a folder."
    assert errors["missing"].startswith(f"{tmp_path}/missing: it cannot be read: No such file or directory.")
    assert errors["empty"] == f"{tmp_path}/empty: it holds no file to import. Name another folder."


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def walk(folder: Path, onerror: Callable[[OSError], None]) -> Iterator[tuple[str, list[str], list[str]]]:
        onerror(PermissionError(13, "Permission denied", f"{folder}/locked"))
        yield str(folder), [], ["a.log"]

    monkeypatch.setattr("os.walk", walk)
    (tmp_path / "locked").mkdir()
    told = files.candidates([tmp_path])
    assert [candidate.path.name for candidate in told] == ["a.log", "locked"]
    with pytest.raises(BadInput, match=f"{tmp_path}/locked: the folder cannot be listed"):
        files.head(tmp_path / "locked")


async def test_gzip_is_unpacked_by_its_content_and_a_damaged_one_refused(stores: Stores, tmp_path: Path) -> None:
    packed = gzip.compress(SYSLOG.encode())
    assert (await only(stores, put(tmp_path / "plain-name", packed))).found == "2 lines of 2 hosts"
    put(tmp_path / "b.log.stderr", "beside the dump that was packed later\n")
    report = await only(stores, put(tmp_path / "b.log.gz", packed))
    assert report.notices == ("The tool said aside: beside the dump that was packed later",)
    for damaged in (packed[:-9], packed[:15], packed[:20] + b"\xff\xff" + packed[22:]):
        report = await only(stores, put(tmp_path / "c.gz", damaged))
        assert (report.outcome, "cut or damaged" in report.error) == ("refused", True)


async def test_encodings_are_told(stores: Stores, tmp_path: Path) -> None:
    latin = await only(stores, put(tmp_path / "a.log", SYSLOG.replace("x", "größe").encode("latin-1")))
    assert latin.notices == ("Not UTF-8 (byte 29): read as ISO 8859-1.",)
    assert [line.message for line in stores.logs.lines] == ["größe", "y"]
    marked = await only(stores, put(tmp_path / "b.txt", b"\xef\xbb\xbf" + SACCT.encode()))
    assert (marked.outcome, marked.notices) == ("imported", ())
    wide = await only(stores, put(tmp_path / "c.txt", SACCT.encode("utf-16")))
    assert (wide.outcome, "UTF-16" in wide.error) == ("refused", True)


async def test_line_ends_of_windows_are_line_ends(stores: Stores, tmp_path: Path, data: Path) -> None:
    dump = (data / "ib/ft324-1-before/ibnetdiscover.txt").read_bytes()
    report = await only(stores, put(tmp_path / "a.txt", dump.replace(b"\n", b"\r\n")), None)
    assert report.outcome == "imported"
    assert (await only(stores, data / "ib/ft324-1-before/ibnetdiscover.txt", None)).outcome == "unchanged"
    await only(stores, put(tmp_path / "b.log", SYSLOG.replace("\n", "\r\n")))
    assert [line.message for line in stores.logs.lines] == ["x", "y"]
    await only(stores, put(tmp_path / "c.txt", SACCT.replace("\n", "\r\n")))
    assert stores.jobs.known[0].hosts == ("node01", "node02")


async def test_the_time_is_the_heading_else_seen_at_else_the_files_own(
    stores: Stores, tmp_path: Path, data: Path
) -> None:
    path = put(tmp_path / "a.txt", SACCT)
    os.utime(path, ns=(0, (SEEN_MS + 7) * 1_000_000))
    own = await only(stores, path, None)
    assert stores.jobs.known[-1].seen_at_ms == SEEN_MS + 7
    assert own.notices == (
        "It does not say when it was made: the file's own time, 2026-11-22T23:00:00.007Z, is taken "
        "(or give --seen-at).",
    )
    assert (await only(stores, path, SEEN_MS)).notices == ()
    assert stores.jobs.known[-1].seen_at_ms == SEEN_MS
    dated = await only(stores, data / "ib/ft324-1-before/ibnetdiscover.txt", SEEN_MS)
    assert dated.notices == ("It says itself when it was made, 2026-11-22T22:23:15Z: --seen-at is not used.",)


async def test_a_time_in_the_future_is_told_and_one_outside_the_calendar_refused(
    stores: Stores, tmp_path: Path
) -> None:
    path = put(tmp_path / "a.txt", SACCT)
    report = await only(stores, path, NOW_MS + 2 * 86_400_000)
    assert report.notices == (
        "Its time, 2026-11-25T00:00:00Z, lies in the future: see the clocks and the setting site.timezone.",
    )
    for seen in (-1, 2**60):
        with pytest.raises(BadRequest):
            await take(stores, path, seen_at_ms=seen)


async def test_progress_is_told_before_each_file(stores: Stores, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    for name in ("b.log", "a.log", "in/c.log"):
        put(tmp_path / name, SYSLOG)
    await stores.importer().import_paths([tmp_path], progress=lambda *step: told.append((*step[:2], step[2].name)))
    assert told == [(0, 3, "a.log"), (1, 3, "b.log"), (2, 3, "c.log")]


async def test_a_sweep_that_is_not_believed_is_told(stores: Stores, data: Path) -> None:
    stores.fabrics.doubt = "it lost 40 % of the nodes at once"
    report = await only(stores, data / "ib/ft324-1-before/ibnetdiscover.txt", None)
    assert report.notices == ("Set aside, not believed: it lost 40 % of the nodes at once",)


async def test_counters_that_the_tree_does_not_take_are_told(stores: Stores, tmp_path: Path) -> None:
    stores.counters.refuses = True
    report = await only(stores, put(tmp_path / "a.txt", COUNTERS))
    assert report.notices == ("1 value not stored: older than the retention reaches back, or in the future.",)


async def test_resets_are_told_where_they_are_imported(stores: Stores, tmp_path: Path) -> None:
    await only(stores, put(tmp_path / "a.txt", COUNTERS), SEEN_MS - 60_000)
    report = await only(stores, put(tmp_path / "b.txt", COUNTERS.replace("== 9", "== 2")))
    assert report.notices == ("1 port with counters that were reset or full: see the notes.",)


async def test_a_store_that_fails_refuses_the_file_and_is_named(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> SweepResult:
        raise Unavailable("The inventory is full.", fix="Make room.")

    monkeypatch.setattr(stores.jobs, "apply_runs", broken)
    report = await only(stores, put(tmp_path / "a.txt", SACCT))
    assert (report.outcome, report.error) == ("refused", "The inventory is full. Make room.")


async def test_a_format_that_breaks_does_not_stop_the_others(
    stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise KeyError("nobody foresaw this")

    monkeypatch.setattr("weft.scheduler.formats.sacct._raw_id", broken)
    put(tmp_path / "a.txt", SACCT)
    put(tmp_path / "b.log", SYSLOG)
    bad, good = (await take(stores, tmp_path)).files
    assert (bad.outcome, good.outcome) == ("refused", "imported")
    assert bad.error.startswith(f"{tmp_path}/a.txt: Weft itself failed on it (KeyError: 'nobody foresaw this').")


async def test_an_empty_listing_of_jobs_is_heard_and_changes_nothing(stores: Stores, tmp_path: Path) -> None:
    report = await only(stores, put(tmp_path / "a.txt", "JobID|State|Start|NodeList\n"))
    assert (report.outcome, report.found) == ("unchanged", "0 runs")
    assert stores.ledger.statuses == [SourceStatus("sacct cluster", SEEN_MS, True, "0 runs.")]


@pytest.fixture
async def engines(tmp_path: Path) -> AsyncIterator[Engines]:
    """The embedded engines, empty."""
    settings = Settings(data=tmp_path / "data", metrics=Metrics(retention="1m:2h"))
    async with open_engines(settings, owner=True, clock=lambda: NOW_MS) as opened:
        yield opened


async def into(engines: Engines, *paths: Path) -> ImportReport:
    assert engines.importer is not None
    return await engines.importer.import_paths(paths, seen_at_ms=SEEN_MS)


async def test_the_embedded_engines_keep_all_of_it_once(engines: Engines, tmp_path: Path, data: Path) -> None:
    put(tmp_path / "in/a.log", SYSLOG)
    listings = [data / f"slurm/{age}/sacct-P{more}.txt" for age in ("64-after", "64-busy") for more in ("", "-steps")]
    folders = [data / "ib", *listings, tmp_path / "in"]
    first = await into(engines, *folders)
    told = {str(file.path.relative_to(file.path.parents[1])): file.outcome for file in first.files}
    assert first.ok
    assert {file.kind for file in first.files if file.outcome == "skipped"} == {
        "", "ibnetdiscover --diff", "ibnodes", "ibtracert", "infiniband-diags",
    }  # fmt: skip
    assert {told[f"ft324-{folder}/ibnetdiscover.txt"] for folder in ("1-before", "2-moved", "4-failures")} == {
        "imported"
    }
    # What another file has said already, or an earlier listing of the same jobs, says nothing new.
    assert {told[path] for path in ("ft324-1-before/guid2lid", "64-busy/sacct-P.txt")} == {"unchanged"}
    site = engines.site
    before = await site.ledger.checksums(), await site.logs.stats()
    again = await into(engines, *reversed(folders))
    assert (again.ok, again.count("imported"), again.count("skipped")) == (True, 0, first.count("skipped"))
    assert (await site.ledger.checksums(), await site.logs.stats()) == before
    assert {status.source for status in await site.ledger.sources()} >= {
        "ibnetdiscover ib", "ibqueryerrors ib", "ibroute ib", "opensm.log ib", "perfmgr ib", "sacct cluster", "syslog",
    }  # fmt: skip


async def test_the_embedded_engines_are_as_they_were_after_a_refusal(
    engines: Engines, tmp_path: Path, data: Path
) -> None:
    dump = (data / "ib/ft324-2-moved/ibnetdiscover.txt").read_text()
    put(tmp_path / "in/a.txt", dump[: len(dump) // 2])
    put(tmp_path / "in/b.txt", SACCT + "8|RUNNING\n")
    put(tmp_path / "in/c.txt", COUNTERS.replace("2 ports", "9 ports").replace("1 ports", "9 ports"))
    put(tmp_path / "in/d.log", "Nov 22 22:23:15 n1 a: x\n" + "\tmore\n" * 3 + "hello\n" * 9)
    before = await engines.site.ledger.checksums(), await engines.site.logs.stats()
    report = await into(engines, tmp_path / "in")
    assert [(file.outcome, file.kind) for file in report.files] == [
        ("refused", "ibnetdiscover"), ("refused", "sacct"), ("refused", "ibqueryerrors"), ("skipped", ""),
    ]  # fmt: skip
    assert (await engines.site.ledger.checksums(), await engines.site.logs.stats()) == before
    assert await engines.site.metrics.find("fabric", unheard) == []

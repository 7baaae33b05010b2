"""What only the embedded log store promises: days in folders, one writer, many readers."""

import re
from pathlib import Path

import anyio
import pytest

from contract.log_lines import ALWAYS, DAY, MIDNIGHT, asked, line
from weft.base.errors import OwnedElsewhere, TooMuch, Unavailable
from weft.base.intervals import Interval
from weft.logs.store import LogHits, LogQuery
from weft.logs.tantivy import TantivyLogs

pytestmark = pytest.mark.anyio


async def test_counting_stops_where_the_page_needs_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.logs.tantivy.engine.COUNTED", 5)
    async with TantivyLogs.open(tmp_path) as logs:
        await logs.append(
            [line(f"{d}{n}", MIDNIGHT + d * DAY, "up" if d == 1 else "down") for d in range(4) for n in range(4)]
        )
        few = await logs.search(LogQuery(ALWAYS), limit=2)
        assert (len(few.lines), few.total, few.at_least) == (2, 8, True)
        all_but_one = await logs.search(LogQuery(ALWAYS), limit=15)
        assert (len(all_but_one.lines), all_but_one.total, all_but_one.at_least) == (15, 8, True)
        every = await logs.search(asked("up"), limit=2)
        assert (len(every.lines), every.total, every.at_least) == (2, 4, False)
        assert sum((await logs.histogram(LogQuery(Interval(MIDNIGHT, MIDNIGHT + 4 * DAY)), DAY)).counts) == 16


async def test_a_search_that_takes_too_long_is_ended_between_two_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weft.logs.tantivy.engine.LONGEST_S", -1.0)
    async with TantivyLogs.open(tmp_path) as logs:
        await logs.append([line("a", MIDNIGHT)])
        with pytest.raises(TooMuch, match="Give a shorter window, or a query with fewer wildcards"):
            await logs.search(LogQuery(ALWAYS))


async def test_a_damaged_day_is_named_and_the_others_answer(tmp_path: Path) -> None:
    told = [line(str(n), MIDNIGHT + n * DAY) for n in range(3)]
    async with TantivyLogs.open(tmp_path) as logs:
        await logs.append(told)
    damaged = tmp_path / "2025-11-23"
    for file in damaged.glob("*.store"):
        file.write_bytes(file.read_bytes()[:10])
    async with TantivyLogs.open(tmp_path) as logs:
        hits = await logs.search(LogQuery(ALWAYS))
        assert (hits.lines, hits.total) == ((told[2], told[0]), 2)
        (notice,) = hits.notices
        assert notice.startswith(f"The log folder {damaged} cannot be read: ")
        assert notice.endswith("Restore the folder from a backup, or move it away and import that day's logs again.")
        assert await logs.stats() == {"lines": 2, "days": 2, "damaged_days": 1}
        with pytest.raises(Unavailable, match=re.escape(str(damaged))):
            await logs.append([line("x", MIDNIGHT + DAY), line("y", MIDNIGHT)])
        assert (await logs.search(LogQuery(ALWAYS, hosts=("node001",)))).total == 3, "the other day's line was kept"


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("weft.json", b'{"format": 7}', "its format is 7, this Weft reads 3"),
        ("weft.json", b"", "zero-length"),
        ("weft.json", b"[]", "its format is none"),
        ("weft.json", None, "No such file"),
        ("meta.json", b"{", "corrupt"),
        ("meta.json", None, "it has no meta.json"),
    ],
)
async def test_a_folder_of_another_format_is_never_guessed_at(
    tmp_path: Path, file: str, content: bytes | None, reason: str
) -> None:
    async with TantivyLogs.open(tmp_path) as logs:
        await logs.append([line("a", MIDNIGHT)])
    path = tmp_path / "2025-11-22" / file
    path.unlink() if content is None else path.write_bytes(content)
    async with TantivyLogs.open(tmp_path) as logs:
        hits = await logs.search(LogQuery(ALWAYS))
        assert hits.total == 0
        assert reason in hits.notices[0]
        with pytest.raises(Unavailable, match="2025-11-22"):
            await logs.append([line("b", MIDNIGHT)])


async def test_a_day_whose_making_was_cut_short_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "2025-11-22").mkdir()
    (tmp_path / "2025-11-22" / "weft.json").write_bytes(b"")
    (tmp_path / "notes").mkdir()
    async with TantivyLogs.open(tmp_path) as logs:
        assert await logs.search(LogQuery(ALWAYS)) == LogHits((), 0)
        assert await logs.append([line("a", MIDNIGHT)]) == 1
        assert (await logs.search(LogQuery(ALWAYS))).total == 1


async def test_a_reader_sees_what_a_writer_adds(tmp_path: Path) -> None:
    async with TantivyLogs.open(tmp_path) as writer, TantivyLogs.open(tmp_path) as reader:
        for n in range(12):
            await writer.append([line(str(n), MIDNIGHT + n)])
            assert (await reader.search(LogQuery(ALWAYS))).total == n + 1


async def test_writers_of_many_days_are_let_go_of(tmp_path: Path) -> None:
    async with TantivyLogs.open(tmp_path) as logs, TantivyLogs.open(tmp_path) as other:
        assert await logs.append([line(str(n), MIDNIGHT + n * DAY) for n in range(9)]) == 9
        assert await other.append([line(f"x{n}", MIDNIGHT + n * DAY) for n in range(7)]) == 7
        with pytest.raises(OwnedElsewhere, match=r"2025-11-30 is being written to by another process. End it"):
            await other.append([line("x", MIDNIGHT + 8 * DAY)])


async def test_a_writer_without_work_lets_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.logs.tantivy.engine.IDLE_S", 0.0)
    async with TantivyLogs.open(tmp_path) as logs, TantivyLogs.open(tmp_path) as other:
        await logs.append([line("a", MIDNIGHT)])
        with anyio.fail_after(10):
            while True:
                try:
                    assert await other.append([line("b", MIDNIGHT)]) == 1
                    break
                except OwnedElsewhere:
                    await anyio.sleep(0.01)
        assert (await logs.search(LogQuery(ALWAYS))).total == 2

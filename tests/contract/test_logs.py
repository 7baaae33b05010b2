"""What every LogStore promises: by hand, on random lines against a dict model, and after kill -9."""

import random
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.base.errors import BadRequest, OwnedElsewhere, Unavailable
from weft.base.intervals import FOREVER_MS, Interval
from weft.logs.store import LogHits, LogLine, LogQuery, LogStore
from weft.logs.tantivy import TantivyLogs

pytestmark = pytest.mark.anyio

ENGINES = ["tantivy"]
DAY = 86_400_000
MIDNIGHT = 1_763_769_600_000
"""22 Nov 2025, 00:00 UTC."""
ALWAYS = Interval(0, FOREVER_MS)


@asynccontextmanager
async def opened(engine: str, folder: Path) -> AsyncIterator[LogStore]:
    """The engine's store in a folder: empty at first, what was kept there afterwards."""
    assert engine == "tantivy"
    async with TantivyLogs.open(folder / "logs") as store:
        yield store


@pytest.fixture(params=ENGINES)
async def logs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LogStore]:
    async with opened(request.param, tmp_path) as store:
        yield store


def line(line_id: str, at_ms: int, message: str = "mlx5_0: port 1 link down", **more: Any) -> LogLine:
    """A kernel line of node001, as a test needs it."""
    return replace(LogLine(line_id, at_ms, "node001", "kernel", "err", message, "messages.log"), **more)


async def pages(logs: LogStore, query: LogQuery, limit: int) -> tuple[list[LogLine], set[int]]:
    """The lines of all pages, one after the other, and the totals these told."""
    found: list[LogLine] = []
    totals: set[int] = set()
    cursor: str | None = None
    while True:
        hits = await logs.search(query, limit=limit, cursor=cursor)
        assert hits.notices == ()
        found += hits.lines
        totals.add(hits.total)
        cursor = hits.cursor
        if cursor is None:
            return found, totals
        assert len(hits.lines) == limit


async def test_an_empty_store_answers(logs: LogStore) -> None:
    assert await logs.search(LogQuery(ALWAYS)) == LogHits((), 0)
    assert {k: v for k, v in (await logs.stats()).items() if k in ("lines", "days")} == {"lines": 0, "days": 0}
    assert await logs.append([]) == 0


async def test_lines_come_back_as_they_were_kept_newest_first(logs: LogStore) -> None:
    odd = line(
        "c",
        MIDNIGHT + DAY,
        'é "quoted"\tand\\slashed <b> \u2028 \x00 end ',
        host="Node001.Example",
        program="",
        severity="",
    )
    told = [line("a", MIDNIGHT - 1), odd, line("b", MIDNIGHT, "x" * 70_000)]
    assert await logs.append(told) == 3
    assert await logs.search(LogQuery(ALWAYS)) == LogHits((odd, told[2], told[0]), 3)
    stats = await logs.stats()
    assert (stats["lines"], stats["days"]) == (3, 3)


async def test_a_known_line_is_kept_once_and_as_it_was_first(logs: LogStore) -> None:
    first = line("a", MIDNIGHT)
    assert await logs.append([first, replace(first, message="other")]) == 1
    assert await logs.append([replace(first, message="other"), line("b", MIDNIGHT)]) == 1
    assert await logs.search(LogQuery(ALWAYS)) == LogHits((first, line("b", MIDNIGHT)), 2)


async def test_all_words_must_be_in_the_message_as_whole_words(logs: LogStore) -> None:
    told = [line("a", MIDNIGHT, "Link DOWN on 10.1.2.3"), line("b", MIDNIGHT, "link up"), line("c", MIDNIGHT, "linked")]
    await logs.append(told)
    cases = {
        ("link",): "ab",
        ("LINK", "down"): "a",
        ("down link",): "a",
        ("lin",): "",
        ("10.1.2.3",): "a",
        ("link", "NOT", "up"): "",
        ("link*",): "ab",
        ("10.1.9.3",): "",
    }
    for words, expected in cases.items():
        hits = await logs.search(LogQuery(ALWAYS, words))
        assert ("".join(hit.id for hit in hits.lines), hits.total) == (expected, len(expected)), words
    with pytest.raises(BadRequest, match="holds no word"):
        await logs.search(LogQuery(ALWAYS, ("-",)))


async def test_keywords_are_exact_but_a_host_in_any_case(logs: LogStore) -> None:
    told = [
        line("a", MIDNIGHT, host="node001", program="sshd", severity="info"),
        line("b", MIDNIGHT, host="Node001", program="SSHD", severity=""),
        line("c", MIDNIGHT, host="node0010", program="sshd[1]", severity="err"),
    ]
    await logs.append(told)
    cases = [
        (LogQuery(ALWAYS, hosts=("NODE001",)), "ab"),
        (LogQuery(ALWAYS, hosts=("node001", "node0010")), "abc"),
        (LogQuery(ALWAYS, programs=("sshd",)), "a"),
        (LogQuery(ALWAYS, severities=("",)), "b"),
        (LogQuery(ALWAYS, hosts=("node001",), severities=("info", "err")), "a"),
        (LogQuery(ALWAYS, ("link",), ("node0010",), ("sshd[1]",), ("err",)), "c"),
        (LogQuery(ALWAYS, hosts=("node00",)), ""),
    ]
    for query, expected in cases:
        assert "".join(hit.id for hit in (await logs.search(query)).lines) == expected, query


async def test_a_window_is_half_open_and_crosses_days(logs: LogStore) -> None:
    told = {n: line(f"{n}", MIDNIGHT + n) for n in (-DAY, -1, 0, 1, DAY)}
    await logs.append(list(told.values()))
    for window, expected in {
        Interval(MIDNIGHT - 1, MIDNIGHT + 1): [0, -1],
        Interval(MIDNIGHT, MIDNIGHT + DAY): [1, 0],
        Interval(MIDNIGHT - DAY, MIDNIGHT + DAY + 1): [DAY, 1, 0, -1, -DAY],
        Interval(MIDNIGHT + 1, MIDNIGHT + 1): [],
        Interval(-(10**30), 10**30): [DAY, 1, 0, -1, -DAY],
    }.items():
        assert await logs.search(LogQuery(window)) == LogHits(tuple(told[n] for n in expected), len(expected))


async def test_pages_are_stable_while_lines_are_added(logs: LogStore) -> None:
    told = [line(f"{n:02}", MIDNIGHT - n // 5) for n in range(20)]
    await logs.append(told)
    first = await logs.search(LogQuery(ALWAYS), limit=7)
    await logs.append([line("new", MIDNIGHT + DAY), line("00a", MIDNIGHT)])
    second = await logs.search(LogQuery(ALWAYS), limit=7, cursor=first.cursor)
    third = await logs.search(LogQuery(ALWAYS), limit=7, cursor=second.cursor)
    assert [*first.lines, *second.lines, *third.lines] == told
    assert (first.total, second.total, third.total, third.cursor) == (20, 22, 22, None)


async def test_a_forged_cursor_is_refused(logs: LogStore) -> None:
    await logs.append([line("a", MIDNIGHT)])
    for forged in ("", "x", "12", "a.b", "9" * 30 + ".a"):
        with pytest.raises(BadRequest, match="no cursor"):
            await logs.search(LogQuery(ALWAYS), cursor=forged)


# Random lines against a model that looks at all of them.

MESSAGES = ["link down", "link up", "port 1 down", "UP up"]
times = st.integers(-3, 3).map(lambda n: MIDNIGHT + n) | st.sampled_from([MIDNIGHT - DAY, MIDNIGHT + DAY])
ids = st.sampled_from([*"abcdefghijkl", "k2", "é", "\U0001f525", "\uffff"])
line_of = st.builds(
    # The same id is the same line: one time for each id, as stable ids have it.
    lambda key, chance: line(
        key, MIDNIGHT + (ord(key[-1]) % 3 - 1) * (DAY // 2), MESSAGES[chance % 4], host=f"node{chance % 2}"
    ),
    ids,
    st.integers(0, 3),
)
queries = st.builds(
    LogQuery,
    st.tuples(times, times).map(lambda ends: Interval(min(ends), max(ends) + 1)),
    st.lists(st.sampled_from(["link", "down", "up", "1"]), max_size=2).map(tuple),
    hosts=st.lists(st.sampled_from(["NODE0", "node1"]), max_size=1).map(tuple),
)


async def play(engine: str, doings: Sequence[list[LogLine] | LogQuery], size: int) -> None:
    with TemporaryDirectory() as folder:
        async with opened(engine, Path(folder)) as store:
            kept: dict[str, LogLine] = {}
            for doing in doings:
                if isinstance(doing, LogQuery):
                    expected = [
                        one
                        for one in sorted(kept.values(), key=lambda one: (-one.at_ms, one.id))
                        if doing.window.holds(one.at_ms)
                        and set(doing.words) <= set(one.message.lower().split())
                        and (not doing.hosts or one.host in {host.lower() for host in doing.hosts})
                    ]
                    assert await pages(store, doing, size) == (expected, {len(expected)})
                else:
                    fresh = {one.id for one in doing} - kept.keys()
                    assert await store.append(doing) == len(fresh)
                    for one in doing:
                        kept.setdefault(one.id, one)


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(line_of, min_size=1, max_size=8) | queries, min_size=2, max_size=8), st.integers(1, 4))
def test_random_lines_are_found_as_a_model_finds_them(engine: str, doings: list[Any], size: int) -> None:
    anyio.run(play, engine, doings, size)


# What only the embedded store promises.


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
        ("weft.json", b'{"format": 7}', "its format is 7, this Weft reads 1"),
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
    monkeypatch.setattr("weft.logs.tantivy.IDLE_S", 0.0)
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


WRITER = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from weft.logs.store import LogLine
from weft.logs.tantivy import TantivyLogs

async def main(path, first):
    async with TantivyLogs.open(Path(path)) as logs:
        for n in range(first, first + 100_000):
            at_ms = 1_763_769_600_000 + n * 20_000_000
            line = LogLine("", at_ms, "node001", "kernel", "err", "link down", "f")
            assert await logs.append([replace(line, id=f"{n}-{k}") for k in range(5)]) == 5
            print(n, flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    chance = random.Random(4711)
    acknowledged: list[int] = []
    for _ in range(3):
        first = acknowledged[-1] + 2 if acknowledged else 0
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(first)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randint(5, 25)):
                acknowledged.append(int(writer.stdout.readline()))
            writer.send_signal(signal.SIGKILL)
            acknowledged += map(int, writer.stdout.read().split())
        anyio.run(check_kept, tmp_path, acknowledged)


async def check_kept(folder: Path, acknowledged: Sequence[int]) -> None:
    """Every acknowledged batch is there whole; one that was not is there whole or not at all."""
    async with TantivyLogs.open(folder) as logs:
        found, totals = await pages(logs, LogQuery(ALWAYS, ("link",)), 500)
        assert totals == {len(found)}
        kept = {one.id for one in found}
        assert len(kept) == len(found)
        batches = {one.id.partition("-")[0] for one in found}
        assert kept == {f"{n}-{k}" for n in batches for k in range(5)}
        assert {str(n) for n in acknowledged} <= batches

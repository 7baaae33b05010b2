"""What every Archive promises: rows as they were put, by key, whatever keeps them; and sums that tell what is known."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import anyio
import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from contract.inventory_engines import ENGINES, Inventory, Place, place_of
from weft.base.formats import Origin
from weft.base.intervals import FOREVER_MS, Interval
from weft.fabric.formats import ibnetdiscover
from weft.inventory.rows import TABLES, Archive, Row, Table
from weft.inventory.store import Note, RunFilter, SourceStatus
from weft.scheduler.model import NodeReport, Run, RunKey, SchedulerNode

pytestmark = pytest.mark.anyio

SOAK = os.environ.get("WEFT_SOAK") == "1"
NOON = 1_763_812_800_000
"""22 Nov 2025, 12:00 UTC."""

ALWAYS = Interval(0, FOREVER_MS)

# Everything but lone surrogates, which no engine can keep.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
lists = st.lists(texts, max_size=2).map(lambda told: orjson.dumps(told).decode())
words = st.sampled_from(["", "alpha", "Beta", "älter", "z'\"\\", "\U0001f600"])
times = st.integers(-5, 4_000_000_000_000) | st.integers(0, 3)
numbers = st.integers(0, 3) | st.integers(0, 2**31)
fabrics = st.sampled_from(["ib", "ib2"])
guids = st.sampled_from([f"{n:016x}" for n in range(4)])
BLOBS = {sha256(data).hexdigest(): data for data in (b"", b"\x00\xff", b"picture")}
digests = st.sampled_from(sorted(BLOBS))
span = (st.just(FOREVER_MS) | times, st.none() | times, st.none() | times, times, st.none() | times)
about = st.builds(
    lambda guids, ports, cables: orjson.dumps(
        {"guids": guids, "ports": ports, "cables": cables, "detail": {"width": "4X"}}
    ).decode(),
    st.lists(guids, max_size=2), st.lists(st.tuples(guids, numbers), max_size=2), st.lists(words, max_size=2),
)  # fmt: skip


def _none_or(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


COLUMNS: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "sweep": (fabrics, times, digests, texts, numbers, _none_or(texts)),
    "correction": (fabrics, times, words, guids, st.integers(-1, 3), texts),
    "node_span": (fabrics, guids, times, st.sampled_from(["switch", "ca", "router"]), texts, numbers, *span),
    "connection": (
        fabrics, words, times, guids, numbers, guids, numbers, words, _none_or(words),
        st.sampled_from(["cable", "backplane"]), *span,
    ),
    "lid_span": (fabrics, guids, numbers, times, numbers, st.integers(0, 7), _none_or(guids), *span),
    "module_span": (
        fabrics, guids, numbers, times, words, words, words, _none_or(st.floats(0, 100, allow_subnormal=False)), *span,
    ),
    "unconfirmed": (fabrics, st.sampled_from(["node_span", "connection"]), words, times),
    "change": (fabrics, times, times, numbers, _none_or(times), words, words, texts, about),
    "wiring": (fabrics, times, digests),
    "lft": (fabrics, guids, times, digests),
    "head": (fabrics, times, st.integers(0, 3), texts, times, st.integers(0, 1), numbers, st.binary(max_size=5)),
    "anchor": (fabrics, times, st.binary(max_size=5)),
    "node_report": (words, times, st.integers(0, 127)),
    "node_told": (words, words, st.integers(0, 6), times, _none_or(lists), st.integers(0, 1)),
    "note": (times, words, words, texts, lists),
    "source": (words, times, st.integers(0, 1), texts),
}  # fmt: skip
"""Any row of each table that stands for itself."""


@st.composite
def runs(draw: st.DrawFn) -> Row:
    start_ms, submit_ms = draw(_none_or(times)), draw(_none_or(times))
    # One that lasts for years is a row of sums for each day of them.
    end_ms = start_ms + draw(st.integers(0, 10**8)) if start_ms is not None and draw(st.booleans()) else None
    hosts = ",".join(sorted(draw(st.sets(st.sampled_from(["node001", "node002", "Äther", "n"])))))
    state = draw(st.sampled_from(["PENDING", "RUNNING", "COMPLETED", "CANCELLED"]))
    seen_ms = (start_ms or 0) + draw(st.integers(0, 10**8))
    small = _none_or(st.integers(-1, 300))
    return (
        draw(words), draw(numbers), start_ms, submit_ms, draw(words), *(draw(words) for _ in range(4)), state, end_ms,
        hosts, *(draw(small) for _ in range(3)), seen_ms, *(draw(words) for _ in range(3)), draw(small),
        draw(_none_or(times)),
    )  # fmt: skip


def key_of(table: Table, row: Row) -> list[Any]:
    """What rows are sorted by: None before all else."""
    return [(value is not None, value) for value in row[: table.key]]


@st.composite
def inventories(draw: st.DrawFn) -> Mapping[str, tuple[Row, ...]]:
    """Rows of every table, sorted by key, that only refer to rows there are."""
    found: dict[str, list[Row]] = {"blob": list(BLOBS.items())}
    for name, columns in COLUMNS.items():
        key = TABLES[name].key
        # A connection is known by its fabric and id, a run by where it began to live.
        unique = 2 if name == "connection" else key
        found[name] = draw(st.lists(st.tuples(*columns), max_size=5, unique_by=lambda row, unique=unique: row[:unique]))
    found["run"] = draw(
        st.lists(runs(), max_size=6, unique_by=lambda row: (*row[:2], row[2] if row[2] is not None else (row[3],)))
    )
    ids = [row[:2] for row in found["connection"]]
    for name, more in (
        ("link_state", (times, words, _none_or(words), _none_or(words), *span)),
        ("identity", (words, times)),
    ):
        rows = draw(st.lists(st.tuples(st.sampled_from(ids), *more), max_size=5)) if ids else []
        whole = [(*row[0], *row[1:]) for row in rows]
        found[name] = list({row[: TABLES[name].key]: row for row in whole}.values())
    return {name: tuple(sorted(rows, key=lambda row: key_of(TABLES[name], row))) for name, rows in found.items()}


async def put_all(archive: Archive, rows: Mapping[str, tuple[Row, ...]]) -> None:
    for table in TABLES:
        for begin in range(0, len(rows[table]), 3):
            await archive.put_rows(table, rows[table][begin : begin + 3])


async def all_rows(archive: Archive, table: str, limit: int) -> tuple[Row, ...]:
    found: list[Row] = []
    after: Row | None = None
    while page := await archive.rows(table, after, limit):
        assert len(page) <= limit
        found += page
        if len(page) < limit:
            break
        after = page[-1][: TABLES[table].key]
    return tuple(found)


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest) -> Place:
    return place_of(request, request.param)


@pytest.fixture
async def inventory(place: Place) -> AsyncIterator[Inventory]:
    async with place.opened() as stores:
        yield stores


async def check_round_trip(places: Sequence[Place], rows: Mapping[str, tuple[Row, ...]]) -> None:
    """On every engine, rows come out as they were put, also when they are put once more; and sums are equal."""
    sums = []
    for place in places:
        async with place.emptied().opened() as stores:
            for limit in (2, 1000):
                await put_all(stores.archive, rows)
                for table in TABLES:
                    assert await all_rows(stores.archive, table, limit) == rows[table], (table, limit)
            sums.append(await stores.ledger.checksums())
    assert sums[0] == sums[1]


def test_random_rows_come_back_equal_from_every_engine(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("neo4j_server")

    @settings(max_examples=100 if SOAK else 5, deadline=None, phases=[Phase.generate])
    @given(inventories())
    def check(rows: Mapping[str, tuple[Row, ...]]) -> None:
        folder = tmp_path_factory.mktemp("archive")
        anyio.run(check_round_trip, [Place(folder), Place(folder, server)], rows)

    check()


async def test_a_row_takes_the_place_of_the_one_with_its_key(inventory: Inventory) -> None:
    archive = inventory.archive
    first, other = ("sacct", NOON, 1, "300 runs"), ("ib", NOON, 0, "timed out")
    await archive.put_rows("source", (first, other))
    await archive.put_rows("source", (("sacct", NOON - 1, 0, "older"),))
    assert await archive.rows("source", None, 10) == (other, ("sacct", NOON - 1, 0, "older"))
    assert await archive.rows("source", ("ib",), 10) == (("sacct", NOON - 1, 0, "older"),)
    assert await archive.rows("source", ("sacct",), 10) == ()
    assert await inventory.ledger.sources() == (
        SourceStatus("ib", NOON, False, "timed out"), SourceStatus("sacct", NOON - 1, False, "older"),
    )  # fmt: skip


async def test_of_rows_that_cannot_all_be_kept_none_is(inventory: Inventory) -> None:
    with pytest.raises(OverflowError):
        await inventory.archive.put_rows("source", (("sacct", NOON, 1, ""), ("squeue", 2**63, 1, "")))
    assert await inventory.archive.rows("source", None, 10) == ()


async def test_readers_see_that_rows_came(inventory: Inventory) -> None:
    before = await inventory.fabrics.version(), await inventory.jobs.version()
    await inventory.archive.put_rows("node_report", (("alpha", NOON, 1),))
    await inventory.archive.put_rows("anchor", (("ib", NOON, b""),))
    after = await inventory.fabrics.version(), await inventory.jobs.version()
    assert after == (before[0] + 1, before[1] + 1)


def run(job_id: int, **more: Any) -> Run:
    plain = Run(
        RunKey("alpha", job_id, NOON), str(job_id), "cfd", "alice", "physics", "batch", "COMPLETED", NOON - 1000,
        NOON + 3_600_000, ("node001", "node002"), 2, 0, None, NOON + 7_200_000, "sacct", cpus=64,
    )  # fmt: skip
    return replace(plain, **more)


async def tell(stores: Inventory, data: Path) -> None:
    """What a site says: a fabric before and after cables were moved, runs, nodes, a note, a source."""
    for minute, folder in enumerate(("ft324-1-before", "ft324-2-moved"), 1):
        dump = data / "ib" / folder / "ibnetdiscover.txt"
        origin = Origin("ib", "alpha", ZoneInfo("UTC"), None, 0, "")
        sweep = ibnetdiscover.parse(dump.read_text(), origin).value
        await stores.fabrics.apply_sweep(replace(sweep, seen_at_ms=NOON + minute * 60_000))
    await stores.fabrics.put_lfts("ib", NOON, {sweep.nodes[0].guid: bytes(range(48))})
    waiting = run(3, key=RunKey("alpha", 3, None), state="PENDING", end_ms=None, hosts=(), cpus=None)
    await stores.jobs.apply_runs([run(1), run(2, hosts=(), node_count=7), waiting])
    idle = SchedulerNode("node001", "IDLE", partitions=("batch",), cpus=64)
    await stores.jobs.apply_nodes(NodeReport("alpha", NOON, "sinfo", (idle,)))
    await stores.jobs.apply_nodes(NodeReport("alpha", NOON + 1, "sinfo", (replace(idle, state="DOWN"),)))
    await stores.ledger.add_notes([Note(NOON, "note", "info", "moved rack 7", ("node001",))])
    await stores.ledger.heard(SourceStatus("sacct", NOON, True, "3 runs"))


async def answers(stores: Inventory) -> list[object]:
    """Some of what can be asked."""
    view = await stores.fabrics.fabric("ib", NOON + 90_000)
    changes = await stores.fabrics.changes("ib", ALWAYS)
    return [
        view.guids, view.connections, view.cables, view.up.tolist(), sorted(map(repr, changes.items)),
        await stores.fabrics.connections("ib", ALWAYS), await stores.fabrics.lids("ib", NOON + 90_000),
        (await stores.jobs.runs(RunFilter())).items, (await stores.jobs.runs_on(["node002"], ALWAYS)).items,
        await stores.jobs.totals(RunFilter(), "user", ALWAYS), await stores.jobs.scheduler_nodes("alpha", NOON + 1),
        await stores.ledger.notes(ALWAYS), await stores.ledger.sources(), await stores.ledger.search("node"),
    ]  # fmt: skip


@pytest.mark.parametrize("to", ENGINES)
async def test_a_copy_of_all_rows_answers_as_the_site_does(
    place: Place, to: str, request: pytest.FixtureRequest, data: Path
) -> None:
    async with place.opened() as stores:
        await tell(stores, data)
        told = await answers(stores)
        sums = await stores.ledger.checksums()
        rows = {table: await all_rows(stores.archive, table, 500) for table in TABLES}
    assert all(
        rows[table]
        for table in {*TABLES} - {"correction", "unconfirmed", "identity", "wiring", "module_span", "anchor"}
    )
    async with place_of(request, to).emptied().opened() as copied:
        for table in TABLES:
            await copied.archive.put_rows(table, rows[table])
        assert await copied.ledger.checksums() == sums
        assert await answers(copied) == told
        # Told all of it once more, a copy knows it already.
        await tell(copied, data)
        assert await copied.ledger.checksums() == sums


async def test_engines_that_were_told_the_same_have_the_same_sums(request: pytest.FixtureRequest, data: Path) -> None:
    sums = []
    for engine in ENGINES:
        async with place_of(request, engine).opened() as stores:
            await tell(stores, data)
            sums.append(await stores.ledger.checksums())
    assert sums[0] == sums[1]

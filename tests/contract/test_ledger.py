"""What every Ledger promises about notes, sources, search, counts, checksums and pruning."""

import re
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from neo4j import GraphDatabase
from tests.services.neo4j import Server

from contract.inventory_engines import ENGINES, Inventory, Place, place_of
from weft.base.intervals import FOREVER_MS, Interval
from weft.fabric.model import Node, NodeKind, Sweep
from weft.inventory.neo4j import ledger as ledger_texts
from weft.inventory.neo4j import ledger_rows
from weft.inventory.neo4j.graph import Graph
from weft.inventory.rows import TABLES
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.jobs import SqliteJobs
from weft.inventory.sqlite.ledger import SqliteLedger
from weft.inventory.sqlite.schema import SCHEMA
from weft.inventory.store import Note, RunFilter, SourceStatus
from weft.scheduler.model import Run, RunKey

pytestmark = pytest.mark.anyio

HOUR = 3_600_000
DAY = 24 * HOUR
NOON = 1_763_812_800_000
"""22 Nov 2025, 12:00 UTC."""
ALWAYS = Interval(0, FOREVER_MS)


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest) -> Place:
    return place_of(request, request.param)


@pytest.fixture
async def inventory(place: Place) -> AsyncIterator[Inventory]:
    async with place.opened() as stores:
        yield stores


def run(job_id: int, start_ms: int | None = NOON, end_ms: int | None = NOON + HOUR, **more: Any) -> Run:
    plain = Run(
        RunKey("alpha", job_id, start_ms), str(job_id), "cfd", "alice", "physics", "batch",
        "COMPLETED" if end_ms is not None else "RUNNING" if start_ms is not None else "PENDING", NOON - HOUR, end_ms,
        () if start_ms is None else ("node001", "node002"), 2, None, None, NOON + DAY, "sacct",
    )  # fmt: skip
    return replace(plain, **more)


def sweep(descriptions: Sequence[str], seen_at_ms: int = NOON) -> Sweep:
    nodes = [Node(f"{n:016x}", NodeKind.CA, text, 1) for n, text in enumerate(descriptions, 1)]
    return Sweep.of("ib", seen_at_ms, "ibnetdiscover", nodes, [], [])


async def test_a_note_is_kept_once_and_comes_back_newest_first(inventory: Inventory) -> None:
    ledger = inventory.ledger
    early = Note(NOON, "note", "info", "moved rack 7", ("node001", "leaf01"))
    late = Note(NOON + 1, "counter_reset", "warning", "reset", ())
    assert await ledger.add_notes([late, early, early]) == 2
    assert await ledger.add_notes([early, replace(early, about=("node002",))]) == 1
    assert await ledger.add_notes([]) == 0
    assert (await ledger.notes(ALWAYS))[0] == late
    assert await ledger.notes(Interval(NOON, NOON + 1), limit=1) == (early,)
    assert await ledger.notes(ALWAYS, kinds=["counter_reset", "other"]) == (late,)
    assert await ledger.notes(Interval(NOON + 2)) == ()
    assert len(await ledger.notes(Interval(-(10**30), 10**30))) == 3
    assert await ledger.notes(ALWAYS, limit=0) == ()


async def test_the_newest_word_of_a_source_stays(inventory: Inventory) -> None:
    ledger = inventory.ledger
    word = SourceStatus("sacct", NOON, True, "300 runs")
    await ledger.heard(word)
    await ledger.heard(SourceStatus("ib", NOON, False, "timed out"))
    await ledger.heard(replace(word, heard_ms=NOON - 1, ok=False, text="old"))
    assert await ledger.sources() == (SourceStatus("ib", NOON, False, "timed out"), word)
    later = replace(word, heard_ms=NOON + 1, ok=False, text="exit status 1")
    await ledger.heard(later)
    assert (await ledger.sources())[1] == later


async def test_search_finds_jobs_users_and_nodes_by_a_part_of_their_name(inventory: Inventory) -> None:
    await inventory.jobs.apply_runs(
        [
            run(4711, label="4711_5", name="Turbulence"),
            run(12, NOON + 1, name="turbo", user="bob"),
            run(13, user="Turing", name="100%_a"),
            run(14, user="bob", name="x"),
        ]
    )
    await inventory.fabrics.apply_sweep(sweep(["turtle01 mlx5_0", "node001 mlx5_0"]))
    search = inventory.ledger.search
    assert await search("TUR") == (("job", "12"), ("job", "4711_5"), ("user", "Turing"), ("node", "turtle01 mlx5_0"))
    assert await search("ob") == (("user", "bob"),)
    assert await search("4711") == (("job", "4711_5"),)
    assert await search("11_") == (("job", "4711_5"),)
    assert await search("%_") == (("job", "13"),), "signs of a pattern mean themselves"
    assert await search("nothing") == ()
    assert await search("'; DROP TABLE run; --") == ()
    assert len(await search("")) == 9


async def test_a_short_search_shows_some_of_each_kind(inventory: Inventory) -> None:
    await inventory.jobs.apply_runs([run(n, NOON + n, name="node_check", user="node_ops") for n in range(50)])
    await inventory.fabrics.apply_sweep(sweep([f"node{n:03} mlx5_0" for n in range(30)]))
    found = await inventory.ledger.search("node", limit=7)
    assert [kind for kind, _ in found] == ["job", "job", "job", "user", "node", "node", "node"]
    assert found[:3] == (("job", "49"), ("job", "48"), ("job", "47"))
    assert await inventory.ledger.search("node", limit=0) == ()


async def test_stats_count_what_is_kept(inventory: Inventory) -> None:
    await inventory.jobs.apply_runs([run(1), run(2, None, None), run(3, end_ms=None)])
    await inventory.jobs.apply_runs([run(2), run(3, hosts=("node001", "node002", "node003"))])
    await inventory.ledger.add_notes([Note(NOON, "note", "info", "x")])
    stats = await inventory.ledger.stats()
    assert {table: stats[table] for table in ("run", "run_host", "host", "note", "source")} == {
        "run": 3, "run_host": 7, "host": 3, "note": 1, "source": 0,
    }  # fmt: skip
    assert set(stats) == {*TABLES, "run_host", "host"}


async def test_checksums_do_not_depend_on_the_order_things_were_told_in(place: Place) -> None:
    told = [run(1), run(2, end_ms=None, hosts=("node009",)), run(3, None, None), run(3), run(1, hosts=())]
    notes = [Note(NOON, "note", "info", "x"), Note(NOON, "note", "info", "y")]
    sweeps = [sweep(["node001 mlx5_0"]), sweep(["node001 mlx5_0", "node002 mlx5_0"], NOON + 1)]
    sums = []
    for turn in (1, -1):
        place = place.emptied()
        async with place.opened() as stores:
            for one in told[::turn]:
                await stores.jobs.apply_runs([one])
            await stores.ledger.add_notes(notes[::turn])
            for one_sweep in sweeps[::turn]:
                await stores.fabrics.apply_sweep(one_sweep)
            sums.append(await stores.ledger.checksums())
    assert sums[0] == sums[1]
    assert set(sums[0]) == set(TABLES)


async def test_a_checksum_changes_with_any_member(inventory: Inventory) -> None:
    seen = {(await inventory.ledger.checksums())["run"]}
    for told in (run(1, hosts=()), run(1, hosts=("node001",)), run(1, hosts=("node001", "node002")), run(2)):
        await inventory.jobs.apply_runs([told])
        seen.add((await inventory.ledger.checksums())["run"])
    assert len(seen) == 5


async def test_prune_drops_what_ended_before_and_nothing_else(inventory: Inventory) -> None:
    ended, longer = run(1), run(2, end_ms=NOON + DAY)
    still, waits = run(3, NOON - DAY, None), run(4, None, None)
    cancelled = run(5, None, NOON, state="CANCELLED")
    await inventory.jobs.apply_runs([ended, longer, still, waits, cancelled])
    old, new = Note(NOON, "note", "info", "old"), Note(NOON + HOUR, "note", "info", "new")
    await inventory.ledger.add_notes([old, new])
    before = await inventory.jobs.version()
    assert await inventory.ledger.prune(NOON + HOUR - 1) == 2, "the note and the cancelled job"
    assert await inventory.ledger.prune(NOON + HOUR) == 1
    assert await inventory.jobs.version() > before
    assert (await inventory.jobs.runs(RunFilter())).items == (longer, waits, still)
    assert (await inventory.jobs.runs_on(["node001"], ALWAYS)).items == (longer, still)
    assert await inventory.ledger.notes(ALWAYS) == (new,)
    assert (await inventory.ledger.stats())["run_host"] == 4
    assert await inventory.ledger.prune(10**30) == 2, "the longer run and the new note"
    assert (await inventory.jobs.runs(RunFilter())).items == (waits, still)


async def test_what_was_kept_is_there_when_opened_again(place: Place) -> None:
    async with place.opened() as stores:
        await stores.jobs.apply_runs([run(1)])
        sums = await stores.ledger.checksums()
    async with place.opened() as stores:
        assert await stores.ledger.checksums() == sums
        assert (await stores.jobs.runs_on(["node002"], ALWAYS)).items == (run(1),)


async def test_no_search_reads_all_runs(tmp_path: Path) -> None:
    asked: list[str] = []
    async with Database.open(tmp_path / "inventory.db", SCHEMA) as database:
        ledger = SqliteLedger(database)
        await SqliteJobs(database).apply_runs([run(n) for n in range(20)])
        # Readers are handed out last in, first out: one after the other, all questions go to this connection.
        await database.read(lambda connection: connection.set_trace_callback(asked.append))
        for text in ("11", "ali", ""):
            await ledger.search(text)
        await ledger.stats()
        await database.read(lambda connection: connection.set_trace_callback(None))
    plans: list[str] = []
    connection = sqlite3.connect(tmp_path / "inventory.db")
    for text in asked:
        if text.lstrip().startswith(("SELECT", "WITH")):
            plans += [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}")]
    connection.close()
    # The newest ones are read off the end of this index, SEARCHED at most.
    assert {plan for plan in plans if plan.startswith("SCAN run")} == {"SCAN run USING INDEX run_at"}
    assert sum("run_user" in plan for plan in plans) >= 2


SLOW = {"AllNodesScan", "NodeByLabelScan", "DirectedAllRelationshipsScan", "CartesianProduct"}


def operators(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every operator of a plan, and what it says it works on."""
    yield plan["operatorType"].partition("@")[0], plan["args"].get("Details", "")
    for child in plan.get("children", ()):
        yield from operators(child)


async def test_no_cypher_of_the_ledger_reads_all_of_what_grows(graph: Graph, neo4j_server: Server) -> None:
    access = (neo4j_server.user, neo4j_server.password)
    driver = GraphDatabase.driver(neo4j_server.url, auth=access, notifications_min_severity="OFF")
    scans = set()
    with driver, driver.session() as session:
        for text in (*ledger_texts.TEXTS, *(text for texts in ledger_rows.ROWS.values() for text in texts)):
            names = re.findall(r"\$(\w+)", text)
            asked = {name: [] if name in ("rows", "keys", "kinds", "after") else 1 for name in names}
            plan = session.run(f"EXPLAIN {text}", asked).consume().plan
            scans |= {what for kind, what in operators(plan or {}) if kind in SLOW}
    # Names of nodes, users and sources are few, and a part of a name is in no index.
    assert scans <= {"n:NAME", "u:USER", "s:SOURCE"}

"""What the job history in Neo4j promises beyond every other: a graph that people read and add to, and plans."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from neo4j import GraphDatabase, Session
from tests.services.neo4j import Server

from contract.test_jobs import HOUR, NOON, run
from contract.test_scheduler_nodes import MINUTE, node, report
from engines import empty_graph
from weft.base.intervals import FOREVER_MS, Interval
from weft.inventory.neo4j import job_rows, jobs, scheduler_nodes, totals
from weft.inventory.neo4j.graph import Graph
from weft.inventory.neo4j.jobs import Neo4jJobs
from weft.inventory.store import RunFilter, RunsResult, Total
from weft.scheduler.model import Run

pytestmark = pytest.mark.anyio

SLOW = {"AllNodesScan", "NodeByLabelScan", "DirectedAllRelationshipsScan", "CartesianProduct"}


@pytest.fixture
def session(neo4j_server: Server, graph: Graph) -> Iterator[Session]:
    """What a person with a browser on the graph has."""
    access = (neo4j_server.user, neo4j_server.password)
    with (
        GraphDatabase.driver(neo4j_server.url, auth=access, notifications_min_severity="OFF") as driver,
        driver.session() as session,
    ):
        yield session


@pytest.fixture
def store(graph: Graph) -> Neo4jJobs:
    return Neo4jJobs(graph)


def told(session: Session, text: str) -> list[list[Any]]:
    return session.run(text).values()


async def test_hosts_hold_their_runs_from_start_to_end(store: Neo4jJobs, session: Session) -> None:
    await store.apply_runs([run(1, NOON, None, ["node001", "node002"]), run(2, NOON, NOON, ["node002"])])
    held = "MATCH (h:Host)-[held:JOBCLIENT]->(j:Job) RETURN h.name, j.key, held.start, held.end ORDER BY j.key, h.name"
    first = f"alpha:1@{NOON}"
    assert told(session, held) == [
        ["node001", first, NOON, FOREVER_MS],
        ["node002", first, NOON, FOREVER_MS],
        ["node002", f"alpha:2@{NOON}", NOON, NOON + 1],
    ]
    await store.apply_runs([run(1, NOON, NOON + HOUR, ["node002", "node003", "node004"])])
    assert told(session, held)[:3] == [[f"node00{n}", first, NOON, NOON + HOUR] for n in (2, 3, 4)]
    assert told(session, "MATCH (j:Job {id: 1}) RETURN j.state, j.start, j.end, j.open") == [
        ["COMPLETED", NOON, NOON + HOUR, None]
    ]


async def test_what_a_site_adds_to_jobs_and_hosts_stays(store: Neo4jJobs, session: Session) -> None:
    begun = run(5, NOON, None, ["node001"])
    await store.apply_runs([run(5, None, submit_ms=begun.submit_ms)])
    session.run("MATCH (j:Job {id: 5}) SET j:Watched, j.ticket = 'HPC-7'").consume()
    await store.apply_runs([begun])
    session.run("MATCH (h:Host {name: 'node001'}) SET h:Rack7, h.row = 3").consume()
    await store.apply_runs([run(5, NOON, NOON + HOUR, ["node001", "node002"])])
    await store.apply_nodes(report(NOON, node(1, name="node001")))
    assert told(session, "MATCH (j:Job) RETURN labels(j), j.ticket, j.state, j.key") == [
        [["Job", "Watched"], "HPC-7", "COMPLETED", f"alpha:5@{NOON}"]
    ]
    assert told(session, "MATCH (h:Host {name: 'node001'}) RETURN labels(h), h.row") == [[["Host", "Rack7"], 3]]


async def test_several_submissions_that_wait_are_several_nodes(store: Neo4jJobs, session: Session) -> None:
    first, second = run(5, None), run(5, None, submit_ms=NOON + HOUR)
    await store.apply_runs([first, second])
    assert await store.run(first.key) == second, "the one submitted last"
    assert (await store.runs(RunFilter())).items == (second, first)
    begun = run(5, NOON + 2 * HOUR, submit_ms=NOON + HOUR)
    assert await store.apply_runs([begun]) == RunsResult(0, 1, 0)
    keys = told(session, "MATCH (j:Job) RETURN j.key ORDER BY j.key")
    assert keys == [[f"alpha:5@-/{NOON}"], [f"alpha:5@{NOON + 2 * HOUR}"]]


async def test_a_large_call_is_several_transactions_and_says_the_same(
    store: Neo4jJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PORTION", 7)
    runs = [run(n, NOON + n, None, ["node000", f"node1{n:02}"]) for n in range(20)]
    assert await store.apply_runs([*runs, runs[0]]) == RunsResult(20, 0, 0)
    assert (await store.runs(RunFilter())).items == tuple(reversed(runs))
    with pytest.raises(OverflowError):
        await store.apply_runs([*(run(n, NOON) for n in range(50, 70)), run(99, NOON, cpus=2**63)])
    with pytest.raises(UnicodeEncodeError):
        await store.apply_runs([*(run(n, NOON) for n in range(50, 70)), run(99, NOON, name="\udc80")])
    assert (await store.runs(RunFilter())).items == tuple(reversed(runs)), "looked at before the first is kept"


async def test_a_large_report_of_nodes_is_several_transactions_and_says_the_same(
    store: Neo4jJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_nodes, "PORTION", 10)
    nodes = tuple(node(n) for n in range(9))
    assert await store.apply_nodes(report(NOON, *nodes))
    assert await store.apply_nodes(report(NOON + MINUTE, *nodes[:4]))
    assert not await store.apply_nodes(report(NOON, *nodes))
    assert await store.scheduler_nodes("alpha", NOON) == nodes
    assert await store.scheduler_nodes("alpha", NOON + MINUTE) == nodes[:4]
    down = replace(nodes[8], state="DOWN")
    assert await store.apply_nodes(report(NOON + 2 * MINUTE, *nodes[:8], down, complete=False))
    assert await store.scheduler_nodes("alpha", NOON + 2 * MINUTE) == (*nodes[:8], down)


async def test_runs_on_many_hosts_are_found_by_their_time(store: Neo4jJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = [f"node{n:03}" for n in range(20)]
    long = run(900, NOON - 300 * HOUR, None, hosts[:2])
    runs = [run(n, NOON + n * HOUR, NOON + n * HOUR + 3 * HOUR, hosts[n % 5 :]) for n in range(60)]
    await store.apply_runs([*runs, long, run(901, NOON, None, ["other"])])
    window = Interval(NOON + 30 * HOUR, NOON + 32 * HOUR)
    held = [*reversed(runs[28:32]), long]

    async def pages() -> list[Run]:
        found: list[Run] = []
        cursor = None
        while not found or cursor:
            page = await store.runs_on(hosts, window, limit=2, cursor=cursor)
            found, cursor = [*found, *page.items], page.cursor
        return found

    by_host = await pages()
    monkeypatch.setattr(jobs, "MANY", 0)
    monkeypatch.setattr(jobs, "_ON_HOSTS", "RETURN 'not asked'")
    assert by_host == await pages() == held


async def test_two_servers_that_write_at_once_lose_nothing(neo4j_server: Server) -> None:
    runs = [run(n, NOON + n, None, [f"node{n % 5:03}", f"node{n % 7 + 10:03}"], cpus=1) for n in range(60)]
    ended = [replace(one, end_ms=NOON + HOUR, state="COMPLETED") for one in runs]
    async with empty_graph(neo4j_server) as graph, empty_graph(neo4j_server) as other:
        stores = [Neo4jJobs(graph), Neo4jJobs(other)]
        calls = [stores[n % 2].apply_runs(told[n * 10 : n * 10 + 20]) for n in range(6) for told in (runs, ended)]
        said = await asyncio.gather(*calls)
        assert sum(one.new for one in said) == 60
        assert (await stores[0].runs(RunFilter())).items == tuple(reversed(ended))
        spent = sum(one.end_ms - NOON - n for n, one in enumerate(ended) if one.end_ms is not None) / 1000
        assert await stores[1].totals(RunFilter(), "user", Interval(0)) == (Total("alice", 60, spent, 2 * spent, 0),)
        # The ends of runs 0-19, 20-39 and 40-59 tell all, when they come first.
        assert await stores[0].version() >= 3


async def test_hosts_are_part_of_the_partitions_that_were_said_last(store: Neo4jJobs, session: Session) -> None:
    parts = "MATCH (h:Host)-[:PART_OF]->(p:Partition) RETURN h.name, p.cluster, p.name ORDER BY h.name, p.name"
    await store.apply_nodes(report(NOON, node(1, partitions=("batch", "gpu")), node(2)))
    assert told(session, parts) == [
        ["node01", "alpha", "batch"],
        ["node01", "alpha", "gpu"],
        ["node02", "alpha", "batch"],
    ]
    await store.apply_nodes(report(NOON - MINUTE, node(1, partitions=("old",)), node(2)))
    assert len(told(session, parts)) == 3, "said of a time before"
    await store.apply_nodes(report(NOON + MINUTE, node(1, partitions=("gpu",))))
    assert told(session, parts) == [["node01", "alpha", "gpu"]]


async def test_reports_of_nodes_are_kept_as_their_changes(store: Neo4jJobs, session: Session) -> None:
    for minute in range(12):
        state = "DOWN" if minute == 5 else "IDLE"
        await store.apply_nodes(report(NOON + minute * MINUTE, node(1, state), node(2)))
    members = len(scheduler_nodes.MEMBERS)
    assert told(session, "MATCH (t:NODE_TOLD) RETURN count(t)") == [[2 * members + 2]]


async def test_no_text_reads_all_there_is(store: Neo4jJobs, session: Session) -> None:
    await store.apply_runs([run(n, NOON + n, None if n % 2 else NOON + HOUR, ["node001"]) for n in range(40)])
    await store.apply_nodes(report(NOON, node(1)))
    texts = [*jobs.TEXTS, *job_rows.TEXTS, *totals.TEXTS, *scheduler_nodes.TEXTS]
    assert len(texts) > 30
    for text in texts:
        steps = steps_of(session, text)
        assert not steps & SLOW, (text, steps)
        if text in jobs.PAGES:
            assert "PartialTop" in steps, (text, steps)
            assert "Union" not in steps, (text, steps)


def steps_of(session: Session, text: str) -> set[str]:
    """The operators of a plan."""
    plans = [session.run(f"EXPLAIN {text}").consume().plan]
    steps = set()
    while plans:
        plan = plans.pop()
        assert plan is not None
        steps.add(plan["operatorType"].partition("@")[0])
        plans += plan.get("children", [])
    return steps

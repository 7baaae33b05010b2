"""Read-only Cypher on a real Neo4j that holds a small known site: what it answers, and what hostile texts do not do.

The site is that of tests/api/site.py (the ft324 tree, 324 hosts on 18 leaves, at 22:23:15, 22:23:20 and 22:23:48 on
2026-11-22 UTC), with a job more, on node008 whose link fell to 1X and node018 which vanished, and with partitions.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.services.neo4j import Server

from api import site
from engines import asked, empty, settings_of
from weft.answers.cypher_questions import QUESTIONS
from weft.app import open_engines
from weft.base.config import Inventory, Neo4j
from weft.base.errors import BadRequest, Busy, TooMuch, Unavailable
from weft.base.intervals import FOREVER_MS
from weft.cli import main
from weft.inventory.neo4j.cypher import engine as engine_module
from weft.inventory.neo4j.cypher.engine import Neo4jCypher
from weft.inventory.neo4j.cypher.parser import Checked, check
from weft.inventory.neo4j.graph import Graph
from weft.inventory.store import CypherAnswer
from weft.scheduler.model import NodeReport, SchedulerNode

pytestmark = pytest.mark.anyio

DATA = Path(__file__).parents[1] / "data" / "cypher"
HOSTILE: list[dict[str, str]] = json.loads((DATA / "hostile.json").read_text())
ORDINARY: list[str] = json.loads((DATA / "ordinary.json").read_text())
PARAMETERS: dict[str, Any] = {
    "host": "node001", "hosts": ["node001", "node002"], "pattern": "node00.", "since": 0, "lots": 10**8, "x": 1,
    "evil": "(a+)+", "url": "http://127.0.0.1/",
}  # fmt: skip

SHORT_S = 0.3
"""A deadline for what is to run into it."""
SOON_S = 3.0
GONE_S = 20.0
"""How long others wait for an answer meanwhile, at the most."""

FIRST, MOVED, FAILED = 1_795_386_195_000, 1_795_386_200_000, 1_795_386_228_000
"""22:23:15, 22:23:20 and 22:23:48 in epoch ms: when the sweeps were seen."""
LEAF01, LEAF02, LEAF03 = (f"MF0;leaf0{n}:MSB7800/U1" for n in (1, 2, 3))
EXCHANGED = (
    "Cables changed ends: leaf02/3 - node003 mlx5_0/1 and leaf01/3 - node021 mlx5_0/1 now; read as the switch ends "
    "having changed places; which cable is which is ambiguous."
)
SLOW = "UNWIND range(1, 9999) AS a UNWIND range(1, 9999) AS b UNWIND range(1, 9999) AS c RETURN sum(a * b * c)"


@pytest.fixture(scope="module")
def known_site(neo4j_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The server with the site in it; no test of this file changes what it holds."""
    empty(neo4j_server)
    folder = tmp_path_factory.mktemp("site")
    asyncio.run(_fill(folder, settings_of(neo4j_server)))
    return neo4j_server


async def _fill(folder: Path, server: Neo4j) -> None:
    """The files of tests/api/site.py and a job more, imported as `weft import` does; and what Slurm says of nodes."""
    change = {"data": folder, "inventory": Inventory(engine="neo4j"), "neo4j": server}
    settings = site.SETTINGS.model_copy(update=change)
    jobs = folder / "sacct.txt"
    jobs.write_text(
        site.SACCT + "demo|4714|4714|carol|chem|batch|FAILED|1:0|2026-11-22T22:00:00|2026-11-22T22:00:00|"
        "2026-11-22T22:50:00|2|node[008,018]|md\n"
    )
    names = ("ft324-1-before", "ft324-2-moved", "ft324-4-failures")
    sweeps = [site.DATA / "ib" / name / "ibnetdiscover.txt" for name in names]
    partitions = {"node001": ("batch",), "node002": ("batch",), "node003": ("batch", "short"), "node004": ("short",)}
    nodes = tuple(SchedulerNode(name, "IDLE", partitions=told) for name, told in partitions.items())
    async with open_engines(settings, owner=True, clock=site.now_ms) as engines:
        assert engines.importer is not None
        report = await engines.importer.import_paths([*sweeps, jobs], seen_at_ms=site.now_ms())
        assert [file.outcome for file in report.files] == ["imported"] * 4
        await engines.site.jobs.apply_nodes(NodeReport("demo", FAILED, "sinfo", nodes))


@asynccontextmanager
async def asking(server: Server, deadline_s: float = 30.0) -> AsyncIterator[tuple[Neo4jCypher, Graph]]:
    """An engine on the server, and the graph that it stands on."""
    async with Graph.open(settings_of(server)) as graph:
        yield Neo4jCypher(graph, deadline_s), graph


@pytest.fixture
async def cypher(known_site: Server) -> AsyncIterator[Neo4jCypher]:
    """An engine with patience: the machine does other things too."""
    async with asking(known_site) as (engine, _):
        yield engine


ANSWERS: tuple[list[list[Any]], ...] = (
    [["4711", "node001"], ["4711", "node002"], ["4711", "node003"]],
    # node003 hung on leaf01 until 22:23:20, on leaf02 from then on; the job ran from 22:10 to 22:40.
    [["node001", LEAF01, 1], ["node002", LEAF01, 2], ["node003", LEAF01, 3], ["node003", LEAF02, 3]],
    # 4712 ran on node003 itself, on both leaves; 4714 on leaf01; 4713 began when 4711 was over.
    [["4712", "bob", 2, 1], ["4714", "carol", 1, 2]],
    [
        ["ambiguous", FIRST, MOVED, [f"{LEAF01}/3", "node003 mlx5_0/1"]],
        ["ambiguous", MOVED, FOREVER_MS, [f"{LEAF02}/3", "node003 mlx5_0/1"]],
    ],
    # node010 got another HCA and is there; node011 is silent, which is not gone; spine09 is no host.
    [["node018", FAILED]],
    [[LEAF01, 8, "1X", "EDR", FAILED], ["node008 mlx5_0", 1, "1X", "EDR", FAILED]],
    [
        [FAILED, "leaf01/8 - node008 mlx5_0/1: 1X EDR, was 4X EDR.", "node008", "4714"],
        [FAILED, "node018 mlx5_0 vanished from leaf01/18.", "node018", "4714"],
    ],
    # 18 hosts a leaf, and node018 is gone from the first.
    [[LEAF01, 17], [LEAF02, 18], [LEAF03, 18]],
    [[FIRST, MOVED, "ends_exchanged", EXCHANGED]],
    [["batch", 3], ["short", 2]],
)
"""What the worked questions have to answer, by hand from what the site is made of."""


@pytest.mark.parametrize("number", range(len(QUESTIONS)), ids=[question.asked for question in QUESTIONS])
async def test_a_worked_question_is_answered(cypher: Neo4jCypher, number: int) -> None:
    told = await cypher.ask(QUESTIONS[number].cypher)
    assert ([list(row) for row in told.rows], told.notices) == (ANSWERS[number], ())


def test_the_command_line_asks_and_names_what_it_refuses(
    known_site: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEFT_INVENTORY__ENGINE", "neo4j")
    monkeypatch.setenv("WEFT_NEO4J__URL", known_site.url)
    monkeypatch.setenv("WEFT_NEO4J__PASSWORD", known_site.password)
    monkeypatch.setenv("WEFT_NEO4J__TIMEOUT_S", "30")

    def run(query: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["cypher", query, "--data", str(tmp_path)])
        return (ended.value.code, *capsys.readouterr())

    status, out, _ = run("MATCH (h:Host {name: 'node001'}) RETURN h.name AS host, h")
    assert (status, [line.split() for line in out.splitlines()[:2]]) == (
        0, [["host", "h"], ["node001", "(:Host", "{name:", "node001})"]],
    )  # fmt: skip
    status, out, err = run("MATCH (n) DELETE n")
    assert (status, out) == (1, "")
    assert "Line 1, character 11 of the query ('DELETE n'): DELETE is refused: it writes" in err


async def test_ordinary_queries_run(cypher: Neo4jCypher) -> None:
    for query in ORDINARY:
        assert (await cypher.ask(query, PARAMETERS)).rows, query


async def test_columns_are_named_as_they_were_typed(cypher: Neo4jCypher) -> None:
    told = await cypher.ask(
        "MATCH (h:Host) RETURN DISTINCT h . name, // the name\n 1+1 AS `a``b` ORDER BY h.name LIMIT 1"
    )
    assert told == CypherAnswer(("h . name", "a`b"), (("node001", 2),))


async def test_values_come_as_json_can_carry_them(cypher: Neo4jCypher) -> None:
    told = await cypher.ask(
        "RETURN 1 AS a, 1.5 AS b, 1 / 0.0 AS c, true AS d, null AS e, 'x' AS f, [1, [2]] AS g, {k: 1} AS h, "
        "date('2026-11-22') AS i, duration('PT1H') AS j, point({x: 1, y: 2}) AS k"
    )
    assert told.rows == (
        (1, 1.5, None, True, None, "x", [1, [2]], {"k": 1}, "2026-11-22", "PT1H", "CartesianPoint(1.0, 2.0)"),
    )


async def test_nodes_relationships_and_paths_are_told_each_once(cypher: Neo4jCypher) -> None:
    told = await cypher.ask("MATCH p = (h:Host {name: 'node001'})-[r:JOBCLIENT]->(j) RETURN p, h, r, j, [h, j] AS both")
    (path, host, ran, job, both) = told.rows[0]
    assert (path.nodes, path.edges, both) == ((host, job), (ran,), [host, job])
    assert (told.nodes, told.edges) == ((host, job), (ran,))
    assert (host.labels, host.properties["name"], job.properties["label"]) == (("Host",), "node001", "4711")
    assert (ran.type, ran.source, ran.target) == ("JOBCLIENT", host.id, job.id)


async def test_a_misspelt_name_is_told(cypher: Neo4jCypher) -> None:
    told = await cypher.ask("MATCH (h:Hots)-[:JOBCLEINT]->() RETURN h")
    assert (told.rows, sorted(told.notices)) == (
        (), ["The graph has no label 'Hots' so far.", "The graph has no relationship type 'JOBCLEINT' so far."],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("MATCH (n) /* all */\nRETURN m", r"Line 2, character 8 of the query \('m'\): Variable `m` not defined"),
        ("RETURN 1 AS x\nUNION RETURN 1 AS y", "Line 2, character 1.*All sub queries in an UNION must have the same"),
        ("RETURN 1 / 0", "The server says: / by zero"),
        ("RETURN date('tomorrow')", "The server says: Text cannot be parsed to a Date"),
        ("MATCH (n:Host) RETURN size(5)", r"Line 1, character 28 .*Type mismatch: expected String or List<T> but was"),
    ],
)
async def test_what_the_server_does_not_like_is_told_with_the_place_that_was_typed(
    cypher: Neo4jCypher, query: str, why: str
) -> None:
    with pytest.raises(BadRequest, match=f"(?s){why}"):
        await cypher.ask(query)


async def test_a_list_collects_so_much_at_most(cypher: Neo4jCypher) -> None:
    told = await cypher.ask(
        "UNWIND range(1, 10000) AS x RETURN size(collect(x)) AS n, size(collect(DISTINCT x % 7)) AS m"
    )
    assert told.rows == ((10_000, 7),)
    with pytest.raises(TooMuch, match="A list collects over 10,000 values"):
        await cypher.ask("UNWIND range(1, 10001) AS x RETURN collect(x)")


async def test_rows_and_bytes_are_capped_and_said_so(cypher: Neo4jCypher, monkeypatch: pytest.MonkeyPatch) -> None:
    told = await cypher.ask("UNWIND range(1, 10001) AS x RETURN x")
    assert (len(told.rows), told.rows[-1], told.notices) == (
        10_000, (10_000,), ("Only 10,000 rows are listed: add a LIMIT, or count() them.",),
    )  # fmt: skip
    monkeypatch.setattr(engine_module, "MOST_BYTES", 2_000_000)
    told = await cypher.ask("UNWIND range(1, 10001) AS x RETURN reduce(s = '', i IN range(1, 1000) | s + 'x') AS s")
    # 1,000 characters and 8 a value: the 1,985th row goes over two million.
    assert (len(told.rows), told.notices) == (1985, ("Only 1,985 rows are listed: they came to over 2 MB.",))


def contents(server: Server) -> tuple[int, int, str, int]:
    """Nodes, relationships, a checksum over all of both, and how many indexes, constraints and users there are."""
    nodes = asked(server, "MATCH (n) RETURN labels(n), properties(n)")
    edges = asked(server, "MATCH (a)-[r]->(b) RETURN type(r), properties(r), properties(a), properties(b)")
    lines = sorted(
        repr([sorted(one.items()) if isinstance(one, dict) else one for one in row]) for row in nodes + edges
    )
    schema = sum(len(asked(server, f"SHOW {what}")) for what in ("INDEXES", "CONSTRAINTS", "USERS"))
    return len(nodes), len(edges), hashlib.sha256("\n".join(lines).encode()).hexdigest(), schema


def running(server: Server) -> list[str]:
    """Queries that the server is at, besides this look at them."""
    told = asked(server, "SHOW TRANSACTIONS YIELD currentQuery, username WHERE NOT currentQuery STARTS WITH 'SHOW'")
    return [row[0] for row in told]


def left_running(server: Server) -> list[str]:
    """Queries that the server is still at when it had time to let go of what was ended."""
    patience = time.monotonic() + GONE_S
    while (left := running(server)) and time.monotonic() < patience:
        time.sleep(0.2)
    return left


async def _slowest_answer(graph: Graph, until: asyncio.Event) -> float:
    """How long a reader of the same server waited at worst, s."""
    slowest = 0.0
    while not until.is_set():
        begun = time.monotonic()
        assert await graph.read(lambda tx: tx.row("MATCH (h:Host {name: 'node001'}) RETURN h.name")) == ["node001"]
        slowest = max(slowest, time.monotonic() - begun)
        await asyncio.sleep(0.1)
    return slowest


async def test_hostile_texts_are_refused_or_ended_and_change_nothing_while_others_are_answered(
    known_site: Server,
) -> None:
    before = contents(known_site)
    async with asking(known_site, SHORT_S) as (engine, graph):
        until = asyncio.Event()
        other = asyncio.create_task(_slowest_answer(graph, until))
        for one in HOSTILE:
            begun = time.monotonic()
            try:
                told = await engine.ask(one["query"], PARAMETERS)
            except (BadRequest, TooMuch):
                ended = "ended" if one["must"] == "bounded" else one["must"]
            else:
                ended = "answered"
                assert len(told.rows) <= engine_module.MOST_ROWS
            took_s = time.monotonic() - begun
            assert ended in {"bounded": ("answered", "ended")}.get(one["must"], (one["must"],)), one["query"]
            # What a deadline ends takes that, the server's grace, and a look at what goes on there.
            assert took_s < SHORT_S + 2 * engine_module.GRACE_S + SOON_S, one["query"]
        until.set()
        assert await other < SOON_S
    assert contents(known_site) == before
    # The server looks up from a search for shortest paths only now and then: what was ended may be there for a while.
    assert await asyncio.to_thread(left_running, known_site) == []


WRITES = (
    "CREATE",
    "MERGE",
    "SET",
    "DELETE",
    "REMOVE",
    "INSERT",
    "FOREACH",
    "LOAD",
    "SHOW",
    "TERMINATE",
    "ALTER",
    "DROP",
)


async def test_without_our_parser_the_plan_and_the_access_mode_still_refuse_what_writes(
    known_site: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(known_site)
    monkeypatch.setattr(engine_module, "check", lambda query, _: Checked(query, ()))
    texts = [one["query"] for one in HOSTILE if one["must"] == "refused" and one["query"].split("(")[0] in WRITES]
    texts += [one["query"] for one in HOSTILE if one["must"] == "refused" and set(one["query"].split()) & set(WRITES)]
    assert len(texts) > 60
    async with asking(known_site) as (engine, _):
        for text in texts:
            with pytest.raises((BadRequest, TooMuch, Unavailable)):
                await engine.ask(text, PARAMETERS)
        monkeypatch.setattr(engine_module, "require_reading", lambda *_: None)
        for text in (
            "CREATE (n)",
            "MATCH (n) DETACH DELETE n",
            "MATCH (n) SET n.x = 1",
            "CREATE INDEX FOR (n:A) ON (n.b)",
        ):
            with pytest.raises(BadRequest, match="does more than reading"):
                await engine.ask(text)
    assert contents(known_site) == before


async def test_two_run_at_once_and_a_third_is_told_to_wait(known_site: Server) -> None:
    async with asking(known_site, SHORT_S) as (engine, _):
        told = await asyncio.gather(*(engine.ask(SLOW) for _ in range(3)), return_exceptions=True)
        assert [type(one) for one in told] == [TooMuch, TooMuch, Busy]
        assert (await engine.ask("RETURN 1 AS x")).rows == ((1,),)


async def test_what_the_server_does_not_end_is_cut_off_and_ended_there(
    known_site: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "GRACE_S", 1.0)
    async with asking(known_site, SHORT_S) as (engine, graph):
        patient = graph.asked

        def forgets_its_limit(within_s: float, **metadata: str) -> Any:
            return patient(600 if metadata else within_s, **metadata)

        monkeypatch.setattr(graph, "asked", forgets_its_limit)
        begun = time.monotonic()
        with pytest.raises(TooMuch, match=r"ended after 0\.3 s"):
            await engine.ask(SLOW)
        assert time.monotonic() - begun < SOON_S + 2
        while await asyncio.to_thread(running, known_site):
            assert time.monotonic() - begun < 10
            await asyncio.sleep(0.2)


async def test_a_server_that_is_away_is_told() -> None:
    async with Graph.open(Neo4j(url="bolt://127.0.0.1:1", timeout_s=1)) as graph:
        with pytest.raises(Unavailable, match="does not answer"):
            await Neo4jCypher(graph).ask("RETURN 1 AS x")
        with pytest.raises(BadRequest, match="it writes"):
            await Neo4jCypher(graph).ask("CREATE (n)")


def test_the_bounds_are_those_that_the_documentation_names() -> None:
    assert (engine_module.AT_ONCE, engine_module.MOST_ROWS, engine_module.DEADLINE_S) == (2, 10_000, 10.0)
    assert check("RETURN 1 AS x") == Checked("RETURN 1 AS x", ((0, 0), (7, 7), (9, 9), (12, 12)))

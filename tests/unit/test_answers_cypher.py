"""What Cypher finds as a table and as a node graph, and what people are told of the graph."""

from datetime import UTC

import pytest

from unit.fakes import FakeCypher, FakeFabrics, FakeJobs, FakeLedger, FakeLogs, FakeSeries
from unit.story import ALICE, ask
from weft.answers import catalog
from weft.answers.answers import Answers
from weft.answers.cypher import EDGE_COLUMNS, NODE_COLUMNS, as_text
from weft.answers.cypher_questions import QUESTIONS
from weft.answers.graph import BLUE, GREEN, GREY
from weft.answers.site import Site
from weft.answers.tables import Column
from weft.base.config import Site as SiteSettings
from weft.base.errors import BadRequest, Forbidden
from weft.cli import main
from weft.inventory.neo4j.cypher.parser import check
from weft.inventory.store import CypherAnswer, CypherEdge, CypherNode, CypherPath

pytestmark = pytest.mark.anyio

HOST = CypherNode("h", ("Host",), {"name": "node001"})
SWITCH = CypherNode("s", ("DEVICE", "SW"), {"guid": "0a", "fabric": "ib"})
JOB = CypherNode("j", ("Job",), {"label": "4711", "state": "RUNNING", "end": None})
RAN = CypherEdge("r", "h", "j", "JOBCLIENT", {"start": 5})


def answers(found: CypherAnswer | None) -> tuple[Answers, FakeCypher | None]:
    engine = None if found is None else FakeCypher(found)
    site = Site(FakeFabrics(), FakeJobs(), FakeLedger(), FakeSeries(), FakeLogs(), SiteSettings(), UTC, cypher=engine)
    return Answers(site), engine


async def table(found: CypherAnswer, **arguments: object) -> tuple[list[Column], list[list[object]], tuple[str, ...]]:
    data = await catalog.run(answers(found)[0], "cypher", {"query": "MATCH (n) RETURN n", **arguments}, ask())
    return list(catalog.TABLES["cypher"].columns_of(data)), [list(row) for row in data.rows], data.notices


async def test_columns_have_the_type_that_all_their_cells_have() -> None:
    rows = ((1, True, "a", 1, None, [1, "x"]), (2.5, False, "b", "c", None, {"k": [None, True]}), (None,) * 6)
    columns, cells, notices = await table(CypherAnswer(tuple("abcdef"), rows, notices=("Hm.",)))
    assert [column.type for column in columns] == ["number", "boolean", "string", "string", "string", "string"]
    assert cells == [
        [1, True, "a", "1", None, "1, x"], [2.5, False, "b", "c", None, "{k: null, true}"], [None] * 6,
    ]  # fmt: skip
    assert notices == ("Hm.",)


async def test_an_answer_without_rows_keeps_its_columns() -> None:
    columns, cells, _ = await table(CypherAnswer(("a", "b"), ()))
    assert ([column.name for column in columns], cells) == (["a", "b"], [])


def test_nodes_and_relationships_in_a_cell_are_drawn_as_cypher_draws_them() -> None:
    assert as_text(HOST) == "(:Host {name: node001})"
    assert as_text(JOB) == "(:Job {label: 4711, state: RUNNING})"
    assert as_text(RAN) == "[:JOBCLIENT {start: 5}]"
    assert as_text(CypherPath((HOST, JOB), (RAN,))) == (
        "(:Host {name: node001})-[:JOBCLIENT]-(:Job {label: 4711, state: RUNNING})"
    )


async def test_nodes_and_relationships_make_a_node_graph_whose_edges_have_both_ends() -> None:
    found = CypherAnswer(("n",), ((HOST,), (SWITCH,), (RAN,)), (HOST, SWITCH), (RAN,))
    columns, nodes, _ = await table(found, draw="nodes")
    assert columns == list(NODE_COLUMNS)
    assert nodes == [
        ["h", "node001", "Host", None, None, GREEN, "{name: node001}"],
        ["s", "0a", "DEVICE:SW", None, None, BLUE, "{fabric: ib, guid: 0a}"],
        ["j", "?", "not in the answer", None, None, GREY, None],
    ]
    columns, edges, _ = await table(found, draw="edges")
    assert columns == list(EDGE_COLUMNS)
    assert edges == [["r", "h", "j", "JOBCLIENT", None, 1, GREY, "{start: 5}"]]


async def test_the_rows_of_a_long_answer_are_cut_to_the_limit() -> None:
    found = CypherAnswer(("n",), tuple((n,) for n in range(5)))
    data = await catalog.run(answers(found)[0], "cypher", {"query": "MATCH (n) RETURN n"}, ask(limit=2))
    assert (list(data.rows), data.notices) == ([[0], [1]], ("Only 2 of 5 rows are listed.",))


async def test_without_a_graph_it_is_said_what_to_do() -> None:
    with pytest.raises(
        BadRequest, match=r"SQLite, which knows no Cypher\..*`weft copy`.*inventory\.engine = \"neo4j\""
    ):
        await catalog.run(answers(None)[0], "cypher", {"query": "MATCH (n) RETURN n"}, ask())


async def test_cypher_is_for_operators() -> None:
    site, engine = answers(CypherAnswer(("n",), ()))
    with pytest.raises(Forbidden, match="Table cypher is for operators"):
        await catalog.run(site, "cypher", {"query": "MATCH (n) RETURN n"}, ask(ALICE))
    assert engine is not None
    assert engine.asked == []


def test_the_graph_is_drawn_within_80_columns_with_every_label_and_question(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["schema"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert max(len(line) for line in told.splitlines()) <= 80
    for word in (
        ":SW",
        ":HCA",
        ":Host",
        ":Job",
        ":PORT",
        ":CABLE",
        ":CONNECTION",
        ":LINK_STATE",
        ":EVENT",
        ":Partition",
    ):
        assert word in told
    for question in QUESTIONS:
        assert question.asked in told


def test_there_are_ten_worked_questions_and_each_passes_the_guard() -> None:
    assert len(QUESTIONS) == 10
    for question in QUESTIONS:
        assert check(question.cypher).text

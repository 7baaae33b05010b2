"""Requests taken apart and checked, every table asked, and annotations."""

import json
from datetime import UTC

import pytest

from unit.story import ALICE, BOB, OPERATOR, H, answers, ask
from weft.answers import catalog
from weft.answers.annotations import annotations
from weft.answers.requests import convert, parse_request
from weft.answers.sources import suggest
from weft.answers.tables import Param
from weft.base.errors import BadRequest, Forbidden, UnknownName

pytestmark = pytest.mark.anyio

ARGUMENTS = {
    **{name: {"job": "4711"} for name in ("job", "job_hosts", "job_neighbours", "job_ports", "job_cables")},
    **{name: {"job": "4711"} for name in ("job_switches", "placement", "hops")},
    **{name: {"job": "4711"} for name in ("hop_matrix", "placement_rails", "placement_swaps")},
    **{name: {"job": "4711"} for name in ("job_routes", "route_sharers", "job_states")},
    "state_timeline": {"host": "node003"},
    "compare": {"jobs": "4711,4712"},
    "imbalance": {"job": "4711", "metric": "cpu.user"},
    "fabric_diff": {"from": str(10 * 3600), "to": str(20 * 3600)},
    "behind": {"switch": "leaf01"},
    "ports": {"switch": "leaf01"},
    "cable_history": {"cable": "h001"},
    "link_runs": {"link": "leaf01/5"},
    "route": {"src": "node001", "dst": "node009"},
    "route_to": {"switch": "leaf01", "port": "5"},
    "cypher": {"query": "MATCH (n) RETURN n AS what, 1 AS number"},
}
"""What each table that cannot do without is asked with; the others are asked without any."""


@pytest.mark.parametrize("name", sorted(catalog.TABLES))
async def test_every_table_answers_with_cells_of_its_columns(name: str) -> None:
    data = await catalog.run(answers(), name, ARGUMENTS.get(name, {}), ask(from_h=12))
    columns = catalog.TABLES[name].columns_of(data)
    assert data.rows
    kinds = {"string": str, "number": (int, float), "time": int, "boolean": bool}
    for row in data.rows:
        assert len(row) == len(columns)
        for cell, column in zip(row, columns, strict=True):
            assert cell is None or isinstance(cell, kinds[column.type]), (name, column.name, cell)
            assert column.type == "boolean" or not isinstance(cell, bool), (name, column.name, cell)
    json.dumps([list(row) for row in data.rows], allow_nan=False)


@pytest.mark.parametrize("name", sorted(catalog.TABLES))
async def test_every_table_keeps_to_the_limit_and_says_so(name: str) -> None:
    data = await catalog.run(answers(), name, ARGUMENTS.get(name, {}), ask(limit=1))
    whole = await catalog.run(answers(), name, ARGUMENTS.get(name, {}), ask())
    assert len(data.rows) == (1 if name != "edges" else 0)  # one node has no edge
    assert len(whole.rows) == 1 or any("nly " in notice for notice in data.notices), data.notices


@pytest.mark.parametrize("name", sorted(catalog.TABLES))
async def test_no_table_shows_a_user_what_is_not_theirs(name: str) -> None:
    for arguments in (ARGUMENTS.get(name, {}), {"job": "4711"} if name in ("nodes", "edges", "logs") else {}):
        try:
            data = await catalog.run(answers(), name, arguments, ask(BOB, from_h=12))
        except (Forbidden, UnknownName, BadRequest):
            continue
        told = json.dumps([list(row) for row in data.rows])
        assert not any(word in told for word in ("alice", "carol", "node001", "node012", "4711")), name


@pytest.mark.parametrize("name", sorted(catalog.TABLES))
def test_every_table_says_what_it_is_and_its_example_is_valid(name: str) -> None:
    declared = catalog.TABLES[name]
    assert declared.name == name
    assert declared.doc.endswith(".")
    assert len({column.name for column in declared.columns}) == len(declared.columns)
    convert(name, declared.params, declared.example, UTC)


def test_a_request_is_quoted_as_in_a_shell() -> None:
    assert parse_request("jobs") == ("jobs", {})
    assert parse_request("jobs user=alice  state='running' name=\"my job\" x=a=b") == (
        "jobs", {"user": "alice", "state": "running", "name": "my job", "x": "a=b"},
    )  # fmt: skip
    assert parse_request("logs query=") == ("logs", {"query": ""})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Nothing is asked"),
        ("   ", "Nothing is asked"),
        ("jobs alice", "'alice' is no argument"),
        ("jobs =alice", "'=alice' is no argument"),
        ("jobs user=a user=b", "'user' is given twice"),
        ("jobs user='alice", "No closing quotation"),
        ("jobs " + "x" * 5000, "over 4096 characters"),
    ],
)
def test_a_request_that_is_none_is_refused_with_its_reason(text: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        parse_request(text)


PARAMS = (
    Param("text"), Param("many", "list"), Param("count", "integer"), Param("share", "number"), Param("flag", "boolean"),
    Param("at", "time"), Param("mode", choices=("up", "down")), Param("first", "integer", default=3),
)  # fmt: skip


def test_arguments_get_their_types_from_text_and_from_json() -> None:
    text = {"text": " a ", "many": "{a,b, a}", "count": "5", "share": "0.5", "flag": "true", "mode": "up"}
    assert convert("t", PARAMS, text | {"at": "1970-01-01T01:00"}, UTC) == {
        "text": "a", "many": ("a", "b"), "count": 5, "share": 0.5, "flag": True, "at": H, "mode": "up", "first": 3,
    }  # fmt: skip
    assert convert("t", PARAMS, {"text": 7, "many": ["a", 5], "count": 5, "flag": False, "at": 3600}, UTC) == {
        "text": "7", "many": ("a", "5"), "count": 5, "flag": False, "at": H, "first": 3,
    }  # fmt: skip
    assert convert("t", PARAMS, {"text": "", "many": [], "mode": None, "first": 4}, UTC) == {"first": 4}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"txet": "a"}, r"'t' has no parameter 'txet'\. Did you mean text"),
        ({"count": "x"}, "count=x is not a whole number"),
        ({"count": 1.5}, "count=1.5 is not a whole number"),
        ({"count": True}, "count=True is not a number"),
        ({"share": "nan"}, "share=nan is not a finite number"),
        ({"share": "1e999"}, "is not a finite number"),
        ({"flag": "maybe"}, "flag=maybe is not true or false"),
        ({"at": "soon"}, "'soon' is not a time"),
        ({"mode": "upp"}, r"mode=upp is not possible\. Did you mean up"),
        ({"text": ["a"]}, "is not one text"),
        ({"many": {"a": 1}}, "is not a list"),
    ],
)
def test_a_bad_argument_is_named(arguments: dict[str, object], why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        convert("t", PARAMS, arguments, UTC)


async def test_an_unknown_table_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"There is no table 'job_prots'\. Did you mean job_ports"):
        await catalog.run(answers(), "job_prots", {}, ask())
    with pytest.raises(BadRequest, match=r"'ports' needs switch\."):
        await catalog.run(answers(), "ports", {}, ask())


async def test_from_and_to_set_the_window_of_every_table() -> None:
    data = await catalog.run(answers(), "jobs", {"user": "alice", "from": "1970-01-01T17:00", "to": 20 * 3600}, ask())
    assert [row[0] for row in data.rows] == ["4713"]
    data = await catalog.run(answers(), "jobs", {"to": str(12 * 3600), "from": None}, ask(from_h=11.75))
    assert [row[0] for row in data.rows] == ["50_1", "50_2"]
    with pytest.raises(BadRequest, match="The window or the limit is empty"):
        await catalog.run(answers(), "jobs", {"from": str(12 * 3600), "to": str(12 * 3600)}, ask())
    with pytest.raises(BadRequest, match="'soon' is not a time"):
        await catalog.run(answers(), "jobs", {"from": "soon"}, ask())


async def test_a_page_of_jobs_comes_with_the_cursor_of_the_next() -> None:
    site = answers()
    first = await catalog.run(site, "jobs", {}, ask(limit=4))
    second = await catalog.run(site, "jobs", {"cursor": first.cursor}, ask(limit=4))
    assert (len(first.rows), len(second.rows), second.cursor) == (4, 3, None)
    assert first.notices == ("Only the newest 4 runs are listed.",)
    assert [name for name, table in catalog.TABLES.items() if table.paged and name.startswith("job")] == ["jobs"]


async def test_tables_of_the_raw_fabric_are_for_operators() -> None:
    for name in ("vanished", "switches", "links", "degraded", "cables", "fabric_changes", "sources", "nodes"):
        with pytest.raises(Forbidden, match="is for operators, and alice is none"):
            await catalog.run(answers(), name, {}, ask(ALICE))


async def test_logs_of_a_job_are_those_of_its_hosts_while_it_ran() -> None:
    data = await catalog.run(answers(), "logs", {"query": "link", "job": "4711"}, ask())
    assert [(row[0], row[1]) for row in data.rows] == [(13 * H, "node001")]
    data = await catalog.run(answers(), "logs", {"query": "link"}, ask())
    assert [row[1] for row in data.rows] == ["node001", "node010", "node001"]
    data = await catalog.run(answers(), "logs", {}, ask(BOB))
    assert [row[1] for row in data.rows] == ["node010"]
    data = await catalog.run(answers(), "logs", {"query": "panic"}, ask())
    assert data.notices == ("No line matches in this window.",)


async def test_sources_tell_their_age() -> None:
    data = await catalog.run(answers(), "sources", {}, ask())
    assert [list(row) for row in data.rows] == [["sacct", 19 * H, 3660.0, True, "7 runs"]]


async def test_jobs_are_marked_from_start_to_end_and_a_running_one_has_no_end() -> None:
    found, notices = await annotations(answers(), ask(), "jobs user=alice")
    assert [(a.at_ms, a.end_ms, a.title) for a in found] == [
        (18 * H, None, "job 4713 of alice"),
        (12 * H, 16 * H, "job 4711 of alice"),
        (11 * H, 11 * H + H // 2, "job 4711 of alice"),
    ]
    assert found[1].text == "alice, app, batch, 4 hosts, COMPLETED"
    assert found[1].tags == ("job", "job:4711", "user:alice", "completed")
    assert notices == []


async def test_changes_are_marked_by_kind_and_with_their_bracket() -> None:
    found, _ = await annotations(answers(), ask(), "changes kind=cable_moved")
    assert [(a.at_ms, a.end_ms, a.title, a.text, a.tags) for a in found] == [
        (
            13 * H, None, "cable moved",
            "h001 was moved from leaf01/1 to leaf01/12. (after 1970-01-01T12:00:00Z)",
            ("fabric", "cable_moved", "info"),
        )
    ]  # fmt: skip


async def test_marks_are_scoped_bounded_and_checked() -> None:
    found, _ = await annotations(answers(), ask(BOB), "")
    assert {a.title for a in found} == {"job 4712 of bob", "job 50_1 of bob", "job 50_2 of bob"}
    with pytest.raises(Forbidden):
        await annotations(answers(), ask(BOB), "changes")
    found, notices = await annotations(answers(), ask(limit=2), "")
    assert ([a.title for a in found], len(notices)) == (["job 4713 of alice", "node gone"], 2)
    with pytest.raises(UnknownName, match="There are no annotations 'job'"):
        await annotations(answers(), ask(), "job user=alice")
    with pytest.raises(BadRequest, match="has no parameter 'usr'"):
        await annotations(answers(), ask(), "jobs usr=alice")


async def test_pickers_suggest_what_the_viewer_may_see() -> None:
    site = answers()
    assert await suggest(site, ask(), "jobs") == ["4713", "77", "4711", "4712", "50_1", "50_2"]
    assert await suggest(site, ask(BOB), "jobs") == ["4712", "50_1", "50_2"]
    assert await suggest(site, ask(), "users") == ["alice", "bob", "carol"]
    assert await suggest(site, ask(BOB), "users") == ["bob"]
    assert await suggest(site, ask(), "switches") == ["leaf01", "leaf02", "leaf03", "spine01", "spine02"]
    assert await suggest(site, ask(BOB), "switches") == []
    assert await suggest(site, ask(BOB, from_h=12), "hosts") == ["node003", "node010"]
    assert await suggest(site, ask(limit=2), "cables") == ["h001", "h002"]
    assert await suggest(site, ask(OPERATOR), "fabrics") == ["ib"]
    assert await suggest(site, ask(), "nonsense") == []

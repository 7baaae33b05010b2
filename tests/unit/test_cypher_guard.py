"""Cypher of people read before a server sees it: what reads passes as it was meant, what does more is refused.

What hostile texts have to meet on a server is in tests/contract/test_cypher.py.
"""

import contextlib
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from weft.base.errors import BadRequest, TooMuch
from weft.inventory.neo4j.cypher import regexes
from weft.inventory.neo4j.cypher.expressions import OVER_COLLECTED
from weft.inventory.neo4j.cypher.extents import Extent, of_value
from weft.inventory.neo4j.cypher.parser import check

DATA = Path(__file__).parents[1] / "data" / "cypher"
HOSTILE: list[dict[str, str]] = json.loads((DATA / "hostile.json").read_text())
ORDINARY: list[str] = json.loads((DATA / "ordinary.json").read_text())
PARAMETERS: dict[str, Any] = {
    "host": "node001", "hosts": ["node001", "node002"], "pattern": "node00.", "since": 0, "lots": 10**8, "x": 1,
    "evil": "(a+)+", "url": "http://127.0.0.1/",
}  # fmt: skip
FUZZ = 20_000 if os.environ.get("WEFT_SOAK") else 2_000


def test_there_are_enough_of_both() -> None:
    assert len({one["query"] for one in HOSTILE}) >= 200
    assert len(set(ORDINARY)) >= 60


@pytest.mark.parametrize("query", [one["query"] for one in HOSTILE if one["must"] == "refused"])
def test_a_hostile_text_is_refused_before_the_server_sees_it(query: str) -> None:
    with pytest.raises((BadRequest, TooMuch)) as told:
        check(query, PARAMETERS)
    assert told.value.fix


@pytest.mark.parametrize("query", ORDINARY)
def test_an_ordinary_query_passes(query: str) -> None:
    assert check(query, PARAMETERS).text


def test_what_runs_is_written_anew_with_the_columns_that_were_typed() -> None:
    assert check("MATCH (n:Host)-->(m) RETURN n.name, m AS x // all").text == (
        "MATCH ( n : Host ) - - > ( m ) RETURN n . name AS `n.name` , m AS x"
    )
    assert check("RETURN  1 +\t1 ;").text == "RETURN 1 + 1 AS `1 +\t1`"
    assert check("MATCH (`a b`) RETURN `a b`").text == "MATCH ( `a b` ) RETURN `a b`"


def test_a_list_that_is_collected_ends_the_query_when_it_is_too_long() -> None:
    assert check("MATCH (n) RETURN collect(DISTINCT n.x) AS xs").text == (
        "MATCH ( n ) RETURN collect ( DISTINCT n . x ) [ .. CASE WHEN count( DISTINCT n . x ) > 10000 THEN "
        f"date('{OVER_COLLECTED}').year ELSE 10000 END ] AS xs"
    )


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("MATCH (n)\nDELETE n", r"Line 2, character 1 of the query \('DELETE n'\): DELETE is refused: it writes"),
        ("LOAD CSV FROM 'x' AS r RETURN r", "LOAD is refused: it lets the server read files and addresses"),
        ("SHOW SETTINGS", "SHOW is refused: it manages the server"),
        ("EXPLAIN RETURN 1", "EXPLAIN is refused"),
        ("RETURN 1; RETURN 2", "another statement"),
        ("CALL dbms.listConfig()", r"the procedure dbms\.listConfig is refused"),
        ("RETURN apoc.util.sleep(1)", r"apoc\.util\.sleep\(\) is no function that Weft lets through"),
        ("CALL { RETURN 1 AS x } IN TRANSACTIONS RETURN x", "IN TRANSACTIONS is refused"),
        ("MATCH (n) USING SCAN n:A RETURN n", "USING is refused"),
        ("MATCH (n) WITH n.x RETURN 1", "a value without a name in WITH"),
        ("RETURN $missing", r"the parameter \$missing is not given"),
        ("RETURN", "an expression was expected"),
        ("", "nothing is asked"),
        ("MATCH (n) RETURN n UNION", "nothing is asked"),
        ("hello", "MATCH, OPTIONAL MATCH, WITH, UNWIND, CALL, RETURN"),
    ],
)
def test_a_refusal_says_where_and_why(query: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        check(query, PARAMETERS)


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("RETURN reduce(s = 'a', x IN range(1, 34) | s + s)", "a reduce whose value grows faster each time"),
        ("RETURN [x IN range(1, 10000) | [y IN range(1, 10000) | 1]]", "over 10,000,000 steps for one row"),
        ("WITH 'aaaaaaaaaa' AS s " + "WITH s + s AS s " * 21 + "RETURN s", "up to 10,485,760 characters or elements"),
        ("RETURN [a IN [1] | [b IN [1] | [c IN [1] | [d IN [1] | [e IN [1] | 1]]]]]", "over 4 lists gone through"),
        ("RETURN " + " XOR ".join(["true"] * 10), "over 8 XOR"),
        ("RETURN " + "NOT " * 17 + "true", "too many operators"),
        ("MATCH (a)" + "--(b)" * 41 + " RETURN 1", "over 40 relationships"),
        ("RETURN " + " UNION RETURN ".join(["1 AS x"] * 61), "over 60 clauses"),
    ],
)
def test_what_no_clock_of_the_server_stops_is_refused(query: str, why: str) -> None:
    with pytest.raises(TooMuch, match=why):
        check(query)


@pytest.mark.parametrize(
    "query",
    [
        "RETURN reduce(s = 0, x IN range(1, 19000) | s + x)",
        "RETURN reduce(s = '', x IN ['a', 'b'] | s + x + ',')",
        "MATCH p = ()-->() RETURN reduce(t = 0, r IN relationships(p) | t + r.cost)",
        "RETURN [x IN range(1, 1000) | [y IN range(1, 1000) | x * y]]",
        "WITH 'aaaaaaaaaa' AS s " + "WITH s + s AS s " * 19 + "RETURN s",
        "UNWIND $rows AS row RETURN row.name, row.xs[0]",
    ],
)
def test_what_stays_within_the_bounds_passes(query: str) -> None:
    check(query, {"rows": [{"name": "a", "xs": [1, 2]}]})


def test_extents_of_parameters_are_those_of_their_values() -> None:
    assert of_value("abc") == Extent(3)
    assert of_value(["a", "bcd"]) == Extent(2, 3)
    assert of_value(-7) == Extent(most=7)
    assert of_value({"a": "xyz"}) == Extent(1, 6)  # a key of one and a value of three, two of the larger
    assert of_value(None) == of_value(1.5) == of_value(True) == Extent()
    with pytest.raises(BadRequest, match="no number of 64 bits"):
        of_value(2**63)
    with pytest.raises(BadRequest, match="of type object"):
        of_value(object())
    with pytest.raises(BadRequest, match="lists in lists"):
        of_value([[[[[[[[[[1]]]]]]]]]])


@pytest.mark.parametrize(
    ("pattern", "steps"),
    [
        ("leaf01", 1 + 50),  # nothing to try
        ("leaf.*", 50 + 50),  # one repeat tries each length
        (".*leaf.*", 50**2 + 50),
        ("node(001|002|003)", 3 + 50),  # three branches
        ("(?i)a[*+]b\\*", 1 + 50),  # none of these is a repeat
    ],
)
def test_a_regular_expression_costs_its_repeats_and_branches(pattern: str, steps: int) -> None:
    assert regexes.cost(pattern, 50) == steps


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "(ab)*", "(a|aa)+", "(?=a)b", "(a)\\1", "a**", "*a", "a)", "[a", "(?<n>a)\\k<n>", "a" * 201]
)
def test_a_regular_expression_without_a_bound_is_refused(pattern: str) -> None:
    with pytest.raises(BadRequest):
        regexes.cost(pattern, 50)


def test_a_place_in_what_runs_is_one_in_what_was_typed() -> None:
    query = "RETURN /* sum */ 1 + foo"
    checked = check(query)
    assert checked.place_of(checked.text.index("foo")) == query.index("foo")
    assert checked.place_of(0) == 0


def test_cut_and_garbled_text_ends_in_a_value_or_in_an_error_that_helps() -> None:
    dice = random.Random(7)
    texts = [*ORDINARY, *(one["query"] for one in HOSTILE)]
    pieces = sorted({word for text in ORDINARY for word in text.split()}) + list(
        "()[]{}|:;.,'\"`$\\/*-<>=~\n\x00\u200b"
    )
    for _ in range(FUZZ):
        text = dice.choice(texts)
        cut = dice.randrange(len(text) + 1)
        match dice.randrange(4):
            case 0:
                text = text[:cut]
            case 1:
                text = text[:cut] + chr(dice.choice((dice.randrange(128), dice.randrange(0x3000)))) + text[cut + 1 :]
            case 2:
                text = text[:cut] + dice.choice(pieces) + text[cut:]
            case 3:
                text = " ".join(dice.choice(pieces) for _ in range(dice.randrange(30)))
        with contextlib.suppress(BadRequest, TooMuch):
            check(text, PARAMETERS)

"""Cypher taken apart: what a token is, what it means, and how the server gets it."""

import pytest

from weft.base.errors import BadRequest, TooMuch
from weft.inventory.neo4j.cypher.lexer import DEEPEST, LONGEST, read


def told(query: str) -> list[tuple[str, str, str]]:
    """Kind, text and written form of every token but the end."""
    return [(token.kind, token.text, token.written) for token in read(query).items[:-1]]


def written(query: str) -> str:
    return " ".join(token.written for token in read(query).items[:-1])


def test_words_names_numbers_parameters_and_signs_are_told_apart() -> None:
    assert told("MATCH (n:Host {a: $b})") == [
        ("word", "MATCH", "MATCH"), ("sign", "(", "("), ("word", "n", "n"), ("sign", ":", ":"),
        ("word", "Host", "Host"), ("sign", "{", "{"), ("word", "a", "a"), ("sign", ":", ":"),
        ("parameter", "b", "$`b`"), ("sign", "}", "}"), ("sign", ")", ")"),
    ]  # fmt: skip
    assert told("`a b` `c``d` $`e f` $1") == [
        ("name", "a b", "`a b`"), ("name", "c`d", "`c``d`"), ("parameter", "e f", "$`e f`"), ("parameter", "1", "$`1`"),
    ]  # fmt: skip


@pytest.mark.parametrize("number", ["0", "12", "1_000", "0x1F", "0o17", "1.5", ".5", "1e3", "1.5e-3"])
def test_a_number_is_one_token(number: str) -> None:
    assert told(number) == [("number", number, number)]


def test_a_range_of_numbers_is_no_number_with_a_point() -> None:
    assert [token.text for token in read("[1..3]").items[:-1]] == ["[", "1", "..", "3", "]"]


@pytest.mark.parametrize(
    ("string", "means", "goes_out_as"),
    [
        ("'a'", "a", "'a'"),
        ('"it\'s"', "it's", '"it\'s"'),
        (r"'it\'s'", "it's", r"'it\'s'"),
        (r"'a\\b'", r"a\b", r"'a\\b'"),
        (r"'caf\u00e9'", "café", "'café'"),
        # Neo4j ends the string at \u0027, decoded before it reads; what goes out can be read in one way alone.
        (r"'\u0027'", "'", r"'\''"),
        (r"'\u005c'", "\\", r"'\\'"),
        (r"'\u005cu0041'", r"\u0041", r"'\\u0041'"),
        (r"'\ud83d\ude00'", "\U0001f600", "'\U0001f600'"),
        (r"'\q'", r"\q", r"'\\q'"),
        ("'/* no */ // comment'", "/* no */ // comment", "'/* no */ // comment'"),
        ("'CREATE (n)'", "CREATE (n)", "'CREATE (n)'"),
    ],
)
def test_a_string_goes_out_as_what_it_means(string: str, means: str, goes_out_as: str) -> None:
    assert told(string) == [("text", means, goes_out_as)]


def test_comments_and_odd_blanks_do_not_reach_the_server() -> None:
    assert written("RETURN /* a /* b */ 1 // 2\r, 3 // end") == "RETURN 1 , 3"
    assert written("RETURN\u00a01\u2003AS\u3000x\x1c") == "RETURN 1 AS x"
    # A line separator ends no comment of Neo4j's.
    assert written("RETURN 1 // x\u2028, 2") == "RETURN 1"
    assert written("RETURN 1 // \\u000a, 2") == "RETURN 1"


def test_dashes_and_arrow_heads_become_plain() -> None:
    assert written("(a)\u2014[r]\u2010\u3009(b)") == "( a ) - [ r ] - > ( b )"
    assert written("(a)\u27e8-\u00ad(b)") == "( a ) < - - ( b )"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("RETURN 'a", r"Line 1, character 8 of the query \(''a'\): the string is not closed"),
        ('RETURN "a', "the string is not closed"),
        ("RETURN\n1 /* a", r"Line 2, character 3 of the query \('/\* a'\): the comment is not closed"),
        ("RETURN 1 /*/", "the comment is not closed"),
        ("RETURN `a", "the name is not closed"),
        (r"RETURN \u0041", "a backslash stands outside a string"),
        (r"RETURN '\u00zz'", r"\\u needs four hexadecimal digits"),
        (r"RETURN '\U00000041'", r"\\u needs four hexadecimal digits"),
        (r"RETURN '\ud800'", "half a character in a string"),
        ("RETURN '\ud800'", "half a character"),
        (r"RETURN 1 AS `a\u0060`", "a name with a backslash"),
        ("RETURN 12abc", "a number goes on as a word"),
        ("RETURN 1__0", "a number goes on as a word"),
        ("RETURN a\u200bb", r"U\+200B cannot stand here"),
        ("\ufeffRETURN 1", r"U\+FEFF cannot stand here"),
        ("RETURN a # b", "# cannot stand here"),
        ("RETURN (1]", r"a \] without its \["),
        ("RETURN 1)", r"a \) without its \("),
        ("RETURN [(1)", r"the \[ is not closed"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(query: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        read(query)


def test_a_query_is_so_long_and_so_deep_at_most() -> None:
    read("x" * LONGEST)
    with pytest.raises(TooMuch, match="over 8,192 characters"):
        read("x" * (LONGEST + 1))
    read("(" * DEEPEST + ")" * DEEPEST)
    with pytest.raises(TooMuch, match="over 32 brackets within each other"):
        read("(" * (DEEPEST + 1) + ")" * (DEEPEST + 1))

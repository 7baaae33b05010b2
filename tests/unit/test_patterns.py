"""Patterns: Lucene's wildcards, the expressions that all engines share, and ranges of texts as expressions.

tantivy itself judges what is written for its crate: a pattern is held against values that are kept in it.
"""

import random
import re
from collections.abc import Sequence

import pytest
from tantivy import Document, Index, Query, SchemaBuilder

from weft.base.errors import BadRequest, TooMuch
from weft.logs.patterns import (
    between_regex,
    check_regex,
    expression_regex,
    is_pattern,
    literal_regex,
    pattern_words,
    wildcard_regex,
)

ALPHABET = 'abAB01_-.* \\"üß\U0001f525\ud7ff\ue000\uffff^$[]{}()|+?#&~<>@/=\n'


def fitting(values: Sequence[str], regexes: Sequence[str]) -> list[set[str]]:
    """Which values the engine finds by each expression."""
    schema = SchemaBuilder().add_text_field("v", stored=True, tokenizer_name="raw", index_option="basic").build()
    index = Index(schema)
    writer = index.writer(20_000_000, 1)
    for value in values:
        writer.add_document(Document(v=value))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()
    return [
        {
            searcher.doc(address)["v"][0]
            for _, address in searcher.search(Query.regex_query(schema, "v", regex), len(values)).hits
        }
        for regex in regexes
    ]


def texts(chance: random.Random, count: int) -> list[str]:
    return ["".join(chance.choices(ALPHABET, k=chance.randrange(5))) for _ in range(count)]


def test_a_literal_fits_itself_alone() -> None:
    values = sorted({*ALPHABET, *texts(random.Random(1), 200)} - {""})
    for value, found in zip(values, fitting(values, [literal_regex(value) for value in values]), strict=True):
        assert found == {value}


def test_wildcards_fit_as_they_do_in_lucene() -> None:
    values = ["", "a", "ab", "a*b", "a?b", "axb", "a\\b", "ax\nb", "a\U0001f525b", "abb"]
    expected = {
        "a*b": {"ab", "a*b", "a?b", "axb", "a\\b", "ax\nb", "a\U0001f525b", "abb"},
        "a?b": {"a*b", "a?b", "axb", "a\\b", "a\U0001f525b", "abb"},
        r"a\*b": {"a*b"},
        r"a\?b": {"a?b"},
        r"a\\b": {"a\\b"},
        "*": set(values),
        "??": {"ab"},
        "?": {"a"},
        "a**": set(values) - {""},
    }
    for found, (pattern, fit) in zip(
        fitting(values, list(map(wildcard_regex, expected))), expected.items(), strict=True
    ):
        assert found == fit, pattern


def test_a_range_of_texts_is_an_expression() -> None:
    chance = random.Random(2)
    values = sorted({*texts(chance, 400), "", "a", "aa", "ab", "b"})
    asked = []
    while len(asked) < 200:
        low, high = (chance.choice([None, *texts(chance, 3), chance.choice(values)]) for _ in range(2))
        asked.append((low, high, chance.choice((True, False)), chance.choice((True, False))))
    regexes = [between_regex(*one) for one in asked]
    found = iter(fitting(values, [regex for regex in regexes if regex is not None]))
    for (low, high, with_low, with_high), regex in zip(asked, regexes, strict=True):
        fit = {
            value
            for value in values
            if (low is None or value > low or (with_low and value == low))
            and (high is None or value < high or (with_high and value == high))
        }
        assert (next(found) if regex is not None else set()) == fit, (low, high, with_low, with_high, regex)


@pytest.mark.parametrize(
    "pattern",
    ["ab?c*d+", "a|b", "(a|b)c", "[abc]x", "[^a]", "[a-c]{2,3}", "a{2}", "a{1,}", r"\d+\w*", r"[\d_]x", "[^\\s]", ".*",
     r"\.\*\(\)\[\]\{\}\|\\", "a.b", "[.]", "[-a]", r"[\]a]", "((a))", "x(a|b)?", "é+", "a{0}b"],
)  # fmt: skip
def test_expressions_mean_what_they_mean_in_python(pattern: str) -> None:
    chance = random.Random(pattern)
    pool = "abcdx019_ .*()[]{}|\\-]é"
    values = sorted(
        {"".join(chance.choices(pool, k=chance.randrange(1, 5))) for _ in range(800)}
        | {".*()[]{}|\\", "aa", "9x", "axb"}
    )
    check_regex(pattern)
    (found,) = fitting(values, [expression_regex(pattern)])
    assert found == {value for value in values if re.fullmatch(pattern, value, re.DOTALL | re.ASCII)}
    assert found, "or it would say nothing"


def test_letters_are_folded_where_the_values_are() -> None:
    values = ["node", "NODE", "x", "ä"]
    regexes = [expression_regex(pattern, lower=True) for pattern in ("NO[C-F]E", "[^A-W]", r"Ä|\w{4}")]
    assert fitting(values, regexes) == [{"node"}, {"x", "ä"}, {"ä", "node", "NODE"}]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("", "has nothing at its character 1"),
        ("a|", "has nothing at its character 3"),
        ("()", "has nothing at its character 2"),
        ("(a", "has a ( without its ) at its character 3"),
        ("a)", "has a ) without its ( at its character 2"),
        ("*a", "has * with nothing before it at its character 1"),
        ("a**", "has a repeat of a repeat at its character 3"),
        ("a+?", "has a repeat of a repeat"),
        ("a{", "has { at its character 2"),
        ("a{2,1}", "has {2,1}"),
        ("{2}", "has { with nothing before it"),
        ("[]a]", "has an empty class at its character 2"),
        ("[a", "has a [ without its ]"),
        ("[a-]", "has a range without an end"),
        ("[z-a]", "has a range without an end"),
        ("a]", "has ] with nothing before it"),
        ("^a", "has ^ at its character 1. An expression always fits from the first"),
        ("a$", "always fits up to the last character: leave $ out"),
        ("~a", "Lucene gives ~ a meaning that Weft does not know: write \\~."),
        ("a&b", "write \\&"),
        ("<1-5>", "write \\<"),
        ("(?=a)", "has neither look around nor options"),
        (r"(a)\1", "has \\1 at its character 6. Known are \\d, \\w and \\s."),
        ("a\\", "has a backslash at the end"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_place(pattern: str, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_regex(pattern)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "limit"),
    [
        ("a" * 1001, "over 1,000 characters"),
        ("a{9999}", "over 5,000 characters when its repeats are written out"),
        ("((a{100}){100}){100}", "over 5,000 characters"),
        ("(" * 30 + "a" + ")" * 30, "over 20 groups in groups"),
    ],
)
def test_what_is_too_large_is_refused_with_the_limit(pattern: str, limit: str) -> None:
    with pytest.raises(TooMuch, match=limit):
        check_regex(pattern)


def test_what_no_word_holds_is_refused_rather_than_finding_nothing() -> None:
    check_regex("link down")
    check_regex(r"li[n .]k|\w+", word=True)
    for pattern in ("link down", r"10\.1", "a(b-)?c"):
        with pytest.raises(BadRequest, match="which no word of a message holds"):
            check_regex(pattern, word=True)


def test_a_pattern_is_cut_as_a_message_is() -> None:
    cases = {
        "10.1.7*": ["10", "1", "7*"],
        "10.1.*": ["10", "1"],
        "*.example.com": ["example", "com"],
        "10.*.3": ["10", "*", "3"],
        "a.**.b": ["a", "*", "b"],
        "li*": ["li*"],
        r"li\*": ["li"],
        r"a\bc*": ["abc*"],
        "größe?": ["größe?"],
        "-*-": [],
    }
    assert {pattern: pattern_words(pattern) for pattern in cases} == cases
    assert [is_pattern(word) for word in ("a", "a*", "?")] == [False, True, True]

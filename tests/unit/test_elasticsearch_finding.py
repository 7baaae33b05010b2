"""What is looked for, as Elasticsearch's query objects and Lucene's expressions."""

import pytest

from weft.base.intervals import FOREVER_MS, Interval
from weft.logs.elasticsearch.finding import compiled, lucene_regex, place_after, within
from weft.logs.patterns import between_regex, expression_regex, literal_regex, wildcard_regex
from weft.logs.terms import ALL, NOTHING, Both, During, InOrder, Keyed, Like, Near, OneOf

A, B, C, D = (OneOf("words", (word,)) for word in "abcd")
TERMS = {word: {"terms": {"weft.words": [word]}} for word in "abcd"}


@pytest.mark.parametrize(
    ("ours", "lucenes"),
    [
        (wildcard_regex("a*b?"), "a.*b."),
        (wildcard_regex(r"\*é-"), r"\*é\-"),
        (literal_regex('x="y" <1-2>&@~#'), r"x\=\"y\"\ \<1\-2\>\&\@\~\#"),
        (literal_regex("a\n\x00\t"), "a\\\n\\\x00\\\t"),
        (expression_regex(r"(a|b[^c-e])+\d{2,3}\."), r"(a|b[^c-e])+[0-9]{2,3}\."),
        (expression_regex(r"\s[\s.]"), "[\\\t\\\n\\\r ][\\\t\\\n\\\r \\.-\\.]"),
        (between_regex("a", "ab", True, True), "(ab|a|a[\\\x00-a].*)"),
        (between_regex(None, "b", True, True), "(b|()|[\\\x00-a].*)"),
    ],
)  # fmt: skip
def test_patterns_as_lucene_reads_them(ours: str, lucenes: str) -> None:
    assert lucene_regex(ours) == lucenes


def test_an_empty_way_of_a_choice_is_written_out() -> None:
    assert lucene_regex("(|a||b|)") == "(()|a|()|b|())"
    assert lucene_regex(r"\x{28}\x{7c}\x{29}") == r"\(\|\)"


def test_values_words_and_times() -> None:
    cases = [
        (ALL, {"match_all": {}}),
        (NOTHING, {"match_none": {}}),
        (Keyed(7), {"term": {"weft.key": 7}}),
        (OneOf("host", ("a", "b")), {"terms": {"weft.host": ["a", "b"]}}),
        (OneOf("program", ("",)), {"terms": {"program": [""]}}),
        (
            Like("pairs", "x(?s:.)*"),
            {"regexp": {"weft.pairs": {"value": "x.*", "flags": "NONE", "max_determinized_states": 100_000}}},
        ),
        (
            Near("words", "link", 2),
            {"fuzzy": {"weft.words": {"value": "link", "fuzziness": 2, "rewrite": "constant_score"}}},
        ),
        (
            InOrder(((0, "a"), (1, "b")), slop=2),
            {"match_phrase": {"weft.words": {"query": "a b", "slop": 2, "analyzer": "whitespace"}}},
        ),
        (
            During(Interval(-(10**30), 5)),
            {"range": {"@timestamp": {"gte": -FOREVER_MS, "lt": 5, "format": "epoch_millis"}}},
        ),
    ]
    for want, expected in cases:
        assert compiled(want) == expected
    assert within(Interval(10**30))["range"]["@timestamp"]["gte"] == FOREVER_MS


def test_words_with_others_between_or_of_a_pattern_are_spans() -> None:
    gap = InOrder(((0, "a"), (3, "b"), (4, "c")))
    term = {word: {"span_term": {"weft.words": word}} for word in "abc"}
    clauses = [term["a"], {"span_gap": {"weft.words": 2}}, term["b"], term["c"]]
    assert compiled(gap) == {"span_near": {"clauses": clauses, "slop": 0, "in_order": True}}
    pattern = compiled(InOrder(((0, "a(?s:.)"), (1, "b")), regex=True))
    first, second = pattern["span_near"]["clauses"]
    assert first["span_multi"]["match"]["regexp"]["weft.words"]["value"] == "a."
    assert second["span_multi"]["match"]["regexp"]["weft.words"]["value"] == "b"


def test_groups_in_groups_are_one_where_that_says_the_same() -> None:
    cases = [
        (Both((A, B), (), ()), {"filter": [TERMS["a"], TERMS["b"]]}),
        (Both((), (A, B), ()), {"should": [TERMS["a"], TERMS["b"]], "minimum_should_match": 1}),
        (Both((ALL,), (), (A,)), {"must_not": [TERMS["a"]]}),
        (
            Both((A, Both((), (B, C), ())), (), (D,)),
            {"filter": [TERMS["a"]], "should": [TERMS["b"], TERMS["c"]], "must_not": [TERMS["d"]],
             "minimum_should_match": 1},
        ),
        (Both((), (A, Both((), (B, C), ())), ()), {"should": [TERMS[w] for w in "abc"], "minimum_should_match": 1}),
        (
            Both((), (A, Both((B,), (), (C,))), ()),
            {"should": [TERMS["a"], {"bool": {"filter": [TERMS["b"]], "must_not": [TERMS["c"]]}}],
             "minimum_should_match": 1},
        ),
        (
            Both((Both((), (A, B), ()), Both((), (C, D), ())), (), ()),
            {"filter": [{"bool": {"should": [TERMS["c"], TERMS["d"]], "minimum_should_match": 1}}],
             "should": [TERMS["a"], TERMS["b"]], "minimum_should_match": 1},
        ),
        (Both((A,), (), (Both((), (B, C), ()),)),
         {"filter": [TERMS["a"]],
          "must_not": [{"bool": {"should": [TERMS["b"], TERMS["c"]], "minimum_should_match": 1}}]}),
    ]  # fmt: skip
    for want, expected in cases:
        assert compiled(want) == {"bool": expected}
    assert compiled(Both((ALL,), (), ())) == {"match_all": {}}


def test_a_forged_place_is_within_what_the_server_takes() -> None:
    assert place_after((10**19, -(10**19), 5)) == [2**63 - 1, -(2**63 - 1), 5]

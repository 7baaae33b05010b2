"""Regular expressions that somebody typed: which of them are tried at all."""

import pytest

from weft.base.errors import BadRequest, TooMuch
from weft.metrics.patterns import compiled

HARMLESS = (
    r"^node[0-9]{3}\.cpu\.(user|system)$",
    r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}",
    r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}",
    r"a{1000}",
    r"(a{90}){100}",
    r"\{99999}",
    r"[{99999}]",
    r"x{,3}y{2,}",
)


@pytest.mark.parametrize("pattern", HARMLESS)
def test_a_pattern_of_a_person_is_taken(pattern: str) -> None:
    assert compiled(pattern, "grep").pattern == pattern


@pytest.mark.parametrize(
    "pattern", ["a{10001}", "a{1000000000}", "(a{1000}){1000}", "(((a{100}){100}){100}){100}", "(?:.{101}){100}"]
)
def test_what_would_be_written_out_into_much_memory_is_refused_before_that(pattern: str) -> None:
    with pytest.raises(TooMuch, match=r"^grep: the pattern '.+' repeats so much that it has over 10000 items\. Repeat"):
        compiled(pattern, "grep")


@pytest.mark.parametrize("pattern", ["(", "[a", "*", "(?R)", "(?P<n>a(?&n)?)", "(" * 3000, r"\N{X}", "(?P<a>x)(?P<a"])
def test_what_is_no_pattern_is_told_by_name(pattern: str) -> None:
    with pytest.raises(BadRequest, match=r"^grep: '.+' is not a regular expression: "):
        compiled(pattern, "grep")


def test_case_counts_only_where_it_shall() -> None:
    assert compiled("Node", "filter").search("node1") is None
    assert compiled("Node", "filter", any_case=True).search("node1")

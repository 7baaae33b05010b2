"""Patterns: expected matches are those of graphite-web 1.1.10's StandardFinder, run on the same names."""

import time
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.base.errors import TooMuch
from weft.metrics import globs
from weft.metrics.globs import KEPT, KEPT_LETTERS, could_match, nodes

NAMES = ("", "a", "b", "c", "ab", "ac", "bx", "a1", "a2", "a10", "A", "[a", "{a", "a}", "a]", "a-b", "a^", "a,b")

# pattern: what fnmatch.filter over expand_braces' variants gave for NAMES in graphite-web 1.1.10
MATCHES = {
    "a": {"a"},
    "*": set(NAMES),
    "**": set(NAMES),
    "a*": {"a", "ab", "ac", "a1", "a2", "a10", "a}", "a]", "a-b", "a^", "a,b"},
    "a?": {"ab", "ac", "a1", "a2", "a}", "a]", "a^"},
    "*b": {"b", "ab", "a-b", "a,b"},
    "a[0-9]": {"a1", "a2"},
    "a[!1]": {"ab", "ac", "a2", "a}", "a]", "a^"},
    "a[]]": {"a]"},
    "a[^1]": {"a1", "a^"},
    "[z-a]": set(),
    "[a": {"[a"},
    "{a": {"{a"},
    "a}": {"a}"},
    "{a,b}": {"a", "b"},
    "a{b,c}": {"ab", "ac"},
    "a{,b}": {"a", "ab"},
    "{a,b}{,x}": {"a", "b", "bx"},
    "{a,{b,c}}": {"a", "b", "c"},
    "{a[12],b?}": {"a1", "a2", "bx"},
    "a[0-9]{,0}": {"a1", "a2", "a10"},
    "{}": {""},
    "a\\*": {"a", "ab", "ac", "a1", "a2", "a10", "a}", "a]", "a-b", "a^", "a,b"},
}


@pytest.mark.parametrize("pattern", MATCHES)
def test_a_node_matches_what_graphite_web_matches(pattern: str) -> None:
    (glob,) = nodes(pattern)
    assert {name for name in NAMES if glob.matches(name)} == MATCHES[pattern]


@pytest.mark.parametrize("pattern", MATCHES)
def test_among_chooses_the_same_names_as_matches(pattern: str) -> None:
    (glob,) = nodes(pattern)
    assert set(glob.among(NAMES)) == MATCHES[pattern]
    assert set(glob.among(["b"])) == MATCHES[pattern] & {"b"}


def test_dots_cut_a_pattern_even_inside_braces() -> None:
    assert [glob.text for glob in nodes("a.{b,c.d}.*")] == ["a", "{b,c", "d}", "*"]


def test_only_a_whole_node_of_two_stars_spans_nodes() -> None:
    assert [glob.deep for glob in nodes("**.a**.*")] == [True, False, False]


def test_a_node_without_wildcards_is_literal() -> None:
    assert [glob.literal for glob in nodes("a.{b,c}.*.d[1].**")] == [True, True, False, False, False]


def test_the_first_node_tells_which_roots_could_match() -> None:
    roots = ("job", "switch", "host")
    assert could_match("job", roots) == ["job"]
    assert could_match("{job,switch}.4711.*", roots) == ["job", "switch"]
    assert could_match("j*", roots) == ["job"]
    assert could_match("**", roots) == ["job", "switch", "host"]
    assert could_match("host.job", roots) == ["host"]
    assert could_match("", roots) == []


def test_a_pattern_over_the_limit_names_the_setting() -> None:
    assert len(nodes("a" * 4096)) == 1
    with pytest.raises(TooMuch, match=r"metrics\.max_pattern = 4096"):
        nodes("a" * 4097)
    with pytest.raises(TooMuch, match=r"metrics\.max_pattern = 100"):
        nodes("a" * 101, 100)


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("{a,b}" * 20, id="a million variants"),
        pytest.param("{" + ",".join(f"h{i}*" for i in range(300)) + "}", id="300 variants with wildcards"),
        pytest.param("{a,b}" * 11 + "x" * 4000, id="2,048 variants of 4,000 characters"),
    ],
)
def test_braces_that_stand_for_too_much_are_refused_at_once(pattern: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(TooMuch, match=r"metrics\.max_pattern"):
        nodes(pattern)
    assert time.perf_counter() - begin < 0.5


def test_a_list_of_hundreds_of_hosts_is_no_problem() -> None:
    hosts = [f"n{i:04d}" for i in range(600)]
    (glob,) = nodes("{" + ",".join(hosts) + "}")
    assert glob.literal
    assert glob.words == frozenset(hosts)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("*a" * 1000 + "b", "a" * 255), ("[" * 4096, "[" * 255), ("?*" * 2000, "a" * 255), ("*" * 4096, "a" * 255)],
)
def test_no_pattern_makes_matching_slow(pattern: str, name: str) -> None:
    begin = time.perf_counter()
    (glob,) = nodes(pattern)
    glob.matches(name)
    assert time.perf_counter() - begin < 0.5


@given(st.text("ab[]{}!-,*?^&|~\\0", max_size=30), st.text("ab0]-", max_size=6))
def test_any_pattern_compiles_without_error_or_warning(pattern: str, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for glob in nodes(pattern):
            glob.matches(name)


def test_one_deep_node_after_another_is_one() -> None:
    assert [glob.text for glob in nodes("**.**.a.**.**.**")] == ["**", "a", "**"]
    assert [glob.text for glob in nodes(".".join(["**"] * 1000))] == ["**"]
    assert [glob.text for glob in nodes("*.*.**.*")] == ["*", "*", "**", "*"]


def test_a_pattern_of_more_nodes_than_any_name_has_is_refused() -> None:
    assert len(nodes(".".join("a" * 128))) == 128
    with pytest.raises(TooMuch, match=r"has 129 nodes; no name has more than 128\."):
        nodes(".".join("a" * 129))


def test_wildcards_of_many_variants_are_bounded_by_their_letters() -> None:
    numbers = ",".join(f"{place}*" for place in range(200))
    assert nodes(f"x{{{numbers}}}")[0].matches("x199y")
    with pytest.raises(TooMuch, match=r"stand for 200 patterns with wildcards, over what metrics\.max_pattern = 4096"):
        nodes("x" * 200 + f"{{{numbers}}}")


def test_what_is_kept_compiled_stays_small() -> None:
    for place in range(3 * KEPT):
        nodes(f"a{place}*.{{b,c{place}}}." + "{" + ",".join(f"d{place}x{n}" for n in range(400)) + "}")
        assert len(globs._kept) <= KEPT
        assert all(sum(map(len, one.words)) <= KEPT_LETTERS for one in globs._kept.values())
    assert nodes("a1*")[0].matches("a1b")

"""Graphite's target grammar. Trees compared with what graphite-web 1.1.10's grammar makes of the same text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.base.errors import BadRequest, TooMuch
from weft.metrics.target import Call, Literal, Path, Template, first_path, parse


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a.b", "a.b"),
        ("servers.*.cpu.[0-9]?.x", "servers.*.cpu.[0-9]?.x"),
        ("a.{b,c}{d,e}.x{1,2}y", "a.{b,c}{d,e}.x{1,2}y"),
        ("a.{b,}", "a.{b,}"),
        ("disk.used;dc=eu1;rack=a=b", "disk.used;dc=eu1;rack=a=b"),
        ("a-b_c:d=e/f.#A.@x.<y>.~z.$v.100%", "a-b_c:d=e/f.#A.@x.<y>.~z.$v.100%"),
        ("5xx.count", "5xx.count"),
        ("5.5", "5.5"),
        ("none", "none"),
        ("true.metric", "true.metric"),
        (r"a.b\(c\)", "a.b(c)"),
        (r"a\,b", "a,b"),
        ("  a.b \n", "a.b"),
        ("größe.ж", "größe.ж"),
    ],
)
def test_a_path_keeps_its_globs_braces_tags_and_odd_characters(text: str, path: str) -> None:
    assert parse(text) == Path(path)


def test_arguments_are_numbers_strings_words_paths_and_calls() -> None:
    assert parse("""f(a.*, 5, -1.5, 1e3, 2E-2, "q'", 'p"', TRUE, false, None, Inf, g(b), h())""") == Call(
        "f",
        (
            Path("a.*"),
            Literal(5),
            Literal(-1.5),
            Literal(1000.0),
            Literal(0.02),
            Literal("q'"),
            Literal('p"'),
            Literal(True),
            Literal(False),
            Literal(None),
            Literal(float("inf")),
            Call("g", (Path("b"),)),
            Call("h", ()),
        ),
    )


def test_whole_numbers_stay_whole() -> None:
    tree = parse("f(a,5,5.0,1e0)")
    assert isinstance(tree, Call)
    assert [type(argument.value) for argument in tree.args if isinstance(argument, Literal)] == [int, float, float]


def test_words_that_only_begin_like_numbers_or_constants_are_paths() -> None:
    assert parse("f(5xx.count, trueish, infx, 12.b)") == Call(
        "f", (Path("5xx.count"), Path("trueish"), Path("infx"), Path("12.b"))
    )


def test_keyword_arguments_follow_the_others_and_an_escaped_equals_sign_is_part_of_a_name() -> None:
    assert parse('f(a, 2, func="max", flag = true)') == Call(
        "f", (Path("a"), Literal(2)), (("func", Literal("max")), ("flag", Literal(True)))
    )
    assert parse(r"f(foo\=bar)") == Call("f", (Path("foo=bar"),))
    assert parse("f(a.b=c)") == Call("f", (Path("a.b=c"),))


def test_a_string_keeps_its_backslashes_as_in_graphite_web() -> None:
    assert parse(r'aliasSub(a, "(^.*$)", "\1 A")') == Call("aliasSub", (Path("a"), Literal("(^.*$)"), Literal(r"\1 A")))
    assert parse(r"""f("a\"b", "c""d", '')""") == Call("f", (Literal(r"a\"b"), Literal('c""d'), Literal("")))


def test_a_pipe_puts_what_is_before_it_first() -> None:
    assert parse("a.b | scale(2)|alias('x')") == parse("alias(scale(a.b,2),'x')")
    assert parse("f(a|g(), 1)") == parse("f(g(a), 1)")


def test_a_template_takes_values_by_place_or_by_name() -> None:
    assert parse('template(f(a.$1), "x", 5)') == Template(Call("f", (Path("a.$1"),)), (("1", "x"), ("2", 5)))
    assert parse("template (a.$host , host='h1')|g()") == Call("g", (Template(Path("a.$host"), (("host", "h1"),)),))


@pytest.mark.parametrize(
    ("text", "place", "expected", "found"),
    [
        ("sum(", 5, "a series, a function, a number", "the end"),
        ("sum(a))", 7, "the end", "')'"),
        ("sum(a b)", 7, "a comma or a closing parenthesis", "'b)'"),
        ("f(a,)", 5, "a series, a function, a number", "')'"),
        ("f(,a)", 3, "a series, a function, a number", "',a)'"),
        ("f(x=1, a)", 8, "name=value", "'a)'"),
        ('f("a)', 3, "a string that ends with the quote", "'\"a)'"),
        ("a.{b", 2, "braces closed", "'.{b'"),
        ("a..b", 2, "a dot and a name", "'..b'"),
        ("a|b", 3, "a function with its parentheses", "'b'"),
        ("template(a, b)", 13, "a number or a string in quotes", "'b)'"),
        ("", 1, "a series or a function", "the end"),
        ("a\x00b", 2, "the end", "'\x00b'"),
    ],
)
def test_an_error_names_the_place_what_was_expected_and_what_stands_there(
    text: str, place: int, expected: str, found: str
) -> None:
    with pytest.raises(BadRequest) as error:
        parse(text)
    assert f"at character {place}: expected" in str(error.value)
    assert expected in str(error.value)
    assert f"found {found}" in str(error.value)


@pytest.mark.parametrize(
    "bomb", ["f(" * 3000, "f(" * 40 + "a" + ")" * 40, "a" + "|f()" * 40, "f(a," * 1000, "template(" * 400]
)
def test_depth_is_bounded_by_a_setting_and_not_by_the_stack(bomb: str) -> None:
    with pytest.raises(TooMuch, match=r"metrics\.max_depth = 32"):
        parse(bomb, max_length=20_000)


def test_length_is_bounded_by_a_setting() -> None:
    with pytest.raises(TooMuch, match=r"5000 characters long, over metrics\.max_pattern = 4096"):
        parse("a" * 5000)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("sumSeries(a.*,b.*)", "a.*"),
        ('summarize(perSecond(a.b.c), "1h", "sum")', "a.b.c"),
        ("a.b.c", "a.b.c"),
        ("100.0)", "100.0"),
        ("total (of a)", "total"),
        ("constantLine(5)", None),
        ("f()", None),
        ("", None),
    ],
)
def test_the_first_path_of_a_name_that_looks_like_a_call(name: str, path: str | None) -> None:
    assert first_path(name) == path


@given(st.text(alphabet="ab.*{},()|'\"\\=;$ 1e-+\n\tft", max_size=60))
def test_any_text_is_a_tree_or_a_short_error(text: str) -> None:
    said = ""
    try:
        parse(text)
    except (BadRequest, TooMuch) as error:
        said = str(error)
    assert len(said) < 500


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("sum(" * 200 + "a.b.c,1" + ")" * 200, "a.b.c"),
        ("alias(a.{b,c}." + "d" * 600 + ",'x')", "a.{b,c}." + "d" * 600),
        ("a.b;c=" + "d" * 600, "a.b;c=" + "d" * 600),
        ("(" * 600, None),
        ("'" + "x" * 600 + "'", None),
    ],
)
def test_of_an_absurdly_long_name_only_the_beginning_is_read(name: str, path: str | None) -> None:
    began_s = time.process_time()
    assert first_path(name) == path
    assert time.process_time() - began_s < 0.05

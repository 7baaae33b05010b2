"""Tags of names, and questions about them; the rules are graphite-web 1.1.10's (tags/utils.py, localdatabase.py)."""

import random
import tracemalloc
from pathlib import Path

import pytest
import whisper

from unit.stored import START
from weft.base.errors import BadRequest
from weft.metrics.index import NameIndex, Shelf
from weft.metrics.patterns import is_plain
from weft.metrics.series import Window
from weft.metrics.store import unheard
from weft.metrics.tags import TagIndex, stored_as, tag_expressions, tags_of
from weft.metrics.tree import WhisperStore

NAMES = [
    "a.b.c",
    "a.b.d",
    "cpu;dc=eu;host=h1",
    "cpu;dc=eu;host=h2",
    "cpu;dc=us;host=h3",
    "mem;dc=eu",
    "net_DOT_rx;dc=us;port=1",
]


def found(*expressions: str) -> list[str]:
    return TagIndex(NAMES).find(tag_expressions(expressions))


def test_a_name_carries_its_tags() -> None:
    assert tags_of("net.rx;host=a;unit=B/s=1") == {"name": "net.rx", "host": "a", "unit": "B/s=1"}
    assert tags_of("~x;name=y") == {"name": "x"}
    for malformed in ("a;b", "a;=b", "a;b=", ";b=c", "a;b=~c", "a;b!=c", "a;^b=c", "~;b=c", "sum(a;b=c)"):
        assert tags_of(malformed) == {"name": malformed}


def test_carbon_stores_tagged_series_by_a_hash() -> None:
    # printf 'some.metric;tag1=value2;tag2=value.2' | sha256sum
    assert stored_as("some.metric;tag1=value2;tag2=value.2") == (
        "_tagged.eff.aae.some_DOT_metric;tag1=value2;tag2=value_DOT_2",
        "_tagged.eff.aae.effaae5b55950b150a7493d2f5430772ca2460bf7cccb4d9e523643df54c010f",
    )


@pytest.mark.parametrize(
    ("expressions", "names"),
    [
        (("name=cpu",), NAMES[2:5]),
        (("name=cpu", "dc=eu"), NAMES[2:4]),
        (("dc=eu", "host!=h1"), [NAMES[3], NAMES[5]]),
        (("dc=eu", "host="), [NAMES[5]]),
        (("dc=eu", "host!="), NAMES[2:4]),
        (("dc=~e",), [*NAMES[2:4], NAMES[5]]),
        (("dc=~u",), [NAMES[4], "net.rx;dc=us;port=1"]),
        (("dc=~^e|us",), [*NAMES[2:6], "net.rx;dc=us;port=1"]),
        (("name=~cpu|mem", "dc!=~eu"), [NAMES[4]]),
        (("dc=us", "host=~.*"), [NAMES[4], "net.rx;dc=us;port=1"]),
        (("dc=us", "host=~.+"), [NAMES[4]]),
        (("dc=us", "host!=~.+"), ["net.rx;dc=us;port=1"]),
        (("dc=us", "host!=~"), []),
        (("name=net.rx",), ["net.rx;dc=us;port=1"]),
        (("name=a.b.c",), ["a.b.c"]),
        (("name=~a\\.",), ["a.b.c", "a.b.d"]),
        (("name=nothing",), []),
        (("dc=eu", "nothing=x"), []),
        (("dc=eu", "nothing!=x", "host=h1"), [NAMES[2]]),
        (("dc=eu", "nothing=", "host=h1"), [NAMES[2]]),
        (("dc=zz",), []),
        (("dc=aa", "host=h1"), []),
    ],
)
def test_series_are_found_whose_tags_meet_all_expressions(expressions: tuple[str, ...], names: list[str]) -> None:
    assert found(*expressions) == names


@pytest.mark.parametrize("expressions", [(), ("host=",), ("host!=a",), ("host=~.*",), ("host!=~a", "dc="), ("dc=~",)])
def test_at_least_one_expression_needs_a_value(expressions: tuple[str, ...]) -> None:
    with pytest.raises(BadRequest, match="needs a value"):
        found(*expressions)


@pytest.mark.parametrize("expression", ["", "a", "=b", "!=b", "a;b=c", "a=b;c", "a!b", "a!=b\n;"])
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(BadRequest, match="is no tag expression"):
        tag_expressions([expression])


@pytest.mark.parametrize("pattern", ["(", "*", "(?R)", "((?1)|b)+", "(?P<a>x(?&a)?)", "(?P>a)", "x)(y"])
def test_what_is_no_pattern_of_python_is_refused(pattern: str) -> None:
    with pytest.raises(BadRequest, match="is not a regular expression"):
        tag_expressions([f"name=~{pattern}"])


def test_only_patterns_that_cannot_run_away_go_without_a_time_out() -> None:
    assert all(map(is_plain, ["", "cpu", "cpu.*", r"a\.b|c[0-9]+x{2,}", "(a|b)c*"]))
    assert not any(map(is_plain, ["(a+)+", "(a|a)*", "(ab){9}", "(?=a)b", "a*a*a*a*", r"(a)\1"]))


def test_a_pattern_that_never_ends_is_ended() -> None:
    index = TagIndex(["a" * 60 + "!", "b"])
    with pytest.raises(BadRequest, match=r"takes longer than 1 s"):
        index.find(tag_expressions([r"name=~(a|a)+$"]))
    # What plain values leave out is not looked at.
    assert index.find(tag_expressions([r"name=~(a|a)+$", "name=b"])) == []


def test_an_editor_is_offered_tags_and_values() -> None:
    index = TagIndex(NAMES)
    assert index.tags() == ["dc", "host", "name", "port"]
    assert index.tags(tag_expressions(["dc=eu"])) == ["host", "name"]
    assert index.tags(tag_expressions(["dc=us"]), "p") == ["port"]
    assert index.values("dc") == [("eu", 3), ("us", 2)]
    assert index.values("host", tag_expressions(["dc=eu"])) == [("h1", 1), ("h2", 1)]
    assert index.values("name", (), "net") == [("net.rx", 1)]
    assert index.values("nothing") == []


def test_names_are_put_together_from_their_tags() -> None:
    # carbon sorts `tag=value` as texts; who else stores series need not.
    names = [
        "a;b=1;c=2",
        "a;a-b=1;a=2",
        "a;z=1;b=2",
        "a;b",
        "a;b=",
        "~a;b=1",
        "a_DOT_b;c=1_DOT_5",
        "a;b=1;b=2",
        "a;b=c=d",
    ]
    index = TagIndex(names)
    assert index.find(tag_expressions(["name=~."])) == sorted([*names[:6], "a.b;c=1.5", *names[7:]])
    assert index.find(tag_expressions(["b=1"])) == ["a;b=1;c=2", "~a;b=1"]


def test_names_come_as_if_they_were_sorted() -> None:
    generator = random.Random(7)

    def value() -> str:
        return "".join(generator.choice("a1-.=/Zé;~") for _ in range(generator.randint(0, 3)))

    for _ in range(300):
        stored = set()
        for _ in range(generator.randint(0, 25)):
            pairs = [
                f";{generator.choice(('a', 'a-b', 'ab', 'name'))}={value()}" for _ in range(generator.randint(0, 3))
            ]
            stored.add(generator.choice(("a", "a1", "a.b", "a-b", "~a")) + "".join(pairs))
        plain = sorted({generator.choice("abc") + value().replace(";", "") for _ in range(generator.randint(0, 4))})
        index = TagIndex(generator.sample(sorted(stored), len(stored)), lambda plain=plain: plain)
        assert index.find(tag_expressions(["name=~."])) == sorted([*stored, *plain])


def test_of_many_values_the_first_are_given() -> None:
    index = TagIndex(["b;host=h1", "d;host=h2", "d;host=h3"], lambda: ["a", "c", "d", "e"])
    assert index.values("name", limit=3) == [("a", 1), ("b", 1), ("c", 1)]
    assert index.values("name", (), "d", 3) == [("d", 3)]
    assert index.values("host", limit=2) == [("h1", 1), ("h2", 1)]


def test_plain_names_are_looked_at_when_they_are_asked_for() -> None:
    plain = ["a.b", "cpu"]
    index = TagIndex(["cpu;dc=eu", "mem;dc=us"], lambda: plain)
    assert index.find(tag_expressions(["name=cpu"])) == ["cpu", "cpu;dc=eu"]
    assert index.find(tag_expressions(["name=~cpu|mem", "dc!=eu"])) == ["cpu", "mem;dc=us"]
    assert index.find(tag_expressions(["name=~.", "dc="])) == ["a.b", "cpu"]
    assert index.find(tag_expressions(["name!=cpu", "dc=~."])) == ["mem;dc=us"]
    assert index.values("name") == [("a.b", 1), ("cpu", 2), ("mem", 1)]
    assert index.values("name", tag_expressions(["name=~c"]), "c") == [("cpu", 2)]
    assert index.values("dc", tag_expressions(["name=cpu"])) == [("eu", 1)]
    assert index.tags(tag_expressions(["name=a.b"])) == []
    plain.append("mem")
    assert index.find(tag_expressions(["name=mem"])) == ["mem", "mem;dc=us"]
    assert TagIndex([], lambda: plain).tags() == ["name"]
    assert TagIndex([]).tags() == []


def test_a_pattern_that_never_ends_is_ended_on_plain_names_too() -> None:
    index = TagIndex([], lambda: ["a" * 60 + "!"])
    with pytest.raises(BadRequest, match=r"takes longer than 1 s"):
        index.find(tag_expressions([r"name=~(a|a)+$"]))


def test_many_tagged_names_take_little_memory() -> None:
    names = [f"m{place % 17};dc=dc{place % 7};host=node{place // 17:05d};port=1" for place in range(20_000)]
    tracemalloc.start()
    index = TagIndex(name for name in names)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # 3 tags of a byte and one of two, and 1,177 hosts of about 100 bytes.
    assert kept / len(names) < 15
    assert len(index.find(tag_expressions(["host=node00042"]))) == 17


@pytest.mark.anyio
async def test_tagged_series_of_carbon_are_found_and_read(tmp_path: Path) -> None:
    readable, hashed = "net.rx;host=a", "net.rx;host=b"
    for place in (stored_as(readable)[0], stored_as(hashed)[1], "net.rx", "net.tx;host=c"):
        path = tmp_path / f"{place.replace('.', '/')}.wsp"
        path.parent.mkdir(parents=True, exist_ok=True)
        whisper.create(str(path), [(10, 60)])
        whisper.update_many(str(path), [(START, 5.0)], now=START)
    async with WhisperStore(tmp_path, 3600) as store:
        # The name of one whose file is called by a hash can only be asked for.
        assert await store.tagged(tag_expressions(["host=~."]), unheard) == ["net.rx;host=a", "net.tx;host=c"]
        assert await store.tagged(tag_expressions(["name=net.rx"]), unheard) == ["net.rx", "net.rx;host=a"]
        assert await store.expand(hashed, unheard) == [hashed]
        assert await store.expand("net.rx;host=c", unheard) == []
        assert await store.expand("net.tx;host=c", unheard) == ["net.tx;host=c"]
        assert [store.index.exists(name) for name in (readable, hashed, "net.rx;host=c")] == [True, True, False]
        window = Window(START - 10, START, START)
        answer = await store.fetch([readable, hashed, "net.rx;host=c"], window, unheard)
        assert [one and (one.name, one.tags, one.values.tolist()) for one in answer] == [
            (readable, {"name": "net.rx", "host": "a"}, [5.0]),
            (hashed, {"name": "net.rx", "host": "b"}, [5.0]),
            None,
        ]
        assert await store.tag_values("host", (), "", unheard) == [("a", 1), ("c", 1)]
        # A series made since is known with the next refresh.
        later = tmp_path / f"{stored_as('net.rx;host=d')[0].replace('.', '/')}.wsp"
        later.parent.mkdir(parents=True)
        whisper.create(str(later), [(10, 60)])
        store.index.refresh()
        assert await store.tagged(tag_expressions(["host=d"]), unheard) == ["net.rx;host=d"]


def test_folders_of_one_series_each_are_kept_small_and_found_as_others(tmp_path: Path) -> None:
    for name in ("a.x.v", "a.y.v", "a.z.w"):
        path = tmp_path / f"{name.replace('.', '/')}.wsp"
        path.parent.mkdir(parents=True)
        path.touch()
    index = NameIndex(tmp_path)
    index.refresh()
    assert isinstance(index._tree.folders["a"].folders, Shelf)
    assert index.expand("a.*.v") == ["a.x.v", "a.y.v"]
    assert [index.exists(name) for name in ("a.z.w", "a.z.v", "a.q.v", "a.zz.v")] == [True, False, False, False]
    index.add(["a.x.w", "a.q.v"])
    assert index.expand("a.*.*") == ["a.q.v", "a.x.v", "a.x.w", "a.y.v", "a.z.w"]
    (tmp_path / "a/y/v.wsp").unlink()
    (tmp_path / "a/z/v.wsp").touch()
    assert index.refresh()
    # What was added without a file is gone again with the next look.
    assert sorted(index.plain()) == index.expand("a.*.*") == ["a.x.v", "a.z.v", "a.z.w"]
    assert not index.refresh()

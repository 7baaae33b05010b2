"""What engines index of a line, and what they look for: numbers that sort, hosts, phrases, days left out."""

import itertools
import random

import pytest

from weft.base.errors import TooMuch
from weft.base.intervals import FOREVER_MS, Interval
from weft.logs import query as q
from weft.logs.fields import MOST_FIELDS, cleaned, field_named, kind_of
from weft.logs.severity import SEVERITIES, between, severity_of
from weft.logs.store import LogLine
from weft.logs.terms import (
    ALL,
    NOTHING,
    Both,
    During,
    Indexed,
    InOrder,
    Like,
    OneOf,
    indexed,
    short_host,
    sortable,
    wanted,
)

DAY = Interval(0, 86_400_000)


def test_a_line_as_it_is_indexed() -> None:
    own = {"unit": "a b", "port": 36, "load": 0.5, "whole": 2.0, "ok": True}
    line = LogLine("a", 5, "Node001.Site", "sshd", "err", "Link DOWN: 10.1", "syslog", 3, own)
    assert indexed(line)._replace(key=0) == Indexed(
        0, 5, 3, "node001.site", ("node001.site", "node001"), "sshd", "err", "syslog", "link down  10 1",
        ["unit=a b", "port=36", f"port#{sortable(36)}", "load=0.5", f"load#{sortable(0.5)}", "whole=2",
         f"whole#{sortable(2)}", "ok=true"],
        ["unit", "port", "port#", "load", "load#", "whole", "whole#", "ok"],
    )  # fmt: skip
    assert indexed(LogLine("a", 5, "", "", "", " - ", ""))._replace(key=0) == Indexed(
        0, 5, 0, "", ("",), "", "", "", "   ", [], [""]
    )


def test_numbers_sort_as_their_texts_do() -> None:
    chance = random.Random(3)
    numbers = [0.0, -0.0, 1, -1, 0.5, 2**53, -(2**62), 1e-300, -1e-300, 36, 37, 360]
    numbers += [chance.uniform(-1e6, 1e6) for _ in range(500)]
    texts = [sortable(number) for number in numbers]
    assert {len(text) for text in texts} == {16}
    for (a, x), (b, y) in itertools.pairwise(sorted(zip(texts, numbers, strict=True))):
        assert (a < b, a == b) == (x < y, x == y)
    assert sortable(1) == "bff0000000000000", "the bits of 1.0 are 3ff0..., with the sign bit set"
    assert sortable(-1) == "400fffffffffffff"
    assert sortable(-0.0) == sortable(0)


def test_a_host_without_its_domain() -> None:
    cases = {"node001": "node001", "node001.site.example": "node001", "10.1.2.3": "10.1.2.3", "fe80::1.2": "fe80::1.2"}
    assert {host: short_host(host) for host in cases} == cases


def test_hosts_of_a_scope_are_found_however_they_are_written() -> None:
    scope = q.Within((q.Scope(DAY, ("Node001", "node002.site")),))
    assert wanted(scope, DAY) == Both(
        (), (OneOf("hosts", ("node001",)), OneOf("host", ("node002.site", "node002"))), ()
    )
    assert wanted(q.Within((q.Scope(DAY, ()),)), DAY) == NOTHING


def test_what_cannot_lie_in_a_day_is_not_looked_for() -> None:
    early, late = Interval(0, 10), Interval(86_400_000)
    term = q.Term("message", "a")
    here, there = q.Within((q.Scope(early),)), q.Within((q.Scope(late),))

    def group(**parts: list[q.Query]) -> q.Query:
        return q.Group(tuple(q.Clause(occur.strip("_"), one) for occur, own in parts.items() for one in own))

    a = OneOf("words", ("a",))
    cases = [
        (there, NOTHING),
        (here, During(early)),
        (q.Within((q.Scope(Interval(-5, FOREVER_MS)),)), ALL),
        (group(must=[there, term]), NOTHING),
        (group(should=[there, term]), a),
        (group(must=[term], should=[here]), a),
        (group(not_=[there]), ALL),
        (group(not_=[there], must=[term]), a),
        (group(not_=[q.EVERYTHING]), NOTHING),
        (group(not_=[term]), Both((ALL,), (), (a,))),
        (group(should=[there]), NOTHING),
        (q.Group(()), NOTHING),
    ]
    for query, expected in cases:
        assert wanted(query, DAY) == expected, query


def test_a_phrase_of_two_words_is_left_to_the_engine_and_a_longer_one_spelled_out() -> None:
    assert wanted(q.Phrase(("a", "b"), 3), DAY) == InOrder(((0, "a"), (1, "b")), slop=3)
    assert wanted(q.Phrase(("a", "b", "c")), DAY) == InOrder(((0, "a"), (1, "b"), (2, "c")))
    assert wanted(q.Phrase(("a", "*", "c")), DAY) == InOrder(((0, "a"), (2, "c")))
    assert wanted(q.Phrase(("a", "b*")), DAY) == InOrder(((0, "a"), (1, "b(?s:.)*")), regex=True)
    ways = wanted(q.Phrase(("a", "b", "c"), 1), DAY)
    assert isinstance(ways, Both)
    # One place moved, in one direction: abc, a-bc, ab-c, and b c one later than a (a-bc again), a one later than b...
    assert {one.places for one in ways.should if isinstance(one, InOrder)} == {
        ((0, "a"), (1, "b"), (2, "c")),
        ((0, "a"), (2, "b"), (3, "c")),
        ((0, "a"), (1, "b"), (3, "c")),
    }
    with pytest.raises(TooMuch, match="3 words with a slop of 8 may stand in more than 200 ways"):
        wanted(q.Phrase(("a", "b", "c"), 8), DAY)


def test_own_fields_are_looked_for_by_name_and_value() -> None:
    assert wanted(q.Term("fields.job", "5"), DAY) == OneOf("pairs", ("job=5", f"job#{sortable(5)}"))
    assert wanted(q.Term("unit", "x"), DAY) == OneOf("pairs", ("unit=x",))
    assert wanted(q.Exists("unit"), DAY) == OneOf("names", ("unit",))
    assert wanted(q.Wildcard("u.n", "a*"), DAY) == Like("pairs", "u\\x{2e}n\\x{3d}a(?s:.)*")
    assert wanted(q.Range("unit", "b", "a"), DAY) == NOTHING


def test_fields_are_cleaned_and_what_is_lost_is_counted() -> None:
    told = [("a b", 1), ("a.b-c@d_e", "x"), ("none", None), ("inf", float("inf")), ("nan", float("nan")), ("", 1),
            ("big", 2**70), ("a_b", 2), ("long", "y" * 2000), (".dots.", True)]  # fmt: skip
    assert cleaned(told) == (
        {"a_b": 1, "a.b-c@d_e": "x", "inf": "inf", "nan": "nan", "big": str(2**70), "long": "y" * 1024, "dots": True},
        3,
    )
    kept, lost = cleaned((f"f{n}", n) for n in range(60))
    assert (len(kept), lost) == (MOST_FIELDS, 10)


def test_fields_have_other_names() -> None:
    cases = {"level": "severity", "@timestamp": "time", "msg": "message", "unit": "unit", "fields.unit": "unit",
             "fields.job": "fields.job", "fields.level": "fields.level", "host.name": "host"}  # fmt: skip
    assert {name: field_named(name) for name in cases} == cases
    assert [
        kind_of(field_named(name)) for name in ("fields.job", "job", "level", "unit")
    ] == "own job severity own".split()


def test_severities_of_many_programs_are_one_of_eight() -> None:
    assert [severity_of(n) for n in range(8)] == list(SEVERITIES)
    cases = {"ERROR": "err", "warn": "warning", "Fatal": "crit", "3": "err", 7: "debug", "8": "", 8: "", True: "",
             "": "", "shrug": "", "panic": "emerg", " info ": "info"}  # fmt: skip
    assert {told: severity_of(told) for told in cases} == cases


def test_severities_compare_by_how_bad_they_are() -> None:
    assert between("warning", None, True, True) == ("warning", "err", "crit", "alert", "emerg")
    assert between("warning", None, False, True) == ("err", "crit", "alert", "emerg")
    assert between(None, "notice", True, False) == ("debug", "info")
    assert between("warn", "crit", True, True) == ("warning", "err", "crit")
    assert between("crit", "err", True, True) == ()
    assert between("awful", None, True, True) is None

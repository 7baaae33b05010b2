"""Queries of people: read as Lucene's classic parser reads them, and refused in words that help."""

import contextlib
import os
import random
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from weft.base.errors import BadRequest, TooMuch
from weft.base.intervals import FOREVER_MS, Interval
from weft.logs import query as q
from weft.logs.lucene import Parsed, parse
from weft.logs.moments import Times

NOW_MS = 1_795_392_000_000
"""2026-11-23T00:00:00Z."""
DAY = 86_400_000
TIMES = Times(NOW_MS, UTC)


def read(text: str, times: Times = TIMES) -> q.Query:
    return parse(text, times).query


def told(query: q.Query) -> str:
    """A query as the `toString("message")` of Lucene's own objects writes it; what Lucene has no word for in `<>`."""
    match query:
        case q.Everything():
            return "*:*"
        case q.Term(field, text):
            return named(field, text)
        case q.Phrase(words, slop):
            return f'"{" ".join(words)}"' + (f"~{slop}" if slop else "")
        case q.Wildcard(field, pattern):
            plain = pattern.replace("\\*", "").replace("\\?", "")
            if plain.endswith("*") and plain.count("*") + plain.count("?") == 1:  # a PrefixQuery knows no backslash
                pattern = pattern.replace("\\", "")
            return named(field, pattern)
        case q.Regex(field, pattern):
            return named(field, f"/{pattern.lower() if field in ('message', 'host') else pattern}/")
        case q.Fuzzy(field, text, edits):
            return named(field, f"{text}~{edits}")
        case q.Range(field, low, high, with_low, with_high):
            ends = f"{'*' if low is None else low} TO {'*' if high is None else high}"
            return named(field, f"{'{['[with_low]}{ends}{'}]'[with_high]}")
        case q.Exists(field):
            return f"<has {field}>"
        case q.Job(text):
            return f"<job {text}>"
        case q.Within((q.Scope(Interval(from_ms, to_ms), None),)):
            return f"<time {from_ms} {'' if to_ms == FOREVER_MS else to_ms}>"
        case q.Group(clauses):
            signs = {"must": "+", "should": "", "not": "-"}
            parts = [
                signs[c.occur] + (f"({told(c.query)})" if isinstance(c.query, q.Group) else told(c.query))
                for c in clauses
            ]
            return " ".join(parts)
    raise AssertionError(query)


def named(field: str, text: str) -> str:
    return text if field == "message" else f"{field}:{text}"


def golden(data: Path) -> Iterator[tuple[str, str, str, str]]:
    """Query, what Lucene made of it, what Weft is to make of it, and why where that is another thing."""
    for line in (data / "logs" / "lucene.tsv").read_text(encoding="utf-8").split("\n"):
        if line and not line.startswith("## "):
            text, lucene, *other = line.split("\t")
            ours, reason = other if other else (lucene, "")
            yield text, lucene, ours, reason


def test_texts_mean_what_lucenes_classic_parser_makes_of_them(data: Path) -> None:
    wrong = []
    count = same = 0
    for text, lucene, ours, reason in golden(data):
        try:
            made = told(read(text))
        except (BadRequest, TooMuch):
            made = "(refused)"
        count += 1
        same += ours == lucene
        if made != ours or (bool(reason) != (ours != lucene)):
            wrong.append(f"{text}\n  is     {made}\n  not    {ours}\n  Lucene {lucene}")
    assert not wrong, "\n".join(wrong)
    assert same >= 300, (same, count)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("link AND", "At character 9 of the query (the end): a term was expected."),
        ("link AND OR down", "At character 10 of the query ('OR down'): a term was expected."),
        ("(link", "At character 6 of the query (the end): a ) was expected."),
        ("link)", "At character 5 of the query (')'): a ) without its (."),
        ("a:b:c", "At character 4 of the query (':c'): a term was expected. Put a text with : or / in it into quotes."),
        ("host: AND x", "At character 7 of the query ('AND x'): a value was expected after 'host:'."),
        ('"link down', 'the quote is not closed. Close it, or write \\" for the character.'),
        (
            "leaf01/5",
            "At character 7 of the query ('/5'): the expression is not closed. Put a text with a / in it into",
        ),
        ("[a TO b", "At character 8 of the query (the end): the ] or } of a range was expected."),
        ("[a b]", "At character 4 of the query ('b]'): TO was expected: [a TO b]."),
        ("[a TO ]", "At character 7 of the query (']'): the bound of a range was expected: [a TO b]."),
        ("link]", "At character 5 of the query (']'): a ] without its [."),
        ("link^x", "At character 6 of the query ('x'): a number was expected after ^."),
        ("link\\", "nothing follows the backslash."),
        ("a\\u00zz", "a \\u is not followed by a character's four digits."),
        ("down link~1.5", "At character 6 of the query ('link~1.5'): '~1.5' is no number of edits. Give ~1 or ~2."),
        ("x /^a/", "At character 3 of the query ('/^a/'): /^a/ has ^ at its character 1."),
        ("/link down/", "/link down/ looks for ' ', which no word of a message holds"),
        ("10.1.2.3~", "'10.1.2.3~' is 4 words, and a fuzzy search takes one."),
        ("unit:sshd~", "A fuzzy search does not look into 'unit'."),
        ("severity:>=awful", "'awful TO *' is no range of severities. Give for example severity:>=err."),
        ("time:soon", "'soon' is not a time. Give 2026-11-22, "),
        ("time:2026*", "'time' takes no wildcards. Give a range"),
        ("id:a*", "'id' takes no wildcards. Give the whole id."),
        ("job:47*", "'job' takes no wildcards. Give the job's id: job:4711."),
        ("job:*", "'job' takes no bare *."),
        ("=> ...", "'=>', '...' holds no word to search for. Give letters, digits or underscores."),
        ("a\ud800", "At character 2 of the query"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("a" * 8193, "over 8,192 characters"),
        ("(" * 40 + "a" + ")" * 40, "over 32 groups in groups"),
        (" ".join("a" * 1025), "over 1,024 terms"),
        (" ".join(f"a{n}*" for n in range(33)), "over 32 wildcards, expressions, ranges and fuzzy terms"),
        (" ".join(["x:[1 TO 2]"] * 33), "over 32 wildcards"),
        (" ".join(['"a b c"~2'] * 33), "over 32 wildcards"),
        (" ".join(["a.b*"] * 33), "over 32 wildcards"),
        ("/(a{100}){100}/", "over 5,000 characters when its repeats"),
    ],
)
def test_a_query_that_costs_too_much_is_refused_with_the_limit(text: str, limit: str) -> None:
    with pytest.raises(TooMuch, match=limit):
        read(text)


def test_a_query_at_the_limits_is_read() -> None:
    read("(" * 32 + "a" + ")" * 32)
    read(" ".join("a" * 1024))
    read(" ".join(f"a{n}*" for n in range(32)))
    read(" ".join(['"a b"~2 "a b c" severity:>=err time:>2026'] * 40))


MIXED = "AND stands beside OR or beside nothing"


def test_who_mixes_and_and_or_is_told_how_it_is_read() -> None:
    for text in ("a AND b OR c", "a AND b c", "a OR (b AND c d)", "a b AND c"):
        (notice,) = parse(text, TIMES).notices
        assert notice.startswith(MIXED), text
    for text in ("a AND b", "a OR b", "a b", "(a AND b) OR c", "+a b -c", "a AND (b OR c) AND NOT d", "NOT a"):
        assert parse(text, TIMES).notices == (), text


def test_what_holds_no_word_is_left_out_and_told() -> None:
    assert parse("link => down ...", TIMES) == Parsed(
        read("link down"), ("Left out, as there is no word in it: '=>', '...'.",)
    )


def test_an_empty_query_is_everything() -> None:
    for text in ("", " \t\u3000\n", "*", "*:*"):
        assert parse(text, TIMES) == Parsed(q.EVERYTHING)


def test_fields_that_not_every_line_has_are_told() -> None:
    parsed = parse("unit:x AND (host:y OR fields.job:5 OR unit:z) AND _exists_:a AND message:b AND level:err", TIMES)
    assert parsed.own_fields == ("unit", "fields.job")


def test_a_lines_own_field_may_be_called_as_another_thing() -> None:
    assert read("fields.job:5") == q.Term("fields.job", "5")
    assert read("fields.unit:5") == q.Term("unit", "5")
    assert read("job:5") == q.Job("5")


def test_times_mean_all_that_they_say_in_the_sites_zone() -> None:
    berlin = Times(NOW_MS, ZoneInfo("Europe/Berlin"))
    day = Interval(NOW_MS - DAY - 3_600_000, NOW_MS - 3_600_000)
    assert read("@timestamp:2026-11-22", berlin) == q.Within((q.Scope(day),))
    assert read("time:{2026-11-22 TO now}", berlin) == q.Within((q.Scope(Interval(day.to_ms, NOW_MS)),))
    assert read("time:<=2026-11-22", berlin) == q.Within((q.Scope(Interval(0, day.to_ms)),))
    assert read("time:<2026-11-22", berlin) == q.Within((q.Scope(Interval(0, day.from_ms)),))
    assert read("time:>2026-11-22", berlin) == q.Within((q.Scope(Interval(day.to_ms)),))


class Places:
    """Job 4711 ran on node001; every other is unknown."""

    async def places(self, job: str) -> tuple[tuple[q.Scope, ...], tuple[str, ...]]:
        if job != "4711":
            return (), (f"Job {job} did not run.",)
        return (q.Scope(Interval(1, 2), ("node001",)),), ("Job 4711 has 2 runs.",)


@pytest.mark.anyio
async def test_a_job_in_a_query_becomes_its_hosts_while_it_ran() -> None:
    ran = q.Within((q.Scope(Interval(1, 2), ("node001",)),))
    query, notices = await q.with_jobs(read("(job:4711 AND a) OR -job:4711 OR job:5"), Places())
    assert query == q.Group(
        (
            q.Clause("should", q.Group((q.Clause("must", ran), q.Clause("must", q.Term("message", "a"))))),
            q.Clause("not", ran),
            q.Clause("should", q.Within(())),
        )
    )
    assert notices == ("Job 4711 has 2 runs.", "Job 5 did not run.")
    assert await q.with_jobs(read("a"), Places()) == (read("a"), ())
    with pytest.raises(TooMuch, match="over 50 jobs"):
        await q.with_jobs(read(" ".join(f"job:{n}" for n in range(51))), Places())


def test_any_text_is_read_or_refused() -> None:
    chance = random.Random(7)
    words = [
        *'abc01 :()[]{}"/\\+-!^~*?&|<>=.\t\u3000é',
        "AND",
        "OR",
        "NOT",
        "TO",
        "&&",
        "||",
        "host",
        "time",
        "job",
        "now",
    ]
    for _ in range(20_000 if os.environ.get("WEFT_SOAK") == "1" else 2000):
        text = "".join(chance.choices(words, k=chance.randrange(1, 14)))
        with contextlib.suppress(BadRequest, TooMuch):
            parse(text, TIMES)

"""What every LogStore promises: by hand, on random lines against a dict model, and after kill -9."""

import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.log_lines import ALWAYS, DAY, MIDNIGHT, asked, found_ids, line, pages
from log_engines import LogSite
from weft.base.errors import BadRequest, TooMuch
from weft.base.intervals import FOREVER_MS, Interval
from weft.logs.query import Clause, Group, Scope, Within
from weft.logs.store import (
    CORE_FIELDS,
    Histogram,
    LogField,
    LogHits,
    LogLine,
    LogQuery,
    LogStore,
    Place,
    TopValues,
)

pytestmark = pytest.mark.anyio


async def test_an_empty_store_answers(logs: LogStore) -> None:
    assert await logs.search(LogQuery(ALWAYS)) == LogHits((), 0)
    assert {k: v for k, v in (await logs.stats()).items() if k in ("lines", "days")} == {"lines": 0, "days": 0}
    assert await logs.append([]) == 0


async def test_lines_come_back_as_they_were_kept_newest_first(logs: LogStore) -> None:
    odd = line(
        "c",
        MIDNIGHT + DAY,
        'é "quoted"\tand\\slashed <b> \u2028 \x00 end ',
        host="Node001.Example",
        program="",
        severity="",
    )
    told = [line("a", MIDNIGHT - 1), odd, line("b", MIDNIGHT, "x" * 70_000)]
    assert await logs.append(told) == 3
    assert await logs.search(LogQuery(ALWAYS)) == LogHits((odd, told[2], told[0]), 3)
    stats = await logs.stats()
    assert (stats["lines"], stats["days"]) == (3, 3)


async def test_a_known_line_is_kept_once_and_as_it_was_first(logs: LogStore) -> None:
    first = line("a", MIDNIGHT)
    assert await logs.append([first, replace(first, message="other")]) == 1
    assert await logs.append([replace(first, message="other"), line("b", MIDNIGHT - 1)]) == 1
    assert await logs.search(LogQuery(ALWAYS)) == LogHits((first, line("b", MIDNIGHT - 1)), 2)


async def test_a_line_is_found_by_its_id(logs: LogStore) -> None:
    await logs.append([line(key, MIDNIGHT) for key in "abc"])
    for text, expected in {"id:b": "b", "id:(a OR c)": "ac", "-id:a": "bc", "id:x": "", "id:*": "abc"}.items():
        assert await found_ids(logs, asked(text)) == expected, text


async def test_an_id_is_a_lines_only_within_its_millisecond(logs: LogStore) -> None:
    await logs.append([line("a", MIDNIGHT), line("b", MIDNIGHT + 9)])
    assert await logs.append([line("a", MIDNIGHT), line("b", MIDNIGHT + 9)]) == 0
    assert await logs.append([line("a", MIDNIGHT + 1)]) == 1


async def test_all_words_must_be_in_the_message_as_whole_words(logs: LogStore) -> None:
    told = [line("a", MIDNIGHT, "Link DOWN on 10.1.2.3"), line("b", MIDNIGHT, "link up"), line("c", MIDNIGHT, "linked")]
    await logs.append(told)
    cases = {
        ("link",): "ab",
        ("LINK", "down"): "a",
        ("down link",): "a",
        ("lin",): "",
        ("10.1.2.3",): "a",
        ("link", "NOT", "up"): "",
        ("link*",): "ab",
        ("10.1.9.3",): "",
    }
    for words, expected in cases.items():
        hits = await logs.search(LogQuery(ALWAYS, words))
        assert ("".join(sorted(hit.id for hit in hits.lines)), hits.total) == (expected, len(expected)), words
    with pytest.raises(BadRequest, match="holds no word"):
        await logs.search(LogQuery(ALWAYS, ("-",)))


async def test_keywords_are_exact_but_a_host_in_any_case(logs: LogStore) -> None:
    told = [
        line("a", MIDNIGHT, host="node001", program="sshd", severity="info"),
        line("b", MIDNIGHT, host="Node001", program="SSHD", severity=""),
        line("c", MIDNIGHT, host="node0010", program="sshd[1]", severity="err"),
    ]
    await logs.append(told)
    cases = [
        (LogQuery(ALWAYS, hosts=("NODE001",)), "ab"),
        (LogQuery(ALWAYS, hosts=("node001", "node0010")), "abc"),
        (LogQuery(ALWAYS, programs=("sshd",)), "a"),
        (LogQuery(ALWAYS, severities=("",)), "b"),
        (LogQuery(ALWAYS, hosts=("node001",), severities=("info", "err")), "a"),
        (LogQuery(ALWAYS, ("link",), ("node0010",), ("sshd[1]",), ("err",)), "c"),
        (LogQuery(ALWAYS, hosts=("node00",)), ""),
    ]
    for query, expected in cases:
        assert "".join(sorted(hit.id for hit in (await logs.search(query)).lines)) == expected, query


async def test_a_window_is_half_open_and_crosses_days(logs: LogStore) -> None:
    told = {n: line(f"{n}", MIDNIGHT + n) for n in (-DAY, -1, 0, 1, DAY)}
    await logs.append(list(told.values()))
    for window, expected in {
        Interval(MIDNIGHT - 1, MIDNIGHT + 1): [0, -1],
        Interval(MIDNIGHT, MIDNIGHT + DAY): [1, 0],
        Interval(MIDNIGHT - DAY, MIDNIGHT + DAY + 1): [DAY, 1, 0, -1, -DAY],
        Interval(MIDNIGHT + 1, MIDNIGHT + 1): [],
        Interval(-(10**30), 10**30): [DAY, 1, 0, -1, -DAY],
    }.items():
        assert await logs.search(LogQuery(window)) == LogHits(tuple(told[n] for n in expected), len(expected))


async def test_pages_are_stable_while_lines_are_added(logs: LogStore) -> None:
    told = [line(f"{n:02}", MIDNIGHT - n // 5, seq=n % 2) for n in range(20)]
    told.sort(key=lambda one: Place.of(one).order)
    await logs.append(told)
    first = await logs.search(LogQuery(ALWAYS), limit=7)
    await logs.append([line("new", MIDNIGHT + DAY), line("00a", MIDNIGHT)])
    second = await logs.search(LogQuery(ALWAYS), limit=7, cursor=first.cursor)
    third = await logs.search(LogQuery(ALWAYS), limit=7, cursor=second.cursor)
    assert [*first.lines, *second.lines, *third.lines] == told
    assert (first.total, second.total, third.total, third.cursor) == (20, 22, 22, None)


async def test_a_forged_cursor_is_refused(logs: LogStore) -> None:
    await logs.append([line("a", MIDNIGHT)])
    for forged in ("", "x", "12", "1.2", "a.b.c", "1.2.", "1..3", "1.2.3.4", "9" * 30 + ".1.1", "1.2.²"):
        with pytest.raises(BadRequest, match="no cursor"):
            await logs.search(LogQuery(ALWAYS), cursor=forged)


async def test_what_a_line_says_beside_its_message_is_kept_and_found(logs: LogStore) -> None:
    own = {"unit": "a b", "port": 36, "load": 0.5, "ok": True, "x@1.y": "ü"}
    told = [line("a", MIDNIGHT, seq=7, fields=own), line("b", MIDNIGHT - 1, fields={"port": 4.0, "unit": "36"})]
    await logs.append(told)
    assert (await logs.search(LogQuery(ALWAYS))).lines == tuple(told)
    cases = {
        "port:36": "a", "port:36.0": "a", "unit:36": "b", 'unit:"a b"': "a", "unit:a": "", "load:.5": "a",
        "ok:true": "a", "x@1.y:ü": "a", "port:>4": "a", "port:[4 TO 36]": "ab", "port:{4 TO 36}": "",
        "port:<=4": "b", "unit:>4": "", "unit:>a": "a", "port:*": "ab", "ok:*": "a", "-ok:*": "b", "unit:a*b": "a",
        "x@1.y:?": "a", "unit:/[0-9]+/": "b", "nothing:*": "", "nothing:1": "",
    }  # fmt: skip
    for text, expected in cases.items():
        assert await found_ids(logs, asked(text)) == expected, text


async def test_no_line_is_refused_for_its_fields(logs: LogStore) -> None:
    """A line that nobody cleaned: names of any kind, one of them a number here and a text there."""
    odd = {"": 1, ".": 2, "a..b": True, " ": "", "\x00": "\x01\x7f\u2028", "_id": "x", "*": -0.5, "x" * 300: "y" * 9000}
    told = [
        line("many", MIDNIGHT, fields={f"field {n}": n if n % 2 else f"text {n}" for n in range(500)}),
        line("odd", MIDNIGHT - 1, fields=odd),
        line("number", MIDNIGHT - 2, fields={"x": 2**62, "a.b": 1.5}),
        line("text", MIDNIGHT - 3, fields={"x": "\x00\t\x1b[31m", "a": "1", "a.b.c": False}),
        line("bool", MIDNIGHT - 4, "\x00\x01 \x1b[0m\ufffe\r\n", fields={"x": True}),
    ]
    assert await logs.append(told) == 5
    assert (await logs.search(LogQuery(ALWAYS))).lines == tuple(told)
    for text, ids in {
        "field\\ 499:>498": ["many"],
        "x:true": ["bool"],
        "x:>5": ["number"],
        "a.b:*": ["number"],
    }.items():
        assert [hit.id for hit in (await logs.search(asked(text))).lines] == ids, text
    assert {one.name for one in await logs.fields(LogQuery(ALWAYS))} >= {"field 0", "field 499", "x", "a.b", "a.b.c"}


async def test_fields_are_listed_with_their_kind(logs: LogStore) -> None:
    assert await logs.fields(LogQuery(ALWAYS)) == CORE_FIELDS
    await logs.append(
        [line("a", MIDNIGHT, fields={"unit": "x", "port": 1}), line("b", MIDNIGHT - DAY, fields={"z": 1})]
    )
    own = (LogField("port", "number"), LogField("unit", "keyword"), LogField("z", "number"))
    assert await logs.fields(LogQuery(ALWAYS)) == (*CORE_FIELDS, *own)
    assert await logs.fields(LogQuery(Interval(MIDNIGHT))) == (*CORE_FIELDS, *own[:2])
    assert await logs.fields(asked("z:*")) == (*CORE_FIELDS, own[2])


async def test_lines_are_counted_over_time_with_empty_steps(logs: LogStore) -> None:
    hour = 3_600_000
    told = [line(str(n), MIDNIGHT + at) for n, at in enumerate((-hour, -1, 0, 1, hour, 25 * hour))]
    await logs.append([*told, line("other", MIDNIGHT, "nothing")])
    window = Interval(MIDNIGHT - hour, MIDNIGHT + 2 * hour)
    assert await logs.histogram(asked("link", window), hour) == Histogram(MIDNIGHT - hour, hour, (2, 2, 1))
    assert (await logs.histogram(LogQuery(window), hour)).counts == (2, 3, 1)
    late = Interval(MIDNIGHT + 1, MIDNIGHT + 1 + hour)
    assert await logs.histogram(asked("link", late), hour) == Histogram(MIDNIGHT, hour, (1, 1))
    assert await logs.histogram(LogQuery(Interval(MIDNIGHT - DAY, MIDNIGHT + 2 * DAY)), DAY) == Histogram(
        MIDNIGHT - DAY, DAY, (2, 4, 1)
    )
    assert (await logs.histogram(LogQuery(Interval(5, 5)), 1)).counts == ()
    assert (await logs.histogram(LogQuery(ALWAYS), FOREVER_MS)).counts == (7,)
    with pytest.raises(TooMuch, match="over 10,000 steps"):
        await logs.histogram(LogQuery(ALWAYS), DAY)
    with pytest.raises(BadRequest, match="at least a millisecond"):
        await logs.histogram(LogQuery(window), 0)


async def test_the_commonest_values_of_a_field(logs: LogStore) -> None:
    hosts = ["n2", "n1", "N1", "n3.site", "n2", "", "n4"]
    await logs.append(
        [line(str(n), MIDNIGHT + (n % 2) * DAY, host=h, fields={"port": n % 2}) for n, h in enumerate(hosts)]
    )
    every = LogQuery(ALWAYS)
    assert await logs.top(every, "host", 3) == TopValues((("n1", 2), ("n2", 2), ("n3.site", 1)), 6)
    assert await logs.top(asked("port:1"), "host") == TopValues((("n1", 1), ("n3.site", 1)), 2)
    assert await logs.top(every, "port") == TopValues((("0", 4), ("1", 3)), 7)
    assert await logs.top(every, "program") == TopValues((("kernel", 7),), 7)
    assert await logs.top(every, "nothing") == TopValues((), 0)
    for name in ("message", "time", "id", "job"):
        with pytest.raises(BadRequest, match=f"Values of '{name}' are not counted. Counted are host, program"):
            await logs.top(every, name)


async def test_hosts_are_found_short_or_full(logs: LogStore) -> None:
    await logs.append(
        [
            line(key, MIDNIGHT, host=host)
            for key, host in {"a": "n1", "b": "N1.one", "c": "n1.two", "d": "10.1.2.3"}.items()
        ]
    )
    for hosts, expected in {
        ("n1",): "abc",
        ("N1.ONE",): "ab",
        ("n1.two", "10.1.2.3"): "acd",
        ("10",): "",
        (): "",
    }.items():
        scope = Within((Scope(ALWAYS, hosts),))
        assert await found_ids(logs, LogQuery(ALWAYS, query=scope)) == expected, hosts
    for text, expected in {"host:n1": "abc", "host:N1.one": "b", "host:n1.*": "bc", "host:10.1.2.3": "d"}.items():
        assert await found_ids(logs, asked(text)) == expected, text


async def test_scopes_are_hosts_and_windows_together(logs: LogStore) -> None:
    await logs.append([line(f"{h}{d}", MIDNIGHT + d * DAY, host=f"n{h}") for h in range(2) for d in range(3)])
    scopes = Within((Scope(Interval(MIDNIGHT, MIDNIGHT + 1), ("n0",)), Scope(Interval(MIDNIGHT + DAY), ("n1", "n9"))))
    hits = await logs.search(LogQuery(ALWAYS, query=scopes))
    assert [hit.id for hit in hits.lines] == ["12", "11", "00"]
    assert await found_ids(logs, LogQuery(Interval(0, MIDNIGHT + 2 * DAY), query=scopes)) == "0011"
    assert await found_ids(logs, LogQuery(ALWAYS, query=Group((Clause("not", scopes),)))) == "010210"


async def test_pages_go_either_way_from_any_line(logs: LogStore) -> None:
    told = [line(f"{n:02}", MIDNIGHT + n // 7 * DAY + n // 3, seq=n % 3 // 2) for n in range(21)]
    told.sort(key=lambda one: Place.of(one).order)
    await logs.append(told)
    for size in (1, 2, 5, 30):
        assert (await pages(logs, LogQuery(ALWAYS), size))[0] == told
        for n, one in enumerate(told):
            at = Place.of(one).cursor
            older = await logs.search(LogQuery(ALWAYS), limit=size, cursor=at)
            newer = await logs.search(LogQuery(ALWAYS), limit=size, cursor=at, oldest=True)
            assert list(older.lines) == told[n + 1 : n + 1 + size]
            assert list(newer.lines) == told[:n][::-1][:size]


async def test_lines_of_one_second_come_in_the_order_they_were_written(logs: LogStore) -> None:
    told = [line(f"{n}", MIDNIGHT, f"frame {n}", seq=n) for n in range(300)]
    await logs.append(told[::2])
    await logs.append(told[1::2])
    assert (await logs.search(LogQuery(ALWAYS), limit=300)).lines == tuple(told[::-1])
    assert (await logs.search(LogQuery(ALWAYS), limit=10, oldest=True)).lines == tuple(told[:10])


async def test_the_span_is_of_the_days_that_lines_are_kept_of(logs: LogStore) -> None:
    assert await logs.span() is None
    await logs.append([line("a", MIDNIGHT + 5), line("b", MIDNIGHT + 3 * DAY)])
    assert await logs.span() == Interval(MIDNIGHT, MIDNIGHT + 4 * DAY)


async def test_a_phrase_with_slop_is_lucenes(logs: LogStore) -> None:
    """Lucene's FAQ and SloppyPhraseMatcher: exchanging two neighbours costs two."""
    told = {"a": "link is down", "b": "down link", "c": "down the link", "d": "x link y z down", "e": "link link"}
    await logs.append([line(key, MIDNIGHT, message) for key, message in told.items()])
    cases = {
        '"link down"': "", '"link down"~1': "a", '"link down"~2': "abd", '"link down"~3': "abcd", '"link link"': "e",
        '"link link"~3': "e", '"link is down"~1': "a", '"is link down"~2': "a", '"down is link"~3': "",
        '"down is link"~4': "a",
    }  # fmt: skip
    for text, expected in cases.items():
        assert await found_ids(logs, asked(text)) == expected, text


async def test_too_wide_a_phrase_of_patterns_is_refused(logs: LogStore) -> None:
    await logs.append([line(f"{k}", MIDNIGHT, f"a{k} b{k}") for k in range(17_000)])
    with pytest.raises(TooMuch, match="fits too many different words"):
        await logs.search(asked("a*-b*"))
    assert (await logs.search(asked("a12?-b12*"))).total == 10


# Random lines against a model that looks at all of them.

MESSAGES = ["link down", "link up", "port 1 down", "UP up"]
times = st.integers(-3, 3).map(lambda n: MIDNIGHT + n) | st.sampled_from([MIDNIGHT - DAY, MIDNIGHT + DAY])
ids = st.sampled_from([*"abcdefghijkl", "k2", "é", "\U0001f525", "\uffff"])
line_of = st.builds(
    # The same id is the same line: one time for each id, as stable ids have it.
    lambda key, chance: line(
        key,
        MIDNIGHT + (ord(key[-1]) % 3 - 1) * (DAY // 2),
        MESSAGES[chance % 4],
        host=f"node{chance % 2}",
        seq=ord(key[0]) % 2,
    ),
    ids,
    st.integers(0, 3),
)
queries = st.builds(
    LogQuery,
    st.tuples(times, times).map(lambda ends: Interval(min(ends), max(ends) + 1)),
    st.lists(st.sampled_from(["link", "down", "up", "1"]), max_size=2).map(tuple),
    hosts=st.lists(st.sampled_from(["NODE0", "node1"]), max_size=1).map(tuple),
)


async def play(site: LogSite, doings: Sequence[list[LogLine] | LogQuery], size: int) -> None:
    site.begin_anew()
    async with site.open() as store:
        kept: dict[str, LogLine] = {}
        for doing in doings:
            if isinstance(doing, LogQuery):
                expected = [
                    one
                    for one in sorted(kept.values(), key=lambda one: Place.of(one).order)
                    if doing.window.holds(one.at_ms)
                    and set(doing.words) <= set(one.message.lower().split())
                    and (not doing.hosts or one.host in {host.lower() for host in doing.hosts})
                ]
                assert await pages(store, doing, size) == (expected, {len(expected)})
            else:
                fresh = {one.id for one in doing} - kept.keys()
                assert await store.append(doing) == len(fresh)
                for one in doing:
                    kept.setdefault(one.id, one)


doings = st.lists(st.lists(line_of, min_size=1, max_size=8) | queries, min_size=2, max_size=8)


def test_random_lines_are_found_as_a_model_finds_them(log_site: LogSite) -> None:
    examples = 15 if log_site.engine == "tantivy" else 5

    @settings(max_examples=examples, deadline=None)
    @given(doings, st.integers(1, 4))
    def run(doings: list[Any], size: int) -> None:
        anyio.run(play, log_site, doings, size)

    run()


WRITER = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from weft.base.config import Elasticsearch
from weft.logs.elasticsearch import ElasticsearchLogs
from weft.logs.store import LogLine
from weft.logs.tantivy import TantivyLogs

async def main(first, folder, url, index):
    here = TantivyLogs.open(Path(folder))
    real = ElasticsearchLogs.open(Elasticsearch(url=url or "http://127.0.0.1", index=index, timeout_s=30))
    async with real if url else here as logs:
        for n in range(first, first + 100_000):
            at_ms = 1_763_769_600_000 + n * 20_000_000
            line = LogLine("", at_ms, "node001", "kernel", "err", "link down", "f")
            assert await logs.append([replace(line, id=f"{n}-{k}") for k in range(5)]) == 5
            print(n, flush=True)

asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))
"""


def test_what_was_acknowledged_survives_kill_9(log_site: LogSite) -> None:
    chance = random.Random(4711)
    acknowledged: list[int] = []
    for _ in range(3):
        first = acknowledged[-1] + 2 if acknowledged else 0
        command = [sys.executable, "-c", WRITER, str(first), *log_site.told]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randint(5, 25)):
                acknowledged.append(int(writer.stdout.readline()))
            writer.send_signal(signal.SIGKILL)
            acknowledged += map(int, writer.stdout.read().split())
        log_site.settle()
        anyio.run(check_kept, log_site, acknowledged)


async def check_kept(site: LogSite, acknowledged: Sequence[int]) -> None:
    """Every acknowledged batch is there whole; one that was not is there whole or not at all."""
    async with site.open() as logs:
        found, totals = await pages(logs, LogQuery(ALWAYS, ("link",)), 500)
        assert totals == {len(found)}
        kept = {one.id for one in found}
        assert len(kept) == len(found)
        batches = {one.id.partition("-")[0] for one in found}
        assert kept == {f"{n}-{k}" for n in batches for k in range(5)}
        assert {str(n) for n in acknowledged} <= batches

"""Log lines of jobs, hosts and links; who sees which; counts, values, what stands around a line; annotations."""

from dataclasses import replace
from typing import Any

import pytest

from unit.story import ALICE, BOB, NOW, OPERATOR, H, answers, ask
from weft.answers import catalog, logs
from weft.answers.annotations import Annotation, annotations
from weft.answers.answers import Answers
from weft.base.access import Viewer
from weft.base.errors import BadRequest, Forbidden, UnknownName
from weft.base.intervals import Interval
from weft.logs.query import Scope, Within
from weft.logs.store import LogLine, LogQuery, Place

pytestmark = pytest.mark.anyio

DOWN = "Port 1 link down"


def line(line_id: str, hour: float, host: str, message: str = DOWN, **more: Any) -> LogLine:
    return replace(LogLine(line_id, int(hour * H), host, "kernel", "err", message, "syslog"), **more)


LINES = [
    line("a", 11.2, "node002"),  # alice's first 4711 ran there from 11 to 11:30
    line("b", 11.7, "node002", "link up", severity="info"),  # nobody
    line("c", 12.5, "NODE001"),  # alice's second 4711, from 12 to 16
    line("d", 12.6, "node010.cluster"),  # bob's 4712, from 12 to 18
    line("e", 13.5, "leaf01", "port 12 up", program="", severity="notice"),
    line("f", 17.0, "node001", "link up", severity="info"),  # after 4711
    line("g", 17.5, "node003"),  # bob's 4712
]


def site() -> Answers:
    """The story of `story.py` with these lines."""
    told = answers()
    told.site.logs.lines[:] = LINES
    return told


async def found(viewer: Viewer = OPERATOR, **arguments: Any) -> str:
    """Ids of the lines, oldest first."""
    data = await catalog.run(site(), "logs", arguments, ask(viewer))
    at = [column.name for column in catalog.TABLES["logs"].columns].index("id")
    return "".join(str(row[at]) for row in reversed(data.rows))


async def notices(viewer: Viewer = OPERATOR, **arguments: Any) -> tuple[str, ...]:
    return (await catalog.run(site(), "logs", arguments, ask(viewer))).notices


async def test_a_query_is_lucenes() -> None:
    cases = {
        "": "abcdefg", "down": "acdg", "link AND NOT up": "acdg", '"link up"': "bf", "severity:>=notice": "acdeg",
        "host:node010": "d", "host:node00? AND severity:err": "acg", "program:kernel": "abcdfg", "-program:kernel": "e",
    }  # fmt: skip
    for query, expected in cases.items():
        assert await found(query=query) == expected, query


async def test_a_row_says_everything_and_unknown_is_empty() -> None:
    told = site()
    told.site.logs.lines[:] = [line("e", 13.5, "", "x", program="", severity="", fields={"port": 36, "ok": True})]
    data = await catalog.run(told, "logs", {}, ask())
    place = Place.of(told.site.logs.lines[0]).cursor
    assert data.rows == [[int(13.5 * H), None, None, None, "x", "port=36 ok=true", "syslog", "e", place]]


async def test_a_job_is_its_hosts_while_it_ran_as_parameter_and_in_the_query() -> None:
    assert await found(job="4711") == "ac"
    assert await found(query="job:4711") == "ac"
    assert await found(query="job:4712 OR job:4711") == "acdg"
    assert await found(query="NOT job:4711 AND down") == "dg"
    assert await found(job="4712", query="-job:4711") == "dg"
    assert await notices(job="4711") == ("Job 4711 has 2 runs in this window.",)
    with pytest.raises(UnknownName, match="No job 9 is known"):
        await found(query="a AND job:9")
    with pytest.raises(BadRequest, match="'x' is not a job"):
        await found(query="job:x")


async def test_a_job_outside_the_window_finds_nothing_and_says_when_it_ran() -> None:
    data = await catalog.run(site(), "logs", {"job": "4712"}, ask(to_h=11))
    assert data.rows == []
    assert data.notices[0].startswith("No run of job 4712 in this window; it ran from 1970-01-01T12:00:00Z")


async def test_hosts_are_a_parameter_too() -> None:
    assert await found(host="node001,node010") == "cdf"
    assert await found(host="node001", job="4711") == "c"


async def test_a_link_is_the_hosts_and_switches_at_its_ends_while_they_were_plugged() -> None:
    # Until 13 h node001 hung on leaf01/1, from 13 h on leaf01/12.
    assert await found(link="leaf01/1") == "c"
    assert await found(link="leaf01/12") == "ef"
    assert await found(link="node001") == "cef"
    assert await found(link="leaf01/1", query="up") == ""
    with pytest.raises(UnknownName, match=r"'leaf99/1' names no port\. Give a switch and port"):
        await found(link="leaf99/1")
    assert "Nothing was plugged in leaf01/30 in this window, as far as is known." in await notices(link="leaf01/30")
    with pytest.raises(Forbidden, match="What the ends of a link logged is for operators, and alice is none"):
        await found(ALICE, link="leaf01/1")


async def test_users_see_lines_of_their_runs_hosts_while_they_ran() -> None:
    assert await found(ALICE) == "ac"
    assert await found(BOB) == "dg"
    assert await found(BOB, query="NOT nothing") == "dg"
    assert await found(BOB, host="node001") == ""
    assert await found(Viewer("mallory")) == ""
    assert await notices(ALICE) == ("Only lines of your own runs' hosts are searched, while they ran.",)
    with pytest.raises(UnknownName, match="No job 4711 of bob's is known"):
        await found(BOB, query="job:4711")


async def test_more_lines_than_asked_for_are_paged() -> None:
    told = site()
    first = await catalog.run(told, "logs", {}, ask(limit=3))
    assert first.notices == ("Only the newest 3 of 7 lines are listed.",)
    second = await catalog.run(told, "logs", {"cursor": first.cursor}, ask(limit=30))
    assert [row[7] for row in (*first.rows, *second.rows)] == list("gfedcba")
    assert (second.cursor, second.notices) == (None, ())


async def test_what_a_query_was_read_as_is_told() -> None:
    (notice,) = await notices(query="link AND down OR up")
    assert notice.startswith("AND stands beside OR")
    assert await notices(query="mlx5_0:down") == (
        "No line matches in this window.",
        "No line here has a field 'mlx5_0'. Known are host, id, message, program, severity, source, time. "
        "Text with a : in it belongs into quotes.",
    )


async def test_lines_over_time() -> None:
    data = await catalog.run(site(), "log_counts", {"query": "down", "step": 3600}, ask(from_h=11, to_h=18))
    assert data.rows == [[11 * H, 1], [12 * H, 2], [13 * H, 0], [14 * H, 0], [15 * H, 0], [16 * H, 0], [17 * H, 1]]
    assert sum(row[1] for row in (await catalog.run(site(), "log_counts", {}, ask(BOB))).rows) == 2
    nothing = await catalog.run(site(), "log_counts", {"query": "absent"}, ask())
    assert (sum(row[1] for row in nothing.rows), nothing.notices) == (0, ("No line matches in this window.",))


async def test_all_lines_of_a_run_are_counted() -> None:
    scope = Within((Scope(Interval(11 * H, 13 * H), ("node001", "node002")),))
    assert await logs.count_of(site(), LogQuery(Interval(0), query=scope)) == 3


async def test_a_step_is_a_round_one_that_a_panel_can_draw() -> None:
    hour = 3_600_000
    cases = {1: 1000, 100_000: 1000, 100_001: 2000, hour: 60_000, 24 * hour: 900_000, 30 * 24 * hour: 12 * hour,
             3650 * 24 * hour: 56 * 24 * hour}  # fmt: skip
    assert {length: logs.step_of(Interval(5, 5 + length)) for length in cases} == cases


async def test_the_commonest_values() -> None:
    data = await catalog.run(site(), "log_top", {"query": "link"}, ask())
    assert data.rows[0] == ["node002", 2, 2 / 6]
    assert (await catalog.run(site(), "log_top", {"field": "level"}, ask())).rows == [
        ["err", 4, 4 / 7], ["info", 2, 2 / 7], ["notice", 1, 1 / 7]
    ]  # fmt: skip
    assert [row[0] for row in (await catalog.run(site(), "log_top", {}, ask(BOB))).rows] == [
        "node003",
        "node010.cluster",
    ]


async def test_what_stands_around_a_line_is_of_its_host() -> None:
    at = Place.of(LINES[2]).cursor
    around = await logs.context(site(), ask(), at)
    assert ([x.id for x in around.before], around.line.id, [x.id for x in around.after]) == ([], "c", ["f"])
    around = await logs.context(site(), ask(limit=1), Place.of(LINES[1]).cursor)
    assert ([x.id for x in around.before], around.line.id, [x.id for x in around.after]) == (["a"], "b", [])
    around = await logs.context(site(), ask(), at, "severity:err")
    assert ([x.id for x in around.before], around.line.id, [x.id for x in around.after]) == ([], "c", [])
    assert (await logs.context(site(), ask(ALICE), at)).after == ()
    with pytest.raises(UnknownName, match="No line stands at this cursor"):
        await logs.context(site(), ask(BOB), at)
    with pytest.raises(UnknownName, match="No line stands at this cursor"):
        await logs.context(site(), ask(), "5.0.7")
    with pytest.raises(BadRequest, match="no cursor"):
        await logs.context(site(), ask(), "5")


async def test_lines_are_marks_over_a_graph() -> None:
    marks, said = await annotations(site(), ask(), 'logs "link down" job=4711')
    assert marks == [
        Annotation(int(12.5 * H), None, "NODE001 kernel", DOWN, ("log", "err", "NODE001", "kernel")),
        Annotation(int(11.2 * H), None, "node002 kernel", DOWN, ("log", "err", "node002", "kernel")),
    ]
    assert said == ["Job 4711 has 2 runs in this window."]

    async def ids(query: str, viewer: Viewer = OPERATOR) -> str:
        return "".join(sorted(one.id for mark in (await annotations(site(), ask(viewer), query))[0]
                              for one in LINES if one.at_ms == mark.at_ms))  # fmt: skip

    assert await ids("logs") == "abcdefg"
    assert await ids("logs host=node001,node010 severity:err") == "cd"
    assert await ids("logs link=leaf01/12") == "ef"
    assert await ids('logs query="severity:err" job=4712') == "dg"
    assert await ids("logs", ALICE) == "ac"
    limited, said = await annotations(site(), ask(limit=2), "logs")
    assert (len(limited), said) == (2, ["Only the newest 2 lines are shown."])
    with pytest.raises(UnknownName, match=r"There are no annotations 'log'\. Did you mean logs"):
        await annotations(site(), ask(), "log x=1")


def test_a_text_is_taken_apart_into_a_query_and_what_stands_beside_it() -> None:
    cases: dict[str, dict[str, str]] = {
        "": {},
        "link down": {"query": "link down"},
        'severity:err "link down" job=4711': {"query": 'severity:err "link down"', "job": "4711"},
        "job=4711_5 host=n1,n2 a": {"job": "4711_5", "host": "n1,n2", "query": "a"},
        'host="n1,n2" link="node001 mlx5_0/1"': {"host": "n1,n2", "link": "node001 mlx5_0/1"},
        r'query="a AND \"b c\""': {"query": 'a AND "b c"'},
        "key=value nojob=1": {"query": "key=value nojob=1"},
    }
    assert {text: logs.take_apart(text) for text in cases} == cases
    for text, said in {"job=1 job=2": "'job' is given twice", "a query=b": "The query is given twice"}.items():
        with pytest.raises(BadRequest, match=said):
            logs.take_apart(text)


async def test_now_is_the_askers() -> None:
    assert await found(query="time:[1970-01-01T12:33 TO now-3h]") == "def"
    assert NOW == 20 * H + 60_000

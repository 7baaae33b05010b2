"""Which runs a typed id means, who may see them, and where their hosts hung over the whole run."""

from dataclasses import replace

import pytest

from unit.fakes import SWITCH, guid, run
from unit.story import ALICE, BOB, LEAF1, LEAF2, H, answers, ask
from weft.answers import jobs, neighbours, plugs
from weft.base.errors import BadRequest, Forbidden, UnknownName
from weft.base.intervals import Interval

pytestmark = pytest.mark.anyio


async def test_a_job_means_its_runs_in_the_window_and_says_when_there_are_several() -> None:
    meant = await jobs.resolve(answers(), ask(), "4711")
    assert [run.key.start_ms for run in meant.runs] == [12 * H, 11 * H]
    assert meant.notices == ("Job 4711 has 2 runs in this window.",)
    meant = await jobs.resolve(answers(), ask(from_h=12), "4711")
    assert ([run.key.start_ms for run in meant.runs], meant.notices) == ([12 * H], ())


async def test_one_run_of_several_is_named_by_its_start() -> None:
    meant = await jobs.resolve(answers(), ask(from_h=15), f"cluster:4711@{11 * H}")
    assert [run.state for run in meant.runs] == ["REQUEUED"]


async def test_an_array_job_means_its_tasks_and_a_task_only_itself() -> None:
    meant = await jobs.resolve(answers(), ask(), "50")
    assert {run.label for run in meant.runs} == {"50_1", "50_2"}
    assert meant.notices == ("Job 50 has 2 parts with 2 runs in this window.",)
    assert [run.label for run in (await jobs.resolve(answers(), ask(), "50_2")).runs] == ["50_2"]


async def test_a_job_outside_the_window_says_when_it_ran() -> None:
    meant = await jobs.resolve(answers(), ask(from_h=17, to_h=19), "77")
    assert meant.runs == ()
    assert meant.notices == (
        "No run of job 77 in this window; it ran from 1970-01-01T14:00:00Z to 1970-01-01T16:00:00Z.",
    )


async def test_a_job_nobody_knows_and_a_job_of_somebody_else_are_told_alike() -> None:
    with pytest.raises(UnknownName, match="No job 999 of alice's is known in cluster cluster"):
        await jobs.resolve(answers(), ask(ALICE), "999")
    with pytest.raises(UnknownName, match="No job 4712 of alice's is known in cluster cluster"):
        await jobs.resolve(answers(), ask(ALICE), "4712")


@pytest.mark.parametrize("text", ["", "abc", "4711_", "4711 4712", "a b:3", "4711;drop"])
async def test_what_is_no_job_id_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="is not a job"):
        await jobs.resolve(answers(), ask(), text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4711", ("home", "4711", None)),
        (" 4711_5 ", ("home", "4711_5", None)),
        ("4711+1", ("home", "4711+1", None)),
        ("other:4711", ("other", "4711", None)),
        ("other:4711@1763852985000", ("other", "4711", "1763852985000")),
    ],
)
def test_every_way_to_type_a_job_is_read(text: str, expected: tuple[str, str, str | None]) -> None:
    typed = jobs.Typed.read(text, "home")
    assert (typed.cluster, typed.label, typed.start) == expected


async def test_the_list_is_filtered_and_newest_first() -> None:
    data = await jobs.jobs(answers(), ask(), user=("alice",))
    assert [(row[0], row[3], row[4], row[5]) for row in data.rows] == [
        ("4713", "RUNNING", 18 * H, None),
        ("4711", "COMPLETED", 12 * H, 16 * H),
        ("4711", "REQUEUED", 11 * H, 11 * H + H // 2),
    ]
    assert [row[0] for row in (await jobs.jobs(answers(), ask(), state=("running",))).rows] == ["4713"]
    assert [row[0] for row in (await jobs.jobs(answers(), ask(), host=("node003",))).rows] == ["4711", "4712"]


async def test_a_user_sees_their_own_runs_and_the_others_as_a_count() -> None:
    data = await jobs.jobs(answers(), ask(BOB), user=("alice",))
    assert [row[0] for row in data.rows] == ["4712", "50_1", "50_2"]
    assert data.notices == ("Only jobs of bob are listed.", "4 runs of other people overlap this window.")
    data = await jobs.jobs(answers(), ask(BOB), host=("node012",))
    assert data.rows == []


async def test_hosts_of_a_job_come_with_how_many_shared_them() -> None:
    data = await jobs.job_hosts(answers(), ask(ALICE, from_h=12), "4711")
    assert [(row[1], row[4]) for row in data.rows] == [
        ("node001", 0), ("node002", 0), ("node003", 1), ("node009", 0),
    ]  # fmt: skip
    assert data.rows[0][2:4] == [12 * H, 16 * H]


async def test_pages_go_on_where_the_one_before_ended_and_repeat_nothing() -> None:
    site, told = answers(), []
    cursor = None
    for rows in (3, 3, 1):
        data = await jobs.jobs(site, ask(limit=3), cursor=cursor)
        assert len(data.rows) == rows
        told += [row[15] for row in data.rows]
        cursor = data.cursor
    assert cursor is None
    assert told == [row[15] for row in (await jobs.jobs(site, ask())).rows]
    assert data.notices == ()
    with pytest.raises(BadRequest, match="no list to page through"):
        await jobs.jobs(site, ask(), job="4711", cursor="3")


async def test_a_filter_by_host_and_more_is_paged_by_the_runs_that_pass() -> None:
    site = answers()
    more = [run(5000 + i, i * 60_000, i * 60_000 + 1, ["node007"], user="bob" if i % 7 else "dave") for i in range(200)]
    site.site.jobs.known = more
    told: list[str] = []
    cursor, pages = None, 0
    while pages == 0 or cursor is not None:
        data = await jobs.jobs(site, ask(limit=9), user=("dave",), host=("node007",), cursor=cursor)
        told += [row[0] for row in data.rows]
        cursor, pages = data.cursor, pages + 1
    # Of 0 to 199 the multiples of 7, newest first: 196, 189, ... 0 are 29, nine on a page.
    assert told == [str(5000 + i) for i in range(196, -1, -7)]
    assert pages == 4


async def test_jobs_of_a_switch_are_those_that_held_a_host_while_it_hung_there() -> None:
    # node009 hung on leaf03 to 14 h and on leaf02 since: 4711 (12-16 h) was on both. 77 was on node012 of leaf03.
    # 4712 held node010 of leaf03; node006 to node008 are of leaf02.
    data = await jobs.jobs(answers(), ask(), switch="leaf02")
    assert [row[0] for row in data.rows] == ["4713", "4711", "50_1", "50_2"]
    data = await jobs.jobs(answers(), ask(from_h=14), switch="leaf03")
    assert [row[0] for row in data.rows] == ["77", "4712"]
    data = await jobs.jobs(answers(), ask(to_h=14), switch="leaf03", host=("node009",))
    assert [row[0] for row in data.rows] == ["4711"]
    # A run on node009 at 18 h is one of leaf02, whatever node009 hung on before.
    site = answers()
    site.site.jobs.known.append(run(90, 18 * H, 19 * H, ["node009"]))
    assert "90" in [row[0] for row in (await jobs.jobs(site, ask(), switch="leaf02")).rows]
    assert "90" not in [row[0] for row in (await jobs.jobs(site, ask(), switch="leaf03")).rows]
    with pytest.raises(UnknownName, match=r"There is no switch 'leaf9'\. Did you mean leaf0"):
        await jobs.jobs(answers(), ask(), switch="leaf9")
    with pytest.raises(Forbidden):
        await jobs.jobs(answers(), ask(ALICE), switch="leaf02")


async def test_jobs_of_a_switch_are_those_of_the_time_in_which_it_bore_the_name() -> None:
    site = answers()
    store = site.site.fabrics
    at = next(i for i, s in enumerate(store.spans) if s.guid == LEAF2)
    store.spans[at] = replace(store.spans[at], span=Interval(10 * H, 17 * H))
    store.node(LEAF2, SWITCH, "MF0;edge02:MSB7800/U1", 17 * H, ports=36)
    assert [row[0] for row in (await jobs.jobs(site, ask(), switch="edge02")).rows] == ["4713"]
    assert [row[0] for row in (await jobs.jobs(site, ask(), switch="leaf02")).rows] == ["4711", "50_1", "50_2"]


async def test_jobs_of_one_id_are_its_runs_that_pass_the_other_filters() -> None:
    assert [row[15] for row in (await jobs.jobs(answers(), ask(), job="4711")).rows] == [
        f"cluster:4711@{12 * H}", f"cluster:4711@{11 * H}",
    ]  # fmt: skip
    assert [row[3] for row in (await jobs.jobs(answers(), ask(), job="4711", state=("requeued",))).rows] == ["REQUEUED"]
    assert [row[0] for row in (await jobs.jobs(answers(), ask(), job="50", host=("node008",))).rows] == ["50_2"]
    assert (await jobs.jobs(answers(), ask(BOB), job="4711")).rows == []


async def test_neighbours_are_ranked_by_hosts_then_leaves_with_the_time_both_were_near() -> None:
    site = answers()
    site.site.jobs.known += [
        run(60, 15 * H, 20 * H, ["node004"], user="dave"),  # leaf01, from 15 h on
        run(61, 12 * H, 13 * H, ["node005"], user="erin"),  # leaf02, before node009 came there at 14 h
        run(62, 15 * H, 17 * H, ["node007"], user="erin"),  # leaf02, while node009 is there
    ]
    data = await neighbours.job_neighbours(site, ask(from_h=12), "4711")
    # 4712 held node003 too and node010 of leaf03, which node009 left at 14 h; 77 came to leaf03 at 14 h. 60 and 62 had
    # one leaf for an hour each: of the same time the lower id first.
    assert [[row[0], row[1], row[4], row[5], row[6], row[9], row[10], row[11]] for row in data.rows] == [
        ["4712", "bob", 4 * 3600.0, 1, 2, "node003 leaf01 leaf03", 12 * H, 16 * H],
        ["60", "dave", 3600.0, 0, 1, "leaf01", 15 * H, 16 * H],
        ["62", "erin", 3600.0, 0, 1, "leaf02", 15 * H, 16 * H],
    ]
    assert data.rows[0][8] == "host_link"


async def test_a_host_that_left_a_leaf_makes_no_neighbours_there() -> None:
    site = answers()
    store = site.site.fabrics
    store.unplug("h004", 13 * H, 12 * H)
    store.connect((guid("b", 1), 30), (guid("c", 4), 1), 13 * H, cable="h004")
    site.site.jobs.known.append(run(64, 14 * H, 15 * H, ["node004"], user="dave"))
    data = await neighbours.job_neighbours(site, ask(from_h=12), "4711")
    assert "64" not in [row[0] for row in data.rows if row[6]]


async def test_neighbours_are_counted_for_users() -> None:
    data = await neighbours.job_neighbours(answers(), ask(ALICE, from_h=12), "4711")
    assert data.rows == []
    assert data.notices[-1] == (
        "1 run of others shared hosts of job 4711, 1 run its leaf switches; whose they are is for operators."
    )
    alone = await neighbours.job_neighbours(answers(), ask(), "4713")
    assert (alone.rows, alone.notices[-1]) == ([], "No other run was near job 4713, as far as is known.")


async def test_ports_cover_the_whole_run_and_a_move_within_it() -> None:
    data = await plugs.job_ports(answers(), ask(from_h=15), "4711")
    got = [(row[1], row[2], row[3], row[4], row[5], row[6], row[7]) for row in data.rows]
    assert got == [
        ("node001", "mlx5_0/1", "leaf01", 1, "h001", 12 * H, 13 * H),
        ("node001", "mlx5_0/1", "leaf01", 12, "h001", 13 * H, 16 * H),
        ("node002", "mlx5_0/1", "leaf01", 2, "h002", 12 * H, 16 * H),
        ("node003", "mlx5_0/1", "leaf01", 3, "h003", 12 * H, 16 * H),
        ("node009", "mlx5_0/1", "leaf03", 1, "h009", 12 * H, 14 * H),
        ("node009", "mlx5_0/1", "leaf02", 1, "h009", 14 * H, 16 * H),
    ]
    assert [row[9] for row in data.rows][:3] == [
        "unplugged between 1970-01-01T12:00:00Z and 1970-01-01T13:00:00Z",
        "plugged between 1970-01-01T12:00:00Z and 1970-01-01T13:00:00Z",
        "",
    ]
    assert [row[11] for row in data.rows][-2:] == [guid("a", 3), LEAF2]


async def test_an_ambiguous_cable_comes_with_both_readings() -> None:
    data = await plugs.job_cables(answers(), ask(from_h=12), "4711")
    last = list(data.rows)[-1]
    assert last[1:8] == ["h009", "ambiguous", "h005", "node009", "mlx5_0/1", "leaf02/1", 14 * H]
    assert "the cable is h009 or h005: ends were exchanged" in last[9]


async def test_switches_of_a_job_are_counted_by_hosts() -> None:
    data = await plugs.job_switches(answers(), ask(from_h=12), "4711")
    assert [(row[1], row[2], row[3], row[4]) for row in data.rows] == [
        ("leaf01", 3, 4, 0.75), ("leaf02", 1, 1, 0.25), ("leaf03", 1, 1, 0.25),
    ]  # fmt: skip
    assert data.rows[0][7] == LEAF1


async def test_a_running_jobs_ports_have_no_end() -> None:
    data = await plugs.job_ports(answers(), ask(), "4713")
    assert [(row[1], row[6], row[7], row[9]) for row in data.rows] == [("node006", 18 * H, None, "")]


async def test_a_host_without_a_port_in_that_time_is_named() -> None:
    site = answers()
    site.site.jobs.known.append(run(4800, 18 * H, None, ["node012"]))
    data = await plugs.job_ports(site, ask(), "4800")
    assert data.rows == []
    assert data.notices == ("No port is known of node012 in that time.",)

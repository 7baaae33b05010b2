"""Which runs a typed id means, who may see them, and where their hosts hung over the whole run."""

import pytest

from unit.fakes import guid, run
from unit.story import ALICE, BOB, LEAF1, LEAF2, H, answers, ask
from weft.answers import jobs, plugs
from weft.base.errors import BadRequest, UnknownName

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


async def test_neighbours_are_told_to_operators_and_counted_for_users() -> None:
    data = await jobs.job_neighbours(answers(), ask(from_h=12), "4711")
    assert [list(row) for row in data.rows] == [
        ["4712", "bob", "app", "COMPLETED", 1, "node003", 12 * H, 16 * H, f"cluster:4712@{12 * H}"]
    ]
    data = await jobs.job_neighbours(answers(), ask(ALICE, from_h=12), "4711")
    assert (data.rows, data.notices) == ([], ("1 run shared hosts of job 4711; whose they are is for operators.",))


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

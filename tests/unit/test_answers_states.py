"""States over time of jobs, users and hosts, and what jobs come to."""

from dataclasses import replace

import pytest

from unit.fakes import run
from unit.story import ALICE, BOB, NOW, H, answers, ask
from weft.answers import states, totals
from weft.base.errors import BadRequest
from weft.base.intervals import FOREVER_MS
from weft.scheduler.model import Run

pytestmark = pytest.mark.anyio


def of(*runs: Run) -> list[tuple[str, int, int]]:
    return [(state, span.from_ms, span.to_ms) for _, span, state in states.states_of(runs)]


def test_a_job_waits_runs_and_stays_as_it_ended() -> None:
    one = replace(run(1, 100, 200, ["n1"], state="FAILED"), submit_ms=50)
    assert of(one) == [("PENDING", 50, 100), ("RUNNING", 100, 200), ("FAILED", 200, FOREVER_MS)]


def test_a_requeued_job_is_so_until_it_waits_again() -> None:
    first = replace(run(1, 100, 200, ["n1"], state="NODE_FAIL"), submit_ms=50)
    second = replace(run(1, 300, None, ["n2"]), submit_ms=220)
    assert of(second, first) == [
        ("PENDING", 50, 100), ("RUNNING", 100, 200), ("NODE_FAIL", 200, 220), ("PENDING", 220, 300),
        ("RUNNING", 300, FOREVER_MS),
    ]  # fmt: skip
    # A source that keeps the first submission for both runs: it waited again from the end of the first.
    assert of(first, replace(second, submit_ms=50)) == [
        ("PENDING", 50, 100), ("RUNNING", 100, 200), ("PENDING", 200, 300), ("RUNNING", 300, FOREVER_MS),
    ]  # fmt: skip


def test_what_has_not_begun_waits_or_was_cancelled() -> None:
    assert of(replace(run(1, None, None, [], state="PENDING"), submit_ms=50)) == [("PENDING", 50, FOREVER_MS)]
    cancelled = replace(run(1, None, 80, [], state="CANCELLED"), submit_ms=50)
    assert of(cancelled) == [("PENDING", 50, 80), ("CANCELLED", 80, FOREVER_MS)]
    assert of(replace(run(1, 100, None, ["n1"], state="SUSPENDED"), submit_ms=None)) == [("SUSPENDED", 100, FOREVER_MS)]


async def test_states_of_a_job_are_rows_with_from_and_to() -> None:
    data = await states.job_states(answers(), ask(), "4711")
    assert [list(row) for row in data.rows] == [
        [11 * H, 11 * H + H // 2, "RUNNING", "4711", "alice", f"cluster:4711@{11 * H}"],
        [11 * H + H // 2, 12 * H, "REQUEUED", "4711", "alice", f"cluster:4711@{11 * H}"],
        [12 * H, 16 * H, "RUNNING", "4711", "alice", f"cluster:4711@{12 * H}"],
        [16 * H, None, "COMPLETED", "4711", "alice", f"cluster:4711@{12 * H}"],
    ]
    assert data.notices == ("Job 4711 has 2 runs in this window.",)


async def test_a_users_jobs_are_drawn_while_they_wait_and_run() -> None:
    data = await states.state_timeline(answers(), ask(), user=("alice",))
    assert [list(row)[:4] for row in data.rows] == [
        [11 * H, 11 * H + H // 2, "RUNNING", "4711"], [12 * H, 16 * H, "RUNNING", "4711"],
        [18 * H, None, "RUNNING", "4713"],
    ]  # fmt: skip
    own = await states.state_timeline(answers(), ask(BOB), user=("alice",))
    assert {row[4] for row in own.rows} == {"bob"}
    assert own.notices == ("Only jobs of bob are listed.",)


async def test_a_host_is_drawn_by_who_held_it() -> None:
    data = await states.state_timeline(answers(), ask(), host=("node003", "node002"))
    assert [list(row) for row in data.rows] == [
        [11 * H, 11 * H + H // 2, "4711", "node002", "alice", f"cluster:4711@{11 * H}"],
        [11 * H + H // 2, 12 * H, "free", "node002", None, None],
        [12 * H, 16 * H, "4711", "node002", "alice", f"cluster:4711@{12 * H}"],
        [16 * H, NOW, "free", "node002", None, None],
        [12 * H, 16 * H, "4711, 4712", "node003", "alice bob", None],
        [16 * H, 18 * H, "4712", "node003", "bob", f"cluster:4712@{12 * H}"],
        [18 * H, NOW, "free", "node003", None, None],
    ]


async def test_a_user_sees_a_host_while_their_own_jobs_held_it_and_others_as_a_count() -> None:
    data = await states.state_timeline(answers(), ask(ALICE), host=("node003", "node010"))
    assert [list(row) for row in data.rows] == [[12 * H, 16 * H, "4711, 1 other", "node003", "alice", None]]
    assert data.notices == ("No job of alice held node010 in this window.",)


async def test_the_newest_rows_stay_when_there_are_too_many() -> None:
    data = await states.state_timeline(answers(), ask(limit=2), user=("alice",))
    assert [row[0] for row in data.rows] == [12 * H, 18 * H]
    assert data.notices == ("Only the newest 2 of 3 rows are listed.",)
    for what in ({}, {"user": ("alice",), "host": ("node003",)}):
        with pytest.raises(BadRequest, match="Whose states is not said"):
            await states.state_timeline(answers(), ask(), **what)


async def test_totals_are_cut_to_the_window_and_say_what_is_not_known() -> None:
    site = answers()
    site.site.jobs.known = [replace(r, cpus=32 * len(r.hosts)) for r in site.site.jobs.known if r.user != "carol"]
    site.site.jobs.known.append(run(78, 14 * H, 16 * H, ["node012"], user="carol"))
    data = await totals.totals(site, ask(from_h=12, to_h=15))
    # alice: 4711 holds 4 nodes of 32 cores for 3 h; bob: 4712 holds 2. carol's cores are not known.
    assert [list(row) for row in data.rows] == [
        ["alice", 1, 4 * 32 * 3.0, 4 * 3.0, 0], ["bob", 1, 2 * 32 * 3.0, 2 * 3.0, 0], ["carol", 1, 0.0, 1.0, 1],
    ]  # fmt: skip
    assert data.notices == ("The cores or the end of 1 run are not known: their core hours are missing.",)


async def test_totals_of_a_user_are_their_own() -> None:
    data = await totals.totals(answers(), ask(BOB), by="user", user=("alice",))
    assert [row[0] for row in data.rows] == ["bob"]
    assert data.notices[0] == "Only jobs of bob are counted."
    by_state = await totals.totals(answers(), ask(), by="state", state=("requeued", "node_fail"))
    assert sorted((row[0], row[1]) for row in by_state.rows) == [("NODE_FAIL", 1), ("REQUEUED", 1)]

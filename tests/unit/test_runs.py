"""How reports of runs join: laws on random reports, rules by hand."""

from dataclasses import replace
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.inventory.runs import merge, settle
from weft.scheduler.model import Run, RunKey

HOSTS = ("node001", "node002", "node003")


def report(
    start_ms: int | None = 1_000,
    state: str = "RUNNING",
    end_ms: int | None = None,
    seen_at_ms: int = 2_000,
    **more: Any,
) -> Run:
    """A report of job 4711 as a test needs it."""
    plain = Run(
        RunKey("alpha", 4711, start_ms), "4711", "cfd", "alice", "physics", "batch", state,
        submit_ms=500, end_ms=end_ms, hosts=("node001", "node002"), node_count=2, exit_code=None, exit_signal=None,
        seen_at_ms=seen_at_ms, source="squeue",
    )  # fmt: skip
    return replace(plain, **more)


def reports(start_ms: int | None, submit_ms: int | None) -> st.SearchStrategy[Run]:
    """Reports of one life, well-formed or not: few values, so that they agree and contradict each other often."""
    texts = st.sampled_from(["", "a", "b", "long"])
    numbers = st.none() | st.integers(0, 2)
    submits = st.just(submit_ms) if start_ms is None else st.sampled_from([submit_ms, None])
    states = ["PENDING", "CANCELLED"] if start_ms is None else ["RUNNING", "SUSPENDED", "COMPLETED", "FAILED"]
    hosts = st.just(()) if start_ms is None else st.sets(st.sampled_from(HOSTS)).map(lambda some: tuple(sorted(some)))
    return st.builds(
        Run, st.just(RunKey("alpha", 4711, start_ms)), texts, texts, texts, texts, texts, st.sampled_from(states),
        submits, numbers, hosts, numbers, numbers, numbers, st.integers(0, 3), texts, texts, texts, numbers, numbers,
    )  # fmt: skip


one_run = reports(1_000, 500)
one_job = st.lists(
    st.one_of(
        reports(1_000, 500), reports(None, 500), reports(3_000, 2_500), reports(None, 2_500), reports(None, 4_000),
        reports(None, None),
    ),
    max_size=7,
)  # fmt: skip


@given(one_run, one_run)
def test_it_does_not_matter_which_report_came_first(one: Run, other: Run) -> None:
    assert merge(one, other) == merge(other, one)


@given(one_run, one_run, one_run)
def test_it_does_not_matter_how_reports_are_grouped(one: Run, two: Run, three: Run) -> None:
    assert merge(merge(one, two), three) == merge(one, merge(two, three))


@given(one_run, one_run)
def test_hearing_a_report_again_changes_nothing(one: Run, other: Run) -> None:
    both = merge(one, other)
    assert merge(both, one) == both
    assert merge(one, one) == one


@given(one_job, st.randoms(use_true_random=False))
def test_lives_of_a_job_settle_the_same_in_every_order_and_in_any_portions(told: list[Run], chance: Random) -> None:
    shuffled = list(told)
    chance.shuffle(shuffled)
    middle = len(told) // 2
    assert settle(shuffled) == settle(told)
    assert settle([*settle(shuffled[:middle]), *shuffled[middle:], *shuffled[:middle]]) == settle(told)


def test_a_poorer_or_later_set_of_hosts_takes_none_away() -> None:
    full = report(hosts=HOSTS, node_count=3)
    assert merge(full, report(hosts=(), node_count=None, seen_at_ms=9_000)).hosts == HOSTS
    assert merge(report(hosts=HOSTS[:1], node_count=1, seen_at_ms=9_000), full).hosts == HOSTS
    assert merge(full, report(hosts=HOSTS[:1], node_count=1, seen_at_ms=9_000)).node_count == 3


def test_a_finished_run_is_not_reopened_by_a_source_that_lags() -> None:
    over = report(state="COMPLETED", end_ms=6_000, exit_code=0, seen_at_ms=7_000, source="sacct")
    assert merge(over, report(seen_at_ms=8_000)) == over


def test_an_open_run_is_as_last_confirmed() -> None:
    assert merge(report(seen_at_ms=2_000), report(seen_at_ms=5_000, state="SUSPENDED")) == report(
        seen_at_ms=5_000, state="SUSPENDED"
    )


def test_an_end_without_exit_code_does_not_hide_one_that_has_it() -> None:
    accounted = report(state="FAILED", end_ms=6_000, exit_code=3, seen_at_ms=7_000, source="sacct")
    assert merge(report(state="FAILED", end_ms=6_000, seen_at_ms=9_000), accounted) == accounted


def test_a_later_word_on_the_end_corrects_the_earlier() -> None:
    runaway = report(state="COMPLETED", end_ms=9_000, exit_code=0, seen_at_ms=9_000)
    mended = report(state="FAILED", end_ms=6_000, exit_code=1, seen_at_ms=12_000)
    assert merge(runaway, mended) == mended


def test_known_texts_stay_when_a_later_report_lacks_or_cuts_them() -> None:
    later = merge(report(name="turbulence", account="physics"), report(name="turbulen", account="", seen_at_ms=9_000))
    assert (later.name, later.account, later.seen_at_ms) == ("turbulence", "physics", 9_000)
    assert merge(report(name="zeta"), report(name="alphabet", seen_at_ms=9_000)).name == "alphabet"


def test_resources_are_the_fullest_told_and_a_plan_is_that_of_the_last_report() -> None:
    bare = report(seen_at_ms=9_000)
    told = report(features="edr", tres="cpu=4,node=2", cpus=4)
    assert merge(bare, told) == replace(told, seen_at_ms=9_000)
    early = report(start_ms=None, state="PENDING", hosts=(), predicted_start_ms=5_000)
    late = replace(early, seen_at_ms=9_000, predicted_start_ms=4_000)
    assert merge(early, late) == late == merge(late, early)


def test_a_pending_record_gives_way_to_its_run_in_any_order() -> None:
    waiting = report(start_ms=None, state="PENDING", hosts=(), partition="batch,long", seen_at_ms=9_000)
    begun = report()
    assert merge(waiting, begun) == begun == merge(begun, waiting)
    assert settle([waiting, begun]) == (begun,) == settle([begun, waiting])


def test_a_job_cancelled_before_it_started_stays() -> None:
    waiting = report(start_ms=None, state="PENDING", hosts=())
    cancelled = report(start_ms=None, state="CANCELLED", hosts=(), end_ms=700)
    begun = report()
    for order in permutations([waiting, cancelled, begun]):
        assert settle(order) == (cancelled, begun)


def test_a_requeue_is_another_run_and_its_wait_another_wait() -> None:
    first = report(state="REQUEUED", end_ms=2_000)
    waits_again = report(start_ms=None, state="PENDING", hosts=(), submit_ms=2_000, seen_at_ms=2_500)
    second = report(start_ms=3_000, submit_ms=2_000, hosts=("node009",))
    assert settle([waits_again, first]) == (first, waits_again)
    for order in permutations([first, waits_again, second]):
        assert settle(order) == (first, second)


def test_a_wait_without_submit_time_gives_way_to_whatever_is_known_of_the_job() -> None:
    nameless = report(start_ms=None, state="PENDING", hosts=(), submit_ms=None)
    assert settle([nameless]) == (nameless,)
    assert settle([nameless, report()]) == (report(),)


def test_reports_of_two_runs_are_not_merged() -> None:
    with pytest.raises(ValueError, match="alpha:4711@1000 and alpha:4711@3000 are two runs"):
        merge(report(), report(start_ms=3_000))
    with pytest.raises(ValueError, match="two runs"):
        merge(report(start_ms=None, state="CANCELLED"), report())

"""What was measured while runs ran: rates, sums, imbalance, and runs side by side."""

from dataclasses import replace

import numpy as np
import pytest

from unit.fakes import guid, run
from unit.story import ALICE, BOB, LEAF1, NOW, H, answers, ask
from weft.answers import comparison, imbalance, measured
from weft.answers.imbalance import imbalance_of
from weft.base.errors import BadRequest, TooMuch, UnknownName
from weft.base.intervals import FOREVER_MS, Interval
from weft.metrics.series import Series
from weft.metrics.store import unheard

pytestmark = pytest.mark.anyio

NAN = float("nan")


def listed(values: np.ndarray) -> list[float | None]:
    return [None if value != value else value for value in values.tolist()]


def test_a_rate_is_growth_in_a_second_with_gaps_at_resets_and_around_missing_values() -> None:
    values = np.array([10.0, 30, NAN, 50, 20, 60])
    assert listed(measured.rate(values, 10, 4)) == [None, 8.0, None, None, None, 16.0]
    assert listed(measured.rate(np.array([5.0]), 10)) == [None]


def test_a_mean_leaves_gaps_out_and_nothing_has_none() -> None:
    assert measured.summary(np.array([NAN, 1.0, 3.0])) == (2.0, 3.0)
    assert measured.summary(np.array([NAN])) == (None, None)


def test_series_are_summed_over_those_that_have_a_value_in_a_slot() -> None:
    total = measured.Sum(Interval(0, 60_000))
    total.add(Series("a", 0, 10, np.array([1.0, 2, NAN, 4, NAN, 6])))
    total.add(Series("b", 30, 10, np.array([10.0, 20.0, NAN])))
    assert listed(total.values()) == [1, 2, None, 14, 20, 6]


def test_a_finer_series_counts_by_its_mean_in_each_slot_of_the_coarser() -> None:
    total = measured.Sum(Interval(0, 60_000))
    total.add(Series("coarse", 0, 30, np.array([100.0, 200.0])))
    total.add(Series("fine", 0, 10, np.array([1.0, 2, 3, 4, NAN, 6])))
    # (1 + 2 + 3) / 3 and (4 + 6) / 2
    assert listed(total.values()) == [102, 205]


async def test_values_are_cut_to_the_slots_that_overlap_the_time_and_an_open_end_is_now() -> None:
    site = answers()
    part = measured.Part("cluster.node001.load", Interval(19 * H + 5 * 60_000, FOREVER_MS), "node001")
    ((told, one),) = [x async for x in measured.read(site, [part, part._replace(stored="no.such")], NOW, unheard)]
    # Values every ten minutes to 20 h: the slot of 19:00 holds 19:05, the last one stored is 19:50.
    assert (told, one.start_s, len(one.values)) == (part, 19 * 3600, 6)


async def test_too_many_points_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.answers.measured.MOST_POINTS", 100)
    parts = [measured.Part(f"cluster.node{n:03}.load", Interval(12 * H, 16 * H), "x") for n in (1, 2)]
    with pytest.raises(TooMuch, match="2 series of 60 points each are over 100 points"):
        async for _ in measured.read(answers(), parts, NOW, unheard):
            pass


def test_imbalance_is_the_busiest_over_the_mean() -> None:
    # The mean of 1, 2, 3 and 9 is 3.75: 9 / 3.75 - 1.
    assert imbalance_of({"a": 1, "b": 2, "c": 3, "d": 9}) == imbalance.Imbalance(pytest.approx(1.4), "d", 3.75)
    assert imbalance_of({"a": 5, "b": 5}) == imbalance.Imbalance(0.0, "a", 5.0)
    assert str(imbalance_of({"a": 5.0000000000001, "b": 5.0000000000002})).startswith("Imbalance(ratio=0.0,")
    assert imbalance_of({"a": 0, "b": 0}) == imbalance.Imbalance(None, "a", 0.0)
    assert imbalance_of({}) is None


async def test_hosts_are_listed_by_their_mean_and_those_without_data_last() -> None:
    site = answers()
    del site.site.metrics.values["cluster.node002.cpu.user"]
    data = await imbalance.imbalance(site, ask(from_h=12), "4711", "cpu.user")
    # node00n measures n: the mean of 9, 3 and 1 is 13/3.
    assert [(row[1], row[2], row[3]) for row in data.rows] == [
        ("node009", 9.0, 9.0), ("node003", 3.0, 3.0), ("node001", 1.0, 1.0), ("node002", None, None),
    ]  # fmt: skip
    assert data.rows[0][4] == 1.0769  # 27 / 13 - 1, to a hundredth of a percent
    assert data.rows[3][4] is None
    assert data.notices == (
        "Job 4711: node009 is 107.7% over the mean of 3 hosts in cpu.user (max / mean - 1): 9 against 4.333.",
        "No data of cpu.user from 1 of 4 hosts: node002.",
    )


async def test_a_counter_is_a_rate_at_the_ports_a_host_hung_on_through_its_moves() -> None:
    data = await imbalance.imbalance(answers(), ask(from_h=12), "4711", "PortXmitData")
    # Port p of a leaf sends 100 p words = 400 p bytes a second. node001 is in port 1 for 6 slots and in port 12 for 18,
    # the first of each without a rate: (5 x 400 + 17 x 4800) / 22. node009 is in port 1 of two leaves.
    assert [tuple(row)[1:4] for row in data.rows] == [
        ("node001", 3800.0, 4800.0), ("node003", 1200.0, 1200.0), ("node002", 800.0, 800.0), ("node009", 400.0, 400.0),
    ]  # fmt: skip
    assert {row[5] for row in data.rows} == {"B/s"}


async def test_an_unknown_metric_names_the_nearest_and_a_pattern_is_refused() -> None:
    with pytest.raises(UnknownName, match=r"No host of job 4711 has a metric 'cpu.usr'\. Did you mean cpu.user"):
        await imbalance.imbalance(answers(), ask(from_h=12), "4711", "cpu.usr")
    with pytest.raises(UnknownName, match="SymbolErrorCounter is kept of no port"):
        await imbalance.imbalance(answers(), ask(from_h=12), "4711", "SymbolErrorCounter")
    with pytest.raises(BadRequest, match="is a pattern"):
        await imbalance.imbalance(answers(), ask(), "4711", "cpu.*")
    with pytest.raises(UnknownName, match="No job 4712 of alice's"):
        await imbalance.imbalance(answers(), ask(ALICE), "4712", "cpu.user")


async def test_a_running_job_is_measured_up_to_now() -> None:
    data = await imbalance.imbalance(answers(), ask(), "4713", "cpu.user")
    assert [tuple(row)[1:4] for row in data.rows] == [("node006", 6.0, 6.0)]


async def test_runs_stand_side_by_side_and_share_against_the_first() -> None:
    data = await comparison.compare(answers(), ask(), ("4712", "77", "4713"))
    first, second, third = (list(row) for row in data.rows)
    assert first[:10] == ["4712", "bob", "app", "COMPLETED", 0, 0, 12 * H, 18 * H, 6 * 3600.0, 2]
    # node003 in leaf01/3 and node010 in leaf03/2: 1200 and 800 bytes a second all the time; one line of node010.
    assert first[10:17] == [2, 1, 3.0, 1.0, 2000.0, 2000.0, 1]
    assert first[17:20] == [None, None, None]
    # 77 was on node012 in leaf03/4; leaf03 had a host of 4712 too, which ran all the time that 77 did.
    assert second[:4] == ["77", "carol", "app", "NODE_FAIL"]
    assert (second[10], second[14], second[17:20]) == (1, 1600.0, [0, 1, 2 * 3600.0])
    # 4713 runs since 18 h, when 4712 ended.
    assert (third[7], third[8], third[17:20]) == (None, None, [0, 0, 0.0])


async def test_one_run_a_job_is_compared_and_a_user_compares_their_own() -> None:
    data = await comparison.compare(answers(), ask(), ("4711", "50"))
    assert [row[20] for row in data.rows] == [f"cluster:4711@{12 * H}", f"cluster:51@{11 * H}"]
    assert data.notices[:2] == (
        "Job 4711 has 2 runs in this window: the newest is compared.",
        "Job 50 has 2 runs in this window: the newest is compared.",
    )
    with pytest.raises(UnknownName):
        await comparison.compare(answers(), ask(BOB), ("4712", "4711"))
    with pytest.raises(BadRequest, match="9 jobs are over 8"):
        await comparison.compare(answers(), ask(), tuple(map(str, range(9))))


async def test_a_run_without_counters_or_hosts_is_compared_by_the_rest() -> None:
    site = answers()
    site.site.jobs.known += [replace(run(80, 12 * H, 13 * H, []), hosts=(), node_count=None)]
    del site.site.metrics.values[f"fabric.{LEAF1}.2.PortXmitData"]
    data = await comparison.compare(site, ask(), ("80",))
    assert list(data.rows[0])[9:17] == [None] * 8
    assert data.notices == ("The hosts of job 80 are not known: no source named them.",)
    assert guid("a", 1) == LEAF1

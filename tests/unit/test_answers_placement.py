"""How runs lay over the whole time they ran, and whom to swap: only hosts that were free then and good enough."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from unit.fakes import FakeJobs, FakeLedger, FakeLogs, FakeSeries, guid, run
from unit.story import ALICE, BOB, H, answers, ask
from unit.trees import Fabric, two_levels
from weft.answers import placement
from weft.answers.answers import Answers
from weft.answers.site import Site
from weft.base.config import Site as SiteSettings
from weft.base.errors import UnknownName
from weft.fabric.model import PortKey, Sweep
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.fabric import SqliteFabrics
from weft.inventory.sqlite.schema import SCHEMA
from weft.inventory.store import Change
from weft.scheduler.model import NodeReport, Run, SchedulerNode

pytestmark = pytest.mark.anyio

UNKNOWN = "its partition, features, GRES and state then are not known"
ALL_HOSTS = "The best is of all hosts in the fabric: which of them the run could have had is not known."
STATES = "Node states are those that Slurm told last before the run started."


def told(site: Answers, *nodes: SchedulerNode, at_h: float = 11) -> None:
    """Slurm's word on nodes; the rest of node001 to node012 is idle, in the same partition and alike."""
    known = {node.name: node for node in nodes}
    every = [
        known.get(f"node{n:03}") or SchedulerNode(f"node{n:03}", "IDLE", partitions=("batch",), features=("edr",))
        for n in range(1, 13)
    ]
    site.site.jobs.reports.append(NodeReport("cluster", int(at_h * H), "test", tuple(every)))


async def swaps(site: Answers) -> list[tuple[str, str, float, float, str]]:
    """Straggler, candidate, mean before and after, doubts, of job 4711 of the story."""
    data = await placement.placement_swaps(site, ask(from_h=12), "4711")
    return [(row[2], row[4], row[6], row[7], row[9]) for row in data.rows]


async def test_a_lopsided_job_is_told_which_host_would_have_straightened_it() -> None:
    data = await placement.placement(answers(), ask(from_h=12), "4711")
    assert [list(row)[1:14] for row in data.rows] == [
        [
            "4 hosts on 2 leaves where 1 would do; mean 2.00 switches between two hosts, 1.00 at best. "
            "node009 on leaf03 stands out with 3.00. "
            "node004 was free and would have been better than node009 (mean 1.00).",
            4, 2, 1, 2.0, 1.0, "optimal", "node009", "node009 -> node004 (2.00 -> 1.00)",
            f"node004: {UNKNOWN}. {ALL_HOSTS}", 2, 1, "mlx5_0/1:2.00",
        ]
    ]  # fmt: skip
    hops = await placement.hops(answers(), ask(from_h=12), "4711")
    assert [list(row)[1:4] for row in hops.rows] == [[1, 3, 0.5], [3, 3, 0.5]]
    matrix = await placement.hop_matrix(answers(), ask(from_h=12), "4711")
    assert [list(row)[1:7] for row in matrix.rows] == [
        ["mlx5_0/1", "leaf01", "leaf01", 3, 3, 1], ["mlx5_0/1", "leaf01", "leaf03", 3, 1, 3],
        ["mlx5_0/1", "leaf03", "leaf01", 1, 3, 3], ["mlx5_0/1", "leaf03", "leaf03", 1, 1, 1],
    ]  # fmt: skip
    rails = await placement.placement_rails(answers(), ask(from_h=12), "4711")
    assert [list(row)[1:8] for row in rails.rows] == [["mlx5_0/1", 4, 2, 2.0, 3, 0, ""]]


async def test_a_rail_is_asked_for_by_its_name() -> None:
    data = await placement.hops(answers(), ask(from_h=12), "4711", rail="mlx5_0/1")
    assert [list(row)[1:3] for row in data.rows] == [[1, 3], [3, 3]]
    for function in (placement.hops, placement.hop_matrix):
        data = await function(answers(), ask(from_h=12), "4711", rail="mlx5_9/1")
        assert (data.rows, data.notices[-1]) == ([], "There is no rail mlx5_9/1: known are mlx5_0/1.")


async def test_a_host_held_by_another_run_at_the_start_is_not_proposed() -> None:
    site = answers()
    site.site.jobs.known.append(run(9, 11 * H, 13 * H, ["node004"], user="bob"))
    data = await placement.placement_swaps(site, ask(from_h=12), "4711")
    assert (data.rows, data.notices[-1]) == ([], "No swap would have helped job 4711, as far as is known.")


async def test_a_host_given_back_at_the_start_or_taken_later_was_free() -> None:
    site = answers()
    site.site.jobs.known += [run(9, 11 * H, 12 * H, ["node004"]), run(10, 12 * H + 1, 13 * H, ["node004"])]
    assert [row[1] for row in await swaps(site)] == ["node004"]


async def test_runs_whose_hosts_nobody_named_may_have_held_the_candidate() -> None:
    site = answers()
    site.site.jobs.known.append(run(9, 11 * H, 13 * H, [], user="bob"))
    (report,), _ = await placement.reports(site, ask(from_h=12), "4711")
    assert "The hosts of 1 other run at that time are not known: these may be among them." in report.placement.doubts


async def test_with_more_runs_than_can_be_looked_at_no_swap_is_proposed() -> None:
    site = answers()
    site.site.jobs.known += [run(1000 + i, 11 * H, 13 * H, ["node004"]) for i in range(placement.MOST_RUNS + 1)]
    (report,), _ = await placement.reports(site, ask(from_h=12), "4711")
    assert report.placement.swaps == ()
    assert report.placement.doubts[0] == (
        "Which hosts were free when the run started is not known, so no swap is proposed."
    )


async def test_a_host_that_slurm_told_to_be_alike_is_proposed_without_doubt() -> None:
    site = answers()
    told(site)
    (report,), _ = await placement.reports(site, ask(from_h=12), "4711")
    assert [(s.candidate, s.doubts) for s in report.placement.swaps] == [("node004", ())]
    assert report.placement.doubts == (STATES,)


@pytest.mark.parametrize(
    "node",
    [
        SchedulerNode("node004", "IDLE", partitions=("debug",), features=("edr",)),
        SchedulerNode("node004", "DOWN", partitions=("batch",), features=("edr",)),
        SchedulerNode("node004", "IDLE", frozenset({"DRAIN"}), ("batch",), ("edr",)),
        SchedulerNode("node004", "IDLE", frozenset({"RESERVED"}), ("batch",), ("edr",)),
    ],
)
async def test_a_host_that_could_not_take_the_job_is_not_proposed(node: SchedulerNode) -> None:
    site = answers()
    told(site, node)
    assert await swaps(site) == []


async def test_a_drain_after_the_start_changes_nothing_of_it() -> None:
    site = answers()
    told(site)
    told(site, SchedulerNode("node004", "IDLE", frozenset({"DRAIN"}), ("batch",), ("edr",)), at_h=12.5)
    assert [row[1] for row in await swaps(site)] == ["node004"]


async def test_what_the_run_asked_for_is_looked_at_where_the_hosts_are_not_alike() -> None:
    site = answers()
    other = SchedulerNode("node004", "IDLE", partitions=("batch",), features=("hdr",))
    told(site, other)
    assert (await swaps(site))[0][4] == "it lacks edr, and whether the run asked for that is not known"
    for features, doubts in (("edr", None), ("edr|hdr", ""), ("[edr|hdr]", "whether it meets [edr|hdr] is not known")):
        site = answers()
        told(site, other)
        job = site.site.jobs.known[0]
        site.site.jobs.known[0] = replace(job, features=features)
        assert [row[4] for row in await swaps(site)] == ([] if doubts is None else [doubts])


async def test_what_is_no_node_of_slurm_is_no_room_and_no_candidate() -> None:
    site = answers()
    nodes = [SchedulerNode(f"node{n:03}", "IDLE", partitions=("batch",)) for n in (1, 2, 3, 9, 10, 11)]
    site.site.jobs.reports.append(NodeReport("cluster", 11 * H, "test", tuple(nodes)))
    (report,), _ = await placement.reports(site, ask(from_h=12), "4711")
    # Of leaf01 three are in the partition, of leaf03 three: 3 + 1 is as tight as it could have been.
    assert (report.placement.best_hops, report.placement.leaves_minimum) == (2.0, 2)
    assert report.placement.verdict.startswith("As tight as its partition allows")
    assert report.placement.doubts == ("The best is of the 6 hosts that Slurm named for its partition.",)
    assert report.placement.swaps == ()


async def test_hosts_are_found_in_slurm_however_they_are_written() -> None:
    site = answers()
    nodes = [SchedulerNode(f"NODE{n:03}.site.example", "IDLE", partitions=("batch",)) for n in range(1, 13)]
    site.site.jobs.reports.append(NodeReport("cluster", 11 * H, "test", tuple(nodes)))
    assert await swaps(site) == [("node009", "node004", 2.0, 1.0, "")]


async def test_a_job_older_than_the_first_sweep_is_placed_from_then_on_and_that_is_said() -> None:
    site = answers()
    site.site.jobs.known = [run(4711, 9 * H, 12 * H, ["node001", "node002", "node009"])]
    data = await placement.placement(site, ask(), "4711")
    assert [(row[5], row[9], row[15], row[16]) for row in data.rows] == [((2 + 4 * 3) / 6, "", 10 * H, 12 * H)]
    assert data.notices == (
        "Fabric ib was first seen at 1970-01-01T10:00:00Z; job 4711 started before, at 1970-01-01T09:00:00Z: "
        "where its hosts hung then is not known.",
    )


async def test_a_job_that_ended_before_the_first_sweep_has_no_placement_and_says_why() -> None:
    site = answers()
    site.site.jobs.known = [run(4711, 8 * H, 9 * H, ["node001", "node002"])]
    data = await placement.placement(site, ask(), "4711")
    assert data.rows == []
    assert data.notices[0].startswith("Fabric ib was first seen at 1970-01-01T10:00:00Z; job 4711 started before")


async def test_a_job_on_hosts_that_the_fabric_never_had_says_so() -> None:
    site = answers()
    site.site.jobs.known = [run(4711, 12 * H, 13 * H, ["cloud1", "cloud2"])]
    data = await placement.placement(site, ask(), "4711")
    assert (data.rows, data.notices) == ([], ("Job 4711: None of its hosts was in the fabric then.",))


async def test_a_job_without_known_hosts_says_so() -> None:
    site = answers()
    site.site.jobs.known = [run(4711, 12 * H, 13 * H, [])]
    data = await placement.placement(site, ask(), "4711")
    assert (data.rows, data.notices) == ([], ("The hosts of job 4711 are not known: no source named them.",))


async def test_users_are_told_of_their_own_jobs() -> None:
    assert len((await placement.placement(answers(), ask(ALICE, from_h=12), "4711")).rows) == 1
    with pytest.raises(UnknownName):
        await placement.placement(answers(), ask(BOB, from_h=12), "4711")


async def test_a_change_that_moves_a_host_begins_a_row_of_its_own() -> None:
    site = answers()
    site.site.fabrics.told.append(
        Change("ib", 14 * H, 13 * H, "ends_exchanged", "warning", "h005 and h009 changed ends.",
               ports=(PortKey(guid("c", 5), 1), PortKey(guid("c", 9), 1)))
    )  # fmt: skip
    data = await placement.placement(site, ask(from_h=12), "4711")
    assert [(row[5], row[9], row[14], row[15], row[16]) for row in data.rows] == [
        (2.0, "node009 -> node004 (2.00 -> 1.00)", "", 12 * H, 14 * H),
        (2.0, "", "h005 and h009 changed ends.", 14 * H, 16 * H),
    ]
    assert "node009 on leaf02 stands out" in list(data.rows)[1][1]
    assert list(data.rows)[1][10].startswith(
        "It changed at some time between 1970-01-01T13:00:00Z and 1970-01-01T14:00:00Z."
    )
    # node001 went from one port of leaf01 to another at 13 h.
    assert data.notices == ("1 change of the fabric while job 4711 ran did not change how it lay.",)


# The same on the embedded engine, fed with sweeps


@asynccontextmanager
async def stored(folder: Path, sweeps: Sequence[Sweep], runs: Sequence[Run]) -> AsyncIterator[Answers]:
    """Answers over the fabric that these sweeps show."""
    async with Database.open(folder / "inventory.db", SCHEMA) as database:
        fabrics = SqliteFabrics(database, absent_after=3, quarantine_share=0.5)
        for sweep in sweeps:
            await fabrics.apply_sweep(sweep)
        jobs = FakeJobs(list(runs))
        yield Answers(Site(fabrics, jobs, FakeLedger(), FakeSeries(), FakeLogs(), SiteSettings(), UTC))


def fabric(second: str = "", *, moved: bool = False) -> Fabric:
    """Three leaves of four hosts; `second`: the GUID of leaf02, `moved`: node008 hangs on leaf03 instead."""
    made = Fabric()
    spine = made.switch("spine01")
    leaves = [made.switch("leaf01"), made.switch("leaf02", second), made.switch("leaf03")]
    for n in range(1, 13):
        made.host(f"node{n:03}", leaves[2 if moved and n == 8 else (n - 1) // 4])
    for leaf in leaves:
        made.link(leaf, spine)
    return made


async def test_while_its_switch_is_replaced_a_job_has_a_row_for_each_switch(tmp_path: Path) -> None:
    sweeps = [fabric().sweep(10 * H), fabric().sweep(12 * H), fabric("b" * 16).sweep(14 * H)]
    runs = [run(7, 11 * H, 15 * H, ["node005", "node006", "node007", "node008"])]
    async with stored(tmp_path, sweeps, runs) as site:
        data = await placement.placement(site, ask(), "7")
        reports, _ = await placement.reports(site, ask(), "7")
    assert [(row[2], row[3], row[5], row[15], row[16]) for row in data.rows] == [
        (4, 1, 1.0, 11 * H, 14 * H),
        (4, 1, 1.0, 14 * H, 15 * H),
    ]
    first, second = ({leaf for own in report.placement.guids for leaf in own} for report in reports)
    assert (first, second) == ({fabric().nodes[2][0]}, {"b" * 16})
    changes = list(data.rows)[1][14]
    assert "leaf02" in changes
    assert list(data.rows)[1][10] == "It changed at some time between 1970-01-01T12:00:00Z and 1970-01-01T14:00:00Z."


async def test_a_job_of_the_past_is_placed_in_the_fabric_of_its_time(tmp_path: Path) -> None:
    years = 3 * 365 * 24 * H
    sweeps = [fabric().sweep(10 * H), fabric(moved=True).sweep(years), fabric(moved=True).sweep(years + H)]
    hosts = ["node005", "node006", "node007", "node008"]
    runs = [run(7, 11 * H, 12 * H, hosts), run(8, years, years + H, hosts)]
    async with stored(tmp_path, sweeps, runs) as site:
        now = replace(ask(to_h=years / H + 2), now_ms=years + 2 * H)
        (then,), _ = await placement.reports(site, now, "7")
        (later,), _ = await placement.reports(site, now, "8")
    assert (then.placement.leaves, then.placement.mean_hops) == ({"leaf02": 4}, 1.0)
    # 3 on leaf02 and one on leaf03: 6 at 1 and 6 at 3.
    assert (later.placement.leaves, later.placement.mean_hops) == ({"leaf02": 3, "leaf03": 1}, 2.0)
    assert later.placement.stragglers[0].host == "node008"


async def test_a_link_between_switches_that_goes_down_counts_where_it_makes_the_way_longer(tmp_path: Path) -> None:
    whole, cut = two_levels([2, 2], spines=2), two_levels([2, 2], spines=2)
    ends = {cut.by_name["leaf01"], cut.by_name["spine01"]}
    cut.down = {j for j, (a, _, b, _) in enumerate(cut.links) if {a, b} == ends}
    sweeps = [whole.sweep(10 * H), cut.sweep(12 * H), whole.sweep(14 * H)]
    runs = [run(7, 11 * H, 15 * H, ["node001", "node003"])]
    async with stored(tmp_path, sweeps, runs) as site:
        data = await placement.placement(site, ask(), "7")
    # The other spine is left: 3 switches all the while.
    assert [(row[5], row[15], row[16]) for row in data.rows] == [(3.0, 11 * H, 15 * H)]
    assert data.notices == ("2 changes of the fabric while job 7 ran did not change how it lay.",)


async def test_where_sweeps_do_not_agree_the_links_are_doubted(tmp_path: Path) -> None:
    sweeps = [fabric().sweep(10 * H), fabric(moved=True).sweep(14 * H)]
    runs = [run(7, 12 * H, 13 * H, ["node005", "node008"])]
    async with stored(tmp_path, sweeps, runs) as site:
        (report,), _ = await placement.reports(site, ask(), "7")
    assert report.placement.doubts == ("The sweeps around that time do not agree on the links of node008.",)


async def test_a_fabric_last_seen_long_before_is_doubted(tmp_path: Path) -> None:
    day = 24 * H
    async with stored(tmp_path, [fabric().sweep(10 * H)], [run(7, 3 * day, 4 * day, ["node001", "node002"])]) as site:
        now = replace(ask(to_h=5 * 24), now_ms=5 * day)
        (report,), notices = await placement.reports(site, now, "7")
    assert report.placement.doubts == ("The fabric was last seen at 1970-01-01T10:00:00Z, before that.",)
    assert notices == ["Fabric ib was last seen at 1970-01-01T10:00:00Z: later changes are not known."]

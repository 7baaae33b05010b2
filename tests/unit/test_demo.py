"""The demo's story, worked out again from its values by hand."""

from collections.abc import Sequence
from datetime import UTC
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from weft.base.config import load_settings
from weft.base.errors import BadRequest
from weft.base.formats import Origin
from weft.demo.archives import write_all
from weft.demo.dumps import dump_lfts, hostlist, ibnetdiscover, ibqueryerrors_counters, sacct
from weft.demo.jobs import FREE_HOST, SHARED_HOSTS, STRAGGLER, Job, Scheduler
from weft.demo.living import World
from weft.demo.run import Known, clear, demo_settings, look, remember
from weft.demo.series import Load, Traffic, all_ports
from weft.demo.site import DAY, HOSTS, HOUR, Port, Story, cables_at, hca_guid, leaf_guid, leaf_of, spine_guid
from weft.demo.syslog import syslog
from weft.fabric.formats import ibroute
from weft.fabric.forwarding import ForwardingDump
from weft.metrics.series import Values

NOW_S = 1_795_386_190
STORY = Story.told(7, NOW_S)
LEAF01, LEAF07 = 0x7CFE900300A00000, 0x7CFE900300A00180
NODE005, NODE200 = 0x506B4B0300B00040, 0x506B4B0300B00C70


def played(story: Story, until_s: int) -> dict[int, Job]:
    scheduler = Scheduler(story)
    scheduler.advance(until_s)
    return scheduler.jobs


@pytest.fixture(scope="module")
def jobs() -> dict[int, Job]:
    return played(STORY, STORY.built_s)


@pytest.fixture(scope="module")
def traffic(jobs: dict[int, Job]) -> Traffic:
    told = Traffic(STORY)
    told.take(list(jobs.values()))
    return told


def peers(at_s: int) -> dict[Port, Port]:
    return {near: far for c in cables_at(STORY, at_s) for near, far in ((c.a, c.b), (c.b, c.a))}


def test_the_tree_is_the_one_of_the_real_fabric_without_two_hosts() -> None:
    wired = peers(STORY.begin_s)
    # 322 hosts and 18 x 18 cables up: 646 links, each with two ends.
    assert len(HOSTS) == 322
    assert len(wired) == 2 * (322 + 324)
    # Read from ft324-1-before/ibnetdiscover.txt: leaf18[1] node307, leaf18[19] spine01[35], leaf18[34] spine08[36].
    assert wired[Port(0x7CFE900300A00440, 1)] == Port(0x506B4B0300B01320, 1)
    assert wired[Port(0x7CFE900300A00440, 19)] == Port(0x7CFE900300A00480, 35)
    assert wired[Port(0x7CFE900300A00440, 34)] == Port(0x7CFE900300A00640, 36)
    assert Port(LEAF01, 17) not in wired
    assert Port(LEAF01, 18) not in wired


def test_no_port_has_two_cables() -> None:
    for at_s in STORY.sweep_times():
        ends = [end for cable in cables_at(STORY, at_s) for end in (cable.a, cable.b)]
        assert len(ends) == len(set(ends))


def test_the_moved_cable_ends_in_a_port_that_never_had_one() -> None:
    before, after = peers(STORY.moved_s - 10), peers(STORY.moved_s)
    assert before[Port(NODE005, 1)] == Port(LEAF01, 5)
    assert after[Port(NODE005, 1)] == Port(LEAF01, 17)
    assert Port(LEAF01, 17) not in before
    assert Port(LEAF01, 5) not in after
    changed = {port for port in before.keys() | after.keys() if before.get(port) != after.get(port)}
    assert changed == {Port(NODE005, 1), Port(LEAF01, 5), Port(LEAF01, 17)}


def test_two_cables_change_ends_between_two_sweeps_and_no_other_does() -> None:
    before, after = peers(STORY.exchanged_s - 10), peers(STORY.exchanged_s)
    leaf06 = LEAF01 + 5 * 0x40
    node100, node101 = (Port(hca_guid(host), 1) for host in (100, 101))
    # leaf06 holds node091..node108: node100 is its tenth.
    assert (before[node100], before[node101]) == (Port(leaf06, 10), Port(leaf06, 11))
    assert (after[node100], after[node101]) == (Port(leaf06, 11), Port(leaf06, 10))
    assert {port for port in before if before[port] != after.get(port)} == {
        node100, node101, Port(leaf06, 10), Port(leaf06, 11),
    }  # fmt: skip
    swept = [at_s - STORY.exchanged_s for at_s in STORY.sweep_times() if abs(at_s - STORY.exchanged_s) <= 600]
    assert swept == [-600, 60, 300]


def tables(at_s: int) -> ForwardingDump:
    return ibroute.parse(dump_lfts(STORY, at_s), Origin("ib", "demo", UTC, None, at_s * 1000)).value


@pytest.mark.parametrize("at_s", STORY.table_times())
def test_every_route_of_the_forwarding_tables_arrives_by_at_most_three_switches(at_s: int) -> None:
    told, wired = tables(at_s), peers(at_s)
    hosts = [host for host in HOSTS if STORY.present(host, at_s)]
    # 27 switches and 322 hosts, one less since node200 vanished.
    assert {len(table) - table.count(255) for table in told.tables.values()} == {27 + len(hosts)}
    for leaf in range(1, 19):
        for host in hosts:
            at, crossed = Port(leaf_guid(leaf), 0), 0
            while at.guid >= LEAF01:
                at, crossed = wired[Port(at.guid, told.tables[f"{at.guid:016x}"][host])], crossed + 1
            assert (at, crossed) == (Port(hca_guid(host), 1), 1 if leaf_of(host) == leaf else 3)


def test_tables_go_the_way_that_the_traffic_goes_and_change_with_the_story() -> None:
    first, exchanged, moved, vanished = (tables(at_s).tables for at_s in STORY.table_times())
    leaf01, leaf06, leaf07 = (f"{leaf_guid(leaf):016x}" for leaf in (1, 6, 7))
    # As the traffic of job 4711: to node220, the fourth of its leaf, by the fourth cable up, the second to spine02; the
    # second of leaf13's down from there.
    assert (first[leaf07][220], first[f"{spine_guid(2):016x}"][220]) == (22, 26)
    assert [(one[leaf06][100], one[leaf06][101]) for one in (first, exchanged)] == [(10, 11), (11, 10)]
    assert [one[leaf01][5] for one in (exchanged, moved)] == [5, 17]
    assert [one[leaf07][200] for one in (moved, vanished)] == [20, 255]
    assert ibroute.recognise(dump_lfts(STORY, STORY.built_s)[:4096])


def test_five_sweeps_in_a_row_confirm_that_node200_is_gone() -> None:
    seen = [Port(NODE200, 1) in peers(at_s) for at_s in STORY.sweep_times()]
    assert seen == [True] * seen.count(True) + [False] * 5


def test_one_link_comes_back_at_1x_and_stays() -> None:
    node044 = Port(0x506B4B0300B00000 + 43 * 0x10, 1)
    for at_s, narrow in ((STORY.narrowed_s - 10, set()), (STORY.narrowed_s, {node044}), (STORY.built_s, {node044})):
        assert {cable.b for cable in cables_at(STORY, at_s) if cable.width == "1x"} == narrow


def test_job_4711_has_fifteen_hosts_on_one_leaf_and_a_straggler(jobs: dict[int, Job]) -> None:
    job = jobs[4711]
    assert (job.user, job.state_at(STORY.built_s)) == ("alice", "RUNNING")
    assert job.hosts == (*range(109, 124), 220)
    # leaf07 holds node109..node126, leaf13 node217..node234.
    assert [leaf_of(host) for host in job.hosts] == [7] * 15 + [13]
    assert STRAGGLER == 220
    assert (STORY.built_s - (job.start_s or 0)) // HOUR == 5


def test_one_host_of_its_leaf_is_free_all_the_time_and_only_one(jobs: dict[int, Job]) -> None:
    job = jobs[4711]
    assert job.start_s is not None
    taken = {h for j in jobs.values() if j.start_s and j.start_s + j.run_s > job.start_s for h in j.hosts}
    assert [host for host in range(109, 127) if host not in taken] == [FREE_HOST] == [126]


def test_no_host_runs_two_exclusive_jobs_at_once(jobs: dict[int, Job]) -> None:
    spans: dict[int, list[tuple[int, int]]] = {}
    for job in jobs.values():
        if job.start_s is not None and job.partition != "shared":
            for host in job.hosts:
                spans.setdefault(host, []).append((job.start_s, job.start_s + job.run_s))
    assert set(SHARED_HOSTS).isdisjoint(spans)
    for held in spans.values():
        held.sort()
        assert all(first[1] <= second[0] for first, second in pairwise(held))


def test_a_job_dies_with_the_host_that_vanished_and_no_later_one_gets_it(jobs: dict[int, Job]) -> None:
    on_it = [j for j in jobs.values() if 200 in j.hosts and j.start_s and j.start_s + j.run_s > STORY.vanished_s]
    assert [(j.user, j.state, j.nodes) for j in on_it] == [("carol", "NODE_FAIL", 4)]
    # Slurm gives a silent host SlurmdTimeout (300 s), then ends its jobs.
    assert on_it[0].end_s == STORY.vanished_s + 300


def test_a_few_hundred_jobs_of_all_users_in_every_state(jobs: dict[int, Job]) -> None:
    day = [j for j in jobs.values() if j.end_s is None or j.end_s > STORY.begin_s]
    assert 300 < len(day) < 900
    assert {j.user for j in day} == set("alice bob carol dave erin frank grace heidi".split())
    states = {j.state_at(STORY.built_s) for j in day}
    assert states == set("PENDING RUNNING COMPLETED FAILED TIMEOUT CANCELLED OUT_OF_MEMORY NODE_FAIL".split())
    assert any(j.array for j in day)


@pytest.mark.parametrize("seed", [1, 7, 99])
def test_what_was_said_of_a_time_stays_true_when_the_story_goes_on(seed: int) -> None:
    story = Story.told(seed, NOW_S)
    scheduler = Scheduler(story)
    for at_s in range(story.begin_s, story.built_s + 2 * HOUR, 1230):
        scheduler.advance(at_s)
    scheduler.advance(story.built_s + 2 * HOUR)
    assert scheduler.jobs == played(story, story.built_s + 2 * HOUR)
    assert 4711 in scheduler.jobs


def everything(story: Story) -> list[str]:
    jobs = played(story, story.built_s)
    traffic = Traffic(story)
    traffic.take(list(jobs.values()))
    values = traffic.readings(story.built_s)
    return [
        ibnetdiscover(story, story.built_s),
        ibqueryerrors_counters(values),
        sacct(jobs.values(), story.built_s),
        syslog(story, jobs.values(), story.begin_s, story.built_s),
    ]


def test_the_same_seed_and_time_give_the_same_bytes() -> None:
    assert everything(STORY) == everything(Story.told(7, NOW_S + 3))
    other = everything(Story.told(8, NOW_S))
    assert [a == b for a, b in zip(everything(STORY), other, strict=True)] == [True, False, False, False]


def test_the_wiring_is_printed_as_ibnetdiscover_does() -> None:
    text = ibnetdiscover(STORY, STORY.built_s)
    assert '[17]\t"H-506b4b0300b00040"[1](506b4b0300b00040) \t\t# "node005 mlx5_0" lid 5 4xEDR\n' in text
    assert '[19]\t"S-7cfe900300a00480"[1]\t\t# "MF0;spine01:MSB7800/U1" lid 419 4xEDR\n' in text
    assert (
        '[1](506b4b0300b002b0) \t"S-7cfe900300a00080"[8]\t\t# lid 44 lmc 0 "MF0;leaf03:MSB7800/U1" lid 403 1xEDR\n'
        in text
    )
    assert "node200" not in text


def test_jobs_are_printed_as_sacct_does(jobs: dict[int, Job]) -> None:
    lines = {line.split("|")[0]: line for line in sacct(jobs.values(), STORY.built_s).splitlines()}
    # 2026-11-22T22:23:10Z is told; job 4711 started 5 h 20 min 10 s before and was submitted 45 s earlier.
    assert STORY.built_s == 1_795_386_190
    assert lines["4711"] == (
        "4711|4711|demo|hurricane|alice|cfd|batch|RUNNING|0:0|2026-11-22T17:02:15|2026-11-22T17:03:00|Unknown|16|512|"
        "14-00:00:00|node[109-123,220]|None"
    )
    waiting = next(line for line in lines.values() if "fullscale" in line)
    assert waiting.endswith(
        "|PENDING|0:0|2026-11-22T20:22:25|Unknown|Unknown|320|10240|14-00:00:00|None assigned|Resources"
    )


def test_hosts_are_folded_as_slurm_folds_them() -> None:
    assert hostlist((220, 109, 110, 111)) == "node[109-111,220]"
    assert hostlist((5,)) == "node005"


def test_counters_only_grow_and_both_ends_of_a_cable_agree(traffic: Traffic) -> None:
    times = np.arange(STORY.begin_s, STORY.built_s + 1, 600)
    told = traffic.at(times)
    for values in told.values():
        assert np.nanmin(np.diff(values, axis=1)) >= 0
    row = {port: i for i, port in enumerate(traffic.ports)}
    a, b = row[Port(leaf_guid(3), 25)], row[Port(spine_guid(4), 5)]
    assert np.array_equal(np.diff(told["PortXmitData"][a]), np.diff(told["PortRcvData"][b]))


def test_the_straggler_carries_its_share_between_the_leaves(jobs: dict[int, Job]) -> None:
    traffic = Traffic(STORY)
    traffic.take([jobs[4711]])
    end = np.array([STORY.built_s - 3000, STORY.built_s])
    sent = np.diff(traffic.at(end)["PortXmitData"], axis=1)[:, 0] - 18 * 3000
    row = {port: i for i, port in enumerate(traffic.ports)}
    host, up = sent[row[Port(hca_guid(220), 1)]], sum(sent[row[Port(leaf_guid(13), p)]] for p in range(19, 37))
    # 1400 MB/s are 350 million words a second; over ten whole periods of 300 s the mean holds to a millionth.
    assert host == pytest.approx(350e6 * 3000, rel=1e-6)
    # All it sends leaves leaf13, for its fifteen companions are on leaf07.
    assert up == host
    # node220 is the fourth of its leaf, so all that leaf07 sends it takes the fourth cable up: port 22.
    assert [sent[row[Port(leaf_guid(7), port)]] for port in range(19, 37)] == [
        host if p == 22 else 0 for p in range(19, 37)
    ]


def test_errors_move_with_the_cable(traffic: Traffic) -> None:
    times = np.array([STORY.errors_began_s, STORY.moved_s - 10, STORY.moved_s, STORY.built_s])
    told = {port.number: values["SymbolErrorCounter"] for port, values in traffic.errors(times).items()}
    assert set(told) == {5, 17}
    assert np.isnan(told[5][0])
    # 14 hours at 190 an hour, then 6 hours on the other port (a burst more or less: 22).
    assert abs(told[5][1] - 14 * 190) <= 22
    assert told[5][3] == told[5][2] >= told[5][1]
    assert np.isnan(told[17][:3]).all()
    assert abs(told[17][3] - 6 * 190) <= 22


def test_hosts_are_busy_while_a_job_runs_on_them_and_silent_when_gone(jobs: dict[int, Job]) -> None:
    times = np.arange(STORY.built_s - 2 * HOUR, STORY.built_s, 10)
    user = Load(STORY).at(jobs, times)["cpu.user"]
    assert user[HOSTS.index(109)].min() > 85
    assert user[HOSTS.index(126)].max() < 1
    lost = user[HOSTS.index(200)]
    assert np.isnan(lost[times >= STORY.vanished_s]).all()
    assert not np.isnan(lost[times < STORY.vanished_s]).any()


class Tree:
    """Takes what would be written to the disk."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, tuple[tuple[int, Values], ...]]] = {}

    def write_archives(
        self, name: str, rings: Sequence[tuple[int, Values]], *, aggregation: str = "last", xff: float = 0.0
    ) -> None:
        self.files[name] = (aggregation, tuple(rings))


def test_whole_files_hold_what_points_written_one_by_one_would_have_made() -> None:
    world = World(STORY)
    world.go_on(STORY.built_s)
    tree = Tree()
    assert len(list(write_all(tree, world.traffic, world.load, world.jobs, STORY.built_s))) == 7759
    # 22:23:10 is told: the hour of 10 s points begins at 21:23:20, the day of minutes at 22:24:00 the day before.
    minute = STORY.built_s // 60 * 60
    steps = [[(name, value) for name, value in world.points(minute - 600 + 10 * i)] for i in range(6)]
    for i, (name, _) in enumerate(steps[0]):
        aggregation, ((fine_s, fine), (coarse_s, coarse)) = tree.files[name]
        assert (fine_s, len(fine), coarse_s, len(coarse)) == (minute - 3600 + 20, 360, minute - 86400 + 60, 1440)
        known = np.array([step[i][1] for step in steps])
        at = (minute - 600 - fine_s) // 10
        assert np.array_equal(fine[at : at + 6], known, equal_nan=True)
        told = coarse[(minute - 600 - coarse_s) // 60]
        if aggregation == "last":
            assert np.array_equal(told, known[-1], equal_nan=True)
        else:
            assert told == pytest.approx(known.mean(), nan_ok=True)


def test_the_tree_of_metrics_stays_within_its_bounds() -> None:
    # 1,293 ports x 5 counters + 322 hosts x 4 metrics + 2 ports x 3 errors.
    files = len(all_ports()) * 5 + len(HOSTS) * 4 + 6
    assert files == 7759 <= 8000
    # A whisper file: 16 octets, 12 for each archive, 12 a point; 10s:1h,1m:2d are 360 + 2880 points.
    assert files * (16 + 2 * 12 + 3240 * 12) < 400e6


def test_log_lines_tell_the_story_in_order(jobs: dict[int, Job]) -> None:
    text = syslog(STORY, jobs.values(), STORY.begin_s, STORY.built_s)
    lines = text.splitlines()
    stamps = [line.partition(">")[2][:32] for line in lines]
    assert stamps == sorted(stamps)
    assert any("mgmt01 slurmctld[1032]: error: Nodes node200 not responding, setting DOWN" in line for line in lines)
    assert any("JobId=4711 NodeList=node[109-123,220] #CPUs=512" in line for line in lines)
    halves = [syslog(STORY, jobs.values(), a, a + DAY // 2) for a in (STORY.begin_s, STORY.begin_s + DAY // 2)]
    assert "".join(halves) == text


def test_what_lives_on_is_told_once_and_whole() -> None:
    world = World(STORY)
    world.go_on(STORY.built_s + 600)
    now = STORY.built_s
    quiet = world.told_since(now, now + 10, sweep=False)
    assert set(quiet) <= {"sacct-live.txt", "syslog-live.txt"}
    swept = world.told_since(now, now + 300, sweep=True)
    assert set(swept) >= {"ibnetdiscover-live.txt", "ibqueryerrors-counters-live.txt"}
    steps = [world.told_since(at, at + 10, sweep=False) for at in range(now, now + 600, 10)]
    whole = world.told_since(now, now + 600, sweep=False)
    assert "".join(step.get("syslog-live.txt", "") for step in steps) == whole["syslog-live.txt"]
    ids = {line.split("|")[0] for step in steps for line in step.get("sacct-live.txt", "").splitlines()}
    assert ids == {line.split("|")[0] for line in whole["sacct-live.txt"].splitlines()}


@pytest.mark.parametrize("left", [(), ("owner.lock",)])
def test_an_empty_folder_gets_a_new_story(tmp_path: Path, left: tuple[str, ...]) -> None:
    for name in left:
        (tmp_path / name).touch()
    assert look(tmp_path, 7, NOW_S) == look(tmp_path / "none", 7, NOW_S) == Known("new", STORY, 0, "")


def test_a_folder_of_others_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(BadRequest, match="holds something that weft demo did not make"):
        look(tmp_path, 7, NOW_S)


@pytest.mark.parametrize(
    ("seed", "told_s", "after_s", "how", "why"),
    [
        (7, 60, 3600, "on", ""),
        (7, 60, 2 * DAY, "on", ""),
        (7, 60, 2 * DAY + 10, "again", "its story is older than its metrics reach back"),
        (7, 60, -10, "again", "its story is older than its metrics reach back"),
        (8, 60, 3600, "again", "the site there was made from seed 7"),
        (7, -60, 3600, "again", "it was not finished"),
    ],
)
def test_a_demo_goes_on_or_is_made_anew(
    tmp_path: Path, seed: int, told_s: int, after_s: int, how: str, why: str
) -> None:
    remember(tmp_path, STORY, STORY.built_s + told_s)
    known = look(tmp_path, seed, STORY.built_s + after_s)
    assert (known.how, known.why) == (how, why)
    assert known.story == (STORY if how == "on" else Story.told(seed, STORY.built_s + after_s))


def test_beginning_anew_takes_away_only_what_the_demo_made(tmp_path: Path) -> None:
    remember(tmp_path, STORY, STORY.built_s)
    (tmp_path / "whisper" / "demo").mkdir(parents=True)
    (tmp_path / "notes.txt").touch()
    clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_the_environment_does_not_lead_the_demo_into_a_sites_own_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_METRICS__PATH", "/var/lib/graphite/whisper")
    assert demo_settings(load_settings(None, tmp_path)).whisper_root == tmp_path / "whisper"

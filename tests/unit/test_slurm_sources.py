"""The same jobs through every source and version of Slurm are the same runs, whatever order they are imported in."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest

from unit.importing import ORIGIN
from weft.base.formats import Format
from weft.ingest.recognise import recognise
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.jobs import SqliteJobs
from weft.inventory.sqlite.schema import SCHEMA
from weft.inventory.store import RunFilter
from weft.scheduler.model import NodeReport, Run, SchedulerDump, SchedulerNode

pytestmark = pytest.mark.anyio

ORIGIN_HERE = replace(ORIGIN, cluster="simcluster")


@dataclass(frozen=True)
class Source:
    """A file, the jobs of the reference that it does not list, those it lists beside them, and what it cannot tell.

    `otherwise`: members that it tells otherwise, by job, each because of what the comment says.
    """

    file: str
    leaves_out: frozenset[int] = frozenset()
    more: frozenset[int] = frozenset()
    silent: frozenset[str] = frozenset()
    otherwise: Mapping[int, Mapping[str, object]] | None = None


def jobs(*numbers: int) -> frozenset[int]:
    return frozenset(numbers)


FINISHED_BUSY = jobs(1, 2, 3, 5, 10, 15, 16, 17, 18, 19, 20, 21)
HELD = jobs(12, 13)
"""Jobs that are held or begin later: slurmdbd hears of them when they become eligible."""

NO_TRES = frozenset({"tres"})
PLANS = frozenset({"predicted_start_ms"})
"""Only slurmctld plans; what it plans changes from one question to the next."""

NO_EXIT_CODE = {3: {"exit_code": None, "exit_signal": None}}
"""slurmdbd's JSON in 22.05 calls every exit code SUCCESS: not known rather than wrong."""
KILLED_BY_SLURM = {4: {"exit_signal": 15}, 6: {"exit_signal": 15}}
"""Of a job that Slurm ended (limit, scancel) slurmctld tells its SIGTERM, slurmdbd and jobcomp of 22.05 nothing."""

TIMED_OUT = {4: {"state": "TIMEOUT", "end_ms": 1_795_387_850_000, "exit_code": 0}}
"""The REST answers of 64-busy are half a minute younger than the rest: job 4 had reached its limit, job 11 ran."""

BUSY = (
    Source("64-busy/sacct.json", otherwise=NO_EXIT_CODE),
    Source("64-busy/sacct-P-steps.txt", jobs(11), jobs(11), otherwise={9: {"tres": ""}}),
    Source("64-busy/squeue.json", more=HELD),
    Source("64-busy/squeue-pipe.txt", FINISHED_BUSY, HELD, NO_TRES),
    Source("64-busy/squeue-all.txt", FINISHED_BUSY, HELD, NO_TRES),
    Source("64-busy/scontrol-job.txt", more=HELD),
    Source("64-busy/scontrol-job-oneliner.txt", more=HELD),
    Source("64-busy/rest-slurm_v0_0_38_jobs.json", jobs(11), jobs(11) | HELD, PLANS,
           {4: TIMED_OUT[4] | {"exit_signal": 15}}),
    Source("64-busy/rest-slurm_v0_0_38_job_7.json", jobs(*range(1, 22)) - jobs(7, *HELD)),
    Source("64-busy/rest-slurmdb_v0_0_38_jobs.json", jobs(11), jobs(11),
           otherwise=NO_EXIT_CODE | {4: TIMED_OUT[4] | {"exit_signal": 0}}),
)  # fmt: skip

REQUEUED = jobs(14)
"""Its first run is over and it waits again: slurmdbd shows the run, slurmctld the wait."""

AFTER = (
    Source("64-after/sacct.json", otherwise=NO_EXIT_CODE),
    Source("64-after/sacct-P-steps.txt", otherwise={9: {"tres": ""}}),
    Source("64-after/squeue.json", REQUEUED, HELD | REQUEUED, PLANS, KILLED_BY_SLURM),
    Source("64-after/scontrol-job.txt", REQUEUED, HELD | REQUEUED, PLANS, KILLED_BY_SLURM),
    Source("64-after/rest-slurm_v0_0_38_jobs.json", REQUEUED, HELD | REQUEUED, PLANS, KILLED_BY_SLURM),
    Source("64-after/rest-slurmdb_v0_0_38_jobs.json", otherwise=NO_EXIT_CODE),
    Source("64-after/jobcomp-elasticsearch-posts.txt", jobs(7, 8, 9)),
)

UNFINISHED = jobs(7, 8, 9, 12, 13, 14, 22, 23, 25, 26, 27, 30, 32, 33, 34, 35, 36)
WAITING_ARRAYS = jobs(26, 30)
PYSLURM = jobs(1, 3, 7, 9, 17)
NEWEST = jobs(*range(1, 37))

V25_11 = (
    Source("25.11/squeue-t-all-v0.0.41.json"),
    Source("25.11/squeue-default-v0.0.44.json", NEWEST - UNFINISHED),
    Source("25.11/rest-slurm_v0_0_44_jobs.json", NEWEST - jobs(1, 2, 3)),
    Source("25.11/sacct-v0.0.41.json", HELD | WAITING_ARRAYS, silent=PLANS),
    Source("25.11/sacct-v0.0.44.json", HELD | WAITING_ARRAYS, silent=PLANS),
    Source("25.11/rest-slurmdb_v0_0_44_jobs.json", NEWEST - jobs(1, 2, 3)),
    # Job 24 ended within the second in which the requests were listed; jobcomp tells no SIGTERM in 25.11 either.
    Source("25.11/jobcomp-elasticsearch-posts.txt", UNFINISHED | jobs(24),
           otherwise={4: {"exit_signal": 0}, 6: {"exit_signal": 0}}),
    # Resources of the job of the database (job 1) are an object that JSON does not hold.
    Source("25.11/pyslurm-25.11.2-to_dict.json", NEWEST - PYSLURM, silent=PLANS, otherwise={1: {"tres": ""}}),
)  # fmt: skip

SETS = {
    "64-busy/sacct-P.txt": BUSY,
    "64-after/sacct-P.txt": AFTER,
    "25.11/squeue-t-all-v0.0.44.json": V25_11,
}
"""By the file that the others are compared with."""


def value_of(data: Path, file: str) -> object:
    content = (data / "slurm" / file).read_text()
    kind = recognise(content[:65536])
    assert isinstance(kind, Format)
    return kind.parse(content, ORIGIN_HERE).value


def runs_of(data: Path, file: str) -> list[Run]:
    value = value_of(data, file)
    found = value.runs if isinstance(value, SchedulerDump) else value
    assert isinstance(found, tuple)
    return list(found)


def told(run: Run, silent: frozenset[str]) -> dict[str, object]:
    """Members that a source tells, without which source and when."""
    skipped = silent | {"source", "seen_at_ms"}
    return {one.name: getattr(run, one.name) for one in fields(run) if one.name not in skipped}


def test_the_runs_that_all_are_compared_with(data: Path) -> None:
    """Against the jobs as they were submitted (submit-jobs.sh) and what became of them."""
    busy, after, newest = ({run.label: run for run in runs_of(data, file)} for file in SETS)
    assert len(busy) == 19
    assert len(after) == 20
    assert len(newest) == 36
    for known in (after, newest):
        assert [(known[x].state, known[x].name, known[x].user, known[x].partition) for x in ("1", "3", "4", "6")] == [
            ("COMPLETED", "mpi_big", "alice", "batch"), ("FAILED", "fails", "bob", "long"),
            ("TIMEOUT", "tolong", "bob", "short"), ("CANCELLED", "cancelme", "alice", "long"),
        ]  # fmt: skip
        assert known["1"].hosts == tuple(f"node{n:02}" for n in range(1, 17))
        assert (known["1"].cpus, known["1"].tres) == (512, "billing=512,cpu=512,node=16")
        assert (known["8"].cpus, known["8"].node_count, known["8"].state) == (1280, 40, "RUNNING")
        assert (known["3"].exit_code, known["10"].exit_signal) == (3, 11)
        assert known["9"].tres == "billing=60,cpu=60,mem=11520000M,node=60"
        assert {f"5_{task}" for task in range(1, 7)} | {"15+0", "15+1"} <= set(known)
    assert {run.label for run in newest.values() if run.key.start_ms is None} == {
        "9", "12", "13", "23", "27", "26_[4-6%3]", "30_[3-6%2]",
    }  # fmt: skip
    # "later" was to begin two hours after it was submitted: a plan, and no start.
    assert newest["13"].predicted_start_ms == (newest["13"].submit_ms or 0) + 7_200_000
    assert newest["12"].predicted_start_ms is None, "one that is held has none"
    assert (newest["7"].end_ms, newest["7"].exit_code) == (None, None), "start plus limit is no end"


@pytest.mark.parametrize(
    ("reference", "source"),
    [(reference, source) for reference, sources in SETS.items() for source in sources],
    ids=lambda x: x.file if isinstance(x, Source) else "",
)
def test_each_source_tells_the_same_runs(data: Path, reference: str, source: Source) -> None:
    known, found = runs_of(data, reference), runs_of(data, source.file)
    by_key = {run.key: run for run in known}
    assert len(by_key) == len(known)
    assert {run.key.job_id for run in known if run.key not in {one.key for one in found}} == source.leaves_out
    assert {run.key.job_id for run in found if run.key not in by_key} == source.more
    for run in found:
        if run.key in by_key:
            differs = (source.otherwise or {}).get(run.key.job_id, {})
            assert told(run, source.silent) == told(by_key[run.key], source.silent) | differs


@pytest.mark.parametrize("reference", SETS)
async def test_whatever_the_order_of_import_the_same_runs_are_kept(data: Path, tmp_path: Path, reference: str) -> None:
    files = [reference, *(source.file for source in SETS[reference])]
    batches = [[replace(run, seen_at_ms=run.seen_at_ms + at) for run in runs_of(data, f)] for at, f in enumerate(files)]
    kept = []
    for seed in range(6):
        shuffled = random.Random(seed).sample(batches, len(batches))
        async with Database.open(tmp_path / f"{seed}.db", SCHEMA) as database:
            jobs_ = SqliteJobs(database)
            for batch in [*shuffled, shuffled[0]]:
                await jobs_.apply_runs(batch)
            kept.append(sorted((await jobs_.runs(RunFilter(), limit=1000)).items, key=lambda run: run.key.text))
    assert all(runs == kept[0] for runs in kept)
    expected = {run.key for batch in batches for run in batch}
    waiting = {key for key in expected if key.start_ms is None}
    started = {key.job_id for key in expected - waiting}
    # One that waited in one file and ran in another is one run; the requeued job 14 waits beside its first run.
    assert {run.key for run in kept[0]} == expected - {
        key for key in waiting if key.job_id in started and key.job_id not in REQUEUED
    }


NODES = {
    "64-busy/scontrol-node.txt": ("64-busy/scontrol-node-oneliner.txt", "64-busy/sinfo.json"),
    "64-after/scontrol-node.txt": ("64-after/sinfo.json", "64-after/rest-slurm_v0_0_38_nodes.json"),
}


def nodes_of(data: Path, file: str) -> NodeReport:
    report = value_of(data, file)
    assert isinstance(report, NodeReport)
    return report


@pytest.mark.parametrize("reference", NODES)
def test_each_source_tells_the_same_nodes(data: Path, reference: str) -> None:
    known = nodes_of(data, reference)
    assert (len(known.nodes), known.complete) == (64, True)
    for file in NODES[reference]:
        assert nodes_of(data, file).nodes == known.nodes, file


def test_nodes_are_what_was_done_to_them(data: Path) -> None:
    nodes = {node.name: node for node in nodes_of(data, "64-after/scontrol-node.txt").nodes}
    assert nodes["node18"] == SchedulerNode(
        "node18", "IDLE", frozenset({"DRAIN"}), ("batch", "short"), ("edr",), "", 32, 192_000, "bad cable leaf01/18"
    )
    assert nodes["node56"] == SchedulerNode(
        "node56", "DOWN", frozenset({"NOT_RESPONDING"}), ("batch", "long"), ("edr",), "", 32, 192_000, "Not responding"
    )
    assert sum(node.state == "ALLOCATED" for node in nodes.values()) == 40


def test_words_of_sinfo_hide_the_base_state_of_a_drained_node_and_nothing_else(data: Path) -> None:
    known = {node.name: node for node in nodes_of(data, "64-after/scontrol-node.txt").nodes}
    report = nodes_of(data, "64-after/sinfo-pipe.txt")
    assert report.tells == frozenset({"state", "partitions", "features", "cpus", "memory_mb", "reason"})
    for node in report.nodes:
        same = known[node.name]
        assert node == (replace(same, state="UNKNOWN") if node.name == "node18" else same)
    assert len(report.nodes) == 64


def test_newer_answers_tell_the_same_nodes_by_group_and_one_by_one(data: Path) -> None:
    by_group = {node.name: node for node in nodes_of(data, "25.11/sinfo-v0.0.44.json").nodes}
    one_by_one = nodes_of(data, "25.11/scontrol-node-v0.0.44.json").nodes
    assert (len(by_group), len(one_by_one)) == (64, 24)
    assert all(by_group[node.name] == node for node in one_by_one)
    assert by_group["node18"].flags == {"DRAIN"}
    assert by_group["node18"].reason == "bad cable"
    assert by_group["node40"].partitions == ("batch", "long")


def test_one_node_that_was_asked_for_says_nothing_of_the_others(data: Path) -> None:
    report = nodes_of(data, "64-busy/rest-slurm_v0_0_38_node_node05.json")
    assert (report.complete, [node.name for node in report.nodes]) == (False, ["node05"])
    dump = value_of(data, "25.11/pyslurm-25.11.2-to_dict.json")
    assert isinstance(dump, SchedulerDump)
    assert dump.nodes is not None
    assert (dump.nodes.complete, dump.nodes.nodes[0].name, dump.nodes.nodes[0].state) == (False, "node05", "MIXED")

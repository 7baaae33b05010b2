"""scontrol show job and node: paragraphs and lines, texts of users among the fields, and what is refused."""

from dataclasses import replace

import pytest

from unit.importing import ORIGIN
from weft.base.errors import BadInput
from weft.scheduler.formats import scontrol
from weft.scheduler.model import NodeReport, Run, RunKey, SchedulerNode

JOB = """JobId=7 JobName=app
   UserId=alice(1001) GroupId=alice(1001) MCS_label=N/A
   Priority=4294901759 Nice=0 Account=physics QOS=normal
   JobState=FAILED Reason=NonZeroExitCode Dependency=(null)
   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=3:0
   SubmitTime=2026-11-22T22:49:40 EligibleTime=2026-11-22T22:49:40
   StartTime=2026-11-22T22:49:45 EndTime=2026-11-22T22:50:45 Deadline=N/A
   Partition=batch AllocNode:Sid=localhost:8723
   ReqNodeList=(null) ExcNodeList=(null)
   NodeList=node[01-02]
   NumNodes=2 NumCPUs=64 NumTasks=64 CPUs/Task=1 ReqB:S:C:T=0:0:*:*
   ReqTRES=cpu=64,mem=93G,node=2,billing=64
   AllocTRES=cpu=64,node=2,billing=64
   Features=edr&gpu DelayBoot=00:00:00
   Command=/home/work/a b JobState=RUNNING
   WorkDir=/home/work
   Comment=JobState=RUNNING NodeList=node99

"""
START = 1_795_387_785_000
RUN = Run(
    RunKey("cluster", 7, START), "7", "app", "alice", "physics", "batch", "FAILED", START - 5000, START + 60_000,
    ("node01", "node02"), 2, 3, 0, ORIGIN.seen_at_ms, "scontrol show job", "edr&gpu", "billing=64,cpu=64,node=2", 64,
)  # fmt: skip


def line(record: str) -> str:
    """A record as `-o` prints it."""
    return " ".join(part.strip() for part in record.split("\n")).strip() + " \n"


def read(content: str) -> tuple[Run, ...]:
    return scontrol.JOBS.parse(content, ORIGIN).value


def refused(content: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        (scontrol.NODES if content.startswith("NodeName") else scontrol.JOBS).parse(content, ORIGIN)
    return caught.value


def test_a_paragraph_and_a_line_are_the_same_run() -> None:
    assert read(JOB) == read(line(JOB)) == (RUN,)
    assert read(JOB + JOB.replace("JobId=7", "JobId=8"))[1].key.job_id == 8


@pytest.mark.parametrize("name", ["a b", "a=b JobState=RUNNING", "x UserId=root", "JobName=y", "-"])
def test_a_name_is_never_taken_for_fields(name: str) -> None:
    record = JOB.replace("JobName=app", f"JobName={name}")
    for text in (record, line(record)):
        assert read(text) == (replace(RUN, name=name),)


def test_a_name_that_looks_like_what_follows_it_is_only_read_from_a_paragraph() -> None:
    name = "x UserId=root(0) GroupId=root(0)"
    record = JOB.replace("JobName=app", f"JobName={name}")
    assert read(record) == (replace(RUN, name=name),)
    error = refused(line(record))
    assert (error.line, "where the name of the job ends cannot be told" in error.bare) == (1, True)
    assert "without -o" in error.fix


@pytest.mark.parametrize(
    ("ids", "label"),
    [
        ("JobId=5 ArrayJobId=5 ArrayTaskId=6 ArrayTaskThrottle=3", "5_6"),
        ("JobId=5 ArrayJobId=5 ArrayTaskId=4-6 ArrayTaskThrottle=3", "5_[4-6%3]"),
        ("JobId=5 ArrayJobId=5 ArrayTaskId=4-6", "5_[4-6]"),
        ("JobId=16 HetJobId=15 HetJobOffset=1", "15+1"),
        ("JobId=7", "7"),
    ],
)
def test_ids_of_every_kind(ids: str, label: str) -> None:
    record = JOB.replace("JobId=7", ids)
    if "Het" in ids:
        record = record.replace("   UserId", "   HetJobIdSet=15-16\n   UserId")
    for text in (record, line(record)):
        (run,) = read(text)
        assert (run.label, run.name, run.user) == (label, "app", "alice")


def test_of_a_waiting_job_the_start_is_a_plan_and_the_nodes_are_asked_for() -> None:
    text = (
        JOB.replace("=FAILED", "=PENDING")
        .replace("NodeList=node[01-02]", "NodeList=")
        .replace("NumNodes=2", "NumNodes=2-2")
    )
    (run,) = read(text.replace("AllocTRES=cpu=64,node=2,billing=64", "AllocTRES=(null)"))
    assert (run.key.start_ms, run.predicted_start_ms, run.end_ms, run.hosts) == (None, START, None, ())
    assert (run.node_count, run.tres, run.exit_code) == (2, "billing=64,cpu=64,mem=95232M,node=2", None)
    (held,) = read(text.replace("StartTime=2026-11-22T22:49:45", "StartTime=Unknown"))
    assert held.predicted_start_ms is None


@pytest.mark.parametrize(
    ("content", "number", "says"),
    [
        (JOB.rstrip(), 17, "has no end"),
        (JOB + JOB.replace("JobState=", "State=", 1).replace("=JobState", "=x"), 19, "the job has no JobState"),
        (JOB.replace("2026-11-22T22:49:45", "soon"), 1, "'soon' is no time"),
        (JOB.replace("JobId=7", "JobId=x"), 1, "'x' is no id"),
        (JOB.replace("node[01-02]", "node[01"), 1, "is not a hostlist"),
        ("x\n" + JOB, 1, "a record begins with JobId="),
        (JOB.replace(" JobName=app", ""), 1, "the job has no JobName"),
    ],
)
def test_a_job_that_does_not_fit_is_refused_with_its_line(content: str, number: int, says: str) -> None:
    error = refused(content)
    assert (error.line, says in error.bare) == (number, True), str(error)


def node(state: str = "MIXED+DRAIN") -> str:
    """A paragraph of a node; scontrol leaves blanks at the end of some lines."""
    return "\n".join(
        (
            "NodeName=node01 Arch=x86_64 CoresPerSocket=16 ",
            "   CPUAlloc=32 CPUEfctv=32 CPUTot=32 CPULoad=2.06",
            "   AvailableFeatures=edr,gpu",
            "   ActiveFeatures=edr",
            "   Gres=gpu:a100:4(S:0-1)",
            "   OS=Linux 6.1.0-31-amd64 #1 SMP ",
            "   RealMemory=192000 AllocMem=0 FreeMem=18320 Sockets=2 Boards=1",
            f"   State={state} ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A",
            "   Partitions=batch,short ",
            "   Reason=bad cable (leaf01) [root@2026-11-22T22:51:54]",
            "   Comment=State=DOWN",
            "\n",
        )
    )


PLAIN = SchedulerNode(
    "node01", "MIXED", frozenset({"DRAIN"}), ("batch", "short"), ("edr", "gpu"), "gpu:a100:4(S:0-1)", 32, 192_000,
    "bad cable (leaf01)",
)  # fmt: skip


def test_a_node_is_read_from_a_paragraph_and_from_a_line() -> None:
    for text in (node(), line(node())):
        report = scontrol.NODES.parse(text, ORIGIN).value
        assert (report.nodes, report.complete, report.cluster) == ((PLAIN,), False, "cluster")
    other = node().replace("node01", "node02")
    assert scontrol.NODES.parse(other + node(), ORIGIN).value == NodeReport(
        "cluster", ORIGIN.seen_at_ms, "scontrol show node", (PLAIN, replace(PLAIN, name="node02"))
    )


@pytest.mark.parametrize(
    ("text", "state", "flags"),
    [
        ("IDLE", "IDLE", set()),
        ("IDLE*", "IDLE", {"NOT_RESPONDING"}),
        ("IDLE*+DRAIN", "IDLE", {"NOT_RESPONDING", "DRAIN"}),
        ("DOWN+NOT_RESPONDING", "DOWN", {"NOT_RESPONDING"}),
        ("IDLE+CLOUD+POWERED_DOWN", "IDLE", {"CLOUD", "POWERED_DOWN"}),
        ("ALLOCATED+MAINT+RESERVED", "ALLOCATED", {"MAINTENANCE", "RESERVED"}),
    ],
)
def test_states_with_their_flags(text: str, state: str, flags: set[str]) -> None:
    (found,) = scontrol.NODES.parse(node(text), ORIGIN).value.nodes
    assert (found.state, found.flags) == (state, flags)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (node("?"), "'?' is no state of the node node01"),
        (node().replace("CPUTot", "CPUs"), "the node has no CPUTot"),
        (node().replace("node01", "node[01-02]"), "of the node node[01-02]"),
    ],
)
def test_a_node_that_does_not_fit_is_refused(content: str, says: str) -> None:
    error = refused(content)
    assert (error.line, says in error.bare) == (1, True), str(error)

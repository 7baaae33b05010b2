"""sinfo, jobcomp, pyslurm, topology.conf and the errors of tools: their values, and what is refused."""

import json
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from unit.importing import ORIGIN
from weft.base.errors import BadInput
from weft.base.formats import Format
from weft.scheduler.formats import failures, jobcomp, nodes, pyslurm, sinfo, topology_conf
from weft.scheduler.model import NODE_MEMBERS, Run, RunKey, SchedulerNode, SlurmSwitch

START_S = 1_795_387_785
START = START_S * 1000


def refused(kind: Format[Any], content: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        kind.parse(content, ORIGIN)
    return caught.value


# sinfo

SINFO = "NODELIST|PARTITION|STATE|CPUS|MEMORY|AVAIL_FEATURES|GRES|REASON\n"


def test_rows_of_one_node_are_its_partitions() -> None:
    rows = "node[01-02]|batch*|mixed-|32|192000|edr,gpu|gpu:4|none\nnode01|short|mixed-|32|192000|edr,gpu|gpu:4|none\n"
    report = sinfo.FORMAT.parse(SINFO + rows, ORIGIN).value
    one = SchedulerNode(
        "node01", "MIXED", frozenset({"PLANNED"}), ("batch", "short"), ("edr", "gpu"), "gpu:4", 32, 192_000, ""
    )
    assert report.nodes == (one, replace(one, name="node02", partitions=("batch",)))
    assert (report.complete, report.tells) == (True, NODE_MEMBERS)


def test_only_what_a_column_is_there_for_is_told() -> None:
    report = sinfo.FORMAT.parse("STATE|NODELIST\nidle|n[1-2]\n", ORIGIN).value
    assert report.tells == {"state"}
    several = sinfo.FORMAT.parse("NODELIST|STATE|CPUS\nn[1-2]|idle|16+\n", ORIGIN).value
    assert [node.cpus for node in several.nodes] == [None, None]


def test_a_reason_may_hold_bars() -> None:
    reading = sinfo.FORMAT.parse(SINFO + "n1|batch|down*|32|192000|(null)|(null)|a|b\n", ORIGIN)
    (node,) = reading.value.nodes
    assert (node.reason, node.state, node.flags, node.features, node.gres) == (
        "a|b", "DOWN", {"NOT_RESPONDING"}, (), "",
    )  # fmt: skip
    assert reading.notices == ("1 row with bars inside a text: read by what fits.",)


@pytest.mark.parametrize(
    ("words", "state", "flags"),
    [
        ("idle~", "IDLE", {"POWERED_DOWN"}),
        ("drained*", "UNKNOWN", {"DRAIN", "NOT_RESPONDING"}),
        ("drng", "UNKNOWN", {"DRAIN"}),
        ("alloc#", "ALLOCATED", {"POWERING_UP"}),
        ("maint", "UNKNOWN", {"MAINTENANCE"}),
        ("planned", "IDLE", {"PLANNED"}),
        ("reboot^", "UNKNOWN", {"REBOOT_ISSUED"}),
    ],
)
def test_words_of_sinfo(words: str, state: str, flags: set[str]) -> None:
    assert nodes.state_of([words]) == (state, flags)


@pytest.mark.parametrize("words", [[], [""], ["?"], ["5"], ["idle", "a b"]])
def test_what_is_no_state_of_a_node(words: list[str]) -> None:
    assert nodes.state_of(words) is None


def test_without_a_heading_both_words_for_the_state_must_agree() -> None:
    row = "node01|batch*|idle|idle|32|192000|edr|none|Unknown|Unknown\n"
    assert sinfo.recognise(row)
    assert not sinfo.recognise(row.replace("idle|idle", "idle|down"))
    error = refused(sinfo.FORMAT, row + row.replace("idle|idle", "idle|down"))
    assert (error.line, "its two words for the state do not agree" in error.bare) == (2, True)


# jobcomp

DOCUMENT = {
    "jobid": 7, "username": "alice", "@start": "2026-11-22T22:49:45", "@end": "2026-11-22T22:50:45",
    "partition": "batch", "nodes": "node[01-02]", "total_cpus": 64, "total_nodes": 2, "exit_code": "3:0",
    "state": "FAILED", "het_job_id": 0, "het_job_offset": 0,
    "@submit": "2026-11-22T22:49:40", "cluster": "alpha", "time_limit": 3600, "job_name": "app",
    "tres_req": "cpu=64,mem=93G,node=2", "tres_alloc": "cpu=64,node=2,billing=64", "account": "physics",
}  # fmt: skip
ENDED = Run(
    RunKey("alpha", 7, START), "7", "app", "alice", "physics", "batch", "FAILED", START - 5000, START + 60_000,
    ("node01", "node02"), 2, 3, 0, START + 60_000, "jobcomp", "", "billing=64,cpu=64,node=2", 64,
)  # fmt: skip


def test_a_document_is_a_run_in_utc_whatever_the_zone_of_the_site() -> None:
    line = json.dumps(DOCUMENT)
    http = f"POST /slurm/_doc HTTP/1.1\nHost: 127.0.0.1:9200\nAccept: */*\nContent-Length: 99\n\n{line}\n---\n"
    exported = json.dumps({"_index": "slurm", "_id": "x", "_source": DOCUMENT})
    berlin = replace(ORIGIN, zone=ZoneInfo("Europe/Berlin"))
    for content in (line, f"{line}\n", http, f"{exported}\n"):
        assert jobcomp.recognise(content.replace('": ', '":'))
        reading = jobcomp.FORMAT.parse(content, berlin)
        assert (reading.value, reading.seen_at_ms, reading.dated) == ((ENDED,), START + 60_000, True)


def test_documents_of_arrays_and_of_jobs_that_never_started() -> None:
    task = DOCUMENT | {"jobid": 19, "array_job_id": 5, "array_task_id": 3}
    never = DOCUMENT | {"state": "CANCELLED", "nodes": "(null)"}
    runs = jobcomp.FORMAT.parse(f"{json.dumps(task)}\n{json.dumps(never)}\n", ORIGIN).value
    assert [(run.label, run.key.start_ms, run.hosts) for run in runs] == [("5_3", START, ENDED.hosts), ("7", None, ())]


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (json.dumps(DOCUMENT) + "\n" + json.dumps(DOCUMENT)[:-9], 2, "it is no document, or cut"),
        (json.dumps({"jobid": 7}), 1, "it is no document of a job"),
        (json.dumps(DOCUMENT | {"@start": "soon"}), 1, "'soon' is no time"),
        ("\nhello\n", 2, "it is no document, or cut"),
    ],
)
def test_what_is_no_document_is_refused_with_its_line(content: str, line: int, says: str) -> None:
    error = refused(jobcomp.FORMAT, content)
    assert (error.line, says in error.bare) == (line, True), str(error)


# pyslurm

PYJOB = {
    "id": 7, "name": "app", "user_name": "alice", "account": "physics", "partition": "batch", "state": "FAILED",
    "submit_time": START_S - 5, "start_time": START_S, "end_time": START_S + 60, "allocated_nodes": "node[01-02]",
    "num_nodes": 2, "cpus": 64, "exit_code": 3, "exit_code_signal": 0, "constraints": ["edr", "gpu"],
    "allocated_tres": {"cpu": {"count": 64, "type_and_name": "cpu"}, "mem": None,
                       "gres": {"gpu": {"count": 8, "type_and_name": "gres/gpu"}}},
    "cluster": "alpha", "array_id": None, "array_task_id": None, "heterogeneous_id": None,
}  # fmt: skip


def test_a_job_of_pyslurm_under_any_name_in_a_list_or_alone() -> None:
    run = replace(ENDED, seen_at_ms=ORIGIN.seen_at_ms, source="pyslurm", features="edr,gpu", tres="cpu=64,gres/gpu=8")
    for content in (json.dumps({"7": PYJOB}), json.dumps([PYJOB]), json.dumps(PYJOB)):
        assert pyslurm.recognise(content)
        assert pyslurm.FORMAT.parse(content, ORIGIN).value.runs == (run,)
    stored = {k: v for k, v in PYJOB.items() if k != "allocated_nodes"} | {
        "nodelist": "node[01-02]", "db_index": 1, "heterogeneous_offset": 4294967294,
    }  # fmt: skip
    assert pyslurm.FORMAT.parse(json.dumps({"a": stored}), ORIGIN).value.runs == (run,)


def test_only_the_controller_plans() -> None:
    waits = PYJOB | {"state": "PENDING", "allocated_nodes": None}
    stored = {k: v for k, v in waits.items() if k != "allocated_nodes"} | {"nodelist": None}
    plans = pyslurm.FORMAT.parse(json.dumps([waits, stored]), ORIGIN).value.runs
    assert [(run.key.start_ms, run.predicted_start_ms) for run in plans] == [(None, START), (None, None)]


def test_nodes_of_pyslurm() -> None:
    node = {
        "name": "node01", "state": "ALLOCATED+DRAIN", "partitions": ["batch"], "available_features": ["edr"],
        "configured_gres": {"gpu": 4}, "total_cpus": 32, "real_memory": 192000, "reason": "bad cable",
        "slurmd_start_time": 1, "cluster": "alpha",
    }  # fmt: skip
    reading = pyslurm.FORMAT.parse(json.dumps({"node01": node, "node02": node | {"name": "node02"}}), ORIGIN)
    report = reading.value.nodes
    assert report is not None
    assert report.nodes[0] == SchedulerNode(
        "node01", "ALLOCATED", frozenset({"DRAIN"}), ("batch",), ("edr",), "gpu:4", 32, 192_000, "bad cable"
    )
    assert (reading.found, report.complete, report.cluster, reading.value.runs) == ("2 nodes", True, "alpha", ())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (json.dumps({"7": PYJOB})[:-3], "it is no JSON, or cut"),
        (json.dumps({"x": PYJOB | {"id": None}}), "x: a job has no id."),
        (json.dumps({"x": PYJOB | {"state": "?"}}), "x: '?' is no state"),
        (json.dumps({"x": {"name": "n1", "real_memory": 1, "state": "?"}}), "x: '?' is no state of a node."),
    ],
)
def test_what_pyslurm_did_not_write_is_refused(content: str, says: str) -> None:
    assert says in refused(pyslurm.FORMAT, content).bare


def test_slurms_own_answers_are_not_taken_for_pyslurms() -> None:
    own = {"meta": {}, "nodes": [{"name": "n1", "slurmd_start_time": 5}]}
    assert not pyslurm.recognise(json.dumps(own))


# topology.conf


def test_a_tree_of_switches_with_comments_and_lines_that_go_on() -> None:
    text = "# tree\nSwitchName=leaf[1-2] Nodes=n[1-2] LinkSpeed=100 # both\nswitchname=top \\\n  Switches=leaf[1-2]\n"
    assert topology_conf.recognise(text)
    reading = topology_conf.FORMAT.parse(text, ORIGIN)
    assert reading.value.switches == (
        SlurmSwitch("leaf1", ("n1", "n2"), ()),
        SlurmSwitch("leaf2", ("n1", "n2"), ()),
        SlurmSwitch("top", (), ("leaf1", "leaf2")),
    )
    assert reading.found == "3 switches and 2 nodes"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("SwitchName=a Nodes=n1\nSwitchName=a Nodes=n2\n", 2, "the switch a is there twice"),
        ("SwitchName=a Switches=b\n", None, "the switch b is below another one and is not there itself"),
        ("SwitchName=a Nodes=n[1\n", 1, "is not a hostlist"),
        ("SwitchName=a Nodes=n1\nBlockName=b Nodes=n2\n", 2, "a line begins with SwitchName="),
        ("SwitchName=a Node=n1\n", 1, "a switch has no node."),
        ("SwitchName=a \\", 1, "the last line goes on"),
    ],
)
def test_a_tree_that_does_not_fit_is_refused(text: str, line: int | None, says: str) -> None:
    error = refused(topology_conf.FORMAT, text)
    assert (error.line, says in error.bare) == (line, True), str(error)


# errors of tools


@pytest.mark.parametrize(
    "line",
    [
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
        "sacct: error: Problem talking to the database: Connection refused",
        "squeue: error: Invalid job format specification: xyz",
        "scontrol: unrecognized option '--json'",
        "HTTP/1.1 404 NOT FOUND",
        "Slurmctld(primary) at vm is DOWN",
    ],
)
def test_an_error_of_a_tool_is_refused_with_its_words_and_its_line(line: str) -> None:
    text = f"JOBID|ST\n{line}\n"
    assert failures.recognise(text)
    error = refused(failures.FORMAT, text)
    assert (error.line, error.bare) == (2, f"Slurm itself failed: {line}.")


@pytest.mark.parametrize(
    "line",
    ["HTTP/1.1 200 OK", "7|squeue: error: x|R", "Nov 22 22:23:15 n1 slurmctld[5]: sacct: error: x", "slurmctld is UP"],
)
def test_what_is_no_error_of_a_tool(line: str) -> None:
    assert not failures.recognise(f"{line}\n")

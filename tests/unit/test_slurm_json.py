"""Slurm's JSON: its envelope and failures, its values in every shape, jobs and nodes as they drift over versions."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from unit.importing import ORIGIN
from weft.base.errors import BadInput
from weft.base.formats import Format
from weft.ingest.recognise import recognise
from weft.scheduler.formats import json_jobs, json_nodes
from weft.scheduler.formats.envelope import exit_of, number, text, time_ms, words
from weft.scheduler.model import Run, RunKey, SchedulerNode

START_S = 1_795_387_785
START = START_S * 1000

JOB = {
    "job_id": 7, "name": "app", "user_name": "alice", "account": "physics", "partition": "batch",
    "job_state": "COMPLETED", "submit_time": START_S - 5, "start_time": START_S, "end_time": START_S + 60,
    "nodes": "node[01-02]", "node_count": 2, "cpus": 64, "exit_code": 768, "features": "edr",
    "tres_req_str": "cpu=64,mem=93G,node=2", "tres_alloc_str": "cpu=64,node=2,billing=64",
}  # fmt: skip
RUN = Run(
    RunKey("cluster", 7, START), "7", "app", "alice", "physics", "batch", "COMPLETED", START - 5000, START + 60_000,
    ("node01", "node02"), 2, 3, 0, ORIGIN.seen_at_ms, "squeue --json", "edr", "billing=64,cpu=64,node=2", 64,
)  # fmt: skip


def set_(value: Any) -> dict[str, Any]:
    """A number as 23.02 and later write it."""
    return {"set": value is not None, "infinite": False, "number": value or 0}


def answer(*jobs: dict[str, Any], **more: Any) -> str:
    return orjson.dumps({"meta": {}, "errors": [], "jobs": jobs} | more).decode()


def read(*jobs: dict[str, Any], **more: Any) -> tuple[Run, ...]:
    return json_jobs.CONTROLLED.parse(answer(*jobs, **more), ORIGIN).value


def refused(content: str, kind: Format[Any] = json_jobs.CONTROLLED) -> BadInput:
    with pytest.raises(BadInput) as caught:
        kind.parse(content, ORIGIN)
    return caught.value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5),
        (0, 0),
        (5.0, 5),
        (None, None),
        (set_(5), 5),
        (set_(None), None),
        ({"set": True, "infinite": True, "number": 0}, None),
        ({"set": True}, None),
        (4294967294, None),  # NO_VAL
        (4294967295, None),  # INFINITE
        (18446744073709551614, None),  # NO_VAL64
        (-2, None),
        ("5", None),
        (True, None),
        ([5], None),
    ],
)
def test_numbers_in_every_shape(value: Any, expected: int | None) -> None:
    assert number(value) == expected


def test_texts_lists_and_times_in_every_shape() -> None:
    assert [text(x) for x in ("a", ["a", "b"], ["a", 1], None, 5, {})] == ["a", "a,b", "a", "", "", ""]
    assert [words(x) for x in ("", "a", "a,b", ["a"], ["a,b"], None)] == [[], ["a"], ["a", "b"], ["a"], ["a", "b"], []]
    assert [time_ms(x) for x in (START_S, set_(START_S), 0, set_(0), None)] == [START, START, None, None, None]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, (0, 0)),
        (768, (3, 0)),  # WEXITSTATUS 3
        (15, (0, 15)),  # WTERMSIG SIGTERM
        (set_(768), (3, 0)),
        ({"status": "SUCCESS", "return_code": 0}, (0, 0)),
        ({"status": "SIGNALED", "return_code": None, "signal": {"signal_id": 11, "name": "x"}}, (0, 11)),
        ({"status": ["ERROR"], "return_code": set_(3), "signal": {"id": set_(None), "name": ""}}, (3, 0)),
        ({"status": ["SIGNALED"], "return_code": set_(None), "signal": {"id": set_(15), "name": "TERM"}}, (0, 15)),
        ({"status": ["PENDING"], "return_code": set_(None), "signal": {"id": set_(None)}}, (None, None)),
        (None, (None, None)),
        (4294967294, (None, None)),
    ],
)
def test_exit_codes_in_every_shape(value: Any, expected: tuple[int | None, int | None]) -> None:
    assert exit_of(value) == expected


def test_a_job_is_the_same_run_in_the_shapes_of_all_versions() -> None:
    newer = JOB | {
        "job_state": ["COMPLETED"],
        "exit_code": {"status": ["ERROR"], "return_code": set_(3), "signal": {"id": set_(None), "name": ""}},
        **{name: set_(JOB[name]) for name in ("submit_time", "start_time", "end_time", "node_count", "cpus")},
        "array_job_id": set_(0), "array_task_id": set_(None), "het_job_id": set_(0), "het_job_offset": set_(0),
    }  # fmt: skip
    object_of_nodes = {k: v for k, v in newer.items() if k != "nodes"} | {
        "job_resources": {"nodes": {"list": "node[01-02]", "allocation": [{"name": "node01"}]}}
    }
    string_of_nodes = {k: v for k, v in JOB.items() if k != "nodes"} | {"job_resources": {"nodes": "node[01-02]"}}
    for job in (JOB, newer, object_of_nodes, string_of_nodes):
        assert read(job) == (RUN,)


def test_the_cluster_is_the_jobs_own_else_the_controllers_else_the_sites() -> None:
    meta = {"slurm": {"cluster": "gamma"}}
    runs = (*read(JOB | {"cluster": "beta"}, meta=meta), *read(JOB, meta=meta), *read(JOB))
    assert [run.key.cluster for run in runs] == ["beta", "gamma", "cluster"]


def test_start_end_and_exit_are_trusted_by_state_only() -> None:
    waits = JOB | {"job_state": ["PENDING"], "nodes": "", "tres_alloc_str": ""}
    runs = JOB | {"job_state": ["RUNNING", "COMPLETING"]}
    never = JOB | {"job_state": ["CANCELLED"], "nodes": ""}
    requeued = waits | {"job_state": "REQUEUED", "nodes": "node[01-02]"}
    assert read(waits) == (
        replace(
            RUN, key=RunKey("cluster", 7, None), state="PENDING", hosts=(), end_ms=None, exit_code=None,
            exit_signal=None, tres="cpu=64,mem=95232M,node=2", predicted_start_ms=START,
        ),
    )  # fmt: skip
    assert read(runs) == (replace(RUN, state="RUNNING", end_ms=None, exit_code=None, exit_signal=None),)
    assert read(never) == (replace(RUN, key=RunKey("cluster", 7, None), state="CANCELLED", hosts=()),)
    assert [(run.state, run.key.start_ms) for run in read(requeued)] == [("PENDING", None)]


@pytest.mark.parametrize(
    ("more", "label"),
    [
        ({"array_job_id": 5, "array_task_id": 6}, "5_6"),
        ({"array_job_id": set_(5), "array_task_id": set_(0)}, "5_0"),
        ({"array_job_id": 7, "array_task_id": None, "array_task_string": "4-6%3"}, "7_[4-6%3]"),
        ({"array_job_id": 7, "array_task_id": None, "array_task_string": "[4-6]"}, "7_[4-6]"),
        ({"het_job_id": set_(6), "het_job_offset": set_(1)}, "6+1"),
        ({"het_job_id": 7, "het_job_offset": 0}, "7+0"),
        ({"array_job_id": 0, "array_task_id": 4294967294, "het_job_id": 0, "het_job_offset": 4294967294}, "7"),
    ],
)
def test_ids_of_every_kind(more: dict[str, Any], label: str) -> None:
    assert read(JOB | more)[0].label == label


ACCOUNTED = {
    "job_id": 7, "name": "app", "user": "alice", "account": "physics", "partition": "batch",
    "association": {"cluster": "alpha"}, "allocation_nodes": 2, "nodes": "node[01-02]", "constraints": "edr",
    "state": {"current": ["COMPLETED"], "reason": "None"}, "required": {"CPUs": 40},
    "time": {"submission": START_S - 5, "start": START_S, "end": START_S + 60},
    "exit_code": {"status": ["ERROR"], "return_code": set_(3), "signal": {"id": set_(None)}},
    "array": {"job_id": 0, "task_id": set_(None), "task": ""}, "het": {"job_id": 0, "job_offset": set_(None)},
    "tres": {"allocated": [{"type": "cpu", "name": "", "id": 1, "count": 64},
                           {"type": "energy", "name": None, "id": 3, "count": -2},
                           {"type": "gres", "name": "gpu", "id": 1001, "count": 8},
                           {"type": "node", "name": None, "id": 4, "count": 2}], "requested": []},
}  # fmt: skip


def test_a_job_of_the_accounting_counts_what_was_given_and_drops_what_was_not_measured() -> None:
    (run,) = json_jobs.ACCOUNTED.parse(answer(ACCOUNTED), ORIGIN).value
    assert run == replace(
        RUN, key=RunKey("alpha", 7, START), source="sacct --json", tres="cpu=64,gres/gpu=8,node=2", cpus=64
    )


def test_a_requeued_run_of_the_accounting_is_over_and_one_that_waits_has_no_start() -> None:
    """slurmdbd stores a requeue as a flag beside PENDING, and answers REST with the time of the question as times."""
    requeued = ACCOUNTED | {"state": {"current": ["PENDING", "REQUEUED"]}}
    waits = ACCOUNTED | {"state": {"current": "PENDING"}, "nodes": "None assigned", "allocation_nodes": 0}
    over, waiting = json_jobs.ACCOUNTED.parse(answer(requeued, waits), ORIGIN).value
    assert (over.state, over.key.start_ms, over.end_ms) == ("REQUEUED", START, START + 60_000)
    assert (waiting.key.start_ms, waiting.end_ms, waiting.predicted_start_ms) == (None, None, None)


def test_an_empty_list_beside_errors_is_a_refusal_and_without_them_it_is_no_jobs() -> None:
    said = [{"description": "Failed while looking for jobs", "error": "Unspecified error", "source": "slurm_load_jobs"}]
    error = refused(answer(errors=said))
    assert error.bare == "Slurm itself failed: Failed while looking for jobs, Unspecified error, slurm_load_jobs."
    assert "slurmctld and slurmdbd answer" in error.fix
    assert "it does not say what" in refused(answer(errors=[{"error_number": 5}])).bare
    assert json_jobs.CONTROLLED.parse(answer(), ORIGIN).found == "0 runs"


def test_errors_beside_jobs_are_told_with_them() -> None:
    reading = json_jobs.CONTROLLED.parse(answer(JOB, errors=[{"error": "one"}], warnings=["two"]), ORIGIN)
    assert (reading.value, reading.notices) == ((RUN,), ("Slurm said with it: one", "Slurm said with it: two"))


def test_every_answer_of_a_failing_slurm_is_refused_by_what_it_says(data: Path) -> None:
    found = []
    for file in ("rest-errors.txt", "slurmctld-down.txt", "slurmdbd-down.txt"):
        whole = (data / "slurm/failures" / file).read_text()
        for body in re.findall(r"^\{\n.*?^\}", whole, re.DOTALL | re.MULTILINE):
            for content in (body, f"HTTP/1.1 200 OK\nContent-Type: application/json\n\n{body}"):
                kind = recognise(content)
                assert isinstance(kind, Format)
                found.append((kind.name, refused(content, kind).bare.removeprefix("Slurm itself failed: ")))
    ctld = "Failed while looking for jobs, Unspecified error, slurm_load_jobs."
    assert found[::2] == found[1::2] == [
        ("squeue --json", ctld),
        ("squeue --json", "Unable to find JobId=99999, Invalid job id specified, slurm_load_job."),
        ("squeue --json", ctld),
        ("sinfo --json", "Unspecified error."),
        ("squeue --json", ctld),
        ("sacct --json", "Failed connecting to slurmdbd, Unable to connect to database, slurmdb_jobs_get."),
    ]  # fmt: skip


def test_an_http_error_is_refused_with_its_number() -> None:
    plain = "HTTP/1.1 401 UNAUTHORIZED\nConnection: Close\nContent-Type: text/plain\n\nAuthentication failure\n"
    assert refused(plain).bare == "Slurm's REST service answered 401: Authentication failure."
    body = orjson.dumps({"errors": [{"description": "no such job", "error_number": 2017}], "jobs": []}).decode()
    assert refused(f"HTTP/1.1 500 INTERNAL ERROR\n\n{body}").bare == "Slurm's REST service answered 500: no such job."
    assert json_jobs.CONTROLLED.parse(f"HTTP/1.1 200 OK\nA: b\n\n{answer(JOB)}", ORIGIN).value == (RUN,)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (answer(JOB)[:-9], "it is no JSON, or cut"),
        (answer(JOB | {"job_state": None}), "job 7 (number 1): it has no state."),
        (answer(JOB, JOB | {"job_id": None}), "job None (number 2): it has no job_id."),
        (answer(JOB | {"job_state": "running"}), "'running' is no state"),
        (answer(JOB | {"nodes": "node[1"}), "is not a hostlist"),
        ('{"jobs": 5}', "it has no list of jobs."),
        ('{"jobs": [5]}', "number 1 of its jobs is no object."),
        ("[]", "it is no JSON object."),
        ("[" * 100_000, "it is no JSON, or cut"),
    ],
)
def test_what_does_not_fit_is_refused(content: str, says: str) -> None:
    assert says in refused(content).bare


def test_another_number_of_hosts_than_was_said_is_told() -> None:
    reading = json_jobs.CONTROLLED.parse(answer(JOB | {"node_count": 3}), ORIGIN)
    assert reading.notices == ("1 run with another number of hosts than node_count says: 7.",)


NODE = {
    "name": "node01", "state": "mixed", "state_flags": ["DRAIN", "NOT_RESPONDING"], "partitions": ["batch", "short"],
    "features": "edr,gpu", "gres": "gpu:4", "cpus": 32, "real_memory": 192000, "reason": "bad cable",
}  # fmt: skip
PLAIN = SchedulerNode(
    "node01", "MIXED", frozenset({"DRAIN", "NOT_RESPONDING"}), ("batch", "short"), ("edr", "gpu"), "gpu:4", 32,
    192_000, "bad cable",
)  # fmt: skip


def nodes_of(**members: Any) -> tuple[SchedulerNode, ...]:
    content = orjson.dumps({"meta": {}, "errors": []} | members).decode()
    assert json_nodes.recognise(content)
    return json_nodes.parse(content, ORIGIN).value.nodes


def test_a_node_is_the_same_in_the_shapes_of_all_versions() -> None:
    newer = {k: v for k, v in NODE.items() if k != "state_flags"} | {
        "state": ["MIXED", "DRAIN", "NOT_RESPONDING"], "features": ["edr", "gpu"], "real_memory": set_(192000),
    }  # fmt: skip
    groups = [
        {
            "node": {"state": newer["state"]}, "nodes": {"total": 1, "nodes": ["node01"]}, "partition": {"name": name},
            "features": {"total": "edr,gpu"}, "gres": {"total": "gpu:4"}, "cpus": {"minimum": 32, "maximum": 32},
            "memory": {"minimum": 192000, "maximum": 192000}, "reason": {"description": "bad cable"},
        }
        for name in ("batch", "short")
    ]  # fmt: skip
    assert nodes_of(nodes=[NODE]) == nodes_of(nodes=[newer]) == nodes_of(sinfo=groups) == (PLAIN,)
    groups[0]["cpus"] = {"minimum": 16, "maximum": 32}
    assert nodes_of(sinfo=groups) == (replace(PLAIN, cpus=None),), "of unlike nodes it is not known which has which"


def test_nodes_beside_errors_are_not_all_there_are() -> None:
    other = NODE | {"name": "node02"}
    whole = orjson.dumps({"nodes": [NODE, other], "errors": []}).decode()
    some = orjson.dumps({"nodes": [NODE, other], "errors": [{"error": "x"}]}).decode()
    assert [json_nodes.parse(content, ORIGIN).value.complete for content in (whole, some)] == [True, False]


@pytest.mark.parametrize(
    ("node", "says"),
    [
        (NODE | {"state": "?"}, "number 1 of its nodes: '?' is no state of a node."),
        (NODE | {"name": "node[01-02]"}, "'node[01-02]' is no name of a node."),
    ],
)
def test_a_node_that_does_not_fit_is_refused(node: dict[str, Any], says: str) -> None:
    assert says in refused(orjson.dumps({"nodes": [node]}).decode(), json_nodes.FORMAT).bare

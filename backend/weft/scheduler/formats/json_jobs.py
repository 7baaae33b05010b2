"""Jobs as JSON: what slurmctld tells (squeue, `scontrol show job`, REST slurm), and slurmdbd (sacct, REST slurmdb)."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted, said_aside
from weft.scheduler import hostlists
from weft.scheduler.formats.envelope import answer_of, exit_of, is_json, number, text, time_ms, within, words
from weft.scheduler.formats.fields import (
    BASE_STATES,
    Exit,
    Told,
    about_sizes,
    controller_state,
    joined_tres,
    label_of,
    run_of,
    state_of,
    text_of,
    tres_number,
    tres_of,
)
from weft.scheduler.model import Run

Job = Mapping[str, Any]

_FIX = "Ask again, or give another source of the same jobs."

_JOBS = re.compile(r'"jobs"\s*:\s*\[')
_OF_SLURMDBD = re.compile(
    r'"(?:association|allocation_nodes)"\s*:|"type"\s*:\s*"openapi\\?/(?:dbv|slurmdbd)|"command"\s*:\s*\[\s*"sacct"'
)
"""Members of its jobs, and where there are none the plugin or the command that says so."""


def _controlled(head: str) -> bool:
    return is_json(head) and _JOBS.search(head) is not None


def _accounted(head: str) -> bool:
    return _controlled(head) and _OF_SLURMDBD.search(head) is not None


def _reading(content: str, origin: Origin, told: Callable[[Job, Origin, str], Told]) -> Reading[tuple[Run, ...]]:
    answer = answer_of(content, "jobs")
    sizes: list[str] = []
    runs: dict[Run, None] = {}
    for place, job in enumerate(answer.records, 1):
        try:
            one = told(job, origin, answer.cluster)
        except BadInput as exc:
            raise BadInput(f"job {job.get('job_id')} (number {place}): {exc.bare}", fix=exc.fix) from exc
        runs[run_of(one)] = None
        if one.hosts and one.node_count is not None and one.node_count != len(one.hosts):
            sizes.append(one.label)
    notices = (*answer.notices, *about_sizes(sizes, "node_count"), *said_aside(origin.stderr))
    return Reading(tuple(runs), counted(len(runs), "run"), origin.seen_at_ms, dated=False, notices=notices)


def _job_id(job: Job) -> int:
    job_id = number(job.get("job_id"))
    if job_id is None:
        raise BadInput("it has no job_id.", fix=_FIX)
    return job_id


def _state(value: Any) -> list[str]:
    states = words(value)
    if not states:
        raise BadInput("it has no state.", fix=_FIX)
    return [state_of(state) for state in states]


def _hosts(value: Any) -> tuple[str, ...] | None:
    """None where the answer has no such member; () where it says that there are none."""
    return None if value is None else hostlists.expand(text_of(text(value)))


def _controller_job(job: Job, origin: Origin, cluster: str) -> Told:
    states = _state(job.get("job_state"))
    nodes = job.get("nodes")
    if nodes is None:
        nodes = within(job, "job_resources", "nodes")
        nodes = within(nodes, "list") if isinstance(nodes, Mapping) else nodes
    tres = tres_of(text(job.get("tres_alloc_str")) or text(job.get("tres_req_str")))
    job_id, task = _job_id(job), number(job.get("array_task_id"))
    hosts = _hosts(nodes)
    return Told(
        cluster=text(job.get("cluster")) or cluster or origin.cluster,
        job_id=job_id,
        label=label_of(
            job_id,
            number(job.get("array_job_id")),
            text(job.get("array_task_string")) if task is None else str(task),
            number(job.get("het_job_id")),
            number(job.get("het_job_offset")),
        ),
        state=controller_state(next((state for state in states if state in BASE_STATES), states[0])),
        seen_at_ms=origin.seen_at_ms,
        source=CONTROLLED.name,
        name=text(job.get("name")),
        user=text(job.get("user_name")),
        account=text(job.get("account")),
        partition=text(job.get("partition")),
        submit_ms=time_ms(job.get("submit_time")),
        start_ms=time_ms(job.get("start_time")),
        end_ms=time_ms(job.get("end_time")),
        hosts=hosts,
        node_count=number(job.get("node_count")),
        exit=exit_of(job.get("exit_code")),
        features=text(job.get("features")),
        tres=tres,
        cpus=number(job.get("cpus")) or tres_number(tres, "cpu"),
        predicts=True,
    )


def _accounted_job(job: Job, origin: Origin, cluster: str) -> Told:
    states = _state(within(job, "state", "current"))
    allocated, requested = _tres(within(job, "tres", "allocated")), _tres(within(job, "tres", "requested"))
    job_id, task = _job_id(job), number(within(job, "array", "task_id"))
    times = job.get("time")
    return Told(
        cluster=text(job.get("cluster")) or text(within(job, "association", "cluster")) or cluster or origin.cluster,
        job_id=job_id,
        label=label_of(
            job_id,
            number(within(job, "array", "job_id")),
            text(within(job, "array", "task")) if task is None else str(task),
            number(within(job, "het", "job_id")),
            number(within(job, "het", "job_offset")),
        ),
        # Of a requeued run the base state is left at PENDING, whose number is 0.
        state="REQUEUED" if "REQUEUED" in states else states[0],
        seen_at_ms=origin.seen_at_ms,
        source=ACCOUNTED.name,
        name=text(job.get("name")),
        user=text(job.get("user")) or text(within(job, "association", "user")),
        account=text(job.get("account")),
        partition=text(job.get("partition")),
        submit_ms=time_ms(within(times, "submission")),
        start_ms=time_ms(within(times, "start")),
        end_ms=time_ms(within(times, "end")),
        hosts=_hosts(job.get("nodes")),
        node_count=number(job.get("allocation_nodes")) or tres_number(requested, "node"),
        exit=_accounted_exit(states[0], job.get("exit_code")),
        features=text(job.get("constraints")),
        tres=allocated or requested,
        cpus=tres_number(allocated or requested, "cpu") or number(within(job, "required", "CPUs")),
    )


def _accounted_exit(state: str, value: Any) -> Exit:
    """slurmdbd of 22.05 (status a string) calls every exit code SUCCESS; of a job that failed it is not known then."""
    told = exit_of(value)
    return (None, None) if state == "FAILED" and told == (0, 0) and within(value, "status") == "SUCCESS" else told


def _tres(value: Any) -> str:
    """Resources of a list of `{type, name, id, count}`."""
    amounts: dict[str, str | int] = {}
    for each in value if isinstance(value, list) else ():
        kind, name, count = text(within(each, "type")), text(within(each, "name")), number(within(each, "count"))
        if kind and count is not None:
            amounts[f"{kind}/{name}" if name else kind] = count
    return joined_tres(amounts)


def parse_controlled(content: str, origin: Origin) -> Reading[tuple[Run, ...]]:
    """Read slurmctld's jobs. Raises BadInput: a failed question, or a job without id or state."""
    return _reading(content, origin, _controller_job)


def parse_accounted(content: str, origin: Origin) -> Reading[tuple[Run, ...]]:
    """Read slurmdbd's jobs; steps are left out. Raises BadInput: a failed question, or a job without id or state."""
    return _reading(content, origin, _accounted_job)


ACCOUNTED: Format[tuple[Run, ...]] = Format(
    "sacct --json", "jobs of the accounting as JSON (sacct, REST slurmdb)", _accounted, parse_accounted
)
CONTROLLED: Format[tuple[Run, ...]] = Format(
    "squeue --json", "jobs of the controller as JSON (squeue, scontrol, REST slurm)", _controlled, parse_controlled
)

"""`to_dict()` of pyslurm, as JSON: jobs, jobs of the database and nodes, each under any name, in a list, or one alone.

Source: pyslurm 25.11. Times are epoch seconds or null, and of a waiting job they are predictions here too.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted, said_aside
from weft.scheduler import hostlists
from weft.scheduler.formats import nodes
from weft.scheduler.formats.envelope import number, text, time_ms, words
from weft.scheduler.formats.fields import Told, controller_state, joined_tres, label_of, run_of, state_of, tres_number
from weft.scheduler.model import NODE_MEMBERS, NodeReport, Run, SchedulerDump, SchedulerNode

_FIX = "Write them again: `json.dumps({k: v.to_dict() for k, v in pyslurm.Jobs.load().items()})`."

_OWN = re.compile(r'"(?:allocated_nodes|slurmd_start_time|db_index)"\s*:')
_NOT_OWN = re.compile(r'"(?:jobs|nodes|sinfo|meta|errors)"\s*:\s*[\[{]')

Thing = Mapping[str, Any]


def recognise(head: str) -> bool:
    """True for JSON with members that only pyslurm names so, and no envelope of Slurm's own."""
    return head.lstrip()[:1] in ("{", "[") and _OWN.search(head) is not None and _NOT_OWN.search(head) is None


def parse(content: str, origin: Origin) -> Reading[SchedulerDump]:
    """Read every job and node; partitions and whatever else is there are passed over.

    Raises:
        BadInput: no JSON, or a job without id or state.
    """
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as exc:
        raise BadInput(f"it is no JSON, or cut: {exc.msg}.", fix=_FIX, line=exc.lineno) from exc
    runs: dict[Run, None] = {}
    found: list[SchedulerNode] = []
    clusters: list[str] = []
    for name, thing in _things(body):
        try:
            if "real_memory" in thing and "name" in thing:
                found.append(_node(thing))
                clusters.append(text(thing.get("cluster")))
            elif "state" in thing and ("allocated_nodes" in thing or "nodelist" in thing):
                runs[run_of(_job(thing, origin))] = None
        except BadInput as exc:
            raise BadInput(f"{name}: {exc.bare}", fix=exc.fix) from exc
    listed = nodes.joined(found)
    report = (
        NodeReport(clusters[0] or origin.cluster, origin.seen_at_ms, FORMAT.name, listed, len(listed) > 1, NODE_MEMBERS)
        if listed
        else None
    )
    told = [counted(len(runs), "run")] * bool(runs or not listed) + [counted(len(listed), "node")] * bool(listed)
    return Reading(
        SchedulerDump(tuple(runs), report),
        " and ".join(told),
        origin.seen_at_ms,
        dated=False,
        notices=tuple(said_aside(origin.stderr)),
    )


def _things(body: Any) -> Iterator[tuple[str, Thing]]:
    """Everything with a name of its own: members of an object, of a list, or the one object itself."""
    if isinstance(body, Mapping) and not ("state" in body and ("id" in body or "name" in body)):
        yield from ((str(name), thing) for name, thing in body.items() if isinstance(thing, Mapping))
    elif isinstance(body, list):
        yield from ((f"number {at}", thing) for at, thing in enumerate(body, 1) if isinstance(thing, Mapping))
    elif isinstance(body, Mapping):
        yield "it", body


def _job(job: Thing, origin: Origin) -> Told:
    """A job of the controller (`allocated_nodes`), or of the database (`nodelist`)."""
    job_id = number(job.get("id"))
    if job_id is None:
        raise BadInput("a job has no id.", fix=_FIX)
    controlled = "allocated_nodes" in job
    state = state_of(text(job.get("state")))
    tres = _tres(job.get("allocated_tres")) or _tres(job.get("requested_tres"))
    task = number(job.get("array_task_id"))
    hosts = job.get("allocated_nodes" if controlled else "nodelist")
    return Told(
        cluster=text(job.get("cluster")) or origin.cluster,
        job_id=job_id,
        label=label_of(
            job_id,
            number(job.get("array_id")),
            text(job.get("array_tasks_waiting")) if task is None else str(task),
            number(job.get("heterogeneous_id")),
            number(job.get("heterogeneous_offset")),
        ),
        state=controller_state(state) if controlled else state,
        seen_at_ms=origin.seen_at_ms,
        source=FORMAT.name,
        name=text(job.get("name")),
        user=text(job.get("user_name")),
        account=text(job.get("account")),
        partition=text(job.get("partition")),
        submit_ms=time_ms(job.get("submit_time")),
        start_ms=time_ms(job.get("start_time")),
        end_ms=time_ms(job.get("end_time")),
        hosts=hostlists.expand(text(hosts)),
        node_count=number(job.get("num_nodes")),
        exit=(number(job.get("exit_code")), number(job.get("exit_code_signal"))),
        features=text(job.get("constraints")),
        tres=tres,
        cpus=number(job.get("cpus")) or tres_number(tres, "cpu"),
        predicts=controlled,
    )


def _tres(value: Any) -> str:
    """Resources of an object whose members are `{type_and_name, count}`, or groups of such."""
    amounts: dict[str, str | int] = {}
    members = value.values() if isinstance(value, Mapping) else ()
    for each in members:
        for one in each.values() if isinstance(each, Mapping) and "count" not in each else (each,):
            if isinstance(one, Mapping) and (count := number(one.get("count"))) is not None:
                amounts[text(one.get("type_and_name"))] = count
    return joined_tres(amounts)


def _node(node: Thing) -> SchedulerNode:
    state = nodes.state_of(text(node.get("state")).split("+"))
    names = hostlists.expand(text(node.get("name")))
    if state is None or len(names) != 1:
        raise BadInput(f"{text(node.get('state'))[:60]!r} is no state of a node.", fix=_FIX)
    gres = node.get("configured_gres")
    return SchedulerNode(
        names[0],
        *state,
        tuple(words(node.get("partitions"))),
        tuple(words(node.get("available_features"))),
        ",".join(f"{name}:{count}" for name, count in sorted(gres.items())) if isinstance(gres, Mapping) else "",
        number(node.get("total_cpus")),
        number(node.get("real_memory")),
        text(node.get("reason")),
    )


FORMAT: Format[SchedulerDump] = Format("pyslurm", "jobs or nodes of pyslurm as JSON", recognise, parse)

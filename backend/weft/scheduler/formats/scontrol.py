"""`scontrol show job` and `scontrol show node`, a record a paragraph or, with `-o`, a line.

Source: `slurm_sprint_job_info`, `slurm_sprint_node_table` and output of 22.05 (23.02 on: ReqTRES and AllocTRES). Times
are local without a zone unless SLURM_TIME_FORMAT said otherwise. Texts of users stand unquoted among the fields: of a
job all that is read comes before its Command, and the next field tells where its name ends.
"""

import re
from collections.abc import Iterator

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted, said_aside
from weft.scheduler import hostlists
from weft.scheduler.formats import nodes
from weft.scheduler.formats.fields import (
    WAITING_STATES,
    Clock,
    Told,
    about_sizes,
    controller_state,
    count_of,
    exit_of_text,
    label_of,
    run_of,
    state_of,
    text_of,
    tres_number,
    tres_of,
)
from weft.scheduler.model import NodeReport, Run, SchedulerNode

ASK_JOBS = "Print them with `SLURM_TIME_FORMAT=%s scontrol show job`."

_FIELD = re.compile(r"(?a)(?:^|(?<=\s))([A-Z][\w/:]*)=(\S*)")
_AFTER_NAME = re.compile(r"(?a) UserId=\S{0,256}\(\d{1,10}\) GroupId=")
_REASON = re.compile(r"\sReason=(.{0,4096}?)\s\[[^\[\]\s]{0,256}@[^\[\]\s]{0,256}\]", re.DOTALL)
# Repeats are bounded: texts of users come in any length, and a pattern must not go back over all of one.

Record = tuple[int, str]
"""Line and text of one record."""


def _records(text: str, first: str, ask: str) -> Iterator[Record]:
    """Every record, which begins in the first column with the field `first`."""
    starts = [found.start() for found in re.finditer(rf"^{first}=", text, re.MULTILINE)]
    if not text.endswith("\n"):
        raise BadInput(
            "the last line has no end: the file is cut.", fix=f"Run scontrol again. {ask}", line=text.count("\n") + 1
        )
    if not starts or text[: starts[0]].strip():
        raise BadInput(f"a record begins with {first}=.", fix=ask, line=1)
    line, at = 1 + text.count("\n", 0, starts[0]), starts[0]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        line, at = line + text.count("\n", at, start), start
        yield line, text[start:end]


def _fields(text: str) -> dict[str, str]:
    """Fields by name; the first of a name, as what users write comes last."""
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(text):
        found.setdefault(name, value)
    return found


def _recognise(first: str) -> re.Pattern[str]:
    return re.compile(rf"\s*{first}=\S")


_JOB, _NODE = _recognise("JobId"), _recognise("NodeName")


def parse_jobs(text: str, origin: Origin) -> Reading[tuple[Run, ...]]:
    """Read every job. Raises BadInput: cut, or a record without what every job has."""
    clock = Clock(origin, ASK_JOBS)
    sizes: list[str] = []
    runs: dict[Run, None] = {}
    for line, record in _records(text, "JobId", ASK_JOBS):
        try:
            told = _told(record, origin, clock)
        except BadInput as exc:
            raise BadInput(exc.bare, fix=exc.fix, line=line) from exc
        runs[run_of(told)] = None
        if told.hosts and told.node_count is not None and told.node_count != len(told.hosts):
            sizes.append(told.label)
    notices = clock.notices() + about_sizes(sizes, "NumNodes") + said_aside(origin.stderr)
    return Reading(tuple(runs), counted(len(runs), "run"), origin.seen_at_ms, dated=False, notices=tuple(notices))


def _told(record: str, origin: Origin, clock: Clock) -> Told:
    name, rest = _name_and_rest(record)
    ids, row = _fields(record[: record.find(" JobName=")]), _fields(rest.partition(" Command=")[0])
    for needed in ("JobState", "StartTime", "NodeList"):
        if needed not in row:
            raise BadInput(f"the job has no {needed}: the file is cut, or it is no job.", fix=ASK_JOBS)
    state = controller_state(state_of(row["JobState"]))
    submit_ms, start_ms = clock.times(row.get("SubmitTime", ""), row["StartTime"])
    end = row.get("EndTime", "") if state not in WAITING_STATES | {"RUNNING"} else ""
    tres = tres_of(text_of(row.get("AllocTRES", "")) or text_of(row.get("TRES", "")) or text_of(row.get("ReqTRES", "")))
    job_id = _number(ids["JobId"])
    offset = ids.get("HetJobOffset", "")
    return Told(
        cluster=origin.cluster,
        job_id=job_id,
        label=label_of(
            job_id,
            _number(ids.get("ArrayJobId", "0")),
            ids.get("ArrayTaskId", "") + (f"%{ids['ArrayTaskThrottle']}" if _waiting_tasks(ids) else ""),
            _number(ids.get("HetJobId", "0")),
            _number(offset) if offset else None,
        ),
        state=state,
        seen_at_ms=origin.seen_at_ms,
        source=JOBS.name,
        name=name,
        user=row.get("UserId", "").partition("(")[0],
        account=text_of(row.get("Account", "")),
        partition=text_of(row.get("Partition", "")),
        submit_ms=submit_ms,
        start_ms=start_ms,
        end_ms=clock.time(end),
        hosts=hostlists.expand(text_of(row["NodeList"])),
        node_count=count_of(row.get("NumNodes", "")),
        exit=exit_of_text(row.get("ExitCode", "")),
        features=text_of(row.get("Features", "")),
        tres=tres,
        cpus=count_of(row.get("NumCPUs", "")) or tres_number(tres, "cpu"),
        predicts=True,
    )


def _waiting_tasks(ids: dict[str, str]) -> bool:
    """Whether the record stands for tasks that wait, and says how many of them may run at once."""
    return not ids.get("ArrayTaskId", "0").isdecimal() and "ArrayTaskThrottle" in ids


def _name_and_rest(record: str) -> tuple[str, str]:
    """The name of a job and what comes after it; a name may hold blanks and what looks like fields."""
    ids, found, rest = record.partition(" JobName=")
    if not found:
        raise BadInput("the job has no JobName.", fix=ASK_JOBS)
    if "\n   UserId=" in rest or "\n   HetJobIdSet=" in rest:  # a paragraph: the name is the rest of its line
        name, _, rest = rest.partition("\n")
        return name, rest
    ends = list(_AFTER_NAME.finditer(rest))
    if len(ends) != 1:
        raise BadInput(
            "where the name of the job ends cannot be told.", fix="Print them without -o: `scontrol show job`."
        )
    name = rest[: ends[0].start()]
    if "HetJobId=" in ids:
        name = name.rpartition(" HetJobIdSet=")[0]
    return name, rest[ends[0].start() :]


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 10:
        raise BadInput(f"'{text[:60]}' is no id of a job.", fix=ASK_JOBS)
    return int(text)


def parse_nodes(text: str, origin: Origin) -> Reading[NodeReport]:
    """Read every node. Raises BadInput: cut, or a record without what every node has."""
    found: list[SchedulerNode] = []
    for line, record in _records(text, "NodeName", nodes.ASK):
        try:
            found.append(_node(record))
        except BadInput as exc:
            raise BadInput(exc.bare, fix=exc.fix, line=line) from exc
    return nodes.reading(found, origin, NODES.name)


def _node(record: str) -> SchedulerNode:
    row = _fields(record)
    for needed in ("State", "CPUTot", "RealMemory"):
        if needed not in row:
            raise BadInput(f"the node has no {needed}: the file is cut, or it is no node.", fix=nodes.ASK)
    state = nodes.state_of(row["State"].split("+"))
    names = hostlists.expand(row["NodeName"])
    if state is None or len(names) != 1:
        raise BadInput(f"'{row['State'][:60]}' is no state of the node {row['NodeName'][:60]}.", fix=nodes.ASK)
    features = text_of(row.get("AvailableFeatures", ""))
    partitions = row.get("Partitions", "")
    reason = _REASON.match(record, max(record.find("Reason=") - 1, 0))
    return SchedulerNode(
        names[0],
        *state,
        tuple(partitions.split(",")) if partitions else (),
        tuple(features.split(",")) if features else (),
        text_of(row.get("Gres", "")),
        count_of(row["CPUTot"]),
        count_of(row["RealMemory"]),
        " ".join(reason[1].split()) if reason else "",
    )


JOBS: Format[tuple[Run, ...]] = Format(
    "scontrol show job", "a listing of scontrol show job", lambda head: _JOB.match(head) is not None, parse_jobs
)
NODES: Format[NodeReport] = Format(
    "scontrol show node", "a listing of scontrol show node", lambda head: _NODE.match(head) is not None, parse_nodes
)

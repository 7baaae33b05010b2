"""Documents of jobcomp/elasticsearch: one for each job that ended, as slurmctld posts them or as they are exported.

Source: `jobcomp_elasticsearch.c` and the requests that 22.05 and 25.11 made. Times are UTC without a zone, whatever the
zone of the controller. A document is written when its job ends, so that is when it was seen.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any

import orjson

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted, said_aside
from weft.scheduler import hostlists
from weft.scheduler.formats.envelope import number, text
from weft.scheduler.formats.fields import Clock, Told, exit_of_text, label_of, run_of, state_of, text_of, tres_of
from weft.scheduler.model import Run

_FIX = "Export the documents again, one a line."

_DOCUMENT = re.compile(r'(?m)^\{"(?:_index"|_source"|jobid"\s*:)[^\n]*"(?:@end|@start)"')
_HTTP_LINE = re.compile(r"(?a)(?:[A-Z]+ /\S* HTTP/[\d.]+|[\w-]+: .*|-+)")


def recognise(head: str) -> bool:
    """True when a line is a document."""
    return _DOCUMENT.search(head) is not None


def parse(content: str, origin: Origin) -> Reading[tuple[Run, ...]]:
    """Read every document; lines of HTTP around them are passed over.

    Raises:
        BadInput: a line that is neither, or a document without what each has.
    """
    clock = Clock(replace(origin, zone=UTC), _FIX)
    runs: dict[Run, None] = {}
    for line_number, line in enumerate(content.split("\n"), 1):
        plain = line.strip()
        if not plain or _HTTP_LINE.fullmatch(plain):
            continue
        try:
            runs[run_of(_told(_document(plain), origin, clock))] = None
        except BadInput as exc:
            raise BadInput(exc.bare, fix=exc.fix, line=line_number) from exc
    seen_at_ms = max((run.seen_at_ms for run in runs), default=origin.seen_at_ms)
    notices = tuple(said_aside(origin.stderr))
    return Reading(tuple(runs), counted(len(runs), "run"), seen_at_ms, dated=bool(runs), notices=notices)


def _document(line: str) -> Mapping[str, Any]:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError as exc:
        raise BadInput(f"it is no document, or cut: {exc.msg}.", fix=_FIX) from exc
    if isinstance(document, Mapping) and isinstance(document.get("_source"), Mapping):
        document = document["_source"]
    if not isinstance(document, Mapping) or number(document.get("jobid")) is None or "@end" not in document:
        raise BadInput("it is no document of a job: one has jobid and @end.", fix=_FIX)
    return document


def _told(job: Mapping[str, Any], origin: Origin, clock: Clock) -> Told:
    job_id = number(job.get("jobid")) or 0
    submit_ms, start_ms, end_ms = clock.times(*(text(job.get(name)) for name in ("@submit", "@start", "@end")))
    task = number(job.get("array_task_id"))
    nodes = text_of(text(job.get("nodes")))
    return Told(
        cluster=text(job.get("cluster")) or origin.cluster,
        job_id=job_id,
        label=label_of(
            job_id,
            number(job.get("array_job_id")),
            "" if task is None else str(task),
            number(job.get("het_job_id")),
            number(job.get("het_job_offset")),
        ),
        state=state_of(text(job.get("state"))),
        seen_at_ms=origin.seen_at_ms if end_ms is None else end_ms,
        source=FORMAT.name,
        name=text(job.get("job_name")),
        user=text(job.get("username")),
        account=text(job.get("account")),
        partition=text(job.get("partition")),
        submit_ms=submit_ms,
        start_ms=start_ms,
        end_ms=end_ms,
        hosts=hostlists.expand(nodes),
        node_count=number(job.get("total_nodes")),
        exit=exit_of_text(text(job.get("exit_code"))),
        tres=tres_of(text(job.get("tres_alloc")) or text(job.get("tres_req"))),
        cpus=number(job.get("total_cpus")),
    )


FORMAT: Format[tuple[Run, ...]] = Format("jobcomp", "documents of jobcomp/elasticsearch", recognise, parse)

"""`sacct -P`: what the accounting knows of jobs, a line each, fields between bars.

Source: Slurm's sacct manual page (fields, `--parsable2`, `--duplicates`) and output of 22.05. Times are local without a
zone unless SLURM_TIME_FORMAT said otherwise. What users write (job name, comment, submit line) may hold bars itself.
"""

from collections.abc import Sequence

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted, said_aside
from weft.scheduler import hostlists
from weft.scheduler.formats.bars import Bars, Dialect, first_line, heading, matches, whole_lines
from weft.scheduler.formats.fields import (
    Clock,
    Told,
    about_sizes,
    exit_of_text,
    is_time,
    run_of,
    state_of,
    tres_number,
    tres_of,
)
from weft.scheduler.model import Run

COMMAND = (
    "SLURM_TIME_FORMAT=%s sacct -a -X -D -P -o Cluster,JobID,User,Account,Partition,State,ExitCode,Submit,Start,End,"
    "NNodes,NCPUS,AllocTRES,ReqTRES,NodeList,Constraints,JobIDRaw,JobName"
)
"""Prints every column that is read, times without doubt, and a number between the two that can hold a bar."""

ASK = f"Print them with `{COMMAND}` (and -S, -E for the time)."

_is_id = matches(r"\d{1,10}(?:_(?:\d{1,10}|\[[\d,:%-]*(?:\.\.\.)?\]?)|\+\d{1,6})?|\d[^.|\s]*\.[\w.+-]+")
_is_code = matches(r"\d{1,5}:\d{1,5}|")
_is_number = matches(r"\d{0,18}")
_is_tres = matches(r"(?:[\w/:.@-]+=[\w.-]+(?:,|$))*")

NO_HOSTS = frozenset({"None assigned", "(null)"})

DIALECT = Dialect(
    tool="sacct",
    ask=ASK,
    fits={
        "JobID": _is_id,
        "JobIDRaw": _is_id,
        "State": matches(r"[A-Z][A-Z_]*(?: by \d+)?"),
        "ExitCode": _is_code,
        "DerivedExitCode": _is_code,
        "NodeList": matches(r"[\w.\[\],-]*|None assigned|\(null\)"),
        "AllocTRES": _is_tres,
        "ReqTRES": _is_tres,
        **dict.fromkeys(("Start", "End", "Submit", "Eligible"), is_time),
        **dict.fromkeys(
            "AllocCPUS AllocNodes AssocID DBIndex ElapsedRaw GID NCPUS NNodes Priority ReqCPUS ReqNodes UID".split(),
            _is_number,
        ),
    },
    free=frozenset(
        "AdminComment Comment Constraints Container Extra JobName Licenses Reason Reservation StdErr StdIn StdOut "
        "SubmitLine SystemComment WCKey WorkDir".split()
    ),
    read=frozenset(
        "Cluster JobID JobIDRaw JobName User Account Partition State ExitCode Submit Start End NNodes AllocNodes "
        "NCPUS AllocCPUS AllocTRES ReqTRES NodeList".split()
    ),
)


def recognise(head: str) -> bool:
    """True for a heading with bars that has a column of job ids as sacct writes it."""
    columns = first_line(head).split("|")
    return len(columns) > 1 and not {"JobID", "JobIDRaw"}.isdisjoint(columns)


def parse(text: str, origin: Origin) -> Reading[tuple[Run, ...]]:
    """Read every job; steps are left out, a row twice is one, rows of one id with other starts are other runs.

    Raises:
        BadInput: cut, a needed column is missing, a row that does not fit the heading.
    """
    lines = whole_lines(text, f"Run sacct again. {ASK}")
    at, columns, closed = heading(lines, DIALECT)  # sacct -p (not -P) ends every line with a bar
    _check_columns(columns, at + 1)
    bars, clock = Bars(DIALECT, columns, closed, at + 2), Clock(origin, ASK)
    sizes: list[str] = []
    runs: dict[Run, None] = {}
    for number, fields in bars.rows(lines[at + 1 :]):
        try:
            told = _told(dict(zip(columns, fields, strict=True)), origin, clock)
        except BadInput as exc:
            raise BadInput(exc.bare, fix=exc.fix, line=number) from exc
        if told is not None:
            runs[run_of(told)] = None
            if told.hosts and told.node_count is not None and told.node_count != len(told.hosts):
                sizes.append(told.label)
    notices = [] if "NodeList" in columns else [f"There is no column NodeList, so no run has hosts. {ASK}"]
    notices += clock.notices() + about_sizes(sizes, "NNodes") + bars.notices() + said_aside(origin.stderr)
    return Reading(tuple(runs), counted(len(runs), "run"), origin.seen_at_ms, dated=False, notices=tuple(notices))


def _check_columns(columns: Sequence[str], line: int) -> None:
    repeated = sorted({name for name in columns if columns.count(name) > 1 and name in DIALECT.read})
    if repeated:
        raise BadInput(f"the heading has {repeated[0]} twice.", fix=ASK, line=line)
    if not {"JobID", "JobIDRaw"} & set(columns):
        raise BadInput("the heading has no column JobID or JobIDRaw.", fix=ASK, line=line)
    for needed in ("State", "Start"):
        if needed not in columns:
            raise BadInput(f"the heading has no column {needed}.", fix=ASK, line=line)


def _told(row: dict[str, str], origin: Origin, clock: Clock) -> Told | None:
    """A row as what is told of a job; None for a step."""
    label, raw = row.get("JobID") or row.get("JobIDRaw", ""), row.get("JobIDRaw") or row.get("JobID", "")
    if "." in label or "." in raw:
        return None
    submit_ms, start_ms, end_ms = clock.times(row.get("Submit", ""), row["Start"], row.get("End", ""))
    hosts = row.get("NodeList", "")
    count = row.get("NNodes") or row.get("AllocNodes") or ""
    cpus = row.get("NCPUS") or row.get("AllocCPUS") or ""
    tres = tres_of(row.get("AllocTRES") or row.get("ReqTRES", ""))
    return Told(
        cluster=row.get("Cluster") or origin.cluster,
        job_id=_raw_id(raw),
        label=label,
        state=state_of(row["State"]),
        seen_at_ms=origin.seen_at_ms,
        source=FORMAT.name,
        name=row.get("JobName", ""),
        user=row.get("User", ""),
        account=row.get("Account", ""),
        partition=row.get("Partition", ""),
        submit_ms=submit_ms,
        start_ms=start_ms,
        end_ms=end_ms,
        hosts=None if not hosts else () if hosts in NO_HOSTS else hostlists.expand(hosts),
        node_count=int(count) if count.isdecimal() else None,
        exit=exit_of_text(row.get("ExitCode", "")),
        features=row.get("Constraints", ""),
        tres=tres,
        cpus=int(cpus) if cpus.isdecimal() else tres_number(tres, "cpu"),
    )


def _raw_id(text: str) -> int:
    if not text.isdecimal():
        raise BadInput(
            f"'{text}' is part of an array or heterogeneous job: its own number stands only in the column JobIDRaw.",
            fix=ASK,
        )
    return int(text)


FORMAT: Format[tuple[Run, ...]] = Format("sacct", "a sacct -P listing", recognise, parse)

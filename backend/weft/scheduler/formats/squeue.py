"""`squeue -o` with bars between the fields: jobs of the controller, a line each.

Source: squeue's manual page and `print_fields` (opts.c) for its headings; output of 22.05. `squeue -o %all` is read
without its heading (`-h`) too, where every field of a row looks as its column must.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted, said_aside
from weft.scheduler import hostlists
from weft.scheduler.formats.bars import Bars, Dialect, first_line, heading, matches, whole_lines
from weft.scheduler.formats.fields import (
    SHORT_STATES,
    WAITING_STATES,
    Clock,
    Told,
    about_sizes,
    controller_state,
    count_of,
    is_time,
    label_of,
    run_of,
    state_of,
    text_of,
)
from weft.scheduler.model import Run

COMMAND = "SLURM_TIME_FORMAT=%s squeue -a -t all -o '%i|%A|%F|%K|%u|%a|%P|%T|%V|%S|%e|%D|%C|%N|%f|%A|%j'"
"""Prints every column that is read, times without doubt, and a number between the two that can hold a bar."""

ASK = f"Print them with `{COMMAND}`, or `scontrol show job`, which tells more."

ALL = (
    "ACCOUNT TRES_PER_NODE MIN_CPUS MIN_TMP_DISK END_TIME FEATURES GROUP OVER_SUBSCRIBE JOBID NAME COMMENT TIME_LIMIT "
    "MIN_MEMORY REQ_NODES COMMAND PRIORITY QOS REASON - ST USER RESERVATION WCKEY EXC_NODES NICE S:C:T JOBID EXEC_HOST "
    "CPUS NODES DEPENDENCY ARRAY_JOB_ID GROUP SOCKETS_PER_NODE CORES_PER_SOCKET THREADS_PER_CORE ARRAY_TASK_ID "
    "TIME_LEFT TIME NODELIST CONTIGUOUS PARTITION PRIORITY NODELIST(REASON) START_TIME STATE UID SUBMIT_TIME LICENSES "
    "CORE_SPEC SCHEDNODES WORK_DIR"
).split()
"""The columns of `%all` in 22.05, which names none where nothing is between two bars."""

_is_id = matches(r"\d{1,10}(?:_(?:\d{1,10}|\[[\d,:%-]*(?:\.\.\.)?\]?)|\+\d{1,6})?")
_is_count = matches(r"\d+(?:\.\d+)?[KM]?(?:-\d+(?:\.\d+)?[KM]?)?")

_FITS: dict[str, Callable[[str], bool]] = {
    "JOBID": _is_id,
    "ARRAY_JOB_ID": _is_id,
    "ARRAY_TASK_ID": matches(r"N/A|[\d,:%\[\]-]+(?:\.\.\.)?\]?"),
    "STATE": matches(r"[A-Z][A-Z_]*"),
    "ST": lambda text: text in SHORT_STATES,
    "NODELIST": matches(r"[\w.\[\],-]*|\(null\)"),
    "NODES": _is_count,
    "CPUS": _is_count,
    "UID": str.isdecimal,
    **dict.fromkeys(("START_TIME", "END_TIME", "SUBMIT_TIME"), is_time),
}
_AGAIN = " again"
"""Said after the name of a column that comes once more (JOBID is `%i` and `%A`)."""

DIALECT = Dialect(
    tool="squeue",
    ask=ASK,
    fits={name + _AGAIN * times: fits for name, fits in _FITS.items() for times in range(3)},
    free=frozenset("COMMAND COMMENT FEATURES NAME RESERVATION WCKEY WORK_DIR".split()),
    read=frozenset(
        "ACCOUNT ARRAY_JOB_ID ARRAY_TASK_ID CPUS END_TIME JOBID NAME NODELIST NODES PARTITION START_TIME STATE ST "
        "SUBMIT_TIME USER".split()
    ),
)


def recognise(head: str) -> bool:
    """True for a heading with bars and a column JOBID, or a row of `%all`."""
    columns = first_line(head).removesuffix("|").split("|")
    return len(columns) > 1 and ("JOBID" in columns or _is_all(columns))


def _is_all(fields: Sequence[str]) -> bool:
    row = dict(zip(_numbered(ALL), fields, strict=False))
    return (
        len(fields) == len(ALL)
        and all(DIALECT.fits[name](text) for name, text in row.items() if name in DIALECT.fits)
        and row["JOBID" + _AGAIN].isdecimal()
    )


def parse(text: str, origin: Origin) -> Reading[tuple[Run, ...]]:
    """Read every job. Raises BadInput: cut, a needed column is missing, a row that does not fit the heading."""
    lines = whole_lines(text, f"Run squeue again. {ASK}")
    at, columns, closed = heading(lines, DIALECT)
    if _is_all(columns):
        at, columns = at - 1, ALL
    columns = _numbered(columns)
    _check_columns(columns, at + 1)
    bars, clock = Bars(DIALECT, columns, closed, at + 2), Clock(origin, ASK)
    sizes: list[str] = []
    runs: dict[Run, None] = {}
    rows = ["" if at >= 0 and line == lines[at] else line for line in lines[at + 1 :]]  # listings one after another
    for number, fields in bars.rows(rows):
        try:
            told = _told(dict(zip(columns, fields, strict=True)), origin, clock)
        except BadInput as exc:
            raise BadInput(exc.bare, fix=exc.fix, line=number) from exc
        runs[run_of(told)] = None
        if told.hosts and told.node_count is not None and told.node_count != len(told.hosts):
            sizes.append(told.label)
    notices = [] if "NODELIST" in columns else [f"There is no column NODELIST, so no run has hosts. {ASK}"]
    notices += clock.notices() + about_sizes(sizes, "NODES") + bars.notices() + said_aside(origin.stderr)
    return Reading(tuple(runs), counted(len(runs), "run"), origin.seen_at_ms, dated=False, notices=tuple(notices))


def _numbered(columns: Sequence[str]) -> list[str]:
    """Column names, each once: a second one is told apart, of any further one nothing is read."""
    seen: Counter[str] = Counter()
    named = []
    for name in columns:
        named.append(name + _AGAIN * seen[name])
        seen[name] += 1
    return named


def _check_columns(columns: Sequence[str], line: int) -> None:
    if "STATE" not in columns and "ST" not in columns:
        raise BadInput("the heading has no column STATE or ST.", fix=ASK, line=line)
    for needed in ("JOBID", "START_TIME"):
        if needed not in columns:
            raise BadInput(f"the heading has no column {needed}.", fix=ASK, line=line)


def _told(row: dict[str, str], origin: Origin, clock: Clock) -> Told:
    """A row as what is told of a job."""
    ids = [row["JOBID"], row.get("JOBID" + _AGAIN, "")]
    raw = next((text for text in reversed(ids) if text.isdecimal()), None)
    state = controller_state(state_of(row["STATE"] if "STATE" in row else SHORT_STATES[row["ST"]]))
    submit_ms, start_ms = clock.times(row.get("SUBMIT_TIME", ""), row["START_TIME"])
    hosts = row.get("NODELIST")
    cpus = count_of(row.get("CPUS", ""))
    if raw is None:
        raise BadInput(
            f"'{ids[0]}' is part of an array or heterogeneous job: its own number stands only in the second JOBID, %A.",
            fix=ASK,
        )
    return Told(
        cluster=origin.cluster,
        job_id=int(raw),
        label=_label(ids, row, int(raw)),
        state=state,
        seen_at_ms=origin.seen_at_ms,
        source=FORMAT.name,
        name=row.get("NAME", ""),
        user=row.get("USER", ""),
        account=text_of(row.get("ACCOUNT", "")),
        partition=row.get("PARTITION", ""),
        submit_ms=submit_ms,
        start_ms=start_ms,
        # squeue prints start plus limit as the end of one that goes on, so its hour may well be in doubt: not read.
        end_ms=clock.time(row.get("END_TIME", "")) if state not in WAITING_STATES | {"RUNNING"} else None,
        hosts=None if hosts is None else hostlists.expand(text_of(hosts)),
        node_count=count_of(row.get("NODES", "")),
        features=text_of(row.get("FEATURES", "")),
        cpus=cpus,
        predicts=True,
    )


def _label(ids: Sequence[str], row: dict[str, str], raw: int) -> str:
    """The id as people type it: as `%i` has it, or from the columns of the array."""
    typed = next((text for text in ids if text and not text.isdecimal()), "")
    array, task = row.get("ARRAY_JOB_ID", ""), text_of(row.get("ARRAY_TASK_ID", ""))
    return typed or label_of(raw, int(array) if array.isdecimal() else None, task, None, None)


FORMAT: Format[tuple[Run, ...]] = Format("squeue", "an squeue listing with bars", recognise, parse)

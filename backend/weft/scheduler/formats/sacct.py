"""`sacct -P`: what the accounting knows of jobs, a line each, fields between bars.

Source: Slurm's sacct manual page (fields, `--parsable2`, `--duplicates`) and output of 22.05. Times are local without a
zone unless SLURM_TIME_FORMAT said otherwise. What users write (job name, comment, submit line) may hold bars itself.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from weft.base.errors import BadInput
from weft.base.formats import SHOWN, Format, Origin, Reading, counted, said_aside
from weft.base.intervals import FOREVER_MS, local_ms, ms_of
from weft.scheduler import hostlists
from weft.scheduler.model import Run, RunKey

COMMAND = (
    "SLURM_TIME_FORMAT=%s sacct -a -X -D -P -o Cluster,JobID,JobIDRaw,User,Account,Partition,State,ExitCode,"
    "Submit,Start,End,NNodes,NodeList,JobName"
)
"""Prints every column that is read, times without doubt, and only one that can hold a bar: the last."""

ASK = f"Print them with `{COMMAND}` (and -S, -E for the time)."

_ID = re.compile(r"(?a)(?P<job>\d{1,10})(?:_(?P<task>\d{1,10}|\[[\d,:%-]*(?:\.\.\.)?\]?)|\+(?P<part>\d{1,6}))?")
_STEP = re.compile(r"(?a)\d[^.|\s]*\.[\w.+-]+")
_STATE = re.compile(r"(?a)[A-Z][A-Z_]*(?: by \d+)?")
_CODE = re.compile(r"(?a)(\d{1,5}):(\d{1,5})")
_TIME = re.compile(r"(?a)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:?\d\d)?|\d{9,11}")
_NUMBER = re.compile(r"(?a)\d{0,18}")
_HOSTS = re.compile(r"(?a)[\w.\[\],-]*|None assigned|\(null\)")

MOST_COLUMNS, MOST_BARS = 1_000, 2_000
"""Columns of a heading (sacct knows 120), and bars inside the texts of one row that are put in their place."""

NO_TIME = frozenset({"", "Unknown", "None", "N/A"})
NO_HOSTS = frozenset({"", "None assigned", "(null)"})

FREE_TEXT = frozenset(
    "AdminComment Comment Constraints Container Extra JobName Licenses Reason Reservation StdErr StdIn StdOut "
    "SubmitLine SystemComment WCKey WorkDir".split()
)
"""Columns that people or their paths fill, so that a bar may stand in them."""


def _is_time(text: str) -> bool:
    return text in NO_TIME or _TIME.fullmatch(text) is not None


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


_FITS: dict[str, Callable[[str], bool]] = {
    "JobID": lambda text: bool(_ID.fullmatch(text) or _STEP.fullmatch(text)),
    "JobIDRaw": lambda text: bool(_ID.fullmatch(text) or _STEP.fullmatch(text)),
    "State": _matches(_STATE),
    "ExitCode": lambda text: not text or _CODE.fullmatch(text) is not None,
    "DerivedExitCode": lambda text: not text or _CODE.fullmatch(text) is not None,
    "NodeList": _matches(_HOSTS),
    **dict.fromkeys(("Start", "End", "Submit", "Eligible"), _is_time),
    **dict.fromkeys(
        "AllocCPUS AllocNodes AssocID DBIndex ElapsedRaw GID NCPUS NNodes Priority ReqCPUS ReqNodes UID".split(),
        _matches(_NUMBER),
    ),
}
"""What a field of a column looks like: tells where the bars of free text end."""

READ = (
    "Cluster JobID JobIDRaw JobName User Account Partition State ExitCode Submit Start End NNodes AllocNodes NodeList"
).split()


@dataclass(slots=True)
class _Doubts:
    """What the reader should know, counted while rows are read."""

    twice: list[str] = field(default_factory=list)
    sizes: list[str] = field(default_factory=list)
    bars: int = 0


def recognise(head: str) -> bool:
    """True for a heading with bars that has a column of job ids as sacct writes it."""
    columns = _first_line(head).split("|")
    return len(columns) > 1 and not {"JobID", "JobIDRaw"}.isdisjoint(columns)


def _first_line(text: str) -> str:
    return text.lstrip("\n").partition("\n")[0]


def parse(text: str, origin: Origin) -> Reading[tuple[Run, ...]]:
    """Read every job; steps are left out, a row twice is one, rows of one id with other starts are other runs.

    Raises:
        BadInput: cut, a needed column is missing, a row that does not fit the heading.
    """
    lines = text.split("\n")
    if lines.pop():
        raise BadInput("the last line has no end: the file is cut.", fix=f"Run sacct again. {ASK}", line=len(lines) + 1)
    first = next(number for number, line in enumerate(lines) if line)
    closed = lines[first].endswith("|")  # sacct -p (not -P) ends every line with a bar
    columns = lines[first].removesuffix("|").split("|")
    _check_columns(columns, first + 1)
    doubts = _Doubts()
    runs: dict[Run, None] = {}
    for number, line in enumerate(lines[first + 1 :], first + 2):
        if not line:
            continue
        try:
            run = _run(_fields(columns, line.removesuffix("|") if closed else line, doubts), origin, doubts)
        except BadInput as exc:
            raise BadInput(exc.bare, fix=exc.fix, line=number) from exc
        if run is not None:
            runs[run] = None
    notices = _tell(doubts, columns) + said_aside(origin.stderr)
    return Reading(tuple(runs), counted(len(runs), "run"), origin.seen_at_ms, dated=False, notices=tuple(notices))


def _check_columns(columns: Sequence[str], line: int) -> None:
    if len(columns) > MOST_COLUMNS:
        raise BadInput(f"a heading of {len(columns):,} columns is none of sacct's.", fix=ASK, line=line)
    repeated = sorted({name for name in columns if columns.count(name) > 1 and name in READ})
    if repeated:
        raise BadInput(f"the heading has {repeated[0]} twice.", fix=ASK, line=line)
    if not {"JobID", "JobIDRaw"} & set(columns):
        raise BadInput("the heading has no column JobID or JobIDRaw.", fix=ASK, line=line)
    for needed in ("State", "Start"):
        if needed not in columns:
            raise BadInput(f"the heading has no column {needed}.", fix=ASK, line=line)


def _fields(columns: Sequence[str], line: str, doubts: _Doubts) -> dict[str, str]:
    """A row by column. Raises BadInput when it does not fit, or fits in more than one way."""
    parts = line.split("|")
    extra = len(parts) - len(columns)
    if extra < 0:
        raise BadInput(
            f"{counted(len(columns), 'field')} were expected, {len(parts)} are there: the file is cut, or a text in it "
            "has a line of its own.",
            fix=f"Leave the texts of users out. {ASK}",
        )
    if extra:
        doubts.bars += 1
        parts = _aligned(columns, parts, extra)
    row = dict(zip(columns, parts, strict=True))
    for name, fits in _FITS.items():
        if name in row and not fits(row[name]):
            raise BadInput(f"'{row[name][:60]}' is no {name} as sacct prints it.", fix=ASK)
    return row


def _aligned(columns: Sequence[str], parts: Sequence[str], extra: int) -> list[str]:
    """The fields of a row with bars inside its texts, as many as there are columns.

    Column i begins at part i + shift; only a free text may take more than one part, so shifts only grow. All ways that
    fit from the left and all that fit from the right are kept per column; where the columns that are read have one
    way in common, it is taken.
    """
    if extra > MOST_BARS:
        raise BadInput(f"{extra:,} bars too many.", fix=f"Leave the texts of users out. {ASK}")
    left = [{0}]
    for i, name in enumerate(columns):
        if name in FREE_TEXT:
            left.append(set(range(min(left[-1]), extra + 1)) if left[-1] else set())
        else:
            fits = _FITS.get(name)
            left.append({shift for shift in left[-1] if fits is None or fits(parts[i + shift])})
    right = [{extra}]
    for i, name in reversed(list(enumerate(columns))):
        if name in FREE_TEXT:
            right.append(set(range(max(right[-1]) + 1)) if right[-1] else set())
        else:
            fits = _FITS.get(name)
            right.append({shift for shift in right[-1] if fits is None or fits(parts[i + shift])})
    ways = [sorted(a & b) for a, b in zip(left, reversed(right), strict=True)]
    fields = []
    for i, name in enumerate(columns):
        if not ways[i] or (name in READ and len(ways[i]) + len(ways[i + 1]) > 2):
            raise BadInput(
                f"{counted(extra, 'bar')} too many, and where they belong ({name}?) cannot be told.",
                fix=f"Leave the texts of users out. {ASK}",
            )
        fields.append("|".join(parts[i + ways[i][0] : i + 1 + ways[i + 1][0]]))
    return fields


def _run(row: dict[str, str], origin: Origin, doubts: _Doubts) -> Run | None:
    """A row as a run; None for a step."""
    label, raw = row.get("JobID") or row.get("JobIDRaw", ""), row.get("JobIDRaw") or row.get("JobID", "")
    if "." in label or "." in raw:
        return None
    state = row["State"].partition(" ")[0]
    submit_ms = _time(row.get("Submit", ""), origin, doubts)
    start_ms = _time(row["Start"], origin, doubts)
    if state == "PENDING" or (state == "CANCELLED" and row.get("NodeList") in ("None assigned", "(null)")):
        start_ms = None  # a cancelled job that never held a host is printed with the time of its end as its start
    hosts = () if row.get("NodeList", "") in NO_HOSTS else hostlists.expand(row["NodeList"])
    count = row.get("NNodes") or row.get("AllocNodes") or ""
    if hosts and count.isdecimal() and int(count) != len(hosts):
        doubts.sizes.append(label)
    code = _CODE.fullmatch(row.get("ExitCode", ""))
    return Run(
        RunKey(row.get("Cluster") or origin.cluster, _raw_id(raw), start_ms),
        label,
        row.get("JobName", ""),
        row.get("User", ""),
        row.get("Account", ""),
        row.get("Partition", ""),
        state,
        submit_ms,
        _time(row.get("End", ""), origin, doubts),
        hosts,
        int(count) if count.isdecimal() else None,
        int(code[1]) if code else None,
        int(code[2]) if code else None,
        origin.seen_at_ms,
        FORMAT.name,
    )


def _raw_id(text: str) -> int:
    if not text.isdecimal():
        raise BadInput(
            f"'{text}' is part of an array or heterogeneous job: its own number stands only in the column JobIDRaw.",
            fix=ASK,
        )
    return int(text)


def _time(text: str, origin: Origin, doubts: _Doubts) -> int | None:
    """Epoch ms of a local time, one with an offset, or epoch seconds; None where sacct knows none."""
    if text in NO_TIME:
        return None
    at_ms, sure = _instant(text, origin)
    if not 0 <= at_ms < FOREVER_MS:
        raise BadInput(f"'{text}' lies outside the calendar.", fix=ASK)
    if not sure:
        doubts.twice.append(text)
    return at_ms


def _instant(text: str, origin: Origin) -> tuple[int, bool]:
    if text.isdecimal():
        return int(text) * 1000, True
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise BadInput(f"'{text}' is no time; one like 2026-11-22T22:49:45 was expected.", fix=ASK) from exc
    return local_ms(moment, origin.zone) if moment.tzinfo is None else (ms_of(moment), True)


def _tell(doubts: _Doubts, columns: Sequence[str]) -> list[str]:
    notices = []
    if "NodeList" not in columns:
        notices.append(f"There is no column NodeList, so no run has hosts. {ASK}")
    if doubts.twice:
        notices.append(
            f"{counted(len(doubts.twice), 'time')} in an hour that a change of clocks repeats or skips, first "
            f"{doubts.twice[0]}; the earlier one is taken. SLURM_TIME_FORMAT=%s prints times without doubt."
        )
    if doubts.sizes:
        shown = ", ".join(doubts.sizes[:SHOWN])
        notices.append(f"{counted(len(doubts.sizes), 'run')} with another number of hosts than NNodes says: {shown}.")
    if doubts.bars:
        notices.append(f"{counted(doubts.bars, 'row')} with bars inside a text: read by what fits.")
    return notices


FORMAT: Format[tuple[Run, ...]] = Format("sacct", "a sacct -P listing", recognise, parse)

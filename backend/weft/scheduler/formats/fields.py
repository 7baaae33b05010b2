"""What the formats of jobs share: states, exit codes, resources, local times, and the rules that make them a run.

Sources: `job_state_string`, `NO_VAL` and `convert_num_unit` of Slurm's sources, and output of 22.05 and 25.11.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from weft.base.errors import BadInput
from weft.base.formats import SHOWN, Origin, counted
from weft.base.intervals import FOREVER_MS, local_ms, ms_of
from weft.scheduler.model import FINISHED_STATES, Run, RunKey

WAITING_STATES = frozenset("PENDING REQUEUE_FED REQUEUE_HOLD RESV_DEL_HOLD SPECIAL_EXIT".split())
"""States of a job that has not started, or not again."""

BASE_STATES = FINISHED_STATES | {"PENDING", "RUNNING", "SUSPENDED"}
"""What a job is; anything else Slurm prints as a state is said beside it (COMPLETING, CONFIGURING, RESIZING, ...)."""

SHORT_STATES = {
    "BF": "BOOT_FAIL", "CA": "CANCELLED", "CD": "COMPLETED", "CF": "CONFIGURING", "CG": "COMPLETING", "DL": "DEADLINE",
    "F": "FAILED", "NF": "NODE_FAIL", "OOM": "OUT_OF_MEMORY", "PD": "PENDING", "PR": "PREEMPTED", "R": "RUNNING",
    "RD": "RESV_DEL_HOLD", "RF": "REQUEUE_FED", "RH": "REQUEUE_HOLD", "RQ": "REQUEUED", "RS": "RESIZING",
    "RV": "REVOKED", "S": "SUSPENDED", "SE": "SPECIAL_EXIT", "SI": "SIGNALING", "SO": "STAGE_OUT", "ST": "STOPPED",
    "TO": "TIMEOUT",
}  # fmt: skip
"""What squeue's column ST means (`job_state_string_compact`)."""

NO_VALUE = 0xFFFF_FFFD
"""Numbers from here on stand for `unlimited`, `not set` and `reset` in 32 and in 64 bits."""

NO_TIME = frozenset({"", "Unknown", "None", "N/A", "NONE", "(null)"})
NO_TEXT = frozenset({"(null)", "N/A", "n/a", "None assigned"})

_STATE = re.compile(r"(?a)[A-Z][A-Z_]*")
_TIME = re.compile(r"(?a)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:?\d\d)?|\d{9,11}")
_MEMORY = re.compile(r"(?a)(\d+(?:\.\d+)?)([KMGTPE])?")
_MIB = {"K": 1 / 1024, "": 1, "M": 1, "G": 1024, "T": 1024**2, "P": 1024**3, "E": 1024**4}

Exit = tuple[int | None, int | None]
"""Exit code and signal, None where not told."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a source says of one job, before it is told apart what of it holds (see `run_of`).

    `hosts` None: the source does not tell hosts; () when it says that there are none. `predicts`: its start of a
    waiting job is the scheduler's plan (slurmctld), otherwise it says nothing (slurmdbd).
    """

    cluster: str
    job_id: int
    label: str
    state: str
    seen_at_ms: int
    source: str
    name: str = ""
    user: str = ""
    account: str = ""
    partition: str = ""
    submit_ms: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    hosts: tuple[str, ...] | None = None
    node_count: int | None = None
    exit: Exit = (None, None)
    features: str = ""
    tres: str = ""
    cpus: int | None = None
    predicts: bool = False


def run_of(told: Told) -> Run:
    """The run that a source tells of, trusting start, end and exit by state only.

    Of a waiting job the start is a plan and the end worthless (slurmdbd even prints the time of the question); of one
    that goes on the end is start plus limit. One that was over before it held a host is printed with the time of its
    end as its start, and never started.
    """
    waiting, finished = told.state in WAITING_STATES, told.state in FINISHED_STATES
    never = waiting or (finished and told.hosts == ())
    code, signal = told.exit if finished else (None, None)
    return Run(
        RunKey(told.cluster, told.job_id, None if never else told.start_ms),
        told.label,
        told.name,
        told.user,
        told.account,
        told.partition,
        told.state,
        told.submit_ms,
        told.end_ms if finished else None,
        () if waiting else told.hosts or (),
        told.node_count,
        code,
        signal,
        told.seen_at_ms,
        told.source,
        told.features,
        told.tres,
        told.cpus,
        told.start_ms if waiting and told.predicts else None,
    )


def is_time(text: str) -> bool:
    """Whether this is how a tool prints a time, or that there is none."""
    return text in NO_TIME or _TIME.fullmatch(text) is not None


def state_of(text: str) -> str:
    """The state of `CANCELLED by 1001`, `RUNNING`. Raises BadInput: no state."""
    state = text.partition(" ")[0]
    if not _STATE.fullmatch(state):
        raise BadInput(f"'{text[:60]}' is no state of a job.", fix="Print it again.")
    return state


def controller_state(state: str) -> str:
    """slurmctld says REQUEUED of a job that is on its way back to waiting, where slurmdbd means a run that is over."""
    return "PENDING" if state == "REQUEUED" else state


def label_of(job_id: int, array_id: int | None, task: str, het_id: int | None, offset: int | None) -> str:
    """The id as people type it. `task`: number of an array's task, or the numbers that still wait (`4-6%3`), or ""."""
    if array_id and task:
        return f"{array_id}_{task}" if task.isdecimal() else f"{array_id}_[{task.strip('[]')}]"
    return f"{het_id}+{offset or 0}" if het_id else str(job_id)


def exit_of_status(status: int) -> Exit:
    """Code and signal of a status as wait(2) gives it: 768 is code 3, 15 is SIGTERM."""
    return (None, None) if not 0 <= status < NO_VALUE else (status >> 8 & 0xFF, status & 0x7F)


def exit_of_text(text: str) -> Exit:
    """Code and signal of `3:0`."""
    found = re.fullmatch(r"(?a)(\d{1,5}):(\d{1,5})", text)
    return (int(found[1]), int(found[2])) if found else (None, None)


def tres_of(text: str) -> str:
    """Resources in one form whoever prints them: sorted by name, memory in MiB (`cpu=512,mem=3072000M,node=16`).

    Slurm rounds memory up to a unit only where nothing is lost, so this loses nothing either.
    """
    amounts = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
    return joined_tres(amounts)


def joined_tres(amounts: Mapping[str, str | int]) -> str:
    """Resources by name as one text; what is not set is left out."""
    kept = {name: _amount(name, str(amount)) for name, amount in amounts.items()}
    return ",".join(f"{name}={kept[name]}" for name in sorted(kept) if kept[name])


def _amount(name: str, text: str) -> str:
    """The amount in one form, "" for one that is not set; negative and huge numbers stand for that."""
    if name == "mem" and (found := _MEMORY.fullmatch(text)):
        mib = round(float(found[1]) * _MIB[found[2] or ""])
        return f"{mib}M" if mib < NO_VALUE else ""
    if text.lstrip("-").isdecimal() and (text.startswith("-") or len(text) > 19 or int(text) >= NO_VALUE):
        return ""
    return text


def tres_number(tres: str, name: str) -> int | None:
    """The plain number of one resource, None when it is not among them."""
    found = next((part for part in tres.split(",") if part.startswith(f"{name}=")), "").partition("=")[2]
    return int(found) if found.isdecimal() else None


def text_of(text: str) -> str:
    """A text, "" where Slurm prints that there is none."""
    return "" if text in NO_TEXT else text


def count_of(text: str) -> int | None:
    """The number of `60`, `60-60` (asked for: least and most) and `1.50K`; None for anything else."""
    least = text.partition("-")[0]
    if found := re.fullmatch(r"(?a)(\d{1,9}(?:\.\d{1,3})?)([KM]?)", least):
        return round(float(found[1]) * {"": 1, "K": 1000, "M": 1_000_000}[found[2]])
    return None


@dataclass(slots=True)
class Clock:
    """Reads times as Slurm's tools print them, and counts those that the zone leaves in doubt."""

    origin: Origin
    ask: str
    doubtful: list[str] = field(default_factory=list)

    def times(self, *texts: str) -> tuple[int | None, ...]:
        """Epoch ms of times of one job in the order in which they happened; None where none is known.

        A time in an hour that the clock repeats is the earlier one of both, unless it would lie before the one it
        follows.
        """
        told: list[int | None] = []
        last_ms = -1
        for text in texts:
            at_ms = None if text in NO_TIME else self._read(text, last_ms)
            told.append(at_ms)
            last_ms = last_ms if at_ms is None else at_ms
        return tuple(told)

    def time(self, text: str) -> int | None:
        """Epoch ms of one time."""
        return self.times(text)[0]

    def notices(self) -> list[str]:
        """What the reader should know of the times."""
        if not self.doubtful:
            return []
        return [
            f"{counted(len(self.doubtful), 'time')} in an hour that a change of clocks repeats or skips, first "
            f"{self.doubtful[0]}; the earlier one is taken unless what it follows was later. SLURM_TIME_FORMAT=%s "
            "prints times without doubt."
        ]

    def _read(self, text: str, after_ms: int) -> int:
        if text.isdecimal():
            return self._within(int(text) * 1000, text)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as exc:
            raise BadInput(
                f"'{text[:60]}' is no time; one like 2026-11-22T22:49:45 was expected.", fix=self.ask
            ) from exc
        if moment.tzinfo is not None:
            return self._within(ms_of(moment), text)
        early_ms, sure = local_ms(moment, self.origin.zone)
        if not sure:
            self.doubtful.append(text)
            late_ms = ms_of(moment.replace(tzinfo=self.origin.zone, fold=1))
            if early_ms < after_ms <= late_ms:
                return self._within(late_ms, text)
        return self._within(early_ms, text)

    def _within(self, at_ms: int, text: str) -> int:
        if not 0 <= at_ms < FOREVER_MS:
            raise BadInput(f"'{text[:60]}' lies outside the calendar.", fix=self.ask)
        return at_ms


def about_sizes(labels: Iterable[str], column: str) -> list[str]:
    """A notice of runs whose hosts are not as many as was said."""
    told = list(labels)
    if not told:
        return []
    return [f"{counted(len(told), 'run')} with another number of hosts than {column} says: {', '.join(told[:SHOWN])}."]

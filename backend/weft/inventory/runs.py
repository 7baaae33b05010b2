"""How reports of runs become one picture, whatever the order they come in.

Reports of one life (the same run, or one submission that never started) are joined by `merge`, which is commutative,
associative and idempotent; `settle` does it for everything told of one job id. Two things follow from that. First, a
report has one time, not one for each member, so only what belongs together and changes together (state, end, exit) is
taken by time, from one report; texts and hosts are taken by fullness, as some tools cut or leave out columns. Second,
all reports of a life that tell the submit time are taken to tell the same one: slurmctld sets a new one when it
requeues a job (`job_mgr.c`), so a submission is one wait and at most one run.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from weft.scheduler.model import Run

Life = tuple[int | None, int | None]
"""What tells the lives of one job id apart: (start, None), or (None, submit) for one that never started."""


def life(run: Run) -> Life:
    """The life of its job id that a report is about."""
    return (None, run.submit_ms) if run.key.start_ms is None else (run.key.start_ms, None)


def pending(run: Run) -> bool:
    """True for one that waits: neither started nor cancelled before it could."""
    return run.key.start_ms is None and not run.finished


def merge(known: Run, told: Run) -> Run:
    """What two reports of one run say together.

    A pending one gives way, wholly, to the run it became. Otherwise state, end, exit, predicted start, source and
    `seen_at_ms` are those of the weightier report: finished over not, a known end and exit over unknown ones, then the
    later. So `seen_at_ms` of a run that is not over is when it was last confirmed, and a late word of one that is over
    changes nothing. Hosts: the larger set. Texts: known over unknown, then the longer. Submit, nodes and cpus: known
    over unknown, then the greater. What still ties is settled by value.

    Raises:
        ValueError: they are not about one run.
    """
    if known.key[:2] != told.key[:2] or (life(known) != life(told) and not _became(known, told)):
        raise ValueError(f"{known.key.text} and {told.key.text} are two runs")
    if pending(known) != pending(told):
        return told if pending(known) else known
    weightier = max(known, told, key=_weight)
    return replace(
        weightier,
        label=_fuller(known.label, told.label),
        name=_fuller(known.name, told.name),
        user=_fuller(known.user, told.user),
        account=_fuller(known.account, told.account),
        partition=_fuller(known.partition, told.partition),
        submit_ms=_greater(known.submit_ms, told.submit_ms),
        hosts=max(known.hosts, told.hosts, key=lambda hosts: (len(hosts), hosts)),
        node_count=_greater(known.node_count, told.node_count),
        features=_fuller(known.features, told.features),
        tres=_fuller(known.tres, told.tres),
        cpus=_greater(known.cpus, told.cpus),
    )


def settle(reports: Iterable[Run]) -> tuple[Run, ...]:
    """The runs that reports of one job id (of one cluster) tell of, oldest first.

    `settle([*settle(a), *b])` is `settle([*a, *b])`, in any order of either. A pending record is
    dropped once the run it became is there. One without a submit time cannot be told from any other life of its id, and
    gives way to whichever is known.
    """
    lives: dict[Life, Run] = {}
    for report in reports:
        key = life(report)
        lives[key] = merge(lives[key], report) if key in lives else report
    runs = list(lives.values())
    kept = [run for run in runs if not (pending(run) and any(_gives_way(run, other) for other in runs))]
    return tuple(sorted(kept, key=_age))


@dataclass(frozen=True, slots=True)
class Heard:
    """What reports of one job id change in the runs known of it: forgotten, not known before, and (before, after).

    `new`, `changed`, `same`: as RunsResult counts them; a run in the place of its pending record is that one changed.
    """

    gone: tuple[Run, ...]
    added: tuple[Run, ...]
    altered: tuple[tuple[Run, Run], ...]
    new: int
    changed: int
    same: int


def hear(known: Collection[Run], reports: Iterable[Run]) -> Heard:
    """Take in reports of one job id (of one cluster) among the runs known of it."""
    before = {life(run): run for run in known}
    heard = settle(reports)
    after = {life(run): run for run in (settle([*known, *heard]) if known else heard)}
    gone = tuple(run for key, run in before.items() if key not in after)
    added = tuple(run for key, run in after.items() if key not in before)
    altered = tuple((before[key], run) for key, run in after.items() if key in before and run != before[key])
    became = min(len(gone), len(added))
    same = max(0, len(heard) - len(added) - len(altered))
    return Heard(gone, added, altered, len(added) - became, len(altered) + became, same)


def _became(one: Run, other: Run) -> bool:
    """True when one is the pending record of the submission that the other is the run of, or the other way round."""
    return pending(one) != pending(other) and one.submit_ms == other.submit_ms


def _gives_way(waiting: Run, other: Run) -> bool:
    if waiting.submit_ms is None:
        return life(other) != life(waiting)
    return not pending(other) and other.submit_ms == waiting.submit_ms


def _weight(run: Run) -> tuple[Any, ...]:
    return (
        run.finished,
        run.end_ms is not None,
        run.exit_code is not None or run.exit_signal is not None,
        run.seen_at_ms,
        run.state,
        *(-1 if n is None else n for n in (run.end_ms, run.exit_code, run.exit_signal, run.predicted_start_ms)),
        run.source,
    )


def _age(run: Run) -> tuple[int, bool]:
    at_ms = run.submit_ms if run.key.start_ms is None else run.key.start_ms
    return (-1 if at_ms is None else at_ms, run.key.start_ms is not None)


def _fuller(one: str, other: str) -> str:
    return max(one, other, key=lambda text: (len(text), text))


def _greater(one: int | None, other: int | None) -> int | None:
    return max((number for number in (one, other) if number is not None), default=None)

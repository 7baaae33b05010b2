"""What was said of Slurm's nodes, as a row where what was said of one member of one node changed.

A complete report says something of every node at its time (of one it leaves out: no node), so between two rows of a
member nothing else was said, and the times of complete reports are enough to take in one that comes late: where it
says otherwise, the next report after it goes back to what was. A report of some nodes leaves a row even where it only
confirms (`alone`), as no other place remembers its time. Of two reports of one time each member's longer text counts.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from weft.scheduler.model import SchedulerNode

MEMBERS = ("state", "partitions", "features", "gres", "cpus", "memory_mb", "reason")
"""Numbered by place; `state` is the state with its flags."""

Word = TypeVar("Word")
"""What stands for a text that was said: itself, or its number in a store."""


class Said(NamedTuple, Generic[Word]):
    """From this time on this was said, None: there is no such node; `alone`: by a report of some nodes."""

    from_ms: int
    word: Word | None
    alone: bool


class Reports(NamedTuple):
    """Complete reports that tell a member: whether there was one of the very time, and the next one after it."""

    now: bool
    next_ms: int | None


class Edits(NamedTuple, Generic[Word]):
    """Rows of one member of one node to put (in the place of those of the same time), and times of rows to take."""

    put: tuple[Said[Word], ...]
    take: tuple[int, ...]


def tell(
    told: Said[Word],
    until: Sequence[Said[Word]],
    after: Said[Word] | None,
    reports: Reports,
    longer: Callable[[Word, Word], Word],
) -> Edits[Word]:
    """Take in what is said of one member of a node, among what is said of it before, at the same time and after.

    Args:
        until: the last two rows up to the time, the later one first; fewer where there are not so many.
        after: the first row after it.
        longer: which of two words counts where both are said at one time.
    """
    put, take = [], []
    rows = list(until)
    here = rows.pop(0) if rows and rows[0].from_ms == told.from_ms else None
    before = rows[0].word if rows else None
    was = here.word if here else before
    word = _either(was, told.word, longer) if here or reports.now else told.word
    if word != was:
        if reports.next_ms is not None and (after is None or reports.next_ms < after.from_ms):
            put.append(Said(reports.next_ms, was, False))
        elif after and after.word == word and not after.alone:
            take.append(after.from_ms)
    kept = Said(told.from_ms, word, told.alone or (here is not None and here.alone))
    if kept.word == before and not kept.alone:
        if here:
            take.append(told.from_ms)
    elif kept != here:
        put.append(kept)
    return Edits(tuple(put), tuple(take))


def _either(one: Word | None, other: Word | None, longer: Callable[[Word, Word], Word]) -> Word | None:
    if one == other or one is None or other is None:
        return one if other is None else other
    return longer(one, other)


def longer_text(one: str, other: str) -> str:
    """Which of two texts counts where both are said at one time."""
    return max(one, other, key=lambda text: (len(text), text))


def texts_of(node: SchedulerNode) -> tuple[str, ...]:
    """What is said of a node, as JSON, in the order of MEMBERS."""
    values = [[node.state, *sorted(node.flags)], *(getattr(node, name) for name in MEMBERS[1:])]
    return tuple(orjson.dumps(value).decode() for value in values)


def node_of(name: str, said: Mapping[str, Any]) -> SchedulerNode | None:
    """A node from what was last said of its members, None where its state is not known or it is none."""
    if said.get("state") is None:
        return None
    state, *flags = said["state"]
    return SchedulerNode(
        name,
        state,
        frozenset(flags),
        tuple(said.get("partitions") or ()),
        tuple(said.get("features") or ()),
        said.get("gres") or "",
        said.get("cpus"),
        said.get("memory_mb"),
        said.get("reason") or "",
    )

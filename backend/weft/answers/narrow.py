"""The time of a change, narrowed by what the subnet manager logged: a sweep sees a change at the next sweep only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from weft.answers.answers import Answers
from weft.base.intervals import Interval
from weft.fabric.model import PortKey
from weft.inventory.store import Change, ChangeKind, Note

REMOVED, FOUND, TRAP = "sm_port_removed", "sm_port_found", "sm_link_state"
"""Kinds of notes that the subnet manager's log gives: a port dropped, a port found, a link of a switch changed."""

LATE_MS = 10_000
"""The two ends of a link report its change within this."""
MOST_NOTES = 10_000

_GONE: frozenset[ChangeKind] = frozenset({"node_gone", "link_down"})
_THERE: frozenset[ChangeKind] = frozenset(
    {"node_appeared", "link_up", "cable_new", "cable_moved", "cable_replaced", "hca_replaced", "ends_exchanged"}
)
_LINK: frozenset[ChangeKind] = frozenset({"link_down", "link_up", "link_changed"})


@dataclass(frozen=True, slots=True)
class Narrowed:
    """When a change happened: after `since_ms` (None: unknown) and by `at_ms`; `by` says what tells, "" the sweeps."""

    since_ms: int | None
    at_ms: int
    by: str = ""


async def log_notes(answers: Answers, fabric: str, changes: Sequence[Change]) -> tuple[Note, ...]:
    """What the subnet manager logged of a fabric around these changes, oldest first, ports by node and number."""
    brackets = [Interval(change.since_ms, change.at_ms + 1) for change in changes if change.since_ms is not None]
    if not brackets:
        return ()
    whole = Interval(min(b.from_ms for b in brackets), max(b.to_ms for b in brackets))
    notes = await answers.site.ledger.notes(whole, kinds=(REMOVED, FOUND, TRAP), limit=MOST_NOTES)
    own = [note for note in notes if note.about[:1] == (fabric,)]
    guids = {name for note in own if note.kind != TRAP for name in note.about[1:] if "/" not in name}
    ports = await answers.site.fabrics.ports_by_guid(fabric, sorted(guids)) if guids else {}
    placed = [replace(note, about=tuple(str(ports.get(name, name)) for name in note.about)) for note in own]
    return tuple(sorted(placed, key=lambda note: note.at_ms))


def narrowed(change: Change, notes: Sequence[Note]) -> Narrowed:
    """The bracket of a change, made narrower by notes that are about the same ports or nodes.

    A change to "gone" had happened when its ports were removed last, and had not when they were found last before that;
    one to "there" the other way round. Without such a note, a change of a link between two switches is as old as the
    one moment at which both said that a link of theirs changed.

    Args:
        notes: of the same fabric, oldest first, as `log_notes` gives them.
    """
    sweeps = Narrowed(change.since_ms, change.at_ms)
    if change.since_ms is None:
        return sweeps
    inside = [note for note in notes if change.since_ms < note.at_ms <= change.at_ms]
    ends = (REMOVED, FOUND) if change.kind in _GONE else (FOUND, REMOVED) if change.kind in _THERE else None
    if ends is not None:
        whole = (str(PortKey(port.guid, 0)) for port in change.ports)  # a switch that is gone takes its links along
        wanted = {*change.guids, *map(str, change.ports), *whole}
        told = [note for note in inside if note.kind in ends and wanted & _subjects(note)]
        if told and told[-1].kind == ends[0]:
            return _between(sweeps, told, ends)
    return _by_traps(sweeps, change, inside) if change.kind in _LINK else sweeps


def _between(sweeps: Narrowed, told: Sequence[Note], ends: tuple[str, str]) -> Narrowed:
    """From the last note of the opposite to the last one of all, which says what the change does."""
    before = [note.at_ms for note in told if note.kind == ends[1]]
    words = {REMOVED: "removed", FOUND: "found"}
    if not before:
        return replace(sweeps, at_ms=told[-1].at_ms, by=f"opensm.log: {words[ends[0]]}")
    return Narrowed(before[-1], told[-1].at_ms, f"opensm.log: {words[ends[1]]}, then {words[ends[0]]}")


def _by_traps(sweeps: Narrowed, change: Change, inside: Sequence[Note]) -> Narrowed:
    """The one moment at which both switches of a link said that a link of theirs changed; several say nothing."""
    traps = [note for note in inside if note.kind == TRAP]
    switches = {port.guid for port in change.ports}
    times = [[note.at_ms for note in traps if switch in note.about[1:]] for switch in switches]
    if len(times) != 2 or not all(times):
        return sweeps
    every = sorted(at for own in times for at in own)
    if every[-1] - every[0] > LATE_MS:
        return sweeps
    since_ms = max(sweeps.since_ms or 0, every[0] - LATE_MS)
    return Narrowed(since_ms, every[-1], "opensm.log: trap 128 of both switches")


def _subjects(note: Note) -> set[str]:
    """What a note is about: ports, and the nodes that they belong to."""
    return {part for name in note.about[1:] for part in (name, name.partition("/")[0])}

"""The time of a change between two sweeps, narrowed by the subnet manager's log."""

import pytest

from weft.answers.narrow import Narrowed, narrowed
from weft.fabric.model import PortKey
from weft.inventory.store import Change, ChangeKind, Note

LEAF, SPINE, HCA, NEW = "a000000000000001", "b000000000000001", "c000000000000001", "c000000000000009"
S = 1000


def change(kind: ChangeKind, *, guids: tuple[str, ...] = (), ports: tuple[PortKey, ...] = ()) -> Change:
    """Seen by 900 s, not yet at 600 s."""
    return Change("ib", 900 * S, 600 * S, kind, "info", "", guids, ports)


def note(at_s: int, kind: str, *about: str) -> Note:
    return Note(at_s * S, f"sm_{kind}", "info", "", ("ib", *about))


PORT, PLUG = PortKey(LEAF, 5), PortKey(HCA, 1)
GONE, BACK = note(700, "port_removed", str(PLUG)), note(720, "port_found", str(PLUG))


@pytest.mark.parametrize(
    ("what", "notes", "since_s", "at_s", "by"),
    [
        (change("node_gone", guids=(HCA,)), [GONE], 600, 700, "opensm.log: removed"),
        (change("link_down", ports=(PORT, PLUG)), [GONE], 600, 700, "opensm.log: removed"),
        (change("cable_moved", ports=(PORT, PLUG)), [GONE, BACK], 700, 720, "opensm.log: removed, then found"),
        (change("link_up", ports=(PORT, PLUG)), [BACK], 600, 720, "opensm.log: found"),
        # It went, came back and went again: gone since the last time.
        (
            change("node_gone", guids=(HCA,)), [GONE, BACK, note(800, "port_removed", str(PLUG))], 720, 800,
            "opensm.log: found, then removed",
        ),
        (
            change("hca_replaced", guids=(HCA, NEW)), [GONE, note(701, "port_found", f"{NEW}/1")], 700, 701,
            "opensm.log: removed, then found",
        ),
        # A switch that was removed takes its links along.
        (
            change("link_down", ports=(PORT, PortKey(SPINE, 2))), [note(700, "port_removed", f"{SPINE}/0")], 600, 700,
            "opensm.log: removed",
        ),
        # Both ends say within ten seconds that a link of theirs changed.
        (
            change("link_down", ports=(PORT, PortKey(SPINE, 2))),
            [note(700, "link_state", LEAF), note(703, "link_state", SPINE)], 690, 703,
            "opensm.log: trap 128 of both switches",
        ),
        (
            change("link_changed", ports=(PORT, PortKey(SPINE, 2))),
            [note(603, "link_state", LEAF), note(604, "link_state", SPINE)], 600, 604,
            "opensm.log: trap 128 of both switches",
        ),
    ],
)  # fmt: skip
def test_a_bracket_is_narrowed_by_notes_about_the_same(
    what: Change, notes: list[Note], since_s: int, at_s: int, by: str
) -> None:
    assert narrowed(what, notes) == Narrowed(since_s * S, at_s * S, by)


@pytest.mark.parametrize(
    ("what", "notes"),
    [
        (change("node_gone", guids=(HCA,)), []),
        (change("node_gone", guids=(NEW,)), [GONE]),
        (change("link_down", ports=(PORT, PortKey(HCA, 2))), [GONE]),  # another port of the same HCA
        (change("node_gone", guids=(HCA,)), [GONE, BACK]),  # the log says it came back: that was another time
        (change("node_gone", guids=(HCA,)), [note(600, "port_removed", str(PLUG))]),  # before the sweep that showed it
        (change("node_gone", guids=(HCA,)), [note(901, "port_removed", str(PLUG))]),
        (change("node_renamed", guids=(HCA,)), [GONE, BACK]),
        (change("link_down", ports=(PORT, PLUG)), [note(700, "link_state", LEAF)]),  # which of its links is not said
        (change("link_down", ports=(PORT, PortKey(SPINE, 2))), [note(700, "link_state", LEAF)]),
        (
            change("link_down", ports=(PORT, PortKey(SPINE, 2))),
            [note(700, "link_state", LEAF), note(705, "link_state", SPINE), note(800, "link_state", LEAF)],
        ),
    ],
)
def test_a_bracket_stays_where_no_note_tells_more(what: Change, notes: list[Note]) -> None:
    assert narrowed(what, notes) == Narrowed(600 * S, 900 * S)


def test_a_change_before_which_nothing_was_seen_is_not_narrowed() -> None:
    first = Change("ib", 900 * S, None, "node_gone", "info", "", (HCA,))
    assert narrowed(first, [GONE]) == Narrowed(None, 900 * S)

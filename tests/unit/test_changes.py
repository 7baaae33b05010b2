"""What one sweep changes, on a fabric of two leaves, a spine and four hosts, decided by hand from DESIGN section 4."""

import pytest

from weft.fabric.model import NOWHERE, Lid, Link, Module, Node, NodeKind, PortKey, Sweep
from weft.inventory.changes import Fold
from weft.inventory.state import Decided, FabricState, Opened, Step
from weft.inventory.store import Change, Correction

LEAF1, LEAF2, SPINE = "a" * 16, "b" * 16, "c" * 16
HCAS = {f"node{n}": f"{n:016x}" for n in range(1, 5)}
NODES = {
    LEAF1: Node(LEAF1, NodeKind.SWITCH, "MF0;leaf1:MSB7800/U1", 36),
    LEAF2: Node(LEAF2, NodeKind.SWITCH, "MF0;leaf2:MSB7800/U1", 36),
    SPINE: Node(SPINE, NodeKind.SWITCH, "MF0;spine1:MSB7800/U1", 36),
} | {guid: Node(guid, NodeKind.CA, f"{name} mlx5_0", 1) for name, guid in HCAS.items()}


def port(text: str) -> PortKey:
    name, _, number = text.partition("/")
    return PortKey(
        {"leaf1": LEAF1, "leaf2": LEAF2, "spine1": SPINE, "new": "f" * 16}.get(name) or HCAS[name], int(number)
    )


WIRING = (
    "leaf1/1 node1/1",
    "leaf1/2 node2/1",
    "leaf2/1 node3/1",
    "leaf2/2 node4/1",
    "leaf1/35 spine1/1",
    "leaf2/35 spine1/2",
)


def sweep(
    at_s: int,
    *,
    without: str = "",
    wiring: tuple[str, ...] = WIRING,
    nodes: dict[str, Node] = NODES,
    **more: list[PortKey],
) -> Sweep:
    """A picture at a second; `without`: names of nodes that are missing from it."""
    gone = {port(f"{name}/0").guid for name in without.split()}
    links = [Link(port(a), port(b), "4X", "EDR") for a, b in (w.split() for w in wiring)]
    links = [x for x in links if x.a.guid not in gone and x.b.guid not in gone]
    return Sweep.of("ib", at_s * 1000, "test", [n for n in nodes.values() if n.guid not in gone], links, [], **more)


def fold(*sweeps: Sweep, absent_after: int = 1, share: float = 0.5) -> tuple[Fold, Step]:
    folded = Fold(FabricState("ib"), quarantine_share=share)
    step = Step(0)
    for one in sweeps:
        step = folded.sweep(one, absent_after=absent_after)
    return folded, step


def told(step: Step) -> list[tuple[str, str]]:
    return [(change.kind, change.text) for change in step.changes]


def rewired(old: str, new: str) -> tuple[str, ...]:
    return tuple(new if w == old else w for w in WIRING)


def test_the_first_sweep_is_no_change() -> None:
    _, step = fold(sweep(10))
    assert told(step) == []
    assert len(step.rows) == 7 + 6 + 6


def test_the_same_picture_again_changes_nothing() -> None:
    folded, step = fold(sweep(10), sweep(20))
    assert (told(step), step.rows, folded.state.settled) == ([], [], True)


def test_a_host_missing_from_one_complete_dump_vanished() -> None:
    _, step = fold(sweep(10), sweep(20, without="node2"))
    about = (HCAS["node2"],), (port("node2/1"), port("leaf1/2"))
    text = "node2 mlx5_0 vanished from leaf1/2."
    assert step.changes == [Change("ib", 20_000, 10_000, "node_gone", "error", text, *about)]


def test_in_a_live_series_absence_needs_three_sweeps_and_is_dated_at_the_first() -> None:
    away = [sweep(t, without="node2") for t in (20, 30, 40)]
    assert told(fold(sweep(10), *away[:2], absent_after=3)[1]) == []
    _, step = fold(sweep(10), *away, absent_after=3)
    assert [(c.kind, c.at_ms, c.since_ms) for c in step.changes] == [("node_gone", 20_000, 10_000)]


def test_a_host_that_answers_again_in_time_was_never_gone() -> None:
    folded, step = fold(sweep(10), sweep(20, without="node2"), sweep(30), sweep(40, without="node2"), absent_after=2)
    assert told(step) == []
    assert folded.state.nodes[HCAS["node2"]].missing == 1


def test_what_lies_behind_a_time_out_is_silent_and_not_gone() -> None:
    _, step = fold(sweep(10), sweep(20, without="node2", unanswered=[port("leaf1/2")]))
    assert told(step) == [("node_silent", "node2 mlx5_0 did not answer; it is not called gone for that.")]
    assert step.rows == []


def test_a_time_out_nobody_can_place_leaves_every_absence_open() -> None:
    _, step = fold(sweep(10), sweep(20, without="node2", wiring=WIRING[:4] + WIRING[5:], unanswered=[NOWHERE]))
    assert [c.kind for c in step.changes] == ["node_silent"]
    assert step.rows == []


def test_a_switch_behind_a_time_out_hides_the_hosts_behind_it() -> None:
    silent = sweep(20, without="leaf2 node3 node4", unanswered=[port("spine1/2")])
    _, step = fold(sweep(10), silent)
    hidden = ("leaf2", "node3 mlx5_0", "node4 mlx5_0")
    assert sorted(text for _, text in told(step)) == [
        f"{x} did not answer; it is not called gone for that." for x in hidden
    ]


def test_a_link_between_two_nodes_that_answer_is_down_and_the_cabling_lasts() -> None:
    folded, step = fold(sweep(10), sweep(20, wiring=WIRING[:4] + WIRING[5:]))
    assert told(step) == [("link_down", "leaf1/35 - spine1/1: link is down.")]
    assert (port("leaf1/35"), port("spine1/1")) in folded.state.cablings
    assert told(folded.sweep(sweep(30), absent_after=1)) == [
        ("link_up", "leaf1/35 - spine1/1: link is up again at 4X EDR.")
    ]


def test_a_stated_port_state_needs_no_second_sweep() -> None:
    _, step = fold(sweep(10), sweep(20, wiring=WIRING[1:], without="", down=[port("leaf1/1")]), absent_after=3)
    assert told(step) == [("link_down", "leaf1/1 - node1 mlx5_0/1: link is down.")]


def test_a_moved_cable_keeps_its_identity_and_the_port_it_left_forgets_it() -> None:
    folded, _ = fold(sweep(10))
    (cable, _) = folded.state.cablings[port("node1/1"), port("leaf1/1")].cables
    step = folded.sweep(sweep(20, wiring=rewired("leaf1/1 node1/1", "leaf2/9 node1/1")), absent_after=1)
    assert told(step) == [("cable_moved", f"Cable {cable} is leaf2/9 - node1 mlx5_0/1 now; it left leaf1/1.")]
    step = folded.sweep(
        sweep(30, wiring=(*rewired("leaf1/1 node1/1", "leaf2/9 node1/1"), "leaf1/1 leaf2/20")), absent_after=1
    )
    assert told(step) == [("cable_new", "New cable leaf1/1 - leaf2/20.")]


def test_an_exchange_is_one_change_with_both_readings() -> None:
    folded, _ = fold(sweep(10))
    first, second = (
        folded.state.cablings[port(h), port(s)].cables[0] for h, s in (("node1/1", "leaf1/1"), ("node3/1", "leaf2/1"))
    )
    swapped = ("leaf2/1 node1/1", "leaf1/1 node3/1", *(w for w in WIRING if "node1" not in w and "node3" not in w))
    step = folded.sweep(sweep(20, wiring=swapped), absent_after=1)
    assert [c.kind for c in step.changes] == ["ends_exchanged"]
    taken, other = step.changes[0].detail["readings"]
    assert taken["cables"] == {first: ["node1 mlx5_0/1", "leaf2/1"], second: ["node3 mlx5_0/1", "leaf1/1"]}
    assert other["cables"] == {second: ["node1 mlx5_0/1", "leaf2/1"], first: ["node3 mlx5_0/1", "leaf1/1"]}
    assert (taken["taken"], taken["preferred"], other["taken"]) == (True, True, False)
    assert folded.state.cablings[port("node1/1"), port("leaf2/1")].cables == (first, second)


def test_an_ambiguous_cable_stays_ambiguous_when_it_moves_on() -> None:
    swapped = ("leaf2/1 node1/1", "leaf1/1 node3/1", *(w for w in WIRING if "node1" not in w and "node3" not in w))
    moved = ("leaf2/7 node1/1", *swapped[1:])
    folded, step = fold(sweep(10), sweep(20, wiring=swapped), sweep(30, wiring=moved))
    cables = folded.state.cablings[port("node1/1"), port("leaf2/7")].cables
    assert cables[0] != cables[1]
    assert [c.kind for c in step.changes] == ["ends_exchanged"]


def test_a_new_hca_under_the_old_name_on_the_old_cable_is_a_replacement() -> None:
    new = "f" * 16
    nodes = {g: n for g, n in NODES.items() if g != HCAS["node1"]} | {new: Node(new, NodeKind.CA, "node1 mlx5_0", 1)}
    folded, _ = fold(sweep(10))
    (cable, _) = folded.state.cablings[port("node1/1"), port("leaf1/1")].cables
    step = folded.sweep(sweep(20, nodes=nodes, wiring=rewired("leaf1/1 node1/1", "leaf1/1 new/1")), absent_after=3)
    assert told(step) == [("hca_replaced", f"node1 mlx5_0: HCA {HCAS['node1']} was replaced by {new}.")]
    assert folded.state.cablings[port("leaf1/1"), PortKey(new, 1)].cables == (cable, cable)


def test_a_loss_of_too_many_at_once_is_set_aside_until_three_sweeps_agree() -> None:
    away = [sweep(t, without="node1 node2 node3") for t in (20, 30, 40)]
    folded, step = fold(sweep(10), away[0], share=0.1)
    assert [c.kind for c in step.changes] == ["sweep_quarantined"]
    assert step.quarantined is not None
    assert step.quarantined.startswith("3 of 7 nodes are missing")
    assert folded.state.last_ms == 10_000
    assert folded.sweep(away[1], absent_after=1).changes == []
    assert sorted(c.kind for c in folded.sweep(away[2], absent_after=1).changes) == ["node_gone"] * 3


def test_a_person_can_accept_a_loss() -> None:
    folded, _ = fold(sweep(10), share=0.1)
    folded.correct(Correction("ib", 20_000, "accepted", "ann"))
    step = folded.sweep(sweep(20, without="node1 node2 node3"), absent_after=1)
    assert (step.quarantined, len(step.changes)) == (None, 3)


def test_a_person_can_say_that_a_cable_was_replaced() -> None:
    folded, _ = fold(sweep(10))
    before = folded.state.cablings[port("node1/1"), port("leaf1/1")].cables
    step = folded.correct(Correction("ib", 15_000, "cable_replaced", "ann", port=port("leaf1/1")))
    assert told(step) == [("cable_replaced", "Cable leaf1/1 - node1 mlx5_0/1 was replaced, says ann.")]
    after = folded.state.cablings[port("node1/1"), port("leaf1/1")].cables
    assert after[0] == after[1] != before[0]
    assert told(folded.sweep(sweep(20), absent_after=1)) == []


def test_a_renamed_node_is_told_and_keeps_its_cables() -> None:
    nodes = NODES | {HCAS["node1"]: Node(HCAS["node1"], NodeKind.CA, "login1 mlx5_0", 1)}
    _, step = fold(sweep(10), sweep(20, nodes=nodes))
    assert told(step) == [("node_renamed", "node1 mlx5_0 is called login1 mlx5_0 now.")]


def test_a_narrower_link_is_a_warning_and_a_width_not_told_is_no_change() -> None:
    folded, _ = fold(sweep(10))
    picture = sweep(20)
    narrow = [Link(x.a, x.b, "1X", "EDR") if port("leaf1/1") in (x.a, x.b) else Link(x.a, x.b) for x in picture.links]
    step = folded.sweep(Sweep.of("ib", 20_000, "test", list(picture.nodes), narrow, []), absent_after=1)
    assert [(c.kind, c.severity, c.text) for c in step.changes] == [
        ("link_changed", "warning", "leaf1/1 - node1 mlx5_0/1: 1X EDR, was 4X EDR.")
    ]


def test_a_link_inside_one_chassis_is_no_cable() -> None:
    nodes = [Node(g, NodeKind.SWITCH, f"director {n}", 36, system_guid="d" * 16) for n, g in enumerate((LEAF1, LEAF2))]
    links = [Link(PortKey(LEAF1, 1), PortKey(LEAF2, 1), "4X", "EDR")]
    folded, _ = fold(Sweep.of("ib", 10_000, "test", nodes, links, []))
    (cabling,) = folded.state.cablings.values()
    assert (cabling.medium, cabling.cables) == ("backplane", ("", ""))


def test_lids_have_a_validity_and_are_no_news() -> None:
    def with_lid(at_s: int, lid: int) -> Sweep:
        picture = sweep(at_s)
        return Sweep.of(
            "ib", at_s * 1000, "test", list(picture.nodes), list(picture.links), [Lid(port("node1/1"), lid)]
        )

    _, step = fold(with_lid(10, 5), with_lid(20, 6))
    assert (told(step), [(r.table, r.key) for r in step.rows]) == ([], [("lid_span", tuple(port("node1/1")))] * 2)


def test_a_state_survives_being_kept_as_json() -> None:
    folded, _ = fold(
        sweep(10), sweep(20, without="node2"), sweep(30, wiring=rewired("leaf1/1 node1/1", "leaf2/9 node1/1"))
    )
    again = FabricState.load(folded.state.dump())
    assert again.dump() == folded.state.dump()
    step = Fold(again, quarantine_share=0.5).sweep(sweep(40), absent_after=1)
    assert step.changes == folded.sweep(sweep(40), absent_after=1).changes != []


def test_a_retired_node_is_told_once() -> None:
    folded, _ = fold(sweep(10), sweep(20, without="node2"))
    step = folded.correct(Correction("ib", 30_000, "retired", "ann", guid=HCAS["node2"]))
    assert told(step) == [("retired", "node2 mlx5_0 was retired by ann.")]


SWAPPED = ("leaf2/1 node1/1", "leaf1/1 node3/1", *(w for w in WIRING if "node1" not in w and "node3" not in w))


def listing(at_s: int, **serials: str) -> Sweep:
    """A cable listing: `leaf1_1="A"` is the serial number read in leaf1/1; it tells nothing else."""
    modules = [Module(port(name.replace("_", "/")), "ACME", "MCP", serial) for name, serial in serials.items()]
    return Sweep.of("ib", at_s * 1000, "listing", [], [], [], modules=modules, complete=False)


LISTED = listing(12, leaf1_1="A", node1_1="A", leaf2_1="B", node3_1="B")


def cables_at(folded: Fold, a: str, b: str) -> tuple[str, str]:
    first, second = sorted((port(a), port(b)))
    return folded.state.cablings[first, second].cables


def test_part_of_a_picture_makes_nothing_missing() -> None:
    whole = sweep(20, without="node2", wiring=WIRING[:4])
    part = Sweep.of("ib", 20_000, "test", whole.nodes, whole.links, [], complete=False)
    folded, step = fold(sweep(10), part)
    assert (step.changes, step.rows, folded.state.last_ms) == ([], [], 10_000)


def test_part_of_a_picture_that_shows_another_peer_ends_the_cabling() -> None:
    nodes = [NODES[HCAS["node1"]], NODES[LEAF2]]
    moved = Link(port("node1/1"), port("leaf2/9"), "4X", "EDR")
    _, step = fold(sweep(10), Sweep.of("ib", 20_000, "test", nodes, [moved], [], complete=False))
    assert [c.kind for c in step.changes] == ["cable_moved"]


def test_what_a_picture_does_not_tell_of_a_node_stays_as_it_was() -> None:
    bare = [Node(n.guid, n.kind, "", 0) for n in NODES.values()]
    folded, step = fold(sweep(10), Sweep.of("ib", 20_000, "test", bare, sweep(20).links, []))
    assert (step.changes, step.rows) == ([], [])
    assert folded.state.nodes[LEAF1].ports == 36


@pytest.mark.parametrize(
    ("read_after", "kept"),
    [
        (listing(25, leaf2_1="A", leaf1_1="B"), ("node1/1", "leaf2/1")),  # the switch ends changed places
        (listing(25, node1_1="B", node3_1="A"), ("node3/1", "leaf1/1")),  # the HCA ends did
    ],
)
def test_serial_numbers_decide_an_exchange_for_good(read_after: Sweep, kept: tuple[str, str]) -> None:
    folded, _ = fold(sweep(10), LISTED)
    was = cables_at(folded, "node1/1", "leaf1/1")
    folded.sweep(sweep(20, wiring=SWAPPED), absent_after=1)
    assert len(set(cables_at(folded, *kept))) == 2
    step = folded.sweep(read_after, absent_after=1)
    assert [c.kind for c in step.changes] == ["cable_identified"] * 2
    assert cables_at(folded, *kept) == was
    assert sorted(x.cable for x in step.rows if isinstance(x, Decided)) == sorted(
        cables_at(folded, *ends)[0] for ends in (("node1/1", "leaf2/1"), ("node3/1", "leaf1/1"))
    )


def test_serial_numbers_read_with_the_links_leave_no_doubt() -> None:
    picture = sweep(20, wiring=SWAPPED)
    modules = listing(20, leaf1_1="B", leaf2_1="A", node1_1="A", node3_1="B").modules
    folded, _ = fold(sweep(10), LISTED)
    first = cables_at(folded, "node1/1", "leaf1/1")
    step = folded.sweep(
        Sweep.of("ib", 20_000, "test", picture.nodes, picture.links, [], modules=modules), absent_after=1
    )
    assert [c.kind for c in step.changes] == ["cable_moved"] * 2
    assert cables_at(folded, "node1/1", "leaf2/1") == first


def test_another_serial_number_in_the_same_ports_is_another_cable() -> None:
    folded, _ = fold(sweep(10), LISTED)
    before = cables_at(folded, "node1/1", "leaf1/1")
    step = folded.sweep(listing(25, leaf1_1="C", node1_1="C"), absent_after=1)
    assert told(step) == [
        ("cable_replaced", "Cable leaf1/1 - node1 mlx5_0/1 has another serial number: it was replaced.")
    ]
    assert cables_at(folded, "node1/1", "leaf1/1") != before


def test_a_transceiver_replaced_at_one_end_leaves_the_fibre_the_same_cable() -> None:
    folded, _ = fold(sweep(10), listing(12, leaf1_35="T1", spine1_1="T2"))
    before = cables_at(folded, "leaf1/35", "spine1/1")
    step = folded.sweep(listing(25, leaf1_35="T3"), absent_after=1)
    assert (step.changes, cables_at(folded, "leaf1/35", "spine1/1")) == ([], before)


def test_the_first_serial_numbers_ever_read_replace_nothing() -> None:
    folded, step = fold(sweep(10), LISTED)
    assert (step.changes, folded.state.last_ms) == ([], 10_000)
    assert [row.table for row in step.rows if isinstance(row, Opened)] == ["module_span"] * 4

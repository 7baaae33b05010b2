"""Rows of a fabric as values: pictures, places of changes, forwarding tables."""

import zlib

import pytest

from weft.base.errors import BadRequest
from weft.fabric.model import Lid, Link, Node, NodeKind, PortKey, Sweep
from weft.inventory.changes import Fold
from weft.inventory.derive import pack_state
from weft.inventory.reading import ChangePlace, Links, Seen, change_place, forwarding_tables, view_now, view_of
from weft.inventory.state import FabricState

LEAF, FIRST, SECOND = "a" * 16, "b" * 16, "c" * 16


def test_a_picture_is_sorted_whatever_the_order_of_its_rows() -> None:
    links = Links(
        ["l2", "l1"], [FIRST, LEAF], [1, 7], [SECOND, FIRST], [2, 2], ["c2", "c1"], [True, False], ["4X", None],
        ["EDR", None], [False, True],
    )  # fmt: skip
    nodes = [(SECOND, "ca", "node2 mlx5_0"), (LEAF, "switch", "leaf"), (FIRST, "ca", "node1 mlx5_0")]
    view = view_of("ib", 20, Seen(10, 30, 4), nodes, [(FIRST, 2, 8), (FIRST, 1, 9), ("gone", 1, 5)], links)
    assert (view.seen_ms, view.last_ms, view.version) == (10, 30, 4)
    assert (view.guids, view.lids.tolist()) == ((LEAF, FIRST, SECOND), [0, 9, 0])
    assert view.kinds == (NodeKind.SWITCH, NodeKind.CA, NodeKind.CA)
    assert (view.link_node.tolist(), view.link_port.tolist()) == ([[0, 1], [1, 2]], [[7, 2], [1, 2]])
    assert (view.connections, view.cables, view.widths) == (("l1", "l2"), ("c1", "c2"), (None, "4X"))
    assert (view.up.tolist(), view.unsure.tolist()) == ([False, True], [True, False])


def test_a_link_of_a_node_that_is_gone_is_not_shown() -> None:
    links = Links(["l1"], [LEAF], [1], [FIRST], [1], ["c1"], [False], [None], [None], [False])
    view = view_of("ib", 20, Seen(10, 10, 1), [(LEAF, "switch", "leaf")], [], links)
    assert (view.connections, view.link_node.shape) == ((), (0, 2))


def test_the_state_that_history_ends_in_is_a_picture_of_now() -> None:
    nodes = [Node(LEAF, NodeKind.SWITCH, "leaf", 36), Node(FIRST, NodeKind.CA, "node1 mlx5_0", 1)]
    link = Link(PortKey(LEAF, 7), PortKey(FIRST, 1), "4X", "EDR")
    state = FabricState("ib")
    fold = Fold(state, quarantine_share=0.1)
    fold.sweep(Sweep.of("ib", 10, "test", nodes, [link], [Lid(PortKey(FIRST, 1), 5)]), absent_after=1)
    view = view_now("ib", 30, Seen(10, 10, 1), pack_state(state))
    assert (view.guids, view.descriptions, view.lids.tolist()) == ((LEAF, FIRST), ("leaf", "node1 mlx5_0"), [0, 5])
    assert (view.link_port.tolist(), view.up.tolist(), view.speeds) == ([[7, 1]], [True], ("EDR",))
    # The next sweep misses the link, which is not called down before two have.
    fold.sweep(Sweep.of("ib", 20, "test", nodes, [], []), absent_after=2)
    view = view_now("ib", 30, Seen(20, 20, 2), pack_state(state))
    assert (view.up.tolist(), view.unsure.tolist()) == ([True], [True])


def test_an_empty_fabric_is_a_picture_too() -> None:
    view = view_now("ib", 30, Seen(10, 10, 1), pack_state(FabricState("ib")))
    assert (view.guids, view.connections, view.up.shape, view.link_port.shape) == ((), (), (0,), (0, 2))


def test_a_cursor_names_a_place_among_changes() -> None:
    assert change_place(ChangePlace(30, 20, 1).text) == ChangePlace(30, 20, 1)
    for text in ("30.20", "x", "1.2.3.4"):
        with pytest.raises(BadRequest, match="is no cursor"):
            change_place(text)


def test_tables_of_unlike_lengths_are_filled_with_no_route() -> None:
    rows = [("a", 10, zlib.compress(b"\xff\x01")), ("b", 20, zlib.compress(b"\xff\x02\x03"))]
    found = forwarding_tables(rows)
    assert found is not None
    assert (found.switches, found.ports.tolist(), found.seen_ms) == (("a", "b"), [[255, 1, 255], [255, 2, 3]], 20)
    assert forwarding_tables([]) is None

"""Two times of a fabric compared, and its wiring against the plan."""

import pytest

from unit.fakes import CA, SWITCH, guid
from unit.story import LEAF1, H, answers, ask
from weft.answers import difference, wiring
from weft.base.errors import UnknownName
from weft.fabric.wiring import PlannedCable, Socket, Wiring
from weft.inventory.store import Change

pytestmark = pytest.mark.anyio


async def test_ten_hours_of_the_story_differ_by_what_it_tells() -> None:
    data = await difference.fabric_diff(answers(), ask(from_h=10, to_h=20))
    assert [list(row)[:6] for row in data.rows] == [
        ["node", "removed", "node012 mlx5_0", guid("c", 12), None, None],
        ["link", "changed", "leaf02/4 - node008 mlx5_0/1", "4X EDR", "1X EDR", None],
        ["link", "changed", "leaf03/4 - node012 mlx5_0/1", "4X EDR", "down", None],
        ["cable", "moved", "h001", "leaf01/1 - node001 mlx5_0/1", "leaf01/12 - node001 mlx5_0/1", None],
        [
            "cable", "moved", "h009", "leaf03/1 - node009 mlx5_0/1", "leaf02/1 - node009 mlx5_0/1",
            "h005, from leaf02/1 - node005 mlx5_0/1",
        ],
        [
            "cable", "moved", "h005", "leaf02/1 - node005 mlx5_0/1", "leaf03/1 - node005 mlx5_0/1",
            "h009, from leaf03/1 - node009 mlx5_0/1",
        ],
    ]  # fmt: skip
    assert data.notices == ()


async def test_the_other_way_round_added_is_removed() -> None:
    site = answers()
    forth = await difference.difference(site, "ib", 10 * H, 20 * H)
    back = await difference.difference(site, "ib", 20 * H, 10 * H)
    assert (forth.nodes_gone, forth.nodes_new) == ((guid("c", 12),), ())
    assert (back.nodes_gone, back.nodes_new) == ((), (guid("c", 12),))
    assert {difference.ends_of(x) for x in back.links_new} == {difference.ends_of(x) for x in forth.links_gone}
    assert [(old.width, new.width) for old, new in back.links_changed] == [("1X", "4X"), (None, "4X")]


async def test_new_hosts_links_names_and_another_cable_in_the_same_ports() -> None:
    site = answers()
    store = site.site.fabrics
    store.node(guid("c", 13), CA, "node013 mlx5_0", 18 * H)
    store.connect((LEAF1, 9), (guid("c", 13), 1), 18 * H, cable="h013")
    old = next(i for i, s in enumerate(store.spans) if s.guid == guid("b", 1))
    store.spans[old] = type(store.spans[old])(
        guid("b", 1), SWITCH, "MF0;spine01:MSB7800/U1", 36, type(store.spans[old].span)(10 * H, 18 * H), 17 * H
    )
    store.node(guid("b", 1), SWITCH, "MF0;core01:MSB7800/U1", 18 * H, ports=36)
    store.unplug("h002", 18 * H, 17 * H)
    store.connect((LEAF1, 2), (guid("c", 2), 1), 18 * H, cable="h099")
    data = await difference.fabric_diff(site, ask(from_h=17, to_h=19))
    assert [list(row)[:6] for row in data.rows] == [
        ["node", "added", "node013 mlx5_0", None, guid("c", 13), None],
        ["node", "changed", "core01", "spine01", "core01", None],
        ["link", "added", "leaf01/9 - node013 mlx5_0/1", None, "4X EDR", None],
        ["cable", "changed", "leaf01/2 - node002 mlx5_0/1", "h002", "h099", None],
    ]


async def test_what_the_window_leaves_open_is_said() -> None:
    site = answers()
    same = await difference.fabric_diff(site, ask(from_h=18, to_h=19))
    assert (same.rows, same.notices[-1]) == (
        [], "No difference between 1970-01-01T18:00:00Z and 1970-01-01T18:59:59.999Z.",
    )  # fmt: skip
    early = await difference.fabric_diff(site, ask(from_h=0))
    assert early.notices == (
        "Fabric ib was first seen at 1970-01-01T10:00:00Z: compared from then on.",
        "The last sweep was at 1970-01-01T20:00:00Z: what happened since is not known.",
    )
    site.site.fabrics.told.append(Change("ib", 16 * H, None, "sweep_quarantined", "error", "set aside"))
    doubted = await difference.fabric_diff(site, ask(from_h=10, to_h=20))
    assert doubted.notices == ("A sweep in between was set aside: `fabric_changes kind=sweep_quarantined` says why.",)
    with pytest.raises(UnknownName, match="first seen at"):
        await difference.fabric_diff(site, ask(from_h=0, to_h=9))


async def test_a_move_is_miswired_an_exchange_swapped_and_a_vanished_host_where_it_was_planned() -> None:
    data = await wiring.wiring(answers(), ask())
    assert [list(row)[:5] for row in data.rows] == [
        [
            "miswired", "leaf01/1 - node001 mlx5_0/1 was planned, but node001 mlx5_0/1 leads to leaf01/12.",
            "leaf01/1 - node001/1", "leaf01/12 - node001 mlx5_0/1", 2,
        ],
        [
            "swapped",
            "node005 mlx5_0/1 and node009 mlx5_0/1 are swapped: leaf02/1 leads to node009 mlx5_0/1 (planned node005 "
            "mlx5_0/1), leaf03/1 leads to node005 mlx5_0/1 (planned node009 mlx5_0/1).",
            "leaf02/1 - node005/1; leaf03/1 - node009/1",
            "leaf02/1 - node009 mlx5_0/1; leaf03/1 - node005 mlx5_0/1", 6,
        ],
    ]  # fmt: skip
    assert [row[5:8] for row in data.rows] == [["csv", 11 * H, "ib"]] * 2
    assert data.notices == ("Against the csv plan of 1970-01-01T11:00:00Z, 12 cables.",)


async def test_the_plan_is_the_last_one_given_by_then_and_agreement_is_said() -> None:
    site = answers()
    good = await wiring.wiring(site, ask(), at=12 * H)
    assert (good.rows, good.notices) == ([], ("All is as planned: csv plan of 1970-01-01T11:00:00Z, 12 cables.",))
    none = await wiring.wiring(site, ask(), at=10 * H)
    assert none.rows == []
    assert none.notices[0].startswith("No plan of fabric ib's wiring was given by 1970-01-01T10:00:00Z. Import one")
    later = Wiring("ib", 18 * H, "topo", (PlannedCable(Socket("leaf01", "12"), Socket("node001", "1"), 3),))
    site.site.fabrics.plans.append(later)
    new = await wiring.wiring(site, ask())
    assert (new.rows, new.notices) == ([], ("All is as planned: topo plan of 1970-01-01T18:00:00Z, 1 cable.",))

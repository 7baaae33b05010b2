"""The fabric at a time, what is missing or degraded, cables and their history, and the node graph."""

import pytest

from unit.fakes import CA, SWITCH, guid
from unit.story import ALICE, BOB, LEAF3, H, answers, ask
from weft.answers import cables, fabric, graph, vanished
from weft.base.errors import Forbidden, UnknownName
from weft.fabric.model import PortKey
from weft.inventory.store import Change, Connection, Interval
from weft.scheduler.model import NodeReport, SchedulerNode

pytestmark = pytest.mark.anyio


async def test_a_vanished_host_comes_with_its_bracket_its_port_and_its_run() -> None:
    data = await vanished.vanished(answers(), ask())
    assert [list(row)[:9] for row in data.rows] == [
        ["node011", "silent", None, 16 * H, None, "leaf03/3", "", "", "h011"],
        ["node012", "vanished", None, 14 * H, 15 * H, "leaf03/4", "77", "carol", "h012"],
    ]


async def test_a_host_that_slurm_has_drained_or_powered_down_is_missed_as_expected() -> None:
    site = answers()
    nodes = (
        SchedulerNode("node001", "IDLE"),
        SchedulerNode("node011", "IDLE", frozenset({"POWERED_DOWN", "CLOUD"})),
        SchedulerNode("node012", "DOWN", frozenset({"DRAIN", "NOT_RESPONDING"}), reason="bad DIMM"),
    )
    site.site.jobs.reports.append(NodeReport("cluster", 16 * H, "scontrol", nodes))
    data = await vanished.vanished(site, ask())
    assert [(row[0], row[2], row[9]) for row in data.rows] == [
        ("node011", "POWERED_DOWN", "IDLE+CLOUD+POWERED_DOWN"),
        ("node012", "DRAIN (bad DIMM)", "DOWN+DRAIN+NOT_RESPONDING"),
    ]
    # Before Slurm said so, nothing of it was expected.
    assert [row[2] for row in (await vanished.vanished(site, ask(), at=15 * H)).rows] == [None]


async def test_a_node_that_is_merely_down_is_not_expected_to_be_off() -> None:
    site = answers()
    node = SchedulerNode("node012", "DOWN", frozenset({"NOT_RESPONDING"}), reason="Not responding")
    site.site.jobs.reports.append(NodeReport("cluster", 16 * H, "scontrol", (node,)))
    assert [row[2] for row in (await vanished.vanished(site, ask())).rows] == [None, None]


async def test_hosts_come_with_slurms_state_by_their_short_or_full_name() -> None:
    site = answers()
    drained = SchedulerNode("node001.site.example", "UNKNOWN", frozenset({"DRAIN"}), reason="fan")
    nodes = (drained, SchedulerNode("node002", "ALLOCATED"), SchedulerNode("node099", "IDLE"))
    site.site.jobs.reports.append(NodeReport("cluster", 16 * H, "sinfo", nodes))
    data = await fabric.hosts(site, ask())
    assert [(row[0], row[9], row[10]) for row in list(data.rows)[:3]] == [
        ("node001", "DRAIN", "fan"), ("node002", "ALLOCATED", None), ("node003", None, None),
    ]  # fmt: skip
    assert data.notices == ("1 node of Slurm not in the fabric then: node099.",)


async def test_before_it_vanished_nothing_was_missing() -> None:
    data = await vanished.vanished(answers(), ask(), at=14 * H)
    assert (data.rows, data.notices) == (
        [], ("No host was missing at 1970-01-01T14:00:00Z, the last time it was looked.",),
    )  # fmt: skip


async def test_a_retired_host_has_not_vanished() -> None:
    site = answers()
    site.site.fabrics.told.append(Change("ib", 18 * H, None, "retired", "info", "retired", guids=(guid("c", 12),)))
    assert [row[0] for row in (await vanished.vanished(site, ask())).rows] == ["node011"]


async def test_a_host_with_a_new_hca_or_a_new_name_has_not_vanished() -> None:
    site = answers()
    site.site.fabrics.node(guid("d", 1), CA, "node012 mlx5_0", 15 * H)
    assert [row[0] for row in (await vanished.vanished(site, ask())).rows] == ["node011"]
    site = answers()
    site.site.fabrics.node(guid("c", 12), CA, "node099 mlx5_0", 15 * H)
    assert [row[0] for row in (await vanished.vanished(site, ask())).rows] == ["node011"]


async def test_hosts_are_listed_with_their_ports_and_users_see_those_of_their_runs() -> None:
    data = await fabric.hosts(answers(), ask())
    assert len(data.rows) == 11
    assert list(data.rows[0]) == [
        "node001", "mlx5_0/1", "up", "leaf01", 12, "4X", "EDR", "h001", False, None, None, guid("c", 1), "ib",
    ]  # fmt: skip
    assert [row[0] for row in (await fabric.hosts(answers(), ask(BOB, from_h=13))).rows] == ["node003", "node010"]
    assert [row[0] for row in (await fabric.hosts(answers(), ask(ALICE), at=19 * H)).rows] == ["node006"]


async def test_the_fabric_asked_before_a_change_is_the_one_before_it() -> None:
    before = await fabric.ports(answers(), ask(), "leaf01", at=13 * H - 1)
    after = await fabric.ports(answers(), ask(), "leaf01", at=13 * H)
    assert [(row[0], row[2]) for row in before.rows if row[6] == "h001"] == [(1, "node001 mlx5_0/1")]
    assert [(row[0], row[2]) for row in after.rows if row[6] == "h001"] == [(12, "node001 mlx5_0/1")]


async def test_switches_count_hosts_and_links() -> None:
    data = await fabric.switches(answers(), ask())
    assert [(row[0], row[1], row[2], row[3]) for row in data.rows] == [
        ("leaf01", 4, 6, 0), ("leaf02", 4, 6, 0), ("leaf03", 3, 5, 1), ("spine01", 0, 3, 0), ("spine02", 0, 3, 0),
    ]  # fmt: skip
    before = await fabric.switches(answers(), ask(), at=14 * H)
    assert [row[1:4] for row in before.rows if row[0] == "leaf03"] == [[4, 6, 0]]


async def test_a_port_whose_cable_leads_to_a_host_that_vanished_is_down() -> None:
    for at_h, expected in ((14, [4, "up", "4X", "EDR", "h012", False]), (15, [4, "down", None, None, "h012", True])):
        data = await fabric.ports(answers(), ask(), "leaf03", at=at_h * H)
        (row,) = [list(row) for row in data.rows if row[2] == "node012 mlx5_0/1"]
        assert [row[0], row[1], *row[4:8]] == expected
    down = await fabric.links(answers(), ask(), state="down")
    assert [list(row) for row in down.rows] == [
        ["leaf03/4", "node012 mlx5_0/1", "down", None, None, "h012", "switch-ca", True, "ib"]
    ]
    assert [row[1] for row in (await fabric.links(answers(), ask(), switch="leaf01", state="down")).rows] == []


async def test_a_cable_that_was_plugged_elsewhere_since_leads_to_nobody_any_more() -> None:
    site = answers()
    site.site.fabrics.unplug("h012", 17 * H, 14 * H)
    assert (await fabric.links(site, ask(), state="down")).rows == []


async def test_all_ports_of_a_switch_are_down_when_it_vanished() -> None:
    site = answers()
    site.site.fabrics.take_away(guid("b", 2), 18 * H, 17 * H)
    data = await fabric.links(site, ask(), state="down")
    assert [(row[0], row[1]) for row in data.rows] == [
        ("leaf01/6", "spine02/1"),
        ("leaf02/6", "spine02/2"),
        ("leaf03/4", "node012 mlx5_0/1"),
        ("leaf03/6", "spine02/3"),
    ]


async def test_an_unknown_switch_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"There is no switch 'leaf1'\. Did you mean leaf01"):
        await fabric.ports(answers(), ask(), "leaf1")


async def test_a_narrow_link_is_degraded_since_it_came_up_so() -> None:
    data = await fabric.degraded(answers(), ask())
    assert [list(row) for row in data.rows] == [
        ["leaf02/4", "node008 mlx5_0/1", "1X EDR", "4X EDR", 17 * H, "h008", "ib"]
    ]
    early = await fabric.degraded(answers(), ask(), at=16 * H)
    assert (early.rows, early.notices) == ([], ("No link ran below its like at 1970-01-01T16:00:00Z.",))


async def test_changes_are_listed_and_silence_is_explained() -> None:
    data = await fabric.fabric_changes(answers(), ask(), kind=("cable_moved",))
    assert [list(row)[:8] for row in data.rows] == [
        [13 * H, 12 * H, "cable_moved", "info", "h001 was moved from leaf01/1 to leaf01/12.", "", "leaf01/1, leaf01/12",
         "h001"]
    ]  # fmt: skip
    quiet = await fabric.fabric_changes(answers(), ask(from_h=18))
    assert quiet.notices == ("Nothing changed in this window, as far as was seen.",)
    old = await fabric.fabric_changes(answers(), ask(to_h=9))
    assert old.notices == ("The fabric was first seen at 1970-01-01T10:00:00Z, after this window.",)


async def test_a_time_before_the_first_sweep_is_refused_with_the_reason() -> None:
    with pytest.raises(UnknownName, match="Fabric ib was first seen at 1970-01-01T10:00:00Z"):
        await fabric.switches(answers(), ask(), at=9 * H)


async def test_a_cable_is_followed_through_its_move() -> None:
    data = await cables.cable_history(answers(), ask(), "h001")
    assert [list(row)[:9] for row in data.rows] == [
        ["h001", "taken", "leaf01/1", "node001 mlx5_0/1", 10 * H, 13 * H, None, 12 * H, "certain"],
        ["h001", "taken", "leaf01/12", "node001 mlx5_0/1", 13 * H, None, 12 * H, 20 * H, "certain"],
    ]
    assert data.rows[1][10] == (
        "The end in leaf01/1 was moved to leaf01/12 by 1970-01-01T13:00:00Z (after 1970-01-01T12:00:00Z)."
    )


async def test_a_port_names_the_cable_it_had_last() -> None:
    data = await cables.cable_history(answers(), ask(), "leaf01/12")
    assert (data.rows[0][0], data.notices) == ("h001", ("leaf01/12 is cable h001.",))
    assert (await cables.cable_history(answers(), ask(), "node002")).rows[0][0] == "h002"
    with pytest.raises(UnknownName, match="There is no cable and no port 'leaf01/x'"):
        await cables.cable_history(answers(), ask(), "leaf01/x")
    with pytest.raises(UnknownName, match="No cable was ever seen at leaf01/20"):
        await cables.cable_history(answers(), ask(), "leaf01/20")


async def test_an_exchange_is_told_in_both_readings() -> None:
    data = await cables.cable_history(answers(), ask(), "h005")
    assert [list(row)[1:6] for row in data.rows] == [
        ["taken", "leaf02/1", "node005 mlx5_0/1", 10 * H, 14 * H],
        ["taken", "leaf03/1", "node005 mlx5_0/1", 14 * H, None],
        ["other", "leaf02/1", "node009 mlx5_0/1", 14 * H, None],
    ]
    assert data.rows[2][10].startswith("The end in node005 mlx5_0/1 was moved to node009 mlx5_0/1 by")
    assert "Not certain: cables h009 and h005 changed ends then." in data.rows[2][10]
    assert data.notices == (
        "Cable h005 and h009 changed ends. Rows marked `other` are the reading in which the ends that `taken` moves "
        "stayed plugged, and the others were moved.",
    )


async def test_cables_are_listed_at_their_last_place() -> None:
    data = await cables.cables(answers(), ask(), host="node001")
    assert [list(row)[:6] for row in data.rows] == [
        ["h001", "certain", "leaf01/12", "node001 mlx5_0/1", "cable", 13 * H]
    ]
    data = await cables.cables(answers(), ask(), identity="ambiguous")
    assert [row[0] for row in data.rows] == ["h005", "h009"]


def test_the_end_that_stays_keeps_its_name() -> None:
    def link(a: str, b: str, from_ms: int) -> Connection:
        return Connection(
            f"{a}{b}", "ib", PortKey(a, 1), PortKey(b, 1), "x", None, "cable", Interval(from_ms, from_ms + 1), None, 0
        )

    kinds = dict.fromkeys("pqrstu", SWITCH)
    # q-r, then q stays and the other end goes to p (lower than q): a is q all the while; then both ends elsewhere.
    found = cables.ends_of([link("q", "r", 0), link("p", "q", 1), link("s", "t", 2)], kinds)
    assert [(e.a.guid, e.b.guid, e.sure) for e in found] == [("q", "r", True), ("q", "p", True), ("s", "t", False)]
    # Into an HCA: b is the HCA's end, whatever the order of GUIDs.
    found = cables.ends_of([link("h", "s", 0)], {"h": CA, "s": SWITCH})
    assert [(e.a.guid, e.b.guid) for e in found] == [("s", "h")]


async def test_folded_the_graph_shows_switches_with_their_hosts_counted() -> None:
    nodes = await graph.nodes(answers(), ask())
    assert [(row[1], row[2], row[3], row[4]) for row in nodes.rows] == [
        ("leaf01", "leaf switch", "4 hosts", None),
        ("leaf02", "leaf switch", "4 hosts", None),
        ("leaf03", "leaf switch", "3 hosts", "1 vanished"),
        ("spine01", "spine switch", None, None),
        ("spine02", "spine switch", None, None),
    ]
    edges = await graph.edges(answers(), ask())
    assert len(edges.rows) == 6
    assert {row[3] for row in edges.rows} == {"4X EDR"}


async def test_unfolded_a_vanished_host_stays_on_its_leaf() -> None:
    nodes = await graph.nodes(answers(), ask(), fold="none")
    edges = await graph.edges(answers(), ask(), fold="none")
    ids = {row[0] for row in nodes.rows}
    assert ("gone:node012", "node012", "host, vanished") in {tuple(row[:3]) for row in nodes.rows}
    assert (LEAF3, "gone:node012", "vanished") in {tuple(row[1:4]) for row in edges.rows}
    assert all(row[1] in ids and row[2] in ids for row in edges.rows)
    assert ("node011", "host, silent") in {tuple(row[1:3]) for row in nodes.rows}


async def test_cut_to_its_limit_the_graph_has_no_dangling_edge() -> None:
    nodes = await graph.nodes(answers(), ask(limit=4))
    edges = await graph.edges(answers(), ask(limit=4))
    assert len(nodes.rows) == 4
    assert {row[1] for row in edges.rows} == {guid("b", 1)}
    assert nodes.notices == ("Only 4 of 5 nodes are drawn: ask for a job or a switch.",)


async def test_a_job_is_drawn_with_its_hosts_and_the_ways_between_them() -> None:
    nodes = await graph.nodes(answers(), ask(ALICE, from_h=12, to_h=13), job="4711")
    assert [row[1] for row in nodes.rows] == [
        "leaf01", "leaf03", "spine01", "spine02", "node001", "node002", "node003", "node009",
    ]  # fmt: skip
    with pytest.raises(Forbidden):
        await graph.nodes(answers(), ask(ALICE))


async def test_a_switch_is_drawn_with_its_peers() -> None:
    nodes = await graph.nodes(answers(), ask(), switch="leaf01")
    assert [row[1] for row in nodes.rows] == [
        "leaf01", "spine01", "spine02", "node001", "node002", "node003", "node004",
    ]  # fmt: skip


async def test_the_scene_is_made_once_for_one_time_and_again_when_the_store_changed() -> None:
    site = answers()
    for _ in range(3):
        await fabric.switches(site, ask())
    assert site.site.fabrics.calls.count("fabric") == 1
    site.site.fabrics.number += 1
    await fabric.switches(site, ask())
    assert site.site.fabrics.calls.count("fabric") == 2

"""The fabric at a time, placement, what is missing or degraded, cables and their history, and the node graph."""

import pytest

from unit.fakes import CA, SWITCH, guid, run
from unit.story import ALICE, BOB, LEAF3, H, answers, ask
from weft.answers import cables, fabric, graph, placement, vanished
from weft.base.errors import Forbidden, UnknownName
from weft.fabric.model import PortKey
from weft.inventory.store import Change, Connection, Interval

pytestmark = pytest.mark.anyio


async def test_a_lopsided_job_is_told_which_host_would_have_straightened_it() -> None:
    data = await placement.placement(answers(), ask(from_h=12), "4711")
    assert [list(row)[1:11] for row in data.rows] == [
        [
            "4 hosts on 2 leaves where 1 would do; mean 2.00 switches between two hosts, 1.00 at best. "
            "node009 on leaf03 stands out with 3.00. "
            "node004 was free and would have been better than node009 (mean 1.00).",
            4, 2, 1, 2.0, 1.0, "optimal", "node009", "node009 -> node004 (2.00 -> 1.00)",
            "Whether node004 could have taken the job (partition, features, node state) is not known.",
        ]
    ]  # fmt: skip
    hops = await placement.hops(answers(), ask(from_h=12), "4711")
    assert [list(row)[1:4] for row in hops.rows] == [[1, 3, 0.5], [3, 3, 0.5]]


async def test_a_host_held_by_another_run_at_the_start_is_not_proposed() -> None:
    site = answers()
    site.site.jobs.known.append(run(9, 11 * H, 13 * H, ["node004"], user="bob"))
    (report,), _ = await placement.reports(site, ask(from_h=12), "4711")
    assert report.placement.swaps == ()


async def test_a_job_older_than_the_first_sweep_has_no_placement_and_says_why() -> None:
    site = answers()
    site.site.jobs.known = [run(4711, 9 * H, 12 * H, ["node001", "node002"])]
    data = await placement.placement(site, ask(), "4711")
    assert (data.rows, data.notices) == (
        [],
        (
            "Fabric ib was first seen at 1970-01-01T10:00:00Z; job 4711 started before, at 1970-01-01T09:00:00Z: "
            "where its hosts hung then is not known.",
        ),
    )


async def test_a_vanished_host_comes_with_its_bracket_its_port_and_its_run() -> None:
    data = await vanished.vanished(answers(), ask())
    assert [list(row)[:8] for row in data.rows] == [
        ["node011", "silent", 16 * H, None, "leaf03/3", "", "", "h011"],
        ["node012", "vanished", 14 * H, 15 * H, "leaf03/4", "77", "carol", "h012"],
    ]


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
        "node001", "mlx5_0/1", "up", "leaf01", 12, "4X", "EDR", "h001", False, guid("c", 1), "ib",
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
        ("leaf01", 4, 6, 0), ("leaf02", 4, 6, 0), ("leaf03", 3, 5, 0), ("spine01", 0, 3, 0), ("spine02", 0, 3, 0),
    ]  # fmt: skip


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
        ("spine01", "switch", None, None),
        ("spine02", "switch", None, None),
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
    assert {row[2] for row in edges.rows} == {guid("b", 1)}
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

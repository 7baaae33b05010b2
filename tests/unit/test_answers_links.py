"""Links that flap, and hosts behind a switch or a link."""

from dataclasses import replace

import pytest

from unit.fakes import CA, SWITCH, FakeFabrics, guid
from unit.story import ALICE, LEAF1, LEAF3, H, answers, ask
from weft.answers import behind, catalog, flapping
from weft.answers.answers import Answers
from weft.base.errors import BadRequest, Forbidden, UnknownName
from weft.base.intervals import FOREVER_MS, Interval
from weft.fabric.model import Lid, PortKey
from weft.inventory.store import LinkState, Note

pytestmark = pytest.mark.anyio


def flap(store: FakeFabrics, cable: str, *told: tuple[float, str, str | None]) -> None:
    """Replace the link states of a cable's newest connection: (since h, state, width)."""
    link = next(c for c in reversed(store.links) if c.cable == cable)
    store.states = [s for s in store.states if s.connection != link.id]
    ends = [int(h * H) for h, _, _ in told[1:]] + [FOREVER_MS]
    for (h, state, width), end in zip(told, ends, strict=True):
        speed = "EDR" if width else None
        span = Interval(int(h * H), end)
        store.states.append(LinkState(link.id, state, width, speed, span, None, 20 * H))


async def test_downs_ups_and_changes_of_width_are_counted_each_with_its_rate() -> None:
    site = answers()
    flap(
        site.site.fabrics, "h002", (10, "up", "4X"), (12, "down", None), (13, "up", "4X"), (14, "down", None),
        (15, "up", "1X"), (16, "up", "4X"),
    )  # fmt: skip
    data = await flapping.flapping(site, ask(from_h=8, to_h=20.5))
    # Seen from 10 h to 20 h, 10 hours and a millisecond: 3 downs and changes are 7.2 a day, 1 is 2.4.
    told = [[*list(row)[:6], round(row[6], 3), *list(row)[7:11]] for row in data.rows]
    assert told == [
        ["leaf01/2", "node002 mlx5_0/1", 2, 0, 2, 1, 7.2, 0, 16 * H, "up", "h002"],
        ["leaf02/4", "node008 mlx5_0/1", 0, 0, 0, 1, 2.4, 0, 17 * H, "up", "h008"],
    ]
    within = await flapping.flapping(site, ask(from_h=12.5, to_h=13.5))
    # The link was down when the window begins: that is no change in it.
    assert [list(row)[2:6] for row in within.rows] == [[0, 0, 1, 0]]


async def test_a_link_that_went_with_its_host_is_told_apart() -> None:
    site = answers()
    flap(site.site.fabrics, "h012", (10, "up", "4X"), (15, "down", None))
    data = await flapping.flapping(site, ask(), switch="leaf03")
    assert [list(row)[:4] for row in data.rows] == [["leaf03/4", "node012 mlx5_0/1", 1, 1]]


async def test_lines_of_the_subnet_manager_count_for_the_port_they_name() -> None:
    site = answers()
    store = site.site.fabrics
    store.addresses = [replace(x, guid="e" * 16) if x.port.guid == guid("c", 3) else x for x in store.addresses]
    store.addresses.append(Lid(PortKey(guid("c", 99), 1), 99))
    site.site.ledger.kept += [
        Note(13 * H, "sm_port_removed", "warning", "removed", ("ib", "e" * 16)),
        Note(13 * H + 1, "sm_port_removed", "warning", "another fabric's", ("other", "e" * 16)),
        Note(14 * H, "sm_counter", "warning", "rose", ("ib", f"{LEAF1}/3", f"{guid('c', 3)}/1", "LinkDownedCounter")),
        Note(14 * H, "sm_counter", "warning", "rose", ("ib", f"{LEAF1}/4", "SymbolErrorCounter")),
        Note(14 * H, "sm_link_state", "info", "trap", ("ib", LEAF3)),
        Note(15 * H, "sm_link_state", "info", "trap", ("ib", LEAF3)),
    ]
    data = await flapping.flapping(site, ask(from_h=10))
    assert [(row[0], row[2], row[5], row[7]) for row in data.rows] == [("leaf02/4", 0, 1, 0), ("leaf01/3", 0, 0, 2)]
    assert data.notices == (
        "opensm.log also told of 2 changes of links without naming the port (most: leaf03 2).",
    )  # fmt: skip


async def test_quiet_and_unseen_windows_are_told_apart() -> None:
    quiet = await flapping.flapping(answers(), ask(from_h=18, to_h=19))
    assert quiet.notices == (
        "No link went down or changed between 1970-01-01T18:00:00Z and 1970-01-01T18:59:59.999Z, as far as was seen.",
    )
    unseen = await flapping.flapping(answers(), ask(from_h=1, to_h=2))
    assert unseen.notices[0].startswith("The fabric was seen from 1970-01-01T10:00:00Z to 1970-01-01T20:00:00Z, not")


async def test_hosts_of_a_leaf_are_cut_off_with_it() -> None:
    data = await behind.behind(answers(), ask(), switch="leaf01")
    assert [list(row)[:5] for row in data.rows] == [
        [f"node{n:03}", True, True, "mlx5_0/1", "leaf01"] for n in (1, 2, 3, 4)
    ]
    assert data.notices == (
        "If leaf01 fails, 4 hosts lose every way to the rest; 0 more hang below it and have another.",
    )


async def test_hosts_below_one_of_two_spines_keep_the_other_way() -> None:
    site = answers()
    data = await behind.behind(site, ask(), switch="spine01")
    assert [row[0] for row in data.rows] == [f"node{n:03}" for n in range(1, 12)]
    assert not any(row[1] for row in data.rows)
    link = await behind.behind(site, ask(), link="leaf01/5")
    assert [(row[0], row[1]) for row in link.rows] == [(f"node{n:03}", False) for n in (1, 2, 3, 4)]
    assert link.notices[0].startswith("If the link leaf01/5 - spine01/1 fails, 0 hosts lose every way")


async def test_the_last_way_up_cuts_a_leaf_off_and_a_second_cable_keeps_it() -> None:
    site = answers()
    site.site.fabrics.take_away(guid("b", 2), 18 * H, 17 * H)
    alone = await behind.behind(site, ask(), link="leaf01/5")
    assert [(row[0], row[1]) for row in alone.rows] == [(f"node{n:03}", True) for n in (1, 2, 3, 4)]
    every = await behind.behind(site, ask(), switch="spine01")
    # Three leaves are left, each alone; the greatest two have four hosts, and the first of these counts as the rest.
    assert {row[4] for row in every.rows if row[1]} == {"leaf02", "leaf03"}
    site.site.fabrics.connect((LEAF1, 20), (guid("b", 1), 30), 18 * H, cable="second")
    site.site.fabrics.number += 1
    twice = await behind.behind(site, ask(), link="leaf01/5")
    assert not any(row[1] for row in twice.rows)


async def test_a_host_is_cut_off_with_its_own_link_unless_it_has_two() -> None:
    site = answers()
    data = await behind.behind(site, ask(), link="leaf01/2")
    assert [list(row)[:3] for row in data.rows] == [["node002", True, True]]
    site.site.fabrics.node(guid("d", 2), CA, "node002 mlx5_1", 10 * H)
    site.site.fabrics.connect((LEAF3, 20), (guid("d", 2), 1), 10 * H)
    site.site.fabrics.number += 1
    both = await behind.behind(site, ask(), link="leaf01/2")
    assert [list(row)[:4] for row in both.rows] == [["node002", False, True, "mlx5_0/1"]]
    leaf = await behind.behind(site, ask(), switch="leaf01")
    assert {row[0] for row in leaf.rows if row[1]} == {"node001", "node003", "node004"}


async def test_in_three_levels_a_spine_has_its_pod_below_and_a_core_everybody() -> None:
    store = FakeFabrics()
    for pod in (1, 2):
        store.node(guid("b", pod), SWITCH, f"MF0;spine{pod:02}:MSB7800/U1", ports=36)
        for leaf in (1, 2):
            n = (pod - 1) * 2 + leaf
            store.node(guid("a", n), SWITCH, f"MF0;leaf{n:02}:MSB7800/U1", ports=36)
            store.node(guid("c", n), CA, f"node{n:03} mlx5_0")
            store.connect((guid("a", n), 1), (guid("c", n), 1))
            store.connect((guid("a", n), 19), (guid("b", pod), leaf))
    for core in (1, 2):
        store.node(guid("d", core), SWITCH, f"MF0;core{core:02}:MSB7800/U1", ports=36)
        for pod in (1, 2):
            store.connect((guid("b", pod), 18 + core), (guid("d", core), pod))
    site = Answers(replace(answers().site, fabrics=store))

    async def told(**what: str) -> list[tuple[str, bool, bool]]:
        data = await behind.behind(site, ask(), **what)
        return [(row[0], row[1], row[2]) for row in data.rows]

    assert await told(switch="core01") == [(f"node{n:03}", False, True) for n in (1, 2, 3, 4)]
    # With spine01 its two leaves stand alone: the rest is pod 2.
    assert await told(switch="spine01") == [("node001", True, True), ("node002", True, True)]
    assert await told(link="spine01/19") == [("node001", False, True), ("node002", False, True)]
    assert await told(link="leaf03/19") == [("node003", True, True)]


async def test_what_fails_is_asked_for_once_and_known() -> None:
    site = answers()
    for what in ({}, {"switch": "leaf01", "link": "leaf01/5"}):
        with pytest.raises(BadRequest, match="What fails is not said"):
            await behind.behind(site, ask(), **what)
    with pytest.raises(UnknownName, match="'leaf01/x' names no port"):
        await behind.behind(site, ask(), link="leaf01/x")
    with pytest.raises(UnknownName, match="Nothing was plugged in leaf01/30 then"):
        await behind.behind(site, ask(), link="leaf01/30")
    with pytest.raises(Forbidden):
        await catalog.run(site, "behind", {"switch": "leaf01"}, ask(ALICE))
    site.site.fabrics.take_away(guid("b", 2), 18 * H, 17 * H)
    site.site.fabrics.number += 1
    gone = await behind.behind(site, ask(), switch="spine02")
    assert gone.notices == ("spine02 was not in the fabric at 1970-01-01T20:00:59.999Z.",)

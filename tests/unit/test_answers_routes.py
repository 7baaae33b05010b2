"""Routes of runs, their sharers, and where packets go: on the story, and on the real fabric in SQLite."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from unit.fakes import FakeFabrics, FakeJobs, FakeLedger, FakeLogs, FakeSeries, address, guid, read_tables, run, tree
from unit.story import ALICE, BOB, LEAF1, NOW, OPERATOR, H, ask
from unit.story import answers as story
from weft.answers import catalog, routes
from weft.answers.answers import Answers
from weft.answers.names import InventoryNames
from weft.answers.networks import quiet_spans, stretch
from weft.answers.routed import RANK
from weft.answers.routes import job_routes, route_sharers, run_routes, sharers
from weft.answers.site import Site
from weft.answers.tables import Ask, TableData
from weft.app import open_engines
from weft.base.config import Settings
from weft.base.config import Site as SiteSettings
from weft.base.errors import Forbidden, UnknownName
from weft.base.intervals import Interval
from weft.fabric.model import PortKey
from weft.inventory.store import Change, Note
from weft.metrics.series import Window

pytestmark = pytest.mark.anyio

M = 60_000


def column(data: TableData, table: str, *names: str) -> list[tuple[object, ...]]:
    places = [[c.name for c in catalog.TABLES[table].columns].index(name) for name in names]
    return [tuple(row[i] for i in places) for row in data.rows]


async def told(answers: Answers, table: str, asked: Ask, *names: str, **arguments: object) -> list[tuple[object, ...]]:
    return column(await catalog.run(answers, table, arguments, asked), table, *names)


# -- whether tables hold -----------------------------------------------------------------------------------------------


def site(
    fabric: FakeFabrics, reads: Sequence[int] = (), notes: Sequence[Note] | None = None, runs: FakeJobs | None = None
) -> Answers:
    """Answers over a fabric whose tables were read at these times; `notes`: what says so, default those of `reads`."""
    address(fabric)
    read = [read_tables(fabric, at_ms) for at_ms in reads]
    ledger = FakeLedger(kept=list(read if notes is None else notes))
    return Answers(Site(fabric, runs or FakeJobs(), ledger, FakeSeries(), FakeLogs(), SiteSettings(), UTC))


def plain(sweeps: range = range(0, 11 * H, H)) -> FakeFabrics:
    return tree(FakeFabrics(sweeps=list(sweeps)), 2, 2, 2)


def moved(at_h: int, since_h: int | None) -> Change:
    """A change that makes the subnet manager set other routes."""
    return Change(
        "ib", at_h * H, None if since_h is None else since_h * H, "link_down", "error", "down",
        ports=(PortKey(guid("a", 1), 3), PortKey(guid("b", 1), 1)),
    )  # fmt: skip


async def doubt(answers: Answers, from_h: float, to_h: float) -> str:
    return (await stretch(answers, "ib", Interval(int(from_h * H), int(to_h * H)))).doubt


async def test_tables_hold_from_their_reading_until_something_can_have_changed() -> None:
    fabric = plain()
    fabric.told = [moved(6, 5)]
    answers = site(fabric, [2 * H])
    assert await doubt(answers, 1, 2) == "no forwarding tables were read by then"
    assert await doubt(answers, 2, 5) == ""
    assert await doubt(answers, 2, 5.1) == (
        "the fabric changed by 1970-01-01T06:00:00Z, after its tables were read at 1970-01-01T02:00:00Z"
    )
    assert (await doubt(answers, 7, 8)).startswith("the fabric changed by 1970-01-01T06:00:00Z")


async def test_the_same_tables_read_again_after_a_change_held_all_along() -> None:
    fabric = plain()
    fabric.told = [moved(6, 5)]
    answers = site(fabric, [2 * H, 7 * H])
    assert [await doubt(answers, *span) for span in ((2, 5.5), (5.5, 6.5), (7, 9))] == ["", "", ""]


async def test_other_tables_read_after_a_change_held_from_their_reading_on() -> None:
    fabric = plain()
    fabric.told = [moved(6, 5)]
    fabric.unplug("u01-01-0", 6 * H, 5 * H)
    answers = site(fabric, [2 * H, 7 * H])
    assert (await doubt(answers, 5, 6)).startswith("the fabric changed by 1970-01-01T06")
    assert (await doubt(answers, 6, 7)).startswith("the fabric changed by 1970-01-01T06")
    assert await doubt(answers, 7, 9) == ""


async def test_tables_of_some_switches_only_do_not_hold() -> None:
    fabric = plain()
    answers = site(fabric, [2 * H])
    del fabric.tables[guid("b", 2), 2 * H]
    assert await doubt(answers, 3, 4) == "the tables of 1 of 4 switches are not known"


async def test_a_table_that_had_changed_when_it_alone_was_read_again_leaves_the_others_in_doubt() -> None:
    fabric = plain()
    notes = [Note(at * H, "tables_read", "info", "", ("ib", count, "x")) for at, count in ((2, "4"), (4, "1"))]
    answers = site(fabric, [2 * H], notes)
    assert await doubt(answers, 4, 5) == ""  # it was as before
    fabric.tables[guid("a", 1), 4 * H] = b"\xff\x01"
    fabric.number += 1
    assert await doubt(answers, 4, 5) == (
        "some tables were read again at 1970-01-01T04:00:00Z and had changed, the others were not"
    )


async def test_tables_in_files_of_one_time_each_were_read_in_one_go() -> None:
    notes = [Note(2 * H, "tables_read", "info", "", ("ib", "1", str(n))) for n in range(4)]
    assert await doubt(site(plain(), [2 * H], notes), 3, 4) == ""
    three = "the forwarding tables were not read in one go by then"
    assert await doubt(site(plain(), [2 * H], notes[:3]), 3, 4) == three


async def test_a_span_is_cut_where_a_link_that_matters_may_have_changed() -> None:
    fabric = plain()
    host = Change(
        "ib", 4 * H, 3 * H, "link_down", "error", "", ports=(PortKey(guid("a", 1), 1), PortKey(guid("c", 1), 1))
    )
    fabric.told = [moved(6, 5), host]
    answers = site(fabric, [0, 8 * H])
    span = (await answers.fabrics())[0]
    found, notices = await quiet_spans(answers, span, Interval(H, 9 * H))
    assert ([s.from_ms // H for s in found], notices) == ([1, 5, 6], [])
    mine, _ = await quiet_spans(answers, span, Interval(H, 9 * H), [guid("c", 1)])
    assert [(s.from_ms // H, s.to_ms // H) for s in mine] == [(1, 3), (3, 4), (4, 5), (5, 6), (6, 9)]


async def test_a_change_elsewhere_after_which_other_tables_were_read_leaves_those_of_before_their_time() -> None:
    fabric = plain()
    elsewhere = Change("ib", 6 * H, 5 * H, "node_gone", "error", "", guids=(guid("c", 4),))
    fabric.told = [elsewhere]
    answers = site(fabric, [0, 4 * H, 8 * H])
    span = (await answers.fabrics())[0]
    assert (await quiet_spans(answers, span, Interval(H, 9 * H)))[0] == [Interval(H, 9 * H)]
    fabric.tables[guid("a", 1), 8 * H] = b"\xff\x01"
    fabric.number += 1
    found, _ = await quiet_spans(answers, span, Interval(H, 9 * H))
    assert [(s.from_ms // H, s.to_ms // H) for s in found] == [(1, 5), (5, 8), (8, 9)]
    assert [bool(await doubt(answers, s.from_ms / H, s.to_ms / H)) for s in found] == [False, True, False]


async def test_after_the_last_sweep_one_picture_serves_until_a_person_corrects_it() -> None:
    fabric = plain()
    answers = site(fabric)
    live, same = await asyncio.gather(answers.scene("ib", 20 * H), answers.scene("ib", 40 * H))
    assert live is same
    assert (await answers.scene("ib", 9 * H)) is not live
    fabric.told = [replace(moved(30, None), kind="cable_new")]
    fabric.number += 1
    before, after = await answers.scene("ib", 29 * H), await answers.scene("ib", 30 * H)
    assert (before.view.at_ms, after.view.at_ms) == (10 * H, 30 * H)
    assert await answers.scene("ib", 50 * H) is after


async def test_what_was_before_the_first_sweep_is_unknown_and_many_changes_are_sampled() -> None:
    fabric = plain(range(2 * H, 40 * H, H))
    fabric.told = [moved(h, None) for h in range(5, 35)]
    span = (await site(fabric).fabrics())[0]
    found, notices = await quiet_spans(site(fabric), span, Interval(0, 40 * H))
    assert (found[0].from_ms, found[-1].to_ms, len(found)) == (2 * H, 40 * H, 12)
    assert notices == [
        "Fabric ib was first seen at 1970-01-01T02:00:00Z: unknown before.",
        "The fabric changed 30 times in that time: routes are worked out at 12 of them.",
    ]
    over, why = await quiet_spans(site(fabric), span, Interval(0, H))
    assert (over, why) == ([], ["Fabric ib was first seen at 1970-01-01T02:00:00Z, when this was over."])


# -- the story ---------------------------------------------------------------------------------------------------------


# In the story LIDs 6 to 17 are node001-012's, and a leaf sends even LIDs up by port 5 to spine01, odd ones by 6 to
# spine02; spine port n leads to leaf n. 13-14 h nothing changed and the tables of 13 h hold.
QUIET = ask(from_h=13, to_h=14)


async def test_routes_of_a_run_by_hand() -> None:
    """4711: node001 (leaf01/12), node002, node003 on leaf01 and node009 (leaf03/1, LID 14)."""
    names = "switch", "port", "direction", "basis", "routes", "from", "to"
    rows = await told(story(), "job_routes", ask(from_h=12), *names, job="4711")
    out = {row[:2]: row[3:5] for row in rows if row[2] == "out" and row[5:] == (13 * H, 14 * H)}
    assert out == {
        ("leaf01", 12): ("host_link", 3), ("leaf01", 2): ("host_link", 3), ("leaf01", 3): ("host_link", 3),
        ("leaf03", 1): ("host_link", 3), ("leaf01", 5): ("static", 3), ("spine01", 3): ("static", 3),
        ("leaf03", 5): ("static", 2), ("spine01", 1): ("static", 2),  # LIDs 6 and 8
        ("leaf03", 6): ("static", 1), ("spine02", 1): ("static", 1),  # LID 7
    }  # fmt: skip
    back = {row[:2]: row[3:5] for row in rows if row[2] == "in" and row[5:] == (13 * H, 14 * H)}
    assert {port: how for port, how in back.items() if how[0] == "static"} == {
        ("spine01", 1): ("static", 3), ("leaf03", 5): ("static", 3), ("spine01", 3): ("static", 2),
        ("leaf01", 5): ("static", 2), ("spine02", 3): ("static", 1), ("leaf01", 6): ("static", 1),
    }  # fmt: skip
    assert {how for how in back.values() if how[0] == "host_link"} == {("host_link", 3)}


async def test_routes_are_only_possible_while_the_fabric_may_have_changed() -> None:
    """node001 was moved between 12 and 13 h: until then any way up may have been taken."""
    data = await job_routes(story(), ask(from_h=12), "4711")
    early = column(data, "job_routes", "switch", "port", "direction", "basis", "routes", "from")
    assert {row[:5] for row in early if row[5] == 12 * H and row[3] == "possible" and row[0] == "leaf01"} == {
        ("leaf01", port, way, "possible", None) for port in (5, 6) for way in ("in", "out")
    }
    assert (
        "Job 4711: its routes are possible ones: the fabric changed by 1970-01-01T13:00:00Z, after its tables were "
        "read at 1970-01-01T12:00:00Z."
    ) in data.notices


async def test_a_run_of_one_host_has_its_own_link_and_no_routes() -> None:
    rows = await told(story(), "job_routes", ask(), "switch", "port", "basis", "routes", job="4713")
    assert set(rows) == {("leaf02", 2, "host_link", 0)}


async def test_sharers_are_ranked_by_the_surest_port_in_common() -> None:
    """4712 of bob, node003 and node010 (LIDs 8 and 15): up by leaf01/6, back by leaf03/5 and spine01/1 to node003."""
    names = "job", "user", "basis", "ports", "from", "to"
    rows = await told(story(), "route_sharers", QUIET, *names, job="4711@43200000")
    assert [row[:3] for row in rows] == [("4712", "bob", "host_link")]
    runs = FakeJobs([run(1, 0, 9 * H, ["node001", "node003"]), run(2, 0, 9 * H, ["node002", "node004"], user="bob")])
    answers = site(plain(), [0], runs=runs)
    # Two leaves of two hosts, LIDs 1-4 switches, 5-8 hosts: node003 is 7 (odd, by leaf01/4), node001 5 (leaf02/4),
    # node004 is 8 (even, leaf01/3), node002 6 (leaf02/3): nothing in common.
    data = await route_sharers(answers, ask(), "1")
    assert (data.rows, data.notices) == ([], ("Nobody shared a route of job 1, as far as is known.",))
    unread = site(plain(), runs=runs)
    both = await told(unread, "route_sharers", ask(), "job", "basis", "ports", "shared", job="1")
    assert both == [("2", "possible", 8, "leaf01/3, leaf01/4, leaf02/3, leaf02/4, spine01/1, ...")]


async def test_what_is_shared_is_told_by_the_same_ports_as_the_routes_of_each() -> None:
    """Every pair of some runs of two leaves and four spines, against the ports of each run one by one."""
    fabric = tree(FakeFabrics(sweeps=[0]), 3, 4, 4)
    held_by = [
        ["node001", "node005", "node009"],
        ["node002", "node006"],
        ["node003", "node004"],
        ["node010", "node001"],
    ]
    runs = [run(n, 0, 9 * H, hosts) for n, hosts in enumerate(held_by, 1)]
    for reads in ([0], []):
        answers = site(fabric, reads, runs=FakeJobs(runs))
        uses = [(await run_routes(answers, own, 10 * H)).parts[0].used for own in runs]
        out = [{use.port: use.basis for use in used if use.direction == "out"} for used in uses]
        for mine, own in zip(out, runs, strict=True):
            found, _ = await sharers(answers, [own], 10 * H)
            expected = {}
            for theirs, other in zip(out, runs, strict=True):
                common = {p: max(mine[p], theirs[p], key=RANK.__getitem__) for p in mine.keys() & theirs.keys()}
                if other is not own and common:
                    expected[other.label] = (len(common), min(common.values(), key=RANK.__getitem__))
            assert {one.run.label: (one.ports, one.basis) for one in found} == expected


async def test_a_port_shared_in_two_parts_of_a_run_counts_once_as_sure_as_it_was_at_best() -> None:
    fabric = plain()
    fabric.told = [moved(6, 5)]
    # The second run ends before the change, the third begins after it: routes are possible ones from 5 h on.
    runs = [
        run(1, H, 9 * H, ["node001", "node003"]), run(2, 2 * H, 8 * H, ["node001", "node004"], user="bob"),
        run(3, 7 * H, 8 * H, ["node002", "node003"], user="bob"), run(4, 3 * H, 4 * H, ["node001"], user="bob"),
    ]  # fmt: skip
    answers = site(fabric, [0], runs=FakeJobs(runs))
    found, notices = await sharers(answers, [runs[0]], 10 * H)
    told_of = {
        one.run.label: (one.basis, one.some[0], [(t.from_ms // H, t.to_ms // H) for t in one.times]) for one in found
    }
    assert told_of == {
        "2": ("host_link", "leaf01/1", [(2, 8)]), "3": ("host_link", "leaf02/1", [(7, 8)]),
        "4": ("host_link", "leaf01/1", [(3, 4)]),
    }  # fmt: skip
    both = next(one for one in found if one.run.label == "2")
    assert both.ports == 9  # node001's own port, and all four uplinks at both of their ends from 5 h on
    assert notices == [
        "Job 1: its routes are possible ones: the fabric changed by 1970-01-01T06:00:00Z, after its tables were read "
        "at 1970-01-01T00:00:00Z."
    ]


async def test_of_too_many_runs_the_newest_are_looked_at_and_none_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MOST_TRACED", 1)
    runs = [run(n, n * M, 9 * H, ["node001", "node003"], user="bob") for n in range(1, 4)]
    answers = site(plain(), [0], runs=FakeJobs(runs))
    shares = await routes.run_shares(answers, runs[0], 10 * H)
    assert [one.run.label for one in shares.shared] == ["3"]
    assert [part.counts for part in shares.parts] == [None]
    assert shares.notices == ("Only the newest 1 runs are looked at for who shared routes.",)


async def test_users_see_their_own_routes_and_others_as_a_count() -> None:
    assert (await job_routes(story(), ask(ALICE), "4711")).rows
    data = await route_sharers(story(), ask(ALICE), "4711@43200000")
    assert (data.rows, data.notices[-1]) == (
        [],
        "1 run of others may have shared routes of job 4711@43200000, 1 of them surely; whose they are is for "
        "operators.",
    )
    with pytest.raises(UnknownName):
        await job_routes(story(), ask(BOB), "4711")
    for table, arguments in (
        ("link_runs", {"link": "leaf01/5"}), ("route", {"src": "node001", "dst": "node002"}), ("balance", {}),
        ("route_to", {"switch": "leaf01", "port": "5"}),
    ):  # fmt: skip
        with pytest.raises(Forbidden):
            await catalog.run(story(), table, arguments, ask(ALICE))


async def test_runs_over_a_link_between_switches_are_those_whose_routes_cross_it_either_way() -> None:
    names = "job", "basis", "routes", "from", "to"
    assert await told(story(), "link_runs", QUIET, *names, link="leaf01/5") == [
        ("4711", "static", 3, 13 * H, 14 * H),  # 3 up, 2 down
        ("4712", "static", 1, 13 * H, 14 * H),  # down, to node003
    ]
    assert await told(story(), "link_runs", QUIET, *names, link="leaf02/5") == []
    # 12-13 h any way may have been taken: 4711 and 4712, but not 50_1 and 50_2 of one host each.
    early = await told(story(), "link_runs", ask(from_h=11, to_h=13), *names[:3], link="spine02/1")
    assert sorted(early) == [("4711", "possible", None), ("4712", "possible", None)]


async def test_runs_over_a_host_link_are_those_that_held_the_host() -> None:
    rows = await told(story(), "link_runs", ask(), "job", "user", "basis", "from", "to", link="node003")
    assert rows == [
        ("4711", "alice", "host_link", 12 * H, 16 * H), ("4712", "bob", "host_link", 12 * H, 18 * H),
    ]  # fmt: skip
    # leaf01/1 was node001's until it was moved at 13 h; who ran on it later did not cross this port.
    assert await told(story(), "link_runs", ask(), "job", "from", "to", link="leaf01/1") == [("4711", 12 * H, 13 * H)]
    nobody = await catalog.run(story(), "link_runs", {"link": "leaf01/4"}, ask())
    assert (nobody.rows, nobody.notices) == ([], ("No run crossed leaf01/4 in this window, as far as is known.",))
    empty = await catalog.run(story(), "link_runs", {"link": "leaf01/9"}, ask())
    assert empty.notices == ("Nothing was plugged in leaf01/9 in this window, as far as is known.",)
    with pytest.raises(UnknownName, match="'nowhere' names no port"):
        await catalog.run(story(), "link_runs", {"link": "nowhere"}, ask())


async def test_the_way_between_two_hosts_there_and_back() -> None:
    names = "way", "lid", "hop", "switch", "in_port", "out_port"
    assert await told(story(), "route", QUIET, *names, src="node001", dst="node009 mlx5_0/1") == [
        ("there", 14, 1, "leaf01", 12, 5), ("there", 14, 2, "spine01", 1, 3), ("there", 14, 3, "leaf03", 5, 1),
        ("back", 6, 1, "leaf03", 1, 5), ("back", 6, 2, "spine01", 3, 1), ("back", 6, 3, "leaf01", 5, 12),
    ]  # fmt: skip
    same = await catalog.run(story(), "route", {"src": "node001", "dst": "NODE001"}, QUIET)
    assert (same.rows, same.notices) == ([], ("Both are one host.",))
    unread = await catalog.run(site(plain()), "route", {"src": "node001", "dst": "node002"}, ask(to_h=2))
    assert (unread.rows, unread.notices) == ([], ("The way is not known: no forwarding tables were read by then.",))
    for src, why in (("node999", "There is no host 'node999'"), ("node001 mlx5_7/1", "had no port 'mlx5_7/1'")):
        with pytest.raises(UnknownName, match=why):
            await catalog.run(story(), "route", {"src": src, "dst": "node002"}, QUIET)


async def test_a_way_by_tables_that_may_not_hold_is_told_with_the_doubt() -> None:
    fabric = plain()
    answers = site(fabric, [2 * H])
    fabric.tables[guid("b", 2), 2 * H] = b"\xff" * 9
    data = await catalog.run(answers, "route", {"src": "node001", "dst": "node003"}, ask(to_h=3))
    assert data.notices == (
        "The route there to LID 7 does not arrive: no route.", "The route back to LID 5 does not arrive: no route.",
    )  # fmt: skip
    assert column(data, "route", "switch", "out_port")[:2] == [("leaf01", 4), ("spine02", None)]
    fabric.told = [moved(3, 2)]
    later = await catalog.run(answers, "route", {"src": "node001", "dst": "node002"}, ask(to_h=5))
    assert later.notices[0].startswith("By the last tables known, and they may not hold: the fabric changed by ")
    assert column(later, "route", "switch", "out_port") == [("leaf01", 2), ("leaf01", 1)]


async def test_a_port_leads_to_the_hosts_that_the_table_names() -> None:
    names = "host", "lid", "leaf", "basis"
    assert await told(story(), "route_to", QUIET, *names, switch="leaf01", port=5) == [
        ("node005", 10, "leaf02", "static"), ("node007", 12, "leaf02", "static"), ("node009", 14, "leaf03", "static"),
        ("node011", 16, "leaf03", "static"),
    ]  # fmt: skip
    assert await told(story(), "route_to", QUIET, "host", switch="leaf01", port=12) == [("node001",)]
    none = await catalog.run(story(), "route_to", {"switch": "leaf01", "port": 20}, QUIET)
    assert none.notices == ("leaf01 sends nothing for a host by port 20.",)
    unread = site(plain())
    assert await told(unread, "route_to", ask(), *names, switch="leaf01", port=3) == [
        ("node003", 7, "leaf02", "possible"), ("node004", 8, "leaf02", "possible"),
    ]  # fmt: skip
    assert await told(unread, "route_to", ask(), *names, switch="leaf01", port=2) == [
        ("node002", 6, "leaf01", "possible")
    ]


async def test_balance_counts_routes_of_all_hosts_by_each_link() -> None:
    names = "port", "peer", "level", "towards", "goals", "routes", "ratio"
    # 4 of the 8 hosts on other leaves behind each uplink, for each of leaf01's 4 hosts.
    assert await told(story(), "balance", QUIET, *names, switch="leaf01") == [
        (5, "spine01/1", "leaf", "spine", 4, 16, 1.0), (6, "spine02/1", "leaf", "spine", 4, 16, 1.0),
    ]  # fmt: skip
    spines = await told(story(), "balance", QUIET, "switch", level="spine")
    assert [switch for (switch,) in spines] == ["spine01"] * 3 + ["spine02"] * 3
    assert (await catalog.run(story(), "balance", {"level": "core"}, QUIET)).notices == (
        "No link between switches matches.",
    )


async def test_series_of_routes_are_those_of_every_port_on_them() -> None:
    answers = story()
    ports = [f"fabric.{LEAF1}.{port}.PortXmitData" for port in (1, 2, 4, 5, 6, 12)]
    spines = [f"fabric.{guid('b', n)}.{n}.PortXmitData" for n in (1, 2)]
    answers = Answers(replace(answers.site, metrics=FakeSeries(sorted([*ports, *spines]))))
    window = Window(0, NOW // 1000, NOW // 1000)
    (found,), notices = await InventoryNames(answers).resolve(["job.4711.routes.*.*.*"], window, OPERATOR)
    assert {(one.name, one.tags["basis"]) for one in found} == {
        ("job.4711.routes.leaf01.1.PortXmitData", "host_link"), ("job.4711.routes.leaf01.2.PortXmitData", "host_link"),
        ("job.4711.routes.leaf01.12.PortXmitData", "host_link"), ("job.4711.routes.leaf01.5.PortXmitData", "possible"),
        ("job.4711.routes.leaf01.6.PortXmitData", "possible"), ("job.4711.routes.spine01.1.PortXmitData", "possible"),
        ("job.4711.routes.spine02.2.PortXmitData", "possible"),  # node009 hung on leaf02 from 14 h on
    }  # fmt: skip
    (moved_to,) = (one for one in found if one.name.split(".")[4] == "12")
    assert [(piece.from_s, piece.to_s) for piece in moved_to.pieces] == [(13 * 3600, 16 * 3600)]
    assert any("its routes are possible ones" in notice for notice in notices)
    finder = InventoryNames(answers)
    assert [f.path for f in await finder.find("job.4711.routes.*", window, OPERATOR)] == [
        "job.4711.routes.leaf01", "job.4711.routes.spine01", "job.4711.routes.spine02",
    ]  # fmt: skip
    assert (await finder.resolve(["job.4711.routes.*.*.*"], window, BOB))[0] == [[]]


async def test_series_of_routes_tell_how_many_others_crossed_the_port_either_way() -> None:
    """LIDs: leaves 1 and 2, spines 3 and 4, node001 to node004 5 to 8: an even one goes by port 3, an odd one by 4."""
    fabric = plain()
    runs = [
        run(1, 0, 9 * H, ["node001", "node003"]),  # 5 and 7: both ways by port 4
        run(2, 0, 5 * H, ["node001", "node004"], user="bob"),  # to 8 by port 3, back to 5 by port 4
        run(3, 0, 9 * H, ["node002", "node004"], user="bob"),  # 6 and 8: both ways by port 3
        run(4, 2 * H, 3 * H, ["node003"], user="bob"),  # nowhere, but what it sends to a server passes its own port
    ]
    answers = site(fabric, [0], runs=FakeJobs(runs))
    ports = [(guid("a", 1), 1), (guid("a", 1), 4), (guid("a", 2), 1), (guid("a", 2), 4), (guid("b", 2), 1)]
    stored = FakeSeries(sorted(f"fabric.{own}.{port}.PortXmitData" for own, port in ports))
    answers = Answers(replace(answers.site, metrics=stored))
    window = Window(0, NOW // 1000, NOW // 1000)
    (found,), _ = await InventoryNames(answers).resolve(["job.1.routes.*.*.*"], window, OPERATOR)
    assert {one.name.removeprefix("job.1.routes."): one.tags.get("sharers") for one in found} == {
        "leaf01.1.PortXmitData": "1", "leaf01.4.PortXmitData": "1", "leaf02.1.PortXmitData": "1",
        "leaf02.4.PortXmitData": "1", "spine02.1.PortXmitData": "1",
    }  # fmt: skip


# -- the real fabric, in SQLite ----------------------------------------------------------------------------------------

BEFORE_MS = 1_795_386_195_000
"""2026-11-22T22:23:15Z, when ft324-1-before was seen."""


@pytest.fixture
async def real(tmp_path: Path, data: Path) -> AsyncIterator[Answers]:
    """ft324 with its tables, LIDs and the log of what was moved, imported from the tools' own files."""
    settings = Settings(data=tmp_path, site=SiteSettings(timezone="UTC"))
    async with open_engines(settings, owner=True, clock=lambda: BEFORE_MS + 3_600_000) as engines:
        assert engines.importer is not None
        before = data / "ib/ft324-1-before"
        files = [before / name for name in ("ibnetdiscover.txt", "dump_lfts.txt", "guid2lid", "ibroute-leaf01.txt")]
        moved_files = [data / "ib/ft324-2-moved" / name for name in ("ibnetdiscover.txt", "opensm.log")]
        report = await engines.importer.import_paths(files, seen_at_ms=BEFORE_MS)
        report_moved = await engines.importer.import_paths(moved_files, seen_at_ms=BEFORE_MS + 4000)
        assert [f.outcome for f in (*report.files, *report_moved.files)] == [
            "imported", "imported", "unchanged", "imported", "imported", "imported",
        ]  # fmt: skip
        await engines.site.jobs.apply_runs([run(7, BEFORE_MS, BEFORE_MS + 1, ["node001", "node324"])])
        yield engines.answers


def real_ask(from_ms: int = BEFORE_MS, to_ms: int = BEFORE_MS + 1) -> Ask:
    return Ask(OPERATOR, Interval(from_ms, to_ms), BEFORE_MS + 3_600_000)


async def test_the_real_way_is_that_of_ibtracert(real: Answers) -> None:
    rows = await told(
        real, "route", real_ask(), "way", "lid", "switch", "in_port", "out_port", src="node001", dst="node324"
    )
    assert [row[1:] for row in rows if row[0] == "there"] == [
        (91, "leaf01", 1, 36), (91, "spine09", 2, 36), (91, "leaf18", 36, 18),
    ]  # fmt: skip


async def test_the_real_run_crosses_what_its_two_ways_cross(real: Answers) -> None:
    names = "switch", "port", "basis", "routes"
    rows = await told(real, "job_routes", real_ask(), *names, "direction", job="7")
    assert {row[:4] for row in rows if row[4] == "out"} == {
        ("leaf01", 36, "static", 1), ("spine09", 36, "static", 1), ("leaf18", 18, "host_link", 1),
        ("leaf18", 19, "static", 1), ("spine01", 1, "static", 1), ("leaf01", 1, "host_link", 1),
    }  # fmt: skip
    assert await told(real, "link_runs", real_ask(), "job", "basis", "routes", link="leaf01/36") == [("7", "static", 1)]


async def test_the_real_move_is_narrowed_by_the_log_to_a_second_and_a_half(real: Answers) -> None:
    asked = real_ask(BEFORE_MS, BEFORE_MS + 60_000)
    rows = await told(real, "fabric_changes", asked, "kind", "after", "time", "narrowed_by")
    assert rows == [
        # Removed 22:23:16.950, found 22:23:18.472, seen by the sweep of 22:23:20.
        ("ends_exchanged", BEFORE_MS + 1950, BEFORE_MS + 3472, "opensm.log: removed, then found"),
    ]  # fmt: skip


async def test_after_the_move_the_tables_of_before_are_in_doubt(real: Answers) -> None:
    later = real_ask(BEFORE_MS + 10_000, BEFORE_MS + 10_001)
    data = await catalog.run(real, "route_to", {"switch": "leaf01", "port": 36}, later)
    assert (len(data.rows), data.rows[0][4]) == (17, "possible")
    assert data.notices[0].startswith("By its last table known, which may not hold: the fabric changed by ")

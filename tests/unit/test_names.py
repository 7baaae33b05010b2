"""Virtual names: which stored series they are made of, for how long, and what they cost."""

import time

import pytest

from unit.fakes import SWITCH, FakeFabrics, FakeJobs, FakeLedger, FakeLogs, FakeSeries, guid, run
from unit.story import ALICE, BOB, LEAF1, LEAF2, LEAF3, NOW, OPERATOR, H, answers, fabrics, jobs
from weft.answers.answers import Answers
from weft.answers.names import InventoryNames, job_node
from weft.answers.site import Site
from weft.answers.virtual import KEPT_ANSWERS, KEPT_NAMES, Assembly, HostTemplate, joined_pieces, remembering
from weft.base.config import Site as SiteSettings
from weft.base.intervals import Interval
from weft.metrics.series import Window
from weft.metrics.store import Found, Piece, Tell, VirtualSeries

pytestmark = pytest.mark.anyio

S = 3600
"""An hour in seconds, as metric times count."""
DAY = Window(0, 24 * S, NOW // 1000)
FOREVER_S = 253_370_764_800


def window(from_h: float, to_h: float) -> Window:
    return Window(int(from_h * S), int(to_h * S), NOW // 1000)


async def one(pattern: str, viewer=OPERATOR, span: Window = DAY) -> tuple[list[VirtualSeries], list[str]]:
    found, notices = await InventoryNames(answers()).resolve([pattern], span, viewer)
    return found[0], notices


def told(found: list[VirtualSeries]) -> list[tuple[str, tuple[Piece, ...]]]:
    return [(s.name, s.pieces) for s in found]


async def test_a_jobs_host_metrics_are_cut_to_its_runs() -> None:
    found, notices = await one("job.4711.hosts.node002.cpu.user")
    stored = "cluster.node002.cpu.user"
    assert told(found) == [
        (
            "job.4711.hosts.node002.cpu.user",
            (Piece(stored, 11 * S, 11 * S + S // 2), Piece(stored, 12 * S, 16 * S)),
        )
    ]
    assert found[0].tags == {"name": "job.4711.hosts.node002.cpu.user", "job": "4711", "host": "node002"}
    assert notices == ["job.4711 is 2 runs in this window."]


async def test_a_pattern_matches_hosts_and_paths_of_any_depth() -> None:
    found, _ = await one("job.4712.hosts.*.load")
    assert [s.name for s in found] == ["job.4712.hosts.node003.load", "job.4712.hosts.node010.load"]
    found, _ = await one("job.4712.hosts.node003.**")
    assert [s.name for s in found] == ["job.4712.hosts.node003.cpu.user", "job.4712.hosts.node003.load"]
    found, _ = await one("job.4712.hosts.**")
    assert len(found) == 4
    found, _ = await one("job.47{12,13}.hosts.node00[36].load")
    assert [s.name for s in found] == ["job.4712.hosts.node003.load", "job.4713.hosts.node006.load"]


async def test_a_star_for_jobs_means_those_of_the_window_and_says_so() -> None:
    found, notices = await one("job.*.hosts.*.load", span=window(18.5, 20))
    assert told(found) == [("job.4713.hosts.node006.load", (Piece("cluster.node006.load", 18 * S, FOREVER_S),))]
    assert notices == ["job.* is looked for among the runs that overlap the window: 1."]


async def test_tasks_of_an_array_are_one_job_or_their_own() -> None:
    found, _ = await one("job.50.hosts.*.load")
    assert [s.name for s in found] == ["job.50.hosts.node007.load", "job.50.hosts.node008.load"]
    found, _ = await one("job.50_2.hosts.*.load")
    assert [s.name for s in found] == ["job.50_2.hosts.node008.load"]


def test_job_nodes_are_made_of_safe_characters() -> None:
    assert job_node(run(1, 0, None, [], label="4711_5"), "cluster") == "4711_5"
    assert job_node(run(1, 0, None, [], label="4711+1"), "cluster") == "4711-1"
    assert job_node(run(1, 0, None, [], label="4711", cluster="other"), "cluster") == "other--4711"


async def test_parts_of_heterogeneous_jobs_and_other_clusters_are_found_by_their_node() -> None:
    known = FakeJobs(
        [run(60, H, 2 * H, ["node001"], label="60+1"), run(7, H, 2 * H, ["node001"], cluster="other", label="7")]
    )
    stored = FakeSeries(["cluster.node001.load", "other.node001.load"])
    site = Answers(Site(fabrics(), known, FakeLedger(), stored, FakeLogs(), SiteSettings(), None))
    found, _ = await InventoryNames(site).resolve(["job.60-1.hosts.*.load", "job.other--7.hosts.*.load"], DAY, OPERATOR)
    assert [[(s.name, s.pieces[0].stored) for s in own] for own in found] == [
        [("job.60-1.hosts.node001.load", "cluster.node001.load")],
        [("job.other--7.hosts.node001.load", "other.node001.load")],
    ]


async def test_a_jobs_ports_follow_its_hosts_and_carry_their_sharers() -> None:
    found, _ = await one("job.4711.ports.*.*.PortXmitData", span=window(12.5, 16))
    got = {s.name: (s.pieces, s.tags["sharers"]) for s in found}
    start = "job.4711.ports."
    assert got == {
        f"{start}leaf01.1.PortXmitData": ((Piece(f"fabric.{LEAF1}.1.PortXmitData", 12 * S, 13 * S),), "0"),
        f"{start}leaf01.12.PortXmitData": ((Piece(f"fabric.{LEAF1}.12.PortXmitData", 13 * S, 16 * S),), "0"),
        f"{start}leaf01.2.PortXmitData": ((Piece(f"fabric.{LEAF1}.2.PortXmitData", 12 * S, 16 * S),), "0"),
        f"{start}leaf01.3.PortXmitData": ((Piece(f"fabric.{LEAF1}.3.PortXmitData", 12 * S, 16 * S),), "1"),
        f"{start}leaf02.1.PortXmitData": ((Piece(f"fabric.{LEAF2}.1.PortXmitData", 14 * S, 16 * S),), "0"),
        f"{start}leaf03.1.PortXmitData": ((Piece(f"fabric.{LEAF3}.1.PortXmitData", 12 * S, 14 * S),), "0"),
    }


async def test_a_switch_is_read_by_name_and_stored_by_guid() -> None:
    found, notices = await one("switch.leaf0[12].{1,2}.PortXmitData", span=window(11, 20))
    assert [(s.name, s.pieces[0].stored) for s in found] == [
        (f"switch.leaf0{leaf}.{port}.PortXmitData", f"fabric.{guid('a', leaf)}.{port}.PortXmitData")
        for leaf in (1, 2)
        for port in (1, 2)
    ]
    assert found[0].pieces[0].to_s == FOREVER_S
    assert notices == []


async def test_a_switch_that_took_anothers_place_continues_its_name() -> None:
    site = answers()
    site.site.fabrics.take_away(LEAF2, 15 * H, 14 * H)
    site.site.fabrics.node(guid("a", 9), SWITCH, "MF0;leaf02:QM8700/U1", 15 * H)
    site.site.metrics.stored.append(f"fabric.{guid('a', 9)}.2.PortXmitData")
    found, _ = await InventoryNames(site).resolve(["switch.leaf02.2.PortXmitData"], window(11, 20), OPERATOR)
    assert told(found[0]) == [
        (
            "switch.leaf02.2.PortXmitData",
            (
                Piece(f"fabric.{LEAF2}.2.PortXmitData", 0, 15 * S),
                Piece(f"fabric.{guid('a', 9)}.2.PortXmitData", 15 * S, FOREVER_S),
            ),
        )
    ]


async def test_two_switches_of_one_name_are_told_apart_by_guid() -> None:
    site = answers()
    site.site.fabrics.node(guid("a", 9), SWITCH, "leaf02", 10 * H)
    site.site.metrics.stored.append(f"fabric.{guid('a', 9)}.2.PortXmitData")
    found, _ = await InventoryNames(site).resolve(["switch.leaf02*.2.PortXmitData"], DAY, OPERATOR)
    assert [s.name for s in found[0]] == [
        f"switch.leaf02_{LEAF2}.2.PortXmitData", f"switch.leaf02_{guid('a', 9)}.2.PortXmitData",
    ]  # fmt: skip


async def test_before_the_first_sweep_names_are_those_of_it_and_that_is_said() -> None:
    found, notices = await one("switch.leaf01.1.PortXmitData", span=window(2, 3))
    assert len(found) == 1
    assert notices == ["Fabric ib was first seen at 1970-01-01T10:00:00Z: names before are those of that time."]


async def test_a_hosts_hca_is_read_by_name() -> None:
    found, _ = await one("host.node00[12].ib.mlx5_0.1.*", span=window(11, 20))
    assert [(s.name, s.pieces[0].stored) for s in found] == [
        (f"host.node00{n}.ib.mlx5_0.1.PortXmitData", f"fabric.{guid('c', n)}.1.PortXmitData") for n in (1, 2)
    ]


async def test_a_cables_series_follows_it_through_its_move() -> None:
    found, notices = await one("cable.h001.*.PortXmitData")
    assert told(found) == [
        (
            "cable.h001.a.PortXmitData",
            (
                Piece(f"fabric.{LEAF1}.1.PortXmitData", 10 * S, 13 * S),
                Piece(f"fabric.{LEAF1}.12.PortXmitData", 13 * S, FOREVER_S),
            ),
        ),
        ("cable.h001.b.PortXmitData", (Piece(f"fabric.{guid('c', 1)}.1.PortXmitData", 10 * S, FOREVER_S),)),
    ]
    assert notices == []


async def test_an_ambiguous_cable_uses_the_reading_taken_and_says_so() -> None:
    found, notices = await one("cable.h005.a.PortXmitData")
    assert [p.stored for p in found[0].pieces] == [f"fabric.{LEAF2}.1.PortXmitData", f"fabric.{LEAF3}.1.PortXmitData"]
    assert notices == [
        "Cable h005 and h009 changed ends by 1970-01-01T14:00:00Z; shown is one reading, "
        "`cable_history cable=h005` has both."
    ]


async def test_all_cables_at_once_are_the_same_as_one_by_one() -> None:
    every, _ = await one("cable.*.a.PortXmitData")
    single, _ = await one("cable.h001.a.PortXmitData")
    assert single[0] in every
    assert len(every) == 12


async def test_what_is_unknown_is_an_empty_list() -> None:
    names = InventoryNames(answers())
    patterns = ["job.999.hosts.*.load", "switch.ghost.*.*", "cable.ghost.a.*", "host.ghost.ib.*.*.*", "job", "other.x"]
    found, _ = await names.resolve(patterns, DAY, OPERATOR)
    assert found == [[]] * 6
    found, _ = await names.resolve(["job.4711.hosts.*.load"], window(17, 18), OPERATOR)
    assert found == [[]]


async def test_a_user_sees_only_their_own_jobs_and_hosts() -> None:
    found, _ = await one("job.*.hosts.*.load", BOB)
    assert {s.tags["job"] for s in found} == {"4712", "50_1", "50_2"}
    assert (await one("job.4711.hosts.*.load", BOB))[0] == []
    assert await one("switch.*.*.*", BOB) == ([], ["switch.* is for operators."])
    assert await one("cable.*.*.*", BOB) == ([], ["cable.* is for operators."])
    found, _ = await one("host.*.ib.*.*.PortXmitData", BOB)
    assert told(found)[0] == (
        "host.node003.ib.mlx5_0.1.PortXmitData", (Piece(f"fabric.{guid('c', 3)}.1.PortXmitData", 12 * S, 18 * S),),
    )  # fmt: skip
    assert [s.tags["host"] for s in found] == ["node003", "node007", "node008", "node010"]


async def test_the_prefix_moves_every_virtual_name() -> None:
    names = InventoryNames(answers("weft"))
    assert names.roots == ("weft",)
    found, _ = await names.resolve(["weft.switch.leaf01.1.*", "switch.leaf01.1.*"], DAY, OPERATOR)
    assert [[s.name for s in own] for own in found] == [["weft.switch.leaf01.1.PortXmitData"], []]
    assert await names.find("*", DAY, OPERATOR) == [Found("weft", False)]
    assert await names.find("weft.*", DAY, ALICE) == [Found("weft.host", False), Found("weft.job", False)]


async def paths(pattern: str, viewer=OPERATOR, span: Window = DAY) -> list[tuple[str, bool]]:
    return [tuple(found) for found in await InventoryNames(answers()).find(pattern, span, viewer)]


async def test_find_walks_down_level_by_level() -> None:
    assert [p for p, _ in await paths("*")] == ["cable", "host", "job", "switch"]
    assert await paths("job.47*") == [("job.4711", False), ("job.4712", False), ("job.4713", False)]
    kinds = [(f"job.4711.{kind}", False) for kind in ("hosts", "ports", "routes")]
    assert await paths("job.4711.*") == kinds
    assert [p for p, _ in await paths("job.4712.hosts.*")] == ["job.4712.hosts.node003", "job.4712.hosts.node010"]
    assert await paths("job.4712.hosts.node003.*") == [
        ("job.4712.hosts.node003.cpu", False), ("job.4712.hosts.node003.load", True),
    ]  # fmt: skip
    assert await paths("job.4712.hosts.node003.cpu.*") == [("job.4712.hosts.node003.cpu.user", True)]
    assert await paths("job.4712.ports.*") == [("job.4712.ports.leaf01", False), ("job.4712.ports.leaf03", False)]
    assert await paths("job.4712.ports.leaf01.*") == [("job.4712.ports.leaf01.3", False)]
    assert await paths("job.4712.ports.leaf01.3.*") == [("job.4712.ports.leaf01.3.PortXmitData", True)]
    assert await paths("switch.leaf*") == [(f"switch.leaf0{n}", False) for n in (1, 2, 3)]
    assert [p for p, _ in await paths("switch.leaf02.*")] == [f"switch.leaf02.{n}" for n in (1, 12, 2, 3, 4)]
    assert await paths("switch.leaf02.3.*") == [("switch.leaf02.3.PortXmitData", True)]
    assert await paths("host.node001.*") == [("host.node001.ib", False)]
    assert await paths("host.node001.ib.*") == [("host.node001.ib.mlx5_0", False)]
    assert (await paths("cable.h00[12]")) == [("cable.h001", False), ("cable.h002", False)]
    assert await paths("cable.h001.*") == [("cable.h001.a", False), ("cable.h001.b", False)]
    assert await paths("switch.leaf02.3.x.y") == []


async def test_find_shows_a_user_their_own_jobs_and_hosts() -> None:
    assert [p for p, _ in await paths("job.*", ALICE)] == ["job.4711", "job.4713"]
    assert await paths("switch.*", ALICE) == []
    assert [p for p, _ in await paths("host.*", ALICE, window(18, 20))] == ["host.node006"]


async def test_a_picker_shows_what_runs_and_then_the_newest_that_ended() -> None:
    site = answers()
    site.site.jobs.known = [run(1, 10 * H, None, ["node001"])]
    site.site.jobs.known += [run(n, 11 * H + n, 12 * H, ["node001"]) for n in range(100, 350)]
    found = await InventoryNames(site).find("job.*", DAY, OPERATOR)
    assert [f.path for f in found] == ["job.1", *(f"job.{n}" for n in range(150, 350))]


async def test_a_run_within_seconds_keeps_every_second_it_touches() -> None:
    site = answers()
    site.site.jobs.known = [run(9, 10 * H + 1500, 10 * H + 3200, ["node001"])]
    found, _ = await InventoryNames(site).resolve(["job.9.hosts.*.load"], DAY, OPERATOR)
    assert found[0][0].pieces == (Piece("cluster.node001.load", 10 * S + 1, 10 * S + 4),)


async def test_a_request_costs_a_handful_of_store_calls() -> None:
    site = answers()
    names = InventoryNames(site)
    patterns = [f"job.4711.ports.*.*.{c}" for c in ("PortXmitData", "PortRcvData")] + ["job.4711.hosts.*.load"] * 20
    await names.resolve(patterns, DAY, OPERATOR)
    assert site.site.jobs.calls.count("find") == 1
    assert len(site.site.jobs.calls) <= 3
    assert len(site.site.fabrics.calls) <= 4


async def test_a_thousand_switch_names_resolve_in_a_few_milliseconds() -> None:
    fabric = FakeFabrics()
    stored = []
    for n in range(1, 29):
        fabric.node(guid("a", n), SWITCH, f"leaf{n:02}", ports=36)
        stored += [f"fabric.{guid('a', n)}.{port}.PortXmitData" for port in range(1, 37)]
    site = Answers(Site(fabric, jobs(), FakeLedger(), _Listed(sorted(stored)), FakeLogs(), SiteSettings(), None))
    names = InventoryNames(site)
    await names.resolve(["switch.*.*.PortXmitData"], DAY, OPERATOR)
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        found, _ = await names.resolve(["switch.*.*.PortXmitData"], DAY, OPERATOR)
        best = min(best, time.perf_counter() - start)
    assert len(found[0]) == 28 * 36
    assert best < 0.05  # some 6 ms on an idle core; a store call a series would be far over


class _Listed(FakeSeries):
    """Everything matches: the cost of listing is the store's."""

    async def expand(self, pattern: str, tell: Tell) -> list[str]:
        return self.stored


def test_pieces_never_overlap_and_one_series_is_not_cut() -> None:
    assert joined_pieces([Piece("x", 5, 9), Piece("x", 0, 5)]) == (Piece("x", 0, 9),)
    assert joined_pieces([Piece("x", 0, 5), Piece("y", 4, 9), Piece("y", 20, 21)]) == (
        Piece("x", 0, 5), Piece("y", 5, 9), Piece("y", 20, 21),
    )  # fmt: skip
    assert joined_pieces([Piece("x", 0, 9), Piece("y", 3, 4)]) == (Piece("x", 0, 9),)


def test_the_sites_template_says_where_hosts_lie() -> None:
    template = HostTemplate("hpc.{cluster}.nodes.n-{host}-x.**")
    assert template.pattern("c1", ["a"], "cpu.*") == "hpc.c1.nodes.n-a-x.cpu.*"
    assert template.pattern("c1", ["a", "b"], "load") == "hpc.c1.nodes.n-{a,b}-x.load"
    assert template.split("hpc.c1.nodes.n-a-x.cpu.user", "c1") == ("a", "cpu.user")
    assert template.split("hpc.c1.nodes.m-a-x.cpu.user", "c1") is None
    assert template.split("hpc.c1.nodes.n-a-x", "c1") is None


def test_series_made_before_join_those_under_construction() -> None:
    made = {"x": VirtualSeries("x", (Piece("one", 0, 5),), {"name": "x", "sharers": "1"})}
    assembly = Assembly()
    assembly.take(made)
    assert assembly.series() == list(made.values())
    assembly.add("a", "other", Interval(0, 1000), {})
    assembly.add("x", "two", Interval(5000, 9000), {"sharers": "2"})
    assert [(one.name, one.pieces, one.tags) for one in assembly.series()] == [
        ("a", (Piece("other", 0, 1),), {"name": "a"}),
        ("x", (Piece("one", 0, 5), Piece("two", 5, 9)), {"name": "x", "sharers": "2"}),
    ]
    assert made["x"].tags["sharers"] == "1"
    assembly = Assembly()
    assembly.add("x", "two", Interval(5000, 9000), {})
    assembly.take(made)
    assert [one.pieces for one in assembly.series()] == [(Piece("one", 0, 5), Piece("two", 5, 9))]


def test_what_was_made_is_kept_until_it_is_made_of_something_else() -> None:
    asked: list[tuple[object, ...]] = []

    @remembering
    def make(*of: object) -> dict[str, VirtualSeries]:
        asked.append(of)
        number = of[0]
        assert isinstance(number, int)
        return {str(i): VirtualSeries(str(i), ()) for i in range(number)}

    assert make(1, ("a",)) is make(1, ("a",))
    make(1, ("b",))
    assert asked == [(1, ("a",)), (1, ("b",))]
    for _ in range(2):
        make(KEPT_NAMES + 1)
    assert len(asked) == 4, "too large to be kept"
    for number in range(2, KEPT_ANSWERS + 2):
        make(number)
    asked.clear()
    make(1, ("b",))
    make(KEPT_ANSWERS + 1)
    assert asked == [(1, ("b",))]

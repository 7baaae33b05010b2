"""Time as sites have it: clocks that change, jobs that are requeued, ids used twice, a switch replaced under a run."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from unit.fakes import FakeJobs, FakeLedger, FakeLogs, FakeSeries, guid, run
from unit.importing import ORIGIN
from unit.story import OPERATOR, H
from weft.answers import catalog
from weft.answers.answers import Answers
from weft.answers.names import InventoryNames
from weft.answers.site import Site
from weft.answers.tables import Ask, TableData
from weft.base.access import LOCAL
from weft.base.config import Site as SiteSettings
from weft.base.intervals import Interval
from weft.fabric.model import Link, Node, NodeKind, PortKey, Sweep
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.fabric import SqliteFabrics
from weft.inventory.sqlite.jobs import SqliteJobs
from weft.inventory.sqlite.schema import SCHEMA
from weft.inventory.store import JobHistory
from weft.metrics.series import Window
from weft.scheduler.formats import sacct

pytestmark = pytest.mark.anyio

BERLIN = ZoneInfo("Europe/Berlin")
HEADING = (
    "Cluster|JobID|JobIDRaw|JobName|User|Account|Partition|State|ExitCode|Submit|Start|End|NNodes|NCPUS|NodeList\n"
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "inventory.db", SCHEMA) as opened:
        yield opened


def site(database: Database, jobs: JobHistory, series: Sequence[str] = ()) -> Answers:
    fabrics = SqliteFabrics(database, absent_after=1, quarantine_share=0.1)
    settings = SiteSettings(cluster="home", timezone="Europe/Berlin")
    return Answers(Site(fabrics, jobs, FakeLedger(), FakeSeries(list(series)), FakeLogs(), settings, BERLIN))


async def told(database: Database, *rows: str) -> Answers:
    """A site that read these rows of `sacct -PD`, times in Berlin."""
    jobs = SqliteJobs(database)
    origin = replace(ORIGIN, cluster="home", zone=BERLIN)
    await jobs.apply_runs(sacct.parse(HEADING + "\n".join(rows) + "\n", origin).value)
    return site(database, jobs)


async def asked(answers: Answers, text: str, now_ms: int = ORIGIN.seen_at_ms) -> TableData:
    name, arguments = catalog.parse_request(text)
    return await catalog.run(answers, name, arguments, Ask(OPERATOR, Interval(0, now_ms + 1), now_ms))


async def test_a_job_over_the_end_of_summer_time_ran_an_hour_longer_than_its_clock_shows(database: Database) -> None:
    # 25 October 2026: at 03:00 summer time it is 02:00 winter time. 01:30 (+2) is 2026-10-24T23:30Z = 1792884600 s,
    # 03:30 (+1) is 02:30Z = 1792895400 s (`date -u -d ... +%s`): 3 hours on 2 nodes of 32 cores.
    row = "home|4711|4711|cfd|alice|phys|batch|COMPLETED|0:0|{0}:29:00|{0}:30:00|2026-10-25T03:30:00|2|64|node[001-002]"
    answers = await told(database, row.format("2026-10-25T01"))
    start, end, run_key = 1_792_884_600_000, 1_792_895_400_000, "home:4711@1792884600000"
    assert [list(row) for row in (await asked(answers, "job job=4711")).rows] == [
        ["4711", "alice", "cfd", "COMPLETED", start, end, 10_800.0, 2, "batch", "phys", "home", 0, 0, start - 60_000,
         ORIGIN.seen_at_ms, run_key]
    ]  # fmt: skip
    assert [list(row) for row in (await asked(answers, "job_states job=4711")).rows] == [
        [start - 60_000, start, "PENDING", "4711", "alice", run_key],
        [start, end, "RUNNING", "4711", "alice", run_key],
        [end, None, "COMPLETED", "4711", "alice", run_key],
    ]
    assert [list(row) for row in (await asked(answers, "totals")).rows] == [["alice", 1, 3 * 64.0, 3 * 2.0, 0]]
    # An hour by the clock that is asked for: 02:30 is twice on that day, and the first of both is meant.
    data = await asked(answers, "totals from=2026-10-25T02:30 to=2026-10-25T03:00")
    assert [list(row) for row in data.rows] == [["alice", 1, 1.5 * 64, 1.5 * 2, 0]]


async def test_a_job_over_the_beginning_of_summer_time_ran_an_hour_less(database: Database) -> None:
    # 29 March 2026: at 02:00 winter time it is 03:00. 01:30 (+1) is 00:30Z = 1774744200 s, 03:30 (+2) is 01:30Z.
    row = "home|4711|4711|cfd|alice|phys|batch|COMPLETED|0:0|{0}T01:29:00|{0}T01:30:00|{0}T03:30:00|2|64|node[001-002]"
    answers = await told(database, row.format("2026-03-29"))
    assert [list(row)[4:7] for row in (await asked(answers, "job job=4711")).rows] == [
        [1_774_744_200_000, 1_774_747_800_000, 3600.0]
    ]
    assert [list(row) for row in (await asked(answers, "totals")).rows] == [["alice", 1, 64.0, 2.0, 0]]


REQUEUED = (
    "home|77|77|md|bob|chem|batch|NODE_FAIL|0:0|2026-11-22T22:59:00|2026-11-22T23:00:00|2026-11-22T23:10:00|2|8|"
    "node[001-002]",
    "home|77|77|md|bob|chem|batch|COMPLETED|0:0|2026-11-22T23:10:00|2026-11-22T23:30:00|2026-11-22T23:40:00|2|8|"
    "node[003-004]",
)
"""Berlin is an hour ahead in November: 23:00 there is 2026-11-22T22:00Z = 1795384800 s."""
T0 = 1_795_384_800_000
MINUTE = 60_000


async def test_a_requeued_job_is_two_runs_each_with_its_hosts(database: Database) -> None:
    answers = await told(database, *REQUEUED)
    first, second = f"home:77@{T0}", f"home:77@{T0 + 30 * MINUTE}"
    data = await asked(answers, "job job=77")
    assert [[row[0], row[3], *list(row)[4:8], row[15]] for row in data.rows] == [
        ["77", "COMPLETED", T0 + 30 * MINUTE, T0 + 40 * MINUTE, 600.0, 2, second],
        ["77", "NODE_FAIL", T0, T0 + 10 * MINUTE, 600.0, 2, first],
    ]
    assert data.notices == ("Job 77 has 2 runs in this window.",)
    assert [[row[1], row[2], row[3], row[5]] for row in (await asked(answers, "job_hosts job=77")).rows] == [
        ["node003", T0 + 30 * MINUTE, T0 + 40 * MINUTE, second],
        ["node004", T0 + 30 * MINUTE, T0 + 40 * MINUTE, second],
        ["node001", T0, T0 + 10 * MINUTE, first],
        ["node002", T0, T0 + 10 * MINUTE, first],
    ]
    assert [list(row)[:3] for row in (await asked(answers, "job_states job=77")).rows] == [
        [T0 - MINUTE, T0, "PENDING"],
        [T0, T0 + 10 * MINUTE, "RUNNING"],
        [T0 + 10 * MINUTE, T0 + 30 * MINUTE, "PENDING"],
        [T0 + 30 * MINUTE, T0 + 40 * MINUTE, "RUNNING"],
        [T0 + 40 * MINUTE, None, "COMPLETED"],
    ]
    # 8 cores for 10 minutes, twice.
    assert [list(row) for row in (await asked(answers, "totals by=state")).rows] == [
        ["COMPLETED", 1, pytest.approx(8 / 6), pytest.approx(2 / 6), 0],
        ["NODE_FAIL", 1, pytest.approx(8 / 6), pytest.approx(2 / 6), 0],
    ]
    one = await asked(answers, f"job_hosts job={first}")
    assert ([row[1] for row in one.rows], one.notices) == (["node001", "node002"], ())


async def test_an_id_used_in_two_clusters_is_two_jobs(database: Database) -> None:
    row = "{}|4711|4711|{}|{}|phys|batch|COMPLETED|0:0|{t}:00|{t}:00|{t}:30|1|4|{}"
    answers = await told(
        database,
        row.format("home", "cfd", "alice", "node001", t="2026-11-22T23:00"),
        row.format("away", "md", "bob", "node001", t="2026-11-22T23:10"),
    )
    home, away = f"home:4711@{T0}", f"away:4711@{T0 + 10 * MINUTE}"
    assert [(row[0], row[1], row[10], row[15]) for row in (await asked(answers, "jobs")).rows] == [
        ("4711", "bob", "away", away), ("4711", "alice", "home", home),
    ]  # fmt: skip
    # A bare id is the site's own cluster's, and the other's is named.
    bare, named = await asked(answers, "job job=4711"), await asked(answers, "job job=away:4711")
    assert ([row[15] for row in bare.rows], bare.notices) == ([home], ())
    assert ([row[15] for row in named.rows], named.notices) == ([away], ())
    assert [row[15] for row in (await asked(answers, "jobs job=4711 cluster=away,home")).rows] == [away, home]
    assert [list(row)[:2] for row in (await asked(answers, "totals by=cluster")).rows] == [["away", 1], ["home", 1]]
    assert [row[20] for row in (await asked(answers, "compare jobs=4711,away:4711")).rows] == [home, away]


def picture(hour: int, leaf: str) -> Sweep:
    """leaf01 with node001 and node002 in ports 1 and 2, under spine01."""
    nodes = [Node(guid("c", n), NodeKind.CA, f"node{n:03} mlx5_0", 1) for n in (1, 2)]
    nodes += [
        Node(leaf, NodeKind.SWITCH, "MF0;leaf01:MSB7800/U1", 36),
        Node(guid("b", 1), NodeKind.SWITCH, "MF0;spine01:MSB7800/U1", 36),
    ]
    links = [Link(PortKey(guid("c", n), 1), PortKey(leaf, n), "4X", "EDR") for n in (1, 2)]
    links.append(Link(PortKey(guid("b", 1), 1), PortKey(leaf, 19), "4X", "EDR"))
    return Sweep.of("ib", hour * H, "ibnetdiscover", nodes, links, [])


async def test_a_run_whose_switch_was_replaced_has_both_and_its_cables_through(database: Database) -> None:
    old, new = guid("a", 1), guid("a", 9)
    series = [f"fabric.{leaf}.{port}.PortXmitData" for leaf in (old, new) for port in (1, 2)]
    answers = site(database, FakeJobs([run(4711, 12 * H, 18 * H, ["node001", "node002"], cluster="home")]), series)
    for hour in range(10, 21):
        await answers.site.fabrics.apply_sweep(picture(hour, old if hour < 15 else new))
    now, key = 20 * H + MINUTE, f"home:4711@{12 * H}"
    ports = (await asked(answers, "job_ports job=4711", now)).rows
    cables = {row[1]: row[5] for row in ports}
    assert [[row[1], row[3], row[4], row[5], row[6], row[7], row[11], row[14]] for row in ports] == [
        ["node001", "leaf01", 1, cables["node001"], 12 * H, 15 * H, old, key],
        ["node001", "leaf01", 1, cables["node001"], 15 * H, 18 * H, new, key],
        ["node002", "leaf01", 2, cables["node002"], 12 * H, 15 * H, old, key],
        ["node002", "leaf01", 2, cables["node002"], 15 * H, 18 * H, new, key],
    ]
    # When in that hour it was replaced is not known; Berlin is UTC+1 in 1970.
    between = "between 1970-01-01T15:00:00+01:00 and 1970-01-01T16:00:00+01:00"
    assert [row[9] for row in ports] == [f"unplugged {between}", f"plugged {between}"] * 2
    assert [list(row)[1:8] for row in (await asked(answers, "job_switches job=4711", now)).rows] == [
        ["leaf01", 2, 2, 1.0, 12 * H, 15 * H, old], ["leaf01", 2, 2, 1.0, 15 * H, 18 * H, new],
    ]  # fmt: skip
    assert [list(row)[1:4] for row in (await asked(answers, "job_cables job=4711", now)).rows] == [
        [cables[host], "certain", None] for host in ("node001", "node001", "node002", "node002")
    ]
    # Jobs of the switch are found by its name, whichever switch bore it.
    assert [row[15] for row in (await asked(answers, "jobs switch=leaf01", now)).rows] == [key]
    assert [row[15] for row in (await asked(answers, f"jobs switch=leaf01 from={16 * 3600}", now)).rows] == [key]
    diff = (await asked(answers, f"fabric_diff from={10 * 3600} to={20 * 3600}", now)).rows
    assert [list(row)[:3] for row in diff][:2] == [["node", "removed", "leaf01"], ["node", "added", "leaf01"]]
    assert {tuple(row)[2:5] for row in diff if row[0] == "cable" and row[2] in cables.values()} == {
        (cables[host], f"{old}/{n} - {guid('c', n)}/1", f"{new}/{n} - {guid('c', n)}/1")
        for host, n in (("node001", 1), ("node002", 2))
    }
    (found,), _ = await InventoryNames(answers).resolve(
        ["job.4711.ports.leaf01.1.PortXmitData"], Window(0, 20 * 3600, 20 * 3600), LOCAL
    )
    assert [(piece.stored, piece.from_s, piece.to_s) for piece in found[0].pieces] == [
        (f"fabric.{old}.1.PortXmitData", 12 * 3600, 15 * 3600), (f"fabric.{new}.1.PortXmitData", 15 * 3600, 18 * 3600),
    ]  # fmt: skip

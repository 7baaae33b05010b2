"""A small site with a story, for the tests of answers. Times are hours (H) after 1970-01-01 UTC, in epoch ms.

3 leaves with 4 hosts each under 2 spines (node001-004 on leaf01, ...). A sweep every hour from 10 h to 20 h.
- 13 h: cable h001 (node001) was moved from leaf01/1 to leaf01/12.
- 14 h: node005 and node009 changed places on leaf02/1 and leaf03/1 (cables h005, h009): ambiguous.
- 15 h: node012 vanished from leaf03/4; job 77 of carol was on it.
- node011 is silent since 16 h. node008's link runs at 1X since 17 h.
- A plan of 11 h has every host where it was at 10 h.
- Forwarding tables are read with every sweep. LIDs count up from 1: leaf01-03, spine01-02, node001-012 (6 to 17).

Runs: 4711 of alice 12-16 h on node001-003 and node009: lopsided, node004 was free. 4712 of bob 12-18 h on node003 and
node010. 4713 of alice since 18 h on node006. 77 of carol 14-16 h on node012. 4711 of alice ran before, 11-11:30 h, on
node002. Array job 50 of bob: 50_1 and 50_2, 11-12 h, on node007 and node008.
"""

from collections.abc import Iterator
from datetime import UTC

import numpy as np

from unit.fakes import (
    CA,
    FakeCypher,
    FakeFabrics,
    FakeJobs,
    FakeLedger,
    FakeLogs,
    FakeSeries,
    address,
    guid,
    read_tables,
    run,
    tree,
)  # fmt: skip
from weft.answers.answers import Answers
from weft.answers.site import Site
from weft.answers.tables import Ask
from weft.base.access import Viewer
from weft.base.config import Site as SiteSettings
from weft.base.intervals import Interval
from weft.fabric.model import PortKey
from weft.fabric.wiring import PlannedCable, Socket, Wiring
from weft.inventory.store import Change, CypherAnswer, CypherEdge, CypherNode, SourceStatus
from weft.logs.store import LogLine
from weft.metrics.series import Series

H = 3_600_000
NOW = 20 * H + 60_000
LEAF1, LEAF2, LEAF3 = guid("a", 1), guid("a", 2), guid("a", 3)
OPERATOR = Viewer("root", frozenset({"user", "operator"}))
ALICE, BOB = Viewer("alice"), Viewer("bob")


def fabrics() -> FakeFabrics:
    """The fabric and what happened to it."""
    fabric = tree(FakeFabrics(sweeps=[h * H for h in range(10, 21)]), 3, 2, 4, from_ms=10 * H)
    fabric.unplug("h001", 13 * H, 12 * H)
    fabric.connect((LEAF1, 12), (guid("c", 1), 1), 13 * H, cable="h001", absent_ms=12 * H)
    fabric.unplug("h005", 14 * H, 13 * H)
    fabric.unplug("h009", 14 * H, 13 * H)
    fabric.connect((LEAF3, 1), (guid("c", 5), 1), 14 * H, cable="h005", alt="h009", absent_ms=13 * H)
    fabric.connect((LEAF2, 1), (guid("c", 9), 1), 14 * H, cable="h009", alt="h005", absent_ms=13 * H)
    fabric.take_away(guid("c", 12), 15 * H, 14 * H)
    silent = next(i for i, s in enumerate(fabric.spans) if s.guid == guid("c", 11))
    fabric.spans[silent] = type(fabric.spans[silent])(guid("c", 11), CA, "node011 mlx5_0", 1, Interval(10 * H), 16 * H)
    narrow = next(i for i, c in enumerate(fabric.links) if c.cable == "h008")
    wide = fabric.states[narrow]
    up = type(wide)
    fabric.states[narrow] = up(wide.connection, "up", "4X", "EDR", Interval(10 * H, 17 * H), None, 16 * H)
    fabric.states.append(up(wide.connection, "up", "1X", "EDR", Interval(17 * H), 16 * H, 20 * H))
    fabric.plans = [Wiring("ib", 11 * H, "csv", tuple(_planned()))]
    fabric.told = [
        Change("ib", 13 * H, 12 * H, "cable_moved", "info", "h001 was moved from leaf01/1 to leaf01/12.",
               ports=(PortKey(LEAF1, 1), PortKey(LEAF1, 12)), cables=("h001",)),
        Change("ib", 15 * H, 14 * H, "node_gone", "error", "node012 vanished from leaf03/4.", guids=(guid("c", 12),)),
    ]  # fmt: skip
    return fabric


def _planned() -> Iterator[PlannedCable]:
    """Every host where it was at 10 h."""
    for n in range(1, 13):
        leaf, port = f"leaf{(n - 1) // 4 + 1:02}", str((n - 1) % 4 + 1)
        yield PlannedCable(Socket(leaf, port), Socket(f"node{n:03}", "1"), n + 1)


def jobs() -> FakeJobs:
    """The runs."""
    return FakeJobs(
        [
            run(4711, 12 * H, 16 * H, ["node001", "node002", "node003", "node009"]),
            run(4711, 11 * H, 11 * H + H // 2, ["node002"], state="REQUEUED"),
            run(4712, 12 * H, 18 * H, ["node003", "node010"], user="bob"),
            run(4713, 18 * H, None, ["node006"]),
            run(77, 14 * H, 16 * H, ["node012"], user="carol", state="NODE_FAIL"),
            run(51, 11 * H, 12 * H, ["node007"], user="bob", label="50_1"),
            run(52, 11 * H, 12 * H, ["node008"], user="bob", label="50_2"),
        ]
    )


def logs() -> FakeLogs:
    """A few lines."""
    return FakeLogs(
        [
            LogLine("1", 13 * H, "node001", "kernel", "err", "mlx5 link down", "syslog"),
            LogLine("2", 13 * H + 1, "node010", "kernel", "err", "mlx5 link down", "syslog"),
            LogLine("3", 17 * H, "node001", "kernel", "info", "link up", "syslog"),
        ]
    )


def series() -> FakeSeries:
    """Two host metrics for every host; traffic counters of the ports of the leaves below host links, and of HCAs."""
    hosts = [f"cluster.node{n:03}.{metric}" for n in range(1, 13) for metric in ("cpu.user", "load")]
    ports = [f"fabric.{guid('a', leaf)}.{port}.PortXmitData" for leaf in (1, 2, 3) for port in (1, 2, 3, 4, 12)]
    hcas = [f"fabric.{guid('c', n)}.1.PortXmitData" for n in range(1, 13)]
    return FakeSeries(sorted([*hosts, *ports, *hcas]), {name: _measured(name) for name in [*hosts, *ports]})


def _measured(name: str) -> Series:
    """Values every 10 minutes from 10 h to 20 h: node00n's metrics are n all the time, port p's counter grows 100 p a
    second."""
    times = np.arange(10 * 6, 20 * 6) * 600.0
    number = int(name.split(".")[-2 if name.startswith("fabric") else 1].removeprefix("node"))
    values = times * 100 * number if name.startswith("fabric") else np.full(len(times), float(number))
    return Series(name, 36_000, 600, values)


def answers(virtual_prefix: str = "") -> Answers:
    """Answers over all of it."""
    fabric = fabrics()
    address(fabric)
    read = [read_tables(fabric, at_ms) for at_ms in fabric.sweeps]
    ledger = FakeLedger([SourceStatus("sacct", 19 * H, True, "7 runs")], read)
    return Answers(Site(fabric, jobs(), ledger, series(), logs(), SiteSettings(), UTC, virtual_prefix, graph()))


def graph() -> FakeCypher:
    """What Cypher finds: a host, a switch and a relationship, beside a number."""
    host, switch = CypherNode("1", ("Host",), {"name": "node007"}), CypherNode("2", ("SW",), {"guid": "abc"})
    edge = CypherEdge("3", "1", "2", "NEAR", {})
    return FakeCypher(CypherAnswer(("what", "number"), ((host, 1), (edge, 2)), (host, switch), (edge,)))


def ask(viewer: Viewer = OPERATOR, from_h: float = 0, to_h: float = NOW / H, limit: int = 1000) -> Ask:
    """A question about a window of hours."""
    return Ask(viewer, Interval(int(from_h * H), int(to_h * H)), NOW, limit)

"""The boards that are always there, one of each: their variables choose the switch, host, cable, partition or user."""

from weft.dashboards.board import Board, Mark, Panel, Question, Variable
from weft.dashboards.words import graph, heading, lines, series, table
from weft.fabric.counters import COUNTERS

CHANGES = Mark("Fabric changes", "changes", "orange")
JOBS = Mark("Jobs", "jobs", "blue", shown=False)
ERRORS = tuple(name for name, counter in COUNTERS.items() if counter.accuses)
"""Counters that point at a link."""

_ERRORS = "{" + ",".join(sorted(ERRORS)) + "}"
_BYTES = "Bps"
_RAW = ("guid", "fabric", "switch_guid", "hca_guid", "peer_guid", "run", "cluster", "submit", "exit_signal")


def standing() -> tuple[Board, ...]:
    """Every board that does not depend on what is in the inventory."""
    return (overview(), switch(), host(), cable(), errors(), partition(), user(), logs(), health())


def rate(path: str) -> str:
    """Bytes a second of a data counter, which counts words of 4 octets."""
    return f"scale(perSecond({path}), 4)"


def overview() -> Board:
    """The picture of the fabric left, what it carries right, who is missing below."""
    sent = "switch.*.*.PortXmitData"
    return Board(
        "weft-fabric",
        "Fabric overview",
        (
            Panel("topology", "Fabric",
                  (Question("topology", "fabric"), Question("series", rate("switch.*.*.{PortXmitData,PortRcvData}"))),
                  12, 18, says="The fabric at the end of the time range; links by their busier way.", points=30),
            graph("Fabric, hosts folded into their leaf switches", "fold=leaf", height=18),
            series("Traffic of the busiest switches", f"highestAverage(groupByNode({rate(sent)}, 1, 'sum'), 10)",
                   unit=_BYTES, says="What each switch sends by all its ports."),
            series("Congestion of the busiest ports",
                   "aliasByNode(highestAverage(perSecond(switch.*.*.PortXmitWait), 10), 1, 2)",
                   says="XmitWait a second, in ticks of the device: time with data to send and no credit."),
            table("Vanished hosts", "vanished", hidden=("guids", "fabric")),
            table("Degraded links", "degraded", hidden=("fabric",)),
            table("Flapping links", "flapping", hidden=("fabric",)),
            table("What changed", "fabric_changes", hidden=("nodes", "ports", "cables", "fabric")),
            table("Running jobs", "jobs state=running", hidden=_RAW, width=24, height=10),
        ),
        marks=(CHANGES, JOBS),
        says="What is wrong in the fabric right now, and what it carries.",
    )  # fmt: skip


def switch() -> Board:
    """One switch: its ports, what they carry and count, who hangs on them."""
    port = "switch.$switch.*"
    return Board(
        "weft-switch",
        "Switch",
        (
            table("Ports", "ports switch=$switch", hidden=("switch", *_RAW), height=14),
            graph("Around it", "switch=$switch"),
            series("Sent by port", f"aliasByNode({rate(f'{port}.PortXmitData')}, 2)", unit=_BYTES),
            series("Received by port", f"aliasByNode({rate(f'{port}.PortRcvData')}, 2)", unit=_BYTES),
            series("Congestion by port", f"aliasByNode(perSecond({port}.PortXmitWait), 2)",
                   says="XmitWait a second, in ticks of the device."),
            series("Errors by port", f"aliasByNode(removeBelowValue(nonNegativeDerivative({port}.{_ERRORS}), 1), 2, 3)",
                   says="Counters that point at a link; what they rose by in each step."),
            table("Hosts behind it", "behind switch=$switch", hidden=_RAW),
            table("Balance of routes over its links", "balance switch=$switch", hidden=_RAW),
            table("Jobs on it", "jobs switch=$switch", hidden=_RAW, width=24),
        ),
        (Variable("switch", "Switch", "switches"),),
        (CHANGES, JOBS),
    )  # fmt: skip


def host() -> Board:
    """One host: its ports, its jobs, its lines."""
    sent, received = (f"host.$host.ib.*.*.Port{way}Data" for way in ("Xmit", "Rcv"))
    return Board(
        "weft-host",
        "Host",
        (
            table("Which jobs held it", "state_timeline host=$host", kind="state-timeline", width=24, height=5,
                  hidden=("user", "run")),
            series("Sent", f"aliasByNode({rate(sent)}, 3, 4)", unit=_BYTES, says="As its HCA counts it."),
            series("Received", f"aliasByNode({rate(received)}, 3, 4)", unit=_BYTES, says="As its HCA counts it."),
            series("Errors",
                   f"aliasByNode(removeBelowValue(nonNegativeDerivative(host.$host.ib.*.*.{_ERRORS}), 1), 3, 4, 5)",
                   says="Counters that point at its link; what they rose by in each step."),
            table("Its cables", "cables host=$host", hidden=_RAW),
            table("Its jobs", "jobs host=$host", hidden=_RAW, width=24),
            lines("Its lines", "logs host=$host"),
        ),
        (Variable("host", "Host", "hosts"),),
        (Mark("Jobs", "jobs host=$host", "blue"), CHANGES),
    )  # fmt: skip


def cable() -> Board:
    """One cable through every move: where it was, what it carried, what was counted at its ends."""
    return Board(
        "weft-cable",
        "Cable",
        (
            table("Where it was, in both readings", "cable_history cable=$cable", width=24,
                  hidden=("connection", *_RAW),
                  says="Identity follows from what was seen; where it is ambiguous, both readings are shown."),
            series("Sent into it", f"aliasByNode({rate('cable.$cable.*.PortXmitData')}, 2)", unit=_BYTES,
                   says="At its end a and at its end b, the one in an HCA; the series follows the cable."),
            series("Errors at its ends",
                   f"aliasByNode(removeBelowValue(nonNegativeDerivative(cable.$cable.*.{_ERRORS}), 1), 2, 3)",
                   says="Counters that point at a link; what they rose by in each step."),
            series("Congestion at its ends", "aliasByNode(perSecond(cable.$cable.*.PortXmitWait), 2)",
                   says="XmitWait a second, in ticks of the device."),
        ),
        (Variable("cable", "Cable", "cables"),),
        (CHANGES,),
        since="now-24h",
    )  # fmt: skip


def errors() -> Board:
    """Counters that point at links, over the whole fabric."""
    every = f"nonNegativeDerivative(switch.*.*.{_ERRORS})"
    return Board(
        "weft-errors",
        "Link errors",
        (
            series("Ports that counted most", f"aliasByNode(highestMax(removeBelowValue({every}, 1), 20), 1, 2, 3)",
                   width=24, says="What counters that point at a link rose by in each step."),
            table("Flapping links", "flapping", hidden=("fabric",)),
            table("Degraded links", "degraded", hidden=("fabric",)),
            table("What changed", "fabric_changes", hidden=("nodes", "ports", "cables", "fabric"), width=24),
            lines("What is said of links", 'logs query="(link OR mlx5 OR infiniband) AND severity:>=warning"'),
        ),
        marks=(CHANGES,),
        since="now-24h",
    )  # fmt: skip


def partition() -> Board:
    """A partition: who used it, and what runs."""
    return _group("weft-partition", "Partition", "partition", "partitions", "user")


def user() -> Board:
    """A user's jobs."""
    return _group("weft-user", "User", "user", "users", "partition")


def _group(uid: str, title: str, name: str, listed: str, by: str) -> Board:
    told = f"{name}=${name}"
    return Board(
        uid,
        title,
        (
            table("Jobs", f"jobs {told}", hidden=_RAW, width=24, height=12),
            table(f"Core hours by {by}", f"totals by={by} {told}"),
            table("Core hours by state", f"totals by=state {told}"),
        ),
        (Variable(name, title, listed),),
        (Mark("Jobs", f"jobs {told}", "blue"),),
        since="now-7d",
        refresh="5m",
    )


def logs() -> Board:
    """All log lines: how many, whose, and what they say."""
    return Board(
        "weft-logs",
        "Logs",
        (
            table("Lines", "log_counts", kind="timeseries", width=24, height=6),
            table("Hosts that say most", "log_top field=host"),
            table("Programs that say most", "log_top field=program"),
            lines("Newest", "logs"),
        ),
        marks=(CHANGES, JOBS),
    )


def health() -> Board:
    """Weft's own health: when each source was last heard."""
    return Board(
        "weft-health",
        "Weft itself",
        (
            heading("What each source said last. `weft check` finds out why there is no data."),
            table("Sources", "sources", width=24, height=14),
        ),
        refresh="1m",
    )

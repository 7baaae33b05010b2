"""The boards that are always there, one of each: their variables choose the switch, host, cable, partition or user."""

from weft.dashboards.board import Board, Mark, Panel, Variable
from weft.dashboards.words import NUMBERS, graph, heading, lines, series, table, topology
from weft.fabric.counters import COUNTERS

CHANGES = Mark("Fabric changes", "changes", "orange")
JOBS = Mark("Jobs", "jobs", "blue", shown=False)
ERRORS = tuple(name for name, counter in COUNTERS.items() if counter.accuses)
"""Counters that point at a link."""

_ERRORS = "{" + ",".join(sorted(ERRORS)) + "}"
_BYTES = "Bps"
_NO_ERRORS = "No error was counted."
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
            topology("Fabric", "", rate("switch.*.*.{PortXmitData,PortRcvData}"), "fold=leaf",
                     says="The fabric at the end of the time range; links by their busier way."),
            series("Traffic of the busiest switches", f"highestAverage(groupByNode({rate(sent)}, 1, 'sum'), 10)",
                   unit=_BYTES, says="What each switch sends by all its ports.", height=9),
            series("Congestion of the busiest ports",
                   "aliasByNode(highestAverage(perSecond(switch.*.*.PortXmitWait), 10), 1, 2)", height=9,
                   says="XmitWait a second, in ticks of the device: time with data to send and no credit."),
            table("Vanished hosts", "vanished", hidden=("guids", "fabric"), empty="No host is missing."),
            _degraded(), _flapping(),
            _changed(),
            table("Running jobs", "jobs state=running", hidden=_RAW, width=24, height=10, empty="No job runs."),
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
                   says="Counters that point at a link; what they rose by in each step.", empty=_NO_ERRORS),
            table("Hosts behind it", "behind switch=$switch", hidden=_RAW),
            table("Balance of routes over its links", "balance switch=$switch", hidden=_RAW),
            table("Jobs on it", "jobs switch=$switch", hidden=_RAW, width=24, empty="No job was on it."),
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
                  hidden=("name", "user", "run"), empty="No job held it."),
            series("Sent", f"aliasByNode({rate(sent)}, 3, 4)", unit=_BYTES, says="As its HCA counts it."),
            series("Received", f"aliasByNode({rate(received)}, 3, 4)", unit=_BYTES, says="As its HCA counts it."),
            series("Errors at both ends of its links", _errors_of_host(),
                   says="Counters that point at a link; what they rose by in each step.", empty=_NO_ERRORS),
            table("Its cables", "cables host=$host", hidden=_RAW),
            table("Its jobs", "jobs host=$host", hidden=_RAW, width=24, empty="No job was on it."),
            lines("Its lines", "logs host=$host", empty="It said nothing."),
        ),
        (Variable("host", "Host", "hosts"),),
        (Mark("Jobs", "jobs host=$host", "blue"), CHANGES),
    )  # fmt: skip


def _errors_of_host() -> str:
    """Of its HCAs and of the switch ports they hang on; a name leaves out the tag that one of them has not."""
    found = f"seriesByTag('host=$host', 'what=~^({'|'.join(sorted(ERRORS))})$')"
    risen = f"removeBelowValue(nonNegativeDerivative({found}), 1)"
    return f"aliasSub(aliasByTags({risen}, 'switch', 'hca', 'port', 'what'), '^[.]|[.](?=[.])', '')"


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
                   says="Counters that point at a link; what they rose by in each step.", empty=_NO_ERRORS),
            series("Congestion at its ends", "aliasByNode(perSecond(cable.$cable.*.PortXmitWait), 2)",
                   says="XmitWait a second, in ticks of the device."),
        ),
        (Variable("cable", "Cable", "cables column=a,b,cable", regex=r"/^(?<text>.*) · (?<value>\S+)$/"),),
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
                   width=24, says="What counters that point at a link rose by in each step.", empty=_NO_ERRORS),
            _flapping(), _degraded(),
            _changed(width=24),
            lines("What is said of links", 'logs query="(link OR mlx5 OR infiniband) AND severity:>=warning"',
                  empty="Nobody complains of a link."),
        ),
        marks=(CHANGES,),
        since="now-24h",
    )  # fmt: skip


def _degraded() -> Panel:
    return table("Degraded links", "degraded", hidden=("fabric",), empty="Every link runs as others of its kind do.")


def _flapping() -> Panel:
    return table("Flapping links", "flapping", hidden=("fabric",), empty="No link came and went.")


def _changed(width: int = 12) -> Panel:
    hidden = ("nodes", "ports", "cables", "fabric")
    return table("What changed", "fabric_changes", hidden=hidden, width=width, empty="Nothing changed.")


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
            table("Jobs", f"jobs {told}", hidden=_RAW, width=24, height=12, empty="No job in this time."),
            table(f"Core hours by {by}", f"totals by={by} {told}", core_hours=NUMBERS, node_hours=NUMBERS),
            table("Core hours by state", f"totals by=state {told}", core_hours=NUMBERS, node_hours=NUMBERS),
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

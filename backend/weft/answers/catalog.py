"""Every table, declared once: `/json`, `/api/v1/query`, the command line and their docs all come from here."""

from collections.abc import Mapping

from weft.answers import cables, fabric, graph, jobs, logs, placement, plugs, sources, vanished
from weft.answers.answers import Answers, did_you_mean
from weft.answers.people import require_operator
from weft.answers.requests import convert, parse_request
from weft.answers.tables import Ask, Column, Param, Table, TableData
from weft.base.errors import BadRequest, UnknownName

__all__ = ["TABLES", "Answers", "parse_request", "run", "table"]

JOB = Param("job", doc="Job: 4711, 4711_5, 4711+1, cluster:4711.", required=True, options="jobs")
SOME_JOB = Param("job", doc="Only of this job.", options="jobs")
AT = Param("at", "time", "At this time; default the end of the window.")
FABRIC = Param("fabric", doc="Which fabric; default the site's.", options="fabrics")
SWITCH = Param("switch", doc="Only of this switch.", options="switches")
FOLD = Param("fold", doc="`leaf` draws hosts as a number on their leaf switch.", choices=("leaf", "none"))
GRAPH = (SOME_JOB, SWITCH, FOLD, FABRIC, AT)
CHANGES = (
    "node_appeared", "node_gone", "node_silent", "node_renamed", "hca_replaced", "link_down", "link_up", "link_changed",
    "cable_new", "cable_moved", "cable_replaced", "ends_exchanged", "sweep_quarantined", "retired",
)  # fmt: skip


def _text(name: str, doc: str = "") -> Column:
    return Column(name, "string", doc)


def _number(name: str, doc: str = "", unit: str = "") -> Column:
    return Column(name, "number", doc, unit)


def _time(name: str, doc: str = "") -> Column:
    return Column(name, "time", doc)


RUN = _text("run", "Key of this run; job=<run> asks for it alone.")
JOB_COLUMN = _text("job", "Job id as people type it.")
IN_FABRIC = _text("fabric", "Fabric it belongs to.")
FROM = _time("from", "Since when, within the run.")
TO = _time("to", "Until when; empty: still.")
UNSURE = Column("unsure", "boolean", "Not confirmed by the last sweep.")
DOUBT = _text("doubt", "What is not sure about this row.")
RUN_COLUMNS = (
    JOB_COLUMN, _text("user"), _text("name"), _text("state"), _time("start"), _time("end", "Empty: runs."),
    _number("elapsed", "Start to end.", "s"), _number("hosts", "How many."), _text("partition"), _text("account"),
    _text("cluster"), _number("exit_code"), _number("exit_signal"), _time("submit"),
    _time("confirmed", "When a source said so last."), RUN,
)  # fmt: skip

_ALL = (
    Table(
        "jobs", "Runs of jobs in the window, newest first.", RUN_COLUMNS, jobs.jobs,
        (
            Param("user", "list", "Whose.", options="users"),
            Param("state", "list", "Slurm state, e.g. running, failed.", options="states"),
            Param("account", "list", "Account.", options="accounts"),
            Param("partition", "list", "Partition.", options="partitions"),
            Param("cluster", "list", "Cluster.", options="clusters"),
            Param("name", doc="Job name."),
            Param("host", "list", "That held one of these hosts.", options="hosts"),
        ),
        example={"user": "alice", "state": "running"},
    ),
    Table("job", "The runs of one job.", RUN_COLUMNS, jobs.job, (JOB,), example={"job": "4711"}),
    Table(
        "job_hosts", "Hosts of a job, with how many other runs held each meanwhile.",
        (JOB_COLUMN, _text("host"), FROM, TO, _number("sharers", "Other runs on the host; empty: not counted."), RUN),
        jobs.job_hosts, (JOB,), example={"job": "4711"},
    ),
    Table(
        "job_neighbours", "Runs that shared hosts with a job.",
        (
            JOB_COLUMN, _text("user"), _text("name"), _text("state"), _number("shared", "Hosts in common."),
            _text("hosts"), FROM, TO, RUN,
        ),
        jobs.job_neighbours, (JOB,), example={"job": "4711"},
    ),
    Table(
        "job_ports", "Switch ports and HCA ports of a job's hosts over its whole run.",
        (
            JOB_COLUMN, _text("host"), _text("hca", "Device and port in the host."), _text("switch"), _number("port"),
            _text("cable"), FROM, TO, _number("sharers", "Other runs on the host; empty: not counted."), DOUBT,
            _time("confirmed", "When a sweep showed it last."), _text("switch_guid"), _text("hca_guid"), IN_FABRIC, RUN,
        ),
        plugs.job_ports, (JOB,), example={"job": "4711"},
    ),
    Table(
        "job_cables", "Cables of a job's hosts over its whole run.",
        (
            JOB_COLUMN, _text("cable"), _text("identity", "certain or ambiguous."),
            _text("or_cable", "What it is in the other reading."), _text("host"), _text("hca"),
            _text("switch_port"), FROM, TO, DOUBT, IN_FABRIC, RUN,
        ),
        plugs.job_cables, (JOB,), example={"job": "4711"},
    ),
    Table(
        "job_switches", "Switches that a job's hosts hung on.",
        (
            JOB_COLUMN, _text("switch"), _number("hosts"), _number("ports"),
            _number("share", "Of the job's hosts.", "percentunit"), FROM, TO, _text("guid"), IN_FABRIC, RUN,
        ),
        plugs.job_switches, (JOB,), example={"job": "4711"},
    ),
    Table(
        "placement", "How a job lay in the fabric when it started.",
        (
            JOB_COLUMN, _text("verdict"), _number("hosts"), _number("leaves"),
            _number("leaves_minimum", "Fewest that hold it."), _number("mean_hops", "Switches between two hosts."),
            _number("best_hops", "On the empty fabric."), _text("best", "optimal: can be had; bound: perhaps not."),
            _text("stragglers"), _text("swaps", "Straggler -> free host (mean hops before -> after)."), _text("doubts"),
            _time("at", "The topology is of this time."), IN_FABRIC, RUN,
        ),
        placement.placement, (JOB,), example={"job": "4711"},
    ),
    Table(
        "hops", "Pairs of a job's hosts by the switches between them.",
        (
            JOB_COLUMN, _number("hops"), _number("pairs"), _number("share", "Of all pairs.", "percentunit"), IN_FABRIC,
            RUN,
        ),
        placement.hops, (JOB,), example={"job": "4711"},
    ),
    Table(
        "hosts", "Hosts and where they hang; users: those of their runs.",
        (
            _text("host"), _text("hca"), _text("state", "Of the link: up or down."), _text("switch"), _number("port"),
            _text("width"), _text("speed"), _text("cable"), UNSURE, _text("guid"), IN_FABRIC,
        ),
        fabric.hosts, (FABRIC, AT),
    ),
    Table(
        "vanished", "Hosts that are gone or do not answer, and who was on them.",
        (
            _text("host"), _text("state", "vanished, or silent: it may well be there."), _time("last_seen"),
            _time("missed", "First sweep without it; empty: silent."), _text("port", "Switch port it hung on."),
            _text("jobs", "Runs on it then."), _text("users"), _text("cable"), _text("guids"), IN_FABRIC,
        ),
        vanished.vanished, (FABRIC, AT), operators=True,
    ),
    Table(
        "switches", "Switches.",
        (
            _text("switch"), _number("hosts", "Host links up."), _number("up", "Links."), _number("down", "Links."),
            _text("guid"), _number("lid"), _text("description"), IN_FABRIC,
        ),
        fabric.switches, (FABRIC, AT), operators=True,
    ),
    Table(
        "ports", "Cabled ports of a switch.",
        (
            _number("port"), _text("state"), _text("peer"), _text("peer_kind"), _text("width"), _text("speed"),
            _text("cable"), UNSURE, _text("switch"), _text("guid"), _text("peer_guid"), IN_FABRIC,
        ),
        fabric.ports,
        (Param("switch", doc="Name or GUID of a switch.", required=True, options="switches"), FABRIC, AT),
        operators=True, example={"switch": "leaf01"},
    ),
    Table(
        "links", "Links, up and down.",
        (
            _text("a"), _text("b"), _text("state"), _text("width"), _text("speed"), _text("cable"), _text("kinds"),
            UNSURE, IN_FABRIC,
        ),
        fabric.links, (SWITCH, Param("state", doc="Only these.", choices=("up", "down")), FABRIC, AT), operators=True,
    ),
    Table(
        "degraded", "Links that run narrower or slower than their like.",
        (
            _text("a"), _text("b"), _text("runs", "Width and speed."), _text("like", "What the best of its kind run."),
            _time("since"), _text("cable"), IN_FABRIC,
        ),
        fabric.degraded, (FABRIC, AT), operators=True,
    ),
    Table(
        "cables", "Cables plugged in the window.",
        (
            _text("cable"), _text("identity", "certain or ambiguous."), _text("a"), _text("b"), _text("medium"),
            _time("since"), TO, _time("confirmed", "When a sweep showed it last."),
            _text("or_cable", "What it is in the other reading."), _number("places", "In the window."), IN_FABRIC,
        ),
        cables.cables,
        (
            SWITCH,
            Param("host", doc="Only of this host.", options="hosts"),
            Param("identity", doc="Only these.", choices=("certain", "ambiguous")),
            FABRIC,
        ),
        operators=True,
    ),
    Table(
        "cable_history", "Where a cable was, in both readings.",
        (
            _text("cable"), _text("reading", "taken, or the other one."), _text("a"), _text("b", "The end in an HCA."),
            _time("from", "First seen there."), TO, _time("absent", "Last time it was seen not to be there."),
            _time("confirmed", "Last time it was seen there."), _text("identity"), _text("or_cable"), _text("story"),
            _text("connection"), IN_FABRIC,
        ),
        cables.cable_history,
        (
            Param("cable", doc="Its id, or a port it was in: leaf01/5, node005.", required=True, options="cables"),
            FABRIC,
            AT,
        ),
        operators=True, example={"cable": "leaf01/5"},
    ),
    Table(
        "fabric_changes", "What changed in the fabric, newest first.",
        (
            _time("time", "Seen by then."), _time("after", "Not yet so then."), _text("kind"), _text("severity"),
            _text("text"), _text("nodes"), _text("ports"), _text("cables"), IN_FABRIC,
        ),
        fabric.fabric_changes, (Param("kind", "list", "Only these.", choices=CHANGES), FABRIC), operators=True,
    ),
    Table(
        "nodes", "Node graph: nodes of the fabric, of a switch and its peers, or of a job.",
        (
            _text("id"), _text("title"), _text("subtitle"), _text("mainstat"), _text("secondarystat"), _text("color"),
            _text("detail__guid"),
        ),
        graph.nodes, GRAPH, example={"fold": "leaf"},
    ),
    Table(
        "edges", "Node graph: the links between `nodes` of the same arguments.",
        (
            _text("id"), _text("source"), _text("target"), _text("mainstat"), _text("secondarystat"),
            _number("thickness"), _text("color"),
        ),
        graph.edges, GRAPH, example={"fold": "leaf"},
    ),
    Table(
        "logs", "Log lines, newest first; of a job: on its hosts while it ran.",
        (
            _time("time"), _text("host"), _text("program"), _text("severity"), _text("message"), _text("source"),
            _text("id"),
        ),
        logs.logs,
        (
            Param("query", doc="Words that must all be in the line."),
            Param("hosts", "list", "On one of these hosts.", options="hosts"),
            SOME_JOB,
        ),
        example={"query": "link down"},
    ),
    Table(
        "sources", "When each source was last heard, and what it said.",
        (
            _text("source"), _time("heard"), _number("age", "Since then.", "s"), Column("ok", "boolean"), _text("text"),
        ),
        sources.sources, operators=True,
    ),
)  # fmt: skip

TABLES: Mapping[str, Table] = {declared.name: declared for declared in _ALL}


def table(name: str) -> Table:
    """The table of this name. Raises UnknownName with the nearest."""
    if name not in TABLES:
        raise UnknownName(f"There is no table '{name}'.", fix=did_you_mean(name, TABLES))
    return TABLES[name]


async def run(answers: Answers, name: str, arguments: Mapping[str, object], ask: Ask) -> TableData:
    """Ask a table.

    Args:
        arguments: as text or typed, see `requests.convert`.
    Raises:
        UnknownName: no such table, job, switch, ... BadRequest: an argument. Forbidden: not for this viewer.
    """
    if ask.limit < 1 or not ask.window:
        raise BadRequest("The window or the limit is empty.", fix="Ask from before to, and at least one row.")
    declared = table(name)
    told = convert(name, declared.params, arguments, answers.site.zone)
    if declared.operators:
        require_operator(ask.viewer, f"Table {name}")
    data = await declared.function(answers, ask, **told)
    if len(data.rows) > ask.limit:
        notice = f"Only {ask.limit} of {len(data.rows)} rows are listed."
        data = TableData(data.rows[: ask.limit], (*data.notices, notice))
    return data

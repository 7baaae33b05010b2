"""Every table, declared once: `/json`, `/api/v1/query`, the command line and their docs all come from here.

Tables of jobs and of the fabric stand in files of their own; routes, the node graph and the rest here.
"""

from collections.abc import Mapping
from dataclasses import replace

from weft.answers import cypher, graph, routes, sources, ways
from weft.answers.answers import Answers, did_you_mean
from weft.answers.columns import (
    AT,
    BASIS,
    FABRIC,
    FROM,
    IN_FABRIC,
    JOB,
    JOB_COLUMN,
    RUN,
    SOME_JOB,
    SWITCH,
    TO,
    number,
    text,
    time,
)  # fmt: skip
from weft.answers.fabric_tables import FABRIC_TABLES
from weft.answers.job_tables import JOB_TABLES
from weft.answers.log_tables import LOG_TABLES
from weft.answers.people import require_operator
from weft.answers.placement_tables import PLACEMENT_TABLES
from weft.answers.requests import convert, parse_request
from weft.answers.tables import Ask, Column, Param, Table, TableData
from weft.base.errors import BadRequest, UnknownName
from weft.base.intervals import Interval

__all__ = ["TABLES", "Answers", "parse_request", "run", "table"]

FOLD = Param("fold", doc="`leaf` draws hosts as a number on their leaf switch.", choices=("leaf", "none"))
WINDOW_PARAMS = (Param("from", "time", "Not before."), Param("to", "time", "Before."))
WINDOW = ("from", "to")
GRAPH = (SOME_JOB, SWITCH, FOLD, FABRIC, AT)

_ALL = (
    *JOB_TABLES,
    *PLACEMENT_TABLES,
    *FABRIC_TABLES,
    Table(
        "job_routes", "Switch ports on the routes between a job's hosts, the surest first.",
        (
            JOB_COLUMN, text("switch"), number("port"), text("direction", "out: packets leave the switch there."),
            text("peer"), BASIS, number("routes", "From a host's port to a LID; empty: not counted."), FROM, TO,
            text("switch_guid"), IN_FABRIC, RUN,
        ),
        routes.job_routes, (JOB,), example={"job": "4711"},
    ),
    Table(
        "route_sharers", "Runs whose routes left switches by the same ports as a job's, the surest first.",
        (
            JOB_COLUMN, text("user"), text("name"), text("state"), BASIS, number("ports", "In common."),
            text("shared", "Some of these ports."), FROM, TO, RUN,
        ),
        routes.route_sharers, (JOB,), example={"job": "4711"},
    ),
    Table(
        "link_runs", "Runs that crossed a link in the window, or may have, the surest first.",
        (
            JOB_COLUMN, text("user"), text("name"), text("state"), BASIS,
            number("routes", "Of the run, by forwarding tables."), FROM, TO, IN_FABRIC, RUN,
        ),
        ways.link_runs,
        (Param("link", doc="One of its ports, leaf01/19, or a host.", required=True, options="hosts"), FABRIC),
        operators=True, example={"link": "leaf01/19"},
    ),
    Table(
        "route", "The way between two hosts by the forwarding tables, there and back.",
        (
            text("way", "there or back."), text("from"), text("to"), number("lid"), number("hop"), text("switch"),
            number("in_port"), number("out_port", "Empty: no route from here."), text("switch_guid"), IN_FABRIC,
        ),
        ways.route,
        (
            Param("src", doc="A host, or its port: `node001 mlx5_0/1`.", required=True, options="hosts"),
            Param("dst", doc="The other host.", required=True, options="hosts"), FABRIC, AT,
        ),
        operators=True, example={"src": "node001", "dst": "node324"},
    ),
    Table(
        "route_to", "Hosts that a switch sends to by a port.",
        (text("host"), text("hca"), number("lid"), text("leaf"), BASIS, text("guid"), IN_FABRIC),
        ways.route_to,
        (
            Param("switch", doc="Name or GUID of a switch.", required=True, options="switches"),
            Param("port", "integer", "Its port.", required=True), FABRIC, AT,
        ),
        operators=True, example={"switch": "leaf01", "port": 19},
    ),
    Table(
        "balance", "Routes between all hosts by each link between switches.",
        (
            text("switch"), number("port"), text("peer"), text("level"), text("towards", "Level of the peer."),
            number("goals", "LIDs of hosts that the switch sends there."), number("routes"),
            number("ratio", "Against the mean of the switch's ports to that level."), text("switch_guid"), IN_FABRIC,
        ),
        ways.balance, (SWITCH, Param("level", doc="Only switches of this level.", choices=ways.LEVELS), FABRIC, AT),
        operators=True, example={"switch": "leaf01"},
    ),
    Table(
        "levels", "Leaf, spine and core switches, as far as the links show it.",
        (
            text("switch"), number("level", "Links to the nearest leaf; empty: no way to a host."),
            text("kind", "leaf, spine, core, higher; mixed: hosts, and others' ways over it; apart: no way to a host."),
            number("hosts", "HCA links up."), text("chassis", "Director it is a board of."), text("guid"), IN_FABRIC,
        ),
        graph.levels, (FABRIC, AT), operators=True,
    ),
    Table(
        "nodes", "Node graph: nodes of the fabric, of a switch and its peers, or of a job.",
        (
            text("id"), text("title"), text("subtitle"), text("mainstat"), text("secondarystat"), text("color"),
            text("detail__guid"),
        ),
        graph.nodes, GRAPH, example={"fold": "leaf"},
    ),
    Table(
        "edges", "Node graph: the links between `nodes` of the same arguments.",
        (
            text("id"), text("source"), text("target"), text("mainstat"), text("secondarystat"),
            number("thickness"), text("color"),
        ),
        graph.edges, GRAPH, example={"fold": "leaf"},
    ),
    *LOG_TABLES,
    Table(
        "cypher", "The inventory asked in Cypher, where it is in Neo4j: what the query returns, in its columns.", (),
        cypher.cypher,
        (
            Param("query", doc="Cypher that only reads; `weft schema` draws the graph.", required=True),
            Param("draw", doc="nodes, edges: the node graph of what it returns.", choices=cypher.DRAW),
        ),
        operators=True, example={"query": "MATCH (h:Host) RETURN h.name AS host ORDER BY host LIMIT 10"},
    ),
    Table(
        "sources", "When each source was last heard, and what it said.",
        (
            text("source"), time("heard"), number("age", "Since then.", "s"), Column("ok", "boolean"), text("text"),
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
        arguments: as text or typed, see `requests.convert`; `from` and `to` set the window of every table.
    Raises:
        UnknownName: no such table, job, switch, ... BadRequest: an argument. Forbidden: not for this viewer.
    """
    declared = table(name)
    ask = replace(ask, window=_window(answers, ask.window, arguments))
    if ask.limit < 1 or not ask.window:
        raise BadRequest("The window or the limit is empty.", fix="Ask from before to, and at least one row.")
    rest = {key: value for key, value in arguments.items() if key not in WINDOW}
    told = convert(name, declared.params, rest, answers.site.zone)
    if declared.operators:
        require_operator(ask.viewer, f"Table {name}")
    data = await declared.function(answers, ask, **told)
    if len(data.rows) > ask.limit:
        notice = f"Only {ask.limit} of {len(data.rows)} rows are listed."
        data = replace(data, rows=data.rows[: ask.limit], notices=(*data.notices, notice))
    return data


def _window(answers: Answers, window: Interval, arguments: Mapping[str, object]) -> Interval:
    """The window asked, with `from` and `to` of the arguments in place of its ends."""
    told: dict[str, int] = convert("from, to", WINDOW_PARAMS, {k: arguments.get(k) for k in WINDOW}, answers.site.zone)
    return Interval(told.get("from", window.from_ms), told.get("to", window.to_ms))

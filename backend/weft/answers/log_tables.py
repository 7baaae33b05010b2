"""Tables of log lines: declared here, see catalog.py."""

from weft.answers import logs
from weft.answers.columns import SOME_JOB, number, text, time
from weft.answers.tables import Param, Table

SOUGHT = (
    Param("query", doc='Lucene, as in Kibana: severity:>=err AND ("link down" OR timeout).'),
    Param("host", "list", "On one of these hosts.", options="hosts"),
    SOME_JOB,
    Param("link", doc="Of the hosts and switches at both ends of this port's link: leaf01/5."),
)
CURSOR = Param("cursor", doc="Go on after this line; an answer and every row of it have one.")
FIELD = Param("field", doc="host, program, severity, source, or one of the lines' own.", default="host")

LOG_TABLES = (
    Table(
        "logs", "Log lines, newest first; of a job: on its hosts while it ran.",
        (
            time("time"), text("host"), text("program"), text("severity"), text("message"),
            text("fields", "What else the line says, name=value."), text("source"), text("id"),
            text("cursor", "Where the line stands: a search goes on from here."),
        ),
        logs.logs, (*SOUGHT, CURSOR), example={"query": "link AND down"},
    ),
    Table(
        "log_counts", "How many log lines match, over time.", (time("time", "Begin of the step."), number("lines")),
        logs.log_counts, (*SOUGHT, Param("step", "number", "Seconds; default: at most 100 steps.")),
        example={"query": "severity:>=err"},
    ),
    Table(
        "log_top", "The commonest values of a field among matching log lines.",
        (text("value"), number("lines"), number("share", "Of the lines that have the field.", "percentunit")),
        logs.log_top, (FIELD, *SOUGHT), example={"field": "host", "query": "severity:>=err"},
    ),
)  # fmt: skip

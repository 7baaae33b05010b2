"""Columns and parameters that several tables of the catalogue have in common."""

from weft.answers.tables import Column, Param

JOB = Param("job", doc="Job: 4711, 4711_5, 4711+1, cluster:4711.", required=True, options="jobs")
SOME_JOB = Param("job", doc="Only of this job.", options="jobs")
AT = Param("at", "time", "At this time; default the end of the window.")
FABRIC = Param("fabric", doc="Which fabric; default the site's.", options="fabrics")
SWITCH = Param("switch", doc="Only of this switch.", options="switches")


def text(name: str, doc: str = "") -> Column:
    return Column(name, "string", doc)


def number(name: str, doc: str = "", unit: str = "") -> Column:
    return Column(name, "number", doc, unit)


def time(name: str, doc: str = "") -> Column:
    return Column(name, "time", doc)


RUN = text("run", "Key of this run; job=<run> asks for it alone.")
JOB_COLUMN = text("job", "Job id as people type it.")
IN_FABRIC = text("fabric", "Fabric it belongs to.")
FROM = time("from", "Since when, within the run.")
TO = time("to", "Until when; empty: still.")
UNSURE = Column("unsure", "boolean", "Not confirmed by the last sweep.")
DOUBT = text("doubt", "What is not sure about this row.")
BASIS = text(
    "basis",
    "host_link: certain; static: by forwarding tables that hold (adaptive routing leaves them); possible: may have.",
)
RUN_COLUMNS = (
    JOB_COLUMN, text("user"), text("name"), text("state"), time("start"), time("end", "Empty: runs."),
    number("elapsed", "Start to end.", "s"), number("hosts", "How many."), text("partition"), text("account"),
    text("cluster"), number("exit_code"), number("exit_signal"), time("submit"),
    time("confirmed", "When a source said so last."), RUN,
)  # fmt: skip

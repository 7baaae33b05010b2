"""What pickers offer: names while one types, the builder's metrics with their parameters, values of variables."""

from collections.abc import Iterable, Mapping
from typing import Any

from weft.answers import catalog
from weft.answers.sources import suggest
from weft.answers.tables import Param, Table
from weft.api.asking import Asking, is_table, table_answer
from weft.api.frames import cell, window_of
from weft.base.access import Viewer
from weft.base.errors import BadRequest
from weft.metrics.store import unheard

EXPRESSION = "graphite"
"""The metric of simPod's builder under which a Graphite expression is typed."""

SHOWN = 200
"""Most names that a picker shows."""

LISTS = ("accounts", "cables", "clusters", "fabrics", "hosts", "jobs", "partitions", "states", "switches", "users")
"""What `sources.suggest` lists."""


BETWEEN = " · "
"""Between the columns of a variable's text."""


def tables_for(viewer: Viewer) -> list[Table]:
    """Tables that this viewer may ask."""
    return [table for table in catalog.TABLES.values() if viewer.operator or not table.operators]


async def typed(asking: Asking, text: str) -> list[str]:
    """Names that go on from what is typed: tables, then nodes of the tree; a folder as what lies in it (`a.b.*`)."""
    stem = text.strip().removesuffix("*")
    tables = [table.name for table in tables_for(asking.viewer) if "." not in stem and table.name.startswith(stem)]
    window = window_of(asking.span, asking.engines.clock())
    found = await asking.engines.series.find(f"{stem}*", window, asking.viewer, unheard)
    return [*tables, *(node.path if node.leaf else f"{node.path}.*" for node in found)][:SHOWN]


async def values(asking: Asking, text: str, extra: Mapping[str, Any] | None = None) -> list[str]:
    """Values of a variable: a list (`users`), a column of a table (`jobs user=alice column=name`), or the last node of
    what a pattern finds (`switch.*`). Without `column` it is the first one that the arguments leave open: hosts for
    `job_hosts job=4711`. Several columns (`cables column=a,b,cable`) give one text, from which a dashboard's regular
    expression takes what people read and what is asked.

    Raises:
        BadRequest: nothing is asked, or a column that the table does not have. And what the table raises.
    """
    text = text.strip()
    if not text:
        raise BadRequest("The variable asks nothing.", fix=f"Name a list ({', '.join(LISTS)}), a table or a pattern.")
    if is_table(text) and (text not in LISTS or extra):
        name, arguments = catalog.parse_request(text)
        given: dict[str, Any] = {**(extra or {}), **arguments}
        wanted = given.pop("column", None)
        told = await table_answer(asking, name, given)
        places = [_column(told.table, one, given) for one in str(wanted or "").split(",")]
        if len(places) == 1:
            return unique(row[places[0]] for row in told.rows)
        return unique(BETWEEN.join(str(cell(row[place])) for place in places) for row in told.rows)
    if text in LISTS:
        return list(await suggest(asking.engines.answers, asking.ask(), text))
    window = window_of(asking.span, asking.engines.clock())
    found = await asking.engines.series.find(text, window, asking.viewer, unheard)
    return unique(node.path.rpartition(".")[2] for node in found)


def unique(cells: Iterable[object]) -> list[str]:
    """Cells as texts, each once and in order; SimpleJSON cannot take an empty one."""
    return list(dict.fromkeys(str(cell(one)) for one in cells if one is not None and one != ""))


def metrics(viewer: Viewer, chosen: str) -> list[dict[str, Any]]:
    """The builder's metrics. What is chosen and no table stays a metric, else the editor would empty its field."""
    offered = [
        {"value": table.name, "label": f"{table.name}: {table.doc}", "payloads": [payload(p) for p in table.params]}
        for table in tables_for(viewer)
    ]
    expression = {
        "name": "target",
        "label": "Graphite expression",
        "type": "textarea",
        "placeholder": "perSecond(switch.leaf01.*.PortXmitData)",
    }
    offered.append({"value": EXPRESSION, "label": f"{EXPRESSION}: Series of an expression.", "payloads": [expression]})
    if chosen and chosen not in {one["value"] for one in offered}:
        offered.append({"value": chosen, "label": chosen, "payloads": []})
    return offered


def payload(param: Param) -> dict[str, Any]:
    """A table's parameter as a field of the builder."""
    described: dict[str, Any] = {
        "name": param.name,
        "label": f"{param.name} *" if param.required else param.name,
        "type": "input",
        "placeholder": param.doc,
    }
    if param.type == "list":
        described["type"] = "multi-select"
    elif param.options or param.choices or param.type == "boolean":
        described["type"] = "select"
    if choices := param.choices or (("true", "false") if param.type == "boolean" else ()):
        described["options"] = [{"label": choice, "value": choice} for choice in choices]
    return described


async def payload_options(asking: Asking, metric: str, name: str) -> list[str]:
    """Values for a field of the builder; empty for what is no such field."""
    table = catalog.TABLES.get(metric)
    param = next((param for param in table.params if param.name == name), None) if table else None
    return await _of_param(asking, param) if param else []


def filter_keys() -> dict[str, Param]:
    """Keys of ad hoc filters: parameters with known values whose name is a column of text somewhere.

    `hosts` is the name of a list; what one filters by is a host.
    """
    tables = catalog.TABLES.values()
    columns = {column.name for table in tables for column in table.columns if column.type == "string"}
    params = (param for table in tables for param in table.params)
    keys = {param.name: param for param in params if param.options and param.name in columns - set(LISTS)}
    return dict(sorted(keys.items()))


async def filter_values(asking: Asking, key: str) -> list[str]:
    """Values of an ad hoc filter's key; empty for a key that is none."""
    param = filter_keys().get(key)
    return await _of_param(asking, param) if param else []


async def _of_param(asking: Asking, param: Param) -> list[str]:
    if param.choices or not param.options:
        return list(param.choices)
    return list(await suggest(asking.engines.answers, asking.ask(), param.options))


def _column(table: Table, wanted: object, given: Mapping[str, Any]) -> int:
    names = [column.name for column in table.columns]
    if wanted is None or wanted == "":
        return next((place for place, name in enumerate(names) if name not in given), 0)
    if str(wanted) not in names:
        raise BadRequest(f"Table {table.name} has no column '{wanted}'.", fix=f"It has {', '.join(names)}.")
    return names.index(str(wanted))

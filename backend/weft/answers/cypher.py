"""Questions in Cypher about the inventory: rows as a table, nodes and relationships as a node graph."""

from collections.abc import Mapping

from weft.answers.answers import Answers
from weft.answers.columns import number, text
from weft.answers.graph import BLUE, GREEN, GREY, ORANGE
from weft.answers.tables import Ask, Column, TableData
from weft.base.errors import BadRequest
from weft.inventory.store import CypherAnswer, CypherEdge, CypherEngine, CypherNode, CypherPath

DRAW = ("table", "nodes", "edges")

NODE_COLUMNS = (
    text("id"), text("title"), text("subtitle"), text("mainstat"), text("secondarystat"), text("color"),
    text("detail__properties"),
)  # fmt: skip
EDGE_COLUMNS = (
    text("id"), text("source"), text("target"), text("mainstat"), text("secondarystat"), number("thickness"),
    text("color"), text("detail__properties"),
)  # fmt: skip

_COLORS = {"SW": BLUE, "Host": GREEN, "Job": ORANGE}
_TITLES = ("name", "text", "label", "key", "number", "guid", "id", "kind", "what")
"""Properties that people call a node by, the first that it has."""


def engine_of(answers: Answers) -> CypherEngine:
    """What answers Cypher. Raises BadRequest: the inventory is no graph, with what to do."""
    if answers.site.cypher is None:
        raise BadRequest(
            "The inventory is in SQLite, which knows no Cypher.",
            fix='Start a Neo4j, bring the inventory over with `weft copy`, and set inventory.engine = "neo4j".',
        )
    return answers.site.cypher


async def cypher(answers: Answers, ask: Ask, query: str, draw: str = "table") -> TableData:
    """The rows of a query, or what its nodes and relationships look like as a node graph."""
    told = await engine_of(answers).ask(query)
    if draw == "nodes":
        return TableData(node_rows(told), told.notices, columns=NODE_COLUMNS)
    if draw == "edges":
        return TableData(edge_rows(told), told.notices, columns=EDGE_COLUMNS)
    return _table(told)


def _table(told: CypherAnswer) -> TableData:
    """Rows of plain cells. A column is of the type that all its cells have; where they differ, of text."""
    columns, cells = [], []
    for at, name in enumerate(told.columns):
        values = [row[at] for row in told.rows]
        known = [value for value in values if value is not None]
        if known and all(isinstance(value, bool) for value in known):
            columns.append(Column(name, "boolean"))
        elif known and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
            columns.append(Column(name, "number"))
        else:
            columns.append(Column(name, "string"))
            values = [None if value is None else as_text(value) for value in values]
        cells.append(values)
    rows = [list(row) for row in zip(*cells, strict=True)]
    return TableData(rows, told.notices, columns=tuple(columns))


def as_text(value: object) -> str:
    """A value as a person reads it in a cell: a list as words, a node or relationship as Cypher draws it."""
    match value:
        case str():
            return value
        case CypherNode(_, labels, properties):
            return f"(:{':'.join(labels)} {_object(properties)})"
        case CypherEdge(_, _, _, kind, properties):
            return f"[:{kind} {_object(properties)}]"
        case CypherPath(nodes, edges):
            ways = [f"-[:{edge.type}]-{as_text(node)}" for edge, node in zip(edges, nodes[1:], strict=True)]
            return as_text(nodes[0]) + "".join(ways)
        case Mapping():
            return _object(value)
        case list() | tuple():
            return ", ".join(as_text(one) for one in value)
        case bool() | None:
            return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _object(properties: Mapping[str, object]) -> str:
    told = [f"{key}: {as_text(value)}" for key, value in sorted(properties.items()) if value is not None]
    return "{" + ", ".join(told) + "}"


def node_rows(told: CypherAnswer) -> list[list[object]]:
    """NODE_COLUMNS of every node, and of those that a relationship leads to and the answer does not hold."""
    rows: list[list[object]] = []
    for node in told.nodes:
        title = next((str(value) for key in _TITLES if (value := node.properties.get(key)) is not None), node.id)
        color = next((_COLORS[label] for label in node.labels if label in _COLORS), GREY)
        state = node.properties.get("state")
        labels = ":".join(node.labels)
        main = None if state is None else str(state)
        rows.append([node.id, title, labels, main, None, color, _object(node.properties)])
    known = {node.id for node in told.nodes}
    ends = dict.fromkeys(end for edge in told.edges for end in (edge.source, edge.target) if end not in known)
    rows += [[end, "?", "not in the answer", None, None, GREY, None] for end in ends]
    return rows


def edge_rows(told: CypherAnswer) -> list[list[object]]:
    """EDGE_COLUMNS of every relationship."""
    return [
        [edge.id, edge.source, edge.target, edge.type, None, 1, GREY, _object(edge.properties)] for edge in told.edges
    ]

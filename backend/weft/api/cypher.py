"""POST /api/v1/cypher: a query in Cypher with its parameters, answered as rows and as a node graph."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from weft.answers.cypher import EDGE_COLUMNS, NODE_COLUMNS, edge_rows, engine_of, node_rows
from weft.answers.people import require_operator
from weft.answers.tables import Column
from weft.api.engines import Engines, engines_of
from weft.api.forms import read_json
from weft.api.identity import viewer_of
from weft.api.native import json_answer
from weft.base.access import Viewer

router = APIRouter(prefix="/api/v1", tags=["Weft"])


class CypherQuestion(BaseModel):
    """What is asked."""

    model_config = ConfigDict(extra="ignore")

    query: str = Field(description="Cypher that only reads; the answer to what else is where and why not")
    parameters: dict[str, Any] = Field(default_factory=dict, description="Values of $name in it")


class Frame(BaseModel):
    """A frame of Grafana's node graph panel: nodes or edges."""

    columns: list[str]
    rows: list[list[Any]]


class CypherRows(BaseModel):
    """Rows in the order of the columns. A node is `{"id", "labels", "properties"}`, a relationship `{"id", "source",
    "target", "type", "properties"}`, a path `{"nodes", "edges"}`. `nodes` and `edges` are null where none was returned.
    """

    columns: list[str]
    rows: list[list[Any]]
    notices: list[str]
    nodes: Frame | None
    edges: Frame | None


async def question_of(request: Request) -> CypherQuestion:
    """The question in a body."""
    try:
        return CypherQuestion.model_validate(await read_json(request))
    except ValidationError as exc:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in exc.errors()]) from None


@router.post(
    "/cypher",
    summary="The inventory asked in Cypher, where it is in Neo4j",
    description="For operators only. Only what reads is run, for 10 seconds and 10,000 rows at the most.",
    responses={200: {"model": CypherRows}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": CypherQuestion.model_json_schema()}},
        }
    },
)
async def cypher(
    question: Annotated[CypherQuestion, Depends(question_of)],
    engines: Annotated[Engines, Depends(engines_of)],
    viewer: Annotated[Viewer, Depends(viewer_of)],
) -> Response:
    """Ask the graph."""
    require_operator(viewer, "Cypher")
    told = await engine_of(engines.answers).ask(question.query, question.parameters)
    nodes, edges = node_rows(told), edge_rows(told)
    return json_answer(
        {
            "columns": told.columns,
            "rows": told.rows,
            "notices": told.notices,
            "nodes": _frame(NODE_COLUMNS, nodes) if nodes else None,
            "edges": _frame(EDGE_COLUMNS, edges) if nodes else None,
        }
    )


def _frame(columns: tuple[Column, ...], rows: list[list[object]]) -> dict[str, object]:
    return {"columns": [column.name for column in columns], "rows": rows}

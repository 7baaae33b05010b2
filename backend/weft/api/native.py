"""Weft's own API. Its tables are the catalogue's: route, typed parameters and typed rows of each come from there."""

from collections.abc import AsyncIterator, Mapping, Sequence
from types import GenericAlias
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from weft.answers import catalog
from weft.answers.annotations import annotations
from weft.answers.people import require_operator
from weft.answers.tables import Ask, Column, Param, Table
from weft.api.adhoc import read_filters
from weft.api.asking import Asking, is_table, series_answer, table_answer
from weft.api.engines import Engines, engines_of
from weft.api.fabric_view import (
    FabricAnswer,
    FabricDiff,
    FoldedFabric,
    fabric_answer,
    fabric_diff,
    folded_fabric,
)
from weft.api.forms import positive, read_json
from weft.api.frames import cell
from weft.api.identity import viewer_of
from weft.base.access import Viewer
from weft.base.errors import BadRequest
from weft.base.intervals import Interval, parse_moment
from weft.metrics import times, wire
from weft.metrics.evaluate import Rendered

router = APIRouter(prefix="/api/v1", tags=["Weft"])

EnginesDep = Annotated[Engines, Depends(engines_of)]
ViewerDep = Annotated[Viewer, Depends(viewer_of)]

ROWS = 1000
"""Rows of an answer when `limit` says nothing."""

ROUTES: Mapping[str, str] = {
    "/jobs": "jobs",
    "/jobs/{job}": "job",
    "/jobs/{job}/hosts": "job_hosts",
    "/jobs/{job}/ports": "job_ports",
    "/jobs/{job}/cables": "job_cables",
    "/jobs/{job}/switches": "job_switches",
    "/jobs/{job}/placement": "placement",
    "/jobs/{job}/placement/swaps": "placement_swaps",
    "/jobs/{job}/placement/rails": "placement_rails",
    "/jobs/{job}/hops": "hops",
    "/jobs/{job}/hops/matrix": "hop_matrix",
    "/jobs/{job}/neighbours": "job_neighbours",
    "/jobs/{job}/states": "job_states",
    "/jobs/{job}/imbalance": "imbalance",
    "/compare": "compare",
    "/states": "state_timeline",
    "/totals": "totals",
    "/hosts": "hosts",
    "/switches": "switches",
    "/ports": "ports",
    "/links": "links",
    "/cables": "cables",
    "/cables/{cable:path}": "cable_history",
    "/fabric/changes": "fabric_changes",
    "/fabric/vanished": "vanished",
    "/fabric/degraded": "degraded",
    "/fabric/levels": "levels",
    "/fabric/flapping": "flapping",
    "/fabric/wiring": "wiring",
    "/fabric/behind": "behind",
    "/sources": "sources",
}
"""Path -> table of the catalogue; a name in braces is that parameter."""

TYPES: Mapping[str, Any] = {"string": str, "number": float, "time": int, "boolean": bool}
SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "time": {"type": "string"},
    "list": {"type": "array", "items": {"type": "string"}},
}
A_TIME = "ISO 8601, epoch s or ms, or Graphite's -1h"


class ColumnTold(BaseModel):
    """A column; a time is epoch ms, what is not known null."""

    name: str
    type: str
    doc: str
    unit: str


class ParamTold(BaseModel):
    """A parameter; `choices`: all it can be; `options`: what suggests values."""

    name: str
    type: str
    doc: str
    required: bool
    choices: list[str]
    options: str


class TableTold(BaseModel):
    """A table of the catalogue; `example` can be asked as it stands."""

    name: str
    doc: str
    operators: bool = Field(description="True: not for users")
    columns: list[ColumnTold]
    params: list[ParamTold]
    example: str


class Question(BaseModel):
    """What /query asks."""

    model_config = ConfigDict(extra="ignore")

    q: str = Field(description="A table with arguments (`jobs user=alice`) or a Graphite expression")
    params: dict[str, Any] = Field(default_factory=dict, description="More arguments of the table")
    from_: str | int = Field(0, alias="from", description=A_TIME)
    to: str | int = Field("now", description=A_TIME)
    max_data_points: int | None = Field(None, alias="maxDataPoints", ge=1)
    limit: int = Field(ROWS, ge=1, le=100_000)
    filters: list[dict[str, Any]] = Field(
        default_factory=list, description="A dashboard's ad hoc filters: {key, operator, value}"
    )


MEMBERS = {field.alias or name for name, field in Question.model_fields.items()}


class Event(BaseModel):
    """An event; `timeEnd` null: an instant, or still going on."""

    time: int
    time_end: int | None = Field(serialization_alias="timeEnd")
    title: str
    text: str
    tags: list[str]


class Events(BaseModel):
    """Events, newest first."""

    rows: list[Event]
    notices: list[str]


@router.get("/tables", summary="The catalogue: every table with its columns and parameters")
async def tables(viewer: ViewerDep) -> list[TableTold]:
    """Editors are driven by this; a user's list leaves out what is for operators."""
    return [_told(table) for table in catalog.TABLES.values() if viewer.operator or not table.operators]


async def question_of(request: Request) -> Question:
    """The question in a body, or in the query string: there, what is no member of one is an argument of the table.

    The body is read as every other one is: FastAPI's own reading lets half characters (`\\ud800`) in.
    """
    told: dict[str, Any] = dict(request.query_params)
    if request.method == "POST":
        told = await read_json(request)
    else:
        told["params"] = {name: told.pop(name) for name in set(told) - MEMBERS}
    try:
        return Question.model_validate(told)
    except ValidationError as exc:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in exc.errors()]) from None


@router.get(
    "/query",
    summary="A table or series, whatever the text asks: /api/v1/query?q=jobs&user=alice",
    openapi_extra={
        "parameters": [
            {"name": name, "in": "query", "required": name == "q", "schema": schema}
            for name, schema in Question.model_json_schema()["properties"].items()
            if name not in {"params", "filters"}
        ]
    },
)
@router.post(
    "/query",
    summary="A table or series, whatever the text asks",
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": Question.model_json_schema()}}}
    },
)
async def query(
    question: Annotated[Question, Depends(question_of)], engines: EnginesDep, viewer: ViewerDep
) -> Response:
    """`{"columns", "rows", "notices"}` of a table; `{"series": [{"target", "tags", "datapoints"}], "notices"}` of an
    expression, points as `[value, epoch ms]`."""
    span = _span(engines, question.from_, question.to)
    filters = read_filters({"filters": question.filters})
    asking = Asking(engines, viewer, span, filters, question.max_data_points, question.limit)
    if is_table(question.q):
        told = await table_answer(asking, question.q, question.params)
        columns = [_column(column).model_dump() for column in told.table.columns]
        rows = [[cell(value) for value in row] for row in told.rows]
        return json_answer({"columns": columns, "rows": rows, "notices": told.notices})
    rendered = await series_answer(asking, question.q)
    return StreamingResponse(_series(rendered), media_type="application/json")


@router.get(
    "/fabric",
    summary="The fabric at a time: nodes and links",
    responses={200: {"model": FabricAnswer | FoldedFabric}},
)
async def fabric(
    engines: EnginesDep,
    viewer: ViewerDep,
    at: str | None = None,
    fabric: str | None = None,
    fold: Literal["leaf", "none"] = "none",
) -> Response:
    """`at`: ISO 8601, epoch s or ms, or Graphite's -1h; default now. `fold=leaf`: switches only, hosts as a number."""
    require_operator(viewer, "The whole fabric")
    at_ms = engines.clock() if at is None else _moment(engines, at)
    told = folded_fabric if fold == "leaf" else fabric_answer
    return json_answer(await told(engines.answers, fabric, at_ms))


@router.get("/fabric/diff", summary="What two times of the fabric differ in", responses={200: {"model": FabricDiff}})
async def diff(request: Request, engines: EnginesDep, viewer: ViewerDep, fabric: str | None = None) -> Response:
    """`from` and `to` (default now): ISO 8601, epoch s or ms, or Graphite's -1h."""
    require_operator(viewer, "The whole fabric")
    start = request.query_params.get("from")
    if not start:
        raise BadRequest("The first time is missing.", fix="Give from=-1d, and to= unless now is meant.")
    end = request.query_params.get("to") or "now"
    told = await fabric_diff(engines.answers, fabric, _moment(engines, start), _moment(engines, end))
    return json_answer(told)


@router.get("/annotations", summary="Job starts and ends, fabric changes")
async def events(request: Request, engines: EnginesDep, viewer: ViewerDep, query: str = "") -> Events:
    """`query`: `jobs user=alice`, `changes kind=link_down`, nothing for both, or `logs severity:err job=4711`; `from`,
    `to` and `limit` as elsewhere."""
    asked = dict(request.query_params)
    ask, _ = ask_of(engines, viewer, asked)
    found, notices = await annotations(engines.answers, ask, query)
    rows = [Event(time=e.at_ms, time_end=e.end_ms, title=e.title, text=e.text, tags=list(e.tags)) for e in found]
    return Events(rows=rows, notices=notices)


def add_table_route(path: str, table: Table) -> None:
    """Serve a table of the catalogue: parameters from URL and query string, rows as objects."""

    async def rows(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
        given = {
            name: values[0] if len(values) == 1 else values
            for name in request.query_params
            for values in [request.query_params.getlist(name)]
        }
        ask, arguments = ask_of(engines, viewer, {**given, **request.path_params})
        data = await catalog.run(engines.answers, table.name, arguments, ask)
        names = [column.name for column in table.columns]
        told = [dict(zip(names, map(cell, row), strict=True)) for row in data.rows]
        return json_answer({"rows": told, "notices": data.notices} | ({"cursor": data.cursor} if table.paged else {}))

    in_path = {param.name for param in table.params if f"{{{param.name}" in path}
    router.add_api_route(
        path,
        rows,
        name=f"{table.name} {path}",
        summary=table.doc,
        description="For operators only." if table.operators else "A user sees their own jobs and those jobs' hosts.",
        responses={200: {"model": _model(table), "description": "Rows, and what the reader must know about them."}},
        openapi_extra={"parameters": [*(parameter(p, p.name in in_path) for p in table.params), *WINDOW_PARAMETERS]},
    )


WINDOW_PARAMETERS: Sequence[Mapping[str, Any]] = (
    {"name": "from", "in": "query", "schema": {"type": "string"}, "description": f"{A_TIME}; default: everything."},
    {"name": "to", "in": "query", "schema": {"type": "string"}, "description": f"{A_TIME}; default now."},
    {"name": "limit", "in": "query", "schema": {"type": "integer", "default": ROWS}, "description": "Most rows."},
)


def ask_of(engines: Engines, viewer: Viewer, given: Mapping[str, Any]) -> tuple[Ask, dict[str, Any]]:
    """Window and limit of a request, and the rest of its parameters."""
    rest = {name: value for name, value in given.items() if name not in {"from", "to", "limit"}}
    span = _span(engines, given.get("from") or 0, given.get("to") or "now")
    return Ask(viewer, span, engines.clock(), positive(given.get("limit"), "limit") or ROWS), rest


def _span(engines: Engines, start: str | int, end: str | int) -> Interval:
    """`[from, to]` as an interval. Raises BadRequest: not a time, or from after to."""
    from_ms, to_ms = _moment(engines, start), _moment(engines, end)
    if from_ms > to_ms:
        raise BadRequest(f"from={start} is after to={end}.", fix="Exchange them.")
    return Interval(from_ms, to_ms + 1)


def _moment(engines: Engines, value: str | int) -> int:
    zone, now_ms = engines.site.zone, engines.clock()
    try:
        return parse_moment(str(value), zone)
    except BadRequest:
        return now_ms if value == "now" else times.parse_time(str(value), zone, now_ms // 1000) * 1000


async def _series(rendered: Rendered) -> AsyncIterator[bytes]:
    yield b'{"series":'
    async for chunk in wire.paced(wire.simplejson(wire.Answer(one, tags=one.tags) for one in rendered.series)):
        yield chunk
    yield b',"notices":' + orjson.dumps(rendered.notices) + b"}"


def json_answer(value: object) -> Response:
    return Response(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")


def _told(table: Table) -> TableTold:
    words = [f'{key}="{value}"' if " " in str(value) else f"{key}={value}" for key, value in table.example.items()]
    return TableTold(
        name=table.name,
        doc=table.doc,
        operators=table.operators,
        columns=[_column(column) for column in table.columns],
        params=[
            ParamTold(
                name=param.name,
                type=param.type,
                doc=param.doc,
                required=param.required,
                choices=list(param.choices),
                options=param.options,
            )
            for param in table.params
        ],
        example=" ".join([table.name, *words]),
    )


def _column(column: Column) -> ColumnTold:
    return ColumnTold(name=column.name, type=column.type, doc=column.doc, unit=column.unit)


def _model(table: Table) -> type[BaseModel]:
    """The answer of a table's route as a model, for the documentation; rows themselves never become models."""
    fields: dict[str, Any] = {
        column.name: (
            TYPES[column.type] | None,
            Field(None, description=" ".join(filter(None, (column.doc, _measure(column)))) or None),
        )
        for column in table.columns
    }
    row = create_model(f"{table.name}_row", **fields)
    answer: dict[str, Any] = {"rows": (GenericAlias(list, row), ...), "notices": (list[str], ...)}
    if table.paged:
        answer["cursor"] = (str | None, Field(None, description="Asks for the rows after these; null at the end."))
    return create_model(table.name, **answer)


def _measure(column: Column) -> str:
    return "Epoch ms." if column.type == "time" else f"In {column.unit}." if column.unit else ""


def parameter(param: Param, in_path: bool) -> dict[str, Any]:
    schema = dict(SCHEMAS[param.type]) | (
        {"enum": list(param.choices)} if param.choices and param.type != "list" else {}
    )
    told = {
        "name": param.name,
        "in": "path" if in_path else "query",
        "required": in_path or param.required,
        "schema": schema,
        "description": param.doc + (" Several: with commas." if param.type == "list" else ""),
    }
    return told | ({"explode": False} if param.type == "list" else {})


for _path, _name in ROUTES.items():
    add_table_route(_path, catalog.TABLES[_name])

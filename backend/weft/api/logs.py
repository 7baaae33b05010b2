"""Log lines over HTTP: searched, counted over time, by field and value, and what stands around a line."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from weft.answers import logs
from weft.answers.log_tables import CURSOR, SOUGHT
from weft.answers.requests import convert
from weft.answers.tables import Ask, Param
from weft.api.engines import Engines
from weft.api.native import WINDOW_PARAMETERS, EnginesDep, ViewerDep, ask_of, json_answer, parameter
from weft.base.access import Viewer
from weft.logs.fields import field_named
from weft.logs.store import LogLine, Place

router = APIRouter(prefix="/api/v1/logs", tags=["Logs"])

OLDEST = Param("oldest", "boolean", "Oldest first.", default=False)
STEP = Param("step", "number", "Seconds; default: at most 100 steps.")
AROUND = (
    Param("cursor", doc="Of the line, as a search told it.", required=True),
    Param("query", doc="Which lines count; default all of its host."),
)


class Line(BaseModel):
    """A log line; what is not known is null."""

    time: int = Field(description="Epoch ms.")
    host: str | None
    program: str | None
    severity: str | None = Field(description="RFC 5424's keyword: emerg alert crit err warning notice info debug.")
    message: str
    fields: dict[str, str | int | float | bool] = Field(description="What else the line says.")
    source: str = Field(description="The format it was read from.")
    id: str
    cursor: str = Field(description="Where it stands.")


class Lines(BaseModel):
    """Lines; `at_least`: more than `total` match; `cursor`: where to go on, null at the end."""

    rows: list[Line]
    total: int
    at_least: bool
    cursor: str | None
    notices: list[str]


class Step(BaseModel):
    """Lines in one step."""

    time: int = Field(description="Its begin, epoch ms.")
    lines: int


class Steps(BaseModel):
    """Lines over time, steps without any included; steps begin at multiples of their length."""

    rows: list[Step]
    step_ms: int
    total: int
    notices: list[str]


class Known(BaseModel):
    """A field; a keyword is compared whole, a text by its words."""

    name: str
    type: str


class KnownFields(BaseModel):
    """Fields of every line first."""

    rows: list[Known]
    notices: list[str]


class Value(BaseModel):
    """A value, and how many lines have it."""

    value: str
    lines: int


class Values(BaseModel):
    """The commonest values; `lines`: how many have the field at all."""

    rows: list[Value]
    lines: int
    notices: list[str]


class Around(BaseModel):
    """A line, and those of its host before and after it, oldest first."""

    before: list[Line]
    line: Line
    after: list[Line]
    notices: list[str]


def documented(params: Sequence[Param]) -> dict[str, Any]:
    """The parameters of a route, for its documentation."""
    return {"parameters": [*(parameter(one, False) for one in params), *WINDOW_PARAMETERS]}


def told_of(request: Request, engines: Engines, viewer: Viewer, params: Sequence[Param]) -> tuple[Ask, dict[str, Any]]:
    """Window, limit and typed parameters of a request. Raises BadRequest."""
    query = request.query_params
    given = {name: values[0] if len(values) == 1 else values for name in query for values in [query.getlist(name)]}
    ask, rest = ask_of(engines, viewer, given)
    return ask, convert(request.url.path, params, rest, engines.site.zone)


@router.get(
    "/search",
    summary="Log lines, newest first",
    responses={200: {"model": Lines}},
    openapi_extra=documented((*SOUGHT, CURSOR, OLDEST)),
)
async def search(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """`query` in Lucene's language, as in Kibana; a user sees lines of their runs' hosts while they ran."""
    ask, told = told_of(request, engines, viewer, (*SOUGHT, CURSOR, OLDEST))
    cursor, oldest = told.pop("cursor", None), told.pop("oldest")
    what = await logs.sought(engines.answers, ask, **told)
    hits = await logs.search(engines.answers, ask, what, cursor=cursor, oldest=oldest)
    rows = [line_object(line) for line in hits.lines]
    answer = {"rows": rows, "total": hits.total, "at_least": hits.at_least, "cursor": hits.cursor}
    return json_answer({**answer, "notices": hits.notices})


@router.get(
    "/histogram",
    summary="How many log lines match, over time",
    responses={200: {"model": Steps}},
    openapi_extra=documented((*SOUGHT, STEP)),
)
async def histogram(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """An open window is cut to the days that lines are kept of."""
    ask, told = told_of(request, engines, viewer, (*SOUGHT, STEP))
    step_s = told.pop("step", None)
    found = await logs.counts(engines.answers, await logs.sought(engines.answers, ask, **told), step_s)
    rows = [{"time": found.start_ms + n * found.step_ms, "lines": count} for n, count in enumerate(found.counts)]
    answer = {"rows": rows, "step_ms": found.step_ms, "total": sum(found.counts), "notices": found.notices}
    return json_answer(answer)


@router.get(
    "/fields",
    summary="Fields that matching lines have",
    responses={200: {"model": KnownFields}},
    openapi_extra=documented(SOUGHT),
)
async def fields(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """What can stand before a `:` in a query."""
    ask, told = told_of(request, engines, viewer, SOUGHT)
    what = await logs.sought(engines.answers, ask, **told)
    known = await engines.site.logs.fields(what.query)
    return json_answer({"rows": [{"name": one.name, "type": one.type} for one in known], "notices": what.notices})


@router.get(
    "/fields/{field}",
    summary="The commonest values of a field among matching lines",
    responses={200: {"model": Values}},
    openapi_extra=documented(SOUGHT),
)
async def values(request: Request, engines: EnginesDep, viewer: ViewerDep, field: str) -> Response:
    """host, program, severity, source, or one of the lines' own; `limit` of them."""
    ask, told = told_of(request, engines, viewer, SOUGHT)
    what = await logs.sought(engines.answers, ask, **told)
    found = await engines.site.logs.top(what.query, field_named(field), ask.limit)
    rows = [{"value": value, "lines": count} for value, count in found.values]
    return json_answer({"rows": rows, "lines": found.lines, "notices": [*what.notices, *found.notices]})


@router.get(
    "/context",
    summary="What its host logged right before and after a line",
    responses={200: {"model": Around}},
    openapi_extra=documented(AROUND),
)
async def context(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """`limit` lines on each side."""
    ask, told = told_of(request, engines, viewer, AROUND)
    found = await logs.context(engines.answers, ask, **told)
    before, after = ([line_object(line) for line in side] for side in (found.before, found.after))
    answer = {"before": before, "line": line_object(found.line), "after": after, "notices": found.notices}
    return json_answer(answer)


def line_object(line: LogLine) -> dict[str, Any]:
    """A line as JSON has it."""
    return {
        "time": line.at_ms,
        "host": line.host or None,
        "program": line.program or None,
        "severity": line.severity or None,
        "message": line.message,
        "fields": dict(line.fields),
        "source": line.source,
        "id": line.id,
        "cursor": Place.of(line).cursor,
    }

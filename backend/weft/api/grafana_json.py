"""The HTTP contract of Grafana's JSON data sources: SimpleJSON 1.4.3 and simPod 0.2 to 0.6.

Sources: the clients' own code. What differs between them is read here and nowhere else: `data` or `payload`, `target`
as a table request or a Graphite expression, `adhocFilters` or `filters`, annotations by their own call or by /query,
variables by /search or /variable.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from weft.answers.annotations import Annotation, annotations
from weft.answers.tables import Column
from weft.api import frames, pickers
from weft.api.adhoc import read_filters
from weft.api.asking import Asking, is_table, series_answer, table_answer
from weft.api.engines import Engines, engines_of
from weft.api.forms import positive, read_json
from weft.api.identity import viewer_of
from weft.base.access import Viewer
from weft.base.errors import BadRequest, ServiceError
from weft.base.intervals import Interval
from weft.metrics import wire
from weft.metrics.series import Series

router = APIRouter(prefix="/json", tags=["Grafana JSON data sources"])

EnginesDep = Annotated[Engines, Depends(engines_of)]
ViewerDep = Annotated[Viewer, Depends(viewer_of)]
Member = wire.Answer | Mapping[str, Any]

ANNOTATION = "Anno"
"""The refId under which Grafana asks annotations through /query (simPod since 0.3)."""

ANNOTATION_COLUMNS = (
    Column("time", "time"),
    Column("timeEnd", "time"),
    Column("title", "string"),
    Column("text", "string"),
    Column("tags", "string"),
)
"""What Grafana takes an event from; it splits tags at commas."""

_CHOICES = re.compile(r"\(([^()'\",]*\|[^()'\",]*)\)")
_QUOTED = re.compile(r"(\"[^\"]*\"|'[^']*')")
_ESCAPED = re.compile(r"\\([^A-Za-z0-9\s])")


@dataclass(frozen=True, slots=True)
class Target:
    """One target of a panel. `extra`: what the builder or the additional JSON says; `table`: its type is table."""

    ref_id: str
    text: str
    extra: Mapping[str, Any]
    table: bool


@router.get("", summary="Health")
async def health(viewer: ViewerDep) -> Response:
    """200 is what both plugins' "Save & test" wait for."""
    return answer({"status": "ok"})


@router.post("/query", summary="Series, tables and annotations of a panel")
async def query(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """One member a series or table. A target that fails beside others that answer is told in a notice."""
    body = await read_json(request)
    targets = read_targets(body)
    span = frames.range_of(body)
    if span is None:
        raise BadRequest("The request has no time range.", fix='Send {"range": {"from": ..., "to": ...}}.')
    asking = Asking(engines, viewer, span, read_filters(body), positive(body.get("maxDataPoints"), "maxDataPoints"))
    members: list[Member] = []
    failed: list[tuple[Target, ServiceError]] = []
    for target in targets:
        try:
            members += await answer_target(asking, target)
        except ServiceError as exc:
            failed.append((target, exc))
    if failed and len(failed) == len(targets):
        raise failed[0][1]
    members += [frames.empty_frame(t.text, t.ref_id, [str(exc)], "error") for t, exc in failed]
    return StreamingResponse(wire.paced(wire.simplejson(members)), media_type="application/json")


@router.post("/annotations", summary="Events, as SimpleJSON and simPod to 0.2 ask for them")
async def events(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Events of `annotation.query`: `jobs user=alice`, `changes kind=link_down`, or empty for both."""
    body = await read_json(request)
    asked = body.get("annotation")
    text = str(asked.get("query") or "") if isinstance(asked, dict) else ""
    asking = asking_of(body, engines, viewer, limit=1000)
    found, _ = await annotations(engines.answers, asking.ask(), text)
    return answer([event(one) for one in found])


@router.post("/search", summary="Names while one types, and values of variables (SimpleJSON, simPod to 0.5)")
async def search(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """A whole table or list (`users`, `job_hosts job=4711`) gives its values, any other text the names it begins."""
    body = await read_json(request)
    asking = asking_of(body, engines, viewer)
    text, extra = variable_of(body)
    if text in pickers.LISTS or is_table(text):
        return answer(await pickers.values(asking, text, extra))
    return answer(await pickers.typed(asking, text))


@router.post("/variable", summary="Values of a variable (simPod since 0.4)")
async def variable(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """`payload` is `{"target": "<what is typed>"}` or the user's own JSON: `{"target": "jobs", "user": "alice"}`."""
    body = await read_json(request)
    told = body.get("payload")
    text, extra = variable_of(told if isinstance(told, dict) else {"target": told})
    found = await pickers.values(asking_of(body, engines, viewer), text, extra)
    return answer([{"__text": value, "__value": value} for value in found])


@router.post("/metrics", summary="Metrics of the builder, with their parameters (simPod since 0.6)")
async def metrics(request: Request, viewer: ViewerDep) -> Response:
    """Every table of the catalogue, and `graphite` for an expression."""
    body = await read_json(request)
    return answer(pickers.metrics(viewer, str(body.get("metric") or "")))


@router.post("/metric-payload-options", summary="Values of a builder's field (simPod since 0.6)")
@router.post("/options", include_in_schema=False)
async def payload_options(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """`/options` is what the betas of 0.6.0 call it."""
    body = await read_json(request)
    found = await pickers.payload_options(
        asking_of(body, engines, viewer), str(body.get("metric") or ""), str(body.get("name") or "")
    )
    return answer([{"value": value, "label": value} for value in found])


@router.post("/tag-keys", summary="Keys of ad hoc filters")
async def tag_keys(viewer: ViewerDep) -> Response:
    """Columns that a table can be filtered by and whose values are known."""
    return answer([{"type": "string", "text": key} for key in pickers.filter_keys()])


@router.post("/tag-values", summary="Values of an ad hoc filter's key")
async def tag_values(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Of the asked time where the client sends it (Grafana since 10), else of all time."""
    body = await read_json(request)
    asking = asking_of({"range": body.get("timeRange")}, engines, viewer)
    found = await pickers.filter_values(asking, str(body.get("key") or ""))
    return answer([{"text": value} for value in found])


def answer(value: object) -> Response:
    """A small JSON answer."""
    return Response(orjson.dumps(value), media_type="application/json")


def asking_of(body: Mapping[str, Any], engines: Engines, viewer: Viewer, limit: int = frames.MOST_NAMES) -> Asking:
    """Who asks about the range of the body, or about all time up to now where it has none."""
    return Asking(engines, viewer, frames.range_of(body) or Interval(0, engines.clock() + 1), limit=limit)


def read_targets(body: Mapping[str, Any]) -> list[Target]:
    """Targets that are to be answered, in order; hidden ones and the editor's placeholder are not.

    Raises:
        BadRequest: no targets in the body, or one that is no object.
    """
    told = body.get("targets")
    if not isinstance(told, list):
        raise BadRequest("The request asks nothing: it has no 'targets'.", fix="Send what Grafana's JSON plugins send.")
    found: list[Target] = []
    for one in told:
        if not isinstance(one, dict):
            raise BadRequest(f"A target is no object: {one!r}.", fix='Send {"refId": "A", "target": "jobs"}.')
        text, extra = one.get("target"), {**extra_of(one.get("data")), **extra_of(one.get("payload"))}
        if one.get("hide") or text is None or text == "select metric":
            continue
        if text == pickers.EXPRESSION and "target" in extra:
            text = extra.pop("target")
        ref_id = str(one.get("refId") or "A")
        if str(text).strip() or ref_id == ANNOTATION:
            found.append(Target(ref_id, str(text).strip(), extra, one.get("type") == "table"))
    return found


def extra_of(told: object) -> dict[str, Any]:
    """What a target says beside its text: an object, or the text of one as simPod to 0.5 can send it.

    Raises:
        BadRequest: any other text.
    """
    if isinstance(told, str) and told.strip():
        try:
            told = orjson.loads(told)
        except orjson.JSONDecodeError:
            raise BadRequest(f"The payload is not JSON: {told}", fix='Write an object: {"user": "alice"}.') from None
    return {str(key): chosen(value) for key, value in told.items()} if isinstance(told, dict) else {}


def chosen(value: Any) -> Any:
    """A value as the user chose it: the plugins put variables in as patterns, `(a|b)` for two and `a\\.b` for a.b."""
    if not isinstance(value, str):
        return value
    plain = _ESCAPED.sub(r"\1", value)
    if found := _CHOICES.fullmatch(plain):
        return found[1].split("|")
    return plain


def variable_of(told: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The text of a variable or search, and what the user's own JSON says beside it."""
    text = _CHOICES.sub(_with_commas, _ESCAPED.sub(r"\1", str(told.get("target") or "").strip()))
    ours = {"target", "type", "range", "rangeRaw"}
    return text, {key: chosen(value) for key, value in told.items() if key not in ours}


async def answer_target(asking: Asking, target: Target) -> list[Member]:
    """The members that answer one target."""
    if target.ref_id == ANNOTATION:
        return [await _annotation_table(asking, target)]
    if is_table(target.text):
        text = _CHOICES.sub(_with_commas, target.text)
        told = await table_answer(asking, text, target.extra)
        return [frames.table_frame(told.table.columns, told.rows, target.ref_id, told.notices)]
    text = expression(target.text)
    rendered = await series_answer(asking, text)
    if not rendered.series:
        return [frames.empty_frame(text, target.ref_id, rendered.notices)]
    if target.table:
        return [_series_table(rendered.series, target.ref_id, rendered.notices)]
    first = frames.meta_of(rendered.notices).get("meta", {})
    return [
        wire.Answer(series, target.ref_id, meta=first if place == 0 else {})
        for place, series in enumerate(rendered.series)
    ]


def expression(text: str) -> str:
    """A Graphite expression in which the plugin's patterns for chosen values, `(a|b)`, are Graphite's `{a,b}`.

    Patterns in quotes are arguments of functions and stay.
    """
    parts = _QUOTED.split(text)
    parts[::2] = [_CHOICES.sub(lambda found: "{" + found[1].replace("|", ",") + "}", part) for part in parts[::2]]
    return "".join(parts)


def event(one: Annotation) -> dict[str, Any]:
    """An event as /annotations gives it; with `timeEnd` it is a region."""
    told: dict[str, Any] = {"time": one.at_ms, "title": one.title, "text": one.text, "tags": list(one.tags)}
    return told if one.end_ms is None else {**told, "timeEnd": one.end_ms}


async def _annotation_table(asking: Asking, target: Target) -> Member:
    """Events as the table that Grafana makes them from again; `annotations` before the query may be left out."""
    text = target.text.removeprefix("annotations").strip()
    found, notices = await annotations(asking.engines.answers, asking.ask(), text)
    rows = [[one.at_ms, one.end_ms, one.title, one.text, ",".join(one.tags)] for one in found]
    return frames.table_frame(ANNOTATION_COLUMNS, rows, target.ref_id, notices)


def _series_table(series: list[Series], ref_id: str, notices: list[str]) -> Member:
    """Series in a table panel: a row a point, gaps left out."""
    columns = (Column("time", "time"), Column("series", "string"), Column("value", "number"))
    rows = [
        [(one.start_s + place * one.step_s) * 1000, one.name, value]
        for one in series
        for place, value in enumerate(one.values.tolist())
        if value == value
    ]
    return frames.table_frame(columns, rows, ref_id, notices)


def _with_commas(found: re.Match[str]) -> str:
    return found[1].replace("|", ",")

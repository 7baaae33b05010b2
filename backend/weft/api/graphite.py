"""Graphite's HTTP API as Grafana's data source calls it, from the browser and from the server (alerting).

Sources: Grafana's graphite data source (both paths), graphite-web 1.1's views for what other tools ask. Its `jsonp` is
left out on purpose: with it any page in an operator's browser could read what loopback may see.
"""

from collections.abc import Iterable
from datetime import tzinfo
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from weft.answers.annotations import annotations
from weft.answers.tables import Ask
from weft.api.engines import Engines, engines_of
from weft.api.forms import Form, read_form
from weft.api.identity import viewer_of
from weft.base.access import Viewer
from weft.base.errors import BadRequest
from weft.base.intervals import Interval
from weft.metrics import times, wire
from weft.metrics.functions import registry
from weft.metrics.series import Window
from weft.metrics.store import Found

router = APIRouter(prefix="/graphite", tags=["Graphite"])

VERSION = "1.1.10"
"""The graphite-web whose answers these are. A JSON string: Grafana's server decodes it, its browser takes any text."""

DAY = "-24h"
"""graphite-web's default for `from`."""

NOTICE_CHARACTERS = 2000
"""Servers in between refuse headers of more than some kilobytes."""

EnginesDep = Annotated[Engines, Depends(engines_of)]
ViewerDep = Annotated[Viewer, Depends(viewer_of)]


@router.get("/render", summary="Series, as Graphite renders them")
@router.post("/render", summary="Series, as Graphite renders them")
async def render(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameters (URL or form): target (repeatable), from, until, format=json, maxDataPoints, tz, xFilesFactor,
    noNullPoints. No series matches: `[]`, with the reason in the header X-Weft-Notice."""
    form = await read_form(request)
    targets = form.all("target")
    if not targets:
        raise BadRequest("No target.", fix="Give target=switch.*.*.PortXmitData or any other Graphite expression.")
    kind = form.one("format") or "json"
    if kind != "json":
        raise BadRequest(f"format={kind} does not exist here.", fix="Use format=json; Grafana draws the pictures.")
    zone = zone_of(form, engines)
    rendered = await engines.series.render(
        targets,
        window_of(form, engines, zone),
        viewer,
        zone=zone,
        max_points=form.whole("maxDataPoints"),
        x_files_factor=share(form, "xFilesFactor"),
    )
    chunks = wire.graphite_json(rendered.series, no_nulls=form.flag("noNullPoints"))
    notices = rendered.notices or ([] if rendered.series else ["No series matches these targets in this time."])
    return StreamingResponse(wire.paced(chunks), media_type="application/json", headers=notice_header(notices))


@router.get("/metrics/find", summary="Nodes of the tree below a pattern")
@router.post("/metrics/find", summary="Nodes of the tree below a pattern")
@router.get("/metrics", include_in_schema=False)
@router.post("/metrics", include_in_schema=False)
async def find(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameters: query, from, until, format=treejson|completer; from and until may stand in the URL while the
    query is in the body."""
    form = await read_form(request)
    query = form.one("query")
    if query is None:
        raise BadRequest("No query.", fix="Give query=* for the roots, or query=switch.* for what lies below.")
    kind = form.one("format") or "treejson"
    if kind not in {"treejson", "completer"}:
        raise BadRequest(f"format={kind} does not exist here.", fix="Use treejson (the default) or completer.")
    if kind == "completer":
        query = query.replace("..", ".*.")
        query = query if query.endswith("*") else f"{query}*"
    window = window_of(form, engines, zone_of(form, engines))
    found = await engines.series.find(query, window, viewer)
    return answer(tree_json(query, found) if kind == "treejson" else completer_json(found))


@router.get("/metrics/expand", summary="Paths that patterns match")
@router.post("/metrics/expand", summary="Paths that patterns match")
async def expand(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameters: query (repeatable), leavesOnly, groupByExpr, from, until."""
    form = await read_form(request)
    queries = form.all("query")
    if not queries:
        raise BadRequest("No query.", fix="Give query=switch.leaf01.*")
    window = window_of(form, engines, zone_of(form, engines))
    results = await engines.series.expand(
        queries, window, viewer, leaves_only=form.flag("leavesOnly"), group_by_expr=form.flag("groupByExpr")
    )
    return answer({"results": results})


@router.get("/functions", summary="Functions of the engine, for Grafana's editor")
async def functions(request: Request, viewer: ViewerDep) -> Response:
    """graphite-web's description of every function; `grouped=1` sorts them into groups."""
    form = await read_form(request)
    told = registry.described()
    if not form.flag("grouped"):
        return answer(told)
    groups: dict[str, dict[str, Any]] = {}
    for name, function in told.items():
        groups.setdefault(function["group"], {})[name] = function
    return answer(groups)


@router.get("/version", summary="The graphite-web release whose answers these are")
async def version(viewer: ViewerDep) -> Response:
    """A JSON string: valid for both of Grafana's paths."""
    return Response(orjson.dumps(VERSION), media_type="application/json")


@router.get("/events/get_data", summary="Job starts and ends, fabric changes")
async def events(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameters: from, until, tags (blank separated; all must match, or with set=union any)."""
    form = await read_form(request)
    window = window_of(form, engines, zone_of(form, engines))
    # Both bounds count here, unlike in /render.
    ask = Ask(viewer, Interval(window.from_s * 1000, (window.until_s + 1) * 1000), engines.clock())
    told, _ = await annotations(engines.answers, ask)
    wanted = frozenset(" ".join(form.all("tags")).replace(",", " ").split())
    known = wanted & {tag for event in told for tag in event.tags}
    # graphite-web drops tags that no event has from the condition, unless that leaves nothing of it.
    wanted = known or wanted
    anyone = form.one("set") == "union"
    kept = [one for one in told if not wanted or (wanted & set(one.tags) if anyone else wanted <= set(one.tags))]
    body = [
        {"id": number, "when": one.at_ms // 1000, "what": one.title, "data": one.text, "tags": list(one.tags)}
        for number, one in enumerate(sorted(kept, key=lambda one: one.at_ms), 1)
    ]
    return answer(body)


@router.get("/tags/autoComplete/tags", summary="Tag names")
@router.get("/tags/autoComplete/values", summary="Tag values")
async def tags(viewer: ViewerDep) -> Response:
    """Weft stores no tags yet: an empty list, whatever is asked (Grafana's server sends from=undefined, limit=0)."""
    return answer([])


def window_of(form: Form, engines: Engines, zone: tzinfo) -> Window:
    """The time a request spans: any of Graphite's forms, by default the last day.

    Raises:
        BadRequest: not a time, or from is not before until.
    """
    now_s = engines.clock() // 1000
    from_s = times.parse_time(form.one("from") or DAY, zone, now_s)
    until_s = times.parse_time(form.one("until") or "now", zone, now_s)
    if from_s >= until_s:
        raise BadRequest(
            f"from={form.one('from')} is not before until={form.one('until') or 'now'}.", fix="Exchange them."
        )
    return Window(from_s, until_s, now_s)


def zone_of(form: Form, engines: Engines) -> tzinfo:
    """The zone in which `midnight` and dates are meant: tz, or the site's. Raises BadRequest: no such zone."""
    name = form.one("tz")
    if name is None:
        return engines.site.zone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadRequest(f"tz={name} is not a time zone.", fix="Give one like Europe/Berlin or UTC.") from None


def share(form: Form, name: str) -> float:
    """A number from 0 to 1, 0 when not said. Raises BadRequest."""
    value = form.one(name)
    if value is None:
        return 0.0
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise BadRequest(f"{name}={value} is not a share.", fix="Give a number from 0 to 1.")
    return number


def tree_json(query: str, found: Iterable[Found]) -> list[dict[str, Any]]:
    """graphite-web's tree nodes, branches first. Switches are 0 and 1: Grafana's server refuses true and false.

    `id` keeps the pattern above the last node, and what has one name below several branches is one node.
    """
    above = query[: query.rfind(".") + 1]
    names = {(not node.leaf, node.path.rpartition(".")[2]) for node in found}
    return [
        {
            "text": name,
            "id": above + name,
            "allowChildren": int(branch),
            "expandable": int(branch),
            "leaf": int(not branch),
            "context": {},
        }
        for branch, name in sorted(names, key=lambda pair: (not pair[0], pair[1]))
    ]


def completer_json(found: Iterable[Found]) -> dict[str, Any]:
    """graphite-web's answer to its own completer: a branch's path ends in a dot, `is_leaf` is text."""
    return {
        "metrics": [
            {
                "path": node.path if node.leaf else f"{node.path}.",
                "name": node.path.rpartition(".")[2],
                "is_leaf": str(int(node.leaf)),
            }
            for node in found
        ]
    }


def answer(value: object) -> Response:
    """A small JSON answer."""
    return Response(orjson.dumps(value), media_type="application/json")


def notice_header(notices: Iterable[str]) -> dict[str, str]:
    """The header X-Weft-Notice; headers are ASCII and short."""
    text = " | ".join(" ".join(notice.split()) for notice in notices)[:NOTICE_CHARACTERS]
    return {"x-weft-notice": text.encode("ascii", "replace").decode()} if text else {}

"""Graphite's HTTP API as Grafana's data source calls it, from the browser and from the server (alerting).

Sources: Grafana's graphite data source (both paths), graphite-web 1.1.10's views for what other tools ask. Pictures,
and Python's pickle, are left out.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import numpy as np
import orjson
from fastapi import APIRouter, Depends, Request, Response

from weft.api import graphite_events, graphite_tags
from weft.api.engines import Engines, engines_of
from weft.api.forms import read_form
from weft.api.graphite_asking import (
    JSON,
    answer,
    callback_of,
    members_of,
    names_json,
    notice_header,
    share,
    streamed,
    window_of,
    zone_of,
)
from weft.api.identity import viewer_of
from weft.base.access import Viewer
from weft.base.errors import BadRequest, UnknownName
from weft.metrics import wire
from weft.metrics.functions import registry
from weft.metrics.series import Series
from weft.metrics.store import Found

router = APIRouter(prefix="/graphite", tags=["Graphite"])
router.include_router(graphite_events.router)
router.include_router(graphite_tags.router)

VERSION = "1.1.10"
"""The graphite-web whose answers these are. A JSON string: Grafana's server decodes it, its browser takes any text."""

FORMATS = ("json", "csv", "raw", "msgpack")
WORK = {"json": 8, "pretty": 70, "csv": 75, "raw": 40, "msgpack": 3}
"""What it costs to write a point and to send it, see `metrics.budget`."""
FAR, FAR_WORK = 1e100, 130
"""For numbers this far from 1, up or down, Python takes longer to find the shortest text, by so much."""
CSV_LETTERS = 4
"""Letters of a name in each line of CSV that cost as much as a point in a function."""
FIND_FORMATS = ("treejson", "completer", "json", "msgpack")
MSGPACK = "application/x-msgpack"

ANY_TIME = "-1"
"""What graphite-web's own pages say as `from` and `until` of a find."""

EnginesDep = Annotated[Engines, Depends(engines_of)]
ViewerDep = Annotated[Viewer, Depends(viewer_of)]


@router.get("/render", summary="Series, as Graphite renders them")
@router.post("/render", summary="Series, as Graphite renders them")
async def render(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameters (URL or form): target (repeatable), from, until, now, tz, format=json|csv|raw|msgpack, xFilesFactor,
    template[name]; for JSON also maxDataPoints, noNullPoints, pretty, jsonp (for pages of this host). cacheTimeout and
    noCache are taken and change nothing: no answer is kept. No series matches: `[]`, with the reason in the header
    X-Weft-Notice."""
    form = await read_form(request)
    targets = form.all("target") or form.all("target[]")
    if not targets:
        raise BadRequest("No target.", fix="Give target=switch.*.*.PortXmitData or any other Graphite expression.")
    kind = form.one("format") or ("raw" if form.one("rawData") else "json")
    if kind not in FORMATS or form.one("graphType") == "pie":
        what = f"format={kind}" if kind not in FORMATS else "graphType=pie"
        raise BadRequest(
            f"{what} does not exist here.", fix=f"Use format={', '.join(FORMATS)}; Grafana draws the pictures."
        )
    callback = callback_of(request, form) if kind == "json" else None
    zone = zone_of(form, engines)
    window = window_of(form, engines, zone)
    if window.from_s == window.until_s:
        raise BadRequest("from and until are the same time.", fix="Give an until after from.")
    x_files_factor = share(form, "xFilesFactor")
    rendered = await engines.series.render(
        targets,
        window,
        viewer,
        zone=zone,
        # graphite-web thins out for JSON only: whoever takes the rest wants all there is.
        max_points=form.whole("maxDataPoints") if kind == "json" else None,
        x_files_factor=x_files_factor,
        template=members_of(form, "template"),
        written=work_of("pretty" if kind == "json" and form.flag("pretty") else kind),
    )
    series = rendered.series
    headers = notice_header(rendered.notices or ([] if series else ["No series matches these targets in this time."]))
    match kind:
        case "csv":
            return streamed(wire.graphite_csv(series, zone), "text/csv; charset=utf-8", headers)
        case "raw":
            return streamed(wire.graphite_raw(series), "text/plain; charset=utf-8", headers)
        case "msgpack":
            return streamed(wire.graphite_msgpack(series, x_files_factor), MSGPACK, headers)
        case _:
            write = wire.graphite_pretty if form.flag("pretty") else wire.graphite_json
            return streamed(write(series, no_nulls=form.flag("noNullPoints")), JSON, headers, callback)


@router.get("/metrics/find", summary="Nodes of the tree below a pattern")
@router.post("/metrics/find", summary="Nodes of the tree below a pattern")
@router.get("/metrics", include_in_schema=False)
@router.post("/metrics", include_in_schema=False)
async def find(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameters: query, from, until, format=treejson|completer|json|msgpack, leavesOnly, wildcards (`*` as a node of
    its own), automatic_variants (`a,b` is `{a,b}`); from and until may stand in the URL while the query is in the body.
    """
    form = await read_form(request)
    query = form.one("query")
    if query is None:
        raise BadRequest("No query.", fix="Give query=* for the roots, or query=switch.* for what lies below.")
    kind = form.one("format") or "treejson"
    if kind not in FIND_FORMATS:
        raise BadRequest(f"format={kind} does not exist here.", fix=f"Use {', '.join(FIND_FORMATS)}.")
    pattern = completed(query, variants=form.flag("automatic_variants")) if kind == "completer" else query
    window = window_of(form, engines, zone_of(form, engines), unsaid=ANY_TIME)
    missing: list[str] = []
    found = await engines.series.find(pattern, window, viewer, missing.append)
    headers = notice_header(missing)
    if form.flag("leavesOnly"):
        found = [node for node in found if node.leaf]
    if kind == "msgpack":
        return Response(wire.msgpack(nodes_for_peers(found, [0, window.now_s])), media_type=MSGPACK, headers=headers)
    if kind == "json":
        return answer(request, form, nodes_for_peers(found, {"start": 0, "end": window.now_s}), headers)
    wildcards = form.flag("wildcards")
    if kind == "completer":
        return answer(request, form, completer_json(found, wildcards=wildcards), headers)
    return answer(request, form, tree_json(query, found, wildcards=wildcards), headers)


@router.get("/metrics/expand", summary="Paths that patterns match")
@router.post("/metrics/expand", summary="Paths that patterns match")
async def expand(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameters: query (repeatable), leavesOnly, groupByExpr, from, until."""
    form = await read_form(request)
    queries = form.all("query")
    if not queries:
        raise BadRequest("No query.", fix="Give query=switch.leaf01.*")
    window = window_of(form, engines, zone_of(form, engines))
    missing: list[str] = []
    results = await engines.series.expand(
        queries,
        window,
        viewer,
        missing.append,
        leaves_only=form.flag("leavesOnly"),
        group_by_expr=form.flag("groupByExpr"),
    )
    return answer(request, form, {"results": results}, notice_header(missing))


@router.get("/metrics/index.json", summary="Every stored series")
@router.post("/metrics/index.json", include_in_schema=False)
async def index(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """All names, sorted; without virtual ones, which are other names of the same series."""
    form = await read_form(request)
    callback = callback_of(request, form)
    missing: list[str] = []
    names = await engines.site.metrics.expand("**", missing.append)
    return streamed(names_json(names), JSON, notice_header(missing), callback)


@router.get("/functions", summary="Functions of the engine, for Grafana's editor")
@router.get("/functions/", include_in_schema=False)
async def functions(request: Request, viewer: ViewerDep) -> Response:
    """graphite-web's description of every function. Parameters: grouped=1 (by group), group=Combine (only that one),
    type=pie (those that only a pie chart uses, in place of the others)."""
    form = await read_form(request)
    told = registry.described(pie=form.one("type") == "pie")
    if (group := form.one("group")) is not None:
        told = {name: function for name, function in told.items() if function["group"] == group}
    if not form.flag("grouped"):
        return answer(request, form, told)
    groups: dict[str, dict[str, Any]] = {}
    for name, function in told.items():
        groups.setdefault(function["group"], {})[name] = function
    return answer(request, form, groups)


@router.get("/functions/{name}", summary="One function of the engine")
async def function(name: str, request: Request, viewer: ViewerDep) -> Response:
    """graphite-web's description of a function; `type=pie` as above."""
    form = await read_form(request)
    told = registry.described(pie=form.one("type") == "pie")
    if name not in told:
        raise UnknownName(f"Function not found: {name[:60]}.", fix=registry.nearest(name, told))
    return answer(request, form, told[name])


@router.get("/version", summary="The graphite-web release whose answers these are")
async def version(viewer: ViewerDep) -> Response:
    """A JSON string: valid for both of Grafana's paths."""
    return Response(orjson.dumps(VERSION), media_type="application/json")


def work_of(kind: str) -> Callable[[Series], int]:
    """What it costs to write a series in a format."""
    if kind in ("json", "msgpack"):
        return lambda one: len(one.values) * WORK[kind] + len(one.name)

    def work(one: Series) -> int:
        size = np.abs(one.values)
        far = int(np.count_nonzero((size > FAR) | ((size < 1 / FAR) & (size > 0))))
        letters = len(one.name) // CSV_LETTERS if kind == "csv" else 0
        return len(one.values) * (WORK[kind] + letters) + len(one.name) + far * FAR_WORK

    return work


def completed(query: str, *, variants: bool) -> str:
    """What graphite-web looks for when somebody has typed this far."""
    query = query.replace("..", "*.")
    query = query if query.endswith("*") else f"{query}*"
    if not variants:
        return query
    return ".".join(f"{{{node}}}" if "," in node and "{" not in node else node for node in query.split("."))


def tree_json(query: str, found: Sequence[Found], *, wildcards: bool = False) -> list[dict[str, Any]]:
    """graphite-web's tree nodes, branches first. Switches are 0 and 1: Grafana's server refuses true and false.

    `id` keeps the pattern above the last node, and what has one name below several branches is one node. What is a
    branch and a series is two, which graphite-web tells by chance as the one or the other.
    """
    above = query[: query.rfind(".") + 1]
    names = sorted({(node.leaf, node.path.rpartition(".")[2]) for node in found})
    if wildcards and len(found) > 1:
        names.insert(0, (all(leaf for leaf, _ in names), "*"))
    return [
        {
            "text": name,
            "id": above + name,
            "allowChildren": int(not leaf),
            "expandable": int(not leaf),
            "leaf": int(leaf),
        }
        for leaf, name in names
    ]


def completer_json(found: Sequence[Found], *, wildcards: bool = False) -> dict[str, Any]:
    """graphite-web's answer to its own completer: by name, a branch's path ends in a dot, `is_leaf` is text."""
    nodes = [
        {
            "path": node.path if node.leaf else f"{node.path}.",
            "name": node.path.rpartition(".")[2],
            "is_leaf": str(int(node.leaf)),
        }
        for node in found
    ]
    nodes.sort(key=lambda node: node["name"])
    return {"metrics": [*nodes, {"name": "*"}] if wildcards and len(nodes) > 1 else nodes}


def nodes_for_peers(found: Iterable[Found], ever: object) -> list[dict[str, Any]]:
    """What another Graphite asks of nodes, by path. A leaf also has the times in which it may hold values: `ever`,
    since no file is opened to narrow them."""
    return [
        {"path": path, "is_leaf": True, "intervals": [ever]} if leaf else {"path": path, "is_leaf": False}
        for path, leaf in sorted(found)
    ]

"""Graphite's tags: what there is to choose from, which series have them, and what carbon tells of new ones.

Sources: graphite-web 1.1.10, `tags/views.py`, `tags/base.py`; Grafana's two ways of asking (its server sends every key,
`from=undefined`, empty prefixes, `limit=0`).
"""

import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from weft.answers.people import require_operator
from weft.api.engines import Engines, engines_of
from weft.api.forms import Form, read_form
from weft.api.graphite_asking import (
    JSON,
    answer,
    callback_of,
    known_page,
    names_json,
    notice_header,
    streamed,
    window_of,
    zone_of,
)
from weft.api.identity import viewer_of
from weft.base.access import Viewer
from weft.base.errors import BadRequest, Forbidden
from weft.metrics.series import Window
from weft.metrics.tags import TagExpression, met, tag_expressions, tagged_name

router = APIRouter(prefix="/tags", tags=["Graphite"])

LIMIT = 100
"""Suggestions, where nothing else is asked for: graphite-web's TAGDB_AUTOCOMPLETE_LIMIT."""
POSTED = frozenset({"tagSeries", "tagMultiSeries", "delSeries"})
"""No tags: what changes something, which a GET does not."""
MOST_CHARACTERS = 4096
"""Of the name of a series."""

_OPEN_METRICS = re.compile(r'(?P<name>[^{]+)\{(?P<tags>.*"),?\}')
_PAIR = re.compile(r'(?P<tag>[^=]+)="(?P<value>(?:\\["\\]|[^"\\])+)"(?:,|$)')
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_HOW_TO = 'Write metric;tag=value;tag=value, or metric{tag="value"}.'

EnginesDep = Annotated[Engines, Depends(engines_of)]
ViewerDep = Annotated[Viewer, Depends(viewer_of)]


@router.get("", summary="Every tag")
@router.get("/", include_in_schema=False)
async def tags(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameters: filter (a regular expression, from the tag's beginning), limit, from, until, pretty, jsonp."""
    form = await read_form(request)
    missing: list[str] = []
    found = await engines.series.tagged.tags((), "", _window(form, engines), viewer, missing.append)
    told = [{"tag": tag} for tag in _filtered(form, found)]
    return answer(request, form, told[: form.whole("limit")], notice_header(missing))


@router.get("/autoComplete/tags", summary="Tags that suit")
@router.post("/autoComplete/tags", summary="Tags that suit")
async def complete_tags(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameters: expr (repeatable: tag=value, !=, =~ or !=~ a regular expression), tagPrefix, limit (100), from, until
    and, for people, pretty, jsonp. Tags of the series that meet every expr, but for those asked there."""
    form = await read_form(request)
    asked, prefix = _expressions(form), form.one("tagPrefix") or ""
    missing: list[str] = []
    found = await engines.series.tagged.tags(asked, prefix, _window(form, engines), viewer, missing.append)
    return answer(request, form, found[: form.whole("limit") or LIMIT], notice_header(missing))


@router.get("/autoComplete/values", summary="Values of a tag that suit")
@router.post("/autoComplete/values", summary="Values of a tag that suit")
async def complete_values(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameters: tag, valuePrefix, and as in autoComplete/tags expr, limit, from, until."""
    form = await read_form(request)
    tag, prefix = form.one("tag"), form.one("valuePrefix") or ""
    if tag is None:
        raise BadRequest("No tag.", fix="Give tag=host or any other that autoComplete/tags lists.")
    asked = _expressions(form, having=tag)
    missing: list[str] = []
    window, limit = _window(form, engines), form.whole("limit") or LIMIT
    found = await engines.series.tagged.values(tag, asked, prefix, window, viewer, missing.append, limit)
    values = [value for value, _ in found]
    return answer(request, form, values, notice_header(missing))


@router.get("/findSeries", summary="Series that have these tags")
@router.post("/findSeries", summary="Series that have these tags")
async def find_series(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameters: expr (repeatable), of which one must need a value; from, until, pretty, jsonp. Names, sorted."""
    form = await read_form(request)
    asked = _expressions(form)
    if not asked:
        raise BadRequest("No tag expression.", fix="Give expr=name=cpu, and more of them to narrow it down.")
    missing: list[str] = []
    found = await engines.series.tagged.find(asked, _window(form, engines), viewer, missing.append)
    if form.flag("pretty"):
        return answer(request, form, found, notice_header(missing))
    return streamed(names_json(found), JSON, notice_header(missing), callback_of(request, form))


@router.post("/tagSeries", summary="Have a series found by its tags")
async def tag_series(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameter: path. Answers the name with its tags sorted. For operators, and carbon.

    A series whose file is called so is found without it; one whose file is to come, or is called by a hash
    (TAG_HASH_FILENAMES), by this alone. It is kept when this answers, for every process.
    """
    path = (await _change(request, viewer)).one("path")
    if path is None:
        raise BadRequest("No path.", fix=_HOW_TO)
    name = canonical(path)
    await engines.tagging.tag([name], there=True)
    return answer(request, Form({}), name)


@router.post("/tagMultiSeries", summary="Have series found by their tags")
async def tag_multi_series(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameter: path (repeatable), each as in tagSeries. Answers the names, in order."""
    names = _names(await _change(request, viewer))
    await engines.tagging.tag(names, there=True)
    return answer(request, Form({}), names)


@router.post("/delSeries", summary="Have series found by their tags no more")
async def del_series(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameter: path (repeatable). Their files stay, and are read by their names. For operators."""
    await engines.tagging.tag(_names(await _change(request, viewer)), there=False)
    return answer(request, Form({}), True)


@router.get("/{tag:path}", summary="One tag, with its values")
async def tag_details(request: Request, tag: str, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameters as in /tags, filter is for the values. How many series have each; null: no series has this tag."""
    if tag in POSTED:
        raise HTTPException(405, headers={"Allow": "POST"})
    form = await read_form(request)
    missing: list[str] = []
    found = await engines.series.tagged.values(tag, (), "", _window(form, engines), viewer, missing.append)
    counts = dict(found)
    values = [{"value": value, "count": counts[value]} for value in _filtered(form, list(counts))]
    told = {"tag": tag, "values": values[: form.whole("limit")]} if counts else None
    return answer(request, form, told, notice_header(missing))


def canonical(path: str) -> str:
    """The name of a series with its tags sorted, from `metric;tag=value` or `metric{tag="value"}`.

    Raises:
        BadRequest: malformed, or nothing that a file could be called.
    """
    if len(path) > MOST_CHARACTERS or _UNWRITABLE.search(path):
        raise BadRequest(f"'{path[:60]}' cannot be the name of a series.", fix=_HOW_TO)
    metric, pairs = _open_metrics(path) if path.endswith('"}') and "{" in path else _carbon(path)
    tags = dict(pairs)
    bad = [tag for tag, value in tags.items() if not _fits(tag, value)]
    if bad or not metric.lstrip("~"):
        what = f"the tag '{bad[0][:60]}'" if bad else "the name"
        raise BadRequest(f"In '{path[:60]}', {what} cannot be kept.", fix=f"{_HOW_TO} A value begins with no ~.")
    return tagged_name({**tags, "name": metric.lstrip("~")})


def _carbon(path: str) -> tuple[str, list[tuple[str, str]]]:
    metric, *pairs = path.split(";")
    cut = [pair.partition("=") for pair in pairs]
    if not all(equals for _, equals, _ in cut):
        raise BadRequest(f"'{path[:60]}' has a tag without a value.", fix=_HOW_TO)
    return metric, [(tag, value) for tag, _, value in cut]


def _open_metrics(path: str) -> tuple[str, list[tuple[str, str]]]:
    found = _OPEN_METRICS.fullmatch(path)
    pairs: list[tuple[str, str]] = []
    at = 0
    while found is not None and at < len(found["tags"]):
        pair = _PAIR.match(found["tags"], at)
        if pair is None:
            found = None
            break
        pairs.append((pair["tag"], re.sub(r"\\([\"\\])", r"\1", pair["value"])))
        at = pair.end()
    if found is None:
        raise BadRequest(f"'{path[:60]}' has a tag that cannot be read.", fix=_HOW_TO)
    return found["name"], pairs


def _fits(tag: str, value: str) -> bool:
    return bool(tag and value) and not set(";!^=") & set(tag) and ";" not in value and not value.startswith("~")


async def _change(request: Request, viewer: Viewer) -> Form:
    """The form of a request that changes something. Raises Forbidden: its sender may not."""
    require_operator(viewer, "Changing what is found by tags")
    if "origin" in request.headers and not known_page(request):
        raise Forbidden("A page of another origin changes no tags.", fix="Add its origin to http.origins.")
    return await read_form(request)


def _names(form: Form) -> list[str]:
    paths = form.all("path") or form.all("path[]")
    if not paths:
        raise BadRequest("No path.", fix=_HOW_TO)
    return [canonical(path) for path in paths]


def _expressions(form: Form, having: str = "") -> Sequence[TagExpression]:
    """What is asked of tags; `having`: that there is this one, too."""
    texts = form.all("expr") or form.all("expr[]")
    return tag_expressions([*texts, f"{having}!="] if having else texts) if texts else ()


def _filtered(form: Form, values: Sequence[str]) -> list[str]:
    """Those that match the regular expression `filter` from their beginning; all where there is none."""
    pattern = form.one("filter")
    if pattern is None:
        return list(values)
    meets = met(TagExpression("filter", "=~", pattern), values)
    return [value for value, one in zip(values, meets, strict=True) if one]


def _window(form: Form, engines: Engines) -> Window:
    return window_of(form, engines, zone_of(form, engines))

"""Graphite's events: what happened is read at /events/get_data, and a note of what happened is posted to /events."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from weft.answers import events as happened
from weft.answers.people import require_operator
from weft.answers.tables import Ask
from weft.api.engines import Engines, engines_of
from weft.api.forms import read_form, read_json
from weft.api.graphite_asking import answer, known_page, notice_header, window_of, zone_of
from weft.api.identity import viewer_of
from weft.base.access import Viewer
from weft.base.errors import BadRequest, Forbidden
from weft.base.intervals import Interval
from weft.ingest.spooling import notes_entry
from weft.inventory.store import Note
from weft.metrics.times import LATEST_S

router = APIRouter(tags=["Graphite"])

MOST_CHARACTERS = 20_000
"""Of a note, all in all."""

HOW: dict[str | None, happened.How] = {"union": "any", "intersection": "exactly"}

EXAMPLE = 'Send {"what": "switch replaced", "tags": ["leaf01"], "data": "...", "when": 1795384800}.'

EnginesDep = Annotated[Engines, Depends(engines_of)]
ViewerDep = Annotated[Viewer, Depends(viewer_of)]


@router.get("/events/get_data", summary="Job starts and ends, fabric changes, notes, log lines")
@router.post("/events/get_data", summary="Job starts and ends, fabric changes, notes, log lines")
async def events(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """Parameters: from, until (both count), tags (blank separated: job, fabric, note, log, job:4711, user:alice, ...);
    all must match, or with set=union any. Log lines come only with the tag `log`."""
    form = await read_form(request)
    window = window_of(form, engines, zone_of(form, engines), since="0")
    # Both bounds count here, unlike in /render.
    ask = Ask(viewer, Interval(window.from_s * 1000, (window.until_s + 1) * 1000), engines.clock())
    tags = " ".join(form.all("tags")).replace(",", " ").split()
    found, notices = await happened.events(engines.answers, ask, tags, HOW.get(form.one("set"), "all"))
    body = [
        {"when": one.at_ms // 1000, "what": one.what, "data": one.data, "tags": list(one.tags), "id": number}
        for number, one in enumerate(found, 1)
    ]
    return answer(request, form, body, notice_header(notices))


@router.post("/events", summary="Keep a note of what happened")
async def post(request: Request, engines: EnginesDep, viewer: ViewerDep) -> Response:
    """A JSON object: what (required), tags (a list, or blank separated), data, when (epoch seconds, default now).

    For operators; everybody reads it. An empty 200, as from graphite-web, says that it is on disk; it is among the
    events a moment later. The same note twice is one.
    """
    require_operator(viewer, "Posting a note")
    if "origin" in request.headers and not known_page(request):
        # curl and scripts send any content type here, so that cannot tell them from a page in an operator's browser.
        raise Forbidden("A note from a page of another origin is not kept.", fix="Add its origin to http.origins.")
    note = note_in(await read_json(request), engines.clock())
    await engines.spool.append([notes_entry(f"a note of {viewer.who}", [note])])
    return Response()


def note_in(told: dict[str, Any], now_ms: int) -> Note:
    """The note of a posted object. Raises BadRequest: which member is wrong, and what to send."""
    what, data, tags, when = told.get("what"), told.get("data") or "", told.get("tags") or [], told.get("when")
    if not isinstance(what, str) or not what.strip():
        raise BadRequest("The note does not say 'what'.", fix=EXAMPLE)
    if not isinstance(data, str):
        raise BadRequest("The 'data' of a note is text.", fix=EXAMPLE)
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        tags = " ".join(tags)
    if not isinstance(tags, str):
        raise BadRequest("The 'tags' of a note are a list of texts, or one text.", fix=EXAMPLE)
    if when is None:
        when = now_ms / 1000
    if isinstance(when, bool) or not isinstance(when, int | float) or not 0 <= when <= LATEST_S:
        raise BadRequest("The 'when' of a note is in epoch seconds.", fix=EXAMPLE)
    if len(what) + len(data) + len(tags) > MOST_CHARACTERS:
        raise BadRequest(f"The note is longer than {MOST_CHARACTERS:,} characters.", fix="Shorten it.")
    return happened.note_of(int(when * 1000), what, data, tags.split())

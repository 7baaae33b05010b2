"""What runs, what is missing, what to ask: /healthz, /readyz, /api/v1/status and the page at /."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

import weft
from weft.api.engines import Engines, engines_of
from weft.api.identity import viewer_of
from weft.base.access import Viewer
from weft.base.errors import ServiceError, Unavailable, UnknownName
from weft.base.formats import counted
from weft.base.intervals import Interval, iso
from weft.base.spool import Depth
from weft.inventory.store import FabricSpan, RunFilter, SourceStatus
from weft.metrics.store import unheard

router = APIRouter(tags=["operation"])

PAGES = Path(__file__).parent / "pages"
OVERVIEW = PAGES / "overview"
"""The live picture of the fabric: made by `npm run overview` in grafana-plugin/, and absent where npm was."""

PLACE_OF_PICTURE = "<!-- overview -->"
NO_PICTURE = (
    '<p class="bare soft">No picture of the fabric: npm was not there when this Weft was set up. '
    "With Node 20 or newer, <code>make overview</code> draws it here.</p>"
)
PICTURE_FILES: Mapping[str, str] = {"overview.js": "text/javascript", "overview.css": "text/css"}

PAGE_POLICY = {
    # The pages are whole in themselves; a name from the fabric that holds markup must never run.
    "content-security-policy": "default-src 'none'; connect-src 'self'; img-src data:; "
    "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "cache-control": "no-cache",
}

EnginesDep = Annotated[Engines, Depends(engines_of)]
ViewerDep = Annotated[Viewer, Depends(viewer_of)]

PROBE_S = 2.8
"""An engine that takes longer to count its rows does not answer; people are told within 3 s."""

NAMED = 20
"""Files that cannot be read are named one by one up to this many."""


class Part(BaseModel):
    """One engine: whether it answers and what it holds, in one line."""

    name: str
    ok: bool
    text: str


class Source(BaseModel):
    """Something Weft reads: when it was last heard."""

    source: str
    heard_ms: int
    ok: bool
    text: str


class Spool(BaseModel):
    """What was handed in and waits to be applied."""

    entries: int
    bytes: int
    oldest_ms: int | None = Field(description="When the oldest entry was handed in, null: nothing waits")
    trouble: str | None = Field(description="Why the oldest one cannot be applied now")
    refused: int = Field(description="Entries that were put aside, as they can never be applied")


class Gap(BaseModel):
    """Something missing, and how to get it."""

    what: str
    fix: str


class Question(BaseModel):
    """A question that can be answered here and now."""

    question: str
    ask: str = Field(description="A table request or a Graphite target, as /api/v1/query takes it")
    span_s: int = Field(description="How far back to ask, 0: everything")


class Seen(BaseModel):
    """A fabric: when it was seen first and last."""

    name: str
    first_ms: int
    last_ms: int


class Status(BaseModel):
    """What runs, what is missing, what to ask."""

    version: str
    now_ms: int
    ready: bool
    fabrics: list[Seen]
    parts: list[Part]
    spool: Spool
    sources: list[Source]
    missing: list[Gap]
    questions: list[Question]


@router.get("/", include_in_schema=False)
async def home() -> Response:
    """The page that says what runs, what is missing and where to click, below the picture of the fabric."""
    return page("home.html")


@router.get("/overview/{name}", include_in_schema=False)
async def overview(name: str) -> Response:
    """What the picture on the page is drawn with."""
    kind, path = PICTURE_FILES.get(name), OVERVIEW / name
    if kind is None or not path.is_file():
        raise UnknownName(f"There is no /overview/{name}.", fix="Make it with `make overview`, which needs Node 20.")
    return Response(path.read_bytes(), media_type=kind, headers={"cache-control": "no-cache"})


@router.get("/docs", include_in_schema=False)
async def docs() -> Response:
    """The API for people, made by the browser from /openapi.json; nothing is loaded from elsewhere."""
    return page("docs.html")


@router.get("/healthz", summary="The process is up")
@router.head("/healthz", include_in_schema=False)
async def healthz() -> dict[str, str]:
    """Answers as long as the process runs, whatever its engines do."""
    return {"status": "up", "version": weft.__version__}


@router.get("/readyz", summary="The engines answer")
@router.head("/readyz", include_in_schema=False)
async def readyz(request: Request) -> Response:
    """200 when every engine answers; otherwise 503, which names those that do not."""
    engines: Engines | None = getattr(request.app.state, "engines", None)
    if engines is None:
        return JSONResponse({"message": "Weft is still opening its engines.", "error": Unavailable.code}, 503)
    failed = {part.name: part.text for part in await probe(engines) if not part.ok}
    if failed:
        said = "; ".join(f"{name}: {text}" for name, text in failed.items())
        return JSONResponse({"message": f"Not ready. {said}", "error": Unavailable.code, "engines": failed}, 503)
    return JSONResponse({"status": "ready"})


@router.get("/api/v1/status", summary="What runs, what is missing, what to ask")
async def status(engines: EnginesDep, viewer: ViewerDep) -> Status:
    """The facts of the page at /."""
    parts, depth = await asyncio.gather(probe(engines), engines.spool.depth())
    ready = all(part.ok for part in parts)
    now_ms = engines.clock()
    spooled = Part(name="Spool", ok=depth.drains(now_ms), text=depth.told(now_ms))
    amiss = [Gap(what=what, fix=fix) for what, fix in depth.amiss(now_ms)] if viewer.operator else []
    amiss += await unreadable(engines) if viewer.operator else []
    return Status(
        version=weft.__version__,
        now_ms=now_ms,
        ready=ready,
        fabrics=[Seen(name=one.name, first_ms=one.first_ms, last_ms=one.last_ms) for one in await seen(engines)],
        parts=[*parts, spooled],
        spool=spool_of(depth),
        sources=[source_of(one) for one in await engines.site.ledger.sources()] if ready else [],
        missing=amiss + (await gaps(engines) if ready else []),
        questions=await questions(engines, viewer) if ready else [],
    )


def page(name: str) -> HTMLResponse:
    """One of the pages, read anew so that a page being written is seen at once."""
    text = (PAGES / name).read_text(encoding="utf-8")
    if PLACE_OF_PICTURE in text:
        built = OVERVIEW / "overview.html"
        text = text.replace(PLACE_OF_PICTURE, built.read_text(encoding="utf-8") if built.is_file() else NO_PICTURE)
    return HTMLResponse(text, headers=PAGE_POLICY)


async def seen(engines: Engines) -> tuple[FabricSpan, ...]:
    """The fabrics, none while the inventory does not answer: the parts say why."""
    try:
        return tuple(await asyncio.wait_for(engines.answers.fabrics(), PROBE_S))
    except (ServiceError, TimeoutError):
        return ()


async def probe(engines: Engines) -> list[Part]:
    """Ask every engine what it holds, all at once."""
    asked: dict[str, Callable[[Engines], Awaitable[str]]] = {
        "Fabric": _fabric,
        "Jobs": _jobs,
        "Series": _series,
        "Log lines": _logs,
    }

    async def ask(name: str, question: Callable[[Engines], Awaitable[str]]) -> Part:
        try:
            return Part(name=name, ok=True, text=await asyncio.wait_for(question(engines), PROBE_S))
        except ServiceError as exc:
            return Part(name=name, ok=False, text=str(exc))
        except TimeoutError:
            return Part(name=name, ok=False, text=f"It did not answer within {PROBE_S:.1f} s.")

    return list(await asyncio.gather(*(ask(name, question) for name, question in asked.items())))


async def _fabric(engines: Engines) -> str:
    spans = await engines.answers.fabrics()
    if not spans:
        return "answers; no fabric is known yet"
    now_ms = engines.clock()
    return "; ".join(
        f"{one.name}: {counted(one.sweeps, 'sweep')}, the last at {iso(one.last_ms)}, {ago(now_ms - one.last_ms)} ago"
        for one in spans
    )


async def _jobs(engines: Engines) -> str:
    newest = (await engines.site.jobs.runs(RunFilter(), limit=1)).items
    if not newest:
        return "answers; no job is known yet"
    return f"the newest one known started at {iso(newest[0].key.start_ms or newest[0].submit_ms) or 'an unknown time'}"


async def _series(engines: Engines) -> str:
    roots = await engines.site.metrics.find("*", unheard)
    if not roots:
        return "answers; the tree is empty"
    named = ", ".join(found.path for found in roots[:6])
    return f"{counted(len(roots), 'root')} in the tree: {named}{' …' if len(roots) > 6 else ''}"


async def _logs(engines: Engines) -> str:
    held = await engines.site.logs.stats()
    return f"{counted(held.get('lines', 0), 'line')} of {counted(held.get('days', 0), 'day')}"


async def gaps(engines: Engines) -> list[Gap]:
    """What is not there, each with the way to get it."""
    found: list[Gap] = []
    fabrics = await engines.answers.fabrics()
    if not fabrics:
        found.append(Gap(what="No fabric is known.", fix="Import what ibnetdiscover prints: weft import FILE."))
    if not (await engines.site.jobs.runs(RunFilter(), limit=1)).items:
        found.append(Gap(what="No job is known.", fix="Import what `sacct -P` prints: weft import FILE."))
    if not await engines.site.metrics.find("*", unheard):
        found.append(
            Gap(
                what="No series are stored.",
                fix="Set metrics.path to your whisper tree, or import what `ibqueryerrors --counters` prints.",
            )
        )
    if not (await engines.site.logs.stats()).get("lines"):
        found.append(Gap(what="No log lines are kept.", fix="Import syslog files: weft import FILE."))
    for one in await engines.site.ledger.sources():
        if not one.ok:
            found.append(Gap(what=f"{one.source} failed at {iso(one.heard_ms)}: {one.text}", fix="See `weft check`."))
    return found


async def unreadable(engines: Engines) -> list[Gap]:
    """Files of series, and other Graphite servers, that this process was asked for and could not read."""
    known = await asyncio.to_thread(engines.site.metrics.unreadable)
    fix = "What it holds is answered as missing; mend it, or take it away."
    found = [Gap(what=f"{where} {why}.", fix=fix) for where, why in sorted(known.items())[:NAMED]]
    if len(known) > NAMED:
        more = f"{len(known) - NAMED:,} more files or servers of series cannot be read."
        found.append(Gap(what=more, fix="The log names them."))
    return found


async def questions(engines: Engines, viewer: Viewer) -> list[Question]:
    """Questions about what this site has, so that each one gives an answer."""
    asked: list[Question] = []

    def add(question: str, ask: str, span_s: int = 0) -> None:
        asked.append(Question(question=question, ask=ask, span_s=span_s))

    mine = RunFilter() if viewer.operator else RunFilter(users=(viewer.who,))
    runs = (await engines.site.jobs.runs(mine, limit=50)).items
    wide = next((run for run in runs if len(run.hosts) > 1), None)
    if runs:
        add("Which jobs ran, newest first?", "jobs")
    if wide:
        add(f"Which hosts did job {wide.label} have?", f"job_hosts job={wide.label}")
        add(f"Does its placement explain job {wide.label}?", f"placement job={wide.label}")
    fabrics = await engines.answers.fabrics()
    if fabrics and viewer.operator:
        add("What vanished?", "vanished")
        add("What changed in the fabric?", "fabric_changes")
        await _about_fabric(engines, await engines.answers.fabric(), add)
    return asked


async def _about_fabric(engines: Engines, span: FabricSpan, add: Callable[..., None]) -> None:
    window = Interval(0, engines.clock() + 1)
    moved = await engines.site.fabrics.changes(span.name, window, kinds=("cable_moved", "ends_exchanged"), limit=1)
    for change in moved.items:
        if change.cables:
            add("Where was the cable that moved last, and is that sure?", f"cable_history cable={change.cables[0]}")
    switches = sorted((await engines.answers.directory(span.name)).switches)
    if switches:
        add(f"What hangs on {switches[0]}?", f"ports switch={switches[0]}")
        add(
            f"What does {switches[0]} send, in 4-byte words a second?",
            f"perSecond(switch.{switches[0]}.*.PortXmitData)",
            3600,
        )


def spool_of(depth: Depth) -> Spool:
    """How deep the spool is, as the wire has it."""
    return Spool(
        entries=depth.entries,
        bytes=depth.bytes,
        oldest_ms=depth.oldest_ms,
        trouble=depth.trouble,
        refused=len(depth.refused),
    )


def source_of(status: SourceStatus) -> Source:
    """A source as the wire has it."""
    return Source(source=status.source, heard_ms=status.heard_ms, ok=status.ok, text=status.text)


def ago(span_ms: int) -> str:
    """A length of time in a sentence, in its largest unit."""
    seconds = max(0, span_ms // 1000)
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} seconds"

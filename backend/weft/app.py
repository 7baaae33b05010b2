"""The one place that chooses engines, and the application over them. Importing this connects to nothing."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import FastAPI

import weft
from weft.answers.answers import Answers
from weft.answers.names import InventoryNames
from weft.answers.site import Site
from weft.api import errors, grafana_json, graphite, native, status
from weft.api import logs as log_routes
from weft.api.engines import Engines, system_clock
from weft.api.gate import Gate
from weft.base.config import Metrics, Settings
from weft.ingest.importer import Importer
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.fabric import SqliteFabrics
from weft.inventory.sqlite.jobs import SqliteJobs
from weft.inventory.sqlite.ledger import SqliteLedger
from weft.inventory.sqlite.schema import HISTORY, SCHEMA
from weft.logs.tantivy import TantivyLogs
from weft.metrics.evaluate import Engine, Limits
from weft.metrics.whisper import WhisperStore
from weft.metrics.writer import WhisperWriter

LOCALTIME = Path("/etc/localtime")


@asynccontextmanager
async def open_engines(
    settings: Settings, *, owner: bool, clock: Callable[[], int] = system_clock
) -> AsyncIterator[Engines]:
    """Open the engines of a site below its data folder; closed again at the end.

    Args:
        owner: this process writes, and so has an importer; the caller holds the folder by `base.owner.own` then.
        clock: now, in epoch ms.
    Raises:
        Unavailable: an engine cannot be opened. BadSettings: a retention that whisper refuses.
    """
    zone = site_zone(settings.site.timezone)
    metrics = settings.metrics
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.open(settings.data / "inventory.db", SCHEMA))
        logs = await stack.enter_async_context(TantivyLogs.open(settings.data / "logs"))
        stored = await stack.enter_async_context(
            WhisperStore(settings.whisper_root, metrics.refresh_s, metrics.max_pattern)
        )
        inventory = settings.inventory
        fabrics = SqliteFabrics(
            database, absent_after=inventory.absent_after, quarantine_share=inventory.quarantine_share
        )
        jobs, ledger = SqliteJobs(database), SqliteLedger(database, HISTORY)
        site = Site(fabrics, jobs, ledger, stored, logs, settings.site, zone, metrics.virtual_prefix)
        answers = Answers(site)
        importer = None
        if owner:
            writer = WhisperWriter(settings.whisper_root, metrics.retention, stored.index)
            importer = Importer(fabrics, jobs, ledger, logs, writer, settings.site, zone, clock)
        series = Engine(stored, InventoryNames(answers), limits_of(metrics))
        yield Engines(settings, site, answers, series, importer, clock)


def create_app(settings: Settings, engines: Engines | None = None) -> FastAPI:
    """The application over one site.

    Args:
        engines: already open ones (their opener closes them); None: opened when the server starts, as a reader.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if engines is not None:
            yield
            return
        async with open_engines(settings, owner=False) as opened:
            app.state.engines = opened
            yield
            app.state.engines = None

    app = FastAPI(
        title="Weft",
        version=weft.__version__,
        description="What did this job do to the fabric, and what did the fabric do to this job?",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's page loads its scripts from elsewhere; /docs is ours and needs no internet
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.http = settings.http
    app.state.engines = engines
    errors.install(app)
    app.add_middleware(Gate, queue=settings.http.queue, origins=settings.http.origins)
    for router in (native.router, log_routes.router, grafana_json.router, graphite.router, status.router):
        app.include_router(router)
    return app


def limits_of(metrics: Metrics) -> Limits:
    """What one request may cost, as the site sets it."""
    return Limits(
        max_points=metrics.max_points,
        max_series=metrics.max_series,
        max_depth=metrics.max_depth,
        max_targets=metrics.max_targets,
        max_pattern=metrics.max_pattern,
        timeout_s=metrics.timeout_s,
    )


def site_zone(name: str) -> tzinfo:
    """The zone of this name; "": the machine's own, with its changes of clocks, and UTC where it has none."""
    wanted = name or os.environ.get("TZ", "").removeprefix(":")
    if wanted:
        try:
            return ZoneInfo(wanted)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return UTC
    try:
        with LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file, key="local")
    except (OSError, ValueError):
        return UTC

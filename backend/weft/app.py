"""The one place that chooses engines, and the application over them. Importing this connects to nothing."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import FastAPI

import weft
from weft.answers.answers import Answers
from weft.answers.events import InventoryEvents
from weft.answers.names import InventoryNames
from weft.answers.site import Site
from weft.answers.tags import InventoryTags
from weft.api import cypher, errors, grafana_json, graphite, intake, native, status
from weft.api import logs as log_routes
from weft.api.engines import Engines, system_clock
from weft.api.gate import Gate
from weft.base.config import Metrics, Settings
from weft.base.errors import BadSettings
from weft.base.spool import SPOOL, Spool
from weft.ingest.counters import CounterWriter
from weft.ingest.importer import Importer
from weft.ingest.spooling import Applier
from weft.inventory.rows import Archive
from weft.inventory.sqlite.archive import SqliteArchive
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.fabric import SqliteFabrics
from weft.inventory.sqlite.jobs import SqliteJobs
from weft.inventory.sqlite.ledger import SqliteLedger
from weft.inventory.sqlite.schema import SCHEMA
from weft.inventory.store import CypherEngine, FabricHistory, JobHistory, Ledger
from weft.logs.store import LogStore
from weft.logs.tantivy import TantivyLogs
from weft.metrics.carbon import Caches, addresses_of
from weft.metrics.carbon_writer import PATIENCE_S, CarbonWriter
from weft.metrics.evaluate import Engine
from weft.metrics.fresh import FreshStore
from weft.metrics.index import NameIndex
from weft.metrics.loading import Limits
from weft.metrics.store import SeriesStore
from weft.metrics.taglog import TAG_LOG, TagLog
from weft.metrics.tree import WhisperStore
from weft.metrics.writer import WhisperWriter

LOCALTIME = Path("/etc/localtime")


@dataclass(frozen=True, slots=True)
class Inventory:
    """The stores of one inventory, on one engine."""

    fabrics: FabricHistory
    jobs: JobHistory
    ledger: Ledger
    archive: Archive
    cypher: CypherEngine | None = None
    patience_s: float | None = None
    """How long a request waits for what is made of it for all."""


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
        inventory = await stack.enter_async_context(open_inventory(settings))
        logs = await stack.enter_async_context(open_logs(settings))
        tree = await stack.enter_async_context(
            WhisperStore(
                settings.whisper_root,
                metrics.refresh_s,
                metrics.max_pattern,
                metrics.max_points,
                tag_log=TagLog(settings.data / TAG_LOG),
            )
        )
        fresh = await stack.enter_async_context(with_caches(tree, settings))
        stored = await stack.enter_async_context(with_remotes(fresh, settings))
        fabrics, jobs, ledger = inventory.fabrics, inventory.jobs, inventory.ledger
        prefix, cypher, patience_s = metrics.virtual_prefix, inventory.cypher, inventory.patience_s
        site = Site(fabrics, jobs, ledger, stored, logs, settings.site, zone, prefix, cypher, patience_s)
        answers = Answers(site)
        importer = None
        if owner:
            writer = counter_writer(settings, tree.index)
            importer = Importer(fabrics, jobs, ledger, logs, writer, settings.site, zone, clock)
        names, tags, happened = InventoryNames(answers), InventoryTags(answers), InventoryEvents(answers)
        stack.push_async_callback(answers.close)
        stack.push_async_callback(tags.close)
        series = Engine(stored, names, limits_of(metrics), tags=tags, events=happened)
        yield Engines(settings, site, answers, series, importer, spool_of(settings), tree, clock)


def spool_of(settings: Settings) -> Spool:
    """The site's spool."""
    return Spool(settings.data / SPOOL, settings.spool.max_mb * 1_000_000)


def applier_of(engines: Engines) -> Applier:
    """What applies the spool of a site; for the owner of its data folder."""
    if engines.importer is None:
        raise TypeError("only an owner applies the spool")
    return Applier(engines.spool, engines.importer, engines.site.logs)


def open_inventory(settings: Settings) -> AbstractAsyncContextManager[Inventory]:
    """The stores of the inventory on the engine that the settings choose.

    Raises:
        BadSettings: its package is not installed, or the server refuses us. Unavailable: it cannot be opened.
    """
    return _open_sqlite(settings) if settings.inventory.engine == "sqlite" else _open_neo4j(settings)


@asynccontextmanager
async def _open_sqlite(settings: Settings) -> AsyncIterator[Inventory]:
    async with Database.open(settings.data / "inventory.db", SCHEMA) as database:
        absent_after, share = settings.inventory.absent_after, settings.inventory.quarantine_share
        fabrics = SqliteFabrics(database, absent_after=absent_after, quarantine_share=share)
        yield Inventory(fabrics, SqliteJobs(database), SqliteLedger(database), SqliteArchive(database))


@asynccontextmanager
async def _open_neo4j(settings: Settings) -> AsyncIterator[Inventory]:
    try:
        from weft.inventory.neo4j.archive import Neo4jArchive
        from weft.inventory.neo4j.cypher.engine import Neo4jCypher
        from weft.inventory.neo4j.fabric import Neo4jFabrics
        from weft.inventory.neo4j.graph import Graph
        from weft.inventory.neo4j.jobs import Neo4jJobs
        from weft.inventory.neo4j.ledger import Neo4jLedger
    except ModuleNotFoundError as exc:
        raise BadSettings(
            "inventory.engine is 'neo4j', and its driver is not installed.",
            fix="Install it with: pip install 'weft[neo4j]'",
        ) from exc
    async with Graph.open(settings.neo4j) as graph:
        names = settings.site.host_names
        absent_after, share = settings.inventory.absent_after, settings.inventory.quarantine_share
        fabrics = Neo4jFabrics(graph, absent_after=absent_after, quarantine_share=share, host_names=names)
        archive, cypher = Neo4jArchive(graph, names), Neo4jCypher(graph)
        yield Inventory(
            fabrics, Neo4jJobs(graph), Neo4jLedger(graph), archive, cypher, patience_s=settings.neo4j.timeout_s
        )


def open_logs(settings: Settings) -> AbstractAsyncContextManager[LogStore]:
    """The log store on the engine that the settings choose. Raises BadSettings: its package is not installed."""
    if settings.logs.engine == "tantivy":
        return TantivyLogs.open(settings.data / "logs")
    try:
        from weft.logs.elasticsearch import ElasticsearchLogs
    except ModuleNotFoundError as exc:
        raise BadSettings(
            "logs.engine is 'elasticsearch', and its client is not installed.",
            fix="Install it with: pip install 'weft[elasticsearch]'",
        ) from exc
    return ElasticsearchLogs.open(settings.elasticsearch)


@asynccontextmanager
async def with_caches(tree: WhisperStore, settings: Settings) -> AsyncIterator[SeriesStore]:
    """The tree with what the carbon-caches of the settings hold for it; the tree itself where there are none.

    Raises:
        BadSettings: an address that is none.
    """
    carbon = settings.carbon
    if not carbon.caches:
        yield tree
        return
    async with Caches(addresses_of(carbon.caches), carbon.replication, carbon.timeout_s) as caches:
        yield FreshStore(tree, settings.whisper_root, caches)


def counter_writer(settings: Settings, index: NameIndex) -> CounterWriter:
    """What writes counters: Weft itself into files, or carbon.

    Raises:
        BadSettings: a retention that whisper refuses, or an address that is none.
    """
    files = WhisperWriter(settings.whisper_root, settings.metrics.retention, index)
    carbon = settings.carbon
    if not carbon.write:
        return files
    addresses = addresses_of(carbon.caches)
    return CarbonWriter(carbon.write, files, lambda: Caches(addresses, carbon.replication, PATIENCE_S, quiet=True))


@asynccontextmanager
async def with_remotes(tree: SeriesStore, settings: Settings) -> AsyncIterator[SeriesStore]:
    """The tree and, as one with it, the other Graphite servers of the settings; the tree itself where there are none.

    Raises:
        BadSettings: a URL that is none.
    """
    if not settings.graphite.urls:
        yield tree
        return
    from weft.metrics.merged import MergedStore
    from weft.metrics.remote import RemoteStore

    metrics, timeout_s = settings.metrics, settings.graphite.timeout_s
    stores = [tree]
    async with AsyncExitStack() as stack:
        for url in settings.graphite.urls:
            remote = RemoteStore(
                url.get_secret_value(), timeout_s, metrics.refresh_s, metrics.max_points, metrics.max_pattern
            )
            stores.append(await stack.enter_async_context(remote))
        yield MergedStore(stores)


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
    app.state.intake = asyncio.Semaphore(intake.AT_ONCE)
    app.state.engines = engines
    errors.install(app)
    app.add_middleware(Gate, queue=settings.http.queue, origins=settings.http.origins)
    # Routes are tried in order: what dashboards ask every few seconds comes first.
    for door in (graphite, grafana_json, native, cypher, log_routes, intake, status):
        app.include_router(door.router)
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

"""Commands about the site itself: files read, its state checked, the server and the demo."""

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict
from datetime import tzinfo
from pathlib import Path
from socket import socket
from typing import Annotated

import typer

from weft.answers.warm import kept_warm
from weft.app import applier_of, create_app, open_engines, site_zone, spool_of
from weft.base.config import Settings, load_settings
from weft.base.errors import OwnedElsewhere, Unavailable
from weft.base.intervals import parse_moment
from weft.base.memory import frugal
from weft.base.owner import own, own_if_free
from weft.base.spool import now_ms
from weft.cli.check import Finding, check_answers, check_folder
from weft.cli.common import INVENTORY, AsJson, Config, Data, settings_of, tell
from weft.cli.render import report_object, show_findings, show_report
from weft.cli.serving import applying, bind, serve_until_stopped, url_of
from weft.cli.workers import watch_until_stopped
from weft.dashboards.publishing import publishing
from weft.ingest.handing import Door
from weft.ingest.importer import ImportReport

commands = typer.Typer()

Host = Annotated[str | None, typer.Option("--host", help="Address to listen on; default loopback.")]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port to listen on; default 8077.")]
Workers = Annotated[
    int, typer.Option("--workers", min=1, max=64, help="Processes that answer; with several, one more that imports.")
]
PATIENCE_S = 10.0
"""How long `weft import` waits for the next word of a server that owns the folder."""
DEMO_DATA, DEMO_SEED = Path("demo-data"), 324


@commands.command("import")
def import_(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders; each file is known by its content.")],
    seen_at: Annotated[str | None, typer.Option("--seen-at", help="When they were made, if they do not say.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Read dumps of a site's tools: ibnetdiscover, ibqueryerrors --counters, sacct -P, syslog."""
    # The report tells what the log would: once is enough.
    logging.getLogger("weft.ingest").setLevel(logging.CRITICAL)
    report = asyncio.run(_imported(settings_of(data, config), paths, seen_at))
    if as_json:
        print(json.dumps(report_object(report), ensure_ascii=False))
    else:
        show_report(report)
    for file in report.files:
        for notice in file.notices:
            tell(f"notice: {file.path}: {notice}")
    for file in report.files:
        if file.error:
            tell(f"error: {file.error}")
    if not report.ok:
        raise typer.Exit(1)


async def _imported(settings: Settings, paths: Sequence[Path], seen_at: str | None) -> ImportReport:
    with own_if_free(settings.data, "weft import") as owner:
        if owner is None:
            return await _imported_as_owner(settings, paths, seen_at)
    return await _handed_to(owner, settings, paths, seen_at)


async def _imported_as_owner(settings: Settings, paths: Sequence[Path], seen_at: str | None) -> ImportReport:
    """Apply what waits in the spool, then these files, then what others have put there meanwhile."""
    zone = site_zone(settings.site.timezone)
    async with AsyncExitStack() as stack:
        try:
            engines = await stack.enter_async_context(open_engines(settings, owner=True))
        except Unavailable as exc:
            return await _taken(Door(spool_of(settings), settings.site, zone, None, str(exc)), paths, seen_at, zone)
        applier, depth = applier_of(engines), await engines.spool.depth()
        if depth.entries:
            tell(f"First what waits in the spool: {depth.told(now_ms())}.")
        why = await applier.drain()
        door = Door(engines.spool, settings.site, zone, engines.importer if why is None else None, why or "")
        report = await _taken(door, paths, seen_at, zone)
        if why is None:
            await applier.drain()
        return report


async def _handed_to(
    owner: OwnedElsewhere, settings: Settings, paths: Sequence[Path], seen_at: str | None
) -> ImportReport:
    """Put these files into the spool and hear what their owner says; where it has gone, do its work."""
    zone = site_zone(settings.site.timezone)

    async def own_it() -> None:
        # What cannot be applied now is kept, and the report says so.
        with own_if_free(settings.data, "weft import") as other, suppress(Unavailable):
            if other is None:
                async with open_engines(settings, owner=True) as engines:
                    await applier_of(engines).drain()

    door = Door(spool_of(settings), settings.site, zone, None)
    return await door.heard(await _taken(door, paths, seen_at, zone), owner.what, PATIENCE_S, own_it)


async def _taken(door: Door, paths: Sequence[Path], seen_at: str | None, zone: tzinfo) -> ImportReport:
    # Here, so that a server does without.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    seen_at_ms = None if seen_at is None else parse_moment(seen_at, zone)
    shown = (BarColumn(20), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*shown, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=None)

        def progress(done: int, total: int, path: Path) -> None:
            bar.update(task, completed=done, total=total, description=path.name)

        return await door.import_paths(paths, seen_at_ms=seen_at_ms, progress=progress)


@commands.command()
def check(data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Find out why there is no data; exit status 1 when something is amiss."""
    settings = settings_of(data, config)
    findings = asyncio.run(_checked(settings))
    if as_json:
        print(json.dumps({"findings": [asdict(finding) for finding in findings]}, ensure_ascii=False))
    else:
        show_findings(findings)
    if any(finding.level == "amiss" for finding in findings):
        raise typer.Exit(1)


async def _checked(settings: Settings) -> list[Finding]:
    findings = check_folder(settings)
    if settings.inventory.engine == "sqlite" and not (settings.data / INVENTORY).exists():
        return findings
    try:
        async with open_engines(settings, owner=False) as engines:
            return findings + await check_answers(engines.answers, settings, engines.clock())
    except Unavailable as exc:
        return [*findings, Finding("amiss", exc.what, exc.fix)]


@commands.command()
def serve(host: Host = None, port: Port = None, workers: Workers = 1, data: Data = None, config: Config = None) -> None:
    """Serve Grafana and people over HTTP, until Ctrl-C."""
    frugal()
    settings = settings_of(data, config)
    listening = bind(host or settings.http.host, settings.http.port if port is None else port)
    asyncio.run(_served(settings, listening, workers))


async def _served(settings: Settings, listening: socket, workers: int) -> None:
    url = url_of(listening)
    with own(settings.data, f"weft serve at {url}"):
        async with (
            open_engines(settings, owner=True) as engines,
            applying(applier_of(engines)),
            publishing(engines.answers, settings, engines.clock),
        ):
            tell(f"Weft serves {settings.data} at {url}, until Ctrl-C.")
            if workers == 1:
                async with kept_warm(engines.answers, engines.clock):
                    await serve_until_stopped(create_app(settings, engines), listening)
            else:
                await watch_until_stopped(settings, listening, workers)


@commands.command()
def demo(
    data: Annotated[Path, typer.Option("--data", help="Folder for the site, made when it is not there.")] = DEMO_DATA,
    host: Host = None,
    port: Port = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another day of jobs.")] = DEMO_SEED,
    config: Config = None,
) -> None:
    """Make a small living site with a story, say what to ask it, and serve it until Ctrl-C."""
    from weft.demo.run import run_demo  # a server does without

    settings = load_settings(config, data)
    listening = bind(host or settings.http.host, settings.http.port if port is None else port)

    def say(text: str) -> None:
        print(text, flush=True)

    asyncio.run(run_demo(settings, seed, url_of(listening), lambda web: serve_until_stopped(web, listening), say))

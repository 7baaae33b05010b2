"""Commands about the site itself: files read, its state checked, the server and the demo."""

import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from socket import socket
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from weft.api.engines import Engines
from weft.app import create_app, open_engines
from weft.base.config import Settings, load_settings
from weft.base.intervals import parse_moment
from weft.base.owner import own
from weft.cli.check import Finding, check_answers, check_folder
from weft.cli.common import INVENTORY, AsJson, Config, Data, settings_of, tell
from weft.cli.render import report_object, show_findings, show_report
from weft.cli.serving import bind, serve_until_stopped, url_of
from weft.demo.run import DEMO_DATA, DEMO_SEED, run_demo
from weft.ingest.importer import ImportReport

commands = typer.Typer()

Host = Annotated[str | None, typer.Option("--host", help="Address to listen on; default loopback.")]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port to listen on; default 8077.")]
PROGRESS = (BarColumn(20), MofNCompleteColumn(), TextColumn("{task.description}"))


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
    logging.getLogger("weft.ingest.importer").setLevel(logging.CRITICAL)
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
    with own(settings.data, "weft import"):
        async with open_engines(settings, owner=True) as engines:
            return await _import_into(engines, paths, seen_at)


async def _import_into(engines: Engines, paths: Sequence[Path], seen_at: str | None) -> ImportReport:
    if engines.importer is None:
        raise TypeError("an owner without an importer")
    seen_at_ms = None if seen_at is None else parse_moment(seen_at, engines.site.zone)
    with Progress(*PROGRESS, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=None)

        def progress(done: int, total: int, path: Path) -> None:
            bar.update(task, completed=done, total=total, description=path.name)

        return await engines.importer.import_paths(paths, seen_at_ms=seen_at_ms, progress=progress)


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
    if not (settings.data / INVENTORY).exists():
        return findings
    async with open_engines(settings, owner=False) as engines:
        return findings + await check_answers(engines.answers, settings, engines.clock())


@commands.command()
def serve(host: Host = None, port: Port = None, data: Data = None, config: Config = None) -> None:
    """Serve Grafana and people over HTTP, until Ctrl-C."""
    settings = settings_of(data, config)
    listening = bind(host or settings.http.host, settings.http.port if port is None else port)
    asyncio.run(_served(settings, listening))


async def _served(settings: Settings, listening: socket) -> None:
    url = url_of(listening)
    with own(settings.data, f"weft serve at {url}"):
        async with open_engines(settings, owner=True) as engines:
            tell(f"Weft serves {settings.data} at {url}, until Ctrl-C.")
            await serve_until_stopped(create_app(settings, engines), listening)


@commands.command()
def demo(
    data: Annotated[Path, typer.Option("--data", help="Folder for the site, made when it is not there.")] = DEMO_DATA,
    host: Host = None,
    port: Port = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another day of jobs.")] = DEMO_SEED,
    config: Config = None,
) -> None:
    """Make a small living site with a story, say what to ask it, and serve it until Ctrl-C."""
    settings = load_settings(config, data)
    listening = bind(host or settings.http.host, settings.http.port if port is None else port)

    def say(text: str) -> None:
        print(text, flush=True)

    asyncio.run(run_demo(settings, seed, url_of(listening), lambda web: serve_until_stopped(web, listening), say))

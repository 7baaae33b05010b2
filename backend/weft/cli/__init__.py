"""The command line: questions answered from `answers/catalog.py`, files imported, a site checked and served."""

import asyncio
import json
import logging
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from socket import socket
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from typer.exceptions import TyperException

from weft.answers import catalog
from weft.answers.tables import Ask
from weft.api.engines import Engines
from weft.app import create_app, open_engines
from weft.base.access import LOCAL
from weft.base.config import Settings, load_settings
from weft.base.errors import BadRequest, ServiceError
from weft.base.intervals import Interval, parse_moment
from weft.base.owner import own
from weft.cli.check import Finding, check_answers, check_folder
from weft.cli.render import Answer, Section, as_object, report_object, show, show_findings, show_report
from weft.cli.serving import bind, serve_until_stopped, url_of
from weft.demo.run import DEMO_DATA, DEMO_SEED, run_demo
from weft.ingest.importer import ImportReport

INVENTORY = "inventory.db"
AHEAD_MS = 3_600_000
"""How far a window without an end reaches over now, for what a host with a fast clock has said."""

app = typer.Typer(
    name="weft",
    help="Joins metrics, logs and inventory of an HPC site by job, host, port, cable and time.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

Data = Annotated[Path | None, typer.Option("--data", help="Folder of inventory, logs and metrics.")]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file; default DATA/weft.toml if it is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: every column, times in epoch ms.")]
From = Annotated[str | None, typer.Option("--from", help="Not before: ISO 8601 or epoch seconds.")]
To = Annotated[str | None, typer.Option("--to", help="Before: ISO 8601 or epoch seconds.")]
At = Annotated[str | None, typer.Option("--at", help="When: ISO 8601 or epoch seconds; default now.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many rows.")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on; default loopback.")]
JobId = Annotated[str, typer.Argument(help="4711, 4711_5 of an array, 4711+1, cluster:4711.")]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port to listen on; default 8077.")]


RUN_LINES = (
    "job", "user", "account", "name", "state", "exit_code", "submit", "start", "end", "elapsed", "hosts", "partition",
    "confirmed",
)  # fmt: skip
NEIGHBOUR_COLUMNS = ("job", "user", "name", "state", "shared", "from", "to")
PROGRESS = (BarColumn(20), MofNCompleteColumn(), TextColumn("{task.description}"))


def main(args: Sequence[str] | None = None) -> None:
    """Run a command and end the process: 0; 1 after an error, one line on stderr; 2 after a wrong command line."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    try:
        status = app(args=args, standalone_mode=False)
    except TyperException as exc:
        tell(f"error: {exc.format_message()} See `weft --help`.")
        sys.exit(exc.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except ServiceError as exc:
        tell(f"error: {exc}")
        sys.exit(1)
    except Exception as exc:  # the last line of defence: the person gets one line, the authors the traceback
        with tempfile.NamedTemporaryFile("w", prefix="weft-", suffix=".txt", delete=False) as file:
            traceback.print_exc(file=file)
        tell(f"error: Weft failed here, not you ({type(exc).__name__}: {exc}). Send {file.name} to its authors.")
        sys.exit(1)
    sys.exit(status or 0)


def tell(text: str) -> None:
    """Say something aside: errors and notices go to stderr, so that stdout holds the answer alone."""
    print(text, file=sys.stderr)


def settings_of(data: Path | None, config: Path | None) -> Settings:
    """Settings for a command; a data folder may hold its own `weft.toml`. Raises BadSettings."""
    settings = load_settings(config, data)
    beside = settings.data / "weft.toml"
    return load_settings(beside, settings.data) if config is None and beside.is_file() else settings


def ask(
    sections: Sequence[Section],
    data: Path | None,
    config: Path | None,
    as_json: bool,
    *,
    begin: str | None = None,
    end: str | None = None,
    limit: int = 1000,
) -> None:
    """Ask the catalogue for each section and print what it says. Works beside a running server."""
    settings = settings_of(data, config)
    if not (settings.data / INVENTORY).exists():
        # Reading must not make an empty site of a folder whose name was mistyped.
        raise BadRequest(
            f"There is no site in {settings.data}.", fix="Name its folder with --data, or begin one with `weft import`."
        )
    answers, notices, zone = asyncio.run(_asked(settings, sections, begin, end, limit))
    if as_json:
        print(json.dumps(as_object(answers, notices), ensure_ascii=False))
    else:
        show(answers, zone)
    for notice in notices:
        tell(f"notice: {notice}")


async def _asked(
    settings: Settings, sections: Sequence[Section], begin: str | None, end: str | None, limit: int
) -> tuple[list[Answer], list[str], Any]:
    now_ms = time.time_ns() // 1_000_000
    answers: list[Answer] = []
    notices: dict[str, None] = {}
    async with open_engines(settings, owner=False) as engines:
        zone = engines.site.zone
        to_ms = now_ms + AHEAD_MS if end is None else parse_moment(end, zone)
        window = Interval(0 if begin is None else parse_moment(begin, zone), to_ms)
        if not window:
            raise BadRequest("The window ends before it begins.", fix="Give a --from before --to.")
        for section in sections:
            args = {name: value for name, value in section.args.items() if value not in (None, "", [])}
            data = await catalog.run(engines.answers, section.table, args, Ask(LOCAL, window, now_ms, limit))
            answers.append(Answer(section, catalog.TABLES[section.table].columns, data.rows))
            notices |= dict.fromkeys(data.notices)
    return answers, list(notices), zone


@app.command()
def job(job: JobId, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """A job: its runs, hosts, ports, cables, switches, and who shared its hosts."""
    told = {"job": job}
    ask(
        [
            Section("Runs", "job", told, RUN_LINES, upright=True),
            Section("Hosts, ports, cables", "job_ports", told, ("host", "switch", "port", "cable", "sharers", "doubt")),
            Section("Switches", "job_switches", told, ("switch", "hosts", "ports", "share")),
            Section("Runs that shared its hosts", "job_neighbours", told, NEIGHBOUR_COLUMNS),
        ],
        data,
        config,
        as_json,
    )


@app.command()
def jobs(
    user: Annotated[list[str] | None, typer.Option("--user", help="Only of this user (may be repeated).")] = None,
    state: Annotated[list[str] | None, typer.Option("--state", help="Only in this state: running, failed.")] = None,
    host: Annotated[list[str] | None, typer.Option("--on", help="Only those that held this host.")] = None,
    begin: From = None,
    end: To = None,
    limit: Limit = 40,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Jobs, newest first."""
    columns = ("job", "user", "name", "state", "hosts", "start", "elapsed", "partition")
    args = {"user": user, "state": state, "host": host}
    ask([Section("", "jobs", args, columns)], data, config, as_json, begin=begin, end=end, limit=limit)


@app.command()
def placement(job: JobId, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """How a job lies in the fabric: leaves, hops, hosts that stand out, and who could take their place."""
    told = {"job": job}
    columns = (
        "job", "verdict", "hosts", "leaves", "leaves_minimum", "mean_hops", "best_hops", "stragglers", "swaps",
        "doubts",
    )  # fmt: skip
    sections = [
        Section("Placement", "placement", told, columns, upright=True),
        Section("Hosts by leaf", "job_switches", told, ("switch", "hosts", "share")),
        Section("Pairs of hosts by hops", "hops", told, ("hops", "pairs", "share")),
    ]
    ask(sections, data, config, as_json)


@app.command()
def topology(
    at: At = None,
    switch: Annotated[str | None, typer.Option("--switch", help="The ports of one switch: leaf01.")] = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """The fabric at a time: its switches, or the ports of one; and the links that run below their like."""
    if switch is not None:
        columns = ("port", "state", "peer", "width", "speed", "cable", "unsure")
        ask([Section(switch, "ports", {"switch": switch, "at": at}, columns)], data, config, as_json)
        return
    sections = [
        Section("Switches", "switches", {"at": at}, ("switch", "hosts", "up", "down", "description")),
        Section("Links below their like", "degraded", {"at": at}, ("a", "b", "runs", "like", "since", "cable")),
    ]
    ask(sections, data, config, as_json)


@app.command()
def cable(
    cable: Annotated[str, typer.Argument(help="Its id, or a port it was in: leaf01/5, node005.")],
    at: At = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Where a cable was and since when, in both readings where its identity is not certain."""
    args = {"cable": cable, "at": at}
    columns = ("cable", "reading", "a", "b", "from", "to", "identity", "or_cable", "story")
    ask([Section("", "cable_history", args, columns, upright=True)], data, config, as_json)


@app.command()
def vanished(at: At = None, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Hosts that are gone or do not answer, and who was on them."""
    columns = ("host", "state", "last_seen", "missed", "port", "jobs", "users", "cable")
    ask([Section("", "vanished", {"at": at}, columns)], data, config, as_json)


@app.command()
def changes(
    kind: Annotated[list[str] | None, typer.Option("--kind", help="Only these: cable_moved, node_gone.")] = None,
    begin: From = None,
    end: To = None,
    limit: Limit = 40,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """What changed in the fabric, newest first."""
    section = Section("", "fabric_changes", {"kind": kind}, ("time", "severity", "kind", "text"), upright=True)
    ask([section], data, config, as_json, begin=begin, end=end, limit=limit)


@app.command()
def logs(
    words: Annotated[list[str] | None, typer.Argument(help="Words that must all be in the line.")] = None,
    host: Annotated[list[str] | None, typer.Option("--on", help="Only of this host (may be repeated).")] = None,
    job: Annotated[str | None, typer.Option("--job", help="Only of this job's hosts while it ran.")] = None,
    begin: From = None,
    end: To = None,
    limit: Limit = 40,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Log lines, newest first."""
    args = {"query": " ".join(words or ()), "hosts": host, "job": job}
    section = Section("", "logs", args, ("time", "host", "program", "message"), wrap=True)
    ask([section], data, config, as_json, begin=begin, end=end, limit=limit)


@app.command("import")
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


@app.command()
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


@app.command()
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


@app.command()
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

"""Commands that keep a site: copied from engine to engine, backed up, restored."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from weft.app import open_inventory, open_logs
from weft.base.config import Settings
from weft.base.errors import BadRequest
from weft.base.formats import counted
from weft.base.intervals import iso
from weft.base.journal import size_text
from weft.base.owner import own
from weft.cli.common import Config, Data, settings_of, tell
from weft.ingest.backup import backup as write_backup
from weft.ingest.backup import restore as read_backup
from weft.ingest.copying import Bookmark, Copied, copy_inventory, copy_logs

commands = typer.Typer()

Engine = Literal["sqlite", "neo4j", "tantivy", "elasticsearch"]
INVENTORIES, LOGS = ("sqlite", "neo4j"), ("tantivy", "elasticsearch")


@commands.command()
def copy(
    source: Annotated[Engine, typer.Argument(metavar="FROM", help="sqlite, neo4j, tantivy or elasticsearch.")],
    target: Annotated[Engine, typer.Argument(metavar="TO", help="The other one of its kind, empty.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """Copy all that one engine holds to the other of its kind; stopped, it goes on where it was."""
    settings = settings_of(data, config)
    kind = next((kind for kind in (INVENTORIES, LOGS) if {source, target} == set(kind)), None)
    if kind is None:
        raise BadRequest(
            f"{source} cannot be copied to {target}.",
            fix="Inventories are sqlite and neo4j, logs tantivy and elasticsearch.",
        )
    with own(settings.data, f"weft copy {source} {target}"):
        copied = asyncio.run(_copied(settings, source, target))
    for name, count in copied.rows.items():
        if count:
            print(f"{count:>14,}  {name}")
    print(f"{source} and {target} hold the same, by {counted(len(copied.checksums), 'checksum')}.")
    tell(f'Say so in the settings to use it: {"inventory" if kind is INVENTORIES else "logs"}.engine = "{target}"')


async def _copied(settings: Settings, source: Engine, target: Engine) -> Copied:
    # Here, so that a server does without.
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    bookmark = Bookmark(settings.data / f"copy-{source}-{target}.json")
    if bookmark.begun:
        tell("This copy was begun before: it goes on where it was.")
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), console=Console(stderr=True), transient=True,
        disable=not sys.stderr.isatty(),
    ) as bar:  # fmt: skip
        task = bar.add_task("", total=None)

        def progress(what: str, count: int) -> None:
            bar.update(task, description=f"{count:,} {what}")

        if source in INVENTORIES:
            async with (
                open_inventory(_with(settings, "inventory", source)) as here,
                open_inventory(_with(settings, "inventory", target)) as there,
            ):
                return await copy_inventory(here, there, bookmark, progress)
        async with (
            open_logs(_with(settings, "logs", source)) as logs,
            open_logs(_with(settings, "logs", target)) as other,
        ):
            return await copy_logs(logs, other, bookmark, progress)


def _with(settings: Settings, kind: Literal["inventory", "logs"], engine: Engine) -> Settings:
    """The settings with another engine of a kind."""
    section = getattr(settings, kind).model_copy(update={"engine": engine})
    return settings.model_copy(update={kind: section})


@commands.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A new file; compressed when its name ends with .gz.")],
    data: Data = None,
    config: Config = None,
) -> None:
    """Write the data folder into one file, also while Weft serves it."""
    settings = settings_of(data, config)
    kept = write_backup(settings.data, file, time.time_ns() // 1_000_000)
    print(f"{file}: {kept.files:,} files, {size_text(kept.bytes)}, as of {iso(kept.at_ms)}.")
    elsewhere = [
        (settings.metrics.path is not None, f"the whisper tree {settings.whisper_root}"),
        (settings.inventory.engine != "sqlite", "the inventory in Neo4j"),
        (settings.logs.engine != "tantivy", "the logs in Elasticsearch"),
    ]
    for is_elsewhere, what in elsewhere:
        if is_elsewhere:
            tell(f"notice: {what} is not in it: it lies outside the data folder and has its own backup.")


@commands.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `weft backup` wrote.")],
    data: Annotated[Path, typer.Option("--data", help="Folder to make; empty, or not there yet.")],
) -> None:
    """Make a data folder from a backup; the backup is verified, and the folder appears whole or not at all."""
    kept = read_backup(file, data)
    print(f"{data}: {kept.files:,} files, {size_text(kept.bytes)}, as of {iso(kept.at_ms)}.")

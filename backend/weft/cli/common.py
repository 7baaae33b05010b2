"""What commands share: the application, options, and how the catalogue is asked and its answer shown."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from weft.answers import catalog
from weft.answers.tables import Ask
from weft.app import open_engines
from weft.base.access import LOCAL
from weft.base.config import Settings, load_settings
from weft.base.errors import BadRequest
from weft.base.intervals import Interval, parse_moment
from weft.cli.render import Answer, Section, as_object, show

INVENTORY = "inventory.db"
AHEAD_MS = 3_600_000
"""How far a window without an end reaches over now, for what a host with a fast clock has said."""

app = typer.Typer(
    name="weft",
    help="Joins metrics, logs and inventory of an HPC site by job, host, port, cable and time.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Data = Annotated[Path | None, typer.Option("--data", help="Folder of inventory, logs and metrics.")]
Config = Annotated[Path | None, typer.Option("--config", help="TOML file; default DATA/weft.toml if it is there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: every column, times in epoch ms.")]
From = Annotated[str | None, typer.Option("--from", help="Not before: ISO 8601 or epoch seconds.")]
To = Annotated[str | None, typer.Option("--to", help="Before: ISO 8601 or epoch seconds.")]
At = Annotated[str | None, typer.Option("--at", help="When: ISO 8601 or epoch seconds; default now.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many rows.")]
JobId = Annotated[str, typer.Argument(help="4711, 4711_5 of an array, 4711+1, cluster:4711.")]


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
    if settings.inventory.engine == "sqlite" and not (settings.data / INVENTORY).exists():
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
            answers.append(Answer(section, catalog.TABLES[section.table].columns_of(data), data.rows))
            notices |= dict.fromkeys(data.notices)
    return answers, list(notices), zone

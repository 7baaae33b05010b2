"""`weft provision`: dashboards from the inventory, into a folder or into a Grafana."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from weft.app import open_engines
from weft.base.config import Settings
from weft.base.errors import BadRequest
from weft.base.formats import counted
from weft.cli.common import Config, Data, settings_of, tell
from weft.dashboards.plan import Report
from weft.dashboards.publishing import is_set, publish

commands = typer.Typer()

SHOWN = 10
"""Dashboards that are named with why they were left alone; the rest is counted."""
NEEDS = {
    "plugin": "They need Weft's plugin in Grafana. Without it: weft provision --stock.",
    "stock": "They need the data sources weft-graphite and weft-json: provisioning/grafana/datasources/weft.yaml.",
}
"""What the dashboards of each kit ask of a Grafana."""


@commands.command()
def provision(
    folder: Annotated[Path | None, typer.Option("--folder", help="Where to; default dashboards.folder.")] = None,
    stock: Annotated[bool, typer.Option("--stock", help="For a Grafana without Weft's plugin.")] = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Make the dashboards that the inventory asks for; those that a person made or changed stay as they are."""
    settings = settings_of(data, config)
    changes = ({"kit": "stock"} if stock else {}) | ({"folder": folder} if folder else {})
    settings = settings.model_copy(update={"dashboards": settings.dashboards.model_copy(update=changes)})
    report = asyncio.run(_provisioned(settings))
    print(
        f"{counted(len(report.written), 'dashboard')} written, {len(report.removed)} removed, {report.same} as before."
    )
    if report.written:
        print(NEEDS[settings.dashboards.kit])
    for line in (*some(report.theirs), *some(report.failed)):
        tell(f"notice: {line}")


def some(lines: Sequence[str]) -> list[str]:
    """The first lines, and how many more there are."""
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], *([f"{more:,} more like these."] if more > 0 else [])]


async def _provisioned(settings: Settings) -> Report:
    from weft.dashboards.wanted import wanted  # a server that keeps no dashboards does without

    if not is_set(settings.dashboards):
        raise BadRequest(
            "No place for dashboards is set.",
            fix="Give --folder DIR, which Grafana's file provider reads, or set dashboards.grafana and its token.",
        )
    async with open_engines(settings, owner=False) as engines:
        told = await wanted(engines.answers, settings.dashboards, time.time_ns() // 1_000_000)
    for notice in told.notices:
        tell(f"notice: {notice}")
    return await publish(told.texts, settings)

"""`weft show`: any table of the catalogue, as a Grafana panel would ask for it."""

import shlex
from collections.abc import Iterator
from typing import Annotated

import typer

from weft.answers.catalog import TABLES, parse_request, table
from weft.cli.common import AsJson, Config, Data, From, Limit, To, ask
from weft.cli.render import Section, show_tables

commands = typer.Typer()


def table_names(incomplete: str) -> Iterator[tuple[str, str]]:
    """Tables that begin with what is typed, with what they hold: for the shell."""
    yield from ((name, declared.doc) for name, declared in TABLES.items() if name.startswith(incomplete))


def argument_names(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Arguments of the table that is typed already, and the values of one that has only a few."""
    declared = TABLES.get(ctx.params.get("name") or "")
    for param in declared.params if declared is not None else ():
        words = [f"{param.name}={choice}" for choice in param.choices] or [f"{param.name}="]
        yield from ((word, param.doc) for word in words if word.startswith(incomplete))


@commands.command()
def show(
    name: Annotated[
        str | None, typer.Argument(metavar="TABLE", help="Its name; none lists all.", autocompletion=table_names)
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="As in a panel: user=alice.", autocompletion=argument_names),
    ] = None,
    begin: From = None,
    end: To = None,
    limit: Limit = 40,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Any table that Grafana can ask for: `weft show jobs user=alice`; without a name, what tables there are."""
    if name is None:
        show_tables(TABLES.values())
        return
    asked, args = parse_request(shlex.join([name, *(arguments or ())]))
    ask([Section("", table(asked).name, args)], data, config, as_json, begin=begin, end=end, limit=limit)

"""Commands about log lines."""

from typing import Annotated

import typer

from weft.cli.common import AsJson, Config, Data, From, Limit, To, ask
from weft.cli.render import Section

commands = typer.Typer()


@commands.command()
def logs(
    query: Annotated[
        list[str] | None,
        typer.Argument(help='Lucene, as in Kibana: severity:>=err AND ("link down" OR timeout).', show_default=False),
    ] = None,
    host: Annotated[
        list[str] | None, typer.Option("--host", "--on", help="Only of this host (may be repeated).")
    ] = None,
    job: Annotated[str | None, typer.Option("--job", help="Only of this job's hosts while it ran.")] = None,
    link: Annotated[str | None, typer.Option("--link", help="Only of both ends of this port's link: leaf01/5.")] = None,
    begin: From = None,
    end: To = None,
    limit: Limit = 40,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Log lines, newest first. What is quoted in the query has to reach it: weft logs '"link down"'."""
    args = {"query": " ".join(query or ()), "host": host, "job": job, "link": link}
    section = Section("", "logs", args, ("time", "host", "program", "message"), wrap=True)
    ask([section], data, config, as_json, begin=begin, end=end, limit=limit)

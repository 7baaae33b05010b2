"""Commands about jobs."""

from typing import Annotated

import typer

from weft.answers.catalog import TABLES
from weft.cli.common import AsJson, Config, Data, From, JobId, Limit, To, ask
from weft.cli.render import Section

commands = typer.Typer()

RUN_LINES = (
    "job", "user", "account", "name", "state", "exit_code", "submit", "start", "end", "elapsed", "hosts", "partition",
    "confirmed",
)  # fmt: skip
NEIGHBOUR_COLUMNS = ("job", "user", "state", "hosts", "leaves", "ports", "basis", "overlap")


@commands.command()
def job(job: JobId, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """A job: its runs, hosts, ports, cables, switches, and who was near it."""
    told = {"job": job}
    ask(
        [
            Section("Runs", "job", told, RUN_LINES, upright=True),
            Section("Hosts, ports, cables", "job_ports", told, ("host", "switch", "port", "cable", "sharers", "doubt")),
            Section("Switches", "job_switches", told, ("switch", "hosts", "ports", "share")),
            Section("Runs near it", "job_neighbours", told, NEIGHBOUR_COLUMNS),
        ],
        data,
        config,
        as_json,
    )


@commands.command()
def jobs(
    user: Annotated[list[str] | None, typer.Option("--user", help="Only of this user (may be repeated).")] = None,
    state: Annotated[list[str] | None, typer.Option("--state", help="Only in this state: running, failed.")] = None,
    account: Annotated[list[str] | None, typer.Option("--account", help="Only of this account.")] = None,
    partition: Annotated[list[str] | None, typer.Option("--partition", help="Only in this partition.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Only of this name.")] = None,
    host: Annotated[list[str] | None, typer.Option("--on", help="Only those that held this host.")] = None,
    switch: Annotated[str | None, typer.Option("--switch", help="Only those with a host on this switch.")] = None,
    begin: From = None,
    end: To = None,
    limit: Limit = 40,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Jobs, newest first."""
    columns = ("job", "user", "name", "state", "hosts", "start", "elapsed", "partition")
    args = {
        "user": user, "state": state, "account": account, "partition": partition, "name": name, "host": host,
        "switch": switch,
    }  # fmt: skip
    ask([Section("", "jobs", args, columns)], data, config, as_json, begin=begin, end=end, limit=limit)


@commands.command()
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


@commands.command()
def compare(
    jobs: Annotated[list[str], typer.Argument(help="Jobs: 4711 4712.")],
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Jobs side by side: placement, time, traffic, log lines, and what they share with the first."""
    columns = tuple(column.name for column in TABLES["compare"].columns if column.name != "run")
    ask([Section("", "compare", {"jobs": jobs}, columns, sideways=True)], data, config, as_json)


@commands.command()
def totals(
    by: Annotated[str, typer.Option("--by", help="user, account, partition, state or cluster.")] = "user",
    begin: From = None,
    end: To = None,
    limit: Limit = 40,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Runs, core hours and node hours by user, account, partition, state or cluster."""
    columns = ("what", "runs", "core_hours", "node_hours", "unsized")
    ask([Section("", "totals", {"by": by}, columns)], data, config, as_json, begin=begin, end=end, limit=limit)


@commands.command()
def imbalance(
    job: JobId,
    metric: Annotated[str, typer.Argument(help="Path below the host (cpu.user), or a counter: PortXmitData.")],
    limit: Limit = 40,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """How unevenly a job's hosts were used: each host's mean and maximum of a metric, the busiest first."""
    columns = ("job", "host", "mean", "max", "over", "unit")
    ask([Section("", "imbalance", {"job": job, "metric": metric}, columns)], data, config, as_json, limit=limit)

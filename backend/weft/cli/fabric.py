"""Commands about the fabric."""

from typing import Annotated

import typer

from weft.cli.common import AsJson, At, Config, Data, From, Limit, To, ask
from weft.cli.render import Section

commands = typer.Typer()


@commands.command()
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


@commands.command()
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


@commands.command()
def vanished(at: At = None, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """Hosts that are gone or do not answer, and who was on them."""
    columns = ("host", "state", "last_seen", "missed", "port", "jobs", "users", "expected", "cable")
    ask([Section("", "vanished", {"at": at}, columns)], data, config, as_json)


@commands.command()
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


@commands.command()
def diff(
    begin: Annotated[str, typer.Option("--from", help="The first time: ISO 8601 or epoch seconds.")],
    end: To = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """What the fabric differs in between two times: nodes, links, and cables with where they were."""
    columns = ("what", "kind", "name", "before", "after", "or")
    ask([Section("", "fabric_diff", {}, columns, upright=True)], data, config, as_json, begin=begin, end=end)


@commands.command()
def wiring(at: At = None, data: Data = None, config: Config = None, as_json: AsJson = False) -> None:
    """What is not wired as planned."""
    ask([Section("", "wiring", {"at": at}, ("kind", "line", "text"), wrap=True)], data, config, as_json)


@commands.command()
def flapping(
    switch: Annotated[str | None, typer.Option("--switch", help="Only links of this switch.")] = None,
    begin: From = None,
    end: To = None,
    limit: Limit = 40,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Links that went down or changed their width or speed, most often first."""
    columns = ("a", "b", "downs", "away", "changed", "per_day", "last", "cable")
    section = Section("", "flapping", {"switch": switch}, columns)
    ask([section], data, config, as_json, begin=begin, end=end, limit=limit)


@commands.command()
def behind(
    what: Annotated[str, typer.Argument(help="A switch (leaf01), or a link by a port of it (leaf01/19).")],
    at: At = None,
    data: Data = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Hosts behind a switch or a link: which are cut off when it fails, which merely hang below it."""
    args = {"link" if "/" in what else "switch": what, "at": at}
    columns = ("host", "cut_off", "below", "hca", "leaf")
    ask([Section("", "behind", args, columns)], data, config, as_json)

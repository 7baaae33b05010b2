"""Short ways to say panels, for the files that compose boards."""

from typing import Any

from weft.dashboards.board import Kind, Panel, Question

NUMBERS = "short"
"""Grafana's unit of plain numbers: 50 Mil, not 50000000."""


def series(
    title: str, *targets: str, unit: str = NUMBERS, says: str = "", width: int = 12, height: int = 8, empty: str = "",
    **custom: Any,
) -> Panel:  # fmt: skip
    """A graph of Graphite expressions; `custom` as timeseries fields have it (`stacking`, `fillOpacity`)."""
    asks = tuple(Question("series", target) for target in targets)
    return Panel("timeseries", title, asks, width, height, unit=unit, says=says, empty=empty, custom=custom)


def table(
    title: str, text: str, *, hidden: tuple[str, ...] = (), says: str = "", width: int = 12, height: int = 8,
    empty: str = "", kind: Kind = "table", **units: str,
) -> Panel:  # fmt: skip
    """Rows of a table of the catalogue; `units` of its columns, as Grafana names units."""
    asks = (Question("table", text),)
    return Panel(kind, title, asks, width, height, says=says, empty=empty, hidden=hidden, units=units)


def lines(title: str, text: str, *, says: str = "", empty: str = "") -> Panel:
    """Log lines, as wide as the board."""
    return Panel("logs", title, (Question("logs", text),), 24, 12, says=says, empty=empty)


def topology(title: str, arguments: str, values: str, instead: str, *, height: int = 18, says: str = "") -> Panel:
    """The picture of the fabric, its links coloured by series; where it cannot be drawn, a node graph.

    Args:
        arguments: of `fabric`. values: an expression whose newest values count. instead: arguments of the node graph.
    """
    asks = Question("topology", f"fabric {arguments}".strip()), Question("series", values)
    other = graph(title, instead, height=height)
    # Every port counts: a picture needs their newest points alone.
    return Panel("topology", title, asks, 12, height, says=says, points=30, instead=other)


def graph(title: str, arguments: str, *, width: int = 12, height: int = 14, says: str = "") -> Panel:
    """A node graph of `nodes` and `edges` with these arguments."""
    asks = (Question("nodes", f"nodes {arguments}".strip()), Question("nodes", f"edges {arguments}".strip()))
    return Panel("nodeGraph", title, asks, width, height, says=says)


def heading(text: str, height: int = 3) -> Panel:
    """A strip of text in Markdown, as wide as the board."""
    return Panel("text", "", (), 24, height, says=text)

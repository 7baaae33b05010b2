"""Short ways to say panels, for the files that compose boards."""

from typing import Any

from weft.dashboards.board import Kind, Panel, Question


def series(title: str, *targets: str, unit: str = "", says: str = "", width: int = 12, **custom: Any) -> Panel:
    """A graph of Graphite expressions; `custom` as timeseries fields have it (`stacking`, `fillOpacity`)."""
    asks = tuple(Question("series", target) for target in targets)
    return Panel("timeseries", title, asks, width, unit=unit, says=says, custom=custom)


def table(
    title: str, text: str, *, hidden: tuple[str, ...] = (), says: str = "", width: int = 12, height: int = 8,
    kind: Kind = "table",
) -> Panel:  # fmt: skip
    """Rows of a table of the catalogue."""
    return Panel(kind, title, (Question("table", text),), width, height, says=says, hidden=hidden)


def lines(title: str, text: str, *, says: str = "") -> Panel:
    """Log lines, as wide as the board."""
    return Panel("logs", title, (Question("logs", text),), 24, 12, says=says)


def graph(title: str, arguments: str, *, width: int = 12, height: int = 14, says: str = "") -> Panel:
    """A node graph of `nodes` and `edges` with these arguments."""
    asks = (Question("nodes", f"nodes {arguments}".strip()), Question("nodes", f"edges {arguments}".strip()))
    return Panel("nodeGraph", title, asks, width, height, says=says)


def heading(text: str, height: int = 3) -> Panel:
    """A strip of text in Markdown, as wide as the board."""
    return Panel("text", "", (), 24, height, says=text)

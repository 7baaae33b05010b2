"""A dashboard as a value, and the classic JSON that Grafana 10 and later read (schema version 38; later ones migrate).

The same value gives the same bytes. Source of the format: Grafana's own exports and `grafana-foundation-sdk`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import orjson

TAG = "weft"
"""On every dashboard that is ours."""
COLUMNS = 24
"""Units of width of a dashboard."""
SCHEMA = 38
MOST_UID = 40

How = Literal["series", "table", "logs", "nodes", "topology"]
Kind = Literal[
    "barchart", "logs", "nodeGraph", "stat", "state-timeline", "table", "text", "timeseries", "topology"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """What a panel asks: a Graphite expression (`series`), `fabric` with arguments (`topology`, which the plugin alone
    knows), or a table with its arguments (the rest)."""

    how: How
    text: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel; `width` of 24, `height` in rows of 30 px.

    Args:
        unit: as Grafana names units. options, custom: of the panel and of its fields, as Grafana's JSON has them.
        says: the text of a text panel; elsewhere what stands behind the (i) beside the title.
        hidden: columns of a table that a person does not read.
        points: most points of a series; 0: as many as the panel is wide.
    """

    kind: Kind
    title: str
    asks: tuple[Question, ...] = ()
    width: int = 12
    height: int = 8
    unit: str = ""
    says: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, Any] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    points: int = 0


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a dashboard: its values are a list or a column of a table (`hosts`, `jobs column=job`)."""

    name: str
    label: str
    asks: str
    every: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Annotations: `jobs job=4711`, `changes`, `logs severity:>=err`; `shown` unless a person switches them on."""

    name: str
    asks: str
    colour: str
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard. `since`, `until`: as Grafana types times (`now-6h`, ISO 8601); `refresh` "": by hand."""

    uid: str
    title: str
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...] = ()
    marks: tuple[Mark, ...] = ()
    tags: tuple[str, ...] = ()
    since: str = "now-6h"
    until: str = "now"
    refresh: str = "30s"
    says: str = ""


class Kit(Protocol):
    """How panels, variables and annotations ask."""

    def query(self, question: Question, ref: str) -> dict[str, Any]:
        """One target of a panel."""

    def source(self, question: Question) -> dict[str, str]:
        """`{type, uid}` of the data source that answers it."""

    def panel(self, panel: Panel) -> tuple[str, Mapping[str, Any]] | None:
        """Grafana's type of a panel and options that go before the panel's own; None: it cannot be drawn."""

    def variable(self, variable: Variable) -> dict[str, Any]:
        """What a query variable asks: `datasource`, `query` and what belongs to them."""

    def mark(self, mark: Mark) -> dict[str, Any]:
        """What an annotation asks: `datasource`, `target` and what belongs to them."""


def body(board: Board, kit: Kit) -> dict[str, Any]:
    """The dashboard as Grafana's JSON, without `id` and `version`, which are Grafana's."""
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.says,
        "tags": sorted({TAG, *board.tags}),
        "schemaVersion": SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "",
        "time": {"from": board.since, "to": board.until},
        "refresh": board.refresh,
        "links": [_ours()],
        "templating": {"list": [_variable(one, kit) for one in board.variables]},
        "annotations": {"list": [_mark(one, kit) for one in board.marks]},
        "panels": _laid_out(board.panels, kit),
    }


def text_of(board: Board, kit: Kit) -> bytes:
    """The dashboard's file, byte for byte the same for the same board."""
    return orjson.dumps(body(board, kit), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def _laid_out(panels: Sequence[Panel], kit: Kit) -> list[dict[str, Any]]:
    """The panels in rows from left to right, each row as high as its highest."""
    made: list[dict[str, Any]] = []
    left, top, highest = 0, 0, 0
    for panel in panels:
        drawn = kit.panel(panel)
        if drawn is None:
            continue
        if left + panel.width > COLUMNS:
            left, top, highest = 0, top + highest, 0
        place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
        made.append(_panel(panel, len(made) + 1, place, drawn, kit))
        left, highest = left + panel.width, max(highest, panel.height)
    return made


def _panel(
    panel: Panel, number: int, place: dict[str, int], drawn: tuple[str, Mapping[str, Any]], kit: Kit
) -> dict[str, Any]:
    kind, options = drawn
    told: dict[str, Any] = {"id": number, "type": kind, "title": panel.title, "gridPos": place}
    if panel.kind == "text":
        return told | {"options": {"mode": "markdown", "content": panel.says}}
    defaults = {"custom": dict(panel.custom)} | ({"unit": panel.unit} if panel.unit else {})
    hide = [
        {"matcher": {"id": "byName", "options": name}, "properties": [{"id": "custom.hidden", "value": True}]}
        for name in panel.hidden
    ]
    return told | {
        "description": panel.says,
        "datasource": kit.source(panel.asks[0]),
        "targets": [kit.query(one, chr(ord("A") + place)) for place, one in enumerate(panel.asks)],
        "fieldConfig": {"defaults": defaults, "overrides": hide},
        "options": {**options, **panel.options},
        **({"maxDataPoints": panel.points} if panel.points else {}),
    }


def _variable(one: Variable, kit: Kit) -> dict[str, Any]:
    every = {"includeAll": True, "multi": True, "allValue": "*"} if one.every else {"includeAll": False, "multi": False}
    return {
        "type": "query", "name": one.name, "label": one.label, "refresh": 2, "sort": 0, "hide": 0, "options": [],
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]} if one.every else {},
        **every, **kit.variable(one),
    }  # fmt: skip


def _mark(one: Mark, kit: Kit) -> dict[str, Any]:
    return {"name": one.name, "enable": one.shown, "hide": False, "iconColor": one.colour, **kit.mark(one)}


def _ours() -> dict[str, Any]:
    """The menu of all our dashboards, which keeps time and variables."""
    return {
        "type": "dashboards", "title": "Weft", "tags": [TAG], "asDropdown": True, "icon": "external link",
        "includeVars": True, "keepTime": True, "targetBlank": False, "tooltip": "", "url": "",
    }  # fmt: skip

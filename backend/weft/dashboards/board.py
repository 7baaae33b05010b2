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
AS_THEY_COME, SORTED = 0, 1
"""Values of a variable, or their texts in the order of letters."""

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
        hidden: columns that a person does not read. units: of single columns.
        points: most points of a series; 0: as many as the panel is wide.
        empty: what it says where nothing is found, and that is well; "": something should be found.
        instead: what stands in its place where it cannot be drawn.
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
    units: Mapping[str, str] = field(default_factory=dict)
    points: int = 0
    empty: str = ""
    instead: "Panel | None" = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a dashboard: its values are a list or columns of a table (`hosts`, `jobs column=job`).

    `regex`: takes what people read (its group `text`) and what is asked (`value`) from each.
    """

    name: str
    label: str
    asks: str
    regex: str = ""


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

    def transformations(self, panel: Panel) -> list[dict[str, Any]]:
        """What Grafana does to the answer before the panel draws it."""

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
    """Each panel in its turn as high up as it fits, and there as far to the left: columns fill without holes."""
    made: list[dict[str, Any]] = []
    ground = [0] * COLUMNS
    for asked in panels:
        panel, drawn = _drawn(asked, kit)
        if panel is None or drawn is None:
            continue
        top, left = min((max(ground[x : x + panel.width]), x) for x in range(COLUMNS - panel.width + 1))
        ground[left : left + panel.width] = [top + panel.height] * panel.width
        place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
        made.append(_panel(panel, len(made) + 1, place, drawn, kit))
    return made


def _drawn(panel: Panel | None, kit: Kit) -> tuple[Panel | None, tuple[str, Mapping[str, Any]] | None]:
    """The panel that is drawn, it or what stands in its place, and how."""
    while panel is not None and (drawn := kit.panel(panel)) is None:
        panel = panel.instead
    return (panel, drawn) if panel is not None else (None, None)


def _panel(
    panel: Panel, number: int, place: dict[str, int], drawn: tuple[str, Mapping[str, Any]], kit: Kit
) -> dict[str, Any]:
    kind, options = drawn
    told: dict[str, Any] = {"id": number, "type": kind, "title": panel.title, "gridPos": place}
    if panel.kind == "text":
        return told | {"options": {"mode": "markdown", "content": panel.says}}
    defaults = {"custom": dict(panel.custom)} | ({"unit": panel.unit} if panel.unit else {})
    transformations = kit.transformations(panel)
    overrides: list[dict[str, Any]] = []
    if panel.kind == "table":
        overrides += [_override("byName", name, "custom.hidden", True) for name in panel.hidden]
    elif panel.hidden:
        # Only tables have columns to hide: a state timeline keeps an empty row for each.
        left_out = {"exclude": {"names": list(panel.hidden)}}
        transformations = [*transformations, {"id": "filterFieldsByName", "options": left_out}]
    overrides += [_override("byName", name, "unit", unit) for name, unit in panel.units.items()]
    if panel.empty:
        # Grafana says this of a panel without data, and of every empty cell too, where it would be untrue.
        defaults["noValue"] = panel.empty
        overrides.append(_override("byRegexp", "/.*/", "noValue", ""))
    return told | {
        "description": panel.says,
        "datasource": kit.source(panel.asks[0]),
        "targets": [kit.query(one, chr(ord("A") + place)) for place, one in enumerate(panel.asks)],
        "fieldConfig": {"defaults": defaults, "overrides": overrides},
        "options": {**options, **panel.options},
        **({"transformations": transformations} if transformations else {}),
        **({"maxDataPoints": panel.points} if panel.points else {}),
    }


def _override(matcher: str, fields: str, name: str, value: object) -> dict[str, Any]:
    return {"matcher": {"id": matcher, "options": fields}, "properties": [{"id": name, "value": value}]}


def _variable(one: Variable, kit: Kit) -> dict[str, Any]:
    chosen = {"regex": one.regex, "sort": SORTED} if one.regex else {"sort": AS_THEY_COME}
    return {
        "type": "query", "name": one.name, "label": one.label, "refresh": 2, "hide": 0, "options": [], "current": {},
        "includeAll": False, "multi": False, **chosen, **kit.variable(one),
    }  # fmt: skip


def _mark(one: Mark, kit: Kit) -> dict[str, Any]:
    return {"name": one.name, "enable": one.shown, "hide": False, "iconColor": one.colour, **kit.mark(one)}


def _ours() -> dict[str, Any]:
    """The menu of all our dashboards, which keeps time and variables."""
    return {
        "type": "dashboards", "title": "Weft", "tags": [TAG], "asDropdown": True, "icon": "external link",
        "includeVars": True, "keepTime": True, "targetBlank": False, "tooltip": "", "url": "",
    }  # fmt: skip

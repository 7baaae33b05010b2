"""What a dashboard's classic JSON must be for Grafana 10.1 to read it, as a list of faults.

Sources: Grafana's own schema of the kind (kinds/dashboard/dashboard_kind.cue of 10.1: members and their types; the
schema is closed, so another member is a fault where it does not say `...`); its server (uid: letters, digits, - and _,
at most 40; a title); its front end (panel ids and refIds are keys; the grid has 24 columns).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

SCHEMA: Final = 38
"""Of 10.1: an older number is migrated, a newer one is taken for this one."""
COLUMNS: Final = 24
UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
MIXED: Final = {"type": "datasource", "uid": "-- Mixed --"}
"""The source of a panel whose queries have sources of their own."""
MOMENT = re.compile(r"now(-\d+[smhdwMy])?(/[smhdwMy])?|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
"""Epoch milliseconds mean a time in addresses only."""
REFRESH = re.compile(r"|\d+[smhd]")
NAME = re.compile(r"\w+")

Check = Callable[[Any], bool]
Members = Mapping[str, "Check | Members"]


@dataclass(frozen=True, slots=True)
class Some:
    """Any of several values."""

    values: frozenset[Any]

    def __call__(self, value: Any) -> bool:
        return value in self.values and type(value) in {type(one) for one in self.values}


def some(*values: Any) -> Some:
    return Some(frozenset(values))


def text(value: Any) -> bool:
    return isinstance(value, str)


def texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(text, value))


def whole(value: Any) -> bool:
    return type(value) is int and value >= 0


def truth(value: Any) -> bool:
    return isinstance(value, bool)


def free(value: Any) -> bool:
    return isinstance(value, dict)


def anything(value: Any) -> bool:
    return True


def like(pattern: re.Pattern[str]) -> Check:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


SOURCE: Final[Members] = {"type": text, "uid": text}
OPTION: Final[Members] = {
    "selected?": truth, "text?": lambda v: text(v) or texts(v), "value?": lambda v: text(v) or texts(v),
}  # fmt: skip
BOARD: Final[Members] = {
    "uid": like(UID),
    "title": lambda v: text(v) and bool(v.strip()),
    "description?": text, "tags": texts, "timezone?": some("", "browser", "utc"), "editable?": truth,
    "graphTooltip?": some(0, 1, 2), "time": {"from": like(MOMENT), "to": like(MOMENT)}, "refresh?": like(REFRESH),
    "schemaVersion": some(SCHEMA), "style?": some("dark", "light"), "fiscalYearStartMonth?": whole, "weekStart?": text,
    "panels": anything, "templating": {"list": anything}, "annotations": {"list": anything}, "links": anything,
}  # fmt: skip
PANEL: Final[Members] = {
    "id": lambda v: whole(v) and v > 0,
    "type": lambda v: text(v) and bool(v),
    "title?": text, "description?": text, "transparent?": truth, "maxDataPoints?": whole, "interval?": text,
    "datasource?": SOURCE, "targets?": anything, "options?": free, "pluginVersion?": text, "transformations?": anything,
    "gridPos": {"x": whole, "y": whole, "w": lambda v: whole(v) and v > 0, "h": lambda v: whole(v) and v > 0},
    "fieldConfig?": {
        "defaults": {"unit?": text, "noValue?": text, "custom?": free, "color?": free, "min?": anything,
                     "max?": anything, "thresholds?": free, "mappings?": anything, "links?": anything},
        "overrides": anything,
    },
}  # fmt: skip
OVERRIDE: Final[Members] = {"matcher": {"id": text, "options?": anything}, "properties": anything}
VARIABLE: Final[Members] = {
    "type": some("query", "adhoc", "constant", "datasource", "interval", "textbox", "custom"),
    "name": like(NAME), "label?": text, "hide": some(0, 1, 2), "skipUrlSync?": truth, "description?": text,
    "query": lambda v: text(v) or free(v), "definition?": text, "datasource": SOURCE, "current": OPTION,
    "multi": truth, "includeAll": truth, "allValue?": text, "options": anything, "refresh": some(0, 1, 2),
    "sort": some(0, 1, 2, 3, 4, 5, 6), "regex?": text,
}  # fmt: skip
MARK: Final[Members] = {
    "name": lambda v: text(v) and bool(v), "datasource": SOURCE, "enable": truth, "hide?": truth,
    "iconColor": lambda v: text(v) and bool(v), "target?": free, "query?": text, "type?": text, "filter?": free,
}  # fmt: skip
LINK: Final[Members] = {
    "title": text, "type": some("link", "dashboards"), "icon": text, "tooltip": text, "url": text, "tags": texts,
    "asDropdown": truth, "targetBlank": truth, "includeVars": truth, "keepTime": truth,
}  # fmt: skip


def faults(board: Mapping[str, Any]) -> list[str]:
    """What is wrong with a dashboard; nothing: Grafana reads it as it was meant."""
    found = list(_members(board, BOARD, "dashboard"))
    panels = board.get("panels", [])
    for panel in panels:
        where = f"panel {panel.get('id')}"
        found += _members(panel, PANEL, where)
        found += _targets(panel, where)
        for one in panel.get("fieldConfig", {}).get("overrides", ()):
            found += _members(one, OVERRIDE, f"{where} override")
            found += [f"{where}: a property without id" for prop in one["properties"] if not text(prop.get("id"))]
    found += _grid(panels)
    for name, members in (("templating", VARIABLE), ("annotations", MARK)):
        for one in board.get(name, {}).get("list", ()):
            found += _members(one, members, f"{name} {one.get('name')}")
        found += [f"{name}: {twice} twice" for twice in _twice(one.get("name") for one in board[name]["list"])]
    for one in board.get("links", ()):
        found += _members(one, LINK, "link")
    return found + _unknown_variables(board)


def _members(told: Mapping[str, Any], members: Members, where: str) -> Iterator[str]:
    """Members that are missing, of another type, or none that Grafana knows; `?` ends the name of one that may miss."""
    known = {name.rstrip("?"): check for name, check in members.items()}
    yield from (f"{where}: no '{name}'" for name in members if not name.endswith("?") and name not in told)
    for name, value in told.items():
        check = known.get(name)
        if check is None:
            yield f"{where}: unknown '{name}'"
        elif isinstance(check, Mapping):
            if isinstance(value, dict):
                yield from _members(value, check, f"{where}.{name}")
            else:
                yield f"{where}: {name} is no object"
        elif not check(value):
            yield f"{where}: {name} = {value!r}"


def _targets(panel: Mapping[str, Any], where: str) -> Iterator[str]:
    """Every query has a name of its own and a data source, which is the panel's."""
    targets = panel.get("targets", ())
    if not targets:
        if panel.get("type") not in ("text", "row"):
            yield f"{where}: asks nothing"
        return
    yield from (f"{where}: refId {twice} twice" for twice in _twice(one.get("refId") for one in targets))
    for one in targets:
        source = one.get("datasource")
        if not isinstance(source, dict):
            yield f"{where}: no source"
        elif source != panel.get("datasource") and panel.get("datasource") != MIXED:
            yield f"{where}: target {one.get('refId')} asks another source than its panel"


def _grid(panels: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield from (f"panel id {twice} twice" for twice in _twice(panel.get("id") for panel in panels))
    places = [(panel["id"], panel["gridPos"]) for panel in panels]
    yield from (f"panel {number}: outside the grid" for number, at in places if at["x"] + at["w"] > COLUMNS)
    for (one, a), (other, b) in combinations(places, 2):
        if all(a[at] < b[at] + b[size] and b[at] < a[at] + a[size] for at, size in (("x", "w"), ("y", "h"))):
            yield f"panels {one} and {other} overlap"


def _unknown_variables(board: Mapping[str, Any]) -> list[str]:
    """Variables in queries and annotations that the dashboard does not have."""
    names = {one["name"] for one in board["templating"]["list"]}
    asked = [str(target) for panel in board["panels"] for target in panel.get("targets", ())]
    asked += [str(mark.get("target")) for mark in board["annotations"]["list"]]
    used = {name for query in asked for name in re.findall(r"\$\{?([A-Za-z_]\w*)", query)}
    return [f"no variable ${name}" for name in sorted(used - names) if not name.startswith("__")]


def _twice(values: Iterator[Any]) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]

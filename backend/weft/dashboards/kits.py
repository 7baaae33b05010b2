"""How panels ask: through our plugin, or through data sources that every Grafana has or can install (`stock`).

Stock: Grafana's own Graphite data source for series, simPod's JSON data source (0.4 and later) for tables, variables
and annotations; both are pointed at Weft by the files in `provisioning/`. The topology panel is the plugin's alone.
"""

from collections.abc import Mapping
from typing import Any, Final

from weft.dashboards.board import Kit, Mark, Panel, Question, Variable

PLUGIN_SOURCE: Final = {"type": "weft-fabric-datasource", "uid": "weft"}
PLUGIN_PANEL: Final = "weft-topology-panel"
STOCK_SERIES: Final = {"type": "graphite", "uid": "weft-graphite"}
STOCK_TABLES: Final = {"type": "simpod-json-datasource", "uid": "weft-json"}

TIMESERIES: Final[Mapping[str, Any]] = {
    "legend": {"displayMode": "table", "placement": "right", "showLegend": True, "calcs": ["mean", "max"]},
    "tooltip": {"mode": "multi", "sort": "desc"},
}
LOGS: Final[Mapping[str, Any]] = {
    "showTime": True, "wrapLogMessage": True, "enableLogDetails": True, "sortOrder": "Descending",
    "dedupStrategy": "none",
}  # fmt: skip
LINES: Final[Mapping[str, Any]] = {
    "id": "organize",
    "options": {"indexByName": {"time": 0, "message": 1}, "renameByName": {"severity": "level"}},
}
"""Rows as log lines: Grafana's panel takes the first column of text for the line, and `level` for its colour."""
_OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    "timeseries": TIMESERIES,
    "logs": LOGS,
    "table": {"showHeader": True, "cellHeight": "sm"},
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"], "values": True}, "textMode": "auto", "colorMode": "none"},
    "barchart": {"showValue": "always", "legend": {"showLegend": False}},
    "state-timeline": {"mergeValues": True, "showValue": "auto", "rowHeight": 0.9},
    "nodeGraph": {},
}


class Plugin:
    """Our own data source and topology panel."""

    def query(self, question: Question, ref: str) -> dict[str, Any]:
        """See Kit."""
        return {"refId": ref, "datasource": PLUGIN_SOURCE, "queryType": question.how, "text": question.text}

    def source(self, question: Question) -> dict[str, str]:
        """See Kit."""
        return PLUGIN_SOURCE

    def panel(self, panel: Panel) -> tuple[str, Mapping[str, Any]] | None:
        """See Kit."""
        return (PLUGIN_PANEL, {}) if panel.kind == "topology" else (panel.kind, _OPTIONS.get(panel.kind, {}))

    def transformations(self, panel: Panel) -> list[dict[str, Any]]:
        """See Kit."""
        return []

    def variable(self, variable: Variable) -> dict[str, Any]:
        """See Kit."""
        query = {"refId": variable.name, "queryType": "variable", "text": variable.asks}
        return {"datasource": PLUGIN_SOURCE, "query": query, "definition": variable.asks}

    def mark(self, mark: Mark) -> dict[str, Any]:
        """See Kit."""
        target = {"refId": "Anno", "queryType": "annotations", "text": mark.asks}
        return {"datasource": PLUGIN_SOURCE, "target": target}


class Stock:
    """What stock Grafana draws; log lines are rows of a table."""

    def query(self, question: Question, ref: str) -> dict[str, Any]:
        """See Kit."""
        if question.how == "series":
            return {"refId": ref, "datasource": STOCK_SERIES, "target": question.text, "textEditor": True}
        return {
            "refId": ref,
            "datasource": STOCK_TABLES,
            "target": question.text,
            "type": "table",
            "editorMode": "code",
        }

    def source(self, question: Question) -> dict[str, str]:
        """See Kit."""
        return STOCK_SERIES if question.how == "series" else STOCK_TABLES

    def panel(self, panel: Panel) -> tuple[str, Mapping[str, Any]] | None:
        """See Kit."""
        return None if panel.kind == "topology" else (panel.kind, _OPTIONS.get(panel.kind, {}))

    def transformations(self, panel: Panel) -> list[dict[str, Any]]:
        """See Kit."""
        return [dict(LINES)] if panel.kind == "logs" else []

    def variable(self, variable: Variable) -> dict[str, Any]:
        """See Kit. SimPod's source takes no bare text."""
        query = {"query": variable.asks, "format": "string", "refId": variable.name}
        return {"datasource": STOCK_TABLES, "query": query, "definition": variable.asks}

    def mark(self, mark: Mark) -> dict[str, Any]:
        """See Kit. Without a `query` of its own, which Grafana would ask in place of the target."""
        target = {"refId": "Anno", "target": f"annotations {mark.asks}", "type": "table"}
        return {"datasource": STOCK_TABLES, "target": target}


KITS: Final[Mapping[str, Kit]] = {"plugin": Plugin(), "stock": Stock()}

"""Every dashboard that Weft makes against the types that Grafana 10.1 publishes: of dashboards, of panels' options."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.services.node import MODULES, Npm, give_modules

from unit.test_dashboard_schema import BOARDS
from weft.dashboards.board import body
from weft.dashboards.kits import KITS

OPTIONS = {
    "barchart": "BarChart", "logs": "Logs", "nodeGraph": "NodeGraph", "stat": "Stat", "state-timeline": "StateTimeline",
    "table": "Table", "text": "Text", "timeseries": "TimeSeries",
}  # fmt: skip
"""Panels whose options are published, by Grafana's names of them."""
SETTINGS = ("--noEmit", "--strict", "--skipLibCheck", "--module", "esnext", "--moduleResolution", "bundler")

HEAD = """\
import type { Dashboard } from '@grafana/schema';
/** Grafana fills in what a dashboard leaves out; JSON has the text of an enumeration's member. */
type Some<T> = T extends (infer U)[] ? Some<U>[] : T extends object ? { [K in keyof T]?: Some<T[K]> }
  : T extends string ? T | `${T}` : T;
"""


def known(told: dict[str, Any]) -> dict[str, Any]:
    """The dashboard without what a data source alone knows: what its queries ask."""
    asked = {"refId", "datasource", "queryType", "hide"}
    targets = [target for panel in told["panels"] for target in panel.get("targets", ())]
    for target in (*targets, *(mark["target"] for mark in told["annotations"]["list"])):
        for name in target.keys() - asked:
            del target[name]
    for one in told["templating"]["list"]:
        one.pop("definition")
    for one in told["annotations"]["list"]:
        one.pop("query", None)
    return told


def source() -> Iterator[str]:
    """TypeScript that holds every dashboard, and the options of every panel, against its type."""
    yield HEAD
    for name in OPTIONS.values():
        path = f"@grafana/schema/dist/esm/raw/composable/{name.lower()}/panelcfg/x/{name}PanelCfg_types.gen"
        yield f"import type {{ Options as {name} }} from '{path}';"
    for kit in KITS.values():
        for board in BOARDS:
            told = body(board, kit)
            for panel in told["panels"]:
                if panel["type"] in OPTIONS:
                    yield f"({json.dumps(panel['options'])}) satisfies Some<{OPTIONS[panel['type']]}>;"
            yield f"({json.dumps(known(told))}) satisfies Some<Dashboard>;"


def test_grafanas_own_types_take_every_dashboard_and_the_options_of_every_panel(npm: Npm, tmp_path: Path) -> None:
    give_modules()
    (tmp_path / MODULES.name).symlink_to(MODULES)
    (tmp_path / "boards.ts").write_text("\n".join(source()))
    told = npm("exec", "--", "tsc", *SETTINGS, str(tmp_path / "boards.ts"))
    assert (told.returncode, told.stdout) == (0, "")

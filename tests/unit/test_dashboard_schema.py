"""Every dashboard that Weft makes is one that Grafana 10.1 reads, in both forms; and the check finds what is not."""

import json
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from unit.dashboard_schema import faults
from unit.test_dashboards import RUN, STOCK
from weft.dashboards.board import Board, text_of
from weft.dashboards.jobs import job_board
from weft.dashboards.kits import KITS
from weft.dashboards.standing import standing

BOARDS = [*standing(), job_board(RUN, "hpc", ["cpu.user", "memory.used"], ZoneInfo("UTC"))]


@pytest.mark.parametrize("kit", KITS)
@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_grafana_reads_it(board: Board, kit: str) -> None:
    assert faults(json.loads(text_of(board, KITS[kit]))) == []


def told() -> dict[str, Any]:
    board: dict[str, Any] = json.loads(text_of(BOARDS[1], STOCK))
    assert board["uid"] == "weft-switch"
    return board


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda b: b.pop("uid"), "dashboard: no 'uid'"),
        (lambda b: b.update(uid="x" * 41), f"dashboard: uid = {'x' * 41!r}"),
        (lambda b: b.update(uid="a.b"), "dashboard: uid = 'a.b'"),
        (lambda b: b.update(title=" "), "dashboard: title = ' '"),
        (lambda b: b.update(tags="weft"), "dashboard: tags = 'weft'"),
        (lambda b: b.update(schemaVersion=42), "dashboard: schemaVersion = 42"),
        (lambda b: b.update(graphTooltip=True), "dashboard: graphTooltip = True"),
        (lambda b: b["time"].update(to="yesterday"), "dashboard.time: to = 'yesterday'"),
        (lambda b: b["time"].update({"from": "1795348800000"}), "dashboard.time: from = '1795348800000'"),
        (lambda b: b.update(rows=[]), "dashboard: unknown 'rows'"),
        (lambda b: b["panels"][0].update(id=2), "panel id 2 twice"),
        (lambda b: b["panels"][0].update(span=6), "panel 1: unknown 'span'"),
        (lambda b: b["panels"][0].update(datasource="Weft"), "panel 1: datasource is no object"),
        (lambda b: b["panels"][0]["gridPos"].update(x=13), "panel 1: outside the grid"),
        (lambda b: b["panels"][1]["gridPos"].update(x=11), "panels 1 and 2 overlap"),
        (lambda b: b["panels"][0]["targets"][0].pop("datasource"), "panel 1: no source"),
        (lambda b: b["panels"][1]["targets"][1].update(refId="A"), "panel 2: refId A twice"),
        (lambda b: b["panels"][0].update(targets=[]), "panel 1: asks nothing"),
        (lambda b: b["panels"][0]["fieldConfig"]["defaults"].update(nulls="-"),
         "panel 1.fieldConfig.defaults: unknown 'nulls'"),
        (lambda b: b["templating"]["list"][0].update(type="list"), "templating switch: type = 'list'"),
        (lambda b: b["templating"]["list"][0].update(name="other"), "no variable $switch"),
        (lambda b: b["annotations"]["list"][1].update(name="Fabric changes"), "annotations: Fabric changes twice"),
        (lambda b: b["annotations"]["list"][0].pop("iconColor"), "annotations Fabric changes: no 'iconColor'"),
        (lambda b: b["links"][0].update(type="dashboard"), "link: type = 'dashboard'"),
    ],
)  # fmt: skip
def test_what_grafana_would_not_read_is_found(spoil: Callable[[dict[str, Any]], object], fault: str) -> None:
    board = told()
    spoil(board)
    assert fault in faults(board)

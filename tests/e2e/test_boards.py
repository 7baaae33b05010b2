"""Every query of every dashboard and alert rule that Weft ships, asked of the living demo as Grafana asks it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from e2e.living import LivingDemo
from e2e.panels import Grafana, Span, form

KITS = ("plugin", "stock")
RULES = Path(__file__).parents[2] / "provisioning/grafana/alerting/weft.yaml"
MANY = 10
"""Hosts of a job that has something to tell of its routes."""

Board = Mapping[str, Any]
Row = Mapping[str, Any]


@pytest.fixture(scope="module")
def grafana(demo: LivingDemo) -> Iterator[Grafana]:
    with httpx.Client(base_url=demo.url, timeout=60) as client:
        tables = client.get("/api/v1/tables").json()
        counting = {table["name"] for table in tables if "step" in {param["name"] for param in table["params"]}}
        yield Grafana(client, frozenset(counting))


@pytest.fixture(scope="module")
def folders(demo: LivingDemo, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The dashboards of both forms, as files."""
    made = {kit: tmp_path_factory.mktemp("boards") / kit for kit in KITS}
    for kit, folder in made.items():
        assert " written, 0 removed, 0 as before.\n" in provision(demo, kit, folder)
    return made


def provision(demo: LivingDemo, kit: str, folder: Path) -> str:
    stock = ["--stock"] if kit == "stock" else []
    run = demo.weft("provision", "--folder", str(folder), "--data", str(demo.folder), *stock)
    assert run.returncode == 0, run.stderr
    return run.stdout


def rows(grafana: Grafana, text: str) -> list[Row]:
    """A table as objects, over all time."""
    told = grafana.client.post("/api/v1/query", json={"q": text, "limit": 10_000, "from": 0, "to": "now"})
    answer = told.raise_for_status().json()
    names = [column["name"] for column in answer["columns"]]
    return [dict(zip(names, row, strict=True)) for row in answer["rows"]]


def standing(folder: Path) -> list[Board]:
    return [json.loads(path.read_bytes()) for path in sorted(folder.glob("weft-*.json")) if "-job-" not in path.name]


def of_jobs(folder: Path, jobs: Sequence[Row]) -> list[Board]:
    keys = [str(job["run"]).replace(":", "-").replace("@", "-")[:-3] for job in jobs]
    return [json.loads((folder / f"weft-job-{key}.json").read_bytes()) for key in keys]


def chosen(grafana: Grafana) -> list[Row]:
    """Runs of several hosts: those of the story, and the newest that run and that have ended."""
    wide = [job for job in rows(grafana, "jobs") if job["hosts"] > MANY and job["start"] is not None]
    wide = [job for job in wide if job["end"] is None or job["end"] - job["start"] > 20 * 60_000]
    named = [
        job for job in rows(grafana, "jobs") if job["name"] in ("hurricane", "wing-fine", "wing-coarse", "halo-merge")
    ]
    running = [job for job in wide if job["state"] == "RUNNING"][:2]
    ended = [job for job in wide if job["end"] is not None][:2]
    assert len(named) == 4
    assert len(running) == len(ended) == 2
    return [*named, *running, *ended]


def fills(grafana: Grafana, board: Board) -> Iterator[dict[str, str]]:
    """Values of its variables: the first that it offers, as Grafana begins, and those with a story."""
    told = {"host": ["node005"], "switch": ["spine01"], "cable": [rows(grafana, "cables host=node005")[0]["cable"]]}
    names = [one["name"] for one in board["templating"]["list"]]
    if not names:
        yield {}
        return
    (name,) = names
    values = grafana.values(board, name)
    for value in (values[0], *told.get(name, values[1:2])):
        assert value in values
        yield {name: value}


@pytest.mark.parametrize("kit", KITS)
def test_every_query_is_answered_with_data_or_the_board_says_that_nothing_is_well(
    grafana: Grafana, folders: Mapping[str, Path], kit: str
) -> None:
    boards = [(board, filled) for board in standing(folders[kit]) for filled in fills(grafana, board)]
    boards += [(board, {}) for board in of_jobs(folders[kit], chosen(grafana))]
    asked = [one for board, filled in boards for one in grafana.asks(board, filled)]
    assert len(asked) > 250
    assert [str(one) for one in asked if one.status != 200] == []
    assert [str(one) for one in asked if not one.found and not one.empty] == []
    # Of what may be empty the demo has an example.
    places = {(one.kind, one.place) for one in asked}
    assert sorted(places - {(one.kind, one.place) for one in asked if one.found}) == []


def test_the_same_again_writes_nothing(demo: LivingDemo, folders: Mapping[str, Path]) -> None:
    folder = folders["plugin"]
    before = {path: path.stat().st_mtime_ns for path in folder.glob("weft-*.json") if "-job-" not in path.name}
    told = provision(demo, "plugin", folder)
    # The demo lives: a job may have started or ended between the two.
    written = int(told.partition(" ")[0])
    assert written < 10
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_demo_has_an_example_of_each_trouble(grafana: Grafana) -> None:
    assert [(one["host"], one["state"], one["port"]) for one in rows(grafana, "vanished")] == [
        ("node200", "vanished", "leaf12/2")
    ]
    assert [(one["a"], one["b"]) for one in rows(grafana, "degraded")] == [("leaf03/8", "node044 mlx5_0/1")]
    assert {"cable_moved", "ends_exchanged", "link_changed", "node_gone"} <= {
        one["kind"] for one in rows(grafana, "fabric_changes")
    }
    exchanged = rows(grafana, "cables identity=ambiguous")
    assert {one["a"] for one in exchanged} == {"leaf06/10", "leaf06/11"}
    history = rows(grafana, f"cable_history cable={exchanged[0]['cable']}")
    assert len({one["reading"] for one in history}) == 2


def test_routes_are_certain_where_tables_were_read_and_nothing_changed(grafana: Grafana) -> None:
    (lopsided,) = rows(grafana, "job job=4711")
    routes = [one for one in rows(grafana, f"job_routes job={lopsided['run']}") if one["basis"] != "host_link"]
    sure = [one for one in routes if one["basis"] == "static"]
    # node220 alone is on leaf13, as its fourth host: what comes for it leaves leaf07 by the fourth cable up, port 22.
    assert {one["port"] for one in sure if (one["switch"], one["direction"]) == ("leaf07", "out")} == {22}
    shares = {one["basis"] for one in rows(grafana, f"job_neighbours job={lopsided['run']}")}
    assert "static" in shares


def test_every_alert_rule_is_answered_and_fires_when_the_demo_has_its_trouble(grafana: Grafana) -> None:
    (gone,) = rows(grafana, "fabric_changes kind=node_gone")
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    before, after = (
        {rule["uid"] for rule in rules if firing(grafana, rule, gone["time"] + minutes * 60_000)}
        for minutes in (-5, 20)
    )
    assert {rule["uid"] for rule in rules} == {
        "weft-host-vanished", "weft-ingest-late", "weft-link-down", "weft-link-errors",
    }  # fmt: skip
    assert (before, after) == ({"weft-link-errors"}, {"weft-link-errors", "weft-host-vanished"})


def firing(grafana: Grafana, rule: Mapping[str, Any], at_ms: int) -> bool:
    """Whether a rule fires at a time: its query, reduced, held against its threshold."""
    asked, reduce, threshold = rule["data"]
    span = Span(at_ms - asked["relativeTimeRange"]["from"] * 1000, at_ms)
    told = grafana.client.post("/graphite/render", data=form(asked["model"]["target"], span, 100))
    assert told.status_code == 200, told.text
    known = [[value for value, _ in series["datapoints"] if value is not None] for series in told.json()]
    (condition,) = threshold["model"]["conditions"]
    if not any(known):
        return bool(rule["noDataState"] == "Alerting")
    reducer = {"sum": sum, "last": lambda numbers: numbers[-1]}[reduce["model"]["reducer"]]
    (bound,) = condition["evaluator"]["params"]
    fires = {"gt": lambda value: value > bound, "lt": lambda value: value < bound}[condition["evaluator"]["type"]]
    return any(fires(reducer(values)) for values in known if values)

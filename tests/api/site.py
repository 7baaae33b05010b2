"""A small site on engines of the caller's choice, and requests as real clients send them.

The ft324 tree as seen at 22:23:15, 22:23:20 (node003 and node021 changed places) and 22:23:48 (node018 vanished, ...);
three jobs; two host metrics and a counter of leaf01/1; two log lines. All on 2026-11-22 UTC; it is 2026-11-23 00:00.
"""

import json
from pathlib import Path
from typing import Any

import httpx

from weft.app import open_engines
from weft.base.config import Elasticsearch, Http, Inventory, Logs, Metrics, Neo4j, Settings, Site
from weft.metrics.writer import WhisperWriter

DATA = Path(__file__).parents[1] / "data"

FROM_S = 1_795_384_800
"""2026-11-22T22:00:00Z, where the ranges in tests/data/grafana begin; they end an hour later."""
NOW_S = FROM_S + 7200

LEAF01 = "7cfe900300a00000"

SACCT = """\
Cluster|JobID|JobIDRaw|User|Account|Partition|State|ExitCode|Submit|Start|End|NNodes|NodeList|JobName
demo|4711|4711|alice|physics|batch|COMPLETED|0:0|2026-11-22T22:09:00|2026-11-22T22:10:00|2026-11-22T22:40:00|3|node[001-003]|cfd
demo|4712|4712|bob|chem|batch|FAILED|1:0|2026-11-22T22:19:00|2026-11-22T22:20:00|2026-11-22T22:30:00|1|node003|md
demo|4713|4713|alice|physics|short|RUNNING|0:0|2026-11-22T22:49:00|2026-11-22T22:50:00|Unknown|1|node004|post
"""
SYSLOG = """\
<3>2026-11-22T22:23:40+00:00 node001 kernel: mlx5_core 0000:3b:00.0: port 1 link down
<6>2026-11-22T22:45:00+00:00 node004 kernel: mlx5_core 0000:3b:00.0: port 1 link up
"""
POINTS: dict[str, dict[int, float]] = {
    "demo.node001.load": {FROM_S + 600: 1.0, FROM_S + 660: 2.0, FROM_S + 2400: 9.0},
    "demo.node002.load": {FROM_S + 600: 5.0},
    f"fabric.{LEAF01}.1.PortXmitData": {FROM_S + 600: 1000.0, FROM_S + 660: 1600.0},
}
"""Values by series and time; the files keep a value a minute."""

SETTINGS = Settings(
    site=Site(cluster="demo", fabric="ib", timezone="UTC"),
    metrics=Metrics(retention="1m:7d"),
    http=Http(identity_header="X-Grafana-User", operators=("root",), proxies=("10.0.0.5",)),
)


def now_ms() -> int:
    """The clock of these tests."""
    return NOW_S * 1000


def points(start_s: int, count: int, known: dict[int, float], unit: int = 1) -> list[list[float | int | None]]:
    """`[value, time]` a minute from a start on, null where nothing is known; `unit`: what a second counts."""
    return [[known.get(start_s + 60 * i), (start_s + 60 * i) * unit] for i in range(count)]


def recorded(name: str) -> dict[str, Any]:
    """A request as a real client sends it: method, path, headers, and the body as an object, a text or nothing."""
    told: dict[str, Any] = json.loads((DATA / "grafana" / f"{name}.json").read_text())
    return told


def strict(answer: httpx.Response) -> Any:
    """The answer's JSON as a browser and Go read it: no NaN, no Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    return json.loads(answer.content, parse_constant=refuse)


async def fill(settings: Settings) -> None:
    """Fill an empty site: series by the writer, everything else by importing files."""
    folder = settings.data
    dumps = folder / "dumps"
    dumps.mkdir()
    (dumps / "sacct.txt").write_text(SACCT)
    (dumps / "syslog.txt").write_text(SYSLOG)
    names = ("ft324-1-before", "ft324-2-moved", "ft324-4-failures")
    sweeps = [DATA / "ib" / name / "ibnetdiscover.txt" for name in names]
    writer = WhisperWriter(folder / "whisper", "1m:7d")
    for series, values in POINTS.items():
        for at_s, value in values.items():
            writer.write(at_s, [(series, value)], now_s=NOW_S)
    async with open_engines(settings, owner=True, clock=now_ms) as engines:
        assert engines.importer is not None
        report = await engines.importer.import_paths([*sweeps, dumps], seen_at_ms=NOW_S * 1000)
        assert [file.outcome for file in report.files] == ["imported"] * 5


def settings_in(folder: Path) -> Settings:
    """The settings of these tests for a data folder."""
    return SETTINGS.model_copy(update={"data": folder})


def settings_on(folder: Path, neo4j: Neo4j, elasticsearch: Elasticsearch) -> Settings:
    """The settings of these tests for a data folder whose inventory and log lines are kept by servers."""
    engines = {"inventory": Inventory(engine="neo4j"), "logs": Logs(engine="elasticsearch")}
    return settings_in(folder).model_copy(update={**engines, "neo4j": neo4j, "elasticsearch": elasticsearch})


async def send(client: httpx.AsyncClient, name: str, **headers: str) -> httpx.Response:
    """Send a recorded request as it was recorded."""
    told = recorded(name)
    body = told["body"]
    content = body if isinstance(body, str) or body is None else json.dumps(body)
    return await client.request(told["method"], told["path"], content=content, headers=told["headers"] | headers)

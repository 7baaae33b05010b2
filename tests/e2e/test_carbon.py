"""`weft serve` beside a real carbon-cache that is killed while points flow: what is known is served, and nothing false.

8 s of 5,000 points a second, half of them before the kill; WEFT_SOAK=1 makes it 60 s and two kills.
"""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import whisper
from tests.services import carbon

from e2e.served import ENVIRONMENT, Served

SOAK = os.environ.get("WEFT_SOAK") == "1"
FLOW_S, KILLS = (20.0, 2) if SOAK else (4.0, 1)
"""How long points flow before each kill and after the last one."""
SERIES, RATE = 2500, 5000
UPDATES = 100
"""Files that carbon writes a second: a point waits 25 s for that, and so most of them are in the cache only."""
PANEL = "site.node{00,01,02,03}?.m0"
SHOWN = [f"site.node{n:03d}.m0" for n in range(40)]
NAMES = [f"site.node{n // 5:03d}.m{n % 5}" for n in range(SERIES)]
FRESH_S = 4
"""What was sent so long ago is served, with two busy processors."""


VALUES = {name: i / 4096 for i, name in enumerate(NAMES)}
"""What a series has beside the second of a point, so that every point that is served can be judged."""


class Feeder(threading.Thread):
    """Sends every series twice a second until it is told to end; it does not mind when nobody listens."""

    def __init__(self, server: carbon.Server) -> None:
        super().__init__(name="feeder")
        self._server, self._end = server, threading.Event()
        self.sent: list[int] = []
        """Seconds of which every point was handed over."""

    def run(self) -> None:
        due_s = time.monotonic()
        while not self._end.wait(max(0.0, due_s - time.monotonic())):
            due_s += SERIES / RATE
            at_s = int(time.time())
            points = [(name, float(at_s % 100_000 + part), at_s) for name, part in VALUES.items()]
            try:
                self._server.send(points)
            except OSError:
                continue
            self.sent.append(at_s)

    def stop(self) -> None:
        self._end.set()
        self.join()


class Panel:
    """Asks for its series, and judges each answer."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.asked = 0
        self.longest_s = 0.0

    def ask(self) -> tuple[dict[str, dict[int, float]], str]:
        """Values by series and time, and the notice that came with them."""
        began_s = time.monotonic()
        answer = self._client.get("/graphite/render", params={"target": PANEL, "from": "-90s"}, timeout=10)
        self.longest_s = max(self.longest_s, time.monotonic() - began_s)
        self.asked += 1
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()
        assert [row["target"] for row in rows] == SHOWN
        served = {row["target"]: {at: v for v, at in row["datapoints"] if v is not None} for row in rows}
        for name, points in served.items():
            wrong = {at: value for at, value in points.items() if value != at % 100_000 + VALUES[name]}
            assert not wrong, f"{name}: {wrong}"
        return served, answer.headers.get("x-weft-notice", "")

    def watch(self, seconds: float) -> tuple[dict[str, dict[int, float]], str]:
        """Ask ten times a second for so long; the last answer."""
        ends_s = time.monotonic() + seconds
        while True:
            last = self.ask()
            if time.monotonic() > ends_s:
                return last
            time.sleep(0.1)

    def until(self, told: bool) -> tuple[dict[str, dict[int, float]], str]:
        """Ask until there is a notice, or none."""
        ends_s = time.monotonic() + 30
        while bool((last := self.ask())[1]) is not told:
            assert time.monotonic() < ends_s, last[1]
            time.sleep(0.1)
        return last


@pytest.fixture
def carbon_slow(tmp_path: Path) -> Iterator[carbon.Server]:
    """A carbon-cache that is slow to write, on a tree with the files of all series."""
    whisper.create(str(tmp_path / "empty"), [(1, 300)], xFilesFactor=0, aggregationMethod="last")
    empty = (tmp_path / "empty").read_bytes()
    for name in NAMES:
        path = tmp_path / "whisper" / f"{name.replace('.', '/')}.wsp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(empty)
    with carbon.serving(tmp_path, "1s:5m", settings={"MAX_UPDATES_PER_SECOND": UPDATES}) as server:
        yield server
        server.kill()


def on_disk(tree: Path, name: str, from_s: int) -> dict[int, float]:
    """What the file holds, as whisper-fetch reads it."""
    (start_s, end_s, step_s), values = whisper.fetch(str(tree / f"{name.replace('.', '/')}.wsp"), from_s)
    return {at: v for at, v in zip(range(start_s, end_s, step_s), values, strict=True) if v is not None}


def test_a_carbon_that_is_killed_while_points_flow(carbon_slow: carbon.Server, tmp_path: Path) -> None:
    environment = ENVIRONMENT | {
        "WEFT_METRICS__PATH": str(carbon_slow.tree),
        "WEFT_CARBON__CACHES": f"127.0.0.1:{carbon_slow.query_port}:a",
    }
    feeder = Feeder(carbon_slow)
    with Served(tmp_path / "data", environment=environment) as weft, httpx.Client(base_url=weft.url) as client:
        panel = Panel(client)
        feeder.start()
        try:
            for _ in range(KILLS):
                flows(panel, feeder, carbon_slow)
                killed(panel, carbon_slow, weft)
                carbon_slow.restart()
                _, notice = panel.until(told=False)
                assert notice == ""
            flows(panel, feeder, carbon_slow)
        finally:
            feeder.stop()
    lines = [line for line in weft.log.read_text().splitlines() if "carbon-cache" in line]
    assert sum("is not served" in line for line in lines) == KILLS, lines
    assert panel.longest_s < 5
    rate = len(feeder.sent) * SERIES
    print(f"{rate} points handed over, {panel.asked} answers, the longest in {panel.longest_s:.2f} s")


def flows(panel: Panel, feeder: Feeder, server: carbon.Server) -> None:
    """While carbon lives, what it was handed is served, most of it from its cache only."""
    began_s = int(time.time())
    panel.watch(FLOW_S)
    sent = {at for at in feeder.sent if began_s <= at}
    served, notice = panel.ask()
    disk = {name: on_disk(server.tree, name, began_s - 1) for name in SHOWN}
    assert notice == ""
    expected = {at for at in sent if at < time.time() - FRESH_S}
    # carbon holds one series in its hands, neither in its cache nor in the file.
    missing = [name for name in SHOWN if not expected <= served[name].keys()]
    assert len(missing) <= 1, missing
    only_held = sum(len(served[name].keys() - disk[name].keys()) for name in SHOWN)
    assert only_held > len(SHOWN) * len(expected) / 2


def killed(panel: Panel, server: carbon.Server, weft: Served) -> None:
    """Once carbon is dead, what it had on disk is served, as it is there, with a notice."""
    server.kill()
    panel.until(told=True)
    served, notice = panel.watch(1.0)
    assert f"carbon-cache 127.0.0.1:{server.query_port}:a does not answer" in notice
    from_s = int(time.time()) - 80
    for name, points in served.items():
        disk = on_disk(server.tree, name, from_s)
        assert {at: value for at, value in points.items() if at > from_s} == disk
    told = [gap["what"] for gap in weft.get("/api/v1/status")["missing"] if "carbon-cache" in gap["what"]]
    assert len(told) == 1
    assert "does not answer (Connection refused)" in told[0]

"""The demo from outside: how soon it answers, that it lives, and how it ends and goes on."""

import json
import signal
import time
from collections.abc import Callable

import httpx

from e2e.living import LivingDemo

FROM_NOTHING_S = 30
"""Issue 3: from a warm virtual environment to the first answer over HTTP."""
LIVES_WITHIN_S = 45


def newest_point_s(demo: LivingDemo, target: str) -> int:
    answer = httpx.get(f"{demo.url}/graphite/render", params={"format": "json", "from": "-5min", "target": target})
    (series,) = answer.json()
    return max(at_s for value, at_s in series["datapoints"] if value is not None)


def newest_line_ms(demo: LivingDemo) -> int:
    told = demo.weft("logs", "--limit", "1", "--json", "--data", str(demo.folder))
    return int(json.loads(told.stdout)["logs"][0]["time"])


def grows(what: Callable[[], int], than: int) -> bool:
    until = time.monotonic() + LIVES_WITHIN_S
    while time.monotonic() < until:
        if what() > than:
            return True
        time.sleep(1)
    return False


def test_the_first_answer_comes_within_the_bar(demo: LivingDemo) -> None:
    assert demo.answered_after_s < FROM_NOTHING_S


def test_it_says_what_to_ask_and_how_to_point_a_grafana_at_it(demo: LivingDemo) -> None:
    assert f"placement 4711 --data {demo.folder}" in demo.said
    assert f"Graphite, version 1.1.x       {demo.url}/graphite" in demo.said
    assert f"SimpleJSON, or JSON (simPod)  {demo.url}/json" in demo.said


def test_its_folder_stays_within_the_bounds_of_the_issue(demo: LivingDemo) -> None:
    files = [path.stat().st_size for path in (demo.folder / "whisper").rglob("*.wsp")]
    assert 7000 < len(files) <= 8000
    assert sum(files) <= 400e6


def test_it_lives(demo: LivingDemo) -> None:
    point_s, line_ms = newest_point_s(demo, "demo.node001.cpu.user"), newest_line_ms(demo)
    port_s = newest_point_s(demo, "switch.leaf07.1.PortXmitData")
    assert grows(lambda: newest_point_s(demo, "demo.node001.cpu.user"), point_s)
    assert grows(lambda: newest_point_s(demo, "switch.leaf07.1.PortXmitData"), port_s)
    assert grows(lambda: newest_line_ms(demo), line_ms)


def test_files_are_imported_beside_it(demo: LivingDemo) -> None:
    told = demo.weft("import", str(demo.folder / "dumps"), "--data", str(demo.folder))
    assert told.returncode == 0
    assert {line.split()[0] for line in told.stdout.splitlines() if " /" in line} <= {"imported", "unchanged"}


def test_a_second_owner_is_told_who_has_the_folder(demo: LivingDemo) -> None:
    told = demo.weft("serve", "--data", str(demo.folder), "--port", "0")
    assert told.returncode == 1
    assert told.stdout == ""
    assert told.stderr.startswith(f"error: The data folder {demo.folder} is in use by process ")
    assert f"(weft demo at {demo.url})" in told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_a_taken_port_is_said_before_anything_is_made(demo: LivingDemo) -> None:
    port, other = demo.url.rpartition(":")[2], demo.folder.parent / "other"
    told = demo.weft("demo", "--data", str(other), "--port", port)
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith(f"error: Port {port} on 127.0.0.1 is taken by another process. Give --port ")
    assert not other.exists()


def test_it_ends_within_two_seconds_and_goes_on_where_it_was(demo: LivingDemo) -> None:
    before = json.loads((demo.folder / "demo.json").read_text())
    status, seconds = demo.stop(signal.SIGTERM)
    assert status == 0
    assert seconds < 2
    demo.start()
    assert demo.said.startswith(f"Going on with the site in {demo.folder}.\n")
    after = json.loads((demo.folder / "demo.json").read_text())
    assert after["built_s"] == before["built_s"]
    assert after["told_s"] >= before["told_s"]
    assert "node126" in demo.weft("placement", "4711", "--data", str(demo.folder)).stdout

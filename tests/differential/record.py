"""`python -m tests.differential.record [TARGET...]`: ask graphite-web again for the answers in tests/data.

Its series are written as whisper files; every recorded case is asked over HTTP, and each target given here becomes one
more. `test_functions_golden.py` compares with them where no graphite-web runs.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import whisper
from tests.differential.asking import ask_graphite_web
from tests.services import graphite_web

LATER_S = 3600
"""How long after the window it is asked, so that what lies after it can be seen too."""
RECORDED = Path(__file__).parent.parent / "data" / "graphite-web-1.1.10.json"


def main(targets: list[str]) -> None:
    """Write the answers to all cases."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    from_s, until_s = recorded["window"]
    known = [case["targets"] for case in recorded["cases"]]
    recorded["cases"] += [
        {"targets": [target], "maxDataPoints": None, "xFilesFactor": 0} for target in targets if [target] not in known
    ]
    with TemporaryDirectory(prefix="weft-recorded-") as name:
        tree = Path(name)
        for series, held in recorded["series"].items():
            _write(tree / f"{series.replace('.', '/')}.wsp", held, until_s + LATER_S)
        with graphite_web.serving(tree) as server:
            for case in recorded["cases"]:
                options = {"xFilesFactor": case["xFilesFactor"]}
                if case["maxDataPoints"] is not None:
                    options["maxDataPoints"] = case["maxDataPoints"]
                told = ask_graphite_web(server.url, case["targets"], (from_s, until_s), until_s + LATER_S, options)
                if told.status != 200:
                    raise SystemExit(f"graphite-web answers {told.status} to {case['targets']}: {told.said}")
                case["answer"] = [_answered(one) for one in told.series]
    members = [f'"{name}": {json.dumps(recorded[name])}' for name in ("source", "window")]
    series = ",\n".join(f"{json.dumps(name)}:{_short(held)}" for name, held in recorded["series"].items())
    cases = ",\n".join(_short(case) for case in recorded["cases"])
    members += [f'"series": {{\n{series}\n}}', f'"cases": [\n{cases}\n]']
    RECORDED.write_text("{" + ",\n".join(members) + "}\n", encoding="utf-8")


def _write(path: Path, held: dict[str, Any], now_s: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    whisper.create(str(path), [(held["step"], 100_000 // held["step"])])
    slots = enumerate(held["values"])
    points = [(held["start"] + slot * held["step"], value) for slot, value in slots if value is not None]
    if points:
        whisper.update_many(str(path), points, now=now_s)


def _answered(one: dict[str, Any]) -> list[Any]:
    times = [at_s for _, at_s in one["datapoints"]]
    step_s = times[1] - times[0] if len(times) > 1 else 0
    return [one["target"], one["tags"], times[0] if times else 0, step_s, [value for value, _ in one["datapoints"]]]


def _short(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    main(sys.argv[1:])

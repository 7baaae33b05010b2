"""What `/functions` tells of each function, against what graphite-web 1.1.10 tells of it."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from weft.metrics.functions import registry

RECORDED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data" / "graphite-web-1.1.10-functions.json").read_text(encoding="utf-8")
)
DESCRIBED: dict[str, dict[str, Any]] = json.loads(orjson.dumps(registry.described()).replace(b"1e9999", b'"inf"'))
TOLD_BESIDES = {("highest", "n"): {"default": 1}, ("lowest", "n"): {"default": 1}}
"""graphite-web lets these be left out too, but says they are required and tells no default."""


@pytest.mark.parametrize("name", sorted(DESCRIBED))
def test_a_function_is_described_as_graphite_web_describes_it(name: str) -> None:
    ours, theirs = DESCRIBED[name], RECORDED[name]
    expected = [param | TOLD_BESIDES.get((name, param["name"]), {}) for param in theirs["params"]]
    assert (ours["group"], ours["params"]) == (theirs["group"], expected)


def test_callbacks_are_those_of_graphite_web() -> None:
    theirs = {name for name, told in RECORDED.items() if told["aggregator"]}
    assert {name for name in RECORDED if registry.aggregator(name)} == theirs

"""Functions of windows, forecasts, tags, names and drawing: the answers recorded from graphite-web 1.1.10."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from unit.stored import UTC, Stored, numbers, series
from weft.base.access import LOCAL, Viewer
from weft.metrics.evaluate import Engine
from weft.metrics.series import Window

pytestmark = pytest.mark.anyio

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "data" / "graphite-web-1.1.10-windows.json").read_text(encoding="utf-8")
)
HELD = [series(name, one["values"], one["step"], one["start"]) for name, one in RECORDED["series"].items()]


class Recorded:
    """The events that were there when the answers were recorded."""

    async def events(self, tags: Sequence[str], window: Window, viewer: Viewer) -> Sequence[int]:
        return [
            at_s
            for at_s, words in RECORDED["events"]
            if window.from_s <= at_s < window.until_s and set(tags) <= set(words.split())
        ]


@pytest.mark.parametrize(
    "case",
    RECORDED["cases"],
    ids=lambda case: f"{';'.join(case['targets'])} at most {case['maxDataPoints']} xff {case['xFilesFactor']}",
)
async def test_the_answer_is_the_one_that_graphite_web_gives(case: dict[str, Any]) -> None:
    from_s, until_s = RECORDED["window"]
    answer = await Engine(Stored.of(*HELD), events=Recorded()).render(
        case["targets"],
        Window(from_s, until_s, until_s),
        LOCAL,
        zone=UTC,
        max_points=case["maxDataPoints"],
        x_files_factor=case["xFilesFactor"],
    )
    # graphite-web prints no step; it shows from two points on.
    ours = [[one.name, one.tags, one.start_s, one.step_s * (len(one.values) > 1)] for one in answer.series]
    theirs = [[name, tags, start_s, step_s] for name, tags, start_s, step_s, values in case["answer"] if values]
    assert [one for one, made in zip(ours, answer.series, strict=True) if len(made.values)] == theirs
    values = [numbers(one) for one in answer.series if len(one.values)]
    recorded = [values for *_, values in case["answer"] if values]
    assert [[value is None for value in some] for some in values] == [
        [value is None for value in some] for some in recorded
    ]
    for some, expected in zip(values, recorded, strict=True):
        assert [value for value in some if value is not None] == pytest.approx(
            [value for value in expected if value is not None], rel=1e-12, abs=1e-12
        )

"""Every function against a real graphite-web 1.1.10 in the same run: the same names, order, times and values.

`targets*.txt` hold one target a line, after it perhaps options; `differences.txt` those that are answered otherwise on
purpose, under the reason.
"""

from pathlib import Path

import pytest
from tests.differential.asking import compared
from tests.differential.conftest import Judge
from tests.differential.generated import functions
from tests.differential.on_purpose import REASONS, lines_of
from tests.differential.shapes import SHAPES, TAGGED

from weft.metrics.evaluate import Engine
from weft.metrics.functions import registry
from weft.metrics.target import parse

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("targets*.txt"))
MOST_DIFFERENCES = 15


TARGETS = [line for path in FILES for line in lines_of(path.read_text(encoding="utf-8"))]
DIFFERENCES = [line for part in REASONS for line in lines_of(part)]


def asked(line: str) -> tuple[str, dict[str, str | int]]:
    """A line's target and its options: `target  maxDataPoints=7 xFilesFactor=0.5`."""
    target, _, rest = line.partition("  ")
    options = dict(option.split("=") for option in rest.split())
    return target, {name: int(value) if name == "maxDataPoints" else value for name, value in options.items()}


@pytest.mark.parametrize("line", TARGETS)
async def test_the_answer_is_the_one_that_graphite_web_gives(line: str, graphiteweb: Judge, engine: Engine) -> None:
    found, _ = await compared(*asked(line), graphiteweb, engine)
    assert found is None


@pytest.mark.parametrize("line", DIFFERENCES)
async def test_a_difference_on_purpose_is_still_one(line: str, graphiteweb: Judge, engine: Engine) -> None:
    found, _ = await compared(*asked(line), graphiteweb, engine, infinite=True)
    assert found is not None


def test_every_function_is_asked_in_three_targets() -> None:
    count: dict[str, set[str]] = {}
    for line in TARGETS:
        for name in functions(parse(asked(line)[0])):
            count.setdefault(name, set()).add(line)
    assert {name for name in registry.described() if len(count.get(name, ())) < 3} == set()


def test_there_are_targets_and_shapes_enough() -> None:
    assert len(set(TARGETS)) >= 600
    assert len(SHAPES) + len(TAGGED) >= 40


def test_differences_on_purpose_are_few_and_say_why() -> None:
    assert len(REASONS) <= MOST_DIFFERENCES
    assert all(part.startswith("# ") and lines_of(part) for part in REASONS)

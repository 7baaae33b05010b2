"""Every function against a real graphite-web 1.1.10 in the same run: the same names, order, times and values.

`targets*.txt` hold one target a line, after it perhaps options; `differences.txt` those that are answered otherwise on
purpose, under the reason.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.differential.asking import ask_graphite_web, ask_weft, difference
from tests.differential.conftest import Judge
from tests.differential.shapes import WINDOW_S

from weft.metrics.evaluate import Engine
from weft.metrics.functions import registry
from weft.metrics.target import BY_TAG, Call, Node, Tagged, Template, parse
from weft.metrics.whisper import WhisperStore

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("targets*.txt"))
MOST_DIFFERENCES = 15
BY_CHANCE = {"randomWalk", "randomWalkFunction"}
"""Functions whose values are never the same twice."""


def lines(path: Path) -> list[str]:
    """The lines of a data file that say something."""
    told = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in told if line and not line.startswith("#")]


TARGETS = [line for path in FILES for line in lines(path)]
DIFFERENCES = lines(HERE / "differences.txt")


def asked(line: str, now_s: int) -> tuple[str, dict[str, str | int]]:
    """A line's target with its times filled in, and its options: `target  maxDataPoints=7 xFilesFactor=0.5`."""
    target, _, rest = line.partition("  ")
    for word, at_s in (("<from>", now_s - WINDOW_S), ("<middle>", now_s - WINDOW_S // 2), ("<until>", now_s)):
        target = target.replace(word, str(at_s))
    options = dict(option.split("=") for option in rest.split())
    return target, {name: int(value) if name == "maxDataPoints" else value for name, value in options.items()}


@pytest.fixture
async def engine(graphiteweb: Judge) -> AsyncIterator[Engine]:
    async with WhisperStore(graphiteweb.tree, 3600) as store:
        yield Engine(store)


async def compared(line: str, judge: Judge, engine: Engine, *, infinite: bool = False) -> str | None:
    """Where the answers to a line differ."""
    target, options = asked(line, judge.now_s)
    span = judge.now_s - WINDOW_S, judge.now_s
    theirs = ask_graphite_web(judge.url, [target], span, judge.now_s, options)
    return difference(await ask_weft(engine, target, judge.now_s, options), theirs, infinite=infinite)


@pytest.mark.parametrize("line", TARGETS)
async def test_the_answer_is_the_one_that_graphite_web_gives(line: str, graphiteweb: Judge, engine: Engine) -> None:
    assert await compared(line, graphiteweb, engine) is None


@pytest.mark.parametrize("line", DIFFERENCES)
async def test_a_difference_on_purpose_is_still_one(line: str, graphiteweb: Judge, engine: Engine) -> None:
    assert await compared(line, graphiteweb, engine, infinite=True) is not None


def test_every_function_is_asked_in_three_targets() -> None:
    count: dict[str, set[str]] = {}
    for line in TARGETS:
        for name in _functions(parse(asked(line, 1_700_000_000)[0])):
            count.setdefault(name, set()).add(line)
    few = {name for name in registry.described() if name not in BY_CHANCE and len(count.get(name, ())) < 3}
    assert few == set()


def _functions(node: Node) -> set[str]:
    if isinstance(node, Template):
        return _functions(node.body)
    if isinstance(node, Tagged):
        return {BY_TAG}
    if not isinstance(node, Call):
        return set()
    below = (_functions(value) for value in (*node.args, *(value for _, value in node.kwargs)))
    return {node.name}.union(*below)


def test_differences_on_purpose_are_few_and_say_why() -> None:
    text = (HERE / "differences.txt").read_text(encoding="utf-8")
    reasons = [part for part in text.split("\n\n") if part.startswith("# ") and "\n" in part]
    assert len(reasons) <= MOST_DIFFERENCES

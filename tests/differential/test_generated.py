"""Targets made by chance against a real graphite-web 1.1.10: the same names, order, times and values.

200 by a seed that is printed; WEFT_SOAK=1 makes it 2,000, WEFT_SEED=n another seed. Where graphite-web answers 500,
Weft answers 200 or 400 with one line, and differences.txt tells of a function in the expression that fails.
"""

import os
import random
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from tests.differential.asking import Told, ask_weft, at_times, compared
from tests.differential.conftest import Judge
from tests.differential.generated import DEEPEST, Asked, Composer, depth, functions
from tests.differential.on_purpose import KNOWN_TO_FAIL, called

from weft.metrics.evaluate import Engine
from weft.metrics.functions import registry
from weft.metrics.target import parse

pytestmark = pytest.mark.anyio

NUMBER = 2_000 if os.environ.get("WEFT_SOAK") == "1" else 200
SEED = int(os.environ.get("WEFT_SEED", "4711"))


WITH_OPTIONS = "maxDataPoints"
"""What a target fails by that fails only with the options of its request."""


class Found(NamedTuple):
    """Where two answers differ, graphite-web's, and which functions of the reasons for that are called."""

    text: str
    difference: str
    theirs: Told
    known: Sequence[str]


async def smallest(asked: Asked, judge: Judge, engine: Engine) -> Found | None:
    """The smallest expression in a target that is answered otherwise; None: there is none."""
    found, theirs = await compared(asked.made.text, asked.options, judge, engine)
    if found is None:
        return None
    for part in asked.made.within():
        # A random walk is another one each time.
        if not part.text.startswith("randomWalk"):
            within, said = await compared(part.text, {}, judge, engine)
            if within is not None:
                return Found(part.text, within, said, [name for name in called(part.text) if name in KNOWN_TO_FAIL])
    return Found(asked.made.text, found, theirs, [WITH_OPTIONS])


def test_every_function_is_in_the_targets_to_their_full_depth() -> None:
    asked = Composer(random.Random(SEED)).targets(NUMBER)
    trees = [parse(one.made.text) for one in asked]
    count = Counter(name for tree in trees for name in functions(tree))
    assert {name for name in registry.described() if count[name] < NUMBER // len(registry.described())} == set()
    assert {depth(tree) for tree in trees} == set(range(1, DEEPEST + 1))
    assert len({(one.made.text, str(one.options)) for one in asked}) == NUMBER


async def test_targets_made_by_chance_are_answered_as_graphite_web_answers_them(
    graphiteweb: Judge, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    differ: list[str] = []
    failed: Counter[str] = Counter()
    for asked in Composer(random.Random(SEED)).targets(NUMBER):
        found = await smallest(asked, graphiteweb, engine)
        if found is None:
            continue
        if found.theirs.status != 500 or not found.known:
            differ.append(f"{asked.made.text} {dict(asked.options)}\n  in {found.text}\n  {found.difference}")
            continue
        failed[found.known[0]] += 1
        ours = await ask_weft(engine, at_times(asked.made.text, graphiteweb.now_s), graphiteweb.now_s, asked.options)
        assert ours.status in (200, 400)
        assert ours.said.count("\n") == 0
    told = ", ".join(f"{name} {count}" for name, count in failed.most_common()) or "none"
    with capsys.disabled():
        print(f"\nWEFT_SEED={SEED}: {NUMBER} targets; graphite-web answers 500 to {failed.total()} of them ({told})")
    assert not differ, "\n".join([f"WEFT_SEED={SEED}", *differ])

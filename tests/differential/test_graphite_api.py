"""graphite-api 1.1.3 as a second judge where it has the functions: what it and graphite-web agree on, Weft answers too.

Where the two differ Weft follows graphite-web, and on purpose (differences.txt) sometimes neither. A tenth of the
targets is asked; WEFT_SOAK=1 asks all and those made by chance, and prints what came of it for each function.
"""

import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

import pytest
from tests.differential.asking import Verdict, ask_graphite_api, at_times, compared, verdict
from tests.differential.conftest import Judge, SecondJudge
from tests.differential.generated import Composer, functions
from tests.differential.test_against_graphite_web import DIFFERENCES, TARGETS, asked
from tests.differential.test_generated import NUMBER, SEED

from weft.metrics.evaluate import Engine
from weft.metrics.target import parse

pytestmark = pytest.mark.anyio

SOAK = os.environ.get("WEFT_SOAK") == "1"
VERDICTS: Final = get_args(Verdict)


def questions(judge: SecondJudge) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """Targets of which graphite-api has all functions, options that it has too, and whether Weft answers otherwise on
    purpose."""
    told = [(*asked(line), False) for line in (TARGETS if SOAK else TARGETS[::10])]
    told += [(*asked(line), True) for line in DIFFERENCES]
    made = Composer(random.Random(SEED)).targets(NUMBER) if SOAK else []
    told += [(one.made.text, dict(one.options), False) for one in made]
    for target, options, on_purpose in told:
        if "xFilesFactor" not in options and functions(parse(target)) <= judge.functions:
            yield target, options, on_purpose


def table(count: Mapping[str, Counter[Verdict]]) -> str:
    """For each function how many targets with it were asked, and what the judges say to each other of them."""
    lines = [f"{'':32}{'asked':>8}" + "".join(f"{word:>16}" for word in VERDICTS)]
    for name, words in sorted(count.items()):
        lines.append(f"{name:32}{words.total():8}" + "".join(f"{words[word]:16}" for word in VERDICTS))
    return "\n".join(lines)


async def test_what_both_graphites_agree_on_is_answered_so(
    graphiteweb: Judge, graphiteapi: SecondJudge, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    count: defaultdict[str, Counter[Verdict]] = defaultdict(Counter)
    every: Counter[str] = Counter()
    differ: list[str] = []
    for target, options, on_purpose in questions(graphiteapi):
        found, theirs = await compared(target, options, graphiteweb, engine)
        text = at_times(target, graphiteweb.now_s)
        said = verdict(theirs, ask_graphite_api(graphiteapi.url, text, graphiteweb.now_s, options))
        for name in functions(parse(text)) or {"(paths)"}:
            count[name][said] += 1
        every[said] += 1
        if said == "agree" and found is not None:
            if on_purpose:
                every["on purpose against both"] += 1
            else:
                differ.append(f"{target} {dict(options)}\n  {found}")
    with capsys.disabled():
        print(f"\n{dict(every)} of graphite-web and graphite-api" + (f"\n{table(count)}" if SOAK else ""))
    assert not differ, "\n".join([f"WEFT_SEED={SEED}", *differ])

"""The tree that both servers read: whisper files of more than forty shapes of data, the same in every run.

Values are fixed by a seed and times by an argument. The window asked for is the last half hour before `now_s`; files
reach an hour further back, so that functions which look there find something.
"""

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import whisper

from weft.metrics.tags import stored_as

WINDOW_S = 1800
REACH_S = 3600
STEP_S = 10
Points = list[tuple[int, float]]
"""Time and value; a time that is left out is a gap."""
Shape = Callable[[int, random.Random], float | None]
"""The value of a slot, counted from the window's first (negative: before it); None is a gap."""


def _noise(low: float, high: float, digits: int = 3, gaps: float = 0.0) -> Shape:
    def value(slot: int, chance: random.Random) -> float | None:
        there, number = chance.random() >= gaps, round(chance.uniform(low, high), digits)
        return number if there else None

    return value


def _counter(rate: int, most: int, first: int = 0) -> Shape:
    return lambda slot, chance: float((first + rate * (slot + REACH_S // STEP_S)) % most)


def _only(known: Callable[[int], bool], shape: Shape) -> Shape:
    def value(slot: int, chance: random.Random) -> float | None:
        number = shape(slot, chance)
        return number if known(slot) else None

    return value


_HALF = WINDOW_S // STEP_S // 2

SHAPES: dict[str, tuple[int, Shape]] = {
    # load.*: what a dashboard mostly shows.
    "load.h1.cpu.user": (STEP_S, _noise(0, 100)),
    "load.h1.cpu.system": (STEP_S, _noise(0, 30)),
    "load.h2.cpu.user": (STEP_S, _noise(0, 100, gaps=0.2)),
    "load.h2.cpu.system": (STEP_S, _noise(0, 30, gaps=0.5)),
    "load.h10.cpu.user": (STEP_S, _noise(-50, 50)),
    "load.h10.cpu.system": (STEP_S, _noise(-1, 1, digits=9)),
    # count.*: counters.
    "count.steady": (STEP_S, _counter(7, 10**9)),
    "count.wraps": (STEP_S, _counter(2**27 + 12345, 2**32)),
    "count.resets": (STEP_S, _counter(737, 5000)),
    "count.gaps": (STEP_S, _only(lambda slot: slot % 7 != 3, _counter(410, 3000))),
    "count.jumps": (STEP_S, lambda slot, chance: float(slot // 17 * 1000 + slot % 17)),
    # flat.*: values that do not vary, or hardly.
    "flat.zero": (STEP_S, lambda slot, chance: 0.0),
    "flat.one": (STEP_S, lambda slot, chance: 1.0),
    "flat.tenth": (STEP_S, lambda slot, chance: 0.1),
    "flat.large": (STEP_S, lambda slot, chance: 1e9 + slot % 3 * 0.001),
    "flat.steps": (STEP_S, lambda slot, chance: float(slot // 20 % 3)),
    # line.*: what a formula gives.
    "line.up": (STEP_S, lambda slot, chance: float(slot)),
    "line.down": (STEP_S, lambda slot, chance: 100.0 - slot / 3),
    "line.wave": (STEP_S, lambda slot, chance: math.sin(slot / 9)),
    "line.share": (STEP_S, lambda slot, chance: (slot % 101) / 100),
    "line.halves": (STEP_S, lambda slot, chance: slot / 2 + (slot % 4) * 0.25),
    "line.powers": (STEP_S, lambda slot, chance: 1.5 ** (slot / 4)),
    # gap.*: where there is nothing.
    "gap.all": (STEP_S, lambda slot, chance: None),
    "gap.first": (STEP_S, _only(lambda slot: slot >= 40, _noise(0, 9))),
    "gap.last": (STEP_S, _only(lambda slot: slot < 140, _noise(0, 9))),
    "gap.middle": (STEP_S, _only(lambda slot: not 60 <= slot < 120, _noise(0, 9))),
    "gap.every2": (STEP_S, _only(lambda slot: slot % 2 == 0, _noise(1, 9))),
    "gap.every3": (STEP_S, _only(lambda slot: slot % 3 == 1, _noise(1, 9))),
    "gap.every6": (STEP_S, _only(lambda slot: slot % 6 == 5, _noise(1, 9))),
    "gap.lengths": (STEP_S, _only(lambda slot: not 0 <= slot % 23 <= slot // 23 % 12, _noise(0, 9))),
    # point.*: a value or two.
    "point.first": (STEP_S, _only(lambda slot: slot == 0, _noise(1, 9))),
    "point.middle": (STEP_S, _only(lambda slot: slot == _HALF, _noise(1, 9))),
    "point.last": (STEP_S, _only(lambda slot: slot == WINDOW_S // STEP_S - 1, _noise(1, 9))),
    "point.two": (STEP_S, _only(lambda slot: slot in (30, 90), _noise(1, 9))),
    "point.before": (STEP_S, _only(lambda slot: slot < 0, _noise(1, 9))),
    # size.*: the ends of what a double holds.
    "size.huge": (STEP_S, lambda slot, chance: 1e300 * (1 + slot % 5)),
    "size.large": (STEP_S, lambda slot, chance: 1e15 + slot),
    "size.tiny": (STEP_S, lambda slot, chance: 1e-300 * (1 + slot % 7)),
    "size.over": (STEP_S, lambda slot, chance: float(slot * 20 - 1500)),
    "edge.one": (STEP_S, lambda slot, chance: math.inf if slot == 77 else float(slot % 10)),
    "edge.both": (STEP_S, lambda slot, chance: {50: math.inf, 90: -math.inf}.get(slot, float(slot % 10))),
    # step.*: other steps, the same time.
    "step.s20": (20, _noise(0, 100)),
    "step.s30": (30, _noise(0, 100, gaps=0.3)),
    "step.s60": (60, _noise(0, 100)),
    "step.s45": (45, _noise(0, 100)),
    "step.s300": (300, _noise(0, 100)),
    "step.s900": (900, _noise(0, 100)),
    # Names that are hard to read.
    "odd.with-dash": (STEP_S, _noise(0, 9)),
    "odd.9digits": (STEP_S, _noise(0, 9)),
    "odd.UPPER": (STEP_S, _noise(0, 9)),
    "odd.colon:x": (STEP_S, _noise(0, 9)),
    "odd.a+b": (STEP_S, _noise(0, 9)),
    "odd.percent%": (STEP_S, _noise(0, 9)),
    "odd.ünï": (STEP_S, _noise(0, 9)),
    "odd.tagged;dc=eu;rack=1": (STEP_S, _noise(0, 9)),
    "odd.tagged;dc=us;rack=1": (STEP_S, _noise(0, 9)),
    "odd.deep.er.and.deep.er": (STEP_S, _noise(0, 9)),
}
"""Name to step in seconds and shape."""

COARSER: dict[str, list[tuple[int, int]]] = {
    "step.rolled": [(10, 60), (60, 120)],
    "step.young": [(10, 90)],
}
"""Archives (step, points) of files whose finest one does not reach over the window, or none does."""

TAGGED: dict[str, tuple[int, Shape]] = {
    "cpu;host=h1;site=north": (STEP_S, _noise(0, 100)),
    "cpu;host=h2;site=north": (STEP_S, _noise(0, 100, gaps=0.2)),
    "cpu;host=h3;site=south": (STEP_S, _noise(0, 100)),
    "mem;host=h1;site=north": (STEP_S, _noise(0, 9)),
    "mem;site=south": (30, _noise(0, 9)),
    "net.rx;host=h3;port=mlx5.0;site=south": (STEP_S, _noise(0, 9)),
}
"""Series that carbon stores by their tags."""


def write(tree: Path, now_s: int) -> None:
    """The files, with values up to now_s."""
    for name, (step_s, shape) in SHAPES.items():
        _written(tree, name, [(step_s, (WINDOW_S + 2 * REACH_S) // step_s)], list(_points(name, step_s, shape, now_s)),
                 now_s)  # fmt: skip
    for name, (step_s, shape) in TAGGED.items():
        place, _ = stored_as(name)
        _written(tree, place, [(step_s, (WINDOW_S + 2 * REACH_S) // step_s)],
                 list(_points(name, step_s, shape, now_s)), now_s)  # fmt: skip
    for name, archives in COARSER.items():
        _written(tree, name, archives, list(_points(name, STEP_S, _noise(0, 100, gaps=0.1), now_s)), now_s)


def _points(name: str, step_s: int, shape: Shape, now_s: int) -> Iterator[tuple[int, float]]:
    chance = random.Random(name)
    first_s = now_s - WINDOW_S
    first_s += step_s - first_s % step_s
    for slot in range(-REACH_S // step_s, WINDOW_S // step_s):
        value = shape(slot, chance)
        if value is not None:
            yield first_s + slot * step_s, value


def _written(tree: Path, name: str, archives: list[tuple[int, int]], points: Points, now_s: int) -> None:
    path = tree / f"{name.replace('.', '/')}.wsp"
    path.parent.mkdir(parents=True, exist_ok=True)
    whisper.create(str(path), archives, xFilesFactor=0.0)
    if points:
        whisper.update_many(str(path), points, now=now_s)

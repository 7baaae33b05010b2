"""The same question to graphite-web, to graphite-api and to Weft, and where their answers differ."""

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal
from zoneinfo import ZoneInfo

from tests.differential.conftest import Judge
from tests.differential.shapes import WINDOW_S

from weft.base.access import LOCAL
from weft.base.errors import ServiceError
from weft.metrics import wire
from weft.metrics.evaluate import Engine
from weft.metrics.series import Window

TOLERANCE = 1e-9
ANSWER_S = 60


@dataclass(frozen=True, slots=True)
class Told:
    """An answer: its status, and the JSON members or, where there are none, what was said."""

    status: int
    series: list[dict[str, Any]]
    said: str = ""


Verdict = Literal["agree", "name otherwise", "differ", "refused"]


def at_times(target: str, now_s: int) -> str:
    """A target with the times of the window filled in."""
    for word, at_s in (("<from>", now_s - WINDOW_S), ("<middle>", now_s - WINDOW_S // 2), ("<until>", now_s)):
        target = target.replace(word, str(at_s))
    return target


def ask_graphite_web(
    url: str, targets: Sequence[str], span: tuple[int, int], now_s: int, options: Mapping[str, Any]
) -> Told:
    """graphite-web's answer over HTTP, from and until as given."""
    return _asked(url, {"target": targets, "from": span[0], "until": span[1], "now": now_s, **options})


def ask_graphite_api(url: str, target: str, now_s: int, options: Mapping[str, Any]) -> Told:
    """graphite-api's answer over HTTP; it knows no xFilesFactor."""
    return _asked(url, {"target": target, "from": now_s - WINDOW_S, "until": now_s, **options})


def _asked(url: str, form: Mapping[str, Any]) -> Told:
    body = urllib.parse.urlencode({**form, "format": "json"}, doseq=True).encode()
    try:
        with urllib.request.urlopen(f"{url}/render", body, timeout=ANSWER_S) as answer:
            return Told(200, json.loads(answer.read()))
    except urllib.error.HTTPError as exc:
        return Told(exc.code, [], exc.read().decode(errors="replace")[:300])


async def ask_weft(engine: Engine, target: str, now_s: int, options: Mapping[str, Any]) -> Told:
    """Weft's answer, through its JSON."""
    try:
        rendered = await engine.render(
            [target],
            Window(now_s - WINDOW_S, now_s, now_s),
            LOCAL,
            zone=ZoneInfo("UTC"),
            max_points=options.get("maxDataPoints"),
            x_files_factor=float(options.get("xFilesFactor", 0)),
        )
    except ServiceError as exc:
        return Told(400, [], str(exc))
    return Told(200, json.loads(b"".join(wire.graphite_json(rendered.series))))


async def compared(
    target: str, options: Mapping[str, Any], judge: Judge, engine: Engine, *, infinite: bool = False
) -> tuple[str | None, Told]:
    """Where Weft's answer to a target differs from graphite-web's, and the latter."""
    asked = at_times(target, judge.now_s)
    span = judge.now_s - WINDOW_S, judge.now_s
    theirs = ask_graphite_web(judge.url, [asked], span, judge.now_s, options)
    return difference(await ask_weft(engine, asked, judge.now_s, options), theirs, infinite=infinite), theirs


def difference(ours: Told, theirs: Told, *, infinite: bool = False) -> str | None:
    """The first place where two answers differ, None when they say the same.

    Args:
        infinite: an infinity of graphite-web's differs from null, which it is here.
    """
    if ours.status != theirs.status:
        return f"status {ours.status} {ours.said}, graphite-web {theirs.status} {theirs.said}"
    names, expected = ([one["target"] for one in told.series] for told in (ours, theirs))
    if names != expected:
        return f"names {names}, graphite-web {expected}"
    for one, other in zip(ours.series, theirs.series, strict=True):
        if one["tags"] != other["tags"]:
            return f"{one['target']}: tags {one['tags']}, graphite-web {other['tags']}"
        if found := _first_point(one["datapoints"], other["datapoints"], infinite=infinite):
            return f"{one['target']}: {found}"
    return None


def verdict(first: Told, second: Told) -> Verdict:
    """What graphite-web and graphite-api say to each other; the latter writes a blank behind a comma in names."""
    if (first.status, second.status) != (200, 200):
        return "refused"
    if len(first.series) != len(second.series):
        return "differ"
    pairs = list(zip(first.series, second.series, strict=True))
    if any(_first_point(other["datapoints"], one["datapoints"], infinite=False) for one, other in pairs):
        return "differ"
    named = ([one["target"].replace(", ", ",") for one in told.series] for told in (first, second))
    return "name otherwise" if next(named) != next(named) else "agree"


def _first_point(ours: Sequence[Sequence[Any]], theirs: Sequence[Sequence[Any]], *, infinite: bool) -> str | None:
    for place, (one, other) in enumerate(zip_longest(ours, theirs)):
        if one is None or other is None:
            return f"{len(ours)} points, graphite-web {len(theirs)}"
        if one[1] != other[1]:
            return f"point {place} at {one[1]}, graphite-web {other[1]}"
        if not _same(*(one[0], other[0]) if infinite else map(_finite, (one[0], other[0]))):
            return f"point {place} is {one[0]}, graphite-web {other[0]}"
    return None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE * 1e-3)

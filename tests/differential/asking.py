"""The same question to graphite-web and to Weft, and where their answers differ."""

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any
from zoneinfo import ZoneInfo

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


def ask_graphite_web(
    url: str, targets: Sequence[str], span: tuple[int, int], now_s: int, options: Mapping[str, Any]
) -> Told:
    """graphite-web's answer over HTTP, from and until as given."""
    form = {"target": targets, "from": span[0], "until": span[1], "now": now_s, "format": "json", **options}
    body = urllib.parse.urlencode(form, doseq=True).encode()
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


def _first_point(ours: Sequence[Sequence[Any]], theirs: Sequence[Sequence[Any]], *, infinite: bool) -> str | None:
    for place, (one, other) in enumerate(zip_longest(ours, theirs)):
        if one is None or other is None:
            return f"{len(ours)} points, graphite-web {len(theirs)}"
        if one[1] != other[1]:
            return f"point {place} at {one[1]}, graphite-web {other[1]}"
        expected = None if other[0] is not None and math.isinf(other[0]) and not infinite else other[0]
        if not _same(one[0], expected):
            return f"point {place} is {one[0]}, graphite-web {other[0]}"
    return None


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE * 1e-3)

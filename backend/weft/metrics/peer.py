"""What is asked of another Graphite and what it answers, as text: no network here.

Series are asked for with `format=raw`, a line each: `name,start,end,step|value,value,...`, a gap is `None`. Every
Graphite writes it (graphite-web, graphite-api, carbonapi, Weft); MessagePack carbonapi does not write at all. It has
the start and step also of a single point, which JSON has not, and infinities, which JSON cannot have; it can be read
line by line while it arrives. Measured on 1000 series of 2,160 points of graphite-web 1.1.10: 1.1 s for 17 MB, as JSON
2.1 s for 49 MB, as MessagePack 12 s (its packer is plain Python); reading it 0.1 s, JSON 1.4 s.

Names are asked for with `metrics/expand` (series) and `metrics/find?format=completer` (nodes): the two that say whole
paths on all of them. Sources: graphite-web 1.1.10, `render/views.py`, `metrics/views.py`, `render/grammar_unsafe.py`;
carbonapi (2026-07), `cmd/carbonapi/http`, `expr/types/types.go`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import orjson

from weft.metrics.globs import Glob, nodes
from weft.metrics.series import Series, Values, Window
from weft.metrics.store import Found
from weft.metrics.tags import tags_of

SERIES_AT_ONCE: Final = 500
"""Series in one request: a server with several workers has several of them at work."""
TARGETS_AT_ONCE: Final = 200
"""Targets in one request: Weft takes 256, Django (graphite-web) 1,000 fields of a form."""
TARGET_CHARACTERS: Final = 3000
"""Weft takes 4,096 of a target."""
NAME_CHARACTERS: Final = 2000
"""Longer ones are no names."""
OTHERS: Final = 1000
"""So many lines of series that nobody asked for are passed over; carbonapi may write one without a name."""

_PLAIN = re.compile(r"[A-Za-z0-9_:@%#+-]+(?:\.[A-Za-z0-9_:@%#+-]+)*")
"""Names that no Graphite reads as anything else."""
_TAGGED = re.compile(r"[A-Za-z0-9_:@%#+;=./~-]+")
_WILD = re.compile(r"[*?\[]")
_SYMBOL = re.compile(r"""[(){},'"\\|]""")


class Garbled(ValueError):
    """An answer that is none of Graphite's; the text says in which way."""


class Target(NamedTuple):
    """A target, and how many series it asks for."""

    text: str
    series: int


def requests_of(names: Iterable[str]) -> list[list[str]]:
    """Targets that ask for just these series, by request: few, since each costs the other side a parse and a search.

    Names that differ in one node are one target with braces. Odd names are asked for in requests of their own: a
    graphite-web that cannot read one target refuses the whole request.
    """
    plain: list[str] = []
    tagged: list[Target] = []
    odd: list[Target] = []
    for name in names:
        if _PLAIN.fullmatch(name):
            plain.append(name)
        elif ";" in name and _TAGGED.fullmatch(name):
            tagged.append(Target(name, 1))
        else:
            odd.append(Target(_escaped(name), 1))
    return [*_requests([*_braced(plain), *tagged]), *_requests(odd)]


def _escaped(name: str) -> str:
    return _SYMBOL.sub(r"\\\g<0>", _WILD.sub(r"[\g<0>]", name))


def _requests(targets: Iterable[Target]) -> list[list[str]]:
    requests: list[list[str]] = []
    series = 0
    for target in targets:
        if not requests or len(requests[-1]) >= TARGETS_AT_ONCE or series + target.series > SERIES_AT_ONCE:
            requests.append([])
            series = 0
        requests[-1].append(target.text)
        series += target.series
    return requests


def _braced(names: Iterable[str]) -> list[Target]:
    by_depth: dict[int, list[list[str]]] = defaultdict(list)
    for name in names:
        path = name.split(".")
        by_depth[len(path)].append(path)
    targets: list[Target] = []
    for depth, paths in by_depth.items():
        groups, place = min(((_grouped(paths, i), i) for i in range(depth)), key=lambda made: len(made[0]))
        for others, alternatives in groups.items():
            head = "".join(f"{node}." for node in others[:place])
            tail = "".join(f".{node}" for node in others[place:])
            targets += [
                Target(f"{head}{{{','.join(some)}}}{tail}" if len(some) > 1 else head + some[0] + tail, len(some))
                for some in _portions(alternatives, TARGET_CHARACTERS - len(head) - len(tail))
            ]
    return targets


def _grouped(paths: Iterable[list[str]], place: int) -> dict[tuple[str, ...], list[str]]:
    """The nodes at one place, by all others."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for path in paths:
        groups.setdefault((*path[:place], *path[place + 1 :]), []).append(path[place])
    return groups


def _portions(words: Iterable[str], room: int) -> list[list[str]]:
    """Words in lists that fit into braces of so many characters, a word at least."""
    portions: list[list[str]] = []
    left = 0
    for word in words:
        left -= len(word) + 1
        if left < 0 or len(portions[-1]) >= SERIES_AT_ONCE:
            portions.append([])
            left = room - len(word) - 1
        portions[-1].append(word)
    return portions


class Sheet:
    """The series that were asked for, filled in from lines as they arrive.

    Args:
        names: of the series; lines of others are passed over.
        window: slots outside it are cut off, so that start and length are whisper's, whatever is sent.
        most_points: more than these are not taken.
    """

    def __init__(self, names: Iterable[str], window: Window, most_points: int) -> None:
        self._asked = frozenset(names)
        self._window, self._most_points = window, most_points
        self.found: dict[str, Series] = {}
        self._points = self._others = 0

    def take(self, lines: bytes) -> None:
        """Read whole lines. Raises Garbled: these are none, or they hold more points than there may be."""
        for line in lines.split(b"\n"):
            if line.strip():
                self._take(line)

    def _take(self, line: bytes) -> None:
        head, bar, numbers = line.rpartition(b"|")
        try:
            name, start, _, step = head.decode("utf-8", "replace").rsplit(",", 3)
        except ValueError:
            bar = b""
        if not bar:
            raise Garbled("answers with something else than series")
        if name not in self._asked or name in self.found:
            self._others += 1
            if self._others > len(self._asked) + OTHERS:
                raise Garbled("sends series that nobody asked for")
            return
        # No number is shorter than its digit and a comma.
        self._points += numbers.count(b",") + 1
        if self._points > self._most_points:
            raise Garbled("sends more points than metrics.max_points allows")
        try:
            start_s, step_s = int(start), int(step)
            values = read_values(numbers)
        except (ValueError, OverflowError):
            raise Garbled("answers with numbers that are none") from None
        if not (0 <= start_s < 1 << 40 and 0 < step_s < 1 << 32):
            raise Garbled("answers with times that are none")
        first, after = _inside(self._window, start_s, step_s, len(values))
        if first < after:
            start_s += first * step_s
            self.found[name] = Series(name, start_s, step_s, values[first:after], name, tags_of(name))


def read_values(text: bytes) -> Values:
    """Numbers and `None` between commas. Raises ValueError, OverflowError."""
    if not text.strip():
        return np.empty(0)
    try:
        numbers: list[Any] = orjson.loads(b"[%b]" % text.replace(b"None", b"null"))
        values = np.array(numbers, dtype=np.float64)
    except (orjson.JSONDecodeError, TypeError):
        # Infinities, which JSON does not know, and whatever else is a number to Python.
        values = np.array([np.nan if part.strip() == b"None" else float(part) for part in text.split(b",")])
    if values.ndim != 1:
        raise ValueError("a list within a list")
    return values


def _inside(window: Window, start_s: int, step_s: int, n: int) -> tuple[int, int]:
    """First of n slots that whisper gives for the window, and the one after the last."""
    first_s = window.from_s - window.from_s % step_s + step_s
    until_s = min(window.until_s, window.now_s)
    end_s = max(until_s - until_s % step_s + step_s, first_s + step_s)
    return min(max(0, -((start_s - first_s) // step_s)), n), min(max(0, -((start_s - end_s) // step_s)), n)


def read_nodes(body: bytes) -> list[Found]:
    """The answer of `format=completer`, which marks a branch by a dot at its end. Raises Garbled."""
    told = _json(body)
    members = told.get("metrics") if isinstance(told, dict) else None
    if not isinstance(members, list):
        raise Garbled("answers with something else than names")
    found: list[Found] = []
    for member in members:
        path = member.get("path") if isinstance(member, dict) else None
        if path is None and isinstance(member, dict):
            continue  # `*`, which stands for all of them
        if not isinstance(path, str):
            raise Garbled("answers with something else than names")
        if is_name(node := path.removesuffix(".")):
            found.append(Found(node, str(member.get("is_leaf")) in ("1", "True")))
    return found


def read_names(body: bytes, member: str = "") -> list[str]:
    """A list of names, or the one below a member. Raises Garbled."""
    told = _json(body)
    names = told.get(member) if member and isinstance(told, dict) else told
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Garbled("answers with something else than names")
    return [name for name in names if is_name(name)]


def read_tags(body: bytes) -> list[str]:
    """The answer of `/tags`: objects with a tag, of carbonapi just the tags. Raises Garbled."""
    told = _json(body)
    if not isinstance(told, list):
        raise Garbled("answers with something else than tags")
    tags = [one.get("tag") if isinstance(one, dict) else one for one in told]
    return [tag for tag in tags if isinstance(tag, str) and is_name(tag)]


def read_tag_values(body: bytes) -> list[tuple[str, int]]:
    """The answer of `/tags/<tag>`; nothing for a tag that it does not know. Raises Garbled."""
    told = _json(body)
    if not told:
        return []
    members = told.get("values") if isinstance(told, dict) else None
    if not isinstance(members, list) or not all(isinstance(one, dict) for one in members):
        raise Garbled("answers with something else than values of tags")
    counted = [(one.get("value"), one.get("count")) for one in members]
    return [
        (value, count) for value, count in counted if isinstance(value, str) and is_name(value) and type(count) is int
    ]


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Garbled("answers with something else than JSON") from None


def is_name(text: str) -> bool:
    """True for what can be shown and asked for as a name."""
    return 0 < len(text) <= NAME_CHARACTERS and text.isprintable()


def pattern_of(text: str, limit: int) -> tuple[Glob, ...]:
    """The nodes of a find pattern as `fits` takes them; a `**` at the end stands for all below. Raises TooMuch."""
    pattern = nodes(text, limit)
    return (*pattern, *nodes("*")) if pattern[-1].deep else pattern


def fits(path: str, pattern: Sequence[Glob]) -> bool:
    """True when a path matches a pattern, as the names of a whisper tree do."""
    places = _passed({0}, pattern)
    for node in path.split("."):
        places = _passed(
            {
                place if pattern[place].deep else place + 1
                for place in places
                if place < len(pattern) and (pattern[place].deep or pattern[place].matches(node))
            },
            pattern,
        )
    return len(pattern) in places


def _passed(places: set[int], pattern: Sequence[Glob]) -> set[int]:
    """These places of a pattern and those behind a `**`, which may stand for nothing."""
    todo = list(places)
    while todo:
        place = todo.pop()
        if place < len(pattern) and pattern[place].deep and place + 1 not in places:
            places.add(place + 1)
            todo.append(place + 1)
    return places

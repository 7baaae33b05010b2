"""Tags of series: how a name carries them, what is asked of them, and which of many names meet that.

A tagged series is called `metric;tag=value;...`, its tags sorted; the metric is its tag `name`. A series stored without
tags has that tag alone. Source: graphite-web 1.1.10, `tags/utils.py`, `tags/base.py`, `tags/localdatabase.py`.
"""

import re
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import compress, islice
from typing import Final, NamedTuple

import numpy as np
import regex
from numpy.typing import NDArray

from weft.base.errors import BadRequest
from weft.metrics.patterns import compiled, is_plain

ROOT: Final = "_tagged"
"""The folder of a whisper tree in which carbon keeps tagged series."""
PATTERN_S: Final = 1.0
"""Time that the regular expressions of one question may take, over all values."""

AT_ONCE: Final = 10_000
"""Names that are put together, or looked at, at once."""
_BETWEEN_LOOKS: Final = 16
"""Values that are matched between two looks at the clock."""
_DOT: Final = "_DOT_"
"""What carbon writes for a dot in the file name of a tagged series."""
_CALL = re.compile(r"[a-z]+\(.+\)", re.IGNORECASE)
_EXPRESSION = re.compile(r"([^;!=]+)(!?=~?)([^;]*)")
_HOW_TO = 'Write "tag=value", "tag!=value", "tag=~regex" or "tag!=~regex"; the name is the tag \'name\'.'

Mask = NDArray[np.bool_]
Numbers = NDArray[np.uint32]


def tags_of(name: str) -> dict[str, str]:
    """Tags of a name `metric;tag=value`; a name that is a call, or is malformed, has only the tag `name`."""
    if ";" not in name or _CALL.fullmatch(name):
        return {"name": name}
    metric, *pairs = name.split(";")
    tags = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    whole = all("=" in pair for pair in pairs) and all(map(_is_fine, tags, tags.values()))
    metric = metric.lstrip("~")
    return {**tags, "name": metric} if metric and whole else {"name": name}


def _is_fine(tag: str, value: str) -> bool:
    return bool(tag and value) and "!" not in tag and "^" not in tag and not value.startswith("~")


def stored_as(name: str) -> tuple[str, str]:
    """The paths under which carbon stores a tagged series: with its name as the file's, or a hash (then nothing tells
    the name)."""
    digest = sha256(name.encode(errors="surrogatepass")).hexdigest()
    folder = f"{ROOT}.{digest[:3]}.{digest[3:6]}"
    return f"{folder}.{name.replace('.', _DOT)}", f"{folder}.{digest}"


def tagged_name(tags: Mapping[str, str]) -> str:
    """The name of a series with these tags, `name` among them."""
    return "".join([tags["name"], *sorted(f";{tag}={value}" for tag, value in tags.items() if tag != "name")])


def name_of(stored: str) -> str:
    """The name of a series that carbon stores in a file of this name."""
    return stored.replace(_DOT, ".") if ";" in stored else stored


@dataclass(frozen=True, slots=True)
class TagExpression:
    """What is asked of one tag. A series without the tag has the empty value.

    Args:
        operator: =, !=, =~ (a regular expression matches from the value's beginning) or !=~.
    """

    tag: str
    operator: str
    spec: str

    @property
    def with_pattern(self) -> bool:
        """True for the operators with a regular expression."""
        return self.operator.endswith("~")

    @property
    def negated(self) -> bool:
        """True for the operators that say what must not be."""
        return self.operator.startswith("!")

    @property
    def needs_value(self) -> bool:
        """True when a series without the tag does not meet it. Raises BadRequest."""
        if self.with_pattern:
            return (_compiled(self).match("") is None) != self.negated
        return bool(self.spec) != self.negated


def tag_expressions(texts: Iterable[str]) -> tuple[TagExpression, ...]:
    """Read `tag=value` and the other forms.

    Raises:
        BadRequest: not such a form, a regular expression that is none, or none that needs a value: all series would
            have to be looked at.
    """
    expressions: list[TagExpression] = []
    for text in texts:
        found = _EXPRESSION.fullmatch(text)
        if found is None:
            raise BadRequest(f"'{text[:60]}' is no tag expression.", fix=_HOW_TO)
        expressions.append(TagExpression(*found.groups()))
    needed = [one.needs_value for one in expressions]
    if not any(needed):
        raise BadRequest(
            "These tag expressions are met by series that have none of the tags.",
            fix='Add at least one that needs a value, such as "name=~cpu.*".',
        )
    return tuple(expressions)


def _compiled(expression: TagExpression) -> regex.Pattern[str]:
    spec, tag = expression.spec, expression.tag[:60]
    alone = compiled(spec, tag)
    return alone if spec.startswith("^") else compiled(f"^({spec})", tag)


class _Column(NamedTuple):
    """Which series have a tag: positions[i] has values[codes[i]]; values are sorted."""

    positions: Numbers
    codes: Numbers
    values: list[str]

    def place(self, value: str) -> int | None:
        """The code of a value."""
        place = bisect_left(self.values, value)
        return place if place < len(self.values) and self.values[place] == value else None


class TagIndex:
    """Tags of many series. Names are put together from their tags, so a series takes 8 bytes for each tag, and every
    value is there once.

    Args:
        tagged: names of series in any order; of tagged ones either that or the file name that carbon gives them.
        plain: gives, at each question anew, the names of series that are stored without tags; nothing is kept of them.
    """

    def __init__(self, tagged: Iterable[str], plain: Callable[[], Iterable[str]] = tuple) -> None:
        self._plain = plain
        self._count = 0
        self._odd: dict[int, str] = {}
        found: dict[str, tuple[array[int], array[int], dict[str, int]]] = {}
        for row, stored in enumerate(tagged):
            name = name_of(stored)
            tags = tags_of(name)
            for tag, value in tags.items():
                if tag not in found:
                    found[tag] = array("I"), array("I"), {}
                rows, codes, known = found[tag]
                rows.append(row)
                codes.append(known.setdefault(value, len(known)))
            if tagged_name(tags) != name:
                self._odd[row] = name
            self._count = row + 1
        # In the order of a name, which is that of the texts `tag=value`.
        self._columns = {tag: _column(*found.pop(tag)) for tag in sorted(found, key=lambda tag: f"{tag}=")}

    def find(self, expressions: Sequence[TagExpression]) -> list[str]:
        """Names, sorted, of the series that meet all expressions. Raises BadRequest: a pattern takes too long."""
        ends = time.monotonic() + PATTERN_S
        rows = np.flatnonzero(self._meeting(expressions, ends))
        names = [name for first in range(0, len(rows), AT_ONCE) for name in self._named(rows[first : first + AT_ONCE])]
        names += self._plain_meeting(expressions, ends)
        names.sort()
        return names

    def tags(self, expressions: Sequence[TagExpression] = (), prefix: str = "") -> list[str]:
        """Tags, sorted, that begin so and that series have which meet the expressions, but for those asked there."""
        ends = time.monotonic() + PATTERN_S
        meeting = self._meeting(expressions, ends)
        asked = {one.tag for one in expressions}
        tags = {tag for tag, column in self._columns.items() if tag not in asked and meeting[column.positions].any()}
        if "name" not in asked and any(True for _ in self._plain_meeting(expressions, ends)):
            tags.add("name")
        return sorted(tag for tag in tags if tag.startswith(prefix))

    def values(self, tag: str, expressions: Sequence[TagExpression] = (), prefix: str = "") -> list[tuple[str, int]]:
        """Values of a tag, sorted, that begin so, each with how many series that meet the expressions have it."""
        ends = time.monotonic() + PATTERN_S
        counts: list[tuple[str, int]] = []
        if (column := self._columns.get(tag)) is not None:
            codes = column.codes[self._meeting(expressions, ends)[column.positions]]
            seen = np.bincount(codes, minlength=len(column.values)).tolist()
            counts = [
                (value, count)
                for value, count in zip(column.values, seen, strict=True)
                if count and value.startswith(prefix)
            ]
        if tag != "name":
            return counts
        both = dict(counts)
        for name in self._plain_meeting(expressions, ends):
            if name.startswith(prefix):
                both[name] = both.get(name, 0) + 1
        return sorted(both.items())

    def _named(self, rows: NDArray[np.intp]) -> list[str]:
        """The names of these series."""
        places = np.full(self._count, -1, dtype=np.int32)
        places[rows] = np.arange(len(rows))
        names = [""] * len(rows)
        for tag in ("name", *(tag for tag in self._columns if tag != "name")):
            positions, codes, values = self._columns[tag]
            asked = places[positions]
            mark = "" if tag == "name" else f";{tag}="
            for place, code in zip(asked[asked >= 0].tolist(), codes[asked >= 0].tolist(), strict=True):
                names[place] += mark + values[code]
        for row, name in self._odd.items():
            if places[row] >= 0:
                names[places[row]] = name
        return names

    def _plain_meeting(self, expressions: Sequence[TagExpression], ends: float) -> Iterator[str]:
        """Names of series without tags that meet the expressions."""
        if any(one.needs_value for one in expressions if one.tag != "name"):
            return
        asked = _patterns_last(one for one in expressions if one.tag == "name")
        names = iter(self._plain())
        while some := list(islice(names, AT_ONCE)):
            for one in asked:
                some = list(compress(some, met(one, some, ends)))
            yield from some

    def _meeting(self, expressions: Sequence[TagExpression], ends: float) -> Mask:
        keep = np.ones(self._count, dtype=bool)
        for one in _patterns_last(expressions):
            column = self._columns.get(one.tag)
            meets = np.zeros(len(keep), dtype=bool) if one.needs_value else np.ones(len(keep), dtype=bool)
            if column is not None:
                seen = np.zeros(len(column.values), dtype=bool)
                seen[column.codes[keep[column.positions]]] = True
                meets[column.positions] = _met(one, column, seen, ends)[column.codes]
            keep &= meets
        return keep


def _patterns_last(expressions: Iterable[TagExpression]) -> list[TagExpression]:
    """In the order in which they are asked: what plain values leave is little."""
    return sorted(expressions, key=lambda one: (one.with_pattern, one.negated))


def _column(positions: "array[int]", codes: "array[int]", known: dict[str, int]) -> _Column:
    values = sorted(known)
    places = np.empty(len(values), dtype=np.uint32)
    places[[known[value] for value in values]] = np.arange(len(values), dtype=np.uint32)
    return _Column(np.frombuffer(positions, dtype=np.uint32), places[np.frombuffer(codes, dtype=np.uint32)], values)


def _met(one: TagExpression, column: _Column, seen: Mask, ends: float) -> Mask:
    """For each value of the column whether it meets the expression; for those not seen anything."""
    matches = np.zeros(len(column.values), dtype=bool)
    if one.with_pattern:
        codes = np.flatnonzero(seen).tolist()
        matches[codes] = _matching([column.values[code] for code in codes], one, ends)
    elif (place := column.place(one.spec)) is not None:
        matches[place] = True
    return ~matches if one.negated else matches


def met(one: TagExpression, values: Sequence[str], ends: float | None = None) -> Mask:
    """For each value whether it meets an expression.

    Args:
        ends: when patterns have had their time, by time.monotonic; None: they have PATTERN_S from now.
    Raises:
        BadRequest: its pattern takes too long.
    """
    if one.with_pattern:
        ends = time.monotonic() + PATTERN_S if ends is None else ends
        matches = np.array(_matching(values, one, ends), dtype=bool)
    else:
        matches = np.array([value == one.spec for value in values], dtype=bool)
    return ~matches if one.negated else matches


def _matching(values: Sequence[str], one: TagExpression, ends: float) -> list[bool]:
    """For each value whether the expression's pattern matches it."""
    pattern, plain = _compiled(one), is_plain(one.spec)
    matches: list[bool] = []
    with suppress(TimeoutError):
        for first in range(0, len(values), _BETWEEN_LOOKS):
            left = ends - time.monotonic()
            if left <= 0:
                break
            timeout = None if plain else left
            some = values[first : first + _BETWEEN_LOOKS]
            matches += [pattern.search(value, timeout=timeout) is not None for value in some]
    if len(matches) < len(values):
        raise BadRequest(
            f"The tag expression '{one.tag[:60]}{one.operator}{one.spec[:60]}' takes longer than {PATTERN_S:g} s.",
            fix='Avoid nested repetitions such as (a+)+, or add "tag=value" of a tag that few series share.',
        )
    return matches

"""Tags of series: how a name carries them, what is asked of them, and which of many names meet that.

A tagged series is called `metric;tag=value;...`, its tags sorted; the metric is its tag `name`. A series stored without
tags has that tag alone. Source: graphite-web 1.1.10, `tags/utils.py`, `tags/base.py`, `tags/localdatabase.py`.
"""

import re
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
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


def _name_of(stored: str) -> str:
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
    compiled(expression.spec, expression.tag[:60])
    return regex.compile(expression.spec if expression.spec.startswith("^") else f"^({expression.spec})")


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
    """Tags of many series: 8 bytes for each tag of each, and every value once.

    Args:
        names: of series in any order; of tagged ones either that or the file name that carbon gives them (the string
            itself is kept, so one that somebody else keeps too costs nothing).
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)
        found: dict[str, tuple[array[int], array[int], dict[str, int]]] = {}
        for position, name in enumerate(self._names):
            for tag, value in tags_of(_name_of(name)).items():
                positions, codes, known = found.setdefault(tag, (array("I"), array("I"), {}))
                positions.append(position)
                codes.append(known.setdefault(value, len(known)))
        self._columns = {tag: _column(*found.pop(tag)) for tag in sorted(found)}

    def find(self, expressions: Sequence[TagExpression]) -> list[str]:
        """Names, sorted, of the series that meet all expressions. Raises BadRequest: a pattern takes too long."""
        return sorted(_name_of(self._names[place]) for place in np.flatnonzero(self._meeting(expressions)).tolist())

    def tags(self, expressions: Sequence[TagExpression] = (), prefix: str = "") -> list[str]:
        """Tags, sorted, that begin so and that series have which meet the expressions, but for those asked there."""
        meeting = self._meeting(expressions)
        asked = {one.tag for one in expressions}
        return [
            tag
            for tag, column in self._columns.items()
            if tag.startswith(prefix) and tag not in asked and meeting[column.positions].any()
        ]

    def values(self, tag: str, expressions: Sequence[TagExpression] = (), prefix: str = "") -> list[tuple[str, int]]:
        """Values of a tag, sorted, that begin so, each with how many series that meet the expressions have it."""
        column = self._columns.get(tag)
        if column is None:
            return []
        codes = column.codes[self._meeting(expressions)[column.positions]]
        counts = np.bincount(codes, minlength=len(column.values)).tolist()
        return [
            (value, count)
            for value, count in zip(column.values, counts, strict=True)
            if count and value.startswith(prefix)
        ]

    def _meeting(self, expressions: Sequence[TagExpression]) -> Mask:
        ends = time.monotonic() + PATTERN_S
        keep = np.ones(len(self._names), dtype=bool)
        # Patterns last: what plain values leave is little.
        for one in sorted(expressions, key=lambda one: (one.with_pattern, one.negated)):
            column = self._columns.get(one.tag)
            meets = np.zeros(len(keep), dtype=bool) if one.needs_value else np.ones(len(keep), dtype=bool)
            if column is not None:
                seen = np.zeros(len(column.values), dtype=bool)
                seen[column.codes[keep[column.positions]]] = True
                meets[column.positions] = _met(one, column, seen, ends)[column.codes]
            keep &= meets
        return keep


def _column(positions: "array[int]", codes: "array[int]", known: dict[str, int]) -> _Column:
    values = sorted(known)
    places = np.empty(len(values), dtype=np.uint32)
    places[[known[value] for value in values]] = np.arange(len(values), dtype=np.uint32)
    return _Column(np.array(positions, dtype=np.uint32), places[np.array(codes, dtype=np.uint32)], values)


def _met(one: TagExpression, column: _Column, seen: Mask, ends: float) -> Mask:
    """For each value of the column whether it meets the expression; for those not seen anything."""
    matches = np.zeros(len(column.values), dtype=bool)
    if one.with_pattern:
        codes = np.flatnonzero(seen).tolist()
        matches[codes] = _matching([column.values[code] for code in codes], one, ends)
    elif (place := column.place(one.spec)) is not None:
        matches[place] = True
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

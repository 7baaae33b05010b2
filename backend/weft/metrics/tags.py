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
from heapq import merge
from itertools import chain, compress, dropwhile, groupby, islice, takewhile
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
import regex
from numpy.typing import NDArray

from weft.base.errors import BadRequest
from weft.base.texts import kept, made
from weft.metrics.patterns import compiled, is_plain

ROOT: Final = "_tagged"
"""The folder of a whisper tree in which carbon keeps tagged series."""
PATTERN_S: Final = 1.0
"""Time that the regular expressions of one question may take, over all values."""

AT_ONCE: Final = 10_000
"""Names that are put together, or looked at, at once."""
_BETWEEN_LOOKS: Final = 16
"""Values that are matched between two looks at the clock, where the pattern may take long."""
_DOT: Final = "_DOT_"
"""What carbon writes for a dot in the file name of a tagged series."""
_CALL = re.compile(r"[a-z]+\(.+\)", re.IGNORECASE)
_EXPRESSION = re.compile(r"([^;!=]+)(!?=~?)([^;]*)")
_HOW_TO = 'Write "tag=value", "tag!=value", "tag=~regex" or "tag!=~regex"; the name is the tag \'name\'.'

T = TypeVar("T", str, tuple[str, int])
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
    """Which series have a tag: positions[i] has values[codes[i]]; values are sorted.

    Where all series have it, positions are all of them; codes take as few bytes as they can.
    """

    positions: Numbers | slice
    codes: NDArray[np.unsignedinteger[Any]]
    values: list[str]

    def place(self, value: str) -> int | None:
        """The code of a value."""
        place = bisect_left(self.values, value)
        return place if place < len(self.values) and self.values[place] == value else None

    def among(self, rows: NDArray[np.intp]) -> tuple[list[int], list[str]]:
        """Which of these series have it, as places in rows, and what."""
        if isinstance(self.positions, slice):
            places, codes = list(range(len(rows))), self.codes[rows]
        else:
            found = np.minimum(np.searchsorted(self.positions, rows), len(self.positions) - 1)
            here = np.flatnonzero(self.positions[found] == rows)
            places, codes = here.tolist(), self.codes[found[here]]
        return places, [self.values[code] for code in codes.tolist()]


class TagIndex:
    """Tags of many series, in the order of their names. Names are put together from their tags, so a series takes some
    bytes for each tag, and every value is there once.

    Args:
        tagged: names of series in any order; of tagged ones either that or the file name that carbon gives them.
        plain: gives, at each question anew and sorted, the names of series that are stored without tags; nothing is
            kept of them.
    """

    def __init__(self, tagged: Iterable[str], plain: Callable[[], Iterable[str]] = tuple) -> None:
        self._plain = plain
        self._count = 0
        odd: dict[int, str] = {}
        found: dict[str, _Growing] = {}
        for row, stored in enumerate(tagged):
            name = name_of(stored)
            tags = tags_of(name)
            for tag, value in tags.items():
                column = found.get(tag) or found.setdefault(tag, _Growing())
                column.add(row, value)
            if tagged_name(tags) != name or ";" in tags["name"]:
                odd[row] = name
            self._count = row + 1
        # In the order of a name, which is that of the texts `tag=value`.
        in_name = sorted(found, key=lambda tag: (tag != "name", f"{tag}="))
        columns = {tag: found.pop(tag).column(self._count) for tag in in_name}
        order = _by_name(list(columns.values()), self._count, odd)
        place = np.empty(self._count, dtype=np.uint32)
        place[order] = np.arange(self._count, dtype=np.uint32)
        self._columns = {tag: _moved(columns.pop(tag), order, place) for tag in in_name}
        # Names that are not put together like that are the last.
        self._odd = {int(place[row]): name for row, name in odd.items()}

    def find(self, expressions: Sequence[TagExpression]) -> Sequence[str]:
        """Names, sorted, of the series that meet all expressions. Raises BadRequest: a pattern takes too long."""
        ends = time.monotonic() + PATTERN_S
        rows = np.flatnonzero(self._meeting(expressions, ends))
        regular = rows[rows < self._count - len(self._odd)]
        odd = sorted(self._odd[row] for row in rows[len(regular) :].tolist())
        plain = kept(self._plain_meeting(expressions, ends))

        def make() -> Iterator[str]:
            parts = (self._named(regular[first : first + AT_ONCE]) for first in range(0, len(regular), AT_ONCE))
            return _merged(chain.from_iterable(parts), odd, plain)

        return made(len(rows) + len(plain), make)

    def tags(self, expressions: Sequence[TagExpression] = (), prefix: str = "") -> list[str]:
        """Tags, sorted, that begin so and that series have which meet the expressions, but for those asked there."""
        ends = time.monotonic() + PATTERN_S
        meeting = self._meeting(expressions, ends)
        asked = {one.tag for one in expressions}
        tags = {tag for tag, column in self._columns.items() if tag not in asked and meeting[column.positions].any()}
        if "name" not in asked and any(True for _ in self._plain_meeting(expressions, ends)):
            tags.add("name")
        return sorted(tag for tag in tags if tag.startswith(prefix))

    def values(
        self, tag: str, expressions: Sequence[TagExpression] = (), prefix: str = "", limit: int | None = None
    ) -> list[tuple[str, int]]:
        """Values of a tag, sorted, that begin so, each with how many series that meet the expressions have it.

        Args:
            limit: only so many, the first ones.
        """
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
            return counts[:limit]
        later = dropwhile(lambda name: name < prefix, self._plain_meeting(expressions, ends))
        plain = takewhile(lambda name: name.startswith(prefix), later)
        both = groupby(_merged(counts, ((name, 1) for name in plain)), itemgetter(0))
        return [(name, sum(count for _, count in own)) for name, own in islice(both, limit)]

    def _named(self, rows: NDArray[np.intp]) -> list[str]:
        """The names of these series, none of them odd."""
        names = [""] * len(rows)
        for tag, column in self._columns.items():
            mark = "" if tag == "name" else f";{tag}="
            for place, value in zip(*column.among(rows), strict=True):
                names[place] += mark + value
        return names

    def _plain_meeting(self, expressions: Sequence[TagExpression], ends: float) -> Iterator[str]:
        """Names of series without tags that meet the expressions."""
        if any(one.needs_value for one in expressions if one.tag != "name"):
            return
        asked = _patterns_last(one for one in expressions if one.tag == "name")
        names = iter(self._plain())
        began = time.monotonic()
        while some := list(islice(names, AT_ONCE)):
            # To name them takes time as well, and how they are made use of: that is not the patterns'.
            ends += time.monotonic() - began
            for one in asked:
                some = list(compress(some, met(one, some, ends)))
            began = time.monotonic()
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


def _merged(*streams: Iterable[T]) -> Iterator[T]:
    """What is in these, sorted as they are."""
    begun = [chain((first,), rest) for rest in map(iter, streams) for first in islice(rest, 1)]
    return iter(begun[0]) if len(begun) == 1 else merge(*begun)


class _Growing:
    """A column under construction. It has no rows while every series so far has the tag."""

    def __init__(self) -> None:
        self._rows: array[int] | None = None
        self._codes = array("I")
        self._known: dict[str, int] = {}

    def add(self, row: int, value: str) -> None:
        """The next series that has the tag."""
        if self._rows is None and row != len(self._codes):
            self._rows = array("I", range(len(self._codes)))
        if self._rows is not None:
            self._rows.append(row)
        self._codes.append(self._known.setdefault(value, len(self._known)))

    def column(self, count: int) -> _Column:
        """The column of so many series."""
        rows = self._rows
        if rows is None and len(self._codes) < count:
            rows = array("I", range(len(self._codes)))
        values = sorted(self._known)
        places = np.empty(len(values), dtype=np.min_scalar_type(max(0, len(values) - 1)))
        places[[self._known[value] for value in values]] = np.arange(len(values))
        codes = places[np.frombuffer(self._codes, dtype=np.uint32)]
        return _Column(slice(None) if rows is None else np.frombuffer(rows, dtype=np.uint32), codes, values)


def _by_name(columns: Sequence[_Column], count: int, odd: Iterable[int]) -> NDArray[np.intp]:
    """Numbers of the series, sorted by their names, the odd ones last.

    Args:
        columns: in the order of a name.
    Source:
        A name without a tag that others have here goes on with a later tag, which comes after it, or ends, before it. A
        value is followed by a semicolon or by nothing, so `a;` stands for it or `a`: `cpu=1;` comes after `cpu=10;`.
    """
    keys: list[NDArray[Any]] = []
    more = np.zeros(count, dtype=bool)
    for positions, codes, values in reversed(columns):
        both = codes * np.uint32(2) + more[positions]
        used = np.flatnonzero(np.bincount(both, minlength=1)).tolist()
        texts = [f"{values[one // 2]};" if one % 2 else values[one // 2] for one in used]
        in_order = [used[place] for place in sorted(range(len(used)), key=texts.__getitem__)]
        rank = np.zeros(2 * len(values), dtype=np.min_scalar_type(len(used) + 1))
        rank[in_order] = np.arange(1, len(used) + 1)
        key = more * rank.dtype.type(len(used) + 1)
        key[positions] = rank[both]
        keys.append(key)
        more[positions] = True
    last = np.zeros(count, dtype=bool)
    last[list(odd)] = True
    return np.lexsort([*keys, last])


def _moved(column: _Column, order: NDArray[np.intp], place: Numbers) -> _Column:
    """The column when series order[i] has number i, and place[order[i]] is i."""
    if isinstance(column.positions, slice):
        return column._replace(codes=column.codes[order])
    positions = place[column.positions]
    by_number = np.argsort(positions)
    return column._replace(positions=positions[by_number], codes=column.codes[by_number])


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
        together = AT_ONCE if plain else _BETWEEN_LOOKS
        for first in range(0, len(values), together):
            left = ends - time.monotonic()
            if left <= 0:
                break
            some = values[first : first + together]
            # To name a time-out, even none, takes longer than most searches.
            if plain:
                matches += [pattern.search(value) is not None for value in some]
            else:
                matches += [pattern.search(value, timeout=left) is not None for value in some]
    if len(matches) < len(values):
        raise BadRequest(
            f"The tag expression '{one.tag[:60]}{one.operator}{one.spec[:60]}' takes longer than {PATTERN_S:g} s.",
            fix='Avoid nested repetitions such as (a+)+, or add "tag=value" of a tag that few series share.',
        )
    return matches

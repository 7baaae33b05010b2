"""A line as what engines index, and a query as what they look for there: cut and written alike for all of them.

Engines index, of every line, as whole values without regard to words:
- `key` (number): the id; `at_ms` and `seq` (numbers): its time, its place in it.
- `host`, `program`, `severity`, `source`; `hosts`: the host, and without its domain. Hosts are in lower case.
- `pairs`: `name=value` of each of its own fields; of a number also `name#` and 16 characters that sort as numbers do.
- `names`: what its own fields are called, with a `#` behind it where the value is a number; "" when it has no word.
And `words`: the words of the message with blanks between, cut at blanks, with their places.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from weft.base.errors import TooMuch
from weft.base.intervals import Interval
from weft.logs import query as asked
from weft.logs.fields import kind_of, own_name
from weft.logs.patterns import between_regex, expression_regex, is_pattern, literal_regex, wildcard_regex
from weft.logs.query import Query, Scope
from weft.logs.store import FieldValue, LogLine, key_of
from weft.logs.words import with_blanks

MOST_WAYS = 200
"""Ways in which the words of one phrase may stand."""


class Indexed(NamedTuple):
    """What is indexed of one line."""

    key: int
    at_ms: int
    seq: int
    host: str
    hosts: Sequence[str]
    program: str
    severity: str
    source: str
    words: str
    pairs: Sequence[str]
    names: Sequence[str]


def indexed(line: LogLine) -> Indexed:
    """What is indexed of a line."""
    words = with_blanks(line.message)
    hosts = _hosts_of(line.host)
    pairs: list[str] = []
    names = [] if words.strip() else [""]
    for name, value in line.fields.items():
        pairs.append(f"{name}={text_of(value)}")
        names.append(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            pairs.append(f"{name}#{sortable(value)}")
            names.append(f"{name}#")
    return Indexed(
        key_of(line.id), line.at_ms, line.seq, hosts[0], hosts, line.program, line.severity, line.source, words, pairs,
        names,
    )  # fmt: skip


@lru_cache(50_000)
def _hosts_of(host: str) -> tuple[str, ...]:
    """A host in lower case, and without its domain where it has one."""
    full = host.lower()
    return tuple(dict.fromkeys((full, short_host(full))))


def text_of(value: FieldValue) -> str:
    """A value as people type it: `true`, `5`, `0.25`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def sortable(number: float) -> str:
    """16 characters that sort as the numbers do: the bits of the double, the sign turned."""
    (bits,) = struct.unpack(">q", struct.pack(">d", number or 0.0))
    return f"{bits | 1 << 63 if bits >= 0 else ~bits:016x}"


def number_of(text: str) -> float | None:
    """The number that a text is; None: it is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number - number == 0 else None


def short_host(host: str) -> str:
    """A host's name without its domain; an address is its own."""
    short = host.partition(".")[0]
    return host if ":" in host or short.isdecimal() else short


# -- what is looked for ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class All:
    """Every line."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """No line."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of these values stands in the field."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keyed:
    """The line whose id gives this key."""

    key: int


@dataclass(frozen=True, slots=True)
class Like:
    """A value of the field fits the whole expression (of the `regex-syntax` crate)."""

    field: str
    regex: str


@dataclass(frozen=True, slots=True)
class Near:
    """A value of the field is at most so many edits away."""

    field: str
    text: str
    edits: int


@dataclass(frozen=True, slots=True)
class InOrder:
    """These words stand so many places after the first one in `words`; expressions when `regex`.

    `slop`: by how many places they may stand otherwise; only of two words, on which engines agree.
    """

    places: tuple[tuple[int, str], ...]
    regex: bool = False
    slop: int = 0


@dataclass(frozen=True, slots=True)
class During:
    """The line's time lies in the interval."""

    window: Interval


@dataclass(frozen=True, slots=True)
class Both:
    """All of `must`, none of `forbidden`; one of `should` where it is not empty. One of `must` and `should` is not."""

    must: tuple["Wanted", ...]
    should: tuple["Wanted", ...]
    forbidden: tuple["Wanted", ...]


Wanted = All | Nothing | Keyed | OneOf | Like | Near | InOrder | During | Both

ALL, NOTHING = All(), Nothing()


def wanted(query: Query, part: Interval) -> Wanted:
    """What to look for among lines of which all lie in `part`, and what cannot be there left away.

    Raises:
        TooMuch: a phrase may stand in too many ways.
    """
    match query:
        case asked.Everything():
            return ALL
        case asked.Group(clauses):
            return _group(clauses, part)
        case asked.Within(scopes):
            return any_of([_scope(scope, part) for scope in scopes])
        case asked.Phrase(words, slop):
            return _phrase(words, slop)
        case asked.Exists(name):
            return _exists(name)
        case asked.Job(text):
            raise TypeError(f"job {text} has not been resolved")
        case _:
            return _value(query)


def all_of(parts: Sequence[Wanted]) -> Wanted:
    """What all parts want."""
    told = [part for part in parts if part != ALL]
    if NOTHING in told:
        return NOTHING
    return Both(tuple(told), (), ()) if len(told) > 1 else told[0] if told else ALL


def any_of(parts: Sequence[Wanted]) -> Wanted:
    """What one of the parts wants."""
    told = tuple(part for part in parts if part != NOTHING)
    if ALL in told:
        return ALL
    return Both((), told, ()) if len(told) > 1 else told[0] if told else NOTHING


def _group(clauses: Sequence[asked.Clause], part: Interval) -> Wanted:
    parts: dict[asked.Occur, list[Wanted]] = {"must": [], "should": [], "not": []}
    for clause in clauses:
        parts[clause.occur].append(wanted(clause.query, part))
    # Beside a `must`, what should match changes nothing but a score, which nobody asks for.
    found = all_of(parts["must"]) if parts["must"] or not parts["should"] else any_of(parts["should"])
    forbidden = any_of(parts["not"])
    if not clauses or forbidden == ALL:
        return NOTHING
    return found if NOTHING in (found, forbidden) else Both((found,), (), (forbidden,))


def _scope(scope: Scope, part: Interval) -> Wanted:
    inside = scope.window.cut(part)
    if not inside:
        return NOTHING
    time = ALL if inside == part else During(inside)
    return time if scope.hosts is None else all_of([_hosts(scope.hosts), time])


def _hosts(hosts: Sequence[str]) -> Wanted:
    names = sorted({host.lower() for host in hosts})
    bare = tuple(name for name in names if short_host(name) == name)
    full = tuple(dict.fromkeys(n for name in names if short_host(name) != name for n in (name, short_host(name))))
    return any_of([OneOf(field, values) for field, values in (("hosts", bare), ("host", full)) if values])


def _exists(name: str) -> Wanted:
    match kind_of(name):
        case "own":
            return OneOf("names", (own_name(name),))
        case "words":
            return Both((ALL,), (), (OneOf("names", ("",)),))
        case _:
            return Both((ALL,), (), (OneOf(name, ("",)),))


def _value(query: Query) -> Wanted:
    """A term or a pattern in one field."""
    assert isinstance(query, asked.Term | asked.Wildcard | asked.Regex | asked.Fuzzy | asked.Range)
    kind = kind_of(query.field)
    field = {"words": "words", "lower": "hosts", "own": "pairs"}.get(kind, query.field)
    head = f"{own_name(query.field)}=" if kind == "own" else ""
    plain = literal_regex(head)
    lower = kind in ("words", "lower")
    match query:
        case asked.Term(_, text):
            if kind == "id":
                return Keyed(key_of(text))
            number = number_of(text) if kind == "own" else None
            same = () if number is None else (f"{own_name(query.field)}#{sortable(number)}",)
            return OneOf(field, (head + text, *same))
        case asked.Wildcard(_, pattern):
            return Like(field, plain + wildcard_regex(pattern))
        case asked.Regex(_, pattern):
            return Like(field, f"{plain}({expression_regex(pattern, lower=lower)})")
        case asked.Fuzzy(_, text, edits):
            return Near(field, text, edits)
        case asked.Range(_, low, high, with_low, with_high):
            if kind == "own" and (numbers := _numbers(low, high)) is not None:
                low, high = numbers
                plain = literal_regex(f"{own_name(query.field)}#")
            regex = between_regex(low, high, with_low, with_high)
            return NOTHING if regex is None else Like(field, plain + regex)


def _numbers(low: str | None, high: str | None) -> tuple[str | None, str | None] | None:
    """Bounds as sortable numbers; None: one of them is no number."""
    told = [None if bound is None else number_of(bound) for bound in (low, high)]
    if any(number is None and bound is not None for number, bound in zip(told, (low, high), strict=True)):
        return None
    first, last = (None if number is None else sortable(number) for number in told)
    return first, last


def _phrase(words: Sequence[str], slop: int) -> Wanted:
    """Words one after the other, and with slop in every way that Lucene's measure allows."""
    regex = any(is_pattern(word) and word != "*" for word in words)
    if len(words) == 2 and words[0] != words[1] and not regex and "*" not in words:
        return InOrder(((0, words[0]), (1, words[1])), slop=slop)
    texts = [wildcard_regex(word) if regex else word for word in words]
    ways = _ways(len(words), slop) if slop else [tuple(range(len(words)))]
    found = []
    for way in ways:
        # A lone `*` is any word: a gap, of which nothing is asked. Two words never stand at one place.
        places = sorted((at, text) for at, text, word in zip(way, texts, words, strict=True) if word != "*")
        if len({at for at, _ in places}) == len(places):
            first = places[0][0]
            found.append(_in_order(tuple((at - first, text) for at, text in places), regex))
    return any_of(list(dict.fromkeys(found)))


def _in_order(places: tuple[tuple[int, str], ...], regex: bool) -> Wanted:
    if len(places) > 1:
        return InOrder(places, regex)
    return Like("words", places[0][1]) if regex else OneOf("words", (places[0][1],))


def _ways(count: int, slop: int) -> Iterator[tuple[int, ...]]:
    """Places of words that together are moved by at most so many from where the phrase has them.

    Lucene's measure: the greatest less the smallest of how far each word stands from its place.
    """
    if (slop + 1) ** count - slop**count > MOST_WAYS:
        raise TooMuch(
            f"{count} words with a slop of {slop} may stand in more than {MOST_WAYS:,} ways.",
            fix="Lower the number behind ~, or ask for the words with AND.",
        )
    for moved in product(range(slop + 1), repeat=count):
        if not min(moved):
            yield tuple(at + by for at, by in enumerate(moved))

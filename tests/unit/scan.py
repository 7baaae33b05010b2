"""Log search by looking at every line: what engines and fakes are compared with. It shares no code with them."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from weft.logs import query as q
from weft.logs.store import LogLine


def matches(query: q.Query, line: LogLine) -> bool:
    """True when the line is meant."""
    match query:
        case q.Everything():
            return True
        case q.Group(clauses):
            return grouped([(c.occur, matches(c.query, line)) for c in clauses])
        case q.Within(scopes):
            return any(scope.window.holds(line.at_ms) and on(scope.hosts, line.host) for scope in scopes)
        case q.Phrase(words, slop):
            return phrase([pattern(word) for word in words], words_of(line.message), slop)
        case q.Exists(field):
            return any(value != "" for value in values(line, field))
        case _:
            return any(fits(query, value) for value in values(line, query.field))


@lru_cache(200_000, typed=True)
def fits(query: q.Query, value: object) -> bool:
    """True when one value (of the message: one word) is what is asked for."""
    here = plain(value)
    match query:
        case q.Term(_, text):
            number = as_number(text) if is_number(value) else None
            return here == text or (number is not None and value == number)
        case q.Wildcard(_, text):
            return re.fullmatch(pattern(text), here, re.DOTALL) is not None
        case q.Regex(field, text):
            case = re.IGNORECASE if field in ("message", "host") else re.NOFLAG
            return re.fullmatch(text, here, re.DOTALL | case) is not None
        case q.Fuzzy(_, text, edits):
            return edit_distance(text, here) <= edits
        case q.Range():
            return between(query, value)
    raise AssertionError(query)


def grouped(parts: list[tuple[str, bool]]) -> bool:
    """Lucene's: all `must`, no `not`; without a `must` one `should`, where there is any."""
    said = {occur: [found for how, found in parts if how == occur] for occur in ("must", "should", "not")}
    if any(said["not"]) or not all(said["must"]):
        return False
    return bool(said["must"]) or any(said["should"]) or (not said["should"] and bool(said["not"]))


@lru_cache(50_000)
def words_of(message: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[^\w]+", message.lower()) if word)


def own(field: str) -> bool:
    return field not in ("message", "host", "program", "severity", "source", "id", "time")


def values(line: LogLine, field: str) -> list[object]:
    if field == "message":
        return list(words_of(line.message))
    if field == "host":
        host = line.host.lower()
        return [host, host.split(".")[0]]
    if not own(field):
        return [getattr(line, field)]
    name = field.removeprefix("fields.")
    return [line.fields[name]] if name in line.fields else []


def plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value == int(value) else str(value)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None


@lru_cache(1000)
def pattern(text: str) -> str:
    """A wildcard pattern as an expression."""
    parts = re.findall(r"\\.|.", text, re.DOTALL)
    return "".join({"*": ".*", "?": "."}.get(part, re.escape(part[-1])) for part in parts)


def phrase(patterns: list[str], words: Sequence[str], slop: int) -> bool:
    """Lucene's sloppy phrase: all ways to choose a place for each word, no place twice."""

    def fits(chosen: list[int]) -> bool:
        if len(chosen) == len(patterns):
            moved = [place - n for n, place in enumerate(chosen)]
            return max(moved) - min(moved) <= slop
        return any(
            fits([*chosen, place])
            for place, word in enumerate(words)
            if place not in chosen and re.fullmatch(patterns[len(chosen)], word)
        )

    return fits([])


def on(hosts: Iterable[str] | None, host: str) -> bool:
    if hosts is None:
        return True
    said = host.lower()
    for name in (one.lower() for one in hosts):
        if (
            said == name
            or ("." in name and said == name.split(".")[0])
            or ("." not in name and said.split(".")[0] == name)
        ):
            return True
    return False


def between(query: q.Range, value: object) -> bool:
    bounds = [bound for bound in (query.low, query.high) if bound is not None]
    here, low, high = plain(value), query.low, query.high
    if own(query.field) and all(as_number(bound) is not None for bound in bounds):
        if not is_number(value):
            return False
        here, low, high = value, low and as_number(low), high and as_number(high)
    over = low is None or (here >= low if query.with_low else here > low)
    return over and (high is None or (here <= high if query.with_high else here < high))


def edit_distance(a: str, b: str) -> int:
    """Edits with neighbours exchanged as one (optimal string alignment)."""
    rows = [list(range(len(b) + 1))]
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            best = min(rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]

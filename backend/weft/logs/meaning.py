"""What a text means in a field: a word of the message, a value in lower case, a time, a severity.

Each function returns a part of a query, or None where the text holds nothing to search for, as `=>` in the message.
They raise BadRequest for what a field cannot be asked.
"""

from dataclasses import dataclass

from weft.base.errors import BadRequest
from weft.base.intervals import FOREVER_MS, Interval
from weft.logs.fields import LONGEST_VALUE, Kind, kind_of
from weft.logs.moments import Times
from weft.logs.patterns import check_regex, is_pattern, pattern_words
from weft.logs.query import (
    EVERYTHING,
    Exists,
    Fuzzy,
    Job,
    Phrase,
    Query,
    Range,
    Regex,
    Scope,
    Term,
    Wildcard,
    Within,
    any_of,
)
from weft.logs.severity import between, severity_of
from weft.logs.words import words_of

_INSTEAD = {
    "job": "Give the job's id: job:4711.",
    "id": "Give the whole id.",
    "time": "Give a range: time:[2026-11-22 TO now].",
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What texts mean, given what `now` is and the zone of times without one."""

    times: Times

    def value(self, field: str, text: str, slop: int = 0) -> Query | None:
        """A whole value; of the message a word, or several as a phrase."""
        match kind_of(field):
            case "words":
                words = tuple(words_of(text))
                return Phrase(words, slop) if len(words) > 1 else Term(field, words[0]) if words else None
            case "lower":
                return Term(field, text.lower())
            case "severity":
                return Term(field, severity_of(text) or text)
            case "time":
                return Within((Scope(self.times.span(text)),))
            case "job":
                return Job(text)
            case _:
                return Term(field, text[:LONGEST_VALUE])

    def wildcard(self, field: str, pattern: str) -> Query | None:
        """A value or word with `*` and `?`; in the message, what stands between words parts a phrase of patterns."""
        kind = kind_of(field)
        if not pattern.strip("*"):
            return exists(field)
        if kind == "words":
            parts = pattern_words(pattern.lower())
            if len(parts) != 1:
                return Phrase(tuple(parts)) if parts else None
            return Wildcard(field, parts[0]) if is_pattern(parts[0]) else Term(field, parts[0])
        _refuse(field, kind, "wildcards")
        return Wildcard(field, pattern.lower() if kind == "lower" else pattern)

    def regex(self, field: str, pattern: str) -> Query:
        """A value or word that an expression fits."""
        kind = kind_of(field)
        _refuse(field, kind, "expressions")
        check_regex(pattern, word=kind == "words")
        return Regex(field, pattern)

    def fuzzy(self, field: str, text: str, edits: int) -> Query | None:
        """A value or word with a few edits."""
        kind = kind_of(field)
        if edits == 0:
            return self.value(field, text)
        if kind == "words":
            words = words_of(text)
            if len(words) > 1:
                raise BadRequest(
                    f"'{text}~' is {len(words)} words, and a fuzzy search takes one.",
                    fix='Write each as word~, or "two words"~2 for words near each other.',
                )
            return Fuzzy(field, words[0], edits) if words else None
        _refuse(field, kind, "fuzzy searches")
        if kind == "own":
            raise BadRequest(f"A fuzzy search does not look into '{field}'.", fix=f"Use {field}:/expression/ or *.")
        return Fuzzy(field, text.lower() if kind == "lower" else text, edits)

    def range(self, field: str, low: str | None, high: str | None, with_low: bool, with_high: bool) -> Query:
        """Values between two bounds (None: no bound); of `severity` by how bad they are."""
        kind = kind_of(field)
        if low is None and high is None:
            return exists(field)
        if kind == "time":
            return Within((Scope(self._window(low, high, with_low, with_high)),))
        if kind == "severity":
            words = between(low, high, with_low, with_high)
            if words is None:
                raise BadRequest(
                    f"'{low or '*'} TO {high or '*'}' is no range of severities.",
                    fix="Give for example severity:>=err.",
                )
            return any_of([Term(field, word) for word in words])
        _refuse(field, kind, "ranges")
        if kind in ("words", "lower"):
            low, high = low and low.lower(), high and high.lower()
        return Range(field, low, high, with_low, with_high)

    def _window(self, low: str | None, high: str | None, with_low: bool, with_high: bool) -> Interval:
        begin = Interval(0) if low is None else self.times.span(low)
        end = Interval(0) if high is None else self.times.span(high)
        return Interval(
            begin.from_ms if with_low or low is None else begin.to_ms,
            FOREVER_MS if high is None else end.to_ms if with_high else end.from_ms,
        )


def exists(field: str) -> Query:
    """Lines that have the field; times and ids all have."""
    kind = kind_of(field)
    _refuse(field, kind, "bare *", ("job",))
    return EVERYTHING if kind in ("time", "id") else Exists(field)


def _refuse(field: str, kind: Kind, what: str, refused: tuple[Kind, ...] = ("job", "id", "time")) -> None:
    if kind in refused:
        raise BadRequest(f"'{field}' takes no {what}.", fix=_INSTEAD[kind])

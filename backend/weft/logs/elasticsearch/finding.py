"""What is looked for as Elasticsearch's query objects: filters only, for nobody asks for a score."""

import re
from collections.abc import Sequence
from typing import Any

from weft.base.intervals import FOREVER_MS, Interval
from weft.logs.elasticsearch.documents import FIELDS
from weft.logs.terms import ALL, All, Both, During, InOrder, Keyed, Like, Near, Nothing, OneOf, Wanted

Asked = dict[str, Any]

MOST_STATES = 100_000
"""Work that a pattern's automaton may be; over it the server refuses the query."""

NEWEST = ({"@timestamp": "desc"}, {FIELDS["seq"]: "desc"}, {FIELDS["key"]: "asc"})
OLDEST = ({"@timestamp": "asc"}, {FIELDS["seq"]: "asc"}, {FIELDS["key"]: "desc"})
"""The members of a Place as fields to sort by."""

_LONG = 2**63 - 1
_PIECE = re.compile(
    r"\(\?s:\.\)|\\x\{(?P<code>[0-9a-f]+)\}|\\(?P<blank>[tnr])|(?P<empty>(?<=[(|])(?=[|)]))|.", re.DOTALL
)
_BLANKS = {"t": "\\\t", "n": "\\\n", "r": "\\\r"}


def compiled(want: Wanted) -> Asked:
    """What is looked for as a query."""
    match want:
        case All():
            return {"match_all": {}}
        case Nothing():
            return {"match_none": {}}
        case Keyed(key):
            return {"term": {FIELDS["key"]: key}}
        case OneOf(field, values):
            return {"terms": {_field(field): list(values)}}
        case Like(field, regex):
            return _like(_field(field), regex)
        case Near(field, text, edits):
            # The default takes the nearest 50 words only.
            return {"fuzzy": {_field(field): {"value": text, "fuzziness": edits, "rewrite": "constant_score"}}}
        case InOrder():
            return _in_order(want)
        case During(window):
            return within(window)
        case Both():
            return _both(want)


def within(window: Interval) -> Asked:
    """Lines whose time lies in the window."""
    first_ms, end_ms = (max(-FOREVER_MS, min(FOREVER_MS, ms)) for ms in (window.from_ms, window.to_ms))
    return {"range": {"@timestamp": {"gte": first_ms, "lt": end_ms, "format": "epoch_millis"}}}


def place_after(members: Sequence[int]) -> list[int]:
    """The members of a Place as `search_after` takes them: numbers of 64 bits."""
    return [max(-_LONG, min(_LONG, member)) for member in members]


def _field(name: str) -> str:
    return FIELDS.get(name, name)


def _like(field: str, regex: str) -> Asked:
    told = {"value": lucene_regex(regex), "flags": "NONE", "max_determinized_states": MOST_STATES}
    return {"regexp": {field: told}}


def _in_order(want: InOrder) -> Asked:
    words = FIELDS["words"]
    first, *_, last = (at for at, _ in want.places)
    if not want.regex and last - first == len(want.places) - 1:
        text = " ".join(word for _, word in want.places)
        return {"match_phrase": {words: {"query": text, "slop": want.slop, "analyzer": "whitespace"}}}
    clauses: list[Asked] = []
    before = first - 1
    for at, word in want.places:
        if at - before > 1:
            clauses.append({"span_gap": {words: at - before - 1}})
        before = at
        clauses.append({"span_multi": {"match": _like(words, word)}} if want.regex else {"span_term": {words: word}})
    return {"span_near": {"clauses": clauses, "slop": 0, "in_order": True}}


def _both(want: Both) -> Asked:
    flat = _flat(want)
    parts = {
        "filter": [compiled(part) for part in flat.must if part != ALL],
        "should": [compiled(part) for part in flat.should],
        "must_not": [compiled(part) for part in flat.forbidden],
    }
    told: Asked = {occur: asked for occur, asked in parts.items() if asked}
    if flat.should:
        told["minimum_should_match"] = 1
    return {"bool": told} if told else {"match_all": {}}


def _flat(want: Both) -> Both:
    """The same with the parts of inner groups as its own, where that says the same: servers allow 30 in one another."""
    must: list[Wanted] = []
    should: list[Wanted] = []
    forbidden = list(want.forbidden)
    for part in want.should:
        inner = _flat(part) if isinstance(part, Both) else None
        should += inner.should if inner and not inner.must and not inner.forbidden else [inner or part]
    for part in want.must:
        inner = _flat(part) if isinstance(part, Both) else None
        if inner is None or (inner.should and should):
            must.append(inner or part)
            continue
        must += inner.must
        should += inner.should
        forbidden += inner.forbidden
    return Both(tuple(must), tuple(should), tuple(forbidden))


def lucene_regex(regex: str) -> str:
    """A pattern of `patterns`, written for the `regex-syntax` crate, as Lucene reads it.

    Any character is a plain dot there, a character that could mean something stands behind a backslash, and an empty
    way of a choice is `()`.
    """
    return _PIECE.sub(_lucene, regex)


def _lucene(piece: re.Match[str]) -> str:
    if piece["code"] is not None:
        c = chr(int(piece["code"], 16))
        return c if c.isalnum() else f"\\{c}"
    if piece["blank"]:
        return _BLANKS[piece["blank"]]
    if piece["empty"] is not None:
        return "()"
    return "." if piece[0] == "(?s:.)" else piece[0]

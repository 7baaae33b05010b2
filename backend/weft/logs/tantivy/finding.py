"""What is looked for as tantivy's own queries, and lines in the order of their places."""

from collections.abc import Sequence

import orjson
from tantivy import DocAddress, FieldType, Occur, Order, Query, Searcher

from weft.base.errors import TooMuch
from weft.logs.store import LogLine, Place
from weft.logs.tantivy.day import SCHEMA
from weft.logs.terms import All, Both, During, InOrder, Keyed, Like, Near, Nothing, OneOf, Wanted

_ORDER = (("at_ms", Order.Desc, Order.Asc), ("seq", Order.Desc, Order.Asc), ("key", Order.Asc, Order.Desc))
"""The members of a Place as fields, and how each is sorted: newest first, oldest first."""


def compiled(want: Wanted) -> Query:
    """What is looked for as tantivy's own query. Raises TooMuch: a pattern makes too large an automaton."""
    match want:
        case All():
            return Query.all_query()
        case Nothing():
            return Query.empty_query()
        case Keyed(key):
            return _within("key", key, key)
        case OneOf(field, values):
            if len(values) == 1:
                return Query.term_query(SCHEMA, field, values[0])
            return Query.term_set_query(SCHEMA, field, values)
        case Like(field, regex):
            try:
                return Query.regex_query(SCHEMA, field, regex)
            except ValueError as exc:
                raise TooMuch("A pattern of the query is too large.", fix="Shorten it, or ask in parts.") from exc
        case Near(field, text, edits):
            return Query.fuzzy_term_query(SCHEMA, field, text, edits)
        case InOrder(places, regex, slop):
            phrase = Query.regex_phrase_query if regex else Query.phrase_query
            return phrase(SCHEMA, "words", list(places), slop)
        case During(window):
            return _within("at_ms", window.from_ms, window.to_ms - 1)
        case Both(must, should, forbidden):
            parts = [(Occur.Must, compiled(part)) for part in must]
            parts += [(Occur.Should, compiled(part)) for part in should]
            return Query.boolean_query([*parts, *((Occur.MustNot, compiled(part)) for part in forbidden)])


def _within(field: str, first: int | None, last: int | None) -> Query:
    return Query.range_query(SCHEMA, field, FieldType.Integer, first, last)


def page(searcher: Searcher, query: Query, level: int, most: int, after: Place | None, oldest: bool) -> list[LogLine]:
    """The first lines in the order of their places, after a place where one is given.

    tantivy sorts by one field and leaves ties in the order of its files, so lines that are equal in one member of
    their places are asked for by themselves, sorted by the next one (`level`).
    """
    if level == len(_ORDER):
        return []
    field, *orders = _ORDER[level]
    order = orders[oldest]
    lines: list[LogLine] = []
    if after is not None:
        value = after[level]
        lines = page(searcher, _and(query, _within(field, value, value)), level + 1, most, after, oldest)
        beyond = (value + 1, None) if order == Order.Asc else (None, value - 1)
        query = _and(query, _within(field, *beyond))
    most -= len(lines)
    if not most:
        return lines
    hits = searcher.search(query, most, count=False, order_by_field=field, order=order).hits
    last = hits[-1][0] if len(hits) == most and level + 1 < len(_ORDER) else None
    clear = _told(searcher, [address for value, address in hits if value != last])
    lines += sorted(clear, key=lambda line: Place.of(line).order, reverse=oldest)
    if last is not None:
        tied = _and(query, _within(field, last, last))
        lines += page(searcher, tied, level + 1, most - len(clear), None, oldest)
    return lines


def _and(query: Query, more: Query) -> Query:
    return Query.boolean_query([(Occur.Must, query), (Occur.Must, more)])


def _told(searcher: Searcher, addresses: Sequence[DocAddress]) -> list[LogLine]:
    return [LogLine(*orjson.loads(bytes(searcher.doc(address)["line"][0]))) for address in addresses]

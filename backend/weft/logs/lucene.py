"""Lucene's classic query language, as Kibana and Grafana send it: text into a query.

Clauses combine as Lucene's classic parser combines them, so that a text means the same here and there: AND makes the
clauses on both its sides required, OR none, and a clause without an operator is optional where another is required.
`a AND b OR c` is `+a +b c`; who mixes them without parentheses is told. As in Elasticsearch, `field:>=5` is a range,
`field:*` any value, `_exists_:field` the same, a bare `*` everything, and nothing but NOT means everything else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from weft.base.errors import BadRequest, TooMuch
from weft.logs.fields import field_named, kind_of
from weft.logs.meaning import Meaning, exists
from weft.logs.moments import Times
from weft.logs.patterns import is_pattern
from weft.logs.query import EVERYTHING, Clause, Fuzzy, Group, Occur, Phrase, Query, Range, Regex, Wildcard

LONGEST = 8192
"""Characters of a query."""
DEEPEST = 32
"""Groups in groups."""
MOST_TERMS = 1024
"""Terms of a query, as Lucene has it."""
MOST_PATTERNS = 32
"""Wildcards, expressions, ranges and fuzzy terms, each of which looks through all words there are; and phrases of more
than two words with a slop, which stand for many."""

DEFAULT_FIELD = "message"
MOST_EDITS = 2
MOST_SLOP = 1000

_ESCAPED = r"\\[\s\S]"
_START = rf"(?:[^ \t\n\r\u3000+\-!():^\[\]\"{{}}~*?\\/]|{_ESCAPED})"
_CHAR = rf"(?:{_START}|[+\-])"

_TOKENS = {
    kind: re.compile(pattern)
    for kind, pattern in {
        "AND": r"AND|&&",
        "OR": r"OR|\|\|",
        "NOT": r"NOT|!",
        "PLUS": r"\+",
        "MINUS": "-",
        "BARE": r"[+\-!][ \t\n\r\u3000]",
        "(": r"\(",
        ")": r"\)",
        ":": ":",
        "STAR": r"\*",
        "^": r"\^",
        "QUOTED": rf'"(?:[^"\\]|{_ESCAPED})*"',
        "TERM": rf"{_START}{_CHAR}*",
        "~": rf"~{_CHAR}*",
        "PREFIX": rf"\*|{_START}{_CHAR}*\*",
        "WILD": rf"(?:{_START}|[*?])(?:{_CHAR}|[*?])*",
        "REGEX": r"/(?:\\/|[^/])*/",
        "[": r"\[",
        "{": r"\{",
    }.items()
}
"""Lucene's tokens in its order: the longest counts, of equals the first."""
_IN_RANGE = {
    "TO": re.compile("TO"),
    "]": re.compile(r"\]"),
    "}": re.compile(r"\}"),
    "BOUND_QUOTED": re.compile(r'"(?:\\"|[^"])*"'),
    "BOUND": re.compile(r"[^ \]}]+"),
}
_NUMBER = {"NUMBER": re.compile(r"(?a)\d+(?:\.\d+)?")}
_BLANK = " \t\n\r\u3000"
_ESCAPE = re.compile(r"\\(?:u(?P<hex>[0-9A-Fa-f]{4})|(?P<plain>[\s\S]))")
_CUT = re.compile(r"(?<!\\)(?:\\\\)*\\u(?![0-9A-Fa-f]{4})")
_HALF = re.compile(r"[\ud800-\udfff]")
_TILDE = re.compile(r"(?a)~(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})")
_COMPARED = re.compile(r"(?P<sign>[<>])(?P<equal>=?)(?P<bound>.+)", re.DOTALL)
_AT = "At character "

_JOINS = ("AND", "OR")
_SIGNS = ("NOT", "PLUS", "MINUS")
_STARTS = ("BARE", "STAR", "TERM", "PREFIX", "WILD", "REGEX", "QUOTED", "[", "{", "(")
"""Tokens that a clause begins with."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A query, what the reader should know about how it was read, and fields it names that not every line has."""

    query: Query
    notices: tuple[str, ...] = ()
    own_fields: tuple[str, ...] = ()


class _Token(NamedTuple):
    """A token; `at`: where it begins, from 0."""

    kind: str
    text: str
    at: int


def parse(text: str, times: Times) -> Parsed:
    """Read a query; of an empty one: everything.

    Raises:
        BadRequest: it cannot be read; the message says where and what was expected there.
        TooMuch: too long, too deep, too many terms or patterns; the message names the limit.
    """
    if len(text) > LONGEST:
        raise TooMuch(f"The query is over {LONGEST:,} characters.", fix="Shorten it.")
    if half := _HALF.search(text):
        raise _error(text, half.start(), "half a character", "Type the query again.")
    if not text.strip(_BLANK):
        return Parsed(EVERYTHING)
    reader = _Reader(text, _tokens(text), Meaning(times))
    query = reader.whole()
    told = ", ".join(f"'{word}'" for word in reader.dropped[:3])
    if query is None:
        raise BadRequest(f"{told} holds no word to search for.", fix="Give letters, digits or underscores.")
    notices = []
    if told:
        notices.append(f"Left out, as there is no word in it: {told}.")
    if reader.mixed:
        notices.append(
            "AND stands beside OR or beside nothing: as Lucene has it, what AND joins is required and the rest is "
            "optional. Put parentheses: (a AND b) OR c."
        )
    return Parsed(query, tuple(notices), tuple(reader.own_fields))


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    known = _TOKENS
    while at < len(text):
        if text[at] in _BLANK and known is not _NUMBER:
            at += 1
            continue
        kind, longest = "", ""
        for name, pattern in known.items():
            match = pattern.match(text, at)
            if match is not None and len(match[0]) > len(longest):
                kind, longest = name, match[0]
        if not kind:
            raise _unreadable(text, at, known)
        found.append(_Token(kind, longest, at))
        at += len(longest)
        if kind in ("[", "{"):
            known = _IN_RANGE
        elif kind == "^":
            known = _NUMBER
        elif kind in ("]", "}", "NUMBER"):
            known = _TOKENS
    found.append(_Token("END", "", len(text)))
    return found


def _unreadable(text: str, at: int, known: object) -> BadRequest:
    if known is _NUMBER:
        return _error(text, at, "a number was expected after ^", "Boosts change no log search: leave ^ out.")
    fixes = {
        '"': ("the quote is not closed", 'Close it, or write \\" for the character.'),
        "/": ("the expression is not closed", "Put a text with a / in it into quotes."),
        "\\": ("nothing follows the backslash", "Write \\\\ for the character."),
        "]": ("a ] without its [", "Write \\] for the character, or put the text into quotes."),
        "}": ("a } without its {", "Write \\} for the character, or put the text into quotes."),
    }
    what, fix = fixes.get(text[at], (f"{text[at]!r} cannot be read", "Put the text into quotes."))
    return _error(text, at, what, fix)


def _error(text: str, at: int, what: str, fix: str) -> BadRequest:
    shown = f"'{text[at : at + 20]}{'...' if len(text) > at + 20 else ''}'" if at < len(text) else "the end"
    return BadRequest(f"{_AT}{at + 1} of the query ({shown}): {what}.", fix=fix)


@dataclass
class _Reader:
    """Recursive descent over the tokens; a part in which there is nothing to search for is None."""

    text: str
    tokens: Sequence[_Token]
    meaning: Meaning
    at: int = 0
    terms: int = 0
    patterns: int = 0
    mixed: bool = False
    dropped: list[str] = field(default_factory=list)
    own_fields: dict[str, None] = field(default_factory=dict)

    def whole(self) -> Query | None:
        """All of the text."""
        query = self._group(None, 0)
        token = self._peek()
        if token.kind != "END":
            raise self._expected("a ) without its (" if token.kind == ")" else "a term was expected")
        return query

    def _group(self, named: str | None, depth: int) -> Query | None:
        """Clauses up to a `)` or the end. `named`: the field of terms that name none."""
        if depth > DEEPEST:
            raise TooMuch(f"The query has over {DEEPEST} groups in groups.", fix="Take it apart.")
        clauses: list[Clause] = []
        first_sign = self._take("NOT", "PLUS", "MINUS")
        first = self._clause(named, depth)
        _add(clauses, "", first_sign, first)
        joins = set()
        while self._peek().kind in (*_STARTS, *_JOINS, *_SIGNS):
            join, sign = self._take(*_JOINS), self._take(*_SIGNS)
            joins.add(join)
            _add(clauses, join, sign, self._clause(named, depth))
        self.mixed |= "AND" in joins and len(joins) > 1
        if len(clauses) == 1 and first is not None and not first_sign:
            return first
        return Group(tuple(clauses)) if clauses else None

    def _clause(self, named: str | None, depth: int) -> Query | None:
        token = self._peek()
        if token.kind in ("TERM", "STAR") and self._peek(1).kind == ":":
            self.at += 2
            named = self._field(token)
            if self._peek().kind not in _STARTS:
                raise self._expected(f"a value was expected after '{token.text}:'")
        if not self._take("("):
            return self._term(named)
        query = self._group(named, depth + 1)
        if not self._take(")"):
            raise self._expected("a ) was expected")
        self._boost()
        return query

    def _field(self, token: _Token) -> str:
        if token.kind == "STAR":
            return "*"
        name = field_named(self._plain(token, token.text))
        if kind_of(name) == "own" and name != "_exists_":
            self.own_fields[name] = None
        return name

    def _term(self, named: str | None) -> Query | None:
        token = self._peek()
        if token.kind not in _STARTS:
            raise self._expected("a term was expected")
        self.at += 1
        self.terms += 1
        if self.terms > MOST_TERMS:
            raise TooMuch(f"The query has over {MOST_TERMS:,} terms.", fix="Use wildcards, or ask in parts.")
        try:
            query = self._range(named, token) if token.kind in "[{" else self._value(named, token)
        except BadRequest as exc:
            raise (
                exc if exc.what.startswith(_AT) else _error(self.text, token.at, exc.what.rstrip("."), exc.fix)
            ) from None
        if query is None:
            self.dropped.append(token.text.strip(_BLANK))
        self.patterns += _is_costly(query)
        if self.patterns > MOST_PATTERNS:
            raise TooMuch(
                f"The query has over {MOST_PATTERNS} wildcards, expressions, ranges and fuzzy terms.",
                fix="Ask in parts.",
            )
        return query

    def _value(self, named: str | None, token: _Token) -> Query | None:
        """A term of any kind but a range, with what follows it."""
        tilde = self._suffixes()
        name = DEFAULT_FIELD if named is None or named == "*" else named
        if token.kind == "QUOTED":
            text = self._plain(token, token.text[1:-1])
            if name == "_exists_":
                return exists(field_named(text))
            slop = min(int(_number_of(tilde) or 0), MOST_SLOP)
            return self.meaning.value(name, text, slop)
        if not token.text.strip("*") and named in (None, "*"):
            return EVERYTHING
        if token.kind == "REGEX":
            return self.meaning.regex(name, token.text[1:-1])
        if token.kind in ("STAR", "PREFIX", "WILD"):
            return self.meaning.wildcard(name, token.text)
        text = self._plain(token, token.text[:1] if token.kind == "BARE" else token.text)
        if name == "_exists_":
            return exists(field_named(text))
        if tilde:
            return self.meaning.fuzzy(name, text, self._edits(token, text, tilde))
        compared = _COMPARED.fullmatch(text) if named is not None else None
        if compared is None:
            return self.meaning.value(name, text)
        equal, bound = bool(compared["equal"]), compared["bound"]
        if compared["sign"] == ">":
            return self.meaning.range(name, bound, None, equal, True)
        return self.meaning.range(name, None, bound, True, equal)

    def _range(self, named: str | None, opening: _Token) -> Query | None:
        """What follows a `[` or `{`."""
        bounds = []
        for _ in range(2):
            token = self._peek()
            if not self._take("BOUND", "BOUND_QUOTED", "TO"):
                raise self._expected("the bound of a range was expected: [a TO b]")
            quoted = token.kind == "BOUND_QUOTED"
            text = self._plain(token, token.text[1:-1] if quoted else token.text)
            bounds.append(None if token.text == "*" else text)
            if len(bounds) == 1 and not self._take("TO"):
                raise self._expected("TO was expected: [a TO b]")
        closing = self._take("]", "}")
        if not closing:
            raise self._expected("the ] or } of a range was expected")
        self._boost()
        name = DEFAULT_FIELD if named is None or named == "*" else named
        return self.meaning.range(name, bounds[0], bounds[1], opening.kind == "[", closing == "]")

    def _suffixes(self) -> str:
        """`~2` behind a term, "" when there is none; a boost before or after it is passed over."""
        self._boost()
        tilde = self._peek()
        if not self._take("~"):
            return ""
        self._boost()
        return tilde.text

    def _boost(self) -> None:
        """Pass over `^2`: lines come newest first, whatever they score."""
        if self._take("^") and not self._take("NUMBER"):
            raise self._expected("a number was expected after ^")

    def _edits(self, token: _Token, text: str, tilde: str) -> int:
        """Edits of a fuzzy term: 2 without a number; a number under 1 is the share of the term that has to stay."""
        number = _number_of(tilde)
        if number is None:
            return MOST_EDITS
        if number >= 1 and number != int(number):
            raise _error(self.text, token.at, f"'{tilde}' is no number of edits", "Give ~1 or ~2.")
        return min(int(number) if number >= 1 or number == 0 else int((1 - number) * len(text)), MOST_EDITS)

    def _plain(self, token: _Token, text: str) -> str:
        """A text without its backslashes."""
        if "\\" not in text:
            return text
        plain = _ESCAPE.sub(lambda found: chr(int(found["hex"], 16)) if found["hex"] else found["plain"], text)
        if _HALF.search(plain) or _CUT.search(text):
            raise _error(self.text, token.at, "a \\u is not followed by a character's four digits", "Type it as it is.")
        return plain

    def _peek(self, ahead: int = 0) -> _Token:
        return self.tokens[min(self.at + ahead, len(self.tokens) - 1)]

    def _take(self, *kinds: str) -> str:
        """The kind of the next token when it is one of these, which is passed then; "" otherwise."""
        kind = self._peek().kind
        if kind not in kinds:
            return ""
        self.at += 1
        return kind

    def _expected(self, what: str) -> BadRequest:
        fix = (
            "Put a text with : or / in it into quotes."
            if self._peek().kind == ":"
            else "Complete it, or put it into quotes if it is text."
        )
        return _error(self.text, self._peek().at, what, fix)


def _add(clauses: list[Clause], join: str, sign: str, query: Query | None) -> None:
    """Add a clause to a group as Lucene's classic parser does."""
    if join == "AND" and clauses and clauses[-1].occur != "not":
        clauses[-1] = Clause("must", clauses[-1].query)
    if query is not None:
        occur: Occur = "not" if sign in ("NOT", "MINUS") else "must" if sign or join == "AND" else "should"
        clauses.append(Clause(occur, query))


def _is_costly(query: Query | None) -> bool:
    """True for what MOST_PATTERNS counts."""
    if isinstance(query, Phrase):
        return any(map(is_pattern, query.words)) or (query.slop > 0 and len(query.words) > 2)
    return isinstance(query, Wildcard | Regex | Fuzzy | Range)


def _number_of(tilde: str) -> float | None:
    """The number behind a `~`; None: there is none."""
    told = _TILDE.fullmatch(tilde)
    return float(told[1]) if told else None

"""Cypher text into tokens: comments dropped, strings and names understood, dashes and arrow heads made plain.

A token knows how the server gets it. What runs is put together from tokens and is never the text that was typed, so
the server cannot read a comment, an escape or an odd character otherwise than it was read here. Neo4j decodes `\\u0041`
everywhere before it reads the text, so that a comment or a string can end in one; here it is a character of a string.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from weft.base.errors import BadRequest, TooMuch

LONGEST = 8192
"""Characters of a query."""
DEEPEST = 32
"""Brackets within brackets."""

_SPACE = r"\t\n\v\f\r\x1c-\x1f \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_DASHES = "\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\ufe58\ufe63\uff0d"
_LEFT, _RIGHT = "\u27e8\u3008\ufe64\uff1c", "\u27e9\u3009\ufe65\uff1e"
_PLAIN = {**dict.fromkeys(_DASHES, "-"), **dict.fromkeys(_LEFT, "<"), **dict.fromkeys(_RIGHT, ">")}
"""What Neo4j 5 takes for blanks, dashes and arrow heads (its grammar Cypher5Lexer)."""

_DIGITS = r"[0-9](?:_?[0-9])*"
_NAME = r"`(?:[^`]|``)*`"
_TOKENS = re.compile(
    rf"""
    (?P<blank> [{_SPACE}]+ | //[^\r\n]* | /\*[\s\S]*?\*/ )
  | (?P<text> '(?:[^'\\]|\\[\s\S])*' | "(?:[^"\\]|\\[\s\S])*" )
  | (?P<name> {_NAME} )
  | (?P<number> 0[xX][0-9a-fA-F]+ | 0o[0-7]+ | (?:{_DIGITS})?\.{_DIGITS}(?:[eE][+\-]?[0-9]+)?
      | {_DIGITS}[eE][+\-]?[0-9]+ | {_DIGITS} )
  | (?P<parameter> \$(?:[^\W\d]\w*|[0-9]+|{_NAME}) )
  | (?P<word> [^\W\d]\w* )
  | (?P<sign> \.\.|::|<>|<=|>=|=~|\|\||/(?!\*)|[()\[\]{{}}.,:;|&!%*+\-^=<>$]|[{"".join(_PLAIN)}] )
    """,
    re.VERBOSE,
)
_UNCLOSED = {
    "'": ("the string is not closed", "Close it, or write \\' for the character."),
    '"': ("the string is not closed", 'Close it, or write \\" for the character.'),
    "`": ("the name is not closed", "Close it with another `."),
    "/*": ("the comment is not closed", "Close it with */."),
    "\\": ("a backslash stands outside a string", "Write the character itself; \\u0041 is read in strings alone."),
}
_KNOWN_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"', "`": "`"}
_ESCAPE = re.compile(r"\\(?:u(?P<hex>[0-9a-fA-F]{4})|(?P<plain>[\s\S]))")
_HALF = re.compile(r"[\ud800-\udfff]")
_PAIRS = {")": "(", "]": "[", "}": "{"}


class Token(NamedTuple):
    """A token: a word, name, text, number, parameter, sign, or the end.

    `text`: the word, sign or digits, a name without backticks, a string's own characters. `start`, `stop`: where it
    stands in the query. `written`: how the server gets it.
    """

    kind: str
    text: str
    start: int
    stop: int
    written: str

    @property
    def word(self) -> str:
        """The word in capitals, as keywords are compared; "" for what cannot be one."""
        return self.text.upper() if self.kind == "word" and self.text.isascii() else ""

    @property
    def sign(self) -> str:
        """The sign; "" for any other token."""
        return self.text if self.kind == "sign" else ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a query and its end; `closing`: place of an opening bracket -> place of the one that closes it."""

    query: str
    items: tuple[Token, ...]
    closing: dict[int, int]


def read(query: str) -> Tokens:
    """Take a query apart.

    Raises:
        BadRequest: a character or an escape that cannot stand there, or something not closed; the message says where.
        TooMuch: too long, or too many brackets within each other.
    """
    if len(query) > LONGEST:
        raise TooMuch(f"The query is over {LONGEST:,} characters.", fix="Give long lists as parameters.")
    if half := _HALF.search(query):
        raise wrong(query, half.start(), "half a character", "Type the query again.")
    found: list[Token] = []
    at = 0
    while at < len(query):
        match = _TOKENS.match(query, at)
        if match is None:
            raise _unreadable(query, at)
        at = match.end()
        if match["number"] and query[at : at + 1].isalnum() | (query[at : at + 1] == "_"):
            raise wrong(query, match.start(), "a number goes on as a word", "Put a blank between them.")
        if match["blank"] is None:
            found.append(_token(query, match))
    found.append(Token("end", "", len(query), len(query), ""))
    return Tokens(query, tuple(found), _closing(query, found))


def quoted(name: str) -> str:
    """A name in backticks."""
    return "`" + name.replace("`", "``") + "`"


def wrong(query: str, at: int, what: str, fix: str) -> BadRequest:
    """What is wrong at a place of the query, and what to do about it."""
    line, column = query.count("\n", 0, at) + 1, at - query.rfind("\n", 0, at)
    words = query[at : at + 20].split("\n")[0].strip()
    shown = f"('{words}{'...' if len(query) > at + 20 else ''}')" if words else "(its end)"
    return BadRequest(f"Line {line}, character {column} of the query {shown}: {what}.", fix=fix)


def _token(query: str, match: re.Match[str]) -> Token:
    kind, raw, start = str(match.lastgroup), match[0], match.start()
    text = written = raw
    if kind == "text":
        text = _string(query, raw[1:-1], start + 1)
        written = _rewritten(text, raw[0])
    elif kind == "sign":
        text = written = _PLAIN.get(raw, raw)
    elif kind in ("name", "parameter"):
        bare = raw.removeprefix("$")
        text = bare[1:-1].replace("``", "`") if bare.startswith("`") else bare
        if "\\" in text:
            # The server would decode \u0041 there once more; a name is a name.
            raise wrong(query, start, "a name with a backslash", "Rename it: Weft does not pass it on.")
        written = "$" * (kind == "parameter") + quoted(text)
    return Token(kind, text, start, match.end(), written)


def _string(query: str, raw: str, start: int) -> str:
    """The characters that a string means. A backslash before any other character stays, as Neo4j has it."""

    def meant(escape: re.Match[str]) -> str:
        if escape["hex"]:
            return chr(int(escape["hex"], 16))
        if escape["plain"] in "uU":
            raise wrong(
                query, start + escape.start(), "\\u needs four hexadecimal digits", "Write \\u0041, or \\\\ for a \\."
            )
        return _KNOWN_ESCAPES.get(escape["plain"], escape[0])

    told = _ESCAPE.sub(meant, raw).encode("utf-16-le", "surrogatepass")
    try:
        return told.decode("utf-16-le")
    except UnicodeDecodeError:
        raise wrong(query, start, "half a character in a string", "Write the character itself.") from None


def _rewritten(text: str, quote: str) -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, f"\\{quote}") + quote


def _closing(query: str, found: list[Token]) -> dict[int, int]:
    closing: dict[int, int] = {}
    opened: list[int] = []
    for place, token in enumerate(found):
        if token.sign in _PAIRS.values():
            opened.append(place)
            if len(opened) > DEEPEST:
                raise TooMuch(
                    f"Character {token.start + 1} of the query: over {DEEPEST} brackets within each other.",
                    fix="Take a part out with WITH.",
                )
        elif token.sign in _PAIRS:
            if not opened or found[opened[-1]].sign != _PAIRS[token.sign]:
                raise wrong(query, token.start, f"a {token.sign} without its {_PAIRS[token.sign]}", "Leave it out.")
            closing[opened.pop()] = place
    if opened:
        token = found[opened[-1]]
        raise wrong(query, token.start, f"the {token.sign} is not closed", "Close it.")
    return closing


def _unreadable(query: str, at: int) -> BadRequest:
    for opening, (what, fix) in _UNCLOSED.items():
        if query.startswith(opening, at):
            return wrong(query, at, what, fix)
    character = query[at]
    shown = character if character.isprintable() else f"U+{ord(character):04X}"
    return wrong(query, at, f"{shown} cannot stand here", "Put it into a string, or a name with it into backticks.")

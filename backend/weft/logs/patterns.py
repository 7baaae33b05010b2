"""Patterns over whole values: Lucene's wildcards, and the part of its regular expressions that all engines share.

An expression may say `.`, classes, groups, `|`, `? * + {n,m}` and `\\d \\w \\s`; a backslash takes a meaning away. It
has no anchors, since it always fits a whole value. Lucene's own operators (`~ & @ # < > "`) are refused, as are look
around and back references, which no engine has. The `*_regex` functions write for the `regex-syntax` crate.
"""

import re
from collections.abc import Callable

from weft.base.errors import BadRequest, TooMuch
from weft.logs.words import words_of

LONGEST = 1000
"""Characters of an expression."""
MOST_STATES = 5000
"""Characters of an expression with its `{n,m}` written out: an engine makes an automaton of them."""
DEEPEST = 20
"""Groups in groups of an expression."""

ANY = "(?s:.)"

_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\r "}
_NOT_OURS = {sign: f"Lucene gives {sign} a meaning that Weft does not know: write \\{sign}." for sign in '~&@#<>"'} | {
    "^": "An expression always fits from the first character on: leave ^ out.",
    "$": "An expression always fits up to the last character: leave $ out.",
}
_COUNT = re.compile(r"(?a)\{(\d{1,9})(?:(,)(\d{1,9})?)?\}")
_PIECE = re.compile(r"\\(?P<literal>.)|(?P<wild>[*?])|(?P<word>\w+)|.", re.DOTALL)


def check_regex(pattern: str, *, word: bool = False) -> None:
    """Raise BadRequest for an expression that Weft does not take, TooMuch for one that is too large.

    Args:
        word: it is held against words, which are made of letters, digits and `_`: a blank in it would find nothing.
    """
    _Expression(pattern, word=word).read()


def expression_regex(pattern: str, *, lower: bool = False) -> str:
    """A checked expression; `lower`: its letters in lower case, as the values are."""
    return _Expression(pattern, fold=str.lower if lower else str).read()


def wildcard_regex(pattern: str) -> str:
    """What fits `*` (any characters) and `?` (any one); a backslash takes a meaning away."""
    parts = []
    for piece in _PIECE.finditer(pattern):
        if piece["wild"]:
            parts.append(ANY + "*" * (piece["wild"] == "*"))
        else:
            parts.append(literal_regex(piece["literal"] or piece[0]))
    return "".join(parts)


def literal_regex(text: str) -> str:
    """What fits this text alone."""
    return "".join(c if c.isalnum() else f"\\x{{{ord(c):x}}}" for c in text)


def pattern_words(pattern: str) -> list[str]:
    """A wildcard pattern cut as a message is cut into words: `10.1.7*` is 10, 1 and `7*`.

    A word of nothing but `*` in the midst is any one word, at an end it says nothing.
    """
    words = [""]
    for piece in _PIECE.finditer(pattern):
        if piece["word"] or piece["wild"]:
            words[-1] += piece[0]
        elif piece["literal"] and words_of(piece["literal"]):
            words[-1] += piece["literal"]
        else:
            words.append("")
    words = [word if word.strip("*") else "*" for word in words if word]
    while words and words[-1] == "*":
        words.pop()
    while words and words[0] == "*":
        words.pop(0)
    return words


def is_pattern(word: str) -> bool:
    """True for a word of `pattern_words` that holds a wildcard."""
    return "*" in word or "?" in word


def between_regex(low: str | None, high: str | None, with_low: bool, with_high: bool) -> str | None:
    """What fits texts between two bounds in the order of their characters; None: there are none."""
    ways = _between(low or "", high, with_low or low is None, with_high)
    return f"({'|'.join(ways)})" if ways else None


def _between(low: str, high: str | None, with_low: bool, with_high: bool) -> list[str]:
    if high is None:
        return _from(low, with_low)
    same = 0
    while same < min(len(low), len(high)) and low[same] == high[same]:
        same += 1
    head = literal_regex(low[:same])
    if same == len(low):
        return [head + way for way in _up_to(high[same:], with_low, with_high)]
    if same == len(high) or low[same] > high[same]:
        return []
    ways = [literal_regex(low[: same + 1]) + way for way in _from(low[same + 1 :], with_low)]
    if middle := _class(ord(low[same]) + 1, ord(high[same]) - 1):
        ways.append(f"{head}{middle}{ANY}*")
    return ways + [literal_regex(high[: same + 1]) + way for way in _up_to(high[same + 1 :], True, with_high)]


def _from(low: str, with_low: bool) -> list[str]:
    """Texts from a bound on: it and what goes on from it, and what differs from it by a greater character."""
    ways = [literal_regex(low) + ANY + ("*" if with_low else "+")]
    for i, c in enumerate(low):
        if above := _class(ord(c) + 1, 0x10FFFF):
            ways.append(f"{literal_regex(low[:i])}{above}{ANY}*")
    return ways


def _up_to(high: str, with_empty: bool, with_high: bool) -> list[str]:
    """Texts up to a bound, from the empty one on."""
    ways = [literal_regex(high)] if with_high and (high or with_empty) else []
    for i, c in enumerate(high):
        if i or with_empty:
            ways.append(literal_regex(high[:i]))
        if below := _class(0, ord(c) - 1):
            ways.append(f"{literal_regex(high[:i])}{below}{ANY}*")
    return ways


def _class(first: int, last: int) -> str:
    """Characters from one to another, "" for none; surrogates are no characters."""
    if 0xD800 <= first <= 0xDFFF:
        first = 0xE000
    if 0xD800 <= last <= 0xDFFF:
        last = 0xD7FF
    return f"[\\x{{{first:x}}}-\\x{{{last:x}}}]" if first <= last else ""


class _Expression:
    """One expression, read from left to right and written anew; each method returns text and how many states it is."""

    def __init__(self, pattern: str, *, word: bool = False, fold: Callable[[str], str] = str) -> None:
        self._pattern, self._word, self._fold = pattern, word, fold
        self._at = 0

    def read(self) -> str:
        """The whole of it."""
        if len(self._pattern) > LONGEST:
            raise TooMuch(f"An expression has over {LONGEST:,} characters.", fix="Shorten it.")
        text, states = self._choice(0)
        if self._at < len(self._pattern):
            raise self._wrong("a ) without its (", "Write \\) for the character.")
        self._limit(states)
        return text

    def _choice(self, depth: int) -> tuple[str, int]:
        if depth > DEEPEST:
            raise TooMuch(f"An expression has over {DEEPEST} groups in groups.", fix="Take it apart.")
        texts, states = [], 0
        while True:
            text, count = self._sequence(depth)
            texts.append(text)
            states += count
            if self._next() != "|":
                return "|".join(texts), states
            self._at += 1

    def _sequence(self, depth: int) -> tuple[str, int]:
        texts, states = [], 0
        while self._next() not in ("", "|", ")"):
            text, count = self._atom(depth)
            often, times = self._often()
            if self._next() in ("?", "*", "+", "{"):
                raise self._wrong("a repeat of a repeat", "Repeat a character, a class or a group once.")
            texts.append(text + often)
            states += count * times
            self._limit(states)
        if not texts:
            raise self._wrong("nothing", "Give at least one character on each side of | and in every group.")
        return "".join(texts), states

    def _atom(self, depth: int) -> tuple[str, int]:
        c = self._next()
        self._at += 1
        if c == "(":
            if self._next() == "?":
                raise self._wrong("(?", "Weft has neither look around nor options; groups are plain (...).")
            text, states = self._choice(depth + 1)
            if self._next() != ")":
                raise self._wrong("a ( without its )", "Close it, or write \\( for the character.")
            self._at += 1
            return f"({text})", states
        if c == "[":
            return self._class(), 1
        if c == ".":
            return ANY, 1
        if c == "\\":
            return self._escaped()
        if c in "?*+{}]":
            self._at -= 1
            raise self._wrong(f"{c} with nothing before it", f"Write \\{c} for the character.")
        if c in _NOT_OURS:
            self._at -= 1
            raise self._wrong(c, _NOT_OURS[c])
        return self._literal(c)

    def _escaped(self) -> tuple[str, int]:
        c = self._next()
        if not c:
            raise self._wrong("a backslash at the end", "Write \\\\ for the character.")
        self._at += 1
        if c in _CLASSES:
            return f"[{_CLASSES[c]}]", 1
        if c.isalnum():
            raise self._wrong(f"\\{c}", "Known are \\d, \\w and \\s.")
        return self._literal(c)

    def _literal(self, c: str) -> tuple[str, int]:
        if self._word and not (c.isalnum() or c == "_"):
            raise BadRequest(
                f"/{self._pattern}/ looks for {c!r}, which no word of a message holds, and it is held against words.",
                fix='Write "a phrase", or an expression for each word.',
            )
        return literal_regex(self._fold(c)), 1

    def _class(self) -> str:
        """What follows a `[`."""
        negated = self._next() == "^"
        self._at += negated
        members: list[str] = []
        if self._next() == "]":
            raise self._wrong("an empty class", "Write \\[ and \\] for the characters.")
        while self._next() != "]":
            first = self._member()
            if first is None:
                members.append(_CLASSES[self._pattern[self._at - 1]])
                continue
            last = first
            if self._next() == "-":
                self._at += 1
                told = self._member() if self._next() != "]" else None
                if told is None or told < first:
                    raise self._wrong("a range without an end", "Write \\- for the character.")
                last = told
            members.append(f"\\x{{{ord(self._fold(first)[0]):x}}}-\\x{{{ord(self._fold(last)[0]):x}}}")
        self._at += 1
        return f"[{'^' * negated}{''.join(members)}]"

    def _member(self) -> str | None:
        """A character of a class; None for \\d, \\w and \\s."""
        c = self._next()
        self._at += 1
        if c == "\\":
            c = self._next()
            self._at += 1
            if c in _CLASSES and c:
                return None
        if not c:
            raise self._wrong("a [ without its ]", "Close it, or write \\[ for the character.")
        return c

    def _often(self) -> tuple[str, int]:
        """A repeat, and how many times at most it has to be written out."""
        c = self._next()
        if c and c in "?*+":
            self._at += 1
            return c, 1
        if c != "{":
            return "", 1
        count = _COUNT.match(self._pattern, self._at)
        if count is None:
            raise self._wrong("{", "Write {2}, {2,} or {2,5}, and \\{ for the character.")
        self._at = count.end()
        least, most = int(count[1]), int(count[3] or count[1])
        if most < least:
            raise self._wrong(count[0], "Give the smaller number first.")
        self._limit(most)
        return f"{{{least}{count[2] or ''}{count[3] or ''}}}", max(most, 1)

    def _limit(self, states: int) -> None:
        if states > MOST_STATES:
            raise TooMuch(
                f"An expression has over {MOST_STATES:,} characters when its repeats are written out.",
                fix="Repeat less often.",
            )

    def _next(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _wrong(self, what: str, fix: str) -> BadRequest:
        return BadRequest(f"/{self._pattern}/ has {what} at its character {self._at + 1}.", fix=fix)

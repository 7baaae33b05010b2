"""Graphite's target grammar: text to a small frozen tree.

Source: graphite-web 1.1.10, `render/grammar_unsafe.py`. It reads as far as it can and drops the rest (`sum(a.*))` is
`sum(a.*)`, `sum(` is the series `sum`); here the whole text must be a target, and the error names the place.
`x|f(1)` becomes `f(x, 1)`. Strings keep what stands between the quotes, backslashes included, as graphite-web's do.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from weft.base.errors import BadRequest, ServiceError, TooMuch

Scalar = int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Path:
    """A path expression: dotted nodes with globs and braces, maybe `$name` of a template, maybe `;tag=value`."""

    text: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """`seriesByTag("tag=value", ...)`; its text as written is the path expression of what it gives."""

    text: str
    expressions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a string without its quotes, a boolean, None or infinity."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments; what was piped into it comes first."""

    name: str
    args: tuple["Node", ...]
    kwargs: tuple[tuple[str, "Node"], ...] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """`template(body, value, name=value)`: `$1`, `$name` in the body's paths are replaced."""

    body: "Node"
    values: tuple[tuple[str, Scalar], ...]


Node = Path | Tagged | Literal | Call | Template

KEPT_LETTERS: Final = 500
"""Longer targets and names are read anew each time: what is kept shall stay small."""
BY_TAG: Final = "seriesByTag"

_ESCAPE: Final = r"""\\[(){},.'"\\|=]"""
_PLAIN: Final = r"""[^\x00-\x20\x7f\s(){},.'"\\|]"""
_BRACES: Final = rf"""\{{(?:{_PLAIN}|{_ESCAPE}|,)++\}}"""
_ELEMENT: Final = rf"""(?:{_PLAIN}|{_ESCAPE}|{_BRACES})++"""

_SPACE = re.compile(r"[ \t\r\n]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(rf"{_ELEMENT}(?:\.{_ELEMENT})*+")
_UNESCAPE = re.compile(r"""\\([(){},.'"\\|=])""")
_STRING = re.compile(r""""(?:[^"\\\n\r]|""|\\.)*"|'(?:[^'\\\n\r]|''|\\.)*'""")
_END_OF_ARGUMENT: Final = r"(?=[ \t\r\n]*(?:[,)]|$))"
_NUMBER = re.compile(rf"(-?[0-9]+)(\.[0-9]+)?([eE][-+]?[0-9]+)?{_END_OF_ARGUMENT}")
_WORD = re.compile(rf"(true|false|none|inf){_END_OF_ARGUMENT}", re.IGNORECASE)
_BEGINNING = re.compile(rf"(?:[A-Za-z_][A-Za-z0-9_]*\([ \t\r\n]*)*+({_ELEMENT}(?:\.{_ELEMENT})*+)")
_KEYWORD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)[ \t\r\n]*=")
_WORDS: Final[dict[str, Scalar]] = {"true": True, "false": False, "none": None, "inf": float("inf")}

_ARGUMENT: Final = "a series, a function, a number, a string in quotes, true, false, None or inf"


def parse(text: str, *, max_depth: int = 32, max_length: int = 4096) -> Node:
    """The tree of a target; the same text gives the same tree.

    Args:
        max_depth: how deep calls and pipes may nest. max_length: characters.
    Raises:
        BadRequest: not a target; names the place and what was expected there.
        TooMuch: over a limit; names metrics.max_depth or metrics.max_pattern.
    """
    if len(text) > max_length:
        raise TooMuch(
            f"The target is {len(text)} characters long, over metrics.max_pattern = {max_length}.",
            fix="Shorten it with wildcards, or raise that setting.",
        )
    return (_kept if len(text) <= KEPT_LETTERS else _parse)(text, max_depth)


def _parse(text: str, max_depth: int) -> Node:
    parser = _Parser(text, max_depth)
    node = parser.expression(1)
    if parser.at < len(text):
        raise parser.bad("|function(...), a dot and a name with its braces closed, or the end")
    return node


_kept = lru_cache(maxsize=1024)(_parse)


def first_path(name: str) -> str | None:
    """The first path expression within a series name that looks like a call, as aliasByNode and groupByNode take it.

    None where there is none: the name's first argument is a number, or the name is no target at all. Of a name that is
    absurdly long only its beginning is looked at.
    """
    if len(name) <= KEPT_LETTERS:
        return _first_path(name)
    found = _BEGINNING.match(name)
    return _plain(found[1]) if found else None


@lru_cache(maxsize=16_384)
def _first_path(name: str) -> str | None:
    parser = _Parser(name, 100)
    node: Node | None
    try:
        node = parser.expression(1)
    except ServiceError:
        found = _PATH.match(name)
        return _plain(found[0]) if found else None
    while isinstance(node, Call):
        node = node.args[0] if node.args else None
    return node.text if isinstance(node, Path) else None


def _plain(path: str) -> str:
    return _UNESCAPE.sub(r"\1", path) if "\\" in path else path


class _Parser:
    """Recursive descent over one text; `at` is the next character, blanks before it skipped."""

    def __init__(self, text: str, max_depth: int) -> None:
        self.text, self.max_depth, self.at = text, max_depth, 0
        self.skip()

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
            self.skip()
        return found

    def sees(self, character: str) -> bool:
        return self.text.startswith(character, self.at)

    def took(self, character: str) -> bool:
        if not self.sees(character):
            return False
        self.at += 1
        self.skip()
        return True

    def bad(self, expected: str) -> BadRequest:
        found = self.text[self.at : self.at + 12]
        what = f"'{found}'" if found else "the end"
        shown = self.text if len(self.text) <= 120 else f"{self.text[:117]}..."
        return BadRequest(
            f"Target '{shown}' cannot be read at character {self.at + 1}: expected {expected}, found {what}.",
            fix="Mend the target there.",
        )

    def deeper(self, depth: int) -> None:
        if depth > self.max_depth:
            raise TooMuch(
                f"The target nests deeper than metrics.max_depth = {self.max_depth}.",
                fix="Simplify it, or raise that setting.",
            )

    def expression(self, depth: int) -> Node:
        self.deeper(depth)
        node = self.call_or_path(depth)
        while self.took("|"):
            depth += 1
            self.deeper(depth)
            name = self.call_name()
            if name is None or name == BY_TAG:
                raise self.bad("a function with its parentheses after |")
            args, kwargs = self.arguments(depth)
            node = Call(name, (node, *args), kwargs)
        return node

    def call_or_path(self, depth: int) -> Node:
        start = self.at
        name = self.call_name()
        if name == "template":
            return self.template(depth)
        if name == BY_TAG:
            return self.tagged(start, *self.arguments(depth))
        if name is not None:
            return Call(name, *self.arguments(depth))
        found = self.take(_PATH)
        if found is None:
            raise self.bad("a series or a function")
        return Path(_plain(found[0]))

    def tagged(self, start: int, args: tuple[Node, ...], kwargs: tuple[tuple[str, Node], ...]) -> Tagged:
        texts = tuple(one.value for one in args if isinstance(one, Literal) and isinstance(one.value, str))
        if kwargs or not texts or len(texts) < len(args):
            raise self.bad(f'nothing but tag expressions in quotes in {BY_TAG}(...), such as "name=cpu"')
        return Tagged(self.text[start : self.at].rstrip(), texts)

    def call_name(self) -> str | None:
        """The function's name when a call begins here, just after its opening parenthesis; else None, nothing taken."""
        start = self.at
        name = self.take(_NAME)
        if name and self.took("("):
            return name[0]
        self.at = start
        return None

    def arguments(self, depth: int) -> tuple[tuple[Node, ...], tuple[tuple[str, Node], ...]]:
        args: list[Node] = []
        kwargs: list[tuple[str, Node]] = []
        if self.took(")"):
            return (), ()
        while True:
            keyword = self.take(_KEYWORD)
            if keyword:
                kwargs.append((keyword[1], self.argument(depth)))
            elif kwargs:
                raise self.bad("name=value: no argument without a name may follow one with a name")
            else:
                args.append(self.argument(depth))
            if self.took(")"):
                return tuple(args), tuple(kwargs)
            if not self.took(","):
                raise self.bad("a comma or a closing parenthesis")

    def argument(self, depth: int) -> Node:
        if self.sees('"') or self.sees("'"):
            return Literal(self.string())
        if number := self.take(_NUMBER):
            return Literal(_number(number))
        if word := self.take(_WORD):
            return Literal(_WORDS[word[1].lower()])
        if self.at >= len(self.text) or self.text[self.at] in "),|":
            raise self.bad(_ARGUMENT)
        return self.expression(depth + 1)

    def string(self) -> str:
        found = self.take(_STRING)
        if found is None:
            raise self.bad("a string that ends with the quote it begins with")
        return found[0][1:-1]

    def template(self, depth: int) -> Template:
        body = self.expression(depth + 1)
        values: list[tuple[str, Scalar]] = []
        while self.took(","):
            keyword = self.take(_KEYWORD)
            name = keyword[1] if keyword else str(len(values) + 1)
            if self.sees('"') or self.sees("'"):
                values.append((name, self.string()))
            elif number := self.take(_NUMBER):
                values.append((name, _number(number)))
            else:
                raise self.bad("a number or a string in quotes")
        if not self.took(")"):
            raise self.bad("a comma or a closing parenthesis")
        return Template(body, tuple(values))


def _number(found: re.Match[str]) -> int | float:
    whole, fraction, exponent = found.groups()
    # No more digits than a double could be asked for: beyond that an integer only costs time.
    return int(whole) if fraction is None and exponent is None and len(whole) <= 18 else float(found[0])

"""The tokens of a query read one after the other, and what goes to the server put together from them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from weft.base.errors import BadRequest, TooMuch
from weft.inventory.neo4j.cypher.extents import MOST_STEPS, MOST_VALUES, SOME, Extent, of_value
from weft.inventory.neo4j.cypher.lexer import Token, Tokens, wrong

DEEPEST = 40
"""Expressions and queries within each other."""
MOST_OPERATORS = 1000
MOST_SIGNS = 16
"""NOT, + and - before one operand: planning takes twice as long with each, and 1,000 of them two minutes."""
MOST_LOOPS = 4
"""Lists gone through within each other."""


class Reader(ABC):
    """A place in the tokens, what has been written so far, and what is known of names there.

    `known`: how large the value of a name can be. `times`: how often what is read is worked out for one row. `steps`:
    how many steps that took so far. `bar_ends`: a `|` ends the expression, and joins no labels.
    """

    def __init__(self, tokens: Tokens, parameters: Mapping[str, object]) -> None:
        self.tokens, self.parameters = tokens, parameters
        self.at = 0
        self.written: list[tuple[str, int]] = []
        self.known: dict[str, Extent] = {}
        self.steps, self.times, self.loops, self.depth = 0, 1, 0, 0
        self.operators = self.xors = 0
        self.bar_ends = False

    @abstractmethod
    def expression(self) -> Extent:
        """Read an expression."""

    def peek(self, ahead: int = 0) -> Token:
        """The token here, or so many further on (the one before: -1); the end after the last."""
        return self.tokens.items[min(self.at + ahead, len(self.tokens.items) - 1)]

    def take(self) -> Token:
        """Write the token here, and go on."""
        token = self.peek()
        self.insert(token.written)
        self.at += 1
        return token

    def insert(self, text: str) -> None:
        """Write something of our own, as if it stood here."""
        self.written.append((text, self.peek().start))

    def on_word(self, *words: str, ahead: int = 0) -> bool:
        """Whether the token here is one of these words."""
        return self.peek(ahead).word in words

    def on_sign(self, *signs: str, ahead: int = 0) -> bool:
        """Whether the token here is one of these signs."""
        return self.peek(ahead).sign in signs

    def takes(self, *texts: str) -> bool:
        """Take these words or signs if all of them stand here, in order."""
        if any(text not in (self.peek(i).word, self.peek(i).sign) for i, text in enumerate(texts)):
            return False
        for _ in texts:
            self.take()
        return True

    def take_any(self, *words: str) -> bool:
        """Take the word here if it is one of these."""
        found = self.on_word(*words)
        if found:
            self.take()
        return found

    def expect(self, *texts: str) -> None:
        """Take these words or signs. Raises BadRequest: something else stands here."""
        if not self.takes(*texts):
            raise self.wrong(f"{' '.join(texts)} was expected here")

    def name(self, what: str) -> str:
        """Take a name: any word, or one in backticks."""
        if self.peek().kind not in ("word", "name"):
            raise self.wrong(f"the name of a {what} was expected here")
        return self.take().text

    def wrong(self, what: str, fix: str = "Mend the query there.") -> BadRequest:
        """What is wrong with the token here."""
        return wrong(self.tokens.query, self.peek().start, what, fix)

    def wrong_at(self, token: Token, what: str, fix: str) -> BadRequest:
        """What is wrong with a token before."""
        return wrong(self.tokens.query, token.start, what, fix)

    def too_much(self, what: str, fix: str) -> TooMuch:
        """What asks for too much here."""
        return TooMuch(str(wrong(self.tokens.query, self.peek().start, what, "")), fix=fix)

    def step(self, count: int = 1) -> None:
        """Count work done once for each row and each element of the lists around. Raises TooMuch."""
        self.steps += count * self.times
        if self.steps > MOST_STEPS:
            raise self.too_much(
                f"the expressions up to here may take over {MOST_STEPS:,} steps for one row, and none can be stopped",
                "UNWIND a list to go through it row by row, or go through a shorter one.",
            )

    def grown(self, extent: Extent) -> Extent:
        """The same. Raises TooMuch: too large a value to put together."""
        if extent.total > MOST_VALUES:
            raise self.too_much(
                f"a value of up to {extent.total:,} characters or elements, over {MOST_VALUES:,}",
                "Put less together: shorter lists and strings, LIMIT before collect().",
            )
        return extent

    def parameter(self, name: str) -> Extent:
        """The extent of a parameter. Raises BadRequest: it is not given."""
        if name not in self.parameters:
            raise self.wrong(f"the parameter ${name} is not given", f'Send it: {{"parameters": {{"{name}": ...}}}}.')
        return of_value(self.parameters[name])

    def extent_of(self, name: str) -> Extent:
        """The extent of what a name stands for."""
        return self.known.get(name, SOME)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """One expression or query further in. Raises TooMuch."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.too_much(f"over {DEEPEST} expressions within each other", "Take a part out with WITH.")
        bar_ends, self.bar_ends = self.bar_ends, False
        yield
        self.bar_ends = bar_ends
        self.depth -= 1

    @contextmanager
    def each_of(self, items: Extent, name: str = "") -> Iterator[None]:
        """For each of these items, under a name that is theirs inside alone. Raises TooMuch."""
        self.loops += 1
        if self.loops > MOST_LOOPS:
            raise self.too_much(f"over {MOST_LOOPS} lists gone through within each other", "UNWIND some of them.")
        known, times = dict(self.known), self.times
        self.known[name] = items.item
        self.times *= max(items.length, 1)
        yield
        self.known, self.times = known, times
        self.loops -= 1

"""How large a value can get and how long it can take to work out: what the server itself does not bound.

Neo4j looks at the clock between two rows. One expression is worked out to its end, whatever that takes (a `reduce` over
two thousand million numbers came back after 165 s under a limit of 1 s), and a string doubled 34 times ends the server.
So an expression is weighed before it runs: from the sizes of its literals and parameters, lists of MOST_COLLECTED
values where they are collected (the text that runs makes sure of it), and UNKNOWN for what the graph may hold.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from weft.base.errors import BadRequest

UNKNOWN = 200
"""Characters or elements that a property, a path or the answer of a function is taken to have."""
MOST_COLLECTED = 10_000
"""Values that one list collects."""
MOST_RANGE = 20_000
"""Elements of a range."""
MOST_VALUES = 10_000_000
"""Characters or elements that one expression may put together."""
MOST_STEPS = 10_000_000
"""Steps that the expressions of a query may take for one row: about two seconds of an idle server."""


class Extent(NamedTuple):
    """A value: at most `length` elements (or characters; 1 of what has none), each of at most `each` of its own.

    `most`: no number that it is or holds lies further from 0; None where that is not known.
    """

    length: int = 1
    each: int = 1
    most: int | None = None

    @property
    def total(self) -> int:
        """All characters and elements, whatever they lie in."""
        return self.length * self.each

    @property
    def item(self) -> "Extent":
        """One of its elements, or a value of a map."""
        return Extent(max(self.each, 1), 1, self.most)


ONE = Extent()
SOME = Extent(UNKNOWN)
COLLECTED = Extent(MOST_COLLECTED)


def together(extents: Iterable[Extent], *, sums: bool = False) -> Extent:
    """What holds all of these: a + b, [a, b], {x: a}. `sums`: it may also be the sum or difference of numbers."""
    found = list(extents) or [ONE]
    most = None
    if sums and all(one.most is not None for one in found):
        most = sum(one.most or 0 for one in found)
    return Extent(sum(one.length for one in found), max(one.each for one in found), most)


def widest(extents: Iterable[Extent]) -> Extent:
    """What holds any one of these."""
    found = list(extents) or [ONE]
    known = [one.most for one in found if one.most is not None]
    most = max(known) if len(known) == len(found) else None
    return Extent(max(one.length for one in found), max(one.each for one in found), most)


def of_value(value: object, depth: int = 0) -> Extent:
    """The extent of a parameter's value, as JSON has it. Raises BadRequest: what Cypher has no type for."""
    if depth > 8:
        raise BadRequest("A parameter holds lists in lists, over 8 of them.", fix="Make it flatter.")
    if isinstance(value, bool) or value is None or isinstance(value, float):
        return ONE
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise BadRequest(f"The parameter {value} is no number of 64 bits.", fix="Give it as text.")
        return Extent(most=abs(value))
    if isinstance(value, str):
        return Extent(max(len(value), 1))
    if isinstance(value, Mapping):
        return Extent(1, of_value([*value, *value.values()], depth).total)
    if isinstance(value, Sequence):
        parts = [of_value(one, depth + 1) for one in value]
        return Extent(max(len(parts), 1), max([one.total for one in parts], default=1))
    raise BadRequest(f"A parameter is of type {type(value).__name__}.", fix="Give text, numbers, lists, objects.")

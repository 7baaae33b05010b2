"""What the server says of a query, in words for whoever typed it."""

import re

from neo4j.exceptions import Neo4jError

from weft.base.errors import BadRequest, ServiceError, TooMuch
from weft.inventory.neo4j.cypher.expressions import OVER_COLLECTED
from weft.inventory.neo4j.cypher.extents import MOST_COLLECTED
from weft.inventory.neo4j.cypher.lexer import wrong
from weft.inventory.neo4j.cypher.parser import Checked

_OFFSET = re.compile(r"\s*\(line \d+, column \d+ \(offset: (\d+)\)\)[\s\S]*")
_UNKNOWN = re.compile(r"The (label|relationship type|property) `(.+)` does not exist", re.DOTALL)
_OUT_OF_TIME = ("TransactionTimedOut", "TransactionTimedOutClientConfiguration", "Terminated", "LockClientStopped")
_OUT_OF_MEMORY = ("MemoryPoolOutOfMemoryError", "OutOfMemoryError", "TransactionOutOfMemoryError", "StackOverFlowError")


def too_long(deadline_s: float) -> TooMuch:
    """A query that was ended by its deadline."""
    return TooMuch(
        f"The query was ended after {deadline_s:g} s.",
        fix="Begin at a node that an index finds (a name, an id), bound lengths ([*..4]), or add a LIMIT.",
    )


def translated(exc: Neo4jError, query: str, checked: Checked, deadline_s: float, shift: int = 0) -> ServiceError | None:
    """The server's complaint about a query; None: it is about something else, such as who asks.

    Args:
        query: as it was typed. checked: as the server got it, after `shift` more characters.
    """
    code, text = exc.code or "", exc.message or ""
    last = code.rpartition(".")[2]
    if OVER_COLLECTED in text:
        return TooMuch(
            f"A list collects over {MOST_COLLECTED:,} values.", fix="Use count(), or WITH ... LIMIT before collect()."
        )
    if last in _OUT_OF_TIME:
        return too_long(deadline_s)
    if last in _OUT_OF_MEMORY:
        return TooMuch(
            "The server ended the query, as it needs more memory than one may take there.",
            fix="Ask for less at once, or raise db.memory.transaction.max of the server.",
        )
    if last == "AccessMode":
        return BadRequest("The server refuses this query, as it does more than reading.", fix="Take out what writes.")
    if not code.startswith("Neo.ClientError.Statement."):
        return None
    found = _OFFSET.search(text)
    what = _OFFSET.sub("", text).split("\n")[0].strip().rstrip(".")
    if found is None:
        return BadRequest(f"The server says: {what}.", fix="Mend the query.")
    return wrong(query, checked.place_of(int(found[1]) - shift), what, "Mend the query there.")


def remark(text: str) -> str:
    """A remark of the server: for the one that tells of a misspelt name, a shorter sentence."""
    found = _UNKNOWN.search(text)
    return f"The graph has no {found[1]} '{found[2]}' so far." if found else text

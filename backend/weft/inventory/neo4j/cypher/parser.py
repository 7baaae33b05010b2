"""Patterns and clauses of read-only Cypher: a query is what is written here, or it is refused with place and reason."""

from collections.abc import Mapping
from typing import NamedTuple

from weft.inventory.neo4j.cypher.expressions import Expressions
from weft.inventory.neo4j.cypher.extents import MOST_COLLECTED, ONE, SOME, Extent, widest
from weft.inventory.neo4j.cypher.lexer import quoted, read
from weft.inventory.neo4j.cypher.words import CLAUSES, PROCEDURES, REFUSED

MOST_HOPS = 40
"""Relationships in patterns: a chain of 40 the server still gives up in time, with one of 80 it does not end."""
MOST_CLAUSES = 60
"""Clauses of a query in all its parts."""
MOST_WITHIN = 5
"""EXISTS, COUNT and COLLECT within each other: the planner needs twice the time for each, and 20 do not end."""

_KNOWN = "MATCH, OPTIONAL MATCH, WITH, UNWIND, CALL, RETURN, ORDER BY, SKIP, LIMIT or UNION"


class Checked(NamedTuple):
    """A query that only reads, as the server gets it.

    `places`: (where in `text`, where in what was typed) of every token, ascending.
    """

    text: str
    places: tuple[tuple[int, int], ...]

    def place_of(self, at: int) -> int:
        """Where in what was typed a place of `text` comes from."""
        return max((typed for written, typed in self.places if written <= at), default=0)


def check(query: str, parameters: Mapping[str, object] | None = None) -> Checked:
    """Read a query.

    Raises:
        BadRequest: it cannot be read, or does more than reading; the message says where and why.
        TooMuch: what it works out has no bound that a server can bear.
    """
    parser = _Parser(read(query), parameters or {})
    parser.whole()
    text, places = "", []
    for written, typed in parser.written:
        places.append((len(text), typed))
        text += f"{written} "
    return Checked(text.rstrip(), tuple(places))


class _Parser(Expressions):
    """Recursive descent. `hops`: relationships so far, `clauses` likewise; `within`: subqueries around."""

    hops = clauses = within = 0

    def whole(self) -> None:
        """All of the text."""
        self._query()
        if self.takes(";") and self.peek().kind != "end":
            raise self.wrong("another statement", "Send one query at a time.")
        if self.peek().kind != "end":
            raise self.wrong(f"{_KNOWN} was expected here")
        if self.written and self.written[-1][0] == ";":
            self.written.pop()

    def _query(self) -> list[tuple[Extent, int | None]]:
        """Parts joined by UNION; the first column and the limit of each."""
        found = []
        known = dict(self.known)
        with self.deeper():
            while True:
                before, self.known = self.known, dict(known)
                found.append(self._part_of_union())
                for name, extent in before.items():
                    self.known[name] = widest((extent, self.known.get(name, ONE)))
                if not self.takes("UNION"):
                    return found
                self.take_any("ALL", "DISTINCT")

    def _part_of_union(self) -> tuple[Extent, int | None]:
        last: tuple[Extent, int | None] = (SOME, None)
        first = self.at
        while True:
            token = self.peek()
            if token.kind == "end" or self.on_sign("}", ";") or (self.on_word("UNION") and self.at > first):
                if self.at == first:
                    raise self.wrong("nothing is asked", f"Begin with {_KNOWN}.")
                return last
            if token.word not in CLAUSES:
                raise self._refused()
            self.clauses += 1
            if self.clauses > MOST_CLAUSES:
                raise self.too_much(f"over {MOST_CLAUSES} clauses", "Ask in several queries.")
            last = self._clause(token.word) or last

    def _clause(self, word: str) -> tuple[Extent, int | None] | None:
        match word:
            case "MATCH" | "OPTIONAL":
                if not self.takes("MATCH"):
                    self.expect("OPTIONAL")
                    if not self.on_word("CALL"):
                        self.expect("MATCH")
                        self._match()
                    return None
                self._match()
            case "UNWIND":
                self.take()
                items = self.expression()
                self.expect("AS")
                self.known[self.name("variable")] = items.item
            case "WITH" | "RETURN":
                return self._projection(self.take().word)
            case "CALL":
                self._call()
            case _:
                return (SOME, self._ordered())
        return None

    def _refused(self) -> Exception:
        token = self.peek()
        shown = token.text if token.kind == "word" else "this"
        if reason := REFUSED.get(token.word):
            return self.wrong(f"{shown} is refused: {reason}", f"Use {_KNOWN}.")
        return self.wrong(f"{_KNOWN} was expected here")

    def _match(self) -> None:
        if self.take_any("REPEATABLE", "DIFFERENT"):
            self.take_any("ELEMENT", "ELEMENTS", "RELATIONSHIP", "RELATIONSHIPS")
            self.takes("BINDINGS")
        self._patterns()
        if self.on_word("USING"):
            raise self._refused()
        self._where()

    def _where(self) -> None:
        if self.takes("WHERE"):
            self.expression()

    def _patterns(self) -> None:
        self.pattern()
        while self.takes(","):
            self.pattern()

    def _projection(self, word: str) -> tuple[Extent, int | None]:
        """What WITH and RETURN carry on, under which names; the first column and the limit."""
        self.takes("DISTINCT")
        made: dict[str, Extent] = {}
        first = SOME
        if not self.takes("*"):
            first = self._item(word, made)
        while self.takes(","):
            self._item(word, made)
        before = self.known
        self.known = before | made
        limit = self._ordered()
        if word == "WITH":
            self._where()
        return first, limit

    def _item(self, word: str, made: dict[str, Extent]) -> Extent:
        start, plain = self.peek(), self.peek().kind in ("word", "name")
        place = self.at
        extent = self.expression()
        if self.takes("AS"):
            made[self.name("column")] = extent
            return extent
        if plain and self.at == place + 1:
            made[start.text] = extent
            return extent
        if word == "WITH":
            raise self.wrong_at(start, "a value without a name in WITH", "Add AS and a name.")
        # The server names a column by its text, which is not the one that was typed.
        typed = self.tokens.query[start.start : self.peek(-1).stop]
        self.insert(f"AS {quoted(typed.replace(chr(92), '/'))}")
        return extent

    def _ordered(self) -> int | None:
        """[ORDER BY ...] [SKIP ...] [LIMIT ...], with the limit where it is a number."""
        limit = None
        if self.takes("ORDER"):
            self.expect("BY")
            while True:
                self.expression()
                self.take_any("ASC", "ASCENDING", "DESC", "DESCENDING")
                if not self.takes(","):
                    break
        if self.take_any("SKIP", "OFFSET"):
            self.expression()
        if self.takes("LIMIT"):
            limit = self.expression().most
        return limit

    def _call(self) -> None:
        self.expect("CALL")
        if self.takes("("):
            while not self.takes(")"):
                if not self.takes("*"):
                    self.name("variable")
                if not self.on_sign(")"):
                    self.expect(",")
        elif not self.on_sign("{"):
            self._procedure()
            return
        self.expect("{")
        self._query()
        self.expect("}")
        if self.on_word("IN"):
            raise self.wrong("IN TRANSACTIONS is refused: it is for writing in parts", "Leave it out.")

    def _procedure(self) -> None:
        place = self.peek()
        parts = [self.name("procedure")]
        while self.takes("."):
            parts.append(self.name("procedure"))
        name = ".".join(parts)
        if name.lower() not in PROCEDURES or not name.isascii():
            known = ", ".join(sorted(PROCEDURES))
            raise self.wrong_at(place, f"the procedure {name} is refused: it may do more than reading", f"Use {known}.")
        if self.takes("("):
            self.expect(")")
        if self.takes("YIELD") and not self.takes("*"):
            while True:
                told = self.name("column")
                self.known[self.name("column") if self.takes("AS") else told] = SOME
                if not self.takes(","):
                    break
            self._where()

    def subquery(self) -> Extent:
        """Read EXISTS or COUNT with a query or a pattern in braces, or COLLECT with a query."""
        what = self.take()
        self.within += 1
        if self.within > MOST_WITHIN:
            raise self.too_much(f"over {MOST_WITHIN} subqueries within each other", "Take one out with CALL.")
        known = dict(self.known)
        found: list[tuple[Extent, int | None]] = []
        self.expect("{")
        if what.word == "COLLECT" or (self.peek().word in CLAUSES and not self.on_sign("=", ahead=1)):
            found = self._query()
        else:
            self._match()
        self.expect("}")
        self.known = known
        self.within -= 1
        if what.word != "COLLECT":
            return ONE
        limits = [limit or MOST_COLLECTED + 1 for _, limit in found]
        if sum(limits) > MOST_COLLECTED:
            raise self.wrong_at(
                what, "a COLLECT without a small LIMIT in it", f"End it with LIMIT {MOST_COLLECTED} or less."
            )
        return Extent(sum(limits), widest(column for column, _ in found).total)

    def pattern(self) -> None:
        """Read [name =] [ANY SHORTEST ...] nodes and relationships, or shortestPath(...)."""
        if self.peek().kind in ("word", "name") and self.on_sign("=", ahead=1):
            self.known[self.name("path")] = SOME
            self.expect("=")
        if self.take_any("SHORTESTPATH", "ALLSHORTESTPATHS"):
            self.expect("(")
            self._path()
            self.expect(")")
            return
        if self.take_any("ANY", "ALL", "SHORTEST"):
            self.take_any("SHORTEST")
            if self.peek().kind == "number":
                self.take()
            self.take_any("PATH", "PATHS")
            self.take_any("GROUP", "GROUPS")
        self._path()

    def _path(self) -> None:
        self._node_or_path()
        while True:
            if self.on_sign("("):
                self._node_or_path()
            elif self.on_sign("-", "<"):
                self._relationship()
                self._quantifier()
                self._node()
            else:
                return

    def _node_or_path(self) -> None:
        """A node, or a path in parentheses that may be repeated."""
        inside = self.on_sign("(", ahead=1) or (self.on_sign("=", ahead=2) and self.peek(1).kind in ("word", "name"))
        if not (self.on_sign("(") and inside):
            self._node()
            return
        with self.deeper():
            self.expect("(")
            self.pattern()
            self._where()
            self.expect(")")
        self._quantifier()

    def _node(self) -> None:
        self.expect("(")
        self._filling()
        self.expect(")")

    def _relationship(self) -> None:
        self.hops += 1
        if self.hops > MOST_HOPS:
            raise self.too_much(f"over {MOST_HOPS} relationships in patterns", "Ask in several queries.")
        self.takes("<")
        self.expect("-")
        if self.takes("["):
            self._filling()
            self.expect("]")
        self.expect("-")
        self.takes(">")

    def _filling(self) -> None:
        """What a node or relationship says of itself: name, labels, length, properties, condition."""
        if self.peek().kind in ("word", "name") and not self.on_word("WHERE", "IS"):
            self.known[self.take().text] = SOME
        if self.on_sign(":") or self.on_word("IS"):
            self.labels()
        if self.takes("*"):
            self._number()
            if self.takes(".."):
                self._number()
        if self.on_sign("{"):
            self.map()
        self._where()

    def _quantifier(self) -> None:
        """+, *, {3} or {1,3}."""
        if self.takes("+") or self.takes("*") or not self.takes("{"):
            return
        self._number()
        if self.takes(","):
            self._number()
        self.expect("}")

    def _number(self) -> None:
        if self.peek().kind == "number":
            self.take()

    def labels(self) -> None:
        """Read :Host|(HCA&!SW), or the same after IS."""
        self.take()
        self._label()
        while (self.on_sign("|") and not self.bar_ends) or self.on_sign("&", ":"):
            self.take()
            self.takes(":")
            self._label()

    def _label(self) -> None:
        with self.deeper():
            while self.takes("!"):
                pass
            if self.takes("$"):
                self.expect("(")
                self.expression()
                self.expect(")")
            elif self.takes("("):
                self._label()
                while self.takes("|") or self.takes("&") or self.takes(":"):
                    self._label()
                self.expect(")")
            elif not self.takes("%"):
                self.name("label")

    def pattern_ahead(self, ahead: int = 0) -> bool:
        """Whether a node in parentheses stands there, and a relationship after it that leads to another."""
        items, place = self.tokens.items, self.at + ahead
        if self.on_word("SHORTESTPATH", "ALLSHORTESTPATHS", ahead=ahead):
            return self.on_sign("(", ahead=ahead + 1)
        if not self.on_sign("(", ahead=ahead):
            return False
        inside = place + 1 + (items[place + 1].kind in ("word", "name"))
        if items[inside].sign not in (")", ":", "{") and items[inside].word not in ("WHERE", "IS"):
            return False
        place = self.tokens.closing[place] + 1
        place += items[place].sign == "<"
        if items[place].sign != "-":
            return False
        place += 1
        if items[place].sign == "[":
            place = self.tokens.closing[place] + 1
        if items[place].sign != "-":
            return False
        place += 1
        return items[place + (items[place].sign == ">")].sign == "("

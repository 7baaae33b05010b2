"""Expressions of read-only Cypher, weighed while they are read.

How tightly operators bind is the server's to know: what `+` and its like join is as large as its parts together,
whichever way they bind, and what a comparison or AND joins is a truth value.
"""

from abc import abstractmethod
from itertools import pairwise

from weft.inventory.neo4j.cypher import regexes
from weft.inventory.neo4j.cypher.extents import (
    MOST_COLLECTED,
    MOST_RANGE,
    ONE,
    SOME,
    UNKNOWN,
    Extent,
    together,
    widest,
)
from weft.inventory.neo4j.cypher.reader import MOST_OPERATORS, MOST_SIGNS, Reader
from weft.inventory.neo4j.cypher.words import FUNCTIONS, answer_of

OVER_COLLECTED = f"weft: over {MOST_COLLECTED} values in one list"
"""The text that the server cannot read as a date when a list collects more, and says so."""

MOST_XOR = 8
"""Neo4j brings conditions into a normal form, in which every XOR doubles them: planning 18 took it 19 s."""

_JOINS = ("+", "-", "*", "/", "%", "^", "||")
_COMPARES = ("=", "<>", "<=", ">=", "<", ">")
_TRUTH = ("AND", "OR", "XOR", "CONTAINS", "IN")
_FORMS = ("NFC", "NFD", "NFKC", "NFKD")
_TYPE_WORDS = frozenset(
    "NOTHING NULL BOOL BOOLEAN VARCHAR STRING INT SIGNED INTEGER FLOAT DATE LOCAL ZONED TIME DATETIME WITHOUT WITH "
    "TIMEZONE ZONE TIMESTAMP DURATION POINT NODE VERTEX RELATIONSHIP EDGE MAP LIST ARRAY PATH PROPERTY VALUE "
    "ANY".split()
)
_OWN = "Use Cypher's own functions of texts, numbers, lists, graphs, times and points."


class Expressions(Reader):
    """Reads expressions; patterns and queries within them are read by who inherits."""

    @abstractmethod
    def pattern(self) -> None:
        """Read a pattern."""

    @abstractmethod
    def pattern_ahead(self, ahead: int = 0) -> bool:
        """Whether a pattern with a relationship stands there, not an expression in parentheses."""

    @abstractmethod
    def labels(self) -> None:
        """Read a label expression, from its `:` or IS on."""

    @abstractmethod
    def subquery(self) -> Extent:
        """Read EXISTS, COUNT or COLLECT with its braces."""

    def expression(self) -> Extent:
        """Read an expression. Raises BadRequest, TooMuch."""
        with self.deeper():
            return self._rest(self._operand())

    def _rest(self, first: Extent) -> Extent:
        """What follows the first operand: operators, each with another."""
        whole, truth = self._joined(first), False
        while True:
            following = self._compared(whole)
            if following is None:
                return ONE if truth else whole
            whole, truth = self._joined(following), True

    def _joined(self, first: Extent) -> Extent:
        """An operand and all that `+` and its like join to it."""
        parts, signs = [first], set[str]()
        while self.on_sign(*_JOINS):
            signs.add(self.take().text)
            parts.append(self._operand())
        self.step(len(parts))
        if not signs:
            return first
        whole = self.grown(together(parts, sums=signs <= {"+", "-"}))
        self.step(whole.total // 16)
        return whole

    def _compared(self, left: Extent) -> Extent | None:
        """The operand after a comparison or AND; None: no such thing follows."""
        if self.on_sign(*_COMPARES) or self.on_word(*_TRUTH):
            if self.take().word == "XOR":
                self.xors += 1
                if self.xors > MOST_XOR:
                    raise self.too_much(f"over {MOST_XOR} XOR", "Write <> between truth values instead.")
            return self._operand()
        if self.takes("STARTS", "WITH") or self.takes("ENDS", "WITH"):
            return self._operand()
        if self.takes("=~"):
            return self._regex(left)
        if self.takes("::"):
            return self._type()
        if not self.on_word("IS"):
            return None
        if not self._is_test():
            self.labels()
        return ONE

    def _is_test(self) -> bool:
        """Read IS [NOT] NULL, TYPED or NORMALIZED; otherwise it is a label's."""
        negated = 1 if self.on_word("NOT", ahead=1) else 0
        formed = 1 if self.on_word(*_FORMS, ahead=1 + negated) else 0
        last = 1 + negated + formed
        typed = self.on_word("TYPED", ahead=last) or self.on_sign("::", ahead=last)
        if not typed and not self.on_word("NULL", "NORMALIZED", ahead=last):
            return False
        for _ in range(last + 1):
            self.take()
        if typed:
            self._type()
        return True

    def _regex(self, text: Extent) -> Extent:
        """The right side of =~, which is a text or a parameter and nothing longer."""
        token = self.peek()
        told = self.parameters.get(token.text) if token.kind == "parameter" else token.text
        if token.kind not in ("text", "parameter") or self.on_sign(*_JOINS, ".", "[", ahead=1):
            raise self.wrong("=~ takes a text or a parameter here", "Write the expression out, or use CONTAINS.")
        self._operand()
        self.step(regexes.cost(str(told), text.total))
        return ONE

    def _type(self) -> Extent:
        """LIST<STRING NOT NULL> | INTEGER."""
        if self.peek().word not in _TYPE_WORDS:
            raise self.wrong("the name of a type was expected here")
        with self.deeper():
            while self.peek().word in _TYPE_WORDS:
                if self.take().word in ("LIST", "ARRAY") and self.takes("<"):
                    self._type()
                    self.expect(">")
            self.takes("NOT", "NULL")
        return self._type() if not self.bar_ends and self.takes("|") else ONE

    def _operand(self) -> Extent:
        plain, before = True, self.at
        while self.on_word("NOT") or self.on_sign("+", "-"):
            plain = self.take().word != "NOT" and plain
        self.operators += 1
        if self.operators > MOST_OPERATORS or self.at - before > MOST_SIGNS:
            raise self.too_much("too many operators", "Give long lists as parameters, and NOT once.")
        found = self._atom()
        while True:
            if self.takes("."):
                self.name("property")
                found = Extent(max(UNKNOWN, found.total))
            elif self.on_sign("["):
                found = self._part(found)
            elif self.on_sign(":"):
                self.labels()
                found = ONE
            else:
                return found if plain else ONE

    def _part(self, whole: Extent) -> Extent:
        """An element or a slice."""
        self.expect("[")
        first = ONE if self.on_sign("..") else self.expression()
        sliced = self.takes("..")
        if sliced and not self.on_sign("]"):
            self.expression()
        self.expect("]")
        self.step()
        if sliced:
            return whole
        return whole.item if first.most is not None else Extent(whole.total)  # m["key"] may be all there is of m

    def _atom(self) -> Extent:
        self.step()
        token = self.peek()
        match token.kind:
            case "number":
                self.take()
                return Extent(most=_size_of(token.text))
            case "text":
                self.take()
                return Extent(max(len(token.text), 1))
            case "parameter":
                found = self.parameter(token.text)
                self.take()
                return found
            case "sign":
                return self._bracketed()
            case "word" | "name":
                return self._named()
        raise self.wrong("the query ends where an expression was expected", "Write it to its end.")

    def _bracketed(self) -> Extent:
        if self.on_sign("("):
            if self.pattern_ahead():
                self.pattern()
                return ONE
            self.take()
            found = self.expression()
            self.expect(")")
            return found
        if self.on_sign("["):
            return self._list()
        if self.on_sign("{"):
            return self.map()
        raise self.wrong("an expression was expected here")

    def map(self) -> Extent:
        """Read {key: value, ...}."""
        self.expect("{")
        total = 1
        while not self.takes("}"):
            self.name("property")
            self.expect(":")
            total += self.expression().total
            if not self.on_sign("}"):
                self.expect(",")
        return self.grown(Extent(1, total))

    def _list(self) -> Extent:
        """A list, or one made from another or from a pattern."""
        self.expect("[")
        with self.deeper():
            if self.pattern_ahead() or (self.on_sign("=", ahead=1) and self.pattern_ahead(2)):
                return self._pattern_list()
            if self.peek().kind in ("word", "name") and self.on_word("IN", ahead=1):
                return self._list_from_list()
            return self._elements([])

    def _elements(self, found: list[Extent]) -> Extent:
        while not self.takes("]"):
            if found:
                self.expect(",")
            found.append(self.expression())
        return self.grown(Extent(max(len(found), 1), max((one.total for one in found), default=1)))

    def _list_from_list(self) -> Extent:
        name = self.take().text
        self.expect("IN")
        items = self.expression()
        if self.on_sign(","):
            return self._elements([ONE])  # [x IN xs, y]: whether x is in xs, and y
        with self.each_of(items, name):
            each = self._filtered(items.item)
        return self.grown(Extent(max(items.length, 1), each.total))

    def _filtered(self, item: Extent) -> Extent:
        """[WHERE condition] [| expression] ], with how large what comes out of it is."""
        if self.takes("WHERE"):
            with self.deeper():
                self.bar_ends = True
                self._rest(self._operand())
        made = self.expression() if self.takes("|") else item
        self.expect("]")
        return made

    def _pattern_list(self) -> Extent:
        known = dict(self.known)
        self.pattern()
        if self.on_sign(",", "]"):
            return self._elements([ONE])
        with self.each_of(ONE):
            each = self._filtered(ONE)
        self.known = known
        return Extent(MOST_COLLECTED, each.total)

    def _named(self) -> Extent:
        """What begins with a word or a name: a keyword's form, a function, a map of a node, a variable."""
        token, on = self.peek(), self.peek(1).sign
        if on == "{" and token.word in ("EXISTS", "COUNT", "COLLECT"):
            return self.subquery()
        if on == "(" and token.word in ("SHORTESTPATH", "ALLSHORTESTPATHS"):
            self.pattern()
            return SOME
        if on == "(" and token.word in ("ALL", "ANY", "NONE", "SINGLE") and self.on_word("IN", ahead=3):
            return self._all_any()
        if on == "(" and token.word == "REDUCE":
            return self._reduce()
        if token.word == "CASE":
            return self._case()
        if self._function_ahead():
            return self._function()
        self.take()
        if token.word in ("TRUE", "FALSE", "NULL", "INF", "INFINITY", "NAN"):
            return ONE
        return self._projected() if on == "{" else self.extent_of(token.text)

    def _projected(self) -> Extent:
        """{.name, .*, key: value, variable} after a variable."""
        self.expect("{")
        total = 1
        while not self.takes("}"):
            if self.takes("."):
                if not self.takes("*"):
                    self.name("property")
                total += UNKNOWN
            else:
                name = self.name("property")
                total += (self.expression() if self.takes(":") else self.extent_of(name)).total
            if not self.on_sign("}"):
                self.expect(",")
        return self.grown(Extent(1, total))

    def _all_any(self) -> Extent:
        self.take()
        self.expect("(")
        name = self.name("variable")
        self.expect("IN")
        items = self.expression()
        with self.each_of(items, name):
            if self.takes("WHERE"):
                self.expression()
        self.expect(")")
        return ONE

    def _reduce(self) -> Extent:
        """reduce(sum = start, x IN list | next), where what is carried may grow by as much each time, and no faster."""
        self.take()
        self.expect("(")
        carried = self.name("variable")
        self.expect("=")
        start = self.expression()
        self.expect(",")
        name = self.name("variable")
        self.expect("IN")
        items = self.expression()
        self.expect("|")
        with self.each_of(items, name):
            place, written = self.at, len(self.written)
            sizes = [Extent(start.total)]
            for _ in range(2):
                self.at = place
                del self.written[written:]
                self.known[carried] = sizes[-1]
                sizes.append(Extent(max(self.expression().total, sizes[-1].total)))
        self.expect(")")
        first, second = (after.total - before.total for before, after in pairwise(sizes))
        if second > first:
            raise self.too_much(
                "a reduce whose value grows faster each time", "Let it carry a number, or add to it once."
            )
        return self.grown(Extent(start.total + items.length * first))

    def _case(self) -> Extent:
        self.take()
        if not self.on_word("WHEN"):
            self.expression()
        results = [ONE]
        with self.deeper():
            while self.takes("WHEN"):
                self._when()
                while self.takes(","):
                    self._when()
                self.expect("THEN")
                results.append(self.expression())
            if self.takes("ELSE"):
                results.append(self.expression())
        self.expect("END")
        return widest(results)

    def _when(self) -> None:
        """A condition, or what is compared with the value of CASE: `WHEN < 5`."""
        if self.on_sign(*_COMPARES, "=~", "::") or self.on_word("IS", "STARTS", "ENDS"):
            self._rest(SOME)
        else:
            self.expression()

    def _function_ahead(self) -> bool:
        ahead = 0
        while self.peek(ahead).kind in ("word", "name") and self.on_sign(".", ahead=ahead + 1):
            ahead += 2
        return self.peek(ahead).kind in ("word", "name") and self.on_sign("(", ahead=ahead + 1)

    def _function(self) -> Extent:
        place, parts = self.peek(), [self.peek()]
        while self.take() and self.takes("."):
            parts.append(self.peek())
        name = ".".join(part.text for part in parts)
        function = name.lower() if name.isascii() and all(part.kind == "word" for part in parts) else ""
        if function not in FUNCTIONS:
            raise self.wrong_at(place, f"{name}() is no function that Weft lets through", _OWN)
        begin = len(self.written)
        arguments = self._arguments(function)
        answer = answer_of(function, arguments)
        self.step(1 + sum(one.total for one in arguments) // 16)
        if function == "collect":
            self._bound_collected("".join(f"{text} " for text, _ in self.written[begin:]))
            return answer  # over how many rows is not known here: the server's own limit of memory ends it
        if function == "range" and not 0 < answer.length <= MOST_RANGE:
            raise self.wrong_at(
                place,
                f"a range of unknown length, or of over {MOST_RANGE:,} elements",
                "Give both its ends as numbers, parameters, size() or length().",
            )
        self.step(answer.total // 16)
        return self.grown(answer)

    def _arguments(self, function: str) -> list[Extent]:
        """What stands in the parentheses of a function; trim and normalize have words of their own there."""
        self.expect("(")
        found: list[Extent] = []
        if function == "count" and self.takes("*"):
            self.expect(")")
            return found
        self.take_any("DISTINCT", "ALL")
        if function == "trim":
            self.take_any("BOTH", "LEADING", "TRAILING")
            self.takes("FROM")
        while not self.takes(")"):
            found.append(self.expression())
            if not self.on_sign(")") and not (function == "trim" and self.takes("FROM")):
                self.expect(",")
        return found

    def _bound_collected(self, arguments: str) -> None:
        """Let the server end a query that collects more into one list than was reckoned with."""
        self.insert(
            f"[ .. CASE WHEN count{arguments}> {MOST_COLLECTED} THEN date('{OVER_COLLECTED}').year "
            f"ELSE {MOST_COLLECTED} END ]"
        )


def _size_of(number: str) -> int | None:
    """How far from 0 a literal lies; None: it is no whole number."""
    try:
        return int(number.replace("_", ""), 0)
    except ValueError:
        return None

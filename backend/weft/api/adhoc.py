"""Grafana's ad hoc filters: `key operator value` chosen above a dashboard and sent with every query."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from weft.base.errors import BadRequest
from weft.metrics.patterns import compiled

T = TypeVar("T")

OPERATORS = ("=", "!=", "<", ">", "=~", "!~", "=|", "!=|")
PATTERN_S = 0.5
"""A pattern that takes longer on one cell is refused: some patterns take years."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition; `values` holds one value, or for `=|` and `!=|` any number."""

    key: str
    operator: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.key} {self.operator} {', '.join(self.values)}"

    def keeps(self, cell: object) -> bool:
        """True when a cell meets the condition; a missing cell meets only the negative ones.

        Case does not count. `=~` looks anywhere in the text; `<` and `>` compare numbers when both are.
        Raises BadRequest: the pattern does not compile, or takes too long.
        """
        if cell is None:
            return self.operator.startswith("!")
        text = "true" if cell is True else "false" if cell is False else str(cell)
        if self.operator in {"=~", "!~"}:
            return self._found(text) is (self.operator == "=~")
        if self.operator in {"<", ">"}:
            return _less(text, self.values[0]) if self.operator == "<" else _less(self.values[0], text)
        return (text.casefold() in map(str.casefold, self.values)) is not self.operator.startswith("!")

    def _found(self, text: str) -> bool:
        try:
            pattern = compiled(self.values[0], f"The filter '{self}'", any_case=True)
            return pattern.search(text, timeout=PATTERN_S) is not None
        except TimeoutError:
            raise BadRequest(f"The filter '{self}' takes too long.", fix="Write a simpler pattern.") from None


def read_filters(body: Mapping[str, Any]) -> tuple[Filter, ...]:
    """Filters of a query: `adhocFilters` of SimpleJSON and simPod to 0.6.4, `filters` of Grafana itself since then.

    Half-filled rows of the editor (no key, no value) are left out.

    Raises:
        BadRequest: an operator unknown to Weft, or what is no list of filters (passed over, it would show too much).
    """
    filters: list[Filter] = []
    for told in [*_listed(body, "adhocFilters"), *_listed(body, "filters")]:
        if not told.get("key"):
            continue
        operator, several = str(told.get("operator") or "="), told.get("values")
        if operator not in OPERATORS:
            raise BadRequest(f"'{operator}' is no filter operator.", fix=f"Use one of {' '.join(OPERATORS)}.")
        if operator in {"=|", "!=|"} and isinstance(several, list):
            values = tuple(str(value) for value in several)
        else:
            values = (str(told.get("value", "")),)
        found = Filter(str(told["key"]), operator, values)
        if values not in {(), ("",)} and found not in filters:
            filters.append(found)
    return tuple(filters)


def _listed(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    told = body.get(name) or []
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise BadRequest(f"'{name}' is no list of filters.", fix='Send [{"key": ..., "operator": ..., "value": ...}].')
    return told


def filter_rows(
    names: Sequence[str], rows: Sequence[Sequence[Any]], filters: Iterable[Filter]
) -> tuple[list[Sequence[Any]], list[Filter]]:
    """Rows that meet every filter on a column they have, and the filters on columns they do not have."""
    kept, idle = list(rows), []
    for one in filters:
        if one.key in names:
            column = names.index(one.key)
            kept = [row for row in kept if one.keeps(row[column])]
        else:
            idle.append(one)
    return kept, idle


def filter_named(
    items: Sequence[T], said_of: Callable[[T], Mapping[str, str]], filters: Iterable[Filter]
) -> tuple[list[T], list[Filter]]:
    """Series that meet every filter on what is said of them, and the filters on what is said of none of them."""
    kept, idle = list(items), []
    said = [said_of(item) for item in items]
    for one in filters:
        if items and not any(one.key in words for words in said):
            idle.append(one)
            continue
        kept = [item for item in kept if one.keeps(said_of(item).get(one.key))]
    return kept, idle


def _less(a: str, b: str) -> bool:
    try:
        return float(a) < float(b)
    except ValueError:
        return a < b

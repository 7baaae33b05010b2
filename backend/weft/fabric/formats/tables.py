"""Tables that people and their tools write by hand: a heading, then a line a row, split by comma, semicolon or tab."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from weft.base.errors import BadInput

DELIMITERS = ",;\t"
MOST_CELLS = 500


@dataclass(frozen=True, slots=True)
class Heading:
    """The names of the columns: lower case, `_` between words."""

    names: tuple[str, ...]
    delimiter: str
    line: int

    def find(self, *names: str) -> int | None:
        """Where the first of these columns stands, None when there is none."""
        return next((self.names.index(name) for name in names if name in self.names), None)


class Row(NamedTuple):
    """The cells of a line, without blanks around them, as many as the heading has."""

    cells: tuple[str, ...]
    line: int


def heading(text: str) -> Heading | None:
    """The first line that is no comment as a heading; None when it has fewer than two columns."""
    for number, line in enumerate(text[:65_536].split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            delimiter = max(DELIMITERS, key=line.count)
            cells = line.split(delimiter)
            if not 2 <= len(cells) <= MOST_CELLS:
                return None
            names = (re.sub(r"[^a-z0-9]+", "_", cell.strip().strip('"').lower()).strip("_") for cell in cells)
            return Heading(tuple(names), delimiter, number)
    return None


def rows(text: str, fix: str) -> Iterator[Row]:
    """Every row below the heading. Raises BadInput: one has another number of cells, or its quotes do not close."""
    head = heading(text)
    if head is None:
        return
    for number, line in enumerate(text.split("\n"), 1):
        if number <= head.line or not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            (cells,) = csv.reader([line], delimiter=head.delimiter, skipinitialspace=True, strict=True)
        except (csv.Error, ValueError) as exc:
            raise BadInput(f"a quote that is not closed ({exc}).", fix=fix, line=number) from exc
        if len(cells) != len(head.names):
            raise BadInput(f"{len(cells)} cells below a heading of {len(head.names)} columns.", fix=fix, line=number)
        yield Row(tuple(cell.strip() for cell in cells), number)

"""Tables with bars between the fields, as sacct, squeue and sinfo print them. Users' texts may hold bars themselves."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from weft.base.errors import BadInput
from weft.base.formats import counted

MOST_COLUMNS, MOST_BARS = 1_000, 2_000
"""Columns of a heading (sacct knows 120), and bars inside the texts of one row that are put in their place."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a tool fills its columns.

    `fits`: what a field of a column looks like, which tells where free text ends. `free`: columns that people or their
    paths fill, so that a bar may stand in them. `read`: columns that are read, so that they must be certain.
    """

    tool: str
    ask: str
    fits: Mapping[str, Callable[[str], bool]]
    free: frozenset[str]
    read: frozenset[str]


@dataclass(slots=True)
class Bars:
    """Rows of one table, and how many of them had bars inside a text."""

    dialect: Dialect
    columns: Sequence[str]
    closed: bool
    first_line: int
    moved: int = 0
    _checks: list[tuple[int, str, Callable[[str], bool]]] = field(init=False)

    def __post_init__(self) -> None:
        fits = self.dialect.fits
        self._checks = [(at, name, fits[name]) for at, name in enumerate(self.columns) if name in fits]

    def rows(self, lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        """Line number and fields of every row, as many as there are columns; empty lines are passed over.

        Raises:
            BadInput: a row does not fit the heading, or fits it in more than one way.
        """
        for number, line in enumerate(lines, self.first_line):
            if line:
                try:
                    yield number, self._fields(line.removesuffix("|") if self.closed else line)
                except BadInput as exc:
                    raise BadInput(exc.bare, fix=exc.fix, line=number) from exc

    def notices(self) -> list[str]:
        """What the reader should know of the rows."""
        return [f"{counted(self.moved, 'row')} with bars inside a text: read by what fits."] if self.moved else []

    def _fields(self, line: str) -> list[str]:
        parts = line.split("|")
        extra = len(parts) - len(self.columns)
        if extra < 0:
            raise BadInput(
                f"{counted(len(self.columns), 'field')} were expected, {len(parts)} are there: the file is cut, or a "
                "text in it has a line of its own.",
                fix=f"Leave the texts of users out. {self.dialect.ask}",
            )
        if extra:
            self.moved += 1
            parts = self._aligned(parts, extra)
        for at, name, fits in self._checks:
            if not fits(parts[at]):
                tool = self.dialect.tool
                raise BadInput(f"'{parts[at][:60]}' is no {name} as {tool} prints it.", fix=self.dialect.ask)
        return parts

    def _aligned(self, parts: Sequence[str], extra: int) -> list[str]:
        """The fields of a row with bars inside its texts.

        Column i begins at part i + shift; only a free text may take more than one part, so shifts only grow. All ways
        that fit from the left and all that fit from the right are kept per column; where the columns that are read
        have one way in common, it is taken.
        """
        if extra > MOST_BARS:
            raise BadInput(f"{extra:,} bars too many.", fix=f"Leave the texts of users out. {self.dialect.ask}")
        left = [{0}]
        for i, name in enumerate(self.columns):
            if name in self.dialect.free:
                left.append(set(range(min(left[-1]), extra + 1)) if left[-1] else set())
            else:
                fits = self.dialect.fits.get(name)
                left.append({shift for shift in left[-1] if fits is None or fits(parts[i + shift])})
        right = [{extra}]
        for i, name in reversed(list(enumerate(self.columns))):
            if name in self.dialect.free:
                right.append(set(range(max(right[-1]) + 1)) if right[-1] else set())
            else:
                fits = self.dialect.fits.get(name)
                right.append({shift for shift in right[-1] if fits is None or fits(parts[i + shift])})
        ways = [sorted(a & b) for a, b in zip(left, reversed(right), strict=True)]
        fields = []
        for i, name in enumerate(self.columns):
            if not ways[i] or (name in self.dialect.read and len(ways[i]) + len(ways[i + 1]) > 2):
                raise BadInput(
                    f"{counted(extra, 'bar')} too many, and where they belong ({name}?) cannot be told.",
                    fix=f"Leave the texts of users out. {self.dialect.ask}",
                )
            fields.append("|".join(parts[i + ways[i][0] : i + 1 + ways[i + 1][0]]))
        return fields


def matches(pattern: str) -> Callable[[str], bool]:
    """A check of a field: the whole of it is like this, in ASCII."""
    compiled = re.compile(rf"(?a){pattern}")
    return lambda text: compiled.fullmatch(text) is not None


def whole_lines(text: str, ask: str) -> list[str]:
    """The lines of a text whose last one ends. Raises BadInput: it is cut."""
    lines = text.split("\n")
    if lines.pop():
        raise BadInput("the last line has no end: the file is cut.", fix=ask, line=len(lines) + 1)
    return lines


def first_line(text: str) -> str:
    """The first line that holds something."""
    return text.lstrip("\n").partition("\n")[0]


def heading(lines: Sequence[str], dialect: Dialect) -> tuple[int, Sequence[str], bool]:
    """Index of the heading, its columns, and whether every line ends with a bar.

    Raises:
        BadInput: far too many columns, or one twice whose second would be read.
    """
    at = next((number for number, line in enumerate(lines) if line), None)
    if at is None:
        raise BadInput("it holds no line.", fix=dialect.ask)
    closed = lines[at].endswith("|")
    columns = lines[at].removesuffix("|").split("|")
    if len(columns) > MOST_COLUMNS:
        raise BadInput(
            f"a heading of {len(columns):,} columns is none of {dialect.tool}'s.", fix=dialect.ask, line=at + 1
        )
    return at, columns, closed

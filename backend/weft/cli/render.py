"""How answers look: tables that fit one terminal (80 columns when there is none), lists for long rows, and JSON."""

import math
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Literal

from weft.answers.tables import Column, Table
from weft.base.formats import counted
from weft.base.intervals import datetime_of
from weft.cli.check import Finding
from weft.ingest.importer import ImportReport

if TYPE_CHECKING:  # 2 MB that a server does without: whoever draws imports it
    from rich.console import Console
    from rich.table import Table as RichTable

GAP = 2
"""Blanks between two columns."""
NARROWEST = 14
"""A column is not shortened below this many characters: a short time needs them."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an answer: a table of the catalogue, its arguments, and the columns shown while they fit.

    `upright`: rows as lists of `name  value`, for few long rows. `sideways`: a column a row, headed by its first cell.
    `wrap`: the last column goes on in its own column below itself instead of being shortened.
    """

    title: str
    table: str
    args: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    upright: bool = False
    sideways: bool = False
    wrap: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A section with what the catalogue said."""

    section: Section
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]


def as_object(answers: Sequence[Answer], notices: Sequence[str]) -> dict[str, Any]:
    """All parts as one JSON object: a list of rows by table name, every column, and the notices."""
    tables = {
        one.section.table: [dict(zip((c.name for c in one.columns), row, strict=True)) for row in one.rows]
        for one in answers
    }
    return {**tables, "notices": list(notices)}


def show(answers: Sequence[Answer], zone: tzinfo) -> None:
    """Print the parts that have rows, then the zone of the times and what only --json shows."""
    console = terminal()
    timed, left_out = False, list[str]()
    for one in answers:
        if not one.rows:
            continue
        at = {column.name: i for i, column in enumerate(one.columns)}
        columns = [one.columns[at[name]] for name in one.section.columns or at]
        rows = [[cell(column, row[at[column.name]], zone) for column in columns] for row in one.rows]
        if one.section.title:
            console.print(one.section.title, style="bold")
        shown = columns
        if one.section.upright:
            show_upright(console, columns, rows)
        elif one.section.sideways:
            left_out += show_sideways(console, columns, rows)
        else:
            shown = columns[: show_table(console, columns, rows, wrap=one.section.wrap)]
            left_out += [column.name for column in columns[len(shown) :]]
        timed = timed or any(column.type == "time" for column in shown)
        console.print()
    footer = [f"Times are {zone_name(zone)}."] if timed else []
    if left_out:
        footer.append(f"Too narrow for: {', '.join(dict.fromkeys(left_out))} (see --json).")
    if footer:
        console.print(" ".join(footer), style="dim")


def show_tables(tables: Iterable[Table]) -> None:
    """Print each table's name, what it holds, and its arguments."""
    grid = _grid()
    grid.add_column(no_wrap=True)
    grid.add_column()
    for table in tables:
        grid.add_row(table.name, table.doc)
        words = [f"{param.name}=..." if param.required else f"[{param.name}=...]" for param in table.params]
        grid.add_row("", " ".join(words), style="dim")
    terminal().print(grid)


def show_report(report: ImportReport) -> None:
    """Print what each file was taken for and what was found, in one line or two, and how many ended how."""
    console = terminal()
    for file in report.files:
        found = f"{file.kind}: {file.found}" if file.kind and file.outcome != "refused" else file.found
        line = f"{file.outcome:<9}  {file.path}"
        if len(line) + GAP + len(found) <= console.width:
            console.print(f"{line}  {found}", soft_wrap=True)
        else:
            console.print(f"{line}\n           {found}", soft_wrap=True)
    ended = Counter(file.outcome for file in report.files)
    told = ", ".join(f"{count} {outcome}" for outcome, count in ended.items())
    console.print(f"{counted(len(report.files), 'file')}: {told}." if told else "No file was found.")


def report_object(report: ImportReport) -> dict[str, Any]:
    """What became of every file, as one JSON object."""
    return {"files": [{**asdict(file), "path": str(file.path)} for file in report.files], "ok": report.ok}


def show_findings(findings: Sequence[Finding]) -> None:
    """Print a line a finding, what to do below it."""
    grid = _grid()
    grid.add_column(no_wrap=True)
    grid.add_column()
    for finding in findings:
        grid.add_row(finding.level, f"{finding.what} {finding.fix}".strip())
    terminal().print(grid)


def _grid() -> "RichTable":
    """A table without lines and headings."""
    from rich.table import Table as RichTable

    return RichTable.grid(padding=(0, GAP, 0, 0))


def terminal() -> "Console":
    """The screen: names and numbers get no colours of their own, and long lines are ours to shorten."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def show_upright(console: "Console", columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print each row as lines of name and value; a long value goes on below itself, a missing one is left out."""
    grid = _grid()
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    for number, row in enumerate(rows):
        if number:
            grid.add_row("", "")
        for column, text in zip(columns, row, strict=True):
            if text != "-":
                grid.add_row(column.name.replace("_", " "), text)
    console.print(grid)


def show_sideways(console: "Console", columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    """Print each row as a column headed by its first cell, to compare them; returns those that found no room.

    What is missing in all of them is left out.
    """
    heads = [Column("", "string"), *(Column(row[0], "string") for row in rows)]
    told = zip(columns[1:], zip(*(row[1:] for row in rows), strict=True), strict=True)
    lines = [[column.name.replace("_", " "), *cells] for column, cells in told if set(cells) != {"-"}]
    return [head.name for head in heads[show_table(console, heads, lines) :]]


def show_table(
    console: "Console", columns: Sequence[Column], rows: Sequence[Sequence[str]], *, wrap: bool = False
) -> int:
    """Print a table, shortened where it does not fit; returns how many columns found room."""
    from rich.table import Table as RichTable

    widths = fit([column.name for column in columns], rows, console.width)
    table = RichTable(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_edge=False, header_style="dim")
    for column, width in zip(columns, widths, strict=False):
        justify: Literal["left", "right"] = "right" if column.type == "number" else "left"
        goes_on = wrap and column is columns[-1]
        overflow: Literal["fold", "ellipsis"] = "fold" if goes_on else "ellipsis"
        name = column.name.replace("_", " ")
        table.add_column(name, justify=justify, no_wrap=not goes_on, overflow=overflow, width=width)
    for row in rows:
        table.add_row(*row[: len(widths)])
    console.print(table)
    return len(widths)


def fit(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """Widths of the columns that fit into so many characters, in order; the last ones may be missing.

    The widest column gives way first, down to NARROWEST; when that is not enough, the last column goes.
    """
    natural = [max([len(name), *(len(row[i]) for row in rows)]) for i, name in enumerate(names)]
    for count in range(len(natural), 1, -1):
        widths = natural[:count]
        over = sum(widths) + GAP * (count - 1) - width
        while over > 0 and max(widths) > NARROWEST:
            widest = widths.index(max(widths))
            given = min(over, widths[widest] - max(NARROWEST, sorted(widths)[-2]) or 1)
            widths[widest] -= given
            over -= given
        if over <= 0:
            return widths
    return [min(natural[0], width)]


def cell(column: Column, value: Any, zone: tzinfo) -> str:
    """A value as a person reads it; missing is `-`."""
    if value is None or value == "":
        return "-"
    if column.type == "time":
        return short_time(value, zone)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return duration(value) if column.unit == "s" else speed(value) if column.unit == "Bps" else plain(value)
    return str(value)


def short_time(at_ms: int, zone: tzinfo) -> str:
    """`11-22 22:23:15` of this year, `25-11-22 22:23` of another: 14 characters."""
    moment = datetime_of(at_ms, zone)
    this_year = datetime_of(time.time_ns() // 1_000_000, zone).year
    return f"{moment:%m-%d %H:%M:%S}" if moment.year == this_year else f"{moment:%y-%m-%d %H:%M}"


def plain(value: float) -> str:
    """Two decimals, or four digits of what is large."""
    return f"{value:.4g}" if abs(value) >= 1e6 else f"{value + 0.0:.2f}".replace("-0.00", "0.00")


def speed(bytes_per_s: float) -> str:
    """`1.25 GB/s`, in powers of 1,000."""
    power = min(int(math.log10(max(abs(bytes_per_s), 1)) / 3), 4)
    return f"{bytes_per_s / 1000**power:.3g} {('B', 'kB', 'MB', 'GB', 'TB')[power]}/s"


def duration(seconds: float) -> str:
    """`5:20:10`, `2-03:00:00` with days, as Slurm writes them."""
    days, rest = divmod(round(seconds), 86_400)
    hours, minutes, left = rest // 3600, rest // 60 % 60, rest % 60
    return f"{days}-{hours:02d}:{minutes:02d}:{left:02d}" if days else f"{hours}:{minutes:02d}:{left:02d}"


def zone_name(zone: tzinfo) -> str:
    """What people call the zone: its key, else its offset now."""
    key = getattr(zone, "key", None)
    return str(key) if key else datetime_of(time.time_ns() // 1_000_000, zone).strftime("UTC%z")

"""A line of a benchmark's table, and the clock that fills it."""

import statistics
import time
from dataclasses import dataclass

RUNS = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a figure with its unit and bar; of times the first run's and the processor's beside."""

    name: str
    value: float
    bar: float | None
    unit: str = "ms"
    first: float | None = None
    busy: float | None = None

    def __str__(self) -> str:
        first, busy = ("" if told is None else f"{told:,.1f}" for told in (self.first, self.busy))
        bar = "" if self.bar is None else f"<= {self.bar:g} {self.unit}"
        star = " *" if self.bar is not None and self.value > self.bar else ""
        return f"{self.name:60}{first:>9}{self.value:10,.1f}{busy:>9} {self.unit:3}{bar:>11}{star}"


class Clock:
    """Milliseconds and processor time of some runs; the first one is kept apart."""

    def __init__(self) -> None:
        self.spent: list[tuple[float, float]] = []

    def __enter__(self) -> None:
        self._begin = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        wall, busy = self._begin
        self.spent.append(((time.perf_counter() - wall) * 1000, (time.process_time() - busy) * 1000))

    def row(self, name: str, bar: float | None) -> Row:
        """The line of the table."""
        wall, busy = (statistics.median(column) for column in zip(*self.spent[1:], strict=True))
        return Row(name, wall, bar, first=self.spent[0][0], busy=busy)

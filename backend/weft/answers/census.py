"""How many series there are with which tags: what is known of ports and hosts, counted in columns."""

from collections.abc import Callable, Container, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.answers.answers import ALL_TIME
from weft.answers.port_table import PortTable
from weft.answers.stock import Stock
from weft.answers.tag_question import WHAT_TAGS, Held, Question, hull_of, parts_of
from weft.answers.units import UNIT_TAGS, forms_of
from weft.base.arrays import distinct
from weft.base.intervals import Interval
from weft.metrics.tags import met

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Census:
    """Ports and hosts with the numbers of what is stored of them.

    Args:
        called: a host's name as Weft writes it, from how it is stored.
    """

    def __init__(self, table: PortTable, stock: Stock, called: Callable[[str], str]) -> None:
        self.table, self.stock = table, stock
        nothing: dict[int, int] = {}
        self.port_sets = np.array([stock.ports.get(guid, nothing).get(n, 0) for guid, n in table.ports], dtype=np.int64)
        self.hosts = np.array([called(node) for node in stock.hosts], dtype=object)
        self.host_sets = np.array(list(stock.hosts.values()), dtype=np.int64)
        used = np.zeros(stock.sets, dtype=bool)
        used[self.port_sets] = True
        self._counters = distinct(stock.members[used[stock.of_set]])

    def selected(self, question: Question, held: Held | None, window: Interval) -> "Selected":
        """The series that meet a question at some time of the window. Raises BadRequest: a pattern takes too long."""
        stock, table = self.stock, self.table
        asked = question.whats_met(stock.whats)
        counters = np.zeros(len(stock.whats), dtype=bool)
        for number in self._counters[asked[self._counters]].tolist():
            counters[number] = question.form_of(stock.whats[number]) is not None
        row_sizes = self._sizes(counters)
        mask = table.meeting(question.ports, window) & (row_sizes[self.port_sets] > 0)[table.places]
        if held is not None:
            mask &= table.columns["host"].among(held)
        rows = np.flatnonzero(mask)
        if held is not None:
            rows = rows[self._in_time(rows, held, window)]
        rows = rows[np.unique(table.alike[rows], return_index=True)[1]]
        paths = asked if question.of_hosts else np.zeros(len(stock.whats), dtype=bool)
        return Selected(self, question, window, counters, rows, paths, self._hosts(question, held, paths))

    def _in_time(self, rows: Numbers, held: Held, window: Interval) -> Mask:
        """Which of these rows somebody may ask in the window."""
        table = self.table
        hosts = table.columns["host"]
        codes = hosts.codes[rows]
        whole = {code: hull_of(held, hosts.values[code], window) for code in distinct(codes).tolist()}
        from_ms = np.array([whole[code].from_ms for code in codes.tolist()], dtype=np.int64)
        to_ms = np.array([whole[code].to_ms for code in codes.tolist()], dtype=np.int64)
        meets: Mask = (table.from_ms[rows] <= from_ms) & (to_ms <= table.to_ms[rows]) & (from_ms < to_ms)
        for place in np.flatnonzero(~meets).tolist():
            span = table.span(rows[place]).cut(window)
            meets[place] = any(parts_of(span, held, hosts.values[codes[place]]))
        return meets

    def _hosts(self, question: Question, held: Held | None, paths: Mask) -> Numbers:
        """Places of the hosts that meet a question and of which something stored does."""
        places = np.flatnonzero(self._sizes(paths)[self.host_sets] > 0)
        for one in question.hosts:
            places = places[met(one, self.hosts[places].tolist())]
        if held is not None:
            places = np.array([place for place in places.tolist() if self.hosts[place] in held], dtype=np.int64)
        return places

    def _sizes(self, whats: Mask) -> Numbers:
        """For each set how many of these it holds."""
        return self.per_set(whats[self.stock.members])

    def per_set(self, members: NDArray[np.generic]) -> Numbers:
        """The sum over each set of a number for each of its members."""
        return np.bincount(self.stock.of_set, weights=members, minlength=self.stock.sets).astype(np.int64)


class Selected(NamedTuple):
    """Some of the series of a census: each of `rows` with those of `counters` that are stored of its port, and each of
    `hosts` with those of `paths`."""

    census: Census
    question: Question
    window: Interval
    counters: Mask
    rows: Numbers
    paths: Mask
    hosts: Numbers

    def tags(self) -> set[str]:
        """Every tag of any of them."""
        table = self.census.table
        found: set[str] = set()
        if len(self.rows):
            columns = table.columns.items()
            found = {tag for tag, column in columns if column.codes[self.rows].any()}
        if len(self.hosts):
            found.add("host")
        if found:
            found |= WHAT_TAGS
        return found | {tag for tag in UNIT_TAGS if self.values(tag)}

    def values(self, tag: str) -> dict[str, int]:
        """Values of a tag, each with how many of them have it."""
        if tag in WHAT_TAGS:
            return _sum([*self._by_what(self.row_sets, self.counters), *self._by_what(self.host_sets, self.paths)])
        if tag in UNIT_TAGS:
            return _sum(
                (value, count)
                for what, count in self._by_what(self.row_sets, self.counters)
                for value in {form.tags.get(tag, "") for form in forms_of(what) if self.question.unit_meets(form)}
                if value
            )
        column = self.census.table.columns[tag]
        counts = np.bincount(column.codes[self.rows], weights=self.row_counts, minlength=len(column.values))
        found = list(zip(column.values, counts.astype(int).tolist(), strict=True))[1:]
        if tag == "host":
            found += zip(self.census.hosts[self.hosts], self.host_counts.tolist(), strict=True)
        return _sum(found)

    def by_host(self, wanted: Container[str]) -> dict[str, list[tuple[Interval, int]]]:
        """Host -> for how long it has how many of them; of these hosts."""
        found: dict[str, list[tuple[Interval, int]]] = {}
        table = self.census.table
        hosts = table.columns["host"]
        theirs = hosts.among(wanted)[self.rows]
        for row, count in zip(self.rows[theirs].tolist(), self.row_counts[theirs].tolist(), strict=True):
            span = table.span(row).cut(self.window)
            found.setdefault(hosts.values[hosts.codes[row]], []).append((span, count))
        for host, count in zip(self.census.hosts[self.hosts], self.host_counts.tolist(), strict=True):
            if host in wanted:
                found.setdefault(host, []).append((ALL_TIME, count))
        return found

    @property
    def row_sets(self) -> Numbers:
        """The set of each row."""
        return self.census.port_sets[self.census.table.places[self.rows]]

    @property
    def host_sets(self) -> Numbers:
        """The set of each host."""
        return self.census.host_sets[self.hosts]

    @property
    def row_counts(self) -> Numbers:
        """How many series each row is."""
        return self.census.per_set(self.counters[self.census.stock.members])[self.row_sets]

    @property
    def host_counts(self) -> Numbers:
        """How many series each host has."""
        return self.census.per_set(self.paths[self.census.stock.members])[self.host_sets]

    def _by_what(self, sets: Numbers, whats: Mask) -> list[tuple[str, int]]:
        """Counters or paths, each with how many series of ports or hosts with these sets are of it."""
        stock = self.census.stock
        times = np.bincount(sets, minlength=stock.sets)
        counts = np.bincount(stock.members, weights=times[stock.of_set], minlength=len(stock.whats)).astype(int)
        places = np.flatnonzero(whats & (counts > 0)).tolist()
        return [(stock.whats[place], int(counts[place])) for place in places]


def _sum(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for value, count in counts:
        if count:
            found[value] = found.get(value, 0) + count
    return found

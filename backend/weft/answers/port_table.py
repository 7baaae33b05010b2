"""The ports of all fabrics in columns: what each was called and cabled to, and when.

A row is a port for as long as all its tags held: a port that got another cable has a row for each. On a full fabric of
12,000 hosts these are 50,000 rows and more, so tags are solved on columns of numbers.
"""

from array import array
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.answers.answers import ALL_TIME, Answers
from weft.answers.directory import UNTOLD_PORTS, Directory
from weft.answers.virtual import since_ever
from weft.base.intervals import Interval
from weft.base.texts import Texts, kept
from weft.fabric.model import PortKey
from weft.fabric.names import safe
from weft.inventory.store import Connection, FabricSpan
from weft.metrics.tags import TagExpression, met

PORT_TAGS = ("cable", "hca", "host", "port", "switch")

PORTS_AT_ONCE = 1000
"""Ports whose connections are read at once; their rows are made before the loop goes on with something else."""

Mask = NDArray[np.bool_]
Codes = NDArray[np.integer[Any]]


class Row(NamedTuple):
    """A port while all its tags held; "": it had none of that kind. `connection`: how it was cabled then."""

    port: PortKey
    span: Interval
    switch: str
    hca: str
    host: str
    cable: str = ""
    connection: Connection | None = None


class Column(NamedTuple):
    """One tag: row i has values[codes[i]]; the first value is "", no such tag."""

    values: Sequence[str]
    codes: Codes

    def meeting(self, one: TagExpression) -> Mask:
        """For each row whether its value meets an expression. Raises BadRequest: a pattern takes too long."""
        meets: Mask = met(one, self.values)[self.codes]
        return meets

    def among(self, values: Container[str]) -> Mask:
        """For each row whether its value is one of these."""
        meets: Mask = np.array([value in values for value in self.values])[self.codes]
        return meets


@dataclass(frozen=True, slots=True, eq=False)
class Ports:
    """Port i is number numbers[i] of the node guids[of[i]]: a PortKey for each of 70,000 takes ten times as much."""

    guids: Sequence[str]
    of: Codes
    numbers: Codes

    def __len__(self) -> int:
        return len(self.of)

    def __getitem__(self, place: int) -> PortKey:
        return PortKey(self.guids[self.of[place]], int(self.numbers[place]))

    def __iter__(self) -> Iterator[PortKey]:
        return (
            PortKey(self.guids[of], number) for of, number in zip(self.of.tolist(), self.numbers.tolist(), strict=True)
        )


@dataclass(frozen=True, slots=True, eq=False)
class PortTable:
    """Rows by number.

    Args:
        places: row -> which of the ports. alike: row -> a number that rows of one port with the same tags share.
        from_ms, to_ms: when the tags of a row held.
        ambiguous: rows whose cable is one of two.
    """

    ports: Ports
    columns: Mapping[str, Column]
    places: Codes
    alike: Codes
    from_ms: NDArray[np.int64]
    to_ms: NDArray[np.int64]
    ambiguous: Mapping[int, Connection]

    def meeting(self, expressions: Sequence[TagExpression], window: Interval) -> Mask:
        """For each row whether it meets these at some time of the window. Raises BadRequest, as `met` does."""
        keep: Mask = (self.from_ms < window.to_ms) & (window.from_ms < self.to_ms)
        for one in expressions:
            keep &= self.columns[one.tag].meeting(one)
        return keep

    def span(self, row: int) -> Interval:
        """When the tags of a row held."""
        return Interval(int(self.from_ms[row]), int(self.to_ms[row]))

    def tags_of(self, row: int) -> dict[str, str]:
        """The tags of a row."""
        found = {tag: column.values[column.codes[row]] for tag, column in self.columns.items()}
        return {tag: value for tag, value in found.items() if value}


class PortRows:
    """A PortTable under construction."""

    def __init__(self) -> None:
        self._guids: dict[str, int] = {}
        self._known: dict[str, dict[str, int]] = {tag: {"": 0} for tag in PORT_TAGS}
        # Flat: a row as a tuple of numbers takes ten times as much.
        self._codes = array("i")
        self._spans = array("q")
        self._ambiguous: dict[int, Connection] = {}

    def __len__(self) -> int:
        return len(self._spans) // 2

    def add(self, row: Row) -> None:
        """One more row."""
        port, span, switch, hca, host, cable, connection = row
        cables, hcas, hosts, numbers, switches = self._known.values()
        number = str(port.number)
        if connection is not None and connection.cable_alt is not None:
            self._ambiguous[len(self)] = connection
        self._codes.extend((
            self._guids.setdefault(port.guid, len(self._guids)),
            cables.setdefault(cable, len(cables)),
            hcas.setdefault(hca, len(hcas)),
            hosts.setdefault(host, len(hosts)),
            numbers.setdefault(number, len(numbers)),
            switches.setdefault(switch, len(switches)),
        ))  # fmt: skip
        self._spans.extend((span.from_ms, span.to_ms))

    def table(self) -> PortTable:
        """All of them."""
        told = np.frombuffer(self._codes, dtype=np.int32).reshape(-1, 1 + len(PORT_TAGS))
        guid = _narrow(told[:, 0], len(self._guids))
        columns = {tag: _column(told[:, i], self._known[tag]) for i, tag in enumerate(PORT_TAGS, 1)}
        spans = np.frombuffer(self._spans, dtype=np.int64).reshape(-1, 2)
        number = np.array([int(value or 0) for value in columns["port"].values], dtype=np.uint16)
        number = number[columns["port"].codes]
        places, ports = _alike([guid, number])
        alike, _ = _alike([guid, *(column.codes for column in columns.values())])
        return PortTable(
            Ports(Texts(self._guids), guid[ports], number[ports]),
            columns,
            places,
            alike,
            spans[:, 0].copy(),
            spans[:, 1].copy(),
            self._ambiguous,
        )


def _column(codes: Codes, known: Mapping[str, int]) -> Column:
    """The column with its values sorted."""
    values = sorted(known)
    places = np.empty(len(values), dtype=np.uint32)
    places[[known[value] for value in values]] = np.arange(len(values), dtype=np.uint32)
    return Column(kept(values), _narrow(places, len(values))[codes])


def _narrow(codes: Codes, count: int) -> Codes:
    """The same codes, of so many, in as few bytes as they can."""
    return codes.astype(np.min_scalar_type(max(0, count - 1)))


def _alike(columns: Sequence[Codes]) -> tuple[Codes, NDArray[np.intp]]:
    """A number for each row that rows with the same codes share, in the order of the codes; a row of each number."""
    order = np.lexsort(columns[::-1])
    first = np.zeros(len(order), dtype=bool)
    first[:1] = True
    for codes in columns:
        sorted_ = codes[order]
        first[1:] |= sorted_[1:] != sorted_[:-1]
    numbers = np.empty(len(order), dtype=np.uint32)
    numbers[order] = np.cumsum(first, dtype=np.uint32) - np.uint32(1)
    return numbers, order[first]


async def port_table(answers: Answers) -> PortTable:
    """The table of every fabric, read some ports at a time: all connections at once take 50 MB on a full fabric."""
    rows = PortRows()
    for fabric in await answers.fabrics():
        directory = await answers.directory(fabric.name)
        peers = peers_of(fabric, directory)
        for some in batches(nodes_of(fabric, directory)):
            ports = [port for node in some for port in node.ports]
            connections = await answers.site.fabrics.connections(fabric.name, ALL_TIME, ports)
            for row in rows_of(some, peers, connections):
                rows.add(row)
    return rows.table()


class Node(NamedTuple):
    """A node under one name: a switch, or an HCA of a host ("" for what it is not)."""

    guid: str
    size: int
    span: Interval
    switch: str = ""
    hca: str = ""
    host: str = ""

    @property
    def ports(self) -> list[PortKey]:
        """All its ports."""
        return [PortKey(self.guid, number) for number in range(1, self.size + 1)]


Peers = Mapping[str, Sequence[tuple[str, Interval]]]
"""GUID of an HCA -> the hosts it sat in, and when."""


def nodes_of(fabric: FabricSpan, directory: Directory) -> Iterator[Node]:
    """HCAs and switches of one fabric under each of their names."""
    for host, held in directory.hosts.items():
        for named in held:
            size, span = named.ports or UNTOLD_PORTS, since_ever(named, fabric)
            yield Node(named.guid, size, span, hca=safe(named.hca), host=safe(host))
    for switch, held in directory.switches.items():
        for named in held:
            yield Node(named.guid, named.ports or UNTOLD_PORTS, since_ever(named, fabric), switch=switch)


def peers_of(fabric: FabricSpan, directory: Directory) -> Peers:
    """Who the HCAs of one fabric belong to."""
    peers: dict[str, tuple[tuple[str, Interval], ...]] = {}
    for host, held in directory.hosts.items():
        for named in held:
            peers[named.guid] = (*peers.get(named.guid, ()), (safe(host), since_ever(named, fabric)))
    return peers


def batches(nodes: Iterable[Node]) -> Iterator[list[Node]]:
    """Nodes with some PORTS_AT_ONCE ports together."""
    some: list[Node] = []
    ports = 0
    for node in nodes:
        some.append(node)
        ports += node.size
        if ports >= PORTS_AT_ONCE:
            yield some
            some, ports = [], 0
    if some:
        yield some


def rows_of(nodes: Iterable[Node], peers: Peers, connections: Iterable[Connection]) -> Iterator[Row]:
    """The ports of nodes: those of switches, with the host at the other end, and those of HCAs.

    A link is counted at both of its ends, and both carry its `host` and `cable`; `switch` and `hca` tell them apart.
    """
    cabled: dict[PortKey, list[Connection]] = {}
    for connection in sorted(connections, key=lambda one: (one.span.from_ms, one.span.to_ms)):
        cabled.setdefault(connection.a, []).append(connection)
        cabled.setdefault(connection.b, []).append(connection)
    for node in nodes:
        for port in node.ports:
            whole = Row(port, node.span, node.switch, node.hca, node.host)
            yield from _port_rows(whole, cabled.get(port, ()), peers if node.switch else {})


def _port_rows(whole: Row, connections: Sequence[Connection], peers: Peers) -> Iterator[Row]:
    """The time of a port under one name, cut by how it was cabled."""
    at_ms, to_ms = whole.span.from_ms, whole.span.to_ms
    for connection in connections:
        part = connection.span.cut(Interval(at_ms, to_ms))
        if not part:
            continue
        if at_ms < part.from_ms:
            yield whole._replace(span=Interval(at_ms, part.from_ms))
        at_ms = part.to_ms
        peer = connection.b if connection.a == whole.port else connection.a
        linked = whole._replace(span=part, cable=safe(connection.cable), connection=connection)
        yield from _linked_rows(linked, peers.get(peer.guid, ()))
    if at_ms < to_ms:
        yield whole._replace(span=Interval(at_ms, to_ms))


def _linked_rows(linked: Row, hosts: Sequence[tuple[str, Interval]]) -> Iterator[Row]:
    """The time of one connection, cut by what the host at its other end was called."""
    at_ms, to_ms = linked.span.from_ms, linked.span.to_ms
    for host, there in hosts:
        own = there.cut(Interval(at_ms, to_ms))
        if not own:
            continue
        if at_ms < own.from_ms:
            yield linked._replace(span=Interval(at_ms, own.from_ms))
        yield linked._replace(span=own, host=host)
        at_ms = own.to_ms
    if at_ms < to_ms:
        yield linked._replace(span=Interval(at_ms, to_ms))

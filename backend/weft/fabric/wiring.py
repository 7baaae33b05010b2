"""Planned wiring as values, and what a fabric has otherwise: cables missing, unexpected, in the wrong port, swapped."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import orjson

from weft.fabric.model import NodeKind, PortKey
from weft.fabric.names import node_label
from weft.fabric.places import called

_PORT = re.compile(r"(?ai)(?:U1/)?P?(?P<number>\d{1,3})")
"""How people write the number of a port; ibdm's `P5` and `U1/P5` too. `L2/P5` of a director is no port number."""


class Socket(NamedTuple):
    """One end of a planned cable as the plan writes it: `leaf01`, `5`; `node001`, `mlx5_0/1`; a GUID."""

    node: str
    port: str

    def __str__(self) -> str:
        return f"{self.node}/{self.port}"


class PlannedCable(NamedTuple):
    """Two ports that a plan connects, and the line of the plan that says so."""

    a: Socket
    b: Socket
    line: int


@dataclass(frozen=True, slots=True)
class Wiring:
    """A plan: which ports are to be cabled to each other. It holds from `seen_at_ms` until the next plan.

    `source`: the format it was read from.
    """

    fabric: str
    seen_at_ms: int
    source: str
    cables: tuple[PlannedCable, ...]

    def packed(self) -> bytes:
        """The plan without fabric and time, as bytes that are equal when the plans are."""
        return orjson.dumps({"source": self.source, "cables": [[*c.a, *c.b, c.line] for c in self.cables]})

    @classmethod
    def unpacked(cls, fabric: str, seen_at_ms: int, data: bytes) -> "Wiring":
        """The plan that `packed` gave."""
        told: dict[str, Any] = orjson.loads(data)
        cables = (PlannedCable(Socket(an, ap), Socket(bn, bp), line) for an, ap, bn, bp, line in told["cables"])
        return cls(fabric, seen_at_ms, told["source"], tuple(cables))


class Known(NamedTuple):
    """What a node is and how it calls itself."""

    kind: NodeKind
    description: str


DifferenceKind = Literal["missing", "unexpected", "miswired", "swapped", "unknown"]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as planned, in words.

    missing: nothing is plugged in at either end. miswired: an end is plugged in elsewhere. swapped: two planned cables
    have exchanged an end. unexpected: a cable between two nodes of the plan, in ports that it does not use. unknown:
    the plan names an end that cannot be told.

    `planned`: the cables of the plan it is about; `actual`: those of the fabric.
    """

    kind: DifferenceKind
    planned: tuple[PlannedCable, ...]
    actual: tuple[tuple[PortKey, PortKey], ...]
    text: str


def compare(
    planned: Wiring, nodes: Mapping[str, Known], links: Iterable[tuple[PortKey, PortKey]]
) -> tuple[Difference, ...]:
    """What is not as planned, in the order of the plan, unexpected cables last.

    Args:
        nodes: present nodes by GUID. links: cabled ports, whether their link is up or down: a cable whose link is down
            is where it was planned.
    """
    return _Comparison(nodes, links).of(planned)


class _Comparison:
    """The plan's ports against the fabric's."""

    def __init__(self, nodes: Mapping[str, Known], links: Iterable[tuple[PortKey, PortKey]]) -> None:
        self._nodes = nodes
        self._links = sorted((min(link), max(link)) for link in links)
        self._actual: dict[PortKey, PortKey] = {}
        for a, b in self._links:
            self._actual |= {a: b, b: a}
        self._by_name: dict[str, list[str]] = {}
        for guid, node in nodes.items():
            for name in called(node.kind, guid, node.description):
                self._by_name.setdefault(name, []).append(guid)

    def of(self, planned: Wiring) -> tuple[Difference, ...]:
        """All differences."""
        found: list[Difference] = []
        wanted: dict[PortKey, tuple[PortKey, PlannedCable]] = {}
        for cable in planned.cables:
            ends = self._place(cable.a), self._place(cable.b)
            a, b = ends
            if isinstance(a, str) or isinstance(b, str):
                what = " ".join(end for end in ends if isinstance(end, str))
                found.append(Difference("unknown", (cable,), (), f"{cable.a} - {cable.b} cannot be checked: {what}"))
            elif a == b or a in wanted or b in wanted:
                what = f"line {wanted[a if a in wanted else b][1].line} plans one of these ports too." if a != b else ""
                found.append(
                    Difference("unknown", (cable,), (), f"{cable.a} - {cable.b} cannot be: {what or 'it is one port.'}")
                )
            else:
                wanted |= {a: (b, cable), b: (a, cable)}
        told: set[PlannedCable] = set()
        for a, (b, cable) in wanted.items():
            if cable not in told and self._actual.get(a) != b:
                difference = self._wrong(a, b, cable, wanted)
                told |= set(difference.planned)
                found.append(difference)
        found.sort(key=lambda x: x.planned[0].line)
        return (*found, *self._unexpected(wanted))

    def _wrong(
        self, a: PortKey, b: PortKey, cable: PlannedCable, wanted: Mapping[PortKey, tuple[PortKey, PlannedCable]]
    ) -> Difference:
        """What became of a planned cable that is not there."""
        for near, far in ((a, b), (b, a)):
            other = self._actual.get(near)
            if other is None or other not in wanted:
                continue
            partner, second = wanted[other]
            if self._actual.get(partner) == far:
                text = (
                    f"{self._name(far)} and {self._name(other)} are swapped: {self._leads(near)} (planned "
                    f"{self._name(far)}), {self._leads(partner)} (planned {self._name(other)})."
                )
                return Difference("swapped", (cable, second), (_pair(near, other), _pair(partner, far)), text)
        plugged = [port for port in (a, b) if port in self._actual]
        if not plugged:
            text = f"{self._name(a)} - {self._name(b)} is missing: nothing is plugged in at either end."
            return Difference("missing", (cable,), (), text)
        says = " and ".join(self._leads(port) for port in plugged)
        text = f"{self._name(a)} - {self._name(b)} was planned, but {says}."
        return Difference("miswired", (cable,), tuple(_pair(port, self._actual[port]) for port in plugged), text)

    def _unexpected(self, wanted: Mapping[PortKey, object]) -> list[Difference]:
        """Cables in ports that a plan does not use, between nodes that it speaks of."""
        of_plan = {port.guid for port in wanted}
        return [
            Difference("unexpected", (), ((a, b),), f"{self._name(a)} - {self._name(b)} is not planned.")
            for a, b in self._links
            if a not in wanted and b not in wanted and {a.guid, b.guid} <= of_plan
        ]

    def _place(self, socket: Socket) -> PortKey | str:
        """The port that is meant, or why it cannot be told."""
        node, port = socket.node.strip(), socket.port.strip()
        if "/" in port and not _PORT.fullmatch(port):
            hca, _, port = port.rpartition("/")
            node = f"{node} {hca}"
        number = _PORT.fullmatch(port)
        named = self._by_name.get(node.lower(), [])
        if not named:
            return f"no node is called '{node}'."
        if len(named) > 1:
            return f"{len(named)} nodes are called '{node}'."
        if number is None:
            return f"'{socket.port}' is no port number."
        return PortKey(named[0], int(number["number"]))

    def _name(self, port: PortKey) -> str:
        node = self._nodes[port.guid]
        return f"{node_label(node.kind, port.guid, node.description)}/{port.number}"

    def _leads(self, port: PortKey) -> str:
        return f"{self._name(port)} leads to {self._name(self._actual[port])}"


def _pair(a: PortKey, b: PortKey) -> tuple[PortKey, PortKey]:
    return min(a, b), max(a, b)

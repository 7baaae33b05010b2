"""What is true of a fabric after a sweep: the state that the next sweep is compared with, and what a step changes.

Values only. `dump` and `load` turn the state into plain JSON and back, so that a store can keep it as a checkpoint.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from weft.fabric.cables import READINGS, Memory
from weft.fabric.model import Lid, Module, NodeKind, PortKey
from weft.inventory.store import Change


@dataclass(slots=True)
class NodeState:
    """A node that is, or was, present. `last_seen_ms` None: the last sweep showed it."""

    guid: str
    kind: NodeKind
    description: str
    ports: int
    system_guid: str | None
    last_seen_ms: int | None = None
    missing: int = 0
    missing_since_ms: int = 0
    present: bool = True
    silent: bool = False
    retired: bool = False


@dataclass(slots=True)
class CableState:
    """A connection that lasts, and its link. `last_seen_ms` None: the last sweep showed the link."""

    id: str
    a: PortKey
    b: PortKey
    cables: tuple[str, str]
    medium: str
    up: bool
    width: str | None
    speed: str | None
    last_seen_ms: int | None = None
    missing: int = 0
    missing_since_ms: int = 0

    @property
    def ends(self) -> tuple[PortKey, PortKey]:
        """Both ports, a < b."""
        return self.a, self.b


@dataclass(slots=True)
class FabricState:
    """Everything the next sweep is compared with. `last_ms` None: nothing was seen yet."""

    fabric: str
    last_ms: int | None = None
    nodes: dict[str, NodeState] = field(default_factory=dict)
    cablings: dict[tuple[PortKey, PortKey], CableState] = field(default_factory=dict)
    lids: dict[PortKey, Lid] = field(default_factory=dict)
    modules: dict[PortKey, Module] = field(default_factory=dict)
    serials: dict[str, str] = field(default_factory=dict)
    """Serial number -> the cable it was read in, where that is certain."""
    memories: tuple[Memory, Memory] = field(default_factory=lambda: (Memory(), Memory()))
    minted: dict[tuple[PortKey, PortKey], int] = field(default_factory=dict)
    doubted: int = 0
    """Quarantined sweeps in a row that agree on what is lost."""
    doubted_lost: frozenset[str] = frozenset()
    accepted_ms: frozenset[int] = frozenset()
    """Times of quarantined sweeps that a person called true."""

    @property
    def settled(self) -> bool:
        """True when the same picture once more would change nothing but the time of the last confirmation."""
        waits = any(n.present and n.missing for n in self.nodes.values()) or any(
            c.missing and c.up for c in self.cablings.values()
        )
        return not waits and not self.doubted

    def dump(self) -> dict[str, Any]:
        """The state as plain JSON values."""
        return {
            "fabric": self.fabric,
            "last_ms": self.last_ms,
            "nodes": [[getattr(n, name) for name in NodeState.__slots__] for n in self.nodes.values()],
            "cablings": [
                [c.id, *c.a, *c.b, *c.cables, *(getattr(c, name) for name in CableState.__slots__[4:])]
                for c in self.cablings.values()
            ],
            "lids": [[*x.port, x.lid, x.lmc, x.guid] for x in self.lids.values()],
            "modules": [[*x.port, x.vendor, x.part, x.serial, x.length_m] for x in self.modules.values()],
            "serials": self.serials,
            "memories": [[[*port, cable] for port, cable in m.cable_of.items()] for m in self.memories],
            "minted": [[*a, *b, count] for (a, b), count in self.minted.items()],
            "doubted": self.doubted,
            "doubted_lost": sorted(self.doubted_lost),
            "accepted_ms": sorted(self.accepted_ms),
        }

    @classmethod
    def load(cls, told: dict[str, Any]) -> "FabricState":
        """The state that `dump` gave."""
        nodes = (NodeState(guid, NodeKind(kind), *rest) for guid, kind, *rest in told["nodes"])
        cablings = (
            CableState(id_, PortKey(ag, an), PortKey(bg, bn), (c0, c1), *rest)
            for id_, ag, an, bg, bn, c0, c1, *rest in told["cablings"]
        )
        memories = [Memory({PortKey(g, n): cable for g, n, cable in told["memories"][r]}) for r in READINGS]
        return cls(
            told["fabric"],
            told["last_ms"],
            {node.guid: node for node in nodes},
            {cabling.ends: cabling for cabling in cablings},
            {PortKey(g, n): Lid(PortKey(g, n), *rest) for g, n, *rest in told["lids"]},
            {PortKey(g, n): Module(PortKey(g, n), *rest) for g, n, *rest in told["modules"]},
            told["serials"],
            (memories[0], memories[1]),
            {(PortKey(ag, an), PortKey(bg, bn)): count for ag, an, bg, bn, count in told["minted"]},
            told["doubted"],
            frozenset(told["doubted_lost"]),
            frozenset(told["accepted_ms"]),
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """A row of a span table that begins: `key` and `values` are the table's own columns."""

    table: str
    key: tuple[Any, ...]
    values: tuple[Any, ...]
    from_ms: int
    absent_ms: int | None


@dataclass(frozen=True, slots=True)
class Closed:
    """The open row of `key` ends: still so at `last_seen_ms`, no more at `to_ms`."""

    table: str
    key: tuple[Any, ...]
    to_ms: int
    last_seen_ms: int


@dataclass(frozen=True, slots=True)
class Decided:
    """Which cable an ambiguous connection was all along."""

    connection: str
    cable: str


@dataclass(slots=True)
class Step:
    """What one sweep or correction changes; `decided_ms` is its time, which can lie after the spans' own bounds."""

    decided_ms: int
    rows: list[Opened | Closed | Decided] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    quarantined: str | None = None


def unconfirmed(state: FabricState) -> Iterable[tuple[str, tuple[Any, ...], int]]:
    """(table, key, last seen) of everything that lasts but that the last sweep did not show."""
    for node in state.nodes.values():
        if node.present and node.last_seen_ms is not None:
            yield "node_span", (node.guid,), node.last_seen_ms
    for cabling in state.cablings.values():
        if cabling.last_seen_ms is not None:
            yield "connection", (cabling.id,), cabling.last_seen_ms
            if cabling.up:
                yield "link_state", (cabling.id,), cabling.last_seen_ms

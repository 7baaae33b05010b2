"""What a tool saw of an InfiniBand subnet, as values.

Identity is GUID + port number within a fabric (subnet). LIDs, descriptions and firmware are attributes, never keys.
GUIDs are 16 lower-case hex digits without 0x.
"""

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import orjson


class PortKey(NamedTuple):
    """A port: the GUID of its node and its number (1..n; 0 is a switch's management port)."""

    guid: str
    number: int

    def __str__(self) -> str:
        return f"{self.guid}/{self.number}"


NOWHERE = PortKey("0" * 16, 0)
"""Stands for a port that nobody could name."""


class NodeKind(StrEnum):
    """InfiniBand node types (NodeInfo.NodeType)."""

    CA = "ca"
    SWITCH = "switch"
    ROUTER = "router"


@dataclass(frozen=True, slots=True)
class Node:
    """A channel adapter, switch or router as one sweep saw it; `ports` 0: not told."""

    guid: str
    kind: NodeKind
    description: str
    ports: int
    system_guid: str | None = None
    vendor_id: int | None = None
    device_id: int | None = None


@dataclass(frozen=True, slots=True)
class Lid:
    """A LID and its mask: the port answers to lid .. lid + 2^lmc - 1. A switch's is on port 0.

    `guid`: the port's own GUID, by which OpenSM and ibqueryerrors call an HCA's ports; None when not told.
    """

    port: PortKey
    lid: int
    lmc: int = 0
    guid: str | None = None


@dataclass(frozen=True, slots=True)
class Module:
    """The cable end or transceiver in a port, as its EEPROM says. Unknown members are ""; `length_m` None.

    A copper or active optical cable has one serial number at both ends; of two transceivers each has its own.
    """

    port: PortKey
    vendor: str
    part: str
    serial: str
    length_m: float | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """Two ports that a sweep saw connected; `a < b`. Width as tools print it (`4X`), speed by name (`EDR`)."""

    a: PortKey
    b: PortKey
    width: str | None = None
    speed: str | None = None


@dataclass(frozen=True, slots=True)
class Sweep:
    """One tool's picture of one fabric at one time, in canonical order (`Sweep.of` sorts).

    `down`: ports whose state the tool stated as down. `unanswered`: switch ports (or the start's own port) behind which
    a query timed out: what lies behind them is unknown, not gone. NOWHERE among them: a time-out at a place that cannot
    be told, so that nothing missing is known to be gone. `complete` False: part of a picture (a cable listing, some
    lines of one): what is not in it is not missing.
    """

    fabric: str
    seen_at_ms: int
    source: str
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    lids: tuple[Lid, ...] = ()
    down: tuple[PortKey, ...] = ()
    unanswered: tuple[PortKey, ...] = ()
    modules: tuple[Module, ...] = ()
    complete: bool = True

    @classmethod
    def of(
        cls,
        fabric: str,
        seen_at_ms: int,
        source: str,
        nodes: Iterable[Node],
        links: Iterable[Link],
        lids: Iterable[Lid],
        *,
        down: Iterable[PortKey] = (),
        unanswered: Iterable[PortKey] = (),
        modules: Iterable[Module] = (),
        complete: bool = True,
    ) -> "Sweep":
        """Sort everything, turn each link so that a < b, and drop repeats."""
        turned = {Link(min(x.a, x.b), max(x.a, x.b), x.width, x.speed) for x in links}
        return cls(
            fabric,
            seen_at_ms,
            source,
            tuple(sorted(set(nodes), key=lambda n: n.guid)),
            tuple(sorted(turned, key=lambda x: (x.a, x.b))),
            tuple(sorted(set(lids), key=lambda x: x.port)),
            tuple(sorted(set(down))),
            tuple(sorted(set(unanswered))),
            tuple(sorted(set(modules), key=lambda x: x.port)),
            complete,
        )

    def content(self) -> bytes:
        """The sweep without fabric and time, as bytes that are equal when the pictures are."""
        return orjson.dumps(
            {
                "source": self.source,
                "complete": self.complete,
                "nodes": [
                    [n.guid, n.kind.value, n.description, n.ports, n.system_guid, n.vendor_id, n.device_id]
                    for n in self.nodes
                ],
                "links": [[*x.a, *x.b, x.width, x.speed] for x in self.links],
                "lids": [[*x.port, x.lid, x.lmc, x.guid] for x in self.lids],
                "down": [[*p] for p in self.down],
                "unanswered": [[*p] for p in self.unanswered],
                "modules": [[*x.port, x.vendor, x.part, x.serial, x.length_m] for x in self.modules],
            }
        )

    def packed(self) -> tuple[str, bytes]:
        """SHA-256 of the content (hex), and the content compressed for storing."""
        content = self.content()
        return hashlib.sha256(content).hexdigest(), zlib.compress(content, 1)

    @classmethod
    def unpacked(cls, fabric: str, seen_at_ms: int, blob: bytes) -> "Sweep":
        """The sweep that `packed` stored."""
        told: dict[str, Any] = orjson.loads(zlib.decompress(blob))
        return cls(
            fabric,
            seen_at_ms,
            told["source"],
            tuple(Node(g, NodeKind(k), *rest) for g, k, *rest in told["nodes"]),
            tuple(Link(PortKey(ag, an), PortKey(bg, bn), w, s) for ag, an, bg, bn, w, s in told["links"]),
            tuple(Lid(PortKey(g, n), *rest) for g, n, *rest in told["lids"]),
            tuple(PortKey(g, n) for g, n in told["down"]),
            tuple(PortKey(g, n) for g, n in told["unanswered"]),
            tuple(Module(PortKey(g, n), *rest) for g, n, *rest in told["modules"]),
            told["complete"],
        )


@dataclass(frozen=True, slots=True)
class PortCounters:
    """Counters of one port as the device said them: field names and units (PortXmitData in 4-octet words)."""

    port: PortKey
    values: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CounterSweep:
    """Counters of many ports read in one go.

    `complete`: the tool printed zeros too, so a counter that is missing was not asked; False: zeros are left out.
    """

    fabric: str
    seen_at_ms: int
    source: str
    ports: tuple[PortCounters, ...]
    complete: bool

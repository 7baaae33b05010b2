"""What changed in a fabric, in the words of an operator: builds the Change of each thing that `changes.py` decides."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from weft.fabric.cables import READINGS, Ends
from weft.fabric.model import NodeKind, PortKey
from weft.fabric.names import node_label
from weft.inventory.state import CableState, FabricState, NodeState
from weft.inventory.store import Change, ChangeKind

WIDTHS = {"1X": 1, "2X": 2, "4X": 4, "8X": 8, "12X": 12}
SPEEDS = {name: rank for rank, name in enumerate(("SDR", "DDR", "QDR", "FDR10", "FDR", "EDR", "HDR", "NDR", "XDR"))}

Severity = Literal["info", "warning", "error"]


class Teller:
    """Collects the changes of one step, seen at `now_ms` and not yet at `before_ms`."""

    def __init__(self, state: FabricState, now_ms: int, before_ms: int | None) -> None:
        self._state, self._now, self._before = state, now_ms, before_ms
        self.changes: list[Change] = []

    def tell(
        self,
        kind: ChangeKind,
        severity: Severity,
        text: str,
        *,
        guids: Iterable[str] = (),
        ports: Iterable[PortKey] = (),
        cables: Iterable[str] = (),
        at_ms: int | None = None,
        since_ms: int | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        """Note a change; its bracket is this step's unless told otherwise."""
        at_ms = self._now if at_ms is None else at_ms
        since_ms = self._before if since_ms is None else since_ms
        about = tuple(guids), tuple(ports), tuple(cables)
        self.changes.append(Change(self._state.fabric, at_ms, since_ms, kind, severity, text, *about, detail or {}))

    def node_gone(self, node: NodeState) -> None:
        """A node is missing; its links are still those of before."""
        links = [c for c in self._state.cablings.values() if node.guid in (c.a.guid, c.b.guid) and c.up]
        where = ""
        if node.kind is not NodeKind.CA:
            where = f" with its {len(links)} links"
        elif len(links) == 1:
            far = links[0].b if links[0].a.guid == node.guid else links[0].a
            where = f" from {self.port(far)}"
        self.tell(
            "node_gone",
            "error",
            f"{self.name(node.guid)} vanished{where}.",
            guids=[node.guid],
            ports=sorted(port for c in links for port in c.ends),
            at_ms=node.missing_since_ms,
            since_ms=node.last_seen_ms,
        )

    def hca_replaced(self, old: str, new: str) -> None:
        """A host shows another HCA under the name of one that is gone."""
        text = f"{self.name(new)}: HCA {old} was replaced by {new}."
        self.tell("hca_replaced", "info", text, guids=[old, new], detail={"old": old, "new": new})

    def link_changed(self, cabling: CableState, was: tuple[str | None, str | None], since_ms: int) -> None:
        """A link runs at another width or speed than before."""

        def rank(width: str | None, speed: str | None) -> tuple[int, int]:
            return WIDTHS.get(width or "", 0), SPEEDS.get(speed or "", 0)

        worse = rank(cabling.width, cabling.speed) < rank(*was)
        self.tell(
            "link_changed",
            "warning" if worse else "info",
            f"{self.between(cabling.ends)}: {cabling.width} {cabling.speed}, was {was[0]} {was[1]}.",
            ports=cabling.ends,
            cables=cabling.cables[:1],
            since_ms=since_ms,
            detail={
                "width": cabling.width,
                "speed": cabling.speed,
                "width_before": was[0],
                "speed_before": was[1],
            },
        )

    def cable_moved(self, cable: str, ends: Ends, left: Sequence[PortKey]) -> None:
        """A cable is in other ports than before; `left`: those it is no longer in."""
        where = f"; it left {', '.join(map(self.port, left))}" if left else ""
        self.tell(
            "cable_moved",
            "info",
            f"Cable {cable} is {self.between(ends)} now{where}.",
            ports=sorted({*ends, *left}),
            cables=[cable],
            detail={"to": [self.port(port) for port in ends], "left": [self.port(port) for port in left]},
        )

    def ends_exchanged(self, group: Sequence[Ends], given: Mapping[Ends, tuple[str, str]]) -> None:
        """Which cable is which cannot be told: both readings, and which one is taken."""
        with_hca = any(self.in_hca(port) for ends in group for port in ends)
        named = ("switch ends changed places", "HCA ends changed places") if with_hca else ("one reading", "the other")
        readings = [
            {
                "reading": named[reading],
                "taken": reading == 0,
                "preferred": with_hca and reading == 0,
                "cables": {given[ends][reading]: [self.port(port) for port in ends] for ends in group},
            }
            for reading in READINGS
        ]
        links = " and ".join(self.between(ends) for ends in group)
        how = "read as the switch ends having changed places" if with_hca else "neither reading is more likely"
        self.tell(
            "ends_exchanged",
            "warning",
            f"Cables changed ends: {links} now; {how}; which cable is which is ambiguous.",
            ports=sorted(port for ends in group for port in ends),
            cables=sorted({cable for ends in group for cable in given[ends]}),
            detail={"identity": "ambiguous", "readings": readings},
        )

    def in_hca(self, port: PortKey) -> bool:
        """True for a port of a channel adapter (or router), False for a switch's."""
        return self._state.nodes[port.guid].kind is not NodeKind.SWITCH

    def name(self, guid: str) -> str:
        """A node as people call it."""
        node = self._state.nodes[guid]
        return node_label(node.kind, guid, node.description)

    def port(self, port: PortKey) -> str:
        """A port as people call it: `leaf01/5`, `node003 mlx5_0/1`."""
        return f"{self.name(port.guid)}/{port.number}"

    def between(self, ends: Ends) -> str:
        """A link as people call it, the switch first."""
        first, second = sorted(ends, key=self.in_hca)
        return f"{self.port(first)} - {self.port(second)}"

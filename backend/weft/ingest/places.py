"""Which port a tool means that names it by port GUID, LID or description: looked up in the inventory at a time."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from weft.base.errors import BadInput, UnknownName
from weft.base.formats import SHOWN, counted
from weft.base.intervals import Interval
from weft.fabric.formats.rows import PART
from weft.fabric.model import Lid, NodeKind, PortKey, Sweep
from weft.fabric.places import PortRef, UnplacedSweep, called
from weft.inventory.store import FabricHistory, NodeSpan

FIRST = "Import the output of `ibnetdiscover` of this fabric, of whatever day, and then this file again."


class Places:
    """The ports of a fabric at one time, by everything that tools call them by.

    Args:
        nodes: present then. lids: as they were then. by_guid: ports by their own GUID, at whatever time.
    """

    def __init__(self, nodes: Iterable[NodeSpan], lids: Iterable[Lid], by_guid: Mapping[str, PortKey]) -> None:
        self._nodes = {node.guid: node for node in nodes}
        self._lids = {told.port: told for told in lids}
        self._by_guid = {told.guid: told.port for told in self._lids.values() if told.guid is not None} | dict(by_guid)
        self._switches = {port.guid for port in self._by_guid.values() if port.number == 0}
        self._by_lid: dict[int, list[PortKey]] = defaultdict(list)
        self._by_name: dict[str, list[NodeSpan]] = defaultdict(list)
        for told in self._lids.values():
            for lid in range(told.lid, told.lid + (1 << told.lmc)):
                self._by_lid[lid].append(told.port)
        for node in self._nodes.values():
            for name in called(node.kind, node.guid, node.description):
                self._by_name[name].append(node)

    @classmethod
    async def of(cls, fabrics: FabricHistory, fabric: str, at_ms: int, *, port_guids: Collection[str] = ()) -> "Places":
        """The places of a fabric as known at a time; none when nothing was seen of it.

        Args:
            port_guids: GUIDs that will be asked for; one not in use at the time is found under the port that had it
                before or since (a port GUID is burnt into its HCA).
        """
        try:
            nodes = await fabrics.nodes(fabric, Interval(at_ms, at_ms + 1))
            lids = await fabrics.lids(fabric, at_ms)
            by_guid = await fabrics.ports_by_guid(fabric, sorted(set(port_guids)))
        except UnknownName:
            return cls((), (), {})
        return cls(nodes, lids, by_guid)

    def place(self, ref: PortRef) -> PortKey | None:
        """The port that is meant; None: unknown, ambiguous, or told in a way that contradicts itself.

        The most lasting of what is told decides: the node's GUID, the port's, the LID, the description. A weaker one
        never stands in for a stronger one that is unknown: the LID of a new HCA may have been another's before. Without
        a number a switch is meant as a whole, by its port 0.
        """
        if ref.node_guid is not None:
            return PortKey(ref.node_guid, 0 if ref.number is None else ref.number)
        if ref.port_guid is not None:
            return _with_number(self._by_guid.get(ref.port_guid), ref)
        if ref.lid is not None:
            return self._of_lid(ref.lid, ref)
        return self._of_name(ref)

    def kind(self, guid: str) -> NodeKind | None:
        """What a node is, None when unknown."""
        if guid in self._nodes:
            return self._nodes[guid].kind
        return NodeKind.SWITCH if guid in self._switches else None

    def ports(self, guid: str) -> int:
        """How many ports a node has, 0 when unknown."""
        return self._nodes[guid].ports if guid in self._nodes else 0

    def lid(self, port: PortKey) -> Lid | None:
        """The LID of a port at the time, None when unknown."""
        return self._lids.get(port)

    def _of_lid(self, lid: int, ref: PortRef) -> PortKey | None:
        """A LID outlives its node in the inventory, so it can have two ports: the one whose node is present counts."""
        here = [port for port in self._by_lid.get(lid, ()) if port.guid in self._nodes]
        if len(here) != 1:
            return None
        node = self._nodes[here[0].guid]
        if ref.description and ref.description.strip().lower() not in called(node.kind, node.guid, node.description):
            return None
        return _with_number(here[0], ref)

    def _of_name(self, ref: PortRef) -> PortKey | None:
        named = self._by_name.get(ref.description.strip().lower(), ())
        if len(named) != 1:
            return None
        if ref.number is not None:
            return PortKey(named[0].guid, ref.number)
        if named[0].kind is NodeKind.SWITCH:
            return PortKey(named[0].guid, 0)
        return PortKey(named[0].guid, 1) if named[0].ports == 1 else None


def _with_number(port: PortKey | None, ref: PortRef) -> PortKey | None:
    """A switch is known by port 0 and has the number told; an HCA's port has its own, and another one contradicts."""
    if port is None or ref.number in (None, port.number):
        return port
    return PortKey(port.guid, ref.number or 0) if port.number == 0 else None


async def put_in_place(unplaced: UnplacedSweep, fabrics: FabricHistory) -> tuple[Sweep, list[str]]:
    """The sweep with every node under its GUID, and what the reader should know of those that nobody knows.

    Raises:
        BadInput: none of its stand-ins is known.
    """
    told = unplaced.sweep
    refs = unplaced.stand_ins
    guids = [ref.port_guid for ref in refs.values() if ref.port_guid]
    places = await Places.of(fabrics, told.fabric, told.seen_at_ms, port_guids=guids)
    found = {name: port.guid for name, ref in refs.items() if (port := places.place(ref)) is not None}
    lost = [ref for name, ref in refs.items() if name not in found]
    if lost and not found:
        raise BadInput(
            f"it names {counted(len(lost), 'node')} by port GUID, LID or name only, and Weft knows none of them in "
            f"fabric '{told.fabric}', first {lost[0]}.",
            fix=FIRST,
        )
    kinds = {guid: kind for guid in set(found.values()) if (kind := places.kind(guid)) is not None}
    sweep = unplaced.placed(found, kinds)
    notices = _about(lost)
    cut = [guid for guid, port in unplaced.highest.items() if port < places.ports(guid)]
    if sweep.complete and cut:
        notices.append(
            f"{counted(len(cut), 'switch', 'switches')} with fewer ports than Weft knows of, first 0x{cut[0]}: {PART}."
        )
    lids = tuple(_with_lmc(lid, places.lid(lid.port)) for lid in sweep.lids)
    return replace(sweep, lids=lids, complete=sweep.complete and not cut), notices


def _with_lmc(told: Lid, known: Lid | None) -> Lid:
    """The mask is not told with a LID here: the one known is kept while the LID is the same."""
    return replace(told, lmc=known.lmc) if known is not None and known.lid == told.lid else told


def _about(lost: list[PortRef]) -> list[str]:
    if not lost:
        return []
    shown = ", ".join(map(str, lost[:SHOWN])) + (", ..." if lost[SHOWN:] else "")
    what = "nodes that Weft has not met are" if len(lost) > 1 else "node that Weft has not met is"
    return [f"{len(lost):,} {what} left out, and what hangs there is unknown, not gone: {shown}. {FIRST}"]

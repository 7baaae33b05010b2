"""Ports and nodes that a tool names by less than GUID and number: what it tells of them, and sweeps that wait for more.

`ibnetdiscover -p` and `iblinkinfo` name an HCA by the GUIDs of its ports, a cut listing or a counter by a LID, a cable
list by a name. Which node that is, the inventory knows (`ingest.places`); what cannot be told is left out, not guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from weft.fabric.model import NodeKind, PortKey, Sweep
from weft.fabric.names import host_of, switch_name


@dataclass(frozen=True, slots=True)
class PortRef:
    """What a tool tells of a port: at least one of GUID, LID and description; the rest None, "" for a description.

    `node_guid`: of its node. `port_guid`: its own (of a switch the node's, as port 0 has it). `number`: of the port.
    """

    node_guid: str | None = None
    port_guid: str | None = None
    lid: int | None = None
    description: str = ""
    number: int | None = None

    def __str__(self) -> str:
        guid = self.node_guid or self.port_guid
        address = f"0x{guid}" if guid else f"LID {self.lid}" if self.lid is not None else ""
        name = f"{self.description} ({address})" if self.description and address else self.description or address
        return name if self.number is None else f"{name} port {self.number}"


@dataclass(frozen=True, slots=True)
class UnplacedSweep:
    """A sweep in which some nodes are called by stand-ins instead of their GUIDs; `lmc` of its LIDs is not told.

    `stand_ins`: what is told of the one port of such a node that the sweep speaks of, by what stands for its GUID; of a
    switch of several, `number` None. `highest`: the highest port told of each node in a listing of every port, which
    shows whether it is whole; empty when it does not list every port.
    """

    sweep: Sweep
    stand_ins: Mapping[str, PortRef] = field(default_factory=dict)
    highest: Mapping[str, int] = field(default_factory=dict)

    def placed(self, guids: Mapping[str, str], kinds: Mapping[str, NodeKind]) -> Sweep:
        """The sweep with GUIDs for stand-ins; what has none is left out, and the port before it counts as unanswered.

        For a cable leads from there to a node that nobody can name: what was known behind it is neither confirmed nor
        gone.

        Args:
            guids: by stand-in. kinds: of nodes by GUID, where another source told it better.
        """
        told = self.sweep
        lost = self.stand_ins.keys() - guids.keys()

        def port(of: PortKey) -> PortKey:
            return PortKey(guids.get(of.guid, of.guid), of.number)

        ends = [(near, far) for x in told.links for near, far in ((x.a, x.b), (x.b, x.a))]
        before = [port(near) for near, far in ends if far.guid in lost and near.guid not in lost]
        nodes = [replace(x, guid=guids.get(x.guid, x.guid)) for x in told.nodes if x.guid not in lost]
        return Sweep.of(
            told.fabric,
            told.seen_at_ms,
            told.source,
            [replace(x, kind=kinds.get(x.guid, x.kind)) for x in nodes],
            [replace(x, a=port(x.a), b=port(x.b)) for x in told.links if lost.isdisjoint((x.a.guid, x.b.guid))],
            [replace(x, port=port(x.port)) for x in told.lids if x.port.guid not in lost],
            down=[port(x) for x in told.down if x.guid not in lost],
            unanswered=[*(port(x) for x in told.unanswered if x.guid not in lost), *before],
            modules=[replace(x, port=port(x.port)) for x in told.modules if x.port.guid not in lost],
            complete=told.complete,
        )


def called(kind: NodeKind, guid: str, description: str) -> frozenset[str]:
    """Everything people call a node, in lower case: GUID, description, a switch's short name, an HCA's host.

    Two HCAs of one host are both called by its name: who looks a name up takes it only where one node has it.
    """
    names = {guid, f"0x{guid}", description.strip()}
    if kind is NodeKind.SWITCH:
        names.add(switch_name(guid, description))
    elif found := host_of(guid, description):
        names |= {found.host, f"{found.host}/{found.hca}"}
    return frozenset(name.lower() for name in names if name)

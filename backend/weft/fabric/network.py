"""A fabric with its forwarding tables as arrays: what is at the other end of every port, and where each LID goes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from weft.fabric.model import Lid, PortKey
from weft.fabric.topology import Picture, Topology

PORTS = 256
"""Port numbers have 8 bits."""
NO_PORT = 255
"""What a forwarding table says of a LID that it has no port for."""
NOBODY = -1


class Tables(Protocol):
    """Forwarding tables; `inventory.store.ForwardingTables`. `ports[i, lid]`: the out port of switch i."""

    @property
    def switches(self) -> tuple[str, ...]: ...
    @property
    def ports(self) -> NDArray[np.uint8]: ...


class Endpoint(NamedTuple):
    """A port of a host as a place that packets come from and go to. `end`: its index in `Network.ends`."""

    host: str
    rail: str
    end: int


@dataclass(frozen=True, eq=False)
class Network:
    """Switches, what hangs on their ports, and their forwarding tables.

    Shapes: s switches, e ends (ports of HCAs and routers whose link to a switch is up), L LIDs. Switch i is that of
    `topology.switches`. `peer` (s, 256): the node at the other end of a port: a switch's index, s + index of an end,
    NOBODY; `peer_port` (s, 256) its port number there. `leaf`, `leaf_port` (e,): the switch port an end hangs on.
    `out` (s, L): the out port for a LID, NO_PORT none. `known` (s,): a table was read. `owner` (L,): the node that
    answers to a LID, numbered as in `peer`, NOBODY also where two claim it. `base`, `paths` (s + e,): first LID and
    number of LIDs of a node, 0 unknown.
    """

    topology: Topology
    peer: NDArray[np.int32]
    peer_port: NDArray[np.int16]
    ends: tuple[PortKey, ...]
    leaf: NDArray[np.int32]
    leaf_port: NDArray[np.int16]
    out: NDArray[np.uint8]
    known: NDArray[np.bool_]
    owner: NDArray[np.int32]
    base: NDArray[np.int32]
    paths: NDArray[np.int32]

    @classmethod
    def of(cls, topology: Topology, view: Picture, tables: Tables | None, lids: Iterable[Lid]) -> "Network":
        """Lay tables and LIDs over a picture.

        Args:
            topology: made from this view.
            tables: of some or all switches; those of switches that are not in view are passed over.
        """
        index = {guid: i for i, guid in enumerate(topology.switches)}
        s = len(index)
        peer, peer_port, ends, leaf, leaf_port = _links(view, index)
        out = np.full((s, 0 if tables is None else tables.ports.shape[1]), NO_PORT, np.uint8)
        known = np.zeros(s, bool)
        for row, guid in enumerate(tables.switches if tables is not None else ()):
            if guid in index and tables is not None:
                out[index[guid]], known[index[guid]] = tables.ports[row], True
        place = {PortKey(guid, 0): i for guid, i in index.items()} | {port: s + i for i, port in enumerate(ends)}
        owner, base, paths = _lids(lids, place, out.shape[1])
        return cls(topology, peer, peer_port, ends, leaf, leaf_port, out, known, owner, base, paths)

    @property
    def whole(self) -> bool:
        """True when every switch's table is known."""
        return bool(len(self.known) and self.known.all())

    @cached_property
    def end_of(self) -> dict[PortKey, int]:
        """Index of each end by its port."""
        return {port: i for i, port in enumerate(self.ends)}

    @cached_property
    def hosts(self) -> dict[PortKey, tuple[str, str]]:
        """(host, rail) of each HCA port that belongs to a host."""
        return {
            rail.port: (host, rail.label)
            for host, rails in self.topology.hosts.items()
            for rail in rails
            if rail.port in self.end_of
        }

    def endpoints(self, hosts: Iterable[str]) -> list[Endpoint]:
        """The ports of these hosts that have a link, by the names of `topology.hosts`."""
        return [
            Endpoint(host, rail.label, self.end_of[rail.port])
            for host in hosts
            for rail in self.topology.hosts.get(host, ())
            if rail.port in self.end_of
        ]

    def lids(self, end: int) -> range:
        """LIDs of an end; empty when none is known."""
        node = len(self.topology.switches) + end
        first = int(self.base[node])
        return range(first, first + int(self.paths[node])) if first else range(0)

    @cached_property
    def links(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        """Every link between switches from both of its ends: switch, port, switch at the other end."""
        switch, port = np.nonzero((self.peer >= 0) & (self.peer < len(self.topology.switches)))
        return switch.astype(np.int32), port.astype(np.int32), self.peer[switch, port]

    @cached_property
    def far_side(self) -> NDArray[np.int64]:
        """For each port, as switch * 256 + port, the one at the other end of a link between switches, else itself."""
        far = np.arange(len(self.topology.switches) * PORTS)
        switch, port, peer = self.links
        far[switch * PORTS + port] = peer * PORTS + self.peer_port[switch, port]
        return far

    @cached_property
    def steps(self) -> "Steps":
        """The steps from switch to switch that links make."""
        switch, _, peer = self.links
        s = len(self.topology.switches)
        steps, place = np.unique(peer.astype(np.int64) * s + switch, return_inverse=True)
        near, ahead = (steps % s).astype(np.int32), (steps // s).astype(np.int32)
        begins = np.flatnonzero(np.diff(ahead, prepend=-1))
        return Steps(near, ahead, begins, ahead[begins], place)


class Steps(NamedTuple):
    """Pairs of linked switches, each way, however many links there are between them, sorted by `ahead`.

    Shapes: t steps from `near` to `ahead` (t,), h switches that one leads to: `heads` (h,), whose steps start at
    `begins` (h,). `place`: the step of each of `Network.links`.
    """

    near: NDArray[np.int32]
    ahead: NDArray[np.int32]
    begins: NDArray[np.intp]
    heads: NDArray[np.int32]
    place: NDArray[np.intp]


def _links(
    view: Picture, index: dict[str, int]
) -> tuple[NDArray[np.int32], NDArray[np.int16], tuple[PortKey, ...], NDArray[np.int32], NDArray[np.int16]]:
    """`peer`, `peer_port`, `ends`, `leaf` and `leaf_port` of the links that are up."""
    s = len(index)
    peer = np.full((s, PORTS), NOBODY, np.int32)
    peer_port = np.zeros((s, PORTS), np.int16)
    switch = np.array([index.get(guid, NOBODY) for guid in view.guids], np.int32)
    nodes, numbers = view.link_node[view.up], view.link_port[view.up]
    near, far = np.concatenate([nodes, nodes[:, ::-1]]).T
    port, far_port = np.concatenate([numbers, numbers[:, ::-1]]).T
    between = (switch[near] >= 0) & (switch[far] >= 0)
    peer[switch[near[between]], port[between]] = switch[far[between]]
    peer_port[switch[near[between]], port[between]] = far_port[between]
    hung = np.flatnonzero((switch[near] >= 0) & (switch[far] < 0))
    hung = hung[np.lexsort((port[hung], near[hung], far_port[hung], far[hung]))]  # a view's nodes are sorted by GUID
    leaf, leaf_port = switch[near[hung]], port[hung]
    peer[leaf, leaf_port], peer_port[leaf, leaf_port] = s + np.arange(len(hung)), far_port[hung]
    ends = zip(far[hung].tolist(), far_port[hung].tolist(), strict=True)
    return peer, peer_port, tuple(PortKey(view.guids[node], number) for node, number in ends), leaf, leaf_port


def _lids(
    lids: Iterable[Lid], place: dict[PortKey, int], longest: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """`owner`, `base` and `paths`; a LID that two nodes in the picture claim belongs to neither."""
    told = [(place[lid.port], lid) for lid in lids if lid.port in place and lid.lid > 0]
    last = max((lid.lid + (1 << lid.lmc) for _, lid in told), default=0)
    owner = np.full(max(longest, last), NOBODY, np.int32)
    base, paths = np.zeros(len(place), np.int32), np.zeros(len(place), np.int32)
    twice: list[tuple[int, int]] = []
    for node, lid in told:
        mine = owner[lid.lid : lid.lid + (1 << lid.lmc)]
        twice += [(int(other), lid.lid + int(k)) for k, other in enumerate(mine) if other != NOBODY]
        mine[:] = node
        base[node], paths[node] = lid.lid, 1 << lid.lmc
    for other, at in twice:
        for node in (other, int(owner[at])):
            base[node] = paths[node] = 0
        owner[at] = NOBODY
    return owner, base, paths


def by_rail(endpoints: Sequence[Endpoint]) -> list[list[Endpoint]]:
    """Ports that talk to each other: those of one rail, when every host has the same rails; otherwise all of them."""
    rails: dict[str, list[Endpoint]] = {}
    for point in endpoints:
        rails.setdefault(point.rail, []).append(point)
    hosts = {point.host for point in endpoints}
    if all({point.host for point in own} == hosts for own in rails.values()):
        return [rails[rail] for rail in sorted(rails)]
    return [list(endpoints)]

"""A fabric at one time as a graph: switches, the hosts on them, and how many switches lie between two hosts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from weft.fabric.model import NodeKind, PortKey
from weft.fabric.names import host_of, safe, switch_name

IntMatrix = NDArray[np.int16]

NO_ROUTE = -1
_FAR = np.int16(32_000)
"""Stands for "no route" while the worst of several rails is looked for."""


class Picture(Protocol):
    """What a topology is made from; `inventory.store.FabricView` has all of it, with more."""

    @property
    def fabric(self) -> str: ...
    @property
    def at_ms(self) -> int: ...
    @property
    def seen_ms(self) -> int: ...
    @property
    def guids(self) -> tuple[str, ...]: ...
    @property
    def kinds(self) -> tuple[NodeKind, ...]: ...
    @property
    def descriptions(self) -> tuple[str, ...]: ...
    @property
    def link_node(self) -> NDArray[np.int32]: ...
    @property
    def link_port(self) -> NDArray[np.int16]: ...
    @property
    def up(self) -> NDArray[np.bool_]: ...


class HostNames:
    """Host names as node descriptions write them, found however they are typed: any case, short or full.

    `node001` and `node001.site.example` are one host; two full names that share their first part are two, and the
    short name then means neither.
    """

    def __init__(self, written: Iterable[str]) -> None:
        self._by_short: dict[str, dict[str, str]] = {}
        for name in sorted(set(written)):
            key = name.casefold()
            self._by_short.setdefault(_short(key), {}).setdefault(key, name)

    def find(self, name: str) -> str | None:
        """The one way Weft writes this host (the short name where one is written), None: no such host, or several."""
        key = name.casefold()
        known = self._by_short.get(_short(key), {})
        full = [other for other in known if other != _short(other)]
        if len(full) > 1:
            return known.get(key)
        if full and key != _short(key) and key not in known:
            return None  # another domain: another machine
        return known[min(known)] if known else None


def _short(key: str) -> str:
    """The part before the first dot; an IP address is one name."""
    return key if key.replace(".", "").isdigit() else key.partition(".")[0]


def unique_names(named: Sequence[tuple[str, str]]) -> dict[str, str]:
    """GUID -> name made of `[A-Za-z0-9_-]`; what several share gets `_<guid>` behind.

    Args:
        named: (guid, name) of nodes that exist at the same time.
    """
    plain = {guid: safe(name) for guid, name in named}
    count: dict[str, int] = {}
    for name in plain.values():
        count[name] = count.get(name, 0) + 1
    return {guid: name if count[name] == 1 else f"{name}_{guid}" for guid, name in plain.items()}


class Rail(NamedTuple):
    """One cabled port of a host's HCA. `leaf`: index of its switch, -1 while the link is not up."""

    hca: str
    port: PortKey
    leaf: int

    @property
    def label(self) -> str:
        """What rails of different hosts are matched by: `mlx5_0/1`."""
        return f"{self.hca.casefold()}/{self.port.number}"


@dataclass(frozen=True)
class Topology:
    """Switches, hosts and the links between switches that are up.

    Row i of every switch array is switch i of `switches` (GUIDs) and `names`. `edges`: (e, 2) int32, each pair of
    linked switches once, lower index first. `hosts`: name -> its rails, sorted by HCA and port. `unmatched`: (guid,
    description) of CAs that name no host; `duplicates`: those of CAs that claim one HCA of one host, so none is taken.
    """

    fabric: str
    at_ms: int
    seen_ms: int
    switches: tuple[str, ...]
    names: tuple[str, ...]
    edges: NDArray[np.int32]
    hosts: Mapping[str, tuple[Rail, ...]]
    unmatched: tuple[tuple[str, str], ...]
    duplicates: tuple[tuple[str, str], ...]
    host_names: HostNames

    @classmethod
    def of(
        cls, view: Picture, host_table: Mapping[str, str], switch_names: Mapping[str, str] | None = None
    ) -> "Topology":
        """Read a picture of a fabric.

        Args:
            host_table: the site's own mapping of node descriptions or GUIDs to hosts.
            switch_names: GUID -> name where the caller knows better (the same name over time); else made from the
                descriptions in view.
        """
        rows = [i for i, kind in enumerate(view.kinds) if kind is NodeKind.SWITCH]
        index = np.full(len(view.guids), -1, np.int32)
        index[rows] = np.arange(len(rows), dtype=np.int32)
        named = unique_names([(view.guids[i], switch_name(view.guids[i], view.descriptions[i])) for i in rows])
        named.update(switch_names or {})
        ends = index[view.link_node] if len(view.link_node) else np.empty((0, 2), np.int32)
        between = view.up & (ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])
        hosts, unmatched, duplicates, known = _hosts(view, ends, host_table)
        return cls(
            view.fabric,
            view.at_ms,
            view.seen_ms,
            tuple(view.guids[i] for i in rows),
            tuple(named[view.guids[i]] for i in rows),
            np.unique(np.sort(ends[between], axis=1), axis=0),
            hosts,
            unmatched,
            duplicates,
            known,
        )

    def find(self, host: str) -> str | None:
        """The name under which `hosts` has this host, None when it is not in the fabric (or not for sure)."""
        found = self.host_names.find(host)
        return found if found in self.hosts else None

    @cached_property
    def distances(self) -> IntMatrix:
        """`switch_distances()`, worked out once."""
        return self.switch_distances()

    def switch_distances(self) -> IntMatrix:
        """Links between each two switches on a shortest way, shape (s, s); 0 on the diagonal, -1 unreachable.

        Source: breadth-first search from all switches at once; row i of a bit matrix holds who i reaches, and one step
        is the OR of the rows of i's neighbours (1,000 switches of 36 ports: some 15 ms).
        """
        s = len(self.switches)
        far = np.full((s, s), NO_ROUTE, np.int16)
        if s == 0:
            return far
        np.fill_diagonal(far, 0)
        itself = np.arange(s, dtype=np.int32)
        near = np.concatenate([self.edges[:, 0], self.edges[:, 1], itself])
        peer = np.concatenate([self.edges[:, 1], self.edges[:, 0], itself])
        order = np.argsort(near, kind="stable")
        begins = np.searchsorted(near[order], itself)
        peer = peer[order]
        bits = np.zeros((s, (s + 63) // 64 * 8), np.uint8)
        bits[:, : (s + 7) // 8] = np.packbits(np.eye(s, dtype=bool), axis=1, bitorder="little")
        reached = bits.view(np.uint64)
        step = 0
        while True:
            step += 1
            grown = np.bitwise_or.reduceat(reached[peer], begins, axis=0)
            fresh = grown & ~reached
            if not fresh.any():
                return far
            new = np.unpackbits(fresh.view(np.uint8), axis=1, count=s, bitorder="little").view(bool)
            far[new] = step
            reached = grown

    def hop_matrix(self, hosts: Sequence[str]) -> IntMatrix:
        """Switches crossed from host to host (same leaf 1, two-level tree 3), of several rails the worst.

        Rails are matched by HCA and port; two hosts without one in common count by their worst pair of ports.

        Args:
            hosts: names as `find` gives them; a name that is not in the fabric has no route to anyone.
        Returns:
            shape (n, n), int16; 0 on the diagonal, -1 no route (a link down, parts of the fabric cut off).
        """
        rails = [self.hosts.get(host, ()) for host in hosts]
        leaves = sorted({rail.leaf for own in rails for rail in own if rail.leaf >= 0})
        short = self._between_leaves(leaves)
        place = {leaf: i for i, leaf in enumerate(leaves)} | {NO_ROUTE: len(leaves)}
        none = len(leaves) + 1
        deepest = max((len(own) for own in rails), default=0)
        by_rank = [
            np.array([place[own[k].leaf] if k < len(own) else none for own in rails], np.intp) for k in range(deepest)
        ]
        if deepest <= 1:  # one rail: one gather, 5,000 hosts in some 60 ms
            short[short == _FAR] = NO_ROUTE
            row = np.minimum(by_rank[0], len(leaves)) if by_rank else np.zeros(len(hosts), np.intp)
            one = np.take(short[row], row, axis=1)
            np.fill_diagonal(one, 0)
            return one
        worst = np.zeros((len(hosts), len(hosts)), np.int16)
        for label in sorted({rail.label for own in rails for rail in own}):
            found = [next((place[rail.leaf] for rail in own if rail.label == label), none) for own in rails]
            row = np.array(found, np.intp)
            np.maximum(worst, np.take(short[row], row, axis=1), out=worst)
        np.fill_diagonal(worst, 1)
        unsaid = worst == 0
        if unsaid.any():
            grids = (np.take(short[a], b, axis=1) for a in by_rank for b in by_rank)
            worst = np.where(unsaid, reduce(np.maximum, grids, np.zeros_like(worst)), worst)
        worst[(worst == 0) | (worst == _FAR)] = NO_ROUTE
        np.fill_diagonal(worst, 0)
        return worst

    def _between_leaves(self, leaves: Sequence[int]) -> IntMatrix:
        """Switches crossed between ports on these leaves, _FAR without a route, and two rows and columns more: a port
        without a link (_FAR) and a host without this rail (0: says nothing)."""
        n = len(leaves)
        short = np.zeros((n + 2, n + 2), np.int16)
        if n:
            far = self.distances[np.ix_(leaves, leaves)]
            short[:n, :n] = np.where(far < 0, _FAR, far + 1)
        short[n, : n + 1] = short[: n + 1, n] = _FAR
        return short


def _hosts(
    view: Picture, ends: NDArray[np.int32], host_table: Mapping[str, str]
) -> tuple[dict[str, tuple[Rail, ...]], tuple[tuple[str, str], ...], tuple[tuple[str, str], ...], HostNames]:
    """Hosts by name with their rails; CAs that name no host; CAs that claim the same HCA of the same host."""
    cas, table = [i for i, kind in enumerate(view.kinds) if kind is NodeKind.CA], dict(host_table)
    told = {i: host_of(view.guids[i], view.descriptions[i], table) for i in cas}
    names = HostNames(found.host for found in told.values() if found)
    claims: dict[tuple[str, str], list[int]] = {}
    unmatched: list[tuple[str, str]] = []
    for i, found in told.items():
        host = names.find(found.host) if found else None
        if found is None or host is None:
            unmatched.append((view.guids[i], view.descriptions[i]))
        else:
            claims.setdefault((host, found.hca.casefold()), []).append(i)
    duplicates = [(view.guids[i], view.descriptions[i]) for same in claims.values() if len(same) > 1 for i in same]
    owner = {same[0]: host for (host, _), same in claims.items() if len(same) == 1}
    rails: dict[str, list[Rail]] = {host: [] for host in owner.values()}
    for near, far in ((0, 1), (1, 0)):
        for j in np.flatnonzero((ends[:, near] < 0) & (ends[:, far] >= 0)).tolist():
            i = int(view.link_node[j, near])
            found = told.get(i)
            if i in owner and found is not None:
                port = PortKey(view.guids[i], int(view.link_port[j, near]))
                rails[owner[i]].append(Rail(found.hca, port, int(ends[j, far]) if view.up[j] else -1))
    hosts = {host: tuple(sorted(own)) for host, own in sorted(rails.items())}
    return hosts, tuple(sorted(unmatched)), tuple(sorted(duplicates)), names

"""A fabric at one time as a graph: switches, the hosts on them, and how many switches lie between two hosts."""

import re
from array import array
from bisect import bisect_left
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from weft.base.arrays import distinct
from weft.fabric.levels import Distances, Levels, levels_of
from weft.fabric.model import NodeKind, PortKey
from weft.fabric.names import HostPort, host_of, safe, switch_name

T = TypeVar("T")
IntMatrix = NDArray[np.int16]

NO_ROUTE = -1
NO_RAIL = -2
"""In a seat: no such rail, or one whose link is down while another rail of the host is up."""
_FAR = np.int16(32_000)
"""Stands for "no route" while the worst of several rails is looked for."""
_SHORT = 63
"""The longest way for which distances are int8: half as much memory, and hardly a fabric has a longer one."""
_BOARD = re.compile(r"MF0;(?P<director>[^:;]+:[^/]+)/[LS]\d+/")
"""A board of a director: `MF0;big:CS7500/L05/U1`, line board 5, or `S01` for a spine board."""


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
        # One name, or of several that share their first part all: a dict for each of 12,000 hosts takes 3 MB.
        self._by_short: dict[str, str | dict[str, str]] = {}
        for name in sorted(set(written)):
            key = name.casefold()
            # What is written in lower case is its own key.
            short = _short(name if key == name else key)
            held = self._by_short.setdefault(short, name)
            if isinstance(held, str) and held.casefold() != key:
                held = self._by_short[short] = {held.casefold(): held}
            if isinstance(held, dict):
                held.setdefault(key, name)

    def find(self, name: str) -> str | None:
        """The one way Weft writes this host (the short name where one is written), None: no such host, or several."""
        key = name.casefold()
        held = self._by_short.get(_short(key))
        if held is None:
            return None
        known = held if isinstance(held, dict) else {held.casefold(): held}
        if len(known) == 1 and key in known:
            return known[key]
        full = [other for other in known if other != _short(other)]
        if len(full) > 1:
            return known.get(key)
        if full and key != _short(key) and key not in known:
            return None  # another domain: another machine
        return known[min(known)]


def _short(key: str) -> str:
    """The part before the first dot; an IP address is one name."""
    if "." not in key:
        return key
    return key if key.replace(".", "").isdigit() else key.partition(".")[0]


def is_sharp(description: str) -> bool:
    """True for a switch's own SHARP node, a CA that hangs on spines and cores as well and is no host."""
    return "aggregation node" in description.casefold()


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


class ByHost(Mapping[str, T]):
    """What is known of hosts, in their order: a sorted list of names takes a tenth of a dict with numbers in it."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def __getitem__(self, host: str) -> T:
        row = bisect_left(self._names, host)
        if row == len(self._names) or self._names[row] != host:
            raise KeyError(host)
        return self.at(row)

    def __contains__(self, host: object) -> bool:
        if not isinstance(host, str):
            return False
        row = bisect_left(self._names, host)
        return row < len(self._names) and self._names[row] == host

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def at(self, row: int) -> T:
        """What is known of a host by its place."""
        raise NotImplementedError


class HostRails(ByHost[tuple[Rail, ...]]):
    """Hosts with their rails in columns, made when they are asked for: those of 12,000 hosts take 3 MB.

    `host`, `node` (r,): of each rail, sorted by host, HCA and port, the place of its host and its row in the view.

    Args:
        names: hosts, sorted. guids: of the nodes of the view, sorted. hcas: what HCAs are called, sorted.
        rails: (r, 5) int32, in any order: host, node, HCA (places in these), port number, and the switch, -1 while the
            link is not up.
    """

    def __init__(
        self, names: Sequence[str], guids: Sequence[str], hcas: Sequence[str], rails: NDArray[np.int32]
    ) -> None:
        super().__init__(names)
        host, node, hca, number, leaf = rails.T
        order = np.lexsort((leaf, number, node, hca, host))
        self.host, self.node = host[order], node[order]
        begins = np.searchsorted(self.host, np.arange(len(names) + 1))
        # Of a numpy array, one number takes three times as long.
        self._node, self._hca, self._number, self._leaf, self._begins = (
            array("i", column.astype(np.int32).tobytes())
            for column in (self.node, hca[order], number[order], leaf[order], begins)
        )
        self._guids, self._hcas = guids, hcas

    def at(self, row: int) -> tuple[Rail, ...]:
        """The rails of a host by its place."""
        return tuple(self._rails(self._begins[row], self._begins[row + 1]))

    def items(self) -> ItemsView[str, tuple[Rail, ...]]:
        """Every host with its rails."""
        rails = self._rails(0, len(self._leaf))
        parts = (tuple(rails[begin:end]) for begin, end in pairwise(self._begins))
        return dict(zip(self._names, parts, strict=True)).items()

    def values(self) -> ValuesView[tuple[Rail, ...]]:
        """The rails of every host."""
        return dict(self.items()).values()

    def by_node(self) -> dict[int, str]:
        """The host of each node that has a cabled port, by its row in the view."""
        return {node: self._names[host] for node, host in zip(self.node.tolist(), self.host.tolist(), strict=True)}

    def seats(self) -> "Seats":
        """Hosts that hang alike together."""
        ports = list(zip(self._hca, self._number, strict=True))
        label = {(hca, number): f"{self._hcas[hca].casefold()}/{number}" for hca, number in ports}
        names = sorted(set(label.values()))
        column = {name: i for i, name in enumerate(names)}
        hung = [(column[label[port]], leaf) for port, leaf in zip(ports, self._leaf, strict=True)]
        seats: dict[tuple[tuple[int, int], ...], int] = {}
        parts = (tuple(hung[begin:end]) for begin, end in pairwise(self._begins))
        of = np.fromiter((seats.setdefault(part, len(seats)) for part in parts), np.int32)
        leaf = np.full((len(seats), max(len(names), 1)), NO_RAIL, np.int32)
        for row, seat in zip(leaf, seats, strict=True):
            for i, at in [one for one in seat if one[1] >= 0] or seat:
                row[i] = at
            if not seat:
                row[:] = NO_ROUTE
        return Seats(tuple(names), leaf, SeatOf(self._names, of))

    def _rails(self, begin: int, end: int) -> list[Rail]:
        hcas, guids = self._hcas, self._guids
        return [
            Rail(hcas[self._hca[i]], PortKey(guids[self._node[i]], self._number[i]), self._leaf[i])
            for i in range(begin, end)
        ]


class SeatOf(ByHost[int]):
    """The seat of each host."""

    def __init__(self, names: Sequence[str], seats: NDArray[np.int32]) -> None:
        super().__init__(names)
        self._seats = seats

    def at(self, row: int) -> int:
        """The seat of a host by its place."""
        return int(self._seats[row])


class Seats(NamedTuple):
    """How hosts hang in a fabric: hosts of one seat have each of their rails on the same switch.

    Shapes: k seats, r rails (1 where there is no host at all). `rails`: labels, sorted. `leaf` (k, r): index of the
    switch, NO_RAIL, or NO_ROUTE: none of the host's rails has a link. `of`: host -> seat.
    """

    rails: tuple[str, ...]
    leaf: NDArray[np.int32]
    of: Mapping[str, int]


@dataclass(frozen=True)
class Topology:
    """Switches, hosts and the links between switches that are up.

    Row i of every switch array is switch i of `switches` (GUIDs) and `names`; `chassis`: the director it is a board of,
    "" none; `attached`: its links to HCAs. `edges`: (e, 2) int32, each pair of linked switches once, lower index first.
    `hosts`: name -> its rails, sorted by HCA and port. `unmatched`: (guid, description) of CAs that name no host;
    `duplicates`: those of CAs that claim one HCA of one host, so none is taken.
    """

    fabric: str
    at_ms: int
    seen_ms: int
    switches: tuple[str, ...]
    names: tuple[str, ...]
    chassis: tuple[str, ...]
    attached: NDArray[np.int32]
    edges: NDArray[np.int32]
    hosts: HostRails
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
        s = len(rows)
        index = np.full(len(view.guids), -1, np.int32)
        index[rows] = np.arange(s, dtype=np.int32)
        named = dict(switch_names or {})
        if any(view.guids[i] not in named for i in rows):
            told = [(view.guids[i], switch_name(view.guids[i], view.descriptions[i])) for i in rows]
            named = unique_names(told) | named
        boards = [_BOARD.match(view.descriptions[i]) for i in rows]
        ends = index[view.link_node] if len(view.link_node) else np.empty((0, 2), np.int32)
        between = ends[view.up & (ends >= 0).all(axis=1) & (ends[:, 0] != ends[:, 1])].astype(np.int64)
        pairs = distinct(between.min(axis=1) * s + between.max(axis=1)) if len(between) else np.empty(0, np.int64)
        hosts, unmatched, duplicates, known = _hosts(view, ends, host_table)
        return cls(
            view.fabric,
            view.at_ms,
            view.seen_ms,
            tuple(view.guids[i] for i in rows),
            tuple(named[view.guids[i]] for i in rows),
            tuple(board["director"] if board else "" for board in boards),
            _attached(view, ends, s),
            np.stack([pairs // s, pairs % s], axis=1).astype(np.int32) if s else np.empty((0, 2), np.int32),
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
    def distances(self) -> Distances:
        """`switch_distances()`, worked out once."""
        return self.switch_distances()

    @cached_property
    def levels(self) -> Levels:
        """Which switches are leaves, spines and cores."""
        return levels_of(self.attached, self.edges, self.distances, self.names, self.chassis)

    @cached_property
    def seats(self) -> Seats:
        """Hosts that hang alike together, of all hosts."""
        return self.hosts.seats()

    def switch_distances(self) -> Distances:
        """Links between each two switches on a shortest way, shape (s, s); 0 on the diagonal, -1 unreachable.

        Source: breadth-first search from all switches at once; row i of a bit matrix holds who i reaches, and one step
        is the OR of the rows of i's neighbours (1,620 switches of 36 ports: some 100 ms).
        """
        s = len(self.switches)
        far: Distances = np.full((s, s), NO_ROUTE, np.int8)
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
        step, unknown = 0, s * (s - 1)
        while unknown:
            step += 1
            if step > _SHORT:
                far = far.astype(np.int16, copy=False)
            grown = np.bitwise_or.reduceat(reached[peer], begins, axis=0)
            fresh = grown & ~reached
            if not fresh.any():
                break
            new = np.unpackbits(fresh.view(np.uint8), axis=1, count=s, bitorder="little").view(bool)
            np.copyto(far, far.dtype.type(step), where=new)
            unknown -= int(np.count_nonzero(new))
            reached = grown
        return far

    def hop_matrix(self, hosts: Sequence[str]) -> IntMatrix:
        """Switches crossed from host to host (same leaf 1, two-level tree 3), of several rails the worst.

        Rails are matched by HCA and port; two hosts without one in common count by their worst pair of ports. A rail
        whose link is down says nothing while the host has another.

        Args:
            hosts: names as `find` gives them; a name that is not in the fabric has no route to anyone.
        Returns:
            shape (n, n), int16; 0 on the diagonal, -1 no route (no link, parts of the fabric cut off).
        """
        taken = np.array([self.seats.of.get(host, NO_ROUTE) for host in hosts], np.intp)
        seats, place = np.unique(taken, return_inverse=True)
        hops = self.seat_hops(seats)
        full = np.take(hops[place], place, axis=1)  # 5,000 hosts in some 70 ms, most of it memory
        np.fill_diagonal(full, 0)
        return full

    def seat_hops(self, seats: NDArray[np.intp]) -> IntMatrix:
        """Switches crossed between hosts of these seats, as `hop_matrix`; shape (k, k).

        The diagonal is for two hosts of one seat: 1, or -1 when they have no link.

        Args:
            seats: rows of `Seats.leaf`; NO_ROUTE stands for a host that is not in the fabric.
        """
        leaf = np.full((len(seats), self.seats.leaf.shape[1]), NO_ROUTE, np.int32)
        leaf[seats >= 0] = self.seats.leaf[seats[seats >= 0]]
        said = leaf != NO_RAIL
        worst = np.zeros((len(seats), len(seats)), np.int16)
        for i in range(leaf.shape[1]):
            both = said[:, i][:, None] & said[:, i][None, :]
            np.maximum(worst, self._leaf_hops(leaf[:, i], leaf[:, i]), out=worst, where=both)
        unsaid = worst == 0
        if unsaid.any():
            for i, k in np.ndindex(leaf.shape[1], leaf.shape[1]):
                both = unsaid & said[:, i][:, None] & said[:, k][None, :]
                np.maximum(worst, self._leaf_hops(leaf[:, i], leaf[:, k]), out=worst, where=both)
        worst[(worst == 0) | (worst == _FAR)] = NO_ROUTE
        return worst

    def leaf_hops(self, leaves: NDArray[np.int32]) -> IntMatrix:
        """Switches crossed between ports on these switches: 1 on the diagonal, -1 no route; shape (l, l)."""
        hops = self._leaf_hops(leaves, leaves)
        hops[hops == _FAR] = NO_ROUTE
        return hops

    def _leaf_hops(self, one: NDArray[np.int32], other: NDArray[np.int32]) -> IntMatrix:
        """Switches crossed from ports on these switches to ports on those, _FAR without a route or a switch (< 0)."""
        hops = np.full((len(one), len(other)), _FAR, np.int16)
        a, b = np.flatnonzero(one >= 0), np.flatnonzero(other >= 0)
        if len(a) and len(b):
            far = self.distances[one[a][:, None], other[b][None, :]]
            hops[a[:, None], b[None, :]] = np.where(far < 0, _FAR, far + 1)
        return hops


def _attached(view: Picture, ends: NDArray[np.int32], s: int) -> NDArray[np.int32]:
    """Links that are up between each switch and HCAs; a SHARP node is none."""
    hca = np.array([kind is NodeKind.CA for kind in view.kinds], bool)
    sharp = [i for i, text in enumerate(view.descriptions) if hca[i] and is_sharp(text)]
    hca[sharp] = False
    found = np.zeros(s, np.int32)
    for near, far in ((0, 1), (1, 0)):
        here = view.up & (ends[:, near] >= 0)
        here &= hca[view.link_node[:, far]]
        found += np.bincount(ends[here, near], minlength=s).astype(np.int32)
    return found


def _hosts(
    view: Picture, ends: NDArray[np.int32], host_table: Mapping[str, str]
) -> tuple[HostRails, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...], HostNames]:
    """Hosts by name with their rails; CAs that name no host; CAs that claim the same HCA of the same host."""
    guids, texts, table = view.guids, view.descriptions, dict(host_table)
    told: dict[int, HostPort | None] = {
        i: host_of(guids[i], texts[i], table) for i, kind in enumerate(view.kinds) if kind is NodeKind.CA
    }
    known = HostNames(found.host for found in told.values() if found)
    owner: dict[int, HostPort] = {}
    claimed: dict[tuple[str, str], int] = {}
    contested: set[int] = set()
    unmatched: list[tuple[str, str]] = []
    for i, found in told.items():
        host = known.find(found.host) if found else None
        if found is None or host is None:
            unmatched.append((guids[i], texts[i]))
            continue
        owner[i] = HostPort(host, found.hca)
        first = claimed.setdefault((host, found.hca.casefold()), i)
        if first != i:
            contested |= {first, i}
    for i in contested:
        del owner[i]
    duplicates = [(guids[i], texts[i]) for i in contested]
    names, hcas = (sorted(set(told)) for told in (zip(*owner.values(), strict=True) if owner else ((), ())))
    host_row, hca_row = ({name: i for i, name in enumerate(own)} for own in (names, hcas))
    place = np.full((len(guids), 2), -1, np.int32)
    place[list(owner)] = np.array([(host_row[host], hca_row[hca]) for host, hca in owner.values()]).reshape(-1, 2)
    rails = []
    for near, far in ((0, 1), (1, 0)):
        rows = np.flatnonzero((ends[:, near] < 0) & (ends[:, far] >= 0))
        nodes, numbers = view.link_node[rows, near], view.link_port[rows, near]
        leaves = np.where(view.up[rows], ends[rows, far], NO_ROUTE)
        columns = np.stack([place[nodes, 0], nodes, place[nodes, 1], numbers, leaves], axis=1)
        rails.append(columns[place[nodes, 0] >= 0])
    hosts = HostRails(names, guids, hcas, np.concatenate(rails).astype(np.int32))
    return hosts, tuple(sorted(unmatched)), tuple(sorted(duplicates)), known

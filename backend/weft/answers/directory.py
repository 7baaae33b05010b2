"""Who was called what, and when: the names of one fabric over all the time it was seen."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.base.intervals import Interval
from weft.fabric.model import NodeKind, PortKey
from weft.fabric.names import HostPort, host_of, node_label, safe, switch_name
from weft.fabric.network import PORTS
from weft.fabric.topology import HostNames
from weft.inventory.store import NodeSpan

UNTOLD_PORTS = 64
"""Ports that are looked at of a node whose number of ports no tool told."""


class Named(NamedTuple):
    """A node under one name for a while. `hca`: its device name in the host, "" for a switch."""

    name: str
    hca: str
    guid: str
    ports: int
    span: Interval
    last_seen_ms: int


class _Hosts(NamedTuple):
    """What the descriptions of CAs say: see the properties of Directory."""

    names: HostNames
    hosts: dict[str, tuple[Named, ...]]
    unmatched: list[NodeSpan]
    duplicates: list[Named]


class Directory:
    """Switches and hosts by name, nodes by GUID, each with the time for which it holds.

    A name that two nodes had at the same time gets `_<guid>` behind (switches) or means neither (HCAs of one host with
    one device name: `duplicates`). A node that took another's place and name later shares the name with it.
    """

    def __init__(self, spans: Sequence[NodeSpan], host_table: Mapping[str, str]) -> None:
        self._by_guid: dict[str, tuple[NodeSpan, ...]] = {}
        for span in sorted(spans, key=lambda s: s.span.from_ms):
            self._by_guid[span.guid] = (*self._by_guid.get(span.guid, ()), span)
        self.switches = _switches(s for s in spans if s.kind is NodeKind.SWITCH)
        self._switch_names = {(n.guid, n.span.from_ms): n.name for held in self.switches.values() for n in held}
        self._cas = [s for s in spans if s.kind is NodeKind.CA]
        self._table = dict(host_table)

    @cached_property
    def _read(self) -> "_Hosts":
        """Read when a host is asked for: a question about switches alone needs none of it."""
        return _hosts([(s, host_of(s.guid, s.description, self._table)) for s in self._cas])

    @property
    def hosts(self) -> Mapping[str, Sequence[Named]]:
        """Host -> its HCAs, by device name."""
        return self._read.hosts

    @property
    def host_names(self) -> HostNames:
        """Every host that a description names."""
        return self._read.names

    @property
    def unmatched(self) -> Sequence[NodeSpan]:
        """CAs that name no host, or not for sure."""
        return self._read.unmatched

    @property
    def duplicates(self) -> Sequence[Named]:
        """HCAs of one host that had one device name at the same time."""
        return self._read.duplicates

    @cached_property
    def _hcas(self) -> dict[tuple[str, int], Named]:
        return {(n.guid, n.span.from_ms): n for held in self.hosts.values() for n in held}

    def find_host(self, name: str) -> str | None:
        """The host's name as Weft writes it; None: not known, or not for sure."""
        found = self.host_names.find(name)
        return found if found in self.hosts else None

    def hcas(self, host: str, window: Interval) -> list[Named]:
        """HCAs that the host had in the window."""
        return [named for named in self.hosts.get(host, ()) if named.span.overlaps(window)]

    def switch_names(self, at_ms: int) -> dict[str, str]:
        """GUID -> name of every switch that was there at a time."""
        return {n.guid: n.name for held in self.switches.values() for n in held if n.span.holds(at_ms)}

    @cached_property
    def switch_guids(self) -> tuple[str, ...]:
        """Every switch there ever was, sorted."""
        return tuple(sorted(guid for guid, own in self._by_guid.items() if own[0].kind is NodeKind.SWITCH))

    @cached_property
    def _switch_numbers(self) -> dict[str, int]:
        return {guid: number for number, guid in enumerate(self.switch_guids)}

    def codes(self, switches: Sequence[str]) -> NDArray[np.int64]:
        """Numbers that sort as ports do: of port 0 of each of these switches, the others follow. Shape (s,)."""
        return np.array([self._switch_numbers[guid] * PORTS for guid in switches], np.int64)

    def port_of(self, code: int) -> PortKey:
        """The port of such a number."""
        return PortKey(self.switch_guids[code // PORTS], code % PORTS)

    def node(self, guid: str, at_ms: int) -> str:
        """A node in a sentence, as it was called at a time (or nearest to it): `leaf01`, `node001 mlx5_0`."""
        span = self._span(guid, at_ms)
        if span is None:
            return guid
        return self._switch_names.get((guid, span.span.from_ms)) or node_label(span.kind, guid, span.description)

    def port(self, port: PortKey, at_ms: int) -> str:
        """A port in a sentence: `leaf01/5`, `node001 mlx5_0/1`."""
        return f"{self.node(port.guid, at_ms)}/{port.number}"

    def kind(self, guid: str) -> NodeKind | None:
        """Switch, HCA or router; None: never seen."""
        spans = self._by_guid.get(guid)
        return spans[0].kind if spans else None

    def host_of(self, guid: str, at_ms: int) -> Named | None:
        """The host an HCA sat in at a time (or nearest to it)."""
        span = self._span(guid, at_ms)
        return self._hcas.get((guid, span.span.from_ms)) if span else None

    def present(self, guid: str, at_ms: int) -> bool:
        """True when the node was there at a time, under whatever name."""
        return any(s.span.holds(at_ms) for s in self._by_guid.get(guid, ()))

    def nodes_of(self, guid: str) -> Sequence[NodeSpan]:
        """A node under each of its descriptions, oldest first; empty: never seen."""
        return self._by_guid.get(guid, ())

    def missing(self, at_ms: int) -> list[NodeSpan]:
        """Nodes that had been there and were not at a time, as they were last."""
        last = [spans[-1] for own in self._by_guid.values() if (spans := [s for s in own if s.span.from_ms <= at_ms])]
        return [span for span in last if not span.span.holds(at_ms)]

    def find_ports(self, text: str) -> list[PortKey]:
        """Ports that a person means by `leaf01/5`, `node001`, `node001 mlx5_0/1`, `<guid>/5`; newest node first."""
        node, slash, number = text.rpartition("/")
        if slash and number.isdigit():
            if node in self.switches or node.lower().removeprefix("0x") in self._by_guid:
                guids = [n.guid for n in reversed(self.switches.get(node, []))] or [node.lower().removeprefix("0x")]
                return [PortKey(guid, int(number)) for guid in guids]
            named = self._host_hcas(node)
            return [PortKey(n.guid, int(number)) for n in named]
        return [PortKey(n.guid, port) for n in self._host_hcas(text) for port in range(1, n.ports + 1)]

    def _host_hcas(self, text: str) -> list[Named]:
        name, _, hca = text.strip().partition(" ")
        host = self.find_host(name)
        held = self.hosts.get(host, ()) if host else ()
        return [n for n in reversed(held) if not hca or n.hca.casefold() == hca.strip().casefold()]

    def _span(self, guid: str, at_ms: int) -> NodeSpan | None:
        before = None
        for span in self._by_guid.get(guid, ()):
            if span.span.from_ms > at_ms:
                return before or span
            before = span
        return before


def _hosts(cas: Sequence[tuple[NodeSpan, HostPort | None]]) -> _Hosts:
    """Hosts with their HCAs, CAs without a host, and HCAs that contest a place."""
    names = HostNames(found.host for _, found in cas if found)
    claims: dict[tuple[str, str], list[Named]] = {}
    unmatched: list[NodeSpan] = []
    for s, found in cas:
        host = names.find(found.host) if found else None
        if found is None or host is None:
            unmatched.append(s)
        else:
            named = Named(host, found.hca, s.guid, s.ports, s.span, s.last_seen_ms)
            claims.setdefault((host, found.hca.casefold()), []).append(named)
    duplicates = [n for held in claims.values() if len(held) > 1 for n in held if _contested(n, held)]
    taken = set(duplicates)
    hosts: dict[str, tuple[Named, ...]] = {}
    for (host, _), held in sorted(claims.items()):
        hosts[host] = (*hosts.get(host, ()), *(n for n in held if n not in taken))
    return _Hosts(names, hosts, unmatched, duplicates)


def _switches(spans: Iterable[NodeSpan]) -> dict[str, list[Named]]:
    """Switches by unique name, oldest first."""
    plain: dict[str, list[Named]] = {}
    for s in spans:
        name = safe(switch_name(s.guid, s.description))
        plain.setdefault(name, []).append(Named(name, "", s.guid, s.ports, s.span, s.last_seen_ms))
    unique: dict[str, list[Named]] = {}
    for name, held in plain.items():
        for n in held:
            own = f"{name}_{n.guid}" if _contested(n, held) else name
            unique.setdefault(own, []).append(n._replace(name=own))
    return {name: sorted(held, key=lambda n: n.span) for name, held in sorted(unique.items())}


def _contested(named: Named, held: Iterable[Named]) -> bool:
    """True when another node was seen under the same name at the same time."""
    return any(
        other.guid != named.guid
        and other.span.from_ms <= named.last_seen_ms
        and named.span.from_ms <= other.last_seen_ms
        for other in held
    )

"""Who was called what, and when: the names of one fabric over all the time it was seen."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from weft.base.intervals import Interval
from weft.fabric.model import NodeKind, PortKey
from weft.fabric.names import host_of, node_label, safe, switch_name
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


class Directory:
    """Switches and hosts by name, nodes by GUID, each with the time for which it holds.

    A name that two nodes had at the same time gets `_<guid>` behind (switches) or means neither (HCAs of one host with
    one device name: `duplicates`). A node that took another's place and name later shares the name with it.
    """

    def __init__(self, spans: Sequence[NodeSpan], host_table: Mapping[str, str]) -> None:
        self._by_guid: dict[str, list[NodeSpan]] = {}
        for span in sorted(spans, key=lambda s: s.span.from_ms):
            self._by_guid.setdefault(span.guid, []).append(span)
        self.switches = _switches(s for s in spans if s.kind is NodeKind.SWITCH)
        self._switch_names = {(n.guid, n.span.from_ms): n.name for held in self.switches.values() for n in held}
        table = dict(host_table)
        cas = [(s, host_of(s.guid, s.description, table)) for s in spans if s.kind is NodeKind.CA]
        self.host_names = HostNames(found.host for _, found in cas if found)
        claims: dict[tuple[str, str], list[Named]] = {}
        self.unmatched: list[NodeSpan] = []
        for s, found in cas:
            host = self.host_names.find(found.host) if found else None
            if found is None or host is None:
                self.unmatched.append(s)
            else:
                named = Named(host, found.hca, s.guid, s.ports, s.span, s.last_seen_ms)
                claims.setdefault((host, found.hca.casefold()), []).append(named)
        self.duplicates = [n for held in claims.values() for n in held if _contested(n, held)]
        taken = set(self.duplicates)
        self.hosts: dict[str, list[Named]] = {}
        for (host, _), held in sorted(claims.items()):
            self.hosts.setdefault(host, []).extend(n for n in held if n not in taken)
        self._hcas = {(n.guid, n.span.from_ms): n for held in self.hosts.values() for n in held}

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
        held = self.hosts.get(host, []) if host else []
        return [n for n in reversed(held) if not hca or n.hca.casefold() == hca.strip().casefold()]

    def _span(self, guid: str, at_ms: int) -> NodeSpan | None:
        before = None
        for span in self._by_guid.get(guid, ()):
            if span.span.from_ms > at_ms:
                return before or span
            before = span
        return before


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

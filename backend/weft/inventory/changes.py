"""How one sweep changes what is known of a fabric: the pure heart of the inventory.

`Fold(state).sweep(...)` compares a sweep with the state before it and says which spans begin and end, and what changed.
Fed with all sweeps in order of time it derives the whole history; a store keeps the rows.

Rules (DESIGN section 4): missing is not gone; cabling and link state are two things; identity is GUID and port number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from weft.fabric.cables import READINGS, Ends, assign, cable_id, exchanges
from weft.fabric.model import NOWHERE, Link, Node, NodeKind, PortKey, Sweep
from weft.fabric.names import host_of
from weft.inventory.state import CableState, Closed, FabricState, LidState, NodeState, Opened, Step
from weft.inventory.store import Correction
from weft.inventory.telling import Teller

AGREE = 3
"""Quarantined sweeps in a row that lose the same nodes before the loss is believed."""
FEW = 2
"""A loss of this many nodes is never too many at once, whatever their share."""


@dataclass(frozen=True, slots=True)
class _Identified:
    """Cables of new links in both readings, where each cable was plugged before, and links whose cable is a new one."""

    cables: dict[Ends, tuple[str, str]]
    ports_before: dict[str, list[PortKey]]
    unknown: set[Ends]


class Fold:
    """The state of one fabric and how sweeps and corrections change it. The state is changed in place."""

    def __init__(self, state: FabricState, *, quarantine_share: float) -> None:
        self.state = state
        self._share = quarantine_share
        self._begin(0)

    def sweep(self, sweep: Sweep, *, absent_after: int) -> Step:
        """Compare with the next sweep; `absent_after` complete sweeps without it make a thing gone."""
        self._begin(sweep.seen_at_ms)
        seen = {node.guid for node in sweep.nodes}
        tainted = self._tainted(seen, sweep.unanswered)
        if self._quarantine(seen, tainted):
            return self._done()
        fresh, replaced = self._nodes_seen(sweep.nodes)
        self._nodes_missing(seen, tainted, replaced, absent_after)
        self._lids_seen(sweep)
        self._links_known(sweep, tainted, fresh, absent_after)
        self._links_new(sweep, fresh, replaced)
        self.state.last_ms = self._now
        return self._done()

    def correct(self, correction: Correction) -> Step:
        """Take in what a person knows better."""
        self._begin(correction.at_ms)
        if correction.kind == "accepted":
            self.state.accepted_ms |= {correction.at_ms}
        elif correction.kind == "retired" and correction.guid in self.state.nodes:
            self.state.nodes[correction.guid].retired = True
            text = f"{self._say.name(correction.guid)} was retired by {correction.who}."
            self._say.tell("retired", "info", text, guids=[correction.guid])
        elif correction.kind == "cable_replaced":
            for cabling in [c for c in self.state.cablings.values() if correction.port in c.ends]:
                self._replace_cable(cabling, correction.who)
        return self._done()

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def _nodes_seen(self, nodes: Sequence[Node]) -> tuple[set[str], dict[str, str]]:
        """Renew and open nodes; return those not present before, and HCAs that took another's place (new -> old)."""
        fresh = []
        for node in nodes:
            known = self.state.nodes.get(node.guid)
            if known is None or not known.present:
                fresh.append(node)
            elif known.description != node.description:
                old, seen_ms = self._say.name(node.guid), self._seen(known.last_seen_ms)
                self._close("node_span", (node.guid,), self._now, seen_ms)
                self._open_node(node, seen_ms, retired=known.retired)
                if self._say.name(node.guid) != old:
                    text = f"{old} is called {self._say.name(node.guid)} now."
                    self._say.tell("node_renamed", "info", text, guids=[node.guid])
            else:
                known.last_seen_ms, known.missing, known.silent = None, 0, False
        replaced = self._replacements(fresh, {node.guid for node in nodes})
        for node in fresh:
            what = "is back" if node.guid in self.state.nodes else "appeared"
            self._open_node(node, self._before)
            if self._before is not None and node.guid not in replaced:
                self._say.tell("node_appeared", "info", f"{self._say.name(node.guid)} {what}.", guids=[node.guid])
        return {node.guid for node in fresh}, replaced

    def _replacements(self, fresh: Sequence[Node], seen: set[str]) -> dict[str, str]:
        """New HCAs whose host and device name one HCA had that is missing now: the host got another HCA."""
        missing: dict[str, list[str]] = {}
        for known in self.state.nodes.values():
            if known.present and known.kind is NodeKind.CA and known.guid not in seen:
                missing.setdefault(known.description, []).append(known.guid)
        found = {}
        for node in fresh:
            old = missing.get(node.description, [])
            if node.guid not in self.state.nodes and len(old) == 1 and host_of(node.guid, node.description):
                found[node.guid] = old[0]
        return found

    def _nodes_missing(self, seen: set[str], tainted: set[str], replaced: dict[str, str], absent_after: int) -> None:
        gone_for = {old: new for new, old in replaced.items()}
        for node in self.state.nodes.values():
            if not node.present or node.guid in seen:
                continue
            node.last_seen_ms = self._seen(node.last_seen_ms)
            if node.guid in gone_for:
                self._close_node(node, self._now)
                self._say.hca_replaced(node.guid, gone_for[node.guid])
            elif node.guid in tainted:
                if not node.silent:
                    text = f"{self._say.name(node.guid)} did not answer; it is not called gone for that."
                    self._say.tell("node_silent", "warning", text, guids=[node.guid], since_ms=node.last_seen_ms)
                node.silent = True
            else:
                node.silent = False
                node.missing += 1
                node.missing_since_ms = self._now if node.missing == 1 else node.missing_since_ms
                if node.missing >= absent_after:
                    self._say.node_gone(node)
                    self._close_node(node, node.missing_since_ms)

    def _tainted(self, seen: set[str], unanswered: Sequence[PortKey]) -> set[str]:
        """Missing nodes that lie behind a port at which a query timed out, as the links before told."""
        if not unanswered:
            return set()
        if NOWHERE in unanswered:
            return {node.guid for node in self.state.nodes.values() if node.present and node.guid not in seen}
        peers: dict[str, list[str]] = {}
        behind: list[str] = []
        ports = set(unanswered)
        for a, b in self.state.cablings:
            for near, far in ((a, b), (b, a)):
                if far.guid not in seen:
                    peers.setdefault(near.guid, []).append(far.guid)
                    if near in ports:
                        behind.append(far.guid)
        found: set[str] = set()
        while behind:
            guid = behind.pop()
            if guid not in found:
                found.add(guid)
                behind += peers.get(guid, ())
        return found

    def _quarantine(self, seen: set[str], tainted: set[str]) -> bool:
        """Set a sweep aside that loses too much at once, unless a person or enough others say the same."""
        present = [n for n in self.state.nodes.values() if n.present]
        lost = frozenset(n.guid for n in present if n.guid not in seen and not n.missing and not n.silent)
        agreed = self.state.doubted if lost == self.state.doubted_lost else 0
        allowed = max(FEW, self._share * len(present))
        if len(lost) <= allowed or self._now in self.state.accepted_ms or agreed + 1 >= AGREE:
            self.state.doubted, self.state.doubted_lost = 0, frozenset()
            return False
        self.state.doubted, self.state.doubted_lost = agreed + 1, lost
        self._step.quarantined = (
            f"{len(lost)} of {len(present)} nodes are missing ({len(lost & tainted)} of them behind time-outs); "
            f"set aside. It is believed when {AGREE} sweeps in a row say the same, or when a person accepts it."
        )
        if not agreed:
            self._say.tell("sweep_quarantined", "error", self._step.quarantined, guids=sorted(lost)[:100])
        return True

    # -- links ---------------------------------------------------------------------------------------------------------

    def _links_known(self, sweep: Sweep, tainted: set[str], fresh: set[str], absent_after: int) -> None:
        links = {(x.a, x.b): x for x in sweep.links}
        busy = {port for ends in links for port in ends}
        down, unanswered = set(sweep.down), set(sweep.unanswered)
        nowhere = NOWHERE in unanswered
        for ends, cabling in list(self.state.cablings.items()):
            if ends in links:
                self._link_seen(cabling, links[ends], tell=fresh.isdisjoint(port.guid for port in ends))
                continue
            cabling.last_seen_ms = self._seen(cabling.last_seen_ms)
            if not busy.isdisjoint(ends):
                self._end(cabling)
            elif not down.isdisjoint(ends):
                self._link_gone(cabling, self._now)
            elif nowhere or not unanswered.isdisjoint(ends) or any(port.guid in tainted for port in ends):
                continue
            else:
                cabling.missing += 1
                cabling.missing_since_ms = self._now if cabling.missing == 1 else cabling.missing_since_ms
                if cabling.missing >= absent_after:
                    self._link_gone(cabling, cabling.missing_since_ms)

    def _link_seen(self, cabling: CableState, link: Link, *, tell: bool) -> None:
        width, speed = link.width or cabling.width, link.speed or cabling.speed
        if not cabling.up:
            self._close("link_state", (cabling.id,), self._now, self._before_now)
            self._open_link(cabling, width, speed, self._before)
            if tell:
                text = f"{self._say.between(cabling.ends)}: link is up again at {width} {speed}."
                self._say.tell("link_up", "info", text, ports=cabling.ends, cables=cabling.cables[:1])
        elif (width, speed) != (cabling.width, cabling.speed):
            was, seen_ms = (cabling.width, cabling.speed), self._seen(cabling.last_seen_ms)
            self._close("link_state", (cabling.id,), self._now, seen_ms)
            self._open_link(cabling, width, speed, seen_ms)
            self._say.link_changed(cabling, was, seen_ms)
        cabling.last_seen_ms, cabling.missing = None, 0

    def _link_gone(self, cabling: CableState, at_ms: int, *, tell: bool = True) -> None:
        """The link is down since at_ms; the cabling lasts. A vanished node has told of its links already."""
        if not cabling.up:
            return
        seen_ms = self._seen(cabling.last_seen_ms)
        self._close("link_state", (cabling.id,), at_ms, seen_ms)
        cabling.up, cabling.width, cabling.speed = False, None, None
        self._step.rows.append(Opened("link_state", (cabling.id,), ("down", None, None), at_ms, seen_ms))
        if tell and all(self.state.nodes[port.guid].present for port in cabling.ends):
            text = f"{self._say.between(cabling.ends)}: link is down."
            self._say.tell(
                "link_down",
                "error",
                text,
                ports=cabling.ends,
                cables=cabling.cables[:1],
                at_ms=at_ms,
                since_ms=seen_ms,
            )

    def _end(self, cabling: CableState) -> None:
        """Another peer was seen at one of the ports: the cabling is over."""
        seen_ms = self._seen(cabling.last_seen_ms)
        if cabling.missing and cabling.up:
            self._link_gone(cabling, cabling.missing_since_ms, tell=False)
        self._close("link_state", (cabling.id,), self._now, seen_ms if cabling.up else self._before_now)
        self._close("connection", (cabling.id,), self._now, seen_ms)
        del self.state.cablings[cabling.ends]

    def _links_new(self, sweep: Sweep, fresh: set[str], replaced: dict[str, str]) -> None:
        links = {(x.a, x.b): x for x in sweep.links if (x.a, x.b) not in self.state.cablings}
        media = {ends: self._medium(ends) for ends in links}
        plugged = [ends for ends in sorted(links) if media[ends] == "cable"]
        known = self._identify(plugged)
        for ends, link in links.items():
            cables = known.cables.get(ends, ("", ""))
            cabling = CableState(self._connection_id(ends), *ends, cables, media[ends], True, None, None)
            self.state.cablings[ends] = cabling
            self._open_connection(cabling, self._before)
            self._open_link(cabling, link.width, link.speed, self._before)
        for reading in READINGS:
            for ends in plugged:
                self.state.memories[reading].plug(known.cables[ends][reading], ends)
        if self._before is not None:
            self._tell_plugged(plugged, known, fresh, replaced)

    def _identify(self, new: Sequence[Ends]) -> _Identified:
        """The cable of each new link in both readings; a cable not seen before is minted, the same one in both."""
        chosen = []
        for reading in READINGS:
            up = {c.cables[reading] for c in self.state.cablings.values() if c.up and c.last_seen_ms is None}
            remembered = self.state.memories[reading].cable_of
            chosen.append(assign(new, remembered, up, self._say.in_hca, reading))
        cables = {}
        for ends in new:
            first, second = chosen[0][ends], chosen[1][ends]
            fresh = self._mint(ends) if first is None or second is None else ""
            cables[ends] = first or fresh, second or fresh
        taken = {first for first, _ in cables.values()}
        before: dict[str, list[PortKey]] = {}
        for port, cable in self.state.memories[0].cable_of.items():
            if cable in taken:
                before.setdefault(cable, []).append(port)
        return _Identified(cables, before, {x for x in new if chosen[0][x] is None and chosen[1][x] is None})

    def _tell_plugged(self, new: Sequence[Ends], known: _Identified, fresh: set[str], replaced: dict[str, str]) -> None:
        certain = [ends for ends in new if known.cables[ends][0] == known.cables[ends][1]]
        for ends in certain:
            cable = known.cables[ends][0]
            if ends in known.unknown:
                if fresh.isdisjoint(port.guid for port in ends):
                    self._say.tell(
                        "cable_new", "info", f"New cable {self._say.between(ends)}.", ports=ends, cables=[cable]
                    )
                continue
            left = sorted(set(known.ports_before.get(cable, ())) - set(ends))
            in_old_hca = {replaced[port.guid] for port in ends if port.guid in replaced}
            if not left or {port.guid for port in left} != in_old_hca:
                self._say.cable_moved(cable, ends, left)
        for group in exchanges({ends: known.cables[ends] for ends in new if ends not in certain}):
            self._say.ends_exchanged(group, known.cables)

    def _replace_cable(self, cabling: CableState, who: str) -> None:
        """A person says that the cable is another one from now on: same ports, new identity."""
        if cabling.medium != "cable":
            return
        seen_ms = self._seen(cabling.last_seen_ms)
        self._close("connection", (cabling.id,), self._now, seen_ms)
        self._close("link_state", (cabling.id,), self._now, seen_ms)
        old, new = cabling.cables[0], self._mint(cabling.ends)
        cabling.id, cabling.cables = self._connection_id(cabling.ends), (new, new)
        for reading in READINGS:
            self.state.memories[reading].plug(new, cabling.ends)
        self._open_connection(cabling, seen_ms)
        state = ("up" if cabling.up else "down", cabling.width, cabling.speed)
        self._step.rows.append(Opened("link_state", (cabling.id,), state, self._now, seen_ms))
        text = f"Cable {self._say.between(cabling.ends)} was replaced, says {who}."
        self._say.tell("cable_replaced", "info", text, ports=cabling.ends, cables=[old, new])

    def _mint(self, ends: Ends) -> str:
        ordinal = self.state.minted.get(ends, 0)
        self.state.minted[ends] = ordinal + 1
        return cable_id(self.state.fabric, ends, ordinal)

    def _medium(self, ends: Ends) -> str:
        """A link inside one chassis is no cable: both switches of a director, or a switch and its own SHARP node."""
        a, b = (self.state.nodes[port.guid] for port in ends)
        if a.guid == b.guid or a.system_guid is None or a.system_guid != b.system_guid:
            return "cable"
        return "backplane" if a.kind is b.kind is NodeKind.SWITCH else "internal"

    def _connection_id(self, ends: Ends) -> str:
        return "l" + sha256(f"{self.state.fabric}|{ends[0]}|{ends[1]}|{self._now}".encode()).hexdigest()[:14]

    # -- LIDs ----------------------------------------------------------------------------------------------------------

    def _lids_seen(self, sweep: Sweep) -> None:
        for told in sweep.lids:
            known = self.state.lids.get(told.port)
            if known is not None and (known.lid, known.lmc) == (told.lid, told.lmc):
                continue
            if known is not None:
                self._close("lid_span", tuple(told.port), self._now, self._before_now)
            self.state.lids[told.port] = LidState(told.lid, told.lmc)
            row = Opened("lid_span", tuple(told.port), (told.lid, told.lmc), self._now, self._before)
            self._step.rows.append(row)

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _begin(self, now_ms: int) -> None:
        self._step, self._now, self._before = Step(now_ms), now_ms, self.state.last_ms
        self._say = Teller(self.state, now_ms, self._before)

    def _done(self) -> Step:
        self._step.changes = self._say.changes
        return self._step

    @property
    def _before_now(self) -> int:
        """The last sweep; only asked about things that it, or one before, has shown."""
        return self._now if self._before is None else self._before

    def _seen(self, last_seen_ms: int | None) -> int:
        """When a thing was last shown: None stands for the last sweep."""
        return self._before_now if last_seen_ms is None else last_seen_ms

    def _close(self, table: str, key: tuple[Any, ...], to_ms: int, last_seen_ms: int) -> None:
        self._step.rows.append(Closed(table, key, to_ms, last_seen_ms))

    def _open_node(self, node: Node, absent_ms: int | None, *, retired: bool = False) -> None:
        self.state.nodes[node.guid] = NodeState(
            node.guid, node.kind, node.description, node.ports, node.system_guid, retired=retired
        )
        values = (node.kind.value, node.description, node.ports)
        self._step.rows.append(Opened("node_span", (node.guid,), values, self._now, absent_ms))

    def _close_node(self, node: NodeState, to_ms: int) -> None:
        self._close("node_span", (node.guid,), to_ms, self._seen(node.last_seen_ms))
        node.present, node.silent, node.missing = False, False, 0

    def _open_connection(self, cabling: CableState, absent_ms: int | None) -> None:
        cable, other = cabling.cables
        values = (*cabling.a, *cabling.b, cable, other if other != cable else None, cabling.medium)
        self._step.rows.append(Opened("connection", (cabling.id,), values, self._now, absent_ms))

    def _open_link(self, cabling: CableState, width: str | None, speed: str | None, absent_ms: int | None) -> None:
        cabling.up, cabling.width, cabling.speed = True, width, speed
        self._step.rows.append(Opened("link_state", (cabling.id,), ("up", width, speed), self._now, absent_ms))

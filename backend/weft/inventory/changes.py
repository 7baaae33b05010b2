"""How one sweep changes what is known of a fabric: the pure heart of the inventory.

`Fold(state).sweep(...)` compares a sweep with the state before it and says which spans begin and end, and what changed.
Fed with all sweeps in order of time it derives the whole history; a store keeps the rows.

Rules (DESIGN section 4): missing is not gone; cabling and link state are two things; identity is GUID and port number.
"""

from collections.abc import Sequence
from dataclasses import replace

from weft.fabric.model import NOWHERE, Link, Node, NodeKind, PortKey, Sweep
from weft.fabric.names import host_of
from weft.inventory.cabling import Cabler
from weft.inventory.moment import Moment
from weft.inventory.state import CableState, FabricState, NodeState, Step
from weft.inventory.store import Correction

AGREE = 3
"""Quarantined sweeps in a row that lose the same nodes before the loss is believed."""
FEW = 2
"""A loss of this many nodes is never too many at once, whatever their share."""


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
        tainted = self._tainted(seen, sweep.unanswered) if sweep.complete else set()
        if sweep.complete and self._quarantine(seen, tainted):
            return self._at.done()
        fresh, replaced = self._nodes_seen(sweep.nodes)
        if sweep.complete:
            self._nodes_missing(seen, tainted, replaced, absent_after)
        self._lids_seen(sweep)
        changed = self._cabler.read_modules(sweep.modules)
        self._links_known(sweep, tainted, fresh, absent_after)
        self._cabler.judge(changed)
        new = {(x.a, x.b): x for x in sweep.links if (x.a, x.b) not in self.state.cablings}
        self._cabler.plug(new, fresh, replaced)
        if sweep.complete:
            self.state.last_ms = self._now
        return self._at.done()

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
                self._cabler.replace(cabling, correction.who)
        return self._at.done()

    def _begin(self, now_ms: int) -> None:
        self._at = Moment(self.state, now_ms)
        self._cabler = Cabler(self._at)
        self._say, self._now = self._at.say, now_ms

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def _nodes_seen(self, nodes: Sequence[Node]) -> tuple[set[str], dict[str, str]]:
        """Renew and open nodes; return those not present before, and HCAs that took another's place (new -> old)."""
        fresh = []
        for node in nodes:
            known = self.state.nodes.get(node.guid)
            if known is None or not known.present:
                fresh.append(node)
            else:
                self._renew(known, node)
        replaced = self._replacements(fresh, {node.guid for node in nodes})
        for node in fresh:
            what = "is back" if node.guid in self.state.nodes else "appeared"
            self._open_node(node, self._at.before_ms)
            if self._at.before_ms is not None and node.guid not in replaced:
                self._say.tell("node_appeared", "info", f"{self._say.name(node.guid)} {what}.", guids=[node.guid])
        return {node.guid for node in fresh}, replaced

    def _renew(self, known: NodeState, node: Node) -> None:
        """A present node is seen again; what this sweep does not tell of it stays as it was."""
        known.ports, known.system_guid = node.ports or known.ports, node.system_guid or known.system_guid
        if not node.description or node.description == known.description:
            known.last_seen_ms, known.missing, known.silent = None, 0, False
            return
        old, seen_ms = self._say.name(node.guid), self._at.seen(known.last_seen_ms)
        self._at.close("node_span", (node.guid,), self._now, seen_ms)
        told = replace(node, ports=known.ports, system_guid=known.system_guid)
        self._open_node(told, seen_ms, retired=known.retired)
        if self._say.name(node.guid) != old:
            text = f"{old} is called {self._say.name(node.guid)} now."
            self._say.tell("node_renamed", "info", text, guids=[node.guid])

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
            node.last_seen_ms = self._at.seen(node.last_seen_ms)
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
        self._at.step.quarantined = (
            f"{len(lost)} of {len(present)} nodes are missing ({len(lost & tainted)} of them behind time-outs); "
            f"set aside. It is believed when {AGREE} sweeps in a row say the same, or when a person accepts it."
        )
        if not agreed:
            self._say.tell("sweep_quarantined", "error", self._at.step.quarantined, guids=sorted(lost)[:100])
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
            if not sweep.complete and busy.isdisjoint(ends) and down.isdisjoint(ends):
                continue
            cabling.last_seen_ms = self._at.seen(cabling.last_seen_ms)
            if not busy.isdisjoint(ends):
                self._end(cabling)
            elif not down.isdisjoint(ends):
                self._at.link_down(cabling, self._now)
            elif nowhere or not unanswered.isdisjoint(ends) or any(port.guid in tainted for port in ends):
                continue
            else:
                cabling.missing += 1
                cabling.missing_since_ms = self._now if cabling.missing == 1 else cabling.missing_since_ms
                if cabling.missing >= absent_after:
                    self._at.link_down(cabling, cabling.missing_since_ms)

    def _link_seen(self, cabling: CableState, link: Link, *, tell: bool) -> None:
        width, speed = link.width or cabling.width, link.speed or cabling.speed
        if not cabling.up:
            self._at.close("link_state", (cabling.id,), self._now, self._at.last_ms())
            self._at.open_link(cabling, width, speed, self._at.before_ms)
            if tell:
                text = f"{self._say.between(cabling.ends)}: link is up again at {width} {speed}."
                self._say.tell("link_up", "info", text, ports=cabling.ends, cables=cabling.cables[:1])
        elif (width, speed) != (cabling.width, cabling.speed):
            was, seen_ms = (cabling.width, cabling.speed), self._at.seen(cabling.last_seen_ms)
            self._at.close("link_state", (cabling.id,), self._now, seen_ms)
            self._at.open_link(cabling, width, speed, seen_ms)
            self._say.link_changed(cabling, was, seen_ms)
        cabling.last_seen_ms, cabling.missing = None, 0

    def _end(self, cabling: CableState) -> None:
        """Another peer was seen at one of the ports: the cabling is over."""
        seen_ms = self._at.seen(cabling.last_seen_ms)
        if cabling.missing and cabling.up:
            self._at.link_down(cabling, cabling.missing_since_ms, tell=False)
        self._at.close("link_state", (cabling.id,), self._now, seen_ms if cabling.up else self._at.last_ms())
        self._at.close("connection", (cabling.id,), self._now, seen_ms)
        del self.state.cablings[cabling.ends]

    # -- LIDs ----------------------------------------------------------------------------------------------------------

    def _lids_seen(self, sweep: Sweep) -> None:
        for told in sweep.lids:
            known = self.state.lids.get(told.port)
            if known is not None and told.guid is None:
                told = replace(told, guid=known.guid)
            if known == told:
                continue
            if known is not None:
                self._at.close("lid_span", tuple(told.port), self._now, self._at.last_ms())
            self.state.lids[told.port] = told
            self._at.open("lid_span", tuple(told.port), (told.lid, told.lmc, told.guid), self._at.before_ms)

    # -- rows ----------------------------------------------------------------------------------------------------------

    def _open_node(self, node: Node, absent_ms: int | None, *, retired: bool = False) -> None:
        self.state.nodes[node.guid] = NodeState(
            node.guid, node.kind, node.description, node.ports, node.system_guid, retired=retired
        )
        values = (node.kind.value, node.description, node.ports)
        self._at.open("node_span", (node.guid,), values, absent_ms)

    def _close_node(self, node: NodeState, to_ms: int) -> None:
        self._at.close("node_span", (node.guid,), to_ms, self._at.seen(node.last_seen_ms))
        node.present, node.silent, node.missing = False, False, 0

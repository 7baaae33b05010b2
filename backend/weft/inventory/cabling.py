"""Which cable a link is: by the serial numbers of its modules where they are known, else by what its ports remember.

A cable is known by every serial number that was read in its ends: one for copper and active optical cables, two for a
fibre between transceivers. A link whose serial numbers are all one known cable's is that cable. Where they are of two
(a fibre was moved between transceivers), or nothing was read, the ports' memory decides (`fabric.cables`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from weft.fabric.cables import READINGS, Ends, assign, cable_id, exchanges
from weft.fabric.model import Link, Module, NodeKind, PortKey
from weft.inventory.moment import Moment
from weft.inventory.state import CableState


@dataclass(frozen=True, slots=True)
class _Identified:
    """Cables of new links in both readings, where each cable was plugged before, and links whose cable is a new one."""

    cables: dict[Ends, tuple[str, str]]
    ports_before: dict[str, list[PortKey]]
    unknown: set[Ends]


class Cabler:
    """What a step makes of links that appear and modules that are read."""

    def __init__(self, moment: Moment) -> None:
        self._at = moment
        self._state = moment.state
        self._say = moment.say

    def plug(self, links: Mapping[Ends, Link], fresh: set[str], replaced: Mapping[str, str]) -> None:
        """Links that were not there before.

        Args:
            fresh: nodes that were not there before. replaced: HCAs that took another's place, new -> old.
        """
        media = {ends: self._medium(ends) for ends in links}
        plugged = [ends for ends in sorted(links) if media[ends] == "cable"]
        known = self._identify(plugged)
        for ends, link in links.items():
            cables = known.cables.get(ends, ("", ""))
            cabling = CableState(self._connection_id(ends), *ends, cables, media[ends], True, None, None)
            self._state.cablings[ends] = cabling
            self._at.open_connection(cabling, self._at.before_ms)
            self._at.open_link(cabling, link.width, link.speed, self._at.before_ms)
        for ends in plugged:
            for reading in READINGS:
                self._state.memories[reading].plug(known.cables[ends][reading], ends)
            self._learn(ends, known.cables[ends])
        if self._at.before_ms is not None:
            self._tell_plugged(plugged, known, fresh, replaced)

    def read_modules(self, modules: Iterable[Module]) -> set[PortKey]:
        """Take in what modules say; returns ports whose serial number is another than before, or known only now."""
        changed = set()
        for module in modules:
            before = self._state.modules.get(module.port)
            if before == module:
                continue
            key = tuple(module.port)
            if before is not None:
                self._at.close("module_span", key, self._at.now_ms, self._at.last_ms())
            values = (module.vendor, module.part, module.serial, module.length_m)
            self._at.open("module_span", key, values, self._at.before_ms)
            self._state.modules[module.port] = module
            if module.serial and (before is None or before.serial != module.serial):
                changed.add(module.port)
        return changed

    def judge(self, changed: set[PortKey]) -> None:
        """What serial numbers read now say of cablings that were there before."""
        for cabling in list(self._state.cablings.values()):
            if changed.isdisjoint(cabling.ends) or cabling.medium != "cable":
                continue
            serials = self._serials(cabling.ends)
            meant = {self._state.serials[s] for s in serials if s in self._state.serials}
            if len(meant) == 1 and (cable := meant.pop()) in cabling.cables:
                if cabling.cables != (cable, cable):
                    self._settle(cabling, cable)
            elif len(meant) == 1:
                self.replug(cabling, cable, "serial number", f"Cable {cable} is {self._say.between(cabling.ends)} now.")
            elif not meant and set(cabling.cables) <= set(self._state.serials.values()):
                text = f"Cable {self._say.between(cabling.ends)} has another serial number: it was replaced."
                self.replug(cabling, self._mint(cabling.ends), "serial number", text)
            self._learn(cabling.ends, cabling.cables)

    def replug(self, cabling: CableState, cable: str, who: str, text: str) -> None:
        """The same two ports have another cable from now on."""
        seen_ms = self._at.seen(cabling.last_seen_ms)
        self._at.close("connection", (cabling.id,), self._at.now_ms, seen_ms)
        self._at.close("link_state", (cabling.id,), self._at.now_ms, seen_ms)
        old, cabling.cables = cabling.cables[0], (cable, cable)
        cabling.id = self._connection_id(cabling.ends)
        for reading in READINGS:
            self._state.memories[reading].plug(cable, cabling.ends)
        self._at.open_connection(cabling, seen_ms)
        state = ("up" if cabling.up else "down", cabling.width, cabling.speed)
        self._at.open("link_state", (cabling.id,), state, seen_ms)
        detail = {"by": who}
        self._say.tell("cable_replaced", "info", text, ports=cabling.ends, cables=[old, cable], detail=detail)

    def replace(self, cabling: CableState, who: str) -> None:
        """A person says that the cable is another one from now on."""
        if cabling.medium == "cable":
            text = f"Cable {self._say.between(cabling.ends)} was replaced, says {who}."
            self.replug(cabling, self._mint(cabling.ends), who, text)

    def _settle(self, cabling: CableState, cable: str) -> None:
        """An ambiguous identity is decided by serial numbers, from the beginning of the connection on."""
        self._at.decide(cabling, cable)
        for reading in READINGS:
            self._state.memories[reading].plug(cable, cabling.ends)
        text = f"Serial numbers say that {self._say.between(cabling.ends)} is cable {cable}."
        self._say.tell("cable_identified", "info", text, ports=cabling.ends, cables=[cable])

    def _identify(self, new: Sequence[Ends]) -> _Identified:
        """The cable of each new link in both readings; a cable not seen before is minted, the same one in both."""
        chosen: list[dict[Ends, str | None]] = []
        for reading in READINGS:
            up = {c.cables[reading] for c in self._state.cablings.values() if c.up and c.last_seen_ms is None}
            by_serial = self._by_serial(new, up)
            others = [ends for ends in new if ends not in by_serial]
            remembered = self._state.memories[reading].cable_of
            named = {cable for cable in by_serial.values() if cable is not None}
            given = assign(others, remembered, up | named, self._at.in_hca, reading)
            chosen.append({ends: by_serial[ends] if ends in by_serial else given[ends] for ends in new})
        cables = {}
        for ends in new:
            first, second = chosen[0][ends], chosen[1][ends]
            minted = self._mint(ends) if first is None or second is None else ""
            cables[ends] = first or minted, second or minted
        taken = {first for first, _ in cables.values()}
        before: dict[str, list[PortKey]] = {}
        for port, cable in self._state.memories[0].cable_of.items():
            if cable in taken:
                before.setdefault(cable, []).append(port)
        return _Identified(cables, before, {x for x in new if chosen[0][x] is None and chosen[1][x] is None})

    def _by_serial(self, new: Sequence[Ends], up_elsewhere: set[str]) -> dict[Ends, str | None]:
        """Links that serial numbers decide: the cable, or None for one not seen before."""
        found: dict[Ends, str | None] = {}
        with_serial = set(self._state.serials.values())
        for ends in new:
            serials = self._serials(ends)
            meant = {self._state.serials[s] for s in serials if s in self._state.serials} - up_elsewhere
            remembered = {m.cable_of[port] for m in self._state.memories for port in ends if port in m.cable_of}
            if len(meant) == 1:
                found[ends] = meant.pop()
            elif serials and not meant and remembered <= with_serial:
                found[ends] = None
        return found

    def _serials(self, ends: Ends) -> set[str]:
        """Serial numbers last read in both ports."""
        return {m.serial for port in ends if (m := self._state.modules.get(port)) is not None and m.serial}

    def _learn(self, ends: Ends, cables: tuple[str, str]) -> None:
        """Serial numbers of a cable whose identity is certain are its own from now on."""
        if cables[0] == cables[1]:
            for serial in self._serials(ends):
                self._state.serials.setdefault(serial, cables[0])

    def _tell_plugged(
        self, new: Sequence[Ends], known: _Identified, fresh: set[str], replaced: Mapping[str, str]
    ) -> None:
        certain = [ends for ends in new if known.cables[ends][0] == known.cables[ends][1]]
        for ends in certain:
            cable = known.cables[ends][0]
            if ends in known.unknown:
                if fresh.isdisjoint(port.guid for port in ends):
                    text = f"New cable {self._say.between(ends)}."
                    self._say.tell("cable_new", "info", text, ports=ends, cables=[cable])
                continue
            left = sorted(set(known.ports_before.get(cable, ())) - set(ends))
            in_old_hca = {replaced[port.guid] for port in ends if port.guid in replaced}
            if not left or {port.guid for port in left} != in_old_hca:
                self._say.cable_moved(cable, ends, left)
        for group in exchanges({ends: known.cables[ends] for ends in new if ends not in certain}):
            self._say.ends_exchanged(group, known.cables)

    def _mint(self, ends: Ends) -> str:
        ordinal = self._state.minted.get(ends, 0)
        self._state.minted[ends] = ordinal + 1
        return cable_id(self._state.fabric, ends, ordinal)

    def _medium(self, ends: Ends) -> str:
        """A link inside one chassis is no cable: both switches of a director, or a switch and its own SHARP node."""
        a, b = (self._state.nodes[port.guid] for port in ends)
        if a.guid == b.guid or a.system_guid is None or a.system_guid != b.system_guid:
            return "cable"
        return "backplane" if a.kind is b.kind is NodeKind.SWITCH else "internal"

    def _connection_id(self, ends: Ends) -> str:
        text = f"{self._state.fabric}|{ends[0]}|{ends[1]}|{self._at.now_ms}"
        return "l" + sha256(text.encode()).hexdigest()[:14]

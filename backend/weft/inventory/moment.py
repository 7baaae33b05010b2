"""One step of the fold: the state it starts from, the rows and changes it makes, and the two times it knows."""

from typing import Any

from weft.fabric.model import NodeKind, PortKey
from weft.inventory.state import CableState, Closed, Decided, FabricState, Opened, Step
from weft.inventory.telling import Teller


class Moment:
    """A step at `now_ms` on a state whose last sweep is of `before_ms` (None: there was none)."""

    def __init__(self, state: FabricState, now_ms: int) -> None:
        self.state, self.now_ms, self.before_ms = state, now_ms, state.last_ms
        self.step = Step(now_ms)
        self.say = Teller(state, now_ms, self.before_ms)

    def done(self) -> Step:
        """The step, with what was told."""
        self.step.changes = self.say.changes
        return self.step

    def last_ms(self) -> int:
        """The last sweep; only asked about things that it, or one before, has shown."""
        return self.now_ms if self.before_ms is None else self.before_ms

    def seen(self, last_seen_ms: int | None) -> int:
        """When a thing was last shown: None stands for the last sweep."""
        return self.last_ms() if last_seen_ms is None else last_seen_ms

    def open(self, table: str, key: tuple[Any, ...], values: tuple[Any, ...], absent_ms: int | None) -> None:
        """A span begins now; not yet so at absent_ms."""
        self.step.rows.append(Opened(table, key, values, self.now_ms, absent_ms))

    def close(self, table: str, key: tuple[Any, ...], to_ms: int, last_seen_ms: int) -> None:
        """The open span of this key ends at to_ms; still so at last_seen_ms."""
        self.step.rows.append(Closed(table, key, to_ms, last_seen_ms))

    def open_connection(self, cabling: CableState, absent_ms: int | None) -> None:
        """A cabling begins."""
        cable, other = cabling.cables
        values = (*cabling.a, *cabling.b, cable, other if other != cable else None, cabling.medium)
        self.open("connection", (cabling.id,), values, absent_ms)

    def open_link(self, cabling: CableState, width: str | None, speed: str | None, absent_ms: int | None) -> None:
        """A link comes up, or runs otherwise than before."""
        cabling.up, cabling.width, cabling.speed = True, width, speed
        self.open("link_state", (cabling.id,), ("up", width, speed), absent_ms)

    def link_down(self, cabling: CableState, at_ms: int, *, tell: bool = True) -> None:
        """The link is down since at_ms; the cabling lasts. A vanished node has told of its links already."""
        if not cabling.up:
            return
        seen_ms = self.seen(cabling.last_seen_ms)
        self.close("link_state", (cabling.id,), at_ms, seen_ms)
        cabling.up, cabling.width, cabling.speed = False, None, None
        self.step.rows.append(Opened("link_state", (cabling.id,), ("down", None, None), at_ms, seen_ms))
        if tell and all(self.state.nodes[port.guid].present for port in cabling.ends):
            text = f"{self.say.between(cabling.ends)}: link is down."
            cables = cabling.cables[:1]
            self.say.tell("link_down", "error", text, ports=cabling.ends, cables=cables, at_ms=at_ms, since_ms=seen_ms)

    def decide(self, cabling: CableState, cable: str) -> None:
        """It is known now which cable a cabling always was."""
        cabling.cables = (cable, cable)
        self.step.rows.append(Decided(cabling.id, cable))

    def in_hca(self, port: PortKey) -> bool:
        """True for a port of a channel adapter (or router), False for a switch's."""
        return self.state.nodes[port.guid].kind is not NodeKind.SWITCH

"""Which cable a new link is: identity followed through every move, in two readings.

A port remembers its last cable, link up or down. When links appear, each cable that is not up elsewhere may be claimed
by a port that remembers it. Where two ports of the new links remember different free cables (an exchange), or two new
links could both be the one cable, nobody can tell from the wiring alone what was carried where. Two readings are kept:

- reading 0 (taken): the ends in HCAs stayed plugged, the ends in switches were moved;
- reading 1: the other way round.

Between two switches neither is more likely; reading 0 is then the one in which the lower port kept its cable, and the
caller says that it is not preferred. An identity is certain when both readings agree.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256

from weft.fabric.model import PortKey

Ends = tuple[PortKey, PortKey]

READINGS = (0, 1)


def cable_id(fabric: str, ends: Ends, ordinal: int) -> str:
    """The surrogate of the `ordinal`-th cable first seen between two ports: the same whatever the order of import."""
    return "c" + sha256(f"{fabric}|{ends[0]}|{ends[1]}|{ordinal}".encode()).hexdigest()[:10]


def assign(
    links: Sequence[Ends],
    remembered: Mapping[PortKey, str],
    up_elsewhere: Collection[str],
    in_hca: Callable[[PortKey], bool],
    reading: int,
) -> dict[Ends, str | None]:
    """Give each new link the cable it is in one reading; None: a cable not seen before.

    Args:
        links: new links, each `(a, b)` with a < b, sorted.
        remembered: the last cable of each port, in this reading.
        up_elsewhere: cables that carry a link which was there before and still is.
        in_hca: whether a port is an HCA's.
        reading: 0 or 1, see above.
    """
    given: dict[Ends, str | None] = {}
    claimed: set[str] = set(up_elsewhere)
    for turn in (0, 1):
        for ends in links:
            if given.get(ends) is not None:
                continue
            first, second = ends if in_hca(ends[0]) >= in_hca(ends[1]) else (ends[1], ends[0])
            wanted = remembered.get((first, second)[turn ^ reading])
            if wanted is not None and wanted not in claimed:
                given[ends] = wanted
                claimed.add(wanted)
            else:
                given.setdefault(ends, None)
    return given


class Memory:
    """The last cable of every port in one reading, and the ports that each cable was last in."""

    def __init__(self, remembered: Mapping[PortKey, str] | None = None) -> None:
        self.cable_of: dict[PortKey, str] = dict(remembered or {})
        self._ports_of: dict[str, set[PortKey]] = {}
        for port, cable in self.cable_of.items():
            self._ports_of.setdefault(cable, set()).add(port)

    def plug(self, cable: str, ends: Ends) -> None:
        """The cable is in these two ports now: ports it has left forget it, and these forget what they had."""
        for port in self._ports_of.get(cable, set()) - set(ends):
            del self.cable_of[port]
        for port in ends:
            before = self.cable_of.get(port)
            if before is not None and before != cable:
                self._ports_of[before].discard(port)
            self.cable_of[port] = cable
        self._ports_of[cable] = set(ends)


def exchanges(chosen: Mapping[Ends, Sequence[str | None]]) -> list[list[Ends]]:
    """Group the links whose readings differ by the cables they share: each group is one exchange.

    Args:
        chosen: for each such link its cables, one a reading.
    """
    groups: list[tuple[set[str], list[Ends]]] = []
    for ends, cables in chosen.items():
        names: set[str] = {cable for cable in cables if cable is not None}
        links = [ends]
        rest = []
        for other_names, other_links in groups:
            if names & other_names:
                names |= other_names
                links += other_links
            else:
                rest.append((other_names, other_links))
        groups = [*rest, (names, links)]
    return [sorted(links) for _, links in groups]

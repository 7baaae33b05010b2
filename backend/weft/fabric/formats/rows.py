"""Listings with a row for each port (`ibnetdiscover -p`, `iblinkinfo`): what their rows tell, gathered into a sweep."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from weft.base.errors import BadInput
from weft.base.formats import Origin, counted, said_aside
from weft.fabric.formats.discovery import HIGHEST_PORT, Seen, links_of, one_sided, unanswered
from weft.fabric.model import Lid, Node, NodeKind, PortKey, Sweep
from weft.fabric.places import PortRef, UnplacedSweep

LID = "LID "
"""How the stand-in for a node begins of which only the LID is told."""

PART = "part of a listing, so nothing that is missing in it is called gone"


@dataclass(slots=True)
class Rows:
    """What the rows say: nodes by GUID (an HCA's by its port's), ends of cables, LIDs, the line that told each port.

    `again`: how to mend a bad file.
    """

    again: str
    nodes: dict[str, Node] = field(default_factory=dict)
    ends: dict[PortKey, Seen] = field(default_factory=dict)
    lids: dict[PortKey, Lid] = field(default_factory=dict)
    lines: dict[PortKey, int] = field(default_factory=dict)

    def port(self, guid: str, kind: NodeKind, name: str, number: int, lid: int, line: int) -> PortKey:
        """Note a port that a row names, its node and its LID. Raises BadInput: another row says otherwise."""
        if not 1 <= number <= HIGHEST_PORT:
            raise BadInput(f"a port has a number from 1 to 254, not {number}.", fix=self.again, line=line)
        known = self.nodes.get(guid)
        if known is not None and known.kind is not kind:
            raise BadInput(f"{guid} was a {known.kind} in another row and is a {kind} here.", fix=self.again, line=line)
        if known is None or not known.description:
            self.nodes[guid] = Node(guid, kind, name, 0)
        port = PortKey(guid, number)
        addressed = PortKey(guid, 0) if kind is NodeKind.SWITCH else port
        own = None if guid.startswith(LID) else guid
        if lid and (told := self.lids.setdefault(addressed, Lid(addressed, lid, 0, own))).lid != lid:
            raise BadInput(f"{guid} had LID {told.lid} in another row and has {lid} here.", fix=self.again, line=line)
        return port

    def row(self, port: PortKey, line: int) -> None:
        """Note that this row is the port's own. Raises BadInput: it had one already."""
        if port in self.lines:
            raise BadInput(f"this port was told at line {self.lines[port]} already.", fix=self.again, line=line)
        self.lines[port] = line

    def sweep(
        self,
        origin: Origin,
        source: str,
        *,
        down: Iterable[PortKey] = (),
        unknown: Iterable[PortKey] = (),
        whole: bool = True,
        stand_ins: Iterable[tuple[str, PortRef]] = (),
    ) -> tuple[UnplacedSweep, list[str]]:
        """All rows as a sweep, and what the reader should know. An HCA's port stands for its node.

        Args:
            down: ports stated as down. unknown: ports that are up to a peer that did not answer.
            whole: False: the rows are known to be a part. stand_ins: of nodes that are told by something else.
        """
        if not self.lines:
            raise BadInput("there is no port in it.", fix=self.again)
        links, notices = links_of(self.ends)
        alone = one_sided(self.ends)
        if alone and whole:
            notices.append(
                f"{counted(len(alone), 'cable')} told from one end only, first in line {self.ends[alone[0]].line}: "
                f"{PART}."
            )
        highest = Counter[str]()
        for port in self.lines:
            highest[port.guid] = max(highest[port.guid], port.number)
        whole = whole and not alone and bool(links)
        silent, more = self._unanswered(origin.stderr, highest) if whole else ([], said_aside(origin.stderr))
        sweep = Sweep.of(
            origin.fabric,
            origin.seen_at_ms,
            source,
            self.nodes.values(),
            links,
            self.lids.values(),
            down=down,
            unanswered=[*silent, *unknown],
            complete=whole,
        )
        ports = {*self.lines, *(end.peer for end in self.ends.values())}
        told = {
            port.guid: PortRef(None, port.guid, None, self.nodes[port.guid].description, port.number)
            for port in ports
            if self.nodes[port.guid].kind is not NodeKind.SWITCH
        }
        return UnplacedSweep(sweep, told | dict(stand_ins), highest), notices + more

    def _unanswered(self, stderr: str, highest: Mapping[str, int]) -> tuple[list[PortKey], list[str]]:
        """The search began at the node of the last row: libibnetdisc puts each node it finds in front of the others."""
        start = max(self.lines, key=lambda port: self.lines[port]).guid
        peers = {port: end.peer for port, end in self.ends.items()}
        names = {guid: node.description for guid, node in self.nodes.items()}
        return unanswered(stderr, start, highest, peers, names)

"""Fabrics built in view: fat trees of two and three levels, and whatever a test plugs together, as FabricViews.

Nothing of the product is asked but the types, so that what it finds in them can be counted by hand.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from weft.fabric.model import Link, Node, NodeKind, PortKey, Sweep
from weft.inventory.store import FabricView

PODS = Sequence[Sequence[int]]
"""Hosts on each leaf of each pod."""


@dataclass
class Fabric:
    """Nodes by number, in the order they were added, and the links between their next free ports."""

    nodes: list[tuple[str, NodeKind, str]] = field(default_factory=list)
    links: list[tuple[int, int, int, int]] = field(default_factory=list)
    down: set[int] = field(default_factory=set)
    by_name: dict[str, int] = field(default_factory=dict)
    _used: dict[int, int] = field(default_factory=dict)

    def node(self, kind: NodeKind, description: str, guid: str = "") -> int:
        """Add a node; GUIDs count up, switches from a..., the others from c..."""
        letter = "a" if kind is NodeKind.SWITCH else "c"
        self.nodes.append((guid or f"{letter}{len(self.nodes) + 1:015}", kind, description))
        self.by_name.setdefault(description, len(self.nodes) - 1)
        return len(self.nodes) - 1

    def switch(self, name: str, guid: str = "") -> int:
        """Add a switch."""
        return self.node(NodeKind.SWITCH, name, guid)

    def host(self, name: str, *leaves: int) -> None:
        """Add a host with an HCA (mlx5_0, mlx5_1, ...) on each of these switches."""
        for rail, leaf in enumerate(leaves):
            self.link(leaf, self.node(NodeKind.CA, f"{name} mlx5_{rail}"))

    def link(self, a: int, b: int) -> int:
        """Plug a cable into the next free port of each; its number."""
        ports = []
        for end in (a, b):
            self._used[end] = self._used.get(end, 0) + 1
            ports.append(self._used[end])
        self.links.append((a, ports[0], b, ports[1]))
        return len(self.links) - 1

    def cut(self, *names: str) -> None:
        """Take down every link of these nodes (by description)."""
        gone = {self.by_name[name] for name in names}
        self.down |= {j for j, (a, _, b, _) in enumerate(self.links) if gone & {a, b}}

    def view(self, at_ms: int = 0, gone: Sequence[str] = ()) -> FabricView:
        """The fabric as the inventory tells it; without the nodes of these descriptions."""
        hidden = {self.by_name[name] for name in gone}
        order = sorted((i for i in range(len(self.nodes)) if i not in hidden), key=lambda i: self.nodes[i][0])
        row = {number: i for i, number in enumerate(order)}
        kept = []
        for j, (a, p, b, q) in enumerate(self.links):
            if not hidden & {a, b}:
                near, far = sorted(((row[a], p), (row[b], q)))
                kept.append((*near, *far, j))
        kept.sort()
        table = np.array(kept, np.int64).reshape(-1, 5)
        names = tuple(f"n{j}" for j in table[:, 4].tolist())
        return FabricView(
            "ib", at_ms, at_ms, at_ms, 1,
            tuple(self.nodes[i][0] for i in order), tuple(self.nodes[i][1] for i in order),
            tuple(self.nodes[i][2] for i in order), np.zeros(len(order), np.int32),
            table[:, [0, 2]].astype(np.int32), table[:, [1, 3]].astype(np.int16),
            np.array([j not in self.down for j in table[:, 4].tolist()], bool), np.zeros(len(table), bool),
            names, names, ("4X",) * len(table), ("EDR",) * len(table),
        )  # fmt: skip

    def sweep(self, seen_ms: int) -> Sweep:
        """The fabric as a complete sweep; a link that is down is not in it."""
        nodes = [Node(guid, kind, text, 36 if kind is NodeKind.SWITCH else 1) for guid, kind, text in self.nodes]
        links = [
            Link(PortKey(self.nodes[a][0], p), PortKey(self.nodes[b][0], q), "4X", "EDR")
            for j, (a, p, b, q) in enumerate(self.links)
            if j not in self.down
        ]
        return Sweep.of("ib", seen_ms, "test", nodes, links, [])

    def text(self, seen_s: int) -> str:
        """The fabric as `ibnetdiscover` prints it; LIDs count up."""
        ports: dict[int, list[tuple[int, int, int]]] = {}
        for a, p, b, q in self.links:
            ports.setdefault(a, []).append((p, b, q))
            ports.setdefault(b, []).append((q, a, p))
        heading = datetime.fromtimestamp(seen_s, UTC).strftime("%a %b %d %H:%M:%S %Y")
        start = next(guid for guid, kind, _ in self.nodes if kind is NodeKind.CA)
        blocks = [f"#\n# Topology file: generated on {heading}\n#\n# Initiated from node {start} port {start}\n"]
        switches = [i for i, node in enumerate(self.nodes) if node[1] is NodeKind.SWITCH]
        others = [i for i, node in enumerate(self.nodes) if node[1] is not NodeKind.SWITCH]
        blocks += [self._block(i, sorted(ports.get(i, ()))) for i in (*switches, *others)]
        return "\n".join(blocks)

    def _block(self, i: int, ports: Sequence[tuple[int, int, int]]) -> str:
        guid, kind, description = self.nodes[i]
        is_switch = kind is NodeKind.SWITCH
        lines = ["vendid=0x2c9", f"devid={'0xcb20' if is_switch else '0x1017'}", f"sysimgguid=0x{guid}"]
        if is_switch:
            lines.append(f"switchguid=0x{guid}({guid})")
            lines.append(f'Switch\t36 "S-{guid}"\t\t# "{description}" enhanced port 0 lid {i + 1} lmc 0')
        else:
            lines.append(f"caguid=0x{guid}")
            lines.append(f'Ca\t1 "H-{guid}"\t\t# "{description}"')
        for port, peer, peer_port in ports:
            other, peer_kind, called = self.nodes[peer]
            letter, behind = ("S", "") if peer_kind is NodeKind.SWITCH else ("H", f"({other})")
            if is_switch:
                far = f'"{letter}-{other}"[{peer_port}]{behind} \t\t# "{called}" lid {peer + 1} 4xEDR'
                lines.append(f"[{port}]\t{far}")
            else:
                far = f'"{letter}-{other}"[{peer_port}]\t\t# lid {i + 1} lmc 0 "{called}" lid {peer + 1} 4xEDR'
                lines.append(f"[{port}]({guid}) \t{far}")
        return "\n".join((*lines, ""))


def two_levels(hosts: Sequence[int], spines: int = 2, cables: int = 1) -> Fabric:
    """leaf01 with hosts[0] hosts, ...; every leaf cabled to every spine. node001 is the first host of leaf01."""
    fabric = Fabric()
    above = [fabric.switch(f"spine{s:02}") for s in range(1, spines + 1)]
    number = 0
    for i, own in enumerate(hosts, 1):
        leaf = fabric.switch(f"leaf{i:02}")
        for _ in range(own):
            number += 1
            fabric.host(f"node{number:03}", leaf)
        for spine in above:
            for _ in range(cables):
                fabric.link(leaf, spine)
    return fabric


def three_levels(pods: PODS, spines: int = 1, cores: int = 1) -> Fabric:
    """Pods of leaves; `spines` in each pod, of which each has `cores` of its own above it, shared by all pods.

    Pod 1 has p1leaf1 with pods[0][0] hosts, ... and p1spine1, ...; above the first spine of every pod is core11, ....
    node00001 is the first host of p1leaf1.
    """
    fabric = Fabric()
    above = [[fabric.switch(f"core{s}{c}") for c in range(1, cores + 1)] for s in range(1, spines + 1)]
    number = 0
    for p, leaves in enumerate(pods, 1):
        middle = [fabric.switch(f"p{p}spine{s}") for s in range(1, spines + 1)]
        for spine, own in zip(middle, above, strict=True):
            for core in own:
                fabric.link(spine, core)
        for i, hosts in enumerate(leaves, 1):
            leaf = fabric.switch(f"p{p}leaf{i}")
            for _ in range(hosts):
                number += 1
                fabric.host(f"node{number:05}", leaf)
            for spine in middle:
                fabric.link(leaf, spine)
    return fabric


def full(radix: int = 36) -> Fabric:
    """The largest three-level fat tree of switches with so many ports: 11,664 hosts on 1,620 switches of 36."""
    half = radix // 2
    return three_levels([[half] * half] * radix, spines=half, cores=half)


def read_ibnetdiscover(path: Path) -> Fabric:
    """The switch blocks of an ibnetdiscover dump: enough for a picture, and no code of the product."""
    fabric, at, links = Fabric(), {}, set()
    here = ""

    def known(guid: str, kind: NodeKind, description: str) -> int:
        if guid not in at:
            at[guid] = fabric.node(kind, description, guid)
        return at[guid]

    for line in path.read_text().splitlines():
        if head := re.match(r'Switch\t\d+ "S-(\w+)"\t+# "(?:MF0;)?([^":]*)[^"]*"', line):
            here = head[1]
            known(here, NodeKind.SWITCH, head[2])
        elif line.startswith("Ca"):
            here = ""
        elif here and (row := re.match(r'\[(\d+)\]\t"([HS])-(\w+)"\[(\d+)\].*?# "(?:MF0;)?([^":]*)[^"]*"', line)):
            kind = NodeKind.CA if row[2] == "H" else NodeKind.SWITCH
            ends = sorted(((at[here], int(row[1])), (known(row[3], kind, row[5]), int(row[4]))))
            links.add((*ends[0], *ends[1]))
    fabric.links = sorted(links)
    return fabric

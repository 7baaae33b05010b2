"""What the server answers with, as plain values: nodes, relationships and paths, lists, objects, texts and numbers."""

import math
from dataclasses import dataclass, field
from typing import Any

from neo4j.graph import Node, Path, Relationship

from weft.inventory.store import CypherEdge, CypherNode, CypherPath

PER_VALUE = 8
"""Bytes that a number counts for."""


@dataclass
class Collected:
    """The nodes and relationships of an answer, each once, and how many bytes its values came to."""

    nodes: dict[str, CypherNode] = field(default_factory=dict)
    edges: dict[str, CypherEdge] = field(default_factory=dict)
    size: int = 0

    def plain(self, value: Any) -> Any:
        """A value of the driver as JSON can carry it, or one of the store's own; what it holds is counted.

        Times are texts as ISO 8601 writes them, points texts; a number that is none (NaN, infinite) is None.
        """
        match value:
            case None | bool() | int():
                self.size += PER_VALUE
                return value
            case float():
                self.size += PER_VALUE
                return value if math.isfinite(value) else None
            case str():
                self.size += len(value) + PER_VALUE
                return value
            case Node():
                return self._node(value)
            case Relationship():
                return self._edge(value)
            case Path():
                return CypherPath(
                    tuple(self._node(one) for one in value.nodes), tuple(self._edge(one) for one in value.relationships)
                )
            case dict():
                self.size += sum(len(key) for key in value)
                return {key: self.plain(one) for key, one in value.items()}
            case bytes() | bytearray():
                self.size += len(value)  # forwarding tables and dumps: nothing to read in a table
                return f"{len(value)} bytes"
            case list() | tuple() if type(value) in (list, tuple):
                return [self.plain(one) for one in value]
        return self.plain(value.iso_format() if hasattr(value, "iso_format") else str(value))

    def _node(self, node: Node) -> CypherNode:
        told = CypherNode(node.element_id, tuple(sorted(node.labels)), self.plain(dict(node)))
        return self.nodes.setdefault(told.id, told)

    def _edge(self, edge: Relationship) -> CypherEdge:
        ends = [end.element_id if end is not None else "" for end in (edge.start_node, edge.end_node)]
        told = CypherEdge(edge.element_id, ends[0], ends[1], edge.type, self.plain(dict(edge)))
        return self.edges.setdefault(told.id, told)

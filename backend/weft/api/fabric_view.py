"""The fabric at a time for the wire: `FabricView`'s arrays as rows, without models (a large one has 35,000 links)."""

from typing import Any

import numpy as np
from pydantic import BaseModel

from weft.answers import graph
from weft.answers.answers import Answers
from weft.answers.difference import difference, ends_of
from weft.answers.fabric import Row
from weft.fabric.names import node_label


class NodeRow(BaseModel):
    """A node: switch, ca or router."""

    guid: str
    kind: str
    name: str
    description: str
    lid: int | None


class LinkRow(BaseModel):
    """A link between two ports; `unsure`: the last sweep did not confirm it, or the time lies between two sweeps."""

    a: str
    a_port: int
    b: str
    b_port: int
    up: bool
    unsure: bool
    width: str | None
    speed: str | None
    cable: str


class FabricAnswer(BaseModel):
    """Nodes and links at `at_ms`, as the sweep of `seen_ms` showed them; `last_ms`: the fabric's last sweep."""

    fabric: str
    at_ms: int
    seen_ms: int
    last_ms: int
    nodes: list[NodeRow]
    links: list[LinkRow]
    notices: list[str]


async def fabric_answer(answers: Answers, name: str | None, at_ms: int) -> dict[str, Any]:
    """The members of FabricAnswer. Raises UnknownName: no such fabric, or nothing was seen of it by then."""
    span = await answers.fabric(name)
    view = (await answers.scene(span.name, at_ms)).view
    called = (await answers.directory(span.name)).switch_names(at_ms)
    nodes = [
        {
            "guid": guid,
            "kind": kind.value,
            "name": called.get(guid) or node_label(kind, guid, description),
            "description": description,
            "lid": lid or None,
        }
        for guid, kind, description, lid in zip(
            view.guids, view.kinds, view.descriptions, view.lids.tolist(), strict=True
        )
    ]
    ends = zip(view.link_node.tolist(), view.link_port.tolist(), strict=True)
    states = zip(view.up.tolist(), view.unsure.tolist(), view.widths, view.speeds, view.cables, strict=True)
    links = [
        {
            "a": view.guids[a],
            "a_port": a_port,
            "b": view.guids[b],
            "b_port": b_port,
            "up": up,
            "unsure": unsure,
            "width": width,
            "speed": speed,
            "cable": cable,
        }
        for ((a, b), (a_port, b_port)), (up, unsure, width, speed, cable) in zip(ends, states, strict=True)
    ]
    return {
        "fabric": view.fabric,
        "at_ms": at_ms,
        "seen_ms": view.seen_ms,
        "last_ms": view.last_ms,
        "nodes": nodes,
        "links": links,
        "notices": _not_since(answers, at_ms, view.last_ms),
    }


class FoldedSwitch(BaseModel):
    """A switch with the hosts on it as a number; `level`: 0 leaf, 1 spine, 2 core, null: no way to a host."""

    guid: str
    name: str
    level: int | None
    kind: str
    hosts: int


class FoldedLink(BaseModel):
    """All links between two switches, how many of them are down or below their like, and the rate of the first."""

    a: str
    b: str
    links: int
    down: int
    degraded: int
    width: str | None
    speed: str | None


class FoldedFabric(BaseModel):
    """FabricAnswer without hosts: one node a switch, one link for all between two."""

    fabric: str
    at_ms: int
    seen_ms: int
    last_ms: int
    nodes: list[FoldedSwitch]
    links: list[FoldedLink]
    notices: list[str]


async def folded_fabric(answers: Answers, name: str | None, at_ms: int) -> dict[str, Any]:
    """The members of FoldedFabric. Raises UnknownName: no such fabric, or nothing was seen of it by then."""
    span = await answers.fabric(name)
    scene = await answers.scene(span.name, at_ms)
    view, topology = scene.view, scene.topology
    levels = topology.levels
    everything = np.ones(len(view.guids), bool)
    row = {guid: i for i, guid in enumerate(view.guids)}
    rows = [row[guid] for guid in topology.switches]
    switches = np.zeros(len(view.guids), bool)
    switches[rows] = True
    hosts = graph.hosts_by_switch(scene, everything)[rows].tolist()
    nodes = [
        {"guid": guid, "name": called, "level": level if level >= 0 else None, "kind": kind, "hosts": count}
        for guid, called, level, kind, count in zip(
            topology.switches, topology.names, levels.level.tolist(), levels.kinds, hosts, strict=True
        )
    ]
    links = [
        {
            "a": view.guids[a],
            "b": view.guids[b],
            "links": count,
            "down": down,
            "degraded": worse,
            "width": width,
            "speed": speed,
        }
        for a, b, count, down, worse, width, speed in zip(*graph.bundles(scene, switches), strict=True)
    ]
    return {
        "fabric": view.fabric,
        "at_ms": at_ms,
        "seen_ms": view.seen_ms,
        "last_ms": view.last_ms,
        "nodes": nodes,
        "links": links,
        "notices": [*_not_since(answers, at_ms, view.last_ms), *levels.doubts],
    }


def _not_since(answers: Answers, at_ms: int, last_ms: int) -> list[str]:
    """A notice where the time lies after the last sweep."""
    if at_ms <= last_ms:
        return []
    return [f"The last sweep was at {answers.when(last_ms)}: what happened since is not known."]


class FabricDiff(BaseModel):
    """What two times of a fabric differ in.

    A link is the same while its two ports are cabled to each other; one to a node that is gone is down.
    """

    fabric: str
    from_ms: int
    to_ms: int
    nodes_gone: list[NodeRow]
    nodes_new: list[NodeRow]
    links_gone: list[LinkRow]
    links_new: list[LinkRow]
    links_changed: list[LinkRow]
    notices: list[str]


async def fabric_diff(answers: Answers, name: str | None, from_ms: int, to_ms: int) -> dict[str, Any]:
    """The members of FabricDiff; a changed link is told as it is at `to_ms`. Raises UnknownName."""
    before = await fabric_answer(answers, name, from_ms)
    after = await fabric_answer(answers, name, to_ms)
    told = await difference(answers, after["fabric"], from_ms, to_ms)
    nodes, later_nodes = ({node["guid"]: node for node in one["nodes"]} for one in (before, after))
    changed = {ends_of(row): row for _, row in told.links_changed}
    changed |= {ends_of(x.after): x.after for x in told.cables_moved if ends_of(x.before) == ends_of(x.after)}
    return {
        "fabric": after["fabric"],
        "from_ms": from_ms,
        "to_ms": to_ms,
        "nodes_gone": [nodes[guid] for guid in told.nodes_gone],
        "nodes_new": [later_nodes[guid] for guid in told.nodes_new],
        "links_gone": [_link(row) for row in told.links_gone],
        "links_new": [_link(row) for row in told.links_new],
        "links_changed": [_link(row) for row in changed.values()],
        "notices": list(dict.fromkeys([*before["notices"], *after["notices"]])),
    }


def _link(row: Row) -> dict[str, Any]:
    a, a_port, b, b_port = ends_of(row)
    return {
        "a": a,
        "a_port": a_port,
        "b": b,
        "b_port": b_port,
        "up": row.up,
        "unsure": row.unsure,
        "width": row.width,
        "speed": row.speed,
        "cable": row.cable,
    }

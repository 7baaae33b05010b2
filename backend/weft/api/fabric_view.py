"""The fabric at a time for the wire: `FabricView`'s arrays as rows, without models (a large one has 35,000 links)."""

from typing import Any

from pydantic import BaseModel

from weft.answers.answers import Answers
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
    notices = []
    if at_ms > view.last_ms:
        notices.append(f"The last sweep was at {answers.when(view.last_ms)}: what happened since is not known.")
    return {
        "fabric": view.fabric,
        "at_ms": at_ms,
        "seen_ms": view.seen_ms,
        "last_ms": view.last_ms,
        "nodes": nodes,
        "links": links,
        "notices": notices,
    }


class FabricDiff(BaseModel):
    """What two times of a fabric differ in; a link is the same while its two ports are."""

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
    nodes, later_nodes = ({node["guid"]: node for node in one["nodes"]} for one in (before, after))
    links, later_links = ({_ends(link): link for link in one["links"]} for one in (before, after))
    return {
        "fabric": after["fabric"],
        "from_ms": from_ms,
        "to_ms": to_ms,
        "nodes_gone": [node for guid, node in nodes.items() if guid not in later_nodes],
        "nodes_new": [node for guid, node in later_nodes.items() if guid not in nodes],
        "links_gone": [link for ends, link in links.items() if ends not in later_links],
        "links_new": [link for ends, link in later_links.items() if ends not in links],
        "links_changed": [
            link for ends, link in later_links.items() if ends in links and _state(link) != _state(links[ends])
        ],
        "notices": list(dict.fromkeys([*before["notices"], *after["notices"]])),
    }


def _ends(link: dict[str, Any]) -> tuple[str, int, str, int]:
    return link["a"], link["a_port"], link["b"], link["b_port"]


def _state(link: dict[str, Any]) -> tuple[bool, str | None, str | None, str]:
    return link["up"], link["width"], link["speed"], link["cable"]

"""The fabric as Grafana's node graph draws it: a frame of nodes and one of edges, by a job, a switch, or folded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weft.answers.answers import Answers, Scene
from weft.answers.directory import Directory
from weft.answers.fabric import Like, Row, at_of, below, likes, look, rows_of, switch_guid
from weft.answers.jobs import resolve
from weft.answers.people import require_operator
from weft.answers.tables import Ask, TableData
from weft.answers.vanished import missing
from weft.fabric.model import NodeKind

BLUE, GREEN, ORANGE, RED, GREY = "#5794F2", "#56A64B", "#FF9830", "#C4162A", "#8E8E8E"
"""Switch; host; host of the job; vanished, silent, degraded or down; plain link. Told apart in subtitles as well."""


@dataclass(slots=True)
class Picture:
    """What both frames are made from: node rows by id in order, edge rows, and notices."""

    nodes: dict[str, list[object]]
    edges: list[list[object]]
    notices: list[str]


async def nodes(
    answers: Answers,
    ask: Ask,
    job: str | None = None,
    switch: str | None = None,
    fold: str | None = None,
    fabric: str | None = None,
    at: int | None = None,
) -> TableData:
    """Nodes of the node graph."""
    picture = await _picture(answers, ask, job, switch, fold, fabric, at)
    return TableData(list(picture.nodes.values()), tuple(picture.notices))


async def edges(
    answers: Answers,
    ask: Ask,
    job: str | None = None,
    switch: str | None = None,
    fold: str | None = None,
    fabric: str | None = None,
    at: int | None = None,
) -> TableData:
    """Edges of the node graph; both ends of each are among the nodes."""
    picture = await _picture(answers, ask, job, switch, fold, fabric, at)
    return TableData(picture.edges, tuple(picture.notices))


async def _picture(
    answers: Answers,
    ask: Ask,
    job: str | None,
    switch: str | None,
    fold: str | None,
    fabric: str | None,
    at: int | None,
) -> Picture:
    at_ms = at_of(ask, at)
    notices: list[str] = []
    job_hosts: set[str] = set()
    if job is None:
        require_operator(ask.viewer, "The whole fabric")
    else:
        meant = await resolve(answers, ask, job)
        notices += meant.notices
        job_hosts = {host for run in meant.runs for host in run.hosts}
        if at is None and meant.runs:  # the fabric as the job last had it
            at_ms = max(at_ms if run.end_ms is None else min(run.end_ms - 1, at_ms) for run in meant.runs)
    name, scene, directory = await look(answers, fabric, at_ms)
    found = {known for host in job_hosts if (known := scene.topology.find(host)) is not None}
    guid = None if switch is None else switch_guid(directory, switch, at_ms)
    kept = _kept(scene, found if job is not None else None, guid)
    folded = (fold or ("none" if job or switch else "leaf")) == "leaf"
    gone = {} if job is not None else {m.host: (m.state, m.leaf) for m in await missing(
        answers, await answers.fabric(name), at_ms
    )}  # fmt: skip
    return _draw(scene, directory, kept, found, gone, folded, ask.limit, notices)


def _kept(scene: Scene, job_hosts: set[str] | None, switch: str | None) -> set[str]:
    """GUIDs of the nodes to draw: all; a switch with its neighbours; a job's hosts with every shortest way between."""
    view, topology = scene.view, scene.topology
    if job_hosts is not None:
        rails = [rail for host in job_hosts for rail in topology.hosts[host]]
        leaves = sorted({rail.leaf for rail in rails if rail.leaf >= 0})
        kept = {rail.port.guid for rail in rails} | {topology.switches[leaf] for leaf in leaves}
        far = topology.distances
        for leaf in leaves:
            there = far[leaf, leaves]
            on_way = (far[:, [leaf]] >= 0) & (far[:, leaves] >= 0) & (far[:, [leaf]] + far[:, leaves] == there)
            kept |= {topology.switches[i] for i in np.flatnonzero(on_way.any(axis=1)).tolist()}
        return kept
    if switch is not None:
        near = {switch}
        for i, k in view.link_node.tolist():
            if switch in (view.guids[i], view.guids[k]):
                near |= {view.guids[i], view.guids[k]}
        return near
    return set(view.guids)


def _draw(
    scene: Scene,
    directory: Directory,
    kept: set[str],
    job_hosts: set[str],
    gone: Mapping[str, tuple[str, str]],
    folded: bool,
    limit: int,
    notices: list[str],
) -> Picture:
    view = scene.view
    drawn_node = np.array([guid in kept for guid in view.guids], bool)
    switch_node = np.array([kind is NodeKind.SWITCH for kind in view.kinds], bool)
    a, b = view.link_node[:, 0], view.link_node[:, 1]
    inside = drawn_node[a] & drawn_node[b]
    rows = rows_of(scene, directory, inside & switch_node[a] & switch_node[b] if folded else inside)
    lost: dict[str, list[str]] = {}
    for host, (state, leaf) in sorted(gone.items()):
        if state == "vanished" and leaf in kept:
            lost.setdefault(leaf, []).append(host)
    drawn = _switch_nodes(scene, kept, _hosts_on(scene, inside & view.up), lost)
    if not folded:
        silent = {host for host, (state, _) in gone.items() if state == "silent"}
        drawn |= _host_nodes(scene, directory, kept, job_hosts, silent)
        drawn |= {
            f"gone:{host}": [f"gone:{host}", host, "host, vanished", None, None, RED, None]
            for hosts in lost.values()
            for host in hosts
        }
    if len(drawn) > limit:
        notices = [*notices, f"Only {limit} of {len(drawn)} nodes are drawn: ask for a job or a switch."]
    shown = dict(list(drawn.items())[:limit])
    like, _ = likes(scene)
    links = _edges([row for row in rows if row.a.guid in shown and row.b.guid in shown], like)
    links += [
        [f"{leaf}-gone:{host}", leaf, f"gone:{host}", "vanished", None, 1, RED]
        for leaf, hosts in lost.items()
        for host in hosts
        if f"gone:{host}" in shown
    ]
    return Picture(shown, links, notices)


def _switch_nodes(
    scene: Scene, kept: set[str], hosts_on: Mapping[str, int], lost: Mapping[str, Sequence[str]]
) -> dict[str, list[object]]:
    """By id: id, title, subtitle, mainstat, secondarystat, color, detail__guid."""
    drawn: dict[str, list[object]] = {}
    for guid, title in zip(scene.topology.switches, scene.topology.names, strict=True):
        if guid in kept:
            hosts, gone = hosts_on.get(guid, 0), len(lost.get(guid, ()))
            what = "leaf switch" if hosts or gone else "switch"
            count, trouble = (
                f"{hosts} host{'s' if hosts > 1 else ''}" if hosts else None,
                f"{gone} vanished" if gone else None,
            )
            drawn[guid] = [guid, title, what, count, trouble, RED if gone else BLUE, guid]
    return drawn


def _host_nodes(
    scene: Scene, directory: Directory, kept: set[str], job_hosts: set[str], silent: set[str]
) -> dict[str, list[object]]:
    """HCAs (and routers) by id, as `_switch_nodes`."""
    owner = {rail.port.guid: host for host, rails in scene.topology.hosts.items() for rail in rails}
    drawn: dict[str, list[object]] = {}
    others = kept.intersection(scene.view.guids).difference(scene.topology.switches)
    for guid in sorted(others, key=lambda g: owner.get(g, g)):
        host = owner.get(guid, directory.node(guid, scene.view.at_ms))
        what, color = "host", GREEN
        if host in silent:
            what, color = "host, silent", RED
        elif host in job_hosts:
            what, color = "host, of the job", ORANGE
        drawn[guid] = [guid, host, what, None, None, color, guid]
    return drawn


def _hosts_on(scene: Scene, links: NDArray[np.bool_]) -> dict[str, int]:
    """Host links on each switch, of the links chosen."""
    view = scene.view
    counts: dict[str, int] = {}
    for i, k in view.link_node[links].tolist():
        for near, far in ((i, k), (k, i)):
            if view.kinds[far] is NodeKind.CA:
                counts[view.guids[near]] = counts.get(view.guids[near], 0) + 1
    return counts


def _edges(rows: Sequence[Row], like: Mapping[frozenset[NodeKind], Like]) -> list[list[object]]:
    """id, source, target, mainstat, secondarystat, thickness, color: parallel links are one edge."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((min(row.a.guid, row.b.guid), max(row.a.guid, row.b.guid)), []).append(row)
    found: list[list[object]] = []
    for (a, b), own in sorted(groups.items()):
        up = [row for row in own if row.up]
        worse = [row for row in up if below(row, like)]
        stat = f"{len(own)} links" if len(own) > 1 else " ".join(x for x in (own[0].width, own[0].speed) if x)
        trouble = [f"{len(own) - len(up)} down"] if len(up) < len(own) else []
        trouble += [f"{len(worse)} degraded"] if worse else []
        color = RED if trouble else GREY
        found.append([f"{a}-{b}", a, b, stat or None, ", ".join(trouble) or None, min(len(own), 6), color])
    return found

"""The fabric as Grafana's node graph draws it: a frame of nodes and one of edges, by a job, a switch, or folded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.answers.answers import Answers, Scene
from weft.answers.directory import Directory
from weft.answers.fabric import SPEEDS, WIDTHS, at_of, look, switch_guid
from weft.answers.jobs import resolve
from weft.answers.people import require_operator
from weft.answers.tables import Ask, TableData
from weft.answers.vanished import missing
from weft.base.arrays import distinct
from weft.fabric.model import NodeKind
from weft.fabric.topology import is_sharp

BLUE, GREEN, ORANGE, RED, GREY = "#5794F2", "#56A64B", "#FF9830", "#C4162A", "#8E8E8E"
"""Switch; host; host of the job; vanished, silent, degraded or down; plain link. Told apart in subtitles as well."""
THICKEST = 6
_KINDS = tuple(NodeKind)

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Picture:
    """What both frames are made from.

    `kept`: (n,) nodes of the view to draw, of which the first `limit` of `order` are. `lost`: switch GUID -> hosts that
    vanished from it, `silent`: hosts that do not answer; `own`: hosts of the job asked for.
    """

    scene: Scene
    directory: Directory
    kept: Mask
    own: frozenset[str]
    lost: Mapping[str, Sequence[str]]
    silent: frozenset[str]
    folded: bool
    limit: int
    notices: tuple[str, ...]


class Bundles(NamedTuple):
    """All links between two nodes of a view together, as columns: sorted by the rows `a` and `b` there.

    `links`: how many; `down` and `worse` (than their like) of them; `width` and `speed` of the first.
    """

    a: list[int]
    b: list[int]
    links: list[int]
    down: list[int]
    worse: list[int]
    width: list[str | None]
    speed: list[str | None]


async def nodes(
    answers: Answers,
    ask: Ask,
    job: str | None = None,
    switch: str | None = None,
    fold: str | None = None,
    fabric: str | None = None,
    at: int | None = None,
) -> TableData:
    """Nodes of the node graph: leaves, spines, cores, then hosts."""
    picture = await _picture(answers, ask, job, switch, fold, fabric, at)
    drawn, notices = _cut(picture)
    return TableData(_node_rows(picture, drawn), notices)


async def edges(
    answers: Answers,
    ask: Ask,
    job: str | None = None,
    switch: str | None = None,
    fold: str | None = None,
    fabric: str | None = None,
    at: int | None = None,
) -> TableData:
    """Edges of the node graph, the upper end first; both ends of each are among the nodes."""
    picture = await _picture(answers, ask, job, switch, fold, fabric, at)
    drawn, notices = _cut(picture)
    return TableData(_edge_rows(picture, drawn), notices)


async def levels(answers: Answers, ask: Ask, fabric: str | None = None, at: int | None = None) -> TableData:
    """Every switch with its level, leaves first."""
    name, scene, _ = await look(answers, fabric, at_of(ask, at))
    topology = scene.topology
    told = topology.levels
    rows = [
        [switch, level if level >= 0 else None, kind, hosts, chassis or None, guid, name]
        for switch, level, kind, hosts, chassis, guid in zip(
            topology.names, told.level.tolist(), told.kinds, topology.attached.tolist(), topology.chassis,
            topology.switches, strict=True,
        )
    ]  # fmt: skip
    rows.sort(key=lambda row: (row[1] is None, row[1], row[0]))
    return TableData(rows, told.doubts)


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
    own = frozenset(known for host in job_hosts if (known := scene.topology.find(host)) is not None)
    if job is not None:
        kept = _ways_between(scene, own)
    elif switch is not None:
        kept = _around(scene, switch_guid(directory, switch, at_ms))
    else:
        kept = np.ones(len(scene.view.guids), bool)
        notices += scene.topology.levels.doubts
    lost: dict[str, list[str]] = {}
    silent: set[str] = set()
    for gone in await missing(answers, await answers.fabric(name), at_ms) if job is None else ():
        if gone.state == "silent":
            silent.add(gone.host)
        elif gone.leaf:
            lost.setdefault(gone.leaf, []).append(gone.host)
    folded = (fold or ("none" if job or switch else "leaf")) == "leaf"
    return Picture(scene, directory, kept, own, lost, frozenset(silent), folded, ask.limit, tuple(notices))


def _ways_between(scene: Scene, hosts: frozenset[str]) -> Mask:
    """Nodes to draw for a job: its hosts, with every shortest way between them."""
    view, topology = scene.view, scene.topology
    row = {guid: i for i, guid in enumerate(view.guids)}
    kept = np.zeros(len(view.guids), bool)
    rails = [rail for host in hosts for rail in topology.hosts[host]]
    kept[[row[rail.port.guid] for rail in rails]] = True
    leaves = sorted({rail.leaf for rail in rails if rail.leaf >= 0})
    far = topology.distances
    used = np.zeros(len(topology.switches), bool)
    used[leaves] = True
    for leaf in leaves:
        there = far[leaf, leaves]
        on_way = (far[:, [leaf]] >= 0) & (far[:, leaves] >= 0) & (far[:, [leaf]] + far[:, leaves] == there)
        used |= on_way.any(axis=1)
    kept[[row[topology.switches[i]] for i in np.flatnonzero(used).tolist()]] = True
    return kept


def _around(scene: Scene, switch: str) -> Mask:
    """Nodes to draw for a switch: it and its neighbours."""
    view = scene.view
    kept = np.array([guid == switch for guid in view.guids], bool)
    kept[view.link_node[kept[view.link_node].any(axis=1)]] = True
    return kept


class _Drawn(NamedTuple):
    """A node to draw: its row in the view, or None for a host that vanished from switch `leaf`."""

    id: str
    title: str
    row: int | None
    level: int
    leaf: str = ""


def _cut(picture: Picture) -> tuple[list[_Drawn], tuple[str, ...]]:
    """The nodes that are drawn, and notices."""
    drawn = _drawn(picture)
    if len(drawn) <= picture.limit:
        return drawn, picture.notices
    told = f"Only {picture.limit} of {len(drawn)} nodes are drawn: ask for a job or a switch."
    return drawn[: picture.limit], (*picture.notices, told)


def _drawn(picture: Picture) -> list[_Drawn]:
    """Every node to draw: switches by level and name, then hosts by name, then those that vanished."""
    view, topology = picture.scene.view, picture.scene.topology
    told = topology.levels.level.tolist()
    level = dict(zip(topology.switches, told, strict=True))
    called = dict(zip(topology.switches, topology.names, strict=True))
    top = max(told, default=0) + 1
    owner = {} if picture.folded else topology.hosts.by_node()
    switches, others = [], []
    for i in np.flatnonzero(picture.kept).tolist():
        guid = view.guids[i]
        if guid in level:
            switches.append(_Drawn(guid, called[guid], i, level[guid] if level[guid] >= 0 else top))
        elif not picture.folded:
            others.append(_Drawn(guid, owner.get(i) or picture.directory.node(guid, view.at_ms), i, -1))
    found = sorted(switches, key=lambda one: (one.level, one.title)) + sorted(
        others, key=lambda one: (one.title, one.id)
    )
    if not picture.folded:
        kept = {one.id for one in switches}
        gone = [(host, leaf) for leaf, hosts in picture.lost.items() if leaf in kept for host in hosts]
        found += [_Drawn(f"gone:{host}", host, None, -2, leaf) for host, leaf in sorted(gone)]
    return found


def _node_rows(picture: Picture, drawn: Sequence[_Drawn]) -> list[list[object]]:
    """id, title, subtitle, mainstat, secondarystat, color, detail__guid."""
    topology = picture.scene.topology
    kinds = dict(zip(topology.switches, topology.levels.kinds, strict=True))
    hosts_on = hosts_by_switch(picture.scene, picture.kept)
    rows: list[list[object]] = []
    for one in drawn:
        if one.row is None:
            rows.append([one.id, one.title, "host, vanished", None, None, RED, None])
        elif one.id in kinds:
            hosts, gone = int(hosts_on[one.row]), len(picture.lost.get(one.id, ()))
            count = f"{hosts} host{'s' if hosts > 1 else ''}" if hosts else None
            trouble = f"{gone} vanished" if gone else None
            what = "switch" if kinds[one.id] in ("higher", "apart") else f"{kinds[one.id]} switch"
            rows.append([one.id, one.title, what, count, trouble, RED if gone else BLUE, one.id])
        else:
            what, color = "host", GREEN
            if one.title in picture.silent:
                what, color = "host, silent", RED
            elif one.title in picture.own:
                what, color = "host, of the job", ORANGE
            rows.append([one.id, one.title, what, None, None, color, one.id])
    return rows


def _edge_rows(picture: Picture, drawn: Sequence[_Drawn]) -> list[list[object]]:
    """id, source (the upper end), target, mainstat, secondarystat, thickness, color: parallel links are one edge."""
    view = picture.scene.view
    level = np.zeros(len(view.guids), np.int64)
    shown = np.zeros(len(view.guids), bool)
    for one in drawn:
        if one.row is not None:
            shown[one.row], level[one.row] = True, one.level
    rows: list[list[object]] = []
    for near, far, links, down, worse, width, speed in zip(*bundles(picture.scene, shown), strict=True):
        a, b = view.guids[near], view.guids[far]
        upper, lower = (b, a) if level[far] > level[near] else (a, b)
        own = " ".join(x for x in (width, speed) if x) or None
        trouble = [f"{down} down"] if down else []
        trouble += [f"{worse} degraded"] if worse else []
        rows.append(
            [
                f"{a}-{b}",
                upper,
                lower,
                f"{links} links" if links > 1 else own,
                ", ".join(trouble) or None,
                min(links, THICKEST),
                RED if trouble else GREY,
            ]
        )
    rows += [
        [f"{one.leaf}-{one.id}", one.leaf, one.id, "vanished", None, 1, RED]
        for one in drawn
        if one.row is None
    ]  # fmt: skip
    return rows


def bundles(scene: Scene, among: Mask) -> Bundles:
    """The links between these nodes of a view (n,), the parallel ones together."""
    view = scene.view
    rows = np.flatnonzero(among[view.link_node].all(axis=1))
    n = len(view.guids)
    ends = np.sort(view.link_node[rows], axis=1).astype(np.int64)
    pairs, first, member = np.unique(ends[:, 0] * n + ends[:, 1], return_index=True, return_inverse=True)
    down = np.bincount(member, weights=~view.up[rows], minlength=len(pairs)).astype(np.int64)
    worse = np.bincount(member, weights=below_their_like(scene)[rows], minlength=len(pairs)).astype(np.int64)
    told = rows[first].tolist()
    return Bundles(
        (pairs // n).tolist(), (pairs % n).tolist(), np.bincount(member, minlength=len(pairs)).tolist(), down.tolist(),
        worse.tolist(), [view.widths[j] for j in told], [view.speeds[j] for j in told],
    )  # fmt: skip


def below_their_like(scene: Scene) -> Mask:
    """Links (m,) that are up but narrower or slower than the best between the same two kinds of nodes."""
    view = scene.view
    kind = _ranks(view.kinds, _KINDS)
    ends = np.sort(kind[view.link_node], axis=1)
    like = ends[:, 0] * len(_KINDS) + ends[:, 1]
    worse = np.zeros(len(view.up), bool)
    for told, known in ((view.widths, WIDTHS), (view.speeds, SPEEDS)):
        rank = _ranks(told, known)
        best = np.full(len(_KINDS) ** 2, -1, np.int64)
        np.maximum.at(best, like[view.up], rank[view.up])
        worse |= (rank >= 0) & (rank < best[like])
    return worse & view.up


def _ranks(told: Sequence[str | None], known: Sequence[str]) -> NDArray[np.int64]:
    """The place of each word among those known, -1 for another and for None."""
    place: dict[str | None, int] = dict.fromkeys(told, -1)
    place.update({name: i for i, name in enumerate(known)})
    place[None] = -1
    return np.fromiter(map(place.__getitem__, told), np.int64, len(told))


def hosts_by_switch(scene: Scene, among: Mask) -> NDArray[np.int64]:
    """By node of the view (n,): hosts (and HCAs that name none) of these nodes that have a link to it which is up."""
    view = scene.view
    n = len(view.guids)
    who = np.full(n, -1, np.int64)
    who[scene.topology.hosts.node] = scene.topology.hosts.host
    for i in np.flatnonzero(who < 0).tolist():
        if view.kinds[i] is NodeKind.CA and not is_sharp(view.descriptions[i]):
            who[i] = n + i
    up = view.link_node[view.up & among[view.link_node].all(axis=1)].astype(np.int64)
    pairs = []
    for near, far in ((up[:, 0], up[:, 1]), (up[:, 1], up[:, 0])):
        hung = who[near] >= 0
        pairs.append(far[hung] * (2 * n) + who[near[hung]])
    return np.bincount(distinct(np.concatenate(pairs)) // (2 * n), minlength=n)

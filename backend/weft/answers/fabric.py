"""The fabric at a time: hosts, switches, ports, links, which links run below their like, and what changed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.answers.answers import Answers, Scene, did_you_mean
from weft.answers.directory import UNTOLD_PORTS, Directory
from weft.answers.narrow import log_notes, narrowed
from weft.answers.people import host_times
from weft.answers.slurm import SlurmNodes
from weft.answers.tables import Ask, TableData
from weft.base.errors import UnknownName
from weft.base.formats import counted
from weft.base.intervals import Interval
from weft.fabric.model import NodeKind, PortKey

WIDTHS = ("1X", "2X", "4X", "8X", "12X")
SPEEDS = ("SDR", "DDR", "QDR", "FDR10", "FDR", "EDR", "HDR", "NDR", "XDR")
"""Narrow to wide and slow to fast, as ibnetdiscover prints them."""
MOST_NAMED = 20
"""Nodes, ports or cables named in one cell: a spine takes 36 links with it."""
OLDER_SHARE = 0.2
"""When more of a kind of links than this run below the best, it is rather an older generation than a fault."""


def at_of(ask: Ask, at: int | None) -> int:
    """The instant a question about one time means: the one given, else the end of the window, never after now."""
    return at if at is not None else min(ask.window.to_ms - 1, ask.now_ms)


async def look(answers: Answers, fabric: str | None, at_ms: int) -> tuple[str, Scene, Directory]:
    """A fabric's name, its picture at a time and its directory. Raises UnknownName."""
    name = (await answers.fabric(fabric)).name
    return name, await answers.scene(name, at_ms), await answers.directory(name)


class Row(NamedTuple):
    """One link of a view, in words; `a` is the switch end of a host link."""

    a: PortKey
    b: PortKey
    a_node: str
    b_node: str
    kinds: tuple[NodeKind, NodeKind]
    up: bool
    width: str | None
    speed: str | None
    cable: str
    unsure: bool
    connection: str

    @property
    def a_name(self) -> str:
        """`leaf01/5`"""
        return f"{self.a_node}/{self.a.number}"

    @property
    def b_name(self) -> str:
        """`node005 mlx5_0/1`"""
        return f"{self.b_node}/{self.b.number}"


def rows_of(scene: Scene, directory: Directory, among: NDArray[np.bool_] | None = None) -> list[Row]:
    """Links at that time in words (those where `among`, shape (m,), is true; default all), the switch end first."""
    view, at_ms = scene.view, scene.view.at_ms
    chosen = range(len(view.up)) if among is None else np.flatnonzero(among).tolist()
    ends, numbers, ups, unsure = (
        view.link_node.tolist(),
        view.link_port.tolist(),
        view.up.tolist(),
        view.unsure.tolist(),
    )
    # To pick from packed texts takes longer than to unpack all, and that longer than to pick a few.
    cables, connections = (list(own) if among is None else own for own in (view.cables, view.connections))
    called: dict[int, str] = {}
    found = []
    for j in chosen:
        (i, k), (p, q) = ends[j], numbers[j]
        if view.kinds[k] > view.kinds[i]:  # "switch" > "router" > "ca"
            i, k, p, q = k, i, q, p
        for end in (i, k):
            if end not in called:
                called[end] = directory.node(view.guids[end], at_ms)
        found.append(
            Row(
                PortKey(view.guids[i], p), PortKey(view.guids[k], q), called[i], called[k],
                (view.kinds[i], view.kinds[k]), ups[j], view.widths[j], view.speeds[j], cables[j], unsure[j],
                connections[j],
            )
        )  # fmt: skip
    return sorted(found, key=lambda row: (row.a_node, row.a.number))


async def cabled(answers: Answers, scene: Scene, directory: Directory, guid: str | None = None) -> list[Row]:
    """Every cabling at that time in words, also to a node that is there no more: a cable that leads there is down.

    Args:
        guid: only those of this node.
    """
    view = scene.view
    found = rows_of(scene, directory, None if guid is None else of_node(scene, guid))
    asked = directory.missing(view.at_ms) if guid is None else directory.nodes_of(guid)
    ports = [PortKey(span.guid, n) for span in asked for n in range(1, (span.ports or UNTOLD_PORTS) + 1)]
    window = Interval(view.at_ms, view.at_ms + 1)
    here = dict(zip(view.guids, view.kinds, strict=True))
    for connection in await answers.site.fabrics.connections(view.fabric, window, ports) if ports else ():
        near, far = sorted((connection.a, connection.b), key=lambda port: port.guid not in here)
        if near.guid in here and far.guid not in here:
            found.append(
                Row(
                    near, far, directory.node(near.guid, view.at_ms), directory.node(far.guid, view.at_ms),
                    (here[near.guid], directory.kind(far.guid) or NodeKind.CA), False, None, None, connection.cable,
                    connection.last_seen_ms < view.seen_ms, connection.id,
                )
            )  # fmt: skip
    return sorted(found, key=lambda row: (row.a_node, row.a.number))


def turned(row: Row) -> Row:
    """The same link seen from its other end."""
    return row._replace(a=row.b, b=row.a, a_node=row.b_node, b_node=row.a_node, kinds=(row.kinds[1], row.kinds[0]))


def of_node(scene: Scene, guid: str) -> NDArray[np.bool_]:
    """Which links have an end on this node, shape (m,)."""
    try:
        at = scene.view.guids.index(guid)
    except ValueError:
        return np.zeros(len(scene.view.up), bool)
    own: NDArray[np.bool_] = (scene.view.link_node == at).any(axis=1)
    return own


def switch_guid(directory: Directory, name: str, at_ms: int) -> str:
    """The GUID of the switch of this name (or GUID) at a time, else of its last bearer before. Raises UnknownName."""
    bare = name.lower().removeprefix("0x")
    if directory.kind(bare) is NodeKind.SWITCH:
        return bare
    held = directory.switches.get(name)
    if not held:
        raise UnknownName(f"There is no switch '{name}'.", fix=did_you_mean(name, list(directory.switches)))
    now = [named for named in held if named.span.holds(at_ms)]
    return (now or [n for n in held if n.span.from_ms <= at_ms] or held)[-1].guid


async def hosts(answers: Answers, ask: Ask, fabric: str | None = None, at: int | None = None) -> TableData:
    """Hosts at a time, a row for each cabled port of theirs, with Slurm's word; users: hosts of their own runs."""
    at_ms = at_of(ask, at)
    name, scene, directory = await look(answers, fabric, at_ms)
    allowed = await host_times(answers, ask.viewer, Interval(at_ms, at_ms + 1) if at is not None else ask.window)
    mine = None if allowed is None else {directory.find_host(host) for host in allowed}
    plugged = {row.b: row for row in rows_of(scene, directory) if row.kinds[1] is NodeKind.CA}
    slurm = await SlurmNodes.at(answers, at_ms)
    rows = [
        [
            host,
            f"{rail.hca}/{rail.port.number}",
            "up" if rail.leaf >= 0 else "down",
            row.a_node,
            row.a.number,
            row.width,
            row.speed,
            row.cable,
            row.unsure,
            slurm.state(host),
            slurm.reason(host),
            rail.port.guid,
            name,
        ]
        for host, rails in scene.topology.hosts.items()
        if mine is None or host in mine
        for rail in rails
        for row in [plugged[rail.port]]
    ]
    notices = [*_unnamed(scene), *_only_slurm(scene, slurm)] if ask.viewer.operator else []
    return TableData(rows, tuple(notices))


def _unnamed(scene: Scene) -> list[str]:
    """Notices about HCAs whose host is not known."""
    notices = []
    if scene.topology.unmatched:
        texts = sorted({text.strip() or guid for guid, text in scene.topology.unmatched})
        notices.append(
            f"{len(scene.topology.unmatched)} HCAs name no host ({', '.join(texts[:3])}): see site.host_names."
        )
    if scene.topology.duplicates:
        texts = sorted({text for _, text in scene.topology.duplicates})
        notices.append(
            f"{len(scene.topology.duplicates)} HCAs share a description ({', '.join(texts[:3])}): none taken."
        )
    return notices


def _only_slurm(scene: Scene, slurm: SlurmNodes) -> list[str]:
    """A notice about nodes that Slurm has and the fabric has not."""
    lost = sorted(name for name in slurm.by_name if scene.topology.find(name) is None)
    if not lost:
        return []
    return [
        f"{counted(len(lost), 'node')} of Slurm not in the fabric then: {', '.join(lost[:3])}{' ...' * bool(lost[3:])}."
    ]


async def switches(answers: Answers, ask: Ask, fabric: str | None = None, at: int | None = None) -> TableData:
    """Switches at a time with how many hosts and links they have."""
    name, scene, directory = await look(answers, fabric, at_of(ask, at))
    view = scene.view
    description = dict(zip(view.guids, view.descriptions, strict=True))
    lid = dict(zip(view.guids, view.lids.tolist(), strict=True))
    up: dict[str, int] = {}
    down: dict[str, int] = {}
    hosts_on: dict[str, int] = {}
    for row in await cabled(answers, scene, directory):
        for port, peer in ((row.a, row.kinds[1]), (row.b, row.kinds[0])):
            count = up if row.up else down
            count[port.guid] = count.get(port.guid, 0) + 1
            if row.up and peer is NodeKind.CA:
                hosts_on[port.guid] = hosts_on.get(port.guid, 0) + 1
    rows = [
        [
            switch,
            hosts_on.get(guid, 0),
            up.get(guid, 0),
            down.get(guid, 0),
            guid,
            lid[guid] or None,
            description[guid],
            name,
        ]
        for guid, switch in zip(scene.topology.switches, scene.topology.names, strict=True)
    ]
    rows.sort(key=lambda row: str(row[0]))
    return TableData(rows)


async def ports(answers: Answers, ask: Ask, switch: str, fabric: str | None = None, at: int | None = None) -> TableData:
    """Cabled ports of one switch at a time."""
    at_ms = at_of(ask, at)
    name, scene, directory = await look(answers, fabric, at_ms)
    guid = switch_guid(directory, switch, at_ms)
    rows = [
        [
            row.a.number,
            "up" if row.up else "down",
            row.b_name,
            row.kinds[1].value,
            row.width,
            row.speed,
            row.cable,
            row.unsure,
            directory.node(guid, at_ms),
            guid,
            row.b.guid,
            name,
        ]
        for row in _seen_from(await cabled(answers, scene, directory, guid), guid)
    ]
    if not directory.present(guid, at_ms):
        return TableData(rows, (f"{switch} was not in the fabric at {answers.when(at_ms)}.",))
    return TableData(rows, () if rows else (f"No port of {switch} was cabled at {answers.when(at_ms)}.",))


def _seen_from(rows: Sequence[Row], guid: str) -> list[Row]:
    """A node's links by its own port numbers."""
    own = [row if row.a.guid == guid else turned(row) for row in rows]
    return sorted(own, key=lambda row: row.a.number)


async def links(
    answers: Answers,
    ask: Ask,
    switch: str | None = None,
    state: str | None = None,
    fabric: str | None = None,
    at: int | None = None,
) -> TableData:
    """Links at a time, up and down."""
    at_ms = at_of(ask, at)
    name, scene, directory = await look(answers, fabric, at_ms)
    guid = None if switch is None else switch_guid(directory, switch, at_ms)
    wanted = [
        row for row in await cabled(answers, scene, directory, guid) if state in (None, "up" if row.up else "down")
    ]
    rows = [
        [
            row.a_name,
            row.b_name,
            "up" if row.up else "down",
            row.width,
            row.speed,
            row.cable,
            "-".join(kind.value for kind in row.kinds),
            row.unsure,
            name,
        ]
        for row in wanted
    ]
    return TableData(rows)


class Like(NamedTuple):
    """The best width and speed of the links between two kinds of nodes, as indices; -1 unknown."""

    widest: int
    fastest: int

    def told(self) -> str:
        """`4X EDR`"""
        return " ".join([WIDTHS[self.widest]] * (self.widest >= 0) + [SPEEDS[self.fastest]] * (self.fastest >= 0))


def likes(scene: Scene) -> tuple[dict[frozenset[NodeKind], Like], list[str]]:
    """The best of each pair of kinds, and notices where so many run slower that it may be age rather than a fault."""
    view = scene.view
    pairs = [frozenset((view.kinds[i], view.kinds[k])) for i, k in view.link_node.tolist()]
    seen = Counter(x for x, up in zip(zip(pairs, view.widths, view.speeds, strict=True), view.up, strict=True) if up)
    found, notices = {}, []
    for pair in {pair for pair, _, _ in seen}:
        own = [(_rank(WIDTHS, width), _rank(SPEEDS, speed), n) for (p, width, speed), n in seen.items() if p == pair]
        like = Like(max(width for width, _, _ in own), max(speed for _, speed, _ in own))
        found[pair] = like
        slow, every = sum(n for _, speed, n in own if 0 <= speed < like.fastest), sum(n for _, _, n in own)
        if slow > OLDER_SHARE * every:
            kinds = "-".join(sorted(pair, reverse=True))
            notices.append(f"{slow} of {every} {kinds} links run below {SPEEDS[like.fastest]}: older ones, not faults?")
    return found, sorted(notices)


def _rank(names: Sequence[str], name: str | None) -> int:
    return names.index(name) if name in names else -1


def below(row: Row, like: Mapping[frozenset[NodeKind], Like]) -> bool:
    """True for a link that is up but narrower or slower than the best between the same two kinds of nodes."""
    best = like.get(frozenset(row.kinds))
    width, speed = _rank(WIDTHS, row.width), _rank(SPEEDS, row.speed)
    return row.up and best is not None and (0 <= width < best.widest or 0 <= speed < best.fastest)


async def degraded(answers: Answers, ask: Ask, fabric: str | None = None, at: int | None = None) -> TableData:
    """Links that are up but narrower or slower than their like, with since when."""
    at_ms = at_of(ask, at)
    name, scene, directory = await look(answers, fabric, at_ms)
    like, notices = likes(scene)
    found = [row for row in rows_of(scene, directory) if below(row, like)]
    ids = [row.connection for row in found]
    states = await answers.site.fabrics.link_states(name, Interval(at_ms, at_ms + 1), ids) if ids else ()
    since = {state.connection: state for state in states}
    rows = [
        [
            row.a_name,
            row.b_name,
            " ".join(x for x in (row.width, row.speed) if x),
            like[frozenset(row.kinds)].told(),
            since[row.connection].span.from_ms if row.connection in since else None,
            row.cable,
            name,
        ]
        for row in found
    ]
    if not rows:
        notices.append(f"No link ran below its like at {answers.when(at_ms)}.")
    return TableData(rows, tuple(notices))


async def fabric_changes(answers: Answers, ask: Ask, kind: Sequence[str] = (), fabric: str | None = None) -> TableData:
    """What changed in the window, newest first."""
    span = await answers.fabric(fabric)
    directory = await answers.directory(span.name)
    page = await answers.site.fabrics.changes(span.name, ask.window, kinds=tuple(kind), limit=ask.limit)
    notes = await log_notes(answers, span.name, page.items)
    rows = [
        [
            when.at_ms,
            when.since_ms,
            change.kind,
            change.severity,
            change.text,
            ", ".join(dict.fromkeys(directory.node(guid, change.at_ms) for guid in change.guids[:MOST_NAMED])),
            ", ".join(directory.port(port, change.at_ms) for port in change.ports[:MOST_NAMED]),
            ", ".join(change.cables[:MOST_NAMED]),
            when.by,
            span.name,
        ]
        for change in page.items
        for when in [narrowed(change, notes)]
    ]
    notices = [f"Only the newest {ask.limit} changes are listed."] if page.cursor else []
    if not rows:
        notices.append(_why_no_change(answers, ask.window, span.first_ms, span.last_ms))
    return TableData(rows, tuple(notices))


def _why_no_change(answers: Answers, window: Interval, first_ms: int, last_ms: int) -> str:
    if window.to_ms <= first_ms:
        return f"The fabric was first seen at {answers.when(first_ms)}, after this window."
    if window.from_ms > last_ms:
        return (
            f"The fabric was last seen at {answers.when(last_ms)}, before this window: what happened since is unknown."
        )
    return "Nothing changed in this window, as far as was seen."

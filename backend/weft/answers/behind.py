"""Hosts behind a switch or a link: which of them are cut off when it fails, and which merely hang below it."""

from collections import Counter
from collections.abc import Mapping, Set
from typing import NamedTuple

from weft.answers.answers import Answers, Scene
from weft.answers.directory import Directory
from weft.answers.fabric import Row, at_of, look, of_node, rows_of, switch_guid
from weft.answers.tables import Ask, TableData
from weft.base.errors import BadRequest, UnknownName
from weft.base.formats import counted
from weft.fabric.model import NodeKind
from weft.fabric.topology import Rail, Topology

Peers = Mapping[int, Set[int]]
"""Switch -> switches it is linked to, by index."""


class Failure(NamedTuple):
    """What fails: a switch, the only link between two switches (`edge`), or the links of these rails of hosts."""

    switch: int | None = None
    edge: tuple[int, int] | None = None
    rails: frozenset[Rail] = frozenset()


def below(topology: Topology, failure: Failure) -> frozenset[Rail]:
    """Rails of hosts that hang below what fails: on switches that a way of ever lower levels leads to from there."""
    level = topology.levels.level.tolist()
    lower = {i: {k for k in near if 0 <= level[k] < level[i]} for i, near in _peers(topology).items()}
    start = failure.switch
    if failure.edge is not None:
        a, b = sorted(failure.edge, key=level.__getitem__)
        start = a if level[a] < level[b] else None  # of one level: neither end is below the other
    under = set() if start is None else _reached(start, lower)
    return failure.rails | {rail for rails in topology.hosts.values() for rail in rails if rail.leaf in under}


def cut_off(topology: Topology, failure: Failure) -> frozenset[str]:
    """Hosts none of whose rails leads to the rest any more: the part with most hosts of what is left of the fabric."""
    peers = _peers(topology)
    places = {failure.switch, *(failure.edge or ()), *(rail.leaf for rail in failure.rails)} - {None}
    around = set().union(*(_reached(place, peers) for place in places if place is not None))
    left = {i: near - {failure.switch} for i, near in peers.items() if i in around and i != failure.switch}
    if failure.edge is not None:
        a, b = failure.edge
        left[a], left[b] = left[a] - {b}, left[b] - {a}
    part: dict[int, int] = {}
    for i in sorted(left):
        if i not in part:
            part |= dict.fromkeys(_reached(i, left), i)
    hung = {
        host: {part.get(rail.leaf) for rail in rails if rail not in failure.rails}
        for host, rails in topology.hosts.items()
        if any(rail.leaf in around for rail in rails)
    }
    hosts = Counter(one for parts in hung.values() for one in parts if one is not None)
    rest = min(hosts, key=lambda one: (-hosts[one], one), default=None)
    return frozenset(host for host, parts in hung.items() if rest is None or rest not in parts)


def _peers(topology: Topology) -> dict[int, Set[int]]:
    peers: dict[int, set[int]] = {i: set() for i in range(len(topology.switches))}
    for a, b in topology.edges.tolist():
        peers[a].add(b)
        peers[b].add(a)
    return {i: frozenset(near) for i, near in peers.items()}


def _reached(start: int, peers: Peers) -> set[int]:
    found, todo = {start}, [start]
    while todo:
        fresh = peers[todo.pop()] - found
        found |= fresh
        todo += fresh
    return found


async def behind(
    answers: Answers,
    ask: Ask,
    switch: str | None = None,
    link: str | None = None,
    fabric: str | None = None,
    at: int | None = None,
) -> TableData:
    """Hosts behind a switch or a link at a time, those that would be cut off first."""
    if (switch is None) == (link is None):
        raise BadRequest("What fails is not said.", fix="Give switch=leaf01 or link=leaf01/19.")
    at_ms = at_of(ask, at)
    name, scene, directory = await look(answers, fabric, at_ms)
    topology = scene.topology
    index = {guid: i for i, guid in enumerate(topology.switches)}
    if switch is not None:
        guid = switch_guid(directory, switch, at_ms)
        what = directory.node(guid, at_ms)
        if guid not in index:
            return TableData([], (f"{what} was not in the fabric at {answers.when(at_ms)}.",))
        return _table(topology, Failure(switch=index[guid]), what, name)
    row = _link(scene, directory, link or "")
    what = f"the link {row.a_name} - {row.b_name}"
    if not row.up:
        return TableData([], (f"{what[0].upper()}{what[1:]} was down at {answers.when(at_ms)} already.",))
    if row.kinds[1] is NodeKind.SWITCH:
        twins = [x for x in rows_of(scene, directory, of_node(scene, row.a.guid)) if x.up and _between(x, row)]
        edge = index[row.a.guid], index[row.b.guid]
        return _table(topology, Failure(edge=edge), what, name, alone=len(twins) == 1)
    rails = frozenset(rail for own in topology.hosts.values() for rail in own if rail.port == row.b)
    if not rails:
        return TableData([], (f"Which host hangs on {what} is not known.",))
    return _table(topology, Failure(rails=rails), what, name)


def _between(one: Row, other: Row) -> bool:
    return {one.a.guid, one.b.guid} == {other.a.guid, other.b.guid}


def _link(scene: Scene, directory: Directory, text: str) -> Row:
    """The link with an end in a port that a person means. Raises UnknownName."""
    ports = directory.find_ports(text)
    for row in rows_of(scene, directory):
        if row.a in ports or row.b in ports:
            return row
    if ports:
        raise UnknownName(f"Nothing was plugged in {text} then.", fix="`ports` lists what is cabled.")
    raise UnknownName(f"'{text}' names no port.", fix="Give a switch and port (leaf01/19), or a host.")


def _table(topology: Topology, failure: Failure, what: str, fabric: str, *, alone: bool = True) -> TableData:
    """`alone`: no second cable joins the same two switches, so that this one's failure cuts anything off at all."""
    hanging = below(topology, failure)
    lost = cut_off(topology, failure) if alone else frozenset[str]()
    rows: list[list[object]] = [
        [
            host,
            host in lost,
            rail in hanging,
            f"{rail.hca}/{rail.port.number}",
            topology.names[rail.leaf] if rail.leaf >= 0 else None,
            fabric,
        ]
        for host, rails in topology.hosts.items()
        for rail in rails
        if rail in hanging or host in lost
    ]
    rows.sort(key=lambda row: (not row[1], str(row[0]), str(row[3])))
    kept = len({str(row[0]) for row in rows if row[2]} - lost)
    notice = (
        f"If {what} fails, {counted(len(lost), 'host')} {'loses' if len(lost) == 1 else 'lose'} every way to the rest; "
        f"{kept} more {'hangs' if kept == 1 else 'hang'} below it and {'has' if kept == 1 else 'have'} another."
    )
    return TableData(rows, (notice, *topology.levels.doubts))

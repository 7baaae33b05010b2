"""What virtual series are made of: patterns cut to a known depth, stored counters by port, pieces put together."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from weft.answers.answers import ALL_TIME
from weft.answers.directory import Named
from weft.base.intervals import Interval
from weft.fabric.model import PortKey
from weft.inventory.store import FabricSpan
from weft.metrics.globs import Glob, nodes
from weft.metrics.store import Piece, SeriesStore, Tell, VirtualSeries

COUNTERS = "fabric"
"""First node of stored counters: `fabric.<guid>.<port>.<counter>`."""
MOST_IN_BRACES = 64
"""More GUIDs or hosts than this in one pattern are asked for with `*` and sorted out here."""

KEPT_ANSWERS, KEPT_NAMES = 8, 2000
"""Answers that are kept of each kind, and most series of one: together about 10 MB."""

Stored = dict[PortKey, list[tuple[str, str]]]
"""Port -> (counter, stored name) of each counter kept."""


def fitted(pattern: Sequence[Glob], depth: int) -> list[Glob] | None:
    """The pattern with exactly `depth` nodes; one `**` in it stands for as many as are missing. None: no fit."""
    deep = [i for i, glob in enumerate(pattern) if glob.deep]
    if not deep:
        return list(pattern) if len(pattern) == depth else None
    missing = depth - len(pattern) + 1
    if len(deep) > 1 or missing < 0:
        return None
    return [*pattern[: deep[0]], *[nodes("*")[0]] * missing, *pattern[deep[0] + 1 :]]


def braced(words: Collection[str]) -> str:
    """One node of a pattern that matches these words, or `*` when they are many."""
    listed = sorted(words)
    if len(listed) == 1:
        return listed[0]
    return "{" + ",".join(listed) + "}" if 1 < len(listed) <= MOST_IN_BRACES else "*"


async def counters(store: SeriesStore, guids: Collection[str], port: str, counter: str, tell: Tell) -> Stored:
    """Counters kept of these nodes, sorted by port: one question to the store, however many nodes.

    Args:
        port, counter: patterns of one node each.
    """
    return by_port(await counter_paths(store, guids, port, counter, tell), guids)


async def counter_paths(
    store: SeriesStore, guids: Collection[str], port: str, counter: str, tell: Tell
) -> Sequence[str]:
    """Stored names of the counters of these nodes, and perhaps of others; see `counters`."""
    return await store.expand(f"{COUNTERS}.{braced(set(guids))}.{port}.{counter}", tell) if guids else ()


def by_port(paths: Iterable[str], guids: Collection[str]) -> Stored:
    """Those of these nodes, sorted by port."""
    found: Stored = {}
    wanted = guids if isinstance(guids, (set, frozenset, dict)) else set(guids)
    for stored in paths:
        _, guid, number, name = stored.split(".")
        if guid in wanted and number.isdigit():
            found.setdefault(PortKey(guid, int(number)), []).append((name, stored))
    return found


Made = Mapping[str, VirtualSeries]
"""Series by name, sorted by it; shared, not to be changed."""


class Assembly:
    """Virtual series under construction, by name."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[Piece]] = {}
        self._tags: dict[str, Mapping[str, str]] = {}
        self._made: Made = {}

    def __len__(self) -> int:
        return len(self._pieces) + len(self._made)

    def add(self, name: str, stored: str, span: Interval, tags: Mapping[str, str]) -> None:
        """A stretch of a stored series belongs to this name; the first tags given stay, `sharers` is the most."""
        self._add(name, Piece(stored, span.from_ms // 1000, -(-span.to_ms // 1000)), tags)

    def take(self, made: Made) -> None:
        """Series that were made before belong here; when nothing else does, they are given as they are."""
        if len(self):
            self._unpack(made)
        else:
            self._made = made

    def series(self) -> list[VirtualSeries]:
        """Every series, sorted by name."""
        if not self._pieces:
            return list(self._made.values())
        self._unpack(self._made)
        self._made = {}
        return [
            VirtualSeries(name, joined_pieces(self._pieces[name]), {"name": name, **self._tags[name]})
            for name in sorted(self._pieces)
        ]

    def _unpack(self, made: Made) -> None:
        for one in made.values():
            for piece in one.pieces:
                self._add(one.name, piece, one.tags)

    def _add(self, name: str, piece: Piece, tags: Mapping[str, str]) -> None:
        self._pieces.setdefault(name, []).append(piece)
        known = self._tags.setdefault(name, tags)
        if int(tags.get("sharers", "0")) > int(known.get("sharers", "0")):
            self._tags[name] = {**known, "sharers": tags["sharers"]}


SwitchSpot = tuple[str, Named, Interval]
"""A switch as `in_window` gives it."""
HostSpot = tuple[str, str, str, str, Interval]
"""(cluster, node the host may be stored as, job, host, time) of a host of a run."""
Paths = tuple[tuple[str, tuple[str, ...]], ...]
"""(cluster, stored names that may be below its hosts)."""


Maker = Callable[..., Made]
"""Makes series of a prefix of names and of tuples: what is known of the nodes, and what is stored."""


def remembering(make: Maker) -> Maker:
    """The same, keeping what it last made: panels ask the same again and again, mostly of what has not changed."""
    known: OrderedDict[tuple[object, ...], Made] = OrderedDict()

    def made(*of: object) -> Made:
        found = known.pop(of, None) or make(*of)
        if len(found) <= KEPT_NAMES:
            known[of] = found
            if len(known) > KEPT_ANSWERS:
                known.popitem(last=False)
        return found

    return made


@remembering
def switch_series(prefix: str, most: int, spots: tuple[SwitchSpot, ...], paths: tuple[str, ...]) -> Made:
    """`switch.<name>.<port>.<counter>` of these switches, from these stored names; no switch after `most` series."""
    assembly = Assembly()
    by_guid: dict[str, list[tuple[str, str, str]]] = {}
    for key, kept in by_port(paths, {named.guid for _, named, _ in spots}).items():
        number = str(key.number)
        by_guid.setdefault(key.guid, []).extend((number, what, stored) for what, stored in kept)
    for name, named, span in spots:
        for number, what, stored in by_guid.get(named.guid, ()):
            tags = {"switch": name, "port": number, "what": what}
            assembly.add(f"{prefix}switch.{name}.{number}.{what}", stored, span, tags)
        if len(assembly) >= most:
            break
    return {one.name: one for one in assembly.series()}


@remembering
def job_host_series(
    prefix: str, most: int, template: "HostTemplate", spots: tuple[HostSpot, ...], paths: Paths
) -> Made:
    """`job.<id>.hosts.<host>.<metric path>` of these hosts, from these stored names; no host after `most` series."""
    assembly = Assembly()
    below: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for cluster, of_cluster in paths:
        for stored in of_cluster:
            if (split := template.split(stored, cluster)) is not None:
                below.setdefault((cluster, split[0]), []).append((split[1], stored))
    done: set[tuple[str, str, Interval, str]] = set()
    for cluster, node, job, host, span in spots:
        for path, stored in below.get((cluster, node), ()):
            if (job, host, span, path) not in done:  # a host stored short and full: the first way counts
                done.add((job, host, span, path))
                assembly.add(f"{prefix}job.{job}.hosts.{host}.{path}", stored, span, {"job": job, "host": host})
        if len(assembly) >= most:
            break
    return {one.name: one for one in assembly.series()}


def since_ever(named: Named, fabric: FabricSpan) -> Interval:
    """When a node had its name; who was there at the first sweep counts as there before."""
    if named.span.from_ms > fabric.first_ms:
        return named.span
    return ALL_TIME if named.span.open else Interval(ALL_TIME.from_ms, named.span.to_ms)


def in_window(
    table: Mapping[str, Sequence[Named]], names: Iterable[str], fabric: FabricSpan, window: Interval
) -> list[tuple[str, Named, Interval]]:
    """(name, node, time) of these names in the window."""
    found = []
    for name in names:
        for named in table[name]:
            span = since_ever(named, fabric)
            if span.overlaps(window):
                found.append((name, named, span))
    return found


def joined_pieces(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Pieces oldest first and without overlap: of one stored series made one, of two the later begins where the first
    ends (spans in ms that meet within a second)."""
    ordered = sorted(pieces, key=lambda p: (p.from_s, p.to_s))
    if len(ordered) == 1:
        return tuple(ordered)
    done: list[Piece] = []
    for piece in ordered:
        if done and done[-1].stored == piece.stored and piece.from_s <= done[-1].to_s:
            done[-1] = done[-1]._replace(to_s=max(done[-1].to_s, piece.to_s))
            continue
        from_s = max(piece.from_s, done[-1].to_s) if done else piece.from_s
        if from_s < piece.to_s:
            done.append(piece._replace(from_s=from_s))
    return tuple(done)


class HostTemplate:
    """Where a host's metrics lie in the stored tree, from `site.hosts`, e.g. `{cluster}.{host}.**`."""

    def __init__(self, template: str) -> None:
        self._nodes = template.removesuffix(".**").split(".")
        self._at = next(i for i, node in enumerate(self._nodes) if "{host}" in node)
        self._before, _, self._after = self._nodes[self._at].partition("{host}")

    def pattern(self, cluster: str, hosts: Collection[str], rest: str) -> str:
        """Pattern of what is stored below these hosts: `rest` is what follows the template."""
        head = [node.replace("{cluster}", cluster) for node in self._nodes]
        head[self._at] = head[self._at].replace("{host}", braced(hosts))
        return ".".join([*head, rest])

    def hosts(self, cluster: str) -> str:
        """Pattern of the nodes that hosts are stored as."""
        head = [node.replace("{cluster}", cluster) for node in self._nodes[: self._at + 1]]
        return ".".join(head).replace("{host}", "*")

    def host(self, path: str, cluster: str) -> str:
        """The host of a path that `hosts` matches."""
        before, after = self._before.replace("{cluster}", cluster), self._after.replace("{cluster}", cluster)
        node = path.split(".")[self._at]
        return node[len(before) : len(node) - len(after)]

    def split(self, path: str, cluster: str) -> tuple[str, str] | None:
        """(host, rest) of a stored path; None: it is not below the template."""
        parts = path.split(".")
        if len(parts) <= len(self._nodes):
            return None
        before, after = self._before.replace("{cluster}", cluster), self._after.replace("{cluster}", cluster)
        node = parts[self._at]
        if not (node.startswith(before) and node.endswith(after)):
            return None
        return node[len(before) : len(node) - len(after)], ".".join(parts[len(self._nodes) :])

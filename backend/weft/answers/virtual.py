"""What virtual series are made of: patterns cut to a known depth, stored counters by port, pieces put together."""

from collections.abc import Collection, Iterable, Mapping, Sequence

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
    found: Stored = {}
    if not guids:
        return found
    wanted = guids if isinstance(guids, (set, frozenset, dict)) else set(guids)
    for stored in await store.expand(f"{COUNTERS}.{braced(wanted)}.{port}.{counter}", tell):
        _, guid, number, name = stored.split(".")
        if guid in wanted and number.isdigit():
            found.setdefault(PortKey(guid, int(number)), []).append((name, stored))
    return found


class Assembly:
    """Virtual series under construction, by name."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[Piece]] = {}
        self._tags: dict[str, dict[str, str]] = {}

    def __len__(self) -> int:
        return len(self._pieces)

    def add(self, name: str, stored: str, span: Interval, tags: dict[str, str]) -> None:
        """A stretch of a stored series belongs to this name; the first tags given stay, `sharers` is the most."""
        piece = Piece(stored, span.from_ms // 1000, -(-span.to_ms // 1000))
        self._pieces.setdefault(name, []).append(piece)
        known = self._tags.setdefault(name, tags)
        if int(tags.get("sharers", "0")) > int(known.get("sharers", "0")):
            self._tags[name] = known | {"sharers": tags["sharers"]}

    def series(self) -> list[VirtualSeries]:
        """Every series, sorted by name."""
        return [
            VirtualSeries(name, joined_pieces(self._pieces[name]), {"name": name, **self._tags[name]})
            for name in sorted(self._pieces)
        ]


def in_window(
    table: Mapping[str, list[Named]], names: Iterable[str], fabric: FabricSpan, window: Interval
) -> list[tuple[str, Named, Interval]]:
    """(name, node, time) of these names in the window; who was there at the first sweep counts as there before."""
    found = []
    for name in names:
        for named in table[name]:
            from_ms = ALL_TIME.from_ms if named.span.from_ms <= fabric.first_ms else named.span.from_ms
            span = Interval(from_ms, named.span.to_ms)
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

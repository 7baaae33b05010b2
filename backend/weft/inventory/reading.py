"""A fabric's rows, as engines find them, made into the values that store.py hands out."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from sys import intern
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from weft.base.errors import BadRequest, UnknownName
from weft.base.intervals import FOREVER_MS, Interval
from weft.base.texts import Texts
from weft.fabric.model import NodeKind, PortKey
from weft.inventory.state import NodeState
from weft.inventory.store import Change, FabricView, ForwardingTables

KIND_OF = {kind.value: kind for kind in NodeKind}


class Seen(NamedTuple):
    """What a picture rests on: the sweep it shows, the fabric's last sweep, and the version of all answers."""

    seen_ms: int
    last_ms: int
    version: int


class Links(NamedTuple):
    """Links as columns of one length, in any order: ends by GUID and port number, a < b. `unsure`: see FabricView."""

    ids: Sequence[str]
    a: Sequence[str]
    a_port: Sequence[int]
    b: Sequence[str]
    b_port: Sequence[int]
    cables: Sequence[str]
    up: Sequence[bool]
    widths: Sequence[str | None]
    speeds: Sequence[str | None]
    unsure: Sequence[bool]


class SharedTimes:
    """Makes equal times and spans one value: of 13,000 nodes hardly any has its own, and they would take 2 MB."""

    def __init__(self) -> None:
        self._times: dict[int, int] = {}
        self._spans: dict[tuple[int, int], Interval] = {}

    def time(self, at_ms: int) -> int:
        """The same time."""
        return self._times.setdefault(at_ms, at_ms)

    def span(self, from_ms: int, to_ms: int) -> Interval:
        """`[from_ms, to_ms)`."""
        known = self._spans.get((from_ms, to_ms))
        return known or self._spans.setdefault((from_ms, to_ms), Interval(from_ms, to_ms))


def view_of(
    fabric: str,
    at_ms: int,
    seen: Seen,
    nodes: Iterable[tuple[str, str, str]],
    lids: Iterable[tuple[str, int, int]],
    links: Iterable[Sequence[Any]],
) -> FabricView:
    """The picture of a time.

    Args:
        nodes: (GUID, kind, description), in any order. lids: (GUID, port number, LID), in any order.
        links: the columns of Links, in its order; each is let go of before the next is asked for, as 35,000 links
            take 15 MB otherwise.
    """
    # A fabric's directory and its pictures of several times share these texts.
    guids, kinds, descriptions = _shared(nodes)
    row_of = {guid: i for i, guid in enumerate(guids)}
    ends, ports, told = _links(row_of, links)
    order = np.lexsort((ports[:, 1], ends[:, 1], ports[:, 0], ends[:, 0]))
    # A link's node can be closed while the cabling lasts: the picture then shows the port as down, without the node.
    order = order[(ends[order] >= 0).all(axis=1)]
    rows = order.tolist()
    return FabricView(
        fabric,
        at_ms,
        *seen,
        guids,
        kinds,
        descriptions,
        _first_lids(row_of, lids),
        ends[order],
        ports[order],
        told.up[order],
        told.unsure[order],
        _in_order(told.ids, rows),
        _in_order(told.cables, rows),
        tuple(told.widths[row] for row in rows),
        tuple(told.speeds[row] for row in rows),
    )


def _in_order(texts: Texts, rows: Iterable[int]) -> Texts:
    told = list(texts)
    return Texts(told[row] for row in rows)


def _shared(nodes: Iterable[tuple[str, str, str]]) -> tuple[tuple[str, ...], tuple[NodeKind, ...], tuple[str, ...]]:
    """GUIDs, kinds and descriptions, sorted by GUID."""
    told = sorted((intern(guid), KIND_OF[kind], intern(description)) for guid, kind, description in nodes)
    guids, kinds, descriptions = zip(*told, strict=True) if told else ((), (), ())
    return guids, kinds, descriptions


class _Told(NamedTuple):
    """What is told of links beside their ends, see Links."""

    ids: Texts
    cables: Texts
    up: NDArray[np.bool_]
    widths: list[str | None]
    speeds: list[str | None]
    unsure: NDArray[np.bool_]


def _links(
    row_of: Mapping[str, int], links: Iterable[Sequence[Any]]
) -> tuple[NDArray[np.int32], NDArray[np.int16], _Told]:
    """Rows of the nodes at both ends (m, 2), -1 none, their port numbers (m, 2), and the rest of Links."""
    columns = iter(links)

    def row() -> NDArray[np.int32]:
        return np.array([row_of.get(guid, -1) for guid in next(columns)], dtype=np.int32)

    def number() -> NDArray[np.int16]:
        return np.array(next(columns), dtype=np.int16)

    def flag() -> NDArray[np.bool_]:
        return np.array(next(columns), dtype=np.bool_)

    def few() -> list[str | None]:
        return [text and intern(text) for text in next(columns)]

    ids = Texts(next(columns))
    a, a_port, b, b_port = row(), number(), row(), number()
    told = _Told(ids, Texts(next(columns)), flag(), few(), few(), flag())
    return np.stack([a, b], axis=1), np.stack([a_port, b_port], axis=1), told


def _first_lids(row_of: Mapping[str, int], lids: Iterable[tuple[str, int, int]]) -> NDArray[np.int32]:
    """The LID of each node's first port that has one, 0 unknown."""
    first = np.zeros(len(row_of), dtype=np.int32)
    ports: dict[int, tuple[int, int]] = {}
    for guid, number, lid in lids:
        row = row_of.get(guid)
        if row is not None and (number, lid) < ports.get(row, (number, lid + 1)):
            ports[row], first[row] = (number, lid), lid
    return first


def view_now(fabric: str, at_ms: int, seen: Seen, state: bytes) -> FabricView:
    """The picture of a time at or after the last thing that is known: it is in the state that history ends in.

    Args:
        state: packed, as `derive.Head` has it.
    """
    told = orjson.loads(zlib.decompress(state))
    present = NodeState.__slots__.index("present")
    nodes = [(guid, kind, description) for guid, kind, description, *rest in told["nodes"] if rest[present - 3]]
    columns = list(zip(*told["cablings"], strict=True)) or [()] * 12
    ids, a, a_port, b, b_port, cables, _, _, up, widths, speeds, last_seen = columns[:12]
    unsure = [x is not None and x < seen.seen_ms for x in last_seen]
    links = Links(ids, a, a_port, b, b_port, cables, up, widths, speeds, unsure)
    return view_of(fabric, at_ms, seen, nodes, [(guid, number, lid) for guid, number, lid, *_ in told["lids"]], links)


def not_seen(fabric: str, first_ms: int | None) -> UnknownName:
    """Why there is no picture: the fabric is not known, or was first seen later."""
    if first_ms is None:
        return UnknownName(f"Nothing is known of a fabric '{fabric}'.", fix="Import an ibnetdiscover dump of it.")
    return UnknownName(
        f"Nothing was seen of fabric '{fabric}' by then; its first sweep is of {first_ms} ms.",
        fix="Ask for a later time.",
    )


class ChangePlace(NamedTuple):
    """A change's place in the order of its fabric, newest first."""

    at_ms: int
    made_ms: int
    number: int

    @property
    def text(self) -> str:
        """The cursor of a page that ends here."""
        return ".".join(map(str, self))


def change_place(cursor: str | None) -> ChangePlace:
    """The place that a cursor names; None: before all changes. Raises BadRequest."""
    if not cursor:
        return ChangePlace(FOREVER_MS + 1, 0, 0)
    try:
        at_ms, made_ms, number = map(int, cursor.split("."))
    except ValueError:
        raise BadRequest(f"'{cursor}' is no cursor.", fix="Give the one the last page came with, or none.") from None
    return ChangePlace(at_ms, made_ms, number)


def change_of(fabric: str, row: Sequence[Any]) -> Change:
    """The change of a row as `derive.change_row` makes it."""
    at_ms, _, _, since_ms, kind, severity, text, told = row
    about = orjson.loads(told)
    ports = tuple(PortKey(*port) for port in about["ports"])
    cables = tuple(about["cables"])
    return Change(fabric, at_ms, since_ms, kind, severity, text, tuple(about["guids"]), ports, cables, about["detail"])


def forwarding_tables(rows: Sequence[tuple[str, int, bytes]]) -> ForwardingTables | None:
    """Tables of (switch, seen at, packed ports), sorted by switch; None of none."""
    if not rows:
        return None
    tables = [np.frombuffer(zlib.decompress(data), dtype=np.uint8) for _, _, data in rows]
    ports = np.full((len(rows), max(map(len, tables))), 255, dtype=np.uint8)
    for row, table in zip(ports, tables, strict=True):
        row[: len(table)] = table
    return ForwardingTables(tuple(switch for switch, _, _ in rows), ports, max(seen for _, seen, _ in rows))

"""A fabric's rows, as engines find them, made into the values that store.py hands out."""

import zlib
from collections.abc import Iterable, Sequence
from sys import intern
from typing import Any, NamedTuple

import numpy as np
import orjson

from weft.base.errors import BadRequest, UnknownName
from weft.base.intervals import FOREVER_MS
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


def view_of(
    fabric: str,
    at_ms: int,
    seen: Seen,
    nodes: Sequence[tuple[str, str, str]],
    lids: Iterable[tuple[str, int, int]],
    links: Links,
) -> FabricView:
    """The picture of a time.

    Args:
        nodes: (GUID, kind, description), in any order. lids: (GUID, port number, LID), in any order.
    """
    guids, kinds, descriptions = zip(*sorted(nodes), strict=True) if nodes else ((), (), ())
    row_of = {guid: i for i, guid in enumerate(guids)}
    first = np.zeros(len(guids), dtype=np.int32)
    for guid, _, lid in sorted(lids, reverse=True):
        if guid in row_of:
            first[row_of[guid]] = lid
    ends = np.array([[row_of.get(guid, -1) for guid in end] for end in (links.a, links.b)], dtype=np.int32).T
    ports = np.array([links.a_port, links.b_port], dtype=np.int16).T
    order = np.lexsort((ports[:, 1], ends[:, 1], ports[:, 0], ends[:, 0]))
    # A link's node can be closed while the cabling lasts: the picture then shows the port as down, without the node.
    order = order[(ends[order] >= 0).all(axis=1)]
    rows = order.tolist()
    return FabricView(
        fabric,
        at_ms,
        *seen,
        guids,
        tuple(map(KIND_OF.__getitem__, kinds)),
        descriptions,
        first,
        ends[order],
        ports[order],
        np.array(links.up, dtype=np.bool_)[order],
        np.array(links.unsure, dtype=np.bool_)[order],
        *(tuple(column[row] for row in rows) for column in (links.ids, links.cables)),
        # Few different texts in many rows.
        *(tuple((text := column[row]) and intern(text) for row in rows) for column in (links.widths, links.speeds)),
    )


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

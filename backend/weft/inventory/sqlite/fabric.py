"""FabricHistory on SQLite: every sweep is kept, and the spans that `changes.Fold` derives (`derive.py` writes them)."""

import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from sys import intern
from typing import Any

import orjson

from weft.base.intervals import FOREVER_MS, Interval
from weft.fabric.model import Lid, Module, PortKey, Sweep
from weft.fabric.wiring import Wiring
from weft.inventory.derive import Deriver
from weft.inventory.reading import (
    KIND_OF,
    ChangePlace,
    Seen,
    SharedTimes,
    change_of,
    change_place,
    forwarding_tables,
    not_seen,
    view_of,
)
from weft.inventory.sqlite.db import Database, bump, version_of
from weft.inventory.sqlite.derive import SqliteBook, driven
from weft.inventory.store import (
    Change,
    Connection,
    Correction,
    FabricSpan,
    FabricView,
    ForwardingTables,
    LinkState,
    NodeSpan,
    Page,
    SweepResult,
)

MAX_ROWS = 200_000
"""Most rows one answer holds; a full 3-level fabric has 35,000 connections."""


class SqliteFabrics:
    """What was cabled to what, since when, in one SQLite file."""

    def __init__(self, database: Database, *, absent_after: int, quarantine_share: float) -> None:
        self._db = database
        self._absent_after = absent_after
        self._share = quarantine_share

    async def apply_sweep(self, sweep: Sweep, *, live: bool = False) -> SweepResult:
        """See FabricHistory."""
        digest, blob = sweep.packed()
        needs = (self._absent_after if live else 1) if sweep.complete else 0
        return await self._db.write(lambda c: driven(self._deriver(c, sweep.fabric).add(sweep, digest, blob, needs)))

    async def correct(self, correction: Correction) -> None:
        """See FabricHistory."""
        await self._db.write(lambda c: driven(self._deriver(c, correction.fabric).correct(correction)))

    def _deriver(self, connection: sqlite3.Connection, fabric: str) -> Deriver:
        return Deriver(SqliteBook(connection, fabric), fabric, self._share)

    async def version(self) -> int:
        """See FabricHistory."""
        return await self._db.read(lambda c: version_of(c, "fabric"))

    async def fabrics(self) -> tuple[FabricSpan, ...]:
        """See FabricHistory."""
        text = "SELECT fabric, min(seen_at_ms), max(seen_at_ms), count(*) FROM sweep GROUP BY fabric ORDER BY fabric"
        return await self._db.read(lambda c: tuple(FabricSpan(*row) for row in c.execute(text)))

    async def fabric(self, fabric: str, at_ms: int) -> FabricView:
        """See FabricHistory."""
        return await self._db.read(lambda c: _view(c, fabric, at_ms))

    async def nodes(self, fabric: str, window: Interval, *, gone: bool = False) -> tuple[NodeSpan, ...]:
        """See FabricHistory."""
        text = NODES_GONE if gone else NODES
        values = (fabric, window.from_ms, window.to_ms)

        def work(c: sqlite3.Connection) -> tuple[NodeSpan, ...]:
            alike = SharedTimes()
            return tuple(
                NodeSpan(
                    intern(guid), KIND_OF[kind], intern(description), ports, alike.span(from_ms, to_ms),
                    alike.time(seen_ms),
                )
                for guid, kind, description, ports, from_ms, to_ms, seen_ms in c.execute(text, values)
            )  # fmt: skip

        return await self._db.read(work)

    async def connections(
        self, fabric: str, window: Interval, ports: Sequence[PortKey] | None = None
    ) -> tuple[Connection, ...]:
        """See FabricHistory."""

        def work(c: sqlite3.Connection) -> list[Any]:
            if ports is None:
                return c.execute(CONNECTIONS, (fabric, window.from_ms, window.to_ms)).fetchall()
            asked = orjson.dumps([[*port] for port in set(ports)]).decode()
            values = (fabric, asked, window.from_ms, window.to_ms)
            found = {row[0]: row for text in CONNECTIONS_OF_PORTS for row in c.execute(text, values)}
            return list(found.values())

        return _connections(fabric, await self._db.read(work))

    async def link_states(self, fabric: str, window: Interval, connections: Sequence[str]) -> tuple[LinkState, ...]:
        """See FabricHistory."""

        def work(c: sqlite3.Connection) -> list[LinkState]:
            return [
                LinkState(connection, state, width, speed, Interval(from_ms, to_ms), absent_ms, seen_ms)
                for connection in sorted(set(connections))
                for state, width, speed, from_ms, to_ms, absent_ms, seen_ms in c.execute(
                    LINK_STATES, (fabric, connection, window.from_ms, window.to_ms)
                )
            ]

        return tuple(await self._db.read(work))

    async def cable(self, fabric: str, cable: str) -> tuple[Connection, ...]:
        """See FabricHistory."""
        rows = await self._db.read(
            lambda c: [row for text in CONNECTIONS_OF_CABLE for row in c.execute(text, (fabric, cable))]
        )
        unique = {row[0]: row for row in rows}
        return tuple(sorted(_connections(fabric, list(unique.values())), key=lambda x: (x.span, x.a)))

    async def changes(
        self, fabric: str, window: Interval, *, kinds: Sequence[str] = (), limit: int = 1000, cursor: str | None = None
    ) -> Page[Change]:
        """See FabricHistory."""
        after = change_place(cursor)
        marks = f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        text = f"{CHANGES}{marks} ORDER BY at_ms DESC, made_ms DESC, number DESC LIMIT ?"
        values = (fabric, window.from_ms, window.to_ms, *after, *kinds, limit + 1)
        rows = await self._db.read(lambda c: c.execute(text, values).fetchall())
        more = ChangePlace(*rows[limit - 1][:3]).text if len(rows) > limit else None
        return Page(tuple(change_of(fabric, row) for row in rows[:limit]), more)

    async def put_lfts(self, fabric: str, seen_at_ms: int, tables: Mapping[str, bytes]) -> int:
        """See FabricHistory."""
        packed = {x: (sha256(ports).hexdigest(), zlib.compress(ports, 6)) for x, ports in sorted(tables.items())}

        def work(c: sqlite3.Connection) -> int:
            new = sum(_put_lft(c, (fabric, switch, seen_at_ms), *one) for switch, one in packed.items())
            if new:
                bump(c, "fabric")
            return new

        return await self._db.write(work)

    async def ports_by_guid(self, fabric: str, guids: Sequence[str]) -> Mapping[str, PortKey]:
        """See FabricHistory."""

        def work(c: sqlite3.Connection) -> dict[str, PortKey]:
            found = {}
            for guid in set(guids):
                if row := c.execute(PORT_OF_GUID, (fabric, guid)).fetchone():
                    found[guid] = PortKey(*row)
                elif c.execute(SWITCH_OF_GUID, (fabric, guid)).fetchone():
                    found[guid] = PortKey(guid, 0)
            return found

        return await self._db.read(work)

    async def lids(self, fabric: str, at_ms: int) -> tuple[Lid, ...]:
        """See FabricHistory."""
        rows = await self._db.read(lambda c: c.execute(LIDS_AT, (fabric, at_ms)).fetchall())
        return tuple(Lid(PortKey(guid, number), *rest) for guid, number, *rest in rows)

    async def modules(self, fabric: str, at_ms: int) -> tuple[Module, ...]:
        """See FabricHistory."""
        rows = await self._db.read(lambda c: c.execute(MODULES_AT, (fabric, at_ms)).fetchall())
        return tuple(Module(PortKey(guid, number), *rest) for guid, number, *rest in rows)

    async def lft(self, fabric: str, at_ms: int) -> ForwardingTables | None:
        """See FabricHistory."""
        return forwarding_tables(await self._db.read(lambda c: c.execute(LFTS, (fabric, at_ms)).fetchall()))

    async def put_wiring(self, wiring: Wiring) -> bool:
        """See FabricHistory."""
        data = wiring.packed()
        digest, key = sha256(data).hexdigest(), (wiring.fabric, wiring.seen_at_ms)

        def work(c: sqlite3.Connection) -> bool:
            before = c.execute(WIRING, key).fetchone()
            if before and before[1] == digest:
                return False
            c.execute("INSERT OR IGNORE INTO blob VALUES (?, ?)", (digest, zlib.compress(data, 6)))
            if not c.execute("INSERT OR IGNORE INTO wiring VALUES (?, ?, ?)", (*key, digest)).rowcount:
                return False
            bump(c, "fabric")
            return True

        return await self._db.write(work)

    async def wiring(self, fabric: str, at_ms: int) -> Wiring | None:
        """See FabricHistory."""
        row = await self._db.read(lambda c: c.execute(WIRING, (fabric, at_ms)).fetchone())
        return Wiring.unpacked(fabric, row[0], zlib.decompress(row[2])) if row else None


# An open row was last seen in the fabric's last sweep, unless `unconfirmed` says otherwise.
_SEEN = """coalesce(x.last_seen_ms, u.last_seen_ms, max(h.seen_ms, x.from_ms)) AS seen_ms
  FROM {table} x JOIN head h USING (fabric)
  LEFT JOIN unconfirmed u ON u.fabric = x.fabric AND u.kind = '{table}' AND u.id = x.{key} AND x.closed_ms IS NULL"""
_NODE = f"SELECT guid, x.kind, description, ports, from_ms, to_ms, {_SEEN.format(table='node_span', key='guid')}"
# What serial numbers decided later holds for the whole connection.
_CONNECTION = f"""SELECT x.id, a_guid, a_number, b_guid, b_number, coalesce(i.cable, x.cable) AS cable,
  CASE WHEN i.cable IS NULL THEN cable_alt END AS cable_alt, medium, from_ms, to_ms, absent_ms,
  {_SEEN.format(table="connection", key="id")}
  LEFT JOIN identity i ON i.fabric = x.fabric AND i.connection = x.id"""

NODES = f"{_NODE} WHERE x.fabric = ?1 AND to_ms > ?2 AND from_ms < ?3 ORDER BY guid, from_ms LIMIT {MAX_ROWS}"
NODES_AT = f"""SELECT guid, kind, description FROM node_span WHERE fabric = ?1 AND to_ms > ?2 AND from_ms <= ?2
  ORDER BY guid LIMIT {MAX_ROWS}"""
NODES_GONE = f"""{_NODE} WHERE x.fabric = ?1 AND x.to_ms < {FOREVER_MS} AND x.last_seen_ms >= ?2 AND x.last_seen_ms < ?3
  AND NOT EXISTS (SELECT 1 FROM node_span y WHERE y.fabric = x.fabric AND y.guid = x.guid AND y.from_ms > x.from_ms)
  ORDER BY guid LIMIT {MAX_ROWS}"""
CONNECTIONS = f"""{_CONNECTION} WHERE x.fabric = ? AND to_ms > ? AND from_ms < ?
  ORDER BY a_guid, a_number, b_guid, b_number, from_ms LIMIT {MAX_ROWS}"""
# CROSS JOIN keeps the order of the tables: each port is looked up, however many they are.
CONNECTIONS_OF_PORTS = tuple(
    f"""{_CONNECTION.replace("FROM connection x", "FROM json_each(?2) asked CROSS JOIN connection x")}
    WHERE x.fabric = ?1 AND x.{end}_guid = json_extract(asked.value, '$[0]')
    AND x.{end}_number = json_extract(asked.value, '$[1]') AND +to_ms > ?3 AND from_ms < ?4"""
    for end in "ab"
)
CONNECTIONS_OF_CABLE = (
    *(f"{_CONNECTION} WHERE x.fabric = ? AND x.{column} = ? AND i.cable IS NULL" for column in ("cable", "cable_alt")),
    f"{_CONNECTION} WHERE i.fabric = ? AND i.cable = ?",
)
LINK_STATES = f"""SELECT x.state, width, speed, from_ms, to_ms, absent_ms,
  {_SEEN.format(table="link_state", key="connection")}
  WHERE x.fabric = ? AND connection = ? AND +to_ms > ? AND from_ms < ? ORDER BY from_ms"""
# Links at ?2 where the picture rests on the sweep of ?3, in no order.
# The plus keeps the planner off the index by time, which would be walked once a connection.
_LINKS_AT = f"""SELECT c.*, s.state = 'up' AS up, s.width, s.speed,
  c.seen_ms < ?2 AND (c.to_ms < {FOREVER_MS} OR c.seen_ms < ?3) AS unsure
  FROM ({_CONNECTION} WHERE x.fabric = ?1 AND to_ms > ?2 AND from_ms <= ?2) c
  LEFT JOIN link_state s ON s.fabric = ?1 AND s.connection = c.id AND +s.to_ms > ?2 AND s.from_ms <= ?2"""
_LINK = "id a_guid a_number b_guid b_number cable up width speed unsure".split()
# One row of arrays, in the order of `Links`: to fetch 35,000 rows costs twice as much as to find them.
LINKS_AT = f"SELECT {', '.join(f'json_group_array({column})' for column in _LINK)} FROM ({_LINKS_AT})"
CHANGES = """SELECT at_ms, made_ms, number, since_ms, kind, severity, text, about FROM change
  WHERE fabric = ? AND at_ms >= ? AND at_ms < ? AND (at_ms, made_ms, number) < (?, ?, ?)"""
_LFT = "SELECT sha256, seen_at_ms FROM lft WHERE fabric = ? AND switch = ?"
LFT_BEFORE = f"{_LFT} AND seen_at_ms <= ? ORDER BY seen_at_ms DESC LIMIT 1"
LFT_AFTER = f"{_LFT} AND seen_at_ms > ? ORDER BY seen_at_ms LIMIT 1"
PORT_OF_GUID = """SELECT guid, number FROM lid_span WHERE fabric = ? AND port_guid = ? ORDER BY from_ms DESC LIMIT 1"""
SWITCH_OF_GUID = "SELECT 1 FROM node_span WHERE fabric = ? AND guid = ? AND kind = 'switch' LIMIT 1"
WIRING = """SELECT seen_at_ms, sha256, data FROM wiring JOIN blob USING (sha256) WHERE fabric = ? AND seen_at_ms <= ?
  ORDER BY seen_at_ms DESC, sha256 DESC LIMIT 1"""
_AT = "WHERE fabric = ?1 AND to_ms > ?2 AND from_ms <= ?2 ORDER BY guid, number"
LIDS_AT = f"SELECT guid, number, lid, lmc, port_guid FROM lid_span {_AT}"
MODULES_AT = f"SELECT guid, number, vendor, part, serial, length_m FROM module_span {_AT}"
LFTS = """SELECT switch, seen_at_ms, data FROM lft x JOIN blob USING (sha256) WHERE fabric = ?1 AND seen_at_ms =
  (SELECT max(seen_at_ms) FROM lft y WHERE y.fabric = ?1 AND y.switch = x.switch AND y.seen_at_ms <= ?2)
  ORDER BY switch"""


def _put_lft(c: sqlite3.Connection, key: tuple[str, str, int], digest: str, blob: bytes) -> bool:
    """Keep one table; False: it was known to hold then already."""
    fabric, switch, _ = key
    before, after = (c.execute(text, key).fetchone() for text in (LFT_BEFORE, LFT_AFTER))
    if before and before[0] == digest:
        return False
    if after and after[0] == digest:
        # The same table was seen later already: it was there earlier than known so far.
        c.execute("DELETE FROM lft WHERE fabric = ? AND switch = ? AND seen_at_ms = ?", (fabric, switch, after[1]))
    c.execute("INSERT OR IGNORE INTO blob VALUES (?, ?)", (digest, blob))
    c.execute("INSERT OR REPLACE INTO lft VALUES (?, ?, ?, ?)", (*key, digest))
    return True


def _connections(fabric: str, rows: Iterable[Any]) -> tuple[Connection, ...]:
    found = [
        Connection(
            id_,
            fabric,
            PortKey(ag, an),
            PortKey(bg, bn),
            cable,
            alt,
            medium,
            Interval(from_ms, to_ms),
            absent_ms,
            seen_ms,
        )
        for id_, ag, an, bg, bn, cable, alt, medium, from_ms, to_ms, absent_ms, seen_ms in rows
    ]
    return tuple(sorted(found, key=lambda x: (x.a, x.b, x.span)))


def _view(c: sqlite3.Connection, fabric: str, at_ms: int) -> FabricView:
    """Read the picture of a time into arrays."""
    first, last = c.execute("SELECT min(seen_at_ms), max(seen_at_ms) FROM sweep WHERE fabric = ?", (fabric,)).fetchone()
    if first is None or at_ms < first:
        raise not_seen(fabric, first)
    # A part of a picture confirms what it shows and leaves the rest as sure as it was.
    (seen,) = c.execute(
        """SELECT coalesce(max(CASE WHEN absent_after > 0 THEN seen_at_ms END), max(seen_at_ms)) FROM sweep
        WHERE fabric = ? AND seen_at_ms <= ? AND quarantined IS NULL""",
        (fabric, at_ms),
    ).fetchone()
    known = Seen(seen, last, version_of(c, "fabric"))
    links = c.execute(LINKS_AT, (fabric, at_ms, seen)).fetchone()
    nodes = c.execute(NODES_AT, (fabric, at_ms))
    lids = ((guid, number, lid) for guid, number, lid, *_ in c.execute(LIDS_AT, (fabric, at_ms)))
    return view_of(fabric, at_ms, known, nodes, lids, map(orjson.loads, links))

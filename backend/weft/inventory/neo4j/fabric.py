"""FabricHistory on Neo4j: the graph that schema.py draws; `fabric_write.py` writes it, `fabric_read.py` asks it."""

import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from sys import intern
from typing import Literal, TypeVar, get_args

from weft.base.intervals import Interval
from weft.fabric.model import Lid, Module, PortKey, Sweep
from weft.fabric.wiring import Wiring
from weft.inventory.derive import Deriver
from weft.inventory.neo4j import fabric_read as ask
from weft.inventory.neo4j.fabric_read import columns_of, text, whole, words_of
from weft.inventory.neo4j.fabric_rows import ROWS, port_key
from weft.inventory.neo4j.fabric_write import DROP, Neo4jBook
from weft.inventory.neo4j.graph import Graph, Tx
from weft.inventory.reading import (
    KIND_OF,
    ChangePlace,
    Links,
    Seen,
    SharedTimes,
    change_of,
    change_place,
    forwarding_tables,
    not_seen,
    view_now,
    view_of,
)
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

T = TypeVar("T")

STEADY_TRIES = 4
"""Reads that a write came between before one is handed out that is of two moments."""

Medium = Literal["cable", "backplane", "internal"]
MEDIA: dict[str, Medium] = {medium: medium for medium in get_args(Medium)}
STATES: dict[str, Literal["up", "down"]] = {"up": "up", "down": "down"}


class Neo4jFabrics:
    """What was cabled to what, since when, in a Neo4j graph.

    Args:
        host_names: the site's own names of hosts; see `names.host_of`.
    """

    def __init__(
        self,
        graph: Graph,
        *,
        absent_after: int,
        quarantine_share: float,
        host_names: Mapping[str, str] | None = None,
    ) -> None:
        self._graph = graph
        self._absent_after = absent_after
        self._share = quarantine_share
        self._host_names = dict(host_names or {})

    async def apply_sweep(self, sweep: Sweep, *, live: bool = False) -> SweepResult:
        """See FabricHistory."""
        digest, blob = sweep.packed()
        needs = (self._absent_after if live else 1) if sweep.complete else 0

        async def work(tx: Tx) -> SweepResult:
            return await (await self._deriver(tx, sweep.fabric)).add(sweep, digest, blob, needs)

        return await self._graph.write(work)

    async def correct(self, correction: Correction) -> None:
        """See FabricHistory."""

        async def work(tx: Tx) -> None:
            await (await self._deriver(tx, correction.fabric)).correct(correction)

        await self._graph.write(work)

    async def version(self) -> int:
        """See FabricHistory."""
        return await self._graph.read(lambda tx: tx.version_of("fabric"))

    async def fabrics(self) -> tuple[FabricSpan, ...]:
        """See FabricHistory."""
        rows = await self._graph.read(lambda tx: tx.rows(ask.FABRICS))
        return tuple(FabricSpan(*row) for row in rows)

    async def fabric(self, fabric: str, at_ms: int) -> FabricView:
        """See FabricHistory."""
        return await self._read(lambda tx: _view(tx, fabric, at_ms))

    async def nodes(self, fabric: str, window: Interval, *, gone: bool = False) -> tuple[NodeSpan, ...]:
        """See FabricHistory."""

        async def work(tx: Tx) -> tuple[NodeSpan, ...]:
            query = ask.NODES_GONE if gone else ask.NODES
            lines, descriptions = await tx.row(query, fabric=fabric, **_window(window)) or ([], [])
            last_seen = await _LastSeen.of(tx, fabric, "node_span")
            spans, alike = [], SharedTimes()
            for line, description in zip(lines, descriptions, strict=True):
                guid, kind, ports, from_, to, told = words_of(line)
                span = alike.span(int(from_), int(to))
                seen_ms = alike.time(last_seen.at(guid, span, whole(told)))
                spans.append(NodeSpan(intern(guid), KIND_OF[kind], intern(description), int(ports), span, seen_ms))
            return tuple(sorted(spans, key=lambda x: (x.guid, x.span.from_ms)))

        return await self._read(work)

    async def connections(
        self, fabric: str, window: Interval, ports: Sequence[PortKey] | None = None
    ) -> tuple[Connection, ...]:
        """See FabricHistory."""

        async def work(tx: Tx) -> tuple[Connection, ...]:
            if ports is None:
                row = await tx.row(ask.CONNECTIONS, fabric=fabric, **_window(window))
            else:
                keys = sorted({port_key(fabric, port) for port in ports})
                row = await tx.row(ask.CONNECTIONS_OF_PORTS, keys=keys, **_window(window))
            return await _connections(tx, fabric, row[0] if row else [])

        return await self._read(work)

    async def link_states(self, fabric: str, window: Interval, connections: Sequence[str]) -> tuple[LinkState, ...]:
        """See FabricHistory."""

        async def work(tx: Tx) -> tuple[LinkState, ...]:
            row = await tx.row(ask.LINK_STATES, fabric=fabric, ids=sorted(set(connections)), **_window(window))
            last_seen = await _LastSeen.of(tx, fabric, "link_state")
            states = []
            for line in row[0] if row else []:
                id_, state, width, speed, from_, to, absent, told = words_of(line)
                span = Interval(int(from_), int(to))
                seen_ms = last_seen.at(id_, span, whole(told))
                states.append(LinkState(id_, STATES[state], text(width), text(speed), span, whole(absent), seen_ms))
            return tuple(sorted(states, key=lambda x: (x.connection, x.span)))

        return await self._read(work)

    async def cable(self, fabric: str, cable: str) -> tuple[Connection, ...]:
        """See FabricHistory."""

        async def work(tx: Tx) -> tuple[Connection, ...]:
            row = await tx.row(ask.CONNECTIONS_OF_CABLE, fabric=fabric, cable=cable)
            return await _connections(tx, fabric, row[0] if row else [])

        return tuple(sorted(await self._read(work), key=lambda x: (x.span, x.a)))

    async def changes(
        self, fabric: str, window: Interval, *, kinds: Sequence[str] = (), limit: int = 1000, cursor: str | None = None
    ) -> Page[Change]:
        """See FabricHistory."""
        place = change_place(cursor)
        values = {
            "fabric": fabric,
            "from": window.from_ms,
            "last": min(window.to_ms - 1, place.at_ms),
            "place": list(place),
            "kinds": list(kinds),
            "limit": limit + 1,
        }
        rows = await self._graph.read(lambda tx: tx.rows(ask.CHANGES, **values))
        more = ChangePlace(*rows[limit - 1][:3]).text if len(rows) > limit else None
        return Page(tuple(change_of(fabric, row) for row in rows[:limit]), more)

    async def put_lfts(self, fabric: str, seen_at_ms: int, tables: Mapping[str, bytes]) -> int:
        """See FabricHistory."""
        packed = {x: (sha256(ports).hexdigest(), zlib.compress(ports, 6)) for x, ports in tables.items()}

        async def work(tx: Tx) -> int:
            await tx.lock("fabric")
            around = await tx.rows(ask.LFTS_AROUND, fabric=fabric, at=seen_at_ms, guids=sorted(packed))
            new = [(switch, after) for switch, before, after in around if before != packed[switch][0]]
            # The same table was seen later already: it was there earlier than known so far.
            again = [[fabric, switch, after[0]] for switch, after in new if after and after[1] == packed[switch][0]]
            blobs = dict(packed[switch] for switch, _ in new)
            rows = [[fabric, switch, seen_at_ms, packed[switch][0]] for switch, _ in new]
            await tx.run(DROP["lft"], keys=again)
            await tx.run(ROWS["blob"][1], rows=[list(blob) for blob in sorted(blobs.items())])
            await tx.run(ROWS["lft"][1], rows=rows)
            if new:
                await tx.bump("fabric")
            return len(new)

        return await self._graph.write(work)

    async def ports_by_guid(self, fabric: str, guids: Sequence[str]) -> Mapping[str, PortKey]:
        """See FabricHistory."""
        values = {"fabric": fabric, "guids": sorted(set(guids))}
        rows = await self._graph.read(lambda tx: tx.rows(ask.PORTS_BY_GUID, **values))
        return {guid: PortKey(*port) if port else PortKey(guid, 0) for guid, port, switch in rows if port or switch}

    async def lids(self, fabric: str, at_ms: int) -> tuple[Lid, ...]:
        """See FabricHistory."""
        lines = await self._graph.read(lambda tx: _lines(tx, ask.LIDS_AT, fabric, at_ms))
        words = (words_of(line) for line in lines)
        return tuple(
            sorted(
                (Lid(PortKey(g, int(n)), int(lid), int(lmc), text(guid)) for g, n, lid, lmc, guid in words),
                key=lambda x: x.port,
            )
        )

    async def modules(self, fabric: str, at_ms: int) -> tuple[Module, ...]:
        """See FabricHistory."""
        row = await self._graph.read(lambda tx: tx.row(ask.MODULES_AT, fabric=fabric, at=at_ms))
        found = []
        for line, told in zip(*row or ([], []), strict=True):
            guid, number = words_of(line)
            found.append(Module(PortKey(guid, int(number)), *told))
        return tuple(sorted(found, key=lambda x: x.port))

    async def lft(self, fabric: str, at_ms: int) -> ForwardingTables | None:
        """See FabricHistory."""
        rows = await self._read(lambda tx: tx.rows(ask.LFTS_AT, fabric=fabric, at=at_ms))
        return forwarding_tables([(switch, seen_ms, data) for switch, seen_ms, data in rows])

    async def put_wiring(self, wiring: Wiring) -> bool:
        """See FabricHistory."""
        data = wiring.packed()
        digest, fabric, at_ms = sha256(data).hexdigest(), wiring.fabric, wiring.seen_at_ms

        async def work(tx: Tx) -> bool:
            await tx.lock("fabric")
            before = await tx.row(ask.WIRING_AT, fabric=fabric, at=at_ms)
            if before and before[1] == digest:
                return False
            if await tx.row(ask.HAS_WIRING, fabric=fabric, at=at_ms, sha256=digest):
                return False
            await tx.run(ROWS["blob"][1], rows=[[digest, zlib.compress(data, 6)]])
            await tx.run(ROWS["wiring"][1], rows=[[fabric, at_ms, digest]])
            await tx.bump("fabric")
            return True

        return await self._graph.write(work)

    async def wiring(self, fabric: str, at_ms: int) -> Wiring | None:
        """See FabricHistory."""
        row = await self._graph.read(lambda tx: tx.row(ask.WIRING_AT, fabric=fabric, at=at_ms))
        return Wiring.unpacked(fabric, row[0], zlib.decompress(row[2])) if row else None

    async def _deriver(self, tx: Tx, fabric: str) -> Deriver:
        await tx.lock("fabric")
        return Deriver(Neo4jBook(self._graph, tx, fabric, self._host_names), fabric, self._share)

    async def _read(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """What a read of several steps finds, all of one version: each step sees what is committed by then."""

        async def steady(tx: Tx) -> T:
            for _ in range(STEADY_TRIES):
                version = await tx.version_of("fabric")
                answer = await work(tx)
                if await tx.version_of("fabric") == version:
                    break
            return answer

        return await self._graph.read(steady)


class _LastSeen:
    """When things of one table were last seen: an open one in the fabric's last sweep, unless it waits unconfirmed."""

    def __init__(self, seen_ms: int, unconfirmed: Mapping[str, int]) -> None:
        self._seen_ms, self.unconfirmed = seen_ms, unconfirmed

    @classmethod
    async def of(cls, tx: Tx, fabric: str, table: str) -> "_LastSeen":
        ((seen_ms, unconfirmed),) = await tx.rows(ask.LAST_SEEN, fabric=fabric, kind=table)
        return cls(seen_ms or 0, dict(unconfirmed))

    def at(self, id_: str, span: Interval, told_ms: int | None) -> int:
        """When a thing was last seen; `told_ms`: what its row says, None where it is open."""
        if told_ms is not None:
            return told_ms
        return self.unconfirmed.get(id_, max(self._seen_ms, span.from_ms))


def _window(window: Interval) -> dict[str, int]:
    return {"from": window.from_ms, "to": window.to_ms}


async def _lines(tx: Tx, query: str, fabric: str, at_ms: int) -> list[str]:
    row = await tx.row(query, fabric=fabric, at=at_ms)
    return list(row[0]) if row else []


async def _connections(tx: Tx, fabric: str, lines: Iterable[str]) -> tuple[Connection, ...]:
    last_seen = await _LastSeen.of(tx, fabric, "connection")
    found = []
    for line in lines:
        id_, ag, an, bg, bn, cable, alt, medium, from_, to, absent, told = words_of(line)
        span, ends = Interval(int(from_), int(to)), (PortKey(ag, int(an)), PortKey(bg, int(bn)))
        seen_ms = last_seen.at(id_, span, whole(told))
        found.append(Connection(id_, fabric, *ends, cable, text(alt), MEDIA[medium], span, whole(absent), seen_ms))
    return tuple(sorted(found, key=lambda x: (x.a, x.b, x.span)))


async def _view(tx: Tx, fabric: str, at_ms: int) -> FabricView:
    """Read the picture of a time into arrays."""
    ((first_ms, last_ms, whole_ms, any_ms),) = await tx.rows(ask.SWEEPS_AT, fabric=fabric, at=at_ms)
    if first_ms is None or at_ms < first_ms:
        raise not_seen(fabric, first_ms)
    # A part of a picture confirms what it shows and leaves the rest as sure as it was.
    seen_ms = any_ms if whole_ms is None else whole_ms
    seen = Seen(seen_ms, last_ms, await tx.version_of("fabric"))
    if state := await tx.row(ask.STATE_AT, fabric=fabric, at=at_ms):
        return view_now(fabric, at_ms, seen, state[0])
    lines, descriptions = await tx.row(ask.NODES_AT, fabric=fabric, at=at_ms) or ([], [])
    nodes = list(zip(*columns_of(lines, 2), descriptions, strict=True))
    lids = (words_of(line) for line in await _lines(tx, ask.LIDS_AT, fabric, at_ms))
    links = await _links(tx, fabric, at_ms, seen_ms)
    return view_of(fabric, at_ms, seen, nodes, [(guid, int(number), int(lid)) for guid, number, lid, *_ in lids], links)


async def _links(tx: Tx, fabric: str, at_ms: int, seen_ms: int) -> Links:
    """Links at a time, where the picture rests on the sweep of `seen_ms`."""
    states = zip(*columns_of(await _lines(tx, ask.STATES_AT, fabric, at_ms), 4), strict=True)
    state_of = {id_: (state == "up", text(width), text(speed)) for id_, state, width, speed in states}
    waits = (await _LastSeen.of(tx, fabric, "connection")).unconfirmed
    ids, a, a_port, b, b_port, cables, told = columns_of(await _lines(tx, ask.LINKS_AT, fabric, at_ms), 7)
    up, widths, speeds = [], [], []
    for id_ in ids:
        is_up, width, speed = state_of.get(id_, (False, None, None))
        up.append(is_up)
        widths.append(width)
        speeds.append(speed)
    # A time in the bracket of its end; or it waits since before the sweep that is shown.
    unsure = [
        waits.get(id_, seen_ms) < seen_ms if ended_ms is None else at_ms > ended_ms
        for id_, ended_ms in zip(ids, map(whole, told), strict=True)
    ]
    return Links(ids, a, list(map(int, a_port)), b, list(map(int, b_port)), cables, up, widths, speeds, unsure)

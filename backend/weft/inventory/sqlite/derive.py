"""Deriving a fabric's history inside one write: stepping on, going back and stepping again.

A sweep that comes in order is one step from the state kept with the fabric. A late one takes the fabric back to the
last anchor before it (a state kept every few steps) and derives what follows again. `made_ms` and `closed_ms` say which
item decided a row's beginning and end, so that going back is exact.
"""

import sqlite3
import zlib
from typing import NamedTuple, get_args

import orjson

from weft.base.errors import UnknownName
from weft.base.intervals import FOREVER_MS
from weft.fabric.model import PortKey, Sweep
from weft.inventory.changes import Fold
from weft.inventory.sqlite.db import bump
from weft.inventory.sqlite.schema import KEYS, VALUES
from weft.inventory.state import Decided, FabricState, Opened, Step, unconfirmed
from weft.inventory.store import Correction, CorrectionKind, SweepResult

ANCHOR_EVERY = 50
"""Steps from one kept state to the next: what a late sweep costs at the most, against 1 MB of disk at 12,000 hosts."""


class _Item(NamedTuple):
    """A place on the time line of a fabric: accepted sweeps are named before, other corrections after the sweep."""

    at_ms: int
    rank: int
    tag: str


class Deriver:
    """One write to one fabric, inside the writer's transaction."""

    def __init__(self, connection: sqlite3.Connection, fabric: str, share: float) -> None:
        self._c, self._fabric, self._share = connection, fabric, share

    def add(self, sweep: Sweep, digest: str, blob: bytes, absent_after: int) -> SweepResult:
        """Keep the sweep and derive what it changes."""
        key = (self._fabric, sweep.seen_at_ms, digest)
        known = "SELECT quarantined FROM sweep WHERE fabric = ? AND seen_at_ms = ? AND sha256 = ?"
        if row := self._c.execute(known, key).fetchone():
            return SweepResult(True, 0, row[0])
        before = self._count_changes()
        self._c.execute("INSERT OR IGNORE INTO blob VALUES (?, ?)", (digest, blob))
        self._c.execute("INSERT INTO sweep VALUES (?, ?, ?, ?, ?, NULL)", (*key, sweep.source, absent_after))
        self._derive(_Item(sweep.seen_at_ms, 1, digest))
        (quarantined,) = self._c.execute(known, key).fetchone()
        return SweepResult(False, self._count_changes() - before, quarantined)

    def correct(self, correction: Correction) -> None:
        """Keep the correction and derive what follows from it."""
        guid = correction.port.guid if correction.port else correction.guid or ""
        number = correction.port.number if correction.port else -1
        self._know(correction, guid)
        row = (self._fabric, correction.at_ms, correction.kind, guid, number)
        if self._c.execute(
            "INSERT OR IGNORE INTO correction VALUES (?, ?, ?, ?, ?, ?)", (*row, correction.who)
        ).rowcount:
            rank = 0 if correction.kind == "accepted" else 2
            self._derive(_Item(correction.at_ms, rank, f"{correction.kind} {guid} {number}"))

    def _know(self, correction: Correction, guid: str) -> None:
        if correction.kind == "accepted":
            found = "SELECT 1 FROM sweep WHERE fabric = ? AND seen_at_ms = ? AND quarantined IS NOT NULL"
            if not self._c.execute(found, (self._fabric, correction.at_ms)).fetchone():
                raise UnknownName("No sweep of that time was set aside.", fix="`weft changes` lists those that were.")
        elif not self._c.execute(
            "SELECT 1 FROM node_span WHERE fabric = ? AND guid = ?", (self._fabric, guid)
        ).fetchone():
            raise UnknownName(
                f"Fabric '{self._fabric}' never had a node {guid}.", fix="Give the GUID as `weft topology` shows it."
            )

    def _derive(self, item: _Item) -> None:
        """Take the item in at its place on the time line."""
        bump(self._c, "fabric")
        head = self._c.execute(
            "SELECT last_ms, last_rank, last_tag, seen_ms, settled, since_anchor, state FROM head WHERE fabric = ?",
            (self._fabric,),
        ).fetchone()
        if head is None:
            self._replay(FabricState(self._fabric), 0, _Item(-1, 0, ""))
            return
        if item <= _Item(*head[:3]):
            self._go_back(item)
            return
        if item.tag == head[2] and head[4]:
            # The same picture once more: everything is confirmed as of now, nothing else is touched.
            self._c.execute("UPDATE head SET last_ms = ?1, seen_ms = ?1 WHERE fabric = ?2", (item.at_ms, self._fabric))
            return
        state = _load(head[6], head[3])
        self._c.execute("DELETE FROM anchor WHERE fabric = ? AND at_ms >= ?", (self._fabric, item.at_ms))
        self._replay(state, head[5], _Item(*head[:3]))

    def _go_back(self, item: _Item) -> None:
        """Undo everything after the last anchor before the item, and derive it again."""
        self._c.execute("DELETE FROM anchor WHERE fabric = ? AND at_ms >= ?", (self._fabric, item.at_ms))
        anchor = self._c.execute(
            "SELECT at_ms, state FROM anchor WHERE fabric = ? ORDER BY at_ms DESC LIMIT 1", (self._fabric,)
        ).fetchone()
        at_ms = anchor[0] if anchor else -1
        for table in KEYS:
            self._c.execute(f"DELETE FROM {table} WHERE fabric = ? AND made_ms > ?", (self._fabric, at_ms))
            opened = "to_ms = ?, last_seen_ms = NULL, closed_ms = NULL"
            text = f"UPDATE {table} SET {opened} WHERE fabric = ? AND closed_ms > ?"
            self._c.execute(text, (FOREVER_MS, self._fabric, at_ms))
        for table in ("change", "identity"):
            self._c.execute(f"DELETE FROM {table} WHERE fabric = ? AND made_ms > ?", (self._fabric, at_ms))
        self._c.execute(
            "UPDATE sweep SET quarantined = NULL WHERE fabric = ? AND seen_at_ms > ?", (self._fabric, at_ms)
        )
        state = _load(anchor[1], None) if anchor else FabricState(self._fabric)
        self._replay(state, 0, _Item(at_ms, 3, ""))

    def _replay(self, state: FabricState, since_anchor: int, after: _Item) -> None:
        """Step through the time line from `after` on, and keep the state it ends in."""
        fold = Fold(state, quarantine_share=self._share)
        last, renewable = after, False
        for item, absent_after in self._timeline(after):
            if item.rank == 1:
                if renewable and last.tag == item.tag:
                    state.last_ms, last = item.at_ms, item
                    continue
                step = fold.sweep(self._sweep(item), absent_after=absent_after)
                self._c.execute(
                    "UPDATE sweep SET quarantined = ? WHERE fabric = ? AND seen_at_ms = ? AND sha256 = ?",
                    (step.quarantined, self._fabric, item.at_ms, item.tag),
                )
            else:
                step = fold.correct(self._correction(item))
            self._write(step)
            last, since_anchor = item, since_anchor + 1
            renewable = state.last_ms == item.at_ms and item.rank == 1 and state.settled
            if since_anchor >= ANCHOR_EVERY:
                since_anchor = 0
                self._c.execute(
                    "INSERT OR REPLACE INTO anchor VALUES (?, ?, ?)", (self._fabric, item.at_ms, _dump(state))
                )
        self._c.execute("DELETE FROM unconfirmed WHERE fabric = ?", (self._fabric,))
        rows = ((self._fabric, kind, key[0], seen_ms) for kind, key, seen_ms in unconfirmed(state))
        self._c.executemany("INSERT INTO unconfirmed VALUES (?, ?, ?, ?)", rows)
        self._c.execute(
            "INSERT OR REPLACE INTO head VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (self._fabric, *last, state.last_ms or 0, renewable, since_anchor, _dump(state)),
        )

    def _timeline(self, after: _Item) -> list[tuple[_Item, int]]:
        sweeps = self._c.execute(
            "SELECT seen_at_ms, sha256, absent_after FROM sweep WHERE fabric = ? AND seen_at_ms >= ?",
            (self._fabric, after.at_ms),
        )
        items = [(_Item(at_ms, 1, digest), needs) for at_ms, digest, needs in sweeps]
        corrections = self._c.execute(
            "SELECT at_ms, kind, guid, number FROM correction WHERE fabric = ? AND at_ms >= ?",
            (self._fabric, after.at_ms),
        )
        for at_ms, kind, guid, number in corrections:
            items.append((_Item(at_ms, 0 if kind == "accepted" else 2, f"{kind} {guid} {number}"), 0))
        return sorted(x for x in items if x[0] > after)

    def _sweep(self, item: _Item) -> Sweep:
        (data,) = self._c.execute("SELECT data FROM blob WHERE sha256 = ?", (item.tag,)).fetchone()
        return Sweep.unpacked(self._fabric, item.at_ms, data)

    def _correction(self, item: _Item) -> Correction:
        name, guid, number = item.tag.split(" ")
        kind = next(kind for kind in get_args(CorrectionKind) if kind == name)
        (who,) = self._c.execute(
            "SELECT who FROM correction WHERE fabric = ? AND at_ms = ? AND kind = ? AND guid = ? AND number = ?",
            (self._fabric, item.at_ms, kind, guid, int(number)),
        ).fetchone()
        port = PortKey(guid, int(number)) if kind == "cable_replaced" else None
        return Correction(self._fabric, item.at_ms, kind, who, port, guid or None)

    def _write(self, step: Step) -> None:
        for row in step.rows:
            if isinstance(row, Opened):
                columns = ("fabric", *KEYS[row.table], *VALUES[row.table], "from_ms", "to_ms", "absent_ms", "made_ms")
                marks = ", ".join("?" * len(columns))
                values = (self._fabric, *row.key, *row.values, row.from_ms, FOREVER_MS, row.absent_ms, step.decided_ms)
                text = f"INSERT OR REPLACE INTO {row.table} ({', '.join(columns)}) VALUES ({marks})"
                self._c.execute(text, values)
                continue
            if isinstance(row, Decided):
                values = (self._fabric, row.connection, row.cable, step.decided_ms)
                self._c.execute("INSERT OR REPLACE INTO identity VALUES (?, ?, ?, ?)", values)
                continue
            where = f"fabric = ? AND {' AND '.join(f'{key} = ?' for key in KEYS[row.table])} AND closed_ms IS NULL"
            self._c.execute(
                f"UPDATE {row.table} SET to_ms = ?, last_seen_ms = max(?, from_ms), closed_ms = ? WHERE {where}",
                (row.to_ms, row.last_seen_ms, step.decided_ms, self._fabric, *row.key),
            )
        first = self._next_number(step.decided_ms) if step.changes else 0
        for number, x in enumerate(step.changes, first):
            about = {"guids": x.guids, "ports": [[*p] for p in x.ports], "cables": x.cables, "detail": x.detail}
            told = x.since_ms, x.kind, x.severity, x.text, orjson.dumps(about).decode()
            key = (self._fabric, x.at_ms, step.decided_ms, number)
            self._c.execute("INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*key, *told))

    def _next_number(self, made_ms: int) -> int:
        """Two items of one millisecond (a sweep and a correction) number their changes one after the other."""
        most = "SELECT max(number) FROM change WHERE fabric = ? AND made_ms = ?"
        (number,) = self._c.execute(most, (self._fabric, made_ms)).fetchone()
        return 0 if number is None else int(number) + 1

    def _count_changes(self) -> int:
        (count,) = self._c.execute("SELECT count(*) FROM change WHERE fabric = ?", (self._fabric,)).fetchone()
        return int(count)


def _dump(state: FabricState) -> bytes:
    return zlib.compress(orjson.dumps(state.dump()), 1)


def _load(blob: bytes, seen_ms: int | None) -> FabricState:
    """The state of a blob; `seen_ms`: its last sweep, where equal sweeps have come since the blob was written."""
    state = FabricState.load(orjson.loads(zlib.decompress(blob)))
    if seen_ms is not None and state.last_ms is not None:
        state.last_ms = seen_ms
    return state

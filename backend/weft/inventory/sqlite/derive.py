"""The rows of a fabric in SQLite, as `inventory.derive` reads and changes them, inside the writer's transaction."""

import sqlite3
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from weft.base.intervals import FOREVER_MS
from weft.inventory.derive import CorrectionEntry, Head, SweepEntry, change_row
from weft.inventory.sqlite.db import bump
from weft.inventory.sqlite.schema import KEYS, VALUES
from weft.inventory.state import Closed, Decided, Opened, Step

T = TypeVar("T")


def driven(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine answers that never suspends, as none does that only awaits a SqliteBook: no loop is needed."""
    try:
        work.send(None)
    except StopIteration as done:
        answer: T = done.value
        return answer
    work.close()
    raise RuntimeError("work on SQLite suspended")


class SqliteBook:
    """See Book. Every method answers at once."""

    def __init__(self, connection: sqlite3.Connection, fabric: str) -> None:
        self._c, self._fabric = connection, fabric

    async def known(self, seen_at_ms: int, digest: str) -> tuple[str | None] | None:
        """See Book."""
        text = "SELECT quarantined FROM sweep WHERE fabric = ? AND seen_at_ms = ? AND sha256 = ?"
        row: tuple[str | None] | None = self._c.execute(text, (self._fabric, seen_at_ms, digest)).fetchone()
        return row

    async def keep_sweep(self, sweep: SweepEntry, source: str, blob: bytes) -> None:
        """See Book."""
        self._c.execute("INSERT OR IGNORE INTO blob VALUES (?, ?)", (sweep.sha256, blob))
        row = (self._fabric, sweep.seen_at_ms, sweep.sha256, source, sweep.absent_after)
        self._c.execute("INSERT INTO sweep VALUES (?, ?, ?, ?, ?, NULL)", row)

    async def keep_correction(self, correction: CorrectionEntry) -> bool:
        """See Book."""
        text = "INSERT OR IGNORE INTO correction VALUES (?, ?, ?, ?, ?, ?)"
        return bool(self._c.execute(text, (self._fabric, *correction)).rowcount)

    async def has_node(self, guid: str) -> bool:
        """See Book."""
        text = "SELECT 1 FROM node_span WHERE fabric = ? AND guid = ?"
        return self._c.execute(text, (self._fabric, guid)).fetchone() is not None

    async def was_set_aside(self, seen_at_ms: int) -> bool:
        """See Book."""
        text = "SELECT 1 FROM sweep WHERE fabric = ? AND seen_at_ms = ? AND quarantined IS NOT NULL"
        return self._c.execute(text, (self._fabric, seen_at_ms)).fetchone() is not None

    async def head(self) -> Head | None:
        """See Book."""
        row = self._c.execute(
            "SELECT last_ms, last_rank, last_tag, seen_ms, settled, since_anchor, state FROM head WHERE fabric = ?",
            (self._fabric,),
        ).fetchone()
        return Head(*row) if row else None

    async def renew(self, at_ms: int) -> None:
        """See Book."""
        self._c.execute("UPDATE head SET last_ms = ?1, seen_ms = ?1 WHERE fabric = ?2", (at_ms, self._fabric))
        bump(self._c, "fabric")

    async def forget_anchors(self, from_ms: int) -> None:
        """See Book."""
        self._c.execute("DELETE FROM anchor WHERE fabric = ? AND at_ms >= ?", (self._fabric, from_ms))

    async def anchor(self) -> tuple[int, bytes] | None:
        """See Book."""
        text = "SELECT at_ms, state FROM anchor WHERE fabric = ? ORDER BY at_ms DESC LIMIT 1"
        row: tuple[int, bytes] | None = self._c.execute(text, (self._fabric,)).fetchone()
        return row

    async def keep_anchor(self, at_ms: int, state: bytes) -> None:
        """See Book."""
        self._c.execute("INSERT OR REPLACE INTO anchor VALUES (?, ?, ?)", (self._fabric, at_ms, state))

    async def cut_back(self, at_ms: int) -> int:
        """See Book."""
        for table in KEYS:
            self._c.execute(f"DELETE FROM {table} WHERE fabric = ? AND made_ms > ?", (self._fabric, at_ms))
            opened = "to_ms = ?, last_seen_ms = NULL, closed_ms = NULL"
            text = f"UPDATE {table} SET {opened} WHERE fabric = ? AND closed_ms > ?"
            self._c.execute(text, (FOREVER_MS, self._fabric, at_ms))
        self._c.execute("DELETE FROM identity WHERE fabric = ? AND made_ms > ?", (self._fabric, at_ms))
        text = "UPDATE sweep SET quarantined = NULL WHERE fabric = ? AND seen_at_ms > ?"
        self._c.execute(text, (self._fabric, at_ms))
        return self._c.execute("DELETE FROM change WHERE fabric = ? AND made_ms > ?", (self._fabric, at_ms)).rowcount

    async def sweeps(self, from_ms: int) -> Sequence[SweepEntry]:
        """See Book."""
        text = "SELECT seen_at_ms, sha256, absent_after FROM sweep WHERE fabric = ? AND seen_at_ms >= ?"
        return [SweepEntry(*row) for row in self._c.execute(text, (self._fabric, from_ms))]

    async def corrections(self, from_ms: int) -> Sequence[CorrectionEntry]:
        """See Book."""
        text = "SELECT at_ms, kind, guid, number, who FROM correction WHERE fabric = ? AND at_ms >= ?"
        return [CorrectionEntry(*row) for row in self._c.execute(text, (self._fabric, from_ms))]

    async def content(self, digest: str) -> bytes:
        """See Book."""
        (data,) = self._c.execute("SELECT data FROM blob WHERE sha256 = ?", (digest,)).fetchone()
        return bytes(data)

    async def set_aside(self, sweep: SweepEntry, why: str) -> None:
        """See Book."""
        text = "UPDATE sweep SET quarantined = ? WHERE fabric = ? AND seen_at_ms = ? AND sha256 = ?"
        self._c.execute(text, (why, self._fabric, sweep.seen_at_ms, sweep.sha256))

    async def next_number(self, made_ms: int) -> int:
        """See Book."""
        most = "SELECT max(number) FROM change WHERE fabric = ? AND made_ms = ?"
        (number,) = self._c.execute(most, (self._fabric, made_ms)).fetchone()
        return 0 if number is None else int(number) + 1

    async def write(self, step: Step, number: int) -> None:
        """See Book."""
        for row in step.rows:
            if isinstance(row, Opened):
                self._open(row, step.decided_ms)
            elif isinstance(row, Decided):
                values = (self._fabric, row.connection, row.cable, step.decided_ms)
                self._c.execute("INSERT OR REPLACE INTO identity VALUES (?, ?, ?, ?)", values)
            else:
                self._close(row, step.decided_ms)
        for i, change in enumerate(step.changes, number):
            told = (self._fabric, *change_row(change, step.decided_ms, i))
            self._c.execute("INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", told)

    def _open(self, row: Opened, made_ms: int) -> None:
        columns = ("fabric", *KEYS[row.table], *VALUES[row.table], "from_ms", "to_ms", "absent_ms", "made_ms")
        marks = ", ".join("?" * len(columns))
        values = (self._fabric, *row.key, *row.values, row.from_ms, FOREVER_MS, row.absent_ms, made_ms)
        self._c.execute(f"INSERT OR REPLACE INTO {row.table} ({', '.join(columns)}) VALUES ({marks})", values)

    def _close(self, row: Closed, closed_ms: int) -> None:
        where = f"fabric = ? AND {' AND '.join(f'{key} = ?' for key in KEYS[row.table])} AND closed_ms IS NULL"
        self._c.execute(
            f"UPDATE {row.table} SET to_ms = ?, last_seen_ms = max(?, from_ms), closed_ms = ? WHERE {where}",
            (row.to_ms, row.last_seen_ms, closed_ms, self._fabric, *row.key),
        )

    async def finish(self, head: Head, waiting: Sequence[tuple[str, str, int]]) -> None:
        """See Book."""
        self._c.execute("DELETE FROM unconfirmed WHERE fabric = ?", (self._fabric,))
        rows = ((self._fabric, *row) for row in waiting)
        self._c.executemany("INSERT INTO unconfirmed VALUES (?, ?, ?, ?)", rows)
        self._c.execute("INSERT OR REPLACE INTO head VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (self._fabric, *head))
        bump(self._c, "fabric")

"""`weft copy`: all that one engine holds into another one, resumed where it was stopped, and compared at the end."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import orjson

from weft.base.errors import BadRequest, ServiceError
from weft.base.intervals import FOREVER_MS, Interval
from weft.inventory.rows import TABLES, Archive, Row
from weft.inventory.store import Ledger
from weft.logs.store import LogLine, LogQuery, LogStore

ROWS_AT_ONCE = 5_000
BYTES_AT_ONCE = 4 << 20
"""Rows of a fabric hold pictures of it, a megabyte each."""

LINES_AT_ONCE = 5_000

EVERY_LINE = LogQuery(Interval(-FOREVER_MS, FOREVER_MS))

Progress = Callable[[str, int], None]
"""Called with what is being copied and how many rows of it are there."""


@dataclass(frozen=True, slots=True)
class Copied:
    """How many rows each table has, on both engines alike; and by what that was compared."""

    rows: Mapping[str, int]
    checksums: Mapping[str, str]


class Inventory(Protocol):
    """An inventory to copy from or to."""

    @property
    def archive(self) -> Archive:
        """All of it as rows."""

    @property
    def ledger(self) -> Ledger:
        """Its counts and checksums."""


class Bookmark:
    """How far a copy has come, in a small file that goes when it is done."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.told: dict[str, Any] = orjson.loads(path.read_bytes()) if path.exists() else {}

    @property
    def begun(self) -> bool:
        """Whether a copy was stopped on its way."""
        return bool(self.told)

    async def set(self, **told: Any) -> None:
        """Remember."""
        self.told |= told
        await asyncio.to_thread(self._write)

    def _write(self) -> None:
        new = self._path.with_suffix(".new")
        new.write_bytes(orjson.dumps(self.told))
        new.rename(self._path)

    async def drop(self) -> None:
        """The copy is done."""
        await asyncio.to_thread(self._path.unlink, True)


async def copy_inventory(source: Inventory, target: Inventory, bookmark: Bookmark, progress: Progress) -> Copied:
    """Copy every table of an inventory.

    Raises:
        BadRequest: the target holds something that is not of this copy. ServiceError: they differ at the end.
    """
    if not bookmark.begun:
        _refuse_filled(await target.ledger.stats())
        await bookmark.set(done={}, after=None)
    counts: dict[str, int] = bookmark.told["done"]
    for table in TABLES.values():
        if table.name in counts:
            continue
        after, count = bookmark.told["after"] or (None, 0)
        after = None if after is None else tuple(after)
        size = ROWS_AT_ONCE
        while rows := await source.archive.rows(table.name, after, size):
            await target.archive.put_rows(table.name, rows)
            after, count = rows[-1][: table.key], count + len(rows)
            await bookmark.set(after=[after, count])
            progress(table.name, count)
            size = _fitting(rows)
        counts[table.name] = count
        await bookmark.set(done=counts, after=None)
    wanted, found = await source.ledger.checksums(), await target.ledger.checksums()
    _compare(wanted, found)
    await bookmark.drop()
    return Copied(counts, dict(found))


async def copy_logs(source: LogStore, target: LogStore, bookmark: Bookmark, progress: Progress) -> Copied:
    """Copy every log line, oldest first. Raises as `copy_inventory`."""
    if not bookmark.begun:
        _refuse_filled(await target.stats())
        await bookmark.set(cursor=None, lines=0)
    cursor: str | None = bookmark.told["cursor"]
    count: int = bookmark.told["lines"]
    while True:
        hits = await source.search(EVERY_LINE, limit=LINES_AT_ONCE, cursor=cursor, oldest=True)
        if hits.lines:
            await target.append(hits.lines)
            count += len(hits.lines)
            progress("log lines", count)
        if hits.cursor is None:
            break
        cursor = hits.cursor
        await bookmark.set(cursor=cursor, lines=count)
    wanted, found = await _sum(source), await _sum(target)
    _compare(wanted, found)
    await bookmark.drop()
    return Copied({"log lines": count}, found)


async def _sum(logs: LogStore) -> dict[str, str]:
    """A checksum over all lines in their order, whole."""
    digest = hashlib.sha256()
    cursor: str | None = None
    while True:
        hits = await logs.search(EVERY_LINE, limit=LINES_AT_ONCE, cursor=cursor, oldest=True)
        for line in hits.lines:
            digest.update(_told(line))
        if hits.cursor is None:
            return {"log lines": digest.hexdigest()}
        cursor = hits.cursor


def _told(line: LogLine) -> bytes:
    members = [
        line.id, line.at_ms, line.host, line.program, line.severity, line.message, line.source, line.seq,
        sorted(line.fields.items()),
    ]  # fmt: skip
    return repr(members).encode("utf-8", "surrogatepass")


def _refuse_filled(held: Mapping[str, int]) -> None:
    filled = {name: count for name, count in held.items() if count}
    if filled:
        told = ", ".join(f"{count:,} {name}" for name, count in list(filled.items())[:4])
        raise BadRequest(
            f"The engine to copy to already holds something ({told}).", fix="Copy to an empty one; nothing is merged."
        )


def _compare(wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    differ = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if differ:
        raise ServiceError(
            f"After copying, {', '.join(differ)} differ.",
            fix="Something wrote to one of the engines meanwhile: stop that, empty the target, and copy again.",
        )


def _fitting(rows: tuple[Row, ...]) -> int:
    """How many rows to take next, so that their bytes stay bounded."""
    size = sum(len(value) for row in rows for value in row if isinstance(value, bytes | str)) + 1
    return max(1, min(ROWS_AT_ONCE, len(rows) * BYTES_AT_ONCE // size))

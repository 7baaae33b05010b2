"""Everything an inventory holds, as plain rows of named tables: what `weft copy` moves and checksums are taken of.

Both engines hand out the same rows, whatever they keep them as.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from weft.scheduler.model import Run, RunKey

Value = str | int | float | bytes | None
Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns, of which the first `key` identify a row (in their order rows are handed out).

    `unsummed`: columns that say how a fact was derived, or when it was told, rather than what is known; two stores that
    know the same may differ in them, so checksums leave them out.
    """

    name: str
    key: int
    columns: tuple[str, ...]
    unsummed: frozenset[str] = frozenset()


_SPAN = ("to_ms", "absent_ms", "last_seen_ms", "made_ms", "closed_ms")
_DERIVED = frozenset({"made_ms", "closed_ms"})


def _table(name: str, key: str, rest: str, unsummed: frozenset[str] = frozenset()) -> Table:
    keys, others = key.split(), rest.split()
    return Table(name, len(keys), (*keys, *others), unsummed)


def _spans(name: str, key: str, values: str) -> Table:
    return _table(name, f"fabric {key} from_ms", f"{values} {' '.join(_SPAN)}", _DERIVED)


TABLES = {
    table.name: table
    for table in (
        _table("blob", "sha256", "data"),
        _table("sweep", "fabric seen_at_ms sha256", "source absent_after quarantined", frozenset({"source"})),
        _table("correction", "fabric at_ms kind guid number", "who"),
        _spans("node_span", "guid", "kind description ports"),
        _spans("connection", "id", "a_guid a_number b_guid b_number cable cable_alt medium"),
        _spans("link_state", "connection", "state width speed"),
        _spans("lid_span", "guid number", "lid lmc port_guid"),
        _spans("module_span", "guid number", "vendor part serial length_m"),
        _table("identity", "fabric connection", "cable made_ms", frozenset({"made_ms"})),
        _table("unconfirmed", "fabric kind id", "last_seen_ms"),
        _table(
            "change", "fabric at_ms made_ms number", "since_ms kind severity text about",
            frozenset({"made_ms", "number"}),
        ),
        _table("wiring", "fabric seen_at_ms sha256", ""),
        _table("lft", "fabric switch seen_at_ms", "sha256"),
        _table(
            "head", "fabric", "last_ms last_rank last_tag seen_ms settled since_anchor state",
            frozenset({"since_anchor", "state"}),
        ),
        _table("anchor", "fabric at_ms", "state", frozenset({"state"})),
        _table(
            "run", "cluster job_id start_ms submit_ms",
            "label name user account partition state end_ms hosts node_count exit_code exit_signal seen_at_ms source"
            " features tres cpus predicted_start_ms",
        ),
        _table("node_report", "cluster seen_at_ms", "tells"),
        _table("node_told", "cluster host member from_ms", "word alone"),
        _table("note", "at_ms kind severity text about", ""),
        _table("source", "source", "heard_ms ok text"),
    )
}  # fmt: skip
"""Every table, in an order in which each only refers to those before it.

`hosts` of a run: sorted names, separated by commas. `word` of node_told: what was said, as JSON; None: no node. `about`
of a change and of a note: JSON. Keys sort with None before all else. Sums by day are derived from runs, and no table.
"""


def row_of(run: Run) -> Row:
    """The row of a run."""
    return (
        *run.key, run.submit_ms, run.label, run.name, run.user, run.account, run.partition, run.state, run.end_ms,
        ",".join(run.hosts), run.node_count, run.exit_code, run.exit_signal, run.seen_at_ms, run.source, run.features,
        run.tres, run.cpus, run.predicted_start_ms,
    )  # fmt: skip


def run_of(row: tuple[Any, ...]) -> Run:
    """The run of a row."""
    cluster, job_id, start_ms, submit_ms, label, name, user, account, partition, state, end_ms, hosts, *rest = row
    return Run(
        RunKey(cluster, job_id, start_ms), label, name, user, account, partition, state, submit_ms, end_ms,
        tuple(hosts.split(",")) if hosts else (), *rest,
    )  # fmt: skip


class Archive(Protocol):
    """All that one inventory holds, in and out as rows."""

    async def rows(self, table: str, after: Row | None, limit: int) -> tuple[Row, ...]:
        """Rows of a table by key, from after the given key on; fewer than `limit`: that was the end."""

    async def put_rows(self, table: str, rows: tuple[Row, ...]) -> None:
        """Keep rows, all or none; one that is there by its key already is replaced. Readers see the change."""


PAGE, PICTURES = 5_000, 20
"""Rows that are read at once where all are; of those that hold a picture of a fabric each, up to a megabyte."""


async def checksums(archive: Archive) -> dict[str, str]:
    """SHA-256 of every table; see Ledger. While others write, what is read of a table is of several moments."""
    sums = {}
    for name, table in sorted(TABLES.items()):
        checksum = Checksum(table)
        limit = PICTURES if table.columns[-1] in ("data", "state") else PAGE
        after: Row | None = None
        while True:
            rows = await archive.rows(name, after, limit)
            checksum.add(rows)
            if len(rows) < limit:
                break
            after = rows[-1][: table.key]
        sums[name] = checksum.hex()
    return sums


class Checksum:
    """SHA-256 over the rows of a table as they come, in the order of their key, without the columns it leaves out.

    Where columns of the key are among these, rows that are alike in those before them are taken in the order of what is
    left of them: then it does not matter how they were numbered.
    """

    def __init__(self, table: Table) -> None:
        self._digest = hashlib.sha256()
        self._summed = [at for at, column in enumerate(table.columns) if column not in table.unsummed]
        self._all = len(self._summed) == len(table.columns)
        self._ordered = next((at for at in range(table.key) if table.columns[at] in table.unsummed), None)
        self._alike: list[Row] = []

    def add(self, rows: Iterable[Row]) -> None:
        """Take in the rows that come next."""
        if not self._all:
            rows = [tuple(row[at] for at in self._summed) for row in rows]
        if self._ordered is None:
            self._digest.update("".join(f"{row!r}\n" for row in rows).encode())
            return
        for row in rows:
            if self._alike and self._alike[0][: self._ordered] != row[: self._ordered]:
                self._take_alike()
            self._alike.append(row)

    def hex(self) -> str:
        """The sum of all rows that came."""
        self._take_alike()
        return self._digest.hexdigest()

    def _take_alike(self) -> None:
        self._digest.update("".join(sorted(f"{row!r}\n" for row in self._alike)).encode())
        self._alike = []

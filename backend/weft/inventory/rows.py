"""Everything an inventory holds, as plain rows of named tables: what `weft copy` moves and checksums are taken of.

Both engines hand out the same rows, whatever they keep them as.
"""

from dataclasses import dataclass
from typing import Protocol

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
        _table("identity", "fabric connection", "cable made_ms", _DERIVED),
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


class Archive(Protocol):
    """All that one inventory holds, in and out as rows."""

    async def rows(self, table: str, after: Row | None, limit: int) -> tuple[Row, ...]:
        """Rows of a table by key, from after the given key on; fewer than `limit`: that was the end."""

    async def put_rows(self, table: str, rows: tuple[Row, ...]) -> None:
        """Keep rows, all or none; one that is there by its key already is replaced. Readers see the change."""

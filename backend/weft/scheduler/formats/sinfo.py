"""`sinfo -N -o` with bars between the fields: nodes and their states, a line each (or a hostlist a line).

Source: sinfo's manual page, and output of 22.05. Read without its heading (`-h`) too in the order
`%N|%P|%T|%t|%c|%m|%f|%E|%H|%u`, where both state words of every row agree.
"""

from collections.abc import Sequence

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading
from weft.scheduler import hostlists
from weft.scheduler.formats import nodes
from weft.scheduler.formats.bars import Bars, Dialect, first_line, heading, matches, whole_lines
from weft.scheduler.formats.fields import text_of
from weft.scheduler.model import NodeReport, SchedulerNode

ASK = f"{nodes.ASK} With a heading, `sinfo -N -o '%N|%P|%T|%c|%m|%f|%G|%E'` is read too."

PLAIN = "NODELIST PARTITION STATE STATE CPUS MEMORY AVAIL_FEATURES REASON TIMESTAMP USER".split()
"""Columns of a listing without a heading."""

_TELLS = {
    "STATE": "state", "PARTITION": "partitions", "AVAIL_FEATURES": "features", "FEATURES": "features", "GRES": "gres",
    "CPUS": "cpus", "MEMORY": "memory_mb", "REASON": "reason",
}  # fmt: skip

DIALECT = Dialect(
    tool="sinfo",
    ask=ASK,
    fits={
        "NODELIST": matches(r"[\w.\[\],-]+"),
        "STATE": matches(r"[A-Za-z_]+[*~#!%$@^+-]*"),
        "CPUS": matches(r"\d+\+?"),
        "MEMORY": matches(r"\d+\+?"),
    },
    free=frozenset({"REASON", "COMMENT", "EXTRA"}),
    read=frozenset({*_TELLS, "NODELIST"}),
)


def recognise(head: str) -> bool:
    """True for a heading with bars, nodes and states, or a row of the one order that needs none."""
    columns = first_line(head).removesuffix("|").split("|")
    return {"NODELIST", "STATE"} <= set(columns) or _is_plain(columns)


def _is_plain(fields: Sequence[str]) -> bool:
    if len(fields) < len(PLAIN) or not all(
        DIALECT.fits[n](t) for n, t in zip(PLAIN, fields, strict=False) if n in DIALECT.fits
    ):
        return False
    long, short = nodes.state_of([fields[2]]), nodes.state_of([fields[3]])
    return long is not None and long == short


def parse(text: str, origin: Origin) -> Reading[NodeReport]:
    """Read every node. Raises BadInput: cut, a needed column is missing, a row that does not fit the heading."""
    lines = whole_lines(text, f"Run sinfo again. {ASK}")
    at, columns, closed = heading(lines, DIALECT)
    plain = not {"NODELIST", "STATE"} <= set(columns)
    if plain:
        at, columns = at - 1, PLAIN
    bars = Bars(DIALECT, columns, closed, at + 2)
    found: list[SchedulerNode] = []
    for number, fields in bars.rows(lines[at + 1 :]):
        if plain and not _is_plain(fields):
            raise BadInput("its two words for the state do not agree: are these other columns?", fix=ASK, line=number)
        try:
            found += _nodes(dict(zip(columns, fields, strict=True)))
        except BadInput as exc:
            raise BadInput(exc.bare, fix=exc.fix, line=number) from exc
    tells = frozenset(member for column, member in _TELLS.items() if column in columns)
    return nodes.reading(found, origin, FORMAT.name, tells=tells, notices=bars.notices())


def _nodes(row: dict[str, str]) -> list[SchedulerNode]:
    state = nodes.state_of([row["STATE"]])
    if state is None:
        raise BadInput(f"'{row['STATE'][:60]}' is no state of a node.", fix=ASK)
    features = text_of(row.get("AVAIL_FEATURES") or row.get("FEATURES", ""))
    partition = row.get("PARTITION", "").removesuffix("*")
    reason = row.get("REASON", "")
    return [
        SchedulerNode(
            name,
            *state,
            (partition,) if partition else (),
            tuple(features.split(",")) if features else (),
            text_of(row.get("GRES", "")),
            _count(row.get("CPUS", "")),
            _count(row.get("MEMORY", "")),
            "" if reason == "none" else reason,
        )
        for name in hostlists.expand(row["NODELIST"])
    ]


def _count(text: str) -> int | None:
    """A number; `32+` is the least of several nodes and of none of them."""
    return int(text) if text.isdecimal() and len(text) < 19 else None


FORMAT: Format[NodeReport] = Format("sinfo", "an sinfo listing with bars", recognise, parse)

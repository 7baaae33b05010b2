"""Nodes as Slurm's tools print them: states with their flags, and reports put together from rows."""

import re
from collections.abc import Iterable
from dataclasses import replace

from weft.base.formats import Origin, Reading, counted, said_aside
from weft.scheduler.model import NODE_MEMBERS, NodeReport, SchedulerNode

ASK = "Print them with `scontrol -o show node`."

_SIGNS = {
    "*": "NOT_RESPONDING", "~": "POWERED_DOWN", "#": "POWERING_UP", "!": "POWER_DOWN", "%": "POWERING_DOWN",
    "$": "MAINTENANCE", "@": "REBOOT_REQUESTED", "^": "REBOOT_ISSUED", "-": "PLANNED",
}  # fmt: skip
"""What is behind a state word (sinfo's manual page, NODE STATE CODES)."""

_SAME = {"MAINT": "MAINTENANCE", "RESV": "RESERVED", "NO_RESPOND": "NOT_RESPONDING", "POWER_UP": "POWERING_UP"}
"""Flags that have two names in Slurm's own outputs."""

_WORDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ALLOC": ("ALLOCATED", ()), "MIX": ("MIXED", ()), "UNK": ("UNKNOWN", ()), "FUTR": ("FUTURE", ()),
    "COMP": ("UNKNOWN", ("COMPLETING",)), "COMPLETING": ("UNKNOWN", ("COMPLETING",)),
    "DRAINING": ("UNKNOWN", ("DRAIN",)), "DRNG": ("UNKNOWN", ("DRAIN",)),
    "DRAINED": ("UNKNOWN", ("DRAIN",)), "DRAIN": ("UNKNOWN", ("DRAIN",)),
    "FAILING": ("UNKNOWN", ("FAIL",)), "FAIL": ("UNKNOWN", ("FAIL",)), "FAILG": ("UNKNOWN", ("FAIL",)),
    "MAINT": ("UNKNOWN", ("MAINTENANCE",)), "RESERVED": ("UNKNOWN", ("RESERVED",)), "RESV": ("UNKNOWN", ("RESERVED",)),
    "PLANNED": ("IDLE", ("PLANNED",)), "PLND": ("IDLE", ("PLANNED",)), "BLOCKED": ("IDLE", ("BLOCKED",)),
    "POWERED_DOWN": ("UNKNOWN", ("POWERED_DOWN",)), "POWERING_DOWN": ("UNKNOWN", ("POWERING_DOWN",)),
    "POWERING_UP": ("UNKNOWN", ("POWERING_UP",)), "POW_DN": ("UNKNOWN", ("POWERING_DOWN",)),
    "POW_UP": ("UNKNOWN", ("POWERING_UP",)), "REBOOT": ("UNKNOWN", ("REBOOT_ISSUED",)),
    "REBOOT_ISSUED": ("UNKNOWN", ("REBOOT_ISSUED",)), "INVAL": ("UNKNOWN", ("INVALID_REG",)),
    "PERFCTRS": ("UNKNOWN", ("PERFCTRS",)), "NPC": ("UNKNOWN", ("PERFCTRS",)),
}  # fmt: skip
"""Words of sinfo that say a flag and hide the base state (drained: idle or down), or are its short forms."""

_WORD = re.compile(r"(?a)[A-Z][A-Z_]*")


def state_of(words: Iterable[str]) -> tuple[str, frozenset[str]] | None:
    """State and flags of `["IDLE", "DRAIN"]`, whichever way each word is written; None: no words of states."""
    plain = [word.strip().upper() for word in words]
    if not plain or not plain[0]:
        return None
    flags = {_SIGNS[sign] for word in plain for sign in word if sign in _SIGNS}
    first, *more = (word.strip("".join(_SIGNS)) for word in plain)
    if not all(_WORD.fullmatch(word) for word in (first, *more)):
        return None
    base, implied = _WORDS.get(first, (first, ()))
    return base, frozenset({_SAME.get(word, word) for word in (*more, *implied)} | flags)


def joined(rows: Iterable[SchedulerNode]) -> tuple[SchedulerNode, ...]:
    """Nodes sorted by name; of several rows of one (sinfo prints one a partition) the partitions together."""
    nodes: dict[str, SchedulerNode] = {}
    for row in rows:
        known = nodes.get(row.name)
        if known:
            row = replace(
                known, partitions=(*known.partitions, *(p for p in row.partitions if p not in known.partitions))
            )
        nodes[row.name] = row
    return tuple(nodes[name] for name in sorted(nodes))


def reading(
    rows: Iterable[SchedulerNode],
    origin: Origin,
    source: str,
    *,
    cluster: str = "",
    tells: frozenset[str] = NODE_MEMBERS,
    partial: bool = False,
    notices: Iterable[str] = (),
) -> Reading[NodeReport]:
    """A report of nodes. One that lists a single node was asked for that one, and says nothing of others."""
    nodes = joined(rows)
    told = NodeReport(
        cluster or origin.cluster,
        origin.seen_at_ms,
        source,
        nodes,
        complete=len(nodes) > 1 and not partial,
        tells=tells,
    )
    aside = (*notices, *said_aside(origin.stderr))
    return Reading(told, counted(len(nodes), "node"), origin.seen_at_ms, dated=False, notices=aside)

"""What a file is, by its content: every format that Weft reads, and those it knows by sight.

To add a format, write its module and put its FORMAT here; a more telling one stands before a laxer one.
"""

import re
from collections.abc import Callable
from typing import Any

from weft.base.formats import Format, UnreadFormat
from weft.fabric.formats import (
    cable_list,
    guid2lid,
    ibdiagnet,
    iblinkinfo,
    ibnetdiscover,
    ibnetdiscover_p,
    ibqueryerrors,
    ibroute,
    opensm_fdbs,
    opensm_lfts,
    opensm_log,
    opensm_subnet,
    perfmgr,
    perfquery,
    ufm_links,
    wiring,
)
from weft.logs import ndjson, rfc5424, slurm, syslog
from weft.scheduler.formats import (
    failures,
    jobcomp,
    json_jobs,
    json_nodes,
    pyslurm,
    sacct,
    scontrol,
    sinfo,
    squeue,
    topology_conf,
)

HEAD = 65_536
"""Bytes of a file that its kind is told by."""

AnyFormat = Format[Any] | UnreadFormat

NOT_YET = "this version of Weft does not read it yet"
TOPOLOGY = "Give the output of ibnetdiscover without options."


def _line(pattern: str) -> Callable[[str], bool]:
    """A recogniser: some line begins like this."""
    compiled = re.compile(rf"(?am)^{pattern}")
    return lambda head: compiled.search(head) is not None


def _unread(name: str, what: str, pattern: str, fix: str, reason: str = NOT_YET) -> UnreadFormat:
    return UnreadFormat(name, what, _line(pattern), reason, fix)


KNOWN: tuple[AnyFormat, ...] = (
    _unread(
        "ibnetdiscover --diff",
        "an ibnetdiscover --diff listing",
        r"[<>] ?(?:\[\d+\]|vendid=|devid=|sysimgguid=|switchguid=|caguid=|(?:Switch|Ca|Rt)\s)",
        "Import both topologies: Weft finds the differences itself.",
        "it tells what differs between two sweeps and is no whole picture of either",
    ),
    _unread(
        "iblinkinfo --diff",
        "an iblinkinfo --diff listing",
        r"[<>] ?[^\n]{0,99}\d\[.{2,3}\] ==\(",
        "Import both listings: Weft finds the differences itself.",
        "it tells what differs between two sweeps and is no whole picture of either",
    ),
    _unread(
        "mlxlink",
        "what mlxlink or mlxcables tells of a cable",
        r"(?:-{0,20} ?Cable EEPROM|Querying Cables|Operational Info|Cable name *: )",
        "Give ibdiagnet2.cables (`ibdiagnet --get_cable_info`), or a CSV of port and serial number.",
        "it names a device of one machine, not a port of the fabric",
    ),
    ibnetdiscover.FORMAT,
    ibnetdiscover_p.FORMAT,
    ibqueryerrors.FORMAT,
    iblinkinfo.FORMAT,
    opensm_subnet.FORMAT,
    ibdiagnet.FORMAT,
    ufm_links.FORMAT,
    perfquery.FORMAT,
    perfmgr.FORMAT,
    ibroute.FORMAT,
    opensm_lfts.FORMAT,
    opensm_fdbs.FORMAT,
    guid2lid.FORMAT,
    opensm_log.FORMAT,
    failures.FORMAT,
    sacct.FORMAT,
    squeue.FORMAT,
    sinfo.FORMAT,
    scontrol.JOBS,
    scontrol.NODES,
    topology_conf.FORMAT,
    jobcomp.FORMAT,
    pyslurm.FORMAT,
    json_jobs.ACCOUNTED,
    json_jobs.CONTROLLED,
    json_nodes.FORMAT,
    ndjson.FORMAT,
    _unread("ibnodes", "a list of nodes (ibnodes, ibhosts, ibswitches)", r"(?:Ca|Switch|Router)\s*: 0x", TOPOLOGY),
    _unread("ibtracert", "a route (ibtracert)", r"From (?:ca|switch|router) \{0x", TOPOLOGY),
    _unread(
        "infiniband-diags",
        "the answer to a single query (smpquery, saquery, ibstat, sminfo)",
        r"(?:\w+ ?Record dump:|LFT Record dump:|# (?:Node|Port|Switch) info: |Node Description:\.|CA '|sminfo: )",
        TOPOLOGY,
    ),
    _unread(
        "sacct",
        "an sacct listing without -P",
        r" *JobID(?:Raw)? .*\n *-{4,} ",
        f"Give the output of `{sacct.COMMAND}`.",
        "its columns are cut to a width",
    ),
    _unread(
        "squeue",
        "a listing of squeue or sinfo without bars",
        r"(?: *JOBID +[A-Z]| *PARTITION +AVAIL|NODELIST +[A-Z]|REASON +USER )",
        f"Give the output of `{squeue.COMMAND}` or `scontrol show node`.",
        "its columns are cut to a width",
    ),
    _unread(
        "scontrol",
        "a listing of partitions, reservations or settings of Slurm",
        r"(?:PartitionName|ReservationName|ClusterName|SlurmctldHost|DbdHost|NodeSet)=\S|Configuration data as of ",
        "Give the output of `scontrol show node`: each node says its partitions, and whether it is reserved.",
        "it tells of neither jobs nor nodes",
    ),
    _unread(
        "slurm statistics",
        "statistics of slurmctld (sdiag), or a list of sacct's columns",
        r"(?:sdiag output at |Account +AdminComment )",
        f"Give the output of `{sacct.COMMAND}`.",
        "it tells of neither jobs nor nodes",
    ),
    UnreadFormat(
        "slurm json",
        "JSON of Slurm",
        lambda head: head.lstrip()[:1] == "{" and re.search(r'"(?:meta|errors)"\s*:', head) is not None,
        "it tells of neither jobs nor nodes",
        "Give the answer to `squeue`, `sacct` or `scontrol show node` with --json, or REST's jobs or nodes.",
    ),
    slurm.FORMAT,
    rfc5424.FORMAT,
    cable_list.FORMAT,
    wiring.FORMAT,
    syslog.FORMAT,
)


def recognise(head: str) -> AnyFormat | None:
    """The kind of a file whose text begins like this; None for an unknown one."""
    if "\0" in head:
        return None
    return next((known for known in KNOWN if known.recognise(head)), None)


def look_of(head: str) -> str:
    """What an unknown file looks like, for its owner."""
    if not head.strip():
        return "it is empty"
    if "\0" in head:
        return "it holds binary data"
    first = next(line for line in head.split("\n") if line.strip())
    if len(first) >= HEAD // 4:
        return f"its first line has no end ({first[:40]!r}...)"
    return f"it begins with {first if len(first) <= 60 else first[:57] + '...'!r}"

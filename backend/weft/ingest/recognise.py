"""What a file is, by its content: every format that Weft reads, and those it knows by sight.

To add a format, write its module and put its FORMAT here; a more telling one stands before a laxer one.
"""

import re
from collections.abc import Callable
from typing import Any

from weft.base.formats import Format, UnreadFormat
from weft.fabric.formats import ibnetdiscover, ibqueryerrors
from weft.logs import syslog
from weft.scheduler.formats import sacct

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
    ibnetdiscover.FORMAT,
    ibqueryerrors.FORMAT,
    sacct.FORMAT,
    _unread(
        "ibnetdiscover -p",
        "an ibnetdiscover -p listing",
        r"(?:CA|SW|RT|\?\?) +\d+ +\d+ 0x[\da-f]{16} .*[xX?] ",
        TOPOLOGY,
    ),
    _unread(
        "ibqueryerrors",
        "an ibqueryerrors listing without --counters",
        r"(?:Errors for (?:0x[\da-f]+ )?\"|## Summary: \d+ nodes checked)",
        "Give the output of ibqueryerrors --counters.",
    ),
    _unread("iblinkinfo", "an iblinkinfo listing", r"[^\n]{0,300}==\([^\n]{0,200}\)==>", TOPOLOGY),
    _unread(
        "perfquery",
        "a perfquery listing",
        r"# Port (?:extended )?counters: ",
        "Give the output of ibqueryerrors --counters: it asks every port at once.",
    ),
    _unread("forwarding tables", "a dump of forwarding tables", r"(?:Unicast lids \[|dump_ucast_routes: )", TOPOLOGY),
    _unread("opensm-subnet.lst", "OpenSM's subnet list", r"\{ (?:SW|CA|RT|SW-\S+|CA-\S+) Ports:", TOPOLOGY),
    _unread("guid2lid", "OpenSM's guid2lid", r"0x[\da-f]{16} 0x[\da-f]{4} 0x[\da-f]{4}$", TOPOLOGY),
    _unread(
        "opensm.log",
        "an OpenSM log",
        r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{6} \[[\dA-F]+\] 0x[\dA-F]{2} -> ",
        "Give the syslog of the subnet manager's host.",
    ),
    _unread(
        "perfmgr",
        "a counter dump of OpenSM's PerfMgr",
        r"(?:\".*\" 0x[\da-f]+ active (?:TRUE|FALSE) port \d|Name\tGUID\tActive\tPort\t)",
        "Give the output of ibqueryerrors --counters.",
    ),
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
        "a listing of squeue or sinfo",
        r"(?: *JOBID *\|| *JOBID +[A-Z]| *PARTITION[ |]+AVAIL|NODELIST *\||REASON +USER )",
        f"Give the output of `{sacct.COMMAND}`.",
    ),
    _unread(
        "scontrol",
        "a listing of scontrol show",
        r"(?:JobId|NodeName|PartitionName|SwitchName|ReservationName)=\S",
        f"Give the output of `{sacct.COMMAND}`.",
    ),
    UnreadFormat(
        "slurm json",
        "JSON of Slurm",
        lambda head: (
            head.lstrip()[:1] == "{" and re.search(r'"(?:meta|jobs|nodes|sinfo|job_state)"\s*:', head) is not None
        ),
        NOT_YET,
        f"Give the output of `{sacct.COMMAND}`.",
    ),
    _unread(
        "slurm log",
        "a log of slurmctld or slurmd",
        r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?\] ",
        "Have the daemon log to syslog, and give that.",
    ),
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

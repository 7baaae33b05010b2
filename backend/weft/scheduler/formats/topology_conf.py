"""`topology.conf`, and `scontrol show topology`: the tree of switches that Slurm believes in.

Source: topology.conf's manual page (keywords in any case, `\\` continues a line, `#` begins a comment).
"""

import re

from weft.base.errors import BadInput
from weft.base.formats import Format, Origin, Reading, counted, said_aside
from weft.scheduler import hostlists
from weft.scheduler.model import SlurmSwitch, SlurmTopology

ASK = "Give topology.conf as slurmctld reads it, or `scontrol show topology`."

_LINE = re.compile(r"(?i)\s*SwitchName=\S")
_FIELD = re.compile(r"(?a)(?:^|(?<=\s))(\w+)=(\S*)")
_KNOWN = frozenset({"switchname", "nodes", "switches", "linkspeed", "level"})


def recognise(head: str) -> bool:
    """True when the first line that says something names a switch."""
    lines = (line.partition("#")[0] for line in head.split("\n"))
    return _LINE.match(next((line for line in lines if line.strip()), "")) is not None


def parse(text: str, origin: Origin) -> Reading[SlurmTopology]:
    """Read every switch. Raises BadInput: a line that names none, a switch twice, or one below it that is missing."""
    switches: dict[str, SlurmSwitch] = {}
    number, parts = 0, []
    for number, raw in enumerate(text.split("\n"), 1):
        plain = raw.partition("#")[0].rstrip()
        parts.append(plain.removesuffix("\\"))
        if plain.endswith("\\"):
            continue
        line, parts = "".join(parts), []
        for switch in _switches(line, number) if line.strip() else ():
            if switch.name in switches:
                raise BadInput(f"the switch {switch.name} is there twice.", fix=ASK, line=number)
            switches[switch.name] = switch
    if parts:
        raise BadInput("the last line goes on, and the file ends.", fix=ASK, line=number)
    named = {below for switch in switches.values() for below in switch.switches}
    missing = sorted(named.difference(switches))
    if missing:
        raise BadInput(f"the switch {missing[0]} is below another one and is not there itself.", fix=ASK)
    nodes = {node for switch in switches.values() for node in switch.nodes}
    tree = SlurmTopology(
        origin.cluster, origin.seen_at_ms, FORMAT.name, tuple(switches[name] for name in sorted(switches))
    )
    found = f"{counted(len(switches), 'switch', 'switches')} and {counted(len(nodes), 'node')}"
    return Reading(tree, found, origin.seen_at_ms, dated=False, notices=tuple(said_aside(origin.stderr)))


def _switches(line: str, number: int) -> list[SlurmSwitch]:
    if not _LINE.match(line):
        raise BadInput(f"a line begins with SwitchName=, not {line.strip()[:40]!r}.", fix=ASK, line=number)
    fields = {name.lower(): value for name, value in _FIELD.findall(line)}
    unknown = sorted(set(fields) - _KNOWN)
    if unknown:
        raise BadInput(f"a switch has no {unknown[0]}.", fix=ASK, line=number)
    try:
        nodes, below = hostlists.expand(fields.get("nodes", "")), hostlists.expand(fields.get("switches", ""))
        names = hostlists.expand(fields["switchname"])
    except BadInput as exc:
        raise BadInput(exc.bare, fix=exc.fix, line=number) from exc
    # scontrol lists under each switch all nodes below it; those that hang on it itself are told by the lowest alone.
    return [SlurmSwitch(name, () if below else nodes, below) for name in names]


FORMAT: Format[SlurmTopology] = Format("topology.conf", "Slurm's tree of switches", recognise, parse)

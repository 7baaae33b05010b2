"""The story as the site's tools would print it: ibnetdiscover, dump_lfts, ibqueryerrors, sacct and syslog text.

Times are printed in the demo's zone, UTC; the same story and time give the same bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from weft.demo.jobs import UIDS, Job
from weft.demo.site import (
    CABLES,
    CLUSTER,
    DOWN,
    HOSTS,
    LEAVES,
    RADIX,
    SPINES,
    SWITCH_GUIDS,
    Port,
    Story,
    cables_at,
    description,
    hca_guid,
    host_name,
    leaf_guid,
    lid,
    route_out,
    spine_guid,
    uplink,
)

DATA_COUNTERS = ("PortXmitData", "PortRcvData", "PortXmitPkts", "PortRcvPkts")
"""What `ibqueryerrors --counters` prints of a port, in its order; XmitWait is among the errors."""
SACCT_COLUMNS = (
    "JobID JobIDRaw Cluster JobName User Account Partition State ExitCode Submit Start End NNodes NCPUS Timelimit "
    "NodeList Reason"
).split()


def ibnetdiscover(story: Story, at_s: int) -> str:
    """What `ibnetdiscover` prints, started on node001."""
    peers: dict[int, list[tuple[int, Port, str]]] = {}
    for cable in cables_at(story, at_s):
        for near, far in ((cable.a, cable.b), (cable.b, cable.a)):
            peers.setdefault(near.guid, []).append((near.number, far, cable.width))
    switches = sorted(guid for guid in peers if guid >= SWITCH_GUIDS)
    hcas = sorted(guid for guid in peers if guid < SWITCH_GUIDS)
    start = hca_guid(HOSTS[0])
    lines = [
        "#",
        f"# Topology file: generated on {datetime.fromtimestamp(at_s, UTC):%a %b %e %H:%M:%S %Y}",
        "#",
        f"# Initiated from node {start:016x} port {start:016x}",
        "",
    ]
    for guid in switches:
        lines += [*_heading(guid, 0xCB20), f"switchguid={guid:#x}({guid:x})"]
        lines.append(
            f'Switch\t{RADIX} "S-{guid:016x}"\t\t# "{description(guid)}" enhanced port 0 lid {lid(guid)} lmc 0'
        )
        lines += [_switch_line(number, far, width) for number, far, width in sorted(peers[guid])]
        lines.append("")
    for guid in hcas:
        lines += [*_heading(guid, 0x1017), f"caguid={guid:#x}", f'Ca\t1 "H-{guid:016x}"\t\t# "{description(guid)}"']
        for number, far, width in peers[guid]:
            lines.append(
                f'[{number}]({guid:x}) \t"S-{far.guid:016x}"[{far.number}]\t\t'
                f'# lid {lid(guid)} lmc 0 "{description(far.guid)}" lid {lid(far.guid)} {width}EDR'
            )
        lines.append("")
    return "\n".join(lines)


def _heading(guid: int, device: int) -> list[str]:
    return ["vendid=0x2c9", f"devid={device:#x}", f"sysimgguid={guid:#x}"]


def _switch_line(number: int, far: Port, width: str) -> str:
    kind, port_guid = ("H", f"({far.guid:x}) ") if far.guid < SWITCH_GUIDS else ("S", "")
    return (
        f'[{number}]\t"{kind}-{far.guid:016x}"[{far.number}]{port_guid}\t\t'
        f'# "{description(far.guid)}" lid {lid(far.guid)} {width}EDR'
    )


def dump_lfts(story: Story, at_s: int) -> str:
    """What `dump_lfts` prints, started on node001: every switch's port for every LID."""
    goals = sorted(
        [*map(hca_guid, HOSTS), *map(leaf_guid, range(1, LEAVES + 1)), *map(spine_guid, range(1, SPINES + 1))], key=lid
    )
    lines = []
    for switch in (guid for guid in goals if guid >= SWITCH_GUIDS):
        told = f"DR path slid 0; dlid 0; {_way(switch)} guid {switch:#018x} ({description(switch)})"
        lines.append(f"Unicast lids [0x0-{lid(goals[-1]):#x}] of switch {told}:")
        lines += ["  Lid  Out   Destination", "       Port     Info "]
        outs = [(goal, out) for goal in goals if (out := route_out(story, switch, goal, at_s)) is not None]
        for goal, out in outs:
            kind = "Switch" if goal >= SWITCH_GUIDS else "Channel Adapter"
            lines.append(f"0x{lid(goal):04x} {out:03d} : ({kind} portguid {goal:#018x}: '{description(goal)}')")
        lines += [f"{len(outs)} valid lids dumped ", ""]
    return "\n".join(lines)


def _way(switch: int) -> str:
    """The directed route from node001 to a switch: by leaf01 and a spine."""
    ways = {leaf_guid(1): "0,1"}
    ways |= {spine_guid(s): f"0,1,{DOWN + 1 + (s - 1) * CABLES}" for s in range(1, SPINES + 1)}
    ways |= {leaf_guid(n): f"{ways[spine_guid(1)]},{uplink(n, 0).b.number}" for n in range(2, LEAVES + 1)}
    return ways[switch]


def ibqueryerrors_counters(values: Mapping[Port, Mapping[str, int]]) -> str:
    """What `ibqueryerrors --counters` prints: the data counters of every port with a link.

    Args:
        values: per port its counters by field name; PortXmitData and PortRcvData in words of 4 octets.
    """
    lines = []
    for guid in sorted({port.guid for port in values}):
        lines.append(f'Data Counters for {guid:#x} "{description(guid)}"')
        for port in sorted(port for port in values if port.guid == guid):
            told = ((name, values[port][name]) for name in DATA_COUNTERS)
            cells = " ".join(f"[{name} == {value} ({_human(name, value)})]" for name, value in told)
            lines.append(f"   GUID {guid:#x} port {port.number}: {cells}")
    lines += [
        "",
        f"## Summary: {len({port.guid for port in values})} nodes checked, 0 bad nodes found",
        f"##          {len(values)} ports checked, 0 ports have errors beyond threshold",
        "## Thresholds: ",
        "## Suppressed:",
        "",
    ]
    return "\n".join(lines)


def _human(name: str, value: int) -> str:
    """The value as ibqueryerrors rounds it: data in bytes, packets by 1024 too."""
    size, unit = (value * 4.0, "B") if name.endswith("Data") else (float(value), "")
    for prefix in ("", "K", "M", "G", "T"):
        if size < 1024:
            return f"{size:.3f}{prefix}{unit}"
        size /= 1024
    return f"{size:.3f}P{unit}"


def sacct(jobs: Iterable[Job], at_s: int) -> str:
    """What `sacct -X -P -o ...` prints of these jobs at that time, in the order of their ids."""
    lines = ["|".join(SACCT_COLUMNS)]
    for job in sorted(jobs, key=lambda job: job.id):
        state = job.state_at(at_s)
        started = state != "PENDING"
        ended = state not in ("PENDING", "RUNNING")
        if state == "CANCELLED":
            state = f"CANCELLED by {UIDS[job.user]}"
        cells = (
            job.label,
            job.id,
            CLUSTER,
            job.name,
            job.user,
            job.account,
            job.partition,
            state,
            job.exit if ended else "0:0",
            _local(job.submit_s),
            _local(job.start_s if started else None),
            _local(job.end_s if ended else None),
            job.nodes,
            job.cpus,
            _limit(job.limit_min),
            hostlist(job.hosts) if started else "None assigned",
            "None" if started else job.reason,
        )
        lines.append("|".join(map(str, cells)))
    return "\n".join(lines) + "\n"


def _local(at_s: int | None) -> str:
    return "Unknown" if at_s is None else f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%S}"


def _limit(minutes: int) -> str:
    days, rest = divmod(minutes, 1440)
    return f"{f'{days}-' if days else ''}{rest // 60:02d}:{rest % 60:02d}:00"


def hostlist(hosts: Sequence[int]) -> str:
    """`node[109-123,220]` of host numbers, as Slurm folds them."""
    runs: list[list[int]] = []
    for host in sorted(hosts):
        if runs and host == runs[-1][1] + 1:
            runs[-1][1] = host
        else:
            runs.append([host, host])
    parts = [f"{low:03d}" if low == high else f"{low:03d}-{high:03d}" for low, high in runs]
    return host_name(hosts[0]) if len(hosts) == 1 else f"node[{','.join(parts)}]"

"""What all servers read: a fabric's counters, which are metrics of hosts too, and 200,000 more names; and the dumps
that give the ports their names and a job its hosts.
"""

import os
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import numpy as np

from weft.metrics.whisper import POINTS, head_bytes

STEP_S, DAY_SLOTS = 10, 8640
LEAVES, PORTS = 25, 40
SERIES = LEAVES * PORTS
GAPS = 0.015
GROUPS, METRICS = ("cpu", "mem", "net", "disk", "ib"), 10
DATA_CENTRES, HOSTS = 10, 400
NAMES = DATA_CENTRES * HOSTS * len(GROUPS) * METRICS
JOB, JOB_HOSTS, JOB_METRICS = "4711", 250, ("cpu.load", "mem.used", "net.in", "net.out")
LINKS = 10_000
"""Names of one file: file systems have a limit."""


def write_counters(tree: Path, until_s: int, seed: int = 1) -> None:
    """One file a port, retention 10s:1d, full up to until_s but for gaps; rings begin anywhere, so windows wrap."""
    random = np.random.default_rng(seed)
    head = head_bytes([(STEP_S, DAY_SLOTS)], "average", 0.0)
    times = until_s - until_s % STEP_S - STEP_S * np.arange(DAY_SLOTS)[::-1]
    for leaf in range(LEAVES):
        for port in range(1, PORTS + 1):
            begin = int(random.integers(DAY_SLOTS))
            known = random.random(DAY_SLOTS) >= GAPS
            known[begin] = True
            ring = np.zeros(DAY_SLOTS, POINTS)
            ring["time"] = np.where(known, times, 0)
            ring["value"] = np.where(known, random.normal(100, 20, DAY_SLOTS).round(4), 0)
            path = tree / "fabric" / leaf_guid(leaf) / str(port) / "PortXmitData.wsp"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(head + np.roll(ring, -begin).tobytes())


def write_hosts(tree: Path) -> None:
    """The same files once more, as metrics of the job's hosts: `cluster.<host>.cpu.load`."""
    counters = sorted((tree / "fabric").rglob("*.wsp"))
    for counter, (number, metric) in zip(counters, product(range(JOB_HOSTS), JOB_METRICS), strict=True):
        path = tree / "cluster" / _host_name(number) / f"{metric.replace('.', '/')}.wsp"
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(counter, path)


def write_names(tree: Path) -> None:
    """Files with nothing but a header: graphite-api opens each, and fails when one is empty."""
    names = product(range(DATA_CENTRES), range(HOSTS), GROUPS, range(METRICS))
    first = tree
    for number, (centre, host, group, metric) in enumerate(names):
        path = tree / "prod" / f"dc{centre}" / f"host{host:04d}" / group / f"m{metric}.wsp"
        if metric == 0:
            path.parent.mkdir(parents=True)
        if number % LINKS:
            os.link(first, path)
        else:
            first = path
            first.write_bytes(head_bytes([(STEP_S, DAY_SLOTS)], "average", 0.0))


def sacct(start_s: int) -> str:
    """The job as `sacct -P` prints it: it runs."""
    start = datetime.fromtimestamp(start_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    hosts = f"{_host_name(0)[:-4]}[{_host_name(0)[-4:]}-{_host_name(JOB_HOSTS - 1)[-4:]}]"
    return f"JobID|State|Start|NodeList\n{JOB}|RUNNING|{start}|{hosts}\n"


def ibnetdiscover(seen_s: int) -> str:
    """The fabric as `ibnetdiscover` prints it: a ring of leaves (their last two ports), hosts on all other ports."""
    heading = datetime.fromtimestamp(seen_s, UTC).strftime("%a %b %d %H:%M:%S %Y")
    start = host_guid(0, 1)
    lines = [f"# Topology file: generated on {heading}", "#", f"# Initiated from node {start} port {start}", ""]
    for leaf in range(LEAVES):
        lines += _switch(leaf)
    for leaf in range(LEAVES):
        for port in range(1, PORTS - 1):
            lines += _host(leaf, port)
    return "\n".join(lines) + "\n"


def leaf_guid(leaf: int) -> str:
    """GUIDs sort as the names do, so both servers add up in the same order."""
    return f"{0x7CFE900300A00000 + leaf * 0x40:016x}"


def host_guid(leaf: int, port: int) -> str:
    """One HCA for each leaf port that has a host."""
    return f"{0x506B4B0300B00000 + (leaf * PORTS + port) * 0x10:016x}"


def _switch(leaf: int) -> list[str]:
    guid = leaf_guid(leaf)
    lines = ["vendid=0x2c9", "devid=0xcb20", f"sysimgguid=0x{guid}", f"switchguid=0x{guid}({guid})"]
    lines.append(f'Switch\t{PORTS} "S-{guid}"\t\t# "leaf{leaf:02d}" enhanced port 0 lid {leaf + 1} lmc 0')
    for port in range(1, PORTS - 1):
        host = host_guid(leaf, port)
        lines.append(f'[{port}]\t"H-{host}"[1]({host}) \t\t# "{_name(leaf, port)} mlx5_0" lid {_lid(leaf, port)} 4xEDR')
    for port, other, far in ((PORTS - 1, leaf + 1, PORTS), (PORTS, leaf - 1, PORTS - 1)):
        other %= LEAVES
        lines.append(f'[{port}]\t"S-{leaf_guid(other)}"[{far}]\t\t# "leaf{other:02d}" lid {other + 1} 4xEDR')
    return [*lines, ""]


def _host(leaf: int, port: int) -> list[str]:
    guid = host_guid(leaf, port)
    lines = ["vendid=0x2c9", "devid=0x1017", f"sysimgguid=0x{guid}", f"caguid=0x{guid}"]
    lines.append(f'Ca\t1 "H-{guid}"\t\t# "{_name(leaf, port)} mlx5_0"')
    peer = f'"S-{leaf_guid(leaf)}"[{port}]\t\t# lid {_lid(leaf, port)} lmc 0 "leaf{leaf:02d}" lid {leaf + 1} 4xEDR'
    return [*lines, f"[1]({guid}) \t{peer}", ""]


def _name(leaf: int, port: int) -> str:
    return _host_name(leaf * PORTS + port)


def _host_name(number: int) -> str:
    return f"n{number:04d}"


def _lid(leaf: int, port: int) -> int:
    return 100 + leaf * PORTS + port

"""`python -m tests.benchmarks.names [PLAIN TAGGED]`: 200,000 names and 11,664 hosts in one `weft serve`, against bars.

Twice: names in 24,000 folders, then tagged series as carbon stores them, each in a folder of its own. Times are of the
first call, and of the same call again; memory is the process's at most during both. Trees made before may be given:
to make them takes minutes. A star marks a missed bar.
"""

import os
import statistics
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory
from urllib.parse import quote

from tests.benchmarks import own, tree
from tests.services.graphite_web import Server
from tests.unit.trees import full

from weft.metrics.tags import stored_as

NAMES, HOSTS = 200_000, 12_000
WORKER_MB = 150
REFRESHES = 20
"""As many as it takes until every folder was looked at."""
TICK_S = os.sysconf("SC_CLK_TCK")

EVERYWHERE = {
    "find switch.*": "/metrics/find?query=switch.*",
    "find host.*": "/metrics/find?query=host.*",
    "autocomplete of tags": "/tags/autoComplete/tags?limit=100",
    "autocomplete of values": "/tags/autoComplete/values?tag=name&limit=100",
    "index.json": "/metrics/index.json",
    "findSeries of all": f"/tags/findSeries?expr={quote('name=~.')}",
}
PLAIN = {
    "find of 4,000": "/metrics/find?query=prod.*.*.cpu.m3",
    "find of all": "/metrics/find?query=prod.*.*.*.*",
    "completer on the largest folder": "/metrics/find?query=prod.dc3.&format=completer",
    "find **": "/metrics/find?query=**",
}
TAGGED = {
    "findSeries of one host": f"/tags/findSeries?expr={quote('host=node04711')}",
    "autocomplete of 12,000 hosts": "/tags/autoComplete/values?tag=host&limit=20000",
    "autocomplete of values of one rack": f"/tags/autoComplete/values?tag=host&expr={quote('rack=r111')}",
}


def tagged() -> Iterator[str]:
    """200,000 tagged series: some of each host."""
    for number in range(NAMES):
        host, metric = number % HOSTS, number // HOSTS
        yield f"ib.port.metric{metric};dc=dc{host % 10};host=node{host:05d};rack=r{host // 40:03d};unit=B"


def write_tagged(root: Path) -> None:
    """Files without content, where carbon puts these series."""
    for name in tagged():
        path = root / f"{stored_as(name)[0].replace('.', '/')}.wsp"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def memory_mb(pid: int, what: str) -> float:
    """VmRSS or VmHWM of a process (man 5 proc)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


def busy_s(pid: int) -> float:
    """What a process has used of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK_S


def asked(url: str) -> tuple[float, int]:
    """Milliseconds until the last byte, and how many bytes there are."""
    begin = time.perf_counter()
    size = 0
    with urllib.request.urlopen(url, timeout=300) as answer:
        while chunk := answer.read(1 << 16):
            size += len(chunk)
    return (time.perf_counter() - begin) * 1000, size


def line(name: str, *figures: str, missed: bool = False) -> None:
    """Print one line of the table."""
    print(f"  {name:44}{''.join(f'{figure:>14}' for figure in figures)}{' *' if missed else ''}", flush=True)


def questions(server: Server, paths: dict[str, str]) -> bool:
    """Ask each twice; False when the worker took more memory than it may."""
    kept = True
    for name, path in paths.items():
        Path(f"/proc/{server.worker}/clear_refs").write_text("5")
        (first, size), (again, _) = (asked(f"{server.url}/graphite{path}") for _ in range(2))
        peak = memory_mb(server.worker, "VmHWM")
        line(name, f"{first:,.0f} ms", f"{again:,.0f} ms", f"{size:,} B", f"{peak:.0f} MB", missed=peak > WORKER_MB)
        kept &= peak <= WORKER_MB
    return kept


def refreshes(server: Server) -> None:
    """What it costs to look at the names each second, and how long others wait meanwhile."""
    waits = []
    begin, ends = busy_s(server.worker), time.monotonic() + REFRESHES
    while time.monotonic() < ends:
        waits.append(asked(f"{server.url}/healthz")[0])
        time.sleep(0.02)
    spent = (busy_s(server.worker) - begin) * 1000 / REFRESHES
    waits.sort()
    line("a refresh, and what else is done in a second", f"{spent:,.0f} ms busy")
    worst = f"worst {waits[-1]:.1f} ms"
    line(
        "GET /healthz meanwhile",
        f"{statistics.median(waits):.1f} ms",
        f"p99 {waits[len(waits) * 99 // 100]:.1f} ms",
        worst,
    )


def seen(server: Server, root: Path, path: str, query: str) -> None:
    """How long after a series was made it is found."""
    file = root / f"{path.replace('.', '/')}.wsp"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    begin, before = time.perf_counter(), busy_s(server.worker)
    while asked(f"{server.url}/graphite{query}")[1] <= len("[]"):
        time.sleep(0.05)
    took = time.perf_counter() - begin
    line("a new series is found after", f"{took:.1f} s", f"{busy_s(server.worker) - before:.1f} s busy")
    file.unlink()


def measured(root: Path, data: Path, paths: dict[str, str], new: str, query: str) -> bool:
    """Serve one tree and print what it takes; False when a bar is missed."""
    environment = {
        **os.environ, "WEFT_METRICS__PATH": str(root), "WEFT_SITE__TIMEZONE": "UTC", "WEFT_METRICS__REFRESH_S": "1",
    }  # fmt: skip
    begin = time.perf_counter()
    with own.served(data, environment) as server:
        peak = memory_mb(server.worker, "VmHWM")
        line("started", f"{time.perf_counter() - begin:.1f} s", "", "", f"{peak:.0f} MB", missed=peak > WORKER_MB)
        kept = questions(server, EVERYWHERE | paths)
        refreshes(server)
        seen(server, root, new, query)
        peak = max(peak, end := memory_mb(server.worker, "VmRSS"))
        line("memory at the end", "", "", "", f"{end:.0f} MB", missed=end > WORKER_MB)
        return kept and peak <= WORKER_MB


def main(trees: list[Path]) -> int:
    """Print both tables; 1 when a bar is missed."""
    with TemporaryDirectory(prefix="weft-names-") as name:
        folder = Path(name)
        plain, with_tags = trees or (folder / "plain", folder / "tagged")
        for root, write in ((plain, tree.write_names), (with_tags, write_tagged)):
            if not root.exists():
                print(f"writing {NAMES:,} names", file=sys.stderr, flush=True)
                write(root)
        dump, data = folder / "ibnetdiscover.txt", folder / "data"
        dump.write_text(full().text(int(time.time()) - 86400))
        run([*own.WEFT, "import", str(dump), "--data", str(data)], check=True, stdout=sys.stderr)
        print(f"11,664 hosts, 1,620 switches; bar: {WORKER_MB} MB at most; load {os.getloadavg()[0]:.1f}")
        print(f"{NAMES:,} names in 24,000 folders")
        kept = measured(plain, data, PLAIN, "prod.dc0.host0000.cpu.new", "/metrics/find?query=prod.dc0.*.cpu.new")
        print(f"{NAMES:,} tagged series")
        new = stored_as("new;host=none")[0]
        query = f"/tags/findSeries?expr={quote('name=new')}"
        return 0 if measured(with_tags, data, TAGGED, new, query) and kept else 1


if __name__ == "__main__":
    sys.exit(main([Path(word) for word in sys.argv[1:]]))

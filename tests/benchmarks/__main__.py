"""`make bench`: Graphite's questions to graphite-web 1.1.10 and to Weft, one after the other, seven times; medians.

Both read one whisper tree over loopback HTTP with one worker; the first answers are thrown away after they have been
compared. Other load on the machine moves the milliseconds, not the ratios: look at those.
"""

import contextlib
import http.client
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, urlsplit

import orjson
from tests.benchmarks import own, tree
from tests.services import graphite_web
from tests.services.graphite_web import Server

RUNS = 7
HOURS = 6
STORED, VIRTUAL = "fabric.*.*.PortXmitData", "switch.*.*.PortXmitData"
AGAIN = "  the same by switch.*"


@dataclass(frozen=True, slots=True)
class Case:
    """One question: its path for graphite-web and for Weft by run, the bar for the ratio of their times, and the case
    whose time in Weft it may exceed by 1.3 at most.
    """

    name: str
    peer: Callable[[int], str]
    own: Callable[[int], str]
    bar: float
    stored: str = ""


@dataclass(slots=True)
class Times:
    """Seconds of each run, and the worker's peak memory in MB over all runs of the case."""

    seconds: list[float]
    peak_mb: float = 0.0

    @property
    def median_ms(self) -> float:
        """The middle run."""
        return statistics.median(self.seconds) * 1000


def cases(until_s: int) -> list[Case]:
    """Every row of the table; until_s: the newest point of the tree."""

    def render(target: str, more: str = "") -> Callable[[int], str]:
        path = f"/render?target={quote(target)}&from={until_s - HOURS * 3600}&until={until_s}&format=json{more}"
        return lambda run: path

    def find(run: int) -> str:
        # Another pattern each time: Weft remembers what a pattern found.
        return f"/metrics/find?query={quote(f'prod.*.*.cpu.m{run % tree.METRICS}')}"

    some = f"{tree.SERIES} x {HOURS * 3600 // tree.STEP_S:,}"
    total, raw, few = render(f"sumSeries({STORED})"), render(STORED), render(STORED, "&maxDataPoints=500")
    names = f"{tree.DATA_CENTRES * tree.HOSTS:,} in {tree.NAMES + tree.SERIES:,} names"
    return [
        Case(f"sumSeries of {some}", total, total, 25),
        Case(AGAIN, total, render(f"sumSeries({VIRTUAL})"), 25, stored=f"sumSeries of {some}"),
        Case(f"{some} raw", raw, raw, 7),
        Case(AGAIN, raw, render(VIRTUAL), 7, stored=f"{some} raw"),
        Case(f"{some}, maxDataPoints=500", few, few, 14),
        Case(f"find {names}", find, find, 20),
    ]


def get(url: str, keep: bool = False) -> tuple[float, bytes]:
    """Seconds until the last byte, and the body if it is to be kept.

    Raises:
        RuntimeError: any answer but 200, with its text.
    """
    place = urlsplit(url)
    buffer = bytearray(1 << 20)
    kept = []
    begin = time.perf_counter()
    connection = http.client.HTTPConnection(place.netloc, timeout=300)
    with contextlib.closing(connection):
        connection.request("GET", f"{place.path}?{place.query}")
        answer = connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"{url} answers {answer.status}: {answer.read(500).decode(errors='replace')}")
        while size := answer.readinto(buffer):
            if keep:
                kept.append(bytes(buffer[:size]))
        return time.perf_counter() - begin, b"".join(kept)


def difference(peer: bytes, ours: bytes, same_names: bool) -> str:
    """In which way our answer is not graphite-web's, "" when it says the same; it may say more."""
    theirs, mine = orjson.loads(peer), orjson.loads(ours)
    if len(theirs) != len(mine):
        return f"{len(mine)} members for {len(theirs)}"
    aside = () if same_names else ("target", "tags")
    for their, my in zip(theirs, mine, strict=True):
        for key, value in their.items():
            if key not in aside and my.get(key) != value:
                return f"{key} of {their.get('target', their)}"
    return ""


def measure(peer: Server, ours: Server, asked: list[Case]) -> list[tuple[Times, Times, str]]:
    """Times of both for every case, and in which way the answers differ."""
    rows = []
    for case in asked:
        _, theirs = get(peer.url + case.peer(RUNS), keep=True)
        _, mine = get(f"{ours.url}/graphite{case.own(RUNS)}", keep=True)
        rows.append((Times([]), Times([]), difference(theirs, mine, not case.stored)))
    for run in range(RUNS):
        print(f"run {run + 1} of {RUNS}", file=sys.stderr, flush=True)
        for case, (their, my, _) in zip(asked, rows, strict=True):
            for server, url, times in (
                (peer, peer.url + case.peer(run), their),
                (ours, f"{ours.url}/graphite{case.own(run)}", my),
            ):
                _forget_peak(server.worker)
                times.seconds.append(get(url)[0])
                times.peak_mb = max(times.peak_mb, _peak_mb(server.worker))
    return rows


def _forget_peak(worker: int) -> None:
    """Let VmHWM count anew, where the kernel can (man 5 proc, clear_refs)."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{worker}/clear_refs").write_text("5")


def _peak_mb(worker: int) -> float:
    lines = Path(f"/proc/{worker}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), math.nan)


def table(asked: list[Case], rows: list[tuple[Times, Times, str]]) -> str:
    """The result at 100 columns; a star marks what misses its bar."""
    lines = [
        f"{'':44}{'graphite-web':>18}{'weft':>18}{'ratio':>8}{'bar':>8}",
        f"{'':44}{'ms':>10}{'MB':>8}{'ms':>10}{'MB':>8}",
    ]
    medians = {case.name: my.median_ms for case, (_, my, _) in zip(asked, rows, strict=True)}
    for case, (their, my, _) in zip(asked, rows, strict=True):
        ratio = their.median_ms / my.median_ms
        line = f"{case.name:44}{their.median_ms:10,.1f}{their.peak_mb:8,.0f}{my.median_ms:10,.1f}{my.peak_mb:8,.0f}"
        lines.append(f"{line}{ratio:7.1f}x{f'>= {case.bar:g}x':>8}{_star(ratio >= case.bar)}")
        if case.stored:
            share = my.median_ms / medians[case.stored]
            lines.append(f"{'    against the stored names':80}{share:7.2f}x{'<= 1.3x':>8}{_star(share <= 1.3)}")
    peak = max(my.peak_mb for _, my, _ in rows)
    lines.append(f"{'peak memory of the worker':72}{peak:5.0f} MB{'<= 150':>12}{_star(peak <= 150)}")
    return "\n".join(lines)


def _star(kept: bool) -> str:
    return "" if kept else " *"


def main() -> int:
    """Print the table; 1 when an answer of Weft is not graphite-web's: its speed would mean nothing."""
    with TemporaryDirectory(prefix="weft-bench-") as name:
        folder = Path(name)
        until_s = int(time.time())
        print(f"writing {tree.SERIES} series and {tree.NAMES:,} names", file=sys.stderr, flush=True)
        tree.write_counters(folder / "whisper", until_s)
        tree.write_names(folder / "whisper")
        (folder / "ibnetdiscover.txt").write_text(tree.ibnetdiscover(until_s - 86400))
        asked = cases(until_s)
        with (
            graphite_web.serving(folder / "whisper") as peer,
            own.serving(folder / "data", folder / "whisper", folder / "ibnetdiscover.txt") as ours,
        ):
            rows = measure(peer, ours, asked)
    print(f"graphite-web {graphite_web.VERSION}: gunicorn, one worker, no logs; CARBONLINK {graphite_web.CARBON_LINK}")
    print(f"weft: one worker. Medians of {RUNS} runs, in turn; MB: the worker's memory at most; *: misses its bar")
    print(table(asked, rows))
    wrong = [f"{case.name.strip()}: {what}" for case, (_, _, what) in zip(asked, rows, strict=True) if what]
    for line in wrong:
        print(f"THE ANSWERS DIFFER: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    # The fabric's rows come from a process of its own: they tell how much memory it takes.
    sys.exit(max(main(), subprocess.run([sys.executable, "-m", "tests.benchmarks.fabric"], check=False).returncode))

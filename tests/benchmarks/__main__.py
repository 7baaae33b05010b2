"""`make bench`: Graphite's questions to graphite-web, graphite-api and Weft, in turn, seven times; medians.

All read one whisper tree over loopback HTTP with one worker each; the first answers are thrown away after they have
been compared. Other load on the machine moves the milliseconds, not the ratios: look at those.
"""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import own, tree
from tests.benchmarks.asked import Case, Pair, Times, cases, differences, measure, pairs
from tests.benchmarks.clients import CLIENTS, SECONDS, answers_per_s
from tests.services import graphite_api, graphite_web
from tests.services.graphites import Server

from weft.metrics import json_points

RUNS = 7
WEB, API, WEFT = "graphite-web", "graphite-api", "weft"
PANEL_BAR, MEMORY_BAR = 12, 150
RAW_BAR = 7 if json_points.written is json_points.composed else 15
"""With the compiled writer of JSON twice as much is asked."""


def table(asked: Sequence[Case], times: Mapping[tuple[str, str], Times]) -> list[str]:
    """Milliseconds and MB of each server, and how many times faster Weft is: by the clock, and in brackets by the
    processor time of the workers, which other load on the machine moves less; * misses its bar.
    """
    lines = [
        f"{'':31}{WEB:>15}{API:>15}{WEFT:>13}{'times faster than':>25}",
        f"{'':31}{'ms':>9}{'MB':>6}{'ms':>9}{'MB':>6}{'ms':>8}{'MB':>5}{'web':>12}{'api':>12}{'bar':>5}",
    ]
    for case in asked:
        web, api, ours = (times[case.name, name] for name in (WEB, API, WEFT))
        line = f"{case.name:31}"
        for one, wide, narrow in ((web, 9, 6), (api, 9, 6), (ours, 8, 5)):
            line += f"{one.median_ms:{wide},.1f}{one.peak_mb:{narrow}.0f}"
        kept = True
        for peer in (web, api):
            ratio, of_busy = peer.median_ms / ours.median_ms, peer.busy_ms / ours.busy_ms
            line += f"{f'{ratio:.1f} ({of_busy:.1f})':>12}"
            kept = kept and ratio >= case.bar
        lines.append(f"{line}{case.bar:5g}{_star(kept)}")
    return lines


def shares(paired: Sequence[Pair], times: Mapping[str, tuple[Times, Times]]) -> list[str]:
    """What virtual names cost."""
    lines = [f"{'weft, by names of the inventory':52}{'stored ms':>10}{'virtual':>10}{'ratio':>14}{'bar':>6}"]
    for pair in paired:
        stored, virtual = times[pair.name]
        ratio, of_busy = virtual.median_ms / stored.median_ms, virtual.busy_ms / stored.busy_ms
        line = f"{pair.name:52}{stored.median_ms:10.1f}{virtual.median_ms:10.1f}{f'{ratio:.2f} ({of_busy:.2f})':>14}"
        lines.append(f"{line}{pair.bar:6g}{_star(ratio <= pair.bar)}")
    return lines


def _star(kept: bool) -> str:
    return "" if kept else " *"


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Print the tables; 1 when an answer of Weft is not graphite-web's: its speed would mean nothing."""
    with TemporaryDirectory(prefix="weft-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        until_s = int(time.time())
        _tell(f"writing {tree.SERIES} series and {tree.NAMES:,} names")
        tree.write_counters(folder / "whisper", until_s)
        tree.write_hosts(folder / "whisper")
        tree.write_names(folder / "whisper")
        dumps = [folder / "ibnetdiscover.txt", folder / "sacct.txt"]
        dumps[0].write_text(tree.ibnetdiscover(until_s - 86_400))
        dumps[1].write_text(tree.sacct(until_s - 86_400))
        ours = stack.enter_context(own.serving(folder / "data", folder / "whisper", dumps))
        servers = {
            WEB: stack.enter_context(graphite_web.serving(folder / "whisper")),
            API: stack.enter_context(graphite_api.serving(folder / "whisper")),
            WEFT: Server(f"{ours.url}/graphite", ours.worker),
        }
        asked, paired = cases(until_s, RAW_BAR), pairs(until_s)
        wrong = differences(servers, asked, paired)
        times, virtual = measure(servers, asked, paired, RUNS, _tell)
        _tell(f"{CLIENTS} clients")
        rates = {name: answers_per_s(server.url, until_s) for name, server in servers.items()}
    print(f"{WEB} {graphite_web.VERSION}, {API} {graphite_api.VERSION}: gunicorn, one worker, no logs")
    print(f"CARBONLINK of {WEB}: {graphite_web.CARBON_LINK}")
    print(f"weft: one worker, JSON {'in Python' if RAW_BAR == 7 else 'compiled'}")
    print(f"Medians of {RUNS} runs, in turn; in brackets by processor time; MB: most memory; *: misses its bar\n")
    print("\n".join(table(asked, times)), end="\n\n")
    print("\n".join(shares(paired, virtual)), end="\n\n")
    ratio = rates[WEFT] / rates[WEB]
    told = ", ".join(f"{name} {rate:,.1f}" for name, rate in rates.items())
    print(f"{CLIENTS} clients, {SECONDS} s, 20 series: answers a second: {told}: {ratio:.1f}x {WEB}, bar {PANEL_BAR}x"
          + _star(ratio >= PANEL_BAR))  # fmt: skip
    peak = max(one.peak_mb for one in (*(times[case.name, WEFT] for case in asked), *sum(virtual.values(), ())))
    print(f"peak memory of Weft's worker: {peak:.0f} MB, bar {MEMORY_BAR}" + _star(peak <= MEMORY_BAR))
    for line in wrong:
        print(f"THE ANSWERS DIFFER: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    # The fabric's rows come from a process of its own: they tell how much memory it takes.
    apart = [[sys.executable, "-m", f"tests.benchmarks.{name}"] for name in ("fabric", "dashboards")]
    sys.exit(max(main(), *(subprocess.run(command, check=False).returncode for command in apart)))

"""What a benchmark asks Graphites, how long they take, and whether they answer the same."""

import contextlib
import http.client
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import orjson
from tests.benchmarks import tree
from tests.services.graphites import Server

HOURS = 6
STORED, VIRTUAL = "fabric.*.*.PortXmitData", "switch.*.*.PortXmitData"
HOST, JOB = "cluster.*.*.*", f"job.{tree.JOB}.hosts.*.*.*"
SERIES = f"{tree.SERIES} x {HOURS * 3600 // tree.STEP_S:,}"

Ask = Callable[[int], str]
"""The path of a question, by run."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question to all servers. bar: how many times faster Weft must be than each."""

    name: str
    ask: Ask
    bar: float


@dataclass(frozen=True, slots=True)
class Pair:
    """A question to Weft by stored names and by virtual ones; the bar is for the ratio of their times."""

    name: str
    stored: Ask
    virtual: Ask
    bar: float = 1.3


@dataclass(slots=True)
class Times:
    """Seconds of each run, by the clock and of the worker's processor, and its peak memory in MB over all of them."""

    seconds: list[float] = field(default_factory=list)
    busy_s: list[float] = field(default_factory=list)
    peak_mb: float = 0.0

    @property
    def median_ms(self) -> float:
        """The middle run."""
        return statistics.median(self.seconds) * 1000

    @property
    def busy_ms(self) -> float:
        """The middle run's processor time: less of it depends on what else the machine does."""
        return statistics.median(self.busy_s) * 1000

    def take(self, server: Server, path: str) -> None:
        """Ask once more."""
        _forget_peak(server.worker)
        before = _busy_s(server.worker)
        self.seconds.append(get(server.url + path)[0])
        self.busy_s.append(_busy_s(server.worker) - before)
        self.peak_mb = max(self.peak_mb, peak_mb(server.worker))


def cases(until_s: int, raw_bar: float) -> list[Case]:
    """Every row of the table; until_s: the newest point of the tree."""

    def find(run: int) -> str:
        # Another pattern each time: Weft remembers what a pattern found.
        return f"/metrics/find?query={quote(f'prod.*.*.cpu.m{run % tree.METRICS}')}"

    names = f"{tree.DATA_CENTRES * tree.HOSTS:,} in {tree.NAMES + 2 * tree.SERIES:,} names"
    return [
        Case(f"sumSeries of {SERIES}", _render(until_s, f"sumSeries({STORED})"), 25),
        Case(f"groupByNode of {SERIES}", _render(until_s, f"groupByNode({STORED},1,'sum')"), 25),
        Case(f"{SERIES} raw", _render(until_s, STORED), raw_bar),
        Case(f"{SERIES}, maxDataPoints=500", _render(until_s, STORED, 500), 14),
        Case(f"find {names}", find, 20),
    ]


def pairs(until_s: int) -> list[Pair]:
    """The first rows by names that follow from the inventory."""
    return [
        Pair(f"{what} by {root}.*", _render(until_s, form.format(stored)), _render(until_s, form.format(virtual)))
        for root, stored, virtual, node in (("switch", STORED, VIRTUAL, (1, 1)), ("job", HOST, JOB, (1, 3)))
        for what, form in (("sumSeries", "sumSeries({})"), ("raw", "{}"))
    ]


def _render(until_s: int, target: str, max_points: int | None = None) -> Ask:
    few = f"&maxDataPoints={max_points}" if max_points else ""
    path = f"/render?target={quote(target)}&from={until_s - HOURS * 3600}&until={until_s}&format=json{few}"
    return lambda run: path


def panel(until_s: int) -> Ask:
    """A panel of 20 series, each time of another switch."""
    asks = [_render(until_s, f"fabric.{tree.leaf_guid(leaf)}.[12]?.PortXmitData", 800) for leaf in range(tree.LEAVES)]
    return lambda run: asks[run % len(asks)](run)


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


def difference(theirs: bytes, ours: bytes, aside: Sequence[str] = ()) -> str:
    """In which way our answer is not another's, "" when it says the same; it may say more. aside: what may differ."""
    their_members, my_members = orjson.loads(theirs), orjson.loads(ours)
    if len(their_members) != len(my_members):
        return f"{len(my_members)} members for {len(their_members)}"
    for their, my in zip(their_members, my_members, strict=True):
        for key, value in their.items():
            if key not in aside and my.get(key) != value:
                return f"{key} of {their.get('target', their)}"
    return ""


def differences(servers: Mapping[str, Server], asked: Sequence[Case], paired: Sequence[Pair]) -> list[str]:
    """In which way Weft's answers are not those of others, and by virtual names not those by stored ones."""
    found = []
    *others, own = servers
    for case in asked:
        told = {name: get(server.url + case.ask(-1), keep=True)[1] for name, server in servers.items()}
        found += [f"{case.name}, {name}: {what}" for name in others if (what := difference(told[name], told[own]))]
    for pair in paired:
        stored, virtual = (get(servers[own].url + ask(-1), keep=True)[1] for ask in (pair.stored, pair.virtual))
        if what := difference(stored, virtual, ("target", "tags")):
            found.append(f"{pair.name}: {what}")
    return found


def measure(
    servers: Mapping[str, Server], asked: Sequence[Case], paired: Sequence[Pair], runs: int, tell: Callable[[str], None]
) -> tuple[dict[tuple[str, str], Times], dict[str, tuple[Times, Times]]]:
    """Times by case and server, and of each pair, all asked in turn; Weft is the last of the servers."""
    times = {(case.name, name): Times() for case in asked for name in servers}
    shares = {pair.name: (Times(), Times()) for pair in paired}
    own = servers[list(servers)[-1]]
    for run in range(runs):
        tell(f"run {run + 1} of {runs}")
        for case in asked:
            for name, server in servers.items():
                times[case.name, name].take(server, case.ask(run))
        for pair in paired:
            stored, virtual = shares[pair.name]
            for _ in range(3):  # they are quick, and their ratio is near 1
                stored.take(own, pair.stored(run))
                virtual.take(own, pair.virtual(run))
    return times, shares


def _forget_peak(worker: int) -> None:
    """Let VmHWM count anew, where the kernel can (man 5 proc, clear_refs)."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{worker}/clear_refs").write_text("5")


def _busy_s(worker: int) -> float:
    """Processor time of the threads of a process."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{worker}/task").glob("*/schedstat")) / 1e9


def peak_mb(worker: int) -> float:
    """Most memory of a process since _forget_peak; NaN: the kernel does not tell."""
    lines = Path(f"/proc/{worker}/status").read_text().splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), math.nan)

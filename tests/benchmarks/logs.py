"""`python -m tests.benchmarks.logs [LINES]`: ten million log lines of 30 days and 12,000 hosts, kept and searched.

Prints the ingest rate (through `append`, so with the look for lines that are known already), the size on disk, and
medians of the searches against DESIGN's bars. Takes some four minutes and 2 GB below the temporary folder.
"""

import asyncio
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from weft.base.intervals import Interval
from weft.logs.lucene import parse
from weft.logs.moments import Times
from weft.logs.query import Scope, Within, all_of
from weft.logs.store import LogLine, LogQuery
from weft.logs.tantivy import TantivyLogs

LINES, DAYS, HOSTS, BATCH, RUNS = 10_000_000, 30, 12_000, 20_000, 9
BEGIN_MS = 1_795_305_600_000
"""2026-11-22T00:00:00Z."""
DAY_MS = 86_400_000
WHOLE = Interval(BEGIN_MS, BEGIN_MS + DAYS * DAY_MS)
TIMES = Times(WHOLE.to_ms, UTC)
PROGRAMS = ("kernel", "sshd", "slurmd", "systemd", "chronyd", "crond", "opensm", "munged")
WORDS = (
    "link port timeout session opened closed error retry node fabric mlx5_core reset memory corrected user root "
    "started stopped state active polling temperature sensor job step batch launch complete signal received daemon "
    "config read"
).split()


def lines(count: int, seed: int = 1) -> Iterator[list[LogLine]]:
    """Batches in the order of time: some 75 characters a message, one in 80 a link down, 3 in 100 err or worse."""
    chance = random.Random(seed)
    batch = []
    for n in range(count):
        severity = "info"
        if chance.random() < 0.15:
            severity = chance.choices(("warning", "notice", "err", "crit"), (8, 4, 2.5, 0.3))[0]
        if chance.random() < 0.0125:
            message = f"mlx5_core 0000:3b:00.0: Port: {chance.randrange(1, 3)} Link DOWN"
        else:
            message = f"{' '.join(chance.choices(WORDS, k=8))} {chance.randrange(100_000)} uid={chance.randrange(3000)}"
        at_ms = BEGIN_MS + n * DAYS * DAY_MS // count
        fields = {"pid": str(chance.randrange(1, 32768))} if n % 2 else {}
        host = f"node{chance.randrange(HOSTS):05}"
        batch.append(LogLine(f"{n:032x}", at_ms, host, chance.choice(PROGRAMS), severity, message, "syslog", 0, fields))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def asked(text: str, window: Interval = WHOLE) -> LogQuery:
    """A query as a person types it."""
    return LogQuery(window, query=parse(text, TIMES).query)


LAST_DAY = Interval(WHOLE.to_ms - DAY_MS, WHOLE.to_ms)
RUN = Within((Scope(LAST_DAY, tuple(f"node{n:05}" for n in range(500, 628))),))

SEARCHES: dict[str, LogQuery] = {
    "everything": asked("*"),
    '"link down"': asked('"link down"'),
    'host AND severity AND "link down"': asked('host:node00017 AND severity:err AND "link down"'),
    "severity:info (8.5 of 10 million)": asked("severity:info"),
    'severity:>=err AND NOT program:sshd AND (timeout OR "link down")': asked(
        'severity:>=err AND NOT program:sshd AND (timeout OR "link down")'
    ),
    "host:node0012* AND severity:>=err": asked("host:node0012* AND severity:>=err"),
    "tempera* (prefix)": asked("tempera*"),
    "*erature (leading wildcard)": asked("*erature"),
    "/t[a-e]m.*/ (expression)": asked("/t[a-e]m.*/"),
    "temprature~1 (fuzzy)": asked("temprature~1"),
    "a word that no line has": asked("unheardof"),
    "128 hosts of a job, last day, err": LogQuery(WHOLE, query=all_of([RUN, asked("severity:err").query])),
}


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def timed(what: str, bar_ms: float | None, ask: Callable[[], Awaitable[Any]], told: Callable[[Any], str]) -> None:
    """Print the median of some runs, after one that does not count."""
    answer = await ask()
    seconds = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        answer = await ask()
        seconds.append(time.perf_counter() - begin)
    median_ms = statistics.median(seconds) * 1000
    bar = "" if bar_ms is None else f"<= {bar_ms:g}{'' if median_ms <= bar_ms else ' *'}"
    print(f"{what:66}{median_ms:9.1f} ms {bar:10} {told(answer)}", flush=True)


async def measure(folder: Path, count: int) -> None:
    """Fill the folder and ask."""
    async with TantivyLogs.open(folder) as logs:
        spent, first = 0.0, next(lines(count))
        for batch in lines(count):
            begin = time.perf_counter()
            await logs.append(batch)
            spent += time.perf_counter() - begin
        print(f"{count:,} lines kept in {spent:.0f} s: {count / spent:,.0f} lines/s in batches of {BATCH:,}")
        begin = time.perf_counter()
        if await logs.append(first):
            raise RuntimeError("lines that are known were kept again")
        print(f"the first batch again, all known: {len(first) / (time.perf_counter() - begin):,.0f} lines/s")
    async with TantivyLogs.open(folder) as logs:
        size = size_of(folder)
        print(f"{size / 2**20:,.0f} MiB, {size / count:.0f} bytes a line, {await logs.stats()}")
        for what, query in SEARCHES.items():
            await timed(
                f"newest 100: {what}",
                50,
                lambda query=query: logs.search(query),
                lambda hits: f"{'over ' if hits.at_least else ''}{hits.total:,}",
            )
        for what in ("everything", '"link down"', "severity:info (8.5 of 10 million)"):
            await timed(
                f"histogram, 360 steps: {what}",
                300,
                lambda query=SEARCHES[what]: logs.histogram(query, 7_200_000),
                lambda found: f"{sum(found.counts):,}",
            )
        for field in ("severity", "program", "host", "pid"):
            await timed(
                f"top 10 of {field}: everything",
                None,
                lambda field=field: logs.top(SEARCHES["everything"], field),
                lambda found: found.values[0],
            )
        await timed("fields", None, lambda: logs.fields(SEARCHES["everything"]), len)


if __name__ == "__main__":
    with TemporaryDirectory(prefix="weft-logs-") as made:
        asyncio.run(measure(Path(made) / "logs", int(sys.argv[1]) if sys.argv[1:] else LINES))

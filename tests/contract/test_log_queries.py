"""Random queries, from text to lines: every engine finds what a plain scan of all lines finds.

200 queries (of a server 100) by a seed that is printed; WEFT_SOAK=1 makes it ten times as many, WEFT_SEED=n another
seed.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC

import anyio

from log_engines import LogSite
from unit.scan import matches
from weft.base.intervals import Interval
from weft.logs import query as q
from weft.logs.lucene import parse
from weft.logs.moments import Times
from weft.logs.store import LogLine, LogQuery, LogStore, Place

LINES, QUERIES = 20_000, 2_000 if os.environ.get("WEFT_SOAK") == "1" else 200
MOST_LEAVES = 20
"""Texts without groups in a query, before no further group is begun: few enough for the limit on patterns."""
SEED = int(os.environ.get("WEFT_SEED", "4711"))
DAY, STEP = 86_400_000, 1_800_000
BEGIN = 1_795_305_600_000
"""2026-11-22T00:00:00Z, a multiple of STEP."""
WHOLE = Interval(BEGIN, BEGIN + 3 * DAY)
TIMES = Times(WHOLE.to_ms, UTC)

WORDS = "link down up port 1 2 36 10 node17 mlx5_0 error Errors timeout lost größe X downed uplink a".split()
GAPS = (" ", " ", " ", ": ", ", ", ".", "-", " (", ") ")
HOSTS = ("node001", "node002", "NODE003", "node004.cluster", "node005.cluster", "login1", "")
PROGRAMS = ("kernel", "sshd", "Sshd", "slurmd", "")
SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "")
ASKED_HOSTS = ("node001", "node002", "node003", "node004", "node004.cluster", "node005", "nowhere")


def made(chance: random.Random) -> list[LogLine]:
    """Lines newest first."""
    lines = []
    for n in range(LINES):
        words = chance.choices(WORDS, k=chance.choice((0, 1, 2, 3, 4, 5, 6, 8)))
        message = "".join(word + chance.choice(GAPS) for word in words)
        own: dict[str, str | int | float | bool] = {}
        if chance.random() < 0.5:
            own["port"] = chance.choice((1, 2, 3, 10, 36, 2.5, -4))
        if chance.random() < 0.3:
            own["unit"] = chance.choice(("sshd.service", "a b", "36", "x=y", "Größe"))
        if chance.random() < 0.1:
            own["job"] = chance.choice((True, False, "17"))
        at_ms = BEGIN + chance.randrange(3 * 86_400) * 1000  # many share a second
        host, program = chance.choice(HOSTS), chance.choice(PROGRAMS)
        severity = chance.choice(SEVERITIES)
        lines.append(LogLine(f"{n}", at_ms, host, program, severity, message, "syslog", chance.randrange(3), own))
    return sorted(lines, key=lambda line: Place.of(line).order)


@dataclass
class Scan:
    """All lines newest first; a set of them is a number whose bits say which."""

    lines: list[LogLine]
    known: dict[q.Query, int] = field(default_factory=dict)

    def leaf(self, query: q.Query) -> int:
        """Lines that a query without groups means, by looking at each."""
        if query not in self.known:
            self.known[query] = sum(1 << n for n, line in enumerate(self.lines) if matches(query, line))
        return self.known[query]

    def group(self, parts: list[tuple[str, int]]) -> int:
        """Lines that a group means: occur and lines of each part."""
        every = (1 << len(self.lines)) - 1
        required = [found for occur, found in parts if occur == "must"]
        optional = [found for occur, found in parts if occur == "should"]
        found = every if required or not optional else 0
        for one in required:
            found &= one
        for one in optional if not required else ():
            found |= one
        for occur, one in parts:
            if occur == "not":
                found &= every & ~one
        return found

    def told(self, found: int) -> list[LogLine]:
        bits = bin(found)[:1:-1]
        return [self.lines[n] for n, bit in enumerate(bits) if bit == "1"]


@dataclass
class Writer:
    """Writes random queries, and works out by itself which lines each means."""

    chance: random.Random
    scan: Scan
    leaves: list[tuple[str, q.Query]] = field(default_factory=list)
    used: int = 0

    def query(self, depth: int = 0) -> tuple[str, int]:
        """A text, and the lines it means: a group as Lucene's classic parser joins it."""
        pick = self.chance
        self.used = self.used if depth else 0
        texts: list[str] = []
        parts: list[tuple[str, int]] = []
        for n in range(pick.choice((1, 1, 2, 2, 3, 4))):
            join = pick.choice(("", "", "AND", "OR", "&&", "||")) if n else ""
            sign = pick.choice(("", "", "", "+", "-", "NOT ", "!"))
            if depth < 3 and self.used < MOST_LEAVES and pick.random() < 0.25:
                inner, lines = self.query(depth + 1)
                text = f"({inner})" + pick.choice(("", "", "^2"))
            else:
                text, leaf = self.chance.choice(self.leaves)
                lines = self.scan.leaf(leaf)
                self.used += 1
            texts += [join, sign + text]
            both = join in ("AND", "&&")
            if both and parts[-1][0] != "not":
                parts[-1] = ("must", parts[-1][1])
            parts.append(("not" if sign in ("-", "NOT ", "!") else "must" if sign or both else "should", lines))
        return " ".join(filter(None, texts)), self.scan.group(parts)

    def collect(self, count: int) -> None:
        """Make so many texts without groups, of which queries are put together."""
        kinds = (
            self.word,
            self.word,
            self.phrase,
            self.pattern,
            self.fuzzy,
            self.range,
            self.value,
            self.time,
            self.any,
        )
        self.leaves = [self.chance.choice(kinds)() for _ in range(count)]

    def word(self) -> tuple[str, q.Query]:
        word = self.chance.choice([*WORDS[:9], "absent"])
        return self.chance.choice((word, word.upper(), f'"{word}"', f"message:{word}")), q.Term("message", word.lower())

    def phrase(self) -> tuple[str, q.Query]:
        words = tuple(self.chance.choices(("link", "down", "up", "port", "1"), k=self.chance.choice((2, 2, 3))))
        slop = self.chance.choice((0, 0, 1, 2, 3))
        return f'"{" ".join(words)}"' + (f"~{slop}" if slop else ""), q.Phrase(words, slop)

    def pattern(self) -> tuple[str, q.Query]:
        return self.chance.choice(
            (
                ("do*", q.Wildcard("message", "do*")),
                ("*link", q.Wildcard("message", "*link")),
                ("D?wn*", q.Wildcard("message", "d?wn*")),
                ("l?nk.d*", q.Phrase(("l?nk", "d*"))),
                ("10.*.1", q.Phrase(("10", "*", "1"))),
                ("host:NODE00?", q.Wildcard("host", "node00?")),
                ("host:*.cluster", q.Wildcard("host", "*.cluster")),
                ("program:S*", q.Wildcard("program", "S*")),
                ("unit:*service", q.Wildcard("unit", "*service")),
                ("port:*6", q.Wildcard("port", "*6")),
                ("/(up|down)[a-z]*/", q.Regex("message", "(up|down)[a-z]*")),
                ("/[^a-z]{1,2}/", q.Regex("message", "[^a-z]{1,2}")),
                ("program:/[sS]s?.*d/", q.Regex("program", "[sS]s?.*d")),
                ("host:/NODE00[1-3]/", q.Regex("host", "node00[1-3]")),
                ("unit:/.=./", q.Regex("unit", ".=.")),
            )
        )

    def fuzzy(self) -> tuple[str, q.Query]:
        word, edits = self.chance.choice(("lnik", "donw", "prot", "tiemout", "errors")), self.chance.choice((1, 2))
        if self.chance.random() < 0.3:
            return f"host:node001~{edits}", q.Fuzzy("host", "node001", edits)
        return f"{word}~" + ("" if edits == 2 else "1"), q.Fuzzy("message", word, edits)

    def range(self) -> tuple[str, q.Query]:
        name = self.chance.choice(("port", "port", "unit", "message", "host", "program"))
        ends = ("1", "2", "2.5", "10", "-4") if name == "port" else ("a", "down", "l", "node002", "sshd", "x", "Z")
        low, high = sorted(self.chance.choices(ends, k=2), key=(float if name == "port" else str))
        left, right = self.chance.choice((True, False)), self.chance.choice((True, False))
        if name in ("message", "host"):
            low, high = low.lower(), high.lower()
        if self.chance.random() < 0.3:
            sign = self.chance.choice((">", ">=", "<", "<="))
            over, equal = sign[0] == ">", sign[-1] == "="
            ours = q.Range(name, high, None, equal, True) if over else q.Range(name, None, high, True, equal)
            return f"{name}:{sign}{high}", ours
        text = f"{name}:{'{['[left]}{low} TO {high}{'}]'[right]}"
        return text, q.Range(name, low, high, left, right)

    def value(self) -> tuple[str, q.Query]:
        host = self.chance.choice(ASKED_HOSTS)
        worse = self.chance.choice(("err", "warning", "crit"))
        rising = ("debug", "info", "notice", "warning", "err", "crit", "alert", "emerg")
        severities = rising[rising.index(worse) :]
        return self.chance.choice(
            (
                (f"host:{host.upper()}", q.Term("host", host)),
                ("host:(node001 OR login1)", either("host", "node001", "login1")),
                (f"severity:{worse}", q.Term("severity", worse)),
                ("level:error", q.Term("severity", "err")),
                (f"severity:>={worse}", either("severity", *severities)),
                ("program:sshd", q.Term("program", "sshd")),
                ("port:36", q.Term("port", "36")),
                ("port:2.50", q.Term("port", "2.50")),
                ('unit:"a b"', q.Term("unit", "a b")),
                ("fields.job:true", q.Term("fields.job", "true")),
                ("nowhere:x", q.Term("nowhere", "x")),
            )
        )

    def time(self) -> tuple[str, q.Query]:
        hour = BEGIN + self.chance.randrange(72) * 3_600_000
        return self.chance.choice(
            (
                ("@timestamp:2026-11-23", q.Within((q.Scope(Interval(BEGIN + DAY, BEGIN + 2 * DAY)),))),
                (f"time:>={hour}", q.Within((q.Scope(Interval(hour)),))),
                (f"time:[{hour} TO now-12h}}", q.Within((q.Scope(Interval(hour, WHOLE.to_ms - DAY // 2)),))),
            )
        )

    def any(self) -> tuple[str, q.Query]:
        name = self.chance.choice(("message", "host", "program", "severity", "port", "unit", "nowhere"))
        text = self.chance.choice((f"{name}:*", f"_exists_:{name}"))
        return self.chance.choice(((text, q.Exists(name)), ("*", q.EVERYTHING), ("*:*", q.EVERYTHING)))


def either(name: str, *values: str) -> q.Query:
    return q.Group(tuple(q.Clause("should", q.Term(name, value)) for value in values))


async def compare(store: LogStore, text: str, expected: list[LogLine]) -> None:
    """First lines from both ends, and counts over time: all of them, with the one bit of work that pages are."""
    asked = LogQuery(WHOLE, query=parse(text, TIMES).query)
    first = await store.search(asked, limit=15)
    assert list(first.lines) == expected[:15], text
    assert first.total == len(expected) or (first.at_least and 10_000 <= first.total <= len(expected)), text
    last = await store.search(asked, limit=15, oldest=True)
    assert list(last.lines) == expected[::-1][:15], text
    if first.cursor is not None:
        assert list((await store.search(asked, limit=15, cursor=first.cursor)).lines) == expected[15:30], text
    counts = Counter((line.at_ms - BEGIN) // STEP for line in expected)
    told = await store.histogram(asked, STEP)
    assert (told.start_ms, told.counts) == (BEGIN, tuple(counts[n] for n in range(3 * DAY // STEP))), text


async def run(site: LogSite, lines: list[LogLine], asked: Iterator[tuple[str, list[LogLine]]]) -> int:
    async with site.open() as store:
        shuffled = random.Random(SEED).sample(lines, len(lines))
        for start in range(0, LINES, 4000):
            assert await store.append(shuffled[start : start + 4000]) == 4000
        some = 0
        for text, expected in asked:
            await compare(store, text, expected)
            some += 0 < len(expected) < LINES
        return some


def test_random_queries_find_what_a_scan_of_all_lines_finds(log_site: LogSite) -> None:
    print(f"WEFT_SEED={SEED}")
    chance = random.Random(SEED)
    scan = Scan(made(chance))
    writer = Writer(chance, scan)
    writer.collect(QUERIES // 2)
    queries = QUERIES if log_site.engine == "tantivy" else QUERIES // 2  # a server takes longer to ask
    asked = ((text, scan.told(found)) for text, found in (writer.query() for _ in range(queries)))
    some = anyio.run(run, log_site, scan.lines, asked)
    assert some > queries / 2, "most queries find something and not everything, or the test would say little"

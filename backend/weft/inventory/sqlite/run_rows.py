"""A run as a row of SQLite, and rows gathered, so that each table is written once and in the order of its key.

`at_ms` and `until_ms` are what runs are listed by (see listing.py); `ran_until_ms`, `cores`, `nodes` and `sized` are
what is summed (see sums.py).
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from weft.base.intervals import FOREVER_MS
from weft.inventory.listing import base_of, listed
from weft.inventory.sqlite.scheduler_nodes import NODES_DDL
from weft.inventory.sqlite.totals import TOTALS_DDL, write_sums
from weft.inventory.sums import Changes, Ran, ran_of
from weft.scheduler.model import Run

JOBS_DDL = f"""
CREATE TABLE host (host_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE run (run_id INTEGER PRIMARY KEY, cluster TEXT NOT NULL, job_id INTEGER NOT NULL, start_ms INTEGER,
  label TEXT NOT NULL, name TEXT NOT NULL, user TEXT NOT NULL, account TEXT NOT NULL, partition TEXT NOT NULL,
  state TEXT NOT NULL, submit_ms INTEGER, end_ms INTEGER, hosts TEXT NOT NULL, node_count INTEGER, exit_code INTEGER,
  exit_signal INTEGER, seen_at_ms INTEGER NOT NULL, source TEXT NOT NULL, features TEXT NOT NULL, tres TEXT NOT NULL,
  cpus INTEGER, predicted_start_ms INTEGER,
  base_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL,
  ran_until_ms INTEGER, cores INTEGER NOT NULL, nodes INTEGER NOT NULL, sized INTEGER NOT NULL);
CREATE INDEX run_key ON run (cluster, job_id, start_ms);
CREATE INDEX run_base ON run (cluster, base_id, at_ms, job_id);
CREATE INDEX run_at ON run (at_ms, job_id);
CREATE INDEX run_name ON run (name, at_ms, job_id);
CREATE INDEX run_user ON run (user, at_ms, job_id);
CREATE INDEX run_account ON run (account, at_ms, job_id);
CREATE INDEX run_partition ON run (partition, at_ms, job_id);
CREATE INDEX run_state ON run (state, at_ms, job_id);
CREATE INDEX run_cluster ON run (cluster, at_ms, job_id);
CREATE INDEX run_open ON run (at_ms, job_id) WHERE until_ms = {FOREVER_MS};
CREATE TABLE run_host (host_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, run_id INTEGER NOT NULL,
  until_ms INTEGER NOT NULL, PRIMARY KEY (host_id, at_ms, run_id)) WITHOUT ROWID;
CREATE INDEX run_host_open ON run_host (host_id, at_ms) WHERE until_ms = {FOREVER_MS};
CREATE TABLE job_meta (what TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
{NODES_DDL}{TOTALS_DDL}"""
"""`job_meta`: `longest_ms`, the longest duration of a run that ended; `run`, `run_host`: how many rows these have."""

Row = tuple[Any, ...]

COLUMNS = (
    "run_id cluster job_id start_ms label name user account partition state submit_ms end_ms hosts node_count"
    " exit_code exit_signal seen_at_ms source features tres cpus predicted_start_ms base_id at_ms until_ms"
    " ran_until_ms cores nodes sized"
).split()
ROW = ", ".join(COLUMNS)
AT = COLUMNS.index("at_ms")
UNTIL = COLUMNS.index("until_ms")
JOB = COLUMNS.index("job_id")
HOSTS = COLUMNS.index("hosts")
DERIVED = COLUMNS.index("base_id")
_RAN = COLUMNS.index("ran_until_ms")
_KIND = [COLUMNS.index(name) for name in ("cluster", "user", "account", "partition", "state")]

_COUNT = """INSERT INTO job_meta (what, number) VALUES (?, ?)
  ON CONFLICT (what) DO UPDATE SET number = number + excluded.number"""
_LONGEST = """INSERT INTO job_meta (what, number) VALUES ('longest_ms', ?)
  ON CONFLICT (what) DO UPDATE SET number = max(number, excluded.number)"""


def numbers_of(text: str) -> list[int]:
    """Host numbers of `1-16,40`."""
    numbers: list[int] = []
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def hosts_of(text: str, names: Sequence[str]) -> tuple[str, ...]:
    """The hosts of `1-16,40`, sorted; number n is `names[n - 1]`."""
    hosts: list[str] = []
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        hosts += names[int(first) - 1 : int(last or first)]
    return tuple(sorted(hosts))


def _text_of(numbers: Iterable[int]) -> str:
    """Host numbers as ranges: hosts are numbered in the order of their names, so a block of nodes is one range."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in spans)


@dataclass
class Work:
    """Rows to write, gathered so that each table is written once, in the order of its key."""

    numbers: dict[str, int]
    runs: list[Row] = field(default_factory=list)
    dropped: list[tuple[int]] = field(default_factory=list)
    held: list[Row] = field(default_factory=list)
    left: list[Row] = field(default_factory=list)
    sums: Changes = field(default_factory=Changes)
    more_runs: int = 0
    more_hosts: int = 0
    longest_ms: int = 0

    def add(self, run_id: int, run: Run) -> None:
        """A run that was not known."""
        row = self._row(run_id, run)
        self._put(row, set())
        self.sums.count(_ran(row), 1)
        self.more_runs += 1

    def change(self, before: Row, run: Run) -> None:
        """A run of which more is known than the row says."""
        after = self._row(before[0], run)
        self.sums.count(_ran(before), -1)
        self.sums.count(_ran(after), 1)
        if after[HOSTS] == before[HOSTS] and after[UNTIL] == before[UNTIL]:
            self.runs.append(after)
        else:
            self._put(after, set(numbers_of(before[HOSTS])))

    def drop(self, before: Row) -> None:
        """A run that is to be forgotten."""
        numbers = numbers_of(before[HOSTS])
        self.dropped.append((before[0],))
        self.left += [(number, before[AT], before[0]) for number in numbers]
        self.sums.count(_ran(before), -1)
        self.more_runs -= 1
        self.more_hosts -= len(numbers)

    def _put(self, after: Row, old: set[int]) -> None:
        run_id, at_ms, until_ms = after[0], after[AT], after[UNTIL]
        numbers = numbers_of(after[HOSTS])
        self.runs.append(after)
        self.held += [(number, at_ms, run_id, until_ms) for number in numbers]
        self.left += [(number, at_ms, run_id) for number in old.difference(numbers)]
        self.more_hosts += len(numbers) - len(old)
        if until_ms < FOREVER_MS:
            self.longest_ms = max(self.longest_ms, until_ms - at_ms)

    def _row(self, run_id: int, run: Run) -> Row:
        cluster, job_id, start_ms = run.key
        at_ms, until_ms = (span := listed(run)).from_ms, span.to_ms
        base_id, ran = base_of(run.label), ran_of(run)
        return (
            run_id, cluster, job_id, start_ms, run.label, run.name, run.user, run.account, run.partition, run.state,
            run.submit_ms, run.end_ms, _text_of(self.numbers[host] for host in run.hosts), run.node_count,
            run.exit_code, run.exit_signal, run.seen_at_ms, run.source, run.features, run.tres, run.cpus,
            run.predicted_start_ms, job_id if base_id is None else base_id, at_ms, until_ms,
            *((ran.until_ms, ran.cores, ran.nodes, ran.kind[-1]) if ran else (None, 0, 0, False)),
        )  # fmt: skip

    def write(self, connection: sqlite3.Connection) -> None:
        """Write everything; within the caller's transaction."""
        connection.executemany("DELETE FROM run WHERE run_id = ?", self.dropped)
        connection.executemany("DELETE FROM run_host WHERE host_id = ? AND at_ms = ? AND run_id = ?", sorted(self.left))
        connection.executemany(f"INSERT OR REPLACE INTO run ({ROW}) VALUES ({_marks(COLUMNS)})", self.runs)
        connection.executemany(
            "INSERT OR REPLACE INTO run_host (host_id, at_ms, run_id, until_ms) VALUES (?, ?, ?, ?)", sorted(self.held)
        )
        connection.executemany(_COUNT, [("run", self.more_runs), ("run_host", self.more_hosts)])
        connection.execute(_LONGEST, (self.longest_ms,))
        write_sums(connection, self.sums)


def _ran(row: Row) -> Ran | None:
    """What of a row is summed; None for a run that never started."""
    until_ms, cores, nodes, sized = row[_RAN:]
    if until_ms is None:
        return None
    cluster, user, account, partition, state = (str(row[at]) for at in _KIND)
    return Ran((cluster, user, account, partition, state, bool(sized)), row[AT], until_ms, cores, nodes)


def _marks(columns: Sequence[str]) -> str:
    return ", ".join("?" * len(columns))

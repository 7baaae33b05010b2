"""Stores in memory that keep what an importer gives them, as their protocols promise: for tests of reading."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unit.fakes import FakeFabrics, FakeJobs, FakeLedger, FakeLogs
from weft.base.config import Site
from weft.base.formats import Origin
from weft.fabric.model import Lid, PortKey, Sweep
from weft.fabric.wiring import Wiring
from weft.ingest.importer import Importer
from weft.inventory.store import Note, RunsResult, SourceStatus, SweepResult
from weft.logs.store import LogLine
from weft.scheduler.model import NodeReport, Run

NOW_MS = 1_795_392_000_000
"""2026-11-23T00:00:00Z, an hour or so after the samples."""

ORIGIN = Origin("ib", "cluster", UTC, None, NOW_MS)


@dataclass
class KeptFabrics(FakeFabrics):
    """Keeps sweeps by content; sets aside those that `believed` does not hold."""

    applied: dict[tuple[str, int, str], Sweep] = field(default_factory=dict)
    lives: list[bool] = field(default_factory=list)
    plans: list[Wiring] = field(default_factory=list)
    doubt: str | None = None

    async def apply_sweep(self, sweep: Sweep, *, live: bool = False) -> SweepResult:
        self.lives.append(live)
        key = (sweep.fabric, sweep.seen_at_ms, sweep.packed()[0])
        known = key in self.applied
        self.applied[key] = sweep
        return SweepResult(known, 0 if known else 1, self.doubt)

    async def put_wiring(self, wiring: Wiring) -> bool:
        self.plans.append(wiring)
        return wiring not in self.plans[:-1]

    async def lids(self, fabric: str, at_ms: int) -> tuple[Lid, ...]:
        return ()

    async def ports_by_guid(self, fabric: str, guids: Sequence[str]) -> Mapping[str, PortKey]:
        told = [lid for sweep in self.applied.values() for lid in sweep.lids]
        return {lid.guid: lid.port for lid in told if lid.guid in guids}


@dataclass
class KeptJobs(FakeJobs):
    """Keeps runs, and reports of nodes, by value."""

    async def apply_runs(self, runs: Sequence[Run]) -> RunsResult:
        new = [run for run in runs if run not in self.known]
        self.known += new
        return RunsResult(len(new), 0, len(runs) - len(new))

    async def apply_nodes(self, report: NodeReport) -> bool:
        new = report not in self.reports
        self.reports += [report] if new else []
        return new


@dataclass
class KeptLedger(FakeLedger):
    """Keeps a note once, and the newest word of each source."""

    async def add_notes(self, notes: Sequence[Note]) -> int:
        new = [note for note in dict.fromkeys(notes) if note not in self.kept]
        self.kept += new
        return len(new)

    async def heard(self, status: SourceStatus) -> None:
        others = [s for s in self.statuses if s.source != status.source]
        same = [s for s in self.statuses if s.source == status.source and s.heard_ms > status.heard_ms]
        self.statuses = [*others, *(same or [status])]


@dataclass
class KeptLogs(FakeLogs):
    """Keeps an id once."""

    async def append(self, lines: Sequence[LogLine]) -> int:
        ids = {line.id for line in self.lines}
        new = [line for line in lines if line.id not in ids]
        self.lines += new
        return len(new)


@dataclass
class KeptCounters:
    """Points by series and time, in slots of one second."""

    points: dict[str, dict[int, float]] = field(default_factory=dict)
    refuses: bool = False

    def write(self, at_s: int, points: Iterable[tuple[str, float]]) -> int:
        stored = 0
        for name, value in points:
            if not self.refuses:
                self.points.setdefault(name, {})[at_s] = value
                stored += 1
        return stored

    def latest(self, names: Sequence[str], *, before_s: int | None = None) -> NDArray[np.float64]:
        times = ([s for s in self.points.get(n, {}) if before_s is None or s < before_s] for n in names)
        return np.array([self.points[n][max(t)] if t else np.nan for n, t in zip(names, times, strict=True)])


@dataclass
class Stores:
    """All of them, and an importer that fills them."""

    fabrics: KeptFabrics = field(default_factory=KeptFabrics)
    jobs: KeptJobs = field(default_factory=KeptJobs)
    ledger: KeptLedger = field(default_factory=KeptLedger)
    logs: KeptLogs = field(default_factory=KeptLogs)
    counters: KeptCounters = field(default_factory=KeptCounters)

    def importer(self) -> Importer:
        return Importer(self.fabrics, self.jobs, self.ledger, self.logs, self.counters, Site(), UTC, lambda: NOW_MS)

    def checksum(self) -> str:
        """Of everything that was kept."""
        kept = (
            sorted(self.fabrics.applied),
            sorted(map(repr, self.fabrics.plans)),
            sorted(self.fabrics.tables.items()),
            sorted(map(repr, self.jobs.known)),
            sorted(map(repr, self.jobs.reports)),
            sorted(map(repr, self.ledger.kept)),
            sorted(map(repr, self.ledger.statuses)),
            sorted(map(repr, self.logs.lines)),
            sorted((name, sorted(points.items())) for name, points in self.counters.points.items()),
        )
        return hashlib.sha256(repr(kept).encode()).hexdigest()


def put(path: Path, content: str | bytes) -> Path:
    """Write a file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path

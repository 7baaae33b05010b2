"""In-memory stand-ins for the stores, and a small hand-made fabric: what pure code and answers are tested on."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from weft.base.errors import UnknownName
from weft.base.intervals import FOREVER_MS, Interval
from weft.fabric.model import NodeKind, PortKey, Sweep
from weft.inventory.store import (
    Change,
    Connection,
    Correction,
    FabricSpan,
    FabricView,
    ForwardingTables,
    LinkState,
    NodeSpan,
    Note,
    Page,
    RunFilter,
    RunsResult,
    SourceStatus,
    SweepResult,
)
from weft.logs.store import LogHits, LogLine, LogQuery
from weft.metrics.series import Series, Window
from weft.metrics.store import Found
from weft.scheduler.model import NodeReport, Run, RunKey, SchedulerNode

CA, SWITCH = NodeKind.CA, NodeKind.SWITCH
T = TypeVar("T")


@dataclass
class FakeFabrics:
    """FabricHistory over lists that the test fills; `node` and `connect` add to them.

    Times are whatever the test counts in; sweeps were seen at `sweeps`.
    """

    name: str = "ib"
    sweeps: list[int] = field(default_factory=lambda: [0])
    spans: list[NodeSpan] = field(default_factory=list)
    links: list[Connection] = field(default_factory=list)
    states: list[LinkState] = field(default_factory=list)
    told: list[Change] = field(default_factory=list)
    number: int = 1
    calls: list[str] = field(default_factory=list)

    def node(
        self,
        guid: str,
        kind: NodeKind,
        description: str,
        from_ms: int = 0,
        to_ms: int = FOREVER_MS,
        *,
        ports: int = 1,
        last_seen_ms: int | None = None,
    ) -> str:
        last = last_seen_ms if last_seen_ms is not None else max(s for s in self.sweeps if s < to_ms)
        self.spans.append(NodeSpan(guid, kind, description, ports, Interval(from_ms, to_ms), last))
        return guid

    def connect(
        self,
        a: tuple[str, int],
        b: tuple[str, int],
        from_ms: int = 0,
        to_ms: int = FOREVER_MS,
        *,
        cable: str = "",
        alt: str | None = None,
        absent_ms: int | None = None,
        last_seen_ms: int | None = None,
        down_ms: int | None = None,
        width: str = "4X",
        speed: str = "EDR",
    ) -> Connection:
        first, second = sorted((PortKey(*a), PortKey(*b)))
        last = last_seen_ms if last_seen_ms is not None else max(s for s in self.sweeps if s < to_ms)
        link = Connection(
            f"n{len(self.links) + 1}", self.name, first, second, cable or f"c{len(self.links) + 1}", alt, "cable",
            Interval(from_ms, to_ms), absent_ms, last,
        )  # fmt: skip
        self.links.append(link)
        up_to = to_ms if down_ms is None else down_ms
        self.states.append(LinkState(link.id, "up", width, speed, Interval(from_ms, up_to), absent_ms, last))
        if down_ms is not None:
            self.states.append(LinkState(link.id, "down", None, None, Interval(down_ms, to_ms), last, last))
        return link

    def unplug(self, cable: str, to_ms: int, last_seen_ms: int) -> None:
        """End the newest connection of a cable, with its link."""
        at = max(i for i, link in enumerate(self.links) if link.cable == cable)
        link = self.links[at]
        self.links[at] = replace(link, span=Interval(link.span.from_ms, to_ms), last_seen_ms=last_seen_ms)
        for i, state in enumerate(self.states):
            if state.connection == link.id:
                span = Interval(state.span.from_ms, min(to_ms, state.span.to_ms))
                self.states[i] = replace(state, span=span, last_seen_ms=last_seen_ms)

    def take_away(self, guid: str, to_ms: int, last_seen_ms: int) -> None:
        """End the newest span of a node; its links go down, its cabling stays."""
        at = max(i for i, span in enumerate(self.spans) if span.guid == guid)
        span = self.spans[at]
        self.spans[at] = replace(span, span=Interval(span.span.from_ms, to_ms), last_seen_ms=last_seen_ms)
        for i, link in enumerate(self.links):
            if guid in (link.a.guid, link.b.guid) and link.span.open:
                self.links[i] = replace(link, last_seen_ms=last_seen_ms)

    def view(self, at_ms: int) -> FabricView:
        nodes = sorted((s for s in self.spans if s.span.holds(at_ms)), key=lambda s: s.guid)
        row = {s.guid: i for i, s in enumerate(nodes)}
        links = sorted(
            (c for c in self.links if c.span.holds(at_ms) and c.a.guid in row and c.b.guid in row),
            key=lambda c: (c.a, c.b),
        )
        state = {s.connection: s for s in self.states if s.span.holds(at_ms)}
        seen = max(s for s in self.sweeps if s <= at_ms)
        return FabricView(
            self.name, at_ms, seen, self.sweeps[-1], self.number,
            tuple(s.guid for s in nodes), tuple(s.kind for s in nodes), tuple(s.description for s in nodes),
            np.zeros(len(nodes), np.int32),
            np.array([[row[c.a.guid], row[c.b.guid]] for c in links], np.int32).reshape(-1, 2),
            np.array([[c.a.number, c.b.number] for c in links], np.int16).reshape(-1, 2),
            np.array([state[c.id].state == "up" for c in links], bool),
            np.array([c.last_seen_ms < seen for c in links], bool),
            tuple(c.id for c in links), tuple(c.cable for c in links),
            tuple(state[c.id].width for c in links), tuple(state[c.id].speed for c in links),
        )  # fmt: skip

    async def apply_sweep(self, sweep: Sweep, *, live: bool = False) -> SweepResult:
        raise NotImplementedError

    async def correct(self, correction: Correction) -> None:
        raise NotImplementedError

    async def version(self) -> int:
        return self.number

    async def fabrics(self) -> tuple[FabricSpan, ...]:
        self.calls.append("fabrics")
        return (FabricSpan(self.name, self.sweeps[0], self.sweeps[-1], len(self.sweeps)),)

    async def fabric(self, fabric: str, at_ms: int) -> FabricView:
        self.calls.append("fabric")
        if fabric != self.name or at_ms < self.sweeps[0]:
            raise UnknownName(f"Nothing was seen of fabric {fabric} by then.", fix="Ask a later time.")
        return self.view(at_ms)

    async def nodes(self, fabric: str, window: Interval, *, gone: bool = False) -> tuple[NodeSpan, ...]:
        self.calls.append("nodes")
        if gone:
            return tuple(s for s in self.spans if not s.span.open and window.holds(s.last_seen_ms))
        return tuple(s for s in self.spans if s.span.overlaps(window))

    async def connections(
        self, fabric: str, window: Interval, ports: Sequence[PortKey] | None = None
    ) -> tuple[Connection, ...]:
        self.calls.append("connections")
        wanted = None if ports is None else set(ports)
        found = [
            c for c in self.links if c.span.overlaps(window) and (wanted is None or {c.a, c.b} & wanted)
        ]  # fmt: skip
        return tuple(sorted(found, key=lambda c: (c.a, c.b, c.span.from_ms)))

    async def link_states(self, fabric: str, window: Interval, connections: Sequence[str]) -> tuple[LinkState, ...]:
        self.calls.append("link_states")
        found = [s for s in self.states if s.connection in set(connections) and s.span.overlaps(window)]
        return tuple(sorted(found, key=lambda s: (s.connection, s.span.from_ms)))

    async def cable(self, fabric: str, cable: str) -> tuple[Connection, ...]:
        self.calls.append("cable")
        return tuple(sorted((c for c in self.links if cable in (c.cable, c.cable_alt)), key=lambda c: c.span.from_ms))

    async def changes(
        self, fabric: str, window: Interval, *, kinds: Sequence[str] = (), limit: int = 1000, cursor: str | None = None
    ) -> Page[Change]:
        self.calls.append("changes")
        found = [c for c in self.told if window.holds(c.at_ms) and (not kinds or c.kind in kinds)]
        found.sort(key=lambda c: -c.at_ms)
        return _page(found, limit, cursor)

    async def put_lft(self, fabric: str, switch: str, seen_at_ms: int, ports: bytes) -> None:
        raise NotImplementedError

    async def lft(self, fabric: str, at_ms: int) -> ForwardingTables | None:
        return None


def _page(found: Sequence[T], limit: int, cursor: str | None) -> Page[T]:
    start = int(cursor or 0)
    return Page(tuple(found[start : start + limit]), str(start + limit) if start + limit < len(found) else None)


def run(
    job: int,
    start_ms: int | None,
    end_ms: int | None,
    hosts: Sequence[str],
    *,
    user: str = "alice",
    state: str = "",
    label: str = "",
    cluster: str = "cluster",
    name: str = "app",
    partition: str = "batch",
) -> Run:
    """A run with what a test cares about."""
    state = state or ("RUNNING" if end_ms is None else "COMPLETED")
    return Run(
        RunKey(cluster, job, start_ms), label or str(job), name, user, "acct", partition, state, start_ms or 0, end_ms,
        tuple(sorted(hosts)), len(hosts), 0, 0, start_ms or 0, "test",
    )  # fmt: skip


@dataclass
class FakeJobs:
    """JobHistory over a list of runs, and of reports of nodes, each taken whole."""

    known: list[Run] = field(default_factory=list)
    reports: list[NodeReport] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def apply_runs(self, runs: Sequence[Run]) -> RunsResult:
        raise NotImplementedError

    async def version(self) -> int:
        return 1

    async def run(self, key: RunKey) -> Run | None:
        self.calls.append("run")
        return next((r for r in self.known if r.key == key), None)

    async def find(self, label: str, cluster: str, window: Interval | None = None) -> tuple[Run, ...]:
        self.calls.append("find")
        found = [
            r for r in self.known
            if r.key.cluster == cluster
            and (r.label == label or r.label.partition("_")[0] == label or r.label.partition("+")[0] == label)
            and (window is None or _span(r).overlaps(window))
        ]  # fmt: skip
        return tuple(sorted(found, key=lambda r: -(r.key.start_ms or 0)))

    async def runs(self, which: RunFilter, *, limit: int = 200, cursor: str | None = None) -> Page[Run]:
        self.calls.append("runs")
        found = [
            r for r in self.known
            if (which.window is None or _span(r).overlaps(which.window))
            and (not which.users or r.user in which.users)
            and (not which.states or r.state in which.states)
            and (not which.clusters or r.key.cluster in which.clusters)
            and (not which.partitions or r.partition in which.partitions)
            and (not which.accounts or r.account in which.accounts)
            and (not which.name or r.name == which.name)
        ]  # fmt: skip
        return _page(sorted(found, key=lambda r: -(r.key.start_ms or 0)), limit, cursor)

    async def apply_nodes(self, report: NodeReport) -> bool:
        raise NotImplementedError

    async def scheduler_nodes(self, cluster: str, at_ms: int) -> tuple[SchedulerNode, ...]:
        self.calls.append("scheduler_nodes")
        by_then = [r for r in self.reports if r.cluster == cluster and r.seen_at_ms <= at_ms]
        return max(by_then, key=lambda r: r.seen_at_ms).nodes if by_then else ()

    async def runs_on(
        self, hosts: Sequence[str], window: Interval, *, limit: int = 200, cursor: str | None = None
    ) -> Page[Run]:
        self.calls.append("runs_on")
        found = [r for r in self.known if set(r.hosts) & set(hosts) and _span(r).overlaps(window)]
        return _page(sorted(found, key=lambda r: -(r.key.start_ms or 0)), limit, cursor)


def _span(run: Run) -> Interval:
    start = run.key.start_ms if run.key.start_ms is not None else run.submit_ms or 0
    return Interval(start, FOREVER_MS if run.end_ms is None else run.end_ms)


@dataclass
class FakeLedger:
    """Ledger over lists."""

    statuses: list[SourceStatus] = field(default_factory=list)
    kept: list[Note] = field(default_factory=list)

    async def add_notes(self, notes: Sequence[Note]) -> int:
        self.kept += notes
        return len(notes)

    async def notes(self, window: Interval, *, kinds: Sequence[str] = (), limit: int = 1000) -> tuple[Note, ...]:
        return tuple(n for n in self.kept if window.holds(n.at_ms))[:limit]

    async def heard(self, status: SourceStatus) -> None:
        self.statuses.append(status)

    async def sources(self) -> tuple[SourceStatus, ...]:
        return tuple(sorted(self.statuses, key=lambda s: s.source))

    async def search(self, text: str, *, limit: int = 20) -> tuple[tuple[str, str], ...]:
        return ()

    async def stats(self) -> Mapping[str, int]:
        return {}

    async def checksums(self) -> Mapping[str, str]:
        return {}

    async def prune(self, before_ms: int) -> int:
        return 0


@dataclass
class FakeSeries:
    """SeriesStore over a list of names, without values. Globs node by node, `{a,b}` included."""

    stored: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def find(self, pattern: str) -> list[Found]:
        self.calls.append(pattern)
        wanted = pattern.split(".")
        found = set()
        for name in self.stored:
            nodes = name.split(".")
            if len(nodes) >= len(wanted) and all(_fits(w, n) for w, n in zip(wanted, nodes, strict=False)):
                found.add(Found(".".join(nodes[: len(wanted)]), len(nodes) == len(wanted)))
        return sorted(found, key=lambda f: (f.leaf, f.path))

    def expand(self, pattern: str) -> list[str]:
        self.calls.append(pattern)
        return sorted(name for name in self.stored if _spans(pattern.split("."), name.split(".")))

    def exists(self, name: str) -> bool:
        return name in self.stored

    async def fetch(self, names: Sequence[str], window: Window) -> list[Series | None]:
        raise NotImplementedError


def _spans(wanted: list[str], nodes: list[str]) -> bool:
    if not wanted or not nodes:
        return wanted in ([], ["**"]) and not nodes
    if wanted[0] == "**":
        return _spans(wanted[1:], nodes) or _spans(wanted, nodes[1:])
    return _fits(wanted[0], nodes[0]) and _spans(wanted[1:], nodes[1:])


def _fits(pattern: str, node: str) -> bool:
    head, brace, rest = pattern.partition("{")
    if not brace:
        return fnmatch.fnmatchcase(node, pattern)
    choices, _, tail = rest.partition("}")
    return any(_fits(head + choice + tail, node) for choice in choices.split(","))


@dataclass
class FakeLogs:
    """LogStore over a list of lines."""

    lines: list[LogLine] = field(default_factory=list)

    async def append(self, lines: Sequence[LogLine]) -> int:
        self.lines += lines
        return len(lines)

    async def search(self, query: LogQuery, *, limit: int = 100, cursor: str | None = None) -> LogHits:
        found = [
            line for line in self.lines
            if query.window.holds(line.at_ms)
            and (not query.hosts or line.host in query.hosts)
            and all(word.lower() in line.message.lower().split() for word in query.words)
        ]  # fmt: skip
        found.sort(key=lambda line: (-line.at_ms, line.id))
        start = int(cursor or 0)
        more = str(start + limit) if start + limit < len(found) else None
        return LogHits(tuple(found[start : start + limit]), len(found), more)

    async def stats(self) -> dict[str, int]:
        return {"lines": len(self.lines)}


def tree(
    fabrics: FakeFabrics, leaves: int, spines: int, down: int, *, cables: int = 1, from_ms: int = 0
) -> FakeFabrics:
    """Fill in a two-level fat tree. Leaf l (from 1) is GUID `a<l>`, spine s `b<s>`, host n `c<n>`.

    Host n hangs on leaf (n-1) div down + 1, port (n-1) mod down + 1; the ports above go to the spines.
    """
    for s in range(1, spines + 1):
        fabrics.node(guid("b", s), SWITCH, f"MF0;spine{s:02}:MSB7800/U1", from_ms, ports=36)
    for leaf in range(1, leaves + 1):
        fabrics.node(guid("a", leaf), SWITCH, f"MF0;leaf{leaf:02}:MSB7800/U1", from_ms, ports=36)
        for d in range(1, down + 1):
            n = (leaf - 1) * down + d
            fabrics.node(guid("c", n), CA, f"node{n:03} mlx5_0", from_ms)
            fabrics.connect((guid("a", leaf), d), (guid("c", n), 1), from_ms, cable=f"h{n:03}")
        for s in range(1, spines + 1):
            for k in range(cables):
                fabrics.connect(
                    (guid("a", leaf), down + (s - 1) * cables + k + 1),
                    (guid("b", s), (leaf - 1) * cables + k + 1),
                    from_ms,
                    cable=f"u{leaf:02}-{s:02}-{k}",
                )
    return fabrics


def guid(letter: str, number: int) -> str:
    """A GUID that a reader recognises: `a000000000000001`."""
    return f"{letter}{number:015}"

"""In-memory stand-ins for the stores, and a small hand-made fabric: what pure code and answers are tested on."""

import fnmatch
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from unit.scan import matches
from weft.base.errors import UnknownName
from weft.base.intervals import FOREVER_MS, Interval
from weft.fabric.model import Lid, Module, NodeKind, PortKey, Sweep
from weft.fabric.wiring import Wiring
from weft.inventory.store import (
    Change,
    Connection,
    Correction,
    CypherAnswer,
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
    Total,
    TotalsBy,
)
from weft.logs.store import CORE_FIELDS, Histogram, LogField, LogHits, LogLine, LogQuery, Place, TopValues
from weft.metrics.series import Series, Window
from weft.metrics.store import Found, Tell
from weft.metrics.tags import TagExpression, TagIndex
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
    addresses: list[Lid] = field(default_factory=list)
    tables: dict[tuple[str, int], bytes] = field(default_factory=dict)
    plans: list[Wiring] = field(default_factory=list)
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

    async def put_lfts(self, fabric: str, seen_at_ms: int, tables: Mapping[str, bytes]) -> int:
        known = {switch: self.table(switch, seen_at_ms)[1] for switch in tables}
        new = {(switch, seen_at_ms): ports for switch, ports in tables.items() if known[switch] != ports}
        self.tables |= new
        return len(new)

    async def lft(self, fabric: str, at_ms: int) -> ForwardingTables | None:
        self.calls.append("lft")
        known = {switch: self.table(switch, at_ms) for switch, _ in self.tables}
        read = sorted((switch, seen, ports) for switch, (seen, ports) in known.items() if ports)
        if not read:
            return None
        rows = np.full((len(read), max(len(ports) for _, _, ports in read)), 255, np.uint8)
        for row, (_, _, ports) in zip(rows, read, strict=True):
            row[: len(ports)] = np.frombuffer(ports, np.uint8)
        return ForwardingTables(tuple(switch for switch, _, _ in read), rows, max(seen for _, seen, _ in read))

    def table(self, switch: str, at_ms: int) -> tuple[int, bytes]:
        """When the table that holds at a time was read first, and the table; empty: none."""
        return max(((t, p) for (s, t), p in self.tables.items() if s == switch and t <= at_ms), default=(0, b""))

    async def ports_by_guid(self, fabric: str, guids: Sequence[str]) -> Mapping[str, PortKey]:
        switches = {s.guid: PortKey(s.guid, 0) for s in self.spans if s.kind is SWITCH}
        known = switches | {told.guid: told.port for told in self.addresses if told.guid is not None}
        return {guid: known[guid] for guid in guids if guid in known}

    async def lids(self, fabric: str, at_ms: int) -> tuple[Lid, ...]:
        return tuple(sorted(self.addresses, key=lambda told: told.port))

    async def modules(self, fabric: str, at_ms: int) -> tuple[Module, ...]:
        return ()

    async def put_wiring(self, wiring: Wiring) -> bool:
        raise NotImplementedError

    async def wiring(self, fabric: str, at_ms: int) -> Wiring | None:
        return max((p for p in self.plans if p.seen_at_ms <= at_ms), key=lambda p: p.seen_at_ms, default=None)


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
            and label in (r.label, r.label.partition("_")[0], r.label.partition("+")[0], str(r.key.job_id))
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

    async def totals(self, which: RunFilter, by: TotalsBy, window: Interval) -> tuple[Total, ...]:
        runs = (await self.runs(replace(which, window=window), limit=len(self.known) or 1)).items
        found: dict[str, list[float]] = {}
        for r in (r for r in runs if r.key.start_ms is not None):
            span = Interval(r.key.start_ms or 0, r.end_ms if r.end_ms is not None else r.seen_at_ms).cut(window)
            held_s = max(0, span.to_ms - span.from_ms) / 1000
            nodes = len(r.hosts) or r.node_count or 0
            row = found.setdefault(r.key.cluster if by == "cluster" else getattr(r, by), [0, 0.0, 0.0, 0])
            for i, value in enumerate((1, (r.cpus or 0) * held_s, nodes * held_s, r.cpus is None)):
                row[i] += value
        told = [Total(key, int(n), core_s, node_s, int(rest)) for key, (n, core_s, node_s, rest) in found.items()]
        return tuple(sorted(told, key=lambda total: (-total.core_seconds, total.key)))

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
        found = [n for n in self.kept if window.holds(n.at_ms) and (not kinds or n.kind in kinds)]
        return tuple(sorted(found, key=lambda n: -n.at_ms)[:limit])

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
    """SeriesStore over a list of names, with the values of some, uncut. Globs node by node, `{a,b}` included."""

    stored: list[str] = field(default_factory=list)
    values: dict[str, Series] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    async def find(self, pattern: str, tell: Tell) -> list[Found]:
        self.calls.append(pattern)
        wanted = pattern.split(".")
        found = set()
        for name in self.stored:
            nodes = name.split(".")
            if len(nodes) >= len(wanted) and all(_fits(w, n) for w, n in zip(wanted, nodes, strict=False)):
                found.add(Found(".".join(nodes[: len(wanted)]), len(nodes) == len(wanted)))
        return sorted(found, key=lambda f: (f.leaf, f.path))

    async def expand(self, pattern: str, tell: Tell) -> list[str]:
        self.calls.append(pattern)
        return sorted(name for name in self.stored if _spans(pattern.split("."), name.split(".")))

    def unreadable(self) -> dict[str, str]:
        return {}

    async def tagged(self, expressions: Sequence[TagExpression], tell: Tell) -> Sequence[str]:
        return TagIndex(self.stored).find(expressions)

    async def tags(self, expressions: Sequence[TagExpression], prefix: str, tell: Tell) -> list[str]:
        return TagIndex(self.stored).tags(expressions, prefix)

    async def tag_values(
        self, tag: str, expressions: Sequence[TagExpression], prefix: str, tell: Tell, limit: int | None = None
    ) -> list[tuple[str, int]]:
        return TagIndex(self.stored).values(tag, expressions, prefix, limit)

    async def fetch(self, names: Sequence[str], window: Window, tell: Tell) -> list[Series | None]:
        return [self.values.get(name) for name in names]


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

    def found(self, query: LogQuery) -> list[LogLine]:
        """Lines that match, newest first."""
        whole = query.whole()
        return sorted(
            (line for line in self.lines if query.window.holds(line.at_ms) and matches(whole, line)),
            key=lambda line: Place.of(line).order,
        )

    async def search(
        self, query: LogQuery, *, limit: int = 100, cursor: str | None = None, oldest: bool = False
    ) -> LogHits:
        found = self.found(query)[:: -1 if oldest else 1]
        left = found
        if cursor is not None:
            place = Place.read(cursor).order
            left = [x for x in found if (Place.of(x).order < place if oldest else Place.of(x).order > place)]
        more = Place.of(left[limit - 1]).cursor if limit < len(left) else None
        return LogHits(tuple(left[:limit]), len(found), more)

    async def histogram(self, query: LogQuery, step_ms: int) -> Histogram:
        start_ms = query.window.from_ms // step_ms * step_ms
        counts = [0] * -(-(query.window.to_ms - start_ms) // step_ms)
        for line in self.found(query):
            counts[(line.at_ms - start_ms) // step_ms] += 1
        return Histogram(start_ms, step_ms, tuple(counts))

    async def top(self, query: LogQuery, field: str, n: int = 10) -> TopValues:
        counts = Counter(value for line in self.found(query) if (value := getattr(line, field)))
        return TopValues(tuple(sorted(counts.items(), key=lambda told: (-told[1], told[0]))[:n]), counts.total())

    async def fields(self, query: LogQuery) -> tuple[LogField, ...]:
        return CORE_FIELDS

    async def span(self) -> Interval | None:
        times = [line.at_ms for line in self.lines]
        return Interval(min(times), max(times) + 1) if times else None

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


def address(fabrics: FakeFabrics) -> None:
    """Give every node a LID, in the order of their GUIDs from 1 on; an HCA's port `c<n>` has the GUID `e<n>`."""
    kinds = {span.guid: span.kind for span in fabrics.spans}
    fabrics.addresses = [
        Lid(PortKey(own, 0 if kinds[own] is SWITCH else 1), lid, 0, None if kinds[own] is SWITCH else f"e{own[1:]}")
        for lid, own in enumerate(sorted(kinds), 1)
    ]


def tables_at(fabrics: FakeFabrics, at_ms: int) -> dict[str, bytes]:
    """Forwarding tables as a subnet manager would set them: a shortest path, of several ports the LID's turn."""
    view = fabrics.view(at_ms)
    ways: dict[str, dict[int, str]] = {}
    for (a, b), (p, q), up in zip(view.link_node.tolist(), view.link_port.tolist(), view.up.tolist(), strict=True):
        if up:
            ways.setdefault(view.guids[a], {})[p] = view.guids[b]
            ways.setdefault(view.guids[b], {})[q] = view.guids[a]
    switches = [own for own, kind in zip(view.guids, view.kinds, strict=True) if kind is SWITCH]
    tables = {own: bytearray([255] * (len(fabrics.addresses) + 1)) for own in switches}
    for told in fabrics.addresses:
        far, edge = {told.port.guid: 0}, [told.port.guid]
        for here in edge:
            for peer in ways.get(here, {}).values():
                if peer not in far and (here == told.port.guid or here in tables):
                    far[peer] = far[here] + 1
                    edge.append(peer)
        for own, table in tables.items():
            if own in far:
                near = [p for p, peer in sorted(ways[own].items()) if far.get(peer) == far[own] - 1]
                table[told.lid] = near[told.lid % len(near)] if near else 0
    return {own: bytes(table) for own, table in tables.items()}


def read_tables(fabrics: FakeFabrics, at_ms: int) -> Note:
    """Put the tables of a time into the fabric, and return the note that an import leaves."""
    tables = tables_at(fabrics, at_ms)
    for own, ports in tables.items():
        if fabrics.table(own, at_ms)[1] != ports:
            fabrics.tables[own, at_ms] = ports
    return Note(at_ms, "tables_read", "info", "Tables read.", (fabrics.name, str(len(tables)), str(at_ms)))


def guid(letter: str, number: int) -> str:
    """A GUID that a reader recognises: `a000000000000001`."""
    return f"{letter}{number:015}"


@dataclass
class FakeCypher:
    """CypherEngine that gives the same answer to everything, and keeps what it was asked."""

    answer: CypherAnswer
    asked: list[tuple[str, Mapping[str, object] | None]] = field(default_factory=list)

    async def ask(self, query: str, parameters: Mapping[str, object] | None = None) -> CypherAnswer:
        self.asked.append((query, parameters))
        return self.answer

"""The three protocols every inventory engine keeps, and the values they hand out.

Times are epoch milliseconds; spans are `[from, to)`. Every method is bounded: what can be long is paged.
Everything algorithmic (hops, routes, verdicts) lives above these protocols and exists once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from weft.base.intervals import Interval
from weft.fabric.model import Lid, Module, NodeKind, PortKey, Sweep
from weft.fabric.wiring import Wiring
from weft.scheduler.model import NodeReport, Run, RunKey, SchedulerNode

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of many: `cursor` asks for the next ones, None at the end. Stable while rows are added."""

    items: tuple[T, ...]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class FabricSpan:
    """A fabric and what was seen of it."""

    name: str
    first_ms: int
    last_ms: int
    sweeps: int


@dataclass(frozen=True, slots=True)
class NodeSpan:
    """A node under one description, while it was present.

    `span.to_ms` is the first sweep that showed it gone (or renamed); `last_seen_ms` the last one that showed it.
    For an open span, `last_seen_ms` older than the fabric's last sweep means: not confirmed since (silent, tainted).
    """

    guid: str
    kind: NodeKind
    description: str
    ports: int
    span: Interval
    last_seen_ms: int


@dataclass(frozen=True, slots=True)
class Connection:
    """Two ports cabled to each other; lasts until another peer, another serial number or a person ends it.

    The beginning is a bracket: not yet at `absent_ms` (None: never looked before), there at `span.from_ms`. So is the
    end: still there at `last_seen_ms`, otherwise at `span.to_ms`. `cable_alt` is the other reading of an exchange, None
    when the identity is certain.
    """

    id: str
    fabric: str
    a: PortKey
    b: PortKey
    cable: str
    cable_alt: str | None
    medium: Literal["cable", "backplane", "internal"]
    span: Interval
    absent_ms: int | None
    last_seen_ms: int

    @property
    def identity(self) -> Literal["certain", "ambiguous"]:
        """Ambiguous when another reading would give this connection another cable."""
        return "certain" if self.cable_alt is None else "ambiguous"


@dataclass(frozen=True, slots=True)
class LinkState:
    """Whether a connection carried a link, and how wide and fast; brackets as in Connection."""

    connection: str
    state: Literal["up", "down"]
    width: str | None
    speed: str | None
    span: Interval
    absent_ms: int | None
    last_seen_ms: int


ChangeKind = Literal[
    "node_appeared", "node_gone", "node_silent", "node_renamed", "hca_replaced", "link_down", "link_up", "link_changed",
    "cable_new", "cable_moved", "cable_replaced", "cable_identified", "ends_exchanged", "sweep_quarantined", "retired",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """Something that changed in a fabric: after `since_ms` (None: never looked before) and by `at_ms`.

    `guids`: nodes it is about; `ports`: ports; `cables`: cables. `detail`: what a reader needs to see both readings of
    an exchange, the old and new HCA, the width before and after; plain JSON values.
    """

    fabric: str
    at_ms: int
    since_ms: int | None
    kind: ChangeKind
    severity: Literal["info", "warning", "error"]
    text: str
    guids: tuple[str, ...] = ()
    ports: tuple[PortKey, ...] = ()
    cables: tuple[str, ...] = ()
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class FabricView:
    """A fabric at one time, as arrays: row i of `guids`, `kinds`, ... is node i; row j of the link arrays link j.

    Shapes: n nodes, m connections. `link_node` (m, 2) int32 indexes nodes, `link_port` (m, 2) int16 port numbers,
    `up` (m,) bool, `unsure` (m,) bool: the time lies in the bracket of an end, or the last sweep did not confirm it.
    Links come sorted by (a, b). `lids[i]`: the node's first LID, 0 unknown. `version` changes whenever the picture
    can have changed; `seen_ms` is the sweep the picture rests on, `last_ms` the fabric's last sweep.
    """

    fabric: str
    at_ms: int
    seen_ms: int
    last_ms: int
    version: int
    guids: tuple[str, ...]
    kinds: tuple[NodeKind, ...]
    descriptions: tuple[str, ...]
    lids: NDArray[np.int32]
    link_node: NDArray[np.int32]
    link_port: NDArray[np.int16]
    up: NDArray[np.bool_]
    unsure: NDArray[np.bool_]
    connections: Sequence[str]
    cables: Sequence[str]
    widths: tuple[str | None, ...]
    speeds: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep brought: the changes that were not known before it, and whether it was set aside."""

    known_already: bool
    changes: int
    quarantined: str | None = None


CorrectionKind = Literal["cable_replaced", "retired", "accepted"]


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person knows better, with the time from which it holds.

    kind `cable_replaced`: the cable at `port` is another one from then on. `retired`: the node `guid` was taken out on
    purpose and is not to be called vanished. `accepted`: the quarantined sweep seen at `at_ms` is true.
    """

    fabric: str
    at_ms: int
    kind: CorrectionKind
    who: str
    port: PortKey | None = None
    guid: str | None = None


@dataclass(frozen=True, slots=True)
class ForwardingTables:
    """Linear forwarding tables of a fabric at one time: `ports[i, lid]` is the out port of switch i, 255 no route."""

    switches: tuple[str, ...]
    ports: NDArray[np.uint8]
    seen_ms: int


class FabricHistory(Protocol):
    """What was cabled to what, since when, and what became of it."""

    async def apply_sweep(self, sweep: Sweep, *, live: bool = False) -> SweepResult:
        """Keep a sweep and derive history from all of them again; idempotent, and whatever the order they come in.

        `live`: one of a regular series, so that absence needs several of them; otherwise one complete sweep is enough.
        """

    async def correct(self, correction: Correction) -> None:
        """Keep what a person knows better; replayed after every sweep. Raises UnknownName."""

    async def version(self) -> int:
        """A number that changes whenever an answer of this store can have changed."""

    async def fabrics(self) -> tuple[FabricSpan, ...]:
        """Every fabric, sorted by name."""

    async def fabric(self, fabric: str, at_ms: int) -> FabricView:
        """The fabric at a time. Raises UnknownName: no such fabric, or nothing was seen of it by then."""

    async def nodes(self, fabric: str, window: Interval, *, gone: bool = False) -> tuple[NodeSpan, ...]:
        """Nodes present at some time in the window; `gone`: instead those that were last seen in it and are no more."""

    async def connections(
        self, fabric: str, window: Interval, ports: Sequence[PortKey] | None = None
    ) -> tuple[Connection, ...]:
        """Connections that overlap the window, of the given ports (or all), sorted by (a, b, from)."""

    async def link_states(self, fabric: str, window: Interval, connections: Sequence[str]) -> tuple[LinkState, ...]:
        """Link states of these connections that overlap the window, sorted by (connection, from)."""

    async def cable(self, fabric: str, cable: str) -> tuple[Connection, ...]:
        """Every connection that this cable makes in either reading, oldest first; empty: no such cable."""

    async def changes(
        self, fabric: str, window: Interval, *, kinds: Sequence[str] = (), limit: int = 1000, cursor: str | None = None
    ) -> Page[Change]:
        """Changes with `at_ms` in the window, newest first."""

    async def put_lfts(self, fabric: str, seen_at_ms: int, tables: Mapping[str, bytes]) -> int:
        """Keep forwarding tables by switch GUID (byte l: out port of LID l, 255 no route), all or none.

        A new version only where a table differs. Returns how many were new.
        """

    async def ports_by_guid(self, fabric: str, guids: Sequence[str]) -> Mapping[str, PortKey]:
        """Ports by their own GUID (an HCA's; a switch's is its node's), as last seen; unknown ones are left out."""

    async def lids(self, fabric: str, at_ms: int) -> tuple[Lid, ...]:
        """The LID of every port that had one at a time, sorted by port."""

    async def modules(self, fabric: str, at_ms: int) -> tuple[Module, ...]:
        """The modules last read by a time, sorted by port."""

    async def lft(self, fabric: str, at_ms: int) -> ForwardingTables | None:
        """The forwarding tables at a time; None: none known."""

    async def put_wiring(self, wiring: Wiring) -> bool:
        """Keep a plan of the wiring, which takes the place of the one before it; whether it differs from that one."""

    async def wiring(self, fabric: str, at_ms: int) -> Wiring | None:
        """The last plan given by a time; None: none was."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs; empty members do not filter. `window`: runs that overlap it (one that never started: by submit)."""

    window: Interval | None = None
    users: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class RunsResult:
    """How many runs were new, changed by this, or known so already."""

    new: int
    changed: int
    same: int


TotalsBy = Literal["user", "account", "partition", "state", "cluster"]


@dataclass(frozen=True, slots=True)
class Total:
    """What all runs of one user (account, ...) come to. `unsized`: how many of `runs` have no known size or length."""

    key: str
    runs: int
    core_seconds: float
    node_seconds: float
    unsized: int


class JobHistory(Protocol):
    """Which run held which hosts, and when."""

    async def apply_runs(self, runs: Sequence[Run]) -> RunsResult:
        """Add what a source saw, all or nothing; idempotent, and whatever the order.

        An empty or smaller set of hosts never takes away what a fuller one said; a finished state is not undone by an
        older unfinished one; a pending record gives way to the run it became.
        """

    async def version(self) -> int:
        """A number that changes whenever an answer of this store can have changed."""

    async def run(self, key: RunKey) -> Run | None:
        """One run, or None."""

    async def find(self, label: str, cluster: str, window: Interval | None = None) -> tuple[Run, ...]:
        """Runs that a typed id means (`4711`, `4711_5`, `4711+1`), newest first, at most 1,000.

        The bare id of an array or of a heterogeneous job means all its parts.
        """

    async def runs(self, which: RunFilter, *, limit: int = 200, cursor: str | None = None) -> Page[Run]:
        """Runs, newest start first (never started: by submit)."""

    async def totals(self, which: RunFilter, by: TotalsBy, window: Interval) -> tuple[Total, ...]:
        """Sums by user, account, partition, state or cluster, the most core seconds first, then by key.

        A run counts once when it ran at some time in the window, and its cores and nodes for the time it ran in it: to
        the millisecond, from its start to its end, or for one that is not over to when it was last seen (nothing is
        said of later). One of no length lasts a millisecond; one that never started does not count. Nodes are its
        hosts, or where these are not known their number. A run counts as `unsized`, with no cores, where its cores are
        not known, and with a millisecond where it is over and its end is not known, or more than ten years after its
        start. Runs count under what is known of them now: one that runs under RUNNING, later under how it ended.
        `which.window` is not looked at.

        Raises:
            BadRequest: a filter by name, which no sums are kept for.
        """

    async def apply_nodes(self, report: NodeReport) -> bool:
        """Keep what Slurm said of its nodes; idempotent, whatever the order. Returns whether anything was new."""

    async def scheduler_nodes(self, cluster: str, at_ms: int) -> tuple[SchedulerNode, ...]:
        """Nodes as last reported by then, sorted by name; empty: nothing was reported by then."""

    async def runs_on(
        self, hosts: Sequence[str], window: Interval, *, limit: int = 200, cursor: str | None = None
    ) -> Page[Run]:
        """Runs that held any of these hosts in the window, newest first; each once."""


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """When a source (an importer, a tool, Slurm) was last heard, and what it said."""

    source: str
    heard_ms: int
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """An event that is no change of a fabric: a person's note, a saturated counter, a reset."""

    at_ms: int
    kind: str
    severity: Literal["info", "warning", "error"]
    text: str
    about: tuple[str, ...] = ()


class Ledger(Protocol):
    """Notes, source status, counts: what the house keeps about itself."""

    async def add_notes(self, notes: Sequence[Note]) -> int:
        """Keep notes; the same one twice is one. Returns how many were new."""

    async def notes(self, window: Interval, *, kinds: Sequence[str] = (), limit: int = 1000) -> tuple[Note, ...]:
        """Notes in the window, newest first."""

    async def heard(self, status: SourceStatus) -> None:
        """Remember the newest word of a source; an older one changes nothing."""

    async def sources(self) -> tuple[SourceStatus, ...]:
        """Every source, sorted by name."""

    async def search(self, text: str, *, limit: int = 20) -> tuple[tuple[str, str], ...]:
        """(kind, name) whose name contains the text, case-insensitive: job, user, node; jobs newest first."""

    async def stats(self) -> Mapping[str, int]:
        """Row counts by table."""

    async def checksums(self) -> Mapping[str, str]:
        """SHA-256 by table over all rows in canonical order: equal on two stores that know the same."""

    async def prune(self, before_ms: int) -> int:
        """Drop runs and notes that ended before; returns how many. Sweeps and history stay."""


@dataclass(frozen=True, slots=True)
class CypherNode:
    """A node of the graph; `id` is the server's own, and holds within one answer."""

    id: str
    labels: tuple[str, ...]
    properties: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CypherEdge:
    """A relationship of the graph, from the node `source` to the node `target`."""

    id: str
    source: str
    target: str
    type: str
    properties: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CypherPath:
    """A way through the graph: n nodes and the n - 1 relationships between them, in order."""

    nodes: tuple[CypherNode, ...]
    edges: tuple[CypherEdge, ...]


@dataclass(frozen=True, slots=True)
class CypherAnswer:
    """Rows of a query: plain JSON values, nodes, relationships and paths, or lists and objects of these.

    `nodes`, `edges`: those in the rows, each once.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    nodes: tuple[CypherNode, ...] = ()
    edges: tuple[CypherEdge, ...] = ()
    notices: tuple[str, ...] = ()


class CypherEngine(Protocol):
    """Questions in Cypher, for an inventory that is a graph."""

    async def ask(self, query: str, parameters: Mapping[str, object] | None = None) -> CypherAnswer:
        """Run a query that only reads, within bounds of time, rows and bytes.

        Raises:
            BadRequest: it cannot be read, or may do more than reading; the message says where and why.
            TooMuch: it takes too long or too much. Busy: as many run as may. Unavailable: the server is away.
        """

"""Runs of jobs, as values.

A run is (cluster, job id, start): a requeued or reused id is several runs, each with its hosts, state and end.
"""

from dataclasses import dataclass
from typing import NamedTuple

FINISHED_STATES = frozenset(
    "BOOT_FAIL CANCELLED COMPLETED DEADLINE FAILED NODE_FAIL OUT_OF_MEMORY PREEMPTED REVOKED TIMEOUT REQUEUED".split()
)
"""Base states after which a run has an end (Slurm `job_state_string`, and REQUEUED as sacct -D prints it)."""


class RunKey(NamedTuple):
    """Cluster, raw job id and start in epoch ms; start None: never started (pending, or cancelled before)."""

    cluster: str
    job_id: int
    start_ms: int | None

    @property
    def text(self) -> str:
        """The key as one string, `cluster:4711@1763852985000`, `cluster:4711@-` for one that never started."""
        return f"{self.cluster}:{self.job_id}@{'-' if self.start_ms is None else self.start_ms}"


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of one run.

    `label` is the id as people type it: `4711`, `4711_5` (array task), `4711+1` (part of a heterogeneous job).
    `end_ms` None: not ended as far as was seen at `seen_at_ms`. `hosts`: sorted names; empty: not known (or none yet).
    `submit_ms` tells two lives of a reused id apart before they start. `features`: constraints asked for. `tres`: what
    was allocated or, before that, asked for, sorted, memory in MiB (`cpu=512,gres/gpu=4,mem=95232M,node=16`).
    `predicted_start_ms`: when the scheduler means to start a pending one, a prediction and nothing else. Unknown texts
    are "".
    """

    key: RunKey
    label: str
    name: str
    user: str
    account: str
    partition: str
    state: str
    submit_ms: int | None
    end_ms: int | None
    hosts: tuple[str, ...]
    node_count: int | None
    exit_code: int | None
    exit_signal: int | None
    seen_at_ms: int
    source: str
    features: str = ""
    tres: str = ""
    cpus: int | None = None
    predicted_start_ms: int | None = None

    @property
    def finished(self) -> bool:
        """True when the state says that nothing more will happen."""
        return self.state in FINISHED_STATES


@dataclass(frozen=True, slots=True)
class SchedulerNode:
    """A node as Slurm saw it. `state`: the base state (IDLE, ALLOCATED, MIXED, DOWN, UNKNOWN, ...), `flags`: the rest.

    Flags without Slurm's own punctuation: DRAIN, NOT_RESPONDING (`*`), POWERED_DOWN, REBOOT_ISSUED, RESERVED, ...
    """

    name: str
    state: str
    flags: frozenset[str] = frozenset()
    partitions: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    gres: str = ""
    cpus: int | None = None
    memory_mb: int | None = None
    reason: str = ""


NODE_MEMBERS = frozenset("state partitions features gres cpus memory_mb reason".split())
"""What a report can tell of a node; `state` with its flags."""


@dataclass(frozen=True, slots=True)
class NodeReport:
    """The nodes of a cluster that one source listed at one time, sorted by name.

    `complete`: all there are, so that one it leaves out is no node any more. `tells`: members that the source tells at
    all; of the others nothing is said, whereas an empty one of these means that there is none.
    """

    cluster: str
    seen_at_ms: int
    source: str
    nodes: tuple[SchedulerNode, ...]
    complete: bool = True
    tells: frozenset[str] = NODE_MEMBERS


@dataclass(frozen=True, slots=True)
class SchedulerDump:
    """What one source told of jobs and of nodes at once."""

    runs: tuple[Run, ...]
    nodes: NodeReport | None


@dataclass(frozen=True, slots=True)
class SlurmSwitch:
    """A switch of Slurm's tree: the nodes on it, or the switches below it; sorted names."""

    name: str
    nodes: tuple[str, ...]
    switches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlurmTopology:
    """The tree that Slurm places jobs by, as a person wrote it: not what is cabled."""

    cluster: str
    seen_at_ms: int
    source: str
    switches: tuple[SlurmSwitch, ...]

"""The demo's jobs and the small scheduler that places them: no host runs two exclusive jobs at once.

Jobs arrive and are placed in the order of time from one seeded stream, so what was said of a time never changes when
the scheduler goes on: the day of a story and what the living demo adds later are one history.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import NamedTuple

from weft.demo.site import BAD_HOST, DOWN, EXCHANGED_HOSTS, HOSTS, HOUR, LOST_HOST, VANISHED, Story, leaf_of

USERS = (
    ("alice", 1001, "cfd"), ("bob", 1002, "chem"), ("carol", 1003, "astro"), ("dave", 1004, "bio"),
    ("erin", 1005, "cfd"), ("frank", 1006, "chem"), ("grace", 1007, "physics"), ("heidi", 1008, "bio"),
)  # fmt: skip
UIDS = {name: uid for name, uid, _ in USERS}

LOPSIDED_JOB = 4711
LOPSIDED_LEAF, STRAGGLER, FREE_HOST = 7, 220, 126
"""Job 4711 has node109..node123 on leaf07 and node220 on leaf13; node126 on leaf07 is free while it runs."""
SHARED_HOSTS = (323, 324)
"""Hosts of the partition `shared`, where several small jobs run at once."""
CORES = 32
MEAN_GAP_S = 230
"""Mean time between two submissions."""
WARM_UP_S = 8 * HOUR
"""The scheduler starts so long before the day begins, so that the day begins with a busy cluster."""
FOREVER_S = 10 * 24 * HOUR
"""How long the jobs of the story run that are not to end."""
SLURMD_TIMEOUT_S = 300
"""How long a host may be silent before Slurm gives up the jobs on it (its default)."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as the scheduler decided: `start_s` None while it waits; `state` and `exit` are how it will end.

    `array`: first id of the array and the task's number. `mb_per_s`: what each of its hosts sends to the others, waxing
    and waning over `period_s`. `reason`: why it waits.
    """

    id: int
    name: str
    user: str
    account: str
    partition: str
    submit_s: int
    nodes: int
    cpus: int
    run_s: int
    limit_min: int
    state: str
    exit: str
    mb_per_s: float
    period_s: int
    array: tuple[int, int] | None = None
    start_s: int | None = None
    hosts: tuple[int, ...] = ()
    reason: str = "None"

    @property
    def label(self) -> str:
        """The id as people type it: `4711`, `4650_3`."""
        return str(self.id) if self.array is None else f"{self.array[0]}_{self.array[1]}"

    @property
    def end_s(self) -> int | None:
        """When it ends, once it has started."""
        return None if self.start_s is None else self.start_s + self.run_s

    def state_at(self, at_s: int) -> str:
        """PENDING, RUNNING, or how it ended."""
        if self.start_s is None or at_s < self.start_s:
            return "PENDING"
        return "RUNNING" if at_s < self.start_s + self.run_s else self.state

    def holds(self, host: int, at_s: int) -> bool:
        """True while it runs on that host."""
        return host in self.hosts and self.start_s is not None and self.start_s <= at_s < self.start_s + self.run_s


class Kind(NamedTuple):
    """A kind of work: its names, sizes in hosts, run times in minutes, MB/s a host sends, and how often it is seen."""

    names: tuple[str, ...]
    partition: str
    sizes: tuple[int, ...]
    minutes: tuple[int, int]
    mb_per_s: tuple[int, int]
    weight: int


KINDS = (
    Kind(("openfoam", "starccm", "su2-wing"), "batch", (4, 8, 8, 16, 16, 32), (25, 240), (300, 1800), 30),
    Kind(("gromacs", "namd", "lammps-melt"), "batch", (2, 4, 4, 8, 16), (30, 300), (200, 900), 30),
    Kind(("gadget4", "enzo", "nbody"), "batch", (16, 32, 64), (40, 180), (800, 2600), 7),
    Kind(("blast", "fastqc", "kraken2"), "short", (1, 1, 2), (2, 30), (0, 3), 22),
    Kind(("compile", "test-suite", "notebook"), "shared", (1,), (3, 90), (0, 1), 12),
)
ARRAY_SHARE, ARRAY_SIZES = 0.2, (4, 6, 8)
"""Share of the short jobs that are arrays, and how many tasks they have."""
ENDINGS = (
    ("COMPLETED", "0:0", 86), ("FAILED", "1:0", 6), ("TIMEOUT", "0:0", 3), ("CANCELLED", "0:15", 3),
    ("OUT_OF_MEMORY", "0:125", 2),
)  # fmt: skip
"""State, exit code as sacct prints it, and how many in a hundred end so."""


class Window(NamedTuple):
    """A host that the scheduler keeps free of other jobs during [from_s, to_s)."""

    host: int
    from_s: int
    to_s: int


def by_hand(name: str, user: str, start_s: int, run_s: int, hosts: tuple[int, ...], state: str, exit_: str) -> Job:
    """A job of the story; its id is given when its turn comes."""
    return Job(
        id=0,
        name=name,
        user=user,
        account=next(account for who, _, account in USERS if who == user),
        partition="batch",
        submit_s=start_s - 45,
        nodes=len(hosts),
        cpus=CORES * len(hosts),
        run_s=run_s,
        limit_min=20160,
        state=state,
        exit=exit_,
        mb_per_s=1400.0,
        period_s=300,
        start_s=start_s,
        hosts=hosts,
    )


def pinned(story: Story) -> tuple[Job, ...]:
    """The jobs of the story that are placed by hand."""
    now = story.built_s
    first = (LOPSIDED_LEAF - 1) * DOWN + 1
    leaf01 = tuple(n for n in HOSTS if leaf_of(n) == 1)
    lost = tuple(range(LOST_HOST - 2, LOST_HOST + 2))
    lopsided = (*range(first, first + 15), STRAGGLER)
    lost_ran_s = 3 * HOUR - VANISHED + SLURMD_TIMEOUT_S
    return (
        by_hand("wing-coarse", "erin", now - 11 * HOUR, 4 * HOUR + 700, leaf01, "FAILED", "1:0"),
        by_hand("protein-fold", "bob", now - 7 * HOUR, FOREVER_S, (FREE_HOST - 2, FREE_HOST - 1), "COMPLETED", "0:0"),
        by_hand("wing-fine", "erin", now - 5 * HOUR - 2400, FOREVER_S, leaf01, "COMPLETED", "0:0"),
        by_hand("hurricane", "alice", now - 5 * HOUR - 1210, FOREVER_S, lopsided, "COMPLETED", "0:0"),
        by_hand("halo-merge", "carol", now - 3 * HOUR, lost_ran_s, lost, "NODE_FAIL", "0:0"),
    )


def kept_free(story: Story, jobs: tuple[Job, ...]) -> tuple[Window, ...]:
    """What the scheduler may not use: hosts of the jobs of the story, the free host, the bad and the lost one."""
    windows = [Window(h, j.start_s or 0, (j.start_s or 0) + j.run_s) for j in jobs for h in j.hosts]
    lopsided = next(job for job in jobs if job.name == "hurricane")
    start = lopsided.start_s or 0
    windows.append(Window(FREE_HOST, start - 1800, start + FOREVER_S))
    windows.append(Window(LOST_HOST, story.vanished_s - 1, story.vanished_s + FOREVER_S))
    # Hosts were drained while somebody was at their cables.
    windows.append(Window(BAD_HOST, story.moved_s - 900, story.moved_s + 900))
    windows += [Window(host, story.exchanged_s - 900, story.exchanged_s + 900) for host in EXCHANGED_HOSTS]
    return tuple(windows)


class Scheduler:
    """Places what arrives, in the order of time; `advance` may be called again with a later time."""

    def __init__(self, story: Story) -> None:
        self.jobs: dict[int, Job] = {}
        self._story = story
        self._pinned = pinned(story)
        self._windows: dict[int, list[Window]] = {}
        for window in kept_free(story, self._pinned):
            self._windows.setdefault(window.host, []).append(window)
        self._free = set(HOSTS) - set(SHARED_HOSTS)
        self._ends: list[tuple[int, int]] = []
        self._queue: list[int] = []
        self._rng = random.Random(f"weft demo {story.seed}")
        self._arrivals = self._requests()
        self._next = next(self._arrivals)

    def advance(self, until_s: int) -> None:
        """Take what is submitted and what ends up to and including that time."""
        while True:
            end_s = self._ends[0][0] if self._ends else until_s + 1
            at_s = min(end_s, self._next.submit_s)
            if at_s > until_s:
                return
            if end_s <= self._next.submit_s:
                self._release(heappop(self._ends)[1])
            else:
                self._take(self._next)
                self._next = next(self._arrivals)
            self._start_waiting(at_s)

    def _release(self, job_id: int) -> None:
        job = self.jobs[job_id]
        if job.partition != "shared":
            self._free.update(job.hosts)

    def _take(self, job: Job) -> None:
        """Queue it; a job of the story has its hosts already, which the windows keep free for it."""
        self.jobs[job.id] = job
        if job.start_s is None:
            self._queue.append(job.id)

    def _start_waiting(self, at_s: int) -> None:
        waiting: list[int] = []
        blocked = False
        for job_id in self._queue:
            job = self.jobs[job_id]
            hosts = () if blocked and job.nodes > 2 else self._choose(job, at_s)
            if not hosts:
                waiting.append(job_id)
                # One that has waited for long holds back the larger ones behind it, or it would never start.
                blocked = blocked or (at_s - job.submit_s > 1800 and job.nodes <= 64)
                continue
            self.jobs[job_id] = replace(job, start_s=at_s + 1, hosts=hosts, reason="None")
            if job.partition != "shared":
                self._free.difference_update(hosts)
            heappush(self._ends, (at_s + 1 + job.run_s, job_id))
        self._queue = waiting

    def _choose(self, job: Job, at_s: int) -> tuple[int, ...]:
        """Hosts of the leaf that they fill best, else of the emptiest leaves; () when there are not enough."""
        if job.partition == "shared":
            return (SHARED_HOSTS[job.id % len(SHARED_HOSTS)],)
        by_leaf: dict[int, list[int]] = {}
        for host in sorted(self._free):
            if not any(w.from_s < at_s + 1 + job.run_s and at_s + 1 < w.to_s for w in self._windows.get(host, ())):
                by_leaf.setdefault(leaf_of(host), []).append(host)
        if sum(map(len, by_leaf.values())) < job.nodes:
            return ()
        enough = [leaf for leaf in by_leaf if len(by_leaf[leaf]) >= job.nodes]
        if enough:
            return tuple(by_leaf[min(enough, key=lambda leaf: (len(by_leaf[leaf]), leaf))][: job.nodes])
        chosen: list[int] = []
        for leaf in sorted(by_leaf, key=lambda leaf: (-len(by_leaf[leaf]), leaf)):
            chosen += by_leaf[leaf][: job.nodes - len(chosen)]
        return tuple(sorted(chosen))

    def _requests(self) -> Iterator[Job]:
        """Every job in the order of submission, with its id; job 4711 gets its number."""
        early: list[Job] = []
        stream = self._merged()
        for job in stream:
            early.append(job)
            if job.name == "hurricane":
                break
        first_id = LOPSIDED_JOB - len(early) + 1
        array_base: dict[tuple[str, int], int] = {}

        def numbered(job: Job, job_id: int) -> Job:
            if job.array is None:
                return replace(job, id=job_id)
            base = array_base.setdefault((job.name, job.submit_s), job_id)
            return replace(job, id=job_id, array=(base, job.array[1]))

        for position, job in enumerate(early):
            yield numbered(job, first_id + position)
        for position, job in enumerate(stream, LOPSIDED_JOB + 1):
            yield numbered(job, position)

    def _merged(self) -> Iterator[Job]:
        """The random stream with the jobs of the story between."""
        special = sorted((*self._pinned, self._never_fits()), key=lambda job: job.submit_s)
        for batch in self._random_stream():
            while special and special[0].submit_s <= batch[0].submit_s:
                yield special.pop(0)
            yield from batch

    def _never_fits(self) -> Job:
        """A job of nearly all hosts that waits all the time."""
        submit_s = self._story.built_s - 2 * HOUR
        job = by_hand("fullscale", "heidi", submit_s, HOUR, (), "COMPLETED", "0:0")
        return replace(job, nodes=320, cpus=320 * CORES, start_s=None, reason="Resources")

    def _random_stream(self) -> Iterator[list[Job]]:
        rng = self._rng
        at_s = self._story.begin_s - WARM_UP_S
        while True:
            at_s += 1 + int(rng.expovariate(1 / MEAN_GAP_S))
            kind = rng.choices(KINDS, [k.weight for k in KINDS])[0]
            user, _, account = rng.choice(USERS)
            name = f"{rng.choice(kind.names)}-{rng.randrange(100):02d}"
            nodes = rng.choice(kind.sizes)
            tasks = rng.choice(ARRAY_SIZES) if kind.partition == "short" and rng.random() < ARRAY_SHARE else 0
            count, hosts = (tasks, 1) if tasks else (1, nodes)
            yield [
                self._request(kind, name, user, account, at_s, hosts, task if tasks else 0)
                for task in range(1, count + 1)
            ]

    def _request(self, kind: Kind, name: str, user: str, account: str, at_s: int, nodes: int, task: int) -> Job:
        """A job as it is submitted; task 0: it is no part of an array."""
        rng = self._rng
        run_s, limit_min, state, exit_ = self._ending(kind)
        return Job(
            id=0,
            name=name,
            user=user,
            account=account,
            partition=kind.partition,
            submit_s=at_s,
            nodes=nodes,
            cpus=nodes * (4 if kind.partition == "shared" else CORES),
            run_s=run_s,
            limit_min=limit_min,
            state=state,
            exit=exit_,
            mb_per_s=round(rng.uniform(*kind.mb_per_s), 1),
            period_s=rng.choice((60, 120, 300, 600)),
            array=(0, task) if task else None,
            reason="Resources",
        )

    def _ending(self, kind: Kind) -> tuple[int, int, str, str]:
        """Run time in s, limit in minutes, final state and exit code."""
        rng = self._rng
        low, high = kind.minutes
        run_s = int(60 * low * (high / low) ** rng.random())
        state, exit_, _ = rng.choices(ENDINGS, [weight for *_, weight in ENDINGS])[0]
        limit_min = max(5, -(-run_s // 600) * 10 + rng.choice((10, 30, 60)))
        if state == "TIMEOUT":
            return limit_min * 60 + rng.randrange(30), limit_min, state, exit_
        if state in ("FAILED", "CANCELLED"):
            run_s = max(4, int(run_s * rng.random()))
        return run_s, limit_min, state, exit_

"""The demo's metrics as functions of time: what every port has counted and every host measured at any moment.

Nothing is remembered between two moments: a counter at t is worked out from the jobs that ran until t, so a file
written whole, a point added later and a sweep's text always agree. Counters are whole numbers computed exactly (every
rate is a whole number of words a second, every progress a multiple of 1/4 s, sums stay below 2^51).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from weft.demo.jobs import Job
from weft.demo.site import (
    BAD_PORT,
    CLUSTER,
    DOWN,
    GOOD_PORT,
    HOSTS,
    LEAVES,
    LOST_HOST,
    SWITCH_GUIDS,
    Port,
    Story,
    hca_guid,
    host_name,
    host_port,
    leaf_guid,
    leaf_of,
    uplink,
)

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

COUNTERS = ("PortXmitData", "PortRcvData", "PortXmitPkts", "PortRcvPkts", "PortXmitWait")
HOST_METRICS = ("cpu.user", "cpu.system", "load.one", "memory.used")
ALL = slice(None)
CORES, MEMORY_BYTES = 32, 256 * 2**30
WORDS_A_PACKET = 480
"""Mean payload of a packet, in words of 4 octets."""
IDLE_WORDS_PER_S = 18
"""What the subnet manager's own packets (72 words each) come to."""
LINE_WORDS_PER_S = 100e9 / 32
"""EDR 4X: 100 Gbit/s of data, in words of 4 octets."""


def noise(row: NDArray[np.int64], column: NDArray[np.int64], seed: int) -> Floats:
    """Numbers in [0, 1) that look random and depend on nothing but the arguments (shapes broadcast)."""
    mixed = row.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed * 2654435761 % 2**63)
    mixed = mixed ^ (column.astype(np.uint64) * np.uint64(0xBF58476D1CE4E5B9))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0x94D049BB133111EB)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0xBF58476D1CE4E5B9)
    drawn: Floats = (mixed >> np.uint64(11)).astype(np.float64)
    return drawn / 2**53


@dataclass(frozen=True, slots=True)
class Growth:
    """An error counter of the bad cable's switch port: events an hour, and where the field's width ends it."""

    per_hour: float
    widest: int

    def at(self, story: Story, port: int, times: Times) -> Floats:
        """What leaf01's port 5 or 17 has counted: 5 until the cable was moved, 17 since."""
        if port == BAD_PORT:
            passed = np.clip(times, story.errors_began_s, story.moved_s) - story.errors_began_s
        else:
            passed = np.maximum(times, story.moved_s) - story.moved_s
        # Errors come in bursts: every seven minutes they come to a stand.
        steady = passed / 3600 * self.per_hour
        wave = self.per_hour * 420 / 3600 / (2 * np.pi) * np.sin(2 * np.pi * passed / 420)
        counted: Floats = np.minimum(np.floor(steady - wave), self.widest)
        return counted


BAD_LINK = {
    "SymbolErrorCounter": Growth(190.0, 65535),
    "LinkErrorRecoveryCounter": Growth(2.0, 255),
    "PortRcvErrors": Growth(31.0, 65535),
}


def all_ports() -> tuple[Port, ...]:
    """Every port that ever had a link, sorted by GUID and number."""
    ports = {Port(leaf_guid(1), GOOD_PORT)}
    for host in HOSTS:
        ports |= {Port(leaf_guid(leaf_of(host)), (host - 1) % DOWN + 1), Port(hca_guid(host), 1)}
    for leaf in range(1, LEAVES + 1):
        for lane in range(DOWN):
            cable = uplink(leaf, lane)
            ports |= {cable.a, cable.b}
    return tuple(sorted(ports))


class Traffic:
    """Counters of all ports at any time, from the jobs.

    Every host of a job sends the same to each other one. Routes are static, as with a subnet manager's forwarding
    tables: the lane up (0..17) is the destination's place on its leaf, so the cables at both ends of a spine follow.
    """

    def __init__(self, story: Story) -> None:
        self.story, self.ports = story, all_ports()
        self._row = {port: row for row, port in enumerate(self.ports)}
        self._jobs: dict[int, Job] = {}
        self._sent, self._received, self._waits = (np.zeros((len(self.ports), 0)) for _ in range(3))
        rows = np.arange(len(self.ports))
        self._boot_words = np.floor(noise(rows, rows, story.seed) * 2**40)[:, None]
        self._first, self._last = self._in_use()

    def _in_use(self) -> tuple[Times, Times]:
        """From when (a link was first there) and until when (it was last there) each port counts."""
        first = np.full(len(self.ports), self.story.begin_s, dtype=np.int64)
        last = np.full(len(self.ports), np.iinfo(np.int64).max, dtype=np.int64)
        first[self._row[Port(leaf_guid(1), GOOD_PORT)]] = self.story.moved_s
        last[self._row[Port(leaf_guid(1), BAD_PORT)]] = self.story.moved_s
        for port in (host_port(self.story, LOST_HOST, self.story.begin_s), Port(hca_guid(LOST_HOST), 1)):
            last[self._row[port]] = self.story.vanished_s
        self._boot_words[self._row[Port(leaf_guid(1), GOOD_PORT)]] = 0
        return first, last

    def take(self, jobs: Iterable[Job]) -> None:
        """Count what these jobs send, too; each job once, when it has started."""
        new = [job for job in jobs if job.start_s is not None and job.id not in self._jobs]
        if not new:
            return
        self._jobs |= {job.id: job for job in new}
        sent, received = (np.array(rates).T for rates in zip(*map(self._rates, new), strict=True))
        # Waiting grows with the square of a lane's load: 0 on an idle one.
        waits = np.rint(sent * (sent / LINE_WORDS_PER_S) / 4)
        self._sent = np.hstack((self._sent, sent))
        self._received = np.hstack((self._received, received))
        self._waits = np.hstack((self._waits, waits))

    def _rates(self, job: Job) -> tuple[Floats, Floats]:
        """Mean words a second that each port sends and receives for one job; whole numbers."""
        sent, received = np.zeros(len(self.ports)), np.zeros(len(self.ports))
        if len(job.hosts) < 2 or job.partition == "shared":
            return sent, received
        pair = float(round(job.mb_per_s * 1e6 / 4 / (len(job.hosts) - 1)))
        start_s = job.start_s or 0
        on_leaf: dict[int, int] = {}
        for host in job.hosts:
            on_leaf[leaf_of(host)] = on_leaf.get(leaf_of(host), 0) + 1
            whole = pair * (len(job.hosts) - 1)
            for port in (self._row[Port(hca_guid(host), 1)], self._row[host_port(self.story, host, start_s)]):
                sent[port] += whole
                received[port] += whole
        for target in job.hosts:
            lane = (target - 1) % DOWN
            down = uplink(leaf_of(target), lane)
            for leaf, count in on_leaf.items():
                if leaf != leaf_of(target):
                    up = uplink(leaf, lane)
                    sent[self._row[up.a]] += pair * count
                    received[self._row[up.b]] += pair * count
                    sent[self._row[down.b]] += pair * count
                    received[self._row[down.a]] += pair * count
        return sent, received

    def progress(self, times: Times) -> Floats:
        """Seconds' worth of its mean rate that each job has sent, shape (jobs, times); it waxes and wanes."""
        jobs = list(self._jobs.values())
        start = np.array([job.start_s or 0 for job in jobs])[:, None]
        run = np.array([job.run_s for job in jobs])[:, None]
        period = np.array([float(job.period_s) for job in jobs])[:, None]
        # A host that vanished sends no more, and its job stalls until Slurm gives it up.
        stop = np.array([self.story.vanished_s if job.state == "NODE_FAIL" else 2**40 for job in jobs])[:, None]
        ran = np.minimum(np.clip(times[None, :] - start, 0, run), np.maximum(stop - start, 0)).astype(np.float64)
        wave = 0.7 * period / (2 * np.pi) * (1 - np.cos(2 * np.pi * ran / period))
        quarters: Floats = np.floor((ran + wave) * 4)
        return quarters / 4

    def at(self, times: Times, rows: slice = ALL, progress: Floats | None = None) -> dict[str, Floats]:
        """Counters of some ports at these times: field name -> shape (ports, times); NaN where no such port was seen.

        Args:
            rows: which of `ports`. progress: `progress(times)`, when it was worked out already.
        """
        done = self.progress(times) if progress is None else progress
        first, last = self._first[rows, None], self._last[rows, None]
        idle = self._boot_words[rows] + IDLE_WORDS_PER_S * (np.clip(times[None, :], first, last) - first)
        xmit = idle + np.floor(self._sent[rows] @ done)
        rcv = idle + np.floor(self._received[rows] @ done)
        told = {
            "PortXmitData": xmit,
            "PortRcvData": rcv,
            "PortXmitPkts": np.floor(xmit / WORDS_A_PACKET),
            "PortRcvPkts": np.floor(rcv / WORDS_A_PACKET),
            "PortXmitWait": np.floor(self._waits[rows] @ done),
        }
        # No tool could read a port before its first link, nor an HCA that is gone.
        hcas = np.array([port.guid < SWITCH_GUIDS for port in self.ports[rows]])[:, None]
        hidden = (times[None, :] < first) & (first > self.story.begin_s) | hcas & (times[None, :] >= last)
        for values in told.values():
            values[hidden] = np.nan
        return told

    def errors(self, times: Times) -> dict[Port, dict[str, Floats]]:
        """Error counters of the two ports that have any: field name -> one value a time.

        NaN before the first error, and when the field is full: a device at its end says nothing more.
        """
        told: dict[Port, dict[str, Floats]] = {}
        for number in (BAD_PORT, GOOD_PORT):
            values = {name: growth.at(self.story, number, times) for name, growth in BAD_LINK.items()}
            told[Port(leaf_guid(1), number)] = {
                name: np.where((v > 0) & (v < BAD_LINK[name].widest), v, np.nan) for name, v in values.items()
            }
        return told

    def readings(self, at_s: int) -> dict[Port, dict[str, int]]:
        """What a tool reads from every port it finds at that time, by field name."""
        told = self.at(np.array([at_s]))
        return {
            port: {name: int(values[row, 0]) for name, values in told.items()}
            for row, port in enumerate(self.ports)
            if not np.isnan(told["PortXmitData"][row, 0])
        }


class Load:
    """What the hosts measure at any time, from the jobs on them."""

    def __init__(self, story: Story) -> None:
        self._story = story

    def at(self, jobs: Mapping[int, Job], times: Times) -> dict[str, Floats]:
        """Every host metric at these times (multiples of 10 s, ascending): name -> shape (hosts, times).

        `cpu.user` and `cpu.system` in percent of all cores, `load.one` in processes, `memory.used` in bytes.
        """
        hosts = np.array(HOSTS)[:, None]
        row = {host: i for i, host in enumerate(HOSTS)}
        busy, memory = np.zeros((len(HOSTS), len(times))), np.zeros((len(HOSTS), len(times)))
        for job in jobs.values():
            if job.start_s is None:
                continue
            a, b = np.searchsorted(times, (job.start_s, job.start_s + job.run_s))
            if a < b:
                on = np.ix_(np.array([row[host] for host in job.hosts]), np.arange(a, b))
                share = job.cpus / job.nodes / CORES
                busy[on] += share * (0.97 if job.mb_per_s > 3 else 0.82)
                memory[on] += share * (0.25 + job.id % 13 / 20)
        jitter = noise(hosts, times[None, :], self._story.seed)
        busy = np.minimum(busy, 1.0)
        told = {
            "cpu.user": np.round(busy * (94 + 4 * jitter) + 0.3 * jitter, 2),
            "cpu.system": np.round(0.4 + busy * 1.2 + 0.8 * jitter, 2),
            "load.one": np.round(busy * CORES + jitter, 2),
            "memory.used": np.floor((0.03 + 0.85 * np.minimum(memory, 1) + 0.01 * jitter) * MEMORY_BYTES),
        }
        gone = (hosts == LOST_HOST) & (times[None, :] >= self._story.vanished_s)
        for values in told.values():
            values[gone] = np.nan
        return told


def counter_name(port: Port, counter: str) -> str:
    """Where a port's counter lies in the tree: `fabric.<guid>.<port>.<counter>`."""
    return f"fabric.{port.guid:016x}.{port.number}.{counter}"


def host_metric_name(host: int, metric: str) -> str:
    """Where a host's metric lies in the tree."""
    return f"{CLUSTER}.{host_name(host)}.{metric}"

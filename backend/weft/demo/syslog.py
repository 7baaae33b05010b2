"""The story as its hosts log it: syslog lines of any span of time, in the form of rsyslog's RSYSLOG_ForwardFormat."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from weft.demo.dumps import hostlist
from weft.demo.jobs import SLURMD_TIMEOUT_S, UIDS, Job
from weft.demo.series import BAD_LINK, noise
from weft.demo.site import (
    BAD_HOST,
    BAD_PORT,
    EXCHANGED_HOSTS,
    GOOD_PORT,
    HOSTS,
    LOST_HOST,
    NARROW_HOST,
    STEP,
    Story,
    hca_guid,
    host_name,
    leaf_guid,
    leaf_of,
    lid,
)

MANAGEMENT = "mgmt01"
CHATTER_SHARE = 0.004
"""Share of the hosts that say something of no weight in 10 seconds."""
CHATTER = (
    ("systemd[1]", "Started Session {n} of user root."),
    ("systemd[1]", "Starting Cleanup of Temporary Directories..."),
    ("chronyd[811]", "Selected source 10.1.0.1"),
    ("sshd[{n}]", "Accepted publickey for root from 10.1.0.2 port {n} ssh2"),
    ("kernel", "perf: interrupt took too long ({n} > 2500), lowering kernel.perf_event_max_sample_rate"),
    ("nrpe[{n}]", "Host 10.1.0.3 is asking for command 'check_load' to be run..."),
)


ERR, WARNING, INFO = 3, 4, 6
"""Severities of RFC 5424, section 6.2.1."""
KERNEL, DAEMON = 0, 3
"""Facilities, likewise."""


class Line(NamedTuple):
    """A log line: epoch seconds and microseconds, host, tag, text, severity."""

    at_s: int
    micro: int
    host: str
    tag: str
    text: str
    severity: int = INFO

    def __str__(self) -> str:
        priority = (KERNEL if self.tag == "kernel" else DAEMON) * 8 + self.severity
        return f"<{priority}>{_stamp(self.at_s)}.{self.micro:06d}+00:00 {self.host} {self.tag}: {self.text}"


def syslog(story: Story, jobs: Iterable[Job], from_s: int, to_s: int) -> str:
    """Every line of `[from_s, to_s)` (multiples of 10 s) in the order of time."""
    lines = [*_chatter(story, from_s, to_s), *_of_the_story(story)]
    for job in jobs:
        if job.start_s is not None and job.start_s < to_s and job.start_s + job.run_s >= from_s:
            lines += _of_job(story, job)
    return "".join(f"{line}\n" for line in sorted(line for line in lines if from_s <= line.at_s < to_s))


def _chatter(story: Story, from_s: int, to_s: int) -> Iterator[Line]:
    slots = np.arange(from_s, to_s, STEP)
    drawn = noise(np.array(HOSTS)[:, None], slots[None, :], story.seed + 1)
    for row, column in np.argwhere(drawn < CHATTER_SHARE):
        at_s, host = int(slots[column]), HOSTS[row]
        if story.present(host, at_s):
            pick = int(drawn[row, column] / CHATTER_SHARE * 1e9)
            tag, text = CHATTER[pick % len(CHATTER)]
            number = 2600 + pick // 7 % 30000
            yield Line(at_s + pick % STEP, pick % 999983, host_name(host), tag.format(n=number), text.format(n=number))


def _of_job(story: Story, job: Job) -> Iterator[Line]:
    start_s = job.start_s or 0
    end_s = start_s + job.run_s
    uid = UIDS[job.user]
    first = host_name(job.hosts[0])
    name = job.label if job.array is None else f"{job.label}({job.id})"
    allocate = f"sched: Allocate JobId={name} NodeList={hostlist(job.hosts)} #CPUs={job.cpus} Partition={job.partition}"
    yield Line(start_s, 120_000, MANAGEMENT, "slurmctld[1032]", allocate)
    yield Line(start_s, 410_000, first, "slurmd[977]", f"Launching batch job {job.id} for UID {uid}")
    text = f"launch task StepId={job.id}.0 request from UID:{uid} GID:{uid} HOST:10.1.1.{job.hosts[0] % 250} PORT:52134"
    for order, host in enumerate(job.hosts):
        yield Line(start_s + 1, 200_000 + order, host_name(host), "slurmd[977]", text)
    tag = f"slurmstepd[{2000 + job.id % 30000}]"
    if job.state == "NODE_FAIL":
        text = f"Killing JobId={job.id} on failed node {host_name(LOST_HOST)}"
        yield Line(end_s, 20_000, MANAGEMENT, "slurmctld[1032]", text, ERR)
        return
    if job.state == "OUT_OF_MEMORY":
        text = f"Out of memory: Killed process {job.id * 7 % 40000 + 1000} ({job.name}) anon-rss:251264876kB, UID:{uid}"
        yield Line(end_s - 1, 300_000, first, "kernel", text)
        text = (
            f"error: Detected 1 oom_kill event in StepId={job.id}.batch. Some of the step tasks have been OOM Killed."
        )
        yield Line(end_s - 1, 900_000, first, tag, text, ERR)
    elif job.state == "FAILED":
        yield Line(end_s - 1, 700_000, first, tag, f"error: StepId={job.id}.0: task 0 exited with exit code 1", ERR)
    elif job.state == "TIMEOUT":
        text = f"error: *** JOB {job.id} ON {first} CANCELLED AT {_stamp(end_s)} DUE TO TIME LIMIT ***"
        yield Line(end_s - 1, 500_000, first, tag, text, ERR)
    status = {"COMPLETED": "WEXITSTATUS 0", "FAILED": "WEXITSTATUS 1"}.get(job.state, "WTERMSIG 15")
    yield Line(end_s, 100_000, first, tag, "done with job")
    yield Line(end_s, 300_000, MANAGEMENT, "slurmctld[1032]", f"_job_complete: JobId={name} {status}")


def _stamp(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%S}"


def _of_the_story(story: Story) -> Iterator[Line]:
    yield from _bad_cable(story)
    for host in EXCHANGED_HOSTS:
        yield from _by_hand(host_name(host), leaf_guid(leaf_of(host)), story.exchanged_s, "cabling")
    narrow = host_name(NARROW_HOST)
    yield Line(story.narrowed_s - 4, 100_000, narrow, "kernel", "mlx5_core 0000:3b:00.0 ib0: Link down", WARNING)
    yield Line(
        story.narrowed_s - 1, 700_000, narrow, "kernel", "IPv6: ADDRCONF(NETDEV_CHANGE): ib0: link becomes ready"
    )
    gone = story.vanished_s
    lost, guid = host_name(LOST_HOST), hca_guid(LOST_HOST)
    number = lid(guid)
    yield Line(gone - 9, 310_000, lost, "kernel", "mce: [Hardware Error]: Machine check events logged", ERR)
    text = "EDAC MC0: 1 UE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0"
    yield Line(gone - 8, 90_000, lost, "kernel", text, ERR)
    yield Line(gone, 400_000, MANAGEMENT, "OpenSM[1201]", _trap(leaf_guid(leaf_of(LOST_HOST))), WARNING)
    text = f"Removed port with GUID:{guid:#018x} LID range [{number}, {number}] of node:{lost} mlx5_0"
    yield Line(gone + 1, 100_000, MANAGEMENT, "OpenSM[1201]", text, WARNING)
    yield Line(gone + 60, 200_000, MANAGEMENT, "slurmctld[1032]", f"error: Nodes {lost} not responding", ERR)
    text = f"error: Nodes {lost} not responding, setting DOWN"
    yield Line(gone + SLURMD_TIMEOUT_S, 10_000, MANAGEMENT, "slurmctld[1032]", text, ERR)


def _trap(switch: int) -> str:
    return f"Received Generic Notice type:1 num:128 (Link state change) Producer:2 (Switch) from LID:{lid(switch)}"


def _bad_cable(story: Story) -> Iterator[Line]:
    """Errors on the port the cable of node005 is in, the trouble on node005, and the hand that moved it."""
    host, switch = host_name(BAD_HOST), leaf_guid(leaf_of(BAD_HOST))
    for at_s in range(story.errors_began_s, story.built_s + 3 * 86400, 1800):
        port = BAD_PORT if at_s < story.moved_s else GOOD_PORT
        symbols = BAD_LINK["SymbolErrorCounter"].at(story, port, np.array([at_s]))[0]
        text = (
            f'perfmgr_log_errors: SymbolErrorCounter : {symbols:.0f} : node "MF0;leaf01:MSB7800/U1" '
            f'(NodeGUID: {switch:#018x}) : port {port} connected to "{host} mlx5_0"'
        )
        if symbols:
            yield Line(at_s + 7, 250_000, MANAGEMENT, "OpenSM[1201]", text, ERR)
            yield Line(at_s + 11, 90_000, host, "kernel", "infiniband mlx5_0: dump_cqe: dump error cqe", WARNING)
    yield from _by_hand(host, switch, story.moved_s, "symbol errors")


def _by_hand(host: str, switch: int, at_s: int, reason: str) -> Iterator[Line]:
    """What is said around a hand at the cable of a drained host, whose link is back at `at_s`."""
    yield Line(at_s - 600, 0, MANAGEMENT, "slurmctld[1032]", f"update_node: node {host} reason set to: {reason}")
    yield Line(at_s - 600, 1, MANAGEMENT, "slurmctld[1032]", f"update_node: node {host} state set to DRAINED")
    yield Line(at_s - 95, 600_000, host, "kernel", "mlx5_core 0000:3b:00.0 ib0: Link down", WARNING)
    yield Line(at_s - 95, 700_000, MANAGEMENT, "OpenSM[1201]", _trap(switch), WARNING)
    yield Line(at_s - 6, 200_000, MANAGEMENT, "OpenSM[1201]", _trap(switch), WARNING)
    yield Line(at_s - 5, 300_000, host, "kernel", "IPv6: ADDRCONF(NETDEV_CHANGE): ib0: link becomes ready")
    yield Line(at_s + 540, 0, MANAGEMENT, "slurmctld[1032]", f"update_node: node {host} state set to IDLE")

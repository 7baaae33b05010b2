"""The demo's fabric and the story of its last 24 hours, as values: no clock, no disk, the same for the same arguments.

A 2-level fat tree: 18 leaf switches with room for 18 hosts each, 9 spines, two cables from every leaf to every spine;
36 ports a switch. Host n hangs on leaf (n-1) div 18 + 1, port (n-1) mod 18 + 1. node017 and node018 were never bought,
so leaf01/17 and leaf01/18 are free.

The story, in seconds before `built_s` (the moment it is told):
- The cable of node005 makes errors at leaf01/5. Six hours ago somebody moved its switch end to leaf01/17, where they go
  on: it is not the switch port. leaf01/17 had no cable and node005 kept its own, so the cable's identity is certain.
- Nine hours ago the link of node044 (leaf03/8) came back at 1X.
- Job 4711 of alice has 15 of the 18 hosts of leaf07 and one on leaf13, while node126 on leaf07 is free all the time.
- An hour ago node200 vanished (leaf12/2) while job `NODE_FAIL` of carol ran on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

LEAVES, SPINES, DOWN, CABLES, RADIX = 18, 9, 18, 2, 36
"""`DOWN`: host ports of a leaf; `CABLES`: parallel cables between a leaf and a spine."""
SWITCH_GUIDS, HCA_GUIDS = 0x7CFE900300A00000, 0x506B4B0300B00000
NEVER_BOUGHT = (17, 18)
HOSTS = tuple(n for n in range(1, LEAVES * DOWN + 1) if n not in NEVER_BOUGHT)

CLUSTER, FABRIC, ZONE = "demo", "ib", "UTC"

HOUR, DAY, STEP = 3600, 86400, 10
ERRORS_BEGAN, MOVED, NARROWED, VANISHED = 20 * HOUR, 6 * HOUR, 9 * HOUR, 62 * 60
"""Seconds before the story is told."""
BAD_HOST, BAD_PORT, GOOD_PORT = 5, 5, 17
"""node005 hung on leaf01/5, and hangs on leaf01/17 since its cable was moved."""
NARROW_HOST, LOST_HOST = 44, 200


class Port(NamedTuple):
    """A port by GUID (as a number) and port number."""

    guid: int
    number: int


@dataclass(frozen=True, slots=True)
class Cable:
    """Two ports with a link; `a` is the lower or the host's end's switch, `b` the spine or the HCA."""

    a: Port
    b: Port
    width: str = "4x"


@dataclass(frozen=True, slots=True)
class Story:
    """Which story, told when: `built_s` is epoch seconds and a multiple of 10."""

    seed: int
    built_s: int

    @classmethod
    def told(cls, seed: int, now_s: float) -> "Story":
        """The story told now."""
        return cls(seed, int(now_s) // STEP * STEP)

    @property
    def begin_s(self) -> int:
        """The day before the story is told."""
        return self.built_s - DAY

    @property
    def errors_began_s(self) -> int:
        """When the cable of node005 went bad."""
        return self.built_s - ERRORS_BEGAN

    @property
    def moved_s(self) -> int:
        """When the switch end of that cable was moved."""
        return self.built_s - MOVED

    @property
    def narrowed_s(self) -> int:
        """When the link of node044 came back at 1X."""
        return self.built_s - NARROWED

    @property
    def vanished_s(self) -> int:
        """When node200 vanished."""
        return self.built_s - VANISHED

    def present(self, host: int, at_s: int) -> bool:
        """False for node200 once it has vanished."""
        return host != LOST_HOST or at_s < self.vanished_s

    def sweep_times(self) -> tuple[int, ...]:
        """When the day's sweeps ran: every two hours, close around the move, and often since the host vanished."""
        regular = range(self.begin_s + 60, self.vanished_s - HOUR, 2 * HOUR)
        near = (self.moved_s - 10 * 60, self.moved_s + 5 * 60, self.vanished_s - 10 * 60)
        since = range(self.vanished_s + 5 * 60, self.built_s, 15 * 60)
        return tuple(sorted({*regular, *near, *since, self.built_s}))


def leaf_of(host: int) -> int:
    """Number of the leaf (1..18) a host hangs on."""
    return (host - 1) // DOWN + 1


def host_port(story: Story, host: int, at_s: int) -> Port:
    """The leaf port a host hangs on; the cable of node005 was moved."""
    if host == BAD_HOST and at_s >= story.moved_s:
        return Port(leaf_guid(1), GOOD_PORT)
    return Port(leaf_guid(leaf_of(host)), (host - 1) % DOWN + 1)


def leaf_guid(leaf: int) -> int:
    """GUID of leaf 1..18."""
    return SWITCH_GUIDS + 0x40 * (leaf - 1)


def spine_guid(spine: int) -> int:
    """GUID of spine 1..9."""
    return SWITCH_GUIDS + 0x40 * (LEAVES + spine - 1)


def hca_guid(host: int) -> int:
    """GUID of the only HCA of a host."""
    return HCA_GUIDS + 0x10 * (host - 1)


def uplink(leaf: int, lane: int) -> Cable:
    """Cable `lane` (0..17) of a leaf: two neighbours lead to one spine."""
    spine, parallel = lane // CABLES + 1, lane % CABLES
    return Cable(Port(leaf_guid(leaf), DOWN + 1 + lane), Port(spine_guid(spine), 1 + (leaf - 1) * CABLES + parallel))


def cables_at(story: Story, at_s: int) -> Iterator[Cable]:
    """Every link that a sweep at that time finds."""
    for host in HOSTS:
        if story.present(host, at_s):
            narrow = host == NARROW_HOST and at_s >= story.narrowed_s
            yield Cable(host_port(story, host, at_s), Port(hca_guid(host), 1), "1x" if narrow else "4x")
    for leaf in range(1, LEAVES + 1):
        for lane in range(SPINES * CABLES):
            yield uplink(leaf, lane)


def host_name(host: int) -> str:
    """`node005`."""
    return f"node{host:03d}"


def description(guid: int) -> str:
    """What a node calls itself: `MF0;leaf01:MSB7800/U1`, `node005 mlx5_0`."""
    if guid < SWITCH_GUIDS:
        return f"{host_name((guid - HCA_GUIDS) // 0x10 + 1)} mlx5_0"
    number = (guid - SWITCH_GUIDS) // 0x40
    name = f"leaf{number + 1:02d}" if number < LEAVES else f"spine{number - LEAVES + 1:02d}"
    return f"MF0;{name}:MSB7800/U1"


def lid(guid: int) -> int:
    """The LID the subnet manager gave: hosts by number, switches above them."""
    if guid < SWITCH_GUIDS:
        return (guid - HCA_GUIDS) // 0x10 + 1
    return 401 + (guid - SWITCH_GUIDS) // 0x40

"""The demo's fabric and the story of its last 24 hours, as values: no clock, no disk, the same for the same arguments.

A 2-level fat tree: 18 leaf switches with room for 18 hosts each, 9 spines, two cables from every leaf to every spine;
36 ports a switch. Host n hangs on leaf (n-1) div 18 + 1, port (n-1) mod 18 + 1. node017 and node018 were never bought,
so leaf01/17 and leaf01/18 are free.

The story, in seconds before `built_s` (the moment it is told):
- The cable of node005 makes errors at leaf01/5. Six hours ago somebody moved its switch end to leaf01/17, where they go
  on: it is not the switch port. leaf01/17 had no cable and node005 kept its own, so the cable's identity is certain.
- Twelve hours ago the cables of node100 and node101 (leaf06/10 and leaf06/11) changed ends. Which ends cannot be told
  from sweeps: were they exchanged at the switch or at the hosts?
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
ERRORS_BEGAN, EXCHANGED, NARROWED, MOVED, VANISHED = 20 * HOUR, 12 * HOUR, 9 * HOUR, 6 * HOUR, 62 * 60
"""Seconds before the story is told."""
BAD_HOST, BAD_PORT, GOOD_PORT = 5, 5, 17
"""node005 hung on leaf01/5, and hangs on leaf01/17 since its cable was moved."""
NARROW_HOST, LOST_HOST = 44, 200
EXCHANGED_HOSTS = (100, 101)


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
    def exchanged_s(self) -> int:
        """When the cables of node100 and node101 changed ends."""
        return self.built_s - EXCHANGED

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
        """When the day's sweeps ran: every two hours, close around what changed, and often since the host vanished."""
        regular = range(self.begin_s + 60, self.vanished_s - HOUR, 2 * HOUR)
        hands = (self.exchanged_s, self.moved_s)
        near = (*(at_s - 10 * 60 for at_s in (*hands, self.vanished_s)), *(at_s + 5 * 60 for at_s in hands))
        since = range(self.vanished_s + 5 * 60, self.built_s, 15 * 60)
        return tuple(sorted({*regular, *near, *since, self.built_s}))

    def table_times(self) -> tuple[int, ...]:
        """When forwarding tables were read: once in the beginning, and after each change that made routes others."""
        return self.begin_s + 60, self.exchanged_s + 5 * 60, self.moved_s + 5 * 60, self.vanished_s + 5 * 60


def leaf_of(host: int) -> int:
    """Number of the leaf (1..18) a host hangs on."""
    return (host - 1) // DOWN + 1


def host_port(story: Story, host: int, at_s: int) -> Port:
    """The leaf port a host hangs on: the cable of node005 was moved, those of node100 and node101 were exchanged."""
    if host == BAD_HOST and at_s >= story.moved_s:
        return Port(leaf_guid(1), GOOD_PORT)
    if host in EXCHANGED_HOSTS and at_s >= story.exchanged_s:
        host = sum(EXCHANGED_HOSTS) - host
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


def route_out(story: Story, switch: int, goal: int, at_s: int) -> int | None:
    """The port by which a switch sends what is for a node, 0 for itself; None: the node is not there.

    The lane up is a host's place on its leaf, or a leaf's number: so a subnet manager spreads goals over lanes.
    """
    if switch == goal:
        return 0
    if goal < SWITCH_GUIDS:
        host = (goal - HCA_GUIDS) // 0x10 + 1
        if not story.present(host, at_s):
            return None
        leaf, lane, last = leaf_of(host), (host - 1) % DOWN, host_port(story, host, at_s).number
    else:
        place = _place(goal)
        # A spine hangs on every leaf; what another spine has for it goes by the first one.
        leaf, lane = (place, place - 1) if place <= LEAVES else (1, (place - LEAVES - 1) * CABLES)
        last = DOWN + 1 + lane
    own = _place(switch)
    if own == leaf:
        return last
    return DOWN + 1 + lane if own <= LEAVES else uplink(leaf, (own - LEAVES - 1) * CABLES + lane % CABLES).b.number


def _place(switch: int) -> int:
    """1..18 for leaves, from 19 on for spines."""
    return (switch - SWITCH_GUIDS) // 0x40 + 1


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

"""Networks and routes over time, as values: what answers about routes are made of and keep."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from weft.base.intervals import Interval
from weft.fabric.model import PortKey
from weft.fabric.network import Network
from weft.scheduler.model import Run

Basis = Literal["host_link", "static", "possible"]
"""How sure it is that packets crossed a port: everything of a host crosses its own link; routes by forwarding tables
that hold; any port on a shortest path, where no tables are known to hold."""

BASES: tuple[Basis, ...] = ("host_link", "static", "possible")
RANK = {basis: rank for rank, basis in enumerate(BASES)}
NOT_CROSSED = len(BASES)
"""Stands for a rank where packets do not leave by a port."""


class Held(NamedTuple):
    """A network and when the newest of its tables was read first; None: no table is known."""

    network: Network
    tables_ms: int | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span in which the network did not change, as far as was seen.

    `doubt`: why its forwarding tables may not hold; "": they do.
    """

    fabric: str
    span: Interval
    network: Network
    doubt: str

    @property
    def static(self) -> bool:
        """True when routes are those of the tables."""
        return not self.doubt


@dataclass(frozen=True, slots=True)
class Used:
    """A switch port on routes of a run: packets leave the switch (`out`) or enter it (`in`) there.

    `routes`: how many routes between two ports of its hosts; None: not counted.
    """

    port: PortKey
    direction: Literal["in", "out"]
    peer: PortKey
    basis: Basis
    routes: int | None


@dataclass(frozen=True, slots=True)
class RunPart:
    """The ports on a run's routes in one fabric, for a part of its time in which they did not change."""

    fabric: str
    span: Interval
    used: tuple[Used, ...]


@dataclass(frozen=True, slots=True)
class RunRoutes:
    """The ports on a run's routes, oldest part first, and what the reader must know; no network, for these are big."""

    parts: tuple[RunPart, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """Ports of a fabric by which packets of another run may have left switches while those of a run did, or may have.

    `codes` (n,): the ports in their order, as `Directory.port_of` reads them; `ranks` (n,): RANK of the less sure run.
    """

    run: Run
    fabric: str
    codes: NDArray[np.int64]
    ranks: NDArray[np.uint8]
    time: Interval


@dataclass(frozen=True, slots=True)
class SharedPart:
    """How many other runs may have crossed a port, either way, in a part of a run's time; a port with none is left out.

    `counts` None: too many runs to tell.
    """

    fabric: str
    span: Interval
    counts: Mapping[PortKey, int] | None


@dataclass(frozen=True, slots=True)
class RunShares:
    """Who shared a run's routes: one of `shared` for each other run, fabric and part of the time."""

    shared: tuple[Shared, ...]
    parts: tuple[SharedPart, ...]
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sharer:
    """A run that shared routes: its surest basis, how many ports, some of the surest by name, when, oldest first."""

    run: Run
    basis: Basis
    ports: int
    some: tuple[str, ...]
    times: tuple[Interval, ...]

    @property
    def span(self) -> Interval:
        """From the first to the last time."""
        return Interval(self.times[0].from_ms, max(time.to_ms for time in self.times))

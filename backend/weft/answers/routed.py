"""Networks and routes over time, as values: what answers about routes are made of and keep."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from weft.base.intervals import Interval
from weft.fabric.model import PortKey
from weft.fabric.network import Network

Basis = Literal["host_link", "static", "possible"]
"""How sure it is that packets crossed a port: everything of a host crosses its own link; routes by forwarding tables
that hold; any port on a shortest path, where no tables are known to hold."""

RANK = {"host_link": 0, "static": 1, "possible": 2}


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

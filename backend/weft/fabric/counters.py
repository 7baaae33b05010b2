"""The counters of an InfiniBand port: what they count, how far, whom they accuse; and what of a sweep is worth keeping.

Source: InfiniBand Architecture Specification volume 1, section 16.1.3.5 (PortCounters) and 16.1.4.11
(PortCountersExtended); names as infiniband-diags prints them (libibmad, fields.c).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from weft.fabric.model import CounterSweep, PortCounters, PortKey
from weft.fabric.places import PortRef

Unit = Literal["words", "packets", "errors", "events", "ticks"]
"""words: 4 octets (PortXmitData x 4 is bytes). ticks: the device's own clock, never seconds."""

Suspect = Literal["cable", "far_transmitter", "own_receiver"]


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter of a port.

    Args:
        bits: width in PortCounters, where it stays at all ones when full; None: PortCountersExtended alone has it (64).
        accuses: where a rise points, likeliest first; empty: at nothing on this link (congestion, routing, policy).
    """

    name: str
    bits: int | None
    unit: Unit
    accuses: tuple[Suspect, ...] = ()
    meaning: str = ""


_LINK: tuple[Suspect, ...] = ("cable", "far_transmitter", "own_receiver")

COUNTERS: Mapping[str, Counter] = {
    counter.name: counter
    for counter in (
        Counter("PortXmitData", 32, "words", (), "data sent, without link packets"),
        Counter("PortRcvData", 32, "words", (), "data received, without link packets"),
        Counter("PortXmitPkts", 32, "packets", (), "packets sent"),
        Counter("PortRcvPkts", 32, "packets", (), "packets received"),
        Counter("PortXmitWait", 32, "ticks", (), "time with data to send and no credit: congestion ahead"),
        Counter("PortUnicastXmitPkts", None, "packets", (), "unicast packets sent"),
        Counter("PortUnicastRcvPkts", None, "packets", (), "unicast packets received"),
        Counter("PortMulticastXmitPkts", None, "packets", (), "multicast packets sent"),
        Counter("PortMulticastRcvPkts", None, "packets", (), "multicast packets received"),
        Counter("SymbolErrorCounter", 16, "errors", _LINK, "bad symbols received; says little on HDR and newer"),
        Counter("LinkErrorRecoveryCounter", 8, "events", _LINK, "link retrained without going down"),
        Counter("LinkDownedCounter", 8, "events", _LINK, "link went down; a restart of either end counts too"),
        Counter("PortRcvErrors", 16, "errors", _LINK, "packets received damaged"),
        Counter("PortRcvRemotePhysicalErrors", 16, "errors", (), "packets damaged on an earlier link and marked there"),
        Counter("PortRcvSwitchRelayErrors", 16, "errors", (), "packets the switch could not route on"),
        Counter("PortXmitDiscards", 16, "errors", (), "packets dropped: port down, or stuck too long in congestion"),
        Counter("PortXmitConstraintErrors", 8, "errors", (), "packets kept back by partition or raw filter"),
        Counter("PortRcvConstraintErrors", 8, "errors", (), "packets refused by partition or raw filter"),
        Counter("LocalLinkIntegrityErrors", 4, "events", _LINK, "too many damaged packets in a row"),
        Counter("ExcessiveBufferOverrunErrors", 4, "events", ("own_receiver", "far_transmitter"), "credits not kept"),
        Counter("QP1Dropped", 16, "errors", (), "management datagrams dropped"),
        Counter("VL15Dropped", 16, "errors", (), "subnet management packets dropped for lack of buffers"),
    )
}
"""Every counter that Weft can explain, by name; one that is missing here is kept all the same, as 64 bits wide."""

ALWAYS = frozenset({"PortXmitData", "PortRcvData", "PortXmitPkts", "PortRcvPkts", "PortXmitWait"})
"""Stored from the first sweep on, zero or not; every other from its first value over zero."""

LONG = 2**64 - 1

_OLDER = {
    "SymbolErrors": "SymbolErrorCounter",
    "LinkRecovers": "LinkErrorRecoveryCounter",
    "LinkDowned": "LinkDownedCounter",
    "RcvErrors": "PortRcvErrors",
    "RcvRemotePhysErrors": "PortRcvRemotePhysicalErrors",
    "RcvSwRelayErrors": "PortRcvSwitchRelayErrors",
    "XmtDiscards": "PortXmitDiscards",
    "XmtConstraintErrors": "PortXmitConstraintErrors",
    "RcvConstraintErrors": "PortRcvConstraintErrors",
    "LinkIntegrityErrors": "LocalLinkIntegrityErrors",
    "ExcBufOverrunErrors": "ExcessiveBufferOverrunErrors",
    "XmtData": "PortXmitData",
    "RcvData": "PortRcvData",
    "XmtPkts": "PortXmitPkts",
    "RcvPkts": "PortRcvPkts",
    "XmtWait": "PortXmitWait",
}
"""What older infiniband-diags called them."""


def field_name(printed: str) -> str:
    """A counter's name whatever the version of the tool that printed it."""
    return _OLDER.get(printed, printed)


PERFMGR = "_perfmgr"
"""Ends the names of what OpenSM's PerfMgr sums up: the device is cleared under its sums, so the two are not one series.
The sums have 64 bits, and rates made from them go on where the device's counter begins again."""


@dataclass(frozen=True, slots=True)
class UnplacedCounters:
    """A counter sweep whose ports are named by what the tool knows of them: a port GUID, a LID."""

    fabric: str
    seen_at_ms: int
    source: str
    ports: tuple[tuple[PortRef, Mapping[str, int]], ...]
    complete: bool

    def placed(self, place: Callable[[PortRef], PortKey | None]) -> tuple[CounterSweep, tuple[PortRef, ...]]:
        """The sweep with every port that is known, and those that are not (or are one that was named already)."""
        found: dict[PortKey, Mapping[str, int]] = {}
        lost: list[PortRef] = []
        for ref, values in self.ports:
            port = place(ref)
            if port is None or port in found:
                lost.append(ref)
            else:
                found[port] = values
        ports = tuple(PortCounters(port, dict(values)) for port, values in sorted(found.items()))
        return CounterSweep(self.fabric, self.seen_at_ms, self.source, ports, self.complete), tuple(lost)


@dataclass(frozen=True, slots=True)
class CounterEvent:
    """A counter that was full (its value is unknown since), or that fell from `before` to `value`."""

    kind: Literal["saturated", "reset"]
    port: PortKey
    counter: str
    value: int
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a sweep is written: (series name, value), sorted; and what the site should know."""

    points: tuple[tuple[str, float], ...]
    events: tuple[CounterEvent, ...]


def series_name(port: PortKey, counter: str) -> str:
    """Where a counter lies in the whisper tree."""
    return f"fabric.{port.guid}.{port.number}.{counter}"


def full(counter: str, value: int, before: float | None) -> bool:
    """True when a counter stands at its end, so that it may have gone on without being counted.

    A device with 64-bit counters prints them under the same names: a value once seen over the short width shows one.
    """
    known = COUNTERS.get(counter)
    if value >= LONG:
        return True
    if known is None or known.bits is None:
        return False
    limit: int = 2**known.bits - 1
    return value == limit and (before is None or before <= limit)


def keep(sweep: CounterSweep, before: Mapping[str, float]) -> Kept:
    """Choose what to write of a sweep.

    Args:
        before: the last value of every series that had one before this sweep, by name, as float64 stores it.
    Returns:
        A point for each counter that is always kept, was stored before, or is not zero. None for a full one: a gap.
    """
    points: list[tuple[str, float]] = []
    events: list[CounterEvent] = []
    for told in sweep.ports:
        for counter, value in told.values.items():
            name = series_name(told.port, counter)
            last = before.get(name)
            if full(counter, value, last):
                events.append(CounterEvent("saturated", told.port, counter, value))
                continue
            if last is not None and float(value) < last:
                events.append(CounterEvent("reset", told.port, counter, value, int(last)))
            if value or counter.removesuffix(PERFMGR) in ALWAYS or last is not None:
                points.append((name, float(value)))
    return Kept(tuple(sorted(points)), tuple(sorted(events, key=lambda event: (event.port, event.counter))))

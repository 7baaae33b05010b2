"""Counters into the whisper tree, and what happened to them into the ledger."""

import asyncio
import hashlib
import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from weft.base.errors import BadInput
from weft.base.formats import SHOWN, counted
from weft.fabric.counters import CounterEvent, UnplacedCounters, keep, series_name
from weft.fabric.model import CounterSweep
from weft.ingest.places import FIRST, Places
from weft.inventory.store import FabricHistory, Ledger, Note


class CounterWriter(Protocol):
    """Where points go; both methods work on the disk and are called in a thread."""

    def write(self, at_s: int, points: Iterable[tuple[str, float]]) -> int:
        """Store one value a series, all of one time (epoch s); returns how many were stored."""

    def latest(self, names: Sequence[str], *, before_s: int | None = None) -> NDArray[np.float64]:
        """The newest value of each series in slots before the one of a time (epoch s), NaN where there is none."""


class Written(NamedTuple):
    """Points that were worth keeping, how many of them the tree took, and notes about counters that were new."""

    points: int
    stored: int
    notes: int


async def place_counters(told: UnplacedCounters, fabrics: FabricHistory) -> tuple[CounterSweep, list[str]]:
    """The sweep with every port that the inventory knows, and a notice about the others.

    Raises:
        BadInput: it knows none of them.
    """
    guids = [ref.port_guid for ref, _ in told.ports if ref.port_guid]
    places = await Places.of(fabrics, told.fabric, told.seen_at_ms, port_guids=guids)
    sweep, lost = told.placed(places.place)
    if not lost:
        return sweep, []
    shown = ", ".join(map(str, lost[:SHOWN])) + (", ..." if lost[SHOWN:] else "")
    if not sweep.ports:
        raise BadInput(
            f"it names {counted(len(lost), 'port')} by GUID or LID only, and Weft knows none of them in fabric "
            f"'{told.fabric}': {shown}.",
            fix=FIRST,
        )
    unknown = "which they are is not known" if len(lost) > 1 else "which one it is is not known"
    return sweep, [f"Counters of {counted(len(lost), 'port')} not stored, {unknown}: {shown}. {FIRST}"]


async def write_counters(sweep: CounterSweep, writer: CounterWriter, ledger: Ledger) -> Written:
    """Keep a sweep's counters; the same one again, or a late one, changes nothing that is true.

    Notes come first: whoever is stopped in between and does it again finds the same values before the sweep, and so
    the same notes.
    """
    at_s = sweep.seen_at_ms // 1000
    names = [series_name(told.port, counter) for told in sweep.ports for counter in told.values]
    last = await asyncio.to_thread(writer.latest, names, before_s=at_s)
    before = {name: value for name, value in zip(names, last.tolist(), strict=True) if not math.isnan(value)}
    kept = keep(sweep, before)
    notes = await ledger.add_notes(_notes(sweep, kept.events)) if kept.events else 0
    return Written(len(kept.points), await asyncio.to_thread(writer.write, at_s, kept.points), notes)


def _notes(sweep: CounterSweep, events: Sequence[CounterEvent]) -> list[Note]:
    """One note a port and kind of event, however many counters it was."""
    texts: dict[str, tuple[Literal["info", "warning"], str]] = {
        "saturated": ("warning", "at the end of their range, unknown until they are cleared"),
        "reset": ("info", "reset"),
    }
    notes = []
    for (port, kind), group in groupby(sorted(events, key=lambda e: (e.port, e.kind)), key=lambda e: (e.port, e.kind)):
        told = list(group)
        severity, what = texts[kind]
        counters = ", ".join(
            f"{e.counter} {e.value:,}" if e.before is None else f"{e.counter} {e.before:,} to {e.value:,}" for e in told
        )
        about = (sweep.fabric, str(port), *(event.counter for event in told))
        notes.append(
            Note(sweep.seen_at_ms, f"counter_{kind}", severity, f"Counters of {port} {what}: {counters}.", about)
        )
    return notes


def receipt(sweep: CounterSweep) -> Note:
    """A note that this very sweep was read, by which an import knows it again."""
    content = repr([(port.port, sorted(port.values.items())) for port in sweep.ports])
    digest = hashlib.sha256(f"{sweep.source}\n{sweep.complete}\n{content}".encode()).hexdigest()
    return Note(
        sweep.seen_at_ms,
        "counters_read",
        "info",
        f"Counters of {len(sweep.ports):,} ports read.",
        (sweep.fabric, digest),
    )

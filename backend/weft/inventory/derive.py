"""Deriving a fabric's history inside one write: stepping on, going back and stepping again; the same on every engine.

A sweep that comes in order is one step from the state kept with the fabric. A late one takes the fabric back to the
last anchor before it (a state kept every few steps) and derives what follows again. `made_ms` and `closed_ms` say which
item decided a row's beginning and end, so that going back is exact. An engine brings a `Book`: the rows themselves.
"""

import zlib
from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple, Protocol, get_args

import orjson

from weft.base.errors import UnknownName
from weft.fabric.model import PortKey, Sweep
from weft.inventory.changes import Fold
from weft.inventory.state import FabricState, Step, unconfirmed
from weft.inventory.store import Change, Correction, CorrectionKind, SweepResult

ANCHOR_EVERY = 50
"""Steps from one kept state to the next: what a late sweep costs at the most, against 1 MB of disk at 12,000 hosts."""


class Item(NamedTuple):
    """A place on the time line of a fabric: accepted sweeps are named before, other corrections after the sweep."""

    at_ms: int
    rank: int
    tag: str


class Head(NamedTuple):
    """Where a fabric's history ends, and the state it ends in.

    `seen_ms`: the last sweep that the state rests on; `settled`: the same sweep once more would only confirm it;
    `since_anchor`: steps since a state was last kept; `state`: packed, of `seen_ms` or of an equal sweep before.
    """

    last_ms: int
    last_rank: int
    last_tag: str
    seen_ms: int
    settled: bool
    since_anchor: int
    state: bytes

    @property
    def item(self) -> Item:
        """The last item of the time line."""
        return Item(self.last_ms, self.last_rank, self.last_tag)


class SweepEntry(NamedTuple):
    """A kept sweep on the time line; `absent_after` 0: a part of a picture."""

    seen_at_ms: int
    sha256: str
    absent_after: int


class CorrectionEntry(NamedTuple):
    """A kept correction; `guid` "" and `number` -1 where it has none."""

    at_ms: int
    kind: str
    guid: str
    number: int
    who: str

    @property
    def item(self) -> Item:
        """Its place on the time line."""
        return Item(self.at_ms, 0 if self.kind == "accepted" else 2, f"{self.kind} {self.guid} {self.number}")


class Book(Protocol):
    """The rows of one fabric inside one write of an engine, as deriving reads and changes them.

    An engine that keeps rows until `finish` before it writes them answers for those it was told meanwhile too.
    """

    async def known(self, seen_at_ms: int, digest: str) -> tuple[str | None] | None:
        """Why this very sweep was set aside (None: it was not), in a tuple; None: it is not kept."""

    async def keep_sweep(self, sweep: SweepEntry, source: str, blob: bytes) -> None:
        """Keep a sweep that is not known, and its content."""

    async def keep_correction(self, correction: CorrectionEntry) -> bool:
        """Keep a correction; False: it was kept before."""

    async def has_node(self, guid: str) -> bool:
        """Whether the fabric ever had this node."""

    async def was_set_aside(self, seen_at_ms: int) -> bool:
        """Whether a sweep of that time is set aside."""

    async def head(self) -> Head | None:
        """Where history ends; None: nothing is derived yet."""

    async def renew(self, at_ms: int) -> None:
        """The head's picture was seen once more: its `last_ms` and `seen_ms` are this. Readers see that as a change."""

    async def forget_anchors(self, from_ms: int) -> None:
        """Drop the states kept from a time on."""

    async def anchor(self) -> tuple[int, bytes] | None:
        """The last state kept, and its time."""

    async def keep_anchor(self, at_ms: int, state: bytes) -> None:
        """Keep a state."""

    async def cut_back(self, at_ms: int) -> int:
        """Undo what items after a time decided; returns how many changes were among it. No sweep of then is set aside.

        What is derived again, node for node, keeps what others have added to it.
        """

    async def sweeps(self, from_ms: int) -> Sequence[SweepEntry]:
        """Sweeps from a time on, in any order."""

    async def corrections(self, from_ms: int) -> Sequence[CorrectionEntry]:
        """Corrections from a time on, in any order."""

    async def content(self, digest: str) -> bytes:
        """The content of a kept sweep."""

    async def set_aside(self, sweep: SweepEntry, why: str) -> None:
        """Say why a sweep is not believed."""

    async def next_number(self, made_ms: int) -> int:
        """One more than the highest number among the changes that items of a time told; 0: they told none."""

    async def write(self, step: Step, number: int) -> None:
        """Change the rows as the step says; its changes count on from `number`."""

    async def finish(self, head: Head, waiting: Sequence[tuple[str, str, int]]) -> None:
        """Keep where history ends now. Readers see the change.

        Args:
            waiting: (table, id, last seen) of all that lasts but that the last sweep did not show.
        """


class Deriver:
    """One write to one fabric."""

    def __init__(self, book: Book, fabric: str, share: float) -> None:
        self._book, self._fabric, self._share = book, fabric, share
        self._changes = 0
        self._numbers: tuple[int, int] = (-1, 0)

    async def add(self, sweep: Sweep, digest: str, blob: bytes, absent_after: int) -> SweepResult:
        """Keep the sweep and derive what it changes."""
        if known := await self._book.known(sweep.seen_at_ms, digest):
            return SweepResult(True, 0, known[0])
        await self._book.keep_sweep(SweepEntry(sweep.seen_at_ms, digest, absent_after), sweep.source, blob)
        await self._derive(Item(sweep.seen_at_ms, 1, digest))
        quarantined = await self._book.known(sweep.seen_at_ms, digest)
        return SweepResult(False, self._changes, quarantined[0] if quarantined else None)

    async def correct(self, correction: Correction) -> None:
        """Keep the correction and derive what follows from it. Raises UnknownName."""
        guid = correction.port.guid if correction.port else correction.guid or ""
        number = correction.port.number if correction.port else -1
        await self._know(correction, guid)
        entry = CorrectionEntry(correction.at_ms, correction.kind, guid, number, correction.who)
        if await self._book.keep_correction(entry):
            await self._derive(entry.item)

    async def _know(self, correction: Correction, guid: str) -> None:
        if correction.kind == "accepted":
            if not await self._book.was_set_aside(correction.at_ms):
                raise UnknownName("No sweep of that time was set aside.", fix="`weft changes` lists those that were.")
        elif not await self._book.has_node(guid):
            raise UnknownName(
                f"Fabric '{self._fabric}' never had a node {guid}.", fix="Give the GUID as `weft topology` shows it."
            )

    async def _derive(self, item: Item) -> None:
        """Take the item in at its place on the time line."""
        head = await self._book.head()
        if head is None:
            await self._replay(FabricState(self._fabric), 0, Item(-1, 0, ""))
        elif item <= head.item:
            await self._go_back(item)
        elif item.tag == head.last_tag and head.settled:
            # The same picture once more: everything is confirmed as of now, nothing else is touched.
            await self._book.renew(item.at_ms)
        else:
            await self._book.forget_anchors(item.at_ms)
            await self._replay(_load(head.state, head.seen_ms), head.since_anchor, head.item)

    async def _go_back(self, item: Item) -> None:
        """Undo everything after the last anchor before the item, and derive it again."""
        await self._book.forget_anchors(item.at_ms)
        anchor = await self._book.anchor()
        at_ms, state = (anchor[0], _load(anchor[1], None)) if anchor else (-1, FabricState(self._fabric))
        self._changes -= await self._book.cut_back(at_ms)
        await self._replay(state, 0, Item(at_ms, 3, ""))

    async def _replay(self, state: FabricState, since_anchor: int, after: Item) -> None:
        """Step through the time line from `after` on, and keep the state it ends in."""
        fold = Fold(state, quarantine_share=self._share)
        last, renewable = after, False
        line = await self._timeline(after)
        for (item, entry), following in zip_longest(line, line[1:]):
            if renewable and last.tag == item.tag:
                state.last_ms, last = item.at_ms, item
                continue
            await self._write(await self._step(fold, entry))
            last, since_anchor = item, since_anchor + 1
            renewable = state.last_ms == item.at_ms and item.rank == 1 and state.settled
            # Going back leaves whole milliseconds, so an anchor holds all items of its own.
            if since_anchor >= ANCHOR_EVERY and (following is None or following[0].at_ms > item.at_ms):
                since_anchor = 0
                await self._book.keep_anchor(item.at_ms, pack_state(state))
        head = Head(*last, state.last_ms or 0, renewable, since_anchor, pack_state(state))
        await self._book.finish(head, [(table, key[0], seen_ms) for table, key, seen_ms in unconfirmed(state)])

    async def _timeline(self, after: Item) -> list[tuple[Item, SweepEntry | CorrectionEntry]]:
        line: list[tuple[Item, SweepEntry | CorrectionEntry]] = [
            (Item(sweep.seen_at_ms, 1, sweep.sha256), sweep) for sweep in await self._book.sweeps(after.at_ms)
        ]
        line += [(correction.item, correction) for correction in await self._book.corrections(after.at_ms)]
        return sorted(x for x in line if x[0] > after)

    async def _step(self, fold: Fold, entry: SweepEntry | CorrectionEntry) -> Step:
        if isinstance(entry, CorrectionEntry):
            return fold.correct(self._correction(entry))
        blob = await self._book.content(entry.sha256)
        step = fold.sweep(Sweep.unpacked(self._fabric, entry.seen_at_ms, blob), absent_after=entry.absent_after)
        if step.quarantined is not None:
            await self._book.set_aside(entry, step.quarantined)
        return step

    def _correction(self, told: CorrectionEntry) -> Correction:
        kind = next(kind for kind in get_args(CorrectionKind) if kind == told.kind)
        port = PortKey(told.guid, told.number) if kind == "cable_replaced" else None
        return Correction(self._fabric, told.at_ms, kind, told.who, port, told.guid or None)

    async def _write(self, step: Step) -> None:
        """Two items of one millisecond (a sweep and a correction) number their changes one after the other."""
        if step.changes and self._numbers[0] != step.decided_ms:
            self._numbers = step.decided_ms, await self._book.next_number(step.decided_ms)
        await self._book.write(step, self._numbers[1])
        self._numbers = self._numbers[0], self._numbers[1] + len(step.changes)
        self._changes += len(step.changes)


def change_row(change: Change, made_ms: int, number: int) -> tuple[int, int, int, int | None, str, str, str, str]:
    """A change as engines keep it, without its fabric: at, made, number, since, kind, severity, text, about (JSON)."""
    about = {
        "guids": change.guids,
        "ports": [[*port] for port in change.ports],
        "cables": change.cables,
        "detail": change.detail,
    }
    told = change.kind, change.severity, change.text, orjson.dumps(about).decode()
    return (change.at_ms, made_ms, number, change.since_ms, *told)


def pack_state(state: FabricState) -> bytes:
    """The state as engines keep it."""
    return zlib.compress(orjson.dumps(state.dump()), 1)


def _load(blob: bytes, seen_ms: int | None) -> FabricState:
    """The state of a blob; `seen_ms`: its last sweep, where equal sweeps have come since the blob was written."""
    state = FabricState.load(orjson.loads(zlib.decompress(blob)))
    if seen_ms is not None and state.last_ms is not None:
        state.last_ms = seen_ms
    return state

"""A fabric's network at a time, and whether its forwarding tables are known to hold for a span of time.

Tables are read now and then, and the subnet manager sets new ones whenever the fabric changes. They hold for a span
when all of them were read in one go before it, and nothing can have changed from then to its end; or when something
did, but the next reading of all tables after that gave the same ones.
"""

from collections.abc import Iterable, Sequence

from weft.answers.answers import Answers
from weft.answers.narrow import Narrowed, log_notes, narrowed
from weft.answers.routed import Held, Stretch
from weft.base.formats import counted
from weft.base.intervals import Interval
from weft.fabric.model import NodeKind
from weft.fabric.network import Network
from weft.inventory.store import Change, FabricSpan

TABLES_READ = "tables_read"
"""Kind of the note that forwarding tables were read; it is about the fabric and the number of tables."""
REROUTES = (
    "node_appeared", "node_gone", "hca_replaced", "link_down", "link_up", "cable_new", "cable_moved", "ends_exchanged",
)  # fmt: skip
"""Changes after which the subnet manager works out routes anew."""
NEAR_MS = 30 * 86_400_000
"""Readings of tables farther than this from the span asked for say nothing about it."""
LONGEST_MS = 86_400_000
"""A change that was seen this long after it can have happened is not looked for."""
MOST_READS = 10_000
MOST_SPANS = 12
"""Pictures of the fabric that one answer about a span of time is worked out on."""


async def network_at(answers: Answers, fabric: str, at_ms: int) -> Held:
    """The network at a time. Raises UnknownName: no such fabric, or nothing was seen of it by then."""
    scene = await answers.scene(fabric, at_ms)
    key = (fabric, await answers.site.fabrics.version(), scene.view.at_ms, at_ms)
    held = answers.networks.get(key)
    if held is not None:
        return held
    tables = await answers.site.fabrics.lft(fabric, at_ms)
    lids = await answers.site.fabrics.lids(fabric, at_ms)
    network = Network.of(scene.topology, scene.view, tables, lids)
    return answers.networks.put(key, Held(network, None if tables is None else tables.seen_ms))


async def stretch(answers: Answers, fabric: str, span: Interval) -> Stretch:
    """The network at the beginning of a span, with the doubt about its tables over the whole of it."""
    held = await network_at(answers, fabric, span.from_ms)
    return Stretch(fabric, span, held.network, await _doubt(answers, fabric, held, span))


async def _doubt(answers: Answers, fabric: str, held: Held, span: Interval) -> str:
    network, tables_ms = held
    if tables_ms is None:
        return "no forwarding tables were read by then"
    unknown = int((~network.known).sum())
    if unknown or not len(network.known):
        return f"the tables of {unknown} of {counted(len(network.known), 'switch', 'switches')} are not known"
    reads = await _whole_reads(answers, fabric, span, len(network.known))
    read_ms = max((at for at in reads if at <= span.from_ms), default=None)
    if read_ms is None:
        return "the forwarding tables were not read in one go by then"
    if tables_ms > read_ms:
        return f"some tables were read again at {answers.when(tables_ms)} and had changed, the others were not"
    newest = await _reroute(answers, fabric, Interval(read_ms, max(span.to_ms, span.from_ms + 1)))
    if newest is None:
        return ""
    again_ms = min((at for at in reads if at >= newest.at_ms), default=None)
    if again_ms is not None:
        again = await answers.site.fabrics.lft(fabric, again_ms)
        if again is not None and again.seen_ms == tables_ms:
            return ""
    return f"the fabric changed by {answers.when(newest.at_ms)}, after its tables were read at {answers.when(read_ms)}"


async def _whole_reads(answers: Answers, fabric: str, span: Interval, switches: int) -> list[int]:
    """When the tables of this many switches were read at one time (in one file or several), near the span."""
    around = Interval(span.from_ms - NEAR_MS, min(span.to_ms, span.from_ms + NEAR_MS) + NEAR_MS)
    tables: dict[int, int] = {}
    for note in await answers.site.ledger.notes(around, kinds=(TABLES_READ,), limit=MOST_READS):
        if len(note.about) > 1 and note.about[0] == fabric:
            tables[note.at_ms] = tables.get(note.at_ms, 0) + int(note.about[1])
    return [at for at, count in tables.items() if count >= switches]


async def _reroute(answers: Answers, fabric: str, span: Interval) -> Narrowed | None:
    """The newest change that makes routes others and can have happened after the span's beginning and by its end."""
    seen = Interval(span.from_ms + 1, span.to_ms + LONGEST_MS)
    cursor = None
    while True:
        page = await answers.site.fabrics.changes(fabric, seen, kinds=REROUTES, cursor=cursor)
        for when in await _when(answers, fabric, page.items):
            began = when.at_ms - 1 if when.since_ms is None else when.since_ms
            if began < span.to_ms and when.at_ms > span.from_ms:
                return when
        if page.cursor is None:
            return None
        cursor = page.cursor


async def _when(answers: Answers, fabric: str, changes: Sequence[Change]) -> list[Narrowed]:
    """The brackets of changes, as narrow as the subnet manager's log makes them."""
    notes = await log_notes(answers, fabric, changes)
    return [narrowed(change, notes) for change in changes]


async def quiet_spans(
    answers: Answers, fabric: FabricSpan, span: Interval, hcas: Iterable[str] = ()
) -> tuple[list[Interval], list[str]]:
    """A span cut into those in which the network did not change, oldest first, and notices; none: nothing was seen yet.

    One begins where a link between switches or to one of these HCAs may have changed, where it was seen to have, and
    where other tables were read.

    Args:
        hcas: GUIDs of HCAs whose links matter.
    """
    if span.to_ms <= fabric.first_ms:
        return [], [f"Fabric {fabric.name} was first seen at {answers.when(fabric.first_ms)}, when this was over."]
    notices = []
    if span.from_ms < fabric.first_ms:
        notices.append(f"Fabric {fabric.name} was first seen at {answers.when(fabric.first_ms)}: unknown before.")
        span = Interval(fabric.first_ms, span.to_ms)
    cuts = sorted({span.from_ms, *await _changed(answers, fabric.name, span, set(hcas))})
    if len(cuts) > MOST_SPANS:
        notices.append(
            f"The fabric changed {len(cuts) - 1} times in that time: routes are worked out at {MOST_SPANS} of them."
        )
        cuts = [cuts[i * len(cuts) // MOST_SPANS] for i in range(MOST_SPANS)]
    return [Interval(begin, end) for begin, end in zip(cuts, [*cuts[1:], span.to_ms], strict=True)], notices


async def _changed(answers: Answers, fabric: str, span: Interval, hcas: set[str]) -> list[int]:
    """When in a span the network changed: links by the sweeps, tables by their readings (the newest of these).

    Tables that were read last before a change hold until it began, wherever in the fabric it was.
    """
    directory = await answers.directory(fabric)
    inside = Interval(span.from_ms + 1, span.to_ms + LONGEST_MS)
    page = await answers.site.fabrics.changes(fabric, inside, kinds=REROUTES)

    def matters(guids: Sequence[str]) -> bool:
        return all(guid in hcas or directory.kind(guid) is not NodeKind.CA for guid in guids)

    own = [c for c in page.items if matters([*c.guids, *(port.guid for port in c.ports)])]
    brackets = await _when(answers, fabric, own)
    found = [at for w in brackets for at in (w.since_ms, w.at_ms) if at is not None and span.from_ms < at < span.to_ms]
    reads = await _whole_reads(answers, fabric, span, 1)
    at_ms = span.to_ms - 1
    for _ in range(MOST_SPANS):
        tables = await answers.site.fabrics.lft(fabric, at_ms)
        if tables is None or tables.seen_ms <= span.from_ms:
            break
        read_ms = max((at for at in reads if at < tables.seen_ms), default=tables.seen_ms)
        led = [change for change in page.items if read_ms < change.at_ms <= tables.seen_ms]
        began = [w.since_ms for w in await _when(answers, fabric, led) if w.since_ms is not None]
        found += [tables.seen_ms, *(at for at in began if at > span.from_ms)]
        at_ms = tables.seen_ms - 1
    return found

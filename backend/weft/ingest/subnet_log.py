"""OpenSM's log: every record into the log store, and what it tells of ports into the ledger."""

import hashlib
from collections import Counter
from collections.abc import Iterator

from weft.fabric.formats.opensm_log import SmEvent, SmLog
from weft.fabric.places import PortRef
from weft.inventory.store import Ledger, Note
from weft.logs.store import LogLine, LogStore

SOURCE = "opensm.log"


async def keep_log(log: SmLog, logs: LogStore, ledger: Ledger) -> bool:
    """Keep a log; whether anything was new. The same one again changes nothing.

    Notes are made of the log alone, whatever the inventory knows by then, so that they are the same ones each time.
    """
    new = await logs.append(list(_lines(log)))
    return bool(await ledger.add_notes([_note(log.fabric, event) for event in log.events]) or new)


def _lines(log: SmLog) -> Iterator[LogLine]:
    """The log does not name its machine: its lines have no host."""
    before: Counter[int] = Counter()
    for record in log.records:
        identity = f"{record.at_ms}\n{record.text}\n{record.number}".encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(identity).hexdigest()[:32]
        seq = before[record.at_ms]
        before[record.at_ms] += 1
        yield LogLine(digest, record.at_ms, "", record.program, record.severity, record.text, SOURCE, seq)


def _note(fabric: str, event: SmEvent) -> Note:
    """About the fabric, then every port as `<GUID of its node>/<number>`, a switch or port by GUID, or a LID."""
    about = (fabric, *(_named(ref) for ref in event.ports), *filter(None, [event.counter]))
    return Note(event.at_ms, event.kind, event.severity, event.text, about)


def _named(ref: PortRef) -> str:
    guid = ref.node_guid or ref.port_guid
    if guid is None:
        return f"LID {ref.lid}"
    return f"{guid}/{ref.number}" if ref.number else guid

"""Forwarding tables and LIDs into the fabric's history."""

import hashlib
from collections.abc import Mapping

from weft.answers.networks import TABLES_READ
from weft.base.errors import BadInput
from weft.base.formats import counted
from weft.fabric.forwarding import NO_PORT, ForwardingDump
from weft.fabric.model import Lid, Sweep
from weft.fabric.places import PortRef
from weft.ingest.places import FIRST, Places
from weft.inventory.store import FabricHistory, ForwardingTables, Ledger, Note


async def keep_tables(dump: ForwardingDump, fabrics: FabricHistory, ledger: Ledger) -> tuple[bool, list[str]]:
    """Keep a dump; whether anything was new, and notices. The same one again changes nothing.

    Raises:
        BadInput: LIDs alone, of ports that nobody knows.
    """
    sweep, notices = await _lids(dump, fabrics)
    new = False
    if dump.tables:
        tables, told = await _uncontradicted(dump, fabrics)
        notices += told
        new = bool(await fabrics.put_lfts(dump.fabric, dump.seen_at_ms, tables))
        new |= bool(await ledger.add_notes([_receipt(dump)]))
    if sweep is not None:
        new |= not (await fabrics.apply_sweep(sweep)).known_already
    return new, notices


async def _uncontradicted(dump: ForwardingDump, fabrics: FabricHistory) -> tuple[Mapping[str, bytes], list[str]]:
    """The tables to keep, and a notice where others were read for this very time: one of the times is wrong.

    Which one cannot be told; the greater of both is taken, so that the order of files makes no difference.
    """
    now = await fabrics.lft(dump.fabric, dump.seen_at_ms)
    if now is None or now.seen_ms != dump.seen_at_ms:
        return dump.tables, []
    held = _by_switch(now)
    differ = {switch for switch, table in dump.tables.items() if held.get(switch, table) != table}
    before = await fabrics.lft(dump.fabric, dump.seen_at_ms - 1) if differ else None
    older = {} if before is None else _by_switch(before)
    twice = {switch for switch in differ if older.get(switch) != held[switch]}
    if not twice:
        return dump.tables, []
    kept = {s: table for s, table in dump.tables.items() if s not in twice or table > held[s]}
    which = counted(len(twice), "switch", "switches")
    return kept, [f"Other tables of {which} were read for this very time: which are right cannot be told."]


def _by_switch(tables: ForwardingTables) -> dict[str, bytes]:
    """Tables as a dump has them: without what follows the last route."""
    none = bytes([NO_PORT])
    rows = zip(tables.switches, tables.ports, strict=True)
    return {switch: row.tobytes().rstrip(none) or none for switch, row in rows}


def _receipt(dump: ForwardingDump) -> Note:
    digest = hashlib.sha256()
    for switch, table in sorted(dump.tables.items()):
        digest.update(switch.encode() + table)
    text = f"{counted(len(dump.tables), 'forwarding table')} read."
    about = (dump.fabric, str(len(dump.tables)), digest.hexdigest())
    return Note(dump.seen_at_ms, TABLES_READ, "info", text, about)


async def _lids(dump: ForwardingDump, fabrics: FabricHistory) -> tuple[Sweep | None, list[str]]:
    """What the dump tells of LIDs that is not known yet, as a part of a picture; and who could not be found."""
    if not dump.lids:
        return None, []
    guids = [told.port_guid for told in dump.lids]
    places = await Places.of(fabrics, dump.fabric, dump.seen_at_ms, port_guids=guids)
    new: list[Lid] = []
    unknown = 0
    for told in dump.lids:
        port = places.place(PortRef(port_guid=told.port_guid))
        if port is None or places.kind(port.guid) is None:
            unknown += 1
            continue
        known = places.lid(port)
        own = None if port.number == 0 else told.port_guid
        if known is None or (known.lid, known.lmc, known.guid or own) != (told.lid, told.lmc, known.guid):
            new.append(Lid(port, told.lid, told.lmc, own))
    if unknown == len(dump.lids) and not dump.tables:
        raise BadInput(
            f"it names {counted(unknown, 'port')} by GUID only, and Weft knows none of them in fabric '{dump.fabric}'.",
            fix=FIRST,
        )
    notices = [f"LIDs of {counted(unknown, 'port')} that Weft has not met then left out."] if unknown else []
    if not new:
        return None, notices
    sweep = Sweep.of(dump.fabric, dump.seen_at_ms, dump.source, (), (), new, complete=False)
    return sweep, notices

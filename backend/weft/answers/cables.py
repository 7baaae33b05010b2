"""Cables: where they are, and each one's way through the fabric in both readings."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from weft.answers.answers import Answers, did_you_mean
from weft.answers.directory import Directory
from weft.answers.fabric import at_of
from weft.answers.tables import Ask, TableData
from weft.base.errors import UnknownName
from weft.base.intervals import Interval, wire_ms
from weft.fabric.model import NodeKind, PortKey
from weft.inventory.store import Connection


class Ends(NamedTuple):
    """A connection with the ends of its cable told apart. `sure`: False when nothing tells which end is which."""

    connection: Connection
    a: PortKey
    b: PortKey
    sure: bool


def ends_of(connections: Sequence[Connection], kinds: Mapping[str, NodeKind | None]) -> list[Ends]:
    """Tell the ends of one cable apart through its moves, oldest connection first.

    `b` is the end in an HCA. Between two switches `a` starts as the lower port; from move to move the end that stayed
    in its port keeps its name. When neither stayed (or both did, crossed), the lower port is `a` again, unsure.

    Args:
        connections: one cable's connections in one reading.
        kinds: kind of each GUID.
    """
    found: list[Ends] = []
    for connection in sorted(connections, key=lambda c: c.span):
        low, high = connection.a, connection.b
        last = found[-1] if found else None
        sure = True
        if (kinds.get(low.guid) is NodeKind.CA) != (kinds.get(high.guid) is NodeKind.CA):
            turn = kinds.get(low.guid) is NodeKind.CA
        elif last is None:
            turn = False
        else:
            turn = low == last.b or high == last.a
            sure = turn != (low == last.a or high == last.b)
            turn = turn and sure
        found.append(Ends(connection, *((high, low) if turn else (low, high)), sure))
    return found


def doubt_of(answers: Answers, cable: str, ends: Ends) -> str | None:
    """What is not sure about a cable in one of its connections."""
    connection = ends.connection
    if connection.cable_alt is not None:
        when = answers.when(connection.span.from_ms)
        return (
            f"Cable {cable} and {connection.cable_alt} changed ends by {when}; shown is one reading, "
            f"`cable_history cable={cable}` has both."
        )
    return None if ends.sure else f"Cable {cable}: nothing tells which end is which after it was moved."


def kinds_of(directory: Directory, connections: Sequence[Connection]) -> dict[str, NodeKind | None]:
    """Kind of every node at an end of these connections."""
    return {port.guid: directory.kind(port.guid) for c in connections for port in (c.a, c.b)}


async def cables(
    answers: Answers,
    ask: Ask,
    switch: str | None = None,
    host: str | None = None,
    identity: str | None = None,
    fabric: str | None = None,
) -> TableData:
    """Cables that were plugged in the window, at their last place in it."""
    span = await answers.fabric(fabric)
    directory = await answers.directory(span.name)
    ports: list[PortKey] | None = None
    if switch is not None:
        held = directory.switches.get(switch)
        if held is None:
            raise UnknownName(f"There is no switch '{switch}'.", fix=did_you_mean(switch, list(directory.switches)))
        ports = [PortKey(named.guid, n) for named in held for n in range(1, named.ports + 1)]
    if host is not None:
        ports = _ports_of_host(directory, host)
    book: dict[str, list[Connection]] = {}
    for connection in await answers.site.fabrics.connections(span.name, ask.window, ports):
        book.setdefault(connection.cable, []).append(connection)
    rows = []
    for cable, own in sorted(book.items()):
        last = max(own, key=lambda c: c.span)
        if identity not in (None, last.identity):
            continue
        ends = ends_of([last], kinds_of(directory, [last]))[0]
        rows.append(
            [
                cable,
                last.identity,
                directory.port(ends.a, last.last_seen_ms),
                directory.port(ends.b, last.last_seen_ms),
                last.medium,
                last.span.from_ms,
                wire_ms(last.span.to_ms),
                last.last_seen_ms,
                last.cable_alt,
                len(own),
                span.name,
            ]
        )
    return TableData(rows)


def _ports_of_host(directory: Directory, host: str) -> list[PortKey]:
    name = directory.find_host(host)
    if name is None:
        raise UnknownName(f"There is no host '{host}' in the fabric.", fix=did_you_mean(host, list(directory.hosts)))
    return [PortKey(named.guid, n) for named in directory.hosts[name] for n in range(1, named.ports + 1)]


async def find_cable(answers: Answers, fabric: str, text: str, at_ms: int) -> str:
    """The cable that a person means: by id, or by a port (`leaf01/5`, `node005`) it was in at a time or before.

    Raises:
        UnknownName: no such cable and no such port.
    """
    if await answers.site.fabrics.cable(fabric, text):
        return text
    directory = await answers.directory(fabric)
    ports = directory.find_ports(text)
    found = await answers.site.fabrics.connections(fabric, Interval(0, at_ms + 1), ports) if ports else ()
    if found:
        return max(found, key=lambda c: c.span).cable
    if ports:
        raise UnknownName(f"No cable was ever seen at {text}.", fix="`ports` lists what is cabled.")
    raise UnknownName(
        f"There is no cable and no port '{text}'.",
        fix="Give a cable's id, or a port such as leaf01/5 or node005.",
    )


async def cable_history(
    answers: Answers, ask: Ask, cable: str, fabric: str | None = None, at: int | None = None
) -> TableData:
    """Every place a cable was in, oldest first, in both readings where ends were exchanged."""
    span = await answers.fabric(fabric)
    directory = await answers.directory(span.name)
    name = await find_cable(answers, span.name, cable, at_of(ask, at))
    connections = await answers.site.fabrics.cable(span.name, name)
    taken = [c for c in connections if c.cable == name]
    other = [c for c in connections if name == c.cable_alt or (c.cable == name and c.cable_alt is None)]
    kinds = kinds_of(directory, connections)
    rows = []
    for reading, own in (("taken", ends_of(taken, kinds)), ("other", ends_of(other, kinds))):
        for k, ends in enumerate(own):
            if reading == "other" and ends.connection in taken:
                continue  # before the ends were exchanged both readings are one
            before = own[k - 1] if k else None
            rows.append(_history_row(answers, directory, name, reading, before, ends, span.name))
    rows.sort(key=lambda row: (int(str(row[4])), row[1] != "taken"))
    notices = [] if name == cable else [f"{cable} is cable {name}."]
    unsure = sorted({x for c in connections if c.cable_alt is not None for x in (c.cable, c.cable_alt)} - {name})
    if unsure:
        notices.append(
            f"Cable {name} and {' and '.join(unsure)} changed ends. Rows marked `other` are the reading in which the "
            "ends that `taken` moves stayed plugged, and the others were moved."
        )
    return TableData(rows, tuple(notices))


def _history_row(
    answers: Answers, directory: Directory, cable: str, reading: str, before: Ends | None, ends: Ends, fabric: str
) -> list[object]:
    connection = ends.connection
    begin, last = connection.span.from_ms, connection.last_seen_ms
    a, b = directory.port(ends.a, begin), directory.port(ends.b, begin)
    return [
        cable,
        reading,
        a,
        b,
        begin,
        wire_ms(connection.span.to_ms),
        connection.absent_ms,
        last,
        connection.identity,
        connection.cable_alt if connection.cable == cable else connection.cable if connection.cable_alt else None,
        _story(answers, directory, before, ends, a, b),
        connection.id,
        fabric,
    ]


def _story(answers: Answers, directory: Directory, before: Ends | None, ends: Ends, a: str, b: str) -> str:
    """What happened, for somebody who has been awake for long."""
    connection = ends.connection
    since = connection.absent_ms
    when = f"by {answers.when(connection.span.from_ms)}"
    when += f" (after {answers.when(since)})" if since is not None else " (nothing was seen before)"
    if before is None:
        text = f"First seen between {a} and {b} {when}."
    else:
        moves = [
            f"the end in {old_name} was moved to {new_name}"
            if old_name != new_name
            else f"{old_name} is another one now ({new.guid} in place of {old.guid})"
            for old, new, new_name in ((before.a, ends.a, a), (before.b, ends.b, b))
            if old != new
            for old_name in [directory.port(old, before.connection.last_seen_ms)]
        ]
        moved = " and ".join(moves) if moves else f"plugged again between {a} and {b}"
        text = f"{moved[0].upper()}{moved[1:]} {when}."
    if not ends.sure:
        text += " Nothing tells which end is which."
    if connection.cable_alt is not None:
        text += f" Not certain: cables {connection.cable} and {connection.cable_alt} changed ends then."
    if not connection.span.open:
        text += f" Until {answers.when(connection.span.to_ms)} (last seen {answers.when(connection.last_seen_ms)})."
    return text

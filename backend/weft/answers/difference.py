"""What two times of a fabric differ in: nodes, links and cables."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from weft.answers.answers import Answers
from weft.answers.directory import Directory
from weft.answers.fabric import Row, cabled
from weft.answers.tables import Ask, TableData
from weft.base.intervals import Interval

Ends = tuple[str, int, str, int]
"""Two ports, GUID and number of each, whichever way they are seen."""


class Moved(NamedTuple):
    """A cable in another place, or a place with another cable.

    `other`: where the cable that is there by the other reading came from, "" when it is certain.
    """

    cable: str
    before: Row
    after: Row
    other: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What a fabric had at `to_ms` and not at `from_ms`, and the other way round, each sorted by name.

    Nodes by GUID. A link is the same while its two ports are cabled to each other; to a node that is gone it is down.
    """

    fabric: str
    from_ms: int
    to_ms: int
    nodes_gone: tuple[str, ...]
    nodes_new: tuple[str, ...]
    nodes_renamed: tuple[str, ...]
    links_gone: tuple[Row, ...]
    links_new: tuple[Row, ...]
    links_changed: tuple[tuple[Row, Row], ...]
    cables_moved: tuple[Moved, ...]


def ends_of(row: Row) -> Ends:
    """A link whichever way it is seen."""
    a, b = sorted((row.a, row.b))
    return (*a, *b)


async def difference(answers: Answers, fabric: str, from_ms: int, to_ms: int) -> Difference:
    """Compare two times of a fabric. Raises UnknownName: nothing was seen of it by one of them."""
    before, after = await answers.scene(fabric, from_ms), await answers.scene(fabric, to_ms)
    directory = await answers.directory(fabric)
    was = dict(zip(before.view.guids, before.view.descriptions, strict=True))
    now = dict(zip(after.view.guids, after.view.descriptions, strict=True))
    old = {ends_of(row): row for row in await cabled(answers, before, directory)}
    new = {ends_of(row): row for row in await cabled(answers, after, directory)}

    def named(guids: Iterable[str], at_ms: int) -> tuple[str, ...]:
        return tuple(sorted(guids, key=lambda guid: directory.node(guid, at_ms)))

    return Difference(
        fabric,
        from_ms,
        to_ms,
        named(was.keys() - now.keys(), from_ms),
        named(now.keys() - was.keys(), to_ms),
        named((guid for guid in was.keys() & now.keys() if was[guid] != now[guid]), to_ms),
        tuple(row for ends, row in old.items() if ends not in new),
        tuple(row for ends, row in new.items() if ends not in old),
        tuple((old[ends], row) for ends, row in new.items() if ends in old and _runs(old[ends]) != _runs(row)),
        tuple(await _moved(answers, fabric, directory, old, new)),
    )


def _runs(row: Row) -> tuple[bool, str | None, str | None]:
    return row.up, row.width, row.speed


async def _moved(
    answers: Answers, fabric: str, directory: Directory, old: dict[Ends, Row], new: dict[Ends, Row]
) -> list[Moved]:
    """Cables that were in other ports before, and ports that had another cable."""
    at = {row.cable: row for row in old.values()}
    found = []
    for ends, row in new.items():
        before = old[ends] if ends in old and old[ends].cable != row.cable else at.get(row.cable, row)
        if ends_of(before) == ends and before.cable == row.cable:
            continue
        other = ""
        for connection in await answers.site.fabrics.cable(fabric, row.cable):
            if connection.id == row.connection and connection.cable_alt is not None:
                came = at.get(connection.cable_alt)
                other = f"{connection.cable_alt}, from {place(came) if came else 'elsewhere'}"
        found.append(Moved(row.cable, before, row, other))
    return found


def place(row: Row) -> str:
    """`leaf01/5 - node005 mlx5_0/1`"""
    return f"{row.a_name} - {row.b_name}"


def _state(row: Row) -> str:
    """`4X EDR`, or that it is down."""
    return " ".join(x for x in (row.width, row.speed) if x) or "up" if row.up else "down"


async def fabric_diff(answers: Answers, ask: Ask, fabric: str | None = None) -> TableData:
    """What the ends of the window differ in."""
    span = await answers.fabric(fabric)
    from_ms, to_ms = ask.window.from_ms, min(ask.window.to_ms - 1, ask.now_ms)
    notices = []
    if from_ms < span.first_ms <= to_ms:
        from_ms = span.first_ms
        notices.append(f"Fabric {span.name} was first seen at {answers.when(from_ms)}: compared from then on.")
    if to_ms > span.last_ms:
        notices.append(f"The last sweep was at {answers.when(span.last_ms)}: what happened since is not known.")
    told = await difference(answers, span.name, from_ms, to_ms)
    rows = _rows(told, await answers.directory(span.name))
    if not rows:
        notices.append(f"No difference between {answers.when(from_ms)} and {answers.when(to_ms)}.")
    if rows and await _quarantined(answers, span.name, Interval(from_ms + 1, to_ms + 1)):
        notices.append("A sweep in between was set aside: `fabric_changes kind=sweep_quarantined` says why.")
    return TableData(rows, tuple(notices))


async def _quarantined(answers: Answers, fabric: str, window: Interval) -> bool:
    page = await answers.site.fabrics.changes(fabric, window, kinds=("sweep_quarantined",), limit=1)
    return bool(page.items)


def _rows(told: Difference, directory: Directory) -> list[list[object]]:
    def name(guid: str, at_ms: int) -> str:
        return directory.node(guid, at_ms)

    rows: list[list[object]] = []
    rows += [["node", "removed", name(x, told.from_ms), x, None, None] for x in told.nodes_gone]
    rows += [["node", "added", name(x, told.to_ms), None, x, None] for x in told.nodes_new]
    rows += [
        ["node", "changed", name(x, told.to_ms), name(x, told.from_ms), name(x, told.to_ms), None]
        for x in told.nodes_renamed
    ]
    came, went = {ends_of(x.after) for x in told.cables_moved}, {ends_of(x.before) for x in told.cables_moved}
    rows += [["link", "removed", place(x), _state(x), None, None] for x in told.links_gone if ends_of(x) not in went]
    rows += [["link", "added", place(x), None, _state(x), None] for x in told.links_new if ends_of(x) not in came]
    rows += [["link", "changed", place(x), _state(old), _state(x), None] for old, x in told.links_changed]
    for moved in told.cables_moved:
        if moved.before.cable == moved.cable:
            ends = [place(moved.before), place(moved.after)]
            if ends[0] == ends[1]:  # another switch or HCA under the same name
                ends = [" - ".join(str(port) for port in (x.a, x.b)) for x in (moved.before, moved.after)]
            rows.append(["cable", "moved", moved.cable, *ends, moved.other or None])
        else:
            ends = [moved.before.cable, moved.cable]
            rows.append(["cable", "changed", place(moved.after), *ends, moved.other or None])
    return [[*row, told.fabric] for row in rows]

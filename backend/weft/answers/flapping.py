"""Links that go down and up, or change their width or speed, again and again."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from weft.answers.answers import Answers
from weft.answers.cables import ends_of, kinds_of
from weft.answers.directory import Directory
from weft.answers.fabric import switch_guid
from weft.answers.tables import Ask, TableData
from weft.base.formats import counted
from weft.base.intervals import Interval
from weft.fabric.model import PortKey
from weft.inventory.store import Connection, LinkState

DAY_MS = 86_400_000
MOST_NOTES = 10_000
LOST, COUNTER, TRAP = "sm_port_removed", "sm_counter", "sm_link_state"
"""Notes that opensm.log gives: a port dropped, a counter that rose, a link of some port of a switch changed."""
DOWN_COUNTERS = frozenset({"LinkDownedCounter", "LinkErrorRecoveryCounter"})


@dataclass(frozen=True, slots=True)
class Flaps:
    """How often a link changed in a window: went down (`away` of these with a node that was gone), came up, or went on
    with another width or speed; and when last (0: never)."""

    downs: int = 0
    away: int = 0
    ups: int = 0
    changed: int = 0
    last_ms: int = 0


def flaps_of(states: Sequence[LinkState], connection: Connection, directory: Directory) -> Flaps:
    """Count what happened to one link in a window.

    Args:
        states: of this connection, those that overlap the window, oldest first: the first one is no change in it.
    """
    downs = away = ups = changed = last_ms = 0
    for before, after in pairwise(states):
        at_ms = after.span.from_ms
        last_ms = at_ms
        if after.state == "down":
            downs += 1
            away += not all(directory.present(port.guid, at_ms) for port in (connection.a, connection.b))
        elif before.state == "down":
            ups += 1
        else:
            changed += 1
    return Flaps(downs, away, ups, changed, last_ms)


async def flapping(answers: Answers, ask: Ask, switch: str | None = None, fabric: str | None = None) -> TableData:
    """Links by how often they went down or changed in the window, most first."""
    span = await answers.fabric(fabric)
    directory = await answers.directory(span.name)
    window = ask.window.cut(Interval(span.first_ms, min(ask.now_ms, span.last_ms) + 1))
    if not window:
        first, last = answers.when(span.first_ms), answers.when(span.last_ms)
        return TableData([], (f"The fabric was seen from {first} to {last}, not in this window.",))
    ports = None
    if switch is not None:
        guid = switch_guid(directory, switch, window.to_ms - 1)
        numbers = max((own.ports for own in directory.nodes_of(guid)), default=0)
        ports = [PortKey(guid, number) for number in range(1, numbers + 1)]
    connections = {c.id: c for c in await answers.site.fabrics.connections(span.name, window, ports)}
    states: dict[str, list[LinkState]] = {}
    for state in await answers.site.fabrics.link_states(span.name, window, list(connections)):
        states.setdefault(state.connection, []).append(state)
    logged, notices = await _logged(answers, span.name, directory, window)
    rows = []
    for connection in connections.values():
        own = states.get(connection.id, [])
        flaps = flaps_of(own, connection, directory)
        noted = sum(logged[port] for port in (connection.a, connection.b))
        if flaps.last_ms or noted:
            rows.append(_row(directory, connection, own, flaps, noted, window, span.name))
    rows.sort(key=lambda row: (-int(str(row[2])) - int(str(row[5])), -int(str(row[7])), str(row[0])))
    if not rows:
        from_, to = answers.when(window.from_ms), answers.when(window.to_ms - 1)
        notices.append(f"No link went down or changed between {from_} and {to}, as far as was seen.")
    return TableData(rows, tuple(notices))


def _row(
    directory: Directory,
    connection: Connection,
    states: Sequence[LinkState],
    flaps: Flaps,
    noted: int,
    window: Interval,
    fabric: str,
) -> list[object]:
    ends = ends_of([connection], kinds_of(directory, [connection]))[0]
    at_ms = connection.last_seen_ms
    return [
        directory.port(ends.a, at_ms),
        directory.port(ends.b, at_ms),
        flaps.downs,
        flaps.away,
        flaps.ups,
        flaps.changed,
        (flaps.downs + flaps.changed) * DAY_MS / (window.to_ms - window.from_ms),
        noted,
        flaps.last_ms or None,
        states[-1].state if states else None,
        connection.cable,
        fabric,
    ]


async def _logged(
    answers: Answers, fabric: str, directory: Directory, window: Interval
) -> tuple[Counter[PortKey], list[str]]:
    """How often opensm.log told of each port, and what it told of no port in particular."""
    notes = await answers.site.ledger.notes(window, kinds=(LOST, COUNTER, TRAP), limit=MOST_NOTES)
    own = [note for note in notes if note.about[:1] == (fabric,)]
    lost = [note.about[1] for note in own if note.kind == LOST and len(note.about) > 1]
    ports = await answers.site.fabrics.ports_by_guid(fabric, sorted(set(lost))) if lost else {}
    found = Counter(ports[guid] for guid in lost if guid in ports)
    traps: Counter[str] = Counter()
    for note in own:
        if note.kind == COUNTER and note.about[-1] in DOWN_COUNTERS:
            guid, _, number = note.about[1].partition("/")
            found[PortKey(guid, int(number))] += 1
        elif note.kind == TRAP and len(note.about) > 1:
            traps[note.about[1]] += 1
    notices = [f"Only the newest {MOST_NOTES} notes of opensm.log are counted."] if len(notes) == MOST_NOTES else []
    if traps:
        most = [f"{directory.node(guid, window.to_ms)} {count}" for guid, count in traps.most_common(3)]
        told = counted(traps.total(), "change of a link", "changes of links")
        notices.append(f"opensm.log also told of {told} without naming the port (most: {', '.join(most)}).")
    return found, notices

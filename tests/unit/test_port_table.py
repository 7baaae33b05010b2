"""The ports of a fabric in columns: read some at a time, the same rows as read at once."""

import pytest

from unit.story import LEAF1, answers
from weft.answers import port_table as module
from weft.answers.port_table import PortTable, port_table
from weft.base.intervals import Interval
from weft.fabric.model import PortKey

pytestmark = pytest.mark.anyio

Told = tuple[PortKey, Interval, tuple[tuple[str, str], ...]]


def rows(table: PortTable) -> list[Told]:
    return [
        (table.ports[place], table.span(row), tuple(table.tags_of(row).items()))
        for row, place in enumerate(table.places.tolist())
    ]


async def test_ports_read_node_by_node_make_the_table_that_all_at_once_make(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = await port_table(answers())
    assert len(whole.ports) < module.PORTS_AT_ONCE
    monkeypatch.setattr(module, "PORTS_AT_ONCE", 1)
    parts = await port_table(answers())
    assert rows(parts) == rows(whole)
    assert list(parts.ports) == list(whole.ports)


async def test_a_port_is_one_place_however_often_it_was_cabled_anew() -> None:
    table = await port_table(answers())
    ports = list(table.ports)
    assert len(set(ports)) == len(ports) == len(table.ports)
    # Cabled to node001 until 13 h, then to nothing.
    own = [row for row, place in enumerate(table.places) if ports[place] == PortKey(LEAF1, 1)]
    assert len({table.places[row] for row in own}) == 1
    assert len({table.alike[row] for row in own}) == len({frozenset(table.tags_of(row).items()) for row in own}) > 1

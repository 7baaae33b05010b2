"""What happened, as events, over the site of story.py."""

import pytest

from unit.story import ALICE, BOB, H, answers, ask
from weft.answers.events import Event, InventoryEvents, events, note_of
from weft.base.access import LOCAL
from weft.inventory.store import Note
from weft.metrics.series import Window

pytestmark = pytest.mark.anyio


async def told(*tags: str, **more: object) -> list[str]:
    found, _ = await events(answers(), ask(**more), tags)
    return [event.what for event in found]


async def test_jobs_start_and_end_and_a_running_one_has_no_end() -> None:
    found, notices = await events(answers(), ask(), ["user:alice", "job"])
    assert [(event.at_ms, event.what, event.tags[1]) for event in found] == [
        (11 * H, "job 4711 of alice started", "start"),
        (11 * H + H // 2, "job 4711 of alice ended", "end"),
        (12 * H, "job 4711 of alice started", "start"),
        (16 * H, "job 4711 of alice ended", "end"),
        (18 * H, "job 4713 of alice started", "start"),
    ]
    assert found[3] == Event(
        16 * H,
        "job 4711 of alice ended",
        "alice, app, batch, 4 hosts, COMPLETED",
        ("job", "end", "job:4711", "user:alice", "completed"),
    )
    assert notices == []


async def test_a_change_tells_its_bracket_and_a_counters_note_is_one_of_the_fabric() -> None:
    site = answers()
    await site.site.ledger.add_notes(
        [
            Note(14 * H, "counter_saturated", "warning", "Counters of leaf01/5 are full."),
            Note(14 * H, "counters_read", "info", "not told"),
        ]
    )
    found, _ = await events(site, ask(), ["fabric"])
    assert [(event.at_ms, event.what, event.data, event.tags) for event in found] == [
        (13 * H, "cable moved", "h001 was moved from leaf01/1 to leaf01/12. (after 1970-01-01T12:00:00Z)",
         ("fabric", "cable_moved", "info")),
        (14 * H, "counter saturated", "Counters of leaf01/5 are full.", ("fabric", "counter_saturated", "warning")),
        (15 * H, "node gone", "node012 vanished from leaf03/4. (after 1970-01-01T14:00:00Z)",
         ("fabric", "node_gone", "error")),
    ]  # fmt: skip


async def test_a_note_is_told_with_its_tags_and_the_one_of_its_kind() -> None:
    site = answers()
    notes = [note_of(12 * H, " a\n b ", "c\nd", ["x", "y", "x"]), note_of(13 * H, "e", "", ["note"])]
    await site.site.ledger.add_notes(notes)
    found, _ = await events(site, ask(BOB), ["note"])
    assert found == [Event(12 * H, "a b", "c\nd", ("x", "y", "note")), Event(13 * H, "e", "", ("note",))]


async def test_an_event_outside_the_window_is_none_though_its_job_is_inside() -> None:
    assert await told("job:4712", from_h=13, to_h=18) == []
    assert await told("job:4712", from_h=13, to_h=19) == ["job 4712 of bob ended"]


async def test_users_see_their_own() -> None:
    found, _ = await events(answers(), ask(ALICE), [])
    assert {event.tags[3] for event in found} == {"user:alice"}
    for tags in (["fabric"], ["user:bob"], ["job:77"]):
        assert (await events(answers(), ask(ALICE), tags))[0] == []


async def test_what_is_left_out_is_said() -> None:
    found, notices = await events(answers(), ask(limit=1))
    assert len(found) <= 4
    assert "Only the newest 1 jobs are shown." in notices
    assert "Only the newest 1 changes of fabric ib are shown." in notices


async def test_the_function_counts_seconds() -> None:
    source = InventoryEvents(answers())
    window = Window(12 * 3600, 18 * 3600, 20 * 3600)
    assert await source.events(["end"], window, LOCAL) == [16 * 3600, 16 * 3600]
    assert await source.events(["end"], window, ALICE) == [16 * 3600]
    assert len(await source.events(["*"], window, LOCAL)) == len(await source.events([], window, LOCAL)) > 4

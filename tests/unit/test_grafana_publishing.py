"""Dashboards published by Grafana's HTTP API, of both editions, through trouble and beside people."""

from pathlib import Path

import pytest

from unit.grafana_stub import TOKEN, Stub, serving
from weft.base.errors import BadInput, BadSettings, Unavailable
from weft.dashboards.board import Board, text_of
from weft.dashboards.grafana import AT_ONCE, GIVE_UP, publish
from weft.dashboards.grafana_http import TRIES, opened
from weft.dashboards.kits import KITS
from weft.dashboards.plan import Report

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[True, False], ids=["resources", "classic"])
def stub(request: pytest.FixtureRequest) -> Stub:
    return Stub(resources=request.param)


def texts(count: int, says: str = "") -> dict[str, bytes]:
    boards = [Board(f"weft-{number}", f"Board {number}", (), says=says) for number in range(count)]
    return {board.uid: text_of(board, KITS["stock"]) for board in boards}


async def published(stub: Stub, wanted: dict[str, bytes], memory: Path, token: str = TOKEN) -> Report:
    stub.asked.clear()
    stub.writes.clear()
    async with serving(stub) as url, opened(url, token, first_pause_s=0.01) as api:
        return await publish(api, wanted, memory)


async def test_all_are_published_into_a_folder_of_ours_and_the_same_again_writes_nothing(
    stub: Stub, tmp_path: Path
) -> None:
    report = await published(stub, texts(12), tmp_path / "memory")
    assert (sorted(report.written), report.same) == (sorted(texts(12)), 0)
    assert stub.folders == {"weft": "Weft"}
    assert {(one.folder, one.version) for one in stub.saved.values()} == {("weft", 1)}
    again = await published(stub, texts(12), tmp_path / "memory")
    assert (again.written, again.same, stub.writes) == ([], 12, [])
    # What it serves, whose organisation we are in, and which dashboards are there.
    assert len(stub.asked) <= 4


async def test_a_folder_of_that_title_which_is_somebody_elses_is_told(tmp_path: Path) -> None:
    stub = Stub(resources=False, folders={"random": "Weft"})
    with pytest.raises(BadInput, match=r"Another folder is titled Weft\. Rename it"):
        await published(stub, texts(2), tmp_path / "memory")
    assert (stub.writes, stub.folders) == ([], {"random": "Weft"})


async def test_only_what_changed_is_written_and_what_is_not_wanted_any_more_goes(stub: Stub, tmp_path: Path) -> None:
    await published(stub, texts(5), tmp_path / "memory")
    wanted = texts(4) | {"weft-2": texts(5, "other")["weft-2"]}
    report = await published(stub, wanted, tmp_path / "memory")
    assert (report.written, report.removed, report.same) == (["weft-2"], ["weft-4"], 3)
    assert (stub.saved["weft-2"].body["description"], stub.saved["weft-2"].version) == ("other", 2)
    assert "weft-4" not in stub.saved


async def test_what_a_person_changed_is_named_and_never_touched(stub: Stub, tmp_path: Path) -> None:
    await published(stub, texts(3), tmp_path / "memory")
    stub.person_saves("weft-0")
    stub.person_saves("weft-1")
    kept = {uid: stub.saved[uid] for uid in ("weft-0", "weft-1")}
    wanted = {uid: text for uid, text in texts(3, "other").items() if uid != "weft-1"}
    for _ in range(2):
        report = await published(stub, wanted, tmp_path / "memory")
        assert {uid: stub.saved[uid] for uid in kept} == kept
        assert "weft-0 is not as Weft left it: it stays as it is." in report.theirs
    assert stub.writes == []


async def test_a_persons_own_dashboard_under_a_uid_of_ours_stays(stub: Stub, tmp_path: Path) -> None:
    stub.save("weft-0", {"uid": "weft-0", "title": "mine", "tags": []}, "", "")
    report = await published(stub, texts(2), tmp_path / "memory")
    assert (report.written, len(report.theirs)) == (["weft-1"], 1)
    assert stub.saved["weft-0"].body["title"] == "mine"


async def test_a_lost_memory_of_what_was_written_makes_nobody_a_stranger(stub: Stub, tmp_path: Path) -> None:
    await published(stub, texts(3), tmp_path / "memory")
    same = await published(stub, texts(3), tmp_path / "lost")
    assert (stub.writes, same.theirs) == ([], [])
    changed = await published(stub, texts(3, "other"), tmp_path / "lost again")
    assert (len(changed.written), changed.theirs) == (3, [])


async def test_one_that_a_person_deleted_comes_again_while_it_is_wanted(stub: Stub, tmp_path: Path) -> None:
    await published(stub, texts(3), tmp_path / "memory")
    del stub.saved["weft-1"]
    report = await published(stub, texts(3), tmp_path / "memory")
    assert (report.written, report.same) == (["weft-1"], 2)


@pytest.mark.parametrize("seed", [1, 2])
async def test_through_trouble_all_are_published_once_and_without_a_storm(
    stub: Stub, tmp_path: Path, seed: int
) -> None:
    stub.trouble, stub.seed = 30, seed
    wanted = texts(40)
    report = await published(stub, wanted, tmp_path / "memory")
    asked = len(stub.asked)
    for _ in range(3):  # what failed five times running comes the next time
        if not report.failed:
            break
        report = await published(stub, wanted, tmp_path / "memory")
        asked += len(stub.asked)
    assert (report.failed, report.theirs) == ([], [])
    assert stub.saved.keys() == wanted.keys()
    assert {one.version for one in stub.saved.values()} == {1}
    # 30 of a hundred go wrong: 1.43 requests for each that must succeed, and two looks where an answer was lost.
    assert asked < 3 * len(wanted)


async def test_a_token_that_is_refused_is_said_once_and_not_tried_again(stub: Stub, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="Grafana refuses the token: 401 Invalid API key"):
        await published(stub, texts(20), tmp_path / "memory", token="glsa_wrong")
    assert len(stub.asked) == 1


async def test_a_grafana_that_is_down_is_asked_a_few_times_and_then_left(stub: Stub, tmp_path: Path) -> None:
    stub.down = True
    with pytest.raises(Unavailable, match=r"Grafana does not take GET .*: 503 down"):
        await published(stub, texts(20), tmp_path / "memory")
    assert len(stub.asked) == TRIES


async def test_one_that_goes_down_midway_gets_no_storm_and_the_rest_comes_the_next_time(
    stub: Stub, tmp_path: Path
) -> None:
    stub.down_after = 10
    report = await published(stub, texts(60), tmp_path / "memory")
    assert len(report.failed) + len(report.written) == 60
    assert len(stub.asked) < 10 * 3 + (GIVE_UP + AT_ONCE) * TRIES
    stub.down, stub.down_after = False, 0
    again = await published(stub, texts(60), tmp_path / "memory")
    assert (again.failed, len(stub.saved), {one.version for one in stub.saved.values()}) == ([], 60, {1})


async def test_a_title_that_is_taken_is_told_and_the_others_are_published(tmp_path: Path) -> None:
    stub = Stub(resources=False)
    stub.save("theirs", {"uid": "theirs", "title": "Board 1", "tags": []}, "weft", "")
    report = await published(stub, texts(3), tmp_path / "memory")
    assert report.written == ["weft-0", "weft-2"]
    assert report.failed == [
        "weft-1: Grafana does not take dashboard weft-1: A dashboard with the same name exists. "
        "Look for another of its title in the folder Weft."
    ]

"""Dashboards as values: what they ask, how they are laid out, which jobs have one, and what is written where."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from weft.answers import catalog
from weft.answers.requests import parse_request
from weft.cli.provision import some
from weft.dashboards import folder
from weft.dashboards.board import Board, Panel, Question, body, text_of
from weft.dashboards.jobs import job_board, qualifies, uid_of
from weft.dashboards.kits import KITS
from weft.dashboards.plan import Left, left_in, planned
from weft.dashboards.standing import standing
from weft.metrics.target import parse
from weft.scheduler.model import Run, RunKey

UTC = ZoneInfo("UTC")
HOUR_MS = 3_600_000
START_MS = 1_795_348_800_000
"""2026-11-22T12:00:00Z."""

RUN = Run(
    RunKey("hpc", 4711, START_MS), "4711", "lmp", "alice", "phys", "batch", "RUNNING", START_MS - 1, None,
    ("node001", "node002"), 2, None, None, START_MS, "squeue",
)  # fmt: skip
STOCK, PLUGIN = KITS["stock"], KITS["plugin"]


def boards() -> list[Board]:
    return [*standing(), job_board(RUN, "hpc", ["cpu.user"], UTC)]


def questions() -> Iterator[tuple[str, Question]]:
    for board in boards():
        for panel in board.panels:
            for asked in (*panel.asks, *(panel.instead.asks if panel.instead else ())):
                yield board.uid, asked


def filled(text: str) -> str:
    for name in ("switch", "host", "cable", "partition", "user"):
        text = text.replace(f"${name}", "x1")
    return text


@pytest.mark.parametrize(("uid", "asked"), list(questions()))
def test_every_question_is_one_that_weft_understands(uid: str, asked: Question) -> None:
    if asked.how == "series":
        parse(filled(asked.text))
        return
    if asked.how == "topology":
        # What the data source of the plugin takes.
        assert parse_request(asked.text) in (("fabric", {}), ("fabric", {"job": RUN.key.text}))
        return
    name, arguments = parse_request(filled(asked.text))
    known = {param.name for param in catalog.TABLES[name].params}
    assert arguments.keys() <= known


def test_a_table_hides_and_measures_only_columns_that_it_may_have() -> None:
    columns = {column.name for table in catalog.TABLES.values() for column in table.columns}
    for board in boards():
        for panel in board.panels:
            assert {*panel.hidden, *panel.units} <= columns


def test_panels_stand_as_high_up_as_they_fit_from_left_to_right() -> None:
    sizes = [(12, 8), (12, 10), (24, 3), (8, 4), (8, 5), (8, 4), (12, 2), (8, 1)]
    asked = (Question("table", "jobs"),)
    board = Board("u", "t", tuple(Panel("table", "", asked, width, height) for width, height in sizes))
    places = [panel["gridPos"] for panel in body(board, STOCK)["panels"]]
    assert [(one["x"], one["y"]) for one in places] == [
        (0, 0),
        (12, 0),
        (0, 10),
        (0, 13),
        (8, 13),
        (16, 13),
        (0, 18),
        (16, 17),
    ]


def test_without_the_plugin_there_is_no_topology_panel_and_no_source_of_ours() -> None:
    for board in boards():
        told = json.loads(text_of(board, STOCK))
        kinds = {panel["type"] for panel in told["panels"]}
        sources = {panel["datasource"]["type"] for panel in told["panels"] if "datasource" in panel}
        assert not any("weft" in kind for kind in kinds | sources)
    overview, *_, job = (body(board, PLUGIN) for board in boards())
    (fabric, routes) = (
        [one for one in told["panels"] if one["type"] == "weft-topology-panel"] for told in (overview, job)
    )
    assert [[(target["queryType"], target["text"]) for target in one["targets"]] for one in (*fabric, *routes)] == [
        [("topology", "fabric"), ("series", "scale(perSecond(switch.*.*.{PortXmitData,PortRcvData}), 4)")],
        [
            ("topology", f"fabric job=hpc:4711@{START_MS}"),
            ("series", "scale(perSecond(job.4711.routes.*.*.{PortXmitData,PortRcvData}), 4)"),
        ],
    ]
    assert fabric[0]["maxDataPoints"] == 30  # 40 ports a switch, both ways: a picture needs the newest point alone


def test_where_the_topology_cannot_be_drawn_a_node_graph_stands_in_its_place() -> None:
    for board in (boards()[0], boards()[-1]):
        ours, stock = ({(p["gridPos"]["x"], p["gridPos"]["y"]): p["type"] for p in body(board, kit)["panels"]}
                       for kit in (PLUGIN, STOCK))  # fmt: skip
        places = {place for place, kind in ours.items() if kind == "weft-topology-panel"}
        assert {stock[place] for place in places} == {"nodeGraph"}
        assert ours.keys() == stock.keys()


def test_what_is_well_when_it_is_empty_says_so_and_its_cells_do_not() -> None:
    (vanished,) = [one for one in body(boards()[0], STOCK)["panels"] if one["title"] == "Vanished hosts"]
    assert vanished["fieldConfig"]["defaults"]["noValue"] == "No host is missing."
    # Grafana would write it into every empty cell, too.
    assert {
        "matcher": {"id": "byRegexp", "options": "/.*/"},
        "properties": [{"id": "noValue", "value": ""}],
    } in vanished["fieldConfig"]["overrides"]


def test_what_nobody_reads_is_hidden_from_a_table_and_from_a_graph_as_each_of_them_does() -> None:
    (held, cables) = [
        one for one in body(standing()[2], STOCK)["panels"] if one["title"] in ("Which jobs held it", "Its cables")
    ]
    hidden = {"matcher": {"id": "byName", "options": "run"}, "properties": [{"id": "custom.hidden", "value": True}]}
    assert hidden in cables["fieldConfig"]["overrides"]
    assert "transformations" not in cables
    left_out = {"exclude": {"names": ["name", "user", "run"]}}
    assert held["transformations"] == [{"id": "filterFieldsByName", "options": left_out}]


def test_the_stock_form_asks_as_simpods_source_and_grafana_read_it() -> None:
    # Seen in Grafana 10.1 with simPod 0.6.5: a bare text asks nothing, and a `query` beside a target takes its place.
    made = body(standing()[2], STOCK)
    (host,) = made["templating"]["list"]
    assert host["query"] == {"query": "hosts", "format": "string", "refId": "host"}
    for mark in made["annotations"]["list"]:
        assert "query" not in mark
        assert mark["target"]["target"].startswith("annotations ")
    (lines,) = [one for one in made["panels"] if one["type"] == "logs"]
    # Its logs panel takes the first text for the line.
    (organize,) = lines["transformations"]
    assert organize["options"]["indexByName"] == {"time": 0, "message": 1}


def test_of_many_dashboards_of_people_the_first_are_named_and_the_rest_is_counted() -> None:
    lines = [str(number) for number in range(315)]
    assert some(lines) == [*lines[:10], "305 more like these."]
    assert some(lines[:10]) == lines[:10]


def test_uids_titles_and_panel_numbers_are_unique_and_of_the_length_that_grafana_takes() -> None:
    told = [body(board, PLUGIN) for board in boards()]
    assert len({one["uid"] for one in told}) == len({one["title"] for one in told}) == len(told)
    assert all(len(one["uid"]) <= 40 for one in told)
    for one in told:
        assert [panel["id"] for panel in one["panels"]] == list(range(1, len(one["panels"]) + 1))


def test_the_same_inventory_gives_the_same_bytes() -> None:
    assert [text_of(board, PLUGIN) for board in boards()] == [text_of(board, PLUGIN) for board in boards()]


def test_a_jobs_board_shows_its_time_and_goes_on_with_it_while_it_runs() -> None:
    running = job_board(RUN, "hpc", [], UTC)
    assert (running.title, running.since, running.until, running.refresh) == (
        "Job 4711 · alice · 2026-11-22 12:00", "2026-11-22T11:59:00.000Z", "now", "30s",
    )  # fmt: skip
    # Ten hours long: half an hour, a twentieth, is left on both sides.
    ended = job_board(replace(RUN, end_ms=START_MS + 10 * HOUR_MS), "hpc", [], UTC)
    assert (ended.since, ended.until) == ("2026-11-22T11:30:00.000Z", "2026-11-22T22:30:00.000Z")
    assert ended.refresh == ""


def test_a_job_of_another_cluster_is_asked_by_its_prefix() -> None:
    board = job_board(replace(RUN, label="4711+1"), "other", ["cpu"], UTC)
    asked = " ".join(question.text for panel in board.panels for question in panel.asks)
    assert board.title.startswith("Job hpc:4711+1 ")
    assert "job.hpc--4711-1.hosts.*.cpu" in asked
    assert f"job=hpc:4711@{START_MS}" in asked


@pytest.mark.parametrize(
    ("changes", "has_one"),
    [
        ({}, True),
        ({"end_ms": START_MS + HOUR_MS}, True),
        ({"end_ms": START_MS}, False),
        ({"hosts": ("node001",)}, False),
        ({"key": RunKey("hpc", 4711, None)}, False),
        ({"key": RunKey("hpc", 4711, START_MS + 3 * HOUR_MS)}, False),
    ],
    ids=["running", "ended within the window", "ended before it", "too small", "never started", "predicted"],
)
def test_a_job_has_a_board_while_it_runs_and_a_while_after(changes: dict[str, Any], has_one: bool) -> None:
    run = replace(RUN, **changes)
    now_ms = START_MS + 2 * HOUR_MS
    assert qualifies(run, now_ms, ended_within_ms=2 * HOUR_MS, least_hosts=2) is has_one


def test_a_uid_is_readable_or_a_hash_where_names_are_long_or_odd() -> None:
    assert uid_of(RUN) == "weft-job-hpc-4711-1795348800"
    others = [replace(RUN, key=RunKey(name, 4711, START_MS)) for name in ("ä", "a b", "c" * 40)]
    uids = [uid_of(run) for run in others]
    assert len(set(uids)) == 3
    assert all(len(uid) == 40 and uid.isascii() for uid in uids)


def test_what_is_not_as_we_left_it_is_a_persons() -> None:
    left = {"a": Left("1", ("m",)), "b": Left("1", ("m",)), "c": Left("1", ("m",)), "d": Left("1", ("m",)),
            "e": Left("1", ("m", "n"))}  # fmt: skip
    plan = planned({"a": "1", "b": "2", "c": "1", "e": "2", "f": "1", "g": "1"}, left,
                   {"a": "m", "b": "m", "c": "x", "d": "m", "e": "n", "g": "y"})  # fmt: skip
    assert plan.write == ("b", "e", "f")
    assert plan.remove == ("d",)
    assert plan.theirs == ("c", "g")


def test_a_removed_job_whose_board_a_person_changed_keeps_it() -> None:
    assert planned({}, {"a": Left("1", ("m",))}, {"a": "x"}).theirs == ("a",)
    assert planned({}, {"a": Left("1", ("m",))}, {}) == planned({}, {}, {})


@pytest.mark.parametrize("told", ["null", "[]", '{"a": 1}', '{"a": []}', "{", ""])
def test_a_damaged_memory_of_what_was_written_is_none(told: str, tmp_path: Path) -> None:
    (tmp_path / "memory").write_text(told)
    assert left_in(tmp_path / "memory") == left_in(tmp_path / "missing") == {}


def test_a_folder_is_written_once_and_then_only_what_changed(tmp_path: Path) -> None:
    first = folder.publish(tmp_path, {"a": b"1", "b": b"2"})
    assert (first.written, first.same) == (["a", "b"], 0)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = folder.publish(tmp_path, {"a": b"1", "b": b"2"})
    assert (again.written, again.removed, again.same) == ([], [], 2)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    third = folder.publish(tmp_path, {"a": b"9"})
    assert (third.written, third.removed) == (["a"], ["b"])
    # Grafana's provider takes every file for a dashboard that ends so, hidden or not.
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".json"] == ["a.json"]


def test_a_file_that_a_person_made_or_changed_is_named_and_stays(tmp_path: Path) -> None:
    folder.publish(tmp_path, {"a": b"1", "b": b"1"})
    (tmp_path / "a.json").write_bytes(b"mine")
    (tmp_path / "c.json").write_bytes(b"also mine")
    report = folder.publish(tmp_path, {"a": b"2", "c": b"2"})
    assert (report.written, report.removed) == ([], ["b"])
    assert [line.partition(" ")[0] for line in report.theirs] == ["a.json", "c.json"]
    assert folder.publish(tmp_path, {}).removed == []
    assert {path.name: path.read_bytes() for path in tmp_path.glob("?.json")} == {
        "a.json": b"mine", "c.json": b"also mine",
    }  # fmt: skip


def test_dying_between_saying_and_writing_leaves_nothing_that_looks_like_a_persons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.publish(tmp_path, {"a": b"1", "b": b"1"})
    write = folder._write

    def dying(path: Path, text: bytes) -> None:
        if path.name == "b.json":
            raise KeyboardInterrupt
        write(path, text)

    monkeypatch.setattr(folder, "_write", dying)
    with pytest.raises(KeyboardInterrupt):
        folder.publish(tmp_path, {"a": b"2", "b": b"2"})
    monkeypatch.setattr(folder, "_write", write)
    report = folder.publish(tmp_path, {"a": b"3", "b": b"3"})
    assert (report.written, report.theirs) == (["a", "b"], [])


def test_files_that_say_what_we_would_write_are_ours_where_the_memory_is_lost(tmp_path: Path) -> None:
    folder.publish(tmp_path, {"a": b"1"})
    (tmp_path / folder.STATE).write_bytes(b"{garbled")
    assert folder.publish(tmp_path, {"a": b"1"}).theirs == []
    assert folder.publish(tmp_path, {"a": b"2"}).written == ["a"]

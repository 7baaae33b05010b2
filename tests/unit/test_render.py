"""Tables as a terminal shows them."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from weft.answers.tables import Column
from weft.cli.render import Answer, Section, as_object, cell, duration, fit, show, zone_name

NAMES = ("job", "name", "start")


def test_columns_take_what_they_need_when_there_is_room() -> None:
    assert fit(NAMES, [["4711", "hurricane", "11-22 17:03:00"]], 80) == [4, 9, 14]


def test_the_widest_column_gives_way_first() -> None:
    # 4 + 60 + 14 and two gaps of 2 are 82: the text gives 2.
    assert fit(NAMES, [["4711", "x" * 60, "11-22 17:03:00"]], 80) == [4, 58, 14]


def test_the_last_column_goes_when_shortening_does_not_do() -> None:
    # 14 + 14 + 14 and two gaps are 46; two columns and a gap are 30.
    row = ["x" * 20, "y" * 20, "z" * 20]
    assert fit(NAMES, [row], 46) == [14, 14, 14]
    assert fit(NAMES, [row], 45) == [20, 20] or sum(fit(NAMES, [row], 45)) + 2 <= 45
    assert len(fit(NAMES, [row], 45)) == 2


def test_one_column_is_cut_to_the_screen() -> None:
    assert fit(("text",), [["x" * 200]], 80) == [80]


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        (Column("host", "string"), None, "-"),
        (Column("host", "string"), "", "-"),
        (Column("share", "number"), 0.9375, "0.94"),
        (Column("hosts", "number"), 16, "16"),
        (Column("elapsed", "number", "", "s"), 19210.0, "5:20:10"),
        (Column("traffic", "number", "", "Bps"), 12_345_678.9, "12.3 MB/s"),
        (Column("traffic", "number", "", "Bps"), 999.0, "999 B/s"),
        (Column("traffic", "number", "", "Bps"), 1000.0, "1 kB/s"),
        (Column("traffic", "number", "", "Bps"), 0.0, "0 B/s"),
        (Column("mean", "number"), 1_396_765_368.5, "1.397e+09"),
        (Column("over", "number"), -0.0001, "0.00"),
        (Column("unsure", "boolean"), True, "yes"),
        # 1763852985 s is 2025-11-22T23:09:45Z (date -u -d @1763852985); Berlin is an hour ahead in winter.
        (Column("start", "time"), 1_763_852_985_000, "25-11-23 00:09"),
    ],
)
def test_a_value_is_shown_as_people_read_it(
    column: Column, value: object, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weft.cli.render.time.time_ns", lambda: 1_795_386_190_000_000_000)  # in 2026
    assert cell(column, value, ZoneInfo("Europe/Berlin")) == shown


def test_a_time_of_this_year_has_no_year(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.cli.render.time.time_ns", lambda: 1_795_386_190_000_000_000)
    assert cell(Column("start", "time"), 1_795_386_190_000, UTC) == "11-22 22:23:10"


def test_days_are_written_as_slurm_does() -> None:
    assert [duration(59.6), duration(3600), duration(2 * 86400 + 3 * 3600)] == ["0:01:00", "1:00:00", "2-03:00:00"]


def test_the_zone_has_a_name() -> None:
    assert zone_name(ZoneInfo("Europe/Berlin")) == "Europe/Berlin"
    assert zone_name(UTC) == "UTC+0000"


def test_no_line_is_longer_than_the_screen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    columns = tuple(Column(f"column{i}", "string") for i in range(9))
    rows = [["ä" * (5 + 7 * i) for i in range(9)]]
    long = Answer(Section("Long", "t", columns=("column8",), upright=True), columns, rows)
    show([Answer(Section("Wide", "t"), columns, rows), long], UTC)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1].startswith("Too narrow for: column")


def test_rows_stand_side_by_side_under_their_first_cell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    columns = (Column("job", "string"), Column("user", "string"), Column("mean_hops", "number"), Column("x", "string"))
    rows = [["4711", "alice", 1.25, None], ["4712", "bob", None, None], ["4713", "carol", 3.0, ""]]
    show([Answer(Section("", "t", sideways=True), columns, rows)], UTC)
    assert [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()] == [
        ["4711", "4712", "4713"], ["user", "alice", "bob", "carol"], ["mean", "hops", "1.25", "-", "3.00"],
    ]  # fmt: skip
    monkeypatch.setenv("COLUMNS", "30")
    show([Answer(Section("", "t", sideways=True), columns, [[job, "x" * 20, 1.0, "y"] for job in "123"])], UTC)
    assert "Too narrow for: 2, 3" in capsys.readouterr().out


def test_json_has_every_column_and_the_notices() -> None:
    answer = Answer(
        Section("", "jobs", columns=("job",)), (Column("job", "string"), Column("start", "time")), [["1", None]]
    )
    assert as_object([answer], ["n"]) == {"jobs": [{"job": "1", "start": None}], "notices": ["n"]}

"""sacct -P: the samples, times, ids of every kind, bars inside texts, and what is refused."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from unit.importing import NOW_MS, ORIGIN
from weft.base.errors import BadInput
from weft.base.intervals import ms_of
from weft.scheduler.formats import sacct
from weft.scheduler.model import Run, RunKey

HEADING = "JobID|JobIDRaw|JobName|User|Account|Partition|State|ExitCode|Submit|Start|End|NNodes|NodeList\n"
ROW = "7|7|app|alice|physics|batch|COMPLETED|3:0|{0}|{0}|{0}|2|node[01-02]\n".format("2026-11-22T22:49:45")


def at(hour: int, minute: int, second: int = 0, day: int = 22) -> int:
    return ms_of(datetime(2026, 11, day, hour, minute, second, tzinfo=UTC))


def read(text: str) -> tuple[Run, ...]:
    return sacct.parse(text, ORIGIN).value


def refused(text: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        sacct.parse(text, ORIGIN)
    return caught.value


def small(heading: str, *rows: str) -> str:
    return "\n".join((heading, *rows, ""))


def test_a_row_is_a_run() -> None:
    reading = sacct.parse(HEADING + ROW, ORIGIN)
    start = at(22, 49, 45)
    assert reading.value == (
        Run(
            RunKey("cluster", 7, start), "7", "app", "alice", "physics", "batch", "COMPLETED", start, start,
            ("node01", "node02"), 2, 3, 0, NOW_MS, "sacct",
        ),
    )  # fmt: skip
    assert (reading.found, reading.dated, reading.notices) == ("1 run", False, ())


def test_the_sample_four_minutes_after_is_what_was_submitted(data: Path) -> None:
    runs = {run.label: run for run in read((data / "slurm/64-after/sacct-P.txt").read_text())}
    assert sorted(runs) == sorted(
        "1 2 3 4 6 7 8 9 10 11 14 15+0 15+1 22".split() + [f"5_{task}" for task in range(1, 7)]
    )
    assert runs["1"].hosts == tuple(f"node{n:02}" for n in range(1, 17))
    assert runs["1"].key == RunKey("simcluster", 1, at(22, 49, 45))
    assert (runs["1"].end_ms, runs["1"].name, runs["1"].user, runs["1"].account) == (
        at(22, 50, 10), "mpi_big", "alice", "physics",
    )  # fmt: skip
    assert [(runs[x].state, runs[x].exit_code, runs[x].exit_signal) for x in ("3", "10", "4", "6", "14")] == [
        ("FAILED", 3, 0), ("FAILED", 0, 11), ("TIMEOUT", 0, 0), ("CANCELLED", 0, 0), ("NODE_FAIL", 0, 0),
    ]  # fmt: skip
    assert runs["6"].hosts == tuple(f"node{n}" for n in range(55, 63))
    assert (runs["8"].state, runs["8"].end_ms, len(runs["8"].hosts)) == ("RUNNING", None, 40)
    assert (runs["9"].key.start_ms, runs["9"].submit_ms, runs["9"].hosts) == (None, at(22, 49, 45), ())
    assert [runs[f"5_{task}"].key.job_id for task in range(1, 7)] == [17, 18, 19, 20, 21, 5]
    assert [runs[f"15+{part}"].key.job_id for part in (0, 1)] == [15, 16]


def test_a_listing_with_steps_says_the_same_as_one_with_every_column(data: Path) -> None:
    every = read((data / "slurm/64-after/sacct-P.txt").read_text())
    steps = read((data / "slurm/64-after/sacct-P-steps.txt").read_text())
    named = [replace(run, key=run.key._replace(cluster="simcluster")) for run in steps]
    # It has no column ReqTRES, so of the one that waits it does not tell what it asked for.
    asked = [replace(run, tres="") if run.state == "PENDING" else run for run in every]
    assert named == asked != list(every)


def test_columns_come_in_any_order_and_only_some_are_needed() -> None:
    text = small("Start|State|JobIDRaw", "2026-11-22T22:49:45|RUNNING|12")
    run = read(text)[0]
    assert (run.key, run.label, run.state) == (RunKey("cluster", 12, at(22, 49, 45)), "12", "RUNNING")
    assert (run.hosts, run.node_count, run.exit_code, run.submit_ms, run.user) == ((), None, None, None, "")
    assert "no column NodeList" in sacct.parse(text, ORIGIN).notices[0]


def test_a_bar_at_every_end_is_read_as_well() -> None:
    assert read(HEADING[:-1] + "|\n" + ROW[:-1] + "|\n") == read(HEADING + ROW)


@pytest.mark.parametrize(
    ("heading", "missing"),
    [("JobID|State|End", "Start"), ("JobID|Start|End", "State"), ("JobIDRaw|End", "State")],
)
def test_a_missing_column_is_named_with_the_command_that_prints_it(heading: str, missing: str) -> None:
    error = refused(small(heading))
    assert (error.line, f"no column {missing}." in str(error)) == (1, True)
    assert "sacct -a -X -D -P -o Cluster,JobID,User" in error.fix


@pytest.mark.parametrize(
    ("job_id", "raw", "label", "number"),
    [
        ("7", "7", "7", 7),
        ("5_6", "5", "5_6", 5),
        ("5_[4-6]", "5", "5_[4-6]", 5),
        ("5_[1-6%3]", "5", "5_[1-6%3]", 5),
        ("5_[1,3,7-9]", "5", "5_[1,3,7-9]", 5),
        ("15+1", "16", "15+1", 16),
    ],
)
def test_ids_of_every_kind(job_id: str, raw: str, label: str, number: int) -> None:
    (run,) = read(small("JobID|JobIDRaw|State|Start", f"{job_id}|{raw}|PENDING|Unknown"))
    assert (run.label, run.key) == (label, RunKey("cluster", number, None))


@pytest.mark.parametrize("step", ["7.batch", "7.0", "7.extern", "15+1.0", "5_6.batch", "7.interactive"])
def test_steps_are_no_runs(step: str) -> None:
    assert read(small("JobID|State|Start", f"{step}|COMPLETED|2026-11-22T22:49:45")) == ()


def test_a_part_of_an_array_needs_its_own_number() -> None:
    assert read(small("JobID|State|Start", "7|RUNNING|1795387785"))[0].key.job_id == 7
    error = refused(small("JobID|State|Start", "5_6|RUNNING|1795387785"))
    assert (error.line, "only in the column JobIDRaw" in str(error)) == (2, True)


def test_a_requeued_id_is_several_runs_and_a_row_twice_is_one() -> None:
    first, second = "7|7|NODE_FAIL|2026-11-22T22:00:00", "7|7|COMPLETED|2026-11-22T23:00:00"
    runs = read(small("JobID|JobIDRaw|State|Start", first, second, second))
    assert [(run.key.start_ms, run.state) for run in runs] == [
        (at(22, 0), "NODE_FAIL"), (at(23, 0), "COMPLETED"),
    ]  # fmt: skip


def test_a_start_that_is_only_planned_is_no_start() -> None:
    (run,) = read(small("JobID|State|Start", "7|PENDING|2026-11-22T22:00:00"))
    assert run.key.start_ms is None


def test_a_job_that_was_cancelled_before_it_held_a_host_never_started() -> None:
    heading = "JobID|JobIDRaw|State|Start|End|NodeList"
    row = "7|7|CANCELLED by 1001|2026-11-22T22:00:00|2026-11-22T22:00:00|"
    waiting, running = read(small(heading, f"{row}None assigned", f"{row}node01"))
    assert (waiting.key.start_ms, waiting.end_ms, waiting.state) == (None, at(22, 0), "CANCELLED")
    assert running.key.start_ms == at(22, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T22:49:45", at(21, 49, 45)),  # Berlin is UTC+1 in November
        ("1795387785", at(22, 49, 45)),  # date -u -d @1795387785
        ("2026-11-22T22:49:45+0000", at(22, 49, 45)),
        ("2026-11-22T22:49:45+05:30", at(17, 19, 45)),
        ("2026-11-22T22:49:45Z", at(22, 49, 45)),
        ("Unknown", None),
        ("None", None),
        ("", None),
    ],
)
def test_times_of_every_kind(text: str, expected: int | None) -> None:
    berlin = replace(ORIGIN, zone=ZoneInfo("Europe/Berlin"))
    (run,) = sacct.parse(small("JobID|State|Start", f"7|COMPLETED|{text}"), berlin).value
    assert run.key.start_ms == expected


BERLIN = replace(ORIGIN, zone=ZoneInfo("Europe/Berlin"))
TIMES = "JobID|State|NodeList|Submit|Start|End"


def utc(text: str) -> int:
    return ms_of(datetime.fromisoformat(f"{text}+00:00"))


def test_an_hour_that_the_clock_repeats_is_told() -> None:
    reading = sacct.parse(small("JobID|State|Start|NodeList", "7|COMPLETED|2026-10-25T02:30:00|n1"), BERLIN)
    assert reading.value[0].key.start_ms == utc("2026-10-25T00:30:00")
    assert reading.notices[0].startswith("1 time in an hour that a change of clocks repeats or skips")


def test_a_job_over_a_change_of_clocks_has_the_length_that_it_had() -> None:
    # Berlin goes back at 01:00 UTC on 25 Oct 2026, and forward at 01:00 UTC on 28 Mar 2027.
    text = small(
        TIMES,
        "1|COMPLETED|n1|2026-10-25T01:00:00|2026-10-25T01:30:00|2026-10-25T03:30:00",
        "2|COMPLETED|n1|2026-10-25T02:40:00|2026-10-25T02:50:00|2026-10-25T02:10:00",
        "3|COMPLETED|n1|2027-03-28T01:00:00|2027-03-28T01:30:00|2027-03-28T03:30:00",
    )
    reading = sacct.parse(text, BERLIN)
    assert [(run.submit_ms, run.key.start_ms, run.end_ms) for run in reading.value] == [
        (utc("2026-10-24T23:00:00"), utc("2026-10-24T23:30:00"), utc("2026-10-25T02:30:00")),  # 3 hours
        (utc("2026-10-25T00:40:00"), utc("2026-10-25T00:50:00"), utc("2026-10-25T01:10:00")),  # 20 minutes
        (utc("2027-03-28T00:00:00"), utc("2027-03-28T00:30:00"), utc("2027-03-28T01:30:00")),  # 1 hour
    ]
    assert [notice[:8] for notice in reading.notices] == ["3 times "], "those of job 2, and none of the others"


def test_an_id_used_again_is_a_run_of_its_own_in_each_cluster() -> None:
    text = small(
        "Cluster|JobID|JobIDRaw|State|Start|End|NodeList",
        "alpha|7|7|REQUEUED|1795387785|1795387800|n1",
        "alpha|7|7|COMPLETED|1795387900|1795388000|n2",
        "beta|7|7|COMPLETED|1795387785|1795387800|n1",
    )
    assert [(run.key.text, run.state, run.finished, run.hosts) for run in read(text)] == [
        ("alpha:7@1795387785000", "REQUEUED", True, ("n1",)),
        ("alpha:7@1795387900000", "COMPLETED", True, ("n2",)),
        ("beta:7@1795387785000", "COMPLETED", True, ("n1",)),
    ]


def test_what_was_asked_for_and_what_was_given() -> None:
    heading = "JobIDRaw|State|Start|End|ExitCode|NCPUS|ReqTRES|AllocTRES|NodeList|Constraints"
    asked, given = "billing=40,cpu=40,mem=562.50G,node=40", "billing=1280,cpu=1280,gres/gpu=4,mem=93G,node=40"
    waits, runs, over = read(
        small(
            heading,
            f"7|PENDING|Unknown|Unknown|0:0|40|{asked}||None assigned|edr|hdr",
            f"8|RUNNING|1795387785|Unknown|0:0|1280|{asked}|{given}|n[1-40]|",
            f"9|COMPLETED|1795387785|1795387800|0:0||{asked}|{given}|n[1-40]|",
        )
    )
    assert (waits.tres, waits.cpus, waits.features) == ("billing=40,cpu=40,mem=576000M,node=40", 40, "edr|hdr")
    assert (runs.tres, runs.cpus) == ("billing=1280,cpu=1280,gres/gpu=4,mem=95232M,node=40", 1280)
    assert over.cpus == 1280, "from what was given, where the column is empty"
    assert [(run.exit_code, run.exit_signal) for run in (waits, runs, over)] == [(None, None), (None, None), (0, 0)]


BARS = "JobID|JobIDRaw|Comment|State|Start|NodeList|WorkDir|JobName"


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ("7|7|fine|RUNNING|1795387785|node01|/d|app", "app"),
        ("7|7|a|b|c|RUNNING|1795387785|node01|/d|app", "app"),  # in the comment: only there do the others fit
        ("7|7|RUNNING|RUNNING|1795387785|node01|/d|app", "app"),
        ("7|7||RUNNING|RUNNING|1795387785|node01|/d|app", "app"),
    ],
)
def test_bars_in_a_text_are_read_where_all_else_fits(row: str, name: str) -> None:
    (run,) = read(small(BARS, row))
    assert (run.name, run.state, run.key.start_ms, run.hosts) == (name, "RUNNING", at(22, 49, 45), ("node01",))


def test_a_name_with_bars_is_read_when_no_other_text_can_hold_them() -> None:
    (run,) = read(small("JobIDRaw|State|Start|JobName|NodeList", "7|RUNNING|1795387785|a|b||c|node01"))
    assert (run.name, run.hosts) == ("a|b||c", ("node01",))


@pytest.mark.parametrize(
    "row",
    [
        "7|7|c|RUNNING|1795387785|node01|/d|a|b",  # WorkDir and JobName stand side by side
        "7|7|c|RUNNING|1795387785|node01|RUNNING|1795387785|node02|/d|app",  # two ways to read it
        "7|7|c|d|e|f|g|h|i|j|k",  # no way
    ],
)
def test_bars_that_belong_nowhere_for_sure_are_refused(row: str) -> None:
    error = refused(small(BARS, row))
    assert (error.line, "cannot be told" in str(error)) == (2, True)


def test_what_the_command_prints_is_read_whatever_users_write() -> None:
    heading = sacct.COMMAND.partition(" -o ")[2].replace(",", "|")
    row = (
        "alpha|7|alice|physics|batch|RUNNING|0:0|1795387780|1795387785|Unknown|2|64|cpu=64,node=2|cpu=64,node=2|"
        "node[01-02]|edr|hdr|7|a|b|c"
    )
    (run,) = read(small(heading, row))
    assert (run.name, run.features, run.submit_ms, run.tres, run.hosts) == (
        "a|b|c", "edr|hdr", at(22, 49, 40), "cpu=64,node=2", ("node01", "node02"),
    )  # fmt: skip


def test_a_thousand_bars_are_no_trouble() -> None:
    (run,) = read(small("JobIDRaw|State|Start|JobName", "7|RUNNING|1795387785|" + "|" * 1000))
    assert run.name == "|" * 1000


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (HEADING + ROW[:-1], 2, "has no end"),
        (HEADING + ROW + "7|7|app\n", 3, "13 fields were expected, 3 are there"),
        (HEADING + ROW.replace("COMPLETED", "completed"), 2, "'completed' is no State"),
        (HEADING + ROW.replace("2026-11-22T", "2026-13-22T"), 2, "is no time"),
        (HEADING + ROW.replace("2026-11-22T22:49:45", "yesterday"), 2, "'yesterday' is no Submit"),
        (HEADING + ROW.replace("3:0", "3"), 2, "'3' is no ExitCode"),
        (HEADING + ROW.replace("node[01-02]", "node[01"), 2, "is not a hostlist"),
        (HEADING + ROW.replace("node[01-02]", "node[1-99999999]"), 2, "more than 65,536 hosts"),
        (HEADING + ROW.replace("7|7|", "x|7|"), 2, "'x' is no JobID"),
        (HEADING.replace("JobName", "State") + ROW, 1, "State twice"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    error = refused(text)
    assert (error.line, says in str(error)) == (line, True), str(error)


def test_another_number_of_hosts_than_was_said_is_told() -> None:
    reading = sacct.parse(HEADING + ROW.replace("|2|", "|3|"), ORIGIN)
    assert reading.notices == ("1 run with another number of hosts than NNodes says: 7.",)


def test_an_empty_listing_is_no_run_and_no_error() -> None:
    reading = sacct.parse(HEADING, ORIGIN)
    assert (reading.value, reading.found) == ((), "0 runs")

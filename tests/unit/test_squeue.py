"""squeue with bars: headings in any order, ids of every kind, and what is refused."""

import re
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from unit.importing import ORIGIN
from weft.base.errors import BadInput
from weft.scheduler.formats import squeue
from weft.scheduler.model import Run, RunKey

HEADING = (
    "JOBID|JOBID|ARRAY_JOB_ID|ARRAY_TASK_ID|NAME|USER|ACCOUNT|PARTITION|STATE|NODES|CPUS|NODELIST|START_TIME|FEATURES\n"
)
ROW = "7|7|7|N/A|app|alice|physics|batch|RUNNING|2|64|node[01-02]|1795387785|edr\n"
START = 1_795_387_785_000


def read(content: str) -> tuple[Run, ...]:
    return squeue.parse(content, ORIGIN).value


def refused(content: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        squeue.parse(content, ORIGIN)
    return caught.value


def test_a_row_is_a_run() -> None:
    assert read(HEADING + ROW) == (
        Run(
            RunKey("cluster", 7, START), "7", "app", "alice", "physics", "batch", "RUNNING", None, None,
            ("node01", "node02"), 2, None, None, ORIGIN.seen_at_ms, "squeue", "edr", "", 64,
        ),
    )  # fmt: skip


def test_short_states_and_few_columns_will_do() -> None:
    runs = read("START_TIME|ST|JOBID\n1795387785|R|7\n1795387785|PD|8\nN/A|PD|9\n")
    assert [(run.state, run.key.start_ms, run.predicted_start_ms) for run in runs] == [
        ("RUNNING", START, None), ("PENDING", None, START), ("PENDING", None, None),
    ]  # fmt: skip
    assert "no column NODELIST" in squeue.parse("START_TIME|ST|JOBID\nN/A|PD|9\n", ORIGIN).notices[0]


@pytest.mark.parametrize(
    ("ids", "label", "number"),
    [
        ("5_6|5|5|6", "5_6", 5),
        ("5_[4-6%3]|5|5|4-6%3", "5_[4-6%3]", 5),
        ("15+1|16|16|N/A", "15+1", 16),
        ("17|17|5|1", "5_1", 17),
        ("17|5_1|5|1", "5_1", 17),
        ("7|7|7|N/A", "7", 7),
    ],
)
def test_ids_of_every_kind(ids: str, label: str, number: int) -> None:
    (run,) = read(HEADING + ROW.replace("7|7|7|N/A", ids, 1))
    assert (run.label, run.key.job_id) == (label, number)


def test_listings_one_after_the_other_are_one() -> None:
    assert read(HEADING + ROW + HEADING + ROW.replace("7|7|7", "8|8|8")) == (
        *read(HEADING + ROW),
        *read(HEADING + ROW.replace("7|7|7", "8|8|8")),
    )


def test_a_name_with_bars_is_read_where_all_else_fits() -> None:
    reading = squeue.parse(HEADING + ROW.replace("app", "a|b||c"), ORIGIN)
    assert reading.value[0].name == "a|b||c"
    assert reading.notices == ("1 row with bars inside a text: read by what fits.",)


def test_what_the_command_prints_is_read_whatever_users_write() -> None:
    codes = dict(re.findall(r"%(\w)\|?()", squeue.COMMAND.partition(" -o ")[2]))
    names = {
        "i": "JOBID", "A": "JOBID", "F": "ARRAY_JOB_ID", "K": "ARRAY_TASK_ID", "u": "USER", "a": "ACCOUNT",
        "P": "PARTITION", "T": "STATE", "V": "SUBMIT_TIME", "S": "START_TIME", "e": "END_TIME", "D": "NODES",
        "C": "CPUS", "N": "NODELIST", "f": "FEATURES", "j": "NAME",
    }  # fmt: skip
    assert set(codes) == set(names)
    heading = squeue.COMMAND.partition(" -o '")[2].rstrip("'")
    for code, name in names.items():
        heading = heading.replace(f"%{code}", name)
    row = "7|7|7|N/A|alice|physics|batch|RUNNING|1795387780|1795387785|NONE|2|64|node[01-02]|edr|hdr|7|a|b|9"
    (run,) = read(f"{heading}\n{row}\n")
    assert (run.name, run.features, run.submit_ms, run.hosts) == (
        "a|b|9", "edr|hdr", START - 5000, ("node01", "node02"),
    )  # fmt: skip


def test_of_a_waiting_job_the_nodes_are_a_count_and_of_one_on_its_way_back_too() -> None:
    waits = ROW.replace("RUNNING|2|64|node[01-02]", "PENDING|60-60|1.50K|")
    back = waits.replace("PENDING", "REQUEUED")
    for row in (waits, back):
        (run,) = read(HEADING + row)
        assert (run.state, run.node_count, run.cpus, run.hosts) == ("PENDING", 60, 1500, ())
        assert (run.key.start_ms, run.predicted_start_ms) == (None, START)


def test_only_times_that_are_read_are_told_to_be_in_doubt() -> None:
    berlin = replace(ORIGIN, zone=ZoneInfo("Europe/Berlin"))
    heading = "JOBID|ST|SUBMIT_TIME|START_TIME|END_TIME|NODELIST\n"
    row = "7|R|2026-10-24T12:00:00|2026-10-24T12:00:00|2026-10-25T02:30:00|n1\n"
    assert squeue.parse(heading + row, berlin).notices == ()
    assert squeue.parse(heading + row.replace("|R|", "|CD|"), berlin).notices[0].startswith("1 time in an hour")


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (HEADING + ROW[:-1], 2, "has no end"),
        (HEADING + "7|7\n", 2, "14 fields were expected, 2 are there"),
        (HEADING + ROW.replace("RUNNING", "running"), 2, "'running' is no STATE"),
        (HEADING + ROW.replace("1795387785", "now"), 2, "'now' is no START_TIME"),
        (HEADING + ROW.replace("7|7|7", "5_6|5_6|5"), 2, "only in the second JOBID, %A"),
        ("JOBID|START_TIME\n7|N/A\n", 1, "no column STATE or ST"),
        ("JOBID|ST\n7|R\n", 1, "no column START_TIME"),
        ("", None, "it holds no line"),
    ],
)
def test_what_does_not_fit_is_refused(content: str, line: int | None, says: str) -> None:
    error = refused(content)
    assert (error.line, says in str(error)) == (line, True), str(error)


def test_without_a_heading_only_all_columns_are_known() -> None:
    assert not squeue.recognise("7|app|alice|RUNNING\n")
    assert squeue.recognise("JOBID|ST\n7|R\n")

"""slurmctld's and slurmd's own logs: real ones, levels, steps, hosts, and clocks."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from unit.importing import ORIGIN
from weft.base.errors import BadInput
from weft.base.formats import Origin
from weft.base.intervals import ms_of
from weft.logs import slurm
from weft.logs.store import LogLine


def read(text: str, origin: Origin = ORIGIN) -> tuple[LogLine, ...]:
    return slurm.parse(text, origin).value


def ms(text: str) -> int:
    return ms_of(datetime.fromisoformat(text))


def test_a_real_log_of_slurmctld(data: Path) -> None:
    reading = slurm.parse((data / "slurm/64-after/slurmctld.log").read_text(), replace(ORIGIN, name="slurmctld.log"))
    assert (reading.found, reading.dated) == ("154 lines", True)
    assert reading.notices == (
        "The file does not say which host wrote it: call it slurmd.HOST.log for that, as SlurmdLogFile=slurmd.%n.log "
        "does.",
    )
    first = reading.value[0]
    assert first == LogLine(
        first.id, ms("2026-11-22T22:49:19.530Z"), "", "slurmctld", "err", "error: Configured MailProg is invalid",
        "slurm log",
    )  # fmt: skip
    started = next(line for line in reading.value if "Started JobId=2 " in line.message)
    assert (started.severity, started.fields) == ("info", {"job_id": "2"})
    # grep -c ' error:' slurmctld.log
    assert sum(line.severity == "err" for line in reading.value) == 52


def test_a_real_log_of_slurmd_is_its_hosts(data: Path) -> None:
    name = "slurmd.node17.log"
    reading = slurm.parse((data / "slurm/64-after" / name).read_text(), replace(ORIGIN, name=name))
    assert (reading.found, reading.notices) == ("33 lines of 1 host", ())
    assert {line.host for line in reading.value} == {"node17"}
    cancelled = reading.value[-2]
    assert cancelled == LogLine(
        cancelled.id, ms("2026-11-22T22:50:50.626Z"), "node17", "slurmstepd", "err",
        "[4.batch] error: *** JOB 4 ON node17 CANCELLED AT 2026-11-22T22:50:50 DUE TO TIME LIMIT ***", "slurm log", 0,
        {"job_id": "4", "step": "4.batch"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "program", "host"),
    [
        ("slurmd.node17.log", "x", "slurmd", "node17"),
        ("slurmd.node17.log.1.gz", "x", "slurmd", "node17"),
        ("slurmd-node17.site.example.log-20261122", "x", "slurmd", "node17.site.example"),
        ("slurmctld.log", "x", "slurmctld", ""),
        ("slurmdbd.log", "x", "slurmdbd", ""),
        ("messages", "x", "slurm", ""),
        ("messages", "slurmd version 25.11.7 started", "slurmd", ""),
        ("", "slurmctld version 22.05.8 started on cluster c", "slurmctld", ""),
    ],
)
def test_program_and_host_come_from_the_files_name_or_what_it_says(
    name: str, text: str, program: str, host: str
) -> None:
    (line,) = read(f"[2026-11-22T22:49:19.530] {text}\n", replace(ORIGIN, name=name))
    assert (line.program, line.host) == (program, host)


@pytest.mark.parametrize(
    ("text", "severity", "own"),
    [
        ("fatal: no", "crit", {}),
        ("warning: no", "warning", {}),
        ("debug2: no", "debug", {}),
        ("error no", "info", {}),
        ("sched: Allocate JobId=12 NodeList=n1", "info", {"job_id": "12"}),
        ("[10.extern] error: no", "err", {"job_id": "10", "step": "10.extern"}),
        ("[10.4294967290] done with job", "info", {"job_id": "10", "step": "10.4294967290"}),
        ("_kill JobId=7_2(9) x", "info", {"job_id": "7_2"}),
        ("_kill JobId=8+1(9) x", "info", {"job_id": "8+1"}),
        ("xJobId=7 x", "info", {}),
    ],
)
def test_levels_and_jobs(text: str, severity: str, own: dict[str, str]) -> None:
    (line,) = read(f"[2026-11-22T22:49:19.530] {text}\n")
    assert (line.severity, line.fields, line.message) == (severity, own, text)


def test_the_same_line_of_two_hosts_are_two_lines() -> None:
    text = "[2026-11-22T22:49:19.530] slurmd version 22.05.8 started\n"
    a, b = (read(text, replace(ORIGIN, name=f"slurmd.{host}.log"))[0].id for host in ("n1", "n2"))
    assert a != b


def test_clocks_are_the_machines_unless_the_zone_is_told() -> None:
    berlin = replace(ORIGIN, zone=ZoneInfo("Europe/Berlin"))
    assert read("[2026-11-22T22:49:19] x\n", berlin)[0].at_ms == ms("2026-11-22T21:49:19Z")
    assert read("[2026-11-22T22:49:19.530-08:00] x\n", berlin)[0].at_ms == ms("2026-11-23T06:49:19.530Z")
    with pytest.raises(BadInput, match="came twice that day"):
        read("[2026-10-25T02:30:00.000] x\n", berlin)
    both = "[2026-10-25T02:30:00.000] x\n[2026-10-25T02:10:00.000] y\n"
    assert [line.at_ms for line in read(both, berlin)] == [ms("2026-10-25T00:30:00Z"), ms("2026-10-25T01:10:00Z")]


def test_what_is_none() -> None:
    assert not slurm.recognise("")
    assert not slurm.recognise("[2026-11-22T22:49:19.530] x\nhello\nworld\n")
    assert not slurm.recognise("[2026-11-22 22:49:19] x\n")
    with pytest.raises(BadInput, match=r"`\[2026-11-22T22:49:19.530\] text` was expected, not '\[2026-11-31"):
        read("[2026-11-31T22:49:19.530] x\n")

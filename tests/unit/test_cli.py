"""The commands, in process, on a small imported folder: what they print, say aside, and end with."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from weft.answers.catalog import TABLES
from weft.base.owner import own
from weft.cli import main
from weft.demo.dumps import ibnetdiscover, sacct
from weft.demo.living import World
from weft.demo.site import Story
from weft.demo.syslog import syslog

STORY = Story.told(324, 1_795_386_190)
"""Told 2026-11-22T22:23:10Z."""
CONFIG = '[site]\ncluster = "demo"\ntimezone = "UTC"\n[metrics]\nretention = "10s:1h,1m:2d"\n'


class Said(NamedTuple):
    """What a command printed, said aside, and ended with."""

    out: str
    err: str
    status: int


Weft = Callable[..., Said]


@pytest.fixture
def weft(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Weft:
    """Run a command as from a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*args: object) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(arg) for arg in args])
        said = capsys.readouterr()
        return Said(said.out, said.err, int(str(end.value.code)))

    return run


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three sweeps, the jobs and the log of the story's last hours."""
    folder = tmp_path_factory.mktemp("site")
    dumps = folder / "dumps"
    dumps.mkdir()
    (folder / "weft.toml").write_text(CONFIG)
    world = World(STORY)
    world.go_on(STORY.built_s)
    for name, at_s in (("1", STORY.moved_s - 600), ("2", STORY.vanished_s - 600), ("3", STORY.built_s)):
        (dumps / f"ibnetdiscover-{name}.txt").write_text(ibnetdiscover(STORY, at_s))
    texts = {
        "sacct.txt": sacct(world.jobs.values(), STORY.built_s),
        "syslog.txt": syslog(STORY, world.jobs.values(), STORY.vanished_s - 600, STORY.built_s),
    }
    for name, text in texts.items():
        (dumps / name).write_text(text)
        os.utime(dumps / name, (STORY.built_s, STORY.built_s))
    with pytest.raises(SystemExit) as end:
        main(["import", str(dumps), "--data", str(folder)])
    assert end.value.code == 0
    return folder


def rows(said: Said) -> dict[str, Any]:
    return dict(json.loads(said.out))


def test_import_says_what_each_file_was_taken_for_and_is_idempotent(weft: Weft, site: Path) -> None:
    said = weft("import", site / "dumps", "--data", site)
    assert said.status == 0
    assert f"unchanged  {site}/dumps/ibnetdiscover-1.txt" in said.out
    assert "ibnetdiscover: 349 nodes (27 switches), 646 links" in said.out
    assert said.out.endswith("5 files: 5 unchanged.\n")
    assert f"notice: {site}/dumps/sacct.txt: It does not say when it was made" in said.err


def test_a_bad_file_is_refused_with_its_line_and_the_others_are_imported(
    weft: Weft, site: Path, tmp_path: Path
) -> None:
    good = (site / "dumps" / "ibnetdiscover-1.txt").read_text()
    dumps = tmp_path / "dumps"
    dumps.mkdir()
    (dumps / "cut.txt").write_text(good[: len(good) // 2])
    (dumps / "good.txt").write_text(good)
    said = weft("import", dumps, "--data", tmp_path / "data")
    assert said.status == 1
    assert said.out.endswith("2 files: 1 refused, 1 imported.\n")
    errors = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert re.match(rf"error: {dumps}/cut.txt:\d+: ", errors[0])
    assert "Traceback" not in said.err


def test_import_beside_an_owner_that_does_not_come_to_it_is_kept_and_applied_by_the_next(
    weft: Weft, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weft.cli.site.PATIENCE_S", 0.1)
    listing = next((site / "dumps").glob("*sacct*"))
    with own(tmp_path, "weft serve at http://127.0.0.1:8077"):
        said = weft("import", listing, "--data", tmp_path)
        waits = weft("check", "--json", "--data", tmp_path)
    assert said.status == 0
    assert said.out.startswith(f"kept       {listing}")
    assert said.out.endswith("1 file: 1 kept.\n")
    assert "notice: " in said.err
    assert f"in use by process {os.getpid()} (weft serve at http://127.0.0.1:8077)" in said.err
    assert any(finding["what"].startswith("Spool: 1 entry waits, ") for finding in rows(waits)["findings"])
    again = weft("import", listing, "--data", tmp_path)
    assert (again.status, again.out.split()[0]) == (0, "unchanged")
    assert weft("check", "--json", "--data", tmp_path).out.count("Spool: nothing waits.") == 1


def test_import_while_the_inventory_is_away_is_kept_and_told(weft: Weft, site: Path, tmp_path: Path) -> None:
    listing = next((site / "dumps").glob("*sacct*"))
    (tmp_path / "inventory.db").write_text("no database, and longer than a header\n" * 9)
    said = weft("import", listing, "--data", tmp_path)
    assert (said.status, said.out.split()[0]) == (0, "kept")
    assert f"Kept, and applied once that can be: The inventory {tmp_path}/inventory.db cannot be opened" in said.err
    (tmp_path / "inventory.db").unlink()
    assert weft("import", listing, "--data", tmp_path).out.split()[0] == "unchanged"


def test_a_job_in_sections(weft: Weft, site: Path) -> None:
    said = weft("job", "4711", "--data", site)
    assert said.status == 0
    for line in (
        r"user       alice",
        r"state      RUNNING",
        r"start      11-22 17:03:00",
        r"node109  leaf07     1  c\w+        0  -",
        r"node220  leaf13     4  c\w+        0  -",
        r"leaf07     15     15   0.94",
        r"Times are UTC\.",
    ):
        assert re.search(rf"^{line} *$", said.out, re.MULTILINE), line
    # 15 hosts on leaf07, one on leaf13; node124 to node126 of leaf07 are not its own.
    assert len(re.findall(r"^node\d+ ", said.out, re.MULTILINE)) == 16
    # Who was on the same leaves, and had no host of its own in common.
    assert re.search(r"^Runs near it *$", said.out, re.MULTILINE)


def test_placement_names_the_straggler_and_the_host_that_would_straighten_it(weft: Weft, site: Path) -> None:
    (row,) = rows(weft("placement", "4711", "--json", "--data", site))["placement"]
    # Ordered pairs: 16 x 15 = 240, of which 2 x 15 are 3 switches apart, the others 1: (210 + 90) / 240.
    assert (row["leaves"], row["leaves_minimum"], row["mean_hops"], row["best_hops"]) == (2, 1, 1.25, 1.0)
    assert row["swaps"] == "node220 -> node126 (1.25 -> 1.00)"


def test_a_cable_is_found_by_its_id_and_by_every_port_it_was_in(weft: Weft, site: Path) -> None:
    by_port = [rows(weft("cable", port, "--json", "--data", site)) for port in ("leaf01/17", "node005")]
    history = by_port[0]["cable_history"]
    assert [(row["a"], row["b"], row["identity"]) for row in history] == [
        ("leaf01/5", "node005 mlx5_0/1", "certain"),
        ("leaf01/17", "node005 mlx5_0/1", "certain"),
    ]
    assert by_port[1]["cable_history"] == history
    assert rows(weft("cable", history[0]["cable"], "--json", "--data", site))["cable_history"] == history


def test_a_vanished_host_and_who_was_on_it(weft: Weft, site: Path) -> None:
    (row,) = rows(weft("vanished", "--json", "--data", site))["vanished"]
    assert (row["host"], row["state"], row["port"], row["users"]) == ("node200", "vanished", "leaf12/2", "carol")
    assert (row["last_seen"], row["missed"]) == ((STORY.vanished_s - 600) * 1000, STORY.built_s * 1000)


def test_the_topology_is_the_one_of_the_time_asked(weft: Weft, site: Path) -> None:
    def ports(*args: object) -> set[int]:
        told = rows(weft("topology", "--switch", "leaf01", "--json", "--data", site, *args))["ports"]
        return {row["port"] for row in told if row["port"] <= 18}

    assert ports() == {*range(1, 18)} - {5}
    assert ports("--at", STORY.moved_s - 300) == set(range(1, 17))


def test_switches_and_narrow_links(weft: Weft, site: Path) -> None:
    said = rows(weft("topology", "--json", "--data", site))
    hosts = {row["switch"]: row["hosts"] for row in said["switches"]}
    # Two hosts of leaf01 were never bought, one of leaf12 has vanished; no host hangs on a spine.
    leaves = {f"leaf{n:02d}": 18 for n in range(1, 19)} | {"leaf01": 16, "leaf12": 17}
    assert hosts == leaves | {f"spine{n:02d}": 0 for n in range(1, 10)}
    assert [(row["a"], row["runs"], row["like"]) for row in said["degraded"]] == [("leaf03/8", "1X EDR", "4X EDR")]


def test_changes_newest_first_and_by_kind(weft: Weft, site: Path) -> None:
    told = rows(weft("changes", "--json", "--data", site))["fabric_changes"]
    assert [row["kind"] for row in told] == ["node_gone", "cable_moved"]
    only = rows(weft("changes", "--kind", "cable_moved", "--json", "--data", site))["fabric_changes"]
    assert [row["kind"] for row in only] == ["cable_moved"]


def test_jobs_are_filtered_and_cut_with_a_notice(weft: Weft, site: Path) -> None:
    said = weft("jobs", "--user", "alice", "--user", "bob", "--state", "completed", "--limit", 3, "--data", site)
    lines = said.out.splitlines()
    assert lines[0].split() == ["job", "user", "name", "state", "hosts", "start", "elapsed", "partition"]
    assert all(re.search(r" (alice|bob)  .* COMPLETED ", line) for line in lines[1:4])
    assert "notice: Only the newest 3 runs are listed." in said.err


def test_jobs_of_a_switch(weft: Weft, site: Path) -> None:
    said = rows(weft("jobs", "--switch", "leaf13", "--user", "alice", "--state", "running", "--json", "--data", site))
    # node220, the straggler of 4711, hangs on leaf13.
    assert "4711" in {row["job"] for row in said["jobs"]}


def test_two_times_differ_by_the_move_and_the_host_that_vanished(weft: Weft, site: Path) -> None:
    said = rows(weft("diff", "--from", STORY.moved_s - 600, "--json", "--data", site))
    told = [
        (row["what"], row["kind"], row["name"], row["after"]) for row in said["fabric_diff"] if row["what"] != "cable"
    ]
    assert told == [
        ("node", "removed", "node200 mlx5_0", None),
        ("link", "changed", "leaf12/2 - node200 mlx5_0/1", "down"),
    ]
    (moved,) = [row for row in said["fabric_diff"] if row["what"] == "cable"]
    assert (moved["before"], moved["after"]) == ("leaf01/5 - node005 mlx5_0/1", "leaf01/17 - node005 mlx5_0/1")


def test_links_that_went_down_and_hosts_behind_a_switch(weft: Weft, site: Path) -> None:
    said = rows(weft("flapping", "--json", "--data", site))
    assert [(row["a"], row["downs"], row["away"]) for row in said["flapping"]] == [("leaf12/2", 1, 1)]
    leaf = rows(weft("behind", "leaf12", "--json", "--data", site))["behind"]
    assert (len(leaf), all(row["cut_off"] for row in leaf)) == (17, True)
    link = rows(weft("behind", "leaf12/19", "--json", "--data", site))["behind"]
    assert (len(link), any(row["cut_off"] for row in link)) == (17, False)


def test_the_wiring_is_compared_with_a_plan_once_there_is_one(weft: Weft, site: Path) -> None:
    said = weft("wiring", "--data", site)
    assert (said.status, said.out.strip()) == (0, "")
    assert "No plan of fabric ib's wiring was given" in said.err


def test_jobs_side_by_side_are_columns(weft: Weft, site: Path) -> None:
    said = weft("compare", "4711", "4712", "--data", site)
    lines = [line.split("  ") for line in said.out.splitlines()]
    assert [word.strip() for word in lines[0] if word.strip()] == ["4711", "4712"]
    assert re.search(r"^hosts +16 ", said.out, re.MULTILINE)
    assert re.search(r"^mean hops +1\.25 ", said.out, re.MULTILINE)


def test_totals_add_up_whatever_they_are_made_by(weft: Weft, site: Path) -> None:
    users = rows(weft("totals", "--json", "--data", site))["totals"]
    states = rows(weft("totals", "--by", "state", "--json", "--data", site))["totals"]
    assert len(users) > 1
    assert sum(row["runs"] for row in users) == sum(row["runs"] for row in states)
    assert sum(row["node_hours"] for row in users) == pytest.approx(sum(row["node_hours"] for row in states))
    said = weft("totals", "--by", "x", "--data", site)
    assert "by=x is not possible. Known are account, cluster, partition, state, user." in said.err


def test_any_table_is_shown_with_the_arguments_of_a_panel(weft: Weft, site: Path) -> None:
    said = weft("show", "job_switches", "job=4711", "--data", site)
    assert re.search(r"^4711 +leaf07 +15 +15 +0\.94", said.out, re.MULTILINE)
    early = rows(weft("show", "jobs", "job=4711", f"to={STORY.built_s - 86_400}", "--json", "--data", site))
    assert early["jobs"] == []
    listed = weft("show")
    assert all(re.search(rf"^{name} ", listed.out, re.MULTILINE) for name in TABLES)
    assert re.search(r"^ +job=\.\.\. metric=\.\.\. *$", listed.out, re.MULTILINE)
    assert max(map(len, listed.out.splitlines())) <= 80


def test_the_shell_completes_tables_and_their_arguments(weft: Weft, monkeypatch: pytest.MonkeyPatch) -> None:
    def completed(words: str, place: int) -> list[str]:
        monkeypatch.setenv("_WEFT_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(place))
        return weft().out.split()

    assert completed("weft show cable", 2) == ["cables", "cable_history"]
    assert completed("weft show totals by=s", 3) == ["by=state"]
    assert completed("weft show ports s", 3) == ["switch="]
    assert completed("weft show nosuch s", 3) == []


def test_log_lines_go_on_in_their_own_column(weft: Weft, site: Path) -> None:
    said = weft("logs", "node200", "DOWN", "--data", site)
    assert re.search(r"^11-22 21:26:10  mgmt01  slurmctld  error: Nodes node200 not", said.out, re.MULTILINE)
    assert re.search(r"^ {35}DOWN *$", said.out, re.MULTILINE)


@pytest.mark.parametrize(
    "args",
    [
        ("job", "4711"), ("jobs",), ("placement", "4711"), ("topology",), ("topology", "--switch", "leaf01"),
        ("cable", "node005"), ("vanished",), ("changes",), ("logs",), ("check",), ("compare", "4711", "4712"),
        ("totals",), ("diff", "--from", str(STORY.moved_s - 600)), ("flapping",), ("behind", "leaf01"), ("show",),
        *(("show", name) for name in ("hosts", "fabric_changes", "cables", "links", "jobs", "sources")),
    ],
)  # fmt: skip
def test_nothing_is_wider_than_eighty_columns(weft: Weft, site: Path, args: tuple[str, ...]) -> None:
    said = weft(*args, "--data", site)
    assert said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_check_says_what_is_amiss_and_what_to_do(weft: Weft, site: Path) -> None:
    said = weft("check", "--json", "--data", site)
    findings = {finding["what"]: finding for finding in rows(said)["findings"]}
    assert said.status == 1
    amiss = [what for what, finding in findings.items() if finding["level"] == "amiss"]
    # No counters were imported here, no host metrics are there, and the last sweep is old.
    assert any("metrics" in what.lower() for what in amiss)
    assert all(findings[what]["fix"] for what in amiss)
    # 645 links are 1,290 ports, five counters each; 60,000 ports are 300,000 files (DESIGN section 5).
    assert any("1,290 ports: 6,450 files" in what for what in findings)
    assert any("60,000 ports: 300,000 files" in what for what in findings)
    assert any(what.endswith("jobs, all known in the fabric.") for what in findings)


@pytest.mark.parametrize(
    ("args", "status", "error"),
    [
        (("job", "99999"), 1, "No job 99999 is known in cluster demo."),
        (("cable", "leaf99/3"), 1, "There is no cable and no port 'leaf99/3'."),
        (("topology", "--switch", "leaf99"), 1, "There is no switch 'leaf99'. Did you mean"),
        (("topology", "--at", "2020-01-01"), 1, "Fabric ib was first seen at"),
        (("jobs", "--from", "nonsense"), 1, "'nonsense' is not a time. Give ISO 8601"),
        (("jobs", "--from", "2026-01-02", "--to", "2026-01-01"), 1, "The window ends before it begins."),
        (("job",), 2, "Missing argument"),
        (("bogus",), 2, "No such command 'bogus'"),
        (("jobs", "--limit", "0"), 2, "Invalid value"),
        (("show", "jbos"), 1, "There is no table 'jbos'. Did you mean jobs"),
        (("show", "jobs", "alice"), 1, "'alice' is no argument."),
        (("show", "jobs", "usr=alice"), 1, "'jobs' has no parameter 'usr'. Did you mean user"),
        (("behind", "leaf99"), 1, "There is no switch 'leaf99'."),
        (("compare", "4711", "99999"), 1, "No job 99999 is known in cluster demo."),
        (("imbalance", "4711", "cpu.user"), 1, "No host of job 4711 has a metric 'cpu.user'."),
        (("diff",), 2, "Missing option '--from'"),
    ],
)
def test_an_error_is_one_line_on_stderr(
    weft: Weft, site: Path, args: tuple[str, ...], status: int, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_DATA", str(site))
    said = weft(*args)
    assert (said.status, said.out) == (status, "")
    assert said.err.startswith("error: ")
    assert error in said.err
    assert len(said.err.splitlines()) == 1


def test_reading_makes_no_site_of_a_mistyped_folder(weft: Weft, tmp_path: Path) -> None:
    said = weft("jobs", "--data", tmp_path / "typo")
    assert said.err.startswith(f"error: There is no site in {tmp_path}/typo.")
    assert not (tmp_path / "typo").exists()


def test_an_unknown_setting_stops_the_start_with_its_name(weft: Weft, tmp_path: Path) -> None:
    (tmp_path / "weft.toml").write_text("[site]\nclutser = 'x'\n")
    said = weft("jobs", "--config", tmp_path / "weft.toml", "--data", tmp_path)
    assert said.status == 1
    assert "site.clutser" in said.err


def test_what_nobody_foresaw_is_one_line_and_a_file_for_the_authors(
    weft: Weft, site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*args: object, **options: object) -> None:
        raise ZeroDivisionError("by design")

    monkeypatch.setattr("weft.cli.jobs.ask", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    said = weft("jobs", "--data", site)
    assert said.status == 1
    assert len(said.err.splitlines()) == 1
    (file,) = tmp_path.glob("weft-*.txt")
    assert str(file) in said.err
    assert "ZeroDivisionError: by design" in file.read_text()


def test_help_lists_the_commands(weft: Weft) -> None:
    said = weft("--help")
    assert said.status == 0
    commands = "demo serve import job jobs placement topology cable vanished changes logs check"
    for command in f"{commands} compare totals imbalance diff wiring flapping behind show".split():
        assert re.search(rf"^  {command} ", said.out, re.MULTILINE)

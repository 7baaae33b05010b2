"""`weft logs`: at 80 columns and as JSON, with every option, and its refusals."""

import json
from pathlib import Path

import pytest

from weft.cli import main

SYSLOG = """\
<3>2026-11-22T22:23:40+00:00 node001 kernel: mlx5_core 0000:3b:00.0: Port: 1 Link DOWN, and more that is too long
<6>2026-11-22T22:45:00+00:00 node004 sshd[812]: Accepted publickey for root
"""
SACCT = """\
Cluster|JobID|JobIDRaw|User|State|Submit|Start|End|NNodes|NodeList
demo|4711|4711|alice|COMPLETED|2026-11-22T22:09:00|2026-11-22T22:10:00|2026-11-22T22:40:00|2|node[001,004]
"""


class Weft:
    """Runs commands on one data folder as from a terminal of 80 columns."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder, self._capsys = folder, capsys

    def __call__(self, *args: object) -> tuple[str, str, object]:
        with pytest.raises(SystemExit) as ended:
            main([*map(str, args), "--data", str(self._folder)])
        said = self._capsys.readouterr()
        return said.out, said.err, ended.value.code


@pytest.fixture
def weft(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Weft:
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "weft.toml").write_text('[site]\ncluster = "demo"\ntimezone = "UTC"\n')
    (tmp_path / "messages").write_text(SYSLOG)
    (tmp_path / "sacct.txt").write_text(SACCT)
    run = Weft(tmp_path / "site", capsys)
    assert run("import", tmp_path / "messages", tmp_path / "sacct.txt", "--seen-at", "2026-11-23T00:00:00Z")[2] == 0
    return run


def test_lines_fit_80_columns_and_go_on_in_their_own(weft: Weft) -> None:
    out, err, status = weft("logs", "--from", "2026-11-22", "--to", "2026-11-23")
    assert (err, status) == ("", 0)
    assert out.splitlines() == [
        "time            host     program  message                                       ",
        "11-22 22:45:00  node004  sshd     Accepted publickey for root                   ",
        "11-22 22:23:40  node001  kernel   mlx5_core 0000:3b:00.0: Port: 1 Link DOWN, and",
        "                                  more that is too long                         ",
        "",
        "Times are UTC.",
    ]


def hosts(said: tuple[str, str, object]) -> list[str]:
    assert said[2] == 0, said
    return [row["host"] for row in json.loads(said[0])["logs"]]


def test_every_option_narrows_the_search(weft: Weft) -> None:
    assert hosts(weft("logs", "--json")) == ["node004", "node001"]
    assert hosts(weft("logs", '"link down"', "--json")) == ["node001"]
    assert hosts(weft("logs", "link", "AND", "NOT", "up", "--json")) == ["node001"]
    assert hosts(weft("logs", "severity:>=err", "--json")) == ["node001"]
    assert hosts(weft("logs", "--host", "node004", "--json")) == ["node004"]
    assert hosts(weft("logs", "--job", "4711", "--json")) == ["node001"]
    assert hosts(weft("logs", "job:4711", "--json")) == ["node001"]
    assert hosts(weft("logs", "--from", "2026-11-22T22:40:00", "--json")) == ["node004"]


def test_json_says_everything(weft: Weft) -> None:
    out, err, _ = weft("logs", "pid:812", "--json")
    told = json.loads(out)
    (row,) = told["logs"]
    assert (row["time"], row["fields"], row["message"]) == (
        1_795_387_500_000, "pid=812", "Accepted publickey for root"
    )  # fmt: skip
    assert (told["notices"], err) == ([], "")


def test_what_is_wrong_is_told_in_one_line(weft: Weft) -> None:
    out, err, status = weft("logs", "link AND")
    assert (out, status) == ("", 1)
    assert err.startswith("error: At character 9 of the query (the end): a term was expected.")
    assert weft("logs", "absent")[1] == "notice: No line matches in this window.\n"

"""What is said of tagged series stays: for other processes, after a crash, and in a file that does not grow on."""

import threading
from pathlib import Path

import pytest

from weft.base.errors import Unavailable
from weft.ingest.backup import backup, restore
from weft.metrics import taglog
from weft.metrics.taglog import TAG_LOG, TagLog


def both(tmp_path: Path) -> tuple[TagLog, TagLog]:
    """The log as two processes see it."""
    return TagLog(tmp_path / "tags.log"), TagLog(tmp_path / "tags.log")


def said(log: TagLog) -> dict[str, bool]:
    log.generation()
    return log.said()


def test_the_last_thing_said_counts_for_everybody(tmp_path: Path) -> None:
    one, other = both(tmp_path)
    assert (one.generation(), one.said()) == (0, {})
    one.say(["a;b=c", "Grün;x=y"], there=True)
    other.say(["a;b=c"], there=False)
    expected = {"a;b=c": False, "Grün;x=y": True}
    assert said(one) == said(other) == said(TagLog(tmp_path / "tags.log")) == expected


def test_what_is_known_costs_no_line_and_no_generation(tmp_path: Path) -> None:
    one, other = both(tmp_path)
    one.say(["a"], there=True)
    before, generation = (tmp_path / "tags.log").read_bytes(), other.generation()
    other.say(["a", "a"], there=True)
    assert (tmp_path / "tags.log").read_bytes() == before
    assert other.generation() == generation


def test_a_line_that_a_crash_cut_is_no_word_and_is_cut_off(tmp_path: Path) -> None:
    one, other = both(tmp_path)
    one.say(["a"], there=True)
    with (tmp_path / "tags.log").open("ab") as file:
        file.write(b"+half a na")
    assert said(one) == said(other) == {"a": True}
    other.say(["b"], there=True)
    assert said(one) == {"a": True, "b": True}
    assert (tmp_path / "tags.log").read_text().splitlines()[1:] == ["+a", "+b"]


def test_a_head_that_a_crash_cut_is_written_again(tmp_path: Path) -> None:
    (tmp_path / "tags.log").write_bytes(b"# What was")
    one, other = both(tmp_path)
    one.say(["a"], there=True)
    assert said(other) == {"a": True}
    assert len((tmp_path / "tags.log").read_text().splitlines()) == 2


def test_a_log_of_what_no_longer_counts_is_written_anew_and_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taglog, "SPARE_LINES", 10)
    one, other = both(tmp_path)
    one.say(["stays", "goes"], there=True)
    assert said(other) == {"stays": True, "goes": True}
    for turn in range(100):
        one.say(["goes"], there=bool(turn % 2))
    one.say(["goes"], there=False)
    assert len((tmp_path / "tags.log").read_text().splitlines()) < 30
    assert said(other) == said(one) == {"stays": True, "goes": False}


def test_two_that_say_at_once_lose_nothing(tmp_path: Path) -> None:
    def say(who: int) -> None:
        log = TagLog(tmp_path / "tags.log")
        for n in range(20):
            log.say([f"series.{who}.{n}"], there=True)

    threads = [threading.Thread(target=say, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said(TagLog(tmp_path / "tags.log")) == {f"series.{who}.{n}": True for who in range(4) for n in range(20)}


def test_a_backup_holds_it(tmp_path: Path) -> None:
    data, again = tmp_path / "data", tmp_path / "again"
    TagLog(data / TAG_LOG).say(["a;b=c"], there=True)
    backup(data, tmp_path / "site.tar", 0)
    restore(tmp_path / "site.tar", again)
    assert said(TagLog(again / TAG_LOG)) == {"a;b=c": True}


def test_a_disk_that_refuses_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "tags.log").mkdir()
    with pytest.raises(Unavailable, match=r"tags\.log, which keeps what was said of tagged series, cannot be read"):
        TagLog(tmp_path / "tags.log").say(["a"], there=True)

"""`weft import` of a real fabric's five folders: in any order, some twice, some killed half way, the same inventory."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from weft.app import open_engines
from weft.base.config import Settings
from weft.base.intervals import Interval

WEFT = Path(sys.executable).parent / "weft"
FOLDERS = ("ft324-1-before", "ft324-2-moved", "ft324-3-errors", "ft324-3b-errors-no-perfmgr", "ft324-4-failures")
SEEN_AT_S = dict(zip(FOLDERS, (1795386196, 1795386201, 1795386210, 1795386211, 1795386229), strict=True))
"""When the files of a folder were written: a second after its ibnetdiscover, 22:23:15, :20 and :48 UTC."""
ENVIRONMENT = {**os.environ, "WEFT_SITE__TIMEZONE": "UTC", "WEFT_METRICS__RETENTION": "1m:1h"}
ORDERS = 20 if os.environ.get("WEFT_SOAK") else 2


class Told(NamedTuple):
    """Checksums by table, notes, and changes as (kind, first word)."""

    checksums: Mapping[str, str]
    notes: list[tuple[int, str, str]]
    changes: list[tuple[str, str]]


def dumps_of(data: Path, folder: Path) -> Path:
    """The five folders, each file with one time whatever the clone's are."""
    copied = folder / "dumps"
    for name in FOLDERS:
        shutil.copytree(data / "ib" / name, copied / name)
        for file in (copied / name).iterdir():
            os.utime(file, (SEEN_AT_S[name], SEEN_AT_S[name]))
    return copied


def command(target: Path, folder: Path) -> list[str]:
    return [str(WEFT), "import", str(folder), "--data", str(target)]


def whole(target: Path, folder: Path) -> bool:
    """Import a folder to its end; False when a file of it must wait for the fabric to be known, as its error says."""
    told = subprocess.run(command(target, folder), check=False, capture_output=True, text=True, env=ENVIRONMENT)
    assert "Traceback" not in told.stderr
    errors = [line for line in told.stderr.splitlines() if line.startswith("error: ")]
    assert all("and then this file again" in line for line in errors), told.stderr
    assert (told.returncode == 0) == (not errors)
    return not errors


def killed(target: Path, folder: Path, after_s: float) -> None:
    """Import a folder and kill the process with -9 at some moment; it may have come to its end before."""
    process = subprocess.Popen(
        command(target, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT
    )
    time.sleep(after_s)
    process.send_signal(signal.SIGKILL)
    process.wait()


async def _told(target: Path) -> Told:
    async with open_engines(Settings(data=target), owner=False) as engines:
        checksums = dict(await engines.site.ledger.checksums())
        # Counters whose port is not known yet are read again later, so how often a file was read is no part of it.
        del checksums["note"]
        notes = await engines.site.ledger.notes(Interval(0), limit=10_000)
        events = sorted((note.at_ms, note.kind, note.text) for note in notes if note.kind != "counters_read")
        changes = (await engines.site.fabrics.changes("ib", Interval(0))).items
        return Told(checksums, events, sorted((change.kind, change.text.split(" ")[0]) for change in changes))


def told(target: Path) -> Told:
    """What a folder's stores tell."""
    return asyncio.run(_told(target))


def imported(target: Path, dumps: Path, order: Sequence[str], rng: random.Random | None = None) -> None:
    waiting = []
    for name in order:
        if rng is not None and rng.random() < 0.5:
            killed(target, dumps / name, rng.uniform(0.3, 1.5))
        if not whole(target, dumps / name):
            waiting.append(name)
    for name in waiting:
        assert whole(target, dumps / name)


@pytest.fixture(scope="module")
def dumps(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dumps_of(data_folder, tmp_path_factory.mktemp("five"))


@pytest.fixture(scope="module")
def in_order(dumps: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    target = tmp_path_factory.mktemp("in-order") / "data"
    imported(target, dumps, FOLDERS)
    return told(target)


def test_five_folders_tell_one_exchange_and_then_the_failures(
    in_order: Told,
) -> None:
    assert in_order.changes == [
        ("ends_exchanged", "Cables"),
        ("hca_replaced", "node010"),
        ("link_changed", "leaf01/8"),
        ("node_gone", "node018"),
        ("node_gone", "spine09"),
        ("node_silent", "node011"),
    ]


@pytest.mark.parametrize("seed", range(ORDERS))
def test_any_order_some_twice_some_killed_is_the_same_inventory(
    seed: int, dumps: Path, tmp_path: Path, in_order: Told
) -> None:
    rng = random.Random(seed)
    order = rng.sample(FOLDERS, len(FOLDERS))
    order += rng.sample(FOLDERS, 2)
    imported(tmp_path / "data", dumps, order, rng)
    assert told(tmp_path / "data") == in_order, f"order {order}"

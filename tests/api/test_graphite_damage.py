"""Whisper files that are cut, foreign, in the hands of another tool, or not to be read: the others are served."""

import logging
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import whisper

from api.site import NOW_S, now_ms, settings_in, strict
from weft.app import create_app, open_engines
from weft.base.config import Metrics

pytestmark = pytest.mark.anyio

GOOD = ("rack.a", "rack.k", "rack.z")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three good files, and bad ones between them."""
    rack = tmp_path / "tree/rack"
    rack.mkdir(parents=True)
    for name in (*GOOD, "rack.cut", "rack.ring"):
        path = rack / f"{name.removeprefix('rack.')}.wsp"
        whisper.create(str(path), [(10, 360), (60, 1440)], xFilesFactor=0)
        whisper.update_many(str(path), [(NOW_S - 20, 1.0), (NOW_S - 10, 2.0)], now=NOW_S)
    whole = (rack / "cut.wsp").read_bytes()
    (rack / "cut.wsp").write_bytes(whole[:20])
    # Its first archive is whole, the second one is not.
    (rack / "ring.wsp").write_bytes(whole[: 16 + 24 + 360 * 12 + 100])
    (rack / "packed.wsp").write_bytes(b"whisper_compressed" + whole)
    (rack / "empty.wsp").touch()
    (rack / "gone.wsp").symlink_to(tmp_path / "nowhere")
    (rack / "folder.wsp").mkdir()
    os.mkfifo(rack / "pipe.wsp")
    return tmp_path / "tree"


@pytest.fixture
async def client(tree: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = settings_in(tmp_path / "data").model_copy(update={"metrics": Metrics(path=tree)})
    settings.data.mkdir()
    async with open_engines(settings, owner=True, clock=now_ms) as engines:
        transport = httpx.ASGITransport(create_app(settings, engines))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8077") as opened:
            yield opened


async def names(client: httpx.AsyncClient, start: str = "-30s") -> list[str]:
    answer = await client.get("/graphite/render", params={"target": ["rack.*"], "from": start, "noNullPoints": "1"})
    return [one["target"] for one in strict(answer)]


async def missing(client: httpx.AsyncClient, tree: Path) -> dict[str, str]:
    """What the status page says of the tree's files, by name."""
    told = (await client.get("/api/v1/status")).json()["missing"]
    gaps = (gap["what"].removeprefix(f"{tree}/rack/") for gap in told if gap["what"].startswith(str(tree)))
    return dict(gap.split(" ", 1) for gap in gaps)


async def test_each_is_named_once_in_the_log_and_on_the_status_page_and_the_others_are_served(
    client: httpx.AsyncClient, tree: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert await missing(client, tree) == {}
    with caplog.at_level(logging.WARNING, "weft.metrics"):
        for _ in range(3):
            assert await names(client, "-5min") == [*GOOD[:2], "rack.ring", GOOD[2]]
            assert await names(client, "-6h") == list(GOOD), "further back than what is cut off"
    expected = {
        "cut.wsp": "is cut: it ends within the header",
        "ring.wsp": "is cut: it ends within an archive",
        "packed.wsp": "is a compressed file of go-carbon, not a whisper file (set `compressed = false` there)",
        "empty.wsp": "is empty",
        "gone.wsp": "is a link to nothing",
        "pipe.wsp": "cannot be read (Illegal seek)",
    }
    assert await missing(client, tree) == {name: f"{why}." for name, why in expected.items()}
    told = sorted(message for message in caplog.messages if "answered as missing" in message)
    assert told == sorted(
        f"{tree}/rack/{name} {why}; its series is answered as missing" for name, why in expected.items()
    )


async def test_users_are_not_told_where_files_lie(client: httpx.AsyncClient, tree: Path) -> None:
    await names(client)
    assert str(tree) not in (await client.get("/api/v1/status", headers={"x-grafana-user": "bob"})).text


async def test_a_file_that_was_mended_or_moved_away_is_no_trouble_any_more(
    client: httpx.AsyncClient, tree: Path
) -> None:
    await names(client)
    assert {"cut.wsp", "empty.wsp"} <= (await missing(client, tree)).keys()
    whisper.create(str(tree / "rack/new"), [(10, 360)])
    whisper.update_many(str(tree / "rack/new"), [(NOW_S - 10, 3.0)], now=NOW_S)
    (tree / "rack/new").rename(tree / "rack/cut.wsp")
    (tree / "rack/empty.wsp").unlink()
    assert await names(client) == ["rack.a", "rack.cut", "rack.k", "rack.ring", "rack.z"]
    assert {"cut.wsp", "empty.wsp"}.isdisjoint(await missing(client, tree))


async def test_files_that_are_resized_meanwhile_are_served_old_or_new(
    client: httpx.AsyncClient, tree: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As whisper-resize.py does it: a new file beside the old one, then one takes the other's place."""
    stop = threading.Event()
    path = tree / "rack/k.wsp"

    def resize() -> None:
        steps = 0
        while not stop.is_set():
            steps += 1
            new = path.with_name("k.wsp.tmp")
            new.unlink(missing_ok=True)
            whisper.create(str(new), [(10, 360)] if steps % 2 else [(20, 90), (60, 1440)])
            whisper.update_many(str(new), [(NOW_S - 20, 1.0), (NOW_S - 10, 2.0)], now=NOW_S)
            path.rename(path.with_name("k.wsp.bak"))
            new.rename(path)

    work = threading.Thread(target=resize)
    work.start()
    seen = set()
    try:
        for _ in range(150):
            seen.update(await names(client))
            assert {"rack.a", "rack.z"} <= set(await names(client))
    finally:
        stop.set()
        work.join()
    assert "rack.k" in seen
    assert "rack.k" in await names(client)
    assert not [message for message in caplog.messages if "/k.wsp" in message]

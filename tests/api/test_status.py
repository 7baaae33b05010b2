"""What runs, what is missing, what to ask; and an application that starts and stops by itself."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import httpx
import pytest

from api.site import LEAF01, SETTINGS, settings_in, strict
from weft.api import status
from weft.api.engines import Engines
from weft.app import create_app, site_zone
from weft.base.errors import Unavailable
from weft.base.spool import Entry, Spool

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def client_of(engines: Engines) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(engines.settings, engines), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8077") as client:
        yield client


class DeadLogs:
    """A log engine that has gone."""

    async def stats(self) -> dict[str, int]:
        raise Unavailable("The log index is damaged.", fix="Restore it.")


@pytest.fixture
def wounded(engines: Engines) -> Engines:
    """The site with its log engine gone."""
    return replace(engines, site=replace(engines.site, logs=DeadLogs()))


async def test_the_process_is_up_and_ready(client: httpx.AsyncClient) -> None:
    assert strict(await client.get("/healthz")) == {"status": "up", "version": "0.1.0"}
    assert strict(await client.get("/readyz")) == {"status": "ready"}
    assert (await client.head("/healthz")).status_code == (await client.head("/readyz")).status_code == 200


async def test_an_engine_that_has_gone_is_named(wounded: Engines) -> None:
    async with client_of(wounded) as client:
        ready = await client.get("/readyz")
        told = "The log index is damaged. Restore it."
        assert (ready.status_code, strict(ready)) == (
            503,
            {
                "message": f"Not ready. Log lines: {told}",
                "error": "unavailable",
                "engines": {"Log lines": told},
            },
        )
        assert (await client.get("/healthz")).status_code == 200
        status = strict(await client.get("/api/v1/status"))
        assert status["ready"] is False
        assert status["parts"][3] == {"name": "Log lines", "ok": False, "text": told}


async def test_an_engine_that_does_not_answer_is_named_within_three_seconds(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Silent:
        async def stats(self) -> dict[str, int]:
            await anyio.sleep(60)
            return {}

    assert status.PROBE_S < 3
    monkeypatch.setattr(status, "PROBE_S", 0.1)
    silent = replace(engines, site=replace(engines.site, logs=Silent()))
    async with client_of(silent) as client:
        told = strict(await client.get("/api/v1/status"))
    assert told["parts"][3] == {"name": "Log lines", "ok": False, "text": "It did not answer within 0.1 s."}


async def test_the_status_says_what_runs_and_what_to_ask(client: httpx.AsyncClient) -> None:
    status = strict(await client.get("/api/v1/status"))
    assert status["ready"] is True
    assert status["parts"] == [
        {"name": "Fabric", "ok": True, "text": "ib: 3 sweeps, the last at 2026-11-22T22:23:48Z, 96 minutes ago"},
        {"name": "Jobs", "ok": True, "text": "the newest one known started at 2026-11-22T22:50:00Z"},
        {"name": "Series", "ok": True, "text": "2 roots in the tree: demo, fabric"},
        {"name": "Log lines", "ok": True, "text": "2 lines of 1 day"},
        {"name": "Spool", "ok": True, "text": "nothing waits"},
    ]
    assert status["spool"] == {"entries": 0, "bytes": 0, "oldest_ms": None, "trouble": None, "refused": 0}
    assert status["missing"] == []
    assert [one["ask"] for one in status["questions"]][:4] == [
        "jobs",
        "job_hosts job=4711",
        "placement job=4711",
        "vanished",
    ]
    for question in status["questions"]:
        body = {"q": question["ask"], "from": f"-{question['span_s']}s" if question["span_s"] else 0}
        answer = await client.post("/api/v1/query", json=body)
        assert answer.status_code == 200, (question, answer.text)


async def test_what_waits_in_the_spool_is_told_with_its_age_and_why(engines: Engines, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 1_000_000)
    await spool.append([Entry("file", "a.txt", b"x" * 900), Entry("file", "b.txt", b"x" * 900)])
    await spool.stuck("Neo4j at bolt://127.0.0.1:7687 does not answer.")
    (first, _) = await spool.waiting()
    await spool.refuse(first, "c.txt: no.")
    later = replace(engines, spool=spool, clock=lambda: first.record.at_ms + 90_000)
    async with client_of(later) as client:
        status = strict(await client.get("/api/v1/status"))
        assert status["ready"] is True
        size = status["spool"]["bytes"]
        assert 1800 < size < 2100
        told = f"2 entries wait, {size / 1000:.1f} kB, the oldest for 90 s"
        assert status["parts"][4] == {"name": "Spool", "ok": False, "text": told}
        trouble = "Neo4j at bolt://127.0.0.1:7687 does not answer."
        assert status["spool"] == {
            "entries": 2, "bytes": size, "oldest_ms": first.record.at_ms, "trouble": trouble, "refused": 1,
        }  # fmt: skip
        assert [gap["what"] for gap in status["missing"]] == [
            f"The spool does not drain, {told}: {trouble}",
            "Refused from the spool: c.txt: no.",
        ]
        user = strict(await client.get("/api/v1/status", headers={"x-grafana-user": "alice"}))
        assert user["missing"] == []


async def test_a_user_is_offered_only_what_they_may_ask(client: httpx.AsyncClient) -> None:
    headers = {"x-grafana-user": "alice"}
    status = strict(await client.get("/api/v1/status", headers=headers))
    assert [one["ask"] for one in status["questions"]] == ["jobs", "job_hosts job=4711", "placement job=4711"]
    for question in status["questions"]:
        answer = await client.post("/api/v1/query", json={"q": question["ask"]}, headers=headers)
        assert answer.status_code == 200, (question, answer.text)


async def test_an_empty_site_starts_by_itself_and_says_how_to_get_data(tmp_path: Path) -> None:
    app = create_app(settings_in(tmp_path / "data"))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8077") as client:
        before = await client.get("/json")
        assert before.status_code == 200
        ready = await client.get("/readyz")
        assert (ready.status_code, strict(ready)["error"]) == (503, "unavailable")
        async with app.router.lifespan_context(app):
            status = strict(await client.get("/api/v1/status"))
            assert status["ready"] is True
            assert [gap["what"] for gap in status["missing"]] == [
                "No fabric is known.",
                "No job is known.",
                "No series are stored.",
                "No log lines are kept.",
            ]
            assert all(gap["fix"] for gap in status["missing"])
            assert status["questions"] == []
            answer = await client.post("/api/v1/query", json={"q": "vanished"})
            assert (answer.status_code, strict(answer)["error"]) == (404, "unknown_name")


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_pages_are_whole_in_themselves(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page.text)
    assert "innerHTML" not in page.text


def test_importing_the_application_connects_to_nothing(tmp_path: Path) -> None:
    create_app(SETTINGS.model_copy(update={"data": tmp_path / "data"}))
    assert not (tmp_path / "data").exists()


def test_the_zone_is_the_sites_or_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(site_zone("Europe/Berlin")) == "Europe/Berlin"
    monkeypatch.setenv("TZ", ":America/New_York")
    assert str(site_zone("")) == "America/New_York"
    monkeypatch.setenv("TZ", "nonsense")
    assert str(site_zone("")) == "UTC"


def test_the_leaf_of_these_tests_is_in_the_dump(data: Path) -> None:
    assert f'"S-{LEAF01}"' in (data / "ib" / "ft324-1-before" / "ibnetdiscover.txt").read_text()

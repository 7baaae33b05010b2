"""The page at / in both its forms: with the picture of the fabric, and where npm was not there to make it."""

import re
from pathlib import Path

import httpx
import pytest

from api.site import strict
from weft.api import status

pytestmark = pytest.mark.anyio

FRAGMENT = '<link rel="stylesheet" href="overview/overview.css" /><section id="overview"></section>'


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A picture as npm makes it, in few letters."""
    (tmp_path / "overview.html").write_text(FRAGMENT)
    (tmp_path / "overview.js").write_text("start()")
    (tmp_path / "overview.css").write_text("p {}")
    (tmp_path / "secret.txt").write_text("no")
    monkeypatch.setattr(status, "OVERVIEW", tmp_path)
    return tmp_path


@pytest.fixture
def not_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No npm, no picture."""
    monkeypatch.setattr(status, "OVERVIEW", tmp_path / "nowhere")


@pytest.mark.usefixtures("built")
async def test_the_page_holds_the_picture_and_all_that_it_held(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    assert FRAGMENT in page.text
    assert "No picture" not in page.text
    assert '<h2 id="runs">What runs</h2>' in page.text
    assert '<h2 id="grafana">Point a Grafana at it</h2>' in page.text


@pytest.mark.usefixtures("not_built")
async def test_without_npm_the_page_says_so_in_one_line(client: httpx.AsyncClient) -> None:
    page = await client.get("/")
    (line,) = re.findall(r'<p class="bare soft">(.*?)</p>', page.text)
    assert line == (
        "No picture of the fabric: npm was not there when this Weft was set up. "
        "With Node 20 or newer, <code>make overview</code> draws it here."
    )
    assert '<h2 id="runs">What runs</h2>' in page.text
    gone = await client.get("/overview/overview.js")
    assert (gone.status_code, strict(gone)["error"]) == (404, "unknown_name")


@pytest.mark.usefixtures("built")
async def test_what_it_is_drawn_with_comes_from_here_alone(client: httpx.AsyncClient) -> None:
    script, style = await client.get("/overview/overview.js"), await client.get("/overview/overview.css")
    assert (script.text, script.headers["content-type"]) == ("start()", "text/javascript; charset=utf-8")
    assert (style.text, style.headers["content-type"]) == ("p {}", "text/css; charset=utf-8")
    assert script.headers["x-content-type-options"] == style.headers["x-content-type-options"] == "nosniff"
    policy = (await client.get("/")).headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; connect-src 'self'; ")
    assert not re.findall(r"https?:|\*|unsafe-eval", policy)


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("name", ["secret.txt", "overview.html", "..%2fstatus.py", "%2e%2e/secret.txt", "nothing.js"])
async def test_no_other_file_is_served(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/overview/{name}")
    assert answer.status_code == 404
    assert answer.text != "no"


async def test_the_status_names_the_fabrics_and_when_they_were_seen(client: httpx.AsyncClient) -> None:
    told = strict(await client.get("/api/v1/status"))
    # The sweeps of the site, 2026-11-22 22:23:15 and :48 UTC.
    assert told["fabrics"] == [{"name": "ib", "first_ms": 1_795_386_195_000, "last_ms": 1_795_386_228_000}]

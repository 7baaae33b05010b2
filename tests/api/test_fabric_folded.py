"""GET /api/v1/fabric?fold=leaf: the switches with their levels, hosts as a number."""

import httpx
import pytest

pytestmark = pytest.mark.anyio


async def test_folded_the_fabric_has_its_switches_with_hosts_counted(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/fabric", params={"at": "2026-11-22T22:23:15Z", "fold": "leaf"})
    told = answer.json()
    # Counted in the dump: 18 leaves of 18 hosts, 9 spines, two cables from each leaf to each spine.
    kinds = [(node["kind"], node["level"], node["hosts"]) for node in told["nodes"]]
    assert sorted(kinds) == [("leaf", 0, 18)] * 18 + [("spine", 1, 0)] * 9
    assert len(told["links"]) == 18 * 9
    assert {
        (link["links"], link["down"], link["degraded"], link["width"], link["speed"]) for link in told["links"]
    } == {(2, 0, 0, "4X", "EDR")}
    assert told["notices"] == []


async def test_folded_after_the_failures_it_lacks_the_spine_and_says_how_old_it_is(client: httpx.AsyncClient) -> None:
    told = (await client.get("/api/v1/fabric", params={"fold": "leaf"})).json()
    assert [node["kind"] for node in told["nodes"]].count("spine") == 8
    assert [note.startswith("The last sweep was at") for note in told["notices"]] == [True]


async def test_another_fold_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/fabric", params={"fold": "pod"})
    assert answer.status_code == 400

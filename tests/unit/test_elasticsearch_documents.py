"""A line as Elasticsearch's document, the index of its day, and what the cluster is told of them."""

import orjson
import pytest

from weft.base.intervals import Interval
from weft.logs.elasticsearch.documents import (
    LONGEST_KEYWORD,
    MAPPING,
    day_of,
    index_of,
    line_of,
    operation_of,
    policy_of,
    template_of,
)
from weft.logs.store import LogLine, key_of

AT_MS = 1_795_386_195_250
"""2026-11-22T22:23:15.250Z"""
LINE = LogLine("m:1", AT_MS, "Node001.Site", "sshd", "err", "Link DOWN", "messages", 3, {"port": 36, "ok": True})


def test_a_line_is_one_document_under_an_id_that_it_gives() -> None:
    index, told = operation_of("weft-logs", LINE)
    action, document = map(orjson.loads, told.splitlines())
    assert index == "weft-logs-2026.11.22"
    assert action == {"create": {"_index": index, "_id": f"001795386195250-{key_of('m:1'):016x}"}}
    weft = document.pop("weft")
    assert document == {
        "@timestamp": "2026-11-22T22:23:15.250Z",
        "id": "m:1",
        "host": "Node001.Site",
        "program": "sshd",
        "severity": "err",
        "message": "Link DOWN",
        "source": "messages",
        "fields": {"port": 36, "ok": True},
    }
    assert (weft["key"], weft["seq"], weft["host"], weft["hosts"]) == (
        key_of("m:1"), 3, "node001.site", ["node001.site", "node001"],
    )  # fmt: skip
    assert (weft["words"], weft["names"]) == ("link down", ["port", "port#", "ok"])


def test_a_hit_is_the_line_again() -> None:
    _, told = operation_of("weft-logs", LINE)
    hit = {"_source": orjson.loads(told.splitlines()[1]), "sort": [AT_MS, 3, key_of("m:1")]}
    assert line_of(hit) == LINE


def test_the_index_of_a_day_and_the_day_of_an_index() -> None:
    cases = {0: "1970.01.01", -1: "1969.12.31", 86_399_999: "1970.01.01", AT_MS: "2026.11.22"}
    for at_ms, day in cases.items():
        assert index_of("a-b", at_ms) == f"a-b-{day}"
    assert day_of("a-b", "a-b-1970.01.02") == Interval(86_400_000, 172_800_000)
    for other in ("a-b", "a-b-", "a-b-1970.01.1", "a-b-19700102", "a-b-1970-01-02", "a-1970.01.02", "a-b-c-1970.01.02"):
        assert day_of("a-b", other) is None, other


def test_a_mapping_takes_no_field_that_it_does_not_name() -> None:
    assert MAPPING["dynamic"] is False
    assert MAPPING["properties"]["weft"]["dynamic"] is False
    assert MAPPING["properties"]["fields"] == {"type": "object", "enabled": False}
    # Lucene's limit of a term in bytes; a character may be four of them.
    assert LONGEST_KEYWORD * 4 <= 32_766


@pytest.mark.parametrize("lifecycle", [None, "weft-logs"])
def test_a_template_names_a_lifecycle_only_where_there_is_one(lifecycle: str | None) -> None:
    told = template_of("weft-logs", lifecycle)
    assert told["index_patterns"] == ["weft-logs-*.*.*"]
    assert told["template"]["aliases"] == {"weft-logs": {}}
    index = told["template"]["settings"]["index"]
    assert index["translog.durability"] == "request", "an acknowledged line is on disk"
    expected = {"lifecycle.name": lifecycle, "lifecycle.parse_origination_date": True} if lifecycle else {}
    assert {name: value for name, value in index.items() if name.startswith("lifecycle")} == expected


def test_a_day_ends_when_its_last_line_is_old_enough() -> None:
    assert policy_of(0) == {"phases": {}}
    assert policy_of(30) == {"phases": {"delete": {"min_age": "31d", "actions": {"delete": {}}}}}

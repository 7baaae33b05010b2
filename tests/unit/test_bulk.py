"""Bodies of Elasticsearch's bulk API: ids, order and sources of their lines, and what is no line."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.base.errors import BadRequest
from weft.logs.bulk import Item, read_bulk
from weft.logs.reading import LONGEST
from weft.logs.store import LogLine

AT = "2026-11-22T22:00:00"
AT_MS = 1_795_384_800_000


def body(*documents: object, action: object = None) -> bytes:
    lines = [text for one in documents for text in (json.dumps(action or {"create": {}}), json.dumps(one))]
    return "".join(f"{line}\n" for line in lines).encode()


def lines_of(told: bytes) -> list[LogLine]:
    return [item.line for item in read_bulk(told) if item.line is not None]


def test_an_action_gives_the_id_and_a_document_all_else() -> None:
    document = {
        "@timestamp": f"{AT}.5+01:00",
        "host": {"name": "node001"},
        "program": "kernel",
        "severity": "Error",
        "message": "text",
        "source": "rsyslog",
        "fields": {"pid": "7"},
        "weft": {"seq": 9},
        "rack": 3,
    }
    line = LogLine(
        "A", AT_MS - 3_600_000 + 500, "node001", "kernel", "err", "text", "rsyslog", 9, {"pid": "7", "rack": 3}
    )
    assert read_bulk(body(document, action={"index": {"_index": "x", "_id": "A"}})) == [Item("index", "x", "A", line)]
    assert read_bulk(body(document, action={"create": {"_id": "A"}}), "y") == [Item("create", "y", "A", line)]


def test_without_an_id_a_line_has_the_one_that_its_words_give() -> None:
    first, second = {"@timestamp": f"{AT}Z", "message": "same"}, {"@timestamp": f"{AT}Z", "message": "other"}
    told = [line.id for line in lines_of(body(first, first, second))]
    assert len(set(told)) == 3
    assert [line.id for line in lines_of(body(first, first, second))] == told
    assert [line.id for line in lines_of(body(second, first))] == [told[2], told[0]]


@pytest.mark.parametrize("seq", ["7", 1.5, True, None, -1, 2**63])
def test_an_order_that_is_no_number_is_that_of_the_request(seq: object) -> None:
    told = body(*({"@timestamp": f"{AT}Z", "message": "x", "weft": {"seq": seq}} for _ in range(2)))
    assert [line.seq for line in lines_of(told)] == [0, 1]


def test_a_long_message_is_cut_and_a_source_that_is_no_name_is_none() -> None:
    (line,) = lines_of(body({"@timestamp": f"{AT}Z", "message": "x" * (LONGEST + 1), "source": {"ip": "::1"}}))
    assert (len(line.message), line.source, dict(line.fields)) == (LONGEST, "bulk", {"source.ip": "::1"})


def test_empty_lines_between_actions_are_passed_over() -> None:
    told = body({"@timestamp": f"{AT}Z", "message": "x"})
    assert len(lines_of(b"\n" + told + b"\n \n" + told)) == 2
    assert read_bulk(b"\n") == []


ACTIONS = st.sampled_from(
    [b'{"create":{}}', b'{"index":{"_id":"A"}}', b'{"delete":{"_id":"A"}}', b'{"create":[]}', b"{}"]
)
DOCUMENTS = st.sampled_from([b'{"@timestamp":1795384800,"message":"x"}', b'{"time":1e400,"msg":[]}', b"{}", b"[", b""])


@given(st.lists(st.one_of(ACTIONS, DOCUMENTS, st.binary(max_size=20))))
def test_whatever_comes_ends_in_items_or_in_words(lines: list[bytes]) -> None:
    told = b"".join(line + b"\n" for line in lines)
    with contextlib.suppress(BadRequest):
        assert all((item.line is None) == bool(item.why) for item in read_bulk(told))

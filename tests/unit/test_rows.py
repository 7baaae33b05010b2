"""Rows of an inventory: their checksum, and runs as rows."""

from hashlib import sha256

import pytest

from weft.inventory.rows import TABLES, Checksum, Row, Table, row_of, run_of
from weft.scheduler.model import Run, RunKey

NUMBERED = Table("numbered", 2, ("at", "number", "text"), frozenset({"number"}))
"""As `change`: a column of the key only numbers what is of one time."""


def checksum(table: Table, *pages: tuple[Row, ...]) -> str:
    summing = Checksum(table)
    for page in pages:
        summing.add(page)
    return summing.hex()


def test_a_checksum_is_of_one_line_a_row() -> None:
    source = TABLES["source"]
    rows = (("ib", 1, 0, "timed out"), ("sacct", 2, 1, ""))
    expected = sha256(b"('ib', 1, 0, 'timed out')\n('sacct', 2, 1, '')\n").hexdigest()
    assert checksum(source, rows) == checksum(source, rows[:1], rows[1:]) == expected
    assert checksum(source) == sha256(b"").hexdigest()


def test_a_checksum_leaves_out_how_a_fact_was_derived() -> None:
    span = ("ib", "c1", 5, "a", 1, "b", 2, "k", None, "cable", 9, None, 8)
    connection = TABLES["connection"]
    assert connection.columns[-2:] == ("made_ms", "closed_ms")
    sums = {checksum(connection, ((*span, made, closed),)) for made, closed in ((5, 9), (6, None))}
    assert len(sums) == 1
    for at in range(len(span)):
        changed = [*span, 5, 9]
        changed[at] = "other"
        assert checksum(connection, (tuple(changed),)) not in sums, connection.columns[at]


def test_it_does_not_matter_how_rows_of_one_time_were_numbered() -> None:
    told = checksum(NUMBERED, ((1, 0, "a"), (1, 1, "b"), (2, 0, "c")))
    assert checksum(NUMBERED, ((1, 3, "b"),), ((1, 4, "a"), (2, 7, "c"))) == told
    assert checksum(NUMBERED, ((1, 0, "a"), (1, 1, "c"), (2, 0, "b"))) != told
    assert checksum(NUMBERED, ((1, 0, "a"), (2, 0, "b"), (2, 1, "c"))) != told


@pytest.mark.parametrize("hosts", [(), ("node001",), ("node001", "node002")])
def test_a_run_is_a_row_and_back(hosts: tuple[str, ...]) -> None:
    run = Run(
        RunKey("alpha", 7, 10), "7_1", "cfd", "alice", "physics", "batch", "FAILED", 5, 20, hosts, 2, 1, 9, 30, "sacct",
        "gpu", "cpu=4", 4, 8,
    )  # fmt: skip
    row = row_of(run)
    assert dict(zip(TABLES["run"].columns, row, strict=True)) == {
        "cluster": "alpha", "job_id": 7, "start_ms": 10, "submit_ms": 5, "label": "7_1", "name": "cfd", "user": "alice",
        "account": "physics", "partition": "batch", "state": "FAILED", "end_ms": 20, "hosts": ",".join(hosts),
        "node_count": 2, "exit_code": 1, "exit_signal": 9, "seen_at_ms": 30, "source": "sacct", "features": "gpu",
        "tres": "cpu=4", "cpus": 4, "predicted_start_ms": 8,
    }  # fmt: skip
    assert run_of(row) == run


def test_every_table_has_a_key_and_leaves_out_what_it_has() -> None:
    for table in TABLES.values():
        assert 0 < table.key <= len(table.columns)
        assert table.unsummed <= set(table.columns)

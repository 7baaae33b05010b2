"""Every text of the golden file of Lucene's syntax finds, on each engine, what a plain scan of all lines finds."""

import random
import re
from collections.abc import Iterator, Sequence
from datetime import UTC
from pathlib import Path

import pytest

from contract.log_lines import ALWAYS, DAY, MIDNIGHT, line
from unit.scan import matches
from weft.base.errors import BadRequest, TooMuch
from weft.logs import query as q
from weft.logs.lucene import parse
from weft.logs.moments import Times
from weft.logs.severity import SEVERITIES
from weft.logs.store import LogLine, LogQuery, LogStore, Place

pytestmark = pytest.mark.anyio

GAPS = (" ", " ", ": ", "-", ".", ", ")
TIMES = Times(MIDNIGHT + DAY, UTC)


class OnNode001:
    """Every job has run on node001, through the second of the days."""

    async def places(self, job: str) -> tuple[Sequence[q.Scope], Sequence[str]]:
        return (q.Scope(ALWAYS, ("node001",)),), ()


def texts(data: Path) -> list[str]:
    told = (data / "logs" / "lucene.tsv").read_text(encoding="utf-8").split("\n")
    return [row.split("\t")[0] for row in told if row and not row.startswith("## ")]


def lines_of(words: Sequence[str]) -> Iterator[LogLine]:
    """Lines made of the words that the texts hold, so that most of these find some of them."""
    chance = random.Random(4711)
    for n in range(400):
        message = "".join(word + chance.choice(GAPS) for word in chance.choices(words, k=chance.randint(0, 12)))
        fields = {name: chance.choice((chance.choice(words), 5, 36, 2.5, True)) for name in ("port", "unit", "a")}
        host = chance.choice(("node001", "NODE002", "node001.cluster", "leaf01", ""))
        yield line(
            f"{n}", MIDNIGHT + chance.randrange(3) * DAY + n // 3, message, host=host, seq=n % 2, fields=fields,
            program=chance.choice(("sshd", "kernel", "slurmd")), severity=chance.choice((*SEVERITIES, "")),
        )  # fmt: skip


async def test_golden_texts_find_what_a_scan_of_all_lines_finds(logs: LogStore, data: Path) -> None:
    every = texts(data)
    words = sorted({word for text in every for word in re.findall(r"\w+", text)} - {"AND", "OR", "NOT", "TO"})
    told = sorted(lines_of(words[:60]), key=lambda one: Place.of(one).order)
    assert await logs.append(told) == len(told)
    some = refused = 0
    for text in every:
        try:
            query, _ = await q.with_jobs(parse(text, TIMES).query, OnNode001())
            hits = await logs.search(LogQuery(ALWAYS, query=query), limit=400)
        except (BadRequest, TooMuch):
            refused += 1
            continue
        expected = [one for one in told if matches(query, one)]
        assert hits.lines == tuple(expected), text
        some += 0 < len(expected) < len(told)
    assert some > len(every) / 3
    assert refused < len(every) / 5

"""`make demo ENGINES=real`: the demo on a Neo4j and an Elasticsearch of its own answers as the embedded one does."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from e2e import test_readme as readme
from e2e.living import LivingDemo

RUNNER = (sys.executable, "-m", "tests.services", "with", "neo4j", "elasticsearch", "--")
PATIENCE_S = 400
"""Two servers start, and a day is imported, on a machine that runs other tests too."""

ASKED = ("placement 4711", "job 4711", "cable leaf01/17", "vanished", "changes")

LISTENING = "0A"
"""A TCP socket's state in /proc/net/tcp."""

_VOLATILE = re.compile(r"\d{4}-\d\d-\d\dT[\d:]+(?:\.\d+)?Z|\bc[0-9a-f]{10}\b|\bl[0-9a-f]{14}\b|\b1\d{12}\b")
"""What differs in two demos of one story: times, ids of cables and of connections."""
GROWS = "overlap"
"""A column that grows while a run goes on, in seconds."""


@pytest.fixture(scope="module")
def real_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LivingDemo]:
    """A demo on servers that it has for itself; its end leaves none of them behind."""
    living = LivingDemo(tmp_path_factory.mktemp("demo-real") / "demo-data", RUNNER, PATIENCE_S)
    with pytest.MonkeyPatch.context() as environment:
        # Readers wait long, because other tests load the machine too.
        environment.setenv("WEFT_NEO4J__TIMEOUT_S", "30")
        environment.setenv("WEFT_ELASTICSEARCH__TIMEOUT_S", "30")
        living.start()
        yield living
    servers = re.findall(r"runs at \w+://127\.0\.0\.1:(\d+) until", living.said)
    status, _ = living.stop(signal.SIGINT)
    assert (status, len(servers)) == (0, 2)
    assert not any(_listens(int(port)) for port in servers)


def _listens(port: int) -> bool:
    sockets = (row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any(row[1].endswith(f":{port:04X}") and row[3] == LISTENING for row in sockets)


def told(demo: LivingDemo, question: str) -> Any:
    """A command's answer, all of it, without what is different in every demo."""
    said = demo.weft(*question.split(), "--json", "--data", str(demo.folder))
    assert said.returncode == 0, said.stderr
    answer: dict[str, list[Any]] = json.loads(_VOLATILE.sub("0", said.stdout))
    for row in answer.get("job_neighbours", []):
        row.pop(GROWS)
    return answer


def test_it_answers_as_the_readme_shows(real_demo: LivingDemo) -> None:
    for command, shown in readme.questions():
        said = readme.plain(readme.answer(real_demo, command))
        assert readme.missing(shown, said) is None, f"$ {command}\n{said}"


@pytest.mark.parametrize("question", ASKED)
def test_its_answers_are_the_embedded_demos(demo: LivingDemo, real_demo: LivingDemo, question: str) -> None:
    assert told(real_demo, question) == told(demo, question)


def test_it_is_asked_of_its_servers_and_not_of_files(real_demo: LivingDemo) -> None:
    assert not (real_demo.folder / "inventory.db").exists()
    assert not (real_demo.folder / "logs").exists()
    graph = real_demo.weft(
        "cypher", "MATCH (s:SW) RETURN count(s) AS switches", "--json", "--data", str(real_demo.folder)
    )
    assert json.loads(graph.stdout)["cypher"] == [{"switches": 27}]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        ((), 2, "usage: "),
        (("with", "--", "true"), 2, "usage: "),
        (("with", "neo4j"), 2, "usage: "),
        (("with", "oracle", "--", "true"), 2, "usage: "),
    ],
)
def test_a_command_line_that_says_nothing_is_told(arguments: Sequence[str], status: int, says: str) -> None:
    run = subprocess.run([*RUNNER[:3], *arguments], check=False, capture_output=True, text=True)
    assert (run.returncode, run.stderr[: len(says)]) == (status, says)

"""The real engines as tests use them: one server a session, emptied for each test that asks for it; npm and Chromium.

Without `CI` in the environment, tests of what is not installed are left out, and a line says so.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from neo4j import GraphDatabase
from pydantic import SecretStr
from tests.services import carbon, chromium, elasticsearch, graphite_api, graphite_web, neo4j, node, rsyslog

from weft.base.config import Neo4j
from weft.inventory.neo4j.graph import Graph

# Weft's version of the schema stays with the constraints that it speaks of; a transaction a thousand nodes.
EMPTY = "MATCH (n) WHERE n.what IS NULL OR n.what <> 'schema' CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 1000 ROWS"

REAL = {
    "neo4j": neo4j.is_installed,
    "elasticsearch": elasticsearch.is_installed,
    "rsyslog": rsyslog.is_installed,
    "carbon": carbon.is_installed,
    "graphiteweb": graphite_web.is_installed,
    "graphiteapi": graphite_api.is_installed,
    "npm": node.is_installed,
    "chromium": chromium.is_installed,
}
"""What is real and whether it is there; its name is a test's parameter, or a fixture's begins so."""

ALL_REAL = {"neo4j", "elasticsearch"}
"""What the parameter `real` stands for: a whole site on servers."""

LEFT_OUT = pytest.StashKey[str]()

FIGURE = "figure"
"""What a test records under this name (`record_property`) is printed at the end."""


def engines_of(item: pytest.Item) -> set[str]:
    """The real engines that a test needs."""
    told = {name.partition("_")[0] for name in getattr(item, "fixturenames", ())}
    if hasattr(item, "callspec"):
        told |= {str(value) for value in item.callspec.params.values()}
    return (told | ALL_REAL if "real" in told else told) & set(REAL)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs an engine that is not there."""
    missing = {engine for engine, there in REAL.items() if not there()}
    left_out = [item for item in items if engines_of(item) & missing]
    if not left_out or os.environ.get("CI"):
        return
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not engines_of(item) & missing]
    needed = ", ".join(sorted(set().union(*map(engines_of, left_out)) & missing))
    config.stash[LEFT_OUT] = f"Left out {len(left_out)} tests that need {needed}: `make services` installs it."


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that prints what was left out, where this is one of several that test."""
    told = session.config.stash.get(LEFT_OUT, "")
    if told and hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = told


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear it: every one of them leaves out the same."""
    if told := getattr(node, "workeroutput", {}).get("left_out"):
        node.config.stash[LEFT_OUT] = told


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures that tests recorded, and say what was left out."""
    tested = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    figures = [(one.nodeid, told) for one in tested for name, told in one.user_properties if name == FIGURE]
    if figures:
        terminalreporter.section("figures")
    for test, told in figures:
        terminalreporter.write_line(f"{test.partition('::')[0]}: {told}")
    if LEFT_OUT in config.stash:
        terminalreporter.write_line(config.stash[LEFT_OUT], yellow=True)


@pytest.fixture(scope="session")
def npm() -> node.Npm:
    """npm in grafana-plugin, with its modules there."""
    return node.npm


@pytest.fixture(scope="session")
def chromium_program() -> str:
    """The path of a Chromium."""
    return chromium.program() or pytest.fail("There is no Chromium: `make services` installs it.")


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[neo4j.Server]:
    """The session's Neo4j. Who kills it starts it again."""
    with neo4j.serving(tmp_path_factory.mktemp("neo4j")) as server:
        yield server


def settings_of(server: neo4j.Server, timeout_s: float = 30.0) -> Neo4j:
    """How to reach a server; readers wait long, because other tests load the machine too."""
    return Neo4j(url=server.url, password=SecretStr(server.password), timeout_s=timeout_s)


def asked(server: neo4j.Server, text: str, **values: Any) -> list[list[Any]]:
    """Rows of a query that stands outside of what is tested."""
    with GraphDatabase.driver(server.url, auth=(server.user, server.password)) as driver, driver.session() as session:
        return session.run(text, values).values()


def empty(server: neo4j.Server) -> None:
    """Delete all that a server holds, but for constraints and indexes."""
    asked(server, EMPTY)


@asynccontextmanager
async def empty_graph(server: neo4j.Server) -> AsyncIterator[Graph]:
    """An empty graph on a server, for stores to stand on."""
    empty(server)
    async with Graph.open(settings_of(server)) as graph:
        yield graph


@pytest.fixture
async def graph(neo4j_server: neo4j.Server) -> AsyncIterator[Graph]:
    """An empty graph on the session's server."""
    async with empty_graph(neo4j_server) as graph:
        yield graph

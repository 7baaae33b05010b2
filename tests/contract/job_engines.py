"""What the suites of JobHistory run on: every engine, each time with an empty store."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from tests.services.neo4j import Server

from engines import empty_graph
from weft.inventory.neo4j.jobs import Neo4jJobs
from weft.inventory.neo4j.ledger import Neo4jLedger
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.jobs import SqliteJobs
from weft.inventory.sqlite.ledger import SqliteLedger
from weft.inventory.sqlite.schema import SCHEMA
from weft.inventory.store import JobHistory, Ledger

ENGINES = ["sqlite", "neo4j"]
SOAK = os.environ.get("WEFT_SOAK") == "1"


@dataclass(frozen=True)
class Engine:
    """An engine; `server`: where it is one."""

    name: str
    server: Server | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[JobHistory]:
        """An empty store."""
        async with self.opened_both() as (jobs, _):
            yield jobs

    @asynccontextmanager
    async def opened_both(self) -> AsyncIterator[tuple[JobHistory, Ledger]]:
        """An empty store, and the ledger beside it."""
        if self.server:
            async with empty_graph(self.server) as graph:
                yield Neo4jJobs(graph), Neo4jLedger(graph)
            return
        with TemporaryDirectory() as folder:
            async with Database.open(Path(folder) / "inventory.db", SCHEMA) as database:
                yield SqliteJobs(database), SqliteLedger(database)

    def settings(self, examples: int) -> settings:
        """How often a property is tried: on a server a fifth as often, unless it soaks, as each is some round trips."""
        return settings(max_examples=examples // 5 if self.server and not SOAK else examples, deadline=None)


def engine_of(request: pytest.FixtureRequest) -> Engine:
    """The engine that a fixture's parameter names."""
    return Engine(request.param, request.getfixturevalue("neo4j_server") if request.param == "neo4j" else None)

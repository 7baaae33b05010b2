"""What the suites of a whole inventory run on: its stores and its archive on every engine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.services.neo4j import Server

from engines import empty, settings_of
from weft.inventory.neo4j.archive import Neo4jArchive
from weft.inventory.neo4j.fabric import Neo4jFabrics
from weft.inventory.neo4j.graph import Graph
from weft.inventory.neo4j.jobs import Neo4jJobs
from weft.inventory.neo4j.ledger import Neo4jLedger
from weft.inventory.rows import Archive
from weft.inventory.sqlite.archive import SqliteArchive
from weft.inventory.sqlite.db import Database
from weft.inventory.sqlite.fabric import SqliteFabrics
from weft.inventory.sqlite.jobs import SqliteJobs
from weft.inventory.sqlite.ledger import SqliteLedger
from weft.inventory.sqlite.schema import SCHEMA
from weft.inventory.store import FabricHistory, JobHistory, Ledger

ENGINES = ["sqlite", "neo4j"]


@dataclass(frozen=True)
class Inventory:
    """The stores of one inventory."""

    ledger: Ledger
    jobs: JobHistory
    fabrics: FabricHistory
    archive: Archive


@dataclass(frozen=True)
class Place:
    """Where one inventory is kept: a folder, or a server."""

    folder: Path
    server: Server | None = None

    def emptied(self) -> "Place":
        """The same place, or another one, with nothing in it."""
        if self.server:
            empty(self.server)
            return self
        folder = self.folder / "more"
        folder.mkdir()
        return Place(folder)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Inventory]:
        """What is kept there."""
        if self.server:
            async with Graph.open(settings_of(self.server)) as graph:
                fabrics = Neo4jFabrics(graph, absent_after=3, quarantine_share=0.1)
                yield Inventory(Neo4jLedger(graph), Neo4jJobs(graph), fabrics, Neo4jArchive(graph, {}))
            return
        async with Database.open(self.folder / "inventory.db", SCHEMA) as database:
            kept = SqliteFabrics(database, absent_after=3, quarantine_share=0.1)
            yield Inventory(SqliteLedger(database), SqliteJobs(database), kept, SqliteArchive(database))


def place_of(request: pytest.FixtureRequest, engine: str) -> Place:
    """An empty place of an engine."""
    folder: Path = request.getfixturevalue("tmp_path")
    if engine == "sqlite":
        return Place(folder)
    return Place(folder, request.getfixturevalue("neo4j_server")).emptied()

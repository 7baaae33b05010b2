"""What a Graph promises on a real server: all or nothing, deadlines, retries, outages, and a schema with versions."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.services.neo4j import Server

from engines import asked, empty, settings_of
from weft.base import waits
from weft.base.config import Neo4j
from weft.base.errors import BadSettings, Unavailable, UnknownName
from weft.inventory.neo4j import graph as graph_module
from weft.inventory.neo4j.graph import Graph, Tx
from weft.inventory.neo4j.schema import MIGRATIONS

pytestmark = pytest.mark.anyio

SOON_S = 3.0
"""How long a reader waits at the most before it is told that the server is away."""

COMMIT = b"\x00\x02\xb0\x12\x00\x00"
"""The Bolt message, as one chunk: a structure without fields, of tag 0x12 (Bolt protocol, "COMMIT")."""


async def count(tx: Tx) -> int:
    found = await tx.row("MATCH (n:Host) RETURN count(n)")
    assert found is not None
    return int(found[0])


def host(name: str) -> graph_module.Work[int]:
    return lambda tx: tx.run("MERGE (:Host {name: $name})", name=name)


async def fails_soon(graph: Graph) -> str:
    """What a reader is told, and that it does not wait for it."""
    begun = time.monotonic()
    with pytest.raises(Unavailable) as told:
        await graph.read(count)
    assert time.monotonic() - begun < SOON_S
    return str(told.value)


async def test_what_is_written_is_kept_wholly_or_not_at_all(graph: Graph) -> None:
    assert await graph.write(host("node001")) == 2, "a node and a property"

    async def breaks_off(tx: Tx) -> None:
        await tx.run("MERGE (:Host {name: 'node002'})")
        raise UnknownName("No such thing.", fix="None.")

    with pytest.raises(UnknownName):
        await graph.write(breaks_off)
    assert await graph.read(count) == 1


async def test_a_reader_cannot_write(graph: Graph) -> None:
    with pytest.raises(Unavailable, match="read access mode"):
        await graph.read(host("node001"))
    assert await graph.read(count) == 0


async def test_readers_see_by_a_number_that_something_changed(graph: Graph, neo4j_server: Server) -> None:
    assert await graph.read(lambda tx: tx.version_of("jobs")) == 0
    async with Graph.open(settings_of(neo4j_server)) as other:
        for number in (1, 2):
            await graph.write(lambda tx: tx.bump("jobs"))
            assert await other.read(lambda tx: tx.version_of("jobs")) == number
        assert await other.read(lambda tx: tx.version_of("fabric")) == 0


async def test_who_locks_the_same_writes_one_after_the_other(graph: Graph) -> None:
    async def add_one(tx: Tx) -> None:
        await tx.lock("jobs")
        row = await tx.row("OPTIONAL MATCH (c:Counted) RETURN max(c.number)")
        await asyncio.sleep(0.01)
        await tx.run("CREATE (:Counted {number: $next})", next=((row and row[0]) or 0) + 1)

    await asyncio.gather(*(graph.write(add_one) for _ in range(8)))
    assert await graph.read(lambda tx: tx.rows("MATCH (c:Counted) RETURN c.number ORDER BY c.number")) == [
        [number] for number in range(1, 9)
    ]


async def test_of_two_writers_that_block_each_other_both_get_through(graph: Graph) -> None:
    for name in "ab":
        await graph.write(host(name))
    both_hold_one = asyncio.Barrier(2)
    tries = {"ab": 0, "ba": 0}

    async def take(tx: Tx, order: str) -> None:
        tries[order] += 1
        mark = "MATCH (h:Host {name: $name}) SET h.marks = coalesce(h.marks, '') + $order"
        await tx.run(mark, name=order[0], order=order)
        if tries[order] == 1:
            await both_hold_one.wait()
        await tx.run(mark, name=order[1], order=order)

    await asyncio.gather(*(graph.write(lambda tx, order=order: take(tx, order)) for order in tries))
    assert sorted(tries.values()) == [1, 2]
    rows = await graph.read(lambda tx: tx.rows("MATCH (h:Host) RETURN h.marks"))
    assert [sorted((marks[:2], marks[2:])) for (marks,) in rows] == [["ab", "ba"]] * 2


async def test_a_question_that_takes_too_long_is_ended(graph: Graph) -> None:
    begun = time.monotonic()
    with pytest.raises(Unavailable, match=r"within 0\.5 s"):
        await graph.read(lambda tx: tx.row("UNWIND range(1, 2000000000) AS x RETURN sum(x)"), deadline_s=0.5)
    assert time.monotonic() - begun < SOON_S
    assert await graph.read(count) == 0


@contextlib.asynccontextmanager
async def cut_at_commit(server: Server, cuts: int) -> AsyncIterator[Neo4j]:
    """A way to the server that breaks when a commit goes through it, the first so many times."""
    left = cuts
    ways: list[asyncio.Task[None] | None] = []

    async def way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        ways.append(asyncio.current_task())
        host, port = server.url.removeprefix("bolt://").split(":")
        from_server, to_server = await asyncio.open_connection(host, int(port))

        async def back() -> None:
            while data := await from_server.read(65536):
                writer.write(data)

        answering = asyncio.create_task(back())
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                to_server.write(data)
                await to_server.drain()
                if left and data.endswith(COMMIT):
                    left -= 1
                    answering.cancel()
                    await asyncio.wait([answering])
                    assert await from_server.read(1), "it has answered, so it has committed"
                    break
        answering.cancel()
        await asyncio.wait([answering])
        for one in (writer, to_server):
            one.close()
            with contextlib.suppress(ConnectionError):
                await one.wait_closed()

    async with await asyncio.start_server(way, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        settings = settings_of(server)
        yield settings.model_copy(update={"url": f"bolt://127.0.0.1:{port}"})
    await asyncio.wait([one for one in ways if one])


async def test_a_commit_whose_answer_is_lost_is_done_once(neo4j_server: Server) -> None:
    empty(neo4j_server)
    tries = 0

    async def add(tx: Tx) -> int:
        nonlocal tries
        tries += 1
        return await tx.run("MERGE (h:Host {name: 'node001'}) ON CREATE SET h.tries = $tries", tries=tries)

    async with cut_at_commit(neo4j_server, 1) as settings, Graph.open(settings) as graph:
        assert await graph.write(add) == 0, "it was there already"
        assert tries == 2
        assert await graph.read(lambda tx: tx.rows("MATCH (h:Host) RETURN h.name, h.tries")) == [["node001", 1]]


async def test_a_wrong_password_stops_the_start(neo4j_server: Server) -> None:
    settings = settings_of(neo4j_server).model_copy(update={"user": "nobody"})
    with pytest.raises(BadSettings, match=r"refuses the user 'nobody'.*WEFT_NEO4J__PASSWORD"):
        async with Graph.open(settings):
            pass


async def test_an_unknown_database_stops_the_start(neo4j_server: Server) -> None:
    settings = settings_of(neo4j_server).model_copy(update={"database": "elsewhere"})
    with pytest.raises(BadSettings, match=r"no database 'elsewhere'.*neo4j\.database"):
        async with Graph.open(settings):
            pass


@pytest.mark.parametrize("url", ["", "nonsense", "http://127.0.0.1:7474", "127.0.0.1:7687"])
async def test_what_is_no_address_of_a_neo4j_stops_the_start(url: str) -> None:
    with pytest.raises(BadSettings, match=r"neo4j\.url"):
        async with Graph.open(Neo4j(url=url)):
            pass


async def test_a_server_that_hangs_is_away_within_seconds(neo4j_server: Server) -> None:
    async with Graph.open(settings_of(neo4j_server, timeout_s=2.5)) as graph:
        assert await graph.read(count) >= 0
        os.kill(neo4j_server.pid, signal.SIGSTOP)
        try:
            assert "within 2.5 s" in await fails_soon(graph)
            begun = time.monotonic()
            with waits.one_request():
                for _ in range(3):
                    await fails_soon(graph)
            assert time.monotonic() - begun < SOON_S, "all that one request reads"
            async with Graph.open(settings_of(neo4j_server, timeout_s=1)) as late:
                await fails_soon(late)
        finally:
            os.kill(neo4j_server.pid, signal.SIGCONT)
        assert await graph.read(count) >= 0


async def test_what_a_request_reads_has_together_as_long_as_one_read(neo4j_server: Server) -> None:
    read_s: list[float] = []

    async def slowly(tx: Tx) -> None:
        assert await tx.row("RETURN 1") == [1]
        began = time.monotonic()
        await asyncio.sleep(0.2)
        read_s.append(time.monotonic() - began)

    async with Graph.open(settings_of(neo4j_server, timeout_s=2.5)) as graph:

        async def one_request() -> None:
            with waits.one_request():
                for _ in range(20):
                    await graph.read(slowly)

        with pytest.raises(Unavailable, match=r"did not answer within 2\.5 s"):
            await one_request()
        assert sum(read_s) < 2.5
        assert await graph.read(count) >= 0, "the next request"


async def test_an_outage_costs_time_and_nothing_else(neo4j_server: Server) -> None:
    empty(neo4j_server)
    settings = settings_of(neo4j_server)
    async with contextlib.AsyncExitStack() as stack:
        graph = await stack.enter_async_context(Graph.open(settings))
        await graph.write(host("node001"))
        # Four connections wait in the pool, all of which die.
        assert await asyncio.gather(*(graph.read(count) for _ in range(4))) == [1] * 4
        neo4j_server.kill()
        try:
            assert "does not answer" in await fails_soon(graph)
            with pytest.raises(Unavailable, match="waits in the spool"):
                await graph.write(host("node002"))
            late = await stack.enter_async_context(Graph.open(settings))
            await fails_soon(late)
        finally:
            neo4j_server.restart()
        assert await asyncio.gather(*(graph.read(count) for _ in range(4))) == [1] * 4
        await late.write(host("node003"))
        assert await graph.read(count) == 2


@pytest.fixture
def versions(neo4j_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A server whose version is ours again afterwards."""
    yield monkeypatch
    asked(neo4j_server, "DROP INDEX weft_tests IF EXISTS")
    asked(neo4j_server, "MATCH (v:VERSION {what: 'schema'}) SET v.number = $number", number=len(MIGRATIONS))


async def schema_of(graph: Graph) -> tuple[int, set[str]]:
    """Its version, and the names of our constraints and indexes."""
    names = {name for (name,) in await graph.read(lambda tx: tx.rows("SHOW INDEXES YIELD name"))}
    return await graph.read(lambda tx: tx.version_of("schema")), {name for name in names if name.startswith("weft_")}


async def test_a_graph_is_brought_up_to_date_and_a_newer_one_refused(
    graph: Graph, neo4j_server: Server, versions: pytest.MonkeyPatch
) -> None:
    settings = settings_of(neo4j_server)
    version, names = await schema_of(graph)
    assert version == len(MIGRATIONS)
    more = (*MIGRATIONS, ("CREATE INDEX weft_tests IF NOT EXISTS FOR (n:Tests) ON (n.at)",))
    versions.setattr(graph_module, "MIGRATIONS", more)
    for _ in range(2):
        async with Graph.open(settings) as newer:
            assert await schema_of(newer) == (version + 1, names | {"weft_tests"})
    versions.setattr(graph_module, "MIGRATIONS", MIGRATIONS)
    with pytest.raises(Unavailable, match="newer Weft"):
        async with Graph.open(settings):
            pass
    assert (await schema_of(graph))[0] == version + 1, "it is left as it is"

"""Questions to carbon-caches, over real sockets to caches that are not real."""

import asyncio
import logging
import os
import pickle
import random
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from weft.base.errors import BadSettings
from weft.metrics.carbon import Address, Caches, Ring, addresses_of
from weft.metrics.pickled import Garbled, Points, read_answer

pytestmark = pytest.mark.anyio

NOW = 1_763_850_000
Cached = Mapping[str, Sequence[tuple[float, float]]]


def told(points: Mapping[str, Points]) -> dict[str, list[tuple[int, float]]]:
    return {name: list(zip(some.times_s.tolist(), some.values.tolist(), strict=True)) for name, some in points.items()}


# What it answers


BULK: dict[str, Any] = {
    "a.b": [(NOW, 1.5), (NOW + 60, -2.0)],
    "nothing": [],
    "float times": [(NOW + 0.25, 3.0)],
    "about carbon itself": [(NOW + 1.5, 7), (NOW + 2.5, 700), (NOW + 3.5, 70_000)],
    "after 2038": [(2**31 + 10, 4.0), (2**32 - 1, 5.0)],
    "gigabytes": [(NOW, 5_000_000_000), (NOW + 1, -5_000_000_000), (NOW + 2, 2**51), (NOW + 3, -(2**60))],
    "many": [(NOW + i, i / 7) for i in range(2500)],
}


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_an_answer_is_read_as_pickle_reads_it(protocol: int) -> None:
    answer = read_answer(pickle.dumps({"datapointsByMetric": BULK}, protocol=protocol), list(BULK))
    assert told(answer) == {
        name: [(int(at), float(value)) for at, value in points] for name, points in BULK.items() if points
    }
    [name] = told(read_answer(pickle.dumps({"datapoints": BULK["a.b"]}, protocol=protocol), ["a.b"])).items()
    assert name == ("a.b", BULK["a.b"])


def test_an_answer_of_go_carbon_is_read() -> None:
    # go-carbon, cache/carbonlink.go: opcodes of its own choice, and nothing remembered.
    points = b"".join(
        b"(J" + struct.pack("<i", at) + b"G" + struct.pack(">d", value) + b"t" for at, value in BULK["a.b"]
    )
    answer = b"\x80\x02}U\ndatapoints](" + points + b"es."
    assert told(read_answer(answer, ["a.b"])) == {"a.b": BULK["a.b"]}
    assert read_answer(b"\x80\x02}U\ndatapoints]s.", ["a.b"]) == {}


def test_points_are_in_the_order_of_time_and_of_a_second_the_one_carbon_keeps_is_the_last() -> None:
    # whisper.update_many cuts times to seconds and takes, of points of one second, the one that came first.
    points = [(NOW + 5, 1.0), (NOW + 2.9, 3.0), (NOW + 2.1, 2.0), (NOW, float("nan")), (-5, 1.0), (NOW * 1000, 1.0)]
    assert told(read_answer(pickle.dumps({"datapoints": points}, 2), ["m"])) == {
        "m": [(NOW + 2, 3.0), (NOW + 2, 2.0), (NOW + 5, 1.0)]
    }


def test_only_what_was_asked_for_is_taken() -> None:
    assert told(read_answer(pickle.dumps({"datapointsByMetric": BULK}, 2), ["a.b", "else"])) == {"a.b": BULK["a.b"]}


class Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (self.command,)


HUGE = struct.pack("<I", 2**31 - 1)
HOSTILE = {
    "nothing": b"",
    "no pickle": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "memory by an index": b"\x80\x02}r" + HUGE + b"q\x00.",
    "a text longer than the answer": b"\x80\x02}X" + HUGE + b"abc",
    "an array made before it is read": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".",
    "lists without end": b"\x80\x02" + b"]" * 1_000_000 + b".",
    "marks without end": b"\x80\x02" + b"(" * 1_000_000 + b".",
    "runs without end": b"\x80\x02}U\ndatapoints](" + b"K\x01K\x01\x86K\x01M\x01\x01\x86" * 100_000 + b"es.",
    "a list in itself": b"\x80\x02}U\ndatapoints]q\x00h\x00as.",
    "no dict": pickle.dumps([1.5], 2),
    "no list": pickle.dumps({"datapoints": "abc"}, 2),
    "a dict of points": pickle.dumps({"datapointsByMetric": {"m": {"a": "b"}}}, 2),
    "a number": pickle.dumps({"datapointsByMetric": {"m": 5}}, 2),
    "points of text": pickle.dumps({"datapoints": [("a", "b")]}, 2),
    "points of three": pickle.dumps({"datapoints": [(1, 2, 3)]}, 2),
    "a call": pickle.dumps({"datapoints": Bomb("true")}, 2),
    "an error": pickle.dumps({"error": "Invalid request type"}, 2),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_answer_is_refused_at_once(what: str) -> None:
    began_s = time.process_time()
    with pytest.raises(Garbled):
        read_answer(HOSTILE[what], ["m"])
    assert time.process_time() - began_s < 1


def test_cut_and_changed_answers_end_in_a_value_or_are_refused() -> None:
    whole = pickle.dumps({"datapointsByMetric": {**BULK, "many": BULK["many"][:20]}}, protocol=2)
    dice = random.Random(7)
    outcomes = set()
    for _ in range(20_000 if os.environ.get("WEFT_SOAK") == "1" else 3000):
        changed = bytearray(whole[: dice.randrange(len(whole) + 1)] if dice.random() < 0.3 else whole)
        for _ in range(dice.randrange(3)):
            if changed:
                changed[dice.randrange(len(changed))] = dice.randrange(256)
        try:
            outcomes.add(type(read_answer(bytes(changed), list(BULK))))
        except Garbled:
            outcomes.add(Garbled)
    assert outcomes == {dict, Garbled}


# Where it is asked


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:7002", Address("127.0.0.1", 7002, None)),
        (" cache01.site:7102:b ", Address("cache01.site", 7102, "b")),
        ("[::1]:7002:1", Address("::1", 7002, "1")),
    ],
)
def test_an_address_is_read(text: str, address: Address) -> None:
    assert addresses_of([text]) == [address]


@pytest.mark.parametrize(
    "texts",
    [["host"], ["host:x"], ["host:0"], ["host:99999"], ["::1:7002"], ["http://host:7002"], ["a:1", "a:2"], [""]],
)
def test_what_is_no_address_stops_the_start(texts: list[str]) -> None:
    with pytest.raises(BadSettings, match=r"carbon\.caches"):
        addresses_of(texts)


def test_replicas_are_on_different_hosts() -> None:
    ring = Ring([("a", "1"), ("a", "2"), ("b", "1"), ("c", None)], replication=2)
    hosts = [[("a", "a", "b", "c")[number] for number in ring.holders(f"m{i}")] for i in range(500)]
    assert all(len(set(some)) == 2 for some in hosts)
    assert Ring([("a", "1"), ("a", "2")], replication=2).holders("m") in ([0], [1])


# How it is asked


@asynccontextmanager
async def listening(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], port: int = 0
) -> AsyncIterator[int]:
    """Something that listens on a port of loopback; connections end with it."""
    links: list[asyncio.StreamWriter] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        links.append(writer)
        try:
            await talk(reader, writer)
        except (EOFError, OSError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for link in links:
            link.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)


class FakeCache:
    """Answers as carbon does from what it holds, and remembers what it was asked.

    Args:
        raw: what it answers instead. bulk: without, it hangs up on such a question, as go-carbon does.
        delay_s: before each answer.
    """

    def __init__(self, holds: Cached, *, raw: bytes | None = None, bulk: bool = True, delay_s: float = 0.0) -> None:
        self.holds, self.raw, self.bulk, self.delay_s = holds, raw, bulk, delay_s
        self.asked: list[list[str]] = []
        self.connections = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            question = pickle.loads(await reader.readexactly(*struct.unpack("!L", await reader.readexactly(4))))
            await asyncio.sleep(self.delay_s)
            if question["type"] == "cache-query-bulk":
                if not self.bulk:
                    return
                self.asked.append(question["metrics"])
                answer: Any = {"datapointsByMetric": {name: self.holds.get(name, []) for name in question["metrics"]}}
            else:
                self.asked.append([question["metric"]])
                answer = {"datapoints": self.holds.get(question["metric"], [])}
            body = pickle.dumps(answer, protocol=2)
            writer.write(struct.pack("!L", len(body)) + body if self.raw is None else self.raw)


def caches_at(*ports: int, timeout_s: float = 5.0, replication: int = 1) -> Caches:
    return Caches(addresses_of([f"127.0.0.1:{port}:{port}" for port in ports]), replication, timeout_s)


async def test_many_series_are_asked_of_one_connection_that_stays_open() -> None:
    names = [f"m{i}" for i in range(250)]
    fake = FakeCache({name: [(NOW, float(i))] for i, name in enumerate(names) if i % 2})
    async with listening(fake.talk) as port, caches_at(port) as caches:
        for _ in range(3):
            held = await caches.points(names)
            assert held.away == []
            assert told(held.points) == {name: [(NOW, float(i))] for i, name in enumerate(names) if i % 2}
    assert (fake.connections, [len(some) for some in fake.asked]) == (1, [100, 100, 50] * 3)


async def test_an_answer_of_many_points_is_read_whole() -> None:
    points = [(NOW + i, float(i)) for i in range(20_000)]
    fake = FakeCache({"m": points})
    async with listening(fake.talk) as port, caches_at(port) as caches:
        assert told((await caches.points(["m", "else"])).points) == {"m": points}


async def test_a_cache_that_was_started_anew_is_asked_again_without_anybody_noticing() -> None:
    fake = FakeCache({"m": [(NOW, 1.0)]})
    links: list[asyncio.StreamWriter] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        links.append(writer)
        await fake.talk(reader, writer)

    async with listening(talk) as port, caches_at(port) as caches:
        for _ in range(3):
            held = await caches.points(["m"])
            assert (told(held.points), held.away) == ({"m": [(NOW, 1.0)]}, [])
            links[-1].transport.abort()
    assert fake.connections == 3


async def test_go_carbon_is_asked_for_one_series_after_the_other() -> None:
    fake = FakeCache({"a": [(NOW, 1.0)], "c": [(NOW, 3.0)]}, bulk=False)
    async with listening(fake.talk) as port, caches_at(port) as caches:
        for _ in range(2):
            held = await caches.points(["a", "b", "c"])
            assert (told(held.points), held.away) == ({"a": [(NOW, 1.0)], "c": [(NOW, 3.0)]}, [])
    assert (fake.connections, fake.asked) == (2, [["a"], ["b"], ["c"]] * 2)


async def test_each_series_is_asked_at_its_own_cache() -> None:
    names = [f"m{i}" for i in range(60)]
    fakes = [FakeCache({name: [(NOW, float(i))] for name in names}) for i in range(3)]
    async with (
        listening(fakes[0].talk) as a, listening(fakes[1].talk) as b, listening(fakes[2].talk) as c,
        caches_at(a, b, c) as caches,
    ):  # fmt: skip
        held = await caches.points(names)
        ring = Ring([("127.0.0.1", str(port)) for port in (a, b, c)])
    assert told(held.points) == {name: [(NOW, float(ring.holders(name)[0]))] for name in names}
    asked = [[name for some in fake.asked for name in some] for fake in fakes]
    assert all(asked)
    assert sorted(name for some in asked for name in some) == sorted(names)


async def test_of_replicas_that_hold_different_points_all_are_taken_and_one_that_is_away_is_not_missed() -> None:
    one, other = FakeCache({"m": [(NOW, 1.0)]}), FakeCache({"m": [(NOW - 60, 0.5), (NOW, 1.0)]})
    async with listening(one.talk) as a, listening(other.talk) as b:
        addresses = [Address("127.0.0.1", a, "1"), Address("localhost", b, "1")]
        async with Caches(addresses, 2, 5.0) as caches:
            held = await caches.points(["m"])
            assert told(held.points) == {"m": [(NOW - 60, 0.5), (NOW, 1.0), (NOW, 1.0)]}
        async with Caches([addresses[0], Address("localhost", 1, "1")], 2, 5.0) as caches:
            held = await caches.points(["m"])
            assert (told(held.points), held.away) == ({"m": [(NOW, 1.0)]}, [])
            assert list(caches.trouble()) == ["localhost:1:1"]


# When it does not answer


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_a_silent_cache_costs_one_time_out_then_nobody_waits(caplog: pytest.LogCaptureFixture) -> None:
    async with listening(silent) as port, caches_at(port, timeout_s=0.3) as caches:
        with caplog.at_level(logging.INFO):
            for most_s in (5.0, 0.25, 0.25):
                began_s = time.monotonic()
                answers = await asyncio.gather(*(caches.points(["m"]) for _ in range(20)))
                assert time.monotonic() - began_s < most_s
                assert all(held == ({}, [f"127.0.0.1:{port}:{port}"]) for held in answers)
        assert caches.trouble() == {f"127.0.0.1:{port}:{port}": "no answer within 0.3 s"}
    assert len(caplog.messages) == 1


async def test_who_tells_of_it_himself_gets_no_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with Caches([Address("127.0.0.1", 1, None)], 1, 1.0, quiet=True) as caches:
        assert (await caches.points(["m"])).away == ["127.0.0.1:1"]
    assert caplog.messages == []


async def test_a_refused_connection_is_tried_again_a_second_later(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeCache({"m": [(NOW, 1.0)]})
    async with listening(fake.talk) as port:
        pass
    monkeypatch.setattr("weft.metrics.carbon.PAUSE_S", 0.2)
    async with caches_at(port) as caches:
        with caplog.at_level(logging.INFO):
            assert (await caches.points(["m"])).away == [f"127.0.0.1:{port}:{port}"]
            assert caches.trouble() == {f"127.0.0.1:{port}:{port}": "Connection refused"}
            async with listening(fake.talk, port):
                assert (await caches.points(["m"])).away == [f"127.0.0.1:{port}:{port}"]
                await asyncio.sleep(0.25)
                held = await caches.points(["m"])
                assert (told(held.points), held.away, caches.trouble()) == ({"m": [(NOW, 1.0)]}, [], {})
    assert [message.rpartition("carbon-cache")[2].split()[1:3] for message in caplog.messages] == [
        ["Connection", "refused;"],
        ["answers", "again"],
    ]


RAW = {
    "cut within the length": b"\0\0",
    "cut within the body": struct.pack("!L", 100) + b"\x80\x02}",
    "a giant length": struct.pack("!L", 2**32 - 1),
    **{what: struct.pack("!L", len(body)) + body for what, body in HOSTILE.items()},
}


@pytest.mark.parametrize("what", RAW)
async def test_a_cache_that_answers_nonsense_is_as_if_away(what: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(RAW[what])

    async with listening(talk) as port, caches_at(port, timeout_s=2.0) as caches:
        held = await caches.points(["m"])
        assert held == ({}, [f"127.0.0.1:{port}:{port}"])


async def test_nobody_waits_for_an_answer_that_is_too_long_to_be_true() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(struct.pack("!L", 1 << 26))
        await reader.read()

    async with listening(talk) as port, caches_at(port) as caches:
        await caches.points(["m"])
        assert caches.trouble() == {f"127.0.0.1:{port}:{port}": "its answer is 67108864 bytes long, over 33554432"}


async def test_what_a_bomb_would_run_is_not_run(tmp_path: Any) -> None:
    body = pickle.dumps({"datapointsByMetric": {"m": Bomb(f"touch {tmp_path}/ran")}}, protocol=2)
    fake = FakeCache({}, raw=struct.pack("!L", len(body)) + body)
    async with listening(fake.talk) as port, caches_at(port) as caches:
        assert (await caches.points(["m"])).away
    assert list(tmp_path.iterdir()) == []


async def test_a_request_that_is_given_up_leaves_no_answer_for_the_next_one() -> None:
    fake = FakeCache({"a": [(NOW, 1.0)], "b": [(NOW, 2.0)]}, delay_s=0.2)
    async with listening(fake.talk) as port, caches_at(port) as caches:
        given_up = asyncio.create_task(caches.points(["a"]))
        await asyncio.sleep(0.1)
        given_up.cancel()
        held = await caches.points(["b"])
    assert (told(held.points), held.away) == ({"b": [(NOW, 2.0)]}, [])


async def test_a_slow_cache_does_not_stall_others() -> None:
    fake = FakeCache({"m": [(NOW, 1.0)]}, delay_s=0.5)
    async with listening(fake.talk) as port, caches_at(port) as caches:
        asking = asyncio.create_task(caches.points(["m"]))
        longest_s = 0.0
        while not asking.done():
            began_s = time.monotonic()
            await asyncio.sleep(0.01)
            longest_s = max(longest_s, time.monotonic() - began_s)
        assert told((await asking).points) == {"m": [(NOW, 1.0)]}
    assert longest_s < 0.45

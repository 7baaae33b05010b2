"""carbon-cache daemons: what they hold and have not written yet is asked of them, each series at the right one.

A question is four bytes of length and a pickle, and so is the answer, over a connection that stays open. The newest
points are worth little waiting: a cache that does not answer in time is left alone for a while, and what is on disk is
served. Sources: carbon 1.1.7, `protocols.py`, `hashing.py`; graphite-web 1.1.10, `carbonlink.py`.
"""

import asyncio
import logging
import os
import pickle
import re
import struct
import time
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import md5
from typing import Final, NamedTuple, Self

import anyio
import anyio.to_thread
import numpy as np

from weft.base.errors import BadSettings
from weft.metrics.pickled import Garbled, Points, read_answer

log = logging.getLogger(__name__)

BULK: Final = 100
"""Series in one question: a cache answers nobody else while it gathers them."""
MAX_ANSWER: Final = 1 << 25
"""Bytes of an answer; 15,000 points of each of BULK series."""
LOOP_BYTES: Final = 1 << 18
"""Longer answers are read in a thread."""
PAUSE: Final = 10
"""A cache that let somebody wait is left alone so many times as long, at least PAUSE_S."""
PAUSE_S: Final = 1.0

_LENGTH = struct.Struct("!L")
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):([0-9]{1,5})(?::([^\s:]+))?")
_RING_ENTRIES = 100


class Address(NamedTuple):
    """Where a cache answers questions, and what its host and instance are called in the hash ring."""

    host: str
    port: int
    instance: str | None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" + (f":{self.instance}" if self.instance else "")


def addresses_of(texts: Sequence[str]) -> list[Address]:
    """Read `host:port` and `host:port:instance`.

    Raises:
        BadSettings: not such a text, or two that the hash ring cannot tell apart.
    """
    addresses: list[Address] = []
    for text in texts:
        found = _ADDRESS.fullmatch(text.strip())
        if found is None or not 0 < int(found[2]) < 65536:
            raise BadSettings(
                f"Setting 'carbon.caches': '{text}' is no address of a cache.",
                fix="Write host:port:instance as in graphite-web's CARBONLINK_HOSTS, for example 127.0.0.1:7002:a.",
            )
        address = Address(found[1].strip("[]"), int(found[2]), found[3])
        if any((one.host, one.instance) == (address.host, address.instance) for one in addresses):
            raise BadSettings(
                f"Setting 'carbon.caches': '{text}' is there twice, or a second cache of its host and instance.",
                fix="Give caches of one host the instance names that carbon-relay's DESTINATIONS give them.",
            )
        addresses.append(address)
    return addresses


class Ring:
    """carbon's consistent hash ring (`carbon_ch`): which of the nodes, (host, instance) each, hold a series.

    Hosts and instances must be spelled as in carbon-relay's DESTINATIONS and stand in its order, as the ring is made
    of their names. Source: carbon 1.1.7, `hashing.py`, `routers.py`.
    """

    def __init__(self, nodes: Sequence[tuple[str, str | None]], replication: int = 1) -> None:
        self._nodes, self._replication = nodes, replication
        self._entries: list[tuple[int, int]] = []
        taken: set[int] = set()
        for number, node in enumerate(nodes):
            for i in range(_RING_ENTRIES):
                position = _position(f"{node}:{i}")
                while position in taken:
                    position += 1
                taken.add(position)
                insort(self._entries, (position, number))

    def holders(self, name: str) -> list[int]:
        """Numbers of the nodes that hold a series: as many as there are replicas, each on another host."""
        if len(self._nodes) == 1:
            return [0]
        numbers: list[int] = []
        hosts: set[str] = set()
        for number in self._from(name):
            host = self._nodes[number][0]
            if host not in hosts:
                hosts.add(host)
                numbers.append(number)
                if len(numbers) >= self._replication:
                    break
        return numbers

    def _from(self, name: str) -> Iterator[int]:
        first = bisect_left(self._entries, (_position(name), -1))
        for i in range(len(self._entries)):
            yield self._entries[(first + i) % len(self._entries)][1]


def _position(key: str) -> int:
    return int.from_bytes(md5(key.encode(errors="surrogatepass"), usedforsecurity=False).digest()[:2], "big")


class Held(NamedTuple):
    """What the caches hold of some series, and which caches the points of some may be missing from."""

    points: Mapping[str, Points]
    away: list[str]


class Caches:
    """The carbon-caches of one tree; for one event loop.

    Args:
        addresses: see addresses_of. replication: see Ring. timeout_s: how long a question may take, with its turn.
        quiet: nothing is logged, as whoever asks tells when a cache is away.
    """

    def __init__(
        self, addresses: Sequence[Address], replication: int, timeout_s: float, *, quiet: bool = False
    ) -> None:
        self._caches = [_Cache(address, timeout_s, quiet) for address in addresses]
        self._ring = Ring([(address.host, address.instance) for address in addresses], replication)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(cache.aclose() for cache in self._caches))

    async def points(self, names: Sequence[str]) -> Held:
        """What is not on disk yet. Raises nothing: a cache that does not answer is named in the answer."""
        holders = [self._ring.holders(name) for name in names]
        asked: dict[int, list[str]] = {}
        for name, numbers in zip(names, holders, strict=True):
            for number in numbers:
                asked.setdefault(number, []).append(name)
        answers = dict(
            zip(asked, await asyncio.gather(*(self._caches[i].ask(some) for i, some in asked.items())), strict=True)
        )
        silent = {number for number, answer in answers.items() if answer is None}
        # What one of its replicas told of a series is all there is of it.
        lost = {number for numbers in holders if silent.issuperset(numbers) for number in numbers} if silent else silent
        points: dict[str, Points] = {}
        for answer in answers.values():
            for name, some in (answer or {}).items():
                points[name] = _both(points[name], some) if name in points else some
        return Held(points, [str(self._caches[number].address) for number in sorted(lost)])

    def trouble(self) -> dict[str, str]:
        """Caches that did not answer when they were asked last: where, and why."""
        return {str(cache.address): cache.trouble for cache in self._caches if cache.trouble is not None}


def _both(one: Points, other: Points) -> Points:
    times_s = np.concatenate([one.times_s, other.times_s])
    order = np.argsort(times_s, kind="stable")
    return Points(times_s[order], np.concatenate([one.values, other.values])[order])


class _Cache:
    """One carbon-cache and the connection to it."""

    def __init__(self, address: Address, timeout_s: float, quiet: bool) -> None:
        self.address, self._timeout_s, self._quiet = address, timeout_s, quiet
        self.trouble: str | None = None
        self._turn = asyncio.Lock()
        self._limiter = anyio.CapacityLimiter(1)
        self._link: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._bulk = True
        self._sleeps_until_s = 0.0

    async def ask(self, names: Sequence[str]) -> dict[str, Points] | None:
        """What it holds of some series; None: it does not answer, or did not a moment ago."""
        began_s = time.monotonic()
        mine = False
        try:
            async with asyncio.timeout(self._timeout_s), self._turn:
                if time.monotonic() < self._sleeps_until_s:
                    return None
                mine = True
                answer = await self._asked(names)
        except TimeoutError:
            if mine:  # else somebody else still waits for it, who will say so
                self._gone(f"no answer within {self._timeout_s:g} s", began_s)
            return None
        except (OSError, EOFError, Garbled) as exc:
            self._gone(reason(exc), began_s)
            return None
        if self.trouble is not None:
            log.info("carbon-cache %s answers again", self.address)
            self.trouble = None
        return answer

    async def aclose(self) -> None:
        """End the connection, if there is one, and wait until it has ended."""
        link = self._link
        self._close()
        if link is not None:
            with suppress(OSError):
                await link[1].wait_closed()

    def _close(self) -> None:
        if self._link is not None:
            self._link[1].close()
            self._link = None

    def _gone(self, why: str, began_s: float) -> None:
        if self.trouble is None and not self._quiet:
            log.warning("carbon-cache %s: %s; what it holds and has not written is not served", self.address, why)
        self.trouble = why
        self._bulk = True
        now_s = time.monotonic()
        self._sleeps_until_s = now_s + max(PAUSE_S, PAUSE * (now_s - began_s))

    async def _asked(self, names: Sequence[str]) -> dict[str, Points]:
        if self._link is not None:
            try:
                return await self._talked(names)
            except (OSError, EOFError):
                pass  # it was started anew since it was asked last, or hangs up on who is silent for long
        await self._connect()
        try:
            return await self._talked(names)
        except EOFError:
            # go-carbon hangs up when it is asked for several series at once.
            if not self._bulk:
                raise
            self._bulk = False
        await self._connect()
        return await self._talked(names)

    async def _connect(self) -> None:
        self._link = await asyncio.open_connection(self.address.host, self.address.port, limit=1 << 20)

    async def _talked(self, names: Sequence[str]) -> dict[str, Points]:
        """Put all questions at once, then read the answers, which come in their order."""
        assert self._link is not None
        reader, writer = self._link
        size = BULK if self._bulk else 1
        parts = [names[first : first + size] for first in range(0, len(names), size)]
        points: dict[str, Points] = {}
        try:
            writer.write(b"".join(map(self._question, parts)))
            for part in parts:
                length = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))[0]
                if length > MAX_ANSWER:
                    raise Garbled(f"its answer is {length} bytes long, over {MAX_ANSWER}")
                points |= await self._read(await reader.readexactly(length), part)
        except BaseException:  # whoever gives up, too: what is still to come would be taken for the next answer
            self._close()
            raise
        return points

    async def _read(self, answer: bytes, asked: Sequence[str]) -> dict[str, Points]:
        if len(answer) <= LOOP_BYTES:
            return read_answer(answer, asked)
        return await anyio.to_thread.run_sync(read_answer, answer, asked, limiter=self._limiter)

    def _question(self, names: Sequence[str]) -> bytes:
        if self._bulk:
            return framed({"type": "cache-query-bulk", "metrics": list(names)})
        return framed({"type": "cache-query", "metric": names[0]})


def framed(told: object) -> bytes:
    """A pickle as carbon's protocols take it: after its length."""
    body = pickle.dumps(told, protocol=2)
    return _LENGTH.pack(len(body)) + body


def reason(exc: Exception) -> str:
    """Why talking to a carbon daemon failed, in few words."""
    if isinstance(exc, EOFError):
        return "it hung up"
    number = exc.errno if isinstance(exc, OSError) else None
    return os.strerror(number) if number is not None and number > 0 else str(exc)

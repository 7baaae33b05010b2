"""Another Graphite over HTTP as a store of series: graphite-web, carbonapi, or Weft.

What it does not answer is told to whoever asked and is missing from the answer; a server that is away is asked again by
nobody but one small question every few seconds, until it answers. Names are kept for a while, as those of a tree are.

`local=1`, which one graphite-web says to another so that it speaks for itself alone, is not said: the server named may
stand for a whole cluster.
"""

import asyncio
import logging
import ssl
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeVar
from urllib.parse import quote

import anyio
import anyio.to_thread
import httpx

import weft
from weft.base.errors import BadRequest, BadSettings
from weft.base.intervals import iso
from weft.metrics import peer
from weft.metrics.globs import MAX_PATTERN, Glob
from weft.metrics.peer import Garbled, Sheet
from weft.metrics.series import Series, Window
from weft.metrics.store import Found, Tell, unheard
from weft.metrics.tags import TagExpression, TagIndex

log = logging.getLogger(__name__)

CONNECT_S: Final = 2.5
"""A server in the same house that takes longer to say yes is away."""
GAVE_UP_S: Final = 2.0
"""Somebody who waited so long and went away without an answer found the server away."""
PAUSE_S: Final = 5.0
"""Between two questions whether a server is back."""
REQUESTS_AT_ONCE: Final = 4
"""Of one answer; more would only wait in the server's own queue."""
CONNECTIONS: Final = 32
KEEP_S: Final = 3.0
"""Connections unused for longer are closed: by us, so that no request meets one that the server has just closed."""

NAMES_BYTES: Final = 32_000_000
"""Longest list of names."""
MOST_NAMES: Final = 500_000
"""Most names below a `**`."""
LINE_BYTES: Final = 64_000_000
"""Longest line of a series: two million points."""
LOOP_BYTES: Final = 100_000
"""More than this is read in a thread, in blocks of BLOCK_BYTES."""
BLOCK_BYTES: Final = 1_000_000
MOST_LEVELS: Final = 32
"""How deep `**` is followed."""
CACHED_NAMES: Final = 100_000
"""Names of all patterns that are kept; about 15 MB."""
LOG_AGAIN_S: Final = 300.0
"""The same trouble, gone in between, has a line in the log only so often."""
TOLD_CHARACTERS: Final = 200
"""Of what a server says, in a notice."""
HINTS: Final[Mapping[int, str]] = {
    HTTPStatus.UNAUTHORIZED: " (put user:password@ before its host in graphite.urls)",
    HTTPStatus.FORBIDDEN: " (put user:password@ before its host in graphite.urls)",
    HTTPStatus.NOT_FOUND: " (graphite.urls must name its root)",
}

Form = Mapping[str, str | Sequence[str]]
Answer = TypeVar("Answer")
Nothing = TypeVar("Nothing")
Name = TypeVar("Name")


class Trouble(NamedTuple):
    """What is wrong with a server, as the end of a sentence, and since when."""

    why: str
    since_ms: int


class NotThere(Garbled):
    """The server has nothing at this path."""


class RemoteStore:
    """SeriesStore over another Graphite; enter it before it is asked.

    Args:
        url: its root, `http://user:password@host:port/path`; user and password are shown to nobody else.
        timeout_s: how long one question waits for it, whatever it takes.
        refresh_s: how long names that it told are not asked again.
        max_points: most points taken from it for one question. max_pattern: longest find pattern, see `globs.nodes`.
    Raises:
        BadSettings: a URL that is none.
    """

    def __init__(
        self, url: str, timeout_s: float, refresh_s: float, max_points: int, max_pattern: int = MAX_PATTERN
    ) -> None:
        self._client, where = _client_of(url)
        self._named = f"Graphite at {where}"
        self._timeout_s, self._refresh_s = timeout_s, refresh_s
        self._max_points, self._max_pattern = max_points, max_pattern
        self._limiter = anyio.CapacityLimiter(1)
        self._away: Trouble | None = None
        self._refused: Trouble | None = None
        self._coming_back: asyncio.Task[None] | None = None
        self._logged: dict[str, float] = {}
        self._known: OrderedDict[tuple[str, ...], tuple[float, list[Any]]] = OrderedDict()
        self._kept = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._coming_back is not None:
            self._coming_back.cancel()
            await asyncio.gather(self._coming_back, return_exceptions=True)
        await self._client.aclose()

    def unreadable(self) -> dict[str, str]:
        """See SeriesStore; by where the server is."""
        trouble = self._away or self._refused
        return {self._named: f"{trouble.why}, since {iso(trouble.since_ms)}"} if trouble else {}

    async def find(self, pattern: str, tell: Tell) -> list[Found]:
        """See SeriesStore. Raises TooMuch: a pattern over its limit."""
        globs = peer.pattern_of(pattern, self._max_pattern)
        if not all(glob.text for glob in globs):
            return []

        async def ask(tell: Tell) -> list[Found]:
            found = await (self._below(pattern, tell) if _is_deep(globs) else self._nodes(pattern, tell))
            kept = await self._worked(lambda: {node for node in found if peer.fits(node.path, globs)}, len(found) * 100)
            return sorted(kept, key=lambda node: (node.leaf, node.path))

        return await self._names(("find", pattern), ask, tell)

    async def expand(self, pattern: str, tell: Tell) -> list[str]:
        """See SeriesStore. Raises TooMuch: a pattern over its limit."""
        globs = peer.pattern_of(pattern, self._max_pattern)
        if not all(glob.text for glob in globs):
            return []
        if _is_deep(globs):
            return [node.path for node in await self.find(pattern, tell) if node.leaf]

        async def ask(tell: Tell) -> list[str]:
            form = {"query": pattern, "leavesOnly": "1"}
            names = await self._read("/metrics/expand", form, lambda body: peer.read_names(body, "results"), tell)
            # A tagged name is found as it is: its values may hold anything.
            kept = await self._worked(
                lambda: {name for name in names if name == pattern or peer.fits(name, globs)}, len(names) * 100
            )
            return sorted(kept)

        return await self._names(("expand", pattern), ask, tell)

    async def _nodes(self, pattern: str, tell: Tell) -> list[Found]:
        return await self._read("/metrics/find", {"query": pattern, "format": "completer"}, peer.read_nodes, tell)

    async def _below(self, pattern: str, tell: Tell) -> list[Found]:
        """All nodes below what stands before `**`, level by level: carbonapi takes `**` for one node."""
        nodes = pattern.split(".")
        nodes = nodes[: nodes.index("**")]
        found: list[Found] = []
        for _ in range(MOST_LEVELS):
            nodes.append("*")
            here = await self._nodes(".".join(nodes), tell)
            found += here
            if len(found) > MOST_NAMES:
                raise Garbled(f"tells more than {MOST_NAMES:,} names")
            if all(node.leaf for node in here):
                break
        return found

    async def tagged(self, expressions: Sequence[TagExpression], tell: Tell) -> list[str]:
        """See SeriesStore."""
        texts = tuple(f"{one.tag}{one.operator}{one.spec}" for one in expressions)

        async def ask(tell: Tell) -> list[str]:
            return sorted(set(await self._tag_read("/tags/findSeries", {"expr": texts}, peer.read_names, tell)))

        return await self._names(("tagged", *texts), ask, tell)

    async def tags(self, expressions: Sequence[TagExpression], prefix: str, tell: Tell) -> list[str]:
        """See SeriesStore; made here from names, since a Graphite's own completion stops at a hundred."""
        if expressions:
            names = await self.tagged(expressions, tell)
            return await self._worked(lambda: TagIndex(names).tags(expressions, prefix), len(names) * 100)
        tags = await self._names(("tags",), lambda tell: self._tag_read("/tags", None, peer.read_tags, tell), tell)
        return sorted(tag for tag in set(tags) if tag.startswith(prefix))

    async def tag_values(
        self, tag: str, expressions: Sequence[TagExpression], prefix: str, tell: Tell, limit: int | None = None
    ) -> list[tuple[str, int]]:
        """See SeriesStore."""
        if expressions:
            names = await self.tagged([*expressions, TagExpression(tag, "!=", "")], tell)
            return await self._worked(lambda: TagIndex(names).values(tag, (), prefix, limit), len(names) * 100)
        path = f"/tags/{quote(tag, safe='')}"
        values = await self._names((path,), lambda tell: self._tag_read(path, None, peer.read_tag_values, tell), tell)
        return sorted((value, count) for value, count in values if value.startswith(prefix))[:limit]

    async def _tag_read(
        self, path: str, form: Form | None, parse: Callable[[bytes], list[Name]], tell: Tell
    ) -> list[Name]:
        """As `_read`; nothing, which is told, where the server has no such question, as carbonapi has not."""
        try:
            return await self._read(path, form, parse, tell)
        except NotThere:
            tell(f"{self._named} cannot be asked for tags; what it has by tags is missing here.")
            return []

    async def fetch(self, names: Sequence[str], window: Window, tell: Tell) -> list[Series | None]:
        """See SeriesStore; what arrived before something went wrong is answered.

        Raises:
            BadRequest: from lies after until.
        """
        if window.from_s > window.until_s:
            raise BadRequest("The time range ends before it begins.", fix="Give a from that is not after until.")
        if not names or window.from_s > window.now_s:
            return [None] * len(names)
        sheet = Sheet(names, window, self._max_points)
        times = {
            # No time range may be empty there; ten digits are never a date.
            "from": f"{max(0, window.from_s):010d}",
            "until": f"{max(0, window.until_s, window.from_s + 1):010d}",
            "now": f"{window.now_s:010d}",
        }
        gate = asyncio.Semaphore(REQUESTS_AT_ONCE)

        async def one(targets: list[str]) -> None:
            async with gate:
                await self._fill(sheet, {"target": targets, "format": "raw", "noCache": "1", **times}, tell)

        async def everything() -> None:
            ends = await asyncio.gather(*map(one, peer.requests_of(names)), return_exceptions=True)
            for end in ends:
                if end is not None:
                    raise end

        await self._asked(everything, None, tell)
        return [sheet.found.get(name) for name in names]

    async def _fill(self, sheet: Sheet, form: Form, tell: Tell) -> None:
        """Ask for some series, and take them line by line."""
        async with self._answer("/render", form) as response:
            kind = response.headers.get("content-type", "")
            if not kind.startswith("text/plain"):
                raise Garbled(f"answers with {_shown(kind) or 'something'}, not with series")
            held = bytearray()
            async for chunk in response.aiter_raw():
                whole = chunk.rfind(b"\n") + 1
                if whole and len(held) + whole >= BLOCK_BYTES:
                    block = bytes(held) + chunk[:whole]
                    await self._worked(partial(sheet.take, block), len(block))
                    held, chunk = bytearray(), chunk[whole:]
                held += chunk
                if len(held) > LINE_BYTES:
                    raise Garbled("sends a line without an end")
            await self._worked(partial(sheet.take, bytes(held)), len(held))
            if sheet.found:
                self._pass_on(response, tell)

    async def _read(self, path: str, form: Form | None, parse: Callable[[bytes], Answer], tell: Tell) -> Answer:
        """What an answer of names says."""
        async with self._answer(path, form) as response:
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > NAMES_BYTES:
                    raise Garbled(f"tells more than {NAMES_BYTES // 1_000_000} MB of names")
            self._pass_on(response, tell)
        return await self._worked(lambda: parse(bytes(body)), len(body))

    @asynccontextmanager
    async def _answer(self, path: str, form: Form | None) -> AsyncIterator[httpx.Response]:
        """An answer to be read as it comes. Raises Garbled: a refusal; httpx.TransportError."""
        method = "GET" if form is None else "POST"
        try:
            response = await self._client.send(self._client.build_request(method, path, data=form), stream=True)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            # A connection that the server closed just now, as it was long unused.
            response = await self._client.send(self._client.build_request(method, path, data=form), stream=True)
        try:
            if response.status_code != HTTPStatus.OK:
                refused = NotThere if response.status_code == HTTPStatus.NOT_FOUND else Garbled
                raise refused(await _refusal(response))
            if response.headers.get("content-encoding", "identity") != "identity":
                raise Garbled("sends packed what it was asked for as it is")
            yield response
        finally:
            await response.aclose()

    def _pass_on(self, response: httpx.Response, tell: Tell) -> None:
        """Tell what a Weft over there tells to be missing."""
        if notice := _shown(response.headers.get("x-weft-notice", "")):
            tell(f"{self._named}: {notice}")

    async def _worked(self, work: Callable[[], Answer], size: int) -> Answer:
        """Do it here when it is little, else in the one thread there is for it."""
        return work() if size <= LOOP_BYTES else await anyio.to_thread.run_sync(work, limiter=self._limiter)

    async def _names(
        self, key: tuple[str, ...], ask: Callable[[Tell], Awaitable[list[Name]]], tell: Tell
    ) -> list[Name]:
        """What was told a short while ago, or is now; only what is whole is kept."""
        if (kept := self._known.get(key)) is not None and kept[0] > time.monotonic():
            self._known.move_to_end(key)
            return list(kept[1])
        missing: list[str] = []
        names = await self._asked(lambda: ask(missing.append), None, missing.append)
        for notice in missing:
            tell(notice)
        if names is None:
            return []
        if not missing:
            self._keep(key, names)
        return list(names)

    def _keep(self, key: tuple[str, ...], names: list[Any]) -> None:
        self._drop(key)
        self._known[key] = time.monotonic() + self._refresh_s, names
        # A pattern without hits costs its text as well.
        self._kept += len(names) + 1
        while self._kept > CACHED_NAMES:
            self._drop(next(iter(self._known)))

    def _drop(self, key: tuple[str, ...]) -> None:
        _, names = self._known.pop(key, (0.0, None))
        self._kept -= 0 if names is None else len(names) + 1

    async def _asked(self, question: Callable[[], Awaitable[Answer]], nothing: Nothing, tell: Tell) -> Answer | Nothing:
        """What a question gives within the time there is for it; where it fails nothing, and that is told."""
        if self._away is not None:
            tell(self._notice(self._away.why))
            return nothing
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await question()
        except (TimeoutError, httpx.TransportError) as exc:
            why = self._lost(exc)
        except Garbled as exc:
            why = str(exc)
            self._refused = self._refused or self._trouble(why)
        except asyncio.CancelledError:
            if time.monotonic() - began > GAVE_UP_S:
                self._lost(TimeoutError())
            raise
        else:
            self._refused = None
            return answer
        tell(self._notice(why))
        return nothing

    def _notice(self, why: str) -> str:
        return f"{self._named} {why}; its series are missing here."

    def _trouble(self, why: str) -> Trouble:
        """Something is wrong from now on; a line in the log, unless it was there just now."""
        now_s = time.monotonic()
        if self._logged.get(why, -LOG_AGAIN_S) <= now_s - LOG_AGAIN_S:
            if len(self._logged) >= 100:
                self._logged.clear()
            self._logged[why] = now_s
            log.warning("%s %s; its series are missing from answers", self._named, why)
        return Trouble(why, time.time_ns() // 1_000_000)

    def _lost(self, exc: Exception) -> str:
        """The server is away: nobody waits for it until it is back. Gives why."""
        if isinstance(exc, (httpx.ConnectError, httpx.ConnectTimeout)):
            why = "cannot be reached"
        elif isinstance(exc, TimeoutError):
            why = f"does not answer within {self._timeout_s:g} s"
        else:
            why = "breaks off"
        if self._away is None:
            self._away = self._trouble(why)
            self._coming_back = asyncio.create_task(self._until_back())
        return why

    async def _until_back(self) -> None:
        while self._away is not None:
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._nodes("*", unheard)
            except (TimeoutError, httpx.TransportError):
                await asyncio.sleep(PAUSE_S)
                continue
            except Garbled:
                pass  # it answers; what is wrong with that, the next question tells
            self._away = None
            log.info("%s answers again", self._named)


def _is_deep(globs: Sequence[Glob]) -> bool:
    return any(glob.deep for glob in globs)


def _client_of(url: str) -> tuple[httpx.AsyncClient, str]:
    """A client for a root, and how the server is called: host, port and path. Raises BadSettings."""
    shown = url.rpartition("@")[2]
    try:
        root = httpx.URL(url)
        if root.scheme not in ("http", "https") or not root.host or root.query or root.fragment:
            raise ValueError(url)
    except (httpx.InvalidURL, ValueError):
        raise BadSettings(
            f"Setting 'graphite.urls': '{shown}' is no address of a Graphite.",
            fix="Write its root, like http://graphite.example:8080, with user:password@ before the host if it asks.",
        ) from None
    port = root.port or (443 if root.scheme == "https" else 80)
    host = f"[{root.host}]" if ":" in root.host else root.host
    client = httpx.AsyncClient(
        base_url=root.copy_with(userinfo=b""),
        auth=(root.username, root.password) if root.username else None,
        # Packing costs the server more than the network: 10 MB take zlib 0.4 s.
        headers={"accept-encoding": "identity", "user-agent": f"weft/{weft.__version__}"},
        timeout=httpx.Timeout(None, connect=CONNECT_S),
        limits=httpx.Limits(max_connections=CONNECTIONS, keepalive_expiry=KEEP_S),
        # The system's authorities, which a site can add to; plain HTTP needs none, and they take 20 ms to read.
        verify=ssl.create_default_context() if root.scheme == "https" else False,
        follow_redirects=False,
        trust_env=False,
    )
    return client, f"{host}:{port}{root.path.rstrip('/')}"


async def _refusal(response: httpx.Response) -> str:
    """A status that is no answer, as the end of a sentence, with what can be done about it."""
    status = response.status_code
    said = f"answers {status} {httpx.codes.get_reason_phrase(status)}".rstrip()
    if status == HTTPStatus.BAD_REQUEST:
        async for chunk in response.aiter_raw():
            return f"{said} ({_shown(chunk[:1000].decode('utf-8', 'replace').strip().partition(chr(10))[0])})"
    if response.is_redirect:
        return f"{said} (graphite.urls must name its root)"
    return f"{said}{HINTS.get(status, '')}"


def _shown(text: str) -> str:
    """What a server said, fit to be shown."""
    return "".join(character for character in text if character.isprintable())[:TOLD_CHARACTERS]

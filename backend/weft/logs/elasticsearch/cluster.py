"""Calls of the cluster: how long each may take, and what goes wrong with it, in words."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from elastic_transport import ApiResponse
from elasticsearch import ApiError, AsyncElasticsearch, TransportError, UnsupportedProductError
from elasticsearch.exceptions import ConnectionTimeout

from weft.base import waits
from weft.base.config import Elasticsearch
from weft.base.errors import BadSettings, TooMuch, Unavailable

Call = Callable[[AsyncElasticsearch], Awaitable[ApiResponse[Any]]]

WRITE_S = 60.0
"""A bulk, or the making of an index, may take so long: nobody looks at a panel meanwhile."""

BUSY = 429
ABSENT = 404

_START = "Start it, or name a running one in elasticsearch.url (WEFT_ELASTICSEARCH__URL)."
_LET_IN = (
    "Set elasticsearch.api_key, or user and password, of somebody who may read, write, make and delete the indices."
)
_SEE = "Look into the cluster's health (GET _cluster/health) and its log."

_TOO_LARGE = ("maxClauseCount", "too_many_clauses", "too_many_nested_clauses")
_TOO_COMPLEX = ("too_complex_to_determinize", "would require more than", "allowed maximum")
_TOO_DEEP = "maximum nested depth"


class Cluster:
    """One cluster, asked by readers who wait `timeout_s` and by writers who wait WRITE_S."""

    def __init__(self, client: AsyncElasticsearch, url: str, timeout_s: float) -> None:
        self._client, self.url, self.timeout_s = client, url, timeout_s

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Elasticsearch) -> AsyncIterator["Cluster"]:
        """The cluster of the settings; nothing is asked of it yet. Raises BadSettings: a URL that is none."""
        # What fails is told once, to whoever asked; the client would print each try with its traceback besides.
        logging.getLogger("elastic_transport").setLevel(logging.ERROR)
        key, password = settings.api_key.get_secret_value(), settings.password.get_secret_value()
        try:
            if not settings.url.startswith(("http://", "https://")):
                raise ValueError("it begins with neither http:// nor https://")
            client = AsyncElasticsearch(
                settings.url,
                api_key=key or None,
                basic_auth=(settings.user, password) if settings.user and not key else None,
                max_retries=1,  # for a connection that was closed while it was idle
                retry_on_timeout=False,
                retry_on_status=(),
            )
        except ValueError as exc:
            raise BadSettings(
                f"elasticsearch.url '{settings.url}' is no address of a cluster: {exc}.",
                fix="Write it like http://127.0.0.1:9200.",
            ) from exc
        async with client:
            yield cls(client, settings.url, settings.timeout_s)

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """All calls of one request together within `timeout_s`. Raises Unavailable: they take longer."""
        try:
            async with waits.within(self.timeout_s):
                yield
        except TimeoutError as exc:
            raise self._late(self.timeout_s) from exc

    async def read(self, call: Call, *, absent: bool = False) -> Any:
        """The body of an answer, within `timeout_s`.

        Args:
            absent: None where there is no such thing.
        Raises:
            Unavailable: it does not answer or refuses. TooMuch: the query is too large for it.
        """
        async with self.answering():
            return await self._asked(call, self.timeout_s, absent)

    async def write(self, call: Call, *, absent: bool = False) -> Any:
        """As `read`, within WRITE_S."""
        return await self._asked(call, WRITE_S, absent)

    async def attempt(self, call: Call) -> Any:
        """As `write`; None also where the cluster is too busy now. Raises Unavailable."""
        try:
            with self._naming(WRITE_S, passing=BUSY):
                return (await call(self._client.options(request_timeout=WRITE_S))).body
        except ApiError:
            return None

    async def has(self, call: Call) -> Any:
        """As `write`; None where the cluster does not know such a thing at all, or does not let Weft use it."""
        try:
            return await self.write(call)
        except Unavailable as exc:
            if isinstance(exc.__cause__, ApiError) and exc.__cause__.status_code in (400, 403, 404, 405, 410):
                return None
            raise

    async def _asked(self, call: Call, timeout_s: float, absent: bool) -> Any:
        try:
            with self._naming(timeout_s, passing=ABSENT if absent else None):
                return (await call(self._client.options(request_timeout=timeout_s))).body
        except ApiError:
            return None

    @contextmanager
    def _naming(self, timeout_s: float, passing: int | None = None) -> Iterator[None]:
        """Turn what the client raises into our own errors, but for one status."""
        name = f"Elasticsearch at {self.url}"
        try:
            yield
        except ConnectionTimeout as exc:
            raise self._late(timeout_s) from exc
        except UnsupportedProductError as exc:
            raise Unavailable(f"What answers at {self.url} is no Elasticsearch.", fix=_START) from exc
        except TransportError as exc:
            raise Unavailable(f"{name} does not answer: {_short(exc.message)}.", fix=_START) from exc
        except ApiError as exc:
            status = exc.status_code
            if status == passing:
                raise
            too_much = too_much_of(str(exc.body))
            if status == 400 and too_much is not None:
                raise too_much from exc
            reason = _short(reason_of(exc.body))
            if status in (401, 403) and "cluster_block" not in str(exc.body):
                raise Unavailable(f"{name} does not let Weft in ({status}): {reason}.", fix=_LET_IN) from exc
            if status == BUSY:
                raise Unavailable(f"{name} is too busy: {reason}.", fix="Ask again in a while.") from exc
            raise Unavailable(f"{name} refuses ({status}): {reason}.", fix=_SEE) from exc

    def _late(self, timeout_s: float) -> Unavailable:
        what = f"Elasticsearch at {self.url} has not answered within {timeout_s:g} s."
        return Unavailable(what, fix=f"Ask for less at once. {_SEE}")


def too_much_of(problem: str) -> TooMuch | None:
    """What a problem with a query says about its size; None: it is another."""
    if any(sign in problem for sign in _TOO_LARGE):
        return TooMuch("The query fits too many different words.", fix="Make its wildcards narrower.")
    if any(sign in problem for sign in _TOO_COMPLEX):
        return TooMuch("A pattern of the query is too large.", fix="Shorten it, or ask in parts.")
    if _TOO_DEEP in problem:
        return TooMuch("The query has too many groups in groups.", fix="Take it apart.")
    return None


def reason_of(body: object) -> str:
    """Why a request or a part of it failed, in the server's words."""
    told = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(told, Mapping):
        causes = told.get("root_cause") or [told]
        return str(causes[0].get("reason") or causes[0].get("type"))
    return str(told)


def _short(reason: str) -> str:
    return " ".join(reason.split()).rstrip(".")[:300]

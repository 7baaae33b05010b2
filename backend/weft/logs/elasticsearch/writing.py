"""Lines into the cluster: in bulks of bounded size, each line created once, and old days let go of."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

from elastic_transport import ApiResponse
from elasticsearch import AsyncElasticsearch

from weft.base.errors import ServiceError, Unavailable
from weft.logs.elasticsearch.cluster import WRITE_S, Cluster, reason_of
from weft.logs.elasticsearch.documents import DAY_MS, day_of, operation_of, policy_of, template_of
from weft.logs.store import LogLine

log = logging.getLogger(__name__)

BULK_BYTES = 1_000_000
"""Size of one bulk; a longer line makes one of its own. Over 2^20 bytes aiohttp warns that it holds up the loop."""

PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""How long to wait before lines that the cluster was too busy for are sent again; then they are refused."""

LOOK_S = 3600.0
"""How often old days are looked for."""

CREATED, KNOWN, BUSY = 201, 409, 429


class Bulk(NamedTuple):
    """Operations that are sent at once, and the indices of their lines."""

    operations: list[bytes]
    indices: set[str]


def bulks(alias: str, lines: Iterable[LogLine]) -> Iterator[Bulk]:
    """Lines as bulks of at most BULK_BYTES, in their order."""
    bulk, size = Bulk([], set()), 0
    for line in lines:
        index, operation = operation_of(alias, line)
        if bulk.operations and size + len(operation) > BULK_BYTES:
            yield bulk
            bulk, size = Bulk([], set()), 0
        bulk.operations.append(operation)
        bulk.indices.add(index)
        size += len(operation)
    if bulk.operations:
        yield bulk


class Writer:
    """Writes the days of one alias; at most one bulk is under way."""

    def __init__(self, cluster: Cluster, alias: str, keep_days: int, clock: Callable[[], float] = time.time) -> None:
        self._cluster, self._alias, self._keep_days, self._clock = cluster, alias, keep_days, clock
        self._turn = asyncio.Lock()
        self._lifecycle = self._prepared = False
        self._looked_s = -LOOK_S

    async def append(self, lines: Sequence[LogLine], touched: set[str]) -> int:
        """Create lines that are not there yet.

        Args:
            touched: the indices that lines may have gone to are added, also where a bulk fails.
        Returns:
            How many were new.
        Raises:
            Unavailable: the cluster does not take them. Those of the bulks before are kept; to repeat all is harmless.
        """
        new = 0
        async with self._turn:
            await self._prepare()
            for bulk in bulks(self._alias, lines):
                try:
                    new += await self._create(bulk.operations)
                finally:
                    touched |= bulk.indices
            await self._let_go()
        return new

    async def _create(self, operations: list[bytes]) -> int:
        new, reason = 0, ""
        for pause_s in (*PAUSES_S, None):
            told = await self._cluster.attempt(partial(_bulk, operations))
            if told is not None:
                results = [item["create"] for item in told["items"]]
                new += sum(result["status"] == CREATED for result in results)
                operations, reason = self._refused(operations, results)
            if not operations:
                return new
            if pause_s is not None:
                await asyncio.sleep(pause_s)
        raise Unavailable(
            f"Elasticsearch at {self._cluster.url} is too busy to take log lines{reason}.",
            fix="They can be sent again at any time. Look into the load and the free disk of its nodes.",
        )

    def _refused(self, operations: Sequence[bytes], results: Sequence[Mapping[str, Any]]) -> tuple[list[bytes], str]:
        """Operations to repeat, and why. Raises Unavailable: one that no repeat helps."""
        again, reason = [], ""
        for operation, result in zip(operations, results, strict=True):
            if result["status"] == BUSY:
                again.append(operation)
                reason = f": {reason_of(result)[:300]}"
            elif result["status"] not in (CREATED, KNOWN):
                raise Unavailable(
                    f"Elasticsearch at {self._cluster.url} does not take a log line: {reason_of(result)[:300]}.",
                    fix="Look into the cluster's health (GET _cluster/health); lines can be sent again at any time.",
                )
        return again, reason

    async def _prepare(self) -> None:
        """See to the template: once for this version of Weft, and again where a cluster has lost it.

        Without it a new day would have the mapping that the server guesses from the first line.
        """
        template = self._alias
        there = await self._cluster.write(lambda c: c.indices.exists_index_template(name=template))
        if self._prepared and there:
            return
        policy = policy_of(self._keep_days)
        made = await self._cluster.has(lambda c: c.ilm.put_lifecycle(name=template, policy=policy))
        self._lifecycle = made is not None
        body = template_of(self._alias, template if self._lifecycle else None)
        await self._cluster.write(lambda c: c.indices.put_index_template(name=template, body=body))
        self._prepared = True

    async def _let_go(self) -> None:
        """Delete the days that are old enough, where the cluster does not."""
        now_s = self._clock()
        if self._lifecycle or not self._keep_days or now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        oldest_ms = int(now_s * 1000) - self._keep_days * DAY_MS
        try:
            for index in await indices_of(self._cluster, self._alias):
                day = day_of(self._alias, index)
                if day is not None and day.to_ms <= oldest_ms:
                    await self._cluster.write(partial(_delete, index), absent=True)
                    log.info("deleted the logs of %s: older than %d days", index, self._keep_days)
        except ServiceError as exc:
            # The lines are kept; the next round looks again.
            log.warning("old logs are not deleted: %s", exc)


async def _bulk(operations: Sequence[bytes], client: AsyncElasticsearch) -> ApiResponse[Any]:
    # The client takes what is JSON already as it is, which its types do not say.
    asked = cast(Sequence[Mapping[str, Any]], operations)
    told = ("items.*.status", "items.*.error")
    return await client.bulk(operations=asked, timeout=f"{WRITE_S / 2:.0f}s", filter_path=told)


async def _delete(index: str, client: AsyncElasticsearch) -> ApiResponse[Any]:
    return await client.indices.delete(index=index)


async def indices_of(cluster: Cluster, alias: str) -> list[str]:
    """Names of all indices of the alias."""
    told = await cluster.read(lambda c: c.indices.get_alias(name=alias), absent=True)
    return sorted(told or ())

"""The engine: lines of one alias, written by any process and read by many."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from elasticsearch import ApiError

from weft.base.config import Elasticsearch
from weft.base.errors import BadSettings, TooMuch, Unavailable
from weft.base.intervals import Interval
from weft.logs.elasticsearch.cluster import Cluster, reason_of, too_much_of
from weft.logs.elasticsearch.documents import DAY_MS, FIELDS, day_of, line_of
from weft.logs.elasticsearch.finding import NEWEST, OLDEST, Asked, compiled, lucene_regex, place_after, within
from weft.logs.elasticsearch.writing import Writer, indices_of
from weft.logs.fields import own_name
from weft.logs.limits import COUNTED, MOST_VALUES, counts_own, page_size, steps_of
from weft.logs.patterns import literal_regex
from weft.logs.query import EVERYTHING
from weft.logs.store import CORE_FIELDS, Histogram, LogField, LogHits, LogLine, LogQuery, Place, TopValues
from weft.logs.terms import ALL, Both, OneOf, Wanted, all_of, wanted

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")

_OURS = {"exists": {"field": FIELDS["key"]}}
"""Others may put documents into our indices; what Weft has not indexed it cannot find by its words either."""

_NOTHING: Mapping[str, Any] = {
    "timed_out": False,
    "hits": {"hits": [], "total": {"value": 0, "relation": "eq"}},
    "_shards": {"total": 0, "failed": 0},
}
"""What a search would say of an alias without indices, which is not there."""

_CLOSED = (
    "Some days of the logs are closed in Elasticsearch and left out. "
    "Look which they are (GET _cat/indices/{alias}-*) and open them (POST INDEX/_open)."
)

_LONGEST_STEP_MS = 2**62

NOT_YET = 503
SETTLES_S, PAUSE_S = 1.0, 0.1
"""How long a new index may take until it can be searched, and how often that is looked for."""


class ElasticsearchLogs:
    """LogStore in a cluster; any number of processes may write and read at the same time."""

    def __init__(self, cluster: Cluster, settings: Elasticsearch, clock: Callable[[], float]) -> None:
        self._cluster, self._alias = cluster, settings.index
        self._writer = Writer(cluster, settings.index, settings.keep_days, clock)
        # Indices that a search must refresh first; at first all, so that a store sees what was kept before it.
        self._unseen = {settings.index}
        self._refreshing = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: Elasticsearch, *, clock: Callable[[], float] = time.time
    ) -> AsyncIterator["ElasticsearchLogs"]:
        """Logs in the cluster of the settings, which need not be there yet: each call says so while it is not.

        Args:
            clock: now, in epoch s, by which days grow old.
        Raises:
            BadSettings: a URL or a name of indices that none can have.
        """
        if not _NAME.fullmatch(settings.index):
            raise BadSettings(
                f"elasticsearch.index '{settings.index}' cannot begin the name of an index.",
                fix="Use lower case letters, digits, dots, dashes and underscores.",
            )
        async with Cluster.open(settings) as cluster:
            yield cls(cluster, settings, clock)

    async def append(self, lines: Sequence[LogLine]) -> int:
        """Create lines: acknowledged ones are in the cluster's log on disk, and the next search here finds them.

        Raises:
            Unavailable: the cluster is away, too busy or full. Some lines may be kept; all can be sent again.
        """
        return await self._writer.append(lines, self._unseen) if lines else 0

    async def search(
        self, query: LogQuery, *, limit: int = 100, cursor: str | None = None, oldest: bool = False
    ) -> LogHits:
        """See LogStore; at most limits.MOST lines, counted up to limits.COUNTED."""
        after = None if cursor is None else Place.read(cursor)
        size = page_size(limit)
        asked: Asked = {"size": size + 1, "sort": OLDEST if oldest else NEWEST, "track_total_hits": COUNTED}
        if after is not None:
            asked["search_after"] = place_after(after)
        asked["_source"] = {"excludes": ["weft"]}
        told, notices = await self._look(wanted(query.whole(), query.window), query.window, asked)
        hits = told["hits"]["hits"]
        lines = tuple(line_of(hit) for hit in hits[:size])
        total = told["hits"]["total"]
        more = Place.of(lines[-1]).cursor if len(hits) > size else None
        return LogHits(lines, total["value"], more, notices, total["relation"] == "gte")

    async def histogram(self, query: LogQuery, step_ms: int) -> Histogram:
        """See LogStore. Raises TooMuch: over limits.MOST_STEPS steps."""
        start_ms, steps = steps_of(query.window, step_ms)
        interval = f"{min(step_ms, _LONGEST_STEP_MS)}ms"
        each = {"field": "@timestamp", "fixed_interval": interval, "min_doc_count": 1}
        counts = [0] * steps
        told, notices = await self._count(query, {"steps": {"date_histogram": each}})
        for bucket in _buckets(told, "steps"):
            counts[(bucket["key"] - start_ms) // step_ms] += bucket["doc_count"]
        return Histogram(start_ms, step_ms, tuple(counts), notices)

    async def top(self, query: LogQuery, field: str, n: int = 10) -> TopValues:
        """See LogStore; of a day with more than limits.MOST_VALUES values, the commonest of those."""
        own = counts_own(field)
        head = f"{own_name(field)}=" if own else ""
        known: Wanted = OneOf("names", (own_name(field),)) if own else Both((ALL,), (), (OneOf(field, ("",)),))
        most = max(1, n)
        # A shard that tells all its values tells no count too low, however few are asked for in the end.
        values: Asked = {
            "field": FIELDS["pairs"] if own else FIELDS.get(field, field),
            "size": most,
            "shard_size": max(most, MOST_VALUES),
            "order": [{"_count": "desc"}, {"_key": "asc"}],
        }
        if own:
            values["include"] = f"{lucene_regex(literal_regex(head))}.*"
        told, notices = await self._count(query, {"values": {"terms": values}}, known)
        found = tuple((b["key"].removeprefix(head), b["doc_count"]) for b in _buckets(told, "values"))
        return TopValues(found[: max(0, n)], told["hits"]["total"]["value"], notices)

    async def fields(self, query: LogQuery) -> tuple[LogField, ...]:
        """See LogStore."""
        names = {"names": {"terms": {"field": FIELDS["names"], "size": MOST_VALUES}}}
        told, _ = await self._count(_whole_days(query) if query.whole() == EVERYTHING else query, names)
        found = {bucket["key"] for bucket in _buckets(told, "names")}
        own = sorted(name for name in found if name and not name.endswith("#"))
        return (*CORE_FIELDS, *(LogField(name, "number" if f"{name}#" in found else "keyword") for name in own))

    async def span(self) -> Interval | None:
        """See LogStore."""
        days = await self._days()
        return Interval(days[0].from_ms, days[-1].to_ms) if days else None

    async def stats(self) -> dict[str, int]:
        """Lines and days kept."""
        async with self._cluster.answering():
            await self._refresh()
            told = await self._cluster.read(
                lambda c: c.count(index=self._alias, query=_OURS, ignore_unavailable=True, allow_no_indices=True)
            )
            return {"lines": told["count"], "days": len(await self._days())}

    async def _days(self) -> list[Interval]:
        """The days that lines are kept of, in order."""
        told = await indices_of(self._cluster, self._alias)
        return sorted(day for index in told if (day := day_of(self._alias, index)) is not None)

    async def _count(
        self, query: LogQuery, aggregations: Mapping[str, Any], beside: Wanted = ALL
    ) -> tuple[Any, tuple[str, ...]]:
        want = all_of([wanted(query.whole(), query.window), beside])
        asked = {"size": 0, "track_total_hits": True, "aggregations": aggregations}
        return await self._look(want, query.window, asked)

    async def _look(self, want: Wanted, window: Interval, asked: Asked) -> tuple[Any, tuple[str, ...]]:
        """What the cluster finds, and notices of what it could not look into.

        Raises:
            Unavailable. TooMuch: the query is too large, or it takes longer than readers wait.
        """
        filters = [within(window), _OURS] + ([] if want == ALL else [compiled(want)])
        longest_ms = max(1, int(self._cluster.timeout_s * 800))
        body = {"query": {"bool": {"filter": filters}}, "timeout": f"{longest_ms}ms", **asked}
        async with self._cluster.answering():
            await self._refresh()
            told, notices = await self._searched(body)
        if told["timed_out"]:
            raise TooMuch(
                f"The search took over {longest_ms / 1000:g} s.",
                fix="Give a shorter window, or a query with fewer wildcards, or raise elasticsearch.timeout_s.",
            )
        return told, (*notices, *_unread(told["_shards"], self._cluster.url))

    async def _searched(self, body: Asked) -> tuple[Any, tuple[str, ...]]:
        """The answer of a search, and a notice where some days are closed and left out."""
        try:
            told = await self._settled(body)
        except Unavailable as exc:
            if "index_closed_exception" not in str(exc.__cause__):
                raise
            told = await self._cluster.read(
                lambda c: c.search(index=self._alias, body=body, ignore_unavailable=True), absent=True
            )
            return told or _NOTHING, (_CLOSED.format(alias=self._alias),)
        return told or _NOTHING, ()

    async def _settled(self, body: Asked) -> Any:
        """The answer of a search; asked again for a while where a day that another process has just begun has none."""
        for _ in range(int(SETTLES_S / PAUSE_S)):
            try:
                return await self._cluster.read(lambda c: c.search(index=self._alias, body=body), absent=True)
            except Unavailable as exc:
                if not isinstance(exc.__cause__, ApiError) or exc.__cause__.status_code != NOT_YET:
                    raise
            await asyncio.sleep(PAUSE_S)
        return await self._cluster.read(lambda c: c.search(index=self._alias, body=body), absent=True)

    async def _refresh(self) -> None:
        """Let searches see what this process has appended; others see it within a second."""
        async with self._refreshing:
            if not self._unseen:
                return
            touched = set(self._unseen)
            self._unseen.clear()
            names = ",".join(sorted(touched))
            index = names if len(names) < 3000 else self._alias  # a request's first line has 4,096 bytes at most
            try:
                await self._cluster.read(
                    lambda c: c.indices.refresh(index=index, ignore_unavailable=True, allow_no_indices=True)
                )
            except BaseException:
                self._unseen |= touched
                raise


def _buckets(told: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Of an aggregation; none where no index is there to count in."""
    found: list[dict[str, Any]] = told.get("aggregations", {}).get(name, {}).get("buckets", [])
    return found


def _unread(shards: Mapping[str, Any], url: str) -> tuple[str, ...]:
    """A notice of parts that did not answer. Raises TooMuch: the query is too large for them."""
    if not shards["failed"]:
        return ()
    failures = shards.get("failures") or [{}]
    too_much = too_much_of(str(failures))
    if too_much is not None:
        raise too_much
    reason = reason_of({"error": failures[0].get("reason") or {"reason": "they are not assigned to a node"}})
    unread = Unavailable(
        f"{shards['failed']} of {shards['total']} parts of the logs in Elasticsearch at {url} cannot be read: "
        f"{' '.join(reason.split())[:300]}.",
        fix="Look into the cluster's health (GET _cluster/health).",
    )
    return (str(unread),)


def _whole_days(query: LogQuery) -> LogQuery:
    first, last = query.window.from_ms // DAY_MS, -(-query.window.to_ms // DAY_MS)
    return LogQuery(Interval(first * DAY_MS, last * DAY_MS))

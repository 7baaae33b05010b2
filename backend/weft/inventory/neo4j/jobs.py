"""Runs in Neo4j: nodes with their hosts around them (job_rows.py), found by indexes on a property and the time.

A window has two parts, newest first: runs from `window.from_ms` less the longest duration on, and older ones that are
still open, by an index that holds open ones only. Texts name their index, so that a plan does not depend on statistics.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from weft.base.intervals import Interval
from weft.inventory.listing import FOUND, Place, base_of, bounded, place_of, size_of
from weft.inventory.neo4j.graph import Graph, Tx
from weft.inventory.neo4j.job_rows import RUNS, Found, apply, by_job, found
from weft.inventory.neo4j.scheduler_nodes import keep_nodes, nodes_at
from weft.inventory.neo4j.totals import totals
from weft.inventory.store import Page, RunFilter, RunsResult, Total, TotalsBy
from weft.scheduler.model import NodeReport, Run, RunKey, SchedulerNode

PORTION = 50_000
"""Most runs and places of hosts in one transaction: until it is committed, each takes 3 kB of the server's heap."""

FEW, MANY = 16, 50_000
"""So few hosts, or what hosts held where that is less than so much, is looked through without a thought."""

_LEADS = ("name", "user", "account", "partition", "state", "cluster")
"""What runs can be filtered by; the first of these that is asked for finds them, the rest look at what was found."""

_NEWEST = "j.at DESC, j.id DESC, j.number DESC"
_FIRST = f"WITH DISTINCT j ORDER BY {_NEWEST} LIMIT $most RETURN {RUNS}"
_SPAN = "j.at >= $first AND j.at <= $last AND j.until > $after"
# As lists: a planner that sees an OR takes it for several ranges of the index, and reads all of each.
_BEFORE = "[j.at, j.id, j.number] < $place"
_FILTERS = " AND ".join(f"(size(${name}) = 0 OR j.{name} IN ${name})" for name in _LEADS)


def _led_by(lead: str) -> str:
    """The newest runs of each value of a property. Named in the order, the index is read only as far as needed."""
    return f"""UNWIND ${lead} AS value CALL (value) {{
    MATCH (j:Job) USING INDEX j:Job({lead}, at) WHERE j.{lead} = value AND {_SPAN} AND {_FILTERS} AND {_BEFORE}
    RETURN j ORDER BY j.{lead} DESC, {_NEWEST} LIMIT $most }} {_FIRST}"""


_LED = {lead: _led_by(lead) for lead in _LEADS}
_IN_SPAN = f"MATCH (j:Job) USING INDEX j:Job(at) WHERE {_SPAN} AND {_FILTERS} AND {_BEFORE} {_FIRST}"
_OPEN = f"""MATCH (j:Job) USING INDEX j:Job(open, at) WHERE j.open = true AND j.at <= $last AND {_FILTERS} AND {_BEFORE}
  WITH j ORDER BY j.open DESC, {_NEWEST} LIMIT $most RETURN {RUNS}"""
_ON_HOSTS = f"""UNWIND $hosts AS name MATCH (:Host {{name: name}})-[held:JOBCLIENT]->(j:Job)
  WHERE held.start <= $last AND held.end > $after AND {_BEFORE} {_FIRST}"""
_OF_HOSTS = "EXISTS { MATCH (h:Host)-[:JOBCLIENT]->(j) WHERE h.name IN $hosts }"
_IN_SPAN_ON = f"MATCH (j:Job) USING INDEX j:Job(at) WHERE {_SPAN} AND {_BEFORE} AND {_OF_HOSTS} {_FIRST}"
_OPEN_ON = f"""MATCH (j:Job) USING INDEX j:Job(open, at)
  WHERE j.open = true AND j.at <= $last AND {_BEFORE} AND {_OF_HOSTS}
  WITH j ORDER BY j.open DESC, {_NEWEST} LIMIT $most RETURN {RUNS}"""
_PLACES = "UNWIND $hosts AS name MATCH (h:Host {name: name}) RETURN sum(COUNT { (h)-[:JOBCLIENT]->() })"
_ALL_PLACES = "MATCH ()-[held:JOBCLIENT]->() RETURN count(held)"
_EARLIEST = "MATCH (j:Job) USING INDEX j:Job(at) WHERE j.at > 0 RETURN j.at ORDER BY j.at LIMIT 1"
_LATEST = "MATCH (j:Job) USING INDEX j:Job(at) WHERE j.at > 0 RETURN j.at ORDER BY j.at DESC LIMIT 1"
_LONGEST = "MATCH (v:VERSION {what: 'jobs'}) RETURN coalesce(v.longest, 0)"
_WITH_KEY = f"MATCH (j:Job {{key: $key}}) RETURN {RUNS}"
_WAITING = f"""MATCH (j:Job) USING INDEX j:Job(cluster, id) WHERE j.cluster = $cluster AND j.id = $id
  AND j.start IS NULL RETURN {RUNS}"""
_OF_RAW_ID = f"""MATCH (j:Job) USING INDEX j:Job(cluster, id) WHERE j.cluster = $cluster AND j.id = $id
  AND j.at < $to AND j.until > $from {_FIRST}"""
_OF_BASE = f"""MATCH (j:Job) USING INDEX j:Job(cluster, base, at) WHERE j.cluster = $cluster AND j.base = $id
  AND j.at < $to AND j.until > $from AND ($label IS NULL OR j.label = $label)
  WITH j ORDER BY j.cluster DESC, j.base DESC, {_NEWEST} LIMIT $most RETURN {RUNS}"""

PAGES = (*_LED.values(), _IN_SPAN, _OPEN, _IN_SPAN_ON, _OPEN_ON)
"""Texts that read a page out of an index in its order."""

TEXTS = (
    *PAGES, _ON_HOSTS, _PLACES, _ALL_PLACES, _EARLIEST, _LATEST, _LONGEST, _WITH_KEY, _WAITING, _OF_RAW_ID, _OF_BASE,
)  # fmt: skip
"""Every text of this file, for a look at their plans."""


class Neo4jJobs:
    """JobHistory in Neo4j."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    async def apply_runs(self, runs: Sequence[Run]) -> RunsResult:
        """Keep what a source saw; see JobHistory.

        More than PORTION are several transactions, after a look that all of them can be kept: where the server dies in
        between, some are, and the same call again completes it.
        """
        portions = list(_portions(runs))
        if len(portions) > 1:
            for run in runs:
                _check(run)
        said = [await self._graph.write(partial(apply, told=portion)) for portion in portions]
        return RunsResult(sum(s.new for s in said), sum(s.changed for s in said), sum(s.same for s in said))

    async def version(self) -> int:
        """How often runs have changed."""
        return await self._graph.read(lambda tx: tx.version_of("jobs"))

    async def run(self, key: RunKey) -> Run | None:
        """One run; of several that never started, the one submitted last."""
        text = _WAITING if key.start_ms is None else _WITH_KEY
        values = {"key": key.text, "cluster": key.cluster, "id": key.job_id}
        runs = [one.run for one in await self._graph.read(lambda tx: found(tx, text, **values))]
        return max(runs, key=lambda run: (run.submit_ms is not None, run.submit_ms or 0), default=None)

    async def find(self, label: str, cluster: str, window: Interval | None = None) -> tuple[Run, ...]:
        """Runs that a typed id means; a number is the id of an array or a heterogeneous job, or a raw job id."""
        typed = label.strip()
        base, asked = base_of(typed), bounded(window)
        if base is None:
            return ()
        bare = typed.isdigit()
        values = {"cluster": cluster, "id": base, "from": asked.from_ms, "to": asked.to_ms, "most": FOUND}

        async def work(tx: Tx) -> list[Found]:
            runs = await found(tx, _OF_BASE, label=None if bare else typed, **values)
            return runs + await found(tx, _OF_RAW_ID, **values) if bare else runs

        return tuple(one.run for one in _newest(await self._graph.read(work), FOUND))

    async def runs(self, which: RunFilter, *, limit: int = 200, cursor: str | None = None) -> Page[Run]:
        """Runs, newest first, of one instant the higher job id first; texts are compared whole, as written."""
        place, size = place_of(cursor), size_of(limit)
        return _page(await self._graph.read(lambda tx: _filtered(tx, which, size + 1, place)), size)

    async def runs_on(
        self, hosts: Sequence[str], window: Interval, *, limit: int = 200, cursor: str | None = None
    ) -> Page[Run]:
        """Runs that held any of these hosts in the window, in the order of `runs`; each once."""
        place, size = place_of(cursor), size_of(limit)
        return _page(await self._graph.read(lambda tx: _on_hosts(tx, hosts, window, size + 1, place)), size)

    async def totals(self, which: RunFilter, by: TotalsBy, window: Interval) -> tuple[Total, ...]:
        """Sums by user, account, partition, state or cluster; see JobHistory."""
        return await self._graph.read(lambda tx: totals(tx, which, by, window))

    async def apply_nodes(self, report: NodeReport) -> bool:
        """Keep what Slurm said of its nodes; see JobHistory."""
        new, after = await self._graph.write(partial(keep_nodes, report=report, after=""))
        while after is not None:
            more, after = await self._graph.write(partial(keep_nodes, report=report, after=after))
            new = new or more
        return new

    async def scheduler_nodes(self, cluster: str, at_ms: int) -> tuple[SchedulerNode, ...]:
        """Nodes as last reported by then, sorted by name."""
        return await self._graph.read(lambda tx: nodes_at(tx, cluster, at_ms))


def _portions(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """The runs of one job id together, as what they change is told of them together."""
    portion: list[Run] = []
    size = 0
    for of_job in by_job(runs).values():
        if size >= PORTION:
            yield portion
            portion, size = [], 0
        portion += of_job
        size += sum(1 + len(run.hosts) for run in of_job)
    yield portion


def _check(run: Run) -> None:
    """See that a run can be kept. Raises OverflowError, UnicodeEncodeError."""
    cluster, *numbers = run.key
    numbers += [
        run.submit_ms, run.end_ms, run.node_count, run.exit_code, run.exit_signal, run.seen_at_ms, run.cpus,
        run.predicted_start_ms,
    ]  # fmt: skip
    for number in numbers:
        (number or 0).to_bytes(8, signed=True)
    texts = (cluster, run.label, run.name, run.user, run.account, run.partition, run.state, run.source, run.features)
    "".join((*texts, run.tres, *run.hosts)).encode()


def _newest(runs: Iterable[Found], most: int) -> list[Found]:
    """The first runs in page order; each once."""
    return sorted({one.number: one for one in runs}.values(), key=lambda one: one.place, reverse=True)[:most]


def _page(runs: Sequence[Found], size: int) -> Page[Run]:
    more = runs[size - 1].place.text if len(runs) > size else None
    return Page(tuple(one.run for one in runs[:size]), more)


@dataclass(frozen=True, slots=True)
class _Span:
    """What a page is read from: runs listed in [first, last] that last beyond a time, and before it open ones."""

    first_ms: int
    last_ms: int
    after_ms: int
    place: Place

    @classmethod
    async def of(cls, tx: Tx, window: Interval | None, place: Place) -> "_Span":
        """That of a window, from a place on."""
        asked, longest = bounded(window), await tx.row(_LONGEST)
        first_ms = asked.from_ms - (longest[0] if longest else 0)
        return cls(first_ms, min(asked.to_ms - 1, place.at_ms), asked.from_ms, place)

    async def page(self, tx: Tx, text: str, older: str, most: int, **values: Any) -> list[Found]:
        """The newest runs that a text finds in the span; where these are not enough, those of another before it."""
        at = {"first": self.first_ms, "last": self.last_ms, "after": self.after_ms, "place": list(self.place)}
        runs = _newest(await found(tx, text, most=most, **at, **values), most)
        if older and len(runs) < most:
            at["last"] = min(self.first_ms - 1, self.place.at_ms)
            runs += _newest(await found(tx, older, most=most - len(runs), **at, **values), most)
        return runs


async def _filtered(tx: Tx, which: RunFilter, most: int, place: Place) -> list[Found]:
    """Runs of one page: for each value of the first filter in use its newest ones, by the index of that filter."""
    filters = {
        "name": [which.name] if which.name else [], "user": list(which.users), "account": list(which.accounts),
        "partition": list(which.partitions), "state": list(which.states), "cluster": list(which.clusters),
    }  # fmt: skip
    lead = next((name for name in _LEADS if filters[name]), None)
    span = await _Span.of(tx, which.window, place)
    older = "" if which.window is None else _OPEN
    return await span.page(tx, _LED[lead] if lead else _IN_SPAN, older, most, **filters)


async def _on_hosts(tx: Tx, hosts: Sequence[str], window: Interval, most: int, place: Place) -> list[Found]:
    """Runs of one page of runs on hosts: through all that these ever held, or through all runs of the time."""
    span, names = await _Span.of(tx, window, place), list(dict.fromkeys(hosts))
    if len(names) > FEW and await _shorter_by_time(tx, span, names):
        return await span.page(tx, _IN_SPAN_ON, _OPEN_ON, most, hosts=names)
    return await span.page(tx, _ON_HOSTS, "", most, hosts=names)


async def _shorter_by_time(tx: Tx, span: _Span, names: list[str]) -> bool:
    """Whether the span is a smaller share of all time than what these hosts held is of what all hosts did."""
    places = (await tx.rows(_PLACES, hosts=names))[0][0]
    earliest, latest = await tx.row(_EARLIEST), await tx.row(_LATEST)
    if places < MANY or earliest is None or latest is None:
        return False
    of_all = (await tx.rows(_ALL_PLACES))[0][0]
    asked_ms = min(span.last_ms, latest[0]) - max(span.first_ms, earliest[0])
    return bool(asked_ms * of_all < places * (latest[0] - earliest[0]))

"""A run as a node `Job` of the graph with `JOBCLIENT` from each of its hosts: how it is written and read.

Writes name their properties one by one, and a pending record becomes its run in place: what a site adds to these nodes
stays. Beside what is drawn in schema.py a Job has `base` (the number its label begins with), `at` and `until` (what
runs are listed by, see listing.py; `start` and `end` of JOBCLIENT are these), `open` while it has no end, `number` (as
they were added) and what is summed: `ran_until`, `cores`, `nodes`, `sized` (see sums.py).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from weft.base.intervals import FOREVER_MS
from weft.inventory.listing import Place, base_of, listed
from weft.inventory.neo4j.graph import Tx
from weft.inventory.neo4j.totals import write_sums
from weft.inventory.runs import Heard, hear, life
from weft.inventory.store import RunsResult
from weft.inventory.sums import Changes, ran_of
from weft.scheduler.model import FINISHED_STATES, Run, RunKey

_PROPERTIES = (
    "key cluster id start label name user account partition state submit end node_count exit_code exit_signal seen_at"
    " source features tres cpus predicted_start base at until open ran_until cores nodes sized number"
).split()
_USER = _PROPERTIES.index("user")
_AT, _UNTIL, _HOSTS = _PROPERTIES.index("at"), _PROPERTIES.index("until"), len(_PROPERTIES)

RUNS = """collect([j.cluster, j.id, j.start, j.label, j.name, j.user, j.account, j.partition, j.state, j.submit, j.end,
  j.node_count, j.exit_code, j.exit_signal, j.seen_at, j.source, j.features, j.tres, j.cpus, j.predicted_start,
  j.number, COLLECT { MATCH (h:Host)-[:JOBCLIENT]->(j) RETURN h.name }])"""
"""What `found` reads runs from: one row, as the driver takes its time for each."""

# Each host is looked up once a text, and told by its place among them.
_HOSTS_FIRST = """UNWIND range(0, size($names) - 1) AS n MERGE (h:Host {name: $names[n]})
  WITH h ORDER BY n WITH collect(h) AS hosts"""
_HOLD = "CREATE (h)-[:JOBCLIENT {start: at, end: until}]->(j)"
_ADD = f"""{_HOSTS_FIRST} UNWIND $rows AS row
  CREATE (j:Job {{{", ".join(f"{name}: row[{at}]" for at, name in enumerate(_PROPERTIES))}}})
  WITH hosts, j, row UNWIND row[{_HOSTS}] AS n WITH hosts[n] AS h, j, row[{_AT}] AS at, row[{_UNTIL}] AS until
  {_HOLD}"""
_CHANGE = f"""UNWIND $rows AS row MATCH (j:Job {{key: row[{_HOSTS}]}})
  SET {", ".join(f"j.{name} = row[{at}]" for at, name in enumerate(_PROPERTIES))}"""
_LEAVE = """UNWIND $rows AS row MATCH (j:Job {key: row[0]})<-[held:JOBCLIENT]-(h:Host) WHERE h.name IN row[1]
  DELETE held"""
_MOVE = """UNWIND $rows AS row MATCH (j:Job {key: row[0]})<-[held:JOBCLIENT]-(:Host)
  SET held.start = row[1], held.end = row[2]"""
_JOIN = f"""{_HOSTS_FIRST} UNWIND $rows AS row MATCH (j:Job {{key: row[0]}})
  UNWIND row[3] AS n WITH hosts[n] AS h, j, row[1] AS at, row[2] AS until {_HOLD}"""
# A search asks for names of users, and no index tells the different values of a property.
_USERS = "UNWIND $names AS name MERGE (:USER {name: name})"
_DROP = "UNWIND $keys AS key MATCH (j:Job {key: key}) DETACH DELETE j"
_OF_JOBS = f"""UNWIND $ids AS id MATCH (j:Job) USING INDEX j:Job(cluster, id)
  WHERE j.cluster = $cluster AND j.id = id RETURN {RUNS}"""
_COUNTED = "MATCH (v:VERSION {what: 'jobs'}) RETURN coalesce(v.last_job, 0), coalesce(v.longest, 0)"
_COUNT = """MATCH (v:VERSION {what: 'jobs'})
  SET v.last_job = $last, v.longest = CASE WHEN v.longest > $longest THEN v.longest ELSE $longest END"""
_ENDED = f"""MATCH (j:Job) USING INDEX j:Job(at) WHERE j.at < $before AND j.until <= $until
  AND (j.start IS NOT NULL OR j.state IN {sorted(FINISHED_STATES)}) WITH j LIMIT $most RETURN {RUNS}"""

_LOW = {"cluster": "''", "host": "''"}
"""What a key is not under: nothing; of numbers the lowest there is."""


def _low(key: str) -> str:
    return _LOW.get(key, "-9223372036854775808")


def _read(label: str, keys: Sequence[str], tail: Sequence[str], columns: str) -> str:
    """Rows by key, from after `$after` on. `keys`: those of an index; `tail`: more of them, which may be null.

    A part for each key that may be the first to differ: each is a range of the index, read as far as needed.
    """
    after = [f"coalesce($after[{at}], {_low(key)})" for at, key in enumerate((*keys, *tail))]
    tails = [f"coalesce(n.{key}, {_low(key)})" for key in tail]
    order = f"ORDER BY {', '.join((*(f'n.{key}' for key in keys), *tails))} LIMIT $limit"
    parts = []
    for first in range(len(keys)):
        same = [f"n.{key} = {after[at]}" for at, key in enumerate(keys[:first])]
        rest = [f"n.{key} IS NOT NULL" for key in keys[first + 1 :]]
        parts.append([*same, f"n.{keys[first]} > {after[first]}", *rest])
    if tail:
        same = [f"n.{key} = {after[at]}" for at, key in enumerate(keys)]
        parts.append([*same, f"[{', '.join(tails)}] > [{', '.join(after[len(keys) :])}]"])
    found = f"MATCH (n:{label}) USING INDEX n:{label}({', '.join(keys)}) WHERE"
    union = " UNION ALL ".join(f"{found} {' AND '.join(part)} RETURN n {order}" for part in parts)
    return f"CALL () {{ {union} }} WITH n {order} RETURN {columns}"


ROWS = {
    "run": (
        _read(
            "Job", ("cluster", "id"), ("start", "submit"),
            """n.cluster, n.id, n.start, n.submit, n.label, n.name, n.user, n.account, n.partition, n.state, n.end,
              COLLECT { MATCH (h:Host)-[:JOBCLIENT]->(n) RETURN h.name }, n.node_count, n.exit_code, n.exit_signal,
              n.seen_at, n.source, n.features, n.tres, n.cpus, n.predicted_start""",
        ),
        "",
    ),
    "node_report": (
        _read("NODE_REPORT", ("cluster", "seen_at"), (), "n.cluster, n.seen_at, n.tells"),
        "UNWIND $rows AS row MERGE (n:NODE_REPORT {cluster: row[0], seen_at: row[1]}) SET n.tells = row[2]",
    ),
    "node_told": (
        _read(
            "NODE_TOLD", ("cluster", "host", "member", "from"), (),
            "n.cluster, n.host, n.member, n.from, n.word, n.alone",
        ),
        "",
    ),
}  # fmt: skip
"""For these tables of rows.TABLES the text that reads rows and the one that writes them; "": `put_runs`, `put_told`."""

TEXTS = (
    *(text for texts in ROWS.values() for text in texts if text),
    _ADD,
    _CHANGE,
    _LEAVE,
    _MOVE,
    _JOIN,
    _USERS,
    _DROP,
    _OF_JOBS,
    _COUNTED,
    _COUNT,
    _ENDED,
)
"""Every text of this file, for a look at their plans."""


class Found(NamedTuple):
    """A run of the graph and its number."""

    run: Run
    number: int

    @property
    def place(self) -> Place:
        """Its place in the order of runs."""
        return Place(listed(self.run).from_ms, self.run.key.job_id, self.number)


async def found(tx: Tx, text: str, **values: Any) -> list[Found]:
    """The runs that a text which returns RUNS finds, in no order."""
    row = await tx.row(text, **values)
    return [_found(run) for run in row[0]] if row else []


def _found(row: Sequence[Any]) -> Found:
    (
        cluster, job_id, start_ms, label, name, user, account, partition, state, submit_ms, end_ms, node_count,
        exit_code, exit_signal, seen_at_ms, source, features, tres, cpus, predicted_start_ms, number, hosts,
    ) = row  # fmt: skip
    run = Run(
        RunKey(cluster, job_id, start_ms), label, name, user, account, partition, state, submit_ms, end_ms,
        tuple(sorted(hosts)), node_count, exit_code, exit_signal, seen_at_ms, source, features, tres, cpus,
        predicted_start_ms,
    )  # fmt: skip
    return Found(run, number)


def node_key(run: Run) -> str:
    """The `key` of a run's node: that of the run, and for one that never started what tells it apart from others."""
    if run.key.start_ms is None and run.submit_ms is not None:
        return f"{run.key.text}/{run.submit_ms}"
    return run.key.text


async def apply(tx: Tx, told: Iterable[Run]) -> RunsResult:
    """Keep what a source saw; see JobHistory.apply_runs."""
    await tx.lock("jobs")
    new = changed = same = 0
    jobs = by_job(told)
    known = await _of_jobs(tx, jobs)
    work = await _Work.begun(tx)
    for job, reports in jobs.items():
        runs = {one.run: one.number for one in known.get(job, ())}
        heard = hear(runs, reports)
        work.hear(heard, runs)
        new, changed, same = new + heard.new, changed + heard.changed, same + heard.same
    if new or changed:
        await work.write(tx)
        await tx.bump("jobs")
    return RunsResult(new, changed, same)


async def put_runs(tx: Tx, runs: Iterable[Run]) -> None:
    """Keep runs as they are given: nothing is merged, what is there of the same life gives way."""
    await tx.lock("jobs")
    jobs = by_job(runs)
    known = await _of_jobs(tx, jobs)
    work = await _Work.begun(tx)
    for job, given in jobs.items():
        there = {life(one.run): one for one in known.get(job, ())}
        for run in given:
            if one := there.get(life(run)):
                work.change(one.run, run, one.number)
            else:
                work.add(run)
    await work.write(tx)
    await tx.bump("jobs")


async def drop_ended(tx: Tx, before_ms: int, most: int) -> int:
    """Delete runs that were over by a time, at most so many; returns how many. One that still waits or runs stays."""
    await tx.lock("jobs")
    until_ms = min(before_ms, FOREVER_MS - 1)
    ended = await found(tx, _ENDED, before=min(before_ms, FOREVER_MS), until=until_ms, most=most)
    if ended:
        work = await _Work.begun(tx)
        for one in ended:
            work.drop(one.run)
        await work.write(tx)
        await tx.bump("jobs")
    return len(ended)


def by_job(runs: Iterable[Run]) -> Mapping[tuple[str, int], list[Run]]:
    """Runs by cluster and job id."""
    jobs: defaultdict[tuple[str, int], list[Run]] = defaultdict(list)
    for run in runs:
        jobs[run.key.cluster, run.key.job_id].append(run)
    return jobs


async def _of_jobs(tx: Tx, jobs: Collection[tuple[str, int]]) -> Mapping[tuple[str, int], list[Found]]:
    """All runs known of these job ids."""
    known: defaultdict[tuple[str, int], list[Found]] = defaultdict(list)
    for cluster in {cluster for cluster, _ in jobs}:
        ids = [job_id for other, job_id in jobs if other == cluster]
        for one in await found(tx, _OF_JOBS, cluster=cluster, ids=ids):
            known[cluster, one.run.key.job_id].append(one)
    return known


@dataclass
class _Work:
    """What is to be written, gathered so that each text runs once."""

    last: int
    longest_ms: int
    names: dict[str, int] = field(default_factory=dict)
    added: list[list[Any]] = field(default_factory=list)
    changed: list[list[Any]] = field(default_factory=list)
    left: list[list[Any]] = field(default_factory=list)
    moved: list[list[Any]] = field(default_factory=list)
    joined: list[list[Any]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    sums: Changes = field(default_factory=Changes)

    @classmethod
    async def begun(cls, tx: Tx) -> "_Work":
        """Nothing yet, and the counts to go on from."""
        return cls(*(await tx.row(_COUNTED) or (0, 0)))

    def hear(self, heard: Heard, numbers: Mapping[Run, int]) -> None:
        """What reports change; a run takes the node of the pending record it takes the place of."""
        added = list(heard.added)
        for before in heard.gone:
            run = next((run for run in added if run.submit_ms == before.submit_ms), added[0] if added else None)
            if run is None:
                self.drop(before)
            else:
                added.remove(run)
                self.change(before, run, numbers[before])
        for before, run in heard.altered:
            self.change(before, run, numbers[before])
        for run in added:
            self.add(run)

    def add(self, run: Run) -> None:
        """A run that was not known."""
        self.last += 1
        self.added.append([*self._properties(run, self.last), self._places(run.hosts)])
        self.sums.count(ran_of(run), 1)

    def change(self, before: Run, run: Run, number: int) -> None:
        """A run of which something else is known now."""
        key, span = node_key(run), listed(run)
        self.changed.append([*self._properties(run, number), node_key(before)])
        self.sums.count(ran_of(before), -1)
        self.sums.count(ran_of(run), 1)
        if left := set(before.hosts).difference(run.hosts):
            self.left.append([key, sorted(left)])
        if before.hosts and listed(before) != span:
            self.moved.append([key, span.from_ms, span.to_ms])
        if joined := set(run.hosts).difference(before.hosts):
            self.joined.append([key, span.from_ms, span.to_ms, self._places(joined)])

    def drop(self, before: Run) -> None:
        """A run that is to be forgotten."""
        self.dropped.append(node_key(before))
        self.sums.count(ran_of(before), -1)

    async def write(self, tx: Tx) -> None:
        """Write everything."""
        names = list(self.names)
        if self.dropped:
            await tx.run(_DROP, keys=self.dropped)
        for text, rows in ((_CHANGE, self.changed), (_LEAVE, self.left), (_MOVE, self.moved)):
            if rows:
                await tx.run(text, rows=rows)
        for text, rows in ((_JOIN, self.joined), (_ADD, self.added)):
            if rows:
                await tx.run(text, rows=rows, names=names)
        if users := {row[_USER] for row in (*self.added, *self.changed)}:
            await tx.run(_USERS, names=sorted(users))
        await tx.run(_COUNT, last=self.last, longest=self.longest_ms)
        await write_sums(tx, self.sums)

    def _places(self, hosts: Iterable[str]) -> list[int]:
        return [self.names.setdefault(host, len(self.names)) for host in hosts]

    def _properties(self, run: Run, number: int) -> list[Any]:
        """In the order of _PROPERTIES."""
        cluster, job_id, start_ms = run.key
        at_ms, until_ms = (span := listed(run)).from_ms, span.to_ms
        if until_ms < FOREVER_MS:
            self.longest_ms = max(self.longest_ms, until_ms - at_ms)
        base, ran = base_of(run.label), ran_of(run)
        return [
            node_key(run), cluster, job_id, start_ms, run.label, run.name, run.user, run.account, run.partition,
            run.state, run.submit_ms, run.end_ms, run.node_count, run.exit_code, run.exit_signal, run.seen_at_ms,
            run.source, run.features, run.tres, run.cpus, run.predicted_start_ms, job_id if base is None else base,
            at_ms, until_ms, True if span.open else None,
            *((ran.until_ms, ran.cores, ran.nodes, ran.kind[-1]) if ran else (None, None, None, None)), number,
        ]  # fmt: skip

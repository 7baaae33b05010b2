"""Who shares the routes of a wide job, and who is near it: 500 hosts beside 200 other runs on 11,664 hosts."""

import random
from collections.abc import Awaitable, Callable

import numpy as np
from tests.benchmarks.clock import RUNS, Clock, Row

from weft.answers.answers import Answers
from weft.answers.neighbours import job_neighbours
from weft.answers.networks import TABLES_READ, network_at
from weft.answers.routes import route_sharers
from weft.answers.tables import Ask, TableData
from weft.api.engines import Engines
from weft.base.access import LOCAL
from weft.base.intervals import Interval
from weft.fabric.network import NO_PORT, Network
from weft.inventory.store import Note
from weft.scheduler.model import Run, RunKey

JOB_HOSTS, OTHERS = 500, 200
HOUR_MS = 3_600_000
MINUTE_MS = 60_000
BAR_MS = 1000


def tables(network: Network) -> dict[str, bytes]:
    """Forwarding tables as a subnet manager sets them: a shortest path, of several ports the LID's turn."""
    s, far = len(network.topology.switches), network.topology.distances
    lids = np.flatnonzero(network.owner >= 0)
    owner = network.owner[lids]
    on_host = owner >= s
    goal = np.where(on_host, network.leaf[np.maximum(owner - s, 0)], owner)
    found = {}
    for i, guid in enumerate(network.topology.switches):
        ports = np.flatnonzero((network.peer[i] >= 0) & (network.peer[i] < s))
        nearer = far[network.peer[i, ports]][:, goal] == far[i, goal] - 1
        turn = lids % np.maximum(nearer.sum(axis=0), 1) + 1
        table = np.full(len(network.owner), NO_PORT, np.uint8)
        table[lids] = ports[(np.cumsum(nearer, axis=0) == turn).argmax(axis=0)]
        own = on_host & (goal == i)
        table[lids[own]] = network.leaf_port[owner[own] - s]
        table[lids[owner == i]] = 0
        found[guid] = table.tobytes()
    return found


def runs(hosts: list[str], now_ms: int) -> list[Run]:
    """Job 1 on scattered hosts, and others, every second one packed; they began five hours ago and run on."""
    chance = random.Random(3)
    chance.shuffle(hosts)
    packed = sorted(hosts)
    made, at = [_run(1, hosts[:JOB_HOSTS], now_ms)], JOB_HOSTS
    for number in range(2, OTHERS + 2):
        size = min(2 + int(chance.expovariate(1 / 54)), 400)
        place = number * 53 % (len(packed) - size)
        made.append(_run(number, hosts[at : at + size] if number % 2 else packed[place : place + size], now_ms))
        at += size
    return made


def _run(number: int, hosts: list[str], now_ms: int) -> Run:
    start_ms = now_ms - 5 * HOUR_MS
    return Run(
        RunKey("cluster", number, start_ms), str(number), "app", f"user{number}", "acct", "batch", "RUNNING",
        start_ms - MINUTE_MS, None, tuple(sorted(hosts)), len(hosts), 0, 0, now_ms, "bench",
    )  # fmt: skip


async def sharing(engines: Engines, now_ms: int) -> list[Row]:
    """Rows of the table: on shortest paths, then by forwarding tables. The first time nothing is known yet."""
    answers = engines.answers
    network = (await network_at(answers, "ib", now_ms)).network
    await engines.site.jobs.apply_runs(runs(list(network.topology.hosts), now_ms))
    rows = await _rows(engines, now_ms, "possible")
    await engines.site.fabrics.put_lfts("ib", now_ms - 24 * HOUR_MS, tables(network))
    about = ("ib", str(len(network.topology.switches)), "all")
    await engines.site.ledger.add_notes([Note(now_ms - 24 * HOUR_MS, TABLES_READ, "info", "Tables read.", about)])
    return rows + await _rows(engines, now_ms, "static")


async def _rows(engines: Engines, now_ms: int, basis: str) -> list[Row]:
    rows = []
    asked: tuple[Callable[[Answers, Ask, str], Awaitable[TableData]], ...] = (route_sharers, job_neighbours)
    for table in asked:
        answers, clock = Answers(engines.site), Clock()
        for minute in range(RUNS + 1):  # a minute later a running job is looked at anew
            at_ms = now_ms + minute * MINUTE_MS
            with clock:
                told = await table(answers, Ask(LOCAL, Interval(now_ms - HOUR_MS, at_ms), at_ms), "1")
            if len(told.rows) < OTHERS // 2:
                raise RuntimeError(f"{table.__name__} finds {len(told.rows)} runs: {told.notices}")
        rows.append(clock.row(f"{table.__name__} of {JOB_HOSTS} hosts and {OTHERS} runs, {basis}", BAR_MS))
    return rows

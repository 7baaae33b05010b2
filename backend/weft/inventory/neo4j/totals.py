"""Sums over runs in Neo4j: a node `TOTAL` a scoped kind, one `TOTAL_DAY` a kind and day; see sums.py.

A kind is found by its `key`; its days carry its `number`.
"""

from typing import Any

import orjson

from weft.base.intervals import Interval
from weft.inventory.neo4j.graph import Tx
from weft.inventory.store import RunFilter, Total, TotalsBy
from weft.inventory.sums import DAY_MS, Changes, Group, Sum, grouped, scope_of, summed_window, totals_of

_SUMS = ("starts", "core_ms", "node_ms", "crossing", "crossing_cores", "crossing_nodes")
_FILTERS = " AND ".join(
    f"(size(${column}s) = 0 OR {{x}}.{column} IN ${column}s)"
    for column in ("cluster", "user", "account", "partition", "state")
)
_OF_RUN, _OF_KIND = _FILTERS.format(x="j"), _FILTERS.format(x="t")

_NUMBER = """MATCH (v:VERSION {what: 'jobs'}) WITH v, coalesce(v.last_total, 0) AS last
  SET v.last_total = last + $more RETURN last"""
_KINDS = """UNWIND range(0, size($kinds) - 1) AS n WITH n, $kinds[n] AS kind MERGE (t:TOTAL {key: kind[0]})
  ON CREATE SET t.number = $last + 1 + n, t.scope = kind[1], t.cluster = kind[2], t.user = kind[3],
    t.account = kind[4], t.partition = kind[5], t.state = kind[6], t.sized = kind[7]
  RETURN n, t.number"""
_DAYS = f"""UNWIND $rows AS row MERGE (d:TOTAL_DAY {{total: row[0], day: row[1]}})
  SET {", ".join(f"d.{name} = coalesce(d.{name}, 0) + row[{at}]" for at, name in enumerate(_SUMS, 2))}
  WITH d WHERE {" AND ".join(f"d.{name} = 0" for name in _SUMS)} DELETE d"""

# One row, as the driver takes its time for each.
_GROUPS = "collect([key, sized, sums])"
_OF_DAYS = f"""MATCH (t:TOTAL) USING INDEX t:TOTAL(scope) WHERE t.scope = $scope AND {_OF_KIND}
  WITH t.number AS number, t[$by] AS key, t.sized AS sized
  MATCH (d:TOTAL_DAY) USING INDEX d:TOTAL_DAY(total, day) WHERE d.total = number AND d.day >= $first AND d.day < $after
  WITH key, sized, [{", ".join(f"sum(d.{name})" for name in _SUMS)}] AS sums RETURN {_GROUPS}"""
_STARTED = f"""MATCH (j:Job) USING INDEX j:Job(at) WHERE j.at >= $begin AND j.at < $at AND j.ran_until IS NOT NULL
  AND {_OF_RUN} WITH j[$by] AS key, j.sized AS sized, [count(*), sum(j.cores * ($at - j.at)),
    sum(j.nodes * ($at - j.at)), count(*), sum(j.cores), sum(j.nodes)] AS sums RETURN {_GROUPS}"""
_ENDED = f"""MATCH (j:Job) USING INDEX j:Job(ran_until) WHERE j.ran_until > $begin AND j.ran_until <= $at AND {_OF_RUN}
  WITH j[$by] AS key, j.sized AS sized, [0, sum(j.cores * ($at - j.ran_until)), sum(j.nodes * ($at - j.ran_until)),
    count(*), sum(j.cores), sum(j.nodes)] AS sums RETURN {_GROUPS}"""

TEXTS = (_NUMBER, _KINDS, _DAYS, _OF_DAYS, _STARTED, _ENDED)
"""Every text of this file, for a look at their plans."""


async def write_sums(tx: Tx, changes: Changes) -> None:
    """Add what has changed; who calls this has locked `jobs`."""
    scoped = changes.scoped()
    kinds = list(dict.fromkeys(kind for kind, _ in scoped))
    if not kinds:
        return
    counted = await tx.row(_NUMBER, more=len(kinds))
    last = counted[0] if counted else 0
    rows = await tx.rows(_KINDS, kinds=[[orjson.dumps(kind).decode(), *kind] for kind in kinds], last=last)
    numbers = {kinds[n]: number for n, number in rows}
    await tx.run(_DAYS, rows=[[numbers[kind], day, *sums] for (kind, day), sums in scoped.items()])


async def totals(tx: Tx, which: RunFilter, by: TotalsBy, window: Interval) -> tuple[Total, ...]:
    """See JobHistory.totals."""
    asked = summed_window(which, window)
    if not asked:
        return ()
    values = {
        "clusters": list(which.clusters), "users": list(which.users), "accounts": list(which.accounts),
        "partitions": list(which.partitions), "states": list(which.states), "scope": scope_of(which, by), "by": by,
    }  # fmt: skip
    before, after = await _up_to(tx, asked.from_ms, values), await _up_to(tx, asked.to_ms, values)
    days = await _days(tx, asked.from_ms // DAY_MS, asked.to_ms // DAY_MS, values)
    inner = grouped((group, sums._replace(crossing=0, cores=0, nodes=0)) for group, sums in days)
    return totals_of(inner, before, after)


async def _days(tx: Tx, first: int, after: int, values: dict[str, Any]) -> list[tuple[Group, Sum]]:
    """Sums over the whole days [first, after)."""
    return await _groups(tx, _OF_DAYS, first=first, after=after, **values)


async def _up_to(tx: Tx, at_ms: int, values: dict[str, Any]) -> dict[Group, Sum]:
    """Sums from the first instant of a day up to an instant in it; `crossing`: what runs across that instant."""
    day, past_ms = divmod(at_ms, DAY_MS)
    told = [
        (group, Sum(0, into.cores * past_ms, into.nodes * past_ms, into.crossing, into.cores, into.nodes))
        for group, into in await _days(tx, day, day + 1, values)
    ]
    if past_ms:
        for sign, text in ((1, _STARTED), (-1, _ENDED)):
            groups = await _groups(tx, text, begin=at_ms - past_ms, at=at_ms, **values)
            told += [(group, Sum().plus(sums, sign)) for group, sums in groups]
    return grouped(told)


async def _groups(tx: Tx, text: str, **values: Any) -> list[tuple[Group, Sum]]:
    row = await tx.row(text, **values)
    return [((key, sized), Sum(*sums)) for key, sized, sums in row[0]] if row else []

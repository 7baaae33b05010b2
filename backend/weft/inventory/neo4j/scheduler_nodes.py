"""What Slurm said of its nodes, in Neo4j: a node `NODE_TOLD` where what was said of a host's member changed.

See said.py. `NODE_KNOWN` is a host of a cluster that was ever reported, with what was said last of each member
(`words`, "" for nothing) and since when: a member is looked for by itself only at a time before that. `PART_OF` are the
partitions that were said last. `NODE_REPORT` has the times of complete reports, and a bit for each member they tell.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import orjson

from weft.base.intervals import FOREVER_MS
from weft.inventory.neo4j.graph import Tx
from weft.inventory.said import MEMBERS, Reports, Said, longer_text, node_of, tell, texts_of
from weft.scheduler.model import NodeReport, SchedulerNode

PARTITIONS = MEMBERS.index("partitions")

PORTION = 20_000
"""Most that is told in one transaction: until it is committed, each takes 4 kB of the server's heap."""

_TOLD = """MATCH (t:NODE_TOLD) USING INDEX t:NODE_TOLD(cluster, host, member, from)
  WHERE t.cluster = $cluster AND t.host = {host} AND t.member = {member} AND"""
_BACK = "ORDER BY t.cluster DESC, t.host DESC, t.member DESC, t.from DESC LIMIT"
_ON = "ORDER BY t.cluster, t.host, t.member, t.from LIMIT"
_ROW = "[t.from, t.word, t.alone]"
_OF_ASKED = _TOLD.format(host="asked[0]", member="asked[1]")

_KNOW = "UNWIND $names AS name MERGE (:Host {name: name}) MERGE (:NODE_KNOWN {cluster: $cluster, host: name})"
_KNOWN = """MATCH (k:NODE_KNOWN) USING INDEX k:NODE_KNOWN(cluster, host)
  WHERE k.cluster = $cluster AND k.host > $past"""
_NAMES = f"{_KNOWN} RETURN collect(k.host)"
_EACH = f"""{_KNOWN} WITH k.host AS host, k.since AS since, k.words AS words
  UNWIND range(0, {len(MEMBERS) - 1}) AS member"""
_LAST = f"{_EACH} WITH * WHERE since[member] <= $at RETURN member, words[member], collect(host)"
_EARLIER = f"""{_EACH} WITH * WHERE since[member] > $at CALL (host, member) {{
    {_TOLD.format(host="host", member="member")} t.from <= $at RETURN t.word AS word {_BACK} 1 }}
  RETURN member, word, collect(host)"""
_REPORT = "MATCH (r:NODE_REPORT {cluster: $cluster, seen_at: $at}) RETURN r.tells"
_NEXT = """UNWIND $members AS member CALL (member) {
    MATCH (r:NODE_REPORT) USING INDEX r:NODE_REPORT(cluster, seen_at)
    WHERE r.cluster = $cluster AND r.seen_at > $at AND r.tells / $bits[member] % 2 = 1
    RETURN r.seen_at AS at ORDER BY r.cluster, r.seen_at LIMIT 1 }
  RETURN member, at"""
_PUT_REPORT = "MERGE (r:NODE_REPORT {cluster: $cluster, seen_at: $at}) SET r.tells = $tells"
_AROUND = f"""UNWIND $asked AS asked RETURN
  COLLECT {{ {_OF_ASKED} t.from <= $at RETURN {_ROW} {_BACK} 2 }},
  COLLECT {{ {_OF_ASKED} t.from > $at RETURN {_ROW} {_ON} 1 }}"""
_PUT = """UNWIND $rows AS row MERGE (t:NODE_TOLD {cluster: $cluster, host: row[0], member: row[1], from: row[2]})
  SET t.word = row[3], t.alone = row[4]"""
_TAKE = """UNWIND $rows AS row
  MATCH (t:NODE_TOLD {cluster: $cluster, host: row[0], member: row[1], from: row[2]}) DELETE t"""
_SETTLE = f"""UNWIND $hosts AS host MATCH (k:NODE_KNOWN {{cluster: $cluster, host: host}}) CALL (host) {{
    UNWIND range(0, {len(MEMBERS) - 1}) AS member WITH host, member, COLLECT {{
      {_TOLD.format(host="host", member="member")} t.from <= {FOREVER_MS}
      RETURN [t.from, coalesce(t.word, "")] {_BACK} 1 }} AS last ORDER BY member
    RETURN collect(CASE WHEN size(last) = 0 THEN [-{FOREVER_MS}, ""] ELSE last[0] END) AS lasts }}
  SET k.since = [last IN lasts | last[0]], k.words = [last IN lasts | last[1]]
  RETURN host, k.words[{PARTITIONS}]"""
_PART = """UNWIND $rows AS row MATCH (h:Host {name: row[0]})-[part:PART_OF]->(p:Partition)
  WHERE p.cluster = $cluster AND NOT p.name IN row[1] DELETE part"""
_JOIN = """UNWIND $rows AS row MATCH (h:Host {name: row[0]}) UNWIND row[1] AS name
  MERGE (p:Partition {cluster: $cluster, name: name}) MERGE (h)-[:PART_OF]->(p)"""

TEXTS = (_KNOW, _NAMES, _LAST, _EARLIER, _REPORT, _NEXT, _PUT_REPORT, _AROUND, _PUT, _TAKE, _SETTLE, _PART, _JOIN)
"""Every text of this file, for a look at their plans."""


async def keep_nodes(tx: Tx, report: NodeReport, after: str) -> tuple[bool, str | None]:
    """Write what a report says that was not known, of hosts after a name.

    Returns:
        Whether there was any; and the host to go on after in another transaction, where it says very much. The report
        counts as heard when all of it is.
    """
    await tx.lock("jobs")
    cluster, at_ms = report.cluster, report.seen_at_ms
    told = {node.name: texts_of(node) for node in report.nodes if node.name > after}
    known = set((await tx.rows(_NAMES, cluster=cluster, past=after))[0][0])
    more = sorted(told.keys() - known)
    held = {(host, member): word for member, word, hosts in await _said(tx, cluster, at_ms, after) for host in hosts}
    asked: list[tuple[str, int, str | None]] = []
    last = None
    tells = [member for member, name in enumerate(MEMBERS) if name in report.tells]
    for host in sorted(known | told.keys() if report.complete else told):
        for member in tells:
            word = told[host][member] if host in told else None
            if not report.complete or held.get((host, member)) != word:
                asked.append((host, member, word))
        if len(asked) >= PORTION:
            last = host
            break
    if last is not None:
        more = [host for host in more if host <= last]
    if more:
        await tx.run(_KNOW, cluster=cluster, names=more)
    before = await tx.row(_REPORT, cluster=cluster, at=at_ms)
    bits = before[0] if before else 0
    new = await _tell(tx, report, asked, bits) or bool(more)
    tells_now = bits | sum(1 << member for member in tells)
    if last is None and report.complete and (before is None or tells_now != bits):
        await tx.run(_PUT_REPORT, cluster=cluster, at=at_ms, tells=tells_now)
        new = True
    if new:
        await tx.bump("jobs")
    return new, last


async def nodes_at(tx: Tx, cluster: str, at_ms: int) -> tuple[SchedulerNode, ...]:
    """Nodes whose state was reported by a time, sorted by name."""
    told: dict[str, dict[str, Any]] = {}
    for member, word, hosts in await _said(tx, cluster, max(-FOREVER_MS, min(at_ms, FOREVER_MS)), ""):
        value = None if word is None else orjson.loads(word)
        for host in hosts:
            told.setdefault(host, {})[MEMBERS[member]] = value
    nodes = (node_of(name, said) for name, said in told.items())
    return tuple(sorted((node for node in nodes if node), key=lambda node: node.name))


async def put_told(tx: Tx, rows: Iterable[Sequence[Any]]) -> None:
    """Keep rows (cluster, host, member, from, word, alone) as they are given."""
    await tx.lock("jobs")
    by_cluster: defaultdict[str, list[list[Any]]] = defaultdict(list)
    for cluster, host, member, from_ms, word, alone in rows:
        by_cluster[cluster].append([host, member, from_ms, word, bool(alone)])
    for cluster, told in by_cluster.items():
        hosts = {row[0] for row in told}
        await tx.run(_KNOW, cluster=cluster, names=sorted(hosts))
        await tx.run(_PUT, cluster=cluster, rows=told)
        await _settle(tx, cluster, hosts)
    await tx.bump("jobs")


async def _said(tx: Tx, cluster: str, at_ms: int, past: str) -> list[tuple[int, str | None, list[str]]]:
    """What was said last by a time: of which member which word of which hosts; None: there is no such node."""
    last = await tx.rows(_LAST, cluster=cluster, at=at_ms, past=past)
    earlier = await tx.rows(_EARLIER, cluster=cluster, at=at_ms, past=past)
    return [(member, word or None, hosts) for member, word, hosts in (*last, *earlier)]


async def _tell(tx: Tx, report: NodeReport, asked: Sequence[tuple[str, int, str | None]], bits: int) -> bool:
    """Take in what is said of each member of each host; whether that changed anything. `bits`: told at that time."""
    cluster, at_ms = report.cluster, report.seen_at_ms
    values = {"cluster": cluster, "at": at_ms, "bits": [1 << member for member in range(len(MEMBERS))]}
    members = sorted({member for _, member, _ in asked})
    following = dict(await tx.rows(_NEXT, members=members, **values))
    put: list[list[Any]] = []
    take: list[list[Any]] = []
    around = await tx.rows(_AROUND, asked=[[host, member] for host, member, _ in asked], cluster=cluster, at=at_ms)
    for (host, member, word), (until, after) in zip(asked, around, strict=True):
        edits = tell(
            Said(at_ms, word, not report.complete),
            [Said(*row) for row in until],
            Said(*after[0]) if after else None,
            Reports(bool(bits & 1 << member), following.get(member)),
            longer_text,
        )
        put += [[host, member, *row] for row in edits.put]
        take += [[host, member, from_ms] for from_ms in edits.take]
    if take:
        await tx.run(_TAKE, cluster=cluster, rows=take)
    if put:
        await tx.run(_PUT, cluster=cluster, rows=put)
    await _settle(tx, cluster, {host for host, *_ in (*put, *take)})
    return bool(put or take)


async def _settle(tx: Tx, cluster: str, hosts: Collection[str]) -> None:
    """Let hosts say of themselves what was said last of them, and be part of the partitions that are in it."""
    if not hosts:
        return
    words = await tx.rows(_SETTLE, cluster=cluster, hosts=sorted(hosts))
    rows = [[host, (orjson.loads(word) if word else None) or []] for host, word in words]
    await tx.run(_PART, cluster=cluster, rows=rows)
    await tx.run(_JOIN, cluster=cluster, rows=rows)

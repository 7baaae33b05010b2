"""Questions that people ask the graph, each with its Cypher: what `weft schema` prints, and a test runs.

They hold for the site of that test: cluster `demo`, job 4711, node003, on 2026-11-22.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the Cypher that answers it."""

    asked: str
    cypher: str


QUESTIONS = (
    Question(
        "Which hosts did job 4711 have?",
        """\
MATCH (h:Host)-[:JOBCLIENT]->(j:Job {cluster: 'demo', base: 4711})
RETURN j.label AS job, h.name AS host
ORDER BY job, host""",
    ),
    Question(
        "Which switch ports did it hang on while it ran?",
        """\
MATCH (h:Host)-[ran:JOBCLIENT]->(:Job {cluster: 'demo', base: 4711})
MATCH (h)-[:HAS_HCA]->(:HCA)-[:HAS_PORT]->(q:PORT),
      (q)<-[:ENDS_AT]-(c:CONNECTION),
      (c)-[:ENDS_AT]->(p:PORT)<-[:HAS_PORT]-(s:SW)-[n:NAMED]->(switch:NAME)
WHERE c.valid_from < ran.end AND c.valid_to > ran.start
  AND n.valid_from < ran.end AND n.valid_to > ran.start
RETURN DISTINCT h.name AS host, switch.text AS switch, p.number AS port
ORDER BY host, switch""",
    ),
    Question(
        "Which runs shared a leaf switch with it meanwhile?",
        """\
MATCH (h:Host)-[:JOBCLIENT]->(j:Job {cluster: 'demo', base: 4711})
MATCH (h)-[:HAS_HCA]->(:HCA)-[:HAS_PORT]->(q:PORT),
      (q)<-[:ENDS_AT]-(c:CONNECTION),
      (c)-[:ENDS_AT]->(:PORT)<-[:HAS_PORT]-(leaf:SW)
WHERE c.valid_from < j.until AND c.valid_to > j.at
WITH DISTINCT j, leaf
MATCH (leaf)-[:HAS_PORT]->(:PORT)<-[:ENDS_AT]-(d:CONNECTION),
      (d)-[:ENDS_AT]->(:PORT)<-[:HAS_PORT]-(:HCA)<-[:HAS_HCA]-(o:Host),
      (o)-[held:JOBCLIENT]->(other:Job)
WHERE other <> j AND held.start < j.until AND held.end > j.at
  AND d.valid_from < j.until AND d.valid_to > j.at
RETURN other.label AS job, other.user AS user,
       count(DISTINCT leaf) AS leaves, count(DISTINCT o) AS hosts
ORDER BY job""",
    ),
    Question(
        "Where was the cable that node003 has now, and since when?",
        """\
MATCH (:Host {name: 'node003'})-[:HAS_HCA]->(:HCA)-[:HAS_PORT]->(:PORT)
      <-[:ENDS_AT]-(now:CONNECTION)-[:USES {reading: 1}]->(k:CABLE)
WHERE now.valid_to > timestamp()
MATCH (k)<-[:USES {reading: 1}]-(c:CONNECTION)-[:ENDS_AT]->(p:PORT),
      (p)<-[:HAS_PORT]-(:DEVICE)-[n:NAMED]->(name:NAME)
WHERE n.valid_from <= c.valid_from < n.valid_to
WITH k, c, name.text + '/' + p.number AS end ORDER BY end
RETURN k.identity AS identity, c.valid_from AS since, c.valid_to AS until,
       collect(end) AS ends
ORDER BY since""",
    ),
    Question(
        "Which hosts have vanished, and when were they missed?",
        """\
MATCH (h:Host)-[has:HAS_HCA]->(:HCA)
WITH h, max(has.valid_to) AS missed
WHERE missed <= timestamp()
RETURN h.name AS host, missed
ORDER BY missed DESC, host""",
    ),
    Question(
        "Which links ran below 4X at a time?",
        """\
WITH datetime('2026-11-22T22:23:50Z').epochMillis AS at
MATCH (l:LINK_STATE {state: 'up'})-[:OF]->(c:CONNECTION)
WHERE l.valid_from <= at < l.valid_to AND l.width <> '4X'
MATCH (c)-[:ENDS_AT]->(p:PORT)<-[:HAS_PORT]-(:DEVICE)-[n:NAMED]->(name:NAME)
WHERE n.valid_from <= at < n.valid_to
RETURN name.text AS node, p.number AS port, l.width AS width,
       l.speed AS speed, l.valid_from AS since
ORDER BY node""",
    ),
    Question(
        "Which jobs ran on a host when it or its link failed?",
        """\
MATCH (e:EVENT)-[:ABOUT]->(what)
WHERE e.kind IN ['node_gone', 'link_down', 'link_changed']
MATCH (h:Host)-[:HAS_HCA]->(hca:HCA)
WHERE hca = what OR EXISTS { (hca)-[:HAS_PORT]->(what) }
MATCH (h)-[held:JOBCLIENT]->(j:Job)
WHERE held.start < e.at AND held.end > coalesce(e.since, e.at)
RETURN DISTINCT e.at AS at, e.text AS event, h.name AS host, j.label AS job
ORDER BY at DESC, event, host, job""",
    ),
    Question(
        "Which switches have how many hosts at a time?",
        """\
WITH datetime('2026-11-22T22:23:50Z').epochMillis AS at
MATCH (s:SW)-[n:NAMED]->(name:NAME)
WHERE n.valid_from <= at < n.valid_to
MATCH (s)-[:HAS_PORT]->(:PORT)<-[:ENDS_AT]-(c:CONNECTION)
WHERE c.valid_from <= at < c.valid_to
MATCH (c)-[:ENDS_AT]->(:PORT)<-[:HAS_PORT]-(:HCA)<-[has:HAS_HCA]-(h:Host)
WHERE has.valid_from <= at < has.valid_to
RETURN name.text AS switch, count(DISTINCT h) AS hosts
ORDER BY hosts, switch LIMIT 3""",
    ),
    Question(
        "What happened to the cables of a host?",
        """\
MATCH (:Host {name: 'node003'})-[:HAS_HCA]->(:HCA)-[:HAS_PORT]->(:PORT)
      <-[:ENDS_AT]-(:CONNECTION)-[:USES]->(k:CABLE)
WITH DISTINCT k
MATCH (e:EVENT)-[:ABOUT]->(k)
RETURN DISTINCT e.since AS after, e.at AS by, e.kind AS kind,
       e.text AS event
ORDER BY by DESC""",
    ),
    Question(
        "How large are the partitions?",
        """\
MATCH (h:Host)-[:PART_OF]->(p:Partition {cluster: 'demo'})
RETURN p.name AS partition, count(h) AS hosts
ORDER BY partition""",
    ),
)

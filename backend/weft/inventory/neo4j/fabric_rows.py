"""The rows of a fabric in the graph: how each table is read, and how its rows become the pattern that schema.py draws.

Every write text is idempotent and sets its own properties one by one. Nodes that one pattern shares (devices, ports,
names, cables, modules, hosts) are made with the first that needs them. A relationship of a node that is new needs no
search: `valid_to IS NULL` tells the new ones, and creating theirs costs half of merging them.
"""

from collections.abc import Mapping, Sequence

import orjson

from weft.fabric.model import NodeKind, PortKey
from weft.fabric.names import host_of
from weft.inventory.rows import Value

_SPAN = "x.valid_to, x.absent, x.last_seen, x.made, x.closed"

MATCHES = {
    "blob": "(x:BLOB)",
    "sweep": "(x:SWEEP)",
    "correction": "(x:CORRECTION)",
    "node_span": "(d:DEVICE)-[x:NAMED]->(n:NAME)",
    "connection": "(x:CONNECTION)",
    "link_state": "(x:LINK_STATE)",
    "lid_span": "(x:LID)",
    "module_span": "(d:DEVICE)-[:HAS_PORT]->(p:PORT)<-[x:PLUGGED_IN]-(m:MODULE)",
    "identity": "(c:CONNECTION)-[x:IDENTIFIED]->(k:CABLE)",
    "unconfirmed": "(x:UNCONFIRMED)",
    "change": "(x:EVENT)",
    "wiring": "(x:WIRING)",
    "lft": "(d:DEVICE)-[x:HAS_LFT]->(t:LFT)",
    "head": "(x:HEAD)",
    "anchor": "(x:ANCHOR)",
}
"""By table: the pattern that holds one row, `x` what holds its span."""

KEYS = {
    "blob": "x.sha256",
    "sweep": "x.fabric, x.seen_at, x.sha256",
    "correction": "x.fabric, x.at, x.kind, x.guid, x.number",
    "node_span": "d.fabric, d.guid, x.valid_from",
    "connection": "x.fabric, x.id, x.valid_from",
    "link_state": "x.fabric, x.connection, x.valid_from",
    "lid_span": "x.fabric, x.guid, x.number, x.valid_from",
    "module_span": "d.fabric, d.guid, p.number, x.valid_from",
    "identity": "c.fabric, c.id",
    "unconfirmed": "x.fabric, x.kind, x.id",
    "change": "x.fabric, x.at, x.made, x.number",
    "wiring": "x.fabric, x.seen_at, x.sha256",
    "lft": "x.fabric, x.switch, x.seen_at",
    "head": "x.fabric",
    "anchor": "x.fabric, x.at",
}
"""By table: the columns that identify a row, in the order of rows.TABLES. The first two lead an index."""

_VALUES = {
    "blob": "x.data",
    "sweep": "x.source, x.absent_after, x.quarantined",
    "correction": "x.who",
    "node_span": f"x.kind, n.text, x.ports, {_SPAN}",
    "connection": f"x.a_guid, x.a_number, x.b_guid, x.b_number, x.cable, x.cable_alt, x.medium, {_SPAN}",
    "link_state": f"x.state, x.width, x.speed, {_SPAN}",
    "lid_span": f"x.lid, x.lmc, x.port_guid, {_SPAN}",
    "module_span": f"m.vendor, m.part, m.serial, m.length_m, {_SPAN}",
    "identity": "k.id, x.made",
    "unconfirmed": "x.last_seen",
    "change": "x.since, x.kind, x.severity, x.text, x.about",
    "wiring": "",
    "lft": "t.sha256",
    "head": "x.last, x.last_rank, x.last_tag, x.seen, x.settled, x.since_anchor, x.state",
    "anchor": "x.state",
}

COLUMNS = {table: f"{KEYS[table]}, {_VALUES[table]}".removesuffix(", ") for table in MATCHES}
"""By table: all its columns in order."""


_INDEXES = {
    "sweep": "x:SWEEP(fabric, seen_at, sha256)",
    "correction": "x:CORRECTION(fabric, at, kind, guid, number)",
    "node_span": "d:DEVICE(fabric, guid)",
    "connection": "x:CONNECTION(fabric, id)",
    "link_state": "x:LINK_STATE(fabric, connection, valid_from)",
    "lid_span": "x:LID(fabric, guid, number, valid_from)",
    "module_span": "d:DEVICE(fabric, guid)",
    "unconfirmed": "x:UNCONFIRMED(fabric, kind, id)",
    "change": "x:EVENT(fabric, at, made, number)",
    "wiring": "x:WIRING(fabric, seen_at, sha256)",
    "lft": "x:HAS_LFT(fabric, switch, seen_at)",
    "anchor": "x:ANCHOR(fabric, at)",
}
"""By table: the index that leads to its rows, named in texts so that a plan does not depend on statistics; looked up,
for of few rows a planner goes through all. Serial numbers decide few identities: these are looked through."""


def found(table: str, condition: str) -> str:
    """Rows of a table by a condition on the first columns of its key, through its index."""
    hint = f"USING INDEX SEEK {_INDEXES[table]} " if table in _INDEXES else ""
    there = "".join(f" AND {key} IS NOT NULL" for key in KEYS[table].split(", ")[1:])
    return f"MATCH {MATCHES[table]} {hint}WHERE {condition}{there}"


def _read(table: str) -> str:
    """Rows from after a key on. What leads it is asked for by itself, so that an index begins where a page does."""
    keys, columns = KEYS[table], COLUMNS[table]
    first, *more = keys.split(", ")
    if not more:
        # A fabric's history that is only begun has a head without a state.
        there = " AND x.state IS NOT NULL" if table == "head" else ""
        begin = f"{first} > coalesce($after[0], ''){there}"
        return f"{found(table, begin)} RETURN {columns} ORDER BY {keys} LIMIT $limit"
    carried = ", ".join(dict.fromkeys(name.partition(".")[0] for name in columns.split(", ")))
    page = f"WITH {carried} ORDER BY {keys} LIMIT $limit RETURN {carried}"
    same = found(table, f"{first} = $after[0] AND {more[0]} >= $after[1] AND [{keys}] > $after")
    others = found(table, f"{first} > coalesce($after[0], '')")
    return f"""CALL {{ {same} {page} UNION ALL {others} {page} }}
      RETURN {columns} ORDER BY {keys} LIMIT $limit"""


def _where(condition: str, then: str) -> str:
    """Do something for a row where a condition holds: Cypher has no other way but a loop."""
    return f"FOREACH (_ IN CASE WHEN {condition} THEN [1] ELSE [] END | {then})"


def _set_span(at: int) -> str:
    """The span from a column on."""
    return ", ".join(f"{name} = row[{at + i}]" for i, name in enumerate(_SPAN.split(", ")))


def _port(port: str, device: str, guid: str, number: str) -> str:
    """A port and the device it is of, each made unless it is there."""
    fields = f"{port}.fabric = row[0], {port}.guid = {guid}, {port}.number = {number}"
    return f"""MERGE ({device}:DEVICE {{fabric: row[0], guid: {guid}}})
      MERGE ({port}:PORT {{key: row[0] + '/' + {guid} + '/' + {number}}})
      {_where(f"{port}.number IS NULL", f"CREATE ({device})-[:HAS_PORT]->({port}) SET {fields}")}"""


SURE = """k.identity = CASE WHEN EXISTS {
  MATCH (k)<-[:USES]-(other:CONNECTION) WHERE other.cable_alt IS NOT NULL AND NOT EXISTS { (other)-[:IDENTIFIED]->() }
  } THEN 'ambiguous' ELSE 'certain' END"""
"""A cable is in doubt while a connection could as well be another one's, and no serial number has told."""

_NODE_SPAN = f"""UNWIND $rows AS row
  MERGE (d:DEVICE {{fabric: row[0], guid: row[1]}})
  {_where("row[3] = 'switch'", "SET d:SW")}
  {_where("row[3] = 'ca'", "SET d:HCA")}
  MERGE (n:NAME {{text: row[4]}})
  MERGE (d)-[x:NAMED {{valid_from: row[2]}}]->(n)
  SET x.kind = row[3], x.ports = row[5], {_set_span(6)}
  WITH row, d, n OPTIONAL MATCH (d)-[old:NAMED {{valid_from: row[2]}}]->(other) WHERE other <> n DELETE old
  WITH row, d OPTIONAL MATCH (d)<-[had:HAS_HCA {{valid_from: row[2]}}]-(other:Host)
    WHERE row[11] IS NULL OR other.name <> row[11]
  DELETE had
  WITH row, d WHERE row[11] IS NOT NULL
  MERGE (h:Host {{name: row[11]}})
  MERGE (h)-[y:HAS_HCA {{valid_from: row[2]}}]->(d)
  SET y.valid_to = row[6]"""

_CONNECTION = f"""UNWIND $rows AS row
  {_port("pa", "da", "row[3]", "row[4]")}
  {_port("pb", "db", "row[5]", "row[6]")}
  MERGE (x:CONNECTION {{fabric: row[0], id: row[1]}})
  WITH row, pa, pb, x, x.valid_to IS NULL AS new,
    coalesce(x.cable = row[7] AND coalesce(x.cable_alt, '') = coalesce(row[8], ''), false) AS tied
  {_where("new", "CREATE (x)-[:ENDS_AT {end: 'a'}]->(pa) CREATE (x)-[:ENDS_AT {end: 'b'}]->(pb)")}
  FOREACH (used IN CASE WHEN new OR tied THEN [] ELSE [(x)-[used:USES]->() | used] END | DELETE used)
  FOREACH (cable IN CASE WHEN tied OR row[7] = '' THEN [] ELSE [row[7]] END |
    MERGE (k:CABLE {{fabric: row[0], id: cable}}) ON CREATE SET k.identity = 'certain'
    CREATE (x)-[:USES {{reading: 1}}]->(k)
    FOREACH (alt IN CASE WHEN row[8] IS NULL THEN [] ELSE [row[8]] END |
      MERGE (j:CABLE {{fabric: row[0], id: alt}})
      CREATE (x)-[:USES {{reading: 2}}]->(j)
      SET j.identity = 'ambiguous', k.identity = 'ambiguous'))
  SET x.valid_from = row[2], x.a_guid = row[3], x.a_number = row[4], x.b_guid = row[5], x.b_number = row[6],
    x.cable = row[7], x.cable_alt = row[8], x.medium = row[9], {_set_span(10)}"""
"""A link inside one box has no cable: "" in its row."""

_LINK_STATE = f"""UNWIND $rows AS row
  MATCH (c:CONNECTION {{fabric: row[0], id: row[1]}})
  MERGE (x:LINK_STATE {{fabric: row[0], connection: row[1], valid_from: row[2]}})
  {_where("x.valid_to IS NULL", "CREATE (x)-[:OF]->(c)")}
  SET x.state = row[3], x.width = row[4], x.speed = row[5], {_set_span(6)}"""

_LID_SPAN = f"""UNWIND $rows AS row
  {_port("p", "d", "row[1]", "row[2]")}
  MERGE (x:LID {{fabric: row[0], guid: row[1], number: row[2], valid_from: row[3]}})
  {_where("x.valid_to IS NULL", "CREATE (x)-[:OF]->(p)")}
  SET x.lid = row[4], x.lmc = row[5], x.port_guid = row[6], {_set_span(7)}"""

_MODULE_SPAN = f"""UNWIND $rows AS row
  {_port("p", "d", "row[1]", "row[2]")}
  MERGE (m:MODULE {{key: row[4] + '\\n' + row[5] + '\\n' + row[6] + '\\n' + coalesce(toString(toFloat(row[7])), '')}})
    ON CREATE SET m.vendor = row[4], m.part = row[5], m.serial = row[6], m.length_m = toFloat(row[7])
  MERGE (m)-[x:PLUGGED_IN {{valid_from: row[3]}}]->(p)
  SET {_set_span(8)}
  WITH row, p, m OPTIONAL MATCH (p)<-[old:PLUGGED_IN {{valid_from: row[3]}}]-(other) WHERE other <> m DELETE old"""

_IDENTITY = f"""UNWIND $rows AS row
  MATCH (c:CONNECTION {{fabric: row[0], id: row[1]}})
  OPTIONAL MATCH (c)-[old:IDENTIFIED]->(other) WHERE other.id <> row[2] DELETE old
  WITH row, c
  MERGE (told:CABLE {{fabric: row[0], id: row[2]}}) ON CREATE SET told.identity = 'certain'
  MERGE (c)-[x:IDENTIFIED]->(told)
  SET x.made = row[3]
  WITH c MATCH (c)-[:USES]->(k) WITH DISTINCT k SET {SURE}"""

_CHANGE = """UNWIND $rows AS row
  MERGE (x:EVENT {fabric: row[0], at: row[1], made: row[2], number: row[3]})
  SET x.since = row[4], x.kind = row[5], x.severity = row[6], x.text = row[7], x.about = row[8]
  WITH row, x
  FOREACH (old IN [(x)-[old:ABOUT]->() | old] | DELETE old)
  WITH row, x UNWIND coalesce(row[9], []) + [null] AS guid
  OPTIONAL MATCH (d:DEVICE {fabric: row[0], guid: guid})
  FOREACH (told IN CASE WHEN d IS NULL THEN [] ELSE [d] END | CREATE (x)-[:ABOUT]->(told))
  WITH DISTINCT row, x UNWIND coalesce(row[10], []) + [null] AS key
  OPTIONAL MATCH (p:PORT {key: key})
  FOREACH (told IN CASE WHEN p IS NULL THEN [] ELSE [p] END | CREATE (x)-[:ABOUT]->(told))
  WITH DISTINCT row, x UNWIND coalesce(row[11], []) AS cable
  MATCH (k:CABLE {fabric: row[0], id: cable})
  CREATE (x)-[:ABOUT]->(k)"""

_LFT = """UNWIND $rows AS row
  MERGE (d:DEVICE {fabric: row[0], guid: row[1]})
  SET d:SW
  WITH row, d OPTIONAL MATCH (d)-[old:HAS_LFT {seen_at: row[2]}]->(other) WHERE other.sha256 <> row[3] DELETE old
  WITH row, d MATCH (t:BLOB {sha256: row[3]})
  SET t:LFT
  MERGE (d)-[x:HAS_LFT {fabric: row[0], switch: row[1], seen_at: row[2]}]->(t)"""

_WRITES = {
    "blob": "UNWIND $rows AS row MERGE (x:BLOB {sha256: row[0]}) SET x.data = row[1]",
    "sweep": """UNWIND $rows AS row
      MATCH (b:BLOB {sha256: row[2]})
      MERGE (x:SWEEP {fabric: row[0], seen_at: row[1], sha256: row[2]})
      MERGE (x)-[:SHOWS]->(b)
      SET x.source = row[3], x.absent_after = row[4], x.quarantined = row[5]""",
    "correction": """UNWIND $rows AS row
      MERGE (x:CORRECTION {fabric: row[0], at: row[1], kind: row[2], guid: row[3], number: row[4]})
      SET x.who = row[5]""",
    "node_span": _NODE_SPAN,
    "connection": _CONNECTION,
    "link_state": _LINK_STATE,
    "lid_span": _LID_SPAN,
    "module_span": _MODULE_SPAN,
    "identity": _IDENTITY,
    "unconfirmed": """UNWIND $rows AS row
      MERGE (x:UNCONFIRMED {fabric: row[0], kind: row[1], id: row[2]}) SET x.last_seen = row[3]""",
    "change": _CHANGE,
    "wiring": """UNWIND $rows AS row
      MATCH (b:BLOB {sha256: row[2]})
      MERGE (x:WIRING {fabric: row[0], seen_at: row[1], sha256: row[2]})
      MERGE (x)-[:SHOWS]->(b)""",
    "lft": _LFT,
    "head": """UNWIND $rows AS row MERGE (x:HEAD {fabric: row[0]})
      SET x.last = row[1], x.last_rank = row[2], x.last_tag = row[3], x.seen = row[4], x.settled = row[5] <> 0,
        x.since_anchor = row[6], x.state = row[7]""",
    "anchor": "UNWIND $rows AS row MERGE (x:ANCHOR {fabric: row[0], at: row[1]}) SET x.state = row[2]",
}

ROWS: dict[str, tuple[str, str]] = {table: (_read(table), _WRITES[table]) for table in MATCHES}
"""By table of rows.py: the text that reads it, of `$after` and `$limit`, and the text that writes `$rows` (widened)."""


def widened(table: str, rows: Sequence[Sequence[Value]], host_names: Mapping[str, str]) -> list[list[object]]:
    """Rows as the write texts take them: behind the columns what Cypher cannot work out of them.

    Args:
        host_names: the site's own names of hosts, by description or GUID; see `names.host_of`.
    """
    if table == "node_span":
        return [[*row, _host(row, host_names)] for row in rows]
    if table == "change":
        return [[*row, *_about(str(row[0]), str(row[8]))] for row in rows]
    return [list(row) for row in rows]


def _host(row: Sequence[Value], host_names: Mapping[str, str]) -> str | None:
    """The host that a span of an HCA names."""
    _, guid, _, kind, description, *_ = row
    found = host_of(str(guid), str(description), dict(host_names)) if kind == NodeKind.CA else None
    return found.host if found else None


def _about(fabric: str, told: str) -> tuple[list[str], list[str], list[str]]:
    """GUIDs, keys of ports and cables that a change is about, each once."""
    about = orjson.loads(told)
    ports = [port_key(fabric, PortKey(*port)) for port in about["ports"]]
    guids, ports, cables = (list(dict.fromkeys(names)) for names in (about["guids"], ports, about["cables"]))
    return guids, ports, cables


def port_key(fabric: str, port: PortKey) -> str:
    """The `key` of a PORT."""
    return f"{fabric}/{port.guid}/{port.number}"

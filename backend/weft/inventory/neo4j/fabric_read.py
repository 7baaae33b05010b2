"""What is asked of a fabric's graph. Texts name their index, so that a plan does not depend on statistics.

To fetch a row costs the driver more than to find it costs the server, so texts that can find a whole fabric hand out
one row: a list with a string for each line, its words apart by a line feed, a tab for null (no tool's word holds one).
Free text comes in lists of its own.
"""

from collections.abc import Sequence

from weft.base.intervals import FOREVER_MS
from weft.inventory.neo4j.fabric_rows import found

MAX_ROWS = 200_000
"""Most rows one answer holds; a full 3-level fabric has 35,000 connections."""


def _words(fields: str) -> str:
    """Fields as one string; `field?` can be null."""
    told = [f"coalesce({x[:-1]}, '\\t')" if x.endswith("?") else x for x in fields.split()]
    return " + '\\n' + ".join(told)


_OF = "x.fabric = $fabric"
_WINDOW = "x.valid_to > $from AND x.valid_from < $to"
_AT = "x.valid_to > $at AND x.valid_from <= $at"
_CONNECTIONS = "MATCH (x:CONNECTION) USING INDEX x:CONNECTION(fabric, valid_to) WHERE x.fabric = $fabric AND"
# What serial numbers decided later holds for the whole connection.
_TOLD = "[(x)-[:IDENTIFIED]->(k) | k.id][0] AS told"
_CONNECTION = f"""WITH x, {_TOLD} LIMIT {MAX_ROWS}
  WITH x, coalesce(told, x.cable) AS cable, CASE WHEN told IS NULL THEN x.cable_alt END AS cable_alt
  RETURN collect({
    _words(
        "x.id x.a_guid x.a_number x.b_guid x.b_number cable cable_alt? x.medium x.valid_from x.valid_to x.absent? "
        "x.last_seen?"
    )
})"""
_DEVICES = "MATCH (d:DEVICE) USING INDEX d:DEVICE(fabric, guid) WHERE d.fabric = $fabric AND d.guid IS NOT NULL"
_NODES = f"""WITH d, x, n LIMIT {MAX_ROWS}
  RETURN collect({_words("d.guid x.kind x.ports x.valid_from x.valid_to x.last_seen?")}), collect(n.text)"""

NODES = f"{_DEVICES} MATCH (d)-[x:NAMED]->(n:NAME) WHERE {_WINDOW} {_NODES}"
NODES_GONE = f"""{_DEVICES} MATCH (d)-[x:NAMED]->(n:NAME)
  WHERE x.valid_to < {FOREVER_MS} AND x.last_seen >= $from AND x.last_seen < $to
    AND NOT EXISTS {{ (d)-[later:NAMED]->() WHERE later.valid_from > x.valid_from }} {_NODES}"""
CONNECTIONS = f"{_CONNECTIONS} {_WINDOW} {_CONNECTION}"
CONNECTIONS_OF_PORTS = f"""UNWIND $keys AS key MATCH (p:PORT {{key: key}}) MATCH (p)<-[:ENDS_AT]-(x:CONNECTION)
  WHERE {_WINDOW} WITH DISTINCT x {_CONNECTION}"""
CONNECTIONS_OF_CABLE = f"""MATCH (:CABLE {{fabric: $fabric, id: $cable}})<-[used:USES|IDENTIFIED]-(x:CONNECTION)
  WHERE used:IDENTIFIED OR NOT EXISTS {{ (x)-[:IDENTIFIED]->() }} WITH DISTINCT x {_CONNECTION}"""
LINK_STATES = f"""UNWIND $ids AS id
  MATCH (c:CONNECTION {{fabric: $fabric, id: id}}) MATCH (c)<-[:OF]-(x:LINK_STATE) WHERE {_WINDOW}
  RETURN collect({_words("id x.state x.width? x.speed? x.valid_from x.valid_to x.absent? x.last_seen?")})"""
LAST_SEEN = f"""OPTIONAL MATCH (h:HEAD {{fabric: $fabric}})
  RETURN h.seen, COLLECT {{ {found("unconfirmed", f"{_OF} AND x.kind = $kind")} RETURN [x.id, x.last_seen] }}"""

_FIRST = f"{found('sweep', _OF)} RETURN x.seen_at ORDER BY x.fabric, x.seen_at LIMIT 1"
_LAST = "RETURN x.seen_at ORDER BY x.fabric DESC, x.seen_at DESC LIMIT 1"
_BELIEVED = f"{found('sweep', f'{_OF} AND x.seen_at <= $at')} AND x.quarantined IS NULL"
SWEEPS_AT = f"""RETURN COLLECT {{ {_FIRST} }}[0], COLLECT {{ {found("sweep", _OF)} {_LAST} }}[0],
  COLLECT {{ {_BELIEVED} AND x.absent_after > 0 {_LAST} }}[0], COLLECT {{ {_BELIEVED} {_LAST} }}[0]"""
STATE_AT = "MATCH (h:HEAD {fabric: $fabric}) WHERE h.last <= $at RETURN h.state"
NODES_AT = f"""{_DEVICES} MATCH (d)-[x:NAMED]->(n:NAME) WHERE {_AT}
  RETURN collect({_words("d.guid x.kind")}), collect(n.text)"""
LIDS_AT = f"{found('lid_span', _OF)} AND {_AT} RETURN collect({_words('x.guid x.number x.lid x.lmc x.port_guid?')})"
LINKS_AT = f"""{_CONNECTIONS} {_AT} WITH x, {_TOLD}
  RETURN collect({_words("x.id x.a_guid x.a_number x.b_guid x.b_number coalesce(told,x.cable) x.last_seen?")})"""
STATES_AT = f"""{found("link_state", _OF)} AND {_AT}
  RETURN collect({_words("x.connection x.state x.width? x.speed?")})"""
MODULES_AT = f"""{_DEVICES} MATCH (d)-[:HAS_PORT]->(p:PORT) MATCH (p)<-[x:PLUGGED_IN]-(m:MODULE) WHERE {_AT}
  RETURN collect({_words("p.guid p.number")}), collect([m.vendor, m.part, m.serial, m.length_m])"""
FABRICS = """MATCH (h:HEAD) WHERE h.fabric IS NOT NULL
  MATCH (s:SWEEP) WHERE s.fabric = h.fabric AND s.seen_at IS NOT NULL AND s.sha256 IS NOT NULL
  RETURN h.fabric, min(s.seen_at), max(s.seen_at), count(s) ORDER BY h.fabric"""
CHANGES = """MATCH (x:EVENT) USING INDEX x:EVENT(fabric, at, made, number)
  WHERE x.fabric = $fabric AND x.at >= $from AND x.at <= $last AND x.made IS NOT NULL AND x.number IS NOT NULL
    AND [x.at, x.made, x.number] < $place AND (size($kinds) = 0 OR x.kind IN $kinds)
  RETURN x.at, x.made, x.number, x.since, x.kind, x.severity, x.text, x.about
  ORDER BY x.fabric DESC, x.at DESC, x.made DESC, x.number DESC LIMIT $limit"""
PORTS_BY_GUID = """UNWIND $guids AS guid RETURN guid,
  COLLECT { MATCH (x:LID) USING INDEX x:LID(fabric, port_guid) WHERE x.fabric = $fabric AND x.port_guid = guid
    RETURN [x.guid, x.number] ORDER BY x.valid_from DESC LIMIT 1 }[0],
  EXISTS { MATCH (:DEVICE {fabric: $fabric, guid: guid})-[:NAMED {kind: 'switch'}]->() }"""
_LFTS_OF = """MATCH (d)-[x:HAS_LFT]->(t:LFT) WHERE x.seen_at {} $at WITH x, t ORDER BY x.seen_at {} LIMIT 1"""
LFTS_AROUND = f"""UNWIND $guids AS guid OPTIONAL MATCH (d:DEVICE {{fabric: $fabric, guid: guid}}) RETURN guid,
  COLLECT {{ {_LFTS_OF.format("<=", "DESC")} RETURN t.sha256 }}[0],
  COLLECT {{ {_LFTS_OF.format(">", "ASC")} RETURN [x.seen_at, t.sha256] }}[0]"""
LFTS_AT = f"""{_DEVICES} AND d:SW WITH d, d.guid AS guid,
  COLLECT {{ {_LFTS_OF.format("<=", "DESC")} RETURN [x.seen_at, t.data] }}[0] AS last
  WITH guid, last WHERE last IS NOT NULL RETURN guid, last[0], last[1] ORDER BY guid"""
WIRING_AT = f"""{found("wiring", f"{_OF} AND x.seen_at <= $at")}
  WITH x ORDER BY x.fabric DESC, x.seen_at DESC, x.sha256 DESC LIMIT 1
  MATCH (x)-[:SHOWS]->(b:BLOB) RETURN x.seen_at, x.sha256, b.data"""
HAS_WIRING = "MATCH (x:WIRING {fabric: $fabric, seen_at: $at, sha256: $sha256}) RETURN x.sha256"


def words_of(line: str) -> list[str]:
    """The words of a line."""
    return line.split("\n")


def columns_of(lines: Sequence[str], count: int) -> list[list[str]]:
    """Lines of so many words each, as columns."""
    words = words_of("\n".join(lines)) if lines else []
    return [words[at::count] for at in range(count)]


def text(word: str) -> str | None:
    """A word or None."""
    return None if word == "\t" else word


def whole(word: str) -> int | None:
    """A number or None."""
    return None if word == "\t" else int(word)

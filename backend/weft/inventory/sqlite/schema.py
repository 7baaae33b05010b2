"""The tables of the inventory, one script a version; released scripts are never edited, only added to."""

from weft.inventory.sqlite.ledger import LEDGER_DDL
from weft.inventory.sqlite.run_rows import JOBS_DDL

_SPAN = """from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, absent_ms INTEGER, last_seen_ms INTEGER,
  made_ms INTEGER NOT NULL, closed_ms INTEGER"""

FABRIC_DDL = f"""
CREATE TABLE blob (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE sweep (fabric TEXT NOT NULL, seen_at_ms INTEGER NOT NULL, sha256 TEXT NOT NULL REFERENCES blob,
  source TEXT NOT NULL, absent_after INTEGER NOT NULL, quarantined TEXT,
  PRIMARY KEY (fabric, seen_at_ms, sha256)) WITHOUT ROWID;
CREATE TABLE correction (fabric TEXT NOT NULL, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, guid TEXT NOT NULL,
  number INTEGER NOT NULL, who TEXT NOT NULL, PRIMARY KEY (fabric, at_ms, kind, guid, number)) WITHOUT ROWID;
CREATE TABLE head (fabric TEXT PRIMARY KEY, last_ms INTEGER NOT NULL, last_rank INTEGER NOT NULL,
  last_tag TEXT NOT NULL, seen_ms INTEGER NOT NULL, settled INTEGER NOT NULL, since_anchor INTEGER NOT NULL,
  state BLOB NOT NULL);
CREATE TABLE anchor (fabric TEXT NOT NULL, at_ms INTEGER NOT NULL, state BLOB NOT NULL, PRIMARY KEY (fabric, at_ms));
CREATE TABLE unconfirmed (fabric TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, last_seen_ms INTEGER NOT NULL,
  PRIMARY KEY (fabric, kind, id)) WITHOUT ROWID;
CREATE TABLE node_span (fabric TEXT NOT NULL, guid TEXT NOT NULL, kind TEXT NOT NULL, description TEXT NOT NULL,
  ports INTEGER NOT NULL, {_SPAN}, PRIMARY KEY (fabric, guid, from_ms));
CREATE INDEX node_span_at ON node_span (fabric, to_ms);
CREATE TABLE connection (fabric TEXT NOT NULL, id TEXT NOT NULL, a_guid TEXT NOT NULL, a_number INTEGER NOT NULL,
  b_guid TEXT NOT NULL, b_number INTEGER NOT NULL, cable TEXT NOT NULL, cable_alt TEXT, medium TEXT NOT NULL,
  {_SPAN}, PRIMARY KEY (fabric, id));
CREATE INDEX connection_at ON connection (fabric, to_ms);
CREATE INDEX connection_a ON connection (fabric, a_guid, a_number);
CREATE INDEX connection_b ON connection (fabric, b_guid, b_number);
CREATE INDEX connection_cable ON connection (fabric, cable);
CREATE INDEX connection_cable_alt ON connection (fabric, cable_alt) WHERE cable_alt IS NOT NULL;
CREATE TABLE link_state (fabric TEXT NOT NULL, connection TEXT NOT NULL, state TEXT NOT NULL, width TEXT, speed TEXT,
  {_SPAN}, PRIMARY KEY (fabric, connection, from_ms));
CREATE INDEX link_state_at ON link_state (fabric, to_ms);
CREATE TABLE lid_span (fabric TEXT NOT NULL, guid TEXT NOT NULL, number INTEGER NOT NULL, lid INTEGER NOT NULL,
  lmc INTEGER NOT NULL, port_guid TEXT, {_SPAN}, PRIMARY KEY (fabric, guid, number, from_ms));
CREATE INDEX lid_span_at ON lid_span (fabric, to_ms);
CREATE INDEX lid_span_guid ON lid_span (fabric, port_guid);
CREATE TABLE module_span (fabric TEXT NOT NULL, guid TEXT NOT NULL, number INTEGER NOT NULL, vendor TEXT NOT NULL,
  part TEXT NOT NULL, serial TEXT NOT NULL, length_m REAL, {_SPAN}, PRIMARY KEY (fabric, guid, number, from_ms));
CREATE INDEX module_span_at ON module_span (fabric, to_ms);
CREATE TABLE identity (fabric TEXT NOT NULL, connection TEXT NOT NULL, cable TEXT NOT NULL, made_ms INTEGER NOT NULL,
  PRIMARY KEY (fabric, connection)) WITHOUT ROWID;
CREATE INDEX identity_cable ON identity (fabric, cable);
CREATE TABLE change (fabric TEXT NOT NULL, at_ms INTEGER NOT NULL, made_ms INTEGER NOT NULL, number INTEGER NOT NULL,
  since_ms INTEGER, kind TEXT NOT NULL, severity TEXT NOT NULL, text TEXT NOT NULL, about TEXT NOT NULL,
  PRIMARY KEY (fabric, at_ms, made_ms, number)) WITHOUT ROWID;
CREATE TABLE wiring (fabric TEXT NOT NULL, seen_at_ms INTEGER NOT NULL, sha256 TEXT NOT NULL REFERENCES blob,
  PRIMARY KEY (fabric, seen_at_ms, sha256)) WITHOUT ROWID;
CREATE TABLE lft (fabric TEXT NOT NULL, switch TEXT NOT NULL, seen_at_ms INTEGER NOT NULL, sha256 TEXT NOT NULL
  REFERENCES blob, PRIMARY KEY (fabric, switch, seen_at_ms)) WITHOUT ROWID;
"""

KEYS = {
    "node_span": ("guid",),
    "connection": ("id",),
    "link_state": ("connection",),
    "lid_span": ("guid", "number"),
    "module_span": ("guid", "number"),
}
VALUES = {
    "node_span": ("kind", "description", "ports"),
    "connection": ("a_guid", "a_number", "b_guid", "b_number", "cable", "cable_alt", "medium"),
    "link_state": ("state", "width", "speed"),
    "lid_span": ("lid", "lmc", "port_guid"),
    "module_span": ("vendor", "part", "serial", "length_m"),
}

SCHEMA = (
    "CREATE TABLE version (what TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;"
    + FABRIC_DDL
    + JOBS_DDL
    + LEDGER_DDL,
)

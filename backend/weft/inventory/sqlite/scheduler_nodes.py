"""What Slurm said of its nodes, in SQLite: for each node and member a row where what was said changed; see said.py."""

import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from weft.base.intervals import FOREVER_MS
from weft.inventory.said import MEMBERS, Reports, Said, longer_text, node_of, tell, texts_of
from weft.scheduler.model import NodeReport, SchedulerNode

NODES_DDL = """
CREATE TABLE node_report (cluster TEXT NOT NULL, seen_at_ms INTEGER NOT NULL, tells INTEGER NOT NULL,
  PRIMARY KEY (cluster, seen_at_ms)) WITHOUT ROWID;
CREATE TABLE node_known (cluster TEXT NOT NULL, host_id INTEGER NOT NULL, PRIMARY KEY (cluster, host_id)) WITHOUT ROWID;
CREATE TABLE node_word (word_id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE node_told (cluster TEXT NOT NULL, host_id INTEGER NOT NULL, member INTEGER NOT NULL,
  from_ms INTEGER NOT NULL, word_id INTEGER, alone INTEGER NOT NULL,
  PRIMARY KEY (cluster, host_id, member, from_ms)) WITHOUT ROWID;
"""
"""`tells`: a bit for each member that complete reports of that time tell. `word_id`: what was said; NULL: no node."""

_OF_MEMBER = "node_told WHERE cluster = ? AND host_id = ? AND member = ?"
_UNTIL = f"SELECT from_ms, word_id, alone FROM {_OF_MEMBER} AND from_ms <= ? ORDER BY from_ms DESC LIMIT 2"
_AFTER = f"SELECT from_ms, word_id, alone FROM {_OF_MEMBER} AND from_ms > ? ORDER BY from_ms LIMIT 1"
PUT_TOLD = (
    "INSERT OR REPLACE INTO node_told (cluster, host_id, member, from_ms, word_id, alone) VALUES (?, ?, ?, ?, ?, ?)"
)
_TAKE = f"DELETE FROM {_OF_MEMBER} AND from_ms = ?"
# One step in the index for each node and member, whatever the length of their histories.
_AT = f"""SELECT known.host_id, number.value, told.word_id FROM node_known AS known
  CROSS JOIN json_each('{list(range(len(MEMBERS)))}') AS number
  CROSS JOIN node_told AS told ON told.cluster = known.cluster AND told.host_id = known.host_id
    AND told.member = number.value AND told.from_ms = (SELECT max(from_ms) FROM node_told AS one
      WHERE one.cluster = known.cluster AND one.host_id = known.host_id AND one.member = number.value
        AND one.from_ms <= ?)
  WHERE known.cluster = ?"""
_REPORT = "SELECT tells FROM node_report WHERE cluster = ? AND seen_at_ms = ?"
_NEXT_REPORT = """SELECT seen_at_ms FROM node_report WHERE cluster = ? AND seen_at_ms > ? AND tells & ?
  ORDER BY seen_at_ms LIMIT 1"""
_PUT_REPORT = """INSERT INTO node_report (cluster, seen_at_ms, tells) VALUES (?, ?, ?)
  ON CONFLICT (cluster, seen_at_ms) DO UPDATE SET tells = tells | excluded.tells"""
_WORD = "SELECT text FROM node_word WHERE word_id = ?"


def keep_nodes(connection: sqlite3.Connection, report: NodeReport, numbers: Mapping[str, int]) -> bool:
    """Write what a report says that was not known; whether there was any. `numbers`: host numbers by name."""
    cluster, at_ms = report.cluster, report.seen_at_ms
    told = {numbers[node.name]: _words(connection, node) for node in report.nodes}
    before = connection.total_changes
    connection.executemany("INSERT OR IGNORE INTO node_known VALUES (?, ?)", [(cluster, number) for number in told])
    held = {(host, member): word for host, member, word in connection.execute(_AT, (at_ms, cluster))}
    listed = list(told)
    if report.complete:
        listed = [
            host for (host,) in connection.execute("SELECT host_id FROM node_known WHERE cluster = ?", (cluster,))
        ]
    tells = [member for member, name in enumerate(MEMBERS) if name in report.tells]
    for member in tells:
        reports = _reports(connection, cluster, at_ms, member)
        for host in listed:
            word = told[host][member] if host in told else None
            if not report.complete or held.get((host, member)) != word:
                key = (cluster, host, member)
                _tell(connection, key, Said(at_ms, word, not report.complete), reports)
    if report.complete:
        bits = sum(1 << member for member in tells)
        known = connection.execute(_REPORT, (cluster, at_ms)).fetchone()
        if known is None or known[0] | bits != known[0]:
            connection.execute(_PUT_REPORT, (cluster, at_ms, bits))
    return connection.total_changes > before


def nodes_at(
    connection: sqlite3.Connection, cluster: str, at_ms: int, names: Sequence[str]
) -> tuple[SchedulerNode, ...]:
    """Nodes whose state was reported by a time, sorted by name. `names[n - 1]`: the name of host number n."""
    words: dict[int, Any] = {}
    told: dict[int, dict[str, Any]] = {}
    for host, member, word in connection.execute(_AT, (min(at_ms, FOREVER_MS), cluster)):
        if word is not None and word not in words:
            words[word] = orjson.loads(connection.execute(_WORD, (word,)).fetchone()[0])
        told.setdefault(host, {})[MEMBERS[member]] = None if word is None else words[word]
    nodes = (node_of(names[host - 1], said) for host, said in told.items())
    return tuple(sorted((node for node in nodes if node), key=lambda node: node.name))


def _reports(connection: sqlite3.Connection, cluster: str, at_ms: int, member: int) -> Reports:
    now = connection.execute(_REPORT, (cluster, at_ms)).fetchone()
    after = connection.execute(_NEXT_REPORT, (cluster, at_ms, 1 << member)).fetchone()
    return Reports(now is not None and bool(now[0] & 1 << member), after[0] if after else None)


def _tell(connection: sqlite3.Connection, key: tuple[str, int, int], told: Said[int], reports: Reports) -> None:
    until = [_said(row) for row in connection.execute(_UNTIL, (*key, told.from_ms))]
    after = connection.execute(_AFTER, (*key, told.from_ms)).fetchone()
    edits = tell(told, until, _said(after) if after else None, reports, partial(_longer, connection))
    connection.executemany(_TAKE, [(*key, from_ms) for from_ms in edits.take])
    connection.executemany(PUT_TOLD, [(*key, *row) for row in edits.put])


def _said(row: tuple[int, int | None, int]) -> Said[int]:
    from_ms, word, alone = row
    return Said(from_ms, word, bool(alone))


def _longer(connection: sqlite3.Connection, one: int, other: int) -> int:
    texts = {connection.execute(_WORD, (word,)).fetchone()[0]: word for word in (one, other)}
    return texts[longer_text(*texts)]


def _words(connection: sqlite3.Connection, node: SchedulerNode) -> tuple[int, ...]:
    """The numbers of what is said of a node, in the order of MEMBERS."""
    return tuple(word_number(connection, text) for text in texts_of(node))


def word_number(connection: sqlite3.Connection, text: str) -> int:
    """The number of a word, which gets one when it is new."""
    found = connection.execute("SELECT word_id FROM node_word WHERE text = ?", (text,)).fetchone()
    if found is None:
        found = connection.execute("INSERT INTO node_word (text) VALUES (?) RETURNING word_id", (text,)).fetchone()
    return int(found[0])

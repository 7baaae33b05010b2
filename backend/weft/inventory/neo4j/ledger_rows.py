"""Notes and sources of the graph as rows.

A note is an EVENT of its own label, so that notes are counted and read without looking at what changed in fabrics. Its
`key` is a hash of all it says: an index does not take texts of any length.
"""

from collections.abc import Sequence
from hashlib import sha256

from weft.inventory.rows import Value

ADD_NOTES = """UNWIND $rows AS row MERGE (n:NOTE {key: row[5]})
  ON CREATE SET n:EVENT, n.at = row[0], n.kind = row[1], n.severity = row[2], n.text = row[3], n.about = row[4]"""

_NOTE = "[{0}.at, {0}.kind, {0}.severity, {0}.text, {0}.about]"
# The server compares a text that it was given by UTF-16 units, and what it keeps by code points, as all others do: so a
# page begins after the last note as it is kept.
_READ_NOTES = f"""OPTIONAL MATCH (last:NOTE) USING INDEX last:NOTE(at)
    WHERE last.at = $after[0] AND {_NOTE.format("last")} = $after
  WITH CASE WHEN last IS NULL THEN $after ELSE {_NOTE.format("last")} END AS after
  MATCH (n:NOTE) USING INDEX n:NOTE(at) WHERE n.at >= coalesce($after[0], -9223372036854775808)
    AND (after IS NULL OR {_NOTE.format("n")} > after)
  RETURN n.at, n.kind, n.severity, n.text, n.about
  ORDER BY n.at, n.kind, n.severity, n.text, n.about LIMIT $limit"""

ROWS: dict[str, tuple[str, str]] = {
    "note": (
        _READ_NOTES,
        ADD_NOTES,
    ),
    "source": (
        """MATCH (s:SOURCE) WHERE s.name > coalesce($after[0], '') OR $after IS NULL
          RETURN s.name, s.heard, s.ok, s.text ORDER BY s.name LIMIT $limit""",
        """UNWIND $rows AS row MERGE (s:SOURCE {name: row[0]})
          SET s.heard = row[1], s.ok = row[2], s.text = row[3]""",
    ),
}
"""By table of rows.py: the text that reads it, of `$after` and `$limit`, and the text that writes `$rows`."""


def with_key(note: Sequence[Value]) -> list[object]:
    """The row of a note, and the key of its node."""
    return [*note, sha256(repr(tuple(note)).encode()).hexdigest()]

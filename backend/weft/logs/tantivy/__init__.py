"""Log lines in tantivy: an index folder a day (UTC), `logs/2026-11-22/`.

What is indexed of a line, and what a query looks for there, is said by `terms`; what comes back is what was kept.
Queries are built from objects: tantivy's own query parser drops clauses in silence. A folder that cannot be read is
named in the answer's notices, and the other days answer.
"""

from weft.logs.tantivy.engine import TantivyLogs

__all__ = ["TantivyLogs"]

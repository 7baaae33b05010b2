"""Log lines in Elasticsearch: an index a day (UTC), `weft-logs-2026.11.22`, all found under the alias `weft-logs`.

Days and no data stream: a line's day follows from its time, so the same line always goes to the same index, and a
repeated `create` of its stable id duplicates nothing; a stream that rolls over would take it twice. What is indexed of
a line, and what a query looks for there, is said by `terms`, with nothing of the server's own analysis but its
`whitespace` analyzer; so every cluster from 8.0 on finds what the embedded engine finds.
"""

from weft.logs.elasticsearch.engine import ElasticsearchLogs

__all__ = ["ElasticsearchLogs"]

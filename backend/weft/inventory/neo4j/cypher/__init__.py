"""Read-only Cypher: what people type is read by a parser of ours before the server sees it, then run with bounds."""

"""The inventory as a Neo4j graph that people read; `schema.py` draws it."""

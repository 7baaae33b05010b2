"""Graphite's semantics over numpy: names, targets, functions, reading and writing of series."""

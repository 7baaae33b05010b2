"""Graphite's functions, a family a file. A new family is named here, and nothing else has to change."""

from weft.metrics.functions import alias, buckets, combine, constant, derive, filters, moving, transform

FAMILIES = (alias, buckets, combine, constant, derive, filters, moving, transform)
"""Importing a family registers its functions."""

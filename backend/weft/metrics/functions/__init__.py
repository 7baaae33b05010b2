"""Graphite's functions, a family a file. A new family is named here, and nothing else has to change."""

from weft.metrics.functions import (
    alias,
    arithmetic,
    buckets,
    calculate,
    callbacks,
    combine,
    constant,
    derive,
    drawing,
    filters,
    forecast,
    legend,
    moving,
    percentile,
    ratio,
    stretches,
    transform,
)

FAMILIES = (
    alias,
    arithmetic,
    buckets,
    calculate,
    callbacks,
    combine,
    constant,
    derive,
    drawing,
    filters,
    forecast,
    legend,
    moving,
    percentile,
    ratio,
    stretches,
    transform,
)
"""Importing a family registers its functions."""

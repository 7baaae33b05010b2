"""InfiniBand as values: what tools saw, topology, hops, counters; no IO, no clock."""

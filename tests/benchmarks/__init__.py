"""Weft against graphite-web on the same whisper tree in the same run: `python -m tests.benchmarks` (`make bench`)."""

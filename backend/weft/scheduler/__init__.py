"""Slurm as values: runs, hostlists and the formats they come in."""

"""Weft joins an HPC site's metrics, logs and inventory by job, host, port, cable and time."""

__version__ = "0.1.0"

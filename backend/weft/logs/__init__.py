"""Log lines: kept by day, searched newest first."""

"""Dashboards made from the inventory: as values first, then published where Grafana finds them.

`board.py`: what a dashboard is, and its classic JSON. `kits.py`: how panels ask, through our plugin or through stock
data sources. `standing.py`, `jobs.py`: which boards there are. `plan.py`: what has to be written so that they are
there. `folder.py`, `grafana.py`: where to.
"""
